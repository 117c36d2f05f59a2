/*
 * group: targets that nobody lists: a master that sentinels name, the nodes of a
 * cluster, the lines of a file. It finds out who belongs to it, goes on finding
 * out, and says when that has changed.
 *
 * What is common to the kinds stands here; what each asks and how stands in
 * group_sentinel, group_cluster, group_file, each one row of a table.
 *
 * Whatever goes wrong with its sources, a group keeps the members that it had:
 * nobody is dropped for want of news.
 */
#ifndef GROUP_H
#define GROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"
#include "group_config.h"
#include "report.h"

struct event_base;
struct group;
struct members;
struct resolver;

/* What all groups share; borrowed for their lives. */
struct group_env {
	struct event_base *base;
	struct resolver *resolver;
	/*
	 * The group's targets are others than before, or it has settled. On a fresh
	 * stack, and not from inside of group_new or group_configure. It may do
	 * anything but free the group.
	 */
	void (*changed)(void *owner, struct group *group, struct mono now);
	void *owner;
};

/* Begins to ask at once. It keeps a copy of the configuration. */
struct group *group_new(const struct group_env *env, const struct group_config *config,
			struct mono now);

/* NULL is fine. */
void group_free(struct group *group);

/*
 * Takes over another configuration of the same name and kind: asks anew where that
 * is needed, and until it has an answer keeps its members, who are told what is new.
 */
void group_configure(struct group *group, const struct group_config *config,
		     struct mono now);

const struct group_config *group_config(const struct group *group);

/*
 * Whether its first round is over: it knows its members, or that it cannot know
 * them now.
 */
bool group_is_settled(const struct group *group);

/* Borrowed until `changed` is called again, or the loop turns. */
size_t group_count(const struct group *group);
const struct target_config *group_at(const struct group *group, size_t i);

/* Fills *report; its strings are borrowed until the loop turns. */
void group_report(const struct group *group, struct group_report *report);

/* What of its targets is not watched, and why; "": nothing. Logged when it changes. */
void group_set_left_out(struct group *group, const char *why);

/*
 * For the kinds. These members it has now (sorted; copied), by the word of `agree`
 * of `sources` sources. Logs who came, went and moved. The first call of this or of
 * the next one says that the first round is over; where both are, this one is first.
 */
void group_set_members(struct group *group, const struct members *members, size_t agree,
		       size_t sources, struct mono now);

/*
 * For the kinds. Why it knows nothing new, or what of its sources is wrong, and how
 * many of them can be heard; "": nothing. Logged when it changes.
 */
void group_set_trouble(struct group *group, const char *trouble, size_t heard,
		       size_t sources, struct mono now);

/* For the kinds: what it has now. */
const struct members *group_members(const struct group *group);

/*
 * A kind. Its state is what `new` returns. It has borrowed the configuration, which
 * stays as it is until `free`, but for its pattern: of that only interval and sample
 * stay, and not for a file.
 */
struct group_source {
	void *(*new)(struct group *group, const struct group_env *env,
		     const struct group_config *config, struct mono now);
	void (*free)(void *source);
};

extern const struct group_source group_sentinel, group_cluster, group_file;

#endif
