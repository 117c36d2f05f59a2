/*
 * link: one connection to a Redis server, kept up until it is told otherwise.
 *
 * It owns the state machine, the greeting, the queue of requests, every
 * deadline and the back-off; bytes and sockets are connection's, and what the
 * answers mean is its owner's affair.
 *
 *	idle -> resolving -> connecting -> greeting -> ready
 *	  ^        ^  '-----------+------------+----------'
 *	  |     waiting <---------'  (failed or lost)
 *	  '---- link_close, from anywhere
 *
 * Handlers run on the loop's stack, one at a time. They may call anything
 * here, link_free included.
 */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"
#include "fault.h"
#include "request.h"

struct endpoint;
struct event_base;
struct link;
struct resolver;
struct tls_info;

struct link_handlers {
	/* Greeted: link_send works from now on. */
	void (*ready)(void *owner, struct link *link, struct mono now);
	/*
	 * An attempt failed or the connection ended; every outstanding request
	 * was answered REPLY_LOST before. The next attempt is scheduled.
	 */
	void (*down)(void *owner, struct link *link, enum fault fault,
		     const char *reason, struct mono now);
	/*
	 * The request at the head of the queue is past its first deadline, told
	 * once a request; reason says it in words. At its second deadline the
	 * link goes down.
	 */
	void (*overdue)(void *owner, struct link *link, enum request_kind kind,
			const char *reason, struct mono now);
};

/*
 * A link in state idle. name (for the log), endpoint and handlers are borrowed
 * for the link's life.
 */
struct link *link_new(struct event_base *base, struct resolver *resolver,
		      const char *name, const struct endpoint *endpoint,
		      const struct link_handlers *handlers, void *owner);

/* NULL is fine. Outstanding requests are forgotten. */
void link_free(struct link *link);

/* Connects now, and again after every loss, until link_close. */
void link_open(struct link *link, struct mono now);

/* Closes at once; outstanding requests are forgotten, no handler is called. */
void link_close(struct link *link);

/*
 * Ends the connection for a fault that the owner found in an answer; `down`
 * follows on a fresh stack.
 */
void link_fail(struct link *link, enum fault fault, const char *reason);

bool link_is_open(const struct link *link);
bool link_is_ready(const struct link *link);

/*
 * Queues and writes a request that is already in the protocol's format. False
 * when the link is not ready or too many are outstanding; else fn is called
 * exactly once, unless link_close or link_free comes first.
 */
bool link_send(struct link *link, enum request_kind kind, const char *bytes, size_t len,
	       struct mono now, request_reply_fn *fn, void *arg);

/* How often the server has been connected to and greeted. */
unsigned long link_connects(const struct link *link);

/* What the server calls itself, "redis" and "7.0.15"; "" until it has said so. */
const char *link_server(const struct link *link);
const char *link_server_version(const struct link *link);

/* What the last TLS handshake agreed on; NULL: there was none. Borrowed. */
const struct tls_info *link_tls(const struct link *link);

#endif
