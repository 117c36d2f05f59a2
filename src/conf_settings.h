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
 * errors. With `target` name and url are passed over.
 */
void conf_settings_read(const struct conf_value_place *place,
			const config_setting_t *group, const char *path,
			enum conf_scope scope, void *base, bool target);

/* Says that there is no such key, and which there are. */
void conf_settings_unknown(const struct conf_value_place *place,
			   const config_setting_t *s, const char *where,
			   const char *const known[], size_t count);

/* Whoever says how often to sample must mean it: a longer interval is no cure. */
void conf_settings_check_sample(const struct conf_value_place *place,
				const config_setting_t *group, const char *path,
				const struct target_config *target);

/*
 * What no option shows by itself: they are for rediss:// only, and a certificate
 * and its key belong together. Told where the target itself says so; what is said
 * in defaults or by flags conf_check looks at.
 */
void conf_settings_check_tls(const struct conf_value_place *place,
			     const config_setting_t *group, const char *path,
			     struct endpoint *e);

#endif
