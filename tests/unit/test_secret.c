/*
 * secret: files of all kinds in a directory of the test's own. What needs root is
 * tried as root, and is otherwise no part of the table.
 */
#include "secret.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static char directory[] = "/tmp/test_secret.XXXXXX";
static char path[64], error[512];

static int
make(void **state)
{
	(void)state;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/secret", directory);
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	/* One of the two is what it is. */
	unlink(path);
	rmdir(path);
	return rmdir(directory);
}

static void
write_file(const char *text, size_t len, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	/* umask has no say. */
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* The error names the file and holds each of the parts (NULL: no more). */
static void
assert_refused(const char *first, const char *second)
{
	char *secret;

	error[0] = '\0';
	secret = secret_read(path, error, sizeof(error));
	if (secret != NULL)
		fail_msg("'%s' was read; not: %s", secret, first);
	if (strstr(error, path) == NULL || strstr(error, first) == NULL ||
	    (second != NULL && strstr(error, second) == NULL))
		fail_msg("'%s' without '%s' or '%s'", error, first, second);
}

static void
assert_read(const char *expected)
{
	char *secret = secret_read(path, error, sizeof(error));

	if (secret == NULL)
		fail_msg("%s", error);
	assert_string_equal(secret, expected);
	xfree_secret(secret);
}

static void
test_lines(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *secret; /* NULL: refused */
	} rows[] = {
#define ROW(text, secret) { text, sizeof(text) - 1, secret }
		ROW("hunter2\n", "hunter2"),
		ROW("hunter2", "hunter2"),
		ROW("hunter2\r\n", "hunter2"),
		ROW("hunter2\r", "hunter2"),
		ROW("hunter2\nsecond\n", "hunter2"),
		ROW("hunter2\r\nsecond\r\n", "hunter2"),
		ROW("hunter2\n\n\n", "hunter2"),
		ROW("x", "x"),
		/* Blanks and all other bytes belong to it. */
		ROW("  a b \t\n", "  a b \t"),
		ROW(" \n", " "),
		ROW("#a\"'\\%s\n", "#a\"'\\%s"),
		ROW("\xc3\xa4\xff\n", "\xc3\xa4\xff"),
		ROW("", NULL),
		ROW("\n", NULL),
		ROW("\r\n", NULL),
		ROW("\nhunter2\n", NULL),
		ROW("\0", NULL),
		ROW("hunt\0er2\n", NULL),
		ROW("hunter2\0", NULL),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_file(rows[i].text, rows[i].len, 0600);
		if (rows[i].secret != NULL)
			assert_read(rows[i].secret);
		else
			assert_refused("first line", NULL);
		/* What is refused is not quoted. */
		assert_null(strstr(error, "hunt"));
	}
	write_file("\n", 1, 0600);
	assert_refused("the first line is empty", NULL);
}

static void
test_lengths(void **state)
{
	static const struct {
		size_t len;
		const char *end;
		bool ok;
	} rows[] = {
		{ SECRET_MAX - 1, "\n", true },	    { SECRET_MAX, "", true },
		{ SECRET_MAX, "\n", true },	    { SECRET_MAX, "\r\n", true },
		{ SECRET_MAX, "\r\nmore\n", true }, { SECRET_MAX + 1, "", false },
		{ SECRET_MAX + 1, "\n", false },    { SECRET_MAX + 2, "\n", false },
		{ SECRET_MAX + 3, "", false },	    { 10 * SECRET_MAX, "\n", false },
	};
	static char text[10 * SECRET_MAX + 16];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(text, 'a', rows[i].len);
		strcpy(text + rows[i].len, rows[i].end);
		write_file(text, strlen(text), 0600);
		text[rows[i].len] = '\0';
		if (rows[i].ok)
			assert_read(text);
		else
			assert_refused("no first line of up to 4096 characters", NULL);
	}
	/* What is behind the first line may be as long as it likes. */
	memset(text, 'a', sizeof(text));
	text[3] = '\n';
	write_file(text, sizeof(text), 0600);
	assert_read("aaa");
}

static void
test_modes(void **state)
{
	static const struct {
		mode_t mode;
		const char *found; /* in the error; NULL: the mode is right */
	} rows[] = {
		{ 0600, NULL },	       { 0400, NULL },	      { 0640, NULL },
		{ 0440, NULL },	       { 0700, NULL },	      { 0644, "mode 0644" },
		{ 0604, "mode 0604" }, { 0602, "mode 0602" }, { 0601, "mode 0601" },
		{ 0660, "mode 0660" }, { 0620, "mode 0620" }, { 0610, "mode 0610" },
		{ 0666, "mode 0666" }, { 0777, "mode 0777" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_file("hunter2\n", 8, rows[i].mode);
		/* A directory with the group bit gives its files its own group. */
		assert_int_equal(chown(path, (uid_t)-1, getegid()), 0);
		if (rows[i].found == NULL)
			assert_read("hunter2");
		else
			assert_refused(rows[i].found, "chmod 0640");
	}
}

/* Files of others: only root can make them. */
static void
test_owners(void **state)
{
	static const struct {
		uid_t uid;
		gid_t gid;
		mode_t mode;
		const char *found, *cure; /* NULL: it is read */
	} rows[] = {
		{ 0, 0, 0640, NULL, NULL },
		{ 0, 12345, 0600, NULL, NULL },
		{ 0, 12345, 0640, "group 12345", "chmod 0600" },
		{ 0, 12345, 0440, "group 12345", "chmod 0600" },
		{ 12345, 0, 0600, "user 12345", "root's or pinfod's own" },
		{ 12345, 0, 0640, "user 12345", "root's or pinfod's own" },
		{ 12345, 12345, 0400, "user 12345", "root's or pinfod's own" },
		/* The owner is told first, for chmod alone does not help. */
		{ 12345, 12345, 0666, "user 12345", "root's or pinfod's own" },
	};

	(void)state;
	for (size_t i = 0; geteuid() == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_file("hunter2\n", 8, rows[i].mode);
		assert_int_equal(chown(path, rows[i].uid, rows[i].gid), 0);
		if (rows[i].found == NULL)
			assert_read("hunter2");
		else
			assert_refused(rows[i].found, rows[i].cure);
	}
}

/* Nobody's own process: root's files and its own. */
static void
test_as_other_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return;
	assert_int_equal(chmod(directory, 0755), 0);
	write_file("hunter2\n", 8, 0640);
	assert_int_equal(chown(path, 0, 12345), 0);
	assert_int_equal(setegid(12345), 0);
	assert_int_equal(seteuid(12345), 0);
	/* Root's, readable by our group. */
	assert_read("hunter2");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(seteuid(12345), 0);
	assert_refused("Permission denied", NULL);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_int_equal(seteuid(12345), 0);
	assert_read("hunter2");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(0), 0);
}

static void
test_no_files(void **state)
{
	char target[80];

	(void)state;
	assert_refused("cannot read", "No such file or directory");
	/* Without waiting for somebody to write into it. */
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(20);
	assert_refused("is no regular file", NULL);
	alarm(0);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused("is no regular file", NULL);
	rmdir(path);
	assert_int_equal(symlink("secret", path), 0);
	assert_refused("cannot read", "symbolic links");
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_refused("is no regular file", NULL);
	unlink(path);
	/* A link to a file is as good as the file. */
	write_file("hunter2\n", 8, 0600);
	snprintf(target, sizeof(target), "%s.real", path);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_read("hunter2");
	unlink(target);
	assert_refused("cannot read", "No such file");
}

/* A short buffer for the error is no trouble; no descriptor stays open. */
static void
test_leftovers(void **state)
{
	char text[9];
	int before, after;

	(void)state;
	before = dup(STDERR_FILENO);
	close(before);
	memset(text, 'x', sizeof(text));
	assert_null(secret_read(path, text, 8));
	assert_string_equal(text, "cannot ");
	assert_int_equal(text[8], 'x');
	write_file("", 0, 0600);
	assert_refused("empty", NULL);
	write_file("a", 1, 0644);
	assert_refused("mode", NULL);
	write_file("a", 1, 0600);
	assert_read("a");
	after = dup(STDERR_FILENO);
	close(after);
	assert_int_equal(after, before);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lines),     TEST(test_lengths),	TEST(test_modes),
		TEST(test_owners),    TEST(test_as_other_user), TEST(test_no_files),
		TEST(test_leftovers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
