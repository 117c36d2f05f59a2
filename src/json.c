/*
 * json: see json.h.
 */
#include "json.h"

#include <math.h>
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

char *
json_line(json_t *document)
{
	char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(15));

	json_decref(document);
	return text;
}
