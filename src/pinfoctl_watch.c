/*
 * watch: the live feed, and the notices among it. A message of the feed has a channel
 * and a text, and no target's name; so where several targets share a channel this says
 * so, and what it shows as changed is against the last message on that channel,
 * whoever's it was.
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
	char *only;    /* this channel, as it is shown; NULL: all */
	char *notices; /* with `only`: that of the target's notices; NULL: none */
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
	if (v.count == 1) {
		w->only = xstrdup(v.targets[0].channel);
		w->notices = xstrdup(v.targets[0].notices);
	}
	view_fini(&v);
	return w->only != NULL;
}

static bool
subscribe(struct watch *w, struct trouble *t)
{
	const char *words[] = { "PSUBSCRIBE", "*", NULL, NULL };
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
	if (w->only != NULL && strchr(w->only, '\\') == NULL &&
	    (w->notices == NULL || strchr(w->notices, '\\') == NULL)) {
		words[0] = "SUBSCRIBE";
		words[1] = w->only;
		words[2] = w->notices;
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

/*
 * Notices: lines of their own among the feed.
 */

static json_t *
read_notice(const struct answer_text *text)
{
	json_t *o = NULL;

	if (text->len > 0 && text->bytes[0] == '{')
		o = json_loadb(text->bytes, text->len, 0, NULL);
	if (json_is_string(json_object_get(o, "kind")) &&
	    json_is_string(json_object_get(o, "incident")) &&
	    json_is_string(json_object_get(o, "target")))
		return o;
	json_decref(o);
	return NULL;
}

static const char *
member(json_t *notice, const char *name)
{
	const char *text = json_string_value(json_object_get(notice, name));

	return text != NULL ? text : "";
}

static enum say_colour
notice_colour(json_t *notice)
{
	if (strcmp(member(notice, "kind"), "cleared") == 0)
		return SAY_GREEN;
	if (strcmp(member(notice, "severity"), "critical") == 0)
		return SAY_RED;
	return strcmp(member(notice, "severity"), "warning") == 0 ? SAY_YELLOW
								  : SAY_CYAN;
}

/* Heartbeats say that nothing has happened: the feed does that here. */
static void
show_notice(json_t *notice)
{
	bool fact = strcmp(member(notice, "kind"), "fact") == 0;
	char stamp[CLOCK_STAMP_BYTES], *line;

	if (strcmp(member(notice, "kind"), "heartbeat") == 0)
		return;
	clock_stamp(stamp, clock_wall());
	line = xasprintf("%s: %s%s%s%s%s: %s%s%s", member(notice, "target"),
			 member(notice, "incident"), fact ? "" : " ",
			 fact ? "" : member(notice, "kind"), fact ? "" : ", ",
			 fact ? "" : member(notice, "severity"),
			 member(notice, "summary"),
			 *member(notice, "advice") ? "; " : "",
			 member(notice, "advice"));
	printf("%s %s", strchr(stamp, 'T') + 1, say_colour(notice_colour(notice)));
	say_part(line, strlen(line));
	puts(say_colour(SAY_PLAIN));
	free(line);
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

static bool
is_for_us(const struct watch *w, const char *channel, json_t *notice)
{
	if (w->only == NULL)
		return true;
	/* Several targets tell on one channel; a notice says whose it is. */
	if (notice != NULL && w->notices != NULL && strcmp(channel, w->notices) == 0)
		return strcmp(member(notice, "target"), w->ctl->argv[0]) == 0;
	return strcmp(channel, w->only) == 0;
}

static void
take(struct watch *w, const struct answer *a)
{
	json_t *notice;
	const struct answer_text *last = a->texts + a->count - 1, *channel = last - 1;
	char name[NAME_BYTES];

	/* message channel text, pmessage pattern channel text; else no message. */
	if (a->kind != ANSWER_LIST || a->count < 3 || a->count > 4 ||
	    strcmp(a->texts[0].bytes, a->count == 3 ? "message" : "pmessage") != 0)
		return;
	log_escape(name, sizeof(name), channel->bytes);
	notice = read_notice(last);
	if (is_for_us(w, name, notice)) {
		if (w->ctl->json)
			show_json(channel, last);
		else if (notice != NULL)
			show_notice(notice);
		else
			show_message(w, name, last);
		fflush(stdout);
	}
	json_decref(notice);
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
	free(w->notices);
	free(w);
	return ok ? EXIT_DONE : say_trouble(ctl, &trouble);
}
