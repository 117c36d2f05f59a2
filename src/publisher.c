/*
 * publisher: see publisher.h.
 */
#include "publisher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "fault.h"
#include "link.h"
#include "log.h"
#include "xalloc.h"

#define REASON_BYTES 160
/* So many leave room in a link's queue for the feed, and for an INFO before it. */
#define NOTICES_IN_FLIGHT_MAX 8

/* A request: its head is written once, for all messages on a channel. */
struct outlet {
	char *channel; /* NULL: there is none */
	char *request;
	size_t head_len, room;
};

struct kept {
	TAILQ_ENTRY(kept) entry;
	bool fleeting, in_flight;
	size_t len;
	char json[];
};

struct publisher {
	const char *name;
	publisher_done_fn *done;
	void *owner;

	const char *verb; /* PUBLISH or SPUBLISH */
	struct outlet feed;
	bool feed_in_flight;
	enum publish_state state; /* written by set_state only */
	char reason[REASON_BYTES];
	struct mono since;	 /* the first trouble, while not PUBLISH_OK */
	uint64_t dropped_before; /* that trouble */
	uint64_t published, dropped;
	long long receivers;

	struct link *link; /* where the last one went; NULL: not yet, or no more */
	struct outlet notices;
	/* In flight or not, in the order of their coming. */
	TAILQ_HEAD(kept_list, kept) kept;
	unsigned kept_count, in_flight;
	bool refused; /* the server's last answer to a notice was an error: told */
	uint64_t notices_published, notices_dropped;
};

static const char publish[] = "PUBLISH", spublish[] = "SPUBLISH";

static bool
begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* What the operator is told beside the reason. */
static const char *
advice(const struct publisher *p, enum publish_state state, const char *reason)
{
	bool shard = p->verb == spublish;

	switch (state) {
	case PUBLISH_BLOCKED:
		return "; the server pauses writes (CLIENT PAUSE or a failover)? INFO "
		       "goes on by a second connection";
	case PUBLISH_DENIED:
		return shard ? "; to grant it: ACL SETUSER <user> +spublish &pinfo*"
			     : "; to grant it: ACL SETUSER <user> +publish &pinfo*";
	case PUBLISH_FAILED:
		if (shard && begins(reason, "MOVED "))
			return "; the slot has moved; another channel follows with the "
			       "next look at the cluster";
		if (shard && begins(reason, "ERR unknown command"))
			return "; SPUBLISH needs 7.0";
		return "";
	case PUBLISH_OK:
		break;
	}
	return "";
}

static enum publish_state
state_of_error(const char *text)
{
	return fault_of_error(text) == FAULT_DENIED ? PUBLISH_DENIED : PUBLISH_FAILED;
}

static void
set_state(struct publisher *p, enum publish_state state, const char *reason,
	  struct mono now)
{
	char span[CLOCK_SPAN_BYTES];

	/* Also within a state: the last error is the one that is told. */
	if (strcmp(p->reason, reason) != 0)
		snprintf(p->reason, sizeof(p->reason), "%s", reason);
	if (state == p->state)
		return;
	if (p->state == PUBLISH_OK) {
		p->since = now;
		p->dropped_before = p->dropped;
	}
	p->state = state;
	if (state == PUBLISH_OK)
		log_notice(p->name, "%s works again after %s, %" PRIu64 " dropped",
			   p->verb, clock_span(span, clock_diff_s(now, p->since)),
			   p->dropped - p->dropped_before);
	else
		log_warning(p->name, "%s %s: %s%s", p->verb, report_publish_name(state),
			    reason, advice(p, state, reason));
}

static void
done(struct publisher *p, struct mono now)
{
	if (!publisher_is_busy(p))
		p->done(p->owner, now);
}

/*
 * Sending.
 */

static void
drop_outlet(struct outlet *o)
{
	free(o->channel);
	free(o->request);
	*o = (struct outlet){ 0 };
}

static void
set_outlet(struct outlet *o, const char *channel, const char *tag)
{
	const char *verb = tag != NULL ? spublish : publish;

	drop_outlet(o);
	if (channel == NULL)
		return;
	o->channel = tag != NULL ? xasprintf("%s{%s}", channel, tag) : xstrdup(channel);
	o->request = xasprintf("*3\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(verb), verb,
			       strlen(o->channel), o->channel);
	o->head_len = o->room = strlen(o->request);
}

/* printf's %zu, which would be a tenth of a whole tick's work. */
static size_t
put_number(char *at, size_t value)
{
	char digits[24];
	size_t n = 0, len;

	do
		digits[n++] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	for (len = 0; n > 0; len++)
		at[len] = digits[--n];
	return len;
}

static bool
send_on(struct publisher *p, struct outlet *o, const char *text, size_t len,
	struct mono now, request_reply_fn *fn)
{
	size_t need = o->head_len + 32 + len, n = o->head_len;

	if (need > o->room) {
		o->request = xrealloc(o->request, need, 1);
		o->room = need;
	}
	o->request[n++] = '$';
	n += put_number(o->request + n, len);
	memcpy(o->request + n, "\r\n", 2);
	memcpy(o->request + n + 2, text, len);
	memcpy(o->request + n + 2 + len, "\r\n", 2);
	return link_send(p->link, REQUEST_PUBLISH, o->request, n + len + 4, now, fn, p);
}

/*
 * Notices.
 */

static void
discard(struct publisher *p, struct kept *k)
{
	TAILQ_REMOVE(&p->kept, k, entry);
	p->kept_count--;
	p->in_flight -= k->in_flight;
	free(k);
}

static void
discard_all(struct publisher *p)
{
	while (!TAILQ_EMPTY(&p->kept))
		discard(p, TAILQ_FIRST(&p->kept));
}

static void notice_reply_cb(void *arg, const struct reply *r);

/* Sends what is kept, oldest first; one at a time while the server refuses them. */
static void
pump(struct publisher *p, struct mono now)
{
	unsigned limit = p->refused ? 1 : NOTICES_IN_FLIGHT_MAX;
	struct kept *k;

	if (p->kept_count == 0 || p->notices.channel == NULL || p->link == NULL ||
	    p->state == PUBLISH_BLOCKED)
		return;
	TAILQ_FOREACH (k, &p->kept, entry) {
		if (k->in_flight)
			continue;
		if (p->in_flight >= limit ||
		    !send_on(p, &p->notices, k->json, k->len, now, notice_reply_cb))
			return;
		k->in_flight = true;
		p->in_flight++;
	}
}

/* One line when notices cannot be published, one when they can again. */
static void
tell_refused(struct publisher *p, const char *why)
{
	bool refused = why != NULL;

	if (refused == p->refused || p->notices.channel == NULL)
		return;
	p->refused = refused;
	if (refused)
		log_warning(p->name, "%s of notices on %s failed: %s%s", p->verb,
			    p->notices.channel, why,
			    advice(p, state_of_error(why), why));
	else
		log_notice(p->name, "%s of notices works again", p->verb);
}

/* The answer is that of the first one in flight. */
static void
notice_reply_cb(void *arg, const struct reply *r)
{
	struct publisher *p = arg;
	struct kept *k = TAILQ_FIRST(&p->kept);

	while (k != NULL && !k->in_flight)
		k = TAILQ_NEXT(k, entry);
	if (k == NULL)
		return;
	if (r->kind == REPLY_INTEGER) {
		p->notices_published++;
		discard(p, k);
	} else if (k->fleeting) {
		discard(p, k);
	} else {
		k->in_flight = false;
		p->in_flight--;
	}
	if (p->state == PUBLISH_BLOCKED)
		set_state(p, r->kind == REPLY_LOST ? PUBLISH_FAILED : PUBLISH_OK,
			  r->kind == REPLY_LOST ? r->text : "", r->now);
	if (r->kind == REPLY_INTEGER)
		tell_refused(p, NULL);
	else if (r->kind != REPLY_LOST)
		tell_refused(p, r->kind == REPLY_ERROR ? r->text
						       : "the answer is no number");
	/* After an error that would be a circle: the next feed's answer goes on. */
	if (r->kind == REPLY_INTEGER)
		pump(p, r->now);
	done(p, r->now);
}

/*
 * The feed.
 */

static void
feed_reply_cb(void *arg, const struct reply *r)
{
	struct publisher *p = arg;

	p->feed_in_flight = false;
	switch (r->kind) {
	case REPLY_INTEGER:
		p->published++;
		p->receivers = r->integer;
		set_state(p, PUBLISH_OK, "", r->now);
		pump(p, r->now);
		break;
	case REPLY_LOST:
		/* The link tells its own story; blocked it is no longer. */
		p->dropped++;
		if (p->state == PUBLISH_BLOCKED)
			set_state(p, PUBLISH_FAILED, r->text, r->now);
		break;
	case REPLY_ERROR:
		set_state(p, state_of_error(r->text), r->text, r->now);
		p->dropped++;
		break;
	case REPLY_TEXT:
	case REPLY_LIST:
	case REPLY_NIL:
		set_state(p, PUBLISH_FAILED, "the answer is no number", r->now);
		p->dropped++;
	}
	done(p, r->now);
}

struct publisher *
publisher_new(const char *name, publisher_done_fn *fn, void *owner)
{
	struct publisher *p = xcalloc(1, sizeof(*p));

	p->name = name;
	p->done = fn;
	p->owner = owner;
	p->verb = publish;
	TAILQ_INIT(&p->kept);
	return p;
}

void
publisher_set_channels(struct publisher *p, const char *channel, const char *notices,
		       const char *tag)
{
	p->verb = tag != NULL ? spublish : publish;
	set_outlet(&p->feed, channel, tag);
	set_outlet(&p->notices, notices, tag);
	p->refused = false;
	if (notices != NULL)
		return;
	/* Those in flight go with their answers. */
	for (struct kept *k = TAILQ_FIRST(&p->kept), *next; k != NULL; k = next) {
		next = TAILQ_NEXT(k, entry);
		if (!k->in_flight)
			discard(p, k);
	}
}

void
publisher_free(struct publisher *p)
{
	if (p == NULL)
		return;
	discard_all(p);
	drop_outlet(&p->feed);
	drop_outlet(&p->notices);
	free(p);
}

const char *
publisher_channel(const struct publisher *p)
{
	return p->feed.channel;
}

void
publisher_send(struct publisher *p, struct link *link, const char *text, size_t len,
	       struct mono now)
{
	p->link = link;
	/* Also behind a notice that hangs nothing more is sent. */
	if (p->feed_in_flight || p->state == PUBLISH_BLOCKED ||
	    !send_on(p, &p->feed, text, len, now, feed_reply_cb))
		p->dropped++;
	else
		p->feed_in_flight = true;
}

void
publisher_notice(struct publisher *p, struct link *link, const char *json,
		 bool fleeting, struct mono now)
{
	size_t len = strlen(json);
	struct kept *k;

	if (p->notices.channel == NULL)
		return;
	p->link = link;
	k = xcalloc(1, sizeof(*k) + len + 1);
	k->fleeting = fleeting;
	k->len = len;
	memcpy(k->json, json, len + 1);
	TAILQ_INSERT_TAIL(&p->kept, k, entry);
	p->kept_count++;
	pump(p, now);
	if (fleeting && !k->in_flight) {
		discard(p, k);
		return;
	}
	if (p->kept_count <= PUBLISHER_KEPT_MAX)
		return;
	TAILQ_FOREACH (k, &p->kept, entry) {
		if (!k->in_flight) {
			p->notices_dropped++;
			discard(p, k);
			return;
		}
	}
}

void
publisher_resume(struct publisher *p, struct link *link, struct mono now)
{
	p->link = link;
	pump(p, now);
}

bool
publisher_is_busy(const struct publisher *p)
{
	return p->feed_in_flight || p->in_flight > 0;
}

void
publisher_overdue(struct publisher *p, const char *reason, struct mono now)
{
	set_state(p, PUBLISH_BLOCKED, reason, now);
}

void
publisher_forget(struct publisher *p)
{
	struct kept *k = TAILQ_FIRST(&p->kept), *next;

	if (p->feed_in_flight)
		p->dropped++;
	p->feed_in_flight = false;
	for (; k != NULL; k = next) {
		next = TAILQ_NEXT(k, entry);
		if (!k->in_flight)
			continue;
		/* Else each STOP would tell of itself again at the next START. */
		if (p->state != PUBLISH_BLOCKED) {
			p->notices_published++;
			discard(p, k);
		} else {
			k->in_flight = false;
		}
	}
	p->in_flight = 0;
	/* Not set_state: nothing works again, there is only nothing left to do. */
	p->state = PUBLISH_OK;
	p->reason[0] = '\0';
}

enum publish_state
publisher_state(const struct publisher *p, const char **reason)
{
	*reason = p->state == PUBLISH_OK ? "" : p->reason;
	return p->state;
}

void
publisher_report(const struct publisher *p, struct target_report *report)
{
	report->channel = p->feed.channel;
	report->notices = p->notices.channel;
	report->published = p->published;
	report->dropped = p->dropped;
	report->receivers = p->receivers;
	report->publish_state = p->state;
	report->publish_reason = p->state == PUBLISH_OK ? NULL : p->reason;
	report->notices_published = p->notices_published;
	report->notices_dropped = p->notices_dropped;
	report->notices_kept = p->kept_count;
}
