/*
 * history_file, history_writer, history_json: in a private directory, with a real event base and
 * real threads. fsync(2) can fail, or be held until the test lets it go.
 */
#include <pthread.h>
#include <unistd.h>

static int gated_fsync(int fd);
#define fsync gated_fsync
#include "../../src/history_writer.c"
#undef fsync

#include "../../src/history_file.c"
#include "../../src/history_json.c"

#include <dirent.h>

#include "capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define DAY_NS (86400 * NS_PER_S)

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static int fsync_error; /* 0: none */

static int
gated_fsync(int fd)
{
	pthread_mutex_lock(&gate);
	errno = fsync_error;
	pthread_mutex_unlock(&gate);
	return errno != 0 ? -1 : fsync(fd);
}

static char directory[64], state_path[96];
static struct event_base *base;
static struct silences *silences;
static struct history_file *file;
/* They are borrowed until clean: so on no test's stack. */
static struct history h, a, b, c;

static struct history learnt(void);

static int
make(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test_history.XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(state_path, sizeof(state_path), "%s/state.json", directory);
	setenv("STATE_DIRECTORY", directory, 1);
	log_set_level(LOG_LEVEL_ERROR);
	fsync_error = 0;
	h = a = learnt();
	base = event_base_new();
	silences = silences_new();
	return base == NULL;
}

static int
clean(void **state)
{
	DIR *d = opendir(directory);
	struct dirent *entry;

	(void)state;
	history_file_free(file);
	file = NULL;
	silences_free(silences);
	event_base_free(base);
	while ((entry = readdir(d)) != NULL)
		unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	return rmdir(directory);
}

static void
open_file(void)
{
	file = history_file_new(base, silences);
	assert_non_null(file);
}

/* As after a restart. */
static void
reopen(void)
{
	history_file_free(file);
	silences_free(silences);
	silences = silences_new();
	open_file();
}

static void
write_state(const char *text)
{
	FILE *f = fopen(state_path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static char *
read_state(void)
{
	size_t len;

	return read_file(state_path, &len);
}

static struct history
learnt(void)
{
	struct history l;

	history_init(&l);
	snprintf(l.run_id, sizeof(l.run_id), "0123456789abcdef");
	snprintf(l.address, sizeof(l.address),
		 "/run/r\xc3\xa9"
		 "dis\"\t1.sock");
	l.switched = true;
	l.last_save = 1763831000;
	l.longest_save_s = 12.5;
	l.keys = 8999999999999999.0;
	l.changes = 0;
	l.open[INCIDENT_RDB_SAVE_FAILED] = (struct history_open){
		.open = true,
		.severity = SEVERITY_CRITICAL,
		.acked = true,
		.since = { INT64_C(1763831000123) * NS_PER_MS }
	};
	l.open[INCIDENT_WRITES_REFUSED] = (struct history_open){
		.open = true,
		.severity = SEVERITY_WARNING,
		.since = { INT64_C(1763831000456) * NS_PER_MS }
	};
	l.dirty = true;
	return l;
}

static struct capture captured;

/* True when what was logged since capture_begin holds the text. */
static bool
logged(const char *text)
{
	char *log = capture_end(captured);
	bool found = strstr(log, text) != NULL;

	free(log);
	return found;
}

static void
assert_learnt(const struct history *l)
{
	struct history expected = learnt();

	assert_string_equal(l->run_id, expected.run_id);
	assert_string_equal(l->address, expected.address);
	assert_true(l->switched);
	assert_true(l->last_save == expected.last_save);
	assert_true(l->longest_save_s == expected.longest_save_s);
	assert_true(l->keys == expected.keys);
	assert_true(l->changes == 0);
	assert_false(l->dirty);
	for (size_t i = 0; i < INCIDENT_COUNT; i++) {
		assert_int_equal(l->open[i].open, expected.open[i].open);
		assert_int_equal(l->open[i].severity, expected.open[i].severity);
		assert_int_equal(l->open[i].acked, expected.open[i].acked);
		assert_int_equal(l->open[i].since.ns, expected.open[i].since.ns);
	}
}

static void
assert_unknown(const struct history *u)
{
	struct history fresh;

	history_init(&fresh);
	assert_memory_equal(u, &fresh, sizeof(fresh));
}

static void
test_survives(void **state)
{
	struct wall until = { clock_wall().ns / NS_PER_S * NS_PER_S + DAY_NS };
	const struct silence *s;
	struct stat st;

	(void)state;
	history_init(&b);
	open_file();
	/* Not in the order of their names. */
	history_file_attach(file, "carts", &b);
	history_file_attach(file, "orders", &a);
	history_file_attach(file, "aaa", &b);
	assert_true(silences_add(silences, "rdb.*", "cache", until));
	reopen();
	assert_int_equal(stat(state_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	history_init(&c);
	history_file_attach(file, "orders", &c);
	assert_learnt(&c);
	history_file_attach(file, "carts", &c);
	assert_unknown(&c);
	s = silences_at(silences, 0);
	assert_non_null(s);
	assert_string_equal(s->incidents, "rdb.*");
	assert_string_equal(s->targets, "cache");
	assert_int_equal(s->until.ns, until.ns);
	assert_null(silences_at(silences, 1));
}

/* A target that is taken out of the configuration, and put in again. */
static void
test_detach(void **state)
{

	(void)state;
	open_file();
	history_file_attach(file, "orders", &h);
	history_file_detach(file, "orders", clock_wall());
	/* It is no longer looked at. */
	history_init(&h);
	reopen();
	history_init(&b);
	history_file_attach(file, "orders", &b);
	assert_learnt(&b);
	history_file_detach(file, "nobody", clock_wall());
}

static void
turn(int seconds)
{
	struct timeval limit = { .tv_sec = seconds };

	event_base_loopexit(base, &limit);
	event_base_dispatch(base);
}

/* Until the running job is taken. */
static void
finish(void)
{
	for (int i = 0; i < 2000 && history_writer_is_busy(file->writer); i++) {
		struct timeval limit = { .tv_usec = 10000 };

		event_base_loopexit(base, &limit);
		event_base_dispatch(base);
	}
	assert_false(history_writer_is_busy(file->writer));
}

static void
test_only_when_dirty(void **state)
{

	(void)state;
	open_file();
	timer_cb(-1, 0, file);
	assert_false(history_writer_is_busy(file->writer));
	h.dirty = false;
	history_file_attach(file, "orders", &h);
	timer_cb(-1, 0, file);
	assert_false(history_writer_is_busy(file->writer));
	h.dirty = true;
	timer_cb(-1, 0, file);
	assert_true(history_writer_is_busy(file->writer));
	assert_false(h.dirty);
	/* Not a second thread beside the first, and nothing is lost. */
	h.dirty = true;
	timer_cb(-1, 0, file);
	assert_true(h.dirty);
	finish();
	timer_cb(-1, 0, file);
	assert_false(h.dirty);
	finish();
	silences_add(silences, "*", "*", (struct wall){ INT64_MAX });
	timer_cb(-1, 0, file);
	assert_true(history_writer_is_busy(file->writer));
	finish();
	timer_cb(-1, 0, file);
	assert_false(history_writer_is_busy(file->writer));
	silences_add(silences, "*", "*", (struct wall){ INT64_MAX - 1 });
	timer_cb(-1, 0, file);
	assert_true(history_writer_is_busy(file->writer));
	finish();
	silences_remove(silences, "*", "*");
	timer_cb(-1, 0, file);
	assert_true(history_writer_is_busy(file->writer));
	finish();
}

/* By itself, with the timer. */
static void
test_timer(void **state)
{
	char *text;

	(void)state;
	open_file();
	history_file_attach(file, "orders", &h);
	text = read_state();
	assert_null(text);
	turn(WRITE_S + 1);
	finish();
	text = read_state();
	assert_non_null(strstr(text, "\"rdb.save_failed\""));
	free(text);
}

static void
fail_with(int error)
{
	pthread_mutex_lock(&gate);
	fsync_error = error;
	pthread_mutex_unlock(&gate);
}

static void
test_full_disk(void **state)
{
	char *before, *after;

	(void)state;
	open_file();
	history_file_attach(file, "orders", &h);
	timer_cb(-1, 0, file);
	finish();
	before = read_state();
	fail_with(ENOSPC);
	for (int i = 0; i < 3; i++) {
		h.dirty = true;
		captured = capture_begin();
		timer_cb(-1, 0, file);
		finish();
		/* Told once. */
		assert_int_equal(logged("No space left"), i == 0);
	}
	after = read_state();
	assert_string_equal(before, after);
	free(before);
	free(after);
	assert_int_equal(access(directory, F_OK), 0);
	fail_with(0);
	log_set_level(LOG_LEVEL_NOTICE);
	/* Nothing new is there, and yet what failed is tried again. */
	captured = capture_begin();
	timer_cb(-1, 0, file);
	finish();
	assert_true(logged("is written again"));
	timer_cb(-1, 0, file);
	assert_false(history_writer_is_busy(file->writer));
}

static const char *const damaged[] = {
	"",
	"{",
	"[]",
	"null",
	"\x80\xff",
	"{\"schema\":2,\"targets\":{}}",
	"{\"schema\":\"1\",\"targets\":{}}",
	"{\"schema\":1}",
	"{\"schema\":1,\"targets\":[]}",
	"{\"schema\":1,\"targets\":{},\"silences\":{}}",
	"{\"schema\":1,\"targets\":{\"a\":{},\"a\":{}}}",
	"{\"schema\":1,\"targets\":{}}x",
};

static void
test_damaged(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_WARNING);
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		char aside[128];

		write_state(damaged[i]);
		captured = capture_begin();
		open_file();
		assert_true(logged("state.json.damaged"));
		snprintf(aside, sizeof(aside), "%s.damaged", state_path);
		assert_int_equal(access(aside, F_OK), 0);
		assert_int_equal(access(state_path, F_OK), -1);
		h = learnt();
		history_file_attach(file, "orders", &h);
		assert_true(h.dirty);
		history_file_detach(file, "orders", clock_wall());
		history_file_free(file);
		file = NULL;
		assert_int_equal(access(state_path, F_OK), 0);
	}
}

/* Entries that are refused, each beside one that is not. */
static const char *const refused[] = {
	"7",
	"{}",
	"{\"seen_ms\":-1}",
	"{\"seen_ms\":1.5}",
	"{\"seen_ms\":9000000000001}",
	"{\"seen_ms\":1,\"run_id\":7}",
	"{\"seen_ms\":1,\"run_id\":\"\"}",
	"{\"seen_ms\":1,\"run_id\":\"a b\"}",
	"{\"seen_ms\":1,\"run_id\":\"0123456789012345678901234567890123456789012345678\"}",
	"{\"seen_ms\":1,\"address\":7}",
	"{\"seen_ms\":1,\"switched\":1}",
	"{\"seen_ms\":1,\"last_save\":\"1\"}",
	"{\"seen_ms\":1,\"longest_save_s\":-1}",
	"{\"seen_ms\":1,\"keys\":1e16}",
	"{\"seen_ms\":1,\"changes\":[]}",
	"{\"seen_ms\":1,\"open\":[]}",
	"{\"seen_ms\":1,\"open\":{\"rdb.stale\":7}}",
	"{\"seen_ms\":1,\"open\":{\"rdb.stale\":{\"since_ms\":1,\"severity\":\"warning\"}}}",
	"{\"seen_ms\":1,\"open\":{\"rdb.stale\":{\"acked\":true,\"severity\":\"warning\"}}}",
	"{\"seen_ms\":1,\"open\":{\"rdb.stale\":{\"acked\":true,\"severity\":\"warning\",\"since_ms\":\"1\"}}}",
	"{\"seen_ms\":1,\"open\":{\"rdb.stale\":{\"acked\":true,\"since_ms\":1}}}",
	"{\"seen_ms\":1,\"open\":{\"rdb.stale\":{\"acked\":true,\"severity\":\"none\",\"since_ms\":1}}}",
};

static void
test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char text[600], error[256] = "";
		struct history_content content;

		snprintf(text, sizeof(text),
			 "{\"schema\":1,\"targets\":{\"bad\":%s,\"good\":"
			 "{\"seen_ms\":9000000000000,\"keys\":17}}}",
			 refused[i]);
		assert_true(history_json_read(&content, text, strlen(text), error,
					      sizeof(error)));
		assert_int_equal(content.refused, 1);
		assert_non_null(strstr(content.complaint, "bad"));
		assert_int_equal(content.count, 1);
		assert_string_equal(content.entries[0].target, "good");
		assert_true(content.entries[0].history.keys == 17);
		history_content_fini(&content);
		history_content_fini(&content);
	}
}

/* An address of the longest, one past it, and one that is no UTF-8. */
static void
test_addresses(void **state)
{
	static char name[] = "orders";
	struct history_content content, one = { 0 };
	struct history_entry entry = { .target = name };
	char text[600], error[256] = "", *line;

	(void)state;
	for (int len = 287; len <= 288; len++) {
		snprintf(text, sizeof(text),
			 "{\"schema\":1,\"targets\":{\"orders\":{\"seen_ms\":1,"
			 "\"address\":\"%0*d\"}}}",
			 len, 7);
		assert_true(history_json_read(&content, text, strlen(text), error,
					      sizeof(error)));
		assert_int_equal(content.refused, len == 288);
		if (len == 287)
			assert_int_equal(strlen(content.entries[0].history.address),
					 287);
		history_content_fini(&content);
	}
	history_init(&entry.history);
	snprintf(entry.history.address, sizeof(entry.history.address), "/\xff.sock");
	one.entries = &entry;
	one.count = 1;
	line = history_json(&one, (struct wall){ 0 });
	assert_non_null(strstr(line, "\"address\":null"));
	assert_true(
		history_json_read(&content, line, strlen(line), error, sizeof(error)));
	assert_string_equal(content.entries[0].history.address, "");
	assert_false(content.entries[0].history.switched);
	history_content_fini(&content);
	free(line);
}

static void
test_refused_names_and_silences(void **state)
{
	static const char text[] =
		"{\"schema\":1,\"targets\":{\"a b\":{\"seen_ms\":1},"
		"\"json\":{\"seen_ms\":1}},\"silences\":[7,"
		"{\"incidents\":\"*\",\"targets\":\"*\"},"
		"{\"incidents\":\"\",\"targets\":\"*\",\"until_ms\":5},"
		"{\"incidents\":\"*\",\"targets\":\"a b\",\"until_ms\":5},"
		"{\"incidents\":\"*\",\"targets\":\"t\",\"until_ms\":5}]}";
	struct history_content content;
	char error[256];

	(void)state;
	assert_true(
		history_json_read(&content, text, strlen(text), error, sizeof(error)));
	assert_int_equal(content.refused, 6);
	assert_int_equal(content.count, 0);
	assert_int_equal(content.silence_count, 1);
	assert_string_equal(content.silences[0].targets, "t");
	history_content_fini(&content);
}

static void
test_too_many_silences(void **state)
{
	struct history_content content;
	char *text = NULL, error[256];
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	fputs("{\"schema\":1,\"targets\":{},\"silences\":[", f);
	for (int i = 0; i <= SILENCES_MAX; i++)
		fprintf(f, "%s{\"incidents\":\"%d\",\"targets\":\"*\",\"until_ms\":5}",
			i > 0 ? "," : "", i);
	fputs("]}", f);
	fclose(f);
	assert_true(history_json_read(&content, text, len, error, sizeof(error)));
	assert_int_equal(content.refused, 1);
	assert_int_equal(content.silence_count, SILENCES_MAX);
	history_content_fini(&content);
	free(text);
}

/* What another version knows is no fault. */
static void
test_unknown_members(void **state)
{
	static const char text[] =
		"{\"schema\":1,\"more\":{},\"targets\":{\"orders\":{\"seen_ms\":1,"
		"\"mood\":\"good\",\"open\":{\"rdb.invented\":7,\"load.finished\":7}}}}";
	struct history_content content;
	char error[256];

	(void)state;
	assert_true(
		history_json_read(&content, text, strlen(text), error, sizeof(error)));
	assert_int_equal(content.refused, 0);
	assert_int_equal(content.count, 1);
	for (size_t i = 0; i < INCIDENT_COUNT; i++)
		assert_false(content.entries[0].history.open[i].open);
	history_content_fini(&content);
}

/* An ended silence is not taken over. */
static void
test_old_silence(void **state)
{
	(void)state;
	write_state("{\"schema\":1,\"targets\":{},\"silences\":[{\"incidents\":\"*\","
		    "\"targets\":\"*\",\"until_ms\":5}]}");
	open_file();
	assert_null(silences_at(silences, 0));
}

static size_t
entries_after(size_t count, int64_t age_ns)
{
	int64_t ms = (clock_wall().ns - age_ns) / NS_PER_MS;
	FILE *f = fopen(state_path, "w");
	size_t left;

	fputs("{\"schema\":1,\"targets\":{", f);
	for (size_t i = 0; i < count; i++) {
		fprintf(f, "\"t%zu\"", i);
		/* The first one is the oldest. */
		fprintf(f, ":{\"seen_ms\":%lld},", (long long)ms + (long long)i);
	}
	fprintf(f, "\"orders\":{\"seen_ms\":%lld}}}", (long long)ms);
	fclose(f);
	open_file();
	history_file_attach(file, "orders", &h);
	h.dirty = true;
	timer_cb(-1, 0, file);
	left = file->count;
	finish();
	return left;
}

static void
test_strays(void **state)
{
	struct mono before;
	bool found;

	(void)state;
	assert_int_equal(entries_after(3, 29 * DAY_NS), 4);
	history_file_free(file);
	assert_int_equal(entries_after(3, 31 * DAY_NS), 1);
	history_file_free(file);
	assert_int_equal(entries_after(STRAYS_MAX + 2, DAY_NS), STRAYS_MAX + 1);
	place_of(file, "t0", &found);
	assert_false(found);
	place_of(file, "t2", &found);
	assert_true(found);
	history_file_free(file);
	/* To look for the oldest among all, time and again, would take seconds. */
	before = clock_now();
	assert_int_equal(entries_after(50 * STRAYS_MAX, DAY_NS), STRAYS_MAX + 1);
	assert_true(clock_diff_s(clock_now(), before) < 5);
}

static void
test_one_pinfod_only(void **state)
{
	struct history_file *second;

	(void)state;
	log_set_level(LOG_LEVEL_WARNING);
	open_file();
	captured = capture_begin();
	second = history_file_new(base, silences);
	assert_true(logged("is kept by another pinfod"));
	/* It works and keeps nothing. */
	history_file_attach(second, "orders", &h);
	history_file_detach(second, "orders", clock_wall());
	history_file_free(second);
	assert_int_equal(access(state_path, F_OK), -1);
}

static void
test_places(void **state)
{
	static const struct {
		const char *state, *xdg, *home, *expected;
		bool given;
	} rows[] = {
		{ "/s", "/x", "/h", "/s", true },
		{ "/s:/t", "/x", "/h", "/s", true },
		{ "", "/x", "/h", NULL, false },
		{ NULL, "/x", "/h", "/x/pinfod", false },
		{ NULL, "x", "/h", "/h/.local/state/pinfod", false },
		{ NULL, NULL, "/h", "/h/.local/state/pinfod", false },
		{ NULL, NULL, "h", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *expected = rows[i].expected;
		char *found;
		bool given;

		if (!rows[i].given && geteuid() == 0)
			expected = ROOT_DIRECTORY;
		else if (rows[i].state != NULL && *rows[i].state == '\0')
			expected = "/x/pinfod";
		rows[i].state ? setenv("STATE_DIRECTORY", rows[i].state, 1)
			      : unsetenv("STATE_DIRECTORY");
		rows[i].xdg ? setenv("XDG_STATE_HOME", rows[i].xdg, 1)
			    : unsetenv("XDG_STATE_HOME");
		setenv("HOME", rows[i].home, 1);
		found = name_directory(&given);
		assert_int_equal(given, rows[i].given);
		if (expected == NULL)
			assert_null(found);
		else
			assert_string_equal(found, expected);
		free(found);
	}
	setenv("STATE_DIRECTORY", directory, 1);
}

/* What is no directory, or cannot be one, is told and lived with. */
static void
test_no_place(void **state)
{
	static const char *const places[] = { "relative", "/dev/null", "/proc/1/x/y" };

	(void)state;
	log_set_level(LOG_LEVEL_WARNING);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		setenv("STATE_DIRECTORY", places[i], 1);
		captured = capture_begin();
		open_file();
		assert_true(logged("cannot be kept in"));
		history_file_attach(file, "orders", &h);
		history_file_detach(file, "orders", clock_wall());
		history_file_free(file);
		file = NULL;
	}
	history_file_attach(NULL, "orders", &h);
	history_file_detach(NULL, "orders", clock_wall());
	history_file_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_survives, make, clean),
		cmocka_unit_test_setup_teardown(test_detach, make, clean),
		cmocka_unit_test_setup_teardown(test_only_when_dirty, make, clean),
		cmocka_unit_test_setup_teardown(test_timer, make, clean),
		cmocka_unit_test_setup_teardown(test_full_disk, make, clean),
		cmocka_unit_test_setup_teardown(test_damaged, make, clean),
		cmocka_unit_test_setup_teardown(test_refused, make, clean),
		cmocka_unit_test_setup_teardown(test_addresses, make, clean),
		cmocka_unit_test(test_refused_names_and_silences),
		cmocka_unit_test(test_too_many_silences),
		cmocka_unit_test(test_unknown_members),
		cmocka_unit_test_setup_teardown(test_old_silence, make, clean),
		cmocka_unit_test_setup_teardown(test_strays, make, clean),
		cmocka_unit_test_setup_teardown(test_one_pinfod_only, make, clean),
		cmocka_unit_test_setup_teardown(test_places, make, clean),
		cmocka_unit_test_setup_teardown(test_no_place, make, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
