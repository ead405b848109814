/*
 * The binary codec and the rules for requests, on bytes in memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ask.h"
#include "proto/binary.h"
#include "proto/opcode.h"
#include "support/fixture.h"

enum {
    HEADER = OMC_ASK_HEADER_SIZE,
    LIMIT = 1000,
};

/* Writes a reply's header; returns the body's place. */
static unsigned char *put_header(unsigned char *out, uint8_t opcode, uint16_t key_len,
                                 uint8_t extra_len, uint16_t status, uint32_t body_len,
                                 uint32_t opaque, uint64_t cas)
{
    struct omcache_req_header_s header = {
        .magic = 0x81,
        .opcode = opcode,
        .keylen = htobe16(key_len),
        .extlen = extra_len,
        .reserved = htobe16(status),
        .bodylen = htobe32(body_len),
        .opaque = htobe32(opaque),
        .cas = htobe64(cas),
    };

    memcpy(out, &header, HEADER);
    return out + HEADER;
}

static enum omc_decode decode(unsigned char *bytes, size_t len, struct omc_reply *reply,
                              size_t *size)
{
    return omc_binary_codec.decode(bytes, len, LIMIT, NULL, reply, size);
}

/* Decodes a copy of just these bytes, so that valgrind and ASan see any read
 * beyond them. */
static enum omc_decode decode_exactly(const unsigned char *bytes, size_t len,
                                      struct omc_reply *reply, size_t *size)
{
    unsigned char *copy = malloc(len == 0 ? 1 : len);
    enum omc_decode result;

    memcpy(copy, bytes, len);
    result = decode(copy, len, reply, size);
    free(copy);
    return result;
}

/* Encodes a request; where its head ends, NULL if it is refused. */
static unsigned char *encode(unsigned char *out, struct omc_ask *ask, uint32_t number)
{
    return omc_binary_codec.accept(ask) ? omc_binary_codec.encode(out, ask, number) : NULL;
}

/* Every opcode, known or not, with parts of any kind. */
START_TEST(any_request_is_encoded)
{
    unsigned char out[HEADER + 4 + 3];
    struct omc_ask ask = {
        .op = (uint8_t)_i,
        .bits = OMC_ASK_RAW,
        .cas = 0x0102030405060708,
        .extra = (const unsigned char *)"extr",
        .extra_len = 4,
        .key = (const unsigned char *)"key",
        .key_len = 3,
        .value = (const unsigned char *)"da",
        .value_len = 2,
    };
    const unsigned char expected[] = {0x80, (unsigned char)_i,
                                      0,    3,
                                      4,    0,
                                      0,    0,
                                      0,    0,
                                      0,    9,
                                      0xfe, 0xdc,
                                      0xba, 0x98,
                                      1,    2,
                                      3,    4,
                                      5,    6,
                                      7,    8};

    ck_assert_uint_eq(omc_ask_size(&ask), sizeof(out) + 2);
    if (omc_opcode_is_own((uint8_t)_i)) {
        ck_assert(!omc_binary_codec.accept(&ask));
        return;
    }
    ck_assert_ptr_eq(encode(out, &ask, 0xfedcba98), out + sizeof(out));
    ck_assert_uint_eq(omc_codec_tail_size(&omc_binary_codec, (uint8_t)_i), 0);
    ck_assert_mem_eq(out, expected, sizeof(expected));
    ck_assert_mem_eq(out + HEADER, "extrkey", 7);
}
END_TEST

/* The protocol's description of each opcode's extras, written down a second time. */
static const char *extras_of(uint8_t opcode)
{
    static const char number[] = "\1\2\3\4\5\6\7\x08"
                                 "\x11\x12\x13\x14\x15\x16\x17\x18"
                                 "\x31\x32\x33\x34";
    static const uint8_t counters[] = {0x05, 0x06, 0x15, 0x16};
    static const uint8_t stores[] = {0x01, 0x02, 0x03, 0x11, 0x12, 0x13};
    static const uint8_t dated[] = {0x1c, 0x1d, 0x1e, 0x23, 0x24};

    if (memchr(counters, opcode, sizeof(counters)) != NULL)
        return number;
    if (memchr(stores, opcode, sizeof(stores)) != NULL)
        return "\x21\x22\x23\x24\x31\x32\x33\x34";
    return memchr(dated, opcode, sizeof(dated)) != NULL ? number + 16 : "";
}

START_TEST(fields_become_extras)
{
    uint8_t opcode = (uint8_t)_i;
    const char *extras = extras_of(opcode);
    unsigned char out[HEADER + 20 + 3], *end;
    struct omc_ask ask = {
        .op = opcode,
        .key = (const unsigned char *)"key",
        .key_len = 3,
        .delta = 0x0102030405060708,
        .initial = 0x1112131415161718,
        .flags = 0x21222324,
        .expiration = 0x31323334,
    };

    if (omc_opcode_is_own(opcode))
        return;
    end = encode(out, &ask, 1);
    ck_assert_ptr_nonnull(end);
    ck_assert_ptr_eq(end, out + omc_ask_size(&ask));
    assert_text(out + HEADER, (size_t)(end - out) - HEADER - 3, extras);
    ck_assert_mem_eq(end - 3, "key", 3);
    ck_assert_uint_eq(out[4], strlen(extras));
    ck_assert_uint_eq(out[11], strlen(extras) + 3);
}
END_TEST

START_TEST(a_flush_may_have_an_expiration)
{
    unsigned char out[HEADER + 4];
    struct omc_ask ask = {.op = OMC_OP_FLUSHQ, .expiration = 0x01020304, .bits = OMC_ASK_DATED};

    ck_assert_ptr_eq(encode(out, &ask, 1), out + HEADER + 4);
    ck_assert_uint_eq(omc_ask_size(&ask), HEADER + 4);
    assert_text(out + HEADER, 4, "\1\2\3\4");
    ask.bits = 0;
    ck_assert_ptr_eq(encode(out, &ask, 1), out + HEADER);
    ck_assert_uint_eq(omc_ask_size(&ask), HEADER);
}
END_TEST

/* It is what another protocol, which the request was for before, has made of its key. */
START_TEST(no_key_is_encoded_here)
{
    unsigned char out[HEADER + 3];
    struct omc_ask ask = {.op = OMC_OP_GET,
                          .key = (const unsigned char *)"a b",
                          .key_len = 3,
                          .bits = OMC_ASK_ENCODED};

    ck_assert_ptr_eq(encode(out, &ask, 1), out + sizeof(out));
    ck_assert_uint_eq(ask.bits, 0);
    ck_assert_mem_eq(out + HEADER, "a b", 3);
}
END_TEST

START_TEST(a_prefix_makes_keys_shorter)
{
    static const unsigned char bytes[250];
    struct omc_ask ask = {.op = OMC_OP_GET, .key = bytes, .key_len = 200};

    ck_assert(omc_ask_check(&ask, 50));
    ck_assert(!omc_ask_check(&ask, 51));
    ask.op = OMC_OP_STAT; /* whose key gets no prefix */
    ck_assert(omc_ask_check(&ask, 51));
}
END_TEST

/* Those that memcached would read as negative lengths. */
START_TEST(values_that_no_server_takes_are_refused)
{
    static const unsigned char byte;
    struct omc_ask ask = {.op = OMC_OP_APPEND, .key = &byte, .key_len = 1, .value = &byte};
    unsigned char out[25];

    ask.value_len = UINT32_MAX - 249 - 1;
    ck_assert_ptr_null(encode(out, &ask, 1));
    ask.value_len = (uint32_t)INT32_MAX - 1;
    ck_assert_ptr_null(encode(out, &ask, 1));
    ask.value_len = (uint32_t)INT32_MAX - 2;
    ck_assert_ptr_eq(encode(out, &ask, 1), out + sizeof(out));
    ck_assert_mem_eq(out + 8, "\x7f\xff\xff\xfe", 4);
}
END_TEST

/* A successful reply as the server gives it to this opcode; its length. */
static size_t good_reply(unsigned char *out, uint8_t opcode)
{
    unsigned char *body;

    if (omc_opcode_is_get(opcode)) {
        body = put_header(out, opcode, 3, 4, 0, 4 + 3 + 5, 0x11223344, 0x5566);
        memcpy(body, "\1\2\3\4keyvalue", 12);
        return HEADER + 12;
    }
    if (omc_opcode_is_delta(opcode)) {
        body = put_header(out, opcode, 0, 0, 0, 8, 0x11223344, 0x5566);
        memcpy(body, "\1\2\3\4\5\6\7\10", 8);
        return HEADER + 8;
    }
    body = put_header(out, opcode, 3, 0, 0, 8, 0x11223344, 0x5566);
    memcpy(body, "keyvalue", 8);
    return HEADER + 8;
}

START_TEST(any_reply_is_decoded_from_any_piece)
{
    uint8_t opcode = (uint8_t)_i;
    unsigned char bytes[100];
    size_t len = good_reply(bytes, opcode), size = 0;
    struct omc_reply reply;

    for (size_t piece = 0; piece < len; piece++) {
        ck_assert_int_eq(decode_exactly(bytes, piece, &reply, &size), OMC_DECODE_MORE);
        ck_assert_uint_eq(size, piece < HEADER ? HEADER : len);
    }
    memset(&reply, 0xff, sizeof(reply));
    ck_assert_int_eq(decode(bytes, len, &reply, &size), OMC_DECODE_REPLY);
    ck_assert_uint_eq(size, len);
    ck_assert_uint_eq(reply.opcode, opcode);
    ck_assert_uint_eq(reply.opaque, 0x11223344);
    ck_assert_uint_eq(reply.value.cas, 0x5566);
    ck_assert_int_eq(reply.value.status, OMCACHE_OK);
    ck_assert_int_eq(reply.last, opcode != OMC_OP_STAT);
    if (omc_opcode_is_delta(opcode)) {
        ck_assert_uint_eq(reply.value.delta_value, 0x0102030405060708);
        return;
    }
    assert_text(reply.value.key, reply.value.key_len, "key");
    assert_text(reply.value.data, reply.value.data_len, "value");
    ck_assert_uint_eq(reply.value.flags, omc_opcode_is_get(opcode) ? 0x01020304 : 0);
    ck_assert_uint_eq(reply.value.delta_value, 0);
}
END_TEST

START_TEST(only_one_reply_is_taken)
{
    unsigned char bytes[200];
    size_t len = good_reply(bytes, OMC_OP_GETK), size;
    struct omc_reply reply;

    good_reply(bytes + len, OMC_OP_GETK);
    ck_assert_int_eq(decode(bytes, 2 * len, &reply, &size), OMC_DECODE_REPLY);
    ck_assert_uint_eq(size, len);
}
END_TEST

START_TEST(status_becomes_a_code)
{
    static const struct {
        uint16_t status;
        int rc;
    } cases[] = {
        {0, OMCACHE_OK},
        {1, OMCACHE_NOT_FOUND},
        {2, OMCACHE_KEY_EXISTS},
        {3, OMCACHE_TOO_LARGE_VALUE},
        {4, OMCACHE_FAIL},
        {5, OMCACHE_NOT_STORED},
        {6, OMCACHE_DELTA_BAD_VALUE},
        {7, OMCACHE_FAIL},
        {0x20, OMCACHE_FAIL},
        {0x81, OMCACHE_FAIL},
        {0x82, OMCACHE_FAIL},
        {0x0fff, OMCACHE_FAIL},
        {0x1001, OMCACHE_FAIL},
        {0xffff, OMCACHE_FAIL},
    };
    unsigned char bytes[HEADER + 4];
    struct omc_reply reply;
    size_t size;

    memcpy(put_header(bytes, OMC_OP_GETK, 0, 0, cases[_i].status, 4, 1, 0), "text", 4);
    ck_assert_int_eq(decode(bytes, sizeof(bytes), &reply, &size), OMC_DECODE_REPLY);
    assert_rc(reply.value.status, cases[_i].rc);
    if (reply.value.status != OMCACHE_OK)
        assert_text(reply.value.data, reply.value.data_len, "text");
}
END_TEST

START_TEST(another_protocol_is_told_by_its_first_byte)
{
    struct omc_reply reply;
    size_t size;

    for (int byte = 0; byte < 256; byte++) {
        unsigned char first = (unsigned char)byte;

        ck_assert_int_eq(decode_exactly(&first, 1, &reply, &size),
                         byte == 0x81 ? OMC_DECODE_MORE : OMC_DECODE_BROKEN);
    }
}
END_TEST

START_TEST(a_data_type_is_broken)
{
    unsigned char bytes[HEADER];
    struct omc_reply reply;
    size_t size;

    put_header(bytes, OMC_OP_NOOP, 0, 0, 0, 0, 1, 0);
    bytes[5] = 1;
    ck_assert_int_eq(decode_exactly(bytes, 5, &reply, &size), OMC_DECODE_MORE);
    ck_assert_int_eq(decode_exactly(bytes, 6, &reply, &size), OMC_DECODE_BROKEN);
}
END_TEST

/* Lengths that do not fit, although their sum wraps to something small. */
START_TEST(lengths_that_lie_are_broken)
{
    static const struct {
        uint16_t key_len;
        uint8_t extra_len;
        uint32_t body_len;
    } cases[] = {
        {1, 0, 0}, {0, 1, 0}, {3, 4, 6}, {0xffff, 0, 10}, {0xffff, 0xff, 0xff00}, {250, 255, 504},
    };
    unsigned char bytes[HEADER];
    struct omc_reply reply;
    size_t size;

    put_header(bytes, OMC_OP_GETK, cases[_i].key_len, cases[_i].extra_len, 0, cases[_i].body_len, 1,
               0);
    ck_assert_int_eq(decode_exactly(bytes, HEADER, &reply, &size), OMC_DECODE_BROKEN);
}
END_TEST

/* Else the key would be taken for a part of the value. */
START_TEST(a_value_lacks_its_key)
{
    static const uint8_t keyed[] = {OMC_OP_GETK, OMC_OP_GETKQ, OMC_OP_GATK, OMC_OP_GATKQ};
    static const uint8_t plain[] = {OMC_OP_GET, OMC_OP_GETQ, OMC_OP_GAT, OMC_OP_GATQ};
    unsigned char bytes[HEADER + 8] = {0};
    struct omc_reply reply;
    size_t size;

    put_header(bytes, keyed[_i], 0, 4, 0, 8, 1, 0);
    ck_assert_int_eq(decode(bytes, sizeof(bytes), &reply, &size), OMC_DECODE_BROKEN);
    put_header(bytes, keyed[_i], 0, 0, OMCACHE_NOT_FOUND, 8, 1, 0);
    ck_assert_int_eq(decode(bytes, sizeof(bytes), &reply, &size), OMC_DECODE_REPLY);
    put_header(bytes, plain[_i], 0, 4, 0, 8, 1, 0);
    ck_assert_int_eq(decode(bytes, sizeof(bytes), &reply, &size), OMC_DECODE_REPLY);
}
END_TEST

START_TEST(a_body_over_the_limit_is_told_with_its_request)
{
    unsigned char bytes[HEADER + LIMIT] = {0};
    struct omc_reply reply;
    size_t size;

    put_header(bytes, OMC_OP_GETK, 1, 4, 0, LIMIT, 7, 0);
    ck_assert_int_eq(decode(bytes, sizeof(bytes), &reply, &size), OMC_DECODE_REPLY);
    for (int i = 0; i < 2; i++) {
        put_header(bytes, OMC_OP_GETK, 0, 4, 0, i == 0 ? LIMIT + 1 : UINT32_MAX, 7, 0);
        ck_assert_int_eq(decode_exactly(bytes, HEADER, &reply, &size), OMC_DECODE_TOO_LARGE);
        ck_assert_uint_eq(reply.opaque, 7);
        ck_assert_uint_eq(reply.opcode, OMC_OP_GETK);
    }
}
END_TEST

START_TEST(missing_flags_and_numbers_are_broken)
{
    unsigned char bytes[HEADER + 9] = {0};
    struct omc_reply reply;
    size_t size;

    put_header(bytes, OMC_OP_GETK, 0, 3, 0, 9, 1, 0);
    ck_assert_int_eq(decode(bytes, sizeof(bytes), &reply, &size), OMC_DECODE_BROKEN);
    put_header(bytes, OMC_OP_INCREMENT, 0, 0, 0, 7, 1, 0);
    ck_assert_int_eq(decode(bytes, sizeof(bytes), &reply, &size), OMC_DECODE_BROKEN);
    put_header(bytes, OMC_OP_DECREMENT, 0, 0, 0, 9, 1, 0);
    ck_assert_int_eq(decode(bytes, sizeof(bytes), &reply, &size), OMC_DECODE_BROKEN);
}
END_TEST

START_TEST(statistics_end_with_an_empty_key)
{
    unsigned char bytes[HEADER + 2];
    struct omc_reply reply;
    size_t size;

    memcpy(put_header(bytes, OMC_OP_STAT, 1, 0, 0, 2, 1, 0), "k1", 2);
    ck_assert_int_eq(decode(bytes, sizeof(bytes), &reply, &size), OMC_DECODE_REPLY);
    ck_assert(!reply.last);
    put_header(bytes, OMC_OP_STAT, 0, 0, 0, 0, 1, 0);
    ck_assert_int_eq(decode(bytes, sizeof(bytes), &reply, &size), OMC_DECODE_REPLY);
    ck_assert(reply.last);
    memcpy(put_header(bytes, OMC_OP_STAT, 1, 0, 1, 2, 1, 0), "k1", 2);
    ck_assert_int_eq(decode(bytes, sizeof(bytes), &reply, &size), OMC_DECODE_REPLY);
    ck_assert(reply.last);
}
END_TEST

static bool request_is_good(uint8_t opcode, uint8_t key_len, uint32_t value_len)
{
    static const unsigned char bytes[300];
    const struct omc_ask ask = {
        .op = opcode,
        .key = bytes,
        .key_len = key_len,
        .value = bytes,
        .value_len = value_len,
    };

    return omc_ask_check(&ask, 0);
}

START_TEST(requests_are_checked)
{
    ck_assert(request_is_good(OMC_OP_GET, 1, 0));
    ck_assert(request_is_good(OMC_OP_GET, 250, 0));
    ck_assert(!request_is_good(OMC_OP_GET, 251, 0));
    ck_assert(!request_is_good(OMC_OP_GET, 255, 0));
    ck_assert(!request_is_good(OMC_OP_GET, 0, 0));
    ck_assert(!request_is_good(OMC_OP_SETQ, 0, 2));
    ck_assert(request_is_good(OMC_OP_SETQ, 1, 1));
    ck_assert(!request_is_good(OMC_OP_META_GET, 0, 0));
    ck_assert(request_is_good(OMC_OP_NOOP, 0, 0));
    ck_assert(request_is_good(OMC_OP_STAT, 0, 0));
    ck_assert(request_is_good(OMC_OP_STAT, 5, 0));
    ck_assert(request_is_good(0xff, 0, 0));
}
END_TEST

START_TEST(requests_need_their_pointers)
{
    const unsigned char byte = 0;
    const struct omc_ask good = {
        .op = OMC_OP_SET, .key = &byte, .key_len = 1, .value = &byte, .value_len = 1};
    struct omc_ask ask = good;

    ck_assert(omc_ask_check(&ask, 0));
    ask.key = NULL;
    ck_assert(!omc_ask_check(&ask, 0));
    ask = good;
    ask.value = NULL;
    ck_assert(!omc_ask_check(&ask, 0));
    ask.value_len = 0;
    ck_assert(omc_ask_check(&ask, 0));
    ask = (struct omc_ask){.op = OMC_OP_STAT, .key_len = 1};
    ck_assert(!omc_ask_check(&ask, 0));
}
END_TEST

/* The list of the protocol's description, written down a second time. */
START_TEST(quiet_opcodes)
{
    static const uint8_t quiet[] = {0x09, 0x0d, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
                                    0x19, 0x1a, 0x1e, 0x24, 0x32, 0x34, 0x36, 0x38, 0x3a, 0x3c};

    for (int opcode = 0; opcode < 256; opcode++) {
        bool is_listed = memchr(quiet, opcode, sizeof(quiet)) != NULL;

        ck_assert_msg(omc_opcode_is_quiet((uint8_t)opcode) == is_listed ||
                          omc_opcode_is_own((uint8_t)opcode),
                      "opcode %#x", (unsigned)opcode);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("binary");
    TCase *tcase = fixture_case(suite, "binary");

    tcase_add_loop_test(tcase, any_request_is_encoded, 0, 256);
    tcase_add_loop_test(tcase, fields_become_extras, 0, 256);
    tcase_add_test(tcase, a_flush_may_have_an_expiration);
    tcase_add_test(tcase, no_key_is_encoded_here);
    tcase_add_test(tcase, a_prefix_makes_keys_shorter);
    tcase_add_test(tcase, values_that_no_server_takes_are_refused);
    tcase_add_loop_test(tcase, any_reply_is_decoded_from_any_piece, 0, 256);
    tcase_add_test(tcase, only_one_reply_is_taken);
    tcase_add_loop_test(tcase, status_becomes_a_code, 1, 14);
    tcase_add_test(tcase, another_protocol_is_told_by_its_first_byte);
    tcase_add_test(tcase, a_data_type_is_broken);
    tcase_add_loop_test(tcase, lengths_that_lie_are_broken, 0, 6);
    tcase_add_loop_test(tcase, a_value_lacks_its_key, 0, 4);
    tcase_add_test(tcase, a_body_over_the_limit_is_told_with_its_request);
    tcase_add_test(tcase, missing_flags_and_numbers_are_broken);
    tcase_add_test(tcase, statistics_end_with_an_empty_key);
    tcase_add_test(tcase, requests_are_checked);
    tcase_add_test(tcase, requests_need_their_pointers);
    tcase_add_test(tcase, quiet_opcodes);
    return fixture_run(suite);
}
