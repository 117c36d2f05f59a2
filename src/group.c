/*
 * group: see group.h. What is common to the kinds: who belongs to it, as targets,
 * and what the log and the reports say of that.
 */
#include "group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "log.h"
#include "members.h"
#include "xalloc.h"

/* So many of those that came, went or moved are named, the others counted. */
#define NAMED_MAX 8

/* Adding a kind: a row. */
static const struct kind {
	const struct group_source *source;
	const char *sources; /* what they are called; NULL: there is but one */
	bool paced; /* how often it asks follows from the interval and the sample */
} kinds[] = {
	[GROUP_SENTINEL] = { &group_sentinel, "sentinels", true },
	[GROUP_CLUSTER] = { &group_cluster, "nodes", true },
	[GROUP_FILE] = { &group_file, NULL, false },
};

/* Whose word a complaint is. */
enum complainer {
	SOURCES,   /* why they know nothing new, or which of them is wrong */
	MEMBERS,   /* which of them cannot be targets */
	DISCOVERY, /* which of the targets are not watched */
	COMPLAINERS
};

struct group {
	struct group_config config;
	const struct group_env *env;
	void *source; /* of its kind */
	bool quiet;   /* whoever calls will look anyway */
	bool settled;
	struct members members;
	struct target_config *targets;
	size_t count;
	size_t sources, heard, agree;
	char *complaints[COMPLAINERS]; /* never NULL; "": none */
	char *trouble;		       /* all of them, as it is reported; NULL: none */
};

/* " (2 of 3 sentinels)", or "" where nobody counts them; the caller frees it. */
static char *
by_whom(const struct group *g, size_t count, const char *verb)
{
	const char *sources = kinds[g->config.kind].sources;

	if (sources == NULL)
		return xstrdup("");
	return xasprintf(" (%zu of %zu %s%s)", count, g->sources, sources, verb);
}

/*
 * What is wrong.
 */

static void
join(struct group *g)
{
	free(g->trouble);
	g->trouble = NULL;
	for (int i = 0; i < COMPLAINERS; i++) {
		if (g->complaints[i][0] != '\0')
			xappendf(&g->trouble, "%s%s", g->trouble != NULL ? "; " : "",
				 g->complaints[i]);
	}
}

/* Told when it changes, and when it is over. */
static void
complain(struct group *g, enum complainer who, const char *text)
{
	char *by;

	if (strcmp(g->complaints[who], text) == 0)
		return;
	by = who == SOURCES ? by_whom(g, g->heard, " heard") : xstrdup("");
	free(g->complaints[who]);
	g->complaints[who] = xstrdup(text);
	join(g);
	if (text[0] != '\0')
		log_warning(g->config.name, "%s%s", text, by);
	else if (g->trouble == NULL)
		log_notice(g->config.name, "all is well again%s", by);
	free(by);
}

/*
 * Who belongs to it.
 */

enum change { CAME, WENT, MOVED, CHANGES };

static const char *const changes_more[CHANGES] = {
	[CAME] = "come",
	[WENT] = "gone",
	[MOVED] = "moved",
};

static const char *
name_of(const struct member *m)
{
	return m->name[0] != '\0' ? m->name : "the master";
}

/* "carts at 127.0.0.1:6380", or what is its name already; the caller frees it. */
static char *
describe(const struct member *m)
{
	char name[ENDPOINT_TEXT_BYTES], address[ENDPOINT_TEXT_BYTES];

	if (strcmp(m->name, endpoint_name(&m->endpoint, name)) == 0)
		return xstrdup(m->name);
	return xasprintf("%s at %s", name_of(m), endpoint_text(&m->endpoint, address));
}

static void
tell_came(const struct group *g, const struct member *m, const char *by)
{
	char address[ENDPOINT_TEXT_BYTES], *text = describe(m);

	if (m->name[0] == '\0')
		log_notice(g->config.name, "the master is %s%s",
			   endpoint_text(&m->endpoint, address), by);
	else
		log_notice(g->config.name, "%s has come%s", text, by);
	free(text);
}

static void
tell_went(const struct group *g, const struct member *m, const char *by)
{
	char *text = describe(m);

	log_notice(g->config.name, "%s has gone%s", text, by);
	free(text);
}

static void
tell_moved(const struct group *g, const struct member *was, const struct member *is,
	   const char *by)
{
	char before[ENDPOINT_TEXT_BYTES], after[ENDPOINT_TEXT_BYTES];

	log_notice(g->config.name, "%s is %s now, no longer %s%s", name_of(is),
		   endpoint_text(&is->endpoint, after),
		   endpoint_text(&was->endpoint, before), by);
}

/* Both are sorted by name. */
static void
tell_changes(const struct group *g, const struct members *before,
	     const struct members *after)
{
	const struct member *was = before->list, *is = after->list;
	size_t i = 0, k = 0, told[CHANGES] = { 0 };
	char *by = by_whom(g, g->agree, "");

	while (i < before->count || k < after->count) {
		int order = k == after->count	 ? -1
			    : i == before->count ? 1
						 : strcmp(was[i].name, is[k].name);

		if (order > 0 && told[CAME]++ < NAMED_MAX)
			tell_came(g, &is[k], by);
		else if (order < 0 && told[WENT]++ < NAMED_MAX)
			tell_went(g, &was[i], by);
		else if (order == 0 &&
			 !endpoint_same_address(&was[i].endpoint, &is[k].endpoint) &&
			 told[MOVED]++ < NAMED_MAX)
			tell_moved(g, &was[i], &is[k], by);
		i += order <= 0;
		k += order >= 0;
	}
	for (int c = 0; c < CHANGES; c++) {
		if (told[c] > NAMED_MAX)
			log_notice(g->config.name, "%zu more have %s%s",
				   told[c] - NAMED_MAX, changes_more[c], by);
	}
	free(by);
}

static void
free_targets(struct group *g)
{
	for (size_t i = 0; i < g->count; i++)
		target_config_fini(&g->targets[i]);
	free(g->targets);
	g->targets = NULL;
	g->count = 0;
}

static void
make_targets(struct group *g)
{
	char error[512], first[sizeof(error) + 512] = "";
	size_t unfit = 0;
	char *text;

	free_targets(g);
	g->targets = xcalloc(g->members.count, sizeof(g->targets[0]));
	for (size_t i = 0; i < g->members.count; i++) {
		const struct member *m = &g->members.list[i];

		if (group_config_target(&g->config, m, &g->targets[g->count], error,
					sizeof(error)))
			g->count++;
		else if (unfit++ == 0)
			snprintf(first, sizeof(first), "%.300s cannot be watched: %s",
				 name_of(m), error);
	}
	text = unfit > 1 ? xasprintf("%s (and %zu more)", first, unfit - 1)
			 : xstrdup(first);
	complain(g, MEMBERS, text);
	free(text);
}

/* The sources have said something: the first time that is news in any case. */
static void
heard_of(struct group *g, bool news, struct mono now)
{
	news = news || !g->settled;
	g->settled = true;
	if (news && !g->quiet)
		g->env->changed(g->env->owner, g, now);
}

void
group_set_members(struct group *g, const struct members *members, size_t agree,
		  size_t sources, struct mono now)
{
	bool news = !members_same(&g->members, members);
	struct members before = g->members;

	g->agree = agree;
	g->sources = sources;
	if (news) {
		members_copy(&g->members, members);
		tell_changes(g, &before, &g->members);
		members_fini(&before);
		make_targets(g);
	}
	heard_of(g, news, now);
}

void
group_set_trouble(struct group *g, const char *trouble, size_t heard, size_t sources,
		  struct mono now)
{
	g->heard = heard;
	g->sources = sources;
	complain(g, SOURCES, trouble);
	heard_of(g, false, now);
}

void
group_set_left_out(struct group *g, const char *why)
{
	complain(g, DISCOVERY, why);
}

/*
 * The verbs.
 */

static void
begin(struct group *g, struct mono now)
{
	g->source = kinds[g->config.kind].source->new (g, g->env, &g->config, now);
}

static void
end(struct group *g)
{
	kinds[g->config.kind].source->free(g->source);
}

struct group *
group_new(const struct group_env *env, const struct group_config *config,
	  struct mono now)
{
	struct group *g = xcalloc(1, sizeof(*g));

	group_config_copy(&g->config, config);
	g->env = env;
	for (int i = 0; i < COMPLAINERS; i++)
		g->complaints[i] = xstrdup("");
	g->quiet = true;
	begin(g, now);
	g->quiet = false;
	return g;
}

void
group_free(struct group *g)
{
	if (g == NULL)
		return;
	end(g);
	free_targets(g);
	members_fini(&g->members);
	group_config_fini(&g->config);
	for (int i = 0; i < COMPLAINERS; i++)
		free(g->complaints[i]);
	free(g->trouble);
	free(g);
}

static bool
same_pace(const struct target_config *a, const struct target_config *b)
{
	return a->interval_ns == b->interval_ns &&
	       target_config_sample_ns(a) == target_config_sample_ns(b);
}

/* Whether both ask the same of the same, and as often. */
static bool
same_sources(const struct group_config *a, const struct group_config *b)
{
	if (kinds[a->kind].paced && !same_pace(&a->pattern, &b->pattern))
		return false;
	if (a->replicas != b->replicas || a->shard != b->shard ||
	    !xstrsame(a->master, b->master) || !xstrsame(a->path, b->path) ||
	    a->seed_count != b->seed_count)
		return false;
	for (size_t i = 0; i < a->seed_count; i++) {
		if (!endpoint_same(&a->seeds[i], &b->seeds[i]))
			return false;
	}
	return true;
}

void
group_configure(struct group *g, const struct group_config *config, struct mono now)
{
	struct group_config other;
	struct target_config pattern;

	group_config_copy(&other, config);
	g->quiet = true;
	if (same_sources(&g->config, config)) {
		/* The source goes on, and has borrowed the rest. */
		pattern = g->config.pattern;
		g->config.pattern = other.pattern;
		other.pattern = pattern;
		group_config_fini(&other);
		make_targets(g);
	} else {
		end(g);
		group_config_fini(&g->config);
		g->config = other;
		g->settled = false;
		g->sources = g->heard = g->agree = 0;
		/* Of sources that are asked no more; these will tell their own. */
		free(g->complaints[SOURCES]);
		g->complaints[SOURCES] = xstrdup("");
		join(g);
		make_targets(g);
		begin(g, now);
	}
	g->quiet = false;
}

const struct group_config *
group_config(const struct group *g)
{
	return &g->config;
}

bool
group_is_settled(const struct group *g)
{
	return g->settled;
}

size_t
group_count(const struct group *g)
{
	return g->count;
}

const struct target_config *
group_at(const struct group *g, size_t i)
{
	return &g->targets[i];
}

const struct members *
group_members(const struct group *g)
{
	return &g->members;
}

void
group_report(const struct group *g, struct group_report *r)
{
	*r = (struct group_report){
		.name = g->config.name,
		.kind = group_kind_name(g->config.kind),
		.targets = g->count,
		.sources = g->sources,
		.heard = g->heard,
		.agree = g->agree,
		.settled = g->settled,
		.trouble = g->trouble,
	};
}
