/*
 * target: see target.h.
 *
 * A target has two links. INFO and PUBLISH go over `feed`. While a PUBLISH is
 * past its deadline (the server pauses writes) everything behind it on that
 * connection hangs too: then INFO goes over `probe`, until it has answered.
 * No INFO is ever sent behind an unanswered PUBLISH, so that an INFO without
 * an answer says something about the server.
 */
#include "target.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "endpoint.h"
#include "link.h"
#include "log.h"
#include "publisher.h"
#include "target_config.h"
#include "xalloc.h"

/* A late sample is not taken when the next tick is nearer than that. */
#define LATE_MARGIN_NS NS_PER_S

#define REPLICATION_AGE_NS (60 * NS_PER_S)

#define REASON_BYTES 256

static const char replication_request[] = "*2\r\n$4\r\nINFO\r\n$11\r\nreplication\r\n";
static const char info_request[] = "*2\r\n$4\r\nINFO\r\n$11\r\npersistence\r\n";

struct target {
	struct target_config config;
	const struct target_env *env;
	char address[ENDPOINT_TEXT_BYTES];
	struct link *feed, *probe;
	struct publisher *publisher;

	bool running;
	struct event timer; /* of the next tick, while running */
	int64_t interval_ns;
	struct mono slot;  /* when the current slot began */
	struct mono first; /* when the first one of this run begins */
	bool owed;	   /* the slot has not been served */
	bool polled;	   /* a sample is wanted beside the schedule */
	bool asked;	   /* an INFO is in flight */

	enum target_state state; /* written by set_state only */
	struct mono since;
	struct mono trouble; /* when it was last up, while it is not */
	char reason[REASON_BYTES];

	struct mono learnt;	 /* when what is next was asked; 0: to be asked */
	char role[16];		 /* "" until told */
	char replication_id[48]; /* the same */

	uint64_t samples, missed;
	struct mono last_sample;
	int64_t last_info_ns; /* from INFO to its answer */
};

/*
 * State, and what the log says of it: one line when a server goes away, one
 * when it is back.
 */

static const char *
advice(enum target_state state, const char *reason)
{
	if (state != TARGET_DENIED)
		return "";
	if (strncmp(reason, "NOPERM", 6) == 0)
		return "; to grant it: ACL SETUSER <user> +info +publish &pinfo*";
	return "; give the password with REDISCLI_AUTH or -a, the user with --user";
}

static void
log_state(const struct target *t, enum target_state was, struct mono now)
{
	char span[CLOCK_SPAN_BYTES];
	const char *server = link_server(t->feed);

	switch (t->state) {
	case TARGET_STOPPED:
	case TARGET_STARTING:
		log_info(t->config.name, "%s", report_state_name(t->state));
		break;
	case TARGET_UP:
		if (was == TARGET_STARTING || t->samples == 1)
			log_notice(t->config.name, "up: %s%s%s at %s", server,
				   *server ? " " : "", link_server_version(t->feed),
				   t->address);
		else
			log_notice(t->config.name, "up again after %s",
				   clock_span(span, clock_diff_s(now, t->trouble)));
		break;
	default:
		log_warning(t->config.name, "%s: %s (%s)%s",
			    report_state_name(t->state), t->reason, t->address,
			    advice(t->state, t->reason));
	}
}

static void
set_state(struct target *t, enum target_state state, const char *reason,
	  struct mono now)
{
	enum target_state was = t->state;

	/* Also within a state: "refused" may become "timed out". */
	if (strcmp(t->reason, reason) != 0)
		snprintf(t->reason, sizeof(t->reason), "%s", reason);
	if (state == was)
		return;
	t->state = state;
	t->since = now;
	if (was == TARGET_UP || was == TARGET_STARTING)
		t->trouble = now;
	log_state(t, was, now);
	if (t->env->changed != NULL)
		t->env->changed(t->env->watcher, now);
}

static enum target_state
state_of(enum fault fault)
{
	switch (fault) {
	case FAULT_SILENT:
		return TARGET_SILENT;
	case FAULT_DENIED:
		return TARGET_DENIED;
	case FAULT_BUSY:
		return TARGET_BUSY;
	case FAULT_REFUSED:
	case FAULT_HOSTILE:
		return TARGET_REFUSED;
	case FAULT_UNREACHABLE:
		break;
	}
	return TARGET_DOWN;
}

/*
 * Sampling.
 */

static void info_reply_cb(void *arg, const struct reply *r);

static struct link *
info_link(const struct target *t)
{
	return link_is_open(t->probe) ? t->probe : t->feed;
}

static bool
can_ask(const struct target *t)
{
	const struct link *l = info_link(t);

	return link_is_ready(l) && (l == t->probe || !publisher_is_busy(t->publisher));
}

static void
ask(struct target *t, struct mono now)
{
	if (t->asked || !can_ask(t))
		return;
	t->asked = link_send(info_link(t), REQUEST_INFO, info_request,
			     sizeof(info_request) - 1, now, info_reply_cb, t);
}

/* Asks if a sample is due: the server may just have become able to give it. */
static void
ask_if_due(struct target *t, struct mono now)
{
	int64_t left = t->interval_ns - clock_diff_ns(now, t->slot);
	int64_t margin = t->interval_ns / 2;

	if (margin > LATE_MARGIN_NS)
		margin = LATE_MARGIN_NS;
	if (t->running && (t->polled || (t->owed && left >= margin)))
		ask(t, now);
}

/*
 * The probe has done its duty when PUBLISH no longer hangs, and feed is there to
 * be asked: it may be gone, for PUBLISH hung too long.
 */
static void
retire_probe(struct target *t)
{
	if (!t->asked && !publisher_is_busy(t->publisher) && link_is_ready(t->feed))
		link_close(t->probe);
}

static void
take(struct target *t, const struct reply *r)
{
	struct sample sample = {
		.target = t->config.name,
		.channel = t->config.channel,
		.text = r->text,
		.len = r->len,
	};

	t->owed = t->polled = false;
	t->samples++;
	t->last_sample = r->now;
	t->last_info_ns = clock_diff_ns(r->now, r->sent);
	set_state(t, TARGET_UP, "", r->now);
	publisher_send(t->publisher, t->feed, r->text, r->len, r->now);
	bus_sample(t->env->bus, &sample);
}

static void
info_reply_cb(void *arg, const struct reply *r)
{
	struct target *t = arg;

	t->asked = false;
	switch (r->kind) {
	case REPLY_TEXT:
		take(t, r);
		break;
	case REPLY_ERROR:
		t->polled = false;
		set_state(t, state_of(fault_of_error(r->text)), r->text, r->now);
		break;
	case REPLY_INTEGER:
	case REPLY_LIST:
	case REPLY_NIL:
		link_fail(info_link(t), FAULT_HOSTILE, "the answer to INFO is no text");
		break;
	case REPLY_LOST:
		/* on_down follows, knowing more. */
		return;
	}
	retire_probe(t);
}

/*
 * Who the server replicates with is asked after the first sample of a
 * connection, which is not to wait for it, and once a minute from then on:
 * roles change.
 */

/* The value of the line `key:value`, "" when there is none. */
static void
take_field(const char *info, const char *key, char *out, size_t size)
{
	size_t len = strlen(key);
	const char *p = info;

	out[0] = '\0';
	for (; p != NULL; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, key, len) == 0 && p[len] == ':') {
			p += len + 1;
			snprintf(out, size, "%.*s", (int)strcspn(p, "\r\n"), p);
			return;
		}
	}
}

static void
replication_reply_cb(void *arg, const struct reply *r)
{
	struct target *t = arg;
	char before[sizeof(t->replication_id)];

	t->asked = false;
	if (r->kind == REPLY_LOST)
		return;
	t->learnt = r->now;
	/* A server that refuses it has a feed all the same. */
	if (r->kind == REPLY_TEXT) {
		memcpy(before, t->replication_id, sizeof(before));
		take_field(r->text, "role", t->role, sizeof(t->role));
		take_field(r->text, "master_replid", t->replication_id,
			   sizeof(t->replication_id));
		/* A reload may have left nobody who wants to know. */
		if (t->env->learnt != NULL && t->replication_id[0] != '\0' &&
		    strcmp(before, t->replication_id) != 0)
			t->env->learnt(t->env->owner, t);
	}
	ask_if_due(t, r->now);
}

static bool
is_learnt(const struct target *t, struct mono now)
{
	return t->learnt.ns != 0 && clock_diff_ns(now, t->learnt) < REPLICATION_AGE_NS;
}

static void
ask_replication(struct target *t, struct mono now)
{
	if (t->env->learnt == NULL || t->asked || !t->running ||
	    link_is_open(t->probe) || is_learnt(t, now))
		return;
	t->asked = link_send(t->feed, REQUEST_REPLICATION, replication_request,
			     sizeof(replication_request) - 1, now, replication_reply_cb,
			     t);
}

/*
 * What the links say.
 */

static void
on_ready(void *owner, struct link *link, struct mono now)
{
	struct target *t = owner;

	if (link == t->feed) {
		t->learnt.ns = 0;
		retire_probe(t);
	}
	if (link == info_link(t))
		ask_if_due(t, now);
}

static void
on_down(void *owner, struct link *link, enum fault fault, const char *reason,
	struct mono now)
{
	struct target *t = owner;

	if (link == info_link(t))
		set_state(t, state_of(fault), reason, now);
	retire_probe(t);
	ask_if_due(t, now);
}

static void
on_overdue(void *owner, struct link *link, enum request_kind kind, const char *reason,
	   struct mono now)
{
	struct target *t = owner;

	(void)link;
	if (kind == REQUEST_PUBLISH) {
		publisher_overdue(t->publisher, reason, now);
		link_open(t->probe, now);
	} else {
		set_state(t, TARGET_SILENT, reason, now);
	}
}

static const struct link_handlers handlers = {
	.ready = on_ready,
	.down = on_down,
	.overdue = on_overdue,
};

static void
on_published(void *owner, struct mono now)
{
	struct target *t = owner;

	retire_probe(t);
	ask_if_due(t, now);
	ask_replication(t, now);
}

/*
 * The schedule.
 */

static void
arm(struct target *t, struct mono now)
{
	struct mono due = clock_add_ns(t->slot, t->interval_ns);
	struct timeval tv = clock_until(due, now);

	event_add(&t->timer, &tv);
}

/* Begins the slot that `now` lies in, if it is another than the current one. */
static void
turn_slot(struct target *t, struct mono now)
{
	int64_t passed = clock_diff_ns(now, t->slot) / t->interval_ns;

	if (passed > 0) {
		t->missed += (uint64_t)(passed - 1) + (t->owed ? 1 : 0);
		t->slot = clock_add_ns(t->slot, passed * t->interval_ns);
		t->owed = true;
		ask_if_due(t, now);
	}
	arm(t, now);
}

static void
tick_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	turn_slot(arg, clock_now());
}

/*
 * The verbs.
 */

struct target *
target_new(const struct target_env *env, const struct target_config *config)
{
	struct target *t = xcalloc(1, sizeof(*t));

	target_config_copy(&t->config, config);
	t->env = env;
	t->interval_ns = config->interval_ns;
	t->since = clock_now();
	endpoint_text(&t->config.endpoint, t->address);
	t->feed = link_new(env->base, env->resolver, t->config.name,
			   &t->config.endpoint, &handlers, t);
	t->probe = link_new(env->base, env->resolver, t->config.name,
			    &t->config.endpoint, &handlers, t);
	t->publisher =
		publisher_new(t->config.name, t->config.channel, on_published, t);
	evtimer_assign(&t->timer, env->base, tick_cb, t);
	return t;
}

void
target_free(struct target *t)
{
	if (t == NULL)
		return;
	event_del(&t->timer);
	link_free(t->feed);
	link_free(t->probe);
	publisher_free(t->publisher);
	target_config_fini(&t->config);
	free(t);
}

void
target_start(struct target *t, struct mono first, struct mono now)
{
	if (t->running)
		return;
	t->running = true;
	set_state(t, TARGET_STARTING, "", now);
	link_open(t->feed, now);
	/* The slot before the first one needs no sample. */
	t->owed = false;
	t->first = first;
	t->slot = clock_add_ns(first, -t->interval_ns);
	turn_slot(t, now);
}

void
target_stop(struct target *t, struct mono now)
{
	if (!t->running)
		return;
	t->running = false;
	t->asked = t->polled = false;
	event_del(&t->timer);
	link_close(t->feed);
	link_close(t->probe);
	publisher_forget(t->publisher);
	set_state(t, TARGET_STOPPED, "", now);
}

bool
target_is_running(const struct target *t)
{
	return t->running;
}

const char *
target_cannot_poll(const struct target *t)
{
	if (!t->running)
		return "STOPPED";
	/* One that answered an error may do better now; one that hangs cannot. */
	if (t->state == TARGET_UP || (link_is_ready(info_link(t)) && !t->asked))
		return NULL;
	return "DOWN";
}

void
target_poll(struct target *t, struct mono now)
{
	t->polled = true;
	ask_if_due(t, now);
}

int64_t
target_interval_ns(const struct target *t)
{
	return t->interval_ns;
}

void
target_set_interval(struct target *t, int64_t interval_ns, struct mono now)
{
	struct mono due = clock_add_ns(t->slot, interval_ns);

	if (interval_ns == t->interval_ns)
		return;
	if (t->running && clock_diff_ns(t->first, now) > 0)
		due = t->first;
	else if (clock_diff_ns(due, now) < 0)
		due = now;
	t->interval_ns = interval_ns;
	t->slot = clock_add_ns(due, -interval_ns);
	if (t->running)
		turn_slot(t, now);
}

static void
reconnect(struct target *t, struct mono now)
{
	link_close(t->feed);
	link_close(t->probe);
	publisher_forget(t->publisher);
	t->asked = false;
	t->role[0] = t->replication_id[0] = '\0';
	endpoint_text(&t->config.endpoint, t->address);
	if (!t->running)
		return;
	set_state(t, TARGET_STARTING, "", now);
	link_open(t->feed, now);
}

void
target_configure(struct target *t, const struct target_config *config, struct mono now)
{
	struct target_config old = t->config;

	target_config_copy(&t->config, config);
	/* The links and the publisher have borrowed the name. */
	free(t->config.name);
	t->config.name = old.name;
	old.name = NULL;
	if (!endpoint_same(&old.endpoint, &t->config.endpoint))
		reconnect(t, now);
	if (strcmp(old.channel, t->config.channel) != 0)
		publisher_set_channel(t->publisher, t->config.channel);
	/* An INTERVAL that somebody gave meanwhile outlives other changes. */
	if (old.interval_ns != t->config.interval_ns)
		target_set_interval(t, t->config.interval_ns, now);
	target_config_fini(&old);
}

const char *
target_replication_id(const struct target *t)
{
	return t->replication_id;
}

const char *
target_channel(const struct target *t)
{
	return t->config.channel;
}

const char *
target_name(const struct target *t)
{
	return t->config.name;
}

void
target_report(const struct target *t, struct mono now, struct target_report *r)
{
	*r = (struct target_report){
		.name = t->config.name,
		.address = t->address,
		.state = t->state,
		.since_s = clock_diff_s(now, t->since),
		.reason = t->reason[0] != '\0' ? t->reason : NULL,
		.server = link_server(t->feed),
		.server_version = link_server_version(t->feed),
		.user = t->config.endpoint.user,
		.role = t->role,
		.replication_id = t->replication_id,
		.interval_ns = t->interval_ns,
		.channel = t->config.channel,
		.samples = t->samples,
		.missed = t->missed,
		.last_sample_age_s =
			t->samples > 0 ? clock_diff_s(now, t->last_sample) : -1,
		.last_info_ms = t->samples > 0
					? (double)t->last_info_ns / (double)NS_PER_MS
					: -1,
		.connects = link_connects(t->feed),
	};
	publisher_report(t->publisher, r);
}
