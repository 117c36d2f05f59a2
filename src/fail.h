/*
 * fail: how what may go wrong says why, in the caller's buffer, and returns false.
 */
#ifndef FAIL_H
#define FAIL_H

#include <stdbool.h>
#include <stddef.h>

/* Always false, to be returned. What is too long for the buffer is cut. */
bool fail(char *error, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
