/*
 * facts: what happened between two samples and is worth telling once: saves,
 * rewrites, loads, role, settings, counters, clock. Pure.
 */
#ifndef FACTS_H
#define FACTS_H

#include "incidents.h"

/* When the last answer of the wide sections was asked for, and was there. */
struct wide_times {
	struct mono sent;
	struct instant came;
};

/* All zero at the start, and in another run. */
struct facts {
	bool saving;  /* a save to disk is under way, and was told */
	bool loading; /* the same */
	/* The server's clock at the last wide sample, and ours. */
	bool clock_known, save_in_future;
	double server_s;
	struct wide_times wide;
};

/* Emits notices of kind NOTICE_FACT. */
void facts_step(struct facts *facts, const struct view *v,
		const struct wide_times *wide, incidents_emit_fn *fn, void *owner);

/* One with its id, advice and severity; the caller adds the rest and emits it. */
struct notice facts_notice(enum incident fact, enum severity severity,
			   struct instant at);

#endif
