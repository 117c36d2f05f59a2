/*
 * discovery: see discovery.h.
 */
#include "discovery.h"

#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "fleet.h"
#include "group.h"
#include "log.h"
#include "xalloc.h"

struct found {
	struct group *group;
	size_t kept; /* of its targets; the others: */
	size_t taken, beyond;
	const char *first_taken; /* the name of the first of those */
};

struct discovery {
	struct group_env env;
	struct fleet *fleet;	 /* NULL: nobody is told */
	const struct conf *conf; /* in force; NULL: none yet */
	struct found *groups;	 /* in the order of the configuration */
	size_t group_count;
	struct target_config *targets; /* what they hold is conf's and the groups' */
	size_t target_count;
};

/*
 * Who is watched.
 */

struct candidate {
	const struct target_config *config;
	struct found *from; /* NULL: listed */
	size_t place;
	bool taken; /* the name */
};

static int
compare(const void *a, const void *b)
{
	const struct candidate *const *x = a, *const *y = b;
	int order = strcmp((*x)->config->name, (*y)->config->name);

	if (order != 0)
		return order;
	return ((*x)->place > (*y)->place) - ((*x)->place < (*y)->place);
}

static struct candidate *
list_candidates(const struct discovery *d, size_t *count)
{
	struct candidate *list;
	size_t n = d->conf->target_count;

	for (size_t i = 0; i < d->group_count; i++)
		n += group_count(d->groups[i].group);
	list = xcalloc(n, sizeof(list[0]));
	*count = n;
	for (n = 0; n < d->conf->target_count; n++)
		list[n].config = &d->conf->targets[n];
	for (size_t i = 0; i < d->group_count; i++) {
		struct found *from = &d->groups[i];

		for (size_t k = 0; k < group_count(from->group); k++, n++) {
			list[n].config = group_at(from->group, k);
			list[n].from = from;
		}
	}
	return list;
}

/* Of several of one name all but the first lose it. */
static void
find_taken(struct candidate *list, size_t count)
{
	struct candidate **sorted = xcalloc(count, sizeof(sorted[0]));

	for (size_t i = 0; i < count; i++) {
		list[i].place = i;
		sorted[i] = &list[i];
	}
	if (count > 0)
		qsort(sorted, count, sizeof(sorted[0]), compare);
	for (size_t i = 1; i < count; i++)
		sorted[i]->taken = strcmp(sorted[i]->config->name,
					  sorted[i - 1]->config->name) == 0;
	free(sorted);
}

/* Those listed come first, are as many as may be, and have a name each: see conf. */
static void
choose(struct discovery *d, const struct candidate *c)
{
	if (c->taken) {
		if (c->from->taken++ == 0)
			c->from->first_taken = c->config->name;
	} else if (d->target_count == CONF_TARGETS_MAX) {
		c->from->beyond++;
	} else {
		d->targets[d->target_count++] = *c->config;
		if (c->from != NULL)
			c->from->kept++;
	}
}

static void
say_left_out(const struct found *f)
{
	char *text = xstrdup("");

	if (f->taken > 0)
		xappendf(&text, "%zu left out, as another target has the name: %s%s",
			 f->taken, f->first_taken, f->taken > 1 ? ", ..." : "");
	if (f->beyond > 0)
		xappendf(&text, "%s%zu left out, as there are %d targets already",
			 f->taken > 0 ? "; " : "", f->beyond, CONF_TARGETS_MAX);
	group_set_left_out(f->group, text);
	free(text);
}

static void
gather(struct discovery *d)
{
	size_t count;
	struct candidate *list = list_candidates(d, &count);

	find_taken(list, count);
	free(d->targets);
	d->targets = xcalloc(count, sizeof(d->targets[0]));
	d->target_count = 0;
	for (size_t i = 0; i < d->group_count; i++)
		d->groups[i] = (struct found){ .group = d->groups[i].group };
	for (size_t i = 0; i < count; i++)
		choose(d, &list[i]);
	for (size_t i = 0; i < d->group_count; i++)
		say_left_out(&d->groups[i]);
	free(list);
}

static void
tell(struct discovery *d, enum fleet_change change, struct mono now)
{
	gather(d);
	if (d->fleet != NULL)
		fleet_configure(d->fleet, change, d->targets, d->target_count, now);
}

/* From the group's own timer: no target is on the stack, as fleet_configure wants it. */
static void
on_changed(void *owner, struct group *group, struct mono now)
{
	(void)group;
	tell(owner, FLEET_DISCOVERY, now);
}

/*
 * Groups.
 */

/* Takes a group of that name and kind out of what there was; NULL: there is none. */
static struct group *
take_group(struct found *groups, size_t count, const struct group_config *config)
{
	for (size_t i = 0; i < count; i++) {
		struct group *group = groups[i].group;

		if (group == NULL || group_config(group)->kind != config->kind ||
		    strcmp(group_config(group)->name, config->name) != 0)
			continue;
		groups[i].group = NULL;
		return group;
	}
	return NULL;
}

void
discovery_configure(struct discovery *d, const struct conf *conf, struct mono now)
{
	struct found *old = d->groups;
	size_t old_count = d->group_count;

	d->conf = conf;
	d->groups = xcalloc(conf->group_count, sizeof(d->groups[0]));
	d->group_count = conf->group_count;
	for (size_t i = 0; i < conf->group_count; i++) {
		struct group *group = take_group(old, old_count, &conf->groups[i]);

		if (group != NULL)
			group_configure(group, &conf->groups[i], now);
		else
			group = group_new(&d->env, &conf->groups[i], now);
		d->groups[i].group = group;
	}
	/* The fleet has copies of what these had. */
	for (size_t i = 0; i < old_count; i++)
		group_free(old[i].group);
	free(old);
	tell(d, FLEET_RELOAD, now);
}

struct discovery *
discovery_new(struct event_base *base, struct resolver *resolver, struct fleet *fleet)
{
	struct discovery *d = xcalloc(1, sizeof(*d));

	d->env = (struct group_env){ base, resolver, on_changed, d };
	d->fleet = fleet;
	return d;
}

void
discovery_free(struct discovery *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->group_count; i++)
		group_free(d->groups[i].group);
	free(d->groups);
	free(d->targets);
	free(d);
}

bool
discovery_is_settled(const struct discovery *d)
{
	for (size_t i = 0; i < d->group_count; i++) {
		if (!group_is_settled(d->groups[i].group))
			return false;
	}
	return true;
}

const struct target_config *
discovery_targets(const struct discovery *d, size_t *count)
{
	*count = d->target_count;
	return d->targets;
}

size_t
discovery_group_count(const struct discovery *d)
{
	return d->group_count;
}

void
discovery_group_report(const struct discovery *d, size_t i, struct group_report *r)
{
	group_report(d->groups[i].group, r);
	r->targets = d->groups[i].kept;
}
