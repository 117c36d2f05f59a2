/*
 * inquiry: what is asked of one server and published on it: in what order, on
 * which link. Only target uses it, and says when.
 *
 * There are two links. Questions and PUBLISH go over `feed`. While a PUBLISH is
 * past its deadline (the server pauses writes) everything behind it on that
 * connection hangs too: then questions go over `probe`, until it has answered.
 * No question is ever sent behind an unanswered PUBLISH, so that an INFO without
 * an answer says something about the server; and one question at a time, so that
 * a tick never waits for more than one answer. Nor are notices sent behind an
 * unanswered question: they wait for its answer.
 */
#ifndef INQUIRY_H
#define INQUIRY_H

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"
#include "fault.h"
#include "reply.h"
#include "report.h"
#include "snapshot.h"

struct endpoint;
struct event_base;
struct inquiry;
struct resolver;

/* None but `turned` may ask; any may publish, and close the inquiry, not free it. */
struct inquiry_handlers {
	/* INFO persistence was answered, by its text or by an error. */
	void (*narrow)(void *owner, const struct reply *reply);
	/*
	 * A wide sample is complete: the texts of the sections that were granted,
	 * one after another. sent: the first of its requests.
	 */
	void (*wide)(void *owner, const char *text, size_t len, struct mono sent,
		     struct mono now);
	/* text: "save:3600 1 300 100". */
	void (*config)(void *owner, const char *text, size_t len, struct mono now);
	/* It, or some of it, cannot be had on this connection; told once. */
	void (*refused)(void *owner, enum snapshot_part part, const char *why,
			struct mono now);
	/* The server is away, or answers no question. */
	void (*trouble)(void *owner, enum fault fault, const char *reason,
			struct mono now);
	/* feed was connected and greeted. */
	void (*connected)(void *owner, struct mono now);
	/* Something has ended: it may be possible to ask now. */
	void (*turned)(void *owner, struct mono now);
};

/* name, endpoint and handlers are borrowed for the inquiry's life; give it channels. */
struct inquiry *inquiry_new(struct event_base *base, struct resolver *resolver,
			    const char *name, const struct endpoint *endpoint,
			    const struct inquiry_handlers *handlers, void *owner);

/* NULL is fine. */
void inquiry_free(struct inquiry *q);

/* Connects now, and again after every loss, until inquiry_close. */
void inquiry_open(struct inquiry *q, struct mono now);

/* Ends all that; an answer on its way is discarded. */
void inquiry_close(struct inquiry *q);

/* See publisher_set_channels and publisher_channel. */
void inquiry_set_channels(struct inquiry *q, const char *channel, const char *notices,
			  const char *tag);
const char *inquiry_channel(const struct inquiry *q);

/* Whether a question could be asked now. */
bool inquiry_can_ask(const struct inquiry *q);

/* A question is unanswered. */
bool inquiry_is_asking(const struct inquiry *q);

/* Whether the link that questions go over is connected. */
bool inquiry_is_ready(const struct inquiry *q);

/*
 * Asks, if that is possible now: false when it is not. A wide sample may take
 * several questions; inquiry_go_on asks the next one of what was begun, and is
 * to be called when nothing more urgent is to be asked; false: there is none.
 */
bool inquiry_ask(struct inquiry *q, enum snapshot_part part, struct mono now);
bool inquiry_go_on(struct inquiry *q, struct mono now);

/* See publisher_send and publisher_notice. */
void inquiry_publish(struct inquiry *q, const char *text, size_t len, struct mono now);
void inquiry_notice(struct inquiry *q, const char *json, bool fleeting,
		    struct mono now);
enum publish_state inquiry_publish_state(const struct inquiry *q, const char **reason);

/* "" until the server has said so. */
const char *inquiry_server(const struct inquiry *q);
const char *inquiry_server_version(const struct inquiry *q);

/* Sets server, server_version, connects and what publisher_report does. */
void inquiry_report(const struct inquiry *q, struct target_report *report);

#endif
