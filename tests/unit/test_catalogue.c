/*
 * catalogue: each row has what its readers rely on.
 */
#include "catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static bool
is_id(const char *id)
{
	return *id != '\0' && strspn(id, "abcdefghijklmnopqrstuvwxyz_.") == strlen(id);
}

static void
test_rows_are_whole(void **state)
{
	(void)state;
	for (int i = 0; i < CATALOGUE_COUNT; i++) {
		const struct catalogue_entry *e = catalogue_entry((enum incident)i);
		enum incident found;

		print_message("%s\n", e->id);
		assert_true(is_id(e->id));
		assert_true(catalogue_find(e->id, &found));
		assert_int_equal(found, i);
		assert_true(*e->severity != '\0' && *e->when != '\0' &&
			    *e->meaning != '\0');
		assert_non_null(e->unless);
		assert_non_null(e->until);
		assert_non_null(e->needs);
		assert_non_null(e->blind);
		assert_non_null(e->advice);
		/* An incident ends and can be helped; a fact does not end. */
		assert_int_equal(*e->until != '\0', i < INCIDENT_COUNT);
		assert_int_equal(strncmp(e->severity, "fact", 4) == 0,
				 i >= INCIDENT_COUNT);
		if (i < INCIDENT_COUNT || strstr(e->severity, "warning") != NULL)
			assert_true(*e->advice != '\0');
		/* Sentences end, phrases do not. */
		assert_true(e->meaning[strlen(e->meaning) - 1] == '.');
		if (*e->advice != '\0')
			assert_true(e->advice[strlen(e->advice) - 1] != '.');
	}
}

/* Followed blindly, no advice may lose data: kill -9 is only warned of. */
static void
test_no_advice_loses_data(void **state)
{
	static const char *const never[] = { "FLUSH", "SHUTDOWN", "DEBUG", "rm ",
					     "kill -9 the" };

	(void)state;
	for (int i = 0; i < CATALOGUE_COUNT; i++) {
		for (size_t k = 0; k < sizeof(never) / sizeof(never[0]); k++)
			assert_null(strstr(catalogue_entry((enum incident)i)->advice,
					   never[k]));
	}
	assert_non_null(
		strstr(catalogue_entry(INCIDENT_RDB_SAVE_STUCK)->advice, "kill -USR1"));
	assert_non_null(strstr(catalogue_entry(INCIDENT_AOF_WRITE_FAILED)->advice,
			       "do not restart"));
}

static void
test_finds_nothing_else(void **state)
{
	static const char *const ids[] = { "", "rdb", "rdb.save_fail",
					   "rdb.save_failedx", "RDB.SAVE_FAILED" };
	enum incident found;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_false(catalogue_find(ids[i], &found));
}

static void
test_severities(void **state)
{
	static const char *const names[] = { "none", "info", "warning", "critical" };
	enum severity severity;

	(void)state;
	for (int i = SEVERITY_NONE; i <= SEVERITY_CRITICAL; i++) {
		assert_string_equal(catalogue_severity((enum severity)i), names[i]);
		/* Nobody may ask for none. */
		assert_int_equal(catalogue_severity_parse(names[i], &severity),
				 i != SEVERITY_NONE);
		assert_true(i == SEVERITY_NONE || (int)severity == i);
	}
	assert_false(catalogue_severity_parse("fatal", &severity));
	assert_false(catalogue_severity_parse("", &severity));
}

/* EXPLAIN says all of it. */
static void
test_explain(void **state)
{
	(void)state;
	for (int i = 0; i < CATALOGUE_COUNT; i++) {
		const struct catalogue_entry *e = catalogue_entry((enum incident)i);
		char *text = catalogue_explain((enum incident)i);

		assert_non_null(text);
		assert_non_null(strstr(text, e->id));
		assert_non_null(strstr(text, e->severity));
		assert_true(strlen(text) >
			    strlen(e->when) + strlen(e->meaning) + strlen(e->advice));
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_whole),
		cmocka_unit_test(test_no_advice_loses_data),
		cmocka_unit_test(test_finds_nothing_else),
		cmocka_unit_test(test_severities),
		cmocka_unit_test(test_explain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
