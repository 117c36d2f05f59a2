/*
 * pinfoctl: what the parts of the command line client share.
 *
 * pinfoctl is a client of the control socket like any other: it knows
 * docs/PROTOCOL.md, and of the daemon's code only base and values. The functions
 * of pinfoctl_NOUN.c begin with NOUN_.
 *
 * Whatever goes wrong is a struct trouble, filled where it happens and shown in
 * one place: as text on stderr, as JSON on stdout, or in the way of a Nagios
 * plugin.
 */
#ifndef PINFOCTL_H
#define PINFOCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes, for scripts; from 64 on those of sysexits.h. `check` has its own. */
enum {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1, /* the daemon answered with an error */
	EXIT_NO_ANSWER =
		2, /* it did not answer in time, or what it said is no answer */
	EXIT_BAD_USE = 64,
	EXIT_NO_DAEMON = 69,
	EXIT_NO_OUTPUT = 74, /* what we print cannot be written */
	EXIT_NO_PERMISSION = 77,
};

struct pinfoctl {
	const char *socket; /* -s; NULL: look for it */
	int64_t timeout_ns; /* for one answer */
	bool json;
	bool stopped_ok; /* check: a stopped target is none to warn of */
	int64_t for_ns;	 /* record: to end after that long; 0: at Ctrl-C */
	const struct pinfoctl_command *command;
	int argc; /* arguments after the command's name */
	char **argv;
};

struct pinfoctl_command {
	const char *name;
	const char *arguments;			/* as help shows them */
	int max;				/* how many there may be */
	int (*run)(const struct pinfoctl *ctl); /* returns the exit code */
	const char
		*words; /* what to send, for those that command_run or list_run runs */
	/*
	 * For command_run the JSON member for a text; NULL: it changes something. For
	 * list_run what is said of an empty list.
	 */
	const char *key;
	const char *help;
};

/*
 * Printable ASCII always: who fills it has escaped what came from outside. A text
 * of several lines says the main thing in the first one.
 */
struct trouble {
	int exit_code;
	bool refused; /* by the daemon: code is one of the protocol's */
	char code[24];
	char text[1600];
};

/* The commands. */
int command_run(const struct pinfoctl *ctl);
int status_run(const struct pinfoctl *ctl);
int watch_run(const struct pinfoctl *ctl);
int record_run(const struct pinfoctl *ctl);
int check_run(const struct pinfoctl *ctl);
int acl_run(const struct pinfoctl *ctl);
int list_run(const struct pinfoctl *ctl);
int explain_run(const struct pinfoctl *ctl);

/* `check` when it could not look, or was not told well what to look at. */
int check_unknown(const struct pinfoctl *ctl, const struct trouble *trouble);

#endif
