/*
 * fault: see fault.h.
 */
#include "fault.h"

#include <stddef.h>
#include <string.h>

enum fault
fault_of_error(const char *error)
{
	static const struct {
		const char *prefix;
		enum fault fault;
	} known[] = {
		{ "NOAUTH", FAULT_DENIED },
		{ "WRONGPASS", FAULT_DENIED },
		{ "NOPERM", FAULT_DENIED },
		{ "DENIED", FAULT_DENIED },		  /* protected mode */
		{ "ERR invalid password", FAULT_DENIED }, /* before 6.0 */
		{ "BUSY ", FAULT_BUSY },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strncmp(error, known[i].prefix, strlen(known[i].prefix)) == 0)
			return known[i].fault;
	}
	return FAULT_REFUSED;
}
