/*
 * metrics: report_metrics of report.h. One row a metric; names and units as
 * Prometheus' naming rules have them.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "report.h"
#include "xalloc.h"

static double
up(const struct target_report *t)
{
	return t->state == TARGET_UP;
}

static double
samples(const struct target_report *t)
{
	return (double)t->samples;
}

static double
published(const struct target_report *t)
{
	return (double)t->published;
}

static double
missed(const struct target_report *t)
{
	return (double)t->missed;
}

static double
dropped(const struct target_report *t)
{
	return (double)t->dropped;
}

static double
receivers(const struct target_report *t)
{
	return (double)t->receivers;
}

static double
connects(const struct target_report *t)
{
	return (double)t->connects;
}

static double
sample_age(const struct target_report *t)
{
	return t->last_sample_age_s;
}

static double
info_seconds(const struct target_report *t)
{
	return t->last_info_ms < 0 ? -1 : t->last_info_ms / 1000;
}

static double
certificate_end(const struct target_report *t)
{
	return t->tls_until.ns > 0 ? clock_wall_s(t->tls_until) : -1;
}

static double
at_risk_seconds(const struct target_report *t)
{
	return t->at_risk.seconds;
}

static double
at_risk_operations(const struct target_report *t)
{
	return t->at_risk.operations;
}

static double
at_risk_bytes(const struct target_report *t)
{
	return t->at_risk.bytes;
}

static double
notices_published(const struct target_report *t)
{
	return (double)t->notices_published;
}

static double
notices_dropped(const struct target_report *t)
{
	return (double)t->notices_dropped;
}

static double
notices_kept(const struct target_report *t)
{
	return t->notices_kept;
}

/* A value below zero, or none, is absent, and its line left out. */
static const struct metric {
	const char *name, *type, *help;
	double (*value)(const struct target_report *t);
} metrics[] = {
	{ "pinfod_target_up", "gauge", "Whether the last INFO was answered.", up },
	{ "pinfod_target_samples_total", "counter", "INFO answers.", samples },
	{ "pinfod_target_published_total", "counter", "PUBLISH answers.", published },
	{ "pinfod_target_missed_total", "counter", "Ticks without a sample.", missed },
	{ "pinfod_target_dropped_total", "counter",
	  "Samples that could not be published.", dropped },
	{ "pinfod_target_receivers", "gauge", "What the last PUBLISH returned.",
	  receivers },
	{ "pinfod_target_connects_total", "counter", "Connections made.", connects },
	{ "pinfod_target_sample_age_seconds", "gauge", "Since the last INFO answer.",
	  sample_age },
	{ "pinfod_target_info_seconds", "gauge", "How long the last INFO took.",
	  info_seconds },
	{ "pinfod_target_certificate_end_timestamp_seconds", "gauge",
	  "When the server's certificate ends, as shown at the last connection.",
	  certificate_end },
	{ "pinfod_target_at_risk_seconds", "gauge",
	  "Since the last durable point, if the server died now.", at_risk_seconds },
	{ "pinfod_target_at_risk_operations", "gauge",
	  "Operations that would be lost then.", at_risk_operations },
	{ "pinfod_target_at_risk_bytes", "gauge",
	  "Bytes that would be lost then, at the most.", at_risk_bytes },
	{ "pinfod_target_notices_published_total", "counter",
	  "PUBLISH answers to notices.", notices_published },
	{ "pinfod_target_notices_dropped_total", "counter",
	  "Notices that could not be published.", notices_dropped },
	{ "pinfod_target_notices_kept", "gauge", "Notices that wait to be published.",
	  notices_kept },
};

/* A label's value: quotes and backslashes are escaped. */
static void
print_label(FILE *f, const char *name, const char *value)
{
	char shown[1280];

	/* Labels must be UTF-8, and a path may be anything. */
	log_escape(shown, sizeof(shown), value);
	fprintf(f, "%s=\"", name);
	for (const char *p = shown; *p != '\0'; p++)
		fprintf(f, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
	putc('"', f);
}

static void
print_target(FILE *f, const struct metric *m, const struct target_report *t,
	     double value)
{
	bool counter = strcmp(m->type, "counter") == 0;

	fprintf(f, "%s{", m->name);
	print_label(f, "target", t->name);
	putc(',', f);
	print_label(f, "address", t->address);
	fprintf(f, "} %.*g\n", counter ? 17 : 9, value);
}

static void
print_states(FILE *f, const struct target_report *targets, size_t count)
{
	fputs("# HELP pinfod_target_state 1 for the state that the target is in.\n"
	      "# TYPE pinfod_target_state gauge\n",
	      f);
	for (size_t i = 0; i < count; i++) {
		fputs("pinfod_target_state{", f);
		print_label(f, "target", targets[i].name);
		putc(',', f);
		print_label(f, "state", report_state_name(targets[i].state));
		fputs("} 1\n", f);
	}
}

static void
print_count(FILE *f, const struct target_report *t, enum severity severity, unsigned n)
{
	fputs("pinfod_target_incidents{", f);
	print_label(f, "target", t->name);
	fprintf(f, ",severity=\"%s\"} %u\n", catalogue_severity(severity), n);
}

static void
print_incidents(FILE *f, const struct target_report *targets, size_t count)
{
	fputs("# HELP pinfod_target_incidents Incidents that are open.\n"
	      "# TYPE pinfod_target_incidents gauge\n",
	      f);
	for (size_t i = 0; i < count; i++) {
		print_count(f, &targets[i], SEVERITY_CRITICAL, targets[i].critical);
		print_count(f, &targets[i], SEVERITY_WARNING, targets[i].warning);
	}
	fputs("# HELP pinfod_incident_open 1 for each incident that is open.\n"
	      "# TYPE pinfod_incident_open gauge\n",
	      f);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < targets[i].open_count; k++) {
			const struct open_report *open = &targets[i].open[k];

			fputs("pinfod_incident_open{", f);
			print_label(f, "target", targets[i].name);
			putc(',', f);
			print_label(f, "incident", open->id);
			fprintf(f, ",severity=\"%s\"} 1\n",
				catalogue_severity(open->severity));
		}
	}
}

static double
group_targets(const struct group_report *g)
{
	return (double)g->targets;
}

static double
group_sources(const struct group_report *g)
{
	return (double)g->sources;
}

static double
group_heard(const struct group_report *g)
{
	return (double)g->heard;
}

/* All are gauges. */
static const struct group_metric {
	const char *name, *help;
	double (*value)(const struct group_report *g);
} group_metrics[] = {
	{ "pinfod_group_targets", "Targets that the group has found.", group_targets },
	{ "pinfod_group_sources", "Who can be asked for them.", group_sources },
	{ "pinfod_group_sources_heard", "Who of those answers.", group_heard },
};

static void
print_groups(FILE *f, const struct daemon_report *d)
{
	size_t count = d->group_count > 0
			       ? sizeof(group_metrics) / sizeof(group_metrics[0])
			       : 0;

	for (size_t m = 0; m < count; m++) {
		const struct group_metric *metric = &group_metrics[m];

		fprintf(f, "# HELP %s %s\n# TYPE %s gauge\n", metric->name,
			metric->help, metric->name);
		for (size_t i = 0; i < d->group_count; i++) {
			fprintf(f, "%s{", metric->name);
			print_label(f, "group", d->groups[i].name);
			fprintf(f, "} %.0f\n", metric->value(&d->groups[i]));
		}
	}
}

char *
report_metrics(const struct daemon_report *d, const struct target_report *targets,
	       size_t count)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return xstrdup("");
	fprintf(f,
		"# HELP pinfod_info About this pinfod.\n# TYPE pinfod_info gauge\n"
		"pinfod_info{version=\"%s\"} 1\n"
		"# HELP pinfod_uptime_seconds Since it started.\n"
		"# TYPE pinfod_uptime_seconds gauge\npinfod_uptime_seconds %.3f\n"
		"# HELP pinfod_clients Connections to the control socket.\n"
		"# TYPE pinfod_clients gauge\npinfod_clients %u\n"
		"# HELP pinfod_config_ok Whether the last reload succeeded.\n"
		"# TYPE pinfod_config_ok gauge\npinfod_config_ok %d\n",
		d->version, d->uptime_s, d->clients, d->config_error == NULL);
	print_groups(f, d);
	print_states(f, targets, count);
	print_incidents(f, targets, count);
	for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
		fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", metrics[m].name,
			metrics[m].help, metrics[m].name, metrics[m].type);
		for (size_t i = 0; i < count; i++) {
			double value = metrics[m].value(&targets[i]);

			if (value >= 0)
				print_target(f, &metrics[m], &targets[i], value);
		}
	}
	fclose(f);
	return text;
}
