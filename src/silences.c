/*
 * silences: see silences.h.
 */
#include "silences.h"

#include <stdlib.h>
#include <string.h>

#include "glob.h"
#include "xalloc.h"

struct entry {
	char *incidents, *targets; /* what silence points to */
	struct silence silence;
};

/* In the order of their ends; of one end in that of their coming. */
struct silences {
	struct entry list[SILENCES_MAX];
	size_t count;
};

struct silences *
silences_new(void)
{
	return xcalloc(1, sizeof(struct silences));
}

void
silences_free(struct silences *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->count; i++) {
		free(s->list[i].incidents);
		free(s->list[i].targets);
	}
	free(s);
}

/* count when there is none. */
static size_t
find(const struct silences *s, const char *incidents, const char *targets)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		if (strcmp(s->list[i].incidents, incidents) == 0 &&
		    strcmp(s->list[i].targets, targets) == 0)
			break;
	}
	return i;
}

static struct entry
take(struct silences *s, size_t i)
{
	struct entry e = s->list[i];

	s->count--;
	memmove(&s->list[i], &s->list[i + 1], (s->count - i) * sizeof(e));
	return e;
}

static void
put(struct silences *s, struct entry e)
{
	size_t i = s->count;

	while (i > 0 && s->list[i - 1].silence.until.ns > e.silence.until.ns)
		i--;
	memmove(&s->list[i + 1], &s->list[i], (s->count - i) * sizeof(e));
	s->list[i] = e;
	s->count++;
}

bool
silences_add(struct silences *s, const char *incidents, const char *targets,
	     struct wall until)
{
	size_t i = find(s, incidents, targets);
	struct entry e;

	if (i < s->count) {
		e = take(s, i);
	} else if (s->count == SILENCES_MAX ||
		   strlen(incidents) > SILENCE_PATTERN_MAX ||
		   strlen(targets) > SILENCE_PATTERN_MAX) {
		return false;
	} else {
		e.incidents = xstrdup(incidents);
		e.targets = xstrdup(targets);
	}
	e.silence = (struct silence){ e.incidents, e.targets, until };
	put(s, e);
	return true;
}

bool
silences_remove(struct silences *s, const char *incidents, const char *targets)
{
	size_t i = find(s, incidents, targets);
	struct entry e;

	if (i == s->count)
		return false;
	e = take(s, i);
	free(e.incidents);
	free(e.targets);
	return true;
}

bool
silences_match(const struct silences *s, const char *incident, const char *target,
	       struct wall now)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct silence *silence = &s->list[i].silence;

		if (silence->until.ns > now.ns &&
		    glob_match(silence->incidents, incident) &&
		    glob_match(silence->targets, target))
			return true;
	}
	return false;
}

bool
silences_expire(struct silences *s, struct wall now)
{
	bool any = false;

	while (s->count > 0 && s->list[0].silence.until.ns <= now.ns) {
		struct entry e = take(s, 0);

		free(e.incidents);
		free(e.targets);
		any = true;
	}
	return any;
}

const struct silence *
silences_at(const struct silences *s, size_t i)
{
	return i < s->count ? &s->list[i].silence : NULL;
}
