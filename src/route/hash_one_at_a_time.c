/*
 * The one-at-a-time hash.
 */
#include "route/hash.h"
#include "route/words.h"

static inline uint32_t add_byte(uint32_t hash, unsigned char byte)
{
    hash += (uint32_t)omc_words_char(byte);
    hash += hash << 10;
    return hash ^ hash >> 6;
}

/* Eight bytes a turn, as counting them costs a fourth of it all. */
uint32_t omc_hash_one_at_a_time(const unsigned char *bytes, size_t len)
{
    uint32_t hash = 0;

    for (; len >= 8; bytes += 8, len -= 8) {
        hash = add_byte(add_byte(hash, bytes[0]), bytes[1]);
        hash = add_byte(add_byte(hash, bytes[2]), bytes[3]);
        hash = add_byte(add_byte(hash, bytes[4]), bytes[5]);
        hash = add_byte(add_byte(hash, bytes[6]), bytes[7]);
    }
    for (; len > 0; bytes++, len--)
        hash = add_byte(hash, *bytes);
    hash += hash << 3;
    hash ^= hash >> 11;
    hash += hash << 15;
    return hash;
}
