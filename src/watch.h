/*
 * watch: what is known of one server's persistence, sample by sample, and the
 * notices that follow from it. No I/O and no clock: target feeds it what came,
 * and asks it what to ask next; a replay feeds it a recording.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"
#include "history.h"
#include "notice.h"
#include "report.h"
#include "snapshot.h"
#include "target_config.h"

struct rules;
struct watch;

struct watch_handlers {
	/* Something is to be told; borrowed for the call. */
	void (*notice)(void *owner, struct notice *notice);
};

/* What to ask beside the samples that the schedule takes. */
enum watch_want {
	WATCH_WANTS_NOTHING,
	WATCH_WANTS_WIDE,   /* the wide sections, now */
	WATCH_WANTS_CONFIG, /* CONFIG GET save, now */
};

/* name, rules, handlers are borrowed; rules may be replaced. */
struct watch *watch_new(const char *name, const struct rules *rules,
			const struct watch_handlers *handlers, void *owner);

/* NULL is fine. */
void watch_free(struct watch *w);

/* Open incidents are told anew, those that the rules switch off are cleared. */
void watch_set_rules(struct watch *w, const struct rules *rules, struct instant at);

/* The target is watched from now on, or no longer: what is open is closed. */
void watch_started(struct watch *w, struct instant at);
void watch_stopped(struct watch *w, struct instant at);

/*
 * The same for one that is watched no more because nobody lists it: it is told, and
 * what is known of the server's run stays in the history, for it may come back.
 */
void watch_left(struct watch *w, struct instant at);

/* An answer: INFO persistence; all of the wide sections together; save points. */
void watch_narrow(struct watch *w, const char *text, size_t len, struct instant at);
/* sent: when the first of its requests went out. */
void watch_wide(struct watch *w, const char *text, size_t len, struct mono sent,
		struct instant at);
/* text: lines `name:value`. */
void watch_config(struct watch *w, const char *text, size_t len, struct instant at);

/* It could not be had on this connection: refused, or too long. */
void watch_refused(struct watch *w, enum snapshot_part part, const char *why,
		   struct instant at);

/*
 * How the link is; also when it is as before: while no answer comes this is to
 * be called as often as samples are due, so that what depends on time goes on.
 * reason: "" when there is nothing to say.
 */
void watch_link(struct watch *w, enum target_state state, const char *reason,
		enum publish_state publish, const char *publish_reason,
		struct instant at);

/* A connection was made: what is known of the run may be old. */
void watch_connected(struct watch *w, struct instant at);

/* pinfod itself took no sample for that long, though it should have. */
void watch_gap(struct watch *w, double seconds, struct instant at);

/* Tells a heartbeat with these counts. */
void watch_heartbeat(struct watch *w, uint64_t samples, uint64_t missed,
		     struct instant at);

/* Call it when an answer has come and before sleeping. */
enum watch_want watch_wants(const struct watch *w, struct mono now);

/* When one more INFO persistence is wanted between samples; 0: none. */
struct mono watch_repeat(const struct watch *w);

/* What was learnt; to be set before the first sample, and read any time. */
struct history *watch_history(struct watch *w);

/* The latest snapshot; NULL before the first. */
const struct snapshot *watch_snapshot(const struct watch *w);

struct at_risk watch_at_risk(const struct watch *w, struct instant at);

/*
 * Where it is from now on, and what it means when what was learnt comes from
 * another address:
 *
 * IDENTITY_ADDRESS: this is another server. What is open is closed at once, and
 * what was learnt is forgotten when the first answer comes.
 * IDENTITY_ROLE: another run that is seen there is told as role.switched, and is
 * compared with what was learnt: its keys. What is open follows the samples.
 * IDENTITY_NODE: nothing.
 *
 * But for the last, a call with another address than before also ends the snapshot
 * that there is. Call it while what is told can still be published at the old one.
 */
void watch_set_address(struct watch *w, const char *address,
		       enum target_identity identity, struct instant at);

/*
 * The open incidents as notices of kind NOTICE_OPEN, one after another, the
 * operator's own rules included. False past the last.
 */
bool watch_open(const struct watch *w, unsigned i, struct instant at,
		struct notice *notice);

/* How many are open, by severity; acknowledged and silenced ones too. */
void watch_counts(const struct watch *w, unsigned *warning, unsigned *critical);

/* Acknowledges an open incident; false when it is not open. */
bool watch_ack(struct watch *w, const char *incident, struct instant at);

/*
 * What cannot be known on this server and why, one line each: "rdb.save_stuck:
 * needs current_save_keys_processed"; NULL past the last. Borrowed.
 */
const char *watch_blind(struct watch *w, unsigned i);

#endif
