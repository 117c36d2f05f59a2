/*
 * target: one watched server: what it is told to do, and what it says of it.
 *
 * It puts together a schedule (when), an inquiry (what is asked, over which link)
 * and a watch (what follows from the answers): it feeds the watch, asks what the
 * watch wants, and hands on what it tells.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "report.h"

struct bus;
struct event_base;
struct notice;
struct resolver;
struct target;
struct target_config;
struct watch;

/* What all targets share; borrowed for their lives. */
struct target_env {
	struct event_base *base;
	struct bus *bus;
	struct resolver *resolver;
	/* The target has learnt which replication group it is of. NULL is fine. */
	void (*learnt)(void *owner, struct target *target);
	/* Its watch tells something; borrowed for the call. NULL is fine. */
	void (*notice)(void *owner, struct target *target, struct notice *notice);
	void *owner;
	/* A target's state has changed; NULL: nobody wants to know. Only note it. */
	void (*changed)(void *watcher, struct mono now);
	void *watcher;
};

/*
 * The channel on the control socket that carries each answer of the target of
 * that name, see docs/PROTOCOL.md.
 */
#define TARGET_SAMPLES_CHANNEL "pinfod:samples:"

/* Where notices are told on the control socket when they are not published. */
#define TARGET_NOTICES_CHANNEL "pinfo:notice"

/* A target in state stopped. It keeps a copy of the configuration. */
struct target *target_new(const struct target_env *env,
			  const struct target_config *config);

/* NULL is fine. Not from inside a bus_sample of its own. */
void target_free(struct target *target);

/*
 * Connects now, and samples and publishes from `first` (now or later) on,
 * every interval. A target that runs goes on as it is.
 */
void target_start(struct target *target, struct mono first, struct mono now);

/* Ends all that; an answer on its way is discarded. */
void target_stop(struct target *target, struct mono now);

/* Before it is freed because nobody lists it any more: that is told. */
void target_leave(struct target *target, struct mono now);

bool target_is_running(const struct target *target);

/* Why target_poll would fail now, as an error of the control protocol, or NULL. */
const char *target_cannot_poll(const struct target *target);

/*
 * Asks for one sample beside the schedule, to be published, now or as soon as
 * the last PUBLISH is answered; one that is on its way already will do. Only
 * when target_cannot_poll says NULL.
 */
void target_poll(struct target *target, struct mono now);

int64_t target_interval_ns(const struct target *target);

/* The next tick comes that long after the last one, or now if that is past. */
void target_set_interval(struct target *target, int64_t interval_ns, struct mono now);

/*
 * Takes over another configuration of the same name. What did not change goes
 * on: connection, grid and counters; another address, user or password is
 * connected to anew.
 */
void target_configure(struct target *target, const struct target_config *config,
		      struct mono now);

/* "" until the server has told. */
const char *target_replication_id(const struct target *target);

/* Of the feed; on the server it is followed by the tag, if there is one. */
const char *target_channel(const struct target *target);

const char *target_name(const struct target *target);

/* What it was told last. */
const struct target_config *target_config(const struct target *target);

/* The same of the notices; never NULL. */
const char *target_notices_channel(const struct target *target);

/* Whether notices are published on the server. */
bool target_publishes_notices(const struct target *target);

/*
 * Publishes a notice on the server, now or when that is possible again; one that
 * is fleeting now, if the server is up, or never. Only from inside env->notice.
 */
void target_publish_notice(struct target *target, const char *json, bool fleeting);

/* Hands on what is still open, for who could not know, as if it were told now. */
void target_tell(struct target *target, struct notice *notice, struct mono now);

/* What is known of it, for reports, the state file and the operator's word. */
struct watch *target_watch(const struct target *target);

/* Fills *report; its strings are borrowed until the loop turns. */
void target_report(const struct target *target, struct mono now,
		   struct target_report *report);

#endif
