/*
 * recording: what is recorded reads as it was, in few lines; what is no recording
 * is refused with its line.
 */
#include "recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define HEAD "pinfod-recording 1\n"

struct said {
	enum recording_kind kind;
	const char *target;
	double seconds;
	int64_t wall_ms;
	const char *text;
};

static struct recording_entry
entry_of(const struct said *s)
{
	return (struct recording_entry){
		.kind = s->kind,
		.target = s->target,
		.seconds = s->seconds,
		.wall = { s->wall_ms * NS_PER_MS },
		.text = s->text,
		.len = strlen(s->text),
	};
}

/* The file that a recorder makes of them; to be freed. */
static char *
record(const struct said *said, size_t count)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct recorder *r = recorder_new(out);

	for (size_t i = 0; i < count; i++) {
		struct recording_entry e = entry_of(&said[i]);

		assert_true(recorder_add(r, &e));
	}
	recorder_free(r);
	fclose(out);
	return text;
}

#define RECORD(said) record(said, sizeof(said) / sizeof((said)[0]))

/* Reads text to its end: the count of entries, and the error. */
static size_t
read_all(const char *text, size_t len, char error[static 256])
{
	FILE *in = fmemopen((void *)(uintptr_t)text, len, "r");
	struct recording *r = recording_new(in);
	struct recording_entry e;
	char again[256];
	size_t count = 0;

	while (recording_next(r, &e, error, 256))
		count++;
	/* It stays at its end. */
	assert_false(recording_next(r, &e, again, sizeof(again)));
	assert_string_equal(again, error);
	recording_free(r);
	fclose(in);
	return count;
}

static void
expect_entries(const char *text, const struct said *said, size_t count)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	struct recording *r = recording_new(in);
	struct recording_entry e;
	unsigned long line = 1;
	char error[256];

	for (size_t i = 0; i < count; i++) {
		if (!recording_next(r, &e, error, sizeof(error)))
			fail_msg("entry %zu is missing: %s", i, error);
		assert_string_equal(error, "");
		assert_int_equal(e.kind, said[i].kind);
		assert_string_equal(e.target, said[i].target);
		assert_true(e.seconds > said[i].seconds - 1e-6);
		assert_true(e.seconds < said[i].seconds + 1e-6);
		assert_int_equal(e.wall.ns, said[i].wall_ms * NS_PER_MS);
		assert_string_equal(e.text, said[i].text);
		assert_int_equal(e.len, strlen(said[i].text));
		assert_true(e.line > line);
		line = e.line;
	}
	assert_false(recording_next(r, &e, error, sizeof(error)));
	assert_string_equal(error, "");
	recording_free(r);
	fclose(in);
}

static void
test_form(void **state)
{
	static const struct said said[] = {
		{ RECORDING_LINK, "orders", 0, 1763831000123, "up" },
		{ RECORDING_NARROW, "orders", 0.001, 1763831000124,
		  "# Persistence\r\nloading:0\r\nrdb_changes_since_last_save:15\r\n"
		  "aof_current_size:7\r\n" },
		{ RECORDING_NARROW, "orders", 1, 1763831001124,
		  "# Persistence\r\nloading:0\r\nrdb_changes_since_last_save:16\r\n" },
		{ RECORDING_WIDE, "orders", 1.0004, 1763831001124,
		  "# Stats\r\ntotal_forks:1\r\n\r\n# Keyspace\r\ndb0:keys=1\r\n" },
		{ RECORDING_NARROW, "orders", 2, 1763831002124,
		  "# Persistence\r\nloading:0\r\nrdb_changes_since_last_save:16\r\n" },
		{ RECORDING_LINK, "orders", 2.5, 1763831002624,
		  "down Connection refused" },
	};
	char *text = RECORD(said);

	(void)state;
	assert_string_equal(text, HEAD "@ 0.000 1763831000.123 link orders up\n"
				       "@ 0.001 1763831000.124 narrow orders\n"
				       "loading:0\n"
				       "rdb_changes_since_last_save:15\n"
				       "aof_current_size:7\n"
				       "@ 1.000 1763831001.124 narrow orders\n"
				       "rdb_changes_since_last_save:16\n"
				       "-aof_current_size\n"
				       "@ 1.000 1763831001.124 wide orders\n"
				       "total_forks:1\n"
				       "db0:keys=1\n"
				       "@ 2.000 1763831002.124 narrow orders\n"
				       "@ 2.500 1763831002.624 link orders "
				       "down Connection refused\n");
	free(text);
}

static void
test_round_trip(void **state)
{
	/* Two targets, all kinds; lines that come, go, come again and change. */
	static const struct said said[] = {
		{ RECORDING_NARROW, "a", 0, 0, "x:1\ny:2\nz:3\n" },
		{ RECORDING_NARROW, "b", 0, 1, "x:5\n" },
		{ RECORDING_WIDE, "a", 0, 1, "x:9\n" },
		{ RECORDING_CONFIG, "a", 0.25, 1, "save:3600 1 300 100\ndir:/a b\n" },
		{ RECORDING_NARROW, "a", 0.5, 2, "x:1\ny:2\nz:3\n" },
		{ RECORDING_NARROW, "a", 1, 3, "y:2\nz:4\n" },
		{ RECORDING_NARROW, "b", 1, 3, "" },
		{ RECORDING_LINK, "b", 1, 3, "silent no answer: 1 s" },
		{ RECORDING_NARROW, "a", 1, 4, "y:2\nz:4\nx:1\n" },
		{ RECORDING_NARROW, "b", 316224000, 4, "x:\nxx:5\nxxx:a:b\n" },
		{ RECORDING_CONFIG, "a", 316224000, 5, "save:\ndir:/a b\n" },
		{ RECORDING_WIDE, "a", 316224000, 8999999999999, "x:9\n" },
		{ RECORDING_NARROW, "127.0.0.1:6379", 316224000, 6, "x:1\n" },
	};
	char *text = RECORD(said);

	(void)state;
	expect_entries(text, said, sizeof(said) / sizeof(said[0]));
	free(text);
}

/* What nobody could read, or would read as something else, is not written. */
static void
test_left_out(void **state)
{
	static const char text[] = "\r\n# x:1\n-y:1\n@ 0 0 link a up\nword\n:1\n"
				   "nul\0:1\ntab\t:1\nok:1\r\r\ntwo:2";
	struct recording_entry e = { .kind = RECORDING_NARROW,
				     .target = "a",
				     .seconds = 5,
				     .text = text,
				     .len = sizeof(text) - 1 };
	struct recording_entry link = { .kind = RECORDING_LINK, .target = "a" };
	char *out = NULL, *expected = NULL;
	char *long_line = calloc(1, RECORDING_LINE_MAX + 2);
	size_t len, expected_len;
	FILE *f = open_memstream(&out, &len);
	struct recorder *r = recorder_new(f);

	(void)state;
	assert_true(recorder_add(r, &e));
	/* A line of the longest length, and one byte more: as if it were gone. */
	memset(long_line, 'x', RECORDING_LINE_MAX + 1);
	long_line[2] = ':';
	e.text = long_line;
	e.len = RECORDING_LINE_MAX + 1;
	e.seconds = 4; /* and back in time */
	assert_true(recorder_add(r, &e));
	e.len = RECORDING_LINE_MAX;
	assert_true(recorder_add(r, &e));
	link.text = "down\r\n@ \x1b[0m";
	assert_true(recorder_add(r, &link));
	link.text = "";
	assert_false(recorder_add(r, &link));
	link.text = "up";
	link.target = "";
	assert_false(recorder_add(r, &link));
	link.target = "a b";
	assert_false(recorder_add(r, &link));
	link.target = "a\n";
	assert_false(recorder_add(r, &link));
	recorder_free(r);
	fclose(f);
	long_line[RECORDING_LINE_MAX] = '\0';
	f = open_memstream(&expected, &expected_len);
	fprintf(f,
		HEAD "@ 5.000 0.000 narrow a\nok:1\ntwo:2\n"
		     "@ 5.000 0.000 narrow a\n-two\n-ok\n"
		     "@ 5.000 0.000 narrow a\n%s\n"
		     "@ 5.000 0.000 link a down\\x0d\\x0a@ \\x1b[0m\n",
		long_line);
	fclose(f);
	assert_string_equal(out, expected);
	free(expected);
	free(out);
	free(long_line);
}

/* Lines past the bound are left out, and what is written can be read. */
static void
test_many(void **state)
{
	char *text = NULL, *file = NULL, name[16], error[256];
	size_t len, size;
	FILE *f = open_memstream(&text, &len), *out;
	struct recording_entry e = { .kind = RECORDING_WIDE };
	struct recorder *r;
	struct recording *in;

	(void)state;
	for (int i = 0; i < RECORDING_LINES_MAX + 10; i++)
		fprintf(f, "line%d:%d\n", i, i);
	fclose(f);
	out = open_memstream(&file, &size);
	r = recorder_new(out);
	e.text = text;
	e.len = len;
	for (int i = 0; i <= RECORDING_TARGETS_MAX; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		e.target = name;
		assert_int_equal(recorder_add(r, &e), i < RECORDING_TARGETS_MAX);
		e.len = 0;
	}
	e.target = "t0";
	e.text = text;
	e.len = len;
	assert_true(recorder_add(r, &e));
	recorder_free(r);
	fclose(out);
	assert_int_equal(read_all(file, size, error), RECORDING_TARGETS_MAX + 1);
	assert_string_equal(error, "");
	f = fmemopen(file, size, "r");
	in = recording_new(f);
	assert_true(recording_next(in, &e, error, sizeof(error)));
	assert_non_null(strstr(e.text, "line4095:4095\n"));
	assert_null(strstr(e.text, "line4096:"));
	recording_free(in);
	fclose(f);
	free(file);
	free(text);
}

/* A text of more than its bytes in all. */
static void
test_large(void **state)
{
	char *file = NULL, error[256], *value = calloc(1, 4001);
	size_t size, lines = RECORDING_TEXT_MAX / 4005;
	FILE *f = open_memstream(&file, &size);

	(void)state;
	memset(value, 'v', 4000);
	fputs(HEAD "@ 0 0 wide a\n", f);
	for (size_t i = 0; i <= lines; i++)
		fprintf(f, "%03zu:%s\n", i, value);
	fclose(f);
	assert_int_equal(read_all(file, size, error), 0);
	assert_string_equal(
		error, "line 264: a text of more than 4096 lines or 1048576 bytes");
	/* To its last line it is fine. */
	assert_int_equal(read_all(file, size - 4005, error), 1);
	assert_string_equal(error, "");
	free(value);
	free(file);
}

static void
test_errors(void **state)
{
#define ENTRY HEAD "@ 0.000 1763831000.123 narrow a\n"
	static const struct {
		const char *text, *error; /* "": none */
		size_t entries;
	} rows[] = {
		{ HEAD, "", 0 },
		{ "pinfod-recording 1\r\n", "", 0 },
		{ "pinfod-recording 1", "line 1: the file ends within it", 0 },
		{ "pinfod-recording 2\n", "line 1: 'pinfod-recording 2' is not", 0 },
		{ "REDIS0011\xfa\n", "line 1: 'REDIS0011\\xfa' is not", 0 },
		{ "\n" HEAD, "line 1: '' is not", 0 },
		{ ENTRY, "", 1 },
		{ ENTRY "x:1\n", "", 1 },
		{ ENTRY "x:1\r\n", "", 1 },
		{ ENTRY "x:1", "line 3: the file ends within it", 0 },
		{ ENTRY "@ 1 5", "line 3: the file ends within it", 0 },
		{ ENTRY "# for people\n\n#\nx:1\n", "", 1 },
		{ HEAD "# for people\n\n@ 0 0 narrow a\n", "", 1 },
		{ ENTRY "x\n", "line 3: 'x' is no name:value", 0 },
		{ ENTRY "x\ty:1\n", "line 3: 'x\\x09y:1' is no name:value", 0 },
		{ ENTRY ":1\n", "line 3: ':1' is no name:value", 0 },
		{ ENTRY "x:1\n-x\n", "", 1 },
		{ ENTRY "-x\n", "line 3: 'x' is gone, and was not there", 0 },
		{ ENTRY "x:1\n-x:1\n", "line 4: 'x:1' is gone, and was not there", 0 },
		{ ENTRY "-\n", "line 3: '' is gone", 0 },
		{ ENTRY "@ 0 0 wide a\nx:1\n@ 0 0 narrow a\n-x\n",
		  "line 6: 'x' is gone", 2 },
		{ HEAD "x:1\n", "line 2: 'x:1' stands where an entry is to begin", 0 },
		{ HEAD "@\n", "line 2: an entry begins", 0 },
		{ HEAD "@x 0 0 narrow a\n", "line 2: '@x' stands where", 0 },
		{ HEAD "@ 0 0 narrow\n", "line 2: an entry begins", 0 },
		{ HEAD "@ 0 0 narrow \n", "line 2: '' is no name of a target", 0 },
		{ HEAD "@ 0 0 narrow  a\n", "line 2: '' is no name of a target", 0 },
		{ HEAD "@ 0 0 narrow a\x01\n", "line 2: 'a\\x01' is no name", 0 },
		{ HEAD "@ 0 0 narrow a \n", "line 2: '' stands behind", 0 },
		{ HEAD "@ 0 0 narrow a b\n", "line 2: 'b' stands behind", 0 },
		{ HEAD "@ 0 0 thing a\n", "line 2: 'thing' is none of", 0 },
		{ HEAD "@ 0 0 link a\n", "line 2: a link's entry says", 0 },
		{ HEAD "@ 0 0 link a \n", "line 2: a link's entry says", 0 },
		{ HEAD "@ 0 0 link a up\n", "", 1 },
		{ HEAD "@ 0 0 link a up\nx:1\n", "line 3: a link's entry has one", 0 },
		/* Times. */
		{ HEAD "@ 0.123456789 0.999999999 narrow a\n", "", 1 },
		{ HEAD "@ 0.1234567890 0 narrow a\n", "line 2: '0.1234567890' is no",
		  0 },
		{ HEAD "@  0 narrow a\n", "line 2: '' is no number of seconds", 0 },
		{ HEAD "@ x 0 narrow a\n", "line 2: 'x' is no number of seconds", 0 },
		{ HEAD "@ -1 0 narrow a\n", "line 2: '-1' is no number", 0 },
		{ HEAD "@ .5 0 narrow a\n", "line 2: '.5' is no number", 0 },
		{ HEAD "@ 1e3 0 narrow a\n", "line 2: '1e3' is no number", 0 },
		{ HEAD "@ nan 0 narrow a\n", "line 2: 'nan' is no number", 0 },
		{ HEAD "@ 316224000 0 narrow a\n", "", 1 },
		{ HEAD "@ 316224001 0 narrow a\n", "line 2: '316224001' is no", 0 },
		{ HEAD "@ 99999999999999999999 0 narrow a\n", "line 2: '9999", 0 },
		{ HEAD "@ 0 9000000000 narrow a\n", "", 1 },
		{ HEAD "@ 0 9000000001 narrow a\n", "line 2: '9000000001' is no time",
		  0 },
		{ HEAD "@ 0 -1 narrow a\n", "line 2: '-1' is no time", 0 },
		{ HEAD "@ 1 0 narrow a\n@ 1 0 narrow a\n", "", 2 },
		{ HEAD "@ 1 0 narrow a\n@ 0.999 0 narrow a\n",
		  "line 3: 0.999 s is earlier than the entry before", 1 },
		/* The wall clock may go back. */
		{ HEAD "@ 1 5 narrow a\n@ 2 4 narrow a\n", "", 2 },
	};
	char error[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = read_all(rows[i].text, strlen(rows[i].text), error);
		size_t len = strlen(rows[i].error);

		if (n != rows[i].entries || strncmp(error, rows[i].error, len) != 0 ||
		    (len == 0) != (error[0] == '\0'))
			fail_msg("row %zu '%s': %zu entries, '%s'", i, rows[i].text, n,
				 error);
	}
	assert_int_equal(read_all(HEAD "@ 0 0 nar\0row a\n", sizeof(HEAD) + 16, error),
			 0);
	assert_string_equal(error, "line 2: has a NUL in it: that is no text");
}

/* Names and lines at their bounds, which are long. */
static void
test_long(void **state)
{
	char *text = NULL, name[258], error[256], *line = calloc(1, 5000);
	size_t len;

	(void)state;
	for (int n = 255; n <= 256; n++) {
		FILE *f = open_memstream(&text, &len);

		memset(name, 'n', sizeof(name));
		name[n] = '\0';
		fprintf(f, HEAD "@ 0 0 link %s up\n", name);
		fclose(f);
		assert_int_equal(read_all(text, len, error), n == 255);
		assert_int_equal(error[0] == '\0', n == 255);
		free(text);
	}
	memset(line, 'x', 4999);
	line[1] = ':';
	for (int n = RECORDING_LINE_MAX; n <= RECORDING_LINE_MAX + 1; n++) {
		FILE *f = open_memstream(&text, &len);

		fprintf(f, HEAD "@ 0 0 narrow a\n%.*s\n", n, line);
		fclose(f);
		assert_int_equal(read_all(text, len, error), n == RECORDING_LINE_MAX);
		assert_string_equal(error,
				    n == RECORDING_LINE_MAX
					    ? ""
					    : "line 3: has more than 4096 bytes");
		free(text);
	}
	free(line);
}

static void
test_unreadable(void **state)
{
	FILE *in = fopen("/", "r");
	struct recording *r = recording_new(in);
	struct recording_entry e;
	char error[256];

	(void)state;
	assert_non_null(in);
	assert_false(recording_next(r, &e, error, sizeof(error)));
	assert_string_equal(error, "line 1: cannot be read: Is a directory");
	recording_free(r);
	fclose(in);
	in = fopen("/dev/null", "r");
	r = recording_new(in);
	assert_false(recording_next(r, &e, error, sizeof(error)));
	assert_string_equal(error, "line 1: the file is empty");
	recording_free(r);
	fclose(in);
	recording_free(NULL);
	recorder_free(NULL);
}

static void
test_names(void **state)
{
	enum recording_kind kind;

	(void)state;
	for (int i = RECORDING_NARROW; i <= RECORDING_LINK; i++) {
		const char *name = recording_kind_name((enum recording_kind)i);

		assert_true(recording_kind_find(name, &kind));
		assert_int_equal(kind, i);
	}
	assert_false(recording_kind_find("", &kind));
	assert_false(recording_kind_find("Narrow", &kind));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),	 cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_left_out), cmocka_unit_test(test_many),
		cmocka_unit_test(test_large),	 cmocka_unit_test(test_errors),
		cmocka_unit_test(test_long),	 cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
