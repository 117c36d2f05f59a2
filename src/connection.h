/*
 * connection: one TCP, TLS or unix socket to a Redis server, on hiredis' async API
 * and libevent. hiredis lives here and in fence, and nowhere else.
 *
 * It knows nothing of deadlines, greetings and second attempts: link does. A
 * connection can be opened again after it has ended.
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "fault.h"
#include "reply.h"

struct connection;
struct endpoint;
struct event_base;
struct reply_bounds;
struct tls_info;

struct connection_handlers {
	/* One reply, in the order of the commands; `sent` is not set. */
	void (*reply)(void *owner, struct reply *reply);
	/*
	 * Something has happened, and hiredis is done with it: all replies that
	 * could be read have been handed over, the connection may be connected
	 * or ended now. Here the owner may do anything; not in `reply`, where it
	 * may only write and close.
	 */
	void (*turn)(void *owner, struct mono now);
};

struct connection *connection_new(struct event_base *base,
				  const struct connection_handlers *handlers,
				  void *owner);

/* NULL is fine. Not from inside a handler. */
void connection_free(struct connection *c);

/*
 * Begin to connect: to a unix socket, or to a numeric address. False when that
 * fails at once; connection_reason says why. The descriptor is close-on-exec.
 */
bool connection_open_unix(struct connection *c, const char *path);
bool connection_open_tcp(struct connection *c, const char *address, int port);

/*
 * The same by TLS, to the server that the endpoint means, which is borrowed until
 * the end. It is connected when that server has shown a certificate that counts.
 */
bool connection_open_tls(struct connection *c, const char *address, int port,
			 const struct endpoint *endpoint);

/* What a deadline found it waiting for, before it was connected. */
const char *connection_late(const struct connection *c);

/* What the last TLS handshake agreed on; NULL: there was none. Borrowed. */
const struct tls_info *connection_tls(const struct connection *c);

/* No handler is called any more. */
void connection_close(struct connection *c);

/* Between opening and the end. */
bool connection_is_open(const struct connection *c);
bool connection_is_connected(const struct connection *c);

/* Why the connection ended by itself. */
enum fault connection_fault(const struct connection *c);
const char *connection_reason(const struct connection *c);

/*
 * Queues a command in the protocol's format; one that is too much to be sent
 * at once waits for connection_flush. False when there is no connection.
 */
bool connection_write(struct connection *c, const char *bytes, size_t len);

/* Sends what is queued as far as the socket takes it. Not from inside `reply`. */
void connection_flush(struct connection *c);

/* What the next reply may be; NULL: none is outstanding. Borrowed. */
void connection_expect(struct connection *c, const struct reply_bounds *bounds);

/*
 * In a list of names and values the value of `name` when that is a string,
 * else NULL. Borrowed like the reply.
 */
const char *connection_list_text(const struct reply *reply, const char *name);

/*
 * The i-th element of a list that a server answered, as a reply of its own: text,
 * integer, nil or a list again. False past the end, or when it is no list. Borrowed
 * like the reply; its times are not set.
 */
bool connection_list_at(const struct reply *list, size_t i, struct reply *element);

/*
 * words as a command in the protocol's format: *bytes, to be released with
 * connection_free_words, which wipes it, for it may hold a password.
 */
size_t connection_format_words(char **bytes, int argc, const char **words);
void connection_free_words(char *bytes, size_t len);

#endif
