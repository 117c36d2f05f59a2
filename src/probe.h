/*
 * probe: pinfod --probe. What works on each server, what does not and why, and
 * the ACL rule that would help.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stdio.h>

struct conf;
struct event_base;
struct resolver;

/*
 * Finds out who belongs to the groups, tries all targets at once, waits for all of
 * them, and prints what was found in their order. True when the feed would work for
 * each of them, and no group is empty.
 */
bool probe_run(struct event_base *base, struct resolver *resolver,
	       const struct conf *conf, FILE *out);

#endif
