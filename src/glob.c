/*
 * glob: see glob.h.
 */
#include "glob.h"

#include <stddef.h>

/*
 * Matches one character against the [set] that begins after `p`'s bracket.
 * Returns what follows the set; an unclosed one reaches to the end, as in
 * Redis' util.c.
 */
static const char *
match_set(const char *p, char c, bool *hit)
{
	bool negated = *p == '^';
	bool found = false;

	if (negated)
		p++;
	for (; *p != '\0' && *p != ']'; p++) {
		if (*p == '\\' && p[1] != '\0') {
			p++;
			found |= *p == c;
		} else if (p[1] == '-' && p[2] != '\0') {
			char low = p[0] < p[2] ? p[0] : p[2];
			char high = p[0] < p[2] ? p[2] : p[0];

			found |= c >= low && c <= high;
			p += 2;
		} else {
			found |= *p == c;
		}
	}
	*hit = found != negated;
	return *p == ']' ? p + 1 : p;
}

/* Matches one pattern element that is no star; NULL when c does not fit. */
static const char *
match_one(const char *p, char c)
{
	bool hit;

	switch (*p) {
	case '\0':
		return NULL;
	case '?':
		return p + 1;
	case '[':
		p = match_set(p + 1, c, &hit);
		return hit ? p : NULL;
	case '\\':
		if (p[1] != '\0')
			p++;
		/* fall through */
	default:
		return *p == c ? p + 1 : NULL;
	}
}

bool
glob_match(const char *pattern, const char *name)
{
	const char *star = NULL;  /* what follows the last star */
	const char *retry = NULL; /* where in name that star ends next time */

	while (*name != '\0') {
		const char *next;

		if (*pattern == '*') {
			star = ++pattern;
			retry = name;
			continue;
		}
		next = match_one(pattern, *name);
		if (next != NULL) {
			pattern = next;
			name++;
		} else if (star != NULL) {
			/* Only the last star need give way: that bounds it. */
			pattern = star;
			name = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
