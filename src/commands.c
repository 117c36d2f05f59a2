/*
 * commands: see commands.h.
 */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "call.h"
#include "client.h"
#include "control.h"
#include "courtesy.h"
#include "duration.h"
#include "fleet.h"
#include "log.h"
#include "report.h"
#include "subscribe.h"
#include "target.h"
#include "xalloc.h"

/* In RESP2 a client with subscriptions may say only what has this flag. */
#define SUBSCRIBED 1
/* A courtesy to client libraries: HELP does not list it. */
#define COURTESY 2
/* Its words may hold NULs. */
#define BINARY 4

struct command {
	const char *name;
	int min, max; /* words, the name included; max RESP_WORDS_MAX: any */
	enum privilege privilege;
	int flags;
	void (*run)(struct call *call);
	const char *arguments, *summary;
};

static const struct command *command_at(size_t i);

static void
no_permission(struct call *c, const char *what, enum privilege needed)
{
	resp_error(c->out, "NOPERM %s is for root%s", what,
		   needed == PRIVILEGE_ADMIN
			   ? " and pinfod's own user"
			   : ", pinfod's own user and the control group");
}

/*
 * Targets: a command acts on the one that its second word names, or on all.
 */

static void
no_target(struct call *c, const char *name)
{
	char list[512];
	size_t n = 0;

	list[0] = '\0';
	for (size_t i = 0; i < fleet_count(c->on->fleet); i++) {
		const char *known = target_name(fleet_at(c->on->fleet, i));
		size_t len = strlen(known);

		if (n + len + 8 > sizeof(list)) {
			snprintf(list + n, sizeof(list) - n, ", ...");
			break;
		}
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s",
				      n > 0 ? ", " : "", known);
	}
	resp_error(c->out, "NOTARGET no target is called '%.80s'; there is: %s", name,
		   list);
}

/*
 * The targets meant: *first and *end, as indices. False when the name is
 * unknown, and then the answer is written.
 */
static bool
meant(struct call *c, const char *name, size_t *first, size_t *end)
{
	const struct fleet *fleet = c->on->fleet;

	*first = 0;
	*end = fleet_count(fleet);
	if (name == NULL)
		return true;
	for (size_t i = 0; i < *end; i++) {
		if (strcmp(target_name(fleet_at(fleet, i)), name) == 0) {
			*first = i;
			*end = i + 1;
			return true;
		}
	}
	no_target(c, name);
	return false;
}

static void
say_who(struct call *c)
{
	log_notice(NULL, "control: %s%s%s by client %llu", c->command->name,
		   c->argc > 1 ? " " : "", c->argc > 1 ? call_word(c, 1) : "",
		   (unsigned long long)client_id(c->client));
}

static void
run_start(struct call *c)
{
	size_t i, end;

	if (!meant(c, c->argc > 1 ? call_word(c, 1) : NULL, &i, &end))
		return;
	say_who(c);
	if (c->argc == 1)
		fleet_start(c->on->fleet, c->now);
	else
		target_start(fleet_at(c->on->fleet, i), c->now, c->now);
	call_ok(c);
}

static void
run_stop(struct call *c)
{
	size_t i, end;

	if (!meant(c, c->argc > 1 ? call_word(c, 1) : NULL, &i, &end))
		return;
	say_who(c);
	for (; i < end; i++)
		target_stop(fleet_at(c->on->fleet, i), c->now);
	call_ok(c);
}

static void
run_poll(struct call *c)
{
	size_t first, end;

	if (!meant(c, c->argc > 1 ? call_word(c, 1) : NULL, &first, &end))
		return;
	for (size_t i = first; i < end; i++) {
		struct target *t = fleet_at(c->on->fleet, i);
		const char *why = target_cannot_poll(t);
		struct target_report r;

		if (why == NULL)
			continue;
		target_report(t, c->now, &r);
		resp_error(c->out, "%s target '%s' is %s%s%s", why, r.name,
			   report_state_name(r.state), r.reason ? ": " : "",
			   r.reason ? r.reason : "");
		return;
	}
	for (size_t i = first; i < end; i++)
		target_poll(fleet_at(c->on->fleet, i), c->now);
	call_ok(c);
}

static void
run_interval(struct call *c)
{
	struct fleet *fleet = c->on->fleet;
	int64_t ns;
	char text[32];

	if (c->argc == 1) {
		ns = target_interval_ns(fleet_at(fleet, 0));
		resp_text(c->out, duration_seconds(text, ns));
		return;
	}
	if (client_privilege(c->client) < PRIVILEGE_OPERATE) {
		no_permission(c, "setting the interval", PRIVILEGE_OPERATE);
		return;
	}
	if (!duration_parse(call_word(c, 1), &ns) || ns < TARGET_INTERVAL_MIN_NS ||
	    ns > TARGET_INTERVAL_MAX_NS) {
		resp_error(c->out,
			   "ERR interval '%.40s' is no number of seconds from 0.1 to "
			   "86400 (units: ms s m h d)",
			   call_word(c, 1));
		return;
	}
	say_who(c);
	for (size_t i = 0; i < fleet_count(fleet); i++)
		target_set_interval(fleet_at(fleet, i), ns, c->now);
	call_ok(c);
}

/*
 * Reports.
 */

static void
report_daemon(struct call *c, struct daemon_report *d)
{
	*d = (struct daemon_report){
		.version = PINFOD_VERSION,
		.pid = getpid(),
		.uptime_s = clock_diff_s(c->now, c->on->started),
		.targets = fleet_count(c->on->fleet),
	};
	control_report(c->on->control, d);
}

static void
status_lines(struct call *c, const struct daemon_report *d,
	     const struct target_report *targets, size_t count, bool all)
{
	char *line;

	resp_array(c->out, count + (all ? 1 : 0));
	if (all) {
		line = report_daemon_line(d);
		resp_status(c->out, line);
		free(line);
	}
	for (size_t i = 0; i < count; i++) {
		line = report_target_line(&targets[i]);
		resp_status(c->out, line);
		free(line);
	}
}

static void
run_status(struct call *c)
{
	bool json = call_word_is(c, c->argc - 1, "JSON");
	const char *name = c->argc - json > 1 ? call_word(c, 1) : NULL;
	struct target_report *targets;
	struct daemon_report d;
	size_t first, end;
	char *text;

	if (c->argc == 3 && !json) {
		resp_error(c->out, "ERR '%.40s' is no form of STATUS; JSON is",
			   call_word(c, 2));
		return;
	}
	if (!meant(c, name, &first, &end))
		return;
	report_daemon(c, &d);
	targets = fleet_report(c->on->fleet, c->now);
	if (json) {
		text = report_json(&d, targets + first, end - first);
		resp_text(c->out, text);
		free(text);
	} else {
		status_lines(c, &d, targets + first, end - first, name == NULL);
	}
	free(targets);
}

static void
run_info(struct call *c)
{
	struct target_report *targets = fleet_report(c->on->fleet, c->now);
	struct daemon_report d;
	char *text;

	report_daemon(c, &d);
	text = report_info(&d, targets, fleet_count(c->on->fleet));
	resp_text(c->out, text);
	free(text);
	free(targets);
}

static void
run_help(struct call *c)
{
	const struct command *command;
	size_t lines = 0;
	char *line;

	for (size_t i = 0; (command = command_at(i)) != NULL; i++)
		lines += !(command->flags & COURTESY);
	resp_array(c->out, lines);
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		if (command->flags & COURTESY)
			continue;
		line = xasprintf("%s%s%s -- %s", command->name,
				 *command->arguments ? " " : "", command->arguments,
				 command->summary);
		resp_status(c->out, line);
		free(line);
	}
}

static void
run_shutdown(struct call *c)
{
	say_who(c);
	client_close(c->client);
	control_end(c->on->control);
}

/*
 * About the commands themselves.
 */

static void
describe(struct call *c, const struct command *command)
{
	resp_array(c->out, 6);
	resp_text(c->out, command->name);
	/* As in Redis: exact, or -minimum. */
	resp_integer(c->out,
		     command->min == command->max ? command->min : -command->min);
	resp_array(c->out, 0);
	resp_integer(c->out, 0);
	resp_integer(c->out, 0);
	resp_integer(c->out, 0);
}

static void
document(struct call *c, const struct command *command)
{
	resp_text(c->out, command->name);
	resp_map(c->out, 2);
	resp_text(c->out, "summary");
	resp_text(c->out, command->summary);
	resp_text(c->out, "group");
	resp_text(c->out, "pinfod");
}

static void
run_command(struct call *c)
{
	const struct command *command;
	size_t count = 0;

	/* redis-cli keeps HELP for itself; this one it lets through. */
	if (call_word_is(c, 1, "HELP")) {
		run_help(c);
		return;
	}
	while (command_at(count) != NULL)
		count++;
	if (call_word_is(c, 1, "COUNT")) {
		resp_integer(c->out, (long long)count);
		return;
	}
	if (c->argc > 1 && !call_word_is(c, 1, "DOCS") && !call_word_is(c, 1, "LIST") &&
	    !call_word_is(c, 1, "INFO")) {
		resp_error(c->out,
			   "ERR COMMAND knows COUNT, DOCS, HELP, INFO and LIST");
		return;
	}
	if (call_word_is(c, 1, "DOCS"))
		resp_map(c->out, count);
	else
		resp_array(c->out, count);
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		if (call_word_is(c, 1, "DOCS"))
			document(c, command);
		else if (call_word_is(c, 1, "LIST"))
			resp_text(c->out, command->name);
		else
			describe(c, command);
	}
}

#define ANY RESP_WORDS_MAX
#define READ PRIVILEGE_READ
#define OPERATE PRIVILEGE_OPERATE
#define ADMIN PRIVILEGE_ADMIN

/* clang-format off: a table. */
static const struct command table[] = {
	{ "START", 1, 2, OPERATE, 0, run_start, "[target]",
	  "publish at once and then every interval" },
	{ "STOP", 1, 2, OPERATE, 0, run_stop, "[target]",
	  "end sampling and publishing" },
	{ "STATUS", 1, 3, READ, 0, run_status, "[target] [JSON]",
	  "how the daemon and its targets are" },
	{ "POLL", 1, 2, OPERATE, 0, run_poll, "[target]",
	  "sample and publish once more, now" },
	{ "INTERVAL", 1, 2, READ, 0, run_interval, "[seconds]",
	  "show or set the time between two messages" },
	{ "SUBSCRIBE", 2, ANY, READ, SUBSCRIBED, subscribe_channels,
	  "channel [channel ...]", "get the feed, also while Redis is down" },
	{ "PSUBSCRIBE", 2, ANY, READ, SUBSCRIBED, subscribe_patterns,
	  "pattern [pattern ...]", "get the feed of all channels that match" },
	{ "UNSUBSCRIBE", 1, ANY, READ, SUBSCRIBED, subscribe_end_channels,
	  "[channel ...]", "end subscriptions" },
	{ "PUNSUBSCRIBE", 1, ANY, READ, SUBSCRIBED, subscribe_end_patterns,
	  "[pattern ...]", "end subscriptions by pattern" },
	{ "HELP", 1, 1, READ, 0, run_help, "", "this list" },
	{ "SHUTDOWN", 1, 1, ADMIN, 0, run_shutdown, "", "end the daemon" },
	{ "PUSHPERSISTENCEINFO.TIMER", 1, 2, OPERATE, COURTESY, run_start, "[target]",
	  "START, as the old module called it" },
	{ "PUSHPERSISTENCEINFO.STOP", 1, 2, OPERATE, COURTESY, run_stop, "[target]",
	  "STOP, as the old module called it" },
	{ "PING", 1, 2, READ, SUBSCRIBED | COURTESY | BINARY, courtesy_ping, "[text]",
	  "PONG, or the text" },
	{ "ECHO", 2, 2, READ, COURTESY | BINARY, courtesy_echo, "text", "the text" },
	{ "HELLO", 1, 7, READ, COURTESY, courtesy_hello,
	  "[2|3 [AUTH user password] [SETNAME name]]",
	  "greet, and choose the protocol's version" },
	{ "AUTH", 2, 3, READ, COURTESY, courtesy_auth, "[user] password",
	  "OK: the kernel says who is there" },
	{ "SELECT", 2, 2, READ, COURTESY, courtesy_select, "0", "OK" },
	{ "CLIENT", 2, 4, READ, COURTESY, courtesy_client,
	  "SETNAME name | GETNAME | SETINFO attribute value | ID",
	  "about this connection" },
	{ "COMMAND", 1, ANY, READ, COURTESY, run_command, "[COUNT|DOCS|HELP|INFO|LIST]",
	  "about the commands" },
	{ "INFO", 1, ANY, READ, COURTESY, run_info, "",
	  "about pinfod, in the form of Redis' INFO" },
	{ "RESET", 1, 1, READ, SUBSCRIBED | COURTESY, courtesy_reset, "",
	  "forget subscriptions, name and protocol version" },
	{ "QUIT", 1, 1, READ, SUBSCRIBED | COURTESY, courtesy_quit, "",
	  "close this connection" },
};
/* clang-format on */

static const struct command *
command_at(size_t i)
{
	return i < sizeof(table) / sizeof(table[0]) ? &table[i] : NULL;
}

static const struct command *
find_command(const struct resp_word *name)
{
	const struct command *command;

	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		if (strlen(command->name) == name->len &&
		    strcasecmp(command->name, name->text) == 0)
			return command;
	}
	return NULL;
}

/* The checks that every command needs; false: the answer is written. */
static bool
allowed(struct call *c)
{
	const struct command *command = c->command;

	if (command == NULL) {
		resp_error(c->out,
			   "ERR unknown command '%.80s'; HELP lists what there is",
			   call_word(c, 0));
		return false;
	}
	for (int i = 0; i < c->argc && !(command->flags & BINARY); i++) {
		if (strlen(call_word(c, i)) != c->argv[i].len) {
			resp_error(c->out, "ERR a word of the request holds a NUL");
			return false;
		}
	}
	if (c->argc < command->min || c->argc > command->max) {
		resp_error(c->out,
			   "ERR wrong number of arguments for %s; it is: %s%s%s",
			   command->name, command->name, *command->arguments ? " " : "",
			   command->arguments);
		return false;
	}
	if (c->out->version == 2 && client_subscriptions(c->client) > 0 &&
	    !(command->flags & SUBSCRIBED)) {
		resp_error(c->out,
			   "ERR Can't execute '%s': only (P)SUBSCRIBE / "
			   "(P)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
			   "this context",
			   command->name);
		return false;
	}
	if (client_privilege(c->client) < command->privilege) {
		no_permission(c, command->name, command->privilege);
		return false;
	}
	return true;
}

void
commands_run(const struct commands *commands, struct client *client,
	     const struct resp_request *request, struct mono now)
{
	struct call call = {
		.on = commands,
		.command = find_command(&request->argv[0]),
		.client = client,
		.out = client_out(client),
		.argc = request->argc,
		.argv = request->argv,
		.now = now,
	};

	if (allowed(&call))
		call.command->run(&call);
}
