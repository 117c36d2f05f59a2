/*
 * cluster_view: see cluster_view.h. A line of CLUSTER NODES is
 *
 *	ID IP:PORT@CPORT[,HOSTNAME[,NAME=VALUE...]] FLAG[,FLAG...] MASTER|-
 *		PING PONG EPOCH LINK-STATE SLOT|FIRST-LAST|[MIGRATING]...
 *
 * without @CPORT before 4.0 and HOSTNAME before 7.0. An IPv6 address has no brackets.
 * Whatever the text is, reading it takes linear time: a slot has one owner, so not
 * more than all slots are ever marked.
 */
#include "cluster_view.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster_slot.h"
#include "xalloc.h"

#define ID_LEN 40
#define ID_SHOWN 8

/* Both included. */
struct range {
	uint16_t first, last;
};

struct node {
	char id[ID_LEN + 1];
	char master[ID_LEN + 1]; /* of a replica */
	bool replica;
	char *host;
	int port;
	uint64_t epoch;
	/* Who says this hears it, and was told its address. */
	bool heard;
	unsigned first_range, range_count; /* in its view's */
};

struct cluster_view {
	struct node *nodes;
	size_t count;
	struct range *ranges; /* CLUSTER_SLOTS at the most, as no two overlap */
	unsigned range_count;
	bool has_slots; /* also of nodes that do not count */
	char self[ID_LEN + 1];
};

struct text {
	const char *at;
	size_t len;
};

/* The beginning of a text from outside, for "%.*s". */
#define SHOWN(t) (int)((t).len < 60 ? (t).len : 60), (t).at

struct parsing {
	struct cluster_view *view;
	const char *asked;
	bool prefer_names;
	size_t line;
	bool taken[CLUSTER_SLOTS];
	char *error;
	size_t error_size;
};

static bool __attribute__((format(printf, 2, 3)))
complain(struct parsing *p, const char *format, ...)
{
	char reason[200];
	va_list ap;

	va_start(ap, format);
	vsnprintf(reason, sizeof(reason), format, ap);
	va_end(ap);
	snprintf(p->error, p->error_size, "line %zu: %s", p->line, reason);
	return false;
}

/* Cuts what stands before the first `end` off *from; the last one has no end. */
static struct text
cut(struct text *from, char end)
{
	const char *found = from->len > 0 ? memchr(from->at, end, from->len) : NULL;
	struct text piece = { from->at,
			      found ? (size_t)(found - from->at) : from->len };
	size_t used = piece.len + (found != NULL);

	from->at += used;
	from->len -= used;
	return piece;
}

static bool
is(struct text t, const char *word)
{
	return t.len == strlen(word) && memcmp(t.at, word, t.len) == 0;
}

static bool
has_flag(struct text flags, const char *flag)
{
	while (flags.len > 0) {
		if (is(cut(&flags, ','), flag))
			return true;
	}
	return false;
}

static bool
take_number(struct text t, uint64_t max, uint64_t *number)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t.len; i++) {
		unsigned digit = (unsigned)t.at[i] - '0';

		if (digit > 9 || n > (max - digit) / 10)
			return false;
		n = 10 * n + digit;
	}
	*number = n;
	return t.len > 0;
}

/* As Redis checks them: digits and small letters. */
static bool
take_id(struct text t, char id[static ID_LEN + 1])
{
	if (t.len != ID_LEN)
		return false;
	for (size_t i = 0; i < ID_LEN; i++) {
		if (!isdigit((unsigned char)t.at[i]) &&
		    !(t.at[i] >= 'a' && t.at[i] <= 'z'))
			return false;
	}
	memcpy(id, t.at, ID_LEN);
	id[ID_LEN] = '\0';
	return true;
}

/* A copy, of what can be one. */
static char *
take_host(struct text t)
{
	char error[256], *host = xasprintf("%.*s", (int)t.len, t.at);

	/* It is shorter where there is a NUL in it. */
	if (strlen(host) == t.len && endpoint_host_ok(host, error, sizeof(error)))
		return host;
	free(host);
	return NULL;
}

/*
 * Reads where a node is. Its host stays NULL, and it does not count, where nobody
 * knows yet.
 */
static bool
take_address(struct parsing *p, struct node *node, struct text t, struct text flags)
{
	struct text address = cut(&t, ','), name = cut(&t, ','), host, port;
	const struct text whole = cut(&address, '@');
	const char *colon = whole.len > 0 ? memrchr(whole.at, ':', whole.len) : NULL;
	uint64_t number;

	if (colon == NULL)
		return complain(p, "'%.*s' is no address", SHOWN(whole));
	host = (struct text){ whole.at, (size_t)(colon - whole.at) };
	port = (struct text){ colon + 1, whole.len - host.len - 1 };
	if (!take_number(port, 65535, &number))
		return complain(p, "'%.*s' is no port", SHOWN(port));
	node->port = (int)number;
	node->heard = host.len > 0;
	if (number == 0 || has_flag(flags, "noaddr") || has_flag(flags, "handshake"))
		return true;
	/* Behind the name, or in its place, may stand NAME=VALUE. */
	if (p->prefer_names && name.len > 0 && !memchr(name.at, '=', name.len))
		host = name;
	else if (host.len == 0 && has_flag(flags, "myself"))
		host = (struct text){ p->asked, strlen(p->asked) };
	if (host.len == 0)
		return true;
	node->host = take_host(host);
	return node->host != NULL || complain(p, "'%.*s' is no host", SHOWN(host));
}

static bool
take_slot(struct text t, uint16_t *slot)
{
	uint64_t number;

	if (!take_number(t, CLUSTER_SLOTS - 1, &number))
		return false;
	*slot = (uint16_t)number;
	return true;
}

static bool
take_range(struct parsing *p, struct node *node, struct text t)
{
	struct cluster_view *view = p->view;
	struct text last = t, first = cut(&last, '-');
	struct range r;

	if (!take_slot(first, &r.first) ||
	    !take_slot(first.len < t.len ? last : first, &r.last) || r.first > r.last)
		return complain(p, "'%.*s' is no range of slots", SHOWN(t));
	for (size_t slot = r.first; slot <= r.last; slot++) {
		if (p->taken[slot])
			return complain(p, "slot %zu has another owner already", slot);
		p->taken[slot] = true;
	}
	if ((view->range_count & (view->range_count - 1)) == 0)
		view->ranges =
			xrealloc(view->ranges,
				 view->range_count > 0 ? 2 * view->range_count : 1,
				 sizeof(r));
	view->ranges[view->range_count++] = r;
	node->range_count++;
	return true;
}

/* What is migrating stands in brackets, besides the range that it is still in. */
static bool
take_slots(struct parsing *p, struct node *node, struct text line)
{
	node->first_range = p->view->range_count;
	while (line.len > 0) {
		struct text word = cut(&line, ' ');

		if (word.len > 0 && word.at[0] != '[' && !take_range(p, node, word))
			return false;
	}
	return true;
}

static bool
take_line(struct parsing *p, struct node *node, struct text line)
{
	enum { ID, ADDRESS, FLAGS, MASTER, PING, PONG, EPOCH, LINK, WORDS };
	struct text word[WORDS];

	for (size_t i = 0; i < WORDS; i++) {
		word[i] = cut(&line, ' ');
		if (word[i].len == 0)
			return complain(p, "it has %zu words, and not %d or more", i,
					WORDS);
	}
	if (!take_id(word[ID], node->id))
		return complain(p, "'%.*s' is no id of a node", SHOWN(word[ID]));
	if (!is(word[MASTER], "-") && !take_id(word[MASTER], node->master))
		return complain(p, "'%.*s' is no id of a master", SHOWN(word[MASTER]));
	if (!take_number(word[EPOCH], UINT64_MAX, &node->epoch))
		return complain(p, "'%.*s' is no epoch", SHOWN(word[EPOCH]));
	node->replica = has_flag(word[FLAGS], "slave");
	if (has_flag(word[FLAGS], "myself"))
		memcpy(p->view->self, node->id, sizeof(node->id));
	if (!take_address(p, node, word[ADDRESS], word[FLAGS]))
		return false;
	if (!is(word[LINK], "connected") || has_flag(word[FLAGS], "fail"))
		node->heard = false;
	return take_slots(p, node, line);
}

static bool
take_node(struct parsing *p, struct text line)
{
	struct cluster_view *view = p->view;
	struct node node = { .replica = false };

	if (!take_line(p, &node, line)) {
		free(node.host);
		return false;
	}
	view->has_slots |= node.range_count > 0;
	if (node.host == NULL)
		return true;
	if (view->count == CLUSTER_VIEW_NODES_MAX) {
		free(node.host);
		return complain(p, "there are more than %d nodes",
				CLUSTER_VIEW_NODES_MAX);
	}
	if ((view->count & (view->count - 1)) == 0)
		view->nodes =
			xrealloc(view->nodes, view->count > 0 ? 2 * view->count : 1,
				 sizeof(node));
	view->nodes[view->count++] = node;
	return true;
}

struct cluster_view *
cluster_view_parse(const char *text, size_t len, const char *asked, bool prefer_names,
		   char *error, size_t error_size)
{
	struct text rest = { text, len };
	struct parsing p = {
		.view = xcalloc(1, sizeof(*p.view)),
		.asked = asked,
		.prefer_names = prefer_names,
		.error = error,
		.error_size = error_size,
	};

	while (rest.len > 0) {
		p.line++;
		if (!take_node(&p, cut(&rest, '\n')))
			goto bad;
	}
	if (p.line > 0)
		return p.view;
	snprintf(error, error_size, "it is empty");
bad:
	cluster_view_free(p.view);
	return NULL;
}

void
cluster_view_free(struct cluster_view *view)
{
	if (view == NULL)
		return;
	for (size_t i = 0; i < view->count; i++)
		free(view->nodes[i].host);
	free(view->nodes);
	free(view->ranges);
	free(view);
}

bool
cluster_view_counts(const struct cluster_view *view)
{
	return view->has_slots;
}

const char *
cluster_view_self(const struct cluster_view *view)
{
	return view->self;
}

/*
 * What several views agree on.
 */

/* A node, as one of the views has it; or the best of several. */
struct word {
	const struct node *node;
	const struct cluster_view *view;
	size_t seat;
};

/* By id; the words of one view together. */
static int
compare_words(const void *a, const void *b)
{
	const struct word *x = a, *y = b;
	int order = memcmp(x->node->id, y->node->id, ID_LEN);

	return order != 0 ? order : (x->seat > y->seat) - (x->seat < y->seat);
}

static bool
is_better(const struct node *a, const struct node *b)
{
	return a->epoch != b->epoch ? a->epoch > b->epoch : a->heard && !b->heard;
}

/* All that is said by views that count, sorted. */
static struct word *
collect(const struct cluster_view *const views[], size_t count, size_t *words)
{
	struct word *list;
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += views[i]->count;
	list = xcalloc(n + 1, sizeof(list[0]));
	n = 0;
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; views[i]->has_slots && k < views[i]->count; k++)
			list[n++] = (struct word){ &views[i]->nodes[k], views[i], i };
	}
	qsort(list, n, sizeof(list[0]), compare_words);
	*words = n;
	return list;
}

/* Leaves the best word of each node that more than half of them name. */
static size_t
elect(struct word *words, size_t count, size_t voters)
{
	size_t elected = 0, next;

	for (size_t i = 0; i < count; i = next) {
		struct word best = words[i];
		size_t votes = 0;

		for (next = i; next < count; next++) {
			if (strcmp(words[next].node->id, best.node->id) != 0)
				break;
			/* A view that says it twice has said it once. */
			votes += next == i || words[next].seat != words[next - 1].seat;
			if (is_better(words[next].node, best.node))
				best = words[next];
		}
		if (2 * votes > voters)
			words[elected++] = best;
	}
	return elected;
}

/*
 * Tags.
 */

/* The index of that node; count: it is none of them. */
static size_t
find_node(const struct word *nodes, size_t count, const char *id)
{
	size_t from = 0, to = count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = strcmp(id, nodes[middle].node->id);

		if (order == 0)
			return middle;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return count;
}

/* Views may be of different times: a slot is whose claim has the higher epoch. */
static void
claim_slots(const struct word *nodes, size_t count, size_t self,
	    size_t owner[CLUSTER_SLOTS])
{
	const struct node *node = nodes[self].node;

	for (unsigned i = 0; i < node->range_count; i++) {
		struct range r = nodes[self].view->ranges[node->first_range + i];

		for (size_t slot = r.first; slot <= r.last; slot++) {
			if (owner[slot] == count ||
			    node->epoch > nodes[owner[slot]].node->epoch)
				owner[slot] = self;
		}
	}
}

/* members: those of the nodes, in the same order. */
static void
add_tags(struct members *members, const struct word *nodes,
	 const struct members *before)
{
	const size_t count = members->count;
	size_t *owner = xcalloc(CLUSTER_SLOTS, sizeof(owner[0]));
	int *numbers = NULL;

	for (size_t slot = 0; slot < CLUSTER_SLOTS; slot++)
		owner[slot] = count;
	for (size_t i = 0; i < count; i++) {
		if (!nodes[i].node->replica)
			claim_slots(nodes, count, i, owner);
	}
	for (size_t i = 0; i < count; i++) {
		const struct node *node = nodes[i].node;
		size_t master =
			node->replica ? find_node(nodes, count, node->master) : i;
		const struct member *old = members_find(before, members->list[i].name);
		const char *tag = old != NULL ? old->tag : NULL;

		if (master == count)
			continue;
		if (tag != NULL && owner[cluster_slot(tag, strlen(tag))] == master) {
			members->list[i].tag = xstrdup(tag);
			continue;
		}
		/* Seldom needed, and not cheap. */
		if (numbers == NULL)
			numbers = cluster_slot_numbers(owner, count);
		if (numbers[master] >= 0)
			members->list[i].tag = xasprintf("%d", numbers[master]);
	}
	free(numbers);
	free(owner);
}

static bool
looks_like(const struct node *a, const struct node *b)
{
	return strncmp(a->id, b->id, ID_SHOWN) == 0;
}

bool
cluster_view_agree(const struct cluster_view *const views[], size_t count, bool tags,
		   const struct members *before, struct members *members,
		   size_t *agreeing)
{
	struct word *nodes;
	size_t n;

	*members = (struct members){ 0 };
	*agreeing = 0;
	for (size_t i = 0; i < count; i++)
		*agreeing += cluster_view_counts(views[i]);
	nodes = collect(views, count, &n);
	n = elect(nodes, n, *agreeing);
	/* They are sorted by id, which sorts their names, too. */
	for (size_t i = 0; i < n; i++) {
		const struct node *node = nodes[i].node;
		bool unique = (i == 0 || !looks_like(nodes[i - 1].node, node)) &&
			      (i + 1 == n || !looks_like(node, nodes[i + 1].node));
		char name[ID_LEN + 1];

		snprintf(name, sizeof(name), "%.*s", unique ? ID_SHOWN : ID_LEN,
			 node->id);
		members_add(members, name, node->host, node->port)->replica =
			node->replica;
	}
	if (tags)
		add_tags(members, nodes, before);
	free(nodes);
	return n > 0;
}
