/*
 * options: the command line, checked and complete.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "control.h"
#include "endpoint.h"
#include "log.h"
#include "target.h"

struct options {
	struct target_config *targets; /* their parts belong to the options, too */
	size_t target_count;
	struct endpoint *endpoints; /* of the targets, in their order */
	struct control_config control;
	bool stopped; /* do not start the targets */
	enum log_level log_level;
	bool password_seen; /* one stood on the command line, and was wiped */
};

enum options_result {
	OPTIONS_RUN,   /* *options is set and wants options_fini */
	OPTIONS_DONE,  /* --help or --version: said it all, on stdout */
	OPTIONS_USAGE, /* the arguments are wrong: said so on stderr */
};

/* Passwords in argv are overwritten. */
enum options_result options_parse(struct options *options, int argc, char **argv);

void options_fini(struct options *options);

#endif
