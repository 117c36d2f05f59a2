/*
 * control: see control.h.
 */
#include "control.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bus.h"
#include "client.h"
#include "commands.h"
#include "fail.h"
#include "lock.h"
#include "log.h"
#include "report.h"
#include "xalloc.h"

#define CLIENTS_MAX 64
#define BACKLOG 64
#define ACCEPT_PAUSE_MS 250
#define SOCKET_MODE 0660
#define DIRECTORY_MODE 0755

struct seat {
	TAILQ_ENTRY(seat) entry;
	struct client *client;
	bool gone;
};

struct control {
	struct event_base *base;
	struct bus *bus;
	struct bus_sink *sink;
	struct commands commands;
	char *path, *lock_path;
	gid_t group;
	int lock;   /* -1: none */
	bool bound; /* the socket at path is ours to give away, and to remove */
	struct evconnlistener *listener;
	struct event resume, sweep;
	bool accept_failed; /* told already */
	TAILQ_HEAD(seats, seat) seats;
	unsigned seats_taken;
	uint64_t next_id;
	unsigned long refused, dropped;
};

/*
 * Clients come and go. A client that is gone is freed on a fresh stack.
 */

static void
on_request(void *owner, struct client *client, const struct resp_request *request)
{
	struct control *c = owner;

	commands_run(&c->commands, client, request, clock_now());
}

static void
on_gone(void *owner, struct client *client, bool dropped)
{
	struct control *c = owner;
	struct seat *s;

	if (dropped)
		c->dropped++;
	TAILQ_FOREACH (s, &c->seats, entry) {
		if (s->client == client)
			s->gone = true;
	}
	event_active(&c->sweep, EV_TIMEOUT, 0);
}

static const struct client_handlers client_handlers = {
	.request = on_request,
	.gone = on_gone,
};

static void
leave(struct control *c, struct seat *s)
{
	TAILQ_REMOVE(&c->seats, s, entry);
	c->seats_taken--;
	client_free(s->client);
	free(s);
}

static void
sweep_cb(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;
	struct seat *s, *next;

	(void)fd, (void)what;
	for (s = TAILQ_FIRST(&c->seats); s != NULL; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (s->gone)
			leave(c, s);
	}
}

/*
 * Messages.
 */

static void
deliver(struct control *c, const char *channel, const char *text, size_t len)
{
	struct seat *s;

	TAILQ_FOREACH (s, &c->seats, entry) {
		if (!s->gone)
			client_deliver(s->client, channel, text, len);
	}
}

static void
on_sample(void *sink, const struct sample *sample)
{
	deliver(sink, sample->channel, sample->text, sample->len);
}

static void
on_notice(void *sink, const struct bus_notice *notice)
{
	if (notice->json != NULL)
		deliver(sink, notice->channel, notice->json, notice->len);
}

static bool
on_wants(void *sink, const char *channel)
{
	struct control *c = sink;
	struct seat *s;

	TAILQ_FOREACH (s, &c->seats, entry) {
		if (!s->gone && client_wants(s->client, channel))
			return true;
	}
	return false;
}

static const struct bus_handlers bus_handlers = {
	.sample = on_sample,
	.notice = on_notice,
	.answer = on_sample,
	.wants = on_wants,
};

static void
refuse(struct control *c, int fd)
{
	static const char answer[] = "-ERR max number of clients reached\r\n";

	c->refused++;
	if (send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug(NULL, "control: a client was refused, and is gone");
	close(fd);
}

static void
accept_cb(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
	  int len, void *arg)
{
	struct control *c = arg;
	enum privilege privilege;
	struct seat *s;
	uid_t uid;

	(void)listener, (void)address, (void)len;
	c->accept_failed = false;
	if (c->seats_taken == CLIENTS_MAX) {
		refuse(c, fd);
		return;
	}
	privilege = peer_privilege(fd, c->group, &uid);
	s = xcalloc(1, sizeof(*s));
	s->client =
		client_new(c->base, fd, ++c->next_id, privilege, &client_handlers, c);
	TAILQ_INSERT_TAIL(&c->seats, s, entry);
	c->seats_taken++;
	log_debug(NULL, "control: client %llu, uid %ld, may %s",
		  (unsigned long long)c->next_id, (long)uid,
		  peer_privilege_name(privilege));
}

/* Out of descriptors, most likely: without a pause this would be a busy loop. */
static void
accept_error_cb(struct evconnlistener *listener, void *arg)
{
	struct timeval pause = { .tv_usec = ACCEPT_PAUSE_MS * 1000 };
	struct control *c = arg;

	if (!c->accept_failed)
		log_warning(NULL, "control: cannot accept clients: %s",
			    strerror(errno));
	c->accept_failed = true;
	evconnlistener_disable(listener);
	event_add(&c->resume, &pause);
}

static void
resume_cb(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd, (void)what;
	evconnlistener_enable(c->listener);
}

/*
 * Getting the socket.
 */

/* The socket's directory, for the likes of /run/pinfod; not its parents. */
static bool
make_directory(const char *path, char *error, size_t size)
{
	char *directory = xstrdup(path), *slash = strrchr(directory, '/');
	mode_t mask;
	bool ok = true;

	if (slash != NULL && slash != directory) {
		*slash = '\0';
		/* Who may connect is the socket's affair, not our caller's umask. */
		mask = umask(0);
		if (mkdir(directory, DIRECTORY_MODE) != 0 && errno != EEXIST)
			ok = fail(error, size, "cannot make the directory %s: %s",
				  directory, strerror(errno));
		umask(mask);
	}
	free(directory);
	return ok;
}

static bool
take_lock(struct control *c, char *error, size_t size)
{
	pid_t holder = 0;

	c->lock = lock_take(c->lock_path, &holder);
	if (c->lock >= 0)
		return true;
	if (errno == EAGAIN && holder > 0)
		return fail(error, size, "another pinfod (pid %ld) has the socket %s",
			    (long)holder, c->path);
	if (errno == EAGAIN)
		return fail(error, size, "another pinfod has the socket %s", c->path);
	return fail(error, size, "cannot lock %s: %s", c->lock_path, strerror(errno));
}

/* Removes what a daemon that crashed left behind, and only that. */
static bool
clear_path(const struct sockaddr_un *sun, char *error, size_t size)
{
	struct stat st;
	int fd, rc;

	if (lstat(sun->sun_path, &st) != 0)
		return errno == ENOENT ? true
				       : fail(error, size, "cannot look at %s: %s",
					      sun->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return fail(error, size, "%s exists and is no socket", sun->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(error, size, "cannot make a socket: %s", strerror(errno));
	rc = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
	if (rc != 0)
		rc = errno;
	close(fd);
	if (rc != ECONNREFUSED)
		return fail(error, size, "another program listens on %s",
			    sun->sun_path);
	if (unlink(sun->sun_path) != 0)
		return fail(error, size, "cannot remove the stale socket %s: %s",
			    sun->sun_path, strerror(errno));
	return true;
}

static int
bind_socket(struct control *c, char *error, size_t size)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, rc;

	memcpy(sun.sun_path, c->path, strlen(c->path));
	if (!clear_path(&sun, error, size))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		fail(error, size, "cannot make a socket: %s", strerror(errno));
		return -1;
	}
	/* Born with its mode: between bind and chmod it would be open to others. */
	mask = umask(0777 & ~SOCKET_MODE);
	rc = bind(fd, (struct sockaddr *)&sun, sizeof(sun));
	umask(mask);
	if (rc == 0) {
		c->bound = true;
		return fd;
	}
	fail(error, size, "cannot bind %s: %s", c->path, strerror(errno));
	close(fd);
	return -1;
}

static bool
listen_on(struct control *c, int fd, char *error, size_t size)
{
	unsigned flags = LEV_OPT_CLOSE_ON_EXEC;
	bool lent = fd >= 0;

	if (!lent) {
		if (!make_directory(c->path, error, size) || !take_lock(c, error, size))
			return false;
		fd = bind_socket(c, error, size);
		if (fd < 0)
			return false;
		flags |= LEV_OPT_CLOSE_ON_FREE;
	}
	/* With no backlog it is taken to listen already. */
	c->listener = evconnlistener_new(c->base, accept_cb, c, flags,
					 lent ? 0 : BACKLOG, fd);
	if (c->listener == NULL) {
		fail(error, size, "cannot listen on %s: %s", c->path, strerror(errno));
		if (!lent)
			close(fd);
		return false;
	}
	evconnlistener_set_error_cb(c->listener, accept_error_cb);
	return true;
}

struct control *
control_new(struct event_base *base, struct fleet *fleet, struct bus *bus,
	    const char *path, int listener, const struct control_hooks *hooks,
	    char *error, size_t error_size)
{
	struct control *c;

	c = xcalloc(1, sizeof(*c));
	c->base = base;
	c->bus = bus;
	c->commands = (struct commands){
		.control = c,
		.hooks = hooks,
		.fleet = fleet,
		.started = clock_now(),
	};
	c->path = xstrdup(path);
	c->lock_path = xasprintf("%s.lock", path);
	c->group = (gid_t)-1;
	c->lock = -1;
	TAILQ_INIT(&c->seats);
	evtimer_assign(&c->resume, base, resume_cb, c);
	evtimer_assign(&c->sweep, base, sweep_cb, c);
	if (!listen_on(c, listener, error, error_size)) {
		control_free(c);
		return NULL;
	}
	c->sink = bus_attach(bus, &bus_handlers, c);
	return c;
}

void
control_free(struct control *c)
{
	struct seat *s;

	if (c == NULL)
		return;
	bus_detach(c->bus, c->sink);
	while ((s = TAILQ_FIRST(&c->seats)) != NULL)
		leave(c, s);
	event_del(&c->resume);
	event_del(&c->sweep);
	if (c->listener != NULL)
		evconnlistener_free(c->listener);
	if (c->bound)
		unlink(c->path);
	lock_drop(c->lock_path, c->lock);
	free(c->lock_path);
	free(c->path);
	free(c);
}

bool
control_set_group(struct control *c, gid_t group)
{
	bool given = c->group != (gid_t)-1, wanted = group != (gid_t)-1;

	/* Taken from a group, it is ours again: its members connect no longer. */
	if (c->bound && (given || wanted) &&
	    chown(c->path, (uid_t)-1, wanted ? group : getegid()) != 0)
		return false;
	c->group = group;
	return true;
}

void
control_end(struct control *c)
{
	event_base_loopbreak(c->base);
}

void
control_report(const struct control *c, struct daemon_report *report)
{
	report->clients = c->seats_taken;
	report->clients_refused = c->refused;
	report->clients_dropped = c->dropped;
}
