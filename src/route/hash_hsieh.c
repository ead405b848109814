/*
 * Paul Hsieh's SuperFastHash with the start value 0.  Of a tail of three bytes the
 * third counts as signed, a tail of one byte does not.
 */
#include "route/hash.h"
#include "route/words.h"

static uint32_t finish_hsieh(uint32_t hash)
{
    hash ^= hash << 3;
    hash += hash >> 5;
    hash ^= hash << 4;
    hash += hash >> 17;
    hash ^= hash << 25;
    hash += hash >> 6;
    return hash;
}

uint32_t omc_hash_hsieh(const unsigned char *bytes, size_t len)
{
    uint32_t hash = 0;
    uint32_t third;

    if (len == 0)
        return 0;
    for (; len >= 4; bytes += 4, len -= 4) {
        hash += omc_words_get16(bytes);
        hash = hash << 16 ^ (omc_words_get16(bytes + 2) << 11 ^ hash);
        hash += hash >> 11;
    }
    switch (len) {
    case 3:
        third = (bytes[2] ^ 0x80U) - 0x80U; /* its sign extended */
        hash += omc_words_get16(bytes);
        hash ^= hash << 16;
        hash ^= third << 18;
        hash += hash >> 11;
        break;
    case 2:
        hash += omc_words_get16(bytes);
        hash ^= hash << 11;
        hash += hash >> 17;
        break;
    case 1:
        hash += bytes[0];
        hash ^= hash << 10;
        hash += hash >> 1;
        break;
    default:
        break;
    }
    return finish_hsieh(hash);
}
