/*
 * feed: see feed.h.
 */
#include "feed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "notice.h"
#include "snapshot.h"
#include "watch.h"
#include "xalloc.h"

#define SCHEMA 1

/* What 64 bits and a double hold for certain; with more digits it is a text. */
#define INTEGER_DIGITS_MAX 18
#define REAL_DIGITS_MAX 15

/*
 * A number as INFO writes one: a minus sign or none, digits without leading zeros,
 * and at most a point with more. NULL: it is none. Anything else, an id like
 * "1e5" or "007", is a text.
 */
static json_t *
json_number(const char *text)
{
	const char *digits = text + (*text == '-'), *point;
	size_t whole = strspn(digits, "0123456789"), fraction;

	if (whole == 0 || (whole > 1 && *digits == '0'))
		return NULL;
	point = digits + whole;
	if (*point == '\0')
		return whole <= INTEGER_DIGITS_MAX
			       ? json_integer(strtoll(text, NULL, 10))
			       : NULL;
	fraction = *point == '.' ? strspn(point + 1, "0123456789") : 0;
	if (fraction == 0 || point[1 + fraction] != '\0' ||
	    whole + fraction > REAL_DIGITS_MAX)
		return NULL;
	return json_real(strtod(text, NULL));
}

/* What is a status is a text, whatever it looks like. */
static json_t *
json_value(const char *name, const char *value)
{
	enum snapshot_field field;
	json_t *number = NULL;

	if (!snapshot_field_find(name, &field) ||
	    snapshot_field(field)->type == SNAPSHOT_NUMBER)
		number = json_number(value);
	return number != NULL ? number : json_text(value);
}

/* Escaped, for a server may name a field as it likes. */
static void
set_field(json_t *o, const char *name, json_t *value)
{
	json_t *key = json_text(name);

	json_object_set_new(o, json_string_value(key), value);
	json_decref(key);
}

/* One line; headings, and what is no `name:value`, are left out. */
static void
set_line(json_t *o, const char *start, size_t len)
{
	char *line = xcalloc(len + 1, 1), *value;

	memcpy(line, start, len);
	line[strcspn(line, "\r")] = '\0';
	value = strchr(line, ':');
	if (*line != '#' && value != NULL && value != line) {
		*value++ = '\0';
		set_field(o, line, json_value(line, value));
	}
	free(line);
}

static json_t *
json_fields(const char *text, size_t len)
{
	const char *end = text + len, *lf;
	json_t *o = json_object();

	for (const char *p = text; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (lf == NULL)
			lf = end;
		set_line(o, p, (size_t)(lf - p));
	}
	return o;
}

/* In unix seconds, to the millisecond. */
static json_t *
json_time(struct wall t)
{
	int64_t ms = t.ns / NS_PER_MS;

	return json_real((double)ms / 1000);
}

static json_t *
json_server(const char *address, const struct snapshot *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "address", json_told(address));
	json_object_set_new(o, "version", json_told(s != NULL ? s->version : NULL));
	json_object_set_new(o, "run_id", json_told(s != NULL ? s->run_id : NULL));
	json_object_set_new(o, "role", json_told(s != NULL ? s->role : NULL));
	return o;
}

static json_t *
json_at_risk(struct at_risk risk)
{
	json_t *o = json_object();

	json_object_set_new(o, "seconds",
			    json_figure(round(risk.seconds * 1000) / 1000));
	json_object_set_new(o, "operations", json_figure(risk.operations));
	json_object_set_new(o, "bytes", json_figure(risk.bytes));
	return o;
}

static json_t *
json_incidents(const struct watch *w, struct instant at)
{
	json_t *list = json_array(), *o;
	struct notice n;

	for (unsigned i = 0; watch_open(w, i, at, &n); i++) {
		o = json_object();
		json_object_set_new(o, "id", json_text(n.incident));
		json_object_set_new(o, "severity",
				    json_string(catalogue_severity(n.severity)));
		json_object_set_new(o, "since", json_time(n.since));
		json_array_append_new(list, o);
	}
	return list;
}

char *
feed_json(const struct watch *w, const char *target, const char *address,
	  const char *text, size_t len, struct instant at)
{
	json_t *o = json_object();

	json_object_set_new(o, "schema", json_integer(SCHEMA));
	json_object_set_new(o, "target", json_text(target));
	json_object_set_new(o, "server", json_server(address, watch_snapshot(w)));
	json_object_set_new(o, "at", json_time(at.wall));
	json_object_set_new(o, "persistence", json_fields(text, len));
	json_object_set_new(o, "at_risk", json_at_risk(watch_at_risk(w, at)));
	json_object_set_new(o, "incidents", json_incidents(w, at));
	return json_line(o);
}
