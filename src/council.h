/*
 * council: several servers that are asked the same questions, time and again, over
 * a link each: sentinels, or nodes of a cluster. What their answers mean is the
 * owner's affair.
 *
 * There are `seats` seats. Where there are more candidates than seats, one whose
 * link goes down gives its seat to the next candidate that has none.
 */
#ifndef COUNCIL_H
#define COUNCIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "reply.h"

struct council;
struct endpoint;
struct event_base;
struct resolver;

#define COUNCIL_SEATS_MAX 32

struct council_handlers {
	/*
	 * An answer to question `question`, in their order; where: whom it was asked.
	 * Borrowed for the call, in which nothing of the council's may be called.
	 */
	void (*answer)(void *owner, unsigned seat, unsigned question,
		       const struct endpoint *where, const struct reply *reply);
	/* What that seat has said counts no longer: it is down, silent or another. */
	void (*gone)(void *owner, unsigned seat, const struct endpoint *where,
		     const char *reason);
	/*
	 * A round is over: each seat has answered, or is gone, or the next round is
	 * due and it is late. The first comes when each has answered or failed once,
	 * and after three seconds at the latest. The owner may do anything here but
	 * free the council.
	 */
	void (*round)(void *owner, struct mono now);
};

/*
 * Asks at once and then every period_ns. name is for the log; questions: commands
 * in words, each a NULL-terminated list. All is borrowed for the council's life
 * but candidates, which are copied.
 */
struct council *council_new(struct event_base *base, struct resolver *resolver,
			    const char *name, unsigned seats, int64_t period_ns,
			    const char *const *const *questions,
			    unsigned question_count, const struct endpoint *candidates,
			    size_t candidate_count,
			    const struct council_handlers *handlers, void *owner,
			    struct mono now);

/* NULL is fine. Not from inside of `answer` and `gone`. */
void council_free(struct council *c);

/* Other candidates from now on; a seat whose own is still among them keeps it. */
void council_set_candidates(struct council *c, const struct endpoint *candidates,
			    size_t count);

/* How many seats there are to be heard, and how many of them are. */
unsigned council_seats(const struct council *c);
unsigned council_heard(const struct council *c);

#endif
