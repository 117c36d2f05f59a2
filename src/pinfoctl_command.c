/*
 * command: the commands that are one word of the protocol, arguments that are
 * passed on as they are, and an answer that is shown in the form that it has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "pinfoctl.h"
#include "pinfoctl_say.h"
#include "pinfoctl_wire.h"

/* Of arguments: what the table of commands allows. */
#define WORDS_MAX 3

static json_t *
json_list(const struct answer *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->count; i++)
		json_array_append_new(list, say_json_text(a->texts[i].bytes,
							  a->texts[i].len));
	return list;
}

/* A text that is a number becomes one, as the interval does. */
static json_t *
json_value(const struct answer_text *text)
{
	char *end;
	double n = strtod(text->bytes, &end);

	if (text->len > 0 && strspn(text->bytes, "0123456789.") == text->len &&
	    *end == '\0')
		return json_real(n);
	return say_json_text(text->bytes, text->len);
}

static void
show_json(const char *key, const struct answer *a)
{
	if (a->kind == ANSWER_LIST)
		say_json(json_list(a));
	else if (key == NULL && a->count == 1 && strcmp(a->texts[0].bytes, "OK") != 0)
		say_json(json_pack("{s:b, s:o}", "ok", 1, "note",
				   say_json_text(a->texts[0].bytes, a->texts[0].len)));
	else if (a->kind == ANSWER_OK || a->kind == ANSWER_NIL || key == NULL)
		say_json(json_pack("{s:b}", "ok", 1));
	else
		say_json(json_pack("{s:o}", key, json_value(&a->texts[0])));
}

static void
show_text(const struct answer *a)
{
	if (a->kind == ANSWER_TEXT) {
		say_text(a->texts[0].bytes, a->texts[0].len);
		return;
	}
	for (size_t i = 0; i < a->count; i++)
		say_line(a->texts[i].bytes, a->texts[i].len);
}

static void
show(const struct pinfoctl *ctl, const struct answer *a)
{
	if (ctl->json)
		show_json(ctl->command->key, a);
	else
		show_text(a);
}

/* SHUTDOWN has no answer: the connection closes. */
static bool
ends_like_that(const struct pinfoctl *ctl, const struct trouble *t)
{
	return strcmp(ctl->command->words, "SHUTDOWN") == 0 &&
	       t->exit_code == EXIT_NO_DAEMON;
}

/* A request that was sent is carried out, also when nobody waits for it any more. */
static void
warn_of_later(const struct pinfoctl *ctl, struct trouble *t)
{
	bool only_asks = ctl->command->key != NULL && ctl->argc == 0;
	size_t len = strlen(t->text);

	if (t->exit_code == EXIT_NO_ANSWER && !only_asks)
		snprintf(t->text + len, sizeof(t->text) - len,
			 "; what was asked may still come to pass");
}

int
command_run(const struct pinfoctl *ctl)
{
	const char *words[WORDS_MAX + 2] = { ctl->command->words };
	struct answer answer = { .kind = ANSWER_OK };
	struct trouble trouble;
	struct wire *wire = wire_open(ctl, &trouble);
	int code = EXIT_DONE;

	if (wire == NULL)
		return say_trouble(ctl, &trouble);
	for (int i = 0; i < ctl->argc && i < WORDS_MAX; i++)
		words[i + 1] = ctl->argv[i];
	if (wire_ask(wire, words, &answer, &trouble)) {
		show(ctl, &answer);
		answer_fini(&answer);
	} else if (ends_like_that(ctl, &trouble)) {
		if (ctl->json)
			show_json(NULL, &answer);
		else
			puts("OK");
	} else {
		warn_of_later(ctl, &trouble);
		code = say_trouble(ctl, &trouble);
	}
	wire_close(wire);
	return code;
}
