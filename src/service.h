/*
 * service: the service manager that started us: what it hands over, and what it
 * is told. The protocols are those of sd_notify(3), sd_watchdog_enabled(3) and
 * sd_listen_fds(3): variables of the environment, and datagrams of VARIABLE=VALUE
 * lines. That is stable and small enough to do without libsystemd.
 *
 * Without a manager all of this does nothing. A manager that does not listen
 * never holds us for longer than a second, and never ends us.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"

struct event_base;
struct service;
struct target_report;

/* A manager takes no datagram of more than 4096 bytes. */
#define SERVICE_STATUS_BYTES 1024

struct service_hooks {
	/* Writes what STATUS= shall say; called when something has changed. */
	void (*status)(void *owner, char *text, size_t size);
	/* False: nothing but a restart helps, so the watchdog goes hungry. */
	bool (*is_well)(void *owner, struct mono now);
	void *owner;
};

/*
 * Reads what the manager put into the environment, and removes it there, so that
 * nobody inherits it. Nothing is told yet. NULL, with the reason in error, when
 * sockets were handed over that are anything else than one listening unix stream
 * socket. To be called before other threads are there.
 */
struct service *service_new(char *error, size_t size);

/* NULL is fine. Closes the socket that was handed over; its file is the manager's. */
void service_free(struct service *service);

/*
 * The socket that was handed over, non-blocking and close-on-exec: lent for the
 * service's life; -1: there is none. And where it is, for people and for clients:
 * a path, @NAME for an abstract one; NULL when there is none.
 */
int service_listener(const struct service *service);
const char *service_listener_path(const struct service *service);

/* Before the four that follow. The hooks are borrowed. */
void service_attach(struct service *service, struct event_base *base,
		    const struct service_hooks *hooks);

/* At the end of the start, and of every reload. The watchdog is fed from now on. */
void service_ready(struct service *service, struct mono now);

/* At the beginning of every reload. */
void service_reloading(struct service *service, struct mono now);

/*
 * STATUS= may have something new to say. It is asked for and told on a fresh
 * stack, at once if it was not told within the last second.
 */
void service_changed(struct service *service, struct mono now);

/* The end has begun. */
void service_stopping(struct service *service);

/*
 * "3 of 4 targets up; down: carts", in text, cut to its size. reload_error is why
 * the last reload failed, or NULL.
 */
void service_summary(char *text, size_t size, const struct target_report *targets,
		     size_t count, const char *reload_error);

#endif
