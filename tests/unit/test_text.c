/*
 * The text codec, on bytes in memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/opcode.h"
#include "proto/text.h"
#include "support/codec.h"
#include "support/fixture.h"

enum {
    OPAQUE = 77,
};

/* Every opcode, in the forms that it has. */
static const struct {
    struct order order;
    const char *bytes;
} requests[] = {
    {{.opcode = OMC_OP_GET, .key = "k"}, "gets k\r\n"},
    {{.opcode = OMC_OP_GETQ, .key = "k"}, "gets k\r\n"},
    {{.opcode = OMC_OP_GETK, .key = "k"}, "gets k\r\n"},
    {{.opcode = OMC_OP_GETKQ, .key = "k"}, "gets k\r\n"},
    {{.opcode = OMC_OP_GAT, .key = "k", .expiration = 5}, "gats 5 k\r\n"},
    {{.opcode = OMC_OP_GATQ, .key = "k"}, "gats 0 k\r\n"},
    {{.opcode = OMC_OP_GATK, .key = "k", .expiration = INT32_MAX}, "gats 2147483647 k\r\n"},
    {{.opcode = OMC_OP_GATKQ, .key = "k", .expiration = 5}, "gats 5 k\r\n"},
    {{.opcode = OMC_OP_TOUCH, .key = "k", .expiration = 5}, "touch k 5\r\n"},
    {{.opcode = OMC_OP_SET, .key = "k", .data = "v"}, "set k 0 0 1\r\nv\r\n"},
    {{.opcode = OMC_OP_SET, .key = "p:k", .data = "x"}, "set p:k 0 0 1\r\nx\r\n"},
    {{.opcode = OMC_OP_SET, .key = "k", .flags = UINT32_MAX, .expiration = 9},
     "set k 4294967295 9 0\r\n\r\n"},
    {{.opcode = OMC_OP_SETQ, .key = "k", .data = "v", .cas = 5}, "cas k 0 0 1 5\r\nv\r\n"},
    {{.opcode = OMC_OP_ADD, .key = "k", .data = "v"}, "add k 0 0 1\r\nv\r\n"},
    {{.opcode = OMC_OP_ADDQ, .key = "k", .data = "v", .cas = 5}, "cas k 0 0 1 5\r\nv\r\n"},
    {{.opcode = OMC_OP_REPLACE, .key = "k", .data = "v"}, "replace k 0 0 1\r\nv\r\n"},
    {{.opcode = OMC_OP_REPLACEQ, .key = "k", .data = "v", .cas = UINT64_MAX},
     "cas k 0 0 1 18446744073709551615\r\nv\r\n"},
    {{.opcode = OMC_OP_APPEND, .key = "k", .data = "v"}, "append k 0 0 1\r\nv\r\n"},
    {{.opcode = OMC_OP_APPENDQ, .key = "k", .data = "v"}, "append k 0 0 1\r\nv\r\n"},
    {{.opcode = OMC_OP_PREPEND, .key = "k", .data = "v"}, "prepend k 0 0 1\r\nv\r\n"},
    {{.opcode = OMC_OP_PREPENDQ, .key = "k", .data = "v"}, "prepend k 0 0 1\r\nv\r\n"},
    {{.opcode = OMC_OP_DELETE, .key = "k"}, "delete k\r\n"},
    {{.opcode = OMC_OP_DELETEQ, .key = "k"}, "delete k\r\n"},
    {{.opcode = OMC_OP_INCREMENT, .key = "k", .delta = 1, .expiration = OMCACHE_DELTA_NO_ADD},
     "incr k 1\r\n"},
    {{.opcode = OMC_OP_INCREMENTQ,
      .key = "k",
      .delta = UINT64_MAX,
      .expiration = OMCACHE_DELTA_NO_ADD},
     "incr k 18446744073709551615\r\n"},
    {{.opcode = OMC_OP_DECREMENT, .key = "k", .expiration = OMCACHE_DELTA_NO_ADD}, "decr k 0\r\n"},
    {{.opcode = OMC_OP_DECREMENTQ, .key = "k", .delta = 10, .expiration = OMCACHE_DELTA_NO_ADD},
     "decr k 10\r\n"},
    {{.opcode = OMC_OP_NOOP}, "version\r\n"},
    {{.opcode = OMC_OP_VERSION}, "version\r\n"},
    {{.opcode = OMC_OP_FLUSH}, "flush_all\r\n"},
    {{.opcode = OMC_OP_FLUSHQ, .expiration = 10}, "flush_all 10\r\n"},
    {{.opcode = OMC_OP_STAT}, "stats\r\n"},
    {{.opcode = OMC_OP_STAT, .key = "items"}, "stats items\r\n"},
    {{.opcode = OMC_OP_QUIT}, "quit\r\n"},
    {{.opcode = OMC_OP_QUITQ}, "quit\r\n"},
    {{.opcode = OMC_OP_LOG_LEVEL, .expiration = 2}, "verbosity 2\r\n"},
    {{.opcode = OMC_OP_MEMORY_LIMIT, .expiration = UINT32_MAX}, "cache_memlimit 4294967295\r\n"},
    {{.opcode = OMC_OP_DUMP}, "lru_crawler metadump all\r\n"},
    {{.opcode = OMC_OP_WATCH}, "watch\r\n"},
    {{.opcode = OMC_OP_WATCH, .key = "fetchers mutations"}, "watch fetchers mutations\r\n"},
};

enum {
    REQUESTS = sizeof(requests) / sizeof(requests[0]),
};

static struct owed owed(uint8_t opcode)
{
    return codec_owed(&omc_text_codec, opcode, OPAQUE);
}

static bool is_accepted(const struct order *order)
{
    size_t len;
    unsigned char *bytes = codec_encode(&omc_text_codec, order, OPAQUE, &len);

    free(bytes);
    return bytes != NULL;
}

START_TEST(any_request_is_encoded)
{
    codec_assert_bytes(&omc_text_codec, &requests[_i].order, OPAQUE, requests[_i].bytes);
    ck_assert(!omc_codec_is_quiet(&omc_text_codec, requests[_i].order.opcode));
}
END_TEST

START_TEST(other_opcodes_are_refused)
{
    struct order order = {.opcode = (uint8_t)_i, .key = "k"};
    bool listed = false;

    for (size_t i = 0; i < REQUESTS; i++) {
        if (requests[i].order.opcode == _i) {
            listed = true;
            order.key = requests[i].order.key;
        }
    }
    ck_assert(is_accepted(&order) == listed);
}
END_TEST

START_TEST(what_text_cannot_say_is_refused)
{
    static const uint8_t opcodes[] = {
        OMC_OP_APPEND,  OMC_OP_APPENDQ,   OMC_OP_PREPEND,    OMC_OP_PREPENDQ,  OMC_OP_DELETE,
        OMC_OP_DELETEQ, OMC_OP_INCREMENT, OMC_OP_INCREMENTQ, OMC_OP_DECREMENT, OMC_OP_DECREMENTQ};

    for (size_t i = 0; i < sizeof(opcodes); i++) {
        struct order order = {.opcode = opcodes[i], .key = "k"};

        ck_assert(is_accepted(&order));
        order.cas = 1;
        ck_assert(!is_accepted(&order));
    }
}
END_TEST

START_TEST(keys_must_be_words)
{
    static const uint8_t opcodes[] = {OMC_OP_GET,   OMC_OP_GATKQ,  OMC_OP_SETQ,
                                      OMC_OP_TOUCH, OMC_OP_DELETE, OMC_OP_INCREMENT};
    bool plain = _i > ' ' && _i != 0x7f;
    char key[20];

    for (size_t i = 0; i < sizeof(opcodes); i++) {
        for (size_t at = 0; at < sizeof(key); at++) {
            struct order order = {.opcode = opcodes[i], .key = key, .key_len = sizeof(key)};
            size_t len;
            unsigned char *bytes;

            memset(key, 'x', sizeof(key));
            key[at] = (char)_i;
            bytes = codec_encode(&omc_text_codec, &order, OPAQUE, &len);
            ck_assert((bytes != NULL) == plain);
            ck_assert(!plain || memmem(bytes, len, key, sizeof(key)) != NULL);
            free(bytes);
        }
    }
}
END_TEST

START_TEST(nothing_can_smuggle_a_command_in)
{
    struct order order = {.opcode = OMC_OP_SET, .key = "a\r\nflush_all\r\n", .data = "x"};

    ck_assert(!is_accepted(&order));
    order.key = "a\nflush_all\r\n";
    ck_assert(!is_accepted(&order));
    order.opcode = OMC_OP_STAT;
    order.data = NULL;
    ck_assert(!is_accepted(&order));
    order.key = "items\r\nflush_all";
    ck_assert(!is_accepted(&order));
    order = (struct order){.opcode = OMC_OP_SET, .key = "k", .data = "\r\nflush_all\r\n"};
    codec_assert_bytes(&omc_text_codec, &order, 0, "set k 0 0 13\r\n\r\nflush_all\r\n\r\n");
}
END_TEST

START_TEST(heads_have_a_bound)
{
    char key[251] = {0};
    struct order order = {.key = key,
                          .flags = UINT32_MAX,
                          .expiration = INT32_MAX,
                          .delta = UINT64_MAX,
                          .initial = UINT64_MAX};

    memset(key, 'k', 250);
    for (int opcode = 0; opcode < OMC_OP_RGET; opcode++) {
        order.opcode = (uint8_t)opcode;
        order.cas = 0;
        is_accepted(&order);
        order.cas = UINT64_MAX;
        is_accepted(&order); /* codec_encode looks */
    }
}
END_TEST

START_TEST(values_that_no_server_takes_are_refused)
{
    struct omc_ask ask = codec_ask(&(struct order){.opcode = OMC_OP_SET, .key = "k"});

    ask.value_len = (uint32_t)INT32_MAX - 2;
    ck_assert(omc_text_codec.accept(&ask));
    ask.value_len = (uint32_t)INT32_MAX - 1;
    ck_assert(!omc_text_codec.accept(&ask));
}
END_TEST

/* The increment goes without it; what is to be done when that finds nothing. */
START_TEST(initial_values_are_added)
{
    struct order order = {.opcode = OMC_OP_INCREMENTQ,
                          .key = "k",
                          .delta = 3,
                          .initial = UINT64_MAX,
                          .expiration = 60};
    struct omc_ask add, ask = codec_ask(&order);
    unsigned char bytes[OMC_CODEC_HEAD_MAX], digits[OMC_TEXT_DIGITS_MAX];

    ck_assert(omc_text_has_initial(&ask));
    codec_assert_bytes(&omc_text_codec, &order, OPAQUE, "incr k 3\r\n");
    omc_text_make_counter(&ask, digits, &add);
    ck_assert(omc_ask_check(&add, 0));
    ck_assert(omc_text_codec.accept(&add));
    assert_text(bytes, codec_head(&omc_text_codec, &add, 1, bytes), "add k 0 60 20\r\n");
    assert_text(add.value, add.value_len, "18446744073709551615");
    ask.initial = 0;
    omc_text_make_counter(&ask, digits, &add);
    assert_text(add.value, add.value_len, "0");
}
END_TEST

START_TEST(nothing_else_has_initial_values)
{
    struct order order = {.opcode = OMC_OP_DECREMENT, .key = "k", .expiration = 60};
    struct omc_ask ask = codec_ask(&order);

    ck_assert(omc_text_has_initial(&ask));
    ask.bits = OMC_ASK_RAW;
    ck_assert(!omc_text_has_initial(&ask));
    order.expiration = OMCACHE_DELTA_NO_ADD;
    ask = codec_ask(&order);
    ck_assert(!omc_text_has_initial(&ask));
    for (int opcode = 0; opcode < 256; opcode++) {
        order = (struct order){.opcode = (uint8_t)opcode, .key = "k"};
        ask = codec_ask(&order);
        ck_assert(omc_text_has_initial(&ask) ==
                  (opcode == OMC_OP_INCREMENT || opcode == OMC_OP_INCREMENTQ ||
                   opcode == OMC_OP_DECREMENT || opcode == OMC_OP_DECREMENTQ));
    }
}
END_TEST

/* Replies of one line: what they mean to requests of each kind; -1: nothing. */
START_TEST(lines_become_codes)
{
    static const uint8_t kinds[] = {OMC_OP_GET,     OMC_OP_TOUCH,  OMC_OP_SET,    OMC_OP_ADD,
                                    OMC_OP_REPLACE, OMC_OP_APPEND, OMC_OP_DELETE, OMC_OP_INCREMENT,
                                    OMC_OP_NOOP,    OMC_OP_FLUSH};
    enum {
        OK = OMCACHE_OK,
        NF = OMCACHE_NOT_FOUND,
        EX = OMCACHE_KEY_EXISTS,
        NS = OMCACHE_NOT_STORED,
        FL = OMCACHE_FAIL,
    };
    static const struct {
        const char *line;
        int codes[10];
    } cases[] = {
        {"STORED\r\n", {-1, -1, OK, OK, OK, OK, -1, -1, -1, -1}},
        {"NOT_STORED\r\n", {-1, -1, NS, EX, NF, NS, -1, -1, -1, -1}},
        {"EXISTS\r\n", {-1, -1, EX, EX, EX, EX, -1, -1, -1, -1}},
        {"NOT_FOUND\r\n", {-1, NF, NF, NF, NF, NF, NF, NF, -1, -1}},
        {"DELETED\r\n", {-1, -1, -1, -1, -1, -1, OK, -1, -1, -1}},
        {"TOUCHED\r\n", {-1, OK, -1, -1, -1, -1, -1, -1, -1, -1}},
        {"END\r\n", {NF, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        {"18446744073709551615\r\n", {-1, -1, -1, -1, -1, -1, -1, OK, -1, -1}},
        {"18446744073709551616\r\n", {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        {"1 \r\n", {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        {"VERSION 1.6\r\n", {-1, -1, -1, -1, -1, -1, -1, -1, OK, -1}},
        {"OK\r\n", {-1, -1, -1, -1, -1, -1, -1, -1, -1, OK}},
        {"ERROR\r\n", {FL, FL, -1, -1, -1, -1, FL, FL, FL, FL}},
        {"SERVER_ERROR x\r\n", {FL, FL, FL, FL, FL, FL, FL, FL, FL, FL}},
        {"CLIENT_ERROR x\r\n", {FL, FL, -1, -1, -1, -1, FL, FL, FL, FL}},
        {"CLIENT_ERROR bad data chunk\r\n", {FL, FL, -1, -1, -1, -1, FL, FL, FL, FL}},
        {"SERVER_ERROR object too large for cache\r\n", {FL, FL, 3, 3, 3, 3, FL, FL, FL, FL}},
        {"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
         {FL, FL, -1, -1, -1, -1, FL, 6, FL, FL}},
        {"CLIENT_ERROR\r\n", {FL, FL, -1, -1, -1, -1, FL, FL, FL, FL}},
        {"SERVER_ERROR\r\n", {FL, FL, -1, -1, -1, -1, FL, FL, FL, FL}},
        {"ERROR x\r\n", {FL, FL, -1, -1, -1, -1, FL, FL, FL, FL}},
        {"ERRORS\r\n", {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        {"stored\r\n", {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        {"STORED \r\n", {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        {"STORED\n", {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        {"\r\n", {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        {"\n", {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        {"HD\r\n", {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        {"\x81", {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
        {"SSH-2.0-x\r\n", {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}},
    };
    const char *line = cases[_i / 10].line;
    int expected = cases[_i / 10].codes[_i % 10];
    struct owed request = owed(kinds[_i % 10]);
    struct omc_reply reply;

    if (expected < 0) {
        codec_assert_outcome(&request, line, OMC_DECODE_BROKEN);
        return;
    }
    reply = codec_reply(&request, line);
    assert_rc(reply.value.status, expected);
    ck_assert_uint_eq(reply.opaque, OPAQUE);
    ck_assert_uint_eq(reply.opcode, kinds[_i % 10]);
    ck_assert_uint_eq(reply.value.key_len, 0);
    ck_assert(reply.last && !reply.silent);
    ck_assert_uint_eq(reply.value.delta_value, line[0] == '1' ? UINT64_MAX : 0);
    if (expected == OMCACHE_OK)
        ck_assert_uint_eq(reply.value.data_len, 0);
}
END_TEST

START_TEST(a_value_is_read)
{
    struct owed get = owed(OMC_OP_GATQ), getk = owed(OMC_OP_GETK);
    struct omc_reply reply = codec_reply(&get, "VALUE key 7 5 99\r\nvalue\r\nEND\r\n");

    assert_rc(reply.value.status, OMCACHE_OK);
    assert_text(reply.value.data, reply.value.data_len, "value");
    ck_assert_uint_eq(reply.value.flags, 7);
    ck_assert_uint_eq(reply.value.cas, 99);
    ck_assert_uint_eq(reply.value.key_len, 0);
    ck_assert_uint_eq(reply.opaque, OPAQUE);
    ck_assert_uint_eq(reply.opcode, OMC_OP_GATQ);
    ck_assert(reply.last && !reply.silent);
    reply = codec_reply(
        &getk, "VALUE key 4294967295 12 18446744073709551615\r\n\r\nEND\r\n\r\nEND\r\nEND\r\n");
    assert_text(reply.value.key, reply.value.key_len, "key");
    assert_text(reply.value.data, reply.value.data_len, "\r\nEND\r\n\r\nEND");
    ck_assert_uint_eq(reply.value.flags, UINT32_MAX);
    ck_assert_uint_eq(reply.value.cas, UINT64_MAX);
    reply = codec_reply(&getk, "VALUE key 0 0\r\n\r\nEND\r\n");
    ck_assert_uint_eq(reply.value.data_len, 0);
    ck_assert_uint_eq(reply.value.cas, 0);
}
END_TEST

START_TEST(a_value_of_another_key_is_broken)
{
    struct owed get = owed(OMC_OP_GET);

    get.keys[0] = "key";
    codec_assert_outcome(&get, "VALUE key 0 1 9\r\nx\r\nEND\r\n", OMC_DECODE_REPLY);
    codec_assert_outcome(&get, "VALUE kez 0 1 9\r\nx\r\nEND\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&get, "END\r\n", OMC_DECODE_REPLY);
}
END_TEST

START_TEST(values_must_be_whole)
{
    static const char *const bad[] = {
        "VALUE \r\n",
        "VALUE k\r\n",
        "VALUE k 0\r\n",
        "VALUE k 0 \r\n",
        "VALUE k x 1\r\n",
        "VALUE k 4294967296 1\r\n",
        "VALUE k 0 -1\r\n",
        "VALUE k 0 1x\r\n",

        "VALUE k 0 1 x\r\n",
        "VALUE k 0 1 18446744073709551616\r\n",
        "VALUE k 0 1 2 3\r\n",
        "VALUE  0 1 2\r\n",
        "VALUE k 0 18446744073709551616\r\n",
        "VALUE k  0 1\r\n",
        "VALUE k 0 1\r\nab\r\nEND\r\n",
        "VALUE k 0 1\r\na\r\nVALUE",
        "VALUE k 0 1\n",
        "VALUE k 0 1\r\na\r\nEND\nx",
    };
    struct owed get = owed(OMC_OP_GET);

    codec_assert_outcome(&get, bad[_i], OMC_DECODE_BROKEN);
}
END_TEST

START_TEST(only_gets_have_values)
{
    for (int opcode = 0; opcode < 256; opcode++) {
        struct owed request = owed((uint8_t)opcode);

        if (omc_opcode_is_own(
                (uint8_t)opcode)) /* which text never asks, or takes words of any kind for */
            continue;
        codec_assert_outcome(&request, "VALUE k 0 0\r\n\r\nEND\r\n",
                             omc_opcode_is_get((uint8_t)opcode) ? OMC_DECODE_REPLY
                                                                : OMC_DECODE_BROKEN);
    }
}
END_TEST

START_TEST(values_over_the_limit_are_told_with_their_request)
{
    static const char *const lines[] = {"VALUE key 0 4993 1\r\n", "VALUE key 0 4994 1\r\n",
                                        "VALUE key 0 18446744073709551615\r\n",
                                        "VALUE key 0 9223372036854775807\r\n"};
    struct owed get = owed(OMC_OP_GETK);
    struct omc_reply reply;
    size_t size;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        memset(&reply, 0, sizeof(reply));
        ck_assert_int_eq(codec_try(&get, lines[i], strlen(lines[i]), &reply, &size),
                         i == 0 ? OMC_DECODE_MORE : OMC_DECODE_TOO_LARGE);
        ck_assert_uint_eq(reply.opaque, OPAQUE);
        ck_assert_uint_eq(reply.opcode, OMC_OP_GETK);
        if (i == 0)
            ck_assert_uint_eq(size, strlen(lines[0]) + 4993 + 7);
    }
}
END_TEST

START_TEST(replies_are_told_by_their_order)
{
    struct owed sent = codec_owed(&omc_text_codec, OMC_OP_SETQ, 1);
    struct omc_reply reply;

    codec_owe(&sent, OMC_OP_GETKQ, 2);
    codec_owe(&sent, OMC_OP_NOOP, 3);
    reply = codec_reply(&sent, "STORED\r\n");
    ck_assert_uint_eq(reply.opaque, 1);
    ck_assert(reply.silent);
    codec_assert_outcome(&sent, "END\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&sent, "VERSION 1\r\n", OMC_DECODE_BROKEN);
    reply = codec_reply(&sent, "SERVER_ERROR out of memory storing object\r\n");
    ck_assert_uint_eq(reply.opaque, 1);
    ck_assert(!reply.silent);
    sent.requests[0] = sent.requests[1];
    reply = codec_reply(&sent, "END\r\n");
    ck_assert_uint_eq(reply.opaque, 2);
    ck_assert(reply.silent);
    sent.count = 0;
    codec_assert_outcome(&sent, "STORED\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&sent, "ERROR\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&sent, "VALUE k 0 0\r\n\r\nEND\r\n", OMC_DECODE_BROKEN);
}
END_TEST

/* Those that share a line are told by their keys, and the end is for all that are left. */
START_TEST(a_line_of_gets_is_answered_in_any_order)
{
    struct owed line = codec_owed(&omc_text_codec, OMC_OP_GETK, 1);
    struct omc_reply reply;
    size_t size = 99;

    codec_owe(&line, OMC_OP_GET, 2);
    codec_owe(&line, OMC_OP_GETKQ, 3);
    line.one_line = true;
    line.keys[0] = "a";
    line.keys[1] = "b";
    line.keys[2] = "c";
    reply = codec_reply(&line, "VALUE b 0 1 9\r\nx\r\n");
    ck_assert_uint_eq(reply.opaque, 2);
    assert_text(reply.value.data, reply.value.data_len, "x");
    codec_assert_outcome(&line, "VALUE d 0 1 9\r\nx\r\n", OMC_DECODE_BROKEN);
    codec_assert_outcome(&line, "VALUE b 0 1 9\r\nxy\r\n", OMC_DECODE_BROKEN);
    ck_assert_int_eq(codec_try(&line, "END\r\n", 5, &reply, &size), OMC_DECODE_REPLY);
    assert_rc(reply.value.status, OMCACHE_NOT_FOUND);
    ck_assert_uint_eq(reply.opaque, 1);
    ck_assert_uint_eq(size, 0);
    ck_assert(reply.last && !reply.silent);
    ck_assert_int_eq(codec_try(&line, "SERVER_ERROR no\r\n", 17, &reply, &size), OMC_DECODE_REPLY);
    assert_rc(reply.value.status, OMCACHE_FAIL);
    ck_assert_uint_eq(reply.opaque, 1);
    ck_assert_uint_eq(size, 0);
    line.count = 1;
    line.requests[0] = line.requests[2];
    line.keys[0] = line.keys[2];
    codec_assert_outcome(&line, "VALUE c 0 1 9\r\nx\r\nVALUE", OMC_DECODE_BROKEN);
    reply = codec_reply(&line, "VALUE c 0 1 9\r\nx\r\nEND\r\n");
    ck_assert_uint_eq(reply.opaque, 3);
    reply = codec_reply(&line, "END\r\n");
    ck_assert_uint_eq(reply.opaque, 3);
    ck_assert(reply.silent);
}
END_TEST

/* Others would be another command, or would be stored for another time. */
START_TEST(gets_of_one_kind_share_a_line)
{
    static const struct order before[] = {
        {.opcode = OMC_OP_GET, .key = "k"},
        {.opcode = OMC_OP_GATK, .key = "k", .expiration = 5},
        {.opcode = OMC_OP_TOUCH, .key = "k", .expiration = 5},
        {.opcode = OMC_OP_NOOP},
    };
    static const struct {
        struct order order;
        bool joins[4];
    } cases[] = {
        {{.opcode = OMC_OP_GETKQ, .key = "key"}, {true, false, false, false}},
        {{.opcode = OMC_OP_GAT, .key = "key", .expiration = 5}, {false, true, false, false}},
        {{.opcode = OMC_OP_GAT, .key = "key", .expiration = 6}, {false, false, false, false}},
        {{.opcode = OMC_OP_TOUCH, .key = "key", .expiration = 5}, {false, false, false, false}},
        {{.opcode = OMC_OP_NOOP}, {false, false, false, false}},
    };
    unsigned char line[OMC_CODEC_HEAD_MAX];

    for (size_t i = 0; i < 4 * sizeof(cases) / sizeof(cases[0]); i++) {
        struct omc_ask first = codec_ask(&before[i % 4]), next = codec_ask(&cases[i / 4].order);

        ck_assert_int_eq(omc_text_codec.joins(&first, &next), cases[i / 4].joins[i % 4]);
        if (!cases[i / 4].joins[i % 4])
            continue;
        assert_text(line, (size_t)(omc_text_codec.join(line, &next) - line), " key\r\n");
    }
}
END_TEST

START_TEST(lines_are_bounded)
{
    struct owed get = owed(OMC_OP_GET);
    struct omc_reply reply;
    char bytes[3000];
    size_t size;

    memset(bytes, 'E', sizeof(bytes));
    ck_assert_int_eq(codec_try(&get, bytes, 2047, &reply, &size), OMC_DECODE_MORE);
    ck_assert_uint_eq(size, 2048);
    ck_assert_int_eq(codec_try(&get, bytes, 2048, &reply, &size), OMC_DECODE_BROKEN);
    ck_assert_int_eq(codec_try(&get, bytes, 3000, &reply, &size), OMC_DECODE_BROKEN);
}
END_TEST

/* As for the meta protocol. */
START_TEST(robust_against_anything)
{
    static const char *const words[] = {"VALUE ",  "key ",      "0",
                                        " ",       "1",         "12",
                                        "\r\n",    "\n",        "\r",
                                        "END\r\n", "STORED",    "NOT_FOUND",
                                        "abc",     "ERROR",     "SERVER_ERROR ",
                                        "STAT ",   "VERSION 1", "99999999999999999999"};
    static const uint8_t opcodes[] = {OMC_OP_GETK, OMC_OP_SET, OMC_OP_INCREMENT, OMC_OP_STAT,
                                      OMC_OP_NOOP};
    uint32_t state = 54321u + (uint32_t)_i;

    for (int round = 0; round < 4000; round++) {
        struct owed request = owed(opcodes[round % 5]);
        char bytes[300];
        size_t len = 0, size = 0;
        struct omc_reply reply;
        enum omc_decode result;

        for (int i = 0; i < 12; i++) {
            const char *word = words[(state = state * 1103515245u + 12345u) / 65536u % 18];

            memcpy(bytes + len, word, strlen(word));
            len += strlen(word);
        }
        if (round % 3 == 0)
            bytes[(state >> 8) % len] = (char)(state >> 16);
        result = codec_try(&request, bytes, len, &reply, &size);
        if (result == OMC_DECODE_REPLY)
            ck_assert(size <= len && reply.value.data_len <= len && reply.value.key_len <= len);
        if (result == OMC_DECODE_MORE)
            ck_assert(size > len && size <= CODEC_LIMIT + 2048);
    }
}
END_TEST

/* What a dump is answered with, line by line, up to its end. */
START_TEST(a_dump_has_a_line_for_each_key)
{
    struct owed dump = owed(OMC_OP_DUMP);
    static const struct {
        const char *line, *key, *value;
    } rows[] = {
        {"key=k exp=-1 la=5\n", "k", "exp=-1 la=5"},
        {"OK\r\nkey=k exp=-1\n", "k", "exp=-1"}, /* as servers begin since 1.6.45 */
        {"key=k exp=1 flags=5 \n", "k", "exp=1 flags=5 "},
        {"key=%20%0a%41%fF%zz%4%\n", " \nA\xff%zz%4%", ""},
        {"key=a exp=1\r\n", "a", "exp=1"},
    };
    struct omc_reply reply;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        reply = codec_reply(&dump, rows[i].line);
        assert_rc(reply.value.status, OMCACHE_OK);
        ck_assert(!reply.last);
        assert_text(reply.value.key, reply.value.key_len, rows[i].key);
        assert_text(reply.value.data, reply.value.data_len, rows[i].value);
    }
    reply = codec_reply(&dump, "OK\r\nEND\r\n");
    ck_assert(reply.last && reply.value.key_len == 0 && reply.value.data_len == 0);
    assert_rc(reply.value.status, OMCACHE_OK);
}
END_TEST

START_TEST(a_watch_has_any_lines)
{
    struct owed watch = owed(OMC_OP_WATCH);
    struct omc_reply reply = codec_reply(&watch, "OK\r\n");

    ck_assert(!reply.last && reply.value.data == NULL);
    reply = codec_reply(&watch, "ts=1.2 gid=1 type=item_get key=k\n");
    ck_assert(!reply.last && reply.value.key == NULL);
    assert_text(reply.value.data, reply.value.data_len, "ts=1.2 gid=1 type=item_get key=k");
    assert_rc(reply.value.status, OMCACHE_OK);
}
END_TEST

/* What is wrong with a request is said in words. */
START_TEST(dumps_and_watches_may_be_refused)
{
    static const struct {
        uint8_t opcode;
        const char *line;
        int status;
    } cases[] = {
        {OMC_OP_DUMP, "BUSY currently processing crawler request", OMCACHE_AGAIN},
        {OMC_OP_DUMP, "ERROR lru crawler disabled", OMCACHE_FAIL},
        {OMC_OP_DUMP, "BADCLASS invalid class id", OMCACHE_FAIL},
        {OMC_OP_WATCH, "ERROR", OMCACHE_FAIL},
        {OMC_OP_WATCH, "END", OMCACHE_FAIL},
    };
    char line[64];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct owed one = owed(cases[i].opcode);
        struct omc_reply reply;

        snprintf(line, sizeof(line), "%s\r\n", cases[i].line);
        reply = codec_reply(&one, line);
        ck_assert(reply.last);
        assert_rc(reply.value.status, cases[i].status);
        assert_text(reply.value.data, reply.value.data_len, cases[i].line);
    }
}
END_TEST

START_TEST(what_is_no_line_of_a_dump_breaks_it)
{
    static const char *const lines[] = {"\n",     "\r\n",         "k exp=1\n",
                                        "key=\n", "key= exp=1\n", "\xff\n"};
    struct owed dump = owed(OMC_OP_DUMP);
    char line[3000];

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        codec_assert_outcome(&dump, lines[i], OMC_DECODE_BROKEN);
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    codec_assert_outcome(&dump, line, OMC_DECODE_BROKEN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tcase = fixture_case(suite, "text");

    tcase_add_loop_test(tcase, any_request_is_encoded, 0, REQUESTS);
    tcase_add_loop_test(tcase, other_opcodes_are_refused, 0, 256);
    tcase_add_test(tcase, what_text_cannot_say_is_refused);
    tcase_add_loop_test(tcase, keys_must_be_words, 0, 256);
    tcase_add_test(tcase, nothing_can_smuggle_a_command_in);
    tcase_add_test(tcase, heads_have_a_bound);
    tcase_add_test(tcase, values_that_no_server_takes_are_refused);
    tcase_add_test(tcase, initial_values_are_added);
    tcase_add_test(tcase, nothing_else_has_initial_values);
    tcase_add_loop_test(tcase, lines_become_codes, 0, 300);
    tcase_add_test(tcase, a_value_is_read);
    tcase_add_test(tcase, a_value_of_another_key_is_broken);
    tcase_add_loop_test(tcase, values_must_be_whole, 0, 18);
    tcase_add_test(tcase, only_gets_have_values);
    tcase_add_test(tcase, values_over_the_limit_are_told_with_their_request);
    tcase_add_test(tcase, replies_are_told_by_their_order);
    tcase_add_test(tcase, a_line_of_gets_is_answered_in_any_order);
    tcase_add_test(tcase, gets_of_one_kind_share_a_line);
    tcase_add_test(tcase, lines_are_bounded);
    tcase_add_loop_test(tcase, robust_against_anything, 0, 8);
    tcase_add_test(tcase, a_dump_has_a_line_for_each_key);
    tcase_add_test(tcase, a_watch_has_any_lines);
    tcase_add_test(tcase, dumps_and_watches_may_be_refused);
    tcase_add_test(tcase, what_is_no_line_of_a_dump_breaks_it);
    return fixture_run(suite);
}
