/*
 * What is counted of a server, for omcache_server_stats.
 */
#ifndef OMC_LINK_COUNTERS_H
#define OMC_LINK_COUNTERS_H

#include <stdint.h>

#include "omcache.h"
#include "proto/codec.h"

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

/* Counts the last answer to a request, which took so many microseconds; or so many answers of one
 * kind. */
void omc_counters_answers(struct omc_counters *counters, uint8_t opcode, int status, uint32_t usec,
                          uint32_t count);

static inline void omc_counters_answer(struct omc_counters *counters, uint8_t opcode, int status,
                                       uint32_t usec)
{
    omc_counters_answers(counters, opcode, status, usec, 1);
}

/* Counts a get whose silence means that there was nothing. */
void omc_counters_silence(struct omc_counters *counters, uint8_t opcode);

#endif
