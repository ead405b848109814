/*
 * Requests with options of the meta protocol, and what their replies tell, on bytes in
 * memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/binary.h"
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
    CHECK = OMC_OP_META_CHECK,
    DEBUG = OMC_OP_META_DEBUG,
};

/* Options in short: what is 0 here is not set, and seconds are one more than here. */
struct chosen {
    int ttl, recache, vivify;
    int want; /* -1: set to 0 */
    int mode;
    bool no_lru_bump, invalidate, drop_value;
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
    options.drop_value = chosen->drop_value;
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
    {GET, {.want = 2 * OMCACHE_META_WANT_SIZE - 1}, 0, " v f c t l h s"},
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
    {SET, {.want = OMCACHE_META_WANT_SIZE}, 0, " c s"},
    {SET, {.want = OMCACHE_META_WANT_TTL}, 0, NULL},

    {DELETE, {0}, 0, ""},
    {DELETE, {.cas = 5}, 0, " C5"},
    {DELETE, {.invalidate = true, .ttl = 31, .cas = 5, .new_cas = 6}, 0, " T30 I C5 E6"},
    {DELETE, {.drop_value = true}, 0, " x"},
    {DELETE, {.drop_value = true, .invalidate = true, .ttl = 1}, 0, " T0 I x"},
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
    {CHECK, {.cas = 5}, 0, " C5 v f c"},
    {CHECK, {.cas = 5, .ttl = 2, .want = OMCACHE_META_WANT_VALUE}, 0, " T1 C5 v"},
    {CHECK, {0}, 0, NULL},
    {GET, {.cas = 5}, 0, NULL},
    {LOOK, {.cas = 5}, 0, NULL},
    {DEBUG, {0}, 0, NULL},
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

/* The commands, and the opcodes that have them. */
static const struct {
    uint8_t opcode;
    uint8_t command;
} commands[] = {
    {GET, OMC_META_GET},       {LOOK, OMC_META_GET},         {SET, OMC_META_SET},
    {DELETE, OMC_META_DELETE}, {COUNT, OMC_META_ARITHMETIC}, {CHECK, OMC_META_GET},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Gives the option of a row, with a number if it has one. */
static void give(struct omc_meta_options *options, const struct omc_meta_flag *row, uint64_t number)
{
    void *field = (char *)options + row->offset;

    if (row->kind == OMC_META_SECONDS)
        *(int64_t *)field = (int64_t)number;
    else if (row->kind == OMC_META_NUMBER)
        *(uint64_t *)field = number;
    else
        *(bool *)field = true;
}

static int all_wants(void)
{
    int all = 0;

    for (size_t i = 0; i < omc_meta_options_detail_count; i++)
        all |= omc_meta_options_details[i].commands == 0 ? 0 : omc_meta_options_details[i].bit;
    return all;
}

/* Everything at its longest, whether or not it makes sense. */
START_TEST(flags_have_room)
{
    struct omc_meta_options longest;
    unsigned char out[4 * OMC_META_OPTIONS_MAX];

    omc_meta_options_init(&longest);
    longest.mode = OMCACHE_META_ADD;
    longest.added_len = OMC_META_OPTIONS_ADDED;
    longest.want = all_wants();
    for (size_t i = 0; i < omc_meta_options_flag_count; i++)
        give(&longest, &omc_meta_options_flags[i],
             omc_meta_options_flags[i].kind == OMC_META_SECONDS ? INT32_MAX : UINT64_MAX);
    ck_assert_uint_le(omc_meta_options_write(&longest, commands[_i].opcode, UINT64_MAX, out),
                      OMC_META_OPTIONS_MAX);
    ck_assert_uint_le(OMC_META_OPTIONS_MAX, UINT8_MAX);
}
END_TEST

/* Some options make sense beside others only: each combination of these, so that there is
 * one for every row that a command has. */
enum {
    COMPANIONS = 16,
};

static struct omc_meta_options company(int which)
{
    const struct chosen chosen = {
        .vivify = (which & 1) != 0 ? 6 : 0,
        .cas = (which & 2) != 0 ? 5 : 0,
        .invalidate = (which & 4) != 0,
        .mode = (which & 8) != 0 ? OMCACHE_META_APPEND : OMCACHE_META_DEFAULT,
    };

    return make(&chosen);
}

/* Whether these are the flags of a request, or among them. */
static bool has_flag(const struct omc_meta_options *options, uint8_t opcode, const char *flag)
{
    char out[OMC_META_OPTIONS_MAX + 2];
    size_t len = omc_meta_options_write(options, opcode, 0, (unsigned char *)out);
    char bounded[40];

    memcpy(out + len, " ", 2);
    snprintf(bounded, sizeof(bounded), "%s ", flag);
    return strstr(out, bounded) != NULL;
}

/* Each row of the options: the check lets it pass for its commands and no others, and it is
 * written as the row says. */
START_TEST(every_flag_is_for_its_commands)
{
    const struct omc_meta_flag *row = &omc_meta_options_flags[(size_t)_i / COMMANDS];
    uint8_t opcode = commands[(size_t)_i % COMMANDS].opcode;
    bool passes = false, expected = (row->commands & commands[(size_t)_i % COMMANDS].command) != 0;
    char flag[40];

    if (strcmp(row->text, " C") == 0 && (opcode == GET || opcode == LOOK))
        expected = false; /* that makes another one of them */

    snprintf(flag, sizeof(flag), row->kind == OMC_META_NOTHING ? "%s" : "%s77", row->text);
    for (int which = 0; which < COMPANIONS; which++) {
        struct omc_meta_options options = company(which);

        ck_assert(!has_flag(&options, opcode, flag) || strcmp(flag, " I") == 0);
        give(&options, row, 77);
        if (!omc_meta_options_fit(&options, opcode))
            continue;
        passes = true;
        ck_assert_msg(has_flag(&options, opcode, flag), "%s", flag);
    }
    ck_assert_msg(passes == expected, "%s for opcode %d", row->text, opcode);
}
END_TEST

/* Each row of what answers tell: the same for what asks for it. */
START_TEST(every_detail_is_for_its_commands)
{
    const struct omc_meta_detail *row = &omc_meta_options_details[(size_t)_i / COMMANDS];
    uint8_t opcode = commands[(size_t)_i % COMMANDS].opcode;
    uint8_t command = commands[(size_t)_i % COMMANDS].command;
    struct omc_meta_options options =
        make(&(struct chosen){.want = row->bit, .cas = opcode == CHECK});
    bool expected = (row->commands & command) != 0;

    ck_assert(omc_meta_options_can_want(row->bit) == (row->commands != 0));
    ck_assert(omc_meta_options_fit(&options, opcode) == expected);
    ck_assert(has_flag(&options, opcode, row->text) == expected);
    options.want = 0;
    ck_assert(has_flag(&options, opcode, row->text) == ((row->always & command) != 0));
    options.want = OMC_META_OPTIONS_NONE;
    ck_assert(has_flag(&options, opcode, row->text) ==
              (((row->always | row->usual) & command) != 0));
    ck_assert_uint_eq((row->always | row->usual) & ~row->commands, 0);
}
END_TEST

static bool add(struct omc_meta_options *options, int letter, const char *token)
{
    return omc_meta_options_add(options, letter, (const unsigned char *)token, strlen(token));
}

static bool has_row(int letter)
{
    for (size_t i = 0; i < omc_meta_options_flag_count; i++) {
        if (omc_meta_options_flags[i].text[1] == letter)
            return true;
    }
    for (size_t i = 0; i < omc_meta_options_detail_count; i++) {
        if (omc_meta_options_details[i].text[1] == letter)
            return true;
    }
    return false;
}

START_TEST(flags_without_a_row_can_be_added)
{
    struct omc_meta_options options = make(&(struct chosen){.ttl = 4});
    unsigned char out[OMC_META_OPTIONS_MAX];
    char token[OMC_META_OPTIONS_ADDED + 1];
    size_t len;

    ck_assert(add(&options, 'P', "/a/b"));
    ck_assert(add(&options, 'L', ""));
    ck_assert(!add(&options, 'P', "again"));
    ck_assert(add(&options, 'a', "P"));
    ck_assert(!add(&options, 'y', "two words"));
    ck_assert(!add(&options, 'y', "line\n"));
    ck_assert(!omc_meta_options_add(&options, 'y', (const unsigned char *)"\0", 1));
    for (int letter = -1; letter < 300; letter++) {
        bool free = letter < 128 && isalpha(letter) && strchr("PLa", letter) == NULL &&
                    strchr("bkOqMSFD", letter) == NULL && !has_row(letter);
        struct omc_meta_options copy = options;

        ck_assert_msg(add(&copy, letter, "") == free, "%d", letter);
    }
    ck_assert(omc_meta_options_fit(&options, GET));
    len = omc_meta_options_write(&options, GET, 0, out);
    assert_text(out, len, " T3 v f c P/a/b L aP");
    memset(token, 't', sizeof(token));
    token[OMC_META_OPTIONS_ADDED - 11 - 2] = 0;
    ck_assert(add(&options, 'z', token));
    ck_assert(!add(&options, 'y', ""));
    omc_meta_options_init(&options);
    for (int i = 0; i < OMC_META_OPTIONS_ADDED_COUNT; i++)
        ck_assert(add(&options, "aPLyz"[i], ""));
    ck_assert(!add(&options, 'e', ""));
}
END_TEST

/* memcached takes no line of more words, and what follows such a one for commands. */
START_TEST(a_store_has_few_words)
{
    unsigned char out[OMC_META_OPTIONS_MAX];
    size_t words = 3 + 3; /* ms, key and length, and b, O and q */

    for (int mode = OMCACHE_META_DEFAULT; mode <= OMCACHE_META_PREPEND; mode++) {
        bool adds = mode == OMCACHE_META_APPEND || mode == OMCACHE_META_PREPEND;
        struct omc_meta_options options = make(&(struct chosen){.mode = mode,
                                                                .ttl = adds ? 0 : 9,
                                                                .vivify = adds ? 9 : 0,
                                                                .cas = 9,
                                                                .new_cas = 9,
                                                                .invalidate = true,
                                                                .want = OMCACHE_META_WANT_SIZE});
        size_t len, count = words;

        for (int i = 0; i < OMC_META_OPTIONS_ADDED_COUNT; i++)
            ck_assert(add(&options, "aPLyz"[i], ""));
        ck_assert(omc_meta_options_fit(&options, SET));
        len = omc_meta_options_write(&options, SET, 9, out);
        for (size_t i = 0; i < len; i++)
            count += out[i] == ' ';
        ck_assert_uint_le(count, 19);
    }
}
END_TEST

/* No two rows have the same letter, bit or mode. */
START_TEST(rows_differ)
{
    for (size_t i = 0; i < omc_meta_options_detail_count; i++) {
        ck_assert_int_eq(omc_meta_options_details[i].bit & (omc_meta_options_details[i].bit - 1),
                         0);
        for (size_t k = 0; k < i; k++) {
            ck_assert_str_ne(omc_meta_options_details[i].text, omc_meta_options_details[k].text);
            ck_assert_int_ne(omc_meta_options_details[i].bit, omc_meta_options_details[k].bit);
        }
    }
    for (size_t i = 0; i < omc_meta_options_flag_count; i++) {
        for (size_t k = 0; k < i; k++) {
            ck_assert_str_ne(omc_meta_options_flags[i].text, omc_meta_options_flags[k].text);
            ck_assert_int_ne(omc_meta_options_flags[i].offset, omc_meta_options_flags[k].offset);
        }
    }
}
END_TEST

START_TEST(only_what_there_is_can_be_chosen)
{
    int all = all_wants();
    struct omc_meta_options options = make(&(struct chosen){.want = all});

    ck_assert_int_ge(all, 2 * OMCACHE_META_WANT_SIZE - 1);
    ck_assert_int_eq(all & (all + 1), 0); /* bits without a gap */
    ck_assert(omc_meta_options_fit(&options, GET));
    options.want = all + 1;
    ck_assert(!omc_meta_options_fit(&options, GET));
    ck_assert(omc_meta_options_can_want(0));
    ck_assert(omc_meta_options_can_want(all));
    ck_assert(!omc_meta_options_can_want(all + 1));
    ck_assert(!omc_meta_options_can_want(OMC_DETAIL_WON));
    ck_assert(!omc_meta_options_can_want(-1));
    for (int mode = OMCACHE_META_DEFAULT; mode <= OMCACHE_META_DECREMENT; mode++)
        ck_assert(omc_meta_options_is_mode(mode));
    ck_assert(!omc_meta_options_is_mode(OMCACHE_META_DEFAULT - 1));
    ck_assert(!omc_meta_options_is_mode(OMCACHE_META_DECREMENT + 1));
    ck_assert(!omc_meta_options_is_mode(256)); /* 0, where only a byte is looked at */
}
END_TEST

static struct omc_ask request(uint8_t opcode, const char *key, const char *extra, const char *data)
{
    return (struct omc_ask){
        .op = opcode,
        .key = (const unsigned char *)key,
        .key_len = (uint8_t)strlen(key),
        .extra = (const unsigned char *)extra,
        .extra_len = (uint8_t)strlen(extra),
        .value = (const unsigned char *)data,
        .value_len = (uint32_t)strlen(data),
    };
}

static const struct {
    uint8_t opcode;
    const char *key, *flags, *data;
    const char *bytes; /* its head */
} requests[] = {
    {GET, "key", " T3 v", "", "mg key O1234567803 k T3 v\r\n"},
    {GET, "p:key", " v", "", "mg p:key O1234567805 k v\r\n"},
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
    {CHECK, "key", " C5 v", "", "mg key O1234567803 k C5 v\r\n"},
    {DEBUG, "key", "", "", "me key\r\n"},
    {DEBUG, "a b", "", "", "me YSBi b\r\n"},
};

#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

START_TEST(requests_are_encoded)
{
    struct omc_ask ask =
        request(requests[_i].opcode, requests[_i].key, requests[_i].flags, requests[_i].data);
    unsigned char out[OMC_CODEC_HEAD_MAX];

    ck_assert(omc_meta_codec.accept(&ask));
    assert_text(out, codec_head(&omc_meta_codec, &ask, OPAQUE, out), requests[_i].bytes);
    ck_assert_uint_eq(omc_codec_tail_size(&omc_meta_codec, ask.op), ask.op == SET ? 2 : 0);
    ck_assert(!omc_binary_codec.accept(&ask));
    ck_assert(!omc_text_codec.accept(&ask));
}
END_TEST

/* The size that a request counts with is that of a binary one with these extras. */
START_TEST(requests_have_a_size)
{
    struct omc_ask ask = request(SET, "key", " F7 c", "value");

    ck_assert_uint_eq(omc_ask_size(&ask), 24 + 5 + 3 + 5);
}
END_TEST

/* All that can be long, in one request; codec_head looks. */
START_TEST(heads_have_a_bound)
{
    unsigned char *out = malloc(OMC_CODEC_HEAD_MAX);
    char key[OMC_ASK_KEY_MAX + 1] = {0}, extra[UINT8_MAX + 1] = {0};
    struct omc_ask ask;

    memset(extra, 'x', UINT8_MAX);
    for (int i = 0; i < 2; i++) {
        memset(key, i == 0 ? 'k' : ' ', i == 0 ? 250 : 186);
        key[i == 0 ? 250 : 186] = 0;
        ask = request(SET, key, extra, "");
        ask.value_len = OMC_ASK_VALUE_MAX;
        ck_assert(omc_meta_codec.accept(&ask));
        codec_head(&omc_meta_codec, &ask, OPAQUE, out);
        ask = request(GET, key, extra, "");
        ck_assert(omc_meta_codec.accept(&ask));
        codec_head(&omc_meta_codec, &ask, OPAQUE, out);
    }
    free(out);
}
END_TEST

START_TEST(what_cannot_be_sent_is_refused)
{
    char key[OMC_ASK_KEY_MAX + 1] = {0};
    struct omc_ask ask;

    memset(key, ' ', 186); /* in base64 248, and the next length is 252 */
    ask = request(GET, key, " v", "");
    ck_assert(omc_meta_codec.accept(&ask));
    key[186] = ' ';
    ask = request(GET, key, " v", "");
    ck_assert(!omc_meta_codec.accept(&ask));
    ask = request(SET, "key", " c", "");
    ask.value_len = (uint32_t)OMC_ASK_VALUE_MAX + 1;
    ck_assert(!omc_meta_codec.accept(&ask));
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
        {" t30", {.known = OMCACHE_META_WANT_TTL, .ttl = 30}},
        {" t-1", {.known = OMCACHE_META_WANT_TTL, .ttl = -1}},
        {" l0", {.known = OMCACHE_META_WANT_LAST_ACCESS, .last_access = 0}},
        {" l99999999999", {.known = OMCACHE_META_WANT_LAST_ACCESS, .last_access = 99999999999}},
        {" h0", {.known = OMCACHE_META_WANT_WAS_HIT, .was_hit = false}},
        {" h1", {.known = OMCACHE_META_WANT_WAS_HIT, .was_hit = true}},
        {" s1048576", {.known = OMCACHE_META_WANT_SIZE, .size = 1048576}},
        {" t1 l2 h1 s3 W",
         {.known = OMCACHE_META_WANT_TTL | OMCACHE_META_WANT_LAST_ACCESS |
                   OMCACHE_META_WANT_WAS_HIT | OMCACHE_META_WANT_SIZE | OMC_DETAIL_WON,
          .ttl = 1,
          .was_hit = true,
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
    if (expected->known & OMCACHE_META_WANT_TTL)
        ck_assert_int_eq(reply.details.ttl, expected->ttl);
    if (expected->known & OMCACHE_META_WANT_LAST_ACCESS)
        ck_assert_int_eq(reply.details.last_access, expected->last_access);
    if (expected->known & OMCACHE_META_WANT_WAS_HIT)
        ck_assert(reply.details.was_hit == expected->was_hit);
    if (expected->known & OMCACHE_META_WANT_SIZE)
        ck_assert_int_eq(reply.details.size, expected->size);
    ck_assert_uint_eq(reply.value.data_len, _i < 16 ? 2 : 0);
}
END_TEST

/* What the answer tells that has only this flag. */
static struct omc_details told(const char *flag, const char *number)
{
    char bytes[100];

    snprintf(bytes, sizeof(bytes), "HD O12345678%s%s\r\n", flag, number);
    return reply_to(LOOK, bytes).details;
}

/* Each row goes where it says, and nowhere else. */
START_TEST(every_detail_has_its_place)
{
    static const char *const numbers[] = {"", "0", "1", "-1", "9223372036854775807"};
    static const bool known[][5] = {
        [OMC_META_NUMBER] = {false, true, true, false, true},
        [OMC_META_SECONDS] = {false, true, true, true, true},
        [OMC_META_NOTHING] = {true, true, true, true, true},
        [OMC_META_YES_NO] = {true, true, true, true, true},
        [OMC_META_OF_VALUE] = {false},
    };
    const struct omc_meta_detail *row = &omc_meta_options_details[_i / 5];
    const char *number = numbers[_i % 5];
    struct omc_details details;
    const void *field = (const char *)&details + row->offset;

    if (row->kind == OMC_META_OF_VALUE && strcmp(number, "1") != 0)
        return; /* the decoder's own, which takes nothing but a number */
    details = told(row->text, number);
    ck_assert_uint_eq(details.known, known[row->kind][_i % 5] ? row->bit : 0);
    if (details.known == 0)
        return;
    ck_assert((row->offset == 0) == (row->kind == OMC_META_NOTHING));
    if (row->kind == OMC_META_NUMBER || row->kind == OMC_META_SECONDS)
        ck_assert_int_eq(*(const int64_t *)field, strtoll(number, NULL, 10));
    if (row->kind == OMC_META_YES_NO)
        ck_assert(*(const bool *)field == (*number != '0'));
}
END_TEST

/* What a line means to each operation; -1: nothing. */
START_TEST(lines_become_codes)
{
    static const uint8_t opcodes[] = {GET, LOOK, SET, DELETE, COUNT, CHECK, DEBUG};
    enum {
        KINDS = sizeof(opcodes),
        OK = OMCACHE_OK,
        NF = OMCACHE_NOT_FOUND,
        EX = OMCACHE_KEY_EXISTS,
        NS = OMCACHE_NOT_STORED,
        FA = OMCACHE_FAIL,
    };
    static const struct {
        const char *line;
        int codes[KINDS];
    } lines[] = {
        {"HD", {-1, OK, OK, OK, -1, OK, -1}},
        {"EN", {NF, NF, -1, -1, -1, NF, NF}},
        {"NF", {-1, NF, NF, NF, NF, -1, -1}},
        {"NS", {-1, -1, NS, -1, NS, -1, -1}},
        {"EX", {-1, -1, EX, EX, EX, -1, -1}},
        {"ME key exp=-1", {-1, -1, -1, -1, -1, -1, OK}},
        {"VA 1 O12345678\r\n5", {OK, -1, -1, -1, OK, OK, -1}},
        {"CLIENT_ERROR invalid flag", {FA, FA, FA, FA, FA, FA, FA}},
        {"CLIENT_ERROR invalid or duplicate flag", {FA, FA, FA, FA, FA, FA, FA}},
        {"CLIENT_ERROR bad command line format", {FA, FA, -1, FA, FA, FA, FA}},
        {"SERVER_ERROR out of memory storing object", {-1, -1, FA, -1, -1, -1, -1}},
        {"SERVER_ERROR object too large for cache",
         {-1, -1, OMCACHE_TOO_LARGE_VALUE, -1, -1, -1, -1}},
    };
    int expected = lines[_i / KINDS].codes[_i % KINDS];
    struct owed owed = codec_owed(&omc_meta_codec, opcodes[_i % KINDS], OPAQUE);
    char bytes[100];
    struct omc_reply reply;

    snprintf(bytes, sizeof(bytes), "%s\r\n", lines[_i / KINDS].line);
    if (expected < 0) {
        codec_assert_outcome(&owed, bytes, OMC_DECODE_BROKEN);
        return;
    }
    reply = codec_reply(&owed, bytes);
    assert_rc(reply.value.status, expected);
    ck_assert_uint_eq(reply.opaque, OPAQUE);
    ck_assert_uint_eq(reply.opcode, opcodes[_i % KINDS]);
    ck_assert(reply.last && !reply.silent);
    if (expected == FA && strncmp(bytes, "CLIENT", 6) == 0)
        assert_text(reply.value.data, reply.value.data_len, lines[_i / KINDS].line + 13);
}
END_TEST

START_TEST(what_is_not_changed_has_no_value)
{
    struct owed check = codec_owed(&omc_meta_codec, CHECK, OPAQUE);
    struct omc_reply reply = codec_reply(&check, "HD f7 c5 O1234567803 kkey\r\n");

    ck_assert(reply.details.known == OMC_DETAIL_UNCHANGED);
    ck_assert_ptr_null(reply.value.data);
    ck_assert_uint_eq(reply.value.cas, 5);
    assert_text(reply.value.key, reply.value.key_len, "key");
    reply = codec_reply(&check, "VA 0 f7 c6 O1234567803 kkey\r\n\r\n");
    ck_assert_uint_eq(reply.details.known, 0);
    ck_assert_ptr_nonnull(reply.value.data);
    reply = codec_reply(&check, "EN\r\n");
    ck_assert_uint_eq(reply.details.known, 0);
}
END_TEST

START_TEST(what_is_known_of_an_item_is_a_line)
{
    static const char *const broken[] = {"ME  exp=-1\r\n",  "ME \r\n", "ME \n",
                                         "ME key exp=-1\n", "ME\r\n",  "MEkey x\r\n"};
    struct owed debug = codec_owed(&omc_meta_codec, DEBUG, OPAQUE);
    struct omc_reply reply = codec_reply(&debug, "ME key exp=-1 la=3 cas=2\r\n");

    assert_text(reply.value.key, reply.value.key_len, "key");
    assert_text(reply.value.data, reply.value.data_len, "exp=-1 la=3 cas=2");
    ck_assert_uint_eq(reply.value.flags, 0);
    reply = codec_reply(&debug, "ME key\r\n");
    ck_assert_uint_eq(reply.value.data_len, 0);
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        codec_assert_outcome(&debug, broken[i], OMC_DECODE_BROKEN);
    codec_assert_outcome(&debug, "ME key exp=-1\r", OMC_DECODE_MORE);
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

static const struct {
    uint8_t opcode;
    const char *reply;
    char letter;
    const char *token; /* NULL: none is found */
} found[] = {
    {GET, "VA 3 f7 c99 O1234567803 kkey\r\nabc\r\n", 'f', "7"}, /* the usual form */
    {GET, "VA 3 f7 c99 O1234567803 kkey\r\nabc\r\n", 'c', "99"},
    {GET, "VA 3 f7 c99 O1234567803 kkey\r\nabc\r\n", 'k', NULL},
    {GET, "VA 3 f7 c99 O1234567803 kkey\r\nabc\r\n", 'O', NULL},
    {GET, "VA 3 f7 c99 O1234567803 kkey\r\nabc\r\n", 'e', NULL},
    {GET, "VA 3 f7 c99 O1234567803 kW y P/a L\r\n L1\r\n", 'W', NULL}, /* of the key */
    {GET, "VA 3 f7 c99 O1234567803 kW y P/a L\r\n L1\r\n", 'y', NULL},
    {GET, "VA 3 f7 c99 O1234567803 kW y P/a L\r\n L1\r\n", 'P', "/a"},
    {GET, "VA 3 f7 c99 O1234567803 kW y P/a L\r\n L1\r\n", 'L', ""},
    {GET, "VA 3 f7 c99 O1234567803 kW y P/a L\r\n L1\r\n", 'c', "99"},
    {GET, "VA 3 f7 O1234567803 kVyB5 b Wx\r\nabc\r\n", 'W', "x"},
    {GET, "VA 3 f7 O1234567803 kVyB5 b Wx\r\nabc\r\n", 'b', NULL},
    {LOOK, "HD O12345678 t5\r\n", 't', "5"},
    {SET, "HD c5 s3 O12345678\r\n", 's', "3"},
    {DELETE, "HD\r\n", 'L', NULL},
};

#define FOUND (sizeof(found) / sizeof(found[0]))

START_TEST(flags_are_found_by_their_letters)
{
    struct owed request = codec_owed(&omc_meta_codec, found[_i].opcode, OPAQUE);
    struct omc_reply reply = codec_reply(&request, found[_i].reply);
    const unsigned char *token = NULL;
    size_t len = 0;
    bool is_found = omc_meta_options_find(&reply.details, found[_i].letter, &token, &len);

    ck_assert(is_found == (found[_i].token != NULL));
    if (is_found)
        assert_text(token, len, found[_i].token);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("meta options");
    TCase *tcase = tcase_create("requests");

    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, options_become_flags, 0, CASES);
    tcase_add_loop_test(tcase, flags_have_room, 0, COMMANDS);
    tcase_add_loop_test(tcase, every_flag_is_for_its_commands, 0,
                        (int)(omc_meta_options_flag_count * COMMANDS));
    tcase_add_loop_test(tcase, every_detail_is_for_its_commands, 0,
                        (int)(omc_meta_options_detail_count * COMMANDS));
    tcase_add_test(tcase, flags_without_a_row_can_be_added);
    tcase_add_test(tcase, a_store_has_few_words);
    tcase_add_loop_test(tcase, flags_are_found_by_their_letters, 0, FOUND);
    tcase_add_test(tcase, rows_differ);
    tcase_add_test(tcase, only_what_there_is_can_be_chosen);
    tcase_add_loop_test(tcase, requests_are_encoded, 0, REQUESTS);
    tcase_add_test(tcase, requests_have_a_size);
    tcase_add_test(tcase, heads_have_a_bound);
    tcase_add_test(tcase, what_cannot_be_sent_is_refused);
    tcase = tcase_create("replies");
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, every_detail_is_read, 0, 32);
    tcase_add_loop_test(tcase, every_detail_has_its_place, 0,
                        (int)(5 * omc_meta_options_detail_count));
    tcase_add_loop_test(tcase, lines_become_codes, 0, 84);
    tcase_add_test(tcase, what_is_not_changed_has_no_value);
    tcase_add_test(tcase, what_is_known_of_an_item_is_a_line);
    tcase_add_test(tcase, classic_stores_have_no_options);
    tcase_add_test(tcase, keys_are_given_back);
    return fixture_run(suite);
}
