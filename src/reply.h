/*
 * reply: what a server answered, as far as pinfod cares.
 */
#ifndef REPLY_H
#define REPLY_H

#include <stddef.h>

#include "clock.h"
#include "fault.h"

enum reply_kind {
	REPLY_TEXT,    /* text, len */
	REPLY_INTEGER, /* integer */
	REPLY_ERROR,   /* text, len: "NOPERM this user has no ..." */
	REPLY_LIST,    /* see connection_list_text */
	REPLY_NIL,
	REPLY_LOST, /* text: why the connection ended before the answer */
};

/* Borrowed for the call. text is never NULL, NUL-terminated, and may hold NULs. */
struct reply {
	enum reply_kind kind;
	const char *text;
	size_t len;
	long long integer;
	const void *list;
	enum fault fault;      /* of REPLY_LOST */
	struct mono sent, now; /* of the request, and of this */
};

#endif
