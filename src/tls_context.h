/*
 * tls_context: whom we trust and who we are, as OpenSSL wants to have it, made
 * from files.
 *
 * What is made of the same files is shared: the system's store alone takes a
 * megabyte and 20 ms. It is made anew when the files have changed, which is
 * looked at whenever one is asked for. Files that have become useless change
 * nothing but the log: a certificate is seldom replaced in one step.
 */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"

struct endpoint_tls;
struct ssl_ctx_st;
struct tls_context;

/*
 * To be given back with tls_context_put; NULL when the files are of no use, with
 * the reason. Its sni is not looked at.
 */
struct tls_context *tls_context_get(const struct endpoint_tls *tls, char *error,
				    size_t error_size);

/* NULL is fine. */
void tls_context_put(struct tls_context *context);

/* Borrowed until somebody asks again; OpenSSL counts who uses it. */
struct ssl_ctx_st *tls_context_openssl(struct tls_context *context);

/* Whether a certificate of ours is there to be shown. */
bool tls_context_has_certificate(const struct tls_context *context);

/*
 * To be called now and then: logs once that our certificate expires within 30
 * days, 7 days, 1 day, and that it has expired. Costs nothing between.
 */
void tls_context_remind(struct tls_context *context, struct wall now);

/* "our certificate has expired (2026-01-02)" in buf, or NULL: it has not. */
const char *tls_context_expired(const struct tls_context *context, struct wall now,
				char *buf, size_t size);

/* Whether the files can be used, whichever are named. */
bool tls_context_ok(const struct endpoint_tls *tls, char *error, size_t error_size);

/* The same for each option, as conf_option has it: absolute paths. */
bool tls_context_cacert_ok(const char *path, char *error, size_t error_size);
bool tls_context_cacertdir_ok(const char *path, char *error, size_t error_size);
bool tls_context_cert_ok(const char *path, char *error, size_t error_size);
bool tls_context_key_ok(const char *path, char *error, size_t error_size);

/* Whether none but us and our group can read it; else error says so. */
bool tls_context_key_is_private(const char *path, char *error, size_t error_size);

#endif
