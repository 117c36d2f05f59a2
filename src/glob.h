/*
 * glob: Redis' patterns for channel names (PSUBSCRIBE): * ? [abc] [a-z] [^a] \.
 *
 * Not fnmatch(3): a hostile pattern takes that exponential time. This takes at
 * most the product of the two lengths.
 */
#ifndef GLOB_H
#define GLOB_H

#include <stdbool.h>

/* Whether the whole name matches the pattern. */
bool glob_match(const char *pattern, const char *name);

#endif
