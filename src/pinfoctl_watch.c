/*
 * watch: the live feed. A message has a channel and a text, and no target's name; so
 * where several targets share a channel this says so, and what it shows as changed is
 * against the last message on that channel, whoever's it was.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "json.h"
#include "pinfoctl.h"
#include "pinfoctl_info.h"
#include "pinfoctl_say.h"
#include "pinfoctl_view.h"
#include "pinfoctl_wire.h"
#include "xalloc.h"

/* Past that the channel heard first is forgotten: its next message is shown whole. */
#define CHANNELS_MAX 1024
/* What a server may answer to INFO (request.c); longer texts are not compared. */
#define TEXT_BYTES_MAX 65536
/* A name of 256 bytes, escaped. */
#define NAME_BYTES 1040
#define NAMES_MAX 8
#define NOTES_MAX 5

struct channel {
	char *name;
	char *text; /* of the last message; NULL: it was too long */
	size_t len;
};

struct watch {
	const struct pinfoctl *ctl;
	struct wire *wire;
	char *only; /* this channel, as it is shown; NULL: all */
	struct channel channels[CHANNELS_MAX];
	size_t count, next;
	struct info_head head;
};

static volatile sig_atomic_t stopped;

static void
stop_cb(int number)
{
	(void)number;
	stopped = 1;
}

/*
 * Before the first message: who publishes where.
 */

/* Says on stderr who publishes on a channel, when that is not plain. */
static bool
note_channel(const struct view *v, const char *channel)
{
	size_t count = 0;

	for (size_t i = 0; i < v->count; i++)
		count += strcmp(v->targets[i].channel, channel) == 0;
	if (count < 2)
		return false;
	fprintf(stderr,
		"pinfoctl: %zu targets publish on %s, messages do not say "
		"which:",
		count, channel);
	count = 0;
	for (size_t i = 0; i < v->count && count <= NAMES_MAX; i++) {
		if (strcmp(v->targets[i].channel, channel) != 0)
			continue;
		if (count < NAMES_MAX)
			fprintf(stderr, "%s %s", count > 0 ? "," : "",
				v->targets[i].name);
		count++;
	}
	fputs(count > NAMES_MAX ? ", ...\n" : "\n", stderr);
	return true;
}

static bool
seen_before(const struct view *v, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (strcmp(v->targets[j].channel, v->targets[i].channel) == 0)
			return true;
	}
	return false;
}

static void
note_stopped(const struct view *v, const char *only)
{
	for (size_t i = 0; i < v->count; i++) {
		const struct view_target *t = &v->targets[i];

		if ((only == NULL || strcmp(t->channel, only) == 0) &&
		    strcmp(t->state, "stopped") != 0)
			return;
	}
	fputs("pinfoctl: nothing comes before START: stopped\n", stderr);
}

static void
note(const struct watch *w, const struct view *v)
{
	size_t notes = 0;

	if (w->only != NULL)
		note_channel(v, w->only);
	for (size_t i = 0; w->only == NULL && i < v->count && notes < NOTES_MAX; i++)
		notes += !seen_before(v, i) && note_channel(v, v->targets[i].channel);
	note_stopped(v, w->only);
}

/* Sets `only`. False: trouble. */
static bool
find_channel(struct watch *w, const char *target, struct trouble *t)
{
	json_t *json = view_ask(w->wire, target, t);
	struct view v;

	if (json == NULL || !view_read(&v, json, t))
		return false;
	if (v.count != 1)
		say_trouble_set(t, EXIT_NO_ANSWER, "NOSENSE",
				"the daemon told of %zu targets, not of one", v.count);
	else
		w->only = xstrdup(v.targets[0].channel);
	view_fini(&v);
	return w->only != NULL;
}

static bool
subscribe(struct watch *w, struct trouble *t)
{
	const char *words[] = { "PSUBSCRIBE", "*", NULL };
	struct answer answer;
	struct view v;
	json_t *json;

	if (w->ctl->argc > 0 && !find_channel(w, w->ctl->argv[0], t))
		return false;
	if (!w->ctl->json) {
		json = view_ask(w->wire, NULL, t);
		if (json == NULL || !view_read(&v, json, t))
			return false;
		note(w, &v);
		view_fini(&v);
	}
	/* With a backslash in it the name is escaped: what it was is not known. */
	if (w->only != NULL && strchr(w->only, '\\') == NULL) {
		words[0] = "SUBSCRIBE";
		words[1] = w->only;
	}
	if (!wire_ask(w->wire, words, &answer, t))
		return false;
	answer_fini(&answer);
	return true;
}

/*
 * Messages.
 */

static struct channel *
channel_of(struct watch *w, const char *name)
{
	struct channel *c;

	for (size_t i = 0; i < w->count; i++) {
		if (strcmp(w->channels[i].name, name) == 0)
			return &w->channels[i];
	}
	c = &w->channels[w->next];
	w->next = (w->next + 1) % CHANNELS_MAX;
	w->count += w->count < CHANNELS_MAX;
	free(c->name);
	free(c->text);
	*c = (struct channel){ .name = xstrdup(name) };
	return c;
}

static void
show_message(struct watch *w, const char *name, const struct answer_text *text)
{
	struct channel *c = channel_of(w, name);
	char stamp[CLOCK_STAMP_BYTES];

	/* The log's time, without the date. */
	clock_stamp(stamp, clock_wall());
	info_head(&w->head, strchr(stamp, 'T') + 1, name);
	if (c->text != NULL)
		info_changes(&w->head, c->text, c->len, text->bytes, text->len);
	else
		info_whole(&w->head, text->bytes, text->len);
	free(c->text);
	c->text = NULL;
	if (text->len > TEXT_BYTES_MAX)
		return;
	c->text = xcalloc(text->len + 1, 1);
	memcpy(c->text, text->bytes, text->len);
	c->len = text->len;
}

static void
show_json(const struct answer_text *channel, const struct answer_text *text)
{
	char stamp[CLOCK_STAMP_BYTES];

	say_json_line(json_pack("{s:s, s:o, s:o}", "time",
				clock_stamp(stamp, clock_wall()), "channel",
				say_json_text(channel->bytes, channel->len), "text",
				say_json_text(text->bytes, text->len)));
}

static void
take(struct watch *w, const struct answer *a)
{
	const struct answer_text *last = a->texts + a->count - 1, *channel = last - 1;
	char name[NAME_BYTES];

	/* message channel text, pmessage pattern channel text; else no message. */
	if (a->kind != ANSWER_LIST || a->count < 3 || a->count > 4 ||
	    strcmp(a->texts[0].bytes, a->count == 3 ? "message" : "pmessage") != 0)
		return;
	log_escape(name, sizeof(name), channel->bytes);
	if (w->only != NULL && strcmp(name, w->only) != 0)
		return;
	if (w->ctl->json)
		show_json(channel, last);
	else
		show_message(w, name, last);
	fflush(stdout);
}

static bool
listen_on(struct watch *w, const sigset_t *during, struct trouble *t)
{
	struct answer answer;

	while (!stopped && !ferror(stdout)) {
		switch (wire_next(w->wire, during, &answer, t)) {
		case WIRE_ANSWER:
			take(w, &answer);
			answer_fini(&answer);
			break;
		case WIRE_TROUBLE:
			return false;
		case WIRE_INTERRUPTED:
			break;
		}
	}
	return true;
}

/* From here on they end the wait only, so that no line is cut; in between they are
 * held back. */
static void
catch_signals(sigset_t *before)
{
	struct sigaction action = { .sa_handler = stop_cb };
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGTERM);
	sigprocmask(SIG_BLOCK, &held, before);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int
watch_run(const struct pinfoctl *ctl)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	struct trouble trouble;
	sigset_t before;
	bool ok;

	w->ctl = ctl;
	w->wire = wire_open(ctl, &trouble);
	ok = w->wire != NULL && subscribe(w, &trouble);
	if (ok) {
		catch_signals(&before);
		ok = listen_on(w, &before, &trouble);
	}
	/* The prompt shall not stand behind "^C". */
	if (ok && isatty(STDOUT_FILENO))
		putchar('\n');
	for (size_t i = 0; i < w->count; i++) {
		free(w->channels[i].name);
		free(w->channels[i].text);
	}
	wire_close(w->wire);
	free(w->only);
	free(w);
	return ok ? EXIT_DONE : say_trouble(ctl, &trouble);
}
