/*
 * inquiry: see inquiry.h.
 */
#include "inquiry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "link.h"
#include "log.h"
#include "publisher.h"
#include "sections.h"
#include "tls_session.h"
#include "xalloc.h"

#define WHY_BYTES 256

static const char info_request[] = "*2\r\n$4\r\nINFO\r\n$11\r\npersistence\r\n";
static const char config_request[] =
	"*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$4\r\nsave\r\n";

struct inquiry {
	const char *name;
	const struct inquiry_handlers *handlers;
	void *owner;
	struct link *feed, *probe;
	struct publisher *publisher;
	bool asking; /* a question is in flight */

	/* The wide sample that is being taken. */
	struct sections sections;
	struct mono sent; /* the first of its requests; 0: not yet */
	char *text;	  /* of the sections so far, when they come one by one */
	size_t len;
	char error[128]; /* the last one that refused a section */
	/* What was told: of this connection, and since inquiry_open. */
	char wide_told[WHY_BYTES], config_told[WHY_BYTES];
	char dropped_told[WHY_BYTES];
};

static struct link *
asked_link(const struct inquiry *q)
{
	return link_is_open(q->probe) ? q->probe : q->feed;
}

bool
inquiry_can_ask(const struct inquiry *q)
{
	const struct link *l = asked_link(q);

	return !q->asking && link_is_ready(l) &&
	       (l == q->probe || !publisher_is_busy(q->publisher));
}

static bool
ask(struct inquiry *q, enum request_kind kind, const char *request, size_t len,
    struct mono now, request_reply_fn *fn)
{
	q->asking = link_send(asked_link(q), kind, request, len, now, fn, q);
	return q->asking;
}

/*
 * The probe has done its duty when PUBLISH no longer hangs, and feed is there to
 * be asked: it may be gone, for PUBLISH hung too long.
 */
static void
retire_probe(struct inquiry *q)
{
	if (!q->asking && !publisher_is_busy(q->publisher) && link_is_ready(q->feed))
		link_close(q->probe);
}

static void
turned(struct inquiry *q, struct mono now)
{
	retire_probe(q);
	q->handlers->turned(q->owner, now);
}

/* A question has its answer: what waited for that may be published, and go first. */
static void
answered(struct inquiry *q, struct mono now)
{
	publisher_resume(q->publisher, q->feed, now);
	turned(q, now);
}

static void
hostile(struct inquiry *q, const char *reason)
{
	link_fail(asked_link(q), FAULT_HOSTILE, reason);
}

/* Tells what cannot be had and why, once; told is what was told already. */
static void
refuse(struct inquiry *q, enum snapshot_part part, char told[static WHY_BYTES],
       const char *why, struct mono now)
{
	if (strcmp(told, why) == 0)
		return;
	snprintf(told, WHY_BYTES, "%s", why);
	log_warning(q->name, "%s; pinfoctl status tells what cannot be known then",
		    told);
	q->handlers->refused(q->owner, part, told, now);
}

/*
 * Narrow samples.
 */

static void
narrow_reply_cb(void *arg, const struct reply *r)
{
	struct inquiry *q = arg;

	q->asking = false;
	switch (r->kind) {
	case REPLY_TEXT:
	case REPLY_ERROR:
		q->handlers->narrow(q->owner, r);
		break;
	case REPLY_INTEGER:
	case REPLY_LIST:
	case REPLY_NIL:
		hostile(q, "the answer to INFO is no text");
		break;
	case REPLY_LOST:
		/* on_down follows, knowing more. */
		return;
	}
	answered(q, r->now);
}

/*
 * Wide samples.
 */

static void
end_round(struct inquiry *q)
{
	q->sections.open = false;
	free(q->text);
	q->text = NULL;
	q->len = 0;
	q->sent.ns = 0;
}

static void
append(struct inquiry *q, const struct reply *r)
{
	q->text = xrealloc(q->text, q->len + r->len + 2, 1);
	memcpy(q->text + q->len, r->text, r->len);
	q->len += r->len;
	/* A section of a proxy's making may lack its last line end. */
	if (r->len > 0 && q->text[q->len - 1] != '\n')
		q->text[q->len++] = '\n';
	q->text[q->len] = '\0';
}

static void
complete_round(struct inquiry *q, const char *text, size_t len, struct mono now)
{
	char why[WHY_BYTES], names[SECTIONS_TEXT_BYTES];

	if (sections_refused_text(names, &q->sections)[0] != '\0') {
		snprintf(why, sizeof(why), "%s: %s", names, q->error);
		refuse(q, SNAPSHOT_WIDE, q->wide_told, why, now);
	}
	q->handlers->wide(q->owner, text, len, q->sent.ns != 0 ? q->sent : now, now);
	end_round(q);
}

static void
overflow(struct inquiry *q, const struct reply *r)
{
	char why[WHY_BYTES], names[SECTIONS_TEXT_BYTES];

	sections_overflowed(&q->sections);
	end_round(q);
	if (sections_dropped_text(names, &q->sections)[0] == '\0')
		return;
	snprintf(why, sizeof(why), "%s: %.120s; it is asked for no more", names,
		 r->text);
	refuse(q, SNAPSHOT_WIDE, q->dropped_told, why, r->now);
}

static void
refuse_section(struct inquiry *q, const char *error, struct mono now)
{
	size_t len;

	snprintf(q->error, sizeof(q->error), "%s", error);
	sections_refused(&q->sections);
	if (sections_request(&q->sections, &len) == NULL)
		complete_round(q, q->text != NULL ? q->text : "", q->len, now);
}

static void
wide_reply_cb(void *arg, const struct reply *r)
{
	struct inquiry *q = arg;
	bool whole = !q->sections.apart;
	size_t len;

	q->asking = false;
	switch (r->kind) {
	case REPLY_TEXT:
		sections_answered(&q->sections);
		if (!whole)
			append(q, r);
		if (sections_request(&q->sections, &len) == NULL)
			complete_round(q, whole ? r->text : q->text,
				       whole ? r->len : q->len, r->now);
		break;
	case REPLY_ERROR:
		if (fault_of_error(r->text) == FAULT_BUSY) {
			/* It says nothing about the sections. */
			end_round(q);
			q->handlers->trouble(q->owner, FAULT_BUSY, r->text, r->now);
			break;
		}
		refuse_section(q, r->text, r->now);
		break;
	case REPLY_INTEGER:
	case REPLY_LIST:
	case REPLY_NIL:
		refuse_section(q, "the answer is no text", r->now);
		break;
	case REPLY_LOST:
		if (r->fault == FAULT_HOSTILE)
			overflow(q, r);
		else
			end_round(q);
		return;
	}
	answered(q, r->now);
}

/* The next request of the round, which has one. */
static bool
ask_wide(struct inquiry *q, struct mono now)
{
	size_t len;
	const char *request = sections_request(&q->sections, &len);

	if (request == NULL) {
		/* All are refused: nothing is what can be had. */
		complete_round(q, "", 0, now);
		return false;
	}
	if (q->sent.ns == 0)
		q->sent = now;
	return ask(q, REQUEST_WIDE, request, len, now, wide_reply_cb);
}

/*
 * The configuration.
 */

static void
config_reply_cb(void *arg, const struct reply *r)
{
	struct inquiry *q = arg;
	char text[WHY_BYTES + 64];
	const char *save;

	q->asking = false;
	switch (r->kind) {
	case REPLY_LIST:
		save = connection_list_text(r, "save");
		if (save == NULL) {
			refuse(q, SNAPSHOT_CONFIG, q->config_told,
			       "CONFIG GET save: the server does not say", r->now);
			break;
		}
		snprintf(text, sizeof(text), "save:%s\r\n", save);
		q->handlers->config(q->owner, text, strlen(text), r->now);
		break;
	case REPLY_ERROR:
		if (fault_of_error(r->text) == FAULT_BUSY) {
			q->handlers->trouble(q->owner, FAULT_BUSY, r->text, r->now);
			break;
		}
		snprintf(text, sizeof(text), "CONFIG GET save: %.200s", r->text);
		refuse(q, SNAPSHOT_CONFIG, q->config_told, text, r->now);
		break;
	case REPLY_TEXT:
	case REPLY_INTEGER:
	case REPLY_NIL:
		refuse(q, SNAPSHOT_CONFIG, q->config_told,
		       "CONFIG GET save: the answer is no list", r->now);
		break;
	case REPLY_LOST:
		return;
	}
	answered(q, r->now);
}

/*
 * What the links say.
 */

static void
on_ready(void *owner, struct link *link, struct mono now)
{
	struct inquiry *q = owner;

	if (link == q->feed) {
		sections_renew(&q->sections);
		q->wide_told[0] = q->config_told[0] = '\0';
		retire_probe(q);
		q->handlers->connected(q->owner, now);
	}
	if (link == asked_link(q))
		q->handlers->turned(q->owner, now);
}

static void
on_down(void *owner, struct link *link, enum fault fault, const char *reason,
	struct mono now)
{
	struct inquiry *q = owner;

	if (link == asked_link(q)) {
		end_round(q);
		q->handlers->trouble(q->owner, fault, reason, now);
	}
	turned(q, now);
}

static void
on_overdue(void *owner, struct link *link, enum request_kind kind, const char *reason,
	   struct mono now)
{
	struct inquiry *q = owner;

	(void)link;
	if (kind == REQUEST_PUBLISH) {
		publisher_overdue(q->publisher, reason, now);
		link_open(q->probe, now);
		q->handlers->turned(q->owner, now);
	} else {
		q->handlers->trouble(q->owner, FAULT_SILENT, reason, now);
	}
}

static const struct link_handlers link_handlers = {
	.ready = on_ready,
	.down = on_down,
	.overdue = on_overdue,
};

static void
on_published(void *owner, struct mono now)
{
	turned(owner, now);
}

/*
 * The verbs.
 */

struct inquiry *
inquiry_new(struct event_base *base, struct resolver *resolver, const char *name,
	    const struct endpoint *endpoint, const struct inquiry_handlers *handlers,
	    void *owner)
{
	struct inquiry *q = xcalloc(1, sizeof(*q));

	q->name = name;
	q->handlers = handlers;
	q->owner = owner;
	q->feed = link_new(base, resolver, name, endpoint, &link_handlers, q);
	q->probe = link_new(base, resolver, name, endpoint, &link_handlers, q);
	q->publisher = publisher_new(name, on_published, q);
	return q;
}

void
inquiry_free(struct inquiry *q)
{
	if (q == NULL)
		return;
	link_free(q->feed);
	link_free(q->probe);
	publisher_free(q->publisher);
	free(q->text);
	free(q);
}

void
inquiry_open(struct inquiry *q, struct mono now)
{
	/* It may be another server than the last time. */
	q->sections = (struct sections){ 0 };
	q->wide_told[0] = q->config_told[0] = q->dropped_told[0] = '\0';
	link_open(q->feed, now);
}

void
inquiry_close(struct inquiry *q)
{
	link_close(q->feed);
	link_close(q->probe);
	publisher_forget(q->publisher);
	end_round(q);
	q->asking = false;
}

void
inquiry_set_channels(struct inquiry *q, const char *channel, const char *notices,
		     const char *tag)
{
	publisher_set_channels(q->publisher, channel, notices, tag);
}

const char *
inquiry_channel(const struct inquiry *q)
{
	return publisher_channel(q->publisher);
}

bool
inquiry_is_asking(const struct inquiry *q)
{
	return q->asking;
}

bool
inquiry_is_ready(const struct inquiry *q)
{
	return link_is_ready(asked_link(q));
}

bool
inquiry_ask(struct inquiry *q, enum snapshot_part part, struct mono now)
{
	if (!inquiry_can_ask(q))
		return false;
	switch (part) {
	case SNAPSHOT_NARROW:
		return ask(q, REQUEST_INFO, info_request, sizeof(info_request) - 1, now,
			   narrow_reply_cb);
	case SNAPSHOT_WIDE:
		sections_begin(&q->sections);
		return ask_wide(q, now);
	case SNAPSHOT_CONFIG:
		return ask(q, REQUEST_CONFIG, config_request,
			   sizeof(config_request) - 1, now, config_reply_cb);
	}
	return false;
}

bool
inquiry_go_on(struct inquiry *q, struct mono now)
{
	return q->sections.open && inquiry_can_ask(q) && ask_wide(q, now);
}

void
inquiry_publish(struct inquiry *q, const char *text, size_t len, struct mono now)
{
	publisher_send(q->publisher, q->feed, text, len, now);
}

void
inquiry_notice(struct inquiry *q, const char *json, bool fleeting, struct mono now)
{
	/* Behind a question that hangs it would only hang as well. */
	publisher_notice(q->publisher, q->asking ? NULL : q->feed, json, fleeting, now);
}

enum publish_state
inquiry_publish_state(const struct inquiry *q, const char **reason)
{
	return publisher_state(q->publisher, reason);
}

const char *
inquiry_server(const struct inquiry *q)
{
	return link_server(q->feed);
}

const char *
inquiry_server_version(const struct inquiry *q)
{
	return link_server_version(q->feed);
}

void
inquiry_report(const struct inquiry *q, struct target_report *r)
{
	const struct tls_info *tls = link_tls(q->feed);

	if (tls != NULL) {
		r->tls_version = tls->version;
		r->tls_cipher = tls->cipher;
		r->tls_until = tls->not_after;
	}
	r->server = link_server(q->feed);
	r->server_version = link_server_version(q->feed);
	r->connects = link_connects(q->feed);
	publisher_report(q->publisher, r);
}
