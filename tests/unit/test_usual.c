/*
 * The answers that requests usually get, as each codec reads them without looking at anything else.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/meta.h"
#include "proto/opcode.h"
#include "proto/text.h"
#include "support/assert.h"
#include "support/fixture.h"

enum {
    NUMBER = 0x12345678,
    OTHER = 0x12345679,
    DATA_MAX = 10,
    NONE = -1, /* it is none of the usual */
};

/* A request, an answer, and what that is; its value is "value", and its cas and flags are these. */
static const struct {
    const struct omc_codec *codec;
    uint8_t op;
    const char *key; /* NULL: nobody has it */
    const char *bytes;
    int status;
    uint32_t flags;
    uint64_t cas;
    bool shared;
} cases[] = {
    {&omc_meta_codec, OMC_OP_GETK, "key", "VA 5 f7 c12 O1234567803 kkey\r\nvalue\r\n", OMCACHE_OK,
     7, 12, false},
    {&omc_meta_codec, OMC_OP_GETKQ, NULL, "VA 5 f7 c12 O1234567803 kkey\r\nvalue\r\n", OMCACHE_OK,
     7, 12, false},
    {&omc_meta_codec, OMC_OP_GETK, "key", "VA 5 f0 O1234567803 kkey\r\nvalue\r\n", OMCACHE_OK, 0, 0,
     false},
    {&omc_meta_codec, OMC_OP_GET, "key", "VA 5 f0 c1 O12345678\r\nvalue\r\n", OMCACHE_OK, 0, 1,
     false},
    {&omc_meta_codec, OMC_OP_GETK, "key", "EN\r\n", OMCACHE_NOT_FOUND, 0, 0, false},
    {&omc_meta_codec, OMC_OP_SET, "key", "HD c3 O12345678\r\n", OMCACHE_OK, 0, 3, false},
    {&omc_meta_codec, OMC_OP_SET, "key", "HD O12345678\r\n", OMCACHE_OK, 0, 0, false},
    {&omc_meta_codec, OMC_OP_NOOP, NULL, "MN\r\n", OMCACHE_OK, 0, 0, false},
    /* Another key, or one of another length; what has to be looked at; and what is for others. */
    {&omc_meta_codec, OMC_OP_GETK, "key", "VA 5 f0 c1 O1234567803 kkez\r\nvalue\r\n", NONE, 0, 0,
     false},
    {&omc_meta_codec, OMC_OP_GETK, "key", "VA 5 f0 c1 O1234567804 kkeyy\r\nvalue\r\n", NONE, 0, 0,
     false},
    {&omc_meta_codec, OMC_OP_GETK, NULL, "VA 5 f0 c1 O12345678zz kkey\r\nvalue\r\n", NONE, 0, 0,
     false},
    {&omc_meta_codec, OMC_OP_GETK, "key", "VA 5 f0 c1 O12345678\r\nvalue\r\n", NONE, 0, 0, false},
    {&omc_meta_codec, OMC_OP_GETK, "key", "VA 11 f0 c1 O1234567803 kkey\r\nvalue value\r\n", NONE,
     0, 0, false},
    {&omc_meta_codec, OMC_OP_GETK, "key", "VA 5 f4294967296 c1 O1234567803 kkey\r\nvalue\r\n", NONE,
     0, 0, false},
    {&omc_meta_codec, OMC_OP_GETK, "key", "VA 99999999999999999999 f0 c1 O1234567803 kkey\r\nv\r\n",
     NONE, 0, 0, false},
    {&omc_meta_codec, OMC_OP_GETK, "key",
     "VA 18446744073709551621 f0 O1234567803 kkey\r\nvalue\r\n", NONE, 0, 0, false},
    {&omc_meta_codec, OMC_OP_GETK, "key",
     "VA 5 f18446744073709551619 O1234567803 kkey\r\nvalue\r\n", NONE, 0, 0, false},
    {&omc_meta_codec, OMC_OP_GETK, "key",
     "VA 5 f0 c18446744073709551619 O1234567803 kkey\r\nvalue\r\n", NONE, 0, 0, false},
    {&omc_meta_codec, OMC_OP_GETK, "key", "VA 4 f0 c1 O1234567803 kkey\r\nvalue\r\n", NONE, 0, 0,
     false},
    {&omc_meta_codec, OMC_OP_GETK, "key", "VA 5 f0 c1 t1 O1234567803 kkey\r\nvalue\r\n", NONE, 0, 0,
     false},
    {&omc_meta_codec, OMC_OP_GETKQ, "key", "EN\r\n", NONE, 0, 0, false},
    {&omc_meta_codec, OMC_OP_GETKQ, "key", "MN\r\n", NONE, 0, 0, false},
    {&omc_meta_codec, OMC_OP_SETQ, "key", "HD O12345678\r\n", OMCACHE_OK, 0, 0, false},
    {&omc_meta_codec, OMC_OP_SET, "key", "NS O12345678\r\n", NONE, 0, 0, false},
    {&omc_meta_codec, OMC_OP_DELETE, "key", "HD O12345678\r\n", NONE, 0, 0, false},
    {&omc_meta_codec, OMC_OP_SET, "key", "HD O12345679\r\n", OTHER, 0, 0, false},
    {&omc_meta_codec, OMC_OP_GETKQ, "key", "VA 5 f0 c1 O1234567903 kkey\r\nvalue\r\n", OTHER, 0, 0,
     false},

    {&omc_text_codec, OMC_OP_GETK, "key", "VALUE key 7 5 12\r\nvalue\r\nEND\r\n", OMCACHE_OK, 7, 12,
     false},
    {&omc_text_codec, OMC_OP_GETKQ, "key", "VALUE key 7 5 12\r\nvalue\r\n", OMCACHE_OK, 7, 12,
     true},
    {&omc_text_codec, OMC_OP_GET, "key", "END\r\n", OMCACHE_NOT_FOUND, 0, 0, false},
    {&omc_text_codec, OMC_OP_SET, "key", "STORED\r\n", OMCACHE_OK, 0, 0, false},
    {&omc_text_codec, OMC_OP_GETK, "key", "VALUE key 0 5 1\r\nvalue\r\n", NONE, 0, 0, false},
    {&omc_text_codec, OMC_OP_GETK, "key", "VALUE kez 0 5 1\r\nvalue\r\nEND\r\n", NONE, 0, 0, false},
    {&omc_text_codec, OMC_OP_GETK, "key", "VALUE keyy 0 5 1\r\nvalue\r\nEND\r\n", NONE, 0, 0,
     false},
    {&omc_text_codec, OMC_OP_GETK, NULL, "VALUE key 0 5 1\r\nvalue\r\nEND\r\n", NONE, 0, 0, false},
    {&omc_text_codec, OMC_OP_GETK, "key", "VALUE key -1 5 1\r\nvalue\r\nEND\r\n", NONE, 0, 0,
     false},
    {&omc_text_codec, OMC_OP_GETK, "key", "VALUE key 0 5\r\nvalue\r\nEND\r\n", NONE, 0, 0, false},
    {&omc_text_codec, OMC_OP_GETK, "key", "VALUE key 0 18446744073709551615 1\r\nvalue\r\nEND\r\n",
     NONE, 0, 0, false},
    {&omc_text_codec, OMC_OP_GETKQ, "key", "END\r\n", NONE, 0, 0, true},
    {&omc_text_codec, OMC_OP_SET, "key", "NOT_STORED\r\n", NONE, 0, 0, false},
    {&omc_text_codec, OMC_OP_DELETE, "key", "STORED\r\n", NONE, 0, 0, false},
};

/* Reads a copy of so many bytes that ends where they end; how many are used, 0 for none. */
static size_t read_usual(size_t i, size_t len, struct omc_asked *asked, omcache_value_t *value)
{
    unsigned char *copy = malloc(len + 1);
    const unsigned char *end;
    size_t used;

    memcpy(copy + 1, cases[i].bytes, len); /* and is not aligned */
    end = cases[i].codec->usual(copy + 1, copy + 1 + len, asked, value);
    used = end == NULL ? 0 : (size_t)(end - copy - 1);
    if (used > 0 && value->data_len > 0)
        assert_text(value->data, value->data_len, "value");
    if (used > 0 && value->key_len > 0)
        assert_text(value->key, value->key_len, "key");
    free(copy);
    return used;
}

static struct omc_asked asked_of(size_t i)
{
    return (struct omc_asked){
        .key = (const unsigned char *)cases[i].key,
        .key_len = cases[i].key == NULL ? 0 : strlen(cases[i].key),
        .data_max = DATA_MAX,
        .number = NUMBER,
        .op = cases[i].op,
        .quiet = omc_codec_is_quiet(cases[i].codec, cases[i].op),
        .shared = cases[i].shared,
    };
}

START_TEST(usual_answers_are_told_from_all_others)
{
    struct omc_asked asked = asked_of((size_t)_i);
    size_t len = strlen(cases[_i].bytes);
    omcache_value_t value;
    size_t used = read_usual((size_t)_i, len, &asked, &value);

    if (cases[_i].status == NONE || cases[_i].status == OTHER) {
        ck_assert_msg(used == 0, "%s", cases[_i].bytes);
        ck_assert_uint_eq(asked.number, cases[_i].status == OTHER ? OTHER : NUMBER);
        return;
    }
    ck_assert_msg(used == len, "%s", cases[_i].bytes);
    ck_assert_int_eq(value.status, cases[_i].status);
    ck_assert_uint_eq(value.flags, cases[_i].flags);
    ck_assert_uint_eq(value.cas, cases[_i].cas);
    ck_assert_uint_eq(value.delta_value, 0);
}
END_TEST

/* The bytes behind it are another one's. */
START_TEST(what_is_not_all_there_is_not_read)
{
    for (size_t len = 0; len < strlen(cases[_i].bytes); len++) {
        struct omc_asked asked = asked_of((size_t)_i);
        omcache_value_t value;

        ck_assert_uint_eq(read_usual((size_t)_i, len, &asked, &value), 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("usual");
    TCase *tcase = tcase_create("answers");

    tcase_add_loop_test(tcase, usual_answers_are_told_from_all_others, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_loop_test(tcase, what_is_not_all_there_is_not_read, 0,
                        sizeof(cases) / sizeof(cases[0]));
    suite_add_tcase(suite, tcase);
    return fixture_run(suite);
}
