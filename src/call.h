/*
 * call: one request while a command carries it out. Between commands, which
 * has the table, and the files that have the commands' functions.
 */
#ifndef CALL_H
#define CALL_H

#include <stdbool.h>
#include <strings.h>

#include "clock.h"
#include "peer.h"
#include "resp.h"

struct client;
struct command;
struct commands;

/* All borrowed for the call. */
struct call {
	const struct commands *on;
	const struct command *command;
	const char *name; /* the command's, as the table has it */
	struct client *client;
	struct resp_out *out; /* the client's: the answer goes there */
	int argc;
	const struct resp_word *argv; /* argv[0] is the command's name */
	struct mono now;
};

static inline const char *
call_word(const struct call *c, int i)
{
	return c->argv[i].text;
}

/* Without regard to case; false when there is no such word. */
static inline bool
call_word_is(const struct call *c, int i, const char *text)
{
	return i < c->argc && strcasecmp(call_word(c, i), text) == 0;
}

static inline void
call_ok(struct call *c)
{
	resp_status(c->out, "OK");
}

/* Logs what this client does, for whoever wonders later who did it. */
void call_log(const struct call *c);

/* Answers that `what` is for others than this client. */
void call_no_permission(struct call *c, const char *what, enum privilege needed);

/*
 * The targets that a command means, the one called `name` or, for NULL, all:
 * the indices from *first to before *end. False when there is none of that
 * name, and then the answer is written.
 */
bool call_targets(struct call *c, const char *name, size_t *first, size_t *end);

#endif
