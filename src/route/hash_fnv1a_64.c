/*
 * What libmemcached calls FNV-1a of 64 bits, and computes in 32, with the lower
 * halves of that one's constants.
 */
#include "route/hash.h"
#include "route/words.h"

uint32_t omc_hash_fnv1a_64(const unsigned char *bytes, size_t len)
{
    const uint32_t offset = 0x84222325, prime = 0x1b3;
    uint32_t hash = offset;

    for (size_t i = 0; i < len; i++) {
        hash ^= (uint32_t)omc_words_char(bytes[i]);
        hash *= prime;
    }
    return hash;
}
