/*
 * size: see size.h.
 */
#include "size.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KIBI INT64_C(1024)
#define KILO INT64_C(1000)

/* From the largest to the smallest, as size_text prefers them. */
static const struct {
	const char *name;
	int64_t bytes;
	bool written; /* by size_text */
} units[] = {
	{ "TiB", KIBI *KIBI *KIBI *KIBI, true },
	{ "TB", KILO *KILO *KILO *KILO, true },
	{ "GiB", KIBI *KIBI *KIBI, true },
	{ "GB", KILO *KILO *KILO, true },
	{ "MiB", KIBI *KIBI, true },
	{ "MB", KILO *KILO, true },
	{ "KiB", KIBI, true },
	{ "kB", KILO, true },
	{ "", 1, true },
	{ "B", 1, false },
	/* redis.conf's. */
	{ "k", KILO, false },
	{ "kb", KIBI, false },
	{ "m", KILO *KILO, false },
	{ "mb", KIBI *KIBI, false },
	{ "g", KILO *KILO *KILO, false },
	{ "gb", KIBI *KIBI *KIBI, false },
};

#define UNITS (sizeof(units) / sizeof(units[0]))

static bool
unit_parse(const char *text, int64_t *bytes)
{
	for (size_t i = 0; i < UNITS; i++) {
		if (strcmp(text, units[i].name) == 0) {
			*bytes = units[i].bytes;
			return true;
		}
	}
	return false;
}

bool
size_parse(const char *text, int64_t *bytes)
{
	const char *unit_text = text + strspn(text, "0123456789");
	int64_t unit, count = 0;

	if (unit_text == text || !unit_parse(unit_text, &unit))
		return false;
	for (; text < unit_text; text++) {
		count = count * 10 + (*text - '0');
		if (count > SIZE_LIMIT / unit)
			return false;
	}
	*bytes = count * unit;
	return true;
}

const char *
size_text(char buf[static 32], int64_t bytes)
{
	char other[32];

	buf[0] = '\0';
	for (size_t i = 0; i < UNITS; i++) {
		if (!units[i].written || bytes % units[i].bytes != 0 ||
		    (bytes == 0 && units[i].bytes != 1))
			continue;
		snprintf(other, sizeof(other), "%" PRId64 "%s", bytes / units[i].bytes,
			 units[i].name);
		if (buf[0] == '\0' || strlen(other) < strlen(buf))
			memcpy(buf, other, sizeof(other));
	}
	return buf;
}
