/*
 * main: what the command line asks for: to run as a daemon, or to do one thing once.
 */
#include <event2/event.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "conf.h"
#include "daemon.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "probe.h"
#include "replay.h"
#include "resolve.h"
#include "service.h"

/* The exit code of a replay that tells of an incident. */
#define REPLAY_RAISED 1

/* A socket that became descriptor 2 would get the log lines. */
static void
keep_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/*
 * Passwords are in our memory, and pass through hiredis' buffers, so that there is
 * no telling where else. So no core is made unless somebody asks for one by a core
 * limit (LimitCORE=, ulimit -c); and where none is made, our memory and environment
 * are for root only. What that costs: strace, gdb and `ss -p` want root then, too.
 */
static void
keep_memory_private(void)
{
	struct rlimit limit;

	/* A core_pattern with a pipe takes a core whatever the limit. */
	if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur == 0)
		prctl(PR_SET_DUMPABLE, 0);
}

/* What is wrong, all of it; wrong flags and a wrong file have codes of their own. */
static int
complain(const struct options *o, const struct conf_messages *messages)
{
	bool file = o->flags.file != NULL || access(CONF_FILE, F_OK) == 0 ||
		    errno != ENOENT;

	for (size_t i = 0; i < messages->count; i++)
		fprintf(stderr, "pinfod: %s\n", messages->text[i]);
	if (messages->errors == 0)
		return EX_OK;
	return file && !messages->usage ? EX_CONFIG : EX_USAGE;
}

static int
probe(const struct conf *c)
{
	struct event_base *base = loop_new();
	struct resolver *resolver;
	bool good;

	if (base == NULL)
		return EX_UNAVAILABLE;
	resolver = resolver_new(base);
	good = probe_run(base, resolver, c, stdout);
	resolver_free(resolver);
	/* What libevent frees later, TLS connections are, it frees in a turn. */
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_free(base);
	return good ? EX_OK : EX_UNAVAILABLE;
}

/* Tells on stderr how it went; see replay.h. */
static int
replay(const struct options *o, const struct conf *c)
{
	const char *path = o->replay;
	bool is_stdin = strcmp(path, "-") == 0, good;
	FILE *in = is_stdin ? stdin : fopen(path, "re");
	char error[512] = "", span[CLOCK_SPAN_BYTES];
	struct replay_report r;

	if (in == NULL) {
		fprintf(stderr, "pinfod: %s: %s\n", path, strerror(errno));
		return EX_NOINPUT;
	}
	good = replay_run(in, stdout, o->json, c, &r, error, sizeof(error));
	if (!is_stdin)
		fclose(in);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "pinfod: what there is to say cannot be written\n");
		return EX_IOERR;
	}
	if (!good)
		fprintf(stderr, "pinfod: %s: %s\n", path, error);
	fprintf(stderr,
		"pinfod: entries: %" PRIu64 ", of %s; targets: %" PRIu64
		"; incidents raised: %" PRIu64 ", open at the end: %" PRIu64 "\n",
		r.entries, clock_span(span, r.seconds), r.targets, r.raised, r.open);
	if (!good)
		return EX_DATAERR;
	return r.raised > 0 ? REPLAY_RAISED : EX_OK;
}

/* What is done once; conf is lent. */
static int
do_once(const struct options *o, const struct conf *c)
{
	if (o->test_config) {
		conf_print(c, stdout);
		return EX_OK;
	}
	return o->replay != NULL ? replay(o, c) : probe(c);
}

static int
run(const struct options *o, struct service *service)
{
	struct conf_messages messages = { 0 };
	struct conf *c = conf_load(&o->flags, &messages);
	int code = complain(o, &messages);

	conf_messages_fini(&messages);
	if (c == NULL || o->test_config || o->replay != NULL || o->probe) {
		if (c != NULL)
			code = do_once(o, c);
		conf_free(c);
		service_free(service);
		return code;
	}
	log_set_level(c->log_level);
	if (o->password_seen)
		log_warning(NULL, "a password stood on the command line, where others "
				  "may have read it until now; REDISCLI_AUTH and "
				  "password_file keep it from them");
	return daemon_run(&o->flags, c, service);
}

int
main(int argc, char **argv)
{
	struct options options;
	struct service *service;
	char error[512];
	int code = EX_CONFIG;

	keep_memory_private();
	keep_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	log_init();
	switch (options_parse(&options, argc, argv)) {
	case OPTIONS_DONE:
		return EX_OK;
	case OPTIONS_USAGE:
		return EX_USAGE;
	case OPTIONS_RUN:
		break;
	}
	service = service_new(error, sizeof(error));
	if (service == NULL) {
		log_error(NULL, "%s", error);
	} else {
		options.flags.handed_over = service_listener_path(service);
		code = run(&options, service);
	}
	options_fini(&options);
	return code;
}
