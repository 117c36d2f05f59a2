/*
 * run: what is learnt of the run that a server is in, seen by what watch tells of
 * it: whose child it is, what was lost, what outlives a restart.
 */
#include "watch_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
begin(struct drive *d, const char *fixture)
{
	drive_begin(d, fixture);
	d->points = "3600 1";
	drive_add(d, "uptime_in_seconds", 1000);
	drive_set(d, "rdb_changes_since_last_save", "0");
	drive_until(d, 9);
	d->incidents[0] = d->facts[0] = '\0';
}

/*
 * Another run.
 */

/* A server that does not tell it is not another for that. */
static void
test_no_run_id_is_no_new_run(void **arg)
{
	struct drive d;
	char run_id[48];

	(void)arg;
	begin(&d, "redis-7.0-saved");
	snprintf(run_id, sizeof(run_id), "%.47s", drive_find(&d, "run_id")->value);
	drive_drop(&d, "run_id");
	drive_until(&d, 20);
	drive_set(&d, "run_id", "%s", run_id);
	drive_until(&d, 30);
	expect_nothing(&d);
	drive_end(&d);
}

static void
test_a_new_run_is_worth_writing(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	watch_history(d.watch)->dirty = false;
	drive_restart(&d, "another");
	drive_until(&d, 10);
	expect_facts(&d, "10 server.restarted warning\n");
	assert_true(watch_history(d.watch)->dirty);
	drive_end(&d);
}

/* Counters and offsets of the run before are not compared with this one's. */
static void
test_nothing_is_compared_across_a_restart(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_set(&d, "repl_backlog_active", "1");
	drive_set(&d, "master_repl_offset", "1000");
	drive_saving(&d);
	drive_saved(&d);
	drive_until(&d, 20);
	d.facts[0] = '\0';
	drive_restart(&d, "another");
	drive_set(&d, "rdb_saves", "9");
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_set(&d, "rdb_changes_since_last_save", "7");
	drive_set(&d, "master_repl_offset", "5000");
	drive_until(&d, 21);
	expect_incidents(&d, "21 raised rdb.save_failed critical\n");
	assert_null(strstr(drive_summary(&d, "rdb.save_failed"), "fork"));
	assert_null(strstr(drive_summary(&d, "rdb.save_failed"), "child"));
	assert_true(isnan(watch_at_risk(d.watch, drive_now(&d)).bytes));
	expect_facts(&d, "21 server.restarted warning\n");
	assert_true(isnan(drive_last(&d, "server.restarted")->at_risk.bytes));
	expect_near(drive_last(&d, "server.restarted")->at_risk.operations, 7);
	drive_end(&d);
}

/*
 * The child.
 */

/* Attempts of before we came are none of this child. */
static void
test_a_sync_that_runs_when_we_come(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	d.points = "3600 1";
	drive_set(&d, "rdb_saves", "9");
	drive_set(&d, "rdb_bgsave_in_progress", "1");
	drive_set(&d, "slave0", "ip=::1,port=1,state=send_bulk,offset=0,lag=0");
	drive_until(&d, 9);
	assert_null(strstr(d.facts, "rdb.save_started"));
	drive_end(&d);
}

/* Nor is it the child of the run before. */
static void
test_a_sync_after_a_restart(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_saving(&d);
	drive_until(&d, 20);
	expect_facts(&d, "10 rdb.save_started\n");
	drive_restart(&d, "another");
	drive_set(&d, "rdb_bgsave_in_progress", "1");
	drive_set(&d, "slave0", "ip=::1,port=1,state=send_bulk,offset=0,lag=0");
	drive_until(&d, 30);
	expect_facts(&d, "21 server.restarted warning\n");
	drive_end(&d);
}

/* Within the first second of both, so that only the attempt tells them apart. */
static void
test_a_save_at_the_heels_of_a_sync(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_set(&d, "rdb_bgsave_in_progress", "1");
	drive_set(&d, "rdb_current_bgsave_time_sec", "0");
	drive_until(&d, 10);
	expect_facts(&d, "");
	drive_saving(&d);
	drive_until(&d, 15);
	expect_facts(&d, "11 rdb.save_started\n");
	drive_end(&d);
}

/*
 * What is kept.
 */

static void
test_keys_count_when_they_are_all_there(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_set(&d, "db0", "keys=42");
	drive_until(&d, 10);
	/* At the wide sample that tells them, which is the next. */
	drive_set(&d, "db0", "keys=43");
	drive_until(&d, 15);
	expect_near(watch_history(d.watch)->keys, 43);
	/* Loading has ended, and its last count is of before that. */
	drive_set(&d, "loading", "1");
	drive_set(&d, "db0", "keys=1");
	drive_until(&d, 20);
	drive_set(&d, "loading", "0");
	d.wide_silent = true;
	drive_until(&d, 30);
	expect_near(watch_history(d.watch)->keys, 43);
	drive_end(&d);
	/* A replica without its master has what it happens to have. */
	begin(&d, "redis-7.0-replica");
	drive_set(&d, "db0", "keys=42");
	drive_until(&d, 15);
	drive_set(&d, "master_link_status", "down");
	drive_set(&d, "db0", "keys=1");
	drive_until(&d, 30);
	expect_near(watch_history(d.watch)->keys, 42);
	drive_end(&d);
}

static void
test_a_save_is_worth_writing(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	watch_history(d.watch)->dirty = false;
	drive_saving(&d);
	drive_until(&d, 12);
	assert_false(watch_history(d.watch)->dirty);
	drive_saved(&d);
	drive_until(&d, 13);
	assert_true(watch_history(d.watch)->dirty);
	drive_end(&d);
}

/* The attempt came with a sample before the one that tells of the forks. */
static void
test_attempts_are_counted_from_wide_to_wide(void **arg)
{
	struct drive d;
	struct notice n;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	d.wide_silent = true;
	drive_add(&d, "rdb_saves", 1);
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 12);
	expect_incidents(&d, "11 raised rdb.save_failed critical\n");
	assert_null(strstr(drive_summary(&d, "rdb.save_failed"), "fork"));
	d.wide_silent = false;
	drive_until(&d, 15);
	assert_true(watch_open(d.watch, 0, drive_now(&d), &n));
	assert_non_null(strstr(n.summary, "the fork failed"));
	drive_end(&d);
}

static void
test_at_risk_after_a_save(void **arg)
{
	struct drive d;
	struct at_risk risk;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_set(&d, "repl_backlog_active", "1");
	drive_set(&d, "master_repl_offset", "1000");
	drive_saving(&d);
	drive_saved(&d);
	drive_until(&d, 10);
	/* The change that came with it is no more than that. */
	drive_set(&d, "rdb_changes_since_last_save", "1");
	drive_put(&d, "rdb_last_save_time", drive_server_s(&d) + 1);
	drive_until(&d, 11);
	risk = watch_at_risk(d.watch, drive_now(&d));
	assert_true(risk.seconds >= 0 && risk.seconds < 1);
	assert_true(risk.operations == 1 && risk.bytes == 0);
	/* With an AOF nothing of it is known. */
	drive_set(&d, "aof_enabled", "1");
	drive_until(&d, 12);
	risk = watch_at_risk(d.watch, drive_now(&d));
	assert_true(isnan(risk.seconds) && isnan(risk.operations) && isnan(risk.bytes));
	drive_end(&d);
}

/*
 * A pending fsync.
 */

static void
test_repeats_begin_anew(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	drive_set(&d, "aof_pending_bio_fsync", "1");
	drive_until(&d, 10);
	expect_near((double)watch_repeat(d.watch).ns / 1e9 - DRIVE_MONO_S, 10.37);
	/* With another connection, for it may be another run. */
	watch_connected(d.watch, drive_now(&d));
	assert_true(watch_repeat(d.watch).ns == 0);
	drive_until(&d, 11);
	expect_near((double)watch_repeat(d.watch).ns / 1e9 - DRIVE_MONO_S, 11.37);
	/* And when one was seen in all of them. */
	drive_until(&d, 13.1);
	assert_non_null(strstr(d.incidents, "raised aof.fsync_stalled"));
	expect_near((double)watch_repeat(d.watch).ns / 1e9 - DRIVE_MONO_S, 13.47);
	drive_end(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_run_id_is_no_new_run),
		cmocka_unit_test(test_a_new_run_is_worth_writing),
		cmocka_unit_test(test_nothing_is_compared_across_a_restart),
		cmocka_unit_test(test_a_sync_that_runs_when_we_come),
		cmocka_unit_test(test_a_sync_after_a_restart),
		cmocka_unit_test(test_a_save_at_the_heels_of_a_sync),
		cmocka_unit_test(test_keys_count_when_they_are_all_there),
		cmocka_unit_test(test_a_save_is_worth_writing),
		cmocka_unit_test(test_attempts_are_counted_from_wide_to_wide),
		cmocka_unit_test(test_at_risk_after_a_save),
		cmocka_unit_test(test_repeats_begin_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
