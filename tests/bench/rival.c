/*
 * The flags of the rivals; see rival.h. Kept out of naive.c and bare.c so that
 * those two show nothing but their loops.
 */
#include "rival.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define USAGE_EXIT 64

static void
usage(const char *program)
{
	fprintf(stderr,
		"usage: %s [-h HOST] [-p PORT] [-s SOCKET] "
		"[-i SECONDS] [-n COUNT]\n",
		program);
	exit(USAGE_EXIT);
}

void
rival_options_parse(struct rival_options *options, int argc, char **argv)
{
	int c;

	options->host = "127.0.0.1";
	options->port = 6379;
	options->socket = NULL;
	options->interval_us = 5000000;
	options->count = 1;
	while ((c = getopt(argc, argv, "h:p:s:i:n:")) != -1) {
		switch (c) {
		case 'h':
			options->host = optarg;
			break;
		case 'p':
			options->port = atoi(optarg);
			break;
		case 's':
			options->socket = optarg;
			break;
		case 'i':
			options->interval_us = (long)(atof(optarg) * 1e6 + 0.5);
			break;
		case 'n':
			options->count = atoi(optarg);
			break;
		default:
			usage(argv[0]);
		}
	}
	if (optind != argc || options->interval_us <= 0 || options->count <= 0)
		usage(argv[0]);
}
