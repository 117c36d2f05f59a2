/*
 * daemon: pinfod as it runs: builds the parts in order, turns the loop, puts another
 * configuration in force, takes the parts down in reverse.
 */
#ifndef DAEMON_H
#define DAEMON_H

struct conf;
struct conf_flags;
struct service;

/*
 * Runs until SIGTERM, SIGINT or SHUTDOWN. flags: for reloads; what they point to is
 * borrowed. conf and service are taken. The exit code, see sysexits.h.
 */
int daemon_run(const struct conf_flags *flags, struct conf *conf,
	       struct service *service);

#endif
