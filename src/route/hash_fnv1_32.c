/*
 * FNV-1 of 32 bits: multiply, then xor.
 */
#include "route/hash.h"
#include "route/words.h"

uint32_t omc_hash_fnv1_32(const unsigned char *bytes, size_t len)
{
    const uint32_t offset = 0x811c9dc5, prime = 0x01000193;
    uint32_t hash = offset;

    for (size_t i = 0; i < len; i++) {
        hash *= prime;
        hash ^= (uint32_t)omc_words_char(bytes[i]);
    }
    return hash;
}
