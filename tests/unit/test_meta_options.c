/*
 * Requests with options of the meta protocol, and what their replies tell, on bytes in
 * memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "proto/binary.h"
#include "proto/command.h"
#include "proto/meta.h"
#include "proto/meta_options.h"
#include "proto/opcode.h"
#include "proto/text.h"
#include "support/codec.h"
#include "support/fixture.h"

enum {
    OPAQUE = 0x12345678,
    GET = OMC_OP_META_GET,
    LOOK = OMC_OP_META_LOOK,
    SET = OMC_OP_META_SET,
    DELETE = OMC_OP_META_DELETE,
    COUNT = OMC_OP_META_ARITHMETIC,
};

/* Options in short: what is 0 here is not set, and seconds are one more than here. */
struct chosen {
    int ttl, recache, vivify;
    int want; /* -1: set to 0 */
    int mode;
    bool no_lru_bump, invalidate;
    uint64_t initial, cas, new_cas;
};

static struct omc_meta_options make(const struct chosen *chosen)
{
    struct omc_meta_options options;

    omc_meta_options_init(&options);
    options.ttl = chosen->ttl - 1;
    options.recache = chosen->recache - 1;
    options.vivify = chosen->vivify - 1;
    if (chosen->want != 0)
        options.want = chosen->want < 0 ? 0 : chosen->want;
    options.mode = chosen->mode;
    options.no_lru_bump = chosen->no_lru_bump;
    options.invalidate = chosen->invalidate;
    options.initial = chosen->initial;
    options.cas = chosen->cas;
    options.new_cas = chosen->new_cas;
    return options;
}

/* What each operation can have; NULL: it is refused. */
static const struct {
    uint8_t opcode;
    struct chosen chosen;
    uint64_t number;
    const char *flags;
} cases[] = {
    {GET, {0}, 0, " v f c"},
    {GET, {.ttl = 31}, 0, " T30 v f c"},
    {GET, {.ttl = 1, .recache = 1, .vivify = 1}, 0, " T0 R0 N0 v f c"},
    {GET, {.recache = 11, .no_lru_bump = true}, 0, " R10 u v f c"},
    {GET, {.vivify = 6, .new_cas = 77}, 0, " N5 E77 v f c"},
    {GET, {.want = 127}, 0, " v f c t l h s"},
    {GET, {.want = OMCACHE_META_WANT_VALUE}, 0, " v"},
    {LOOK, {.want = -1}, 0, ""},
    {LOOK, {.want = OMCACHE_META_WANT_TTL}, 0, " t"},
    {LOOK, {.want = OMCACHE_META_WANT_SIZE | OMCACHE_META_WANT_WAS_HIT}, 0, " h s"},
    {LOOK, {.want = OMCACHE_META_WANT_LAST_ACCESS, .no_lru_bump = true}, 0, " u l"},
    {GET, {.new_cas = 1}, 0, NULL},
    {GET, {.cas = 1}, 0, NULL},
    {GET, {.invalidate = true}, 0, NULL},
    {GET, {.initial = 1, .vivify = 1}, 0, NULL},
    {GET, {.mode = OMCACHE_META_ADD}, 0, NULL},
    {GET, {.want = 128}, 0, NULL},

    {SET, {0}, 0, " c"},
    {SET, {.ttl = 1}, UINT32_MAX, " F4294967295 T0 c"},
    {SET, {.mode = OMCACHE_META_ADD, .ttl = 9}, 0, " ME T8 c"},
    {SET, {.mode = OMCACHE_META_REPLACE}, 1, " MR F1 c"},
    {SET, {.mode = OMCACHE_META_APPEND, .vivify = 31}, 0, " MA N30 c"},
    {SET, {.mode = OMCACHE_META_PREPEND, .cas = 3}, 0, " MP C3 c"},
    {SET, {.cas = UINT64_MAX, .invalidate = true}, 0, " I C18446744073709551615 c"},
    {SET, {.new_cas = UINT64_MAX, .want = OMCACHE_META_WANT_CAS}, 0, " E18446744073709551615 c"},
    {SET, {.invalidate = true}, 0, NULL},
    {SET, {.mode = OMCACHE_META_APPEND, .ttl = 1}, 0, NULL},
    {SET, {.mode = OMCACHE_META_DECREMENT}, 0, NULL},
    {SET, {.vivify = 1}, 0, NULL},
    {SET, {.recache = 1}, 0, NULL},
    {SET, {.no_lru_bump = true}, 0, NULL},
    {SET, {.initial = 1}, 0, NULL},
    {SET, {.want = OMCACHE_META_WANT_TTL}, 0, NULL},

    {DELETE, {0}, 0, ""},
    {DELETE, {.cas = 5}, 0, " C5"},
    {DELETE, {.invalidate = true, .ttl = 31, .cas = 5, .new_cas = 6}, 0, " T30 I C5 E6"},
    {DELETE, {.ttl = 31}, 0, NULL},
    {DELETE, {.new_cas = 6}, 0, NULL},
    {DELETE, {.vivify = 6}, 0, NULL},
    {DELETE, {.recache = 6}, 0, NULL},
    {DELETE, {.no_lru_bump = true}, 0, NULL},
    {DELETE, {.initial = 6}, 0, NULL},
    {DELETE, {.mode = OMCACHE_META_ADD}, 0, NULL},
    {DELETE, {.want = OMCACHE_META_WANT_CAS}, 0, NULL},

    {COUNT, {0}, 1, " D1 v c"},
    {COUNT,
     {.mode = OMCACHE_META_DECREMENT, .ttl = 2},
     UINT64_MAX,
     " MD D18446744073709551615 T1 v c"},
    {COUNT, {.vivify = 1, .initial = 7}, 0, " D0 N0 J7 v c"},
    {COUNT, {.cas = 8, .new_cas = 9, .want = OMCACHE_META_WANT_TTL}, 2, " D2 C8 E9 v c t"},
    {COUNT, {.initial = 7}, 1, NULL},
    {COUNT, {.mode = OMCACHE_META_ADD}, 1, NULL},
    {COUNT, {.invalidate = true}, 1, NULL},
    {COUNT, {.recache = 1}, 1, NULL},
    {COUNT, {.no_lru_bump = true}, 1, NULL},
    {COUNT, {.want = OMCACHE_META_WANT_FLAGS}, 1, NULL},
    {OMC_OP_GET, {0}, 0, NULL},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

START_TEST(options_become_flags)
{
    struct omc_meta_options options = make(&cases[_i].chosen);
    unsigned char out[OMC_META_OPTIONS_MAX];
    size_t len;

    ck_assert(omc_meta_options_fit(&options, cases[_i].opcode) == (cases[_i].flags != NULL));
    if (cases[_i].flags == NULL)
        return;
    len = omc_meta_options_write(&options, cases[_i].opcode, cases[_i].number, out);
    assert_text(out, len, cases[_i].flags);
}
END_TEST

/* Everything at its longest, whether or not it makes sense. */
START_TEST(flags_have_room)
{
    const struct omc_meta_options longest = {
        .ttl = INT32_MAX,
        .recache = INT32_MAX,
        .vivify = INT32_MAX,
        .want = 127,
        .mode = OMCACHE_META_ADD,
        .no_lru_bump = true,
        .invalidate = true,
        .initial = UINT64_MAX,
        .cas = UINT64_MAX,
        .new_cas = UINT64_MAX,
    };
    static const uint8_t opcodes[] = {GET, LOOK, SET, DELETE, COUNT};
    unsigned char out[2 * OMC_META_OPTIONS_MAX];

    ck_assert_uint_le(omc_meta_options_write(&longest, opcodes[_i], UINT64_MAX, out),
                      OMC_META_OPTIONS_MAX);
    ck_assert_uint_le(OMC_META_OPTIONS_MAX, UINT8_MAX);
}
END_TEST

static omcache_req_t request(uint8_t opcode, const char *key, const char *extra, const char *data)
{
    size_t key_len = strlen(key), extra_len = strlen(extra);

    return (omcache_req_t){
        .header = {.opcode = opcode,
                   .keylen = htobe16((uint16_t)key_len),
                   .extlen = (uint8_t)extra_len,
                   .bodylen = htobe32((uint32_t)(key_len + extra_len + strlen(data)))},
        .extra = extra,
        .key = (const unsigned char *)key,
        .data = (const unsigned char *)data,
    };
}

static const struct {
    uint8_t opcode;
    const char *key, *flags, *data;
    const char *bytes; /* its head */
} requests[] = {
    {GET, "key", " T3 v", "", "mg key O1234567803 k T3 v\r\n"},
    {GET, "a b", " v", "", "mg YSBi b O1234567803 k v\r\n"},
    {LOOK, "key", " t", "", "mg key O12345678 t\r\n"},
    {LOOK, "key", "", "", "mg key O12345678\r\n"},
    {LOOK, "a b", "", "", "mg YSBi b O12345678\r\n"},
    {SET, "key", " F7 c", "value", "ms key 5 O12345678 F7 c\r\n"},
    {SET, "a b", " c", "", "ms YSBi 0 b O12345678 c\r\n"},
    {SET, "a\r\nb", " c", "\r\nflush_all\r\n", "ms YQ0KYg== 13 b O12345678 c\r\n"},
    {DELETE, "key", "", "", "md key O12345678\r\n"},
    {DELETE, "a b", " I", "", "md YSBi b O12345678 I\r\n"},
    {COUNT, "key", " D1 v c", "", "ma key O12345678 D1 v c\r\n"},
    {COUNT, "a b", " D1 v c", "", "ma YSBi b O12345678 D1 v c\r\n"},
};

#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

static void assert_same(const omcache_req_t *a, const omcache_req_t *b)
{
    ck_assert_uint_eq(a->header.opcode, b->header.opcode);
    ck_assert_uint_eq(a->header.cas, b->header.cas);
    assert_bytes(a->extra, a->header.extlen, b->extra, b->header.extlen);
    assert_bytes(a->key, omc_request_key_len(a), b->key, omc_request_key_len(b));
    assert_bytes(a->data, omc_request_data_len(a), b->data, omc_request_data_len(b));
}

/* Encodes, compares and reads back; bytes NULL: whatever it is. */
static void assert_encoded(const struct omc_codec *codec, const omcache_req_t *req,
                           const char *bytes)
{
    const struct omc_prefix none = {.len = 0};
    unsigned char out[OMC_CODEC_HEAD_MAX + 100];
    size_t len = codec->encode_head(out, req, none, OPAQUE), data_len = omc_request_data_len(req);
    struct omc_scratch scratch;
    omcache_req_t back;

    ck_assert_uint_gt(len, 0);
    ck_assert_uint_le(len, codec->head_size(req, 0));
    if (bytes != NULL)
        assert_text(out, len, bytes);
    memcpy(out + len, req->data, data_len);
    memcpy(out + len + data_len, OMC_CODEC_TAIL, OMC_CODEC_TAIL_MAX);
    ck_assert_uint_eq(codec->decode_request(out, req->header.opcode, &scratch, &back),
                      len + data_len + codec->tail_size(req->header.opcode));
    assert_same(&back, req);
}

START_TEST(requests_are_encoded_and_read_back)
{
    const struct omc_prefix none = {.len = 0};
    unsigned char out[OMC_CODEC_HEAD_MAX];
    omcache_req_t req =
        request(requests[_i].opcode, requests[_i].key, requests[_i].flags, requests[_i].data);

    assert_encoded(&omc_meta_codec, &req, requests[_i].bytes);
    assert_encoded(&omc_binary_waiting, &req, NULL);
    ck_assert_uint_eq(omc_binary_codec.encode_head(out, &req, none, OPAQUE), 0);
    ck_assert_uint_eq(omc_text_codec.encode_head(out, &req, none, OPAQUE), 0);
}
END_TEST

START_TEST(prefixes_go_in_front_of_keys)
{
    const struct omc_prefix prefix = {(const unsigned char *)"p:", 2};
    unsigned char out[OMC_CODEC_HEAD_MAX];
    omcache_req_t req = request(GET, "key", " v", "");

    assert_text(out, omc_meta_codec.encode_head(out, &req, prefix, OPAQUE),
                "mg p:key O1234567805 k v\r\n");
}
END_TEST

START_TEST(what_cannot_be_sent_is_refused)
{
    const struct omc_prefix none = {.len = 0};
    unsigned char out[OMC_CODEC_HEAD_MAX];
    char key[OMC_REQUEST_KEY_MAX + 1] = {0};
    omcache_req_t req = request(GET, "key", " v", "data");

    ck_assert_uint_eq(omc_meta_codec.encode_head(out, &req, none, OPAQUE), 0);
    memset(key, ' ', 186); /* in base64 248, and the next length is 252 */
    req = request(GET, key, " v", "");
    ck_assert_uint_gt(omc_meta_codec.encode_head(out, &req, none, OPAQUE), 0);
    key[186] = ' ';
    req = request(GET, key, " v", "");
    ck_assert_uint_eq(omc_meta_codec.encode_head(out, &req, none, OPAQUE), 0);
    req = request(SET, "key", " c", "");
    req.header.bodylen = htobe32(3u + 2 + OMC_COMMAND_DATA_MAX + 1);
    ck_assert_uint_eq(omc_meta_codec.encode_head(out, &req, none, OPAQUE), 0);
}
END_TEST

static struct omc_reply reply_to(uint8_t opcode, const char *bytes)
{
    struct owed owed = codec_owed(&omc_meta_codec, opcode, OPAQUE);

    return codec_reply(&owed, bytes);
}

START_TEST(every_detail_is_read)
{
    static const struct {
        const char *flags;
        struct omc_details details;
    } replies[] = {
        {"", {.known = 0}},
        {" W", {.known = OMC_DETAIL_WON}},
        {" X", {.known = OMC_DETAIL_STALE}},
        {" Z", {.known = OMC_DETAIL_ALREADY_WON}},
        {" W X Z", {.known = OMC_DETAIL_WON | OMC_DETAIL_STALE | OMC_DETAIL_ALREADY_WON}},
        {" t30", {.known = OMC_DETAIL_TTL, .ttl = 30}},
        {" t-1", {.known = OMC_DETAIL_TTL, .ttl = -1}},
        {" l0", {.known = OMC_DETAIL_LAST_ACCESS, .last_access = 0}},
        {" l99999999999", {.known = OMC_DETAIL_LAST_ACCESS, .last_access = 99999999999}},
        {" h0", {.known = OMC_DETAIL_NOT_HIT}},
        {" h1", {.known = OMC_DETAIL_WAS_HIT}},
        {" s1048576", {.known = OMC_DETAIL_SIZE, .size = 1048576}},
        {" t1 l2 h1 s3 W",
         {.known = OMC_DETAIL_TTL | OMC_DETAIL_LAST_ACCESS | OMC_DETAIL_WAS_HIT | OMC_DETAIL_SIZE |
                   OMC_DETAIL_WON,
          .ttl = 1,
          .last_access = 2,
          .size = 3}},
        /* What cannot be read tells nothing, and unknown flags do not either. */
        {" t l s", {.known = 0}},
        {" tx lx s18446744073709551616", {.known = 0}},
        {" s9223372036854775808 ! y7 w  x", {.known = 0}},
    };
    const struct omc_details *expected = &replies[_i % 16].details;
    char bytes[100];
    struct omc_reply reply;

    if (_i < 16)
        snprintf(bytes, sizeof(bytes), "VA 2 O1234567803%s kkey\r\nhi\r\n", replies[_i].flags);
    else
        snprintf(bytes, sizeof(bytes), "HD O12345678%s\r\n", replies[_i % 16].flags);
    reply = reply_to(_i < 16 ? GET : LOOK, bytes);
    assert_rc(reply.value.status, OMCACHE_OK);
    ck_assert_uint_eq(reply.details.known, expected->known);
    if (expected->known & OMC_DETAIL_TTL)
        ck_assert_int_eq(reply.details.ttl, expected->ttl);
    if (expected->known & OMC_DETAIL_LAST_ACCESS)
        ck_assert_int_eq(reply.details.last_access, expected->last_access);
    if (expected->known & OMC_DETAIL_SIZE)
        ck_assert_int_eq(reply.details.size, expected->size);
    ck_assert_uint_eq(reply.value.data_len, _i < 16 ? 2 : 0);
}
END_TEST

/* What a line means to each operation; -1: nothing. */
START_TEST(lines_become_codes)
{
    static const uint8_t opcodes[] = {GET, LOOK, SET, DELETE, COUNT};
    enum {
        OK = OMCACHE_OK,
        NF = OMCACHE_NOT_FOUND,
        EX = OMCACHE_KEY_EXISTS,
        NS = OMCACHE_NOT_STORED,
        FA = OMCACHE_FAIL,
    };
    static const struct {
        const char *line;
        int codes[5];
    } lines[] = {
        {"HD", {-1, OK, OK, OK, -1}},
        {"EN", {NF, NF, -1, -1, -1}},
        {"NF", {-1, NF, NF, NF, NF}},
        {"NS", {-1, -1, NS, -1, NS}},
        {"EX", {-1, -1, EX, EX, EX}},
        {"VA 1 O12345678\r\n5", {OK, -1, -1, -1, OK}},
        {"CLIENT_ERROR invalid flag", {FA, FA, FA, FA, FA}},
        {"CLIENT_ERROR invalid or duplicate flag", {FA, FA, FA, FA, FA}},
        {"CLIENT_ERROR bad command line format", {FA, FA, -1, FA, FA}},
        {"SERVER_ERROR out of memory storing object", {-1, -1, FA, -1, -1}},
        {"SERVER_ERROR object too large for cache", {-1, -1, OMCACHE_TOO_LARGE_VALUE, -1, -1}},
    };
    int expected = lines[_i / 5].codes[_i % 5];
    struct owed owed = codec_owed(&omc_meta_codec, opcodes[_i % 5], OPAQUE);
    char bytes[100];
    struct omc_reply reply;

    snprintf(bytes, sizeof(bytes), "%s\r\n", lines[_i / 5].line);
    if (expected < 0) {
        codec_assert_outcome(&owed, bytes, OMC_DECODE_BROKEN);
        return;
    }
    reply = codec_reply(&owed, bytes);
    assert_rc(reply.value.status, expected);
    ck_assert_uint_eq(reply.opaque, OPAQUE);
    ck_assert_uint_eq(reply.opcode, opcodes[_i % 5]);
    ck_assert(reply.last && !reply.silent);
    if (expected == FA && strncmp(bytes, "CLIENT", 6) == 0)
        assert_text(reply.value.data, reply.value.data_len, lines[_i / 5].line + 13);
}
END_TEST

/* For others these words are what they were: something is wrong. */
START_TEST(classic_stores_have_no_options)
{
    struct owed set = codec_owed(&omc_meta_codec, OMC_OP_SET, OPAQUE);

    codec_assert_outcome(&set, "CLIENT_ERROR invalid flag\r\n", OMC_DECODE_BROKEN);
}
END_TEST

START_TEST(keys_are_given_back)
{
    struct omc_reply reply = reply_to(GET, "VA 1 O1234567803 kYSBi b W\r\nv\r\n");

    assert_text(reply.value.key, reply.value.key_len, "a b");
    reply = reply_to(GET, "VA 1 O1234567804 ka\r\nb t9\r\nv\r\n");
    assert_text(reply.value.key, reply.value.key_len, "a\r\nb");
    ck_assert_int_eq(reply.details.ttl, 9);
    reply = reply_to(COUNT, "VA 2 t5 c9 O12345678\r\n17\r\n");
    ck_assert_uint_eq(reply.value.delta_value, 17);
    ck_assert_uint_eq(reply.value.cas, 9);
    ck_assert_int_eq(reply.details.ttl, 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("meta options");
    TCase *tcase = tcase_create("requests");

    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, options_become_flags, 0, CASES);
    tcase_add_loop_test(tcase, flags_have_room, 0, 5);
    tcase_add_loop_test(tcase, requests_are_encoded_and_read_back, 0, REQUESTS);
    tcase_add_test(tcase, prefixes_go_in_front_of_keys);
    tcase_add_test(tcase, what_cannot_be_sent_is_refused);
    tcase = tcase_create("replies");
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, every_detail_is_read, 0, 32);
    tcase_add_loop_test(tcase, lines_become_codes, 0, 55);
    tcase_add_test(tcase, classic_stores_have_no_options);
    tcase_add_test(tcase, keys_are_given_back);
    return fixture_run(suite);
}
