/*
 * The monotonic clock and arithmetic on its deadlines.
 */
#include "base/clock.h"

#include <limits.h>
#include <time.h>

int64_t omc_clock_usec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + (uint32_t)ts.tv_nsec / 1000; /* no sign: it costs */
}

int64_t omc_clock_date(void)
{
    return time(NULL);
}

int64_t omc_clock_after(int64_t now, int64_t msec)
{
    if (msec < 0 || now > OMC_CLOCK_NEVER - msec)
        return OMC_CLOCK_NEVER;
    return now + msec;
}

int omc_clock_left(int64_t now, int64_t deadline)
{
    if (deadline == OMC_CLOCK_NEVER)
        return -1;
    if (deadline <= now)
        return 0;
    return deadline - now > INT_MAX ? INT_MAX : (int)(deadline - now);
}
