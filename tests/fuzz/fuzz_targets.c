/*
 * A file of targets. What is taken has good names and addresses, nothing twice, and
 * no password; written as lines it reads the same; what is refused is told.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target_config.h"
#include "targets_text.h"
#include "xalloc.h"

#define TARGETS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
check_report(const struct targets_text_report *report)
{
	for (size_t i = 0; i < TARGETS_TEXT_COMPLAINTS; i++) {
		check(report->complaints[i] == NULL || i < report->bad);
		for (const char *p = report->complaints[i]; p && *p != '\0'; p++)
			check(*p >= ' ' && *p <= '~');
	}
	check((report->bad > 0) == (report->complaints[0] != NULL));
}

static void
check_members(const struct members *m)
{
	char error[512];

	check(m->count <= TARGETS_MAX);
	for (size_t i = 0; i < m->count; i++) {
		const struct member *one = &m->list[i];

		check(target_config_name_ok(one->name, error, sizeof(error)));
		check((one->endpoint.host == NULL) != (one->endpoint.path == NULL));
		check(one->endpoint.password == NULL);
		check(i == 0 || strcmp(m->list[i - 1].name, one->name) < 0);
		for (size_t k = 0; k < i; k++)
			check(!endpoint_same_address(&one->endpoint,
						     &m->list[k].endpoint));
	}
}

/* A line for each but those whose user or name a line cannot hold. */
static void
try_again(const struct members *m)
{
	char *text = xstrdup(""), where[ENDPOINT_TEXT_BYTES];
	struct targets_text_report report;
	struct members again;
	size_t count = 0;

	for (size_t i = 0; i < m->count; i++) {
		const struct member *one = &m->list[i];
		const char *scheme = one->endpoint.path != NULL ? "unix://"
				     : one->endpoint.tls.on	? "rediss://"
								: "redis://";
		char *more;

		endpoint_name(&one->endpoint, where);
		if (one->name[0] == '#' || strchr(where, ' ') != NULL)
			continue;
		more = xasprintf("%s%s%s %s\r\n", text, scheme, where, one->name);
		free(text);
		text = more;
		count++;
	}
	check(targets_text_parse(text, strlen(text), TARGETS_MAX, &again, &report));
	check(report.bad == 0 && again.count == count);
	for (size_t i = 0; i < count; i++) {
		const struct member *one = &again.list[i];
		const struct member *old = members_find(m, one->name);

		check(old != NULL && old->endpoint.tls.on == one->endpoint.tls.on);
		check(endpoint_same_address(&old->endpoint, &one->endpoint));
	}
	members_fini(&again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct targets_text_report report;
	struct members m;

	if (!targets_text_parse((const char *)data, size, TARGETS_MAX, &m, &report))
		check(m.count == 0 && report.bad == 1);
	check_report(&report);
	check_members(&m);
	try_again(&m);
	members_fini(&m);
	targets_text_report_fini(&report);
	return 0;
}
