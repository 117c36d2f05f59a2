/*
 * bus: order, and sinks that detach themselves or each other meanwhile.
 */
#include "bus.h"

#include <stdbool.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct taker {
	char name;
	struct bus_sink *place;	  /* NULL: not attached */
	struct taker *victims[3]; /* whom it detaches when a sample comes */
	bool again;		  /* it hands one more sample round, once */
};

static struct bus *bus;
static const struct sample *current;
static char trace[64]; /* the names of those that were called */

static void
detach(struct taker *t)
{
	bus_detach(bus, t->place);
	t->place = NULL;
}

static void
take_cb(void *sink, const struct sample *sample)
{
	struct taker *t = sink;

	assert_ptr_equal(sample, current);
	assert_non_null(t->place);
	trace[strlen(trace)] = t->name;
	for (size_t i = 0; i < 3 && t->victims[i] != NULL; i++)
		detach(t->victims[i]);
	if (t->again) {
		t->again = false;
		bus_sample(bus, sample);
	}
}

static const struct bus_handlers handlers = { .sample = take_cb };

static void
attach(struct taker *t, char name)
{
	*t = (struct taker){ .name = name, .place = bus_attach(bus, &handlers, t) };
}

static void
expect_round(const char *names)
{
	static const struct sample sample = { "orders", "pinfo", "text", 4 };

	memset(trace, 0, sizeof(trace));
	current = &sample;
	bus_sample(bus, &sample);
	assert_string_equal(trace, names);
}

static int
make_bus(void **state)
{
	(void)state;
	bus = bus_new();
	return 0;
}

static int
free_bus(void **state)
{
	(void)state;
	bus_free(bus);
	return 0;
}

static void
test_order(void **state)
{
	struct taker a, b, c;

	(void)state;
	expect_round("");
	attach(&a, 'a');
	attach(&b, 'b');
	attach(&c, 'c');
	expect_round("abc");
	expect_round("abc");
	detach(&b);
	expect_round("ac");
	attach(&b, 'b');
	expect_round("acb");
	detach(&a);
	detach(&b);
	detach(&c);
	expect_round("");
	bus_detach(bus, NULL);
}

/*
 * Who detaches whom, of a, b and c; who is called in that round, and in the
 * next one.
 */
static void
test_detach_in_a_round(void **state)
{
	static const struct {
		char who;
		const char *victims, *round, *next;
	} rows[] = {
		{ 'a', "a", "abc", "bc" }, { 'b', "b", "abc", "ac" },
		{ 'c', "c", "abc", "ab" }, { 'a', "b", "ac", "ac" },
		{ 'a', "c", "ab", "ab" },  { 'b', "a", "abc", "bc" },
		{ 'b', "c", "ab", "ab" },  { 'c', "a", "abc", "bc" },
		{ 'c', "b", "abc", "ac" }, { 'a', "abc", "a", "" },
		{ 'a', "bc", "a", "a" },   { 'b', "abc", "ab", "" },
		{ 'b', "ab", "abc", "c" }, { 'c', "cba", "abc", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct taker takers[3], *who = &takers[rows[i].who - 'a'];

		for (int t = 0; t < 3; t++)
			attach(&takers[t], (char)('a' + t));
		for (size_t v = 0; rows[i].victims[v] != '\0'; v++)
			who->victims[v] = &takers[rows[i].victims[v] - 'a'];
		expect_round(rows[i].round);
		who->victims[0] = NULL;
		expect_round(rows[i].next);
		for (int t = 0; t < 3; t++)
			detach(&takers[t]);
	}
}

/* A sink detached in an inner round must outlive the outer one. */
static void
test_round_in_a_round(void **state)
{
	struct taker a, b, c;

	(void)state;
	attach(&a, 'a');
	attach(&b, 'b');
	attach(&c, 'c');
	b.again = true;
	expect_round("ababcc");
	/* The outer round stands at a when the inner one detaches it. */
	a.again = true;
	b.victims[0] = &a;
	expect_round("aabcbc");
	/* The outer round comes to c when the inner one has detached it. */
	b.again = true;
	c.victims[0] = &c;
	expect_round("bbc");
	expect_round("b");
	detach(&b);
}

/* All marked ones are swept: bus_free would find them. */
static void
test_free_after_a_round(void **state)
{
	struct taker a, b;

	(void)state;
	attach(&a, 'a');
	attach(&b, 'b');
	a.victims[0] = &a;
	a.victims[1] = &b;
	expect_round("a");
	bus_free(bus);
	bus = NULL;
	bus_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, make_bus, free_bus),
		cmocka_unit_test_setup_teardown(test_detach_in_a_round, make_bus,
						free_bus),
		cmocka_unit_test_setup_teardown(test_round_in_a_round, make_bus,
						free_bus),
		cmocka_unit_test_setup_teardown(test_free_after_a_round, make_bus,
						free_bus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
