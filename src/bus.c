/*
 * bus: see bus.h. A detached sink is only marked while a sample goes round,
 * and swept when the outermost round is over.
 */
#include "bus.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "xalloc.h"

struct bus_sink {
	TAILQ_ENTRY(bus_sink) entry;
	bus_sample_fn *fn; /* NULL: detached, to be swept */
	void *sink;
};

struct bus {
	TAILQ_HEAD(sinks, bus_sink) sinks;
	unsigned rounds; /* samples that are being handed round now */
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
bus_attach(struct bus *b, bus_sample_fn *fn, void *sink)
{
	struct bus_sink *s = xcalloc(1, sizeof(*s));

	s->fn = fn;
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
		s->fn = NULL;
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
		if (s->fn == NULL)
			bus_detach(b, s);
	}
	b->sweep = false;
}

void
bus_sample(struct bus *b, const struct sample *sample)
{
	struct bus_sink *s;

	b->rounds++;
	TAILQ_FOREACH (s, &b->sinks, entry) {
		if (s->fn != NULL)
			s->fn(s->sink, sample);
	}
	if (--b->rounds == 0 && b->sweep)
		sweep(b);
}
