/*
 * detect_rdb: saves, and the forks that they are made by.
 */
#include <stdio.h>

#include "detect.h"

static bool
has_no_save_points(const struct view *v)
{
	return v->cur->save_points_known && v->cur->save_point_count == 0;
}

static void
say_changes(const struct view *v, struct notice *n)
{
	notice_figure(n, "changes", get(v, F_rdb_changes_since_last_save));
	notice_figure(n, "save_age_s", v->save_age_s);
}

#define AGE_BYTES 80

/* ", the last good one was 2h 3m ago", or nothing where that is not known. */
static const char *
age_text(char buf[static AGE_BYTES], const struct view *v)
{
	char span[CLOCK_SPAN_BYTES];

	buf[0] = '\0';
	if (!isnan(v->save_age_s))
		snprintf(buf, AGE_BYTES, ", the last good one was %s ago",
			 clock_span(span, v->save_age_s));
	return buf;
}

/*
 * Why a save failed. Attempts are counted before the fork, forks only when they
 * succeeded: attempts without forks are failed forks (from 7.0). And a child that
 * was seen at the step before did not fail to be forked.
 */
enum { CAUSE_UNKNOWN, CAUSE_FORK, CAUSE_CHILD };

static void
find_cause(const struct view *v, struct scratch *s)
{
	double attempts, forks;

	if (get(v, F_rdb_bgsave_in_progress) != 0)
		return;
	if (s->n[1] != 0)
		s->n[0] = CAUSE_CHILD;
	if (!is_fresh(v, SNAPSHOT_WIDE) || !v->tally_known || !has(v, F_rdb_saves) ||
	    !has(v, F_total_forks))
		return;
	attempts = get(v, F_rdb_saves) - v->tally_saves + get(v, F_aof_rewrites) -
		   v->tally_rewrites;
	forks = get(v, F_total_forks) - v->tally_forks;
	if (attempts > 0)
		s->n[0] = forks < attempts ? CAUSE_FORK : CAUSE_CHILD;
}

/* scratch: n: the cause; whether a child for the disk ran at the step before. */
enum verdict
detect_rdb_save_failed(const struct view *v, struct scratch *s, struct notice *n)
{
	static const char *const causes[] = {
		[CAUSE_UNKNOWN] = "",
		[CAUSE_FORK] = ": the fork failed",
		[CAUSE_CHILD] = ": its child ended with an error",
	};
	/* NULL: the catalogue's. */
	static const char *const advice[] = {
		[CAUSE_UNKNOWN] = NULL,
		[CAUSE_FORK] = "free memory, set vm.overcommit_memory=1, look at the "
			       "limit of processes; then BGSAVE",
		[CAUSE_CHILD] =
			"look at the server's log, at free space, directory and "
			"permissions (CONFIG GET dir); then BGSAVE",
	};
	bool failed = get(v, F_rdb_last_bgsave_status) == 0;
	double changes = get(v, F_rdb_changes_since_last_save);
	char age[AGE_BYTES];
	int cause;

	if (failed)
		find_cause(v, s);
	else
		s->n[0] = CAUSE_UNKNOWN;
	s->n[1] = v->child == CHILD_DISK;
	if (!failed)
		return VERDICT_CLEAR;
	cause = (int)s->n[0];
	detect_say(n, "the last save failed%s; %.0f change%s not saved%s",
		   causes[cause], changes, detect_s(changes), age_text(age, v));
	say_changes(v, n);
	notice_figure(n, "attempts", has(v, F_rdb_saves) ? get(v, F_rdb_saves) : NAN);
	if (advice[cause] != NULL)
		n->advice = advice[cause];
	return has_no_save_points(v) ? VERDICT_WARNING : VERDICT_CRITICAL;
}

/*
 * scratch: from: the last step; n: keys at it, steps seen, longest step, total.
 */
enum verdict
detect_rdb_save_stuck(const struct view *v, struct scratch *s, struct notice *n)
{
	double done = get(v, F_current_save_keys_processed);
	double total = get(v, F_current_save_keys_total);
	double still = clock_diff_s(v->at.mono, s->from), patience;
	char span[CLOCK_SPAN_BYTES];

	if (get(v, F_rdb_bgsave_in_progress) == 0 || v->child != CHILD_DISK ||
	    total < limit(v, T_SAVE_STUCK_KEYS)) {
		*s = (struct scratch){ 0 };
		return VERDICT_CLEAR;
	}
	if (s->from.ns == 0 || done < s->n[0] || total != s->n[3]) {
		*s = (struct scratch){ .from = v->at.mono, .n = { done, 0, 0, total } };
		return VERDICT_CLEAR;
	}
	if (done > s->n[0]) {
		s->n[0] = done;
		s->n[1]++;
		if (still > s->n[2])
			s->n[2] = still;
		s->from = v->at.mono;
		return VERDICT_CLEAR;
	}
	patience = fmax(limit(v, T_SAVE_STUCK_FOR),
			limit(v, T_SAVE_STUCK_FACTOR) * s->n[2]);
	if (s->n[1] < 2 || done >= 0.95 * total || !has_lasted(v, s->from, patience))
		return VERDICT_CLEAR;
	detect_say(n, "the save stands at %.0f of %.0f keys for %s", done, total,
		   clock_span(span, still));
	notice_figure(n, "keys_saved", done);
	notice_figure(n, "keys_total", total);
	notice_figure(n, "still_s", still);
	return VERDICT_CRITICAL;
}

enum verdict
detect_rdb_save_slow(const struct view *v, struct scratch *s, struct notice *n)
{
	enum verdict verdict;
	double seconds = get(v, F_rdb_current_bgsave_time_sec);
	char span[CLOCK_SPAN_BYTES];

	(void)s;
	if (get(v, F_rdb_bgsave_in_progress) == 0 || v->child != CHILD_DISK)
		return VERDICT_CLEAR;
	verdict = grade(seconds, limit(v, T_SAVE_SLOW_WARNING),
			limit(v, T_SAVE_SLOW_CRITICAL));
	if (verdict == VERDICT_CLEAR)
		return verdict;
	detect_say(n, "the save has been running for %s", clock_span(span, seconds));
	notice_figure(n, "seconds", seconds);
	notice_figure(n, "keys_saved",
		      has(v, F_current_save_keys_processed)
			      ? get(v, F_current_save_keys_processed)
			      : NAN);
	notice_figure(n, "keys_total",
		      has(v, F_current_save_keys_total)
			      ? get(v, F_current_save_keys_total)
			      : NAN);
	return verdict;
}

static double
longest_save_point_s(const struct view *v)
{
	double longest = 0;

	for (unsigned i = 0; i < v->cur->save_point_count; i++)
		longest = fmax(longest, v->cur->save_points[i].seconds);
	return longest;
}

/*
 * At `save 3600 1` the age passes an hour every hour, and the save follows: so
 * the longest save point and the longest save count.
 */
static double
stale_after_s(const struct view *v)
{
	double usual = 1.5 * longest_save_point_s(v);

	if (usual > 0)
		usual += fmax(0, v->history->longest_save_s);
	return fmax(limit(v, T_STALE_WARNING), usual);
}

/* With an AOF, RDB files are wanted only where save points say so. */
static bool
rdb_matters(const struct view *v)
{
	if (v->rules->expect == EXPECT_NONE || v->rules->expect == EXPECT_AOF)
		return false;
	return get(v, F_aof_enabled) == 0 ||
	       (v->cur->save_points_known && v->cur->save_point_count > 0);
}

enum verdict
detect_rdb_stale(const struct view *v, struct scratch *s, struct notice *n)
{
	enum verdict verdict;
	double changes = get(v, F_rdb_changes_since_last_save);
	char span[CLOCK_SPAN_BYTES];
	double warning = stale_after_s(v);

	(void)s;
	if (changes <= 0 || !rdb_matters(v) || get(v, F_loading) != 0)
		return VERDICT_CLEAR;
	if (isnan(v->save_age_s))
		return VERDICT_CLEAR;
	verdict = grade(v->save_age_s, warning,
			fmax(limit(v, T_STALE_CRITICAL), warning));
	if (verdict == VERDICT_CLEAR)
		return verdict;
	detect_say(n, "the last save was %s ago, %.0f change%s since then",
		   clock_span(span, v->save_age_s), changes, detect_s(changes));
	say_changes(v, n);
	return verdict;
}

/* What uptime_in_seconds would say now: it is told with the wide part only. */
static double
uptime_s(const struct view *v)
{
	return get(v, F_uptime_in_seconds) +
	       fmax(0, floor(v->server_now_s) - floor(v->server_wide_s));
}

enum verdict
detect_rdb_never_saved(const struct view *v, struct scratch *s, struct notice *n)
{
	double changes = get(v, F_rdb_changes_since_last_save);
	double uptime = uptime_s(v);
	char span[CLOCK_SPAN_BYTES];

	(void)s;
	if (changes <= 0 || get(v, F_aof_enabled) != 0 || !rdb_matters(v) ||
	    !isnan(v->save_age_s) || uptime < stale_after_s(v))
		return VERDICT_CLEAR;
	detect_say(n, "%.0f change%s, and nothing was saved since the start %s ago",
		   changes, detect_s(changes), clock_span(span, uptime));
	notice_figure(n, "changes", changes);
	notice_figure(n, "uptime_s", uptime);
	return VERDICT_WARNING;
}

/* Whether a save point says that a save should have begun; true: nobody knows. */
static bool
is_save_due(const struct view *v)
{
	double changes = get(v, F_rdb_changes_since_last_save);

	if (!v->cur->save_points_known)
		return true;
	for (unsigned i = 0; i < v->cur->save_point_count; i++) {
		const struct save_point *p = &v->cur->save_points[i];

		if (changes >= p->changes && v->save_age_s > p->seconds)
			return true;
		/* Of a run that never saved its uptime is the age. */
		if (changes >= p->changes && isnan(v->save_age_s) &&
		    uptime_s(v) > p->seconds)
			return true;
	}
	return false;
}

/*
 * One child at a time: where replicas sync again and again, no save begins.
 * scratch: from: since when no save ended; n: last save time, syncs since then.
 */
enum verdict
detect_save_starved(const struct view *v, struct scratch *s, struct notice *n)
{
	double saved = get(v, F_rdb_last_save_time), seconds, patience;
	char span[CLOCK_SPAN_BYTES];

	if (s->from.ns == 0 || saved != s->n[0] || !rdb_matters(v) ||
	    get(v, F_rdb_changes_since_last_save) <= 0) {
		*s = (struct scratch){ .from = v->at.mono, .n = { saved, 0 } };
		return VERDICT_CLEAR;
	}
	if (rise(v, F_sync_full) > 0)
		s->n[1] += rise(v, F_sync_full);
	seconds = clock_diff_s(v->at.mono, s->from);
	patience = fmax(limit(v, T_STARVED_FOR), 3 * v->history->longest_save_s);
	/* One has begun: its end is what counts. */
	if (v->child == CHILD_DISK)
		return VERDICT_KEEP;
	if (s->n[1] < limit(v, T_STARVED_SYNCS) || !has_lasted(v, s->from, patience) ||
	    !is_save_due(v))
		return VERDICT_CLEAR;
	detect_say(n, "no save for %s, while replicas were synchronized %.0f times",
		   clock_span(span, seconds), s->n[1]);
	notice_figure(n, "seconds", seconds);
	notice_figure(n, "full_syncs", s->n[1]);
	notice_figure(n, "changes", get(v, F_rdb_changes_since_last_save));
	return VERDICT_CRITICAL;
}

/*
 * scratch: from: when the last fork was seen; n: its time in ms, its verdict, the
 * resident bytes then. CONFIG RESETSTAT sets the time to 0: that is no fork.
 */
enum verdict
detect_fork_slow(const struct view *v, struct scratch *s, struct notice *n)
{
	double ms = get(v, F_latest_fork_usec) / 1000, per_gb;
	char rss[32];

	/* Nobody knows when a fork was that we did not see. */
	if (ms > 0 &&
	    (rise(v, F_latest_fork_usec) != 0 || rise(v, F_total_forks) > 0)) {
		*s = (struct scratch){
			.from = v->at.mono,
			.n = { ms, 0, get(v, F_used_memory_rss) },
		};
		per_gb = ms / (s->n[2] / 1e9);
		s->n[1] = ms > limit(v, T_FORK_SLOW_LEAST)
				  ? grade(per_gb, limit(v, T_FORK_SLOW_WARNING),
					  limit(v, T_FORK_SLOW_CRITICAL))
				  : VERDICT_CLEAR;
	} else if (has_lasted(v, s->from, limit(v, T_FORK_SLOW_CLEAR))) {
		*s = (struct scratch){ 0 };
	}
	if (s->n[1] <= VERDICT_CLEAR)
		return VERDICT_CLEAR;
	detect_say(n, "a fork took %.0f ms at %s resident: %.0f ms a GB", s->n[0],
		   detect_size(rss, s->n[2]), s->n[0] / (s->n[2] / 1e9));
	notice_figure(n, "fork_ms", s->n[0]);
	notice_figure(n, "rss_bytes", s->n[2]);
	return (enum verdict)s->n[1];
}

/*
 * What pages copied on write may still take; NAN: unknown. maxmemory does not
 * bound them, but tells what the machine was meant to hold; a full cache stands
 * at it, and then it says nothing. The operator's own limit is one.
 */
static double
headroom_bytes(const struct view *v)
{
	double rss = get(v, F_used_memory_rss), own = v->rules->memory_limit_bytes;
	const double bounds[] = { get(v, F_maxmemory), get(v, F_total_system_memory) };
	double least = own > 0 ? fmax(own, rss) : INFINITY;

	for (unsigned i = 0; i < 2; i++) {
		if (bounds[i] > rss)
			least = fmin(least, bounds[i]);
	}
	return isinf(least) ? NAN : least - rss;
}

enum verdict
detect_fork_memory(const struct view *v, struct scratch *s, struct notice *n)
{
	enum verdict verdict;
	double cow = get(v, F_current_cow_size), headroom = headroom_bytes(v);
	double percent;
	bool child = get(v, F_rdb_bgsave_in_progress) != 0 ||
		     get(v, F_aof_rewrite_in_progress) != 0 ||
		     get(v, F_module_fork_in_progress) != 0;
	char copied[32], left[32];

	(void)s;
	if (!child)
		return VERDICT_CLEAR;
	if (isnan(headroom))
		return VERDICT_KEEP;
	percent = cow < headroom ? 100 * cow / headroom : cow > 0 ? 100 : 0;
	verdict = grade(percent, limit(v, T_FORK_MEMORY_WARNING),
			limit(v, T_FORK_MEMORY_CRITICAL));
	if (verdict == VERDICT_CLEAR)
		return verdict;
	detect_say(n,
		   "the child has copied %s on write, %.0f %% of the %s that are left",
		   detect_size(copied, cow), percent, detect_size(left, headroom));
	notice_figure(n, "cow_bytes", cow);
	notice_figure(n, "headroom_bytes", headroom);
	notice_figure(n, "percent", percent);
	return verdict;
}

/* While a module's child runs no save can begin. scratch: from: since when. */
enum verdict
detect_module_fork(const struct view *v, struct scratch *s, struct notice *n)
{
	double seconds;
	char span[CLOCK_SPAN_BYTES];

	if (get(v, F_module_fork_in_progress) == 0) {
		s->from.ns = 0;
		return VERDICT_CLEAR;
	}
	if (s->from.ns == 0)
		s->from = v->at.mono;
	seconds = clock_diff_s(v->at.mono, s->from);
	if (get(v, F_rdb_changes_since_last_save) <= 0 ||
	    !has_lasted(v, s->from, limit(v, T_MODULE_FORK_FOR)))
		return VERDICT_CLEAR;
	detect_say(n, "a module's child has been running for %s: no save can begin",
		   clock_span(span, seconds));
	notice_figure(n, "seconds", seconds);
	say_changes(v, n);
	return VERDICT_WARNING;
}
