/*
 * status: the commands that tell how things are: STATUS, TARGETS, METRICS and
 * INFO.
 */
#ifndef STATUS_H
#define STATUS_H

struct call;

void status_tell(struct call *c);
void status_targets(struct call *c);
void status_metrics(struct call *c);
void status_info(struct call *c);

#endif
