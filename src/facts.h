/*
 * facts: what happened between two samples and is worth telling once: saves,
 * rewrites, loads, role, settings, counters, clock. Pure.
 */
#ifndef FACTS_H
#define FACTS_H

#include "incidents.h"

struct facts {
	bool saving; /* a save to disk is under way, and was told */
	/* The server's clock at the last wide sample, against both of ours. */
	bool clock_known;
	double server_s;
	struct instant ours;
};

/* Emits notices of kind NOTICE_FACT. sent: of the wide sample, if it is fresh. */
void facts_step(struct facts *facts, const struct view *v, struct mono sent,
		incidents_emit_fn *emit, void *owner);

/* One with its id, advice and severity; the caller adds the rest and emits it. */
struct notice facts_notice(enum incident fact, enum severity severity,
			   struct instant at);

#endif
