/*
 * group: what becomes of members, what is told of them and when; with sources that
 * say what the test says.
 */
#include "../../src/group.c"

#include "capture.h"

/* replaces "../../src/group_sentinel.c": there is nobody to ask. */
/* replaces "../../src/group_cluster.c": there is nobody to ask. */
/* replaces "../../src/group_file.c": there is nobody to ask. */
#include "fake_source.h"

static unsigned changes;

static void
on_changed(void *owner, struct group *group, struct mono now)
{
	assert_ptr_equal(owner, &changes);
	assert_non_null(group);
	assert_int_equal(now.ns, FAKE_NOW.ns);
	changes++;
}

static const struct group_env env = { .changed = on_changed, .owner = &changes };

static char cache[] = "cache", channel[] = "pinfo:{name}", master[] = "mymaster";
static char path[] = "/etc/targets", host[] = "10.0.0.1";
static struct endpoint seeds[] = { { .host = host, .port = 26379 } };

static struct group_config
config_of(enum group_kind kind)
{
	return (struct group_config){
		.kind = kind,
		.name = kind == GROUP_FILE ? path : cache,
		.pattern = { .channel = channel,
			     .interval_ns = 5 * NS_PER_S,
			     .sample_ns = NS_PER_S },
		.seeds = seeds,
		.seed_count = kind == GROUP_FILE ? 0 : 1,
		.master = kind == GROUP_SENTINEL ? master : NULL,
		.path = kind == GROUP_FILE ? path : NULL,
	};
}

static struct group *
make(enum group_kind kind)
{
	struct group_config config = config_of(kind);

	return group_new(&env, &config, FAKE_NOW);
}

static int
begin_test(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	changes = fake_made = fake_freed = 0;
	fake_at_once = NULL;
	return 0;
}

static int
end_test(void **state)
{
	(void)state;
	/* No source is left, none was freed twice. */
	return fake_made != fake_freed;
}

/* "cache=127.0.0.1:1 ..." */
static void
assert_targets(const struct group *g, const char *expected)
{
	char text[1024] = "", address[ENDPOINT_TEXT_BYTES];
	size_t n = 0;

	for (size_t i = 0; i < group_count(g); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s=%s",
				      i > 0 ? " " : "", group_at(g, i)->name,
				      endpoint_text(&group_at(g, i)->endpoint,
						    address));
	assert_string_equal(text, expected);
}

static void
assert_trouble(const struct group *g, const char *expected)
{
	struct group_report r;

	group_report(g, &r);
	if (expected == NULL)
		assert_null(r.trouble);
	else
		assert_string_equal(r.trouble, expected);
}

/* What the log says while `text` is found, each line without its time. */
static char *
log_of(struct group *g, const char *text, size_t agree, size_t sources)
{
	struct capture c;

	log_set_level(LOG_LEVEL_NOTICE);
	c = capture_begin();
	fake_find(g, text, agree, sources);
	log_set_level(LOG_LEVEL_ERROR);
	return capture_end(c);
}

static char *
log_of_trouble(struct group *g, const char *trouble, size_t heard, size_t sources)
{
	struct capture c;

	log_set_level(LOG_LEVEL_NOTICE);
	c = capture_begin();
	group_set_trouble(g, trouble, heard, sources, FAKE_NOW);
	log_set_level(LOG_LEVEL_ERROR);
	return capture_end(c);
}

/* Lines of these endings, in their order, and no others; "": none. */
static void
assert_log(char *log, const char *const *lines)
{
	char *rest = log, *line;

	for (; *lines != NULL; lines++) {
		size_t len = strlen(*lines);

		line = strsep(&rest, "\n");
		if (rest == NULL)
			fail_msg("no more lines, and not '%s'", *lines);
		if (strlen(line) < len || strcmp(line + strlen(line) - len, *lines))
			fail_msg("'%s' does not end in '%s'", line, *lines);
	}
	assert_string_equal(rest, "");
	free(log);
}

#define LINES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NO_LINES ((const char *const[]){ NULL })

static void
test_first_round(void **state)
{
	struct group *g = make(GROUP_SENTINEL);
	struct group_report r;

	(void)state;
	assert_false(group_is_settled(g));
	assert_int_equal(group_count(g), 0);
	group_report(g, &r);
	assert_string_equal(r.name, "cache");
	assert_string_equal(r.kind, "sentinel");
	assert_false(r.settled);
	fake_find(g, "=1 127.0.0.1:2=2", 2, 3);
	assert_true(group_is_settled(g));
	assert_int_equal(changes, 1);
	assert_targets(g, "cache=127.0.0.1:1 cache/127.0.0.1:2=127.0.0.1:2");
	assert_string_equal(group_at(g, 1)->channel, "pinfo:cache/127.0.0.1:2");
	group_set_trouble(g, "10.0.0.3: refused", 2, 3, FAKE_NOW);
	assert_int_equal(changes, 1);
	group_report(g, &r);
	assert_int_equal(r.targets, 2);
	assert_int_equal(r.sources, 3);
	assert_int_equal(r.heard, 2);
	assert_int_equal(r.agree, 2);
	assert_string_equal(r.trouble, "10.0.0.3: refused");
	assert_true(r.settled);
	/* The same is no news, whoever says it. */
	fake_find(g, "=1 127.0.0.1:2=2", 3, 3);
	assert_int_equal(changes, 1);
	group_report(g, &r);
	assert_int_equal(r.agree, 3);
	fake_find(g, "=2", 3, 3);
	assert_int_equal(changes, 2);
	assert_targets(g, "cache=127.0.0.1:2");
	group_free(g);
}

/* That it cannot be known is news, too: once. */
static void
test_cannot_know(void **state)
{
	struct group *g = make(GROUP_CLUSTER);

	(void)state;
	group_set_trouble(g, "nobody is heard", 0, 1, FAKE_NOW);
	assert_true(group_is_settled(g));
	assert_int_equal(changes, 1);
	group_set_trouble(g, "still nobody", 0, 1, FAKE_NOW);
	assert_int_equal(changes, 1);
	fake_find(g, "", 1, 1);
	assert_int_equal(changes, 1);
	fake_find(g, "a=1", 1, 1);
	assert_int_equal(changes, 2);
	/* Nobody is dropped for want of news. */
	group_set_trouble(g, "nobody is heard", 0, 1, FAKE_NOW);
	assert_targets(g, "cache/a=127.0.0.1:1");
	group_free(g);
}

/* Who makes it or configures it looks by himself. */
static void
test_at_once(void **state)
{
	struct group_config config = config_of(GROUP_FILE);
	char other[] = "/etc/others";
	struct group *g;

	(void)state;
	fake_at_once = "a=1";
	g = make(GROUP_FILE);
	assert_int_equal(changes, 0);
	assert_true(group_is_settled(g));
	assert_targets(g, "a=127.0.0.1:1");
	fake_at_once = "b=2";
	config.path = other;
	group_configure(g, &config, FAKE_NOW);
	assert_int_equal(changes, 0);
	assert_targets(g, "b=127.0.0.1:2");
	group_free(g);
}

static void
test_log(void **state)
{
	struct group *g = make(GROUP_SENTINEL);

	(void)state;
	assert_log(log_of(g, "=1 127.0.0.1:2=2", 3, 3),
		   LINES("cache: the master is 127.0.0.1:1 (3 of 3 sentinels)",
			 "cache: 127.0.0.1:2 has come (3 of 3 sentinels)"));
	assert_log(log_of(g, "=1 127.0.0.1:2=2", 2, 3), NO_LINES);
	assert_log(log_of(g, "=2 127.0.0.1:1=1", 2, 3),
		   LINES("cache: the master is 127.0.0.1:2 now, no longer 127.0.0.1:1 "
			 "(2 of 3 sentinels)",
			 "cache: 127.0.0.1:1 has come (2 of 3 sentinels)",
			 "cache: 127.0.0.1:2 has gone (2 of 3 sentinels)"));
	assert_log(log_of(g, "", 2, 3),
		   LINES("cache: the master at 127.0.0.1:2 has gone (2 of 3 sentinels)",
			 "cache: 127.0.0.1:1 has gone (2 of 3 sentinels)"));
	group_free(g);
	g = make(GROUP_CLUSTER);
	assert_log(log_of(g, "3c1f9e2a=1", 1, 1),
		   LINES("cache: 3c1f9e2a at 127.0.0.1:1 has come (1 of 1 nodes)"));
	assert_log(log_of(g, "3c1f9e2a=2", 5, 6),
		   LINES("cache: 3c1f9e2a is 127.0.0.1:2 now, no longer 127.0.0.1:1 "
			 "(5 of 6 nodes)"));
	group_free(g);
	/* One file needs no count. */
	g = make(GROUP_FILE);
	assert_log(log_of(g, "carts=1", 1, 1),
		   LINES("/etc/targets: carts at 127.0.0.1:1 has come"));
	group_free(g);
}

/* A file of thousands does not fill the log. */
static void
test_log_of_many(void **state)
{
	struct group *g = make(GROUP_FILE);
	char text[512] = "";
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 20; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "t%02d=%d ", i,
				      i + 1);
	assert_log(log_of(g, text, 1, 1),
		   LINES("t00 at 127.0.0.1:1 has come", "t01 at 127.0.0.1:2 has come",
			 "t02 at 127.0.0.1:3 has come", "t03 at 127.0.0.1:4 has come",
			 "t04 at 127.0.0.1:5 has come", "t05 at 127.0.0.1:6 has come",
			 "t06 at 127.0.0.1:7 has come", "t07 at 127.0.0.1:8 has come",
			 "/etc/targets: 12 more have come"));
	/* Each kind of change is counted for itself. */
	assert_log(log_of(g, "t00=1 t01=9 x=5", 1, 1),
		   LINES("t01 is 127.0.0.1:9 now, no longer 127.0.0.1:2",
			 "t02 at 127.0.0.1:3 has gone", "t03 at 127.0.0.1:4 has gone",
			 "t04 at 127.0.0.1:5 has gone", "t05 at 127.0.0.1:6 has gone",
			 "t06 at 127.0.0.1:7 has gone", "t07 at 127.0.0.1:8 has gone",
			 "t08 at 127.0.0.1:9 has gone", "t09 at 127.0.0.1:10 has gone",
			 "x at 127.0.0.1:5 has come",
			 "/etc/targets: 10 more have gone"));
	group_free(g);
}

static void
test_log_of_trouble(void **state)
{
	struct group *g = make(GROUP_SENTINEL);

	(void)state;
	assert_log(log_of_trouble(g, "", 3, 3), NO_LINES);
	assert_log(log_of_trouble(g, "a: refused", 2, 3),
		   LINES("warning: cache: a: refused (2 of 3 sentinels heard)"));
	assert_log(log_of_trouble(g, "a: refused", 1, 3), NO_LINES);
	assert_log(log_of_trouble(g, "a: silent", 2, 3),
		   LINES("warning: cache: a: silent (2 of 3 sentinels heard)"));
	assert_log(log_of_trouble(g, "", 3, 3),
		   LINES("notice: cache: all is well again (3 of 3 sentinels heard)"));
	assert_log(log_of_trouble(g, "", 3, 3), NO_LINES);
	group_free(g);
}

/* One that cannot be a target is told of, and the others are watched. */
static void
test_unfit(void **state)
{
	struct group *g = make(GROUP_CLUSTER);
	char text[1024], name[300], expected[512];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text), "a=1 %s=2", name);
	fake_find(g, text, 1, 1);
	assert_targets(g, "cache/a=127.0.0.1:1");
	snprintf(expected, sizeof(expected),
		 "%s cannot be watched: a name has 1 to 255 bytes, and not 305", name);
	assert_trouble(g, expected);
	snprintf(text, sizeof(text), "a=1 y%s=2 %s=3", name, name);
	fake_find(g, text, 1, 1);
	snprintf(expected, sizeof(expected),
		 "%s cannot be watched: a name has 1 to 255 bytes, and not 305 (and 1 "
		 "more)",
		 name);
	assert_trouble(g, expected);
	/* All that is wrong is told. */
	group_set_trouble(g, "first", 0, 1, FAKE_NOW);
	group_set_left_out(g, "last");
	fake_find(g, "a=1", 1, 1);
	assert_trouble(g, "first; last");
	group_set_trouble(g, "", 0, 1, FAKE_NOW);
	assert_trouble(g, "last");
	group_set_left_out(g, "");
	assert_trouble(g, NULL);
	group_free(g);
}

/* What its targets are told changes; nobody is asked anew. */
static void
test_configure_pattern(void **state)
{
	struct group_config config = config_of(GROUP_SENTINEL);
	char other[] = "other";
	struct group *g = make(GROUP_SENTINEL);

	(void)state;
	fake_find(g, "=1 b=2", 1, 1);
	group_set_trouble(g, "some", 1, 1, FAKE_NOW);
	changes = 0;
	config.pattern.json = true;
	config.pattern.channel = other;
	group_configure(g, &config, FAKE_NOW);
	assert_int_equal(fake_made, 1);
	assert_true(group_is_settled(g));
	assert_int_equal(changes, 0);
	assert_targets(g, "cache=127.0.0.1:1 cache/b=127.0.0.1:2");
	for (size_t i = 0; i < 2; i++) {
		assert_true(group_at(g, i)->json);
		assert_string_equal(group_at(g, i)->channel, "other");
	}
	assert_trouble(g, "some");
	group_free(g);
}

/* A file is looked at once a second, whatever its targets are told. */
static void
test_configure_file(void **state)
{
	struct group_config other = config_of(GROUP_FILE);
	struct group *g = make(GROUP_FILE);

	(void)state;
	fake_find(g, "a=1", 1, 1);
	fake_made = fake_freed = 0;
	other.pattern.interval_ns = 7 * NS_PER_S;
	other.pattern.sample_ns = NS_PER_S / 2;
	group_configure(g, &other, FAKE_NOW);
	assert_int_equal(fake_made, 0);
	assert_true(group_is_settled(g));
	assert_int_equal(group_at(g, 0)->interval_ns, 7 * NS_PER_S);
	group_free(g);
	fake_made = fake_freed;
}

/* Others are asked; until they answer its members stay. */
static void
test_configure_sources(void **state)
{
	static char text[] = "other", pass[] = "secret", tag[] = "ca.crt";
	struct endpoint others[2] = { seeds[0], seeds[0] };
	struct group_config rows[9];
	size_t count = sizeof(rows) / sizeof(rows[0]);

	(void)state;
	for (size_t i = 0; i < count; i++)
		rows[i] = config_of(GROUP_SENTINEL);
	rows[0].master = text;
	rows[1].replicas = true;
	rows[2].shard = true;
	rows[3].seeds = others;
	rows[3].seed_count = 2;
	rows[4].seeds = &(struct endpoint){ .host = host, .port = 1 };
	rows[5].seeds =
		&(struct endpoint){ .host = host, .port = 26379, .password = pass };
	rows[6].seeds = &(struct endpoint){ .host = host,
					    .port = 26379,
					    .tls = { .on = true, .cacert = tag } };
	/* How often they are asked follows from it. */
	rows[7].pattern.sample_ns = NS_PER_S / 2;
	rows[8].pattern.interval_ns = 7 * NS_PER_S;
	for (size_t i = 0; i < count; i++) {
		struct group *g = make(GROUP_SENTINEL);

		fake_find(g, "=1", 1, 1);
		group_set_trouble(g, "of before", 1, 1, FAKE_NOW);
		changes = fake_made = fake_freed = 0;
		group_configure(g, &rows[i], FAKE_NOW);
		assert_int_equal(fake_made, 1);
		assert_int_equal(fake_freed, 1);
		assert_int_equal(changes, 0);
		assert_false(group_is_settled(g));
		assert_trouble(g, NULL);
		assert_targets(g, "cache=127.0.0.1:1");
		fake_find(g, "=1", 1, 1);
		assert_int_equal(changes, 1);
		group_free(g);
		fake_made++;
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_round),	   TEST(test_cannot_know),
		TEST(test_at_once),	   TEST(test_log),
		TEST(test_log_of_many),	   TEST(test_log_of_trouble),
		TEST(test_unfit),	   TEST(test_configure_pattern),
		TEST(test_configure_file), TEST(test_configure_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
