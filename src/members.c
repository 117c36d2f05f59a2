/*
 * members: see members.h.
 */
#include "members.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

struct member *
members_add(struct members *m, const char *name, const char *host, int port)
{
	struct member *new;

	/* It is full whenever the count is a power of two. */
	if ((m->count & (m->count - 1)) == 0)
		m->list = xrealloc(m->list, m->count > 0 ? 2 * m->count : 1,
				   sizeof(m->list[0]));
	new = &m->list[m->count++];
	*new = (struct member){
		.name = xstrdup(name),
		.endpoint = { .host = xstrdup(host), .port = port },
	};
	return new;
}

static int
compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void
members_sort(struct members *m)
{
	if (m->count > 0)
		qsort(m->list, m->count, sizeof(m->list[0]), compare);
}

struct member *
members_find(const struct members *m, const char *name)
{
	size_t from = 0, to = m->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = strcmp(name, m->list[middle].name);

		if (order == 0)
			return &m->list[middle];
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return NULL;
}

static bool
member_same(const struct member *a, const struct member *b)
{
	return strcmp(a->name, b->name) == 0 && a->replica == b->replica &&
	       (a->tag == NULL || b->tag == NULL ? a->tag == b->tag
						 : strcmp(a->tag, b->tag) == 0) &&
	       endpoint_same(&a->endpoint, &b->endpoint);
}

bool
members_same(const struct members *a, const struct members *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (!member_same(&a->list[i], &b->list[i]))
			return false;
	}
	return true;
}

void
members_copy(struct members *to, const struct members *from)
{
	*to = (struct members){ 0 };
	for (size_t i = 0; i < from->count; i++) {
		const struct member *old = &from->list[i];
		struct member *new = members_add(to, old->name, NULL, 0);

		endpoint_copy(&new->endpoint, &old->endpoint);
		new->tag = xstrdup(old->tag);
		new->replica = old->replica;
	}
}

void
members_fini(struct members *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->list[i].name);
		endpoint_fini(&m->list[i].endpoint);
		free(m->list[i].tag);
	}
	free(m->list);
	*m = (struct members){ 0 };
}
