/*
 * report: the lines as docs/PROTOCOL.md shows them, the JSON read back.
 */
#include "report.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "silences.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* The example of docs/PROTOCOL.md. */
static const struct daemon_report example_daemon = {
	.version = "0.1.0",
	.pid = 4711,
	.uptime_s = 7380.1,
	.clients = 1,
	.targets = 2,
};
static const struct target_report example_target = {
	.name = "orders",
	.address = "127.0.0.1:6379",
	.state = TARGET_UP,
	.since_s = 7380.0,
	.server = "redis",
	.server_version = "7.0.15",
	.user = "pinfod",
	.role = "master",
	.replication_id = "8c1ca9e14f5a2b5c",
	.interval_ns = INT64_C(5000000000),
	.channel = "pinfo",
	.notices = "pinfo:notice",
	.samples = 1476,
	.published = 1476,
	.receivers = 2,
	.last_sample_age_s = 1.2,
	.last_info_ms = 0.31,
	.connects = 1,
};

static const struct group_report example_group = {
	.name = "cache",
	.kind = "sentinel",
	.targets = 3,
	.sources = 3,
	.heard = 2,
	.agree = 2,
	.settled = true,
	.trouble = "127.0.0.1:26381: Connection refused",
};

static const char *const states[] = {
	[TARGET_STOPPED] = "stopped", [TARGET_STARTING] = "starting",
	[TARGET_UP] = "up",	      [TARGET_DOWN] = "down",
	[TARGET_SILENT] = "silent",   [TARGET_DENIED] = "denied",
	[TARGET_BUSY] = "busy",	      [TARGET_REFUSED] = "refused",
};
static const char *const publish_states[] = {
	[PUBLISH_OK] = "ok",
	[PUBLISH_BLOCKED] = "blocked",
	[PUBLISH_DENIED] = "denied",
	[PUBLISH_FAILED] = "failed",
};

static void
assert_line(const struct target_report *t, const char *expected)
{
	char *line = report_target_line(t);

	assert_string_equal(line, expected);
	free(line);
}

static void
test_daemon_line(void **state)
{
	struct daemon_report d = example_daemon;
	char *line = report_daemon_line(&d);

	(void)state;
	assert_string_equal(line, "pinfod 0.1.0, pid 4711, up 2h 3m, 2 targets");
	free(line);
	d.targets = 1;
	line = report_daemon_line(&d);
	assert_string_equal(line, "pinfod 0.1.0, pid 4711, up 2h 3m, 1 target");
	free(line);
}

static void
test_target_lines(void **state)
{
	struct target_report t = example_target;

	(void)state;
	assert_line(&t,
		    "orders: up for 2h 3m, 127.0.0.1:6379 (redis 7.0.15), every 5 s "
		    "on pinfo: 1476 published to 2 receivers, 0 missed, 0 dropped, "
		    "last 1.2 s ago");
	t.channel = "pinfo{7}";
	t.tag = "7";
	assert_line(&t,
		    "orders: up for 2h 3m, 127.0.0.1:6379 (redis 7.0.15), every 5 s "
		    "on pinfo{7} by SPUBLISH: 1476 published to 2 receivers, 0 missed, "
		    "0 dropped, last 1.2 s ago");
	t.channel = "pinfo";
	t.tag = NULL;
	/* The second line of the example. */
	t.name = "carts";
	t.state = TARGET_DOWN;
	t.since_s = 12;
	t.reason = "Connection refused";
	t.address = "127.0.0.1:6380";
	t.server = t.server_version = "";
	t.published = 1470;
	t.missed = 3;
	t.last_sample_age_s = 17;
	assert_line(&t, "carts: down for 12 s: Connection refused, 127.0.0.1:6380, "
			"every 5 s on pinfo: 1470 published to 2 receivers, 3 missed, "
			"0 dropped, last 17 s ago");
	t.receivers = 1;
	t.last_sample_age_s = -1;
	t.publish_state = PUBLISH_DENIED;
	t.publish_reason = "NOPERM";
	t.interval_ns = 100000000;
	assert_line(&t, "carts: down for 12 s: Connection refused, 127.0.0.1:6380, "
			"every 0.1 s on pinfo: 1470 published to 1 receiver, 3 missed, "
			"0 dropped, never heard; PUBLISH denied: NOPERM");
	t.critical = 1;
	assert_line(&t, "carts: down for 12 s: Connection refused, 127.0.0.1:6380, "
			"every 0.1 s on pinfo: 1470 published to 1 receiver, 3 missed, "
			"0 dropped, never heard; PUBLISH denied: NOPERM; 1 critical");
	t.warning = 2;
	t.publish_state = PUBLISH_OK;
	assert_line(&t, "carts: down for 12 s: Connection refused, 127.0.0.1:6380, "
			"every 0.1 s on pinfo: 1470 published to 1 receiver, 3 missed, "
			"0 dropped, never heard; 1 critical, 2 warning");
	t.critical = 0;
	assert_line(&t, "carts: down for 12 s: Connection refused, 127.0.0.1:6380, "
			"every 0.1 s on pinfo: 1470 published to 1 receiver, 3 missed, "
			"0 dropped, never heard; 2 warning");
}

static void
assert_group_line(const struct group_report *g, const char *expected)
{
	char *line = report_group_line(g);

	assert_string_equal(line, expected);
	free(line);
}

static void
test_group_lines(void **state)
{
	struct group_report g = example_group;

	(void)state;
	assert_group_line(&g,
			  "group cache: sentinel, 2 of 3 heard, 2 agree, 3 targets; "
			  "127.0.0.1:26381: Connection refused");
	g.trouble = NULL;
	g.targets = 1;
	assert_group_line(&g, "group cache: sentinel, 2 of 3 heard, 2 agree, 1 target");
	g.targets = g.heard = g.agree = 0;
	g.settled = false;
	assert_group_line(&g, "group cache: sentinel, 0 of 3 heard, 0 agree, asking");
	/* One source needs no count. */
	g = (struct group_report){ .name = "/etc/pinfod/targets",
				   .kind = "file",
				   .targets = 2000,
				   .sources = 1,
				   .heard = 1,
				   .agree = 1,
				   .settled = true };
	assert_group_line(&g, "group /etc/pinfod/targets: file, 2000 targets");
	g.targets = 0;
	g.trouble = "a\r\nb";
	assert_group_line(&g, "group /etc/pinfod/targets: file, 0 targets; "
			      "a\\x0d\\x0ab");
}

/* A line is one line, whatever the server says. */
static void
test_hostile_lines(void **state)
{
	struct target_report t = example_target;
	char *line;

	(void)state;
	t.state = TARGET_REFUSED;
	t.reason = "ERR\r\n+OK %s\x1b[2J";
	t.server = "re\r\ndis\xff";
	t.server_version = "7\n";
	t.publish_state = PUBLISH_FAILED;
	t.publish_reason = "\x7f\xc3\xa9\x01";
	line = report_target_line(&t);
	for (const char *p = line; *p != '\0'; p++) {
		if (*p < 0x20 || *p > 0x7e)
			fail_msg("byte %zu of '%s'", (size_t)(p - line), line);
	}
	assert_non_null(strstr(line, "+OK %s"));
	free(line);
}

static json_t *
read_back(const struct daemon_report *d, const struct target_report *targets,
	  size_t count)
{
	char *text = report_json(d, targets, count);
	json_error_t error;
	json_t *o;

	assert_non_null(text);
	assert_null(strpbrk(text, "\r\n"));
	o = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (o == NULL)
		fail_msg("%s: %s", error.text, text);
	free(text);
	return o;
}

struct member {
	const char *name;
	json_type type;
};

/* Exactly those: one that is not documented is a mistake, too. */
static void
assert_members(const json_t *o, const struct member *members, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_object_get(o, members[i].name);

		if (value == NULL || json_typeof(value) != members[i].type)
			fail_msg("%s: no such member, or of another type",
				 members[i].name);
	}
	assert_int_equal(json_object_size(o), count);
}

static void
test_members(void **state)
{
	static const struct member daemon_members[] = {
		{ "schema", JSON_INTEGER },
		{ "version", JSON_STRING },
		{ "pid", JSON_INTEGER },
		{ "uptime_s", JSON_REAL },
		{ "clients", JSON_INTEGER },
		{ "clients_refused", JSON_INTEGER },
		{ "clients_dropped", JSON_INTEGER },
		{ "config", JSON_OBJECT },
		{ "groups", JSON_ARRAY },
		{ "targets", JSON_ARRAY },
	};
	static const struct member group_members[] = {
		{ "name", JSON_STRING },     { "kind", JSON_STRING },
		{ "settled", JSON_TRUE },    { "targets", JSON_INTEGER },
		{ "sources", JSON_INTEGER }, { "heard", JSON_INTEGER },
		{ "agree", JSON_INTEGER },   { "trouble", JSON_NULL },
	};
	static const struct member target_members[] = {
		{ "name", JSON_STRING },
		{ "address", JSON_STRING },
		{ "state", JSON_STRING },
		{ "since_s", JSON_REAL },
		{ "reason", JSON_NULL },
		{ "server", JSON_STRING },
		{ "server_version", JSON_STRING },
		{ "user", JSON_STRING },
		{ "role", JSON_STRING },
		{ "replication_id", JSON_STRING },
		{ "interval_s", JSON_REAL },
		{ "identity", JSON_STRING },
		{ "channel", JSON_STRING },
		{ "tag", JSON_NULL },
		{ "samples", JSON_INTEGER },
		{ "published", JSON_INTEGER },
		{ "missed", JSON_INTEGER },
		{ "dropped", JSON_INTEGER },
		{ "receivers", JSON_INTEGER },
		{ "publish_state", JSON_STRING },
		{ "publish_reason", JSON_NULL },
		{ "last_sample_age_s", JSON_REAL },
		{ "last_info_ms", JSON_REAL },
		{ "connects", JSON_INTEGER },
		{ "tls", JSON_NULL },
		{ "incidents", JSON_OBJECT },
		{ "at_risk", JSON_OBJECT },
		{ "blind", JSON_ARRAY },
		{ "notices_published", JSON_INTEGER },
		{ "notices", JSON_STRING },
		{ "notices_dropped", JSON_INTEGER },
		{ "notices_kept", JSON_INTEGER },
	};
	struct group_report group = example_group;
	struct daemon_report d = example_daemon;
	json_t *o;

	(void)state;
	group.trouble = NULL;
	d.groups = &group;
	d.group_count = 1;
	o = read_back(&d, &example_target, 1);
	assert_members(o, daemon_members,
		       sizeof(daemon_members) / sizeof(daemon_members[0]));
	assert_members(json_array_get(json_object_get(o, "groups"), 0), group_members,
		       sizeof(group_members) / sizeof(group_members[0]));
	assert_members(json_array_get(json_object_get(o, "targets"), 0), target_members,
		       sizeof(target_members) / sizeof(target_members[0]));
	json_decref(o);
}

/* Each value is its own: all of the numbers differ. */
static void
test_values(void **state)
{
	static char blind[] = "rdb.a: needs b\nrdb.c: needs d\n";
	struct group_report groups[] = {
		{ "g", "cluster", 25, 26, 27, 28, false, "gt" },
		{ "h", "file", 0, 0, 0, 0, true, NULL },
	};
	const struct daemon_report d = {
		.version = "v",
		.pid = 1,
		.uptime_s = 2.5,
		.clients = 3,
		.clients_refused = 4,
		.clients_dropped = 5000000000,
		.config_file = "f",
		.config_age_s = 16.5,
		.reloads = 17,
		.config_error = "e",
		.targets = 1,
		.groups = groups,
		.group_count = 2,
	};
	const struct target_report t = {
		.name = "n",
		.address = "a",
		.state = TARGET_BUSY,
		.since_s = 6.5,
		.reason = "r",
		.server = "s",
		.server_version = "sv",
		.user = "u",
		.role = "ro",
		.replication_id = "id",
		.interval_ns = INT64_C(7250000000),
		.identity = IDENTITY_NODE,
		.channel = "c{7}",
		.notices = "no",
		.tag = "7",
		.samples = 8,
		.published = 9,
		.missed = 10,
		.dropped = UINT64_C(11000000000),
		.receivers = 12,
		.publish_state = PUBLISH_FAILED,
		.publish_reason = "pr",
		.last_sample_age_s = 13.5,
		.last_info_ms = 14.5,
		.connects = 15,
		.tls_version = "tv",
		.tls_cipher = "tc",
		.tls_until = { INT64_C(1800000000) * NS_PER_S },
		.warning = 18,
		.critical = 19,
		.at_risk = { .seconds = 20.5, .operations = 21, .bytes = NAN },
		.blind = blind,
		.notices_published = 22,
		.notices_dropped = 23,
		.notices_kept = 24,
	};
	json_t *want, *o = read_back(&d, &t, 1);

	(void)state;
	want = json_loads(
		"{\"schema\":1,\"version\":\"v\",\"pid\":1,\"uptime_s\":2.5,"
		"\"clients\":3,\"clients_refused\":4,"
		"\"clients_dropped\":5000000000,"
		"\"config\":{\"file\":\"f\",\"age_s\":16.5,"
		"\"reloads\":17,\"error\":\"e\"},"
		"\"groups\":[{\"name\":\"g\",\"kind\":\"cluster\","
		"\"settled\":false,\"targets\":25,\"sources\":26,"
		"\"heard\":27,\"agree\":28,\"trouble\":\"gt\"},"
		"{\"name\":\"h\",\"kind\":\"file\",\"settled\":true,"
		"\"targets\":0,\"sources\":0,\"heard\":0,\"agree\":0,"
		"\"trouble\":null}],"
		"\"targets\":[{\"name\":\"n\","
		"\"address\":\"a\",\"state\":\"busy\",\"since_s\":6.5,"
		"\"reason\":\"r\",\"server\":\"s\",\"server_version\":\"sv\","
		"\"user\":\"u\",\"role\":\"ro\",\"replication_id\":\"id\","
		"\"interval_s\":7.25,\"identity\":\"node\",\"channel\":\"c{7}\","
		"\"tag\":\"7\",\"notices\":\"no\",\"samples\":8,"
		"\"published\":9,\"missed\":10,\"dropped\":11000000000,"
		"\"receivers\":12,\"publish_state\":\"failed\","
		"\"publish_reason\":\"pr\",\"last_sample_age_s\":13.5,"
		"\"last_info_ms\":14.5,\"connects\":15,"
		"\"tls\":{\"version\":\"tv\",\"cipher\":\"tc\","
		"\"certificate_until\":\"2027-01-15T08:00:00.000Z\"},"
		"\"incidents\":{\"critical\":19,\"warning\":18},"
		"\"at_risk\":{\"seconds\":20.5,\"operations\":21,"
		"\"bytes\":null},"
		"\"blind\":[\"rdb.a: needs b\",\"rdb.c: needs d\"],"
		"\"notices_published\":22,\"notices_dropped\":23,"
		"\"notices_kept\":24}]}",
		0, NULL);
	assert_non_null(want);
	assert_true(json_equal(o, want));
	json_decref(want);
	json_decref(o);
}

static void
test_silences(void **state)
{
	struct silences *silences = silences_new();
	char *text = report_silences(silences, (struct wall){ 0 });

	(void)state;
	assert_string_equal(text, "[]");
	free(text);
	silences_add(silences, "rdb.*", "cache", (struct wall){ 1500 * NS_PER_MS });
	text = report_silences(silences, (struct wall){ NS_PER_S });
	assert_string_equal(text,
			    "[{\"incidents\":\"rdb.*\",\"targets\":\"cache\","
			    "\"until\":\"1970-01-01T00:00:01.500Z\",\"left_s\":0.5}]");
	free(text);
	silences_free(silences);
}

/* What is not known yet is null, and there. */
static void
test_absent(void **state)
{
	static const char *const absent[] = { "server", "server_version",
					      "last_sample_age_s", "last_info_ms" };
	struct target_report t = example_target;
	json_t *o;

	(void)state;
	t.server = t.server_version = "";
	t.last_sample_age_s = t.last_info_ms = -1;
	o = read_back(&example_daemon, &t, 1);
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		assert_true(json_is_null(json_object_get(
			json_array_get(json_object_get(o, "targets"), 0), absent[i])));
	json_decref(o);
	/* Zero is known. */
	t.last_sample_age_s = t.last_info_ms = 0;
	o = read_back(&example_daemon, &t, 1);
	for (size_t i = 2; i < sizeof(absent) / sizeof(absent[0]); i++)
		assert_true(json_is_real(json_object_get(
			json_array_get(json_object_get(o, "targets"), 0), absent[i])));
	json_decref(o);
}

/* JSON is UTF-8, whatever the server says; what is printable survives. */
static void
test_hostile_json(void **state)
{
	static const char *const rows[] = {
		"ERR \x01\x1f\x7f\x80\xff",
		"\xc3\x28 \xed\xa0\x80 \xf8\x88\x80\x80\x80",
		"cut \xe2\x82",
		"\"quoted\" \\ back",
		"line\r\nend",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct target_report t = example_target;
		const char *reason;
		char shown[256];
		json_t *o, *target;

		t.state = TARGET_REFUSED;
		t.reason = t.publish_reason = t.server = t.server_version = rows[i];
		t.publish_state = PUBLISH_FAILED;
		o = read_back(&example_daemon, &t, 1);
		target = json_array_get(json_object_get(o, "targets"), 0);
		assert_true(json_is_string(json_object_get(target, "server")));
		assert_true(json_is_string(json_object_get(target, "publish_reason")));
		reason = json_string_value(json_object_get(target, "reason"));
		assert_non_null(reason);
		for (const char *p = reason; *p != '\0'; p++)
			assert_in_range(*p, 0x20, 0x7e);
		/* All of it, as the log shows it. */
		log_escape(shown, sizeof(shown), rows[i]);
		assert_string_equal(reason, shown);
		json_decref(o);
	}
}

static void
test_states(void **state)
{
	(void)state;
	for (int i = TARGET_STOPPED; i <= TARGET_REFUSED; i++) {
		struct target_report t = example_target;
		json_t *o;

		t.state = (enum target_state)i;
		assert_string_equal(report_state_name(t.state), states[i]);
		o = read_back(&example_daemon, &t, 1);
		assert_string_equal(
			json_string_value(json_object_get(
				json_array_get(json_object_get(o, "targets"), 0),
				"state")),
			states[i]);
		json_decref(o);
	}
	for (int i = PUBLISH_OK; i <= PUBLISH_FAILED; i++)
		assert_string_equal(report_publish_name((enum publish_state)i),
				    publish_states[i]);
}

static void
test_many(void **state)
{
	struct target_report targets[3] = { example_target, example_target,
					    example_target };
	json_t *o = read_back(&example_daemon, targets, 0), *list;

	(void)state;
	assert_int_equal(json_array_size(json_object_get(o, "targets")), 0);
	json_decref(o);
	targets[0].name = "0";
	targets[1].name = "1";
	targets[2].name = "2";
	o = read_back(&example_daemon, targets, 3);
	list = json_object_get(o, "targets");
	assert_int_equal(json_array_size(list), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(json_string_value(json_object_get(
					    json_array_get(list, i), "name")),
				    targets[i].name);
	json_decref(o);
}

static void
test_info(void **state)
{
	struct target_report targets[3] = { example_target, example_target,
					    example_target };
	char *text;

	(void)state;
	targets[1].state = TARGET_REFUSED;
	text = report_info(&example_daemon, targets, 3);
	assert_string_equal(text, "# Server\r\npinfod_version:0.1.0\r\n"
				  "process_id:4711\r\nuptime_in_seconds:7380\r\n\r\n"
				  "# Clients\r\nconnected_clients:1\r\n\r\n"
				  "# Targets\r\ntargets:3\r\n"
				  "targets_stopped:0\r\ntargets_starting:0\r\n"
				  "targets_up:2\r\ntargets_down:0\r\n"
				  "targets_silent:0\r\ntargets_denied:0\r\n"
				  "targets_busy:0\r\ntargets_refused:1\r\n");
	free(text);
}

static void
test_info_groups(void **state)
{
	struct group_report groups[] = { example_group,
					 { "n\n", "file", 4, 5, 6, 7, true, NULL } };
	struct daemon_report d = example_daemon;
	char *text;

	(void)state;
	d.groups = groups;
	d.group_count = 2;
	text = report_info(&d, &example_target, 1);
	assert_non_null(strstr(text, "\r\ntargets_refused:0\r\n\r\n# Groups\r\n"
				     "groups:2\r\n"
				     "group0:name=cache,kind=sentinel,targets=3,"
				     "sources=3,heard=2,agree=2\r\n"
				     "group1:name=n\\x0a,kind=file,targets=4,"
				     "sources=5,heard=6,agree=7\r\n"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_daemon_line),
		cmocka_unit_test(test_target_lines),
		cmocka_unit_test(test_group_lines),
		cmocka_unit_test(test_hostile_lines),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_silences),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_hostile_json),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_info_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
