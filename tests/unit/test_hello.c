/*
 * The first words on a connection and what comes back, in every number of pieces.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/hello.h"
#include "proto/login.h"
#include "support/fixture.h"

enum {
    OPAQUE = 0x01020304,
};

#define EN "EN\r\n"
#define END "END\r\n"
#define ERROR "ERROR\r\n"
#define INVALID "CLIENT_ERROR invalid flag\r\n"
#define VERSION "VERSION 1.6.18\r\n"
#define UNAUTHENTICATED "CLIENT_ERROR unauthenticated\r\n"
#define REFUSED_BACKEND "SERVER_ERROR Connection refused\r\n"
#define X16(text) text text text text text text text text text text text text text text text text
#define X256(text) X16(X16(text))

static size_t used;
static const char *problem;
static bool has_login; /* there are credentials in front */

/* What these bytes are, in memory of just that size. */
static enum omc_hello try(enum omc_greeting greeting, const void *bytes, size_t len)
{
    const struct omc_hello_asked asked = {greeting, OPAQUE, has_login};
    unsigned char *copy = malloc(len > 0 ? len : 1);
    enum omc_hello result;

    if (len > 0)
        memcpy(copy, bytes, len);
    used = 0;
    problem = NULL;
    result = omc_hello_read(copy, len, &asked, &used, &problem);
    free(copy);
    return result;
}

/* That the bytes are an answer from the byte on that `decided` counts, and not before. */
static void assert_answer(enum omc_greeting greeting, const void *bytes, size_t len, size_t decided,
                          enum omc_hello expected)
{
    for (size_t piece = 0; piece <= len; piece++) {
        enum omc_hello wanted = piece < decided ? OMC_HELLO_MORE : expected;
        enum omc_hello result = try(greeting, bytes, piece);

        ck_assert_msg(result == wanted, "%zu bytes of '%s' gave %d, expected %d", piece,
                      printable(bytes, len), (int)result, (int)wanted);
    }
    ck_assert_msg((problem != NULL) ==
                          (expected == OMC_HELLO_REFUSED || expected == OMC_HELLO_DENIED) ||
                      (greeting == OMC_GREETING_BINARY && expected == OMC_HELLO_GOOD),
                  "problem: %s", problem ? problem : "none");
}

START_TEST(hellos_are_24_bytes_at_least)
{
    static const char *const words[] = {
        [OMC_GREETING_META] = "mg AAAAAAAA b\r\nversion\r\n",
        [OMC_GREETING_VERSION] = "version\r\nversion\r\nversion\r\n",
        [OMC_GREETING_GET] = "get omcache-01020304\r\nget omcache-01020304\r\n",
    };
    static const unsigned char binary[24] = {0x80, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4};
    unsigned char out[OMC_HELLO_MAX];

    assert_bytes(out, omc_hello_write(out, OMC_GREETING_BINARY, OPAQUE, NULL), binary,
                 sizeof(binary));
    for (enum omc_greeting greeting = OMC_GREETING_META; greeting <= OMC_GREETING_GET; greeting++) {
        size_t len = omc_hello_write(out, greeting, OPAQUE, NULL);

        assert_text(out, len, words[greeting]);
        ck_assert_uint_ge(len, 24);
    }
}
END_TEST

START_TEST(each_greeting_is_for_a_protocol)
{
    ck_assert_int_eq(omc_hello_protocol(OMC_GREETING_NONE), OMCACHE_PROTOCOL_AUTO);
    ck_assert_int_eq(omc_hello_protocol(OMC_GREETING_META), OMCACHE_PROTOCOL_META);
    ck_assert_int_eq(omc_hello_protocol(OMC_GREETING_VERSION), OMCACHE_PROTOCOL_TEXT);
    ck_assert_int_eq(omc_hello_protocol(OMC_GREETING_GET), OMCACHE_PROTOCOL_TEXT);
    ck_assert_int_eq(omc_hello_protocol(OMC_GREETING_BINARY), OMCACHE_PROTOCOL_BINARY);
}
END_TEST

START_TEST(answers_in_words)
{
    static const struct {
        enum omc_greeting greeting;
        enum omc_hello expected;
        const char *bytes;
    } cases[] = {
        {OMC_GREETING_META, OMC_HELLO_GOOD, EN VERSION},
        {OMC_GREETING_META, OMC_HELLO_GOOD, "EN\nVERSION\n"},
        {OMC_GREETING_META, OMC_HELLO_GOOD, "HD W O1\r\nVERSION \r\n"},
        {OMC_GREETING_META, OMC_HELLO_GOOD, EN ERROR},
        {OMC_GREETING_META, OMC_HELLO_GOOD, EN REFUSED_BACKEND},
        {OMC_GREETING_META, OMC_HELLO_GOOD, REFUSED_BACKEND VERSION},
        {OMC_GREETING_META, OMC_HELLO_GOOD, REFUSED_BACKEND "VERSION 1.6.10\n"},
        {OMC_GREETING_META, OMC_HELLO_GOOD, REFUSED_BACKEND "VERSION 1.7\n"},
        {OMC_GREETING_META, OMC_HELLO_GOOD, REFUSED_BACKEND "VERSION 2\n"},
        {OMC_GREETING_META, OMC_HELLO_TEXT, REFUSED_BACKEND "VERSION 1.6.9\n"},
        {OMC_GREETING_META, OMC_HELLO_TEXT, REFUSED_BACKEND "VERSION 1.6\n"},
        {OMC_GREETING_META, OMC_HELLO_TEXT, REFUSED_BACKEND "VERSION 1.\n"},
        {OMC_GREETING_META, OMC_HELLO_TEXT, REFUSED_BACKEND "VERSION \n"},
        {OMC_GREETING_META, OMC_HELLO_TEXT, REFUSED_BACKEND "VERSION 0.99.99\n"},
        {OMC_GREETING_META, OMC_HELLO_TEXT, REFUSED_BACKEND "VERSION\r\n"},
        {OMC_GREETING_META, OMC_HELLO_TEXT, INVALID VERSION},
        {OMC_GREETING_META, OMC_HELLO_TEXT, ERROR VERSION},
        {OMC_GREETING_GET, OMC_HELLO_GOOD, END END},
        {OMC_GREETING_GET, OMC_HELLO_GOOD, "END\n" REFUSED_BACKEND},
        {OMC_GREETING_GET, OMC_HELLO_GOOD, REFUSED_BACKEND REFUSED_BACKEND},
        {OMC_GREETING_VERSION, OMC_HELLO_GOOD, VERSION VERSION VERSION},
        {OMC_GREETING_VERSION, OMC_HELLO_GOOD, "VERSION \r\nVERSION \nVERSION my own\r\n"},
        {OMC_GREETING_VERSION, OMC_HELLO_GOOD, VERSION REFUSED_BACKEND VERSION},
    };
    const char *bytes = cases[_i].bytes;
    size_t len = strlen(bytes);
    char *more = malloc(len + 8);

    assert_answer(cases[_i].greeting, bytes, len, len, cases[_i].expected);
    ck_assert_uint_eq(used, len);
    memcpy(more, bytes, len);
    memcpy(more + len, "HD O1\r\n", 8); /* what comes behind is not its business */
    ck_assert_int_eq((int)try(cases[_i].greeting, more, len + 7), (int)cases[_i].expected);
    ck_assert_uint_eq(used, len);
    free(more);
}
END_TEST

/* They are told at the first line that is, or at the byte that is wrong. */
START_TEST(other_answers_in_words)
{
    static const struct {
        enum omc_greeting greeting;
        enum omc_hello expected;
        size_t decided; /* with so many bytes; 0: with all */
        const char *bytes;
    } cases[] = {
        {OMC_GREETING_META, OMC_HELLO_DENIED, sizeof(UNAUTHENTICATED) - 1,
         UNAUTHENTICATED UNAUTHENTICATED},
        {OMC_GREETING_GET, OMC_HELLO_DENIED, sizeof(UNAUTHENTICATED) - 1,
         UNAUTHENTICATED UNAUTHENTICATED},
        {OMC_GREETING_META, OMC_HELLO_REFUSED, 0, REFUSED_BACKEND REFUSED_BACKEND},
        {OMC_GREETING_META, OMC_HELLO_REFUSED, 0, REFUSED_BACKEND ERROR},
        {OMC_GREETING_META, OMC_HELLO_DENIED, 0, EN UNAUTHENTICATED},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 0, ERROR ERROR},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 0, INVALID ERROR},
        {OMC_GREETING_GET, OMC_HELLO_OTHER, 0, ERROR},
        {OMC_GREETING_GET, OMC_HELLO_OTHER, 0, VERSION},
        {OMC_GREETING_VERSION, OMC_HELLO_OTHER, 0, ERROR},
        {OMC_GREETING_VERSION, OMC_HELLO_OTHER, 0, END},
        {OMC_GREETING_VERSION, OMC_HELLO_OTHER, 0, VERSION VERSION ERROR},
        {OMC_GREETING_VERSION, OMC_HELLO_DENIED, 0, UNAUTHENTICATED},
        {OMC_GREETING_GET, OMC_HELLO_OTHER, 0, END EN},
        {OMC_GREETING_GET, OMC_HELLO_OTHER, 0, "VALUE omcache-01020304 0 1\r\n"},
        {OMC_GREETING_META, OMC_HELLO_OTHER, sizeof(VERSION) - 1, VERSION VERSION},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 0, "ENO\r\n"},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 0, "E\r\n"},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 0, "MN\r\n"},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 0, "VA 0\r\n"},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 0, "ERRORS\r\n"},
        {OMC_GREETING_META, OMC_HELLO_REFUSED, 0, "ERROR Too many open connections\r\n"},
        {OMC_GREETING_GET, OMC_HELLO_REFUSED, 0, "ERROR Too many open connections\r\n"},
        {OMC_GREETING_BINARY, OMC_HELLO_REFUSED, 0, "ERROR Too many open connections\r\n"},
        {OMC_GREETING_GET, OMC_HELLO_OTHER, 0, "CLIENT_ERROR bad command line format\r\n"},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 1, "\r\n"},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 0, "\n"},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 0, EN "\n"},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 0, EN EN},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 0, EN INVALID},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 0, ERROR "MN\r\n"},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 0, EN "x"},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 0, EN "\x81"},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 257, X256("M") "M\r\n"},
        {OMC_GREETING_GET, OMC_HELLO_OTHER, 257, "END" X256(" ")},
        {OMC_GREETING_META, OMC_HELLO_OTHER, sizeof(EN) - 1 + 257, EN "VERSION " X256("1")},
    };
    size_t len = strlen(cases[_i].bytes);
    size_t decided = cases[_i].decided > 0 ? cases[_i].decided : len;
    assert_answer(cases[_i].greeting, cases[_i].bytes, len, decided, cases[_i].expected);
}
END_TEST

/* A line of the greatest length is one. */
START_TEST(long_lines_are_lines)
{
    char bytes[sizeof(EN) - 1 + 256];

    memset(bytes, '1', sizeof(bytes));
    memcpy(bytes, EN VERSION, sizeof(EN VERSION) - 3);
    memcpy(bytes + sizeof(bytes) - 2, "\r\n", 2);
    assert_answer(OMC_GREETING_META, bytes, sizeof(bytes), sizeof(bytes), OMC_HELLO_GOOD);
}
END_TEST

/* One byte is enough to know that it is none. */
START_TEST(first_bytes)
{
    for (int byte = 0; byte < 256; byte++) {
        unsigned char first = (unsigned char)byte;
        enum omc_hello words = (byte >= 'A' && byte <= 'Z') ? OMC_HELLO_MORE : OMC_HELLO_OTHER;

        ck_assert_int_eq((int)try(OMC_GREETING_META, &first, 1), (int)words);
        ck_assert_int_eq((int)try(OMC_GREETING_VERSION, &first, 1), (int)words);
        ck_assert_int_eq((int)try(OMC_GREETING_GET, &first, 1), (int)words);
        ck_assert_int_eq(
            (int)try(OMC_GREETING_BINARY, &first, 1),
            (int)(byte == 0x81 || byte == 'C' || byte == 'E' ? OMC_HELLO_MORE : OMC_HELLO_OTHER));
    }
}
END_TEST

START_TEST(binary_answers)
{
    static const struct {
        enum omc_hello expected;
        unsigned char bytes[25];
    } cases[] = {
        {OMC_HELLO_GOOD, {0x81, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}},
        {OMC_HELLO_REFUSED, {0x81, 0x0a, 0, 0, 0, 0, 0, 0x83, 0, 0, 0, 0, 1, 2, 3, 4}},
        {OMC_HELLO_DENIED, {0x81, 0x0a, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 1, 2, 3, 4}},
        {OMC_HELLO_OTHER, {0x81, 0x0b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}},
        {OMC_HELLO_OTHER, {0x81, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 5}},
        {OMC_HELLO_OTHER, {0x81, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 0}},
    };

    assert_answer(OMC_GREETING_BINARY, cases[_i].bytes, 25, 24, cases[_i].expected);
    ck_assert_uint_eq(
        used,
        cases[_i].expected == OMC_HELLO_GOOD || cases[_i].expected == OMC_HELLO_REFUSED ? 24 : 0);
}
END_TEST

/* The answers of servers that were asked in another protocol. */
START_TEST(answers_in_another_protocol)
{
    static const unsigned char binary[24] = {0x81, 0x0a};

    ck_assert_int_eq((int)try(OMC_GREETING_BINARY, TEXT(ERROR)), OMC_HELLO_OTHER);
    ck_assert_int_eq((int)try(OMC_GREETING_META, binary, 24), OMC_HELLO_OTHER);
    ck_assert_int_eq((int)try(OMC_GREETING_GET, binary, 24), OMC_HELLO_OTHER);
    for (enum omc_greeting greeting = OMC_GREETING_META; greeting < OMC_GREETING_COUNT; greeting++)
        ck_assert_int_eq((int)omc_hello_read(NULL, 0,
                                             &(struct omc_hello_asked){.greeting = greeting}, &used,
                                             &problem),
                         OMC_HELLO_MORE);
}
END_TEST

static struct omc_login login_of(const char *user, const char *password)
{
    struct omc_login login = {.user_len = strlen(user), .password_len = strlen(password)};

    memcpy(login.user, user, login.user_len);
    memcpy(login.password, password, login.password_len);
    return login;
}

START_TEST(credentials_go_in_front)
{
    static const unsigned char binary[] = "\x80\x21\0\5\0\0\0\0\0\0\0\xf\0\0\0\0\0\0\0\0"
                                          "\0\0\0\0PLAIN\0user\0pass";
    const struct omc_login login = login_of("user", "pass");
    unsigned char out[OMC_HELLO_MAX + OMC_LOGIN_SIZE_MAX];
    size_t len = omc_hello_write(out, OMC_GREETING_META, OPAQUE, &login);

    ck_assert_uint_eq(omc_hello_room(NULL), OMC_HELLO_MAX);
    ck_assert_uint_eq(omc_hello_room(&login), sizeof(out));
    assert_text(out, len, "set omcache-login 0 -1 9\r\nuser pass\r\nmg AAAAAAAA b\r\nversion\r\n");
    len = omc_hello_write(out, OMC_GREETING_BINARY, OPAQUE, &login);
    ck_assert_uint_eq(len, sizeof(binary) - 1 + 24);
    assert_bytes(out, sizeof(binary) - 1, binary, sizeof(binary) - 1);
    assert_bytes(out + sizeof(binary) - 1, 2, "\x80\x0a", 2);
}
END_TEST

START_TEST(the_longest_credentials_fit)
{
    unsigned char out[OMC_HELLO_MAX + OMC_LOGIN_SIZE_MAX];
    struct omc_login login = {.user_len = OMC_LOGIN_PART_MAX, .password_len = OMC_LOGIN_PART_MAX};

    memset(login.user, 'u', sizeof(login.user));
    memset(login.password, 'p', sizeof(login.password));
    ck_assert(omc_login_check(&login));
    for (enum omc_greeting greeting = OMC_GREETING_META; greeting < OMC_GREETING_COUNT; greeting++)
        ck_assert_uint_le(omc_hello_write(out, greeting, UINT32_MAX, &login), sizeof(out));
}
END_TEST

START_TEST(credentials_are_checked)
{
    static const struct {
        const char *user, *password;
        bool are_good;
    } cases[] = {
        {"user", "pass", true},         {"user", "", true},        {"user", "two words", true},
        {"\xc3\xbc", "\xc3\xbc", true}, {"", "pass", false},       {"two words", "pass", false},
        {"user\n", "pass", false},      {"user", "pa\r\n", false}, {"user", "pa\x7f", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct omc_login login = login_of(cases[i].user, cases[i].password);

        ck_assert(omc_login_check(&login) == cases[i].are_good);
    }
}
END_TEST

START_TEST(answers_to_credentials)
{
    static const struct {
        enum omc_greeting greeting;
        enum omc_hello expected;
        size_t decided;
        const char *bytes;
    } cases[] = {
        {OMC_GREETING_META, OMC_HELLO_GOOD, 0, "STORED\r\n" EN VERSION},
        {OMC_GREETING_GET, OMC_HELLO_GOOD, 0, "STORED\r\n" END END},
        {OMC_GREETING_META, OMC_HELLO_GOOD, 0, REFUSED_BACKEND EN VERSION},
        {OMC_GREETING_META, OMC_HELLO_TEXT, 0, "STORED\r\n" INVALID VERSION},
        {OMC_GREETING_META, OMC_HELLO_DENIED, sizeof(UNAUTHENTICATED) - 1,
         UNAUTHENTICATED UNAUTHENTICATED},
        {OMC_GREETING_META, OMC_HELLO_DENIED, 0, "CLIENT_ERROR authentication failure\r\n"},
        {OMC_GREETING_META, OMC_HELLO_OTHER, 1, "220 ready"},
        {OMC_GREETING_BINARY, OMC_HELLO_DENIED, sizeof(UNAUTHENTICATED) - 3, UNAUTHENTICATED},
        {OMC_GREETING_BINARY, OMC_HELLO_REFUSED, 0, "ERROR Too many open connections\r\n"},
        {OMC_GREETING_BINARY, OMC_HELLO_OTHER, 0, ERROR},
        {OMC_GREETING_BINARY, OMC_HELLO_OTHER, 1, "220 ready"},
    };
    size_t len = strlen(cases[_i].bytes);

    has_login = true;
    assert_answer(cases[_i].greeting, cases[_i].bytes, len,
                  cases[_i].decided > 0 ? cases[_i].decided : len, cases[_i].expected);
    ck_assert_uint_eq(
        used,
        cases[_i].expected == OMC_HELLO_GOOD || cases[_i].expected == OMC_HELLO_TEXT ? len : 0);
}
END_TEST

/* A server without SASL does not know what it was asked, which is as good. */
START_TEST(binary_answers_to_credentials)
{
    static const unsigned char noop[24] = {0x81, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4};
    static const struct {
        unsigned char status;
        enum omc_hello expected;
    } cases[] = {{0, OMC_HELLO_GOOD}, {0x20, OMC_HELLO_DENIED}, {0x81, OMC_HELLO_GOOD}};
    unsigned char bytes[24 + 7 + 24] = {0x81, 0x21, [7] = cases[_i].status, [11] = 7};
    bool is_denied = cases[_i].expected == OMC_HELLO_DENIED;

    memcpy(bytes + 24, "Words..", 7);
    memcpy(bytes + 24 + 7, noop, sizeof(noop));
    has_login = true;
    assert_answer(OMC_GREETING_BINARY, bytes, sizeof(bytes), is_denied ? 24 : sizeof(bytes),
                  cases[_i].expected);
    ck_assert_uint_eq(used, is_denied ? 0 : sizeof(bytes));
}
END_TEST

/* The answer to something else, or one that is too long to be an answer to credentials. */
START_TEST(other_binary_answers_to_credentials)
{
    static const unsigned char cases[][24] = {
        {0x81, 0x0a},
        {0x81, 0x20, [11] = 7},
        {0x81, 0x21, [10] = 1, [11] = 1}, /* 257 bytes */
        {0x81, 0x21, [8] = 0x80},
    };

    has_login = true;
    assert_answer(OMC_GREETING_BINARY, cases[_i], 24, 24, OMC_HELLO_OTHER);
    ck_assert_uint_eq(used, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hello");
    TCase *tcase = fixture_case(suite, "hello");

    tcase_add_test(tcase, hellos_are_24_bytes_at_least);
    tcase_add_test(tcase, each_greeting_is_for_a_protocol);
    tcase_add_loop_test(tcase, answers_in_words, 0, 23);
    tcase_add_loop_test(tcase, other_answers_in_words, 0, 36);
    tcase_add_test(tcase, long_lines_are_lines);
    tcase_add_test(tcase, first_bytes);
    tcase_add_loop_test(tcase, binary_answers, 0, 6);
    tcase_add_test(tcase, answers_in_another_protocol);
    tcase_add_test(tcase, credentials_go_in_front);
    tcase_add_test(tcase, the_longest_credentials_fit);
    tcase_add_test(tcase, credentials_are_checked);
    tcase_add_loop_test(tcase, answers_to_credentials, 0, 11);
    tcase_add_loop_test(tcase, binary_answers_to_credentials, 0, 3);
    tcase_add_loop_test(tcase, other_binary_answers_to_credentials, 0, 4);
    return fixture_run(suite);
}
