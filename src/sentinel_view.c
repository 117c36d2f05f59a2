/*
 * sentinel_view: see sentinel_view.h.
 */
#include "sentinel_view.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "xalloc.h"

void
sentinel_view_fini(struct sentinel_view *view)
{
	members_fini(&view->replicas);
	*view = (struct sentinel_view){ 0 };
}

static bool
same_master(const struct sentinel_view *a, const struct sentinel_view *b)
{
	return a->known && b->known && a->port == b->port &&
	       strcasecmp(a->host, b->host) == 0;
}

/* How many say the same as this one, and the highest epoch among them. */
static size_t
votes_for(const struct sentinel_view *view, const struct sentinel_view *const views[],
	  size_t count, uint64_t *epoch)
{
	size_t votes = 0;

	*epoch = 0;
	for (size_t i = 0; i < count; i++) {
		if (!same_master(view, views[i]))
			continue;
		votes++;
		if (views[i]->epoch > *epoch)
			*epoch = views[i]->epoch;
	}
	return votes;
}

/* Of equals the first: the same views have the same outcome, always. */
static const struct sentinel_view *
elect(const struct sentinel_view *const views[], size_t count, size_t *votes)
{
	const struct sentinel_view *best = NULL;
	uint64_t best_epoch = 0;

	*votes = 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t epoch;
		size_t v = votes_for(views[i], views, count, &epoch);

		if (v > *votes || (v == *votes && epoch > best_epoch)) {
			best = views[i];
			*votes = v;
			best_epoch = epoch;
		}
	}
	return best;
}

/* A replica, as one of the sentinels has it. */
struct word {
	const struct member *member;
	size_t view;
};

/* By name; the words of one sentinel together. */
static int
compare(const void *a, const void *b)
{
	const struct word *x = a, *y = b;
	int order = strcmp(x->member->name, y->member->name);

	return order != 0 ? order : (x->view > y->view) - (x->view < y->view);
}

/* All that is said of replicas by those who agree on the master, sorted. */
static struct word *
collect(const struct sentinel_view *master, const struct sentinel_view *const views[],
	size_t count, size_t *words)
{
	struct word *list;
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += views[i]->replicas.count;
	list = xcalloc(n + 1, sizeof(list[0]));
	n = 0;
	for (size_t i = 0; i < count; i++) {
		const struct members *m = &views[i]->replicas;

		for (size_t k = 0; same_master(master, views[i]) && k < m->count; k++)
			list[n++] = (struct word){ &m->list[k], i };
	}
	qsort(list, n, sizeof(list[0]), compare);
	*words = n;
	return list;
}

static void
add_replica(struct members *members, const struct sentinel_view *master,
	    const struct endpoint *e, const char *name)
{
	/* It may be said of a server that has just become the master. */
	if (e->port == master->port && strcasecmp(e->host, master->host) == 0)
		return;
	members_add(members, name, e->host, e->port)->replica = true;
}

bool
sentinel_view_agree(const struct sentinel_view *const views[], size_t count,
		    struct members *members, size_t *agreeing)
{
	const struct sentinel_view *master = elect(views, count, agreeing);
	struct word *words;
	size_t n, next;

	*members = (struct members){ 0 };
	if (master == NULL)
		return false;
	/* Nothing sorts before "". */
	members_add(members, "", master->host, master->port);
	words = collect(master, views, count, &n);
	for (size_t i = 0; i < n; i = next) {
		const struct member *replica = words[i].member;
		size_t votes = 0;

		for (next = i; next < n; next++) {
			if (strcmp(words[next].member->name, replica->name) != 0)
				break;
			/* A sentinel that says it twice has said it once. */
			votes += next == i || words[next].view != words[next - 1].view;
		}
		if (2 * votes > *agreeing)
			add_replica(members, master, &replica->endpoint, replica->name);
	}
	free(words);
	return true;
}
