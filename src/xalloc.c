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

static char *
format_text(const char *format, va_list ap)
{
	char *s;

	if (vasprintf(&s, format, ap) < 0)
		die();
	return s;
}

bool
xstrsame(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

char *
xasprintf(const char *format, ...)
{
	va_list ap;
	char *s;

	va_start(ap, format);
	s = format_text(format, ap);
	va_end(ap);
	return s;
}

void
xappendf(char **text, const char *format, ...)
{
	va_list ap;
	char *more, *whole;

	va_start(ap, format);
	more = format_text(format, ap);
	va_end(ap);
	whole = xasprintf("%s%s", *text != NULL ? *text : "", more);
	free(more);
	free(*text);
	*text = whole;
}

void
xfree_secret(char *secret)
{
	if (secret == NULL)
		return;
	explicit_bzero(secret, strlen(secret));
	free(secret);
}
