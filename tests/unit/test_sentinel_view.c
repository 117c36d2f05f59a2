/*
 * sentinel_view: what several sentinels agree on, as a table: each view a line
 *
 *	MASTER EPOCH [REPLICA...]
 *
 * with "-" for one that knows nothing, and what comes of them as a line of the same
 * form with the number of those that agree.
 */
#include "sentinel_view.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define VIEWS_MAX 5

/* "a:1": a name and the port of an endpoint. */
static void
split(const char *word, char host[static 256], int *port)
{
	const char *colon = strrchr(word, ':');

	assert_non_null(colon);
	snprintf(host, 256, "%.*s", (int)(colon - word), word);
	*port = atoi(colon + 1);
}

static struct sentinel_view
view_of(const char *line)
{
	struct sentinel_view view = { 0 };
	char *text = xstrdup(line), *save = NULL;
	char *word = strtok_r(text, " ", &save);

	if (strcmp(word, "-") != 0) {
		view.known = true;
		split(word, view.host, &view.port);
		view.epoch = strtoull(strtok_r(NULL, " ", &save), NULL, 10);
	}
	while ((word = strtok_r(NULL, " ", &save)) != NULL) {
		char host[256];
		int port;

		split(word, host, &port);
		members_add(&view.replicas, word, host, port);
	}
	free(text);
	return view;
}

/* "AGREEING MASTER REPLICA..." */
static void
describe(char *out, size_t size, const struct members *m, size_t agreeing)
{
	size_t len = (size_t)snprintf(out, size, "%zu", agreeing);

	for (size_t i = 0; i < m->count; i++) {
		const struct member *one = &m->list[i];

		assert_null(one->tag);
		assert_int_equal(one->replica, i > 0);
		if (i == 0)
			assert_string_equal(one->name, "");
		else
			assert_true(strcmp(one->name, m->list[i - 1].name) > 0);
		len += (size_t)snprintf(out + len, size - len, " %s:%d",
					one->endpoint.host, one->endpoint.port);
	}
	assert_true(len < size);
}

static void
test_agreement(void **state)
{
	static const struct {
		const char *views[VIEWS_MAX + 1];
		const char *want;
	} rows[] = {
		/* Nobody, and nobody who knows. */
		{ { NULL }, "0" },
		{ { "-" }, "0" },
		{ { "-", "-", "-" }, "0" },
		/* What an unknown one says of replicas is nothing. */
		{ { "- r:1" }, "0" },
		{ { "- r:1", "a:1 0" }, "1 a:1" },
		/* One alone is believed, whatever its epoch. */
		{ { "a:1 0" }, "1 a:1" },
		{ { "-", "a:1 7 b:1 c:1" }, "1 a:1 b:1 c:1" },
		/* Most count, wherever they sit and whatever epoch the others say. */
		{ { "a:1 1", "a:1 1", "b:1 2" }, "2 a:1" },
		{ { "b:1 9", "a:1 1", "a:1 1" }, "2 a:1" },
		{ { "a:1 1", "b:1 2", "a:1 1" }, "2 a:1" },
		{ { "a:1 1", "b:1 2", "b:1 2" }, "2 b:1" },
		{ { "a:1 1", "a:1 1", "b:1 5", "c:1 6", "d:1 7" }, "2 a:1" },
		/* As many: the higher epoch. */
		{ { "a:1 1", "b:1 2" }, "1 b:1" },
		{ { "b:1 2", "a:1 1" }, "1 b:1" },
		{ { "a:1 1", "-", "b:1 2" }, "1 b:1" },
		{ { "a:1 1", "b:1 2", "c:1 3" }, "1 c:1" },
		{ { "a:1 1", "b:1 2", "b:1 1", "a:1 1" }, "2 b:1" },
		/* The highest epoch of those that agree, not of one of them. */
		{ { "a:1 1", "a:1 5", "b:1 4", "b:1 4" }, "2 a:1" },
		{ { "b:1 4", "b:1 4", "a:1 1", "a:1 5" }, "2 a:1" },
		{ { "a:1 18446744073709551614", "b:1 18446744073709551615" }, "1 b:1" },
		/* As many, and the same epoch: the first. */
		{ { "a:1 1", "b:1 1" }, "1 a:1" },
		{ { "b:1 1", "a:1 1" }, "1 b:1" },
		{ { "b:1 0", "a:1 0" }, "1 b:1" },
		/* Host and port make the address; names do not mind case. */
		{ { "a:1 1", "a:2 1", "a:2 1" }, "2 a:2" },
		{ { "DB:1 1", "db:1 1", "c:1 9" }, "2 DB:1" },
		/* Replicas: more than half of those that agree on the master. */
		{ { "a:1 1 r:1", "a:1 1 r:1", "a:1 1" }, "3 a:1 r:1" },
		{ { "a:1 1 r:1", "a:1 1", "a:1 1" }, "3 a:1" },
		{ { "a:1 1 r:1", "a:1 1" }, "2 a:1" },
		{ { "a:1 1 r:1", "a:1 1 r:1" }, "2 a:1 r:1" },
		{ { "a:1 1 r:1 s:1", "a:1 1 s:1 t:1", "a:1 1 t:1 r:1" },
		  "3 a:1 r:1 s:1 t:1" },
		{ { "a:1 1 r:1", "a:1 1 r:2", "a:1 1 r:2" }, "3 a:1 r:2" },
		/* Of those who have another master nothing counts. */
		{ { "a:1 1 r:1", "a:1 1 r:1", "b:1 1 s:1", "b:1 1" }, "2 a:1 r:1" },
		{ { "a:1 1 r:1", "b:1 2 r:1 s:1", "b:1 2 s:1" }, "2 b:1 s:1" },
		/* Saying it twice does not make it true. */
		{ { "a:1 1 r:1 r:1", "a:1 1", "a:1 1" }, "3 a:1" },
		{ { "a:1 1 r:1 r:1", "a:1 1 r:1", "a:1 1" }, "3 a:1 r:1" },
		{ { "a:1 1 r:1 r:1 s:1" }, "1 a:1 r:1 s:1" },
		/* A master is not its own replica. */
		{ { "b:1 2 a:1 b:1", "b:1 2 a:1 B:1" }, "2 b:1 a:1" },
		{ { "b:1 2 b:2" }, "1 b:1 b:2" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sentinel_view *views[VIEWS_MAX];
		struct sentinel_view view[VIEWS_MAX];
		struct members m;
		size_t count = 0, agreeing;
		char got[512];
		bool ok;

		for (; rows[i].views[count] != NULL; count++) {
			view[count] = view_of(rows[i].views[count]);
			views[count] = &view[count];
		}
		ok = sentinel_view_agree(views, count, &m, &agreeing);
		describe(got, sizeof(got), &m, agreeing);
		if (ok != (agreeing > 0) || strcmp(got, rows[i].want) != 0)
			fail_msg("row %zu: %s, and not %s", i, got, rows[i].want);
		members_fini(&m);
		for (size_t k = 0; k < count; k++) {
			sentinel_view_fini(&view[k]);
			assert_false(view[k].known);
			sentinel_view_fini(&view[k]);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agreement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
