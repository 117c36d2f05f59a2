/*
 * target: the schedule, driven second by second on a clock of the test's, with
 * fake links. The .c file, for the links and the timer are private to it.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <hiredis/hiredis.h>

#include "clock.h"

static struct mono test_now(void);
static int test_assign(struct event *timer, event_callback_fn callback, void *arg);
static int test_add(const struct timeval *tv);
static int test_del(void);
static int64_t asleep_ns;

#define clock_now() test_now()
#define clock_asleep_ns() asleep_ns
#define event_assign(ev, base, fd, what, cb, arg) test_assign(ev, cb, arg)
#define event_add(ev, tv) test_add(tv)
#define event_del(ev) test_del()
#include "../../src/inquiry.c"
#include "../../src/target.c"
#undef clock_now
#undef clock_asleep_ns
#undef event_assign
#undef event_add
#undef event_del

#include "capture.h"
#include "seed.h"

/* replaces "../../src/link.c": there is no server. */
#include "fake_link.h"

/* replaces "../../src/watch.c": what follows from the samples is not tested here. */
#include "fake_watch.h"

/* Not on a whole second, nor at zero. */
#define EPOCH INT64_C(123456789012345)
#define MS(n) ((struct mono){ EPOCH + (int64_t)(n)*NS_PER_MS })

static struct target_config config; /* what make() starts from */
static char path[] = "/run/redis.sock";
static const struct endpoint endpoint = { .path = path };
static struct bus *bus;
static struct bus_sink *sink;
static struct target *target;
static unsigned taken; /* samples that came by on the bus */

/*
 * The clock and the one timer.
 */

static struct mono now;
static bool armed;
static struct mono due; /* when it fires, while armed */
static event_callback_fn fire;
static void *fire_arg;

static struct mono
test_now(void)
{
	return now;
}

static int
test_assign(struct event *timer, event_callback_fn callback, void *arg)
{
	(void)timer;
	fire = callback;
	fire_arg = arg;
	return 0;
}

static int
test_add(const struct timeval *tv)
{
	armed = true;
	due = clock_add_ns(now, tv->tv_sec * NS_PER_S + tv->tv_usec * 1000);
	return 0;
}

static int
test_del(void)
{
	armed = false;
	return 0;
}

/* Lets the timer fire at `at`, whether it is in time, late or early. */
static void
fire_at(struct mono at)
{
	now = at;
	armed = false;
	fire(-1, EV_TIMEOUT, fire_arg);
	/* A target that runs always has a next tick, in the future. */
	assert_true(armed);
	assert_true(clock_diff_ns(due, now) > 0);
}

/* Time passes; the timer fires whenever it should. */
static void
pass_until(struct mono until)
{
	while (armed && clock_diff_ns(due, until) <= 0)
		fire_at(due);
	now = until;
}

/*
 * Setting up.
 */

static void
count_cb(void *arg, const struct sample *sample)
{
	(void)arg;
	assert_string_equal(sample->target, "orders");
	assert_string_equal(sample->channel, "pinfo");
	taken++;
}

static const struct bus_handlers handlers = { .sample = count_cb };

static char name[] = "orders", channel[] = "pinfo";
static struct target_env env;

static int
make(void **state)
{
	(void)state;
	config = (struct target_config){
		.name = name,
		.endpoint = endpoint,
		.channel = channel,
		.interval_ns = 5 * NS_PER_S,
		/* One sample a tick, where the test says nothing else. */
		.sample_ns = 86400 * NS_PER_S,
	};
	config.rules.limit[T_GAP_FOR] = 1e9;
	log_set_level(LOG_LEVEL_ERROR);
	now = MS(0);
	armed = false;
	taken = 0;
	fake_infos = 0;
	bus = bus_new();
	sink = bus_attach(bus, &handlers, NULL);
	env = (struct target_env){ .bus = bus };
	target = target_new(&env, &config);
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	target_free(target);
	bus_detach(bus, sink);
	bus_free(bus);
	return 0;
}

/* Once more within one test, with another interval. */
static void
remake(int64_t interval_ns)
{
	clean(NULL);
	make(NULL);
	config.interval_ns = interval_ns;
	target_free(target);
	target = target_new(&env, &config);
}

static struct target_report
report(void)
{
	struct target_report r;

	target_report(target, now, &r);
	return r;
}

static unsigned
asked(void)
{
	return target->inquiry->feed->sent[REQUEST_INFO] +
	       target->inquiry->probe->sent[REQUEST_INFO];
}

static unsigned
published(void)
{
	return target->inquiry->feed->sent[REQUEST_PUBLISH];
}

static void
assert_due(struct mono at)
{
	assert_true(armed);
	/* Timers count in microseconds, rounded up. */
	assert_in_range(clock_diff_ns(due, at), 0, 999);
}

static void
assert_state(enum target_state state)
{
	assert_string_equal(report_state_name(report().state),
			    report_state_name(state));
}

/* The answer to INFO on this link, and that to the PUBLISH which follows. */
static void
serve(struct link *l)
{
	fake_text(l, "# Persistence", now);
	if (fake_outstanding(target->inquiry->feed, REQUEST_PUBLISH) > 0)
		fake_number(target->inquiry->feed, 1, now);
}

/* Started, greeted and served at 0 ms: up, nothing owed, the next tick in 5 s. */
static void
start_up(void)
{
	target_start(target, MS(0), MS(0));
	fake_ready(target->inquiry->feed, MS(0));
	serve(target->inquiry->feed);
	assert_state(TARGET_UP);
}

/*
 * The grid.
 */

static void
test_start(void **state)
{
	(void)state;
	assert_false(target_is_running(target));
	assert_state(TARGET_STOPPED);
	target_start(target, MS(0), MS(0));
	assert_true(target_is_running(target));
	assert_state(TARGET_STARTING);
	assert_true(target->inquiry->feed->open);
	assert_false(target->inquiry->probe->open);
	assert_int_equal(asked(), 0);
	assert_due(MS(5000));
	/* The first tick is owed: it is served as soon as that can be. */
	fake_ready(target->inquiry->feed, now = MS(10));
	assert_int_equal(asked(), 1);
	assert_memory_equal(target->inquiry->feed->bytes,
			    "*2\r\n$4\r\nINFO\r\n$11\r\npersistence\r\n",
			    target->inquiry->feed->len);
	fake_text(target->inquiry->feed, "text", now = MS(13));
	assert_int_equal(taken, 1);
	assert_int_equal(published(), 1);
	assert_non_null(memmem(target->inquiry->feed->bytes, target->inquiry->feed->len,
			       "pinfo", 5));
	assert_state(TARGET_UP);
	fake_number(target->inquiry->feed, 2, now = MS(14));
	assert_int_equal(report().receivers, 2);
	assert_int_equal(report().samples, 1);
	assert_int_equal(report().missed, 0);
	assert_true(report().last_info_ms == 3.0);
	assert_due(MS(5000));
}

static void
test_grid(void **state)
{
	/* How late the loop gets round to each tick. */
	static const int late_ms[] = { 0, 3, 0, 900, 0, 3999, 0, 1 };

	(void)state;
	start_up();
	for (int i = 0; i < 8; i++) {
		assert_due(MS(5000 * (i + 1)));
		fire_at(clock_add_ns(due, late_ms[i] * NS_PER_MS));
		assert_int_equal(asked(), i + 2);
		serve(target->inquiry->feed);
		assert_int_equal(taken, i + 2);
	}
	assert_due(MS(45000));
	assert_int_equal(report().missed, 0);
}

/* A timer that fires early changes nothing. */
static void
test_early_timer(void **state)
{
	(void)state;
	start_up();
	fire_at((struct mono){ MS(5000).ns - 1 });
	assert_int_equal(asked(), 1);
	assert_due(MS(5000));
	fire_at(MS(5000));
	assert_int_equal(asked(), 2);
}

static void
test_first_later(void **state)
{
	(void)state;
	target_start(target, MS(700), MS(0));
	fake_ready(target->inquiry->feed, now = MS(10));
	assert_int_equal(asked(), 0);
	assert_due(MS(700));
	pass_until(MS(700));
	assert_int_equal(asked(), 1);
	assert_due(MS(5700));
	/* Also when it is more than an interval away. */
	remake(NS_PER_S / 10);
	target_start(target, MS(900), MS(0));
	fake_ready(target->inquiry->feed, now = MS(10));
	pass_until(MS(899));
	assert_int_equal(asked(), 0);
	pass_until(MS(900));
	assert_int_equal(asked(), 1);
	assert_int_equal(report().missed, 0);
	assert_due(MS(1000));
}

static void
test_start_twice(void **state)
{
	(void)state;
	start_up();
	pass_until(MS(2000));
	target_start(target, MS(2000), MS(2000));
	assert_due(MS(5000));
	assert_int_equal(asked(), 1);
	assert_int_equal(report().missed, 0);
	assert_state(TARGET_UP);
}

/*
 * Late samples.
 */

/* How far into its slot an owed sample is still asked for. */
static void
test_margin(void **state)
{
	static const struct {
		int64_t interval_ms, last_ms; /* the last moment that will do */
	} rows[] = {
		{ 100, 50 },	{ 500, 250 },	  { 1000, 500 },
		{ 1998, 999 },	{ 2000, 1000 },	  { 2002, 1002 },
		{ 5000, 4000 }, { 60000, 59000 }, { 86400000, 86399000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int past = 0; past <= 1; past++) {
			unsigned in_time = past == 0;

			remake(rows[i].interval_ms * NS_PER_MS);
			target_start(target, MS(0), MS(0));
			now = clock_add_ns(MS(rows[i].last_ms), past);
			fake_ready(target->inquiry->feed, now);
			if (asked() != in_time)
				fail_msg("row %zu: %u", i, asked());
			if (in_time)
				serve(target->inquiry->feed);
			/* The next one has its turn whatever came of this one. */
			pass_until(MS(rows[i].interval_ms));
			assert_int_equal(asked(), in_time + 1);
			assert_int_equal(report().missed, past);
			assert_due(MS(2 * rows[i].interval_ms));
		}
	}
}

/* An answer that comes at last serves the slot that it comes in. */
static void
test_late_answer(void **state)
{
	(void)state;
	start_up();
	pass_until(MS(5000));
	fake_overdue(target->inquiry->feed, now = MS(7000));
	assert_state(TARGET_SILENT);
	pass_until(MS(18999));
	assert_int_equal(asked(), 2);
	assert_int_equal(report().missed, 2);
	/* Its own answer: there is no margin for it. */
	now = MS(19999);
	serve(target->inquiry->feed);
	assert_state(TARGET_UP);
	assert_int_equal(taken, 2);
	assert_int_equal(asked(), 2);
	assert_int_equal(report().missed, 2);
	pass_until(MS(20000));
	assert_int_equal(asked(), 3);
	assert_int_equal(report().missed, 2);
}

/*
 * The loop stands still, or the machine sleeps on a clock that does not: the
 * timer set for 5 s fires at `at`.
 */
static void
test_stalls(void **state)
{
	static const struct {
		int64_t at_ms;
		bool owed; /* the first slot was not served */
		unsigned missed, asked;
		int64_t next_ms;
	} rows[] = {
		{ 5000, false, 0, 1, 10000 },
		{ 5000, true, 1, 1, 10000 },
		{ 9000, false, 0, 1, 10000 },
		{ 9001, false, 0, 0, 10000 },
		{ 9999, false, 0, 0, 10000 },
		{ 10000, false, 1, 1, 15000 },
		{ 10000, true, 2, 1, 15000 },
		{ 14001, false, 1, 0, 15000 },
		{ 22500, false, 3, 1, 25000 },
		{ 22500, true, 4, 1, 25000 },
		{ 50000, false, 9, 1, 55000 },
		{ 500000, true, 100, 1, 505000 },
		{ 86400000, false, 17279, 1, 86405000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned before;

		remake(5 * NS_PER_S);
		target_start(target, MS(0), MS(0));
		fake_ready(target->inquiry->feed, MS(0));
		if (rows[i].owed)
			fake_error(target->inquiry->feed, "LOADING", MS(0));
		else
			serve(target->inquiry->feed);
		before = asked();
		fire_at(MS(rows[i].at_ms));
		if (report().missed != rows[i].missed ||
		    asked() - before != rows[i].asked)
			fail_msg("row %zu: %u missed, %u asked", i,
				 (unsigned)report().missed, asked() - before);
		assert_due(MS(rows[i].next_ms));
		/* One that was too late to be asked for is missed, once. */
		if (rows[i].asked != 0)
			serve(target->inquiry->feed);
		pass_until(MS(rows[i].next_ms));
		assert_int_equal(report().missed, rows[i].missed + !rows[i].asked);
	}
}

/* The server was away for slots; it is asked when it is back. */
static void
test_outage(void **state)
{
	(void)state;
	start_up();
	fake_lose(target->inquiry->feed, FAULT_UNREACHABLE, "gone", now = MS(1000));
	assert_state(TARGET_DOWN);
	assert_string_equal(report().reason, "gone");
	/* The slot is served: coming back within it asks nothing. */
	fake_ready(target->inquiry->feed, now = MS(1500));
	assert_int_equal(asked(), 1);
	fake_lose(target->inquiry->feed, FAULT_UNREACHABLE, "gone", now = MS(2000));
	pass_until(MS(21000));
	assert_int_equal(report().missed, 3);
	fake_ready(target->inquiry->feed, now);
	assert_int_equal(asked(), 2);
	serve(target->inquiry->feed);
	assert_state(TARGET_UP);
	pass_until(MS(25000));
	assert_int_equal(asked(), 3);
	assert_int_equal(report().missed, 3);
	assert_int_equal(report().connects, 3);
}

/* Lost while INFO is in flight: it is asked for again in the same slot. */
static void
test_lost_info(void **state)
{
	(void)state;
	start_up();
	pass_until(MS(5000));
	fake_lose(target->inquiry->feed, FAULT_SILENT, "no answer", now = MS(5500));
	assert_state(TARGET_SILENT);
	fake_ready(target->inquiry->feed, now = MS(6000));
	assert_int_equal(asked(), 3);
	serve(target->inquiry->feed);
	assert_int_equal(report().missed, 0);
	assert_int_equal(taken, 2);
}

/* An error is an answer: it is not asked again in the slot. */
static void
test_errors(void **state)
{
	static const struct {
		const char *error;
		enum target_state state;
	} rows[] = {
		{ "BUSY Redis is busy running a script.", TARGET_BUSY },
		{ "NOAUTH Authentication required.", TARGET_DENIED },
		{ "NOPERM no permissions to run the 'info' command", TARGET_DENIED },
		{ "LOADING Redis is loading the dataset", TARGET_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		remake(5 * NS_PER_S);
		start_up();
		pass_until(MS(5000));
		fake_error(target->inquiry->feed, rows[i].error, now);
		assert_state(rows[i].state);
		assert_string_equal(report().reason, rows[i].error);
		assert_int_equal(taken, 1);
		pass_until(MS(9999));
		assert_int_equal(asked(), 2);
		pass_until(MS(10000));
		assert_int_equal(asked(), 3);
		assert_int_equal(report().missed, 1);
		serve(target->inquiry->feed);
		assert_state(TARGET_UP);
		assert_null(report().reason);
	}
}

static void
test_faults(void **state)
{
	static const struct {
		enum fault fault;
		enum target_state state;
	} rows[] = {
		{ FAULT_UNREACHABLE, TARGET_DOWN }, { FAULT_SILENT, TARGET_SILENT },
		{ FAULT_DENIED, TARGET_DENIED },    { FAULT_BUSY, TARGET_BUSY },
		{ FAULT_REFUSED, TARGET_REFUSED },  { FAULT_HOSTILE, TARGET_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		remake(5 * NS_PER_S);
		target_start(target, MS(0), MS(0));
		fake_lose(target->inquiry->feed, rows[i].fault, "why", MS(3));
		assert_state(rows[i].state);
		assert_string_equal(report().reason, "why");
		assert_true(report().since_s == -0.003);
		/* Another reason for the same state is told, its age stays. */
		fake_lose(target->inquiry->feed, rows[i].fault, "why else",
			  now = MS(1003));
		assert_string_equal(report().reason, "why else");
		assert_true(report().since_s == 1.0);
	}
}

/* What is no text is no INFO. */
static void
test_wrong_kind(void **state)
{
	static const enum reply_kind rows[] = { REPLY_INTEGER, REPLY_LIST, REPLY_NIL };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		remake(5 * NS_PER_S);
		target_start(target, MS(0), MS(0));
		fake_ready(target->inquiry->feed, MS(0));
		fake_reply(target->inquiry->feed, (struct reply){ .kind = rows[i] },
			   MS(0));
		assert_true(target->inquiry->feed->failed);
		assert_int_equal(target->inquiry->feed->fault, FAULT_HOSTILE);
		assert_int_equal(taken, 0);
		assert_int_equal(report().samples, 0);
	}
}

/*
 * PUBLISH and the probe.
 */

/* A PUBLISH that is slow holds INFO back; that comes late, or not at all. */
static void
test_behind_publish(void **state)
{
	static const struct {
		int64_t answered_ms;
		unsigned asked;
	} rows[] = { { 5001, 1 }, { 9000, 1 }, { 9001, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		remake(5 * NS_PER_S);
		target_start(target, MS(0), MS(0));
		fake_ready(target->inquiry->feed, MS(0));
		fake_text(target->inquiry->feed, "text", now = MS(4900));
		pass_until(MS(5000));
		assert_int_equal(asked(), 1);
		fake_number(target->inquiry->feed, 1, now = MS(rows[i].answered_ms));
		assert_int_equal(asked(), 1 + rows[i].asked);
		assert_false(target->inquiry->probe->open);
	}
}

/* Up, and PUBLISH past its deadline at 2 s: the probe is being opened. */
static void
block(void)
{
	target_start(target, MS(0), MS(0));
	fake_ready(target->inquiry->feed, MS(0));
	fake_text(target->inquiry->feed, "text", MS(0));
	fake_overdue(target->inquiry->feed, now = MS(2000));
	assert_true(target->inquiry->probe->open);
	assert_int_equal(report().publish_state, PUBLISH_BLOCKED);
	assert_state(TARGET_UP);
}

static void
test_probe(void **state)
{
	(void)state;
	block();
	fake_ready(target->inquiry->probe, now = MS(2001));
	/* The slot is served already. */
	assert_int_equal(target->inquiry->probe->sent[REQUEST_INFO], 0);
	for (int i = 1; i <= 3; i++) {
		pass_until(MS(5000 * i));
		assert_int_equal(target->inquiry->probe->sent[REQUEST_INFO], i);
		fake_text(target->inquiry->probe, "text", now);
		assert_int_equal(taken, i + 1);
		assert_int_equal(report().dropped, i);
		assert_true(target->inquiry->probe->open);
	}
	assert_state(TARGET_UP);
	assert_int_equal(published(), 1);
	/* PUBLISH answers: the probe has done its duty. */
	fake_number(target->inquiry->feed, 1, now = MS(16000));
	assert_false(target->inquiry->probe->open);
	assert_int_equal(report().publish_state, PUBLISH_OK);
	assert_int_equal(report().published, 1);
	assert_int_equal(report().dropped, 3);
	pass_until(MS(20000));
	assert_int_equal(target->inquiry->feed->sent[REQUEST_INFO], 2);
	serve(target->inquiry->feed);
	assert_int_equal(published(), 2);
	assert_int_equal(report().missed, 0);
	/* The connections of the probe are not counted. */
	assert_int_equal(report().connects, 1);
}

/* The probe comes up late: what is owed is asked for over it. */
static void
test_probe_late(void **state)
{
	(void)state;
	block();
	pass_until(MS(6000));
	assert_int_equal(asked(), 1);
	fake_ready(target->inquiry->probe, now);
	assert_int_equal(target->inquiry->probe->sent[REQUEST_INFO], 1);
	/* PUBLISH answers meanwhile: no second INFO, and the probe may finish. */
	fake_number(target->inquiry->feed, 1, now = MS(6500));
	assert_true(target->inquiry->probe->open);
	assert_int_equal(asked(), 2);
	/* That sample is published; when that works, too, the probe goes. */
	fake_text(target->inquiry->probe, "text", now = MS(6600));
	assert_int_equal(published(), 2);
	fake_number(target->inquiry->feed, 1, now = MS(6601));
	assert_false(target->inquiry->probe->open);
	assert_int_equal(report().dropped, 0);
}

/* PUBLISH answers before the probe is up: the feed is asked. */
static void
test_probe_in_vain(void **state)
{
	(void)state;
	block();
	pass_until(MS(6000));
	fake_number(target->inquiry->feed, 1, now);
	assert_false(target->inquiry->probe->open);
	assert_int_equal(target->inquiry->feed->sent[REQUEST_INFO], 2);
	serve(target->inquiry->feed);
	assert_int_equal(report().missed, 0);
}

/* While the probe is open it alone says how the server is. */
static void
test_probe_fails(void **state)
{
	(void)state;
	block();
	fake_lose(target->inquiry->probe, FAULT_REFUSED, "max clients", now = MS(2001));
	assert_state(TARGET_REFUSED);
	assert_true(target->inquiry->probe->open);
	fake_ready(target->inquiry->probe, now = MS(5500));
	pass_until(MS(10000));
	fake_lose(target->inquiry->probe, FAULT_UNREACHABLE, "reset", now = MS(10500));
	assert_state(TARGET_DOWN);
	/* INFO was lost with it, and is asked for again. */
	fake_ready(target->inquiry->probe, now = MS(11000));
	assert_int_equal(fake_infos, 1);
	fake_text(target->inquiry->probe, "text", now);
	assert_state(TARGET_UP);
}

static void
test_feed_lost_while_blocked(void **state)
{
	(void)state;
	/* The probe goes on until feed is back: the server has not gone silent. */
	block();
	fake_ready(target->inquiry->probe, now);
	fake_lose(target->inquiry->feed, FAULT_SILENT, "no answer for 60 s",
		  now = MS(3000));
	assert_true(target->inquiry->probe->open);
	assert_state(TARGET_UP);
	assert_int_equal(report().publish_state, PUBLISH_FAILED);
	assert_int_equal(report().dropped, 1);
	fake_ready(target->inquiry->feed, now = MS(4000));
	assert_false(target->inquiry->probe->open);
	pass_until(MS(5000));
	assert_int_equal(target->inquiry->feed->sent[REQUEST_INFO], 2);
	serve(target->inquiry->feed);
	assert_int_equal(report().publish_state, PUBLISH_OK);

	/* With one it waits for its answer, which is no news of the feed. */
	remake(5 * NS_PER_S);
	block();
	fake_ready(target->inquiry->probe, now);
	pass_until(MS(5000));
	fake_lose(target->inquiry->feed, FAULT_SILENT, "no answer for 60 s",
		  now = MS(5001));
	assert_state(TARGET_UP);
	assert_true(target->inquiry->probe->open);
	fake_text(target->inquiry->probe, "text", now = MS(5002));
	assert_int_equal(report().dropped, 2);
	assert_true(target->inquiry->probe->open);
	fake_ready(target->inquiry->feed, now);
	assert_false(target->inquiry->probe->open);
}

static void
test_info_overdue_opens_no_probe(void **state)
{
	(void)state;
	target_start(target, MS(0), MS(0));
	fake_ready(target->inquiry->feed, MS(0));
	fake_overdue(target->inquiry->feed, now = MS(2000));
	assert_false(target->inquiry->probe->open);
	assert_state(TARGET_SILENT);
	assert_int_equal(report().publish_state, PUBLISH_OK);
}

/*
 * POLL.
 */

static void
test_poll(void **state)
{
	(void)state;
	assert_string_equal(target_cannot_poll(target), "STOPPED");
	target_start(target, MS(0), MS(0));
	assert_string_equal(target_cannot_poll(target), "DOWN");
	fake_ready(target->inquiry->feed, MS(0));
	serve(target->inquiry->feed);
	assert_null(target_cannot_poll(target));
	/* Beside the schedule, which stays as it is. */
	target_poll(target, now = MS(1000));
	assert_int_equal(asked(), 2);
	/* One that is on its way will do. */
	target_poll(target, now = MS(1001));
	assert_int_equal(asked(), 2);
	serve(target->inquiry->feed);
	assert_int_equal(taken, 2);
	assert_int_equal(published(), 2);
	assert_due(MS(5000));
	pass_until(MS(5000));
	assert_int_equal(asked(), 3);
	assert_int_equal(report().missed, 0);
	/* Within the margin, too: it is no late sample. */
	serve(target->inquiry->feed);
	target_poll(target, now = MS(9999));
	assert_int_equal(asked(), 4);
	serve(target->inquiry->feed);
	pass_until(MS(10000));
	assert_int_equal(asked(), 5);
	fake_lose(target->inquiry->feed, FAULT_UNREACHABLE, "gone", now);
	assert_string_equal(target_cannot_poll(target), "DOWN");
	target_stop(target, now);
	assert_string_equal(target_cannot_poll(target), "STOPPED");
}

/* POLL while PUBLISH is unanswered waits for that, and is answered once. */
static void
test_poll_behind_publish(void **state)
{
	(void)state;
	target_start(target, MS(0), MS(0));
	fake_ready(target->inquiry->feed, MS(0));
	fake_text(target->inquiry->feed, "text", MS(0));
	target_poll(target, now = MS(1));
	assert_int_equal(asked(), 1);
	fake_number(target->inquiry->feed, 1, now = MS(2));
	assert_int_equal(asked(), 2);
	serve(target->inquiry->feed);
	assert_int_equal(asked(), 2);
	assert_int_equal(taken, 2);
}

/*
 * STOP.
 */

/* In flight and discarded: INFO, PUBLISH, PUBLISH overdue with INFO beside it. */
static void
test_stop(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct link *feed;

		remake(5 * NS_PER_S);
		if (i == 2) {
			block();
			fake_ready(target->inquiry->probe, now);
			pass_until(MS(5000));
		} else {
			target_start(target, MS(0), MS(0));
			fake_ready(target->inquiry->feed, MS(0));
		}
		if (i == 1)
			fake_text(target->inquiry->feed, "text", MS(0));
		feed = target->inquiry->feed;
		target_stop(target, now = MS(5500));
		assert_false(target_is_running(target));
		assert_state(TARGET_STOPPED);
		assert_null(report().reason);
		assert_false(armed);
		assert_false(feed->open);
		assert_false(target->inquiry->probe->open);
		assert_int_equal(fake_infos, 0);
		assert_int_equal(report().publish_state, PUBLISH_OK);
		assert_int_equal(report().samples, taken);
		assert_int_equal(report().published + report().dropped, taken);
		target_stop(target, now = MS(5600));
		assert_true(report().since_s == 0.1);

		/* And again, on a grid that begins anew; the pause is not missed. */
		target_start(target, MS(60123), now = MS(60123));
		assert_state(TARGET_STARTING);
		assert_due(MS(65123));
		taken = 0;
		fake_ready(feed, now);
		serve(feed);
		assert_int_equal(taken, 1);
		assert_int_equal(report().missed, 0);
		assert_state(TARGET_UP);
	}
}

static void
test_free_in_flight(void **state)
{
	(void)state;
	block();
	fake_ready(target->inquiry->probe, now);
	pass_until(MS(5000));
	/* clean() does it: nothing may leak, nothing be called. */
	target_free(NULL);
}

/*
 * INTERVAL.
 */

enum situation {
	SERVED,	 /* up, the slot is served */
	OWED,	 /* connected, INFO answered an error */
	FLYING,	 /* an INFO is in flight */
	AWAY,	 /* not connected */
	HANGING, /* PUBLISH is unanswered */
};

static void
bring_about(enum situation s)
{
	target_start(target, MS(0), MS(0));
	if (s != AWAY)
		fake_ready(target->inquiry->feed, MS(0));
	if (s == SERVED)
		serve(target->inquiry->feed);
	if (s == OWED)
		fake_error(target->inquiry->feed, "LOADING", MS(0));
	if (s == HANGING)
		fake_text(target->inquiry->feed, "text", MS(0));
}

/* From 5 s, whose slot began at 0, to another interval at some time. */
static void
test_interval(void **state)
{
	static const struct {
		int64_t interval_ms, at_ms;
		enum situation s;
		int64_t due_ms;
		unsigned asked, missed; /* at once */
	} rows[] = {
		/* Longer: that long after the last tick. */
		{ 10000, 2000, SERVED, 10000, 0, 0 },
		{ 10000, 2000, OWED, 10000, 0, 0 },
		{ 10000, 2000, FLYING, 10000, 0, 0 },
		{ 10000, 2000, AWAY, 10000, 0, 0 },
		{ 10000, 2000, HANGING, 10000, 0, 0 },
		{ 86400000, 4999, SERVED, 86400000, 0, 0 },
		/* Shorter, and still ahead. */
		{ 3000, 2000, SERVED, 3000, 0, 0 },
		{ 3000, 2999, OWED, 3000, 0, 0 },
		{ 3000, 2000, FLYING, 3000, 0, 0 },
		/* Shorter, and past: now, and a grid from here. */
		{ 1000, 1000, SERVED, 2000, 1, 0 },
		{ 1000, 2500, SERVED, 3500, 1, 0 },
		{ 100, 4999, SERVED, 5099, 1, 0 },
		/* What was owed is missed, once: its slot ends here. */
		{ 1000, 2500, OWED, 3500, 1, 1 },
		{ 1000, 2500, AWAY, 3500, 0, 1 },
		/* No second INFO, nor one behind PUBLISH. */
		{ 1000, 2500, FLYING, 3500, 0, 1 },
		{ 1000, 2500, HANGING, 3500, 0, 0 },
		/* The same one changes nothing. */
		{ 5000, 2500, SERVED, 5000, 0, 0 },
		{ 5000, 2500, OWED, 5000, 0, 0 },
		/* Nor does it when the loop is late for the tick. */
		{ 5000, 5200, SERVED, 5000, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned before;

		remake(5 * NS_PER_S);
		bring_about(rows[i].s);
		before = asked();
		now = MS(rows[i].at_ms);
		target_set_interval(target, rows[i].interval_ms * NS_PER_MS, now);
		assert_int_equal(target_interval_ns(target),
				 rows[i].interval_ms * NS_PER_MS);
		assert_int_equal(report().interval_ns, target_interval_ns(target));
		if (asked() - before != rows[i].asked ||
		    report().missed != rows[i].missed ||
		    clock_diff_ns(due, MS(rows[i].due_ms)) != 0)
			fail_msg("row %zu: %u asked, %u missed, due in %lld ns", i,
				 asked() - before, (unsigned)report().missed,
				 (long long)clock_diff_ns(due, MS(0)));
		if (rows[i].s == FLYING || rows[i].asked > 0)
			serve(target->inquiry->feed);
		if (rows[i].s == HANGING)
			fake_number(target->inquiry->feed, 1, now);
		/* The grid goes on from there. */
		fire_at(due);
		assert_due(MS(rows[i].due_ms + rows[i].interval_ms));
	}
}

static void
test_interval_while_stopped(void **state)
{
	(void)state;
	target_set_interval(target, NS_PER_S, MS(0));
	assert_false(armed);
	start_up();
	assert_due(MS(1000));
	target_stop(target, now = MS(500));
	target_set_interval(target, 60 * NS_PER_S, now = MS(5000));
	assert_false(armed);
	assert_int_equal(report().missed, 0);
	target_start(target, MS(7000), now = MS(7000));
	assert_due(MS(67000));
}

/*
 * The first sample of a fleet's target is up to a second ahead: START is not
 * undone by an INTERVAL that comes before it.
 */
static void
test_interval_before_the_first(void **state)
{
	static const int64_t rows[] = { 100, 1000, 60000, 86400000 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		remake(5 * NS_PER_S);
		target_start(target, MS(700), MS(0));
		fake_ready(target->inquiry->feed, now = MS(10));
		target_set_interval(target, rows[i] * NS_PER_MS, now = MS(100));
		pass_until(MS(700));
		if (asked() != 1)
			fail_msg("INTERVAL of %lld ms: next tick at %lld ms",
				 (long long)rows[i],
				 (long long)(clock_diff_ns(due, MS(0)) / NS_PER_MS));
		assert_int_equal(report().missed, 0);
	}
}

/*
 * What the log says.
 */

/* Ends the capture: its lines without their times, which the caller frees. */
static char *
lines_of(struct capture c)
{
	char *text = capture_end(c), *out = text;

	for (char *p = text; *p != '\0';) {
		size_t len = strcspn(p, "\n") + 1;

		memmove(out, p + 25, len - 25);
		out += len - 25;
		p += len;
	}
	*out = '\0';
	return text;
}

static void
assert_lines(struct capture c, const char *lines)
{
	char *text = lines_of(c);

	assert_string_equal(text, lines);
	free(text);
}

static void
test_log(void **state)
{
	struct capture c = capture_begin();

	(void)state;
	log_set_level(LOG_LEVEL_NOTICE);
	start_up();
	assert_lines(c, "notice: orders: up: redis 7.0.15 at /run/redis.sock\n");

	/* One line when it goes; none for what is tried meanwhile. */
	c = capture_begin();
	fake_lose(target->inquiry->feed, FAULT_UNREACHABLE, "gone", now = MS(6000));
	for (int s = 7; s < 60; s += 3)
		fake_lose(target->inquiry->feed, FAULT_UNREACHABLE,
			  "Connection refused", now = MS(1000 * s));
	assert_lines(c, "warning: orders: down: gone (/run/redis.sock)\n");

	/* One line when it is back, counted from the first trouble. */
	c = capture_begin();
	fake_lose(target->inquiry->feed, FAULT_DENIED, "NOAUTH no", now = MS(60000));
	fake_ready(target->inquiry->feed, now = MS(65000));
	pass_until(MS(66000));
	fire_at(MS(66000));
	serve(target->inquiry->feed);
	assert_lines(c,
		     "warning: orders: denied: NOAUTH no (/run/redis.sock); give the "
		     "password with REDISCLI_AUTH or -a, the user with --user\n"
		     "notice: orders: up again after 60 s\n");

	c = capture_begin();
	pass_until(MS(70000));
	fake_error(target->inquiry->feed, "NOPERM no", now);
	pass_until(MS(75000));
	fake_error(target->inquiry->feed, "NOPERM no", now);
	target_stop(target, now);
	target_start(target, now, now);
	assert_lines(c,
		     "warning: orders: denied: NOPERM no (/run/redis.sock); to grant "
		     "it: ACL SETUSER <user> +info +publish &pinfo*\n");
}

/* It has been silent since its last answer, not since that was noticed. */
static void
test_log_of_silence(void **state)
{
	struct capture c;

	(void)state;
	log_set_level(LOG_LEVEL_NOTICE);
	start_up();
	pass_until(MS(5000));
	c = capture_begin();
	fake_overdue(target->inquiry->feed, now = MS(7000));
	now = MS(7500);
	serve(target->inquiry->feed);
	assert_lines(c, "warning: orders: silent: no answer for 2 s (/run/redis.sock)\n"
			"notice: orders: up again after 7.5 s\n");
}

static void
test_log_at_start(void **state)
{
	struct capture c = capture_begin();

	(void)state;
	log_set_level(LOG_LEVEL_INFO);
	target_start(target, MS(0), MS(0));
	fake_lose(target->inquiry->feed, FAULT_UNREACHABLE, "none", now = MS(1));
	fake_ready(target->inquiry->feed, now = MS(1000));
	serve(target->inquiry->feed);
	target_stop(target, now);
	assert_lines(c, "info: orders: starting\n"
			"warning: orders: down: none (/run/redis.sock)\n"
			"notice: orders: up: redis 7.0.15 at /run/redis.sock\n"
			"info: orders: stopped\n");
}

/*
 * Samples between the ticks.
 */

/* Up, at 5 s and one sample a second. */
static void
start_sampling(void)
{
	clean(NULL);
	make(NULL);
	config.sample_ns = NS_PER_S;
	config.rules.limit[T_GAP_FOR] = 3;
	target_free(target);
	target = target_new(&env, &config);
	start_up();
}

/* Each is asked for and seen; one in five is published. */
static void
test_samples(void **state)
{
	(void)state;
	start_sampling();
	for (int i = 1; i <= 20; i++) {
		assert_due(MS(1000 * i));
		fire_at(due);
		assert_int_equal(asked(), i + 1);
		serve(target->inquiry->feed);
		assert_int_equal(target->watch->narrow, i + 1);
		assert_int_equal(taken, 1 + i / 5);
		assert_int_equal(published(), 1 + i / 5);
		assert_int_equal(target->watch->heartbeats, 1 + i / 5);
	}
	assert_int_equal(report().samples, 21);
	assert_int_equal(report().missed, 0);
	assert_int_equal(target->watch->gaps, 0);
	/* Starting, twice: at once and at the first tick; then up. */
	assert_int_equal(target->watch->links, 3);
}

/* The one that comes while the tick is owed serves it, if asked for in time. */
static void
test_sample_serves_the_tick(void **state)
{
	static const struct {
		int64_t back_ms;
		unsigned taken;
	} rows[] = { { 5300, 1 }, { 8999, 1 }, { 9000, 1 }, { 9300, 0 }, { 9400, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct link *feed;
		unsigned before;

		start_sampling();
		feed = target->inquiry->feed;
		pass_until(MS(900));
		fake_lose(feed, FAULT_UNREACHABLE, "gone", now);
		before = taken;
		pass_until(MS(rows[i].back_ms));
		fake_ready(feed, now);
		if (fake_outstanding(feed, REQUEST_INFO) == 0)
			pass_until(due);
		serve(feed);
		if (taken - before != rows[i].taken)
			fail_msg("row %zu: %u", i, taken - before);
		assert_state(TARGET_UP);
	}
}

/* While no answer comes the watch is told how the link is, as often as samples. */
static void
test_link_is_told(void **state)
{
	unsigned links, beats;

	(void)state;
	start_sampling();
	links = target->watch->links;
	beats = target->watch->heartbeats;
	pass_until(MS(900));
	fake_lose(target->inquiry->feed, FAULT_UNREACHABLE, "gone", now);
	assert_int_equal(target->watch->links, links + 1);
	assert_string_equal(target->watch->link, "down ok gone");
	pass_until(MS(10500));
	assert_int_equal(target->watch->links, links + 11);
	assert_int_equal(target->watch->heartbeats, beats + 2);
	fake_ready(target->inquiry->feed, now);
	assert_int_equal(target->watch->connected, 2);
	serve(target->inquiry->feed);
	assert_string_equal(target->watch->link, "up ok ");
	/* An INFO that hangs is told of, too; its deadline at once. */
	pass_until(MS(11000));
	links = target->watch->links;
	pass_until(MS(12000));
	assert_int_equal(target->watch->links, links + 1);
	fake_overdue(target->inquiry->feed, now = MS(13000));
	assert_int_equal(target->watch->links, links + 2);
	assert_string_equal(target->watch->link, "silent ok no answer for 2 s");
	target_stop(target, now);
	assert_int_equal(target->watch->stopped, 1);
	assert_int_equal(target->watch->started, 1);
}

/* As fleet does, with all that it is told. */
static void
publish_cb(void *owner, struct target *t, struct notice *n)
{
	(void)owner, (void)n;
	target_publish_notice(t, "{}", false);
}

/* What is told of the server that was watched is published there. */
static void
test_another_address(void **state)
{
	static char there[] = "/run/there.sock", notices[] = "pinfo:notice";
	struct target_config other;
	struct link *feed;

	(void)state;
	remake(5 * NS_PER_S);
	target_free(target);
	config.notices = notices;
	env.notice = publish_cb;
	target = target_new(&env, &config);
	assert_string_equal(target->watch->address, path);
	assert_int_equal(target->watch->identity, IDENTITY_ADDRESS);
	start_up();
	feed = target->inquiry->feed;
	assert_int_equal(published(), 1);
	target->watch->tells = NOTICE_CLEARED;
	target->watch->telling = "rdb.save_failed";
	other = config;
	other.endpoint.path = there;
	other.identity = IDENTITY_ROLE;
	target_configure(target, &other, now = MS(1000));
	assert_string_equal(target->watch->address, there);
	assert_int_equal(target->watch->identity, IDENTITY_ROLE);
	assert_string_equal(report().address, there);
	assert_int_equal(published(), 2);
	assert_int_equal(report().notices_kept, 0);
	assert_state(TARGET_STARTING);
	assert_true(feed->open && !feed->ready);
	/* The same address: only what it means is another thing. */
	target->watch->telling = NULL;
	fake_ready(feed, now);
	/* Asked at once, beside the grid, and so not published. */
	assert_true(inquiry_is_asking(target->inquiry));
	serve(feed);
	assert_state(TARGET_UP);
	assert_int_equal(published(), 2);
	pass_until(MS(5000));
	serve(feed);
	other.identity = IDENTITY_NODE;
	target_configure(target, &other, now);
	assert_int_equal(target->watch->identity, IDENTITY_NODE);
	assert_state(TARGET_UP);
}

/* On the server with the tag, on the control socket without. */
static void
test_tag(void **state)
{
	static char tag[] = "42", other_tag[] = "7", notices[] = "bad";
	struct target_config other;
	struct capture c;
	struct link *feed;

	(void)state;
	assert_string_equal(report().channel, "pinfo");
	assert_string_equal(report().notices, TARGET_NOTICES_CHANNEL);
	assert_null(report().tag);
	target_free(target);
	config.tag = tag;
	config.notices = notices;
	target = target_new(&env, &config);
	start_up();
	feed = target->inquiry->feed;
	/* count_cb has looked at its channel. */
	assert_int_equal(taken, 1);
	assert_non_null(memmem(feed->bytes, feed->len, "SPUBLISH", 8));
	assert_non_null(memmem(feed->bytes, feed->len, "pinfo{42}", 9));
	assert_string_equal(report().channel, "pinfo{42}");
	assert_string_equal(report().notices, "bad{42}");
	assert_string_equal(report().tag, "42");
	assert_string_equal(target_channel(target), "pinfo");
	assert_string_equal(target_notices_channel(target), "bad");
	/* Told once when it changes, and not when something else does. */
	other = config;
	other.tag = other_tag;
	log_set_level(LOG_LEVEL_INFO);
	c = capture_begin();
	target_configure(target, &other, now);
	target_configure(target, &other, now);
	assert_lines(c, "notice: orders: published on pinfo{7} from now on, and no "
			"longer on pinfo{42}\n");
	c = capture_begin();
	other.tag = NULL;
	target_configure(target, &other, now);
	assert_lines(c, "notice: orders: published on pinfo from now on, and no "
			"longer on pinfo{7}\n");
	assert_state(TARGET_UP);
}

static void
test_gap(void **state)
{
	static const int64_t late_ms[] = { 0, 2999, 3000, 3001, 10000 };

	(void)state;
	for (size_t i = 0; i < sizeof(late_ms) / sizeof(late_ms[0]); i++) {
		start_sampling();
		fire_at(MS(1000 + late_ms[i]));
		assert_int_equal(target->watch->gaps, late_ms[i] > 3000);
		/* A server that is slow makes none. */
		pass_until(MS(60000));
		assert_int_equal(target->watch->gaps, late_ms[i] > 3000);
	}
}

/* The machine slept, while the monotonic clock stood still. */
static void
test_gap_asleep(void **state)
{
	(void)state;
	start_sampling();
	asleep_ns += 60 * NS_PER_S;
	fire_at(due);
	assert_int_equal(target->watch->gaps, 1);
	assert_true(target->watch->gap >= 60 && target->watch->gap < 60.1);
	serve(target->inquiry->feed);
	fire_at(due);
	assert_int_equal(target->watch->gaps, 1);
}

static void
test_repeat(void **state)
{
	(void)state;
	start_sampling();
	fire_at(MS(1000));
	target->watch->repeat = MS(1370);
	serve(target->inquiry->feed);
	assert_due(MS(1370));
	fire_at(due);
	assert_int_equal(asked(), 3);
	target->watch->repeat = MS(1830);
	serve(target->inquiry->feed);
	/* It is published only if it is a tick's. */
	assert_int_equal(taken, 1);
	/* Near to the next sample, too; not twice. */
	fire_at(due);
	assert_int_equal(asked(), 4);
	target->watch->repeat.ns = 0;
	serve(target->inquiry->feed);
	assert_due(MS(2000));
	/* Not behind an unanswered PUBLISH. */
	pass_until(MS(4000));
	serve(target->inquiry->feed);
	fire_at(MS(5000));
	target->watch->repeat = MS(5370);
	fake_text(target->inquiry->feed, "text", now);
	pass_until(MS(5500));
	assert_int_equal(fake_infos, 0);
	fake_number(target->inquiry->feed, 1, now);
	assert_int_equal(fake_infos, 1);
}

/*
 * Wide samples and the configuration.
 */

static void
test_wide(void **state)
{
	struct link *feed;

	(void)state;
	start_sampling();
	feed = target->inquiry->feed;
	target->watch->wants = WATCH_WANTS_WIDE;
	fire_at(MS(5000 - 4000));
	fake_text(feed, "text", now);
	assert_int_equal(feed->sent[REQUEST_WIDE], 1);
	/* The tick waits for that reply only. */
	pass_until(MS(5000));
	assert_int_equal(asked(), 2);
	fake_text(feed, "uptime_in_seconds:1\r\n", now = MS(5001));
	assert_int_equal(target->watch->wide, 1);
	assert_string_equal(target->watch->wide_text, "uptime_in_seconds:1\r\n");
	assert_int_equal(target->watch->sent.ns, MS(1000).ns);
	assert_int_equal(asked(), 3);
	serve(feed);
	assert_int_equal(taken, 2);
	assert_int_equal(feed->sent[REQUEST_WIDE], 1);
}

/* One INFO a section; what is refused is told once, and the rest goes on. */
static void
test_wide_apart(void **state)
{
	struct link *feed;

	(void)state;
	start_sampling();
	feed = target->inquiry->feed;
	target->watch->wants = WATCH_WANTS_WIDE;
	fire_at(due);
	fake_text(feed, "text", now);
	fake_error(feed, "ERR syntax error", now);
	fake_text(feed, "a:1", now);
	/* A sample that is due goes before the next section. */
	fire_at(due);
	fake_error(feed, "NOPERM no", now);
	assert_int_equal(fake_outstanding(feed, REQUEST_INFO), 1);
	serve(feed);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(target->watch->wide, 0);
		fake_text(feed, "c:3\r\n", now);
	}
	assert_int_equal(target->watch->wide, 1);
	assert_string_equal(target->watch->wide_text,
			    "a:1\nc:3\r\nc:3\r\nc:3\r\nc:3\r\n");
	assert_int_equal(target->watch->sent.ns, MS(1000).ns);
	assert_int_equal(target->watch->refused, 1);
	assert_string_equal(target->watch->why, "INFO stats: NOPERM no");
	assert_int_equal(target->watch->part, SNAPSHOT_WIDE);
	/* Again: one by one at once, and nothing is told anew. */
	target->watch->wants = WATCH_WANTS_WIDE;
	fire_at(due);
	fake_text(feed, "text", now);
	for (int i = 0; i < 5; i++)
		fake_text(feed, "d:4\r\n", now);
	assert_int_equal(target->watch->wide, 2);
	assert_int_equal(target->watch->refused, 1);
}

/* Too long twice: it is asked for no more, and told once. */
static void
test_wide_overflow(void **state)
{
	struct link *feed;

	(void)state;
	start_sampling();
	feed = target->inquiry->feed;
	target->watch->insists = true;
	for (int i = 0; i < 2; i++) {
		fire_at(due);
		target->watch->wants = WATCH_WANTS_WIDE;
		fake_text(feed, "text", now);
		assert_int_equal(fake_outstanding(feed, REQUEST_WIDE), 1);
		assert_int_equal(target->watch->refused, 0);
		fake_lose(feed, FAULT_HOSTILE, "too long", now);
		target->watch->wants = WATCH_WANTS_NOTHING;
		fake_ready(feed, now);
	}
	assert_int_equal(target->watch->refused, 1);
	assert_string_equal(target->watch->why,
			    "INFO server: too long; it is asked for no more");
}

static void
test_config(void **state)
{
	struct redisReply key = { .type = REDIS_REPLY_STRING,
				  .str = (char[]){ "save" } };
	struct redisReply value = { .type = REDIS_REPLY_STRING,
				    .str = (char[]){ "3600 1 300 100" } };
	struct redisReply *pair[] = { &key, &value };
	struct redisReply list = { .type = REDIS_REPLY_ARRAY,
				   .elements = 2,
				   .element = pair };
	struct link *feed;

	(void)state;
	start_sampling();
	feed = target->inquiry->feed;
	target->watch->wants = WATCH_WANTS_CONFIG;
	fire_at(due);
	fake_text(feed, "text", now);
	assert_memory_equal(feed->bytes,
			    "*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$4\r\nsave\r\n",
			    feed->len);
	fake_reply(feed, (struct reply){ .kind = REPLY_LIST, .list = &list }, now);
	assert_int_equal(target->watch->config, 1);
	assert_string_equal(target->watch->config_text, "save:3600 1 300 100\r\n");
	/* Refused: told once a connection, and not asked in a circle. */
	target->watch->insists = true;
	target->watch->wants = WATCH_WANTS_CONFIG;
	for (int i = 0; i < 3; i++) {
		fire_at(due);
		fake_text(feed, "text", now);
		if (fake_outstanding(feed, REQUEST_PUBLISH) > 0)
			fake_number(feed, 1, now);
		fake_error(feed, "NOPERM no", now);
		assert_int_equal(feed->queue.count, 0);
	}
	assert_int_equal(target->watch->refused, 1);
	assert_string_equal(target->watch->why, "CONFIG GET save: NOPERM no");
	assert_state(TARGET_UP);
}

/*
 * Whatever happens.
 */

static void
happen(size_t event)
{
	struct link *l =
		seed_below(2) == 0 ? target->inquiry->feed : target->inquiry->probe;
	const struct request *head = request_head(&l->queue);

	switch (event) {
	case 0:
		if (l->open && !l->ready)
			fake_ready(l, now);
		break;
	case 1:
		if (l->open)
			fake_lose(l, (enum fault)seed_below(6), "lost", now);
		break;
	case 2:
		if (head != NULL && !head->told)
			fake_overdue(l, now);
		break;
	case 3:
		if (head != NULL)
			fake_error(l, seed_below(2) == 0 ? "ERR no" : "NOPERM no", now);
		break;
	case 4:
		target_poll(target, now);
		break;
	default:
		if (head == NULL)
			break;
		if (head->kind == REQUEST_INFO)
			fake_text(l, "text", now);
		else
			fake_number(l, 1, now);
	}
}

/* Every slot is served or missed, never both; every sample sent or dropped. */
static void
check_accounts(bool polled)
{
	struct target_report r = report();
	uint64_t slots = (uint64_t)(clock_diff_ns(target->schedule.slot, MS(0)) /
				    target->schedule.interval_ns) +
			 1;

	if (!polled && r.samples + r.missed + target->schedule.owed != slots)
		fail_msg("%u slots: %u samples, %u missed, %d owed", (unsigned)slots,
			 (unsigned)r.samples, (unsigned)r.missed,
			 target->schedule.owed);
	assert_true(r.missed <= slots);
	assert_int_equal(r.samples, taken);
	assert_int_equal(r.published + r.dropped +
				 fake_outstanding(target->inquiry->feed,
						  REQUEST_PUBLISH),
			 r.samples);
	assert_int_equal(fake_outstanding(target->inquiry->probe, REQUEST_PUBLISH), 0);
	/* Open for a PUBLISH that hangs, its own INFO, or in place of feed. */
	if (target->inquiry->probe->open && fake_infos == 0 &&
	    target->inquiry->feed->ready)
		assert_true(fake_outstanding(target->inquiry->feed, REQUEST_PUBLISH) >
			    0);
}

static void
test_random(void **state)
{
	(void)state;
	seed_begin();
	for (int run = 0; run < 300; run++) {
		bool polls = run % 2 == 1;

		remake((int64_t)(100 + seed_below(6000)) * NS_PER_MS);
		target_start(target, MS(0), MS(0));
		for (int i = 0; i < 300; i++) {
			size_t event = seed_below(10);

			/* Mostly small steps; a tick may come late, too. */
			now = clock_add_ns(now,
					   (int64_t)(seed_next() % 500) * NS_PER_MS);
			if (clock_diff_ns(due, now) <= 0)
				fire_at(now);
			if (polls || event != 4)
				happen(event);
			check_accounts(polls);
		}
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_start),
		TEST(test_grid),
		TEST(test_early_timer),
		TEST(test_first_later),
		TEST(test_start_twice),
		TEST(test_margin),
		TEST(test_late_answer),
		TEST(test_stalls),
		TEST(test_outage),
		TEST(test_lost_info),
		TEST(test_errors),
		TEST(test_faults),
		TEST(test_wrong_kind),
		TEST(test_behind_publish),
		TEST(test_probe),
		TEST(test_probe_late),
		TEST(test_probe_in_vain),
		TEST(test_probe_fails),
		TEST(test_feed_lost_while_blocked),
		TEST(test_info_overdue_opens_no_probe),
		TEST(test_poll),
		TEST(test_poll_behind_publish),
		TEST(test_stop),
		TEST(test_free_in_flight),
		TEST(test_interval),
		TEST(test_interval_while_stopped),
		TEST(test_interval_before_the_first),
		TEST(test_log),
		TEST(test_log_of_silence),
		TEST(test_log_at_start),
		TEST(test_samples),
		TEST(test_sample_serves_the_tick),
		TEST(test_link_is_told),
		TEST(test_another_address),
		TEST(test_tag),
		TEST(test_gap),
		TEST(test_gap_asleep),
		TEST(test_repeat),
		TEST(test_wide),
		TEST(test_wide_apart),
		TEST(test_wide_overflow),
		TEST(test_config),
		TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
