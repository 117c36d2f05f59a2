/*
 * clock: rounding towards timers, lengths and points of time for people.
 */
#include "clock.h"

#include <string.h>
#include <time.h>

#include "seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
test_until_rows(void **state)
{
	static const struct {
		int64_t due, now;
		long s, us;
	} rows[] = {
		{ 0, 0, 0, 0 },
		{ 1, 0, 0, 1 },
		{ 999, 0, 0, 1 },
		{ 1000, 0, 0, 1 },
		{ 1001, 0, 0, 2 },
		{ NS_PER_S - 1000, 0, 0, 999999 },
		/* Rounding up carries into the seconds. */
		{ NS_PER_S - 999, 0, 1, 0 },
		{ NS_PER_S, 0, 1, 0 },
		{ NS_PER_S + 1, 0, 1, 1 },
		{ 5 * NS_PER_S + 7000, 7000, 5, 0 },
		{ 86400 * NS_PER_S, 1, 86400, 0 },
		/* Past: at once, and never a negative part. */
		{ 0, 1, 0, 0 },
		{ 0, 999, 0, 0 },
		{ 0, 1000, 0, 0 },
		{ 0, 1001, 0, 0 },
		{ 7, 100 * NS_PER_S, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct timeval tv = clock_until((struct mono){ rows[i].due },
						(struct mono){ rows[i].now });

		if (tv.tv_sec != rows[i].s || tv.tv_usec != rows[i].us)
			fail_msg("row %zu: %ld.%06ld", i, (long)tv.tv_sec,
				 (long)tv.tv_usec);
	}
}

static void
test_until_is_never_early(void **state)
{
	(void)state;
	seed_begin();
	for (int i = 0; i < 100000; i++) {
		struct mono now = { (int64_t)(seed_next() >> 4) };
		int64_t ahead = (int64_t)(seed_next() >> (4 + seed_below(59)));
		struct timeval tv = clock_until(clock_add_ns(now, ahead), now);
		int64_t ns = tv.tv_sec * NS_PER_S + tv.tv_usec * 1000;

		if (ns < ahead || ns >= ahead + 1000 || tv.tv_usec > 999999)
			fail_msg("%lld ns become %lld", (long long)ahead,
				 (long long)ns);
	}
}

static void
test_arithmetic(void **state)
{
	struct mono a = { 3 * NS_PER_S }, b = { NS_PER_S / 2 };

	(void)state;
	assert_int_equal(clock_diff_ns(a, b), 2500000000);
	assert_int_equal(clock_diff_ns(b, a), -2500000000);
	assert_true(clock_diff_s(a, b) == 2.5);
	assert_true(clock_diff_s(b, a) == -2.5);
	assert_int_equal(clock_add_ns(a, -NS_PER_S).ns, 2 * NS_PER_S);
}

static void
test_span(void **state)
{
	static const struct {
		double seconds;
		const char *text;
	} rows[] = {
		{ -1e9, "0.0 s" },
		{ -0.01, "0.0 s" },
		{ 0, "0.0 s" },
		{ 0.04, "0.0 s" },
		{ 0.06, "0.1 s" },
		{ 1.24, "1.2 s" },
		{ 9.94, "9.9 s" },
		/* Not "10.0 s". */
		{ 9.96, "10 s" },
		{ 12.3, "12 s" },
		{ 59.9, "60 s" },
		{ 119.4, "119 s" },
		{ 120, "2m 0s" },
		{ 250, "4m 10s" },
		{ 3599.9, "59m 59s" },
		{ 3600, "1h 0m" },
		{ 7380.1, "2h 3m" },
		{ 86399.9, "23h 59m" },
		{ 86400, "1d 0h" },
		{ 12 * 86400 + 4 * 3600 + 3599, "12d 4h" },
		{ 1e15, "11574074074d 1h" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buf[CLOCK_SPAN_BYTES];

		assert_ptr_equal(clock_span(buf, rows[i].seconds), buf);
		if (strcmp(buf, rows[i].text) != 0)
			fail_msg("%f is '%s', not '%s'", rows[i].seconds, buf,
				 rows[i].text);
	}
}

static void
test_stamp(void **state)
{
	char buf[CLOCK_STAMP_BYTES];
	struct tm tm = { 0 };
	time_t before = time(NULL);
	const char *rest;
	int ms, end = 0;

	(void)state;
	/* UTC, whatever the machine's zone. */
	setenv("TZ", "Asia/Kathmandu", 1);
	tzset();
	assert_ptr_equal(clock_stamp(buf, clock_wall()), buf);
	rest = strptime(buf, "%Y-%m-%dT%H:%M:%S", &tm);
	assert_non_null(rest);
	assert_int_equal(sscanf(rest, ".%3dZ%n", &ms, &end), 1);
	assert_int_equal(end, 5);
	assert_string_equal(rest + end, "");
	assert_in_range(ms, 0, 999);
	/* time() may lag behind clock_gettime() by a tick of the kernel's. */
	assert_in_range(timegm(&tm), before, time(NULL) + 1);
}

static void
test_now(void **state)
{
	struct timespec ts;
	struct mono a = clock_now(), b;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	b = clock_now();
	assert_true(a.ns <= ts.tv_sec * NS_PER_S + ts.tv_nsec);
	assert_true(b.ns >= ts.tv_sec * NS_PER_S + ts.tv_nsec);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_until_rows),
		cmocka_unit_test(test_until_is_never_early),
		cmocka_unit_test(test_arithmetic),
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
