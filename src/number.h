/*
 * number: decimal numbers as people write them, without exponents. Pure.
 */
#ifndef NUMBER_H
#define NUMBER_H

#include <stdbool.h>

#define NUMBER_DIGITS_MAX 15

/*
 * Reads a minus sign or none, and digits with at most one point: "40", "-1",
 * "1.5". False when the text is anything else, or has more than
 * NUMBER_DIGITS_MAX digits; *value is set only on success, and is the double
 * that is nearest to the text.
 */
bool number_parse(const char *text, double *value);

/*
 * The shortest text that number_parse reads as this, of what it can read; in
 * buf, which is returned.
 */
const char *number_text(char buf[static 32], double value);

#endif
