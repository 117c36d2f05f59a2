/*
 * notice: one message about one target at one time: an incident raised, changed
 * or cleared, or a fact. And its forms: JSON for programs, a line for the log.
 * Pure. The JSON is described in docs/PROTOCOL.md; its schema is versioned.
 */
#ifndef NOTICE_H
#define NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "catalogue.h"
#include "clock.h"

enum notice_kind {
	NOTICE_RAISED,
	NOTICE_CHANGED, /* its severity */
	NOTICE_CLEARED,
	NOTICE_OPEN, /* it was raised before: told to who could not know */
	NOTICE_FACT,
	NOTICE_HEARTBEAT,
};

/* value is NAN when it is not known. */
struct figure {
	const char *name; /* with its unit, if it has one: "age_s" */
	double value;
};

#define NOTICE_FIGURES_MAX 10
#define NOTICE_SUMMARY_BYTES 320

/* What would be lost if the server died now; NAN where it cannot be known. */
struct at_risk {
	double seconds;	   /* since the last durable point */
	double operations; /* since then */
	double bytes;	   /* an upper bound, where the backlog tells */
};

/* All strings are borrowed. Text from servers is in summary only, escaped. */
struct notice {
	enum notice_kind kind;
	const char *incident; /* its id */
	enum severity severity;
	const char *target;
	struct wall at;
	struct wall since; /* of the incident; for a fact the same as at */
	struct figure figures[NOTICE_FIGURES_MAX];
	unsigned figure_count;
	char summary[NOTICE_SUMMARY_BYTES];
	const char *advice; /* "" in what needs none */
	struct at_risk at_risk;
	/* Who it is, as far as is known; "" else. */
	const char *address, *run_id, *role, *version;
	bool silenced, acked;
	unsigned open_warning, open_critical; /* of the target, with this one */
	uint64_t samples, missed;	      /* in a heartbeat */
};

const char *notice_kind_name(enum notice_kind kind);

/* Adds a figure; one too many is left out. */
void notice_figure(struct notice *notice, const char *name, double value);

#define NOTICE_ID_BYTES 384

/*
 * By which a repeated notice is recognised: target, incident, since when in
 * milliseconds: "orders/rdb.save_failed/1763831000123". In buf, which is returned.
 */
const char *notice_id(char buf[static NOTICE_ID_BYTES], const struct notice *notice);

/* One line of JSON; the caller frees it. */
char *notice_json(const struct notice *notice);

/*
 * "rdb.save_failed raised (critical): SUMMARY; ADVICE", what the log says after
 * the target's name; the caller frees it.
 */
char *notice_line(const struct notice *notice);

#endif
