/*
 * lock: taken, held, dropped, and taken while its last holder removes it. For
 * the last one flock(2) is interposed: hence the .c file.
 */
#include <sys/file.h>

static int racing_flock(int fd, int operation);
#define flock racing_flock
#include "../../src/lock.c"
#undef flock

#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static char directory[] = "/tmp/test_lock.XXXXXX";
static char path[64];
static int races; /* how often a last holder comes in between open and flock */

static int
racing_flock(int fd, int operation)
{
	if (races > 0) {
		races--;
		unlink(path);
	}
	return flock(fd, operation);
}

static int
make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/lock", directory);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
assert_content(const char *text)
{
	char got[256] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_int_equal(fread(got, 1, sizeof(got) - 1, f), strlen(text));
	fclose(f);
	assert_string_equal(got, text);
}

static void
assert_ours(void)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	assert_content(text);
}

static void
test_take_and_drop(void **state)
{
	pid_t holder = 4711;
	int fd = lock_take(path, &holder);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_ours();
	lock_drop(path, fd);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	/* And again; dropping none does nothing. */
	fd = lock_take(path, &holder);
	assert_true(fd >= 0);
	lock_drop(path, -1);
	assert_int_equal(access(path, F_OK), 0);
	lock_drop(path, fd);
}

static void
test_held(void **state)
{
	pid_t holder = 4711;
	int fd = lock_take(path, &holder), before;

	(void)state;
	before = dup(0);
	close(before);
	errno = 0;
	assert_int_equal(lock_take(path, &holder), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(holder, getpid());
	/* The loser has changed nothing, and kept no descriptor. */
	assert_ours();
	assert_int_equal(dup(0), before);
	close(before);
	lock_drop(path, fd);
}

/* The pid is what the holder wrote; 0 when that is none. */
static void
test_holder(void **state)
{
	static const struct {
		const char *content;
		pid_t holder;
	} rows[] = {
		{ "1\n", 1 },
		{ "4194304\n", 4194304 },
		{ "12", 12 },
		{ "", 0 },
		{ "\n", 0 },
		{ "pinfod\n", 0 },
		{ "-5\n", 0 },
		/* strtol says ERANGE to this, which nobody must see. */
		{ "99999999999999999999\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t holder = 4711;
		int fd = lock_take(path, &holder), second, error;

		write_file(rows[i].content);
		second = lock_take(path, &holder);
		error = errno;
		lock_drop(path, fd);
		assert_int_equal(second, -1);
		assert_int_equal(error, EAGAIN);
		if (holder != rows[i].holder)
			fail_msg("'%s': %ld", rows[i].content, (long)holder);
	}
}

/* A crashed daemon leaves its file behind, not its lock. */
static void
test_stale_content(void **state)
{
	static const char *const rows[] = {
		"1\n", "", "a long text that is no pid, from somebody else\n",
		"123456789012345678901234567890\n"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t holder = 4711;
		int fd;

		write_file(rows[i]);
		fd = lock_take(path, &holder);
		assert_true(fd >= 0);
		assert_ours();
		lock_drop(path, fd);
	}
}

static void
test_ends_with_its_process(void **state)
{
	pid_t child = fork(), holder = 4711;
	int fd, status;

	(void)state;
	if (child == 0)
		_exit(lock_take(path, &holder) >= 0 ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(access(path, F_OK), 0);
	fd = lock_take(path, &holder);
	assert_true(fd >= 0);
	assert_ours();
	lock_drop(path, fd);
}

/* Somebody removes the file: whoever comes then gets a lock of a new file. */
static void
test_removed(void **state)
{
	pid_t holder = 4711;
	int first = lock_take(path, &holder), second;

	(void)state;
	unlink(path);
	second = lock_take(path, &holder);
	assert_true(second >= 0);
	assert_ours();
	assert_int_equal(lock_take(path, &holder), -1);
	close(first);
	lock_drop(path, second);
}

/* The last holder removes the file after we have opened it. */
static void
test_race(void **state)
{
	pid_t holder = 4711;
	int fd, before = dup(0);

	(void)state;
	close(before);
	races = 3;
	fd = lock_take(path, &holder);
	assert_int_equal(races, 0);
	/* What was opened in vain is closed. */
	assert_int_equal(fd, before);
	assert_ours();
	/* The lock is on the file that is there. */
	assert_int_equal(lock_take(path, &holder), -1);
	assert_int_equal(errno, EAGAIN);
	lock_drop(path, fd);
}

static void
test_errors(void **state)
{
	char inside[96];
	pid_t holder = 4711;

	(void)state;
	snprintf(inside, sizeof(inside), "%s/none/lock", directory);
	assert_int_equal(lock_take(inside, &holder), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(lock_take(directory, &holder), -1);
	assert_int_equal(errno, EISDIR);
	/* Not through a link that somebody planted in a shared directory. */
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(lock_take(path, &holder), -1);
	assert_int_equal(errno, ELOOP);
	unlink(path);
	assert_int_equal(holder, 4711);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_and_drop),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_holder),
		cmocka_unit_test(test_stale_content),
		cmocka_unit_test(test_ends_with_its_process),
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
