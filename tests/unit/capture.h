/*
 * capture: what is written to stderr, as a string. cmocka's own messages go
 * there too: nothing may be asserted while it is redirected.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct capture {
	int file;  /* that fd 2 is now */
	int saved; /* what it was */
};

static inline struct capture
capture_begin(void)
{
	struct capture c = { memfd_create("stderr", MFD_CLOEXEC), dup(STDERR_FILENO) };

	assert(c.file >= 0 && c.saved >= 0);
	dup2(c.file, STDERR_FILENO);
	return c;
}

/* The caller frees the text. It ends at the first NUL, which logs never hold. */
static inline char *
capture_end(struct capture c)
{
	off_t len = lseek(c.file, 0, SEEK_END);
	char *text = calloc(1, (size_t)len + 1);

	dup2(c.saved, STDERR_FILENO);
	assert(text != NULL && pread(c.file, text, (size_t)len, 0) == len);
	close(c.file);
	close(c.saved);
	return text;
}

#endif
