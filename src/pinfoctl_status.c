/*
 * status: one row a target, and below it what is wrong. No cell has blanks in it, so
 * that awk can tell them; a cell without a value is "-". Programs take --json.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "duration.h"
#include "json.h"
#include "pinfoctl.h"
#include "pinfoctl_say.h"
#include "pinfoctl_view.h"
#include "pinfoctl_wire.h"
#include "xalloc.h"

/*
 * The cells. Each returns a text that the caller frees.
 */

static char *
span(double seconds)
{
	char buf[32];

	return seconds < 0 ? xstrdup("-")
			   : xstrdup(say_span(buf, sizeof(buf), seconds));
}

static char *
count(double n)
{
	return n < 0 ? xstrdup("-") : xasprintf("%.0f", n);
}

static char *
name_cell(const struct view_target *t)
{
	return xstrdup(t->name);
}

static char *
state_cell(const struct view_target *t)
{
	return xstrdup(t->state);
}

static char *
since_cell(const struct view_target *t)
{
	return span(t->since_s);
}

static char *
server_cell(const struct view_target *t)
{
	if (t->server == NULL)
		return xstrdup("-");
	return xasprintf("%s-%s", t->server,
			 t->server_version ? t->server_version : "?");
}

static char *
interval_cell(const struct view_target *t)
{
	char text[32];

	if (t->interval_s < 0 || t->interval_s > 1e6)
		return xstrdup("-");
	return xasprintf("%ss", duration_seconds(text, (int64_t)(t->interval_s * 1e3) *
							       NS_PER_MS));
}

static char *
published_cell(const struct view_target *t)
{
	return count(t->published);
}

static char *
missed_cell(const struct view_target *t)
{
	return count(t->missed);
}

static char *
dropped_cell(const struct view_target *t)
{
	return count(t->dropped);
}

static char *
last_cell(const struct view_target *t)
{
	return span(t->last_sample_age_s);
}

/* "2w" for warnings, "1c" for critical ones, "1c+2w". */
static char *
open_cell(const struct view_target *t)
{
	if (t->critical < 0 || t->warning < 0)
		return xstrdup("-");
	if (t->critical > 0 && t->warning > 0)
		return xasprintf("%.0fc+%.0fw", t->critical, t->warning);
	if (t->critical + t->warning > 0)
		return xasprintf("%.0f%s", t->critical + t->warning,
				 t->critical > 0 ? "c" : "w");
	return xstrdup("0");
}

static char *
role_cell(const struct view_target *t)
{
	return xstrdup(t->role != NULL && strchr(t->role, ' ') == NULL ? t->role : "-");
}

/* A socket's path may have blanks. */
static char *
address_cell(const struct view_target *t)
{
	return xstrdup(strchr(t->address, ' ') == NULL ? t->address : "-");
}

/*
 * The table. Where the terminal is too narrow for a row, columns are left out, the
 * one with the highest `spare` first; 0: never.
 */
static const struct column {
	const char *title;
	char *(*cell)(const struct view_target *target);
	bool to_the_right;
	int spare;
} columns[] = {
	{ "TARGET", name_cell, false, 0 },   { "STATE", state_cell, false, 0 },
	{ "SINCE", since_cell, true, 1 },    { "SERVER", server_cell, false, 5 },
	{ "EVERY", interval_cell, true, 4 }, { "PUBLISHED", published_cell, true, 2 },
	{ "MISSED", missed_cell, true, 0 },  { "DROPPED", dropped_cell, true, 0 },
	{ "LAST", last_cell, true, 0 },	     { "OPEN", open_cell, true, 0 },
	{ "ROLE", role_cell, false, 3 },     { "ADDRESS", address_cell, false, 6 },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))
#define STATE_COLUMN 1
#define SPARE_MAX 6

struct table {
	char *(*rows)[COLUMNS];
	size_t count;
	size_t width[COLUMNS]; /* 0: left out */
	int gap;
};

static size_t
table_width(const struct table *t)
{
	size_t width = 0;

	for (size_t c = 0; c < COLUMNS; c++)
		width += t->width[c] > 0 ? t->width[c] + (size_t)t->gap : 0;
	return width - (size_t)t->gap;
}

static void
table_fit(struct table *t, unsigned width)
{
	for (size_t c = 0; c < COLUMNS; c++) {
		t->width[c] = strlen(columns[c].title);
		for (size_t r = 0; r < t->count; r++) {
			size_t len = strlen(t->rows[r][c]);

			if (len > t->width[c])
				t->width[c] = len;
		}
	}
	t->gap = 2;
	if (width == 0 || table_width(t) <= width)
		return;
	t->gap = 1;
	for (int spare = SPARE_MAX; spare > 0 && table_width(t) > width; spare--) {
		for (size_t c = 0; c < COLUMNS; c++) {
			if (columns[c].spare == spare)
				t->width[c] = 0;
		}
	}
}

static enum say_colour
state_colour(const struct view_target *t)
{
	if (view_is_bad(t))
		return strcmp(t->state, "busy") == 0 ? SAY_YELLOW : SAY_RED;
	if (view_publish_is_bad(t) || strcmp(t->state, "up") != 0)
		return SAY_YELLOW;
	return SAY_GREEN;
}

/* target is NULL for the titles. */
static void
print_row(const struct table *t, char *const cells[], const struct view_target *target)
{
	int pending = 0; /* blanks, so that none ends a line */

	for (size_t c = 0; c < COLUMNS; c++) {
		const char *cell = cells ? cells[c] : columns[c].title;
		bool coloured = target != NULL && c == STATE_COLUMN;
		int fill;

		if (t->width[c] == 0)
			continue;
		fill = (int)(t->width[c] - strlen(cell));
		if (columns[c].to_the_right)
			pending += fill;
		printf("%*s%s%s%s", pending, "",
		       coloured ? say_colour(state_colour(target)) : "", cell,
		       coloured ? say_colour(SAY_PLAIN) : "");
		pending = t->gap + (columns[c].to_the_right ? 0 : fill);
	}
	putchar('\n');
}

static void
print_table(const struct view *v)
{
	struct table t = { .count = v->count };

	t.rows = xcalloc(v->count + 1, sizeof(t.rows[0]));
	for (size_t r = 0; r < v->count; r++) {
		for (size_t c = 0; c < COLUMNS; c++)
			t.rows[r][c] = columns[c].cell(&v->targets[r]);
	}
	table_fit(&t, say_width());
	print_row(&t, NULL, NULL);
	for (size_t r = 0; r < v->count; r++)
		print_row(&t, t.rows[r], &v->targets[r]);
	for (size_t r = 0; r < v->count; r++) {
		for (size_t c = 0; c < COLUMNS; c++)
			free(t.rows[r][c]);
	}
	free(t.rows);
}

/*
 * Around the table.
 */

static void
print_reason(const struct view_target *t, char *reason, enum say_colour colour)
{
	printf("%s%s%s", say_colour(colour), t->name, say_colour(SAY_PLAIN));
	if (strcmp(t->name, t->address) != 0)
		printf(" (%s)", t->address);
	printf(": %s\n", reason);
	free(reason);
}

static void
print_reasons(const struct view *v)
{
	bool first = true;

	for (size_t i = 0; i < v->count; i++) {
		const struct view_target *t = &v->targets[i];
		bool state = view_is_bad(t) || t->reason != NULL;
		bool publish = view_publish_is_bad(t);

		if ((state || publish) && first)
			putchar('\n');
		first = first && !state && !publish;
		if (state)
			print_reason(t, view_state_text(t), state_colour(t));
		if (publish)
			print_reason(t, view_publish_text(t), SAY_YELLOW);
	}
}

static void
print_groups(const struct view *v)
{
	for (size_t i = 0; i < v->group_count; i++) {
		const struct view_group *g = &v->groups[i];
		char *text = view_group_text(g);
		bool well = g->settled && g->trouble == NULL && g->targets > 0;

		printf("%s%sgroup %s%s: %s\n", i == 0 && v->count > 0 ? "\n" : "",
		       say_colour(well ? SAY_PLAIN : SAY_YELLOW), g->name,
		       say_colour(SAY_PLAIN), text);
		free(text);
	}
}

static void
print_status(const struct view *v, bool all)
{
	char up[CLOCK_SPAN_BYTES];

	if (all)
		printf("pinfod %s, pid %.0f, up %s, %zu target%s\n\n", v->version,
		       v->pid, clock_span(up, v->uptime_s), v->count,
		       v->count == 1 ? "" : "s");
	if (v->count > 0)
		print_table(v);
	print_reasons(v);
	if (all)
		print_groups(v);
	if (v->config_error != NULL)
		printf("\n%sthe last RELOAD failed%s, nothing has changed: %s\n",
		       say_colour(SAY_RED), say_colour(SAY_PLAIN), v->config_error);
}

static int
status_json(const struct pinfoctl *ctl)
{
	struct wire *wire;
	struct trouble trouble;
	json_t *json = NULL;

	wire = wire_open(ctl, &trouble);
	if (wire != NULL)
		json = view_ask(wire, ctl->argc > 0 ? ctl->argv[0] : NULL, &trouble);
	wire_close(wire);
	if (json == NULL)
		return say_trouble(ctl, &trouble);
	say_json(json);
	return EXIT_DONE;
}

int
status_run(const struct pinfoctl *ctl)
{
	struct trouble trouble;
	struct view view;

	if (ctl->json)
		return status_json(ctl);
	if (!view_get(&view, ctl, &trouble))
		return say_trouble(ctl, &trouble);
	print_status(&view, ctl->argc == 0);
	view_fini(&view);
	return EXIT_DONE;
}
