/*
 * group_config: see group_config.h.
 */
#include "group_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "members.h"
#include "xalloc.h"

void
group_config_copy(struct group_config *to, const struct group_config *from)
{
	*to = *from;
	to->name = xstrdup(from->name);
	target_config_copy(&to->pattern, &from->pattern);
	to->seeds = xcalloc(from->seed_count, sizeof(to->seeds[0]));
	for (size_t i = 0; i < from->seed_count; i++)
		endpoint_copy(&to->seeds[i], &from->seeds[i]);
	to->master = xstrdup(from->master);
	to->path = xstrdup(from->path);
}

void
group_config_fini(struct group_config *c)
{
	free(c->name);
	target_config_fini(&c->pattern);
	for (size_t i = 0; i < c->seed_count; i++)
		endpoint_fini(&c->seeds[i]);
	free(c->seeds);
	free(c->master);
	free(c->path);
	*c = (struct group_config){ 0 };
}

const char *
group_kind_name(enum group_kind kind)
{
	static const char *const names[] = {
		[GROUP_SENTINEL] = "sentinel",
		[GROUP_CLUSTER] = "cluster",
		[GROUP_FILE] = "file",
	};

	return names[kind];
}

static char *
target_name(const struct group_config *c, const struct member *m)
{
	if (c->kind == GROUP_FILE)
		return xstrdup(m->name);
	if (*m->name == '\0')
		return xstrdup(c->name);
	return xasprintf("%s/%s", c->name, m->name);
}

static enum target_identity
identity(const struct group_config *c, const struct member *m)
{
	if (c->kind == GROUP_CLUSTER)
		return IDENTITY_NODE;
	if (c->kind == GROUP_SENTINEL && *m->name == '\0')
		return IDENTITY_ROLE;
	return IDENTITY_ADDRESS;
}

/* *e, which says who we are to all of them, becomes that of one. */
static void
take_address(struct endpoint *e, enum group_kind kind, const struct endpoint *from)
{
	e->host = xstrdup(from->host);
	e->port = from->port;
	e->path = xstrdup(from->path);
	if (kind != GROUP_FILE)
		return;
	if (from->user != NULL) {
		free(e->user);
		e->user = xstrdup(from->user);
	}
	e->tls.on = from->tls.on;
}

static bool
channel_ok(const char *channel, const char *tag, char *error, size_t size)
{
	if (channel == NULL)
		return true;
	if (tag != NULL && strchr(channel, '{') != NULL) {
		snprintf(error, size,
			 "channel '%.80s' holds a {, where the tag of a slot would "
			 "follow",
			 channel);
		return false;
	}
	return target_config_channel_ok(channel, error, size);
}

bool
group_config_target(const struct group_config *c, const struct member *m,
		    struct target_config *target, char *error, size_t size)
{
	struct target_config t;

	target_config_copy(&t, &c->pattern);
	t.name = target_name(c, m);
	take_address(&t.endpoint, c->kind, &m->endpoint);
	/* Of no use to others, and a server the more that they would be kept for. */
	if (!t.endpoint.tls.on)
		endpoint_tls_fini(&t.endpoint.tls);
	t.identity = identity(c, m);
	t.tag = xstrdup(m->tag);
	/* The name first: one with {name} in it would be expanded for ever. */
	if (!target_config_name_ok(t.name, error, size))
		goto bad;
	target_config_expand(&t);
	if (!channel_ok(t.channel, t.tag, error, size) ||
	    !channel_ok(t.notices, t.tag, error, size))
		goto bad;
	*target = t;
	return true;
bad:
	target_config_fini(&t);
	return false;
}
