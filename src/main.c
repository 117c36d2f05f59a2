/*
 * main: builds the parts in order, runs the loop, takes them down in reverse.
 */
#include <event2/event.h>
#include <event2/util.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "bus.h"
#include "clock.h"
#include "conf.h"
#include "control.h"
#include "discovery.h"
#include "fleet.h"
#include "history_file.h"
#include "log.h"
#include "options.h"
#include "probe.h"
#include "replay.h"
#include "report.h"
#include "resolve.h"
#include "service.h"
#include "silences.h"
#include "xalloc.h"

/* The exit code of a replay that tells of an incident. */
#define REPLAY_RAISED 1

/* For --probe; in three seconds each group knows, or knows that it cannot. */
static const struct timeval settle_within = { .tv_sec = 4 };

struct daemon {
	struct options options;
	struct conf *conf; /* in force */
	struct mono configured;
	unsigned long reloads;
	char *reload_error; /* of the last reload; NULL: none */
	struct event_base *base;
	struct bus *bus;
	struct resolver *resolver;
	struct silences *silences;
	struct history_file *history_file;
	struct fleet *fleet;
	struct discovery *discovery;
	struct control_hooks hooks;
	struct control *control;
	struct service_hooks service_hooks;
	struct service *service;
	struct event *term, *interrupt, *hangup;
};

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

static void
end_cb(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	log_notice(NULL, "ending: %s", number == SIGTERM ? "SIGTERM" : "SIGINT");
	event_base_loopbreak(d->base);
}

/*
 * The configuration: loaded whole beside the one in force, then put in its
 * place; one with errors changes nothing.
 */

/* (gid_t)-1 for no group; false when there is none of the name that was given. */
static bool
find_group(const struct conf *c, gid_t *gid)
{
	bool given = c->control_group != NULL;
	const struct group *group = getgrnam(given ? c->control_group : CONF_GROUP);

	*gid = group != NULL ? group->gr_gid : (gid_t)-1;
	return group != NULL || !given;
}

/* Where the preset group cannot be had, nobody has asked for it either. */
static bool
set_group(struct daemon *d, const struct conf *c, gid_t gid)
{
	if (control_set_group(d->control, gid))
		return true;
	return c->control_group == NULL && control_set_group(d->control, (gid_t)-1);
}

static struct conf *
load(struct daemon *d, gid_t *gid, struct conf_messages *messages)
{
	struct conf *c = conf_load(&d->options.flags, messages);

	if (c != NULL && !find_group(c, gid)) {
		conf_say(messages, true,
			 xasprintf("control.group: there is no group '%.80s'",
				   c->control_group));
		conf_free(c);
		c = NULL;
	}
	return c;
}

static void
put_in_force(struct daemon *d, struct conf *c, struct mono now)
{
	/* The file that was there once must not be missing at a reload. */
	if (c->file != NULL && d->options.flags.file == NULL)
		d->options.flags.file = CONF_FILE;
	/* A LOGLEVEL that somebody gave meanwhile outlives other changes. */
	if (d->conf == NULL || d->conf->log_level != c->log_level)
		log_set_level(c->log_level);
	discovery_configure(d->discovery, c, now);
	conf_free(d->conf);
	d->conf = c;
	d->configured = now;
}

static void
log_messages(const struct conf_messages *messages)
{
	for (size_t i = 0; i < messages->count; i++) {
		if (i < messages->errors)
			log_error(NULL, "configuration: %s", messages->text[i]);
		else
			log_warning(NULL, "configuration: %s", messages->text[i]);
	}
}

static char *
reload(void *owner)
{
	struct daemon *d = owner;
	struct conf_messages messages = { 0 };
	struct conf *c;
	gid_t gid;

	service_reloading(d->service, clock_now());
	free(d->reload_error);
	d->reload_error = NULL;
	c = load(d, &gid, &messages);
	if (c != NULL && !set_group(d, c, gid)) {
		conf_say(
			&messages, true,
			xasprintf("control.group: the socket cannot be given to it: %s",
				  strerror(errno)));
		conf_free(c);
		c = NULL;
	}
	log_messages(&messages);
	if (c == NULL) {
		d->reload_error =
			xasprintf("%zu error%s, nothing has changed; %s",
				  messages.errors, messages.errors == 1 ? "" : "s",
				  messages.text[0]);
		log_error(NULL, "reload: nothing has changed");
	} else {
		if (strcmp(c->control_path, d->conf->control_path) != 0)
			log_warning(NULL, "control.path: moving the socket needs a "
					  "restart");
		d->reloads++;
		put_in_force(d, c, clock_now());
		log_notice(NULL, "reload: %zu targets", fleet_count(d->fleet));
	}
	conf_messages_fini(&messages);
	service_ready(d->service, clock_now());
	return xstrdup(d->reload_error);
}

static void
hangup_cb(evutil_socket_t number, short what, void *arg)
{
	(void)number, (void)what;
	log_notice(NULL, "SIGHUP");
	free(reload(arg));
}

static char *
config_text(void *owner)
{
	struct daemon *d = owner;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return xstrdup("");
	conf_print(d->conf, f);
	fclose(f);
	return text;
}

static void
report_daemon(void *owner, struct daemon_report *r)
{
	struct daemon *d = owner;

	r->config_file = d->conf->file;
	r->config_age_s = clock_diff_s(clock_now(), d->configured);
	r->reloads = d->reloads;
	r->config_error = d->reload_error;
	r->group_count = discovery_group_count(d->discovery);
	r->groups = xcalloc(r->group_count, sizeof(r->groups[0]));
	for (size_t i = 0; i < r->group_count; i++)
		discovery_group_report(d->discovery, i, &r->groups[i]);
}

/*
 * What the service manager wants to know.
 */

static void
state_changed(void *watcher, struct mono now)
{
	struct daemon *d = watcher;

	service_changed(d->service, now);
}

static void
status_text(void *owner, char *text, size_t size)
{
	struct daemon *d = owner;
	struct target_report *reports = fleet_report(d->fleet, clock_now());

	service_summary(text, size, reports, fleet_count(d->fleet), d->reload_error);
	free(reports);
}

static bool
is_well(void *owner, struct mono now)
{
	struct daemon *d = owner;

	if (!resolver_is_stuck(d->resolver, now))
		return true;
	log_error(NULL, "no name can be looked up any more: waiting to be restarted");
	return false;
}

static struct event_base *
make_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	/*
	 * PRECISE_TIMER: a timerfd instead of epoll's milliseconds. NO_CACHE_TIME:
	 * a timer counts from now and not from when the loop woke up; with it
	 * ticks would be early by as much, and have to be waited for again.
	 */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static struct event *
on_signal(struct daemon *d, int number, event_callback_fn fn)
{
	struct event *event = evsignal_new(d->base, number, fn, d);

	event_add(event, NULL);
	return event;
}

static void
free_event(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

static void
take_down(struct daemon *d)
{
	free_event(d->hangup);
	free_event(d->interrupt);
	free_event(d->term);
	control_free(d->control);
	discovery_free(d->discovery);
	fleet_free(d->fleet);
	history_file_free(d->history_file);
	silences_free(d->silences);
	resolver_free(d->resolver);
	bus_free(d->bus);
	service_free(d->service);
	if (d->base != NULL) {
		/* What libevent frees later, TLS connections are, it frees in a turn. */
		event_base_loop(d->base, EVLOOP_NONBLOCK);
		event_base_free(d->base);
	}
	conf_free(d->conf);
	free(d->reload_error);
	options_fini(&d->options);
}

/* Thousands of targets need thousands of descriptors. */
static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Where the configuration says, or on what the service manager has handed over. */
static bool
open_control(struct daemon *d, const struct conf *c, gid_t gid)
{
	const char *handed_over = service_listener_path(d->service);
	const char *path = handed_over != NULL ? handed_over : c->control_path;
	char error[512];

	d->hooks = (struct control_hooks){ reload, config_text, report_daemon, d };
	d->control = control_new(d->base, d->fleet, d->bus, path,
				 service_listener(d->service), &d->hooks, error,
				 sizeof(error));
	if (d->control == NULL) {
		log_error(NULL, "%s", error);
		return false;
	}
	if (!set_group(d, c, gid)) {
		log_error(NULL, "cannot give %s to group %ld: %s", path, (long)gid,
			  strerror(errno));
		return false;
	}
	log_notice(NULL, "pinfod %s, pid %ld: control socket %s%s%s", PINFOD_VERSION,
		   (long)getpid(), path, c->file ? ", configuration " : "",
		   c->file ? c->file : "");
	if (strcmp(path, c->control_path) != 0)
		log_warning(NULL,
			    "control.path: nobody listens on %s: the service manager "
			    "handed over %s",
			    c->control_path, path);
	return true;
}

static int
run(struct daemon *d, struct conf *c, gid_t gid)
{
	raise_descriptors();
	d->base = make_base();
	if (d->base == NULL) {
		log_error(NULL, "the event loop cannot be made");
		return EX_UNAVAILABLE;
	}
	d->bus = bus_new();
	d->resolver = resolver_new(d->base);
	d->fleet = fleet_new(d->base, d->bus, d->resolver);
	d->discovery = discovery_new(d->base, d->resolver, d->fleet);
	d->silences = silences_new();
	if (!open_control(d, c, gid)) {
		conf_free(c);
		return EX_UNAVAILABLE;
	}
	d->service_hooks = (struct service_hooks){ status_text, is_well, d };
	service_attach(d->service, d->base, &d->service_hooks);
	fleet_watch(d->fleet, state_changed, d);
	d->term = on_signal(d, SIGTERM, end_cb);
	d->interrupt = on_signal(d, SIGINT, end_cb);
	d->hangup = on_signal(d, SIGHUP, hangup_cb);
	/* Not before the lock of the socket says that this is the one pinfod there. */
	d->history_file = history_file_new(d->base, d->silences);
	fleet_set_history(d->fleet, d->history_file);
	fleet_set_silences(d->fleet, d->silences);
	put_in_force(d, c, clock_now());
	service_ready(d->service, clock_now());
	event_base_dispatch(d->base);
	service_stopping(d->service);
	return EX_OK;
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

static void
wake_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

/* Runs the loop until the groups have found out who belongs to them, or cannot. */
static void
settle(struct daemon *d)
{
	struct event *deadline = evtimer_new(d->base, wake_cb, NULL);

	event_add(deadline, &settle_within);
	while (!discovery_is_settled(d->discovery) && evtimer_pending(deadline, NULL))
		event_base_loop(d->base, EVLOOP_ONCE);
	event_free(deadline);
}

/* The targets that there are now, however the groups go on; and what to tell. */
static struct target_config *
find_targets(struct daemon *d, const struct conf *c, size_t *count, bool *good)
{
	const struct target_config *found;
	struct target_config *targets;
	enum log_level level = log_level();
	struct group_report report;

	/* What they would log is printed. */
	log_set_level(LOG_LEVEL_ERROR);
	d->discovery = discovery_new(d->base, d->resolver, NULL);
	discovery_configure(d->discovery, c, clock_now());
	settle(d);
	for (size_t i = 0; i < discovery_group_count(d->discovery); i++) {
		discovery_group_report(d->discovery, i, &report);
		*good &= probe_group(&report, stdout);
	}
	found = discovery_targets(d->discovery, count);
	targets = xcalloc(*count, sizeof(targets[0]));
	for (size_t i = 0; i < *count; i++)
		target_config_copy(&targets[i], &found[i]);
	discovery_free(d->discovery);
	d->discovery = NULL;
	log_set_level(level);
	return targets;
}

static int
probe(struct daemon *d, const struct conf *c)
{
	struct target_config *targets;
	bool good = true;
	size_t count;

	raise_descriptors();
	d->base = make_base();
	if (d->base == NULL)
		return EX_UNAVAILABLE;
	d->resolver = resolver_new(d->base);
	targets = find_targets(d, c, &count, &good);
	if (count > 0)
		good &= probe_run(d->base, d->resolver, targets, count, stdout);
	for (size_t i = 0; i < count; i++)
		target_config_fini(&targets[i]);
	free(targets);
	return good ? EX_OK : EX_UNAVAILABLE;
}

/* Tells on stderr how it went; see replay.h. */
static int
replay(const struct daemon *d, const struct conf *c)
{
	const char *path = d->options.replay;
	bool is_stdin = strcmp(path, "-") == 0, good;
	FILE *in = is_stdin ? stdin : fopen(path, "re");
	char error[512] = "", span[CLOCK_SPAN_BYTES];
	struct replay_report r;

	if (in == NULL) {
		fprintf(stderr, "pinfod: %s: %s\n", path, strerror(errno));
		return EX_NOINPUT;
	}
	good = replay_run(in, stdout, d->options.json, c, &r, error, sizeof(error));
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

int
main(int argc, char **argv)
{
	struct daemon d = { 0 };
	struct conf_messages messages = { 0 };
	struct conf *c;
	char error[512];
	int code;
	gid_t gid;

	keep_memory_private();
	keep_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	log_init();
	switch (options_parse(&d.options, argc, argv)) {
	case OPTIONS_DONE:
		return EX_OK;
	case OPTIONS_USAGE:
		return EX_USAGE;
	case OPTIONS_RUN:
		break;
	}
	d.service = service_new(error, sizeof(error));
	if (d.service == NULL) {
		log_error(NULL, "%s", error);
		take_down(&d);
		return EX_CONFIG;
	}
	d.options.flags.handed_over = service_listener_path(d.service);
	c = load(&d, &gid, &messages);
	code = complain(&d.options, &messages);
	conf_messages_fini(&messages);
	if (c != NULL && d.options.test_config) {
		conf_print(c, stdout);
		conf_free(c);
	} else if (c != NULL && d.options.replay != NULL) {
		code = replay(&d, c);
		conf_free(c);
	} else if (c != NULL && d.options.probe) {
		code = probe(&d, c);
		conf_free(c);
	} else if (c != NULL) {
		log_set_level(c->log_level);
		if (d.options.password_seen)
			log_warning(
				NULL,
				"a password stood on the command line, where others "
				"may have read it until now; REDISCLI_AUTH and "
				"password_file keep it from them");
		code = run(&d, c, gid);
	}
	take_down(&d);
	return code;
}
