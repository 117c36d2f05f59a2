/*
 * relay: TLS for somebody who knows none: a TLS connection to a server on one
 * side, one end of a pair of unix sockets on the other, and the bytes between.
 * hiredis 0.14 has no TLS, and that of 1.x never checks a certificate's name.
 *
 * There is no other side before the server has shown that it is the one that was
 * meant, so nothing can be sent to another. A relay can be opened again.
 */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>

#include "tls_session.h"

struct endpoint;
struct event_base;
struct relay;

struct relay_handlers {
	/* The server is the right one: now relay_join. The owner may do anything. */
	void (*open)(void *owner);
	/* It came to nothing, relay_reason says why. The same. */
	void (*failed)(void *owner);
};

struct relay *relay_new(struct event_base *base, const struct relay_handlers *handlers,
			void *owner);

/* NULL is fine. */
void relay_free(struct relay *r);

/*
 * Begins to connect to a numeric address, for an endpoint that is borrowed until
 * relay_close: its name is what the certificate is checked for. False when it
 * fails at once; relay_reason says why.
 */
bool relay_open(struct relay *r, const struct endpoint *endpoint, const char *address,
		int port);

/*
 * The near side: a descriptor, which is taken over. When the server ends the
 * connection all it has said is passed on, and then the end.
 */
void relay_join(struct relay *r, int fd);

/* Ends both sides at once; no handler is called. NULL is fine, and a closed one. */
void relay_close(struct relay *r);

/* NULL is closed. */
bool relay_is_open(const struct relay *r);

/* Why it failed or was ended; "" where the near side knows all there is to it. */
const char *relay_reason(const struct relay *r);

/* What a deadline found it waiting for. */
const char *relay_late(const struct relay *r);

/* What the last handshake agreed on; NULL: there was none. */
const struct tls_info *relay_info(const struct relay *r);

#endif
