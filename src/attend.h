/*
 * attend: the commands by which an operator attends to incidents: INCIDENTS, ACK,
 * SILENCE, UNSILENCE, SILENCES and EXPLAIN.
 */
#ifndef ATTEND_H
#define ATTEND_H

struct call;

void attend_incidents(struct call *c);
void attend_ack(struct call *c);
void attend_silence(struct call *c);
void attend_unsilence(struct call *c);
void attend_silences(struct call *c);
void attend_explain(struct call *c);

#endif
