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
 * Another address.
 */

static void
set_address(struct drive *d, const char *address, enum target_identity identity)
{
	watch_set_address(d->watch, address, identity, drive_now(d));
}

/* At "a:1", with an incident, 7 changes that are not saved, and 42 keys. */
static void
begin_at(struct drive *d, enum target_identity identity)
{
	drive_begin(d, "redis-7.0-saved");
	d->points = "3600 1";
	set_address(d, "a:1", identity);
	drive_add(d, "uptime_in_seconds", 1000);
	drive_set(d, "db0", "keys=42");
	drive_set(d, "rdb_changes_since_last_save", "7");
	drive_set(d, "rdb_last_bgsave_status", "err");
	drive_until(d, 9);
	expect_incidents(d, "0 raised rdb.save_failed critical\n");
	d->facts[0] = '\0';
	assert_string_equal(watch_history(d->watch)->address, "a:1");
}

/* Another server, which is well, has 42 keys and has just started. */
static void
move(struct drive *d)
{
	drive_restart(d, "another");
	drive_set(d, "rdb_last_bgsave_status", "ok");
	drive_set(d, "role", "slave");
	drive_set(d, "master_link_status", "up");
}

/* pinfod ends, and starts with what stands in the state file. */
static void
start_anew(struct drive *d, const char *address, enum target_identity identity)
{
	static const struct watch_handlers handlers = { .notice = drive_notice_cb };
	struct history kept = *watch_history(d->watch);

	watch_free(d->watch);
	d->watch = watch_new("orders", &d->rules, &handlers, d);
	set_address(d, address, identity);
	*watch_history(d->watch) = kept;
	watch_started(d->watch, drive_now(d));
	watch_connected(d->watch, drive_now(d));
	d->facts[0] = '\0';
}

/* Before it has answered nothing is known of it. */
static void
expect_unknown(struct drive *d)
{
	struct at_risk risk = watch_at_risk(d->watch, drive_now(d));

	assert_null(watch_snapshot(d->watch));
	assert_null(watch_blind(d->watch, 0));
	assert_true(isnan(risk.seconds) && isnan(risk.operations) && isnan(risk.bytes));
}

static void
test_another_server(void **arg)
{
	struct drive d;

	(void)arg;
	begin_at(&d, IDENTITY_ADDRESS);
	set_address(&d, "b:2", IDENTITY_ADDRESS);
	expect_incidents(&d, "9 cleared rdb.save_failed critical\n");
	expect_said(&d, "rdb.save_failed", "another server is watched after 9");
	/* Told of the one that it was. */
	assert_string_equal(d.told[d.told_count - 1].address, "a:1");
	assert_true(*d.told[d.told_count - 1].run_id != '\0');
	expect_unknown(&d);
	move(&d);
	drive_set(&d, "db0", "keys=0");
	drive_until(&d, 20);
	/* No restart, no counter that fell, no other role, no missing keys. */
	expect_nothing(&d);
	assert_string_equal(watch_history(d.watch)->address, "b:2");
	assert_true(watch_history(d.watch)->last_save == -1);
	expect_near(watch_history(d.watch)->keys, 0);
	/* What happens to it there is told. */
	drive_restart(&d, "a third");
	drive_until(&d, 21);
	expect_facts(&d, "21 server.restarted warning\n");
	drive_end(&d);
}

static void
test_another_server_while_pinfod_was_away(void **arg)
{
	struct drive d;

	(void)arg;
	begin_at(&d, IDENTITY_ADDRESS);
	start_anew(&d, "b:2", IDENTITY_ADDRESS);
	expect_incidents(&d, "9 cleared rdb.save_failed critical\n");
	move(&d);
	drive_set(&d, "db0", "keys=0");
	drive_until(&d, 20);
	expect_nothing(&d);
	/* The same one is none: what was open is. */
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 21);
	expect_incidents(&d, "21 raised rdb.save_failed critical\n");
	start_anew(&d, "b:2", IDENTITY_ADDRESS);
	drive_until(&d, 22);
	expect_incidents(&d, "22 open rdb.save_failed critical\n");
	drive_end(&d);
}

/* A slip of the pen, taken back before anything answered there. */
static void
test_another_address_and_back(void **arg)
{
	struct drive d;

	(void)arg;
	begin_at(&d, IDENTITY_ADDRESS);
	set_address(&d, "b:2", IDENTITY_ADDRESS);
	d.state = TARGET_DOWN;
	drive_until(&d, 10);
	set_address(&d, "a:1", IDENTITY_ADDRESS);
	d.incidents[0] = '\0';
	move(&d);
	drive_until(&d, 11);
	expect_facts(&d, "11 server.restarted warning\n");
	expect_near(drive_figure(&d, "server.restarted", "changes_before"), 7);
	drive_end(&d);
}

static void
test_role_is_switched(void **arg)
{
	struct drive d;

	(void)arg;
	begin_at(&d, IDENTITY_ROLE);
	d.state = TARGET_DOWN;
	d.reason = "refused";
	drive_until(&d, 13);
	expect_incidents(&d, "12 raised link.down critical\n");
	set_address(&d, "b:2", IDENTITY_ROLE);
	expect_unknown(&d);
	move(&d);
	drive_until(&d, 14);
	/* Once, though its role is another one, too. */
	expect_facts(&d, "14 link.up\n14 role.switched\n");
	expect_said(&d, "role.switched",
		    "it is at b:2 now, and was at a:1; at the last sample before, 7 "
		    "changes were not saved");
	expect_near(drive_figure(&d, "role.switched", "changes_before"), 7);
	expect_near(drive_figure(&d, "role.switched", "keys_before"), 42);
	assert_string_equal(d.told[d.told_count - 1].address, "b:2");
	/* What was open follows the samples. */
	expect_incidents(&d, "14 cleared link.down critical\n"
			     "14 cleared rdb.save_failed critical\n");
	drive_until(&d, 40);
	expect_nothing(&d);
	/* From then on it is this one that may restart, or change its role. */
	drive_restart(&d, "a third");
	drive_until(&d, 41);
	expect_facts(&d, "41 server.restarted warning\n");
	drive_set(&d, "role", "master");
	drive_until(&d, 46);
	expect_facts(&d, "46 role.switched\n");
	expect_said(&d, "role.switched", "it was slave and is master");
	drive_end(&d);
}

/* Seen as a replica before it is known who took over: one failover, told once. */
static void
test_role_is_handed_over(void **arg)
{
	struct drive d;

	(void)arg;
	begin_at(&d, IDENTITY_ROLE);
	drive_set(&d, "role", "slave");
	drive_until(&d, 10);
	expect_nothing(&d);
	set_address(&d, "b:2", IDENTITY_ROLE);
	move(&d);
	drive_set(&d, "role", "master");
	drive_until(&d, 11);
	expect_facts(&d, "11 role.switched\n");
	expect_said(&d, "role.switched", "it is at b:2 now");
	drive_end(&d);
}

/* Promoted, and empty: also when pinfod itself restarts, before it and after. */
static void
test_role_is_switched_to_an_empty_server(void **arg)
{
	struct drive d;

	(void)arg;
	begin_at(&d, IDENTITY_ROLE);
	start_anew(&d, "b:2", IDENTITY_ROLE);
	move(&d);
	drive_set(&d, "role", "master");
	drive_set(&d, "db0", "keys=0");
	drive_until(&d, 10);
	expect_facts(&d, "10 role.switched\n");
	expect_said(&d, "role.switched", "7 changes were not saved");
	expect_incidents(&d, "10 cleared rdb.save_failed critical\n"
			     "10 raised server.restarted_empty critical\n");
	expect_said(&d, "server.restarted_empty",
		    "after the switch the server has 0 keys; the one before had 42");
	start_anew(&d, "b:2", IDENTITY_ROLE);
	drive_until(&d, 11);
	expect_incidents(&d, "11 open server.restarted_empty critical\n");
	expect_said(&d, "server.restarted_empty", "after the switch");
	/* Back to the one that has them. */
	set_address(&d, "a:1", IDENTITY_ROLE);
	drive_restart(&d, "a third");
	drive_set(&d, "db0", "keys=42");
	drive_until(&d, 12);
	expect_facts(&d, "12 role.switched\n");
	expect_incidents(&d, "12 cleared server.restarted_empty critical\n");
	assert_false(watch_history(d.watch)->switched);
	drive_end(&d);
}

/* The same run by another name; and an older state file, which has no address. */
static void
test_role_is_not_switched(void **arg)
{
	struct drive d;

	(void)arg;
	begin_at(&d, IDENTITY_ROLE);
	set_address(&d, "alias:1", IDENTITY_ROLE);
	drive_reconnect(&d);
	drive_until(&d, 20);
	expect_nothing(&d);
	assert_string_equal(watch_history(d.watch)->address, "alias:1");
	watch_history(d.watch)->address[0] = '\0';
	start_anew(&d, "b:2", IDENTITY_ROLE);
	move(&d);
	drive_until(&d, 21);
	expect_facts(&d, "21 server.restarted warning\n");
	/* A restart is no switch. */
	drive_restart(&d, "a third");
	drive_set(&d, "db0", "keys=0");
	drive_until(&d, 22);
	expect_facts(&d, "22 server.restarted warning\n");
	expect_said(&d, "server.restarted_empty", "after its restart");
	drive_end(&d);
}

/* After a STOP nobody is told what it was meant to lead to. */
static void
test_role_is_switched_after_a_stop(void **arg)
{
	struct drive d;

	(void)arg;
	begin_at(&d, IDENTITY_ROLE);
	watch_stopped(d.watch, drive_now(&d));
	set_address(&d, "b:2", IDENTITY_ROLE);
	watch_started(d.watch, drive_now(&d));
	d.facts[0] = d.incidents[0] = '\0';
	move(&d);
	drive_until(&d, 20);
	expect_nothing(&d);
	drive_end(&d);
}

static void
test_a_node_moves(void **arg)
{
	struct drive d;

	(void)arg;
	begin_at(&d, IDENTITY_NODE);
	set_address(&d, "b:2", IDENTITY_NODE);
	expect_nothing(&d);
	assert_non_null(watch_snapshot(d.watch));
	drive_reconnect(&d);
	drive_until(&d, 20);
	expect_nothing(&d);
	assert_string_equal(watch_history(d.watch)->address, "b:2");
	set_address(&d, "c:3", IDENTITY_NODE);
	drive_restart(&d, "another");
	drive_until(&d, 21);
	expect_facts(&d, "21 server.restarted warning\n");
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
		cmocka_unit_test(test_another_server),
		cmocka_unit_test(test_another_server_while_pinfod_was_away),
		cmocka_unit_test(test_another_address_and_back),
		cmocka_unit_test(test_role_is_switched),
		cmocka_unit_test(test_role_is_handed_over),
		cmocka_unit_test(test_role_is_switched_to_an_empty_server),
		cmocka_unit_test(test_role_is_not_switched),
		cmocka_unit_test(test_role_is_switched_after_a_stop),
		cmocka_unit_test(test_a_node_moves),
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
