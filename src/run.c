/*
 * run: see run.h.
 */
#include "run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Not equally spaced, for a busy server's gauges beat with the second. */
static const int64_t repeat_ns[] = { 370 * NS_PER_MS, 830 * NS_PER_MS, 1310 * NS_PER_MS,
				     2100 * NS_PER_MS };
#define REPEATS 4
/* A repeat that is later than that says nothing. */
#define REPEAT_LATE_NS (250 * NS_PER_MS)

/* When it began, the clock says for a server that has not saved yet. */
#define START_MARGIN_S 2

void
run_init(struct run *run, const struct history *h)
{
	bool missing = h->open[INCIDENT_SERVER_RESTARTED_EMPTY].open;

	*run = (struct run){ .keys_before = missing ? h->keys : -1 };
}

void
run_connected(struct run *run, struct samples *samples)
{
	samples->unsure = true;
	run->pending_since.ns = 0;
}

void
run_accept_keys(struct run *run)
{
	run->keys_before = -1;
}

/*
 * When the last save was, and what would be lost without it.
 */

/* The server's clock where it tells, else ours. */
static double
server_now_s(const struct samples *p, struct wall now)
{
	double ours = clock_wall_s(now);

	if (!snapshot_has(&p->cur, F_server_time_usec))
		return ours;
	return snapshot_get(&p->cur, F_server_time_usec) / 1e6 +
	       (ours - clock_wall_s(p->wide.came.wall));
}

/*
 * At boot the last save's time is the start's, and says nothing. What pinfod
 * has seen itself is better. -1: unknown.
 */
static double
last_save(const struct samples *p, const struct history *h)
{
	double saved = snapshot_get(&p->cur, F_rdb_last_save_time), start;

	if (p->unsure || !snapshot_has(&p->cur, F_rdb_last_save_time) ||
	    !snapshot_has(&p->cur, F_uptime_in_seconds))
		return h->last_save;
	start = server_now_s(p, p->wide.came.wall) -
		snapshot_get(&p->cur, F_uptime_in_seconds);
	if (fabs(saved - start) <= START_MARGIN_S)
		return h->last_save;
	return saved;
}

static double
save_age_s(const struct samples *p, const struct history *h, struct wall now)
{
	double saved = last_save(p, h);

	return saved < 0 ? NAN : fmax(0, server_now_s(p, now) - saved);
}

/* With an AOF that works, what is at risk is up to its fsyncs. NAN: unknown. */
static double
unsaved_operations(const struct samples *p)
{
	if (snapshot_get(&p->cur, F_aof_enabled) != 0 ||
	    !snapshot_has(&p->cur, F_rdb_changes_since_last_save))
		return NAN;
	return snapshot_get(&p->cur, F_rdb_changes_since_last_save);
}

struct at_risk
run_at_risk(const struct run *run, const struct samples *p, const struct history *h,
	    struct wall now)
{
	double operations = unsaved_operations(p), bytes = NAN;
	double offset = snapshot_get(&p->cur, F_master_repl_offset);

	if (isnan(operations))
		return (struct at_risk){ NAN, NAN, NAN };
	if (operations == 0)
		return (struct at_risk){ 0, 0, 0 };
	if (run->offset_known && snapshot_get(&p->cur, F_repl_backlog_active) != 0)
		bytes = fmax(0, offset - run->offset);
	return (struct at_risk){
		.seconds = save_age_s(p, h, now),
		.operations = operations,
		.bytes = bytes,
	};
}

/*
 * Before it is judged.
 */

bool
run_has_moved(const struct samples *p, const struct history *h)
{
	return h->address[0] != '\0' && p->address[0] != '\0' &&
	       strcmp(h->address, p->address) != 0;
}

/* Whether this is another run than the last that was seen, and whose. */
static enum run_change
learn_run(struct run *run, const struct samples *p, struct history *h)
{
	bool known = h->run_id[0] != '\0';

	if (!(p->fresh & SNAPSHOT_WIDE) || p->cur.run_id[0] == '\0' ||
	    strcmp(p->cur.run_id, h->run_id) == 0)
		return RUN_SAME;
	snprintf(h->run_id, sizeof(h->run_id), "%s", p->cur.run_id);
	h->dirty = true;
	run->tally_known = run->offset_known = false;
	run->child = CHILD_NONE;
	if (!known)
		return RUN_SAME;
	run->keys_before = h->keys;
	h->switched = p->identity == IDENTITY_ROLE && run_has_moved(p, h);
	return h->switched ? RUN_SWITCHED : RUN_RESTARTED;
}

static double
risen(const struct samples *p, enum snapshot_field field)
{
	return snapshot_get(&p->cur, field) - snapshot_get(&p->prev, field);
}

/*
 * A save to disk shows by its attempt (from 7.0), unless that is explained by a
 * save that has ended meanwhile and was not the child that we saw; before 7.0,
 * and for a child that ran when we came, by the replicas that do not wait for it.
 */
static void
learn_child(struct run *run, const struct samples *p)
{
	bool runs = snapshot_get(&p->cur, F_rdb_bgsave_in_progress) != 0;
	bool ran =
		p->comparable && snapshot_get(&p->prev, F_rdb_bgsave_in_progress) != 0;
	bool saved = p->comparable && risen(p, F_rdb_last_save_time) != 0;
	/* Another one, when the one before ended between two samples. */
	bool another = ran && (risen(p, F_rdb_current_bgsave_time_sec) < 0 ||
			       risen(p, F_rdb_saves) > 0 || saved);
	bool began = p->comparable && (!ran || another);
	double attempts = risen(p, F_rdb_saves);

	if (!runs) {
		run->child = CHILD_NONE;
		return;
	}
	if (!began && run->child != CHILD_UNKNOWN && run->child != CHILD_NONE)
		return;
	if (began && snapshot_has(&p->cur, F_rdb_saves)) {
		if (saved && !(ran && run->child == CHILD_DISK))
			attempts--;
		run->child = attempts > 0 ? CHILD_DISK : CHILD_SYNC;
	} else if (snapshot_has(&p->cur, F_replicas_syncing) &&
		   (p->fresh & SNAPSHOT_WIDE)) {
		run->child = snapshot_get(&p->cur, F_replicas_syncing) > 0 ? CHILD_SYNC
									   : CHILD_DISK;
	} else {
		run->child = CHILD_UNKNOWN;
	}
}

/* A save ended: the time of the last one moved within a run. */
static void
learn_saves(struct run *run, const struct samples *p, struct history *h)
{
	double seconds = snapshot_get(&p->cur, F_rdb_last_bgsave_time_sec);
	bool moved = p->comparable && risen(p, F_rdb_last_save_time) != 0;
	double saved =
		moved ? snapshot_get(&p->cur, F_rdb_last_save_time) : last_save(p, h);

	if (saved != h->last_save && saved >= 0) {
		h->last_save = saved;
		h->dirty = true;
	}
	if (!moved)
		return;
	h->longest_save_s = fmax(h->longest_save_s, seconds);
	run->offset_known = snapshot_has(&p->cur, F_master_repl_offset);
	run->offset = snapshot_get(&p->cur, F_master_repl_offset);
}

/*
 * A pending fsync is a long one only when it is there in each repeat of the
 * sample that saw it.
 */
static void
learn_pending(struct run *run, const struct samples *p, struct mono now)
{
	int64_t since = clock_diff_ns(now, run->pending_since);

	run->fsync_pending = false;
	if (snapshot_get(&p->cur, F_aof_pending_bio_fsync) <= 0) {
		run->pending_since.ns = 0;
		return;
	}
	if (run->pending_since.ns == 0 ||
	    since > repeat_ns[run->repeats] + REPEAT_LATE_NS) {
		run->pending_since = now;
		run->repeats = 0;
	} else if (since >= repeat_ns[run->repeats] && ++run->repeats == REPEATS) {
		run->fsync_pending = true;
		run->pending_since = now;
		run->repeats = 0;
	}
}

struct mono
run_repeat(const struct run *run)
{
	if (run->pending_since.ns == 0)
		return (struct mono){ 0 };
	return clock_add_ns(run->pending_since, repeat_ns[run->repeats]);
}

enum run_change
run_learn(struct run *run, struct samples *p, struct history *h, struct mono now)
{
	enum run_change change = learn_run(run, p, h);

	/* Nor is what came before a sure answer to who it is. */
	if (change != RUN_SAME || (p->unsure && !(p->fresh & SNAPSHOT_WIDE)))
		p->comparable = false;
	if (p->fresh & SNAPSHOT_WIDE)
		p->unsure = false;
	learn_child(run, p);
	learn_saves(run, p, h);
	if (p->fresh & SNAPSHOT_NARROW)
		learn_pending(run, p, now);
	return change;
}

void
run_show(const struct run *run, const struct samples *p, const struct history *h,
	 struct view *v)
{
	v->cur = &p->cur;
	v->prev = p->comparable ? &p->prev : &p->cur;
	v->fresh = p->fresh;
	v->address = p->address;
	v->is_role = p->identity == IDENTITY_ROLE;
	v->history = h;
	v->child = run->child;
	v->save_age_s = save_age_s(p, h, v->at.wall);
	v->server_now_s = server_now_s(p, v->at.wall);
	v->server_wide_s = server_now_s(p, p->wide.came.wall);
	v->keys_before = run->keys_before;
	v->fsync_pending = run->fsync_pending;
	v->tally_known = run->tally_known;
	v->tally_saves = run->tally_saves;
	v->tally_rewrites = run->tally_rewrites;
	v->tally_forks = run->tally_forks;
}

/*
 * After it was judged.
 */

/*
 * Keys count when they are all there: not while loading, and on a replica not
 * without its master. Those of the run before stay until as many are back.
 */
static void
keep_keys(struct run *run, const struct samples *p, struct history *h)
{
	const struct snapshot *s = &p->cur;

	if (!(p->fresh & SNAPSHOT_WIDE) || !snapshot_has(s, F_keys) ||
	    snapshot_get(s, F_loading) != 0 || snapshot_get(s, F_async_loading) != 0 ||
	    (strcmp(s->role, "slave") == 0 &&
	     snapshot_get(s, F_master_link_status) == 0))
		return;
	if (run->keys_before >= 0 && h->open[INCIDENT_SERVER_RESTARTED_EMPTY].open)
		return;
	run->keys_before = -1;
	h->switched = false;
	/* They change all the time: only when it is by much they must be kept. */
	if (fabs(snapshot_get(s, F_keys) - h->keys_kept) > 0.1 * h->keys_kept) {
		h->keys_kept = snapshot_get(s, F_keys);
		h->dirty = true;
	}
	h->keys = snapshot_get(s, F_keys);
}

static void
keep_tally(struct run *run, const struct samples *p)
{
	if (!(p->fresh & SNAPSHOT_WIDE))
		return;
	run->tally_known = snapshot_has(&p->cur, F_total_forks);
	run->tally_saves = snapshot_get(&p->cur, F_rdb_saves);
	run->tally_rewrites = snapshot_get(&p->cur, F_aof_rewrites);
	run->tally_forks = snapshot_get(&p->cur, F_total_forks);
}

static void
keep_address(const struct samples *p, struct history *h)
{
	if (!(p->fresh & SNAPSHOT_WIDE) || strcmp(h->address, p->address) == 0)
		return;
	snprintf(h->address, sizeof(h->address), "%s", p->address);
	h->dirty = true;
}

void
run_keep(struct run *run, const struct samples *p, struct history *h)
{
	double operations = unsaved_operations(p);

	/* What a restart would lose, or has lost. */
	if (!p->unsure)
		h->changes = isnan(operations) ? -1 : operations;
	keep_keys(run, p, h);
	keep_tally(run, p);
	keep_address(p, h);
}
