/*
 * duration: every form that is read or refused, and the way back.
 */
#include "duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MAX_S INT64_C(864000000)
#define MAX_NS (MAX_S * NS_PER_S)
#define UNTOUCHED INT64_C(-4711)

static void
test_reads(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} rows[] = {
		{ "0", 0 },
		{ "5", 5 * NS_PER_S },
		{ "5s", 5 * NS_PER_S },
		{ "007", 7 * NS_PER_S },
		{ "500ms", NS_PER_S / 2 },
		{ "2m", 120 * NS_PER_S },
		{ "1h", 3600 * NS_PER_S },
		{ "1d", 86400 * NS_PER_S },
		/* Points. */
		{ "0.5", NS_PER_S / 2 },
		{ ".5", NS_PER_S / 2 },
		{ "5.", 5 * NS_PER_S },
		{ "5.s", 5 * NS_PER_S },
		{ "0.1", NS_PER_S / 10 },
		{ "0.3", 3 * NS_PER_S / 10 },
		{ "1.5ms", 1500000 },
		{ "1.5m", 90 * NS_PER_S },
		{ "0.25h", 900 * NS_PER_S },
		{ "0.5d", 43200 * NS_PER_S },
		{ "12.345678901", INT64_C(12345678901) },
		{ "0.000000001", 1 },
		{ "0.000001ms", 1 },
		/* Digits below a nanosecond are cut, not rounded. */
		{ "0.0000000019", 1 },
		{ "0.0000000009", 0 },
		{ "0.0000009ms", 0 },
		{ "1.99999999999999999999999999999999999999999999", 1999999999 },
		{ "0.10000000000000000000000000000000000000000000", NS_PER_S / 10 },
		{ "00000000000000000000000000000000000000000005", 5 * NS_PER_S },
		/* The limit, in every unit. */
		{ "864000000", MAX_NS },
		{ "864000000.", MAX_NS },
		{ "864000000.0000000009", MAX_NS },
		{ "863999999.999999999", MAX_NS - 1 },
		{ "864000000000ms", MAX_NS },
		{ "14400000m", MAX_NS },
		{ "240000h", MAX_NS },
		{ "10000d", MAX_NS },
		{ "10000.000d", MAX_NS },
		{ "9999.5d", MAX_NS - 43200 * NS_PER_S },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ns = UNTOUCHED;

		if (!duration_parse(rows[i].text, &ns) || ns != rows[i].ns)
			fail_msg("'%s': %" PRId64 ", not %" PRId64, rows[i].text, ns,
				 rows[i].ns);
	}
}

static void
test_refuses(void **state)
{
	static const char *const rows[] = {
		/* Too long, in every unit and by every way past the limit. */
		"864000001",
		"864000000.000000001",
		"864000000.1s",
		"864000000001ms",
		"864000000000.1ms",
		"14400001m",
		"240001h",
		"10001d",
		"10000.1d",
		"10000.00001d",
		"100000d",
		/* Past 32 and 64 bits, signed and unsigned, in digits or in ns. */
		"2147483648h",
		"4294967297d",
		"9223372036854775807",
		"9223372036854775808ms",
		"18446744073709551616",
		"18446744073709551617ms",
		"18446744073",
		"18446744074",
		"99999999999999999999999999999999999999999999999",
		/* No digits, too many points. */
		"",
		".",
		"..",
		"s",
		"ms",
		".s",
		"1..2",
		"0.0.1",
		"1.2.",
		".5.",
		/* Signs, exponents, blanks, other bases and tongues. */
		"+1",
		"-1",
		"1e3",
		"1e",
		"0x10",
		"1,5",
		" 1",
		"1 ",
		"1 s",
		"1\n",
		"inf",
		"nan",
		"\xd9\xa1",
		/* Units that are none. */
		"1S",
		"1MS",
		"1D",
		"1sec",
		"1ss",
		"1sm",
		"1us",
		"1ns",
		"1w",
		"1y",
		"1m30s",
		"s1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ns = UNTOUCHED;

		if (duration_parse(rows[i], &ns))
			fail_msg("'%s' is read as %" PRId64, rows[i], ns);
		if (ns != UNTOUCHED)
			fail_msg("'%s' is refused, but sets %" PRId64, rows[i], ns);
	}
}

static void
test_writes(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 1, "0.000000001" },
		{ 10, "0.00000001" },
		{ NS_PER_S / 10, "0.1" },
		{ NS_PER_S / 4, "0.25" },
		{ NS_PER_S - 1, "0.999999999" },
		{ NS_PER_S, "1" },
		{ 5 * NS_PER_S, "5" },
		{ 10 * NS_PER_S, "10" },
		{ 100 * NS_PER_S, "100" },
		{ 100 * NS_PER_S + NS_PER_MS, "100.001" },
		{ 86400 * NS_PER_S, "86400" },
		{ MAX_NS - 1, "863999999.999999999" },
		{ MAX_NS, "864000000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buf[32];

		assert_ptr_equal(duration_seconds(buf, rows[i].ns), buf);
		assert_string_equal(buf, rows[i].text);
	}
}

static void
test_writes_units(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0s" },
		{ 1, "0.000000001s" },
		{ NS_PER_MS, "1ms" },
		{ NS_PER_MS + 1, "0.001000001s" },
		{ 1500 * NS_PER_MS, "1500ms" },
		{ NS_PER_S, "1s" },
		{ 59 * NS_PER_S, "59s" },
		{ 60 * NS_PER_S, "1m" },
		{ 90 * NS_PER_S, "90s" },
		{ 3600 * NS_PER_S, "1h" },
		{ 86400 * NS_PER_S, "1d" },
		{ 93600 * NS_PER_S, "26h" },
		{ MAX_NS, "10000d" },
		{ MAX_NS - 1, "863999999.999999999s" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buf[32];
		int64_t back = UNTOUCHED;

		assert_ptr_equal(duration_text(buf, rows[i].ns), buf);
		assert_string_equal(buf, rows[i].text);
		assert_true(duration_parse(buf, &back));
		assert_int_equal(back, rows[i].ns);
	}
}

static void
round_trip(int64_t ns)
{
	char buf[32];
	int64_t back = UNTOUCHED;
	const char *last;

	duration_seconds(buf, ns);
	last = buf + strlen(buf) - 1;
	if (!duration_parse(buf, &back) || back != ns)
		fail_msg("%" PRId64 " is written '%s', read %" PRId64, ns, buf, back);
	if (*last == '.' || (*last == '0' && strchr(buf, '.') != NULL))
		fail_msg("'%s' could be shorter", buf);
}

static void
test_round_trip(void **state)
{
	(void)state;
	seed_begin();
	for (int64_t power = 1; power <= MAX_NS; power *= 10) {
		for (int64_t off = -2; off <= 2; off++) {
			if (power + off >= 0)
				round_trip(power + off);
		}
	}
	/* Of every magnitude, with and without zeros at the end. */
	for (int i = 0; i < 100000; i++) {
		int64_t ns = (int64_t)(seed_next() >> (1 + seed_below(62)));
		int64_t grain = 1;

		for (size_t zeros = seed_below(12); zeros > 0; zeros--)
			grain *= 10;
		ns = ns % (MAX_NS + 1);
		round_trip(ns - ns % grain);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),	   cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_writes),	   cmocka_unit_test(test_writes_units),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
