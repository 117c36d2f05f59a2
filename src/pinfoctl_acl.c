/*
 * acl: the line that gives pinfod's user on the server what it needs, to be pasted
 * into redis-cli there. The password stays a placeholder: pinfoctl does not know it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"
#include "json.h"
#include "pinfoctl.h"
#include "pinfoctl_say.h"
#include "pinfoctl_view.h"
#include "xalloc.h"

static char *
acl_text(const struct view_target *t)
{
	bool node = t->identity != NULL && strcmp(t->identity, "node") == 0;

	return acl_line(t->user, t->server_version, t->channel, t->tag,
			node ? IDENTITY_NODE : IDENTITY_ADDRESS);
}

/* What is to be said beside the line, which is NULL where there are no ACLs. */
static char *
acl_note(const struct view_target *t, const char *line)
{
	if (line == NULL)
		return xasprintf("%s %s has no ACLs, they came with 6.0: requirepass "
				 "is all",
				 t->server ? t->server : "server", t->server_version);
	if (t->server_version == NULL)
		return xstrdup("its version is not known yet; this is for 6.2 and "
			       "later");
	return NULL;
}

/* One target alone gets a line that can be piped; with several, say whose it is. */
static void
print_acl(const struct view_target *t, bool alone, const char *line, const char *note)
{
	if (!alone)
		printf("# %s, %s%s%s%s%s\n", t->name, t->address, t->server ? ", " : "",
		       t->server ? t->server : "", t->server_version ? " " : "",
		       t->server_version ? t->server_version : "");
	if (note != NULL) {
		fflush(stdout);
		fprintf(alone && line != NULL ? stderr : stdout, "# %s\n", note);
	}
	if (line != NULL)
		puts(line);
}

int
acl_run(const struct pinfoctl *ctl)
{
	struct trouble trouble;
	struct view view;
	json_t *list;

	if (!view_get(&view, ctl, &trouble))
		return say_trouble(ctl, &trouble);
	list = json_array();
	for (size_t i = 0; i < view.count; i++) {
		const struct view_target *t = &view.targets[i];
		char *line = acl_text(t);
		char *note = acl_note(t, line);

		if (!ctl->json)
			print_acl(t, view.count == 1, line, note);
		json_array_append_new(list,
				      json_pack("{s:s, s:s?, s:s?}", "target", t->name,
						"line", line, "note", note));
		free(line);
		free(note);
	}
	if (ctl->json)
		say_json(list);
	else
		json_decref(list);
	view_fini(&view);
	return EXIT_DONE;
}
