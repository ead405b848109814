/*
 * Time and deadlines, in milliseconds of a clock that never jumps.  Only the
 * api floor asks for the time; below it, time is an argument.
 */
#ifndef OMC_BASE_CLOCK_H
#define OMC_BASE_CLOCK_H

#include <stdint.h>

/* The deadline that never comes. */
#define OMC_CLOCK_NEVER INT64_MAX

/* What that clock shows, in microseconds. */
int64_t omc_clock_usec(void);

/* The date, in seconds since 1970: for servers, to whom a distant time is one. */
int64_t omc_clock_date(void);

/* The moment msec after now; a negative msec means never. */
int64_t omc_clock_after(int64_t now, int64_t msec);

/* How long poll() may sleep until the deadline: -1 for never, 0 if it is past. */
int omc_clock_left(int64_t now, int64_t deadline);

#endif
