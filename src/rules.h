/*
 * rules: what the operator made of the catalogue for one target: thresholds,
 * what is switched off, and rows of his own. Pure.
 *
 * Each rule is one text of the option `incidents`:
 *
 *	rdb.save_slow warning=5m critical=20m      thresholds
 *	aof.* off                                  (on), also for a pattern
 *	changes.high warning when rdb_changes_since_last_save > 100000 for 1m: TEXT
 *
 * Later ones outweigh earlier ones. A pattern (as glob has them) takes off and on
 * only: thresholds of different incidents have different units. That of a
 * threshold is its row's: a duration ("5m"), a size ("1GiB"), a number; that of an
 * own row's limit is its field's. `off` removes an own row.
 */
#ifndef RULES_H
#define RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "catalogue.h"
#include "snapshot.h"

/* What is allowed, besides: nothing is negative. */
enum rules_unit {
	RULES_SECONDS, /* up to 10,000 days, whole milliseconds */
	RULES_BYTES,   /* up to SIZE_LIMIT */
	RULES_NUMBER,  /* of up to NUMBER_DIGITS_MAX digits */
	RULES_PERCENT, /* up to 100 */
	RULES_COUNT,   /* whole, and at least 1 */
};

/* X(enum, incident, name, unit, preset, help); kept as doubles: seconds, bytes. */
#define RULES_THRESHOLDS(X)                                                            \
	X(LINK_DOWN_FOR, INCIDENT_LINK_DOWN, "for", SECONDS, 2,                        \
	  "without a connection")                                                      \
	X(LINK_BUSY_FOR, INCIDENT_LINK_BUSY, "for", SECONDS, 2, "of -BUSY")            \
	X(SAVE_STUCK_FOR, INCIDENT_RDB_SAVE_STUCK, "for", SECONDS, 60,                 \
	  "without a step")                                                            \
	X(SAVE_STUCK_FACTOR, INCIDENT_RDB_SAVE_STUCK, "factor", NUMBER, 5,             \
	  "times the longest step, where that is longer")                              \
	X(SAVE_STUCK_KEYS, INCIDENT_RDB_SAVE_STUCK, "keys", COUNT, 4096,               \
	  "at the least")                                                              \
	X(SAVE_SLOW_WARNING, INCIDENT_RDB_SAVE_SLOW, "warning", SECONDS, 120,          \
	  "of saving")                                                                 \
	X(SAVE_SLOW_CRITICAL, INCIDENT_RDB_SAVE_SLOW, "critical", SECONDS, 600,        \
	  "of saving")                                                                 \
	X(STALE_WARNING, INCIDENT_RDB_STALE, "warning", SECONDS, 7200,                 \
	  "since the last save; or 1.5 times the longest save point and the longest "  \
	  "save, where that is longer; also that of rdb.never_saved")                  \
	X(STALE_CRITICAL, INCIDENT_RDB_STALE, "critical", SECONDS, 86400,              \
	  "since the last save")                                                       \
	X(AOF_BACKLOG_SIZE, INCIDENT_AOF_BACKLOG, "size", BYTES, 33554432,             \
	  "in the buffer")                                                             \
	X(AOF_BACKLOG_FOR, INCIDENT_AOF_BACKLOG, "for", SECONDS, 5, "in each sample")  \
	X(FSYNC_STALLED_CLEAR, INCIDENT_AOF_FSYNC_STALLED, "clear", SECONDS, 60,       \
	  "without a delay until it is over")                                          \
	X(REWRITE_STORM_ATTEMPTS, INCIDENT_AOF_REWRITE_STORM, "attempts", COUNT, 3,    \
	  "within 5 s")                                                                \
	X(REWRITE_STORM_CLEAR, INCIDENT_AOF_REWRITE_STORM, "clear", SECONDS, 60,       \
	  "without an attempt until it is over")                                       \
	X(REWRITE_SLOW_WARNING, INCIDENT_AOF_REWRITE_SLOW, "warning", SECONDS, 600,    \
	  "of rewriting")                                                              \
	X(AOF_STOPPED_FOR, INCIDENT_AOF_STOPPED, "for", SECONDS, 30, "of being off")   \
	X(OVERGROWN_FACTOR, INCIDENT_AOF_OVERGROWN, "factor", NUMBER, 4,               \
	  "times the base size")                                                       \
	X(OVERGROWN_SIZE, INCIDENT_AOF_OVERGROWN, "size", BYTES, 1073741824,           \
	  "at the least")                                                              \
	X(OVERGROWN_FOR, INCIDENT_AOF_OVERGROWN, "for", SECONDS, 600, "of that")       \
	X(FORK_SLOW_WARNING, INCIDENT_FORK_SLOW, "warning", NUMBER, 40,                \
	  "ms for each GB of RSS")                                                     \
	X(FORK_SLOW_CRITICAL, INCIDENT_FORK_SLOW, "critical", NUMBER, 100,             \
	  "ms for each GB of RSS")                                                     \
	X(FORK_SLOW_LEAST, INCIDENT_FORK_SLOW, "least", NUMBER, 100,                   \
	  "ms in all, at the least")                                                   \
	X(FORK_SLOW_CLEAR, INCIDENT_FORK_SLOW, "clear", SECONDS, 3600,                 \
	  "without a fork")                                                            \
	X(FORK_MEMORY_WARNING, INCIDENT_FORK_MEMORY, "warning", PERCENT, 60,           \
	  "of the headroom")                                                           \
	X(FORK_MEMORY_CRITICAL, INCIDENT_FORK_MEMORY, "critical", PERCENT, 85,         \
	  "of the headroom")                                                           \
	X(STARVED_SYNCS, INCIDENT_SAVE_STARVED, "syncs", COUNT, 3,                     \
	  "full syncs meanwhile")                                                      \
	X(STARVED_FOR, INCIDENT_SAVE_STARVED, "for", SECONDS, 600,                     \
	  "without a save; or three times the longest save, where that is longer")     \
	X(LOAD_SLOW_ETA, INCIDENT_LOAD_SLOW, "eta", SECONDS, 300, "still to go")       \
	X(LOAD_SLOW_STALL, INCIDENT_LOAD_SLOW, "stall", SECONDS, 60,                   \
	  "without progress")                                                          \
	X(EMPTY_SHARE, INCIDENT_SERVER_RESTARTED_EMPTY, "share", PERCENT, 50,          \
	  "of the keys before: fewer are too few")                                     \
	X(OFF_FOR, INCIDENT_PERSISTENCE_OFF, "for", SECONDS, 93600,                    \
	  "without an attempt to save, where CONFIG GET is not granted")               \
	X(MODULE_FORK_FOR, INCIDENT_MODULE_FORK_BLOCKING, "for", SECONDS, 600,         \
	  "of that child")                                                             \
	X(REFUSED_CLEAR, INCIDENT_WRITES_REFUSED, "clear", SECONDS, 60,                \
	  "without a refusal until it is over")                                        \
	X(GAP_FOR, FACT_WATCH_GAP, "for", SECONDS, 3, "without a sample that was due") \
	X(CLOCK_JUMP, FACT_SERVER_CLOCK_JUMP, "by", SECONDS, 2, "against our clock")

enum rules_threshold {
#define X(name, incident, key, unit, preset, help) T_##name,
	RULES_THRESHOLDS(X)
#undef X
		RULES_THRESHOLD_COUNT
};

enum rules_expect {
	EXPECT_ANY, /* an AOF or save points */
	EXPECT_NONE,
	EXPECT_RDB,
	EXPECT_AOF,
	EXPECT_BOTH,
};

enum rules_comparison {
	RULES_ABOVE,
	RULES_BELOW,
	RULES_EQUAL,
	RULES_UNEQUAL,
	RULES_AT_LEAST,
	RULES_AT_MOST,
};

/* One of the operator's own; its limit is in the field's own unit. */
struct rule {
	char *id, *text; /* text: what it means, in his words */
	enum severity severity;
	enum snapshot_field field;
	enum rules_comparison comparison;
	double limit, for_s;
};

#define RULES_OWN_MAX 32
/* In bytes; the last is of a whole text of the option. */
#define RULES_OWN_ID_MAX 63
#define RULES_OWN_TEXT_MAX 255
#define RULES_TEXT_MAX 512

struct rules {
	double limit[RULES_THRESHOLD_COUNT];
	bool off[CATALOGUE_COUNT];
	struct rule *own;
	size_t own_count;
	enum rules_expect expect;
	double memory_limit_bytes; /* 0: not said */
};

struct rules_threshold_info {
	enum incident incident;
	const char *name, *help;
	enum rules_unit unit;
	double preset;
};

const struct rules_threshold_info *rules_threshold(enum rules_threshold threshold);

/* "5m", "1GiB", "40", "85%": as one writes it; in buf, which is returned. */
const char *rules_value(char buf[static 32], enum rules_unit unit, double value);

/* The presets: nothing is off, no own rows. */
void rules_init(struct rules *rules);

/* Frees what it holds. May be called twice. */
void rules_fini(struct rules *rules);

/* Deep copy; *to need not be initialised. */
void rules_copy(struct rules *to, const struct rules *from);

/* Whether they say the same. */
bool rules_same(const struct rules *a, const struct rules *b);

/*
 * The texts that make the presets these rules, but for what they expect and the
 * memory's limit. The caller frees each, and the list.
 */
char **rules_texts(const struct rules *rules, size_t *count);

/*
 * Adds one text of the option. False with the reason in error (what was found,
 * what is allowed), and then *rules is as before.
 */
bool rules_add(struct rules *rules, const char *text, char *error, size_t error_size);

/* The unit that an own row's limit on this field is read and written in. */
enum rules_unit rules_field_unit(enum snapshot_field field);

/* "any", "none", "rdb", "aof", "both". */
bool rules_expect_parse(const char *name, enum rules_expect *expect);
const char *rules_expect_name(enum rules_expect expect);

bool rules_compare(enum rules_comparison comparison, double value, double limit);
const char *rules_comparison_name(enum rules_comparison comparison); /* ">" */

#endif
