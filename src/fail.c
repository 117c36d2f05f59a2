/*
 * fail: see fail.h.
 */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>

bool
fail(char *error, size_t size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(error, size, format, ap);
	va_end(ap);
	return false;
}
