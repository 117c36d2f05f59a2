/*
 * loop: libevent's loop, as all of pinfod wants it.
 */
#ifndef LOOP_H
#define LOOP_H

struct event_base;

/*
 * With timers to the microsecond, and as many descriptors as the process may have:
 * thousands of targets need thousands. NULL: it cannot be made. The caller frees it.
 */
struct event_base *loop_new(void);

#endif
