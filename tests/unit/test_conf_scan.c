/*
 * conf_scan: tables of texts, and the numbers in them that are reported.
 */
#include "conf_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* What was reported, as "LINE:TOKEN:KIND " each; o: octal, w: past 32 bits. */
struct found {
	char text[512];
};

static void
found_cb(void *arg, int line, const char *token, size_t len, const char *trouble)
{
	struct found *f = arg;
	size_t used = strlen(f->text);
	const char *kind = strstr(trouble, "octal")	? "o"
			   : strstr(trouble, "32 bits") ? "w"
							: trouble;

	snprintf(f->text + used, sizeof(f->text) - used, "%d:%.*s:%s ", line, (int)len,
		 token, kind);
}

struct row {
	const char *text, *found;
};

static void
check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		/* A block of exactly that size: ASan sees what reads past its end. */
		char *text = strdup(rows[i].text);
		struct found f = { "" };

		assert_non_null(text);
		conf_scan(text, found_cb, NULL, &f);
		free(text);
		if (strcmp(f.text, rows[i].found) != 0)
			fail_msg("row %zu '%s': '%s', and not '%s'", i, rows[i].text,
				 f.text, rows[i].found);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void
test_numbers(void **state)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "0", "" },
		{ "7", "" },
		{ "a = 5;", "" },
		/* Both sides of 32 bits. */
		{ "a = 2147483646;", "" },
		{ "a = 2147483647;", "" },
		{ "a = 2147483648;", "1:2147483648:w " },
		{ "a = -2147483647;", "" },
		{ "a = -2147483648;", "" },
		{ "a = -2147483649;", "1:-2147483649:w " },
		{ "a = 4294967295;", "1:4294967295:w " },
		{ "a = 4294967296;", "1:4294967296:w " },
		{ "a = 4294967301;", "1:4294967301:w " },
		/* Both sides of 64 bits, and of the scanner's own room. */
		{ "9223372036854775807", "1:9223372036854775807:w " },
		{ "9223372036854775808", "1:9223372036854775808:w " },
		{ "-9223372036854775809", "1:-9223372036854775809:w " },
		{ "1000000000000000000000000000000",
		  "1:1000000000000000000000000000000:w " },
		{ "10000000000000000000000000000000",
		  "1:10000000000000000000000000000000:w " },
		{ "-1000000000000000000000000000000",
		  "1:-1000000000000000000000000000000:w " },
		/* Signs. */
		{ "a = +5;", "" },
		{ "a = +2147483647;", "" },
		{ "a = +2147483648;", "1:+2147483648:w " },
		{ "-", "" },
		{ "+", "" },
		{ "- 4294967296", "1:4294967296:w " },
		/* Leading zeros. */
		{ "00", "1:00:o " },
		{ "010", "1:010:o " },
		{ "09", "1:09:o " },
		{ "-010", "1:-010:o " },
		{ "+010", "1:+010:o " },
		{ "-0", "" },
		{ "+0", "" },
		{ "04294967296", "1:04294967296:o " },
		/* Hexadecimal: 32 bits are eight digits. */
		{ "0x0", "" },
		{ "0x7fffffff", "" },
		{ "0XFFFFFFFF", "" },
		{ "0xffffffff", "" },
		{ "0x100000000", "1:0x100000000:w " },
		{ "0X1FFFFFFFF", "1:0X1FFFFFFFF:w " },
		/* What ends in L is meant to have 64 bits. */
		{ "4294967296L", "" },
		{ "4294967296LL", "" },
		{ "-4294967296L", "" },
		/* Floats. */
		{ "4294967296.0", "" },
		{ "4294967296.", "" },
		{ "1e10", "" },
		{ "1.5e+10", "" },
		{ "-1.5e-10", "" },
		{ "0.5", "" },
		{ "00.5", "" },
		/* Several, and what they stand between. */
		{ "[1,010,3]", "1:010:o " },
		{ "(010,\n4294967296)", "1:010:o 2:4294967296:w " },
		{ "a=010;b=011;", "1:010:o 1:011:o " },
		{ "{a:010}", "1:010:o " },
		{ "010#011\n012", "1:010:o 2:012:o " },
		{ "010//011\n012", "1:010:o 2:012:o " },
		{ "010/*011*/012", "1:010:o 1:012:o " },
		{ "010\"011\"012", "1:010:o 1:012:o " },
	};

	(void)state;
	CHECK(rows);
}

static void
test_strings(void **state)
{
	static const struct row rows[] = {
		{ "a = \"010\"; b = 011;", "1:011:o " },
		{ "\"\"010", "1:010:o " },
		{ "\"a\\\"010\" 011", "1:011:o " },
		{ "\"a\\\\\" 011", "1:011:o " },
		{ "\"a\\\\\\\" 010\" 011", "1:011:o " },
		{ "\"\\x41 010\" 011", "1:011:o " },
		{ "\"# 010\" 011", "1:011:o " },
		{ "\"// 010\" 011", "1:011:o " },
		{ "\"/* 010\" 011 /* */", "1:011:o " },
		/* libconfig puts strings together that follow each other. */
		{ "\"010\" \"011\" 012", "1:012:o " },
		{ "'010'", "1:010:o " },
		/* Over lines, also where the line's end is escaped. */
		{ "\"a\nb\" 010", "2:010:o " },
		{ "\"a\\\nb\" 010", "2:010:o " },
		{ "\"a\\\\\nb\" 010", "2:010:o " },
		/* Unclosed. */
		{ "\"010", "" },
		{ "\"010\n011", "" },
		{ "\"", "" },
		{ "\"\\", "" },
		{ "\"a\\\"", "" },
		{ "010 \"", "1:010:o " },
	};

	(void)state;
	CHECK(rows);
}

static void
test_comments(void **state)
{
	static const struct row rows[] = {
		{ "# 010", "" },
		{ "# 010\n011", "2:011:o " },
		{ "// 010\n011", "2:011:o " },
		{ "/* 010 */ 011", "1:011:o " },
		{ "/* 010\n 012 */ 011", "2:011:o " },
		{ "/**/010", "1:010:o " },
		{ "/***/010", "1:010:o " },
		{ "/*/ 010 */ 011", "1:011:o " },
		{ "/* /* 010 */ 011", "1:011:o " },
		{ "/* // */ 011", "1:011:o " },
		{ "/* # */ 011", "1:011:o " },
		{ "/* \" */ 011", "1:011:o " },
		{ "# \"\n011", "2:011:o " },
		{ "// \"\n011", "2:011:o " },
		{ "# /*\n011", "2:011:o " },
		{ "// /*\n011", "2:011:o " },
		{ "# a \\\n011", "2:011:o " },
		/* One slash is none. */
		{ "/ 010", "1:010:o " },
		{ "/010", "1:010:o " },
		{ "a / / 010", "1:010:o " },
		/* Unclosed. */
		{ "/*", "" },
		{ "/* 010", "" },
		{ "/* 010 *", "" },
		{ "/* 010\n011", "" },
		{ "#", "" },
		{ "//", "" },
		{ "/", "" },
		{ "011 /*", "1:011:o " },
	};

	(void)state;
	CHECK(rows);
}

/* What only looks like a number in part. */
static void
test_words(void **state)
{
	static const struct row rows[] = {
		{ "a010 = 5;", "" },
		{ "a4294967296", "" },
		{ "a_010", "" },
		{ "a-010", "" },
		{ "a*010", "" },
		{ "*010", "" },
		{ "_010", "" },
		{ "redis01: { port = 010; }", "1:010:o " },
		{ "db_4294967296-x: 4294967296", "1:4294967296:w " },
		{ "4294967296a", "" },
		{ "010a", "" },
		{ "010-011", "" },
		{ "true", "" },
		{ "FALSE", "" },
		{ "@include \"010.conf\"\na = 010;", "2:010:o " },
		{ "  @include \"a\\\"b\" # 010\na = 010;", "2:010:o " },
		{ "\xc3\xa4 010", "1:010:o " },
		{ "\xff", "" },
	};

	(void)state;
	CHECK(rows);
}

static void
test_lines(void **state)
{
	static const struct row rows[] = {
		{ "\n\n010", "3:010:o " },
		{ "\n010\n\n011\n", "2:010:o 4:011:o " },
		{ "a = 5;\r\nb = 010;\r\n", "2:010:o " },
		{ "# a\n// b\n/* c\n\n*/ \"d\n\"\n010", "7:010:o " },
		{ "010\n", "1:010:o " },
		{ "\f\v\t010", "1:010:o " },
	};

	(void)state;
	CHECK(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),	 cmocka_unit_test(test_strings),
		cmocka_unit_test(test_comments), cmocka_unit_test(test_words),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
