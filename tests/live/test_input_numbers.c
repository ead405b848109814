/*
 * Numbers at the ends of their ranges: expirations, which every protocol must take for the
 * same, lengths that nothing can have, flags, cas, and what is counted by.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/watcher.h"

#include <limits.h>
#include <stdio.h>

#define MONTH ((int64_t)30 * 24 * 3600)
#define KEY TEXT("key")
#define VALUE TEXT("value")

/* A client that speaks meta and asks how long values live. */
static omcache_t *witness;

static void begin(void)
{
    fixture_servers(1);
    witness = fixture_client(fleet.list);
    assert_rc(omcache_set_protocol(witness, OMCACHE_PROTOCOL_META), OMCACHE_OK);
}

static struct {
    size_t count;
    int status;
    int64_t ttl;
    uint32_t flags;
    uint64_t cas;
    uint64_t number;
} end;

static void on_end(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    (void)context;
    end.count++;
    end.status = omcache_reply_status(reply);
    end.ttl = omcache_reply_ttl(reply);
    end.flags = omcache_reply_flags(reply);
    end.cas = omcache_reply_cas(reply);
    end.number = omcache_reply_number(reply);
}

/* How an operation of this client that was started ends. */
static int await(omcache_t *mc, int rc)
{
    struct watcher loop;
    if (rc != OMCACHE_OK) {
        return rc;
    }
    end.count = 0;
    watcher_init(&loop, mc);
    watcher_run(&loop, &end.count, 1);
    assert_rc(omcache_set_watch_callback(mc, NULL, NULL), OMCACHE_OK);
    return end.status;
}

/*
 * Expirations.
 */

#define FOREVER (-1)
#define GONE (-2)

/* Seconds that the value lives, or one of these. */
static int64_t life_of(const char *key)
{
    omcache_meta_t *meta = omcache_meta_new();
    ck_assert_ptr_nonnull(meta);
    assert_rc(omcache_meta_set_want(meta, OMCACHE_META_WANT_TTL), OMCACHE_OK);
    int rc = await(witness, omcache_async_meta_get(witness, TEXT(key), meta, -1, on_end, NULL));
    omcache_meta_free(meta);
    assert_rc_either(rc, OMCACHE_OK, OMCACHE_NOT_FOUND);
    return rc == OMCACHE_OK ? end.ttl : GONE;
}

struct expiration {
    int64_t given;
    int64_t life; /* in binary */
};

/* What memcached does not tell from "forever" in lines: dates of 2^31 and more. */
static int64_t expected_life(const struct expiration *expiration)
{
    bool late = expiration->given > INT32_MAX;
    return late && fixture_protocol() != OMCACHE_PROTOCOL_BINARY ? FOREVER : expiration->life;
}

static void assert_life(const char *how, const char *key, const struct expiration *expiration)
{
    int64_t expected = expected_life(expiration);
    int64_t life = life_of(key);
    ck_assert_msg(life <= expected && life >= (expected > 0 ? expected - 5 : expected),
                  "%s with %lld: lives %lld s, expected %lld", how, (long long)expiration->given,
                  (long long)life, (long long)expected);
}

static void set_every_way(const struct expiration *expiration)
{
    time_t given = (time_t)expiration->given;
    const unsigned char *keys[1] = {(const unsigned char *)"key"};
    size_t lens[1] = {3};
    omcache_req_t req;
    omcache_value_t value;
    size_t req_count = 1;
    size_t room = 1;
    assert_rc(omcache_set(client, KEY, VALUE, given, 0, 0, -1), OMCACHE_OK);
    assert_life("set", "key", expiration);
    assert_rc(omcache_set(client, KEY, VALUE, 0, 0, 0, -1), OMCACHE_OK);
    assert_life("set", "key", &(struct expiration){0, FOREVER});
    assert_rc(omcache_replace(client, KEY, VALUE, given, 0, -1), OMCACHE_OK);
    assert_life("replace", "key", expiration);
    omcache_delete(client, KEY, -1);
    assert_rc(omcache_add(client, KEY, VALUE, given, 0, -1), OMCACHE_OK);
    assert_life("add", "key", expiration);
    assert_rc(omcache_set(client, KEY, VALUE, 0, 0, 0, -1), OMCACHE_OK);
    assert_rc(omcache_touch(client, KEY, given, -1), OMCACHE_OK);
    assert_life("touch", "key", expiration);
    assert_rc(omcache_set(client, KEY, VALUE, 0, 0, 0, -1), OMCACHE_OK);
    assert_rc(omcache_gat(client, KEY, NULL, NULL, given, NULL, NULL, -1), OMCACHE_OK);
    assert_life("gat", "key", expiration);
    assert_rc(omcache_set(client, KEY, VALUE, 0, 0, 0, -1), OMCACHE_OK);
    assert_rc(omcache_gat_multi(client, keys, lens, &given, 1, &req, &req_count, &value, &room, -1),
              OMCACHE_OK);
    ck_assert_uint_eq(room, 1);
    assert_life("gat_multi", "key", expiration);
    assert_rc(omcache_set(client, KEY, VALUE, given, 0, 0, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_life("set, not waited for", "key", expiration);
}

static void set_by_operations(const struct expiration *expiration)
{
    time_t given = (time_t)expiration->given;
    omcache_delete(client, KEY, -1);
    assert_rc(await(client, omcache_async_add(client, KEY, VALUE, given, 0, -1, on_end, NULL)),
              OMCACHE_OK);
    assert_life("async_add", "key", expiration);
    assert_rc(await(client, omcache_async_set(client, KEY, VALUE, given, 0, 0, -1, on_end, NULL)),
              OMCACHE_OK);
    assert_life("async_set", "key", expiration);
    assert_rc(omcache_set(client, KEY, VALUE, 0, 0, 0, -1), OMCACHE_OK);
    assert_rc(await(client, omcache_async_replace(client, KEY, VALUE, given, 0, -1, on_end, NULL)),
              OMCACHE_OK);
    assert_life("async_replace", "key", expiration);
    assert_rc(omcache_set(client, KEY, VALUE, 0, 0, 0, -1), OMCACHE_OK);
    assert_rc(await(client, omcache_async_touch(client, KEY, given, -1, on_end, NULL)), OMCACHE_OK);
    assert_life("async_touch", "key", expiration);
    assert_rc(omcache_set(client, KEY, VALUE, 0, 0, 0, -1), OMCACHE_OK);
    assert_rc(await(client, omcache_async_gat(client, KEY, given, -1, on_end, NULL)), OMCACHE_OK);
    assert_life("async_gat", "key", expiration);
}

/* A counter that is made; -1 makes none, and neither does OMCACHE_DELTA_NO_ADD. */
static void make_counters(const struct expiration *expiration)
{
    time_t given = (time_t)expiration->given;
    bool made = expiration->given != -1 && expiration->given != (int64_t)OMCACHE_DELTA_NO_ADD;
    int rc = made ? OMCACHE_OK : OMCACHE_NOT_FOUND;
    uint64_t number;
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = {"increment", "decrement", "async_increment",
                                            "async_decrement"};
        omcache_delete(client, KEY, -1);
        switch (i) {
        case 0:
            assert_rc(omcache_increment(client, KEY, 1, 5, given, &number, -1), rc);
            break;
        case 1:
            assert_rc(omcache_decrement(client, KEY, 1, 5, given, &number, -1), rc);
            break;
        case 2:
            assert_rc(
                await(client, omcache_async_increment(client, KEY, 1, 5, given, -1, on_end, NULL)),
                rc);
            number = end.number;
            break;
        default:
            assert_rc(
                await(client, omcache_async_decrement(client, KEY, 1, 5, given, -1, on_end, NULL)),
                rc);
            number = end.number;
        }
        ck_assert_uint_eq(number, made ? 5 : 0);
        if (made) {
            assert_life(names[i], "key", expiration);
        } else {
            ck_assert_int_eq(life_of("key"), GONE);
        }
    }
}

START_TEST(expirations_are_never_cut)
{
    int64_t now = time(NULL);
    const struct expiration expirations[] = {
        {0, FOREVER},
        {100, 100},
        {MONTH, MONTH},
        {MONTH + 1, GONE}, /* a date in 1970 */
        {now - 1000, GONE},
        {now + 1000, 1000},
        {now + MONTH + 100, MONTH + 100},
        {INT32_MAX, INT32_MAX - now},
        {(int64_t)INT32_MAX + 1, (int64_t)INT32_MAX + 1 - now},
        {(int64_t)UINT32_MAX - 1, (int64_t)UINT32_MAX - 1 - now},
        {UINT32_MAX, (int64_t)UINT32_MAX - now},
        {(int64_t)UINT32_MAX + 1, (int64_t)UINT32_MAX - 1 - now},
        {(int64_t)UINT32_MAX + 101, (int64_t)UINT32_MAX - 1 - now}, /* cut, it would be 100 */
        {INT64_MAX, (int64_t)UINT32_MAX - 1 - now},
        {-1, GONE},
        {-2, GONE},
        {-MONTH, GONE},
        {INT32_MIN, GONE},
        {(int64_t)INT32_MIN - 1, GONE},
        {-(int64_t)UINT32_MAX - 1 + 100, GONE}, /* cut, it would be 100 */
        {INT64_MIN, GONE},
    };
    begin();
    for (size_t i = 0; i < sizeof(expirations) / sizeof(expirations[0]); i++) {
        if ((time_t)expirations[i].given != expirations[i].given) {
            continue; /* not in a time_t of 32 bits */
        }
        set_every_way(&expirations[i]);
        set_by_operations(&expirations[i]);
        make_counters(&expirations[i]);
    }
}
END_TEST

START_TEST(flushing_knows_times)
{
    static const int64_t past[] = {0, -1, INT32_MIN, INT64_MIN};
    const int64_t future[] = {1000, MONTH, time(NULL) + 1000, INT32_MAX, INT64_MAX};
    begin();
    for (size_t i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
        store("key", "value");
        assert_rc(omcache_flush_all(client, (time_t)past[i], 0, -1), OMCACHE_OK);
        assert_missing("key");
        store("key", "value");
        assert_rc(
            await(client, omcache_async_flush_all(client, (time_t)past[i], 0, -1, on_end, NULL)),
            OMCACHE_OK);
        assert_missing("key");
    }
    store("key", "value");
    for (size_t i = 0; i < sizeof(future) / sizeof(future[0]); i++) {
        assert_rc(omcache_flush_all(client, (time_t)future[i], 0, -1), OMCACHE_OK);
        assert_stored("key", "value");
    }
}
END_TEST

START_TEST(options_refuse_other_times)
{
    static const int64_t bad[] = {-2, INT32_MIN, INT64_MIN, (int64_t)INT32_MAX + 1, INT64_MAX};
    omcache_meta_t *meta = omcache_meta_new();
    ck_assert_ptr_nonnull(meta);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if ((time_t)bad[i] == bad[i]) {
            assert_rc(omcache_meta_set_ttl(meta, (time_t)bad[i]), OMCACHE_INVALID);
            assert_rc(omcache_meta_set_vivify(meta, (time_t)bad[i]), OMCACHE_INVALID);
        }
        assert_rc(omcache_meta_set_recache(meta, bad[i]), OMCACHE_INVALID);
    }
    omcache_meta_free(meta);
}
END_TEST

/*
 * Flags, cas, deltas.
 */

START_TEST(flags_have_32_bits)
{
    static const uint32_t all[] = {0,     1,         255,        256,        65535,
                                   65536, INT32_MAX, 0x80000000, 0xdeadbeef, UINT32_MAX};
    begin();
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        uint32_t flags = 77;
        assert_rc(omcache_set(client, KEY, VALUE, 0, all[i], 0, -1), OMCACHE_OK);
        assert_rc(omcache_get(client, KEY, NULL, NULL, &flags, NULL, -1), OMCACHE_OK);
        ck_assert_uint_eq(flags, all[i]);
        assert_rc(omcache_replace(client, KEY, VALUE, 0, all[i], -1), OMCACHE_OK);
        assert_rc(omcache_gat(client, KEY, NULL, NULL, 0, &flags, NULL, -1), OMCACHE_OK);
        ck_assert_uint_eq(flags, all[i]);
        assert_rc(
            await(client, omcache_async_set(client, KEY, VALUE, 0, all[i], 0, -1, on_end, NULL)),
            OMCACHE_OK);
        assert_rc(await(client, omcache_async_get(client, KEY, -1, on_end, NULL)), OMCACHE_OK);
        ck_assert_uint_eq(end.flags, all[i]);
    }
}
END_TEST

START_TEST(a_cas_has_64_bits)
{
    static const uint64_t wrong[] = {INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
    uint64_t cas = 0;
    begin();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        omcache_delete(client, KEY, -1);
        assert_rc(omcache_set(client, KEY, VALUE, 0, 0, wrong[i], -1), OMCACHE_NOT_FOUND);
        assert_rc(omcache_set(client, KEY, VALUE, 0, 0, 0, -1), OMCACHE_OK);
        assert_rc(omcache_set(client, KEY, TEXT("other"), 0, 0, wrong[i], -1), OMCACHE_KEY_EXISTS);
        assert_rc(await(client, omcache_async_set(client, KEY, TEXT("other"), 0, 0, wrong[i], -1,
                                                  on_end, NULL)),
                  OMCACHE_KEY_EXISTS);
        assert_stored("key", "value");
    }
    assert_rc(omcache_get(client, KEY, NULL, NULL, NULL, &cas, -1), OMCACHE_OK);
    assert_rc(omcache_set(client, KEY, TEXT("other"), 0, 0, cas + ((uint64_t)1 << 32), -1),
              OMCACHE_KEY_EXISTS);
    assert_rc(omcache_set(client, KEY, TEXT("other"), 0, 0, cas, -1), OMCACHE_OK);
    assert_stored("key", "other");
}
END_TEST

static uint64_t count_by(bool up, uint64_t delta, uint64_t initial)
{
    uint64_t number = 77;
    assert_rc(
        (up ? omcache_increment : omcache_decrement)(client, KEY, delta, initial, 0, &number, -1),
        OMCACHE_OK);
    return number;
}

START_TEST(counters_have_64_bits)
{
    static const uint64_t all[] = {0,
                                   1,
                                   INT32_MAX,
                                   UINT32_MAX,
                                   (uint64_t)UINT32_MAX + 1,
                                   INT64_MAX,
                                   (uint64_t)INT64_MAX + 1,
                                   UINT64_MAX - 1,
                                   UINT64_MAX};
    begin();
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
            omcache_delete(client, KEY, -1);
            ck_assert_uint_eq(count_by(_i, all[k], all[i]), all[i]);
            uint64_t down = all[i] > all[k] ? all[i] - all[k] : 0;
            ck_assert_uint_eq(count_by(_i, all[k], 0), _i ? all[i] + all[k] : down);
        }
    }
}
END_TEST

/*
 * Lengths that nothing can have; what is behind the pointers must not be looked at.
 */

static void assert_key_refused(size_t len)
{
    const unsigned char *key = (const unsigned char *)"key";
    const unsigned char *keys[2] = {key, key};
    const void *const others[2] = {"key", "key"};
    size_t lens[2] = {3, len};
    time_t expirations[2] = {0, 0};
    omcache_req_t reqs[2];
    size_t count = 2;
    assert_rc(omcache_set(client, key, len, VALUE, 0, 0, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_append(client, key, len, VALUE, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_get(client, key, len, NULL, NULL, NULL, NULL, -1), OMCACHE_INVALID);
    assert_rc(omcache_gat(client, key, len, NULL, NULL, 0, NULL, NULL, 0), OMCACHE_INVALID);
    assert_rc(omcache_increment(client, key, len, 1, 1, 0, NULL, -1), OMCACHE_INVALID);
    assert_rc(omcache_delete(client, key, len, -1), OMCACHE_INVALID);
    assert_rc(omcache_touch(client, key, len, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_get_multi(client, keys, lens, 2, reqs, &count, NULL, NULL, -1),
              OMCACHE_INVALID);
    assert_rc(omcache_gat_multi(client, keys, lens, expirations, 2, reqs, &count, NULL, NULL, -1),
              OMCACHE_INVALID);
    ck_assert_int_eq(omcache_server_index_for_key(client, key, len), -1);
    assert_rc(omcache_async_get(client, key, len, -1, on_end, NULL), OMCACHE_INVALID);
    assert_rc(omcache_async_set(client, key, len, VALUE, 0, 0, 0, -1, on_end, NULL),
              OMCACHE_INVALID);
    assert_rc(omcache_async_get_multi(client, others, lens, 2, -1, on_end, NULL), OMCACHE_INVALID);
    assert_rc(omcache_async_meta_get(client, key, len, NULL, -1, on_end, NULL), OMCACHE_INVALID);
}

/* Those that fit into a request are over the send limit. */
static void assert_value_refused(size_t len, int expected)
{
    const unsigned char *value = (const unsigned char *)"v";
    for (int32_t timeout = -1; timeout <= 0; timeout++) {
        assert_rc(omcache_set(client, KEY, value, len, 0, 0, 0, timeout), expected);
        assert_rc(omcache_add(client, KEY, value, len, 0, 0, timeout), expected);
        assert_rc(omcache_replace(client, KEY, value, len, 0, 0, timeout), expected);
        assert_rc(omcache_append(client, KEY, value, len, 0, timeout), expected);
        assert_rc(omcache_prepend(client, KEY, value, len, 0, timeout), expected);
    }
    assert_rc(omcache_async_set(client, KEY, value, len, 0, 0, 0, -1, on_end, NULL), expected);
    assert_rc(omcache_async_append(client, KEY, value, len, 0, -1, on_end, NULL), expected);
    int rc = omcache_async_meta_set(client, KEY, value, len, 0, NULL, -1, on_end, NULL);
    assert_rc_either(rc, expected, OMCACHE_INVALID); /* over other protocols than meta */
}

START_TEST(impossible_lengths_are_refused)
{
    static const size_t keys[] = {0,
                                  251,
                                  255,
                                  256,
                                  257,
                                  65535,
                                  65536,
                                  65536 + 3,
                                  INT32_MAX,
                                  UINT_MAX,
                                  SIZE_MAX / 2,
                                  SIZE_MAX - 250,
                                  SIZE_MAX - 2,
                                  SIZE_MAX};
    static const size_t values[] = {UINT_MAX,       UINT_MAX - 100, SIZE_MAX / 2,
                                    SIZE_MAX - 300, SIZE_MAX - 24,  SIZE_MAX};
    fixture_size(_i);
    store("key", "value");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_key_refused(keys[i]);
        if (keys[i] > 250) {
            assert_rc(omcache_set_key_prefix(client, "key", keys[i], 0), OMCACHE_INVALID);
        }
    }
    if (sizeof(size_t) > 4) {
        assert_key_refused((size_t)1 << 31 << 1);
        assert_key_refused(((size_t)1 << 31 << 1) + 3);
        assert_value_refused((size_t)1 << 31 << 1, OMCACHE_INVALID);
        assert_value_refused(((size_t)1 << 31 << 1) + 5, OMCACHE_INVALID);
    }
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_value_refused(values[i], OMCACHE_INVALID);
    }
    assert_value_refused((size_t)INT32_MAX - 2, OMCACHE_BUFFER_FULL);
    assert_value_refused((size_t)10 * 1024 * 1024, OMCACHE_BUFFER_FULL);
    assert_stored("key", "value");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("input_numbers");
    TCase *tcase = fixture_case(suite, "extremes");

    tcase_add_test(tcase, expirations_are_never_cut);
    tcase_add_test(tcase, flushing_knows_times);
    tcase_add_test(tcase, options_refuse_other_times);
    tcase_add_test(tcase, flags_have_32_bits);
    tcase_add_test(tcase, a_cas_has_64_bits);
    tcase_add_loop_test(tcase, counters_have_64_bits, 0, 2);
    tcase_add_loop_test(tcase, impossible_lengths_are_refused, 0, SIZES);
    return fixture_run(suite);
}
