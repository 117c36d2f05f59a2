/*
 * fleet: see fleet.h.
 */
#include "fleet.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

#define SPREAD_NS NS_PER_S
/*
 * Targets that begin on the same step wake the loop together, which is most of
 * what a timer wheel would give: two system calls for a step, not for a target.
 */
#define STEP_NS (20 * NS_PER_MS)

struct fleet {
	struct target **targets;
	size_t count;
};

struct fleet *
fleet_new(const struct target_env *env, const struct target_config *configs,
	  size_t count)
{
	struct fleet *f = xcalloc(1, sizeof(*f));

	f->targets = xcalloc(count, sizeof(f->targets[0]));
	f->count = count;
	for (size_t i = 0; i < count; i++)
		f->targets[i] = target_new(env, &configs[i]);
	return f;
}

void
fleet_free(struct fleet *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->count; i++)
		target_free(f->targets[i]);
	free(f->targets);
	free(f);
}

size_t
fleet_count(const struct fleet *f)
{
	return f->count;
}

struct target *
fleet_at(const struct fleet *f, size_t i)
{
	return f->targets[i];
}

struct target *
fleet_find(const struct fleet *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(target_name(f->targets[i]), name) == 0)
			return f->targets[i];
	}
	return NULL;
}

void
fleet_start(struct fleet *f, struct mono now)
{
	for (size_t i = 0; i < f->count; i++) {
		int64_t offset = (int64_t)i * SPREAD_NS / (int64_t)f->count;

		/* A few need no second: they follow each other by a step. */
		if (offset > (int64_t)i * STEP_NS)
			offset = (int64_t)i * STEP_NS;
		offset -= offset % STEP_NS;
		target_start(f->targets[i], clock_add_ns(now, offset), now);
	}
}

void
fleet_stop(struct fleet *f, struct mono now)
{
	for (size_t i = 0; i < f->count; i++)
		target_stop(f->targets[i], now);
}

struct target_report *
fleet_report(const struct fleet *f, struct mono now)
{
	struct target_report *reports = xcalloc(f->count, sizeof(reports[0]));

	for (size_t i = 0; i < f->count; i++)
		target_report(f->targets[i], now, &reports[i]);
	return reports;
}
