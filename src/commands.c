/*
 * commands: see commands.h.
 */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "attend.h"
#include "call.h"
#include "client.h"
#include "conf.h"
#include "control.h"
#include "courtesy.h"
#include "duration.h"
#include "fleet.h"
#include "log.h"
#include "report.h"
#include "status.h"
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
run_start(struct call *c)
{
	size_t i, end;

	if (!call_targets(c, c->argc > 1 ? call_word(c, 1) : NULL, &i, &end))
		return;
	call_log(c);
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

	if (!call_targets(c, c->argc > 1 ? call_word(c, 1) : NULL, &i, &end))
		return;
	call_log(c);
	if (c->argc == 1)
		fleet_stop(c->on->fleet, c->now);
	else
		target_stop(fleet_at(c->on->fleet, i), c->now);
	call_ok(c);
}

static void
run_poll(struct call *c)
{
	size_t first, end;

	if (!call_targets(c, c->argc > 1 ? call_word(c, 1) : NULL, &first, &end))
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

	if (c->argc == 1 && fleet_count(fleet) == 0) {
		resp_error(c->out, "ERR there are no targets now");
		return;
	}
	if (c->argc == 1) {
		ns = target_interval_ns(fleet_at(fleet, 0));
		for (size_t i = 1; i < fleet_count(fleet); i++) {
			if (target_interval_ns(fleet_at(fleet, i)) == ns)
				continue;
			resp_error(c->out, "ERR the targets' intervals differ; STATUS "
					   "tells each");
			return;
		}
		resp_text(c->out, duration_seconds(text, ns));
		return;
	}
	if (client_privilege(c->client) < PRIVILEGE_OPERATE) {
		call_no_permission(c, "setting the interval", PRIVILEGE_OPERATE);
		return;
	}
	if (!duration_parse(call_word(c, 1), &ns) || ns < CONF_INTERVAL_MIN_NS ||
	    ns > CONF_INTERVAL_MAX_NS) {
		resp_error(c->out,
			   "ERR interval '%.40s' is no number of seconds from 0.1 to "
			   "86400 (units: ms s m h d)",
			   call_word(c, 1));
		return;
	}
	call_log(c);
	fleet_set_interval(fleet, ns, c->now);
	call_ok(c);
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

/*
 * The daemon itself.
 */

static void
run_reload(struct call *c)
{
	char *why;

	call_log(c);
	why = c->on->hooks->reload(c->on->hooks->owner);
	if (why == NULL)
		call_ok(c);
	else
		resp_error(c->out, "CONF %s", why);
	free(why);
}

static void
run_config(struct call *c)
{
	char *text = c->on->hooks->config(c->on->hooks->owner);

	resp_text(c->out, text);
	free(text);
}

static void
run_loglevel(struct call *c)
{
	enum log_level level;

	if (c->argc == 1) {
		resp_text(c->out, log_level_name(log_level()));
	} else if (client_privilege(c->client) < PRIVILEGE_ADMIN) {
		call_no_permission(c, "setting the level", PRIVILEGE_ADMIN);
	} else if (!log_level_parse(call_word(c, 1), &level)) {
		resp_error(c->out,
			   "ERR '%.40s' is none of error, warning, notice, info, debug",
			   call_word(c, 1));
	} else {
		call_log(c);
		log_set_level(level);
		call_ok(c);
	}
}

static void
run_shutdown(struct call *c)
{
	call_log(c);
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

static const struct command table[] = {
	{ "START", 1, 2, OPERATE, 0, run_start, "[target]",
	  "publish at once and then every interval" },
	{ "STOP", 1, 2, OPERATE, 0, run_stop, "[target]",
	  "end sampling and publishing" },
	{ "STATUS", 1, 3, READ, 0, status_tell, "[target] [JSON]",
	  "how the daemon and its targets are" },
	{ "POLL", 1, 2, OPERATE, 0, run_poll, "[target]",
	  "sample and publish once more, now" },
	{ "INTERVAL", 1, 2, READ, 0, run_interval, "[seconds]",
	  "show or set the time between two messages" },
	{ "INCIDENTS", 1, 3, READ, 0, attend_incidents, "[target] [JSON]",
	  "what is wrong with the targets' persistence" },
	{ "ACK", 3, 3, OPERATE, 0, attend_ack, "target incident",
	  "acknowledge an open incident" },
	{ "SILENCE", 4, 4, OPERATE, 0, attend_silence,
	  "incident-pattern target-pattern duration",
	  "do not tell of these incidents for a while" },
	{ "UNSILENCE", 3, 3, OPERATE, 0, attend_unsilence,
	  "incident-pattern target-pattern", "end such a silence" },
	{ "SILENCES", 1, 2, READ, 0, attend_silences, "[JSON]",
	  "what is not told of, and until when" },
	{ "EXPLAIN", 1, 2, READ, 0, attend_explain, "[id]",
	  "what an incident means, and what to do" },
	{ "TARGETS", 1, 1, READ, 0, status_targets, "", "the names of the targets" },
	{ "RELOAD", 1, 1, ADMIN, 0, run_reload, "", "read the configuration again" },
	{ "CONFIG", 1, 1, ADMIN, 0, run_config, "", "the configuration in force" },
	{ "METRICS", 1, 1, READ, 0, status_metrics, "", "the figures, for Prometheus" },
	{ "LOGLEVEL", 1, 2, READ, 0, run_loglevel, "[level]",
	  "show or set how much is logged" },
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
	{ "INFO", 1, ANY, READ, COURTESY, status_info, "",
	  "about pinfod, in the form of Redis' INFO" },
	{ "RESET", 1, 1, READ, SUBSCRIBED | COURTESY, courtesy_reset, "",
	  "forget subscriptions, name and protocol version" },
	{ "QUIT", 1, 1, READ, SUBSCRIBED | COURTESY, courtesy_quit, "",
	  "close this connection" },
};

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
		call_no_permission(c, command->name, command->privilege);
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

	if (!allowed(&call))
		return;
	call.name = call.command->name;
	call.command->run(&call);
}
