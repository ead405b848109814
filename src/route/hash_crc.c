/*
 * 15 bits of the CRC-32.
 */
#include "route/hash.h"

enum {
    POLYNOMIAL = (int)0xedb88320,
};

/* A byte a step, its bits worked out on the spot: keys are short, and a table
 * would have to be made, or carried along. */
static uint32_t feed(uint32_t crc, unsigned char byte)
{
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++)
        crc = crc >> 1 ^ ((uint32_t)POLYNOMIAL & (0 - (crc & 1)));
    return crc;
}

uint32_t omc_hash_crc(const unsigned char *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++)
        crc = feed(crc, bytes[i]);
    return ~crc >> 16 & 0x7fff;
}
