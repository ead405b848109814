/*
 * The requests of the meta protocol, on bytes in memory; and what it shares with the
 * text protocol: numbers, words and base64.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base64.h"
#include "proto/line.h"
#include "proto/meta.h"
#include "proto/opcode.h"
#include "support/codec.h"
#include "support/fixture.h"

enum {
    OPAQUE = 0x12345678,
};

/* Every opcode, in the forms that it has. */
static const struct {
    struct order order;
    const char *bytes;
} requests[] = {
    {{.opcode = OMC_OP_GET, .key = "k"}, "mg k v f c O12345678\r\n"},
    {{.opcode = OMC_OP_GETQ, .key = "k"}, "mg k v f c O12345678 q\r\n"},
    {{.opcode = OMC_OP_GETK, .key = "key"}, "mg key v f c O1234567803 k\r\n"},
    {{.opcode = OMC_OP_GETKQ, .key = "key"}, "mg key v f c O1234567803 k q\r\n"},
    {{.opcode = OMC_OP_GETK, .key = "seventeen letters", .key_len = 17},
     "mg c2V2ZW50ZWVuIGxldHRlcnM= b v f c O1234567811 k\r\n"},
    {{.opcode = OMC_OP_GETK, .key = "p:k"}, "mg p:k v f c O1234567803 k\r\n"},
    {{.opcode = OMC_OP_GETK, .key = "p k"}, "mg cCBr b v f c O1234567803 k\r\n"},
    {{.opcode = OMC_OP_GETK, .key = "key", .bits = OMC_ASK_CASLESS},
     "mg key v f O1234567803 k\r\n"},
    {{.opcode = OMC_OP_GETKQ, .key = "key", .bits = OMC_ASK_ANSWERED},
     "mg key v f c O1234567803 k\r\n"},
    {{.opcode = OMC_OP_GAT, .key = "k"}, "mg k T0 v f c O12345678\r\n"},
    {{.opcode = OMC_OP_GATQ, .key = "k", .expiration = 30}, "mg k T30 v f c O12345678 q\r\n"},
    {{.opcode = OMC_OP_GATK, .key = "k", .expiration = INT32_MAX},
     "mg k T2147483647 v f c O1234567801 k\r\n"},
    {{.opcode = OMC_OP_GATKQ, .key = "a b", .expiration = 1},
     "mg YSBi b T1 v f c O1234567803 k q\r\n"},
    {{.opcode = OMC_OP_TOUCH, .key = "k", .expiration = 7}, "mg k T7 c O12345678\r\n"},
    {{.opcode = OMC_OP_TOUCH, .key = "a b"}, "mg YSBi b T0 c O12345678\r\n"},
    {{.opcode = OMC_OP_SET, .key = "k", .data = "v"}, "ms k 1 c O12345678\r\nv\r\n"},
    {{.opcode = OMC_OP_SET, .key = "k"}, "ms k 0 c O12345678\r\n\r\n"},
    {{.opcode = OMC_OP_SET, .key = "k", .data = "v", .bits = OMC_ASK_CASLESS},
     "ms k 1 O12345678\r\nv\r\n"},
    {{.opcode = OMC_OP_SETQ, .key = "k", .data = "v"}, "ms k 1 O12345678\r\nv\r\n"},
    {{.opcode = OMC_OP_SET,
      .key = "a b",
      .data = "data",
      .flags = UINT32_MAX,
      .expiration = 60,
      .cas = 9},
     "ms YSBi 4 b F4294967295 T60 C9 c O12345678\r\ndata\r\n"},
    {{.opcode = OMC_OP_ADD, .key = "k", .data = "v"}, "ms k 1 ME c O12345678\r\nv\r\n"},
    {{.opcode = OMC_OP_ADDQ, .key = "k", .data = "v"}, "ms k 1 ME O12345678\r\nv\r\n"},
    {{.opcode = OMC_OP_ADD, .key = "k", .data = "v", .cas = 1}, "ms k 1 C1 c O12345678\r\nv\r\n"},
    {{.opcode = OMC_OP_REPLACE, .key = "k", .data = "v"}, "ms k 1 MR c O12345678\r\nv\r\n"},
    {{.opcode = OMC_OP_REPLACEQ, .key = "k", .data = "v"}, "ms k 1 MR O12345678\r\nv\r\n"},
    {{.opcode = OMC_OP_REPLACE, .key = "k", .data = "v", .cas = UINT64_MAX},
     "ms k 1 C18446744073709551615 c O12345678\r\nv\r\n"},
    {{.opcode = OMC_OP_APPEND, .key = "k", .data = "v"}, "ms k 1 MA c O12345678\r\nv\r\n"},
    {{.opcode = OMC_OP_APPENDQ, .key = "k", .data = "v"}, "ms k 1 MA O12345678\r\nv\r\n"},
    {{.opcode = OMC_OP_PREPEND, .key = "k", .data = "v", .cas = 8},
     "ms k 1 MP C8 c O12345678\r\nv\r\n"},
    {{.opcode = OMC_OP_PREPENDQ, .key = "k", .data = "v"}, "ms k 1 MP O12345678\r\nv\r\n"},
    {{.opcode = OMC_OP_DELETE, .key = "k"}, "md k O12345678\r\n"},
    {{.opcode = OMC_OP_DELETEQ, .key = "k"}, "md k O12345678\r\n"},
    {{.opcode = OMC_OP_DELETE, .key = "a b", .cas = 3}, "md YSBi b C3 O12345678\r\n"},
    {{.opcode = OMC_OP_INCREMENT, .key = "k", .delta = 1, .initial = 2, .expiration = 3},
     "ma k D1 N3 J2 v c O12345678\r\n"},
    {{.opcode = OMC_OP_INCREMENTQ, .key = "k", .delta = UINT64_MAX, .initial = UINT64_MAX},
     "ma k D18446744073709551615 N0 J18446744073709551615 O12345678\r\n"},
    {{.opcode = OMC_OP_DECREMENT,
      .key = "a b",
      .initial = 0,
      .expiration = OMCACHE_DELTA_NO_ADD,
      .cas = 6},
     "ma YSBi b MD D0 C6 v c O12345678\r\n"},
    {{.opcode = OMC_OP_DECREMENTQ, .key = "k", .delta = 10, .expiration = OMCACHE_DELTA_NO_ADD},
     "ma k MD D10 O12345678\r\n"},
    {{.opcode = OMC_OP_NOOP}, "mn\r\n"},
    {{.opcode = OMC_OP_VERSION}, "version\r\n"},
    {{.opcode = OMC_OP_FLUSH}, "flush_all\r\n"},
    {{.opcode = OMC_OP_FLUSHQ, .expiration = 10}, "flush_all 10\r\n"},
    {{.opcode = OMC_OP_STAT}, "stats\r\n"},
    {{.opcode = OMC_OP_STAT, .key = "detail dump"}, "stats detail dump\r\n"},
    {{.opcode = OMC_OP_QUIT}, "quit\r\n"},
    {{.opcode = OMC_OP_QUITQ}, "quit\r\n"},
    {{.opcode = OMC_OP_LOG_LEVEL, .expiration = 2}, "verbosity 2\r\n"},
    {{.opcode = OMC_OP_MEMORY_LIMIT, .expiration = 100}, "cache_memlimit 100\r\n"},
};

enum {
    REQUESTS = sizeof(requests) / sizeof(requests[0]),
};

START_TEST(any_request_is_encoded)
{
    codec_assert_bytes(&omc_meta_codec, &requests[_i].order, OPAQUE, requests[_i].bytes);
}
END_TEST

/* There is one of each opcode above, and no other one is accepted but those with options. */
START_TEST(other_opcodes_are_refused)
{
    struct order order = {.opcode = (uint8_t)_i, .key = "k"};
    bool listed = false;
    size_t len;
    unsigned char *bytes;

    if (omc_opcode_is_meta(order.opcode))
        return;
    for (size_t i = 0; i < REQUESTS; i++)
        listed = listed || requests[i].order.opcode == _i;
    if (_i == OMC_OP_NOOP || _i == OMC_OP_VERSION || _i == OMC_OP_FLUSH || _i == OMC_OP_FLUSHQ ||
        _i == OMC_OP_QUIT || _i == OMC_OP_QUITQ || _i == OMC_OP_LOG_LEVEL ||
        _i == OMC_OP_MEMORY_LIMIT)
        order.key = NULL;
    bytes = codec_encode(&omc_meta_codec, &order, OPAQUE, &len);
    ck_assert((bytes != NULL) == listed);
    free(bytes);
    ck_assert(!listed || _i < OMC_OP_RGET || _i == OMC_OP_MEMORY_LIMIT || _i == OMC_OP_LOG_LEVEL);
}
END_TEST

/* Such a length is an error to memcached, behind which it looks for a command. */
START_TEST(values_that_no_server_takes_are_refused)
{
    static const uint8_t opcodes[] = {OMC_OP_SET, OMC_OP_META_SET};

    for (size_t i = 0; i < sizeof(opcodes); i++) {
        struct omc_ask ask = codec_ask(&(struct order){.opcode = opcodes[i], .key = "k"});

        ask.value_len = (uint32_t)INT32_MAX - 2;
        ck_assert(omc_meta_codec.accept(&ask));
        ask.value_len = (uint32_t)INT32_MAX - 1;
        ck_assert(!omc_meta_codec.accept(&ask));
        ask.value_len = UINT32_MAX;
        ck_assert(!omc_meta_codec.accept(&ask));
    }
}
END_TEST

/* The binary protocol has dates up to 2106; lines have them up to 2038. */
START_TEST(later_expirations_are_never)
{
    static const uint32_t late[] = {0x80000000, 0xfffffffe, 0xffffffff};
    static const struct {
        uint8_t opcode;
        const char *bytes;
    } cases[] = {
        {OMC_OP_SETQ, "ms k 0 O12345678\r\n\r\n"},
        {OMC_OP_TOUCH, "mg k T0 c O12345678\r\n"},
        {OMC_OP_GAT, "mg k T0 v f c O12345678\r\n"},
        {OMC_OP_FLUSH, "flush_all 2147483647\r\n"}, /* where 0 is now */
    };

    for (size_t i = 0; i < 3 * sizeof(cases) / sizeof(cases[0]); i++) {
        struct order order = {.opcode = cases[i / 3].opcode, .expiration = late[i % 3]};
        size_t len;
        unsigned char *bytes;

        if (order.opcode != OMC_OP_FLUSH)
            order.key = "k";
        bytes = codec_encode(&omc_meta_codec, &order, OPAQUE, &len);
        assert_text(bytes, len, cases[i / 3].bytes);
        free(bytes);
    }
}
END_TEST

/* Asserts that the second word of a request is this key, in base64 if it says so. */
static void assert_key(const unsigned char *bytes, size_t len, const struct order *order)
{
    size_t key_len = order->key_len > 0 ? order->key_len : strlen(order->key);
    struct omc_line line = {bytes, bytes + len}, word;
    unsigned char decoded[OMC_ASK_KEY_MAX];
    size_t decoded_len;

    omc_line_word(&line);
    word = omc_line_word(&line);
    ck_assert_uint_le(omc_line_left(&word), OMC_ASK_KEY_MAX);
    if (!omc_line_skip(&line, "b ")) {
        assert_bytes(word.at, omc_line_left(&word), order->key, key_len);
        return;
    }
    ck_assert(omc_base64_decode(decoded, word.at, omc_line_left(&word), &decoded_len));
    assert_bytes(decoded, decoded_len, order->key, key_len);
}

/* No byte of a key can be taken for anything but a part of the key. */
START_TEST(keys_may_have_any_byte)
{
    char key[3];
    struct order order = {.opcode = OMC_OP_GET, .key = key, .key_len = sizeof(key)};
    bool plain = _i > ' ' && _i != 0x7f;
    size_t len;
    unsigned char *bytes;

    for (int at = 0; at < 3; at++) {
        char long_key[17] = "0123456789abcdef";

        memset(key, 'x', sizeof(key));
        key[at] = (char)_i;
        bytes = codec_encode(&omc_meta_codec, &order, OPAQUE, &len);
        assert_key(bytes, len, &order);
        ck_assert_ptr_null(memchr(bytes, 0, len));
        ck_assert_ptr_eq(memchr(bytes, '\n', len), bytes + len - 1);
        ck_assert_ptr_eq(memchr(bytes, '\r', len), bytes + len - 2);
        ck_assert((memmem(bytes, len, " b ", 3) == NULL) == plain);
        free(bytes);
        for (size_t i = 0; i < 16; i++) { /* each place in a word and behind it */
            long_key[i] = (char)_i;
            ck_assert(omc_line_is_plain((unsigned char *)long_key, 16) == plain);
            ck_assert(omc_line_is_plain((unsigned char *)long_key, 11) == (plain || i > 10));
            ck_assert(omc_line_is_plain((unsigned char *)long_key, 5) == (plain || i > 4));
            long_key[i] = 'a';
        }
    }
}
END_TEST

START_TEST(a_key_cannot_smuggle_a_command_in)
{
    struct order order = {
        .opcode = OMC_OP_SETQ, .key = "a\r\nflush_all\r\n", .data = "\r\nflush_all\r\n"};

    codec_assert_bytes(&omc_meta_codec, &order, OPAQUE,
                       "ms YQ0KZmx1c2hfYWxsDQo= 13 b O12345678\r\n\r\nflush_all\r\n\r\n");
    order = (struct order){.opcode = OMC_OP_STAT, .key = "a\r\nflush_all"};
    ck_assert_ptr_null(codec_encode(&omc_meta_codec, &order, OPAQUE, &(size_t){0}));
    order.key = "a\nflush_all";
    ck_assert_ptr_null(codec_encode(&omc_meta_codec, &order, OPAQUE, &(size_t){0}));
}
END_TEST

/* 250 bytes are for the key as the server gets it. */
START_TEST(base64_makes_keys_longer)
{
    char key[251] = {0};
    struct order order = {.opcode = OMC_OP_GETK, .key = key};
    size_t len;
    unsigned char *bytes;

    memset(key, 'x', 250);
    bytes = codec_encode(&omc_meta_codec, &order, OPAQUE, &len);
    assert_key(bytes, len, &order);
    free(bytes);
    for (size_t key_len = 1; key_len <= 250; key_len++) {
        key[key_len - 1] = ' ';
        order.key_len = key_len;
        bytes = codec_encode(&omc_meta_codec, &order, OPAQUE, &len);
        ck_assert((bytes != NULL) == (key_len <= 186));
        if (bytes != NULL)
            assert_key(bytes, len, &order);
        free(bytes);
    }
}
END_TEST

/* What one protocol has found out about a key is nothing to the next. */
START_TEST(a_request_may_be_accepted_again)
{
    struct omc_ask ask = codec_ask(&(struct order){.opcode = OMC_OP_GETK, .key = "a b"});
    unsigned char out[OMC_CODEC_HEAD_MAX];

    for (int i = 0; i < 2; i++) {
        ck_assert(omc_meta_codec.accept(&ask));
        ck_assert_uint_eq(ask.bits, OMC_ASK_ENCODED);
        assert_text(out, codec_head(&omc_meta_codec, &ask, OPAQUE, out),
                    "mg YSBi b v f c O1234567803 k\r\n");
    }
    ask.key = (const unsigned char *)"a-b";
    ck_assert(omc_meta_codec.accept(&ask));
    ck_assert_uint_eq(ask.bits, 0);
    assert_text(out, codec_head(&omc_meta_codec, &ask, OPAQUE, out),
                "mg a-b v f c O1234567803 k\r\n");
}
END_TEST

/* The longest of each kind fits into OMC_CODEC_HEAD_MAX; codec_encode looks. */
START_TEST(heads_have_a_bound)
{
    char key[251] = {0};
    struct order order = {.key = key,
                          .flags = UINT32_MAX,
                          .expiration = INT32_MAX,
                          .delta = UINT64_MAX,
                          .initial = UINT64_MAX,
                          .cas = UINT64_MAX};

    for (int opcode = 0; opcode < OMC_OP_RGET; opcode++) {
        for (size_t i = 0; i < 250; i++)
            key[i] = i < 186 ? ' ' : 0;
        order.opcode = (uint8_t)opcode;
        free(codec_encode(&omc_meta_codec, &order, UINT32_MAX, &(size_t){0}));
        memset(key, 'k', 250);
        free(codec_encode(&omc_meta_codec, &order, UINT32_MAX, &(size_t){0}));
    }
}
END_TEST

/* All others are answered, and their errors are known to be theirs. */
START_TEST(only_gets_are_quiet)
{
    for (int opcode = 0; opcode < 256; opcode++)
        ck_assert(omc_codec_is_quiet(&omc_meta_codec, (uint8_t)opcode) ==
                  (opcode == OMC_OP_GETQ || opcode == OMC_OP_GETKQ || opcode == OMC_OP_GATQ ||
                   opcode == OMC_OP_GATKQ));
}
END_TEST

START_TEST(base64_of_any_bytes_and_back)
{
    unsigned char bytes[250], text[400], back[300];
    size_t len;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 7 + (size_t)_i);
    for (size_t size = 1; size <= sizeof(bytes); size++) {
        ck_assert_uint_eq(omc_base64_encode(text, bytes, size), omc_base64_size(size));
        ck_assert(omc_base64_decode(back, text, omc_base64_size(size), &len));
        assert_bytes(back, len, bytes, size);
        ck_assert(omc_base64_decode(text, text, omc_base64_size(size), &len));
        assert_bytes(text, len, bytes, size);
    }
}
END_TEST

START_TEST(base64_as_others_write_it)
{
    static const char *const pairs[][2] = {
        {"f", "Zg=="},        {"fo", "Zm8="},           {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}, {"\xfb\xef\xbe", "++++"},
    };
    static const char *const bad[] = {"",     "Z",    "Zg",   "Zg=",  "====", "Z===",  "Zg==Zg==",
                                      "Zm9-", "Zm 9", "Zm9_", "=g==", "Z=g=", "Zm9v\n"};
    unsigned char text[20];
    size_t len;

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        len = omc_base64_encode(text, TEXT(pairs[i][0]));
        assert_text(text, len, pairs[i][1]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!omc_base64_decode(text, TEXT(bad[i]), &len), "'%s'", bad[i]);
}
END_TEST

START_TEST(numbers_are_written_and_read)
{
    static const struct {
        uint64_t number;
        const char *text;
    } cases[] = {
        {0, "0"},
        {9, "9"},
        {10, "10"},
        {4294967295, "4294967295"},
        {UINT64_MAX / 10, "1844674407370955161"},
        {UINT64_MAX - 1, "18446744073709551614"},
        {UINT64_MAX, "18446744073709551615"},
    };
    static const char *const bad[] = {"",
                                      " 1",
                                      "-1",
                                      "+1",
                                      "1a",
                                      "a",
                                      "0x1",
                                      "1.",
                                      "1\t",
                                      "18446744073709551616",
                                      "18446744073709551620",
                                      "99999999999999999999",
                                      "184467440737095516150"};
    unsigned char out[20];
    struct omc_line line;
    uint64_t number;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_text(out, (size_t)(omc_line_put_number(out, cases[i].number) - out), cases[i].text);
        line = (struct omc_line){out, out + strlen(cases[i].text)};
        ck_assert(omc_line_number(&line, UINT64_MAX, &number));
        ck_assert_uint_eq(number, cases[i].number);
        ck_assert_ptr_eq(line.at, line.end);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        line.at = (const unsigned char *)bad[i];
        line.end = line.at + strlen(bad[i]);
        ck_assert_msg(!omc_line_number(&line, UINT64_MAX, &number), "'%s'", bad[i]);
    }
    line = (struct omc_line){(const unsigned char *)"12 3", (const unsigned char *)"" + 0};
    line.end = line.at + 4;
    ck_assert(!omc_line_number(&line, 11, &number));
    ck_assert(omc_line_number(&line, 12, &number));
    ck_assert_uint_eq(omc_line_left(&line), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("meta");
    TCase *tcase = fixture_case(suite, "requests");

    tcase_add_loop_test(tcase, any_request_is_encoded, 0, REQUESTS);
    tcase_add_loop_test(tcase, other_opcodes_are_refused, 0, 256);
    tcase_add_test(tcase, values_that_no_server_takes_are_refused);
    tcase_add_test(tcase, later_expirations_are_never);
    tcase_add_loop_test(tcase, keys_may_have_any_byte, 0, 256);
    tcase_add_test(tcase, a_key_cannot_smuggle_a_command_in);
    tcase_add_test(tcase, base64_makes_keys_longer);
    tcase_add_test(tcase, a_request_may_be_accepted_again);
    tcase_add_test(tcase, heads_have_a_bound);
    tcase_add_test(tcase, only_gets_are_quiet);
    tcase_add_loop_test(tcase, base64_of_any_bytes_and_back, 0, 20);
    tcase_add_test(tcase, base64_as_others_write_it);
    tcase_add_test(tcase, numbers_are_written_and_read);
    return fixture_run(suite);
}
