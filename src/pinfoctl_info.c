/*
 * info: see pinfoctl_info.h.
 */
#include "pinfoctl_info.h"

#include <stdio.h>
#include <string.h>

#include "log.h"
#include "pinfoctl_say.h"

/* What is shown of a field's name, of a value, of a line, of a channel. */
#define FIELD_BYTES 80
#define VALUE_BYTES 160
#define LINE_BYTES 240
#define CHANNEL_BYTES 80
/* INFO persistence has about 30 lines; all of INFO has 200. */
#define LINES_MAX 1000
#define COLUMN_WIDTH 38

struct line {
	const char *start;
	size_t len;	 /* without its end */
	size_t name_len; /* of name:value; 0: it is no field */
};

/* Takes the first line off *text; false: there is none. */
static bool
next_line(const char **text, size_t *len, struct line *line)
{
	const char *end = memchr(*text, '\n', *len), *colon;
	size_t used;

	if (*len == 0)
		return false;
	line->start = *text;
	line->len = end != NULL ? (size_t)(end - *text) : *len;
	used = line->len + (end != NULL);
	*text += used;
	*len -= used;
	if (line->len > 0 && line->start[line->len - 1] == '\r')
		line->len--;
	colon = memchr(line->start, ':', line->len);
	line->name_len = colon != NULL ? (size_t)(colon - line->start) : 0;
	return true;
}

/* The line with the same name; false: there is none. */
static bool
find(const char *text, size_t len, const struct line *like, struct line *found)
{
	for (size_t n = 0; n < LINES_MAX && next_line(&text, &len, found); n++) {
		if (found->name_len == like->name_len &&
		    memcmp(found->start, like->start, like->name_len) == 0)
			return true;
	}
	return false;
}

static const char *
escape(char *out, size_t size, const char *bytes, size_t len)
{
	char copy[LINE_BYTES];

	if (len >= sizeof(copy))
		len = sizeof(copy) - 1;
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	log_escape(out, size, copy);
	return out;
}

void
info_head(struct info_head *head, const char *time, const char *channel)
{
	char shown[CHANNEL_BYTES];

	log_escape(shown, sizeof(shown), channel);
	head->width = snprintf(head->text, sizeof(head->text), "%.16s %s", time, shown);
	head->used = false;
}

static void
print_head(struct info_head *head)
{
	if (head->used && say_width() > 0)
		printf("%*s  ", head->width, "");
	else
		printf("%s%s%s  ", say_colour(SAY_CYAN), head->text,
		       say_colour(SAY_PLAIN));
	head->used = true;
}

static void
print_line(const struct line *line, bool pad)
{
	char shown[LINE_BYTES];

	printf("%*s", pad ? -COLUMN_WIDTH : 0,
	       escape(shown, sizeof(shown), line->start, line->len));
}

void
info_whole(struct info_head *head, const char *text, size_t len)
{
	struct line lines[LINES_MAX];
	bool terminal = say_width() > 0;
	size_t count = 0, rows;

	while (count < LINES_MAX && next_line(&text, &len, &lines[count]))
		count++;
	if (terminal) {
		print_head(head);
		puts("the first message, whole:");
	}
	rows = terminal ? (count + 1) / 2 : count;
	for (size_t i = 0; i < rows; i++) {
		if (terminal)
			printf("  ");
		else
			print_head(head);
		print_line(&lines[i], i + rows < count);
		if (i + rows < count) {
			putchar(' ');
			print_line(&lines[i + rows], false);
		}
		putchar('\n');
	}
}

/* The value of a line of the same name as `field`, or "(absent)". */
static const char *
value(char *out, size_t size, const struct line *line)
{
	if (line == NULL)
		return "(absent)";
	return escape(out, size, line->start + line->name_len + 1,
		      line->len - line->name_len - 1);
}

static void
print_change(struct info_head *head, const struct line *field, const struct line *old,
	     const struct line *new)
{
	char name[FIELD_BYTES], from[VALUE_BYTES], to[VALUE_BYTES];

	print_head(head);
	printf("%s%s %s -> %s%s\n", say_colour(SAY_GREEN),
	       escape(name, sizeof(name), field->start, field->name_len),
	       value(from, sizeof(from), old), value(to, sizeof(to), new),
	       say_colour(SAY_PLAIN));
}

void
info_changes(struct info_head *head, const char *before, size_t before_len,
	     const char *text, size_t len)
{
	const char *rest = text;
	size_t rest_len = len;
	struct line line, other;

	for (size_t n = 0; n < LINES_MAX && next_line(&rest, &rest_len, &line); n++) {
		if (line.name_len == 0)
			continue;
		if (!find(before, before_len, &line, &other))
			print_change(head, &line, NULL, &line);
		else if (other.len != line.len ||
			 memcmp(other.start, line.start, line.len) != 0)
			print_change(head, &line, &other, &line);
	}
	rest = before;
	rest_len = before_len;
	for (size_t n = 0; n < LINES_MAX && next_line(&rest, &rest_len, &line); n++) {
		if (line.name_len > 0 && !find(text, len, &line, &other))
			print_change(head, &line, &line, NULL);
	}
	if (head->used)
		return;
	print_head(head);
	puts(len == before_len && memcmp(text, before, len) == 0
		     ? "nothing changed"
		     : "no field changed, but the text did");
}
