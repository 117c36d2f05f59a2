/*
 * socket: where the daemon's control socket is, and why nobody is there.
 */
#ifndef PINFOCTL_SOCKET_H
#define PINFOCTL_SOCKET_H

struct pinfoctl;
struct trouble;

/*
 * Connects to -s, else $PINFOD_SOCKET, else to the first of the daemon's places
 * (docs/PROTOCOL.md) at which somebody listens. Returns a blocking descriptor that
 * the caller closes, or -1 with trouble, which tells what each place said.
 *
 * A place where nothing is, or that is closed to us, leads on to the next one. A
 * socket that refuses does not: that daemon was meant, and is not running; what is
 * said to another one in its stead might stop the wrong feed.
 */
int socket_connect(const struct pinfoctl *ctl, struct trouble *trouble);

#endif
