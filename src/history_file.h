/*
 * history_file: what pinfod learnt, kept in a file so that it outlives pinfod.
 *
 * The file is state.json in the first directory of $STATE_DIRECTORY (which the
 * service manager sets, for each instance its own), else in /var/lib/pinfod for
 * root, else in $XDG_STATE_HOME/pinfod or ~/.local/state/pinfod. A lock beside it
 * keeps it to one pinfod: another one with the same directory says so and keeps
 * nothing. Without a directory pinfod works as well, and forgets at its end.
 *
 * It is written only when something has changed, every five seconds at the most
 * and at the end, in a thread: a disk may take seconds, and ticks do not wait.
 */
#ifndef HISTORY_FILE_H
#define HISTORY_FILE_H

#include "clock.h"

struct event_base;
struct history;
struct history_file;
struct silences;

/*
 * Finds the place and reads what is there; silences get what was written of them.
 * They are borrowed for its life. Never NULL; what goes wrong is logged.
 */
struct history_file *history_file_new(struct event_base *base,
				      struct silences *silences);

/* Writes what has changed, for three seconds at the most. NULL is fine. */
void history_file_free(struct history_file *file);

/*
 * *history is filled with what is known of the target of that name, if there is
 * anything, and is read from then on whenever the file is written, until
 * history_file_detach; what it says then is kept for 30 days. A NULL file does
 * nothing.
 */
void history_file_attach(struct history_file *file, const char *target,
			 struct history *history);
void history_file_detach(struct history_file *file, const char *target,
			 struct wall now);

#endif
