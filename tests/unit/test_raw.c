/*
 * Requests of the application's own, on their way to the form that the library has them
 * in, and what it tells the application of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "api/raw.h"
#include "proto/ask.h"
#include "proto/binary.h"
#include "proto/meta.h"
#include "proto/opcode.h"
#include "proto/text.h"
#include "support/codec.h"
#include "support/dice.h"
#include "support/fixture.h"

#define DELTA "\1\2\3\4\5\6\7\x08"
#define INITIAL "\x11\x12\x13\x14\x15\x16\x17\x18"
#define FLAGS "\x21\x22\x23\x24"
#define EXPIRATION "\x31\x32\x33\x34"

/* The extras that each opcode has in the protocol's description; NULL: no protocol but the
 * binary one has it. */
static const char *extras_of(uint8_t opcode)
{
    switch (opcode) {
    case 0x01: /* set, add, replace, and these quietly */
    case 0x02:
    case 0x03:
    case 0x11:
    case 0x12:
    case 0x13:
        return FLAGS EXPIRATION;
    case 0x05: /* increment and decrement */
    case 0x06:
    case 0x15:
    case 0x16:
        return DELTA INITIAL EXPIRATION;
    case 0x1c: /* touch and get-and-touch */
    case 0x1d:
    case 0x1e:
    case 0x23:
    case 0x24:
        return EXPIRATION;
    default:
        return opcode <= 0x1a ? "" : NULL;
    }
}

static bool is_store(uint8_t opcode)
{
    return memchr("\x01\x02\x03\x0e\x0f\x11\x12\x13\x19\x1a", opcode, 10) != NULL;
}

/* Quit, flush, no-op, version and statistics. */
static bool is_keyless(uint8_t opcode)
{
    return memchr("\x07\x08\x0a\x0b\x10\x17\x18", opcode, 7) != NULL;
}

/* A request with these parts; what is the library's in its header has been left as it was. */
static omcache_req_t make(uint8_t opcode, const char *extra, size_t extra_len, const char *key,
                          const char *data)
{
    size_t key_len = strlen(key), data_len = strlen(data);

    return (omcache_req_t){
        .server_index = 5,
        .header = {.magic = 1,
                   .opcode = opcode,
                   .keylen = htobe16((uint16_t)key_len),
                   .extlen = (uint8_t)extra_len,
                   .datatype = 9,
                   .reserved = 7,
                   .bodylen = htobe32((uint32_t)(extra_len + key_len + data_len)),
                   .opaque = 77,
                   .cas = htobe64(0x4142434445464748)},
        .extra = extra_len == 0 ? NULL : extra,
        .key = key_len == 0 ? NULL : (const unsigned char *)key,
        .data = data_len == 0 ? NULL : (const unsigned char *)data,
    };
}

/* Asserts that the binary protocol sends the request with these very parts. */
static void assert_carried(const omcache_req_t *req, struct omc_ask ask)
{
    size_t key_len = be16toh(req->header.keylen), extra_len = req->header.extlen, len;
    unsigned char *head = malloc(OMC_CODEC_HEAD_MAX);
    struct omcache_req_header_s header;

    ck_assert(omc_binary_codec.accept(&ask));
    len = codec_head(&omc_binary_codec, &ask, 0xfedcba98, head);
    ck_assert_uint_eq(len, sizeof(header) + extra_len + key_len);
    memcpy(&header, head, sizeof(header));
    ck_assert_uint_eq(header.magic, 0x80);
    ck_assert_uint_eq(header.opcode, req->header.opcode);
    ck_assert_uint_eq(header.keylen, req->header.keylen);
    ck_assert_uint_eq(header.extlen, extra_len);
    ck_assert_uint_eq(header.datatype, 0);
    ck_assert_uint_eq(header.reserved, 0);
    ck_assert_uint_eq(header.bodylen, req->header.bodylen);
    ck_assert_uint_eq(header.opaque, htobe32(0xfedcba98));
    ck_assert_uint_eq(header.cas, req->header.cas);
    assert_bytes(head + sizeof(header), extra_len, req->extra, extra_len);
    assert_bytes(head + len - key_len, key_len, req->key, key_len);
    ck_assert_ptr_eq(ask.value, req->data);
    ck_assert_uint_eq(omc_ask_size(&ask), sizeof(header) + be32toh(header.bodylen));
    free(head);
}

/* Asserts that a request is carried by the binary protocol as it is, and by no other. */
static void assert_only_binary(const omcache_req_t *req)
{
    struct omc_ask ask;

    ck_assert(omc_raw_read(req, &ask));
    ck_assert_uint_eq(ask.bits, OMC_ASK_RAW);
    ck_assert_ptr_eq(ask.extra, req->extra);
    ck_assert_uint_eq(ask.extra_len, req->header.extlen);
    assert_carried(req, ask);
    ck_assert(!omc_meta_codec.accept(&ask));
    ck_assert(!omc_text_codec.accept(&ask));
    ck_assert_uint_eq(ask.bits, OMC_ASK_RAW);
}

/* With the parts that its opcode has, which go into fields and become the same bytes again. */
static void assert_fields(uint8_t opcode)
{
    const char *extras = extras_of(opcode);
    size_t extra_len = extras == NULL ? 0 : strlen(extras);
    omcache_req_t req;
    struct omc_ask ask;

    if (omc_opcode_is_own(opcode))
        return;
    req = make(opcode, extras, extra_len, is_keyless(opcode) ? "" : "key",
               is_store(opcode) ? "value" : "");
    if (extras == NULL) {
        assert_only_binary(&req);
        return;
    }
    memset(&ask, 0xff, sizeof(ask));
    ck_assert(omc_raw_read(&req, &ask));
    ck_assert_uint_eq(ask.op, opcode);
    ck_assert_uint_eq(ask.bits, 0);
    ck_assert_uint_eq(ask.extra_len, 0);
    ck_assert_uint_eq(ask.cas, 0x4142434445464748);
    ck_assert_uint_eq(ask.delta, extra_len == 20 ? 0x0102030405060708 : 0);
    ck_assert_uint_eq(ask.initial, extra_len == 20 ? 0x1112131415161718 : 0);
    ck_assert_uint_eq(ask.flags, extra_len == 8 ? 0x21222324 : 0);
    ck_assert_uint_eq(ask.expiration, extra_len > 0 ? 0x31323334 : 0);
    assert_text(ask.key, ask.key_len, is_keyless(opcode) ? "" : "key");
    assert_text(ask.value, ask.value_len, is_store(opcode) ? "value" : "");
    ck_assert(omc_ask_check(&ask, 0));
    assert_carried(&req, ask);
    ck_assert(omc_meta_codec.accept(&ask));
}

START_TEST(parts_become_fields)
{
    for (unsigned opcode = 0; opcode <= UINT8_MAX; opcode++)
        assert_fields((uint8_t)opcode);
}
END_TEST

/* However long its extras are: as it is, or in fields if that is how long they are. */
static void assert_extras(uint8_t opcode)
{
    static const char bytes[] = DELTA INITIAL EXPIRATION;
    const char *usual = extras_of(opcode);
    bool flush = opcode == OMC_OP_FLUSH || opcode == OMC_OP_FLUSHQ;
    char *extra;

    for (size_t len = 0; len <= UINT8_MAX; len += len < 30 ? 1 : 25) {
        omcache_req_t req;
        struct omc_ask ask;

        extra = malloc(len == 0 ? 1 : len); /* so that ASan sees any step beyond it */
        for (size_t i = 0; i < len; i++)
            extra[i] = bytes[i % 20];
        req = make(opcode, extra, len, is_keyless(opcode) ? "" : "key", "");
        if (omc_opcode_is_own(opcode)) {
            ck_assert(!omc_raw_read(&req, &ask));
        } else if (usual != NULL && (len == strlen(usual) || (flush && len == 4))) {
            ck_assert(omc_raw_read(&req, &ask));
            ck_assert_uint_eq(ask.bits, flush && len == 4 ? OMC_ASK_DATED : 0);
            assert_carried(&req, ask);
        } else {
            assert_only_binary(&req);
        }
        free(extra);
    }
}

START_TEST(extras_of_many_lengths)
{
    for (unsigned opcode = 0; opcode <= UINT8_MAX; opcode++)
        assert_extras((uint8_t)opcode);
}
END_TEST

START_TEST(a_flush_may_have_an_expiration)
{
    omcache_req_t req = make(OMC_OP_FLUSH, "\0\0\0\0", 4, "", "");
    struct omc_ask ask;
    unsigned char out[OMC_CODEC_HEAD_MAX];

    req.header.cas = 0;
    ck_assert(omc_raw_read(&req, &ask));
    ck_assert(omc_text_codec.accept(&ask));
    assert_text(out, codec_head(&omc_text_codec, &ask, 1, out), "flush_all 0\r\n");
    req = make(OMC_OP_FLUSH, NULL, 0, "", "");
    ck_assert(omc_raw_read(&req, &ask));
    ck_assert(omc_text_codec.accept(&ask));
    assert_text(out, codec_head(&omc_text_codec, &ask, 1, out), "flush_all\r\n");
}
END_TEST

/* What the binary protocol's server, too, would refuse is left to that. */
START_TEST(other_parts_than_the_opcode_has)
{
    static const struct {
        uint8_t opcode;
        uint8_t key_len, extra_len, data_len;
        bool common;
    } cases[] = {
        {OMC_OP_GET, 1, 0, 0, true},         {OMC_OP_GET, 1, 4, 0, false},
        {OMC_OP_GET, 1, 0, 1, false},        {OMC_OP_GATK, 1, 0, 0, false},
        {OMC_OP_GATK, 1, 4, 0, true},        {OMC_OP_SET, 1, 8, 9, true},
        {OMC_OP_SET, 1, 0, 9, false},        {OMC_OP_SET, 1, 12, 9, false},
        {OMC_OP_APPEND, 1, 0, 1, true},      {OMC_OP_APPEND, 1, 8, 1, false},
        {OMC_OP_INCREMENT, 1, 20, 0, true},  {OMC_OP_INCREMENT, 1, 19, 0, false},
        {OMC_OP_INCREMENT, 1, 20, 1, false}, {OMC_OP_TOUCH, 1, 4, 0, true},
        {OMC_OP_TOUCH, 1, 0, 0, false},      {OMC_OP_TOUCH, 1, 4, 1, false},
        {OMC_OP_DELETE, 1, 4, 0, false},     {OMC_OP_DELETE, 1, 0, 1, false},
        {OMC_OP_NOOP, 1, 0, 0, false},       {OMC_OP_NOOP, 0, 0, 1, false},
        {OMC_OP_VERSION, 1, 0, 0, false},    {OMC_OP_QUIT, 1, 0, 0, false},
        {OMC_OP_FLUSH, 0, 4, 0, true},       {OMC_OP_FLUSH, 0, 5, 0, false},
        {OMC_OP_FLUSH, 1, 0, 0, false},      {OMC_OP_FLUSH, 1, 4, 0, false},
        {OMC_OP_STAT, 0, 4, 0, false},       {OMC_OP_STAT, 5, 0, 0, true},
        {OMC_OP_STAT, 5, 0, 1, false},       {OMC_OP_VERBOSITY, 0, 4, 0, false},
        {OMC_OP_RGET, 1, 0, 0, false},       {0xff, 1, 2, 3, false},
    };
    static const char letters[] = "aaaaaaaaaaaaaaaaaaaaaaaaa";
    omcache_req_t req = make(cases[_i].opcode, letters, cases[_i].extra_len,
                             letters + 25 - cases[_i].key_len, letters + 25 - cases[_i].data_len);
    struct omc_ask ask;

    if (!cases[_i].common) {
        assert_only_binary(&req);
        return;
    }
    ck_assert(omc_raw_read(&req, &ask));
    ck_assert_uint_eq(ask.bits & OMC_ASK_RAW, 0);
    assert_carried(&req, ask);
    ck_assert(omc_meta_codec.accept(&ask));
}
END_TEST

static bool is_read(uint8_t opcode, uint16_t key_len, uint8_t extra_len, uint32_t body_len)
{
    static const unsigned char bytes[300];
    const omcache_req_t req = {
        .header = {.opcode = opcode,
                   .keylen = htobe16(key_len),
                   .extlen = extra_len,
                   .bodylen = htobe32(body_len)},
        .extra = bytes,
        .key = bytes,
        .data = bytes,
    };
    struct omc_ask ask;

    return omc_raw_read(&req, &ask) && omc_ask_check(&ask, 0);
}

START_TEST(lengths_must_fit_together)
{
    ck_assert(is_read(OMC_OP_GET, 1, 0, 1));
    ck_assert(is_read(OMC_OP_GET, 250, 0, 250));
    ck_assert(!is_read(OMC_OP_GET, 251, 0, 251));
    ck_assert(!is_read(OMC_OP_GET, 256 + 1, 0, 256 + 1));
    ck_assert(!is_read(OMC_OP_GET, 0xffff, 0, 0xffff));
    ck_assert(!is_read(OMC_OP_GET, 0, 0, 0));
    ck_assert(!is_read(OMC_OP_SETQ, 0, 8, 10));
    ck_assert(is_read(OMC_OP_SETQ, 1, 8, 10));
    ck_assert(!is_read(OMC_OP_SETQ, 1, 8, 8));
    ck_assert(!is_read(OMC_OP_SETQ, 1, 8, 1));
    ck_assert(!is_read(OMC_OP_GET, 2, 0, 1));
    ck_assert(!is_read(OMC_OP_GET, 2, 0, 0));
    ck_assert(is_read(OMC_OP_NOOP, 0, 0, 0));
    ck_assert(is_read(OMC_OP_STAT, 0, 0, 0));
    ck_assert(is_read(OMC_OP_STAT, 5, 0, 5));
    ck_assert(!is_read(OMC_OP_STAT, 251, 0, 251));
    ck_assert(is_read(0xff, 0, 0, 0));
    ck_assert(is_read(0xff, 250, 45, 300));
    ck_assert(!is_read(0xff, 250, 45, 294));
}
END_TEST

/* With a prefix in front of its key, and the header, it still has a length. */
START_TEST(lengths_cannot_overflow)
{
    ck_assert(!is_read(OMC_OP_APPEND, 1, 0, UINT32_MAX));
    ck_assert(!is_read(OMC_OP_APPEND, 1, 0, UINT32_MAX - 249));
    ck_assert(is_read(OMC_OP_APPEND, 1, 0, UINT32_MAX - 250));
}
END_TEST

START_TEST(values_that_no_server_takes_are_refused_by_all)
{
    static const struct omc_codec *const codecs[] = {&omc_binary_codec, &omc_meta_codec,
                                                     &omc_text_codec};
    omcache_req_t req = make(OMC_OP_SET, FLAGS EXPIRATION, 8, "k", "");
    struct omc_ask ask;

    req.header.cas = 0;
    req.data = req.key;
    for (size_t i = 0; i < 3; i++) {
        req.header.bodylen = htobe32(8 + 1 + (uint32_t)INT32_MAX - 2);
        ck_assert(omc_raw_read(&req, &ask));
        ck_assert_uint_eq(ask.value_len, INT32_MAX - 2);
        ck_assert(codecs[i]->accept(&ask));
        req.header.bodylen = htobe32(8 + 1 + (uint32_t)INT32_MAX - 1);
        ck_assert(omc_raw_read(&req, &ask));
        ck_assert(!codecs[i]->accept(&ask));
        req.header.bodylen = htobe32(UINT32_MAX - 250);
        ck_assert(omc_raw_read(&req, &ask));
        ck_assert_uint_eq(ask.value_len, UINT32_MAX - 250 - 9);
        ck_assert(!codecs[i]->accept(&ask));
    }
}
END_TEST

START_TEST(requests_need_their_pointers)
{
    const omcache_req_t good = make(OMC_OP_SET, FLAGS EXPIRATION, 8, "k", "v");
    omcache_req_t req = good;
    struct omc_ask ask;

    ck_assert(omc_raw_read(&req, &ask) && omc_ask_check(&ask, 0));
    req.extra = NULL;
    ck_assert(!omc_raw_read(&req, &ask));
    req = good;
    req.key = NULL;
    ck_assert(!omc_raw_read(&req, &ask) || !omc_ask_check(&ask, 0));
    req = good;
    req.data = NULL;
    ck_assert(!omc_raw_read(&req, &ask) || !omc_ask_check(&ask, 0));
    req.header.bodylen = htobe32(9);
    ck_assert(omc_raw_read(&req, &ask) && omc_ask_check(&ask, 0));
    req = make(0xff, "", 1, "", "");
    req.extra = NULL;
    ck_assert(!omc_raw_read(&req, &ask));
}
END_TEST

START_TEST(the_librarys_own_are_refused)
{
    static const struct {
        const char *extra;
        const char *data;
    } cases[] = {{"", ""}, {" v", ""}, {" v\r\nflush_all", ""}, {" c", "value"}};
    struct omc_ask ask;

    for (unsigned opcode = OMC_OP_LOG_LEVEL; opcode <= OMC_OP_META_DEBUG; opcode++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            const omcache_req_t req =
                make((uint8_t)opcode, cases[i].extra, strlen(cases[i].extra), "key", cases[i].data);

            ck_assert(!omc_raw_read(&req, &ask));
        }
    }
    ck_assert(is_read(OMC_OP_LOG_LEVEL - 1, 1, 0, 1));
    ck_assert(is_read(OMC_OP_META_DEBUG + 1, 1, 0, 1));
}
END_TEST

/* The caller's parts stay what they are. */
START_TEST(requests_are_completed)
{
    omcache_req_t req = make(OMC_OP_SET, FLAGS EXPIRATION, 8, "key", "value");
    const omcache_req_t before = req;

    omc_raw_complete(&req, 0x12345678, 3);
    ck_assert_int_eq(req.server_index, 3);
    ck_assert_uint_eq(req.header.magic, 0x80);
    ck_assert_uint_eq(req.header.datatype, 0);
    ck_assert_uint_eq(req.header.reserved, 0);
    ck_assert_uint_eq(req.header.opaque, 0x12345678);
    ck_assert_uint_eq(req.header.opcode, before.header.opcode);
    ck_assert_uint_eq(req.header.keylen, before.header.keylen);
    ck_assert_uint_eq(req.header.extlen, before.header.extlen);
    ck_assert_uint_eq(req.header.bodylen, before.header.bodylen);
    ck_assert_uint_eq(req.header.cas, before.header.cas);
    ck_assert_ptr_eq(req.extra, before.extra);
    ck_assert_ptr_eq(req.key, before.key);
    ck_assert_ptr_eq(req.data, before.data);
}
END_TEST

/* Of gets, each comes back as the request that it was read from. */
START_TEST(gets_are_written)
{
    static const uint8_t opcodes[] = {OMC_OP_GETKQ, OMC_OP_GETK};
    const struct omc_ask ask = {
        .op = opcodes[_i], .key = (const unsigned char *)"key", .key_len = 3};
    omcache_req_t req;
    struct omc_ask back;

    memset(&req, 0xff, sizeof(req));
    omc_raw_write(&ask, &req);
    ck_assert_int_eq(req.server_index, -1);
    ck_assert_uint_eq(req.header.opcode, ask.op);
    ck_assert_uint_eq(be16toh(req.header.keylen), 3);
    ck_assert_uint_eq(req.header.extlen, 0);
    ck_assert_uint_eq(be32toh(req.header.bodylen), 3);
    ck_assert_uint_eq(req.header.cas, 0);
    ck_assert_ptr_null(req.extra);
    ck_assert_ptr_eq(req.key, ask.key);
    ck_assert_ptr_null(req.data);
    ck_assert(omc_raw_read(&req, &back));
    ck_assert_uint_eq(back.bits, 0);
    assert_carried(&req, ask);
}
END_TEST

/* Each order of up to six requests, and long ones of all kinds. */
START_TEST(requests_are_put_into_an_order)
{
    omcache_req_t reqs[300];
    uint32_t ranks[300], kept[300];
    size_t count = (size_t)dice(_i < 10 ? 6 : 300) + 1;

    for (uint32_t i = 0; i < count; i++) {
        reqs[i] = (omcache_req_t){.server_index = (int)i};
        ranks[i] = i;
    }
    for (size_t i = count; i-- > 1;) {
        size_t other = dice((unsigned)i + 1);
        uint32_t rank = ranks[i];

        ranks[i] = ranks[other];
        ranks[other] = rank;
    }
    memcpy(kept, ranks, sizeof(ranks));
    omc_raw_sort(reqs, ranks, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(reqs[i].server_index, (int)kept[i]);
        ck_assert_uint_eq(ranks[i], kept[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("raw");
    TCase *tcase = fixture_case(suite, "raw");

    tcase_add_test(tcase, parts_become_fields);
    tcase_add_test(tcase, extras_of_many_lengths);
    tcase_add_test(tcase, a_flush_may_have_an_expiration);
    tcase_add_loop_test(tcase, other_parts_than_the_opcode_has, 0, 32);
    tcase_add_test(tcase, lengths_must_fit_together);
    tcase_add_test(tcase, lengths_cannot_overflow);
    tcase_add_test(tcase, values_that_no_server_takes_are_refused_by_all);
    tcase_add_test(tcase, requests_need_their_pointers);
    tcase_add_test(tcase, the_librarys_own_are_refused);
    tcase_add_test(tcase, requests_are_completed);
    tcase_add_loop_test(tcase, gets_are_written, 0, 2);
    tcase_add_loop_test(tcase, requests_are_put_into_an_order, 0, 20);
    return fixture_run(suite);
}
