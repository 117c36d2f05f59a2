/*
 * daemon: see daemon.h.
 */
#include "daemon.h"

#include <event2/event.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
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
#include "loop.h"
#include "report.h"
#include "resolve.h"
#include "service.h"
#include "silences.h"
#include "xalloc.h"

struct daemon {
	struct conf_flags flags;
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

/* Where the preset group cannot be had, nobody has asked for it either. */
static bool
set_group(struct daemon *d, const struct conf *c)
{
	bool given = c->control_group != NULL;
	const struct group *group = getgrnam(given ? c->control_group : CONF_GROUP);

	errno = ENOENT;
	if (group != NULL && control_set_group(d->control, group->gr_gid))
		return true;
	return !given && control_set_group(d->control, (gid_t)-1);
}

static void
put_in_force(struct daemon *d, struct conf *c, struct mono now)
{
	/* The file that was there once must not be missing at a reload. */
	if (c->file != NULL && d->flags.file == NULL)
		d->flags.file = CONF_FILE;
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

	service_reloading(d->service, clock_now());
	free(d->reload_error);
	d->reload_error = NULL;
	c = conf_load(&d->flags, &messages);
	if (c != NULL && !set_group(d, c)) {
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
}

/* Where the configuration says, or on what the service manager has handed over. */
static bool
open_control(struct daemon *d, const struct conf *c)
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
	if (!set_group(d, c)) {
		log_error(NULL, "cannot give %s to group %s: %s", path,
			  c->control_group != NULL ? c->control_group : CONF_GROUP,
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
run(struct daemon *d, struct conf *c)
{
	d->base = loop_new();
	if (d->base == NULL) {
		log_error(NULL, "the event loop cannot be made");
		conf_free(c);
		return EX_UNAVAILABLE;
	}
	d->bus = bus_new();
	d->resolver = resolver_new(d->base);
	d->fleet = fleet_new(d->base, d->bus, d->resolver);
	d->discovery = discovery_new(d->base, d->resolver, d->fleet);
	d->silences = silences_new();
	if (!open_control(d, c)) {
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

int
daemon_run(const struct conf_flags *flags, struct conf *conf, struct service *service)
{
	struct daemon d = { .flags = *flags, .service = service };
	int code = run(&d, conf);

	take_down(&d);
	return code;
}
