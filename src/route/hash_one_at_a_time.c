/*
 * The one-at-a-time hash.
 */
#include <endian.h>
#include <limits.h>
#include <string.h>

#include "route/hash.h"
#include "route/words.h"

static inline uint32_t add_byte(uint32_t hash, unsigned char byte)
{
    hash += (uint32_t)omc_words_char(byte);
    hash += hash << 10;
    return hash ^ hash >> 6;
}

static inline uint32_t finish(uint32_t hash)
{
    hash += hash << 3;
    hash ^= hash >> 11;
    return hash + (hash << 15);
}

/* Goes on with bytes, eight a turn, as counting them costs a fourth of it all. */
static inline uint32_t add_bytes(uint32_t hash, const unsigned char *bytes, size_t len)
{
    for (; len >= 8; bytes += 8, len -= 8) {
        hash = add_byte(add_byte(hash, bytes[0]), bytes[1]);
        hash = add_byte(add_byte(hash, bytes[2]), bytes[3]);
        hash = add_byte(add_byte(hash, bytes[4]), bytes[5]);
        hash = add_byte(add_byte(hash, bytes[6]), bytes[7]);
    }
    for (; len > 0; bytes++, len--)
        hash = add_byte(hash, *bytes);
    return hash;
}

uint32_t omc_hash_one_at_a_time(const unsigned char *bytes, size_t len)
{
    return finish(add_bytes(0, bytes, len));
}

/* Each step of the hash waits for the one before it, so four keys take the time of one where the
 * CPU has registers for four numbers. */
#if defined(__SSE2__) || defined(__ARM_NEON)

/* A number for each of four keys. */
typedef uint32_t lanes __attribute__((vector_size(sizeof(uint32_t) * OMC_HASH_TOGETHER)));
typedef int32_t signed_lanes __attribute__((vector_size(sizeof(lanes))));

/* The next four bytes of each key. */
static inline uint32_t get_word(const struct omc_hash_key *key, size_t at)
{
    uint32_t word;

    memcpy(&word, key->bytes + at, sizeof(word));
    return le32toh(word);
}

static inline lanes get_words(const struct omc_hash_key keys[OMC_HASH_TOGETHER], size_t at)
{
    return (lanes){get_word(&keys[0], at), get_word(&keys[1], at), get_word(&keys[2], at),
                   get_word(&keys[3], at)};
}

/* Byte `place` of each. */
static inline lanes byte_of(lanes words, unsigned place)
{
    lanes highest = words << (24 - 8 * place);

    return CHAR_MIN < 0 ? (lanes)((signed_lanes)highest >> 24) : highest >> 24;
}

static inline lanes add_lanes(lanes hashes, lanes bytes)
{
    hashes += bytes;
    hashes += hashes << 10;
    return hashes ^ hashes >> 6;
}

static size_t shortest(const struct omc_hash_key keys[OMC_HASH_TOGETHER])
{
    size_t len = keys[0].len;

    for (size_t i = 1; i < OMC_HASH_TOGETHER; i++)
        len = keys[i].len < len ? keys[i].len : len;
    return len;
}

void omc_hash_one_at_a_time_of_four(const struct omc_hash_key keys[OMC_HASH_TOGETHER],
                                    uint32_t hashes[OMC_HASH_TOGETHER])
{
    size_t len = shortest(keys), at = 0;
    lanes all = {0};

    for (; at + sizeof(uint32_t) <= len; at += sizeof(uint32_t)) {
        lanes words = get_words(keys, at);

        for (unsigned place = 0; place < sizeof(uint32_t); place++)
            all = add_lanes(all, byte_of(words, place));
    }
    memcpy(hashes, &all, sizeof(all));
    for (size_t i = 0; i < OMC_HASH_TOGETHER; i++)
        hashes[i] = finish(add_bytes(hashes[i], keys[i].bytes + at, keys[i].len - at));
}

#else

void omc_hash_one_at_a_time_of_four(const struct omc_hash_key keys[OMC_HASH_TOGETHER],
                                    uint32_t hashes[OMC_HASH_TOGETHER])
{
    for (size_t i = 0; i < OMC_HASH_TOGETHER; i++)
        hashes[i] = omc_hash_one_at_a_time(keys[i].bytes, keys[i].len);
}

#endif
