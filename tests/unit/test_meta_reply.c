/*
 * The replies of the meta protocol, on bytes in memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/meta.h"
#include "proto/opcode.h"
#include "support/codec.h"
#include "support/fixture.h"

enum {
    OPAQUE = 0x12345678,
};

static struct owed owed(uint8_t opcode)
{
    return codec_owed(&omc_meta_codec, opcode, OPAQUE);
}

/* Replies without data: what they mean to requests of each kind; -1: nothing. */
START_TEST(lines_become_codes)
{
    static const uint8_t kinds[] = {OMC_OP_GET,    OMC_OP_TOUCH,     OMC_OP_SET,
                                    OMC_OP_ADD,    OMC_OP_REPLACE,   OMC_OP_APPEND,
                                    OMC_OP_DELETE, OMC_OP_INCREMENT, OMC_OP_NOOP};
    enum {
        OK = OMCACHE_OK,
        NF = OMCACHE_NOT_FOUND,
        EX = OMCACHE_KEY_EXISTS,
        NS = OMCACHE_NOT_STORED,
    };
    static const struct {
        const char *word;
        int codes[9];
    } cases[] = {
        {"HD", {-1, OK, OK, OK, OK, OK, OK, -1, -1}}, {"OK", {-1, OK, OK, OK, OK, OK, OK, -1, -1}},
        {"EN", {NF, NF, -1, -1, -1, -1, -1, -1, -1}}, {"NF", {-1, NF, NF, NF, NF, NF, NF, NF, -1}},
        {"NS", {-1, -1, NS, EX, NF, NS, -1, NS, -1}}, {"EX", {-1, -1, EX, EX, EX, EX, EX, EX, -1}},
        {"MN", {-1, -1, -1, -1, -1, -1, -1, -1, OK}}, {"XX", {-1, -1, -1, -1, -1, -1, -1, -1, -1}},
        {"hd", {-1, -1, -1, -1, -1, -1, -1, -1, -1}},
    };
    static const char *const flags[] = {"", " O12345678", " c77 O12345678",
                                        " ! x9 O12345678 s12 Z"};
    int expected = cases[_i / 9].codes[_i % 9];
    struct owed request = owed(kinds[_i % 9]);
    char line[100];

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        struct omc_reply reply;

        snprintf(line, sizeof(line), "%s%s\r\n", cases[_i / 9].word, flags[i]);
        if (expected < 0) {
            codec_assert_outcome(&request, line, OMC_DECODE_BROKEN);
            continue;
        }
        reply = codec_reply(&request, line);
        assert_rc(reply.value.status, expected);
        ck_assert_uint_eq(reply.opaque, OPAQUE);
        ck_assert_uint_eq(reply.opcode, kinds[_i % 9]);
        ck_assert_uint_eq(reply.value.cas, i == 2 ? 77 : 0);
        ck_assert_uint_eq(reply.value.data_len, 0);
        ck_assert_uint_eq(reply.value.key_len, 0);
        ck_assert(reply.last && !reply.silent);
    }
}
END_TEST

START_TEST(a_value_is_read)
{
    struct owed get = owed(OMC_OP_GET), getk = owed(OMC_OP_GETK);
    struct omc_reply reply = codec_reply(&get, "VA 5 f7 c99 O12345678\r\nvalue\r\n");

    assert_rc(reply.value.status, OMCACHE_OK);
    assert_text(reply.value.data, reply.value.data_len, "value");
    ck_assert_uint_eq(reply.value.flags, 7);
    ck_assert_uint_eq(reply.value.cas, 99);
    ck_assert_uint_eq(reply.value.key_len, 0);
    ck_assert_uint_eq(reply.opaque, OPAQUE);
    ck_assert(reply.last && !reply.silent);

    reply =
        codec_reply(&getk, "VA 5 f4294967295 c18446744073709551615 O1234567803 kkey\r\nvalue\r\n");
    assert_text(reply.value.key, reply.value.key_len, "key");
    ck_assert_uint_eq(reply.value.flags, UINT32_MAX);
    ck_assert_uint_eq(reply.value.cas, UINT64_MAX);
    reply = codec_reply(&getk, "VA 0 kkey O12345678 f0\r\n\r\n"); /* in any order */
    assert_text(reply.value.key, reply.value.key_len, "key");
    ck_assert_uint_eq(reply.value.data_len, 0);
    reply = codec_reply(&getk, "VA 2 f0 O1234567803 kkey s2 t-1 h0 l5 W X Z\r\n\r\n\r\n");
    assert_text(reply.value.data, reply.value.data_len, "\r\n");
    reply = codec_reply(&getk, "EN O1234567803 kkey\r\n");
    assert_rc(reply.value.status, OMCACHE_NOT_FOUND);
    assert_text(reply.value.key, reply.value.key_len, "key");
}
END_TEST

START_TEST(a_value_may_be_anything)
{
    struct owed get = owed(OMC_OP_GET);
    struct omc_reply reply;
    unsigned char bytes[400];
    size_t len;

    len = (size_t)sprintf((char *)bytes, "VA 256 f0 O12345678\r\n");
    for (int i = 0; i < 256; i++)
        bytes[len++] = (unsigned char)i;
    memcpy(bytes + len, "\r\n", 2);
    codec_assert_reply(&get, bytes, len + 2, &reply);
    assert_bytes(reply.value.data, reply.value.data_len, bytes + len - 256, 256);
    reply = codec_reply(&get, "VA 29 f0 O12345678\r\nEN O12345678\r\nMN\r\nflush_all\r\n\r\n");
    ck_assert_uint_eq(reply.value.data_len, 29);
}
END_TEST

/* In base64 if the server has got it so; else as it is, whatever is in it. */
START_TEST(keys_come_back_in_two_forms)
{
    static const char *const keys[] = {
        "a b",       "x\r\ny", "\r\n",  "\n",        "\nEN",
        "a\r",       "  ",     "abcd ", "a\r\nVA 3", " b Oaaaaaaaa\r\nHD",
        "\r\n\r\n\n"};
    static const char *const encoded[] = {
        "YSBi",    "eA0KeQ==", "DQo=",     "Cg==",         "CkVO",
        "YQ0=",    "ICA=",     "YWJjZCA=", "YQ0KVkEgMw==", "IGIgT2FhYWFhYWFhDQpIRA==",
        "DQoNCgo="};
    const char *key = keys[_i];
    struct owed getk = owed(OMC_OP_GETK);
    struct omc_reply reply;
    char bytes[200];
    unsigned letters = (unsigned)strlen(key);

    for (int form = 0; form < 4; form++) {
        snprintf(bytes, sizeof(bytes), "VA 3 f1 O12345678%c%c k%s%s%s\r\nabc\r\n",
                 '0' + letters / 16, '0' + letters % 16, form % 2 == 0 ? key : encoded[_i],
                 form % 2 == 0 ? "" : " b", form / 2 == 0 ? "" : " c5");
        reply = codec_reply(&getk, bytes);
        assert_text(reply.value.key, reply.value.key_len, key);
        assert_text(reply.value.data, reply.value.data_len, "abc");
        ck_assert_uint_eq(reply.value.cas, form / 2 == 0 ? 0 : 5);
    }
    snprintf(bytes, sizeof(bytes), "EN O12345678%c%c k%s b\r\n", '0' + letters / 16,
             '0' + letters % 16, encoded[_i]);
    reply = codec_reply(&getk, bytes);
    assert_text(reply.value.key, reply.value.key_len, key);
}
END_TEST

START_TEST(a_plain_key_may_come_back_in_base64)
{
    struct owed getk = owed(OMC_OP_GETK);
    struct omc_reply reply =
        codec_reply(&getk, "VA 3 f1 O1234567805 kcGxhaW4= b\r\nabc\r\n"); /* plain */

    assert_text(reply.value.key, reply.value.key_len, "plain");
    codec_assert_outcome(&getk, "VA 3 f1 O1234567805 kcGxhaW4 b\r\nabc\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&getk, "VA 3 f1 O1234567805 kcGx!aW4= b\r\nabc\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&getk, "VA 3 f1 O1234567805 kplain\nabc\r\n", OMC_DECODE_BROKEN);
}
END_TEST

START_TEST(counters_answer_with_numbers)
{
    struct owed increment = owed(OMC_OP_INCREMENT), quiet = owed(OMC_OP_DECREMENTQ);
    struct omc_reply reply =
        codec_reply(&increment, "VA 20 c5 O12345678\r\n18446744073709551615\r\n");

    assert_rc(reply.value.status, OMCACHE_OK);
    ck_assert_uint_eq(reply.value.delta_value, UINT64_MAX);
    ck_assert_uint_eq(reply.value.cas, 5);
    reply = codec_reply(&increment, "VA 1 O12345678\r\n0\r\n");
    ck_assert_uint_eq(reply.value.delta_value, 0);
    reply = codec_reply(&quiet, "HD O12345678\r\n");
    ck_assert(reply.silent);
    reply = codec_reply(&quiet, "NF O12345678\r\n");
    ck_assert(!reply.silent);
    codec_assert_outcome(&increment, "VA 0 O12345678\r\n\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&increment, "VA 2 O12345678\r\n1a\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&increment, "VA 2 O12345678\r\n1 \r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&increment, "VA 20 O12345678\r\n18446744073709551616\r\n",
                         OMC_DECODE_BROKEN);
    codec_assert_outcome(&increment, "VA 21 O12345678\r\n", OMC_DECODE_BROKEN);
}
END_TEST

/* What quiet requests of the binary protocol do not say is not handed on. */
START_TEST(quiet_requests_hear_what_they_would)
{
    static const struct {
        uint8_t opcode;
        const char *line;
        bool silent;
    } cases[] = {
        {OMC_OP_SETQ, "HD O12345678\r\n", true},
        {OMC_OP_SETQ, "NS O12345678\r\n", false},
        {OMC_OP_ADDQ, "HD O12345678\r\n", true},
        {OMC_OP_DELETEQ, "HD O12345678\r\n", true},
        {OMC_OP_DELETEQ, "NF O12345678\r\n", false},
        {OMC_OP_FLUSHQ, "OK\r\n", true},
        {OMC_OP_FLUSH, "OK\r\n", false},
        {OMC_OP_GETKQ, "EN O12345678\r\n", true},
        {OMC_OP_GETKQ, "VA 0 f0 O12345678\r\n\r\n", false},
        {OMC_OP_GETK, "EN O12345678\r\n", false},
        {OMC_OP_SETQ, "SERVER_ERROR object too large for cache\r\n", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct owed request = owed(cases[i].opcode);
        struct omc_reply reply = codec_reply(&request, cases[i].line);

        ck_assert_msg(reply.silent == cases[i].silent, "case %zu", i);
    }
}
END_TEST

START_TEST(values_need_a_get_and_flags)
{
    static const uint8_t others[] = {OMC_OP_SET, OMC_OP_TOUCH, OMC_OP_DELETE, OMC_OP_NOOP,
                                     OMC_OP_VERSION};

    for (size_t i = 0; i < sizeof(others); i++) {
        struct owed request = owed(others[i]);

        codec_assert_outcome(&request, "VA 1 f0 O12345678\r\n1\r\n", OMC_DECODE_BROKEN);
    }
    codec_assert_outcome(&(struct owed){.codec = &omc_meta_codec,
                                        .count = 1,
                                        .requests = {{.opaque = OPAQUE, .opcode = OMC_OP_GET}}},
                         "VA 1 O12345678\r\n1\r\n", OMC_DECODE_BROKEN);
}
END_TEST

static const char *const broken[] = {
    "VA 1 f0\n",
    "VA 1 f0 c1\n",
    "VA 1 k\n",
    "VA 1 \n",
    "HD \n",
    "HD O12345678\n",
    "VA 1 f0 O1234567800\n",
    "\r\n",
    "\n",
    "A\n",
    "AB\n",
    "HD\n",
    "HD O12345678\n",
    "HDx\r\n",
    "HD\tO12345678\r\n",
    "VA\r\n",
    "VA \r\n",
    "VA f0 O12345678\r\n",
    "VA -1 f0 O12345678\r\n",
    "VA 1x f0 O12345678\r\n",
    "VA 18446744073709551616 f0 O12345678\r\n",
    "VA 1 f0 O1234567\r\n1\r\n",
    "VA 1 f0 O1234567@\r\n1\r\n",
    "VA 1 f0 O123456780\r\n1\r\n",
    "VA 1 f0 O12345678000\r\n1\r\n",
    "VA 1 f0 O\r\n1\r\n",
    "VA 1 f0 O12345678 O12345678\r\n1\r\n",
    "VA 1 f0 O1234567/\r\n1\r\n",
    "VA 1 f4294967296 O12345678\r\n1\r\n",
    "VA 1 f-1 O12345678\r\n1\r\n",
    "VA 1 f O12345678\r\n1\r\n",
    "VA 1 f0 c18446744073709551616 O12345678\r\n1\r\n",
    "VA 1 f0 c O12345678\r\n1\r\n",
    "VA 1 f0 O12345678\r\n12\r",
    "VA 1 f0 O12345678\r\n1\n\r",
    "VA 0 f0 O12345678\r\nEN",
    "END\r\n",
    "STORED\r\n",
    "VALUE k 0 1\r\n1\r\nEND\r\n",
    "1\r\n",
    "VERSION 1\r\n",
    "OK\r\n",
    "STAT a b\r\n",
    "\x81",
    "SSH-2.0-x\r\n",
    "HTTP/1.1 400 Bad Request\r\n",
    "220 smtp\r\n",
    "ERRORS\r\n",
    "CLIENT_ERROR\r\n",
    "SERVER_ERRORx\r\n",
    "MN\r\n",
    "ME k x=y\r\n",
};

START_TEST(what_is_no_reply_is_broken)
{
    struct owed get = owed(OMC_OP_GET);

    codec_assert_outcome(&get, broken[_i], OMC_DECODE_BROKEN);
}
END_TEST

/* What makes more than 64 bits, of which the lower ones are usual numbers. */
START_TEST(no_number_is_cut_off)
{
    static const char *const numbers[] = {"18446744073709551617", "36893488147419103233",
                                          "184467440737095516161",
                                          "340282366920938463463374607431768211457"};
    static const char *const lines[] = {"VA %s f0 c1 O12345678\r\n1\r\n",
                                        "VA 1 f%s c1 O12345678\r\n1\r\n",
                                        "VA 1 f0 c%s O12345678\r\n1\r\n", "HD c%s O12345678\r\n"};
    struct owed request = owed(_i < 3 ? OMC_OP_GET : OMC_OP_SET);
    char line[100];

    snprintf(line, sizeof(line), lines[_i], "1");
    codec_reply(&request, line);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        snprintf(line, sizeof(line), lines[_i], numbers[i]);
        codec_assert_outcome(&request, line, OMC_DECODE_BROKEN);
    }
}
END_TEST

/* A line without an end does not fill the memory. */
START_TEST(lines_are_bounded)
{
    struct owed get = owed(OMC_OP_GET), noop = owed(OMC_OP_NOOP);
    struct omc_reply reply;
    char bytes[3000];
    size_t size;

    memset(bytes, 'E', sizeof(bytes));
    ck_assert_int_eq(codec_try(&get, bytes, 2047, &reply, &size), OMC_DECODE_MORE);
    ck_assert_uint_eq(size, 2048);
    ck_assert_int_eq(codec_try(&get, bytes, 2048, &reply, &size), OMC_DECODE_BROKEN);
    memcpy(bytes + 2998, "\r\n", 2);
    ck_assert_int_eq(codec_try(&get, bytes, 3000, &reply, &size), OMC_DECODE_BROKEN);
    memcpy(bytes, "SERVER_ERROR ", 13);
    memcpy(bytes + 2046, "\r\n", 2);
    codec_assert_reply(&noop, bytes, 2048, &reply);
    ck_assert_uint_eq(reply.value.data_len, 2046 - 13);
    /* Neither does a key that seems to go on behind it. */
    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, "VA 1 f0 O12345678?? k\n", 22);
    ck_assert_int_eq(codec_try(&get, bytes, 2047, &reply, &size), OMC_DECODE_MORE);
    ck_assert_int_eq(codec_try(&get, bytes, 2048, &reply, &size), OMC_DECODE_BROKEN);
}
END_TEST

START_TEST(values_over_the_limit_are_told_with_their_request)
{
    struct owed get = owed(OMC_OP_GETK);
    struct omc_reply reply = {.opaque = 0};
    static const char *const lines[] = {
        "VA 4993 f0 O1234567803 kkey\r\n", /* 4 + 3 + data, as over the binary protocol */
        "VA 4994 f0 O1234567803 kkey\r\n", "VA 4997 f0 O12345678\r\n",
        "VA 18446744073709551615 f0 O12345678\r\n", "VA 9223372036854775807 f0 O12345678\r\n"};
    size_t size;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        memset(&reply, 0, sizeof(reply));
        ck_assert_int_eq(codec_try(&get, lines[i], strlen(lines[i]), &reply, &size),
                         i == 0 ? OMC_DECODE_MORE : OMC_DECODE_TOO_LARGE);
        ck_assert_uint_eq(reply.opaque, OPAQUE);
        ck_assert_uint_eq(reply.opcode, OMC_OP_GETK);
        if (i == 0)
            ck_assert_uint_eq(size, strlen(lines[0]) + 4993 + 2);
    }
}
END_TEST

START_TEST(replies_find_their_requests)
{
    struct owed requests = codec_owed(&omc_meta_codec, OMC_OP_SET, 1);
    struct omc_reply reply;

    codec_owe(&requests, OMC_OP_GETKQ, 2);
    codec_owe(&requests, OMC_OP_GETKQ, 3);
    codec_owe(&requests, OMC_OP_NOOP, 4);
    reply = codec_reply(&requests, "HD O00000001\r\n");
    ck_assert_uint_eq(reply.opaque, 1);
    ck_assert_uint_eq(reply.opcode, OMC_OP_SET);
    reply = codec_reply(&requests, "VA 1 f0 O00000003\r\n1\r\n");
    ck_assert_uint_eq(reply.opaque, 3);
    reply = codec_reply(&requests, "HD\r\n"); /* must be the first one's */
    ck_assert_uint_eq(reply.opaque, 1);
    codec_assert_outcome(&requests, "HD O00000005\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&requests, "HD O00000002\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&requests, "VA 1 f0 O00000001\r\n1\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&requests, "MN\r\n", OMC_DECODE_BROKEN); /* the set is unanswered */
    requests.count = 0;
    codec_assert_outcome(&requests, "HD O00000001\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&requests, "HD\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&requests, "MN\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&requests, "ERROR\r\n", OMC_DECODE_BROKEN);
}
END_TEST

/* Without a number, and with quiet gets in front that could have said it. */
START_TEST(behind_quiet_gets_only_what_is_certain_counts)
{
    static const struct {
        uint8_t opcode; /* behind two quiet gets */
        const char *line;
        int status; /* -1: broken */
    } cases[] = {
        {OMC_OP_NOOP, "MN\r\n", OMCACHE_OK},
        {OMC_OP_GET, "EN\r\n", OMCACHE_NOT_FOUND}, /* quiet gets do not say that */
        {OMC_OP_GET, "VA 1 f0\r\n1\r\n", -1},
        {OMC_OP_SET, "HD\r\n", OMCACHE_OK},
        {OMC_OP_SET, "EN\r\n", -1},
        {OMC_OP_NOOP, "EN\r\n", -1},
        {OMC_OP_SETQ, "SERVER_ERROR object too large for cache\r\n", OMCACHE_TOO_LARGE_VALUE},
        {OMC_OP_SET, "SERVER_ERROR out of memory storing object\r\n", OMCACHE_FAIL},
        {OMC_OP_INCREMENT, "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
         OMCACHE_DELTA_BAD_VALUE},
        {OMC_OP_NOOP, "SERVER_ERROR object too large for cache\r\n", -1},
        {OMC_OP_INCREMENT, "SERVER_ERROR object too large for cache\r\n", -1},
        {OMC_OP_SET, "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n", -1},
        {OMC_OP_SET, "SERVER_ERROR out of memory\r\n", -1},
        {OMC_OP_NOOP, "SERVER_ERROR backend failure\r\n", -1},
        {OMC_OP_SET, "CLIENT_ERROR bad data chunk\r\n", -1},
        {OMC_OP_SET, "ERROR\r\n", -1},
        {OMC_OP_STAT, "ERROR\r\n", -1},
        {OMC_OP_STAT, "END\r\n", OMCACHE_OK},
        {OMC_OP_FLUSH, "OK\r\n", OMCACHE_OK},
        {OMC_OP_LOG_LEVEL, "OK\r\n", OMCACHE_OK},
        {OMC_OP_MEMORY_LIMIT, "OK\r\n", OMCACHE_OK},
        {OMC_OP_MEMORY_LIMIT, "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n",
         OMCACHE_FAIL},
        {OMC_OP_MEMORY_LIMIT, "MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust\r\n",
         OMCACHE_FAIL},
        {OMC_OP_VERSION, "VERSION 1.6.18\r\n", OMCACHE_OK},
    };
    struct owed requests = codec_owed(&omc_meta_codec, OMC_OP_GETKQ, 1);
    struct omc_reply reply;

    codec_owe(&requests, OMC_OP_GATQ, 2);
    codec_owe(&requests, cases[_i].opcode, 3);
    codec_owe(&requests, OMC_OP_NOOP, 4);
    if (cases[_i].status < 0) {
        codec_assert_outcome(&requests, cases[_i].line, OMC_DECODE_BROKEN);
        return;
    }
    reply = codec_reply(&requests, cases[_i].line);
    assert_rc(reply.value.status, cases[_i].status);
    ck_assert_uint_eq(reply.opaque, 3);
    ck_assert_uint_eq(reply.opcode, cases[_i].opcode);
}
END_TEST

/* They are sent together, and only a no-op is behind them. */
START_TEST(what_has_no_number_may_be_for_a_store_that_nobody_hears_of)
{
    static const struct {
        const char *line;
        int status; /* -1: broken */
        uint32_t opaque;
        bool silent;
    } cases[] = {
        {"MN\r\n", OMCACHE_OK, 3, false},
        {"NS\r\n", OMCACHE_NOT_FOUND, 1, false},
        {"HD\r\n", OMCACHE_OK, 1, true}, /* from one who does not know `q` */
        {"EX O00000002\r\n", OMCACHE_KEY_EXISTS, 2, false},
        {"SERVER_ERROR object too large for cache\r\n", OMCACHE_TOO_LARGE_VALUE, 1, false},
        {"SERVER_ERROR out of memory storing object\r\n", OMCACHE_FAIL, 1, false},
        {"SERVER_ERROR any other\r\n", OMCACHE_FAIL, 1, false},
        {"CLIENT_ERROR bad data chunk\r\n", -1, 0, false},
        {"ERROR\r\n", -1, 0, false},
        {"EN\r\n", -1, 0, false},
        {"VA 1 f0\r\n1\r\n", -1, 0, false},
        {"VERSION 1\r\n", -1, 0, false},
    };
    struct owed requests = codec_owed(&omc_meta_codec, OMC_OP_REPLACEQ, 1);
    struct omc_reply reply;

    codec_owe(&requests, OMC_OP_SETQ, 2);
    codec_owe(&requests, OMC_OP_NOOP, 3);
    requests.unheard = true;
    if (cases[_i].status < 0) {
        codec_assert_outcome(&requests, cases[_i].line, OMC_DECODE_BROKEN);
        return;
    }
    reply = codec_reply(&requests, cases[_i].line);
    assert_rc(reply.value.status, cases[_i].status);
    ck_assert_uint_eq(reply.opaque, cases[_i].opaque);
    ck_assert_int_eq(reply.silent, cases[_i].silent);
}
END_TEST

START_TEST(errors_of_the_first_request)
{
    static const struct {
        uint8_t opcode;
        const char *line;
        int status;
        const char *text;
    } cases[] = {
        {OMC_OP_NOOP, "ERROR\r\n", OMCACHE_FAIL, "ERROR"},
        {OMC_OP_NOOP, "ERROR Too many open connections\r\n", OMCACHE_FAIL,
         "Too many open connections"},
        {OMC_OP_NOOP, "CLIENT_ERROR unauthenticated\r\n", OMCACHE_FAIL, "unauthenticated"},
        {OMC_OP_GET, "SERVER_ERROR out of memory writing get response\r\n", OMCACHE_FAIL,
         "out of memory writing get response"},
        {OMC_OP_SET, "SERVER_ERROR object too large for cache\r\n", OMCACHE_TOO_LARGE_VALUE,
         "object too large for cache"},
        {OMC_OP_SET, "SERVER_ERROR \r\n", OMCACHE_FAIL, ""},
        {OMC_OP_STAT, "ERROR\r\n", OMCACHE_NOT_FOUND, "ERROR"},
        {OMC_OP_STAT, "CLIENT_ERROR bad command line\r\n", OMCACHE_FAIL, "bad command line"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct owed request = owed(cases[i].opcode);
        struct omc_reply reply = codec_reply(&request, cases[i].line);

        assert_rc(reply.value.status, cases[i].status);
        assert_text(reply.value.data, reply.value.data_len, cases[i].text);
        ck_assert_uint_eq(reply.opaque, OPAQUE);
        ck_assert(reply.last && !reply.silent);
    }
}
END_TEST

/* The server may take for commands what was sent as data. */
START_TEST(a_store_that_is_not_understood_is_broken)
{
    static const char *const lines[] = {
        "ERROR\r\n", "ERROR x\r\n", "CLIENT_ERROR bad command line format\r\n",
        "CLIENT_ERROR bad data chunk\r\n", "CLIENT_ERROR object too large for cache\r\n"};
    struct owed set = owed(OMC_OP_SET), appendq = owed(OMC_OP_APPENDQ);

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        codec_assert_outcome(&set, lines[i], OMC_DECODE_BROKEN);
        codec_assert_outcome(&appendq, lines[i], OMC_DECODE_BROKEN);
    }
}
END_TEST

START_TEST(classic_answers)
{
    struct owed version = owed(OMC_OP_VERSION), stat = owed(OMC_OP_STAT);
    struct omc_reply reply = codec_reply(&version, "VERSION 1.6.18\r\n");

    assert_text(reply.value.data, reply.value.data_len, "1.6.18");
    ck_assert(reply.last);
    reply = codec_reply(&stat, "STAT libevent 2.1.12 stable\r\n");
    assert_text(reply.value.key, reply.value.key_len, "libevent");
    assert_text(reply.value.data, reply.value.data_len, "2.1.12 stable");
    ck_assert(!reply.last);
    reply = codec_reply(&stat, "STAT inter \r\n");
    assert_text(reply.value.key, reply.value.key_len, "inter");
    ck_assert_uint_eq(reply.value.data_len, 0);
    reply = codec_reply(&stat, "STAT inter\r\n");
    assert_text(reply.value.key, reply.value.key_len, "inter");
    ck_assert(!reply.last);
    for (int i = 0; i < 3; i++) {
        static const char *const ends[] = {"END\r\n", "RESET\r\n", "OK\r\n"};

        reply = codec_reply(&stat, ends[i]);
        assert_rc(reply.value.status, OMCACHE_OK);
        ck_assert_uint_eq(reply.value.key_len, 0);
        ck_assert(reply.last);
    }
    codec_assert_outcome(&stat, "STAT  x\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&stat, "VERSION 1\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&version, "STAT a b\r\n", OMC_DECODE_BROKEN);
}
END_TEST

/* Bytes that were made of replies: whatever comes, nothing is read that is not there
 * (see codec_try), a reply points into its bytes, and more is wanted only in reason. */
START_TEST(robust_against_anything)
{
    static const char *const words[] = {"VA ",
                                        "HD",
                                        "EN",
                                        " f0",
                                        " c1",
                                        " O00000001",
                                        " O0000000203",
                                        " k",
                                        "key",
                                        " b",
                                        "\r\n",
                                        "\n",
                                        "\r",
                                        " ",
                                        "3",
                                        "99999999999999999999",
                                        "abc",
                                        "ERROR",
                                        "SERVER_ERROR ",
                                        "STAT ",
                                        "x y",
                                        "END",
                                        "MN",
                                        "O",
                                        "=",
                                        "VERSION 1",
                                        "YWJj"};
    static const uint8_t opcodes[] = {OMC_OP_GETK, OMC_OP_SET,  OMC_OP_INCREMENT,
                                      OMC_OP_STAT, OMC_OP_NOOP, OMC_OP_GETKQ};
    uint32_t state = 12345u + (uint32_t)_i;

    for (int round = 0; round < 4000; round++) {
        struct owed requests = codec_owed(&omc_meta_codec, opcodes[round % 6], 1);
        char bytes[200];
        size_t len = 0, size = 0;
        struct omc_reply reply;
        enum omc_decode result;

        codec_owe(&requests, OMC_OP_GETK, 2);
        for (int i = 0; i < 12; i++) {
            const char *word = words[(state = state * 1103515245u + 12345u) / 65536u % 27];

            memcpy(bytes + len, word, strlen(word));
            len += strlen(word);
        }
        if (round % 3 == 0)
            bytes[(state >> 8) % len] = (char)(state >> 16);
        result = codec_try(&requests, bytes, len, &reply, &size);
        if (result == OMC_DECODE_REPLY)
            ck_assert(size <= len && reply.value.data_len <= len && reply.value.key_len <= len);
        if (result == OMC_DECODE_MORE)
            ck_assert(size > len && size <= CODEC_LIMIT + 2048);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("meta replies");
    TCase *tcase = fixture_case(suite, "replies");

    tcase_add_loop_test(tcase, lines_become_codes, 0, 81);
    tcase_add_test(tcase, a_value_is_read);
    tcase_add_test(tcase, a_value_may_be_anything);
    tcase_add_loop_test(tcase, keys_come_back_in_two_forms, 0, 11);
    tcase_add_test(tcase, a_plain_key_may_come_back_in_base64);
    tcase_add_test(tcase, counters_answer_with_numbers);
    tcase_add_test(tcase, quiet_requests_hear_what_they_would);
    tcase_add_test(tcase, values_need_a_get_and_flags);
    tcase_add_loop_test(tcase, what_is_no_reply_is_broken, 0, sizeof(broken) / sizeof(broken[0]));
    tcase_add_loop_test(tcase, no_number_is_cut_off, 0, 4);
    tcase_add_test(tcase, lines_are_bounded);
    tcase_add_test(tcase, values_over_the_limit_are_told_with_their_request);
    tcase_add_test(tcase, replies_find_their_requests);
    tcase_add_loop_test(tcase, what_has_no_number_may_be_for_a_store_that_nobody_hears_of, 0, 12);
    tcase_add_loop_test(tcase, behind_quiet_gets_only_what_is_certain_counts, 0, 20);
    tcase_add_test(tcase, errors_of_the_first_request);
    tcase_add_test(tcase, a_store_that_is_not_understood_is_broken);
    tcase_add_test(tcase, classic_answers);
    tcase_add_loop_test(tcase, robust_against_anything, 0, 8);
    return fixture_run(suite);
}
