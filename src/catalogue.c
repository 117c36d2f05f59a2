/*
 * catalogue: see catalogue.h.
 */
#include "catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

#define BUSY_DISK                                                      \
	"the disk is busy or slow: look at iostat, at neighbours, at " \
	"no-appendfsync-on-rewrite (which risks what is written during a rewrite)"

static const struct catalogue_entry entries[CATALOGUE_COUNT] = {
	[INCIDENT_LINK_DOWN] = {
		.id = "link.down",
		.severity = "critical",
		.when = "there has been no connection for 2 s, or the server refuses it",
		.unless = "the target is stopped",
		.until = "connected and answered",
		.meaning = "Nothing is known of the server while this is open, and "
			   "nobody gets its feed. The summary has the error in words.",
		.advice = "start the server, or look at the network between",
		.blind = "A server that runs but cannot be reached from here looks the "
			 "same.",
		.needs = "",
	},
	[INCIDENT_LINK_SILENT] = {
		.id = "link.silent",
		.severity = "critical",
		.when = "an INFO has not been answered for 2 s, with no PUBLISH before it",
		.until = "answered",
		.meaning = "The process is there, or at least its socket, and does "
			   "nothing.",
		.advice = "see whether the process is stopped, swaps, forks, sleeps in a "
			  "command or is paused (CLIENT PAUSE ALL)",
		.blind = "Why it is silent.",
		.unless = "",
		.needs = "",
	},
	[INCIDENT_LINK_DENIED] = {
		.id = "link.denied",
		.severity = "critical",
		.when = "the server answers NOAUTH, WRONGPASS or NOPERM to what pinfod "
			"needs, INFO or PUBLISH",
		.until = "answered",
		.meaning = "The password is wrong, or the user lacks a grant.",
		.advice = "pinfoctl acl prints the rule that this server needs; the "
			  "password is read anew at each attempt",
		.unless = "",
		.needs = "",
		.blind = "",
	},
	[INCIDENT_LINK_BUSY] = {
		.id = "link.busy",
		.severity = "warning",
		.when = "the server has answered BUSY for 2 s",
		.until = "answered",
		.meaning = "A script or function blocks it: clients get errors, and no "
			   "save can begin.",
		.advice = "SCRIPT KILL or FUNCTION KILL, unless it has written already",
		.unless = "",
		.needs = "",
		.blind = "",
	},
	[INCIDENT_PUBLISH_BLOCKED] = {
		.id = "publish.blocked",
		.severity = "warning",
		.when = "a PUBLISH has not been answered for 2 s, while INFO is",
		.until = "it answers",
		.meaning = "The server pauses writes. The feed does not reach "
			   "subscribers; the control socket's still get it.",
		.advice = "CLIENT PAUSE or a failover is under way; CLIENT UNPAUSE ends it",
		.unless = "",
		.needs = "",
		.blind = "",
	},
	[INCIDENT_RDB_SAVE_FAILED] = {
		.id = "rdb.save_failed",
		.severity = "critical; warning where it is known that there are no save "
			    "points",
		.when = "rdb_last_bgsave_status is err",
		.unless = "a save was cancelled by kill -USR1",
		.until = "a save has succeeded",
		.meaning = "What was written since the last save is in memory only. With "
			   "save points and stop-writes-on-bgsave-error, writes are "
			   "refused. From 7.0 the summary says whether the fork failed "
			   "or the child.",
		.advice = "look at the server's log, at free space and permissions, at "
			  "memory for the fork; then BGSAVE",
		.blind = "Which of disk, directory and permissions it was.",
		.needs = "",
	},
	[INCIDENT_RDB_SAVE_STUCK] = {
		.id = "rdb.save_stuck",
		.severity = "critical",
		.when = "a save of 4,096 keys or more, seen to make two steps, has made "
			"none for 60 s or five times the longest step, below 95 %",
		.unless = "it is the synchronization of a replica, or saves few large "
			  "keys",
		.until = "a step, or the end of the save",
		.needs = "current_save_keys_processed (6.2)",
		.meaning = "The child stands still, most often on a disk that does not "
			   "answer. No other save or rewrite can begin meanwhile.",
		.advice = "find out what the child waits for; kill -USR1 of the child "
			  "cancels the save cleanly (on Valkey: BGSAVE CANCEL), kill -9 "
			  "would mark it failed",
		.blind = "A standstill in the last 5 %, in the final fsync, or of a save "
			 "of fewer keys: rdb.save_slow tells of these.",
	},
	[INCIDENT_RDB_SAVE_SLOW] = {
		.id = "rdb.save_slow",
		.severity = "warning; critical from 600 s",
		.when = "a save to disk has been running for 120 s",
		.unless = "it is the synchronization of a replica",
		.until = "the end of the save",
		.meaning = "The longer a save takes, the more memory is copied on write, "
			   "and the older the last good file.",
		.advice = "look at the disk's throughput and the size of the data set; "
			  "raise the threshold if this is usual here",
		.needs = "",
		.blind = "",
	},
	[INCIDENT_RDB_STALE] = {
		.id = "rdb.stale",
		.severity = "warning; critical from 24 h",
		.when = "the last real save is older than 2 h, or than 1.5 times the "
			"longest save point and the longest save seen, and there are "
			"changes",
		.unless = "nothing has changed, the age is unknown, or an AOF is on and "
			  "there are no save points",
		.until = "a save",
		.meaning = "A restart would lose the changes since then.",
		.advice = "BGSAVE; then see why no save point fired",
		.blind = "The age of the last save just after a start: a server says its "
			 "start time then, and pinfod knows better only if it watched.",
		.needs = "",
	},
	[INCIDENT_RDB_NEVER_SAVED] = {
		.id = "rdb.never_saved",
		.severity = "warning",
		.when = "there are changes, and since a start longer ago than rdb.stale's "
			"warning nothing was saved",
		.unless = "an AOF is on",
		.until = "a save",
		.meaning = "All that was written since the start is in memory only.",
		.advice = "BGSAVE; then set save points or appendonly",
		.needs = "",
		.blind = "",
	},
	[INCIDENT_AOF_WRITE_FAILED] = {
		.id = "aof.write_failed",
		.severity = "critical",
		.when = "aof_last_write_status is err",
		.unless = "the AOF is off",
		.until = "a write has succeeded",
		.meaning = "Commands cannot be appended, and writes are refused. What "
			   "waits in the buffer is in memory only.",
		.advice = "free space on the AOF's disk; do not restart the server, what "
			  "is buffered would be lost",
		.blind = "Before 6.2.2 an error of the background fsync shows nowhere.",
		.needs = "",
	},
	[INCIDENT_AOF_BACKLOG] = {
		.id = "aof.backlog",
		.severity = "critical",
		.when = "more than 32 MiB have waited in memory for the AOF in every "
			"sample for 5 s with an fsync pending, or writing fails and the "
			"buffer does not fall for 5 s",
		.unless = "the buffer only awaits the flush of its turn",
		.until = "the buffer has been below half of that for 5 s",
		.meaning = "The disk cannot keep up with the writes. A crash loses what "
			   "waits.",
		.advice = "look at the disk; slow the writers down",
		.needs = "",
		.blind = "",
	},
	[INCIDENT_AOF_FSYNC_STALLED] = {
		.id = "aof.fsync_stalled",
		.severity = "warning",
		.when = "aof_delayed_fsync has risen, or an fsync was pending in a sample "
			"and in its four repeats within 2.1 s",
		.unless = "the counters were reset",
		.until = "no delay for 60 s",
		.meaning = "The server waits for the disk, with all of its clients; more "
			   "than a second of writes may be lost in a crash of the machine.",
		.advice = BUSY_DISK,
		.blind = "How long each fsync took: LATENCY LATEST and the server's log "
			 "tell.",
		.needs = "",
	},
	[INCIDENT_AOF_REWRITE_FAILED] = {
		.id = "aof.rewrite_failed",
		.severity = "critical",
		.when = "aof_last_bgrewrite_status is err",
		.until = "a rewrite has succeeded",
		.meaning = "The AOF grows on, and so does the time that a restart takes.",
		.advice = "make room on the disk for a second copy, then BGREWRITEAOF",
		.blind = "Before 7.0 a fork that failed.",
		.unless = "",
		.needs = "",
	},
	[INCIDENT_AOF_REWRITE_STORM] = {
		.id = "aof.rewrite_storm",
		.severity = "critical",
		.when = "three or more rewrites were begun within 5 s, and no fork "
			"succeeded",
		.until = "no attempt for 60 s",
		.needs = "aof_rewrites and total_forks (7.0)",
		.meaning = "A rewrite whose fork fails is tried again several times a "
			   "second, and each try leaves an incremental file behind.",
		.advice = "CONFIG SET auto-aof-rewrite-percentage 0, cure the fork (memory, "
			  "overcommit, process limit), then one BGREWRITEAOF",
		.unless = "",
		.blind = "",
	},
	[INCIDENT_AOF_REWRITE_SLOW] = {
		.id = "aof.rewrite_slow",
		.severity = "warning",
		.when = "a rewrite has been running for 10 min",
		.until = "the end of the rewrite",
		.meaning = "The longer it takes, the more memory is copied on write.",
		.advice = "look at the disk's throughput and the size of the data set",
		.unless = "",
		.needs = "",
		.blind = "",
	},
	[INCIDENT_AOF_STOPPED] = {
		.id = "aof.stopped",
		.severity = "critical",
		.when = "appendonly is set, but the AOF has been off for 30 s",
		.unless = "the server loads, or a full synchronization is under way",
		.until = "the AOF is on",
		.needs = "the fields of 7.0",
		.meaning = "A replica stops its AOF for a full synchronization, and must "
			   "begin it again.",
		.advice = "see in the replica's log why it could not begin its AOF again; "
			  "CONFIG SET appendonly yes",
		.blind = "",
	},
	[INCIDENT_AOF_OVERGROWN] = {
		.id = "aof.overgrown",
		.severity = "warning",
		.when = "the AOF has been larger than 1 GiB and than four times its base "
			"for 10 min",
		.unless = "a rewrite is running",
		.until = "it is smaller",
		.meaning = "It fills the disk, and a restart takes long.",
		.advice = "BGREWRITEAOF; look at auto-aof-rewrite-percentage and -min-size",
		.needs = "",
		.blind = "",
	},
	[INCIDENT_FORK_SLOW] = {
		.id = "fork.slow",
		.severity = "warning; critical from 100 ms a GB",
		.when = "a fork took more than 40 ms for each GB of resident memory, and "
			"more than 100 ms",
		.until = "a faster fork, or 1 h",
		.needs = "INFO stats and memory",
		.meaning = "The server answers nobody while it forks.",
		.advice = "switch transparent huge pages off; use smaller instances",
		.blind = "Forks before pinfod was there.",
		.unless = "",
	},
	[INCIDENT_FORK_MEMORY] = {
		.id = "fork.memory",
		.severity = "warning; critical from 85 %",
		.when = "a child has copied 60 % of the memory that was left on write",
		.unless = "it is not known how much is left",
		.until = "the child has ended",
		.needs = "current_cow_size (6.2), INFO memory",
		.meaning = "When it has copied all of it, the kernel kills a process.",
		.advice = "give the machine headroom, save at quieter times; memory_limit "
			  "tells pinfod of a container's limit",
		.blind = "Limits of a container, unless memory_limit says them; what other "
			 "processes use.",
	},
	[INCIDENT_SAVE_STARVED] = {
		.id = "save.starved",
		.severity = "critical",
		.when = "replicas were synchronized three times or more, while a save was "
			"due and none ended for 10 min or three times the longest save",
		.unless = "no save is due",
		.until = "a save has ended",
		.needs = "sync_full (INFO stats)",
		.meaning = "A server has one child at a time: one that serves replicas "
			   "again and again never gets to save.",
		.advice = "find the replica that synchronizes in a loop; raise its "
			  "client-output-buffer-limit and repl-backlog-size",
		.blind = "",
	},
	[INCIDENT_LOAD_SLOW] = {
		.id = "load.slow",
		.severity = "warning",
		.when = "loading has more than 5 min to go, or has not progressed for 60 s",
		.until = "loaded",
		.meaning = "Until it is loaded the server answers no data.",
		.advice = "wait; rewrite the AOF more often",
		.blind = "A server that answers nothing while it loads: link.silent.",
		.unless = "",
		.needs = "",
	},
	[INCIDENT_SERVER_RESTARTED_EMPTY] = {
		.id = "server.restarted_empty",
		.severity = "critical",
		.when = "after a restart and its loading, or when another server has got "
			"its role (role.switched), there are no keys, or less than half "
			"of those before",
		.unless = "it was FLUSHALL, or a replica that is not in sync, or expect = "
			  "\"none\"",
		.until = "more than half of the keys are back, or it is acknowledged",
		.needs = "INFO keyspace",
		.meaning = "The data was not there to be loaded. Replicas that "
			   "synchronize now lose theirs, too.",
		.advice = "stop the replicas before they synchronize; restore the RDB file "
			  "or the AOF; pinfoctl ack if it is meant",
		.blind = "What the keys hold.",
	},
	[INCIDENT_PERSISTENCE_OFF] = {
		.id = "persistence.off",
		.severity = "warning; critical for a master with replicas",
		.when = "there is no AOF and there are no save points; where CONFIG GET is "
			"not granted: no AOF, and no attempt to save in 26 h with changes",
		.unless = "expect = \"none\"",
		.until = "there is one of them",
		.needs = "CONFIG GET for certainty",
		.meaning = "A restart loses everything; an automatic restart of such a "
			   "master empties all of its replicas, too.",
		.advice = "set save points or appendonly; or say expect = \"none\" for "
			  "this target",
		.blind = "",
	},
	[INCIDENT_MODULE_FORK_BLOCKING] = {
		.id = "module.fork_blocking",
		.severity = "warning",
		.when = "a module's child has been running for 10 min, and there are "
			"changes",
		.until = "the child has ended",
		.needs = "module_fork_in_progress (6.0)",
		.meaning = "While it runs no save or rewrite can begin.",
		.advice = "look at the module",
		.unless = "",
		.blind = "",
	},
	[INCIDENT_WRITES_REFUSED] = {
		.id = "writes.refused",
		.severity = "critical",
		.when = "errorstat_MISCONF is rising",
		.until = "flat for 60 s",
		.needs = "INFO errorstats (6.2)",
		.meaning = "Clients' writes are refused, because a save or an append has "
			   "failed.",
		.advice = "cure the incident that the summary names",
		.unless = "",
		.blind = "",
	},
	[FACT_SERVER_RESTARTED] = {
		.id = "server.restarted",
		.severity = "fact, warning",
		.when = "run_id has changed at the same address",
		.unless = "it was told by STOP; at another address it is another server, "
			  "of which nothing is known yet, or role.switched",
		.needs = "INFO server",
		.meaning = "What was not durable at that moment is lost: the figures say "
			   "how much that was at the last sample.",
		.advice = "compare the changes that were at risk with what was loaded",
		.blind = "Changes between the last sample and the end.",
		.until = "",
	},
	[FACT_SERVER_CLOCK_JUMP] = {
		.id = "server.clock_jump",
		.severity = "fact, warning",
		.when = "its clock has moved by more than 2 s against ours, its last save "
			"lies in its future, or a save took a negative time",
		.needs = "server_time_usec (6.2) for the first",
		.meaning = "Expiries and save points go by that clock.",
		.advice = "look at the time service of the server's host",
		.unless = "",
		.until = "",
		.blind = "",
	},
	[FACT_PERSISTENCE_CHANGED] = {
		.id = "persistence.changed",
		.severity = "fact, warning",
		.when = "the AOF was switched on or off, or the save points were changed",
		.unless = "the server loads or synchronizes",
		.needs = "CONFIG GET for save points",
		.meaning = "Somebody changed how much can be lost.",
		.advice = "CONFIG REWRITE keeps it over a restart; else change it back",
		.until = "",
		.blind = "",
	},
	[FACT_WATCH_GAP] = {
		.id = "watch.gap",
		.severity = "fact, warning",
		.when = "pinfod itself took no sample for 3 s though one was due",
		.meaning = "Nobody watched in that time.",
		.advice = "look at the host of pinfod: suspended, or overloaded",
		.unless = "",
		.until = "",
		.needs = "",
		.blind = "",
	},
	[FACT_RDB_SAVE_STARTED] = {
		.id = "rdb.save_started",
		.severity = "fact",
		.when = "a save to disk has begun",
		.meaning = "Saves shorter than a sample are told by their end only.",
		.unless = "",
		.until = "",
		.needs = "",
		.advice = "",
		.blind = "",
	},
	[FACT_RDB_SAVE_FINISHED] = {
		.id = "rdb.save_finished",
		.severity = "fact",
		.when = "rdb_last_save_time has moved",
		.meaning = "A save has succeeded: how long it took, and what it copied.",
		.unless = "",
		.until = "",
		.needs = "",
		.advice = "",
		.blind = "",
	},
	[FACT_AOF_REWRITE_STARTED] = {
		.id = "aof.rewrite_started",
		.severity = "fact",
		.when = "aof_rewrite_in_progress has become 1",
		.meaning = "A rewrite of the AOF has begun.",
		.unless = "",
		.until = "",
		.needs = "",
		.advice = "",
		.blind = "",
	},
	[FACT_AOF_REWRITE_FINISHED] = {
		.id = "aof.rewrite_finished",
		.severity = "fact",
		.when = "a rewrite has ended well",
		.meaning = "How long it took, and what it copied.",
		.unless = "",
		.until = "",
		.needs = "",
		.advice = "",
		.blind = "",
	},
	[FACT_LOAD_STARTED] = {
		.id = "load.started",
		.severity = "fact",
		.when = "loading or async_loading has become 1",
		.meaning = "The data set is being loaded.",
		.unless = "",
		.until = "",
		.needs = "",
		.advice = "",
		.blind = "",
	},
	[FACT_LOAD_FINISHED] = {
		.id = "load.finished",
		.severity = "fact",
		.when = "loading has become 0",
		.meaning = "The data set is loaded.",
		.unless = "",
		.until = "",
		.needs = "",
		.advice = "",
		.blind = "",
	},
	[FACT_ROLE_SWITCHED] = {
		.id = "role.switched",
		.severity = "fact",
		.when = "role has changed; or another server has got the role of the one "
			"that was watched: the master that sentinels name is at another "
			"address",
		.needs = "INFO server, INFO replication",
		.meaning = "A failover, or REPLICAOF. Of another server the figures say what "
			   "the one before had not saved; what had not reached its replicas "
			   "is lost when it failed.",
		.unless = "the master that sentinels name is demoted: it is told when another "
			  "one has got its role",
		.until = "",
		.advice = "",
		.blind = "",
	},
	[FACT_LINK_UP] = {
		.id = "link.up",
		.severity = "fact",
		.when = "the server answers again",
		.meaning = "After how long.",
		.unless = "",
		.until = "",
		.needs = "",
		.advice = "",
		.blind = "",
	},
	[FACT_STATS_RESET] = {
		.id = "stats.reset",
		.severity = "fact",
		.when = "a counter fell in the same run",
		.meaning = "CONFIG RESETSTAT. Statuses are not reset by it.",
		.unless = "",
		.until = "",
		.needs = "",
		.advice = "",
		.blind = "",
	},
	[FACT_TARGET_STARTED] = {
		.id = "target.started",
		.severity = "fact",
		.when = "pinfod begins to watch the target",
		.meaning = "By START, because pinfod started, or because it was found or "
			   "configured since.",
		.unless = "",
		.until = "",
		.needs = "",
		.advice = "",
		.blind = "",
	},
	[FACT_TARGET_STOPPED] = {
		.id = "target.stopped",
		.severity = "fact",
		.when = "pinfod no longer watches the target",
		.meaning = "By STOP, or because it is no longer configured, or no longer in "
			   "its group. What was open is cleared.",
		.unless = "",
		.until = "",
		.needs = "",
		.advice = "",
		.blind = "",
	},
	[FACT_HEARTBEAT] = {
		.id = "heartbeat",
		.severity = "fact",
		.when = "once every interval",
		.meaning = "pinfod watches this target; the counts say what is open. So "
			   "silence means something.",
		.unless = "",
		.until = "",
		.needs = "",
		.advice = "",
		.blind = "",
	},
};

static const char *const severities[] = {
	[SEVERITY_NONE] = "none",
	[SEVERITY_INFO] = "info",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_CRITICAL] = "critical",
};

const struct catalogue_entry *
catalogue_entry(enum incident incident)
{
	return &entries[incident];
}

bool
catalogue_find(const char *id, enum incident *incident)
{
	for (unsigned i = 0; i < CATALOGUE_COUNT; i++) {
		if (strcmp(entries[i].id, id) == 0) {
			*incident = (enum incident)i;
			return true;
		}
	}
	return false;
}

const char *
catalogue_severity(enum severity severity)
{
	return severities[severity];
}

bool
catalogue_severity_parse(const char *name, enum severity *severity)
{
	for (unsigned i = SEVERITY_INFO; i <= SEVERITY_CRITICAL; i++) {
		if (strcmp(severities[i], name) == 0) {
			*severity = (enum severity)i;
			return true;
		}
	}
	return false;
}

#define INDENT 12
#define COLUMNS 78

/* "LABEL  text", in lines of 78 columns; nothing for an empty text. */
static void
print_part(FILE *f, const char *label, const char *text)
{
	int column = INDENT;

	if (*text == '\0')
		return;
	fprintf(f, "%-*s", INDENT, label);
	while (*text != '\0') {
		int word = (int)strcspn(text, " ");

		if (column > INDENT && column + 1 + word > COLUMNS)
			column = fprintf(f, "\n%*s", INDENT, "") - 1;
		else if (column > INDENT)
			column += fprintf(f, " ");
		column += fprintf(f, "%.*s", word, text);
		text += word + (text[word] == ' ');
	}
	putc('\n', f);
}

char *
catalogue_explain(enum incident incident)
{
	const struct catalogue_entry *e = catalogue_entry(incident);
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return xstrdup(e->id);
	fprintf(f, "%s (%s)\n", e->id, e->severity);
	print_part(f, "when", e->when);
	print_part(f, "not when", e->unless);
	print_part(f, "until", e->until);
	print_part(f, "needs", e->needs);
	print_part(f, "means", e->meaning);
	print_part(f, "do", e->advice);
	print_part(f, "not shown", e->blind);
	fclose(f);
	return text;
}
