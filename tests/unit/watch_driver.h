/*
 * watch_driver: drives a struct watch as a target would, without a clock and
 * without a server. What the server says is the text of a file of
 * tests/fixtures/info, of which rows change fields by name as time goes by; what
 * watch tells is kept as lines, "12 raised rdb.save_failed critical" and "12
 * rdb.save_started", which a test compares as a whole: so a notice too many fails
 * as one too few does.
 */
#ifndef WATCH_DRIVER_H
#define WATCH_DRIVER_H

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"
#include "watch.h"

#define DRIVE_LINES 400
#define DRIVE_TEXT 32768
/* Not round, so that nobody takes it for zero. */
#define DRIVE_MONO_S 1234567.5

struct drive_line {
	char key[64], value[256];
	bool narrow;
};

struct drive {
	struct watch *watch;
	struct rules rules;
	struct drive_line lines[DRIVE_LINES]; /* key "": a heading */
	unsigned count;
	double wall_s;	     /* our wall clock at 0 */
	double wall_shift;   /* by how much it was set since */
	double server_shift; /* the same for the server's */
	double born;	     /* when the server started to count its uptime */

	double t, next, every; /* now, the next sample, between two; seconds */
	enum target_state state;
	const char *reason;
	enum publish_state publish;
	const char *publish_reason;
	const char *points; /* of CONFIG GET save; NULL: refused */
	bool wide_refused, config_silent, wide_silent, no_repeats;
	double wide_takes;		 /* seconds from question to answer */
	void (*before)(struct drive *d); /* each INFO; may be NULL */
	unsigned asked_wide, asked_config, repeats;

	char incidents[DRIVE_TEXT], facts[DRIVE_TEXT];
	struct notice last; /* of the id that drive_last looks for */
	struct {
		char id[64], run_id[48], address[64], target[64];
		struct notice n;
	} told[600];
	unsigned told_count;
};

static inline struct instant
drive_now(const struct drive *d)
{
	return (struct instant){
		.mono = { llround((DRIVE_MONO_S + d->t) * 1e9) },
		.wall = { llround((d->wall_s + d->wall_shift + d->t) * 1e9) },
	};
}

static inline void
drive_append(char *text, const char *line)
{
	assert(strlen(text) + strlen(line) < DRIVE_TEXT);
	strcat(text, line);
}

static inline void
drive_notice_cb(void *owner, struct notice *n)
{
	struct drive *d = (struct drive *)owner;
	char line[512];
	bool fact = n->kind == NOTICE_FACT || n->kind == NOTICE_HEARTBEAT;

	/* What every notice owes its reader. */
	assert(*n->summary != '\0' && n->advice != NULL && n->target != NULL);
	assert(n->run_id != NULL && n->role != NULL && n->version != NULL);
	if (n->kind == NOTICE_RAISED) {
		enum incident known;

		assert(!catalogue_find(n->incident, &known) || *n->advice != '\0');
	}
	if (fact)
		snprintf(line, sizeof(line), "%.7g %s%s\n", d->t, n->incident,
			 n->severity == SEVERITY_WARNING ? " warning" : "");
	else
		snprintf(line, sizeof(line), "%.7g %s %s %s\n", d->t,
			 notice_kind_name(n->kind), n->incident,
			 catalogue_severity(n->severity));
	drive_append(fact ? d->facts : d->incidents, line);
	if (d->told_count == 600)
		d->told_count = 0;
	snprintf(d->told[d->told_count].id, 64, "%s", n->incident);
	snprintf(d->told[d->told_count].run_id, 48, "%s", n->run_id);
	snprintf(d->told[d->told_count].address, 64, "%s", n->address);
	snprintf(d->told[d->told_count].target, 64, "%s", n->target);
	d->told[d->told_count++].n = *n;
}

/* The last notice of that id; its strings but the texts are gone. */
static inline const struct notice *
drive_last(const struct drive *d, const char *id)
{
	for (unsigned i = d->told_count; i-- > 0;) {
		if (strcmp(d->told[i].id, id) == 0)
			return &d->told[i].n;
	}
	return NULL;
}

static inline const char *
drive_summary(const struct drive *d, const char *id)
{
	const struct notice *n = drive_last(d, id);

	return n != NULL ? n->summary : "";
}

/* NAN: there is none, or it is not known. */
static inline double
drive_figure(const struct drive *d, const char *id, const char *figure)
{
	const struct notice *n = drive_last(d, id);

	for (unsigned i = 0; n != NULL && i < n->figure_count; i++) {
		if (strcmp(n->figures[i].name, figure) == 0)
			return n->figures[i].value;
	}
	return NAN;
}

/*
 * The server's text.
 */

static inline struct drive_line *
drive_find(struct drive *d, const char *key)
{
	for (unsigned i = 0; i < d->count; i++) {
		if (strcmp(d->lines[i].key, key) == 0)
			return &d->lines[i];
	}
	return NULL;
}

static inline double
drive_get(struct drive *d, const char *key)
{
	struct drive_line *l = drive_find(d, key);

	return l != NULL ? strtod(l->value, NULL) : 0;
}

static inline void
drive_drop(struct drive *d, const char *key)
{
	struct drive_line *l = drive_find(d, key);

	if (l == NULL)
		return;
	memmove(l, l + 1, (size_t)(&d->lines[d->count] - (l + 1)) * sizeof(*l));
	d->count--;
}

__attribute__((format(printf, 3, 4))) static inline void
drive_set(struct drive *d, const char *key, const char *format, ...)
{
	struct drive_line *l = drive_find(d, key);
	enum snapshot_field field;
	va_list ap;

	if (l == NULL) {
		assert(d->count < DRIVE_LINES);
		l = &d->lines[d->count++];
		*l = (struct drive_line){ .narrow = snapshot_field_find(key, &field) &&
						    snapshot_field(field)->part ==
							    SNAPSHOT_NARROW };
		snprintf(l->key, sizeof(l->key), "%s", key);
	}
	va_start(ap, format);
	vsnprintf(l->value, sizeof(l->value), format, ap);
	va_end(ap);
}

static inline void
drive_put(struct drive *d, const char *key, double value)
{
	drive_set(d, key, "%.17g", value);
}

static inline void
drive_add(struct drive *d, const char *key, double more)
{
	drive_put(d, key, drive_get(d, key) + more);
}

/* What the server's clock says, in whole seconds as in its fields. */
static inline double
drive_server_s(const struct drive *d)
{
	return floor(d->wall_s + d->server_shift + d->t);
}

static inline void
drive_load(struct drive *d, const char *fixture)
{
	char path[256], text[512];
	bool narrow = false;
	FILE *f;

	snprintf(path, sizeof(path), "tests/fixtures/info/%s.txt", fixture);
	f = fopen(path, "r");
	if (f == NULL) {
		fprintf(stderr, "%s: run this from the top of the tree\n", path);
		exit(1);
	}
	d->count = 0;
	while (fgets(text, sizeof(text), f) != NULL) {
		struct drive_line *l = &d->lines[d->count];
		char *colon = strchr(text, ':');

		text[strcspn(text, "\r\n")] = '\0';
		if (*text == '\0')
			continue;
		*l = (struct drive_line){ 0 };
		if (*text == '#') {
			narrow = strcmp(text, "# Persistence") == 0;
			snprintf(l->value, sizeof(l->value), "%.250s", text);
		} else {
			assert(colon != NULL);
			*colon = '\0';
			snprintf(l->key, sizeof(l->key), "%.63s", text);
			snprintf(l->value, sizeof(l->value), "%.250s", colon + 1);
		}
		l->narrow = narrow;
		assert(++d->count < DRIVE_LINES);
	}
	fclose(f);
	d->born = d->t;
	if (drive_find(d, "server_time_usec") != NULL)
		d->wall_s = drive_get(d, "server_time_usec") / 1e6 - d->t;
	else
		d->wall_s = drive_get(d, "rdb_last_save_time") +
			    drive_get(d, "uptime_in_seconds") - d->t;
}

/* As INFO says it: CR LF, and the times of now. */
static inline size_t
drive_text(const struct drive *d, bool narrow, char text[static DRIVE_TEXT])
{
	size_t len = 0;

	for (unsigned i = 0; i < d->count; i++) {
		const struct drive_line *l = &d->lines[i];

		if (l->narrow != narrow)
			continue;
		if (*l->key == '\0')
			len += (size_t)sprintf(text + len, "%s\r\n", l->value);
		else if (strcmp(l->key, "server_time_usec") == 0)
			len += (size_t)sprintf(text + len, "%s:%.0f\r\n", l->key,
					       (d->wall_s + d->server_shift + d->t) *
						       1e6);
		else if (strcmp(l->key, "uptime_in_seconds") == 0)
			len += (size_t)sprintf(
				text + len, "%s:%.0f\r\n", l->key,
				floor(strtod(l->value, NULL) + d->t - d->born));
		else
			len += (size_t)sprintf(text + len, "%s:%s\r\n", l->key,
					       l->value);
		assert(len < DRIVE_TEXT - 512);
	}
	return len;
}

/*
 * Time.
 */

static inline void
drive_answer_wide(struct drive *d)
{
	char text[DRIVE_TEXT];
	struct mono sent = drive_now(d).mono;
	size_t len;

	d->asked_wide++;
	if (d->wide_silent)
		return;
	if (d->wide_refused) {
		watch_refused(d->watch, SNAPSHOT_WIDE, "NOPERM", drive_now(d));
		watch_wide(d->watch, "", 0, sent, drive_now(d));
		return;
	}
	len = drive_text(d, false, text);
	d->t += d->wide_takes;
	watch_wide(d->watch, text, len, sent, drive_now(d));
	d->t -= d->wide_takes;
}

static inline void
drive_answer_config(struct drive *d)
{
	char text[600];

	d->asked_config++;
	if (d->config_silent)
		return;
	if (d->points == NULL) {
		watch_refused(d->watch, SNAPSHOT_CONFIG, "NOPERM", drive_now(d));
		return;
	}
	snprintf(text, sizeof(text), "save:%s\r\n", d->points);
	watch_config(d->watch, text, strlen(text), drive_now(d));
}

/* Whatever watch wants beside the sample; what is silent is asked once. */
static inline void
drive_answer(struct drive *d)
{
	unsigned asked = d->asked_wide + d->asked_config;

	for (;;) {
		enum watch_want want = watch_wants(d->watch, drive_now(d).mono);

		if (want == WATCH_WANTS_NOTHING)
			return;
		assert(d->asked_wide + d->asked_config - asked < 8);
		if (want == WATCH_WANTS_WIDE)
			drive_answer_wide(d);
		else
			drive_answer_config(d);
		if ((want == WATCH_WANTS_WIDE && d->wide_silent) ||
		    (want == WATCH_WANTS_CONFIG && d->config_silent))
			return;
	}
}

static inline void
drive_link(struct drive *d)
{
	watch_link(d->watch, d->state, d->reason, d->publish, d->publish_reason,
		   drive_now(d));
}

/* One sample, now. */
static inline void
drive_sample(struct drive *d)
{
	char text[DRIVE_TEXT];

	if (d->before != NULL)
		d->before(d);
	drive_link(d);
	if (d->state != TARGET_UP)
		return;
	watch_narrow(d->watch, text, drive_text(d, true, text), drive_now(d));
	drive_answer(d);
}

/* Takes the samples, and the repeats, that are due until t, that one included. */
static inline void
drive_until(struct drive *d, double t)
{
	for (;;) {
		struct mono repeat = watch_repeat(d->watch);
		double again = (double)repeat.ns / 1e9 - DRIVE_MONO_S;

		if (repeat.ns != 0 && !d->no_repeats && d->state == TARGET_UP &&
		    again <= d->next && again <= t + 1e-9) {
			d->t = again;
			d->repeats++;
			drive_sample(d);
		} else if (d->next <= t) {
			d->t = d->next;
			d->next += d->every;
			drive_sample(d);
		} else {
			break;
		}
	}
	d->t = t;
}

/*
 * The same, the sample at t a millisecond early: one in two is by some such hair,
 * and whatever is to last until t has lasted long enough for it.
 */
static inline void
drive_until_early(struct drive *d, double t)
{
	drive_until(d, t - 1);
	d->next -= 0.001;
	drive_until(d, t - 0.0005);
	d->next += 0.001;
}

/* A target that is started at -1 and takes its first sample at 0. */
static inline void
drive_begin(struct drive *d, const char *fixture)
{
	static const struct watch_handlers handlers = { .notice = drive_notice_cb };

	*d = (struct drive){
		.every = 1,
		.state = TARGET_UP,
		.reason = "",
		.publish_reason = "",
		.points = "3600 1 300 100 60 10000",
	};
	drive_load(d, fixture);
	rules_init(&d->rules);
	d->watch = watch_new("orders", &d->rules, &handlers, d);
	d->t = -1;
	watch_started(d->watch, drive_now(d));
	watch_connected(d->watch, drive_now(d));
	d->incidents[0] = d->facts[0] = '\0';
	d->told_count = 0;
}

static inline void
drive_end(struct drive *d)
{
	watch_free(d->watch);
	rules_fini(&d->rules);
}

/* The link broke and is there again: what a target does then. */
static inline void
drive_reconnect(struct drive *d)
{
	d->state = TARGET_UP;
	watch_connected(d->watch, drive_now(d));
}

/* Another run of the server: all that a start forgets. */
static inline void
drive_restart(struct drive *d, const char *run_id)
{
	static const char *const counters[] = { "rdb_changes_since_last_save",
						"rdb_saves",
						"aof_rewrites",
						"aof_delayed_fsync",
						"total_forks",
						"sync_full",
						"latest_fork_usec",
						"uptime_in_seconds" };

	for (unsigned i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		if (drive_find(d, counters[i]) != NULL)
			drive_set(d, counters[i], "0");
	}
	d->born = d->t;
	drive_put(d, "rdb_last_save_time", drive_server_s(d));
	drive_set(d, "rdb_last_bgsave_time_sec", "-1");
	drive_set(d, "run_id", "%s", run_id);
	drive_reconnect(d);
}

/* What a save to disk changes when it has ended well. */
static inline void
drive_saved(struct drive *d)
{
	drive_set(d, "rdb_changes_since_last_save", "0");
	drive_put(d, "rdb_last_save_time", drive_server_s(d));
	drive_set(d, "rdb_last_bgsave_status", "ok");
	drive_set(d, "rdb_bgsave_in_progress", "0");
	drive_set(d, "rdb_current_bgsave_time_sec", "-1");
	drive_set(d, "current_save_keys_processed", "0");
	drive_set(d, "current_save_keys_total", "0");
}

/* And when it begins: the attempt and the fork are counted. */
static inline void
drive_saving(struct drive *d)
{
	drive_set(d, "rdb_bgsave_in_progress", "1");
	drive_set(d, "rdb_current_bgsave_time_sec", "0");
	if (drive_find(d, "rdb_saves") != NULL)
		drive_add(d, "rdb_saves", 1);
	if (drive_find(d, "total_forks") != NULL)
		drive_add(d, "total_forks", 1);
}

/* All that was told since the last call, in the order in which it was. */
#define expect_incidents(d, text)                          \
	do {                                               \
		assert_string_equal((d)->incidents, text); \
		(d)->incidents[0] = '\0';                  \
	} while (0)
#define expect_facts(d, text)                          \
	do {                                           \
		assert_string_equal((d)->facts, text); \
		(d)->facts[0] = '\0';                  \
	} while (0)
#define expect_nothing(d)                \
	do {                             \
		expect_incidents(d, ""); \
		expect_facts(d, "");     \
	} while (0)
#define expect_near(a, b) assert_true(fabs((a) - (b)) < 1e-6)
#define expect_said(d, id, words) assert_non_null(strstr(drive_summary(d, id), words))

#endif
