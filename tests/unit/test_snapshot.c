/*
 * snapshot: every field of every recorded INFO, present and absent as it is in the
 * text; and the lines that are made to be misunderstood.
 */
#include "snapshot.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define FIXTURES "tests/fixtures/info"

static char *
read_fixture(const char *name)
{
	char path[512], *text = calloc(1, 65536);
	FILE *f;

	snprintf(path, sizeof(path), FIXTURES "/%s", name);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) > 1000);
	fclose(f);
	return text;
}

/* The value of the line that begins so, found in the plainest way; NULL: none. */
static const char *
value_of(const char *text, const char *name)
{
	char key[80];
	const char *p;

	snprintf(key, sizeof(key), "\n%s:", name);
	p = strstr(text, key);
	return p != NULL ? p + strlen(key) : NULL;
}

/* All of one text in both parts, as if it were either. */
static void
parse(struct snapshot *s, const char *text)
{
	*s = (struct snapshot){ 0 };
	snapshot_parse(s, SNAPSHOT_NARROW, text, strlen(text));
	snapshot_parse(s, SNAPSHOT_WIDE, text, strlen(text));
}

static void
check_field(const struct snapshot *s, const char *text, enum snapshot_field field)
{
	const struct snapshot_field_info *info = snapshot_field(field);
	const char *value = value_of(text, info->name);

	if (info->type == SNAPSHOT_SUM)
		return;
	if (snapshot_has(s, field) != (value != NULL))
		fail_msg("%s is %s", info->name, value != NULL ? "lost" : "invented");
	if (value == NULL)
		return;
	if (info->type == SNAPSHOT_STATUS)
		assert_int_equal(snapshot_get(s, field),
				 strncmp(value, "ok", 2) == 0 ||
					 strncmp(value, "up", 2) == 0);
	else
		assert_true(snapshot_get(s, field) == strtod(value, NULL));
}

static void
test_each_field_of_each_recorded_info(void **state)
{
	DIR *dir = opendir(FIXTURES);
	struct dirent *e;
	unsigned files = 0;

	(void)state;
	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		struct snapshot s;
		const char *run_id, *misconf, *keys;
		char *text;

		if (strstr(e->d_name, ".txt") == NULL)
			continue;
		print_message("%s\n", e->d_name);
		text = read_fixture(e->d_name);
		parse(&s, text);
		for (int i = 0; i < SNAPSHOT_FIELD_COUNT; i++)
			check_field(&s, text, (enum snapshot_field)i);
		run_id = value_of(text, "run_id");
		assert_memory_equal(s.run_id, run_id, 40);
		assert_int_equal(strlen(s.run_id), 40);
		assert_memory_equal(s.replication_id, value_of(text, "master_replid"),
				    40);
		assert_memory_equal(s.role, value_of(text, "role"), strlen(s.role));
		assert_true(strlen(s.role) >= 5);
		assert_memory_equal(s.version, value_of(text, "redis_version"),
				    strlen(s.version));
		/* The sums: a section without lines is a sum of nothing, and known. */
		keys = value_of(text, "db0");
		assert_true(snapshot_has(&s, F_keys));
		assert_true(snapshot_get(&s, F_keys) ==
			    (keys != NULL ? strtod(keys + 5, NULL) : 0));
		misconf = value_of(text, "errorstat_MISCONF");
		assert_int_equal(snapshot_has(&s, F_errorstat_MISCONF),
				 strstr(text, "# Errorstats") != NULL);
		assert_true(snapshot_get(&s, F_errorstat_MISCONF) ==
			    (misconf != NULL ? strtod(misconf + 6, NULL) : 0));
		assert_true(snapshot_get(&s, F_replicas_syncing) ==
			    (strstr(e->d_name, "master-syncing") != NULL));
		free(text);
		files++;
	}
	closedir(dir);
	assert_int_equal(files, 72);
}

/* Each part has its own fields, and leaves the other's as they were. */
static void
test_parts(void **state)
{
	static const char narrow[] = "loading:1\r\nuptime_in_seconds:5\r\n";
	static const char wide[] = "# Server\r\nrun_id:abc\r\nuptime_in_seconds:7\r\n"
				   "loading:9\r\n";
	static const char config[] = "save:60 1\r\nloading:4\r\n";
	struct snapshot s = { 0 };

	(void)state;
	snapshot_parse(&s, SNAPSHOT_NARROW, narrow, strlen(narrow));
	assert_true(snapshot_get(&s, F_loading) == 1);
	assert_false(snapshot_has(&s, F_uptime_in_seconds));
	snapshot_parse(&s, SNAPSHOT_WIDE, wide, strlen(wide));
	assert_true(snapshot_get(&s, F_loading) == 1);
	assert_true(snapshot_get(&s, F_uptime_in_seconds) == 7);
	assert_string_equal(s.run_id, "abc");
	snapshot_parse(&s, SNAPSHOT_CONFIG, config, strlen(config));
	assert_true(snapshot_get(&s, F_loading) == 1);
	assert_true(s.save_points_known);
	/* Replaced as a whole: what is not there any more is absent. */
	snapshot_parse(&s, SNAPSHOT_NARROW, "", 0);
	assert_false(snapshot_has(&s, F_loading));
	assert_true(snapshot_get(&s, F_loading) == 0);
	assert_true(snapshot_has(&s, F_uptime_in_seconds));
	assert_true(s.save_points_known);
	snapshot_parse(&s, SNAPSHOT_WIDE, "", 0);
	assert_false(snapshot_has(&s, F_uptime_in_seconds));
	assert_string_equal(s.run_id, "");
	assert_true(s.save_points_known);
	snapshot_parse(&s, SNAPSHOT_CONFIG, "", 0);
	assert_false(s.save_points_known);
}

static void
test_wide_in_several_texts(void **state)
{
	static const char *const texts[] = {
		"# Server\r\nrun_id:abc\r\nredis_version:6.0.16\r\n",
		"# Replication\r\nrole:master\r\nslave0:state=wait_bgsave\r\n",
		"# Replication\r\nslave1:ip=1,state=send_bulk,lag=0\r\n",
		"# Keyspace\r\ndb0:keys=3,expires=1\r\ndb15:expires=9,keys=4\r\n",
		"# Keyspace\r\n",
	};
	struct snapshot s = { .run_id = "old", .role = "slave" };

	(void)state;
	s.present[F_used_memory] = true;
	snapshot_clear(&s, SNAPSHOT_WIDE);
	for (unsigned i = 0; i < 5; i++)
		snapshot_add(&s, SNAPSHOT_WIDE, texts[i], strlen(texts[i]));
	assert_false(snapshot_has(&s, F_used_memory));
	assert_string_equal(s.run_id, "abc");
	assert_string_equal(s.role, "master");
	assert_string_equal(s.version, "6.0.16");
	assert_true(snapshot_get(&s, F_keys) == 7);
	assert_true(snapshot_get(&s, F_replicas_syncing) == 2);
	assert_false(snapshot_has(&s, F_errorstat_MISCONF));
}

/* Parse whole names: loading is not async_loading, and neither is a part of one. */
static void
test_trap_whole_names(void **state)
{
	static const char text[] =
		"# Persistence\r\nasync_loading:1\r\nloading_start_time:99\r\n"
		"xloading:1\r\nLOADING:1\r\n loading:1\r\nrdb_savesx:4\r\nrdb_save:4\r\n";
	struct snapshot s = { 0 };

	(void)state;
	snapshot_parse(&s, SNAPSHOT_NARROW, text, strlen(text));
	assert_false(snapshot_has(&s, F_loading));
	assert_true(snapshot_get(&s, F_async_loading) == 1);
	assert_false(snapshot_has(&s, F_rdb_saves));
	for (int i = 0; i < SNAPSHOT_FIELD_COUNT; i++)
		assert_int_equal(s.present[i], i == F_async_loading);
}

/* Lines that look like a sum's and are not. */
static void
test_trap_lines_of_sums(void **state)
{
	static const char text[] =
		"# Keyspace\r\ndb0:keys=5,expires=2\r\ndbx:keys=7\r\ndb:keys=7\r\n"
		"db1:expires=7,xkeys=9\r\ndb2:keys=\r\n"
		"# Replication\r\nslave_repl_offset:1\r\nslave0:state=online\r\n"
		"slave_state=wait_bgsave:1\r\nslave1:state=wait_bgsave\r\n"
		"# Errorstats\r\nerrorstat_MISCONFX:count=3\r\nerrorstat_ERR:count=8\r\n"
		"keys:77\r\nreplicas_syncing:77\r\n";
	struct snapshot s = { 0 };

	(void)state;
	snapshot_parse(&s, SNAPSHOT_WIDE, text, strlen(text));
	assert_true(snapshot_get(&s, F_keys) == 5);
	assert_true(snapshot_get(&s, F_replicas_syncing) == 1);
	assert_true(snapshot_get(&s, F_errorstat_MISCONF) == 0);
	assert_true(snapshot_has(&s, F_errorstat_MISCONF));
}

/* A heading that comes behind its lines, or twice, forgets none of them. */
static void
test_headings(void **state)
{
	static const char text[] = "db0:keys=5\r\n# Keyspace\r\n# Keyspace\r\n"
				   "db1:keys=2\r\n";
	struct snapshot s = { 0 };

	(void)state;
	snapshot_parse(&s, SNAPSHOT_WIDE, text, strlen(text));
	assert_true(snapshot_get(&s, F_keys) == 7);
	snapshot_parse(&s, SNAPSHOT_WIDE, "# Keyspac", 9);
	assert_false(snapshot_has(&s, F_keys));
	snapshot_parse(&s, SNAPSHOT_WIDE, "# Keyspace", 10);
	assert_true(snapshot_has(&s, F_keys));
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool present;
		double value;
	} rows[] = {
		{ "0", true, 0 },
		{ "-1", true, -1 },
		{ "9007199254740992", true, 9007199254740992.0 },
		{ "18446744073709551615", true, 18446744073709551615.0 },
		{ "8.54", true, 8.54 },
		{ "1e3", true, 1000 },
		{ "", false, 0 },
		{ " 1", false, 0 },
		{ "1 ", false, 0 },
		{ "nan", false, 0 },
		{ "-nan", false, 0 },
		{ "inf", false, 0 },
		{ "0x10", false, 0 },
		{ "1,5", false, 0 },
		{ "-", false, 0 },
		{ "e", false, 0 },
		{ "1e", false, 0 },
		{ "ok", false, 0 },
		{ "1:2", false, 0 },
		{ "1234567890123456789012345678901", true, 1.2345678901234568e30 },
		{ "12345678901234567890123456789012", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct snapshot s = { 0 };
		char text[128];

		snprintf(text, sizeof(text), "rdb_saves:%s\r\n", rows[i].text);
		snapshot_parse(&s, SNAPSHOT_NARROW, text, strlen(text));
		if (snapshot_has(&s, F_rdb_saves) != rows[i].present)
			fail_msg("\"%s\"", rows[i].text);
		assert_true(snapshot_get(&s, F_rdb_saves) == rows[i].value);
	}
}

static void
test_statuses(void **state)
{
	static const struct {
		const char *text;
		double value;
	} rows[] = { { "ok", 1 }, { "err", 0 }, { "up", 1 }, { "down", 0 }, { "", 0 } };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct snapshot s = { 0 };
		char text[128];

		snprintf(text, sizeof(text), "master_link_status:%s\n", rows[i].text);
		snapshot_parse(&s, SNAPSHOT_WIDE, text, strlen(text));
		assert_true(snapshot_has(&s, F_master_link_status));
		assert_true(snapshot_get(&s, F_master_link_status) == rows[i].value);
	}
}

/* CR LF, LF, no end at all, empty lines, no colon: and nothing behind the end. */
static void
test_ends_of_lines(void **state)
{
	static const char *const texts[] = {
		"loading:1\r\nrdb_saves:2\r\n", "loading:1\nrdb_saves:2\n",
		"loading:1\nrdb_saves:2",
		"\r\n\n\r\nnocolon\nloading:1\r\n:\nrdb_saves:2\r",
		"rdb_saves:2\nloading:1\n"
	};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct snapshot s = { 0 };
		size_t len = strlen(texts[i]);
		char *exact = malloc(len);

		memcpy(exact, texts[i], len);
		snapshot_parse(&s, SNAPSHOT_NARROW, exact, len);
		free(exact);
		assert_true(snapshot_get(&s, F_loading) == 1);
		assert_true(snapshot_get(&s, F_rdb_saves) == 2);
	}
}

/* The last of two lines of one name counts; too long a text is cut. */
static void
test_repeated_and_long(void **state)
{
	struct snapshot s = { 0 };
	char text[300];

	(void)state;
	snprintf(text, sizeof(text), "rdb_saves:1\nrdb_saves:2\n");
	snapshot_parse(&s, SNAPSHOT_NARROW, text, strlen(text));
	assert_true(snapshot_get(&s, F_rdb_saves) == 2);
	snprintf(text, sizeof(text), "role:%0200d\n", 7);
	snapshot_parse(&s, SNAPSHOT_WIDE, text, strlen(text));
	assert_int_equal(strlen(s.role), sizeof(s.role) - 1);
}

static void
test_save_points(void **state)
{
	static const struct {
		const char *text;
		bool known;
		unsigned count;
		double seconds, changes; /* of the last */
	} rows[] = {
		{ "save:3600 1 300 100 60 10000", true, 3, 60, 10000 },
		{ "save:60 1", true, 1, 60, 1 },
		{ "save:", true, 0, 0, 0 },
		{ "save:60", true, 0, 0, 0 },
		{ "save:60 1 x", true, 1, 60, 1 },
		{ "save:60 1 30 2 7", true, 2, 30, 2 },
		{ "appendonly:yes", false, 0, 0, 0 },
		{ "saves:60 1", false, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct snapshot s = { 0 };

		snapshot_parse(&s, SNAPSHOT_CONFIG, rows[i].text, strlen(rows[i].text));
		assert_int_equal(s.save_points_known, rows[i].known);
		assert_int_equal(s.save_point_count, rows[i].count);
		if (rows[i].count == 0)
			continue;
		assert_true(s.save_points[rows[i].count - 1].seconds ==
			    rows[i].seconds);
		assert_true(s.save_points[rows[i].count - 1].changes ==
			    rows[i].changes);
	}
}

static void
test_too_many_save_points(void **state)
{
	struct snapshot s = { 0 };
	char text[600] = "save:";

	(void)state;
	for (unsigned i = 1; i <= 40; i++)
		snprintf(text + strlen(text), 16, "%u %u ", i, i);
	snapshot_parse(&s, SNAPSHOT_CONFIG, text, strlen(text));
	assert_int_equal(s.save_point_count, SNAPSHOT_SAVE_POINTS_MAX);
	assert_true(s.save_points[15].seconds == 16 && s.save_points[15].changes == 16);
}

static void
test_names(void **state)
{
	enum snapshot_field field;

	(void)state;
	for (int i = 0; i < SNAPSHOT_FIELD_COUNT; i++) {
		const struct snapshot_field_info *info =
			snapshot_field((enum snapshot_field)i);

		assert_true(snapshot_field_find(info->name, &field));
		assert_int_equal(field, i);
		assert_int_equal(info->len, strlen(info->name));
		assert_true(*info->help != '\0' && info->unit != NULL);
	}
	assert_false(snapshot_field_find("", &field));
	assert_false(snapshot_field_find("rdb_save", &field));
	assert_false(snapshot_field_find("loadin", &field));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_field_of_each_recorded_info),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_wide_in_several_texts),
		cmocka_unit_test(test_trap_whole_names),
		cmocka_unit_test(test_trap_lines_of_sums),
		cmocka_unit_test(test_headings),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_ends_of_lines),
		cmocka_unit_test(test_repeated_and_long),
		cmocka_unit_test(test_save_points),
		cmocka_unit_test(test_too_many_save_points),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
