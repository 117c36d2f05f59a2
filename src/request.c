/*
 * request: see request.h.
 */
#include "request.h"

#include <assert.h>

struct row {
	const char *name;
	int overdue_ms; /* the owner is told */
	int lost_ms;	/* the connection is given up; the same: at once */
	struct reply_bounds bounds;
};

/*
 * Adding a request: a row here and its name in request.h. HELLO lists the
 * loaded modules with their arguments. A PUBLISH may hang as long as the server
 * pauses writes; but should a proxy have lost it, the minute heals that. The
 * section errorstats was seen at 420 KB after 12,000 different script errors.
 */
static const struct row rows[] = {
	[REQUEST_HELLO] = { "HELLO", 3000, 3000, { .bytes = 65536, .objects = 4096 } },
	[REQUEST_AUTH] = { "AUTH", 3000, 3000, { .bytes = 4096, .objects = 1 } },
	[REQUEST_INFO] = { "INFO", 2000, 10000, { .bytes = 65536, .objects = 1 } },
	[REQUEST_WIDE] = { "INFO", 2000, 10000, { .bytes = 1048576, .objects = 1 } },
	[REQUEST_CONFIG] = { "CONFIG GET",
			     2000,
			     10000,
			     { .bytes = 4096, .objects = 8 } },
	[REQUEST_PUBLISH] = { "PUBLISH", 2000, 60000, { .bytes = 4096, .objects = 1 } },
	/* A cluster of 1,000 nodes whose slots are scattered: 3 MB, one text. */
	[REQUEST_DISCOVERY] = { "discovery's question",
				2000,
				10000,
				{ .bytes = 8388608, .objects = 65536 } },
	[REQUEST_HELPER] = { "a helper",
			     3000,
			     3000,
			     { .bytes = 65536, .objects = 4096 } },
};

const char *
request_name(enum request_kind kind)
{
	return rows[kind].name;
}

const struct reply_bounds *
request_bounds(enum request_kind kind)
{
	return &rows[kind].bounds;
}

static int
patience_ms(const struct request *r)
{
	return r->told ? rows[r->kind].lost_ms : rows[r->kind].overdue_ms;
}

struct mono
request_deadline(const struct request *r)
{
	return clock_add_ns(r->sent, patience_ms(r) * NS_PER_MS);
}

bool
request_is_last_chance(const struct request *r)
{
	return patience_ms(r) == rows[r->kind].lost_ms;
}

int
request_patience_s(const struct request *r)
{
	return patience_ms(r) / 1000;
}

struct request *
request_head(struct request_queue *q)
{
	return q->count > 0 ? &q->ring[q->head] : NULL;
}

bool
request_queue_is_full(const struct request_queue *q)
{
	return q->count == REQUEST_QUEUE_MAX;
}

void
request_push(struct request_queue *q, struct request r)
{
	assert(!request_queue_is_full(q));
	q->ring[(q->head + q->count) % REQUEST_QUEUE_MAX] = r;
	q->count++;
}

struct request
request_pop(struct request_queue *q)
{
	struct request r = q->ring[q->head];

	assert(q->count > 0);
	q->head = (q->head + 1) % REQUEST_QUEUE_MAX;
	q->count--;
	return r;
}
