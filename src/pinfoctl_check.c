/*
 * check: one line and an exit code as Nagios' plugins have them, by the rules of
 * docs/PROTOCOL.md's states and by the incidents that are open. Stateless: what is
 * wrong now, not what was. What somebody has acknowledged or silenced is mentioned,
 * and does not count.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "pinfoctl.h"
#include "pinfoctl_say.h"
#include "pinfoctl_view.h"
#include "xalloc.h"

#define STARTING_MAX_S 10
#define AGE_MAX_INTERVALS 3
/* A pager shows one line: so many problems are named, the others counted. */
#define NAMED_MAX 8
#define PROBLEM_BYTES 240

/* The exit codes of Nagios' plugins. */
enum verdict { OK, WARNING, CRITICAL, UNKNOWN };

static const char *const verdict_names[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

/* From the worst on, as a reader wants them. */
static const enum verdict by_weight[] = { CRITICAL, UNKNOWN, WARNING };

#define WEIGHTS (sizeof(by_weight) / sizeof(by_weight[0]))

struct problem {
	enum verdict verdict; /* OK: none */
	const char *of;	      /* "target" or "group" */
	const char *name;
	char text[PROBLEM_BYTES];
};

struct tally {
	enum verdict verdict;
	struct problem *problems; /* one a target, then one a group */
	size_t problem_count;
	size_t targets, up, starting, stopped;
	double published, missed, dropped;
	double age_s; /* the oldest of those that are not stopped; -1: none */
	double critical, warning;	/* incidents that count; -1: not told */
	double risk_s, risk_operations; /* the longest, the sum; -1: not known */
	size_t quiet;			/* incidents that do not count */
};

static enum verdict
verdict_of_state(const struct pinfoctl *ctl, const struct view_target *t)
{
	static const struct {
		const char *state;
		enum verdict verdict;
	} rows[] = {
		{ "up", OK },		{ "starting", OK },	 { "stopped", WARNING },
		{ "busy", WARNING },	{ "down", CRITICAL },	 { "silent", CRITICAL },
		{ "denied", CRITICAL }, { "refused", CRITICAL },
	};

	if (strcmp(t->state, "stopped") == 0 && ctl->stopped_ok)
		return OK;
	if (strcmp(t->state, "starting") == 0 && t->since_s > STARTING_MAX_S)
		return WARNING;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(t->state, rows[i].state) == 0)
			return rows[i].verdict;
	}
	return UNKNOWN;
}

static void
set_problem(struct problem *p, enum verdict verdict, char *text)
{
	p->verdict = verdict;
	snprintf(p->text, sizeof(p->text), "%s", text);
	free(text);
}

/* Whether an incident of that target whose id begins so is one that is quiet. */
static bool
is_quiet(const struct view *v, const struct view_target *t, const char *id)
{
	for (size_t i = 0; i < v->incident_count; i++) {
		const struct view_incident *incident = &v->incidents[i];

		if (strcmp(incident->target, t->name) == 0 &&
		    strncmp(incident->id, id, strlen(id)) == 0 &&
		    view_is_quiet(incident))
			return true;
	}
	return false;
}

/* The worst of the target's incidents that count; they come with the worst first. */
static const struct view_incident *
worst_incident(const struct view *v, const struct view_target *t, size_t *others)
{
	const struct view_incident *worst = NULL;

	*others = 0;
	for (size_t i = 0; i < v->incident_count; i++) {
		const struct view_incident *incident = &v->incidents[i];

		if (strcmp(incident->target, t->name) != 0 || view_is_quiet(incident))
			continue;
		if (worst == NULL)
			worst = incident;
		else
			++*others;
	}
	return worst;
}

static bool
judge_incidents(const struct view *v, const struct view_target *t, struct problem *p)
{
	size_t others;
	const struct view_incident *worst = worst_incident(v, t, &others);
	char more[48] = "";

	if (worst == NULL)
		return false;
	if (others > 0)
		snprintf(more, sizeof(more), " (and %zu more)", others);
	set_problem(p, strcmp(worst->severity, "critical") == 0 ? CRITICAL : WARNING,
		    xasprintf("%s%s: %s", worst->id, more, worst->summary));
	return true;
}

/* What is worst about one target. */
static void
judge(const struct pinfoctl *ctl, const struct view *v, const struct view_target *t,
      struct problem *p)
{
	enum verdict verdict = verdict_of_state(ctl, t);
	char age[CLOCK_SPAN_BYTES];

	*p = (struct problem){ .verdict = OK, .of = "target", .name = t->name };
	if (view_is_bad(t) && is_quiet(v, t, "link."))
		verdict = OK;
	if (verdict != OK)
		set_problem(p, verdict, view_state_text(t));
	else if (judge_incidents(v, t, p))
		return;
	else if (strcmp(t->state, "up") != 0)
		return; /* it has nothing to publish */
	else if (view_publish_is_bad(t) && !is_quiet(v, t, "publish."))
		set_problem(p, WARNING, view_publish_text(t));
	else if (t->interval_s > 0 &&
		 t->last_sample_age_s > AGE_MAX_INTERVALS * t->interval_s)
		set_problem(p, WARNING,
			    xasprintf("last sample %s ago",
				      clock_span(age, t->last_sample_age_s)));
}

/* It is asked of as long as it takes: one that has not settled is no problem yet. */
static void
judge_group(const struct view_group *g, struct problem *p)
{
	const char *trouble = g->trouble != NULL ? g->trouble : "";
	const char *colon = g->trouble != NULL ? ": " : "";

	*p = (struct problem){ .verdict = OK, .of = "group", .name = g->name };
	if (!g->settled)
		return;
	if (g->targets == 0)
		set_problem(p, CRITICAL,
			    xasprintf("has no target%s%s", colon, trouble));
	else if (g->sources > 1 && (2 * g->heard < g->sources || g->trouble != NULL))
		set_problem(p, WARNING,
			    xasprintf("hears %.0f of %.0f%s%s", g->heard, g->sources,
				      colon, trouble));
	else if (g->trouble != NULL)
		set_problem(p, WARNING, xasprintf("has trouble: %s", trouble));
}

static void
add(double *sum, double n)
{
	if (n > 0)
		*sum += n;
}

static void
tally_count(struct tally *y, const struct view_target *t)
{
	bool stopped = strcmp(t->state, "stopped") == 0;

	y->targets++;
	y->up += strcmp(t->state, "up") == 0;
	y->starting += strcmp(t->state, "starting") == 0;
	y->stopped += stopped;
	add(&y->published, t->published);
	add(&y->missed, t->missed);
	add(&y->dropped, t->dropped);
	if (!stopped && t->last_sample_age_s > y->age_s)
		y->age_s = t->last_sample_age_s;
}

static void
tally_incidents(struct tally *y, const struct view *v)
{
	for (size_t i = 0; i < v->count; i++) {
		const struct view_target *t = &v->targets[i];

		if (t->critical >= 0 && y->critical < 0)
			y->critical = y->warning = 0;
		if (t->risk_s > y->risk_s)
			y->risk_s = t->risk_s;
		if (t->risk_operations >= 0 && y->risk_operations < 0)
			y->risk_operations = 0;
		add(&y->risk_operations, t->risk_operations);
	}
	for (size_t i = 0; i < v->incident_count; i++) {
		bool quiet = view_is_quiet(&v->incidents[i]);
		bool critical = strcmp(v->incidents[i].severity, "critical") == 0;

		y->quiet += quiet;
		y->critical += !quiet && critical;
		y->warning += !quiet && !critical;
	}
}

static void
tally_view(struct tally *y, const struct pinfoctl *ctl, const struct view *v)
{
	*y = (struct tally){ .age_s = -1,
			     .critical = -1,
			     .warning = -1,
			     .risk_s = -1,
			     .risk_operations = -1 };
	tally_incidents(y, v);
	y->problems = xcalloc(v->count + v->group_count + 1, sizeof(y->problems[0]));
	for (size_t i = 0; i < v->count; i++) {
		tally_count(y, &v->targets[i]);
		judge(ctl, v, &v->targets[i], &y->problems[y->problem_count++]);
	}
	/* Who checks one target has not asked for these. */
	for (size_t i = 0; ctl->argc == 0 && i < v->group_count; i++)
		judge_group(&v->groups[i], &y->problems[y->problem_count++]);
	y->verdict = v->count > 0 ? OK : WARNING;
	for (size_t w = WEIGHTS; w-- > 0;) {
		for (size_t i = 0; i < y->problem_count; i++) {
			if (y->problems[i].verdict == by_weight[w])
				y->verdict = by_weight[w];
		}
	}
}

/*
 * Showing it.
 */

/* The worst problems first, then the summary; the caller frees it. */
static char *
summary(const struct tally *y)
{
	size_t named = 0, more = 0, len;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		abort(); /* out of memory */
	for (size_t w = 0; w < WEIGHTS; w++) {
		for (size_t i = 0; i < y->problem_count; i++) {
			const struct problem *p = &y->problems[i];

			if (p->verdict != by_weight[w])
				continue;
			if (named < NAMED_MAX)
				fprintf(f, "%s%.200s %s; ",
					strcmp(p->of, "group") == 0 ? "group " : "",
					p->name, p->text);
			more += named == NAMED_MAX;
			named += named < NAMED_MAX;
		}
	}
	if (more > 0)
		fprintf(f, "and %zu more; ", more);
	fprintf(f, "%zu of %zu target%s up", y->up, y->targets,
		y->targets == 1 ? "" : "s");
	if (y->starting > 0)
		fprintf(f, ", %zu starting", y->starting);
	if (y->stopped > 0)
		fprintf(f, ", %zu stopped", y->stopped);
	if (y->quiet > 0)
		fprintf(f, ", %zu incident%s acknowledged or silenced", y->quiet,
			y->quiet == 1 ? "" : "s");
	fclose(f);
	return text;
}

/* The bar divides text from figures. */
static void
print_line(enum verdict verdict, const char *text)
{
	printf("PINFOD %s - ", verdict_names[verdict]);
	for (; *text != '\0'; text++)
		putchar(*text == '|' ? '/' : *text);
}

static void
print_tally(const struct tally *y, const char *text)
{
	print_line(y->verdict, text);
	printf(" | targets=%zu up=%zu published=%.0fc missed=%.0fc dropped=%.0fc",
	       y->targets, y->up, y->published, y->missed, y->dropped);
	if (y->age_s >= 0)
		printf(" age=%.3fs", y->age_s);
	if (y->critical >= 0)
		printf(" critical=%.0f warning=%.0f quiet=%zu", y->critical, y->warning,
		       y->quiet);
	if (y->risk_s >= 0)
		printf(" at_risk=%.3fs", y->risk_s);
	if (y->risk_operations >= 0)
		printf(" at_risk_operations=%.0f", y->risk_operations);
	putchar('\n');
}

static json_t *
json_tally(const struct tally *y, const char *text)
{
	json_t *figures, *list = json_array();

	for (size_t w = 0; w < WEIGHTS; w++) {
		for (size_t i = 0; i < y->problem_count; i++) {
			const struct problem *p = &y->problems[i];

			if (p->verdict == by_weight[w])
				json_array_append_new(
					list,
					json_pack("{s:s, s:s, s:s}", p->of, p->name,
						  "status", verdict_names[p->verdict],
						  "text", p->text));
		}
	}
	figures = json_pack("{s:I, s:I, s:I, s:I, s:I}", "targets",
			    (json_int_t)y->targets, "up", (json_int_t)y->up,
			    "published", (json_int_t)y->published, "missed",
			    (json_int_t)y->missed, "dropped", (json_int_t)y->dropped);
	if (y->age_s >= 0)
		json_object_set_new(figures, "age_s", json_real(y->age_s));
	if (y->critical >= 0) {
		json_object_set_new(figures, "critical", json_figure(y->critical));
		json_object_set_new(figures, "warning", json_figure(y->warning));
		json_object_set_new(figures, "quiet",
				    json_integer((json_int_t)y->quiet));
	}
	if (y->risk_s >= 0)
		json_object_set_new(figures, "at_risk_s", json_real(y->risk_s));
	if (y->risk_operations >= 0)
		json_object_set_new(figures, "at_risk_operations",
				    json_figure(y->risk_operations));
	return json_pack("{s:s, s:i, s:s, s:o, s:o}", "status",
			 verdict_names[y->verdict], "code", (int)y->verdict, "text",
			 text, "problems", list, "figures", figures);
}

int
check_run(const struct pinfoctl *ctl)
{
	struct trouble trouble;
	struct tally tally;
	struct view view;
	char *text;

	if (!view_get(&view, ctl, &trouble) ||
	    !view_get_incidents(&view, ctl, &trouble)) {
		view_fini(&view);
		return check_unknown(ctl, &trouble);
	}
	tally_view(&tally, ctl, &view);
	text = summary(&tally);
	if (ctl->json)
		say_json(json_tally(&tally, text));
	else
		print_tally(&tally, text);
	free(text);
	free(tally.problems);
	view_fini(&view);
	return (int)tally.verdict;
}

int
check_unknown(const struct pinfoctl *ctl, const struct trouble *t)
{
	char line[sizeof(t->text) + 64];

	say_one_line(line, sizeof(line), t->text);
	if (ctl->json) {
		say_json(json_pack("{s:s, s:i, s:s, s:{s:s, s:s}}", "status",
				   verdict_names[UNKNOWN], "code", (int)UNKNOWN, "text",
				   line, "error", "code", t->code, "message", line));
	} else {
		print_line(UNKNOWN, line);
		putchar('\n');
	}
	return (int)UNKNOWN;
}
