/*
 * conf_group: see conf_group.h.
 */
#include "conf_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_option.h"
#include "conf_settings.h"
#include "conf_value.h"
#include "members.h"
#include "xalloc.h"

#define URL "url"

static const char *const sources[] = {
	[GROUP_SENTINEL] = "sentinels",
	[GROUP_CLUSTER] = "cluster",
	[GROUP_FILE] = "targets_file",
};

#define SOURCES (sizeof(sources) / sizeof(sources[0]))

/* NULL when it is not there, or is empty, which says the same. */
static const config_setting_t *
member(const config_setting_t *element, const char *key)
{
	const config_setting_t *s = config_setting_get_member(element, key);
	const char *text = s != NULL ? config_setting_get_string(s) : NULL;

	return text != NULL && *text == '\0' ? NULL : s;
}

/* Options that mean something beside another source only. */
static void
complain_strays(const struct conf_value_place *place, const config_setting_t *element,
		const char *path, const char *source)
{
	const struct conf_option *o;
	const config_setting_t *s;

	for (size_t i = 0; (o = conf_option_at(i)) != NULL; i++) {
		if (o->scope != CONF_SCOPE_GROUP ||
		    strcmp(sources[o->kind], source) == 0 ||
		    (s = member(element, o->key)) == NULL)
			continue;
		conf_value_complain(place, s, path,
				    "%s: it belongs beside %s, and not beside %s",
				    o->key, sources[o->kind], source);
	}
}

const char *
conf_group_source(const struct conf_value_place *place, const config_setting_t *element,
		  const char *path)
{
	const char *found = NULL;

	/* An empty url is an error of its own. */
	if (config_setting_get_member(element, URL) != NULL)
		found = URL;
	for (size_t i = 0; i < SOURCES; i++) {
		const config_setting_t *s = member(element, sources[i]);

		if (s == NULL)
			continue;
		if (found != NULL) {
			conf_value_complain(place, s, path,
					    "there are both %s and %s; one of url, "
					    "sentinels, cluster, targets_file is "
					    "allowed",
					    found, sources[i]);
			return NULL;
		}
		found = sources[i];
	}
	if (found == NULL)
		conf_value_complain(place, element, path,
				    "there is no url, nor sentinels, cluster or "
				    "targets_file in its place");
	else
		complain_strays(place, element, path, found);
	return found;
}

static void
options_fini(struct conf_group_options *o)
{
	conf_seeds_fini(&o->seeds);
	free(o->master);
	free(o->sentinel_user);
	free(o->sentinel_password_file);
	free(o->targets_file);
}

struct conf_group_options
conf_group_options(const struct group_config *g)
{
	struct conf_group_options o = {
		.seeds = { g->seeds, g->seed_count },
		.master = g->master,
		.replicas = g->replicas,
		.shard = g->shard,
		.targets_file = g->path,
	};

	if (g->kind == GROUP_SENTINEL) {
		o.sentinel_user = g->seeds[0].user;
		o.sentinel_password_file = g->seeds[0].password_file;
	}
	return o;
}

/*
 * The seeds know whom to trust as the servers do. Nodes of a cluster are such
 * servers; sentinels have users and passwords of their own, and must not be told
 * those of others.
 */
static void
take_options(struct group_config *g, struct conf_group_options *o)
{
	const struct endpoint *server = &g->pattern.endpoint;

	for (size_t i = 0; i < o->seeds.count; i++) {
		struct endpoint *e = &o->seeds.list[i];

		endpoint_tls_fini(&e->tls);
		endpoint_tls_copy(&e->tls, &server->tls);
		if (g->kind == GROUP_SENTINEL) {
			e->user = xstrdup(o->sentinel_user);
			e->password_file = xstrdup(o->sentinel_password_file);
		} else {
			e->user = xstrdup(server->user);
			e->password = xstrdup(server->password);
			e->password_file = xstrdup(server->password_file);
		}
	}
	g->seeds = o->seeds.list;
	g->seed_count = o->seeds.count;
	g->master = o->master;
	g->replicas = o->replicas;
	g->shard = o->shard;
	g->path = o->targets_file;
	/* Theirs now. */
	o->seeds = (struct conf_seeds){ 0 };
	o->master = o->targets_file = NULL;
}

/* NULL, said, when there is none, or none that is fit to be one. */
static char *
read_name(const struct conf_value_place *place, const config_setting_t *element,
	  const char *path, enum group_kind kind, const struct conf_group_options *o)
{
	const config_setting_t *s = conf_settings_string(place, element, path, "name");
	const char *name = s != NULL ? config_setting_get_string(s) : NULL;
	char error[512];

	if (kind == GROUP_FILE) {
		if (name != NULL && *name != '\0')
			conf_value_complain(place, s, path,
					    "name: a file has none; names of its "
					    "targets stand in its lines");
		return xstrdup(o->targets_file);
	}
	if (name == NULL && kind == GROUP_SENTINEL)
		name = o->master;
	if (name == NULL) {
		/* Of the others was told that something is no string, or missing. */
		if (kind == GROUP_CLUSTER && s == NULL &&
		    config_setting_get_member(element, "name") == NULL)
			conf_value_complain(place, element, path,
					    "there is no name; the nodes of a cluster "
					    "are called by it: NAME/ID");
		return NULL;
	}
	if (target_config_name_ok(name, error, sizeof(error)))
		return xstrdup(name);
	conf_value_complain(place, s != NULL ? s : element, path, "name: %s", error);
	return NULL;
}

/* Where SPUBLISH goes is told by the first braces in the channel. */
static void
check_braces(const struct conf_value_place *place, const config_setting_t *at,
	     const char *path, const char *key, const char *channel)
{
	static const char placeholder[] = "{name}";

	for (const char *p = channel; p != NULL && *p != '\0';) {
		if (strncmp(p, placeholder, strlen(placeholder)) == 0) {
			p += strlen(placeholder);
		} else if (*p == '{' || *p == '}') {
			conf_value_complain(
				place, at, path,
				"cluster_publish: with \"shard\" the braces in the %s "
				"'%.80s' would be taken for the tag of a slot; only "
				"{name} may be in it",
				key, channel);
			return;
		} else {
			p++;
		}
	}
}

/* The longest of the usual names that a target in it will have. */
static void
check_example(const struct conf_value_place *place, const config_setting_t *at,
	      const char *path, const struct group_config *g)
{
	bool master_only = g->kind == GROUP_SENTINEL && !g->replicas;
	const char *name = master_only		      ? ""
			   : g->kind == GROUP_CLUSTER ? "0123abcd"
						      : "255.255.255.255:65535";
	struct members example = { 0 };
	struct target_config target;
	char error[512];

	members_add(&example, name, "255.255.255.255", 65535);
	if (group_config_target(g, &example.list[0], &target, error, sizeof(error)))
		target_config_fini(&target);
	else
		conf_value_complain(place, at, path,
				    "a target of it, as %s%s%s, could not be: %s",
				    g->kind != GROUP_FILE ? g->name : "",
				    g->kind != GROUP_FILE && *name != '\0' ? "/" : "",
				    name, error);
	members_fini(&example);
}

/* Takes *g and *o over. */
static void
add(const struct conf_value_place *place, const config_setting_t *at, const char *path,
    struct group_config *g, struct conf_group_options *o, struct conf *conf)
{
	bool complete = g->name != NULL;

	complete &= g->kind != GROUP_SENTINEL || o->master != NULL;
	complete &= g->kind == GROUP_FILE || o->seeds.count > 0;
	take_options(g, o);
	options_fini(o);
	if (!complete) {
		group_config_fini(g);
		return;
	}
	if (g->pattern.channel == NULL)
		g->pattern.channel = xstrdup(g->kind == GROUP_CLUSTER || g->replicas
						     ? CONF_CHANNEL_GROUP
						     : CONF_CHANNEL);
	if (g->shard) {
		check_braces(place, at, path, "channel", g->pattern.channel);
		check_braces(place, at, path, "notices", g->pattern.notices);
	}
	check_example(place, at, path, g);
	conf->groups =
		xrealloc(conf->groups, conf->group_count + 1, sizeof(conf->groups[0]));
	conf->groups[conf->group_count++] = *g;
}

static void
read_options(const struct conf_value_place *place, const config_setting_t *element,
	     const char *path, enum group_kind kind, struct conf_group_options *options)
{
	const struct conf_option *o;
	const config_setting_t *s;
	char where[160];

	for (size_t i = 0; (o = conf_option_at(i)) != NULL; i++) {
		if (o->scope != CONF_SCOPE_GROUP || o->kind != kind ||
		    (s = config_setting_get_member(element, o->key)) == NULL)
			continue;
		snprintf(where, sizeof(where), "%s.%s", path, o->key);
		conf_value_read(place, s, where, o, options);
	}
	if (kind == GROUP_SENTINEL && member(element, "master") == NULL)
		conf_value_complain(
			place, element, path,
			"there is no master, by the name that the sentinels "
			"have for it");
}

void
conf_group_read(const struct conf_value_place *place, const config_setting_t *element,
		const char *path, const char *source,
		const struct target_config *defaults, struct conf *conf)
{
	struct conf_group_options options = { 0 };
	struct group_config g = {
		.kind = conf_option_find(CONF_SCOPE_GROUP, source)->kind,
	};

	target_config_copy(&g.pattern, defaults);
	read_options(place, element, path, g.kind, &options);
	if (options.seeds.count > 0)
		g.pattern.endpoint.tls.on = options.seeds.list[0].tls.on;
	conf_settings_target(place, element, path,
			     options.seeds.count > 0 ? "the urls do" : NULL,
			     &g.pattern);
	g.name = read_name(place, element, path, g.kind, &options);
	add(place, element, path, &g, &options, conf);
}

void
conf_group_read_file(const struct conf_value_place *place, const config_setting_t *s,
		     const struct target_config *defaults, struct conf *conf)
{
	static const char key[] = "targets_file";
	struct conf_group_options options = { 0 };
	struct group_config g = { .kind = GROUP_FILE };

	conf_value_read(place, s, key, conf_option_find(CONF_SCOPE_GROUP, key),
			&options);
	target_config_copy(&g.pattern, defaults);
	g.name = xstrdup(options.targets_file);
	add(place, s, key, &g, &options, conf);
}
