/*
 * snapshot: see snapshot.h.
 */
#include "snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct snapshot_field_info fields[] = {
#define X(part_, name_, type_, unit_, help_) \
	[F_##name_] = {                      \
		.name = #name_,              \
		.unit = (unit_),             \
		.help = (help_),             \
		.part = SNAPSHOT_##part_,    \
		.type = SNAPSHOT_##type_,    \
		.len = sizeof(#name_) - 1,   \
	},
	SNAPSHOT_FIELDS(X)
#undef X
};

/* A line of INFO, `key:value`, without its end. */
struct line {
	const char *key, *value;
	size_t key_len, value_len;
};

const struct snapshot_field_info *
snapshot_field(enum snapshot_field field)
{
	return &fields[field];
}

static bool
is_key(const struct line *l, const char *key, size_t len)
{
	return l->key_len == len && memcmp(l->key, key, len) == 0;
}

/* Where the list has the fields of each part: the narrow ones come first. */
struct range {
	unsigned begin, end;
};

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a sum, summand by summand. */
#define X(part, name, type, unit, help) +(SNAPSHOT_##part == SNAPSHOT_NARROW)
enum { NARROW_COUNT = 0 SNAPSHOT_FIELDS(X) };
#undef X

static const struct range whole = { 0, SNAPSHOT_FIELD_COUNT };
static const struct range narrow = { 0, NARROW_COUNT };
static const struct range wide = { NARROW_COUNT, SNAPSHOT_FIELD_COUNT };

/*
 * Servers send the fields in the order of the list, so the next one is most
 * often the one after the last: *from is where to begin, and is moved. A field
 * that we do not know costs a look at each length and last letter.
 */
static bool
find(const struct line *l, struct range in, enum snapshot_field *from)
{
	char last = l->key_len > 0 ? l->key[l->key_len - 1] : '\0';

	for (unsigned n = in.begin, i = *from; n < in.end; n++, i++) {
		const struct snapshot_field_info *f;

		if (i == in.end)
			i = in.begin;
		f = &fields[i];
		if (f->len == l->key_len && f->name[f->len - 1] == last &&
		    memcmp(l->key, f->name, f->len) == 0) {
			*from = (enum snapshot_field)i;
			return true;
		}
	}
	return false;
}

bool
snapshot_field_find(const char *name, enum snapshot_field *field)
{
	struct line l = { .key = name, .key_len = strlen(name) };

	*field = 0;
	return find(&l, whole, field);
}

/* Nearly all are whole numbers, for which strtod would be most of the work. */
static bool
take_whole(const char *p, size_t len, double *value)
{
	bool negative = len > 0 && *p == '-';
	int64_t n = 0;

	if (len - negative == 0 || len > 16)
		return false;
	for (size_t i = negative; i < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		n = n * 10 + (p[i] - '0');
	}
	*value = (double)(negative ? -n : n);
	return true;
}

/* False when the bytes are anything but one number. */
static bool
take_number(const char *p, size_t len, double *value)
{
	char text[32], *end;

	if (take_whole(p, len, value))
		return true;
	if (len == 0 || len >= sizeof(text))
		return false;
	memcpy(text, p, len);
	text[len] = '\0';
	if (text[strspn(text, "+-.0123456789eE")] != '\0')
		return false;
	*value = strtod(text, &end);
	return *end == '\0';
}

static void
set(struct snapshot *s, enum snapshot_field field, double value)
{
	s->value[field] = value;
	s->present[field] = true;
}

static void
take_text(const struct line *l, char *out, size_t size)
{
	snprintf(out, size, "%.*s", (int)l->value_len, l->value);
}

/* The number behind `name=` in a value like "keys=5,expires=0"; 0: none. */
static double
number_in(const struct line *l, const char *name)
{
	size_t len = strlen(name);
	const char *p = l->value, *end = l->value + l->value_len;
	double value = 0;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma != NULL ? comma : end;

		if ((size_t)(stop - p) > len && memcmp(p, name, len) == 0 &&
		    take_number(p + len, (size_t)(stop - p) - len, &value))
			return value;
		p = stop + 1;
	}
	return 0;
}

static bool
holds(const struct line *l, const char *text)
{
	return memmem(l->value, l->value_len, text, strlen(text)) != NULL;
}

static bool
begins(const struct line *l, const char *prefix)
{
	size_t len = strlen(prefix);

	return l->key_len > len && memcmp(l->key, prefix, len) == 0 &&
	       l->key[len] >= '0' && l->key[len] <= '9';
}

/* Lines that are not a field of that name by themselves. */
static void
take_other(struct snapshot *s, const struct line *l)
{
	static const char misconf[] = "errorstat_MISCONF";

	if (is_key(l, "run_id", 6))
		take_text(l, s->run_id, sizeof(s->run_id));
	else if (is_key(l, "role", 4))
		take_text(l, s->role, sizeof(s->role));
	else if (is_key(l, "master_replid", 13))
		take_text(l, s->replication_id, sizeof(s->replication_id));
	else if (is_key(l, "redis_version", 13))
		take_text(l, s->version, sizeof(s->version));
	else if (is_key(l, misconf, sizeof(misconf) - 1))
		set(s, F_errorstat_MISCONF, number_in(l, "count="));
	else if (begins(l, "db"))
		set(s, F_keys, snapshot_get(s, F_keys) + number_in(l, "keys="));
	else if (begins(l, "slave") &&
		 (holds(l, "state=wait_bgsave") || holds(l, "state=send_bulk")))
		set(s, F_replicas_syncing, snapshot_get(s, F_replicas_syncing) + 1);
}

/* "3600 1 300 100": pairs of seconds and changes; "" is known, and none. */
static void
take_save_points(struct snapshot *s, const struct line *l)
{
	char text[512], *rest, *word;
	unsigned n = 0;

	take_text(l, text, sizeof(text));
	s->save_point_count = 0;
	s->save_points_known = true;
	for (word = strtok_r(text, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest)) {
		struct save_point *p = &s->save_points[n / 2];
		double value;

		if (n / 2 == SNAPSHOT_SAVE_POINTS_MAX ||
		    !take_number(word, strlen(word), &value))
			break;
		if (n++ % 2 == 0)
			p->seconds = value;
		else
			p->changes = value;
	}
	s->save_point_count = n / 2;
}

static void
take_line(struct snapshot *s, enum snapshot_part part, const struct line *l,
	  enum snapshot_field *from)
{
	double value;

	if (part == SNAPSHOT_CONFIG) {
		if (is_key(l, "save", 4))
			take_save_points(s, l);
	} else if (!find(l, part == SNAPSHOT_WIDE ? wide : narrow, from) ||
		   fields[*from].type == SNAPSHOT_SUM) {
		if (part == SNAPSHOT_WIDE)
			take_other(s, l);
	} else if (fields[*from].type == SNAPSHOT_STATUS) {
		set(s, *from, holds(l, "ok") || holds(l, "up"));
	} else if (take_number(l->value, l->value_len, &value)) {
		set(s, *from, value);
	}
}

void
snapshot_clear(struct snapshot *s, enum snapshot_part part)
{
	for (size_t i = 0; i < SNAPSHOT_FIELD_COUNT; i++) {
		if (fields[i].part == part)
			s->present[i] = false;
	}
	if (part == SNAPSHOT_CONFIG)
		s->save_points_known = false;
	if (part == SNAPSHOT_WIDE)
		s->run_id[0] = s->role[0] = s->replication_id[0] = s->version[0] = '\0';
}

/* An empty data set has no line in the section: it says so by its heading. */
static void
note_heading(struct snapshot *s, const char *p, size_t len)
{
	static const struct {
		const char *text;
		enum snapshot_field field;
	} headings[] = {
		{ "# Keyspace", F_keys },
		{ "# Errorstats", F_errorstat_MISCONF },
		{ "# Replication", F_replicas_syncing },
	};

	for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++) {
		if (len >= strlen(headings[i].text) &&
		    memcmp(p, headings[i].text, strlen(headings[i].text)) == 0 &&
		    !s->present[headings[i].field])
			set(s, headings[i].field, 0);
	}
}

void
snapshot_add(struct snapshot *s, enum snapshot_part part, const char *text, size_t len)
{
	enum snapshot_field from = part == SNAPSHOT_WIDE ? wide.begin : narrow.begin;
	const char *end = text + len, *p = text;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl != NULL ? nl : end, *colon;
		size_t n = (size_t)(stop - p);

		if (n > 0 && p[n - 1] == '\r')
			n--;
		colon = memchr(p, ':', n);
		if (n > 0 && *p == '#') {
			note_heading(s, p, n);
		} else if (colon != NULL) {
			struct line l = {
				.key = p,
				.key_len = (size_t)(colon - p),
				.value = colon + 1,
				.value_len = n - (size_t)(colon - p) - 1,
			};

			take_line(s, part, &l, &from);
		}
		p = stop + 1;
	}
}

void
snapshot_parse(struct snapshot *s, enum snapshot_part part, const char *text,
	       size_t len)
{
	snapshot_clear(s, part);
	snapshot_add(s, part, text, len);
}
