/*
 * number: what is read or refused, and the way back.
 */
#include "number.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define UNTOUCHED (-4711.0)

static void
test_reads(void **state)
{
	static const struct {
		const char *text;
		double value;
	} rows[] = {
		{ "0", 0 },
		{ "40", 40 },
		{ "007", 7 },
		{ "-1", -1 },
		{ "1.5", 1.5 },
		{ "0.1", 0.1 },
		{ "00000000000000000040", 40 },
		{ "0.123456789012345", 0.123456789012345 },
		{ ".5", 0.5 },
		{ "5.", 5 },
		{ "-0.25", -0.25 },
		{ "999999999999999", 999999999999999.0 },
		{ "0.12345678901234", 0.12345678901234 },
		{ ".123456789012345", 0.123456789012345 },
	};
	double zero;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double value = UNTOUCHED;

		if (!number_parse(rows[i].text, &value) || value != rows[i].value)
			fail_msg("'%s': %.17g", rows[i].text, value);
	}
	assert_true(number_parse("-0", &zero));
	assert_true(zero == 0 && !signbit(zero));
}

static void
test_refuses(void **state)
{
	static const char *const rows[] = {
		"",
		".",
		"-",
		"-.",
		"--1",
		"+1",
		"1e3",
		"0x1",
		"1,5",
		" 1",
		"1 ",
		"1 2",
		"1.2.",
		"..1",
		"inf",
		"nan",
		"-inf",
		"1-",
		"5m",
		"1%",
		"\xd9\xa1",
		"1f",
		"1000000000000000",
		"0.1234567890123456",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double value = UNTOUCHED;

		if (number_parse(rows[i], &value))
			fail_msg("'%s' is read as %g", rows[i], value);
		if (*rows[i] != '-' && value != UNTOUCHED)
			fail_msg("'%s' is refused, but sets %g", rows[i], value);
	}
}

static void
test_writes(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 40, "40" },
		{ -1, "-1" },
		{ 1.5, "1.5" },
		{ 0.1, "0.1" },
		{ 100000, "100000" },
		{ 999999999999999.0, "999999999999999" },
		{ 0.00001, "0.00001" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buf[32];

		assert_ptr_equal(number_text(buf, rows[i].value), buf);
		assert_string_equal(buf, rows[i].text);
	}
}

static void
test_round_trip(void **state)
{
	(void)state;
	seed_begin();
	for (int i = 0; i < 100000; i++) {
		char text[32], buf[32];
		double value, back;
		int digits = 1 + (int)seed_below(NUMBER_DIGITS_MAX);
		int point = (int)seed_below((size_t)digits + 1), len = 0;

		for (int d = 0; d < digits; d++) {
			if (d == point)
				text[len++] = '.';
			text[len++] = (char)('0' + seed_below(10));
		}
		text[len] = '\0';
		assert_true(number_parse(text, &value));
		number_text(buf, value);
		if (!number_parse(buf, &back) || back != value)
			fail_msg("%s: %.17g is written '%s'", text, value, buf);
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
