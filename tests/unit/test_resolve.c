/*
 * resolve: with a real event base and real threads. getaddrinfo(3) is counted, and
 * can be held until the test lets it go.
 */
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>

static int gated_getaddrinfo(const char *host, const char *service,
			     const struct addrinfo *hints, struct addrinfo **found);

#define getaddrinfo gated_getaddrinfo
#include "../../src/resolve.c"
#undef getaddrinfo

#include <dirent.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Nothing here takes that long. */
#define LIMIT_S 20

/*
 * The gate: names that begin with "held" wait in front of it, and are localhost
 * behind it.
 */

static pthread_mutex_t gate_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static unsigned look_ups, held; /* begun; those that wait */

static int
gated_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		  struct addrinfo **found)
{
	bool hold = strncmp(host, "held", 4) == 0;

	pthread_mutex_lock(&gate_mutex);
	look_ups++;
	held += hold;
	pthread_cond_broadcast(&gate_changed);
	while (hold && !gate_open)
		pthread_cond_wait(&gate_changed, &gate_mutex);
	held -= hold;
	pthread_mutex_unlock(&gate_mutex);
	return getaddrinfo(hold ? "127.0.0.1" : host, service, hints, found);
}

static void
open_gate(void)
{
	pthread_mutex_lock(&gate_mutex);
	gate_open = true;
	pthread_cond_broadcast(&gate_changed);
	pthread_mutex_unlock(&gate_mutex);
}

static void
await_held(unsigned count)
{
	struct timespec limit;
	unsigned seen;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += LIMIT_S;
	pthread_mutex_lock(&gate_mutex);
	while (held != count && rc == 0)
		rc = pthread_cond_timedwait(&gate_changed, &gate_mutex, &limit);
	seen = held;
	pthread_mutex_unlock(&gate_mutex);
	assert_int_equal(seen, count);
}

static unsigned
look_ups_begun(void)
{
	unsigned n;

	pthread_mutex_lock(&gate_mutex);
	n = look_ups;
	pthread_mutex_unlock(&gate_mutex);
	return n;
}

static unsigned
threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned n = 0;

	assert_non_null(tasks);
	while (readdir(tasks) != NULL)
		n++;
	closedir(tasks);
	return n - 2;
}

/*
 * Setting up.
 */

static struct event_base *base;
static struct resolver *resolver;

struct asked {
	unsigned answers;
	bool failed;
	char error[128];
	struct resolve_list list;
	struct asked *next; /* asked for when this one is answered */
	const char *next_host;
	struct resolve *cancel; /* then, too */
};

static void
answer_cb(void *arg, const struct resolve_list *list, const char *error)
{
	struct asked *a = arg;

	a->answers++;
	a->list = *list;
	a->failed = error != NULL;
	snprintf(a->error, sizeof(a->error), "%s", error != NULL ? error : "");
	resolve_cancel(a->cancel);
	if (a->next != NULL)
		resolve_start(resolver, a->next_host, answer_cb, a->next);
}

static int
make(void **state)
{
	(void)state;
	gate_open = false;
	look_ups = 0;
	base = event_base_new();
	resolver = resolver_new(base);
	return base == NULL;
}

/* Threads outlive what they work for, but not the test. */
static int
clean(void **state)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	(void)state;
	resolver_free(resolver);
	event_base_free(base);
	open_gate();
	for (int i = 0; threads() > 1; i++) {
		if (i == LIMIT_S * 1000)
			return -1;
		nanosleep(&moment, NULL);
	}
	return 0;
}

/* Turns the loop until the request is answered. */
static void
await_answer(const struct asked *a)
{
	alarm(LIMIT_S);
	while (a->answers == 0)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	alarm(0);
}

/* What is there to be told is told. */
static void
turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
assert_localhost(const struct asked *a)
{
	assert_int_equal(a->answers, 1);
	assert_false(a->failed);
	assert_in_range(a->list.count, 1, RESOLVE_MAX);
	for (unsigned i = 0; i < a->list.count; i++) {
		if (strcmp(a->list.address[i], "127.0.0.1") != 0 &&
		    strcmp(a->list.address[i], "::1") != 0)
			fail_msg("localhost is '%s'", a->list.address[i]);
	}
}

/*
 * The tests.
 */

static void
test_numeric(void **state)
{
	static const struct {
		const char *host;
		bool numeric;
	} rows[] = {
		{ "127.0.0.1", true },
		{ "0.0.0.0", true },
		{ "255.255.255.255", true },
		{ "256.0.0.1", false },
		{ "127.0.0.1.", false },
		{ "127.1", false },
		{ "127", false },
		{ "0x7f.0.0.1", false },
		{ "127.0.0.1%lo", false },
		{ " 127.0.0.1", false },
		{ "::1", true },
		{ "::", true },
		{ "2001:db8::1", true },
		{ "2001:DB8::1", true },
		{ "::ffff:127.0.0.1", true },
		{ "fe80::1%eth0", true },
		{ "fe80::1%2", true },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", true },
		{ "[::1]", false },
		{ ":::", false },
		{ "1::2::3", false },
		{ "::g", false },
		{ "localhost", false },
		{ "%", false },
		{ "", false },
		/* The interface: 63 bytes in all fit, 64 do not. */
		{ "fe80::1%55555555555555555555555555555555555555555555555555555",
		  true },
		{ "fe80::1%5555555555555555555555555555555555555555555555555555555",
		  true },
		{ "fe80::1%55555555555555555555555555555555555555555555555555555555",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct resolve_list list;
		bool numeric;

		memset(&list, 0x5a, sizeof(list));
		numeric = resolve_numeric(rows[i].host, &list);
		if (numeric != rows[i].numeric || list.count != rows[i].numeric ||
		    (numeric && strcmp(list.address[0], rows[i].host) != 0))
			fail_msg("'%s': %d, %u", rows[i].host, numeric, list.count);
	}
}

static void
test_localhost(void **state)
{
	struct asked a = { 0 };

	(void)state;
	resolve_start(resolver, "localhost", answer_cb, &a);
	/* Never on the caller's stack. */
	assert_int_equal(a.answers, 0);
	await_answer(&a);
	assert_localhost(&a);
	assert_int_equal(look_ups_begun(), 1);
	/* Nothing is remembered: the next one asks anew. */
	a = (struct asked){ 0 };
	resolve_start(resolver, "localhost", answer_cb, &a);
	await_answer(&a);
	assert_localhost(&a);
	assert_int_equal(look_ups_begun(), 2);
}

static void
test_unknown(void **state)
{
	/* No name server is asked: a label has 63 characters at most. */
	static const char host[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
				   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	struct asked a = { 0 };

	(void)state;
	resolve_start(resolver, host, answer_cb, &a);
	await_answer(&a);
	assert_true(a.failed);
	assert_true(a.error[0] != '\0');
	assert_int_equal(a.list.count, 0);
}

static void
test_one_look_up(void **state)
{
	struct asked a = { 0 }, b = { 0 }, other = { 0 }, fast = { 0 };

	(void)state;
	resolve_start(resolver, "held", answer_cb, &a);
	await_held(1);
	resolve_start(resolver, "held", answer_cb, &b);
	resolve_start(resolver, "held2", answer_cb, &other);
	await_held(2);
	assert_int_equal(look_ups_begun(), 2);
	turn();
	assert_int_equal(a.answers + b.answers + other.answers, 0);
	/* A slow name delays nobody else. */
	resolve_start(resolver, "127.0.0.1", answer_cb, &fast);
	await_answer(&fast);
	assert_localhost(&fast);
	assert_int_equal(a.answers + b.answers + other.answers, 0);
	open_gate();
	await_answer(&a);
	assert_int_equal(b.answers, 1);
	await_answer(&other);
	assert_localhost(&a);
	assert_localhost(&b);
	assert_localhost(&other);
	assert_int_equal(look_ups_begun(), 3);
}

static void
test_cancel(void **state)
{
	struct asked a = { 0 }, b = { 0 };
	struct resolve *first;

	(void)state;
	resolve_cancel(NULL);
	/* One of two. */
	first = resolve_start(resolver, "held", answer_cb, &a);
	resolve_start(resolver, "held", answer_cb, &b);
	await_held(1);
	resolve_cancel(first);
	open_gate();
	await_answer(&b);
	assert_localhost(&b);
	assert_int_equal(a.answers, 0);
}

/* The look-up goes on with nobody left to ask, and serves who comes back. */
static void
test_cancel_all(void **state)
{
	struct asked a = { 0 }, b = { 0 };
	struct resolve *request;

	(void)state;
	request = resolve_start(resolver, "held", answer_cb, &a);
	await_held(1);
	resolve_cancel(request);
	resolve_start(resolver, "held", answer_cb, &b);
	open_gate();
	await_answer(&b);
	assert_localhost(&b);
	assert_int_equal(a.answers, 0);
	assert_int_equal(look_ups_begun(), 1);
}

/* The answer is there, but has not been told. */
static void
test_cancel_late(void **state)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	struct asked a = { 0 }, b = { 0 };
	struct resolve *request;

	(void)state;
	request = resolve_start(resolver, "127.0.0.1", answer_cb, &a);
	alarm(LIMIT_S);
	while (threads() > 1)
		nanosleep(&moment, NULL);
	alarm(0);
	resolve_cancel(request);
	turn();
	assert_int_equal(a.answers, 0);
	resolve_start(resolver, "127.0.0.1", answer_cb, &b);
	await_answer(&b);
	assert_localhost(&b);
}

/* From within an answer: ask for the same name, and call off its companion. */
static void
test_from_answer(void **state)
{
	struct asked again = { 0 }, companion = { 0 };
	struct asked a = { .next = &again, .next_host = "held" };

	(void)state;
	resolve_start(resolver, "held", answer_cb, &a);
	a.cancel = resolve_start(resolver, "held", answer_cb, &companion);
	open_gate();
	await_answer(&again);
	assert_localhost(&a);
	assert_localhost(&again);
	assert_int_equal(companion.answers, 0);
	assert_int_equal(look_ups_begun(), 2);
}

/* Only when names wait, and no thread has come back for ten minutes. */
static void
test_stuck(void **state)
{
	static struct asked asked[THREADS_MAX + 1];
	struct mono start = clock_now(), later = clock_add_ns(start, 2 * STUCK_NS);
	char host[16];

	(void)state;
	memset(asked, 0, sizeof(asked));
	assert_false(resolver_is_stuck(resolver, later));
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		snprintf(host, sizeof(host), "held%u", i);
		resolve_start(resolver, host, answer_cb, &asked[i]);
	}
	await_held(THREADS_MAX);
	/* All hang, but nobody waits. */
	assert_false(resolver_is_stuck(resolver, later));
	resolve_start(resolver, "127.0.0.1", answer_cb, &asked[THREADS_MAX]);
	assert_false(resolver_is_stuck(resolver, clock_now()));
	assert_false(resolver_is_stuck(resolver, clock_add_ns(start, STUCK_NS)));
	assert_true(resolver_is_stuck(resolver, clock_add_ns(clock_now(), STUCK_NS)));
	open_gate();
	await_answer(&asked[THREADS_MAX]);
	assert_false(resolver_is_stuck(resolver, later));
	for (unsigned i = 0; i < THREADS_MAX; i++)
		await_answer(&asked[i]);
}

/* More names than threads: the others wait, and are answered in the end. */
static void
test_many(void **state)
{
	static struct asked asked[THREADS_MAX + 10];
	const unsigned count = sizeof(asked) / sizeof(asked[0]);
	char host[32];

	(void)state;
	memset(asked, 0, sizeof(asked));
	for (unsigned i = 0; i < count; i++) {
		snprintf(host, sizeof(host), "held%u", i);
		resolve_start(resolver, host, answer_cb, &asked[i]);
	}
	await_held(THREADS_MAX);
	assert_int_equal(look_ups_begun(), THREADS_MAX);
	open_gate();
	for (unsigned i = 0; i < count; i++)
		await_answer(&asked[i]);
	for (unsigned i = 0; i < count; i++)
		assert_localhost(&asked[i]);
	assert_int_equal(look_ups_begun(), count);
}

/* In each of a look-up's states: waiting, running, done. */
static void
test_freed(void **state)
{
	static struct resolve *requests[THREADS_MAX + 2];
	const unsigned count = sizeof(requests) / sizeof(requests[0]);
	const struct timespec moment = { .tv_nsec = 1000000 };
	struct asked a = { 0 };
	char host[32];

	(void)state;
	/* Done, and never told. */
	requests[0] = resolve_start(resolver, "127.0.0.1", answer_cb, &a);
	alarm(LIMIT_S);
	while (threads() > 1)
		nanosleep(&moment, NULL);
	alarm(0);
	/* Two more than may run: one thread counts as busy until it is told. */
	for (unsigned i = 1; i < count; i++) {
		snprintf(host, sizeof(host), "held%u", i);
		requests[i] = resolve_start(resolver, host, answer_cb, &a);
	}
	await_held(THREADS_MAX - 1);
	for (unsigned i = 0; i < count; i++)
		resolve_cancel(requests[i]);
	resolver_free(resolver);
	open_gate();
	while (threads() > 1)
		nanosleep(&moment, NULL);
	assert_int_equal(a.answers, 0);
	resolver = NULL;
	/* Free of NULL is fine; teardown does it once more. */
	resolver_free(NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numeric),
		TEST(test_localhost),
		TEST(test_unknown),
		TEST(test_one_look_up),
		TEST(test_cancel),
		TEST(test_cancel_all),
		TEST(test_cancel_late),
		TEST(test_from_answer),
		TEST(test_stuck),
		TEST(test_many),
		TEST(test_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
