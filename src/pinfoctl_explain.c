/*
 * explain: what the catalogue says of an incident. It asks no daemon: at three in
 * the morning, on another machine, it answers all the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "glob.h"
#include "json.h"
#include "log.h"
#include "pinfoctl.h"
#include "pinfoctl_say.h"

static json_t *
json_entry(const struct catalogue_entry *e)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", e->id,
			 "severity", e->severity, "when", e->when, "unless", e->unless,
			 "until", e->until, "needs", e->needs, "meaning", e->meaning,
			 "advice", e->advice, "blind", e->blind);
}

#define SEVERITY_COLUMN 26

static void
show_row(const struct catalogue_entry *e)
{
	char line[256];
	int len = snprintf(line, sizeof(line), "%-*s%s", SEVERITY_COLUMN, e->id,
			   e->severity);

	say_folded(line, (size_t)len, SEVERITY_COLUMN);
}

static void
explain(enum incident incident, bool first)
{
	char *text = catalogue_explain(incident);

	if (!first)
		putchar('\n');
	say_text(text, strlen(text));
	free(text);
}

int
explain_run(const struct pinfoctl *ctl)
{
	const char *pattern = ctl->argc > 0 ? ctl->argv[0] : "*";
	json_t *list = json_array();
	struct trouble trouble;
	size_t found = 0;
	char shown[320];

	for (size_t i = 0; i < CATALOGUE_COUNT; i++) {
		const struct catalogue_entry *e = catalogue_entry((enum incident)i);

		if (!glob_match(pattern, e->id))
			continue;
		if (ctl->json)
			json_array_append_new(list, json_entry(e));
		else if (ctl->argc == 0)
			show_row(e);
		else
			explain((enum incident)i, found == 0);
		found++;
	}
	if (ctl->json && found > 0)
		say_json(list);
	else
		json_decref(list);
	if (found > 0)
		return EXIT_DONE;
	log_escape(shown, sizeof(shown), pattern);
	say_trouble_set(
		&trouble, EXIT_BAD_USE, "USAGE",
		"the catalogue has no '%s'; pinfoctl explain lists what it has, "
		"and an incident of your own stands in your configuration",
		shown);
	return say_trouble(ctl, &trouble);
}
