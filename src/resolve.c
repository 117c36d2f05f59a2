/*
 * resolve: see resolve.h.
 *
 * A lookup belongs to the loop until its thread starts, to the thread while it
 * runs, and to the loop again once it is on the list of those that are done.
 * Requests stay with the loop throughout. What both sides touch is `shared`,
 * which lives until the last of them lets go: getaddrinfo cannot be called off,
 * and the daemon ends without waiting for it.
 */
#include "resolve.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "thread.h"
#include "xalloc.h"

/* More names than that at once wait for one of them to be done. */
#define THREADS_MAX 64
#define STUCK_NS (600 * NS_PER_S)

struct resolve {
	TAILQ_ENTRY(resolve) entry;
	struct lookup *lookup;
	resolve_fn *fn;
	void *arg;
};

struct lookup {
	TAILQ_ENTRY(lookup) entry;   /* the loop's: running or waiting */
	STAILQ_ENTRY(lookup) finish; /* the list of those that are done */
	TAILQ_HEAD(requests, resolve) requests;
	struct shared *shared;
	bool started;
	char *host;
	struct resolve_list list;
	char error[128]; /* empty: none */
};

struct shared {
	pthread_mutex_t mutex;
	unsigned users; /* threads, and the loop */
	bool closed;	/* the loop has gone */
	int wake;	/* eventfd */
	STAILQ_HEAD(done, lookup) done;
};

struct resolver {
	struct shared *shared;
	struct event *event;
	TAILQ_HEAD(lookups, lookup) lookups;
	unsigned threads;
	struct mono moved; /* when a thread last began: as names wait, one came back */
};

static void
lookup_free(struct lookup *l)
{
	free(l->host);
	free(l);
}

/* With the mutex held, which it lets go of. */
static void
shared_leave(struct shared *s)
{
	bool last = --s->users == 0;

	pthread_mutex_unlock(&s->mutex);
	if (!last)
		return;
	close(s->wake);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

static void
fill(struct resolve_list *list, const struct addrinfo *found)
{
	for (; found != NULL && list->count < RESOLVE_MAX; found = found->ai_next) {
		char *text = list->address[list->count];

		if (getnameinfo(found->ai_addr, found->ai_addrlen, text,
				sizeof(list->address[0]), NULL, 0, NI_NUMERICHOST) == 0)
			list->count++;
	}
}

static void
look_up(struct lookup *l)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int rc = getaddrinfo(l->host, NULL, &hints, &found);
	const char *why = "the name has no address";

	if (rc == 0) {
		fill(&l->list, found);
		freeaddrinfo(found);
	} else {
		why = rc == EAI_SYSTEM ? strerrordesc_np(errno) : gai_strerror(rc);
	}
	if (l->list.count == 0)
		snprintf(l->error, sizeof(l->error), "%s", why);
}

static void *
thread_main(void *arg)
{
	struct lookup *l = arg;
	struct shared *s = l->shared;

	look_up(l);
	pthread_mutex_lock(&s->mutex);
	if (s->closed) {
		lookup_free(l);
	} else {
		STAILQ_INSERT_TAIL(&s->done, l, finish);
		eventfd_write(s->wake, 1);
	}
	shared_leave(s);
	return NULL;
}

static bool
start_thread(struct lookup *l)
{
	int rc = thread_start(thread_main, l);

	if (rc != 0)
		log_debug(NULL, "resolve: no thread for %s: %s", l->host, strerror(rc));
	return rc == 0;
}

static void
start_lookups(struct resolver *r)
{
	struct lookup *l;

	TAILQ_FOREACH (l, &r->lookups, entry) {
		if (r->threads == THREADS_MAX)
			return;
		if (l->started)
			continue;
		l->started = true;
		pthread_mutex_lock(&r->shared->mutex);
		r->shared->users++;
		pthread_mutex_unlock(&r->shared->mutex);
		r->threads++;
		r->moved = clock_now();
		if (start_thread(l))
			continue;
		/* Done already, and badly; told on a fresh stack like all. */
		snprintf(l->error, sizeof(l->error), "no thread to look it up");
		pthread_mutex_lock(&r->shared->mutex);
		STAILQ_INSERT_TAIL(&r->shared->done, l, finish);
		eventfd_write(r->shared->wake, 1);
		shared_leave(r->shared);
	}
}

static void
answer(struct resolver *r, struct lookup *l)
{
	struct resolve *request;

	TAILQ_REMOVE(&r->lookups, l, entry);
	r->threads--;
	while ((request = TAILQ_FIRST(&l->requests)) != NULL) {
		TAILQ_REMOVE(&l->requests, request, entry);
		request->fn(request->arg, &l->list, l->error[0] ? l->error : NULL);
		free(request);
	}
	lookup_free(l);
}

static void
wake_cb(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;
	struct lookup *l;
	eventfd_t count;

	(void)what;
	eventfd_read(fd, &count);
	for (;;) {
		pthread_mutex_lock(&r->shared->mutex);
		l = STAILQ_FIRST(&r->shared->done);
		if (l != NULL)
			STAILQ_REMOVE_HEAD(&r->shared->done, finish);
		pthread_mutex_unlock(&r->shared->mutex);
		if (l == NULL)
			break;
		answer(r, l);
	}
	start_lookups(r);
}

struct resolver *
resolver_new(struct event_base *base)
{
	struct resolver *r = xcalloc(1, sizeof(*r));
	struct shared *s = xcalloc(1, sizeof(*s));

	pthread_mutex_init(&s->mutex, NULL);
	STAILQ_INIT(&s->done);
	s->users = 1;
	s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r->shared = s;
	TAILQ_INIT(&r->lookups);
	r->event = event_new(base, s->wake, EV_READ | EV_PERSIST, wake_cb, r);
	event_add(r->event, NULL);
	return r;
}

void
resolver_free(struct resolver *r)
{
	struct shared *s;
	struct lookup *l;

	if (r == NULL)
		return;
	event_free(r->event);
	s = r->shared;
	pthread_mutex_lock(&s->mutex);
	s->closed = true;
	while ((l = STAILQ_FIRST(&s->done)) != NULL) {
		STAILQ_REMOVE_HEAD(&s->done, finish);
		TAILQ_REMOVE(&r->lookups, l, entry);
		lookup_free(l);
	}
	while ((l = TAILQ_FIRST(&r->lookups)) != NULL) {
		TAILQ_REMOVE(&r->lookups, l, entry);
		assert(TAILQ_EMPTY(&l->requests));
		if (!l->started)
			lookup_free(l);
	}
	shared_leave(s);
	free(r);
}

bool
resolver_is_stuck(const struct resolver *r, struct mono now)
{
	const struct lookup *last = TAILQ_LAST(&r->lookups, lookups);

	/* The last one to be asked for is the last one to be started. */
	return last != NULL && !last->started &&
	       clock_diff_ns(now, r->moved) >= STUCK_NS;
}

bool
resolve_numeric(const char *host, struct resolve_list *list)
{
	unsigned char bits[sizeof(struct in6_addr)];
	char *address = list->address[0];
	size_t len = strlen(host);

	list->count = 0;
	if (len >= sizeof(list->address[0]))
		return false;
	memcpy(address, host, len + 1);
	/* What follows the % is the interface, for the kernel to judge. */
	address[strcspn(address, "%")] = '\0';
	if (inet_pton(AF_INET, host, bits) == 1 ||
	    inet_pton(AF_INET6, address, bits) == 1)
		list->count = 1;
	memcpy(address, host, len + 1);
	return list->count > 0;
}

static struct lookup *
find_lookup(struct resolver *r, const char *host)
{
	struct lookup *l;

	TAILQ_FOREACH (l, &r->lookups, entry) {
		if (strcmp(l->host, host) == 0)
			return l;
	}
	return NULL;
}

struct resolve *
resolve_start(struct resolver *r, const char *host, resolve_fn *fn, void *arg)
{
	struct resolve *request = xcalloc(1, sizeof(*request));
	struct lookup *l = find_lookup(r, host);

	if (l == NULL) {
		l = xcalloc(1, sizeof(*l));
		l->shared = r->shared;
		l->host = xstrdup(host);
		TAILQ_INIT(&l->requests);
		TAILQ_INSERT_TAIL(&r->lookups, l, entry);
	}
	request->lookup = l;
	request->fn = fn;
	request->arg = arg;
	TAILQ_INSERT_TAIL(&l->requests, request, entry);
	start_lookups(r);
	return request;
}

void
resolve_cancel(struct resolve *request)
{
	if (request == NULL)
		return;
	TAILQ_REMOVE(&request->lookup->requests, request, entry);
	free(request);
}
