/*
 * conf_scan: finds in a configuration's text what libconfig does not tell: the
 * numbers that it would take for something else, and the files it includes.
 */
#ifndef CONF_SCAN_H
#define CONF_SCAN_H

#include <stddef.h>

/* token is not NUL-terminated. */
typedef void conf_scan_fn(void *arg, int line, const char *token, size_t len,
			  const char *trouble);

/* A line `@include "name"`; name is not NUL-terminated. */
typedef void conf_include_fn(void *arg, int line, const char *name, size_t len);

/*
 * Calls fn for each bare integer in text that does not fit into 32 bits
 * (libconfig 1.5 wraps it) or has a leading zero (decimal on 1.5, octal on
 * 1.7), and include, which may be NULL, for each file that is included.
 * Strings and comments are passed over.
 */
void conf_scan(const char *text, conf_scan_fn *fn, conf_include_fn *include, void *arg);

#endif
