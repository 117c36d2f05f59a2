/*
 * resp: requests in, replies out, in the protocol of Redis.
 *
 * The parser is bounded: what is too much is refused from its announced size,
 * before anything of it is stored. Pure, but for the buffer that it writes to.
 */
#ifndef RESP_H
#define RESP_H

#include <stdbool.h>
#include <stddef.h>

struct evbuffer;

#define RESP_WORDS_MAX 16
#define RESP_REQUEST_MAX 65536

struct resp_word {
	char *text; /* NUL-terminated, and may hold NULs too */
	size_t len;
};

/* Its words point into the bytes that were parsed. */
struct resp_request {
	size_t used; /* bytes of the input that this request took */
	int argc;    /* 0: an empty request, to be skipped */
	struct resp_word argv[RESP_WORDS_MAX];
};

enum resp_result {
	RESP_REQUEST, /* there it is */
	RESP_MORE,    /* the request is not complete; the input is unchanged */
	RESP_BAD,     /* it cannot become one; error says why */
};

/*
 * Parses the first request of len bytes at input: an array of bulk strings, or
 * a line of words. On RESP_REQUEST the bytes it took are changed in place.
 */
enum resp_result resp_parse(char *input, size_t len, struct resp_request *request,
			    const char **error);

/* Where replies go, and in which version of the protocol. */
struct resp_out {
	struct evbuffer *buffer;
	int version; /* 2 or 3 */
};

void resp_status(struct resp_out *out, const char *text);
/* One line as by printf; what does not print is escaped. */
void resp_error(struct resp_out *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void resp_integer(struct resp_out *out, long long value);
void resp_bulk(struct resp_out *out, const char *bytes, size_t len);
void resp_text(struct resp_out *out, const char *text);
void resp_null(struct resp_out *out);
void resp_array(struct resp_out *out, size_t elements);
/* In RESP2 an array of twice as many elements. */
void resp_map(struct resp_out *out, size_t pairs);
/* In RESP2 an array. */
void resp_push(struct resp_out *out, size_t elements);

#endif
