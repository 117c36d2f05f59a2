/*
 * say: see pinfoctl_say.h.
 */
#include "pinfoctl_say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "pinfoctl.h"
#include "xalloc.h"

bool
say_trouble_set(struct trouble *t, int exit_code, const char *code, const char *format,
		...)
{
	va_list ap;

	t->exit_code = exit_code;
	t->refused = false;
	snprintf(t->code, sizeof(t->code), "%s", code);
	va_start(ap, format);
	vsnprintf(t->text, sizeof(t->text), format, ap);
	va_end(ap);
	return false;
}

int
say_trouble(const struct pinfoctl *ctl, const struct trouble *t)
{
	char line[sizeof(t->text) + 64];

	if (ctl->json) {
		say_one_line(line, sizeof(line), t->text);
		say_json(json_pack("{s:{s:s, s:s}}", "error", "code", t->code,
				   "message", line));
	} else {
		fflush(stdout);
		fprintf(stderr, "pinfoctl: %s%s%s\n", t->refused ? t->code : "",
			t->refused ? " " : "", t->text);
	}
	return t->exit_code;
}

void
say_one_line(char *out, size_t size, const char *text)
{
	size_t n = 0;

	while (*text != '\0' && n + 3 < size) {
		if (*text != '\n') {
			out[n++] = *text++;
			continue;
		}
		text += strspn(text, "\n ");
		/* "looked at:" leads on by itself. */
		if (n > 0 && out[n - 1] != ':')
			out[n++] = ';';
		out[n++] = ' ';
	}
	out[n] = '\0';
}

/*
 * JSON.
 */

static void
print_json(json_t *json, size_t flags)
{
	char *text = json_dumps(json, flags | JSON_ENSURE_ASCII | JSON_ENCODE_ANY |
					      JSON_REAL_PRECISION(9));

	/* Only json_pack with a text that is no UTF-8 gives NULL: our mistake. */
	if (text == NULL)
		abort();
	puts(text);
	free(text);
	json_decref(json);
}

void
say_json(json_t *json)
{
	print_json(json, isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT);
}

void
say_json_line(json_t *json)
{
	print_json(json, JSON_COMPACT);
}

json_t *
say_json_text(const char *bytes, size_t len)
{
	static const char replacement[3] = { '\xef', '\xbf', '\xbd' };
	json_t *json = json_stringn(bytes, len);
	char *safe;
	size_t n = 0;

	if (json != NULL)
		return json;
	safe = xcalloc(len + 1, sizeof(replacement));
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)bytes[i] < 0x80) {
			safe[n++] = bytes[i];
			continue;
		}
		for (size_t r = 0; r < sizeof(replacement); r++)
			safe[n++] = replacement[r];
	}
	json = json_stringn(safe, n);
	free(safe);
	return json;
}

/*
 * Text.
 */

static void
print_escaped(const char *bytes, size_t len, const char *also)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if ((c >= 0x20 && c < 0x7f) || (c != '\0' && strchr(also, c) != NULL))
			putchar(c);
		else if (c != '\r' || i + 1 == len || bytes[i + 1] != '\n' || !*also)
			printf("\\x%02x", c);
	}
}

void
say_text(const char *bytes, size_t len)
{
	print_escaped(bytes, len, "\n\t");
	if (len > 0 && bytes[len - 1] != '\n')
		putchar('\n');
}

void
say_line(const char *bytes, size_t len)
{
	print_escaped(bytes, len, "");
	putchar('\n');
}

void
say_part(const char *bytes, size_t len)
{
	print_escaped(bytes, len, "");
}

static bool
colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') && term != NULL &&
	       strcmp(term, "dumb") != 0;
}

const char *
say_colour(enum say_colour colour)
{
	static const char *const codes[] = {
		[SAY_PLAIN] = "\033[0m",   [SAY_GREEN] = "\033[32m",
		[SAY_YELLOW] = "\033[33m", [SAY_RED] = "\033[31m",
		[SAY_CYAN] = "\033[36m",
	};

	return colours() ? codes[colour] : "";
}

unsigned
say_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

void
say_folded(const char *bytes, size_t len, unsigned indent)
{
	size_t width = say_width(), column = 0;
	const char *p = bytes, *end = bytes + len;

	for (;;) {
		const char *blank = memchr(p, ' ', (size_t)(end - p));
		size_t n = (size_t)((blank != NULL ? blank : end) - p);

		if (width > 0 && column > indent && column + 1 + n > width) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		} else if (p != bytes) {
			putchar(' ');
			column++;
		}
		say_part(p, n);
		column += n;
		if (blank == NULL)
			break;
		p = blank + 1;
	}
	putchar('\n');
}

const char *
say_span(char *buf, size_t size, double seconds)
{
	char span[CLOCK_SPAN_BYTES];
	size_t n = 0;

	clock_span(span, seconds);
	for (const char *p = span; *p != '\0' && n + 1 < size; p++) {
		if (*p != ' ')
			buf[n++] = *p;
	}
	buf[n] = '\0';
	return buf;
}
