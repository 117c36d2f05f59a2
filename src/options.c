/*
 * options: see options.h. One table; getopt's strings and --help are made of it.
 */
#include "options.h"

#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "duration.h"
#include "xalloc.h"

#define CHANNEL_MAX 256

/* What the flags said, before it is put together. */
struct flags {
	struct options *options;
	char **uris; /* of -u, as endpoints[] keeps them parsed */
	struct endpoint *endpoints;
	size_t count;
	struct endpoint server; /* of -h -p -s --user -a */
	bool server_named;	/* by -h, -p or -s */
	char *channel, *control;
	int64_t interval_ns;
	char error[256];
	enum { GO_ON, HELP, VERSION } action;
};

struct option_row {
	char short_name;      /* 0: none */
	const char *name;     /* NULL: none */
	const char *argument; /* NULL: none */
	bool (*set)(struct flags *flags, char *value);
	const char *help;
};

static bool __attribute__((format(printf, 2, 3)))
fail(struct flags *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(f->error, sizeof(f->error), format, ap);
	va_end(ap);
	return false;
}

static void
replace(char **field, const char *value)
{
	free(*field);
	*field = xstrdup(value);
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
	char directory[PATH_MAX];

	f->server_named = true;
	free(f->server.path);
	/* A shell's user may well say ./redis.sock, as to redis-cli. */
	if (*value != '/' && *value != '\0' &&
	    getcwd(directory, sizeof(directory)) != NULL)
		f->server.path = xasprintf("%s/%s", directory, value);
	else
		f->server.path = xstrdup(value);
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

static bool
set_uri(struct flags *f, char *value)
{
	struct endpoint *e;

	f->endpoints = xrealloc(f->endpoints, f->count + 1, sizeof(*e));
	e = &f->endpoints[f->count];
	if (!endpoint_parse(e, value, f->error, sizeof(f->error)))
		return false;
	f->count++;
	if (e->password != NULL) {
		f->options->password_seen = true;
		hide_credentials(value);
	}
	return true;
}

static bool
set_user(struct flags *f, char *value)
{
	replace(&f->server.user, value);
	return true;
}

static bool
set_password(struct flags *f, char *value)
{
	xfree_secret(f->server.password);
	f->server.password = xstrdup(value);
	memset(value, 'x', strlen(value));
	f->options->password_seen = true;
	return true;
}

static bool
set_interval(struct flags *f, char *value)
{
	if (duration_parse(value, &f->interval_ns) &&
	    f->interval_ns >= TARGET_INTERVAL_MIN_NS &&
	    f->interval_ns <= TARGET_INTERVAL_MAX_NS)
		return true;
	return fail(f,
		    "'%.40s' is no number of seconds from 0.1 to 86400 "
		    "(units: ms s m h d)",
		    value);
}

static bool
set_channel(struct flags *f, char *value)
{
	replace(&f->channel, value);
	if (*value == '\0' || strlen(value) > CHANNEL_MAX)
		return fail(f, "a channel's name has 1 to %d bytes", CHANNEL_MAX);
	return true;
}

static bool
set_control(struct flags *f, char *value)
{
	replace(&f->control, value);
	if (*value == '\0' || strlen(value) > CONTROL_PATH_MAX)
		return fail(f, "'%.120s' has %zu bytes; a socket's path has 1 to %d",
			    value, strlen(value), CONTROL_PATH_MAX);
	return true;
}

static bool
set_control_group(struct flags *f, char *value)
{
	struct group *group = getgrnam(value);

	if (group == NULL)
		return fail(f, "there is no group '%.80s'", value);
	f->options->control.group = group->gr_gid;
	return true;
}

static bool
set_stopped(struct flags *f, char *value)
{
	(void)value;
	f->options->stopped = true;
	return true;
}

static bool
set_log_level(struct flags *f, char *value)
{
	if (log_level_parse(value, &f->options->log_level))
		return true;
	return fail(f, "'%.40s' is none of error, warning, notice, info, debug", value);
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

/* clang-format off: a table. */
static const struct option_row rows[] = {
	{ 'h', NULL, "HOST", set_host, "server's name or address (127.0.0.1)" },
	{ 'p', NULL, "PORT", set_port, "server's port (6379)" },
	{ 's', NULL, "SOCKET", set_socket,
	  "server's unix socket, instead of host and port" },
	{ 'u', NULL, "URI", set_uri,
	  "redis://[[user]:password@]host[:port] or\n"
	  "unix://PATH; repeat it to watch several servers" },
	{ 0, "user", "NAME", set_user, "ACL user (the server's default user)" },
	{ 'a', "pass", "PASSWORD", set_password, "password; better: in REDISCLI_AUTH" },
	{ 'i', "interval", "SECONDS", set_interval,
	  "between two messages, 0.1 to 86400 (5)" },
	{ 0, "channel", "NAME", set_channel, "to publish on (pinfo)" },
	{ 0, "control", "PATH", set_control,
	  "control socket (/run/pinfod/pinfod.sock for\n"
	  "root, else $XDG_RUNTIME_DIR/pinfod.sock)" },
	{ 0, "control-group", "GROUP", set_control_group,
	  "whose members may START, STOP, POLL" },
	{ 0, "stopped", NULL, set_stopped, "wait for START" },
	{ 0, "log-level", "LEVEL", set_log_level,
	  "error, warning, notice, info or debug (notice)" },
	{ 0, "version", NULL, set_version, "say the version and end" },
	{ 0, "help", NULL, set_help, "this text" },
};
/* clang-format on */

#define ROWS (sizeof(rows) / sizeof(rows[0]))
/* What getopt_long returns for a row; above all characters. */
#define ROW_BASE 1000

static void
print_help(void)
{
	printf("Usage: pinfod [option ...]\n"
	       "Tells whoever listens how the persistence of Redis servers is doing: "
	       "publishes\neach server's INFO persistence on it, again and again.\n\n");
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_row *r = &rows[i];
		const char *text = r->help, *end;
		char left[40];

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
	printf("\nTalk to it: redis-cli -s CONTROL-SOCKET STATUS\n");
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
 * Puts the targets together.
 */

static void
add_defaults(struct endpoint *e, const struct endpoint *server)
{
	const char *environment = getenv("REDISCLI_AUTH");

	if (e->user == NULL)
		e->user = xstrdup(server->user);
	if (e->password == NULL)
		e->password = xstrdup(server->password);
	if (e->password == NULL && environment != NULL && *environment != '\0')
		e->password = xstrdup(environment);
}

static enum options_result
collect_endpoints(struct flags *f)
{
	if (f->count > 0 && f->server_named)
		return usage("-u", "names servers, and so do -h, -p and -s: use one of "
				   "the two ways");
	if (f->server.path != NULL && (f->server.host != NULL || f->server.port != 0))
		return usage("-s",
			     "a unix socket has no host and no port: leave out -h "
			     "and -p");
	if (f->count == 0) {
		f->endpoints = xcalloc(1, sizeof(f->endpoints[0]));
		endpoint_copy(&f->endpoints[0], &f->server);
		f->count = 1;
		if (f->server.path == NULL && f->server.host == NULL)
			f->endpoints[0].host = xstrdup("127.0.0.1");
		if (f->server.path == NULL && f->server.port == 0)
			f->endpoints[0].port = ENDPOINT_PORT;
	}
	for (size_t i = 0; i < f->count; i++) {
		char text[ENDPOINT_TEXT_BYTES], twice[sizeof(text) + 32];

		add_defaults(&f->endpoints[i], &f->server);
		for (size_t j = 0; j < i; j++) {
			if (!endpoint_same(&f->endpoints[i], &f->endpoints[j]))
				continue;
			snprintf(twice, sizeof(twice), "%s is watched twice",
				 endpoint_text(&f->endpoints[i], text));
			return usage("-u", twice);
		}
	}
	return OPTIONS_RUN;
}

/* Where the socket is by default; NULL: nowhere. */
static char *
default_control(void)
{
	const char *runtime = getenv("RUNTIME_DIRECTORY");
	const char *user = getenv("XDG_RUNTIME_DIR");

	/* systemd.exec(5): a list, separated by colons; the first is ours. */
	if (runtime != NULL && *runtime == '/')
		return xasprintf("%.*s/pinfod.sock", (int)strcspn(runtime, ":"),
				 runtime);
	if (geteuid() == 0)
		return xstrdup("/run/pinfod/pinfod.sock");
	if (user != NULL && *user == '/')
		return xasprintf("%s/pinfod.sock", user);
	return NULL;
}

static enum options_result
put_together(struct flags *f)
{
	struct options *o = f->options;
	enum options_result result = collect_endpoints(f);

	if (result != OPTIONS_RUN)
		return result;
	if (f->control == NULL)
		f->control = default_control();
	if (f->control == NULL)
		return usage("--control", "say where the control socket shall be: "
					  "XDG_RUNTIME_DIR is not set");
	if (f->channel == NULL)
		f->channel = xstrdup(TARGET_CHANNEL);
	o->control.path = f->control;
	o->endpoints = f->endpoints;
	o->target_count = f->count;
	o->targets = xcalloc(f->count, sizeof(o->targets[0]));
	for (size_t i = 0; i < f->count; i++) {
		char text[ENDPOINT_TEXT_BYTES];
		const char *name = f->count == 1
					   ? "default"
					   : endpoint_text(&f->endpoints[i], text);

		o->targets[i] = (struct target_config){
			.name = xstrdup(name),
			.endpoint = &f->endpoints[i],
			.channel = f->channel,
			.interval_ns = f->interval_ns,
		};
	}
	return OPTIONS_RUN;
}

static void
free_endpoints(struct endpoint *endpoints, size_t count)
{
	for (size_t i = 0; i < count; i++)
		endpoint_fini(&endpoints[i]);
	free(endpoints);
}

enum options_result
options_parse(struct options *options, int argc, char **argv)
{
	struct flags f = { .options = options, .interval_ns = TARGET_INTERVAL_NS };
	enum options_result result;

	*options = (struct options){
		.control.group = (gid_t)-1,
		.log_level = LOG_LEVEL_NOTICE,
	};
	result = read_flags(&f, argc, argv);
	if (result == OPTIONS_RUN && f.action == HELP) {
		print_help();
		result = OPTIONS_DONE;
	} else if (result == OPTIONS_RUN && f.action == VERSION) {
		printf("pinfod %s\n", PINFOD_VERSION);
		result = OPTIONS_DONE;
	} else if (result == OPTIONS_RUN) {
		result = put_together(&f);
	}
	endpoint_fini(&f.server);
	if (result != OPTIONS_RUN) {
		free_endpoints(f.endpoints, f.count);
		free(f.channel);
		free(f.control);
	}
	return result;
}

void
options_fini(struct options *o)
{
	if (o->target_count > 0)
		free((char *)(uintptr_t)o->targets[0].channel);
	for (size_t i = 0; i < o->target_count; i++)
		free((char *)(uintptr_t)o->targets[i].name);
	free(o->targets);
	free_endpoints(o->endpoints, o->target_count);
	free((char *)(uintptr_t)o->control.path);
	*o = (struct options){ 0 };
}
