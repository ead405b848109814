/*
 * get and gat of single values against real servers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"

/* What get and gat hand out, preset with what they must overwrite. */
struct got {
    const unsigned char *value;
    size_t len;
    uint32_t flags;
    uint64_t cas;
};

static const struct got stale = {(const unsigned char *)"stale", 5, 0xaaaa, 0xbbbb};

static int get(const char *key, struct got *got)
{
    *got = stale;
    return omcache_get(client, TEXT(key), &got->value, &got->len, &got->flags, &got->cas, patience);
}

static int gat(const char *key, time_t expiration, struct got *got)
{
    *got = stale;
    return omcache_gat(client, TEXT(key), &got->value, &got->len, expiration, &got->flags,
                       &got->cas, patience);
}

static void assert_got(const struct got *got, const char *value, uint32_t flags)
{
    assert_text(got->value, got->len, value);
    ck_assert_msg(got->flags == flags, "flags are %#x, expected %#x", got->flags, flags);
    ck_assert_msg(got->cas != 0 && got->cas != stale.cas, "the cas is %llu",
                  (unsigned long long)got->cas);
}

static void assert_nothing(const struct got *got)
{
    ck_assert_msg(!got->value && !got->len && !got->flags && !got->cas,
                  "value %p, length %zu, flags %#x, cas %llu: expected nothing",
                  (const void *)got->value, got->len, got->flags, (unsigned long long)got->cas);
}

KEY_TEST(get_gives_value_flags_and_cas)
{
    (void)server;
    struct got first;
    struct got again;
    assert_rc(omcache_set(client, TEXT(key), TEXT("value"), 0, 0xdeadbeef, 0, patience),
              OMCACHE_OK);
    assert_rc(get(key, &first), OMCACHE_OK);
    assert_got(&first, "value", 0xdeadbeef);
    assert_rc(get(key, &again), OMCACHE_OK);
    ck_assert_uint_eq(again.cas, first.cas);
}

KEY_TEST(a_miss_clears_everything)
{
    (void)server;
    struct got got;
    assert_rc(get(key, &got), OMCACHE_NOT_FOUND);
    assert_nothing(&got);
    assert_rc(gat(key, 100, &got), OMCACHE_NOT_FOUND);
    assert_nothing(&got);
}

KEY_TEST(an_empty_value_is_a_hit)
{
    (void)server;
    struct got got;
    assert_rc(omcache_set(client, TEXT(key), NULL, 0, 0, 3, 0, patience), OMCACHE_OK);
    assert_rc(get(key, &got), OMCACHE_OK);
    assert_got(&got, "", 3);
    assert_rc(gat(key, 0, &got), OMCACHE_OK);
    assert_got(&got, "", 3);
}

KEY_TEST(every_output_may_be_left_out)
{
    (void)server;
    size_t len = 99;
    assert_rc(omcache_get(client, TEXT(key), NULL, NULL, NULL, NULL, patience), OMCACHE_NOT_FOUND);
    store(key, "12345");
    assert_rc(omcache_get(client, TEXT(key), NULL, NULL, NULL, NULL, patience), OMCACHE_OK);
    assert_rc(omcache_gat(client, TEXT(key), NULL, NULL, 0, NULL, NULL, patience), OMCACHE_OK);
    assert_rc(omcache_get(client, TEXT(key), NULL, &len, NULL, NULL, patience), OMCACHE_OK);
    ck_assert_uint_eq(len, 5);
    assert_rc(omcache_gat(client, TEXT(key), NULL, &len, 0, NULL, NULL, patience), OMCACHE_OK);
    ck_assert_uint_eq(len, 5);
}

KEY_TEST(gat_gives_the_real_flags)
{
    (void)server;
    struct got got;
    assert_rc(omcache_set(client, TEXT(key), TEXT("value"), 0, 0x12345678, 0, patience),
              OMCACHE_OK);
    assert_rc(gat(key, 100, &got), OMCACHE_OK);
    assert_got(&got, "value", 0x12345678);
}

KEY_TEST(gat_changes_the_expiration)
{
    (void)server;
    struct got got;
    store(key, "value");
    assert_rc(gat(key, 100, &got), OMCACHE_OK);
    assert_stored(key, "value");
    assert_rc(gat(key, long_ago(), &got), OMCACHE_OK);
    assert_got(&got, "value", 0);
    assert_missing(key);
}

/* The pointer must last until the next call: nothing may be overwritten before. */
KEY_TEST(values_of_growing_size_are_intact)
{
    (void)server;
    static char value[200001];
    for (size_t size = 1; size < sizeof(value); size *= 7) {
        memset(value, (int)('a' + size % 26), size);
        value[size] = 0;
        store(key, value);
        assert_stored(key, value);
    }
}

/* What does no I/O on this client leaves the value alone. */
KEY_TEST(a_value_lasts_until_the_next_call)
{
    (void)server;
    struct got got;
    omcache_t *other = fixture_client(fleet.list);
    store(key, "value");
    assert_rc(get(key, &got), OMCACHE_OK);
    assert_rc(omcache_set(other, TEXT(key), TEXT("other"), 0, 0, 0, -1), OMCACHE_OK);
    assert_rc(omcache_set_buffering(client, 0), OMCACHE_OK);
    assert_rc(omcache_set_recv_buffer_max_size(client, 100000), OMCACHE_OK);
    ck_assert_int_ge(omcache_server_index_for_key(client, TEXT("x")), 0);
    omcache_server_info_free(client, omcache_server_info(client, 0));
    assert_got(&got, "value", 0);
    fixture_forget(other);
    omcache_free(other);
}

/* What was got is the name of something else, or is stored under another one. */
KEY_TEST(a_value_may_be_the_next_key_or_value)
{
    static unsigned char large[500000];
    (void)server;
    struct got got;
    struct got next;
    store("meant", "value");
    store(key, "meant");
    assert_rc(get(key, &got), OMCACHE_OK);
    assert_rc(omcache_get(client, got.value, got.len, &next.value, &next.len, &next.flags,
                          &next.cas, patience),
              OMCACHE_OK);
    assert_got(&next, "value", 0);
    for (size_t len = 100; len <= sizeof(large); len *= 5) {
        memset(large, 'L', len);
        assert_rc(omcache_set(client, TEXT(key), large, len, 0, 0, 0, patience), OMCACHE_OK);
        assert_rc(get(key, &got), OMCACHE_OK);
        assert_rc(omcache_set(client, TEXT("copy"), got.value, got.len, 0, 0, 0, patience),
                  OMCACHE_OK);
        assert_rc(get("copy", &got), OMCACHE_OK);
        assert_bytes(got.value, got.len, large, len);
    }
}

int main(void)
{
    Suite *suite = suite_create("get");
    TCase *tcase = fixture_case(suite, "get and gat");
    tcase_add_loop_test(tcase, get_gives_value_flags_and_cas, 0, VARIANTS);
    tcase_add_loop_test(tcase, a_miss_clears_everything, 0, VARIANTS);
    tcase_add_loop_test(tcase, an_empty_value_is_a_hit, 0, VARIANTS);
    tcase_add_loop_test(tcase, every_output_may_be_left_out, 0, VARIANTS);
    tcase_add_loop_test(tcase, gat_gives_the_real_flags, 0, VARIANTS);
    tcase_add_loop_test(tcase, gat_changes_the_expiration, 0, VARIANTS);
    tcase_add_loop_test(tcase, values_of_growing_size_are_intact, 0, VARIANTS);
    tcase_add_loop_test(tcase, a_value_lasts_until_the_next_call, 0, VARIANTS);
    tcase_add_loop_test(tcase, a_value_may_be_the_next_key_or_value, 0, VARIANTS);
    return fixture_run(suite);
}
