/*
 * json: see json.h.
 */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "notice.h"
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

json_t *
json_stamp(struct wall t)
{
	char stamp[CLOCK_STAMP_BYTES];

	return json_string(clock_stamp(stamp, t));
}

json_t *
json_server(const char *address, const char *version, const char *run_id,
	    const char *role)
{
	json_t *o = json_object();

	json_object_set_new(o, "address", json_told(address));
	json_object_set_new(o, "version", json_told(version));
	json_object_set_new(o, "run_id", json_told(run_id));
	json_object_set_new(o, "role", json_told(role));
	return o;
}

json_t *
json_at_risk(const struct at_risk *risk)
{
	json_t *o = json_object();

	json_object_set_new(o, "seconds", json_figure(risk->seconds));
	json_object_set_new(o, "operations", json_figure(risk->operations));
	json_object_set_new(o, "bytes", json_figure(risk->bytes));
	return o;
}

json_t *
json_counts(unsigned critical, unsigned warning)
{
	json_t *o = json_object();

	json_object_set_new(o, "critical", json_integer(critical));
	json_object_set_new(o, "warning", json_integer(warning));
	return o;
}

char *
json_line(json_t *document)
{
	char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(15));

	json_decref(document);
	return text;
}
