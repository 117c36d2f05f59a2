/*
 * fault: error replies, as servers since 2.8 have sent them.
 */
#include "fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
test_errors(void **state)
{
	static const struct {
		const char *error;
		enum fault fault;
	} rows[] = {
		{ "NOAUTH Authentication required.", FAULT_DENIED },
		{ "NOAUTH HELLO must be called with the client already authenticated",
		  FAULT_DENIED },
		{ "WRONGPASS invalid username-password pair or user is disabled.",
		  FAULT_DENIED },
		{ "NOPERM this user has no permissions to run the 'info' command",
		  FAULT_DENIED },
		{ "DENIED Redis is running in protected mode because", FAULT_DENIED },
		{ "ERR invalid password", FAULT_DENIED },
		{ "BUSY Redis is busy running a script. You can only call SCRIPT KILL",
		  FAULT_BUSY },
		{ "BUSYKEY Target key name already exists.", FAULT_REFUSED },
		{ "BUSYGROUP Consumer Group name already exists", FAULT_REFUSED },
		{ "BUSY", FAULT_REFUSED },
		{ "ERR max number of clients reached", FAULT_REFUSED },
		{ "LOADING Redis is loading the dataset in memory", FAULT_REFUSED },
		{ "MASTERDOWN Link with MASTER is down", FAULT_REFUSED },
		{ "ERR unknown command 'HELLO'", FAULT_REFUSED },
		{ "ERR Client sent AUTH, but no password is set", FAULT_REFUSED },
		/* Only at the beginning, and in capitals. */
		{ "ERR NOAUTH", FAULT_REFUSED },
		{ "noauth", FAULT_REFUSED },
		{ "NOAUT", FAULT_REFUSED },
		{ "ERR", FAULT_REFUSED },
		{ "", FAULT_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (fault_of_error(rows[i].error) != rows[i].fault)
			fail_msg("%s", rows[i].error);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
