/*
 * The one-at-a-time hash.
 */
#include "route/hash.h"
#include "route/words.h"

uint32_t omc_hash_one_at_a_time_feed(uint32_t hash, const void *bytes, size_t len)
{
    const unsigned char *byte = bytes;

    for (size_t i = 0; i < len; i++) {
        hash += (uint32_t)omc_words_char(byte[i]);
        hash += hash << 10;
        hash ^= hash >> 6;
    }
    return hash;
}

uint32_t omc_hash_one_at_a_time_finish(uint32_t hash)
{
    hash += hash << 3;
    hash ^= hash >> 11;
    hash += hash << 15;
    return hash;
}

uint32_t omc_hash_one_at_a_time(const unsigned char *bytes, size_t len)
{
    return omc_hash_one_at_a_time_finish(omc_hash_one_at_a_time_feed(0, bytes, len));
}
