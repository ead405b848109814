/*
 * How hash functions read bytes: little-endian numbers, rotated words, and single
 * bytes as the platform's char has them.
 */
#ifndef OMC_ROUTE_WORDS_H
#define OMC_ROUTE_WORDS_H

#include <stdint.h>

static inline uint32_t omc_words_get16(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static inline uint32_t omc_words_get32(const unsigned char *bytes)
{
    return omc_words_get16(bytes) | omc_words_get16(bytes + 2) << 16;
}

static inline uint32_t omc_words_rotate(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

static inline int omc_words_char(unsigned char byte)
{
    return (char)byte; /* NOLINT(bugprone-signed-char-misuse): its sign is meant */
}

#endif
