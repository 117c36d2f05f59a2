/*
 * targets_text: see targets_text.h.
 */
#include "targets_text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "log.h"
#include "target_config.h"
#include "xalloc.h"

/*
 * 10,000 targets with twenty labels each are fewer; a tree of so many values takes up
 * to 100 MB, and only while it is read.
 */
#define JSON_VALUES_MAX 500000
#define JSON_LEVELS_MAX 16

#define UNPRINTABLE "it holds something else than printable ASCII"

/* Where something stands, all counted from 1. */
struct place {
	size_t line;	      /* 0: an entry of JSON */
	size_t entry, target; /* target 0: the entry as a whole */
};

/* A target that could be read. */
struct found {
	char *name;
	struct endpoint endpoint;
	struct place place;
	size_t index; /* in the order of the text */
	bool again;   /* its name or its address is that of another one before it */
};

struct reading {
	struct found *found;
	size_t count, max;
	bool full; /* and it was told */
	struct targets_text_report *report;
	size_t told;
};

static const char *
place_text(const struct place *p, char buf[static 64])
{
	if (p->line > 0)
		snprintf(buf, 64, "line %zu", p->line);
	else if (p->target == 0)
		snprintf(buf, 64, "entry %zu", p->entry);
	else
		snprintf(buf, 64, "entry %zu, target %zu", p->entry, p->target);
	return buf;
}

/* place NULL: all of it is wrong. What is told may hold anything: it is escaped. */
static void __attribute__((format(printf, 3, 4)))
complain(struct reading *r, const struct place *place, const char *format, ...)
{
	char reason[512], shown[1024], where[64];
	va_list ap;

	r->report->bad++;
	if (r->told == TARGETS_TEXT_COMPLAINTS)
		return;
	va_start(ap, format);
	vsnprintf(reason, sizeof(reason), format, ap);
	va_end(ap);
	log_escape(shown, sizeof(shown), reason);
	r->report->complaints[r->told++] =
		place != NULL ? xasprintf("%s: %s", place_text(place, where), shown)
			      : xstrdup(shown);
}

/*
 * One target.
 */

static bool
is_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return true;
}

static bool
take_address(struct reading *r, const struct place *place, const char *text,
	     struct endpoint *e)
{
	const char *scheme = strstr(text, "://") == NULL ? "redis://" : "";
	char *uri = xasprintf("%s%s", scheme, text), error[512];
	bool ok = endpoint_parse(e, uri, error, sizeof(error));

	xfree_secret(uri);
	if (!ok) {
		complain(r, place, "%s", error);
		return false;
	}
	/* An empty one, as that of user:@host, is none. */
	if (e->password != NULL && *e->password != '\0') {
		complain(r, place,
			 "a password does not belong here; put it into a file and "
			 "name that in password_file");
		endpoint_fini(e);
		return false;
	}
	free(e->password);
	e->password = NULL;
	return true;
}

/* name NULL: the address; several: the name, and the address behind it. */
static void
take_target(struct reading *r, const struct place *place, const char *address,
	    const char *name, bool several)
{
	struct found new = { .place = *place, .index = r->count };
	char text[ENDPOINT_TEXT_BYTES], error[512];

	if (!take_address(r, place, address, &new.endpoint))
		return;
	endpoint_name(&new.endpoint, text);
	if (name == NULL)
		new.name = xstrdup(text);
	else if (several)
		new.name = xasprintf("%s/%s", name, text);
	else
		new.name = xstrdup(name);
	if (!target_config_name_ok(new.name, error, sizeof(error))) {
		complain(r, place, "name: %s", error);
		free(new.name);
		endpoint_fini(&new.endpoint);
		return;
	}
	/* It is full whenever the count is a power of two. */
	if ((r->count & (r->count - 1)) == 0)
		r->found = xrealloc(r->found, r->count > 0 ? 2 * r->count : 1,
				    sizeof(new));
	r->found[r->count++] = new;
}

/* Whether there is room for one more; what finds none is not even looked at. */
static bool
has_room(struct reading *r, const struct place *place)
{
	if (r->count < r->max)
		return true;
	if (r->full)
		r->report->bad++;
	else
		complain(r, place,
			 "there are more than %zu targets; the rest is left out",
			 r->max);
	r->full = true;
	return false;
}

/*
 * Lines.
 */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
read_line(struct reading *r, const struct place *place, const char *line, size_t len)
{
	char *word[2] = { NULL, NULL };
	size_t words = 0, i = 0;
	bool printable = true;

	for (;; words++) {
		size_t start;

		while (i < len && is_blank(line[i]))
			i++;
		if (i == len || line[i] == '#')
			break;
		start = i;
		while (i < len && !is_blank(line[i]))
			i++;
		printable &= is_printable(line + start, i - start);
		if (words < 2)
			word[words] = xasprintf("%.*s", (int)(i - start), line + start);
	}
	if (words > 0 && has_room(r, place)) {
		if (!printable)
			complain(r, place, UNPRINTABLE);
		else if (words > 2)
			complain(r, place,
				 "found %zu words; an address and a name are allowed",
				 words);
		else
			take_target(r, place, word[0], word[1], false);
	}
	free(word[0]);
	free(word[1]);
}

static void
read_lines(struct reading *r, const char *text, size_t len)
{
	struct place place = { .line = 1 };

	for (size_t i = 0, end; i < len; i = end + 1, place.line++) {
		const char *found = memchr(text + i, '\n', len - i);

		end = found != NULL ? (size_t)(found - text) : len;
		read_line(r, &place, text + i,
			  end - i - (end > i && text[end - 1] == '\r'));
	}
}

/*
 * JSON.
 */

static void
read_entry_target(struct reading *r, const struct place *place, const json_t *target,
		  const char *name, bool several)
{
	const char *text = json_string_value(target);

	if (!has_room(r, place))
		return;
	if (text == NULL)
		complain(r, place, "found %s; a \"string\" is allowed",
			 json_kind(target));
	else if (!is_printable(text, strlen(text)))
		complain(r, place, UNPRINTABLE);
	else
		take_target(r, place, text, name, several);
}

static void
read_entry(struct reading *r, size_t entry, const json_t *o)
{
	const json_t *targets = json_object_get(o, "targets");
	const json_t *labels = json_object_get(o, "labels");
	const json_t *name = json_object_get(labels, "name");
	struct place place = { .entry = entry };
	size_t count = json_array_size(targets);

	if (!json_is_object(o)) {
		complain(r, &place, "found %s; an object { } is allowed", json_kind(o));
	} else if (!json_is_array(targets)) {
		complain(r, &place, "targets: found %s; an array [ ] is allowed",
			 targets != NULL ? json_kind(targets) : "none");
	} else if (labels != NULL && !json_is_object(labels)) {
		complain(r, &place, "labels: found %s; an object { } is allowed",
			 json_kind(labels));
	} else if (name != NULL && !json_is_string(name)) {
		complain(r, &place, "name: found %s; a \"string\" is allowed",
			 json_kind(name));
	} else {
		for (place.target = 1; place.target <= count; place.target++)
			read_entry_target(r, &place,
					  json_array_get(targets, place.target - 1),
					  json_string_value(name), count > 1);
	}
}

static bool
read_json(struct reading *r, const char *text, size_t len)
{
	char error[256];
	json_t *document = json_read(text, len, JSON_LEVELS_MAX, JSON_VALUES_MAX, error,
				     sizeof(error));

	if (document == NULL) {
		complain(r, NULL, "%s", error);
		return false;
	}
	for (size_t i = 0; i < json_array_size(document); i++)
		read_entry(r, i + 1, json_array_get(document, i));
	json_decref(document);
	return true;
}

/* The address of a line may begin with a [, too: [::1]:6379. */
static bool
is_json(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && isspace((unsigned char)text[i]))
		i++;
	return i < len && text[i] == '[' &&
	       (i + 1 == len ||
		(text[i + 1] != ':' && !isxdigit((unsigned char)text[i + 1])));
}

/*
 * What is there twice. Sorted, equals stand side by side, the first one first.
 */

static int
order(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int
compare_names(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int by_name = strcmp(x->name, y->name);

	return by_name != 0 ? by_name : order(x->index, y->index);
}

static int
compare_addresses(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int by_address = endpoint_compare_address(&x->endpoint, &y->endpoint);

	return by_address != 0 ? by_address : order(x->index, y->index);
}

static bool
same_name(const struct found *a, const struct found *b)
{
	return strcmp(a->name, b->name) == 0;
}

static bool
same_address(const struct found *a, const struct found *b)
{
	return endpoint_same_address(&a->endpoint, &b->endpoint);
}

static void
mark_again(struct reading *r, const char *what,
	   int (*compare)(const void *, const void *),
	   bool (*same)(const struct found *, const struct found *))
{
	const struct found *first = NULL;

	if (r->count > 0)
		qsort(r->found, r->count, sizeof(r->found[0]), compare);
	for (size_t i = 0; i < r->count; i++) {
		struct found *f = &r->found[i];
		char where[64];

		if (f->again)
			continue;
		if (first == NULL || !same(first, f)) {
			first = f;
			continue;
		}
		f->again = true;
		complain(r, &f->place, "%s has the same %s",
			 place_text(&first->place, where), what);
	}
}

static void
hand_over(struct reading *r, struct members *members)
{
	for (size_t i = 0; i < r->count; i++) {
		struct found *f = &r->found[i];

		if (f->again)
			endpoint_fini(&f->endpoint);
		else
			members_add(members, f->name, NULL, 0)->endpoint = f->endpoint;
		free(f->name);
	}
	free(r->found);
	members_sort(members);
}

bool
targets_text_parse(const char *text, size_t len, size_t max, struct members *members,
		   struct targets_text_report *report)
{
	static const char mark[] = "\xef\xbb\xbf";
	struct reading r = { .max = max, .report = report };
	bool ok = true;

	*members = (struct members){ 0 };
	*report = (struct targets_text_report){ 0 };
	if (len > TARGETS_TEXT_BYTES_MAX) {
		complain(&r, NULL, "it has %zu bytes; up to %d are allowed", len,
			 TARGETS_TEXT_BYTES_MAX);
		return false;
	}
	/* Some editors mark UTF-8 so. */
	if (len >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0) {
		text += strlen(mark);
		len -= strlen(mark);
	}
	if (is_json(text, len))
		ok = read_json(&r, text, len);
	else
		read_lines(&r, text, len);
	mark_again(&r, "name", compare_names, same_name);
	mark_again(&r, "address", compare_addresses, same_address);
	hand_over(&r, members);
	return ok;
}

void
targets_text_report_fini(struct targets_text_report *report)
{
	for (size_t i = 0; i < TARGETS_TEXT_COMPLAINTS; i++)
		free(report->complaints[i]);
	*report = (struct targets_text_report){ 0 };
}
