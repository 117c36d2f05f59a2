/*
 * rules: see rules.h; all but rules_add, which rules_parse.c has.
 */
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "duration.h"
#include "number.h"
#include "size.h"
#include "xalloc.h"

static const struct rules_threshold_info thresholds[] = {
#define X(name, incident, key, unit, preset, help) \
	[T_##name] = { incident, key, help, RULES_##unit, preset },
	RULES_THRESHOLDS(X)
#undef X
};

static const char *const expectations[] = {
	[EXPECT_ANY] = "any", [EXPECT_NONE] = "none", [EXPECT_RDB] = "rdb",
	[EXPECT_AOF] = "aof", [EXPECT_BOTH] = "both",
};

#define EXPECTATIONS (sizeof(expectations) / sizeof(expectations[0]))

static const char *const comparisons[] = {
	[RULES_ABOVE] = ">",	[RULES_BELOW] = "<",	 [RULES_EQUAL] = "=",
	[RULES_UNEQUAL] = "!=", [RULES_AT_LEAST] = ">=", [RULES_AT_MOST] = "<=",
};

const struct rules_threshold_info *
rules_threshold(enum rules_threshold threshold)
{
	return &thresholds[threshold];
}

void
rules_init(struct rules *r)
{
	*r = (struct rules){ .expect = EXPECT_ANY };
	for (size_t i = 0; i < RULES_THRESHOLD_COUNT; i++)
		r->limit[i] = thresholds[i].preset;
}

void
rules_fini(struct rules *r)
{
	for (size_t i = 0; i < r->own_count; i++) {
		free(r->own[i].id);
		free(r->own[i].text);
	}
	free(r->own);
	r->own = NULL;
	r->own_count = 0;
}

void
rules_copy(struct rules *to, const struct rules *from)
{
	*to = *from;
	to->own = xcalloc(from->own_count, sizeof(to->own[0]));
	for (size_t i = 0; i < from->own_count; i++) {
		to->own[i] = from->own[i];
		to->own[i].id = xstrdup(from->own[i].id);
		to->own[i].text = xstrdup(from->own[i].text);
	}
}

/*
 * As text.
 */

const char *
rules_value(char buf[static 32], enum rules_unit unit, double value)
{
	size_t len;

	/* Only a field that is compared may be negative, and that has no unit. */
	if (value < 0)
		return number_text(buf, value);
	switch (unit) {
	case RULES_SECONDS:
		/* Doubles are exact to the millisecond, and that is what is read. */
		return duration_text(buf, (int64_t)(value * 1e3 + 0.5) * NS_PER_MS);
	case RULES_BYTES:
		return size_text(buf, (int64_t)(value + 0.5));
	case RULES_PERCENT:
		number_text(buf, value);
		len = strlen(buf);
		snprintf(buf + len, 32 - len, "%%");
		return buf;
	case RULES_NUMBER:
	case RULES_COUNT:
		break;
	}
	return number_text(buf, value);
}

enum rules_unit
rules_field_unit(enum snapshot_field field)
{
	const char *unit = snapshot_field(field)->unit;

	return strcmp(unit, "s") == 0	      ? RULES_SECONDS
	       : strcmp(unit, "bytes") == 0   ? RULES_BYTES
	       : strcmp(unit, "percent") == 0 ? RULES_PERCENT
					      : RULES_NUMBER;
}

/* "ID NAME=VALUE ..." of those that are no presets; NULL when all are. */
static char *
thresholds_text(const struct rules *r, enum incident incident)
{
	char *text = NULL, value[32];

	for (size_t i = 0; i < RULES_THRESHOLD_COUNT; i++) {
		const struct rules_threshold_info *t = &thresholds[i];
		char *longer;

		if (t->incident != incident || r->limit[i] == t->preset)
			continue;
		longer = xasprintf("%s %s=%s",
				   text != NULL ? text : catalogue_entry(incident)->id,
				   t->name, rules_value(value, t->unit, r->limit[i]));
		free(text);
		text = longer;
	}
	return text;
}

static char *
own_text(const struct rule *rule)
{
	char limit[32], hold[32], during[48] = "";

	if (rule->for_s > 0)
		snprintf(during, sizeof(during), " for %s",
			 rules_value(hold, RULES_SECONDS, rule->for_s));
	return xasprintf("%s %s when %s %s %s%s: %s", rule->id,
			 catalogue_severity(rule->severity),
			 snapshot_field(rule->field)->name,
			 rules_comparison_name(rule->comparison),
			 rules_value(limit, rules_field_unit(rule->field), rule->limit),
			 during, rule->text);
}

char **
rules_texts(const struct rules *r, size_t *count)
{
	char **texts = xcalloc(2 * CATALOGUE_COUNT + RULES_OWN_MAX, sizeof(texts[0]));
	size_t n = 0;

	for (int i = 0; i < CATALOGUE_COUNT; i++) {
		texts[n] = thresholds_text(r, (enum incident)i);
		n += texts[n] != NULL;
		if (r->off[i])
			texts[n++] = xasprintf("%s off",
					       catalogue_entry((enum incident)i)->id);
	}
	for (size_t i = 0; i < r->own_count; i++)
		texts[n++] = own_text(&r->own[i]);
	*count = n;
	return texts;
}

static bool
same_own(const struct rule *a, const struct rule *b)
{
	return strcmp(a->id, b->id) == 0 && strcmp(a->text, b->text) == 0 &&
	       a->severity == b->severity && a->field == b->field &&
	       a->comparison == b->comparison && a->limit == b->limit &&
	       a->for_s == b->for_s;
}

bool
rules_same(const struct rules *a, const struct rules *b)
{
	if (a->expect != b->expect || a->memory_limit_bytes != b->memory_limit_bytes ||
	    a->own_count != b->own_count || memcmp(a->off, b->off, sizeof(a->off)) != 0)
		return false;
	for (int i = 0; i < RULES_THRESHOLD_COUNT; i++) {
		if (a->limit[i] != b->limit[i])
			return false;
	}
	for (size_t i = 0; i < a->own_count; i++) {
		if (!same_own(&a->own[i], &b->own[i]))
			return false;
	}
	return true;
}

bool
rules_expect_parse(const char *name, enum rules_expect *expect)
{
	for (size_t i = 0; i < EXPECTATIONS; i++) {
		if (strcasecmp(name, expectations[i]) == 0) {
			*expect = (enum rules_expect)i;
			return true;
		}
	}
	return false;
}

const char *
rules_expect_name(enum rules_expect expect)
{
	return expectations[expect];
}

bool
rules_compare(enum rules_comparison comparison, double value, double limit)
{
	switch (comparison) {
	case RULES_ABOVE:
		return value > limit;
	case RULES_BELOW:
		return value < limit;
	case RULES_EQUAL:
		return value == limit;
	case RULES_UNEQUAL:
		return value != limit;
	case RULES_AT_LEAST:
		return value >= limit;
	case RULES_AT_MOST:
		return value <= limit;
	}
	return false;
}

const char *
rules_comparison_name(enum rules_comparison comparison)
{
	return comparisons[comparison];
}
