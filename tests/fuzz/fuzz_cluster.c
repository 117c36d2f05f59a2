/*
 * Two answers to CLUSTER NODES, parted by a NUL: what is no such answer says why;
 * what is agreed on is sorted, has hosts and ports, and tags of slots.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cluster_slot.h"
#include "cluster_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static struct cluster_view *
parse(const char *text, size_t len, bool prefer_names)
{
	char error[64] = "";
	struct cluster_view *view = cluster_view_parse(text, len, "asked", prefer_names,
						       error, sizeof(error));

	check((view == NULL) == (error[0] != '\0'));
	return view;
}

static void
agree(const struct cluster_view *const views[], size_t count)
{
	struct members before = { 0 }, m, again;
	size_t voters = 0, agreeing;
	char error[256];
	bool agreed;

	for (size_t i = 0; i < count; i++)
		voters += cluster_view_counts(views[i]);
	agreed = cluster_view_agree(views, count, true, &before, &m, &agreeing);
	check(agreeing == voters && (voters > 0 || !agreed));
	/* Views of two clusters agree on nobody. */
	check(agreed == (m.count > 0));
	for (size_t i = 0; i < m.count; i++) {
		const struct member *one = &m.list[i];
		size_t len = strlen(one->name);

		check(len == 8 || len == 40);
		check(i == 0 || strcmp(m.list[i - 1].name, one->name) < 0);
		check(endpoint_host_ok(one->endpoint.host, error, sizeof(error)));
		check(one->endpoint.port > 0 && one->endpoint.port <= 65535);
		check(one->tag == NULL ||
		      cluster_slot(one->tag, strlen(one->tag)) < CLUSTER_SLOTS);
	}
	/* Tags once given stay, while nothing changes. */
	check(cluster_view_agree(views, count, true, &m, &again, &agreeing) == agreed);
	check(members_same(&m, &again));
	members_fini(&m);
	members_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	size_t len = strnlen(text, size);
	const struct cluster_view *views[3];
	struct cluster_view *view[3] = {
		parse(text, len, false),
		parse(text + len + (len < size), size - len - (len < size), true),
		parse(text, size, true),
	};
	size_t count = 0;

	for (size_t i = 0; i < 3; i++) {
		if (view[i] != NULL)
			views[count++] = view[i];
	}
	agree(views, count);
	for (size_t i = 0; i < 3; i++)
		cluster_view_free(view[i]);
	check(cluster_slot(text, size) < CLUSTER_SLOTS);
	return 0;
}
