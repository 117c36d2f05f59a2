/*
 * subscribe: see subscribe.h. Confirmations and counts are those of Redis.
 */
#include "subscribe.h"

#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "client.h"
#include "resp.h"
#include "xalloc.h"

static void
confirm(struct call *c, const char *kind, const char *name)
{
	resp_push(c->out, 3);
	resp_text(c->out, kind);
	if (name != NULL)
		resp_text(c->out, name);
	else
		resp_null(c->out);
	resp_integer(c->out, client_subscriptions(c->client));
}

static void
subscribe(struct call *c, bool pattern)
{
	for (int i = 1; i < c->argc; i++) {
		if (c->argv[i].len > CLIENT_CHANNEL_MAX) {
			resp_error(c->out,
				   "ERR a channel name has %d bytes at the most",
				   CLIENT_CHANNEL_MAX);
			return;
		}
		if (!client_subscribe(c->client, pattern, call_word(c, i))) {
			resp_error(c->out,
				   "ERR a client has %d subscriptions at the most",
				   CLIENT_SUBSCRIPTIONS_MAX);
			return;
		}
		confirm(c, pattern ? "psubscribe" : "subscribe", call_word(c, i));
	}
}

/* Without names: from all; and even if there are none, one confirmation. */
static void
unsubscribe(struct call *c, bool pattern)
{
	const char *kind = pattern ? "punsubscribe" : "unsubscribe";
	const char *name;

	for (int i = 1; i < c->argc; i++) {
		client_unsubscribe(c->client, pattern, call_word(c, i));
		confirm(c, kind, call_word(c, i));
	}
	if (c->argc > 1)
		return;
	if (client_any_subscription(c->client, pattern) == NULL)
		confirm(c, kind, NULL);
	while ((name = client_any_subscription(c->client, pattern)) != NULL) {
		char *copy = xstrdup(name);

		client_unsubscribe(c->client, pattern, copy);
		confirm(c, kind, copy);
		free(copy);
	}
}

void
subscribe_channels(struct call *c)
{
	subscribe(c, false);
}

void
subscribe_patterns(struct call *c)
{
	subscribe(c, true);
}

void
subscribe_end_channels(struct call *c)
{
	unsubscribe(c, false);
}

void
subscribe_end_patterns(struct call *c)
{
	unsubscribe(c, true);
}
