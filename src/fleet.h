/*
 * fleet: the list of targets.
 */
#ifndef FLEET_H
#define FLEET_H

#include <stddef.h>

#include "clock.h"
#include "target.h"

struct fleet;

/* All targets stopped. The configurations are borrowed for the fleet's life. */
struct fleet *fleet_new(const struct target_env *env,
			const struct target_config *configs, size_t count);

/* NULL is fine. */
void fleet_free(struct fleet *fleet);

size_t fleet_count(const struct fleet *fleet);
struct target *fleet_at(const struct fleet *fleet, size_t i);

/* NULL when there is none of that name. */
struct target *fleet_find(const struct fleet *fleet, const char *name);

/*
 * Starts all that are stopped; a lone one samples at once, the first samples
 * of many are spread over a second, in steps that let their timers fall together.
 */
void fleet_start(struct fleet *fleet, struct mono now);

void fleet_stop(struct fleet *fleet, struct mono now);

/*
 * An array of fleet_count reports; the caller frees it. The strings in it are
 * borrowed until the loop turns.
 */
struct target_report *fleet_report(const struct fleet *fleet, struct mono now);

#endif
