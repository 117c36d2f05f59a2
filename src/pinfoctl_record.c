/*
 * record: writes what the daemon hears of servers to a file, for pinfod --replay.
 *
 * The daemon sends it on pinfod:samples:TARGET: a line "KIND MONOTONIC WALL", and
 * below it the text. Each entry is flushed, so that the file is good whenever and
 * however this ends.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "pinfoctl.h"
#include "pinfoctl_say.h"
#include "pinfoctl_wire.h"
#include "recording.h"
#include "xalloc.h"

#define CHANNEL "pinfod:samples:"
/* A request has 16 words at the most, and one is SUBSCRIBE. */
#define NAMES_MAX 15
#define HEAD_BYTES 80

struct record {
	const struct pinfoctl *ctl;
	const char *path;
	struct wire *wire;
	FILE *out;
	struct recorder *recorder;
	double first, last; /* the daemon's monotonic seconds; NAN before the first */
	unsigned long entries, left_out;
};

static volatile sig_atomic_t stopped;

static void
stop_cb(int number)
{
	(void)number;
	stopped = 1;
}

static bool
is_stdout(const struct record *r)
{
	return strcmp(r->path, "-") == 0;
}

/*
 * Before the first entry.
 */

/* False, with trouble, when there is no such target. */
static bool
find_targets(struct record *r, struct trouble *t)
{
	static const char *const words[] = { "TARGETS", NULL };
	struct answer names;
	char shown[320];
	bool ok = true;

	if (!wire_ask(r->wire, words, &names, t))
		return false;
	for (int i = 1; ok && i < r->ctl->argc; i++) {
		size_t at = 0;

		while (at < names.count &&
		       strcmp(names.texts[at].bytes, r->ctl->argv[i]) != 0)
			at++;
		ok = at < names.count;
		log_escape(shown, sizeof(shown), r->ctl->argv[i]);
		if (!ok)
			say_trouble_set(t, EXIT_REFUSED, "NOTARGET",
					"there is no target '%s'", shown);
	}
	answer_fini(&names);
	return ok;
}

/* Further confirmations are among what comes next, and are no messages. */
static bool
subscribe(struct record *r, struct trouble *t)
{
	const char *words[NAMES_MAX + 2] = { "PSUBSCRIBE", CHANNEL "*" };
	char *channels[NAMES_MAX] = { NULL };
	struct answer answer;
	bool ok;

	for (int i = 1; i < r->ctl->argc; i++) {
		words[0] = "SUBSCRIBE";
		words[i] = channels[i - 1] = xasprintf(CHANNEL "%s", r->ctl->argv[i]);
	}
	ok = wire_ask(r->wire, words, &answer, t);
	if (ok)
		answer_fini(&answer);
	for (int i = 0; i < NAMES_MAX; i++)
		free(channels[i]);
	return ok;
}

static bool
open_file(struct record *r, struct trouble *t)
{
	char shown[320];

	r->out = is_stdout(r) ? stdout : fopen(r->path, "wxe");
	log_escape(shown, sizeof(shown), r->path);
	if (r->out == NULL && errno == EEXIST)
		return say_trouble_set(t, EXIT_NO_OUTPUT, "EXISTS",
				       "%s is there already, and is not overwritten",
				       shown);
	if (r->out == NULL)
		return say_trouble_set(t, EXIT_NO_OUTPUT, "NOFILE", "%s: %s", shown,
				       strerror(errno));
	r->recorder = recorder_new(r->out);
	if (!r->ctl->json)
		fprintf(stderr, "pinfoctl: recording to %s; Ctrl-C ends it\n",
			is_stdout(r) ? "the standard output" : shown);
	return true;
}

/*
 * Entries.
 */

/* Reads "KIND MONOTONIC WALL\n"; what is behind it is the text. */
static bool
read_message(struct record *r, const struct answer_text *message,
	     struct recording_entry *e)
{
	const char *end = memchr(message->bytes, '\n', message->len);
	char head[HEAD_BYTES], kind[16];
	double mono, wall;
	int used = 0;

	if (end == NULL || end - message->bytes >= HEAD_BYTES)
		return false;
	snprintf(head, sizeof(head), "%.*s", (int)(end - message->bytes),
		 message->bytes);
	if (sscanf(head, "%15s %lf %lf%n", kind, &mono, &wall, &used) != 3 ||
	    head[used] != '\0' || !recording_kind_find(kind, &e->kind))
		return false;
	/* Times that make no sense would make a file that cannot be read. */
	if (!(mono >= 0 && mono < 1e9 && wall >= 0 && wall < 9e9))
		return false;
	if (isnan(r->first))
		r->first = mono;
	r->last = mono;
	e->seconds = mono - r->first;
	e->wall.ns = (int64_t)(wall * 1e6 + 0.5) * (NS_PER_MS / 1000);
	e->text = end + 1;
	e->len = message->len - (size_t)(e->text - message->bytes);
	return true;
}

static void
take(struct record *r, const struct answer *a)
{
	const struct answer_text *last = a->texts + a->count - 1, *channel = last - 1;
	struct recording_entry e = { .kind = RECORDING_NARROW };

	/* message channel text, pmessage pattern channel text; else no message. */
	if (a->kind != ANSWER_LIST || a->count < 3 || a->count > 4 ||
	    strcmp(a->texts[0].bytes, a->count == 3 ? "message" : "pmessage") != 0 ||
	    strncmp(channel->bytes, CHANNEL, strlen(CHANNEL)) != 0)
		return;
	e.target = channel->bytes + strlen(CHANNEL);
	if (read_message(r, last, &e) && recorder_add(r->recorder, &e))
		r->entries++;
	else
		r->left_out++;
	fflush(r->out);
}

static bool
listen_on(struct record *r, const sigset_t *during, struct trouble *t)
{
	struct answer answer;

	while (!stopped && !ferror(r->out)) {
		switch (wire_next(r->wire, during, &answer, t)) {
		case WIRE_ANSWER:
			take(r, &answer);
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

/* From here on they end the wait only, so that no entry is cut. */
static void
catch_signals(const struct record *r, sigset_t *before)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGALRM };
	struct sigaction action = { .sa_handler = stop_cb };
	int64_t ns = r->ctl->for_ns;
	struct itimerval timer = { .it_value = { ns / NS_PER_S,
						 ns % NS_PER_S / 1000 } };
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&held, numbers[i]);
	sigprocmask(SIG_BLOCK, &held, before);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
	sigdelset(before, SIGALRM);
	if (ns > 0)
		setitimer(ITIMER_REAL, &timer, NULL);
}

/*
 * The end.
 */

/* What is in the file; on stderr, where stdout is it or there is trouble to tell. */
static void
say_end(const struct record *r, bool ok)
{
	double seconds = r->entries > 0 ? r->last - r->first : 0;
	char span[CLOCK_SPAN_BYTES], left_out[80] = "";
	FILE *out = ok && !is_stdout(r) ? stdout : stderr;

	if (r->ctl->json) {
		if (ok && !is_stdout(r))
			say_json(json_pack("{s:I, s:f, s:I}", "entries",
					   (json_int_t)r->entries, "seconds", seconds,
					   "left_out", (json_int_t)r->left_out));
		return;
	}
	if (r->left_out > 0)
		snprintf(left_out, sizeof(left_out),
			 "; %lu that made no sense were left out", r->left_out);
	fprintf(out, "%s%lu %s of %s recorded%s\n", out == stderr ? "pinfoctl: " : "",
		r->entries, r->entries == 1 ? "entry" : "entries",
		clock_span(span, seconds), left_out);
}

/* False, with trouble, when not all could be written. */
static bool
close_file(struct record *r, struct trouble *t)
{
	bool ok = fflush(r->out) == 0 && !ferror(r->out);
	char shown[320];

	recorder_free(r->recorder);
	if (!is_stdout(r))
		ok = fclose(r->out) == 0 && ok;
	log_escape(shown, sizeof(shown), r->path);
	if (ok || is_stdout(r)) /* main tells of what stdout did not take */
		return true;
	return say_trouble_set(t, EXIT_NO_OUTPUT, "NOFILE",
			       "%s cannot be written to its end", shown);
}

int
record_run(const struct pinfoctl *ctl)
{
	struct record r = { .ctl = ctl, .first = NAN };
	struct trouble trouble;
	sigset_t before;
	bool ok;

	r.path = ctl->argv[0];
	r.wire = wire_open(ctl, &trouble);
	ok = r.wire != NULL && find_targets(&r, &trouble) && subscribe(&r, &trouble) &&
	     open_file(&r, &trouble);
	if (ok) {
		catch_signals(&r, &before);
		ok = listen_on(&r, &before, &trouble);
		/* The line shall not stand behind "^C". */
		if (ok && isatty(STDERR_FILENO))
			fputc('\n', stderr);
		/* What cannot be written outweighs a daemon that went away. */
		ok = close_file(&r, &trouble) && ok;
		say_end(&r, ok);
	}
	wire_close(r.wire);
	return ok ? EXIT_DONE : say_trouble(ctl, &trouble);
}
