/*
 * incidents of the append-only file: aof.*. Both sides of each threshold, and what
 * looks the same and is not.
 */
#include "watch_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MIB 1048576.0
#define GIB (1024 * MIB)

static void
begin(struct drive *d, const char *fixture)
{
	drive_begin(d, fixture);
	d->points = "";
	drive_until(d, 9);
	expect_nothing(d);
}

/*
 * aof.write_failed
 */

static void
test_write_failed(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	drive_set(&d, "aof_last_write_status", "err");
	drive_set(&d, "aof_buffer_length", "2048");
	drive_until(&d, 12);
	expect_incidents(&d, "10 raised aof.write_failed critical\n");
	expect_said(&d, "aof.write_failed", "2.0 KiB wait in memory");
	expect_near(drive_figure(&d, "aof.write_failed", "buffer_bytes"), 2048);
	expect_near(drive_figure(&d, "aof.write_failed", "aof_bytes"), 11143);
	drive_set(&d, "aof_last_write_status", "ok");
	drive_until(&d, 13);
	expect_incidents(&d, "13 cleared aof.write_failed critical\n");
	drive_end(&d);
}

/* aof_last_write_status stays err after the AOF is switched off. */
static void
test_trap_write_status_without_aof(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	d.rules.expect = EXPECT_NONE;
	drive_set(&d, "aof_last_write_status", "err");
	drive_until(&d, 10);
	expect_incidents(&d, "10 raised aof.write_failed critical\n");
	drive_set(&d, "aof_enabled", "0");
	drive_drop(&d, "aof_current_size");
	drive_drop(&d, "aof_buffer_length");
	drive_until(&d, 60);
	expect_incidents(&d, "11 cleared aof.write_failed critical\n");
	drive_end(&d);
}

/*
 * aof.backlog
 */

static void
backlog(struct drive *d, double bytes, double pending)
{
	drive_put(d, "aof_buffer_length", bytes);
	drive_put(d, "aof_pending_bio_fsync", pending);
}

static void
test_backlog_behind_an_fsync(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	d.no_repeats = true;
	backlog(&d, 32 * MIB + 1, 1);
	drive_until(&d, 14);
	expect_incidents(&d, "");
	drive_until(&d, 16);
	expect_incidents(&d, "15 raised aof.backlog critical\n");
	expect_near(drive_figure(&d, "aof.backlog", "buffer_bytes"), 32 * MIB + 1);
	expect_near(drive_figure(&d, "aof.backlog", "pending_fsyncs"), 1);
	expect_said(&d, "aof.backlog", "behind an fsync");
	/* Between the two bounds it stays. */
	backlog(&d, 16 * MIB, 1);
	drive_until(&d, 40);
	expect_incidents(&d, "");
	/* Below half for 5 s. */
	backlog(&d, 16 * MIB - 1, 1);
	drive_until(&d, 44);
	expect_incidents(&d, "");
	backlog(&d, 16 * MIB, 0);
	drive_until(&d, 45);
	backlog(&d, 0, 0);
	drive_until(&d, 49);
	expect_incidents(&d, "");
	drive_until(&d, 50);
	expect_incidents(&d, "50 cleared aof.backlog critical\n");
	/* Half is the bound. */
	backlog(&d, 33 * MIB, 1);
	drive_until(&d, 56);
	expect_incidents(&d, "56 raised aof.backlog critical\n");
	backlog(&d, 16 * MIB - 1, 1);
	drive_until(&d, 61);
	expect_incidents(&d, "61 cleared aof.backlog critical\n");
	drive_end(&d);
}

static void
test_backlog_at_early_sample(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	d.no_repeats = true;
	backlog(&d, 33 * MIB, 1);
	drive_until_early(&d, 15);
	expect_incidents(&d, "14.999 raised aof.backlog critical\n");
	backlog(&d, 0, 0);
	drive_until(&d, 18);
	expect_incidents(&d, "");
	drive_until_early(&d, 20);
	expect_incidents(&d, "19.999 cleared aof.backlog critical\n");
	drive_end(&d);
}

/* In every sample: once below, or once without a pending fsync, begins anew. */
static void
test_backlog_in_every_sample(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	d.no_repeats = true;
	backlog(&d, 32 * MIB, 1);
	drive_until(&d, 30);
	expect_incidents(&d, "");
	backlog(&d, 33 * MIB, 1);
	drive_until(&d, 35);
	backlog(&d, 33 * MIB, 0);
	drive_until(&d, 36);
	backlog(&d, 33 * MIB, 1);
	drive_until(&d, 41);
	backlog(&d, 1, 1);
	drive_until(&d, 42);
	backlog(&d, 33 * MIB, 1);
	drive_until(&d, 47);
	expect_incidents(&d, "");
	drive_until(&d, 48);
	expect_incidents(&d, "48 raised aof.backlog critical\n");
	/* Off: what waited is gone. */
	drive_set(&d, "aof_enabled", "0");
	drive_until(&d, 49);
	assert_non_null(strstr(d.incidents, "49 cleared aof.backlog critical\n"));
	drive_set(&d, "aof_enabled", "1");
	d.incidents[0] = '\0';
	drive_until(&d, 54);
	assert_null(strstr(d.incidents, "aof.backlog"));
	drive_until(&d, 55);
	assert_non_null(strstr(d.incidents, "55 raised aof.backlog"));
	drive_end(&d);
}

static void
test_backlog_while_writing_fails(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	drive_set(&d, "aof_last_write_status", "err");
	backlog(&d, 1, 0);
	drive_until(&d, 14);
	expect_incidents(&d, "10 raised aof.write_failed critical\n");
	drive_until(&d, 16);
	expect_incidents(&d, "15 raised aof.backlog critical\n");
	expect_said(&d, "aof.backlog", "writing fails");
	drive_set(&d, "aof_last_write_status", "ok");
	backlog(&d, 0, 0);
	drive_until(&d, 20);
	expect_incidents(&d, "17 cleared aof.write_failed critical\n");
	drive_until(&d, 30);
	expect_incidents(&d, "21 cleared aof.backlog critical\n");
	drive_end(&d);
}

/* What hangs at first and fails then is one and the same backlog. */
static void
test_backlog_of_both_kinds(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	d.no_repeats = true;
	backlog(&d, 33 * MIB, 1);
	drive_until(&d, 12);
	drive_set(&d, "aof_last_write_status", "err");
	backlog(&d, 33 * MIB, 0);
	drive_until(&d, 14);
	expect_incidents(&d, "13 raised aof.write_failed critical\n");
	drive_until(&d, 15);
	expect_incidents(&d, "15 raised aof.backlog critical\n");
	drive_end(&d);
}

/* It falls: writing works in spite of the sticky status. */
static void
falling_cb(struct drive *d)
{
	drive_put(d, "aof_buffer_length", fmod(d->t, 4) == 0 ? 100 : 5000 + d->t);
}

static void
test_backlog_not_when_the_buffer_falls(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	drive_set(&d, "aof_last_write_status", "err");
	d.before = falling_cb;
	drive_until(&d, 100);
	expect_incidents(&d, "10 raised aof.write_failed critical\n");
	/* Nor when there is nothing to fall. */
	d.before = NULL;
	backlog(&d, 0, 0);
	drive_until(&d, 200);
	expect_incidents(&d, "");
	drive_end(&d);
}

/*
 * aof.fsync_stalled
 */

static void
test_fsync_stalled_by_delays(void **arg)
{
	struct drive d;
	struct notice n;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	drive_set(&d, "aof_delayed_fsync", "2");
	drive_until(&d, 10);
	expect_incidents(&d, "10 raised aof.fsync_stalled warning\n");
	expect_near(drive_figure(&d, "aof.fsync_stalled", "delayed_fsyncs"), 2);
	expect_near(drive_figure(&d, "aof.fsync_stalled", "rewriting"), 0);
	expect_said(&d, "aof.fsync_stalled", "writes had to wait");
	drive_until(&d, 40);
	drive_set(&d, "aof_delayed_fsync", "5");
	drive_until(&d, 41);
	assert_true(watch_open(d.watch, 0, drive_now(&d), &n));
	expect_near(n.figures[0].value, 5);
	drive_until(&d, 101);
	expect_incidents(&d, "");
	drive_until(&d, 110);
	expect_incidents(&d, "102 cleared aof.fsync_stalled warning\n");
	/* The next one counts for itself. */
	drive_set(&d, "aof_delayed_fsync", "6");
	drive_until(&d, 111);
	expect_incidents(&d, "111 raised aof.fsync_stalled warning\n");
	expect_near(drive_figure(&d, "aof.fsync_stalled", "delayed_fsyncs"), 1);
	expect_facts(&d, "");
	drive_end(&d);
}

/* A reset of the counters is no rise, and is told once. */
static void
test_trap_fsync_counter_reset(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-aof");
	drive_set(&d, "aof_delayed_fsync", "40");
	drive_until(&d, 9);
	drive_set(&d, "aof_delayed_fsync", "0");
	drive_set(&d, "total_forks", "0");
	drive_set(&d, "aof_rewrites", "0");
	drive_until(&d, 100);
	expect_incidents(&d, "");
	expect_facts(&d, "10 stats.reset\n");
	drive_end(&d);
}

/* Only when the AOF is configured there is such a counter. */
static void
test_trap_fsync_counter_absent(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-fresh");
	drive_until(&d, 9);
	drive_set(&d, "aof_enabled", "1");
	drive_set(&d, "aof_delayed_fsync", "40");
	drive_set(&d, "aof_pending_bio_fsync", "0");
	drive_until(&d, 100);
	expect_incidents(&d, "");
	expect_facts(&d, "10 persistence.changed warning\n");
	drive_end(&d);
}

/* A pending fsync that is there in the sample and in all four repeats. */
static void
test_fsync_stalled_by_a_long_one(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	drive_set(&d, "aof_pending_bio_fsync", "1");
	drive_until(&d, 12.09);
	expect_incidents(&d, "");
	assert_int_equal(d.repeats, 3);
	drive_until(&d, 12.2);
	expect_incidents(&d, "12.1 raised aof.fsync_stalled warning\n");
	expect_said(&d, "aof.fsync_stalled", "2 s");
	expect_near(drive_figure(&d, "aof.fsync_stalled", "pending_fsyncs"), 1);
	expect_near(drive_figure(&d, "aof.fsync_stalled", "delayed_fsyncs"), 0);
	drive_until(&d, 30);
	drive_set(&d, "aof_pending_bio_fsync", "0");
	drive_until(&d, 88);
	expect_incidents(&d, "");
	drive_until(&d, 91);
	assert_non_null(strstr(d.incidents, "cleared aof.fsync_stalled warning\n"));
	drive_end(&d);
}

/* Repeats are at 0.37, 0.83, 1.31 and 2.1 s, and only while one is pending. */
static void
test_repeats_are_not_equally_spaced(void **arg)
{
	static const double at[] = { 10.37, 10.83, 11.31, 12.1 };
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	assert_true(watch_repeat(d.watch).ns == 0);
	drive_set(&d, "aof_pending_bio_fsync", "1");
	drive_until(&d, 10);
	for (unsigned i = 0; i < 4; i++) {
		expect_near((double)watch_repeat(d.watch).ns / 1e9 - DRIVE_MONO_S,
			    at[i]);
		drive_until(&d, at[i]);
	}
	/* Each but the last missing in turn: not long. */
	for (unsigned miss = 0; miss < 4; miss++) {
		double t = d.t;

		drive_set(&d, "aof_pending_bio_fsync", "0");
		drive_until(&d, ceil(t) + 70);
		d.incidents[0] = '\0';
		drive_set(&d, "aof_pending_bio_fsync", "1");
		t = d.next;
		drive_until(&d, t + at[miss] - 10 - 0.001);
		drive_set(&d, "aof_pending_bio_fsync", "0");
		drive_until(&d, t + at[miss] - 10);
		assert_true(watch_repeat(d.watch).ns == 0);
		expect_incidents(&d, "");
	}
	drive_end(&d);
}

/* Samples that come by themselves never count as repeats, however many. */
static void
test_trap_equally_spaced_samples_are_no_repeats(void **arg)
{
	static const double every[] = { 0.25, 0.5, 1, 2, 5, 10 };

	(void)arg;
	for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
		struct drive d;

		drive_begin(&d, "redis-7.0-aof");
		d.points = "";
		d.every = every[i];
		d.no_repeats = true;
		drive_set(&d, "aof_pending_bio_fsync", "1");
		drive_until(&d, 200);
		if (every[i] >= 0.5)
			expect_incidents(&d, "");
		drive_end(&d);
	}
}

/* A repeat that comes late says nothing: it may be another fsync. */
static void
test_late_repeats_begin_anew(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	drive_set(&d, "aof_pending_bio_fsync", "1");
	drive_until(&d, 10);
	d.no_repeats = true;
	/* 0.37 + 0.25 is in time; 0.63 is not. */
	d.t = 10.62;
	drive_sample(&d);
	expect_near((double)watch_repeat(d.watch).ns / 1e9 - DRIVE_MONO_S, 10.83);
	d.t = 11.09;
	drive_sample(&d);
	expect_near((double)watch_repeat(d.watch).ns / 1e9 - DRIVE_MONO_S, 11.46);
	/* One too early is no repeat either. */
	d.t = 11.45;
	drive_sample(&d);
	expect_near((double)watch_repeat(d.watch).ns / 1e9 - DRIVE_MONO_S, 11.46);
	drive_end(&d);
}

/* Fsyncs of 150 ms beat with the second, and so does a sampler. */
static double phase;

static void
beat_cb(struct drive *d)
{
	double at = fmod(d->t + phase, 1);

	drive_put(d, "aof_pending_bio_fsync", at < 0.150);
	/* INFO runs before the flush of the turn. */
	drive_put(d, "aof_buffer_length", fmod(d->t * 7, 10) < 9 ? 64 * MIB : 0);
}

static void
test_silent_fsyncs_of_150_ms(void **arg)
{
	(void)arg;
	for (phase = 0; phase < 1; phase += 0.05) {
		struct drive d;

		drive_begin(&d, "redis-7.0-aof");
		d.points = "";
		d.before = beat_cb;
		/* That has its own tests. */
		d.rules.off[INCIDENT_AOF_BACKLOG] = true;
		drive_until(&d, 600);
		expect_nothing(&d);
		drive_end(&d);
	}
}

/* Pipelined writes with AOF everysec for ten minutes, at three phases. */
static void
pipelined_cb(struct drive *d)
{
	drive_put(d, "aof_pending_bio_fsync", fmod(d->t + phase, 1) < 0.010);
	drive_put(d, "aof_buffer_length", fmod(floor(d->t * 7), 10) < 9 ? 40 * MIB : 0);
	drive_add(d, "rdb_changes_since_last_save", 1000);
	drive_add(d, "aof_current_size", 40000);
}

static void
test_silent_pipelined_writes(void **arg)
{
	(void)arg;
	for (phase = 0.05; phase < 1; phase += 0.33) {
		struct drive d;

		drive_begin(&d, "redis-7.0-aof");
		d.points = "";
		d.before = pipelined_cb;
		drive_until(&d, 600);
		expect_nothing(&d);
		drive_end(&d);
	}
}

/*
 * aof.rewrite_failed
 */

static void
test_rewrite_failed(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	drive_set(&d, "aof_last_bgrewrite_status", "err");
	drive_add(&d, "aof_rewrites", 1);
	drive_set(&d, "aof_rewrites_consecutive_failures", "1");
	drive_until(&d, 12);
	expect_incidents(&d, "10 raised aof.rewrite_failed critical\n");
	expect_near(drive_figure(&d, "aof.rewrite_failed", "attempts"), 2);
	expect_near(drive_figure(&d, "aof.rewrite_failed", "failures_in_a_row"), 1);
	expect_near(drive_figure(&d, "aof.rewrite_failed", "aof_bytes"), 11143);
	drive_set(&d, "aof_last_bgrewrite_status", "ok");
	drive_until(&d, 13);
	expect_incidents(&d, "13 cleared aof.rewrite_failed critical\n");
	drive_end(&d);
}

/*
 * aof.rewrite_storm
 */

static void
attempts_at(struct drive *d, double t, double more)
{
	drive_until(d, t - 0.5);
	drive_add(d, "aof_rewrites", more);
	drive_until(d, t);
}

static void
test_rewrite_storm(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	attempts_at(&d, 20, 2);
	expect_incidents(&d, "");
	attempts_at(&d, 21, 1);
	expect_incidents(&d, "21 raised aof.rewrite_storm critical\n");
	expect_near(drive_figure(&d, "aof.rewrite_storm", "attempts"), 3);
	expect_said(&d, "aof.rewrite_storm",
		    "3 rewrites of the AOF were begun within 2 s");
	expect_near(drive_figure(&d, "aof.rewrite_storm", "forks"), 1);
	/* Any try within the minute prolongs it, and none for that long ends it. */
	attempts_at(&d, 80, 1);
	drive_until(&d, 139);
	expect_incidents(&d, "");
	drive_until(&d, 150);
	/* No wide sample but each fifth second: then it is seen that it is over. */
	expect_incidents(&d, "145 cleared aof.rewrite_storm critical\n");
	/* Long after it, one that fails is one. */
	attempts_at(&d, 300, 1);
	drive_until(&d, 400);
	expect_incidents(&d, "");
	drive_end(&d);
}

static void
test_rewrite_storm_is_seen_at_once(void **arg)
{
	struct drive d;

	(void)arg;
	/* Ten a second, from one sample to the next, however long it was quiet. */
	for (double t = 100; t < 106; t++) {
		char text[64];

		begin(&d, "redis-7.0-aof");
		attempts_at(&d, t, 10);
		snprintf(text, sizeof(text), "%.7g raised aof.rewrite_storm critical\n",
			 t);
		expect_incidents(&d, text);
		expect_said(&d, "aof.rewrite_storm", "10 rewrites");
		expect_said(&d, "aof.rewrite_storm", "within 1 s");
		drive_end(&d);
	}
}

static void
test_rewrite_storm_not_when(void **arg)
{
	struct drive d;

	(void)arg;
	/* Two, and two more. */
	begin(&d, "redis-7.0-aof");
	attempts_at(&d, 20, 2);
	attempts_at(&d, 30, 2);
	expect_incidents(&d, "");
	/* Three within 8 s. */
	attempts_at(&d, 50, 1);
	attempts_at(&d, 54, 1);
	attempts_at(&d, 58, 1);
	expect_incidents(&d, "");
	/* Nor within 6 s. */
	attempts_at(&d, 80, 1);
	attempts_at(&d, 83, 1);
	attempts_at(&d, 85, 1);
	expect_incidents(&d, "");
	drive_end(&d);

	/* One in each sample, every 3 s: until there are many. */
	drive_begin(&d, "redis-7.0-aof");
	d.points = "";
	d.every = 3;
	for (double t = 3; t < 60; t += 3)
		attempts_at(&d, t, 1);
	expect_incidents(&d, "");
	attempts_at(&d, 60, 8);
	expect_incidents(&d, "60 raised aof.rewrite_storm critical\n");
	drive_end(&d);

	/* A fork succeeded: these were rewrites. */
	begin(&d, "redis-7.0-aof");
	for (unsigned i = 0; i < 20; i++) {
		drive_add(&d, "total_forks", 1);
		attempts_at(&d, 20 + i, 1);
	}
	expect_incidents(&d, "");
	drive_end(&d);

	/* Whether its fork succeeds nobody knows before 7.0. */
	begin(&d, "redis-6.0-aof");
	drive_add(&d, "aof_rewrites", 50);
	drive_until(&d, 30);
	expect_incidents(&d, "");
	drive_end(&d);
}

/* The rewrite that ends it does not prolong it; a reset is no attempt. */
static void
test_rewrite_storm_is_cured(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	attempts_at(&d, 20, 10);
	expect_incidents(&d, "20 raised aof.rewrite_storm critical\n");
	drive_until(&d, 69);
	drive_add(&d, "total_forks", 1);
	attempts_at(&d, 70, 1);
	drive_until(&d, 86);
	expect_incidents(&d, "85 cleared aof.rewrite_storm critical\n");
	attempts_at(&d, 100, 10);
	expect_incidents(&d, "100 raised aof.rewrite_storm critical\n");
	drive_set(&d, "aof_rewrites", "0");
	drive_until(&d, 105);
	attempts_at(&d, 150, 2);
	drive_until(&d, 209);
	expect_incidents(&d, "");
	drive_until(&d, 215);
	expect_incidents(&d, "215 cleared aof.rewrite_storm critical\n");
	drive_end(&d);
}

/*
 * aof.rewrite_slow
 */

static void
test_rewrite_slow(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	drive_set(&d, "aof_rewrite_in_progress", "1");
	drive_set(&d, "aof_current_rewrite_time_sec", "599");
	drive_until(&d, 10);
	expect_incidents(&d, "");
	drive_set(&d, "aof_current_rewrite_time_sec", "600");
	drive_until(&d, 11);
	expect_incidents(&d, "11 raised aof.rewrite_slow warning\n");
	expect_near(drive_figure(&d, "aof.rewrite_slow", "seconds"), 600);
	drive_set(&d, "aof_rewrite_in_progress", "0");
	drive_until(&d, 12);
	expect_incidents(&d, "12 cleared aof.rewrite_slow warning\n");
	drive_end(&d);
}

/*
 * aof.stopped
 */

static void
stop_aof(struct drive *d, const char *fixture)
{
	begin(d, fixture);
	drive_set(d, "aof_enabled", "0");
	drive_until(d, 10);
	d->facts[0] = '\0';
}

static void
test_stopped(void **arg)
{
	struct drive d;

	(void)arg;
	stop_aof(&d, "redis-7.0-aof");
	drive_until(&d, 39);
	expect_incidents(&d, "");
	drive_until(&d, 41);
	expect_incidents(&d, "40 raised aof.stopped critical\n");
	expect_near(drive_figure(&d, "aof.stopped", "aof_bytes"), 11143);
	drive_set(&d, "aof_enabled", "1");
	drive_until(&d, 42);
	expect_incidents(&d, "42 cleared aof.stopped critical\n");
	drive_end(&d);
}

static void
test_stopped_at_early_sample(void **arg)
{
	struct drive d;

	(void)arg;
	stop_aof(&d, "redis-7.0-aof");
	drive_until_early(&d, 40);
	expect_incidents(&d, "39.999 raised aof.stopped critical\n");
	drive_end(&d);
}

static void
test_stopped_not_when(void **arg)
{
	static const char *const busy[] = { "loading", "async_loading",
					    "master_sync_in_progress" };
	/* The last is in the wide part. */
	static const char *const raised[] = { "101 raised aof.stopped critical\n",
					      "101 raised aof.stopped critical\n",
					      "105 raised aof.stopped critical\n" };
	struct drive d;

	(void)arg;
	for (unsigned i = 0; i < 3; i++) {
		/* It begins again with the end of this. */
		begin(&d, "redis-7.0-aof");
		drive_set(&d, busy[i], "1");
		drive_set(&d, "aof_enabled", "0");
		drive_until(&d, 100);
		drive_set(&d, busy[i], "0");
		drive_set(&d, "aof_enabled", "1");
		drive_until(&d, 140);
		expect_incidents(&d, "");
		drive_end(&d);
		/* One has failed, the next goes on for long, and fails as well. */
		stop_aof(&d, "redis-7.0-aof");
		drive_until(&d, 20);
		drive_set(&d, busy[i], "1");
		drive_until(&d, 100);
		expect_incidents(&d, "");
		drive_set(&d, busy[i], "0");
		drive_until(&d, 110);
		expect_incidents(&d, raised[i]);
		/* It is over when the AOF is on, and not before. */
		drive_set(&d, busy[i], "1");
		drive_until(&d, 140);
		expect_incidents(&d, "");
		drive_set(&d, busy[i], "0");
		drive_set(&d, "aof_enabled", "1");
		drive_until(&d, 150);
		expect_incidents(&d, "141 cleared aof.stopped critical\n");
		drive_end(&d);
	}
	/* Nobody set appendonly. */
	stop_aof(&d, "redis-7.0-aof");
	d.rules.expect = EXPECT_NONE;
	drive_drop(&d, "aof_current_size");
	drive_until(&d, 200);
	expect_incidents(&d, "");
	drive_end(&d);

	/* Before 7.0 the sizes are there only while it is on. */
	stop_aof(&d, "redis-6.0-aof");
	drive_until(&d, 200);
	expect_incidents(&d, "");
	drive_end(&d);
}

/*
 * aof.overgrown
 */

static void
test_overgrown(void **arg)
{
	/* size, base; whether it is raised */
	static const struct {
		double size, base;
		bool raised;
	} rows[] = {
		{ GIB + 1, 0, true },
		{ GIB, 0, false },
		{ 4 * GIB, GIB, false },
		{ 4 * GIB + 1, GIB, true },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive d;

		begin(&d, "redis-7.0-aof");
		drive_put(&d, "aof_current_size", rows[i].size);
		drive_put(&d, "aof_base_size", rows[i].base);
		drive_until(&d, 609);
		expect_incidents(&d, "");
		drive_until(&d, 611);
		expect_incidents(
			&d, rows[i].raised ? "610 raised aof.overgrown warning\n" : "");
		if (rows[i].raised)
			expect_near(drive_figure(&d, "aof.overgrown", "base_bytes"),
				    rows[i].base);
		/* A rewrite that fails has not cured it. */
		drive_set(&d, "aof_rewrite_in_progress", "1");
		drive_until(&d, 700);
		drive_set(&d, "aof_rewrite_in_progress", "0");
		drive_until(&d, 710);
		expect_incidents(&d, "");
		drive_put(&d, "aof_current_size", 1000);
		drive_until(&d, 711);
		expect_incidents(&d, rows[i].raised
					     ? "711 cleared aof.overgrown warning\n"
					     : "");
		drive_end(&d);
	}
}

static void
test_overgrown_not_while_rewriting(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-aof");
	drive_put(&d, "aof_current_size", 9 * GIB);
	drive_set(&d, "aof_rewrite_in_progress", "1");
	drive_until(&d, 900);
	expect_incidents(&d, "");
	drive_set(&d, "aof_rewrite_in_progress", "0");
	drive_set(&d, "aof_enabled", "0");
	drive_drop(&d, "aof_current_size");
	drive_until(&d, 1800);
	assert_null(strstr(d.incidents, "aof.overgrown"));
	drive_end(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_failed),
		cmocka_unit_test(test_trap_write_status_without_aof),
		cmocka_unit_test(test_backlog_behind_an_fsync),
		cmocka_unit_test(test_backlog_at_early_sample),
		cmocka_unit_test(test_backlog_in_every_sample),
		cmocka_unit_test(test_backlog_while_writing_fails),
		cmocka_unit_test(test_backlog_of_both_kinds),
		cmocka_unit_test(test_backlog_not_when_the_buffer_falls),
		cmocka_unit_test(test_fsync_stalled_by_delays),
		cmocka_unit_test(test_trap_fsync_counter_reset),
		cmocka_unit_test(test_trap_fsync_counter_absent),
		cmocka_unit_test(test_fsync_stalled_by_a_long_one),
		cmocka_unit_test(test_repeats_are_not_equally_spaced),
		cmocka_unit_test(test_trap_equally_spaced_samples_are_no_repeats),
		cmocka_unit_test(test_late_repeats_begin_anew),
		cmocka_unit_test(test_silent_fsyncs_of_150_ms),
		cmocka_unit_test(test_silent_pipelined_writes),
		cmocka_unit_test(test_rewrite_failed),
		cmocka_unit_test(test_rewrite_storm),
		cmocka_unit_test(test_rewrite_storm_is_seen_at_once),
		cmocka_unit_test(test_rewrite_storm_not_when),
		cmocka_unit_test(test_rewrite_storm_is_cured),
		cmocka_unit_test(test_rewrite_slow),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_stopped_at_early_sample),
		cmocka_unit_test(test_stopped_not_when),
		cmocka_unit_test(test_overgrown),
		cmocka_unit_test(test_overgrown_not_while_rewriting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
