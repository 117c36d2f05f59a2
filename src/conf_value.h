/*
 * conf_value: one setting of the tree that libconfig made, read as an option's
 * type says.
 */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <libconfig.h>
#include <stdbool.h>
#include <stdint.h>

struct conf_messages;
struct conf_option;
struct endpoint;

/* Where errors go, and the outermost file's name, which libconfig does not tell. */
struct conf_value_place {
	struct conf_messages *messages;
	const char *file;
};

/* Reads s into the option's field of base; an error is said, and changes nothing. */
void conf_value_read(const struct conf_value_place *place, const config_setting_t *s,
		     const char *where, const struct conf_option *option, void *base);

/* Says an error with the setting's file and line; at: NULL when it has none. */
void conf_value_complain(const struct conf_value_place *place,
			 const config_setting_t *at, const char *key,
			 const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * Reads a string into *e, which need not be initialised; port: what a url has that
 * names none. A password in it is refused, as others may read the file; cure: the
 * option that it belongs to.
 */
bool conf_value_url(const struct conf_value_place *place, const config_setting_t *s,
		    const char *where, int port, const char *cure, struct endpoint *e);

/* "a group { }": what it is, for errors. */
const char *conf_value_type(const config_setting_t *s);

/* A string with a unit, or a number of seconds. */
bool conf_value_duration(const config_setting_t *s, int64_t *ns);

#endif
