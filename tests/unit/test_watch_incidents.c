/*
 * incidents: what each keeps from step to step, what it tells, and what becomes of it
 * when rules, runs and watches end. test_watch_engine has the holds.
 */
#include "watch_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "detect.h"

static void
make_rules(struct rules *rules, const char *const texts[], size_t count)
{
	char error[256];

	rules_init(rules);
	for (size_t i = 0; i < count; i++) {
		if (!rules_add(rules, texts[i], error, sizeof(error)))
			fail_msg("%s", error);
	}
}

static void
test_sizes_in_words(void **arg)
{
	static const struct {
		double bytes;
		const char *words;
	} rows[] = {
		{ 0, "0 bytes" },
		{ 1023, "1023 bytes" },
		{ 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" },
		{ 1048576, "1.0 MiB" },
		{ 64.0 * 1073741824, "64.0 GiB" },
		{ 1099511627776, "1.0 TiB" },
		{ 5e18, "4547473.5 TiB" },
	};
	char buf[32];

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(detect_size(buf, rows[i].bytes), rows[i].words);
}

/* When, since when, and nothing of what it said while it was open. */
static void
test_what_is_told(void **arg)
{
	struct drive d;
	const struct notice *n;
	struct notice open;

	(void)arg;
	drive_begin(&d, "redis-7.0-save-failed");
	drive_until(&d, 3);
	n = drive_last(&d, "rdb.save_failed");
	assert_int_equal(n->kind, NOTICE_RAISED);
	expect_near(clock_wall_s(n->at), d.wall_s);
	expect_near(clock_wall_s(n->since), d.wall_s);
	assert_false(n->silenced);
	assert_int_equal(n->open_critical, 1);
	assert_true(watch_open(d.watch, 0, drive_now(&d), &open));
	expect_near(clock_wall_s(open.at), d.wall_s + 3);
	expect_near(clock_wall_s(open.since), d.wall_s);
	drive_saved(&d);
	drive_until(&d, 4);
	n = drive_last(&d, "rdb.save_failed");
	assert_int_equal(n->kind, NOTICE_CLEARED);
	expect_near(clock_wall_s(n->at), d.wall_s + 4);
	expect_near(clock_wall_s(n->since), d.wall_s);
	assert_int_equal(n->figure_count, 1);
	expect_near(drive_figure(&d, "rdb.save_failed", "duration_s"), 4);
	/* What is told to be over no longer counts. */
	assert_int_equal(n->open_critical, 0);
	drive_end(&d);
}

static void
test_over_at_once(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-save-failed");
	drive_until(&d, 0);
	watch_stopped(d.watch, drive_now(&d));
	expect_incidents(&d, "0 raised rdb.save_failed critical\n"
			     "0 cleared rdb.save_failed critical\n");
	expect_near(drive_figure(&d, "rdb.save_failed", "duration_s"), 0);
	drive_end(&d);
}

/* As many rules, but others: by their ids, each of them. */
static void
test_rules_exchanged(void **arg)
{
	static const char *const before[] = { "a.one warning when rdb_saves > 0: ONE",
					      "a.two warning when rdb_saves > 0: TWO" };
	static const char *const first[] = { "b.one warning when rdb_saves > 0: ONE",
					     "a.two warning when rdb_saves > 0: TWO" };
	static const char *const second[] = { "b.one warning when rdb_saves > 0: ONE",
					      "b.two warning when rdb_saves > 0: TWO" };
	static const char *const both[] = { "c.one warning when rdb_saves > 0: ONE",
					    "c.two warning when rdb_saves > 0: TWO" };
	static const struct {
		const char *const *texts;
		const char *told;
	} rows[] = {
		{ before, "0 raised a.one warning\n0 raised a.two warning\n" },
		{ first, "1 cleared a.one warning\n1 raised b.one warning\n" },
		{ second, "2 cleared a.two warning\n2 raised b.two warning\n" },
		{ both, "3 cleared b.one warning\n3 cleared b.two warning\n"
			"3 raised c.one warning\n3 raised c.two warning\n" },
	};
	struct drive d;
	struct rules rules[4];
	char *told;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	for (size_t i = 0; i < 4; i++) {
		make_rules(&rules[i], rows[i].texts, 2);
		watch_set_rules(d.watch, &rules[i], drive_now(&d));
		/* What is open is told anew, and what is gone may be closed by that. */
		drive_until(&d, (double)i);
		told = d.incidents;
		for (const char *line = rows[i].told; *line != '\0';) {
			size_t len = strcspn(line, "\n") + 1;
			char want[64], *at;

			snprintf(want, sizeof(want), "%.*s", (int)len - 2, line + 2);
			at = strstr(told, want);
			if (at == NULL)
				fail_msg("%zu: no '%s' in:\n%s", i, want, told);
			line += len;
		}
		d.incidents[0] = '\0';
	}
	watch_stopped(d.watch, drive_now(&d));
	expect_incidents(&d, "3 cleared c.one warning\n3 cleared c.two warning\n");
	watch_free(d.watch);
	for (size_t i = 0; i < 4; i++)
		rules_fini(&rules[i]);
	rules_fini(&d.rules);
}

/* The very first row of the catalogue is no exception: link.down. */
static void
test_the_first_of_the_catalogue(void **arg)
{
	static const struct watch_handlers handlers = { .notice = drive_notice_cb };
	struct drive d;
	struct history kept;
	struct notice n;
	unsigned warning, critical;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	drive_until(&d, 9);
	d.state = TARGET_DOWN;
	d.reason = "Connection refused";
	drive_until(&d, 20);
	assert_true(watch_history(d.watch)->open[INCIDENT_LINK_DOWN].open);
	assert_true(watch_open(d.watch, 0, drive_now(&d), &n));
	assert_string_equal(n.incident, "link.down");
	watch_counts(d.watch, &warning, &critical);
	assert_int_equal(warning + critical, 1);
	assert_true(watch_ack(d.watch, "link.down", drive_now(&d)));
	kept = *watch_history(d.watch);
	/* pinfod ends and begins again. */
	watch_free(d.watch);
	d.watch = watch_new("orders", &d.rules, &handlers, &d);
	*watch_history(d.watch) = kept;
	watch_started(d.watch, drive_now(&d));
	assert_true(watch_open(d.watch, 0, drive_now(&d), &n));
	assert_string_equal(n.incident, "link.down");
	assert_true(n.acked);
	d.incidents[0] = '\0';
	/* STOP closes it. */
	watch_stopped(d.watch, drive_now(&d));
	expect_incidents(&d, "20 cleared link.down critical\n");
	assert_false(watch_open(d.watch, 0, drive_now(&d), &n));
	drive_end(&d);
}

/* Nothing that goes on as it is has to be written again. */
static void
test_open_is_not_dirty(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-save-failed");
	drive_until(&d, 9);
	watch_history(d.watch)->dirty = false;
	drive_until(&d, 30);
	assert_true(watch_history(d.watch)->open[INCIDENT_RDB_SAVE_FAILED].open);
	assert_false(watch_history(d.watch)->dirty);
	drive_end(&d);
}

/* What held before a STOP, or in the run before, does not count for a hold. */
static void
test_holds_begin_anew(void **arg)
{
	static const char *const own[] = {
		"a.rule warning when rdb_saves > 0 for 5s: WHY"
	};
	struct drive d;
	struct rules rules;

	(void)arg;
	drive_begin(&d, "redis-7.0-aof");
	make_rules(&rules, own, 1);
	watch_set_rules(d.watch, &rules, drive_now(&d));
	drive_set(&d, "rdb_saves", "0");
	drive_until(&d, 9);
	/* aof.backlog and the rule hold after 5 s, aof.stopped after 30. */
	drive_set(&d, "rdb_saves", "1");
	drive_set(&d, "aof_buffer_length", "50000000");
	drive_set(&d, "aof_pending_bio_fsync", "1");
	d.no_repeats = true;
	drive_until(&d, 13);
	expect_incidents(&d, "");
	watch_stopped(d.watch, drive_now(&d));
	watch_started(d.watch, drive_now(&d));
	drive_reconnect(&d);
	drive_until(&d, 18);
	expect_incidents(&d, "");
	drive_until(&d, 19);
	expect_incidents(&d,
			 "19 raised aof.backlog critical\n19 raised a.rule warning\n");
	watch_free(d.watch);
	rules_fini(&rules);
	rules_fini(&d.rules);
}

/* A detector's notes are of one run: what a new one shows holds from then on. */
static void
test_notes_of_the_run_before(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-aof");
	d.no_repeats = true;
	drive_until(&d, 9);
	drive_set(&d, "aof_buffer_length", "50000000");
	drive_set(&d, "aof_pending_bio_fsync", "1");
	drive_until(&d, 13);
	drive_restart(&d, "another");
	drive_until(&d, 18);
	expect_incidents(&d, "");
	drive_until(&d, 19);
	expect_incidents(&d, "19 raised aof.backlog critical\n");
	drive_end(&d);
}

/* One that is only for information is listed, and counts for nothing. */
static void
test_information_does_not_count(void **arg)
{
	static const char *const own[] = { "a.info info when rdb_saves > 0: WHY" };
	struct drive d;
	struct rules rules;
	struct notice n;
	unsigned warning, critical;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	make_rules(&rules, own, 1);
	watch_set_rules(d.watch, &rules, drive_now(&d));
	drive_until(&d, 3);
	assert_true(watch_open(d.watch, 0, drive_now(&d), &n));
	assert_string_equal(n.incident, "a.info");
	watch_counts(d.watch, &warning, &critical);
	assert_int_equal(warning + critical, 0);
	/* The first of the operator's own can be acknowledged. */
	assert_true(watch_ack(d.watch, "a.info", drive_now(&d)));
	assert_true(watch_open(d.watch, 0, drive_now(&d), &n));
	assert_true(n.acked);
	watch_free(d.watch);
	rules_fini(&rules);
	rules_fini(&d.rules);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_in_words),
		cmocka_unit_test(test_what_is_told),
		cmocka_unit_test(test_over_at_once),
		cmocka_unit_test(test_rules_exchanged),
		cmocka_unit_test(test_the_first_of_the_catalogue),
		cmocka_unit_test(test_open_is_not_dirty),
		cmocka_unit_test(test_holds_begin_anew),
		cmocka_unit_test(test_notes_of_the_run_before),
		cmocka_unit_test(test_information_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
