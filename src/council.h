/*
 * council: several servers that are asked the same questions, time and again, over
 * a link each: sentinels, or nodes of a cluster. What their answers mean is the
 * owner's affair.
 *
 * There are `seats` seats. Where there are more candidates than seats, one who is
 * gone, or of no use, gives the seat to the next candidate that has none; once a
 * second at the most, so that many who are down are not knocked at all at once.
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
	 * False when it is of no use: then that seat is not heard, but asked again.
	 * Borrowed for the call, in which nothing of the council's may be called.
	 */
	bool (*answer)(void *owner, unsigned seat, unsigned question,
		       const struct endpoint *where, const struct reply *reply);
	/*
	 * What that seat has said counts no longer: it is down, silent or another.
	 * Told at each attempt that fails. Else as `answer`.
	 */
	void (*gone)(void *owner, unsigned seat, const struct endpoint *where,
		     const char *reason);
	/*
	 * A round is over: who was asked has answered or is gone, or the next round
	 * is due and somebody is late. Also when there is news between two rounds.
	 *
	 * The first, and the first after nobody could be heard, comes when each
	 * candidate in reach of a seat has answered or failed, and after three
	 * seconds at the latest: who answers first is not believed for that alone.
	 * The owner may do anything here but free the council.
	 */
	void (*round)(void *owner, struct mono now);
};

/*
 * Asks at once and then every period_ns. name is for the log, where each seat is
 * called by it and its address: "cache, sentinel"; questions: commands in words,
 * each a NULL-terminated list. Of what is given handlers and owner are borrowed for
 * the council's life, the rest for the call.
 */
struct council *council_new(struct event_base *base, struct resolver *resolver,
			    const char *name, unsigned seats, int64_t period_ns,
			    const char *const *const *questions,
			    unsigned question_count, const struct endpoint *candidates,
			    size_t candidate_count,
			    const struct council_handlers *handlers, void *owner,
			    struct mono now);

/* NULL is fine. Not from inside of a handler. */
void council_free(struct council *c);

/*
 * These are the candidates from now on; a seat whose own is still among them keeps
 * it, the others change on a fresh stack. Of two with one address the second is left
 * out. The same as before change nothing.
 */
void council_set_candidates(struct council *c, const struct endpoint *candidates,
			    size_t count, struct mono now);

/* How many seats there are to be heard, and how many of them are. */
unsigned council_seats(const struct council *c);
unsigned council_heard(const struct council *c);

#endif
