/*
 * history_file: see history_file.h.
 *
 * A job is a copy of all that is to be written. It belongs to the thread that makes
 * text of it and writes, and to the loop again once it is done. What both sides
 * touch is `shared`, which lives until the last of them lets go: a write that hangs
 * cannot be called off, and pinfod ends without waiting for it for ever.
 */
#include "history_file.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "history_json.h"
#include "json.h"
#include "lock.h"
#include "log.h"
#include "silences.h"
#include "thread.h"
#include "xalloc.h"

#define FILE_NAME "state.json"
#define ROOT_DIRECTORY "/var/lib/pinfod"
#define WRITE_S 5
#define END_S 3
/* A larger file is none of ours: 10,000 targets need 2 MiB, at their worst 20. */
#define FILE_BYTES_MAX (64 * 1024 * 1024)
/* Of targets that are no longer configured: how long they are kept, and how many. */
#define STRAY_NS (30 * 86400 * NS_PER_S)
#define STRAYS_MAX 1000

/* A target, watched or not. */
struct kept {
	struct history_entry entry; /* what it was when it was watched last */
	struct history *live;	    /* NULL: it is not watched */
};

struct job {
	struct history_content content;
	struct wall now;
	char *directory;
	/* The outcome: 0 or an errno, and what was tried then. */
	int error;
	const char *tried;
	struct shared *shared;
};

struct shared {
	pthread_mutex_t mutex;
	pthread_cond_t ended;
	unsigned users;	  /* a thread, and the loop */
	bool closed;	  /* the loop has gone */
	int wake;	  /* eventfd */
	struct job *done; /* for the loop to take */
};

struct history_file {
	struct silences *silences;
	char *directory; /* NULL: there is none, and nothing is written */
	char *lock_path;
	int lock;
	struct kept **kept; /* by name */
	size_t count;
	/* The silences as they were written last. */
	struct history_content written;
	bool stale; /* what was written last is not all */
	bool running, failing;
	struct shared *shared;
	struct event *timer, *done;
};

static char *
path_of(const char *directory, const char *suffix)
{
	return xasprintf("%s/" FILE_NAME "%s", directory, suffix);
}

/*
 * The place.
 */

/* All that is missing of it; those that are there stay as they are. */
static bool
make_directory(const char *path)
{
	char *copy = xstrdup(path);
	bool ok = true;

	for (char *p = copy + 1; ok && *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		ok = mkdir(copy, 0700) == 0 || errno == EEXIST;
		*p = '/';
	}
	free(copy);
	return ok && (mkdir(path, 0700) == 0 || errno == EEXIST) &&
	       access(path, W_OK | X_OK) == 0;
}

static bool
is_absolute(const char *path)
{
	return path != NULL && *path == '/';
}

/* NULL: none can be told. */
static char *
name_directory(bool *given)
{
	const char *state = getenv("STATE_DIRECTORY"), *home = getenv("HOME");
	const char *xdg = getenv("XDG_STATE_HOME");

	*given = state != NULL && *state != '\0';
	if (*given)
		return xasprintf("%.*s", (int)strcspn(state, ":"), state);
	if (geteuid() == 0)
		return xstrdup(ROOT_DIRECTORY);
	if (is_absolute(xdg))
		return xasprintf("%s/pinfod", xdg);
	if (is_absolute(home))
		return xasprintf("%s/.local/state/pinfod", home);
	return NULL;
}

static void
find_place(struct history_file *f)
{
	bool given;
	pid_t holder = 0;
	char *directory = name_directory(&given);
	enum log_level level = given ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;

	if (directory == NULL) {
		log_line(level, NULL,
			 "state: nowhere to keep it: neither STATE_DIRECTORY nor "
			 "XDG_STATE_HOME nor HOME says where");
		return;
	}
	f->lock_path = path_of(directory, ".lock");
	errno = EINVAL;
	if (is_absolute(directory) && make_directory(directory))
		f->lock = lock_take(f->lock_path, &holder);
	if (f->lock >= 0) {
		f->directory = directory;
		return;
	}
	if (errno == EAGAIN)
		log_warning(NULL,
			    "state: %s is kept by another pinfod, pid %ld; what this "
			    "one learns ends with it",
			    directory, (long)holder);
	else
		log_line(level, NULL,
			 "state: cannot be kept in %s: %s; what is learnt ends with "
			 "this pinfod",
			 directory, strerror(errno));
	free(directory);
}

/*
 * Reading.
 */

/* The caller frees it. NULL with errno. */
static char *
read_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	char *text = NULL;
	ssize_t n = 0;

	*len = 0;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) != 0)
		goto out;
	errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX)
		goto out;
	text = xcalloc((size_t)st.st_size + 1, 1);
	while (*len < (size_t)st.st_size &&
	       (n = read(fd, text + *len, (size_t)st.st_size - *len)) > 0)
		*len += (size_t)n;
	if (n < 0) {
		free(text);
		text = NULL;
	}
out:
	close(fd);
	return text;
}

/* One such file is kept: it is for whoever wonders, and is not to fill the disk. */
static void
set_aside(struct history_file *f, const char *path, const char *why)
{
	char *aside = path_of(f->directory, ".damaged");
	bool moved = rename(path, aside) == 0;

	log_warning(NULL, "state: %s cannot be used: %s; %s%s, and nothing is known",
		    path, why, moved ? "it is now " : "it will be replaced",
		    moved ? aside : "");
	free(aside);
}

static void
take_over(struct history_file *f, struct history_content *c, struct wall now)
{
	f->kept = xcalloc(c->count + 1, sizeof(f->kept[0]));
	for (size_t i = 0; i < c->count; i++) {
		struct kept *k = xcalloc(1, sizeof(*k));

		k->entry = c->entries[i];
		c->entries[i].target = NULL; /* it is the other's now */
		f->kept[f->count++] = k;
	}
	for (size_t i = 0; i < c->silence_count; i++) {
		const struct history_silence *s = &c->silences[i];

		if (s->until.ns > now.ns)
			silences_add(f->silences, s->incidents, s->targets, s->until);
	}
}

static int
compare(const void *a, const void *b)
{
	struct kept *const *x = a, *const *y = b;

	return strcmp((*x)->entry.target, (*y)->entry.target);
}

static void
load(struct history_file *f)
{
	char *path = path_of(f->directory, ""), *text, error[400];
	struct history_content content = { 0 };
	size_t len;

	text = read_file(path, &len);
	if (text == NULL && errno != ENOENT) {
		set_aside(f, path, strerror(errno));
	} else if (text != NULL &&
		   !history_json_read(&content, text, len, error, sizeof(error))) {
		set_aside(f, path, error);
	} else {
		if (content.refused > 0)
			log_warning(NULL, "state: %s: left out %zu of it; %s", path,
				    content.refused, content.complaint);
		take_over(f, &content, clock_wall());
		if (f->count > 0)
			qsort(f->kept, f->count, sizeof(f->kept[0]), compare);
		log_info(NULL, "state: %s tells of %zu target%s", path, f->count,
			 f->count == 1 ? "" : "s");
	}
	history_content_fini(&content);
	free(text);
	free(path);
}

/*
 * Writing: in a thread.
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

static bool
sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return ok;
}

/* A new file in the old one's place: whoever reads finds one of them, whole. */
static const char *
replace(const char *directory, const char *text)
{
	char *path = path_of(directory, ""), *fresh = path_of(directory, ".new");
	const char *tried = "open";
	bool ok = false;
	int fd, saved;

	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		ok = (tried = "write", write_all(fd, text, strlen(text))) &&
		     (tried = "fsync", fsync(fd) == 0) &&
		     (tried = "rename", rename(fresh, path) == 0) &&
		     (tried = "fsync the directory", sync_directory(directory));
	saved = errno;
	if (fd >= 0)
		close(fd);
	if (!ok)
		unlink(fresh);
	free(fresh);
	free(path);
	errno = saved;
	return ok ? NULL : tried;
}

static void
run_job(struct job *j)
{
	char *text = history_json(&j->content, j->now);

	j->tried = replace(j->directory, text);
	j->error = j->tried != NULL ? errno : 0;
	free(text);
}

static void
job_free(struct job *j)
{
	if (j == NULL)
		return;
	history_content_fini(&j->content);
	free(j->directory);
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
 * Between the two.
 */

static bool
silences_changed(const struct history_file *f)
{
	const struct silence *s;
	size_t i;

	for (i = 0; (s = silences_at(f->silences, i)) != NULL; i++) {
		const struct history_silence *old = &f->written.silences[i];

		if (i == f->written.silence_count || s->until.ns != old->until.ns ||
		    strcmp(s->incidents, old->incidents) != 0 ||
		    strcmp(s->targets, old->targets) != 0)
			return true;
	}
	return i != f->written.silence_count;
}

static bool
is_dirty(const struct history_file *f)
{
	if (f->stale || silences_changed(f))
		return true;
	for (size_t i = 0; i < f->count; i++) {
		if (f->kept[i]->live != NULL && f->kept[i]->live->dirty)
			return true;
	}
	return false;
}

static void
forget(struct history_file *f, size_t i)
{
	free(f->kept[i]->entry.target);
	free(f->kept[i]);
	memmove(&f->kept[i], &f->kept[i + 1], (--f->count - i) * sizeof(f->kept[0]));
}

/* Targets that nobody watches any more: the old ones, and one too many. */
static void
forget_strays(struct history_file *f, struct wall now)
{
	size_t strays, oldest;

	for (size_t i = f->count; i-- > 0;) {
		const struct kept *k = f->kept[i];

		if (k->live == NULL && now.ns - k->entry.seen.ns > STRAY_NS)
			forget(f, i);
	}
	for (;;) {
		strays = 0;
		oldest = f->count;
		for (size_t i = 0; i < f->count; i++) {
			if (f->kept[i]->live != NULL)
				continue;
			strays++;
			if (oldest == f->count ||
			    f->kept[i]->entry.seen.ns < f->kept[oldest]->entry.seen.ns)
				oldest = i;
		}
		if (strays <= STRAYS_MAX)
			return;
		forget(f, oldest);
	}
}

static void
copy_silences(const struct silences *silences, struct history_content *c)
{
	const struct silence *s;

	c->silences = xcalloc(SILENCES_MAX, sizeof(c->silences[0]));
	c->silence_count = 0;
	while (c->silence_count < SILENCES_MAX &&
	       (s = silences_at(silences, c->silence_count)) != NULL)
		c->silences[c->silence_count++] =
			(struct history_silence){ xstrdup(s->incidents),
						  xstrdup(s->targets), s->until };
}

static struct job *
make_job(struct history_file *f, struct wall now)
{
	struct job *j = xcalloc(1, sizeof(*j));

	f->stale = false;
	forget_strays(f, now);
	j->now = now;
	j->directory = xstrdup(f->directory);
	j->shared = f->shared;
	j->content.entries = xcalloc(f->count + 1, sizeof(j->content.entries[0]));
	for (size_t i = 0; i < f->count; i++) {
		struct kept *k = f->kept[i];

		if (k->live != NULL) {
			k->entry.history = *k->live;
			k->entry.seen = now;
			k->live->dirty = false;
		}
		j->content.entries[i] = k->entry;
		j->content.entries[i].target = xstrdup(k->entry.target);
	}
	j->content.count = f->count;
	copy_silences(f->silences, &j->content);
	history_content_fini(&f->written);
	copy_silences(f->silences, &f->written);
	return j;
}

/* One line when it goes wrong, and one when it is well again. */
static void
conclude(struct history_file *f, struct job *j)
{
	f->running = false;
	f->stale = f->stale || j->error != 0;
	if (j->error != 0 && !f->failing)
		log_error(NULL,
			  "state: cannot %s %s/" FILE_NAME
			  ": %s; what is learnt ends with this pinfod until that works",
			  j->tried, j->directory, strerror(j->error));
	else if (j->error == 0 && f->failing)
		log_notice(NULL, "state: %s/" FILE_NAME " is written again",
			   j->directory);
	f->failing = j->error != 0;
	job_free(j);
}

static void
start_job(struct history_file *f)
{
	struct job *j = make_job(f, clock_wall());
	int rc;

	f->running = true;
	pthread_mutex_lock(&f->shared->mutex);
	f->shared->users++;
	pthread_mutex_unlock(&f->shared->mutex);
	rc = thread_start(thread_main, j);
	if (rc == 0)
		return;
	pthread_mutex_lock(&f->shared->mutex);
	shared_leave(f->shared);
	j->error = rc;
	j->tried = "start a thread for";
	conclude(f, j);
}

static void
take_done(struct history_file *f)
{
	struct job *j;

	pthread_mutex_lock(&f->shared->mutex);
	j = f->shared->done;
	f->shared->done = NULL;
	pthread_mutex_unlock(&f->shared->mutex);
	if (j != NULL)
		conclude(f, j);
}

static void
done_cb(evutil_socket_t fd, short what, void *arg)
{
	eventfd_t count;

	(void)what;
	eventfd_read(fd, &count);
	take_done(arg);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct history_file *f = arg;

	(void)fd, (void)what;
	if (!f->running && is_dirty(f))
		start_job(f);
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

struct history_file *
history_file_new(struct event_base *base, struct silences *silences)
{
	static const struct timeval every = { .tv_sec = WRITE_S };
	struct history_file *f = xcalloc(1, sizeof(*f));

	f->silences = silences;
	f->lock = -1;
	find_place(f);
	if (f->directory == NULL)
		return f;
	/* jansson does it at the first object, which two threads might make at once. */
	json_object_seed(0);
	load(f);
	copy_silences(silences, &f->written);
	f->shared = shared_new();
	f->done = event_new(base, f->shared->wake, EV_READ | EV_PERSIST, done_cb, f);
	event_add(f->done, NULL);
	f->timer = event_new(base, -1, EV_PERSIST, timer_cb, f);
	event_add(f->timer, &every);
	return f;
}

/* Until no thread runs. False: the time is up. */
static bool
await_thread(struct history_file *f, const struct timespec *deadline)
{
	struct shared *s = f->shared;
	int rc = 0;

	pthread_mutex_lock(&s->mutex);
	while (f->running && s->done == NULL && rc == 0)
		rc = pthread_cond_timedwait(&s->ended, &s->mutex, deadline);
	pthread_mutex_unlock(&s->mutex);
	take_done(f);
	return !f->running;
}

static void
write_last(struct history_file *f)
{
	struct timespec deadline;
	bool ended;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += END_S;
	ended = await_thread(f, &deadline);
	if (ended && is_dirty(f)) {
		start_job(f);
		ended = await_thread(f, &deadline);
	}
	if (!ended)
		log_warning(NULL,
			    "state: %s/" FILE_NAME
			    " has not been written in %d s; what "
			    "was learnt last may be lost",
			    f->directory, END_S);
}

void
history_file_free(struct history_file *f)
{
	if (f == NULL)
		return;
	if (f->directory != NULL) {
		event_free(f->timer);
		event_free(f->done);
		write_last(f);
		pthread_mutex_lock(&f->shared->mutex);
		shared_leave(f->shared);
	}
	lock_drop(f->lock_path, f->lock);
	while (f->count > 0)
		forget(f, f->count - 1);
	history_content_fini(&f->written);
	free(f->kept);
	free(f->lock_path);
	free(f->directory);
	free(f);
}

/*
 * Targets.
 */

/* Where it is, or would be. */
static size_t
place_of(const struct history_file *f, const char *target, bool *found)
{
	size_t low = 0, high = f->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(f->kept[middle]->entry.target, target);

		*found = order == 0;
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = false;
	return low;
}

void
history_file_attach(struct history_file *f, const char *target, struct history *history)
{
	struct kept *k;
	bool found;
	size_t at;

	if (f == NULL || f->directory == NULL)
		return;
	at = place_of(f, target, &found);
	if (!found) {
		f->kept = xrealloc(f->kept, f->count + 1, sizeof(f->kept[0]));
		memmove(&f->kept[at + 1], &f->kept[at],
			(f->count++ - at) * sizeof(f->kept[0]));
		k = f->kept[at] = xcalloc(1, sizeof(*k));
		k->entry.target = xstrdup(target);
	}
	k = f->kept[at];
	if (found) {
		*history = k->entry.history;
		history->dirty = false;
	}
	k->live = history;
}

void
history_file_detach(struct history_file *f, const char *target, struct wall now)
{
	struct kept *k;
	bool found;
	size_t at;

	if (f == NULL || f->directory == NULL)
		return;
	at = place_of(f, target, &found);
	if (!found || f->kept[at]->live == NULL)
		return;
	k = f->kept[at];
	k->entry.history = *k->live;
	k->entry.seen = now;
	f->stale = f->stale || k->live->dirty;
	k->live = NULL;
}
