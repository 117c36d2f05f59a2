/*
 * pinfoctl: the command line client of the control socket, for people and scripts.
 *
 * Here are the two tables, of options and of commands, what is made of them
 * (--help, completion reads that), and main. A new command is a row, and a function
 * where command_run will not do.
 */
#include "pinfoctl.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "duration.h"
#include "json.h"
#include "log.h"
#include "pinfoctl_say.h"

#define TIMEOUT_NS (5 * NS_PER_S)
#define TIMEOUT_MIN_NS (NS_PER_S / 10)
#define TIMEOUT_MAX_NS (3600 * NS_PER_S)
#define FOR_MIN_NS NS_PER_MS

static int help_run(const struct pinfoctl *ctl);

/* clang-format off: a table. */
static const struct pinfoctl_command commands[] = {
	{ "start", "[target]", 1, command_run, "START", NULL,
	  "publish at once and then every interval" },
	{ "stop", "[target]", 1, command_run, "STOP", NULL,
	  "end sampling and publishing" },
	{ "status", "[target]", 1, status_run, NULL, NULL,
	  "how the daemon and its targets are" },
	{ "targets", "", 0, command_run, "TARGETS", "targets",
	  "the targets' names, one a line" },
	{ "poll", "[target]", 1, command_run, "POLL", NULL,
	  "sample and publish once more, now" },
	{ "interval", "[seconds]", 1, command_run, "INTERVAL", "interval_s",
	  "show or set the time between two messages" },
	{ "watch", "[target]", 1, watch_run, NULL, NULL,
	  "the live feed, and what changes; Ctrl-C ends it" },
	{ "record", "FILE [target ...]", 16, record_run, NULL, NULL,
	  "what servers say, for pinfod --replay (--for TIME)" },
	{ "check", "[target]", 1, check_run, NULL, NULL,
	  "one line and an exit code, as Nagios has them" },
	{ "incidents", "[target]", 1, list_run, "INCIDENTS", "no open incidents",
	  "what is wrong with persistence, the worst first" },
	{ "explain", "[incident]", 1, explain_run, NULL, NULL,
	  "what an incident means and what to do; or all of them" },
	{ "ack", "TARGET INCIDENT", 2, command_run, "ACK", NULL,
	  "acknowledge an open incident" },
	{ "silence", "INCIDENTS TARGETS TIME", 3, command_run, "SILENCE", NULL,
	  "tell nothing of them: 'rdb.*' cache 2h" },
	{ "unsilence", "INCIDENTS TARGETS", 2, command_run, "UNSILENCE", NULL,
	  "tell of them again" },
	{ "silences", "", 0, list_run, "SILENCES", "no silences",
	  "what nothing is told of, and until when" },
	{ "acl", "[target]", 1, acl_run, NULL, NULL,
	  "the ACL line to paste into the server" },
	{ "reload", "", 0, command_run, "RELOAD", NULL,
	  "read the configuration file again" },
	{ "config", "", 0, command_run, "CONFIG", "config",
	  "the configuration in force" },
	{ "metrics", "", 0, command_run, "METRICS", "metrics",
	  "the figures in Prometheus' text format" },
	{ "loglevel", "[level]", 1, command_run, "LOGLEVEL", "loglevel",
	  "show or set it: error warning notice info debug" },
	{ "help", "[command]", 1, help_run, NULL, NULL,
	  "this text, or a command's line of it" },
	{ "shutdown", "", 0, command_run, "SHUTDOWN", NULL, "end the daemon" },
};
/* clang-format on */

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/*
 * Options.
 */

struct flags {
	struct pinfoctl ctl;
	struct trouble trouble; /* the first mistake; exit_code 0: none */
	enum { GO_ON, HELP, VERSION } action;
};

struct option_row {
	char short_name;      /* 0: none */
	const char *name;     /* NULL: none */
	const char *argument; /* NULL: none */
	bool (*set)(struct flags *flags, const char *value);
	const char *help;
};

/* Of several mistakes the first one is told. Always returns false. */
static bool __attribute__((format(printf, 2, 3)))
mistake(struct flags *f, const char *format, ...)
{
	char text[400], shown[sizeof(text)];
	va_list ap;

	if (f->trouble.exit_code != 0)
		return false;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	log_escape(shown, sizeof(shown), text);
	return say_trouble_set(&f->trouble, EXIT_BAD_USE, "USAGE", "%s", shown);
}

static bool
set_socket(struct flags *f, const char *value)
{
	f->ctl.socket = value;
	return true;
}

static bool
set_json(struct flags *f, const char *value)
{
	(void)value;
	f->ctl.json = true;
	return true;
}

static bool
set_timeout(struct flags *f, const char *value)
{
	if (duration_parse(value, &f->ctl.timeout_ns) &&
	    f->ctl.timeout_ns >= TIMEOUT_MIN_NS && f->ctl.timeout_ns <= TIMEOUT_MAX_NS)
		return true;
	return mistake(f,
		       "--timeout: '%.40s' is no number of seconds from 0.1 to 3600 "
		       "(units: ms s m h)",
		       value);
}

static bool
set_stopped_ok(struct flags *f, const char *value)
{
	(void)value;
	f->ctl.stopped_ok = true;
	return true;
}

static bool
set_for(struct flags *f, const char *value)
{
	if (duration_parse(value, &f->ctl.for_ns) && f->ctl.for_ns >= FOR_MIN_NS)
		return true;
	return mistake(f,
		       "--for: '%.40s' is no time of at least 1 ms and at most 10000 d "
		       "(units: ms s m h d)",
		       value);
}

static bool
set_version(struct flags *f, const char *value)
{
	(void)value;
	f->action = VERSION;
	return true;
}

static bool
set_help(struct flags *f, const char *value)
{
	(void)value;
	f->action = HELP;
	return true;
}

/* clang-format off: a table. */
static const struct option_row rows[] = {
	{ 's', "socket", "PATH", set_socket,
	  "the daemon's (PINFOD_SOCKET, or where it puts it)" },
	{ 0, "timeout", "SECONDS", set_timeout, "how long to wait for an answer (5)" },
	{ 0, "json", NULL, set_json, "answer JSON, errors too, on stdout" },
	{ 0, "stopped-ok", NULL, set_stopped_ok,
	  "a stopped target is no fault to check" },
	{ 0, "for", "TIME", set_for, "record: how long" },
	{ 0, "version", NULL, set_version, "say the version and end" },
	{ 0, "help", NULL, set_help, "list commands and options and end" },
};
/* clang-format on */

#define ROWS (sizeof(rows) / sizeof(rows[0]))
/* What getopt_long returns for a row; above all characters. */
#define ROW_BASE 1000

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

/* Goes on after a mistake: --json, and which command it is, say how to tell it. */
static void
read_flags(struct flags *f, int argc, char **argv)
{
	char shorts[2 * ROWS + 2];
	struct option longs[ROWS + 1];
	int value;

	describe(shorts, longs);
	opterr = 0;
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_row *row = row_of(value);

		if (value == ':')
			mistake(f, "--%s: an argument is missing",
				row_of(optopt)->name);
		else if (row != NULL)
			row->set(f, optarg);
		else if (optopt > 0 && optopt < ROW_BASE)
			mistake(f, "-%c: no such option", optopt);
		else
			mistake(f, "%.80s: no such option, or not a clear one",
				argv[optind - 1]);
	}
}

/*
 * Commands.
 */

static bool
begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* "start, status or stop" in out: the commands that begin with `start`. */
static size_t
list_commands(char *out, size_t size, const char *start)
{
	size_t found = 0, left = 0, n = 0;

	for (size_t i = 0; i < COMMANDS; i++)
		left += begins_with(commands[i].name, start);
	for (size_t i = 0; i < COMMANDS && n < size; i++) {
		if (!begins_with(commands[i].name, start))
			continue;
		left--;
		n += (size_t)snprintf(out + n, size - n, "%s%s",
				      found == 0  ? ""
				      : left == 0 ? " or "
						  : ", ",
				      commands[i].name);
		found++;
	}
	return found;
}

/* An exact name, else the one that begins like that. NULL: a mistake. */
static const struct pinfoctl_command *
find_command(struct flags *f, const char *name)
{
	const struct pinfoctl_command *found = NULL;
	char list[256];

	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
		if (*name != '\0' && begins_with(commands[i].name, name))
			found = &commands[i];
	}
	switch (list_commands(list, sizeof(list), *name != '\0' ? name : "\n")) {
	case 0:
		list_commands(list, sizeof(list), "");
		mistake(f, "'%.40s' is no command; there is: %s", name, list);
		return NULL;
	case 1:
		return found;
	default:
		mistake(f, "'%.40s' is not clear: %s?", name, list);
		return NULL;
	}
}

/* How many there must be: those that help does not show in brackets. */
static int
least_arguments(const char *arguments)
{
	int least = 0;

	for (const char *p = arguments; *p != '\0' && *p != '['; p += strcspn(p, " ")) {
		p += strspn(p, " ");
		least += *p != '\0' && *p != '[';
		if (*p == '[')
			break;
	}
	return least;
}

static void
check_arguments(struct flags *f)
{
	const struct pinfoctl *ctl = &f->ctl;
	const char *arguments = ctl->command->arguments;
	bool empty = false;

	for (int i = 0; i < ctl->argc; i++)
		empty = empty || ctl->argv[i][0] == '\0';

	if (ctl->argc > ctl->command->max)
		mistake(f, "'%.40s' is one argument too many; it is: %s%s%s",
			ctl->argv[ctl->command->max], ctl->command->name,
			*arguments ? " " : "", arguments);
	else if (ctl->argc < least_arguments(arguments))
		mistake(f, "an argument is missing; it is: %s %s", ctl->command->name,
			arguments);
	else if (empty)
		mistake(f, "an empty argument; it is: %s %s", ctl->command->name,
			arguments);
	else if (ctl->stopped_ok && ctl->command->run != check_run)
		mistake(f, "--stopped-ok: it belongs to check");
	else if (ctl->for_ns > 0 && ctl->command->run != record_run)
		mistake(f, "--for: it belongs to record");
}

/*
 * Help. etc/pinfoctl.bash and tests/manual.sh read the lines that begin with two
 * blanks.
 */

static void
print_row(const char *name, const char *arguments, const char *help)
{
	char left[48];

	snprintf(left, sizeof(left), "%s%s%s", name, *arguments ? " " : "", arguments);
	printf("  %-20s %s\n", left, help);
}

static void
print_help(void)
{
	printf("Usage: pinfoctl [option ...] command [argument]; abbreviate at will\n");
	for (size_t i = 0; i < COMMANDS; i++)
		print_row(commands[i].name, commands[i].arguments, commands[i].help);
	for (size_t i = 0; i < ROWS; i++) {
		char name[32];

		if (rows[i].short_name != 0)
			snprintf(name, sizeof(name), "-%c, --%s", rows[i].short_name,
				 rows[i].name);
		else
			snprintf(name, sizeof(name), "--%s", rows[i].name);
		print_row(name, rows[i].argument ? rows[i].argument : "", rows[i].help);
	}
	printf("Exit: 0 done, 1 the daemon refused, 2 it hangs or makes no sense, 64 "
	       "usage,\n69 no daemon, 74 cannot write, 77 no permission; check has "
	       "Nagios' 0 1 2 3.\n");
}

static json_t *
json_command(const struct pinfoctl_command *command)
{
	return json_pack("{s:s, s:s, s:s}", "name", command->name, "arguments",
			 command->arguments, "help", command->help);
}

static int
help_run(const struct pinfoctl *ctl)
{
	struct flags f = { .ctl = *ctl };
	const struct pinfoctl_command *command = NULL;
	json_t *list;

	if (ctl->argc > 0) {
		command = find_command(&f, ctl->argv[0]);
		if (command == NULL)
			return say_trouble(ctl, &f.trouble);
	}
	if (!ctl->json && command != NULL) {
		print_row(command->name, command->arguments, command->help);
	} else if (!ctl->json) {
		print_help();
	} else {
		list = json_array();
		for (size_t i = 0; i < COMMANDS; i++) {
			if (command == NULL || command == &commands[i])
				json_array_append_new(list, json_command(&commands[i]));
		}
		say_json(list);
	}
	return EXIT_DONE;
}

/*
 * All together.
 */

static int
usage(const struct flags *f)
{
	const struct pinfoctl *ctl = &f->ctl;
	int code;

	if (ctl->command != NULL && ctl->command->run == check_run)
		return check_unknown(ctl, &f->trouble);
	code = say_trouble(ctl, &f->trouble);
	if (!ctl->json)
		fputs("Try 'pinfoctl --help'.\n", stderr);
	return code;
}

static int
run(struct flags *f, int argc, char **argv)
{
	if (f->action == VERSION && f->trouble.exit_code == 0) {
		puts("pinfoctl " PINFOD_VERSION);
		return EXIT_DONE;
	}
	if (f->action == HELP && f->trouble.exit_code == 0) {
		print_help();
		return EXIT_DONE;
	}
	if (optind < argc) {
		f->ctl.command = find_command(f, argv[optind]);
		f->ctl.argc = argc - optind - 1;
		f->ctl.argv = argv + optind + 1;
	} else if (f->trouble.exit_code == 0 && !f->ctl.json) {
		print_help();
		return EXIT_BAD_USE;
	} else {
		mistake(f, "a command is missing");
	}
	if (f->ctl.command != NULL)
		check_arguments(f);
	if (f->ctl.command == NULL || f->trouble.exit_code != 0)
		return usage(f);
	return f->ctl.command->run(&f->ctl);
}

/* Else the connection could become stdout. */
static void
keep_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int
main(int argc, char **argv)
{
	struct flags f = { .ctl = { .timeout_ns = TIMEOUT_NS } };
	int code;

	keep_standard_descriptors();
	read_flags(&f, argc, argv);
	code = run(&f, argc, argv);
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "pinfoctl: cannot write what there is to say%s%s\n",
		errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
	return f.ctl.command != NULL && f.ctl.command->run == check_run
		       ? 3 /* UNKNOWN: whoever reads stdout has read nothing */
		       : EXIT_NO_OUTPUT;
}
