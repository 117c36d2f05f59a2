/*
 * tls_session: see tls_session.h. What OpenSSL says is put into words that say
 * what to do; its own stand where we know none.
 */
#include "tls_session.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tls_context.h"

#define NAMES_SHOWN 3

static void __attribute__((format(printf, 2, 3)))
say(struct tls_session *s, const char *format, ...)
{
	va_list ap;

	/* The first one counts: what follows is only its consequence. */
	if (s->reason[0] != '\0')
		return;
	va_start(ap, format);
	vsnprintf(s->reason, sizeof(s->reason), format, ap);
	va_end(ap);
}

/*
 * The server's certificate.
 */

/* "2026-01-02", or "". */
static const char *
date(const ASN1_TIME *time, char buf[static 16])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1 || strftime(buf, 16, "%Y-%m-%d", &tm) == 0)
		buf[0] = '\0';
	return buf;
}

/* A name's last word, usually, or "?". */
static const char *
common_name(const X509_NAME *name, char buf[static 80])
{
	if (X509_NAME_get_text_by_NID((X509_NAME *)(uintptr_t)name, NID_commonName, buf,
				      80) <= 0)
		snprintf(buf, 80, "?");
	return buf;
}

/* Whom it is for: names and addresses, the first few. */
static void
list_names(const X509 *certificate, char *out, size_t size)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int count = names != NULL ? sk_GENERAL_NAME_num(names) : 0, shown = 0;
	char text[INET6_ADDRSTRLEN], cn[80];

	out[0] = '\0';
	for (int i = 0; i < count && shown < NAMES_SHOWN; i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		const ASN1_STRING *value = n->d.ia5;
		const char *entry = NULL;
		int len = -1;

		if (n->type == GEN_DNS) {
			entry = (const char *)ASN1_STRING_get0_data(value);
			len = ASN1_STRING_length(value);
		} else if (n->type == GEN_IPADD) {
			value = n->d.iPAddress;
			entry = inet_ntop(
				ASN1_STRING_length(value) == 4 ? AF_INET : AF_INET6,
				ASN1_STRING_get0_data(value), text, sizeof(text));
		}
		if (entry != NULL)
			snprintf(out + strlen(out), size - strlen(out), "%s%.*s",
				 shown++ > 0 ? ", " : "",
				 len >= 0 && len < 64 ? len : 64, entry);
	}
	GENERAL_NAMES_free(names);
	if (shown == 0)
		snprintf(out, size, "%s",
			 common_name(X509_get_subject_name(certificate), cn));
}

/* What is wrong with it, at the place in the chain where that was found. */
static void
explain_certificate(struct tls_session *s, int error, const X509 *c, int depth)
{
	static const char head[] = "certificate verify failed";
	char when[16], names[160], cn[80], whose[100] = "certificate";

	if (depth > 0)
		snprintf(whose, sizeof(whose), "the certificate of the CA '%.60s'",
			 common_name(X509_get_subject_name(c), cn));
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		say(s, "%s: %s has expired (%s)", head, whose,
		    date(X509_get0_notAfter(c), when));
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		say(s, "%s: %s is not valid before %s", head, whose,
		    date(X509_get0_notBefore(c), when));
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		list_names(c, names, sizeof(names));
		say(s, "%s: it is for %s, not for %.80s", head, names, s->name);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		say(s,
		    "%s: self-signed certificate; cacert = a file that holds it would "
		    "trust it",
		    head);
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		say(s,
		    "%s: the CA '%.60s' is not among those that are trusted; cacert = "
		    "a file with its certificate would trust it",
		    head, common_name(X509_get_subject_name(c), cn));
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		say(s,
		    "%s: its issuer '%.60s' is not among those that are trusted; "
		    "cacert = a file with its certificate would trust it",
		    head, common_name(X509_get_issuer_name(c), cn));
		break;
	default:
		say(s, "%s: %s", head, X509_verify_cert_error_string(error));
	}
}

static int
verify_cb(int ok, X509_STORE_CTX *store)
{
	const SSL *openssl =
		X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	X509 *certificate = X509_STORE_CTX_get_current_cert(store);

	if (!ok && certificate != NULL)
		explain_certificate(SSL_get_app_data(openssl),
				    X509_STORE_CTX_get_error(store), certificate,
				    X509_STORE_CTX_get_error_depth(store));
	return ok;
}

/* An address is none of its zone. */
static bool
is_address(const char *name, char *address, size_t size)
{
	struct in6_addr any;

	snprintf(address, size, "%.*s", (int)strcspn(name, "%"), name);
	return inet_pton(AF_INET, address, &any) == 1 ||
	       inet_pton(AF_INET6, address, &any) == 1;
}

void
tls_session_begin(struct tls_session *s, struct tls_context *context, const char *name,
		  bool verify)
{
	SSL *openssl = SSL_new(tls_context_openssl(context));
	char address[64];
	bool ok;

	if (openssl == NULL)
		abort(); /* out of memory */
	*s = (struct tls_session){
		.openssl = openssl,
		.context = context,
		.verify = verify,
	};
	snprintf(s->name, sizeof(s->name), "%s", name);
	SSL_set_app_data(openssl, s);
	if (verify)
		SSL_set_verify(openssl, SSL_VERIFY_PEER, verify_cb);
	SSL_set_hostflags(openssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_address(name, address, sizeof(address)))
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(openssl), address);
	else
		ok = SSL_set1_host(openssl, name) &&
		     SSL_set_tlsext_host_name(openssl, name);
	if (!ok)
		abort(); /* out of memory: the name was checked */
}

bool
tls_session_established(struct tls_session *s, struct tls_info *info)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(s->openssl);
	X509 *certificate = SSL_get0_peer_certificate(s->openssl);
	struct tm tm;

	/* OpenSSL would not have come so far; but this is what all rests on. */
	if (s->verify &&
	    (certificate == NULL || SSL_get_verify_result(s->openssl) != X509_V_OK)) {
		say(s, "certificate verify failed");
		return false;
	}
	*info = (struct tls_info){ 0 };
	snprintf(info->version, sizeof(info->version), "%s",
		 SSL_get_version(s->openssl));
	snprintf(info->cipher, sizeof(info->cipher), "%s", SSL_CIPHER_get_name(cipher));
	if (certificate != NULL &&
	    ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1)
		info->not_after.ns = (int64_t)timegm(&tm) * NS_PER_S;
	return true;
}

/*
 * What else may go wrong.
 */

#define ALERT(number) (SSL_AD_REASON_OFFSET + (number))

/* OpenSSL's reason, what it means, and whether it is about our certificate. */
static const struct {
	int reason;
	const char *text;
	bool ours;
} known[] = {
	{ SSL_R_WRONG_VERSION_NUMBER, "the server does not speak TLS on this port",
	  false },
	{ SSL_R_PACKET_LENGTH_TOO_LONG, "the server does not speak TLS on this port",
	  false },
	{ SSL_R_HTTP_REQUEST, "the server does not speak TLS on this port", false },
	{ SSL_R_UNSUPPORTED_PROTOCOL,
	  "the server speaks no TLS of version 1.2 or later", false },
	{ ALERT(SSL_AD_PROTOCOL_VERSION),
	  "the server speaks no TLS of version 1.2 or later", false },
	{ ALERT(TLS13_AD_CERTIFICATE_REQUIRED),
	  "the server wants a certificate of ours: cert and key", true },
	{ ALERT(SSL_AD_BAD_CERTIFICATE), "the server refuses our certificate", true },
	{ ALERT(SSL_AD_UNSUPPORTED_CERTIFICATE),
	  "the server refuses the kind of our certificate", true },
	{ ALERT(SSL_AD_CERTIFICATE_REVOKED),
	  "the server says that our certificate is revoked", true },
	{ ALERT(SSL_AD_CERTIFICATE_EXPIRED),
	  "the server says that our certificate has expired", true },
	{ ALERT(SSL_AD_CERTIFICATE_UNKNOWN), "the server refuses our certificate",
	  true },
	{ ALERT(SSL_AD_UNKNOWN_CA),
	  "the server does not know the CA of our certificate", true },
	{ ALERT(SSL_AD_ACCESS_DENIED), "the server refuses our certificate", true },
	{ ALERT(SSL_AD_DECRYPT_ERROR), "the server refuses our certificate", true },
	{ ALERT(SSL_AD_HANDSHAKE_FAILURE),
	  "the server refuses the handshake: no cipher in common, or it wants a "
	  "certificate of ours (cert, key)",
	  true },
	{ ALERT(SSL_AD_UNRECOGNIZED_NAME),
	  "the server does not know itself by the name that was sent (sni)", false },
};

void
tls_session_failed(struct tls_session *s, const unsigned long *errors, size_t count,
		   int err, bool handshake)
{
	const char *during = handshake ? " during the TLS handshake" : "";
	const char *words = NULL;
	char expired[80];

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
			if (ERR_GET_REASON(errors[i]) != known[k].reason)
				continue;
			if (known[k].ours &&
			    tls_context_expired(s->context, clock_wall(), expired,
						sizeof(expired)) != NULL)
				say(s, "%s: %s", known[k].text, expired);
			else
				say(s, "%s", known[k].text);
			return;
		}
	}
	/* Some have none, those of what lies below OpenSSL's TLS. */
	for (size_t i = 0; i < count && words == NULL; i++)
		words = ERR_reason_error_string(errors[i]);
	if (words != NULL)
		say(s, "TLS%s: %s", handshake ? " handshake" : "", words);
	else if (err != 0)
		say(s, "%s%s", strerror(err), during);
	else if (handshake)
		say(s, "the server closed the connection%s", during);
}

size_t
tls_session_last_words(struct tls_session *s, unsigned long *error)
{
	char byte;

	ERR_clear_error();
	if (SSL_read(s->openssl, &byte, 1) > 0)
		return 0;
	*error = ERR_get_error();
	ERR_clear_error();
	return *error != 0;
}

void
tls_session_close(struct tls_session *s)
{
	/* Nothing waits for the server's own. */
	if (s->openssl != NULL && SSL_is_init_finished(s->openssl)) {
		SSL_set_shutdown(s->openssl, SSL_RECEIVED_SHUTDOWN);
		SSL_shutdown(s->openssl);
		ERR_clear_error();
	}
}
