/*
 * acl: the line that is pasted into redis-cli, by version, user and channel.
 */
#include "acl.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define COMMANDS(user) \
	"ACL SETUSER " user " on >PASSWORD resetkeys -@all +info +publish"
#define CHANNELS(user, rule)                                                     \
	"ACL SETUSER " user " on >PASSWORD resetkeys resetchannels &pinfo*" rule \
	" -@all +info +publish"

#define SHARD(user, rule)                                                        \
	"ACL SETUSER " user " on >PASSWORD resetkeys resetchannels &pinfo*" rule \
	" -@all +info +spublish"

static void
check(const char *user, const char *version, const char *channel, const char *expected)
{
	char *line = acl_line(user, version, channel, NULL, IDENTITY_ADDRESS);

	if ((line == NULL) != (expected == NULL) ||
	    (line != NULL && strcmp(line, expected) != 0))
		fail_msg("%s, %s, %s:\n%s, and not\n%s", user, version, channel,
			 line != NULL ? line : "nothing",
			 expected != NULL ? expected : "nothing");
	free(line);
}

static void
test_versions(void **state)
{
	static const struct {
		const char *version, *line;
	} rows[] = {
		{ "2.8.0", NULL },
		{ "4.0.14", NULL },
		{ "5.0.14", NULL },
		{ "5.9", NULL },
		{ "5", NULL },
		{ "6", COMMANDS("pinfod") },
		{ "6.0.0", COMMANDS("pinfod") },
		{ "6.0.16", COMMANDS("pinfod") },
		{ "6.0", COMMANDS("pinfod") },
		{ "6.1.240", COMMANDS("pinfod") },
		{ "6.2.0", CHANNELS("pinfod", "") },
		{ "6.2", CHANNELS("pinfod", "") },
		{ "6.10.1", CHANNELS("pinfod", "") },
		{ "7.0.15", CHANNELS("pinfod", "") },
		{ "7.2.4", CHANNELS("pinfod", "") },
		{ "8.0.2", CHANNELS("pinfod", "") },
		{ "8", CHANNELS("pinfod", "") },
		{ "10.0.0", CHANNELS("pinfod", "") },
		/* Built from a branch. */
		{ "255.255.255", CHANNELS("pinfod", "") },
		/* What has not been heard, or makes no sense, is taken as new. */
		{ NULL, CHANNELS("pinfod", "") },
		{ "", CHANNELS("pinfod", "") },
		{ "garbage", CHANNELS("pinfod", "") },
		{ "v7.0", CHANNELS("pinfod", "") },
		{ ".5", CHANNELS("pinfod", "") },
		{ "99999999999999999999.1", CHANNELS("pinfod", "") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(NULL, rows[i].version, "pinfo", rows[i].line);
}

static void
test_users(void **state)
{
	static const struct {
		const char *user, *line;
	} rows[] = {
		{ NULL, COMMANDS("pinfod") },
		{ "pinfod", COMMANDS("pinfod") },
		{ "default", COMMANDS("default") },
		{ "a.b-c_d@e:f", COMMANDS("a.b-c_d@e:f") },
		{ "%s%n", COMMANDS("%s%n") },
		/* Redis knows nothing of these outside quotes. */
		{ "a*b?[c]#;$`", COMMANDS("a*b?[c]#;$`") },
		/* A backslash means something in double quotes only. */
		{ "a\\b", COMMANDS("a\\b") },
		{ "a\\n", COMMANDS("a\\n") },
		{ "a b", COMMANDS("\"a b\"") },
		{ " ", COMMANDS("\" \"") },
		{ "a'b", COMMANDS("\"a'b\"") },
		{ "a\"b", COMMANDS("\"a\\\"b\"") },
		{ "\"\"\"", COMMANDS("\"\\\"\\\"\\\"\"") },
		{ "a b\\", COMMANDS("\"a b\\\\\"") },
		{ "a \\n", COMMANDS("\"a \\\\n\"") },
		/* What is not ASCII, as STATUS shows it. */
		{ "\\xc3\\xa4", COMMANDS("\"\\xc3\\xa4\"") },
		{ "a \\xc3\\xa4", COMMANDS("\"a \\xc3\\xa4\"") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(rows[i].user, "6.0.16", "pinfo", rows[i].line);
}

static void
test_channels(void **state)
{
	static const struct {
		const char *channel, *line;
	} rows[] = {
		/* The prefix covers them. */
		{ "pinfo", CHANNELS("u", "") },
		{ "pinfo:orders", CHANNELS("u", "") },
		{ "pinfos", CHANNELS("u", "") },
		{ "pinfo *?[x]", CHANNELS("u", "") },
		/* Others come on top. */
		{ "pinf", CHANNELS("u", " &pinf") },
		{ "Pinfo", CHANNELS("u", " &Pinfo") },
		{ "", CHANNELS("u", " &") },
		{ "x:pinfo", CHANNELS("u", " &x:pinfo") },
		{ "%s%n", CHANNELS("u", " &%s%n") },
		/* They are meant literally. */
		{ "a*", CHANNELS("u", " &a\\*") },
		{ "a?", CHANNELS("u", " &a\\?") },
		{ "[a]", CHANNELS("u", " &\\[a\\]") },
		{ "a\\b", CHANNELS("u", " &a\\\\b") },
		{ "*?[]\\", CHANNELS("u", " &\\*\\?\\[\\]\\\\") },
		{ "a^-b", CHANNELS("u", " &a^-b") },
		/* What cannot stand in a rule is any one byte. */
		{ "a b", CHANNELS("u", " &a?b") },
		{ "a\"b'c", CHANNELS("u", " &a?b?c") },
		{ "\\xc3\\xa4", CHANNELS("u", " &??") },
		{ "a\\x0ab", CHANNELS("u", " &a?b") },
		{ "a\\xFFb", CHANNELS("u", " &a?b") },
		/* What is no escape is a backslash. */
		{ "\\x", CHANNELS("u", " &\\\\x") },
		{ "\\x4", CHANNELS("u", " &\\\\x4") },
		{ "\\xg0", CHANNELS("u", " &\\\\xg0") },
		{ "\\x0g", CHANNELS("u", " &\\\\x0g") },
		{ "a\\", CHANNELS("u", " &a\\\\") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check("u", "7.0.15", rows[i].channel, rows[i].line);
	/* Before 6.2 there are no rules for channels. */
	check("u", "6.0.16", "a b", COMMANDS("u"));
	check("u", "5.0.14", "a b", NULL);
}

static void
test_clusters(void **state)
{
	static const struct {
		const char *version, *channel, *tag;
		enum target_identity identity;
		const char *line;
	} rows[] = {
		{ "7.0.15", "pinfo", NULL, IDENTITY_ROLE, CHANNELS("u", "") },
		{ "7.0.15", "pinfo", NULL, IDENTITY_NODE,
		  CHANNELS("u", "") " +cluster|nodes" },
		{ "6.0.16", "pinfo", NULL, IDENTITY_NODE,
		  COMMANDS("u") " +cluster|nodes" },
		{ "7.0.0", "pinfo:o/1", "42", IDENTITY_NODE,
		  SHARD("u", "") " +cluster|nodes" },
		{ "", "pinfo", "42", IDENTITY_NODE, SHARD("u", "") " +cluster|nodes" },
		/* Any tag, for it changes. */
		{ "8.0.2", "feed", "42", IDENTITY_NODE,
		  SHARD("u", " &feed{*}") " +cluster|nodes" },
		{ "8.0.2", "a*", "42", IDENTITY_ADDRESS, SHARD("u", " &a\\*{*}") },
		/* Where there is none an unknown name would make it an error. */
		{ "6.2.6", "feed", "42", IDENTITY_NODE,
		  CHANNELS("u", " &feed") " +cluster|nodes" },
		{ "6.0.16", "feed", "42", IDENTITY_NODE,
		  COMMANDS("u") " +cluster|nodes" },
		{ "5.0.14", "feed", "42", IDENTITY_NODE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *line = acl_line("u", rows[i].version, rows[i].channel,
				      rows[i].tag, rows[i].identity);

		if (rows[i].line == NULL)
			assert_null(line);
		else
			assert_string_equal(line, rows[i].line);
		free(line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_clusters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
