/*
 * fleet: see fleet.h.
 */
#include "fleet.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "report.h"
#include "target.h"
#include "target_config.h"
#include "xalloc.h"

#define SPREAD_NS NS_PER_S
/*
 * Targets that begin on the same step wake the loop together, which is most of
 * what a timer wheel would give: the system calls of a turn for a step, not for
 * a target. Measured at 100 targets: 27 us a poll with ten on a step, 80 with two.
 */
#define STEPS_MAX 50
#define TARGETS_A_STEP 10

struct fleet {
	struct target_env env;
	struct target **targets; /* in the order of the configuration */
	size_t count;
};

/*
 * Two targets of one replication group on one channel: a PUBLISH on a master
 * reaches the subscribers of its replicas, so these get both feeds mixed.
 */
static void
on_learnt(void *owner, struct target *t)
{
	struct fleet *f = owner;

	for (size_t i = 0; i < f->count; i++) {
		struct target *other = f->targets[i];

		if (other == t ||
		    strcmp(target_channel(other), target_channel(t)) != 0 ||
		    strcmp(target_replication_id(other), target_replication_id(t)) != 0)
			continue;
		log_warning(
			target_name(t),
			"it replicates with %s, and both publish on %s: what is "
			"published on the master reaches its replicas' subscribers, "
			"too; give each a channel of its own (channel = "
			"\"%s:{name}\")",
			target_name(other), target_channel(t), target_channel(t));
		return;
	}
}

struct fleet *
fleet_new(struct event_base *base, struct bus *bus, struct resolver *resolver)
{
	struct fleet *f = xcalloc(1, sizeof(*f));

	f->env = (struct target_env){
		.base = base,
		.bus = bus,
		.resolver = resolver,
		.owner = f,
	};
	return f;
}

void
fleet_watch(struct fleet *f, void (*changed)(void *watcher, struct mono now),
	    void *watcher)
{
	f->env.changed = changed;
	f->env.watcher = watcher;
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

static int
compare(const void *a, const void *b)
{
	struct target *const *x = a, *const *y = b;

	return strcmp(target_name(*x), target_name(*y));
}

static int
compare_key(const void *key, const void *b)
{
	struct target *const *y = b;

	return strcmp(key, target_name(*y));
}

/* When the i-th of count samples first: within a second, a few at once. */
static struct mono
first_of(size_t i, size_t count, struct mono now)
{
	size_t steps = (count + TARGETS_A_STEP - 1) / TARGETS_A_STEP;

	if (steps > STEPS_MAX)
		steps = STEPS_MAX;
	return clock_add_ns(now,
			    (int64_t)(i * steps / count) * SPREAD_NS / (int64_t)steps);
}

void
fleet_configure(struct fleet *f, const struct target_config *configs, size_t count,
		struct mono now)
{
	struct target **old = f->targets;
	size_t old_count = f->count;
	bool *kept = xcalloc(old_count + 1, sizeof(kept[0]));
	bool *fresh = xcalloc(count + 1, sizeof(fresh[0]));

	f->targets = xcalloc(count, sizeof(f->targets[0]));
	f->count = count;
	/* One alone has nobody to be in a group with: it need not be asked. */
	f->env.learnt = count > 1 ? on_learnt : NULL;
	if (old_count > 0)
		qsort(old, old_count, sizeof(old[0]), compare);
	for (size_t i = 0; i < count; i++) {
		struct target **found = NULL;

		if (old_count > 0)
			found = bsearch(configs[i].name, old, old_count, sizeof(old[0]),
					compare_key);
		fresh[i] = found == NULL;
		if (found != NULL)
			kept[found - old] = true;
		f->targets[i] =
			found != NULL ? *found : target_new(&f->env, &configs[i]);
	}
	for (size_t i = 0; i < old_count; i++) {
		if (kept[i])
			continue;
		log_notice(target_name(old[i]), "no longer configured");
		target_free(old[i]);
	}
	for (size_t i = 0; i < count; i++) {
		if (!fresh[i])
			target_configure(f->targets[i], &configs[i], now);
		else if (!configs[i].stopped)
			target_start(f->targets[i], first_of(i, count, now), now);
	}
	free(fresh);
	free(kept);
	free(old);
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

void
fleet_start(struct fleet *f, struct mono now)
{
	for (size_t i = 0; i < f->count; i++)
		target_start(f->targets[i], first_of(i, f->count, now), now);
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
