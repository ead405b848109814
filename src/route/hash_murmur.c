/*
 * MurmurHash2 with a seed made of the length.
 */
#include "route/hash.h"
#include "route/words.h"

#define MULTIPLIER 0x5bd1e995U
#define SEED 0xdeadbeefU

static uint32_t mix_word(uint32_t hash, uint32_t word)
{
    word *= MULTIPLIER;
    word ^= word >> 24;
    word *= MULTIPLIER;
    return hash * MULTIPLIER ^ word;
}

uint32_t omc_hash_murmur(const unsigned char *bytes, size_t len)
{
    uint32_t hash = (SEED * (uint32_t)len) ^ (uint32_t)len;

    for (; len >= 4; bytes += 4, len -= 4)
        hash = mix_word(hash, omc_words_get32(bytes));
    if (len == 3)
        hash ^= (uint32_t)bytes[2] << 16;
    if (len >= 2)
        hash ^= (uint32_t)bytes[1] << 8;
    if (len >= 1)
        hash = (hash ^ bytes[0]) * MULTIPLIER;
    hash ^= hash >> 13;
    hash *= MULTIPLIER;
    hash ^= hash >> 15;
    return hash;
}
