/*
 * wire: one connection to the daemon; the only client file that knows hiredis.
 *
 * Every answer has a deadline and bounds: a daemon that hangs, trickles or sends
 * without end is told of, and never waited for. Only wire_next without a deadline
 * waits as long as it takes.
 */
#ifndef PINFOCTL_WIRE_H
#define PINFOCTL_WIRE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct pinfoctl;
struct trouble;
struct wire;

enum answer_kind {
	ANSWER_OK,	/* a simple string */
	ANSWER_TEXT,	/* a bulk string */
	ANSWER_INTEGER, /* its digits */
	ANSWER_LIST,	/* any number of texts; a number in it reads as empty */
	ANSWER_NIL,
};

struct answer_text {
	const char *bytes; /* NUL-terminated, and may hold NULs and anything else */
	size_t len;
};

/* All but a list has one text; it may be empty, and is never NULL. */
struct answer {
	enum answer_kind kind;
	struct answer_text *texts;
	size_t count;
	void *reply; /* hiredis', which the texts point into */
	char digits[24];
};

/* Connects. NULL: trouble. */
struct wire *wire_open(const struct pinfoctl *ctl, struct trouble *trouble);

/* NULL is fine. */
void wire_close(struct wire *wire);

/*
 * Sends words (NULL ends them) and waits for the answer, which the caller frees with
 * answer_fini. False: trouble, of which an error that the daemon answered is one
 * kind, and there is nothing to free.
 */
bool wire_ask(struct wire *wire, const char *const words[], struct answer *answer,
	      struct trouble *trouble);

enum wire_result {
	WIRE_ANSWER,
	WIRE_INTERRUPTED, /* by a signal */
	WIRE_TROUBLE,
};

/*
 * Waits for whatever comes next, like wire_ask. With `during` no deadline holds, that
 * mask of signals is in force while it waits, and a signal ends the wait.
 */
enum wire_result wire_next(struct wire *wire, const sigset_t *during,
			   struct answer *answer, struct trouble *trouble);

/* May be called twice. */
void answer_fini(struct answer *answer);

#endif
