/*
 * control: the control socket and whoever is connected to it.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stddef.h>
#include <sys/types.h>

struct bus;
struct control;
struct daemon_report;
struct event_base;
struct fleet;

/* Longer ones do not fit into sun_path. */
#define CONTROL_PATH_MAX 107

struct control_config {
	const char *path;
	gid_t group; /* that may operate, and that the socket is given to;
			(gid_t)-1: none */
};

/*
 * Listens. NULL on failure, with the reason in error: the path is taken by a
 * daemon that lives, or by something that is no socket, or cannot be had.
 */
struct control *control_new(struct event_base *base, struct fleet *fleet,
			    struct bus *bus, const struct control_config *config,
			    char *error, size_t error_size);

/* Drops the clients, removes the socket, lets go of the lock. NULL is fine. */
void control_free(struct control *control);

/* Breaks the loop, for SHUTDOWN. */
void control_end(struct control *control);

/* Sets all but what the commands know by themselves. */
void control_report(const struct control *control, struct daemon_report *report);

#endif
