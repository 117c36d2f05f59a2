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
	bool stands;

	if (get(v, F_loading) == 0 && get(v, F_async_loading) == 0) {
		*s = (struct scratch){ 0 };
		return VERDICT_CLEAR;
	}
	if (s->from.ns == 0 || loaded != s->n[0]) {
		s->from = v->at.mono;
		s->n[0] = loaded;
	}
	still = clock_diff_s(v->at.mono, s->from);
	stands = has(v, F_loading_loaded_bytes) &&
		 has_lasted(v, s->from, limit(v, T_LOAD_SLOW_STALL));
	if (!stands && eta <= limit(v, T_LOAD_SLOW_ETA))
		return VERDICT_CLEAR;
	if (stands)
		detect_say(n, "loading stands at %.1f %% for %s",
			   get(v, F_loading_loaded_perc), clock_span(span, still));
	else
		detect_say(n, "loading: %.1f %% done, %s to go",
			   get(v, F_loading_loaded_perc), clock_span(span, eta));
	notice_figure(n, "eta_s", has(v, F_loading_eta_seconds) ? eta : NAN);
	notice_figure(n, "loaded_percent", get(v, F_loading_loaded_perc));
	notice_figure(n, "still_s", still);
	return VERDICT_WARNING;
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
	detect_say(
		n,
		v->history->switched
			? "after the switch the server has %.0f keys; the one before "
			  "had %.0f"
			: "after its restart the server has %.0f keys; before it had "
			  "%.0f",
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

/*
 * Without CONFIG GET, save points show only by the saves that they cause: n: the
 * attempts (or the last save) when the wait began; from: that time.
 */
static bool
seems_without_points(const struct view *v, struct scratch *s)
{
	double attempts = has(v, F_rdb_saves) ? get(v, F_rdb_saves)
					      : get(v, F_rdb_last_save_time);

	if (get(v, F_rdb_changes_since_last_save) <= 0 || s->from.ns == 0 ||
	    attempts != s->n[0]) {
		s->from = v->at.mono;
		s->n[0] = attempts;
	}
	return has_lasted(v, s->from, limit(v, T_OFF_FOR));
}

enum verdict
detect_persistence_off(const struct view *v, struct scratch *s, struct notice *n)
{
	enum rules_expect expect = v->rules->expect;
	bool aof = has_aof(v->cur), guessed = false;
	char span[CLOCK_SPAN_BYTES];
	const char *what = NULL;

	if (!aof && (expect == EXPECT_AOF || expect == EXPECT_BOTH)) {
		what = "there is no AOF";
	} else if (expect == EXPECT_RDB || expect == EXPECT_BOTH ||
		   (expect == EXPECT_ANY && !aof)) {
		what = aof ? "there are no save points"
			   : "there is no AOF, and there are no save points: a restart "
			     "loses the data";
		if (v->cur->save_points_known && v->cur->save_point_count > 0)
			what = NULL;
		guessed = !v->cur->save_points_known;
		if (guessed && !(v->refused & SNAPSHOT_CONFIG))
			return VERDICT_KEEP;
		if (guessed && !seems_without_points(v, s))
			what = NULL;
	}
	if (what == NULL)
		return VERDICT_CLEAR;
	/* Before 7.0 nothing else tells an AOF that is off for a while only. */
	if (get(v, F_loading) != 0 || get(v, F_master_sync_in_progress) != 0)
		return VERDICT_KEEP;
	if (guessed)
		detect_say(n, "%s: no save was tried for %s, in spite of %.0f change%s",
			   aof ? "there seem to be no save points"
			       : "there is no AOF, and no save points, it seems",
			   clock_span(span, clock_diff_s(v->at.mono, s->from)),
			   get(v, F_rdb_changes_since_last_save),
			   detect_s(get(v, F_rdb_changes_since_last_save)));
	else
		detect_say(n, "%s", what);
	notice_figure(n, "replicas", get(v, F_connected_slaves));
	notice_figure(n, "keys", has(v, F_keys) ? get(v, F_keys) : NAN);
	notice_figure(n, "changes", get(v, F_rdb_changes_since_last_save));
	return off_severity(v);
}

/* The incident that the refusals come from, as the server decides it. */
static const char *
why_refused(const struct view *v)
{
	bool points = !v->cur->save_points_known || v->cur->save_point_count > 0;

	if (has(v, F_rdb_last_bgsave_status) && points &&
	    get(v, F_rdb_last_bgsave_status) == 0)
		return "see rdb.save_failed";
	if (has(v, F_aof_last_write_status) && get(v, F_aof_last_write_status) == 0)
		return "see aof.write_failed";
	return "what caused it is over";
}

/* scratch: last: when it was so; n: refused since it began. */
enum verdict
detect_writes_refused(const struct view *v, struct scratch *s, struct notice *n)
{
	double refused = rise(v, F_errorstat_MISCONF);

	if (!is_fresh(v, SNAPSHOT_WIDE))
		return VERDICT_KEEP;
	if (refused <= 0)
		return VERDICT_CLEAR;
	if (has_lasted(v, s->last, limit(v, T_REFUSED_CLEAR)))
		s->n[0] = 0;
	s->last = v->at.mono;
	s->n[0] += refused;
	detect_say(n, "clients' writes are refused (MISCONF), %.0f by now: %s", s->n[0],
		   why_refused(v));
	notice_figure(n, "refused", s->n[0]);
	return VERDICT_CRITICAL;
}
