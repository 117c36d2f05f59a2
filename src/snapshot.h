/*
 * snapshot: what one server's INFO says, parsed. Pure.
 *
 * One list gives every field that pinfod understands; what a server says beside
 * it passes through the feed untouched and is not looked at here. A field that
 * the server did not send is absent, which is not the same as zero: half of the
 * fields exist only with an AOF, while loading, or from some version on.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a field comes from; as bits they say what a sample brought. */
enum snapshot_part {
	SNAPSHOT_NARROW = 1, /* INFO persistence, at every sample */
	SNAPSHOT_WIDE = 2,   /* the other sections, every few seconds */
	SNAPSHOT_CONFIG = 4, /* CONFIG GET, where it is granted */
};

/* How a value is written there. All are kept as doubles, exact up to 2^53. */
enum snapshot_type {
	SNAPSHOT_NUMBER,
	SNAPSHOT_STATUS, /* ok or up: 1, anything else: 0 */
	SNAPSHOT_SUM,	 /* made of several lines, see snapshot.c */
};

/*
 * X(part, name, type, unit, help), the narrow ones first. The names are the servers'
 * own, and those of the rules that users write. The source of the meanings is the
 * servers' genRedisInfoString and what shared measurement showed of it.
 */
#define SNAPSHOT_FIELDS(X)                                                            \
	X(NARROW, loading, NUMBER, "", "1 while a data set is being loaded")          \
	X(NARROW, async_loading, NUMBER, "", "1 while one is loaded beside the old")  \
	X(NARROW, current_cow_peak, NUMBER, "bytes", "most copied on write so far")   \
	X(NARROW, current_cow_size, NUMBER, "bytes", "copied on write by the child")  \
	X(NARROW, current_fork_perc, NUMBER, "percent", "how far the child is")       \
	X(NARROW, current_save_keys_processed, NUMBER, "keys", "saved by the child")  \
	X(NARROW, current_save_keys_total, NUMBER, "keys", "when the child began")    \
	X(NARROW, rdb_changes_since_last_save, NUMBER, "operations",                  \
	  "not in an RDB file yet")                                                   \
	X(NARROW, rdb_bgsave_in_progress, NUMBER, "",                                 \
	  "1 while a child writes an RDB, to disk or to replicas")                    \
	X(NARROW, rdb_last_save_time, NUMBER, "unix s", "last save, or the start")    \
	X(NARROW, rdb_last_bgsave_status, STATUS, "", "of the last save")             \
	X(NARROW, rdb_last_bgsave_time_sec, NUMBER, "s", "the last save took")        \
	X(NARROW, rdb_current_bgsave_time_sec, NUMBER, "s", "this save has taken")    \
	X(NARROW, rdb_saves, NUMBER, "", "attempts to save, since 7.0")               \
	X(NARROW, rdb_last_cow_size, NUMBER, "bytes", "copied by the last save")      \
	X(NARROW, aof_enabled, NUMBER, "", "1 with an AOF")                           \
	X(NARROW, aof_rewrite_in_progress, NUMBER, "", "1 while one is rewritten")    \
	X(NARROW, aof_rewrite_scheduled, NUMBER, "", "1 when one waits for a save")   \
	X(NARROW, aof_last_rewrite_time_sec, NUMBER, "s", "the last rewrite took")    \
	X(NARROW, aof_current_rewrite_time_sec, NUMBER, "s", "this one has taken")    \
	X(NARROW, aof_last_bgrewrite_status, STATUS, "", "of the last rewrite")       \
	X(NARROW, aof_rewrites, NUMBER, "", "attempts to rewrite, since 7.0")         \
	X(NARROW, aof_rewrites_consecutive_failures, NUMBER, "",                      \
	  "rewrites failed in a row, without failed forks")                           \
	X(NARROW, aof_last_write_status, STATUS, "", "of the last write to it")       \
	X(NARROW, aof_last_cow_size, NUMBER, "bytes", "copied by the last rewrite")   \
	X(NARROW, module_fork_in_progress, NUMBER, "",                                \
	  "1 while a module's child runs")                                            \
	X(NARROW, aof_current_size, NUMBER, "bytes", "of the AOF")                    \
	X(NARROW, aof_base_size, NUMBER, "bytes", "after the last rewrite or start")  \
	X(NARROW, aof_buffer_length, NUMBER, "bytes", "waiting to be written")        \
	X(NARROW, aof_pending_bio_fsync, NUMBER, "", "fsyncs waiting or running")     \
	X(NARROW, aof_delayed_fsync, NUMBER, "", "writes that waited for an fsync")   \
	X(NARROW, loading_total_bytes, NUMBER, "bytes", "to be loaded")               \
	X(NARROW, loading_loaded_bytes, NUMBER, "bytes", "loaded so far")             \
	X(NARROW, loading_loaded_perc, NUMBER, "percent", "loaded so far")            \
	X(NARROW, loading_eta_seconds, NUMBER, "s", "until it is loaded")             \
	X(WIDE, uptime_in_seconds, NUMBER, "s", "since the server started")           \
	X(WIDE, server_time_usec, NUMBER, "unix us", "its clock, since 6.2")          \
	X(WIDE, process_id, NUMBER, "", "the server's")                               \
	X(WIDE, used_memory, NUMBER, "bytes", "allocated")                            \
	X(WIDE, used_memory_rss, NUMBER, "bytes", "resident")                         \
	X(WIDE, maxmemory, NUMBER, "bytes", "the limit for data; 0: none")            \
	X(WIDE, total_system_memory, NUMBER, "bytes", "of the machine")               \
	X(WIDE, total_forks, NUMBER, "", "that succeeded, since 6.2")                 \
	X(WIDE, latest_fork_usec, NUMBER, "us", "how long the last fork took")        \
	X(WIDE, sync_full, NUMBER, "", "full synchronizations of replicas")           \
	X(WIDE, connected_slaves, NUMBER, "", "replicas")                             \
	X(WIDE, master_link_status, STATUS, "", "1 when a replica has its master")    \
	X(WIDE, master_sync_in_progress, NUMBER, "", "1 while a replica syncs")       \
	X(WIDE, master_repl_offset, NUMBER, "bytes", "written to replication")        \
	X(WIDE, repl_backlog_active, NUMBER, "", "1 when that offset counts")         \
	X(WIDE, replicas_syncing, SUM, "", "replicas that wait for an RDB or get it") \
	X(WIDE, keys, SUM, "keys", "in all databases")                                \
	X(WIDE, errorstat_MISCONF, SUM, "", "writes refused, since 6.2")

enum snapshot_field {
#define X(part, name, type, unit, help) F_##name,
	SNAPSHOT_FIELDS(X)
#undef X
		SNAPSHOT_FIELD_COUNT
};

#define SNAPSHOT_SAVE_POINTS_MAX 16

struct save_point {
	double seconds, changes;
};

struct snapshot {
	double value[SNAPSHOT_FIELD_COUNT];
	bool present[SNAPSHOT_FIELD_COUNT];
	/* Of the wide part; "" while unknown. */
	char run_id[48], role[16], replication_id[48], version[24];
	/* Of the configuration. */
	bool save_points_known;
	unsigned save_point_count;
	struct save_point save_points[SNAPSHOT_SAVE_POINTS_MAX];
};

struct snapshot_field_info {
	const char *name, *unit, *help;
	size_t len; /* of the name */
	enum snapshot_part part;
	enum snapshot_type type;
};

const struct snapshot_field_info *snapshot_field(enum snapshot_field field);

/* By its name, which is the server's; false when there is none. */
bool snapshot_field_find(const char *name, enum snapshot_field *field);

static inline bool
snapshot_has(const struct snapshot *s, enum snapshot_field field)
{
	return s->present[field];
}

/* Zero when it is absent. */
static inline double
snapshot_get(const struct snapshot *s, enum snapshot_field field)
{
	return s->present[field] ? s->value[field] : 0;
}

/*
 * Replaces all fields of one part by what the text of an INFO reply says; for
 * SNAPSHOT_CONFIG the lines are `name:value` too. Lines that are not
 * understood are passed over, values that are no numbers are absent. A wide
 * part that comes in several texts is begun with snapshot_clear and added to
 * with snapshot_add.
 */
void snapshot_parse(struct snapshot *s, enum snapshot_part part, const char *text,
		    size_t len);
void snapshot_clear(struct snapshot *s, enum snapshot_part part);
void snapshot_add(struct snapshot *s, enum snapshot_part part, const char *text,
		  size_t len);

#endif
