/*
 * targets_text: lines and JSON as tables, each with what comes of it and what is
 * complained of; its bounds; and what large files cost.
 */
#include "targets_text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define N50 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define N250 N50 N50 N50 N50 N50

/* "NAME=USER,ADDRESS", with the address alone where the name is the same. */
static void
describe(char *out, size_t size, const struct members *m)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < m->count; i++) {
		const struct member *one = &m->list[i];
		char text[ENDPOINT_TEXT_BYTES];

		assert_null(one->endpoint.password);
		assert_null(one->tag);
		assert_false(one->replica);
		if (i > 0)
			assert_true(strcmp(one->name, m->list[i - 1].name) > 0);
		endpoint_text(&one->endpoint, text);
		len += (size_t)snprintf(out + len, size - len, "%s%s", i > 0 ? " " : "",
					one->name);
		if (one->endpoint.user != NULL)
			len += (size_t)snprintf(out + len, size - len, "=%s",
						one->endpoint.user);
		if (strcmp(one->name, text) != 0)
			len += (size_t)snprintf(out + len, size - len, "=%s", text);
		assert_true(len < size);
	}
}

struct row {
	const char *text;
	const char *want;
	/* Each a part of one, in their order, and NULL; bad: as many, where it is 0. */
	const char *complaints[5];
	size_t bad;
	bool unreadable;
};

static void
try_row(size_t i, const struct row *row, size_t len)
{
	struct targets_text_report report;
	struct members m;
	char got[4096];
	size_t told = 0;
	bool ok = targets_text_parse(row->text, len, 100, &m, &report);

	describe(got, sizeof(got), &m);
	if (ok == row->unreadable || strcmp(got, row->want) != 0)
		fail_msg("row %zu: %d, %s", i, ok, got);
	for (; row->complaints[told] != NULL; told++) {
		if (report.complaints[told] == NULL ||
		    strstr(report.complaints[told], row->complaints[told]) == NULL)
			fail_msg("row %zu: %s", i, report.complaints[told]);
	}
	if (report.complaints[told] != NULL ||
	    report.bad != (row->bad > 0 ? row->bad : told))
		fail_msg("row %zu: %zu bad, %s", i, report.bad,
			 report.complaints[told]);
	targets_text_report_fini(&report);
	assert_int_equal(report.bad, 0);
	targets_text_report_fini(&report);
	members_fini(&m);
}

static void
test_lines(void **state)
{
	static const struct row rows[] = {
		{ .text = "", .want = "" },
		{ .text = "\n\r\n \t\n# redis://db1\n  # more\n", .want = "" },
		{ .text = "redis://db1:6379\n", .want = "db1:6379" },
		/* No newline at the end; CRLF; no scheme; blanks. */
		{ .text = "b:2\r\na:1", .want = "a:1 b:2" },
		{ .text = "\t a:1 \t\r\n", .want = "a:1" },
		{ .text = "a\nb:7/3\n", .want = "a:6379 b:7" },
		{ .text = "a:1\r", .want = "a:1" },
		/* Names, and comments behind all of it. */
		{ .text = "redis://a:1 orders\nb:2\tcarts # x y z\nc:3 # d\ne:5 f#\n",
		  .want = "c:3 carts=b:2 f#=e:5 orders=a:1" },
		/* A comment may hold anything. */
		{ .text = "a:1 # \xc3\xa4\x01\n", .want = "a:1" },
		/* TLS, users, sockets, IPv6 in brackets. */
		{ .text = "rediss://db2  carts\nrediss://a\n",
		  .want = "a:6379=rediss://a:6379 carts=rediss://db2:6379" },
		{ .text = "redis://u:@a\nu:@b x\nredis://@c\n",
		  .want = "a:6379=u c:6379 x=u=b:6379" },
		{ .text = "unix:///run/r.sock\nunix:///run/s.sock s\n",
		  .want = "/run/r.sock s=/run/s.sock" },
		{ .text = "[::1]:7\n[fe80::1%eth0]\nredis://[::2] two\n",
		  .want = "[::1]:7 [fe80::1%eth0]:6379 two=[::2]:6379" },
		{ .text = "\n [1::2]\n", .want = "[1::2]:6379" },
		{ .text = "[DB8::2]\n", .want = "[DB8::2]:6379" },
		/* What some editors put in front. */
		{ .text = "\xef\xbb\xbf"
			  "a:1\n",
		  .want = "a:1" },
		{ .text = "\xef\xbb"
			  "a:1\n",
		  .want = "",
		  .complaints = { "line 1: it holds something else than printable" } },
		/* A bad line is one line. */
		{ .text = "a:1\nb:x\nc:3\n",
		  .want = "a:1 c:3",
		  .complaints = { "line 2: port 'x' is no number from 1 to 65535" } },
		{ .text = "\n\nhttp://a\n",
		  .want = "",
		  .complaints = { "line 3: 'http://a' begins neither with redis://" } },
		{ .text = "a:1 b c\n",
		  .want = "",
		  .complaints = { "line 1: found 3 words; an address and a name" } },
		{ .text = "a:1 \"b\"\na:2 json\n",
		  .want = "",
		  .complaints = { "line 1: name: '\"b\"' holds",
				  "line 2: name: 'json'" } },
		{ .text = "a:1 " N250 "12345\nb:1 " N250 "123456",
		  .want = N250 "12345=a:1",
		  .complaints = { "line 2: name: a name has 1 to 255 bytes" } },
		/* Its own address is no name. */
		{ .text = "unix:///run/{r}.sock\nunix:///run/{r}.sock r\n",
		  .want = "r=/run/{r}.sock",
		  .complaints = { "line 1: name: " } },
		{ .text = "/run/r.sock\n",
		  .want = "",
		  .complaints = { "line 1: '/run/r.sock' after the address" } },
		/* Not printable, anywhere; also a carriage return in the midst. */
		{ .text = "a\x01:1\na:1 b\x7f\nb:1 c d\xff\na\rb\nok\n",
		  .want = "ok:6379",
		  .complaints = { "line 1: it holds", "line 2: it holds",
				  "line 3: it holds", "line 4: it holds" } },
		/* Twice: the first counts, and is named. */
		{ .text = "b:1 x\na:1 x\n",
		  .want = "x=b:1",
		  .complaints = { "line 2: line 1 has the same name" } },
		{ .text = "a:1 y\nredis://A:1 x\na:1 z\n",
		  .want = "y=a:1",
		  .complaints = { "line 2: line 1 has the same address",
				  "line 3: line 1 has the same address" } },
		{ .text = "a:1\nrediss://a:1\n",
		  .want = "a:1",
		  .complaints = { "line 2: line 1 has the same name" } },
		{ .text = "unix:///r x\nunix:///r y\nunix:///R z\n",
		  .want = "x=/r z=/R",
		  .complaints = { "line 2: line 1 has the same address" } },
		{ .text = "a:1\na:2\nb:1\n", .want = "a:1 a:2 b:1" },
		/* Sockets and hosts are no equals. */
		{ .text = "unix:///r\na:1\nunix:///s\nb:1\nunix:///r x\n",
		  .want = "/r /s a:1 b:1",
		  .complaints = { "line 5: line 1 has the same address" } },
		/* An address that counts no longer is nobody's. */
		{ .text = "a:1 x\nb:1 x\nb:1 y\n",
		  .want = "x=a:1 y=b:1",
		  .complaints = { "line 2: line 1 has the same name" } },
		/* A name that is another one's address. */
		{ .text = "a:1\nb:1 a:1\n",
		  .want = "a:1",
		  .complaints = { "line 2: line 1 has the same name" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		try_row(i, &rows[i], strlen(rows[i].text));
}

static void
test_nul(void **state)
{
	static const char lines[] = "a:1\0 x\nb:1\n\0\nc:1 #\0";
	static const char json[] = "[ { \"targets\": [ \"a:1\\u0000\" ] } ]";
	const struct row nul = {
		.text = lines,
		.want = "b:1 c:1",
		.complaints = { "line 1: it holds", "line 3: it holds" },
	};
	const struct row escaped = { .text = json,
				     .want = "",
				     .complaints = { "line 1: \\u0000" },
				     .unreadable = true };

	(void)state;
	try_row(0, &nul, sizeof(lines) - 1);
	try_row(1, &escaped, sizeof(json) - 1);
}

/* No complaint quotes a password. */
static void
test_passwords(void **state)
{
	static const char *const rows[] = {
		"redis://u:sesame@a",
		"redis://:sesame@a",
		"sesame@a",
		"u:sesame@a:1",
		"rediss://sesame@a orders",
		"unix://sesame@/run/r.sock",
		"sesame://sesame@a",
		"redis://u:sesame@",
		"[{\"targets\":[\"sesame@a\"]}]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct targets_text_report report;
		struct members m;

		assert_true(
			targets_text_parse(rows[i], strlen(rows[i]), 9, &m, &report));
		assert_int_equal(m.count, 0);
		assert_int_equal(report.bad, 1);
		assert_null(strstr(report.complaints[0], "sesame"));
		if (i < 6)
			assert_non_null(strstr(report.complaints[0],
					       "put it into a file and name that"));
		members_fini(&m);
		targets_text_report_fini(&report);
	}
}

static void
test_json(void **state)
{
	static const struct row rows[] = {
		{ .text = "[]", .want = "" },
		{ .text = " \n[\n]\r\n", .want = "" },
		{ .text = "\xef\xbb\xbf[{\"targets\":[\"a\"]}]", .want = "a:6379" },
		/* One, several, none; other keys and labels are for others. */
		{ .text = "[{\"targets\":[\"a:1\"],\"labels\":{\"name\":\"x\"}}]",
		  .want = "x=a:1" },
		{ .text = "[{\"targets\":[\"a:1\",\"rediss://b\"],"
			  "\"labels\":{\"env\":\"prod\",\"name\":\"x\"}}]",
		  .want = "x/a:1=a:1 x/b:6379=rediss://b:6379" },
		{ .text = "[{\"targets\":[\"b\",\"a\"],\"labels\":{\"n\":{\"m\":[1]}},"
			  "\"more\":1.5}, {\"targets\":[]},{\"targets\":[\"c\"]}]",
		  .want = "a:6379 b:6379 c:6379" },
		/* What is wrong costs an entry, or a target of it. */
		{ .text = "[ 1,{\"targets\":[\"a:1\"]},\"b\",null,{}]",
		  .want = "a:1",
		  .complaints = { "entry 1: found a number; an object { } is allowed",
				  "entry 3: found a string", "entry 4: found null",
				  "entry 5: targets: found none; an array" } },
		{ .text = "[{\"targets\":\"a\"},{\"targets\":[\"a\"],\"labels\":[]},"
			  "{\"targets\":[\"b\"],\"labels\":{\"name\":true}},"
			  "{\"targets\":{}}]",
		  .want = "",
		  .complaints = { "entry 1: targets: found a string; an array",
				  "entry 2: labels: found an array; an object",
				  "entry 3: name: found true or false; a \"string\"",
				  "entry 4: targets: found an object" } },
		{ .text = "[{\"targets\":[\"a\",7,\"b:x\",\"c d\"]}]",
		  .want = "a:6379",
		  .complaints = { "entry 1, target 2: found a number; a \"string\"",
				  "entry 1, target 3: port 'x' is no number",
				  "entry 1, target 4: host 'c d' holds a ' '" } },
		/* Several are several, also when only one of them is right. */
		{ .text = "[{\"targets\":[\"a\",7],\"labels\":{\"name\":\"x\"}}]",
		  .want = "x/a:6379=a:6379",
		  .complaints = { "entry 1, target 2" } },
		{ .text = "[{\"targets\":[\"a\"],\"labels\":{\"name\":\"\"}},"
			  "{\"targets\":[\"a\\u001b\"]},"
			  "{\"targets\":[\"b\"],\"labels\":{\"name\":\"\\u001b\"}}]",
		  .want = "",
		  .complaints = { "entry 1, target 1: name: a name has 1 to 255",
				  "entry 2, target 1: it holds something else",
				  "entry 3, target 1: name: '\\x1b' holds" } },
		/* Twice. */
		{ .text = "[{\"targets\":[\"b\",\"a\",\"b\"]},{\"targets\":[\"a\"]}]",
		  .want = "a:6379 b:6379",
		  .complaints = { "entry 2, target 1: entry 1, target 2 has the same",
				  "entry 1, target 3: entry 1, target 1 has the same "
				  "name" } },
		/* No JSON at all. */
		{ .text = "[",
		  .want = "",
		  .unreadable = true,
		  .complaints = { "line 1: " } },
		{ .text = "[\n{\"targets\":[\"a\"]},\n]",
		  .want = "",
		  .unreadable = true,
		  .complaints = { "line 3: " } },
		{ .text = "[{\"targets\":[\"a\"]}] x",
		  .want = "",
		  .unreadable = true,
		  .complaints = { "line 1: " } },
		{ .text = "[\"\x01\"]",
		  .want = "",
		  .unreadable = true,
		  .complaints = { "line 1: " } },
		{ .text = "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
		  .want = "",
		  .unreadable = true,
		  .complaints = { "it has more than 16 levels" } },
		{ .text = "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
		  .want = "",
		  .complaints = { "entry 1: found an array" } },
		/* Only lists are: an object has no [ in front. */
		{ .text = "{\"targets\":[\"a\"]}",
		  .want = "",
		  .complaints = { "line 1: " } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		try_row(i, &rows[i], strlen(rows[i].text));
}

/* So many values, and no more; what stands in strings is none. */
static void
test_json_bounds(void **state)
{
	static const struct {
		const char *text;
		size_t levels, values;
		const char *error; /* NULL: it is read */
	} rows[] = {
		{ "[]", 1, 2, NULL },
		{ "[]", 0, 2, "it has more than 0 levels" },
		{ "[]", 1, 1, "it has more than 1 values" },
		{ "[[],[]]", 2, 5, NULL },
		{ "[[],[]]", 1, 5, "it has more than 1 levels" },
		{ "[1,2,3]", 1, 4, NULL },
		{ "[1,2,3]", 1, 3, "it has more than 3 values" },
		{ "{\"a\":1}", 1, 3, NULL },
		{ "{\"a\":1}", 1, 2, "it has more than 2 values" },
		{ "[\"[[{{,,::\"]", 1, 2, NULL },
		{ "[\"\\\"[[{{,,::\"]", 1, 2, NULL },
		{ "[\"\\\\\",[]]", 1, 9, "it has more than 1 levels" },
		{ "]]]][", 1, 2, "line 1: " },
		{ "[\n1,\n", 1, 9, "line 3: " },
		{ "[\"\\", 1, 9, "line 1: " },
		{ "", 1, 9, "line 1: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char error[256] = "";
		json_t *o =
			json_read(rows[i].text, strlen(rows[i].text), rows[i].levels,
				  rows[i].values, error, sizeof(error));

		if ((o != NULL) != (rows[i].error == NULL) ||
		    (o == NULL &&
		     strncmp(error, rows[i].error, strlen(rows[i].error)) != 0))
			fail_msg("row %zu: '%s'", i, error);
		json_decref(o);
	}
}

/* As many as may be, and what is left out then, told once. */
static void
test_max(void **state)
{
	static const char text[] = "a:1\nb:x\nc:1\n# d\nd:1\n\ne:y\n";
	static const char json[] =
		"[{\"targets\":[\"a\",\"b\"]},{\"targets\":[\"c\"]}]";
	struct targets_text_report report;
	struct members m;

	(void)state;
	assert_true(targets_text_parse(text, strlen(text), 2, &m, &report));
	assert_int_equal(m.count, 2);
	assert_int_equal(report.bad, 3);
	assert_string_equal(report.complaints[1],
			    "line 5: there are more than 2 targets; the rest is left "
			    "out");
	assert_null(report.complaints[2]);
	members_fini(&m);
	targets_text_report_fini(&report);
	assert_true(targets_text_parse(json, strlen(json), 2, &m, &report));
	assert_int_equal(m.count, 2);
	assert_int_equal(report.bad, 1);
	assert_string_equal(report.complaints[0],
			    "entry 2, target 1: there are more than 2 targets; the "
			    "rest is left out");
	members_fini(&m);
	targets_text_report_fini(&report);
}

/* Eight are told; all are counted. */
static void
test_many_complaints(void **state)
{
	static const char text[] = "x y z\nx y z\nx y z\nx y z\nx y z\nx y z\n"
				   "x y z\nx y z\nx y z\nok\nx y z\n";
	struct targets_text_report report;
	struct members m;

	(void)state;
	assert_true(targets_text_parse(text, strlen(text), 99, &m, &report));
	assert_int_equal(m.count, 1);
	assert_int_equal(report.bad, 10);
	assert_non_null(strstr(report.complaints[7], "line 8: "));
	members_fini(&m);
	targets_text_report_fini(&report);
}

static struct mono
try_large(const char *text, size_t len, size_t max, bool ok, size_t count, size_t bad)
{
	struct targets_text_report report;
	struct members m;

	assert_int_equal(targets_text_parse(text, len, max, &m, &report), ok);
	assert_int_equal(m.count, count);
	assert_int_equal(report.bad, bad);
	members_fini(&m);
	targets_text_report_fini(&report);
	return clock_now();
}

/*
 * Files as large as may be take milliseconds; quadratic ones would take minutes. The
 * limit leaves room for sanitizers and a busy machine.
 */
static void
test_cost(void **state)
{
	size_t size = TARGETS_TEXT_BYTES_MAX + 1, len = 0;
	struct mono before = clock_now(), after;
	char *text = xcalloc(1, size + 64);

	(void)state;
	/* All of them right, backwards. */
	for (int i = 50000; i-- > 0;)
		len += (size_t)sprintf(text + len, "redis://db%06d:6379 name%06d\n", i,
				       i);
	after = try_large(text, len, 50000, true, 50000, 0);
	/* All of them the same. */
	for (size_t i = 0; i < 50000; i++)
		memcpy(text + 4 * i, "a:1\n", 4);
	after = try_large(text, 200000, 50000, true, 1, 49999);
	/* Short lines to the end, and one byte too much. */
	for (size_t i = 0; i < size; i++)
		text[i] = i % 2 ? '\n' : 'a';
	after = try_large(text, size - 1, 10000, true, 1, (size - 1) / 2 - 1);
	after = try_large(text, size, 10000, false, 0, 1);
	memset(text, 'a', size);
	after = try_large(text, size - 1, 10000, true, 0, 1);
	/* The most expensive JSON. */
	for (size_t i = 0; i < size; i++)
		text[i] = "{},"[i % 3];
	text[0] = '[';
	text[1] = ' ';
	text[2] = ' ';
	after = try_large(text, size - 1, 10000, false, 0, 1);
	assert_true(clock_diff_ns(after, before) < 20 * NS_PER_S);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_passwords),	cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_bounds),	cmocka_unit_test(test_max),
		cmocka_unit_test(test_many_complaints), cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
