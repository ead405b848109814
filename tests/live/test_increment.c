/*
 * increment and decrement against real servers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"

#define HUGE_NUMBER 0xffffffffffffff00u

typedef int count_func(omcache_t *mc, const unsigned char *key, size_t key_len, uint64_t delta,
                       uint64_t initial, time_t expiration, uint64_t *value, int32_t timeout_msec);

static count_func *const both[] = {omcache_increment, omcache_decrement};

static void assert_counts(count_func *count, const char *key, uint64_t delta, uint64_t initial,
                          uint64_t expected)
{
    uint64_t value = ~expected;
    assert_rc(count(client, TEXT(key), delta, initial, 0, &value, patience), OMCACHE_OK);
    ck_assert_msg(value == expected, "counted to %llu, expected %llu", (unsigned long long)value,
                  (unsigned long long)expected);
}

/* That counting with NO_ADD is refused and leaves 0. */
static void assert_refuses(count_func *count, const char *key, int expected)
{
    uint64_t value = 77;
    int rc = count(client, TEXT(key), 1, 5, OMCACHE_DELTA_NO_ADD, &value, patience);
    assert_rc(rc, expected);
    ck_assert_msg(value == 0, "the value is %llu, expected 0", (unsigned long long)value);
}

KEY_TEST(increment_creates_and_adds)
{
    (void)server;
    assert_counts(omcache_increment, key, 10, 5, 5);
    assert_stored(key, "5");
    assert_counts(omcache_increment, key, 10, 5, 15);
    assert_stored(key, "15");
    assert_counts(omcache_increment, key, 0, 5, 15);
}

KEY_TEST(increment_knows_64_bits)
{
    (void)server;
    assert_counts(omcache_increment, key, 1, HUGE_NUMBER, HUGE_NUMBER);
    assert_counts(omcache_increment, key, 0x80, 0, HUGE_NUMBER + 0x80);
    assert_counts(omcache_increment, key, 0x81, 0, 1);
    assert_counts(omcache_increment, key, HUGE_NUMBER, 0, HUGE_NUMBER + 1);
}

KEY_TEST(decrement_creates_and_subtracts)
{
    (void)server;
    assert_counts(omcache_decrement, key, 10, 50, 50);
    assert_stored(key, "50");
    assert_counts(omcache_decrement, key, 15, 50, 35);
    assert_stored(key, "35");
    assert_counts(omcache_decrement, key, 36, 50, 0);
    assert_counts(omcache_decrement, key, 1, 50, 0);
}

KEY_TEST(decrement_knows_64_bits)
{
    (void)server;
    assert_counts(omcache_decrement, key, 1, HUGE_NUMBER, HUGE_NUMBER);
    assert_counts(omcache_decrement, key, 0x100000000u, 0, HUGE_NUMBER - 0x100000000u);
}

KEY_TEST(no_add_creates_nothing)
{
    (void)server;
    for (size_t i = 0; i < 2; i++) {
        assert_refuses(both[i], key, OMCACHE_NOT_FOUND);
        assert_missing(key);
    }
}

KEY_TEST(no_add_counts_what_is_there)
{
    (void)server;
    uint64_t value = 0;
    store(key, "41");
    int rc = omcache_increment(client, TEXT(key), 1, 0, OMCACHE_DELTA_NO_ADD, &value, patience);
    assert_rc(rc, OMCACHE_OK);
    ck_assert_uint_eq(value, 42);
}

KEY_TEST(text_is_not_counted)
{
    (void)server;
    store(key, "forty-two");
    for (size_t i = 0; i < 2; i++) {
        assert_refuses(both[i], key, OMCACHE_DELTA_BAD_VALUE);
        assert_stored(key, "forty-two");
    }
}

KEY_TEST(nobody_needs_the_number)
{
    (void)server;
    assert_rc(omcache_increment(client, TEXT(key), 1, 8, 0, NULL, patience), OMCACHE_OK);
    assert_rc(omcache_increment(client, TEXT(key), 1, 8, 0, NULL, patience), OMCACHE_OK);
    assert_stored(key, "9");
    assert_rc(omcache_decrement(client, TEXT(key), 2, 8, 0, NULL, patience), OMCACHE_OK);
    assert_stored(key, "7");
}

KEY_TEST(new_counters_expire)
{
    (void)server;
    for (size_t i = 0; i < 2; i++) {
        assert_rc(both[i](client, TEXT(key), 1, 8, long_ago(), NULL, patience), OMCACHE_OK);
        assert_missing(key);
    }
}

int main(void)
{
    Suite *suite = suite_create("increment");
    TCase *tcase = fixture_case(suite, "counters");
    tcase_add_loop_test(tcase, increment_creates_and_adds, 0, VARIANTS);
    tcase_add_loop_test(tcase, increment_knows_64_bits, 0, VARIANTS);
    tcase_add_loop_test(tcase, decrement_creates_and_subtracts, 0, VARIANTS);
    tcase_add_loop_test(tcase, decrement_knows_64_bits, 0, VARIANTS);
    tcase_add_loop_test(tcase, no_add_creates_nothing, 0, VARIANTS);
    tcase_add_loop_test(tcase, no_add_counts_what_is_there, 0, VARIANTS);
    tcase_add_loop_test(tcase, text_is_not_counted, 0, VARIANTS);
    tcase_add_loop_test(tcase, nobody_needs_the_number, 0, VARIANTS);
    tcase_add_loop_test(tcase, new_counters_expire, 0, VARIANTS);
    return fixture_run(suite);
}
