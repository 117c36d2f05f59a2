/*
 * say: everything that pinfoctl prints, made safe for a terminal.
 */
#ifndef PINFOCTL_SAY_H
#define PINFOCTL_SAY_H

#include <stdbool.h>
#include <stddef.h>

#include "json.h"

struct pinfoctl;
struct trouble;

enum say_colour { SAY_PLAIN, SAY_GREEN, SAY_YELLOW, SAY_RED, SAY_CYAN };

/* Fills *trouble; always returns false. */
bool say_trouble_set(struct trouble *trouble, int exit_code, const char *code,
		     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Shows it on stderr, or with --json on stdout. Returns its exit code. */
int say_trouble(const struct pinfoctl *ctl, const struct trouble *trouble);

/* The text in one line: what is below the first one follows behind blanks. */
void say_one_line(char *out, size_t size, const char *text);

/* Prints json on a line of its own, or pretty on a terminal, and frees it. */
void say_json(json_t *json);
/* The same, never pretty: for streams. */
void say_json_line(json_t *json);

/*
 * A JSON string of any bytes: where they are no UTF-8, all that is not ASCII becomes
 * U+FFFD. Never NULL.
 */
json_t *say_json_text(const char *bytes, size_t len);

/*
 * Prints text of several lines: newlines and tabs stay, CR before a newline goes,
 * all else that is not printable ASCII is shown as \xNN. Ends with a newline.
 */
void say_text(const char *bytes, size_t len);
/* The same as one line: newlines and tabs are shown as \xNN too. */
void say_line(const char *bytes, size_t len);

/* The same without the end of the line. */
void say_part(const char *bytes, size_t len);

/*
 * The same as say_line, but on a terminal in lines as long as it is wide, broken at
 * blanks, all but the first one indented.
 */
void say_folded(const char *bytes, size_t len, unsigned indent);

/* What switches to a colour on stdout, or back: "" where there are none. */
const char *say_colour(enum say_colour colour);

/* Columns of the terminal that stdout is; 0: it is none. */
unsigned say_width(void);

/* As clock_span has it, without blanks. */
const char *say_span(char *buf, size_t size, double seconds);

#endif
