/*
 * view: see pinfoctl_view.h.
 */
#include "pinfoctl_view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "pinfoctl.h"
#include "pinfoctl_say.h"
#include "pinfoctl_wire.h"
#include "xalloc.h"

#define SCHEMA 1
/* Longer texts are cut. Names and channels have at most 256 bytes. */
#define TEXT_BYTES 1040
/* No time and no counter is larger; above it a double is no exact number. */
#define NUMBER_MAX 9e15

static bool
no_sense(struct trouble *t, const char *what)
{
	return say_trouble_set(t, EXIT_NO_ANSWER, "NOSENSE",
			       "the daemon's STATUS makes no sense: %s", what);
}

/* COMMAND [target] JSON. */
static json_t *
ask(struct wire *wire, const char *command, const char *target, struct trouble *t)
{
	const char *words[] = { command, target ? target : "JSON",
				target ? "JSON" : NULL, NULL };
	struct answer a = { 0 };
	json_error_t error;
	json_t *json = NULL;
	char what[JSON_ERROR_TEXT_LENGTH * 4];

	if (!wire_ask(wire, words, &a, t))
		return NULL;
	if (a.kind == ANSWER_TEXT)
		json = json_loadb(a.texts[0].bytes, a.texts[0].len, 0, &error);
	if (a.kind != ANSWER_TEXT) {
		no_sense(t, "it is no string");
	} else if (json == NULL) {
		log_escape(what, sizeof(what), error.text);
		no_sense(t, what);
	}
	answer_fini(&a);
	return json;
}

json_t *
view_ask(struct wire *wire, const char *target, struct trouble *t)
{
	return ask(wire, "STATUS", target, t);
}

/*
 * Members.
 */

static const char *
text(json_t *object, const char *member)
{
	json_t *value = json_object_get(object, member);
	char shown[TEXT_BYTES];

	if (!json_is_string(value))
		return NULL;
	log_escape(shown, sizeof(shown), json_string_value(value));
	json_string_set(value, shown);
	return json_string_value(value);
}

static const char *
text_or(json_t *object, const char *member, const char *otherwise)
{
	const char *value = text(object, member);

	return value != NULL ? value : otherwise;
}

/* Of the channels as they are on the control socket: without the tag at their end. */
static const char *
channel(json_t *object, const char *member)
{
	json_t *value = json_object_get(object, member);
	const char *tag = text(object, "tag"), *name = text(object, member);
	size_t len = name != NULL ? strlen(name) : 0;
	size_t end = tag != NULL ? strlen(tag) + strlen("{}") : 0;

	if (end == 0 || len <= end || name[len - end] != '{')
		return name;
	json_string_setn(value, name, len - end);
	return json_string_value(value);
}

static double
number(json_t *object, const char *member)
{
	json_t *value = json_object_get(object, member);
	double n = json_is_number(value) ? json_number_value(value) : -1;

	if (!isfinite(n) || n < 0)
		return -1;
	return n < NUMBER_MAX ? n : NUMBER_MAX;
}

static void
read_persistence(struct view_target *t, json_t *o)
{
	json_t *counts = json_object_get(o, "incidents");
	json_t *risk = json_object_get(o, "at_risk");

	t->critical = number(counts, "critical");
	t->warning = number(counts, "warning");
	t->risk_s = number(risk, "seconds");
	t->risk_operations = number(risk, "operations");
}

static void
read_target(struct view_target *t, json_t *o)
{
	*t = (struct view_target){
		.name = text_or(o, "name", "?"),
		.address = text_or(o, "address", "?"),
		.state = text_or(o, "state", "?"),
		.reason = text(o, "reason"),
		.channel = channel(o, "channel"),
		.notices = channel(o, "notices"),
		.tag = text(o, "tag"),
		.identity = text(o, "identity"),
		.role = text(o, "role"),
		.server = text(o, "server"),
		.server_version = text(o, "server_version"),
		.user = text(o, "user"),
		.publish_state = text_or(o, "publish_state", "ok"),
		.publish_reason = text(o, "publish_reason"),
		.since_s = number(o, "since_s"),
		.interval_s = number(o, "interval_s"),
		.last_sample_age_s = number(o, "last_sample_age_s"),
		.last_info_ms = number(o, "last_info_ms"),
		.published = number(o, "published"),
		.missed = number(o, "missed"),
		.dropped = number(o, "dropped"),
	};
	if (t->channel == NULL)
		t->channel = "?";
	read_persistence(t, o);
}

/* An older daemon has none. */
static void
read_groups(struct view *v, json_t *list)
{
	v->group_count = json_array_size(list);
	v->groups = xcalloc(v->group_count + 1, sizeof(v->groups[0]));
	for (size_t i = 0; i < v->group_count; i++) {
		json_t *o = json_array_get(list, i);

		v->groups[i] = (struct view_group){
			.name = text_or(o, "name", "?"),
			.kind = text_or(o, "kind", "?"),
			.trouble = text(o, "trouble"),
			.targets = number(o, "targets"),
			.sources = number(o, "sources"),
			.heard = number(o, "heard"),
			.agree = number(o, "agree"),
			.settled = json_is_true(json_object_get(o, "settled")),
		};
	}
}

bool
view_read(struct view *v, json_t *json, struct trouble *t)
{
	json_t *list = json_object_get(json, "targets");
	double schema = number(json, "schema");
	bool ok = true;

	*v = (struct view){ .json = json };
	if (!json_is_array(list))
		ok = no_sense(t, "it has no list of targets");
	else if (schema != SCHEMA)
		ok = say_trouble_set(t, EXIT_NO_ANSWER, "NOSENSE",
				     "the daemon's STATUS is of schema %.0f; this "
				     "pinfoctl (%s) knows %d",
				     schema, PINFOD_VERSION, SCHEMA);
	if (!ok) {
		view_fini(v);
		return false;
	}
	v->version = text_or(json, "version", "?");
	v->config_error = text(json_object_get(json, "config"), "error");
	v->pid = number(json, "pid");
	v->uptime_s = number(json, "uptime_s");
	v->count = json_array_size(list);
	v->targets = xcalloc(v->count + 1, sizeof(v->targets[0]));
	for (size_t i = 0; i < v->count; i++)
		read_target(&v->targets[i], json_array_get(list, i));
	read_groups(v, json_object_get(json, "groups"));
	return true;
}

void
view_fini(struct view *v)
{
	json_decref(v->json);
	json_decref(v->incidents_json);
	free(v->targets);
	free(v->groups);
	free(v->incidents);
	*v = (struct view){ 0 };
}

bool
view_get(struct view *v, const struct pinfoctl *ctl, struct trouble *t)
{
	struct wire *wire = wire_open(ctl, t);
	json_t *json = NULL;

	*v = (struct view){ 0 };
	if (wire != NULL)
		json = view_ask(wire, ctl->argc > 0 ? ctl->argv[0] : NULL, t);
	wire_close(wire);
	return json != NULL && view_read(v, json, t);
}

static bool
read_incidents(struct view *v, struct trouble *t)
{
	if (!json_is_array(v->incidents_json))
		return no_sense(t, "the incidents are no list");
	v->incident_count = json_array_size(v->incidents_json);
	v->incidents = xcalloc(v->incident_count + 1, sizeof(v->incidents[0]));
	for (size_t i = 0; i < v->incident_count; i++) {
		json_t *o = json_array_get(v->incidents_json, i);

		v->incidents[i] = (struct view_incident){
			.target = text_or(o, "target", "?"),
			.id = text_or(o, "incident", "?"),
			.severity = text_or(o, "severity", "?"),
			.summary = text_or(o, "summary", ""),
			.acked = json_is_true(json_object_get(o, "acked")),
			.silenced = json_is_true(json_object_get(o, "silenced")),
		};
	}
	return true;
}

bool
view_get_incidents(struct view *v, const struct pinfoctl *ctl, struct trouble *t)
{
	struct wire *wire;
	bool any = false;

	for (size_t i = 0; i < v->count; i++)
		any = any || v->targets[i].critical > 0 || v->targets[i].warning > 0;
	if (!any)
		return true;
	wire = wire_open(ctl, t);
	if (wire != NULL)
		v->incidents_json =
			ask(wire, "INCIDENTS", ctl->argc > 0 ? ctl->argv[0] : NULL, t);
	wire_close(wire);
	return v->incidents_json != NULL && read_incidents(v, t);
}

/*
 * What follows from them.
 */

bool
view_is_quiet(const struct view_incident *i)
{
	return i->acked || i->silenced;
}

bool
view_is_bad(const struct view_target *t)
{
	static const char *const fine[] = { "up", "starting", "stopped" };

	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		if (strcmp(t->state, fine[i]) == 0)
			return false;
	}
	return true;
}

bool
view_publish_is_bad(const struct view_target *t)
{
	return strcmp(t->publish_state, "ok") != 0;
}

char *
view_group_text(const struct view_group *g)
{
	char sources[96] = "", targets[48] = "asking";

	if (g->sources > 1)
		snprintf(sources, sizeof(sources), "%.0f of %.0f heard, %.0f agree, ",
			 g->heard, g->sources, g->agree);
	if (g->settled)
		snprintf(targets, sizeof(targets), "%.0f target%s", g->targets,
			 g->targets == 1 ? "" : "s");
	return xasprintf("%s, %s%s%s%s", g->kind, sources, targets,
			 g->trouble ? "; " : "", g->trouble ? g->trouble : "");
}

char *
view_state_text(const struct view_target *t)
{
	char span[CLOCK_SPAN_BYTES];

	return xasprintf("%s for %s%s%s", t->state, clock_span(span, t->since_s),
			 t->reason ? ": " : "", t->reason ? t->reason : "");
}

char *
view_publish_text(const struct view_target *t)
{
	return xasprintf("PUBLISH %s%s%s", t->publish_state,
			 t->publish_reason ? ": " : "",
			 t->publish_reason ? t->publish_reason : "");
}
