/*
 * Assertions that say what they saw.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_ASSERT_H
#define TESTS_ASSERT_H

#include "support/clock.h"

#include <check.h>
#include <omcache.h>
#include <stdbool.h>
#include <string.h>

/* A C string as the two arguments pointer and length. */
#define TEXT(string) (const unsigned char *)(string), strlen(string)

/* Bytes for messages, shortened and with escapes; a static string. */
const char *printable(const void *bytes, size_t len);

/* "name (number)"; a static string. */
const char *rc_name(int rc);

bool same_bytes(const void *a, size_t a_len, const void *b, size_t b_len);

#define assert_rc(call, expected)                                                      \
    do {                                                                               \
        int assert_got = (call);                                                       \
        int assert_expected = (expected);                                              \
        ck_assert_msg(assert_got == assert_expected, "%s gave %s, expected %s", #call, \
                      rc_name(assert_got), rc_name(assert_expected));                  \
    } while (0)

#define assert_rc_either(call, one, other)                                                       \
    do {                                                                                         \
        int assert_got = (call);                                                                 \
        ck_assert_msg(assert_got == (one) || assert_got == (other),                              \
                      "%s gave %s, expected %s or %s", #call, rc_name(assert_got), rc_name(one), \
                      rc_name(other));                                                           \
    } while (0)

#define assert_bytes(got, got_len, expected, expected_len)                          \
    ck_assert_msg(same_bytes(got, got_len, expected, expected_len),                 \
                  "got %zu bytes '%s', expected %zu bytes '%s'", (size_t)(got_len), \
                  printable(got, got_len), (size_t)(expected_len),                  \
                  printable(expected, expected_len))

#define assert_text(got, got_len, expected) assert_bytes(got, got_len, expected, strlen(expected))

/* That no more than `limit` ms have passed since clock_ms() was `start`. */
#define assert_within(start, limit)                                                             \
    do {                                                                                        \
        long long assert_took = (long long)(clock_ms() - (start));                              \
        ck_assert_msg(assert_took <= clock_allow(limit), "took %lld ms, expected at most %lld", \
                      assert_took, (long long)clock_allow(limit));                              \
    } while (0)

#endif
