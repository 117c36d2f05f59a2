/*
 * pair: two connected unix sockets, one of which is connected by path, by code
 * that takes no descriptor: hiredis' async API has taken one only since 1.0.
 *
 * The path must be no back door: whoever got hold of the far end would speak as
 * us. So it is a fresh name in a fresh directory of mode 0700, which lives within
 * one function of its user's; one connection is let in; and both ends must name
 * our own process as their peer, or neither is used.
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
 * A listening socket in the first directory of $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR and
 * /tmp that will do. -1 with errno when none does.
 */
int pair_listen(struct pair *pair);

/*
 * The other end of `client`, which is connected to the path; non-blocking,
 * close-on-exec, the caller's. -1 with errno when somebody else was there: EPERM,
 * EAGAIN. client may be -1.
 */
int pair_accept(struct pair *pair, int client);

/*
 * Nothing is left of the path; errno stays. To be called before the first byte is
 * sent, but not before the client is done with its connecting: hiredis 1.x asks
 * how that went by another connect(2), which looks for the path.
 */
void pair_close(struct pair *pair);

#endif
