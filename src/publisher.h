/*
 * publisher: PUBLISH on a link, one at a time, and what became of it.
 *
 * A PUBLISH may hang for as long as the server pauses writes. Until it has
 * answered no other is sent: what comes meanwhile is dropped and counted.
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

/* A PUBLISH was answered, or its link was lost. */
typedef void publisher_done_fn(void *owner, struct mono now);

/* name is borrowed for the publisher's life. */
struct publisher *publisher_new(const char *name, const char *channel,
				publisher_done_fn *done, void *owner);

/* NULL is fine. No PUBLISH may be outstanding on a link that lives on. */
void publisher_free(struct publisher *p);

/* For what is published from now on. */
void publisher_set_channel(struct publisher *p, const char *channel);

void publisher_send(struct publisher *p, struct link *link, const char *text,
		    size_t len, struct mono now);

/* Whether a PUBLISH is unanswered. */
bool publisher_is_busy(const struct publisher *p);

/* The link says that the PUBLISH at its head is past its deadline, and why. */
void publisher_overdue(struct publisher *p, const char *reason, struct mono now);

/* The link was closed on purpose: what was outstanding counts as dropped. */
void publisher_forget(struct publisher *p);

/* Sets published, dropped, receivers, publish_state and publish_reason. */
void publisher_report(const struct publisher *p, struct target_report *report);

#endif
