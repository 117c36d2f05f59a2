/*
 * members: added, sorted, found, compared, copied; each of their fields counts.
 */
#include "members.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Enough for its room to be enlarged often; every third is found missing. */
#define MANY 1000

static void
test_find(void **state)
{
	struct members m = { 0 };
	char name[32];

	(void)state;
	assert_null(members_find(&m, ""));
	members_sort(&m);
	for (int i = 0; i < MANY; i++) {
		struct member *new;

		/* Out of order: 7 and MANY have no divisor in common. */
		snprintf(name, sizeof(name), "%04d", i * 7 % MANY * 3);
		new = members_add(&m, name, "h", 1 + i);
		assert_string_equal(new->name, name);
		assert_string_equal(new->endpoint.host, "h");
		assert_int_equal(new->endpoint.port, 1 + i);
		assert_null(new->tag);
		assert_false(new->replica);
	}
	assert_int_equal(m.count, MANY);
	members_sort(&m);
	for (int i = 0; i < 3 * MANY; i++) {
		const struct member *found;

		snprintf(name, sizeof(name), "%04d", i);
		found = members_find(&m, name);
		if (i % 3 != 0) {
			assert_null(found);
		} else {
			assert_ptr_equal(found, &m.list[i / 3]);
			assert_string_equal(found->name, name);
		}
	}
	assert_null(members_find(&m, ""));
	assert_null(members_find(&m, "z"));
	members_fini(&m);
	assert_int_equal(m.count, 0);
	members_fini(&m);
}

static void
set(char **field, const char *value)
{
	free(*field);
	*field = xstrdup(value);
}

static void
other_name(struct member *m)
{
	set(&m->name, "c");
}

static void
other_host(struct member *m)
{
	set(&m->endpoint.host, "10.0.0.9");
}

static void
other_port(struct member *m)
{
	m->endpoint.port++;
}

static void
other_user(struct member *m)
{
	set(&m->endpoint.user, "somebody");
}

static void
other_tls(struct member *m)
{
	m->endpoint.tls.on = true;
}

static void
other_tag(struct member *m)
{
	set(&m->tag, "6");
}

static void
no_tag(struct member *m)
{
	set(&m->tag, NULL);
}

static void
other_role(struct member *m)
{
	m->replica = !m->replica;
}

/* A copy is the same, until anything at all is changed in it. */
static void
test_same(void **state)
{
	static void (*const changes[])(struct member *) = {
		other_name, other_host, other_port, other_user,
		other_tls,  other_tag,	no_tag,	    other_role,
	};
	struct members a = { 0 }, b, none = { 0 };

	(void)state;
	members_add(&a, "a", "10.0.0.1", 6379);
	members_add(&a, "b", "10.0.0.2", 6379)->tag = xstrdup("5");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		members_copy(&b, &a);
		assert_true(members_same(&a, &b));
		changes[i](&b.list[1]);
		if (members_same(&a, &b) || members_same(&b, &a))
			fail_msg("change %zu is not seen", i);
		members_fini(&b);
	}
	members_copy(&b, &a);
	members_add(&b, "c", "10.0.0.3", 6379);
	assert_false(members_same(&a, &b));
	assert_false(members_same(&b, &a));
	assert_false(members_same(&a, &none));
	assert_true(members_same(&none, &none));
	members_fini(&b);
	members_copy(&b, &none);
	assert_true(members_same(&b, &none));
	members_fini(&b);
	members_fini(&a);
}

/* A copy has strings of its own, and all that is known of the endpoint. */
static void
test_copy(void **state)
{
	struct members a = { 0 }, b;
	struct member *m = members_add(&a, "socket", NULL, 0);

	(void)state;
	m->endpoint.path = xstrdup("/run/redis.sock");
	m->endpoint.user = xstrdup("pinfod");
	m->replica = true;
	members_copy(&b, &a);
	members_fini(&a);
	assert_int_equal(b.count, 1);
	assert_string_equal(b.list[0].name, "socket");
	assert_null(b.list[0].endpoint.host);
	assert_string_equal(b.list[0].endpoint.path, "/run/redis.sock");
	assert_string_equal(b.list[0].endpoint.user, "pinfod");
	assert_true(b.list[0].replica);
	members_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
