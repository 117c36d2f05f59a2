/*
 * resp: requests from tables, every bound from both sides, every prefix, random
 * mutations; and what the writers write. Each input is parsed in a block of
 * its exact size, so that ASan sees the first byte too many.
 */
#include "resp.h"

#include <event2/buffer.h>
#include <string.h>

#include "seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define WORDS(...)                \
	{                         \
		__VA_ARGS__, NULL \
	}
#define BYTES(literal) literal, sizeof(literal) - 1

static char *
exact_copy(const char *bytes, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	return copy;
}

struct row {
	const char *input;
	size_t len;
	const char *words[RESP_WORDS_MAX + 1];
};

static void
check(const struct row *row)
{
	char *input = exact_copy(row->input, row->len);
	struct resp_request r;
	const char *error = "untouched";
	int words = 0;

	while (row->words[words] != NULL)
		words++;
	if (resp_parse(input, row->len, &r, &error) != RESP_REQUEST)
		fail_msg("'%s': %s", row->input, error);
	if (r.used != row->len || r.argc != words)
		fail_msg("'%s': %d words in %zu bytes", row->input, r.argc, r.used);
	for (int i = 0; i < words; i++) {
		if (strcmp(r.argv[i].text, row->words[i]) != 0 ||
		    r.argv[i].len != strlen(row->words[i]))
			fail_msg("'%s': word %d is '%s'", row->input, i,
				 r.argv[i].text);
	}
	free(input);
}

static const struct row arrays[] = {
	{ BYTES("*1\r\n$4\r\nPING\r\n"), WORDS("PING") },
	{ BYTES("*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n"), WORDS("ECHO", "hi") },
	{ BYTES("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n"), WORDS("ECHO", "") },
	{ BYTES("*1\r\n$6\r\na\r\n$1b\r\n"), WORDS("a\r\n$1b") },
	{ BYTES("*1\r\n$5\r\n\"a b'\r\n"), WORDS("\"a b'") },
	{ BYTES("*01\r\n$0004\r\nPING\r\n"), WORDS("PING") },
	/* The longest length line: 16 bytes before its line feed. */
	{ BYTES("*00000000000001\r\n$00000000000004\r\nPING\r\n"), WORDS("PING") },
	{ BYTES("*0\r\n"), { NULL } },
	{ BYTES("*16\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n"
		"$1\r\n5\r\n$1\r\n6\r\n$1\r\n7\r\n$1\r\n8\r\n$1\r\n9\r\n$1\r\na\r\n"
		"$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n$1\r\nf\r\n"),
	  WORDS("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d",
		"e", "f") },
};

static const struct row lines[] = {
	{ BYTES("PING\r\n"), WORDS("PING") },
	{ BYTES("PING\n"), WORDS("PING") },
	{ BYTES("  STATUS\t orders  JSON \r\n"), WORDS("STATUS", "orders", "JSON") },
	{ BYTES("a\rb\vc\fd\n"), WORDS("a", "b", "c", "d") },
	{ BYTES("\n"), { NULL } },
	{ BYTES("\r\n"), { NULL } },
	{ BYTES(" \t \r\n"), { NULL } },
	{ BYTES(" *1\n"), WORDS("*1") },
	{ BYTES("$4\n"), WORDS("$4") },
	{ BYTES("\xc3\xa9\xff\x01\n"), WORDS("\xc3\xa9\xff\x01") },
	{ BYTES("0 1 2 3 4 5 6 7 8 9 a b c d e f\n"),
	  WORDS("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d",
		"e", "f") },
	/* "Double quotes". */
	{ BYTES("E \"a b\"\n"), WORDS("E", "a b") },
	{ BYTES("E \"\"\n"), WORDS("E", "") },
	{ BYTES("\"\" \"\"\n"), WORDS("", "") },
	{ BYTES("E \"a\" \"b\"\r\n"), WORDS("E", "a", "b") },
	{ BYTES("E \"it's\"\n"), WORDS("E", "it's") },
	{ BYTES("E \"\\n\\r\\t\\b\\a\\\\\\\"\\q\"\n"), WORDS("E", "\n\r\t\b\a\\\"q") },
	{ BYTES("E \"\\x41\\xfF\\xC3\\xa9\"\n"), WORDS("E", "A\xff\xc3\xa9") },
	/* No two hexadecimal digits: only the x remains, as in Redis. */
	{ BYTES("E \"\\x4\"\n"), WORDS("E", "x4") },
	{ BYTES("E \"\\xg1\"\n"), WORDS("E", "xg1") },
	{ BYTES("E \"\\x4g\"\n"), WORDS("E", "x4g") },
	{ BYTES("E \"\\x\"\n"), WORDS("E", "x") },
	/* 'Single quotes'. */
	{ BYTES("E 'a b'\n"), WORDS("E", "a b") },
	{ BYTES("E ''\n"), WORDS("E", "") },
	{ BYTES("E 'say \"hi\"'\n"), WORDS("E", "say \"hi\"") },
	{ BYTES("E 'it\\'s'\n"), WORDS("E", "it's") },
	{ BYTES("E 'a\\nb\\\\c'\n"), WORDS("E", "a\\nb\\\\c") },
	/* A quote may begin inside of a word. */
	{ BYTES("E a\"b c\"\n"), WORDS("E", "ab c") },
	{ BYTES("E a'b c' d\n"), WORDS("E", "ab c", "d") },
	/* Outside of quotes a backslash is one. */
	{ BYTES("E a\\n\\\n"), WORDS("E", "a\\n\\") },
};

static void
test_arrays(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		check(&arrays[i]);
}

static void
test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		check(&lines[i]);
}

/* A whole word may hold NULs, and is ended by one more. */
static void
test_nul(void **state)
{
	char array[] = "*2\r\n$1\r\nE\r\n$3\r\na\0b\r\n", line[] = "E \"a\\x00b\"\n";
	struct resp_request r;
	const char *error = "untouched";

	(void)state;
	assert_int_equal(resp_parse(array, sizeof(array) - 1, &r, &error),
			 RESP_REQUEST);
	assert_null(error);
	assert_int_equal(r.argv[1].len, 3);
	assert_memory_equal(r.argv[1].text, "a\0b\0", 4);
	assert_int_equal(resp_parse(line, sizeof(line) - 1, &r, &error), RESP_REQUEST);
	assert_int_equal(r.argv[1].len, 3);
	assert_memory_equal(r.argv[1].text, "a\0b\0", 4);
}

static void
test_bad(void **state)
{
	static const struct {
		const char *input;
		size_t len;
		const char *says;
	} rows[] = {
		{ BYTES("*1\r\n+PING\r\n"), "expected '$'" },
		{ BYTES("*1\r\n*"), "expected '$'" },
		{ BYTES("*2\r\n$1\r\na\r\n:1\r\n"), "expected '$'" },
		/* Lengths that are none. */
		{ BYTES("*\r\n"), "bad length" },
		{ BYTES("*\n"), "bad length" },
		{ BYTES("*1\n"), "bad length" },
		{ BYTES("*12\n"), "bad length" },
		{ BYTES("*1\r\n$40\nPING\r\n"), "bad length" },
		{ BYTES("*-1\r\n"), "bad length" },
		{ BYTES("*+1\r\n"), "bad length" },
		{ BYTES("* 1\r\n"), "bad length" },
		{ BYTES("*1 \r\n"), "bad length" },
		{ BYTES("*1x\r\n"), "bad length" },
		{ BYTES("*1\r\r\n"), "bad length" },
		{ BYTES("*1\0\r\n"), "bad length" },
		{ BYTES("*1\r\n$\r\n"), "bad length" },
		{ BYTES("*1\r\n$-1\r\n"), "bad length" },
		{ BYTES("*1\r\n$4\nPING\r\n"), "bad length" },
		/* 17 bytes before the line feed, with and without it. */
		{ BYTES("*000000000000001\r\n"), "bad length" },
		{ BYTES("*0000000000000001"), "bad length" },
		{ BYTES("*1\r\n$00000000000000004"), "bad length" },
		/* Past the bounds, from the announced size alone. */
		{ BYTES("*17\r\n"), "too many words" },
		{ BYTES("*99999999999999\r\n"), "too many words" },
		{ BYTES("*1\r\n$65537\r\n"), "too long a word" },
		{ BYTES("*1\r\n$99999999999999\r\n"), "too long a word" },
		{ BYTES("*1\r\n$65536\r\n"), "too long a request" },
		{ BYTES("*1\r\n$65523\r\n"), "too long a request" },
		/* Line ends that are not where they should be. */
		{ BYTES("*1\r\n$4\r\nPINGS\r\n"), "longer than announced" },
		{ BYTES("*1\r\n$4\r\nPING\rx"), "longer than announced" },
		{ BYTES("*1\r\n$4\r\nPINGx\n"), "longer than announced" },
		{ BYTES("*1\r\n$4\r\nPING\n\n"), "longer than announced" },
		/* Lines. */
		{ BYTES("E \"a\n"), "unbalanced" },
		{ BYTES("E 'a\n"), "unbalanced" },
		{ BYTES("E \"a\\\"\n"), "unbalanced" },
		{ BYTES("E \"a\\\n"), "unbalanced" },
		{ BYTES("E 'a\\'\n"), "unbalanced" },
		{ BYTES("E 'a\\\\'\n"), "unbalanced" },
		{ BYTES("E \"a\"b\n"), "unbalanced" },
		{ BYTES("E \"a\"\"b\"\n"), "unbalanced" },
		{ BYTES("E 'a''b'\n"), "unbalanced" },
		{ BYTES("E 'a'\"b\"\n"), "unbalanced" },
		{ BYTES("\"\n"), "unbalanced" },
		{ BYTES("PI\0NG\n"), "NUL" },
		{ BYTES("\0\n"), "NUL" },
		{ BYTES("0 1 2 3 4 5 6 7 8 9 a b c d e f g\n"), "too many words" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *input = exact_copy(rows[i].input, rows[i].len);
		struct resp_request r;
		const char *error = NULL;

		if (resp_parse(input, rows[i].len, &r, &error) != RESP_BAD)
			fail_msg("'%s' is not refused", rows[i].input);
		if (error == NULL || strncmp(error, "ERR Protocol error: ", 20) != 0 ||
		    strstr(error, rows[i].says) == NULL)
			fail_msg("'%s': %s", rows[i].input, error);
		free(input);
	}
}

/* Without its last byte, and so on: RESP_MORE, nothing changed, nothing read past. */
static void
check_prefixes(const struct row *row)
{
	for (size_t len = 0; len < row->len; len++) {
		char *input = exact_copy(row->input, len);
		struct resp_request r;
		const char *error = NULL;

		if (resp_parse(input, len, &r, &error) != RESP_MORE)
			fail_msg("'%.*s' does not want more", (int)len, row->input);
		if (memcmp(input, row->input, len) != 0)
			fail_msg("'%.*s' was changed", (int)len, row->input);
		free(input);
	}
}

static void
test_prefixes(void **state)
{
	static const char *const ends[] = { "\n", "\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		check_prefixes(&arrays[i]);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		check_prefixes(&lines[i]);
	/* An empty line has none but the empty one. */
	for (size_t i = 0; i < 2; i++)
		check_prefixes(&(struct row){ ends[i], strlen(ends[i]), { NULL } });
}

/* "*1 $n" with a word of n bytes: the whole request's length. */
static size_t
big_array(char *at, size_t word)
{
	size_t n = (size_t)sprintf(at, "*1\r\n$%zu\r\n", word);

	memset(at + n, 'x', word);
	memcpy(at + n + word, "\r\n", 2);
	return n + word + 2;
}

static enum resp_result
parse_exact(const char *bytes, size_t len, struct resp_request *r)
{
	char *input = exact_copy(bytes, len);
	const char *error = NULL;
	enum resp_result result = resp_parse(input, len, r, &error);

	if (result == RESP_BAD && error == NULL)
		fail_msg("no error");
	if (result == RESP_MORE && memcmp(input, bytes, len) != 0)
		fail_msg("changed");
	free(input);
	return result;
}

/* 64 KiB in a request, from both sides, in all three states. */
static void
test_size_bounds(void **state)
{
	static char big[RESP_REQUEST_MAX + 64];
	/* What stands around one word: "*1\r\n$65522\r\n" and "\r\n". */
	const size_t most = RESP_REQUEST_MAX - 14;
	struct resp_request r;

	(void)state;
	assert_int_equal(big_array(big, most), RESP_REQUEST_MAX);
	assert_int_equal(parse_exact(big, RESP_REQUEST_MAX, &r), RESP_REQUEST);
	assert_int_equal(r.used, RESP_REQUEST_MAX);
	assert_int_equal(r.argv[0].len, most);
	assert_int_equal(parse_exact(big, RESP_REQUEST_MAX - 1, &r), RESP_MORE);
	assert_int_equal(parse_exact(big, 12, &r), RESP_MORE);
	assert_int_equal(big_array(big, most + 1), RESP_REQUEST_MAX + 1);
	assert_int_equal(parse_exact(big, RESP_REQUEST_MAX + 1, &r), RESP_BAD);
	assert_int_equal(parse_exact(big, 12, &r), RESP_BAD);

	/* Two words: it is their sum that counts. */
	r.used = (size_t)sprintf(big, "*2\r\n$32768\r\n");
	memset(big + r.used, 'x', 32768);
	strcpy(big + r.used + 32768, "\r\n$32736\r\n");
	assert_int_equal(parse_exact(big, r.used + 32768 + 10, &r), RESP_MORE);
	strcpy(big + 12 + 32768, "\r\n$32745\r\n");
	assert_int_equal(parse_exact(big, 12 + 32768 + 10, &r), RESP_BAD);

	/* Lines, with their line feed. */
	memset(big, 'x', sizeof(big));
	assert_int_equal(parse_exact(big, RESP_REQUEST_MAX - 1, &r), RESP_MORE);
	assert_int_equal(parse_exact(big, RESP_REQUEST_MAX + 1, &r), RESP_BAD);
	big[RESP_REQUEST_MAX - 1] = '\n';
	assert_int_equal(parse_exact(big, RESP_REQUEST_MAX, &r), RESP_REQUEST);
	assert_int_equal(r.argv[0].len, RESP_REQUEST_MAX - 1);
	/* What comes behind is another request's affair. */
	assert_int_equal(parse_exact(big, sizeof(big), &r), RESP_REQUEST);
}

/* A line of 64 KiB has no room for its line feed. */
static void
test_line_bound(void **state)
{
	static char big[RESP_REQUEST_MAX + 1];
	struct resp_request r;

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(parse_exact(big, RESP_REQUEST_MAX, &r), RESP_BAD);
	big[RESP_REQUEST_MAX] = '\n';
	assert_int_equal(parse_exact(big, RESP_REQUEST_MAX + 1, &r), RESP_BAD);
}

static void
test_pipelined(void **state)
{
	static const char all[] =
		"*1\r\n$4\r\nPING\r\n\r\nSTATUS \"a b\"\r\n"
		"*0\r\nHELP\n*2\r\n$1\r\na\r\n$0\r\n\r\n*1\r\n$4\r\nPI";
	static const struct {
		size_t used;
		int argc;
		const char *first;
	} rows[] = {
		{ 14, 1, "PING" }, { 2, 0, NULL },   { 14, 2, "STATUS" },
		{ 4, 0, NULL },	   { 5, 1, "HELP" }, { 17, 2, "a" },
	};
	char *input = exact_copy(all, sizeof(all) - 1), *rest;
	size_t at = 0;
	struct resp_request r;
	const char *error;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(resp_parse(input + at, sizeof(all) - 1 - at, &r,
					    &error),
				 RESP_REQUEST);
		/* Nothing behind the request was touched. */
		assert_memory_equal(input + at + r.used, all + at + r.used,
				    sizeof(all) - 1 - at - r.used);
		assert_int_equal(r.used, rows[i].used);
		assert_int_equal(r.argc, rows[i].argc);
		if (rows[i].first != NULL)
			assert_string_equal(r.argv[0].text, rows[i].first);
		at += r.used;
	}
	rest = input + at;
	assert_int_equal(resp_parse(rest, sizeof(all) - 1 - at, &r, &error), RESP_MORE);
	assert_memory_equal(rest, "*1\r\n$4\r\nPI", 10);
	free(input);
}

/* What holds of any result on any input; returns the bytes that were used. */
static size_t
check_invariants(const char *bytes, size_t len)
{
	char *input = exact_copy(bytes, len);
	struct resp_request r = { 0 };
	const char *error = NULL;
	size_t used = 0;

	switch (resp_parse(input, len, &r, &error)) {
	case RESP_REQUEST:
		used = r.used;
		if (used == 0 || used > len || r.argc < 0 || r.argc > RESP_WORDS_MAX)
			fail_msg("%d words in %zu of %zu bytes", r.argc, used, len);
		for (int i = 0; i < r.argc; i++) {
			const struct resp_word *w = &r.argv[i];

			if (w->text < input || w->text + w->len >= input + used ||
			    w->text[w->len] != '\0')
				fail_msg("word %d of %zu bytes", i, w->len);
		}
		break;
	case RESP_MORE:
		if (memcmp(input, bytes, len) != 0)
			fail_msg("changed");
		break;
	case RESP_BAD:
		if (error == NULL)
			fail_msg("no error");
	}
	free(input);
	return used;
}

static void
mutate(char *at, size_t *len, size_t room)
{
	static const char spice[] = "\r\n\0\"'\\x*$0123456789-+ \t\xff";
	size_t where = seed_below(*len);

	switch (seed_below(4)) {
	case 0: /* another byte */
		at[where] = spice[seed_below(sizeof(spice) - 1)];
		break;
	case 1: /* one bit */
		at[where] = (char)(at[where] ^ (1 << seed_below(8)));
		break;
	case 2: /* one byte less */
		memmove(at + where, at + where + 1, *len - where - 1);
		if (*len > 1)
			--*len;
		break;
	default: /* one byte more */
		if (*len == room)
			break;
		memmove(at + where + 1, at + where, *len - where);
		at[where] = spice[seed_below(sizeof(spice) - 1)];
		++*len;
	}
}

static void
test_mutations(void **state)
{
	const size_t array_rows = sizeof(arrays) / sizeof(arrays[0]);
	const size_t rows = array_rows + sizeof(lines) / sizeof(lines[0]);

	(void)state;
	seed_begin();
	for (int i = 0; i < 200000; i++) {
		size_t n = seed_below(rows), at = 0, used;
		const struct row *row =
			n < array_rows ? &arrays[n] : &lines[n - array_rows];
		char bytes[512];
		size_t len = row->len;

		memcpy(bytes, row->input, len);
		for (size_t m = 1 + seed_below(4); m > 0; m--)
			mutate(bytes, &len, sizeof(bytes));
		do {
			used = check_invariants(bytes + at, len - at);
			at += used;
		} while (used > 0 && at < len);
	}
}

/* What was written since the last time. */
static void
assert_written(struct resp_out *out, const char *bytes)
{
	size_t len = evbuffer_get_length(out->buffer);
	char got[4096];

	assert_int_equal(len, strlen(bytes));
	evbuffer_remove(out->buffer, got, sizeof(got));
	assert_memory_equal(got, bytes, len);
}

static void
test_writers(void **state)
{
	static const struct {
		int version;
		const char *null, *map, *push;
	} rows[] = {
		{ 2, "$-1\r\n", "*4\r\n", "*3\r\n" },
		{ 3, "_\r\n", "%2\r\n", ">3\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct resp_out out = { evbuffer_new(), rows[i].version };

		resp_status(&out, "OK 100%d");
		assert_written(&out, "+OK 100%d\r\n");
		resp_integer(&out, -9223372036854775807LL - 1);
		assert_written(&out, ":-9223372036854775808\r\n");
		resp_text(&out, "");
		assert_written(&out, "$0\r\n\r\n");
		resp_text(&out, "a\r\nb");
		assert_written(&out, "$4\r\na\r\nb\r\n");
		resp_bulk(&out, "a\0b", 3);
		assert_int_equal(evbuffer_get_length(out.buffer), 9);
		assert_memory_equal(evbuffer_pullup(out.buffer, -1), "$3\r\na\0b\r\n",
				    9);
		evbuffer_drain(out.buffer, 9);
		resp_array(&out, 0);
		resp_array(&out, 16);
		assert_written(&out, "*0\r\n*16\r\n");
		resp_null(&out);
		assert_written(&out, rows[i].null);
		resp_map(&out, 2);
		assert_written(&out, rows[i].map);
		resp_push(&out, 3);
		assert_written(&out, rows[i].push);
		evbuffer_free(out.buffer);
	}
}

static void
test_error_is_one_line(void **state)
{
	struct resp_out out = { evbuffer_new(), 2 };
	char longest[3000];

	(void)state;
	resp_error(&out, "ERR no '%s'", "a\r\n+OK\r\n");
	assert_written(&out, "-ERR no 'a\\x0d\\x0a+OK\\x0d\\x0a'\r\n");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	resp_error(&out, "%s", longest);
	/* Cut, and still ended. */
	strcpy(longest + 1023, "\r\n");
	memmove(longest + 1, longest, 1026);
	longest[0] = '-';
	assert_written(&out, longest);
	evbuffer_free(out.buffer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_size_bounds),
		cmocka_unit_test(test_line_bound),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_writers),
		cmocka_unit_test(test_error_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
