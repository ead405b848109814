/*
 * The time of day for the one file of a test program that includes this: always the same.  The
 * numbers of a handle's requests begin with it.  Over binary one with a line's end among its bytes
 * has to wait until the hello is answered; none of the first 250 does here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_PLAIN_TIME_H
#define TESTS_PLAIN_TIME_H

#include <time.h>

/* In the C library's header the parameter has a name that is reserved.
 * NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
__attribute__((visibility("default"))) time_t time(time_t *place)
{
    const time_t now = 0x2020200b;

    if (place != NULL)
        *place = now;
    return now;
}

#endif
