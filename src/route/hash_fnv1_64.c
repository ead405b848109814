/*
 * The lower half of FNV-1 of 64 bits.
 */
#include "route/hash.h"
#include "route/words.h"

uint32_t omc_hash_fnv1_64(const unsigned char *bytes, size_t len)
{
    const uint64_t offset = 0xcbf29ce484222325, prime = 0x100000001b3;
    uint64_t hash = offset;

    for (size_t i = 0; i < len; i++) {
        hash *= prime;
        hash ^= (uint64_t)omc_words_char(bytes[i]);
    }
    return (uint32_t)hash;
}
