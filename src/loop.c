/*
 * loop: see loop.h.
 */
#include "loop.h"

#include <event2/event.h>
#include <sys/resource.h>

static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

struct event_base *
loop_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	raise_descriptors();
	/*
	 * PRECISE_TIMER: a timerfd instead of epoll's milliseconds. NO_CACHE_TIME:
	 * a timer counts from now and not from when the loop woke up; with it
	 * ticks would be early by as much, and have to be waited for again.
	 */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}
