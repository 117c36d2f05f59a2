/*
 * incidents: which incidents are open on one target, and the notices of their
 * coming and going. Pure: watch calls it at every step, and a step is a sample,
 * or the absence of one.
 *
 * What a detector says at each step is only whether its condition holds now; how
 * long it must hold, when it clears, and what is told, is the same for all.
 */
#ifndef INCIDENTS_H
#define INCIDENTS_H

#include <stdbool.h>

#include "catalogue.h"
#include "clock.h"
#include "history.h"
#include "notice.h"
#include "report.h"
#include "rules.h"
#include "snapshot.h"

/* What the child that writes an RDB writes it for. */
enum child_kind {
	CHILD_NONE,
	CHILD_UNKNOWN, /* not told yet */
	CHILD_DISK,
	CHILD_SYNC, /* for replicas: no save that would make anything durable */
};

/* Who answers, beside who answered before. */
enum run_change {
	RUN_SAME,
	RUN_RESTARTED, /* the same server, in another run */
	RUN_SWITCHED,  /* another server, which has got its role */
};

/* What detectors look at. All borrowed for the step. */
struct view {
	const struct snapshot *cur, *prev; /* the same, when there is none before */
	unsigned fresh;			   /* the parts of cur that are new */
	struct instant at;
	const struct rules *rules;
	const struct history *history;

	enum target_state state;
	const char *reason; /* "" for none */
	struct mono state_since;
	enum publish_state publish;
	const char *publish_reason;
	struct mono publish_since;

	unsigned refused;      /* parts that the server does not give us */
	enum child_kind child; /* of the RDB child that runs */
	double save_age_s;     /* since the last real save; NAN: unknown */
	double server_now_s;   /* its clock, else ours */
	double server_wide_s;  /* what that said when the wide part came */
	const char *address;   /* where it is; history still says where it was */
	enum run_change run;   /* since the step before */
	bool is_role;	       /* what is watched is a role, whoever has it */
	double keys_before;    /* of the run before, until all is well; -1: unknown */
	bool fsync_pending;    /* in a sample and in all four repeats of it */
	/*
	 * How the counters stood at the wide sample before the last: what rose since
	 * then in the narrow part can be compared with what did in the wide one.
	 */
	bool tally_known;
	double tally_saves, tally_rewrites, tally_forks;
};

enum verdict {
	VERDICT_KEEP, /* this step says nothing of it */
	VERDICT_CLEAR,
	VERDICT_WARNING,
	VERDICT_CRITICAL,
};

/* A detector's own memory; all zero at the start and in another run. */
struct scratch {
	struct mono from, last; /* 0: not */
	double n[4];
};

struct incidents;

typedef void incidents_emit_fn(void *owner, struct notice *notice);

/* handlers are borrowed; emit gets notices with all but at_risk and the server. */
struct incidents *incidents_new(incidents_emit_fn *emit, void *owner);

/* NULL is fine. */
void incidents_free(struct incidents *in);

/* What was open when pinfod last ended is open again, until a step says more. */
void incidents_restore(struct incidents *in, const struct history *history);

/*
 * Looks at everything once. Sets what is open in *history, which may be the one
 * of the view.
 */
void incidents_step(struct incidents *in, const struct view *v,
		    struct history *history);

/* Closes all that is open, for a reason in words. */
void incidents_close(struct incidents *in, const char *why, struct instant at,
		     struct history *history);

/* Closes one for a reason in words, if it is open. */
void incidents_end(struct incidents *in, enum incident incident, const char *why,
		   struct instant at, struct history *history);

/* Tells all that is open once more, as NOTICE_OPEN. */
void incidents_tell(struct incidents *in, struct instant at);

/* The i-th that is open as a notice; false past the last. */
bool incidents_open(const struct incidents *in, unsigned i, struct instant at,
		    struct notice *notice);

void incidents_counts(const struct incidents *in, unsigned *warning,
		      unsigned *critical);

/* False when it is not open. */
bool incidents_ack(struct incidents *in, const char *id, struct history *history);

/*
 * What the incident cannot be detected for on this server: the first field that
 * it needs and that is absent; NULL: nothing is missing.
 */
const char *incidents_missing(enum incident incident, const struct snapshot *s);

#endif
