/*
 * log: see log.h.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

#define LINE_BYTES 1024
#define WHO_BYTES 320

static const struct {
	const char *name;
	int priority; /* syslog's, which the journal reads */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },   [LOG_LEVEL_WARNING] = { "warning", 4 },
	[LOG_LEVEL_NOTICE] = { "notice", 5 }, [LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

static enum log_level threshold = LOG_LEVEL_NOTICE;
static bool to_journal;

void
log_init(void)
{
	/* systemd.exec(5): device and inode of the stream that it connected. */
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	to_journal = stream != NULL && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
		     fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
		     st.st_ino == ino;
}

void
log_set_level(enum log_level level)
{
	threshold = level;
}

enum log_level
log_level(void)
{
	return threshold;
}

const char *
log_level_name(enum log_level level)
{
	return levels[level].name;
}

bool
log_wants(enum log_level level)
{
	return level <= threshold;
}

bool
log_level_parse(const char *name, enum log_level *level)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcasecmp(name, levels[i].name) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

size_t
log_escape(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p >= 0x20 && *p < 0x7f) {
			if (n + 2 > size)
				break;
			out[n++] = (char)*p;
		} else {
			if (n + 5 > size)
				break;
			n += (size_t)snprintf(out + n, size - n, "\\x%02x", *p);
		}
	}
	out[n] = '\0';
	return n;
}

void
log_line(enum log_level level, const char *who, const char *format, ...)
{
	char text[LINE_BYTES], line[WHO_BYTES + LINE_BYTES + 64],
		stamp[CLOCK_STAMP_BYTES];
	int saved = errno;
	va_list ap;
	size_t n;

	if (!log_wants(level))
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);

	if (to_journal)
		n = (size_t)snprintf(line, sizeof(line), "<%d>",
				     levels[level].priority);
	else
		n = (size_t)snprintf(line, sizeof(line),
				     "%s %s: ", clock_stamp(stamp, clock_wall()),
				     levels[level].name);
	if (who != NULL) {
		n += log_escape(line + n, WHO_BYTES, who);
		line[n++] = ':';
		line[n++] = ' ';
	}
	n += log_escape(line + n, sizeof(line) - n - 1, text);
	line[n++] = '\n';
	/* One write a line, so that two processes never mix theirs. */
	if (write(STDERR_FILENO, line, n) < 0) {
		/* Nobody is left to tell. */
	}
	errno = saved;
}
