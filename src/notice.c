/*
 * notice: see notice.h.
 */
#include "notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "log.h"
#include "xalloc.h"

#define SCHEMA 1

static const char *const kind_names[] = {
	[NOTICE_RAISED] = "raised",   [NOTICE_CHANGED] = "changed",
	[NOTICE_CLEARED] = "cleared", [NOTICE_OPEN] = "open",
	[NOTICE_FACT] = "fact",	      [NOTICE_HEARTBEAT] = "heartbeat",
};

const char *
notice_kind_name(enum notice_kind kind)
{
	return kind_names[kind];
}

void
notice_figure(struct notice *n, const char *name, double value)
{
	if (n->figure_count < NOTICE_FIGURES_MAX)
		n->figures[n->figure_count++] = (struct figure){ name, value };
}

const char *
notice_id(char buf[static NOTICE_ID_BYTES], const struct notice *n)
{
	snprintf(buf, NOTICE_ID_BYTES, "%s/%s/%" PRId64, n->target, n->incident,
		 n->since.ns / NS_PER_MS);
	return buf;
}

static json_t *
json_stamp(struct wall t)
{
	char stamp[CLOCK_STAMP_BYTES];

	return json_string(clock_stamp(stamp, t));
}

static json_t *
json_server(const struct notice *n)
{
	json_t *o = json_object();

	json_object_set_new(o, "address", json_told(n->address));
	json_object_set_new(o, "version", json_told(n->version));
	json_object_set_new(o, "run_id", json_told(n->run_id));
	json_object_set_new(o, "role", json_told(n->role));
	return o;
}

static json_t *
json_figures(const struct notice *n)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < n->figure_count; i++)
		json_object_set_new(o, n->figures[i].name,
				    json_figure(n->figures[i].value));
	return o;
}

static json_t *
json_at_risk(const struct at_risk *risk)
{
	json_t *o = json_object();

	json_object_set_new(o, "seconds", json_figure(risk->seconds));
	json_object_set_new(o, "operations", json_figure(risk->operations));
	json_object_set_new(o, "bytes", json_figure(risk->bytes));
	return o;
}

static json_t *
json_open(const struct notice *n)
{
	json_t *o = json_object();

	json_object_set_new(o, "critical", json_integer(n->open_critical));
	json_object_set_new(o, "warning", json_integer(n->open_warning));
	return o;
}

char *
notice_json(const struct notice *n)
{
	char id[NOTICE_ID_BYTES];
	json_t *o = json_object();

	json_object_set_new(o, "schema", json_integer(SCHEMA));
	json_object_set_new(o, "kind", json_string(notice_kind_name(n->kind)));
	json_object_set_new(o, "id", json_text(notice_id(id, n)));
	json_object_set_new(o, "incident", json_text(n->incident));
	json_object_set_new(o, "severity",
			    json_string(catalogue_severity(n->severity)));
	json_object_set_new(o, "target", json_text(n->target));
	json_object_set_new(o, "server", json_server(n));
	json_object_set_new(o, "at", json_stamp(n->at));
	json_object_set_new(o, "since", json_stamp(n->since));
	json_object_set_new(o, "summary", json_text(n->summary));
	json_object_set_new(o, "advice", json_text(n->advice));
	json_object_set_new(o, "figures", json_figures(n));
	json_object_set_new(o, "at_risk", json_at_risk(&n->at_risk));
	json_object_set_new(o, "open", json_open(n));
	json_object_set_new(o, "acked", json_boolean(n->acked));
	json_object_set_new(o, "silenced", json_boolean(n->silenced));
	if (n->kind == NOTICE_HEARTBEAT) {
		json_object_set_new(o, "samples", json_integer((json_int_t)n->samples));
		json_object_set_new(o, "missed", json_integer((json_int_t)n->missed));
	}
	return json_line(o);
}

char *
notice_line(const struct notice *n)
{
	bool told = n->kind == NOTICE_RAISED || n->kind == NOTICE_CHANGED ||
		    n->kind == NOTICE_OPEN;
	char *line, *shown;
	size_t size;

	if (n->kind == NOTICE_FACT)
		line = xasprintf("%s: %s%s%s", n->incident, n->summary,
				 *n->advice ? "; " : "", n->advice);
	else
		line = xasprintf("%s %s (%s): %s%s%s", n->incident,
				 notice_kind_name(n->kind),
				 catalogue_severity(n->severity), n->summary,
				 told && *n->advice ? "; " : "", told ? n->advice : "");
	size = strlen(line) * 4 + 1;
	shown = xcalloc(1, size);
	log_escape(shown, size, line);
	free(line);
	return shown;
}
