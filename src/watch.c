/*
 * watch: see watch.h.
 *
 * A sample that changes in a way that asks why is not judged before the wide
 * sections have answered, too, or the next sample is there: so a failed save is
 * told with its cause, and a restarted server is not taken for one whose counters
 * fell.
 */
#include "watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "incidents.h"
#include "rules.h"
#include "run.h"
#include "xalloc.h"

#define WIDE_EVERY_NS (5 * NS_PER_S)
/* A sample is never exactly on time. */
#define WIDE_SLACK_NS (NS_PER_S / 2)

struct watch {
	const char *name;
	char *address; /* "" until it is set */
	const struct rules *rules;
	const struct watch_handlers *handlers;
	void *owner;
	struct incidents *incidents;
	struct history history;

	struct samples samples;
	struct run run;
	bool heard;	  /* there is a sample */
	bool answered;	  /* there was one since it is watched, of it or of its role */
	unsigned awaited; /* parts that the next step waits for */
	unsigned refused; /* parts that this connection does not give */
	char why_refused[2][160];
	struct mono narrow_at;		/* the last answer */
	struct mono wide_at, config_at; /* 0: not on this connection */

	enum target_state state;
	struct mono state_since, not_up_since;
	char reason[160];
	enum publish_state publish;
	char publish_reason[160];
	struct mono publish_since;

	struct facts facts;
	char blind[320];
};

/*
 * Telling.
 */

/* Who it is, and what is at risk. */
static void
sign(const struct watch *w, struct notice *n)
{
	n->target = w->name;
	n->address = w->address;
	n->run_id = w->samples.cur.run_id;
	n->role = w->samples.cur.role;
	n->version = w->samples.cur.version;
	n->at_risk = run_at_risk(&w->run, &w->samples, &w->history, n->at);
	incidents_counts(w->incidents, &n->open_warning, &n->open_critical);
}

static void
emit(void *arg, struct notice *n)
{
	struct watch *w = arg;

	sign(w, n);
	w->handlers->notice(w->owner, n);
}

static void
tell_fact(struct watch *w, enum incident fact, struct notice *n)
{
	if (!w->rules->off[fact])
		emit(w, n);
}

/*
 * A step.
 */

static void
step(struct watch *w, struct instant at)
{
	struct samples *p = &w->samples;
	struct view v = {
		.at = at,
		.rules = w->rules,
		.state = w->state,
		.reason = w->reason,
		.state_since = w->state_since,
		.publish = w->publish,
		.publish_reason = w->publish_reason,
		.publish_since = w->publish_since,
		.refused = w->refused,
	};

	if (p->fresh != 0)
		v.run = run_learn(&w->run, p, &w->history, at.mono);
	run_show(&w->run, p, &w->history, &v);
	if (p->fresh != 0)
		facts_step(&w->facts, &v, &p->wide, emit, w);
	incidents_step(w->incidents, &v, &w->history);
	if (p->fresh != 0) {
		run_keep(&w->run, p, &w->history);
		p->comparable = true;
	}
	p->fresh = w->awaited = 0;
}

/* Whether what was learnt is of another server. */
static bool
is_foreign(const struct watch *w)
{
	return w->samples.identity == IDENTITY_ADDRESS &&
	       run_has_moved(&w->samples, &w->history);
}

/* Not before: a reload that is taken back was none. */
static void
forget_foreign(struct watch *w)
{
	if (!is_foreign(w))
		return;
	history_init(&w->history);
	w->history.dirty = true;
}

/* What is new from now on is compared with what is there now. */
static void
begin(struct watch *w)
{
	if (!w->heard)
		forget_foreign(w);
	if (w->samples.fresh == 0)
		w->samples.prev = w->samples.cur;
	w->heard = w->answered = true;
}

static bool
changed(const struct watch *w, enum snapshot_field field)
{
	return snapshot_get(&w->samples.cur, field) !=
	       snapshot_get(&w->samples.prev, field);
}

static bool
asks_why(const struct watch *w)
{
	return changed(w, F_rdb_last_bgsave_status) || changed(w, F_rdb_saves) ||
	       changed(w, F_rdb_bgsave_in_progress) ||
	       changed(w, F_rdb_last_save_time) || changed(w, F_aof_rewrites) ||
	       changed(w, F_aof_rewrite_in_progress) ||
	       changed(w, F_aof_last_bgrewrite_status) ||
	       changed(w, F_aof_last_write_status) || changed(w, F_aof_enabled) ||
	       changed(w, F_aof_delayed_fsync) || changed(w, F_loading) ||
	       changed(w, F_async_loading);
}

/* While one of these is wrong, writes may be refused: the wide part tells. */
static bool
may_refuse_writes(const struct watch *w)
{
	return (snapshot_has(&w->samples.cur, F_rdb_last_bgsave_status) &&
		snapshot_get(&w->samples.cur, F_rdb_last_bgsave_status) == 0) ||
	       (snapshot_has(&w->samples.cur, F_aof_last_write_status) &&
		snapshot_get(&w->samples.cur, F_aof_last_write_status) == 0);
}

/* Judges what is there, unless something that is on its way must be seen first. */
static void
step_unless_awaited(struct watch *w, struct instant at)
{
	w->awaited &= ~(w->refused | w->samples.fresh);
	if (w->awaited == 0 && w->samples.fresh != 0)
		step(w, at);
}

void
watch_narrow(struct watch *w, const char *text, size_t len, struct instant at)
{
	/* It has waited long enough. */
	if (w->samples.fresh & SNAPSHOT_NARROW)
		step(w, at);
	begin(w);
	snapshot_parse(&w->samples.cur, SNAPSHOT_NARROW, text, len);
	w->samples.fresh |= SNAPSHOT_NARROW;
	w->narrow_at = at.mono;
	if (w->wide_at.ns == 0)
		w->awaited |= SNAPSHOT_WIDE | SNAPSHOT_CONFIG;
	else if (w->samples.comparable && (asks_why(w) || may_refuse_writes(w)))
		w->awaited |= SNAPSHOT_WIDE;
	step_unless_awaited(w, at);
}

void
watch_wide(struct watch *w, const char *text, size_t len, struct mono sent,
	   struct instant at)
{
	begin(w);
	snapshot_parse(&w->samples.cur, SNAPSHOT_WIDE, text, len);
	w->samples.fresh |= SNAPSHOT_WIDE;
	w->wide_at = at.mono;
	w->samples.wide = (struct wide_times){ sent, at };
	step_unless_awaited(w, at);
}

void
watch_config(struct watch *w, const char *text, size_t len, struct instant at)
{
	begin(w);
	snapshot_parse(&w->samples.cur, SNAPSHOT_CONFIG, text, len);
	w->samples.fresh |= SNAPSHOT_CONFIG;
	w->config_at = at.mono;
	step_unless_awaited(w, at);
}

void
watch_refused(struct watch *w, enum snapshot_part part, const char *why,
	      struct instant at)
{
	snprintf(w->why_refused[part == SNAPSHOT_CONFIG], sizeof(w->why_refused[0]),
		 "%s", why);
	/* Of the wide part some sections are refused, and the others still come. */
	if (part == SNAPSHOT_CONFIG)
		w->refused |= part;
	step_unless_awaited(w, at);
}

static bool
is_due(const struct watch *w, enum snapshot_part part, struct mono last,
       struct mono now)
{
	if (w->refused & part)
		return false;
	return last.ns == 0 || (w->awaited & part) ||
	       clock_diff_ns(now, last) >= WIDE_EVERY_NS - WIDE_SLACK_NS;
}

enum watch_want
watch_wants(const struct watch *w, struct mono now)
{
	if (w->state != TARGET_UP || !w->heard)
		return WATCH_WANTS_NOTHING;
	if (is_due(w, SNAPSHOT_WIDE, w->wide_at, now))
		return WATCH_WANTS_WIDE;
	return is_due(w, SNAPSHOT_CONFIG, w->config_at, now) ? WATCH_WANTS_CONFIG
							     : WATCH_WANTS_NOTHING;
}

/*
 * The link, and the daemon itself.
 */

void
watch_connected(struct watch *w, struct instant at)
{
	(void)at;
	w->refused = 0;
	w->why_refused[0][0] = w->why_refused[1][0] = '\0';
	/* It may be another run: judge nothing before that is known. */
	w->wide_at.ns = w->config_at.ns = 0;
	run_connected(&w->run, &w->samples);
}

static void
tell_up(struct watch *w, struct instant at)
{
	struct notice n = facts_notice(FACT_LINK_UP, SEVERITY_INFO, at);
	double seconds = clock_diff_s(at.mono, w->not_up_since);
	char span[CLOCK_SPAN_BYTES];

	snprintf(n.summary, sizeof(n.summary), "it answers again after %s",
		 clock_span(span, seconds));
	notice_figure(&n, "seconds", seconds);
	tell_fact(w, FACT_LINK_UP, &n);
}

void
watch_link(struct watch *w, enum target_state state, const char *reason,
	   enum publish_state publish, const char *publish_reason, struct instant at)
{
	enum target_state was = w->state;

	snprintf(w->reason, sizeof(w->reason), "%s", reason != NULL ? reason : "");
	snprintf(w->publish_reason, sizeof(w->publish_reason), "%s",
		 publish_reason != NULL ? publish_reason : "");
	if (publish != w->publish)
		w->publish_since = at.mono;
	w->publish = publish;
	if (state != was) {
		w->state = state;
		w->state_since = at.mono;
		/* What is silent has been so since its last answer. */
		if (was == TARGET_UP && state == TARGET_SILENT)
			w->state_since = w->narrow_at;
		if (was == TARGET_UP)
			w->not_up_since = w->state_since;
		else if (state == TARGET_UP && w->answered)
			tell_up(w, at);
	}
	/* What is fresh waits for its own step, unless what it waits for cannot come. */
	if (w->samples.fresh == 0 || state != TARGET_UP)
		step(w, at);
}

void
watch_gap(struct watch *w, double seconds, struct instant at)
{
	struct notice n = facts_notice(FACT_WATCH_GAP, SEVERITY_WARNING, at);
	char span[CLOCK_SPAN_BYTES];

	snprintf(n.summary, sizeof(n.summary),
		 "pinfod itself took no sample for %s: suspended, or overloaded",
		 clock_span(span, seconds));
	notice_figure(&n, "seconds", seconds);
	tell_fact(w, FACT_WATCH_GAP, &n);
}

void
watch_heartbeat(struct watch *w, uint64_t samples, uint64_t missed, struct instant at)
{
	struct notice n = facts_notice(FACT_HEARTBEAT, SEVERITY_INFO, at);

	n.kind = NOTICE_HEARTBEAT;
	n.samples = samples;
	n.missed = missed;
	snprintf(n.summary, sizeof(n.summary), "%s", report_state_name(w->state));
	tell_fact(w, FACT_HEARTBEAT, &n);
}

/* There is no sample to compare the next one with, or to be shown. */
static void
drop_samples(struct watch *w)
{
	struct samples *p = &w->samples;

	w->heard = false;
	w->awaited = 0;
	*p = (struct samples){ .unsure = p->unsure,
			       .address = p->address,
			       .identity = p->identity };
	run_init(&w->run, &w->history);
	w->facts = (struct facts){ 0 };
}

static void
close_foreign(struct watch *w, struct instant at)
{
	incidents_close(w->incidents, "another server is watched", at, &w->history);
	w->answered = false;
}

void
watch_started(struct watch *w, struct instant at)
{
	struct notice n = facts_notice(FACT_TARGET_STARTED, SEVERITY_INFO, at);

	/* What was open when pinfod ended; after a STOP it is nothing. */
	incidents_restore(w->incidents, &w->history);
	if (is_foreign(w))
		close_foreign(w, at);
	run_init(&w->run, &w->history);
	w->answered = false;
	w->state = TARGET_STARTING;
	w->state_since = w->not_up_since = at.mono;
	snprintf(n.summary, sizeof(n.summary), "it is watched");
	tell_fact(w, FACT_TARGET_STARTED, &n);
}

void
watch_stopped(struct watch *w, struct instant at)
{
	watch_left(w, at);
	/* What is done to a server meanwhile was told us by STOP. */
	w->history.run_id[0] = '\0';
	w->history.dirty = true;
}

void
watch_left(struct watch *w, struct instant at)
{
	struct notice n = facts_notice(FACT_TARGET_STOPPED, SEVERITY_INFO, at);

	incidents_close(w->incidents, "no longer watched", at, &w->history);
	drop_samples(w);
	w->state = TARGET_STOPPED;
	snprintf(n.summary, sizeof(n.summary), "it is no longer watched");
	tell_fact(w, FACT_TARGET_STOPPED, &n);
}

void
watch_set_address(struct watch *w, const char *address, enum target_identity identity,
		  struct instant at)
{
	char *old = w->address;
	bool other = old[0] != '\0' && strcmp(old, address) != 0 &&
		     identity != IDENTITY_NODE;

	/* Told with the address of the one that it was open on. */
	if (other && identity == IDENTITY_ADDRESS)
		close_foreign(w, at);
	w->samples.address = w->address = xstrdup(address);
	w->samples.identity = identity;
	free(old);
	if (other)
		drop_samples(w);
}

void
watch_set_rules(struct watch *w, const struct rules *rules, struct instant at)
{
	w->rules = rules;
	/* Told anew, for nobody knows who began to listen. */
	incidents_tell(w->incidents, at);
	if (w->state != TARGET_STOPPED && w->samples.fresh == 0)
		step(w, at);
}

/*
 * Questions.
 */

struct mono
watch_repeat(const struct watch *w)
{
	return run_repeat(&w->run);
}

struct history *
watch_history(struct watch *w)
{
	return &w->history;
}

const struct snapshot *
watch_snapshot(const struct watch *w)
{
	return w->heard ? &w->samples.cur : NULL;
}

struct at_risk
watch_at_risk(const struct watch *w, struct instant at)
{
	return run_at_risk(&w->run, &w->samples, &w->history, at.wall);
}

bool
watch_open(const struct watch *w, unsigned i, struct instant at, struct notice *n)
{
	if (!incidents_open(w->incidents, i, at, n))
		return false;
	sign(w, n);
	return true;
}

void
watch_counts(const struct watch *w, unsigned *warning, unsigned *critical)
{
	incidents_counts(w->incidents, warning, critical);
}

bool
watch_ack(struct watch *w, const char *incident, struct instant at)
{
	if (!incidents_ack(w->incidents, incident, &w->history))
		return false;
	/* Nothing else would ever end this one but the keys themselves. */
	if (strcmp(incident, catalogue_entry(INCIDENT_SERVER_RESTARTED_EMPTY)->id) ==
	    0) {
		run_accept_keys(&w->run);
		incidents_end(w->incidents, INCIDENT_SERVER_RESTARTED_EMPTY,
			      "acknowledged", at, &w->history);
	}
	return true;
}

const char *
watch_blind(struct watch *w, unsigned i)
{
	if (!w->heard)
		return NULL;
	for (unsigned k = 0; k < INCIDENT_COUNT; k++) {
		const char *id = catalogue_entry((enum incident)k)->id;
		const char *missing =
			incidents_missing((enum incident)k, &w->samples.cur);

		if (missing == NULL || i-- > 0)
			continue;
		if (w->why_refused[0][0] != '\0')
			snprintf(w->blind, sizeof(w->blind), "%s: %s is not told (%s)",
				 id, missing, w->why_refused[0]);
		else
			snprintf(w->blind, sizeof(w->blind),
				 "%s: this server does not tell %s", id, missing);
		return w->blind;
	}
	if ((w->refused & SNAPSHOT_CONFIG) && i == 0) {
		snprintf(w->blind, sizeof(w->blind), "save points: %s",
			 w->why_refused[1]);
		return w->blind;
	}
	return NULL;
}

/*
 * Life.
 */

struct watch *
watch_new(const char *name, const struct rules *rules,
	  const struct watch_handlers *handlers, void *owner)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->name = name;
	w->samples.address = w->address = xstrdup("");
	w->rules = rules;
	w->handlers = handlers;
	w->owner = owner;
	w->state = TARGET_STOPPED;
	history_init(&w->history);
	run_init(&w->run, &w->history);
	w->incidents = incidents_new(emit, w);
	return w;
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	incidents_free(w->incidents);
	free(w->address);
	free(w);
}
