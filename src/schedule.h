/*
 * schedule: when a target is to be sampled, and which samples are published. Pure.
 *
 * Ticks lie on a grid of fixed rate on the monotonic clock. Each tick opens a
 * slot, and a slot is served by one sample at the most: by the tick's own, or
 * late by one that is asked for in time. A slot that ends unserved is counted as
 * missed. That is why there are no bursts and no double timers.
 *
 * Samples divide the slot evenly. The first one is the tick's; the others are
 * not published, but for one that comes while the tick is still owed.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

struct schedule {
	int64_t interval_ns;
	int64_t sample_ns; /* that long from one to the next, made to divide the slot */
	unsigned steps;	   /* samples in a slot */
	struct mono slot;  /* when the current one began */
	struct mono first; /* when the first one of this run begins */
	unsigned step;	   /* the sample of the slot whose time came last */
	bool owed;	   /* the slot has not been served */
	bool wanted;	   /* that sample has not been taken */
	bool polled;	   /* a sample is wanted beside the grid, to be published */
	bool extra;	   /* the same, not to be published */
	bool late;	   /* the one in flight was asked for too late for its slot */
	bool refused;	   /* answered by an error: to be asked at the next sample */
	uint64_t missed;
};

enum schedule_turn {
	SCHEDULE_SAME,
	SCHEDULE_SAMPLE, /* the time of a sample has come */
	SCHEDULE_TICK,	 /* that of a tick, and of its sample */
};

/* Before the first start: only the interval and the samples are set. */
void schedule_init(struct schedule *s, int64_t interval_ns, int64_t sample_ns);

void schedule_start(struct schedule *s, struct mono first);

/* Goes on to what `now` lies in. */
enum schedule_turn schedule_turn(struct schedule *s, struct mono now);

/* When the next sample is due: later than the last turn. */
struct mono schedule_due(const struct schedule *s);

/* Whether to ask now, if that is possible. */
bool schedule_wants(const struct schedule *s, struct mono now);

/* That is done. */
void schedule_asked(struct schedule *s, struct mono now);

/* The answer has come: whether it is to be published. */
bool schedule_answered(struct schedule *s);

/* An error has come instead. */
void schedule_refused(struct schedule *s);

/* The server may do better now, for a slot that is owed: it was connected to anew. */
void schedule_retry(struct schedule *s);

/*
 * The next tick comes that long after the last one, or now if that is past; to be
 * followed by a turn. sample_ns is as asked for.
 */
void schedule_set(struct schedule *s, int64_t interval_ns, int64_t sample_ns,
		  struct mono now);

#endif
