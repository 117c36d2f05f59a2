/*
 * options: see options.h. One table; getopt's strings, --help and, of that, the
 * list in pinfod(8) are made of it.
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf_option.h"
#include "duration.h"
#include "endpoint.h"
#include "fail.h"
#include "manual.h"
#include "secret.h"
#include "tls_context.h"
#include "xalloc.h"

/* What is only needed while the flags are read. */
struct flags {
	struct options *options;
	struct endpoint server; /* of -h, -p and -s */
	bool server_named;	/* by one of those */
	bool ask;		/* --askpass */
	char error[512];
	enum { GO_ON, HELP, VERSION, SAMPLE, MANUAL } action;
};

struct option_row {
	char short_name;      /* 0: none */
	const char *name;     /* NULL: none */
	const char *argument; /* NULL: none */
	bool (*set)(struct flags *flags, char *value);
	const char *help; /* NULL: for us, and not shown */
};

static void
replace(char **field, const char *value)
{
	free(*field);
	*field = xstrdup(value);
}

/* A shell's user may well say ./redis.sock, as to redis-cli. */
static char *
absolute(const char *path)
{
	char directory[PATH_MAX];

	if (*path == '/' || *path == '\0' ||
	    getcwd(directory, sizeof(directory)) == NULL)
		return xstrdup(path);
	return xasprintf("%s/%s", directory, path);
}

static bool
set_host(struct flags *f, char *value)
{
	f->server_named = true;
	replace(&f->server.host, value);
	return endpoint_host_ok(value, f->error, sizeof(f->error));
}

static bool
set_port(struct flags *f, char *value)
{
	f->server_named = true;
	return endpoint_port_parse(value, &f->server.port, f->error, sizeof(f->error));
}

static bool
set_socket(struct flags *f, char *value)
{
	f->server_named = true;
	free(f->server.path);
	f->server.path = absolute(value);
	return endpoint_path_ok(f->server.path, f->error, sizeof(f->error));
}

/* Hides the credentials of a URI from the process list. */
static void
hide_credentials(char *uri)
{
	char *start = strstr(uri, "://");
	char *at = strrchr(uri, '@');

	if (start != NULL && at != NULL && at > start + 3)
		memset(start + 3, 'x', (size_t)(at - start - 3));
}

static struct endpoint *
add_server(struct options *o)
{
	o->servers =
		xrealloc(o->servers, o->flags.server_count + 1, sizeof(o->servers[0]));
	return &o->servers[o->flags.server_count++];
}

static bool
set_uri(struct flags *f, char *value)
{
	struct endpoint e;

	if (!endpoint_parse(&e, value, f->error, sizeof(f->error)))
		return false;
	if (e.password != NULL) {
		f->options->password_seen = true;
		hide_credentials(value);
	}
	*add_server(f->options) = e;
	return true;
}

static bool
set_tls(struct flags *f, char *value)
{
	(void)value;
	f->server_named = true;
	f->server.tls.on = true;
	return true;
}

static bool
set_file(struct flags *f, char **field, const char *value, conf_check_fn *check)
{
	free(*field);
	*field = absolute(value);
	return check(*field, f->error, sizeof(f->error));
}

static bool
set_cacert(struct flags *f, char *value)
{
	return set_file(f, &f->options->flags.tls.cacert, value, tls_context_cacert_ok);
}

static bool
set_cacertdir(struct flags *f, char *value)
{
	return set_file(f, &f->options->flags.tls.cacertdir, value,
			tls_context_cacertdir_ok);
}

static bool
set_cert(struct flags *f, char *value)
{
	return set_file(f, &f->options->flags.tls.cert, value, tls_context_cert_ok);
}

static bool
set_key(struct flags *f, char *value)
{
	return set_file(f, &f->options->flags.tls.key, value, tls_context_key_ok);
}

static bool
set_sni(struct flags *f, char *value)
{
	replace(&f->options->flags.tls.sni, value);
	return endpoint_host_ok(value, f->error, sizeof(f->error));
}

static bool
set_insecure(struct flags *f, char *value)
{
	(void)value;
	f->options->flags.tls.insecure = true;
	return true;
}

static bool
set_user(struct flags *f, char *value)
{
	replace(&f->options->user, value);
	return true;
}

static bool
set_password(struct flags *f, char *value)
{
	xfree_secret(f->options->password);
	f->options->password = xstrdup(value);
	memset(value, 'x', strlen(value));
	f->options->password_seen = true;
	return true;
}

static bool
set_askpass(struct flags *f, char *value)
{
	(void)value;
	f->ask = true;
	return true;
}

static bool
seconds(struct flags *f, const char *value, int64_t *ns)
{
	if (duration_parse(value, ns) && *ns >= CONF_INTERVAL_MIN_NS &&
	    *ns <= CONF_INTERVAL_MAX_NS)
		return true;
	return fail(f->error, sizeof(f->error),
		    "'%.40s' is no number of seconds from 0.1 to 86400 "
		    "(units: ms s m h d)",
		    value);
}

static bool
set_interval(struct flags *f, char *value)
{
	return seconds(f, value, &f->options->flags.interval_ns);
}

static bool
set_replay(struct flags *f, char *value)
{
	f->options->replay = value;
	return true;
}

static bool
set_json(struct flags *f, char *value)
{
	(void)value;
	f->options->json = true;
	return true;
}

static bool
set_sample(struct flags *f, char *value)
{
	return seconds(f, value, &f->options->flags.sample_ns);
}

/* "" says that there shall be none. */
static bool
set_notices(struct flags *f, char *value)
{
	f->options->flags.notices = value;
	return *value == '\0' ||
	       target_config_channel_ok(value, f->error, sizeof(f->error));
}

static bool
set_channel(struct flags *f, char *value)
{
	f->options->flags.channel = value;
	return target_config_channel_ok(value, f->error, sizeof(f->error));
}

static bool
set_control(struct flags *f, char *value)
{
	free(f->options->control_path);
	value = f->options->control_path = absolute(value);
	f->options->flags.control_path = value;
	if (*value == '\0' || strlen(value) > CONF_CONTROL_PATH_MAX)
		return fail(f->error, sizeof(f->error),
			    "'%.120s' has %zu bytes; a socket's path has 1 to %d",
			    value, strlen(value), CONF_CONTROL_PATH_MAX);
	return true;
}

static bool
set_control_group(struct flags *f, char *value)
{
	f->options->flags.control_group = value;
	if (getgrnam(value) != NULL)
		return true;
	return fail(f->error, sizeof(f->error), "there is no group '%.80s'", value);
}

static bool
set_stopped(struct flags *f, char *value)
{
	(void)value;
	f->options->flags.stopped = true;
	return true;
}

static bool
set_log_level(struct flags *f, char *value)
{
	enum log_level level;

	f->options->flags.log_level = value;
	if (log_level_parse(value, &level))
		return true;
	return fail(f->error, sizeof(f->error),
		    "'%.40s' is none of error, warning, notice, info, debug", value);
}

static bool
set_config(struct flags *f, char *value)
{
	f->options->flags.file = value;
	return true;
}

static bool
set_test_config(struct flags *f, char *value)
{
	(void)value;
	f->options->test_config = true;
	return true;
}

static bool
set_probe(struct flags *f, char *value)
{
	(void)value;
	f->options->probe = true;
	return true;
}

static bool
set_sample_config(struct flags *f, char *value)
{
	(void)value;
	f->action = SAMPLE;
	return true;
}

static bool
set_manual(struct flags *f, char *value)
{
	(void)value;
	f->action = MANUAL;
	return true;
}

static bool
set_version(struct flags *f, char *value)
{
	(void)value;
	f->action = VERSION;
	return true;
}

static bool
set_help(struct flags *f, char *value)
{
	(void)value;
	f->action = HELP;
	return true;
}

static const struct option_row rows[] = {
	{ 'h', NULL, "HOST", set_host, "server's name or address (127.0.0.1)" },
	{ 'p', NULL, "PORT", set_port, "server's port (6379)" },
	{ 's', NULL, "SOCKET", set_socket,
	  "server's unix socket, instead of host and port" },
	{ 'u', NULL, "URI", set_uri,
	  "server as redis://[[user]:password@]host[:port] or\n"
	  "unix://PATH; repeat it to watch several" },
	{ 0, "user", "NAME", set_user, "ACL user (the server's default user)" },
	{ 'a', "pass", "PASSWORD", set_password, "password; better: in REDISCLI_AUTH" },
	{ 0, "askpass", NULL, set_askpass, "ask for the password on the terminal" },
	{ 0, "tls", NULL, set_tls, "connect by TLS; in a URI rediss:// says so" },
	{ 0, "cacert", "FILE", set_cacert,
	  "certificates to trust (those of the system)" },
	{ 0, "cacertdir", "DIR", set_cacertdir, "the same, a directory" },
	{ 0, "cert", "FILE", set_cert, "our certificate, for servers that want one" },
	{ 0, "key", "FILE", set_key, "its key" },
	{ 0, "sni", "NAME", set_sni, "server's name in its certificate (the host)" },
	{ 0, "insecure", NULL, set_insecure, "believe in any certificate" },
	{ 'i', "interval", "SECONDS", set_interval,
	  "time between two messages, 0.1 to 86400 (5)" },
	{ 0, "sample", "SECONDS", set_sample,
	  "time between two looks, 0.1 to the interval (1)" },
	{ 0, "channel", "NAME", set_channel, "channel to publish on (pinfo)" },
	{ 0, "notices", "CHANNEL", set_notices,
	  "channel for notices (pinfo:notice); \"\": none" },
	{ 0, "control", "PATH", set_control,
	  "control socket (/run/pinfod/pinfod.sock for\n"
	  "root, else $XDG_RUNTIME_DIR/pinfod.sock)" },
	{ 0, "control-group", "GROUP", set_control_group,
	  "group that may START, STOP, POLL (pinfod, if there)" },
	{ 'f', "config", "FILE", set_config,
	  "configuration (/etc/pinfod/pinfod.conf, if there)" },
	{ 0, "test-config", NULL, set_test_config,
	  "check what was configured, show it, and end" },
	{ 0, "probe", NULL, set_probe, "try the servers, say what works, and end" },
	{ 0, "replay", "FILE", set_replay,
	  "say what a recording of pinfoctl's tells, and end" },
	{ 0, "json", NULL, set_json, "replay: notices as JSON, one a line" },
	{ 0, "stopped", NULL, set_stopped, "do not publish before START" },
	{ 0, "log-level", "LEVEL", set_log_level,
	  "to log: error, warning, notice, info, debug (notice)" },
	{ 0, "version", NULL, set_version, "say the version and end" },
	{ 0, "help", NULL, set_help, "list the options and end" },
	{ 0, "sample-config", NULL, set_sample_config, NULL },
	{ 0, "manual-incidents", NULL, set_manual, NULL },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))
/* What getopt_long returns for a row; above all characters. */
#define ROW_BASE 1000

static void
print_help(void)
{
	printf("Usage: pinfod [option ...]\n"
	       "Publishes how the persistence of Redis servers is doing, again and "
	       "again.\n\n");
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_row *r = &rows[i];
		const char *text = r->help, *end;
		char left[40];

		if (text == NULL)
			continue;
		snprintf(left, sizeof(left), "%s%c%s%s%s %s",
			 r->short_name ? "-" : "  ",
			 r->short_name ? r->short_name : ' ',
			 r->short_name && r->name ? ", "
			 : r->name		  ? " "
						  : "",
			 r->name ? "--" : "", r->name ? r->name : "",
			 r->argument ? r->argument : "");
		for (; (end = strchr(text, '\n')) != NULL; text = end + 1) {
			printf("  %-25s %.*s\n", left, (int)(end - text), text);
			left[0] = '\0';
		}
		printf("  %-25s %s\n", left, text);
	}
	printf("Talk to it: redis-cli -s CONTROL-SOCKET STATUS\n");
}

static enum options_result
usage(const char *flag, const char *text)
{
	fprintf(stderr, "pinfod: %s%s%s\nTry 'pinfod --help'.\n", flag,
		*flag ? ": " : "", text);
	return OPTIONS_USAGE;
}

/* Fills getopt_long's two descriptions from the table. */
static void
describe(char *shorts, struct option *longs)
{
	*shorts++ = ':'; /* tell a missing argument from an unknown flag */
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].short_name != 0) {
			*shorts++ = rows[i].short_name;
			if (rows[i].argument != NULL)
				*shorts++ = ':';
		}
		if (rows[i].name != NULL)
			*longs++ = (struct option){
				.name = rows[i].name,
				.has_arg = rows[i].argument != NULL,
				.val = ROW_BASE + (int)i,
			};
	}
	*shorts = '\0';
	*longs = (struct option){ 0 };
}

static const struct option_row *
row_of(int value)
{
	if (value >= ROW_BASE)
		return &rows[value - ROW_BASE];
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].short_name != 0 && rows[i].short_name == value)
			return &rows[i];
	}
	return NULL;
}

/* How the user wrote the flag that getopt has just looked at. */
static const char *
flag_text(int argc, char **argv, const struct option_row *row, char buf[static 80])
{
	if (row != NULL && row->name != NULL && strncmp(argv[optind - 1], "--", 2) == 0)
		snprintf(buf, 80, "--%s", row->name);
	else if (row != NULL && row->short_name != 0)
		snprintf(buf, 80, "-%c", row->short_name);
	else if (row != NULL)
		snprintf(buf, 80, "--%s", row->name);
	else if (optopt > 0 && optopt < ROW_BASE)
		snprintf(buf, 80, "-%c", optopt);
	else
		snprintf(buf, 80, "%.*s", (int)strcspn(argv[optind - 1], "="),
			 optind <= argc ? argv[optind - 1] : "");
	return buf;
}

static enum options_result
read_flags(struct flags *f, int argc, char **argv)
{
	char shorts[2 * ROWS + 2], flag[80];
	struct option longs[ROWS + 1];
	int value;

	describe(shorts, longs);
	opterr = 0;
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_row *row = row_of(value);

		if (value == ':')
			return usage(flag_text(argc, argv, row_of(optopt), flag),
				     "an argument is missing");
		if (row == NULL)
			return usage(flag_text(argc, argv, NULL, flag),
				     "no such option, or not a clear one");
		if (!row->set(f, optarg))
			return usage(flag_text(argc, argv, row, flag), f->error);
	}
	if (optind < argc)
		return usage(argv[optind], "an argument that belongs to no option");
	return OPTIONS_RUN;
}

/*
 * Puts together what -h, -p, -s and the environment say.
 */

static enum options_result
put_together(struct flags *f)
{
	struct options *o = f->options;
	const char *environment = getenv("REDISCLI_AUTH");

	if (o->flags.server_count > 0 && f->server_named)
		return usage("-u", "names servers, and so do -h, -p and -s: use one of "
				   "the two ways");
	if (f->server.path != NULL && (f->server.host != NULL || f->server.port != 0))
		return usage("-s",
			     "a unix socket has no host and no port: leave out -h "
			     "and -p");
	if (f->server.path != NULL && f->server.tls.on)
		return usage("--tls", "a unix socket has no TLS");
	if (f->server_named) {
		struct endpoint *e = add_server(o);

		endpoint_copy(e, &f->server);
		if (e->path == NULL && e->host == NULL)
			e->host = xstrdup("127.0.0.1");
		if (e->path == NULL && e->port == 0)
			e->port = ENDPOINT_PORT;
	}
	if (f->ask && o->password == NULL) {
		o->password = secret_ask("Password: ");
		if (o->password == NULL)
			return usage("--askpass",
				     errno == ENOTTY ? "there is no terminal to ask on"
						     : "no password was typed");
	}
	if (o->password == NULL && environment != NULL && *environment != '\0')
		o->password = xstrdup(environment);
	o->flags.user = o->user;
	o->flags.password = o->password;
	o->flags.servers = o->servers;
	return OPTIONS_RUN;
}

enum options_result
options_parse(struct options *o, int argc, char **argv)
{
	struct flags f = { .options = o };
	enum options_result result;

	*o = (struct options){ 0 };
	result = read_flags(&f, argc, argv);
	if (result == OPTIONS_RUN && f.action == HELP) {
		print_help();
		result = OPTIONS_DONE;
	} else if (result == OPTIONS_RUN && f.action == VERSION) {
		printf("pinfod %s\n", PINFOD_VERSION);
		result = OPTIONS_DONE;
	} else if (result == OPTIONS_RUN && f.action == SAMPLE) {
		conf_print_sample(stdout);
		result = OPTIONS_DONE;
	} else if (result == OPTIONS_RUN && f.action == MANUAL) {
		manual_incidents(stdout);
		result = OPTIONS_DONE;
	} else if (result == OPTIONS_RUN) {
		result = put_together(&f);
	}
	endpoint_fini(&f.server);
	if (result != OPTIONS_RUN)
		options_fini(o);
	return result;
}

void
options_fini(struct options *o)
{
	for (size_t i = 0; i < o->flags.server_count; i++)
		endpoint_fini(&o->servers[i]);
	free(o->servers);
	free(o->control_path);
	free(o->user);
	xfree_secret(o->password);
	endpoint_tls_fini(&o->flags.tls);
	*o = (struct options){ 0 };
}
