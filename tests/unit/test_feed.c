/*
 * feed: every field of INFO with its type, whatever a server sends.
 */
#include "feed.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "rules.h"
#include "watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
ignore(void *owner, struct notice *n)
{
	(void)owner, (void)n;
}

static const struct watch_handlers handlers = { ignore };

static const struct instant at = { { 3600 * NS_PER_S },
				   { 1763831000123 * NS_PER_MS + 999 } };

/* The document of one text, and of a wide one ("": none). */
static json_t *
feed(const char *narrow, size_t len, const char *wide)
{
	struct rules rules;
	struct watch *w;
	json_t *o;
	char *line;

	rules_init(&rules);
	w = watch_new("orders", &rules, &handlers, NULL);
	watch_started(w, at);
	watch_link(w, TARGET_UP, "", PUBLISH_OK, "", at);
	watch_refused(w, SNAPSHOT_CONFIG, "NOPERM", at);
	watch_narrow(w, narrow, len, at);
	if (*wide != '\0')
		watch_wide(w, wide, strlen(wide), at.mono, at);
	line = feed_json(w, "orders", "127.0.0.1:6379", narrow, len, at);
	assert_null(strchr(line, '\n'));
	o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	if (o == NULL)
		fail_msg("no JSON: %s", line);
	free(line);
	watch_free(w);
	rules_fini(&rules);
	return o;
}

/* The field x of "x:VALUE", as JSON. */
static void
check_value(const char *name, const char *value, const char *json)
{
	char text[256], *shown;
	json_t *o;

	snprintf(text, sizeof(text), "# Persistence\r\n%s:%s\r\n", name, value);
	o = feed(text, strlen(text), "");
	shown = json_dumps(json_object_get(json_object_get(o, "persistence"), name),
			   JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	assert_non_null(shown);
	if (strcmp(shown, json) != 0)
		fail_msg("%s:%s became %s, not %s", name, value, shown, json);
	free(shown);
	json_decref(o);
}

static void
test_values(void **state)
{
	static const char *const rows[][2] = {
		{ "0", "0" },
		{ "-1", "-1" },
		{ "15", "15" },
		{ "1763831000123456", "1763831000123456" },
		{ "999999999999999999", "999999999999999999" },
		{ "-999999999999999999", "-999999999999999999" },
		{ "1000000000000000000", "\"1000000000000000000\"" },
		{ "0.00", "0.0" },
		{ "99.25", "99.25" },
		{ "-0.5", "-0.5" },
		{ "1.00000000000001", "1.00000000000001" },
		{ "1.000000000000001", "\"1.000000000000001\"" },
		/* What only looks like one. */
		{ "", "\"\"" },
		{ "-", "\"-\"" },
		{ "+1", "\"+1\"" },
		{ " 1", "\" 1\"" },
		{ "1 ", "\"1 \"" },
		{ ".5", "\".5\"" },
		{ "1.", "\"1.\"" },
		{ "1.5.2", "\"1.5.2\"" },
		{ "--1", "\"--1\"" },
		{ "007", "\"007\"" },
		{ "00", "\"00\"" },
		{ "1e5", "\"1e5\"" },
		{ "0x10", "\"0x10\"" },
		{ "nan", "\"nan\"" },
		{ "inf", "\"inf\"" },
		{ "12k", "\"12k\"" },
		/* Text. */
		{ "ok", "\"ok\"" },
		{ "a:b", "\"a:b\"" },
		{ "\"", "\"\\\"\"" },
		{ "\\", "\"\\\\\"" },
		{ "\xff\x1b[0m", "\"\\\\xff\\\\x1b[0m\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_value("unheard_of", rows[i][0], rows[i][1]);
		check_value("rdb_changes_since_last_save", rows[i][0], rows[i][1]);
	}
	/* A status is none, whatever it looks like. */
	check_value("rdb_last_bgsave_status", "ok", "\"ok\"");
	check_value("aof_last_write_status", "err", "\"err\"");
	check_value("aof_last_write_status", "1", "\"1\"");
}

static void
test_document(void **state)
{
	static const char narrow[] =
		"# Persistence\r\nloading:0\r\nrdb_changes_since_last_save:7\r\n"
		"rdb_last_bgsave_status:err\r\nrdb_last_save_time:1763830900\r\n";
	static const char wide[] =
		"# Server\r\nredis_version:7.0.15\r\nrun_id:abcdef\r\n"
		"uptime_in_seconds:100000\r\nserver_time_usec:1763831000123000\r\n"
		"# Replication\r\nrole:master\r\n";
	json_t *o = feed(narrow, strlen(narrow), wide), *incidents, *incident;
	char *shown;

	(void)state;
	incidents = json_object_get(o, "incidents");
	assert_int_equal(json_array_size(incidents), 1);
	incident = json_array_get(incidents, 0);
	assert_string_equal(json_string_value(json_object_get(incident, "id")),
			    "rdb.save_failed");
	assert_string_equal(json_string_value(json_object_get(incident, "severity")),
			    "critical");
	assert_true(json_real_value(json_object_get(incident, "since")) ==
		    1763831000.123);
	json_object_del(o, "incidents");
	shown = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15));
	assert_string_equal(
		shown,
		"{\"schema\":1,\"target\":\"orders\",\"server\":{"
		"\"address\":\"127.0.0.1:6379\",\"version\":\"7.0.15\","
		"\"run_id\":\"abcdef\",\"role\":\"master\"},\"at\":1763831000.123,"
		"\"persistence\":{\"loading\":0,\"rdb_changes_since_last_save\":7,"
		"\"rdb_last_bgsave_status\":\"err\",\"rdb_last_save_time\":1763830900},"
		"\"at_risk\":{\"seconds\":100.123,\"operations\":7,\"bytes\":null}}");
	free(shown);
	json_decref(o);
}

/* Lines that are no fields, names that are no text, fields that come twice. */
static void
test_hostile(void **state)
{
	static const char text[] = "\r\n\n:1\nword\n#x:1\n\xff\x01:2\nx:1\nx:2\n"
				   "nul\0:3\nlast:4";
	json_t *o = feed(text, sizeof(text) - 1, ""), *fields;

	(void)state;
	fields = json_object_get(o, "persistence");
	assert_int_equal(json_object_size(fields), 3);
	assert_int_equal(json_integer_value(json_object_get(fields, "\\xff\\x01")), 2);
	assert_int_equal(json_integer_value(json_object_get(fields, "x")), 2);
	assert_int_equal(json_integer_value(json_object_get(fields, "last")), 4);
	json_decref(o);
	o = feed("", 0, "");
	assert_int_equal(json_object_size(json_object_get(o, "persistence")), 0);
	assert_true(
		json_is_null(json_object_get(json_object_get(o, "server"), "version")));
	json_decref(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
