/*
 * The asynchronous operations at their edges: arguments that make no sense, values as
 * large as they may be, and failures that nobody has asked to be told of.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/recorder.h"
#include "support/told.h"
#include "support/watcher.h"

static struct watcher loop;
static struct told told[16];

static void begin(void)
{
    memset(told, 0, sizeof(told));
    told_clear();
}

static void get(const char *key, size_t slot)
{
    assert_rc(omcache_async_get(client, TEXT(key), -1, told_reply, &told[slot]), OMCACHE_OK);
}

static void open_servers(size_t count)
{
    fixture_servers(count);
    watcher_init(&loop, client);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    for (size_t i = 0; i < count; i++) {
        assert_rc(omcache_noop(client, (int)i, -1), OMCACHE_OK);
    }
}

#define TOLD told_reply, &told[0]

START_TEST(invalid_arguments_are_refused)
{
    static char long_key[300];
    memset(long_key, 'k', sizeof(long_key) - 1);
    open_servers(1);
    for (int i = 0; i < 4; i++) {
        omcache_t *mc = i == 0 ? NULL : client;
        const void *k = i == 1 ? NULL : i == 2 ? "" : long_key;
        size_t n = i == 1 ? 3 : i == 2 ? 0 : 251;
        assert_rc(omcache_async_get(mc, k, n, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_gat(mc, k, n, 0, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_set(mc, k, n, "v", 1, 0, 0, 0, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_add(mc, k, n, "v", 1, 0, 0, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_replace(mc, k, n, "v", 1, 0, 0, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_append(mc, k, n, "v", 1, 0, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_prepend(mc, k, n, "v", 1, 0, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_increment(mc, k, n, 1, 1, 0, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_decrement(mc, k, n, 1, 1, 0, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_delete(mc, k, n, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_touch(mc, k, n, 0, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_get_multi(mc, &k, &n, 1, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_get(mc, k, n, -1, NULL, NULL), OMCACHE_INVALID);
    }
    const void *k = "k";
    size_t n = 1;
    assert_rc(omcache_async_set(client, k, 1, NULL, 5, 0, 0, 0, -1, TOLD), OMCACHE_INVALID);
    assert_rc(omcache_async_get_multi(client, NULL, &n, 1, -1, TOLD), OMCACHE_INVALID);
    assert_rc(omcache_async_get_multi(client, &k, NULL, 1, -1, TOLD), OMCACHE_INVALID);
    assert_rc(omcache_async_get_multi(client, &k, &n, 1, -1, NULL, NULL), OMCACHE_INVALID);
    for (int i = -2; i < 2; i++) {
        omcache_t *mc = i == 0 ? NULL : client;
        assert_rc(omcache_async_noop(mc, i, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_version(mc, i, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_flush_all(mc, 0, i, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_stat(mc, NULL, i, -1, TOLD), OMCACHE_INVALID);
    }
    assert_rc(omcache_async_stat(client, long_key, 0, -1, TOLD), OMCACHE_INVALID);
    assert_rc(omcache_set_watch_callback(NULL, NULL, NULL), OMCACHE_INVALID);
    assert_rc(omcache_set_timeout_callback(NULL, NULL, NULL), OMCACHE_INVALID);
    assert_rc(omcache_set_drain_callback(NULL, NULL, NULL), OMCACHE_INVALID);
    assert_rc(omcache_process_timeouts(NULL), OMCACHE_INVALID);
    watcher_turn(&loop, 0);
    ck_assert_uint_eq(told_count, 0);
    assert_rc(omcache_async_set(client, k, 1, NULL, 0, 0, 0, 0, -1, TOLD), OMCACHE_OK);
    watcher_run(&loop, &told_count, 1);
    assert_rc(told[0].status, OMCACHE_OK);
}
END_TEST

static unsigned char million[1000000];

static void compare_million(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t len;
    const unsigned char *value = omcache_reply_value(reply, &len);
    ck_assert_uint_eq(len, sizeof(million));
    ck_assert(memcmp(value, million, len) == 0);
    told_reply(mc, reply, context);
}

START_TEST(large_values_go_both_ways)
{
    open_servers(1);
    for (size_t i = 0; i < sizeof(million); i++) {
        million[i] = (unsigned char)(i * 7 + i / 1000);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_rc(omcache_async_set(client, "k", 1, million, sizeof(million), 0, 0, 0, -1,
                                    told_reply, &told[i]),
                  OMCACHE_OK);
    }
    for (size_t i = 5; i < 10; i++) {
        assert_rc(omcache_async_get(client, "k", 1, -1, compare_million, &told[i]), OMCACHE_OK);
    }
    watcher_run(&loop, &told_count, 10);
    ck_assert_uint_eq(told_once(told, 10, OMCACHE_OK), 10);
}
END_TEST

START_TEST(failures_that_nobody_asked_about_are_counted_and_logged)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    open_servers(1);
    store("k", "v");
    assert_rc(omcache_async_increment(client, "k", 1, 1, 0, 0, -1, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_async_get(client, "k", 1, -1, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_async_delete(client, "none", 4, -1, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_async_touch(client, "none", 4, 0, -1, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_async_stat(client, NULL, 0, -1, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_async_noop(client, 0, -1, NULL, NULL), OMCACHE_OK);
    drain(client);
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.lost, 1);
    ck_assert(recorder_has_line(6, "1 requests failed or were refused"));
    memcached_pause(&fleet.servers[0]);
    for (int i = 0; i < 3; i++) {
        assert_rc(omcache_async_set(client, "k", 1, "x", 1, 0, 0, 0, 0, NULL, NULL), OMCACHE_OK);
    }
    watcher_turn(&loop, 0);
    memcached_kill(&fleet.servers[0]);
    get("key", 0);
    watcher_run(&loop, &told_count, 1);
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.lost, 4);
    ck_assert(recorder_has_line(4, "requests failed"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("async edges");
    TCase *arguments = fixture_case(suite, "arguments");
    tcase_add_checked_fixture(arguments, begin, NULL);
    tcase_add_test(arguments, invalid_arguments_are_refused);
    tcase_add_test(arguments, large_values_go_both_ways);
    tcase_add_test(arguments, failures_that_nobody_asked_about_are_counted_and_logged);
    return fixture_run(suite);
}
