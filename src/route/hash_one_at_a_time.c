/*
 * The one-at-a-time hash.
 */
#include "route/hash.h"
#include "route/words.h"

uint32_t omc_hash_one_at_a_time(const unsigned char *bytes, size_t len)
{
    uint32_t hash = 0;

    for (size_t i = 0; i < len; i++) {
        hash += (uint32_t)omc_words_char(bytes[i]);
        hash += hash << 10;
        hash ^= hash >> 6;
    }
    hash += hash << 3;
    hash ^= hash >> 11;
    hash += hash << 15;
    return hash;
}
