/*
 * fleet: the list of targets.
 */
#ifndef FLEET_H
#define FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"

struct bus;
struct event_base;
struct fleet;
struct history_file;
struct resolver;
struct silences;
struct target;
struct target_config;
struct target_report;

/* No targets yet. What it is given is borrowed for the fleet's life. */
struct fleet *fleet_new(struct event_base *base, struct bus *bus,
			struct resolver *resolver);

/*
 * Who wants to know that the state of any target has changed. `changed` is called
 * from deep inside of the target: it may note it, and no more.
 */
void fleet_watch(struct fleet *fleet, void (*changed)(void *watcher, struct mono now),
		 void *watcher);

/* Who is watched has changed, or how. */
enum fleet_change {
	FLEET_RELOAD,	 /* another configuration: all are told */
	FLEET_DISCOVERY, /* a group has other members: who stays as he is is not told */
};

/*
 * Makes the fleet what the configurations say: targets that are no longer
 * there end, new ones are made, those that stay take over what changed. New
 * ones start, unless they are configured not to; what discovery finds does after
 * all were started, and does not after all were stopped, whatever its configuration
 * says. What happened to the others by START and STOP stays as it is.
 * Not from inside a target's callback.
 */
void fleet_configure(struct fleet *fleet, enum fleet_change change,
		     const struct target_config *configs, size_t count,
		     struct mono now);

/*
 * What is silenced is neither published nor told on the control socket. Borrowed
 * for the fleet's life; NULL, as it is at first: nothing is.
 */
void fleet_set_silences(struct fleet *fleet, struct silences *silences);

/*
 * Where the targets' histories are kept, from the next one on that is made.
 * Borrowed for the fleet's life; NULL, as it is at first: nowhere.
 */
void fleet_set_history(struct fleet *fleet, struct history_file *file);

/* The silences in force; NULL: there are none to have. */
const struct silences *fleet_silences(const struct fleet *fleet);

/* See silences_add and silences_remove. */
bool fleet_silence(struct fleet *fleet, const char *incidents, const char *targets,
		   struct wall until, struct instant at);
bool fleet_unsilence(struct fleet *fleet, const char *incidents, const char *targets,
		     struct instant at);

/* NULL is fine. */
void fleet_free(struct fleet *fleet);

size_t fleet_count(const struct fleet *fleet);
struct target *fleet_at(const struct fleet *fleet, size_t i);

/*
 * Starts all that are stopped; a few sample at once, the first samples of many
 * are spread over a second, in steps that let their timers fall together.
 */
void fleet_start(struct fleet *fleet, struct mono now);

void fleet_stop(struct fleet *fleet, struct mono now);

/*
 * Sets the interval of all that there are, and of those that discovery finds later:
 * until a reload in which that of a target's configuration changes.
 */
void fleet_set_interval(struct fleet *fleet, int64_t interval_ns, struct mono now);

/*
 * An array of fleet_count reports; the caller frees it. The strings in it are
 * borrowed until the loop turns.
 */
struct target_report *fleet_report(const struct fleet *fleet, struct mono now);

#endif
