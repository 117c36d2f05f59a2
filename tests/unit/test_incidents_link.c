/*
 * incidents of the link: link.*, publish.blocked. The target says how the link is
 * at each sample that is due; these have holds and names.
 */
#include "watch_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
begin(struct drive *d)
{
	drive_begin(d, "redis-7.0-saved");
	drive_until(d, 9);
	expect_nothing(d);
}

static void
become(struct drive *d, enum target_state state, const char *reason)
{
	d->state = state;
	d->reason = reason;
}

static void
test_down(void **arg)
{
	static const struct {
		enum target_state state;
		const char *said;
	} rows[] = {
		{ TARGET_DOWN, "no connection for 2.0 s: Connection refused" },
		{ TARGET_REFUSED, "no feed for 2.0 s: Connection refused" },
	};

	(void)arg;
	for (unsigned i = 0; i < 2; i++) {
		struct drive d;

		begin(&d);
		become(&d, rows[i].state, "Connection refused");
		drive_until(&d, 11);
		expect_incidents(&d, "");
		drive_until(&d, 20);
		expect_incidents(&d, "12 raised link.down critical\n");
		expect_said(&d, "link.down", rows[i].said);
		expect_near(drive_figure(&d, "link.down", "seconds"), 2);
		drive_reconnect(&d);
		drive_until(&d, 21);
		expect_incidents(&d, "21 cleared link.down critical\n");
		expect_near(drive_figure(&d, "link.down", "duration_s"), 11);
		expect_facts(&d, "21 link.up\n");
		expect_near(drive_figure(&d, "link.up", "seconds"), 11);
		drive_end(&d);
	}
}

/* Two samples, however far apart they are. */
static void
test_down_needs_two_samples(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	d.every = 10;
	drive_until(&d, 15);
	become(&d, TARGET_DOWN, "gone");
	drive_until(&d, 20);
	expect_incidents(&d, "");
	drive_until(&d, 30);
	expect_incidents(&d, "30 raised link.down critical\n");
	drive_end(&d);
}

/* A moment is no incident: and two of them are not one. */
static void
test_down_for_a_moment(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d);
	for (double t = 10; t < 30; t += 3) {
		become(&d, TARGET_DOWN, "gone");
		drive_until(&d, t + 1);
		drive_reconnect(&d);
		drive_until(&d, t + 2);
	}
	expect_incidents(&d, "");
	drive_end(&d);
}

static void
test_down_from_the_start(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-saved");
	become(&d, TARGET_STARTING, "");
	drive_until(&d, 5);
	expect_incidents(&d, "2 raised link.down critical\n");
	expect_said(&d, "link.down", "no connection yet for");
	become(&d, TARGET_DOWN, "No route to host");
	drive_until(&d, 6);
	expect_incidents(&d, "");
	become(&d, TARGET_UP, "");
	drive_until(&d, 7);
	expect_incidents(&d, "7 cleared link.down critical\n");
	/* It was never up: nothing is up again. */
	expect_facts(&d, "");
	drive_end(&d);
}

/* The server dies while what it said waits for the wide sections. */
static void
test_down_while_a_sample_waits(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d);
	d.wide_silent = true;
	drive_set(&d, "rdb_last_bgsave_status", "err");
	drive_until(&d, 10);
	expect_incidents(&d, "");
	become(&d, TARGET_DOWN, "EOF");
	drive_until(&d, 20);
	expect_incidents(&d, "11 raised rdb.save_failed critical\n"
			     "13 raised link.down critical\n");
	drive_end(&d);
}

static void
test_silent_denied_busy(void **arg)
{
	static const struct {
		enum target_state state;
		const char *raised, *id, *said, *cleared;
	} rows[] = {
		{ TARGET_SILENT, "10 raised link.silent critical\n", "link.silent",
		  "no answer", "20 cleared link.silent critical\n" },
		{ TARGET_DENIED, "10 raised link.denied critical\n", "link.denied",
		  "refused", "20 cleared link.denied critical\n" },
		{ TARGET_BUSY, "12 raised link.busy warning\n", "link.busy", "script",
		  "20 cleared link.busy warning\n" },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive d;

		begin(&d);
		become(&d, rows[i].state, "WHY not");
		drive_until(&d, 19);
		expect_incidents(&d, rows[i].raised);
		expect_said(&d, rows[i].id, rows[i].said);
		expect_said(&d, rows[i].id, ": WHY not");
		become(&d, TARGET_UP, "");
		drive_until(&d, 20);
		expect_incidents(&d, rows[i].cleared);
		expect_facts(&d, "20 link.up\n");
		drive_end(&d);
	}
}

/* One at a time: what it is now clears what it was. */
static void
test_from_one_to_another(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d);
	become(&d, TARGET_SILENT, "");
	drive_until(&d, 10);
	become(&d, TARGET_DOWN, "");
	drive_until(&d, 13);
	become(&d, TARGET_DENIED, "NOAUTH");
	drive_until(&d, 14);
	become(&d, TARGET_BUSY, "BUSY");
	drive_until(&d, 17);
	expect_incidents(&d, "10 raised link.silent critical\n"
			     "11 cleared link.silent critical\n"
			     "13 raised link.down critical\n"
			     "14 cleared link.down critical\n"
			     "14 raised link.denied critical\n"
			     "15 cleared link.denied critical\n"
			     "17 raised link.busy warning\n");
	drive_end(&d);
}

static void
test_publish(void **arg)
{
	struct drive d;
	struct notice n;

	(void)arg;
	begin(&d);
	d.publish = PUBLISH_BLOCKED;
	d.publish_reason = "no answer for 2.0 s";
	drive_until(&d, 12);
	expect_incidents(&d, "10 raised publish.blocked warning\n");
	expect_said(&d, "publish.blocked", "no answer for 2.0 s");
	expect_near(drive_figure(&d, "publish.blocked", "seconds"), 0);
	/* It goes on, and the figure with it. */
	assert_true(watch_open(d.watch, 0, drive_now(&d), &n));
	assert_string_equal(n.figures[0].name, "seconds");
	expect_near(n.figures[0].value, 2);
	d.publish = PUBLISH_DENIED;
	d.publish_reason = "NOPERM";
	drive_until(&d, 13);
	expect_incidents(&d, "13 raised link.denied critical\n"
			     "13 cleared publish.blocked warning\n");
	expect_said(&d, "link.denied", "PUBLISH is refused: NOPERM");
	expect_near(drive_figure(&d, "link.denied", "seconds"), 0);
	d.publish = PUBLISH_FAILED;
	drive_until(&d, 14);
	expect_incidents(&d, "14 cleared link.denied critical\n");
	d.publish = PUBLISH_OK;
	drive_until(&d, 20);
	expect_nothing(&d);
	drive_end(&d);
}

/* What was denied says nothing while there is no connection. */
static void
test_publish_denied_is_of_a_link_that_is_up(void **arg)
{
	struct drive d;

	(void)arg;
	begin(&d);
	d.publish = PUBLISH_DENIED;
	d.publish_reason = "NOPERM";
	drive_until(&d, 10);
	become(&d, TARGET_SILENT, "");
	drive_until(&d, 11);
	expect_incidents(&d, "10 raised link.denied critical\n"
			     "11 raised link.silent critical\n"
			     "11 cleared link.denied critical\n");
	drive_end(&d);
}

/* While nothing is heard, what is open of the server stays as it is. */
static void
test_other_incidents_wait_for_an_answer(void **arg)
{
	struct drive d;

	(void)arg;
	drive_begin(&d, "redis-7.0-save-failed");
	drive_until(&d, 9);
	expect_incidents(&d, "0 raised rdb.save_failed critical\n");
	become(&d, TARGET_DOWN, "");
	drive_set(&d, "rdb_last_bgsave_status", "ok");
	drive_until(&d, 100);
	expect_incidents(&d, "12 raised link.down critical\n");
	drive_reconnect(&d);
	drive_until(&d, 101);
	expect_incidents(&d, "101 cleared link.down critical\n"
			     "101 cleared rdb.save_failed critical\n");
	drive_end(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_down_needs_two_samples),
		cmocka_unit_test(test_down_for_a_moment),
		cmocka_unit_test(test_down_from_the_start),
		cmocka_unit_test(test_down_while_a_sample_waits),
		cmocka_unit_test(test_silent_denied_busy),
		cmocka_unit_test(test_from_one_to_another),
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_publish_denied_is_of_a_link_that_is_up),
		cmocka_unit_test(test_other_incidents_wait_for_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
