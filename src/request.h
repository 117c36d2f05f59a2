/*
 * request: what pinfod asks of servers, what each may cost, and the queue of
 * those that are not answered yet. Pure.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"
#include "reply.h"

/* What one reply may be at the most. */
struct reply_bounds {
	size_t bytes;	  /* all strings of the reply together */
	unsigned objects; /* all objects of the reply, nested ones too */
};

enum request_kind {
	REQUEST_HELLO,
	REQUEST_AUTH,
	REQUEST_INFO,	/* INFO persistence */
	REQUEST_WIDE,	/* INFO of other sections, of all or of one */
	REQUEST_CONFIG, /* CONFIG GET save */
	REQUEST_PUBLISH,
	REQUEST_DISCOVERY, /* SENTINEL MASTER, SENTINEL REPLICAS, CLUSTER NODES */
	REQUEST_HELPER,	   /* of --probe: what may be refused */
};

typedef void request_reply_fn(void *arg, const struct reply *reply);

struct request {
	enum request_kind kind;
	request_reply_fn *fn;
	void *arg;
	struct mono sent;
	bool told; /* that it is past its first deadline */
};

/* Oldest first. All zero is an empty queue. */
#define REQUEST_QUEUE_MAX 16
struct request_queue {
	struct request ring[REQUEST_QUEUE_MAX];
	unsigned head, count;
};

const char *request_name(enum request_kind kind);
const struct reply_bounds *request_bounds(enum request_kind kind);

/* The first deadline; once that is told, the second one. */
struct mono request_deadline(const struct request *r);

/* Whether the deadline that comes next is the second: the connection's end. */
bool request_is_last_chance(const struct request *r);

/* From sending to the deadline that comes next, in whole seconds. */
int request_patience_s(const struct request *r);

/* NULL when there is none. */
struct request *request_head(struct request_queue *q);

bool request_queue_is_full(const struct request_queue *q);

/* Only when it is not full. */
void request_push(struct request_queue *q, struct request r);

/* Only when there is one. */
struct request request_pop(struct request_queue *q);

#endif
