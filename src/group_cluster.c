/*
 * group_cluster: the nodes of a cluster, masters and replicas, as three of them
 * name them. See group.h; how their views become one is cluster_view's.
 *
 * Any node may be asked, so whoever is found takes the seat of one that is lost:
 * the seeds are needed only to begin with, and when all others are gone.
 */
#include "group.h"

#include <stdlib.h>
#include <string.h>

#include "cluster_view.h"
#include "council.h"
#include "endpoint.h"
#include "log.h"
#include "members.h"
#include "xalloc.h"

/* An odd number, so that one view can be outvoted. */
#define SEATS 3

/*
 * Nodes are asked each interval, within these bounds: who is published once an hour
 * is watched all the same, and a cluster of 1,000 nodes answers 180 KB.
 */
#define PERIOD_MIN_NS (100 * NS_PER_MS)
#define PERIOD_MAX_NS (5 * NS_PER_S)

/* From here on what PUBLISH costs the cluster's bus is worth a word. */
#define NODES_CHEAP 50

/* How much a reason tells of why nobody is heard. */
enum weight { NOTHING, UNREACHABLE, ANSWERED };

struct seat {
	struct cluster_view *view; /* NULL: it is not heard */
	char asked_at[ENDPOINT_TEXT_BYTES];
};

struct source {
	struct group *group;
	struct council *council;
	struct seat seats[SEATS];
	/*
	 * Why nobody is heard: the weightiest reason since, and not the last one, or
	 * it would change with each node that is tried in vain.
	 */
	char *wrong;
	enum weight weight;
	bool warned; /* of the cost of PUBLISH */
};

static int64_t
period_ns(const struct group_config *config)
{
	int64_t ns = config->pattern.interval_ns;

	if (ns > PERIOD_MAX_NS)
		return PERIOD_MAX_NS;
	return ns < PERIOD_MIN_NS ? PERIOD_MIN_NS : ns;
}

/*
 * What the council says.
 */

/* wrong is taken. */
static void
lose_view(struct source *source, unsigned seat, enum weight weight, char *wrong)
{
	cluster_view_free(source->seats[seat].view);
	source->seats[seat].view = NULL;
	if (weight <= source->weight) {
		free(wrong);
		return;
	}
	free(source->wrong);
	source->wrong = wrong;
	source->weight = weight;
}

/* In words, why an answer is of no use; to be freed. */
static char *
explain(const struct reply *reply)
{
	if (reply->kind != REPLY_ERROR)
		return xstrdup("answers nonsense to CLUSTER NODES");
	if (strncmp(reply->text, "ERR This instance has cluster support disabled",
		    46) == 0)
		return xstrdup("is no node of a cluster: cluster-enabled is off there");
	if (strncmp(reply->text, "ERR unknown command", 19) == 0)
		return xstrdup("does not know CLUSTER");
	return xasprintf("refuses: %.200s", reply->text);
}

static bool
on_answer(void *owner, unsigned seat, unsigned question, const struct endpoint *where,
	  const struct reply *reply)
{
	struct source *source = owner;
	const struct group_config *config = group_config(source->group);
	char name[ENDPOINT_TEXT_BYTES], error[256], *wrong;
	struct seat *s = &source->seats[seat];
	struct cluster_view *view = NULL;

	(void)question;
	endpoint_name(where, name);
	if (reply->kind != REPLY_TEXT) {
		wrong = explain(reply);
	} else {
		view = cluster_view_parse(reply->text, reply->len,
					  where->host != NULL ? where->host : "",
					  config->pattern.endpoint.tls.on, error,
					  sizeof(error));
		if (view != NULL && cluster_view_counts(view)) {
			cluster_view_free(s->view);
			s->view = view;
			endpoint_name(where, s->asked_at);
			return true;
		}
		wrong = view != NULL
				? xstrdup("knows of no slots: it belongs to no "
					  "cluster")
				: xasprintf("answers nonsense to CLUSTER NODES: %s",
					    error);
	}
	cluster_view_free(view);
	lose_view(source, seat, ANSWERED, xasprintf("%s %s", name, wrong));
	free(wrong);
	return false;
}

static void
on_gone(void *owner, unsigned seat, const struct endpoint *where, const char *reason)
{
	char name[ENDPOINT_TEXT_BYTES];
	bool noauth = strncmp(reason, "NOAUTH", 6) == 0;

	endpoint_name(where, name);
	lose_view(owner, seat, noauth ? ANSWERED : UNREACHABLE,
		  noauth ? xasprintf("%s asks for a password", name)
			 : xasprintf("%s: %s", name, reason));
}

/*
 * A round.
 */

/* A seed is often another name of a node: in two seats it would have two votes. */
static bool
is_asked_elsewhere(const struct source *source, const struct member *m)
{
	char name[ENDPOINT_TEXT_BYTES];

	for (unsigned i = 0; i < SEATS; i++) {
		const struct seat *s = &source->seats[i];

		/* A node's name is how its id begins. */
		if (s->view != NULL &&
		    strncmp(cluster_view_self(s->view), m->name, strlen(m->name)) ==
			    0 &&
		    strcmp(s->asked_at, endpoint_name(&m->endpoint, name)) != 0)
			return true;
	}
	return false;
}

/* The seeds, then all that are known: whoever is up can tell of the others. */
static void
set_candidates(struct source *source, struct mono now)
{
	const struct group_config *config = group_config(source->group);
	const struct members *known = group_members(source->group);
	size_t count = config->seed_count;
	struct endpoint *all = xcalloc(count + known->count, sizeof(all[0]));

	memcpy(all, config->seeds, count * sizeof(all[0]));
	for (size_t i = 0; i < known->count; i++) {
		const struct member *m = &known->list[i];

		if (is_asked_elsewhere(source, m))
			continue;
		/* All but the address is borrowed from the pattern. */
		all[count] = config->pattern.endpoint;
		all[count].host = m->endpoint.host;
		all[count++].port = m->endpoint.port;
	}
	council_set_candidates(source->council, all, count, now);
	free(all);
}

/* PUBLISH goes to all other nodes; SPUBLISH only to those of the same shard. */
static void
warn_of_cost(struct source *source)
{
	const struct group_config *config = group_config(source->group);
	size_t nodes = group_members(source->group)->count;
	double messages = (double)nodes * (double)(nodes - 1);
	double interval_s = (double)config->pattern.interval_ns / (double)NS_PER_S;

	if (nodes <= NODES_CHEAP || config->shard || source->warned)
		return;
	source->warned = true;
	log_warning(config->name,
		    "%zu nodes publish at each tick, and each PUBLISH goes to all "
		    "others: %.0f messages on the cluster's bus, %.0f a second, twice "
		    "that with the heartbeats; with Redis 7.0 and later "
		    "cluster_publish = \"shard\" keeps them within a shard",
		    nodes, messages, messages / interval_s);
}

static const char *
trouble(const struct source *source, unsigned heard, bool agreed)
{
	if (agreed)
		return "";
	if (heard > 0)
		return "the nodes that are heard agree on none; are they of different "
		       "clusters?";
	return source->wrong != NULL ? source->wrong : "no node has answered yet";
}

static void
on_round(void *owner, struct mono now)
{
	struct source *source = owner;
	struct group *group = source->group;
	const struct group_config *config = group_config(group);
	const struct cluster_view *views[SEATS];
	unsigned heard = 0, seats = council_seats(source->council);
	struct members members;
	size_t agreeing;
	bool agreed;

	for (unsigned i = 0; i < SEATS; i++)
		if (source->seats[i].view != NULL)
			views[heard++] = source->seats[i].view;
	agreed = cluster_view_agree(views, heard, config->shard, group_members(group),
				    &members, &agreeing);
	if (agreed) {
		group_set_members(group, &members, agreeing, seats, now);
		set_candidates(source, now);
		warn_of_cost(source);
		free(source->wrong);
		source->wrong = NULL;
		source->weight = NOTHING;
	}
	members_fini(&members);
	group_set_trouble(group, trouble(source, heard, agreed), heard, seats, now);
}

static const struct council_handlers handlers = {
	.answer = on_answer,
	.gone = on_gone,
	.round = on_round,
};

/*
 * Life.
 */

static void *new (struct group *group, const struct group_env *env,
		  const struct group_config *config, struct mono now)
{
	static const char *const nodes[] = { "CLUSTER", "NODES", NULL };
	static const char *const *const questions[] = { nodes };
	struct source *source = xcalloc(1, sizeof(*source));
	char *name = xasprintf("%s, node", config->name);

	source->group = group;
	source->council = council_new(env->base, env->resolver, name, SEATS,
				      period_ns(config), questions, 1, config->seeds,
				      config->seed_count, &handlers, source, now);
	free(name);
	return source;
}

static void
free_source(void *arg)
{
	struct source *source = arg;

	council_free(source->council);
	for (unsigned i = 0; i < SEATS; i++)
		cluster_view_free(source->seats[i].view);
	free(source->wrong);
	free(source);
}

const struct group_source group_cluster = {
	.new = new,
	.free = free_source,
};
