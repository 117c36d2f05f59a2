/*
 * status: see status.h. What is told stands in report; here it is asked for.
 */
#include "status.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "commands.h"
#include "control.h"
#include "fleet.h"
#include "report.h"
#include "target.h"

static void
report_daemon(struct call *c, struct daemon_report *d)
{
	*d = (struct daemon_report){
		.version = PINFOD_VERSION,
		.pid = getpid(),
		.uptime_s = clock_diff_s(c->now, c->on->started),
		.targets = fleet_count(c->on->fleet),
	};
	control_report(c->on->control, d);
	c->on->hooks->report(c->on->hooks->owner, d);
}

static void
free_daemon(struct daemon_report *d)
{
	free(d->groups);
}

/* With what is known of persistence; report_free frees it. */
static struct target_report *
report_targets(const struct call *c)
{
	const struct instant at = { c->now, clock_wall() };
	struct target_report *reports = fleet_report(c->on->fleet, c->now);

	for (size_t i = 0; i < fleet_count(c->on->fleet); i++) {
		struct target *t = fleet_at(c->on->fleet, i);

		report_watch(&reports[i], target_watch(t), at);
	}
	return reports;
}

static void
status_lines(struct call *c, const struct daemon_report *d,
	     const struct target_report *targets, size_t count, bool all)
{
	char *line;

	resp_array(c->out, count + (all ? 1 + d->group_count : 0));
	if (all) {
		line = report_daemon_line(d);
		resp_status(c->out, line);
		free(line);
	}
	for (size_t i = 0; all && i < d->group_count; i++) {
		line = report_group_line(&d->groups[i]);
		resp_status(c->out, line);
		free(line);
	}
	for (size_t i = 0; i < count; i++) {
		line = report_target_line(&targets[i]);
		resp_status(c->out, line);
		free(line);
	}
}

void
status_tell(struct call *c)
{
	bool json = call_word_is(c, c->argc - 1, "JSON");
	const char *name = c->argc - json > 1 ? call_word(c, 1) : NULL;
	struct target_report *targets;
	struct daemon_report d;
	size_t first, end;
	char *text;

	if (c->argc == 3 && !json) {
		resp_error(c->out, "ERR '%.40s' is no form of STATUS; JSON is",
			   call_word(c, 2));
		return;
	}
	if (!call_targets(c, name, &first, &end))
		return;
	report_daemon(c, &d);
	targets = report_targets(c);
	if (json) {
		text = report_json(&d, targets + first, end - first);
		resp_text(c->out, text);
		free(text);
	} else {
		status_lines(c, &d, targets + first, end - first, name == NULL);
	}
	report_free(targets, fleet_count(c->on->fleet));
	free_daemon(&d);
}

typedef char *report_fn(const struct daemon_report *daemon,
			const struct target_report *targets, size_t count);

/* Answers with what one of report's texts says of everything. */
static void
tell_all(struct call *c, report_fn *report)
{
	struct target_report *targets = report_targets(c);
	struct daemon_report d;
	char *text;

	report_daemon(c, &d);
	text = report(&d, targets, fleet_count(c->on->fleet));
	resp_text(c->out, text);
	free(text);
	report_free(targets, fleet_count(c->on->fleet));
	free_daemon(&d);
}

void
status_metrics(struct call *c)
{
	tell_all(c, report_metrics);
}

void
status_targets(struct call *c)
{
	size_t count = fleet_count(c->on->fleet);

	resp_array(c->out, count);
	for (size_t i = 0; i < count; i++)
		resp_text(c->out, target_name(fleet_at(c->on->fleet, i)));
}

void
status_info(struct call *c)
{
	tell_all(c, report_info);
}
