/*
 * detect: the detectors of the catalogue, one function an incident, in the files
 * detect_link, detect_rdb, detect_aof and detect_server. Pure functions of the
 * view and of their own scratch; where one is right, it writes its summary and
 * figures into the notice.
 *
 * shared/incidents of the design say where each rule comes from; the manual page
 * pinfod-incidents(7) says it to users.
 */
#ifndef DETECT_H
#define DETECT_H

#include <math.h>

#include "incidents.h"

typedef enum verdict detect_fn(const struct view *v, struct scratch *s,
			       struct notice *n);

detect_fn detect_link_down, detect_link_silent, detect_link_denied, detect_link_busy;
detect_fn detect_publish_blocked;

detect_fn detect_rdb_save_failed, detect_rdb_save_stuck, detect_rdb_save_slow;
detect_fn detect_rdb_stale, detect_rdb_never_saved;
detect_fn detect_save_starved, detect_fork_slow, detect_fork_memory;
detect_fn detect_module_fork;

detect_fn detect_aof_write_failed, detect_aof_backlog, detect_aof_fsync_stalled;
detect_fn detect_aof_rewrite_failed, detect_aof_rewrite_storm, detect_aof_rewrite_slow;
detect_fn detect_aof_stopped, detect_aof_overgrown;

detect_fn detect_load_slow, detect_restarted_empty, detect_persistence_off;
detect_fn detect_writes_refused;

/* Sets the notice's summary. */
void detect_say(struct notice *n, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What follows a number for its plural. */
static inline const char *
detect_s(double n)
{
	return n == 1 ? "" : "s";
}

/* "1,234" changes and the like would be nicer; "12.3 MiB" in buf. */
const char *detect_size(char buf[static 32], double bytes);

static inline bool
has(const struct view *v, enum snapshot_field field)
{
	return snapshot_has(v->cur, field);
}

static inline double
get(const struct view *v, enum snapshot_field field)
{
	return snapshot_get(v->cur, field);
}

/* How much it rose since the step before; negative when it fell. */
static inline double
rise(const struct view *v, enum snapshot_field field)
{
	if (!snapshot_has(v->cur, field) || !snapshot_has(v->prev, field))
		return 0;
	return v->cur->value[field] - v->prev->value[field];
}

static inline double
limit(const struct view *v, enum rules_threshold threshold)
{
	return v->rules->limit[threshold];
}

static inline bool
is_fresh(const struct view *v, enum snapshot_part part)
{
	return (v->fresh & part) != 0;
}

/*
 * Whether what began then has lasted that long. A sample is never exactly on time:
 * one that ends a hold by a hair too early is not to make it last until the next.
 */
static inline bool
has_lasted(const struct view *v, struct mono from, double seconds)
{
	return clock_diff_s(v->at.mono, from) >= seconds - fmin(0.1, seconds / 10);
}

/*
 * Whether appendonly is set. The AOF is off nevertheless while a replica
 * synchronizes, or when it could not begin its AOF again; from 7.0 the sizes are
 * there all the same, and it is aof.stopped.
 */
static inline bool
has_aof(const struct snapshot *s)
{
	return snapshot_get(s, F_aof_enabled) != 0 ||
	       snapshot_has(s, F_aof_current_size);
}

/* A warning past the one, critical past the other. */
static inline enum verdict
grade(double value, double warning, double critical)
{
	if (value >= critical)
		return VERDICT_CRITICAL;
	return value >= warning ? VERDICT_WARNING : VERDICT_CLEAR;
}

#endif
