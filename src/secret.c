/*
 * secret: see secret.h. What a password passed through is wiped.
 */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "fail.h"
#include "xalloc.h"

static bool
is_private(const struct stat *st, const char *path, char *error, size_t size)
{
	unsigned mode = st->st_mode & 07777;

	if (!S_ISREG(st->st_mode))
		return fail(error, size, "%s is no regular file", path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return fail(error, size,
			    "%s belongs to user %ld; it must be root's or pinfod's own",
			    path, (long)st->st_uid);
	if ((mode & 0037) != 0)
		return fail(
			error, size,
			"%s has mode %04o, so others may read it; chmod 0640 at most",
			path, mode);
	if ((mode & 0040) != 0 && st->st_gid != getegid() && st->st_gid != 0)
		return fail(error, size,
			    "%s may be read by group %ld, which is not pinfod's; "
			    "chmod 0600",
			    path, (long)st->st_gid);
	return true;
}

/* The first line of what was read, as a string of its own. */
static char *
take_line(char *text, size_t len, const char *path, char *error, size_t size)
{
	size_t line = strcspn(text, "\r\n");

	if (line == 0) {
		fail(error, size, "%s: the first line is empty", path);
		return NULL;
	}
	if (line > SECRET_MAX || strlen(text) != len) {
		fail(error, size, "%s has no first line of up to %d characters", path,
		     SECRET_MAX);
		return NULL;
	}
	text[line] = '\0';
	return xstrdup(text);
}

char *
secret_read(const char *path, char *error, size_t size)
{
	char text[SECRET_MAX + 3], *secret = NULL;
	struct stat st;
	ssize_t len;
	/* Should it be a pipe, it must not hold us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, &st) != 0) {
		fail(error, size, "cannot read %s: %s", path, strerror(errno));
	} else if (is_private(&st, path, error, size)) {
		len = read(fd, text, sizeof(text) - 1);
		if (len < 0) {
			fail(error, size, "cannot read %s: %s", path, strerror(errno));
		} else {
			text[len] = '\0';
			secret = take_line(text, (size_t)len, path, error, size);
		}
		explicit_bzero(text, sizeof(text));
	}
	if (fd >= 0)
		close(fd);
	return secret;
}

static volatile sig_atomic_t caught;

static void
note_signal(int number)
{
	caught = number;
}

/* What would end us, and leave the echo off. */
static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define ENDING (sizeof(ending) / sizeof(ending[0]))

/* A line from the terminal, or -1; signals get through only while it waits. */
static ssize_t
ask_line(int fd, const char *prompt, char *text, size_t size, const sigset_t *open_mask)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	dprintf(fd, "%s", prompt);
	if (ppoll(&wait, 1, NULL, open_mask) <= 0)
		return -1;
	return read(fd, text, size);
}

char *
secret_ask(const char *prompt)
{
	struct sigaction note = { .sa_handler = note_signal }, old_actions[ENDING];
	char text[SECRET_MAX + 2], *secret = NULL;
	struct termios old, quiet;
	sigset_t mask, old_mask;
	ssize_t len;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 || tcgetattr(fd, &old) != 0) {
		if (fd >= 0)
			close(fd);
		errno = ENOTTY;
		return NULL;
	}
	sigemptyset(&mask);
	sigaddset(&mask, SIGTSTP);
	for (size_t i = 0; i < ENDING; i++)
		sigaddset(&mask, ending[i]);
	sigprocmask(SIG_BLOCK, &mask, &old_mask);
	for (size_t i = 0; i < ENDING; i++)
		sigaction(ending[i], &note, &old_actions[i]);
	quiet = old;
	quiet.c_lflag &= (tcflag_t)~ECHO;
	tcsetattr(fd, TCSAFLUSH, &quiet);
	len = ask_line(fd, prompt, text, sizeof(text) - 1, &old_mask);
	tcsetattr(fd, TCSAFLUSH, &old);
	dprintf(fd, "\n");
	for (size_t i = 0; i < ENDING; i++)
		sigaction(ending[i], &old_actions[i], NULL);
	if (len > 0) {
		text[len] = '\0';
		text[strcspn(text, "\r\n")] = '\0';
		secret = xstrdup(text);
	}
	explicit_bzero(text, sizeof(text));
	close(fd);
	if (caught != 0)
		raise(caught);
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	errno = 0;
	return secret;
}
