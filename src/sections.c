/*
 * sections: see sections.h.
 */
#include "sections.h"

#include <stdio.h>
#include <string.h>

#define OVERFLOWS_MAX 2

/*
 * Adding a section: a row here, SECTIONS_COUNT, the length of the request for
 * all, and the fields that it brings in snapshot.h. A request stands ready as it
 * is sent.
 */
#define SECTION(length, section)                                              \
	{                                                                     \
		section, "*2\r\n$4\r\nINFO\r\n$" length "\r\n" section "\r\n" \
	}
static const struct {
	const char *name, *request;
} rows[SECTIONS_COUNT] = {
	SECTION("6", "server"),	  SECTION("5", "stats"),
	SECTION("6", "memory"),	  SECTION("11", "replication"),
	SECTION("8", "keyspace"), SECTION("10", "errorstats"),
};

static const char request_for_all[] =
	"*7\r\n$4\r\nINFO\r\n$6\r\nserver\r\n$5\r\nstats\r\n$6\r\nmemory\r\n"
	"$11\r\nreplication\r\n$8\r\nkeyspace\r\n$10\r\nerrorstats\r\n";

static bool
is_dropped(const struct sections *s, unsigned i)
{
	return s->overflows[i] >= OVERFLOWS_MAX;
}

static bool
any_overflowed(const struct sections *s)
{
	for (unsigned i = 0; i < SECTIONS_COUNT; i++) {
		if (s->overflows[i] > 0)
			return true;
	}
	return false;
}

void
sections_renew(struct sections *s)
{
	memset(s->refused, 0, sizeof(s->refused));
	s->apart = any_overflowed(s);
	s->open = false;
}

void
sections_begin(struct sections *s)
{
	s->open = true;
	s->next = 0;
}

const char *
sections_request(struct sections *s, size_t *len)
{
	if (!s->apart && s->next == 0) {
		*len = sizeof(request_for_all) - 1;
		return request_for_all;
	}
	while (s->next < SECTIONS_COUNT &&
	       (s->refused[s->next] || is_dropped(s, s->next)))
		s->next++;
	if (s->next == SECTIONS_COUNT) {
		s->open = false;
		return NULL;
	}
	*len = strlen(rows[s->next].request);
	return rows[s->next].request;
}

void
sections_answered(struct sections *s)
{
	s->next = s->apart ? s->next + 1 : SECTIONS_COUNT;
}

void
sections_refused(struct sections *s)
{
	/* All at once is not understood, or not granted: some may be, alone. */
	if (!s->apart)
		s->apart = true;
	else
		s->refused[s->next++] = true;
}

void
sections_overflowed(struct sections *s)
{
	for (unsigned i = 0; i < SECTIONS_COUNT; i++) {
		if (!s->apart || i == s->next)
			s->overflows[i]++;
	}
	s->apart = true;
	s->open = false;
}

static const char *
names(char buf[static SECTIONS_TEXT_BYTES], const struct sections *s,
      bool is_one(const struct sections *, unsigned))
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < SECTIONS_COUNT; i++) {
		if (is_one(s, i))
			n += (size_t)snprintf(buf + n, SECTIONS_TEXT_BYTES - n, "%s %s",
					      n == 0 ? "INFO" : "", rows[i].name);
	}
	return buf;
}

static bool
is_refused(const struct sections *s, unsigned i)
{
	return s->refused[i];
}

const char *
sections_refused_text(char buf[static SECTIONS_TEXT_BYTES], const struct sections *s)
{
	return names(buf, s, is_refused);
}

const char *
sections_dropped_text(char buf[static SECTIONS_TEXT_BYTES], const struct sections *s)
{
	return names(buf, s, is_dropped);
}
