/*
 * publisher: PUBLISH, or SPUBLISH, on a link, of the feed and of notices, and what
 * became of it.
 *
 * A PUBLISH may hang for as long as the server pauses writes. Until that of the
 * feed has answered no other of the feed is sent: what comes meanwhile is dropped
 * and counted. Notices are pipelined with it; one that cannot be published now is
 * kept, up to a bound, and sent when that works again. One whose answer was lost
 * with the connection is sent again, too: its id tells that it is the same.
 */
#ifndef PUBLISHER_H
#define PUBLISHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "report.h"

struct link;
struct publisher;

#define PUBLISHER_KEPT_MAX 64

/* All PUBLISHes are answered, or their link was lost. */
typedef void publisher_done_fn(void *owner, struct mono now);

/* name is borrowed for the publisher's life; give it channels before anything else. */
struct publisher *publisher_new(const char *name, publisher_done_fn *fn, void *owner);

/* NULL is fine. No PUBLISH may be outstanding on a link that lives on. */
void publisher_free(struct publisher *p);

/*
 * For what is published from now on. notices NULL: they are not published. With a
 * tag it is SPUBLISH on each channel with {tag} after its name, else PUBLISH.
 */
void publisher_set_channels(struct publisher *p, const char *channel,
			    const char *notices, const char *tag);

/* That of the feed, as it is published: with its tag. */
const char *publisher_channel(const struct publisher *p);

void publisher_send(struct publisher *p, struct link *link, const char *text,
		    size_t len, struct mono now);

/*
 * A notice; json is copied. link NULL: it waits for publisher_resume. One that is
 * fleeting is published now or never, and not counted. Without a channel for notices
 * nothing happens.
 */
void publisher_notice(struct publisher *p, struct link *link, const char *json,
		      bool fleeting, struct mono now);

/* What was kept may go now. */
void publisher_resume(struct publisher *p, struct link *link, struct mono now);

/* Whether a PUBLISH is unanswered. */
bool publisher_is_busy(const struct publisher *p);

/* The link says that the PUBLISH at its head is past its deadline, and why. */
void publisher_overdue(struct publisher *p, const char *reason, struct mono now);

/*
 * The link was closed on purpose: what was outstanding of the feed counts as
 * dropped. Notices that stood before a server which answers count as published.
 */
void publisher_forget(struct publisher *p);

/* How PUBLISH of the feed goes; *reason is "" when it is well. */
enum publish_state publisher_state(const struct publisher *p, const char **reason);

/* Sets channel, published, dropped, receivers, publish_..., notices, notices_... */
void publisher_report(const struct publisher *p, struct target_report *report);

#endif
