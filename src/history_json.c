/*
 * history_json: see history_json.h.
 *
 * Times of incidents are whole milliseconds, as in a notice's id: an incident that
 * was open before a restart keeps its id after it.
 */
#include "history_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "log.h"
#include "silences.h"
#include "target_config.h"
#include "xalloc.h"

#define SCHEMA 1
/* Of times in seconds, counts of keys and operations: exact in a double. */
#define NUMBER_MAX 9e15
/* The year 2255; as nanoseconds it fits into 64 bits. */
#define MS_MAX INT64_C(9000000000000)

void
history_content_fini(struct history_content *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->entries[i].target);
	for (size_t i = 0; i < c->silence_count; i++) {
		free(c->silences[i].incidents);
		free(c->silences[i].targets);
	}
	free(c->entries);
	free(c->silences);
	*c = (struct history_content){ 0 };
}

/*
 * Writing.
 */

static json_t *
ms_of(struct wall t)
{
	return json_integer((json_int_t)(t.ns / NS_PER_MS));
}

static json_t *
number_of(double value)
{
	return value < 0 ? json_null() : json_figure(value);
}

/* Not escaped, for it is compared. NULL where it is not known, or no UTF-8. */
static json_t *
address_of(const struct history *h)
{
	json_t *text = h->address[0] != '\0' ? json_string(h->address) : NULL;

	return text != NULL ? text : json_null();
}

static json_t *
open_of(const struct history *h)
{
	json_t *list = json_object(), *one;

	for (size_t i = 0; i < INCIDENT_COUNT; i++) {
		if (!h->open[i].open)
			continue;
		one = json_object();
		json_object_set_new(one, "since_ms", ms_of(h->open[i].since));
		json_object_set_new(
			one, "severity",
			json_string(catalogue_severity(h->open[i].severity)));
		json_object_set_new(one, "acked", json_boolean(h->open[i].acked));
		json_object_set_new(list, catalogue_entry((enum incident)i)->id, one);
	}
	return list;
}

static json_t *
entry_of(const struct history_entry *e)
{
	json_t *o = json_object();

	json_object_set_new(o, "seen_ms", ms_of(e->seen));
	json_object_set_new(o, "run_id", json_told(e->history.run_id));
	json_object_set_new(o, "address", address_of(&e->history));
	json_object_set_new(o, "last_save", number_of(e->history.last_save));
	json_object_set_new(o, "longest_save_s", number_of(e->history.longest_save_s));
	json_object_set_new(o, "keys", number_of(e->history.keys));
	json_object_set_new(o, "changes", number_of(e->history.changes));
	json_object_set_new(o, "switched", json_boolean(e->history.switched));
	json_object_set_new(o, "open", open_of(&e->history));
	return o;
}

static json_t *
silence_of(const struct history_silence *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "incidents", json_text(s->incidents));
	json_object_set_new(o, "targets", json_text(s->targets));
	json_object_set_new(o, "until_ms", ms_of(s->until));
	return o;
}

char *
history_json(const struct history_content *c, struct wall now)
{
	json_t *o = json_object(), *targets = json_object(), *silences = json_array();
	char stamp[CLOCK_STAMP_BYTES];

	json_object_set_new(o, "schema", json_integer(SCHEMA));
	json_object_set_new(o, "version", json_text(PINFOD_VERSION));
	json_object_set_new(o, "written", json_text(clock_stamp(stamp, now)));
	for (size_t i = 0; i < c->count; i++)
		json_object_set_new(targets, c->entries[i].target,
				    entry_of(&c->entries[i]));
	json_object_set_new(o, "targets", targets);
	for (size_t i = 0; i < c->silence_count; i++)
		json_array_append_new(silences, silence_of(&c->silences[i]));
	json_object_set_new(o, "silences", silences);
	return json_line(o);
}

/*
 * Reading. These say NULL, or the member that is not as it should be.
 */

/* -1 for null and for a member that is not there. */
static const char *
read_number(const json_t *o, const char *member, double *value)
{
	const json_t *json = json_object_get(o, member);
	double n;

	*value = -1;
	if (json == NULL || json_is_null(json))
		return NULL;
	if (!json_is_number(json))
		return member;
	n = json_number_value(json);
	if (!(n >= 0 && n <= NUMBER_MAX))
		return member;
	*value = n;
	return NULL;
}

static const char *
read_ms(const json_t *o, const char *member, struct wall *t)
{
	const json_t *json = json_object_get(o, member);

	if (!json_is_integer(json) || json_integer_value(json) < 0 ||
	    json_integer_value(json) > MS_MAX)
		return member;
	*t = (struct wall){ json_integer_value(json) * NS_PER_MS };
	return NULL;
}

static bool
is_word(const char *text, size_t max)
{
	size_t len = strlen(text);

	if (len == 0 || len > max)
		return false;
	for (; *text != '\0'; text++) {
		if (*text <= ' ' || *text > '~')
			return false;
	}
	return true;
}

static const char *
read_run_id(const json_t *o, struct history *h)
{
	const json_t *json = json_object_get(o, "run_id");

	if (json == NULL || json_is_null(json))
		return NULL;
	if (!json_is_string(json) ||
	    !is_word(json_string_value(json), sizeof(h->run_id) - 1))
		return "run_id";
	snprintf(h->run_id, sizeof(h->run_id), "%s", json_string_value(json));
	return NULL;
}

/* A state file of before it was kept has none. */
static const char *
read_address(const json_t *o, struct history *h)
{
	const json_t *json = json_object_get(o, "address");

	if (json == NULL || json_is_null(json))
		return NULL;
	if (!json_is_string(json) || json_string_length(json) >= sizeof(h->address))
		return "address";
	snprintf(h->address, sizeof(h->address), "%s", json_string_value(json));
	return NULL;
}

static const char *
read_switched(const json_t *o, struct history *h)
{
	const json_t *json = json_object_get(o, "switched");

	if (json != NULL && !json_is_boolean(json))
		return "switched";
	h->switched = json_is_true(json);
	return NULL;
}

static const char *
read_one_open(const json_t *o, struct history_open *open)
{
	const json_t *acked = json_object_get(o, "acked");
	const char *severity = json_string_value(json_object_get(o, "severity"));

	if (!json_is_boolean(acked))
		return "acked";
	if (severity == NULL || !catalogue_severity_parse(severity, &open->severity) ||
	    open->severity < SEVERITY_WARNING)
		return "severity";
	open->open = true;
	open->acked = json_is_true(acked);
	return read_ms(o, "since_ms", &open->since);
}

static const char *
read_open(json_t *o, struct history *h)
{
	json_t *list = json_object_get(o, "open"), *one;
	enum incident incident;
	const char *id, *wrong;

	if (list == NULL)
		return NULL;
	if (!json_is_object(list))
		return "open";
	json_object_foreach(list, id, one)
	{
		/* Another version's. */
		if (!catalogue_find(id, &incident) || incident >= INCIDENT_COUNT)
			continue;
		wrong = read_one_open(one, &h->open[incident]);
		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

static const char *
read_entry(json_t *o, struct history_entry *e)
{
	struct history *h = &e->history;
	const char *wrong;

	history_init(h);
	if (!json_is_object(o))
		return "the whole";
	(void)((wrong = read_ms(o, "seen_ms", &e->seen)) ||
	       (wrong = read_run_id(o, h)) || (wrong = read_address(o, h)) ||
	       (wrong = read_switched(o, h)) ||
	       (wrong = read_number(o, "last_save", &h->last_save)) ||
	       (wrong = read_number(o, "longest_save_s", &h->longest_save_s)) ||
	       (wrong = read_number(o, "keys", &h->keys)) ||
	       (wrong = read_number(o, "changes", &h->changes)) ||
	       (wrong = read_open(o, h)));
	return wrong;
}

static const char *
read_silence(const json_t *o, struct history_silence *s)
{
	const char *incidents = json_string_value(json_object_get(o, "incidents"));
	const char *targets = json_string_value(json_object_get(o, "targets"));

	if (incidents == NULL || !is_word(incidents, SILENCE_PATTERN_MAX))
		return "incidents";
	if (targets == NULL || !is_word(targets, SILENCE_PATTERN_MAX))
		return "targets";
	if (read_ms(o, "until_ms", &s->until) != NULL)
		return "until_ms";
	s->incidents = xstrdup(incidents);
	s->targets = xstrdup(targets);
	return NULL;
}

static void
refuse(struct history_content *c, const char *what, const char *wrong)
{
	char shown[80];

	if (c->refused++ > 0)
		return;
	log_escape(shown, sizeof(shown), what);
	snprintf(c->complaint, sizeof(c->complaint), "%s: %s is not as it should be",
		 shown, wrong);
}

static void
read_targets(struct history_content *c, json_t *targets)
{
	char error[256];
	const char *name, *wrong;
	json_t *o;

	c->entries = xcalloc(json_object_size(targets) + 1, sizeof(c->entries[0]));
	json_object_foreach(targets, name, o)
	{
		struct history_entry *e = &c->entries[c->count];

		wrong = target_config_name_ok(name, error, sizeof(error))
				? read_entry(o, e)
				: "the name";
		if (wrong != NULL) {
			refuse(c, name, wrong);
			continue;
		}
		e->target = xstrdup(name);
		c->count++;
	}
}

static void
read_silences(struct history_content *c, const json_t *list)
{
	const char *wrong;

	c->silences = xcalloc(SILENCES_MAX, sizeof(c->silences[0]));
	for (size_t i = 0; i < json_array_size(list); i++) {
		wrong = c->silence_count == SILENCES_MAX
				? "the number of them"
				: read_silence(json_array_get(list, i),
					       &c->silences[c->silence_count]);
		if (wrong != NULL)
			refuse(c, "silences", wrong);
		else
			c->silence_count++;
	}
}

bool
history_json_read(struct history_content *c, const char *text, size_t len, char *error,
		  size_t size)
{
	json_t *targets, *schema, *silences, *o;
	json_error_t where;
	char shown[sizeof(where.text) * 4];

	*c = (struct history_content){ 0 };
	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (o == NULL) {
		log_escape(shown, sizeof(shown), where.text);
		snprintf(error, size, "line %d: %s", where.line, shown);
		return false;
	}
	schema = json_object_get(o, "schema");
	targets = json_object_get(o, "targets");
	silences = json_object_get(o, "silences");
	if (!json_is_integer(schema) || json_integer_value(schema) != SCHEMA)
		snprintf(error, size, "its schema is not %d", SCHEMA);
	else if (!json_is_object(targets))
		snprintf(error, size, "it has no targets");
	else if (silences != NULL && !json_is_array(silences))
		snprintf(error, size, "silences is no array");
	else
		*error = '\0';
	if (*error == '\0') {
		read_targets(c, targets);
		read_silences(c, silences);
	}
	json_decref(o);
	return *error == '\0';
}
