/*
 * socket: see pinfoctl_socket.h.
 */
#include "pinfoctl_socket.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "pinfoctl.h"
#include "pinfoctl_say.h"
#include "xalloc.h"

#define PLACES_MAX 3

struct place {
	char *path;
	int error; /* errno of the last try */
};

struct places {
	struct place place[PLACES_MAX];
	size_t count;
	const char *source; /* who named it; NULL: we did */
};

static void
add(struct places *p, char *path)
{
	p->place[p->count++].path = path;
}

/* As default_control in options.c, with the system's daemon after one's own. */
static void
find_places(struct places *p, const char *option)
{
	const char *named = getenv("PINFOD_SOCKET");
	const char *runtime = getenv("RUNTIME_DIRECTORY");
	const char *user = getenv("XDG_RUNTIME_DIR");

	if (option != NULL) {
		p->source = "-s";
		add(p, xstrdup(option));
		return;
	}
	if (named != NULL && *named != '\0') {
		p->source = "PINFOD_SOCKET";
		add(p, xstrdup(named));
		return;
	}
	if (runtime != NULL && *runtime == '/')
		add(p,
		    xasprintf("%.*s/pinfod.sock", (int)strcspn(runtime, ":"), runtime));
	if (geteuid() != 0 && user != NULL && *user == '/')
		add(p, xasprintf("%s/pinfod.sock", user));
	add(p, xstrdup("/run/pinfod/pinfod.sock"));
}

/*
 * Tries one. Blocking, with a time-out that also holds for connect: a daemon that
 * hangs takes nobody in once its queue is full.
 */
static int
try(struct place *place, int64_t timeout_ns)
{
	struct timeval timeout =
		clock_until((struct mono){ timeout_ns }, (struct mono){ 0 });
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(place->path);
	struct stat st;
	int fd;

	if (len == 0 || len >= sizeof(sun.sun_path)) {
		place->error = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, place->path, len);
	/* connect says "refused" to both. */
	if (stat(place->path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		place->error = ENOTSOCK;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	place->error = errno;
	if (fd >= 0)
		close(fd);
	return -1;
}

/*
 * What a place said.
 */

/* Names who may, by the mode's bits `bit` for owner, group and others. */
static void
owners(char *out, size_t size, const struct stat *st, mode_t bit)
{
	const struct passwd *user = getpwuid(st->st_uid);
	const struct group *group = getgrgid(st->st_gid);
	char user_text[80], group_text[80];

	snprintf(user_text, sizeof(user_text), "%ld", (long)st->st_uid);
	if (user != NULL)
		log_escape(user_text, sizeof(user_text), user->pw_name);
	snprintf(group_text, sizeof(group_text), "%ld", (long)st->st_gid);
	if (group != NULL)
		log_escape(group_text, sizeof(group_text), group->gr_name);
	if (st->st_mode & (bit << 3))
		snprintf(out, size, "user %s and group %s (mode %04o)", user_text,
			 group_text, (unsigned)(st->st_mode & 07777));
	else
		snprintf(out, size, "user %s (mode %04o)", user_text,
			 (unsigned)(st->st_mode & 07777));
}

static void
who_may(char *out, size_t size, const char *path)
{
	char *at = xstrdup(path), *slash, who[256], shown[200];
	bool is_directory = false;
	struct stat st;

	/* The first directory that can be seen is the one that lets nobody by. */
	while (stat(at, &st) != 0) {
		slash = strrchr(at, '/');
		if (slash == NULL || errno != EACCES) {
			snprintf(out, size, "permission denied");
			free(at);
			return;
		}
		slash[slash == at] = '\0';
		is_directory = true;
	}
	owners(who, sizeof(who), &st, is_directory ? S_IXOTH : S_IWOTH);
	log_escape(shown, sizeof(shown), at);
	snprintf(out, size, "permission denied: %s%s is for %s",
		 is_directory ? "the directory " : "it", is_directory ? shown : "",
		 who);
	free(at);
}

static const char *
what_it_said(char *out, size_t size, const struct place *place)
{
	switch (place->error) {
	case 0:
		snprintf(out, size, "not tried");
		break;
	case ENOENT:
	case ENOTDIR:
		snprintf(out, size, "no such file");
		break;
	case EACCES:
		who_may(out, size, place->path);
		break;
	case ECONNREFUSED:
		snprintf(out, size, "connection refused: the daemon is not running");
		break;
	case ENOTSOCK:
		snprintf(out, size, "it is no socket");
		break;
	case ENAMETOOLONG:
		snprintf(out, size, "a socket's path has 1 to %zu bytes, not %zu",
			 sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
			 strlen(place->path));
		break;
	case EAGAIN:
		snprintf(out, size, "it takes nobody in: the daemon hangs");
		break;
	default:
		snprintf(out, size, "%s", strerror(place->error));
	}
	return out;
}

static int
exit_code(const struct places *p)
{
	int code = EXIT_NO_DAEMON;

	for (size_t i = 0; i < p->count; i++) {
		if (p->place[i].error == EACCES)
			code = EXIT_NO_PERMISSION;
	}
	/* Whatever ended the search counts most. */
	for (size_t i = 0; i < p->count; i++) {
		if (p->place[i].error == ECONNREFUSED)
			code = EXIT_NO_DAEMON;
		if (p->place[i].error == EAGAIN)
			code = EXIT_NO_ANSWER;
	}
	return code;
}

static void
tell(const struct places *p, struct trouble *t)
{
	static const char *const codes[] = {
		[EXIT_NO_ANSWER] = "TIMEOUT",
		[EXIT_NO_DAEMON] = "NODAEMON",
		[EXIT_NO_PERMISSION] = "NOACCESS",
	};
	char shown[200], said[512], list[1400];
	int code = exit_code(p);
	size_t n = 0;

	if (p->count == 1) {
		log_escape(shown, sizeof(shown), p->place[0].path);
		say_trouble_set(t, code, codes[code],
				"no daemon to be reached at %s%s%s%s: %s", shown,
				p->source ? " (" : "", p->source ? p->source : "",
				p->source ? ")" : "",
				what_it_said(said, sizeof(said), &p->place[0]));
		return;
	}
	for (size_t i = 0; i < p->count && n < sizeof(list); i++) {
		log_escape(shown, sizeof(shown), p->place[i].path);
		n += (size_t)snprintf(list + n, sizeof(list) - n, "\n  %s: %s", shown,
				      what_it_said(said, sizeof(said), &p->place[i]));
	}
	say_trouble_set(t, code, codes[code],
			"no daemon to be reached; looked at:%s\n"
			"  If it listens elsewhere: -s SOCKET, or PINFOD_SOCKET=SOCKET",
			list);
}

int
socket_connect(const struct pinfoctl *ctl, struct trouble *t)
{
	struct places p = { .count = 0 };
	int fd = -1;

	find_places(&p, ctl->socket);
	for (size_t i = 0; i < p.count; i++) {
		int error;

		fd = try(&p.place[i], ctl->timeout_ns);
		error = p.place[i].error;
		if (fd >= 0 || (error != ENOENT && error != ENOTDIR && error != EACCES))
			break;
	}
	if (fd < 0)
		tell(&p, t);
	for (size_t i = 0; i < p.count; i++)
		free(p.place[i].path);
	return fd;
}
