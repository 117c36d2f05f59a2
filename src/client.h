/*
 * client: one connection to the control socket, within its bounds.
 *
 * It reads requests, hands them on one by one, and holds what the answers
 * depend on: protocol version, name, privilege, subscriptions. Past a bound
 * the client is dropped; nobody else notices.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer.h"
#include "resp.h"

struct client;
struct event_base;

#define CLIENT_SUBSCRIPTIONS_MAX 64
#define CLIENT_CHANNEL_MAX 256

struct client_handlers {
	/* A request with at least one word. */
	void (*request)(void *owner, struct client *client,
			const struct resp_request *request);
	/* It is over; the owner calls client_free now or later. */
	void (*gone)(void *owner, struct client *client, bool dropped);
};

/* Takes fd, which must be non-blocking. handlers are borrowed. */
struct client *client_new(struct event_base *base, int fd, uint64_t id,
			  enum privilege privilege,
			  const struct client_handlers *handlers, void *owner);

/* NULL is fine. Not from inside a handler of its own. */
void client_free(struct client *client);

/* Where the answer to the current request goes. */
struct resp_out *client_out(struct client *client);

uint64_t client_id(const struct client *client);
enum privilege client_privilege(const struct client *client);
const char *client_name(const struct client *client); /* "" until it is set */
void client_set_name(struct client *client, const char *name);
void client_set_version(struct client *client, int version);

/* Says no more after what is written already. */
void client_close(struct client *client);

/* Back to RESP2, no name, no subscriptions. */
void client_reset(struct client *client);

/*
 * Adds a channel or a pattern; true also when it is there already, false when
 * there are too many.
 */
bool client_subscribe(struct client *client, bool pattern, const char *name);

/* False when it was not there. */
bool client_unsubscribe(struct client *client, bool pattern, const char *name);

/* How many channels and patterns there are. */
unsigned client_subscriptions(const struct client *client);

/* Any one of its channels (or patterns), or NULL when there is none left. */
const char *client_any_subscription(const struct client *client, bool pattern);

/*
 * Sends it, once for each channel and pattern that matches. What begins with
 * "pinfod:" is much, and only patterns that begin with it, too, match it.
 */
void client_deliver(struct client *client, const char *channel, const char *text,
		    size_t len);

/* Whether it would send anything. */
bool client_wants(const struct client *client, const char *channel);

#endif
