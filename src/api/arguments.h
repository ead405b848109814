/*
 * Making requests out of the arguments that exported functions take.
 */
#ifndef OMC_API_ARGUMENTS_H
#define OMC_API_ARGUMENTS_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "omcache.h"
#include "proto/opcode.h"

/* Extras as they go over the wire. */
struct omc_arguments_store {
    uint32_t flags;
    uint32_t expiration;
};

struct omc_arguments_delta {
    uint64_t delta;
    uint64_t initial;
    uint32_t expiration;
} __attribute__((packed));

struct omc_arguments_piece {
    const void *bytes;
    size_t len;
};

/* What goes into a request; parts that are not named are empty. */
struct omc_arguments {
    uint8_t opcode;
    struct omc_arguments_piece key;
    struct omc_arguments_piece extra;
    struct omc_arguments_piece data;
    uint64_t cas;
};

/* The opcode for a call: the quiet one if nobody waits for the answer. */
static inline uint8_t omc_arguments_opcode(bool wanted, enum omc_opcode quiet, enum omc_opcode loud)
{
    return (uint8_t)(wanted ? loud : quiet);
}

enum {
    /* What counts as a date in every protocol, being more than 30 days, and was over
     * before memcached was born. */
    OMC_COMMAND_LONG_AGO = 30 * 24 * 60 * 60 + 1,
};

/* The one place that makes an expiration of a time_t.  Negative ones are over; dates that
 * 32 bits do not hold become the last one that is no OMCACHE_DELTA_NO_ADD. */
static inline uint32_t omc_arguments_expiration(time_t expiration)
{
    int64_t seconds = expiration;

    if (seconds < 0)
        seconds = OMC_COMMAND_LONG_AGO;
    return htobe32(seconds > UINT32_MAX ? UINT32_MAX - 1 : (uint32_t)seconds);
}

/* When to flush: what is over is now. */
static inline uint32_t omc_arguments_flush_time(time_t expiration)
{
    return expiration < 0 ? 0 : omc_arguments_expiration(expiration);
}

static inline struct omc_arguments_store omc_arguments_store(uint32_t flags, time_t expiration)
{
    return (struct omc_arguments_store){htobe32(flags), omc_arguments_expiration(expiration)};
}

static inline struct omc_arguments_delta omc_arguments_delta(uint64_t delta, uint64_t initial,
                                                             time_t expiration)
{
    bool no_add = expiration == -1; /* which OMCACHE_DELTA_NO_ADD is in a time_t of 32 bits */

    return (struct omc_arguments_delta){htobe64(delta), htobe64(initial),
                                        no_add ? OMCACHE_DELTA_NO_ADD
                                               : omc_arguments_expiration(expiration)};
}

/* Makes a request by key; false if it cannot be one. */
bool omc_arguments_fill(const omcache_t *mc, omcache_req_t *req,
                        const struct omc_arguments *command);

#endif
