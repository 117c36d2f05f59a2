/*
 * fleet: which targets are kept, made and ended, when they first sample, and the
 * warning about replicas; with fake links, and timers that never fire.
 */
#include "../../src/inquiry.c"
#include "../../src/target.c"
#include "../../src/fleet.c"

#include "capture.h"

/* replaces "../../src/link.c": there is no server. */
#include "fake_link.h"

/* replaces "../../src/watch.c": what it tells is said by the test. */
#include "fake_watch.h"

#define NOW ((struct mono){ INT64_C(123456789012345) })

static struct event_base *base;
static struct bus *bus;
static struct fleet *fleet;

static int64_t interval_ns; /* of what is configured */

static int
make(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	fake_infos = 0;
	interval_ns = 5 * NS_PER_S;
	base = event_base_new();
	bus = bus_new();
	fleet = fleet_new(base, bus, NULL);
	return base == NULL;
}

static int
clean(void **state)
{
	(void)state;
	fleet_free(fleet);
	bus_free(bus);
	event_base_free(base);
	return 0;
}

static char path[] = "/run/redis.sock", pinfo[] = "pinfo";

/* A letter is a target of that name; behind a - one that is not started. */
static void
change_to(enum fleet_change change, const char *letters)
{
	struct target_config configs[100];
	char names[100][2];
	size_t count = 0;

	for (const char *p = letters; *p != '\0'; p++) {
		bool stopped = *p == '-';

		p += stopped;
		assert_in_range(count, 0, 99);
		names[count][0] = *p;
		names[count][1] = '\0';
		configs[count] = (struct target_config){
			.name = names[count],
			.endpoint = { .path = path },
			.channel = pinfo,
			.interval_ns = interval_ns,
			.sample_ns = interval_ns,
			.stopped = stopped,
		};
		count++;
	}
	/* The targets keep copies: this ends with the function. */
	fleet_configure(fleet, change, configs, count, NOW);
}

static void
configure(const char *letters)
{
	change_to(FLEET_RELOAD, letters);
}

static void
discover(const char *letters)
{
	change_to(FLEET_DISCOVERY, letters);
}

static void
assert_names(const char *letters)
{
	assert_int_equal(fleet_count(fleet), strlen(letters));
	for (size_t i = 0; letters[i] != '\0'; i++) {
		assert_int_equal(target_name(fleet_at(fleet, i))[0], letters[i]);
		assert_int_equal(target_name(fleet_at(fleet, i))[1], '\0');
	}
}

static struct target *
find(char letter)
{
	for (size_t i = 0; i < fleet_count(fleet); i++) {
		if (target_name(fleet_at(fleet, i))[0] == letter)
			return fleet_at(fleet, i);
	}
	return NULL;
}

static void
test_reorder(void **state)
{
	static const struct {
		const char *before, *after, *same;
	} rows[] = {
		{ "abc", "abc", "abc" },  { "abc", "cba", "abc" },
		{ "cab", "bca", "abc" },  { "abc", "b", "b" },
		{ "b", "abc", "b" },	  { "abc", "def", "" },
		{ "abc", "xcyaz", "ac" }, { "a", "b", "" },
		{ "abc", "", "" },	  { "", "abc", "" },
		{ "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct target *old[8] = { 0 };

		configure(rows[i].before);
		assert_names(rows[i].before);
		for (size_t k = 0; rows[i].same[k] != '\0'; k++) {
			old[k] = find(rows[i].same[k]);
			old[k]->samples = 17;
		}
		configure(rows[i].after);
		assert_names(rows[i].after);
		/* Address and counters: else a new one might lie where the old lay. */
		for (size_t k = 0; rows[i].same[k] != '\0'; k++) {
			assert_ptr_equal(find(rows[i].same[k]), old[k]);
			assert_int_equal(old[k]->samples, 17);
		}
		for (size_t k = 0; k < fleet_count(fleet); k++) {
			if (!strchr(rows[i].same, *target_name(fleet_at(fleet, k))))
				assert_int_equal(fleet_at(fleet, k)->samples, 0);
		}
		clean(NULL);
		make(NULL);
	}
}

/* When target i of count begins, in milliseconds. */
static void
test_steps(void **state)
{
	static const struct {
		size_t count, i;
		int ms;
	} rows[] = {
		{ 1, 0, 0 },	    { 2, 1, 0 },	  { 10, 9, 0 },
		{ 11, 5, 0 },	    { 11, 6, 500 },	  { 11, 10, 500 },
		{ 50, 49, 800 },    { 100, 9, 0 },	  { 100, 10, 100 },
		{ 100, 99, 900 },   { 10000, 0, 0 },	  { 10000, 199, 0 },
		{ 10000, 200, 20 }, { 10000, 9999, 980 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mono first = first_of(rows[i].i, rows[i].count, NOW);

		if (clock_diff_ns(first, NOW) != rows[i].ms * NS_PER_MS)
			fail_msg("%zu of %zu: %lld ns", rows[i].i, rows[i].count,
				 (long long)clock_diff_ns(first, NOW));
	}
}

static int64_t
first_ms(char letter)
{
	return clock_diff_ns(find(letter)->schedule.first, NOW) / NS_PER_MS;
}

/* START and STOP outlive a reload; `stopped` is for what is new. */
static void
test_start(void **state)
{
	(void)state;
	configure("a-bc");
	assert_true(target_is_running(find('a')));
	assert_false(target_is_running(find('b')));
	assert_true(target_is_running(find('c')));
	assert_int_equal(first_ms('a'), 0);
	assert_int_equal(first_ms('c'), 0);
	assert_true(find('a')->inquiry->feed->open);
	assert_false(find('b')->inquiry->feed->open);
	target_stop(find('a'), NOW);
	target_start(find('b'), NOW, NOW);
	configure("da-b-c-e");
	assert_true(target_is_running(find('d')));
	assert_false(target_is_running(find('a')));
	assert_true(target_is_running(find('b')));
	assert_true(target_is_running(find('c')));
	assert_false(target_is_running(find('e')));
	/* It has begun already. */
	assert_int_equal(first_ms('c'), 0);
	fleet_start(fleet, NOW);
	assert_true(target_is_running(find('a')));
	assert_true(target_is_running(find('e')));
	assert_int_equal(first_ms('a'), 0);
	assert_int_equal(first_ms('e'), 0);
	fleet_stop(fleet, NOW);
	for (size_t i = 0; i < fleet_count(fleet); i++)
		assert_false(target_is_running(fleet_at(fleet, i)));
}

/* Who was found after START or STOP of all is as they are; whoever was there stays. */
static void
test_discovered_start(void **state)
{
	(void)state;
	configure("a");
	discover("ab-c");
	assert_true(target_is_running(find('b')));
	assert_false(target_is_running(find('c')));
	fleet_stop(fleet, NOW);
	target_start(find('a'), NOW, NOW);
	discover("ab-cd-e");
	assert_true(target_is_running(find('a')));
	assert_false(target_is_running(find('b')));
	assert_false(target_is_running(find('d')));
	assert_false(target_is_running(find('e')));
	/* What a configuration brings is as it says. */
	configure("ab-cd-ef-g");
	assert_true(target_is_running(find('f')));
	assert_false(target_is_running(find('g')));
	fleet_start(fleet, NOW);
	target_stop(find('a'), NOW);
	discover("ab-h");
	assert_false(target_is_running(find('a')));
	assert_true(target_is_running(find('h')));
}

/* So is the interval that was ordered, until the configuration has another one. */
static void
test_discovered_interval(void **state)
{
	(void)state;
	configure("a");
	fleet_set_interval(fleet, NS_PER_S, NOW);
	discover("ab");
	assert_int_equal(target_interval_ns(find('a')), NS_PER_S);
	assert_int_equal(target_interval_ns(find('b')), NS_PER_S);
	configure("abc");
	assert_int_equal(target_interval_ns(find('b')), NS_PER_S);
	assert_int_equal(target_interval_ns(find('c')), 5 * NS_PER_S);
	discover("abcd");
	assert_int_equal(target_interval_ns(find('d')), NS_PER_S);
	interval_ns = 2 * NS_PER_S;
	configure("abcd");
	discover("abcde");
	assert_int_equal(target_interval_ns(find('a')), 2 * NS_PER_S);
	assert_int_equal(target_interval_ns(find('e')), 2 * NS_PER_S);
}

/* A reload tells all, discovery only who is not as he was. */
static void
test_discovered_differences(void **state)
{
	static char other[] = "/run/other.sock", channel[] = "other", tag[] = "17";
	struct target_config configs[8];
	size_t count = sizeof(configs) / sizeof(configs[0]);
	static char names[8][2] = { "a", "b", "c", "d", "e", "f", "g", "h" };

	(void)state;
	for (size_t i = 0; i < count; i++)
		configs[i] = (struct target_config){
			.name = names[i],
			.endpoint = { .path = path },
			.channel = pinfo,
			.notices = pinfo,
			.interval_ns = 5 * NS_PER_S,
		};
	fleet_configure(fleet, FLEET_RELOAD, configs, count, NOW);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(fleet_at(fleet, i)->watch->rules_set, 0);
	configs[1].endpoint.path = other;
	configs[2].channel = channel;
	configs[3].notices = NULL;
	configs[4].tag = tag;
	/* The name is that of another group's now. */
	configs[5].interval_ns = NS_PER_S;
	configs[6].json = true;
	configs[7].rules.memory_limit_bytes = 1;
	fleet_configure(fleet, FLEET_DISCOVERY, configs, count, NOW);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(fleet_at(fleet, i)->watch->rules_set, i > 0);
	assert_string_equal(fleet_at(fleet, 1)->address, other);
	fleet_configure(fleet, FLEET_DISCOVERY, configs, count, NOW);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(fleet_at(fleet, i)->watch->rules_set, i > 0);
	fleet_configure(fleet, FLEET_RELOAD, configs, count, NOW);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(fleet_at(fleet, i)->watch->rules_set, 1 + (i > 0));
}

static void
test_log(void **state)
{
	struct capture c;
	char *log;

	(void)state;
	configure("abc");
	log_set_level(LOG_LEVEL_NOTICE);
	c = capture_begin();
	configure("xb");
	log = capture_end(c);
	assert_non_null(strstr(log, "a: no longer configured\n"));
	assert_non_null(strstr(log, "c: no longer configured\n"));
	assert_null(strstr(log, "b: "));
	assert_null(strstr(log, "x: "));
	free(log);
	c = capture_begin();
	discover("x");
	log = capture_end(c);
	/* Its group has said that. */
	assert_null(strstr(log, "b: no longer"));
	free(log);
}

static void
count_change(void *watcher, struct mono now)
{
	unsigned *changes = watcher;

	assert_int_equal(now.ns, NOW.ns);
	*changes += 1;
}

/* Who watches is told of each change of a state, and of nothing else. */
static void
test_watch(void **state)
{
	unsigned changes = 0;

	(void)state;
	configure("a-b");
	fleet_watch(fleet, count_change, &changes);
	fake_ready(find('a')->inquiry->feed, NOW);
	assert_int_equal(changes, 0);
	target_poll(find('a'), NOW);
	fake_text(find('a')->inquiry->feed, "# Persistence", NOW);
	assert_int_equal(changes, 1);
	fake_number(find('a')->inquiry->feed, 1, NOW);
	assert_int_equal(changes, 1);
	fake_lose(find('a')->inquiry->feed, FAULT_UNREACHABLE, "gone", NOW);
	assert_int_equal(changes, 2);
	/* New targets are of the fleet, too. */
	configure("a-bc");
	assert_int_equal(changes, 3);
	fleet_start(fleet, NOW);
	assert_int_equal(changes, 4);
	fleet_watch(fleet, NULL, NULL);
	fleet_stop(fleet, NOW);
	assert_int_equal(changes, 4);
}

static void
test_report_order(void **state)
{
	struct target_report *reports;

	(void)state;
	configure("cab");
	reports = fleet_report(fleet, NOW);
	assert_string_equal(reports[0].name, "c");
	assert_string_equal(reports[1].name, "a");
	assert_string_equal(reports[2].name, "b");
	free(reports);
}

/*
 * Replicas.
 */

/* Greets the target and serves its first sample, so that it asks for a wide one. */
static void
serve(char letter)
{
	struct target *t = find(letter);

	t->watch->wants = WATCH_WANTS_WIDE;
	fake_ready(t->inquiry->feed, NOW);
	if (fake_outstanding(t->inquiry->feed, REQUEST_INFO) == 0)
		target_poll(t, NOW);
	fake_text(t->inquiry->feed, "# Persistence", NOW);
	fake_number(t->inquiry->feed, 1, NOW);
}

/* What the log says when the target learns that it is of that group. */
static char *
learn(char letter, const char *id)
{
	struct target *t = find(letter);
	struct capture c;
	char text[128];

	serve(letter);
	assert_int_equal(fake_outstanding(t->inquiry->feed, REQUEST_WIDE), 1);
	snprintf(text, sizeof(text), "# Replication\r\nrole:x\r\nmaster_replid:%s\r\n",
		 id);
	log_set_level(LOG_LEVEL_WARNING);
	c = capture_begin();
	fake_text(t->inquiry->feed, text, NOW);
	return capture_end(c);
}

static void
assert_silent(char *log)
{
	assert_string_equal(log, "");
	free(log);
}

static void
test_learnt(void **state)
{
	char *log;

	(void)state;
	configure("abcd");
	assert_silent(learn('a', "1234"));
	assert_silent(learn('b', "5678"));
	log = learn('c', "1234");
	assert_non_null(strstr(log, "c: it replicates with a, and both publish on "
				    "pinfo"));
	assert_non_null(strstr(log, "channel = \"pinfo:{name}\""));
	/* One line. */
	assert_ptr_equal(strchr(log, '\n'), log + strlen(log) - 1);
	free(log);
	/* With several of them, too. */
	log = learn('d', "1234");
	assert_non_null(strstr(log, "d: it replicates with a"));
	assert_ptr_equal(strchr(log, '\n'), log + strlen(log) - 1);
	free(log);
	/* Connected anew and told the same, it is not said again. */
	log_set_level(LOG_LEVEL_ERROR);
	fake_lose(find('c')->inquiry->feed, FAULT_UNREACHABLE, "gone", NOW);
	assert_silent(learn('c', "1234"));
}

/* Each on a channel of its own, or of no group. */
static void
test_nothing_learnt(void **state)
{
	(void)state;
	configure("abc");
	inquiry_set_channels(find('b')->inquiry, "other", NULL, NULL);
	free(find('b')->config.channel);
	find('b')->config.channel = xstrdup("other");
	assert_silent(learn('a', "1234"));
	assert_silent(learn('b', "1234"));
	assert_silent(learn('c', ""));
}

/* One alone has nobody to be compared with. */
static void
test_alone(void **state)
{
	(void)state;
	configure("a");
	assert_silent(learn('a', "1234"));
	assert_string_equal(target_replication_id(find('a')), "1234");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reorder),
		TEST(test_steps),
		TEST(test_start),
		TEST(test_log),
		TEST(test_watch),
		TEST(test_report_order),
		TEST(test_discovered_start),
		TEST(test_discovered_interval),
		TEST(test_discovered_differences),
		TEST(test_learnt),
		TEST(test_nothing_learnt),
		TEST(test_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
