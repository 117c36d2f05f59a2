/*
 * clock: see clock.h. The only file that asks the kernel what time it is.
 */
#include "clock.h"

#include <stdio.h>
#include <time.h>

struct mono
clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct mono){ ts.tv_sec * NS_PER_S + ts.tv_nsec };
}

struct wall
clock_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (struct wall){ ts.tv_sec * NS_PER_S + ts.tv_nsec };
}

int64_t
clock_asleep_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec - clock_now().ns;
}

struct instant
clock_instant(void)
{
	return (struct instant){ clock_now(), clock_wall() };
}

struct timeval
clock_until(struct mono due, struct mono now)
{
	int64_t us = (clock_diff_ns(due, now) + 999) / 1000;

	if (us < 0)
		us = 0;
	return (struct timeval){ us / 1000000, us % 1000000 };
}

const char *
clock_span(char buf[static CLOCK_SPAN_BYTES], double seconds)
{
	long s = (long)seconds;

	if (seconds < 9.95)
		snprintf(buf, CLOCK_SPAN_BYTES, "%.1f s", seconds < 0 ? 0 : seconds);
	else if (seconds < 120)
		snprintf(buf, CLOCK_SPAN_BYTES, "%.0f s", seconds);
	else if (s < 3600)
		snprintf(buf, CLOCK_SPAN_BYTES, "%ldm %lds", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, CLOCK_SPAN_BYTES, "%ldh %ldm", s / 3600, s % 3600 / 60);
	else
		snprintf(buf, CLOCK_SPAN_BYTES, "%ldd %ldh", s / 86400,
			 s % 86400 / 3600);
	return buf;
}

const char *
clock_stamp(char buf[static CLOCK_STAMP_BYTES], struct wall t)
{
	time_t seconds = (time_t)(t.ns / NS_PER_S);
	struct tm tm;
	size_t len;

	gmtime_r(&seconds, &tm);
	len = strftime(buf, CLOCK_STAMP_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + len, CLOCK_STAMP_BYTES - len, ".%03ldZ",
		 (long)(t.ns / NS_PER_MS % 1000));
	return buf;
}
