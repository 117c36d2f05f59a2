/*
 * discovery: who is watched in what order, who is left out, and what the fleet is
 * told; with sources that say what the test says, and a fleet that only notes it.
 */
/* The fleet itself is what others are linked with. */
#define fleet_configure note_configure
#include "../../src/discovery.c"

#include <stdio.h>

#include "capture.h"

/* replaces "../../src/group_sentinel.c": there is nobody to ask. */
/* replaces "../../src/group_cluster.c": there is nobody to ask. */
/* replaces "../../src/group_file.c": there is nobody to ask. */
#include "fake_source.h"

static unsigned told; /* how often */
static enum fleet_change told_change;
static char *told_names; /* with a blank between them */

void
fleet_configure(struct fleet *fleet, enum fleet_change change,
		const struct target_config *configs, size_t count, struct mono now)
{
	size_t len;
	FILE *f;

	assert_ptr_equal(fleet, &told);
	assert_int_equal(now.ns, FAKE_NOW.ns);
	told++;
	told_change = change;
	free(told_names);
	f = open_memstream(&told_names, &len);
	for (size_t i = 0; i < count; i++)
		fprintf(f, "%s%s", i > 0 ? " " : "", configs[i].name);
	fclose(f);
}

static struct discovery *discovery;

static int
make(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	told = fake_made = fake_freed = 0;
	fake_at_once = NULL;
	discovery = discovery_new(NULL, NULL, (struct fleet *)(void *)&told);
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	discovery_free(discovery);
	free(told_names);
	told_names = NULL;
	return fake_made != fake_freed;
}

static char pinfo[] = "pinfo", path[] = "/f";

/*
 * A letter is a listed target of that name, a capital letter a cluster of that one,
 * a digit a file of that one.
 */
static void
configure(const char *letters)
{
	struct target_config targets[16];
	struct group_config groups[16];
	/* What is borrowed ends with the next configuration. */
	static char names[2][16][2];
	static struct target_config borrowed[2][16];
	static struct conf confs[2];
	static unsigned turn;
	size_t n = 0, target_count = 0, group_count = 0;

	turn = !turn;
	for (const char *p = letters; *p != '\0'; p++, n++) {
		bool target = *p >= 'a';

		names[turn][n][0] = *p;
		if (target)
			targets[target_count++] = (struct target_config){
				.name = names[turn][n],
				.channel = pinfo,
			};
		else
			groups[group_count++] = (struct group_config){
				.kind = *p >= 'A' ? GROUP_CLUSTER : GROUP_FILE,
				.name = names[turn][n],
				.path = path,
				.pattern = { .channel = pinfo },
			};
	}
	memcpy(borrowed[turn], targets, sizeof(targets));
	confs[turn] = (struct conf){
		.targets = borrowed[turn],
		.target_count = target_count,
		.groups = groups,
		.group_count = group_count,
	};
	discovery_configure(discovery, &confs[turn], FAKE_NOW);
}

static struct group *
group_of(size_t i)
{
	return discovery->groups[i].group;
}

static void
assert_told(unsigned times, enum fleet_change change, const char *names)
{
	const struct target_config *targets;
	size_t count, at = 0;

	assert_int_equal(told, times);
	assert_int_equal(told_change, change);
	assert_string_equal(told_names, names);
	targets = discovery_targets(discovery, &count);
	for (size_t i = 0; i < count; i++) {
		assert_memory_equal(names + at, targets[i].name,
				    strlen(targets[i].name));
		at += strlen(targets[i].name) + 1;
	}
	assert_int_equal(at, count > 0 ? strlen(names) + 1 : 0);
}

static struct group_report
report(size_t i)
{
	struct group_report r;

	discovery_group_report(discovery, i, &r);
	return r;
}

static void
test_listed(void **state)
{
	(void)state;
	configure("ba");
	assert_told(1, FLEET_RELOAD, "b a");
	assert_true(discovery_is_settled(discovery));
	assert_int_equal(discovery_group_count(discovery), 0);
	configure("");
	assert_told(2, FLEET_RELOAD, "");
}

static void
test_found(void **state)
{
	(void)state;
	configure("AbB");
	assert_told(1, FLEET_RELOAD, "b");
	assert_false(discovery_is_settled(discovery));
	fake_find(group_of(1), "x=1 y=2", 1, 1);
	assert_told(2, FLEET_DISCOVERY, "b B/x B/y");
	assert_false(discovery_is_settled(discovery));
	fake_find(group_of(0), "x=1", 1, 1);
	assert_told(3, FLEET_DISCOVERY, "b A/x B/x B/y");
	assert_true(discovery_is_settled(discovery));
	assert_int_equal(report(0).targets, 1);
	assert_int_equal(report(1).targets, 2);
	/* Nothing new: nobody is told. */
	fake_find(group_of(0), "x=1", 1, 1);
	group_set_trouble(group_of(0), "some", 1, 1, FAKE_NOW);
	assert_told(3, FLEET_DISCOVERY, "b A/x B/x B/y");
}

/* Groups of the same name and kind go on, others begin or end; one word of it all. */
static void
test_reload(void **state)
{
	struct group *a, *b;

	(void)state;
	configure("AB1");
	a = group_of(0);
	b = group_of(1);
	fake_find(a, "x=1", 1, 1);
	fake_find(b, "x=1", 1, 1);
	fake_find(group_of(2), "f=1", 1, 1);
	told = 0;
	configure("CcBA");
	assert_told(1, FLEET_RELOAD, "c B/x A/x");
	assert_int_equal(fake_made, 4);
	assert_int_equal(fake_freed, 1);
	assert_ptr_equal(group_of(1), b);
	assert_ptr_equal(group_of(2), a);
	/* What is found at once is in it. */
	fake_at_once = "f=1";
	configure("A1");
	assert_told(2, FLEET_RELOAD, "A/x f");
	configure("");
	assert_told(3, FLEET_RELOAD, "");
	assert_int_equal(fake_made, fake_freed);
}

static char *
log_of(struct group *group, const char *members)
{
	struct capture c;

	log_set_level(LOG_LEVEL_WARNING);
	c = capture_begin();
	fake_find(group, members, 1, 1);
	log_set_level(LOG_LEVEL_ERROR);
	return capture_end(c);
}

static void
assert_warning(char *log, const char *expected)
{
	if (expected == NULL)
		assert_string_equal(log, "");
	else if (strstr(log, expected) == NULL ||
		 strchr(log, '\n') != log + strlen(log) - 1)
		fail_msg("'%s', and not '%s'", log, expected);
	free(log);
}

/* Of two of one name the later one is left out, and that is told once. */
static void
test_names(void **state)
{
	(void)state;
	configure("ab12");
	assert_warning(log_of(group_of(0), "b=1 c=2"),
		       "1: 1 left out, as another target has the name: b\n");
	assert_told(2, FLEET_DISCOVERY, "a b c");
	assert_warning(log_of(group_of(1), "a=1 b=2 c=3 d=4"),
		       "2: 3 left out, as another target has the name: a, ...\n");
	assert_told(3, FLEET_DISCOVERY, "a b c d");
	assert_int_equal(report(0).targets, 1);
	assert_int_equal(report(1).targets, 1);
	assert_string_equal(report(0).trouble,
			    "1 left out, as another target has the name: b");
	assert_warning(log_of(group_of(1), "a=1 b=2 c=3 e=4"), NULL);
	/* Who is first no longer makes room. */
	assert_warning(log_of(group_of(0), ""),
		       "2: 2 left out, as another target has the name: a, ...\n");
	assert_told(5, FLEET_DISCOVERY, "a b c e");
	assert_null(report(0).trouble);
	configure("2");
	assert_told(6, FLEET_RELOAD, "a b c e");
	assert_null(report(0).trouble);
}

/* No more than the configuration itself may list. */
static void
test_many(void **state)
{
	struct members m = { 0 };
	char name[16];
	size_t count;

	(void)state;
	configure("a12");
	for (int i = 0; i < CONF_TARGETS_MAX; i++) {
		snprintf(name, sizeof(name), "t%05d", i);
		members_add(&m, name, "127.0.0.1", 1);
	}
	group_set_members(group_of(0), &m, 1, 1, FAKE_NOW);
	discovery_targets(discovery, &count);
	assert_int_equal(count, CONF_TARGETS_MAX);
	assert_int_equal(report(0).targets, CONF_TARGETS_MAX - 1);
	assert_string_equal(report(0).trouble,
			    "1 left out, as there are 10000 targets already");
	fake_find(group_of(1), "a=1 x=1 y=1", 1, 1);
	assert_int_equal(report(1).targets, 0);
	assert_string_equal(report(1).trouble,
			    "1 left out, as another target has the name: a; "
			    "2 left out, as there are 10000 targets already");
	members_fini(&m);
}

/* For --probe there is no fleet. */
static void
test_without_a_fleet(void **state)
{
	struct group_config group = {
		.kind = GROUP_FILE, .name = path, .path = path, .pattern.channel = pinfo
	};
	struct conf conf = { .groups = &group, .group_count = 1 };
	struct discovery *d = discovery_new(NULL, NULL, NULL);
	size_t count;

	(void)state;
	fake_at_once = "x=1";
	discovery_configure(d, &conf, FAKE_NOW);
	assert_true(discovery_is_settled(d));
	assert_string_equal(discovery_targets(d, &count)[0].name, "x");
	assert_int_equal(count, 1);
	assert_int_equal(told, 0);
	discovery_free(d);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_listed), TEST(test_found), TEST(test_reload),
		TEST(test_names),  TEST(test_many),  TEST(test_without_a_fleet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
