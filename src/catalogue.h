/*
 * catalogue: every incident and fact that pinfod can tell of, in words: what it
 * means, what to do, what INFO cannot show of it. Pure; the manual page, EXPLAIN
 * and the notices are made of it. How they are detected stands in incidents.
 */
#ifndef CATALOGUE_H
#define CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Adding one: a line here, its texts in catalogue.c, its detector (or where the
 * fact is told) in a detect_ file, and tests for both sides of it.
 */
enum incident {
	INCIDENT_LINK_DOWN,
	INCIDENT_LINK_SILENT,
	INCIDENT_LINK_DENIED,
	INCIDENT_LINK_BUSY,
	INCIDENT_PUBLISH_BLOCKED,
	INCIDENT_RDB_SAVE_FAILED,
	INCIDENT_RDB_SAVE_STUCK,
	INCIDENT_RDB_SAVE_SLOW,
	INCIDENT_RDB_STALE,
	INCIDENT_RDB_NEVER_SAVED,
	INCIDENT_AOF_WRITE_FAILED,
	INCIDENT_AOF_BACKLOG,
	INCIDENT_AOF_FSYNC_STALLED,
	INCIDENT_AOF_REWRITE_FAILED,
	INCIDENT_AOF_REWRITE_STORM,
	INCIDENT_AOF_REWRITE_SLOW,
	INCIDENT_AOF_STOPPED,
	INCIDENT_AOF_OVERGROWN,
	INCIDENT_FORK_SLOW,
	INCIDENT_FORK_MEMORY,
	INCIDENT_SAVE_STARVED,
	INCIDENT_LOAD_SLOW,
	INCIDENT_SERVER_RESTARTED_EMPTY,
	INCIDENT_PERSISTENCE_OFF,
	INCIDENT_MODULE_FORK_BLOCKING,
	INCIDENT_WRITES_REFUSED,
	INCIDENT_COUNT, /* from here on: facts, told once */
	FACT_SERVER_RESTARTED = INCIDENT_COUNT,
	FACT_SERVER_CLOCK_JUMP,
	FACT_PERSISTENCE_CHANGED,
	FACT_WATCH_GAP,
	FACT_RDB_SAVE_STARTED,
	FACT_RDB_SAVE_FINISHED,
	FACT_AOF_REWRITE_STARTED,
	FACT_AOF_REWRITE_FINISHED,
	FACT_LOAD_STARTED,
	FACT_LOAD_FINISHED,
	FACT_ROLE_SWITCHED,
	FACT_LINK_UP,
	FACT_STATS_RESET,
	FACT_TARGET_STARTED,
	FACT_TARGET_STOPPED,
	FACT_HEARTBEAT,
	CATALOGUE_COUNT
};

enum severity {
	SEVERITY_NONE, /* an incident that is not */
	SEVERITY_INFO,
	SEVERITY_WARNING,
	SEVERITY_CRITICAL,
};

/* One line each, but for the texts that say so; none is NULL. */
struct catalogue_entry {
	const char *id;	      /* "rdb.save_failed" */
	const char *severity; /* "critical; warning when ..." */
	const char *when;     /* raised, in words, with the presets */
	const char *unless;   /* what looks the same and is not; "" */
	const char *until;    /* cleared; "" for a fact */
	const char *needs;    /* of the server; "": any */
	const char *meaning;  /* some sentences */
	const char *advice;   /* what to do: in notices, so one or two sentences */
	const char *blind;    /* what INFO cannot show; "" */
};

const struct catalogue_entry *catalogue_entry(enum incident incident);

/* False when there is none of that id. */
bool catalogue_find(const char *id, enum incident *incident);

/* "none", "info", "warning", "critical". */
const char *catalogue_severity(enum severity severity);
bool catalogue_severity_parse(const char *name, enum severity *severity);

/* Everything about one, in lines for people; the caller frees it. */
char *catalogue_explain(enum incident incident);

#endif
