/*
 * tls_context: see tls_context.h.
 *
 * The list of contexts is the one variable of the process: it only tells equals
 * apart, as a table of interned strings does, and is empty when nobody holds one.
 */
#include "tls_context.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "endpoint.h"
#include "fail.h"
#include "log.h"
#include "xalloc.h"

#define ERROR_BYTES 512
#define DAY_S 86400

/* cacert, cacertdir, cert, key; of the system's store a file and a directory. */
#define FILES 4

/* What tells that a file is another than it was; all zero when it is not there. */
struct stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct tls_context {
	struct tls_context *next;
	struct endpoint_tls tls; /* what it is made of; without sni */
	unsigned users;
	struct stamp stamps[FILES]; /* of when the files were read last */
	SSL_CTX *openssl;
	int64_t not_after_s; /* our certificate's end, since 1970; 0: there is none */
	int64_t remind_s;    /* when the next reminder is due; 0: never */
};

static struct tls_context *contexts;

/*
 * Files to an SSL_CTX.
 */

/* OpenSSL's own words for a file that is not there are of no help. */
static bool
can_read(const char *path, char *error, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	bool ok = false;

	if (fd < 0)
		return fail(error, size, "%s: %s", path, strerror(errno));
	/* What is no file may be read for ever. */
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		fail(error, size, "%s is no regular file", path);
	else
		ok = true;
	close(fd);
	return ok;
}

static bool
refuse(const char *path, const char *what, char *error, size_t size)
{
	const char *why = ERR_reason_error_string(ERR_peek_error());

	fail(error, size, "%s: %s (%s)", path, what,
	     why != NULL ? why : "OpenSSL gives no reason");
	ERR_clear_error();
	return false;
}

/* Else OpenSSL would ask on the terminal. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

static bool
load_trust(SSL_CTX *c, const struct endpoint_tls *t, char *error, size_t size)
{
	if (t->cacert == NULL && t->cacertdir == NULL) {
		SSL_CTX_set_default_verify_paths(c);
		return true;
	}
	/* Who names a certificate trusts it, be it self-signed or not. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(c), X509_V_FLAG_PARTIAL_CHAIN);
	if (t->cacert != NULL) {
		if (!can_read(t->cacert, error, size))
			return false;
		if (SSL_CTX_load_verify_file(c, t->cacert) != 1)
			return refuse(t->cacert, "it holds no certificates in PEM form",
				      error, size);
	}
	if (t->cacertdir != NULL && SSL_CTX_load_verify_dir(c, t->cacertdir) != 1)
		return refuse(t->cacertdir, "it cannot be used", error, size);
	return true;
}

static bool
load_identity(SSL_CTX *c, const struct endpoint_tls *t, char *error, size_t size)
{
	if (t->cert != NULL) {
		if (!can_read(t->cert, error, size))
			return false;
		if (SSL_CTX_use_certificate_chain_file(c, t->cert) != 1)
			return refuse(t->cert, "it holds no certificate in PEM form",
				      error, size);
	}
	if (t->key == NULL)
		return true;
	if (!can_read(t->key, error, size))
		return false;
	SSL_CTX_set_default_passwd_cb(c, no_passphrase);
	if (SSL_CTX_use_PrivateKey_file(c, t->key, SSL_FILETYPE_PEM) == 1)
		return true;
	if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH) {
		ERR_clear_error();
		return fail(error, size, "the key %s does not belong to %s", t->key,
			    t->cert);
	}
	return refuse(t->key,
		      "it holds no private key in PEM form without a passphrase", error,
		      size);
}

static SSL_CTX *
load(const struct endpoint_tls *t, char *error, size_t size)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	if (c == NULL)
		abort(); /* out of memory */
	ERR_clear_error();
	SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
	/* An idle connection keeps no buffers: 34 KB. */
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
	/* RESP says itself where a reply ends, so a missing close-notify is an end. */
	SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
				       SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	if (load_trust(c, t, error, size) && load_identity(c, t, error, size))
		return c;
	SSL_CTX_free(c);
	return NULL;
}

bool
tls_context_ok(const struct endpoint_tls *t, char *error, size_t size)
{
	SSL_CTX *c = load(t, error, size);

	SSL_CTX_free(c);
	return c != NULL;
}

/*
 * The options, one by one.
 */

static bool
is_absolute(const char *path, char *error, size_t size)
{
	return *path == '/' || fail(error, size, "'%.120s' is no absolute path", path);
}

bool
tls_context_cacert_ok(const char *path, char *error, size_t size)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s", path);
	return is_absolute(path, error, size) &&
	       tls_context_ok(&(struct endpoint_tls){ .cacert = name }, error, size);
}

/* Certificates lie there by the hash of their subject: 8 digits, a dot, a number. */
static bool
is_hash(const char *name)
{
	return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
	       name[9] != '\0' && name[9 + strspn(name + 9, "0123456789")] == '\0';
}

bool
tls_context_cacertdir_ok(const char *path, char *error, size_t size)
{
	struct dirent *file;
	bool found = false;
	DIR *directory;

	if (!is_absolute(path, error, size))
		return false;
	directory = opendir(path);
	if (directory == NULL)
		return fail(error, size, "%s: %s", path, strerror(errno));
	while (!found && (file = readdir(directory)) != NULL)
		found = is_hash(file->d_name);
	closedir(directory);
	return found || fail(error, size,
			     "%s: no certificate lies there by its hash; run openssl "
			     "rehash",
			     path);
}

bool
tls_context_cert_ok(const char *path, char *error, size_t size)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s", path);
	return is_absolute(path, error, size) &&
	       tls_context_ok(&(struct endpoint_tls){ .cert = name, .insecure = true },
			      error, size);
}

bool
tls_context_key_ok(const char *path, char *error, size_t size)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s", path);
	return is_absolute(path, error, size) &&
	       tls_context_ok(&(struct endpoint_tls){ .key = name, .insecure = true },
			      error, size);
}

bool
tls_context_key_is_private(const char *path, char *error, size_t size)
{
	struct stat st;

	if (stat(path, &st) != 0 || (st.st_mode & 0007) == 0)
		return true;
	return fail(error, size,
		    "%s has mode %04o, so others may read it; chmod 0640 at most", path,
		    (unsigned)st.st_mode & 07777);
}

/*
 * Sharing, and noticing changes.
 */

static struct stamp
stamp_of(const char *path)
{
	struct stamp s = { 0 };
	struct stat st;

	if (path != NULL && stat(path, &st) == 0) {
		s.device = st.st_dev;
		s.inode = st.st_ino;
		s.size = st.st_size;
		/* Not the time that a copy may carry over. */
		s.changed = st.st_ctim;
	}
	return s;
}

static void
take_stamps(const struct endpoint_tls *t, struct stamp stamps[static FILES])
{
	bool system = t->cacert == NULL && t->cacertdir == NULL;
	const char *file = getenv(X509_get_default_cert_file_env());
	const char *directory = getenv(X509_get_default_cert_dir_env());

	memset(stamps, 0, FILES * sizeof(stamps[0]));
	if (file == NULL)
		file = X509_get_default_cert_file();
	if (directory == NULL)
		directory = X509_get_default_cert_dir();
	stamps[0] = stamp_of(system ? file : t->cacert);
	stamps[1] = stamp_of(system ? directory : t->cacertdir);
	stamps[2] = stamp_of(t->cert);
	stamps[3] = stamp_of(t->key);
}

static bool
same_stamps(const struct stamp *a, const struct stamp *b)
{
	for (unsigned i = 0; i < FILES; i++) {
		if (a[i].device != b[i].device || a[i].inode != b[i].inode ||
		    a[i].size != b[i].size ||
		    a[i].changed.tv_sec != b[i].changed.tv_sec ||
		    a[i].changed.tv_nsec != b[i].changed.tv_nsec)
			return false;
	}
	return true;
}

/* When our certificate ends; 0 without one. */
static int64_t
end_of(SSL_CTX *openssl)
{
	X509 *certificate = SSL_CTX_get0_certificate(openssl);
	struct tm tm;

	if (certificate == NULL ||
	    ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm);
}

/* False: the files are of no use, and what was there before stays. */
static bool
refresh(struct tls_context *c, char *error, size_t size)
{
	struct stamp stamps[FILES];
	SSL_CTX *fresh;
	int64_t not_after_s;

	/* Before they are read: a change in between is then seen the next time. */
	take_stamps(&c->tls, stamps);
	if (c->openssl != NULL && same_stamps(stamps, c->stamps))
		return true;
	memcpy(c->stamps, stamps, sizeof(stamps));
	fresh = load(&c->tls, error, size);
	if (fresh == NULL)
		return false;
	SSL_CTX_free(c->openssl);
	c->openssl = fresh;
	not_after_s = end_of(fresh);
	if (not_after_s != c->not_after_s)
		c->remind_s = not_after_s - 30 * DAY_S;
	c->not_after_s = not_after_s;
	return true;
}

static struct tls_context *
find(const struct endpoint_tls *t)
{
	struct tls_context *c;

	for (c = contexts; c != NULL; c = c->next) {
		if (c->tls.insecure == t->insecure &&
		    xstrsame(c->tls.cacert, t->cacert) &&
		    xstrsame(c->tls.cacertdir, t->cacertdir) &&
		    xstrsame(c->tls.cert, t->cert) && xstrsame(c->tls.key, t->key))
			return c;
	}
	return NULL;
}

struct tls_context *
tls_context_get(const struct endpoint_tls *t, char *error, size_t size)
{
	struct tls_context *c = find(t);

	if (c == NULL) {
		c = xcalloc(1, sizeof(*c));
		endpoint_tls_copy(&c->tls, t);
		c->next = contexts;
		contexts = c;
	}
	c->users++;
	if (refresh(c, error, size))
		return c;
	if (c->openssl != NULL) {
		log_warning(NULL,
			    "TLS: a file has changed and is of no use, what was read "
			    "before stays in force: %s",
			    error);
		return c;
	}
	tls_context_put(c);
	return NULL;
}

void
tls_context_put(struct tls_context *c)
{
	struct tls_context **link = &contexts;

	if (c == NULL || --c->users > 0)
		return;
	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	SSL_CTX_free(c->openssl);
	endpoint_tls_fini(&c->tls);
	free(c);
}

SSL_CTX *
tls_context_openssl(struct tls_context *c)
{
	return c->openssl;
}

bool
tls_context_has_certificate(const struct tls_context *c)
{
	return c->not_after_s != 0;
}

/*
 * The end of our certificate.
 */

const char *
tls_context_expired(const struct tls_context *c, struct wall now, char *buf,
		    size_t size)
{
	char stamp[CLOCK_STAMP_BYTES];

	if (c->not_after_s == 0 || now.ns / NS_PER_S < c->not_after_s)
		return NULL;
	clock_stamp(stamp, (struct wall){ c->not_after_s * NS_PER_S });
	snprintf(buf, size, "our certificate has expired (%.10s)", stamp);
	return buf;
}

/* The next of these after `now`, or never. */
static int64_t
next_reminder(int64_t not_after_s, int64_t now_s)
{
	static const int days[] = { 30, 7, 1, 0 };

	for (unsigned i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		if (not_after_s - (int64_t)days[i] * DAY_S > now_s)
			return not_after_s - (int64_t)days[i] * DAY_S;
	}
	return 0;
}

void
tls_context_remind(struct tls_context *c, struct wall now)
{
	int64_t now_s = now.ns / NS_PER_S, left_s;
	char error[ERROR_BYTES], stamp[CLOCK_STAMP_BYTES], span[CLOCK_SPAN_BYTES];

	if (c->remind_s == 0 || now_s < c->remind_s)
		return;
	/* It may have been replaced without a connection since. */
	refresh(c, error, sizeof(error));
	if (c->not_after_s == 0 || now_s < c->remind_s)
		return;
	left_s = c->not_after_s - now_s;
	clock_stamp(stamp, (struct wall){ c->not_after_s * NS_PER_S });
	if (left_s > 0)
		log_warning(NULL, "%s: our certificate expires in %s (%.10s)",
			    c->tls.cert, clock_span(span, (double)left_s), stamp);
	else
		log_warning(NULL, "%s: our certificate has expired (%.10s)",
			    c->tls.cert, stamp);
	c->remind_s = next_reminder(c->not_after_s, now_s);
}
