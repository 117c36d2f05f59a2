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
#include "conf_group.h"
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

/* The url says where and may say who; a password in it is refused. */
static bool
read_url(struct reading *r, const config_setting_t *s, const char *path,
	 struct target_config *t)
{
	struct endpoint e;
	char where[64];

	snprintf(where, sizeof(where), "%s: url", path);
	if (!conf_value_url(&r->place, s, where, ENDPOINT_PORT, "password_file", &e))
		return false;
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
read_target(struct reading *r, const config_setting_t *element, const char *path)
{
	const config_setting_t *url = config_setting_get_member(element, "url");
	const config_setting_t *name =
		conf_settings_string(&r->place, element, path, "name");
	struct target_config t;
	char text[ENDPOINT_TEXT_BYTES], error[512];

	target_config_copy(&t, r->defaults);
	if (read_url(r, url, path, &t))
		t.name = xstrdup(name != NULL ? config_setting_get_string(name)
					      : endpoint_name(&t.endpoint, text));
	conf_settings_target(&r->place, element, path, "the url does", &t);
	if (t.name != NULL && !target_config_name_ok(t.name, error, sizeof(error))) {
		conf_value_complain(&r->place, name != NULL ? name : element, path,
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
		conf_value_complain(&r->place, element, path, "%s", error);
}

/* Whatever it was meant to be: what else is wrong in it is told, too. */
static void
read_in_vain(struct reading *r, const config_setting_t *element, const char *path)
{
	struct target_config t;

	target_config_copy(&t, r->defaults);
	conf_settings_target(&r->place, element, path, NULL, &t);
	target_config_fini(&t);
}

static void
read_element(struct reading *r, const config_setting_t *element, unsigned index)
{
	const char *source;
	char path[32];

	snprintf(path, sizeof(path), "targets[%u]", index);
	if (config_setting_type(element) != CONFIG_TYPE_GROUP) {
		conf_value_complain(&r->place, element, path,
				    "found %s; a group { } is allowed",
				    conf_value_type(element));
		return;
	}
	source = conf_group_source(&r->place, element, path);
	if (source == NULL)
		read_in_vain(r, element, path);
	else if (strcmp(source, "url") == 0)
		read_target(r, element, path);
	else
		conf_group_read(&r->place, element, path, source, r->defaults, r->conf);
}

static void
read_targets(struct reading *r, const config_setting_t *list, int others)
{
	int count = config_setting_length(list);

	if (config_setting_type(list) != CONFIG_TYPE_LIST) {
		conf_value_complain(
			&r->place, list, "targets",
			"found %s; a list of groups is allowed: ( { url = \"...\"; } )",
			conf_value_type(list));
		return;
	}
	if (count + others > CONF_TARGETS_MAX) {
		conf_value_complain(&r->place, list, "targets",
				    "there are %d; up to %d are allowed",
				    count + others, CONF_TARGETS_MAX);
		return;
	}
	for (int i = 0; i < count; i++)
		read_element(r, config_setting_get_elem(list, (unsigned)i),
			     (unsigned)i);
}

static void
read_tree(struct reading *r, const config_t *tree, const struct conf_flags *flags)
{
	static const char *const known[] = { "control", "log", "defaults", "targets",
					     "targets_file" };
	const config_setting_t *root = config_root_setting(tree), *s, *alone;

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
	alone = config_setting_get_member(root, "targets_file");
	if ((s = config_setting_get_member(root, "targets")) != NULL)
		read_targets(r, s, alone != NULL);
	if (alone != NULL)
		conf_group_read_file(&r->place, alone, r->defaults, r->conf);
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
