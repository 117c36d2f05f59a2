/*
 * manual: see manual.h. The page is mdoc(7).
 */
#include "manual.h"

#include <stdbool.h>
#include <string.h>

#include "catalogue.h"
#include "rules.h"

#define WIDTH 80

/* Of the texts here; those of the catalogue have none of their own. */
static const char head[] =
	".\\\" Made of the catalogue by make manual: src/manual.c, src/catalogue.c.\n"
	".Dd November 22, 2026\n"
	".Dt PINFOD-INCIDENTS 7\n"
	".Os\n"
	".Sh NAME\n"
	".Nm pinfod-incidents\n"
	".Nd what pinfod tells of Redis persistence\n"
	".Sh DESCRIPTION\n"
	".Xr pinfod 8\n"
	"looks at each server once per\n"
	".Ic sample ,\n"
	"1 s if nothing else is configured, and tells when what is written there is at "
	"risk.\n"
	"An\n"
	".Em incident\n"
	"is raised, may change its severity, and is cleared.\n"
	"A\n"
	".Em fact\n"
	"is told once and is never open.\n"
	"Each is a notice: a line of the log, and JSON on the channel of the notices\n"
	".Pq Ql pinfo:notice\n"
	"on the server and on the control socket.\n"
	".Pp\n"
	".Ql pinfoctl incidents\n"
	"lists what is open,\n"
	".Ql pinfoctl explain ID\n"
	"prints what stands here,\n"
	".Ql pinfoctl ack\n"
	"and\n"
	".Ql pinfoctl silence\n"
	"keep quiet what is known.\n"
	"Thresholds are set, and incidents switched off, by the option\n"
	".Ic incidents\n"
	"of\n"
	".Xr pinfod.conf 5 ,\n"
	"as in\n"
	".Ql rdb.save_slow warning=5m\n"
	"or\n"
	".Ql aof.* off .\n";

/* Text as mdoc wants it: a sentence a line, nothing taken for a macro. */
static void
prose(FILE *out, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");
		bool ends = len > 0 && text[len - 1] == '.' && text[len] == ' ';

		if (column > 0 && column + 1 + len > WIDTH) {
			putc('\n', out);
			column = 0;
		}
		if (column > 0)
			column += (size_t)fprintf(out, " ");
		else if (*text == '.' || *text == '\'')
			fputs("\\&", out);
		for (size_t i = 0; i < len; i++)
			fputs(text[i] == '\\' ? "\\e" : (char[]){ text[i], '\0' }, out);
		column += len;
		if (ends) {
			putc('\n', out);
			column = 0;
		}
		text += len;
		text += *text == ' ';
	}
	if (column > 0)
		putc('\n', out);
}

static void
item(FILE *out, const char *name, const char *text)
{
	if (*text == '\0')
		return;
	fprintf(out, ".It %s\n", name);
	prose(out, text);
}

static void
thresholds(FILE *out, enum incident incident)
{
	char value[32];

	for (size_t i = 0; i < RULES_THRESHOLD_COUNT; i++) {
		const struct rules_threshold_info *t =
			rules_threshold((enum rules_threshold)i);

		if (t->incident != incident)
			continue;
		fprintf(out, ".It Ic %s No = %s\n", t->name,
			rules_value(value, t->unit, t->preset));
		prose(out, t->help);
	}
}

static void
entry(FILE *out, enum incident incident)
{
	const struct catalogue_entry *e = catalogue_entry(incident);

	fprintf(out, ".Ss %s\n.Bl -tag -width \"not shown\" -compact\n", e->id);
	item(out, "severity", e->severity);
	item(out, "when", e->when);
	item(out, "not when", e->unless);
	item(out, "until", e->until);
	item(out, "needs", e->needs);
	item(out, "means", e->meaning);
	item(out, "do", e->advice);
	item(out, "not shown", e->blind);
	thresholds(out, incident);
	fputs(".El\n", out);
}

void
manual_incidents(FILE *out)
{
	fputs(head, out);
	fputs(".Sh INCIDENTS\n", out);
	for (size_t i = 0; i < INCIDENT_COUNT; i++)
		entry(out, (enum incident)i);
	fputs(".Sh FACTS\n", out);
	for (size_t i = INCIDENT_COUNT; i < CATALOGUE_COUNT; i++)
		entry(out, (enum incident)i);
	fputs(".Sh SEE ALSO\n"
	      ".Xr pinfoctl 1 ,\n"
	      ".Xr pinfod.conf 5 ,\n"
	      ".Xr pinfod 8\n",
	      out);
}
