/*
 * rules_parse: rules_add of rules.h; one text of the option `incidents`.
 *
 * The three forms differ by what follows the first word: off or on, NAME=VALUE,
 * or the severity of an own row.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "duration.h"
#include "glob.h"
#include "nearest.h"
#include "number.h"
#include "rules.h"
#include "size.h"
#include "xalloc.h"

#define OWN_FORM "ID SEVERITY when FIELD OP LIMIT [for DURATION]: TEXT"
#define ID_CHARS "abcdefghijklmnopqrstuvwxyz0123456789_.-"
#define BLANKS " \t"

struct parsing {
	struct rules *rules;
	char head[RULES_TEXT_MAX + 1]; /* what is not read yet begins at `at` */
	char *at;
	char *error;
	size_t error_size;
};

static bool __attribute__((format(printf, 2, 3)))
fail(struct parsing *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(p->error, p->error_size, format, ap);
	va_end(ap);
	return false;
}

/* The next word; "" past the last. */
static char *
next_word(struct parsing *p)
{
	char *word = p->at + strspn(p->at, BLANKS);

	p->at = word + strcspn(word, BLANKS);
	if (*p->at != '\0')
		*p->at++ = '\0';
	return word;
}

/* Says that name is unknown, and what of known it may mean; else all of them. */
static bool
fail_unknown(struct parsing *p, const char *what, const char *name,
	     const char *const known[], size_t count, bool list)
{
	const char *nearest = nearest_of(name, known, count);
	size_t len;

	if (nearest != NULL)
		return fail(p, "'%.64s' is %s; did you mean '%s'?", name, what,
			    nearest);
	fail(p, "'%.64s' is %s%s", name, what, list ? "; there is:" : "");
	for (size_t i = 0; list && i < count; i++) {
		len = strlen(p->error);
		snprintf(p->error + len, p->error_size - len, "%s %s", i > 0 ? "," : "",
			 known[i]);
	}
	return false;
}

/*
 * Values.
 */

/* Whole grains of that many nanoseconds. */
static bool
grains_parse(const char *text, int64_t grain_ns, double *grains)
{
	int64_t ns;

	if (!duration_parse(text, &ns) || ns % grain_ns != 0)
		return false;
	ns /= grain_ns;
	*grains = (double)ns;
	return true;
}

static bool
seconds_parse(const char *text, double *seconds)
{
	double ms;

	if (!grains_parse(text, NS_PER_MS, &ms))
		return false;
	*seconds = ms / 1e3;
	return true;
}

static bool
percent_parse(const char *text, double *percent)
{
	size_t len = strcspn(text, "%");
	char number[32];

	if (len >= sizeof(number) || strlen(text) > len + 1)
		return false;
	snprintf(number, sizeof(number), "%.*s", (int)len, text);
	return number_parse(number, percent) && *percent >= 0 && *percent <= 100;
}

static bool
value_parse(struct parsing *p, const char *what, enum rules_unit unit, const char *text,
	    double *value)
{
	int64_t bytes;

	switch (unit) {
	case RULES_SECONDS:
		return seconds_parse(text, value) ||
		       fail(p,
			    "%s: '%.40s' is no time from 0 to 10000d in whole "
			    "milliseconds (units: ms s m h d)",
			    what, text);
	case RULES_BYTES:
		if (!size_parse(text, &bytes))
			return fail(p,
				    "%s: '%.40s' is no whole number of bytes up to "
				    "8192TiB (units: " SIZE_UNITS ")",
				    what, text);
		*value = (double)bytes;
		return true;
	case RULES_NUMBER:
		return (number_parse(text, value) && *value >= 0) ||
		       fail(p, "%s: '%.40s' is no number from 0, of up to %d digits",
			    what, text, NUMBER_DIGITS_MAX);
	case RULES_PERCENT:
		return percent_parse(text, value) ||
		       fail(p, "%s: '%.40s' is no percentage from 0 to 100", what,
			    text);
	case RULES_COUNT:
		return (number_parse(text, value) && strchr(text, '.') == NULL &&
			*value >= 1) ||
		       fail(p, "%s: '%.40s' is no whole number from 1", what, text);
	}
	return false;
}

/* The limit of an own row, in the field's unit. */
static bool
limit_parse(struct parsing *p, enum snapshot_field field, const char *text,
	    double *limit)
{
	const struct snapshot_field_info *info = snapshot_field(field);

	/* Some fields are -1 when there is nothing to tell. */
	if (number_parse(text, limit) && *limit < 0)
		return true;
	if (strcmp(info->unit, "us") == 0 && !number_parse(text, limit))
		return grains_parse(text, NS_PER_MS / 1000, limit) ||
		       fail(p,
			    "%s: '%.40s' is neither a number of microseconds nor a "
			    "time (units: ms s m h d)",
			    info->name, text);
	if (info->type == SNAPSHOT_STATUS && !number_parse(text, limit))
		return fail(p,
			    "%s: '%.40s' is no number; 1 is ok or up, 0 anything else",
			    info->name, text);
	return value_parse(p, info->name, rules_field_unit(field), text, limit);
}

/*
 * Names.
 */

static void
free_rule(struct rule *rule)
{
	free(rule->id);
	free(rule->text);
}

static struct rule *
own_find(const struct rules *r, const char *id)
{
	for (size_t i = 0; i < r->own_count; i++) {
		if (strcmp(r->own[i].id, id) == 0)
			return &r->own[i];
	}
	return NULL;
}

static bool
fail_unknown_incident(struct parsing *p, const char *id)
{
	const char *known[CATALOGUE_COUNT + RULES_OWN_MAX];
	size_t count = 0;

	for (int i = 0; i < CATALOGUE_COUNT; i++)
		known[count++] = catalogue_entry((enum incident)i)->id;
	for (size_t i = 0; i < p->rules->own_count; i++)
		known[count++] = p->rules->own[i].id;
	return fail_unknown(p, "no incident", id, known, count, false);
}

/*
 * ID off, ID on.
 */

static void
own_remove(struct rules *r, size_t i)
{
	free_rule(&r->own[i]);
	r->own_count--;
	memmove(&r->own[i], &r->own[i + 1], (r->own_count - i) * sizeof(r->own[0]));
}

static bool
add_switch(struct parsing *p, const char *pattern, bool off)
{
	struct rules *r = p->rules;
	const char *rest = next_word(p);
	bool found = false;

	if (*rest != '\0')
		return fail(p, "found '%.40s' behind '%s', where nothing may stand",
			    rest, off ? "off" : "on");
	for (int i = 0; i < CATALOGUE_COUNT; i++) {
		if (glob_match(pattern, catalogue_entry((enum incident)i)->id)) {
			r->off[i] = off;
			found = true;
		}
	}
	for (size_t i = r->own_count; i-- > 0;) {
		if (!glob_match(pattern, r->own[i].id))
			continue;
		found = true;
		if (off)
			own_remove(r, i);
	}
	if (found)
		return true;
	if (strpbrk(pattern, "*?[\\") != NULL)
		return fail(p, "no incident matches '%.64s'", pattern);
	return fail_unknown_incident(p, pattern);
}

/*
 * ID NAME=VALUE ...
 */

static bool
fail_unknown_threshold(struct parsing *p, enum incident incident, const char *name)
{
	const char *known[RULES_THRESHOLD_COUNT], *id = catalogue_entry(incident)->id;
	char what[96];
	size_t count = 0;

	for (int i = 0; i < RULES_THRESHOLD_COUNT; i++) {
		if (rules_threshold((enum rules_threshold)i)->incident == incident)
			known[count++] = rules_threshold((enum rules_threshold)i)->name;
	}
	if (count == 0)
		return fail(p, "'%.64s': %s has no thresholds; it takes off and on",
			    name, id);
	snprintf(what, sizeof(what), "no threshold of %s", id);
	return fail_unknown(p, what, name, known, count, true);
}

/* RULES_THRESHOLD_COUNT when it has none of that name. */
static int
threshold_find(enum incident incident, const char *name)
{
	int i;

	for (i = 0; i < RULES_THRESHOLD_COUNT; i++) {
		const struct rules_threshold_info *t =
			rules_threshold((enum rules_threshold)i);

		if (t->incident == incident && strcmp(t->name, name) == 0)
			break;
	}
	return i;
}

/* A warning above what is critical already would never be seen. */
static bool
check_order(struct parsing *p, enum incident incident, const double *limit)
{
	int warning = threshold_find(incident, "warning");
	int critical = threshold_find(incident, "critical");
	char low[32], high[32];
	enum rules_unit unit;

	if (warning == RULES_THRESHOLD_COUNT || critical == RULES_THRESHOLD_COUNT ||
	    limit[warning] <= limit[critical])
		return true;
	unit = rules_threshold((enum rules_threshold)warning)->unit;
	return fail(p,
		    "warning=%s is above critical=%s; say both, and warning no higher "
		    "than critical",
		    rules_value(low, unit, limit[warning]),
		    rules_value(high, unit, limit[critical]));
}

static bool
add_thresholds(struct parsing *p, const char *id, char *word)
{
	double limit[RULES_THRESHOLD_COUNT];
	enum incident incident;

	if (strpbrk(id, "*?[\\") != NULL)
		return fail(p,
			    "'%.64s' is a pattern; that takes off and on, and "
			    "thresholds are of one incident",
			    id);
	if (own_find(p->rules, id) != NULL)
		return fail(p, "'%.64s' is an own row; say it anew: " OWN_FORM, id);
	if (!catalogue_find(id, &incident))
		return fail_unknown_incident(p, id);
	memcpy(limit, p->rules->limit, sizeof(limit));
	for (; *word != '\0'; word = next_word(p)) {
		char *value = strchr(word, '=');
		int i;

		if (value == NULL)
			return fail(p, "found '%.40s'; NAME=VALUE is allowed", word);
		*value++ = '\0';
		i = threshold_find(incident, word);
		if (i == RULES_THRESHOLD_COUNT)
			return fail_unknown_threshold(p, incident, word);
		if (!value_parse(p, word,
				 rules_threshold((enum rules_threshold)i)->unit, value,
				 &limit[i]))
			return false;
	}
	if (!check_order(p, incident, limit))
		return false;
	memcpy(p->rules->limit, limit, sizeof(limit));
	return true;
}

/*
 * ID SEVERITY when FIELD OP LIMIT [for DURATION]: TEXT
 */

static bool
own_id_ok(struct parsing *p, const char *id)
{
	size_t len = strlen(id);
	const char *dot = strchr(id, '.');
	enum incident incident;

	if (catalogue_find(id, &incident))
		return fail(p,
			    "'%s' is one of pinfod's own incidents; an own row has "
			    "another name",
			    id);
	if (len > RULES_OWN_ID_MAX)
		return fail(p, "the name of an own row has up to %d bytes, and not %zu",
			    RULES_OWN_ID_MAX, len);
	if (id[strspn(id, ID_CHARS)] != '\0')
		return fail(p,
			    "'%s': the name of an own row is made of a-z, 0-9, '_', "
			    "'-' and '.'",
			    id);
	if (dot == NULL || dot == id || id[len - 1] == '.')
		return fail(p, "'%s': the name of an own row has a dot in its midst",
			    id);
	return true;
}

static bool
field_parse(struct parsing *p, enum snapshot_field *field)
{
	const char *known[SNAPSHOT_FIELD_COUNT];
	char *start = p->at + strspn(p->at, BLANKS);
	size_t len = strcspn(start, BLANKS "<>=!");
	char name[RULES_TEXT_MAX + 1];

	p->at = start + len;
	snprintf(name, sizeof(name), "%.*s", (int)len, start);
	if (snapshot_field_find(name, field))
		return true;
	for (int i = 0; i < SNAPSHOT_FIELD_COUNT; i++)
		known[i] = snapshot_field((enum snapshot_field)i)->name;
	return fail_unknown(p, "no field that pinfod understands", name, known,
			    SNAPSHOT_FIELD_COUNT, false);
}

static bool
comparison_parse(struct parsing *p, enum rules_comparison *comparison)
{
	char *start = p->at + strspn(p->at, BLANKS);
	size_t len = strspn(start, "<>=!");

	p->at = start + len;
	for (int i = 0; i <= RULES_AT_MOST; i++) {
		const char *name = rules_comparison_name((enum rules_comparison)i);

		if (strlen(name) == len && strncmp(name, start, len) == 0) {
			*comparison = (enum rules_comparison)i;
			return true;
		}
	}
	return fail(p, "found '%.20s'; a comparison is allowed: > >= < <= = !=", start);
}

/* What stands before the colon, from the severity on. */
static bool
condition_parse(struct parsing *p, const char *severity, struct rule *rule)
{
	static const char *const severities[] = { "info", "warning", "critical" };
	const char *word;

	if (!catalogue_severity_parse(severity, &rule->severity) ||
	    rule->severity == SEVERITY_NONE)
		return fail_unknown(p, "no severity", severity, severities, 3, true);
	word = next_word(p);
	if (strcmp(word, "when") != 0)
		return fail(p, "found '%.40s' where 'when' belongs: " OWN_FORM, word);
	if (!field_parse(p, &rule->field) || !comparison_parse(p, &rule->comparison) ||
	    !limit_parse(p, rule->field, next_word(p), &rule->limit))
		return false;
	word = next_word(p);
	if (*word == '\0')
		return true;
	if (strcmp(word, "for") != 0)
		return fail(p, "found '%.40s' where 'for' or ':' belongs: " OWN_FORM,
			    word);
	if (!value_parse(p, "for", RULES_SECONDS, next_word(p), &rule->for_s))
		return false;
	word = next_word(p);
	return *word == '\0' ||
	       fail(p, "found '%.40s' where ':' belongs: " OWN_FORM, word);
}

static bool
add_own(struct parsing *p, const char *id, const char *severity, char *text)
{
	struct rules *r = p->rules;
	struct rule rule = { 0 }, *old;

	if (!own_id_ok(p, id) || !condition_parse(p, severity, &rule))
		return false;
	if (text == NULL || *text == '\0')
		return fail(p, "it does not say what it means: " OWN_FORM);
	if (strlen(text) > RULES_OWN_TEXT_MAX)
		return fail(p, "its text has %zu bytes; up to %d are allowed",
			    strlen(text), RULES_OWN_TEXT_MAX);
	old = own_find(r, id);
	if (old == NULL && r->own_count == RULES_OWN_MAX)
		return fail(p, "'%s' is one too many; up to %d own rows are allowed",
			    id, RULES_OWN_MAX);
	rule.id = xstrdup(id);
	rule.text = xstrdup(text);
	if (old != NULL) {
		free_rule(old);
		*old = rule;
		return true;
	}
	r->own = xrealloc(r->own, r->own_count + 1, sizeof(r->own[0]));
	r->own[r->own_count++] = rule;
	return true;
}

/* Behind the colon that ends the head, without blanks around it; NULL: no colon. */
static char *
cut_text(char *head)
{
	char *text = strchr(head, ':');
	size_t len;

	if (text == NULL)
		return NULL;
	*text++ = '\0';
	text += strspn(text, BLANKS);
	for (len = strlen(text); len > 0 && strchr(BLANKS, text[len - 1]) != NULL;)
		text[--len] = '\0';
	return text;
}

bool
rules_add(struct rules *r, const char *text, char *error, size_t size)
{
	struct parsing p = { .rules = r, .error = error, .error_size = size };
	char *id, *word, *meaning;
	enum severity severity;

	if (strlen(text) > RULES_TEXT_MAX)
		return fail(&p, "it has %zu bytes; up to %d are allowed", strlen(text),
			    RULES_TEXT_MAX);
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' && *c != '\t')
			return fail(&p, "it holds a control character");
	}
	snprintf(p.head, sizeof(p.head), "%s", text);
	p.at = p.head;
	meaning = cut_text(p.head);
	id = next_word(&p);
	word = next_word(&p);
	if (meaning != NULL || catalogue_severity_parse(word, &severity))
		return add_own(&p, id, word, meaning);
	if (strcmp(word, "off") == 0 || strcmp(word, "on") == 0)
		return add_switch(&p, id, strcmp(word, "off") == 0);
	if (strchr(word, '=') != NULL)
		return add_thresholds(&p, id, word);
	return fail(&p,
		    "found '%.40s' behind the name; there is: off, on, NAME=VALUE of a "
		    "threshold, or " OWN_FORM,
		    word);
}
