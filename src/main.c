/*
 * main: builds the parts in order, runs the loop, takes them down in reverse.
 */
#include <event2/event.h>
#include <event2/util.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "bus.h"
#include "clock.h"
#include "control.h"
#include "fleet.h"
#include "log.h"
#include "options.h"
#include "resolve.h"

struct daemon {
	struct options options;
	struct event_base *base;
	struct bus *bus;
	struct resolver *resolver;
	struct fleet *fleet;
	struct control *control;
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

static void
end_cb(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	log_notice(NULL, "ending: %s", number == SIGTERM ? "SIGTERM" : "SIGINT");
	event_base_loopbreak(d->base);
}

/* Whoever sends it expects a reload, not an end. */
static void
hangup_cb(evutil_socket_t number, short what, void *arg)
{
	(void)number, (void)what, (void)arg;
	log_notice(NULL, "SIGHUP: there is no configuration file to read again");
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
	fleet_free(d->fleet);
	resolver_free(d->resolver);
	bus_free(d->bus);
	if (d->base != NULL)
		event_base_free(d->base);
	options_fini(&d->options);
}

static int
run(struct daemon *d)
{
	struct target_env env;
	char error[512];

	d->base = make_base();
	if (d->base == NULL) {
		log_error(NULL, "the event loop cannot be made");
		return EX_UNAVAILABLE;
	}
	d->bus = bus_new();
	d->resolver = resolver_new(d->base);
	env = (struct target_env){ d->base, d->bus, d->resolver };
	d->fleet = fleet_new(&env, d->options.targets, d->options.target_count);
	d->control = control_new(d->base, d->fleet, d->bus, &d->options.control, error,
				 sizeof(error));
	if (d->control == NULL) {
		log_error(NULL, "%s", error);
		return EX_UNAVAILABLE;
	}
	d->term = on_signal(d, SIGTERM, end_cb);
	d->interrupt = on_signal(d, SIGINT, end_cb);
	d->hangup = on_signal(d, SIGHUP, hangup_cb);
	log_notice(NULL, "pinfod %s, pid %ld: control socket %s", PINFOD_VERSION,
		   (long)getpid(), d->options.control.path);
	if (!d->options.stopped)
		fleet_start(d->fleet, clock_now());
	event_base_dispatch(d->base);
	return EX_OK;
}

int
main(int argc, char **argv)
{
	struct daemon d = { 0 };
	int code;

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
	log_set_level(d.options.log_level);
	if (d.options.password_seen)
		log_warning(NULL,
			    "a password stood on the command line, where others may "
			    "have read it until now; REDISCLI_AUTH keeps it from "
			    "them");
	code = run(&d);
	take_down(&d);
	return code;
}
