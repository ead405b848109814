/*
 * The first words on a connection and what comes back, in every number of pieces.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/hello.h"
#include "support/fixture.h"

enum {
    OPAQUE = 0x01020304,
};

#define MN "MN\r\n"
#define ERROR "ERROR\r\n"
#define VERSION "VERSION 1.6.18\r\n"
#define UNAUTHENTICATED "CLIENT_ERROR unauthenticated\r\n"
#define REFUSED_BACKEND "SERVER_ERROR Connection refused\r\n"
#define X3(words) words words words
#define X6(words) X3(words) X3(words)
#define X16(text) text text text text text text text text text text text text text text text text
#define X256(text) X16(X16(text))

static size_t used;
static const char *problem;

/* What these bytes are, in memory of just that size. */
static enum omc_hello try(int protocol, const void *bytes, size_t len)
{
    unsigned char *copy = malloc(len > 0 ? len : 1);
    enum omc_hello result;

    if (len > 0)
        memcpy(copy, bytes, len);
    used = 0;
    problem = NULL;
    result = omc_hello_read(copy, len, protocol, OPAQUE, &used, &problem);
    free(copy);
    return result;
}

/* That the bytes are an answer from the byte on that `decided` counts, and not before. */
static void assert_answer(int protocol, const void *bytes, size_t len, size_t decided,
                          enum omc_hello expected)
{
    for (size_t piece = 0; piece <= len; piece++) {
        enum omc_hello wanted = piece < decided ? OMC_HELLO_MORE : expected;
        enum omc_hello result = try(protocol, bytes, piece);

        ck_assert_msg(result == wanted, "%zu bytes of '%s' gave %d, expected %d", piece,
                      printable(bytes, len), (int)result, (int)wanted);
    }
    ck_assert_msg((problem != NULL) == (expected == OMC_HELLO_REFUSED) ||
                      (protocol == OMCACHE_PROTOCOL_BINARY && expected == OMC_HELLO_GOOD),
                  "problem: %s", problem ? problem : "none");
}

START_TEST(hellos_are_24_bytes_at_least)
{
    static const char *const words[] = {NULL, NULL, X6("mn\r\n"), X3("version\r\n")};
    static const unsigned char binary[24] = {0x80, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4};
    unsigned char out[OMC_HELLO_MAX];

    assert_bytes(out, omc_hello_write(out, OMCACHE_PROTOCOL_BINARY, OPAQUE), binary,
                 sizeof(binary));
    for (int protocol = OMCACHE_PROTOCOL_META; protocol <= OMCACHE_PROTOCOL_TEXT; protocol++) {
        size_t len = omc_hello_write(out, protocol, OPAQUE);

        assert_text(out, len, words[protocol]);
        ck_assert_uint_ge(len, 24);
    }
}
END_TEST

START_TEST(answers_in_words)
{
    static const struct {
        int protocol;
        enum omc_hello expected;
        const char *bytes;
    } cases[] = {
        {OMCACHE_PROTOCOL_META, OMC_HELLO_GOOD, X6(MN)},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_GOOD, X6("MN\n")},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_GOOD, X6("MN O1 x\r\n")},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_TEXT, X6(ERROR)},
        {OMCACHE_PROTOCOL_TEXT, OMC_HELLO_GOOD, X3(VERSION)},
        {OMCACHE_PROTOCOL_TEXT, OMC_HELLO_GOOD, X3("VERSION \r\n")},
        {OMCACHE_PROTOCOL_TEXT, OMC_HELLO_GOOD, X3(REFUSED_BACKEND)},
        {OMCACHE_PROTOCOL_TEXT, OMC_HELLO_GOOD, VERSION REFUSED_BACKEND VERSION},
        {OMCACHE_PROTOCOL_TEXT, OMC_HELLO_GOOD, REFUSED_BACKEND VERSION VERSION},
    };
    const char *bytes = cases[_i].bytes;
    size_t len = strlen(bytes);
    char *more = malloc(len + 8);

    assert_answer(cases[_i].protocol, bytes, len, len, cases[_i].expected);
    ck_assert_uint_eq(used, len);
    memcpy(more, bytes, len);
    memcpy(more + len, "HD O1\r\n", 8); /* what comes behind is not its business */
    ck_assert_int_eq((int)try(cases[_i].protocol, more, len + 7), (int)cases[_i].expected);
    ck_assert_uint_eq(used, len);
    free(more);
}
END_TEST

/* They are told at their first line, or at the byte that is wrong. */
START_TEST(other_answers_in_words)
{
    static const struct {
        int protocol;
        enum omc_hello expected;
        size_t decided; /* with so many bytes; 0: with all */
        const char *bytes;
    } cases[] = {
        {OMCACHE_PROTOCOL_META, OMC_HELLO_REFUSED, sizeof(UNAUTHENTICATED) - 1,
         X6(UNAUTHENTICATED)},
        {OMCACHE_PROTOCOL_TEXT, OMC_HELLO_REFUSED, sizeof(UNAUTHENTICATED) - 1,
         X3(UNAUTHENTICATED)},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_REFUSED, sizeof(REFUSED_BACKEND) - 1,
         X6(REFUSED_BACKEND)},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_REFUSED, 0, MN UNAUTHENTICATED},
        {OMCACHE_PROTOCOL_TEXT, OMC_HELLO_OTHER, sizeof(ERROR) - 1, X3(ERROR)},
        {OMCACHE_PROTOCOL_TEXT, OMC_HELLO_OTHER, sizeof(MN) - 1, X3(MN)},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_OTHER, sizeof(VERSION) - 1, X6(VERSION)},
        {OMCACHE_PROTOCOL_TEXT, OMC_HELLO_OTHER, 0, "VERSION\r\n"},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_OTHER, 0, "MNO\r\n"},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_OTHER, 0, "M\r\n"},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_OTHER, 0, "ERRORS\r\n"},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_REFUSED, 0, "ERROR Too many open connections\r\n"},
        {OMCACHE_PROTOCOL_TEXT, OMC_HELLO_REFUSED, 0, "ERROR Too many open connections\r\n"},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_OTHER, 0, "CLIENT_ERROR bad command line format\r\n"},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_OTHER, 0, "SERVER_ERROR\r\n"},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_OTHER, 1, "\r\n"},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_OTHER, 0, "\n"},
        {OMCACHE_PROTOCOL_TEXT, OMC_HELLO_OTHER, 0, VERSION "\n"},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_OTHER, 0, MN MN MN MN MN ERROR},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_OTHER, 0, ERROR MN},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_OTHER, 0, MN "x"},
        {OMCACHE_PROTOCOL_TEXT, OMC_HELLO_OTHER, 0, VERSION "\x81"},
        {OMCACHE_PROTOCOL_META, OMC_HELLO_OTHER, 257, X256("M") "M\r\n"},
        {OMCACHE_PROTOCOL_TEXT, OMC_HELLO_OTHER, 257, "VERSION " X256("1")},
        {OMCACHE_PROTOCOL_TEXT, OMC_HELLO_OTHER, 0, VERSION "VERSION " X256("1")},
    };
    size_t len = strlen(cases[_i].bytes);
    size_t decided = cases[_i].decided > 0 ? cases[_i].decided : len;

    /* The last one is told before its end. */
    if (len > 257 && cases[_i].decided == 0)
        decided = sizeof(VERSION) - 1 + 257;
    assert_answer(cases[_i].protocol, cases[_i].bytes, len, decided, cases[_i].expected);
}
END_TEST

/* A line of the greatest length is one. */
START_TEST(long_lines_are_lines)
{
    static const char line[] = "VERSION " X16(X16("1"));
    char bytes[3 * 256];

    for (int i = 0; i < 3; i++) {
        memcpy(bytes + (ptrdiff_t)256 * i, line, 255);
        bytes[256 * i + 254] = '\r';
        bytes[256 * i + 255] = '\n';
    }
    assert_answer(OMCACHE_PROTOCOL_TEXT, bytes, sizeof(bytes), sizeof(bytes), OMC_HELLO_GOOD);
}
END_TEST

/* One byte is enough to know that it is none. */
START_TEST(first_bytes)
{
    for (int byte = 0; byte < 256; byte++) {
        unsigned char first = (unsigned char)byte;
        enum omc_hello words = (byte >= 'A' && byte <= 'Z') ? OMC_HELLO_MORE : OMC_HELLO_OTHER;

        ck_assert_int_eq((int)try(OMCACHE_PROTOCOL_META, &first, 1), (int)words);
        ck_assert_int_eq((int)try(OMCACHE_PROTOCOL_TEXT, &first, 1), (int)words);
        ck_assert_int_eq((int)try(OMCACHE_PROTOCOL_BINARY, &first, 1),
                         (int)(byte == 0x81 ? OMC_HELLO_MORE : OMC_HELLO_OTHER));
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
        {OMC_HELLO_REFUSED, {0x81, 0x0a, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 1, 2, 3, 4}},
        {OMC_HELLO_OTHER, {0x81, 0x0b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}},
        {OMC_HELLO_OTHER, {0x81, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 5}},
        {OMC_HELLO_OTHER, {0x81, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 0}},
    };

    assert_answer(OMCACHE_PROTOCOL_BINARY, cases[_i].bytes, 25, 24, cases[_i].expected);
    ck_assert_uint_eq(used, cases[_i].expected == OMC_HELLO_OTHER ? 0 : 24);
}
END_TEST

/* The answers of servers that were asked in another protocol. */
START_TEST(answers_in_another_protocol)
{
    static const unsigned char binary[24] = {0x81, 0x0a};

    ck_assert_int_eq((int)try(OMCACHE_PROTOCOL_BINARY, TEXT(ERROR)), OMC_HELLO_OTHER);
    ck_assert_int_eq((int)try(OMCACHE_PROTOCOL_META, binary, 24), OMC_HELLO_OTHER);
    ck_assert_int_eq((int)try(OMCACHE_PROTOCOL_TEXT, binary, 24), OMC_HELLO_OTHER);
    for (int protocol = OMCACHE_PROTOCOL_BINARY; protocol <= OMCACHE_PROTOCOL_TEXT; protocol++)
        ck_assert_int_eq((int)omc_hello_read(NULL, 0, protocol, OPAQUE, &used, &problem),
                         OMC_HELLO_MORE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hello");
    TCase *tcase = fixture_case(suite, "hello");

    tcase_add_test(tcase, hellos_are_24_bytes_at_least);
    tcase_add_loop_test(tcase, answers_in_words, 0, 9);
    tcase_add_loop_test(tcase, other_answers_in_words, 0, 25);
    tcase_add_test(tcase, long_lines_are_lines);
    tcase_add_test(tcase, first_bytes);
    tcase_add_loop_test(tcase, binary_answers, 0, 5);
    tcase_add_test(tcase, answers_in_another_protocol);
    return fixture_run(suite);
}
