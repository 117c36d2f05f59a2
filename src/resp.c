/*
 * resp: see resp.h. The protocol: https://redis.io/docs/reference/protocol-spec/;
 * quoting in lines as in Redis' sdssplitargs().
 */
#include "resp.h"

#include <ctype.h>
#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

/* The longest "*16" or "$65536" with some room for leading zeros and signs. */
#define NUMBER_MAX 16

struct cursor {
	char *at, *end;
	const char *error;
};

static enum resp_result
bad(struct cursor *c, const char *error)
{
	c->error = error;
	return RESP_BAD;
}

/* Takes type byte, number, CR LF; the number must lie within 0 and max. */
static enum resp_result
take_number(struct cursor *c, char type, long max, long *value, const char *too_much)
{
	char *lf = memchr(c->at, '\n', (size_t)(c->end - c->at));
	char *p = c->at + 1;

	if (c->at < c->end && *c->at != type)
		return bad(c, type == '$' ? "ERR Protocol error: expected '$'"
					  : "ERR Protocol error: expected '*'");
	if (lf == NULL && c->end - c->at <= NUMBER_MAX)
		return RESP_MORE;
	if (lf == NULL || lf - c->at > NUMBER_MAX || lf - p < 2 || lf[-1] != '\r')
		return bad(c, "ERR Protocol error: bad length");
	*value = 0;
	for (; p < lf - 1; p++) {
		if (!isdigit((unsigned char)*p))
			return bad(c, "ERR Protocol error: bad length");
		*value = *value * 10 + (*p - '0');
		if (*value > max)
			return bad(c, too_much);
	}
	c->at = lf + 1;
	return RESP_REQUEST;
}

static enum resp_result
parse_array(struct cursor *c, struct resp_request *r)
{
	const char *start = c->at;
	enum resp_result result;
	long words, len;

	result = take_number(c, '*', RESP_WORDS_MAX, &words,
			     "ERR Protocol error: too many words");
	if (result != RESP_REQUEST)
		return result;
	for (r->argc = 0; r->argc < words; r->argc++) {
		result = take_number(c, '$', RESP_REQUEST_MAX, &len,
				     "ERR Protocol error: too long a word");
		if (result != RESP_REQUEST)
			return result;
		if (c->at - start + len + 2 > RESP_REQUEST_MAX)
			return bad(c, "ERR Protocol error: too long a request");
		if (c->end - c->at < len + 2)
			return RESP_MORE;
		if (c->at[len] != '\r' || c->at[len + 1] != '\n')
			return bad(
				c,
				"ERR Protocol error: a word is longer than announced");
		r->argv[r->argc] = (struct resp_word){ c->at, (size_t)len };
		c->at += len + 2;
	}
	/* Only now, when it is whole, the input may be changed. */
	for (int i = 0; i < r->argc; i++)
		r->argv[i].text[r->argv[i].len] = '\0';
	return RESP_REQUEST;
}

static int
hex_value(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return tolower((unsigned char)c) - 'a' + 10;
}

/* One character of a "quoted" word, at *in, which moves past it. */
static char
take_escaped(char **in)
{
	static const char from[] = "nrtba", to[] = "\n\r\t\b\a";
	char *p = *in;
	const char *known;

	if (p[0] != '\\' || p[1] == '\0') {
		*in = p + 1;
		return p[0];
	}
	if (p[1] == 'x' && isxdigit((unsigned char)p[2]) &&
	    isxdigit((unsigned char)p[3])) {
		*in = p + 4;
		return (char)(hex_value(p[2]) * 16 + hex_value(p[3]));
	}
	*in = p + 2;
	known = strchr(from, p[1]);
	return known != NULL ? to[known - from] : p[1];
}

/*
 * Takes one word of a NUL-terminated line, unquoting it in place; *in moves
 * past it. False when a quote is not closed or something follows it closely.
 */
static bool
take_word(char **in, struct resp_word *word)
{
	char *p = *in, *out = *in;
	char quote = '\0';

	word->text = out;
	for (;;) {
		if (*p == '\0') {
			if (quote != '\0')
				return false;
			break;
		}
		if (quote == '\0' && isspace((unsigned char)*p)) {
			p++;
			break;
		}
		if (quote == '\0' && (*p == '"' || *p == '\'')) {
			quote = *p++;
		} else if (quote != '\0' && *p == quote) {
			p++;
			if (*p != '\0' && !isspace((unsigned char)*p))
				return false;
			quote = '\0';
		} else if (quote == '"') {
			*out++ = take_escaped(&p);
		} else if (quote == '\'' && p[0] == '\\' && p[1] == '\'') {
			*out++ = '\'';
			p += 2;
		} else {
			*out++ = *p++;
		}
	}
	word->len = (size_t)(out - word->text);
	*out = '\0';
	*in = p;
	return true;
}

static enum resp_result
parse_line(struct cursor *c, struct resp_request *r)
{
	size_t len = (size_t)(c->end - c->at);
	char *lf = memchr(c->at, '\n', len);
	char *p = c->at;

	if (lf == NULL || lf - c->at >= RESP_REQUEST_MAX)
		return len < RESP_REQUEST_MAX
			       ? RESP_MORE
			       : bad(c, "ERR Protocol error: too long a line");
	if (memchr(c->at, '\0', (size_t)(lf - c->at)) != NULL)
		return bad(c, "ERR Protocol error: a NUL in the line");
	*lf = '\0';
	for (r->argc = 0;;) {
		while (isspace((unsigned char)*p))
			p++;
		if (*p == '\0')
			break;
		if (r->argc == RESP_WORDS_MAX)
			return bad(c, "ERR Protocol error: too many words");
		if (!take_word(&p, &r->argv[r->argc++]))
			return bad(c,
				   "ERR Protocol error: unbalanced quotes in request");
	}
	c->at = lf + 1;
	return RESP_REQUEST;
}

enum resp_result
resp_parse(char *input, size_t len, struct resp_request *r, const char **error)
{
	struct cursor c = { .at = input, .end = input + len };
	enum resp_result result;

	if (len == 0)
		return RESP_MORE;
	result = *input == '*' ? parse_array(&c, r) : parse_line(&c, r);
	*error = c.error;
	r->used = (size_t)(c.at - input);
	return result;
}

/*
 * Replies.
 */

void
resp_status(struct resp_out *out, const char *text)
{
	evbuffer_add_printf(out->buffer, "+%s\r\n", text);
}

void
resp_error(struct resp_out *out, const char *format, ...)
{
	char text[1024], shown[2 * sizeof(text)];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* What a client said may stand in it, and is shown on a terminal. */
	log_escape(shown, sizeof(shown), text);
	evbuffer_add_printf(out->buffer, "-%s\r\n", shown);
}

void
resp_integer(struct resp_out *out, long long value)
{
	evbuffer_add_printf(out->buffer, ":%lld\r\n", value);
}

void
resp_bulk(struct resp_out *out, const char *bytes, size_t len)
{
	evbuffer_add_printf(out->buffer, "$%zu\r\n", len);
	evbuffer_add(out->buffer, bytes, len);
	evbuffer_add(out->buffer, "\r\n", 2);
}

void
resp_text(struct resp_out *out, const char *text)
{
	resp_bulk(out, text, strlen(text));
}

void
resp_null(struct resp_out *out)
{
	evbuffer_add_printf(out->buffer, out->version == 3 ? "_\r\n" : "$-1\r\n");
}

void
resp_array(struct resp_out *out, size_t elements)
{
	evbuffer_add_printf(out->buffer, "*%zu\r\n", elements);
}

void
resp_map(struct resp_out *out, size_t pairs)
{
	if (out->version == 3)
		evbuffer_add_printf(out->buffer, "%%%zu\r\n", pairs);
	else
		resp_array(out, 2 * pairs);
}

void
resp_push(struct resp_out *out, size_t elements)
{
	evbuffer_add_printf(out->buffer, "%c%zu\r\n", out->version == 3 ? '>' : '*',
			    elements);
}
