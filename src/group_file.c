/*
 * group_file: the lines of a file. It is looked at once a second, and read when it
 * has changed and then stayed the same from one look to the next: so one that is
 * written in place, in pieces, is not taken half.
 *
 * It is no inotify: that says nothing of a network file system, and of a symbolic
 * link that points elsewhere only to who watches each directory on the way.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "group.h"
#include "members.h"
#include "targets_text.h"
#include "xalloc.h"

/* So much of each complaint, that all fit into a line of the log. */
#define COMPLAINT_MAX 115

static const struct timeval look_every = { .tv_sec = 1 };

/* What tells one content of the file from another, without reading it. */
struct look {
	int error; /* it is not there, or cannot be looked at: an errno; 0: it can */
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

struct file {
	struct group *group;
	const char *path;
	struct event *timer;
	struct look last;  /* the last look */
	struct look taken; /* of what was read, or found to be wrong */
};

static struct look
look_of(const struct stat *st)
{
	return (struct look){
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = st->st_size,
		.modified = st->st_mtim,
		.changed = st->st_ctim,
	};
}

static struct look
look_at(const char *path)
{
	struct stat st;

	/* Also through symbolic links, which is how Kubernetes swaps files. */
	if (stat(path, &st) != 0)
		return (struct look){ .error = errno };
	return look_of(&st);
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool
same(const struct look *a, const struct look *b)
{
	return a->error == b->error && a->device == b->device && a->inode == b->inode &&
	       a->size == b->size && same_time(a->modified, b->modified) &&
	       same_time(a->changed, b->changed);
}

/*
 * Reading.
 */

/* size bytes; fewer, when the file has become shorter meanwhile. */
static char *
read_all(int fd, size_t size, size_t *len, char **why)
{
	char *text = xcalloc(size + 1, 1);

	*len = 0;
	while (*len < size) {
		ssize_t n = read(fd, text + *len, size - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			*why = xasprintf("cannot be read: %s", strerror(errno));
			free(text);
			return NULL;
		}
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return text;
}

/* Why it is not worth reading; NULL: it is. */
static char *
objection(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return xstrdup("is no regular file");
	if (st->st_size == 0)
		return xstrdup("is empty");
	if (st->st_size > TARGETS_TEXT_BYTES_MAX)
		return xasprintf("is longer than %d MiB",
				 TARGETS_TEXT_BYTES_MAX / 1024 / 1024);
	return NULL;
}

/* NULL with the reason in *why, which the caller frees. */
static char *
load(const char *path, size_t *len, char **why)
{
	/* Nobody may be at the other end of a FIFO. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char *text = NULL;
	struct stat st;

	if (fd < 0) {
		*why = xasprintf("cannot be opened: %s", strerror(errno));
		return NULL;
	}
	if (fstat(fd, &st) != 0)
		*why = xasprintf("cannot be looked at: %s", strerror(errno));
	else if ((*why = objection(&st)) == NULL)
		text = read_all(fd, (size_t)st.st_size, len, why);
	close(fd);
	return text;
}

/* All complaints in one line; the caller frees it. */
static char *
complaints_text(const struct targets_text_report *report)
{
	char *text = xstrdup("");
	size_t told = 0;

	for (; told < TARGETS_TEXT_COMPLAINTS; told++) {
		if (report->complaints[told] == NULL)
			break;
		xappendf(&text, "%s%.*s", told > 0 ? "; " : "", COMPLAINT_MAX,
			 report->complaints[told]);
	}
	if (report->bad > told)
		xappendf(&text, "; and %zu more", report->bad - told);
	return text;
}

/* What goes wrong leaves the members as they were. */
static void
keep(struct file *f, const char *why, struct mono now)
{
	size_t count = group_members(f->group)->count;
	char *text =
		count > 0 ? xasprintf("%s; the %zu target%s it had stay%s", why, count,
				      count == 1 ? "" : "s", count == 1 ? "s" : "")
			  : xstrdup(why);

	group_set_trouble(f->group, text, 0, 1, now);
	free(text);
}

/*
 * Where there are lines and none is good, it is more likely that this is no file of
 * targets than that nobody is to be watched any more: that says an empty list.
 */
static void
take(struct file *f, const char *text, size_t len, struct mono now)
{
	struct targets_text_report report = { 0 };
	struct members members = { 0 };
	bool ok = targets_text_parse(text, len, CONF_TARGETS_MAX, &members, &report);
	char *complaints = complaints_text(&report);

	if (!ok || (members.count == 0 && report.bad > 0)) {
		keep(f, complaints, now);
	} else {
		group_set_members(f->group, &members, 1, 1, now);
		group_set_trouble(f->group, complaints, 1, 1, now);
	}
	free(complaints);
	targets_text_report_fini(&report);
	members_fini(&members);
}

static void
read_it(struct file *f, struct mono now)
{
	size_t len;
	char *why, *text = load(f->path, &len, &why);

	if (text != NULL)
		take(f, text, len, now);
	else
		keep(f, why, now);
	free(text);
	free(why);
}

/* What is written while it is read is another look the next time. */
static void
look_cb(evutil_socket_t fd, short what, void *arg)
{
	struct file *f = arg;
	struct look look = look_at(f->path);
	bool steady = same(&look, &f->last);

	(void)fd, (void)what;
	f->last = look;
	if (!steady || same(&look, &f->taken))
		return;
	f->taken = look;
	read_it(f, clock_now());
}

static void *
file_new(struct group *group, const struct group_env *env,
	 const struct group_config *config, struct mono now)
{
	struct file *f = xcalloc(1, sizeof(*f));

	f->group = group;
	f->path = config->path;
	f->timer = event_new(env->base, -1, EV_PERSIST, look_cb, f);
	event_add(f->timer, &look_every);
	/*
	 * The first time at once, for who waits for it; as nobody can know whether it
	 * is complete this is not `taken`: once it is steady it is read again.
	 */
	read_it(f, now);
	return f;
}

static void
file_free(void *source)
{
	struct file *f = source;

	event_free(f->timer);
	free(f);
}

const struct group_source group_file = { file_new, file_free };
