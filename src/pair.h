/*
 * pair: two connected unix sockets, one of which is connected by path, by code
 * that takes no descriptor: hiredis' async API has taken one only since 1.0.
 *
 * The path must be no back door: whoever got hold of the far end would speak as
 * us. So it is a fresh name in a fresh directory of mode 0700, which lives for
 * as long as one connect(2) takes; one connection is let in; and both ends must
 * name our own process as their peer, or neither is used.
 */
#ifndef PAIR_H
#define PAIR_H

#include <stddef.h>

#define PAIR_PATH_BYTES 107

struct pair {
	int listener;
	char path[PAIR_PATH_BYTES]; /* connect here, then call pair_accept */
};

/*
 * Begins: in the first directory of $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR and
 * /tmp that will do. -1 with errno when none does.
 */
int pair_listen(struct pair *pair);

/*
 * Ends it: nothing is left of the path. The other end of `client`, which is
 * connected to the path; non-blocking, close-on-exec, the caller's. -1 with errno
 * when somebody else was there: EPERM, EAGAIN. client may be -1.
 */
int pair_accept(struct pair *pair, int client);

#endif
