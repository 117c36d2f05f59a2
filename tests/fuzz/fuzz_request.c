/*
 * What clients send to the control socket, at the parser of requests: one input
 * is read as a pipeline, from heap copies of exactly the bytes that there are.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "resp.h"
#include "xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Parses a copy of the first len bytes; what the header promises must hold. */
static enum resp_result
parse(const uint8_t *data, size_t len, struct resp_request *r)
{
	char *input = xcalloc(1, len > 0 ? len : 1);
	const char *error = NULL;
	enum resp_result result;

	/* Not one byte too many: AddressSanitizer sees whoever reads it. */
	input = xrealloc(input, len, 1);
	memcpy(input, data, len);
	result = resp_parse(input, len, r, &error);
	if (result == RESP_MORE && memcmp(input, data, len) != 0)
		abort();
	if (result == RESP_BAD && (error == NULL || strncmp(error, "ERR ", 4) != 0))
		abort();
	if (result == RESP_REQUEST) {
		if (r->used == 0 || r->used > len || r->argc < 0 ||
		    r->argc > RESP_WORDS_MAX)
			abort();
		for (int i = 0; i < r->argc; i++) {
			const struct resp_word *w = &r->argv[i];

			if (w->text < input || w->text + w->len >= input + r->used ||
			    w->text[w->len] != '\0')
				abort();
		}
	}
	free(input);
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resp_request r, unused;

	while (size > 0 && parse(data, size, &r) == RESP_REQUEST) {
		/* A request that came in pieces is not there before its last byte. */
		size_t step = r.used / 64 + 1;

		for (size_t n = 1; n < r.used; n += step) {
			if (parse(data, n, &unused) != RESP_MORE)
				abort();
		}
		data += r.used;
		size -= r.used;
	}
	return 0;
}
