/*
 * watch's engine: holds and clear holds, severities, what is switched off, own
 * rules, what survives pinfod, what is asked and when, what cannot be known.
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
	drive_until(d, 9);
	expect_nothing(d);
}

static void
add_rule(struct drive *d, const char *text)
{
	char error[256];

	if (!rules_add(&d->rules, text, error, sizeof(error)))
		fail_msg("%s", error);
}

/*
 * The operator's own rules.
 */

static void
test_own_rule(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	add_rule(&d, "changes.high warning when rdb_changes_since_last_save > 100 for "
		     "5s: too much at risk");
	drive_set(&d, "rdb_changes_since_last_save", "100");
	drive_until(&d, 19);
	expect_incidents(&d, "");
	drive_set(&d, "rdb_changes_since_last_save", "101");
	drive_until(&d, 24);
	expect_incidents(&d, "");
	drive_until(&d, 30);
	expect_incidents(&d, "25 raised changes.high warning\n");
	assert_string_equal(drive_summary(&d, "changes.high"),
			    "too much at risk (rdb_changes_since_last_save 101 > 100)");
	expect_near(drive_figure(&d, "changes.high", "rdb_changes_since_last_save"),
		    101);
	expect_near(drive_figure(&d, "changes.high", "limit"), 100);
	/* Since when it held, not since when it was told. */
	expect_near(clock_wall_s(drive_last(&d, "changes.high")->since), d.wall_s + 20);
	drive_set(&d, "rdb_changes_since_last_save", "100");
	drive_until(&d, 31);
	expect_incidents(&d, "31 cleared changes.high warning\n");
	/* A moment in between begins the hold anew. */
	for (unsigned i = 0; i < 5; i++) {
		drive_set(&d, "rdb_changes_since_last_save", "200");
		drive_until(&d, 36 + 6 * i);
		drive_set(&d, "rdb_changes_since_last_save", "0");
		drive_until(&d, 37 + 6 * i);
	}
	expect_incidents(&d, "");
	drive_end(&d);
}

/* A field that is absent is not zero; one of the wide part is judged when it comes. */
static void
test_own_rule_fields(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	add_rule(&d, "a.absent critical when loading_eta_seconds < 5: WHY");
	add_rule(&d, "a.wide critical when used_memory_rss >= 5: WHY");
	add_rule(&d, "a.never warning when used_memory_rss < 5: WHY");
	drive_set(&d, "used_memory_rss", "5");
	drive_until(&d, 14);
	expect_incidents(&d, "10 raised a.wide critical\n");
	drive_set(&d, "used_memory_rss", "4");
	drive_until(&d, 16);
	expect_incidents(&d, "15 cleared a.wide critical\n15 raised a.never warning\n");
	drive_end(&d);
}

/* Rules that go, come and change places take their states along. */
static void
test_own_rules_change(void **arg)
{
	struct drive d;
	struct rules more, less;
	char error[256];

	(void)arg;
	begin(&d, "redis-7.0-saved");
	add_rule(&d, "a.one warning when rdb_saves > 0: ONE");
	add_rule(&d, "a.two warning when rdb_saves > 0: TWO");
	drive_until(&d, 10);
	expect_incidents(&d, "10 raised a.one warning\n10 raised a.two warning\n");
	assert_true(watch_ack(d.watch, "a.two", drive_now(&d)));
	rules_init(&less);
	assert_true(rules_add(&less, "a.two warning when rdb_saves > 0: TWO", error,
			      sizeof(error)));
	watch_set_rules(d.watch, &less, drive_now(&d));
	expect_incidents(&d, "10 open a.one warning\n10 open a.two warning\n"
			     "10 cleared a.one warning\n");
	expect_said(&d, "a.one", "no longer a rule");
	assert_true(drive_last(&d, "a.two")->acked);
	drive_until(&d, 20);
	expect_incidents(&d, "");
	rules_init(&more);
	assert_true(rules_add(&more, "a.zero warning when rdb_saves > 0: ZERO", error,
			      sizeof(error)));
	assert_true(rules_add(&more, "a.two critical when rdb_saves > 0: TWO", error,
			      sizeof(error)));
	watch_set_rules(d.watch, &more, drive_now(&d));
	drive_until(&d, 21);
	expect_incidents(&d, "20 open a.two warning\n21 raised a.zero warning\n"
			     "21 changed a.two critical\n");
	watch_stopped(d.watch, drive_now(&d));
	expect_incidents(&d, "21 cleared a.zero warning\n21 cleared a.two critical\n");
	watch_free(d.watch);
	rules_fini(&less);
	rules_fini(&more);
	rules_fini(&d.rules);
}

/*
 * Switched off, changed, told anew.
 */

static void
test_switched_off(void **arg)
{
	struct drive d;
	struct rules off;
	char error[256];

	(void)arg;
	drive_begin(&d, "redis-7.0-save-failed");
	drive_until(&d, 5);
	expect_incidents(&d, "0 raised rdb.save_failed critical\n");
	rules_init(&off);
	assert_true(rules_add(&off, "rdb.* off", error, sizeof(error)));
	watch_set_rules(d.watch, &off, drive_now(&d));
	expect_incidents(&d, "5 open rdb.save_failed critical\n"
			     "5 cleared rdb.save_failed critical\n");
	expect_said(&d, "rdb.save_failed", "switched off");
	drive_until(&d, 50);
	expect_incidents(&d, "");
	/* And on: it is told as if it had just come. */
	watch_set_rules(d.watch, &d.rules, drive_now(&d));
	drive_until(&d, 51);
	expect_incidents(&d, "51 raised rdb.save_failed critical\n");
	drive_end(&d);
}

static void
test_counts_and_list(void **arg)
{
	struct drive d;
	struct notice n;
	unsigned warning, critical;

	(void)arg;
	drive_begin(&d, "redis-7.0-save-failed");
	d.points = "";
	watch_set_address(d.watch, "tcp:1.2.3.4:6379", IDENTITY_ADDRESS, drive_now(&d));
	watch_counts(d.watch, &warning, &critical);
	assert_int_equal(warning + critical, 0);
	drive_until(&d, 5);
	watch_counts(d.watch, &warning, &critical);
	assert_int_equal(warning, 2);
	assert_int_equal(critical, 0);
	add_rule(&d, "a.rule critical when rdb_saves > 0: WHY");
	drive_until(&d, 6);
	watch_counts(d.watch, &warning, &critical);
	assert_int_equal(warning, 2);
	assert_int_equal(critical, 1);
	/* The notice counts itself. */
	assert_int_equal(drive_last(&d, "a.rule")->open_critical, 1);
	assert_int_equal(drive_last(&d, "a.rule")->open_warning, 2);
	assert_true(watch_open(d.watch, 0, drive_now(&d), &n));
	assert_string_equal(n.incident, "rdb.save_failed");
	assert_string_equal(n.target, "orders");
	assert_string_equal(n.address, "tcp:1.2.3.4:6379");
	assert_string_equal(n.role, "master");
	assert_string_equal(n.version, "7.0.15");
	assert_int_equal(n.kind, NOTICE_OPEN);
	assert_true(watch_open(d.watch, 1, drive_now(&d), &n));
	assert_string_equal(n.incident, "persistence.off");
	assert_true(watch_open(d.watch, 2, drive_now(&d), &n));
	assert_string_equal(n.incident, "a.rule");
	assert_int_equal(n.open_critical, 1);
	assert_false(watch_open(d.watch, 3, drive_now(&d), &n));
	drive_end(&d);
}

static void
test_ack(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-save-failed");
	drive_until(&d, 5);
	expect_incidents(&d, "0 raised rdb.save_failed critical\n");
	assert_false(watch_ack(d.watch, "rdb.stale", drive_now(&d)));
	assert_false(watch_ack(d.watch, "nonsense", drive_now(&d)));
	assert_true(watch_ack(d.watch, "rdb.save_failed", drive_now(&d)));
	assert_true(watch_history(d.watch)->open[INCIDENT_RDB_SAVE_FAILED].acked);
	assert_true(watch_history(d.watch)->dirty);
	d.points = "";
	drive_until(&d, 10);
	expect_incidents(&d, "10 changed rdb.save_failed warning\n"
			     "10 raised persistence.off warning\n");
	assert_true(drive_last(&d, "rdb.save_failed")->acked);
	drive_saved(&d);
	drive_until(&d, 11);
	assert_true(drive_last(&d, "rdb.save_failed")->acked);
	/* The next one is another. */
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 12);
	assert_false(drive_last(&d, "rdb.save_failed")->acked);
	drive_end(&d);
}

/*
 * What pinfod remembers of its own last run.
 */

static void
test_restored(void **arg)
{
	static const struct watch_handlers handlers = { .notice = drive_notice_cb };
	struct drive d, e;
	struct notice n;

	(void)arg;
	drive_begin(&d, "redis-7.0-save-failed");
	drive_until(&d, 5);
	assert_true(watch_ack(d.watch, "rdb.save_failed", drive_now(&d)));

	drive_begin(&e, "redis-7.0-save-failed");
	watch_free(e.watch);
	e.watch = watch_new("orders", &e.rules, &handlers, &e);
	*watch_history(e.watch) = *watch_history(d.watch);
	watch_history(e.watch)->open[INCIDENT_RDB_STALE] =
		(struct history_open){ true, false, SEVERITY_WARNING,
				       drive_now(&d).wall };
	e.t = 100;
	e.next = 101;
	e.born = 0;
	watch_started(e.watch, drive_now(&e));
	watch_connected(e.watch, drive_now(&e));
	assert_true(watch_open(e.watch, 0, drive_now(&e), &n));
	assert_string_equal(n.incident, "rdb.save_failed");
	assert_non_null(strstr(n.summary, "when pinfod last ended"));
	assert_true(n.acked);
	drive_until(&e, 105);
	/* Still there: told as open, with what it is now, and since when it was. */
	expect_incidents(&e, "101 open rdb.save_failed critical\n"
			     "101 cleared rdb.stale warning\n");
	assert_true(drive_last(&e, "rdb.save_failed")->acked);
	expect_near(clock_wall_s(drive_last(&e, "rdb.save_failed")->since), d.wall_s);
	/* And no restart, for it is the same run. */
	expect_facts(&e, "100 target.started\n");
	/* STOP and START do not bring it back a second time. */
	watch_stopped(e.watch, drive_now(&e));
	e.incidents[0] = '\0';
	watch_started(e.watch, drive_now(&e));
	assert_false(watch_open(e.watch, 0, drive_now(&e), &n));
	drive_end(&d);
	drive_end(&e);
}

/* Nobody knows the save points yet: that is no reason to clear this one. */
static void
test_restored_waits_for_config(void **arg)
{
	static const struct watch_handlers handlers = { .notice = drive_notice_cb };
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	watch_free(d.watch);
	d.watch = watch_new("orders", &d.rules, &handlers, &d);
	watch_history(d.watch)->open[INCIDENT_PERSISTENCE_OFF] =
		(struct history_open){ true, false, SEVERITY_WARNING,
				       drive_now(&d).wall };
	watch_started(d.watch, drive_now(&d));
	watch_connected(d.watch, drive_now(&d));
	d.config_silent = true;
	drive_until(&d, 9);
	expect_incidents(&d, "");
	d.config_silent = false;
	drive_until(&d, 10);
	expect_incidents(&d, "10 cleared persistence.off warning\n");
	drive_end(&d);
}

/* A restart while pinfod did not run shows by the run_id that it kept. */
static void
test_restart_while_we_were_away(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	snprintf(watch_history(d.watch)->run_id, 48, "older");
	watch_history(d.watch)->keys = 100;
	watch_history(d.watch)->changes = 4;
	drive_drop(&d, "db0");
	drive_until(&d, 5);
	expect_facts(&d, "0 server.restarted warning\n");
	expect_incidents(&d, "0 raised server.restarted_empty critical\n");
	expect_near(drive_figure(&d, "server.restarted", "keys_before"), 100);
	expect_near(drive_figure(&d, "server.restarted", "changes_before"), 4);
	drive_end(&d);
}

/* An open server.restarted_empty goes on after pinfod's own restart. */
static void
test_restored_restarted_empty(void **arg)
{
	static const struct watch_handlers handlers = { .notice = drive_notice_cb };
	struct drive d;
	struct history *h;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	drive_set(&d, "db0", "keys=1");
	watch_free(d.watch);
	d.watch = watch_new("orders", &d.rules, &handlers, &d);
	h = watch_history(d.watch);
	history_init(h);
	h->keys = 100;
	h->open[INCIDENT_SERVER_RESTARTED_EMPTY] =
		(struct history_open){ true, false, SEVERITY_CRITICAL,
				       drive_now(&d).wall };
	watch_started(d.watch, drive_now(&d));
	watch_connected(d.watch, drive_now(&d));
	drive_until(&d, 4);
	expect_incidents(&d, "0 open server.restarted_empty critical\n");
	drive_set(&d, "db0", "keys=50");
	drive_until(&d, 6);
	expect_incidents(&d, "5 cleared server.restarted_empty critical\n");
	drive_end(&d);
}

/* What is worth writing: the run, a save, an incident; keys only by a tenth. */
static void
test_history_is_dirty_when_it_must(void **arg)
{
	struct drive d;
	struct history *h;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	drive_set(&d, "db0", "keys=1000");
	drive_until(&d, 9);
	h = watch_history(d.watch);
	assert_true(h->dirty);
	assert_string_equal(h->run_id, drive_find(&d, "run_id")->value);
	expect_near(h->keys, 1000);
	h->dirty = false;
	drive_set(&d, "db0", "keys=1100");
	drive_until(&d, 20);
	assert_false(h->dirty);
	expect_near(h->keys, 1100);
	drive_set(&d, "db0", "keys=1101");
	drive_until(&d, 25);
	assert_true(h->dirty);
	h->dirty = false;
	drive_saving(&d);
	drive_saved(&d);
	drive_set(&d, "rdb_last_bgsave_time_sec", "7");
	drive_until(&d, 26);
	assert_true(h->dirty);
	expect_near(h->longest_save_s, 7);
	expect_near(h->last_save, drive_get(&d, "rdb_last_save_time"));
	h->dirty = false;
	drive_saving(&d);
	drive_saved(&d);
	drive_set(&d, "rdb_last_bgsave_time_sec", "3");
	drive_until(&d, 27);
	expect_near(h->longest_save_s, 7);
	h->dirty = false;
	drive_until(&d, 40);
	assert_false(h->dirty);
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 41);
	assert_true(h->dirty);
	assert_true(h->open[INCIDENT_RDB_SAVE_FAILED].open);
	drive_end(&d);
}

/*
 * STOP and START.
 */

static void
test_stop_and_start(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-save-failed");
	drive_until(&d, 5);
	expect_incidents(&d, "0 raised rdb.save_failed critical\n");
	watch_stopped(d.watch, drive_now(&d));
	expect_incidents(&d, "5 cleared rdb.save_failed critical\n");
	expect_said(&d, "rdb.save_failed", "no longer watched");
	expect_facts(&d, "5 target.stopped\n");
	assert_null(watch_snapshot(d.watch));
	assert_null(watch_blind(d.watch, 0));
	assert_true(watch_wants(d.watch, drive_now(&d).mono) == WATCH_WANTS_NOTHING);
	/* What was done to the server meanwhile is nobody's business. */
	assert_string_equal(watch_history(d.watch)->run_id, "");
	/* Rules that change meanwhile judge nothing. */
	watch_set_rules(d.watch, &d.rules, drive_now(&d));
	d.state = TARGET_STOPPED;
	drive_until(&d, 50);
	expect_nothing(&d);
	watch_started(d.watch, drive_now(&d));
	drive_reconnect(&d);
	drive_until(&d, 55);
	expect_facts(&d, "50 target.started\n");
	expect_incidents(&d, "51 raised rdb.save_failed critical\n");
	drive_end(&d);
}

/* Nobody lists it any more: who collects notices is told, and it may come back. */
static void
test_left(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-save-failed");
	drive_until(&d, 5);
	expect_incidents(&d, "0 raised rdb.save_failed critical\n");
	watch_left(d.watch, drive_now(&d));
	expect_incidents(&d, "5 cleared rdb.save_failed critical\n");
	expect_said(&d, "rdb.save_failed", "no longer watched");
	expect_facts(&d, "5 target.stopped\n");
	assert_string_equal(watch_history(d.watch)->run_id,
			    drive_find(&d, "run_id")->value);
	assert_false(watch_history(d.watch)->open[INCIDENT_RDB_SAVE_FAILED].open);
	drive_end(&d);
}

/*
 * What is asked, and when.
 */

static void
test_wide_every_five_seconds(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	assert_true(watch_wants(d.watch, drive_now(&d).mono) == WATCH_WANTS_NOTHING);
	drive_until(&d, 50);
	assert_int_equal(d.asked_wide, 11);
	assert_int_equal(d.asked_config, 11);
	/* A change asks why, at once. */
	drive_add(&d, "rdb_saves", 1);
	drive_until(&d, 51);
	assert_int_equal(d.asked_wide, 12);
	assert_int_equal(d.asked_config, 11);
	/* While writes may be refused, each sample does. */
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 61);
	assert_int_equal(d.asked_wide, 22);
	/* Nothing while the link is down. */
	d.state = TARGET_DOWN;
	drive_until(&d, 70);
	assert_true(watch_wants(d.watch, drive_now(&d).mono) == WATCH_WANTS_NOTHING);
	drive_end(&d);
}

static void
test_each_of_these_asks_why(void **arg)
{
	static const char *const fields[] = {
		"rdb_last_bgsave_status",
		"rdb_saves",
		"rdb_bgsave_in_progress",
		"rdb_last_save_time",
		"aof_rewrites",
		"aof_rewrite_in_progress",
		"aof_last_bgrewrite_status",
		"aof_last_write_status",
		"aof_enabled",
		"aof_delayed_fsync",
		"loading",
		"async_loading",
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct drive d;

		drive_begin(&d, "redis-7.0-aof");
		drive_until(&d, 11);
		d.asked_wide = 0;
		drive_set(&d, fields[i], "7");
		drive_until(&d, 12);
		if (d.asked_wide != 1)
			fail_msg("%s does not ask why", fields[i]);
		drive_end(&d);
	}
}

/* Without the wide answer it is judged with the next sample. */
static void
test_deferred_until_the_next_sample(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	d.wide_silent = true;
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 10);
	expect_incidents(&d, "");
	drive_until(&d, 11);
	expect_incidents(&d, "11 raised rdb.save_failed critical\n");
	drive_end(&d);
}

/*
 * What is refused.
 */

static void
test_config_refused(void **arg)
{
	struct drive d;
	const char *blind = NULL, *last = NULL;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	d.points = NULL;
	drive_until(&d, 50);
	/* Asked once a connection. */
	assert_int_equal(d.asked_config, 1);
	expect_nothing(&d);
	for (unsigned i = 0; (blind = watch_blind(d.watch, i)) != NULL; i++)
		last = blind;
	assert_string_equal(last, "save points: NOPERM");
	drive_reconnect(&d);
	d.points = "60 1";
	drive_until(&d, 60);
	assert_int_equal(d.asked_config, 3);
	assert_null(watch_blind(d.watch, 0));
	drive_end(&d);
}

static void
test_wide_refused(void **arg)
{
	struct drive d;
	const char *blind;
	unsigned n = 0;

	(void)arg;
	drive_begin(&d, "redis-7.0-save-failed");
	d.wide_refused = true;
	drive_until(&d, 5);
	/* What needs no more than the narrow part is told all the same. */
	expect_incidents(&d, "0 raised rdb.save_failed critical\n");
	for (; (blind = watch_blind(d.watch, n)) != NULL; n++)
		assert_non_null(strstr(blind, "is not told (NOPERM)"));
	assert_true(n >= 5);
	drive_end(&d);
}

/* What a server no longer tells is not open for ever. */
static void
test_what_can_no_longer_be_known(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 11);
	drive_set(&d, "errorstat_MISCONF", "count=5");
	drive_until(&d, 12);
	expect_incidents(&d, "10 raised rdb.save_failed critical\n"
			     "12 raised writes.refused critical\n");
	d.wide_refused = true;
	drive_reconnect(&d);
	drive_until(&d, 13);
	expect_incidents(&d, "13 cleared writes.refused critical\n");
	expect_said(&d, "writes.refused", "can no longer be known");
	drive_end(&d);
}

/* Nothing is blind on a server that tells it all, and much on an old one. */
static void
test_blind_by_version(void **arg)
{
	static const struct {
		const char *fixture;
		unsigned blind;
	} rows[] = { { "redis-7.0-saved", 0 },	{ "redis-8.0-saved", 0 },
		     { "valkey-8.1-saved", 0 }, { "valkey-9.1-saved", 0 },
		     { "redict-7.3-saved", 0 }, { "redis-6.0-saved", 5 } };

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive d;
		unsigned n = 0;

		begin(&d, rows[i].fixture);
		while (watch_blind(d.watch, n) != NULL)
			print_message("%s\n", watch_blind(d.watch, n++));
		assert_int_equal(n, rows[i].blind);
		drive_end(&d);
	}
}

/*
 * What is at risk.
 */

static void
test_at_risk(void **arg)
{
	struct drive d;
	struct at_risk risk;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	risk = watch_at_risk(d.watch, drive_now(&d));
	assert_true(isnan(risk.seconds) && isnan(risk.operations) && isnan(risk.bytes));
	drive_add(&d, "uptime_in_seconds", 1000);
	drive_set(&d, "repl_backlog_active", "1");
	drive_set(&d, "master_repl_offset", "1000");
	drive_until(&d, 9);
	/* Nobody knows the offset of a save that we did not see. */
	assert_true(isnan(watch_at_risk(d.watch, drive_now(&d)).bytes));
	drive_saving(&d);
	drive_saved(&d);
	drive_until(&d, 10);
	risk = watch_at_risk(d.watch, drive_now(&d));
	assert_true(risk.seconds == 0 && risk.operations == 0 && risk.bytes == 0);
	drive_set(&d, "rdb_changes_since_last_save", "4");
	drive_set(&d, "master_repl_offset", "1500");
	drive_until(&d, 20);
	risk = watch_at_risk(d.watch, drive_now(&d));
	assert_true(fabs(risk.seconds - 11) < 1.1);
	expect_near(risk.operations, 4);
	expect_near(risk.bytes, 500);
	drive_set(&d, "repl_backlog_active", "0");
	drive_until(&d, 30);
	assert_true(isnan(watch_at_risk(d.watch, drive_now(&d)).bytes));
	/* With an AOF it is up to its fsyncs; absent is not zero. */
	drive_set(&d, "aof_enabled", "1");
	drive_until(&d, 31);
	assert_true(isnan(watch_at_risk(d.watch, drive_now(&d)).operations));
	drive_set(&d, "aof_enabled", "0");
	drive_drop(&d, "rdb_changes_since_last_save");
	drive_until(&d, 32);
	assert_true(isnan(watch_at_risk(d.watch, drive_now(&d)).operations));
	drive_end(&d);
}

/*
 * The link, as seen between samples.
 */

static void
test_link_between_samples(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	d.t = 9.5;
	d.publish = PUBLISH_BLOCKED;
	drive_link(&d);
	expect_incidents(&d, "9.5 raised publish.blocked warning\n");
	/* A sample that waits for its wide part goes on waiting. */
	d.wide_silent = true;
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 10.5);
	drive_link(&d);
	expect_incidents(&d, "");
	drive_until(&d, 11);
	expect_incidents(&d, "11 raised rdb.save_failed critical\n");
	drive_end(&d);
}

static void
test_silent_since_the_last_answer(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-7.0-saved");
	d.state = TARGET_SILENT;
	drive_until(&d, 11);
	expect_incidents(&d, "10 raised link.silent critical\n");
	expect_near(drive_figure(&d, "link.silent", "seconds"), 1);
	/* And that of what was silent in between is not moved. */
	d.state = TARGET_DOWN;
	drive_until(&d, 12);
	d.state = TARGET_SILENT;
	drive_until(&d, 13);
	assert_non_null(strstr(d.incidents, "13 raised link.silent critical\n"));
	expect_near(drive_figure(&d, "link.silent", "seconds"), 0);
	drive_end(&d);
}

/* What one connection refused may be granted to the next. */
static void
test_blind_until_the_next_connection(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d, "redis-6.0-saved");
	watch_refused(d.watch, SNAPSHOT_WIDE, "NOPERM", drive_now(&d));
	assert_non_null(strstr(watch_blind(d.watch, 0), "NOPERM"));
	watch_connected(d.watch, drive_now(&d));
	assert_null(strstr(watch_blind(d.watch, 0), "NOPERM"));
	drive_end(&d);
}

static void
test_heartbeat_says_the_state(void **arg)
{
	static const struct watch_handlers handlers = { .notice = drive_notice_cb };
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	watch_free(d.watch);
	watch_free(NULL);
	d.watch = watch_new("orders", &d.rules, &handlers, &d);
	watch_heartbeat(d.watch, 0, 0, drive_now(&d));
	expect_said(&d, "heartbeat", report_state_name(TARGET_STOPPED));
	assert_string_equal(d.told[d.told_count - 1].address, "");
	watch_started(d.watch, drive_now(&d));
	watch_heartbeat(d.watch, 0, 0, drive_now(&d));
	expect_said(&d, "heartbeat", report_state_name(TARGET_STARTING));
	d.state = TARGET_STARTING;
	drive_until(&d, 4);
	expect_said(&d, "link.down", "no connection yet");
	assert_true(drive_figure(&d, "link.down", "seconds") < 6);
	drive_reconnect(&d);
	drive_saving(&d);
	drive_until(&d, 9);
	watch_history(d.watch)->dirty = false;
	watch_stopped(d.watch, drive_now(&d));
	assert_true(watch_history(d.watch)->dirty);
	watch_heartbeat(d.watch, 0, 0, drive_now(&d));
	expect_said(&d, "heartbeat", report_state_name(TARGET_STOPPED));
	/* What runs when it is watched again is told again. */
	watch_started(d.watch, drive_now(&d));
	d.facts[0] = '\0';
	drive_reconnect(&d);
	drive_until(&d, 20);
	expect_facts(&d, "10 rdb.save_started\n");
	drive_end(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_rule),
		cmocka_unit_test(test_own_rule_fields),
		cmocka_unit_test(test_own_rules_change),
		cmocka_unit_test(test_switched_off),
		cmocka_unit_test(test_counts_and_list),
		cmocka_unit_test(test_ack),
		cmocka_unit_test(test_restored),
		cmocka_unit_test(test_restored_waits_for_config),
		cmocka_unit_test(test_restart_while_we_were_away),
		cmocka_unit_test(test_restored_restarted_empty),
		cmocka_unit_test(test_history_is_dirty_when_it_must),
		cmocka_unit_test(test_stop_and_start),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_wide_every_five_seconds),
		cmocka_unit_test(test_each_of_these_asks_why),
		cmocka_unit_test(test_deferred_until_the_next_sample),
		cmocka_unit_test(test_config_refused),
		cmocka_unit_test(test_wide_refused),
		cmocka_unit_test(test_what_can_no_longer_be_known),
		cmocka_unit_test(test_blind_by_version),
		cmocka_unit_test(test_at_risk),
		cmocka_unit_test(test_link_between_samples),
		cmocka_unit_test(test_silent_since_the_last_answer),
		cmocka_unit_test(test_blind_until_the_next_connection),
		cmocka_unit_test(test_heartbeat_says_the_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
