/*
 * target_config: tables of names, channels and expansions.
 */
#include "target_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define N50 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define N250 N50 N50 N50 N50 N50

#define OTHER "without blanks, quotes and braces"

static void
test_names(void **state)
{
	static const struct {
		const char *name;
		const char *error; /* a part of it; NULL: the name is right */
	} rows[] = {
		{ "a", NULL },
		{ "orders", NULL },
		{ "127.0.0.1:6379", NULL },
		{ "[::1]:6379", NULL },
		{ "/run/redis.sock", NULL },
		{ "!#$%&()*+,-./:;<=>?@[\\]^_`|~", NULL },
		{ N250 "12345", NULL },
		{ N250 "123456", "1 to 255 bytes, and not 256" },
		{ "", "1 to 255 bytes, and not 0" },
		/* The word that STATUS takes, however it is written. */
		{ "json", "'json' means a form of STATUS" },
		{ "JSON", "'JSON' means a form of STATUS" },
		{ "Json", "'Json' means a form of STATUS" },
		{ "jsonx", NULL },
		{ "xjson", NULL },
		{ "jso", NULL },
		/* Around what is printable. */
		{ "a b", OTHER },
		{ " a", OTHER },
		{ "a ", OTHER },
		{ "a\tb", OTHER },
		{ "a\nb", OTHER },
		{ "\x01", OTHER },
		{ "\x1f", OTHER },
		{ "!", NULL },
		{ "~", NULL },
		{ "\x7f", OTHER },
		{ "\x80", OTHER },
		{ "\xc3\xa4", OTHER },
		{ "\xff", OTHER },
		{ "a\"b", OTHER },
		{ "a'b", OTHER },
		{ "a{b", OTHER },
		{ "a}b", OTHER },
		{ "{name}", OTHER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char error[512] = "";
		bool ok = target_config_name_ok(rows[i].name, error, sizeof(error));

		if (ok != (rows[i].error == NULL) ||
		    (!ok && strstr(error, rows[i].error) == NULL))
			fail_msg("'%s': %d, '%s'", rows[i].name, ok, error);
	}
}

static void
test_channels(void **state)
{
	static const struct {
		const char *channel;
		const char *error;
	} rows[] = {
		{ "p", NULL },
		{ "pinfo", NULL },
		{ "pinfo:{name}", NULL },
		/* Redis takes any bytes. */
		{ "a b\t\n\xff\"'", NULL },
		{ N250 "123456", NULL },
		{ N250 "1234567", "1 to 256 bytes, and not 257" },
		{ "", "1 to 256 bytes, and not 0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char error[512] = "";
		bool ok =
			target_config_channel_ok(rows[i].channel, error, sizeof(error));

		if (ok != (rows[i].error == NULL) ||
		    (!ok && strstr(error, rows[i].error) == NULL))
			fail_msg("'%s': %d, '%s'", rows[i].channel, ok, error);
	}
}

/* A short buffer is filled to its end and not beyond. */
static void
test_short_error(void **state)
{
	char error[9];

	(void)state;
	memset(error, 'x', sizeof(error));
	assert_false(target_config_name_ok("", error, 8));
	assert_string_equal(error, "a name ");
	assert_int_equal(error[8], 'x');
	assert_false(target_config_channel_ok("", error, 8));
	assert_string_equal(error, "a chann");
	assert_int_equal(error[8], 'x');
}

static void
test_expand(void **state)
{
	static const struct {
		const char *channel, *name, *expanded;
	} rows[] = {
		{ "pinfo", "orders", "pinfo" },
		{ "pinfo:{name}", "orders", "pinfo:orders" },
		{ "{name}", "orders", "orders" },
		{ "{name}:pinfo", "orders", "orders:pinfo" },
		{ "{name}{name}", "o", "oo" },
		{ "a{name}b{name}c{name}d", "[::1]:1", "a[::1]:1b[::1]:1c[::1]:1d" },
		{ "{Name}", "orders", "{Name}" },
		{ "{name", "orders", "{name" },
		{ "name}", "orders", "name}" },
		{ "{ name }", "orders", "{ name }" },
		{ "{{name}}", "orders", "{orders}" },
		{ "{name}", "%s%n", "%s%n" },
		{ "%s{name}%n", "a", "%sa%n" },
		{ "{}{name}{", "a", "{}a{" },
		{ "\xff{name}\xff", "a",
		  "\xff"
		  "a\xff" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct target_config c = { 0 };

		c.name = xstrdup(rows[i].name);
		c.channel = xstrdup(rows[i].channel);
		target_config_expand(&c);
		assert_null(c.notices);
		c.notices = xstrdup(rows[i].channel);
		target_config_expand(&c);
		assert_string_equal(c.notices, rows[i].expanded);
		assert_string_equal(c.channel, rows[i].expanded);
		/* Once is enough. */
		target_config_expand(&c);
		assert_string_equal(c.channel, rows[i].expanded);
		assert_string_equal(c.name, rows[i].name);
		target_config_fini(&c);
	}
}

static void
test_copy(void **state)
{
	struct target_config c, from = {
		.name = xstrdup("orders"),
		.endpoint = { .host = xstrdup("db1"),
			      .port = 6380,
			      .user = xstrdup("pinfod"),
			      .password = xstrdup("secret"),
			      .password_file = xstrdup("/etc/secret") },
		.channel = xstrdup("pinfo"),
		.interval_ns = 7 * NS_PER_S,
		.sample_ns = 2 * NS_PER_S,
		.notices = xstrdup("pinfo:notice"),
		.json = true,
		.stopped = true,
	};
	char error[512];

	(void)state;
	rules_init(&from.rules);
	assert_true(rules_add(&from.rules, "a.b info when keys > 1: T", error,
			      sizeof(error)));
	/* What is in the copy beforehand does not matter. */
	memset(&c, 0x5a, sizeof(c));
	target_config_copy(&c, &from);
	assert_ptr_not_equal(c.name, from.name);
	assert_ptr_not_equal(c.channel, from.channel);
	assert_ptr_not_equal(c.endpoint.host, from.endpoint.host);
	target_config_fini(&from);
	assert_null(from.name);
	assert_null(from.channel);
	assert_null(from.endpoint.host);
	assert_int_equal(from.interval_ns, 0);
	assert_string_equal(c.name, "orders");
	assert_string_equal(c.channel, "pinfo");
	assert_string_equal(c.endpoint.host, "db1");
	assert_int_equal(c.endpoint.port, 6380);
	assert_null(c.endpoint.path);
	assert_string_equal(c.endpoint.user, "pinfod");
	assert_string_equal(c.endpoint.password, "secret");
	assert_string_equal(c.endpoint.password_file, "/etc/secret");
	assert_int_equal(c.interval_ns, 7 * NS_PER_S);
	assert_int_equal(c.sample_ns, 2 * NS_PER_S);
	assert_string_equal(c.notices, "pinfo:notice");
	assert_null(from.notices);
	assert_true(c.json);
	assert_int_equal(c.rules.own_count, 1);
	assert_int_equal(from.rules.own_count, 0);
	assert_true(c.stopped);
	target_config_fini(&c);
	/* Twice is fine. */
	target_config_fini(&c);
	target_config_fini(&from);
}

/* As the defaults are: without a name, an address and a channel. */
static void
test_copy_of_nothing(void **state)
{
	struct target_config c, from = { .interval_ns = 1 };

	(void)state;
	target_config_copy(&c, &from);
	assert_null(c.name);
	assert_null(c.channel);
	assert_null(c.endpoint.host);
	assert_int_equal(c.interval_ns, 1);
	assert_false(c.stopped);
	target_config_fini(&c);
}

/* What divides the interval, and is no longer than was asked. */
static void
test_sample(void **state)
{
	static const struct {
		int64_t interval, sample, is;
	} rows[] = {
		{ 5000, 1000, 1000 }, { 5000, 5000, 5000 }, { 5000, 2500, 2500 },
		{ 5000, 2499, 1666 }, { 5000, 4999, 2500 }, { 4500, 1000, 900 },
		{ 5000, 700, 625 },   { 1000, 1000, 1000 }, { 500, 1000, 500 },
		{ 5000, 5001, 5000 }, { 5000, 0, 5000 },    { 86400000, 100, 100 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct target_config c = { .interval_ns = rows[i].interval,
					   .sample_ns = rows[i].sample };

		assert_int_equal(target_config_sample_ns(&c), rows[i].is);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_short_error),	cmocka_unit_test(test_expand),
		cmocka_unit_test(test_sample),		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_copy_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
