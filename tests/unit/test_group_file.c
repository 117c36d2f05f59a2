/*
 * group_file: which contents of a file are taken and when, look by look; with real
 * files, and a timer that never fires.
 */
#include "../../src/group.c"
#include "../../src/group_file.c"

#include "capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct mono now = { INT64_C(123456789012345) };
static struct event_base *base;
static char directory[] = "/tmp/pinfod-test-group-file-XXXXXX", path[80], other[80];
static struct group *group;
static unsigned changes;

static void
on_changed(void *owner, struct group *g, struct mono at)
{
	(void)owner, (void)g, (void)at;
	changes++;
}

static struct group_env env = { .changed = on_changed };

/* In place, as an editor or a shell does. */
static void
write_to(const char *file, const char *text)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

static void
add_to(const char *file, const char *text)
{
	FILE *f = fopen(file, "a");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

/* As who does it right: whole, beside it, and then in its place. */
static void
replace(const char *text)
{
	write_to(other, text);
	assert_int_equal(rename(other, path), 0);
}

static void
begin_group(void)
{
	static char channel[] = "pinfo";
	struct group_config config = {
		.kind = GROUP_FILE,
		.name = path,
		.path = path,
		.pattern = { .channel = channel },
	};

	group = group_new(&env, &config, now);
	assert_int_equal(changes, 0);
}

static int
make(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/targets", directory);
	snprintf(other, sizeof(other), "%s/other", directory);
	base = event_base_new();
	env.base = base;
	changes = 0;
	group = NULL;
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	group_free(group);
	event_base_free(base);
	unlink(path);
	unlink(other);
	return rmdir(directory);
}

static void
look(void)
{
	look_cb(-1, 0, group->source);
}

/* A second later, and another one. */
static void
look_twice(void)
{
	look();
	look();
}

/* "a=127.0.0.1:1 ..." */
static void
assert_targets(const char *expected)
{
	char text[1024] = "", address[ENDPOINT_TEXT_BYTES];
	size_t n = 0;

	for (size_t i = 0; i < group_count(group); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s=%s",
				      i > 0 ? " " : "", group_at(group, i)->name,
				      endpoint_text(&group_at(group, i)->endpoint,
						    address));
	assert_string_equal(text, expected);
}

static void
assert_trouble(const char *expected)
{
	struct group_report r;

	group_report(group, &r);
	assert_int_equal(r.sources, 1);
	if (expected == NULL)
		assert_null(r.trouble);
	else
		assert_string_equal(r.trouble, expected);
}

#define A "127.0.0.1:1 a\n"
#define B "127.0.0.1:2 b\n"

static void
test_first(void **state)
{
	(void)state;
	write_to(path, A);
	begin_group();
	assert_true(group_is_settled(group));
	assert_targets("a=127.0.0.1:1");
	assert_trouble(NULL);
	/* Read once more, as it may have been half written: the same is no news. */
	look_twice();
	assert_targets("a=127.0.0.1:1");
	assert_int_equal(changes, 0);
	/* And then no more: what it says would come back. */
	group_set_members(group, &(struct members){ 0 }, 1, 1, now);
	look_twice();
	assert_targets("");
}

/* It was being written when we came. */
static void
test_first_half(void **state)
{
	(void)state;
	write_to(path, A);
	begin_group();
	look();
	add_to(path, B);
	look();
	assert_targets("a=127.0.0.1:1");
	look();
	assert_targets("a=127.0.0.1:1 b=127.0.0.1:2");
	assert_int_equal(changes, 1);
}

static void
test_replaced(void **state)
{
	(void)state;
	write_to(path, A);
	begin_group();
	look_twice();
	replace(B);
	look();
	assert_targets("a=127.0.0.1:1");
	look();
	assert_targets("b=127.0.0.1:2");
	assert_int_equal(changes, 1);
	look_twice();
	assert_int_equal(changes, 1);
}

/* Of the same length, and with the times of before, it is another one all the same. */
static void
test_same_length_and_time(void **state)
{
	struct timespec times[2];
	struct stat st;

	(void)state;
	write_to(path, A);
	begin_group();
	look_twice();
	assert_int_equal(stat(path, &st), 0);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	/* Times of files are as coarse as the kernel's ticks. */
	do
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	while (stat(path, &st) == 0 && same_time(st.st_ctim, times[1]));
	write_to(path, B);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	look_twice();
	assert_targets("b=127.0.0.1:2");
}

/* Written in pieces it is not taken half, however often it is looked at. */
static void
test_in_pieces(void **state)
{
	char line[64];

	(void)state;
	write_to(path, A);
	begin_group();
	look_twice();
	write_to(path, "");
	look();
	for (int i = 0; i < 5; i++) {
		snprintf(line, sizeof(line), "127.0.0.1:%d n%d", i + 10, i);
		add_to(path, line);
		look();
		add_to(path, "\n");
		look();
		assert_targets("a=127.0.0.1:1");
	}
	look();
	assert_int_equal(group_count(group), 5);
	assert_int_equal(changes, 1);
}

/* What is no list of targets leaves those that there were. */
static void
test_kept(void **state)
{
	static const struct {
		const char *text, *trouble;
	} rows[] = {
		{ "", "is empty; the 1 target it had stays" },
		{ "<html>\n", NULL },
		{ "[ {\n", NULL },
		{ "127.0.0.1:99999\n", NULL },
	};

	(void)state;
	write_to(path, A);
	begin_group();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct group_report r;

		replace(rows[i].text);
		look_twice();
		assert_targets("a=127.0.0.1:1");
		group_report(group, &r);
		assert_int_equal(r.heard, 0);
		assert_non_null(r.trouble);
		assert_non_null(strstr(r.trouble, "; the 1 target it had stays"));
		if (rows[i].trouble != NULL)
			assert_string_equal(r.trouble, rows[i].trouble);
		replace(A);
		look_twice();
		assert_trouble(NULL);
	}
	assert_int_equal(changes, 0);
	/* That nobody is to be watched can be said. */
	replace("# nobody\n");
	look_twice();
	assert_targets("");
	assert_trouble(NULL);
	replace(A B);
	look_twice();
	replace("[]");
	look_twice();
	assert_targets("");
	assert_int_equal(changes, 3);
}

static void
test_missing(void **state)
{
	(void)state;
	begin_group();
	assert_true(group_is_settled(group));
	assert_trouble("cannot be opened: No such file or directory");
	write_to(path, A B);
	look_twice();
	assert_targets("a=127.0.0.1:1 b=127.0.0.1:2");
	assert_trouble(NULL);
	unlink(path);
	look();
	assert_trouble(NULL);
	look();
	assert_targets("a=127.0.0.1:1 b=127.0.0.1:2");
	assert_trouble("cannot be opened: No such file or directory; the 2 targets it "
		       "had stay");
	/* Back as it was, by its times too. */
	write_to(path, A B);
	look_twice();
	assert_trouble(NULL);
	assert_int_equal(changes, 1);
}

/* Nothing of these may block the loop. */
static void
test_no_regular_file(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	begin_group();
	assert_trouble("is no regular file");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	look_twice();
	assert_trouble("is no regular file");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	look_twice();
	assert_trouble("is no regular file");
	unlink(path);
	assert_int_equal(symlink("targets", path), 0);
	look_twice();
	assert_trouble("cannot be opened: Too many levels of symbolic links");
}

static void
test_too_long(void **state)
{
	(void)state;
	write_to(path, A);
	begin_group();
	look_twice();
	assert_int_equal(truncate(path, TARGETS_TEXT_BYTES_MAX + 1), 0);
	look_twice();
	assert_targets("a=127.0.0.1:1");
	assert_trouble("is longer than 16 MiB; the 1 target it had stays");
}

/*
 * Kubernetes: targets -> ..data/targets, ..data -> a directory; a swap is another
 * ..data. Both links are relative.
 */
static void
test_swapped_links(void **state)
{
	char one[100], two[100], data[100], fresh[100], file[120];

	(void)state;
	snprintf(one, sizeof(one), "%s/one", directory);
	snprintf(two, sizeof(two), "%s/two", directory);
	snprintf(data, sizeof(data), "%s/..data", directory);
	snprintf(fresh, sizeof(fresh), "%s/..fresh", directory);
	assert_int_equal(mkdir(one, 0700), 0);
	assert_int_equal(mkdir(two, 0700), 0);
	snprintf(file, sizeof(file), "%s/targets", one);
	write_to(file, A);
	assert_int_equal(symlink("one", data), 0);
	assert_int_equal(symlink("..data/targets", path), 0);
	begin_group();
	look_twice();
	assert_targets("a=127.0.0.1:1");
	snprintf(file, sizeof(file), "%s/targets", two);
	write_to(file, B);
	assert_int_equal(symlink("two", fresh), 0);
	assert_int_equal(rename(fresh, data), 0);
	look_twice();
	assert_targets("b=127.0.0.1:2");
	assert_int_equal(changes, 1);
	unlink(file);
	snprintf(file, sizeof(file), "%s/targets", one);
	unlink(file);
	unlink(data);
	assert_int_equal(rmdir(one), 0);
	assert_int_equal(rmdir(two), 0);
}

/* All in one line, once a change; the good lines count. */
static void
test_bad_lines(void **state)
{
	char text[512] = A;
	struct group_report r;
	struct capture c;
	char *log, *end;

	(void)state;
	begin_group();
	for (int i = 0; i < 12; i++)
		strcat(text, "127.0.0.1:99999\n");
	write_to(path, text);
	log_set_level(LOG_LEVEL_WARNING);
	c = capture_begin();
	look_twice();
	look_twice();
	log = capture_end(c);
	log_set_level(LOG_LEVEL_ERROR);
	assert_targets("a=127.0.0.1:1");
	group_report(group, &r);
	assert_int_equal(r.heard, 1);
	assert_ptr_equal(strstr(r.trouble, "line 2: "), r.trouble);
	assert_non_null(strstr(r.trouble, "; line 9: "));
	assert_null(strstr(r.trouble, "line 10"));
	end = strstr(r.trouble, "; and 4 more");
	assert_non_null(end);
	assert_string_equal(end, "; and 4 more");
	/* One line, and whole. */
	end = strchr(log, '\n');
	assert_non_null(end);
	assert_string_equal(end, "\n");
	*end = '\0';
	assert_non_null(strstr(log, r.trouble));
	free(log);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first),     TEST(test_first_half),
		TEST(test_replaced),  TEST(test_same_length_and_time),
		TEST(test_in_pieces), TEST(test_kept),
		TEST(test_missing),   TEST(test_no_regular_file),
		TEST(test_too_long),  TEST(test_swapped_links),
		TEST(test_bad_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
