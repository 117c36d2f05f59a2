/*
 * discovery: who is watched: the targets that the configuration lists, and those
 * that its groups find. It tells the fleet whenever that changes.
 */
#ifndef DISCOVERY_H
#define DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"
#include "report.h"

struct conf;
struct discovery;
struct event_base;
struct fleet;
struct resolver;
struct target_config;

/*
 * fleet NULL: nobody is told (for --probe, which asks discovery_targets). What it
 * is given is borrowed for its life.
 */
struct discovery *discovery_new(struct event_base *base, struct resolver *resolver,
				struct fleet *fleet);

/* NULL is fine. The fleet stays as it is. */
void discovery_free(struct discovery *d);

/*
 * Another configuration is in force, and borrowed until the next one. Groups of the
 * same name and kind go on; the fleet is told at once, as of a reload.
 */
void discovery_configure(struct discovery *d, const struct conf *conf, struct mono now);

/* Each group knows its members, or that it cannot know them now. */
bool discovery_is_settled(const struct discovery *d);

/*
 * All of them in order: those listed, then group by group; borrowed until the loop
 * turns. Of two of one name the later one is left out, and so is what is more than
 * CONF_TARGETS_MAX, which is told in the log and in the report.
 */
const struct target_config *discovery_targets(const struct discovery *d, size_t *count);

size_t discovery_group_count(const struct discovery *d);
void discovery_group_report(const struct discovery *d, size_t i,
			    struct group_report *report);

#endif
