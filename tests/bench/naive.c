/*
 * The rival that everybody would write: the loop from hiredis' README with its
 * own libevent adapter, and a timer that is armed again from its handler. With
 * -n there are as many contexts, with a timer and a channel each.
 *
 * It is a yardstick, not a straw man: nothing in it is slow on purpose, and
 * nothing is clever. It has no reconnect, no deadline and no defence against a
 * server that misbehaves. Started by tests/bench/run.
 */
#include "rival.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <hiredis/async.h>
#include <hiredis/adapters/libevent.h>

struct naive {
	struct event *timer;
	redisAsyncContext *redis;
	char channel[32];
};

static struct timeval interval;

static void
published_cb(redisAsyncContext *redis, void *reply_arg, void *arg)
{
	redisReply *reply = reply_arg;

	(void)redis;
	(void)arg;
	if (reply && reply->type == REDIS_REPLY_ERROR)
		fprintf(stderr, "naive: PUBLISH: %s\n", reply->str);
}

static void
info_cb(redisAsyncContext *redis, void *reply_arg, void *arg)
{
	redisReply *reply = reply_arg;
	struct naive *naive = arg;

	if (!reply)
		return;
	if (reply->type != REDIS_REPLY_STRING) {
		fprintf(stderr, "naive: INFO gave no string\n");
		return;
	}
	redisAsyncCommand(redis, published_cb, NULL, "PUBLISH %s %b", naive->channel,
			  reply->str, (size_t)reply->len);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct naive *naive = arg;

	(void)fd;
	(void)what;
	evtimer_add(naive->timer, &interval);
	redisAsyncCommand(naive->redis, info_cb, naive, "INFO persistence");
}

static void
connect_cb(const redisAsyncContext *redis, int status)
{
	if (status == REDIS_OK)
		return;
	fprintf(stderr, "naive: connect: %s\n", redis->c.errstr);
	exit(EXIT_FAILURE);
}

static void
disconnect_cb(const redisAsyncContext *redis, int status)
{
	if (status != REDIS_OK)
		fprintf(stderr, "naive: disconnected: %s\n", redis->errstr);
	exit(EXIT_FAILURE);
}

static void
naive_start(struct naive *naive, struct event_base *base,
	    const struct rival_options *options, int i)
{
	static const struct timeval at_once = { 0, 0 };

	snprintf(naive->channel, sizeof(naive->channel), "pinfo");
	if (options->count > 1)
		snprintf(naive->channel, sizeof(naive->channel), "pinfo:t%d", i);
	naive->redis = options->socket
			       ? redisAsyncConnectUnix(options->socket)
			       : redisAsyncConnect(options->host, options->port);
	if (!naive->redis || naive->redis->err) {
		fprintf(stderr, "naive: connect: %s\n",
			naive->redis ? naive->redis->errstr : "out of memory");
		exit(EXIT_FAILURE);
	}
	redisLibeventAttach(naive->redis, base);
	redisAsyncSetConnectCallback(naive->redis, connect_cb);
	redisAsyncSetDisconnectCallback(naive->redis, disconnect_cb);

	naive->timer = evtimer_new(base, timer_cb, naive);
	evtimer_add(naive->timer, &at_once);
}

int
main(int argc, char **argv)
{
	struct rival_options options;
	struct event_base *base;
	struct naive *naive;
	int i;

	rival_options_parse(&options, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	interval.tv_sec = options.interval_us / 1000000;
	interval.tv_usec = options.interval_us % 1000000;
	base = event_base_new();
	naive = calloc((size_t)options.count, sizeof(*naive));
	if (!naive)
		return EXIT_FAILURE;
	for (i = 0; i < options.count; i++)
		naive_start(&naive[i], base, &options, i);
	event_base_dispatch(base);
	return EXIT_FAILURE;
}
