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
 * An address without a scheme is that of redis://. A # at the beginning of a word
 * begins a comment.
 *
 * What begins with [ is JSON, unless that of an IPv6 address. A label `name` names
 * the target, if it is one, and stands before the address of each, with a slash, if
 * they are several. Other labels and keys are for others, and passed over.
 */
#ifndef TARGETS_TEXT_H
#define TARGETS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "members.h"

#define TARGETS_TEXT_BYTES_MAX (16 * 1024 * 1024)
/* So much of what is wrong is told in words; the rest is counted. */
#define TARGETS_TEXT_COMPLAINTS 8

struct targets_text_report {
	size_t bad; /* lines, entries or targets of entries that were skipped */
	/*
	 * "line 3: ...", "entry 3, target 2: ..."; the first that is NULL ends them. The
	 * caller frees them with targets_text_report_fini.
	 */
	char *complaints[TARGETS_TEXT_COMPLAINTS];
};

/*
 * Reads text into *members, sorted, and what is wrong with it into *report; neither
 * need be initialised. What is wrong is skipped: addresses must be as endpoint_parse
 * has them, without a password, names as target_config_name_ok; of what names or is
 * at the same address as something before only the first counts, and of all that
 * could be read the first `max`. False when nothing could be read at all (JSON that
 * is none, or too much), with the reason in complaints[0]; *members is empty then.
 */
bool targets_text_parse(const char *text, size_t len, size_t max,
			struct members *members, struct targets_text_report *report);

/* May be called twice. */
void targets_text_report_fini(struct targets_text_report *report);

#endif
