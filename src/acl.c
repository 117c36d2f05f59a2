/*
 * acl: see acl.h.
 */
#include "acl.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

#define DEFAULT_USER "pinfod"
#define CHANNEL_PREFIX "pinfo"

/* What a server's ACLs know, by its version. */
enum acls {
	ACLS_NONE,     /* before 6.0 */
	ACLS_COMMANDS, /* 6.0: commands and keys */
	ACLS_CHANNELS, /* from 6.2 on: channels too */
	ACLS_SHARDS,   /* from 7.0 on: SPUBLISH */
};

static enum acls
acls_of(const char *version)
{
	int major = 0, minor = 0;

	/* Never heard: most likely it is not from before 2021. */
	if (version == NULL || sscanf(version, "%4d.%4d", &major, &minor) < 1)
		return ACLS_SHARDS;
	if (major < 6)
		return ACLS_NONE;
	if (major > 6)
		return ACLS_SHARDS;
	return minor < 2 ? ACLS_COMMANDS : ACLS_CHANNELS;
}

/*
 * The user as redis-cli takes it: in double quotes where it must be. What is not
 * ASCII stands as \xNN in STATUS, which double quotes understand.
 */
static char *
user_word(const char *user)
{
	char *word, *out;

	if (strpbrk(user, " \"'") == NULL && strstr(user, "\\x") == NULL)
		return xstrdup(user);
	word = xcalloc(2 * strlen(user) + 3, 1);
	out = word;
	*out++ = '"';
	for (const char *p = user; *p != '\0'; p++) {
		if (*p == '"' || (*p == '\\' && p[1] != 'x'))
			*out++ = '\\';
		*out++ = *p;
	}
	*out = '"';
	return word;
}

static bool
is_escape(const char *text)
{
	return text[0] == '\\' && text[1] == 'x' && isxdigit((unsigned char)text[2]) &&
	       isxdigit((unsigned char)text[3]);
}

/*
 * The channel as a pattern. Redis takes none with a blank in it: what is a blank, a
 * quote or not ASCII becomes a question mark, which is any one byte.
 */
static char *
channel_rule(const char *channel)
{
	char *pattern = xcalloc(2 * strlen(channel) + 2, 1), *out = pattern;

	*out++ = '&';
	for (const char *p = channel; *p != '\0'; p++) {
		bool escape = is_escape(p);

		if (escape || strchr(" \"'", *p) != NULL) {
			*out++ = '?';
			p += escape ? 3 : 0;
			continue;
		}
		if (strchr("*?[]\\", *p) != NULL)
			*out++ = '\\';
		*out++ = *p;
	}
	return pattern;
}

/* "resetchannels &pinfo* ", and what that does not cover; "" where there are none. */
static char *
channel_rules(enum acls acls, const char *channel, bool shard)
{
	bool other = strncmp(channel, CHANNEL_PREFIX, strlen(CHANNEL_PREFIX)) != 0;
	char *rule, *rules;

	if (acls < ACLS_CHANNELS)
		return xstrdup("");
	rule = other ? channel_rule(channel) : xstrdup("");
	rules = xasprintf("resetchannels &" CHANNEL_PREFIX "*%s%s%s ", other ? " " : "",
			  rule, other && shard ? "{*}" : "");
	free(rule);
	return rules;
}

char *
acl_line(const char *user_name, const char *version, const char *channel,
	 const char *tag, enum target_identity identity)
{
	enum acls acls = acls_of(version);
	bool shard = tag != NULL && acls >= ACLS_SHARDS;
	char *user, *rules, *line;

	if (acls == ACLS_NONE)
		return NULL;
	user = user_word(user_name != NULL ? user_name : DEFAULT_USER);
	rules = channel_rules(acls, channel, shard);
	line = xasprintf("ACL SETUSER %s on >PASSWORD resetkeys %s-@all +info +%s%s",
			 user, rules, shard ? "spublish" : "publish",
			 identity == IDENTITY_NODE ? " +cluster|nodes" : "");
	free(user);
	free(rules);
	return line;
}
