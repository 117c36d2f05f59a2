/*
 * metrics: the text of a small report byte for byte, and what is escaped or absent.
 */
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct daemon_report daemon_report = {
	.version = "0.1.0",
	.pid = 4711,
	.uptime_s = 7380.1234,
	.clients = 3,
	.targets = 2,
};
static struct open_report open_at_orders[] = {
	{ "rdb.save_failed", SEVERITY_CRITICAL },
	{ "my\"own", SEVERITY_WARNING },
	{ "fork.slow", SEVERITY_WARNING },
};
static const struct target_report orders = {
	.name = "orders",
	.address = "127.0.0.1:6379",
	.state = TARGET_UP,
	.since_s = 7380.0,
	.interval_ns = INT64_C(5000000000),
	.channel = "pinfo",
	.samples = 1476,
	.published = 1475,
	.missed = 2,
	.dropped = 1,
	.receivers = 4,
	.last_sample_age_s = 1.25,
	.last_info_ms = 0.5,
	.connects = 7,
	.tls_until = { INT64_C(1800000000) * NS_PER_S },
	.warning = 2,
	.critical = 1,
	.open = open_at_orders,
	.open_count = 3,
	.at_risk = { .seconds = 12.5, .operations = 17, .bytes = 1e10 },
	.notices_published = 21,
	.notices_dropped = 22,
	.notices_kept = 23,
};
/* Never heard. */
static const struct target_report carts = {
	.name = "carts",
	.address = "/run/redis.sock",
	.state = TARGET_DOWN,
	.reason = "Connection refused",
	.channel = "pinfo",
	.missed = 9,
	.receivers = -1,
	.last_sample_age_s = -1,
	.last_info_ms = -1,
	.at_risk = { .seconds = NAN, .operations = NAN, .bytes = NAN },
};

#define ORDERS "{target=\"orders\",address=\"127.0.0.1:6379\"} "
#define CARTS "{target=\"carts\",address=\"/run/redis.sock\"} "

static const char expected[] =
	"# HELP pinfod_info About this pinfod.\n"
	"# TYPE pinfod_info gauge\n"
	"pinfod_info{version=\"0.1.0\"} 1\n"
	"# HELP pinfod_uptime_seconds Since it started.\n"
	"# TYPE pinfod_uptime_seconds gauge\n"
	"pinfod_uptime_seconds 7380.123\n"
	"# HELP pinfod_clients Connections to the control socket.\n"
	"# TYPE pinfod_clients gauge\n"
	"pinfod_clients 3\n"
	"# HELP pinfod_config_ok Whether the last reload succeeded.\n"
	"# TYPE pinfod_config_ok gauge\n"
	"pinfod_config_ok 1\n"
	"# HELP pinfod_target_state 1 for the state that the target is in.\n"
	"# TYPE pinfod_target_state gauge\n"
	"pinfod_target_state{target=\"orders\",state=\"up\"} 1\n"
	"pinfod_target_state{target=\"carts\",state=\"down\"} 1\n"
	"# HELP pinfod_target_incidents Incidents that are open.\n"
	"# TYPE pinfod_target_incidents gauge\n"
	"pinfod_target_incidents{target=\"orders\",severity=\"critical\"} 1\n"
	"pinfod_target_incidents{target=\"orders\",severity=\"warning\"} 2\n"
	"pinfod_target_incidents{target=\"carts\",severity=\"critical\"} 0\n"
	"pinfod_target_incidents{target=\"carts\",severity=\"warning\"} 0\n"
	"# HELP pinfod_incident_open 1 for each incident that is open.\n"
	"# TYPE pinfod_incident_open gauge\n"
	"pinfod_incident_open{target=\"orders\",incident=\"rdb.save_failed\","
	"severity=\"critical\"} 1\n"
	"pinfod_incident_open{target=\"orders\",incident=\"my\\\"own\","
	"severity=\"warning\"} 1\n"
	"pinfod_incident_open{target=\"orders\",incident=\"fork.slow\","
	"severity=\"warning\"} 1\n"
	"# HELP pinfod_target_up Whether the last INFO was answered.\n"
	"# TYPE pinfod_target_up gauge\n"
	"pinfod_target_up" ORDERS "1\n"
	"pinfod_target_up" CARTS "0\n"
	"# HELP pinfod_target_samples_total INFO answers.\n"
	"# TYPE pinfod_target_samples_total counter\n"
	"pinfod_target_samples_total" ORDERS "1476\n"
	"pinfod_target_samples_total" CARTS "0\n"
	"# HELP pinfod_target_published_total PUBLISH answers.\n"
	"# TYPE pinfod_target_published_total counter\n"
	"pinfod_target_published_total" ORDERS "1475\n"
	"pinfod_target_published_total" CARTS "0\n"
	"# HELP pinfod_target_missed_total Ticks without a sample.\n"
	"# TYPE pinfod_target_missed_total counter\n"
	"pinfod_target_missed_total" ORDERS "2\n"
	"pinfod_target_missed_total" CARTS "9\n"
	"# HELP pinfod_target_dropped_total Samples that could not be published.\n"
	"# TYPE pinfod_target_dropped_total counter\n"
	"pinfod_target_dropped_total" ORDERS "1\n"
	"pinfod_target_dropped_total" CARTS "0\n"
	"# HELP pinfod_target_receivers What the last PUBLISH returned.\n"
	"# TYPE pinfod_target_receivers gauge\n"
	"pinfod_target_receivers" ORDERS "4\n"
	"# HELP pinfod_target_connects_total Connections made.\n"
	"# TYPE pinfod_target_connects_total counter\n"
	"pinfod_target_connects_total" ORDERS "7\n"
	"pinfod_target_connects_total" CARTS "0\n"
	"# HELP pinfod_target_sample_age_seconds Since the last INFO answer.\n"
	"# TYPE pinfod_target_sample_age_seconds gauge\n"
	"pinfod_target_sample_age_seconds" ORDERS "1.25\n"
	"# HELP pinfod_target_info_seconds How long the last INFO took.\n"
	"# TYPE pinfod_target_info_seconds gauge\n"
	"pinfod_target_info_seconds" ORDERS "0.0005\n"
	"# HELP pinfod_target_certificate_end_timestamp_seconds When the server's "
	"certificate ends, as shown at the last connection.\n"
	"# TYPE pinfod_target_certificate_end_timestamp_seconds gauge\n"
	"pinfod_target_certificate_end_timestamp_seconds" ORDERS "1.8e+09\n"
	"# HELP pinfod_target_at_risk_seconds Since the last durable point, if the "
	"server died now.\n"
	"# TYPE pinfod_target_at_risk_seconds gauge\n"
	"pinfod_target_at_risk_seconds" ORDERS "12.5\n"
	"# HELP pinfod_target_at_risk_operations Operations that would be lost then.\n"
	"# TYPE pinfod_target_at_risk_operations gauge\n"
	"pinfod_target_at_risk_operations" ORDERS "17\n"
	"# HELP pinfod_target_at_risk_bytes Bytes that would be lost then, at the "
	"most.\n"
	"# TYPE pinfod_target_at_risk_bytes gauge\n"
	"pinfod_target_at_risk_bytes" ORDERS "1e+10\n"
	"# HELP pinfod_target_notices_published_total PUBLISH answers to notices.\n"
	"# TYPE pinfod_target_notices_published_total counter\n"
	"pinfod_target_notices_published_total" ORDERS "21\n"
	"pinfod_target_notices_published_total" CARTS "0\n"
	"# HELP pinfod_target_notices_dropped_total Notices that could not be "
	"published.\n"
	"# TYPE pinfod_target_notices_dropped_total counter\n"
	"pinfod_target_notices_dropped_total" ORDERS "22\n"
	"pinfod_target_notices_dropped_total" CARTS "0\n"
	"# HELP pinfod_target_notices_kept Notices that wait to be published.\n"
	"# TYPE pinfod_target_notices_kept gauge\n"
	"pinfod_target_notices_kept" ORDERS "23\n"
	"pinfod_target_notices_kept" CARTS "0\n";

static void
test_text(void **state)
{
	const struct target_report targets[] = { orders, carts };
	char *text = report_metrics(&daemon_report, targets, 2);

	(void)state;
	assert_string_equal(text, expected);
	free(text);
}

static void
assert_holds(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no '%s' in\n%s", part, text);
}

static void
test_no_targets(void **state)
{
	struct daemon_report d = daemon_report;
	char *text;

	(void)state;
	d.config_error = "line 3";
	text = report_metrics(&d, NULL, 0);
	assert_holds(text, "\npinfod_config_ok 0\n");
	/* Help and types, but no series. */
	assert_null(strstr(text, "{target="));
	assert_holds(text, "# TYPE pinfod_target_up gauge\n");
	free(text);
}

static void
test_groups(void **state)
{
	struct group_report groups[] = {
		{ .name = "cache", .targets = 3, .sources = 5, .heard = 4 },
		{ .name = "/a\"b\\c", .targets = 2000, .sources = 1, .heard = 0 },
	};
	struct daemon_report d = daemon_report;
	char *text;

	(void)state;
	d.groups = groups;
	d.group_count = 2;
	text = report_metrics(&d, NULL, 0);
	assert_holds(text, "# HELP pinfod_group_targets Targets that the group has "
			   "found.\n"
			   "# TYPE pinfod_group_targets gauge\n"
			   "pinfod_group_targets{group=\"cache\"} 3\n"
			   "pinfod_group_targets{group=\"/a\\\"b\\\\c\"} 2000\n"
			   "# HELP pinfod_group_sources Who can be asked for them.\n"
			   "# TYPE pinfod_group_sources gauge\n"
			   "pinfod_group_sources{group=\"cache\"} 5\n"
			   "pinfod_group_sources{group=\"/a\\\"b\\\\c\"} 1\n"
			   "# HELP pinfod_group_sources_heard Who of those answers.\n"
			   "# TYPE pinfod_group_sources_heard gauge\n"
			   "pinfod_group_sources_heard{group=\"cache\"} 4\n"
			   "pinfod_group_sources_heard{group=\"/a\\\"b\\\\c\"} 0\n");
	free(text);
}

static void
test_states(void **state)
{
	struct target_report t = orders;

	(void)state;
	for (int s = TARGET_STOPPED; s <= TARGET_REFUSED; s++) {
		char *text, line[128];

		t.state = (enum target_state)s;
		text = report_metrics(&daemon_report, &t, 1);
		snprintf(line, sizeof(line),
			 "\npinfod_target_state{target=\"orders\",state=\"%s\"} 1\n",
			 report_state_name(t.state));
		assert_holds(text, line);
		snprintf(line, sizeof(line), "\npinfod_target_up" ORDERS "%d\n",
			 s == TARGET_UP);
		assert_holds(text, line);
		free(text);
	}
}

static void
test_escapes(void **state)
{
	static const struct {
		const char *plain, *label;
	} rows[] = {
		{ "a\"b", "\"a\\\"b\"" },
		{ "a\\b", "\"a\\\\b\"" },
		{ "a\nb", "\"a\\\\x0ab\"" },
		{ "a\\nb", "\"a\\\\nb\"" },
		{ "\"\\\n", "\"\\\"\\\\\\\\x0a\"" },
		{ "{a=b} 1", "\"{a=b} 1\"" },
		{ "%s%n", "\"%s%n\"" },
		{ "", "\"\"" },
		{ "[::1]:6379", "\"[::1]:6379\"" },
		{ "\xc3\xa4", "\"\\\\xc3\\\\xa4\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct target_report t = orders;
		char line[128], *text;

		t.name = t.address = rows[i].plain;
		text = report_metrics(&daemon_report, &t, 1);
		snprintf(line, sizeof(line),
			 "\npinfod_target_up{target=%s,address=%s} 1\n", rows[i].label,
			 rows[i].label);
		assert_holds(text, line);
		snprintf(line, sizeof(line),
			 "\npinfod_target_state{target=%s,state=\"up\"} 1\n",
			 rows[i].label);
		assert_holds(text, line);
		free(text);
	}
}

static void
test_values(void **state)
{
	struct target_report t = orders;
	char *text;

	(void)state;
	t.receivers = 0;
	t.last_sample_age_s = 0;
	t.last_info_ms = 0;
	/* Counters may not stand still where a double has run out of digits. */
	t.published = 123456789;
	t.connects = 999999999;
	text = report_metrics(&daemon_report, &t, 1);
	/* Zero is a value. */
	assert_holds(text, "\npinfod_target_receivers" ORDERS "0\n");
	assert_holds(text, "\npinfod_target_sample_age_seconds" ORDERS "0\n");
	assert_holds(text, "\npinfod_target_info_seconds" ORDERS "0\n");
	assert_holds(text, "\npinfod_target_published_total" ORDERS "123456789\n");
	assert_holds(text, "\npinfod_target_connects_total" ORDERS "999999999\n");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	cmocka_unit_test(test_no_targets),
		cmocka_unit_test(test_groups),	cmocka_unit_test(test_states),
		cmocka_unit_test(test_escapes), cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
