/*
 * size: amounts of bytes as people write them: "1GiB", "500MB", "2gb". Pure.
 */
#ifndef SIZE_H
#define SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* Doubles are exact up to here: what INFO tells is kept as those. */
#define SIZE_LIMIT (INT64_C(1) << 53)

/* What a unit may be, for messages. */
#define SIZE_UNITS "KiB MiB GiB TiB, kB MB GB TB, or redis.conf's k kb m mb g gb"

/*
 * Reads digits, and then nothing or B (bytes), one of KiB MiB GiB TiB (powers of
 * 1024), one of kB MB GB TB (powers of 1000), or what redis.conf calls it, in its
 * lower case and with its meaning: k m g are powers of 1000, kb mb gb of 1024.
 * redis.conf would take "2GB" for 2gb; here case tells them apart, and any other
 * mixture is refused. No sign, no fraction, no blanks. False when the text is
 * anything else, or is more than SIZE_LIMIT; *bytes is set only on success.
 */
bool size_parse(const char *text, int64_t *bytes);

/* The shortest form that size_parse reads as exactly this; in buf, returned. */
const char *size_text(char buf[static 32], int64_t bytes);

#endif
