/*
 * facts: see facts.h.
 */
#include "facts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "detect.h"

/* One step, as the functions below need it. */
struct telling {
	struct facts *facts;
	const struct view *v;
	incidents_emit_fn *emit;
	void *owner;
};

struct notice
facts_notice(enum incident fact, enum severity severity, struct instant at)
{
	const struct catalogue_entry *entry = catalogue_entry(fact);

	return (struct notice){
		.kind = NOTICE_FACT,
		.incident = entry->id,
		.severity = severity,
		.advice = severity == SEVERITY_WARNING ? entry->advice : "",
		.at = at.wall,
		.since = at.wall,
	};
}

static void
emit(const struct telling *t, enum incident fact, struct notice *n)
{
	if (!t->v->rules->off[fact])
		t->emit(t->owner, n);
}

static double
or_unknown(const struct view *v, enum snapshot_field field)
{
	return has(v, field) ? get(v, field) : NAN;
}

/* What was at risk at its end may be lost: the history still tells of it. */
static void
add_before(const struct view *v, struct notice *n)
{
	double changes = v->history->changes, keys = v->history->keys;
	size_t len = strlen(n->summary);

	if (changes >= 0)
		snprintf(n->summary + len, sizeof(n->summary) - len,
			 "; at the last sample before, %.0f change%s not saved",
			 changes, changes == 1 ? " was" : "s were");
	notice_figure(n, "changes_before", changes < 0 ? NAN : changes);
	notice_figure(n, "keys_before", keys < 0 ? NAN : keys);
}

static void
tell_restart(const struct telling *t)
{
	const struct view *v = t->v;
	char span[CLOCK_SPAN_BYTES];
	struct notice n;

	if (v->run != RUN_RESTARTED)
		return;
	n = facts_notice(FACT_SERVER_RESTARTED, SEVERITY_WARNING, v->at);
	detect_say(&n, "the server was restarted %s ago",
		   clock_span(span, get(v, F_uptime_in_seconds)));
	notice_figure(&n, "uptime_s", get(v, F_uptime_in_seconds));
	add_before(v, &n);
	emit(t, FACT_SERVER_RESTARTED, &n);
}

/* A role that changes at one address is told by tell_role. */
static void
tell_switch(const struct telling *t)
{
	const struct view *v = t->v;
	struct notice n;

	if (v->run != RUN_SWITCHED)
		return;
	n = facts_notice(FACT_ROLE_SWITCHED, SEVERITY_INFO, v->at);
	detect_say(&n, "it is at %.100s now, and was at %.100s", v->address,
		   v->history->address);
	add_before(v, &n);
	emit(t, FACT_ROLE_SWITCHED, &n);
}

/* The end first: one may have ended, and the next begun, since the last step. */
static void
tell_saves(const struct telling *t)
{
	const struct view *v = t->v;
	bool ended = rise(v, F_rdb_last_save_time) != 0;
	bool saving = v->child == CHILD_DISK;
	struct notice n;

	if (ended) {
		n = facts_notice(FACT_RDB_SAVE_FINISHED, SEVERITY_INFO, v->at);
		detect_say(&n, "a save has ended after %.0f s",
			   fmax(0, get(v, F_rdb_last_bgsave_time_sec)));
		notice_figure(&n, "seconds", or_unknown(v, F_rdb_last_bgsave_time_sec));
		notice_figure(&n, "keys", or_unknown(v, F_keys));
		notice_figure(&n, "cow_bytes", or_unknown(v, F_rdb_last_cow_size));
		emit(t, FACT_RDB_SAVE_FINISHED, &n);
	}
	if (saving && (ended || !t->facts->saving)) {
		n = facts_notice(FACT_RDB_SAVE_STARTED, SEVERITY_INFO, v->at);
		detect_say(&n, "a save has begun, %.0f change%s",
			   get(v, F_rdb_changes_since_last_save),
			   detect_s(get(v, F_rdb_changes_since_last_save)));
		notice_figure(&n, "changes", get(v, F_rdb_changes_since_last_save));
		notice_figure(&n, "keys", or_unknown(v, F_current_save_keys_total));
		emit(t, FACT_RDB_SAVE_STARTED, &n);
	}
	t->facts->saving = saving;
}

static void
tell_rewrites(const struct telling *t)
{
	const struct view *v = t->v;
	bool running = get(v, F_aof_rewrite_in_progress) != 0;
	bool ran = snapshot_get(v->prev, F_aof_rewrite_in_progress) != 0;
	/* Its attempt shows one that began and ended between two samples, too. */
	bool another = rise(v, F_aof_rewrites) > 0;
	bool began = running && (!ran || another);
	bool ended = running ? ran && another : ran || another;
	struct notice n;

	if (ended && get(v, F_aof_last_bgrewrite_status) != 0) {
		n = facts_notice(FACT_AOF_REWRITE_FINISHED, SEVERITY_INFO, v->at);
		detect_say(&n, "a rewrite of the AOF has ended after %.0f s",
			   fmax(0, get(v, F_aof_last_rewrite_time_sec)));
		notice_figure(&n, "seconds",
			      or_unknown(v, F_aof_last_rewrite_time_sec));
		notice_figure(&n, "aof_bytes", or_unknown(v, F_aof_current_size));
		notice_figure(&n, "cow_bytes", or_unknown(v, F_aof_last_cow_size));
		emit(t, FACT_AOF_REWRITE_FINISHED, &n);
	}
	/* What ran when we came is not news. */
	if (began && v->prev != v->cur) {
		n = facts_notice(FACT_AOF_REWRITE_STARTED, SEVERITY_INFO, v->at);
		detect_say(&n, "a rewrite of the AOF has begun");
		notice_figure(&n, "aof_bytes", or_unknown(v, F_aof_current_size));
		emit(t, FACT_AOF_REWRITE_STARTED, &n);
	}
}

static bool
loads(const struct snapshot *s)
{
	return snapshot_get(s, F_loading) != 0 || snapshot_get(s, F_async_loading) != 0;
}

static void
tell_loads(const struct telling *t)
{
	const struct view *v = t->v;
	bool before = t->facts->loading;
	struct notice n;

	t->facts->loading = loads(v->cur);
	if (t->facts->loading && !before) {
		n = facts_notice(FACT_LOAD_STARTED, SEVERITY_INFO, v->at);
		detect_say(&n, "the data set is being loaded");
		notice_figure(&n, "total_bytes", or_unknown(v, F_loading_total_bytes));
		notice_figure(&n, "eta_s", or_unknown(v, F_loading_eta_seconds));
		emit(t, FACT_LOAD_STARTED, &n);
	} else if (!t->facts->loading && before) {
		n = facts_notice(FACT_LOAD_FINISHED, SEVERITY_INFO, v->at);
		detect_say(&n, "the data set is loaded");
		notice_figure(&n, "keys", or_unknown(v, F_keys));
		emit(t, FACT_LOAD_FINISHED, &n);
	}
}

static void
tell_role(const struct telling *t)
{
	const struct view *v = t->v;
	struct notice n;

	if (v->prev->role[0] == '\0' || v->cur->role[0] == '\0' ||
	    strcmp(v->prev->role, v->cur->role) == 0)
		return;
	/* A master that sentinels name: who takes over tells it, by tell_switch. */
	if (v->is_role && strcmp(v->cur->role, "slave") == 0)
		return;
	n = facts_notice(FACT_ROLE_SWITCHED, SEVERITY_INFO, v->at);
	detect_say(&n, "it was %s and is %s", v->prev->role, v->cur->role);
	emit(t, FACT_ROLE_SWITCHED, &n);
}

static bool
same_points(const struct snapshot *a, const struct snapshot *b)
{
	return a->save_point_count == b->save_point_count &&
	       memcmp(a->save_points, b->save_points,
		      a->save_point_count * sizeof(a->save_points[0])) == 0;
}

static void
tell_settings(const struct telling *t)
{
	const struct view *v = t->v;
	bool points = v->prev->save_points_known && v->cur->save_points_known &&
		      !same_points(v->prev, v->cur);
	/* Before 7.0 it looks off while a replica syncs; after a restart all is new. */
	bool aof = has_aof(v->cur) != has_aof(v->prev) && !loads(v->cur) &&
		   !loads(v->prev) && get(v, F_master_sync_in_progress) == 0 &&
		   snapshot_get(v->prev, F_master_sync_in_progress) == 0;
	struct notice n;

	if (v->run != RUN_SAME || (!points && !aof))
		return;
	n = facts_notice(FACT_PERSISTENCE_CHANGED, SEVERITY_WARNING, v->at);
	detect_say(&n, "%s%s%s",
		   !aof				? ""
		   : get(v, F_aof_enabled) != 0 ? "the AOF was switched on"
						: "the AOF was switched off",
		   aof && points ? "; " : "",
		   !points			   ? ""
		   : v->cur->save_point_count == 0 ? "there are no save points any more"
						   : "the save points were changed");
	notice_figure(&n, "aof_enabled", get(v, F_aof_enabled));
	notice_figure(&n, "save_points",
		      v->cur->save_points_known ? v->cur->save_point_count : NAN);
	emit(t, FACT_PERSISTENCE_CHANGED, &n);
}

static void
tell_reset(const struct telling *t)
{
	static const enum snapshot_field counters[] = {
		F_rdb_saves,   F_aof_rewrites, F_aof_delayed_fsync,
		F_total_forks, F_sync_full,    F_errorstat_MISCONF,
	};
	const struct view *v = t->v;
	struct notice n;

	for (unsigned i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		if (v->run != RUN_SAME || rise(v, counters[i]) >= 0)
			continue;
		n = facts_notice(FACT_STATS_RESET, SEVERITY_INFO, v->at);
		detect_say(&n, "the counters were reset (CONFIG RESETSTAT)");
		emit(t, FACT_STATS_RESET, &n);
		return;
	}
}

/*
 * Against the monotonic clock: it moved. Against our wall clock too: it did not
 * move together with ours, as after a suspended machine woke up. What the two
 * answers took on their way is forgiven. NAN: no jump.
 */
static double
jump_s(const struct facts *f, const struct view *v, double server_s,
       const struct wide_times *wide)
{
	double by_mono, by_wall, forgiven;

	if (!f->clock_known)
		return NAN;
	by_mono = server_s - f->server_s -
		  clock_diff_s(wide->came.mono, f->wide.came.mono);
	by_wall = server_s - f->server_s -
		  (clock_wall_s(wide->came.wall) - clock_wall_s(f->wide.came.wall));
	forgiven = limit(v, T_CLOCK_JUMP) + clock_diff_s(wide->came.mono, wide->sent) +
		   clock_diff_s(f->wide.came.mono, f->wide.sent);
	return fabs(by_mono) > forgiven && fabs(by_wall) > forgiven ? by_mono : NAN;
}

static void
tell_clock(const struct telling *t, const struct wide_times *wide)
{
	const struct view *v = t->v;
	struct facts *f = t->facts;
	double server_s = get(v, F_server_time_usec) / 1e6, jump = NAN;
	bool future = false, negative;
	struct notice n;

	/* These two stay; what was so at the last step has been told. */
	if (is_fresh(v, SNAPSHOT_WIDE) && has(v, F_server_time_usec)) {
		jump = jump_s(f, v, server_s, wide);
		future = get(v, F_rdb_last_save_time) >
			 server_s + limit(v, T_CLOCK_JUMP);
		f->clock_known = true;
		f->server_s = server_s;
		f->wide = *wide;
		if (future == f->save_in_future)
			future = false;
		else
			f->save_in_future = future;
	}
	negative = get(v, F_rdb_last_bgsave_time_sec) < -1 &&
		   snapshot_get(v->prev, F_rdb_last_bgsave_time_sec) >= -1;
	if (isnan(jump) && !future && !negative)
		return;
	n = facts_notice(FACT_SERVER_CLOCK_JUMP, SEVERITY_WARNING, v->at);
	if (!isnan(jump))
		detect_say(&n, "the server's clock jumped by %.1f s", jump);
	else if (future)
		detect_say(&n, "the server's last save lies in its future");
	else
		detect_say(&n, "the server's last save took a negative time");
	notice_figure(&n, "jump_s", jump);
	emit(t, FACT_SERVER_CLOCK_JUMP, &n);
}

void
facts_step(struct facts *facts, const struct view *v, const struct wide_times *wide,
	   incidents_emit_fn *fn, void *owner)
{
	struct telling t = { facts, v, fn, owner };

	if (v->run != RUN_SAME)
		*facts = (struct facts){ 0 };
	tell_restart(&t);
	tell_switch(&t);
	tell_loads(&t);
	tell_role(&t);
	tell_reset(&t);
	tell_saves(&t);
	tell_rewrites(&t);
	tell_settings(&t);
	tell_clock(&t, wide);
}
