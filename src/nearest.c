/*
 * nearest: see nearest.h.
 */
#include "nearest.h"

#include <stdint.h>
#include <string.h>

/* Longer than any word that is known. */
#define KNOWN_MAX 64

/* Levenshtein's; SIZE_MAX when b is too long. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[KNOWN_MAX], columns = strlen(b);

	if (columns >= KNOWN_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= columns; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= columns; j++) {
			size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = above;
			row[j] = best;
		}
	}
	return row[columns];
}

const char *
nearest_of(const char *name, const char *const known[], size_t count)
{
	size_t best = strlen(name) / 3 + 2;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t d = distance(name, known[i]);

		if (d < best) {
			best = d;
			nearest = known[i];
		}
	}
	return nearest;
}
