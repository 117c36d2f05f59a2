/*
 * group_config: what target each member becomes, as a table; copies.
 */
#include "group_config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "members.h"
#include "xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define N50 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define N250 N50 N50 N50 N50 N50

/* A group with all that a pattern may hold. */
static struct group_config
group(enum group_kind kind, const char *name, const char *channel, bool tls)
{
	struct group_config c = {
		.kind = kind,
		.name = xstrdup(name),
		.pattern = {
			.channel = xstrdup(channel),
			.notices = xstrdup("pinfo:notice"),
			.interval_ns = 5 * NS_PER_S,
			.sample_ns = NS_PER_S,
			.json = true,
			.stopped = true,
			.endpoint = {
				.user = xstrdup("pinfod"),
				.password = xstrdup("sesame"),
				.password_file = xstrdup("/etc/pinfod/password"),
				.tls = { .on = tls,
					 .cacert = xstrdup("/etc/ca.pem"),
					 .sni = xstrdup("redis") },
			},
		},
	};

	rules_init(&c.pattern.rules);
	return c;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

struct member_row {
	const char *name, *host;
	int port;
	const char *path, *user, *tag;
	bool tls;
};

#define AT(NAME, HOST, PORT, ...)                                           \
	{                                                                   \
		.name = (NAME), .host = (HOST), .port = (PORT), __VA_ARGS__ \
	}

static void
make_member(struct members *m, const struct member_row *row)
{
	struct member *new = members_add(m, row->name, row->host, row->port);

	new->endpoint.path = xstrdup(row->path);
	new->endpoint.user = xstrdup(row->user);
	new->endpoint.tls.on = row->tls;
	new->tag = xstrdup(row->tag);
}

static void
test_targets(void **state)
{
	static const struct {
		enum group_kind kind;
		bool tls; /* the pattern's */
		const char *channel;
		struct member_row m;
		/* What comes of it. */
		const char *name, *want_channel, *address, *user;
		enum target_identity identity;
	} rows[] = {
		/* Sentinels: the master has the group's name, and keeps its role. */
		{ GROUP_SENTINEL, false, "pinfo", AT("", "10.0.0.1", 6379), "cache",
		  "pinfo", "10.0.0.1:6379", "pinfod", IDENTITY_ROLE },
		{ GROUP_SENTINEL, false, "pinfo:{name}",
		  AT("127.0.0.1:6380", "127.0.0.1", 6380), "cache/127.0.0.1:6380",
		  "pinfo:cache/127.0.0.1:6380", "127.0.0.1:6380", "pinfod",
		  IDENTITY_ADDRESS },
		{ GROUP_SENTINEL, true, "pinfo", AT("", "::1", 6379), "cache", "pinfo",
		  "rediss://[::1]:6379", "pinfod", IDENTITY_ROLE },
		/* A member does not say who we are, nor whether by TLS. */
		{ GROUP_SENTINEL, false, "pinfo",
		  AT("", "h", 1, .user = "u", .tls = true), "cache", "pinfo", "h:1",
		  "pinfod", IDENTITY_ROLE },
		/* A cluster. */
		{ GROUP_CLUSTER, false, "pinfo:{name}",
		  AT("3c1f9e2a", "10.0.0.5", 7000, .tag = "17"), "cache/3c1f9e2a",
		  "pinfo:cache/3c1f9e2a", "10.0.0.5:7000", "pinfod", IDENTITY_NODE },
		{ GROUP_CLUSTER, true, "p", AT("3c1f9e2a", "h", 7000), "cache/3c1f9e2a",
		  "p", "rediss://h:7000", "pinfod", IDENTITY_NODE },
		/* A brace is in the way of a tag, and only of that. */
		{ GROUP_CLUSTER, false, "p{", AT("3c1f9e2a", "h", 7000),
		  "cache/3c1f9e2a", "p{", "h:7000", "pinfod", IDENTITY_NODE },
		/* A file's lines have names of their own. */
		{ GROUP_FILE, false, "pinfo:{name}", AT("carts", "db2", 6379), "carts",
		  "pinfo:carts", "db2:6379", "pinfod", IDENTITY_ADDRESS },
		{ GROUP_FILE, false, "pinfo",
		  AT("db2:6379", "db2", 6379, .user = "u", .tls = true), "db2:6379",
		  "pinfo", "rediss://db2:6379", "u", IDENTITY_ADDRESS },
		{ GROUP_FILE, true, "pinfo", AT("db2", "db2", 6379), "db2", "pinfo",
		  "db2:6379", "pinfod", IDENTITY_ADDRESS },
		{ GROUP_FILE, false, "pinfo",
		  AT("/run/r.sock", NULL, 0, .path = "/run/r.sock"), "/run/r.sock",
		  "pinfo", "/run/r.sock", "pinfod", IDENTITY_ADDRESS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct group_config c =
			group(rows[i].kind, "cache", rows[i].channel, rows[i].tls);
		char error[512] = "", text[ENDPOINT_TEXT_BYTES];
		struct members m = { 0 };
		struct target_config t;
		const struct endpoint *e = &t.endpoint;

		make_member(&m, &rows[i].m);
		if (!group_config_target(&c, &m.list[0], &t, error, sizeof(error)))
			fail_msg("row %zu: %s", i, error);
		members_fini(&m);
		group_config_fini(&c);
		if (!same_text(t.name, rows[i].name) ||
		    !same_text(t.channel, rows[i].want_channel) ||
		    !same_text(endpoint_text(e, text), rows[i].address) ||
		    !same_text(e->user, rows[i].user) ||
		    !same_text(t.tag, rows[i].m.tag) || t.identity != rows[i].identity)
			fail_msg("row %zu: %s on %s at %s as %s, tag %s, %d", i, t.name,
				 t.channel, text, e->user, t.tag ? t.tag : "none",
				 (int)t.identity);
		assert_string_equal(t.notices, "pinfo:notice");
		assert_string_equal(e->password, "sesame");
		assert_string_equal(e->password_file, "/etc/pinfod/password");
		/* What is said of TLS goes with TLS. */
		assert_true(same_text(e->tls.cacert, e->tls.on ? "/etc/ca.pem" : NULL));
		assert_true(same_text(e->tls.sni, e->tls.on ? "redis" : NULL));
		assert_int_equal(t.interval_ns, 5 * NS_PER_S);
		assert_int_equal(t.sample_ns, NS_PER_S);
		assert_true(t.json && t.stopped);
		target_config_fini(&t);
	}
}

static void
test_refusals(void **state)
{
	static const struct {
		enum group_kind kind;
		const char *group, *channel;
		struct member_row m;
		const char *error; /* a part of it */
	} rows[] = {
		{ GROUP_SENTINEL, N250, "pinfo", AT("h:6379", "h", 6379),
		  "a name has 1 to 255 bytes, and not 257" },
		{ GROUP_CLUSTER, "c", N250 ":{name}", AT("3c1f9e2a", "h", 1),
		  "a channel's name has 1 to 256 bytes, and not 261" },
		/* It would be expanded for ever. */
		{ GROUP_FILE, "f", "{name}", AT("{name}", "h", 1), "braces" },
		{ GROUP_FILE, "f", "pinfo", AT("", "h", 1), "not 0" },
		{ GROUP_CLUSTER, "c", "p{x}", AT("3c1f9e2a", "h", 1, .tag = "0"),
		  "channel 'p{x}' holds a {" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct group_config c =
			group(rows[i].kind, rows[i].group, rows[i].channel, false);
		struct target_config t = { .name = NULL };
		struct members m = { 0 };
		char error[512] = "";

		make_member(&m, &rows[i].m);
		if (group_config_target(&c, &m.list[0], &t, error, sizeof(error)) ||
		    strstr(error, rows[i].error) == NULL)
			fail_msg("row %zu: '%s'", i, error);
		assert_null(t.name);
		/* The channel for notices is held to the same. */
		free(c.pattern.notices);
		c.pattern.notices = c.pattern.channel;
		c.pattern.channel = xstrdup("pinfo");
		if (group_config_target(&c, &m.list[0], &t, error, sizeof(error)) ||
		    strstr(error, rows[i].error) == NULL)
			fail_msg("row %zu, notices: '%s'", i, error);
		members_fini(&m);
		group_config_fini(&c);
	}
}

/* No notices are no mistake. */
static void
test_no_notices(void **state)
{
	struct group_config c = group(GROUP_CLUSTER, "c", "pinfo", false);
	struct members m = { 0 };
	struct target_config t;
	char error[512];

	(void)state;
	free(c.pattern.notices);
	c.pattern.notices = NULL;
	members_add(&m, "3c1f9e2a", "h", 1);
	assert_true(group_config_target(&c, &m.list[0], &t, error, sizeof(error)));
	assert_null(t.notices);
	target_config_fini(&t);
	members_fini(&m);
	group_config_fini(&c);
}

static void
test_copy(void **state)
{
	struct group_config a = group(GROUP_SENTINEL, "cache", "pinfo", true), b;

	(void)state;
	a.seeds = xcalloc(2, sizeof(a.seeds[0]));
	a.seed_count = 2;
	a.seeds[0] = (struct endpoint){ .host = xstrdup("s1"), .port = 26379 };
	a.seeds[1] = (struct endpoint){ .host = xstrdup("s2"), .port = 26380 };
	a.master = xstrdup("mymaster");
	a.path = xstrdup("/etc/pinfod/targets");
	a.replicas = a.shard = true;
	group_config_copy(&b, &a);
	group_config_fini(&a);
	assert_null(a.name);
	group_config_fini(&a);
	assert_int_equal(b.kind, GROUP_SENTINEL);
	assert_string_equal(b.name, "cache");
	assert_string_equal(b.pattern.channel, "pinfo");
	assert_string_equal(b.pattern.endpoint.password, "sesame");
	assert_int_equal(b.seed_count, 2);
	assert_string_equal(b.seeds[0].host, "s1");
	assert_string_equal(b.seeds[1].host, "s2");
	assert_int_equal(b.seeds[1].port, 26380);
	assert_string_equal(b.master, "mymaster");
	assert_string_equal(b.path, "/etc/pinfod/targets");
	assert_true(b.replicas && b.shard);
	group_config_fini(&b);
	assert_string_equal(group_kind_name(GROUP_SENTINEL), "sentinel");
	assert_string_equal(group_kind_name(GROUP_CLUSTER), "cluster");
	assert_string_equal(group_kind_name(GROUP_FILE), "file");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_no_notices),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
