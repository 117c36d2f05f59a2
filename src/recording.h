/*
 * recording: what pinfod heard of servers, as a text file that can be replayed.
 * Pure but for the streams that it is lent. The form:
 *
 *	pinfod-recording 1
 *	@ 0.000 1763831000.123 link orders up
 *	@ 0.001 1763831000.124 narrow orders
 *	loading:0
 *	rdb_changes_since_last_save:15
 *	aof_current_size:7
 *	@ 0.002 1763831000.125 wide orders
 *	# Keyspace
 *	db0:keys=5,expires=0,avg_ttl=0
 *	@ 1.001 1763831001.124 narrow orders
 *	rdb_changes_since_last_save:16
 *	-aof_current_size
 *
 * Seconds since it began, the wall time, what it is (narrow, wide, config or
 * link) and of which target. A link's text follows on the same line; of the
 * others follow the lines that differ from the last entry of that kind and
 * target, `-name` for one that is gone. A heading is its own name, as a section
 * without lines is told by it alone: `-# Keyspace`. Recordings of before headings
 * were recorded have none. Empty lines are for people, and those that begin with #
 * before the first entry.
 */
#ifndef RECORDING_H
#define RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "clock.h"

enum recording_kind {
	RECORDING_NARROW,
	RECORDING_WIDE,
	RECORDING_CONFIG,
	RECORDING_LINK, /* text: "down Connection refused" */
};

/* What a recording may hold: it comes from outside. */
#define RECORDING_LINE_MAX 4096
#define RECORDING_LINES_MAX 4096	 /* of one text */
#define RECORDING_TEXT_MAX (1024 * 1024) /* bytes of one text */
#define RECORDING_TARGETS_MAX 1024
#define RECORDING_SECONDS_MAX (3660 * 86400)

struct recording_entry {
	enum recording_kind kind;
	const char *target;
	double seconds;
	struct wall wall;
	const char *text; /* whole again, with LF line ends; NUL-terminated */
	size_t len;
	unsigned long line; /* of the file that it begins on; recorders ignore it */
};

const char *recording_kind_name(enum recording_kind kind);
bool recording_kind_find(const char *name, enum recording_kind *kind);

struct recorder;

/* Writes the head. out is borrowed and not closed. */
struct recorder *recorder_new(FILE *out);

/* NULL is fine. */
void recorder_free(struct recorder *r);

/*
 * text as the server sent it: line ends become LF; empty lines, what is neither a
 * heading nor `name:value`, and what is past the bounds is left out. Time never goes
 * back: an entry that is older than the last one gets its time. False when nothing was
 * written: a name that no target has, too many targets, a link of which nothing is
 * said.
 */
bool recorder_add(struct recorder *r, const struct recording_entry *entry);

struct recording;

/* in is borrowed and not closed. */
struct recording *recording_new(FILE *in);

/* NULL is fine. */
void recording_free(struct recording *r);

/*
 * The next entry, borrowed until the next call. Its lines stand in the order in
 * which they first came. False at the end; then error is "" or says what is wrong,
 * with the line.
 */
bool recording_next(struct recording *r, struct recording_entry *entry, char *error,
		    size_t error_size);

#endif
