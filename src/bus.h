/*
 * bus: hands every sample to every sink.
 *
 * A sink may detach itself or any other while a sample is being handed round.
 */
#ifndef BUS_H
#define BUS_H

#include <stddef.h>

struct bus;
struct bus_sink;

/* One INFO answer that is published. Borrowed for the call. */
struct sample {
	const char *target;  /* its name */
	const char *channel; /* that it is published on */
	const char *text;    /* byte for byte what the server answered */
	size_t len;
};

typedef void bus_sample_fn(void *sink, const struct sample *sample);

struct bus *bus_new(void);

/* NULL is fine; all sinks must have been detached. */
void bus_free(struct bus *bus);

/* The sink's place on the bus belongs to the caller, until bus_detach. */
struct bus_sink *bus_attach(struct bus *bus, bus_sample_fn *fn, void *sink);

/* NULL is fine. */
void bus_detach(struct bus *bus, struct bus_sink *sink);

void bus_sample(struct bus *bus, const struct sample *sample);

#endif
