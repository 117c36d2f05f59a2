/*
 * recording_lines: what recorder and reader both keep: the last text of each kind
 * and target, line by line. Pure; only recording uses it.
 */
#ifndef RECORDING_LINES_H
#define RECORDING_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "recording.h"

#define RECORDING_KINDS (RECORDING_LINK + 1)
#define SUBJECT_NAME_MAX 255

struct line {
	char *text; /* "name:value", or a heading, which is all name */
	size_t len, name_len;
	bool seen; /* set by lines_set, and cleared by who wants to know */
};

/* One text. Zeroed it is empty. */
struct lines {
	struct line *line;
	size_t count, room;
	size_t bytes; /* with an LF for each line */
	size_t next;  /* the one behind that found last: most come in order */
};

enum set_result { SET_SAME, SET_CHANGED, SET_TOO_MUCH };

/* The index of the line of that name, or count. */
size_t lines_find(struct lines *l, const char *name, size_t len);

/* text begins with a name of name_len bytes. */
enum set_result lines_set(struct lines *l, const char *text, size_t len,
			  size_t name_len);

void lines_remove(struct lines *l, size_t at);

/* All lines, each with its LF; the caller frees it. */
char *lines_text(const struct lines *l);

/* A target. */
struct subject {
	char *name;
	struct lines lines[RECORDING_KINDS]; /* a link's stay empty */
};

/* Zeroed there is none. */
struct subjects {
	struct subject *subject;
	size_t count, last; /* the one found last */
};

/* Names stand between blanks, and begin lines of the log. */
bool subject_name_ok(const char *name);

/* NULL: no name of a target, or one too many. Borrowed until the next call. */
struct subject *subjects_get(struct subjects *s, const char *name);

void subjects_fini(struct subjects *s);

#endif
