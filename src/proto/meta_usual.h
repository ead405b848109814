/*
 * What answers of the meta protocol usually are: values and stores, with the flags that are
 * asked for, in that order, misses and no-ops.
 */
#ifndef OMC_PROTO_META_USUAL_H
#define OMC_PROTO_META_USUAL_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* Reads such an answer, if it is all there.  Any other is left to who reads all of them, and so is
 * one with something wrong in it. */
bool omc_meta_usual_read(const unsigned char *bytes, size_t len, size_t max_body,
                         const struct omc_expect *expect, struct omc_reply *reply, size_t *size);

#endif
