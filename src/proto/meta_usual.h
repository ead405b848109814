/*
 * What answers of the meta protocol usually are: values, misses, stores and no-ops, with the flags
 * that are asked for, in that order.
 */
#ifndef OMC_PROTO_META_USUAL_H
#define OMC_PROTO_META_USUAL_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "omcache.h"
#include "proto/codec.h"

enum {
    OMC_META_STATUS_SIZE = 2, /* of the letters that an answer begins with */
};

/* What put_number of meta_request.c has written; false if it has not. */
static inline bool omc_meta_usual_number(const unsigned char *at, uint32_t *number)
{
    uint64_t digits;

    memcpy(&digits, at, sizeof(digits));
    digits = be64toh(digits) ^ 0x3030303030303030;
    if ((digits & 0xf0f0f0f0f0f0f0f0) != 0)
        return false;
    digits = (digits | digits >> 4) & 0x00ff00ff00ff00ff;
    digits = (digits | digits >> 8) & 0x0000ffff0000ffff;
    *number = (uint32_t)(digits | digits >> 16);
    return true;
}

/* The codec's `usual`. */
const unsigned char *omc_meta_usual(const unsigned char *bytes, const unsigned char *end,
                                    struct omc_asked *asked, omcache_value_t *value);

#endif
