/*
 * request: deadlines before and after they are told, and the queue.
 */
#include "request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
test_kinds(void **state)
{
	static const struct {
		enum request_kind kind;
		const char *name;
		int overdue_s, lost_s;
		bool at_once; /* the first deadline is the last chance */
		size_t bytes;
		unsigned objects;
	} rows[] = {
		{ REQUEST_HELLO, "HELLO", 3, 3, true, 65536, 4096 },
		{ REQUEST_AUTH, "AUTH", 3, 3, true, 4096, 1 },
		{ REQUEST_INFO, "INFO", 2, 10, false, 65536, 1 },
		{ REQUEST_WIDE, "INFO", 2, 10, false, 1048576, 1 },
		{ REQUEST_CONFIG, "CONFIG GET", 2, 10, false, 4096, 8 },
		{ REQUEST_PUBLISH, "PUBLISH", 2, 60, false, 4096, 1 },
	};
	const struct mono sent = { 100 * NS_PER_S + 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct request r = { .kind = rows[i].kind, .sent = sent };

		assert_string_equal(request_name(r.kind), rows[i].name);
		assert_int_equal(request_bounds(r.kind)->bytes, rows[i].bytes);
		assert_int_equal(request_bounds(r.kind)->objects, rows[i].objects);

		assert_int_equal(request_deadline(&r).ns,
				 sent.ns + rows[i].overdue_s * NS_PER_S);
		assert_int_equal(request_patience_s(&r), rows[i].overdue_s);
		assert_int_equal(request_is_last_chance(&r), rows[i].at_once);
		r.told = true;
		assert_int_equal(request_deadline(&r).ns,
				 sent.ns + rows[i].lost_s * NS_PER_S);
		assert_int_equal(request_patience_s(&r), rows[i].lost_s);
		assert_true(request_is_last_chance(&r));
	}
}

static struct request
numbered(int64_t n)
{
	return (struct request){ .kind = REQUEST_INFO, .sent = { n } };
}

static void
test_full_and_empty(void **state)
{
	struct request_queue q = { 0 };

	(void)state;
	assert_null(request_head(&q));
	for (int i = 0; i < REQUEST_QUEUE_MAX; i++) {
		assert_false(request_queue_is_full(&q));
		request_push(&q, numbered(i));
		assert_int_equal(request_head(&q)->sent.ns, 0);
	}
	assert_true(request_queue_is_full(&q));
	for (int i = 0; i < REQUEST_QUEUE_MAX; i++) {
		assert_int_equal(request_head(&q)->sent.ns, i);
		assert_int_equal(request_pop(&q).sent.ns, i);
		assert_false(request_queue_is_full(&q));
	}
	assert_null(request_head(&q));
}

/* Every fill level at every place of the ring. */
static void
test_order(void **state)
{
	(void)state;
	for (unsigned fill = 0; fill < REQUEST_QUEUE_MAX; fill++) {
		struct request_queue q = { 0 };
		int64_t in = 0, out = 0;

		for (unsigned i = 0; i < fill; i++)
			request_push(&q, numbered(in++));
		for (int i = 0; i < 3 * REQUEST_QUEUE_MAX; i++) {
			request_push(&q, numbered(in++));
			assert_int_equal(request_head(&q)->sent.ns, out);
			assert_int_equal(request_pop(&q).sent.ns, out++);
			assert_int_equal(q.count, fill);
		}
	}
}

/* The head is the request itself: what is told stays told. */
static void
test_head_is_no_copy(void **state)
{
	struct request_queue q = { 0 };

	(void)state;
	request_push(&q, numbered(1));
	request_push(&q, numbered(2));
	request_head(&q)->told = true;
	assert_true(request_is_last_chance(request_head(&q)));
	assert_true(request_pop(&q).told);
	assert_false(request_head(&q)->told);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_full_and_empty),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_head_is_no_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
