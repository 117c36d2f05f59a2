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
#include "xalloc.h"

#define KEYS_MAX 64

void
conf_settings_unknown(const struct conf_value_place *place, const config_setting_t *s,
		      const char *where, const char *const known[], size_t count)
{
	const char *name = config_setting_name(s);
	const char *nearest = nearest_of(name, known, count);
	char list[512] = "";

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

/* Keys of an element of targets that its target has no option for. */
static bool
is_elements(const char *key)
{
	return strcmp(key, "name") == 0 || strcmp(key, "url") == 0 ||
	       conf_option_find(CONF_SCOPE_GROUP, key) != NULL;
}

void
conf_settings_read(const struct conf_value_place *place, const config_setting_t *group,
		   const char *path, enum conf_scope scope, void *base, bool element)
{
	const char *known[KEYS_MAX] = { "name", "url" };
	const struct conf_option *o;
	size_t count = element ? 2 : 0;

	if (config_setting_type(group) != CONFIG_TYPE_GROUP) {
		conf_value_complain(place, group, path,
				    "found %s; a group { } is allowed",
				    conf_value_type(group));
		return;
	}
	for (size_t i = 0; (o = conf_option_at(i)) != NULL && count < KEYS_MAX; i++) {
		if (o->scope == scope || (element && o->scope == CONF_SCOPE_GROUP))
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
		else if (!element || !is_elements(name))
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

/*
 * What no option shows by itself: they are for rediss:// only, and a certificate
 * and its key belong together. Told where the target itself says so; what is said
 * in defaults or by flags conf_check looks at.
 */
static void
check_tls(const struct conf_value_place *place, const config_setting_t *group,
	  const char *path, const char *urls, struct endpoint *e)
{
	static const char *const keys[] = { "cacert", "cacertdir", "cert",
					    "key",    "sni",	   "verify" };
	const struct endpoint_tls *t = &e->tls;
	const config_setting_t *s = NULL;
	const char *mine, *other;
	bool counts = t->on || urls == NULL;
	char where[64], error[512];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !counts; i++) {
		const char *value;

		s = config_setting_get_member(group, keys[i]);
		value = s != NULL ? config_setting_get_string(s) : NULL;
		if (value == NULL || *value == '\0' || strcasecmp(value, "full") == 0)
			continue;
		snprintf(where, sizeof(where), "%s.%s", path, keys[i]);
		conf_value_complain(place, s, where,
				    "it is for TLS, and %s not begin with rediss://",
				    urls);
	}
	/* Of no use to others, and a server the more that they would be kept for. */
	if (!counts)
		endpoint_tls_fini(&e->tls);
	mine = t->cert != NULL ? "cert" : "key";
	other = t->cert != NULL ? "key" : "cert";
	s = config_setting_get_member(group, mine);
	if (!counts || s == NULL)
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

void
conf_settings_target(const struct conf_value_place *place,
		     const config_setting_t *element, const char *path,
		     const char *urls, struct target_config *t)
{
	conf_settings_read(place, element, path, CONF_SCOPE_TARGET, t, true);
	conf_settings_check_sample(place, element, path, t);
	check_tls(place, element, path, urls, &t->endpoint);
	/* A file of its own outweighs the password that the flags give to all. */
	if (t->endpoint.password_file != NULL &&
	    (config_setting_get_member(element, "password_file") != NULL ||
	     config_setting_get_member(element, "credential") != NULL)) {
		xfree_secret(t->endpoint.password);
		t->endpoint.password = NULL;
	}
}

const config_setting_t *
conf_settings_string(const struct conf_value_place *place,
		     const config_setting_t *group, const char *path, const char *key)
{
	const config_setting_t *s = config_setting_get_member(group, key);

	if (s == NULL || config_setting_get_string(s) != NULL)
		return s;
	conf_value_complain(place, s, path, "%s: found %s; a \"string\" is allowed",
			    key, conf_value_type(s));
	return NULL;
}
