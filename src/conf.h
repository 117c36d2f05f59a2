/*
 * conf: the configuration, from its file and from what the flags add.
 *
 * It is built whole or not at all, and immutable from then on.
 */
#ifndef CONF_H
#define CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "clock.h"
#include "log.h"
#include "group_config.h"
#include "target_config.h"

#define CONF_FILE "/etc/pinfod/pinfod.conf"
#define CONF_GROUP "pinfod"
#define CONF_TARGETS_MAX 10000
/* Longer ones do not fit into sun_path. */
#define CONF_CONTROL_PATH_MAX 107

#define CONF_CHANNEL "pinfo"
/* Where a group has several servers that hear each other's PUBLISHes. */
#define CONF_CHANNEL_GROUP "pinfo:{name}"
#define CONF_NOTICES "pinfo:notice"
#define CONF_SAMPLE_NS NS_PER_S
#define CONF_INTERVAL_NS (5 * NS_PER_S)
#define CONF_INTERVAL_MIN_NS (NS_PER_S / 10)
#define CONF_INTERVAL_MAX_NS (86400 * NS_PER_S)

/* What the command line says; all borrowed. It outweighs the file's defaults. */
struct conf_flags {
	const char *file; /* NULL: CONF_FILE, if it is there */
	const char *control_path, *control_group, *log_level;
	const char *handed_over; /* the service manager's control socket; or NULL */
	const char *channel, *user, *password;
	const char *notices;		/* "" says: none */
	int64_t interval_ns, sample_ns; /* 0: not said */
	bool stopped;
	struct endpoint_tls tls;	/* `on` is each server's own affair */
	const struct endpoint *servers; /* then the file may name none */
	size_t server_count;
};

struct conf {
	char *file; /* that was read; NULL: none */
	char *control_path;
	char *control_group; /* NULL: CONF_GROUP, if it can be had */
	char *log_level_name;
	enum log_level log_level;
	struct target_config *targets;
	size_t target_count;
	struct group_config *groups;
	size_t group_count;
	struct target_config defaults; /* of targets, and so without name and address */
};

/* Texts like "FILE:LINE: KEY: what was found; what is allowed". */
struct conf_messages {
	char **text;
	size_t count, errors; /* these come first, the others are warnings */
	bool usage;	      /* the command line is at fault */
};

/*
 * NULL when there are errors. *messages must be zero before, is set in any
 * case, and wants conf_messages_fini.
 */
struct conf *conf_load(const struct conf_flags *flags, struct conf_messages *messages);

/* NULL is fine. */
void conf_free(struct conf *conf);

/* Takes text, which it frees in the end. */
void conf_say(struct conf_messages *messages, bool is_error, char *text);
void conf_messages_fini(struct conf_messages *messages);

/* Puts what the flags say in place of what *defaults says. */
void conf_apply_flags(const struct conf_flags *flags, struct target_config *defaults);

/*
 * Adds a target, which is taken over, when all that is said of it is in it: its
 * channels are completed. False with the reason when they cannot be, and then
 * it is there as well.
 */
bool conf_add_target(struct conf *conf, struct target_config *target, char *error,
		     size_t error_size);

/*
 * Writes the configuration in the form of the file, every setting of every
 * target, without passwords. Read again it says the same.
 */
void conf_print(const struct conf *conf, FILE *out);

/* Writes the documented file that is shipped: each option and its preset. */
void conf_print_sample(FILE *out);

#endif
