/*
 * Rules, a text a line, and the values in them. What is taken must be written in
 * a form that reads the same; what is refused must say why and change nothing.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "rules.h"
#include "size.h"
#include "xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
try_values(const char *text)
{
	int64_t bytes, bytes_again = -1;
	double number, number_again = -1;
	char buf[32];

	if (size_parse(text, &bytes)) {
		check(bytes >= 0 && bytes <= SIZE_LIMIT);
		check(size_parse(size_text(buf, bytes), &bytes_again));
		check(bytes == bytes_again);
	}
	if (number_parse(text, &number)) {
		check(number_parse(number_text(buf, number), &number_again));
		check(number == number_again);
	}
}

static void
add(struct rules *r, const char *text)
{
	char error[512] = "";
	struct rules before;

	rules_copy(&before, r);
	if (!rules_add(r, text, error, sizeof(error))) {
		check(error[0] != '\0');
		check(rules_same(r, &before));
	}
	rules_fini(&before);
}

static void
try_again(const struct rules *r)
{
	struct rules again;
	char error[512], **texts;
	size_t count;

	rules_init(&again);
	texts = rules_texts(r, &count);
	for (size_t i = 0; i < count; i++) {
		if (!rules_add(&again, texts[i], error, sizeof(error))) {
			fprintf(stderr, "%s: %s\n", texts[i], error);
			abort();
		}
		free(texts[i]);
	}
	free(texts);
	check(rules_same(r, &again));
	rules_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xasprintf("%.*s", (int)size, (const char *)data), *save = NULL;
	struct rules r;

	rules_init(&r);
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		try_values(line);
		add(&r, line);
	}
	try_again(&r);
	rules_fini(&r);
	free(text);
	return 0;
}
