/*
 * json: what all JSON of pinfod's is made with: jansson, included here and
 * nowhere else, and the few conventions that every document shares.
 */
#ifndef JSON_H
#define JSON_H

#include <jansson.h>

/*
 * A text that may come from outside: everything that is not printable ASCII is
 * shown as \xNN, so that the document is UTF-8 and no server can speak to a
 * terminal by it. NULL becomes null.
 */
json_t *json_text(const char *text);

/* The same; "" too becomes null: the server has not told. */
json_t *json_told(const char *text);

/* A number that may be absent: what is negative or no number becomes null. */
json_t *json_measure(double value);

/* A whole number as such, another one with its fraction; NAN becomes null. */
json_t *json_figure(double value);

/*
 * Reads a document from outside that has no more levels and values than that: what a
 * tree takes is a multiple of its text. NULL with the reason, which begins with the
 * line where there is one to name.
 */
json_t *json_read(const char *text, size_t len, size_t levels_max, size_t values_max,
		  char *error, size_t error_size);

/* "an object", "a string": what was found, for messages. */
const char *json_kind(const json_t *value);

/* One line without its end, which the caller frees; takes the document. */
char *json_line(json_t *document);

#endif
