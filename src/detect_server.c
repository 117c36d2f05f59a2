/*
 * detect_server: the server as a whole: loading, what is left after a restart,
 * whether it persists anything, whether it takes writes.
 */
#include <string.h>

#include "detect.h"

/* scratch: from: the last progress; n: bytes loaded then. */
enum verdict
detect_load_slow(const struct view *v, struct scratch *s, struct notice *n)
{
	double eta = get(v, F_loading_eta_seconds);
	double loaded = get(v, F_loading_loaded_bytes), still;
	char span[CLOCK_SPAN_BYTES];

	if (get(v, F_loading) == 0 && get(v, F_async_loading) == 0) {
		*s = (struct scratch){ 0 };
		return VERDICT_CLEAR;
	}
	if (s->from.ns == 0 || loaded != s->n[0]) {
		s->from = v->at.mono;
		s->n[0] = loaded;
	}
	still = clock_diff_s(v->at.mono, s->from);
	if (still >= limit(v, T_LOAD_SLOW_STALL))
		detect_say(n, "loading stands at %.1f %% for %s",
			   get(v, F_loading_loaded_perc), clock_span(span, still));
	else
		detect_say(n, "loading: %.1f %% done, %s to go",
			   get(v, F_loading_loaded_perc), clock_span(span, eta));
	notice_figure(n, "eta_s", has(v, F_loading_eta_seconds) ? eta : NAN);
	notice_figure(n, "loaded_percent", get(v, F_loading_loaded_perc));
	notice_figure(n, "still_s", still);
	return still >= limit(v, T_LOAD_SLOW_STALL) || eta > limit(v, T_LOAD_SLOW_ETA)
		       ? VERDICT_WARNING
		       : VERDICT_CLEAR;
}

/*
 * view's keys_before is what the run before had, until all is well again: a
 * FLUSHALL in the same run says nothing here.
 */
enum verdict
detect_restarted_empty(const struct view *v, struct scratch *s, struct notice *n)
{
	double share;

	(void)s;
	if (v->keys_before <= 0 || v->rules->expect == EXPECT_NONE)
		return VERDICT_CLEAR;
	if (!is_fresh(v, SNAPSHOT_WIDE) || !has(v, F_keys) || get(v, F_loading) != 0 ||
	    get(v, F_async_loading) != 0)
		return VERDICT_KEEP;
	/* A replica has keys only when its master has given them. */
	if (strcmp(v->cur->role, "slave") == 0 && get(v, F_master_link_status) == 0)
		return VERDICT_KEEP;
	share = 100 * get(v, F_keys) / v->keys_before;
	if (get(v, F_keys) > 0 && share >= limit(v, T_EMPTY_SHARE))
		return VERDICT_CLEAR;
	detect_say(n, "after its restart the server has %.0f keys; before it had %.0f",
		   get(v, F_keys), v->keys_before);
	notice_figure(n, "keys", get(v, F_keys));
	notice_figure(n, "keys_before", v->keys_before);
	return VERDICT_CRITICAL;
}

/* An automatic restart of such a master empties all of its replicas. */
static enum verdict
off_severity(const struct view *v)
{
	return strcmp(v->cur->role, "master") == 0 && get(v, F_connected_slaves) > 0
		       ? VERDICT_CRITICAL
		       : VERDICT_WARNING;
}

/* Which of the two is expected and is not there; NULL: all is. */
static const char *
what_is_off(const struct view *v)
{
	bool aof = get(v, F_aof_enabled) != 0;
	bool points = v->cur->save_point_count > 0;

	switch (v->rules->expect) {
	case EXPECT_RDB:
		return points ? NULL : "there are no save points";
	case EXPECT_AOF:
		return aof ? NULL : "there is no AOF";
	case EXPECT_BOTH:
		if (aof && points)
			return NULL;
		return aof ? "there are no save points" : "there is no AOF";
	case EXPECT_ANY:
		return aof || points ? NULL
				     : "there is no AOF, and there are no save points: "
				       "a restart loses the data";
	case EXPECT_NONE:
		break;
	}
	return NULL;
}

/*
 * Without CONFIG GET, save points show only by the saves that they cause: n: the
 * attempts (or the last save) when the wait began; from: that time.
 */
static enum verdict
guess_off(const struct view *v, struct scratch *s, struct notice *n)
{
	double attempts = has(v, F_rdb_saves) ? get(v, F_rdb_saves)
					      : get(v, F_rdb_last_save_time);
	char span[CLOCK_SPAN_BYTES];
	double seconds;

	if (get(v, F_aof_enabled) != 0 || get(v, F_rdb_changes_since_last_save) <= 0 ||
	    s->from.ns == 0 || attempts != s->n[0]) {
		s->from = v->at.mono;
		s->n[0] = attempts;
		return VERDICT_CLEAR;
	}
	seconds = clock_diff_s(v->at.mono, s->from);
	if (seconds < limit(v, T_OFF_FOR))
		return VERDICT_CLEAR;
	detect_say(n,
		   "there is no AOF, and no save was tried for %s, in spite of "
		   "%.0f changes",
		   clock_span(span, seconds), get(v, F_rdb_changes_since_last_save));
	notice_figure(n, "seconds", seconds);
	notice_figure(n, "changes", get(v, F_rdb_changes_since_last_save));
	return off_severity(v);
}

enum verdict
detect_persistence_off(const struct view *v, struct scratch *s, struct notice *n)
{
	const char *what;

	if (v->rules->expect == EXPECT_NONE || !has(v, F_aof_enabled))
		return VERDICT_CLEAR;
	if (v->cur->save_points_known) {
		what = what_is_off(v);
		if (what == NULL)
			return VERDICT_CLEAR;
		/* A replica in a full sync has its AOF off for a while. */
		if (get(v, F_loading) != 0 || get(v, F_master_sync_in_progress) != 0 ||
		    has(v, F_aof_current_size))
			return VERDICT_KEEP;
		detect_say(n, "%s", what);
		notice_figure(n, "replicas", get(v, F_connected_slaves));
		notice_figure(n, "keys", has(v, F_keys) ? get(v, F_keys) : NAN);
		return off_severity(v);
	}
	return v->refused & SNAPSHOT_CONFIG ? guess_off(v, s, n) : VERDICT_KEEP;
}

/* scratch: n: refused since it began. */
enum verdict
detect_writes_refused(const struct view *v, struct scratch *s, struct notice *n)
{
	double refused = rise(v, F_errorstat_MISCONF);

	if (!is_fresh(v, SNAPSHOT_WIDE))
		return VERDICT_KEEP;
	if (refused <= 0)
		return VERDICT_CLEAR;
	s->n[0] += refused;
	detect_say(n, "clients' writes are refused (MISCONF), %.0f by now: %s", s->n[0],
		   has(v, F_rdb_last_bgsave_status) &&
				   get(v, F_rdb_last_bgsave_status) == 0
			   ? "see rdb.save_failed"
			   : "see aof.write_failed");
	notice_figure(n, "refused", s->n[0]);
	return VERDICT_CRITICAL;
}
