/*
 * What tests of the codecs have in common: requests from a short form, bytes that
 * are decoded piece by piece, and the requests that the replies answer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_CODEC_H
#define TESTS_CODEC_H

#include "proto/codec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODEC_OWED_MAX 8
#define CODEC_LIMIT 5000

/* A request in short. */
struct order {
    uint8_t opcode;
    const char *key;
    size_t key_len; /* 0: that of the string */
    const char *data;
    size_t data_len; /* the same */
    uint32_t flags;
    uint32_t expiration;
    uint64_t delta;
    uint64_t initial;
    uint64_t cas;
    uint8_t bits; /* of enum omc_ask_bit */
};

/* The request that the order is for; key and value stay where they are. */
struct omc_ask codec_ask(const struct order *order);

/* Writes the head of a request that the codec has accepted; its length. */
size_t codec_head(const struct omc_codec *codec, const struct omc_ask *ask, uint32_t number,
                  unsigned char out[OMC_CODEC_HEAD_MAX]);

/* Encodes it whole, in memory of just that size, to be freed; NULL if the codec refuses. */
unsigned char *codec_encode(const struct omc_codec *codec, const struct order *order,
                            uint32_t number, size_t *len);

/* Asserts what the request is in bytes. */
void codec_assert_bytes(const struct omc_codec *codec, const struct order *order, uint32_t number,
                        const char *bytes);

/* Requests that wait for answers, the oldest first. */
struct owed {
    const struct omc_codec *codec;
    size_t count;
    struct omc_expected requests[CODEC_OWED_MAX];
    const char *keys[CODEC_OWED_MAX]; /* NULL: any */
    bool one_line;                    /* all of them share it */
    bool unheard;                     /* nobody hears of those that can be so */
};

/* The one request that waits. */
struct owed codec_owed(const struct omc_codec *codec, uint8_t opcode, uint32_t opaque);

/* Adds another one behind it. */
void codec_owe(struct owed *owed, uint8_t opcode, uint32_t opaque);

/* What a codec's decode function wants to know of them. */
struct omc_expect codec_expect(const struct owed *owed);

/* Decodes a copy of just these bytes, so that valgrind and ASan see any read beyond
 * them.  Nothing of the reply may be looked at but its numbers. */
enum omc_decode codec_try(const struct owed *owed, const void *bytes, size_t len,
                          struct omc_reply *reply, size_t *size);

/* Asserts that the bytes are one reply, and no part of them is: that each part wants
 * more than it has, and no more than there is.  What the reply points to lies in static
 * memory, up to the next call. */
void codec_assert_reply(const struct owed *owed, const void *bytes, size_t len,
                        struct omc_reply *reply);

/* Asserts the outcome of a C string. */
void codec_assert_outcome(const struct owed *owed, const char *bytes, enum omc_decode expected);

/* The reply in a C string, as above. */
struct omc_reply codec_reply(const struct owed *owed, const char *bytes);

#endif
