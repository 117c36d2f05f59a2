/*
 * conf_value: see conf_value.h.
 */
#include "conf_value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf.h"
#include "conf_option.h"
#include "duration.h"
#include "endpoint.h"
#include "rules.h"
#include "size.h"
#include "xalloc.h"

void
conf_value_complain(const struct conf_value_place *place, const config_setting_t *at,
		    const char *key, const char *format, ...)
{
	const char *file = at != NULL ? config_setting_source_file(at) : NULL;
	char *text;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		abort();
	va_end(ap);
	if (at != NULL)
		conf_say(place->messages, true,
			 xasprintf("%s:%u: %s: %s", file != NULL ? file : place->file,
				   config_setting_source_line(at), key, text));
	else
		conf_say(place->messages, true, xasprintf("%s: %s", key, text));
	free(text);
}

const char *
conf_value_type(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	case CONFIG_TYPE_LIST:
		return "a list ( )";
	case CONFIG_TYPE_ARRAY:
		return "an array [ ]";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	default:
		return "a number";
	}
}

static void
read_string(const struct conf_value_place *place, const config_setting_t *s,
	    const char *where, const struct conf_option *o, char **field)
{
	const char *value = config_setting_get_string(s);
	char error[512];

	if (value == NULL) {
		conf_value_complain(place, s, where,
				    "found %s; a \"string\" is allowed",
				    conf_value_type(s));
		return;
	}
	/* Empty says: as if it were not there. */
	if (*value != '\0' && o->check != NULL &&
	    !o->check(value, error, sizeof(error))) {
		conf_value_complain(place, s, where, "%s", error);
		return;
	}
	free(*field);
	*field = *value != '\0' ? xstrdup(value) : NULL;
}

static void
read_credential(const struct conf_value_place *place, const config_setting_t *s,
		const char *where, char **field)
{
	const char *value = config_setting_get_string(s);
	const char *directory = getenv("CREDENTIALS_DIRECTORY");

	if (value == NULL) {
		conf_value_complain(place, s, where,
				    "found %s; a \"string\" is allowed",
				    conf_value_type(s));
	} else if (*value == '\0') {
		return;
	} else if (strchr(value, '/') != NULL || *value == '.') {
		conf_value_complain(place, s, where, "'%.80s' is no credential's name",
				    value);
	} else if (directory == NULL) {
		conf_value_complain(
			place, s, where,
			"there are no credentials: the service manager has not set "
			"CREDENTIALS_DIRECTORY (LoadCredential=%.80s:...)",
			value);
	} else {
		free(*field);
		*field = xasprintf("%s/%s", directory, value);
	}
}

bool
conf_value_duration(const config_setting_t *s, int64_t *ns)
{
	double seconds;

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		return duration_parse(config_setting_get_string(s), ns);
	case CONFIG_TYPE_INT:
		seconds = config_setting_get_int(s);
		break;
	case CONFIG_TYPE_INT64:
		seconds = (double)config_setting_get_int64(s);
		break;
	case CONFIG_TYPE_FLOAT:
		seconds = config_setting_get_float(s);
		break;
	default:
		return false;
	}
	if (!(seconds >= 0 && seconds <= 1e9))
		return false;
	*ns = (int64_t)(seconds * 1e9 + 0.5);
	return true;
}

/* What was found, as the file has it as far as libconfig still knows. */
static const char *
value_text(const config_setting_t *s, char buf[static 64])
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		snprintf(buf, 64, "'%.40s'", config_setting_get_string(s));
		return buf;
	case CONFIG_TYPE_INT:
		snprintf(buf, 64, "%d", config_setting_get_int(s));
		return buf;
	case CONFIG_TYPE_INT64:
		snprintf(buf, 64, "%lld", config_setting_get_int64(s));
		return buf;
	case CONFIG_TYPE_FLOAT:
		snprintf(buf, 64, "%g", config_setting_get_float(s));
		return buf;
	default:
		return conf_value_type(s);
	}
}

static void
read_duration(const struct conf_value_place *place, const config_setting_t *s,
	      const char *where, const struct conf_option *o, int64_t *field)
{
	char found[64], min[32], max[32];
	int64_t ns;

	if (conf_value_duration(s, &ns) && ns >= o->min && ns <= o->max)
		*field = ns;
	else
		conf_value_complain(
			place, s, where,
			"%s is no time from %s to %s seconds (units: ms s m h d)",
			value_text(s, found), duration_seconds(min, o->min),
			duration_seconds(max, o->max));
}

static void
read_size(const struct conf_value_place *place, const config_setting_t *s,
	  const char *where, double *field)
{
	const char *text = config_setting_get_string(s);
	int64_t bytes = -1;
	char found[64];

	if (config_setting_type(s) == CONFIG_TYPE_INT)
		bytes = config_setting_get_int(s);
	else if (config_setting_type(s) == CONFIG_TYPE_INT64)
		bytes = config_setting_get_int64(s);
	else if (text != NULL && *text == '\0')
		bytes = 0;
	if (text != NULL)
		size_parse(text, &bytes);
	if (bytes >= 0 && bytes <= SIZE_LIMIT)
		*field = (double)bytes;
	else
		conf_value_complain(
			place, s, where,
			"%s is no whole number of bytes up to 8192TiB (units: " SIZE_UNITS
			")",
			value_text(s, found));
}

/* The place of the value among the choices, or -1. */
static int
read_choice(const struct conf_value_place *place, const config_setting_t *s,
	    const char *where, const struct conf_option *o)
{
	const char *value = config_setting_get_string(s), *name;
	char list[128] = "";

	for (unsigned i = 0; (name = o->choice(i)) != NULL; i++) {
		size_t len = strlen(list);

		if (value != NULL && strcasecmp(value, name) == 0)
			return (int)i;
		snprintf(list + len, sizeof(list) - len, "%s%s", i > 0 ? ", " : "",
			 name);
	}
	if (value != NULL)
		conf_value_complain(place, s, where, "'%.40s' is none of %s", value,
				    list);
	else
		conf_value_complain(place, s, where,
				    "found %s; a \"string\" is allowed: %s",
				    conf_value_type(s), list);
	return -1;
}

static void
read_bool(const struct conf_value_place *place, const config_setting_t *s,
	  const char *where, const struct conf_option *o, bool *field)
{
	int choice;

	if (o->choice != NULL) {
		choice = read_choice(place, s, where, o);
		if (choice >= 0)
			*field = choice == 1;
	} else if (config_setting_type(s) == CONFIG_TYPE_BOOL) {
		*field = config_setting_get_bool(s);
	} else {
		conf_value_complain(place, s, where,
				    "found %s; true or false is allowed",
				    conf_value_type(s));
	}
}

/* Adds to what is there, so that a target's texts come after those of defaults. */
static void
read_rules(const struct conf_value_place *place, const config_setting_t *s,
	   const char *where, struct rules *rules)
{
	int type = config_setting_type(s);

	if (type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST) {
		conf_value_complain(
			place, s, where,
			"found %s; an array of strings is allowed: [ \"...\", "
			"\"...\" ]",
			conf_value_type(s));
		return;
	}
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		const char *text = config_setting_get_string(e);
		char element[192], error[512];

		snprintf(element, sizeof(element), "%s[%d]", where, i);
		if (text == NULL)
			conf_value_complain(place, e, element,
					    "found %s; a \"string\" is allowed",
					    conf_value_type(e));
		else if (!rules_add(rules, text, error, sizeof(error)))
			conf_value_complain(place, e, element, "%s", error);
	}
}

bool
conf_value_url(const struct conf_value_place *place, const config_setting_t *s,
	       const char *where, int port, const char *cure, struct endpoint *e)
{
	const char *text = config_setting_get_string(s);
	char error[512];

	if (text == NULL) {
		conf_value_complain(place, s, where,
				    "found %s; a \"string\" is allowed",
				    conf_value_type(s));
		return false;
	}
	if (!endpoint_parse_default(e, text, port, error, sizeof(error))) {
		conf_value_complain(place, s, where, "%s", error);
		return false;
	}
	if (e->password == NULL)
		return true;
	conf_value_complain(place, s, where,
			    "a password does not belong here; put it into a file and "
			    "name that in %s",
			    cure);
	endpoint_fini(e);
	return false;
}

/* Whether another seed, which is fine by itself, goes with those before it. */
static bool
seed_fits(const struct conf_value_place *place, const config_setting_t *s,
	  const char *where, const struct conf_seeds *seeds, const struct endpoint *e)
{
	char text[ENDPOINT_TEXT_BYTES];

	if (e->path != NULL) {
		conf_value_complain(place, s, where,
				    "%s leads to this machine only, and the others "
				    "are found from here; redis:// and rediss:// are "
				    "allowed",
				    e->path);
		return false;
	}
	for (size_t i = 0; i < seeds->count; i++) {
		if (!endpoint_same_address(&seeds->list[i], e))
			continue;
		conf_value_complain(place, s, where, "%s is there twice",
				    endpoint_text(e, text));
		return false;
	}
	if (seeds->count > 0 && seeds->list[0].tls.on != e->tls.on) {
		conf_value_complain(place, s, where,
				    "the first url begins with %s, and this one does "
				    "not; all must or none",
				    seeds->list[0].tls.on ? "rediss://" : "redis://");
		return false;
	}
	return true;
}

static void
read_seeds(const struct conf_value_place *place, const config_setting_t *s,
	   const char *where, const struct conf_option *o, struct conf_seeds *field)
{
	int type = config_setting_type(s);
	bool several = type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST;
	int count = several ? config_setting_length(s) : 1;
	const char *cure =
		o->kind == GROUP_SENTINEL ? "sentinel_password_file" : "password_file";
	struct conf_seeds seeds = { 0 };
	bool ok = true;

	if (!several && type != CONFIG_TYPE_STRING) {
		conf_value_complain(
			place, s, where,
			"found %s; a \"string\" or an array of them is allowed: "
			"[ \"redis://...\", \"redis://...\" ]",
			conf_value_type(s));
		return;
	}
	if (count < 1 || count > GROUP_SEEDS_MAX) {
		conf_value_complain(place, s, where,
				    "there are %d urls; 1 to %d are allowed", count,
				    GROUP_SEEDS_MAX);
		return;
	}
	seeds.list = xcalloc((size_t)count, sizeof(seeds.list[0]));
	for (int i = 0; i < count; i++) {
		const config_setting_t *e =
			several ? config_setting_get_elem(s, (unsigned)i) : s;
		struct endpoint *seed = &seeds.list[seeds.count];
		char element[192];

		snprintf(element, sizeof(element), several ? "%s[%d]" : "%s", where, i);
		if (!conf_value_url(place, e, element, o->port, cure, seed)) {
			ok = false;
		} else if (!seed_fits(place, e, element, &seeds, seed)) {
			endpoint_fini(seed);
			ok = false;
		} else {
			seeds.count++;
		}
	}
	if (ok) {
		conf_seeds_fini(field);
		*field = seeds;
	} else {
		conf_seeds_fini(&seeds);
	}
}

void
conf_value_read(const struct conf_value_place *place, const config_setting_t *s,
		const char *where, const struct conf_option *o, void *base)
{
	void *field = (char *)base + o->offset;
	int choice;

	switch (o->type) {
	case CONF_TYPE_STRING:
		read_string(place, s, where, o, field);
		break;
	case CONF_TYPE_CREDENTIAL:
		read_credential(place, s, where, field);
		break;
	case CONF_TYPE_DURATION:
		read_duration(place, s, where, o, field);
		break;
	case CONF_TYPE_SIZE:
		read_size(place, s, where, field);
		break;
	case CONF_TYPE_BOOL:
		read_bool(place, s, where, o, field);
		break;
	case CONF_TYPE_CHOICE:
		/* gcc and clang keep an enum without negative values as this. */
		choice = read_choice(place, s, where, o);
		if (choice >= 0)
			*(unsigned *)field = (unsigned)choice;
		break;
	case CONF_TYPE_RULES:
		read_rules(place, s, where, field);
		break;
	case CONF_TYPE_SEEDS:
		read_seeds(place, s, where, o, field);
		break;
	}
}
