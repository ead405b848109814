/*
 * FNV-1a of 32 bits: xor, then multiply.
 */
#include "route/hash.h"
#include "route/words.h"

uint32_t omc_hash_fnv1a_32(const unsigned char *bytes, size_t len)
{
    const uint32_t offset = 0x811c9dc5, prime = 0x01000193;
    uint32_t hash = offset;

    for (size_t i = 0; i < len; i++) {
        hash ^= (uint32_t)omc_words_char(bytes[i]);
        hash *= prime;
    }
    return hash;
}
