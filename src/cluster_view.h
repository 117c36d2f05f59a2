/*
 * cluster_view: what one node says of its cluster in answer to CLUSTER NODES, and
 * what several of them agree on. Pure.
 *
 * A node may be removed, forgotten, cut off or behind. A view without any slot is
 * that of a node which belongs to no cluster (any more), and counts for nothing;
 * of the others more than half must name a node for it to belong to the cluster.
 */
#ifndef CLUSTER_VIEW_H
#define CLUSTER_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "members.h"

struct cluster_view;

/* A view of more nodes is refused. They gossip: Redis' own advice ends at 1,000. */
#define CLUSTER_VIEW_NODES_MAX 10000

/*
 * Reads an answer to CLUSTER NODES. asked: the host that it was asked at, for a
 * node that does not know its own address yet. prefer_names: where a node has
 * announced a host name, that is its host (for TLS, whose certificates are for
 * names). NULL with the reason when it is no such answer, or a slot has two owners
 * in it. Nodes in handshake and those without an address do not count; those that
 * have failed do: their loss is told by who watches them.
 *
 * https://redis.io/docs/latest/commands/cluster-nodes/ is the form.
 */
struct cluster_view *cluster_view_parse(const char *text, size_t len, const char *asked,
					bool prefer_names, char *error,
					size_t error_size);

/* NULL is fine. */
void cluster_view_free(struct cluster_view *view);

/* Whether it is the view of a node that belongs to a cluster with slots. */
bool cluster_view_counts(const struct cluster_view *view);

/* The id of the node whose view it is; "": it has not said so. */
const char *cluster_view_self(const struct cluster_view *view);

/*
 * The nodes, each named by the first eight digits of its id (all forty, where two
 * begin alike); sorted. Of what the views say of a node that counts which has the
 * highest epoch, and among equals first what is said by one that hears the node.
 * With `tags` each gets a tag: what `before` (sorted; empty at first) has for it
 * while its shard owns that slot, else the smallest number as text whose slot is its
 * shard's; NULL where the shard has none. False when no view counts, or those that
 * do agree on no node at all, as views of two clusters: *members is empty then.
 * *agreeing: how many views count.
 */
bool cluster_view_agree(const struct cluster_view *const views[], size_t count,
			bool tags, const struct members *before,
			struct members *members, size_t *agreeing);

#endif
