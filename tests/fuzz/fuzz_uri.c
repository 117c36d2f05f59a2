/*
 * The small parsers: URIs, lengths of time, patterns. What they read they must
 * read again from their own words, and no error may tell a password.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "duration.h"
#include "endpoint.h"
#include "glob.h"
#include "xalloc.h"

#define PASSWORD "hUsH7"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
try_uri(const char *uri, const char *secret)
{
	char error[512] = "", text[ENDPOINT_TEXT_BYTES], *again;
	struct endpoint a, b;

	if (!endpoint_parse(&a, uri, error, sizeof(error))) {
		check(error[0] != '\0');
		check(secret == NULL || strstr(error, secret) == NULL);
		return;
	}
	check((a.host == NULL) != (a.path == NULL));
	/* The text of a server that is reached by TLS begins with its scheme. */
	again = xasprintf("%s%s",
			  a.path != NULL ? "unix://"
			  : a.tls.on	 ? ""
					 : "redis://",
			  endpoint_text(&a, text));
	check(endpoint_parse(&b, again, error, sizeof(error)));
	check(endpoint_same_address(&a, &b));
	free(again);
	endpoint_fini(&a);
	endpoint_fini(&b);
}

/* A password where one may stand, in the midst of whatever there is. */
static void
try_password(const char *before, const char *behind)
{
	char *uri = xasprintf("%s" PASSWORD "@%s", before, behind);

	/* The fuzzer learns the word; and behind a third slash it is a path's. */
	if (strstr(before, PASSWORD) == NULL && strstr(behind, PASSWORD) == NULL &&
	    strncasecmp(before, "unix:///", 8) != 0)
		try_uri(uri, PASSWORD);
	free(uri);
}

static void
try_duration(const char *text)
{
	char buf[32];
	int64_t ns, again = -1;

	if (!duration_parse(text, &ns))
		return;
	check(duration_parse(duration_seconds(buf, ns), &again));
	check(ns >= 0 && ns == again);
}

static void
try_glob(const char *pattern, const char *name)
{
	size_t len = strlen(name);
	char *literal = xcalloc(2, len + 1);

	glob_match(pattern, name);
	check(glob_match("*", name));
	for (size_t i = 0; i < len; i++) {
		literal[2 * i] = '\\';
		literal[2 * i + 1] = name[i];
	}
	check(glob_match(literal, name));
	free(literal);
}

/* Two texts, parted by a NUL. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = strnlen((const char *)data, size);
	char *first = xasprintf("%.*s", (int)len, (const char *)data);
	char *second = xasprintf("%.*s", (int)(size - len - (len < size)),
				 (const char *)data + len + (len < size));

	try_uri(first, NULL);
	try_password(first, second);
	try_password("redis://", first);
	try_password("unix://user:", first);
	try_duration(first);
	try_glob(first, second);
	free(first);
	free(second);
	return 0;
}
