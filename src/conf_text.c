/*
 * conf_text: see conf_text.h.
 */
#include "conf_text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "conf.h"
#include "conf_scan.h"
#include "xalloc.h"

#define FILE_BYTES_MAX (16 * 1024 * 1024)
/* As libconfig's own limit. */
#define INCLUDE_DEPTH_MAX 10
#define FILES_MAX 1000

struct reading {
	struct conf_messages *messages;
	const char *directory; /* that includes are relative to */
	unsigned files;	       /* that were looked at */
	bool unreadable;       /* a file is: libconfig must not see it */
	bool endless;	       /* includes are: each may name many more */
};

/* One file of them. */
struct scanning {
	struct reading *reading;
	const char *file;
	unsigned depth;
};

static void scan_include(struct reading *r, const char *path, const char *from,
			 int line, unsigned depth);

static void
number_cb(void *arg, int line, const char *token, size_t len, const char *trouble)
{
	struct scanning *s = arg;

	conf_say(s->reading->messages, true,
		 xasprintf("%s:%d: '%.*s': %s", s->file, line,
			   (int)(len < 40 ? len : 40), token, trouble));
}

static void
include_cb(void *arg, int line, const char *name, size_t len)
{
	struct scanning *s = arg;
	char *path;

	path = *name == '/'
		       ? xasprintf("%.*s", (int)len, name)
		       : xasprintf("%s/%.*s", s->reading->directory, (int)len, name);
	scan_include(s->reading, path, s->file, line, s->depth + 1);
	free(path);
}

/* /dev/null is the way to say: no file. */
static bool
is_null_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/* Whoever included it says so; it must be a file, and no larger than is sane. */
static char *
read_text(const char *path, char *error, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text = NULL;
	struct stat st;
	ssize_t len = 0;

	if (fd < 0 || fstat(fd, &st) != 0) {
		snprintf(error, size, "cannot read it: %s", strerror(errno));
	} else if (!S_ISREG(st.st_mode) && !is_null_device(&st)) {
		snprintf(error, size, "it is no regular file");
	} else if (st.st_size > FILE_BYTES_MAX) {
		snprintf(error, size, "it is larger than %d MiB",
			 FILE_BYTES_MAX / 1024 / 1024);
	} else {
		text = xcalloc(1, (size_t)st.st_size + 2);
		len = read(fd, text, (size_t)st.st_size);
		if (len < 0 || strlen(text) != (size_t)len) {
			snprintf(error, size, "%s",
				 len < 0 ? strerror(errno) : "it holds a NUL byte");
			free(text);
			text = NULL;
		} else if (len > 0 && text[len - 1] != '\n') {
			/* A comment without it is a syntax error to libconfig 1.5. */
			text[len] = '\n';
		}
	}
	if (fd >= 0)
		close(fd);
	return text;
}

static void
scan_include(struct reading *r, const char *path, const char *from, int line,
	     unsigned depth)
{
	struct scanning scanning = { r, path, depth };
	char error[160], *text;

	if (r->endless)
		return;
	if (depth > INCLUDE_DEPTH_MAX || r->files++ > FILES_MAX) {
		r->unreadable = r->endless = true;
		conf_say(r->messages, true,
			 xasprintf("%s:%d: too many includes, or nested too deep", from,
				   line));
		return;
	}
	text = read_text(path, error, sizeof(error));
	if (text == NULL) {
		r->unreadable = true;
		conf_say(r->messages, true,
			 xasprintf("%s:%d: @include \"%s\": %s", from, line, path,
				   error));
		return;
	}
	conf_scan(text, number_cb, include_cb, &scanning);
	free(text);
}

char *
conf_text_directory(const char *file)
{
	char *real = realpath(file, NULL), *slash, *directory;

	slash = real != NULL ? strrchr(real, '/') : NULL;
	if (slash == NULL)
		directory = xstrdup(".");
	else
		directory = xasprintf("%.*s", (int)(slash == real ? 1 : slash - real),
				      real);
	free(real);
	return directory;
}

char *
conf_text_read(const char *file, struct conf_messages *messages)
{
	struct reading r = { .messages = messages, .files = 1 };
	struct scanning scanning = { &r, file, 0 };
	char error[160], *text = read_text(file, error, sizeof(error)), *directory;

	if (text == NULL) {
		conf_say(messages, true, xasprintf("%s: %s", file, error));
		return NULL;
	}
	directory = conf_text_directory(file);
	r.directory = directory;
	conf_scan(text, number_cb, include_cb, &scanning);
	free(directory);
	if (!r.unreadable)
		return text;
	free(text);
	return NULL;
}
