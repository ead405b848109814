/*
 * Numbers in network byte order, anywhere in memory, and short copies.
 */
#ifndef OMC_PROTO_BYTES_H
#define OMC_PROTO_BYTES_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t omc_bytes_get16(const unsigned char *bytes)
{
    uint16_t number;

    memcpy(&number, bytes, sizeof(number));
    return be16toh(number);
}

static inline uint32_t omc_bytes_get32(const unsigned char *bytes)
{
    uint32_t number;

    memcpy(&number, bytes, sizeof(number));
    return be32toh(number);
}

static inline uint64_t omc_bytes_get64(const unsigned char *bytes)
{
    uint64_t number;

    memcpy(&number, bytes, sizeof(number));
    return be64toh(number);
}

/* These write at out and return where to go on. */

/* What is as short as keys are: it is copied by the time that memcpy would have found out how
 * long it is. */
static inline unsigned char *omc_bytes_put(unsigned char *out, const unsigned char *bytes,
                                           size_t len)
{
    const size_t large = 16, small = 8;

    if (len >= large) {
        for (size_t at = 0; at < len - large; at += large)
            memcpy(out + at, bytes + at, large);
        memcpy(out + len - large, bytes + len - large, large);
    } else if (len >= small) {
        memcpy(out, bytes, small);
        memcpy(out + len - small, bytes + len - small, small);
    } else {
        for (size_t at = 0; at < len; at++)
            out[at] = bytes[at];
    }
    return out + len;
}

static inline unsigned char *omc_bytes_put32(unsigned char *out, uint32_t number)
{
    number = htobe32(number);
    memcpy(out, &number, sizeof(number));
    return out + sizeof(number);
}

static inline unsigned char *omc_bytes_put64(unsigned char *out, uint64_t number)
{
    number = htobe64(number);
    memcpy(out, &number, sizeof(number));
    return out + sizeof(number);
}

#endif
