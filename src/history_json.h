/*
 * history_json: the text of the state file, and what stands in it. Pure.
 *
 * A member that is not known is passed over, so that an older pinfod reads what a
 * newer one wrote. An entry with a member of a wrong type or size is left out,
 * and the others are read.
 */
#ifndef HISTORY_JSON_H
#define HISTORY_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "history.h"

struct history_entry {
	char *target;	  /* its name */
	struct wall seen; /* when it was watched last */
	struct history history;
};

struct history_silence {
	char *incidents, *targets;
	struct wall until;
};

/* It owns what it points to. */
struct history_content {
	struct history_entry *entries;
	size_t count;
	struct history_silence *silences;
	size_t silence_count;
	/* By reading: how many entries and silences were left out, and one of them. */
	size_t refused;
	char complaint[256];
};

/* Frees what it holds. May be called twice. */
void history_content_fini(struct history_content *content);

/* One line without its end; the caller frees it. */
char *history_json(const struct history_content *content, struct wall now);

/*
 * Fills *content, which need not be initialised. False when the text as a whole
 * is none of ours: then error says why, and *content is empty.
 */
bool history_json_read(struct history_content *content, const char *text, size_t len,
		       char *error, size_t error_size);

#endif
