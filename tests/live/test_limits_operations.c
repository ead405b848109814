/*
 * Operations that are more than their server takes at once, and those of several
 * keys, of which some may be.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"

#include <stdio.h>
#include <stdlib.h>

static struct puppet puppet;

static void get(const char *key, size_t slot)
{
    assert_rc(omcache_async_get(client, TEXT(key), -1, told_reply, &told[slot]), OMCACHE_OK);
}

/*
 * No room.
 */

static size_t drains;
static size_t room_seen;

static void on_drain(omcache_t *mc, int server_index, void *context)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    (void)context;
    drains++;
    assert_rc(omcache_server_stats(mc, server_index, &stats), OMCACHE_OK);
    room_seen = stats.buffered;
}

static void open_drain(size_t limit)
{
    drains = 0;
    assert_rc(omcache_set_drain_callback(client, on_drain, NULL), OMCACHE_OK);
    assert_rc(omcache_set_send_buffer_max_size(client, limit), OMCACHE_OK);
}

static int set(size_t slot, size_t size)
{
    static unsigned char value[1 << 20];
    return omcache_async_set(client, "k", 1, value, size, 0, 0, 0, -1, told_reply, &told[slot]);
}

START_TEST(a_full_server_refuses_and_says_when_it_has_drained)
{
    size_t accepted = 0;
    connected_puppets(&puppet, 1);
    open_drain(400000);
    /* The kernel takes some, then no more. */
    for (int turn = 0; turn < 200; turn++) {
        while (set(accepted, 50000) == OMCACHE_OK) {
            accepted++;
        }
        assert_rc(set(accepted, 50000), OMCACHE_BUFFER_FULL);
        size_t before = drains;
        watcher_turn(&loop, 0);
        if (drains == before) {
            break;
        }
    }
    size_t before = drains;
    assert_rc(set(accepted, 50000), OMCACHE_BUFFER_FULL);
    watcher_turn(&loop, 0);
    ck_assert_uint_eq(drains, before);
    struct wire_request request;
    while (drains == before) {
        puppet_next(&puppet, &request, 0);
        watcher_turn(&loop, 1);
    }
    ck_assert_uint_le(room_seen, 200000);
    ck_assert_uint_eq(drains, before + 1);
    for (int i = 0; i < 5; i++) {
        puppet_next(&puppet, &request, 0);
        watcher_turn(&loop, 1);
    }
    ck_assert_uint_eq(drains, before + 1);
    /* It was refused, so it is full again; and its server dies. */
    while (set(accepted, 50000) == OMCACHE_OK) {
        accepted++;
    }
    before = drains;
    puppet_close(&puppet);
    watcher_run(&loop, &told_count, accepted);
    ck_assert_uint_eq(drains, before + 1);
    told_once(told, accepted, 0);
    ck_assert_uint_eq(told[accepted].calls, 0);
}
END_TEST

START_TEST(what_can_never_fit_waits_for_no_drain)
{
    connected_servers(1);
    open_drain(1000);
    assert_rc(set(0, 2000), OMCACHE_BUFFER_FULL);
    get("key", 1);
    watcher_run(&loop, &told_count, 1);
    ck_assert_uint_eq(drains, 0);
    ck_assert_uint_eq(told[0].calls, 0);
}
END_TEST

START_TEST(a_larger_limit_is_room_too)
{
    connected_servers(1);
    open_drain(100);
    get("key", 0);
    assert_rc(set(1, 90), OMCACHE_BUFFER_FULL);
    ck_assert_uint_eq(drains, 0);
    assert_rc(omcache_set_send_buffer_max_size(client, 100000), OMCACHE_OK);
    watcher_turn(&loop, 0);
    ck_assert_uint_eq(drains, 1);
    watcher_run(&loop, &told_count, 1);
    ck_assert_uint_eq(drains, 1);
}
END_TEST

/*
 * Several keys.
 */

static const void *keys[10000];
static size_t key_lens[10000];
static char names[10000][256];

static void name_keys(size_t count, int width)
{
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "%0*zu", width, i);
        keys[i] = names[i];
        key_lens[i] = strlen(names[i]);
    }
}

static int get_multi(size_t count)
{
    return omcache_async_get_multi(client, keys, key_lens, count, -1, told_reply, &told[0]);
}

START_TEST(some_keys_may_be_refused)
{
    ONLY_BINARY; /* it counts bytes */
    connected_servers(2);
    assert_rc(omcache_set_send_buffer_max_size(client, 300), OMCACHE_OK);
    name_keys(100, 4);
    assert_rc(get_multi(100), OMCACHE_OK);
    ck_assert_uint_eq(told_count, 0);
    watcher_run(&loop, &told[0].ends, 1);
    ck_assert_uint_eq(told[0].calls, 101);
    assert_rc(told[0].status, OMCACHE_BUFFER_FULL);
    ck_assert_uint_eq(told_with(OMCACHE_NOT_FOUND), 20);
    ck_assert_uint_eq(told_with(OMCACHE_BUFFER_FULL), 81);
    /* None of them. */
    assert_rc(omcache_set_send_buffer_max_size(client, 20), OMCACHE_OK);
    assert_rc(get_multi(100), OMCACHE_BUFFER_FULL);
    watcher_turn(&loop, 0);
    ck_assert_uint_eq(told[0].calls, 101);
}
END_TEST

static size_t seen[10000];

static void see(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t len;
    const unsigned char *key = omcache_reply_key(reply, &len);
    told_reply(mc, reply, context);
    if (key != NULL) {
        char number[251];
        snprintf(number, sizeof(number), "%.*s", (int)len, (const char *)key);
        size_t at = (size_t)atoll(number);
        ck_assert_uint_lt(at, 10000);
        assert_bytes(key, len, keys[at], key_lens[at]);
        seen[at]++;
    }
}

START_TEST(ten_thousand_keys_complete_once_each)
{
    int width = _i == 0 ? 6 : 250;
    connected_servers(3);
    memset(seen, 0, sizeof(seen));
    if (_i == 2) {
        width = 240;
        assert_rc(omcache_set_key_prefix(client, "prefix:::", 9, 0), OMCACHE_OK);
    }
    name_keys(10000, width);
    store(names[77], "value");
    assert_rc(omcache_async_get_multi(client, keys, key_lens, 10000, -1, see, &told[0]),
              OMCACHE_OK);
    watcher_run(&loop, &told[0].ends, 1);
    ck_assert_uint_eq(told[0].calls, 10001);
    assert_rc(told[0].status, OMCACHE_OK);
    ck_assert_uint_eq(told_with(OMCACHE_NOT_FOUND), 9999);
    for (size_t i = 0; i < 10000; i++) {
        ck_assert_uint_eq(seen[i], 1);
    }
}
END_TEST

START_TEST(a_key_may_be_asked_for_twice)
{
    connected_servers(1);
    store("5", "five");
    for (size_t i = 0; i < 10; i++) {
        keys[i] = "5";
        key_lens[i] = 1;
    }
    assert_rc(get_multi(10), OMCACHE_OK);
    watcher_run(&loop, &told[0].ends, 1);
    ck_assert_uint_eq(told[0].calls, 11);
    ck_assert_uint_eq(told_with(OMCACHE_OK), 11);
}
END_TEST

START_TEST(keys_come_back_without_the_prefix)
{
    connected_servers(1);
    assert_rc(omcache_set_key_prefix(client, "p:", 2, 1), OMCACHE_OK);
    store("key", "value");
    get("key", 0);
    get("none", 1);
    assert_rc(omcache_set_key_prefix(client, "longer:", 7, 1), OMCACHE_OK);
    get("key", 2);
    watcher_run(&loop, &told_count, 3);
    assert_rc(told[0].status, OMCACHE_OK);
    ck_assert_str_eq(told[0].key, "key");
    ck_assert_str_eq(told[1].key, "none");
    assert_rc(told[2].status, OMCACHE_NOT_FOUND);
    ck_assert_str_eq(told[2].key, "key");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits_operations");
    TCase *room = operations_case(suite, "room");
    tcase_add_test(room, a_full_server_refuses_and_says_when_it_has_drained);
    tcase_add_test(room, what_can_never_fit_waits_for_no_drain);
    tcase_add_test(room, a_larger_limit_is_room_too);
    TCase *several = operations_case(suite, "several");
    tcase_add_test(several, some_keys_may_be_refused);
    tcase_add_loop_test(several, ten_thousand_keys_complete_once_each, 0, 3);
    tcase_add_test(several, a_key_may_be_asked_for_twice);
    tcase_add_test(several, keys_come_back_without_the_prefix);
    return fixture_run(suite);
}
