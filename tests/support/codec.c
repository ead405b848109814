/*
 * What tests of the codecs have in common.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/codec.h"

#include "proto/opcode.h"
#include "support/assert.h"

#include <check.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

static unsigned char *put32(unsigned char *out, uint32_t number)
{
    number = htobe32(number);
    memcpy(out, &number, sizeof(number));
    return out + sizeof(number);
}

static unsigned char *put64(unsigned char *out, uint64_t number)
{
    number = htobe64(number);
    memcpy(out, &number, sizeof(number));
    return out + sizeof(number);
}

/* Writes the extras of an operation, by the protocol's description. */
static size_t put_extras(const struct order *order, unsigned char *out)
{
    unsigned char *start = out;

    switch (order->opcode) {
    case OMC_OP_SET:
    case OMC_OP_SETQ:
    case OMC_OP_ADD:
    case OMC_OP_ADDQ:
    case OMC_OP_REPLACE:
    case OMC_OP_REPLACEQ:
        out = put32(out, order->flags);
        break;
    case OMC_OP_INCREMENT:
    case OMC_OP_INCREMENTQ:
    case OMC_OP_DECREMENT:
    case OMC_OP_DECREMENTQ:
        out = put64(put64(out, order->delta), order->initial);
        break;
    case OMC_OP_FLUSH:
    case OMC_OP_FLUSHQ:
        if (order->expiration == 0)
            return 0;
        break;
    case OMC_OP_TOUCH:
    case OMC_OP_GAT:
    case OMC_OP_GATQ:
    case OMC_OP_GATK:
    case OMC_OP_GATKQ:
        break;
    default:
        return 0;
    }
    return (size_t)(put32(out, order->expiration) - start);
}

static size_t length_of(const char *text, size_t len)
{
    return len > 0 || text == NULL ? len : strlen(text);
}

bool codec_accepts(const struct omc_codec *codec, const omcache_req_t *req,
                   struct omc_prefix prefix)
{
    unsigned char head[OMC_CODEC_HEAD_MAX];

    return codec->encode_head(head, req, prefix, 0) > 0;
}

void codec_fill(const struct order *order, struct extras *extras, omcache_req_t *req)
{
    size_t extra_len = put_extras(order, extras->bytes);
    size_t key_len = length_of(order->key, order->key_len);
    size_t data_len = length_of(order->data, order->data_len);

    memset(req, 0, sizeof(*req));
    req->server_index = -1;
    req->header.opcode = order->opcode;
    req->header.keylen = htobe16((uint16_t)key_len);
    req->header.extlen = (uint8_t)extra_len;
    req->header.bodylen = htobe32((uint32_t)(extra_len + key_len + data_len));
    req->header.cas = htobe64(order->cas);
    req->extra = extras->bytes;
    req->key = (const unsigned char *)order->key;
    req->data = (const unsigned char *)order->data;
}

unsigned char *codec_encode(const struct omc_codec *codec, const struct order *order,
                            uint32_t opaque, size_t *len)
{
    struct extras extras;
    struct omc_prefix none = {.len = 0};
    omcache_req_t req;
    size_t room, head, data_len, tail = codec->tail_size(order->opcode);
    unsigned char *bytes, *whole;

    codec_fill(order, &extras, &req);
    room = codec->head_size(&req, 0);
    data_len = omc_request_data_len(&req);
    bytes = malloc(room);
    head = codec->encode_head(bytes, &req, none, opaque);
    ck_assert_uint_le(head, room);
    ck_assert_uint_le(head, OMC_CODEC_HEAD_MAX);
    ck_assert(codec_accepts(codec, &req, none) == (head > 0));
    *len = head + data_len + tail;
    whole = head == 0 ? NULL : malloc(*len);
    if (whole != NULL) {
        memcpy(whole, bytes, head);
        if (data_len > 0)
            memcpy(whole + head, req.data, data_len);
        memcpy(whole + head + data_len, OMC_CODEC_TAIL, tail);
    }
    free(bytes);
    return whole;
}

void codec_assert_read_back(const struct omc_codec *codec, const struct order *order)
{
    struct extras extras;
    struct omc_scratch scratch;
    omcache_req_t req, back = {.server_index = -1};
    size_t len;
    unsigned char *bytes = codec_encode(codec, order, 5, &len);

    ck_assert_ptr_nonnull(bytes);
    codec_fill(order, &extras, &req);
    ck_assert_uint_eq(codec->decode_request(bytes, order->opcode, &scratch, &back), len);
    ck_assert(omc_request_key_len(&back) == 0 || back.key != NULL);
    ck_assert_uint_eq(back.header.opcode, order->opcode);
    ck_assert_uint_eq(be64toh(back.header.cas), order->cas);
    assert_bytes(back.extra, back.header.extlen, req.extra, req.header.extlen);
    assert_bytes(back.key, omc_request_key_len(&back), req.key, omc_request_key_len(&req));
    assert_bytes(back.data, omc_request_data_len(&back), req.data, omc_request_data_len(&req));
    free(bytes);
}

void codec_assert_bytes(const struct omc_codec *codec, const struct order *order, uint32_t opaque,
                        const char *bytes)
{
    size_t len;
    unsigned char *whole = codec_encode(codec, order, opaque, &len);

    ck_assert_msg(whole != NULL, "refused: %s", bytes);
    assert_text(whole, len, bytes);
    free(whole);
    codec_assert_read_back(codec, order);
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

static bool oldest(const void *context, struct omc_expected *found)
{
    const struct owed *owed = context;

    for (size_t i = 0; i < owed->count; i++) {
        if (!owed->codec->is_quiet(owed->requests[i].opcode)) {
            *found = owed->requests[i];
            found->first = i == 0;
            return true;
        }
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
    return (struct omc_expect){.context = owed, .by_opaque = by_opaque, .oldest = oldest};
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
