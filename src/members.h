/*
 * members: who belongs to a group, as a source says or as sources agree. Pure.
 */
#ifndef MEMBERS_H
#define MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#include "endpoint.h"

struct member {
	/*
	 * What it is called after the group's name and a slash; "": it is what the
	 * group itself is named after, the master that sentinels name. In a file:
	 * its whole name.
	 */
	char *name;
	/* Where it is; of a line of a file also the user, and whether by TLS. */
	struct endpoint endpoint;
	char *tag;    /* a hash tag of a slot of its shard's; NULL: not wanted */
	bool replica; /* as far as the source knows */
};

/* All zero: nobody. It owns what it holds. */
struct members {
	struct member *list; /* sorted by name, after members_sort */
	size_t count;
};

/*
 * Adds one, behind the others, with copies of the strings; host NULL: its endpoint is
 * still to be filled in. What is returned is valid until the next one.
 */
struct member *members_add(struct members *m, const char *name, const char *host,
			   int port);

void members_sort(struct members *m);

/* Of sorted ones; NULL: nobody of that name. */
struct member *members_find(const struct members *m, const char *name);

/* Whether both, sorted, say the same. */
bool members_same(const struct members *a, const struct members *b);

/* Deep copy; *to need not be initialised. */
void members_copy(struct members *to, const struct members *from);

/* Frees what *m holds. May be called twice. */
void members_fini(struct members *m);

#endif
