/*
 * publisher: see publisher.h.
 */
#include "publisher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "log.h"
#include "xalloc.h"

#define REASON_BYTES 160

struct publisher {
	const char *name;
	publisher_done_fn *done;
	void *owner;

	/* The request: its head is written once, for all messages. */
	char *request;
	size_t head_len, room;

	bool busy;
	enum publish_state state; /* written by set_state only */
	char reason[REASON_BYTES];
	struct mono since;	 /* the first trouble, while not PUBLISH_OK */
	uint64_t dropped_before; /* that trouble */
	uint64_t published, dropped;
	long long receivers;
};

/* What the operator is told beside the reason. */
static const char *
advice(enum publish_state state)
{
	switch (state) {
	case PUBLISH_BLOCKED:
		return "; the server pauses writes (CLIENT PAUSE or a failover)? INFO "
		       "goes on by a second connection";
	case PUBLISH_DENIED:
		return "; to grant it: ACL SETUSER <user> +publish &pinfo*";
	default:
		return "";
	}
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
		log_notice(p->name, "PUBLISH works again after %s, %" PRIu64 " dropped",
			   clock_span(span, clock_diff_s(now, p->since)),
			   p->dropped - p->dropped_before);
	else
		log_warning(p->name, "PUBLISH %s: %s%s", report_publish_name(state),
			    reason, advice(state));
}

static void
reply_cb(void *arg, const struct reply *r)
{
	struct publisher *p = arg;

	p->busy = false;
	switch (r->kind) {
	case REPLY_INTEGER:
		p->published++;
		p->receivers = r->integer;
		set_state(p, PUBLISH_OK, "", r->now);
		break;
	case REPLY_LOST:
		/* The link tells its own story; blocked it is no longer. */
		p->dropped++;
		if (p->state == PUBLISH_BLOCKED)
			set_state(p, PUBLISH_FAILED, r->text, r->now);
		break;
	case REPLY_ERROR:
		set_state(p,
			  fault_of_error(r->text) == FAULT_DENIED ? PUBLISH_DENIED
								  : PUBLISH_FAILED,
			  r->text, r->now);
		p->dropped++;
		break;
	case REPLY_TEXT:
	case REPLY_LIST:
	case REPLY_NIL:
		set_state(p, PUBLISH_FAILED, "the answer is no number", r->now);
		p->dropped++;
	}
	p->done(p->owner, r->now);
}

struct publisher *
publisher_new(const char *name, const char *channel, publisher_done_fn *done,
	      void *owner)
{
	struct publisher *p = xcalloc(1, sizeof(*p));

	p->name = name;
	p->done = done;
	p->owner = owner;
	publisher_set_channel(p, channel);
	return p;
}

void
publisher_set_channel(struct publisher *p, const char *channel)
{
	free(p->request);
	p->request = xasprintf("*3\r\n$7\r\nPUBLISH\r\n$%zu\r\n%s\r\n", strlen(channel),
			       channel);
	p->head_len = p->room = strlen(p->request);
}

void
publisher_free(struct publisher *p)
{
	if (p == NULL)
		return;
	free(p->request);
	free(p);
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

void
publisher_send(struct publisher *p, struct link *link, const char *text, size_t len,
	       struct mono now)
{
	size_t need = p->head_len + 32 + len, n = p->head_len;

	if (p->busy) {
		p->dropped++;
		return;
	}
	if (need > p->room) {
		p->request = xrealloc(p->request, need, 1);
		p->room = need;
	}
	p->request[n++] = '$';
	n += put_number(p->request + n, len);
	memcpy(p->request + n, "\r\n", 2);
	memcpy(p->request + n + 2, text, len);
	memcpy(p->request + n + 2 + len, "\r\n", 2);
	n += len + 4;
	p->busy = link_send(link, REQUEST_PUBLISH, p->request, n, now, reply_cb, p);
	if (!p->busy)
		p->dropped++;
}

bool
publisher_is_busy(const struct publisher *p)
{
	return p->busy;
}

void
publisher_overdue(struct publisher *p, const char *reason, struct mono now)
{
	set_state(p, PUBLISH_BLOCKED, reason, now);
}

void
publisher_forget(struct publisher *p)
{
	if (p->busy)
		p->dropped++;
	p->busy = false;
	/* Not set_state: nothing works again, there is only nothing left to do. */
	p->state = PUBLISH_OK;
	p->reason[0] = '\0';
}

void
publisher_report(const struct publisher *p, struct target_report *report)
{
	report->published = p->published;
	report->dropped = p->dropped;
	report->receivers = p->receivers;
	report->publish_state = p->state;
	report->publish_reason = p->state == PUBLISH_OK ? NULL : p->reason;
}
