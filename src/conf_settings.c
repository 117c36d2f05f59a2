/*
 * conf_settings: see conf_settings.h.
 */
#include "conf_settings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf_value.h"
#include "duration.h"
#include "endpoint.h"
#include "nearest.h"
#include "target_config.h"
#include "tls_context.h"

#define KEYS_MAX 32

void
conf_settings_unknown(const struct conf_value_place *place, const config_setting_t *s,
		      const char *where, const char *const known[], size_t count)
{
	const char *name = config_setting_name(s);
	const char *nearest = nearest_of(name, known, count);
	char list[256] = "";

	if (nearest != NULL) {
		conf_value_complain(place, s, where,
				    "'%.60s' is unknown; did you mean '%s'?", name,
				    nearest);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(list);

		snprintf(list + len, sizeof(list) - len, "%s%s", i > 0 ? ", " : "",
			 known[i]);
	}
	conf_value_complain(place, s, where, "'%.60s' is unknown; there is: %s", name,
			    list);
}

void
conf_settings_read(const struct conf_value_place *place, const config_setting_t *group,
		   const char *path, enum conf_scope scope, void *base, bool target)
{
	const char *known[KEYS_MAX] = { "name", "url" };
	const struct conf_option *o;
	size_t count = target ? 2 : 0;

	if (config_setting_type(group) != CONFIG_TYPE_GROUP) {
		conf_value_complain(place, group, path,
				    "found %s; a group { } is allowed",
				    conf_value_type(group));
		return;
	}
	for (size_t i = 0; (o = conf_option_at(i)) != NULL && count < KEYS_MAX; i++) {
		if (o->scope == scope)
			known[count++] = o->key;
	}
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const char *name = config_setting_name(s);
		char where[160];

		snprintf(where, sizeof(where), "%s.%s", path, name);
		o = conf_option_find(scope, name);
		if (o != NULL)
			conf_value_read(place, s, where, o, base);
		else if (!target ||
			 (strcmp(name, "name") != 0 && strcmp(name, "url") != 0))
			conf_settings_unknown(place, s, path, known, count);
	}
}

void
conf_settings_check_sample(const struct conf_value_place *place,
			   const config_setting_t *group, const char *path,
			   const struct target_config *t)
{
	const config_setting_t *s = config_setting_get_member(group, "sample");
	char where[64], sample[32], interval[32];
	int64_t ns;

	/* One that is wrong by itself was told of, and is not in force. */
	if (s == NULL || !conf_value_duration(s, &ns) || ns != t->sample_ns ||
	    ns <= t->interval_ns)
		return;
	snprintf(where, sizeof(where), "%s.sample", path);
	conf_value_complain(place, s, where,
			    "%s seconds are longer than the interval, which is %s",
			    duration_seconds(sample, ns),
			    duration_seconds(interval, t->interval_ns));
}

void
conf_settings_check_tls(const struct conf_value_place *place,
			const config_setting_t *group, const char *path,
			struct endpoint *e)
{
	static const char *const keys[] = { "cacert", "cacertdir", "cert",
					    "key",    "sni",	   "verify" };
	const struct endpoint_tls *t = &e->tls;
	const config_setting_t *s = NULL;
	const char *mine, *other;
	char where[64], error[512];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !t->on; i++) {
		const char *value;

		s = config_setting_get_member(group, keys[i]);
		value = s != NULL ? config_setting_get_string(s) : NULL;
		if (value == NULL || *value == '\0' || strcasecmp(value, "full") == 0)
			continue;
		snprintf(where, sizeof(where), "%s.%s", path, keys[i]);
		conf_value_complain(place, s, where,
				    "it is for TLS, and the url does not begin with "
				    "rediss://");
	}
	/* Kept for nobody: see read_url. */
	if (!t->on)
		endpoint_tls_fini(&e->tls);
	mine = t->cert != NULL ? "cert" : "key";
	other = t->cert != NULL ? "key" : "cert";
	s = config_setting_get_member(group, mine);
	if (!t->on || s == NULL)
		return;
	snprintf(where, sizeof(where), "%s.%s", path, mine);
	if (t->cert != NULL && t->key != NULL) {
		if (!tls_context_ok(t, error, sizeof(error)))
			conf_value_complain(place, s, where, "%s", error);
	} else if (config_setting_get_member(group, other) == NULL) {
		/* One that is there and wrong was told of. */
		conf_value_complain(place, s, where, "it needs %s beside it", other);
	}
}
