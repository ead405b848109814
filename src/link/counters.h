/*
 * What is counted of a server, for omcache_server_stats.  It happens for every answer, so there is
 * little of it.
 */
#ifndef OMC_LINK_COUNTERS_H
#define OMC_LINK_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "omcache.h"
#include "proto/opcode.h"

/* A 32-bit number has a bucket whatever it is. */
_Static_assert(OMCACHE_LATENCY_BUCKETS == 32, "a bucket for each bit");

struct omc_counters {
    uint64_t connects;
    uint64_t failures;
    uint64_t requests;
    uint64_t replies;
    uint64_t hits;
    uint64_t misses;
    uint64_t timeouts;
    uint64_t lost;
    uint64_t handshakes;  /* of TLS, that succeeded */
    int32_t last_failure; /* one of omcache_failure_e */
    uint64_t latency[OMCACHE_LATENCY_BUCKETS];
    uint64_t *steps; /* the same in a histogram; NULL: nobody has asked for that */
};

/* For omc_counters_answers: whether an opcode asks for a value, which is there or not. */
static inline bool omc_counters_is_for_value(uint8_t opcode)
{
    return (omc_opcode_kind(opcode) & (OMC_KIND_GET | OMC_KIND_CHECK)) != 0;
}

/* Counts so many last answers to requests of one kind, which took so many microseconds. */
static inline void omc_counters_answers(struct omc_counters *counters, uint8_t opcode, int status,
                                        uint32_t usec, uint32_t count)
{
    counters->replies += count;
    counters->latency[31 - __builtin_clz(usec | 1)] += count;
    if (counters->steps != NULL)
        omc_histogram_count(counters->steps, usec, count);
    if (!omc_counters_is_for_value(opcode))
        return;
    if (status == OMCACHE_OK)
        counters->hits += count;
    else if (status == OMCACHE_NOT_FOUND)
        counters->misses += count;
}

static inline void omc_counters_answer(struct omc_counters *counters, uint8_t opcode, int status,
                                       uint32_t usec)
{
    omc_counters_answers(counters, opcode, status, usec, 1);
}

/* Counts a get whose silence means that there was nothing. */
static inline void omc_counters_silence(struct omc_counters *counters, uint8_t opcode)
{
    if (omc_counters_is_for_value(opcode))
        counters->misses++;
}

#endif
