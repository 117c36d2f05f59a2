/*
 * connection: see connection.h. What every line on hiredis here must respect
 * was measured on 0.14.1 and 1.2.0:
 *
 * - A context is never freed inside its connect callback (0.14 would use it
 *   afterwards). Reply callbacks may: hiredis then frees it on its way out.
 * - When a context dies by itself its pending callbacks get NULL, then the
 *   cleanup hook runs; that hook is the one place where a death is told on
 *   both generations. What follows from it waits until hiredis has returned.
 * - A write is tried at once; the write event is asked for only when the
 *   socket is full. That saves two epoll_ctl and one wake-up a command.
 */
#include "connection.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fence.h"
#include "pair.h"
#include "relay.h"
#include "xalloc.h"

/* Unacknowledged data, that is: the machine or the network is gone. */
#define TCP_USER_TIMEOUT_MS 10000

#define REASON_BYTES 256

struct connection {
	struct event_base *base;
	const struct connection_handlers *handlers;
	void *owner;

	redisAsyncContext *ac; /* NULL: not open */
	struct fence *fence;
	struct relay *relay; /* for TLS; NULL: there never was any */
	struct event reading, writing;
	bool reads, writes; /* whether those are added */
	bool connected;	    /* hiredis has said so */
	bool heard;	    /* there was a reply */
	bool unflushed;	    /* there is output that was not tried yet */
	struct mono now;    /* read once a turn */
	enum fault fault;
	char reason[REASON_BYTES];
};

static void
set_fault(struct connection *c, enum fault fault, const char *reason)
{
	c->fault = fault;
	snprintf(c->reason, sizeof(c->reason), "%s",
		 reason[0] != '\0' ? reason : "no reason given");
}

/*
 * The event adapter: hiredis' hooks on libevent's events.
 */

static void
add_read(void *arg)
{
	struct connection *c = arg;

	if (!c->reads)
		event_add(&c->reading, NULL);
	c->reads = true;
}

static void
del_read(void *arg)
{
	struct connection *c = arg;

	if (c->reads)
		event_del(&c->reading);
	c->reads = false;
}

static void
await_write(struct connection *c)
{
	if (!c->writes)
		event_add(&c->writing, NULL);
	c->writes = true;
}

static void
add_write(void *arg)
{
	struct connection *c = arg;

	/* Once connected a write is tried first: connection_flush asks if it must. */
	if (c->connected)
		c->unflushed = true;
	else
		await_write(c);
}

static void
del_write(void *arg)
{
	struct connection *c = arg;

	if (c->writes)
		event_del(&c->writing);
	c->writes = false;
	c->unflushed = false;
}

static void
forget_context(struct connection *c)
{
	del_read(c);
	del_write(c);
	c->ac = NULL;
	c->connected = false;
	relay_close(c->relay);
}

/* What hiredis cannot know. */
static void
set_unreachable(struct connection *c, const redisContext *context)
{
	const char *reason = context->errstr;

	if (relay_is_open(c->relay) && relay_reason(c->relay)[0] != '\0')
		reason = relay_reason(c->relay);
	set_fault(c, FAULT_UNREACHABLE, reason);
	/* Where TLS is spoken, a greeting in clear ends like this. */
	if (c->connected && !c->heard && c->relay == NULL &&
	    context->connection_type == REDIS_CONN_TCP)
		snprintf(c->reason, sizeof(c->reason),
			 "%s before it said anything; if it speaks TLS on this port: "
			 "rediss://",
			 context->errstr);
}

/* The context dies, for a reason of hiredis': called from inside of hiredis. */
static void
cleanup(void *arg)
{
	struct connection *c = arg;
	redisContext *context;

	if (c->ac == NULL)
		return;
	context = &c->ac->c;
	if (fence_reason(c->fence) != NULL)
		set_fault(c, FAULT_HOSTILE, fence_reason(c->fence));
	else if (context->err == REDIS_ERR_PROTOCOL || context->err == REDIS_ERR_OOM)
		set_fault(c, FAULT_HOSTILE, context->errstr);
	else if (context->err == REDIS_ERR_OTHER && c->connected)
		/* An error reply that nobody asked for: maximum of clients. */
		set_fault(c, fault_of_error(context->errstr), context->errstr);
	else
		set_unreachable(c, context);
	forget_context(c);
}

static void
read_cb(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	(void)fd, (void)what;
	c->now = clock_now();
	redisAsyncHandleRead(c->ac);
	if (c->ac != NULL && !fence_holds(c->fence, c->ac)) {
		set_fault(c, FAULT_HOSTILE, fence_reason(c->fence));
		connection_close(c);
	}
	c->handlers->turn(c->owner, c->now);
}

static void
write_cb(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	(void)fd, (void)what;
	c->now = clock_now();
	redisAsyncHandleWrite(c->ac);
	c->handlers->turn(c->owner, c->now);
}

static void
connect_cb(const redisAsyncContext *ac, int status)
{
	struct connection *c = ac->data;

	if (c != NULL && status == REDIS_OK)
		c->connected = true;
}

/* What it is to those who know nothing of hiredis; its times are not set. */
static struct reply
reply_of(const redisReply *r)
{
	switch (r->type) {
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS:
		return (struct reply){ .kind = REPLY_TEXT,
				       .text = r->str,
				       .len = r->len };
	case REDIS_REPLY_ERROR:
		return (struct reply){ .kind = REPLY_ERROR,
				       .text = r->str,
				       .len = r->len };
	case REDIS_REPLY_INTEGER:
		return (struct reply){ .kind = REPLY_INTEGER,
				       .text = "",
				       .integer = r->integer };
	case REDIS_REPLY_ARRAY:
		return (struct reply){ .kind = REPLY_LIST, .text = "", .list = r };
	default:
		return (struct reply){ .kind = REPLY_NIL, .text = "" };
	}
}

static void
reply_cb(redisAsyncContext *ac, void *data, void *privdata)
{
	struct connection *c = ac->data;
	struct reply reply;

	(void)privdata;
	/* NULL: the context dies; the cleanup hook says why. */
	if (data == NULL || c == NULL)
		return;
	c->heard = true;
	reply = reply_of(data);
	reply.now = c->now;
	c->handlers->reply(c->owner, &reply);
}

/*
 * Opening and closing.
 */

struct connection *
connection_new(struct event_base *base, const struct connection_handlers *handlers,
	       void *owner)
{
	struct connection *c = xcalloc(1, sizeof(*c));

	c->base = base;
	c->handlers = handlers;
	c->owner = owner;
	c->fence = fence_new();
	return c;
}

void
connection_free(struct connection *c)
{
	if (c == NULL)
		return;
	connection_close(c);
	relay_free(c->relay);
	fence_free(c->fence);
	free(c);
}

/* hiredis forgets O_CLOEXEC before 1.4, and knows no TCP_USER_TIMEOUT before 1.1. */
static void
adopt_socket(redisAsyncContext *ac)
{
	unsigned timeout = TCP_USER_TIMEOUT_MS;

	fcntl(ac->c.fd, F_SETFD, FD_CLOEXEC);
	/* On a unix socket keep-alive would be an error, and kill the context. */
	if (ac->c.connection_type != REDIS_CONN_TCP)
		return;
	redisEnableKeepAlive(&ac->c);
	setsockopt(ac->c.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
}

static bool
adopt(struct connection *c, redisAsyncContext *ac)
{
	if (ac == NULL || ac->err != 0) {
		/* A failed context of 0.14 has descriptor 0: touch nothing of it. */
		set_fault(c, FAULT_UNREACHABLE, ac != NULL ? ac->errstr : "no memory");
		if (ac != NULL)
			redisAsyncFree(ac);
		return false;
	}
	adopt_socket(ac);
	c->ac = ac;
	c->heard = false;
	fence_attach(c->fence, ac);
	event_assign(&c->reading, c->base, ac->c.fd, EV_READ | EV_PERSIST, read_cb, c);
	event_assign(&c->writing, c->base, ac->c.fd, EV_WRITE | EV_PERSIST, write_cb,
		     c);
	ac->data = c;
	ac->ev.data = c;
	ac->ev.addRead = add_read;
	ac->ev.delRead = del_read;
	ac->ev.addWrite = add_write;
	ac->ev.delWrite = del_write;
	ac->ev.cleanup = cleanup;
	redisAsyncSetConnectCallback(ac, connect_cb);
	return true;
}

/* A reload may have made another thing of the endpoint. */
static void
forget_relay(struct connection *c)
{
	relay_free(c->relay);
	c->relay = NULL;
}

bool
connection_open_unix(struct connection *c, const char *path)
{
	forget_relay(c);
	return adopt(c, redisAsyncConnectUnix(path));
}

bool
connection_open_tcp(struct connection *c, const char *address, int port)
{
	forget_relay(c);
	return adopt(c, redisAsyncConnect(address, port));
}

/* hiredis gets one end of a pair of unix sockets, the relay has the other. */
static bool
adopt_pair(struct connection *c)
{
	redisAsyncContext *ac = NULL;
	struct pair pair;
	int fd = -1, err = 0;

	if (pair_listen(&pair) == 0) {
		ac = redisAsyncConnectUnix(pair.path);
		fd = pair_accept(&pair, ac != NULL && ac->err == 0 ? ac->c.fd : -1);
		err = errno;
		if (fd >= 0) {
			relay_join(c->relay, fd);
			adopt(c, ac);
			/* Now, and not from the loop: see pair_close. */
			redisAsyncHandleWrite(ac);
		}
		pair_close(&pair);
	} else {
		err = errno;
	}
	if (fd >= 0)
		return c->connected;
	if (ac != NULL)
		redisAsyncFree(ac);
	set_fault(c, FAULT_UNREACHABLE, "");
	snprintf(c->reason, sizeof(c->reason), "the relay for TLS cannot be made: %s",
		 strerror(err));
	return false;
}

static void
relay_open_cb(void *owner)
{
	struct connection *c = owner;

	c->now = clock_now();
	if (!adopt_pair(c))
		relay_close(c->relay);
	c->handlers->turn(c->owner, c->now);
}

static void
relay_failed_cb(void *owner)
{
	struct connection *c = owner;

	c->now = clock_now();
	set_fault(c, FAULT_UNREACHABLE, relay_reason(c->relay));
	relay_close(c->relay);
	c->handlers->turn(c->owner, c->now);
}

bool
connection_open_tls(struct connection *c, const char *address, int port,
		    const struct endpoint *endpoint)
{
	static const struct relay_handlers handlers = {
		.open = relay_open_cb,
		.failed = relay_failed_cb,
	};

	if (c->relay == NULL)
		c->relay = relay_new(c->base, &handlers, c);
	if (relay_open(c->relay, endpoint, address, port))
		return true;
	set_fault(c, FAULT_UNREACHABLE, relay_reason(c->relay));
	return false;
}

const char *
connection_late(const struct connection *c)
{
	return relay_is_open(c->relay) ? relay_late(c->relay)
				       : "the connection attempt timed out";
}

const struct tls_info *
connection_tls(const struct connection *c)
{
	return relay_info(c->relay);
}

void
connection_close(struct connection *c)
{
	redisAsyncContext *ac = c->ac;

	relay_close(c->relay);
	if (ac == NULL)
		return;
	forget_context(c);
	/* hiredis must not call back any more, not even from its way out. */
	ac->data = NULL;
	ac->ev.data = NULL;
	ac->ev.addRead = ac->ev.delRead = NULL;
	ac->ev.addWrite = ac->ev.delWrite = NULL;
	ac->ev.cleanup = NULL;
	redisAsyncFree(ac);
}

bool
connection_is_open(const struct connection *c)
{
	return c->ac != NULL || relay_is_open(c->relay);
}

bool
connection_is_connected(const struct connection *c)
{
	return c->connected;
}

enum fault
connection_fault(const struct connection *c)
{
	return c->fault;
}

const char *
connection_reason(const struct connection *c)
{
	return c->reason;
}

/*
 * Commands.
 */

bool
connection_write(struct connection *c, const char *bytes, size_t len)
{
	return c->ac != NULL && redisAsyncFormattedCommand(c->ac, reply_cb, NULL, bytes,
							   len) == REDIS_OK;
}

void
connection_flush(struct connection *c)
{
	if (c->ac == NULL || !c->unflushed)
		return;
	c->unflushed = false;
	redisAsyncHandleWrite(c->ac);
	/* hiredis asked again: the socket is full. */
	if (c->ac != NULL && c->unflushed)
		await_write(c);
}

void
connection_expect(struct connection *c, const struct reply_bounds *bounds)
{
	fence_expect(c->fence, bounds);
}

const char *
connection_list_text(const struct reply *reply, const char *name)
{
	const redisReply *r = reply->list;

	for (size_t i = 0; r != NULL && i + 1 < r->elements; i += 2) {
		const redisReply *key = r->element[i], *value = r->element[i + 1];

		if (key->type == REDIS_REPLY_STRING && strcmp(key->str, name) == 0 &&
		    value->type == REDIS_REPLY_STRING)
			return value->str;
	}
	return NULL;
}

bool
connection_list_at(const struct reply *list, size_t i, struct reply *element)
{
	const redisReply *r = list->list;

	if (list->kind != REPLY_LIST || i >= r->elements)
		return false;
	*element = reply_of(r->element[i]);
	return true;
}

size_t
connection_format_words(char **bytes, int argc, const char **words)
{
	/* An int in 0.14, a long long since; negative only for want of memory. */
	long long len = redisFormatCommandArgv(bytes, argc, words, NULL);

	if (len < 0)
		abort();
	return (size_t)len;
}

void
connection_free_words(char *bytes, size_t len)
{
	explicit_bzero(bytes, len);
	redisFreeCommand(bytes);
}
