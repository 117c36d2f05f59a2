/*
 * attend: see attend.h.
 */
#include "attend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "catalogue.h"
#include "commands.h"
#include "duration.h"
#include "fleet.h"
#include "glob.h"
#include "log.h"
#include "notice.h"
#include "report.h"
#include "rules.h"
#include "silences.h"
#include "target.h"
#include "target_config.h"
#include "watch.h"
#include "xalloc.h"

#define SILENCE_MIN_NS NS_PER_S
#define SILENCE_MAX_NS (30 * 86400 * NS_PER_S)

static struct instant
instant_of(const struct call *c)
{
	return (struct instant){ c->now, clock_wall() };
}

/* The last word may say that JSON is wanted; then it is taken off the count. */
static bool
take_json(const struct call *c, int *argc)
{
	bool json = c->argc > 1 && call_word_is(c, c->argc - 1, "JSON");

	*argc = c->argc - json;
	return json;
}

/*
 * INCIDENTS.
 */

struct list {
	struct notice *notices;
	size_t count, room;
};

/* The most severe first; of those the one that is open longest. */
static int
compare(const void *a, const void *b)
{
	const struct notice *x = a, *y = b;

	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	return (x->since.ns > y->since.ns) - (x->since.ns < y->since.ns);
}

static void
collect(struct list *list, struct target *t, const struct silences *silences,
	struct instant at)
{
	struct notice n;

	for (unsigned i = 0; watch_open(target_watch(t), i, at, &n); i++) {
		n.silenced = silences_match(silences, n.incident, n.target, at.wall);
		if (list->count == list->room) {
			list->room = list->room * 2 + 8;
			list->notices = xrealloc(list->notices, list->room,
						 sizeof(list->notices[0]));
		}
		list->notices[list->count++] = n;
	}
}

/* When the last of the silences that hold it ends. */
static struct wall
silenced_until(const struct silences *silences, const struct notice *n)
{
	struct wall until = { 0 };
	const struct silence *s;

	/* They are in the order of their ends. */
	for (size_t i = 0; (s = silences_at(silences, i)) != NULL; i++) {
		if (glob_match(s->incidents, n->incident) &&
		    glob_match(s->targets, n->target))
			until = s->until;
	}
	return until;
}

/* The caller frees it. */
static char *
line_of(const struct notice *n, const struct silences *silences, struct instant at)
{
	char span[CLOCK_SPAN_BYTES], stamp[CLOCK_STAMP_BYTES], *line, *shown;
	const char *advice = n->advice != NULL ? n->advice : "";
	size_t size;

	clock_stamp(stamp, silenced_until(silences, n));
	line = xasprintf("%s: %s %s for %s: %s%s%s%s%s%s%s", n->target, n->incident,
			 catalogue_severity(n->severity),
			 clock_span(span,
				    clock_wall_s(at.wall) - clock_wall_s(n->since)),
			 n->summary, *advice ? "; " : "", advice,
			 n->acked ? " (acknowledged)" : "",
			 n->silenced ? " (silenced until " : "",
			 n->silenced ? stamp : "", n->silenced ? ")" : "");
	size = 4 * strlen(line) + 1;
	shown = xcalloc(1, size);
	log_escape(shown, size, line);
	free(line);
	return shown;
}

static void
tell_lines(struct call *c, const struct list *list, struct instant at)
{
	resp_array(c->out, list->count);
	for (size_t i = 0; i < list->count; i++) {
		char *line =
			line_of(&list->notices[i], fleet_silences(c->on->fleet), at);

		resp_status(c->out, line);
		free(line);
	}
}

static void
tell_json(struct call *c, const struct list *list)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		abort(); /* out of memory */
	putc('[', f);
	for (size_t i = 0; i < list->count; i++) {
		char *json = notice_json(&list->notices[i]);

		fprintf(f, "%s%s", i > 0 ? "," : "", json);
		free(json);
	}
	putc(']', f);
	fclose(f);
	resp_bulk(c->out, text, len);
	free(text);
}

void
attend_incidents(struct call *c)
{
	struct instant at = instant_of(c);
	struct list list = { 0 };
	size_t first, end;
	int argc;
	bool json = take_json(c, &argc);

	if (argc == 3) {
		resp_error(c->out, "ERR '%.40s' is no form of INCIDENTS; JSON is",
			   call_word(c, 2));
		return;
	}
	if (!call_targets(c, argc > 1 ? call_word(c, 1) : NULL, &first, &end))
		return;
	for (size_t i = first; i < end; i++)
		collect(&list, fleet_at(c->on->fleet, i), fleet_silences(c->on->fleet),
			at);
	if (list.count > 0)
		qsort(list.notices, list.count, sizeof(list.notices[0]), compare);
	if (json)
		tell_json(c, &list);
	else
		tell_lines(c, &list, at);
	free(list.notices);
}

/*
 * ACK.
 */

void
attend_ack(struct call *c)
{
	size_t i, end;

	if (!call_targets(c, call_word(c, 1), &i, &end))
		return;
	if (!watch_ack(target_watch(fleet_at(c->on->fleet, i)), call_word(c, 2),
		       instant_of(c))) {
		resp_error(c->out,
			   "NOTOPEN '%.80s' is not open at '%.80s'; INCIDENTS lists "
			   "what is",
			   call_word(c, 2), call_word(c, 1));
		return;
	}
	call_log(c);
	call_ok(c);
}

/*
 * Silences.
 */

/* False: the answer is written. */
static bool
pattern_ok(struct call *c, int i)
{
	const char *pattern = call_word(c, i);
	size_t len = strlen(pattern);

	if (len > 0 && len <= SILENCE_PATTERN_MAX) {
		while (*pattern > ' ' && *pattern <= '~')
			pattern++;
		if (*pattern == '\0')
			return true;
	}
	resp_error(c->out,
		   "ERR '%.80s' is no pattern: 1 to %d printable characters without "
		   "blanks, as in rdb.* or *",
		   call_word(c, i), SILENCE_PATTERN_MAX);
	return false;
}

/* Whether an incident or a fact may ever have such an id. */
static bool
is_of_incidents(const struct fleet *fleet, const char *pattern)
{
	for (size_t i = 0; i < CATALOGUE_COUNT; i++) {
		if (glob_match(pattern, catalogue_entry((enum incident)i)->id))
			return true;
	}
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		const struct rules *rules = &target_config(fleet_at(fleet, i))->rules;

		for (size_t k = 0; k < rules->own_count; k++) {
			if (glob_match(pattern, rules->own[k].id))
				return true;
		}
	}
	return false;
}

static bool
is_of_targets(const struct fleet *fleet, const char *pattern)
{
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		if (glob_match(pattern, target_name(fleet_at(fleet, i))))
			return true;
	}
	return false;
}

/*
 * Incidents are known, so that a pattern for none of them is a slip of the hand. A
 * target may be found later: then it is silent, and till then the answer says so.
 */
void
attend_silence(struct call *c)
{
	struct instant at = instant_of(c);
	char *text;
	int64_t ns;

	if (!pattern_ok(c, 1) || !pattern_ok(c, 2))
		return;
	if (!is_of_incidents(c->on->fleet, call_word(c, 1))) {
		resp_error(c->out,
			   "ERR no incident is called '%.80s'; EXPLAIN lists them",
			   call_word(c, 1));
		return;
	}
	if (!duration_parse(call_word(c, 3), &ns) || ns < SILENCE_MIN_NS ||
	    ns > SILENCE_MAX_NS) {
		resp_error(c->out,
			   "ERR '%.40s' is no length of time from 1s to 30d (units: ms "
			   "s m h d)",
			   call_word(c, 3));
		return;
	}
	if (!fleet_silence(c->on->fleet, call_word(c, 1), call_word(c, 2),
			   (struct wall){ at.wall.ns + ns }, at)) {
		resp_error(c->out,
			   "ERR there are %d silences already; SILENCES lists them",
			   SILENCES_MAX);
		return;
	}
	call_log(c);
	if (is_of_targets(c->on->fleet, call_word(c, 2))) {
		call_ok(c);
		return;
	}
	text = xasprintf("OK, but no target is called '%.80s' as yet; TARGETS lists "
			 "what there is",
			 call_word(c, 2));
	resp_status(c->out, text);
	free(text);
}

void
attend_unsilence(struct call *c)
{
	if (!fleet_unsilence(c->on->fleet, call_word(c, 1), call_word(c, 2),
			     instant_of(c))) {
		resp_error(c->out,
			   "ERR there is no silence of '%.80s' '%.80s'; SILENCES lists "
			   "what there is",
			   call_word(c, 1), call_word(c, 2));
		return;
	}
	call_log(c);
	call_ok(c);
}

void
attend_silences(struct call *c)
{
	const struct silences *silences = fleet_silences(c->on->fleet);
	struct wall now = clock_wall();
	const struct silence *s;
	size_t count = 0;
	int argc;
	bool json = take_json(c, &argc);
	char *text;

	if (argc > 1) {
		resp_error(c->out, "ERR '%.40s' is no form of SILENCES; JSON is",
			   call_word(c, 1));
		return;
	}
	if (json) {
		text = report_silences(silences, now);
		resp_text(c->out, text);
		free(text);
		return;
	}
	while (silences_at(silences, count) != NULL)
		count++;
	resp_array(c->out, count);
	for (size_t i = 0; (s = silences_at(silences, i)) != NULL; i++) {
		char span[CLOCK_SPAN_BYTES], stamp[CLOCK_STAMP_BYTES];

		text = xasprintf(
			"%s on %s until %s, for %s", s->incidents, s->targets,
			clock_stamp(stamp, s->until),
			clock_span(span, clock_wall_s(s->until) - clock_wall_s(now)));
		resp_status(c->out, text);
		free(text);
	}
}

/*
 * EXPLAIN.
 */

static void
tell_ids(struct call *c)
{
	resp_array(c->out, CATALOGUE_COUNT);
	for (size_t i = 0; i < CATALOGUE_COUNT; i++) {
		const struct catalogue_entry *e = catalogue_entry((enum incident)i);
		char *line = xasprintf("%s: %s", e->id, e->severity);

		resp_status(c->out, line);
		free(line);
	}
}

void
attend_explain(struct call *c)
{
	enum incident incident;
	char *text;

	if (c->argc == 1) {
		tell_ids(c);
		return;
	}
	if (!catalogue_find(call_word(c, 1), &incident)) {
		resp_error(c->out,
			   "ERR no incident is called '%.80s'; EXPLAIN lists them",
			   call_word(c, 1));
		return;
	}
	text = catalogue_explain(incident);
	resp_text(c->out, text);
	free(text);
}
