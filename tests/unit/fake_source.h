/*
 * fake_source: the kinds of groups without anybody to ask. The test says what they
 * find, with group_set_members and group_set_trouble. A test that includes this says
 * so with lines that keep the real kinds' objects out:
 *
 *	(slash-star) replaces "../../src/group_sentinel.c"
 *	(slash-star) replaces "../../src/group_cluster.c"
 *	(slash-star) replaces "../../src/group_file.c"
 */
#ifndef FAKE_SOURCE_H
#define FAKE_SOURCE_H

#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define FAKE_NOW ((struct mono){ INT64_C(123456789012345) })

static unsigned fake_made, fake_freed;
/* A source finds these while it is made; NULL: nothing yet. */
static const char *fake_at_once;

/*
 * "carts=2 orders=3": members by their names at ports of 127.0.0.1; "=2": one
 * without a name.
 */
static inline struct members
fake_members(const char *text)
{
	struct members m = { 0 };
	char *copy = strdup(text), *rest = copy, *word;

	while ((word = strsep(&rest, " ")) != NULL) {
		char *port = strchr(word, '=');

		if (port == NULL)
			continue;
		*port = '\0';
		members_add(&m, word, "127.0.0.1", atoi(port + 1));
	}
	members_sort(&m);
	free(copy);
	return m;
}

static inline void
fake_find(struct group *group, const char *text, size_t agree, size_t sources)
{
	struct members m = fake_members(text);

	group_set_members(group, &m, agree, sources, FAKE_NOW);
	members_fini(&m);
}

struct fake_source {
	const struct group_config *config;
	char *path; /* as it was when it was made */
};

static void *
fake_new(struct group *group, const struct group_env *env,
	 const struct group_config *config, struct mono now)
{
	struct fake_source *s = calloc(1, sizeof(*s));

	(void)env;
	assert_non_null(s);
	assert_int_equal(now.ns, FAKE_NOW.ns);
	s->config = config;
	s->path = config->path;
	fake_made++;
	if (fake_at_once != NULL)
		fake_find(group, fake_at_once, 1, 1);
	return s;
}

static void
fake_free(void *source)
{
	struct fake_source *s = source;

	/* What it has borrowed has stayed. */
	assert_ptr_equal(s->config->path, s->path);
	fake_freed++;
	free(s);
}

const struct group_source group_sentinel = { fake_new, fake_free };
const struct group_source group_cluster = { fake_new, fake_free };
const struct group_source group_file = { fake_new, fake_free };

#endif
