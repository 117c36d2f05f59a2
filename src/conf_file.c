/*
 * conf_file: see conf_file.h. The only file that includes libconfig.
 *
 * libconfig 1.5 wraps integers without a word, ends the process when it is
 * given a directory, and knows of no unknown keys. So conf_text looks at the texts
 * first, and the tree is walked against the table of options afterwards.
 */
#include "conf_file.h"

#include <libconfig.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf.h"
#include "conf_option.h"
#include "conf_text.h"
#include "duration.h"
#include "endpoint.h"
#include "nearest.h"
#include "rules.h"
#include "size.h"
#include "target_config.h"
#include "tls_context.h"
#include "xalloc.h"

#define KEYS_MAX 32

/* What is read into, and where errors go. */
struct reading {
	struct conf *conf;
	struct target_config *defaults;
	struct conf_messages *messages;
	const char *file; /* the outermost one */
};

static void __attribute__((format(printf, 4, 5)))
complain(struct reading *r, const config_setting_t *at, const char *key,
	 const char *format, ...)
{
	const char *file = at != NULL ? config_setting_source_file(at) : NULL;
	char *text;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		abort();
	va_end(ap);
	if (at != NULL)
		conf_say(r->messages, true,
			 xasprintf("%s:%u: %s: %s", file != NULL ? file : r->file,
				   config_setting_source_line(at), key, text));
	else
		conf_say(r->messages, true, xasprintf("%s: %s", key, text));
	free(text);
}

static void
complain_unknown(struct reading *r, const config_setting_t *s, const char *where,
		 const char *const known[], size_t count)
{
	const char *name = config_setting_name(s);
	const char *nearest = nearest_of(name, known, count);
	char list[256] = "";

	if (nearest != NULL) {
		complain(r, s, where, "'%.60s' is unknown; did you mean '%s'?", name,
			 nearest);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(list);

		snprintf(list + len, sizeof(list) - len, "%s%s", i > 0 ? ", " : "",
			 known[i]);
	}
	complain(r, s, where, "'%.60s' is unknown; there is: %s", name, list);
}

/*
 * Values.
 */

static const char *
type_text(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	case CONFIG_TYPE_LIST:
		return "a list ( )";
	case CONFIG_TYPE_ARRAY:
		return "an array [ ]";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	default:
		return "a number";
	}
}

static void
read_string(struct reading *r, const config_setting_t *s, const char *where,
	    const struct conf_option *o, char **field)
{
	const char *value = config_setting_get_string(s);
	char error[512];

	if (value == NULL) {
		complain(r, s, where, "found %s; a \"string\" is allowed",
			 type_text(s));
		return;
	}
	/* Empty says: as if it were not there. */
	if (*value != '\0' && o->check != NULL &&
	    !o->check(value, error, sizeof(error))) {
		complain(r, s, where, "%s", error);
		return;
	}
	free(*field);
	*field = *value != '\0' ? xstrdup(value) : NULL;
}

static void
read_credential(struct reading *r, const config_setting_t *s, const char *where,
		char **field)
{
	const char *value = config_setting_get_string(s);
	const char *directory = getenv("CREDENTIALS_DIRECTORY");

	if (value == NULL) {
		complain(r, s, where, "found %s; a \"string\" is allowed",
			 type_text(s));
	} else if (*value == '\0') {
		return;
	} else if (strchr(value, '/') != NULL || *value == '.') {
		complain(r, s, where, "'%.80s' is no credential's name", value);
	} else if (directory == NULL) {
		complain(r, s, where,
			 "there are no credentials: the service manager has not set "
			 "CREDENTIALS_DIRECTORY (LoadCredential=%.80s:...)",
			 value);
	} else {
		free(*field);
		*field = xasprintf("%s/%s", directory, value);
	}
}

static bool
duration_of(const config_setting_t *s, int64_t *ns)
{
	double seconds;

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		return duration_parse(config_setting_get_string(s), ns);
	case CONFIG_TYPE_INT:
		seconds = config_setting_get_int(s);
		break;
	case CONFIG_TYPE_INT64:
		seconds = (double)config_setting_get_int64(s);
		break;
	case CONFIG_TYPE_FLOAT:
		seconds = config_setting_get_float(s);
		break;
	default:
		return false;
	}
	if (!(seconds >= 0 && seconds <= 1e9))
		return false;
	*ns = (int64_t)(seconds * 1e9 + 0.5);
	return true;
}

/* What was found, as the file has it as far as libconfig still knows. */
static const char *
value_text(const config_setting_t *s, char buf[static 64])
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		snprintf(buf, 64, "'%.40s'", config_setting_get_string(s));
		return buf;
	case CONFIG_TYPE_INT:
		snprintf(buf, 64, "%d", config_setting_get_int(s));
		return buf;
	case CONFIG_TYPE_INT64:
		snprintf(buf, 64, "%lld", config_setting_get_int64(s));
		return buf;
	case CONFIG_TYPE_FLOAT:
		snprintf(buf, 64, "%g", config_setting_get_float(s));
		return buf;
	default:
		return type_text(s);
	}
}

static void
read_duration(struct reading *r, const config_setting_t *s, const char *where,
	      const struct conf_option *o, int64_t *field)
{
	char found[64], min[32], max[32];
	int64_t ns;

	if (duration_of(s, &ns) && ns >= o->min && ns <= o->max)
		*field = ns;
	else
		complain(r, s, where,
			 "%s is no time from %s to %s seconds (units: ms s m h d)",
			 value_text(s, found), duration_seconds(min, o->min),
			 duration_seconds(max, o->max));
}

static void
read_size(struct reading *r, const config_setting_t *s, const char *where,
	  double *field)
{
	const char *text = config_setting_get_string(s);
	int64_t bytes = -1;
	char found[64];

	if (config_setting_type(s) == CONFIG_TYPE_INT)
		bytes = config_setting_get_int(s);
	else if (config_setting_type(s) == CONFIG_TYPE_INT64)
		bytes = config_setting_get_int64(s);
	else if (text != NULL && *text == '\0')
		bytes = 0;
	if (text != NULL)
		size_parse(text, &bytes);
	if (bytes >= 0 && bytes <= SIZE_LIMIT)
		*field = (double)bytes;
	else
		complain(
			r, s, where,
			"%s is no whole number of bytes up to 8192TiB (units: " SIZE_UNITS
			")",
			value_text(s, found));
}

/* The place of the value among the choices, or -1. */
static int
read_choice(struct reading *r, const config_setting_t *s, const char *where,
	    const struct conf_option *o)
{
	const char *value = config_setting_get_string(s), *name;
	char list[128] = "";

	for (unsigned i = 0; (name = o->choice(i)) != NULL; i++) {
		size_t len = strlen(list);

		if (value != NULL && strcasecmp(value, name) == 0)
			return (int)i;
		snprintf(list + len, sizeof(list) - len, "%s%s", i > 0 ? ", " : "",
			 name);
	}
	if (value != NULL)
		complain(r, s, where, "'%.40s' is none of %s", value, list);
	else
		complain(r, s, where, "found %s; a \"string\" is allowed: %s",
			 type_text(s), list);
	return -1;
}

static void
read_bool(struct reading *r, const config_setting_t *s, const char *where,
	  const struct conf_option *o, bool *field)
{
	int choice;

	if (o->choice != NULL) {
		choice = read_choice(r, s, where, o);
		if (choice >= 0)
			*field = choice == 1;
	} else if (config_setting_type(s) == CONFIG_TYPE_BOOL) {
		*field = config_setting_get_bool(s);
	} else {
		complain(r, s, where, "found %s; true or false is allowed",
			 type_text(s));
	}
}

/* Adds to what is there, so that a target's texts come after those of defaults. */
static void
read_rules(struct reading *r, const config_setting_t *s, const char *where,
	   struct rules *rules)
{
	int type = config_setting_type(s);

	if (type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST) {
		complain(r, s, where,
			 "found %s; an array of strings is allowed: [ \"...\", "
			 "\"...\" ]",
			 type_text(s));
		return;
	}
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		const char *text = config_setting_get_string(e);
		char place[192], error[512];

		snprintf(place, sizeof(place), "%s[%d]", where, i);
		if (text == NULL)
			complain(r, e, place, "found %s; a \"string\" is allowed",
				 type_text(e));
		else if (!rules_add(rules, text, error, sizeof(error)))
			complain(r, e, place, "%s", error);
	}
}

static void
read_option(struct reading *r, const config_setting_t *s, const char *where,
	    const struct conf_option *o, void *base)
{
	void *field = (char *)base + o->offset;
	int choice;

	switch (o->type) {
	case CONF_TYPE_STRING:
		read_string(r, s, where, o, field);
		break;
	case CONF_TYPE_CREDENTIAL:
		read_credential(r, s, where, field);
		break;
	case CONF_TYPE_DURATION:
		read_duration(r, s, where, o, field);
		break;
	case CONF_TYPE_SIZE:
		read_size(r, s, where, field);
		break;
	case CONF_TYPE_BOOL:
		read_bool(r, s, where, o, field);
		break;
	case CONF_TYPE_CHOICE:
		/* gcc and clang keep an enum without negative values as this. */
		choice = read_choice(r, s, where, o);
		if (choice >= 0)
			*(unsigned *)field = (unsigned)choice;
		break;
	case CONF_TYPE_RULES:
		read_rules(r, s, where, field);
		break;
	}
}

/*
 * Groups.
 */

/* Reads what the table knows; with `target` name and url are passed over. */
static void
read_group(struct reading *r, const config_setting_t *group, const char *path,
	   enum conf_scope scope, void *base, bool target)
{
	const char *known[KEYS_MAX] = { "name", "url" };
	const struct conf_option *o;
	size_t count = target ? 2 : 0;

	if (config_setting_type(group) != CONFIG_TYPE_GROUP) {
		complain(r, group, path, "found %s; a group { } is allowed",
			 type_text(group));
		return;
	}
	for (size_t i = 0; (o = conf_option_at(i)) != NULL && count < KEYS_MAX; i++) {
		if (o->scope == scope)
			known[count++] = o->key;
	}
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const char *name = config_setting_name(s);
		char where[160];

		snprintf(where, sizeof(where), "%s.%s", path, name);
		o = conf_option_find(scope, name);
		if (o != NULL)
			read_option(r, s, where, o, base);
		else if (!target ||
			 (strcmp(name, "name") != 0 && strcmp(name, "url") != 0))
			complain_unknown(r, s, path, known, count);
	}
}

/* Whoever says how often to sample must mean it: a longer interval is no cure. */
static void
check_sample(struct reading *r, const config_setting_t *group, const char *path,
	     const struct target_config *t)
{
	const config_setting_t *s = config_setting_get_member(group, "sample");
	char where[64], sample[32], interval[32];
	int64_t ns;

	/* One that is wrong by itself was told of, and is not in force. */
	if (s == NULL || !duration_of(s, &ns) || ns != t->sample_ns ||
	    ns <= t->interval_ns)
		return;
	snprintf(where, sizeof(where), "%s.sample", path);
	complain(r, s, where, "%s seconds are longer than the interval, which is %s",
		 duration_seconds(sample, ns),
		 duration_seconds(interval, t->interval_ns));
}

/*
 * What no option shows by itself: they are for rediss:// only, and a certificate
 * and its key belong together. Told where the target itself says so; what is said
 * in defaults or by flags conf looks at.
 */
static void
check_tls(struct reading *r, const config_setting_t *group, const char *path,
	  struct endpoint *e)
{
	static const char *const keys[] = { "cacert", "cacertdir", "cert",
					    "key",    "sni",	   "verify" };
	const struct endpoint_tls *t = &e->tls;
	const config_setting_t *s = NULL;
	char where[64], error[512];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !t->on; i++) {
		const char *value;

		s = config_setting_get_member(group, keys[i]);
		value = s != NULL ? config_setting_get_string(s) : NULL;
		if (value == NULL || *value == '\0' || strcasecmp(value, "full") == 0)
			continue;
		snprintf(where, sizeof(where), "%s.%s", path, keys[i]);
		complain(r, s, where,
			 "it is for TLS, and the url does not begin with "
			 "rediss://");
	}
	/* Kept for nobody: see read_url. */
	if (!t->on)
		endpoint_tls_fini(&e->tls);
	s = config_setting_get_member(group, t->cert != NULL ? "cert" : "key");
	if (!t->on || s == NULL)
		return;
	snprintf(where, sizeof(where), "%s.%s", path, t->cert != NULL ? "cert" : "key");
	if ((t->cert == NULL) != (t->key == NULL))
		complain(r, s, where, "it needs %s beside it",
			 t->cert != NULL ? "key" : "cert");
	else if (t->cert != NULL && !tls_context_ok(t, error, sizeof(error)))
		complain(r, s, where, "%s", error);
}

static const config_setting_t *
string_member(struct reading *r, const config_setting_t *group, const char *path,
	      const char *key, bool needed)
{
	const config_setting_t *s = config_setting_get_member(group, key);

	if (s == NULL && needed)
		complain(r, group, path, "there is no %s", key);
	if (s != NULL && config_setting_get_string(s) == NULL) {
		complain(r, s, path, "%s: found %s; a \"string\" is allowed", key,
			 type_text(s));
		s = NULL;
	}
	return s;
}

/* The url says where and may say who; a password in it is refused. */
static bool
read_url(struct reading *r, const config_setting_t *s, const char *path,
	 struct target_config *t)
{
	struct endpoint e;
	char error[512];

	if (!endpoint_parse(&e, config_setting_get_string(s), error, sizeof(error))) {
		complain(r, s, path, "url: %s", error);
		return false;
	}
	if (e.password != NULL) {
		complain(r, s, path,
			 "url: a password does not belong here; put it into a file "
			 "and name that in password_file");
		endpoint_fini(&e);
		return false;
	}
	if (e.user == NULL)
		e.user = xstrdup(t->endpoint.user);
	/* Of no use to others, and a server the more that they would be kept for. */
	if (e.tls.on) {
		endpoint_tls_copy(&e.tls, &t->endpoint.tls);
		e.tls.on = true;
	}
	e.password = xstrdup(t->endpoint.password);
	e.password_file = xstrdup(t->endpoint.password_file);
	endpoint_fini(&t->endpoint);
	t->endpoint = e;
	return true;
}

static void
read_target(struct reading *r, const config_setting_t *group, unsigned index)
{
	const config_setting_t *url, *name;
	struct target_config t;
	char path[32], text[ENDPOINT_TEXT_BYTES], error[512];

	snprintf(path, sizeof(path), "targets[%u]", index);
	if (config_setting_type(group) != CONFIG_TYPE_GROUP) {
		complain(r, group, path, "found %s; a group { } is allowed",
			 type_text(group));
		return;
	}
	target_config_copy(&t, r->defaults);
	url = string_member(r, group, path, "url", true);
	name = string_member(r, group, path, "name", false);
	if (url != NULL && read_url(r, url, path, &t))
		t.name = xstrdup(name != NULL ? config_setting_get_string(name)
					      : endpoint_name(&t.endpoint, text));
	read_group(r, group, path, CONF_SCOPE_TARGET, &t, true);
	check_sample(r, group, path, &t);
	check_tls(r, group, path, &t.endpoint);
	/* A file of its own outweighs the password that the flags give to all. */
	if (t.endpoint.password_file != NULL &&
	    (config_setting_get_member(group, "password_file") != NULL ||
	     config_setting_get_member(group, "credential") != NULL)) {
		xfree_secret(t.endpoint.password);
		t.endpoint.password = NULL;
	}
	if (t.name != NULL && !target_config_name_ok(t.name, error, sizeof(error))) {
		complain(r, name != NULL ? name : group, path, "name: %s", error);
		free(t.name);
		t.name = NULL;
	}
	/* Not with a bad name: one with {name} in it would be expanded for ever. */
	if (t.name == NULL) {
		target_config_fini(&t);
		return;
	}
	if (!conf_add_target(r->conf, &t, error, sizeof(error)))
		complain(r, group, path, "%s", error);
}

static void
read_targets(struct reading *r, const config_setting_t *list)
{
	int count = config_setting_length(list);

	if (config_setting_type(list) != CONFIG_TYPE_LIST) {
		complain(
			r, list, "targets",
			"found %s; a list of groups is allowed: ( { url = \"...\"; } )",
			type_text(list));
		return;
	}
	if (count > CONF_TARGETS_MAX) {
		complain(r, list, "targets", "there are %d; up to %d are allowed",
			 count, CONF_TARGETS_MAX);
		return;
	}
	for (int i = 0; i < count; i++)
		read_target(r, config_setting_get_elem(list, (unsigned)i), (unsigned)i);
}

static void
read_tree(struct reading *r, const config_t *tree, const struct conf_flags *flags)
{
	static const char *const known[] = { "control", "log", "defaults", "targets" };
	const config_setting_t *root = config_root_setting(tree), *s;

	for (int i = 0; i < config_setting_length(root); i++) {
		const char *name;
		bool found = false;

		s = config_setting_get_elem(root, (unsigned)i);
		name = config_setting_name(s);
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			found |= strcmp(name, known[k]) == 0;
		if (!found)
			complain_unknown(r, s, "the file", known,
					 sizeof(known) / sizeof(known[0]));
	}
	if ((s = config_setting_get_member(root, "control")) != NULL)
		read_group(r, s, "control", CONF_SCOPE_CONTROL, r->conf, false);
	if ((s = config_setting_get_member(root, "log")) != NULL)
		read_group(r, s, "log", CONF_SCOPE_LOG, r->conf, false);
	/* Before the targets, wherever it stands; and flags outweigh it. */
	if ((s = config_setting_get_member(root, "defaults")) != NULL)
		read_group(r, s, "defaults", CONF_SCOPE_TARGET, r->defaults, false);
	check_sample(r, s, "defaults", r->defaults);
	conf_apply_flags(flags, r->defaults);
	if ((s = config_setting_get_member(root, "targets")) != NULL)
		read_targets(r, s);
}

void
conf_file_read(const char *file, const struct conf_flags *flags, struct conf *conf,
	       struct target_config *defaults, struct conf_messages *messages)
{
	struct reading r = {
		.conf = conf, .defaults = defaults, .messages = messages, .file = file
	};
	char *directory, *text = conf_text_read(file, messages);
	config_t tree;

	if (text == NULL)
		return;
	config_init(&tree);
	directory = conf_text_directory(file);
	config_set_include_dir(&tree, directory);
	free(directory);
	if (config_read_string(&tree, text))
		read_tree(&r, &tree, flags);
	else
		conf_say(messages, true,
			 xasprintf("%s:%d: %s",
				   config_error_file(&tree) ? config_error_file(&tree)
							    : file,
				   config_error_line(&tree), config_error_text(&tree)));
	config_destroy(&tree);
	free(text);
}
