/*
 * notice: its id, its JSON as documented in PROTOCOL, its line in the log.
 */
#include "notice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct notice
example(void)
{
	struct notice n = {
		.kind = NOTICE_RAISED,
		.incident = "rdb.save_failed",
		.severity = SEVERITY_CRITICAL,
		.target = "orders",
		.at = { INT64_C(1763831027500000000) },
		.since = { INT64_C(1763831000123456789) },
		.summary = "the last save failed",
		.advice = "make room",
		.at_risk = { 62.5, 1200, NAN },
		.address = "127.0.0.1:6379",
		.run_id = "abc",
		.role = "master",
		.version = "7.0.15",
		.open_warning = 2,
		.open_critical = 1,
	};

	notice_figure(&n, "changes", 1200);
	notice_figure(&n, "save_age_s", NAN);
	notice_figure(&n, "share", 0.5);
	return n;
}

static void
test_json(void **state)
{
	struct notice n = example();
	char *text = notice_json(&n);

	(void)state;
	assert_string_equal(
		text,
		"{\"schema\":1,\"kind\":\"raised\","
		"\"id\":\"orders/rdb.save_failed/1763831000123\","
		"\"incident\":\"rdb.save_failed\",\"severity\":\"critical\","
		"\"target\":\"orders\",\"server\":{\"address\":\"127.0.0.1:6379\","
		"\"version\":\"7.0.15\",\"run_id\":\"abc\",\"role\":\"master\"},"
		"\"at\":\"2025-11-22T17:03:47.500Z\","
		"\"since\":\"2025-11-22T17:03:20.123Z\","
		"\"summary\":\"the last save failed\",\"advice\":\"make room\","
		"\"figures\":{\"changes\":1200,\"save_age_s\":null,\"share\":0.5},"
		"\"at_risk\":{\"seconds\":62.5,\"operations\":1200,\"bytes\":null},"
		"\"open\":{\"critical\":1,\"warning\":2},\"acked\":false,"
		"\"silenced\":false}");
	free(text);
}

/* What is not known is null, and what is no ASCII is shown as bytes. */
static void
test_json_of_the_unknown(void **state)
{
	struct notice n = example();
	char *text;

	(void)state;
	n.address = n.run_id = n.role = n.version = "";
	n.acked = n.silenced = true;
	n.figure_count = 0;
	snprintf(n.summary, sizeof(n.summary), "-ERR \x1b[31m \"\\ \xff");
	text = notice_json(&n);
	assert_non_null(strstr(text, "\"server\":{\"address\":null,\"version\":null,"
				     "\"run_id\":null,\"role\":null}"));
	assert_non_null(strstr(text, "\"figures\":{}"));
	assert_non_null(strstr(text, "\"acked\":true,\"silenced\":true"));
	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\xff'));
	assert_null(strchr(text, '\n'));
	free(text);
}

/* Only a heartbeat carries the counts. */
static void
test_json_of_a_heartbeat(void **state)
{
	struct notice n = example();
	char *text;

	(void)state;
	n.samples = 7;
	n.missed = 2;
	text = notice_json(&n);
	assert_null(strstr(text, "samples"));
	free(text);
	n.kind = NOTICE_HEARTBEAT;
	text = notice_json(&n);
	assert_non_null(strstr(text, "\"samples\":7,\"missed\":2}"));
	free(text);
}

static void
test_lines(void **state)
{
	static const struct {
		enum notice_kind kind;
		const char *advice, *line;
	} rows[] = {
		{ NOTICE_RAISED, "make room",
		  "rdb.save_failed raised (critical): the last save failed; make room" },
		{ NOTICE_RAISED, "",
		  "rdb.save_failed raised (critical): the last save failed" },
		{ NOTICE_CHANGED, "make room",
		  "rdb.save_failed changed (critical): the last save failed; make room" },
		{ NOTICE_OPEN, "make room",
		  "rdb.save_failed open (critical): the last save failed; make room" },
		{ NOTICE_CLEARED, "make room",
		  "rdb.save_failed cleared (critical): the last save failed" },
		{ NOTICE_FACT, "make room",
		  "rdb.save_failed: the last save failed; make room" },
		{ NOTICE_FACT, "", "rdb.save_failed: the last save failed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct notice n = example();
		char *line;

		n.kind = rows[i].kind;
		n.advice = rows[i].advice;
		line = notice_line(&n);
		assert_string_equal(line, rows[i].line);
		free(line);
	}
}

/* A server's words cannot speak to a terminal, nor make two lines of one. */
static void
test_line_is_escaped(void **state)
{
	struct notice n = example();
	char *line;

	(void)state;
	snprintf(n.summary, sizeof(n.summary), "a\nb\x1b[0m%%s");
	line = notice_line(&n);
	assert_null(strchr(line, '\n'));
	assert_null(strchr(line, '\x1b'));
	assert_non_null(strstr(line, "%s"));
	free(line);
	memset(n.summary, '\x01', sizeof(n.summary) - 1);
	n.summary[sizeof(n.summary) - 1] = '\0';
	line = notice_line(&n);
	assert_true(strlen(line) > 4 * (sizeof(n.summary) - 1));
	free(line);
}

static void
test_too_many_figures(void **state)
{
	struct notice n = { 0 };

	(void)state;
	for (unsigned i = 0; i < NOTICE_FIGURES_MAX + 5; i++)
		notice_figure(&n, "x", i);
	assert_int_equal(n.figure_count, NOTICE_FIGURES_MAX);
	assert_true(n.figures[NOTICE_FIGURES_MAX - 1].value == NOTICE_FIGURES_MAX - 1);
}

/* The id is the incident's, whatever is told of it: only since when counts. */
static void
test_id(void **state)
{
	struct notice n = example();
	char a[NOTICE_ID_BYTES], b[NOTICE_ID_BYTES];

	(void)state;
	notice_id(a, &n);
	n.kind = NOTICE_CLEARED;
	n.at.ns += NS_PER_S;
	n.severity = SEVERITY_WARNING;
	assert_string_equal(a, notice_id(b, &n));
	n.since.ns += NS_PER_MS;
	assert_string_not_equal(a, notice_id(b, &n));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_of_the_unknown),
		cmocka_unit_test(test_json_of_a_heartbeat),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_line_is_escaped),
		cmocka_unit_test(test_too_many_figures),
		cmocka_unit_test(test_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
