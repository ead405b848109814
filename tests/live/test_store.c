/*
 * The commands that store and remove single values, against real servers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"

#include <limits.h>
#include <stdlib.h>

static uint64_t cas_of(const char *key)
{
    uint64_t cas = 0;
    assert_rc(omcache_get(client, TEXT(key), NULL, NULL, NULL, &cas, patience), OMCACHE_OK);
    ck_assert_msg(cas != 0, "%s has no cas", key);
    return cas;
}

static void assert_flags(const char *key, uint32_t expected)
{
    uint32_t flags = ~expected;
    assert_rc(omcache_get(client, TEXT(key), NULL, NULL, &flags, NULL, patience), OMCACHE_OK);
    ck_assert_msg(flags == expected, "%s has flags %#x, expected %#x", key, flags, expected);
}

KEY_TEST(noop_answers)
{
    (void)key;
    assert_rc(omcache_noop(client, server, patience), OMCACHE_OK);
}

START_TEST(noop_refuses_an_unknown_server)
{
    fixture_variant(_i);
    assert_rc(omcache_noop(client, (int)fleet.count, patience), OMCACHE_NO_SERVERS);
    assert_rc(omcache_noop(client, INT_MAX, patience), OMCACHE_NO_SERVERS);
}
END_TEST

/*
 * set
 */

KEY_TEST(set_stores_value_and_flags)
{
    (void)server;
    assert_rc(omcache_set(client, TEXT(key), TEXT("one"), 0, 0xfedcba98, 0, patience), OMCACHE_OK);
    assert_stored(key, "one");
    assert_flags(key, 0xfedcba98);
    assert_rc(omcache_set(client, TEXT(key), TEXT("another"), 0, 0, 0, patience), OMCACHE_OK);
    assert_stored(key, "another");
    assert_flags(key, 0);
}

KEY_TEST(set_stores_an_empty_value)
{
    (void)server;
    store(key, "something");
    assert_rc(omcache_set(client, TEXT(key), NULL, 0, 0, 5, 0, patience), OMCACHE_OK);
    assert_stored(key, "");
    assert_flags(key, 5);
}

KEY_TEST(set_with_cas_replaces_only_that_value)
{
    (void)server;
    store(key, "first");
    uint64_t cas = cas_of(key);
    assert_rc(omcache_set(client, TEXT(key), TEXT("second"), 0, 0, cas, patience), OMCACHE_OK);
    assert_stored(key, "second");
    ck_assert_msg(cas_of(key) != cas, "the cas is %llu as before", (unsigned long long)cas);

    int rc = omcache_set(client, TEXT(key), TEXT("third"), 0, 0, cas, patience);
    assert_rc(rc, OMCACHE_KEY_EXISTS);
    assert_stored(key, "second");
}

KEY_TEST(set_with_cas_needs_the_key)
{
    (void)server;
    int rc = omcache_set(client, TEXT(key), TEXT("value"), 0, 0, 12345, patience);
    assert_rc(rc, OMCACHE_NOT_FOUND);
    assert_missing(key);
}

KEY_TEST(set_takes_all_bits_of_a_cas)
{
    (void)server;
    store(key, "value");
    uint64_t high = cas_of(key) | (uint64_t)1 << 63;
    int rc = omcache_set(client, TEXT(key), TEXT("new"), 0, 0, high, patience);
    assert_rc(rc, OMCACHE_KEY_EXISTS);
}

KEY_TEST(set_passes_the_expiration_on)
{
    (void)server;
    assert_rc(omcache_set(client, TEXT(key), TEXT("v"), 100, 0, 0, patience), OMCACHE_OK);
    assert_stored(key, "v");
    assert_rc(omcache_set(client, TEXT(key), TEXT("w"), time(NULL) + 100, 0, 0, patience),
              OMCACHE_OK);
    assert_stored(key, "w");
    assert_rc(omcache_set(client, TEXT(key), TEXT("x"), long_ago(), 0, 0, patience), OMCACHE_OK);
    assert_missing(key);
}

KEY_TEST(set_reports_a_value_that_the_server_refuses)
{
    const size_t size = (size_t)2 * 1024 * 1024;
    unsigned char *value = calloc(1, size);
    ck_assert_ptr_nonnull(value);
    int rc = omcache_set(client, TEXT(key), value, size, 0, 0, 0, patience);
    free(value);
    assert_rc(rc, OMCACHE_TOO_LARGE_VALUE);
    assert_rc(omcache_noop(client, server, patience), OMCACHE_OK);
    store(key, "smaller");
    assert_stored(key, "smaller");
}

/*
 * add, replace
 */

KEY_TEST(add_stores_only_what_is_not_there)
{
    (void)server;
    assert_rc(omcache_add(client, TEXT(key), TEXT("one"), 0, 7, patience), OMCACHE_OK);
    assert_stored(key, "one");
    assert_flags(key, 7);
    assert_rc(omcache_add(client, TEXT(key), TEXT("two"), 0, 8, patience), OMCACHE_KEY_EXISTS);
    assert_stored(key, "one");
    assert_flags(key, 7);
}

KEY_TEST(add_passes_the_expiration_on)
{
    (void)server;
    assert_rc(omcache_add(client, TEXT(key), TEXT("v"), long_ago(), 0, patience), OMCACHE_OK);
    assert_missing(key);
    assert_rc(omcache_add(client, TEXT(key), TEXT("v"), 100, 0, patience), OMCACHE_OK);
    assert_stored(key, "v");
}

KEY_TEST(replace_stores_only_what_is_there)
{
    (void)server;
    assert_rc(omcache_replace(client, TEXT(key), TEXT("one"), 0, 0, patience), OMCACHE_NOT_FOUND);
    assert_missing(key);
    store(key, "one");
    assert_rc(omcache_replace(client, TEXT(key), TEXT("two"), 0, 9, patience), OMCACHE_OK);
    assert_stored(key, "two");
    assert_flags(key, 9);
}

KEY_TEST(replace_passes_the_expiration_on)
{
    (void)server;
    store(key, "one");
    assert_rc(omcache_replace(client, TEXT(key), TEXT("two"), long_ago(), 0, patience), OMCACHE_OK);
    assert_missing(key);
}

/*
 * append, prepend
 */

typedef int extend_func(omcache_t *mc, const unsigned char *key, size_t key_len,
                        const unsigned char *value, size_t value_len, uint64_t cas,
                        int32_t timeout_msec);

static void assert_extends(extend_func *extend, const char *key, const char *expected)
{
    assert_rc(extend(client, TEXT(key), TEXT("added"), 0, patience), OMCACHE_NOT_STORED);
    assert_missing(key);
    assert_rc(omcache_set(client, TEXT(key), TEXT("old"), 0, 31, 0, patience), OMCACHE_OK);
    assert_rc(extend(client, TEXT(key), TEXT("added"), 0, patience), OMCACHE_OK);
    assert_stored(key, expected);
    assert_flags(key, 31);
    assert_rc(extend(client, TEXT(key), NULL, 0, 0, patience), OMCACHE_OK);
    assert_stored(key, expected);
}

static void assert_extends_with_cas(extend_func *extend, const char *key, const char *expected)
{
    store(key, "old");
    uint64_t cas = cas_of(key);
    assert_rc(extend(client, TEXT(key), TEXT("added"), cas + 1, patience), OMCACHE_KEY_EXISTS);
    assert_stored(key, "old");
    assert_rc(extend(client, TEXT(key), TEXT("added"), cas, patience), OMCACHE_OK);
    assert_stored(key, expected);
    assert_rc(extend(client, TEXT(key), TEXT("more"), cas, patience), OMCACHE_KEY_EXISTS);
    assert_stored(key, expected);
}

KEY_TEST(append_adds_behind)
{
    (void)server;
    assert_extends(omcache_append, key, "oldadded");
}

KEY_TEST(append_looks_at_the_cas)
{
    NOT_OVER_TEXT;
    (void)server;
    assert_extends_with_cas(omcache_append, key, "oldadded");
}

KEY_TEST(prepend_adds_in_front)
{
    (void)server;
    assert_extends(omcache_prepend, key, "addedold");
}

KEY_TEST(prepend_looks_at_the_cas)
{
    NOT_OVER_TEXT;
    (void)server;
    assert_extends_with_cas(omcache_prepend, key, "addedold");
}

/*
 * delete, touch, flush_all, settings of the server
 */

KEY_TEST(delete_removes_a_value)
{
    (void)server;
    assert_rc(omcache_delete(client, TEXT(key), patience), OMCACHE_NOT_FOUND);
    store(key, "value");
    assert_rc(omcache_delete(client, TEXT(key), patience), OMCACHE_OK);
    assert_missing(key);
    assert_rc(omcache_delete(client, TEXT(key), patience), OMCACHE_NOT_FOUND);
}

KEY_TEST(touch_changes_the_expiration)
{
    (void)server;
    assert_rc(omcache_touch(client, TEXT(key), 100, patience), OMCACHE_NOT_FOUND);
    store(key, "value");
    assert_rc(omcache_touch(client, TEXT(key), 100, patience), OMCACHE_OK);
    assert_stored(key, "value");
    assert_rc(omcache_touch(client, TEXT(key), long_ago(), patience), OMCACHE_OK);
    assert_missing(key);
}

START_TEST(touch_and_gat_keep_a_value_alive)
{
    fixture_servers(3);
    const char *keys[3] = {key_for(0), key_for(1), key_for(2)};
    for (size_t i = 0; i < 3; i++) {
        assert_rc(omcache_set(client, TEXT(keys[i]), TEXT("v"), 1, 0, 0, -1), OMCACHE_OK);
    }
    assert_rc(omcache_touch(client, TEXT(keys[0]), 0, -1), OMCACHE_OK);
    assert_rc(omcache_gat(client, TEXT(keys[1]), NULL, NULL, 0, NULL, NULL, -1), OMCACHE_OK);
    clock_sleep(2100); /* memcached counts whole seconds */
    assert_stored(keys[0], "v");
    assert_stored(keys[1], "v");
    assert_missing(keys[2]);
}
END_TEST

START_TEST(flush_all_empties_one_server)
{
    fixture_variant(_i);
    for (size_t flushed = 0; flushed < fleet.count; flushed++) {
        const char *keys[FLEET_MAX] = {NULL};
        for (size_t i = 0; i < fleet.count; i++) {
            store(keys[i] = key_for(i), "value");
        }
        assert_rc(omcache_flush_all(client, 0, (int)flushed, patience), OMCACHE_OK);
        for (size_t i = 0; i < fleet.count; i++) {
            if (i == flushed) {
                assert_missing(keys[i]);
            } else {
                assert_stored(keys[i], "value");
            }
        }
    }
}
END_TEST

KEY_TEST(flush_all_may_wait)
{
    store(key, "value");
    assert_rc(omcache_flush_all(client, 100, server, patience), OMCACHE_OK);
    assert_stored(key, "value");
}

START_TEST(flush_all_ends_with_the_last_server)
{
    fixture_variant(_i);
    assert_rc(omcache_flush_all(client, 0, (int)fleet.count - 1, patience), OMCACHE_OK);
    assert_rc(omcache_flush_all(client, 0, (int)fleet.count, patience), OMCACHE_NO_SERVERS);
}
END_TEST

static void add_storing(TCase *tcase)
{
    tcase_add_loop_test(tcase, noop_answers, 0, VARIANTS);
    tcase_add_loop_test(tcase, noop_refuses_an_unknown_server, 0, VARIANTS);
    tcase_add_loop_test(tcase, set_stores_value_and_flags, 0, VARIANTS);
    tcase_add_loop_test(tcase, set_stores_an_empty_value, 0, VARIANTS);
    tcase_add_loop_test(tcase, set_with_cas_replaces_only_that_value, 0, VARIANTS);
    tcase_add_loop_test(tcase, set_with_cas_needs_the_key, 0, VARIANTS);
    tcase_add_loop_test(tcase, set_takes_all_bits_of_a_cas, 0, VARIANTS);
    tcase_add_loop_test(tcase, set_passes_the_expiration_on, 0, VARIANTS);
    tcase_add_loop_test(tcase, set_reports_a_value_that_the_server_refuses, 0, VARIANTS);
    tcase_add_loop_test(tcase, add_stores_only_what_is_not_there, 0, VARIANTS);
    tcase_add_loop_test(tcase, add_passes_the_expiration_on, 0, VARIANTS);
    tcase_add_loop_test(tcase, replace_stores_only_what_is_there, 0, VARIANTS);
    tcase_add_loop_test(tcase, replace_passes_the_expiration_on, 0, VARIANTS);
    tcase_add_loop_test(tcase, append_adds_behind, 0, VARIANTS);
    tcase_add_loop_test(tcase, append_looks_at_the_cas, 0, VARIANTS);
    tcase_add_loop_test(tcase, prepend_adds_in_front, 0, VARIANTS);
    tcase_add_loop_test(tcase, prepend_looks_at_the_cas, 0, VARIANTS);
}

/* The setting of a server with that name, as its statistics have it. */
static void assert_setting(int server, const char *name, const char *expected)
{
    static omcache_value_t values[200];
    size_t count = 200;
    assert_rc(omcache_stat(client, "settings", values, &count, server, patience), OMCACHE_OK);
    for (size_t i = 0; i < count; i++) {
        if (same_bytes(values[i].key, values[i].key_len, name, strlen(name))) {
            assert_text(values[i].data, values[i].data_len, expected);
            return;
        }
    }
    ck_abort_msg("%s is not among the settings", name);
}

KEY_TEST(verbosity_is_a_setting_of_a_server)
{
    (void)key;
    if (fixture_protocol() == OMCACHE_PROTOCOL_BINARY) {
        assert_rc(omcache_verbosity(client, 1, server, patience), OMCACHE_INVALID);
        return;
    }
    assert_rc(omcache_verbosity(client, 1, server, patience), OMCACHE_OK);
    assert_setting(server, "verbosity", "1");
    assert_rc(omcache_verbosity(client, 0, server, patience), OMCACHE_OK);
    assert_setting(server, "verbosity", "0");
    assert_rc(omcache_verbosity(client, 0, (int)fleet.count, patience), OMCACHE_NO_SERVERS);
    assert_rc(omcache_verbosity(client, 0, -1, patience), OMCACHE_NO_SERVERS);
}

/* memcached takes no less than 8 MB. */
KEY_TEST(memory_can_be_limited)
{
    if (fixture_protocol() == OMCACHE_PROTOCOL_BINARY) {
        assert_rc(omcache_cache_memlimit(client, 100, server, patience), OMCACHE_INVALID);
        return;
    }
    assert_rc(omcache_cache_memlimit(client, 100, server, patience), OMCACHE_OK);
    assert_setting(server, "maxbytes", "104857600");
    assert_rc(omcache_cache_memlimit(client, 1, server, patience), OMCACHE_FAIL);
    assert_setting(server, "maxbytes", "104857600");
    assert_rc(omcache_cache_memlimit(client, 64, (int)fleet.count, patience), OMCACHE_NO_SERVERS);
    store(key, "value"); /* the connection is as good as before */
    assert_stored(key, "value");
}

static void add_removing(TCase *tcase)
{
    tcase_add_loop_test(tcase, delete_removes_a_value, 0, VARIANTS);
    tcase_add_loop_test(tcase, touch_changes_the_expiration, 0, VARIANTS);
    tcase_add_test(tcase, touch_and_gat_keep_a_value_alive);
    tcase_add_loop_test(tcase, flush_all_empties_one_server, 0, VARIANTS);
    tcase_add_loop_test(tcase, verbosity_is_a_setting_of_a_server, 0, VARIANTS);
    tcase_add_loop_test(tcase, memory_can_be_limited, 0, VARIANTS);
    tcase_add_loop_test(tcase, flush_all_may_wait, 0, VARIANTS);
    tcase_add_loop_test(tcase, flush_all_ends_with_the_last_server, 0, VARIANTS);
}

int main(void)
{
    Suite *suite = suite_create("store");
    add_storing(fixture_case(suite, "storing"));
    add_removing(fixture_case(suite, "removing"));
    return fixture_run(suite);
}
