/*
 * What the two rivals share: the flags, which are those of pinfod that matter
 * here, so that the benchmark starts all its subjects in the same way.
 */
#ifndef RIVAL_H
#define RIVAL_H

struct rival_options {
	const char *host; /* a numeric IPv4 address */
	int port;
	const char *socket; /* a path; NULL means host and port */
	long interval_us;
	int count; /* of connections, each as if to a server of its own */
};

/*
 * Reads -h HOST -p PORT -s SOCKET -i SECONDS -n COUNT into options, which then points
 * into argv. Ends the process with exit code 64 on anything else.
 */
void rival_options_parse(struct rival_options *options, int argc, char **argv);

#endif
