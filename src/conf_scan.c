/*
 * conf_scan: see conf_scan.h. Pure. The lexical rules are those of libconfig's
 * manual, section "Configuration Files".
 */
#include "conf_scan.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *
skip_line(const char *p)
{
	return p + strcspn(p, "\n");
}

static const char *
skip_comment(const char *p, int *line)
{
	for (p += 2; *p != '\0'; p++) {
		if (p[0] == '*' && p[1] == '/')
			return p + 2;
		*line += *p == '\n';
	}
	return p;
}

static const char *
skip_string(const char *p, int *line)
{
	for (p++; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		*line += *p == '\n';
	}
	return *p == '"' ? p + 1 : p;
}

/* A word, a number, or what only looks like one: up to what ends a token. */
static size_t
token_length(const char *p)
{
	size_t n = 1;

	while (isalnum((unsigned char)p[n]) ||
	       strchr("._-*+", p[n] ? p[n] : ' ') != NULL)
		n++;
	return n;
}

/* What ends in L is read as 64 bits. */
static bool
hex_is_long(const char *digits, size_t n)
{
	if ((digits[n - 1] | 32) == 'l')
		return false;
	for (; n > 0 && *digits == '0'; n--)
		digits++;
	return n > 8;
}

static const char *
trouble_of(const char *token, size_t len)
{
	bool sign = *token == '-' || *token == '+';
	const char *digits = token + sign;
	size_t n = len - sign;
	char copy[32];
	long long value;

	if (n > 2 && digits[0] == '0' && (digits[1] | 32) == 'x')
		return hex_is_long(digits + 2, n - 2)
			       ? "a number past 32 bits, which libconfig would wrap"
			       : NULL;
	/* What ends in L says what it is; floats have a point. */
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)digits[i]))
			return NULL;
	}
	if (n > 1 && digits[0] == '0')
		return "a leading zero: some versions of libconfig read that as octal";
	if (len >= sizeof(copy))
		return "a number past 32 bits, which libconfig would wrap";
	memcpy(copy, token, len);
	copy[len] = '\0';
	errno = 0;
	value = strtoll(copy, NULL, 10);
	if (errno != 0 || value > INT32_MAX || value < INT32_MIN)
		return "a number past 32 bits, which libconfig would wrap";
	return NULL;
}

/* From the @ of a line `@include "name"`; returns what follows. */
static const char *
take_include(const char *p, int line, conf_include_fn *include, void *arg)
{
	static const char word[] = "@include";
	const char *name = p + strlen(word);
	char file[4096];
	size_t len = 0;

	if (strncmp(p, word, strlen(word)) != 0)
		return p + 1;
	name += strspn(name, " \t");
	if (*name != '"')
		return name;
	for (p = name + 1; *p != '\0' && *p != '"' && *p != '\n'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		if (len < sizeof(file))
			file[len++] = *p;
	}
	/* A name that goes on past its line is none that we would look at. */
	if (include != NULL)
		include(arg, line, file, *p == '"' ? len : 0);
	return *p == '"' ? p + 1 : p;
}

/* Whether only blanks stand between the beginning of its line and p. */
static bool
begins_line(const char *text, const char *p)
{
	while (p > text && (p[-1] == ' ' || p[-1] == '\t'))
		p--;
	return p == text || p[-1] == '\n';
}

void
conf_scan(const char *text, conf_scan_fn *fn, conf_include_fn *include, void *arg)
{
	const char *p = text;
	int line = 1;

	while (*p != '\0') {
		const char *trouble;
		size_t len;

		if (*p == '\n') {
			line++;
			p++;
		} else if (*p == '#' || (p[0] == '/' && p[1] == '/')) {
			p = skip_line(p);
		} else if (p[0] == '/' && p[1] == '*') {
			p = skip_comment(p, &line);
		} else if (*p == '"') {
			p = skip_string(p, &line);
		} else if (*p == '@' && begins_line(text, p)) {
			p = take_include(p, line, include, arg);
		} else if (isalnum((unsigned char)*p) || *p == '-' || *p == '+' ||
			   *p == '_' || *p == '*') {
			len = token_length(p);
			trouble = isdigit((unsigned char)*p) || len > 1
					  ? trouble_of(p, len)
					  : NULL;
			if (trouble != NULL)
				fn(arg, line, p, len, trouble);
			p += len;
		} else {
			p++;
		}
	}
}
