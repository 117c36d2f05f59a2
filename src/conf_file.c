/*
 * conf_file: see conf_file.h. It knows the groups and the targets; conf_settings what
 * stands in them.
 *
 * libconfig 1.5 wraps integers without a word, ends the process when it is
 * given a directory, and knows of no unknown keys. So conf_text looks at the texts
 * first, and the tree is walked against the table of options afterwards.
 */
#include "conf_file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_settings.h"
#include "conf_text.h"
#include "conf_value.h"
#include "endpoint.h"
#include "target_config.h"
#include "xalloc.h"

/* What is read into. */
struct reading {
	struct conf *conf;
	struct target_config *defaults;
	struct conf_value_place place;
};

static const config_setting_t *
string_member(struct reading *r, const config_setting_t *group, const char *path,
	      const char *key, bool needed)
{
	const config_setting_t *s = config_setting_get_member(group, key);

	if (s == NULL && needed)
		conf_value_complain(&r->place, group, path, "there is no %s", key);
	if (s != NULL && config_setting_get_string(s) == NULL) {
		conf_value_complain(&r->place, s, path,
				    "%s: found %s; a \"string\" is allowed", key,
				    conf_value_type(s));
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
		conf_value_complain(&r->place, s, path, "url: %s", error);
		return false;
	}
	if (e.password != NULL) {
		conf_value_complain(
			&r->place, s, path,
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
		conf_value_complain(&r->place, group, path,
				    "found %s; a group { } is allowed",
				    conf_value_type(group));
		return;
	}
	target_config_copy(&t, r->defaults);
	url = string_member(r, group, path, "url", true);
	name = string_member(r, group, path, "name", false);
	if (url != NULL && read_url(r, url, path, &t))
		t.name = xstrdup(name != NULL ? config_setting_get_string(name)
					      : endpoint_name(&t.endpoint, text));
	conf_settings_read(&r->place, group, path, CONF_SCOPE_TARGET, &t, true);
	conf_settings_check_sample(&r->place, group, path, &t);
	conf_settings_check_tls(&r->place, group, path, &t.endpoint);
	/* A file of its own outweighs the password that the flags give to all. */
	if (t.endpoint.password_file != NULL &&
	    (config_setting_get_member(group, "password_file") != NULL ||
	     config_setting_get_member(group, "credential") != NULL)) {
		xfree_secret(t.endpoint.password);
		t.endpoint.password = NULL;
	}
	if (t.name != NULL && !target_config_name_ok(t.name, error, sizeof(error))) {
		conf_value_complain(&r->place, name != NULL ? name : group, path,
				    "name: %s", error);
		free(t.name);
		t.name = NULL;
	}
	/* Not with a bad name: one with {name} in it would be expanded for ever. */
	if (t.name == NULL) {
		target_config_fini(&t);
		return;
	}
	if (!conf_add_target(r->conf, &t, error, sizeof(error)))
		conf_value_complain(&r->place, group, path, "%s", error);
}

static void
read_targets(struct reading *r, const config_setting_t *list)
{
	int count = config_setting_length(list);

	if (config_setting_type(list) != CONFIG_TYPE_LIST) {
		conf_value_complain(
			&r->place, list, "targets",
			"found %s; a list of groups is allowed: ( { url = \"...\"; } )",
			conf_value_type(list));
		return;
	}
	if (count > CONF_TARGETS_MAX) {
		conf_value_complain(&r->place, list, "targets",
				    "there are %d; up to %d are allowed", count,
				    CONF_TARGETS_MAX);
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
			conf_settings_unknown(&r->place, s, "the file", known,
					      sizeof(known) / sizeof(known[0]));
	}
	if ((s = config_setting_get_member(root, "control")) != NULL)
		conf_settings_read(&r->place, s, "control", CONF_SCOPE_CONTROL, r->conf,
				   false);
	if ((s = config_setting_get_member(root, "log")) != NULL)
		conf_settings_read(&r->place, s, "log", CONF_SCOPE_LOG, r->conf, false);
	/* Before the targets, wherever it stands; and flags outweigh it. */
	if ((s = config_setting_get_member(root, "defaults")) != NULL) {
		conf_settings_read(&r->place, s, "defaults", CONF_SCOPE_TARGET,
				   r->defaults, false);
		conf_settings_check_sample(&r->place, s, "defaults", r->defaults);
	}
	conf_apply_flags(flags, r->defaults);
	if ((s = config_setting_get_member(root, "targets")) != NULL)
		read_targets(r, s);
}

void
conf_file_read(const char *file, const struct conf_flags *flags, struct conf *conf,
	       struct target_config *defaults, struct conf_messages *messages)
{
	struct reading r = { .conf = conf,
			     .defaults = defaults,
			     .place = { messages, file } };
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
