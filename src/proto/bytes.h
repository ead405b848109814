/*
 * Numbers in network byte order, anywhere in memory.
 */
#ifndef OMC_PROTO_BYTES_H
#define OMC_PROTO_BYTES_H

#include <endian.h>
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
