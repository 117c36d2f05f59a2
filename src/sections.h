/*
 * sections: the sections of INFO beside persistence that make a wide sample, and
 * how one server lets itself be asked for them. Pure.
 *
 * A round begins with all of them in one INFO, which is understood from 7.0 on;
 * where that is answered by an error, one INFO a section follows. A section
 * that is refused is left out until the next connection.
 *
 * A reply past its bound ends the connection, so that much is allowed twice: the
 * first time all that was asked for is asked for alone from then on, the second
 * time it is left out for good.
 */
#ifndef SECTIONS_H
#define SECTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define SECTIONS_COUNT 6
#define SECTIONS_TEXT_BYTES 96

/* All zero is a server of which nothing is known yet, and no round. */
struct sections {
	unsigned overflows[SECTIONS_COUNT];
	bool refused[SECTIONS_COUNT]; /* on this connection */
	bool apart;		      /* one INFO a section */
	bool open;		      /* a round is going on */
	unsigned next; /* in it, the section to be asked for when apart */
};

/* Another connection: what was refused on the last one is tried again. */
void sections_renew(struct sections *s);

/* Begins a round, from the start. */
void sections_begin(struct sections *s);

/* The next request of the round; NULL when there is none left, which ends it. */
const char *sections_request(struct sections *s, size_t *len);

/* What became of that request: its text came, an error, or too long a reply. */
void sections_answered(struct sections *s);
void sections_refused(struct sections *s);
void sections_overflowed(struct sections *s);

/* "INFO server stats": what is refused; "" when nothing is. In buf. */
const char *sections_refused_text(char buf[static SECTIONS_TEXT_BYTES],
				  const struct sections *s);

/* The same for what is left out because it is too long. */
const char *sections_dropped_text(char buf[static SECTIONS_TEXT_BYTES],
				  const struct sections *s);

#endif
