/*
 * history_writer: writes the state file in a thread of its own, one write at a time,
 * and says in the log when that goes wrong, and when it is well again. What is written
 * is history_file's business.
 */
#ifndef HISTORY_WRITER_H
#define HISTORY_WRITER_H

#include <stdbool.h>
#include <time.h>

#include "clock.h"

struct event_base;
struct history_content;
struct history_writer;

/*
 * A write has ended, or could not begin: then it is called before the start returns.
 * False: the file is as it was before.
 */
typedef void history_writer_fn(void *owner, bool ok);

/* path: absolute, of a file in a directory that is there. */
struct history_writer *history_writer_new(struct event_base *base, const char *path,
					  history_writer_fn *fn, void *owner);

/* Does not wait for a write that is under way. NULL is fine. */
void history_writer_free(struct history_writer *w);

bool history_writer_is_busy(const struct history_writer *w);

/* Not while it is busy. Takes what the content holds, and leaves it empty. */
void history_writer_start(struct history_writer *w, struct history_content *content,
			  struct wall now);

/* Until it is not busy. False: the time, of the monotonic clock, is up. */
bool history_writer_await(struct history_writer *w, const struct timespec *deadline);

#endif
