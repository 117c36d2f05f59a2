/*
 * nearest: words that are near one, and words that are near none.
 */
#include "nearest.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define LETTERS_60 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh"

static void
test_nearest(void **state)
{
	static const char *const known[] = { "interval",
					     "channel",
					     "user",
					     "stopped",
					     "aof_rewrites_consecutive_failures",
					     LETTERS_60 "123" };
	static const struct {
		const char *name, *nearest;
	} rows[] = {
		{ "interval", "interval" },
		{ "intervall", "interval" },
		{ "intreval", "interval" },
		{ "chanel", "channel" },
		{ "usr", "user" },
		{ "users", "user" },
		{ "stop", NULL },
		{ "xyzzy", NULL },
		{ "", NULL },
		{ "u", NULL },
		{ "channelchannelchannelchannelchannel", NULL },
		{ "aof_rewrite_consecutive_failure",
		  "aof_rewrites_consecutive_failures" },
		/* The longest that is compared. */
		{ LETTERS_60 "124", LETTERS_60 "123" },
	};
	static const char *const long_one[] = { LETTERS_60 "1234" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *found = nearest_of(rows[i].name, known, 6);

		if ((found == NULL) != (rows[i].nearest == NULL) ||
		    (found != NULL && strcmp(found, rows[i].nearest) != 0))
			fail_msg("'%s': %s", rows[i].name, found);
	}
	assert_null(nearest_of("user", known, 0));
	assert_null(nearest_of(LETTERS_60 "1234", long_one, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
