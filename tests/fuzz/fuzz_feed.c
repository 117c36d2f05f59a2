/*
 * An INFO answer of any bytes, and its JSON: a document with each of its members,
 * in which every number is one of the text's.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "json.h"
#include "rules.h"
#include "watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
on_notice(void *owner, struct notice *n)
{
	(void)owner, (void)n;
}

static const struct watch_handlers handlers = { on_notice };

/* Numbers come out as they went in: "15" is found behind a colon. */
static void
check_fields(json_t *fields, const char *text, size_t len)
{
	const char *name;
	json_t *value;
	char digits[32];

	json_object_foreach(fields, name, value)
	{
		check(json_is_string(value) || json_is_number(value));
		if (!json_is_integer(value))
			continue;
		snprintf(digits, sizeof(digits), ":%lld",
			 (long long)json_integer_value(value));
		/* What is written "-0" reads as 0. */
		check(json_integer_value(value) == 0 ||
		      memmem(text, len, digits, strlen(digits)) != NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct instant at = { { NS_PER_S }, { 1763831000 * NS_PER_S } };
	const char *text = (const char *)data;
	struct rules rules;
	struct watch *w;
	json_t *o;
	char *line;

	rules_init(&rules);
	w = watch_new("t", &rules, &handlers, NULL);
	watch_started(w, at);
	watch_link(w, TARGET_UP, "", PUBLISH_OK, "", at);
	/* The same text in each part: any of them may hold anything. */
	watch_config(w, text, size, at);
	watch_narrow(w, text, size, at);
	watch_wide(w, text, size, at.mono, at);
	at.mono.ns += NS_PER_S;
	watch_narrow(w, text, size / 2, at);
	line = feed_json(w, "t", "unix:/s", text, size, at);
	check(line != NULL && strchr(line, '\n') == NULL);
	o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	check(json_object_size(o) == 7);
	check_fields(json_object_get(o, "persistence"), text, size);
	json_decref(o);
	free(line);
	watch_free(w);
	rules_fini(&rules);
	return 0;
}
