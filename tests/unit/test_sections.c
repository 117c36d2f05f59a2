/*
 * sections: which requests a round is made of, on all kinds of servers.
 */
#include "sections.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const char all[] = "server stats memory replication keyspace errorstats";

/* The words behind INFO, decoded: so the lengths are checked, too. */
static const char *
next(struct sections *s)
{
	static char words[128];
	size_t len, n = 0;
	const char *p = sections_request(s, &len);
	int count, size, used;

	if (p == NULL)
		return NULL;
	assert_int_equal(strlen(p), len);
	words[0] = '\0';
	assert_int_equal(sscanf(p, "*%d\r\n%n", &count, &used), 1);
	p += used;
	for (int i = 0; i < count; i++) {
		assert_int_equal(sscanf(p, "$%d\r\n%n", &size, &used), 1);
		p += used;
		assert_memory_equal(p + size, "\r\n", 2);
		if (i > 0)
			n += (size_t)sprintf(words + n, "%s%.*s", n > 0 ? " " : "",
					     size, p);
		else
			assert_memory_equal(p, "INFO", (size_t)size);
		p += size + 2;
	}
	assert_int_equal(*p, '\0');
	return words;
}

static void
expect(struct sections *s, const char *words)
{
	const char *request = next(s);

	if (words == NULL) {
		assert_null(request);
		assert_false(s->open);
	} else {
		assert_non_null(request);
		assert_string_equal(request, words);
	}
}

/* Each alone, in order, but for those that stand in `without`, between blanks. */
static void
expect_apart(struct sections *s, const char *without)
{
	static const char *const names[] = { "server",	    "stats",	"memory",
					     "replication", "keyspace", "errorstats" };

	for (size_t i = 0; i < SECTIONS_COUNT; i++) {
		char word[32];

		snprintf(word, sizeof(word), " %s ", names[i]);
		if (strstr(without, word) != NULL)
			continue;
		expect(s, names[i]);
		sections_answered(s);
	}
	expect(s, NULL);
}

static void
test_together(void **state)
{
	struct sections s = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		sections_begin(&s);
		expect(&s, all);
		/* Asking what is next changes nothing. */
		expect(&s, all);
		sections_answered(&s);
		expect(&s, NULL);
	}
}

/* Before 7.0: learnt at the first round of each connection. */
static void
test_apart(void **state)
{
	struct sections s = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		sections_begin(&s);
		expect(&s, all);
		sections_refused(&s);
		expect_apart(&s, "");
		sections_begin(&s);
		expect_apart(&s, "");
		sections_renew(&s);
	}
}

static void
test_refused(void **state)
{
	struct sections s = { 0 };
	char text[SECTIONS_TEXT_BYTES];

	(void)state;
	sections_begin(&s);
	sections_refused(&s);
	expect(&s, "server");
	sections_answered(&s);
	expect(&s, "stats");
	assert_string_equal(sections_refused_text(text, &s), "");
	sections_refused(&s);
	expect(&s, "memory");
	sections_refused(&s);
	expect(&s, "replication");
	sections_begin(&s);
	expect_apart(&s, " stats memory ");
	assert_string_equal(sections_refused_text(text, &s), "INFO stats memory");
	/* Another connection, another try. */
	sections_renew(&s);
	assert_string_equal(sections_refused_text(text, &s), "");
	sections_begin(&s);
	expect(&s, all);
}

/* All of them, and their names fit. */
static void
test_all_refused(void **state)
{
	struct sections s = { 0 };
	char text[SECTIONS_TEXT_BYTES], want[SECTIONS_TEXT_BYTES];

	(void)state;
	sections_begin(&s);
	for (int i = 0; i <= SECTIONS_COUNT; i++)
		sections_refused(&s);
	expect(&s, NULL);
	sections_begin(&s);
	expect(&s, NULL);
	snprintf(want, sizeof(want), "INFO %s", all);
	assert_string_equal(sections_refused_text(text, &s), want);
}

/* The one that is too long is found out by asking one by one, and left out. */
static void
test_overflow(void **state)
{
	struct sections s = { 0 };
	char text[SECTIONS_TEXT_BYTES];

	(void)state;
	sections_begin(&s);
	expect(&s, all);
	sections_overflowed(&s);
	assert_false(s.open);
	assert_string_equal(sections_dropped_text(text, &s), "");
	sections_renew(&s);
	sections_begin(&s);
	for (int i = 0; i < SECTIONS_COUNT - 1; i++)
		sections_answered(&s);
	expect(&s, "errorstats");
	sections_overflowed(&s);
	assert_string_equal(sections_dropped_text(text, &s), "INFO errorstats");
	/* From then on, also on other connections. */
	for (int i = 0; i < 2; i++) {
		sections_renew(&s);
		sections_begin(&s);
		expect_apart(&s, " errorstats ");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_together), cmocka_unit_test(test_apart),
		cmocka_unit_test(test_refused),	 cmocka_unit_test(test_all_refused),
		cmocka_unit_test(test_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
