/*
 * control: the control socket and whoever is connected to it.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct bus;
struct control;
struct daemon_report;
struct event_base;
struct fleet;

/* What is asked of whoever runs the daemon. */
struct control_hooks {
	/* Reads the configuration again: NULL, or why not; the caller frees it. */
	char *(*reload)(void *owner);
	/* The configuration in force, as text; the caller frees it. */
	char *(*config)(void *owner);
	/* Sets what a report says of the configuration and of the groups. */
	void (*report)(void *owner, struct daemon_report *report);
	void *owner;
};

/*
 * Listens. NULL on failure, with the reason in error: the path is taken by a
 * daemon that lives, or by something that is no socket, or cannot be had.
 *
 * With a listener (else -1) that is what is listened on: one that the service
 * manager handed over, lent for the control's life. Its file at `path`, mode and
 * group are the manager's and stay as they are, also at the end. There is no lock
 * either: the manager starts one daemon a socket, and whoever wants to bind the
 * path finds it alive.
 *
 * Hooks are borrowed for the control's life. Nobody but root and our own user may
 * operate until control_set_group.
 */
struct control *control_new(struct event_base *base, struct fleet *fleet,
			    struct bus *bus, const char *path, int listener,
			    const struct control_hooks *hooks, char *error,
			    size_t error_size);

/*
 * Who may operate, from the next client on; (gid_t)-1: nobody but root and our
 * own user. A socket of ours is given to that group. False: it cannot be, see
 * errno.
 */
bool control_set_group(struct control *control, gid_t group);

/* Drops the clients, removes the socket, lets go of the lock. NULL is fine. */
void control_free(struct control *control);

/* Breaks the loop, for SHUTDOWN. */
void control_end(struct control *control);

/* Sets all but what the commands know by themselves. */
void control_report(const struct control *control, struct daemon_report *report);

#endif
