/*
 * manual: the manual page of the incidents, pinfod-incidents(7), made of the
 * catalogue and of the thresholds. Pure. `make manual` writes docs/ by it.
 */
#ifndef MANUAL_H
#define MANUAL_H

#include <stdio.h>

void manual_incidents(FILE *out);

#endif
