/*
 * The rival that everybody would write: the loop from hiredis' README with its
 * own libevent adapter, and a timer that is armed again from its handler.
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
	struct event_base *base;
	struct event *timer;
	struct timeval interval;
	redisAsyncContext *redis;
};

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

	(void)arg;
	if (!reply)
		return;
	if (reply->type != REDIS_REPLY_STRING) {
		fprintf(stderr, "naive: INFO gave no string\n");
		return;
	}
	redisAsyncCommand(redis, published_cb, NULL, "PUBLISH pinfo %b", reply->str,
			  (size_t)reply->len);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct naive *naive = arg;

	(void)fd;
	(void)what;
	evtimer_add(naive->timer, &naive->interval);
	redisAsyncCommand(naive->redis, info_cb, NULL, "INFO persistence");
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

int
main(int argc, char **argv)
{
	static const struct timeval at_once = { 0, 0 };
	struct rival_options options;
	struct naive naive;

	rival_options_parse(&options, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	naive.interval.tv_sec = options.interval_us / 1000000;
	naive.interval.tv_usec = options.interval_us % 1000000;

	naive.redis = options.socket ? redisAsyncConnectUnix(options.socket)
				     : redisAsyncConnect(options.host, options.port);
	if (!naive.redis || naive.redis->err) {
		fprintf(stderr, "naive: connect: %s\n",
			naive.redis ? naive.redis->errstr : "out of memory");
		return EXIT_FAILURE;
	}
	naive.base = event_base_new();
	redisLibeventAttach(naive.redis, naive.base);
	redisAsyncSetConnectCallback(naive.redis, connect_cb);
	redisAsyncSetDisconnectCallback(naive.redis, disconnect_cb);

	naive.timer = evtimer_new(naive.base, timer_cb, &naive);
	evtimer_add(naive.timer, &at_once);
	event_base_dispatch(naive.base);
	return EXIT_FAILURE;
}
