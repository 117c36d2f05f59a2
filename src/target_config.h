/*
 * target_config: what a target is told to be and do. Pure.
 */
#ifndef TARGET_CONFIG_H
#define TARGET_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"
#include "rules.h"

#define TARGET_NAME_MAX 255
#define TARGET_CHANNEL_MAX 256

/* What stays the same when the server behind a target's name is another one. */
enum target_identity {
	/* Nothing: another address is another server, of which nothing is known. */
	IDENTITY_ADDRESS,
	/* Its role: it is handed over to another server, which has the same data. */
	IDENTITY_ROLE,
	/* The server: it may have moved. */
	IDENTITY_NODE,
};

/* "address", "role", "node". */
const char *target_config_identity_name(enum target_identity identity);

/*
 * It owns its strings. Adding a setting: a field here, in copy, fini and same, and
 * a row in conf_option.c.
 */
struct target_config {
	char *name;
	struct endpoint endpoint;
	char *channel; /* after target_config_expand without {name} */
	int64_t interval_ns;
	int64_t sample_ns; /* as asked for; target_config_sample_ns says what it is */
	char *notices;	   /* the channel for notices, expanded too; NULL: none */
	bool json;	   /* the feed is JSON and not the server's own words */
	struct rules rules;
	enum target_identity identity;
	/*
	 * In a cluster with cluster_publish = "shard": SPUBLISH instead of PUBLISH, on
	 * each channel with {tag} after its name. NULL: PUBLISH.
	 */
	char *tag;
	bool stopped; /* not started when pinfod starts, or the target is new */
};

/* Deep copy; *to need not be initialised. */
void target_config_copy(struct target_config *to, const struct target_config *from);

/* Frees what *c holds. May be called twice. */
void target_config_fini(struct target_config *c);

/*
 * Whether both tell a target the same. Its name and whether it begins stopped are
 * not told to one that is there.
 */
bool target_config_same(const struct target_config *a, const struct target_config *b);

/*
 * The time between two samples: what was asked for, made to divide the interval:
 * interval / ceil(interval / sample_ns).
 */
int64_t target_config_sample_ns(const struct target_config *c);

/* Puts the target's name in place of each {name} in its channels. */
void target_config_expand(struct target_config *c);

/*
 * Names go into commands, logs and channels: 1 to TARGET_NAME_MAX printable
 * characters without blanks, quotes and braces, and not "json".
 */
bool target_config_name_ok(const char *name, char *error, size_t error_size);
bool target_config_channel_ok(const char *channel, char *error, size_t error_size);

#endif
