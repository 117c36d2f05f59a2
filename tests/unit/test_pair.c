/*
 * pair: what comes of it when somebody else gets to the path first. The other one
 * is another process, of this user and, where the test may, of another.
 */
#include "pair.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static char directory[32];

static int
make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/test_pair.XXXXXX");
	assert_non_null(mkdtemp(directory));
	setenv("RUNTIME_DIRECTORY", directory, 1);
	return 0;
}

/* It is empty whatever happened. */
static int
remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static int
connect_again(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

/* A socket that has tried; its errno is left. */
static int
connect_to(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	if (connect_again(fd, path) == 0)
		return fd;
	close(fd);
	return -1;
}

/*
 * Runs fn in another process, which goes on until *pipe_end is closed. It has
 * done its work when this returns; true when that worked.
 */
static bool
elsewhere(bool (*fn)(const char *path), const char *path, uid_t uid, int *pipe_end)
{
	int done[2], end[2];
	char verdict = 0;

	assert_int_equal(pipe(done), 0);
	assert_int_equal(pipe(end), 0);
	if (fork() == 0) {
		close(end[1]);
		if (uid != getuid() && setuid(uid) != 0)
			_exit(1);
		verdict = fn(path);
		if (write(done[1], &verdict, 1) == 1 && read(end[0], &verdict, 1) != 0)
			_exit(1);
		_exit(0);
	}
	close(done[1]);
	close(end[0]);
	assert_int_equal(read(done[0], &verdict, 1), 1);
	close(done[0]);
	*pipe_end = end[1];
	return verdict;
}

static void
come_back(int pipe_end)
{
	int status;

	close(pipe_end);
	assert_true(wait(&status) > 0);
	assert_int_equal(status, 0);
}

static void
test_two_ends(void **state)
{
	struct pair pair;
	struct stat st;
	char *slash, text[8], path[PAIR_PATH_BYTES];
	int client, fd;

	(void)state;
	assert_int_equal(pair_listen(&pair), 0);
	assert_int_equal(strncmp(pair.path, directory, strlen(directory)), 0);
	slash = strrchr(pair.path, '/');
	*slash = '\0';
	assert_int_equal(stat(pair.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	*slash = '/';

	client = connect_to(pair.path);
	assert_true(client >= 0);
	strcpy(path, pair.path);
	fd = pair_accept(&pair, client);
	assert_true(fd >= 0);
	/* As hiredis does, which must not take that for a failure. */
	assert_int_equal(connect_again(client, path), -1);
	assert_int_equal(errno, EISCONN);
	pair_close(&pair);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(write(client, "hello", 5), 5);
	assert_int_equal(read(fd, text, sizeof(text)), 5);
	close(client);
	close(fd);
}

static void
test_fresh_names(void **state)
{
	char before[PAIR_PATH_BYTES];
	struct pair pair;

	(void)state;
	assert_int_equal(pair_listen(&pair), 0);
	strcpy(before, pair.path);
	assert_int_equal(pair_accept(&pair, -1), -1);
	assert_int_equal(errno, EAGAIN);
	pair_close(&pair);
	assert_int_equal(pair_listen(&pair), 0);
	assert_string_not_equal(pair.path, before);
	assert_int_equal(pair_accept(&pair, -1), -1);
	pair_close(&pair);
}

static bool
connects(const char *path)
{
	return connect_to(path) >= 0;
}

/* Of the same user: the directory lets it in, and it is told by its pid. */
static void
test_stranger_is_first(void **state)
{
	struct pair pair;
	int client, other;

	(void)state;
	assert_int_equal(pair_listen(&pair), 0);
	assert_true(elsewhere(connects, pair.path, getuid(), &other));
	/* One waits already. */
	client = connect_to(pair.path);
	assert_int_equal(client, -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(pair_accept(&pair, client), -1);
	assert_int_equal(errno, EPERM);
	pair_close(&pair);
	come_back(other);
}

/* One that has ended meanwhile, so that its place is free. */
static void
test_stranger_is_gone(void **state)
{
	struct pair pair;
	int other;

	(void)state;
	assert_int_equal(pair_listen(&pair), 0);
	assert_true(elsewhere(connects, pair.path, getuid(), &other));
	come_back(other);
	assert_int_equal(pair_accept(&pair, -1), -1);
	assert_int_equal(errno, EPERM);
	pair_close(&pair);
}

static bool
takes_place(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       listen(fd, 8) == 0;
}

/* It listens where we did: our client would be talking to it. */
static void
test_place_is_taken(void **state)
{
	struct pair pair;
	int client, other;

	(void)state;
	assert_int_equal(pair_listen(&pair), 0);
	assert_true(elsewhere(takes_place, pair.path, getuid(), &other));
	client = connect_to(pair.path);
	assert_true(client >= 0);
	assert_int_equal(pair_accept(&pair, client), -1);
	pair_close(&pair);
	close(client);
	come_back(other);
}

static char crossed[PAIR_PATH_BYTES];

static bool
takes_place_and_connects(const char *path)
{
	/* To where our listener has been moved: both of its ends are foreign. */
	return rename(path, crossed) == 0 && takes_place(path) &&
	       connect_to(crossed) >= 0;
}

/* Our client is let in there, and a stranger here: two relays crossed. */
static void
test_crossed(void **state)
{
	struct pair pair;
	int client, other;

	(void)state;
	assert_int_equal(pair_listen(&pair), 0);
	snprintf(crossed, sizeof(crossed), "%s/crossed", directory);
	assert_true(elsewhere(takes_place_and_connects, pair.path, getuid(), &other));
	client = connect_to(pair.path);
	assert_true(client >= 0);
	assert_int_equal(pair_accept(&pair, client), -1);
	assert_int_equal(errno, EPERM);
	pair_close(&pair);
	close(client);
	come_back(other);
	unlink(crossed);
}

static void
test_other_user(void **state)
{
	struct pair pair;
	int other;

	(void)state;
	assert_int_equal(pair_listen(&pair), 0);
	/* Only root may be another; the directory keeps all others out. */
	if (getuid() == 0) {
		assert_false(elsewhere(connects, pair.path, 65534, &other));
		come_back(other);
	}
	assert_int_equal(pair_accept(&pair, -1), -1);
	assert_int_equal(errno, EAGAIN);
	pair_close(&pair);
}

/* Where the first directory will not do, the next one is taken. */
static void
test_directories(void **state)
{
	char list[128];
	struct pair pair;

	(void)state;
	setenv("XDG_RUNTIME_DIR", directory, 1);
	setenv("RUNTIME_DIRECTORY", "/nonexistent", 1);
	assert_int_equal(pair_listen(&pair), 0);
	assert_int_equal(strncmp(pair.path, directory, strlen(directory)), 0);
	pair_accept(&pair, -1);
	pair_close(&pair);

	snprintf(list, sizeof(list), "%s:/nonexistent", directory);
	setenv("RUNTIME_DIRECTORY", list, 1);
	unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(pair_listen(&pair), 0);
	assert_int_equal(strncmp(pair.path, directory, strlen(directory)), 0);
	pair_accept(&pair, -1);
	pair_close(&pair);

	memset(list, 'x', sizeof(list) - 1);
	list[0] = '/';
	list[sizeof(list) - 1] = '\0';
	setenv("RUNTIME_DIRECTORY", list, 1);
	assert_int_equal(pair_listen(&pair), 0);
	assert_int_equal(strncmp(pair.path, "/tmp/pinfod-", 12), 0);
	pair_accept(&pair, -1);
	pair_close(&pair);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		TEST(test_two_ends),	      TEST(test_fresh_names),
		TEST(test_stranger_is_first), TEST(test_stranger_is_gone),
		TEST(test_place_is_taken),    TEST(test_crossed),
		TEST(test_other_user),	      TEST(test_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
