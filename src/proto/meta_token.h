/*
 * The token behind the letter O of a request, which the answer repeats: the request's number, and
 * where the answer is to name the key, how long that is.  Four bits of either are a byte, which is
 * '0' and what they are; the highest come first.
 */
#ifndef OMC_PROTO_META_TOKEN_H
#define OMC_PROTO_META_TOKEN_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    OMC_META_TOKEN_NUMBER_SIZE = 8,
    OMC_META_TOKEN_LENGTH_SIZE = 2,
    OMC_META_TOKEN_KEY_FRONT = OMC_META_TOKEN_LENGTH_SIZE + 2, /* " k" is behind it */
};

/* These write at out, and return where to go on. */

static inline unsigned char *omc_meta_token_put_number(unsigned char *out, uint32_t number)
{
    uint64_t digits = number;

    digits = (digits | digits << 16) & 0x0000ffff0000ffff;
    digits = (digits | digits << 8) & 0x00ff00ff00ff00ff;
    digits = (digits | digits << 4) & 0x0f0f0f0f0f0f0f0f;
    digits = htobe64(digits | 0x3030303030303030);
    memcpy(out, &digits, sizeof(digits));
    return out + sizeof(digits);
}

/* The length of a key, and what has the answer name it: the same stands in front of it there. */
static inline uint32_t omc_meta_token_key_front(uint32_t key_len)
{
    return htole32((0x6b203030 + (key_len >> 4)) | (key_len & 15) << 8);
}

static inline unsigned char *omc_meta_token_put_key_front(unsigned char *out, uint32_t key_len)
{
    uint32_t front = omc_meta_token_key_front(key_len);

    memcpy(out, &front, sizeof(front));
    return out + sizeof(front);
}

/* These read what was written so; false if it was not. */

static inline bool omc_meta_token_number(const unsigned char *at, uint32_t *number)
{
    uint64_t digits;

    memcpy(&digits, at, sizeof(digits));
    digits = be64toh(digits) ^ 0x3030303030303030;
    if ((digits & 0xf0f0f0f0f0f0f0f0) != 0)
        return false;
    digits = (digits | digits >> 4) & 0x00ff00ff00ff00ff;
    digits = (digits | digits >> 8) & 0x0000ffff0000ffff;
    *number = (uint32_t)(digits | digits >> 16);
    return true;
}

static inline bool omc_meta_token_length(const unsigned char *at, size_t *key_len)
{
    unsigned digits = ((unsigned)at[0] << 8 | at[1]) ^ 0x3030;

    *key_len = (digits >> 4 | digits) & 0xff;
    return (digits & 0xf0f0) == 0;
}

static inline bool omc_meta_token_is_key_front(const unsigned char *at, size_t key_len)
{
    uint32_t front;

    memcpy(&front, at, sizeof(front));
    return front == omc_meta_token_key_front((uint32_t)key_len);
}

#endif
