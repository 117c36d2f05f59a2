/*
 * tls_session: one TLS conversation with one server: whom we expect there, and
 * in words what was wrong. The bytes are relay's affair.
 *
 * A certificate counts when it is valid now, leads to somebody whom the context
 * trusts, and is for the name or the address that was asked for. Nothing is sent
 * before that is known, but the handshake.
 */
#ifndef TLS_SESSION_H
#define TLS_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"

struct ssl_st;
struct tls_context;

#define TLS_REASON_BYTES 256
#define TLS_ERRORS_MAX 8

struct tls_session {
	struct ssl_st *openssl; /* NULL: none; whoever uses it frees it */
	struct tls_context *context;
	bool verify;
	char name[256];		       /* of the server */
	char reason[TLS_REASON_BYTES]; /* "": nothing was wrong */
};

/* What was agreed on. */
struct tls_info {
	char version[16], cipher[64];
	struct wall not_after; /* the end of the server's certificate */
};

/*
 * Makes s->openssl. The name is a host's, which is sent as SNI and looked for in
 * the certificate, or an address, which is only looked for. *s and the context
 * are borrowed until OpenSSL's object is freed.
 */
void tls_session_begin(struct tls_session *s, struct tls_context *context,
		       const char *name, bool verify);

/*
 * After the handshake: false with s->reason when the server is not the one that
 * was meant; else *info is set.
 */
bool tls_session_established(struct tls_session *s, struct tls_info *info);

/*
 * Puts what ended it into s->reason, unless that is known already: OpenSSL's
 * errors, oldest first, or else an errno, or 0 for an end of file.
 */
void tls_session_failed(struct tls_session *s, const unsigned long *errors,
			size_t count, int err, bool handshake);

/*
 * After a failed write: what the server may have said before it closed. The number
 * of errors that were added, 0 or 1.
 */
size_t tls_session_last_words(struct tls_session *s, unsigned long *error);

/* Says goodbye as far as the socket takes it. */
void tls_session_close(struct tls_session *s);

#endif
