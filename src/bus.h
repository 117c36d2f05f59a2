/*
 * bus: hands every message to every sink: samples, notices, all answers.
 *
 * A sink may detach itself or any other while a message is being handed round.
 */
#ifndef BUS_H
#define BUS_H

#include <stdbool.h>
#include <stddef.h>

struct bus;
struct bus_sink;
struct notice;

/* One message of the feed, or one answer for who records. Borrowed for the call. */
struct sample {
	const char *target;  /* its name */
	const char *channel; /* that it is published on */
	const char *text;    /* the feed's: what is published, byte for byte */
	size_t len;
};

/* Borrowed for the call. */
struct bus_notice {
	const struct notice *notice;
	const char *channel;
	const char *json; /* NULL: no sink wants that channel */
	size_t len;
};

/* What is NULL is not told, or not wanted. */
struct bus_handlers {
	void (*sample)(void *sink, const struct sample *sample);
	void (*notice)(void *sink, const struct bus_notice *notice);
	/* Every answer of a server, on a channel of its own. */
	void (*answer)(void *sink, const struct sample *answer);
	/* Whether anybody would see what is told on that channel. */
	bool (*wants)(void *sink, const char *channel);
};

struct bus *bus_new(void);

/* NULL is fine; all sinks must have been detached. */
void bus_free(struct bus *bus);

/*
 * The sink's place on the bus belongs to the caller, until bus_detach; handlers
 * are borrowed until then.
 */
struct bus_sink *bus_attach(struct bus *bus, const struct bus_handlers *handlers,
			    void *sink);

/* NULL is fine. */
void bus_detach(struct bus *bus, struct bus_sink *sink);

/* Whether it is worth making a message for that channel. */
bool bus_wants(const struct bus *bus, const char *channel);

void bus_sample(struct bus *bus, const struct sample *sample);
void bus_notice(struct bus *bus, const struct bus_notice *notice);
void bus_answer(struct bus *bus, const struct sample *answer);

#endif
