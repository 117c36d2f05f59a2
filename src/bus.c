/*
 * bus: see bus.h. A detached sink is only marked while a message goes round,
 * and swept when the outermost round is over.
 */
#include "bus.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "xalloc.h"

struct bus_sink {
	TAILQ_ENTRY(bus_sink) entry;
	const struct bus_handlers *handlers; /* NULL: detached, to be swept */
	void *sink;
};

struct bus {
	TAILQ_HEAD(sinks, bus_sink) sinks;
	unsigned rounds; /* messages that are being handed round now */
	bool sweep;
};

struct bus *
bus_new(void)
{
	struct bus *b = xcalloc(1, sizeof(*b));

	TAILQ_INIT(&b->sinks);
	return b;
}

void
bus_free(struct bus *b)
{
	assert(b == NULL || TAILQ_EMPTY(&b->sinks));
	free(b);
}

struct bus_sink *
bus_attach(struct bus *b, const struct bus_handlers *handlers, void *sink)
{
	struct bus_sink *s = xcalloc(1, sizeof(*s));

	s->handlers = handlers;
	s->sink = sink;
	TAILQ_INSERT_TAIL(&b->sinks, s, entry);
	return s;
}

void
bus_detach(struct bus *b, struct bus_sink *s)
{
	if (s == NULL)
		return;
	if (b->rounds > 0) {
		s->handlers = NULL;
		b->sweep = true;
		return;
	}
	TAILQ_REMOVE(&b->sinks, s, entry);
	free(s);
}

static void
sweep(struct bus *b)
{
	struct bus_sink *s = TAILQ_FIRST(&b->sinks), *next;

	for (; s != NULL; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (s->handlers == NULL)
			bus_detach(b, s);
	}
	b->sweep = false;
}

bool
bus_wants(const struct bus *b, const char *channel)
{
	struct bus_sink *s;

	TAILQ_FOREACH (s, &b->sinks, entry) {
		if (s->handlers != NULL && s->handlers->wants != NULL &&
		    s->handlers->wants(s->sink, channel))
			return true;
	}
	return false;
}

static void
end_round(struct bus *b)
{
	if (--b->rounds == 0 && b->sweep)
		sweep(b);
}

/* The kind is a member of struct bus_handlers. */
#define HAND_ROUND(b, kind, message)                                          \
	do {                                                                  \
		struct bus_sink *s;                                           \
                                                                              \
		(b)->rounds++;                                                \
		TAILQ_FOREACH (s, &(b)->sinks, entry) {                       \
			if (s->handlers != NULL && s->handlers->kind != NULL) \
				s->handlers->kind(s->sink, message);          \
		}                                                             \
		end_round(b);                                                 \
	} while (0)

void
bus_sample(struct bus *b, const struct sample *sample)
{
	HAND_ROUND(b, sample, sample);
}

void
bus_notice(struct bus *b, const struct bus_notice *notice)
{
	HAND_ROUND(b, notice, notice);
}

void
bus_answer(struct bus *b, const struct sample *answer)
{
	HAND_ROUND(b, answer, answer);
}
