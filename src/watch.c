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
#include "xalloc.h"

#define WIDE_EVERY_NS (5 * NS_PER_S)
/* A sample is never exactly on time. */
#define WIDE_SLACK_NS (NS_PER_S / 2)

/* Not equally spaced, for a busy server's gauges beat with the second. */
static const int64_t repeat_ns[] = { 370 * NS_PER_MS, 830 * NS_PER_MS, 1310 * NS_PER_MS,
				     2100 * NS_PER_MS };
#define REPEATS 4
/* A repeat that is later than that says nothing. */
#define REPEAT_LATE_NS (250 * NS_PER_MS)

/* When it began, the clock says for a server that has not saved yet. */
#define START_MARGIN_S 2

struct watch {
	const char *name, *address;
	const struct rules *rules;
	const struct watch_handlers *handlers;
	void *owner;
	struct incidents *incidents;
	struct history history;
	bool restored; /* the history's open incidents are back */

	struct snapshot cur, prev;
	bool heard;	  /* cur holds a sample */
	bool comparable;  /* and prev one of the same run */
	unsigned fresh;	  /* parts that no step has seen */
	unsigned awaited; /* parts that the next step waits for */
	unsigned refused; /* parts that this connection does not give */
	char why_refused[2][160];
	bool unsure;			/* whether it is the run that was seen before */
	struct mono wide_at, config_at; /* 0: not on this connection */
	struct wide_times wide;

	enum target_state state;
	struct mono state_since, not_up_since;
	char reason[160];
	enum publish_state publish;
	char publish_reason[160];

	enum child_kind child;
	double keys_before; /* -1: nothing is missing */
	bool tally_known;
	double tally_saves, tally_rewrites, tally_forks;
	struct mono pending_since; /* an fsync; 0: none */
	unsigned repeats;	   /* in which it was seen again */
	bool fsync_pending;
	bool offset_known;
	double offset; /* of replication, when the last save was seen */
	struct facts facts;
	char blind[160];
};

/*
 * Telling: whatever is emitted below gets who it is, and what is at risk.
 */

static void
emit(void *arg, struct notice *n)
{
	struct watch *w = arg;
	struct instant at = { .wall = n->at };

	n->target = w->name;
	n->address = w->address;
	n->run_id = w->cur.run_id;
	n->role = w->cur.role;
	n->version = w->cur.version;
	n->at_risk = watch_at_risk(w, at);
	incidents_counts(w->incidents, &n->open_warning, &n->open_critical);
	w->handlers->notice(w->owner, n);
}

static void
tell_fact(struct watch *w, enum incident fact, struct notice *n)
{
	if (!w->rules->off[fact])
		emit(w, n);
}

/*
 * What the snapshots say of the run as a whole.
 */

/* The server's clock where it tells, else ours. */
static double
server_now_s(const struct watch *w, struct instant at)
{
	double ours = clock_wall_s(at.wall);

	if (!snapshot_has(&w->cur, F_server_time_usec))
		return ours;
	return snapshot_get(&w->cur, F_server_time_usec) / 1e6 +
	       (ours - clock_wall_s(w->wide.came.wall));
}

/*
 * At boot the last save's time is the start's, and says nothing. What pinfod
 * has seen itself is better. -1: unknown.
 */
static double
last_save(const struct watch *w)
{
	double saved = snapshot_get(&w->cur, F_rdb_last_save_time), start;

	if (w->unsure || !snapshot_has(&w->cur, F_rdb_last_save_time) ||
	    !snapshot_has(&w->cur, F_uptime_in_seconds))
		return w->history.last_save;
	start = (snapshot_has(&w->cur, F_server_time_usec)
			 ? snapshot_get(&w->cur, F_server_time_usec) / 1e6
			 : clock_wall_s(w->wide.came.wall)) -
		snapshot_get(&w->cur, F_uptime_in_seconds);
	if (fabs(saved - start) <= START_MARGIN_S)
		return w->history.last_save;
	return saved;
}

static double
save_age_s(const struct watch *w, struct instant at)
{
	double saved = last_save(w);

	return saved < 0 ? NAN : fmax(0, server_now_s(w, at) - saved);
}

struct at_risk
watch_at_risk(const struct watch *w, struct instant at)
{
	struct at_risk risk = { NAN, NAN, NAN };
	double changes = snapshot_get(&w->cur, F_rdb_changes_since_last_save);
	double offset = snapshot_get(&w->cur, F_master_repl_offset);

	/* With an AOF that works, what is at risk is up to its fsyncs. */
	if (!w->heard || snapshot_get(&w->cur, F_aof_enabled) != 0 ||
	    !snapshot_has(&w->cur, F_rdb_changes_since_last_save))
		return risk;
	risk.operations = changes;
	risk.seconds = changes > 0 ? save_age_s(w, at) : 0;
	if (changes == 0)
		risk.bytes = 0;
	else if (w->offset_known && snapshot_get(&w->cur, F_repl_backlog_active) != 0)
		risk.bytes = fmax(0, offset - w->offset);
	return risk;
}

static double
risen(const struct watch *w, enum snapshot_field field)
{
	return snapshot_get(&w->cur, field) - snapshot_get(&w->prev, field);
}

/*
 * A save to disk shows by its attempt (from 7.0), unless that is explained by a
 * save that has ended meanwhile and was not the child that we saw; before 7.0,
 * and for a child that ran when we came, by the replicas that do not wait for it.
 */
static void
note_child(struct watch *w)
{
	bool runs = snapshot_get(&w->cur, F_rdb_bgsave_in_progress) != 0;
	bool ran =
		w->comparable && snapshot_get(&w->prev, F_rdb_bgsave_in_progress) != 0;
	bool saved = w->comparable && risen(w, F_rdb_last_save_time) != 0;
	/* Another one, when the one before ended between two samples. */
	bool another = ran && (risen(w, F_rdb_current_bgsave_time_sec) < 0 ||
			       risen(w, F_rdb_saves) > 0 || saved);
	bool began = w->comparable && (!ran || another);
	double attempts = risen(w, F_rdb_saves);

	if (!runs) {
		w->child = CHILD_NONE;
		return;
	}
	if (!began && w->child != CHILD_UNKNOWN && w->child != CHILD_NONE)
		return;
	if (began && snapshot_has(&w->cur, F_rdb_saves)) {
		if (saved && !(ran && w->child == CHILD_DISK))
			attempts--;
		w->child = attempts > 0 ? CHILD_DISK : CHILD_SYNC;
	} else if (snapshot_has(&w->cur, F_replicas_syncing) &&
		   (w->fresh & SNAPSHOT_WIDE)) {
		w->child = snapshot_get(&w->cur, F_replicas_syncing) > 0 ? CHILD_SYNC
									 : CHILD_DISK;
	} else {
		w->child = CHILD_UNKNOWN;
	}
}

/* A save ended: the time of the last one moved within a run. */
static void
note_saves(struct watch *w)
{
	double seconds = snapshot_get(&w->cur, F_rdb_last_bgsave_time_sec);
	double saved = last_save(w);
	bool moved =
		w->comparable && snapshot_get(&w->cur, F_rdb_last_save_time) !=
					 snapshot_get(&w->prev, F_rdb_last_save_time);

	if (moved)
		saved = snapshot_get(&w->cur, F_rdb_last_save_time);
	if (saved != w->history.last_save && saved >= 0) {
		w->history.last_save = saved;
		w->history.dirty = true;
	}
	if (!moved)
		return;
	if (seconds > w->history.longest_save_s) {
		w->history.longest_save_s = seconds;
		w->history.dirty = true;
	}
	w->offset_known = snapshot_has(&w->cur, F_master_repl_offset);
	w->offset = snapshot_get(&w->cur, F_master_repl_offset);
}

/*
 * Keys count when they are all there: not while loading, and on a replica not
 * without its master. Those of the run before stay until as many are back.
 */
static void
note_keys(struct watch *w)
{
	const struct snapshot *s = &w->cur;

	if (!(w->fresh & SNAPSHOT_WIDE) || !snapshot_has(s, F_keys) ||
	    snapshot_get(s, F_loading) != 0 || snapshot_get(s, F_async_loading) != 0 ||
	    (strcmp(s->role, "slave") == 0 &&
	     snapshot_get(s, F_master_link_status) == 0))
		return;
	if (w->keys_before >= 0 &&
	    incidents_is_open(w->incidents, INCIDENT_SERVER_RESTARTED_EMPTY))
		return;
	w->keys_before = -1;
	/* They change all the time: only when it is by much they must be kept. */
	if (fabs(snapshot_get(s, F_keys) - w->history.keys_kept) >
	    0.1 * w->history.keys_kept) {
		w->history.keys_kept = snapshot_get(s, F_keys);
		w->history.dirty = true;
	}
	w->history.keys = snapshot_get(s, F_keys);
}

/* What a restart would lose, or has lost; with an AOF nobody knows. */
static void
note_changes(struct watch *w, struct instant at)
{
	double operations = watch_at_risk(w, at).operations;

	if (!w->unsure)
		w->history.changes = isnan(operations) ? -1 : operations;
}

static void
tell_restart(struct watch *w, struct instant at)
{
	struct notice n = facts_notice(FACT_SERVER_RESTARTED, SEVERITY_WARNING, at);
	char span[CLOCK_SPAN_BYTES], lost[96] = "";
	double changes = w->history.changes;

	if (changes >= 0)
		snprintf(lost, sizeof(lost),
			 "; at the last sample before, %.0f changes were not saved",
			 changes);
	snprintf(n.summary, sizeof(n.summary), "the server was restarted %s ago%s",
		 clock_span(span, snapshot_get(&w->cur, F_uptime_in_seconds)), lost);
	notice_figure(&n, "uptime_s", snapshot_get(&w->cur, F_uptime_in_seconds));
	notice_figure(&n, "changes_before", changes < 0 ? NAN : changes);
	notice_figure(&n, "keys_before", w->history.keys < 0 ? NAN : w->history.keys);
	tell_fact(w, FACT_SERVER_RESTARTED, &n);
}

/* Whether this is another run than the last that was seen. */
static bool
note_run(struct watch *w, struct instant at)
{
	bool known = w->history.run_id[0] != '\0';

	if (!(w->fresh & SNAPSHOT_WIDE) || w->cur.run_id[0] == '\0' ||
	    strcmp(w->cur.run_id, w->history.run_id) == 0)
		return false;
	if (known) {
		tell_restart(w, at);
		w->keys_before = w->history.keys;
	}
	snprintf(w->history.run_id, sizeof(w->history.run_id), "%s", w->cur.run_id);
	w->history.dirty = true;
	w->tally_known = w->offset_known = false;
	w->child = CHILD_NONE;
	return known;
}

/*
 * A pending fsync is a long one only when it is there in each repeat of the
 * sample that saw it.
 */
static void
note_pending(struct watch *w, struct mono now)
{
	int64_t since = clock_diff_ns(now, w->pending_since);

	if (!(w->fresh & SNAPSHOT_NARROW))
		return;
	w->fsync_pending = false;
	if (snapshot_get(&w->cur, F_aof_pending_bio_fsync) <= 0) {
		w->pending_since.ns = 0;
		return;
	}
	if (w->pending_since.ns == 0 ||
	    since > repeat_ns[w->repeats] + REPEAT_LATE_NS) {
		w->pending_since = now;
		w->repeats = 0;
	} else if (since >= repeat_ns[w->repeats] && ++w->repeats == REPEATS) {
		w->fsync_pending = true;
		w->pending_since = now;
		w->repeats = 0;
	}
}

struct mono
watch_repeat(const struct watch *w)
{
	if (w->pending_since.ns == 0)
		return (struct mono){ 0 };
	return clock_add_ns(w->pending_since, repeat_ns[w->repeats]);
}

/*
 * A step.
 */

static void
keep_tally(struct watch *w)
{
	if (!(w->fresh & SNAPSHOT_WIDE))
		return;
	w->tally_known = snapshot_has(&w->cur, F_total_forks);
	w->tally_saves = snapshot_get(&w->cur, F_rdb_saves);
	w->tally_rewrites = snapshot_get(&w->cur, F_aof_rewrites);
	w->tally_forks = snapshot_get(&w->cur, F_total_forks);
}

static void
step(struct watch *w, struct instant at)
{
	struct view v = {
		.cur = &w->cur,
		.fresh = w->fresh,
		.at = at,
		.rules = w->rules,
		.history = &w->history,
		.state = w->state,
		.reason = w->reason,
		.state_since = w->state_since,
		.publish = w->publish,
		.publish_reason = w->publish_reason,
		.refused = w->refused,
	};

	if (w->fresh != 0) {
		v.new_run = note_run(w, at);
		/* Nor is what came before a sure answer to who it is. */
		if (v.new_run || (w->unsure && !(w->fresh & SNAPSHOT_WIDE)))
			w->comparable = false;
		if (w->fresh & SNAPSHOT_WIDE)
			w->unsure = false;
		note_child(w);
		note_saves(w);
		note_pending(w, at.mono);
	}
	v.prev = w->comparable ? &w->prev : &w->cur;
	v.child = w->child;
	v.save_age_s = save_age_s(w, at);
	v.server_now_s = server_now_s(w, at);
	v.keys_before = w->keys_before;
	v.fsync_pending = w->fsync_pending;
	v.tally_known = w->tally_known;
	v.tally_saves = w->tally_saves;
	v.tally_rewrites = w->tally_rewrites;
	v.tally_forks = w->tally_forks;
	if (w->fresh != 0)
		facts_step(&w->facts, &v, &w->wide, emit, w);
	incidents_step(w->incidents, &v, &w->history);
	if (w->fresh != 0) {
		note_keys(w);
		note_changes(w, at);
		keep_tally(w);
		w->comparable = true;
	}
	w->fresh = w->awaited = 0;
}

/* What is new from now on is compared with what is there now. */
static void
begin(struct watch *w)
{
	if (w->fresh == 0)
		w->prev = w->cur;
	w->heard = true;
}

static bool
changed(const struct watch *w, enum snapshot_field field)
{
	return snapshot_get(&w->cur, field) != snapshot_get(&w->prev, field);
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
	return (snapshot_has(&w->cur, F_rdb_last_bgsave_status) &&
		snapshot_get(&w->cur, F_rdb_last_bgsave_status) == 0) ||
	       (snapshot_has(&w->cur, F_aof_last_write_status) &&
		snapshot_get(&w->cur, F_aof_last_write_status) == 0);
}

/* Judges what is there, unless something that is on its way must be seen first. */
static void
step_unless_awaited(struct watch *w, struct instant at)
{
	w->awaited &= ~(w->refused | w->fresh);
	if (w->awaited == 0 && w->fresh != 0)
		step(w, at);
}

void
watch_narrow(struct watch *w, const char *text, size_t len, struct instant at)
{
	/* It has waited long enough. */
	if (w->fresh & SNAPSHOT_NARROW)
		step(w, at);
	begin(w);
	snapshot_parse(&w->cur, SNAPSHOT_NARROW, text, len);
	w->fresh |= SNAPSHOT_NARROW;
	if (w->wide_at.ns == 0)
		w->awaited |= SNAPSHOT_WIDE | SNAPSHOT_CONFIG;
	else if (w->comparable && (asks_why(w) || may_refuse_writes(w)))
		w->awaited |= SNAPSHOT_WIDE;
	step_unless_awaited(w, at);
}

void
watch_wide(struct watch *w, const char *text, size_t len, struct mono sent,
	   struct instant at)
{
	begin(w);
	snapshot_parse(&w->cur, SNAPSHOT_WIDE, text, len);
	w->fresh |= SNAPSHOT_WIDE;
	w->wide_at = at.mono;
	w->wide = (struct wide_times){ sent, at };
	step_unless_awaited(w, at);
}

void
watch_config(struct watch *w, const char *text, size_t len, struct instant at)
{
	begin(w);
	snapshot_parse(&w->cur, SNAPSHOT_CONFIG, text, len);
	w->fresh |= SNAPSHOT_CONFIG;
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
	w->unsure = true;
	w->pending_since.ns = 0;
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
	w->publish = publish;
	if (state != was) {
		w->state = state;
		w->state_since = at.mono;
		if (was == TARGET_UP)
			w->not_up_since = at.mono;
		else if (state == TARGET_UP && w->heard)
			tell_up(w, at);
	}
	/* What is fresh waits for its own step, unless what it waits for cannot come. */
	if (w->fresh == 0 || state != TARGET_UP)
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

void
watch_started(struct watch *w, struct instant at)
{
	struct notice n = facts_notice(FACT_TARGET_STARTED, SEVERITY_INFO, at);

	if (!w->restored)
		incidents_restore(w->incidents, &w->history);
	w->restored = true;
	w->keys_before = w->history.open[INCIDENT_SERVER_RESTARTED_EMPTY].open
				 ? w->history.keys
				 : -1;
	w->state = TARGET_STARTING;
	w->state_since = w->not_up_since = at.mono;
	snprintf(n.summary, sizeof(n.summary), "it is watched");
	tell_fact(w, FACT_TARGET_STARTED, &n);
}

void
watch_stopped(struct watch *w, struct instant at)
{
	struct notice n = facts_notice(FACT_TARGET_STOPPED, SEVERITY_INFO, at);

	incidents_close(w->incidents, "no longer watched", at, &w->history);
	/* What is done to a server meanwhile was told us by STOP. */
	w->history.run_id[0] = '\0';
	w->history.dirty = true;
	w->heard = w->comparable = false;
	w->fresh = w->awaited = 0;
	w->wide_at.ns = w->config_at.ns = w->pending_since.ns = 0;
	w->cur = w->prev = (struct snapshot){ 0 };
	w->child = CHILD_NONE;
	w->tally_known = w->offset_known = w->fsync_pending = false;
	w->facts = (struct facts){ 0 };
	w->keys_before = -1;
	w->state = TARGET_STOPPED;
	snprintf(n.summary, sizeof(n.summary), "it is no longer watched");
	tell_fact(w, FACT_TARGET_STOPPED, &n);
}

void
watch_set_rules(struct watch *w, const struct rules *rules, struct instant at)
{
	w->rules = rules;
	/* Told anew, for nobody knows who began to listen. */
	incidents_tell(w->incidents, at);
	if (w->state != TARGET_STOPPED && w->fresh == 0)
		step(w, at);
}

/*
 * Questions.
 */

struct history *
watch_history(struct watch *w)
{
	return &w->history;
}

const struct snapshot *
watch_snapshot(const struct watch *w)
{
	return w->heard ? &w->cur : NULL;
}

void
watch_set_address(struct watch *w, const char *address)
{
	w->address = address;
}

bool
watch_open(const struct watch *w, unsigned i, struct instant at, struct notice *n)
{
	if (!incidents_open(w->incidents, i, at, n))
		return false;
	n->target = w->name;
	n->address = w->address;
	n->run_id = w->cur.run_id;
	n->role = w->cur.role;
	n->version = w->cur.version;
	n->at_risk = watch_at_risk(w, at);
	incidents_counts(w->incidents, &n->open_warning, &n->open_critical);
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
		w->keys_before = -1;
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
		const char *missing = incidents_missing((enum incident)k, &w->cur);

		if (missing == NULL || i-- > 0)
			continue;
		if (w->why_refused[0][0] != '\0')
			snprintf(w->blind, sizeof(w->blind),
				 "%s: %s is not told (%.80s)", id, missing,
				 w->why_refused[0]);
		else
			snprintf(w->blind, sizeof(w->blind),
				 "%s: this server does not tell %s", id, missing);
		return w->blind;
	}
	if ((w->refused & SNAPSHOT_CONFIG) && i == 0) {
		snprintf(w->blind, sizeof(w->blind), "save points: %.140s",
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
	w->address = "";
	w->rules = rules;
	w->handlers = handlers;
	w->owner = owner;
	w->state = TARGET_STOPPED;
	w->keys_before = -1;
	history_init(&w->history);
	w->incidents = incidents_new(emit, w);
	return w;
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	incidents_free(w->incidents);
	free(w);
}
