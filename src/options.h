/*
 * options: the command line, each flag checked by itself. What they mean
 * together with a file is conf's affair.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

#include "conf.h"

struct options {
	struct conf_flags flags; /* what it points to is argv's, or stands below */
	struct endpoint *servers;
	char *user, *password, *control_path;
	bool test_config, probe;
	const char *replay; /* a recording; NULL: none */
	bool json;	    /* replay: say it as JSON */
	bool password_seen; /* one stood on the command line, and was wiped */
};

enum options_result {
	OPTIONS_RUN,   /* *options is set and wants options_fini */
	OPTIONS_DONE,  /* --help or --version: said it all, on stdout */
	OPTIONS_USAGE, /* the arguments are wrong: said so on stderr */
};

/* Passwords in argv are overwritten; the rest of argv must live on. */
enum options_result options_parse(struct options *options, int argc, char **argv);

void options_fini(struct options *options);

#endif
