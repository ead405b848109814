/*
 * Making requests out of the arguments that exported functions take.
 */
#ifndef OMC_API_ARGUMENTS_H
#define OMC_API_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "client/handle.h"
#include "client/pins.h"
#include "omcache.h"
#include "proto/ask.h"

/* The opcode for a call: the quiet one if nobody waits for the answer. */
static inline uint8_t omc_arguments_opcode(bool wanted, enum omc_opcode quiet, enum omc_opcode loud)
{
    return (uint8_t)(wanted ? loud : quiet);
}

enum {
    /* What counts as a date in every protocol, being more than 30 days, and was over
     * before memcached was born. */
    OMC_ARGUMENTS_LONG_AGO = 30 * 24 * 60 * 60 + 1,
};

/* More than any value, with a key and more in front of it, may have of 32 bits. */
#define OMC_ARGUMENTS_TOO_LONG (UINT32_MAX - 2 * OMC_ASK_KEY_MAX)

/* The one place that makes an expiration of a time_t.  Negative ones are over; dates that
 * 32 bits do not hold become the last one that is no OMCACHE_DELTA_NO_ADD. */
static inline uint32_t omc_arguments_expiration(time_t expiration)
{
    int64_t seconds = expiration;

    if (seconds < 0)
        seconds = OMC_ARGUMENTS_LONG_AGO;
    return seconds > UINT32_MAX ? UINT32_MAX - 1 : (uint32_t)seconds;
}

/* That of a counter, which may be none. */
static inline uint32_t omc_arguments_delta_expiration(time_t expiration)
{
    bool no_add = expiration == -1; /* which OMCACHE_DELTA_NO_ADD is in a time_t of 32 bits */

    return no_add ? OMCACHE_DELTA_NO_ADD : omc_arguments_expiration(expiration);
}

/* When to flush: what is over is now. */
static inline uint32_t omc_arguments_flush_time(time_t expiration)
{
    return expiration < 0 ? 0 : omc_arguments_expiration(expiration);
}

/* The length of a value in a request; OMC_ARGUMENTS_TOO_LONG: it cannot have that. */
static inline uint32_t omc_arguments_value_len(size_t len)
{
    return len < OMC_ARGUMENTS_TOO_LONG ? (uint32_t)len : OMC_ARGUMENTS_TOO_LONG;
}

/* Gives a request, which has its value, a key; false if it cannot have that, or the value. */
bool omc_arguments_set_key(const omcache_t *mc, struct omc_ask *ask, const void *key,
                           size_t key_len);

/* For omc_arguments_keep_lent. */
bool omc_arguments_copy(struct omc_ask *ask, unsigned char **copy);

/* Whether these bytes were handed out by the call before, and are taken back in the one that is
 * about to begin. */
static inline bool omc_arguments_is_lent(const omcache_t *mc, const void *bytes, size_t len)
{
    return len > 0 && omc_pins_lend(mc, bytes, omc_inbox_level_of_call(mc->shared.depth + 1));
}

/* The key or the value of a request may be what the call before handed out, and what the next one
 * takes back.  Then the request gets a copy of both, *copy, for the caller to free.  False without
 * memory. */
static inline bool omc_arguments_keep_lent(const omcache_t *mc, struct omc_ask *ask,
                                           unsigned char **copy)
{
    *copy = NULL;
    if (!omc_arguments_is_lent(mc, ask->key, ask->key_len) &&
        !omc_arguments_is_lent(mc, ask->value, ask->value_len))
        return true;
    return omc_arguments_copy(ask, copy);
}

/* Reads a request of the application's own; false if it cannot be sent. */
bool omc_arguments_read(const omcache_t *mc, const omcache_req_t *req, struct omc_ask *ask);

#endif
