/*
 * Counting.  It happens for every answer, so there is little of it.
 */
#include "link/counters.h"

#include "base/histogram.h"
#include "proto/opcode.h"

/* A 32-bit number has a bucket whatever it is. */
_Static_assert(OMCACHE_LATENCY_BUCKETS == 32, "a bucket for each bit");

void omc_counters_reply(struct omc_counters *counters, const struct omc_reply *reply, uint32_t usec)
{
    if (!reply->last)
        return;
    counters->replies++;
    counters->latency[31 - __builtin_clz(usec | 1)]++;
    if (counters->steps != NULL)
        omc_histogram_count(counters->steps, usec);
    if (!omc_opcode_is_get(reply->opcode))
        return;
    if (reply->value.status == OMCACHE_OK)
        counters->hits++;
    else if (reply->value.status == OMCACHE_NOT_FOUND)
        counters->misses++;
}

void omc_counters_silence(struct omc_counters *counters, uint8_t opcode)
{
    if (omc_opcode_is_get(opcode))
        counters->misses++;
}
