/*
 * shim: a kernel that fails or dawdles on demand, for a server that is started
 * with this preloaded. shim.py compiles it and says what is to happen: a file,
 * named by SHIM_CONTROL, with a line for each rule, read again at each call:
 *
 *	fork fail		no memory
 *	fork delay 300		the parent waits that many milliseconds
 *	fdatasync delay 300	of the AOF
 *	fsync delay 300		of dumps
 *	write full PATTERN	no space on the disk of files with such a path
 *	clock ahead 3600	the wall clock is that many seconds ahead (or -3600)
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Whether there is such a rule; what it says behind that. */
static bool
rule(const char *name, char argument[static PATH_MAX])
{
	const char *path = getenv("SHIM_CONTROL");
	char text[2 * PATH_MAX], *line, *next = NULL;
	size_t len = strlen(name);
	int saved = errno;
	ssize_t n;
	int fd;

	fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (fd >= 0)
		close(fd);
	errno = saved;
	text[n > 0 ? n : 0] = '\0';
	for (line = strtok_r(text, "\n", &next); line != NULL;
	     line = strtok_r(NULL, "\n", &next)) {
		if (strncmp(line, name, len) != 0)
			continue;
		snprintf(argument, PATH_MAX, "%s", line + len + (line[len] == ' '));
		return true;
	}
	return false;
}

static void
delay(const char *name)
{
	char ms[PATH_MAX];

	if (rule(name, ms))
		usleep((useconds_t)atoi(ms) * 1000);
}

static bool
is_full(int fd)
{
	char pattern[PATH_MAX], link[64], path[PATH_MAX];
	ssize_t n;

	if (!rule("write full", pattern))
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	if (fnmatch(pattern, path, 0) != 0)
		return false;
	errno = ENOSPC;
	return true;
}

static double
ahead_s(void)
{
	char seconds[PATH_MAX];

	return rule("clock ahead", seconds) ? atof(seconds) : 0;
}

pid_t
fork(void)
{
	pid_t (*next)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
	char none[PATH_MAX];

	delay("fork delay");
	if (rule("fork fail", none)) {
		errno = ENOMEM;
		return -1;
	}
	return next();
}

int
fdatasync(int fd)
{
	delay("fdatasync delay");
	return (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	delay("fsync delay");
	return (int)syscall(SYS_fsync, fd);
}

ssize_t
write(int fd, const void *data, size_t len)
{
	if (is_full(fd))
		return -1;
	return syscall(SYS_write, fd, data, len);
}

/* Dumps are written by stdio, whose own write nobody can replace. */
size_t
fwrite(const void *data, size_t size, size_t count, FILE *file)
{
	size_t (*next)(const void *, size_t, size_t, FILE *) =
		(size_t(*)(const void *, size_t, size_t, FILE *))dlsym(RTLD_NEXT,
								       "fwrite");

	return is_full(fileno(file)) ? 0 : next(data, size, count, file);
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
	tv->tv_sec = now.tv_sec + (time_t)ahead_s();
	tv->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *out)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	if (out != NULL)
		*out = tv.tv_sec;
	return tv.tv_sec;
}
