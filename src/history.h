/*
 * history: what pinfod learnt of a server that the server itself forgets when
 * it restarts, and that pinfod keeps when it restarts itself. Pure.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include <stdbool.h>

#include "catalogue.h"
#include "clock.h"

/* An incident that was open when this was written. */
struct history_open {
	bool open;
	bool acked;
	enum severity severity;
	struct wall since;
};

/* Unknown: "" or -1. Times are the server's, in seconds since 1970. */
struct history {
	char run_id[48];       /* of the last sample */
	char address[288];     /* whose that was, as endpoint_text has it */
	double last_save;      /* the last real one, of whichever run */
	double longest_save_s; /* to disk, of those seen */
	double keys;	       /* at the last sample when loaded */
	double changes;	       /* not saved, at the last sample */
	double keys_kept;      /* those that were last worth writing for */
	bool switched; /* keys are those of the server that had the role before */
	struct history_open open[INCIDENT_COUNT];
	bool dirty; /* changed since it was written: history_file clears it */
};

static inline void
history_init(struct history *h)
{
	*h = (struct history){
		.last_save = -1, .longest_save_s = -1, .keys = -1, .changes = -1
	};
}

#endif
