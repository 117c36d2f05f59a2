/*
 * detect_aof: the append-only file: its writes, its fsyncs, its rewrites.
 */
#include "detect.h"

/* A status that the server sent and that is not ok. */
static bool
is_err(const struct view *v, enum snapshot_field status)
{
	return has(v, status) && get(v, status) == 0;
}

static void
figure_if(const struct view *v, struct notice *n, const char *name,
	  enum snapshot_field field)
{
	notice_figure(n, name, has(v, field) ? get(v, field) : NAN);
}

/* The status stays err when the AOF is switched off, and means nothing then. */
enum verdict
detect_aof_write_failed(const struct view *v, struct scratch *s, struct notice *n)
{
	char waiting[32];

	(void)s;
	if (get(v, F_aof_enabled) == 0 || !is_err(v, F_aof_last_write_status))
		return VERDICT_CLEAR;
	detect_say(n, "writing to the AOF fails; %s wait in memory",
		   detect_size(waiting, get(v, F_aof_buffer_length)));
	figure_if(v, n, "buffer_bytes", F_aof_buffer_length);
	figure_if(v, n, "aof_bytes", F_aof_current_size);
	return VERDICT_CRITICAL;
}

/*
 * The buffer is above zero in most samples of a healthy server, for INFO runs
 * before the loop's flush: so only one that is large, or that does not fall
 * while writing fails, all the time. scratch: from: since when it is one of both;
 * last: when it was above half, or did not fall; n: the buffer at the last sample.
 */
enum verdict
detect_aof_backlog(const struct view *v, struct scratch *s, struct notice *n)
{
	double size = get(v, F_aof_buffer_length), most = limit(v, T_AOF_BACKLOG_SIZE);
	double hold = limit(v, T_AOF_BACKLOG_FOR);
	bool failing =
		is_err(v, F_aof_last_write_status) && size > 0 && size >= s->n[0];
	bool full = size > most && get(v, F_aof_pending_bio_fsync) > 0;
	char text[32];

	if (get(v, F_aof_enabled) == 0) {
		*s = (struct scratch){ 0 };
		return VERDICT_CLEAR;
	}
	s->n[0] = size;
	if (!full && !failing)
		s->from.ns = 0;
	else if (s->from.ns == 0)
		s->from = v->at.mono;
	if (size >= most / 2 || failing)
		s->last = v->at.mono;
	if (s->from.ns != 0 && has_lasted(v, s->from, hold)) {
		detect_say(n, "%s wait in memory for the AOF%s",
			   detect_size(text, size),
			   failing ? ", and writing fails" : " behind an fsync");
		notice_figure(n, "buffer_bytes", size);
		figure_if(v, n, "pending_fsyncs", F_aof_pending_bio_fsync);
		return VERDICT_CRITICAL;
	}
	/* Between the two bounds it is neither. */
	return has_lasted(v, s->last, hold) ? VERDICT_CLEAR : VERDICT_KEEP;
}

/*
 * The repeats that make a pending fsync a long one are run's. scratch: last:
 * when it was so; n: delays since it began.
 */
enum verdict
detect_aof_fsync_stalled(const struct view *v, struct scratch *s, struct notice *n)
{
	double delayed = rise(v, F_aof_delayed_fsync);

	/* A reset of the counters is no rise. */
	if (delayed <= 0 && !v->fsync_pending)
		return VERDICT_CLEAR;
	if (has_lasted(v, s->last, limit(v, T_FSYNC_STALLED_CLEAR)))
		s->n[0] = 0;
	s->last = v->at.mono;
	s->n[0] += fmax(0, delayed);
	detect_say(n, v->fsync_pending ? "an fsync of the AOF has not ended for 2 s"
				       : "writes had to wait for an fsync of the AOF");
	notice_figure(n, "delayed_fsyncs", s->n[0]);
	figure_if(v, n, "pending_fsyncs", F_aof_pending_bio_fsync);
	figure_if(v, n, "rewriting", F_aof_rewrite_in_progress);
	return VERDICT_WARNING;
}

enum verdict
detect_aof_rewrite_failed(const struct view *v, struct scratch *s, struct notice *n)
{
	char size[32];

	(void)s;
	if (!is_err(v, F_aof_last_bgrewrite_status))
		return VERDICT_CLEAR;
	detect_say(n, "the last rewrite of the AOF failed; it has %s now",
		   detect_size(size, get(v, F_aof_current_size)));
	figure_if(v, n, "aof_bytes", F_aof_current_size);
	figure_if(v, n, "base_bytes", F_aof_base_size);
	figure_if(v, n, "attempts", F_aof_rewrites);
	figure_if(v, n, "failures_in_a_row", F_aof_rewrites_consecutive_failures);
	return VERDICT_CRITICAL;
}

/*
 * From 7.0 a rewrite whose fork fails is tried again at every turn of serverCron,
 * and each try leaves a file behind. Once it is a storm, every such try prolongs
 * it. scratch: from: since when attempts are counted, which is the last time that
 * there were none; last: when one of a storm was; n: attempts and forks at from.
 */
#define STORM_WINDOW_S 5.5 /* and a half, for samples are not on time */

enum verdict
detect_aof_rewrite_storm(const struct view *v, struct scratch *s, struct notice *n)
{
	double attempts = get(v, F_aof_rewrites), forks = get(v, F_total_forks);
	double failed, seconds;
	bool tried = rise(v, F_aof_rewrites) > 0, storm;

	if (s->from.ns == 0 || forks != s->n[1] || attempts <= s->n[0]) {
		s->from = v->at.mono;
		s->n[0] = attempts;
		s->n[1] = forks;
		return VERDICT_CLEAR;
	}
	if (!is_fresh(v, SNAPSHOT_WIDE))
		return VERDICT_KEEP;
	failed = attempts - s->n[0];
	seconds = clock_diff_s(v->at.mono, s->from);
	/* So many in 5 s, or as often where samples are further apart. */
	storm = failed >=
		limit(v, T_REWRITE_STORM_ATTEMPTS) * fmax(1, seconds / STORM_WINDOW_S);
	if (seconds > STORM_WINDOW_S) {
		s->from = v->at.mono;
		s->n[0] = attempts;
	}
	if (s->last.ns != 0 && !has_lasted(v, s->last, limit(v, T_REWRITE_STORM_CLEAR)))
		storm = true;
	if (!tried || !storm)
		return VERDICT_CLEAR;
	s->last = v->at.mono;
	detect_say(n,
		   "%.0f rewrites of the AOF were begun within %.0f s, and no fork "
		   "succeeded: each leaves a file behind",
		   failed, fmax(seconds, 1));
	notice_figure(n, "attempts", failed);
	notice_figure(n, "forks", forks);
	return VERDICT_CRITICAL;
}

enum verdict
detect_aof_rewrite_slow(const struct view *v, struct scratch *s, struct notice *n)
{
	double seconds = get(v, F_aof_current_rewrite_time_sec);
	char span[CLOCK_SPAN_BYTES];

	(void)s;
	if (get(v, F_aof_rewrite_in_progress) == 0 ||
	    seconds < limit(v, T_REWRITE_SLOW_WARNING))
		return VERDICT_CLEAR;
	detect_say(n, "the rewrite of the AOF has been running for %s",
		   clock_span(span, seconds));
	notice_figure(n, "seconds", seconds);
	figure_if(v, n, "aof_bytes", F_aof_current_size);
	return VERDICT_WARNING;
}

/*
 * From 7.0 the sizes are there exactly when appendonly is set; a replica stops
 * its AOF for a full synchronization and must begin it again after that. While one
 * is under way nothing is known: it may be the one that cures what others, that
 * failed, have left behind.
 */
enum verdict
detect_aof_stopped(const struct view *v, struct scratch *s, struct notice *n)
{
	(void)s;
	if (!has(v, F_aof_enabled) || get(v, F_aof_enabled) != 0 ||
	    !has(v, F_aof_current_size))
		return VERDICT_CLEAR;
	if (get(v, F_loading) != 0 || get(v, F_async_loading) != 0 ||
	    get(v, F_master_sync_in_progress) != 0)
		return VERDICT_KEEP;
	detect_say(n, "appendonly is set, but nothing is appended: the AOF is off");
	figure_if(v, n, "aof_bytes", F_aof_current_size);
	figure_if(v, n, "master_link_up", F_master_link_status);
	return VERDICT_CRITICAL;
}

enum verdict
detect_aof_overgrown(const struct view *v, struct scratch *s, struct notice *n)
{
	double size = get(v, F_aof_current_size), base = get(v, F_aof_base_size);
	char now[32], then[32];

	(void)s;
	if (get(v, F_aof_enabled) == 0 || size <= limit(v, T_OVERGROWN_SIZE) ||
	    size <= limit(v, T_OVERGROWN_FACTOR) * base)
		return VERDICT_CLEAR;
	/* It is being cured: its end tells. */
	if (get(v, F_aof_rewrite_in_progress) != 0)
		return VERDICT_KEEP;
	detect_say(n, "the AOF has %s, and had %s when it was last rewritten",
		   detect_size(now, size), detect_size(then, base));
	notice_figure(n, "aof_bytes", size);
	notice_figure(n, "base_bytes", base);
	return VERDICT_WARNING;
}
