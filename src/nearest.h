/*
 * nearest: what somebody who misspelt a word most likely meant. Pure.
 */
#ifndef NEAREST_H
#define NEAREST_H

#include <stddef.h>

/* The one of known that is nearest to name; NULL when none is near. */
const char *nearest_of(const char *name, const char *const known[], size_t count);

#endif
