/*
 * watch's facts: each is told once, with the right figures, and not when something
 * else looks like it.
 */
#include "watch_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
begin(struct drive *d, const char *fixture, const char *points)
{
	drive_begin(d, fixture);
	d->points = points;
	drive_until(d, 9);
	expect_nothing(d);
}

static void
test_save(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	drive_set(&d, "rdb_changes_since_last_save", "12");
	drive_set(&d, "current_save_keys_total", "500");
	drive_saving(&d);
	drive_until(&d, 15);
	expect_facts(&d, "10 rdb.save_started\n");
	/* Good news needs no advice. */
	assert_string_equal(drive_last(&d, "rdb.save_started")->advice, "");
	expect_near(drive_figure(&d, "rdb.save_started", "changes"), 12);
	expect_near(drive_figure(&d, "rdb.save_started", "keys"), 500);
	drive_saved(&d);
	drive_set(&d, "rdb_last_bgsave_time_sec", "6");
	drive_set(&d, "rdb_last_cow_size", "4096");
	drive_set(&d, "db0", "keys=500,expires=0,avg_ttl=0");
	drive_until(&d, 100);
	expect_facts(&d, "16 rdb.save_finished\n");
	expect_near(drive_figure(&d, "rdb.save_finished", "seconds"), 6);
	expect_said(&d, "rdb.save_finished", "after 6 s");
	expect_near(drive_figure(&d, "rdb.save_finished", "keys"), 500);
	expect_near(drive_figure(&d, "rdb.save_finished", "cow_bytes"), 4096);
	/* Between two samples, and with a clock that was set back meanwhile. */
	drive_saving(&d);
	drive_saved(&d);
	drive_until(&d, 105);
	expect_facts(&d, "101 rdb.save_finished\n");
	drive_put(&d, "rdb_last_save_time", drive_get(&d, "rdb_last_save_time") - 1);
	drive_set(&d, "rdb_last_bgsave_time_sec", "-1");
	drive_until(&d, 110);
	expect_facts(&d, "106 rdb.save_finished\n");
	expect_said(&d, "rdb.save_finished", "after 0 s");
	expect_incidents(&d, "");
	drive_end(&d);
}

static void
rewrite(struct drive *d, bool running, double attempts)
{
	drive_set(d, "aof_rewrite_in_progress", "%d", running);
	drive_add(d, "aof_rewrites", attempts);
	drive_add(d, "total_forks", attempts);
}

static void
test_rewrite(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof", "");
	rewrite(&d, true, 1);
	drive_set(&d, "aof_current_size", "7000");
	drive_until(&d, 15);
	expect_facts(&d, "10 aof.rewrite_started\n");
	expect_near(drive_figure(&d, "aof.rewrite_started", "aof_bytes"), 7000);
	rewrite(&d, false, 0);
	drive_set(&d, "aof_last_rewrite_time_sec", "6");
	drive_set(&d, "aof_last_cow_size", "4096");
	drive_until(&d, 20);
	expect_facts(&d, "16 aof.rewrite_finished\n");
	expect_near(drive_figure(&d, "aof.rewrite_finished", "seconds"), 6);
	expect_said(&d, "aof.rewrite_finished", "after 6 s");
	expect_near(drive_figure(&d, "aof.rewrite_finished", "aof_bytes"), 7000);
	expect_near(drive_figure(&d, "aof.rewrite_finished", "cow_bytes"), 4096);
	/* Between two samples. */
	rewrite(&d, false, 1);
	drive_set(&d, "aof_last_rewrite_time_sec", "0");
	drive_until(&d, 25);
	expect_facts(&d, "21 aof.rewrite_finished\n");
	expect_said(&d, "aof.rewrite_finished", "after 0 s");
	/* One behind another. */
	rewrite(&d, true, 1);
	drive_until(&d, 30);
	rewrite(&d, true, 1);
	drive_until(&d, 35);
	expect_facts(&d, "26 aof.rewrite_started\n31 aof.rewrite_finished\n"
			 "31 aof.rewrite_started\n");
	/* One that fails has not finished. */
	rewrite(&d, false, 0);
	drive_set(&d, "aof_last_bgrewrite_status", "err");
	drive_until(&d, 40);
	rewrite(&d, false, 1);
	drive_until(&d, 45);
	expect_facts(&d, "");
	expect_incidents(&d, "36 raised aof.rewrite_failed critical\n");
	drive_end(&d);
}

/* Before 7.0 nothing counts the attempts. */
static void
test_rewrite_6_0(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-6.0-aof", "");
	drive_set(&d, "aof_rewrite_in_progress", "1");
	drive_until(&d, 12);
	drive_set(&d, "aof_rewrite_in_progress", "0");
	drive_until(&d, 20);
	expect_facts(&d, "10 aof.rewrite_started\n13 aof.rewrite_finished\n");
	drive_end(&d);
}

static void
test_load(void **arg)
{
	static const char *const how[] = { "loading", "async_loading" };

	(void)arg;
	for (unsigned i = 0; i < 2; i++) {
		struct drive d;

		begin(&d, "redis-7.0-saved", "3600 1");
		drive_set(&d, how[i], "1");
		drive_set(&d, "loading_total_bytes", "777");
		drive_set(&d, "loading_eta_seconds", "3");
		drive_until(&d, 12);
		expect_facts(&d, "10 load.started\n");
		expect_near(drive_figure(&d, "load.started", "total_bytes"), 777);
		expect_near(drive_figure(&d, "load.started", "eta_s"), 3);
		/* A connection that broke meanwhile, and a slow answer, change nothing. */
		drive_reconnect(&d);
		d.wide_silent = true;
		drive_until(&d, 14);
		d.wide_silent = false;
		drive_until(&d, 20);
		expect_facts(&d, "");
		drive_set(&d, how[i], "0");
		drive_set(&d, "db0", "keys=42,expires=0,avg_ttl=0");
		drive_until(&d, 30);
		expect_facts(&d, "21 load.finished\n");
		expect_near(drive_figure(&d, "load.finished", "keys"), 42);
		drive_end(&d);
	}
}

static void
test_role_switched(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-replica", "3600 1");
	/* A failover where both ends stay healthy. */
	drive_set(&d, "role", "master");
	drive_set(&d, "connected_slaves", "1");
	drive_drop(&d, "master_link_status");
	drive_until(&d, 60);
	expect_facts(&d, "10 role.switched\n");
	expect_said(&d, "role.switched", "it was slave and is master");
	expect_incidents(&d, "");
	/* What is not told for a while was no switch. */
	drive_drop(&d, "role");
	drive_until(&d, 70);
	drive_set(&d, "role", "master");
	drive_until(&d, 80);
	expect_facts(&d, "");
	drive_end(&d);
}

static void
test_persistence_changed(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof", "3600 1");
	d.points = "3600 1 60 10";
	drive_until(&d, 14);
	expect_facts(&d, "10 persistence.changed warning\n");
	expect_said(&d, "persistence.changed", "the save points were changed");
	expect_near(drive_figure(&d, "persistence.changed", "save_points"), 2);
	expect_near(drive_figure(&d, "persistence.changed", "aof_enabled"), 1);
	d.points = "3600 1 60 11";
	drive_until(&d, 19);
	d.points = "3600 1 61 11";
	drive_until(&d, 24);
	d.points = "";
	drive_until(&d, 29);
	expect_facts(&d, "15 persistence.changed warning\n"
			 "20 persistence.changed warning\n"
			 "25 persistence.changed warning\n");
	expect_said(&d, "persistence.changed", "no save points any more");
	d.rules.expect = EXPECT_NONE;
	drive_set(&d, "aof_enabled", "0");
	drive_drop(&d, "aof_current_size");
	d.points = "60 1";
	/* Both in one step, as after a connection that broke. */
	drive_reconnect(&d);
	drive_until(&d, 33);
	expect_facts(&d, "30 persistence.changed warning\n");
	expect_said(&d, "persistence.changed",
		    "the AOF was switched off; the save points were changed");
	drive_set(&d, "aof_enabled", "1");
	drive_set(&d, "aof_current_size", "100");
	drive_until(&d, 34);
	expect_facts(&d, "34 persistence.changed warning\n");
	assert_string_equal(drive_summary(&d, "persistence.changed"),
			    "the AOF was switched on");
	assert_string_not_equal(drive_last(&d, "persistence.changed")->advice, "");
	expect_incidents(&d, "");
	drive_end(&d);
}

static void
test_persistence_changed_not_when(void **arg)
{
	static const char *const how[] = { "loading", "async_loading",
					   "master_sync_in_progress" };

	struct drive d;

	(void)arg;
	/* A full synchronization takes the AOF off and on again. */
	for (unsigned i = 0; i < 3; i++) {
		begin(&d, "redis-7.0-aof", "3600 1");
		drive_set(&d, how[i], "1");
		drive_set(&d, "aof_enabled", "0");
		drive_until(&d, 20);
		drive_set(&d, how[i], "0");
		drive_set(&d, "aof_enabled", "1");
		drive_until(&d, 40);
		assert_null(strstr(d.facts, "persistence.changed"));
		drive_end(&d);
	}
	/* Nor does one that failed between two samples switch it off. */
	begin(&d, "redis-7.0-aof", "3600 1");
	drive_set(&d, "aof_enabled", "0");
	drive_until(&d, 20);
	drive_set(&d, "aof_enabled", "1");
	drive_until(&d, 40);
	assert_null(strstr(d.facts, "persistence.changed"));
	drive_end(&d);
	/* After a restart all is new. */
	begin(&d, "redis-7.0-aof", "3600 1");
	d.points = "60 1";
	drive_set(&d, "aof_enabled", "0");
	drive_drop(&d, "aof_current_size");
	drive_restart(&d, "another");
	drive_until(&d, 40);
	expect_facts(&d, "10 server.restarted warning\n");
	drive_end(&d);
}

/* CONFIG RESETSTAT zeroes the counters and not the statuses. */
static void
test_silent_resetstat(void **arg)
{
	static const char *const counters[] = { "rdb_saves",   "aof_rewrites",
						"total_forks", "aof_delayed_fsync",
						"sync_full",   "latest_fork_usec" };
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-aof");
	d.points = "";
	for (unsigned i = 0; i < 6; i++)
		drive_set(&d, counters[i], "50");
	drive_set(&d, "errorstat_MISCONF", "count=50");
	drive_until(&d, 9);
	expect_nothing(&d);
	for (unsigned i = 0; i < 6; i++)
		drive_set(&d, counters[i], "0");
	drive_drop(&d, "errorstat_MISCONF");
	drive_until(&d, 100);
	expect_incidents(&d, "");
	expect_facts(&d, "10 stats.reset\n");
	drive_end(&d);
}

/* Each counter by itself shows it. */
static void
test_stats_reset_by_each_counter(void **arg)
{
	static const char *const counters[] = { "rdb_saves", "aof_rewrites",
						"aof_delayed_fsync", "total_forks",
						"sync_full" };
	struct drive d;

	(void)arg;
	for (unsigned i = 0; i < 5; i++) {
		drive_begin(&d, "redis-7.0-aof");
		d.points = "";
		drive_set(&d, counters[i], "2");
		drive_until(&d, 9);
		drive_set(&d, counters[i], "1");
		drive_until(&d, 20);
		expect_facts(&d, "10 stats.reset\n");
		drive_end(&d);
	}
	drive_begin(&d, "redis-7.0-aof");
	d.points = "";
	drive_set(&d, "errorstat_MISCONF", "count=2");
	drive_until(&d, 9);
	drive_set(&d, "errorstat_MISCONF", "count=1");
	drive_until(&d, 20);
	expect_facts(&d, "10 stats.reset\n");
	drive_end(&d);
}

/*
 * server.restarted
 */

static void
test_restarted(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	drive_set(&d, "rdb_changes_since_last_save", "31");
	drive_set(&d, "rdb_saves", "9");
	drive_set(&d, "db0", "keys=42,expires=0,avg_ttl=0");
	drive_until(&d, 20);
	d.facts[0] = '\0';
	drive_restart(&d, "another");
	drive_until(&d, 60);
	/* And nothing of saves, resets, or clocks. */
	expect_facts(&d, "21 server.restarted warning\n");
	expect_incidents(&d, "");
	expect_near(drive_figure(&d, "server.restarted", "changes_before"), 31);
	expect_near(drive_figure(&d, "server.restarted", "keys_before"), 42);
	expect_near(drive_figure(&d, "server.restarted", "uptime_s"), 1);
	expect_said(&d, "server.restarted", "31 changes were not saved");
	assert_string_equal(watch_history(d.watch)->run_id, "another");
	drive_end(&d);
}

/* With an AOF the changes since the last RDB file are not what is lost. */
static void
test_restarted_with_an_aof(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof", "");
	drive_until(&d, 20);
	drive_restart(&d, "another");
	drive_until(&d, 30);
	expect_facts(&d, "21 server.restarted warning\n");
	assert_true(isnan(drive_figure(&d, "server.restarted", "changes_before")));
	assert_null(strstr(drive_summary(&d, "server.restarted"), "changes"));
	drive_end(&d);
}

/* The wide sections are late: what came before them is not taken for the old run. */
static void
test_restarted_with_a_late_answer(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	drive_set(&d, "rdb_changes_since_last_save", "31");
	drive_set(&d, "rdb_saves", "9");
	drive_set(&d, "aof_rewrites", "9");
	drive_set(&d, "total_forks", "9");
	drive_until(&d, 19);
	d.facts[0] = '\0';
	d.wide_silent = d.config_silent = true;
	drive_restart(&d, "another");
	drive_until(&d, 25);
	expect_nothing(&d);
	d.wide_silent = d.config_silent = false;
	drive_until(&d, 60);
	expect_facts(&d, "26 server.restarted warning\n");
	expect_incidents(&d, "");
	expect_near(drive_figure(&d, "server.restarted", "changes_before"), 31);
	/* Nor is its start taken for a save. */
	assert_true(watch_history(d.watch)->last_save < 0);
	drive_end(&d);
}

/* A new connection to the same run is no restart: what happened meanwhile is told. */
static void
test_same_run_after_a_reconnect(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	d.state = TARGET_DOWN;
	d.reason = "EOF";
	drive_until(&d, 11);
	drive_saving(&d);
	drive_saved(&d);
	drive_reconnect(&d);
	drive_until(&d, 20);
	expect_facts(&d, "12 link.up\n12 rdb.save_finished\n");
	expect_incidents(&d, "");
	drive_end(&d);
}

/* Nothing is a figure, too. */
static void
test_restarted_with_nothing_at_risk(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	drive_set(&d, "db0", "keys=0");
	drive_set(&d, "rdb_changes_since_last_save", "0");
	drive_until(&d, 20);
	drive_restart(&d, "another");
	drive_until(&d, 30);
	expect_said(&d, "server.restarted", "; at the last sample before, 0 changes");
	expect_near(drive_figure(&d, "server.restarted", "changes_before"), 0);
	expect_near(drive_figure(&d, "server.restarted", "keys_before"), 0);
	drive_end(&d);
}

/* What runs then is told, though one ran at the end of the run before, too. */
static void
test_restarted_while_saving(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	drive_saving(&d);
	drive_until(&d, 20);
	d.facts[0] = '\0';
	drive_restart(&d, "another");
	drive_set(&d, "rdb_bgsave_in_progress", "1");
	drive_until(&d, 30);
	expect_facts(&d, "21 server.restarted warning\n21 rdb.save_started\n");
	drive_end(&d);
}

/* A clock that was wrong when we came has not jumped. */
static void
test_clock_that_is_wrong_is_no_jump(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	d.server_shift = 3600;
	drive_until(&d, 60);
	assert_null(strstr(d.facts, "server.clock_jump"));
	drive_end(&d);
}

/*
 * server.clock_jump
 */

static void
test_clock_jump(void **arg)
{
	static const struct {
		double by;
		bool told;
	} rows[] = { { 1.9, false },
		     { 2.1, true },
		     { -1.9, false },
		     { -2.1, true },
		     { 3600, true } };

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive d;

		begin(&d, "redis-7.0-saved", "3600 1");
		d.server_shift = rows[i].by;
		drive_until(&d, 40);
		expect_facts(&d, rows[i].told ? "10 server.clock_jump warning\n" : "");
		if (rows[i].told)
			assert_true(
				fabs(drive_figure(&d, "server.clock_jump", "jump_s") -
				     rows[i].by) < 0.001);
		drive_end(&d);
	}
}

/* Ours was set, or the machine with both of us slept: not the server's clock. */
static void
test_clock_jump_not_when_ours_did(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	drive_saved(&d);
	drive_until(&d, 12);
	expect_facts(&d, "10 rdb.save_finished\n");
	d.wall_shift = 3600;
	drive_until(&d, 20);
	expect_nothing(&d);
	d.wall_shift = d.server_shift = 7200;
	drive_until(&d, 30);
	/* Against ours it has been an hour, against the monotonic one two: both. */
	assert_non_null(strstr(d.facts, "server.clock_jump"));
	d.facts[0] = '\0';
	d.wall_shift += 100;
	d.server_shift += 100;
	drive_until(&d, 40);
	expect_nothing(&d);
	drive_end(&d);
}

/* What the answer took on its way is no jump: neither then, nor after. */
static void
test_clock_jump_not_by_a_slow_answer(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	d.every = 10;
	d.wide_takes = 5;
	drive_until(&d, 35);
	d.wide_takes = 0;
	drive_until(&d, 80);
	expect_nothing(&d);
	drive_end(&d);

	/* Nor what CONFIG takes behind it, sampled every 10 s. */
	drive_begin(&d, "redis-7.0-saved");
	d.every = 10;
	d.config_silent = true;
	drive_until(&d, 35);
	d.config_silent = false;
	drive_until(&d, 80);
	expect_nothing(&d);
	drive_end(&d);
}

static void
test_clock_save_in_the_future(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	drive_put(&d, "rdb_last_save_time", drive_server_s(&d) + 100);
	drive_until(&d, 50);
	expect_facts(&d, "0 server.clock_jump warning\n");
	expect_said(&d, "server.clock_jump", "in its future");
	assert_true(isnan(drive_figure(&d, "server.clock_jump", "jump_s")));
	/* Time goes on, and it comes again. */
	drive_until(&d, 150);
	drive_put(&d, "rdb_last_save_time", drive_server_s(&d) + 100);
	drive_until(&d, 160);
	assert_non_null(strstr(d.facts, "151 server.clock_jump warning\n"));
	drive_end(&d);
}

/* Durations can be negative after a step: that shows on 6.0, too. */
static void
test_trap_negative_durations(void **arg)
{
	static const char *const fixtures[] = { "redis-7.0-saved", "redis-6.0-saved" };

	(void)arg;
	for (unsigned i = 0; i < 2; i++) {
		struct drive d;

		begin(&d, fixtures[i], "3600 1");
		drive_set(&d, "rdb_last_bgsave_time_sec", "-1");
		drive_until(&d, 12);
		expect_facts(&d, "");
		drive_set(&d, "rdb_last_bgsave_time_sec", "-3595");
		drive_until(&d, 30);
		expect_facts(&d, "13 server.clock_jump warning\n");
		expect_said(&d, "server.clock_jump", "negative");
		drive_set(&d, "rdb_last_bgsave_time_sec", "3");
		drive_until(&d, 40);
		expect_facts(&d, "");
		/* -1 is none; and one is told once. */
		drive_set(&d, "rdb_last_bgsave_time_sec", "-2");
		drive_until(&d, 50);
		drive_set(&d, "rdb_last_bgsave_time_sec", "-3");
		drive_until(&d, 60);
		expect_facts(&d, "41 server.clock_jump warning\n");
		assert_true(watch_history(d.watch)->longest_save_s < 1);
		drive_end(&d);
	}
}

static void
test_gap_and_heartbeat(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	watch_gap(d.watch, 7, drive_now(&d));
	expect_facts(&d, "9 watch.gap warning\n");
	expect_near(drive_figure(&d, "watch.gap", "seconds"), 7);
	watch_heartbeat(d.watch, 100, 3, drive_now(&d));
	expect_facts(&d, "9 heartbeat\n");
	assert_int_equal(drive_last(&d, "heartbeat")->samples, 100);
	assert_int_equal(drive_last(&d, "heartbeat")->missed, 3);
	assert_int_equal(drive_last(&d, "heartbeat")->kind, NOTICE_HEARTBEAT);
	expect_said(&d, "heartbeat", "up");
	/* Switched off like the others. */
	d.rules.off[FACT_WATCH_GAP] = d.rules.off[FACT_HEARTBEAT] = true;
	d.rules.off[FACT_RDB_SAVE_FINISHED] = true;
	watch_gap(d.watch, 7, drive_now(&d));
	watch_heartbeat(d.watch, 100, 3, drive_now(&d));
	drive_saving(&d);
	drive_saved(&d);
	drive_until(&d, 20);
	expect_nothing(&d);
	drive_end(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_save),
		cmocka_unit_test(test_rewrite),
		cmocka_unit_test(test_rewrite_6_0),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_role_switched),
		cmocka_unit_test(test_persistence_changed),
		cmocka_unit_test(test_persistence_changed_not_when),
		cmocka_unit_test(test_silent_resetstat),
		cmocka_unit_test(test_stats_reset_by_each_counter),
		cmocka_unit_test(test_restarted),
		cmocka_unit_test(test_restarted_with_an_aof),
		cmocka_unit_test(test_restarted_with_a_late_answer),
		cmocka_unit_test(test_same_run_after_a_reconnect),
		cmocka_unit_test(test_restarted_with_nothing_at_risk),
		cmocka_unit_test(test_restarted_while_saving),
		cmocka_unit_test(test_clock_that_is_wrong_is_no_jump),
		cmocka_unit_test(test_clock_jump),
		cmocka_unit_test(test_clock_jump_not_when_ours_did),
		cmocka_unit_test(test_clock_jump_not_by_a_slow_answer),
		cmocka_unit_test(test_clock_save_in_the_future),
		cmocka_unit_test(test_trap_negative_durations),
		cmocka_unit_test(test_gap_and_heartbeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
