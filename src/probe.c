/*
 * probe: see probe.h.
 *
 * The steps are a table; each is sent when the one before is answered. PUBLISH
 * goes to pinfo:probe, which no subscriber of the feed sees and every rule that
 * acl_line gives grants.
 */
#include "probe.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"
#include "discovery.h"
#include "endpoint.h"
#include "link.h"
#include "log.h"
#include "report.h"
#include "target_config.h"
#include "tls_session.h"
#include "xalloc.h"

/* In three seconds each group knows, or knows that it cannot. */
static const struct timeval settle_within = { .tv_sec = 4 };

#define STEPS 4
#define WORDS_MAX 3

static const struct step {
	enum request_kind kind;
	const char *words[WORDS_MAX];
	const char *name;
	const char *loss; /* without it; NULL: pinfod is of no use */
} steps[STEPS] = {
	{ REQUEST_INFO, { "INFO", "persistence" }, "INFO", NULL },
	{ REQUEST_PUBLISH, { "PUBLISH", "pinfo:probe", "" }, "PUBLISH", NULL },
	{ REQUEST_HELPER,
	  { "CONFIG", "GET", "save" },
	  "CONFIG GET",
	  "optional: without it save points cannot be known" },
	{ REQUEST_HELPER,
	  { "LATENCY", "LATEST" },
	  "LATENCY",
	  "optional: without it slow forks and fsyncs cannot be told apart" },
};

struct candidate {
	struct probe *probe;
	const struct target_config *config;
	struct link *link;
	size_t step; /* that is under way */
	bool failed; /* the feed would not work */
	bool done;
	char *lines[STEPS + 1];
};

struct probe {
	struct event_base *base;
	struct candidate *candidates;
	size_t count, open;
};

static void send_step(struct candidate *c, struct mono now);

static void
finish(struct candidate *c)
{
	if (c->done)
		return;
	c->done = true;
	link_close(c->link);
	if (--c->probe->open == 0)
		event_base_loopbreak(c->probe->base);
}

/* "works (0.3 ms)", or what was said instead and what that means. */
static char *
verdict(const struct step *step, const struct reply *r)
{
	double ms = (double)clock_diff_ns(r->now, r->sent) / (double)NS_PER_MS;
	char shown[512];

	if (r->kind != REPLY_ERROR && r->kind != REPLY_LOST)
		return xasprintf("works (%.1f ms)", ms);
	log_escape(shown, sizeof(shown), r->text);
	return xasprintf("%s%s%s", shown, step->loss ? "\n                " : "",
			 step->loss ? step->loss : "");
}

static void
reply_cb(void *arg, const struct reply *r)
{
	struct candidate *c = arg;
	const struct step *step = &steps[c->step];

	c->lines[c->step] = verdict(step, r);
	if ((r->kind == REPLY_ERROR || r->kind == REPLY_LOST) && step->loss == NULL)
		c->failed = true;
	c->step++;
	/* Lost: on_down follows, and ends it. */
	if (r->kind != REPLY_LOST)
		send_step(c, r->now);
}

/* With a tag it is published as the feed is. */
static char *
publish_request(const char *tag)
{
	char *channel = xasprintf("pinfo:probe{%s}", tag), *request;

	request = xasprintf("*3\r\n$8\r\nSPUBLISH\r\n$%zu\r\n%s\r\n$0\r\n\r\n",
			    strlen(channel), channel);
	free(channel);
	return request;
}

static char *
request_of(const struct step *step)
{
	size_t count = 0, room, n;
	char *request;

	while (count < WORDS_MAX && step->words[count] != NULL)
		count++;
	room = 64 + 64 * count;
	request = xcalloc(1, room);
	n = (size_t)snprintf(request, room, "*%zu\r\n", count);
	for (size_t i = 0; i < count; i++) {
		const char *word = step->words[i];

		n += (size_t)snprintf(request + n, room - n, "$%zu\r\n%s\r\n",
				      strlen(word), word);
	}
	return request;
}

static void
send_step(struct candidate *c, struct mono now)
{
	const struct step *step = &steps[c->step];
	const char *tag = c->config->tag;
	char *request;

	if (c->step == STEPS) {
		finish(c);
		return;
	}
	request = step->kind == REQUEST_PUBLISH && tag != NULL ? publish_request(tag)
							       : request_of(step);
	if (!link_send(c->link, step->kind, request, strlen(request), now, reply_cb,
		       c)) {
		c->failed = true;
		finish(c);
	}
	free(request);
}

static void
on_ready(void *owner, struct link *link, struct mono now)
{
	(void)link;
	send_step(owner, now);
}

static void
on_down(void *owner, struct link *link, enum fault fault, const char *reason,
	struct mono now)
{
	struct candidate *c = owner;
	char shown[512];

	(void)link, (void)fault, (void)now;
	log_escape(shown, sizeof(shown), reason);
	free(c->lines[STEPS]);
	c->lines[STEPS] = xstrdup(shown);
	/* Lost over a helper, the feed would work all the same. */
	if (c->step < STEPS && steps[c->step].loss == NULL)
		c->failed = true;
	finish(c);
}

/* A probe waits for the first deadline only. */
static void
on_overdue(void *owner, struct link *link, enum request_kind kind, const char *reason,
	   struct mono now)
{
	(void)kind;
	on_down(owner, link, FAULT_SILENT, reason, now);
}

static const struct link_handlers handlers = {
	.ready = on_ready,
	.down = on_down,
	.overdue = on_overdue,
};

static void
print_tls(const struct tls_info *tls, FILE *out)
{
	char stamp[CLOCK_STAMP_BYTES], span[CLOCK_SPAN_BYTES];
	double left_s = clock_wall_s(tls->not_after) - clock_wall_s(clock_wall());

	fprintf(out, "  %-12s  %s, %s\n", "TLS", tls->version, tls->cipher);
	if (tls->not_after.ns == 0)
		return;
	fprintf(out, "  %-12s  %s %.10s", "certificate",
		left_s > 0 ? "valid until" : "EXPIRED",
		clock_stamp(stamp, tls->not_after));
	if (left_s > 0)
		fprintf(out, ", for %s", clock_span(span, left_s));
	putc('\n', out);
}

static void
print(const struct candidate *c, FILE *out)
{
	const struct endpoint *e = &c->config->endpoint;
	const char *server = link_server(c->link);
	const char *version = link_server_version(c->link);
	char address[ENDPOINT_TEXT_BYTES];
	char *rule = acl_line(e->user, version, c->config->channel, c->config->tag,
			      c->config->identity);

	fprintf(out, "%s: %s\n", c->config->name, c->failed ? "NOT READY" : "ready");
	fprintf(out, "  %-12s  %s%s%s%s%s\n", "server", endpoint_text(e, address),
		*server ? ", " : "", server, *version ? " " : "", version);
	if (link_tls(c->link) != NULL)
		print_tls(link_tls(c->link), out);
	fprintf(out, "  %-12s  %s\n", "log in as",
		e->user ? e->user : "the default user");
	for (size_t i = 0; i < STEPS; i++) {
		if (c->lines[i] != NULL)
			fprintf(out, "  %-12s  %s\n", steps[i].name, c->lines[i]);
	}
	if (c->lines[STEPS] != NULL)
		fprintf(out, "  %-12s  %s\n", "connection", c->lines[STEPS]);
	if (rule != NULL)
		fprintf(out, "  %-12s  %s\n", "it needs", rule);
	free(rule);
}

/*
 * Who is tried: those listed, and those that groups find.
 */

static void
wake_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

/* Runs the loop until the groups have found out who belongs to them, or cannot. */
static void
settle(struct event_base *base, const struct discovery *d)
{
	struct event *deadline = evtimer_new(base, wake_cb, NULL);

	event_add(deadline, &settle_within);
	while (!discovery_is_settled(d) && evtimer_pending(deadline, NULL))
		event_base_loop(base, EVLOOP_ONCE);
	event_free(deadline);
}

/* Prints what a group has found. True when that is anybody. */
static bool
print_group(const struct group_report *group, FILE *out)
{
	char *line = report_group_line(group);

	fprintf(out, "%s\n\n", line);
	free(line);
	return group->targets > 0;
}

/* Copies, for the groups end here; *good: none has found nobody. */
static struct target_config *
find_targets(struct event_base *base, struct resolver *resolver,
	     const struct conf *conf, size_t *count, bool *good, FILE *out)
{
	struct discovery *d = discovery_new(base, resolver, NULL);
	enum log_level level = log_level();
	const struct target_config *found;
	struct target_config *targets;
	struct group_report report;

	/* What they would log is printed. */
	log_set_level(LOG_LEVEL_ERROR);
	discovery_configure(d, conf, clock_now());
	settle(base, d);
	for (size_t i = 0; i < discovery_group_count(d); i++) {
		discovery_group_report(d, i, &report);
		*good &= print_group(&report, out);
	}
	found = discovery_targets(d, count);
	targets = xcalloc(*count, sizeof(targets[0]));
	for (size_t i = 0; i < *count; i++)
		target_config_copy(&targets[i], &found[i]);
	discovery_free(d);
	log_set_level(level);
	return targets;
}

static bool
try_all(struct event_base *base, struct resolver *resolver,
	const struct target_config *targets, size_t count, FILE *out)
{
	struct probe probe = { .base = base, .count = count, .open = count };
	bool good = true;

	probe.candidates = xcalloc(count, sizeof(probe.candidates[0]));
	for (size_t i = 0; i < count; i++) {
		struct candidate *c = &probe.candidates[i];

		c->probe = &probe;
		c->config = &targets[i];
		c->link = link_new(base, resolver, targets[i].name,
				   &targets[i].endpoint, &handlers, c);
		link_open(c->link, clock_now());
	}
	event_base_dispatch(base);
	for (size_t i = 0; i < count; i++) {
		struct candidate *c = &probe.candidates[i];

		if (i > 0)
			putc('\n', out);
		print(c, out);
		good &= !c->failed;
		link_free(c->link);
		for (size_t k = 0; k <= STEPS; k++)
			free(c->lines[k]);
	}
	free(probe.candidates);
	return good;
}

bool
probe_run(struct event_base *base, struct resolver *resolver, const struct conf *conf,
	  FILE *out)
{
	bool good = true;
	size_t count;
	struct target_config *targets =
		find_targets(base, resolver, conf, &count, &good, out);

	if (count > 0)
		good &= try_all(base, resolver, targets, count, out);
	for (size_t i = 0; i < count; i++)
		target_config_fini(&targets[i]);
	free(targets);
	return good;
}
