/*
 * incidents: see incidents.h.
 */
#include "incidents.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect.h"
#include "xalloc.h"

#define NEEDS_MAX 3
#define NO_THRESHOLD RULES_THRESHOLD_COUNT

/*
 * for: how long the condition must hold, and so in two samples at least; clear:
 * how long it must be over. Others raise and clear at once: those whose time stands
 * in INFO, or in their scratch.
 */
struct detector {
	detect_fn *detect;
	enum rules_threshold for_s, clear_s;
	enum snapshot_field needs[NEEDS_MAX]; /* F_loading: none; all servers have it */
};

#define AT_ONCE .for_s = NO_THRESHOLD, .clear_s = NO_THRESHOLD
#define FOR(threshold) .for_s = (threshold), .clear_s = NO_THRESHOLD
#define CLEAR_AFTER(threshold) .for_s = NO_THRESHOLD, .clear_s = (threshold)

static const struct detector detectors[INCIDENT_COUNT] = {
	[INCIDENT_LINK_DOWN] = { detect_link_down, FOR(T_LINK_DOWN_FOR) },
	[INCIDENT_LINK_SILENT] = { detect_link_silent, AT_ONCE },
	[INCIDENT_LINK_DENIED] = { detect_link_denied, AT_ONCE },
	[INCIDENT_LINK_BUSY] = { detect_link_busy, FOR(T_LINK_BUSY_FOR) },
	[INCIDENT_PUBLISH_BLOCKED] = { detect_publish_blocked, AT_ONCE },
	[INCIDENT_RDB_SAVE_FAILED] = { detect_rdb_save_failed, AT_ONCE,
				       .needs = { F_rdb_last_bgsave_status } },
	[INCIDENT_RDB_SAVE_STUCK] = { detect_rdb_save_stuck, AT_ONCE,
				      .needs = { F_current_save_keys_total } },
	[INCIDENT_RDB_SAVE_SLOW] = { detect_rdb_save_slow, AT_ONCE,
				     .needs = { F_rdb_current_bgsave_time_sec } },
	[INCIDENT_RDB_STALE] = { detect_rdb_stale, AT_ONCE,
				 .needs = { F_rdb_last_save_time,
					    F_uptime_in_seconds } },
	[INCIDENT_RDB_NEVER_SAVED] = { detect_rdb_never_saved, AT_ONCE,
				       .needs = { F_rdb_last_save_time,
						  F_uptime_in_seconds } },
	[INCIDENT_AOF_WRITE_FAILED] = { detect_aof_write_failed, AT_ONCE,
					.needs = { F_aof_last_write_status } },
	[INCIDENT_AOF_BACKLOG] = { detect_aof_backlog, AT_ONCE },
	[INCIDENT_AOF_FSYNC_STALLED] = { detect_aof_fsync_stalled,
					 CLEAR_AFTER(T_FSYNC_STALLED_CLEAR) },
	[INCIDENT_AOF_REWRITE_FAILED] = { detect_aof_rewrite_failed, AT_ONCE,
					  .needs = { F_aof_last_bgrewrite_status } },
	[INCIDENT_AOF_REWRITE_STORM] = { detect_aof_rewrite_storm,
					 CLEAR_AFTER(T_REWRITE_STORM_CLEAR),
					 .needs = { F_aof_rewrites, F_total_forks } },
	[INCIDENT_AOF_REWRITE_SLOW] = { detect_aof_rewrite_slow, AT_ONCE,
					.needs = { F_aof_current_rewrite_time_sec } },
	[INCIDENT_AOF_STOPPED] = { detect_aof_stopped, FOR(T_AOF_STOPPED_FOR),
				   .needs = { F_aof_rewrites } },
	[INCIDENT_AOF_OVERGROWN] = { detect_aof_overgrown, FOR(T_OVERGROWN_FOR) },
	[INCIDENT_FORK_SLOW] = { detect_fork_slow, AT_ONCE,
				 .needs = { F_latest_fork_usec, F_used_memory_rss } },
	[INCIDENT_FORK_MEMORY] = { detect_fork_memory, AT_ONCE,
				   .needs = { F_current_cow_size, F_used_memory_rss } },
	[INCIDENT_SAVE_STARVED] = { detect_save_starved, AT_ONCE,
				    .needs = { F_sync_full } },
	[INCIDENT_LOAD_SLOW] = { detect_load_slow, AT_ONCE },
	[INCIDENT_SERVER_RESTARTED_EMPTY] = { detect_restarted_empty, AT_ONCE,
					      .needs = { F_keys } },
	[INCIDENT_PERSISTENCE_OFF] = { detect_persistence_off, AT_ONCE,
				       .needs = { F_aof_enabled } },
	[INCIDENT_MODULE_FORK_BLOCKING] = { detect_module_fork, AT_ONCE,
					    .needs = { F_module_fork_in_progress } },
	[INCIDENT_WRITES_REFUSED] = { detect_writes_refused,
				      CLEAR_AFTER(T_REFUSED_CLEAR),
				      .needs = { F_errorstat_MISCONF } },
};

struct state {
	bool open, acked;
	enum severity severity;
	struct mono from;    /* since when the condition holds */
	struct wall since;   /* the same for people */
	struct mono over;    /* since when it does not, while open */
	struct notice *told; /* what was told last, while open; NULL: not by us */
	struct scratch scratch;
};

/* One of the operator's. */
struct own {
	char *id;
	struct state state;
};

struct incidents {
	incidents_emit_fn *emit;
	void *owner;
	struct state catalogue[INCIDENT_COUNT];
	struct own *own; /* as the rules had them at the last step */
	size_t own_count;
};

void
detect_say(struct notice *n, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(n->summary, sizeof(n->summary), format, ap);
	va_end(ap);
}

const char *
detect_size(char buf[static 32], double bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	unsigned unit = 0;

	while (bytes >= 1024 && unit < 4) {
		bytes /= 1024;
		unit++;
	}
	snprintf(buf, 32, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
	return buf;
}

/*
 * Telling.
 */

static void
tell(struct incidents *in, struct state *s, enum notice_kind kind,
     const struct notice *what, struct instant at)
{
	struct notice n = *what;

	n.kind = kind;
	n.severity = s->severity;
	n.at = at.wall;
	n.since = s->since;
	n.acked = s->acked;
	in->emit(in->owner, &n);
}

static void
keep(struct state *s, const struct notice *n)
{
	if (s->told == NULL)
		s->told = xcalloc(1, sizeof(*s->told));
	*s->told = *n;
}

static void
forget(struct state *s)
{
	struct scratch scratch = s->scratch;

	free(s->told);
	*s = (struct state){ .scratch = scratch };
}

static void
raise(struct incidents *in, struct state *s, enum severity severity, struct notice *n,
      struct instant at)
{
	enum notice_kind kind = NOTICE_RAISED;

	/* Restored: those who were told before pinfod ended know of it. */
	if (s->open && s->told == NULL)
		kind = NOTICE_OPEN;
	else if (s->open)
		kind = NOTICE_CHANGED;
	if (kind == NOTICE_CHANGED && s->severity == severity) {
		keep(s, n);
		return;
	}
	s->open = true;
	s->severity = severity;
	keep(s, n);
	tell(in, s, kind, n, at);
}

static void
clear(struct incidents *in, struct state *s, struct notice *n, const char *why,
      struct instant at)
{
	/* By the wall clock, for it may have begun before pinfod did. */
	double seconds = fmax(0, clock_wall_s(at.wall) - clock_wall_s(s->since));
	char span[CLOCK_SPAN_BYTES];

	detect_say(n, "%s after %s", why, clock_span(span, seconds));
	n->figure_count = 0;
	notice_figure(n, "duration_s", seconds);
	n->advice = "";
	s->open = false;
	tell(in, s, NOTICE_CLEARED, n, at);
	forget(s);
}

/*
 * The one rule of holding and clearing.
 */

struct hold {
	double for_s, clear_s;
};

static void
judge(struct incidents *in, struct state *s, enum severity severity, struct hold hold,
      struct notice *n, const struct view *v)
{
	struct instant at = v->at;

	if (severity == SEVERITY_NONE) {
		s->from.ns = 0;
		if (!s->open)
			return;
		if (s->over.ns == 0)
			s->over = at.mono;
		if (has_lasted(v, s->over, hold.clear_s))
			clear(in, s, n, "over", at);
		return;
	}
	s->over.ns = 0;
	if (s->from.ns == 0) {
		s->from = at.mono;
		if (!s->open)
			s->since = at.wall;
	}
	if (s->open || has_lasted(v, s->from, hold.for_s))
		raise(in, s, severity, n, at);
}

static double
threshold(const struct rules *rules, enum rules_threshold t)
{
	return t == NO_THRESHOLD ? 0 : rules->limit[t];
}

static const enum severity severities[] = {
	[VERDICT_CLEAR] = SEVERITY_NONE,
	[VERDICT_WARNING] = SEVERITY_WARNING,
	[VERDICT_CRITICAL] = SEVERITY_CRITICAL,
};

/*
 * One that says nothing yet. Its arrays stay as they are: they are most of it, and
 * most steps have nothing to write there.
 */
static void
blank(struct notice *n, const char *id, const char *advice)
{
	n->incident = id;
	n->advice = advice;
	n->summary[0] = '\0';
	n->figure_count = 0;
	n->silenced = false;
	n->samples = n->missed = 0;
}

static void
step_catalogue(struct incidents *in, const struct view *v, enum incident i)
{
	const struct detector *d = &detectors[i];
	const struct catalogue_entry *entry = catalogue_entry(i);
	struct state *s = &in->catalogue[i];
	struct notice n;
	struct hold hold = { threshold(v->rules, d->for_s),
			     threshold(v->rules, d->clear_s) };
	enum verdict verdict;

	blank(&n, entry->id, entry->advice);
	if (v->rules->off[i]) {
		if (s->open)
			clear(in, s, &n, "switched off", v->at);
		return;
	}
	/* While nothing is heard, only the link has something to say. */
	if (v->fresh == 0 && i > INCIDENT_PUBLISH_BLOCKED)
		return;
	if (incidents_missing(i, v->cur) != NULL) {
		/* Another run, or other grants: else it would be open for ever. */
		if (s->open && is_fresh(v, SNAPSHOT_WIDE))
			clear(in, s, &n, "can no longer be known", v->at);
		return;
	}
	verdict = d->detect(v, &s->scratch, &n);
	if (verdict != VERDICT_KEEP)
		judge(in, s, severities[verdict], hold, &n, v);
}

/*
 * The operator's own.
 */

static void
step_own(struct incidents *in, const struct view *v, unsigned i)
{
	const struct rule *r = &v->rules->own[i];
	const struct snapshot_field_info *field = snapshot_field(r->field);
	double value = snapshot_get(v->cur, r->field);
	enum severity severity = SEVERITY_NONE;
	struct notice n;

	if (!is_fresh(v, field->part))
		return;
	blank(&n, r->id, "");
	if (snapshot_has(v->cur, r->field) &&
	    rules_compare(r->comparison, value, r->limit)) {
		severity = r->severity;
		detect_say(&n, "%.200s (%s %.10g %s %.10g)", r->text, field->name,
			   value, rules_comparison_name(r->comparison), r->limit);
		notice_figure(&n, field->name, value);
		notice_figure(&n, "limit", r->limit);
	}
	judge(in, &in->own[i].state, severity, (struct hold){ .for_s = r->for_s }, &n,
	      v);
}

static bool
own_is_as(const struct incidents *in, const struct rules *rules)
{
	if (in->own_count != rules->own_count)
		return false;
	for (size_t i = 0; i < rules->own_count; i++) {
		if (strcmp(in->own[i].id, rules->own[i].id) != 0)
			return false;
	}
	return true;
}

/*
 * Rules may have changed: a row takes its state along to its new place, and what
 * is open under an id that is gone is closed.
 */
static void
match_own(struct incidents *in, const struct view *v)
{
	const struct rules *rules = v->rules;
	struct own *was = in->own;
	size_t was_count = in->own_count;

	if (own_is_as(in, rules))
		return;
	in->own_count = rules->own_count;
	in->own = rules->own_count > 0 ? xcalloc(rules->own_count, sizeof(in->own[0]))
				       : NULL;
	for (size_t i = 0; i < rules->own_count; i++) {
		in->own[i].id = xstrdup(rules->own[i].id);
		for (size_t k = 0; k < was_count; k++) {
			if (strcmp(was[k].id, rules->own[i].id) != 0)
				continue;
			in->own[i].state = was[k].state;
			was[k].state = (struct state){ 0 };
		}
	}
	for (size_t k = 0; k < was_count; k++) {
		struct notice n = { .incident = was[k].id, .advice = "" };

		if (was[k].state.open)
			clear(in, &was[k].state, &n, "no longer a rule", v->at);
		free(was[k].id);
	}
	free(was);
}

/*
 * What survives in the history.
 */

static void
remember(const struct incidents *in, struct history *h)
{
	for (unsigned i = 0; i < INCIDENT_COUNT; i++) {
		const struct state *s = &in->catalogue[i];
		struct history_open *o = &h->open[i];

		/* Since when: that changes with the first of these only. */
		if (o->open == s->open && o->acked == s->acked &&
		    o->severity == s->severity)
			continue;
		*o = (struct history_open){ s->open, s->acked, s->severity, s->since };
		h->dirty = true;
	}
}

void
incidents_restore(struct incidents *in, const struct history *h)
{
	for (unsigned i = 0; i < INCIDENT_COUNT; i++) {
		struct state *s = &in->catalogue[i];

		s->open = h->open[i].open;
		s->acked = h->open[i].acked;
		s->severity = h->open[i].severity;
		s->since = h->open[i].since;
	}
}

/*
 * The verbs.
 */

struct incidents *
incidents_new(incidents_emit_fn *emit, void *owner)
{
	struct incidents *in = xcalloc(1, sizeof(*in));

	in->emit = emit;
	in->owner = owner;
	return in;
}

void
incidents_free(struct incidents *in)
{
	if (in == NULL)
		return;
	for (unsigned i = 0; i < INCIDENT_COUNT; i++)
		free(in->catalogue[i].told);
	for (size_t i = 0; i < in->own_count; i++) {
		free(in->own[i].state.told);
		free(in->own[i].id);
	}
	free(in->own);
	free(in);
}

void
incidents_step(struct incidents *in, const struct view *v, struct history *history)
{
	if (v->run != RUN_SAME) {
		for (unsigned i = 0; i < INCIDENT_COUNT; i++)
			in->catalogue[i].scratch = (struct scratch){ 0 };
	}
	for (unsigned i = 0; i < INCIDENT_COUNT; i++)
		step_catalogue(in, v, (enum incident)i);
	match_own(in, v);
	for (unsigned i = 0; i < v->rules->own_count; i++)
		step_own(in, v, i);
	remember(in, history);
}

void
incidents_close(struct incidents *in, const char *why, struct instant at,
		struct history *history)
{
	for (unsigned i = 0; i < INCIDENT_COUNT; i++) {
		struct notice n = { .incident = catalogue_entry((enum incident)i)->id };

		if (in->catalogue[i].open)
			clear(in, &in->catalogue[i], &n, why, at);
		in->catalogue[i] = (struct state){ 0 };
	}
	for (size_t i = 0; i < in->own_count; i++) {
		struct notice n = { .incident = in->own[i].id };

		if (in->own[i].state.open)
			clear(in, &in->own[i].state, &n, why, at);
		in->own[i].state = (struct state){ 0 };
	}
	remember(in, history);
}

void
incidents_end(struct incidents *in, enum incident incident, const char *why,
	      struct instant at, struct history *history)
{
	struct notice n = { .incident = catalogue_entry(incident)->id };

	if (in->catalogue[incident].open)
		clear(in, &in->catalogue[incident], &n, why, at);
	remember(in, history);
}

/* Places: those of the catalogue first, then the operator's own. */
static size_t
places(const struct incidents *in)
{
	return INCIDENT_COUNT + in->own_count;
}

static const struct state *
state_at(const struct incidents *in, size_t place)
{
	return place < INCIDENT_COUNT ? &in->catalogue[place]
				      : &in->own[place - INCIDENT_COUNT].state;
}

static const char *
id_at(const struct incidents *in, size_t place)
{
	return place < INCIDENT_COUNT ? catalogue_entry((enum incident)place)->id
				      : in->own[place - INCIDENT_COUNT].id;
}

bool
incidents_open(const struct incidents *in, unsigned i, struct instant at,
	       struct notice *n)
{
	const struct state *s;
	size_t place;

	for (place = 0; place < places(in); place++) {
		if (state_at(in, place)->open && i-- == 0)
			break;
	}
	if (place == places(in))
		return false;
	s = state_at(in, place);
	if (s->told != NULL)
		*n = *s->told;
	else
		*n = (struct notice){
			.summary = "open when pinfod last ended, and not seen since",
			.advice = "",
		};
	n->kind = NOTICE_OPEN;
	n->incident = id_at(in, place);
	n->severity = s->severity;
	n->since = s->since;
	n->at = at.wall;
	n->acked = s->acked;
	return true;
}

void
incidents_tell(struct incidents *in, struct instant at)
{
	struct notice n;

	for (unsigned i = 0; incidents_open(in, i, at, &n); i++)
		in->emit(in->owner, &n);
}

void
incidents_counts(const struct incidents *in, unsigned *warning, unsigned *critical)
{
	*warning = *critical = 0;
	for (size_t place = 0; place < places(in); place++) {
		const struct state *s = state_at(in, place);

		if (s->open && s->severity >= SEVERITY_WARNING)
			++*(s->severity == SEVERITY_CRITICAL ? critical : warning);
	}
}

bool
incidents_ack(struct incidents *in, const char *id, struct history *history)
{
	for (size_t place = 0; place < places(in); place++) {
		if (!state_at(in, place)->open || strcmp(id_at(in, place), id) != 0)
			continue;
		if (place < INCIDENT_COUNT)
			in->catalogue[place].acked = true;
		else
			in->own[place - INCIDENT_COUNT].state.acked = true;
		remember(in, history);
		return true;
	}
	return false;
}

const char *
incidents_missing(enum incident incident, const struct snapshot *s)
{
	const struct detector *d = &detectors[incident];

	for (unsigned i = 0; i < NEEDS_MAX; i++) {
		if (d->needs[i] != F_loading && !snapshot_has(s, d->needs[i]))
			return snapshot_field(d->needs[i])->name;
	}
	return NULL;
}
