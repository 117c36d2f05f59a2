/*
 * xalloc: allocate or die.
 *
 * A half-tested out-of-memory path is worse than a restart that the service
 * manager does in a second. The price: any size that comes from outside is
 * capped before it gets here.
 */
#ifndef XALLOC_H
#define XALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* n zeroed objects of size bytes. Never NULL. The caller frees it. */
void *xcalloc(size_t n, size_t size);

/* p (may be NULL) with room for n objects of size bytes; new room is not zeroed. */
void *xrealloc(void *p, size_t n, size_t size);

/* A copy of s; of NULL, NULL. */
char *xstrdup(const char *s);

/* Whether both say the same, or are both NULL. */
bool xstrsame(const char *a, const char *b);

/* A new string, as by printf. */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Puts more behind *text (NULL: nothing yet), which moves. */
void xappendf(char **text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Overwrites a secret (NULL is fine) in a way that the compiler may not leave
 * out, and frees it.
 */
void xfree_secret(char *secret);

#endif
