/*
 * What tests of the codecs have in common.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/codec.h"

#include "proto/opcode.h"
#include "support/assert.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static size_t length_of(const char *text, size_t len)
{
    return len > 0 || text == NULL ? len : strlen(text);
}

struct omc_ask codec_ask(const struct order *order)
{
    size_t key_len = length_of(order->key, order->key_len);
    bool flush = order->opcode == OMC_OP_FLUSH || order->opcode == OMC_OP_FLUSHQ;

    ck_assert_uint_le(key_len, OMC_ASK_KEY_MAX);
    return (struct omc_ask){
        .key = (const unsigned char *)order->key,
        .value = (const unsigned char *)order->data,
        .cas = order->cas,
        .delta = order->delta,
        .initial = order->initial,
        .value_len = (uint32_t)length_of(order->data, order->data_len),
        .flags = order->flags,
        .expiration = order->expiration,
        .op = order->opcode,
        .key_len = (uint8_t)key_len,
        .bits = flush && order->expiration > 0 ? OMC_ASK_DATED : order->bits,
    };
}

size_t codec_head(const struct omc_codec *codec, const struct omc_ask *ask, uint32_t number,
                  unsigned char out[OMC_CODEC_HEAD_MAX])
{
    size_t len = (size_t)(codec->encode(out, ask, number) - out);

    ck_assert_uint_gt(len, 0);
    ck_assert_uint_le(len, OMC_CODEC_HEAD_MAX);
    return len;
}

unsigned char *codec_encode(const struct omc_codec *codec, const struct order *order,
                            uint32_t number, size_t *len)
{
    struct omc_ask ask = codec_ask(order);
    size_t head_len, tail = omc_codec_tail_size(codec, order->opcode);
    unsigned char *head, *whole;

    if (!codec->accept(&ask))
        return NULL;
    head = malloc(OMC_CODEC_HEAD_MAX);
    head_len = codec_head(codec, &ask, number, head);
    ck_assert_uint_le(tail, OMC_CODEC_TAIL_MAX);
    *len = head_len + ask.value_len + tail;
    whole = malloc(*len);
    memcpy(whole, head, head_len);
    if (ask.value_len > 0)
        memcpy(whole + head_len, ask.value, ask.value_len);
    memcpy(whole + head_len + ask.value_len, OMC_CODEC_TAIL, tail);
    free(head);
    return whole;
}

void codec_assert_bytes(const struct omc_codec *codec, const struct order *order, uint32_t number,
                        const char *bytes)
{
    size_t len;
    unsigned char *whole = codec_encode(codec, order, number, &len);

    ck_assert_msg(whole != NULL, "refused: %s", bytes);
    assert_text(whole, len, bytes);
    free(whole);
}

static bool by_opaque(const void *context, uint32_t opaque, struct omc_expected *found)
{
    const struct owed *owed = context;

    for (size_t i = 0; i < owed->count; i++) {
        if (owed->requests[i].opaque == opaque) {
            *found = owed->requests[i];
            return true;
        }
    }
    return false;
}

static bool find_first(const struct owed *owed, bool unheard_too, struct omc_expected *found)
{
    for (size_t i = 0; i < owed->count; i++) {
        uint8_t opcode = owed->requests[i].opcode;
        bool unheard = owed->unheard && omc_codec_is_unheard(owed->codec, opcode);

        if (unheard ? unheard_too : !omc_codec_is_quiet(owed->codec, opcode)) {
            *found = owed->requests[i];
            found->first = i == 0;
            found->shared = owed->one_line && owed->count > 1;
            return true;
        }
    }
    return false;
}

static bool oldest(const void *context, struct omc_expected *found)
{
    return find_first(context, false, found);
}

static bool oldest_or_unheard(const void *context, struct omc_expected *found)
{
    return find_first(context, true, found);
}

static bool by_key(const void *context, const unsigned char *key, size_t len,
                   struct omc_expected *found)
{
    const struct owed *owed = context;

    for (size_t i = 0; i < owed->count && (i == 0 || owed->one_line); i++) {
        const char *asked = owed->keys[i];

        if (asked != NULL && (strlen(asked) != len || memcmp(asked, key, len) != 0))
            continue;
        *found = owed->requests[i];
        found->first = i == 0;
        found->shared = owed->one_line && owed->count > 1;
        return true;
    }
    return false;
}

struct owed codec_owed(const struct omc_codec *codec, uint8_t opcode, uint32_t opaque)
{
    return (struct owed){
        .codec = codec,
        .count = 1,
        .requests = {{.opcode = opcode, .opaque = opaque}},
    };
}

void codec_owe(struct owed *owed, uint8_t opcode, uint32_t opaque)
{
    ck_assert_uint_lt(owed->count, CODEC_OWED_MAX);
    owed->requests[owed->count++] = (struct omc_expected){.opcode = opcode, .opaque = opaque};
}

struct omc_expect codec_expect(const struct owed *owed)
{
    return (struct omc_expect){
        .context = owed,
        .by_opaque = by_opaque,
        .oldest = oldest,
        .oldest_or_unheard = oldest_or_unheard,
        .by_key = by_key,
    };
}

enum omc_decode codec_try(const struct owed *owed, const void *bytes, size_t len,
                          struct omc_reply *reply, size_t *size)
{
    struct omc_expect expect = codec_expect(owed);
    unsigned char *copy = malloc(len == 0 ? 1 : len);
    enum omc_decode result;

    if (len > 0)
        memcpy(copy, bytes, len);
    result = owed->codec->decode(copy, len, CODEC_LIMIT, &expect, reply, size);
    free(copy);
    return result;
}

void codec_assert_reply(const struct owed *owed, const void *bytes, size_t len,
                        struct omc_reply *reply)
{
    static unsigned char copy[2 * CODEC_LIMIT];
    struct omc_expect expect = codec_expect(owed);
    enum omc_decode result;
    size_t size = 0;

    for (size_t piece = 0; piece < len; piece++) {
        result = codec_try(owed, bytes, piece, reply, &size);
        ck_assert_msg(result == OMC_DECODE_MORE, "%zu bytes of '%s' gave %d", piece,
                      printable(bytes, len), (int)result);
        ck_assert_uint_gt(size, piece);
        ck_assert_uint_le(size, len);
    }
    ck_assert_uint_lt(len, sizeof(copy) - 9);
    memcpy(copy, bytes, len);
    memcpy(copy + len, "STAT x y\n", 9); /* what comes next is of no interest */
    memset(reply, 0xff, sizeof(*reply));
    result = owed->codec->decode(copy, len + 9, CODEC_LIMIT, &expect, reply, &size);
    ck_assert_msg(result == OMC_DECODE_REPLY, "'%s' gave %d", printable(bytes, len), (int)result);
    ck_assert_uint_eq(size, len);
}

struct omc_reply codec_reply(const struct owed *owed, const char *bytes)
{
    struct omc_reply reply;

    codec_assert_reply(owed, bytes, strlen(bytes), &reply);
    return reply;
}

void codec_assert_outcome(const struct owed *owed, const char *bytes, enum omc_decode expected)
{
    struct omc_reply reply;
    size_t size;
    enum omc_decode result = codec_try(owed, bytes, strlen(bytes), &reply, &size);

    ck_assert_msg(result == expected, "'%s' gave %d, expected %d", printable(bytes, strlen(bytes)),
                  (int)result, (int)expected);
}
