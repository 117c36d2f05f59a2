/*
 * lock: see lock.h. flock(2) on a file of its own; a holder's file may be
 * removed only by the holder, so after taking the lock we make sure that the
 * file is still the one at the path.
 */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static pid_t
read_pid(int fd)
{
	char text[24] = { 0 };
	pid_t pid;

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	pid = (pid_t)strtol(text, NULL, 10);
	return pid > 0 ? pid : 0;
}

static void
write_pid(int fd)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	/* Only a convenience for whoever finds the lock taken. */
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
		return;
}

static int
is_at(int fd, const char *path)
{
	struct stat ours, theirs;

	return fstat(fd, &ours) == 0 && stat(path, &theirs) == 0 &&
	       ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

int
lock_take(const char *path, pid_t *holder)
{
	for (;;) {
		/* Whoever may open it, if only to read, may also flock it. */
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		int saved;

		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
			saved = errno;
			*holder = read_pid(fd);
			close(fd);
			errno = saved;
			return -1;
		}
		if (is_at(fd, path)) {
			/* One that a crash left behind may be of an older mode. */
			fchmod(fd, 0600);
			write_pid(fd);
			return fd;
		}
		/* The holder before us removed it between open and flock. */
		close(fd);
	}
}

void
lock_drop(const char *path, int fd)
{
	if (fd < 0)
		return;
	unlink(path);
	close(fd);
}
