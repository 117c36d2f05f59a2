/*
 * history_writer: see history_writer.h.
 *
 * A job is a copy of all that is to be written. It belongs to the thread that makes
 * text of it and writes, and to the loop again once it is done. What both sides
 * touch is `shared`, which lives until the last of them lets go: a write that hangs
 * cannot be called off, and pinfod ends without waiting for it for ever.
 */
#include "history_writer.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "history_json.h"
#include "json.h"
#include "log.h"
#include "thread.h"
#include "xalloc.h"

struct job {
	struct history_content content;
	struct wall now;
	char *path;
	/* The outcome: 0 or an errno, and what was tried then. */
	int error;
	const char *tried;
	struct shared *shared;
};

struct shared {
	pthread_mutex_t mutex;
	pthread_cond_t ended;
	unsigned users;	  /* a thread, and the loop */
	int wake;	  /* eventfd */
	struct job *done; /* for the loop to take */
};

struct history_writer {
	history_writer_fn *fn;
	void *owner;
	char *path;
	bool busy, failing;
	struct shared *shared;
	struct event *done;
};

/*
 * In the thread.
 */

static bool
write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return true;
}

/* The one that the path's file is in. */
static bool
sync_directory(const char *path)
{
	char *directory = xasprintf("%.*s", (int)(strrchr(path, '/') + 1 - path), path);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	int saved = errno;

	if (fd >= 0)
		close(fd);
	free(directory);
	errno = saved;
	return ok;
}

/* A new file in the old one's place: whoever reads finds one of them, whole. */
static const char *
replace(const char *path, const char *text)
{
	char *fresh = xasprintf("%s.new", path);
	const char *tried = "open";
	bool ok = false;
	int fd, saved;

	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		ok = (tried = "write", write_all(fd, text, strlen(text))) &&
		     (tried = "fsync", fsync(fd) == 0) &&
		     (tried = "rename", rename(fresh, path) == 0) &&
		     (tried = "fsync the directory", sync_directory(path));
	saved = errno;
	if (fd >= 0)
		close(fd);
	if (!ok)
		unlink(fresh);
	free(fresh);
	errno = saved;
	return ok ? NULL : tried;
}

static void
run_job(struct job *j)
{
	char *text = history_json(&j->content, j->now);

	j->tried = replace(j->path, text);
	j->error = j->tried != NULL ? errno : 0;
	free(text);
}

static void
job_free(struct job *j)
{
	if (j == NULL)
		return;
	history_content_fini(&j->content);
	free(j->path);
	free(j);
}

/* With the mutex held, which it lets go of. */
static void
shared_leave(struct shared *s)
{
	bool last = --s->users == 0;

	pthread_mutex_unlock(&s->mutex);
	if (!last)
		return;
	job_free(s->done);
	close(s->wake);
	pthread_cond_destroy(&s->ended);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

static void *
thread_main(void *arg)
{
	struct job *j = arg;
	struct shared *s = j->shared;

	run_job(j);
	pthread_mutex_lock(&s->mutex);
	s->done = j;
	eventfd_write(s->wake, 1);
	pthread_cond_signal(&s->ended);
	shared_leave(s);
	return NULL;
}

/*
 * In the loop.
 */

/* One line when it goes wrong, and one when it is well again. */
static void
conclude(struct history_writer *w, struct job *j)
{
	bool ok = j->error == 0;

	if (!ok && !w->failing)
		log_error(NULL,
			  "state: cannot %s %s: %s; what is learnt ends with this "
			  "pinfod until that works",
			  j->tried, w->path, strerror(j->error));
	else if (ok && w->failing)
		log_notice(NULL, "state: %s is written again", w->path);
	job_free(j);
	w->busy = false;
	w->failing = !ok;
	w->fn(w->owner, ok);
}

void
history_writer_start(struct history_writer *w, struct history_content *content,
		     struct wall now)
{
	struct job *j = xcalloc(1, sizeof(*j));
	int rc;

	assert(!w->busy);
	j->content = *content;
	*content = (struct history_content){ 0 };
	j->now = now;
	j->path = xstrdup(w->path);
	j->shared = w->shared;
	w->busy = true;
	pthread_mutex_lock(&w->shared->mutex);
	w->shared->users++;
	pthread_mutex_unlock(&w->shared->mutex);
	rc = thread_start(thread_main, j);
	if (rc == 0)
		return;
	pthread_mutex_lock(&w->shared->mutex);
	shared_leave(w->shared);
	j->error = rc;
	j->tried = "start a thread for";
	conclude(w, j);
}

static void
take_done(struct history_writer *w)
{
	struct job *j;

	pthread_mutex_lock(&w->shared->mutex);
	j = w->shared->done;
	w->shared->done = NULL;
	pthread_mutex_unlock(&w->shared->mutex);
	if (j != NULL)
		conclude(w, j);
}

static void
done_cb(evutil_socket_t fd, short what, void *arg)
{
	eventfd_t count;

	(void)what;
	eventfd_read(fd, &count);
	take_done(arg);
}

static struct shared *
shared_new(void)
{
	struct shared *s = xcalloc(1, sizeof(*s));
	pthread_condattr_t attributes;

	pthread_mutex_init(&s->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&s->ended, &attributes);
	pthread_condattr_destroy(&attributes);
	s->users = 1;
	s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return s;
}

struct history_writer *
history_writer_new(struct event_base *base, const char *path, history_writer_fn *fn,
		   void *owner)
{
	struct history_writer *w = xcalloc(1, sizeof(*w));

	/* jansson does it at the first object, which two threads might make at once. */
	json_object_seed(0);
	w->fn = fn;
	w->owner = owner;
	w->path = xstrdup(path);
	w->shared = shared_new();
	w->done = event_new(base, w->shared->wake, EV_READ | EV_PERSIST, done_cb, w);
	event_add(w->done, NULL);
	return w;
}

void
history_writer_free(struct history_writer *w)
{
	if (w == NULL)
		return;
	event_free(w->done);
	pthread_mutex_lock(&w->shared->mutex);
	shared_leave(w->shared);
	free(w->path);
	free(w);
}

bool
history_writer_is_busy(const struct history_writer *w)
{
	return w->busy;
}

bool
history_writer_await(struct history_writer *w, const struct timespec *deadline)
{
	struct shared *s = w->shared;
	int rc = 0;

	pthread_mutex_lock(&s->mutex);
	while (w->busy && s->done == NULL && rc == 0)
		rc = pthread_cond_timedwait(&s->ended, &s->mutex, deadline);
	pthread_mutex_unlock(&s->mutex);
	take_done(w);
	return !w->busy;
}
