/*
 * conf_option: the table of options that reading, checking, printing and the
 * shipped file are made of. Pure.
 *
 * Adding an option: a row in conf_option.c, and a field that its offset points
 * to.
 */
#ifndef CONF_OPTION_H
#define CONF_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "group_config.h"

enum conf_scope {
	CONF_SCOPE_CONTROL,
	CONF_SCOPE_LOG,
	CONF_SCOPE_TARGET, /* in defaults, and in each target */
	CONF_SCOPE_GROUP,  /* in an element of targets, beside those of a target */
};

/* Addresses to begin with; the list belongs to whoever has it. */
struct conf_seeds {
	struct endpoint *list;
	size_t count;
};

/* What CONF_SCOPE_GROUP is read into; conf_group makes a group_config of it. */
struct conf_group_options {
	struct conf_seeds seeds; /* sentinels, or nodes of a cluster */
	char *master;
	bool replicas;
	char *sentinel_user, *sentinel_password_file;
	bool shard;
	char *targets_file;
};

enum conf_type {
	CONF_TYPE_STRING,     /* char *, NULL for "" */
	CONF_TYPE_DURATION,   /* int64_t nanoseconds, within min and max */
	CONF_TYPE_SIZE,	      /* double, bytes; 0 for "" */
	CONF_TYPE_BOOL,	      /* bool; with choices: the second one */
	CONF_TYPE_CHOICE,     /* an enum; the choices are its names */
	CONF_TYPE_RULES,      /* struct rules; what a list of texts adds to it */
	CONF_TYPE_CREDENTIAL, /* char *, the path of the credential's file */
	CONF_TYPE_SEEDS,      /* struct conf_seeds; urls in an array, or one */
};

/* Says in error what was found and what is allowed. */
typedef bool conf_check_fn(const char *value, char *error, size_t error_size);

/* The names that a value may be, in order; NULL past the last. */
typedef const char *conf_choice_fn(unsigned i);

struct conf_option {
	enum conf_scope scope;
	const char *key;
	enum conf_type type;
	size_t offset; /* in the scope's struct; of control and log in struct conf */
	int64_t min, max;
	int port;	      /* of seeds: what those have that name none */
	enum group_kind kind; /* of CONF_SCOPE_GROUP: what it is for */
	conf_check_fn *check; /* of a string that is not empty; NULL: none */
	const char *preset;   /* in the file's form */
	const char *help;     /* lines for the shipped file */
	conf_choice_fn *choice;
};

/* May be called twice. */
void conf_seeds_fini(struct conf_seeds *seeds);

/* NULL past the last. */
const struct conf_option *conf_option_at(size_t i);

/* NULL when there is none. */
const struct conf_option *conf_option_find(enum conf_scope scope, const char *key);

/* The group's name in the file, and what it is for. */
const char *conf_scope_name(enum conf_scope scope);
const char *conf_scope_help(enum conf_scope scope);

#endif
