/*
 * conf: see conf.h.
 */
#include "conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf_check.h"
#include "conf_file.h"
#include "duration.h"
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

	if (flags->server_count > 0 && c->target_count + c->group_count > 0) {
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
	if (c->target_count + c->group_count == 0 && messages->errors == 0)
		add_server(c, &local, "default", defaults, messages);
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
	conf_check(c, messages);
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
	for (size_t i = 0; i < c->group_count; i++)
		group_config_fini(&c->groups[i]);
	free(c->groups);
	target_config_fini(&c->defaults);
	free(c->file);
	free(c->control_path);
	free(c->control_group);
	free(c->log_level_name);
	free(c);
}
