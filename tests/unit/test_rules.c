/*
 * rules: tables of texts that are taken, with what becomes of them, and of texts
 * that are refused, with what is said; and that what is written reads the same.
 */
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define T50 "tttttttttttttttttttttttttttttttttttttttttttttttttt"
#define T255 T50 T50 T50 T50 T50 "ttttt"
#define ID62 "i.iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii"

/* All texts, one a line; to be freed. */
static char *
texts_of(const struct rules *r)
{
	char *all = xstrdup(""), *longer;
	size_t count;
	char **texts = rules_texts(r, &count);

	for (size_t i = 0; i < count; i++) {
		longer = xasprintf("%s%s%s", all, i > 0 ? "\n" : "", texts[i]);
		free(all);
		free(texts[i]);
		all = longer;
	}
	free(texts);
	return all;
}

/* Adds lines to r; the error of the first that is refused, "" when none is. */
static void
add_lines(struct rules *r, const char *lines, char error[static 512])
{
	char *copy = xstrdup(lines), *save = NULL;

	error[0] = '\0';
	for (char *line = strtok_r(copy, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (!rules_add(r, line, error, 512))
			break;
	}
	free(copy);
}

static void
test_presets(void **state)
{
	struct rules r;
	char *texts;

	(void)state;
	rules_init(&r);
	assert_true(r.limit[T_SAVE_SLOW_WARNING] == 120);
	assert_true(r.limit[T_AOF_BACKLOG_SIZE] == 33554432);
	assert_int_equal(r.expect, EXPECT_ANY);
	assert_true(r.memory_limit_bytes == 0);
	assert_int_equal(r.own_count, 0);
	for (int i = 0; i < CATALOGUE_COUNT; i++)
		assert_false(r.off[i]);
	for (int i = 0; i < RULES_THRESHOLD_COUNT; i++)
		assert_true(r.limit[i] ==
			    rules_threshold((enum rules_threshold)i)->preset);
	texts = texts_of(&r);
	assert_string_equal(texts, "");
	free(texts);
	rules_fini(&r);
	rules_fini(&r);
}

/* Every preset is one that might be said, and reads the same. */
static void
test_presets_can_be_said(void **state)
{
	(void)state;
	for (int i = 0; i < RULES_THRESHOLD_COUNT; i++) {
		const struct rules_threshold_info *t =
			rules_threshold((enum rules_threshold)i);
		char value[32], error[512];
		struct rules r;
		char *text = xasprintf("%s %s=%s", catalogue_entry(t->incident)->id,
				       t->name, rules_value(value, t->unit, t->preset));

		rules_init(&r);
		if (!rules_add(&r, text, error, sizeof(error)) ||
		    r.limit[i] != t->preset)
			fail_msg("%s: %s, %g", text, error, r.limit[i]);
		free(text);
		rules_fini(&r);
	}
}

static void
test_taken(void **state)
{
	static const struct {
		const char *lines, *texts;
	} rows[] = {
		/* Thresholds. */
		{ "rdb.save_slow warning=5m critical=20m",
		  "rdb.save_slow warning=5m critical=20m" },
		{ " \trdb.save_slow \t warning=300000ms\tcritical=1200 ",
		  "rdb.save_slow warning=5m critical=20m" },
		{ "rdb.save_slow warning=2m", "" },
		{ "rdb.save_slow warning=10m", "rdb.save_slow warning=10m" },
		{ "rdb.save_slow warning=0", "rdb.save_slow warning=0s" },
		{ "rdb.save_slow critical=30m\nrdb.save_slow warning=30m",
		  "rdb.save_slow warning=30m critical=30m" },
		{ "rdb.save_slow critical=30m\nrdb.save_slow critical=10m", "" },
		{ "link.down for=0.001", "link.down for=1ms" },
		{ "link.down for=1.5s", "link.down for=1500ms" },
		{ "link.down for=10000d", "link.down for=10000d" },
		{ "aof.backlog size=2gb", "aof.backlog size=2GiB" },
		{ "aof.backlog size=0", "aof.backlog size=0" },
		{ "aof.backlog size=8192TiB for=1h",
		  "aof.backlog size=8192TiB for=1h" },
		{ "aof.overgrown factor=1.5", "aof.overgrown factor=1.5" },
		{ "aof.overgrown factor=0", "aof.overgrown factor=0" },
		{ "fork.memory warning=0 critical=100%",
		  "fork.memory warning=0% critical=100%" },
		{ "fork.memory warning=12.5%", "fork.memory warning=12.5%" },
		{ "aof.rewrite_storm attempts=1", "aof.rewrite_storm attempts=1" },
		{ "watch.gap for=10s", "watch.gap for=10s" },
		/* off and on. */
		{ "rdb.stale off", "rdb.stale off" },
		{ "rdb.stale off\nrdb.stale on", "" },
		{ "rdb.stale warning=3h\nrdb.stale off",
		  "rdb.stale warning=3h\nrdb.stale off" },
		{ "fork.* off", "fork.slow off\nfork.memory off" },
		{ "fork.* off\nfork.slow on", "fork.memory off" },
		{ "*stale off", "rdb.stale off" },
		{ "rdb.s[ta]ale off", NULL },
		{ "rdb.s[ta]al? off\n* on", NULL },
		{ "rdb.stal? off", "rdb.stale off" },
		{ "* off\n* on", "" },
		{ "heartbeat off", "heartbeat off" },
		/* Own rows. */
		{ "a.b info when loading = 1: T", "a.b info when loading = 1: T" },
		{ "a.b warning when keys>=1000 for 1.5m:T: t :",
		  "a.b warning when keys >= 1000 for 90s: T: t :" },
		{ "a.b critical when aof_buffer_length<=64mb:T  ",
		  "a.b critical when aof_buffer_length <= 64MiB: T" },
		{ "a.b critical when rdb_last_bgsave_time_sec = -1: T",
		  "a.b critical when rdb_last_bgsave_time_sec = -1: T" },
		{ "a.b critical when uptime_in_seconds < 1h: T",
		  "a.b critical when uptime_in_seconds < 1h: T" },
		{ "a.b critical when latest_fork_usec > 200ms: T",
		  "a.b critical when latest_fork_usec > 200000: T" },
		{ "a.b critical when latest_fork_usec > 200: T",
		  "a.b critical when latest_fork_usec > 200: T" },
		{ "a.b critical when current_fork_perc > 50: T",
		  "a.b critical when current_fork_perc > 50%: T" },
		{ "a.b critical when rdb_last_bgsave_status != 1 for 0: T",
		  "a.b critical when rdb_last_bgsave_status != 1: T" },
		{ "a.b info when keys > 1: T\nc.d info when keys > 1: T\n"
		  "a.b warning when keys > 2: U",
		  "a.b warning when keys > 2: U\nc.d info when keys > 1: T" },
		{ "a.b info when keys > 1: T\na.b off", "" },
		{ "a.b info when keys > 1: T\na.b on", "a.b info when keys > 1: T" },
		{ "a.b info when keys > 1: T\nc.d info when keys > 1: T\n"
		  "e.f info when keys > 1: T\n[ae].* off",
		  "c.d info when keys > 1: T" },
		{ "0-_.z info when keys > 1: \xc3\xa4", NULL },
		{ ID62 "z info when keys > 1: T", NULL },
		{ "a.b info when keys > 1: " T255, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char error[512], *texts, *again;
		struct rules r, other;

		rules_init(&r);
		add_lines(&r, rows[i].lines, error);
		texts = texts_of(&r);
		if (rows[i].texts == NULL && strchr(rows[i].lines, '[') != NULL) {
			/* Sets of characters; what they match is glob's affair. */
			free(texts);
			rules_fini(&r);
			continue;
		}
		if (error[0] != '\0' ||
		    strcmp(texts,
			   rows[i].texts != NULL ? rows[i].texts : rows[i].lines) != 0)
			fail_msg("%s: '%s', %s", rows[i].lines, texts, error);
		/* Read again it is the same. */
		rules_init(&other);
		add_lines(&other, texts, error);
		again = texts_of(&other);
		if (error[0] != '\0' || strcmp(again, texts) != 0 ||
		    !rules_same(&r, &other))
			fail_msg("%s is read again as %s, %s", texts, again, error);
		free(again);
		free(texts);
		rules_fini(&other);
		rules_fini(&r);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "", "found '' behind the name" },
		{ "rdb.stale", "there is: off, on, NAME=VALUE" },
		{ "rdb.stale of", "found 'of'" },
		{ "rdb.stale OFF", "found 'OFF'" },
		{ "rdb.stale off now", "found 'now' behind 'off'" },
		{ "rdb.stal off", "did you mean 'rdb.stale'?" },
		{ "xyzzy off", "'xyzzy' is no incident" },
		{ "x.* off", "no incident matches 'x.*'" },
		{ "rdb.* warning=5m", "is a pattern; that takes off and on" },
		{ "rdb.stal warning=5m", "did you mean 'rdb.stale'?" },
		{ "rdb.stale warnin=5m", "did you mean 'warning'?" },
		{ "rdb.stale xyz=5m",
		  "no threshold of rdb.stale; there is: warning, critical" },
		{ "rdb.save_failed for=5m", "has no thresholds" },
		{ "rdb.stale warning=5m off", "found 'off'; NAME=VALUE" },
		{ "rdb.stale =5m", "'' is no threshold" },
		{ "own.row for=5m", "is an own row; say it anew" },
		{ "own.ro off", "did you mean 'own.row'?" },
		/* Values, on the wrong side of each limit. */
		{ "link.down for=", "for: '' is no time from 0 to 10000d" },
		{ "link.down for=-1", "'-1' is no time" },
		{ "link.down for=5x", "units: ms s m h d" },
		{ "link.down for=0.0001", "whole milliseconds" },
		{ "link.down for=0.0015s", "whole milliseconds" },
		{ "link.down for=10001d", "10000d" },
		{ "aof.backlog size=-1", "size: '-1' is no whole number of bytes" },
		{ "aof.backlog size=1.5GiB", "KiB MiB GiB" },
		{ "aof.backlog size=8193TiB", "8192TiB" },
		{ "aof.overgrown factor=-1", "no number from 0" },
		{ "aof.overgrown factor=4x", "no number from 0" },
		{ "aof.overgrown factor=1000000000000000", "15 digits" },
		{ "fork.memory critical=101", "no percentage from 0 to 100" },
		{ "fork.memory critical=100.1%", "no percentage" },
		{ "fork.memory critical=-1%", "no percentage" },
		{ "fork.memory critical=90%%", "no percentage" },
		{ "fork.memory critical=%", "no percentage" },
		{ "aof.rewrite_storm attempts=0", "no whole number from 1" },
		{ "aof.rewrite_storm attempts=1.5", "no whole number from 1" },
		/* One above the other. */
		{ "rdb.save_slow warning=601s", "warning=601s is above critical=10m" },
		{ "rdb.save_slow critical=119s", "warning=2m is above critical=119s" },
		{ "fork.memory warning=90", "warning=90% is above critical=85%" },
		/* Own rows: names. */
		{ "rdb.stale warning when keys > 1: T", "one of pinfod's own" },
		{ "nodot warning when keys > 1: T", "has a dot" },
		{ ".a warning when keys > 1: T", "has a dot in its midst" },
		{ "a. warning when keys > 1: T", "has a dot in its midst" },
		{ "A.b warning when keys > 1: T", "made of a-z" },
		{ "a.* warning when keys > 1: T", "made of a-z" },
		{ ID62 "zz warning when keys > 1: T", "up to 63 bytes, and not 64" },
		/* Their parts, one after another. */
		{ "a.b warnin when keys > 1: T", "did you mean 'warning'?" },
		{ "a.b none when keys > 1: T",
		  "'none' is no severity; there is: info, warning, critical" },
		{ "a.b: T", "'' is no severity" },
		{ "a.b warning keys > 1: T", "found 'keys' where 'when' belongs" },
		{ "a.b warning when key > 1: T", "did you mean 'keys'?" },
		{ "a.b warning when xyzzyx > 1: T", "'xyzzyx' is no field" },
		{ "a.b warning when: T", "'' is no field" },
		{ "a.b warning when keys 1: T", "a comparison is allowed" },
		{ "a.b warning when keys == 1: T", "> >= < <= = !=" },
		{ "a.b warning when keys => 1: T", "a comparison is allowed" },
		{ "a.b warning when keys >: T", "keys: '' is no number" },
		{ "a.b warning when keys > many: T", "'many' is no number" },
		{ "a.b warning when keys > 1GiB: T", "'1GiB' is no number" },
		{ "a.b warning when used_memory > 1h: T", "'1h' is no whole number" },
		{ "a.b warning when uptime_in_seconds > 1GiB: T", "no time" },
		{ "a.b warning when latest_fork_usec > 1GiB: T", "microseconds" },
		{ "a.b warning when latest_fork_usec > 0.0000001s: T", "microseconds" },
		{ "a.b warning when rdb_last_bgsave_status = ok: T", "1 is ok or up" },
		{ "a.b warning when keys > 1 during 5m: T",
		  "found 'during' where 'for'" },
		{ "a.b warning when keys > 1 for: T", "for: '' is no time" },
		{ "a.b warning when keys > 1 for 5q: T", "for: '5q' is no time" },
		{ "a.b warning when keys > 1 for 5m or so: T", "found 'or'" },
		{ "a.b warning when keys > 1", "does not say what it means" },
		{ "a.b warning when keys > 1: ", "does not say what it means" },
		{ "a.b warning when keys > 1: " T255 "t", "256 bytes; up to 255" },
		{ "a.b warning when keys > 1: a\x01", "a control character" },
		{ "rdb.stale\roff", "a control character" },
		{ T255 T255 "ttt", "it has 513 bytes; up to 512" },
	};
	struct rules r, before;

	(void)state;
	rules_init(&r);
	assert_true(rules_add(&r, "own.row info when keys > 1: T", (char[1]){ "" }, 1));
	rules_copy(&before, &r);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char error[512] = "";
		bool ok = rules_add(&r, rows[i].text, error, sizeof(error));

		if (ok || strstr(error, rows[i].error) == NULL)
			fail_msg("'%s': %d, '%s'", rows[i].text, ok, error);
		if (!rules_same(&r, &before))
			fail_msg("'%s' changes something", rows[i].text);
	}
	rules_fini(&before);
	rules_fini(&r);
}

static void
test_own_max(void **state)
{
	struct rules r;
	char text[64], error[512];

	(void)state;
	rules_init(&r);
	for (int i = 0; i < RULES_OWN_MAX; i++) {
		snprintf(text, sizeof(text), "own.%d info when keys > 1: T", i);
		assert_true(rules_add(&r, text, error, sizeof(error)));
	}
	assert_false(
		rules_add(&r, "own.more info when keys > 1: T", error, sizeof(error)));
	assert_non_null(strstr(error, "up to 32 own rows"));
	/* Another of the same name, or in its place. */
	assert_true(rules_add(&r, "own.7 info when keys > 2: T", error, sizeof(error)));
	assert_true(rules_add(&r, "own.0 off", error, sizeof(error)));
	assert_true(
		rules_add(&r, "own.more info when keys > 1: T", error, sizeof(error)));
	assert_int_equal(r.own_count, RULES_OWN_MAX);
	assert_string_equal(r.own[0].id, "own.1");
	assert_string_equal(r.own[RULES_OWN_MAX - 1].id, "own.more");
	rules_fini(&r);
}

static void
test_copy(void **state)
{
	struct rules from, to;
	char error[512];

	(void)state;
	rules_init(&from);
	memset(&to, 0x5a, sizeof(to));
	assert_true(rules_add(&from, "a.b critical when keys > 5 for 1m: T", error,
			      sizeof(error)));
	from.expect = EXPECT_AOF;
	from.memory_limit_bytes = 7;
	from.off[INCIDENT_RDB_STALE] = true;
	rules_copy(&to, &from);
	assert_true(rules_same(&to, &from));
	assert_ptr_not_equal(to.own[0].id, from.own[0].id);
	rules_fini(&from);
	assert_int_equal(from.own_count, 0);
	assert_string_equal(to.own[0].id, "a.b");
	assert_string_equal(to.own[0].text, "T");
	assert_int_equal(to.own[0].severity, SEVERITY_CRITICAL);
	assert_int_equal(to.own[0].field, F_keys);
	assert_int_equal(to.own[0].comparison, RULES_ABOVE);
	assert_true(to.own[0].limit == 5 && to.own[0].for_s == 60);
	assert_int_equal(to.expect, EXPECT_AOF);
	rules_fini(&to);
}

/* Each setting makes them differ. */
static void
test_same(void **state)
{
	static const char *const lines[] = {
		"rdb.stale off",
		"rdb.stale warning=1h",
		"a.b info when keys > 1: T",
	};
	struct rules a, b;
	char error[512];

	(void)state;
	rules_init(&a);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		rules_init(&b);
		assert_true(rules_same(&a, &b));
		assert_true(rules_add(&b, lines[i], error, sizeof(error)));
		assert_false(rules_same(&a, &b));
		rules_fini(&b);
	}
	rules_init(&b);
	b.expect = EXPECT_RDB;
	assert_false(rules_same(&a, &b));
	b.expect = EXPECT_ANY;
	b.memory_limit_bytes = 1;
	assert_false(rules_same(&a, &b));
	rules_fini(&a);
	rules_fini(&b);
}

static void
test_compare(void **state)
{
	/* Below, at and above the limit. */
	static const struct {
		const char *name;
		bool holds[3];
	} rows[] = {
		[RULES_ABOVE] = { ">", { false, false, true } },
		[RULES_BELOW] = { "<", { true, false, false } },
		[RULES_EQUAL] = { "=", { false, true, false } },
		[RULES_UNEQUAL] = { "!=", { true, false, true } },
		[RULES_AT_LEAST] = { ">=", { false, true, true } },
		[RULES_AT_MOST] = { "<=", { true, true, false } },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum rules_comparison c = (enum rules_comparison)i;

		assert_string_equal(rules_comparison_name(c), rows[i].name);
		for (int v = 0; v < 3; v++)
			assert_int_equal(rules_compare(c, 4 + v, 5), rows[i].holds[v]);
	}
}

static void
test_expect(void **state)
{
	static const char *const names[] = { "any", "none", "rdb", "aof", "both" };
	enum rules_expect expect = EXPECT_BOTH;

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_true(rules_expect_parse(names[i], &expect));
		assert_int_equal(expect, i);
		assert_string_equal(rules_expect_name(expect), names[i]);
	}
	assert_false(rules_expect_parse("", &expect));
	assert_false(rules_expect_parse("anything", &expect));
	assert_int_equal(expect, EXPECT_BOTH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presets),
		cmocka_unit_test(test_presets_can_be_said),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_own_max),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_expect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
