/*
 * clock: the two kinds of time, as two types that the compiler refuses to mix.
 *
 * Intervals, deadlines and ages are monotonic; wall time is for people.
 * The clock is read once a turn of the loop and passed on as an argument, so
 * that pure code needs no clock and tests need no waiting.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* A point of the monotonic clock. It stands still while the machine sleeps. */
struct mono {
	int64_t ns;
};

struct mono clock_now(void);

/* A point of the wall clock, since 1970. For people, and for servers' times. */
struct wall {
	int64_t ns;
};

struct wall clock_wall(void);

static inline double
clock_wall_s(struct wall t)
{
	return (double)t.ns / (double)NS_PER_S;
}

/* One reading of both clocks. */
struct instant {
	struct mono mono;
	struct wall wall;
};

struct instant clock_instant(void);

/* How long the machine has slept since it began: what struct mono leaves out. */
int64_t clock_asleep_ns(void);

/* The time from b to a in nanoseconds; negative when a is before b. */
static inline int64_t
clock_diff_ns(struct mono a, struct mono b)
{
	return a.ns - b.ns;
}

static inline struct mono
clock_add_ns(struct mono t, int64_t ns)
{
	return (struct mono){ t.ns + ns };
}

static inline double
clock_diff_s(struct mono a, struct mono b)
{
	return (double)(a.ns - b.ns) / (double)NS_PER_S;
}

/*
 * What libevent wants to know of a point in time: how far it is from now,
 * rounded up to the microsecond so that the timer never fires before it;
 * zero when it has passed.
 */
struct timeval clock_until(struct mono due, struct mono now);

#define CLOCK_SPAN_BYTES 48
#define CLOCK_STAMP_BYTES 32

/*
 * "12.3 s", "4m 10s", "2h 3m", "12d 4h": a length of time for people, in buf,
 * which is returned. Negative lengths read as 0.
 */
const char *clock_span(char buf[static CLOCK_SPAN_BYTES], double seconds);

/* A wall time as "2026-11-22T14:07:00.123Z", in buf, which is returned. */
const char *clock_stamp(char buf[static CLOCK_STAMP_BYTES], struct wall t);

#endif
