/*
 * link: see link.h.
 *
 * Consequences are drawn in one place: whatever happens to the connection,
 * settle() looks at it afterwards, on a stack of its own, and acts.
 */
#include "link.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "connection.h"
#include "endpoint.h"
#include "log.h"
#include "request.h"
#include "resolve.h"
#include "secret.h"
#include "tls_session.h"
#include "xalloc.h"

#define RESOLVE_MS 5000
#define CONNECT_MS 3000
#define BACKOFF_MIN_MS 250
#define BACKOFF_MAX_MS 15000
/* A connection that held that long was a good one: back-off begins anew. */
#define BACKOFF_FORGET_MS 10000

#define REASON_BYTES 256

/* A certificate of a server's with less left is told of. */
#define CERTIFICATE_DAYS 14

enum link_state {
	STATE_IDLE,
	STATE_WAITING,
	STATE_RESOLVING,
	STATE_CONNECTING,
	STATE_GREETING,
	STATE_READY,
};

static const char *const state_names[] = {
	[STATE_IDLE] = "idle",		 [STATE_WAITING] = "waiting",
	[STATE_RESOLVING] = "resolving", [STATE_CONNECTING] = "connecting",
	[STATE_GREETING] = "greeting",	 [STATE_READY] = "ready",
};

struct link {
	const char *name;
	const struct endpoint *endpoint;
	const struct link_handlers *handlers;
	void *owner;
	struct connection *connection;

	enum link_state state; /* written by set_state only */
	struct mono since;     /* of the state */
	struct mono wake;      /* end of waiting, resolving or connecting */
	unsigned failures;     /* in a row; the exponent of the back-off */
	unsigned long connects;
	struct resolver *resolver;
	struct resolve *resolving; /* NULL: not */
	struct resolve_list addresses;
	unsigned next_address; /* to be tried */
	char server[32], server_version[32];
	struct wall certificate_told; /* the end of the one that was told of */

	enum fault fault; /* why the connection is given up, with reason */
	char reason[REASON_BYTES];

	struct request_queue queue; /* of what is not answered yet */

	struct event timer;
	struct mono armed; /* 0: not */
	unsigned depth;	   /* of frames below us that still use this link */
	bool dead;	   /* to be freed when depth is back at 0 */
};

static void
set_state(struct link *l, enum link_state state, const char *why, struct mono now)
{
	log_debug(l->name, "link %s -> %s (%s)", state_names[l->state],
		  state_names[state], why);
	l->state = state;
	l->since = now;
}

/* The link should have a connection and has lost it, or never got it. */
static bool
is_broken(const struct link *l)
{
	if (l->state == STATE_RESOLVING)
		return l->resolving == NULL;
	return l->state >= STATE_CONNECTING && !connection_is_open(l->connection);
}

static void
give_up(struct link *l, enum fault fault, const char *reason)
{
	/* Keep the first reason: what follows is only its consequence. */
	if (l->reason[0] == '\0') {
		l->fault = fault;
		snprintf(l->reason, sizeof(l->reason), "%s", reason);
	}
	resolve_cancel(l->resolving);
	l->resolving = NULL;
	connection_close(l->connection);
}

static void
enter(struct link *l)
{
	l->depth++;
}

static void
leave(struct link *l)
{
	if (--l->depth == 0 && l->dead)
		link_free(l);
}

static void settle(struct link *l, struct mono now);

/*
 * The queue. The fence is told what its head may be answered.
 */

static void
expect_head(struct link *l)
{
	const struct request *r = request_head(&l->queue);

	connection_expect(l->connection, r != NULL ? request_bounds(r->kind) : NULL);
}

static struct request
pop(struct link *l)
{
	struct request r = request_pop(&l->queue);

	expect_head(l);
	return r;
}

static void
forget_requests(struct link *l)
{
	l->queue.count = 0;
	expect_head(l);
}

/* Queues a command; flushing is the caller's. */
static bool
push(struct link *l, enum request_kind kind, const char *bytes, size_t len,
     struct mono now, request_reply_fn *fn, void *arg)
{
	struct request r = { .kind = kind, .fn = fn, .arg = arg, .sent = now };

	if (request_queue_is_full(&l->queue) ||
	    !connection_write(l->connection, bytes, len))
		return false;
	request_push(&l->queue, r);
	expect_head(l);
	return true;
}

/*
 * Deadlines. One timer; it may fire early for a request that was answered in
 * time, which costs less than moving it with every request.
 */

static struct mono
next_deadline(struct link *l)
{
	const struct request *r = request_head(&l->queue);

	if (is_broken(l))
		return (struct mono){ 1 };
	if (l->state >= STATE_WAITING && l->state <= STATE_CONNECTING)
		return l->wake;
	return r != NULL ? request_deadline(r) : (struct mono){ 0 };
}

static void
arm(struct link *l, struct mono now)
{
	struct mono due = next_deadline(l);
	struct timeval tv;

	if (due.ns == 0) {
		if (l->armed.ns != 0)
			event_del(&l->timer);
		l->armed = due;
		return;
	}
	if (l->armed.ns != 0 && l->armed.ns <= due.ns)
		return;
	tv = clock_until(due, now);
	event_add(&l->timer, &tv);
	l->armed = due;
}

/*
 * Connecting.
 */

static void
schedule_attempt(struct link *l, struct mono now)
{
	unsigned shift = l->failures < 8 ? l->failures : 8;
	int64_t ms = (int64_t)BACKOFF_MIN_MS << shift;
	uint16_t dice;

	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	/* ±20 %, so that a fleet does not come back in one instant. */
	evutil_secure_rng_get_bytes(&dice, sizeof(dice));
	ms = ms * (800 + dice % 401) / 1000;
	l->failures++;
	/* Names are resolved anew for each attempt: addresses may have moved. */
	l->addresses.count = l->next_address = 0;
	l->wake = clock_add_ns(now, ms * NS_PER_MS);
	set_state(l, STATE_WAITING, l->reason, now);
}

/* When this fails at once, settle() finds the link broken. */
static void
connect_next(struct link *l, struct mono now)
{
	const struct endpoint *e = l->endpoint;

	l->wake = clock_add_ns(now, CONNECT_MS * NS_PER_MS);
	set_state(l, STATE_CONNECTING, "attempt", now);
	if (e->path != NULL)
		connection_open_unix(l->connection, e->path);
	else if (e->tls.on)
		connection_open_tls(l->connection,
				    l->addresses.address[l->next_address++], e->port,
				    e);
	else
		connection_open_tcp(l->connection,
				    l->addresses.address[l->next_address++], e->port);
}

static void
resolved_cb(void *arg, const struct resolve_list *list, const char *error)
{
	struct link *l = arg;
	struct mono now = clock_now();

	l->resolving = NULL;
	enter(l);
	l->addresses = *list;
	if (error != NULL)
		give_up(l, FAULT_UNREACHABLE, error);
	else
		connect_next(l, now);
	settle(l, now);
	leave(l);
}

static void
attempt(struct link *l, struct mono now)
{
	const struct endpoint *e = l->endpoint;

	l->reason[0] = '\0';
	forget_requests(l);
	if (e->path != NULL || l->next_address < l->addresses.count ||
	    resolve_numeric(e->host, &l->addresses)) {
		connect_next(l, now);
		return;
	}
	l->wake = clock_add_ns(now, RESOLVE_MS * NS_PER_MS);
	set_state(l, STATE_RESOLVING, e->host, now);
	l->resolving = resolve_start(l->resolver, e->host, resolved_cb, l);
}

/* The connection is no more: tell whoever waits, then the owner. */
static void
lose(struct link *l, struct mono now)
{
	char reason[REASON_BYTES];
	struct reply lost = { .kind = REPLY_LOST, .text = reason, .now = now };
	bool tried_all =
		l->state != STATE_CONNECTING || l->next_address >= l->addresses.count;

	if (l->reason[0] == '\0')
		give_up(l, connection_fault(l->connection),
			connection_reason(l->connection));
	memcpy(reason, l->reason, sizeof(reason));
	lost.fault = l->fault;
	if (!tried_all) {
		log_debug(l->name, "link: %s; trying the next address", reason);
		attempt(l, now);
		return;
	}
	if (l->state == STATE_READY &&
	    clock_diff_ns(now, l->since) > BACKOFF_FORGET_MS * NS_PER_MS)
		l->failures = 0;
	/* Before the handlers: one of them may close the link for good. */
	schedule_attempt(l, now);
	while (request_head(&l->queue) != NULL) {
		struct request r = pop(l);

		lost.sent = r.sent;
		r.fn(r.arg, &lost);
	}
	if (l->state == STATE_WAITING && !l->dead)
		l->handlers->down(l->owner, l, l->fault, reason, now);
}

/*
 * Greeting: HELLO names us and authenticates in one command. Servers before
 * 6.0 do not know it; there AUTH is all there is.
 */

static void
greeted(struct link *l, const char *how, struct mono now)
{
	l->connects++;
	set_state(l, STATE_READY, how, now);
	l->handlers->ready(l->owner, l, now);
}

/*
 * Looked at when it is shown, and then only: the server may have another one by
 * the time that this one ends. Once for each.
 */
static void
check_certificate(struct link *l)
{
	const struct tls_info *tls = link_tls(l);
	char stamp[CLOCK_STAMP_BYTES], span[CLOCK_SPAN_BYTES];
	double left_s;

	if (tls == NULL || !l->endpoint->tls.on || tls->not_after.ns == 0 ||
	    tls->not_after.ns == l->certificate_told.ns)
		return;
	left_s = clock_wall_s(tls->not_after) - clock_wall_s(clock_wall());
	if (left_s >= CERTIFICATE_DAYS * 86400.0)
		return;
	l->certificate_told = tls->not_after;
	clock_stamp(stamp, tls->not_after);
	if (left_s > 0)
		log_warning(l->name, "the server's certificate expires in %s (%.10s)",
			    clock_span(span, left_s), stamp);
	else
		log_warning(l->name, "the server's certificate has expired (%.10s)",
			    stamp);
}

static void
send_words(struct link *l, enum request_kind kind, int argc, const char **words,
	   struct mono now, request_reply_fn *fn)
{
	char *bytes;
	size_t len = connection_format_words(&bytes, argc, words);

	if (!push(l, kind, bytes, len, now, fn, l))
		give_up(l, FAULT_UNREACHABLE, "the greeting could not be sent");
	connection_free_words(bytes, len);
}

static bool
unknown_command(const char *error)
{
	return strncasecmp(error, "ERR unknown command", 19) == 0 ||
	       strncmp(error, "NOPROTO", 7) == 0;
}

static bool
has_password(const struct link *l)
{
	return l->endpoint->password != NULL || l->endpoint->password_file != NULL;
}

/* Valkey from 9.1 does not say so to who has not logged in: NOAUTH is all it says. */
static bool
unknown_hello(const struct link *l, const char *error)
{
	return unknown_command(error) ||
	       (has_password(l) && strncmp(error, "NOAUTH", 6) == 0);
}

static void
auth_reply_cb(void *arg, const struct reply *r)
{
	struct link *l = arg;

	if (r->kind == REPLY_LOST)
		return;
	/* Its error quotes the arguments. */
	if (r->kind == REPLY_ERROR && unknown_command(r->text))
		give_up(l, FAULT_REFUSED, "the server knows neither HELLO nor AUTH");
	/* Asked for a password that it does not have, a server only grumbles. */
	else if (r->kind == REPLY_ERROR &&
		 strstr(r->text, "no password is set") == NULL)
		give_up(l, fault_of_error(r->text), r->text);
	else
		greeted(l, "AUTH", r->now);
}

static void
note_server(struct link *l, const struct reply *r)
{
	const char *server = connection_list_text(r, "server");
	const char *version = connection_list_text(r, "version");

	snprintf(l->server, sizeof(l->server), "%s", server != NULL ? server : "");
	snprintf(l->server_version, sizeof(l->server_version), "%s",
		 version != NULL ? version : "");
}

/*
 * The password, to be freed with xfree_secret; NULL: none. A file is read anew
 * each time, so that a changed password needs no restart. False when it cannot
 * be read: the link is given up.
 */
static bool
take_password(struct link *l, char **password)
{
	const struct endpoint *e = l->endpoint;
	char error[REASON_BYTES];

	*password = xstrdup(e->password);
	if (*password != NULL || e->password_file == NULL)
		return true;
	*password = secret_read(e->password_file, error, sizeof(error));
	if (*password == NULL)
		give_up(l, FAULT_DENIED, error);
	return *password != NULL;
}

static void
send_auth(struct link *l, struct mono now)
{
	const char *words[3] = { "AUTH" };
	char *password;
	int n = 1;

	if (!take_password(l, &password))
		return;
	if (l->endpoint->user != NULL)
		words[n++] = l->endpoint->user;
	words[n++] = password;
	send_words(l, REQUEST_AUTH, n, words, now, auth_reply_cb);
	xfree_secret(password);
}

static void
hello_reply_cb(void *arg, const struct reply *r)
{
	struct link *l = arg;

	if (r->kind == REPLY_LOST)
		return;
	/* It may be another server than the last time, and one that does not tell. */
	l->server[0] = l->server_version[0] = '\0';
	if (r->kind != REPLY_ERROR) {
		note_server(l, r);
		greeted(l, "HELLO", r->now);
	} else if (!unknown_hello(l, r->text)) {
		give_up(l, fault_of_error(r->text), r->text);
	} else if (has_password(l)) {
		send_auth(l, r->now);
	} else {
		greeted(l, "no HELLO", r->now);
	}
}

static void
greet(struct link *l, struct mono now)
{
	const struct endpoint *e = l->endpoint;
	const char *words[7] = { "HELLO", "2" };
	char *password;
	int n = 2;

	set_state(l, STATE_GREETING, "connected", now);
	check_certificate(l);
	if (!take_password(l, &password))
		return;
	if (password != NULL) {
		words[n++] = "AUTH";
		words[n++] = e->user != NULL ? e->user : "default";
		words[n++] = password;
	}
	words[n++] = "SETNAME";
	words[n++] = "pinfod";
	send_words(l, REQUEST_HELLO, n, words, now, hello_reply_cb);
	xfree_secret(password);
}

/*
 * What the connection and the clock say.
 */

static void
settle(struct link *l, struct mono now)
{
	connection_flush(l->connection);
	if (is_broken(l))
		lose(l, now);
	else if (l->state == STATE_CONNECTING && connection_is_connected(l->connection))
		greet(l, now);
	/* What was just queued; if that breaks it, the timer comes at once. */
	connection_flush(l->connection);
	arm(l, now);
}

static void
on_reply(void *owner, struct reply *reply)
{
	struct link *l = owner;
	/* There is one: the fence lets nothing through that was not asked for. */
	struct request r = pop(l);

	reply->sent = r.sent;
	enter(l);
	r.fn(r.arg, reply);
	l->depth--; /* not leave(): the connection is still in use below */
}

static void
on_turn(void *owner, struct mono now)
{
	struct link *l = owner;

	enter(l);
	settle(l, now);
	leave(l);
}

static const struct connection_handlers connection_handlers = {
	.reply = on_reply,
	.turn = on_turn,
};

static void
check_head(struct link *l, struct mono now)
{
	struct request *r = request_head(&l->queue);
	char reason[80];

	snprintf(reason, sizeof(reason), "no answer to %s for %d s",
		 request_name(r->kind), request_patience_s(r));
	if (request_is_last_chance(r)) {
		give_up(l, FAULT_SILENT, reason);
		return;
	}
	r->told = true;
	l->handlers->overdue(l->owner, l, r->kind, reason, now);
}

static void
check_deadline(struct link *l, struct mono now)
{
	struct mono due = next_deadline(l);

	if (due.ns == 0 || is_broken(l) || clock_diff_ns(due, now) > 0)
		return;
	if (l->state == STATE_WAITING)
		attempt(l, now);
	else if (l->state == STATE_RESOLVING)
		give_up(l, FAULT_UNREACHABLE, "no name server has answered for 5 s");
	else if (l->state == STATE_CONNECTING)
		give_up(l, FAULT_UNREACHABLE, connection_late(l->connection));
	else
		check_head(l, now);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	struct mono now = clock_now();

	(void)fd, (void)what;
	l->armed.ns = 0;
	enter(l);
	check_deadline(l, now);
	settle(l, now);
	leave(l);
}

/*
 * Life.
 */

struct link *
link_new(struct event_base *base, struct resolver *resolver, const char *name,
	 const struct endpoint *endpoint, const struct link_handlers *handlers,
	 void *owner)
{
	struct link *l = xcalloc(1, sizeof(*l));

	l->resolver = resolver;
	l->name = name;
	l->endpoint = endpoint;
	l->handlers = handlers;
	l->owner = owner;
	l->connection = connection_new(base, &connection_handlers, l);
	evtimer_assign(&l->timer, base, timer_cb, l);
	return l;
}

void
link_free(struct link *l)
{
	if (l == NULL)
		return;
	link_close(l);
	l->dead = true;
	if (l->depth > 0)
		return;
	connection_free(l->connection);
	free(l);
}

void
link_open(struct link *l, struct mono now)
{
	if (l->state != STATE_IDLE)
		return;
	l->failures = 0;
	l->addresses.count = l->next_address = 0;
	/* What the endpoint says may have changed since, and it is another server. */
	l->server[0] = l->server_version[0] = '\0';
	attempt(l, now);
	arm(l, now);
}

void
link_close(struct link *l)
{
	resolve_cancel(l->resolving);
	l->resolving = NULL;
	connection_close(l->connection);
	forget_requests(l);
	if (l->armed.ns != 0)
		event_del(&l->timer);
	l->armed.ns = 0;
	if (l->state != STATE_IDLE)
		set_state(l, STATE_IDLE, "closed", clock_now());
}

void
link_fail(struct link *l, enum fault fault, const char *reason)
{
	give_up(l, fault, reason);
	if (l->depth == 0)
		arm(l, clock_now());
}

bool
link_is_open(const struct link *l)
{
	return l->state != STATE_IDLE;
}

bool
link_is_ready(const struct link *l)
{
	return l->state == STATE_READY && connection_is_open(l->connection);
}

bool
link_send(struct link *l, enum request_kind kind, const char *bytes, size_t len,
	  struct mono now, request_reply_fn *fn, void *arg)
{
	if (!link_is_ready(l) || !push(l, kind, bytes, len, now, fn, arg))
		return false;
	/* Inside of a callback settle() does it. */
	if (l->depth == 0) {
		connection_flush(l->connection);
		arm(l, now);
	}
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
	return l->server;
}

const char *
link_server_version(const struct link *l)
{
	return l->server_version;
}

const struct tls_info *
link_tls(const struct link *l)
{
	return connection_tls(l->connection);
}
