/*
 * xalloc: see xalloc.h.
 */
#include "xalloc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static _Noreturn void
die(void)
{
	log_error(NULL, "out of memory");
	abort();
}

void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		die();
	return p;
}

void *
xrealloc(void *p, size_t n, size_t size)
{
	void *new = reallocarray(p, n, size);

	if (new == NULL)
		die();
	return new;
}

char *
xstrdup(const char *s)
{
	char *copy;

	if (s == NULL)
		return NULL;
	copy = strdup(s);
	if (copy == NULL)
		die();
	return copy;
}

char *
xasprintf(const char *format, ...)
{
	va_list ap;
	char *s;
	int len;

	va_start(ap, format);
	len = vasprintf(&s, format, ap);
	va_end(ap);
	if (len < 0)
		die();
	return s;
}

void
xfree_secret(char *secret)
{
	if (secret == NULL)
		return;
	explicit_bzero(secret, strlen(secret));
	free(secret);
}
