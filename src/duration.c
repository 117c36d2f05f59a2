/*
 * duration: see duration.h. Integers all the way, so that "0.1" is one tenth
 * of a second and not the nearest double, and no locale has a say.
 */
#include "duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

#define MAX_NS (INT64_C(10000) * 86400 * NS_PER_S)

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	{ "", NS_PER_S },	{ "ms", NS_PER_MS },	  { "s", NS_PER_S },
	{ "m", 60 * NS_PER_S }, { "h", 3600 * NS_PER_S }, { "d", 86400 * NS_PER_S },
};

static bool
unit_parse(const char *text, int64_t *ns)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text, units[i].name) == 0) {
			*ns = units[i].ns;
			return true;
		}
	}
	return false;
}

bool
duration_parse(const char *text, int64_t *ns)
{
	const char *p = text + strspn(text, "0123456789.");
	int64_t unit, whole = 0, fraction = 0, place;
	bool digits = false, point = false;

	if (!unit_parse(p, &unit))
		return false;
	place = unit;
	for (; text < p; text++) {
		int digit = *text - '0';

		if (*text == '.') {
			if (point)
				return false;
			point = true;
			continue;
		}
		digits = true;
		if (point) {
			/* Digits below a nanosecond change nothing. */
			place /= 10;
			fraction += place * digit;
		} else {
			whole = whole * 10 + digit;
			if (whole > MAX_NS / unit)
				return false;
		}
	}
	if (!digits)
		return false;
	whole = whole * unit + fraction;
	if (whole > MAX_NS)
		return false;
	*ns = whole;
	return true;
}

const char *
duration_seconds(char buf[static 32], int64_t ns)
{
	int len = snprintf(buf, 32, "%" PRId64 ".%09" PRId64, ns / NS_PER_S,
			   ns % NS_PER_S);

	while (buf[len - 1] == '0')
		len--;
	if (buf[len - 1] == '.')
		len--;
	buf[len] = '\0';
	return buf;
}

const char *
duration_text(char buf[static 32], int64_t ns)
{
	size_t len;

	/* The last rows are the longest units; the first one has no name. */
	for (size_t i = sizeof(units) / sizeof(units[0]) - 1; ns > 0 && i > 0; i--) {
		if (ns % units[i].ns == 0) {
			snprintf(buf, 32, "%" PRId64 "%s", ns / units[i].ns,
				 units[i].name);
			return buf;
		}
	}
	duration_seconds(buf, ns);
	len = strlen(buf);
	snprintf(buf + len, 32 - len, "s");
	return buf;
}
