/*
 * replay: what pinfod would have told of what a recording holds. It reads no
 * clock and asks nobody: an incident in the field becomes a test.
 *
 * Notices go to out in the order of their times, one a line, facts included:
 * "STAMP TARGET: ..." as the log says it, or as JSON. Heartbeats are not told, for
 * they tell of the pinfod that recorded. Rules are those of the configuration.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct conf;

struct replay_report {
	uint64_t entries, targets, notices;
	uint64_t raised; /* incidents */
	uint64_t open;	 /* of them at the end */
	double seconds;
};

/*
 * False when the recording is bad; the reason, with the line, is in error then.
 * What stood before that has been told, and counts in *report.
 */
bool replay_run(FILE *in, FILE *out, bool json, const struct conf *conf,
		struct replay_report *report, char *error, size_t error_size);

#endif
