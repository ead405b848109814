/*
 * Counting.  It happens for every answer, so there is little of it.
 */
#include "link/counters.h"

#include "base/histogram.h"
#include "proto/opcode.h"

/* A 32-bit number has a bucket whatever it is. */
_Static_assert(OMCACHE_LATENCY_BUCKETS == 32, "a bucket for each bit");

/* Whether it asks for a value, which is there or not. */
static inline bool is_for_value(uint8_t opcode)
{
    return (omc_opcode_kind(opcode) & (OMC_KIND_GET | OMC_KIND_CHECK)) != 0;
}

void omc_counters_answers(struct omc_counters *counters, uint8_t opcode, int status, uint32_t usec,
                          uint32_t count)
{
    counters->replies += count;
    counters->latency[31 - __builtin_clz(usec | 1)] += count;
    if (counters->steps != NULL)
        omc_histogram_count(counters->steps, usec, count);
    if (!is_for_value(opcode))
        return;
    if (status == OMCACHE_OK)
        counters->hits += count;
    else if (status == OMCACHE_NOT_FOUND)
        counters->misses += count;
}

void omc_counters_silence(struct omc_counters *counters, uint8_t opcode)
{
    if (is_for_value(opcode))
        counters->misses++;
}
