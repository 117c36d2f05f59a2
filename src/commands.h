/*
 * commands: what may be said on the control socket, as one table.
 *
 * Adding a command: a row in commands.c and its function; HELP, COMMAND, the
 * check of the number of words and the privilege come from the row. Then the
 * table in docs/PROTOCOL.md.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "clock.h"

struct client;
struct control;
struct control_hooks;
struct fleet;
struct resp_request;

/* What the commands act upon; all borrowed. */
struct commands {
	struct control *control;
	const struct control_hooks *hooks;
	struct fleet *fleet;
	struct mono started;
};

/* Carries out one request of at least one word and writes its answer. */
void commands_run(const struct commands *commands, struct client *client,
		  const struct resp_request *request, struct mono now);

#endif
