/*
 * conf_option: see conf_option.h.
 */
#include "conf_option.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>

#include "conf.h"

static bool
check_control_path(const char *value, char *error, size_t size)
{
	if (*value == '/' && strlen(value) <= CONF_CONTROL_PATH_MAX)
		return true;
	snprintf(error, size,
		 "'%.120s' has %zu bytes; an absolute path of up to %d is allowed",
		 value, strlen(value), CONF_CONTROL_PATH_MAX);
	return false;
}

static bool
check_group(const char *value, char *error, size_t size)
{
	if (getgrnam(value) != NULL)
		return true;
	snprintf(error, size, "there is no group '%.80s'", value);
	return false;
}

static bool
check_absolute(const char *value, char *error, size_t size)
{
	if (*value == '/')
		return true;
	snprintf(error, size, "'%.120s' is no absolute path", value);
	return false;
}

static bool
check_level(const char *value, char *error, size_t size)
{
	enum log_level level;

	if (log_level_parse(value, &level))
		return true;
	snprintf(error, size, "'%.40s' is none of error, warning, notice, info, debug",
		 value);
	return false;
}

#define IN_CONF(field) offsetof(struct conf, field)
#define IN_TARGET(field) offsetof(struct target_config, field)

static const struct conf_option options[] = {
	{ CONF_SCOPE_CONTROL, "path", CONF_TYPE_STRING, IN_CONF(control_path), 0, 0,
	  check_control_path, "\"\"",
	  "Where the control socket is. Preset: the one that systemd hands over;\n"
	  "else pinfod.sock in the directory that systemd made; else\n"
	  "/run/pinfod/pinfod.sock for root; else in $XDG_RUNTIME_DIR. A reload\n"
	  "does not move it, and one that was handed over stays where it is." },
	{ CONF_SCOPE_CONTROL, "group", CONF_TYPE_STRING, IN_CONF(control_group), 0, 0,
	  check_group, "\"\"",
	  "The group that the socket belongs to and whose members may START,\n"
	  "STOP, POLL. Preset: pinfod, where there is such a group and pinfod\n"
	  "may give the socket to it; else none." },
	{ CONF_SCOPE_LOG, "level", CONF_TYPE_STRING, IN_CONF(log_level_name), 0, 0,
	  check_level, "\"notice\"",
	  "What is logged: error, warning, notice, info or debug." },
	{ CONF_SCOPE_TARGET, "interval", CONF_TYPE_DURATION, IN_TARGET(interval_ns),
	  CONF_INTERVAL_MIN_NS, CONF_INTERVAL_MAX_NS, NULL, "\"5s\"",
	  "The time between two messages, 0.1s to 1d. Units: ms s m h d; a bare\n"
	  "number is seconds." },
	{ CONF_SCOPE_TARGET, "channel", CONF_TYPE_STRING, IN_TARGET(channel), 0, 0,
	  target_config_channel_ok, "\"pinfo\"",
	  "What to publish on; {name} stands for the target's name." },
	{ CONF_SCOPE_TARGET, "user", CONF_TYPE_STRING, IN_TARGET(endpoint.user), 0, 0,
	  NULL, "\"\"",
	  "The ACL user to log in as. Preset: the server's default user." },
	{ CONF_SCOPE_TARGET, "password_file", CONF_TYPE_STRING,
	  IN_TARGET(endpoint.password_file), 0, 0, check_absolute, "\"\"",
	  "A file whose first line is the password. Mode 0600, or 0640 with\n"
	  "pinfod's group. It is read at each connection, so a new password\n"
	  "needs no restart." },
	{ CONF_SCOPE_TARGET, "credential", CONF_TYPE_CREDENTIAL,
	  IN_TARGET(endpoint.password_file), 0, 0, NULL, "\"\"",
	  "The same, by the name of a credential that the service manager\n"
	  "hands over (LoadCredential=)." },
	{ CONF_SCOPE_TARGET, "stopped", CONF_TYPE_BOOL, IN_TARGET(stopped), 0, 0, NULL,
	  "false", "Wait for START before publishing." },
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

static const struct {
	const char *name, *help;
} scopes[] = {
	[CONF_SCOPE_CONTROL] = { "control", "The control socket." },
	[CONF_SCOPE_LOG] = { "log", "The log, on stderr." },
	[CONF_SCOPE_TARGET] = { "defaults",
				"What holds for each target that does not say otherwise." },
};

const struct conf_option *
conf_option_at(size_t i)
{
	return i < OPTIONS ? &options[i] : NULL;
}

const struct conf_option *
conf_option_find(enum conf_scope scope, const char *key)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (options[i].scope == scope && strcmp(options[i].key, key) == 0)
			return &options[i];
	}
	return NULL;
}

const char *
conf_scope_name(enum conf_scope scope)
{
	return scopes[scope].name;
}

const char *
conf_scope_help(enum conf_scope scope)
{
	return scopes[scope].help;
}

/* Levenshtein's; SIZE_MAX when b is far longer than any key. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[32], columns = strlen(b);

	if (columns >= 32)
		return SIZE_MAX;
	for (size_t j = 0; j <= columns; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= columns; j++) {
			size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = above;
			row[j] = best;
		}
	}
	return row[columns];
}

const char *
conf_option_nearest(const char *name, const char *const known[], size_t count)
{
	size_t best = strlen(name) / 3 + 2;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t d = distance(name, known[i]);

		if (d < best) {
			best = d;
			nearest = known[i];
		}
	}
	return nearest;
}
