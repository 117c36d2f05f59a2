/*
 * duration: lengths of time as people write them: "5", "0.5", "500ms", "2m".
 */
#ifndef DURATION_H
#define DURATION_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads digits with at most one point, then nothing (seconds) or one of
 * ms, s, m, h, d. No sign, no exponent, no blanks. False when the text is
 * anything else or is longer than 10,000 days; *ns is set only on success.
 */
bool duration_parse(const char *text, int64_t *ns);

/*
 * The shortest of the forms that duration_parse reads in seconds: "5", "0.25".
 * buf is returned.
 */
const char *duration_seconds(char buf[static 32], int64_t ns);

/* With the longest unit that divides it: "5m", "90s", "250ms", else as "0.0001s". */
const char *duration_text(char buf[static 32], int64_t ns);

#endif
