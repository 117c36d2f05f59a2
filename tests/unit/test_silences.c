/*
 * silences: patterns, ends, order and bounds.
 */
#include "silences.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#define AT(n) ((struct wall){ (n) })

static void
test_match(void **state)
{
	static const struct {
		const char *incident, *target;
		int64_t now;
		bool match;
	} rows[] = {
		{ "rdb.stale", "orders", 99, true },
		/* Over from its end on. */
		{ "rdb.stale", "orders", 100, false },
		{ "rdb.stale", "carts", 99, false },
		{ "rdb.save_slow", "orders", 99, false },
		{ "aof.backlog", "orders", 199, true },
		{ "aof.backlog", "carts", 199, true },
		{ "aof.backlog", "carts", 200, false },
		{ "aofx", "carts", 0, false },
	};
	struct silences *s = silences_new();

	(void)state;
	assert_false(silences_match(s, "rdb.stale", "orders", AT(0)));
	assert_true(silences_add(s, "rdb.stale", "or*", AT(100)));
	assert_true(silences_add(s, "aof.*", "*", AT(200)));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (silences_match(s, rows[i].incident, rows[i].target,
				   AT(rows[i].now)) != rows[i].match)
			fail_msg("row %zu", i);
	}
	silences_free(s);
	silences_free(NULL);
}

static void
assert_order(const struct silences *s, const char *incidents)
{
	size_t i = 0;

	for (; incidents[i] != '\0'; i++) {
		assert_non_null(silences_at(s, i));
		assert_int_equal(silences_at(s, i)->incidents[0], incidents[i]);
	}
	assert_null(silences_at(s, i));
}

/* By their ends; and of one end as they came. */
static void
test_order(void **state)
{
	struct silences *s = silences_new();

	(void)state;
	assert_order(s, "");
	silences_add(s, "c", "*", AT(30));
	silences_add(s, "a", "*", AT(10));
	silences_add(s, "b", "*", AT(20));
	silences_add(s, "B", "*", AT(20));
	assert_order(s, "abBc");
	assert_int_equal(silences_at(s, 3)->until.ns, 30);
	assert_string_equal(silences_at(s, 3)->targets, "*");
	/* A new end, later and earlier. */
	assert_true(silences_add(s, "a", "*", AT(40)));
	assert_order(s, "bBca");
	assert_true(silences_add(s, "a", "*", AT(5)));
	assert_order(s, "abBc");
	/* Other targets are another silence. */
	assert_true(silences_add(s, "a", "x", AT(50)));
	assert_order(s, "abBca");
	assert_true(silences_remove(s, "a", "*"));
	assert_order(s, "bBca");
	assert_false(silences_remove(s, "a", "*"));
	assert_false(silences_remove(s, "b", "x"));
	assert_true(silences_remove(s, "B", "*"));
	assert_order(s, "bca");
	silences_free(s);
}

static void
test_expire(void **state)
{
	struct silences *s = silences_new();

	(void)state;
	assert_false(silences_expire(s, AT(1000)));
	silences_add(s, "a", "*", AT(10));
	silences_add(s, "b", "*", AT(20));
	silences_add(s, "c", "*", AT(30));
	assert_false(silences_expire(s, AT(9)));
	assert_order(s, "abc");
	assert_true(silences_expire(s, AT(20)));
	assert_order(s, "c");
	assert_true(silences_expire(s, AT(30)));
	assert_order(s, "");
	silences_free(s);
}

static void
test_bounds(void **state)
{
	struct silences *s = silences_new();
	char name[SILENCE_PATTERN_MAX + 2];

	(void)state;
	for (int i = 0; i < SILENCES_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_true(silences_add(s, name, "*", AT(SILENCES_MAX - i)));
	}
	assert_false(silences_add(s, "more", "*", AT(1)));
	/* One that is there already needs no room. */
	assert_true(silences_add(s, "7", "*", AT(1000)));
	assert_string_equal(silences_at(s, SILENCES_MAX - 1)->incidents, "7");
	assert_null(silences_at(s, SILENCES_MAX));
	assert_true(silences_remove(s, "0", "*"));
	memset(name, 'x', sizeof(name));
	name[SILENCE_PATTERN_MAX + 1] = '\0';
	assert_false(silences_add(s, name, "*", AT(1)));
	assert_false(silences_add(s, "*", name, AT(1)));
	name[SILENCE_PATTERN_MAX] = '\0';
	assert_true(silences_add(s, name, name, AT(1)));
	silences_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_expire),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
