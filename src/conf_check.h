/*
 * conf_check: what no single setting shows: names and addresses that are there
 * twice, and files that do not fit together or are open to others.
 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

struct conf;
struct conf_messages;

/* Says in *messages what is wrong with the whole. */
void conf_check(const struct conf *conf, struct conf_messages *messages);

#endif
