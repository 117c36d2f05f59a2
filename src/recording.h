/*
 * recording: what pinfod heard of servers, as a text file that can be replayed.
 * Pure. See docs/PROTOCOL.md for the form:
 *
 *	pinfod-recording 1
 *	@ 0.000 1763831000.123 narrow orders
 *	loading:0
 *	rdb_changes_since_last_save:15
 *	@ 1.000 1763831001.123 narrow orders
 *	rdb_changes_since_last_save:16
 *	-aof_current_size
 *
 * Seconds since it began, the wall time, what it is (narrow, wide, config or
 * link) and of which target; then the lines that differ from the last such entry
 * of that target, `-name` for one that is gone.
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

struct recording_entry {
	enum recording_kind kind;
	const char *target;
	double seconds;
	struct wall wall;
	const char *text; /* whole again, with LF line ends */
	size_t len;
};

const char *recording_kind_name(enum recording_kind kind);

struct recorder;

/* Writes the head. NULL is fine for free, which does not close out. */
struct recorder *recorder_new(FILE *out);
void recorder_free(struct recorder *r);

/* text as the server sent it. */
void recorder_add(struct recorder *r, const struct recording_entry *entry);

struct recording;

/* Borrows in. */
struct recording *recording_new(FILE *in);
void recording_free(struct recording *r);

/*
 * The next entry, borrowed until the next call. False at the end; then error
 * is "" or says what is wrong, with the line.
 */
bool recording_next(struct recording *r, struct recording_entry *entry, char *error,
		    size_t error_size);

#endif
