/*
 * number: see number.h. An integer divided by a power of ten, both exact, is
 * rounded once; and no locale has a say, as it has in strtod(3).
 */
#include "number.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool
digits_parse(const char *text, double *value)
{
	int64_t digits = 0, scale = 1;
	unsigned count = 0;
	bool point = false, any = false;

	for (; *text != '\0'; text++) {
		if (*text == '.' && !point) {
			point = true;
		} else if (*text >= '0' && *text <= '9' && count < NUMBER_DIGITS_MAX) {
			digits = digits * 10 + (*text - '0');
			scale *= point ? 10 : 1;
			any = true;
			/* Zeros in front say nothing. */
			count += digits > 0 || point;
		} else {
			return false;
		}
	}
	if (!any)
		return false;
	*value = (double)digits / (double)scale;
	return true;
}

bool
number_parse(const char *text, double *value)
{
	bool negative = *text == '-';

	if (!digits_parse(text + negative, value))
		return false;
	/* 0 - 0 is no negative zero. */
	if (negative)
		*value = 0 - *value;
	return true;
}

const char *
number_text(char buf[static 32], double value)
{
	for (int places = 0; places <= NUMBER_DIGITS_MAX; places++) {
		double again;

		snprintf(buf, 32, "%.*f", places, value);
		if (number_parse(buf, &again) && again == value)
			break;
	}
	return buf;
}
