/*
 * report: see report.h.
 */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "duration.h"
#include "json.h"
#include "log.h"
#include "silences.h"
#include "watch.h"
#include "xalloc.h"

#define SCHEMA 1

const char *
report_state_name(enum target_state state)
{
	static const char *const names[] = {
		[TARGET_STOPPED] = "stopped", [TARGET_STARTING] = "starting",
		[TARGET_UP] = "up",	      [TARGET_DOWN] = "down",
		[TARGET_SILENT] = "silent",   [TARGET_DENIED] = "denied",
		[TARGET_BUSY] = "busy",	      [TARGET_REFUSED] = "refused",
	};

	return names[state];
}

const char *
report_publish_name(enum publish_state state)
{
	static const char *const names[] = {
		[PUBLISH_OK] = "ok",
		[PUBLISH_BLOCKED] = "blocked",
		[PUBLISH_DENIED] = "denied",
		[PUBLISH_FAILED] = "failed",
	};

	return names[state];
}

/* Most targets have none of it, so memory is only taken where there is something. */
void
report_watch(struct target_report *r, struct watch *w, struct instant at)
{
	struct notice notice;
	const char *blind;

	watch_counts(w, &r->warning, &r->critical);
	r->at_risk = watch_at_risk(w, at);
	while (watch_open(w, (unsigned)r->open_count, at, &notice)) {
		r->open = xrealloc(r->open, r->open_count + 1, sizeof(r->open[0]));
		r->open[r->open_count++] =
			(struct open_report){ notice.incident, notice.severity };
	}
	for (unsigned i = 0; (blind = watch_blind(w, i)) != NULL; i++)
		xappendf(&r->blind, "%s\n", blind);
}

void
report_free(struct target_report *reports, size_t count)
{
	for (size_t i = 0; reports != NULL && i < count; i++) {
		free(reports[i].open);
		free(reports[i].blind);
	}
	free(reports);
}

/* Text of a server's: escaped it is one line, and UTF-8, as JSON must be. */
static char *
printable(const char *text)
{
	size_t size = 4 * strlen(text) + 1;
	char *out = xcalloc(1, size);

	log_escape(out, size, text);
	return out;
}

char *
report_daemon_line(const struct daemon_report *d)
{
	char span[CLOCK_SPAN_BYTES], *line, *shown;

	line = xasprintf("pinfod %s, pid %d, up %s, %zu target%s%s%s", d->version,
			 d->pid, clock_span(span, d->uptime_s), d->targets,
			 d->targets == 1 ? "" : "s",
			 d->config_error ? "; the last reload failed: " : "",
			 d->config_error ? d->config_error : "");
	shown = printable(line);
	free(line);
	return shown;
}

static char *
server_text(const struct target_report *t)
{
	if (t->server[0] == '\0')
		return xstrdup("");
	return xasprintf(" (%s %s)", t->server, t->server_version);
}

/* "; 1 critical, 2 warning", or "". */
static char *
incidents_text(const struct target_report *t)
{
	if (t->critical > 0 && t->warning > 0)
		return xasprintf("; %u critical, %u warning", t->critical, t->warning);
	if (t->critical + t->warning > 0)
		return xasprintf("; %u %s", t->critical + t->warning,
				 t->critical > 0 ? "critical" : "warning");
	return xstrdup("");
}

char *
report_target_line(const struct target_report *t)
{
	char since[CLOCK_SPAN_BYTES], age[CLOCK_SPAN_BYTES], interval[32];
	char *server = server_text(t);
	char *last, *publish, *incidents, *line, *shown;

	last = t->last_sample_age_s < 0
		       ? xstrdup("never heard")
		       : xasprintf("last %s ago",
				   clock_span(age, t->last_sample_age_s));
	publish = t->publish_state == PUBLISH_OK
			  ? xstrdup("")
			  : xasprintf("; PUBLISH %s: %s",
				      report_publish_name(t->publish_state),
				      t->publish_reason);
	incidents = incidents_text(t);
	line = xasprintf("%s: %s for %s%s%s, %s%s, every %s s on %s%s: %" PRIu64
			 " published to %lld receiver%s, %" PRIu64 " missed, %" PRIu64
			 " dropped, %s%s%s",
			 t->name, report_state_name(t->state),
			 clock_span(since, t->since_s), t->reason ? ": " : "",
			 t->reason ? t->reason : "", t->address, server,
			 duration_seconds(interval, t->interval_ns), t->channel,
			 t->tag != NULL ? " by SPUBLISH" : "", t->published,
			 t->receivers, t->receivers == 1 ? "" : "s", t->missed,
			 t->dropped, last, publish, incidents);
	free(server);
	free(last);
	free(publish);
	free(incidents);
	shown = printable(line);
	free(line);
	return shown;
}

/* "2 of 3 heard, 2 agree, 3 targets"; of one source nobody counts. */
char *
report_group_line(const struct group_report *g)
{
	char *sources = g->sources > 1 ? xasprintf("%zu of %zu heard, %zu agree, ",
						   g->heard, g->sources, g->agree)
				       : xstrdup("");
	char *targets = g->settled ? xasprintf("%zu target%s", g->targets,
					       g->targets == 1 ? "" : "s")
				   : xstrdup("asking");
	char *line =
		xasprintf("group %s: %s, %s%s%s%s", g->name, g->kind, sources, targets,
			  g->trouble ? "; " : "", g->trouble ? g->trouble : "");
	char *shown = printable(line);

	free(sources);
	free(targets);
	free(line);
	return shown;
}

static json_t *
json_counts(const struct target_report *t)
{
	json_t *o = json_object();

	json_object_set_new(o, "critical", json_integer(t->critical));
	json_object_set_new(o, "warning", json_integer(t->warning));
	return o;
}

static json_t *
json_at_risk(const struct at_risk *risk)
{
	json_t *o = json_object();

	json_object_set_new(o, "seconds", json_figure(risk->seconds));
	json_object_set_new(o, "operations", json_figure(risk->operations));
	json_object_set_new(o, "bytes", json_figure(risk->bytes));
	return o;
}

/* Of the last connection: the server may have another certificate by now. */
static json_t *
json_tls(const struct target_report *t)
{
	char stamp[CLOCK_STAMP_BYTES];
	json_t *o;

	if (t->tls_version == NULL)
		return json_null();
	o = json_object();
	json_object_set_new(o, "version", json_text(t->tls_version));
	json_object_set_new(o, "cipher", json_text(t->tls_cipher));
	json_object_set_new(o, "certificate_until",
			    json_text(t->tls_until.ns > 0
					      ? clock_stamp(stamp, t->tls_until)
					      : NULL));
	return o;
}

static json_t *
json_blind(const char *lines)
{
	json_t *list = json_array();
	const char *end;

	for (; lines != NULL && (end = strchr(lines, '\n')) != NULL; lines = end + 1) {
		char *line = xasprintf("%.*s", (int)(end - lines), lines);

		json_array_append_new(list, json_text(line));
		free(line);
	}
	return list;
}

static json_t *
json_target(const struct target_report *t)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", json_text(t->name));
	json_object_set_new(o, "address", json_text(t->address));
	json_object_set_new(o, "state", json_text(report_state_name(t->state)));
	json_object_set_new(o, "since_s", json_real(t->since_s));
	json_object_set_new(o, "reason", json_text(t->reason));
	json_object_set_new(o, "server", json_told(t->server));
	json_object_set_new(o, "server_version", json_told(t->server_version));
	json_object_set_new(o, "user", json_told(t->user));
	json_object_set_new(o, "role", json_told(t->role));
	json_object_set_new(o, "replication_id", json_told(t->replication_id));
	json_object_set_new(o, "interval_s",
			    json_real((double)t->interval_ns / (double)NS_PER_S));
	json_object_set_new(o, "identity",
			    json_text(target_config_identity_name(t->identity)));
	json_object_set_new(o, "channel", json_text(t->channel));
	json_object_set_new(o, "tag", json_text(t->tag));
	json_object_set_new(o, "notices", json_text(t->notices));
	json_object_set_new(o, "samples", json_integer((json_int_t)t->samples));
	json_object_set_new(o, "published", json_integer((json_int_t)t->published));
	json_object_set_new(o, "missed", json_integer((json_int_t)t->missed));
	json_object_set_new(o, "dropped", json_integer((json_int_t)t->dropped));
	json_object_set_new(o, "receivers", json_integer(t->receivers));
	json_object_set_new(o, "publish_state",
			    json_text(report_publish_name(t->publish_state)));
	json_object_set_new(o, "publish_reason", json_text(t->publish_reason));
	json_object_set_new(o, "last_sample_age_s", json_measure(t->last_sample_age_s));
	json_object_set_new(o, "last_info_ms", json_measure(t->last_info_ms));
	json_object_set_new(o, "connects", json_integer((json_int_t)t->connects));
	json_object_set_new(o, "tls", json_tls(t));
	json_object_set_new(o, "incidents", json_counts(t));
	json_object_set_new(o, "at_risk", json_at_risk(&t->at_risk));
	json_object_set_new(o, "blind", json_blind(t->blind));
	json_object_set_new(o, "notices_published",
			    json_integer((json_int_t)t->notices_published));
	json_object_set_new(o, "notices_dropped",
			    json_integer((json_int_t)t->notices_dropped));
	json_object_set_new(o, "notices_kept", json_integer(t->notices_kept));
	return o;
}

static json_t *
json_group(const struct group_report *g)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", json_text(g->name));
	json_object_set_new(o, "kind", json_text(g->kind));
	json_object_set_new(o, "settled", json_boolean(g->settled));
	json_object_set_new(o, "targets", json_integer((json_int_t)g->targets));
	json_object_set_new(o, "sources", json_integer((json_int_t)g->sources));
	json_object_set_new(o, "heard", json_integer((json_int_t)g->heard));
	json_object_set_new(o, "agree", json_integer((json_int_t)g->agree));
	json_object_set_new(o, "trouble", json_text(g->trouble));
	return o;
}

static json_t *
json_config(const struct daemon_report *d)
{
	json_t *o = json_object();

	json_object_set_new(o, "file", json_text(d->config_file));
	json_object_set_new(o, "age_s", json_real(d->config_age_s));
	json_object_set_new(o, "reloads", json_integer((json_int_t)d->reloads));
	json_object_set_new(o, "error", json_text(d->config_error));
	return o;
}

char *
report_json(const struct daemon_report *d, const struct target_report *targets,
	    size_t count)
{
	json_t *o = json_object(), *list = json_array(), *groups = json_array();

	json_object_set_new(o, "schema", json_integer(SCHEMA));
	json_object_set_new(o, "version", json_text(d->version));
	json_object_set_new(o, "pid", json_integer(d->pid));
	json_object_set_new(o, "uptime_s", json_real(d->uptime_s));
	json_object_set_new(o, "clients", json_integer(d->clients));
	json_object_set_new(o, "clients_refused",
			    json_integer((json_int_t)d->clients_refused));
	json_object_set_new(o, "clients_dropped",
			    json_integer((json_int_t)d->clients_dropped));
	json_object_set_new(o, "config", json_config(d));
	for (size_t i = 0; i < d->group_count; i++)
		json_array_append_new(groups, json_group(&d->groups[i]));
	json_object_set_new(o, "groups", groups);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_target(&targets[i]));
	json_object_set_new(o, "targets", list);
	return json_line(o);
}

char *
report_silences(const struct silences *silences, struct wall now)
{
	json_t *list = json_array();
	char stamp[CLOCK_STAMP_BYTES];
	const struct silence *s;

	for (size_t i = 0; (s = silences_at(silences, i)) != NULL; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "incidents", json_text(s->incidents));
		json_object_set_new(o, "targets", json_text(s->targets));
		json_object_set_new(o, "until",
				    json_text(clock_stamp(stamp, s->until)));
		json_object_set_new(
			o, "left_s",
			json_real(clock_wall_s(s->until) - clock_wall_s(now)));
		json_array_append_new(list, o);
	}
	return json_line(list);
}

/* As Redis tells of its replicas. */
static void
info_groups(FILE *f, const struct daemon_report *d)
{
	if (d->group_count == 0)
		return;
	fprintf(f, "\r\n# Groups\r\ngroups:%zu\r\n", d->group_count);
	for (size_t i = 0; i < d->group_count; i++) {
		const struct group_report *g = &d->groups[i];
		char *name = printable(g->name);

		fprintf(f,
			"group%zu:name=%s,kind=%s,targets=%zu,sources=%zu,heard=%zu,"
			"agree=%zu\r\n",
			i, name, g->kind, g->targets, g->sources, g->heard, g->agree);
		free(name);
	}
}

char *
report_info(const struct daemon_report *d, const struct target_report *targets,
	    size_t count)
{
	char *text = NULL;
	size_t len, by_state[TARGET_REFUSED + 1] = { 0 };
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return xstrdup("");
	fprintf(f,
		"# Server\r\npinfod_version:%s\r\nprocess_id:%d\r\n"
		"uptime_in_seconds:%.0f\r\n\r\n"
		"# Clients\r\nconnected_clients:%u\r\n\r\n# Targets\r\n",
		d->version, d->pid, d->uptime_s, d->clients);
	for (size_t i = 0; i < count; i++)
		by_state[targets[i].state]++;
	fprintf(f, "targets:%zu\r\n", count);
	for (size_t i = 0; i < sizeof(by_state) / sizeof(by_state[0]); i++)
		fprintf(f, "targets_%s:%zu\r\n",
			report_state_name((enum target_state)i), by_state[i]);
	info_groups(f, d);
	fclose(f);
	return text;
}
