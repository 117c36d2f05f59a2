/*
 * fake_watch: the watch_* functions without detectors: it notes what it is fed,
 * wants what the test says, and tells what the test has it tell. A test that
 * includes this says so with a line that keeps the real watch's object out:
 *
 *	(slash-star) replaces "../../src/watch.c"
 */
#ifndef FAKE_WATCH_H
#define FAKE_WATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct watch {
	const char *name;
	const struct watch_handlers *handlers;
	void *owner;
	/* What it was fed, how often, and the last of it. */
	unsigned started, stopped, left, narrow, wide, config, refused, links,
		connected;
	unsigned gaps, heartbeats, rules_set;
	char wide_text[512], config_text[512], why[512], link[320];
	struct mono sent;
	enum snapshot_part part;
	double gap;
	char address[320];
	enum target_identity identity;
	/* What it says. */
	enum watch_want wants;
	bool insists; /* an answer does not satisfy it */
	struct mono repeat;
	enum notice_kind tells; /* at each narrow sample, when `telling` */
	const char *telling;	/* an incident's id; NULL: nothing */
	struct history history;
	struct snapshot snapshot;
	bool known;
};

static inline void
fake_tell(struct watch *w, enum notice_kind kind, const char *incident,
	  enum severity severity)
{
	struct notice n = {
		.kind = kind,
		.incident = incident,
		.severity = severity,
		.target = w->name,
		.summary = "something is wrong",
		.advice = "do something",
		.address = "",
		.run_id = "",
		.role = "",
		.version = "",
	};

	w->handlers->notice(w->owner, &n);
}

struct watch *
watch_new(const char *name, const struct rules *rules, const struct watch_handlers *fns,
	  void *owner)
{
	struct watch *w = calloc(1, sizeof(*w));

	(void)rules;
	assert_non_null(w);
	w->name = name;
	w->handlers = fns;
	w->owner = owner;
	return w;
}

void
watch_free(struct watch *w)
{
	free(w);
}

void
watch_set_rules(struct watch *w, const struct rules *rules, struct instant at)
{
	(void)rules, (void)at;
	w->rules_set++;
}

void
watch_started(struct watch *w, struct instant at)
{
	(void)at;
	w->started++;
}

void
watch_stopped(struct watch *w, struct instant at)
{
	(void)at;
	w->stopped++;
}

void
watch_left(struct watch *w, struct instant at)
{
	(void)at;
	w->left++;
}

void
watch_narrow(struct watch *w, const char *text, size_t len, struct instant at)
{
	(void)text, (void)len, (void)at;
	w->narrow++;
	w->known = true;
	if (w->telling != NULL)
		fake_tell(w, w->tells, w->telling, SEVERITY_CRITICAL);
}

static inline void
fake_satisfy(struct watch *w)
{
	if (!w->insists)
		w->wants = WATCH_WANTS_NOTHING;
}

/* The value of the line `key:value`, "" when there is none. */
static inline void
fake_field(const char *info, const char *key, char *out, size_t size)
{
	const char *p = strstr(info, key);

	out[0] = '\0';
	if (p == NULL)
		return;
	p += strlen(key);
	snprintf(out, size, "%.*s", (int)strcspn(p, "\r\n"), p);
}

void
watch_wide(struct watch *w, const char *text, size_t len, struct mono sent,
	   struct instant at)
{
	(void)at;
	assert_int_equal(strlen(text), len);
	w->wide++;
	w->sent = sent;
	snprintf(w->wide_text, sizeof(w->wide_text), "%s", text);
	fake_field(text, "role:", w->snapshot.role, sizeof(w->snapshot.role));
	fake_field(text, "master_replid:", w->snapshot.replication_id,
		   sizeof(w->snapshot.replication_id));
	fake_satisfy(w);
}

void
watch_config(struct watch *w, const char *text, size_t len, struct instant at)
{
	(void)at;
	assert_int_equal(strlen(text), len);
	w->config++;
	snprintf(w->config_text, sizeof(w->config_text), "%s", text);
	fake_satisfy(w);
}

void
watch_refused(struct watch *w, enum snapshot_part part, const char *why,
	      struct instant at)
{
	(void)at;
	w->refused++;
	w->part = part;
	snprintf(w->why, sizeof(w->why), "%s", why);
	fake_satisfy(w);
}

void
watch_link(struct watch *w, enum target_state state, const char *reason,
	   enum publish_state publish, const char *publish_reason, struct instant at)
{
	(void)publish_reason, (void)at;
	w->links++;
	snprintf(w->link, sizeof(w->link), "%s %s %s", report_state_name(state),
		 report_publish_name(publish), reason);
}

void
watch_connected(struct watch *w, struct instant at)
{
	(void)at;
	w->connected++;
}

void
watch_gap(struct watch *w, double seconds, struct instant at)
{
	(void)at;
	w->gaps++;
	w->gap = seconds;
}

void
watch_heartbeat(struct watch *w, uint64_t samples, uint64_t missed, struct instant at)
{
	(void)samples, (void)missed, (void)at;
	w->heartbeats++;
}

enum watch_want
watch_wants(const struct watch *w, struct mono now)
{
	(void)now;
	return w->wants;
}

struct mono
watch_repeat(const struct watch *w)
{
	return w->repeat;
}

struct history *
watch_history(struct watch *w)
{
	return &w->history;
}

const struct snapshot *
watch_snapshot(const struct watch *w)
{
	return w->known ? &w->snapshot : NULL;
}

/* For those who report: nothing is open, nothing is blind. */

struct at_risk
watch_at_risk(const struct watch *w, struct instant at)
{
	(void)w, (void)at;
	return (struct at_risk){ 0 };
}

bool
watch_open(const struct watch *w, unsigned i, struct instant at, struct notice *n)
{
	(void)w, (void)i, (void)at, (void)n;
	return false;
}

void
watch_counts(const struct watch *w, unsigned *warning, unsigned *critical)
{
	(void)w;
	*warning = *critical = 0;
}

bool
watch_ack(struct watch *w, const char *incident, struct instant at)
{
	(void)w, (void)incident, (void)at;
	return false;
}

const char *
watch_blind(struct watch *w, unsigned i)
{
	(void)w, (void)i;
	return NULL;
}

void
watch_set_address(struct watch *w, const char *address, enum target_identity identity,
		  struct instant at)
{
	(void)at;
	snprintf(w->address, sizeof(w->address), "%s", address);
	w->identity = identity;
	if (w->telling != NULL)
		fake_tell(w, w->tells, w->telling, SEVERITY_CRITICAL);
}

#endif
