/*
 * probe: pinfod --probe. What works on each server, what does not and why, and
 * the ACL rule that would help.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct event_base;
struct group_report;
struct resolver;
struct target_config;

/* Prints what a group has found. True when that is anybody. */
bool probe_group(const struct group_report *group, FILE *out);

/*
 * Tries all targets at once, waits for all of them, prints what was found in
 * their order. True when the feed would work for each of them.
 */
bool probe_run(struct event_base *base, struct resolver *resolver,
	       const struct target_config *targets, size_t count, FILE *out);

#endif
