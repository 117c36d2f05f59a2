/*
 * conf_check: see conf_check.h.
 */
#include "conf_check.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf.h"
#include "secret.h"
#include "tls_context.h"
#include "xalloc.h"

static int
compare_names(const void *a, const void *b)
{
	const struct target_config *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

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
	qsort(list, c->target_count, sizeof(list[0]), compare_names);
	for (size_t i = 1; i < c->target_count; i++) {
		if (strcmp(list[i - 1]->name, list[i]->name) == 0)
			conf_say(messages, true,
				 xasprintf("%s: two targets are called '%s'",
					   c->file != NULL ? c->file : "-u",
					   list[i]->name));
	}
	qsort(list, c->target_count, sizeof(list[0]), compare_addresses);
	for (size_t i = 1; i < c->target_count; i++) {
		bool same_channel = strcmp(list[i - 1]->channel, list[i]->channel) == 0;

		if (!endpoint_same_address(&list[i - 1]->endpoint, &list[i]->endpoint))
			continue;
		/* On one channel each message would come twice. */
		conf_say(messages, same_channel,
			 xasprintf("%s: %s is watched twice, as '%s' and as '%s'%s",
				   c->file != NULL ? c->file : "-u",
				   endpoint_text(&list[i]->endpoint, text),
				   list[i - 1]->name, list[i]->name,
				   same_channel ? ", on the same channel" : ""));
	}
	free(list);
}

/* Whoever reads the one takes the other for it. */
static void
check_notices(const struct conf *c, struct conf_messages *messages)
{
	for (size_t i = 0; i < c->target_count; i++) {
		const struct target_config *t = &c->targets[i];

		if (t->notices != NULL && !t->json &&
		    strcmp(t->notices, t->channel) == 0)
			conf_say(messages, false,
				 xasprintf("target %s: notices: they go to the channel "
					   "of its feed, among the server's own words; "
					   "name another, or say format = \"json\"",
					   t->name));
	}
}

/* A file may come later; but now is when somebody looks. */
static void
check_password_files(const struct conf *c, struct conf_messages *messages)
{
	for (size_t i = 0; i < c->target_count; i++) {
		const struct target_config *t = &c->targets[i];
		char error[512], *secret;

		if (t->endpoint.password_file == NULL)
			continue;
		secret = secret_read(t->endpoint.password_file, error, sizeof(error));
		if (secret == NULL)
			conf_say(messages, false,
				 xasprintf("target %s: password_file: %s", t->name,
					   error));
		xfree_secret(secret);
	}
}

/*
 * The options were checked one by one; here is what they are together. Many
 * targets say the same, and mostly one after the other.
 */
static void
check_tls(const struct conf *c, struct conf_messages *messages)
{
	const struct target_config *last = NULL;
	char error[512];

	/* The file's own errors have a line, and may be the same. */
	if (messages->errors > 0)
		return;
	for (size_t i = 0; i < c->target_count; i++) {
		const struct target_config *t = &c->targets[i];
		const struct endpoint_tls *tls = &t->endpoint.tls;

		if (!tls->on)
			continue;
		if (tls->insecure)
			conf_say(messages, false,
				 xasprintf("target %s: verify: none, so whoever "
					   "answers there is taken for the server, "
					   "and gets the password",
					   t->name));
		if (last != NULL && endpoint_tls_same(tls, &last->endpoint.tls))
			continue;
		last = t;
		if ((tls->cert == NULL) != (tls->key == NULL))
			conf_say(messages, true,
				 xasprintf("target %s: %s: it needs %s beside it",
					   t->name, tls->cert != NULL ? "cert" : "key",
					   tls->cert != NULL ? "key" : "cert"));
		else if (!tls_context_ok(tls, error, sizeof(error)))
			conf_say(messages, true,
				 xasprintf("target %s: TLS: %s", t->name, error));
		if (tls->key != NULL &&
		    !tls_context_key_is_private(tls->key, error, sizeof(error)))
			conf_say(messages, false,
				 xasprintf("target %s: key: %s", t->name, error));
	}
}

void
conf_check(const struct conf *c, struct conf_messages *messages)
{
	check_twins(c, messages);
	check_tls(c, messages);
	check_notices(c, messages);
	check_password_files(c, messages);
}
