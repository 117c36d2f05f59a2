/*
 * conf: see conf.h.
 */
#include "conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "conf_file.h"
#include "duration.h"
#include "secret.h"
#include "tls_context.h"
#include "xalloc.h"

void
conf_say(struct conf_messages *m, bool is_error, char *text)
{
	size_t at = is_error ? m->errors : m->count;
	size_t size = 4 * strlen(text) + 1;
	char *line = xcalloc(1, size);

	/* What it quotes may hold anything; a message is one line. */
	log_escape(line, size, text);
	free(text);

	m->text = xrealloc(m->text, m->count + 1, sizeof(m->text[0]));
	memmove(&m->text[at + 1], &m->text[at], (m->count - at) * sizeof(m->text[0]));
	m->text[at] = line;
	m->count++;
	m->errors += is_error;
}

void
conf_messages_fini(struct conf_messages *m)
{
	for (size_t i = 0; i < m->count; i++)
		free(m->text[i]);
	free(m->text);
	*m = (struct conf_messages){ 0 };
}

static void
replace(char **field, const char *value)
{
	if (value == NULL)
		return;
	free(*field);
	*field = xstrdup(value);
}

static void
apply_tls(const struct endpoint_tls *flags, struct endpoint_tls *defaults)
{
	replace(&defaults->cacert, flags->cacert);
	replace(&defaults->cacertdir, flags->cacertdir);
	replace(&defaults->cert, flags->cert);
	replace(&defaults->key, flags->key);
	replace(&defaults->sni, flags->sni);
	defaults->insecure |= flags->insecure;
}

void
conf_apply_flags(const struct conf_flags *flags, struct target_config *defaults)
{
	replace(&defaults->channel, flags->channel);
	replace(&defaults->notices, flags->notices);
	if (defaults->notices != NULL && *defaults->notices == '\0') {
		free(defaults->notices);
		defaults->notices = NULL;
	}
	replace(&defaults->endpoint.user, flags->user);
	replace(&defaults->endpoint.password, flags->password);
	if (flags->interval_ns > 0)
		defaults->interval_ns = flags->interval_ns;
	if (flags->sample_ns > 0)
		defaults->sample_ns = flags->sample_ns;
	defaults->stopped |= flags->stopped;
	apply_tls(&flags->tls, &defaults->endpoint.tls);
}

bool
conf_add_target(struct conf *c, struct target_config *t, char *error, size_t size)
{
	const char *wrong = NULL;
	char reason[128];

	if (t->channel == NULL)
		t->channel = xstrdup(CONF_CHANNEL);
	target_config_expand(t);
	if (!target_config_channel_ok(t->channel, reason, sizeof(reason)))
		wrong = "channel";
	else if (t->notices != NULL &&
		 !target_config_channel_ok(t->notices, reason, sizeof(reason)))
		wrong = "notices";
	if (wrong != NULL)
		snprintf(error, size, "%s: with the name in it, %s", wrong, reason);
	c->targets = xrealloc(c->targets, c->target_count + 1, sizeof(*t));
	c->targets[c->target_count++] = *t;
	return wrong == NULL;
}

/*
 * Servers that the flags name are targets without a file's help: one is called
 * `default`, several by their addresses.
 */
static void
add_server(struct conf *c, const struct endpoint *server, const char *name,
	   const struct target_config *defaults, struct conf_messages *messages)
{
	struct target_config t;
	struct endpoint e;
	char error[512];

	if (!target_config_name_ok(name, error, sizeof(error))) {
		conf_say(messages, true, xasprintf("-u: name: %s", error));
		return;
	}
	target_config_copy(&t, defaults);
	endpoint_copy(&e, server);
	if (e.user == NULL)
		e.user = xstrdup(defaults->endpoint.user);
	if (e.password == NULL)
		e.password = xstrdup(defaults->endpoint.password);
	if (e.password == NULL)
		e.password_file = xstrdup(defaults->endpoint.password_file);
	if (e.tls.on)
		apply_tls(&defaults->endpoint.tls, &e.tls);
	endpoint_fini(&t.endpoint);
	t.endpoint = e;
	t.name = xstrdup(name);
	if (!conf_add_target(c, &t, error, sizeof(error)))
		conf_say(messages, true, xstrdup(error));
}

static void
add_servers(struct conf *c, const struct conf_flags *flags,
	    const struct target_config *defaults, struct conf_messages *messages)
{
	struct endpoint local = { .host = (char[]){ "127.0.0.1" },
				  .port = ENDPOINT_PORT };
	char text[ENDPOINT_TEXT_BYTES];

	if (flags->server_count > 0 && c->target_count > 0) {
		messages->usage = true;
		conf_say(messages, true,
			 xasprintf("%s: it has targets, and the command line names "
				   "servers, too; use one of the two ways (--config "
				   "/dev/null leaves the file out)",
				   c->file));
		return;
	}
	for (size_t i = 0; i < flags->server_count; i++)
		add_server(c, &flags->servers[i],
			   flags->server_count == 1
				   ? "default"
				   : endpoint_name(&flags->servers[i], text),
			   defaults, messages);
	if (c->target_count == 0 && messages->errors == 0)
		add_server(c, &local, "default", defaults, messages);
}

/*
 * What no single setting shows.
 */

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

/* Where the socket is when nobody says; NULL: nowhere. */
static char *
default_control_path(const struct conf_flags *flags)
{
	const char *runtime = getenv("RUNTIME_DIRECTORY");
	const char *user = getenv("XDG_RUNTIME_DIR");

	if (flags->handed_over != NULL)
		return xstrdup(flags->handed_over);
	/* systemd.exec(5): a list, separated by colons; the first is ours. */
	if (runtime != NULL && *runtime == '/')
		return xasprintf("%.*s/pinfod.sock", (int)strcspn(runtime, ":"),
				 runtime);
	if (geteuid() == 0)
		return xstrdup("/run/pinfod/pinfod.sock");
	if (user != NULL && *user == '/')
		return xasprintf("%s/pinfod.sock", user);
	return NULL;
}

static void
complete(struct conf *c, const struct conf_flags *flags, struct conf_messages *messages)
{
	replace(&c->control_path, flags->control_path);
	replace(&c->control_group, flags->control_group);
	replace(&c->log_level_name, flags->log_level);
	if (c->control_path == NULL)
		c->control_path = default_control_path(flags);
	if (c->control_path == NULL)
		conf_say(messages, true,
			 xstrdup("--control: say where the control socket shall be: "
				 "XDG_RUNTIME_DIR is not set"));
	else if (strlen(c->control_path) > CONF_CONTROL_PATH_MAX)
		conf_say(messages, true,
			 xasprintf("--control: '%.120s' has %zu bytes; a socket's path "
				   "has 1 to %d",
				   c->control_path, strlen(c->control_path),
				   CONF_CONTROL_PATH_MAX));
	if (c->log_level_name == NULL)
		c->log_level_name = xstrdup("notice");
	if (!log_level_parse(c->log_level_name, &c->log_level))
		abort();
}

static void
say_sample(const struct target_config *t, struct conf_messages *messages)
{
	char sample[32], interval[32];

	messages->usage = true;
	conf_say(messages, true,
		 xasprintf("--sample: %s seconds are longer than the interval, which "
			   "is %s",
			   duration_seconds(sample, t->sample_ns),
			   duration_seconds(interval, t->interval_ns)));
}

struct conf *
conf_load(const struct conf_flags *flags, struct conf_messages *messages)
{
	struct target_config defaults = { .interval_ns = CONF_INTERVAL_NS,
					  .sample_ns = CONF_SAMPLE_NS,
					  .notices = xstrdup(CONF_NOTICES) };
	struct conf *c = xcalloc(1, sizeof(*c));

	rules_init(&defaults.rules);
	if (flags->file != NULL)
		c->file = xstrdup(flags->file);
	else if (access(CONF_FILE, F_OK) == 0 || errno != ENOENT)
		c->file = xstrdup(CONF_FILE);
	if (c->file != NULL)
		conf_file_read(c->file, flags, c, &defaults, messages);
	else
		conf_apply_flags(flags, &defaults);
	if (flags->sample_ns > defaults.interval_ns)
		say_sample(&defaults, messages);
	add_servers(c, flags, &defaults, messages);
	complete(c, flags, messages);
	check_twins(c, messages);
	check_tls(c, messages);
	check_notices(c, messages);
	check_password_files(c, messages);
	c->defaults = defaults;
	if (messages->errors == 0)
		return c;
	conf_free(c);
	return NULL;
}

void
conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->target_count; i++)
		target_config_fini(&c->targets[i]);
	free(c->targets);
	target_config_fini(&c->defaults);
	free(c->file);
	free(c->control_path);
	free(c->control_group);
	free(c->log_level_name);
	free(c);
}
