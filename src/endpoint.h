/*
 * endpoint: where a Redis server is and who we are to it.
 *
 *	redis://[[user]:password@]host[:port][/db]
 *	rediss://... the same by TLS
 *	unix://[[user]:password@]/path/to.sock
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

/* All NULL and false: the system's store is trusted, and nothing shown. */
struct endpoint_tls {
	bool on;
	char *cacert, *cacertdir; /* a file and a directory of whom to trust */
	char *cert, *key;	  /* the files of who we are */
	char *sni;		  /* what to ask for, and to look for; NULL: the host */
	bool insecure;		  /* verify = "none" */
};

struct endpoint {
	char *host;	     /* a name or a numeric address; NULL: a unix socket */
	int port;	     /* 1 to 65535, with host */
	char *path;	     /* the unix socket's, absolute; NULL: TCP */
	char *user;	     /* NULL: the server's default user */
	char *password;	     /* NULL: none, or in a file */
	char *password_file; /* read at each greeting; NULL: none */
	struct endpoint_tls tls;
};

#define ENDPOINT_PORT 6379
#define ENDPOINT_PORT_SENTINEL 26379

/*
 * Longer paths are cut without a word by hiredis, which copies them into
 * sun_path of 108 bytes and keeps one for the end.
 */
#define ENDPOINT_PATH_MAX 106

/* The longest text of endpoint_text: scheme, a name of 255, brackets, port. */
#define ENDPOINT_TEXT_BYTES 288

/*
 * Reads a URI into *e, which need not be initialised and belongs to the caller
 * (endpoint_fini) on success. On failure *e is untouched and error says what
 * was found and what is allowed; it never quotes a password.
 */
bool endpoint_parse(struct endpoint *e, const char *uri, char *error,
		    size_t error_size);

/* The same, with the port of a URI that has none: ENDPOINT_PORT above. */
bool endpoint_parse_default(struct endpoint *e, const char *uri, int port, char *error,
			    size_t error_size);

/* The same checks for parts that were given one by one; *port as text. */
bool endpoint_port_parse(const char *text, int *port, char *error, size_t error_size);
bool endpoint_host_ok(const char *host, char *error, size_t error_size);
bool endpoint_path_ok(const char *path, char *error, size_t error_size);

/* Deep copy; *to need not be initialised. */
void endpoint_copy(struct endpoint *to, const struct endpoint *from);

/* Frees what *e holds, wiping the password. May be called twice. */
void endpoint_fini(struct endpoint *e);

/*
 * "127.0.0.1:6379", "[::1]:6379", "rediss://db1:6379" or "/run/redis.sock" in buf,
 * which is returned.
 */
const char *endpoint_text(const struct endpoint *e,
			  char buf[static ENDPOINT_TEXT_BYTES]);

/* The same without a scheme: what a target is called that has no name. */
const char *endpoint_name(const struct endpoint *e,
			  char buf[static ENDPOINT_TEXT_BYTES]);

/* What may be said of TLS, for itself. */
void endpoint_tls_copy(struct endpoint_tls *to, const struct endpoint_tls *from);
void endpoint_tls_fini(struct endpoint_tls *tls);
bool endpoint_tls_same(const struct endpoint_tls *a, const struct endpoint_tls *b);

/*
 * An order of addresses as they are written; names are not resolved. What comes out
 * as 0 leads to the same one.
 */
int endpoint_compare_address(const struct endpoint *a, const struct endpoint *b);
bool endpoint_same_address(const struct endpoint *a, const struct endpoint *b);

/* The same, and the same user by the same password, and the same TLS. */
bool endpoint_same(const struct endpoint *a, const struct endpoint *b);

#endif
