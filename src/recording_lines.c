/*
 * recording_lines: see recording_lines.h.
 */
#include "recording_lines.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

size_t
lines_find(struct lines *l, const char *name, size_t len)
{
	for (size_t i = 0; i < l->count; i++) {
		size_t at = (l->next + i) % l->count;

		if (l->line[at].name_len == len &&
		    memcmp(l->line[at].text, name, len) == 0) {
			l->next = at + 1;
			return at;
		}
	}
	return l->count;
}

static char *
copy_of(const char *text, size_t len)
{
	char *copy = xcalloc(len + 1, 1);

	memcpy(copy, text, len);
	return copy;
}

enum set_result
lines_set(struct lines *l, const char *text, size_t len, size_t name_len)
{
	size_t at = lines_find(l, text, name_len);
	size_t old = at < l->count ? l->line[at].len + 1 : 0;
	struct line *line;

	if (at < l->count && old == len + 1 &&
	    memcmp(l->line[at].text, text, len) == 0) {
		l->line[at].seen = true;
		return SET_SAME;
	}
	if (at == RECORDING_LINES_MAX || l->bytes - old + len + 1 > RECORDING_TEXT_MAX)
		return SET_TOO_MUCH;
	if (at == l->room) {
		l->room = l->room > 0 ? 2 * l->room : 64;
		l->line = xrealloc(l->line, l->room, sizeof(l->line[0]));
	}
	line = &l->line[at];
	if (at < l->count)
		free(line->text);
	else
		l->count++;
	*line = (struct line){ copy_of(text, len), len, name_len, true };
	l->bytes += len + 1 - old;
	return SET_CHANGED;
}

void
lines_remove(struct lines *l, size_t at)
{
	l->bytes -= l->line[at].len + 1;
	free(l->line[at].text);
	l->count--;
	memmove(&l->line[at], &l->line[at + 1], (l->count - at) * sizeof(l->line[0]));
}

char *
lines_text(const struct lines *l)
{
	char *text = xcalloc(l->bytes + 1, 1), *p = text;

	for (size_t i = 0; i < l->count; i++) {
		memcpy(p, l->line[i].text, l->line[i].len);
		p += l->line[i].len;
		*p++ = '\n';
	}
	return text;
}

bool
subject_name_ok(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	}
	return len > 0 && len <= SUBJECT_NAME_MAX;
}

struct subject *
subjects_get(struct subjects *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++) {
		size_t at = (s->last + i) % s->count;

		if (strcmp(s->subject[at].name, name) == 0) {
			s->last = at;
			return &s->subject[at];
		}
	}
	if (!subject_name_ok(name) || s->count == RECORDING_TARGETS_MAX)
		return NULL;
	s->subject = xrealloc(s->subject, s->count + 1, sizeof(s->subject[0]));
	s->subject[s->count] = (struct subject){ .name = xstrdup(name) };
	return &s->subject[s->count++];
}

void
subjects_fini(struct subjects *s)
{
	for (size_t i = 0; i < s->count; i++) {
		for (size_t k = 0; k < RECORDING_KINDS; k++) {
			struct lines *l = &s->subject[i].lines[k];

			while (l->count > 0)
				lines_remove(l, l->count - 1);
			free(l->line);
		}
		free(s->subject[i].name);
	}
	free(s->subject);
}
