/*
 * endpoint: every form, every refusal, and that no password gets out, neither
 * in an error nor in memory that was given back. For the latter the allocator
 * is looked at: hence the .c file.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

/* Forward, for the macros below. */
static void spy_free(void *p);
static void spy_free_secret(char *secret);

#define free spy_free
#define xfree_secret spy_free_secret
#include "../../src/endpoint.c"
#undef free
#undef xfree_secret

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define SECRET "Sesame"
#define ERROR_BYTES 256

static unsigned leaks; /* blocks given back with the secret in them */

/* Blocks are written in full before they are read: ASan need not complain. */
static void
spy_free(void *p)
{
	size_t size = p != NULL ? malloc_usable_size(p) : 0;

	if (size > 0 && memmem(p, size, SECRET, strlen(SECRET)) != NULL)
		leaks++;
	free(p);
}

static void
spy_free_secret(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	spy_free(secret);
}

/* struct endpoint, for tables of literals. */
struct parts {
	const char *host;
	int port;
	const char *path, *user, *password;
	bool tls;
};

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* count times c, in a buffer that the next call overwrites. */
static const char *
repeat(const char *before, char c, size_t count, const char *after)
{
	static char text[1024];
	size_t n = strlen(before);

	assert_true(n + count + strlen(after) < sizeof(text));
	memcpy(text, before, n);
	memset(text + n, c, count);
	strcpy(text + n + count, after);
	return text;
}

static void
test_forms(void **state)
{
	static const struct {
		const char *uri;
		struct parts want;
	} rows[] = {
		/* redis:// */
		{ "redis://h", { .host = "h", .port = 6379 } },
		{ "rediss://h", { .host = "h", .port = 6379, .tls = true } },
		{ "REDISS://:pw@[::1]:1",
		  { .host = "::1", .port = 1, .password = "pw", .tls = true } },
		{ "REDIS://h", { .host = "h", .port = 6379 } },
		{ "redis://h/", { .host = "h", .port = 6379 } },
		{ "redis://h/0", { .host = "h", .port = 6379 } },
		{ "redis://h:1/15", { .host = "h", .port = 1 } },
		{ "redis://h:65535", { .host = "h", .port = 65535 } },
		{ "redis://h:0080", { .host = "h", .port = 80 } },
		{ "redis://a-b_c.example:7000",
		  { .host = "a-b_c.example", .port = 7000 } },
		/* Credentials. */
		{ "redis://pw@h", { .host = "h", .port = 6379, .password = "pw" } },
		{ "redis://:pw@h", { .host = "h", .port = 6379, .password = "pw" } },
		{ "redis://u:pw@h:1",
		  { .host = "h", .port = 1, .user = "u", .password = "pw" } },
		{ "redis://u:@h",
		  { .host = "h", .port = 6379, .user = "u", .password = "" } },
		/* A password with @ : / , as it is and percent-encoded. */
		{ "redis://u:p@w@h",
		  { .host = "h", .port = 6379, .user = "u", .password = "p@w" } },
		{ "redis://u:p:w@h",
		  { .host = "h", .port = 6379, .user = "u", .password = "p:w" } },
		{ "redis://:p/w@h", { .host = "h", .port = 6379, .password = "p/w" } },
		{ "redis://:/p/@h", { .host = "h", .port = 6379, .password = "/p/" } },
		{ "redis://:a,b@h", { .host = "h", .port = 6379, .password = "a,b" } },
		{ "redis://:://@h", { .host = "h", .port = 6379, .password = "://" } },
		{ "redis://u:%40%3A%2f%2C%25@h",
		  { .host = "h", .port = 6379, .user = "u", .password = "@:/,%" } },
		{ "redis://u%3Ax:pw@h",
		  { .host = "h", .port = 6379, .user = "u:x", .password = "pw" } },
		{ "redis://:%01%7f%FF@h",
		  { .host = "h", .port = 6379, .password = "\x01\x7f\xff" } },
		{ "redis://:%2540@h",
		  { .host = "h", .port = 6379, .password = "%40" } },
		/* IPv6. */
		{ "redis://[::1]", { .host = "::1", .port = 6379 } },
		{ "redis://[::1]:7000/3", { .host = "::1", .port = 7000 } },
		{ "redis://:pw@[fe80::1%eth0]:7000",
		  { .host = "fe80::1%eth0", .port = 7000, .password = "pw" } },
		{ "redis://[2001:db8::1]:1", { .host = "2001:db8::1", .port = 1 } },
		{ "redis://[10.0.0.1]:1", { .host = "10.0.0.1", .port = 1 } },
		/* unix:// */
		{ "unix:///run/redis.sock", { .path = "/run/redis.sock" } },
		{ "Unix:///run/a@b.sock", { .path = "/run/a@b.sock" } },
		{ "unix:///run/a:b%20.sock", { .path = "/run/a:b%20.sock" } },
		{ "unix://pw@/run/r.sock",
		  { .path = "/run/r.sock", .password = "pw" } },
		{ "unix://u:p%40w@/run/r.sock",
		  { .path = "/run/r.sock", .user = "u", .password = "p@w" } },
		{ "unix://:p@w@/r.sock", { .path = "/r.sock", .password = "p@w" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct parts *want = &rows[i].want;
		char error[ERROR_BYTES] = "";
		struct endpoint e;

		if (!endpoint_parse(&e, rows[i].uri, error, sizeof(error)))
			fail_msg("%s: %s", rows[i].uri, error);
		if (!same_text(e.host, want->host) || e.port != want->port ||
		    !same_text(e.path, want->path) || !same_text(e.user, want->user) ||
		    !same_text(e.password, want->password) || e.tls.on != want->tls)
			fail_msg("%s: host %s port %d path %s user %s password %s",
				 rows[i].uri, e.host, e.port, e.path, e.user,
				 e.password);
		endpoint_fini(&e);
	}
}

static void
refused(const char *uri, const char *says)
{
	char error[ERROR_BYTES] = "";
	struct endpoint e, before;

	memset(&e, 0x5a, sizeof(e));
	before = e;
	if (endpoint_parse(&e, uri, error, sizeof(error)))
		fail_msg("%s is read", uri);
	if (memcmp(&e, &before, sizeof(e)) != 0)
		fail_msg("%s: the endpoint was touched", uri);
	if (strstr(error, says) == NULL)
		fail_msg("%s: '%s' does not say '%s'", uri, error, says);
	if (strstr(error, SECRET) != NULL)
		fail_msg("%s: '%s' quotes the password", uri, error);
}

static void
test_refusals(void **state)
{
	static const struct {
		const char *uri, *says;
	} rows[] = {
		{ "", "neither" },
		{ "h", "neither" },
		{ "h:6379", "neither" },
		{ "/run/r.sock", "neither" },
		{ "http://h", "neither" },
		{ "://h", "neither" },
		{ "redisx://h", "neither" },
		{ "redi://h", "neither" },
		{ "redis:/h", "neither" },
		/* Ports. */
		{ "redis://h:", "port ''" },
		{ "redis://h:0", "port '0'" },
		{ "redis://h:65536", "65535" },
		{ "redis://h:-1", "port '-1'" },
		{ "redis://h:+1", "port '+1'" },
		{ "redis://h: 1", "port ' 1'" },
		{ "redis://h:1x", "port '1x'" },
		{ "redis://h:0x10", "port '0x10'" },
		{ "redis://h:99999999999999999999999", "port" },
		{ "redis://h:18446744073709551617", "port" },
		{ "redis://[::1]:", "port" },
		{ "redis://[::1]:0", "port '0'" },
		/* Hosts. */
		{ "redis://", "host" },
		{ "redis://:7000", "host" },
		{ "redis:///0", "host" },
		{ "redis://u:pw@", "host" },
		{ "redis://[]:1", "host" },
		{ "redis://a b", "' '" },
		{ "redis://a,b", "','" },
		{ "redis://h?x=1", "'?'" },
		{ "redis://h\x01", "'?'" },
		{ "redis://h\xc3\xa9", "'?'" },
		{ "redis://::1", "brackets" },
		{ "redis://fe80::1:6379", "brackets" },
		{ "redis://[::1", "not closed" },
		{ "redis://[::1/0", "not closed" },
		{ "redis://[::1]x", "'x'" },
		{ "redis://[::1]]", "']'" },
		{ "redis://h/x", "database" },
		{ "redis://h/1/2", "database" },
		{ "redis://h:1/-1", "database" },
		/* Paths. */
		{ "unix://", "begin with /" },
		{ "unix://run/r.sock", "begin with /" },
		{ "unix://pw@run/r.sock", "begin with /" },
		/* Percent signs, in user and password. */
		{ "redis://:%@h", "%25" },
		{ "redis://:%4@h", "%25" },
		{ "redis://:%4g@h", "%25" },
		{ "redis://:%g4@h", "%25" },
		{ "redis://:%00@h", "%" },
		{ "redis://%zz:pw@h", "%25" },
		/* The same with a password. */
		{ "redis://u:" SECRET "%@h", "%25" },
		{ "redis://%:" SECRET "@h", "%25" },
		{ "redis://:" SECRET "@h:0", "port" },
		{ "redis://" SECRET "@h h", "' '" },
		{ "redis://u:" SECRET "@h/x", "database" },
		{ "redis://u:" SECRET "@[::1", "closed" },
		{ "redis://u:" SECRET "@::1", "brackets" },
		{ "redis://u:" SECRET "/" SECRET "@h:0", "port" },
		{ "redis://u:" SECRET "@" SECRET "@h:0", "port" },
		{ "rediss://u:" SECRET "@h:0", "port" },
		{ "http://u:" SECRET "@h", "neither" },
		{ "unix://u:" SECRET "@run/r.sock", "begin" },
		/* The scheme forgotten: credentials are not read, nor quoted. */
		{ SECRET "@h", "" },
		{ "u:" SECRET "@h", "" },
		{ ":" SECRET "@h:6379", "" },
		{ "u:" SECRET "@h:6379", "" },
		{ "redis:u:" SECRET "@h", "" },
		{ "u:x/" SECRET "@h", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(rows[i].uri, rows[i].says);
}

/* Every length limit, from both sides. */
static void
test_limits(void **state)
{
	char error[ERROR_BYTES] = "", buf[ENDPOINT_TEXT_BYTES];
	struct endpoint e;

	(void)state;
	assert_true(endpoint_parse(&e, repeat("unix:///", 'p', 105, ""), error, 256));
	assert_int_equal(strlen(e.path), 106);
	assert_string_equal(endpoint_text(&e, buf), e.path);
	endpoint_fini(&e);
	refused(repeat("unix:///", 'p', 106, ""), "allowed are 106");
	refused(repeat("unix:///", 'p', 106, ""), "107 bytes");
	refused(repeat("unix://u:" SECRET "@/", 'p', 106, ""), "107 bytes");

	assert_true(
		endpoint_parse(&e, repeat("redis://", 'h', 255, ":65535"), error, 256));
	assert_int_equal(strlen(e.host), 255);
	assert_int_equal(strlen(endpoint_text(&e, buf)), 255 + 6);
	endpoint_fini(&e);
	refused(repeat("redis://", 'h', 256, ""), "255");
	/* The longest text there can be. */
	assert_true(endpoint_parse(&e, repeat("redis://[", ':', 255, "]:65535"), error,
				   256));
	assert_int_equal(strlen(endpoint_text(&e, buf)), 1 + 255 + 1 + 6);
	endpoint_fini(&e);
}

/* An error that does not fit is cut, within its buffer. */
static void
test_small_error(void **state)
{
	char *error = malloc(8);
	struct endpoint e;

	(void)state;
	assert_non_null(error);
	assert_false(endpoint_parse(&e, "redis://h:65536", error, 8));
	assert_string_equal(error, "port '6");
	free(error);
}

static void
test_port_parse(void **state)
{
	char error[ERROR_BYTES];
	int port = 4711;

	(void)state;
	assert_false(endpoint_port_parse("65536", &port, error, sizeof(error)));
	assert_false(endpoint_port_parse("", &port, error, sizeof(error)));
	assert_int_equal(port, 4711);
	assert_true(endpoint_port_parse("65535", &port, error, sizeof(error)));
	assert_int_equal(port, 65535);
	assert_true(endpoint_port_parse("1", &port, error, sizeof(error)));
	assert_int_equal(port, 1);
}

static void
test_parts(void **state)
{
	char error[ERROR_BYTES];

	(void)state;
	assert_true(endpoint_host_ok("h", error, sizeof(error)));
	assert_false(endpoint_host_ok("", error, sizeof(error)));
	assert_non_null(strstr(error, "host"));
	assert_false(endpoint_host_ok("a/b", error, sizeof(error)));
	assert_true(endpoint_path_ok("/", error, sizeof(error)));
	assert_false(endpoint_path_ok("", error, sizeof(error)));
	assert_false(endpoint_path_ok("r.sock", error, sizeof(error)));
}

static void
parse(struct endpoint *e, const char *uri)
{
	char error[ERROR_BYTES];

	if (!endpoint_parse(e, uri, error, sizeof(error)))
		fail_msg("%s: %s", uri, error);
}

static void
test_text(void **state)
{
	static const struct {
		const char *uri, *text;
	} rows[] = {
		{ "redis://h", "h:6379" },
		{ "redis://[::1]", "[::1]:6379" },
		{ "redis://u:" SECRET "@h:1/3", "h:1" },
		{ "unix://u:" SECRET "@/r.sock", "/r.sock" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buf[ENDPOINT_TEXT_BYTES];
		struct endpoint e;

		parse(&e, rows[i].uri);
		assert_ptr_equal(endpoint_text(&e, buf), buf);
		assert_string_equal(buf, rows[i].text);
		endpoint_fini(&e);
	}
}

static void
test_same(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "redis://h:1", "redis://h:1", true },
		{ "redis://h:1", "redis://H:1", true },
		{ "redis://h:6379", "redis://h", true },
		{ "redis://h:1", "redis://h:2", false },
		{ "redis://h:1", "redis://i:1", false },
		{ "redis://h:1", "unix:///h", false },
		{ "unix:///h", "unix:///h", true },
		/* Files mind case. */
		{ "unix:///h", "unix:///H", false },
		/* Who asks makes no other server, nor does the database. */
		{ "redis://u:p@h:1/2", "redis://h:1", true },
		{ "unix://p@/h", "unix:///h", true },
		/* As written: names are not resolved. */
		{ "redis://localhost", "redis://127.0.0.1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct endpoint a, b;

		parse(&a, rows[i].a);
		parse(&b, rows[i].b);
		if (endpoint_same_address(&a, &b) != rows[i].same ||
		    endpoint_same_address(&b, &a) != rows[i].same)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
		endpoint_fini(&a);
		endpoint_fini(&b);
	}
}

static void
test_copy(void **state)
{
	struct endpoint from, to;

	(void)state;
	parse(&from, "redis://u:pw@h:7");
	endpoint_copy(&to, &from);
	assert_ptr_not_equal(to.host, from.host);
	assert_ptr_not_equal(to.user, from.user);
	assert_ptr_not_equal(to.password, from.password);
	endpoint_fini(&from);
	assert_string_equal(to.host, "h");
	assert_int_equal(to.port, 7);
	assert_null(to.path);
	assert_string_equal(to.user, "u");
	assert_string_equal(to.password, "pw");
	endpoint_fini(&to);
	endpoint_fini(&to);
	assert_null(to.password);

	parse(&from, "unix:///r.sock");
	endpoint_copy(&to, &from);
	endpoint_fini(&from);
	assert_string_equal(to.path, "/r.sock");
	assert_null(to.host);
	endpoint_fini(&to);
}

/* Each setting of TLS is copied, compared, and given back. */
static void
test_tls(void **state)
{
	static const size_t fields[] = {
		offsetof(struct endpoint_tls, cacert),
		offsetof(struct endpoint_tls, cacertdir),
		offsetof(struct endpoint_tls, cert),
		offsetof(struct endpoint_tls, key),
		offsetof(struct endpoint_tls, sni),
	};
	char buf[ENDPOINT_TEXT_BYTES];
	struct endpoint a, b;

	(void)state;
	parse(&a, "rediss://u:pw@h:7");
	assert_string_equal(endpoint_text(&a, buf), "rediss://h:7");
	assert_string_equal(endpoint_name(&a, buf), "h:7");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		char **field = (char **)((char *)&a.tls + fields[i]), **copied;

		*field = strdup("/x");
		endpoint_copy(&b, &a);
		copied = (char **)((char *)&b.tls + fields[i]);
		assert_ptr_not_equal(*copied, *field);
		assert_string_equal(*copied, "/x");
		assert_true(endpoint_same(&a, &b));
		free(*copied);
		*copied = NULL;
		assert_false(endpoint_same(&a, &b));
		assert_true(endpoint_same_address(&a, &b));
		endpoint_fini(&b);
	}
	endpoint_copy(&b, &a);
	b.tls.insecure = true;
	assert_false(endpoint_same(&a, &b));
	b.tls.insecure = false;
	b.tls.on = false;
	assert_false(endpoint_same(&a, &b));
	endpoint_fini(&a);
	endpoint_fini(&b);
}

/* No block is given back with the password in it, whatever came of the URI. */
static void
test_wiping(void **state)
{
	static const char *const rows[] = {
		"redis://" SECRET "@h",	    "redis://:" SECRET "@h",
		"redis://u:" SECRET "@h",   "redis://u:%41" SECRET "@h",
		"redis://" SECRET ":pw@h",  "unix://u:" SECRET "@/r.sock",
		"redis://u:" SECRET "@h:0", "redis://u:" SECRET "%@h",
		"redis://u%%:" SECRET "@h", "rediss://u:" SECRET "@h",
	};
	char error[ERROR_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* A user's name is no secret. */
		bool in_user = strstr(rows[i], SECRET ":") != NULL;
		struct endpoint e, copy;

		leaks = 0;
		if (endpoint_parse(&e, rows[i], error, sizeof(error))) {
			endpoint_copy(&copy, &e);
			if (leaks != 0)
				fail_msg("%s: left behind by endpoint_parse", rows[i]);
			endpoint_fini(&copy);
			endpoint_fini(&e);
		}
		if (leaks != 0 && !in_user)
			fail_msg("%s: left behind", rows[i]);
	}
}

/* The port that a URI does not name is the caller's; one that it names is not. */
static void
test_default_port(void **state)
{
	struct endpoint e;
	char error[256];

	(void)state;
	assert_true(endpoint_parse_default(&e, "redis://s1", ENDPOINT_PORT_SENTINEL,
					   error, sizeof(error)));
	assert_int_equal(e.port, 26379);
	endpoint_fini(&e);
	assert_true(endpoint_parse_default(&e, "rediss://[::1]:6379",
					   ENDPOINT_PORT_SENTINEL, error,
					   sizeof(error)));
	assert_int_equal(e.port, 6379);
	endpoint_fini(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),	   cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_limits),	   cmocka_unit_test(test_small_error),
		cmocka_unit_test(test_port_parse), cmocka_unit_test(test_parts),
		cmocka_unit_test(test_text),	   cmocka_unit_test(test_same),
		cmocka_unit_test(test_copy),	   cmocka_unit_test(test_wiping),
		cmocka_unit_test(test_tls),	   cmocka_unit_test(test_default_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
