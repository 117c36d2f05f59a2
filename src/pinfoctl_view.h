/*
 * view: what STATUS JSON says, as plain structs.
 *
 * All texts are printable ASCII and bounded, all numbers finite, whatever was sent.
 */
#ifndef PINFOCTL_VIEW_H
#define PINFOCTL_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "json.h"

struct pinfoctl;
struct trouble;
struct wire;

/*
 * One target. Texts are NULL and numbers negative where the daemon said null, or
 * nothing; name, address, state, channel and publish_state are never NULL.
 * Names as in docs/PROTOCOL.md; but channel and notices are without the tag, as the
 * control socket has them.
 */
struct view_target {
	const char *name, *address, *state, *reason, *channel, *notices;
	const char *tag, *identity;
	const char *role, *server, *server_version, *user;
	const char *publish_state, *publish_reason;
	double since_s, interval_s, last_sample_age_s, last_info_ms;
	double published, missed, dropped;
	/* Open incidents; -1: the daemon does not tell. */
	double critical, warning;
	double risk_s, risk_operations;
};

/* A group of targets; name and kind are never NULL, trouble is where there is none. */
struct view_group {
	const char *name, *kind, *trouble;
	double targets, sources, heard, agree;
	bool settled;
};

/* An open incident; texts as above, and none is NULL. */
struct view_incident {
	const char *target, *id, *severity, *summary;
	bool acked, silenced;
};

struct view {
	json_t *json; /* owns the texts; they are in it in place of what was sent */
	const char *version, *config_error;
	double pid, uptime_s;
	struct view_target *targets;
	size_t count;
	struct view_group *groups;
	size_t group_count;
	json_t *incidents_json; /* as json, for the incidents */
	struct view_incident *incidents;
	size_t incident_count;
};

/*
 * STATUS JSON of one target (NULL: of all) as it was sent, for the caller to free.
 * NULL: trouble.
 */
json_t *view_ask(struct wire *wire, const char *target, struct trouble *trouble);

/* Takes over what view_ask returned, also when it fails: false, trouble. */
bool view_read(struct view *view, json_t *json, struct trouble *trouble);

/* May be called twice. */
void view_fini(struct view *view);

/* Asks and reads on a connection of its own. False: trouble. */
bool view_get(struct view *view, const struct pinfoctl *ctl, struct trouble *trouble);

/*
 * Asks which incidents are open, if there are any, and reads them. False: trouble.
 */
bool view_get_incidents(struct view *view, const struct pinfoctl *ctl,
			struct trouble *trouble);

/* Whether nobody wants to be told of it any more, or for now. */
bool view_is_quiet(const struct view_incident *incident);

/* Whether the target is watched and its server does not answer as it should. */
bool view_is_bad(const struct view_target *target);

/* Whether PUBLISH does not work there. */
bool view_publish_is_bad(const struct view_target *target);

/*
 * "sentinel, 2 of 3 heard, 2 agree, 3 targets; Connection refused"; the caller frees
 * it.
 */
char *view_group_text(const struct view_group *group);

/* "down for 12 s: Connection refused"; the caller frees it. */
char *view_state_text(const struct view_target *target);
/* "PUBLISH denied: NOPERM ..."; the caller frees it. */
char *view_publish_text(const struct view_target *target);

#endif
