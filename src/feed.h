/*
 * feed: the message of one tick as JSON, for targets with format = "json". Pure.
 * It is described in docs/PROTOCOL.md; its schema is versioned.
 *
 * The fields are typed from what the server said and not from what pinfod knows,
 * so that those which it does not know are there as well.
 */
#ifndef FEED_H
#define FEED_H

#include <stddef.h>

#include "clock.h"

struct watch;

/*
 * One line without its end, which the caller frees. text: the answer to INFO
 * persistence, which the watch has seen.
 */
char *feed_json(const struct watch *watch, const char *target, const char *address,
		const char *text, size_t len, struct instant at);

#endif
