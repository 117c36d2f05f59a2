/*
 * relay: see relay.h.
 *
 * Each side's input is moved, not copied, to the other's output. A side whose
 * output is full stops the other's reading; that is all the back-pressure there
 * is. There is no read watermark: on a TLS bufferevent that is drained in bites
 * libevent would turn without end.
 */
#include "relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "endpoint.h"
#include "tls_context.h"
#include "xalloc.h"

/* Output past this stops the other side; what one record holds comes on top. */
#define OUTPUT_FULL_BYTES 65536

/* As for plain connections: see connection.c. */
#define TCP_USER_TIMEOUT_MS 10000

enum relay_state {
	RELAY_CLOSED,
	RELAY_CONNECTING,  /* `socket` is ours */
	RELAY_HANDSHAKING, /* `far` has it */
	RELAY_OPEN,	   /* `near` is there, or will be at once */
	RELAY_ENDING,	   /* the server has ended it; `near` is told what is left */
};

struct relay {
	struct event_base *base;
	const struct relay_handlers *handlers;
	void *owner;

	enum relay_state state;
	const struct endpoint *endpoint;
	int socket;
	struct event connecting;
	struct tls_context *context; /* kept between connections: NULL at first */
	struct tls_session session;
	struct bufferevent *far, *near;
	struct tls_info info; /* version "": no handshake yet */
};

static const char *
name_of(const struct endpoint *e)
{
	return e->tls.sni != NULL ? e->tls.sni : e->host;
}

static void
end_far(struct relay *r)
{
	if (r->far != NULL) {
		tls_session_close(&r->session);
		bufferevent_free(r->far);
	}
	r->far = NULL;
	r->session.openssl = NULL;
}

static void
fail(struct relay *r)
{
	r->state = RELAY_ENDING;
	/* The last thing: the owner may free us. */
	r->handlers->failed(r->owner);
}

/*
 * The bytes.
 */

/* Stops `from` while `to` is full. */
static void
throttle(struct bufferevent *from, struct bufferevent *to)
{
	if (evbuffer_get_length(bufferevent_get_output(to)) > OUTPUT_FULL_BYTES)
		bufferevent_disable(from, EV_READ);
}

static void
far_read_cb(struct bufferevent *far, void *arg)
{
	struct relay *r = arg;
	struct evbuffer *input = bufferevent_get_input(far);

	tls_context_remind(r->context, clock_wall());
	/* Nothing waits: a write at once saves asking for a write event. */
	if (evbuffer_get_length(bufferevent_get_output(r->near)) == 0)
		evbuffer_write(input, bufferevent_getfd(r->near));
	if (evbuffer_get_length(input) > 0) {
		bufferevent_write_buffer(r->near, input);
		throttle(far, r->near);
	}
}

/* All is written. */
static void
far_write_cb(struct bufferevent *far, void *arg)
{
	struct relay *r = arg;

	(void)far;
	if (r->near != NULL)
		bufferevent_enable(r->near, EV_READ);
}

static void
near_read_cb(struct bufferevent *near, void *arg)
{
	struct relay *r = arg;

	/* The server has left: what is still said to it goes nowhere. */
	if (r->far == NULL) {
		evbuffer_drain(bufferevent_get_input(near), SIZE_MAX);
		return;
	}
	bufferevent_write_buffer(r->far, bufferevent_get_input(near));
	throttle(near, r->far);
}

static void
near_write_cb(struct bufferevent *near, void *arg)
{
	struct relay *r = arg;

	if (r->far != NULL)
		bufferevent_enable(r->far, EV_READ);
	else
		shutdown(bufferevent_getfd(near), SHUT_WR);
}

static void
near_event_cb(struct bufferevent *near, short what, void *arg)
{
	/* Its owner has closed it, or will; that is when relay_close comes. */
	(void)what, (void)arg;
	bufferevent_disable(near, EV_READ | EV_WRITE);
}

/*
 * The far side.
 */

/* A server that refuses us says why, and our writing may fail before we read it. */
static void
note_failure(struct relay *r, short what, int err)
{
	unsigned long errors[TLS_ERRORS_MAX];
	size_t count = 0;

	while (count < TLS_ERRORS_MAX &&
	       (errors[count] = bufferevent_get_openssl_error(r->far)) != 0)
		count++;
	/* libevent hands out the newest one first; the oldest one is the cause. */
	for (size_t i = 0; i < count / 2; i++) {
		unsigned long newer = errors[i];

		errors[i] = errors[count - 1 - i];
		errors[count - 1 - i] = newer;
	}
	if ((what & BEV_EVENT_WRITING) && r->state == RELAY_OPEN &&
	    count < TLS_ERRORS_MAX)
		count += tls_session_last_words(&r->session, &errors[count]);
	tls_session_failed(&r->session, errors, count, what & BEV_EVENT_EOF ? 0 : err,
			   r->state == RELAY_HANDSHAKING);
}

static void
established(struct relay *r)
{
	if (!tls_session_established(&r->session, &r->info)) {
		end_far(r);
		fail(r);
		return;
	}
	r->state = RELAY_OPEN;
	r->handlers->open(r->owner);
}

static void
far_event_cb(struct bufferevent *far, short what, void *arg)
{
	int err = errno;
	struct relay *r = arg;
	bool handshaking = r->state == RELAY_HANDSHAKING;

	(void)far;
	if (what & BEV_EVENT_CONNECTED) {
		established(r);
		return;
	}
	note_failure(r, what, err);
	end_far(r);
	if (handshaking) {
		fail(r);
		return;
	}
	r->state = RELAY_ENDING;
	if (evbuffer_get_length(bufferevent_get_output(r->near)) == 0)
		shutdown(bufferevent_getfd(r->near), SHUT_WR);
}

/*
 * Opening.
 */

static bool
say_errno(struct relay *r, int err)
{
	snprintf(r->session.reason, sizeof(r->session.reason), "%s", strerror(err));
	return false;
}

static void
shake_hands(struct relay *r)
{
	const struct endpoint_tls *tls = &r->endpoint->tls;

	r->state = RELAY_HANDSHAKING;
	tls_session_begin(&r->session, r->context, name_of(r->endpoint),
			  !tls->insecure);
	r->far = bufferevent_openssl_socket_new(r->base, r->socket, r->session.openssl,
						BUFFEREVENT_SSL_CONNECTING,
						BEV_OPT_CLOSE_ON_FREE);
	if (r->far == NULL)
		abort(); /* out of memory */
	r->socket = -1;
	bufferevent_setcb(r->far, far_read_cb, far_write_cb, far_event_cb, r);
}

static void
connect_cb(evutil_socket_t fd, short what, void *arg)
{
	struct relay *r = arg;
	socklen_t size = sizeof(int);
	int err = 0;

	(void)what;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size);
	if (err != 0) {
		say_errno(r, err);
		fail(r);
		return;
	}
	shake_hands(r);
}

static void
set_options(int fd)
{
	unsigned timeout = TCP_USER_TIMEOUT_MS;
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
}

static bool
start_connect(struct relay *r, const char *address, int port)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *info;
	char service[16];
	int rc;

	snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(address, service, &hints, &info) != 0)
		return say_errno(r, EINVAL);
	r->socket =
		socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	rc = r->socket < 0 ? -1 : connect(r->socket, info->ai_addr, info->ai_addrlen);
	freeaddrinfo(info);
	if (rc != 0 && errno != EINPROGRESS) {
		say_errno(r, errno);
		if (r->socket >= 0)
			close(r->socket);
		r->socket = -1;
		return false;
	}
	set_options(r->socket);
	event_assign(&r->connecting, r->base, r->socket, EV_WRITE, connect_cb, r);
	event_add(&r->connecting, NULL);
	return true;
}

static void
replace_context(struct relay *r, struct tls_context *fresh)
{
	/* After the new one was got: mostly it is the same. */
	tls_context_put(r->context);
	r->context = fresh;
}

bool
relay_open(struct relay *r, const struct endpoint *e, const char *address, int port)
{
	struct tls_context *context;
	char *reason = r->session.reason, error[TLS_REASON_BYTES];

	relay_close(r);
	context = tls_context_get(&e->tls, reason, sizeof(r->session.reason));
	if (context == NULL)
		return false;
	reason[0] = '\0';
	replace_context(r, context);
	tls_context_remind(context, clock_wall());
	r->endpoint = e;
	r->state = RELAY_CONNECTING;
	if (start_connect(r, address, port))
		return true;
	memcpy(error, reason, sizeof(error));
	relay_close(r);
	memcpy(reason, error, sizeof(error));
	return false;
}

void
relay_join(struct relay *r, int fd)
{
	r->near = bufferevent_socket_new(r->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (r->near == NULL)
		abort(); /* out of memory */
	bufferevent_setcb(r->near, near_read_cb, near_write_cb, near_event_cb, r);
	bufferevent_enable(r->near, EV_READ);
	bufferevent_enable(r->far, EV_READ);
}

void
relay_close(struct relay *r)
{
	if (r == NULL)
		return;
	if (r->socket >= 0) {
		event_del(&r->connecting);
		close(r->socket);
	}
	r->socket = -1;
	end_far(r);
	if (r->near != NULL)
		bufferevent_free(r->near);
	r->near = NULL;
	r->session.reason[0] = '\0';
	r->state = RELAY_CLOSED;
}

struct relay *
relay_new(struct event_base *base, const struct relay_handlers *handlers, void *owner)
{
	struct relay *r = xcalloc(1, sizeof(*r));

	r->base = base;
	r->handlers = handlers;
	r->owner = owner;
	r->socket = -1;
	return r;
}

void
relay_free(struct relay *r)
{
	if (r == NULL)
		return;
	relay_close(r);
	tls_context_put(r->context);
	free(r);
}

bool
relay_is_open(const struct relay *r)
{
	return r != NULL && r->state != RELAY_CLOSED;
}

const char *
relay_reason(const struct relay *r)
{
	return r->session.reason;
}

const char *
relay_late(const struct relay *r)
{
	return r->state == RELAY_HANDSHAKING
		       ? "the TLS handshake timed out; does the server speak TLS on "
			 "this port?"
		       : "the connection attempt timed out";
}

const struct tls_info *
relay_info(const struct relay *r)
{
	return r != NULL && r->info.version[0] != '\0' ? &r->info : NULL;
}
