/*
 * target_config: see target_config.h.
 */
#include "target_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "xalloc.h"

static const char placeholder[] = "{name}";

static const char *const identities[] = {
	[IDENTITY_ADDRESS] = "address",
	[IDENTITY_ROLE] = "role",
	[IDENTITY_NODE] = "node",
};

const char *
target_config_identity_name(enum target_identity identity)
{
	return identities[identity];
}

void
target_config_copy(struct target_config *to, const struct target_config *from)
{
	*to = *from;
	to->name = xstrdup(from->name);
	to->channel = xstrdup(from->channel);
	to->notices = xstrdup(from->notices);
	rules_copy(&to->rules, &from->rules);
	endpoint_copy(&to->endpoint, &from->endpoint);
	to->tag = xstrdup(from->tag);
}

void
target_config_fini(struct target_config *c)
{
	free(c->name);
	free(c->channel);
	free(c->notices);
	free(c->tag);
	rules_fini(&c->rules);
	endpoint_fini(&c->endpoint);
	*c = (struct target_config){ 0 };
}

int64_t
target_config_sample_ns(const struct target_config *c)
{
	int64_t samples;

	if (c->sample_ns <= 0 || c->sample_ns >= c->interval_ns)
		return c->interval_ns;
	samples = (c->interval_ns + c->sample_ns - 1) / c->sample_ns;
	return c->interval_ns / samples;
}

bool
target_config_same(const struct target_config *a, const struct target_config *b)
{
	return endpoint_same(&a->endpoint, &b->endpoint) &&
	       a->interval_ns == b->interval_ns && a->sample_ns == b->sample_ns &&
	       xstrsame(a->channel, b->channel) && xstrsame(a->notices, b->notices) &&
	       a->json == b->json && rules_same(&a->rules, &b->rules) &&
	       a->identity == b->identity && xstrsame(a->tag, b->tag);
}

static void
expand(char **channel, const char *name)
{
	char *at;

	/* A name holds no brace, so this ends. */
	while (*channel != NULL && (at = strstr(*channel, placeholder)) != NULL) {
		char *new = xasprintf("%.*s%s%s", (int)(at - *channel), *channel, name,
				      at + strlen(placeholder));

		free(*channel);
		*channel = new;
	}
}

void
target_config_expand(struct target_config *c)
{
	expand(&c->channel, c->name);
	expand(&c->notices, c->name);
}

bool
target_config_name_ok(const char *name, char *error, size_t size)
{
	size_t len = strlen(name);

	if (len == 0 || len > TARGET_NAME_MAX) {
		snprintf(error, size, "a name has 1 to %d bytes, and not %zu",
			 TARGET_NAME_MAX, len);
		return false;
	}
	if (strcasecmp(name, "json") == 0) {
		snprintf(error, size, "'%s' means a form of STATUS", name);
		return false;
	}
	for (const char *p = name; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~' || strchr("\"'{}", *p) != NULL) {
			snprintf(error, size,
				 "'%.80s' holds something else than printable ASCII "
				 "without blanks, quotes and braces",
				 name);
			return false;
		}
	}
	return true;
}

bool
target_config_channel_ok(const char *channel, char *error, size_t size)
{
	size_t len = strlen(channel);

	if (len == 0 || len > TARGET_CHANNEL_MAX) {
		snprintf(error, size, "a channel's name has 1 to %d bytes, and not %zu",
			 TARGET_CHANNEL_MAX, len);
		return false;
	}
	return true;
}
