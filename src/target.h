/*
 * target: one watched server: its schedule, the INFO in flight, its links.
 *
 * Ticks lie on a grid of fixed rate on the monotonic clock. Each tick opens a
 * slot, and a slot is served by one sample at the most: by the tick's own, or
 * late by the first one that the server allows. A slot that ends unserved is
 * counted as missed. That is why there are no bursts and no double timers.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "report.h"

struct bus;
struct event_base;
struct resolver;
struct target;
struct target_config;

/* What all targets share; borrowed for their lives. */
struct target_env {
	struct event_base *base;
	struct bus *bus;
	struct resolver *resolver;
	/*
	 * The target has learnt which replication group it is of; NULL: nobody
	 * wants to know, and servers are not asked.
	 */
	void (*learnt)(void *owner, struct target *target);
	void *owner;
	/* A target's state has changed; NULL: nobody wants to know. Only note it. */
	void (*changed)(void *watcher, struct mono now);
	void *watcher;
};

/* A target in state stopped. It keeps a copy of the configuration. */
struct target *target_new(const struct target_env *env,
			  const struct target_config *config);

/* NULL is fine. Not from inside a bus_sample of its own. */
void target_free(struct target *target);

/*
 * Connects now, and samples and publishes from `first` (now or later) on,
 * every interval. A target that runs goes on as it is.
 */
void target_start(struct target *target, struct mono first, struct mono now);

/* Ends all that; an answer on its way is discarded. */
void target_stop(struct target *target, struct mono now);

bool target_is_running(const struct target *target);

/* Why target_poll would fail now, as an error of the control protocol, or NULL. */
const char *target_cannot_poll(const struct target *target);

/*
 * Asks for one sample beside the schedule, to be published, now or as soon as
 * the last PUBLISH is answered; one that is on its way already will do. Only
 * when target_cannot_poll says NULL.
 */
void target_poll(struct target *target, struct mono now);

int64_t target_interval_ns(const struct target *target);

/* The next tick comes that long after the last one, or now if that is past. */
void target_set_interval(struct target *target, int64_t interval_ns, struct mono now);

/*
 * Takes over another configuration of the same name. What did not change goes
 * on: connection, grid and counters; another address, user or password is
 * connected to anew.
 */
void target_configure(struct target *target, const struct target_config *config,
		      struct mono now);

/* "" until the server has told. */
const char *target_replication_id(const struct target *target);
const char *target_channel(const struct target *target);

const char *target_name(const struct target *target);

/* Fills *report; its strings are borrowed until the loop turns. */
void target_report(const struct target *target, struct mono now,
		   struct target_report *report);

#endif
