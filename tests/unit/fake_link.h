/*
 * fake_link: the link_* functions without a server behind them. The test plays
 * the server, with fake_ready, fake_text and so on. A test that includes this
 * says so with a line that keeps the real link's object out:
 *
 *	(slash-star) replaces "../../src/link.c"
 *
 * It also watches what holds whatever happens: no question goes behind an
 * unanswered PUBLISH, and no second one while one is in flight.
 */
#ifndef FAKE_LINK_H
#define FAKE_LINK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct link {
	const struct link_handlers *handlers;
	void *owner;
	bool open, ready;
	struct request_queue queue;
	char *bytes; /* of the last request */
	size_t len;
	unsigned sent[REQUEST_HELPER + 1]; /* requests, by kind */
	unsigned long connects;
	bool failed; /* link_fail was called, with: */
	enum fault fault;
	char reason[80];
};

static unsigned fake_infos; /* questions in flight, on all links */

static inline bool
fake_is_question(enum request_kind kind)
{
	return kind == REQUEST_INFO || kind == REQUEST_WIDE || kind == REQUEST_CONFIG;
}

static inline unsigned
fake_outstanding(const struct link *l, enum request_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->queue.count; i++)
		n += l->queue.ring[(l->queue.head + i) % REQUEST_QUEUE_MAX].kind ==
		     kind;
	return n;
}

/*
 * The link's functions.
 */

struct link *
link_new(struct event_base *base, struct resolver *resolver, const char *name,
	 const struct endpoint *endpoint, const struct link_handlers *fns, void *owner)
{
	struct link *l = calloc(1, sizeof(*l));

	(void)base, (void)resolver, (void)name, (void)endpoint;
	assert_non_null(l);
	l->handlers = fns;
	l->owner = owner;
	return l;
}

void
link_free(struct link *l)
{
	if (l == NULL)
		return;
	link_close(l);
	free(l->bytes);
	free(l);
}

void
link_open(struct link *l, struct mono now)
{
	(void)now;
	l->open = true;
}

void
link_close(struct link *l)
{
	fake_infos -= fake_outstanding(l, REQUEST_INFO) +
		      fake_outstanding(l, REQUEST_WIDE) +
		      fake_outstanding(l, REQUEST_CONFIG);
	l->queue.count = 0;
	l->open = l->ready = false;
}

/* NULL until a test says otherwise. */
static const struct tls_info *fake_tls;

const struct tls_info *
link_tls(const struct link *l)
{
	(void)l;
	return fake_tls;
}

void
link_fail(struct link *l, enum fault fault, const char *reason)
{
	l->failed = true;
	l->fault = fault;
	snprintf(l->reason, sizeof(l->reason), "%s", reason);
}

bool
link_is_open(const struct link *l)
{
	return l->open;
}

bool
link_is_ready(const struct link *l)
{
	return l->ready;
}

bool
link_send(struct link *l, enum request_kind kind, const char *bytes, size_t len,
	  struct mono now, request_reply_fn *fn, void *arg)
{
	struct request r = { .kind = kind, .fn = fn, .arg = arg, .sent = now };

	if (!l->ready || request_queue_is_full(&l->queue))
		return false;
	if (fake_is_question(kind) && fake_outstanding(l, REQUEST_PUBLISH) > 0)
		fail_msg("a question behind an unanswered PUBLISH");
	if (fake_is_question(kind) && fake_infos++ > 0)
		fail_msg("a second question");
	free(l->bytes);
	l->bytes = malloc(len);
	assert_non_null(l->bytes);
	memcpy(l->bytes, bytes, len);
	l->len = len;
	l->sent[kind]++;
	request_push(&l->queue, r);
	return true;
}

unsigned long
link_connects(const struct link *l)
{
	return l->connects;
}

const char *
link_server(const struct link *l)
{
	return l->connects > 0 ? "redis" : "";
}

const char *
link_server_version(const struct link *l)
{
	return l->connects > 0 ? "7.0.15" : "";
}

/*
 * What the server does.
 */

static inline void
fake_ready(struct link *l, struct mono now)
{
	assert_true(l->open && !l->ready);
	l->ready = true;
	l->connects++;
	l->handlers->ready(l->owner, l, now);
}

/* Answers the oldest request; its text and number are as given. */
static inline void
fake_reply(struct link *l, struct reply reply, struct mono now)
{
	struct request r;

	assert_true(l->queue.count > 0);
	r = request_pop(&l->queue);
	if (fake_is_question(r.kind))
		fake_infos--;
	reply.sent = r.sent;
	reply.now = now;
	if (reply.text == NULL)
		reply.text = "";
	reply.len = strlen(reply.text);
	r.fn(r.arg, &reply);
}

static inline void
fake_text(struct link *l, const char *text, struct mono now)
{
	fake_reply(l, (struct reply){ .kind = REPLY_TEXT, .text = text }, now);
}

static inline void
fake_number(struct link *l, long long number, struct mono now)
{
	fake_reply(l, (struct reply){ .kind = REPLY_INTEGER, .integer = number }, now);
}

static inline void
fake_error(struct link *l, const char *text, struct mono now)
{
	fake_reply(l, (struct reply){ .kind = REPLY_ERROR, .text = text }, now);
}

/* The oldest request is past its first deadline. */
static inline void
fake_overdue(struct link *l, struct mono now)
{
	struct request *r = request_head(&l->queue);

	assert_true(r != NULL && !r->told);
	r->told = true;
	l->handlers->overdue(l->owner, l, r->kind, "no answer for 2 s", now);
}

/* An attempt failed, or the connection ended: as link.c tells of it. */
static inline void
fake_lose(struct link *l, enum fault fault, const char *reason, struct mono now)
{
	assert_true(l->open);
	l->ready = false;
	while (l->open && l->queue.count > 0)
		fake_reply(l,
			   (struct reply){
				   .kind = REPLY_LOST, .text = reason, .fault = fault },
			   now);
	if (l->open)
		l->handlers->down(l->owner, l, fault, reason, now);
}

#endif
