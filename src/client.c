/*
 * client: see client.h.
 *
 * A client that pipelines without reading is throttled: while more than
 * PAUSE_BYTES of answers are unread no further request is carried out. A
 * subscriber cannot be throttled: past OUTPUT_MAX it is dropped.
 */
#include "client.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "clock.h"
#include "glob.h"
#include "log.h"
#include "xalloc.h"

#define OUTPUT_MAX (1024 * 1024)
#define PAUSE_BYTES (64 * 1024)
#define HALF_REQUEST_S 10
/* How long a closing client may take to read its last answer. */
#define LINGER_S 2

struct subscription {
	TAILQ_ENTRY(subscription) entry;
	bool pattern;
	char name[];
};

struct client {
	struct bufferevent *bev;
	struct event timer; /* half a request, or lingering */
	bool timing;
	uint64_t id;
	enum privilege privilege;
	const struct client_handlers *handlers;
	void *owner;
	struct resp_out out;
	char *name;
	TAILQ_HEAD(subscriptions, subscription) subscriptions;
	unsigned count;
	bool ended;   /* the peer sends no more */
	bool closing; /* no more requests; ends when the output is read */
	bool dropped; /* it was past a bound */
	bool gone;    /* the owner knows */
};

static void
finish(struct client *c)
{
	if (c->gone)
		return;
	c->gone = true;
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	c->handlers->gone(c->owner, c, c->dropped);
}

static size_t
unread(const struct client *c)
{
	return evbuffer_get_length(c->out.buffer);
}

static void
set_timer(struct client *c, int seconds)
{
	struct timeval tv = { .tv_sec = seconds };

	if (seconds == 0 && c->timing)
		event_del(&c->timer);
	else if (seconds > 0 && !c->timing)
		event_add(&c->timer, &tv);
	c->timing = seconds > 0;
}

/*
 * Carries out what is complete. The timer runs from the first byte of half a
 * request to its end, so that dripping bytes buys no time.
 */
static void
take_complete(struct client *c)
{
	struct evbuffer *input = bufferevent_get_input(c->bev);
	struct resp_request request;
	const char *error;

	while (!c->closing && !c->gone && unread(c) <= PAUSE_BYTES) {
		size_t len = evbuffer_get_length(input);
		char *bytes = (char *)evbuffer_pullup(input, -1);

		switch (resp_parse(bytes, len, &request, &error)) {
		case RESP_BAD:
			resp_error(&c->out, "%s", error);
			c->dropped = true;
			client_close(c);
			return;
		case RESP_MORE:
			set_timer(c, len > 0 ? HALF_REQUEST_S : 0);
			if (c->ended)
				client_close(c);
			return;
		case RESP_REQUEST:
			set_timer(c, 0);
			if (request.argc > 0)
				c->handlers->request(c->owner, c, &request);
			evbuffer_drain(input, request.used);
		}
	}
}

static void
take_requests(struct client *c)
{
	take_complete(c);
	if (c->closing || c->gone)
		return;
	/*
	 * Not to be left to the watermark: with input that is not taken libevent
	 * would call back for ever.
	 */
	if (unread(c) > PAUSE_BYTES)
		bufferevent_disable(c->bev, EV_READ);
	else if (!c->ended)
		bufferevent_enable(c->bev, EV_READ);
}

static void
read_cb(struct bufferevent *bev, void *arg)
{
	(void)bev;
	take_requests(arg);
}

/* All output is written: go on with what was held back, or end. */
static void
write_cb(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	(void)bev;
	if (c->closing)
		finish(c);
	else
		take_requests(c);
}

static void
event_cb(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;

	(void)bev;
	if (what & BEV_EVENT_ERROR) {
		finish(c);
	} else if (what & BEV_EVENT_EOF) {
		/* It may have closed one half only, and still wait for answers. */
		c->ended = true;
		take_requests(c);
	}
}

/* Half a request took too long, or closing did. */
static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd, (void)what;
	if (!c->closing)
		c->dropped = true;
	finish(c);
}

struct client *
client_new(struct event_base *base, int fd, uint64_t id, enum privilege privilege,
	   const struct client_handlers *handlers, void *owner)
{
	struct client *c = xcalloc(1, sizeof(*c));

	c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->id = id;
	c->privilege = privilege;
	c->handlers = handlers;
	c->owner = owner;
	c->out.buffer = bufferevent_get_output(c->bev);
	c->out.version = 2;
	TAILQ_INIT(&c->subscriptions);
	evtimer_assign(&c->timer, base, timer_cb, c);
	bufferevent_setcb(c->bev, read_cb, write_cb, event_cb, c);
	/* Never more than one request and a read is stored. */
	bufferevent_setwatermark(c->bev, EV_READ, 0, 2 * RESP_REQUEST_MAX);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	return c;
}

static void
drop_subscriptions(struct client *c)
{
	struct subscription *s;

	while ((s = TAILQ_FIRST(&c->subscriptions)) != NULL) {
		TAILQ_REMOVE(&c->subscriptions, s, entry);
		free(s);
	}
	c->count = 0;
}

void
client_free(struct client *c)
{
	if (c == NULL)
		return;
	event_del(&c->timer);
	bufferevent_free(c->bev);
	drop_subscriptions(c);
	free(c->name);
	free(c);
}

struct resp_out *
client_out(struct client *c)
{
	return &c->out;
}

uint64_t
client_id(const struct client *c)
{
	return c->id;
}

enum privilege
client_privilege(const struct client *c)
{
	return c->privilege;
}

const char *
client_name(const struct client *c)
{
	return c->name != NULL ? c->name : "";
}

void
client_set_name(struct client *c, const char *name)
{
	free(c->name);
	c->name = xstrdup(name);
}

void
client_set_version(struct client *c, int version)
{
	c->out.version = version;
}

void
client_close(struct client *c)
{
	c->closing = true;
	bufferevent_disable(c->bev, EV_READ);
	set_timer(c, 0);
	/* With nothing left to write the timer ends it, on a fresh stack. */
	if (unread(c) > 0)
		set_timer(c, LINGER_S);
	else
		event_active(&c->timer, EV_TIMEOUT, 0);
}

void
client_reset(struct client *c)
{
	drop_subscriptions(c);
	free(c->name);
	c->name = NULL;
	c->out.version = 2;
}

/*
 * Subscriptions.
 */

static struct subscription *
find(const struct client *c, bool pattern, const char *name)
{
	struct subscription *s;

	TAILQ_FOREACH (s, &c->subscriptions, entry) {
		if (s->pattern == pattern &&
		    (name == NULL || strcmp(s->name, name) == 0))
			return s;
	}
	return NULL;
}

bool
client_subscribe(struct client *c, bool pattern, const char *name)
{
	size_t size = strlen(name) + 1;
	struct subscription *s;

	if (find(c, pattern, name) != NULL)
		return true;
	if (c->count == CLIENT_SUBSCRIPTIONS_MAX)
		return false;
	s = xcalloc(1, sizeof(*s) + size);
	s->pattern = pattern;
	memcpy(s->name, name, size);
	TAILQ_INSERT_TAIL(&c->subscriptions, s, entry);
	c->count++;
	return true;
}

bool
client_unsubscribe(struct client *c, bool pattern, const char *name)
{
	struct subscription *s = find(c, pattern, name);

	if (s == NULL)
		return false;
	TAILQ_REMOVE(&c->subscriptions, s, entry);
	free(s);
	c->count--;
	return true;
}

unsigned
client_subscriptions(const struct client *c)
{
	return c->count;
}

const char *
client_any_subscription(const struct client *c, bool pattern)
{
	struct subscription *s = find(c, pattern, NULL);

	return s != NULL ? s->name : NULL;
}

static bool
fits(const struct subscription *s, const char *channel)
{
	static const char own[] = "pinfod:";
	size_t len = sizeof(own) - 1;

	if (!s->pattern)
		return strcmp(s->name, channel) == 0;
	if (strncmp(channel, own, len) == 0 && strncmp(s->name, own, len) != 0)
		return false;
	return glob_match(s->name, channel);
}

bool
client_wants(const struct client *c, const char *channel)
{
	struct subscription *s;

	if (c->closing || c->gone)
		return false;
	TAILQ_FOREACH (s, &c->subscriptions, entry) {
		if (fits(s, channel))
			return true;
	}
	return false;
}

void
client_deliver(struct client *c, const char *channel, const char *text, size_t len)
{
	struct subscription *s;

	if (c->closing || c->gone)
		return;
	TAILQ_FOREACH (s, &c->subscriptions, entry) {
		if (!fits(s, channel))
			continue;
		if (unread(c) > OUTPUT_MAX) {
			log_info(NULL, "control: client %llu does not read: dropped",
				 (unsigned long long)c->id);
			c->dropped = true;
			finish(c);
			return;
		}
		resp_push(&c->out, s->pattern ? 4 : 3);
		resp_text(&c->out, s->pattern ? "pmessage" : "message");
		if (s->pattern)
			resp_text(&c->out, s->name);
		resp_text(&c->out, channel);
		resp_bulk(&c->out, text, len);
	}
}
