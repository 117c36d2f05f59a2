/*
 * fleet: see fleet.h.
 */
#include "fleet.h"

#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "glob.h"
#include "history_file.h"
#include "log.h"
#include "notice.h"
#include "report.h"
#include "silences.h"
#include "target.h"
#include "target_config.h"
#include "watch.h"
#include "xalloc.h"

#define SPREAD_NS NS_PER_S
#define SILENCES_LOOK_NS (60 * NS_PER_S)
/*
 * Targets that begin on the same step wake the loop together, which is most of
 * what a timer wheel would give: the system calls of a turn for a step, not for
 * a target. Measured at 100 targets: 27 us a poll with ten on a step, 80 with two.
 */
#define STEPS_MAX 50
#define TARGETS_A_STEP 10

/* The last START or STOP of all; who is found later is as they are. */
enum order {
	NOTHING, /* so each is as its configuration says */
	TO_START,
	TO_STOP,
};

struct fleet {
	struct target_env env;
	struct silences *silences;	   /* NULL: none */
	struct event *silence_ends;	   /* the next one, or some time before it */
	struct history_file *history_file; /* NULL: none */
	struct target **targets;	   /* in the order of the configuration */
	uint64_t *marks;		   /* of each target, see mark_of */
	size_t count;
	enum order ordered;
	int64_t interval_ns; /* that was ordered for all; 0: none */
};

/*
 * Two targets of one replication group on one channel: a PUBLISH on a master
 * reaches the subscribers of its replicas, so these get both feeds mixed.
 */

static uint64_t
hash(uint64_t h, const char *text)
{
	/* FNV-1a, and the NUL with it. */
	do
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	while (*text++ != '\0');
	return h;
}

/*
 * Equal for those that replicate with each other and have one channel. Each of
 * thousands is compared with all others when it connects: these lie side by side.
 */
static uint64_t
mark_of(const struct target *t)
{
	return hash(hash(UINT64_C(0xcbf29ce484222325), target_replication_id(t)),
		    target_channel(t));
}

static bool
mixes(const struct target *a, const struct target *b)
{
	return a != b && strcmp(target_channel(a), target_channel(b)) == 0 &&
	       strcmp(target_replication_id(a), target_replication_id(b)) == 0;
}

static void
on_learnt(void *owner, struct target *t)
{
	struct fleet *f = owner;
	const struct target *other = NULL;
	uint64_t mark = mark_of(t);

	for (size_t i = 0; i < f->count; i++) {
		if (f->targets[i] == t)
			f->marks[i] = mark;
		else if (other == NULL && f->marks[i] == mark &&
			 mixes(f->targets[i], t))
			other = f->targets[i];
	}
	if (other == NULL)
		return;
	log_warning(target_name(t),
		    "it replicates with %s, and both publish on %s: what is "
		    "published on the master reaches its replicas' subscribers, too; "
		    "give each a channel of its own (channel = \"%s:{name}\")",
		    target_name(other), target_channel(t), target_channel(t));
}

/*
 * Notices.
 */

static enum log_level
level_of_severity(enum severity severity)
{
	switch (severity) {
	case SEVERITY_CRITICAL:
		return LOG_LEVEL_ERROR;
	case SEVERITY_WARNING:
		return LOG_LEVEL_WARNING;
	case SEVERITY_NONE:
	case SEVERITY_INFO:
		break;
	}
	return LOG_LEVEL_INFO;
}

static enum log_level
level_of(const struct notice *n)
{
	/* The target's own lines tell these already; these others are no news. */
	if (strncmp(n->incident, "link.", 5) == 0 ||
	    strncmp(n->incident, "publish.", 8) == 0 || n->silenced ||
	    n->kind == NOTICE_OPEN)
		return LOG_LEVEL_INFO;
	/* It is no fault, but what a failover may have lost stands nowhere else. */
	if (n->kind == NOTICE_CLEARED || strcmp(n->incident, "role.switched") == 0)
		return LOG_LEVEL_NOTICE;
	return level_of_severity(n->severity);
}

static void
log_it(const struct notice *n)
{
	enum log_level level = level_of(n);
	char *line;

	if (n->kind == NOTICE_HEARTBEAT || !log_wants(level))
		return;
	line = notice_line(n);
	log_line(level, n->target, "%s", line);
	free(line);
}

static void
on_told(void *owner, struct target *t, struct notice *n)
{
	struct fleet *f = owner;
	struct bus_notice message = {
		.notice = n,
		.channel = target_notices_channel(t),
	};
	/* A heartbeat says that somebody watches: silence would say the contrary. */
	bool heartbeat = n->kind == NOTICE_HEARTBEAT;
	char *json = NULL;

	n->silenced = !heartbeat && f->silences != NULL &&
		      silences_match(f->silences, n->incident, n->target, n->at);
	log_it(n);
	if (n->silenced)
		return;
	if (target_publishes_notices(t) || bus_wants(f->env.bus, message.channel)) {
		message.json = json = notice_json(n);
		message.len = strlen(json);
		target_publish_notice(t, json, heartbeat);
	}
	bus_notice(f->env.bus, &message);
	free(json);
}

/*
 * Silences. When one ends, what is open still is told: who listens could not know.
 */

static void
tell_again(struct fleet *f, const char *incidents, const char *targets,
	   struct instant at)
{
	struct notice n;

	for (size_t i = 0; i < f->count; i++) {
		struct target *t = f->targets[i];

		if (!glob_match(targets, target_name(t)))
			continue;
		for (unsigned k = 0; watch_open(target_watch(t), k, at, &n); k++) {
			if (glob_match(incidents, n.incident))
				target_tell(t, &n, at.mono);
		}
	}
}

/* The wall clock may be set: it is looked at anew once a minute. */
static void
arm_silences(struct fleet *f, struct instant at)
{
	const struct silence *first = silences_at(f->silences, 0);
	int64_t ns = first != NULL ? first->until.ns - at.wall.ns : 0;
	struct timeval tv;

	if (first == NULL)
		return;
	if (ns > SILENCES_LOOK_NS)
		ns = SILENCES_LOOK_NS;
	tv = clock_until(clock_add_ns(at.mono, ns), at.mono);
	event_add(f->silence_ends, &tv);
}

static void
silence_ends_cb(evutil_socket_t fd, short what, void *arg)
{
	struct instant at = { clock_now(), clock_wall() };
	struct fleet *f = arg;
	const struct silence *s;

	(void)fd, (void)what;
	while ((s = silences_at(f->silences, 0)) != NULL && s->until.ns <= at.wall.ns) {
		char *incidents = xstrdup(s->incidents), *targets = xstrdup(s->targets);

		silences_remove(f->silences, incidents, targets);
		log_notice(NULL, "the silence of %s on %s is over", incidents, targets);
		tell_again(f, incidents, targets, at);
		free(incidents);
		free(targets);
	}
	arm_silences(f, at);
}

void
fleet_watch(struct fleet *f, void (*changed)(void *watcher, struct mono now),
	    void *watcher)
{
	f->env.changed = changed;
	f->env.watcher = watcher;
}

void
fleet_set_silences(struct fleet *f, struct silences *silences)
{
	f->silences = silences;
	if (silences != NULL)
		arm_silences(f, (struct instant){ clock_now(), clock_wall() });
}

const struct silences *
fleet_silences(const struct fleet *f)
{
	return f->silences;
}

bool
fleet_silence(struct fleet *f, const char *incidents, const char *targets,
	      struct wall until, struct instant at)
{
	if (f->silences == NULL)
		return false;
	if (!silences_add(f->silences, incidents, targets, until))
		return false;
	arm_silences(f, at);
	return true;
}

bool
fleet_unsilence(struct fleet *f, const char *incidents, const char *targets,
		struct instant at)
{
	if (f->silences == NULL)
		return false;
	if (!silences_remove(f->silences, incidents, targets))
		return false;
	tell_again(f, incidents, targets, at);
	return true;
}

void
fleet_set_history(struct fleet *f, struct history_file *file)
{
	f->history_file = file;
}

struct fleet *
fleet_new(struct event_base *base, struct bus *bus, struct resolver *resolver)
{
	struct fleet *f = xcalloc(1, sizeof(*f));

	f->env = (struct target_env){
		.base = base,
		.bus = bus,
		.resolver = resolver,
		.learnt = on_learnt,
		.notice = on_told,
		.owner = f,
	};
	f->silence_ends = event_new(base, -1, 0, silence_ends_cb, f);
	return f;
}

/*
 * Targets come and go.
 */

static struct target *
add(struct fleet *f, const struct target_config *config)
{
	struct target *t = target_new(&f->env, config);

	history_file_attach(f->history_file, target_name(t),
			    watch_history(target_watch(t)));
	return t;
}

static void
drop(struct fleet *f, struct target *t)
{
	history_file_detach(f->history_file, target_name(t), clock_wall());
	target_free(t);
}

void
fleet_free(struct fleet *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->count; i++)
		drop(f, f->targets[i]);
	event_free(f->silence_ends);
	free(f->targets);
	free(f->marks);
	free(f);
}

static int
compare(const void *a, const void *b)
{
	struct target *const *x = a, *const *y = b;

	return strcmp(target_name(*x), target_name(*y));
}

static int
compare_key(const void *key, const void *b)
{
	struct target *const *y = b;

	return strcmp(key, target_name(*y));
}

/* When the i-th of count samples first: within a second, a few at once. */
static struct mono
first_of(size_t i, size_t count, struct mono now)
{
	size_t steps = (count + TARGETS_A_STEP - 1) / TARGETS_A_STEP;

	if (steps > STEPS_MAX)
		steps = STEPS_MAX;
	return clock_add_ns(now,
			    (int64_t)(i * steps / count) * SPREAD_NS / (int64_t)steps);
}

/* Each target by name from what there was, or new. *fresh: which of them are. */
static void
take_over(struct fleet *f, const struct target_config *configs, size_t count,
	  struct target **old, bool *kept, size_t old_count, bool *fresh)
{
	for (size_t i = 0; i < count; i++) {
		struct target **found = NULL;

		if (old_count > 0)
			found = bsearch(configs[i].name, old, old_count, sizeof(old[0]),
					compare_key);
		fresh[i] = found == NULL;
		if (found != NULL)
			kept[found - old] = true;
		f->targets[i] = found != NULL ? *found : add(f, &configs[i]);
	}
}

/* What was ordered ends when the configurations themselves say something new. */
static bool
intervals_change(const struct fleet *f, const struct target_config *configs,
		 const bool *fresh)
{
	for (size_t i = 0; i < f->count; i++) {
		if (!fresh[i] &&
		    target_config(f->targets[i])->interval_ns != configs[i].interval_ns)
			return true;
	}
	return false;
}

/* A reload tells all of them, who then tell anew what is open. */
static void
tell(struct fleet *f, enum fleet_change change, const struct target_config *configs,
     const bool *fresh, struct mono now)
{
	if (change == FLEET_RELOAD && intervals_change(f, configs, fresh))
		f->interval_ns = 0;
	for (size_t i = 0; i < f->count; i++) {
		struct target *t = f->targets[i];
		bool start = !configs[i].stopped;

		if (change == FLEET_DISCOVERY && f->ordered != NOTHING)
			start = f->ordered == TO_START;
		if (change == FLEET_DISCOVERY && fresh[i] && f->interval_ns > 0)
			target_set_interval(t, f->interval_ns, now);
		if (fresh[i] && start)
			target_start(t, first_of(i, f->count, now), now);
		else if (!fresh[i] &&
			 (change == FLEET_RELOAD ||
			  !target_config_same(target_config(t), &configs[i])))
			target_configure(t, &configs[i], now);
	}
}

void
fleet_configure(struct fleet *f, enum fleet_change change,
		const struct target_config *configs, size_t count, struct mono now)
{
	struct target **old = f->targets;
	size_t old_count = f->count;
	bool *kept = xcalloc(old_count + 1, sizeof(kept[0]));
	bool *fresh = xcalloc(count + 1, sizeof(fresh[0]));

	f->targets = xcalloc(count, sizeof(f->targets[0]));
	f->count = count;
	if (old_count > 0)
		qsort(old, old_count, sizeof(old[0]), compare);
	take_over(f, configs, count, old, kept, old_count, fresh);
	for (size_t i = 0; i < old_count; i++) {
		if (kept[i])
			continue;
		/* Of others their group says why, and who says so. */
		if (change == FLEET_RELOAD)
			log_notice(target_name(old[i]), "no longer configured");
		target_leave(old[i], now);
		drop(f, old[i]);
	}
	free(f->marks);
	f->marks = xcalloc(count, sizeof(f->marks[0]));
	tell(f, change, configs, fresh, now);
	for (size_t i = 0; i < count; i++)
		f->marks[i] = mark_of(f->targets[i]);
	free(fresh);
	free(kept);
	free(old);
}

size_t
fleet_count(const struct fleet *f)
{
	return f->count;
}

struct target *
fleet_at(const struct fleet *f, size_t i)
{
	return f->targets[i];
}

void
fleet_start(struct fleet *f, struct mono now)
{
	f->ordered = TO_START;
	for (size_t i = 0; i < f->count; i++)
		target_start(f->targets[i], first_of(i, f->count, now), now);
}

void
fleet_stop(struct fleet *f, struct mono now)
{
	f->ordered = TO_STOP;
	for (size_t i = 0; i < f->count; i++)
		target_stop(f->targets[i], now);
}

void
fleet_set_interval(struct fleet *f, int64_t interval_ns, struct mono now)
{
	f->interval_ns = interval_ns;
	for (size_t i = 0; i < f->count; i++)
		target_set_interval(f->targets[i], interval_ns, now);
}

struct target_report *
fleet_report(const struct fleet *f, struct mono now)
{
	struct target_report *reports = xcalloc(f->count, sizeof(reports[0]));

	for (size_t i = 0; i < f->count; i++)
		target_report(f->targets[i], now, &reports[i]);
	return reports;
}
