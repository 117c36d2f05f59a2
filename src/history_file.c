/*
 * history_file: see history_file.h.
 */
#include "history_file.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "history_json.h"
#include "history_writer.h"
#include "lock.h"
#include "log.h"
#include "silences.h"
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
	bool forgotten;		    /* and not to be kept any longer */
};

struct history_file {
	struct silences *silences;
	char *path; /* NULL: there is none, and nothing is written */
	char *lock_path;
	int lock;
	struct kept **kept; /* by name */
	size_t count;
	/* The silences as they were written last. */
	struct history_content written;
	bool stale; /* what was written last is not all */
	struct history_writer *writer;
	struct event *timer;
};

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
	f->lock_path = xasprintf("%s/" FILE_NAME ".lock", directory);
	errno = EINVAL;
	if (is_absolute(directory) && make_directory(directory))
		f->lock = lock_take(f->lock_path, &holder);
	if (f->lock >= 0)
		f->path = xasprintf("%s/" FILE_NAME, directory);
	else if (errno == EAGAIN)
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
set_aside(const char *path, const char *why)
{
	char *aside = xasprintf("%s.damaged", path);
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
	struct history_content content = { 0 };
	char *text, error[400];
	size_t len;

	text = read_file(f->path, &len);
	if (text == NULL && errno != ENOENT) {
		set_aside(f->path, strerror(errno));
	} else if (text != NULL &&
		   !history_json_read(&content, text, len, error, sizeof(error))) {
		set_aside(f->path, error);
	} else {
		if (content.refused > 0)
			log_warning(NULL, "state: %s: left out %zu of it; %s", f->path,
				    content.refused, content.complaint);
		take_over(f, &content, clock_wall());
		if (f->count > 0)
			qsort(f->kept, f->count, sizeof(f->kept[0]), compare);
		log_info(NULL, "state: %s tells of %zu target%s", f->path, f->count,
			 f->count == 1 ? "" : "s");
	}
	history_content_fini(&content);
	free(text);
}

/*
 * Writing.
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
kept_free(struct kept *k)
{
	free(k->entry.target);
	free(k);
}

static int
newest_first(const void *a, const void *b)
{
	struct kept *const *x = a, *const *y = b;
	int64_t i = (*x)->entry.seen.ns, k = (*y)->entry.seen.ns;

	return (i < k) - (i > k);
}

/*
 * Targets that nobody watches any more: the old ones, and those that are too many. A
 * group may lose thousands at once.
 */
static void
forget_strays(struct history_file *f, struct wall now)
{
	struct kept **strays = xcalloc(f->count, sizeof(strays[0]));
	size_t count = 0, left = 0;

	for (size_t i = 0; i < f->count; i++) {
		if (f->kept[i]->live == NULL)
			strays[count++] = f->kept[i];
	}
	qsort(strays, count, sizeof(strays[0]), newest_first);
	for (size_t i = 0; i < count; i++)
		strays[i]->forgotten =
			i >= STRAYS_MAX || now.ns - strays[i]->entry.seen.ns > STRAY_NS;
	for (size_t i = 0; i < f->count; i++) {
		if (f->kept[i]->forgotten)
			kept_free(f->kept[i]);
		else
			f->kept[left++] = f->kept[i];
	}
	f->count = left;
	free(strays);
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

static void
start_writing(struct history_file *f)
{
	struct history_content content = { 0 };
	struct wall now = clock_wall();

	f->stale = false;
	forget_strays(f, now);
	content.entries = xcalloc(f->count + 1, sizeof(content.entries[0]));
	for (size_t i = 0; i < f->count; i++) {
		struct kept *k = f->kept[i];

		if (k->live != NULL) {
			k->entry.history = *k->live;
			k->entry.seen = now;
			k->live->dirty = false;
		}
		content.entries[i] = k->entry;
		content.entries[i].target = xstrdup(k->entry.target);
	}
	content.count = f->count;
	copy_silences(f->silences, &content);
	history_content_fini(&f->written);
	copy_silences(f->silences, &f->written);
	history_writer_start(f->writer, &content, now);
}

static void
written_cb(void *owner, bool ok)
{
	struct history_file *f = owner;

	f->stale = f->stale || !ok;
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct history_file *f = arg;

	(void)fd, (void)what;
	if (!history_writer_is_busy(f->writer) && is_dirty(f))
		start_writing(f);
}

struct history_file *
history_file_new(struct event_base *base, struct silences *silences)
{
	static const struct timeval every = { .tv_sec = WRITE_S };
	struct history_file *f = xcalloc(1, sizeof(*f));

	f->silences = silences;
	f->lock = -1;
	find_place(f);
	if (f->path == NULL)
		return f;
	load(f);
	copy_silences(silences, &f->written);
	f->writer = history_writer_new(base, f->path, written_cb, f);
	f->timer = event_new(base, -1, EV_PERSIST, timer_cb, f);
	event_add(f->timer, &every);
	return f;
}

static void
write_last(struct history_file *f)
{
	struct timespec deadline;
	bool ended;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += END_S;
	ended = history_writer_await(f->writer, &deadline);
	if (ended && is_dirty(f)) {
		start_writing(f);
		ended = history_writer_await(f->writer, &deadline);
	}
	if (!ended)
		log_warning(NULL,
			    "state: %s has not been written in %d s; what was learnt "
			    "last may be lost",
			    f->path, END_S);
}

void
history_file_free(struct history_file *f)
{
	if (f == NULL)
		return;
	if (f->path != NULL) {
		event_free(f->timer);
		write_last(f);
		history_writer_free(f->writer);
	}
	lock_drop(f->lock_path, f->lock);
	for (size_t i = 0; i < f->count; i++)
		kept_free(f->kept[i]);
	history_content_fini(&f->written);
	free(f->kept);
	free(f->lock_path);
	free(f->path);
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

	if (f == NULL || f->path == NULL)
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

	if (f == NULL || f->path == NULL)
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
