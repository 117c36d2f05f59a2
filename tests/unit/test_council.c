/*
 * council: who is asked when, when a round is over, and who takes whose seat; on a
 * clock of the test's, with fake links. The .c file, for its seats are private.
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include "clock.h"

static struct mono test_now(void);
static int test_assign(event_callback_fn callback, void *arg);
static int test_add(const struct timeval *tv);

#define clock_now() test_now()
#define event_assign(ev, base, fd, what, cb, arg) test_assign(cb, arg)
#define event_add(ev, tv) test_add(tv)
#define event_del(ev) (void)0
#include "../../src/council.c"
#undef clock_now
#undef event_assign
#undef event_add
#undef event_del

#include "capture.h"

/* replaces "../../src/link.c": there is no server. */
#include "fake_link.h"

/* Not on a whole second, nor at zero. */
#define EPOCH INT64_C(123456789012345)
#define MS(n) ((struct mono){ EPOCH + (int64_t)(n)*NS_PER_MS })

#define CANDIDATES 8

static struct endpoint candidates[CANDIDATES];
static char hosts[CANDIDATES][16];
static struct council *council;
static int64_t period;
static unsigned rounds; /* told, by the council */
static char told[512];	/* of the seats: "0:A=text ", "0-A(reason) " */

/*
 * The clock and the one timer.
 */

static struct mono now, due;
static event_callback_fn fire;
static void *fire_arg;

static struct mono
test_now(void)
{
	return now;
}

static int
test_assign(event_callback_fn callback, void *arg)
{
	fire = callback;
	fire_arg = arg;
	return 0;
}

static int
test_add(const struct timeval *tv)
{
	due = clock_add_ns(now, tv->tv_sec * NS_PER_S + tv->tv_usec * 1000);
	return 0;
}

/* Time passes; the timer fires whenever it should, and not for ever at once. */
static void
pass_until(struct mono until)
{
	for (unsigned at_once = 0; clock_diff_ns(due, until) <= 0; at_once++) {
		if (clock_diff_ns(due, now) > 0)
			at_once = 0;
		assert_true(at_once < 3);
		now = due;
		fire(-1, EV_TIMEOUT, fire_arg);
	}
	now = until;
}

/*
 * The owner.
 */

/* "A" of the first candidate, and so on. */
static char
who(const struct endpoint *e)
{
	return e->host[0];
}

static void
tell(const char *format, ...)
{
	size_t len = strlen(told);
	va_list ap;

	va_start(ap, format);
	vsnprintf(told + len, sizeof(told) - len, format, ap);
	va_end(ap);
}

static bool
on_answer(void *owner, unsigned seat, unsigned question, const struct endpoint *where,
	  const struct reply *reply)
{
	assert_ptr_equal(owner, &council);
	tell("%u:%c%u=%s ", seat, who(where), question, reply->text);
	return reply->kind == REPLY_TEXT;
}

static void
on_gone(void *owner, unsigned seat, const struct endpoint *where, const char *reason)
{
	assert_ptr_equal(owner, &council);
	tell("%u-%c(%s) ", seat, who(where), reason);
}

static struct endpoint *next_candidates; /* to be set in the round */
static size_t next_count;

static void
on_round(void *owner, struct mono at)
{
	assert_ptr_equal(owner, &council);
	assert_int_equal(at.ns, now.ns);
	rounds++;
	if (next_candidates != NULL)
		council_set_candidates(council, next_candidates, next_count, at);
	next_candidates = NULL;
}

static const struct council_handlers handlers = {
	.answer = on_answer,
	.gone = on_gone,
	.round = on_round,
};

static const char *const first_words[] = { "CLUSTER", "NODES", NULL };
static const char *const second_words[] = { "PING", NULL };
static const char *const *const questions[] = { first_words, second_words };

/* The first `count` candidates. */
static void
begin(unsigned seats, size_t count, unsigned question_count)
{
	rounds = 0;
	told[0] = '\0';
	now = MS(0);
	council = council_new(NULL, NULL, "orders, node", seats, period, questions,
			      question_count, candidates, count, &handlers, &council,
			      now);
}

static int
make(void **state)
{
	(void)state;
	for (int i = 0; i < CANDIDATES; i++) {
		snprintf(hosts[i], sizeof(hosts[i]), "%c", 'A' + i);
		candidates[i] = (struct endpoint){ .host = hosts[i], .port = 7000 };
	}
	period = 5 * NS_PER_S;
	next_candidates = NULL;
	council = NULL;
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	council_free(council);
	return 0;
}

static struct link *
at(unsigned seat)
{
	return council->seats[seat].link;
}

/* Who has the seats: "ABC", "-" for an empty one. */
static void
assert_seated(const char *want)
{
	char is[COUNCIL_SEATS_MAX + 1];
	unsigned n = council->seat_count;

	for (unsigned i = 0; i < n; i++)
		is[i] = at(i) == NULL ? '-' : who(&council->seats[i].endpoint);
	is[n] = '\0';
	assert_string_equal(is, want);
}

static void
assert_told(const char *want)
{
	assert_string_equal(told, want);
	told[0] = '\0';
}

/* The timer has done what it had to do at once; so many rounds were told since. */
static void
assert_rounds(unsigned want)
{
	pass_until(now);
	assert_int_equal(rounds, want);
	rounds = 0;
}

static void
refuse(unsigned seat)
{
	fake_lose(at(seat), FAULT_UNREACHABLE, "refused", now);
}

/* Three of three have answered, and the first round was told. */
static void
begin_well(size_t count)
{
	begin(3, count, 1);
	for (unsigned i = 0; i < 3; i++) {
		fake_ready(at(i), now);
		fake_text(at(i), "x", now);
	}
	assert_rounds(1);
	assert_int_equal(council_heard(council), 3);
	told[0] = '\0';
}

/*
 * Asking.
 */

static void
test_questions(void **state)
{
	static const char nodes[] = "*2\r\n$7\r\nCLUSTER\r\n$5\r\nNODES\r\n";
	static const char ping[] = "*1\r\n$4\r\nPING\r\n";

	(void)state;
	begin(1, 1, 1);
	fake_ready(at(0), now);
	assert_int_equal(at(0)->len, sizeof(nodes) - 1);
	assert_memory_equal(at(0)->bytes, nodes, sizeof(nodes) - 1);
	assert_string_equal(council->seats[0].name, "orders, node A:7000");
	council_free(council);

	begin(1, 1, 2);
	fake_ready(at(0), now);
	assert_int_equal(at(0)->sent[REQUEST_DISCOVERY], 2);
	assert_memory_equal(at(0)->bytes, ping, sizeof(ping) - 1);
	fake_text(at(0), "x", now);
	assert_int_equal(council_heard(council), 0);
	assert_rounds(0);
	fake_text(at(0), "y", now);
	assert_int_equal(council_heard(council), 1);
	assert_rounds(1);
	assert_told("0:A0=x 0:A1=y ");
}

/* One answer that is of no use spoils those to the other questions. */
static void
test_useless(void **state)
{
	(void)state;
	begin(1, 1, 2);
	fake_ready(at(0), now);
	fake_error(at(0), "ERR", now);
	fake_text(at(0), "y", now);
	assert_int_equal(council_heard(council), 0);
	assert_rounds(1);
	/* Asked again in time, it may do better. */
	pass_until(MS(5000));
	assert_int_equal(at(0)->sent[REQUEST_DISCOVERY], 4);
	fake_text(at(0), "x", now);
	fake_text(at(0), "y", now);
	assert_int_equal(council_heard(council), 1);
	assert_rounds(1);
}

static void
test_grid(void **state)
{
	(void)state;
	begin(1, 1, 1);
	pass_until(MS(700));
	fake_ready(at(0), now);
	fake_text(at(0), "x", now);
	pass_until(MS(4999));
	assert_int_equal(at(0)->sent[REQUEST_DISCOVERY], 1);
	pass_until(MS(5000));
	assert_int_equal(at(0)->sent[REQUEST_DISCOVERY], 2);
	/* Nothing goes behind a question without an answer. */
	pass_until(MS(10000));
	assert_int_equal(at(0)->sent[REQUEST_DISCOVERY], 2);
	fake_text(at(0), "x", MS(10000));
	/* What was missed is not made up for, and the grid stays. */
	now = MS(27300);
	fire(-1, EV_TIMEOUT, fire_arg);
	assert_int_equal(at(0)->sent[REQUEST_DISCOVERY], 3);
	fake_text(at(0), "x", now);
	pass_until(MS(29999));
	assert_int_equal(at(0)->sent[REQUEST_DISCOVERY], 3);
	pass_until(MS(30000));
	assert_int_equal(at(0)->sent[REQUEST_DISCOVERY], 4);
}

/*
 * Rounds.
 */

static void
test_first_round_waits(void **state)
{
	(void)state;
	begin(3, 3, 1);
	fake_ready(at(0), now);
	fake_text(at(0), "quick", now);
	assert_rounds(0);
	refuse(1);
	assert_rounds(0);
	pass_until(MS(900));
	fake_ready(at(2), now);
	assert_rounds(0);
	fake_text(at(2), "slow", now);
	assert_rounds(1);
	assert_told("0:A0=quick 1-B(refused) 2:C0=slow ");
}

static void
test_first_round_waits_no_longer(void **state)
{
	(void)state;
	begin(3, 3, 1);
	fake_ready(at(0), now);
	fake_text(at(0), "quick", now);
	pass_until(MS(2999));
	assert_rounds(0);
	pass_until(MS(3000));
	assert_rounds(1);
	/* Who comes later is news. */
	pass_until(MS(3500));
	fake_ready(at(1), now);
	assert_rounds(0);
	fake_text(at(1), "x", now);
	assert_rounds(1);
}

static void
test_nobody(void **state)
{
	(void)state;
	begin(2, 2, 1);
	pass_until(MS(3000));
	assert_rounds(1);
	pass_until(MS(60000));
	assert_rounds(0);
	assert_told("");
}

/* All went and come back: again nobody is believed for being the first. */
static void
test_round_after_silence(void **state)
{
	(void)state;
	period = 60 * NS_PER_S;
	begin_well(3);
	pass_until(MS(7000));
	refuse(0);
	assert_rounds(1);
	refuse(1);
	refuse(2);
	assert_rounds(1);
	assert_int_equal(council_heard(council), 0);
	pass_until(MS(8000));
	fake_ready(at(2), now);
	fake_text(at(2), "x", now);
	assert_rounds(0);
	pass_until(MS(8200));
	refuse(0);
	assert_rounds(0);
	pass_until(MS(8300));
	refuse(1);
	assert_rounds(1);
	/* As long as one was heard throughout the next one needs not wait. */
	pass_until(MS(8400));
	fake_ready(at(1), now);
	fake_text(at(1), "x", now);
	assert_rounds(1);
}

/* A round does not end before the next one is due for one who is late. */
static void
test_late(void **state)
{
	(void)state;
	begin_well(3);
	pass_until(MS(5000));
	fake_text(at(0), "x", now);
	fake_text(at(1), "x", now);
	assert_rounds(0);
	pass_until(MS(9999));
	assert_rounds(0);
	pass_until(MS(10000));
	assert_rounds(1);
	fake_text(at(0), "x", now);
	fake_text(at(1), "x", now);
	fake_text(at(2), "at last", now);
	assert_rounds(1);
	assert_int_equal(council_heard(council), 3);
}

/* Who is silent counts no longer, until the answer comes. */
static void
test_overdue(void **state)
{
	(void)state;
	begin_well(3);
	pass_until(MS(5000));
	fake_text(at(0), "x", now);
	fake_text(at(1), "x", now);
	told[0] = '\0';
	pass_until(MS(7000));
	fake_overdue(at(2), now);
	assert_told("2-C(no answer for 2 s) ");
	assert_rounds(1);
	assert_int_equal(council_heard(council), 2);
	pass_until(MS(8000));
	fake_text(at(2), "x", now);
	assert_rounds(1);
	assert_int_equal(council_heard(council), 3);
	/* It was asked at 5 s and not at 10 s. */
	assert_int_equal(at(2)->sent[REQUEST_DISCOVERY], 2);
}

static void
test_lost_in_midst(void **state)
{
	(void)state;
	begin(1, 1, 2);
	fake_ready(at(0), now);
	fake_text(at(0), "x", now);
	refuse(0);
	assert_told("0:A0=x 0-A(refused) ");
	assert_rounds(1);
	/* Asked anew from the first question on. */
	fake_ready(at(0), now);
	fake_text(at(0), "x", now);
	fake_text(at(0), "y", now);
	assert_told("0:A0=x 0:A1=y ");
	assert_rounds(1);
}

/*
 * Seats.
 */

static void
test_fewer_candidates(void **state)
{
	(void)state;
	begin(3, 1, 1);
	assert_seated("A--");
	assert_int_equal(council_seats(council), 1);
	fake_ready(at(0), now);
	fake_text(at(0), "x", now);
	assert_rounds(1);
	/* From within the round, as owners do. */
	next_candidates = candidates;
	next_count = 5;
	pass_until(MS(5000));
	assert_seated("A--");
	fake_text(at(0), "x", now);
	assert_rounds(1);
	assert_seated("ABC");
	assert_int_equal(council_seats(council), 3);
	assert_int_equal(at(0)->connects, 1);
	assert_true(link_is_open(at(1)) && link_is_open(at(2)));
}

static void
test_same_candidate_twice(void **state)
{
	(void)state;
	candidates[1] = candidates[0];
	begin(3, 3, 1);
	assert_seated("AC-");
	assert_int_equal(council_seats(council), 2);
}

/* The seat goes to the next one, and then once a second. */
static void
test_rotation(void **state)
{
	(void)state;
	period = 60 * NS_PER_S;
	begin_well(5);
	pass_until(MS(7000));
	refuse(1);
	assert_rounds(1);
	assert_seated("ADC");
	refuse(1);
	pass_until(MS(7999));
	assert_seated("ADC");
	pass_until(MS(8000));
	assert_seated("AEC");
	pass_until(MS(8300));
	refuse(1);
	pass_until(MS(9000));
	/* A and C have seats. */
	assert_seated("ABC");
	fake_ready(at(1), now);
	rounds = 0;
	fake_text(at(1), "x", now);
	assert_rounds(1);
	pass_until(MS(59000));
	assert_seated("ABC");
}

/* Before the first decision all who are left are tried, more quickly. */
static void
test_first_rotation(void **state)
{
	(void)state;
	begin(3, 5, 1);
	fake_ready(at(0), now);
	fake_text(at(0), "x", now);
	refuse(1);
	refuse(2);
	assert_rounds(0);
	assert_seated("ABC");
	pass_until(MS(100));
	assert_seated("ADE");
	assert_rounds(0);
	refuse(1);
	assert_rounds(0);
	fake_ready(at(2), now);
	fake_text(at(2), "x", now);
	assert_rounds(1);
}

/* Who answers, and nothing of use, loses the seat as well. */
static void
test_useless_rotation(void **state)
{
	(void)state;
	begin_well(4);
	pass_until(MS(5000));
	fake_text(at(0), "x", now);
	fake_text(at(1), "x", now);
	fake_error(at(2), "ERR", now);
	assert_rounds(1);
	assert_seated("ABD");
}

/* Where there is nobody else the link goes on trying. */
static void
test_no_rotation(void **state)
{
	struct link *link;

	(void)state;
	begin_well(3);
	link = at(1);
	refuse(1);
	pass_until(MS(20000));
	refuse(1);
	assert_seated("ABC");
	assert_ptr_equal(at(1), link);
}

static void
test_other_candidates(void **state)
{
	struct link *kept;

	(void)state;
	begin_well(3);
	kept = at(2);
	/* B is no longer one of them, and A is another user. */
	candidates[0].user = hosts[7];
	candidates[1] = candidates[3];
	council_set_candidates(council, candidates, 3, now);
	assert_seated("ABC");
	assert_rounds(0);
	assert_told("0-A(it is not asked any more) 1-B(it is not asked any more) ");
	assert_seated("ADC");
	assert_ptr_equal(at(2), kept);
	assert_int_equal(council_heard(council), 1);
	/* That was no news; this is. */
	fake_ready(at(0), now);
	fake_text(at(0), "x", now);
	assert_rounds(1);
}

static void
test_same_candidates(void **state)
{
	struct link *link;

	(void)state;
	begin_well(3);
	link = at(0);
	candidates[3] = candidates[1];
	council_set_candidates(council, candidates, 4, now);
	assert_true(due.ns > now.ns);
	assert_seated("ABC");
	assert_ptr_equal(at(0), link);
}

/*
 * Nodes of a large cluster that come and go time and again cost milliseconds:
 * comparing each with each would take seconds at each change. The limit leaves room
 * for sanitizers and a busy machine.
 */
static void
test_cost_of_candidates(void **state)
{
	enum { MANY = 10000, CHANGES = 20 };
	static struct endpoint many[MANY];
	static char names[MANY][16];
	struct mono before = clock_now();

	(void)state;
	begin_well(3);
	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "10.0.%d.%d", i / 250, i % 250);
		many[i] = (struct endpoint){ .host = names[i], .port = 7000 };
	}
	for (size_t i = 0; i < CHANGES; i++)
		council_set_candidates(council, many, MANY - i, now);
	assert_int_equal(council_seats(council), 3);
	assert_true(clock_diff_s(clock_now(), before) < 5);
}

static void
test_no_candidates(void **state)
{
	(void)state;
	begin_well(3);
	council_set_candidates(council, NULL, 0, now);
	pass_until(MS(4000));
	assert_seated("---");
	assert_int_equal(council_seats(council), 0);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, make, clean)
	static const struct CMUnitTest tests[] = {
		T(test_questions),
		T(test_useless),
		T(test_grid),
		T(test_first_round_waits),
		T(test_first_round_waits_no_longer),
		T(test_nobody),
		T(test_round_after_silence),
		T(test_late),
		T(test_overdue),
		T(test_lost_in_midst),
		T(test_fewer_candidates),
		T(test_same_candidate_twice),
		T(test_rotation),
		T(test_first_rotation),
		T(test_useless_rotation),
		T(test_no_rotation),
		T(test_other_candidates),
		T(test_same_candidates),
		T(test_cost_of_candidates),
		T(test_no_candidates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
