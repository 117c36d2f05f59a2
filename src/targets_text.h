/*
 * targets_text: a file of targets: a URL a line, or JSON as Prometheus' file_sd
 * has it. Pure.
 *
 *	# a comment; and a name may stand behind the address
 *	redis://db1:6379
 *	rediss://db2        carts
 *	db3:6379
 *
 *	[ { "targets": [ "db1:6379", "rediss://db2" ], "labels": { "name": "carts" } } ]
 *
 * What begins with [ is JSON. A label `name` names the target, if it is one, and
 * stands before the address of each, with a slash, if they are several. Other
 * labels and keys are for others, and passed over.
 */
#ifndef TARGETS_TEXT_H
#define TARGETS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "members.h"

#define TARGETS_TEXT_BYTES_MAX (16 * 1024 * 1024)
/* So many of what is wrong are told in words; the others are counted. */
#define TARGETS_TEXT_COMPLAINTS 8

struct targets_text_report {
	size_t bad; /* lines or entries that were skipped */
	/* "line 3: ..."; the caller frees them with targets_text_report_fini. */
	char *complaints[TARGETS_TEXT_COMPLAINTS];
};

/*
 * Adds what text names to *members, sorted. What is wrong is skipped and told:
 * addresses as endpoint_parse has them, names as target_config_name_ok, no
 * passwords, no name and no address twice, and at most `max`. False when nothing
 * could be read at all (JSON that is none), with the reason in complaints[0];
 * *members is empty then.
 */
bool targets_text_parse(const char *text, size_t len, size_t max,
			struct members *members, struct targets_text_report *report);

/* May be called twice. */
void targets_text_report_fini(struct targets_text_report *report);

#endif
