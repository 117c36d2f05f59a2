/*
 * replay: see replay.h. Each target has a watch, which is fed as target would.
 */
#include "replay.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "conf.h"
#include "log.h"
#include "notice.h"
#include "recording.h"
#include "rules.h"
#include "watch.h"
#include "xalloc.h"

/* No time that means something is 0, for that is what an unknown one is. */
#define EPOCH_NS (3600 * NS_PER_S)

/* A hole in the recording is filled more coarsely the longer it gets. */
#define HOLE_STEPS 3600

struct subject {
	struct replay *replay;
	char *name;
	const struct target_config *config;
	struct watch *watch;
	enum target_state state;
	enum publish_state publish;
	char *reason, *publish_reason;
	struct mono last;  /* entry, or step in a hole */
	struct mono heard; /* the last INFO persistence, if it was up since; else 0 */
};

struct replay {
	FILE *out;
	bool json;
	const struct conf *conf;
	struct replay_report *report;
	struct subject **subjects;
	size_t count;
	struct instant at; /* of the entry */
};

/*
 * What is told.
 */

static void
on_notice(void *owner, struct notice *n)
{
	struct subject *s = owner;
	struct replay *r = s->replay;
	char stamp[CLOCK_STAMP_BYTES];
	char *line = r->json ? notice_json(n) : notice_line(n);

	if (r->json)
		fprintf(r->out, "%s\n", line);
	else
		fprintf(r->out, "%s %s: %s\n", clock_stamp(stamp, n->at), s->name,
			line);
	free(line);
	r->report->notices++;
	r->report->raised += n->kind == NOTICE_RAISED;
}

static const struct watch_handlers handlers = { .notice = on_notice };

/*
 * Targets.
 */

/* What a group finds is called as it, or with a slash and more behind. */
static const struct target_config *
config_of(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->target_count; i++) {
		if (strcmp(conf->targets[i].name, name) == 0)
			return &conf->targets[i];
	}
	for (size_t i = 0; i < conf->group_count; i++) {
		size_t len = strlen(conf->groups[i].name);

		if (strncmp(conf->groups[i].name, name, len) == 0 &&
		    (name[len] == '\0' || name[len] == '/'))
			return &conf->groups[i].pattern;
	}
	return &conf->defaults;
}

static struct subject *
subject_new(struct replay *r, const char *name)
{
	struct subject *s = xcalloc(1, sizeof(*s));

	s->replay = r;
	s->name = xstrdup(name);
	s->config = config_of(r->conf, name);
	s->watch = watch_new(s->name, &s->config->rules, &handlers, s);
	s->state = TARGET_STARTING;
	s->reason = xstrdup("");
	s->publish_reason = xstrdup("");
	s->last = r->at.mono;
	watch_started(s->watch, r->at);
	return s;
}

static void
subject_free(struct subject *s)
{
	watch_free(s->watch);
	free(s->publish_reason);
	free(s->reason);
	free(s->name);
	free(s);
}

static struct subject *
subject_get(struct replay *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++) {
		if (strcmp(r->subjects[i]->name, name) == 0)
			return r->subjects[i];
	}
	r->subjects = xrealloc(r->subjects, r->count + 1, sizeof(r->subjects[0]));
	r->report->targets++;
	return r->subjects[r->count++] = subject_new(r, name);
}

/*
 * Time.
 */

static void
tell_link(struct subject *s, struct instant at)
{
	watch_link(s->watch, s->state, s->reason, s->publish, s->publish_reason, at);
}

/* While no answer came, target told its watch so at every sample. */
static void
fill_hole(struct subject *s, struct instant until)
{
	int64_t sample = target_config_sample_ns(s->config);
	struct mono begun = s->last;

	/* A sample is never exactly on time. */
	while (s->state != TARGET_STOPPED &&
	       clock_diff_ns(until.mono, s->last) > sample + sample / 2) {
		int64_t step = clock_diff_ns(s->last, begun) / HOLE_STEPS;
		struct instant at;

		s->last = clock_add_ns(s->last, step > sample ? step : sample);
		if (clock_diff_ns(s->last, until.mono) > 0)
			s->last = until.mono;
		at.mono = s->last;
		at.wall.ns = until.wall.ns - clock_diff_ns(until.mono, s->last);
		tell_link(s, at);
	}
}

/* Goes on to an entry's time, with all targets. */
static void
turn(struct replay *r, const struct recording_entry *e)
{
	r->at.mono.ns = EPOCH_NS + (int64_t)(e->seconds * 1e9);
	r->at.wall = e->wall;
	for (size_t i = 0; i < r->count; i++)
		fill_hole(r->subjects[i], r->at);
}

/*
 * Entries.
 */

static void
set_text(char **field, const char *text)
{
	free(*field);
	*field = xstrdup(text);
}

static void
set_state(struct subject *s, enum target_state state, const char *reason,
	  struct instant at)
{
	enum target_state was = s->state;

	s->state = state;
	if (state != TARGET_UP)
		s->heard.ns = 0;
	set_text(&s->reason, reason);
	if (state == TARGET_STOPPED && was != TARGET_STOPPED) {
		watch_stopped(s->watch, at);
		return;
	}
	if (state != TARGET_STOPPED && was == TARGET_STOPPED)
		watch_started(s->watch, at);
	/* One that was silent or busy may have been so on the same connection. */
	if (state == TARGET_UP && (was == TARGET_STARTING || was == TARGET_DOWN))
		watch_connected(s->watch, at);
	if (state != TARGET_STOPPED)
		tell_link(s, at);
}

static bool
find_state(const char *word, size_t len, enum target_state *state)
{
	for (int i = TARGET_STOPPED; i <= TARGET_REFUSED; i++) {
		const char *name = report_state_name((enum target_state)i);

		if (strlen(name) == len && memcmp(name, word, len) == 0) {
			*state = (enum target_state)i;
			return true;
		}
	}
	return false;
}

static bool
find_publish(const char *word, size_t len, enum publish_state *state)
{
	for (int i = PUBLISH_OK; i <= PUBLISH_FAILED; i++) {
		const char *name = report_publish_name((enum publish_state)i);

		if (strlen(name) == len && memcmp(name, word, len) == 0) {
			*state = (enum publish_state)i;
			return true;
		}
	}
	return false;
}

/*
 * "STATE[ REASON]", "connected", where that is told apart from being up, or
 * "publish STATE[ REASON]". False for anything else.
 */
static bool
take_link(struct subject *s, const char *text, struct instant at)
{
	bool publish = strncmp(text, "publish ", 8) == 0;
	const char *word = publish ? text + 8 : text;
	size_t len = strcspn(word, " ");
	const char *reason = word + len + (word[len] == ' ');
	enum target_state state;

	if (strcmp(text, "connected") == 0) {
		watch_connected(s->watch, at);
		return true;
	}
	if (publish) {
		if (!find_publish(word, len, &s->publish))
			return false;
		set_text(&s->publish_reason, reason);
		if (s->state != TARGET_STOPPED)
			tell_link(s, at);
		return true;
	}
	if (!find_state(word, len, &state))
		return false;
	set_state(s, state, reason, at);
	return true;
}

/* No sample, and nothing of the link: then it was pinfod that took none. */
static void
note_gap(struct subject *s, struct instant at)
{
	int64_t sample = target_config_sample_ns(s->config);
	double seconds = clock_diff_s(at.mono, clock_add_ns(s->heard, sample));

	if (s->heard.ns != 0 && seconds >= s->config->rules.limit[T_GAP_FOR])
		watch_gap(s->watch, seconds, at);
	s->heard = at.mono;
}

/* An answer tells that the server is up, too; the recording may begin with it. */
static void
take_answer(struct subject *s, const struct recording_entry *e, struct instant at)
{
	if (s->state != TARGET_UP)
		set_state(s, TARGET_UP, "", at);
	switch (e->kind) {
	case RECORDING_NARROW:
		note_gap(s, at);
		watch_narrow(s->watch, e->text, e->len, at);
		break;
	case RECORDING_WIDE:
		watch_wide(s->watch, e->text, e->len, at.mono, at);
		break;
	case RECORDING_CONFIG:
		watch_config(s->watch, e->text, e->len, at);
		break;
	case RECORDING_LINK:
		break;
	}
}

static void
say_unknown(const struct recording_entry *e, char *error, size_t error_size)
{
	char shown[80];

	log_escape(shown, sizeof(shown), e->text);
	snprintf(error, error_size, "line %lu: '%s' is no state of a link", e->line,
		 shown);
}

static bool
take(struct replay *r, const struct recording_entry *e)
{
	struct subject *s;
	bool ok = true;

	turn(r, e);
	s = subject_get(r, e->target);
	if (e->kind == RECORDING_LINK)
		ok = take_link(s, e->text, r->at);
	else
		take_answer(s, e, r->at);
	s->last = r->at.mono;
	r->report->entries++;
	r->report->seconds = e->seconds;
	return ok;
}

bool
replay_run(FILE *in, FILE *out, bool json, const struct conf *conf,
	   struct replay_report *report, char *error, size_t error_size)
{
	struct replay r = { .out = out, .json = json, .conf = conf, .report = report };
	struct recording *recording = recording_new(in);
	struct recording_entry e;
	unsigned warning, critical;
	bool ok = true;

	*report = (struct replay_report){ 0 };
	while (ok && recording_next(recording, &e, error, error_size)) {
		ok = take(&r, &e);
		if (!ok)
			say_unknown(&e, error, error_size);
	}
	recording_free(recording);
	for (size_t i = 0; i < r.count; i++) {
		watch_counts(r.subjects[i]->watch, &warning, &critical);
		report->open += warning + critical;
		subject_free(r.subjects[i]);
	}
	free(r.subjects);
	return error[0] == '\0';
}
