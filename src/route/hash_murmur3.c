/*
 * MurmurHash3_x86_32 with a seed made of the length.
 */
#include "route/hash.h"
#include "route/words.h"

#define SEED 0xdeadbeefU

static uint32_t scramble(uint32_t word)
{
    return omc_words_rotate(word * 0xcc9e2d51U, 15) * 0x1b873593U;
}

static uint32_t finish_murmur3(uint32_t hash)
{
    hash ^= hash >> 16;
    hash *= 0x85ebca6bU;
    hash ^= hash >> 13;
    hash *= 0xc2b2ae35U;
    hash ^= hash >> 16;
    return hash;
}

uint32_t omc_hash_murmur3(const unsigned char *bytes, size_t len)
{
    uint32_t hash = SEED * (uint32_t)len, tail = 0, total = (uint32_t)len;

    for (; len >= 4; bytes += 4, len -= 4)
        hash = omc_words_rotate(hash ^ scramble(omc_words_get32(bytes)), 13) * 5 + 0xe6546b64U;
    for (size_t i = 0; i < len; i++)
        tail |= (uint32_t)bytes[i] << (8 * i);
    return finish_murmur3(hash ^ scramble(tail) ^ total);
}
