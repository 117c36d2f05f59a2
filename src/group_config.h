/*
 * group_config: what a group of targets is told to be, and what it makes of each
 * server that belongs to it. Pure.
 *
 * A group is targets that nobody lists in the configuration: a master that
 * sentinels name, the nodes of a cluster, the lines of a file. Who belongs to it
 * changes while pinfod runs: see group.h.
 */
#ifndef GROUP_CONFIG_H
#define GROUP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "target_config.h"

struct member;

enum group_kind {
	GROUP_SENTINEL,
	GROUP_CLUSTER,
	GROUP_FILE,
};

#define GROUP_SEEDS_MAX 32

/* It owns what it holds. Adding a setting: a field here, in copy and in fini. */
struct group_config {
	enum group_kind kind;
	char *name; /* of the group; of a file its path */
	/*
	 * What each of its targets is told. Without name and address; its channels
	 * still with {name} in them; endpoint.tls.on and the credentials are those
	 * of the servers.
	 */
	struct target_config pattern;
	/* The sentinels, or the nodes to begin with; complete, password and all. */
	struct endpoint *seeds;
	size_t seed_count;
	char *master;  /* of sentinels: what they call it */
	bool replicas; /* of sentinels: its replicas belong to the group, too */
	bool shard;    /* of a cluster: SPUBLISH instead of PUBLISH */
	char *path;    /* of a file */
};

/* Deep copy; *to need not be initialised. */
void group_config_copy(struct group_config *to, const struct group_config *from);

/* Frees what *c holds. May be called twice. */
void group_config_fini(struct group_config *c);

/* "sentinel", "cluster", "file": for the log and for reports. */
const char *group_kind_name(enum group_kind kind);

/*
 * The target that a member is: the pattern at the member's address, under the
 * name that it has in the group ("cache" for the master of sentinels, and else
 * "cache/127.0.0.1:6380", "orders/3c1f9e2a"; in a file its own), with its channels
 * completed. False, with the reason and without a target, when that cannot be: a
 * name or a channel would be too long, or a channel has a brace of its own, behind
 * which Redis would not look for a tag.
 */
bool group_config_target(const struct group_config *c, const struct member *m,
			 struct target_config *target, char *error, size_t error_size);

#endif
