/*
 * service: see service.h.
 *
 * READY=1 and RELOADING=1 may wait a second for a manager whose queue is full, and
 * READY=1 is tried again: without it we would be killed. The others never wait: of
 * STATUS= and WATCHDOG=1 there will be another, and the end shows by itself.
 */
#include "service.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fail.h"
#include "log.h"
#include "report.h"
#include "xalloc.h"

/* sd_listen_fds(3): the first descriptor that is handed over. */
#define LISTENER 3
#define STATUS_PAUSE_NS NS_PER_S
#define SEND_LIMIT_S 1
/* So many names of a state are told, and how many more there are. */
#define NAMES_MAX 3

struct service {
	struct sockaddr_un address; /* of the manager */
	socklen_t address_len;	    /* 0: there is none */
	int fd;			    /* to send from; -1: there is nobody to tell */
	bool failed;		    /* the last datagram; told in the log */
	uint64_t watchdog_us;	    /* 0: nobody watches */
	int listener;		    /* -1: none */
	char *listener_path;

	const struct service_hooks *hooks;
	struct event status, watchdog; /* timers, from service_attach on */
	bool ready, ready_owed; /* READY=1: the first was; the last could not be told */
	struct mono told;	/* when STATUS= was sent last, and what */
	char status_text[SERVICE_STATUS_BYTES];
};

/*
 * What the environment says.
 */

/* The variable's value, which the caller frees, or NULL; it is there no longer. */
static char *
take(const char *name)
{
	char *value = xstrdup(getenv(name));

	unsetenv(name);
	return value;
}

/* 0 for what is missing or no number. */
static uint64_t
take_number(const char *name)
{
	char *text = take(name), *end;
	uint64_t value = 0;

	if (text != NULL && *text >= '0' && *text <= '9') {
		errno = 0;
		value = strtoull(text, &end, 10);
		if (errno != 0 || *end != '\0')
			value = 0;
	}
	free(text);
	return value;
}

/* An absolute path, or @ and an abstract name; others are of no manager of ours. */
static void
take_address(struct service *s)
{
	char *path = take("NOTIFY_SOCKET");
	size_t len = path != NULL ? strlen(path) : 0;

	if (len > 1 && len < sizeof(s->address.sun_path) &&
	    (*path == '/' || *path == '@')) {
		s->address.sun_family = AF_UNIX;
		memcpy(s->address.sun_path, path, len);
		if (*path == '@')
			s->address.sun_path[0] = '\0';
		s->address_len =
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	} else if (len > 0) {
		log_warning(NULL, "NOTIFY_SOCKET is '%.120s', where nobody can be told",
			    path);
	}
	free(path);
}

static void
take_watchdog(struct service *s)
{
	uint64_t us = take_number("WATCHDOG_USEC");
	char *pid = take("WATCHDOG_PID");

	if (pid == NULL || strtol(pid, NULL, 10) == getpid())
		s->watchdog_us = us;
	free(pid);
}

/*
 * The socket that is handed over.
 */

static int
socket_option(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

static char *
path_of(int fd)
{
	struct sockaddr_un sun = { 0 };
	socklen_t len = sizeof(sun);
	int bytes;

	if (getsockname(fd, (struct sockaddr *)&sun, &len) != 0)
		return xstrdup("");
	bytes = (int)len - (int)offsetof(struct sockaddr_un, sun_path);
	if (bytes > 0 && sun.sun_path[0] == '\0')
		return xasprintf("@%.*s", bytes - 1, sun.sun_path + 1);
	return xasprintf("%.*s", bytes < 0 ? 0 : bytes, sun.sun_path);
}

static bool
take_listener(struct service *s, char *error, size_t size)
{
	char *pid = take("LISTEN_PID"), *count = take("LISTEN_FDS");
	bool ours = pid != NULL && strtol(pid, NULL, 10) == getpid();
	bool ok = true;
	int flags;

	unsetenv("LISTEN_FDNAMES");
	if (!ours || count == NULL || strcmp(count, "0") == 0)
		goto out;
	if (strcmp(count, "1") != 0) {
		ok = fail(error, size,
			  "the service manager hands over '%.20s' sockets; one is "
			  "allowed, for control",
			  count);
		goto out;
	}
	if (socket_option(LISTENER, SO_DOMAIN) != AF_UNIX ||
	    socket_option(LISTENER, SO_TYPE) != SOCK_STREAM ||
	    socket_option(LISTENER, SO_ACCEPTCONN) != 1) {
		ok = fail(error, size,
			  "what the service manager hands over is no unix stream "
			  "socket that listens (ListenStream=PATH, Accept=no)");
		goto out;
	}
	/* The manager's own is blocking, and was meant to live through our exec. */
	flags = fcntl(LISTENER, F_GETFL);
	if (fcntl(LISTENER, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(LISTENER, F_SETFD, FD_CLOEXEC) != 0) {
		ok = fail(error, size, "the socket that was handed over: %s",
			  strerror(errno));
		goto out;
	}
	s->listener = LISTENER;
	s->listener_path = path_of(LISTENER);
out:
	free(count);
	free(pid);
	return ok;
}

struct service *
service_new(char *error, size_t size)
{
	struct service *s = xcalloc(1, sizeof(*s));

	s->fd = s->listener = -1;
	take_address(s);
	take_watchdog(s);
	if (!take_listener(s, error, size)) {
		service_free(s);
		return NULL;
	}
	return s;
}

void
service_free(struct service *s)
{
	if (s == NULL)
		return;
	if (s->hooks != NULL) {
		event_del(&s->status);
		event_del(&s->watchdog);
	}
	if (s->fd >= 0)
		close(s->fd);
	if (s->listener >= 0)
		close(s->listener);
	free(s->listener_path);
	free(s);
}

int
service_listener(const struct service *s)
{
	return s->listener;
}

const char *
service_listener_path(const struct service *s)
{
	return s->listener_path;
}

/*
 * What the manager is told.
 */

static bool __attribute__((format(printf, 3, 4)))
tell(struct service *s, int flags, const char *format, ...)
{
	char text[SERVICE_STATUS_BYTES + 128];
	va_list ap;
	int len;

	if (s->fd < 0)
		return true;
	va_start(ap, format);
	len = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* By its address each time: the manager may have made its socket anew. */
	if (sendto(s->fd, text, (size_t)len, flags | MSG_NOSIGNAL,
		   (const struct sockaddr *)&s->address, s->address_len) == len) {
		s->failed = false;
		return true;
	}
	if (!s->failed)
		log_warning(NULL, "the service manager cannot be told: %s",
			    strerror(errno));
	s->failed = true;
	return false;
}

static void
arm_status(struct service *s, struct mono now)
{
	struct timeval tv = clock_until(clock_add_ns(s->told, STATUS_PAUSE_NS), now);

	event_add(&s->status, &tv);
}

static void
status_cb(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;
	char text[SERVICE_STATUS_BYTES];

	(void)fd, (void)what;
	if (s->ready_owed) {
		service_ready(s, clock_now());
		return;
	}
	s->hooks->status(s->hooks->owner, text, sizeof(text));
	if (strcmp(text, s->status_text) == 0)
		return;
	s->told = clock_now();
	if (tell(s, MSG_DONTWAIT, "STATUS=%s", text))
		memcpy(s->status_text, text, sizeof(text));
	else
		arm_status(s, s->told);
}

/*
 * Served like any timer of the loop, so a loop that is late feeds it late, and one
 * that is blocked not at all. One turn of the loop has an end, for all that comes
 * from outside is bounded: a daemon that is merely overloaded would have to spend
 * half the watchdog's time on one turn to be killed.
 */
static void
watchdog_cb(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;

	(void)fd, (void)what;
	if (s->hooks->is_well(s->hooks->owner, clock_now()))
		tell(s, MSG_DONTWAIT, "WATCHDOG=1");
}

void
service_attach(struct service *s, struct event_base *base,
	       const struct service_hooks *hooks)
{
	struct timeval limit = { .tv_sec = SEND_LIMIT_S };

	s->hooks = hooks;
	evtimer_assign(&s->status, base, status_cb, s);
	event_assign(&s->watchdog, base, -1, EV_PERSIST, watchdog_cb, s);
	if (s->address_len == 0)
		return;
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 ||
	    setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0)
		log_warning(NULL, "the service manager cannot be told: %s",
			    strerror(errno));
}

void
service_ready(struct service *s, struct mono now)
{
	uint64_t half_us = s->watchdog_us / 2;
	struct timeval half = { (time_t)(half_us / 1000000),
				(suseconds_t)(half_us % 1000000) };

	if (s->fd < 0)
		return;
	s->hooks->status(s->hooks->owner, s->status_text, sizeof(s->status_text));
	s->told = now;
	s->ready_owed = !tell(s, 0, "READY=1\nSTATUS=%s", s->status_text);
	if (s->ready_owed)
		arm_status(s, clock_now());
	if (!s->ready && half_us > 0)
		event_add(&s->watchdog, &half);
	s->ready = true;
}

void
service_reloading(struct service *s, struct mono now)
{
	/* Newer than the SIGHUP, or the manager takes it for an older one's answer. */
	tell(s, 0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, now.ns / 1000);
}

void
service_changed(struct service *s, struct mono now)
{
	if (s->ready && !evtimer_pending(&s->status, NULL))
		arm_status(s, now);
}

void
service_stopping(struct service *s)
{
	tell(s, MSG_DONTWAIT, "STOPPING=1\nSTATUS=ending");
}

/*
 * STATUS=, in which the worst comes first.
 */

static void
print_names(FILE *out, const struct target_report *targets, size_t count,
	    enum target_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (targets[i].state != state)
			continue;
		if (n == 0)
			fprintf(out, "; %s: ", report_state_name(state));
		if (n < NAMES_MAX)
			fprintf(out, "%s%s", n > 0 ? ", " : "", targets[i].name);
		n++;
	}
	if (n > NAMES_MAX)
		fprintf(out, " and %zu more", n - NAMES_MAX);
}

void
service_summary(char *text, size_t size, const struct target_report *targets,
		size_t count, const char *reload_error)
{
	static const enum target_state order[] = {
		TARGET_DOWN,	TARGET_SILENT,	 TARGET_DENIED,	 TARGET_BUSY,
		TARGET_REFUSED, TARGET_STARTING, TARGET_STOPPED,
	};
	char *whole = NULL;
	size_t len, up = 0;
	FILE *out = open_memstream(&whole, &len);

	text[0] = '\0';
	if (out == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		up += targets[i].state == TARGET_UP;
	fprintf(out, "%zu of %zu target%s up", up, count, count == 1 ? "" : "s");
	if (reload_error != NULL)
		fprintf(out, "; the last reload failed: %.200s", reload_error);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		print_names(out, targets, count, order[i]);
	fclose(out);
	/* One line, and text that the manager takes: it refuses what is no UTF-8. */
	log_escape(text, size, whole);
	free(whole);
}
