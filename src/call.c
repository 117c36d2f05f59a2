/*
 * call: see call.h.
 */
#include "call.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "commands.h"
#include "fleet.h"
#include "log.h"
#include "target.h"

void
call_log(const struct call *c)
{
	char words[400];
	size_t n = 0;

	words[0] = '\0';
	for (int i = 1; i < c->argc && n < sizeof(words); i++)
		n += (size_t)snprintf(words + n, sizeof(words) - n, " %s",
				      call_word(c, i));
	log_notice(NULL, "control: %s%s by client %llu", c->name, words,
		   (unsigned long long)client_id(c->client));
}

void
call_no_permission(struct call *c, const char *what, enum privilege needed)
{
	resp_error(c->out, "NOPERM %s is for root%s", what,
		   needed == PRIVILEGE_ADMIN
			   ? " and pinfod's own user"
			   : ", pinfod's own user and the control group");
}

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
	resp_error(c->out, "NOTARGET no target is called '%.80s'; there %s%s", name,
		   n > 0 ? "is: " : "are none", list);
}

bool
call_targets(struct call *c, const char *name, size_t *first, size_t *end)
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
