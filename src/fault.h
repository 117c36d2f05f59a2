/*
 * fault: why a server cannot be used.
 */
#ifndef FAULT_H
#define FAULT_H

enum fault {
	FAULT_UNREACHABLE, /* no connection, or it broke */
	FAULT_SILENT,	   /* connected, but past a deadline */
	FAULT_DENIED,	   /* NOAUTH, WRONGPASS, NOPERM, protected mode */
	FAULT_BUSY,	   /* -BUSY: it runs a script and answers nothing else */
	FAULT_REFUSED,	   /* another error: max clients, loading */
	FAULT_HOSTILE,	   /* it broke the protocol, or the fence */
};

/*
 * What the prefix of an error reply means: FAULT_DENIED, FAULT_BUSY or
 * FAULT_REFUSED. The texts behind the prefixes differ by version.
 */
enum fault fault_of_error(const char *error);

#endif
