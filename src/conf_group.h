/*
 * conf_group: an element of the list `targets` that stands for several: the master
 * that sentinels name, the nodes of a cluster, the lines of a file.
 */
#ifndef CONF_GROUP_H
#define CONF_GROUP_H

#include <libconfig.h>
#include <stdbool.h>

#include "group_config.h"

struct conf;
struct conf_value_place;

/*
 * What an element stands for: the one key that it has of url, sentinels, cluster and
 * targets_file. NULL, said, when it has none of them or several; options that go
 * with another one are said, too.
 */
const char *conf_group_source(const struct conf_value_place *place,
			      const config_setting_t *element, const char *path);

/*
 * Reads an element whose source is not url, and adds what it stands for, a copy of
 * the defaults in it, to *conf: unless there is an error in it that leaves nothing
 * to add.
 */
void conf_group_read(const struct conf_value_place *place,
		     const config_setting_t *element, const char *path,
		     const char *source, const struct target_config *defaults,
		     struct conf *conf);

/* The same of a targets_file at the top level, which says nothing else. */
void conf_group_read_file(const struct conf_value_place *place,
			  const config_setting_t *s,
			  const struct target_config *defaults, struct conf *conf);

/*
 * The options of the file that make this group, for printing: borrowed from it, and
 * not to be freed.
 */
struct conf_group_options conf_group_options(const struct group_config *g);

#endif
