/*
 * subscribe: SUBSCRIBE, PSUBSCRIBE, UNSUBSCRIBE and PUNSUBSCRIBE.
 */
#ifndef SUBSCRIBE_H
#define SUBSCRIBE_H

struct call;

void subscribe_channels(struct call *c);
void subscribe_patterns(struct call *c);
void subscribe_end_channels(struct call *c);
void subscribe_end_patterns(struct call *c);

#endif
