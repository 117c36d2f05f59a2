/*
 * incidents of the server as a whole: load.slow, server.restarted_empty,
 * persistence.off, writes.refused. Both sides of each threshold, and what looks
 * the same and is not.
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

/*
 * load.slow
 */

static void
load(struct drive *d, const char *how)
{
	begin(d, "redis-7.0-saved", "3600 1");
	drive_set(d, how, "1");
	drive_set(d, "loading_total_bytes", "1000");
	drive_set(d, "loading_loaded_bytes", "10");
	drive_set(d, "loading_loaded_perc", "1.00");
	drive_set(d, "loading_eta_seconds", "300");
	drive_until(d, 10);
	expect_facts(d, "10 load.started\n");
}

static void
test_load_slow_by_its_eta(void **arg)
{
	static const char *const how[] = { "loading", "async_loading" };

	(void)arg;
	for (unsigned i = 0; i < 2; i++) {
		struct drive d;

		load(&d, how[i]);
		expect_incidents(&d, "");
		drive_set(&d, "loading_eta_seconds", "301");
		drive_until(&d, 11);
		expect_incidents(&d, "11 raised load.slow warning\n");
		expect_near(drive_figure(&d, "load.slow", "eta_s"), 301);
		expect_near(drive_figure(&d, "load.slow", "loaded_percent"), 1);
		expect_said(&d, "load.slow", "5m 1s to go");
		drive_set(&d, how[i], "0");
		drive_drop(&d, "loading_eta_seconds");
		drive_until(&d, 12);
		expect_incidents(&d, "12 cleared load.slow warning\n");
		expect_facts(&d, "12 load.finished\n");
		drive_end(&d);
	}
}

static void
test_load_slow_without_progress(void **arg)
{
	struct drive d;

	(void)arg;
	load(&d, "loading");
	drive_until(&d, 40);
	drive_set(&d, "loading_loaded_bytes", "11");
	drive_until(&d, 100);
	expect_incidents(&d, "");
	drive_until(&d, 102);
	expect_incidents(&d, "101 raised load.slow warning\n");
	expect_near(drive_figure(&d, "load.slow", "still_s"), 60);
	expect_said(&d, "load.slow", "stands at 1.0 %");
	drive_set(&d, "loading_loaded_bytes", "12");
	drive_until(&d, 103);
	expect_incidents(&d, "103 cleared load.slow warning\n");
	/* A second load has its own minute. */
	drive_set(&d, "loading", "0");
	drive_until(&d, 150);
	drive_set(&d, "loading", "1");
	drive_set(&d, "loading_loaded_bytes", "0");
	drive_until(&d, 210);
	expect_incidents(&d, "");
	drive_until(&d, 211);
	expect_incidents(&d, "211 raised load.slow warning\n");
	drive_end(&d);
}

static void
test_load_slow_at_early_sample(void **arg)
{
	struct drive d;

	(void)arg;
	load(&d, "loading");
	drive_until_early(&d, 70);
	expect_incidents(&d, "69.999 raised load.slow warning\n");
	drive_end(&d);
}

/* loading is not async_loading, and its figures are there only while it is. */
static void
test_trap_loading_fields_are_absent(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-fresh", "3600 1");
	assert_false(snapshot_has(watch_snapshot(d.watch), F_loading_eta_seconds));
	drive_set(&d, "loading", "1");
	drive_until(&d, 30);
	expect_incidents(&d, "");
	drive_end(&d);
}

/* A replica that loads at its first sync. */
static void
test_silent_first_sync_of_a_replica(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-replica-alone", "3600 1");
	drive_set(&d, "master_sync_in_progress", "1");
	drive_until(&d, 20);
	drive_set(&d, "loading", "1");
	drive_set(&d, "loading_loaded_bytes", "1");
	drive_set(&d, "loading_eta_seconds", "20");
	drive_until(&d, 40);
	drive_set(&d, "loading", "0");
	drive_drop(&d, "loading_eta_seconds");
	drive_drop(&d, "loading_loaded_bytes");
	drive_set(&d, "master_sync_in_progress", "0");
	drive_set(&d, "master_link_status", "up");
	drive_set(&d, "db0", "keys=5000,expires=0,avg_ttl=0");
	drive_until(&d, 100);
	expect_incidents(&d, "");
	expect_facts(&d, "21 load.started\n41 load.finished\n");
	drive_end(&d);
}

/*
 * server.restarted_empty
 */

static void
keys(struct drive *d, double n)
{
	if (n == 0)
		drive_drop(d, "db0");
	else
		drive_set(d, "db0", "keys=%.0f,expires=0,avg_ttl=0", n);
}

static void
restart(struct drive *d, double before, double after)
{
	begin(d, "redis-7.0-saved", "3600 1");
	keys(d, before);
	drive_until(d, 20);
	keys(d, after);
	drive_restart(d, "another");
	drive_until(d, 30);
}

static void
test_restarted_empty(void **arg)
{
	static const struct {
		double before, after;
		bool raised;
	} rows[] = {
		{ 1000, 0, true },     { 1000, 499, true }, { 1000, 500, false },
		{ 1000, 2000, false }, { 0, 0, false },	    { 1, 0, true },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive d;

		restart(&d, rows[i].before, rows[i].after);
		expect_incidents(&d, rows[i].raised
					     ? "21 raised server.restarted_empty "
					       "critical\n"
					     : "");
		expect_facts(&d, "21 server.restarted warning\n");
		if (rows[i].raised) {
			expect_near(drive_figure(&d, "server.restarted_empty", "keys"),
				    rows[i].after);
			expect_near(drive_figure(&d, "server.restarted_empty",
						 "keys_before"),
				    rows[i].before);
		}
		/* What is lost later in this run is not of the restart. */
		keys(&d, rows[i].before);
		drive_until(&d, 40);
		if (rows[i].raised)
			expect_incidents(
				&d, "31 cleared server.restarted_empty critical\n");
		keys(&d, 0);
		drive_until(&d, 60);
		expect_incidents(&d, "");
		drive_end(&d);
	}
}

/* "half" is a threshold; none at all is always too few. */
static void
test_restarted_empty_with_another_share(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	d.rules.limit[T_EMPTY_SHARE] = 0;
	keys(&d, 1000);
	drive_until(&d, 20);
	keys(&d, 0);
	drive_restart(&d, "another");
	drive_until(&d, 30);
	expect_incidents(&d, "21 raised server.restarted_empty critical\n");
	keys(&d, 1);
	drive_until(&d, 40);
	expect_incidents(&d, "31 cleared server.restarted_empty critical\n");
	drive_end(&d);
}

/* It is judged when the load has ended, and not before. */
static void
test_restarted_empty_after_the_load(void **arg)
{
	static const char *const how[] = { "loading", "async_loading" };

	(void)arg;
	for (unsigned i = 0; i < 2; i++) {
		struct drive d;

		begin(&d, "redis-7.0-saved", "3600 1");
		keys(&d, 1000);
		drive_until(&d, 20);
		keys(&d, 0);
		drive_set(&d, how[i], "1");
		drive_set(&d, "loading_eta_seconds", "5");
		drive_restart(&d, "another");
		drive_until(&d, 30);
		expect_incidents(&d, "");
		expect_facts(&d, "21 server.restarted warning\n21 load.started\n");
		drive_set(&d, how[i], "0");
		drive_until(&d, 31);
		expect_incidents(&d, "31 raised server.restarted_empty critical\n");
		/* Not wanted any more. */
		d.rules.expect = EXPECT_NONE;
		drive_until(&d, 32);
		expect_incidents(&d, "32 cleared server.restarted_empty critical\n");
		drive_end(&d);
	}
}

/* Nor by the keys of a sample that was taken while it loaded. */
static void
test_restarted_empty_waits_for_the_keys(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	keys(&d, 1000);
	drive_until(&d, 20);
	keys(&d, 0);
	drive_set(&d, "loading", "1");
	drive_restart(&d, "another");
	drive_until(&d, 30);
	drive_set(&d, "loading", "0");
	keys(&d, 1000);
	d.wide_silent = true;
	drive_until(&d, 33);
	d.wide_silent = false;
	drive_until(&d, 50);
	expect_incidents(&d, "");
	drive_end(&d);
}

static void
test_silent_flushall(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	keys(&d, 1000);
	drive_until(&d, 20);
	keys(&d, 0);
	drive_until(&d, 100);
	expect_nothing(&d);
	drive_end(&d);
}

/* Key counts mean something on a replica only with its link up. */
static void
test_trap_keys_of_a_replica_out_of_sync(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-replica", "3600 1");
	keys(&d, 1000);
	drive_until(&d, 20);
	keys(&d, 0);
	drive_set(&d, "master_link_status", "down");
	drive_restart(&d, "another");
	drive_until(&d, 60);
	expect_incidents(&d, "");
	keys(&d, 900);
	drive_set(&d, "master_link_status", "up");
	drive_until(&d, 100);
	expect_incidents(&d, "");
	/* And empty with its link up it is. */
	keys(&d, 0);
	drive_restart(&d, "third");
	drive_until(&d, 110);
	expect_incidents(&d, "101 raised server.restarted_empty critical\n");
	drive_set(&d, "master_link_status", "down");
	drive_until(&d, 130);
	expect_incidents(&d, "");
	drive_end(&d);
}

static void
test_restarted_empty_as_expected(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	d.rules.expect = EXPECT_NONE;
	keys(&d, 1000);
	drive_until(&d, 20);
	keys(&d, 0);
	drive_restart(&d, "another");
	drive_until(&d, 60);
	expect_incidents(&d, "");
	drive_end(&d);
}

static void
test_restarted_empty_ends_by_an_ack(void **arg)
{
	struct drive d;

	(void)arg;
	restart(&d, 1000, 0);
	d.incidents[0] = '\0';
	assert_true(watch_ack(d.watch, "server.restarted_empty", drive_now(&d)));
	expect_incidents(&d, "30 cleared server.restarted_empty critical\n");
	expect_said(&d, "server.restarted_empty", "acknowledged");
	assert_true(drive_last(&d, "server.restarted_empty")->acked);
	assert_false(
		watch_history(d.watch)->open[INCIDENT_SERVER_RESTARTED_EMPTY].open);
	drive_until(&d, 100);
	expect_incidents(&d, "");
	assert_false(watch_ack(d.watch, "server.restarted_empty", drive_now(&d)));
	/* What is there now counts from now on. */
	keys(&d, 10);
	drive_until(&d, 110);
	keys(&d, 0);
	drive_restart(&d, "third");
	drive_until(&d, 120);
	expect_incidents(&d, "111 raised server.restarted_empty critical\n");
	expect_near(drive_figure(&d, "server.restarted_empty", "keys_before"), 10);
	drive_end(&d);
}

/* A second restart, while it is open, is measured by what was there at first. */
static void
test_restarted_empty_twice(void **arg)
{
	struct drive d;

	(void)arg;
	restart(&d, 1000, 5);
	drive_restart(&d, "third");
	drive_until(&d, 60);
	expect_incidents(&d, "21 raised server.restarted_empty critical\n");
	keys(&d, 600);
	drive_until(&d, 70);
	expect_incidents(&d, "61 cleared server.restarted_empty critical\n");
	drive_end(&d);
}

/* A planned restart told to the daemon by STOP. */
static void
test_silent_planned_restart(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	keys(&d, 1000);
	drive_until(&d, 20);
	watch_stopped(d.watch, drive_now(&d));
	drive_until(&d, 20);
	keys(&d, 0);
	watch_started(d.watch, drive_now(&d));
	drive_restart(&d, "another");
	drive_until(&d, 60);
	expect_incidents(&d, "");
	expect_facts(&d, "20 target.stopped\n20 target.started\n");
	drive_end(&d);
}

/*
 * persistence.off
 */

static void
test_persistence_off(void **arg)
{
	/* expect, AOF on, save points; what it says, or NULL */
	static const struct {
		enum rules_expect expect;
		bool aof;
		const char *points, *says;
	} rows[] = {
		{ EXPECT_ANY, false, "", "no AOF, and there are no save points" },
		{ EXPECT_ANY, true, "", NULL },
		{ EXPECT_ANY, false, "3600 1", NULL },
		{ EXPECT_ANY, true, "3600 1", NULL },
		{ EXPECT_RDB, true, "", "there are no save points" },
		{ EXPECT_RDB, false, "3600 1", NULL },
		{ EXPECT_RDB, false, "", "no save points" },
		{ EXPECT_AOF, false, "3600 1", "there is no AOF" },
		{ EXPECT_AOF, true, "", NULL },
		{ EXPECT_BOTH, true, "", "there are no save points" },
		{ EXPECT_BOTH, false, "3600 1", "there is no AOF" },
		{ EXPECT_BOTH, true, "3600 1", NULL },
		{ EXPECT_BOTH, false, "", "there is no AOF" },
		{ EXPECT_NONE, false, "", NULL },
		/* Without CONFIG GET what is known of the AOF is known all the same. */
		{ EXPECT_AOF, false, NULL, "there is no AOF" },
		{ EXPECT_BOTH, false, NULL, "there is no AOF" },
		{ EXPECT_AOF, true, NULL, NULL },
		{ EXPECT_RDB, true, NULL, NULL },
		{ EXPECT_ANY, true, NULL, NULL },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive d;

		print_message("row %zu\n", i);
		drive_begin(&d, rows[i].aof ? "redis-7.0-aof" : "redis-7.0-fresh");
		d.rules.expect = rows[i].expect;
		d.points = rows[i].points;
		drive_until(&d, 10);
		expect_incidents(&d, rows[i].says != NULL
					     ? "0 raised persistence.off warning\n"
					     : "");
		if (rows[i].says != NULL)
			expect_said(&d, "persistence.off", rows[i].says);
		/* And none of it is a guess. */
		assert_null(strstr(drive_summary(&d, "persistence.off"), "seem"));
		drive_end(&d);
	}
}

static void
test_persistence_off_comes_and_goes(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	d.points = "";
	drive_until(&d, 20);
	expect_incidents(&d, "10 raised persistence.off warning\n");
	expect_facts(&d, "10 persistence.changed warning\n");
	expect_near(drive_figure(&d, "persistence.off", "keys"),
		    snapshot_get(watch_snapshot(d.watch), F_keys));
	drive_set(&d, "connected_slaves", "1");
	drive_until(&d, 30);
	expect_incidents(&d, "25 changed persistence.off critical\n");
	/* What it is while it loads nobody knows. */
	drive_set(&d, "loading", "1");
	drive_until(&d, 32);
	drive_set(&d, "loading", "0");
	drive_until(&d, 33);
	expect_incidents(&d, "");
	/* A replica has no replicas that it could empty by itself. */
	drive_set(&d, "role", "slave");
	drive_until(&d, 38);
	expect_incidents(&d, "38 changed persistence.off warning\n");
	drive_set(&d, "aof_enabled", "1");
	drive_set(&d, "aof_current_size", "1");
	drive_until(&d, 39);
	expect_incidents(&d, "39 cleared persistence.off warning\n");
	drive_end(&d);
}

/* Nor while it loads or synchronizes: its AOF is off for a while. */
static void
test_persistence_off_not_while_syncing(void **arg)
{
	static const char *const how[] = { "loading", "master_sync_in_progress" };

	(void)arg;
	for (unsigned i = 0; i < 2; i++) {
		struct drive d;

		begin(&d, "redis-6.0-aof", "");
		drive_set(&d, how[i], "1");
		drive_set(&d, "aof_enabled", "0");
		drive_drop(&d, "aof_current_size");
		drive_until(&d, 100);
		expect_incidents(&d, "");
		drive_set(&d, how[i], "0");
		drive_until(&d, 110);
		assert_non_null(
			strstr(d.incidents, "raised persistence.off warning\n"));
		drive_end(&d);
	}
}

/* appendonly is set, and it is off: aof.stopped tells of that. */
static void
test_persistence_off_is_not_a_stopped_aof(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof", "");
	drive_set(&d, "aof_enabled", "0");
	drive_until(&d, 60);
	expect_incidents(&d, "40 raised aof.stopped critical\n");
	drive_end(&d);
}

/* Without CONFIG GET: no attempt while there are changes, for 26 h. */
static void
guess(struct drive *d, const char *fixture, double changes)
{
	drive_begin(d, fixture);
	d->points = NULL;
	d->every = 60;
	for (unsigned i = 0; i < INCIDENT_COUNT; i++)
		d->rules.off[i] = i != INCIDENT_PERSISTENCE_OFF;
	drive_put(d, "rdb_changes_since_last_save", changes);
	drive_until(d, 0);
}

static void
test_persistence_off_is_guessed(void **arg)
{
	static const char *const fixtures[] = { "redis-7.0-saved", "redis-6.0-saved" };

	(void)arg;
	for (unsigned i = 0; i < 2; i++) {
		struct drive d;

		guess(&d, fixtures[i], 5);
		drive_until(&d, 93540);
		expect_incidents(&d, "");
		drive_until(&d, 93660);
		expect_incidents(&d, "93600 raised persistence.off warning\n");
		expect_said(&d, "persistence.off", "no save was tried for 1d 2h");
		expect_near(drive_figure(&d, "persistence.off", "changes"), 5);
		/* An attempt says that there are save points. */
		if (i == 0)
			drive_add(&d, "rdb_saves", 1);
		else
			drive_saved(&d);
		drive_until(&d, 93720);
		expect_incidents(&d, "93720 cleared persistence.off warning\n");
		drive_end(&d);
	}
}

static void
test_persistence_off_is_not_guessed(void **arg)
{
	struct drive d;

	(void)arg;
	guess(&d, "redis-7.0-saved", 0);
	drive_until(&d, 200000);
	expect_incidents(&d, "");
	/* From the first change on. */
	drive_set(&d, "rdb_changes_since_last_save", "1");
	drive_until(&d, 293000);
	expect_incidents(&d, "");
	drive_until(&d, 294000);
	expect_incidents(&d, "293580 raised persistence.off warning\n");
	drive_end(&d);

	guess(&d, "redis-7.0-saved", 5);
	d.rules.expect = EXPECT_RDB;
	drive_set(&d, "aof_enabled", "1");
	drive_until(&d, 93660);
	expect_incidents(&d, "93600 raised persistence.off warning\n");
	expect_said(&d, "persistence.off", "seem to be no save points");
	drive_end(&d);

	/* Nobody has answered yet. */
	guess(&d, "redis-7.0-saved", 5);
	watch_connected(d.watch, drive_now(&d));
	d.config_silent = true;
	drive_until(&d, 200000);
	expect_incidents(&d, "");
	drive_end(&d);
}

/*
 * writes.refused
 */

static void
refuse(struct drive *d, double count)
{
	drive_set(d, "errorstat_MISCONF", "count=%.0f", count);
}

static void
test_writes_refused_by_a_failed_save(void **arg)
{
	struct drive d;
	struct notice n;

	(void)arg;
	begin(&d, "redis-7.0-saved", "3600 1");
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 12);
	refuse(&d, 3);
	drive_until(&d, 13);
	expect_incidents(&d, "10 raised rdb.save_failed critical\n"
			     "13 raised writes.refused critical\n");
	expect_near(drive_figure(&d, "writes.refused", "refused"), 3);
	expect_said(&d, "writes.refused", "see rdb.save_failed");
	refuse(&d, 10);
	drive_until(&d, 20);
	assert_true(watch_open(d.watch, 1, drive_now(&d), &n));
	expect_near(n.figures[0].value, 10);
	drive_set(&d, "rdb_last_bgsave_status", "ok");
	drive_until(&d, 73);
	expect_incidents(&d, "21 cleared rdb.save_failed critical\n");
	drive_until(&d, 80);
	/* Flat since 15, seen each second; the last wide sample was at 21. */
	expect_incidents(&d, "76 cleared writes.refused critical\n");
	/* The next one counts for itself; why, nobody knows. */
	refuse(&d, 12);
	drive_until(&d, 90);
	expect_incidents(&d, "81 raised writes.refused critical\n");
	expect_near(drive_figure(&d, "writes.refused", "refused"), 2);
	expect_said(&d, "writes.refused", "what caused it is over");
	drive_end(&d);
}

static void
test_writes_refused_by_the_aof(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof", "");
	drive_set(&d, "aof_last_write_status", "err");
	/* Without save points a failed save blocks no writes. */
	drive_set(&d, "rdb_last_bgsave_status", "err");
	refuse(&d, 1);
	drive_until(&d, 10);
	expect_incidents(&d, "10 raised rdb.save_failed warning\n"
			     "10 raised aof.write_failed critical\n"
			     "10 raised writes.refused critical\n");
	expect_said(&d, "writes.refused", "see aof.write_failed");
	drive_end(&d);
}

/* Refusals of before we came, and a reset, are none; 6.0 does not count them. */
static void
test_trap_refusals_of_before(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-save-failed");
	drive_until(&d, 20);
	expect_incidents(&d, "0 raised rdb.save_failed critical\n");
	drive_drop(&d, "errorstat_MISCONF");
	drive_until(&d, 30);
	expect_incidents(&d, "");
	refuse(&d, 1);
	drive_until(&d, 31);
	expect_incidents(&d, "31 raised writes.refused critical\n");
	drive_end(&d);

	drive_begin(&d, "redis-6.0-save-failed");
	refuse(&d, 1);
	drive_until(&d, 20);
	refuse(&d, 9);
	drive_until(&d, 21);
	expect_incidents(&d, "0 raised rdb.save_failed critical\n"
			     "21 raised writes.refused critical\n");
	drive_end(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load_slow_by_its_eta),
		cmocka_unit_test(test_load_slow_without_progress),
		cmocka_unit_test(test_load_slow_at_early_sample),
		cmocka_unit_test(test_trap_loading_fields_are_absent),
		cmocka_unit_test(test_silent_first_sync_of_a_replica),
		cmocka_unit_test(test_restarted_empty),
		cmocka_unit_test(test_restarted_empty_with_another_share),
		cmocka_unit_test(test_restarted_empty_after_the_load),
		cmocka_unit_test(test_restarted_empty_waits_for_the_keys),
		cmocka_unit_test(test_silent_flushall),
		cmocka_unit_test(test_trap_keys_of_a_replica_out_of_sync),
		cmocka_unit_test(test_restarted_empty_as_expected),
		cmocka_unit_test(test_restarted_empty_ends_by_an_ack),
		cmocka_unit_test(test_restarted_empty_twice),
		cmocka_unit_test(test_silent_planned_restart),
		cmocka_unit_test(test_persistence_off),
		cmocka_unit_test(test_persistence_off_comes_and_goes),
		cmocka_unit_test(test_persistence_off_not_while_syncing),
		cmocka_unit_test(test_persistence_off_is_not_a_stopped_aof),
		cmocka_unit_test(test_persistence_off_is_guessed),
		cmocka_unit_test(test_persistence_off_is_not_guessed),
		cmocka_unit_test(test_writes_refused_by_a_failed_save),
		cmocka_unit_test(test_writes_refused_by_the_aof),
		cmocka_unit_test(test_trap_refusals_of_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
