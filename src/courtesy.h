/*
 * courtesy: the commands that client libraries send out of habit. They get the
 * answers that a Redis server would give, and change nothing in pinfod.
 */
#ifndef COURTESY_H
#define COURTESY_H

struct call;

void courtesy_ping(struct call *c);
void courtesy_echo(struct call *c);
void courtesy_hello(struct call *c);
void courtesy_auth(struct call *c);
void courtesy_select(struct call *c);
void courtesy_client(struct call *c);
void courtesy_reset(struct call *c);
void courtesy_quit(struct call *c);

#endif
