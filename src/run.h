/*
 * run: what is learnt of the run that a server is in, from sample to sample: whom
 * its child writes for, when it saved, what its counters were. Pure: watch calls
 * it before and after each sample is judged.
 *
 * A run is the life of one server process, from its start to its end.
 */
#ifndef RUN_H
#define RUN_H

#include "facts.h"
#include "history.h"
#include "incidents.h"
#include "notice.h"
#include "snapshot.h"
#include "target_config.h"

/* The samples that are compared. watch fills it. */
struct samples {
	struct snapshot cur, prev;
	unsigned fresh;		/* parts of cur that were not judged yet */
	bool comparable;	/* prev is of the same run as cur */
	bool unsure;		/* whether it is the run that was seen before */
	struct wide_times wide; /* of the wide part of cur */
	const char *address;	/* where they are taken; "": unknown */
	enum target_identity identity;
};

struct run {
	enum child_kind child;
	double keys_before; /* of the run before; -1: nothing is missing */
	/* At the wide sample before, which is not always prev. */
	bool tally_known;
	double tally_saves, tally_rewrites, tally_forks;
	struct mono pending_since; /* an fsync; 0: none */
	unsigned repeats;	   /* in which it was seen again */
	bool fsync_pending;	   /* in all of them */
	bool offset_known;
	double offset; /* of replication, when the last save was seen */
};

/*
 * Whether what the history says was learnt at another address than these samples;
 * it is not when either is unknown.
 */
bool run_has_moved(const struct samples *samples, const struct history *history);

/* Nothing is known, but what the history says of the run before. */
void run_init(struct run *run, const struct history *history);

/* A connection was made: it may be another run. */
void run_connected(struct run *run, struct samples *samples);

/*
 * Before what is fresh is judged. In another run than the one that was seen before
 * there is nothing to compare it with.
 */
enum run_change run_learn(struct run *run, struct samples *p, struct history *history,
			  struct mono now);

/* Sets in the view what is known here. */
void run_show(const struct run *run, const struct samples *p,
	      const struct history *history, struct view *view);

/* After it was judged: what the next one is compared with. */
void run_keep(struct run *run, const struct samples *p, struct history *history);

/* The operator says that the keys are as they should be. */
void run_accept_keys(struct run *run);

/* When one more INFO persistence is wanted between samples; 0: none. */
struct mono run_repeat(const struct run *run);

struct at_risk run_at_risk(const struct run *run, const struct samples *p,
			   const struct history *history, struct wall now);

#endif
