/*
 * incidents of saves and of the forks that they are made by: rdb.*, fork.*,
 * save.starved, module.fork_blocking. Both sides of each threshold, and what looks
 * the same and is not.
 */
#include "watch_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* A master that has saved once, with rdb_last_save_time well after its start. */
static void
begin_with(struct drive *d, const char *fixture, const char *points)
{
	drive_begin(d, fixture);
	d->points = points;
	d->rules.off[INCIDENT_PERSISTENCE_OFF] = true;
	drive_add(d, "uptime_in_seconds", 1000);
	drive_set(d, "rdb_changes_since_last_save", "0");
	drive_until(d, 9);
	expect_incidents(d, "");
	d->facts[0] = '\0';
}

static void
begin(struct drive *d, const char *fixture)
{
	begin_with(d, fixture, "3600 1 300 100 60 10000");
}

/*
 * rdb.save_failed
 */

static void
test_save_failed_fork(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	/* An attempt, and no fork. */
	drive_set(&d, "rdb_changes_since_last_save", "77");
	drive_add(&d, "rdb_saves", 1);
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 10);
	expect_incidents(&d, "10 raised rdb.save_failed critical\n");
	expect_said(&d, "rdb.save_failed", "the fork failed");
	expect_said(&d, "rdb.save_failed", "77 changes not saved");
	expect_near(drive_figure(&d, "rdb.save_failed", "changes"), 77);
	expect_near(drive_figure(&d, "rdb.save_failed", "attempts"), 2);
	assert_non_null(
		strstr(drive_last(&d, "rdb.save_failed")->advice, "overcommit_memory"));
	/* It is tried again, and stays the same incident. */
	for (unsigned i = 0; i < 3; i++) {
		drive_add(&d, "rdb_saves", 1);
		drive_until(&d, 16 + 6 * i);
	}
	expect_nothing(&d);
	drive_saved(&d);
	drive_until(&d, 29);
	expect_incidents(&d, "29 cleared rdb.save_failed critical\n");
	expect_near(drive_figure(&d, "rdb.save_failed", "duration_s"), 19);
	expect_facts(&d, "29 rdb.save_finished\n");
	drive_end(&d);
}

static void
test_save_failed_child_between_two_samples(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_add(&d, "rdb_saves", 1);
	drive_add(&d, "total_forks", 1);
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 10);
	expect_incidents(&d, "10 raised rdb.save_failed critical\n");
	expect_said(&d, "rdb.save_failed", "child ended with an error");
	assert_non_null(
		strstr(drive_last(&d, "rdb.save_failed")->advice, "CONFIG GET"));
	drive_end(&d);
}

/* The attempt was counted long before, when the child was seen to begin. */
static void
test_save_failed_child_that_was_seen(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_saving(&d);
	drive_until(&d, 20);
	expect_incidents(&d, "");
	drive_set(&d, "rdb_bgsave_in_progress", "0");
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 21);
	expect_incidents(&d, "21 raised rdb.save_failed critical\n");
	expect_said(&d, "rdb.save_failed", "child ended with an error");
	drive_end(&d);
}

/* A module's or a replica's fork does not hide that ours failed: nor invent it. */
static void
test_save_failed_cause_is_unknown_when_it_was_before_us(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-save-failed");
	drive_until(&d, 3);
	expect_incidents(&d, "0 raised rdb.save_failed critical\n");
	assert_null(strstr(drive_summary(&d, "rdb.save_failed"), "fork"));
	assert_null(strstr(drive_summary(&d, "rdb.save_failed"), "child"));
	/* Nobody knows when the last good one was. */
	assert_null(strstr(drive_summary(&d, "rdb.save_failed"), "ago"));
	assert_true(isnan(drive_figure(&d, "rdb.save_failed", "save_age_s")));
	drive_end(&d);
}

static void
test_save_failed_cause_needs_7_0(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-6.0-saved");
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 10);
	expect_incidents(&d, "10 raised rdb.save_failed critical\n");
	assert_null(strstr(drive_summary(&d, "rdb.save_failed"), "fork"));
	assert_true(isnan(drive_figure(&d, "rdb.save_failed", "attempts")));
	drive_end(&d);
}

/* The last cause is told, by who asks: not a cause of an earlier failure. */
static void
test_save_failed_causes_do_not_outlive_it(void **arg)
{
	struct drive d;
	struct notice n;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_add(&d, "rdb_saves", 1);
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 10);
	expect_said(&d, "rdb.save_failed", "the fork failed");
	/* A rewrite in between has its own attempt and fork. */
	drive_add(&d, "rdb_saves", 1);
	drive_add(&d, "aof_rewrites", 1);
	drive_add(&d, "total_forks", 2);
	drive_until(&d, 12);
	assert_true(watch_open(d.watch, 0, drive_now(&d), &n));
	assert_non_null(strstr(n.summary, "child ended"));
	/* CONFIG RESETSTAT: attempts fall, and say nothing. */
	drive_set(&d, "rdb_saves", "0");
	drive_set(&d, "total_forks", "0");
	drive_until(&d, 14);
	assert_true(watch_open(d.watch, 0, drive_now(&d), &n));
	assert_non_null(strstr(n.summary, "child ended"));
	/* While the next one runs it has not failed. */
	drive_saving(&d);
	drive_set(&d, "total_forks", "0");
	drive_until(&d, 16);
	assert_true(watch_open(d.watch, 0, drive_now(&d), &n));
	assert_non_null(strstr(n.summary, "child ended"));
	drive_saved(&d);
	drive_until(&d, 18);
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 19);
	assert_null(strstr(drive_summary(&d, "rdb.save_failed"), "child"));
	drive_end(&d);
}

/* The next one is under way, and its fork says nothing of the one that failed. */
static void
test_save_failed_cause_stays_while_the_next_runs(void **arg)
{
	struct drive d;
	struct notice n;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_add(&d, "rdb_saves", 1);
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 10);
	expect_said(&d, "rdb.save_failed", "the fork failed");
	drive_saving(&d);
	drive_until(&d, 16);
	assert_true(watch_open(d.watch, 0, drive_now(&d), &n));
	assert_non_null(strstr(n.summary, "the fork failed"));
	drive_end(&d);
}

/* A rewrite's failed fork counts among the attempts without one. */
static void
test_save_failed_counts_rewrites(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_add(&d, "rdb_saves", 1);
	drive_add(&d, "aof_rewrites", 1);
	drive_add(&d, "total_forks", 1);
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 10);
	expect_said(&d, "rdb.save_failed", "the fork failed");
	drive_end(&d);
}

static void
test_save_failed_severity_follows_the_save_points(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-save-failed");
	drive_until(&d, 3);
	expect_incidents(&d, "0 raised rdb.save_failed critical\n");
	d.points = "";
	drive_until(&d, 10);
	expect_incidents(&d, "5 changed rdb.save_failed warning\n"
			     "5 raised persistence.off warning\n");
	d.points = "60 1";
	drive_until(&d, 15);
	expect_incidents(&d, "15 changed rdb.save_failed critical\n"
			     "15 cleared persistence.off warning\n");
	drive_end(&d);
}

/* kill -USR1 of a save child, and a manual BGSAVE without save points. */
static void
test_silent_cancelled_save(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_saving(&d);
	drive_until(&d, 15);
	drive_set(&d, "rdb_bgsave_in_progress", "0");
	drive_until(&d, 60);
	expect_incidents(&d, "");
	expect_facts(&d, "10 rdb.save_started\n");
	drive_end(&d);
}

static void
test_silent_manual_save_without_points(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	rules_init(&d.rules);
	d.rules.expect = EXPECT_NONE;
	d.points = "";
	drive_until(&d, 9);
	drive_saving(&d);
	drive_until(&d, 15);
	drive_saved(&d);
	drive_until(&d, 30);
	expect_incidents(&d, "");
	expect_facts(&d, "10 rdb.save_started\n16 rdb.save_finished\n");
	drive_end(&d);
}

/*
 * rdb.save_stuck
 */

/* The child sends its progress at each 1,024th key, once a second. */
static void
saving(struct drive *d, double total)
{
	begin(d, "redis-7.0-saved");
	drive_saving(d);
	drive_put(d, "current_save_keys_total", total);
	drive_set(d, "current_save_keys_processed", "1025");
	drive_until(d, 10);
	d->facts[0] = '\0';
}

static void
step_at(struct drive *d, double t, double processed)
{
	drive_until(d, t - 1);
	drive_put(d, "current_save_keys_processed", processed);
	drive_until(d, t);
}

/* The time of the child goes on in INFO as well. */
static void
tick_cb(struct drive *d)
{
	if (drive_get(d, "rdb_bgsave_in_progress") != 0)
		drive_put(d, "rdb_current_bgsave_time_sec", floor(d->t - 10));
	else
		drive_set(d, "rdb_current_bgsave_time_sec", "-1");
}

static void
test_save_stuck(void **arg)
{
	struct drive d;

	(void)arg;
	saving(&d, 4096);
	d.before = tick_cb;
	step_at(&d, 11, 1200);
	step_at(&d, 12, 2049);
	drive_until(&d, 71);
	expect_incidents(&d, "");
	drive_until(&d, 72);
	expect_incidents(&d, "72 raised rdb.save_stuck critical\n");
	expect_said(&d, "rdb.save_stuck", "2049 of 4096 keys");
	expect_near(drive_figure(&d, "rdb.save_stuck", "keys_saved"), 2049);
	expect_near(drive_figure(&d, "rdb.save_stuck", "keys_total"), 4096);
	expect_near(drive_figure(&d, "rdb.save_stuck", "still_s"), 60);
	step_at(&d, 90, 3073);
	expect_incidents(&d, "90 cleared rdb.save_stuck critical\n");
	/* Two steps more are not asked for; that step took 78 s, of which five. */
	drive_until(&d, 482);
	expect_incidents(&d, "130 raised rdb.save_slow warning\n"
			     "480 raised rdb.save_stuck critical\n");
	drive_saved(&d);
	drive_until(&d, 483);
	expect_incidents(&d, "483 cleared rdb.save_stuck critical\n"
			     "483 cleared rdb.save_slow warning\n");
	drive_end(&d);
}

static void
test_save_stuck_at_early_sample(void **arg)
{
	struct drive d;

	(void)arg;
	saving(&d, 4096);
	step_at(&d, 11, 1200);
	step_at(&d, 12, 2049);
	drive_until_early(&d, 72);
	expect_incidents(&d, "71.999 raised rdb.save_stuck critical\n");
	drive_end(&d);
}

static void
test_save_stuck_bounds(void **arg)
{
	/* keys in all; steps; at what it stands; whether that is stuck */
	static const struct {
		double total;
		unsigned steps;
		double at;
		bool stuck;
	} rows[] = {
		{ 4096, 2, 2000, true },     { 4095, 2, 2000, false },
		{ 60000, 1, 2000, false },   { 60000, 0, 1025, false },
		{ 100000, 2, 94999, true },  { 100000, 2, 95000, false },
		{ 100000, 3, 99999, false }, { 400, 2, 300, false },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive d;

		print_message("row %zu\n", i);
		saving(&d, rows[i].total);
		for (unsigned k = 0; k < rows[i].steps; k++)
			step_at(&d, 11 + k, rows[i].at - 10 * (rows[i].steps - k - 1));
		/* The child's own time stands: this is not about rdb.save_slow. */
		drive_until(&d, 300);
		assert_int_equal(strstr(d.incidents, "rdb.save_stuck") != NULL,
				 rows[i].stuck);
		drive_end(&d);
	}
}

/* Five times the longest step, where that is more than a minute. */
static void
test_save_stuck_patience_grows_with_the_steps(void **arg)
{
	struct drive d;

	(void)arg;
	saving(&d, 60000);
	step_at(&d, 11, 2049);
	step_at(&d, 31, 3073);
	step_at(&d, 41, 4097);
	drive_until(&d, 140);
	expect_incidents(&d, "");
	drive_until(&d, 141);
	expect_incidents(&d, "141 raised rdb.save_stuck critical\n");
	drive_end(&d);
}

/* Another save is another child: its steps begin anew. */
static void
test_save_stuck_is_of_one_save(void **arg)
{
	struct drive d;

	(void)arg;
	saving(&d, 60000);
	step_at(&d, 11, 2049);
	step_at(&d, 12, 3073);
	drive_until(&d, 20);
	drive_saved(&d);
	drive_until(&d, 21);
	drive_saving(&d);
	drive_set(&d, "current_save_keys_processed", "3073");
	drive_set(&d, "current_save_keys_total", "60000");
	drive_until(&d, 200);
	expect_incidents(&d, "");
	/* So is one that began between two samples: fewer keys, or of others. */
	step_at(&d, 201, 4097);
	step_at(&d, 202, 5121);
	step_at(&d, 203, 1025);
	drive_until(&d, 300);
	step_at(&d, 301, 2049);
	step_at(&d, 302, 3073);
	drive_until(&d, 310);
	drive_set(&d, "current_save_keys_total", "60001");
	drive_until(&d, 500);
	expect_incidents(&d, "");
	drive_end(&d);
}

/* Quick steps first, so that only what comes then keeps it from being stuck. */
static void
test_save_stuck_begins_anew_with_another_child(void **arg)
{
	static const struct {
		double done, total;
		bool stuck;
	} rows[] = {
		{ 3073, 60000, true },
		{ 1025, 60000, false },
		{ 3073, 60001, false },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive d;

		saving(&d, 60000);
		step_at(&d, 11, 2049);
		step_at(&d, 12, 3073);
		drive_put(&d, "current_save_keys_processed", rows[i].done);
		drive_put(&d, "current_save_keys_total", rows[i].total);
		drive_until(&d, 200);
		expect_incidents(
			&d, rows[i].stuck ? "72 raised rdb.save_stuck critical\n" : "");
		/* And what is stuck ends with its child. */
		drive_set(&d, "current_save_keys_processed", "900");
		drive_until(&d, 210);
		expect_incidents(&d, rows[i].stuck
					     ? "201 cleared rdb.save_stuck critical\n"
					     : "");
		drive_end(&d);
	}
}

/* Rules that have more patience end it, too. */
static void
test_save_stuck_ends_with_more_patience(void **arg)
{
	struct drive d;

	(void)arg;
	saving(&d, 60000);
	step_at(&d, 11, 2049);
	step_at(&d, 12, 3073);
	drive_until(&d, 80);
	expect_incidents(&d, "72 raised rdb.save_stuck critical\n");
	d.rules.limit[T_SAVE_STUCK_FOR] = 3600;
	drive_until(&d, 81);
	expect_incidents(&d, "81 cleared rdb.save_stuck critical\n");
	/* A step ends it at once, also between two wide samples. */
	d.rules.limit[T_SAVE_STUCK_FOR] = 60;
	step_at(&d, 83, 4097);
	expect_incidents(&d, "82 raised rdb.save_stuck critical\n"
			     "83 cleared rdb.save_stuck critical\n");
	drive_end(&d);
}

static void
test_save_stuck_needs_6_2(void **arg)
{
	struct drive d;
	const char *blind;
	bool told = false;

	(void)arg;
	begin(&d, "redis-6.0-saving");
	for (unsigned i = 0; (blind = watch_blind(d.watch, i)) != NULL; i++)
		told |= strcmp(blind, "rdb.save_stuck: this server does not tell "
				      "current_save_keys_total") == 0;
	assert_true(told);
	drive_until(&d, 200);
	expect_incidents(&d, "");
	drive_end(&d);
}

/*
 * rdb.save_slow
 */

static void
test_save_slow(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	d.before = tick_cb;
	drive_saving(&d);
	drive_until(&d, 129);
	expect_incidents(&d, "");
	drive_until(&d, 609);
	expect_incidents(&d, "130 raised rdb.save_slow warning\n");
	expect_near(drive_figure(&d, "rdb.save_slow", "seconds"), 120);
	drive_until(&d, 612);
	expect_incidents(&d, "610 changed rdb.save_slow critical\n");
	drive_saved(&d);
	drive_until(&d, 613);
	expect_incidents(&d, "613 cleared rdb.save_slow critical\n");
	drive_end(&d);
}

/* A diskless full sync, also a slow one: no save was tried. */
static void
test_silent_slow_diskless_sync(void **arg)
{
	static const char *const fixtures[] = { "redis-7.0-saved", "redis-6.0-saved" };

	(void)arg;
	for (unsigned i = 0; i < 2; i++) {
		struct drive d;

		begin(&d, fixtures[i]);
		d.before = tick_cb;
		drive_set(&d, "rdb_bgsave_in_progress", "1");
		drive_add(&d, "sync_full", 1);
		drive_set(&d, "slave0", "ip=::1,port=1,state=send_bulk,offset=0,lag=0");
		drive_set(&d, "current_save_keys_total", "60000");
		drive_set(&d, "current_save_keys_processed", "1025");
		step_at(&d, 11, 2049);
		step_at(&d, 12, 3073);
		drive_until(&d, 1300);
		drive_set(&d, "rdb_bgsave_in_progress", "0");
		drive_until(&d, 1310);
		expect_nothing(&d);
		drive_end(&d);
	}
}

/* Also when it was there before us, and right behind a quick save. */
static void
test_child_of_a_sync_is_told_from_a_save(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-master-syncing");
	drive_set(&d, "rdb_current_bgsave_time_sec", "700");
	drive_until(&d, 30);
	expect_nothing(&d);
	drive_end(&d);

	drive_begin(&d, "redis-7.0-saving");
	drive_set(&d, "rdb_current_bgsave_time_sec", "700");
	drive_until(&d, 30);
	expect_incidents(&d, "0 raised rdb.save_slow critical\n");
	drive_end(&d);

	/* A save began and ended, and the child of a sync runs. */
	begin(&d, "redis-7.0-saved");
	drive_saving(&d);
	drive_saved(&d);
	drive_set(&d, "rdb_bgsave_in_progress", "1");
	drive_add(&d, "sync_full", 1);
	drive_until(&d, 10);
	drive_set(&d, "rdb_current_bgsave_time_sec", "130");
	drive_until(&d, 20);
	expect_incidents(&d, "");
	expect_facts(&d, "10 rdb.save_finished\n");
	drive_end(&d);

	/* The save was seen, and ended; a second one began at once. */
	begin(&d, "redis-7.0-saved");
	drive_saving(&d);
	drive_set(&d, "rdb_current_bgsave_time_sec", "5");
	drive_until(&d, 10);
	drive_saved(&d);
	drive_saving(&d);
	drive_until(&d, 11);
	drive_set(&d, "rdb_current_bgsave_time_sec", "130");
	drive_until(&d, 12);
	expect_facts(&d, "10 rdb.save_started\n11 rdb.save_finished\n"
			 "11 rdb.save_started\n");
	expect_incidents(&d, "12 raised rdb.save_slow warning\n");
	drive_end(&d);

	/* The same, within the first second of the first. */
	begin(&d, "redis-7.0-saved");
	drive_saving(&d);
	drive_until(&d, 10);
	d.t = 10.5;
	drive_saved(&d);
	drive_set(&d, "rdb_bgsave_in_progress", "1");
	drive_set(&d, "rdb_current_bgsave_time_sec", "0");
	drive_add(&d, "sync_full", 1);
	drive_until(&d, 11);
	drive_set(&d, "rdb_current_bgsave_time_sec", "130");
	drive_until(&d, 20);
	expect_facts(&d, "10 rdb.save_started\n11 rdb.save_finished\n");
	expect_incidents(&d, "");
	drive_end(&d);

	/* Of two syncs and a quick save between them. */
	begin(&d, "redis-7.0-saved");
	drive_set(&d, "rdb_bgsave_in_progress", "1");
	drive_set(&d, "rdb_current_bgsave_time_sec", "9");
	drive_until(&d, 10);
	drive_saving(&d);
	drive_saved(&d);
	drive_set(&d, "rdb_bgsave_in_progress", "1");
	drive_set(&d, "rdb_current_bgsave_time_sec", "0");
	drive_until(&d, 11);
	drive_set(&d, "rdb_current_bgsave_time_sec", "130");
	drive_until(&d, 20);
	expect_facts(&d, "11 rdb.save_finished\n");
	expect_incidents(&d, "");
	drive_end(&d);
}

/* A save of 400 large keys, and the final fsync of any: they stand still. */
static void
test_silent_save_of_few_large_keys(void **arg)
{
	struct drive d;

	(void)arg;
	saving(&d, 400);
	d.before = tick_cb;
	step_at(&d, 11, 1);
	step_at(&d, 12, 2);
	drive_until(&d, 129);
	drive_saved(&d);
	drive_until(&d, 140);
	expect_incidents(&d, "");
	drive_end(&d);
}

/*
 * rdb.stale and rdb.never_saved
 */

/* Saved just now, changed ever since; sampled less often, for it takes hours. */
static void
stale(struct drive *d, const char *points)
{
	begin_with(d, "redis-7.0-saved", points);
	d->every = 60;
	drive_saved(d);
	drive_until(d, 10);
	drive_set(d, "rdb_changes_since_last_save", "5");
	d->facts[0] = '\0';
}

static void
test_stale(void **arg)
{
	struct drive d;

	(void)arg;
	stale(&d, "3600 1 300 100 60 10000");
	drive_until(&d, 7200);
	expect_incidents(&d, "");
	drive_until(&d, 86300);
	expect_incidents(&d, "7210 raised rdb.stale warning\n");
	assert_true(fabs(drive_figure(&d, "rdb.stale", "save_age_s") - 7201) < 1.5);
	expect_near(drive_figure(&d, "rdb.stale", "changes"), 5);
	expect_near(drive_last(&d, "rdb.stale")->at_risk.operations, 5);
	drive_until(&d, 87000);
	expect_incidents(&d, "86410 changed rdb.stale critical\n");
	drive_saved(&d);
	drive_until(&d, 87060);
	expect_incidents(&d, "87010 cleared rdb.stale critical\n");
	drive_end(&d);
}

/* 1.5 times the longest save point, and the longest save that was seen. */
/* Without save points how long a save takes says nothing of when one is due. */
static void
test_stale_without_save_points(void **arg)
{
	struct drive d;

	(void)arg;
	begin_with(&d, "redis-7.0-saved", "");
	drive_saved(&d);
	drive_until(&d, 10);
	watch_history(d.watch)->longest_save_s = 9000;
	drive_set(&d, "rdb_changes_since_last_save", "1");
	drive_until(&d, 7300);
	expect_incidents(&d, "7209 raised rdb.stale warning\n");
	drive_end(&d);
	/* Nor do points that are no more. */
	begin_with(&d, "redis-7.0-saved", "60 1 36000 1");
	drive_saved(&d);
	drive_until(&d, 10);
	d.points = "60 1";
	drive_set(&d, "rdb_changes_since_last_save", "1");
	drive_until(&d, 7300);
	expect_incidents(&d, "7209 raised rdb.stale warning\n");
	drive_end(&d);
}

static void
test_stale_waits_for_the_save_points(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	d.points = "60 100 10000 1";
	d.every = 60;
	drive_set(&d, "rdb_last_bgsave_time_sec", "600");
	drive_saved(&d);
	drive_until(&d, 10);
	drive_set(&d, "rdb_changes_since_last_save", "1");
	drive_until(&d, 15600);
	expect_incidents(&d, "");
	drive_until(&d, 15700);
	expect_incidents(&d, "15610 raised rdb.stale warning\n");
	drive_end(&d);

	/* Even where that is longer than the bound of critical. */
	stale(&d, "80000 1");
	drive_until(&d, 119900);
	expect_incidents(&d, "");
	drive_until(&d, 120100);
	expect_incidents(&d, "120010 raised rdb.stale critical\n");
	drive_end(&d);
}

/* An idle server whose last save is a month old. */
static void
test_silent_idle_for_a_month(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	d.points = "3600 1";
	d.every = 3600;
	drive_saved(&d);
	drive_until(&d, 30 * 86400);
	expect_incidents(&d, "");
	/* One write then is not a month at risk without a save. */
	drive_end(&d);
}

/* One write a second under a single save point, for ten of its periods. */
static double rdb_saved_at;

static void
write_cb(struct drive *d)
{
	drive_add(d, "rdb_changes_since_last_save", 1);
	if (d->t - rdb_saved_at <= 3600 + 1)
		return;
	rdb_saved_at = d->t;
	drive_saving(d);
	drive_saved(d);
}

static void
test_silent_one_write_a_second_under_one_save_point(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	d.points = "3600 1";
	rdb_saved_at = d.t;
	drive_saved(&d);
	d.before = write_cb;
	drive_until(&d, 36100);
	expect_incidents(&d, "");
	drive_end(&d);
}

static void
test_stale_not_when(void **arg)
{
	struct drive d;

	(void)arg;
	/* With an AOF, and no word on save points. */
	stale(&d, NULL);
	drive_set(&d, "aof_enabled", "1");
	drive_until(&d, 20000);
	expect_incidents(&d, "");
	drive_end(&d);

	stale(&d, "");
	drive_set(&d, "aof_enabled", "1");
	drive_until(&d, 20000);
	expect_incidents(&d, "");
	drive_end(&d);

	/* With both, RDB files are wanted. */
	stale(&d, "3600 1");
	drive_set(&d, "aof_enabled", "1");
	drive_until(&d, 20000);
	expect_incidents(&d, "7210 raised rdb.stale warning\n");
	d.rules.expect = EXPECT_AOF;
	drive_until(&d, 20060);
	expect_incidents(&d, "20050 cleared rdb.stale warning\n");
	drive_end(&d);

	stale(&d, "");
	d.rules.expect = EXPECT_NONE;
	drive_until(&d, 200000);
	expect_incidents(&d, "");
	drive_end(&d);
}

static void
test_stale_keeps_quiet_while_loading(void **arg)
{
	struct drive d;

	(void)arg;
	stale(&d, "3600 1");
	drive_until(&d, 7300);
	expect_incidents(&d, "7210 raised rdb.stale warning\n");
	drive_set(&d, "loading", "1");
	drive_until(&d, 7350);
	expect_incidents(&d, "7330 cleared rdb.stale warning\n");
	drive_end(&d);
}

/*
 * rdb_last_save_time equals the start time at boot: an age from it alone lies.
 */
static void
test_trap_save_time_is_the_start_time(void **arg)
{
	static const char *const fixtures[] = { "redis-7.0-fresh", "redis-6.0-fresh" };

	(void)arg;
	for (unsigned i = 0; i < 2; i++) {
		struct drive d;

		drive_begin(&d, fixtures[i]);
		d.points = "3600 1";
		drive_set(&d, "rdb_changes_since_last_save", "9");
		d.every = 60;
		drive_until(&d, 60);
		assert_true(isnan(watch_at_risk(d.watch, drive_now(&d)).seconds));
		expect_near(watch_at_risk(d.watch, drive_now(&d)).operations, 9);
		drive_until(&d, 7140);
		expect_incidents(&d, "");
		drive_until(&d, 90000);
		expect_incidents(&d, "7200 raised rdb.never_saved warning\n");
		expect_near(drive_figure(&d, "rdb.never_saved", "changes"), 9);
		expect_near(drive_figure(&d, "rdb.never_saved", "uptime_s"), 7200);
		drive_saved(&d);
		drive_until(&d, 90100);
		expect_incidents(&d, "90060 cleared rdb.never_saved warning\n");
		drive_end(&d);
	}
}

/* Two seconds on either side of the start are the start. */
static void
test_trap_margin_of_the_start(void **arg)
{
	static const struct {
		double behind;
		bool known;
	} rows[] = { { -2, false }, { 0, false }, { 2, false },
		     { 3, true },   { -3, true }, { 3600, true } };

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive d;

		drive_begin(&d, "redis-7.0-fresh");
		d.wall_s = 1.8e9;
		drive_set(&d, "uptime_in_seconds", "10000");
		drive_put(&d, "rdb_last_save_time", 1.8e9 - 10000 + rows[i].behind);
		drive_set(&d, "rdb_changes_since_last_save", "1");
		drive_until(&d, 0);
		assert_int_equal(isnan(watch_at_risk(d.watch, drive_now(&d)).seconds),
				 !rows[i].known);
		if (rows[i].known)
			expect_near(watch_at_risk(d.watch, drive_now(&d)).seconds,
				    10000 - rows[i].behind);
		drive_end(&d);
	}
}

/* What pinfod saw itself, in an earlier run too, is better. */
static void
test_memory_of_the_last_save_outlives_a_restart(void **arg)
{
	struct drive d;

	(void)arg;
	stale(&d, "3600 1");
	drive_until(&d, 3000);
	drive_restart(&d, "another");
	drive_set(&d, "rdb_changes_since_last_save", "5");
	drive_until(&d, 7200);
	assert_true(fabs(watch_at_risk(d.watch, drive_now(&d)).seconds - 7191) < 1.5);
	expect_incidents(&d, "");
	drive_until(&d, 7300);
	expect_incidents(&d, "7210 raised rdb.stale warning\n");
	drive_end(&d);
}

static void
test_never_saved_not_when(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-fresh");
	d.every = 60;
	drive_until(&d, 20000);
	expect_incidents(&d, "");
	drive_set(&d, "rdb_changes_since_last_save", "1");
	drive_set(&d, "aof_enabled", "1");
	drive_until(&d, 20100);
	expect_incidents(&d, "");
	drive_set(&d, "aof_enabled", "0");
	drive_until(&d, 20200);
	expect_incidents(&d, "20160 raised rdb.never_saved warning\n");
	drive_end(&d);

	/* A longer save point is waited for. */
	drive_begin(&d, "redis-7.0-fresh");
	d.points = "10000 1";
	d.every = 60;
	drive_set(&d, "rdb_changes_since_last_save", "1");
	drive_until(&d, 14940);
	expect_incidents(&d, "");
	drive_until(&d, 15000);
	expect_incidents(&d, "15000 raised rdb.never_saved warning\n");
	d.rules.expect = EXPECT_AOF;
	d.rules.off[INCIDENT_PERSISTENCE_OFF] = true;
	drive_until(&d, 15060);
	expect_incidents(&d, "15060 cleared rdb.never_saved warning\n");
	drive_end(&d);
}

/*
 * save.starved
 */

static void
sync_cb(struct drive *d)
{
	/* A replica syncs once in 100 s. */
	if (fmod(d->t, 100) == 50)
		drive_add(d, "sync_full", 1);
}

static void
starving(struct drive *d, const char *points, double changes)
{
	begin_with(d, "redis-7.0-saved", points);
	drive_saved(d);
	drive_until(d, 10);
	drive_put(d, "rdb_changes_since_last_save", changes);
	d->before = sync_cb;
	d->facts[0] = '\0';
}

static void
test_save_starved(void **arg)
{
	struct drive d;

	(void)arg;
	starving(&d, "60 1", 7);
	drive_until(&d, 609);
	expect_incidents(&d, "");
	drive_until(&d, 620);
	expect_incidents(&d, "610 raised save.starved critical\n");
	expect_near(drive_figure(&d, "save.starved", "full_syncs"), 6);
	expect_near(drive_figure(&d, "save.starved", "seconds"), 600);
	expect_near(drive_figure(&d, "save.starved", "changes"), 7);
	/* That one begins is not enough. */
	drive_saving(&d);
	drive_until(&d, 640);
	expect_incidents(&d, "");
	drive_set(&d, "rdb_bgsave_in_progress", "0");
	drive_until(&d, 650);
	expect_incidents(&d, "");
	drive_saving(&d);
	drive_until(&d, 660);
	drive_saved(&d);
	drive_until(&d, 661);
	expect_incidents(&d, "661 cleared save.starved critical\n");
	drive_until(&d, 1200);
	expect_incidents(&d, "");
	drive_end(&d);
}

static void
test_save_starved_at_early_sample(void **arg)
{
	struct drive d;

	(void)arg;
	starving(&d, "60 1", 7);
	drive_until_early(&d, 610);
	expect_incidents(&d, "609.999 raised save.starved critical\n");
	drive_end(&d);
}

static void
test_save_starved_not_when(void **arg)
{
	struct drive d;

	(void)arg;
	/* No save is due: too few changes, or none, or no points. */
	starving(&d, "60 8", 7);
	drive_until(&d, 2000);
	expect_incidents(&d, "");
	drive_set(&d, "rdb_changes_since_last_save", "8");
	drive_until(&d, 2001);
	expect_incidents(&d, "2001 raised save.starved critical\n");
	drive_end(&d);

	starving(&d, "60 1", 0);
	drive_until(&d, 2000);
	expect_incidents(&d, "");
	drive_end(&d);

	starving(&d, "3000 1", 7);
	drive_until(&d, 3008);
	expect_incidents(&d, "");
	drive_until(&d, 3020);
	expect_incidents(&d, "3009 raised save.starved critical\n");
	drive_end(&d);

	/* Nobody knows the points: then changes are enough, and needed. */
	starving(&d, NULL, 0);
	drive_until(&d, 700);
	expect_incidents(&d, "");
	drive_end(&d);

	starving(&d, NULL, 7);
	drive_until(&d, 620);
	expect_incidents(&d, "610 raised save.starved critical\n");
	drive_end(&d);

	/* Two syncs are no loop. */
	starving(&d, "60 1", 7);
	drive_until(&d, 200);
	d.before = NULL;
	drive_until(&d, 2000);
	expect_incidents(&d, "");
	drive_add(&d, "sync_full", 1);
	drive_until(&d, 2006);
	expect_incidents(&d, "2005 raised save.starved critical\n");
	drive_end(&d);

	/* RDB files are not wanted. */
	starving(&d, "", 7);
	drive_set(&d, "aof_enabled", "1");
	drive_until(&d, 2000);
	expect_incidents(&d, "");
	drive_end(&d);
}

/* Three times the longest save that was seen, where that is longer. */
/* A save that ended says that saves get through: it is counted anew from there. */
static void
test_save_starved_counts_since_the_last_save(void **arg)
{
	struct drive d;

	(void)arg;
	starving(&d, "36000 1 60 1", 7);
	drive_until(&d, 500);
	drive_saved(&d);
	drive_set(&d, "rdb_changes_since_last_save", "7");
	drive_until(&d, 1100);
	expect_incidents(&d, "");
	drive_until(&d, 1110);
	expect_incidents(&d, "1101 raised save.starved critical\n");
	/* No save is due any more. */
	d.points = "36000 1";
	drive_until(&d, 1120);
	expect_incidents(&d, "1115 cleared save.starved critical\n");
	drive_end(&d);
}

/* The one that is due has begun. */
static void
test_save_starved_not_while_one_runs(void **arg)
{
	struct drive d;

	(void)arg;
	starving(&d, "60 1", 7);
	drive_until(&d, 600);
	d.before = NULL;
	drive_set(&d, "rdb_bgsave_in_progress", "0");
	drive_until(&d, 601);
	drive_saving(&d);
	drive_until(&d, 650);
	expect_incidents(&d, "");
	drive_end(&d);
}

static void
test_save_starved_waits_for_long_saves(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	d.points = "60 1";
	drive_set(&d, "rdb_last_bgsave_time_sec", "300");
	drive_saved(&d);
	drive_until(&d, 10);
	drive_set(&d, "rdb_changes_since_last_save", "1");
	d.before = sync_cb;
	drive_until(&d, 909);
	expect_incidents(&d, "");
	drive_until(&d, 915);
	expect_incidents(&d, "910 raised save.starved critical\n");
	drive_end(&d);
}

/* A run that has never saved: its uptime stands for the age. */
static void
test_save_starved_since_the_start(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-fresh");
	d.points = "3000 1";
	drive_set(&d, "rdb_changes_since_last_save", "1");
	d.before = sync_cb;
	drive_until(&d, 3000);
	expect_incidents(&d, "");
	/* Between two wide samples, by the clock. */
	drive_until(&d, 3010);
	expect_incidents(&d, "3001 raised save.starved critical\n");
	drive_end(&d);
}

/* CONFIG RESETSTAT: the counter that falls is no sync. */
static void
test_trap_save_starved_counts_after_a_reset(void **arg)
{
	struct drive d;

	(void)arg;
	starving(&d, "60 1", 7);
	drive_until(&d, 260);
	d.before = NULL;
	drive_set(&d, "sync_full", "0");
	drive_until(&d, 2000);
	/* Three before it, and none after: it did not begin to count anew. */
	expect_incidents(&d, "610 raised save.starved critical\n");
	expect_near(drive_figure(&d, "save.starved", "full_syncs"), 3);
	drive_end(&d);
}

/*
 * fork.slow
 */

static void
fork_of(struct drive *d, double ms, double rss)
{
	drive_put(d, "latest_fork_usec", ms * 1000);
	drive_add(d, "total_forks", 1);
	drive_put(d, "used_memory_rss", rss);
	drive_saving(d);
	drive_add(d, "total_forks", -1);
	drive_saved(d);
}

static void
test_fork_slow(void **arg)
{
	static const struct {
		double ms, rss;
		const char *incidents;
	} rows[] = {
		{ 400, 10e9, "10 raised fork.slow warning\n" },
		{ 399, 10e9, "" },
		{ 999, 10e9, "10 raised fork.slow warning\n" },
		{ 1000, 10e9, "10 raised fork.slow critical\n" },
		{ 100, 10e6, "" },
		{ 100.001, 10e6, "10 raised fork.slow critical\n" },
		{ 101, 2e9, "10 raised fork.slow warning\n" },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive d;

		begin(&d, "redis-7.0-saved");
		fork_of(&d, rows[i].ms, rows[i].rss);
		drive_until(&d, 12);
		expect_incidents(&d, rows[i].incidents);
		drive_end(&d);
	}
}

static void
test_fork_slow_clears_by_a_faster_one_or_an_hour(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	fork_of(&d, 500, 10e9);
	drive_until(&d, 20);
	expect_incidents(&d, "10 raised fork.slow warning\n");
	expect_near(drive_figure(&d, "fork.slow", "fork_ms"), 500);
	expect_near(drive_figure(&d, "fork.slow", "rss_bytes"), 10e9);
	expect_said(&d, "fork.slow", "50 ms a GB");
	/* Memory that grows says nothing of that fork. */
	drive_set(&d, "used_memory_rss", "90000000000");
	drive_until(&d, 30);
	expect_incidents(&d, "");
	fork_of(&d, 200, 10e9);
	drive_until(&d, 31);
	expect_incidents(&d, "31 cleared fork.slow warning\n");
	fork_of(&d, 500, 10e9);
	drive_until(&d, 32);
	expect_incidents(&d, "32 raised fork.slow warning\n");
	fork_of(&d, 0.5, 10e9);
	drive_until(&d, 33);
	expect_incidents(&d, "33 cleared fork.slow warning\n");
	fork_of(&d, 500, 10e9);
	drive_until(&d, 40);
	expect_incidents(&d, "34 raised fork.slow warning\n");
	/* As slow as the last: another fork all the same, and another hour. */
	fork_of(&d, 500, 10e9);
	drive_until(&d, 3640);
	expect_incidents(&d, "");
	drive_until(&d, 3650);
	expect_incidents(&d, "3641 cleared fork.slow warning\n");
	drive_until(&d, 9000);
	expect_incidents(&d, "");
	drive_end(&d);
}

/* Nobody knows when a fork was that we did not see; a reset is no fork. */
static void
test_fork_slow_not_when(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	drive_set(&d, "latest_fork_usec", "90000000");
	drive_until(&d, 20);
	expect_incidents(&d, "");
	fork_of(&d, 500, 10e9);
	drive_until(&d, 30);
	expect_incidents(&d, "21 raised fork.slow warning\n");
	drive_set(&d, "latest_fork_usec", "0");
	drive_set(&d, "total_forks", "0");
	drive_until(&d, 40);
	expect_incidents(&d, "");
	drive_end(&d);
}

/*
 * fork.memory
 */

static void
copying(struct drive *d, const char *child, double cow)
{
	begin(d, "redis-7.0-saved");
	drive_set(d, "used_memory_rss", "10000");
	drive_set(d, "total_system_memory", "20000");
	drive_set(d, child, "1");
	drive_put(d, "current_cow_size", cow);
	drive_until(d, 15);
}

static void
test_fork_memory(void **arg)
{
	static const struct {
		double cow;
		const char *incidents;
	} rows[] = {
		{ 5999, "" },
		{ 6000, "10 raised fork.memory warning\n" },
		{ 8499, "10 raised fork.memory warning\n" },
		{ 8500, "10 raised fork.memory critical\n" },
	};
	static const char *const children[] = { "rdb_bgsave_in_progress",
						"aof_rewrite_in_progress",
						"module_fork_in_progress" };

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t k = 0; k < 3; k++) {
			struct drive d;

			copying(&d, children[k], rows[i].cow);
			expect_incidents(&d, rows[i].incidents);
			drive_set(&d, children[k], "0");
			drive_until(&d, 16);
			if (*rows[i].incidents != '\0') {
				assert_non_null(strstr(d.incidents, "16 cleared"));
				expect_near(drive_figure(&d, "fork.memory",
							 "duration_s"),
					    6);
			}
			drive_end(&d);
		}
	}
}

static void
test_fork_memory_headroom(void **arg)
{
	/* The least bound that is above the resident memory counts. */
	static const struct {
		double maxmemory, system, limit, headroom;
	} rows[] = {
		{ 0, 20000, 0, 10000 },	       { 15000, 20000, 0, 5000 },
		{ 15000, 20000, 13000, 3000 }, { 9000, 20000, 0, 10000 },
		{ 10000, 20000, 0, 10000 },    { 30000, 20000, 0, 10000 },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive d;

		begin(&d, "redis-7.0-saved");
		drive_set(&d, "used_memory_rss", "10000");
		drive_put(&d, "maxmemory", rows[i].maxmemory);
		drive_put(&d, "total_system_memory", rows[i].system);
		d.rules.memory_limit_bytes = rows[i].limit;
		drive_saving(&d);
		drive_put(&d, "current_cow_size", 0.7 * rows[i].headroom);
		drive_until(&d, 12);
		expect_incidents(&d, "10 raised fork.memory warning\n");
		expect_near(drive_figure(&d, "fork.memory", "headroom_bytes"),
			    rows[i].headroom);
		expect_near(drive_figure(&d, "fork.memory", "percent"), 70);
		expect_near(drive_figure(&d, "fork.memory", "cow_bytes"),
			    0.7 * rows[i].headroom);
		drive_end(&d);
	}
}

/* Past the operator's own limit nothing is left, whatever the machine has. */
static void
test_fork_memory_past_the_limit(void **arg)
{
	static const struct {
		double limit, cow;
		const char *incidents;
	} rows[] = {
		{ 10000, 1, "10 raised fork.memory critical\n" },
		{ 9000, 1, "10 raised fork.memory critical\n" },
		{ 9000, 0, "" },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive d;

		begin(&d, "redis-7.0-saved");
		drive_set(&d, "used_memory_rss", "10000");
		drive_set(&d, "total_system_memory", "99999999");
		d.rules.memory_limit_bytes = rows[i].limit;
		drive_saving(&d);
		drive_put(&d, "current_cow_size", rows[i].cow);
		drive_until(&d, 12);
		expect_incidents(&d, rows[i].incidents);
		if (*rows[i].incidents != '\0')
			expect_near(drive_figure(&d, "fork.memory", "percent"), 100);
		drive_end(&d);
	}
}

static void
test_fork_memory_not_when_headroom_is_unknown(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_set(&d, "used_memory_rss", "10000");
	drive_drop(&d, "total_system_memory");
	drive_saving(&d);
	drive_set(&d, "current_cow_size", "999999999");
	drive_until(&d, 20);
	expect_incidents(&d, "");
	drive_end(&d);
	/* One that is open when it becomes so stays as it is. */
	copying(&d, "rdb_bgsave_in_progress", 6000);
	expect_incidents(&d, "10 raised fork.memory warning\n");
	drive_set(&d, "used_memory_rss", "20000");
	drive_until(&d, 30);
	expect_incidents(&d, "");
	drive_set(&d, "used_memory_rss", "1000");
	drive_until(&d, 40);
	expect_incidents(&d, "35 cleared fork.memory warning\n");
	drive_end(&d);
}

/*
 * module.fork_blocking
 */

static void
test_module_fork_blocking(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_set(&d, "module_fork_in_progress", "1");
	drive_until(&d, 700);
	expect_incidents(&d, "");
	drive_set(&d, "rdb_changes_since_last_save", "1");
	drive_until(&d, 701);
	expect_incidents(&d, "701 raised module.fork_blocking warning\n");
	expect_near(drive_figure(&d, "module.fork_blocking", "seconds"), 691);
	drive_set(&d, "module_fork_in_progress", "0");
	drive_until(&d, 702);
	expect_incidents(&d, "702 cleared module.fork_blocking warning\n");
	drive_set(&d, "module_fork_in_progress", "1");
	drive_until(&d, 1302);
	expect_incidents(&d, "");
	drive_until(&d, 1303);
	expect_incidents(&d, "1303 raised module.fork_blocking warning\n");
	/* Something else has saved. */
	drive_set(&d, "rdb_changes_since_last_save", "0");
	drive_until(&d, 1304);
	expect_incidents(&d, "1304 cleared module.fork_blocking warning\n");
	drive_end(&d);
}

static void
test_module_fork_at_early_sample(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_set(&d, "rdb_changes_since_last_save", "1");
	drive_set(&d, "module_fork_in_progress", "1");
	drive_until_early(&d, 610);
	expect_incidents(&d, "609.999 raised module.fork_blocking warning\n");
	drive_end(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_save_failed_fork),
		cmocka_unit_test(test_save_failed_child_between_two_samples),
		cmocka_unit_test(test_save_failed_child_that_was_seen),
		cmocka_unit_test(
			test_save_failed_cause_is_unknown_when_it_was_before_us),
		cmocka_unit_test(test_save_failed_cause_needs_7_0),
		cmocka_unit_test(test_save_failed_causes_do_not_outlive_it),
		cmocka_unit_test(test_save_failed_counts_rewrites),
		cmocka_unit_test(test_save_failed_cause_stays_while_the_next_runs),
		cmocka_unit_test(test_save_failed_severity_follows_the_save_points),
		cmocka_unit_test(test_silent_cancelled_save),
		cmocka_unit_test(test_silent_manual_save_without_points),
		cmocka_unit_test(test_save_stuck),
		cmocka_unit_test(test_save_stuck_at_early_sample),
		cmocka_unit_test(test_save_stuck_bounds),
		cmocka_unit_test(test_save_stuck_patience_grows_with_the_steps),
		cmocka_unit_test(test_save_stuck_is_of_one_save),
		cmocka_unit_test(test_save_stuck_begins_anew_with_another_child),
		cmocka_unit_test(test_save_stuck_ends_with_more_patience),
		cmocka_unit_test(test_save_stuck_needs_6_2),
		cmocka_unit_test(test_save_slow),
		cmocka_unit_test(test_silent_slow_diskless_sync),
		cmocka_unit_test(test_child_of_a_sync_is_told_from_a_save),
		cmocka_unit_test(test_silent_save_of_few_large_keys),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_stale_without_save_points),
		cmocka_unit_test(test_stale_waits_for_the_save_points),
		cmocka_unit_test(test_silent_idle_for_a_month),
		cmocka_unit_test(test_silent_one_write_a_second_under_one_save_point),
		cmocka_unit_test(test_stale_not_when),
		cmocka_unit_test(test_stale_keeps_quiet_while_loading),
		cmocka_unit_test(test_trap_save_time_is_the_start_time),
		cmocka_unit_test(test_trap_margin_of_the_start),
		cmocka_unit_test(test_memory_of_the_last_save_outlives_a_restart),
		cmocka_unit_test(test_never_saved_not_when),
		cmocka_unit_test(test_save_starved),
		cmocka_unit_test(test_save_starved_at_early_sample),
		cmocka_unit_test(test_save_starved_not_when),
		cmocka_unit_test(test_save_starved_counts_since_the_last_save),
		cmocka_unit_test(test_save_starved_not_while_one_runs),
		cmocka_unit_test(test_save_starved_waits_for_long_saves),
		cmocka_unit_test(test_save_starved_since_the_start),
		cmocka_unit_test(test_trap_save_starved_counts_after_a_reset),
		cmocka_unit_test(test_fork_slow),
		cmocka_unit_test(test_fork_slow_clears_by_a_faster_one_or_an_hour),
		cmocka_unit_test(test_fork_slow_not_when),
		cmocka_unit_test(test_fork_memory),
		cmocka_unit_test(test_fork_memory_headroom),
		cmocka_unit_test(test_fork_memory_past_the_limit),
		cmocka_unit_test(test_fork_memory_not_when_headroom_is_unknown),
		cmocka_unit_test(test_module_fork_blocking),
		cmocka_unit_test(test_module_fork_at_early_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
