/*
 * size: every unit, both sides of the limit, and the way back.
 */
#include "size.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define UNTOUCHED INT64_C(-4711)

static void
test_reads(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} rows[] = {
		{ "0", 0 },
		{ "1024", 1024 },
		{ "007", 7 },
		{ "5B", 5 },
		{ "1KiB", 1024 },
		{ "32MiB", 33554432 },
		{ "1GiB", 1073741824 },
		{ "1TiB", INT64_C(1099511627776) },
		{ "1kB", 1000 },
		{ "500MB", 500000000 },
		{ "2GB", 2000000000 },
		{ "3TB", INT64_C(3000000000000) },
		/* redis.conf's own meanings. */
		{ "1k", 1000 },
		{ "1kb", 1024 },
		{ "1m", 1000000 },
		{ "1mb", 1048576 },
		{ "1g", 1000000000 },
		{ "2gb", INT64_C(2147483648) },
		/* The limit, in every kind of unit. */
		{ "9007199254740992", SIZE_LIMIT },
		{ "000000000000000000009007199254740992", SIZE_LIMIT },
		{ "8192TiB", SIZE_LIMIT },
		{ "8388608GiB", SIZE_LIMIT },
		{ "8388608gb", SIZE_LIMIT },
		{ "9007TB", INT64_C(9007000000000000) },
		{ "9007199254740k", INT64_C(9007199254740000) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t bytes = UNTOUCHED;

		if (!size_parse(rows[i].text, &bytes) || bytes != rows[i].bytes)
			fail_msg("'%s': %" PRId64, rows[i].text, bytes);
	}
}

static void
test_refuses(void **state)
{
	static const char *const rows[] = {
		"",
		"B",
		"MiB",
		"9007199254740993",
		"8193TiB",
		"8388609GiB",
		"9008TB",
		"9007199254741k",
		/* Past 64 bits, in digits and in bytes. */
		"9223372036854775808",
		"18446744073709551617",
		"16777216TiB",
		"16777217TiB",
		"99999999999999999999999999999999",
		"-1",
		"+1",
		"1.5GiB",
		"1e3",
		"0x10",
		" 1",
		"1 ",
		"1 GiB",
		"1GiB ",
		/* redis.conf takes these as it takes gb: which is meant? */
		"1Gb",
		"1gB",
		"1KB",
		"1K",
		"1M",
		"1G",
		"1mB",
		"1gib",
		"1GIB",
		"1t",
		"1tb",
		"1b",
		"1PiB",
		"1GiBs",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t bytes = UNTOUCHED;

		if (size_parse(rows[i], &bytes) || bytes != UNTOUCHED)
			fail_msg("'%s' is read as %" PRId64, rows[i], bytes);
	}
}

static void
test_writes(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ 999, "999" },
		{ 1000, "1kB" },
		{ 1023, "1023" },
		{ 1024, "1KiB" },
		{ 1025, "1025" },
		{ 33554432, "32MiB" },
		{ 500000000, "500MB" },
		{ 1073741824, "1GiB" },
		{ 1500000000, "1500MB" },
		{ INT64_C(1099511627776), "1TiB" },
		{ INT64_C(1000000000000), "1TB" },
		{ SIZE_LIMIT, "8192TiB" },
		{ SIZE_LIMIT - 1, "9007199254740991" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buf[32];

		assert_ptr_equal(size_text(buf, rows[i].bytes), buf);
		assert_string_equal(buf, rows[i].text);
	}
}

static void
test_round_trip(void **state)
{
	(void)state;
	seed_begin();
	for (int i = 0; i < 100000; i++) {
		int64_t bytes = (int64_t)(seed_next() >> (1 + seed_below(62)));
		int64_t grain = seed_below(2) ? 1000 : 1024, back = UNTOUCHED;
		char buf[32];

		bytes %= SIZE_LIMIT + 1;
		for (size_t powers = seed_below(4); powers > 0; powers--)
			bytes = bytes / grain * grain;
		if (!size_parse(size_text(buf, bytes), &back) || back != bytes)
			fail_msg("%" PRId64 " is written '%s', read %" PRId64, bytes,
				 buf, back);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
