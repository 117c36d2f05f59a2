/*
 * endpoint: see endpoint.h. The forms are those of redis-cli's -u and of the
 * IANA registration of redis://, with unix:// as most client libraries have it.
 */
#include "endpoint.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fail.h"
#include "xalloc.h"

#define HOST_MAX 255

bool
endpoint_port_parse(const char *text, int *port, char *error, size_t size)
{
	char *end;
	long value;

	value = isdigit((unsigned char)text[0]) ? strtol(text, &end, 10) : 0;
	if (value < 1 || value > 65535 || *end != '\0')
		return fail(error, size, "port '%.40s' is no number from 1 to 65535",
			    text);
	*port = (int)value;
	return true;
}

bool
endpoint_host_ok(const char *host, char *error, size_t size)
{
	if (*host == '\0')
		return fail(error, size, "there is no host after redis://");
	if (strlen(host) > HOST_MAX)
		return fail(error, size, "the host is longer than %d bytes", HOST_MAX);
	for (const char *p = host; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) && strchr(".-_:%", *p) == NULL)
			return fail(error, size,
				    "host '%.80s' holds a '%c'; letters, digits and "
				    ". - _ : %% are allowed",
				    host, isprint((unsigned char)*p) ? *p : '?');
	}
	return true;
}

bool
endpoint_path_ok(const char *path, char *error, size_t size)
{
	if (*path != '/')
		return fail(error, size, "socket path '%.120s' does not begin with /",
			    path);
	if (strlen(path) > ENDPOINT_PATH_MAX)
		return fail(error, size,
			    "socket path '%s' has %zu bytes; allowed are %d", path,
			    strlen(path), ENDPOINT_PATH_MAX);
	return true;
}

/* Undoes %XX in place; false on a bad or zero one. */
static bool
unescape(char *s)
{
	char *out = s;

	for (; *s != '\0'; s++) {
		if (*s == '%') {
			char hex[3] = { 0 };

			if (!isxdigit((unsigned char)s[1]) ||
			    !isxdigit((unsigned char)s[2]))
				return false;
			memcpy(hex, s + 1, 2);
			*out = (char)strtol(hex, NULL, 16);
			if (*out++ == '\0')
				return false;
			s += 2;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
	return true;
}

/* Takes "[[user]:]password" from text, which it changes. */
static bool
take_credentials(struct endpoint *e, char *text, char *error, size_t size)
{
	char *colon = strchr(text, ':');
	char *password = text;
	bool ok = true;

	if (colon != NULL) {
		*colon = '\0';
		password = colon + 1;
		ok = unescape(text);
		if (ok && *text != '\0')
			e->user = xstrdup(text);
	}
	if (!ok || !unescape(password))
		return fail(error, size,
			    "a %% in user or password is not followed by two "
			    "hexadecimal digits (a literal one is %%25)");
	e->password = xstrdup(password);
	return true;
}

/* Takes "host[:port][/db]", "[v6][:port][/db]" from text, which it changes. */
static bool
take_address(struct endpoint *e, char *text, int preset, char *error, size_t size)
{
	char *slash = strchr(text, '/');
	const char *host = text, *port = NULL;

	if (slash != NULL) {
		*slash++ = '\0';
		/* INFO and PUBLISH know no databases: a number is harmless. */
		if (slash[strspn(slash, "0123456789")] != '\0')
			return fail(error, size,
				    "'/%.40s' after the address is no database number",
				    slash);
	}
	if (*text == '[') {
		char *bracket = strchr(text, ']');

		if (bracket == NULL)
			return fail(error, size, "the [ of the address is not closed");
		host = text + 1;
		*bracket++ = '\0';
		if (*bracket == ':')
			port = bracket + 1;
		else if (*bracket != '\0')
			return fail(error, size, "'%.40s' follows the address's ]",
				    bracket);
	} else {
		char *colon = strchr(text, ':');

		if (colon != NULL && strchr(colon + 1, ':') != NULL)
			return fail(error, size,
				    "an IPv6 address stands in brackets: [%.60s]",
				    text);
		if (colon != NULL) {
			*colon = '\0';
			port = colon + 1;
		}
	}
	e->port = preset;
	if (port != NULL && !endpoint_port_parse(port, &e->port, error, size))
		return false;
	if (!endpoint_host_ok(host, error, size))
		return false;
	e->host = xstrdup(host);
	return true;
}

static bool
has_scheme(const char **uri, const char *scheme)
{
	size_t len = strlen(scheme);

	if (strncasecmp(*uri, scheme, len) != 0)
		return false;
	*uri += len;
	return true;
}

bool
endpoint_parse(struct endpoint *e, const char *uri, char *error, size_t size)
{
	return endpoint_parse_default(e, uri, ENDPOINT_PORT, error, size);
}

bool
endpoint_parse_default(struct endpoint *e, const char *uri, int port, char *error,
		       size_t size)
{
	struct endpoint new = { 0 };
	bool is_unix = has_scheme(&uri, "unix://");
	bool is_tls = !is_unix && has_scheme(&uri, "rediss://");
	char *text, *at, *address;
	bool ok = false;

	if (!is_unix && !is_tls && !has_scheme(&uri, "redis://"))
		/* With an @ in it, what stands before may be a password. */
		return fail(
			error, size,
			"%s%.80s%s begins neither with redis://, rediss:// nor unix://",
			strchr(uri, '@') ? "" : "'", strchr(uri, '@') ? "the URI" : uri,
			strchr(uri, '@') ? "" : "'");
	address = text = xstrdup(uri);
	/* A password may hold an @ or a /, so the last @ counts; so may a path. */
	at = is_unix && *text == '/' ? NULL : strrchr(text, '@');
	if (at != NULL) {
		*at = '\0';
		address = at + 1;
		if (!take_credentials(&new, text, error, size))
			goto out;
	}
	if (is_unix) {
		ok = endpoint_path_ok(address, error, size);
		if (ok)
			new.path = xstrdup(address);
	} else {
		ok = take_address(&new, address, port, error, size);
		new.tls.on = is_tls;
	}
out:
	/* All of it: what was taken apart holds NULs. */
	explicit_bzero(text, strlen(uri));
	free(text);
	if (ok)
		*e = new;
	else
		endpoint_fini(&new);
	return ok;
}

void
endpoint_tls_copy(struct endpoint_tls *to, const struct endpoint_tls *from)
{
	*to = (struct endpoint_tls){
		.on = from->on,
		.cacert = xstrdup(from->cacert),
		.cacertdir = xstrdup(from->cacertdir),
		.cert = xstrdup(from->cert),
		.key = xstrdup(from->key),
		.sni = xstrdup(from->sni),
		.insecure = from->insecure,
	};
}

void
endpoint_tls_fini(struct endpoint_tls *tls)
{
	free(tls->cacert);
	free(tls->cacertdir);
	free(tls->cert);
	free(tls->key);
	free(tls->sni);
	*tls = (struct endpoint_tls){ 0 };
}

void
endpoint_copy(struct endpoint *to, const struct endpoint *from)
{
	*to = (struct endpoint){
		.host = xstrdup(from->host),
		.port = from->port,
		.path = xstrdup(from->path),
		.user = xstrdup(from->user),
		.password = xstrdup(from->password),
		.password_file = xstrdup(from->password_file),
	};
	endpoint_tls_copy(&to->tls, &from->tls);
}

void
endpoint_fini(struct endpoint *e)
{
	free(e->host);
	free(e->path);
	free(e->user);
	xfree_secret(e->password);
	free(e->password_file);
	endpoint_tls_fini(&e->tls);
	*e = (struct endpoint){ 0 };
}

const char *
endpoint_text(const struct endpoint *e, char buf[static ENDPOINT_TEXT_BYTES])
{
	static const char scheme[] = "rediss://";
	char name[ENDPOINT_TEXT_BYTES];

	snprintf(buf, ENDPOINT_TEXT_BYTES, "%s%.278s", e->tls.on ? scheme : "",
		 endpoint_name(e, name));
	return buf;
}

const char *
endpoint_name(const struct endpoint *e, char buf[static ENDPOINT_TEXT_BYTES])
{
	if (e->path != NULL)
		snprintf(buf, ENDPOINT_TEXT_BYTES, "%s", e->path);
	else if (strchr(e->host, ':') != NULL)
		snprintf(buf, ENDPOINT_TEXT_BYTES, "[%s]:%d", e->host, e->port);
	else
		snprintf(buf, ENDPOINT_TEXT_BYTES, "%s:%d", e->host, e->port);
	return buf;
}

int
endpoint_compare_address(const struct endpoint *a, const struct endpoint *b)
{
	int order = (a->path != NULL) - (b->path != NULL);

	if (order == 0)
		order = a->path != NULL ? strcmp(a->path, b->path)
					: strcasecmp(a->host, b->host);
	return order != 0 || a->path != NULL ? order : a->port - b->port;
}

bool
endpoint_same_address(const struct endpoint *a, const struct endpoint *b)
{
	return endpoint_compare_address(a, b) == 0;
}

bool
endpoint_tls_same(const struct endpoint_tls *a, const struct endpoint_tls *b)
{
	return a->on == b->on && a->insecure == b->insecure &&
	       xstrsame(a->cacert, b->cacert) && xstrsame(a->cacertdir, b->cacertdir) &&
	       xstrsame(a->cert, b->cert) && xstrsame(a->key, b->key) &&
	       xstrsame(a->sni, b->sni);
}

bool
endpoint_same(const struct endpoint *a, const struct endpoint *b)
{
	return endpoint_same_address(a, b) && xstrsame(a->user, b->user) &&
	       xstrsame(a->password, b->password) &&
	       xstrsame(a->password_file, b->password_file) &&
	       endpoint_tls_same(&a->tls, &b->tls);
}
