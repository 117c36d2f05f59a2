/*
 * council: see council.h.
 *
 * Links only note what has happened; what follows from it (a round is over, a seat
 * changes hands) is done by the one timer, on a stack of its own, where a link may
 * be freed and the owner do as it likes.
 */
#include "council.h"

#include <assert.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

#include "connection.h"
#include "endpoint.h"
#include "link.h"
#include "log.h"
#include "request.h"
#include "xalloc.h"

/* How long the first decision waits for those who have not spoken. */
#define PATIENCE_NS (3 * NS_PER_S)
/* How long a seat is kept by one who fails; and before the first decision. */
#define KEEP_NS NS_PER_S
#define KEEP_FIRST_NS (100 * NS_PER_MS)

/* The words of a question, at the most. */
#define WORDS_MAX 8

struct question {
	char *bytes;
	size_t len;
};

/* It is empty when link is NULL: there are fewer candidates than seats. */
struct seat {
	struct council *council;
	unsigned number;
	struct link *link; /* borrows endpoint and name */
	struct endpoint endpoint;
	char *name;
	struct mono taken;
	unsigned awaited; /* answers */
	unsigned next;	  /* the question that the next answer is to */
	bool useful;	  /* what was answered so far, of these questions */
	bool overdue;	  /* and told to be gone for that */
	bool heard;	  /* the last answers count */
	bool failed;	  /* they do not, or there were none */
	bool tried;	  /* heard or failed, since hearing began */
};

struct council {
	char *name;
	const struct council_handlers *handlers;
	void *owner;
	struct event_base *base;
	struct resolver *resolver;

	struct question *questions;
	unsigned question_count;
	struct endpoint *candidates;
	size_t candidate_count;
	size_t cursor;	  /* of candidates: who is next */
	size_t untried;	  /* candidates who had no seat yet since hearing began */
	bool recandidate; /* the candidates are others */
	struct seat *seats;
	unsigned seat_count;

	int64_t period_ns;
	struct mono due;      /* the next time all are asked */
	struct mono patience; /* until then the first round waits, while: */
	bool told;	      /* a round was over since hearing began */
	bool fresh;	      /* something was heard, or is gone, since */
	struct event timer;
};

unsigned
council_seats(const struct council *c)
{
	return c->candidate_count < c->seat_count ? (unsigned)c->candidate_count
						  : c->seat_count;
}

unsigned
council_heard(const struct council *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->seat_count; i++)
		n += c->seats[i].heard;
	return n;
}

/*
 * When a round is over.
 */

/* From now on nobody is believed before the others had their say. */
static void
begin_hearing(struct council *c, struct mono now)
{
	c->told = false;
	c->patience = clock_add_ns(now, PATIENCE_NS);
	c->untried = c->candidate_count - council_seats(c);
	for (unsigned i = 0; i < c->seat_count; i++)
		c->seats[i].tried = c->seats[i].heard;
}

static bool
all_had_their_say(const struct council *c)
{
	for (unsigned i = 0; i < c->seat_count; i++) {
		const struct seat *s = &c->seats[i];

		if (s->link != NULL && !s->heard && (!s->tried || c->untried > 0))
			return false;
	}
	return true;
}

static bool
is_anyone_asked(const struct council *c)
{
	for (unsigned i = 0; i < c->seat_count; i++)
		if (c->seats[i].awaited > 0 && !c->seats[i].overdue)
			return true;
	return false;
}

static bool
is_round_over(const struct council *c, struct mono now)
{
	if (!c->told)
		return all_had_their_say(c) || clock_diff_ns(c->patience, now) <= 0;
	return c->fresh && (!is_anyone_asked(c) || clock_diff_ns(c->due, now) <= 0);
}

/*
 * Who comes next.
 */

/* When a seat that fails may be given to another; where nobody waits: 0. */
static struct mono
seat_due(const struct seat *s)
{
	const struct council *c = s->council;

	if (!s->failed || c->candidate_count <= c->seat_count)
		return (struct mono){ 0 };
	return clock_add_ns(s->taken, c->told ? KEEP_NS : KEEP_FIRST_NS);
}

static void
earlier(struct mono *due, struct mono other)
{
	if (other.ns != 0 && other.ns < due->ns)
		*due = other;
}

static void
arm(struct council *c, struct mono now)
{
	struct mono due = c->due;
	struct timeval tv;

	if (c->recandidate || is_round_over(c, now))
		due = now;
	if (!c->told)
		earlier(&due, c->patience);
	for (unsigned i = 0; i < c->seat_count; i++)
		earlier(&due, seat_due(&c->seats[i]));
	tv = clock_until(due, now);
	event_add(&c->timer, &tv);
}

/*
 * What the links say.
 */

static void
note(struct seat *s, bool heard, struct mono now)
{
	struct council *c = s->council;

	/* The first to come back might be the one that is wrong. */
	if (heard && c->told && council_heard(c) == 0)
		begin_hearing(c, now);
	s->heard = heard;
	s->failed = !heard;
	s->tried = true;
	c->fresh = true;
	arm(c, now);
}

static void
set_gone(struct seat *s, const char *reason, struct mono now)
{
	struct council *c = s->council;

	c->handlers->gone(c->owner, s->number, &s->endpoint, reason);
	note(s, false, now);
}

static void
reply_cb(void *arg, const struct reply *r)
{
	struct seat *s = arg;
	struct council *c = s->council;

	/* `down` follows. */
	if (r->kind == REPLY_LOST)
		return;
	s->awaited--;
	if (!c->handlers->answer(c->owner, s->number, s->next++, &s->endpoint, r))
		s->useful = false;
	if (s->awaited == 0)
		note(s, s->useful, r->now);
}

static void
ask(struct seat *s, struct mono now)
{
	struct council *c = s->council;

	if (s->link == NULL || !link_is_ready(s->link) || s->awaited > 0)
		return;
	s->next = 0;
	s->useful = true;
	s->overdue = false;
	/* When one cannot be sent the link is as good as down. */
	for (unsigned i = 0; i < c->question_count; i++)
		if (link_send(s->link, REQUEST_DISCOVERY, c->questions[i].bytes,
			      c->questions[i].len, now, reply_cb, s))
			s->awaited++;
}

static void
ready_cb(void *owner, struct link *link, struct mono now)
{
	(void)link;
	ask(owner, now);
}

static void
down_cb(void *owner, struct link *link, enum fault fault, const char *reason,
	struct mono now)
{
	struct seat *s = owner;

	(void)link, (void)fault;
	s->awaited = 0;
	set_gone(s, reason, now);
}

static void
overdue_cb(void *owner, struct link *link, enum request_kind kind, const char *reason,
	   struct mono now)
{
	struct seat *s = owner;

	(void)link, (void)kind;
	s->overdue = true;
	set_gone(s, reason, now);
}

static const struct link_handlers link_handlers = {
	.ready = ready_cb,
	.down = down_cb,
	.overdue = overdue_cb,
};

/*
 * The seats.
 */

static void
vacate(struct seat *s)
{
	link_free(s->link);
	endpoint_fini(&s->endpoint);
	free(s->name);
	*s = (struct seat){ .council = s->council, .number = s->number };
}

static void
take(struct seat *s, const struct endpoint *candidate, struct mono now)
{
	struct council *c = s->council;
	char address[ENDPOINT_TEXT_BYTES];

	vacate(s);
	endpoint_copy(&s->endpoint, candidate);
	s->name = xasprintf("%s %s", c->name, endpoint_name(&s->endpoint, address));
	s->taken = now;
	s->link = link_new(c->base, c->resolver, s->name, &s->endpoint, &link_handlers,
			   s);
	link_open(s->link, now);
}

static bool
has_seat(const struct council *c, const struct endpoint *candidate)
{
	for (unsigned i = 0; i < c->seat_count; i++)
		if (c->seats[i].link != NULL &&
		    endpoint_same_address(&c->seats[i].endpoint, candidate))
			return true;
	return false;
}

/* The next candidate without a seat; NULL: all have one. */
static const struct endpoint *
next_candidate(struct council *c)
{
	for (size_t i = 0; i < c->candidate_count; i++) {
		const struct endpoint *e =
			&c->candidates[(c->cursor + i) % c->candidate_count];

		if (has_seat(c, e))
			continue;
		c->cursor = (c->cursor + i + 1) % c->candidate_count;
		return e;
	}
	return NULL;
}

static bool
is_candidate(const struct council *c, const struct endpoint *e)
{
	for (size_t i = 0; i < c->candidate_count; i++)
		if (endpoint_same(&c->candidates[i], e))
			return true;
	return false;
}

static void
dismiss(struct council *c)
{
	c->recandidate = false;
	for (unsigned i = 0; i < c->seat_count; i++) {
		struct seat *s = &c->seats[i];

		if (s->link == NULL || is_candidate(c, &s->endpoint))
			continue;
		c->handlers->gone(c->owner, s->number, &s->endpoint,
				  "it is not asked any more");
		vacate(s);
	}
}

/* Candidates for who is missing, or has failed for long enough. */
static void
fill(struct council *c, struct mono now)
{
	for (unsigned i = 0; i < c->seat_count; i++) {
		struct seat *s = &c->seats[i];
		struct mono due = seat_due(s);
		const struct endpoint *candidate;

		if (s->link != NULL && (due.ns == 0 || clock_diff_ns(due, now) > 0))
			continue;
		candidate = next_candidate(c);
		if (candidate == NULL)
			return;
		if (s->link != NULL && c->untried > 0)
			c->untried--;
		take(s, candidate, now);
	}
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct council *c = arg;
	struct mono now = clock_now();
	int64_t late_ns;

	(void)fd, (void)what;
	if (is_round_over(c, now)) {
		c->told = true;
		c->fresh = false;
		c->handlers->round(c->owner, now);
	}
	if (c->recandidate)
		dismiss(c);
	fill(c, now);
	late_ns = clock_diff_ns(now, c->due);
	if (late_ns >= 0) {
		c->due = clock_add_ns(c->due,
				      c->period_ns * (late_ns / c->period_ns + 1));
		for (unsigned i = 0; i < c->seat_count; i++)
			ask(&c->seats[i], now);
	}
	arm(c, now);
}

/*
 * Life.
 */

static void
forget_candidates(struct council *c)
{
	for (size_t i = 0; i < c->candidate_count; i++)
		endpoint_fini(&c->candidates[i]);
	free(c->candidates);
	c->candidates = NULL;
	c->candidate_count = 0;
}

/* By address; of one address the first of them first: they lie in one array. */
static int
compare(const void *a, const void *b)
{
	const struct endpoint *const *x = a, *const *y = b;
	int order = endpoint_compare_address(*x, *y);

	return order != 0 ? order : (*x > *y) - (*x < *y);
}

/*
 * Those of different addresses, in their order, borrowed: one with two seats would
 * have two votes. A cluster may have thousands.
 */
static const struct endpoint **
distinct(const struct endpoint *candidates, size_t count, size_t *kept)
{
	const struct endpoint **list = xcalloc(count, sizeof(list[0]));
	bool *again = xcalloc(count, sizeof(again[0]));

	for (size_t i = 0; i < count; i++)
		list[i] = &candidates[i];
	qsort(list, count, sizeof(list[0]), compare);
	for (size_t i = 1; i < count; i++)
		again[list[i] - candidates] =
			endpoint_same_address(list[i - 1], list[i]);
	*kept = 0;
	for (size_t i = 0; i < count; i++)
		if (!again[i])
			list[(*kept)++] = &candidates[i];
	free(again);
	return list;
}

static bool
are_candidates(const struct council *c, const struct endpoint *const *list,
	       size_t count)
{
	if (count != c->candidate_count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!endpoint_same(&c->candidates[i], list[i]))
			return false;
	return true;
}

/* False: they are so already. */
static bool
copy_candidates(struct council *c, const struct endpoint *candidates, size_t count)
{
	const struct endpoint **list = distinct(candidates, count, &count);
	bool other = !are_candidates(c, list, count);

	if (other) {
		forget_candidates(c);
		c->candidates = xcalloc(count, sizeof(c->candidates[0]));
		for (; c->candidate_count < count; c->candidate_count++)
			endpoint_copy(&c->candidates[c->candidate_count],
				      list[c->candidate_count]);
	}
	free(list);
	return other;
}

void
council_set_candidates(struct council *c, const struct endpoint *candidates,
		       size_t count, struct mono now)
{
	if (!copy_candidates(c, candidates, count))
		return;
	c->recandidate = true;
	arm(c, now);
}

static struct question
format(const char *const *words)
{
	const char *argv[WORDS_MAX];
	struct question q;
	int argc = 0;

	for (; words[argc] != NULL; argc++) {
		assert(argc < WORDS_MAX);
		argv[argc] = words[argc];
	}
	q.len = connection_format_words(&q.bytes, argc, argv);
	return q;
}

struct council *
council_new(struct event_base *base, struct resolver *resolver, const char *name,
	    unsigned seats, int64_t period_ns, const char *const *const *questions,
	    unsigned question_count, const struct endpoint *candidates,
	    size_t candidate_count, const struct council_handlers *handlers,
	    void *owner, struct mono now)
{
	struct council *c = xcalloc(1, sizeof(*c));

	assert(seats > 0 && seats <= COUNCIL_SEATS_MAX && period_ns > 0);
	c->base = base;
	c->resolver = resolver;
	c->name = xstrdup(name);
	c->handlers = handlers;
	c->owner = owner;
	c->period_ns = period_ns;
	c->due = clock_add_ns(now, period_ns);
	c->questions = xcalloc(question_count, sizeof(*c->questions));
	c->question_count = question_count;
	for (unsigned i = 0; i < question_count; i++)
		c->questions[i] = format(questions[i]);
	c->seats = xcalloc(seats, sizeof(*c->seats));
	c->seat_count = seats;
	for (unsigned i = 0; i < seats; i++)
		c->seats[i] = (struct seat){ .council = c, .number = i };
	evtimer_assign(&c->timer, base, timer_cb, c);
	copy_candidates(c, candidates, candidate_count);
	begin_hearing(c, now);
	fill(c, now);
	arm(c, now);
	return c;
}

void
council_free(struct council *c)
{
	if (c == NULL)
		return;
	event_del(&c->timer);
	for (unsigned i = 0; i < c->seat_count; i++)
		vacate(&c->seats[i]);
	for (unsigned i = 0; i < c->question_count; i++)
		connection_free_words(c->questions[i].bytes, c->questions[i].len);
	forget_candidates(c);
	free(c->questions);
	free(c->seats);
	free(c->name);
	free(c);
}
