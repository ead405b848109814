/*
 * Writing requests: whatever is asked for, what is sent is that one request and nothing
 * else, and is the same whatever other protocols it was for before.  An input is
 *
 *   opcode, opaque, cas, the lengths of prefix, key and extras, their bytes; the rest is
 *   data.  For the meta protocol's own operations the extras are options.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/raw.h"
#include "fuzz/fuzz.h"
#include "proto/base64.h"
#include "proto/binary.h"
#include "proto/line.h"
#include "proto/meta.h"
#include "proto/meta_options.h"
#include "proto/opcode.h"
#include "proto/text.h"

#include <endian.h>
#include <stdbool.h>

static const struct omc_codec *const codecs[] = {
    &omc_binary_codec,
    &omc_meta_codec,
    &omc_text_codec,
};

enum {
    CODECS = sizeof(codecs) / sizeof(codecs[0]),
    SIZE_LIMIT = 1 << 16,
};

/* A request as the application has made it, and what it is in the library. */
struct order {
    omcache_req_t req;
    struct omc_ask ask;
    uint32_t number;
    unsigned char *extra; /* these two in memory of just their size */
    unsigned char *key;   /* behind its prefix */
};

/* What a codec makes of a request; bytes is NULL if it refuses. */
struct sent {
    unsigned char *bytes;
    size_t len;
};

static int64_t seconds(struct fuzz_input *in)
{
    return (int64_t)(fuzz_number(in) & INT32_MAX);
}

/* Options as the public functions let them pass, as flags; false if the operation has none
 * such. */
static bool take_options(struct fuzz_input *in, uint8_t opcode, unsigned char *out, size_t *len)
{
    struct omc_meta_options options;
    uint8_t given, more;
    uint64_t number;

    *len = 0;
    if (opcode == OMC_OP_META_DEBUG) /* which has none at all */
        return true;
    given = fuzz_byte(in);
    number = fuzz_number(in);
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
    more = fuzz_byte(in);
    options.no_lru_bump = (more & 1) != 0;
    options.drop_value = (more & 2) != 0;
    if ((more & 4) != 0) {
        const unsigned char *token;
        size_t token_len = fuzz_bytes(in, more >> 3, &token);

        omc_meta_options_add(&options, fuzz_byte(in), token, token_len);
    }
    if (!omc_meta_options_fit(&options, opcode))
        return false;
    *len = omc_meta_options_write(&options, opcode, number, out);
    FUZZ_CHECK(*len <= OMC_META_OPTIONS_MAX);
    return true;
}

/* A copy of bytes in memory of just their size; NULL if there are none. */
static unsigned char *copy_of(const unsigned char *bytes, size_t len)
{
    return len == 0 ? NULL : fuzz_copy(bytes, len);
}

/* Takes the extras, or options in their place; false if these are none. */
static bool take_extras(struct fuzz_input *in, size_t len, struct order *order)
{
    uint8_t opcode = order->req.header.opcode;
    unsigned char options[2 * OMC_META_OPTIONS_MAX];
    const unsigned char *bytes = options;

    if (!omc_opcode_is_meta(opcode))
        len = fuzz_bytes(in, len, &bytes);
    else if (!take_options(in, opcode, options, &len))
        return false;
    order->extra = copy_of(bytes, len);
    order->req.header.extlen = (uint8_t)len;
    order->req.extra = order->extra;
    return true;
}

/* Takes prefix and key, which the library gets joined; how long the prefix is. */
static size_t take_key(struct fuzz_input *in, size_t prefix_len, size_t key_len,
                       struct order *order)
{
    unsigned char joined[OMC_ASK_KEY_MAX + UINT8_MAX];
    const unsigned char *bytes;

    prefix_len = fuzz_bytes(in, prefix_len, &bytes);
    if (!omc_opcode_needs_key(order->req.header.opcode) || prefix_len >= OMC_ASK_KEY_MAX)
        prefix_len = 0;
    memcpy(joined, bytes, prefix_len);
    key_len = fuzz_bytes(in, key_len, &bytes);
    memcpy(joined + prefix_len, bytes, key_len);
    order->key = copy_of(joined, prefix_len + key_len);
    order->req.header.keylen = htobe16((uint16_t)key_len);
    order->req.key = key_len == 0 ? NULL : order->key + prefix_len;
    return prefix_len;
}

/* The request of the library's own that the public functions make of options: data goes with
 * what stores it. */
static void make_ask(const omcache_req_t *req, size_t data_len, struct omc_ask *ask)
{
    bool store = omc_opcode_kind(req->header.opcode) == OMC_KIND_STORE;

    *ask = (struct omc_ask){
        .op = req->header.opcode,
        .key = req->key,
        .key_len = (uint8_t)be16toh(req->header.keylen),
        .extra = req->extra,
        .extra_len = req->header.extlen,
        .value = store ? req->data : NULL,
        .value_len = store ? (uint32_t)data_len : 0,
    };
}

/* Reads a request from the input; false if it is none that would be accepted. */
static bool take_order(struct fuzz_input *in, struct order *order)
{
    omcache_req_t *req = &order->req;
    struct omc_ask *ask = &order->ask;
    size_t prefix_len, key_len, extra_len, data_len;

    *order = (struct order){.req = {.server_index = -1}};
    req->header.opcode = fuzz_byte(in);
    order->number = fuzz_number(in);
    req->header.cas = htobe64((uint64_t)fuzz_byte(in) << 56 | fuzz_byte(in));
    prefix_len = fuzz_byte(in);
    key_len = fuzz_byte(in);
    extra_len = fuzz_byte(in);
    if (!take_extras(in, extra_len, order))
        return false;
    prefix_len = take_key(in, prefix_len, key_len, order);
    key_len = be16toh(req->header.keylen);
    data_len = fuzz_bytes(in, SIZE_LIMIT, &req->data);
    if (data_len == 0)
        req->data = NULL;
    req->header.bodylen = htobe32((uint32_t)(req->header.extlen + key_len + data_len));
    if (!omc_opcode_is_own(req->header.opcode)) {
        FUZZ_CHECK(omc_raw_read(req, ask) == (key_len <= OMC_ASK_KEY_MAX));
    } else {
        FUZZ_CHECK(!omc_raw_read(req, ask));
        if (!omc_opcode_is_meta(req->header.opcode))
            return false;
        make_ask(req, data_len, ask);
    }
    if (key_len > OMC_ASK_KEY_MAX || !omc_ask_check(ask, prefix_len))
        return false;
    ask->key = order->key;
    ask->key_len = (uint8_t)(prefix_len + key_len);
    return true;
}

/* Writes the head, in memory of just the size that is promised. */
static unsigned char *encode_head(const struct omc_codec *codec, const struct omc_ask *ask,
                                  uint32_t number, size_t *len)
{
    unsigned char *head = malloc(OMC_CODEC_HEAD_MAX);

    FUZZ_CHECK(head != NULL);
    *len = (size_t)(codec->encode(head, ask, number) - head);
    FUZZ_CHECK(*len > 0 && *len <= OMC_CODEC_HEAD_MAX);
    return head;
}

/* Writes it whole, if the codec accepts it, which changes nothing but what the codec has found
 * out about the key. */
static struct sent encode(const struct omc_codec *codec, struct omc_ask *ask, uint32_t number)
{
    const struct omc_ask before = *ask;
    size_t tail = omc_codec_tail_size(codec, ask->op), head_len, again_len;
    bool accepted = codec->accept(ask);
    uint8_t found = (ask->bits ^ before.bits) & (uint8_t)~OMC_ASK_ENCODED;
    unsigned char *head, *again;
    struct sent sent = {NULL, 0};

    FUZZ_CHECK(found == 0 && ask->key == before.key && ask->key_len == before.key_len);
    FUZZ_CHECK(omc_ask_size(ask) == omc_ask_size(&before));
    if (!accepted)
        return sent;
    FUZZ_CHECK((ask->bits & OMC_ASK_ENCODED) == 0 || codec == &omc_meta_codec);
    head = encode_head(codec, ask, number, &head_len);
    again = encode_head(codec, ask, number, &again_len);
    FUZZ_CHECK(again_len == head_len && memcmp(again, head, head_len) == 0);
    FUZZ_CHECK(tail <= OMC_CODEC_TAIL_MAX);
    sent.len = head_len + ask->value_len + tail;
    sent.bytes = malloc(sent.len);
    FUZZ_CHECK(sent.bytes != NULL);
    memcpy(sent.bytes, head, head_len);
    if (ask->value_len > 0)
        memcpy(sent.bytes + head_len, ask->value, ask->value_len);
    memcpy(sent.bytes + head_len + ask->value_len, OMC_CODEC_TAIL, tail);
    free(head);
    free(again);
    return sent;
}

static bool is_same(const unsigned char *a, const unsigned char *b, size_t len)
{
    return len == 0 || memcmp(a, b, len) == 0;
}

/* The binary protocol: one header, whose length is that of all, and the parts as they are. */
static void check_binary(const struct order *order, const struct sent *sent)
{
    const struct omc_ask *ask = &order->ask;
    const unsigned char *extras = sent->bytes + OMC_ASK_HEADER_SIZE;
    struct omcache_req_header_s header;

    FUZZ_CHECK(sent->len >= sizeof(header) && sent->len == omc_ask_size(ask));
    memcpy(&header, sent->bytes, sizeof(header));
    FUZZ_CHECK(header.magic == 0x80 && header.opcode == order->req.header.opcode);
    FUZZ_CHECK(header.datatype == 0 && header.reserved == 0);
    FUZZ_CHECK(be32toh(header.bodylen) == sent->len - sizeof(header));
    FUZZ_CHECK(be32toh(header.opaque) == order->number);
    FUZZ_CHECK(header.cas == order->req.header.cas);
    FUZZ_CHECK(be16toh(header.keylen) == ask->key_len);
    FUZZ_CHECK(header.extlen == order->req.header.extlen);
    FUZZ_CHECK(sent->len == sizeof(header) + header.extlen + ask->key_len + ask->value_len);
    FUZZ_CHECK(is_same(extras, order->extra, header.extlen));
    FUZZ_CHECK(is_same(extras + header.extlen, order->key, ask->key_len));
}

/* Word number i of a line, as a server reads it. */
static struct omc_line word_at(struct omc_line line, size_t i)
{
    struct omc_line word = omc_line_word(&line);

    for (; i > 0; i--)
        word = omc_line_word(&line);
    return word;
}

/* The key is the word behind the command's, as it is or, in meta, in base64. */
static void check_key(const struct omc_ask *ask, struct omc_line line, bool meta)
{
    unsigned char key[OMC_ASK_KEY_MAX];
    struct omc_line word, flag;
    size_t len;

    omc_line_skip(&line, "gats "); /* which has its expiration in front of the key */
    word = word_at(line, 1);
    FUZZ_CHECK(omc_line_left(&word) > 0 && omc_line_left(&word) <= OMC_ASK_KEY_MAX);
    flag = word_at(line, omc_opcode_kind(ask->op) == OMC_KIND_STORE ? 3 : 2);
    if (omc_line_is_plain(ask->key, ask->key_len)) {
        FUZZ_CHECK(omc_line_left(&word) == ask->key_len);
        FUZZ_CHECK(memcmp(word.at, ask->key, ask->key_len) == 0);
        FUZZ_CHECK(!meta || !omc_line_is(&flag, "b"));
        return;
    }
    FUZZ_CHECK(meta && omc_line_is(&flag, "b"));
    FUZZ_CHECK(omc_base64_decode(key, word.at, omc_line_left(&word), &len));
    FUZZ_CHECK(len == ask->key_len && memcmp(key, ask->key, len) == 0);
}

/* Protocols of lines: one line, and if that announces data, just so much of it. */
static void check_line(const struct omc_ask *ask, const struct sent *sent, bool meta)
{
    const unsigned char *end = sent->bytes + sent->len;
    const unsigned char *newline = memchr(sent->bytes, '\n', sent->len);
    struct omc_line line, word;
    uint64_t announced = 0;

    FUZZ_CHECK((ask->bits & OMC_ASK_RAW) == 0);
    FUZZ_CHECK(newline != NULL && newline > sent->bytes && newline[-1] == '\r');
    FUZZ_CHECK(newline - sent->bytes < OMC_LINE_MAX);
    line = (struct omc_line){sent->bytes, newline - 1};
    for (const unsigned char *at = line.at; at < line.end; at++)
        FUZZ_CHECK(*at >= ' ' && *at != 0x7f);
    if (omc_opcode_kind(ask->op) != OMC_KIND_STORE) {
        FUZZ_CHECK(newline + 1 == end && ask->value_len == 0);
    } else {
        word = word_at(line, meta ? 2 : 4);
        FUZZ_CHECK(omc_line_number(&word, SIZE_LIMIT, &announced) && announced == ask->value_len);
        FUZZ_CHECK((size_t)(end - newline) == 1 + (size_t)ask->value_len + 2);
        FUZZ_CHECK(is_same(newline + 1, ask->value, ask->value_len));
        FUZZ_CHECK(memcmp(end - 2, "\r\n", 2) == 0);
    }
    if (omc_opcode_is_meta(ask->op)) { /* its options are the last in the line */
        FUZZ_CHECK(meta && omc_line_left(&line) > ask->extra_len);
        FUZZ_CHECK(is_same(line.end - ask->extra_len, ask->extra, ask->extra_len));
    }
    if (omc_opcode_needs_key(ask->op))
        check_key(ask, line, meta);
    else if (ask->key_len > 0) /* nothing is left out, and what is there ends the line */
        FUZZ_CHECK(omc_line_skip(&line, "stats ") && omc_line_left(&line) == ask->key_len &&
                   is_same(line.at, ask->key, ask->key_len));
}

/* That it is sent as before, or refused as before. */
static void check_again(const struct omc_codec *codec, struct omc_ask *ask, uint32_t number,
                        const struct sent *expected)
{
    struct sent again = encode(codec, ask, number);

    FUZZ_CHECK((again.bytes != NULL) == (expected->bytes != NULL));
    FUZZ_CHECK(again.len == expected->len && is_same(again.bytes, expected->bytes, again.len));
    free(again.bytes);
}

/* What is added where text found no counter. */
static void check_counter(const struct order *order)
{
    unsigned char digits[OMC_TEXT_DIGITS_MAX];
    struct omc_ask add;
    struct sent sent;

    if (!omc_text_has_initial(&order->ask))
        return;
    FUZZ_CHECK(omc_opcode_is_delta(order->ask.op));
    omc_text_make_counter(&order->ask, digits, &add);
    FUZZ_CHECK(omc_ask_check(&add, 0) && add.value_len > 0 && add.value_len <= sizeof(digits));
    sent = encode(&omc_text_codec, &add, order->number);
    FUZZ_CHECK((sent.bytes != NULL) == omc_line_is_plain(add.key, add.key_len));
    if (sent.bytes != NULL)
        check_line(&add, &sent, false);
    free(sent.bytes);
}

/* What the application is told of a get is that request. */
static void check_written(const struct order *order)
{
    struct omc_ask back;
    omcache_req_t again;

    if (!omc_opcode_is_get(order->ask.op) || omc_opcode_is_meta(order->ask.op) ||
        (order->ask.bits & OMC_ASK_RAW) != 0 || omc_ask_extra_size(&order->ask) > 0 ||
        order->ask.value_len > 0)
        return;
    omc_raw_write(&order->ask, &again);
    FUZZ_CHECK(omc_raw_read(&again, &back));
    back.cas = order->ask.cas; /* which is not told */
    FUZZ_CHECK(memcmp(&back, &order->ask, sizeof(back)) == 0);
}

static void check_order(const struct order *order)
{
    struct omc_ask ask;
    struct sent sent[CODECS];

    for (size_t i = 0; i < CODECS; i++) {
        ask = order->ask;
        sent[i] = encode(codecs[i], &ask, order->number);
        if (sent[i].bytes == NULL)
            continue;
        if (codecs[i] == &omc_binary_codec)
            check_binary(order, &sent[i]);
        else
            check_line(&order->ask, &sent[i], codecs[i] == &omc_meta_codec);
    }
    ask = order->ask;
    for (size_t i = 0; i < (size_t)CODECS * CODECS; i++) { /* each behind each of the others */
        check_again(codecs[i / CODECS], &ask, order->number, &sent[i / CODECS]);
        check_again(codecs[i % CODECS], &ask, order->number, &sent[i % CODECS]);
    }
    for (size_t i = 0; i < CODECS; i++)
        free(sent[i].bytes);
    check_counter(order);
    check_written(order);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct order order;
    struct fuzz_input in = fuzz_input(bytes, size);

    if (take_order(&in, &order))
        check_order(&order);
    free(order.extra);
    free(order.key);
    return 0;
}
