/*
 * acl: the ACL rule that gives pinfod's user on a server what it needs. Pure.
 */
#ifndef ACL_H
#define ACL_H

#include "target_config.h"

/*
 * The line to paste into redis-cli, with >PASSWORD as a placeholder; the caller
 * frees it. user NULL: pinfod. version as the server says it ("7.0.15"), NULL
 * or "" when it has not been heard. NULL for servers before 6.0, which have no
 * ACLs. channel: of the feed, without a tag; with a tag (its text does not matter,
 * for it changes) SPUBLISH is granted in place of PUBLISH, on any tag. A node of a
 * cluster is asked for the others, too.
 *
 * Measured on 6.0, 7.0, 8.0 and Valkey 8.1: channel rules exist from 6.2, SPUBLISH
 * from 7.0; before, its name makes the whole line an error.
 */
char *acl_line(const char *user, const char *version, const char *channel,
	       const char *tag, enum target_identity identity);

#endif
