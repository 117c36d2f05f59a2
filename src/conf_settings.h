/*
 * conf_settings: the settings in a group { } of the tree that libconfig made, as
 * the table of options knows them, and what they are together.
 */
#ifndef CONF_SETTINGS_H
#define CONF_SETTINGS_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

#include "conf_option.h"

struct conf_value_place;
struct endpoint;
struct target_config;

/*
 * Reads the options of a scope into base's fields; path is the group's name for
 * errors. With `element` it is one of targets, and name, url and the options of
 * CONF_SCOPE_GROUP are passed over.
 */
void conf_settings_read(const struct conf_value_place *place,
			const config_setting_t *group, const char *path,
			enum conf_scope scope, void *base, bool element);

/*
 * Reads the options of a target from an element of targets, and says what is wrong
 * with them together. Whether by TLS *target says already. urls: which do or do not
 * begin with rediss://, "the url does"; NULL: some may, which stand elsewhere.
 */
void conf_settings_target(const struct conf_value_place *place,
			  const config_setting_t *element, const char *path,
			  const char *urls, struct target_config *target);

/* A string of that key; NULL: there is none, or it was said that it is none. */
const config_setting_t *conf_settings_string(const struct conf_value_place *place,
					     const config_setting_t *group,
					     const char *path, const char *key);

/* Says that there is no such key, and which there are. */
void conf_settings_unknown(const struct conf_value_place *place,
			   const config_setting_t *s, const char *where,
			   const char *const known[], size_t count);

/* Whoever says how often to sample must mean it: a longer interval is no cure. */
void conf_settings_check_sample(const struct conf_value_place *place,
				const config_setting_t *group, const char *path,
				const struct target_config *target);

#endif
