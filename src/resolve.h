/*
 * resolve: names to numeric addresses, off the loop.
 *
 * Each name that is looked up has a thread of its own in getaddrinfo(3), so
 * the system's own rules apply (hosts file, nsswitch, search list) and a slow
 * name delays nobody but those who asked for it. One name is looked up once at
 * a time, however many ask.
 */
#ifndef RESOLVE_H
#define RESOLVE_H

#include <stdbool.h>

#include "clock.h"

#define RESOLVE_MAX 8

struct event_base;
struct resolve;
struct resolver;

struct resolve_list {
	unsigned count;
	/* Numeric, with %scope where one is needed; in the order to be tried. */
	char address[RESOLVE_MAX][64];
};

/*
 * The answer, on a stack of its own; both borrowed for the call. error is NULL,
 * or says in words why there are no addresses.
 */
typedef void resolve_fn(void *arg, const struct resolve_list *list, const char *error);

struct resolver *resolver_new(struct event_base *base);

/* NULL is fine. Waits for no thread. No request may be outstanding. */
void resolver_free(struct resolver *r);

/*
 * Whether names wait while every thread has hung for ten minutes. One name that
 * hangs is no such case: it harms only its own target, and getaddrinfo gives up by
 * itself, after some minutes at the most with resolv.conf's presets. But when none
 * of all threads comes back, names that would do are no longer looked up, and only
 * another process can.
 */
bool resolver_is_stuck(const struct resolver *r, struct mono now);

/* True when host is an address already: then *list holds it alone. */
bool resolve_numeric(const char *host, struct resolve_list *list);

/* fn is called once, unless resolve_cancel comes first. */
struct resolve *resolve_start(struct resolver *r, const char *host, resolve_fn *fn,
			      void *arg);

/* NULL is fine; not after fn was called. */
void resolve_cancel(struct resolve *request);

#endif
