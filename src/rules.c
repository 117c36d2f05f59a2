/*
 * rules: see rules.h.
 */
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

bool
rules_add(struct rules *r, const char *text, char *error, size_t size)
{
	(void)r;
	snprintf(error, size, "'%.80s': rules are not read yet", text);
	return false;
}

const char *
rules_value(char buf[static 32], enum rules_unit unit, double value)
{
	(void)unit;
	snprintf(buf, 32, "%.15g", value);
	return buf;
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
