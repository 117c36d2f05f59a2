/*
 * json: see json.h.
 */
#include "json.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "xalloc.h"

json_t *
json_text(const char *text)
{
	json_t *json;
	char *shown;
	size_t size;

	if (text == NULL)
		return json_null();
	size = 4 * strlen(text) + 1;
	shown = xcalloc(1, size);
	log_escape(shown, size, text);
	json = json_string(shown);
	free(shown);
	return json;
}

json_t *
json_told(const char *text)
{
	return json_text(text != NULL && *text != '\0' ? text : NULL);
}

json_t *
json_measure(double value)
{
	return value >= 0 ? json_real(value) : json_null();
}

json_t *
json_figure(double value)
{
	if (isnan(value))
		return json_null();
	if (value == floor(value) && fabs(value) < 9e15)
		return json_integer((json_int_t)value);
	return json_real(value);
}

/* Looks at brackets and commas alone; whether it is JSON is jansson's to say. */
static bool
is_bounded(const char *text, size_t len, size_t levels_max, size_t values_max,
	   char *error, size_t error_size)
{
	size_t level = 0, values = 1;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '"')
			quoted = !quoted;
		else if (c == '\\')
			i++;
		if (quoted)
			continue;
		if (c == '[' || c == '{') {
			level++;
			values++;
		} else if (c == ']' || c == '}') {
			level -= level > 0;
		} else if (c == ',' || c == ':') {
			values++;
		}
		if (level > levels_max || values > values_max) {
			snprintf(error, error_size, "it has more than %zu %s",
				 level > levels_max ? levels_max : values_max,
				 level > levels_max ? "levels" : "values");
			return false;
		}
	}
	return true;
}

json_t *
json_read(const char *text, size_t len, size_t levels_max, size_t values_max,
	  char *error, size_t error_size)
{
	json_error_t where;
	json_t *document;

	if (!is_bounded(text, len, levels_max, values_max, error, error_size))
		return NULL;
	document = json_loadb(text, len, 0, &where);
	if (document == NULL)
		snprintf(error, error_size, "line %d: %s", where.line, where.text);
	return document;
}

const char *
json_kind(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		break;
	}
	return "null";
}

char *
json_line(json_t *document)
{
	char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(15));

	json_decref(document);
	return text;
}
