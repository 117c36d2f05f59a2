/*
 * list: the commands whose answer is a list of lines for people, and the same as
 * JSON for programs: incidents, silences.
 */
#include <stdio.h>

#include "json.h"
#include "log.h"
#include "pinfoctl.h"
#include "pinfoctl_say.h"
#include "pinfoctl_wire.h"

#define FOLD_INDENT 4

/* The command, its argument if there is one, and JSON; NULL ends them. */
static void
fill_words(const struct pinfoctl *ctl, const char *words[4])
{
	size_t n = 0;

	words[n++] = ctl->command->words;
	if (ctl->argc > 0)
		words[n++] = ctl->argv[0];
	if (ctl->json)
		words[n++] = "JSON";
	words[n] = NULL;
}

static bool
show_json(const struct answer *a, struct trouble *t)
{
	char what[JSON_ERROR_TEXT_LENGTH * 4];
	json_error_t error = { .text = "it is no string" };
	json_t *json = NULL;

	if (a->kind == ANSWER_TEXT)
		json = json_loadb(a->texts[0].bytes, a->texts[0].len, 0, &error);
	if (json != NULL) {
		say_json(json);
		return true;
	}
	log_escape(what, sizeof(what), error.text);
	return say_trouble_set(t, EXIT_NO_ANSWER, "NOSENSE",
			       "the daemon's answer makes no sense: %s", what);
}

static void
show_lines(const struct pinfoctl *ctl, const struct answer *a)
{
	for (size_t i = 0; i < a->count; i++)
		say_folded(a->texts[i].bytes, a->texts[i].len, FOLD_INDENT);
	if (a->count == 0)
		puts(ctl->command->key);
}

int
list_run(const struct pinfoctl *ctl)
{
	const char *words[4];
	struct answer answer;
	struct trouble trouble;
	struct wire *wire = wire_open(ctl, &trouble);
	bool ok;

	fill_words(ctl, words);
	ok = wire != NULL && wire_ask(wire, words, &answer, &trouble);
	if (ok) {
		if (ctl->json)
			ok = show_json(&answer, &trouble);
		else
			show_lines(ctl, &answer);
		answer_fini(&answer);
	}
	wire_close(wire);
	return ok ? EXIT_DONE : say_trouble(ctl, &trouble);
}
