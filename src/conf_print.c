/*
 * conf_print: conf_print and conf_print_sample of conf.h; what the table of
 * options says, in the form of the file.
 */
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_group.h"
#include "conf_option.h"
#include "duration.h"
#include "size.h"

/* A libconfig string: quotes, backslashes and what does not print are escaped. */
static void
print_string(FILE *out, const char *text)
{
	putc('"', out);
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(out, "\\x%02x", *p);
		else
			putc(*p, out);
	}
	putc('"', out);
}

static void
print_rules(FILE *out, const struct rules *rules, const char *indent)
{
	size_t count;
	char **texts = rules_texts(rules, &count);

	putc('[', out);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "\n%s\t", indent);
		print_string(out, texts[i]);
		if (i + 1 < count)
			putc(',', out);
		free(texts[i]);
	}
	if (count > 0)
		fprintf(out, "\n%s]", indent);
	else
		fputs(" ]", out);
	free(texts);
}

static void
print_url(FILE *out, const struct endpoint *e)
{
	const char *scheme = e->path != NULL ? "unix" : e->tls.on ? "rediss" : "redis";
	char address[ENDPOINT_TEXT_BYTES], url[ENDPOINT_TEXT_BYTES + 16];

	snprintf(url, sizeof(url), "%s://%s", scheme, endpoint_name(e, address));
	print_string(out, url);
}

static void
print_seeds(FILE *out, const struct conf_seeds *seeds)
{
	putc('[', out);
	for (size_t i = 0; i < seeds->count; i++) {
		fputs(i > 0 ? ", " : " ", out);
		print_url(out, &seeds->list[i]);
	}
	fputs(" ]", out);
}

static void
print_value(FILE *out, const struct conf_option *o, const void *base,
	    const char *indent)
{
	const void *field = (const char *)base + o->offset;
	const char *text;
	char value[32];
	double bytes;

	switch (o->type) {
	case CONF_TYPE_STRING:
		text = *(char *const *)field;
		print_string(out, text != NULL ? text : "");
		break;
	case CONF_TYPE_DURATION:
		fprintf(out, "\"%ss\"",
			duration_seconds(value, *(const int64_t *)field));
		break;
	case CONF_TYPE_SIZE:
		bytes = *(const double *)field;
		fprintf(out, "\"%s\"",
			bytes > 0 ? size_text(value, (int64_t)bytes) : "");
		break;
	case CONF_TYPE_BOOL:
		if (o->choice != NULL)
			print_string(out, o->choice(*(const bool *)field));
		else
			fputs(*(const bool *)field ? "true" : "false", out);
		break;
	case CONF_TYPE_CHOICE:
		print_string(out, o->choice(*(const unsigned *)field));
		break;
	case CONF_TYPE_RULES:
		print_rules(out, field, indent);
		break;
	case CONF_TYPE_SEEDS:
		print_seeds(out, field);
		break;
	case CONF_TYPE_CREDENTIAL:
		break;
	}
}

static void
print_option(FILE *out, const struct conf_option *o, const void *base,
	     const char *indent)
{
	fprintf(out, "%s%s = ", indent, o->key);
	print_value(out, o, base, indent);
	fputs(";\n", out);
}

/* A credential has become a password_file, and is printed as that. */
static void
print_options(FILE *out, enum conf_scope scope, const void *base, const char *indent)
{
	const struct conf_option *o;

	for (size_t i = 0; (o = conf_option_at(i)) != NULL; i++) {
		if (o->scope == scope && o->type != CONF_TYPE_CREDENTIAL)
			print_option(out, o, base, indent);
	}
}

/* Where what a target or the targets of a group are told ends. */
static void
print_rest(FILE *out, const struct target_config *t)
{
	struct target_config shown = *t;
	int64_t sample_ns = target_config_sample_ns(t);
	char seconds[32];

	/* As it may be said: no longer than the interval. */
	if (shown.sample_ns > shown.interval_ns)
		shown.sample_ns = shown.interval_ns;
	print_options(out, CONF_SCOPE_TARGET, &shown, "\t\t");
	if (sample_ns != shown.sample_ns)
		fprintf(out, "\t\t# a sample every %s s, to divide the interval\n",
			duration_seconds(seconds, sample_ns));
	if (t->endpoint.password != NULL)
		fputs("\t\t# a password was given on the command line, or in "
		      "REDISCLI_AUTH\n",
		      out);
	fputs("\t}", out);
}

static void
print_target(FILE *out, const struct target_config *t)
{
	fputs("\t{\n\t\tname = ", out);
	print_string(out, t->name);
	fputs(";\n\t\turl = ", out);
	print_url(out, &t->endpoint);
	fputs(";\n", out);
	print_rest(out, t);
}

static void
print_group(FILE *out, const struct group_config *g)
{
	const struct conf_group_options options = conf_group_options(g);
	const struct conf_option *o;

	fputs("\t{\n", out);
	if (g->kind != GROUP_FILE) {
		fputs("\t\tname = ", out);
		print_string(out, g->name);
		fputs(";\n", out);
	}
	for (size_t i = 0; (o = conf_option_at(i)) != NULL; i++) {
		if (o->scope == CONF_SCOPE_GROUP && o->kind == g->kind)
			print_option(out, o, &options, "\t\t");
	}
	print_rest(out, &g->pattern);
}

void
conf_print(const struct conf *c, FILE *out)
{
	fputs("# ", out);
	print_string(out, c->file != NULL ? c->file : "no file was read");
	putc('\n', out);
	for (int scope = CONF_SCOPE_CONTROL; scope < CONF_SCOPE_TARGET; scope++) {
		fprintf(out, "%s: {\n", conf_scope_name((enum conf_scope)scope));
		print_options(out, (enum conf_scope)scope, c, "\t");
		fputs("};\n", out);
	}
	fputs("targets: (\n", out);
	for (size_t i = 0; i < c->target_count + c->group_count; i++) {
		fputs(i > 0 ? ",\n" : "", out);
		if (i < c->target_count)
			print_target(out, &c->targets[i]);
		else
			print_group(out, &c->groups[i - c->target_count]);
	}
	putc('\n', out);
	fputs(");\n", out);
}

static void
print_help(FILE *out, const char *help, const char *indent)
{
	const char *end;

	for (; *help != '\0'; help = *end != '\0' ? end + 1 : end) {
		end = help + strcspn(help, "\n");
		fprintf(out, "%s# %.*s\n", indent, (int)(end - help), help);
	}
}

/* What stands for several is commented out: there is no preset to be shown. */
static void
print_sample_targets(FILE *out)
{
	const struct conf_option *o;

	fputs("# The servers that are watched. Each has a url, may have a name (else its\n"
	      "# address is its name), and any option of `defaults` for itself.\n"
	      "#\turl:  redis://host[:port], rediss://host[:port] (by TLS), or\n"
	      "#\t      unix:///path/to/redis.sock\n"
	      "#\n",
	      out);
	print_help(out, conf_scope_help(CONF_SCOPE_GROUP), "");
	for (size_t i = 0; (o = conf_option_at(i)) != NULL; i++) {
		if (o->scope != CONF_SCOPE_GROUP)
			continue;
		print_help(out, o->help, "#\t");
		fprintf(out, "#\t%s = %s;\n", o->key, o->preset);
	}
	fputs("targets: (\n"
	      "\t{ name = \"local\"; url = \"redis://127.0.0.1:6379\"; }\n"
	      "#\t, { name = \"orders\"; url = \"redis://db1:6379\"; interval = \"1s\";\n"
	      "#\t    user = \"pinfod\"; password_file = \"/etc/pinfod/orders.secret\"; }\n"
	      "#\t, { name = \"carts\"; url = \"unix:///run/redis/redis.sock\"; }\n"
	      "#\t, { name = \"cache\"; master = \"mymaster\"; replicas = true;\n"
	      "#\t    sentinels = [ \"redis://s1\", \"redis://s2\", \"redis://s3\" ]; }\n"
	      "#\t, { name = \"shop\"; cluster = [ \"redis://n1:7000\", \"redis://n2:7000\" ]; }\n"
	      "#\t, { targets_file = \"/etc/pinfod/targets\"; }\n"
	      ");\n",
	      out);
}

void
conf_print_sample(FILE *out)
{
	const struct conf_option *o;

	fputs("# The configuration of pinfod. Every option stands here with what it is\n"
	      "# when nobody says otherwise; `pinfod --test-config` shows what is in\n"
	      "# force. The form is libconfig's. After a change: RELOAD, or SIGHUP.\n\n",
	      out);
	for (int scope = 0; scope <= CONF_SCOPE_TARGET; scope++) {
		print_help(out, conf_scope_help((enum conf_scope)scope), "");
		fprintf(out, "%s: {\n", conf_scope_name((enum conf_scope)scope));
		for (size_t i = 0; (o = conf_option_at(i)) != NULL; i++) {
			if ((int)o->scope != scope)
				continue;
			print_help(out, o->help, "\t");
			fprintf(out, "\t%s = %s;\n", o->key, o->preset);
		}
		fputs("};\n\n", out);
	}
	print_sample_targets(out);
}
