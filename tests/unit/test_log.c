/*
 * log: what stands on stderr, byte for byte.
 */
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Bound of one line: see log.c; more would no longer be one write to a pipe. */
#define LINE_MAX_BYTES 1500

static int
be_verbose(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_init();
	log_set_level(LOG_LEVEL_DEBUG);
	return 0;
}

/* stderr as it would be under the journal, when that connected `of`. */
static struct capture
capture_as_journal(unsigned long long dev_off, unsigned long long ino_off)
{
	struct capture c = capture_begin();
	char stream[64];
	struct stat st;

	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", st.st_dev + dev_off,
		 st.st_ino + ino_off);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init();
	return c;
}

static void
test_plain(void **state)
{
	static const char *const names[] = { "error", "warning", "notice", "info",
					     "debug" };

	(void)state;
	for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		struct capture c = capture_begin();
		char *text, rest[64];

		log_line((enum log_level)level, "orders", "%s %d", "text", 5);
		text = capture_end(c);
		/* "2026-11-22T14:07:00.123Z notice: orders: text 5\n" */
		assert_int_equal(strspn(text, "0123456789-T:.Z"), 24);
		snprintf(rest, sizeof(rest), " %s: orders: text 5\n", names[level]);
		assert_string_equal(text + 24, rest);
		free(text);
	}
}

static void
test_without_who(void **state)
{
	struct capture c = capture_begin();
	char *text;

	(void)state;
	log_notice(NULL, "text");
	text = capture_end(c);
	assert_string_equal(text + 24, " notice: text\n");
	free(text);
}

static void
test_journal(void **state)
{
	static const char *const lines[] = { "<3>o: x\n", "<4>o: x\n", "<5>o: x\n",
					     "<6>o: x\n", "<7>o: x\n" };

	(void)state;
	for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		struct capture c = capture_as_journal(0, 0);
		char *text;

		log_line((enum log_level)level, "o", "x");
		text = capture_end(c);
		assert_string_equal(text, lines[level]);
		free(text);
	}
}

/* JOURNAL_STREAM is inherited; stderr may have been redirected since. */
static void
test_not_the_journal(void **state)
{
	static const char *const rows[] = { "", "1", "x:y", ":",
					    "18446744073709551615:1" };

	(void)state;
	for (unsigned long long off = 1; off <= 2; off++) {
		struct capture c = capture_as_journal(off & 1, off >> 1);
		char *text;

		log_notice("o", "x");
		text = capture_end(c);
		assert_string_equal(text + 24, " notice: o: x\n");
		free(text);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct capture c = capture_begin();
		char *text;

		setenv("JOURNAL_STREAM", rows[i], 1);
		log_init();
		log_notice("o", "x");
		text = capture_end(c);
		assert_true(text[0] != '<');
		free(text);
	}
}

static void
test_threshold(void **state)
{
	(void)state;
	for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		struct capture c = capture_begin();
		char *text;
		int lines = 0;

		log_set_level((enum log_level)level);
		log_error("o", "x");
		log_warning("o", "x");
		log_notice("o", "x");
		log_info("o", "x");
		log_debug("o", "x");
		text = capture_end(c);
		for (const char *p = text; *p != '\0'; p++)
			lines += *p == '\n';
		free(text);
		assert_int_equal(lines, level + 1);
		for (int l = LOG_LEVEL_ERROR; l <= LOG_LEVEL_DEBUG; l++)
			assert_int_equal(log_wants((enum log_level)l), l <= level);
	}
}

static int evaluated;

static const char *
evaluate(void)
{
	evaluated++;
	return "";
}

/* What stands on the hot path costs nothing unless it is read. */
static void
test_debug_is_lazy(void **state)
{
	struct capture c = capture_begin();

	(void)state;
	evaluated = 0;
	log_set_level(LOG_LEVEL_INFO);
	log_debug("o", "%s", evaluate());
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("o", "%s", evaluate());
	free(capture_end(c));
	assert_int_equal(evaluated, 1);
}

static void
test_escape(void **state)
{
	static const struct {
		size_t size;
		const char *text, *escaped;
	} rows[] = {
		{ 64, "", "" },
		{ 64, " plain ~text", " plain ~text" },
		{ 64, "a\nb", "a\\x0ab" },
		{ 64, "\r\t\x01\x1b[2J\x7f", "\\x0d\\x09\\x01\\x1b[2J\\x7f" },
		{ 64, "\xc3\xa9\x80\xff", "\\xc3\\xa9\\x80\\xff" },
		/* What does not fit is left out, an escape as a whole. */
		{ 1, "a", "" },
		{ 2, "a", "a" },
		{ 2, "ab", "a" },
		{ 3, "ab", "ab" },
		{ 4, "\n", "" },
		{ 5, "\n", "\\x0a" },
		{ 5, "a\n", "a" },
		{ 6, "a\nb", "a\\x0a" },
		{ 8, "\n\n", "\\x0a" },
		{ 9, "\n\n", "\\x0a\\x0a" },
		/* Nothing that comes behind it closes the gap. */
		{ 4, "a\nb", "a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *out = malloc(rows[i].size);
		size_t len = log_escape(out, rows[i].size, rows[i].text);

		assert_string_equal(out, rows[i].escaped);
		assert_int_equal(len, strlen(out));
		free(out);
	}
}

/* No server can forge a line, or a priority. */
static void
test_forgery(void **state)
{
	struct capture c = capture_as_journal(0, 0);
	char *text;

	(void)state;
	log_warning("o\n<0>x", "down: %s", "ERR\n<0>pinfod: all is well\r\x1b[1A%n");
	text = capture_end(c);
	assert_string_equal(text, "<4>o\\x0a<0>x: down: ERR\\x0a<0>pinfod: all is "
				  "well\\x0d\\x1b[1A%n\n");
	free(text);
}

static void
test_bounds(void **state)
{
	char big[5000];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct capture c;
		char *text;
		size_t len;

		/* A long text, a long name, both; of one byte each or of four. */
		memset(big, i % 2 == 0 ? 'x' : '\n', sizeof(big) - 1);
		big[sizeof(big) - 1] = '\0';
		c = capture_begin();
		log_notice(i < 2 ? "orders" : big, "%s", big);
		text = capture_end(c);
		len = strlen(text);
		assert_in_range(len, 900, LINE_MAX_BYTES);
		/* One line, and it has its end. */
		assert_ptr_equal(strchr(text, '\n'), text + len - 1);
		if (i < 2)
			assert_memory_equal(text + 24, " notice: orders: ", 17);
		free(text);
	}
}

static void
test_errno_is_kept(void **state)
{
	int saved = dup(STDERR_FILENO);
	struct capture c = capture_begin();
	int after[3];
	char *text;

	(void)state;
	errno = ENOENT;
	log_notice("o", "%m");
	after[0] = errno;
	log_set_level(LOG_LEVEL_ERROR);
	errno = EACCES;
	log_notice("o", "not wanted");
	after[1] = errno;
	log_set_level(LOG_LEVEL_DEBUG);
	/* Nor does it mind that nobody listens. */
	close(STDERR_FILENO);
	errno = EPIPE;
	log_notice("o", "nowhere");
	after[2] = errno;
	dup2(c.file, STDERR_FILENO);
	text = capture_end(c);
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_int_equal(after[0], ENOENT);
	assert_int_equal(after[1], EACCES);
	assert_int_equal(after[2], EPIPE);
	assert_string_equal(text + 24, " notice: o: No such file or directory\n");
	free(text);
}

static void
test_level_names(void **state)
{
	static const struct {
		const char *name;
		int level; /* -1: there is none */
	} rows[] = {
		{ "error", LOG_LEVEL_ERROR },
		{ "warning", LOG_LEVEL_WARNING },
		{ "notice", LOG_LEVEL_NOTICE },
		{ "info", LOG_LEVEL_INFO },
		{ "debug", LOG_LEVEL_DEBUG },
		{ "Debug", LOG_LEVEL_DEBUG },
		{ "ERROR", LOG_LEVEL_ERROR },
		{ "", -1 },
		{ "warn", -1 },
		{ "errors", -1 },
		{ " info", -1 },
		{ "7", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum log_level level = (enum log_level)99;
		bool known = log_level_parse(rows[i].name, &level);

		if (known != (rows[i].level >= 0) ||
		    (int)level != (known ? rows[i].level : 99))
			fail_msg("'%s': %d, %d", rows[i].name, known, (int)level);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_plain, be_verbose),
		cmocka_unit_test_setup(test_without_who, be_verbose),
		cmocka_unit_test_setup(test_journal, be_verbose),
		cmocka_unit_test_setup(test_not_the_journal, be_verbose),
		cmocka_unit_test_setup(test_threshold, be_verbose),
		cmocka_unit_test_setup(test_debug_is_lazy, be_verbose),
		cmocka_unit_test_setup(test_escape, be_verbose),
		cmocka_unit_test_setup(test_forgery, be_verbose),
		cmocka_unit_test_setup(test_bounds, be_verbose),
		cmocka_unit_test_setup(test_errno_is_kept, be_verbose),
		cmocka_unit_test_setup(test_level_names, be_verbose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
