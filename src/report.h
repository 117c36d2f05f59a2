/*
 * report: plain structs that stand between the actors and whoever shows them,
 * and their two forms: lines for people, JSON for programs. Pure.
 *
 * Adding a figure: a field here, set by its actor, shown in report.c, and a
 * line in docs/PROTOCOL.md.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "notice.h"
#include "target_config.h"

struct silences;
struct watch;

enum target_state {
	TARGET_STOPPED,	 /* not watched */
	TARGET_STARTING, /* neither heard nor failed yet */
	TARGET_UP,	 /* the last INFO was answered */
	TARGET_DOWN,	 /* cannot be reached */
	TARGET_SILENT,	 /* connected, does not answer */
	TARGET_DENIED,	 /* password or grant */
	TARGET_BUSY,	 /* runs a script */
	TARGET_REFUSED,	 /* another error */
};

enum publish_state {
	PUBLISH_OK,	 /* or not tried yet */
	PUBLISH_BLOCKED, /* past its deadline */
	PUBLISH_DENIED,	 /* not granted */
	PUBLISH_FAILED,	 /* another error */
};

/* An incident that is open. */
struct open_report {
	const char *id;
	enum severity severity;
};

/* All strings are borrowed from the target. Absent: NULL, or a negative number. */
struct target_report {
	const char *name;
	const char *address;
	enum target_state state;
	double since_s;
	const char *reason;
	const char *server, *server_version; /* "" until known */
	const char *user;		     /* NULL: the server's default user */
	const char *role, *replication_id;   /* "" until known */
	enum target_identity identity;
	int64_t interval_ns;
	/* As they are published: with the tag. Of the notices also if they are not. */
	const char *channel, *notices;
	const char *tag; /* NULL: by PUBLISH, and else by SPUBLISH */
	uint64_t samples, published, missed, dropped;
	long long receivers;
	enum publish_state publish_state;
	const char *publish_reason;
	uint64_t notices_published, notices_dropped;
	unsigned notices_kept; /* to be published yet */
	double last_sample_age_s;
	double last_info_ms;
	unsigned long connects;
	const char *tls_version, *tls_cipher; /* NULL: not by TLS, or not yet */
	struct wall tls_until; /* the end of the server's certificate; 0: unknown */
	/* What is added where it is shown, by report_watch; report_free frees it. */
	unsigned warning, critical; /* incidents that are open */
	struct at_risk at_risk;
	struct open_report *open;
	size_t open_count;
	char *blind; /* what cannot be known there, one a line; NULL: nothing */
};

/* A group of targets: see group.h. Strings are borrowed from it. */
struct group_report {
	const char *name, *kind; /* "sentinel", "cluster", "file" */
	size_t targets;
	/* Its sources: how many there are, can be heard, and agree on its targets. */
	size_t sources, heard, agree;
	bool settled;	     /* it has found out, or that it cannot */
	const char *trouble; /* NULL: none */
};

struct daemon_report {
	const char *version;
	int pid;
	double uptime_s;
	unsigned clients;
	unsigned long clients_refused, clients_dropped;
	size_t targets;
	const char *config_file;     /* NULL: none */
	double config_age_s;	     /* since it was loaded */
	unsigned long reloads;	     /* that succeeded */
	const char *config_error;    /* of the last reload; NULL: it succeeded */
	struct group_report *groups; /* the caller's, who frees it */
	size_t group_count;
};

/* "up", "silent", …: as in docs/PROTOCOL.md. */
const char *report_state_name(enum target_state state);
const char *report_publish_name(enum publish_state state);

/* Adds what is known of the server's persistence. */
void report_watch(struct target_report *report, struct watch *watch, struct instant at);

/* An array of reports to which that was added. NULL is fine. */
void report_free(struct target_report *reports, size_t count);

/* One line without its end; the caller frees it. */
char *report_daemon_line(const struct daemon_report *daemon);
char *report_target_line(const struct target_report *target);
char *report_group_line(const struct group_report *group);

/* STATUS JSON as one line; the caller frees it. */
char *report_json(const struct daemon_report *daemon,
		  const struct target_report *targets, size_t count);

/* SILENCES JSON as one line; the caller frees it. */
char *report_silences(const struct silences *silences, struct wall now);

/* The figures in Prometheus' text format, version 0.0.4; the caller frees it. */
char *report_metrics(const struct daemon_report *daemon,
		     const struct target_report *targets, size_t count);

/* The text of INFO on the control socket; the caller frees it. */
char *report_info(const struct daemon_report *daemon,
		  const struct target_report *targets, size_t count);

#endif
