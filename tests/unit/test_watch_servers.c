/*
 * watch, on the INFO of six servers in twelve states: what is well raises
 * nothing, and what has failed raises what it is and nothing else.
 */
#include "watch_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const char *const servers[] = { "redis-6.0",  "redis-7.0",  "redis-8.0",
				       "valkey-8.1", "valkey-9.1", "redict-7.3" };

#define SERVERS (sizeof(servers) / sizeof(servers[0]))

static const struct {
	const char *name, *points, *incidents, *facts;
} states[] = {
	{ "fresh", "3600 1", "", "" },
	{ "saved", "3600 1", "", "" },
	{ "saving", "3600 1", "", "0 rdb.save_started\n" },
	{ "aof", "", "", "" },
	{ "aof-rewriting", "", "", "" },
	{ "loading", "3600 1", "", "0 load.started\n" },
	{ "replica", "3600 1", "", "" },
	{ "replica-alone", "3600 1", "", "" },
	{ "master-syncing", "3600 1", "", "" },
	{ "save-failed", "3600 1", "0 raised rdb.save_failed critical\n", "" },
	{ "save-failed", "",
	  "0 raised rdb.save_failed warning\n0 raised persistence.off warning\n", "" },
	{ "aof-rewrite-failed", "", "0 raised aof.rewrite_failed critical\n", "" },
	/* The buffer does not fall either, of course. */
	{ "aof-write-failed", "",
	  "0 raised aof.write_failed critical\n5 raised aof.backlog critical\n", "" },
	/* The same without CONFIG: nothing is guessed so early. */
	{ "fresh", NULL, "", "" },
	{ "saved", NULL, "", "" },
	{ "save-failed", NULL, "0 raised rdb.save_failed critical\n", "" },
};

static void
test_each_server_in_each_state(void **arg)
{
	struct drive d;

	(void)arg;
	for (size_t i = 0; i < SERVERS; i++) {
		for (size_t k = 0; k < sizeof(states) / sizeof(states[0]); k++) {
			char fixture[64];

			snprintf(fixture, sizeof(fixture), "%s-%s", servers[i],
				 states[k].name);
			print_message("%s\n", fixture);
			drive_begin(&d, fixture);
			d.points = states[k].points;
			drive_until(&d, 20);
			expect_incidents(&d, states[k].incidents);
			expect_facts(&d, states[k].facts);
			drive_end(&d);
		}
	}
}

/* Failures that come while we watch, and go. */
static void
test_each_server_fails_and_recovers(void **arg)
{
	static const struct {
		const char *well, *ill, *incidents, *over;
	} rows[] = {
		{ "saved", "save-failed", "10 raised rdb.save_failed critical\n",
		  "20 cleared rdb.save_failed critical\n" },
		{ "aof", "aof-write-failed", "10 raised aof.write_failed critical\n",
		  "20 cleared aof.write_failed critical\n" },
		{ "aof", "aof-rewrite-failed",
		  "10 raised aof.rewrite_failed critical\n",
		  "20 cleared aof.rewrite_failed critical\n" },
	};
	static const char *const statuses[] = { "rdb_last_bgsave_status",
						"aof_last_write_status",
						"aof_last_bgrewrite_status" };
	struct drive d, ill;

	(void)arg;
	for (size_t i = 0; i < SERVERS; i++) {
		for (size_t k = 0; k < 3; k++) {
			char fixture[64];

			snprintf(fixture, sizeof(fixture), "%s-%s", servers[i],
				 rows[k].well);
			drive_begin(&d, fixture);
			drive_until(&d, 9);
			expect_nothing(&d);
			snprintf(fixture, sizeof(fixture), "%s-%s", servers[i],
				 rows[k].ill);
			ill = (struct drive){ 0 };
			drive_load(&ill, fixture);
			drive_set(&d, statuses[k], "%s",
				  drive_find(&ill, statuses[k])->value);
			drive_until(&d, 19);
			expect_incidents(&d, rows[k].incidents);
			drive_set(&d, statuses[k], "ok");
			drive_until(&d, 100);
			expect_incidents(&d, rows[k].over);
			expect_facts(&d, "");
			drive_end(&d);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_server_in_each_state),
		cmocka_unit_test(test_each_server_fails_and_recovers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
