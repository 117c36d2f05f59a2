/*
 * courtesy: see courtesy.h.
 */
#include "courtesy.h"

#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "client.h"
#include "resp.h"

void
courtesy_ping(struct call *c)
{
	if (c->out->version == 2 && client_subscriptions(c->client) > 0) {
		resp_array(c->out, 2);
		resp_text(c->out, "pong");
		resp_bulk(c->out, c->argc > 1 ? call_word(c, 1) : "",
			  c->argc > 1 ? c->argv[1].len : 0);
	} else if (c->argc > 1) {
		resp_bulk(c->out, call_word(c, 1), c->argv[1].len);
	} else {
		resp_status(c->out, "PONG");
	}
}

void
courtesy_echo(struct call *c)
{
	resp_bulk(c->out, call_word(c, 1), c->argv[1].len);
}

/* Redis' rule for names: no blanks, nothing that does not print. */
static bool
name_is_fine(const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name < '!' || *name > '~')
			return false;
	}
	return true;
}

/* Takes AUTH and SETNAME after HELLO's version; false: the answer is written. */
static bool
hello_options(struct call *c, const char **name)
{
	for (int i = 2; i < c->argc;) {
		if (call_word_is(c, i, "AUTH") && i + 2 < c->argc) {
			i += 3;
		} else if (call_word_is(c, i, "SETNAME") && i + 1 < c->argc &&
			   name_is_fine(call_word(c, i + 1))) {
			*name = call_word(c, i + 1);
			i += 2;
		} else {
			resp_error(c->out, "ERR Syntax error in HELLO option '%.40s'",
				   call_word(c, i));
			return false;
		}
	}
	return true;
}

void
courtesy_hello(struct call *c)
{
	int version = c->out->version;
	const char *name = NULL;

	if (c->argc > 1) {
		if (!call_word_is(c, 1, "2") && !call_word_is(c, 1, "3")) {
			resp_error(c->out, "NOPROTO unsupported protocol version");
			return;
		}
		version = *call_word(c, 1) - '0';
	}
	if (!hello_options(c, &name))
		return;
	client_set_version(c->client, version);
	if (name != NULL)
		client_set_name(c->client, name);
	resp_map(c->out, 7);
	resp_text(c->out, "server");
	resp_text(c->out, "pinfod");
	resp_text(c->out, "version");
	resp_text(c->out, PINFOD_VERSION);
	resp_text(c->out, "proto");
	resp_integer(c->out, version);
	resp_text(c->out, "id");
	resp_integer(c->out, (long long)client_id(c->client));
	resp_text(c->out, "mode");
	resp_text(c->out, "standalone");
	resp_text(c->out, "role");
	resp_text(c->out, "master");
	resp_text(c->out, "modules");
	resp_array(c->out, 0);
}

void
courtesy_auth(struct call *c)
{
	call_ok(c);
}

void
courtesy_select(struct call *c)
{
	if (strcmp(call_word(c, 1), "0") == 0)
		call_ok(c);
	else
		resp_error(c->out, "ERR DB index is out of range");
}

void
courtesy_client(struct call *c)
{
	if (call_word_is(c, 1, "SETNAME") && c->argc == 3) {
		if (!name_is_fine(call_word(c, 2))) {
			resp_error(c->out, "ERR Client names cannot contain spaces, "
					   "newlines or special characters.");
			return;
		}
		client_set_name(c->client, call_word(c, 2));
		call_ok(c);
	} else if (call_word_is(c, 1, "GETNAME") && c->argc == 2) {
		if (*client_name(c->client) != '\0')
			resp_text(c->out, client_name(c->client));
		else
			resp_null(c->out);
	} else if (call_word_is(c, 1, "SETINFO") && c->argc == 4) {
		call_ok(c);
	} else if (call_word_is(c, 1, "ID") && c->argc == 2) {
		resp_integer(c->out, (long long)client_id(c->client));
	} else {
		resp_error(c->out, "ERR CLIENT knows SETNAME name, GETNAME, "
				   "SETINFO attribute value and ID");
	}
}

void
courtesy_reset(struct call *c)
{
	client_reset(c->client);
	resp_status(c->out, "RESET");
}

void
courtesy_quit(struct call *c)
{
	call_ok(c);
	client_close(c->client);
}
