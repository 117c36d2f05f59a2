/*
 * recording: see recording.h. Recorder and reader keep the same: recording_lines.
 */
#include "recording.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "recording_lines.h"
#include "xalloc.h"

#define HEAD "pinfod-recording 1"
#define WALL_SECONDS_MAX INT64_C(9000000000)
#define LINK_TEXT_BYTES 1024

static const char *const kind_names[] = {
	[RECORDING_NARROW] = "narrow",
	[RECORDING_WIDE] = "wide",
	[RECORDING_CONFIG] = "config",
	[RECORDING_LINK] = "link",
};

#define KINDS (sizeof(kind_names) / sizeof(kind_names[0]))

const char *
recording_kind_name(enum recording_kind kind)
{
	return kind_names[kind];
}

bool
recording_kind_find(const char *name, enum recording_kind *kind)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(kind_names[i], name) == 0) {
			*kind = (enum recording_kind)i;
			return true;
		}
	}
	return false;
}

/*
 * Recording.
 */

struct recorder {
	FILE *out;
	struct subjects subjects;
	double seconds; /* of the last entry */
};

struct recorder *
recorder_new(FILE *out)
{
	struct recorder *r = xcalloc(1, sizeof(*r));

	r->out = out;
	fputs(HEAD "\n", out);
	return r;
}

void
recorder_free(struct recorder *r)
{
	if (r == NULL)
		return;
	subjects_fini(&r->subjects);
	free(r);
}

/*
 * How long the name of a line is that a reader takes for one; 0: none. What
 * begins with one of "#-@" would be something else to him.
 */
static size_t
name_length(const char *line, size_t len)
{
	size_t n = 0;

	if (len == 0 || len > RECORDING_LINE_MAX || strchr("#-@", *line) != NULL ||
	    memchr(line, '\0', len) != NULL)
		return 0;
	while (n < len && line[n] != ':' && (unsigned char)line[n] >= ' ')
		n++;
	return n < len && line[n] == ':' ? n : 0;
}

static void
write_differences(FILE *out, struct lines *l, const char *text, size_t len)
{
	const char *end = text + len, *next;

	for (size_t i = 0; i < l->count; i++)
		l->line[i].seen = false;
	for (const char *p = text; p < end; p = next) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((lf != NULL ? lf : end) - p), name_len;

		next = p + n + 1;
		while (n > 0 && p[n - 1] == '\r')
			n--;
		name_len = name_length(p, n);
		if (name_len > 0 && lines_set(l, p, n, name_len) == SET_CHANGED)
			fprintf(out, "%.*s\n", (int)n, p);
	}
	for (size_t i = l->count; i-- > 0;) {
		if (l->line[i].seen)
			continue;
		fprintf(out, "-%.*s\n", (int)l->line[i].name_len, l->line[i].text);
		lines_remove(l, i);
	}
}

bool
recorder_add(struct recorder *r, const struct recording_entry *e)
{
	struct subject *subject = subjects_get(&r->subjects, e->target);
	char shown[LINK_TEXT_BYTES];
	int64_t ms = e->wall.ns / NS_PER_MS;

	if (subject == NULL || (e->kind == RECORDING_LINK && e->text[0] == '\0'))
		return false;
	if (e->seconds > r->seconds)
		r->seconds = e->seconds;
	fprintf(r->out, "@ %.3f %" PRId64 ".%03" PRId64 " %s %s", r->seconds, ms / 1000,
		ms % 1000, kind_names[e->kind], e->target);
	if (e->kind == RECORDING_LINK) {
		log_escape(shown, sizeof(shown), e->text);
		fprintf(r->out, " %s\n", shown);
	} else {
		fputc('\n', r->out);
		write_differences(r->out, &subject->lines[e->kind], e->text, e->len);
	}
	return true;
}

/*
 * Reading.
 */

struct recording {
	FILE *in;
	struct subjects subjects;
	unsigned long number; /* of the line */
	char line[RECORDING_LINE_MAX + 2];
	size_t len;
	bool begun; /* the head was read */
	bool held;  /* the line begins the next entry */
	int64_t ns; /* when the last entry was */
	char *text; /* of the entry that is lent */
	char error[256];
};

struct recording *
recording_new(FILE *in)
{
	struct recording *r = xcalloc(1, sizeof(*r));

	r->in = in;
	return r;
}

void
recording_free(struct recording *r)
{
	if (r == NULL)
		return;
	subjects_fini(&r->subjects);
	free(r->text);
	free(r);
}

/* The first error stays; always returns false. */
static bool __attribute__((format(printf, 2, 3)))
fail(struct recording *r, const char *format, ...)
{
	char text[sizeof(r->error) / 2], shown[sizeof(r->error) - 32];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	log_escape(shown, sizeof(shown), text);
	snprintf(r->error, sizeof(r->error), "line %lu: %s", r->number, shown);
	return false;
}

/* One line, without its end, NUL-terminated. False at the end, or after fail. */
static bool
read_line(struct recording *r)
{
	int c = EOF;

	r->len = 0;
	errno = 0;
	while (r->len <= RECORDING_LINE_MAX && (c = getc_unlocked(r->in)) != EOF &&
	       c != '\n')
		r->line[r->len++] = (char)c;
	if (c == EOF && r->len == 0 && !ferror(r->in))
		return false;
	r->number++;
	if (ferror(r->in))
		return fail(r, "cannot be read: %s", strerror(errno));
	if (c == EOF)
		return fail(r, "the file ends within it: it was cut short");
	while (r->len > 0 && r->line[r->len - 1] == '\r')
		r->len--;
	r->line[r->len] = '\0';
	if (r->len > RECORDING_LINE_MAX)
		return fail(r, "has more than %d bytes", RECORDING_LINE_MAX);
	if (strlen(r->line) != r->len)
		return fail(r, "has a NUL in it: that is no text");
	return true;
}

/* The next line that is not for people only. */
static bool
read_entry_line(struct recording *r)
{
	while (read_line(r)) {
		if (r->len > 0 && r->line[0] != '#')
			return true;
	}
	return false;
}

/* "12.345", with up to nine digits behind the point. */
static bool
parse_time(const char *text, int64_t seconds_max, int64_t *ns)
{
	int64_t value = 0, unit = NS_PER_S;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		value = 10 * value + (*text - '0');
		if (value > seconds_max)
			return false;
	}
	*ns = value * NS_PER_S;
	text += *text == '.';
	for (; *text >= '0' && *text <= '9' && unit > 1; text++) {
		unit /= 10;
		*ns += (*text - '0') * unit;
	}
	return *text == '\0';
}

/* Reads "@ SECONDS WALL KIND TARGET[ TEXT]", which it cuts up. */
static bool
read_head(struct recording *r, struct recording_entry *e, struct subject **subject)
{
	char *rest = r->line, *at = strsep(&rest, " "), *seconds = strsep(&rest, " ");
	char *wall = strsep(&rest, " "), *kind = strsep(&rest, " ");
	char *target = strsep(&rest, " ");
	int64_t ns;

	if (strcmp(at, "@") != 0)
		return fail(r,
			    "'%.40s' stands where an entry is to begin: "
			    "@ SECONDS WALL KIND TARGET",
			    at);
	if (target == NULL)
		return fail(r, "an entry begins @ SECONDS WALL KIND TARGET");
	if (!parse_time(seconds, RECORDING_SECONDS_MAX, &ns))
		return fail(r, "'%.40s' is no number of seconds from 0 to %d", seconds,
			    RECORDING_SECONDS_MAX);
	if (ns < r->ns)
		return fail(r, "%.40s s is earlier than the entry before", seconds);
	if (!parse_time(wall, WALL_SECONDS_MAX, &e->wall.ns))
		return fail(r, "'%.40s' is no time in seconds since 1970", wall);
	if (!recording_kind_find(kind, &e->kind))
		return fail(r, "'%.40s' is none of narrow, wide, config, link", kind);
	if (!subject_name_ok(target))
		return fail(r,
			    "'%.40s' is no name of a target: 1 to %d printable "
			    "characters",
			    target, SUBJECT_NAME_MAX);
	*subject = subjects_get(&r->subjects, target);
	if (*subject == NULL)
		return fail(r, "more than %d targets", RECORDING_TARGETS_MAX);
	if (e->kind == RECORDING_LINK && (rest == NULL || *rest == '\0'))
		return fail(r, "a link's entry says on its line how the link is");
	if (e->kind != RECORDING_LINK && rest != NULL)
		return fail(r, "'%.40s' stands behind the target's name", rest);
	r->ns = ns;
	e->seconds = (double)ns / (double)NS_PER_S;
	e->line = r->number;
	e->target = (*subject)->name;
	e->text = rest;
	return true;
}

/* One line below an entry's head. */
static bool
take_line(struct recording *r, struct lines *l)
{
	size_t name_len, at;

	if (r->line[0] == '-') {
		at = lines_find(l, r->line + 1, r->len - 1);
		if (at == l->count)
			return fail(r, "'%.60s' is gone, and was not there",
				    r->line + 1);
		lines_remove(l, at);
		return true;
	}
	name_len = name_length(r->line, r->len);
	if (name_len == 0)
		return fail(r, "'%.60s' is no name:value", r->line);
	if (lines_set(l, r->line, r->len, name_len) == SET_TOO_MUCH)
		return fail(r, "a text of more than %d lines or %d bytes",
			    RECORDING_LINES_MAX, RECORDING_TEXT_MAX);
	return true;
}

/* Reads the lines of an entry, and the head of the next one. */
static bool
read_lines(struct recording *r, struct lines *l)
{
	while ((r->held = read_entry_line(r)) && r->line[0] != '@') {
		if (l == NULL)
			return fail(r, "a link's entry has one line only");
		if (!take_line(r, l))
			return false;
	}
	return r->error[0] == '\0';
}

static bool
begin(struct recording *r)
{
	if (r->begun)
		return true;
	r->begun = true;
	if (!read_line(r) && r->error[0] == '\0') {
		r->number = 1;
		return fail(r, "the file is empty");
	}
	if (r->error[0] == '\0' && strcmp(r->line, HEAD) != 0)
		return fail(r,
			    "'%.40s' is not '" HEAD "': this is no recording that "
			    "can be read",
			    r->line);
	r->held = r->error[0] == '\0' && read_entry_line(r);
	return r->error[0] == '\0';
}

static bool
next(struct recording *r, struct recording_entry *e)
{
	struct subject *subject = NULL;
	bool link;

	if (r->error[0] != '\0' || !begin(r) || !r->held || !read_head(r, e, &subject))
		return false;
	free(r->text);
	r->text = NULL;
	link = e->kind == RECORDING_LINK;
	if (link)
		r->text = xstrdup(e->text);
	if (!read_lines(r, link ? NULL : &subject->lines[e->kind]))
		return false;
	if (!link)
		r->text = lines_text(&subject->lines[e->kind]);
	e->text = r->text;
	e->len = strlen(r->text);
	return true;
}

bool
recording_next(struct recording *r, struct recording_entry *entry, char *error,
	       size_t error_size)
{
	bool is_there = next(r, entry);

	snprintf(error, error_size, "%s", r->error);
	return is_there;
}
