/*
 * sentinel_view: what one sentinel says of a master, and what several of them
 * agree on. Pure.
 *
 * Any sentinel may be down, behind or wrong. So the address that most of those
 * name counts; when as many name another one, the one of the higher configuration
 * epoch does, which grows with each failover (Sentinel's own rule among its kind).
 */
#ifndef SENTINEL_VIEW_H
#define SENTINEL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "members.h"

/* All zero: it knows nothing. */
struct sentinel_view {
	bool known;	/* it has said who the master is */
	char host[256]; /* a name where sentinels resolve-hostnames, else numeric */
	int port;
	uint64_t epoch;		 /* config-epoch of SENTINEL MASTER */
	struct members replicas; /* named by their address, as endpoint_name has it */
};

/* May be called twice. */
void sentinel_view_fini(struct sentinel_view *view);

/*
 * The master, named "", and the replicas that more than half of those sentinels
 * name that agree on the master; sorted. *agreeing: how many those are. False when
 * nobody names a master; *members is empty then.
 */
bool sentinel_view_agree(const struct sentinel_view *const views[], size_t count,
			 struct members *members, size_t *agreeing);

#endif
