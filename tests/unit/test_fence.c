/*
 * fence: on hiredis' own reader, fed with what servers may send. The context
 * has no connection: the fence looks at its reader only.
 */
#include "fence.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define UNASKED "the server sent a reply that nobody asked for"
#define DEEP "the server sent a reply that is nested too deep"
#define LONG "the server sent a longer reply than this command can have"
#define MANY "the server sent more elements than this command's reply can have"
#define RESP3 "the server sent a RESP3 type, which was not asked for"

static const struct reply_bounds small = { .bytes = 10, .objects = 4 };
static const struct reply_bounds roomy = { .bytes = 1000, .objects = 100 };

static struct fence *fence;
static redisAsyncContext ac;

static int
make(void **state)
{
	(void)state;
	fence = fence_new();
	memset(&ac, 0, sizeof(ac));
	ac.c.reader = redisReaderCreate();
	fence_attach(fence, &ac);
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	redisReaderFree(ac.c.reader);
	fence_free(fence);
	return 0;
}

static void
remake(const struct reply_bounds *bounds)
{
	clean(NULL);
	make(NULL);
	fence_expect(fence, bounds);
}

/* As hiredis frees what it has handed over. */
static void
release(redisReply *reply)
{
	if (reply != NULL)
		ac.c.reader->fn->freeObject(reply);
}

/* The reply, or NULL when it is not complete or was refused. */
static redisReply *
feed(const char *bytes)
{
	void *reply = NULL;

	assert_int_equal(redisReaderFeed(ac.c.reader, bytes, strlen(bytes)), REDIS_OK);
	if (redisReaderGetReply(ac.c.reader, &reply) != REDIS_OK)
		assert_null(reply);
	return reply;
}

static void
assert_passes(const char *bytes)
{
	redisReply *reply = feed(bytes);

	if (reply == NULL || fence_reason(fence) != NULL)
		fail_msg("%.40s: %s", bytes, fence_reason(fence));
	release(reply);
	assert_true(fence_holds(fence, &ac));
}

static void
assert_refused(const char *bytes, const char *reason)
{
	if (feed(bytes) != NULL)
		fail_msg("%.40s passes", bytes);
	if (fence_reason(fence) == NULL || strcmp(fence_reason(fence), reason) != 0)
		fail_msg("%.40s: '%s'", bytes, fence_reason(fence));
	assert_int_equal(ac.c.reader->err, REDIS_ERR_OOM);
}

/* head, count times repeated, tail; in a buffer that the next call overwrites. */
static const char *
repeat(const char *head, const char *repeated, size_t count, const char *tail)
{
	static char text[8500000];
	char *at = text + sprintf(text, "%s", head);
	size_t each = strlen(repeated);

	assert_true(strlen(head) + count * each + strlen(tail) < sizeof(text));
	for (size_t i = 0; i < count; i++)
		at = (char *)mempcpy(at, repeated, each);
	strcpy(at, tail);
	return text;
}

/* What is within the bounds { 10 bytes, 4 objects }, and just past them. */
static void
test_bounds(void **state)
{
	static const struct {
		const char *bytes, *reason; /* NULL: it passes */
	} rows[] = {
		{ ":1\r\n", NULL },
		{ "$-1\r\n", NULL },
		{ "*-1\r\n", NULL },
		{ "$0\r\n\r\n", NULL },
		{ "*0\r\n", NULL },
		/* Bytes, of each kind of string. */
		{ "$10\r\n0123456789\r\n", NULL },
		{ "$11\r\n0123456789a\r\n", LONG },
		{ "+0123456789\r\n", NULL },
		{ "+0123456789a\r\n", LONG },
		{ "-0123456789\r\n", NULL },
		{ "-0123456789a\r\n", LONG },
		/* Together. */
		{ "*2\r\n$5\r\n01234\r\n$5\r\n56789\r\n", NULL },
		{ "*2\r\n$5\r\n01234\r\n$6\r\n56789a\r\n", LONG },
		{ "*3\r\n+01234\r\n-56789\r\n$0\r\n\r\n", NULL },
		{ "*3\r\n+01234\r\n-56789\r\n$1\r\na\r\n", LONG },
		/* Objects: the array is one. */
		{ "*3\r\n:1\r\n:2\r\n:3\r\n", NULL },
		{ "*4\r\n", MANY },
		{ "*2147483647\r\n", MANY },
		{ "*3\r\n*2\r\n", NULL },
		{ "*3\r\n*3\r\n", MANY },
		{ "*1\r\n*1\r\n*1\r\n:1\r\n", NULL },
		{ "*1\r\n*1\r\n*1\r\n*0\r\n", NULL },
		{ "*1\r\n*1\r\n*1\r\n*1\r\n", MANY },
		/* Announced together it may be more than can come. */
		{ "*2\r\n*1\r\n:1\r\n:1\r\n", NULL },
		{ "*2\r\n*2\r\n:1\r\n:1\r\n:1\r\n", MANY },
		{ "*2\r\n*2\r\n:1\r\n:1\r\n$-1\r\n", MANY },
		{ "*2\r\n*2\r\n:1\r\n:1\r\n+\r\n", MANY },
		{ "*2\r\n*2\r\n:1\r\n:1\r\n*-1\r\n", MANY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		remake(&small);
		if (rows[i].reason != NULL) {
			assert_refused(rows[i].bytes, rows[i].reason);
			continue;
		}
		release(feed(rows[i].bytes));
		if (ac.c.reader->err != 0 || fence_reason(fence) != NULL)
			fail_msg("%s: %s", rows[i].bytes, fence_reason(fence));
	}
}

/* Each reply has the bounds for itself. */
static void
test_one_after_the_other(void **state)
{
	(void)state;
	remake(&small);
	for (int i = 0; i < 20; i++) {
		assert_passes("$10\r\n0123456789\r\n");
		assert_passes("*3\r\n:1\r\n:2\r\n:3\r\n");
		assert_passes(":1\r\n");
	}
}

/* What passes is what hiredis would have made of it without us. */
static void
test_content(void **state)
{
	redisReply *r;

	(void)state;
	remake(&roomy);
	r = feed("*6\r\n$3\r\nabc\r\n+OK\r\n-ERR no\r\n:-7\r\n$-1\r\n*1\r\n:1\r\n");
	assert_non_null(r);
	assert_int_equal(r->type, REDIS_REPLY_ARRAY);
	assert_int_equal(r->elements, 6);
	assert_int_equal(r->element[0]->type, REDIS_REPLY_STRING);
	assert_int_equal(r->element[0]->len, 3);
	assert_string_equal(r->element[0]->str, "abc");
	assert_int_equal(r->element[1]->type, REDIS_REPLY_STATUS);
	assert_string_equal(r->element[1]->str, "OK");
	assert_int_equal(r->element[2]->type, REDIS_REPLY_ERROR);
	assert_string_equal(r->element[2]->str, "ERR no");
	assert_int_equal(r->element[3]->integer, -7);
	assert_int_equal(r->element[4]->type, REDIS_REPLY_NIL);
	assert_int_equal(r->element[5]->elements, 1);
	release(r);
}

static void
check_lines(void)
{
	redisReply *r = feed("+OK\r\n");

	assert_non_null(r);
	assert_int_equal(r->type, REDIS_REPLY_STATUS);
	assert_string_equal(r->str, "OK");
	release(r);
	r = feed("-ERR no\r\n");
	assert_non_null(r);
	assert_int_equal(r->type, REDIS_REPLY_ERROR);
	assert_string_equal(r->str, "ERR no");
	release(r);
}

/* A lone string, which may be made in another way: shorter, longer, with NULs. */
static void
test_strings(void **state)
{
	static const size_t lengths[] = { 0, 1, 1000, 5, 0, 999, 1000, 3 };
	static char text[1000];

	(void)state;
	remake(&roomy);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char head[32];
		void *reply = NULL;
		redisReply *r;

		snprintf(head, sizeof(head), "$%zu\r\n", lengths[i]);
		redisReaderFeed(ac.c.reader, head, strlen(head));
		redisReaderFeed(ac.c.reader, text, lengths[i]);
		redisReaderFeed(ac.c.reader, "\r\n", 2);
		assert_int_equal(redisReaderGetReply(ac.c.reader, &reply), REDIS_OK);
		r = reply;
		assert_non_null(r);
		assert_int_equal(r->type, REDIS_REPLY_STRING);
		assert_int_equal(r->len, lengths[i]);
		assert_memory_equal(r->str, text, lengths[i]);
		assert_int_equal(r->str[lengths[i]], 0);
		release(r);
	}
	check_lines();
}

/* With nothing outstanding only an error may come, up to 4096 bytes of it. */
static void
test_unasked(void **state)
{
	static const char *const rows[] = { "+OK\r\n",	    ":1\r\n",
					    "$1\r\nx\r\n",  "$-1\r\n",
					    "*-1\r\n",	    "*0\r\n",
					    "*1\r\n:1\r\n", "*1\r\n-ERR\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		remake(NULL);
		assert_refused(rows[i], UNASKED);
		/* Also when something was outstanding before. */
		remake(&roomy);
		assert_passes(rows[i]);
		fence_expect(fence, NULL);
		assert_refused(rows[i], UNASKED);
	}
	remake(NULL);
	assert_passes("-ERR max number of clients reached\r\n");
	assert_passes(repeat("-", "x", 4096, "\r\n"));
	assert_refused(repeat("-", "x", 4097, "\r\n"), LONG);
}

/* Seven arrays around something, and eight. */
static void
test_depth(void **state)
{
	static const char *const cores[] = { ":1\r\n", "$1\r\nx\r\n", "$-1\r\n",
					     "+OK\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++) {
		remake(&roomy);
		assert_passes(repeat("", "*1\r\n", 7, cores[i]));
		remake(&roomy);
		assert_refused(repeat("", "*1\r\n", 8, cores[i]), DEEP);
	}
	/* Past what hiredis itself allows, who speaks first is all the same. */
	remake(&roomy);
	assert_null(feed(repeat("", "*1\r\n", 60, ":1\r\n")));
	assert_int_not_equal(ac.c.reader->err, 0);
}

/* RESP3 types, as hiredis 1.x hands them over; 0.14 knows none of them. */
static void
test_resp3(void **state)
{
	(void)state;
	/* Above the six of RESP2: bool, double, map, set, push, verbatim... */
	for (int type = 7; type <= 14; type++) {
		redisReadTask task = { .type = type };
		char text[] = "x";

		remake(&roomy);
		task.privdata = fence;
		assert_null(ac.c.reader->fn->createArray(&task, 2));
		assert_string_equal(fence_reason(fence), RESP3);
		remake(&roomy);
		task.privdata = fence;
		assert_null(ac.c.reader->fn->createString(&task, text, 1));
		assert_string_equal(fence_reason(fence), RESP3);
	}
}

#if HIREDIS_MAJOR >= 1
static void
test_resp3_on_the_wire(void **state)
{
	static const char *const rows[] = { "%1\r\n+a\r\n:1\r\n", "~1\r\n:1\r\n",
					    ">1\r\n:1\r\n",	  "#t\r\n",
					    ",1.5\r\n",		  "=5\r\ntxt:x\r\n",
					    "(12345\r\n",	  "*1\r\n#f\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		remake(&roomy);
		assert_refused(rows[i], RESP3);
	}
}
#endif

/* No hook is left to hiredis: a NULL would be called, theirs would trust. */
static void
test_hooks(void **state)
{
	redisReader *plain = redisReaderCreate();
	const redisReplyObjectFunctions *ours = ac.c.reader->fn, *theirs = plain->fn;

	(void)state;
	assert_ptr_not_equal(ours->createString, theirs->createString);
	assert_ptr_not_equal(ours->createArray, theirs->createArray);
	assert_ptr_not_equal(ours->createInteger, theirs->createInteger);
	assert_ptr_not_equal(ours->createNil, theirs->createNil);
	assert_non_null(ours->freeObject);
#if HIREDIS_MAJOR >= 1
	assert_ptr_not_equal(ours->createDouble, theirs->createDouble);
	assert_ptr_not_equal(ours->createBool, theirs->createBool);
#endif
	redisReaderFree(plain);
}

/* A reply that is announced and never ends, in the reader's buffer. */
static void
test_unfinished(void **state)
{
	static const struct {
		const struct reply_bounds *bounds;
		size_t most; /* its bytes, 64, and 16 an object */
	} rows[] = {
		{ &small, 10 + 64 + 4 * 16 },
		{ &roomy, 1000 + 64 + 100 * 16 },
		{ NULL, 4096 + 64 + 16 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		remake(rows[i].bounds);
		/* The type byte is parsed already. */
		assert_null(feed(repeat("+", "x", rows[i].most, "")));
		if (!fence_holds(fence, &ac) || fence_reason(fence) != NULL)
			fail_msg("row %zu: %s", i, fence_reason(fence));
		assert_null(feed("x"));
		assert_false(fence_holds(fence, &ac));
		assert_string_equal(fence_reason(fence), LONG);
	}
	/* Only what is not parsed yet counts. */
	remake(&roomy);
	for (int i = 0; i < 10; i++)
		assert_passes(repeat("$1000\r\n", "x", 1000, "\r\n"));
}

/* Where a text may be megabytes a line may not: its end would be sought for long. */
static void
test_endless_line(void **state)
{
	static const struct reply_bounds vast = { .bytes = 1 << 20, .objects = 1 };

	(void)state;
	for (const char *type = "+-:$"; *type != '\0'; type++) {
		char begin[2] = { *type };

		remake(&vast);
		assert_null(feed(repeat(begin, "1", 65536, "")));
		assert_true(fence_holds(fence, &ac));
		assert_null(feed("1"));
		assert_false(fence_holds(fence, &ac));
		assert_string_equal(fence_reason(fence), LONG);
	}
}

/* Whatever a request may be answered passes fence_holds while it comes in. */
static void
test_real_bounds(void **state)
{
	(void)state;
	for (int kind = REQUEST_HELLO; kind <= REQUEST_HELPER; kind++) {
		const struct reply_bounds *bounds =
			request_bounds((enum request_kind)kind);
		char head[32];
		redisReply *r;

		/* One string of all the bytes, but for its last line feed. */
		remake(bounds);
		snprintf(head, sizeof(head), "$%zu\r\n", bounds->bytes);
		assert_null(feed(repeat(head, "x", bounds->bytes, "\r")));
		assert_true(fence_holds(fence, &ac));
		r = feed("\n");
		assert_non_null(r);
		release(r);
		remake(bounds);
		snprintf(head, sizeof(head), "$%zu\r\n", bounds->bytes + 1);
		assert_refused(repeat(head, "x", bounds->bytes + 1, "\r\n"), LONG);
		/* All the objects. */
		remake(bounds);
		snprintf(head, sizeof(head), "*%u\r\n", bounds->objects - 1);
		assert_passes(repeat(head, ":1\r\n", bounds->objects - 1, ""));
		remake(bounds);
		snprintf(head, sizeof(head), "*%u\r\n", bounds->objects);
		assert_refused(repeat(head, ":1\r\n", bounds->objects, ""), MANY);
	}
}

/* The first refusal is the true reason: what follows is its consequence. */
static void
test_first_reason(void **state)
{
	(void)state;
	remake(NULL);
	assert_refused("+OK\r\n", UNASKED);
	fence_expect(fence, &small);
	ac.c.reader->len = ac.c.reader->pos + 100000;
	assert_false(fence_holds(fence, &ac));
	ac.c.reader->len = ac.c.reader->pos;
	assert_string_equal(fence_reason(fence), UNASKED);
}

/* In its next context it has forgotten all of the last one. */
static void
test_again(void **state)
{
	(void)state;
	remake(&small);
	assert_refused("*4\r\n", MANY);
	redisReaderFree(ac.c.reader);
	ac.c.reader = redisReaderCreate();
	fence_attach(fence, &ac);
	assert_null(fence_reason(fence));
	assert_passes("-ERR max number of clients reached\r\n");
	assert_refused("+OK\r\n", UNASKED);
	fence_free(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bounds),
		TEST(test_one_after_the_other),
		TEST(test_content),
		TEST(test_strings),
		TEST(test_unasked),
		TEST(test_depth),
		TEST(test_resp3),
#if HIREDIS_MAJOR >= 1
		TEST(test_resp3_on_the_wire),
#endif
		TEST(test_hooks),
		TEST(test_unfinished),
		TEST(test_endless_line),
		TEST(test_real_bounds),
		TEST(test_first_reason),
		TEST(test_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
