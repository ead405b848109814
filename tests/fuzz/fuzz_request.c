/*
 * Writing requests: whatever is asked for, what is sent is that one request and nothing
 * else, can be read back, and is the same if it had to wait for its protocol.  An input
 * is
 *
 *   opcode, opaque, cas, the lengths of prefix, key and extras, their bytes; the rest is
 *   data.  For the meta protocol's own operations the extras are options.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz/fuzz.h"
#include "proto/binary.h"
#include "proto/command.h"
#include "proto/line.h"
#include "proto/meta.h"
#include "proto/meta_options.h"
#include "proto/opcode.h"
#include "proto/text.h"

#include <stdbool.h>

static const struct omc_codec *const codecs[] = {
    &omc_binary_codec,
    &omc_binary_waiting,
    &omc_meta_codec,
    &omc_text_codec,
};

enum {
    CODECS = sizeof(codecs) / sizeof(codecs[0]),
    SIZE_LIMIT = 1 << 16,
};

/* A request, and the key that it is to have on the wire. */
struct order {
    omcache_req_t req;
    struct omc_prefix prefix;
    uint32_t opaque;
    unsigned char extras[OMC_META_OPTIONS_MAX > UINT8_MAX ? OMC_META_OPTIONS_MAX : UINT8_MAX];
    unsigned char key[2 * OMC_REQUEST_KEY_MAX];
    size_t key_len;
};

static int64_t seconds(struct fuzz_input *in)
{
    return (int64_t)(fuzz_number(in) & INT32_MAX);
}

/* Options as the public functions let them pass; false if the operation has none such. */
static bool take_options(struct fuzz_input *in, uint8_t opcode, struct order *order)
{
    struct omc_meta_options options;
    uint8_t given = fuzz_byte(in);
    uint64_t number = fuzz_number(in);

    if (opcode == OMC_OP_META_ARITHMETIC)
        number = number << 32 | number; /* others have flags of 32 bits there */
    omc_meta_options_init(&options);
    options.mode = fuzz_byte(in) % 6;
    if ((given & 1) != 0)
        options.ttl = seconds(in);
    if ((given & 2) != 0)
        options.recache = seconds(in);
    if ((given & 4) != 0)
        options.vivify = seconds(in);
    if ((given & 8) != 0)
        options.want = fuzz_byte(in) % 128;
    if ((given & 16) != 0)
        options.initial = (uint64_t)fuzz_number(in) << 32 | fuzz_number(in);
    if ((given & 32) != 0)
        options.cas = (uint64_t)fuzz_number(in) << 32 | fuzz_number(in);
    if ((given & 64) != 0)
        options.new_cas = (uint64_t)fuzz_number(in) << 32 | fuzz_number(in);
    options.invalidate = (given & 128) != 0;
    options.no_lru_bump = fuzz_byte(in) % 2 == 1;
    if (!omc_meta_options_fit(&options, opcode))
        return false;
    order->req.header.extlen =
        (uint8_t)omc_meta_options_write(&options, opcode, number, order->extras);
    return true;
}

/* Reads a request from the input; false if it is none that would be accepted. */
static bool take_order(struct fuzz_input *in, struct order *order)
{
    omcache_req_t *req = &order->req;
    const unsigned char *bytes;
    size_t prefix_len, key_len, extra_len, data_len;

    memset(order, 0, sizeof(*order));
    req->server_index = -1;
    req->header.opcode = fuzz_byte(in);
    order->opaque = fuzz_number(in);
    req->header.cas = htobe64((uint64_t)fuzz_byte(in) << 56 | fuzz_byte(in));
    prefix_len = fuzz_byte(in);
    key_len = fuzz_byte(in);
    extra_len = fuzz_byte(in);
    if (omc_opcode_is_meta(req->header.opcode)) {
        req->header.cas = 0;
        if (!take_options(in, req->header.opcode, order))
            return false;
    } else {
        extra_len = fuzz_bytes(in, extra_len, &bytes);
        memcpy(order->extras, bytes, extra_len);
        req->header.extlen = (uint8_t)extra_len;
    }
    prefix_len = fuzz_bytes(in, prefix_len, &bytes);
    if (!omc_opcode_needs_key(req->header.opcode) || prefix_len >= OMC_REQUEST_KEY_MAX)
        prefix_len = 0;
    memcpy(order->key, bytes, prefix_len);
    order->prefix = (struct omc_prefix){order->key, prefix_len};
    key_len = fuzz_bytes(in, key_len, &bytes);
    memcpy(order->key + prefix_len, bytes, key_len);
    order->key_len = prefix_len + key_len;
    data_len = fuzz_bytes(in, SIZE_LIMIT, &req->data);
    req->header.keylen = htobe16((uint16_t)key_len);
    req->header.bodylen = htobe32((uint32_t)(req->header.extlen + key_len + data_len));
    req->extra = order->extras;
    req->key = order->key + prefix_len;
    return omc_request_check(req, prefix_len);
}

/* Writes it whole, in memory of just that size; NULL if the codec refuses. */
static unsigned char *encode(const struct omc_codec *codec, const omcache_req_t *req,
                             struct omc_prefix prefix, uint32_t opaque, size_t *len)
{
    unsigned char *head = malloc(OMC_CODEC_HEAD_MAX), *whole;
    size_t data_len = omc_request_data_len(req), tail = codec->tail_size(req->header.opcode);
    size_t used;

    FUZZ_CHECK(head != NULL);
    used = codec->encode_head(head, req, prefix, opaque);
    FUZZ_CHECK(used <= OMC_CODEC_HEAD_MAX && used <= codec->head_size(req, prefix.len));
    FUZZ_CHECK(tail <= OMC_CODEC_TAIL_MAX);
    *len = used + data_len + tail;
    whole = malloc(*len == 0 ? 1 : *len);
    FUZZ_CHECK(whole != NULL);
    memcpy(whole, head, used);
    if (data_len > 0)
        memcpy(whole + used, req->data, data_len);
    memcpy(whole + used + data_len, OMC_CODEC_TAIL, tail);
    free(head);
    if (used > 0)
        return whole;
    free(whole);
    return NULL;
}

/* The binary protocol: one header, whose length is that of all. */
static void check_binary(const struct order *order, const unsigned char *bytes, size_t len)
{
    struct omcache_req_header_s header;
    const unsigned char *extras = bytes + sizeof(header);

    FUZZ_CHECK(len >= sizeof(header));
    memcpy(&header, bytes, sizeof(header));
    FUZZ_CHECK(header.magic == 0x80 && header.opcode == order->req.header.opcode);
    FUZZ_CHECK(be32toh(header.bodylen) == len - sizeof(header));
    FUZZ_CHECK(be32toh(header.opaque) == order->opaque);
    FUZZ_CHECK(be16toh(header.keylen) == order->key_len);
    FUZZ_CHECK(memcmp(extras, order->extras, header.extlen) == 0);
    FUZZ_CHECK(memcmp(extras + header.extlen, order->key, order->key_len) == 0);
}

/* Word number i of a line, as a server reads it. */
static struct omc_line word_at(struct omc_line line, size_t i)
{
    struct omc_line word = omc_line_word(&line);

    for (; i > 0; i--)
        word = omc_line_word(&line);
    return word;
}

/* Protocols of lines: one line, and if that announces data, just so much of it. */
static void check_line(const struct order *order, const unsigned char *bytes, size_t len, bool meta)
{
    size_t data_len = omc_request_data_len(&order->req);
    const unsigned char *newline = memchr(bytes, '\n', len);
    uint8_t opcode = order->req.header.opcode;
    struct omc_line line, word;
    uint64_t announced = 0;

    FUZZ_CHECK(newline != NULL && newline > bytes && newline[-1] == '\r');
    FUZZ_CHECK(newline - bytes < OMC_LINE_MAX);
    line = (struct omc_line){bytes, newline - 1};
    for (const unsigned char *at = line.at; at < line.end; at++)
        FUZZ_CHECK(*at >= ' ' && *at != 0x7f);
    if (omc_command_kind(opcode) != OMC_KIND_STORE) {
        FUZZ_CHECK(newline + 1 == bytes + len);
    } else {
        word = word_at(line, meta ? 2 : 4);
        FUZZ_CHECK(omc_line_number(&word, SIZE_LIMIT, &announced) && announced == data_len);
        FUZZ_CHECK((size_t)(bytes + len - newline) == 1 + data_len + 2);
        FUZZ_CHECK(memcmp(bytes + len - 2, "\r\n", 2) == 0);
    }
    if (!omc_opcode_needs_key(opcode))
        return;
    omc_line_skip(&line, "gats "); /* which has its expiration in front of the key */
    word = word_at(line, 1);
    FUZZ_CHECK(omc_line_left(&word) > 0 && omc_line_left(&word) <= OMC_REQUEST_KEY_MAX);
    if (omc_line_is_plain(order->key, order->key_len))
        FUZZ_CHECK(omc_line_left(&word) == order->key_len &&
                   memcmp(word.at, order->key, order->key_len) == 0);
    else
        FUZZ_CHECK(meta);
}

/* Reads it back, and writes that again. */
static void check_read_back(const struct omc_codec *codec, const struct order *order,
                            const unsigned char *bytes, size_t len)
{
    static const struct omc_prefix none;
    omcache_req_t back = {.server_index = -1};
    struct omc_scratch scratch;
    unsigned char *again;
    size_t again_len;

    memset(&scratch, 0xff, sizeof(scratch));
    FUZZ_CHECK(codec->decode_request(bytes, order->req.header.opcode, &scratch, &back) == len);
    FUZZ_CHECK(omc_request_check(&back, 0));
    FUZZ_CHECK(back.header.opcode == order->req.header.opcode);
    FUZZ_CHECK(omc_request_key_len(&back) == order->key_len);
    FUZZ_CHECK(order->key_len == 0 || memcmp(back.key, order->key, order->key_len) == 0);
    FUZZ_CHECK(omc_request_data_len(&back) == omc_request_data_len(&order->req));
    again = encode(codec, &back, none, order->opaque, &again_len);
    FUZZ_CHECK(again != NULL && again_len == len && memcmp(again, bytes, len) == 0);
    free(again);
}

/* Whether it can be carried, it is the same if it waited before. */
static void check_translated(const struct omc_codec *codec, const struct order *order,
                             const unsigned char *bytes, size_t len)
{
    static const struct omc_prefix none;
    struct omc_scratch scratch;
    size_t waiting_len, translated_len;
    unsigned char *waiting =
        encode(&omc_binary_waiting, &order->req, order->prefix, order->opaque, &waiting_len);
    unsigned char *translated;
    omcache_req_t back = {.server_index = -1};

    FUZZ_CHECK(waiting != NULL);
    omc_binary_waiting.decode_request(waiting, order->req.header.opcode, &scratch, &back);
    translated = encode(codec, &back, none, order->opaque, &translated_len);
    FUZZ_CHECK((translated != NULL) == (bytes != NULL));
    FUZZ_CHECK(bytes == NULL || (translated_len == len && memcmp(translated, bytes, len) == 0));
    free(translated);
    free(waiting);
}

/* What is added where text found no counter. */
static void check_counter(const struct order *order)
{
    struct order add = *order;
    struct omc_scratch scratch;
    unsigned char *bytes;
    size_t len;

    if (!omc_opcode_is_delta(order->req.header.opcode) ||
        !omc_text_make_counter(&order->req, &scratch, &add.req))
        return;
    FUZZ_CHECK(omc_request_check(&add.req, add.prefix.len));
    bytes = encode(&omc_text_codec, &add.req, add.prefix, add.opaque, &len);
    if (bytes != NULL)
        check_line(&add, bytes, len, false);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct order order;
    struct fuzz_input in = fuzz_input(bytes, size);

    if (!take_order(&in, &order))
        return 0;
    for (size_t i = 0; i < CODECS; i++) {
        size_t len = 0;
        unsigned char *whole = encode(codecs[i], &order.req, order.prefix, order.opaque, &len);

        if (whole != NULL) {
            if (codecs[i] == &omc_binary_codec || codecs[i] == &omc_binary_waiting)
                check_binary(&order, whole, len);
            else
                check_line(&order, whole, len, codecs[i] == &omc_meta_codec);
            check_read_back(codecs[i], &order, whole, len);
        }
        check_translated(codecs[i], &order, whole, len);
        free(whole);
    }
    check_counter(&order);
    return 0;
}
