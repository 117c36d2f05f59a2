/*
 * silences: what the operator does not want to be told of for a while. Pure.
 */
#ifndef SILENCES_H
#define SILENCES_H

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"

struct silences;

#define SILENCES_MAX 64
#define SILENCE_PATTERN_MAX 255

struct silence {
	const char *incidents, *targets; /* patterns, as glob has them */
	struct wall until;
};

struct silences *silences_new(void);

/* NULL is fine. */
void silences_free(struct silences *s);

/*
 * The same patterns again: a new end. False when there are too many, or a pattern
 * is longer than SILENCE_PATTERN_MAX.
 */
bool silences_add(struct silences *s, const char *incidents, const char *targets,
		  struct wall until);

/* False when there is none of these patterns. */
bool silences_remove(struct silences *s, const char *incidents, const char *targets);

bool silences_match(const struct silences *s, const char *incident, const char *target,
		    struct wall now);

/* Drops what is over; whether there was any. */
bool silences_expire(struct silences *s, struct wall now);

/* In the order of their ends; NULL past the last. Borrowed until a change. */
const struct silence *silences_at(const struct silences *s, size_t i);

#endif
