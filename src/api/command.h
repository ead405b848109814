/*
 * Making requests out of the arguments that exported functions take.
 */
#ifndef OMC_API_COMMAND_H
#define OMC_API_COMMAND_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "omcache.h"
#include "proto/opcode.h"

/* Extras as they go over the wire. */
struct omc_command_store {
    uint32_t flags;
    uint32_t expiration;
};

struct omc_command_delta {
    uint64_t delta;
    uint64_t initial;
    uint32_t expiration;
} __attribute__((packed));

struct omc_command_piece {
    const void *bytes;
    size_t len;
};

/* What goes into a request; parts that are not named are empty. */
struct omc_command {
    uint8_t opcode;
    struct omc_command_piece key;
    struct omc_command_piece extra;
    struct omc_command_piece data;
    uint64_t cas;
};

/* The opcode for a call: the quiet one if nobody waits for the answer. */
static inline uint8_t omc_command_opcode(bool wanted, enum omc_opcode quiet, enum omc_opcode loud)
{
    return (uint8_t)(wanted ? loud : quiet);
}

static inline uint32_t omc_command_expiration(time_t expiration)
{
    return htobe32((uint32_t)expiration);
}

static inline struct omc_command_store omc_command_store(uint32_t flags, time_t expiration)
{
    return (struct omc_command_store){htobe32(flags), omc_command_expiration(expiration)};
}

static inline struct omc_command_delta omc_command_delta(uint64_t delta, uint64_t initial,
                                                         time_t expiration)
{
    return (struct omc_command_delta){htobe64(delta), htobe64(initial),
                                      omc_command_expiration(expiration)};
}

/* Makes a request by key; false if it cannot be one. */
bool omc_command_fill(const omcache_t *mc, omcache_req_t *req, const struct omc_command *command);

#endif
