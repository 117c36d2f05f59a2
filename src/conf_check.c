/*
 * conf_check: see conf_check.h.
 */
#include "conf_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf.h"
#include "secret.h"
#include "tls_context.h"
#include "xalloc.h"

/* The file, or what else named the servers. */
static const char *
origin(const struct conf *c)
{
	return c->file != NULL ? c->file : "-u";
}

static size_t
pattern_count(const struct conf *c)
{
	return c->target_count + c->group_count;
}

/*
 * What each target is told, and then what each group tells its targets; *whose
 * becomes "target" or "group", and *name its name.
 */
static const struct target_config *
pattern_at(const struct conf *c, size_t i, const char **whose, const char **name)
{
	const struct group_config *g;

	if (i < c->target_count) {
		*whose = "target";
		*name = c->targets[i].name;
		return &c->targets[i];
	}
	g = &c->groups[i - c->target_count];
	*whose = "group";
	*name = g->name;
	return &g->pattern;
}

/*
 * Names.
 */

struct bearer {
	const char *name;
	const struct group_config *group; /* NULL: a target */
};

/* The path of a file is a name among files only: no target can be called by it. */
static bool
is_file(const struct bearer *b)
{
	return b->group != NULL && b->group->kind == GROUP_FILE;
}

static int
compare_names(const void *a, const void *b)
{
	const struct bearer *x = a, *y = b;
	int order = (int)is_file(x) - (int)is_file(y);

	if (order == 0)
		order = strcmp(x->name, y->name);
	return order != 0 ? order : (x->group != NULL) - (y->group != NULL);
}

static void
check_names(const struct conf *c, struct conf_messages *messages)
{
	size_t count = pattern_count(c);
	struct bearer *list = xcalloc(count, sizeof(list[0]));
	const char *whose;

	for (size_t i = 0; i < count; i++) {
		pattern_at(c, i, &whose, &list[i].name);
		if (i >= c->target_count)
			list[i].group = &c->groups[i - c->target_count];
	}
	qsort(list, count, sizeof(list[0]), compare_names);
	for (size_t i = 1; i < count; i++) {
		const struct bearer *a = &list[i - 1], *b = &list[i];

		if (is_file(a) != is_file(b) || strcmp(a->name, b->name) != 0)
			continue;
		if (is_file(b))
			conf_say(messages, true,
				 xasprintf("%s: targets_file: '%s' is there twice",
					   origin(c), b->name));
		else
			conf_say(messages, true,
				 xasprintf("%s: %s are called '%s'", origin(c),
					   b->group == NULL   ? "two targets"
					   : a->group == NULL ? "a target and a group"
							      : "two groups",
					   b->name));
	}
	free(list);
}

/*
 * Addresses.
 */

static int
compare_addresses(const void *a, const void *b)
{
	const struct target_config *const *x = a, *const *y = b;
	char left[ENDPOINT_TEXT_BYTES], right[ENDPOINT_TEXT_BYTES];
	int order = strcasecmp(endpoint_name(&(*x)->endpoint, left),
			       endpoint_name(&(*y)->endpoint, right));

	return order != 0 ? order : strcmp((*x)->channel, (*y)->channel);
}

static void
check_twins(const struct conf *c, struct conf_messages *messages)
{
	const struct target_config **list = xcalloc(c->target_count, sizeof(list[0]));
	char text[ENDPOINT_TEXT_BYTES];

	for (size_t i = 0; i < c->target_count; i++)
		list[i] = &c->targets[i];
	qsort(list, c->target_count, sizeof(list[0]), compare_addresses);
	for (size_t i = 1; i < c->target_count; i++) {
		bool same_channel = strcmp(list[i - 1]->channel, list[i]->channel) == 0;

		if (!endpoint_same_address(&list[i - 1]->endpoint, &list[i]->endpoint))
			continue;
		/* On one channel each message would come twice. */
		conf_say(messages, same_channel,
			 xasprintf("%s: %s is watched twice, as '%s' and as '%s'%s",
				   origin(c), endpoint_text(&list[i]->endpoint, text),
				   list[i - 1]->name, list[i]->name,
				   same_channel ? ", on the same channel" : ""));
	}
	free(list);
}

/* A seed, and whose it is. */
struct claim {
	const struct endpoint *seed;
	const struct group_config *group;
};

/* Groups that may watch the same servers stand side by side, in their order. */
static int
compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	char left[ENDPOINT_TEXT_BYTES], right[ENDPOINT_TEXT_BYTES];
	int order = (int)x->group->kind - (int)y->group->kind;

	if (order == 0 && x->group->kind == GROUP_SENTINEL)
		order = strcmp(x->group->master, y->group->master);
	if (order == 0)
		order = strcasecmp(endpoint_name(x->seed, left),
				   endpoint_name(y->seed, right));
	if (order == 0)
		order = strcmp(x->group->pattern.channel, y->group->pattern.channel);
	return order != 0 ? order : (x->group > y->group) - (x->group < y->group);
}

static bool
claims_are_same(const struct claim *a, const struct claim *b)
{
	return a->group->kind == b->group->kind &&
	       (a->group->kind != GROUP_SENTINEL ||
		strcmp(a->group->master, b->group->master) == 0) &&
	       endpoint_same_address(a->seed, b->seed);
}

static void
complain_group_twins(const struct conf *c, const struct group_config *a,
		     const struct group_config *b, struct conf_messages *messages)
{
	bool same_channel = strcmp(a->pattern.channel, b->pattern.channel) == 0 &&
			    strstr(a->pattern.channel, "{name}") == NULL;

	conf_say(messages, same_channel,
		 xasprintf("%s: %s%s is watched twice, as '%s' and as '%s'%s",
			   origin(c),
			   a->kind == GROUP_SENTINEL ? "master " : "the same cluster",
			   a->kind == GROUP_SENTINEL ? a->master : "", a->name, b->name,
			   same_channel ? ", on the same channel" : ""));
}

/* One seed that two groups have in common leads both to the same servers. */
static void
check_group_twins(const struct conf *c, struct conf_messages *messages)
{
	const struct group_config **told = xcalloc(c->group_count, sizeof(told[0]));
	struct claim *list = NULL;
	size_t count = 0;

	for (size_t i = 0; i < c->group_count; i++) {
		const struct group_config *g = &c->groups[i];

		if (g->seed_count == 0)
			continue;
		list = xrealloc(list, count + g->seed_count, sizeof(list[0]));
		for (size_t k = 0; k < g->seed_count; k++)
			list[count++] = (struct claim){ &g->seeds[k], g };
	}
	if (count > 0)
		qsort(list, count, sizeof(list[0]), compare_claims);
	for (size_t i = 1; i < count; i++) {
		const struct group_config *a = list[i - 1].group, *b = list[i].group;

		/* Once, however many seeds they share. */
		if (!claims_are_same(&list[i - 1], &list[i]) ||
		    told[b - c->groups] == a)
			continue;
		told[b - c->groups] = a;
		complain_group_twins(c, a, b, messages);
	}
	free(list);
	free(told);
}

/*
 * Channels and files.
 */

/* Whoever reads the one takes the other for it. */
static void
check_notices(const struct conf *c, struct conf_messages *messages)
{
	const char *whose, *name;

	for (size_t i = 0; i < pattern_count(c); i++) {
		const struct target_config *t = pattern_at(c, i, &whose, &name);

		if (t->notices != NULL && !t->json &&
		    strcmp(t->notices, t->channel) == 0)
			conf_say(messages, false,
				 xasprintf("%s %s: notices: they go to the channel "
					   "of its feed, among the server's own words; "
					   "name another, or say format = \"json\"",
					   whose, name));
	}
}

static void
check_password_file(const char *path, const char *whose, const char *name,
		    const char *key, struct conf_messages *messages)
{
	char error[512], *secret;

	if (path == NULL)
		return;
	secret = secret_read(path, error, sizeof(error));
	if (secret == NULL)
		conf_say(messages, false,
			 xasprintf("%s %s: %s: %s", whose, name, key, error));
	xfree_secret(secret);
}

/* A file may come later; but now is when somebody looks. */
static void
check_password_files(const struct conf *c, struct conf_messages *messages)
{
	const char *whose, *name;

	for (size_t i = 0; i < pattern_count(c); i++) {
		const struct target_config *t = pattern_at(c, i, &whose, &name);

		check_password_file(t->endpoint.password_file, whose, name,
				    "password_file", messages);
	}
	for (size_t i = 0; i < c->group_count; i++) {
		const struct group_config *g = &c->groups[i];

		if (g->kind == GROUP_SENTINEL)
			check_password_file(g->seeds[0].password_file, "group", g->name,
					    "sentinel_password_file", messages);
	}
}

/*
 * The options were checked one by one; here is what they are together. Many
 * targets say the same, and mostly one after the other.
 */
static void
check_tls(const struct conf *c, struct conf_messages *messages)
{
	static const struct endpoint_tls nothing;
	const struct endpoint_tls *last = NULL;
	const char *whose, *name;
	char error[512];

	/* The file's own errors have a line, and may be the same. */
	if (messages->errors > 0)
		return;
	for (size_t i = 0; i < pattern_count(c); i++) {
		const struct target_config *t = pattern_at(c, i, &whose, &name);
		const struct endpoint_tls *tls = &t->endpoint.tls;

		/* Kept only where it counts: a file's lines may want it, or not. */
		if (endpoint_tls_same(tls, &nothing))
			continue;
		if (tls->insecure)
			conf_say(messages, false,
				 xasprintf("%s %s: verify: none, so whoever "
					   "answers there is taken for the server, "
					   "and gets the password",
					   whose, name));
		if (last != NULL && endpoint_tls_same(tls, last))
			continue;
		last = tls;
		if ((tls->cert == NULL) != (tls->key == NULL))
			conf_say(messages, true,
				 xasprintf("%s %s: %s: it needs %s beside it", whose,
					   name, tls->cert != NULL ? "cert" : "key",
					   tls->cert != NULL ? "key" : "cert"));
		else if (!tls_context_ok(tls, error, sizeof(error)))
			conf_say(messages, true,
				 xasprintf("%s %s: TLS: %s", whose, name, error));
		if (tls->key != NULL &&
		    !tls_context_key_is_private(tls->key, error, sizeof(error)))
			conf_say(messages, false,
				 xasprintf("%s %s: key: %s", whose, name, error));
	}
}

void
conf_check(const struct conf *c, struct conf_messages *messages)
{
	check_names(c, messages);
	check_twins(c, messages);
	check_group_twins(c, messages);
	check_tls(c, messages);
	check_notices(c, messages);
	check_password_files(c, messages);
}
