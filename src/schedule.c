/*
 * schedule: see schedule.h.
 */
#include "schedule.h"

#include "target_config.h"

/* A late sample is not asked for when the next one is nearer than that. */
#define LATE_MARGIN_NS NS_PER_S

static void
divide(struct schedule *s, int64_t interval_ns, int64_t sample_ns)
{
	struct target_config c = { .interval_ns = interval_ns, .sample_ns = sample_ns };

	s->interval_ns = interval_ns;
	s->sample_ns = target_config_sample_ns(&c);
	s->steps = (unsigned)(interval_ns / s->sample_ns);
}

/* The step of the slot that `now` lies in, which is within it or before it. */
static unsigned
step_at(const struct schedule *s, struct mono now)
{
	int64_t step = clock_diff_ns(now, s->slot) / s->sample_ns;

	/* Divided, the slot may have a few nanoseconds left. */
	if (step >= s->steps)
		return s->steps - 1;
	return step > 0 ? (unsigned)step : 0;
}

static bool
in_time(struct mono due, int64_t period_ns, struct mono now)
{
	int64_t margin = period_ns / 2;

	if (margin > LATE_MARGIN_NS)
		margin = LATE_MARGIN_NS;
	return clock_diff_ns(due, now) >= margin;
}

static struct mono
next_tick(const struct schedule *s)
{
	return clock_add_ns(s->slot, s->interval_ns);
}

void
schedule_init(struct schedule *s, int64_t interval_ns, int64_t sample_ns)
{
	*s = (struct schedule){ .owed = false };
	divide(s, interval_ns, sample_ns);
}

void
schedule_start(struct schedule *s, struct mono first)
{
	/* The slot before the first one needs no sample. */
	s->first = first;
	s->slot = clock_add_ns(first, -s->interval_ns);
	s->step = s->steps - 1;
	s->owed = s->wanted = s->polled = s->extra = s->late = s->refused = false;
}

enum schedule_turn
schedule_turn(struct schedule *s, struct mono now)
{
	int64_t passed = clock_diff_ns(now, s->slot) / s->interval_ns;
	unsigned step;

	if (passed > 0) {
		s->missed += (uint64_t)(passed - 1) + (s->owed ? 1 : 0);
		s->slot = clock_add_ns(s->slot, passed * s->interval_ns);
		s->step = step_at(s, now);
		s->owed = s->wanted = true;
		s->late = s->refused = false;
		return SCHEDULE_TICK;
	}
	step = step_at(s, now);
	if (step <= s->step)
		return SCHEDULE_SAME;
	s->step = step;
	s->wanted = true;
	s->refused = false;
	return SCHEDULE_SAMPLE;
}

struct mono
schedule_due(const struct schedule *s)
{
	if (s->step + 1 >= s->steps)
		return next_tick(s);
	return clock_add_ns(s->slot, (s->step + 1) * s->sample_ns);
}

bool
schedule_wants(const struct schedule *s, struct mono now)
{
	return s->polled || s->extra ||
	       (s->owed && !s->refused && in_time(next_tick(s), s->interval_ns, now)) ||
	       (s->wanted && in_time(schedule_due(s), s->sample_ns, now));
}

void
schedule_asked(struct schedule *s, struct mono now)
{
	s->late = !in_time(next_tick(s), s->interval_ns, now);
}

bool
schedule_answered(struct schedule *s)
{
	bool publish = s->polled || (s->owed && !s->late);

	s->wanted = s->extra = false;
	if (publish)
		s->owed = s->polled = false;
	return publish;
}

void
schedule_refused(struct schedule *s)
{
	s->wanted = s->polled = s->extra = false;
	s->refused = true;
}

void
schedule_retry(struct schedule *s)
{
	s->refused = false;
}

void
schedule_set(struct schedule *s, int64_t interval_ns, int64_t sample_ns,
	     struct mono now)
{
	struct mono due = clock_add_ns(s->slot, interval_ns);
	bool begun = clock_diff_ns(s->first, now) <= 0;

	if (!begun)
		due = s->first;
	else if (clock_diff_ns(due, now) < 0)
		due = now;
	divide(s, interval_ns, sample_ns);
	s->slot = clock_add_ns(due, -interval_ns);
	/* The new grid's next sample is the next one; before the first is none. */
	s->step = begun ? step_at(s, now) : s->steps - 1;
}
