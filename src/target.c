/*
 * target: see target.h.
 */
#include "target.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "feed.h"
#include "endpoint.h"
#include "inquiry.h"
#include "log.h"
#include "notice.h"
#include "recording.h"
#include "schedule.h"
#include "target_config.h"
#include "watch.h"
#include "xalloc.h"

#define REASON_BYTES 256

struct target {
	struct target_config config;
	const struct target_env *env;
	char address[ENDPOINT_TEXT_BYTES];
	char *samples_channel;
	struct inquiry *inquiry;
	struct watch *watch;

	bool running;
	struct schedule schedule;
	struct event timer; /* of the next sample, while running */
	struct mono due;    /* when it fires */
	int64_t asleep_ns;  /* clock_asleep_ns when it fired last */
	bool heartbeat;	    /* to be told when the tick's answer comes, or fails to */
	/* What the watch wanted since the last narrow sample: as often as once. */
	unsigned asked_parts;

	enum target_state state; /* written by set_state only */
	struct mono since;
	struct mono trouble; /* when it was last up, while it is not */
	char reason[REASON_BYTES];
	enum publish_state publish_told; /* to the watch */
	struct mono now;		 /* of the turn, while the watch tells */

	uint64_t samples;
	struct mono last_sample;
	int64_t last_info_ns; /* from INFO to its answer */
};

static struct instant
instant(struct target *t, struct mono now)
{
	t->now = now;
	return (struct instant){ now, clock_wall() };
}

/*
 * Each answer as it came, for who records: see docs/PROTOCOL.md.
 */
static void
tell_samples(struct target *t, enum recording_kind kind, const char *text, size_t len,
	     struct instant at)
{
	struct sample sample = { .target = t->config.name,
				 .channel = t->samples_channel };
	char head[80], *whole;
	size_t n;

	if (!bus_wants(t->env->bus, t->samples_channel))
		return;
	n = (size_t)snprintf(head, sizeof(head), "%s %.6f %.6f\n",
			     recording_kind_name(kind),
			     (double)at.mono.ns / (double)NS_PER_S,
			     clock_wall_s(at.wall));
	whole = xcalloc(1, n + len + 1);
	memcpy(whole, head, n);
	memcpy(whole + n, text, len);
	sample.text = whole;
	sample.len = n + len;
	bus_answer(t->env->bus, &sample);
	free(whole);
}

/*
 * State, and what the log and the watch are told of it: one line when a server
 * goes away, one when it is back.
 */

static const char *
advice(const struct target *t)
{
	if (t->state != TARGET_DENIED)
		return "";
	if (strncmp(t->reason, "NOPERM", 6) == 0)
		return t->config.tag != NULL
			       ? "; to grant it: ACL SETUSER <user> +info +spublish &pinfo*"
			       : "; to grant it: ACL SETUSER <user> +info +publish &pinfo*";
	return "; give the password with REDISCLI_AUTH or -a, the user with --user";
}

static void
log_state(const struct target *t, enum target_state was, struct mono now)
{
	char span[CLOCK_SPAN_BYTES];
	const char *server = inquiry_server(t->inquiry);

	switch (t->state) {
	case TARGET_STOPPED:
	case TARGET_STARTING:
		log_info(t->config.name, "%s", report_state_name(t->state));
		break;
	case TARGET_UP:
		if (was == TARGET_STARTING || t->samples == 1)
			log_notice(t->config.name, "up: %s%s%s at %s", server,
				   *server ? " " : "",
				   inquiry_server_version(t->inquiry), t->address);
		else
			log_notice(t->config.name, "up again after %s",
				   clock_span(span, clock_diff_s(now, t->trouble)));
		break;
	default:
		log_warning(t->config.name, "%s: %s (%s)%s",
			    report_state_name(t->state), t->reason, t->address,
			    advice(t));
	}
}

static void
tell_link(struct target *t, struct mono now)
{
	const char *reason;

	t->publish_told = inquiry_publish_state(t->inquiry, &reason);
	watch_link(t->watch, t->state, t->reason, t->publish_told, reason,
		   instant(t, now));
}

static void
tell_heartbeat(struct target *t, struct mono now)
{
	t->heartbeat = false;
	watch_heartbeat(t->watch, t->samples, t->schedule.missed, instant(t, now));
}

static void
set_state(struct target *t, enum target_state state, const char *reason,
	  struct mono now)
{
	enum target_state was = t->state;
	char text[REASON_BYTES + 16];

	/* Also within a state: "refused" may become "timed out". */
	if (strcmp(t->reason, reason) != 0)
		snprintf(t->reason, sizeof(t->reason), "%s", reason);
	if (state == was)
		return;
	t->state = state;
	t->since = now;
	/* What is silent has been so since its last answer. */
	if (was == TARGET_UP || was == TARGET_STARTING)
		t->trouble = was == TARGET_UP && state == TARGET_SILENT ? t->last_sample
									: now;
	log_state(t, was, now);
	if (t->env->changed != NULL)
		t->env->changed(t->env->watcher, now);
	snprintf(text, sizeof(text), "%s %s", report_state_name(state), t->reason);
	tell_samples(t, RECORDING_LINK, text, strlen(text), instant(t, now));
	if (!t->running)
		return;
	tell_link(t, now);
	if (t->heartbeat && state != TARGET_UP)
		tell_heartbeat(t, now);
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
 * The timer: of the next sample, or of a repeated one that the watch wants before.
 */

static void
arm(struct target *t, struct mono now)
{
	struct mono due = schedule_due(&t->schedule), repeat = watch_repeat(t->watch);
	struct timeval tv;

	if (clock_diff_ns(repeat, now) > 0 && clock_diff_ns(repeat, due) < 0)
		due = repeat;
	tv = clock_until(due, now);
	event_add(&t->timer, &tv);
	t->due = due;
}

/* An answer may have made the watch curious, or satisfied it. */
static void
arm_for_repeat(struct target *t, struct mono now)
{
	struct mono repeat = watch_repeat(t->watch);

	if (clock_diff_ns(repeat, now) > 0 && clock_diff_ns(repeat, t->due) < 0)
		arm(t, now);
}

/*
 * What is asked next: the sample that is due, then the rest of a wide one, then
 * what the watch wants. That may be wanted again at the next sample, not before:
 * it may have been refused.
 */

static bool
ask_once(struct target *t, enum snapshot_part part, struct mono now)
{
	if (t->asked_parts & part || !inquiry_ask(t->inquiry, part, now))
		return false;
	t->asked_parts |= part;
	return true;
}

static void
ask_next(struct target *t, struct mono now)
{
	if (!t->running || !inquiry_can_ask(t->inquiry))
		return;
	if (schedule_wants(&t->schedule, now)) {
		if (inquiry_ask(t->inquiry, SNAPSHOT_NARROW, now))
			schedule_asked(&t->schedule, now);
		return;
	}
	if (inquiry_go_on(t->inquiry, now))
		return;
	switch (watch_wants(t->watch, now)) {
	case WATCH_WANTS_WIDE:
		ask_once(t, SNAPSHOT_WIDE, now);
		break;
	case WATCH_WANTS_CONFIG:
		ask_once(t, SNAPSHOT_CONFIG, now);
		break;
	case WATCH_WANTS_NOTHING:
		break;
	}
}

/*
 * What the server says.
 */

/* The server's own words, or JSON of them, go to all who want the feed. */
static void
publish(struct target *t, const struct reply *r, struct instant at)
{
	struct sample sample = {
		.target = t->config.name,
		.channel = t->config.channel,
		.text = r->text,
		.len = r->len,
	};
	char *json = NULL;

	if (t->config.json) {
		json = feed_json(t->watch, t->config.name, t->address, r->text, r->len,
				 at);
		sample.text = json;
		sample.len = strlen(json);
	}
	inquiry_publish(t->inquiry, sample.text, sample.len, r->now);
	bus_sample(t->env->bus, &sample);
	free(json);
}

static void
take(struct target *t, const struct reply *r)
{
	struct instant at = instant(t, r->now);
	bool published = schedule_answered(&t->schedule);

	t->samples++;
	t->last_sample = r->now;
	t->last_info_ns = clock_diff_ns(r->now, r->sent);
	t->asked_parts = 0;
	set_state(t, TARGET_UP, "", r->now);
	tell_samples(t, RECORDING_NARROW, r->text, r->len, at);
	/* Before the feed, which tells of what is known with this sample. */
	watch_narrow(t->watch, r->text, r->len, at);
	if (published)
		publish(t, r, at);
	if (t->heartbeat)
		tell_heartbeat(t, r->now);
	arm_for_repeat(t, r->now);
}

static void
on_narrow(void *owner, const struct reply *r)
{
	struct target *t = owner;

	if (r->kind == REPLY_TEXT) {
		take(t, r);
		return;
	}
	schedule_refused(&t->schedule);
	set_state(t, state_of(fault_of_error(r->text)), r->text, r->now);
}

static void
on_wide(void *owner, const char *text, size_t len, struct mono sent, struct mono now)
{
	struct target *t = owner;
	struct instant at = instant(t, now);
	const char *id = target_replication_id(t);
	char before[64];

	snprintf(before, sizeof(before), "%s", id);
	tell_samples(t, RECORDING_WIDE, text, len, at);
	watch_wide(t->watch, text, len, sent, at);
	id = target_replication_id(t);
	if (t->env->learnt != NULL && id[0] != '\0' && strcmp(before, id) != 0)
		t->env->learnt(t->env->owner, t);
	arm_for_repeat(t, now);
}

static void
on_config(void *owner, const char *text, size_t len, struct mono now)
{
	struct target *t = owner;
	struct instant at = instant(t, now);

	tell_samples(t, RECORDING_CONFIG, text, len, at);
	watch_config(t->watch, text, len, at);
}

static void
on_refused(void *owner, enum snapshot_part part, const char *why, struct mono now)
{
	struct target *t = owner;

	watch_refused(t->watch, part, why, instant(t, now));
}

static void
on_trouble(void *owner, enum fault fault, const char *reason, struct mono now)
{
	set_state(owner, state_of(fault), reason, now);
}

static void
on_connected(void *owner, struct mono now)
{
	struct target *t = owner;

	schedule_retry(&t->schedule);
	tell_samples(t, RECORDING_LINK, "connected", strlen("connected"),
		     instant(t, now));
	watch_connected(t->watch, instant(t, now));
}

static void
tell_publish(struct target *t, struct mono now)
{
	char text[REASON_BYTES + 32];
	const char *reason;
	enum publish_state state = inquiry_publish_state(t->inquiry, &reason);

	snprintf(text, sizeof(text), "publish %s %s", report_publish_name(state),
		 reason != NULL ? reason : "");
	tell_samples(t, RECORDING_LINK, text, strlen(text), instant(t, now));
	tell_link(t, now);
}

static void
on_turned(void *owner, struct mono now)
{
	struct target *t = owner;
	const char *reason;

	if (!t->running)
		return;
	if (inquiry_publish_state(t->inquiry, &reason) != t->publish_told)
		tell_publish(t, now);
	ask_next(t, now);
}

static const struct inquiry_handlers inquiry_handlers = {
	.narrow = on_narrow,
	.wide = on_wide,
	.config = on_config,
	.refused = on_refused,
	.trouble = on_trouble,
	.connected = on_connected,
	.turned = on_turned,
};

static void
on_notice(void *owner, struct notice *notice)
{
	struct target *t = owner;

	if (t->env->notice != NULL)
		t->env->notice(t->env->owner, t, notice);
}

static const struct watch_handlers watch_handlers = {
	.notice = on_notice,
};

/*
 * The schedule.
 */

static void
turn(struct target *t, struct mono now)
{
	bool unanswered = t->schedule.wanted || t->state != TARGET_UP;
	enum schedule_turn turned = schedule_turn(&t->schedule, now);

	if (turned != SCHEDULE_SAME && unanswered)
		tell_link(t, now);
	if (turned == SCHEDULE_TICK) {
		/*
		 * With the answer it costs the server no turn of its own; while
		 * there is none to be had it is told at once.
		 */
		if (t->heartbeat || t->state != TARGET_UP)
			tell_heartbeat(t, now);
		t->heartbeat = t->state == TARGET_UP;
	}
	ask_next(t, now);
	arm(t, now);
}

/* pinfod was held up, or the machine slept: what happened meanwhile was not seen. */
static void
check_gap(struct target *t, struct mono now)
{
	int64_t asleep = clock_asleep_ns();
	double late = (double)(clock_diff_ns(now, t->due) + asleep - t->asleep_ns) /
		      (double)NS_PER_S;

	t->asleep_ns = asleep;
	if (late > t->config.rules.limit[T_GAP_FOR])
		watch_gap(t->watch, late, instant(t, now));
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct target *t = arg;
	struct mono now = clock_now(), repeat = watch_repeat(t->watch);

	(void)fd, (void)what;
	check_gap(t, now);
	if (repeat.ns != 0 && clock_diff_ns(repeat, now) <= 0)
		t->schedule.extra = true;
	turn(t, now);
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
	t->since = clock_now();
	schedule_init(&t->schedule, config->interval_ns, config->sample_ns);
	endpoint_text(&t->config.endpoint, t->address);
	t->samples_channel = xasprintf(TARGET_SAMPLES_CHANNEL "%s", t->config.name);
	t->inquiry = inquiry_new(env->base, env->resolver, t->config.name,
				 &t->config.endpoint, &inquiry_handlers, t);
	inquiry_set_channels(t->inquiry, config->channel, config->notices, config->tag);
	t->watch = watch_new(t->config.name, &t->config.rules, &watch_handlers, t);
	watch_set_address(t->watch, t->address, t->config.identity,
			  instant(t, t->since));
	evtimer_assign(&t->timer, env->base, timer_cb, t);
	return t;
}

void
target_free(struct target *t)
{
	if (t == NULL)
		return;
	event_del(&t->timer);
	inquiry_free(t->inquiry);
	watch_free(t->watch);
	target_config_fini(&t->config);
	free(t->samples_channel);
	free(t);
}

void
target_start(struct target *t, struct mono first, struct mono now)
{
	if (t->running)
		return;
	t->running = true;
	t->asleep_ns = clock_asleep_ns();
	/* The first narrow sample comes first. */
	t->asked_parts = SNAPSHOT_WIDE | SNAPSHOT_CONFIG;
	watch_started(t->watch, instant(t, now));
	set_state(t, TARGET_STARTING, "", now);
	inquiry_open(t->inquiry, now);
	schedule_start(&t->schedule, first);
	turn(t, now);
}

void
target_stop(struct target *t, struct mono now)
{
	if (!t->running)
		return;
	/* While it can still be published. */
	watch_stopped(t->watch, instant(t, now));
	t->running = t->heartbeat = false;
	t->schedule.polled = false;
	event_del(&t->timer);
	inquiry_close(t->inquiry);
	set_state(t, TARGET_STOPPED, "", now);
}

void
target_leave(struct target *t, struct mono now)
{
	if (t->running)
		watch_left(t->watch, instant(t, now));
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
	if (t->state == TARGET_UP ||
	    (inquiry_is_ready(t->inquiry) && !inquiry_is_asking(t->inquiry)))
		return NULL;
	return "DOWN";
}

void
target_poll(struct target *t, struct mono now)
{
	t->schedule.polled = true;
	ask_next(t, now);
}

int64_t
target_interval_ns(const struct target *t)
{
	return t->schedule.interval_ns;
}

static void
set_schedule(struct target *t, int64_t interval_ns, struct mono now)
{
	schedule_set(&t->schedule, interval_ns, t->config.sample_ns, now);
	if (t->running)
		turn(t, now);
}

void
target_set_interval(struct target *t, int64_t interval_ns, struct mono now)
{
	if (interval_ns != t->schedule.interval_ns)
		set_schedule(t, interval_ns, now);
}

static void
reconnect(struct target *t, struct mono now)
{
	inquiry_close(t->inquiry);
	if (!t->running)
		return;
	set_state(t, TARGET_STARTING, "", now);
	/* How it is there is news: it is not to wait for the next sample. */
	t->schedule.extra = true;
	inquiry_open(t->inquiry, now);
}

/* Who subscribes to the feed of a shard's has to follow it. */
static void
set_channels(struct target *t, const char *old_tag)
{
	const char *tag = t->config.tag;
	char *was = xstrdup(inquiry_channel(t->inquiry));

	inquiry_set_channels(t->inquiry, t->config.channel, t->config.notices, tag);
	if (!xstrsame(tag, old_tag))
		log_notice(t->config.name,
			   "published on %s from now on, and no longer on %s",
			   inquiry_channel(t->inquiry), was);
	free(was);
}

void
target_configure(struct target *t, const struct target_config *config, struct mono now)
{
	struct target_config old = t->config;

	target_config_copy(&t->config, config);
	/* Links, publisher and watch have borrowed the name. */
	free(t->config.name);
	t->config.name = old.name;
	old.name = NULL;
	/* The old server is still connected: what is told of it is published there. */
	endpoint_text(&t->config.endpoint, t->address);
	watch_set_address(t->watch, t->address, t->config.identity, instant(t, now));
	set_channels(t, old.tag);
	/* Also when they are the same: after a reload what is open is told anew. */
	watch_set_rules(t->watch, &t->config.rules, instant(t, now));
	if (!endpoint_same(&old.endpoint, &t->config.endpoint))
		reconnect(t, now);
	/* An INTERVAL that somebody gave meanwhile outlives other changes. */
	if (old.interval_ns != t->config.interval_ns)
		target_set_interval(t, t->config.interval_ns, now);
	if (old.sample_ns != t->config.sample_ns)
		set_schedule(t, t->schedule.interval_ns, now);
	target_config_fini(&old);
}

const char *
target_replication_id(const struct target *t)
{
	const struct snapshot *s = watch_snapshot(t->watch);

	return s != NULL ? s->replication_id : "";
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

const struct target_config *
target_config(const struct target *t)
{
	return &t->config;
}

const char *
target_notices_channel(const struct target *t)
{
	return t->config.notices != NULL ? t->config.notices : TARGET_NOTICES_CHANNEL;
}

bool
target_publishes_notices(const struct target *t)
{
	return t->config.notices != NULL;
}

void
target_tell(struct target *t, struct notice *notice, struct mono now)
{
	t->now = now;
	on_notice(t, notice);
}

void
target_publish_notice(struct target *t, const char *json, bool fleeting)
{
	if (!fleeting || t->state == TARGET_UP)
		inquiry_notice(t->inquiry, json, fleeting, t->now);
}

struct watch *
target_watch(const struct target *t)
{
	return t->watch;
}

void
target_report(const struct target *t, struct mono now, struct target_report *r)
{
	const struct snapshot *s = watch_snapshot(t->watch);

	*r = (struct target_report){
		.name = t->config.name,
		.address = t->address,
		.state = t->state,
		.since_s = clock_diff_s(now, t->since),
		.reason = t->reason[0] != '\0' ? t->reason : NULL,
		.user = t->config.endpoint.user,
		.role = s != NULL ? s->role : "",
		.replication_id = s != NULL ? s->replication_id : "",
		.identity = t->config.identity,
		.interval_ns = t->schedule.interval_ns,
		.tag = t->config.tag,
		.samples = t->samples,
		.missed = t->schedule.missed,
		.last_sample_age_s =
			t->samples > 0 ? clock_diff_s(now, t->last_sample) : -1,
		.last_info_ms = t->samples > 0
					? (double)t->last_info_ns / (double)NS_PER_MS
					: -1,
	};
	inquiry_report(t->inquiry, r);
	if (r->notices == NULL)
		r->notices = TARGET_NOTICES_CHANNEL;
}
