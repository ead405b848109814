/*
 * The asynchronous operations, each with every kind of outcome that a real server gives it;
 * and at their edges: arguments that make no sense, values as large as they may be, and
 * failures that nobody has asked to be told of.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"
#include "support/recorder.h"

#include <stdio.h>
#include <stdlib.h>

/* What the last completion was, copied. */
static struct {
    size_t count;
    int status;
    int server_index;
    bool has_key;
    bool has_value;
    char key[256];
    size_t key_len;
    unsigned char *value;
    size_t value_len;
    uint32_t flags;
    uint64_t cas;
    uint64_t number;
} last;

static void on_reply(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    const unsigned char *key = omcache_reply_key(reply, &last.key_len);
    const unsigned char *value = omcache_reply_value(reply, &last.value_len);
    ck_assert_ptr_eq(mc, client);
    ck_assert_ptr_eq(context, &last);
    last.count++;
    last.status = omcache_reply_status(reply);
    last.server_index = omcache_reply_server_index(reply);
    last.has_key = key != NULL;
    last.has_value = value != NULL;
    if (key != NULL) {
        memcpy(last.key, key, last.key_len);
    }
    free(last.value);
    last.value = malloc(last.value_len + 1);
    if (value != NULL) {
        memcpy(last.value, value, last.value_len);
    }
    last.flags = omcache_reply_flags(reply);
    last.cas = omcache_reply_cas(reply);
    last.number = omcache_reply_number(reply);
}

#define DONE -1, on_reply, &last

/* Runs what was accepted to its end, which must be this. */
static void assert_ends(int accepted, int status)
{
    size_t before = last.count;
    assert_rc(accepted, OMCACHE_OK);
    ck_assert_uint_eq(last.count, before);
    watcher_run(&loop, &last.count, before + 1);
    ck_assert_uint_eq(last.count, before + 1);
    assert_rc(last.status, status);
}

static void assert_value(const char *value, uint32_t flags)
{
    ck_assert(last.has_value);
    assert_text(last.value, last.value_len, value);
    ck_assert_uint_eq(last.flags, flags);
    ck_assert_uint_ne(last.cas, 0);
}

static void open_client(void)
{
    fixture_servers(3);
    watcher_init(&loop, client);
}

static void close_client(void)
{
    free(last.value);
    last.value = NULL;
}

START_TEST(values_are_stored_and_got)
{
    NOT_OVER_TEXT;
    assert_ends(omcache_async_get(client, "k", 1, DONE), OMCACHE_NOT_FOUND);
    assert_text(last.key, last.key_len, "k");
    ck_assert(!last.has_value);
    assert_ends(omcache_async_set(client, "k", 1, "v", 1, 0, 77, 0, DONE), OMCACHE_OK);
    ck_assert_uint_ne(last.cas, 0);
    ck_assert(!last.has_value);
    assert_ends(omcache_async_get(client, "k", 1, DONE), OMCACHE_OK);
    assert_text(last.key, last.key_len, "k");
    assert_value("v", 77);
    assert_ends(omcache_async_set(client, "k", 1, "w", 1, 0, 7, last.cas, DONE), OMCACHE_OK);
    assert_ends(omcache_async_set(client, "k", 1, "x", 1, 0, 7, last.cas + 5, DONE),
                OMCACHE_KEY_EXISTS);
    assert_ends(omcache_async_set(client, "k", 1, "", 0, 0, 0, 0, DONE), OMCACHE_OK);
    assert_ends(omcache_async_gat(client, "k", 1, 0, DONE), OMCACHE_OK);
    assert_value("", 0);
    assert_ends(omcache_async_gat(client, "k", 1, long_ago(), DONE), OMCACHE_OK);
    assert_ends(omcache_async_gat(client, "k", 1, 0, DONE), OMCACHE_NOT_FOUND);
}
END_TEST

START_TEST(conditions_are_kept)
{
    NOT_OVER_TEXT;
    assert_ends(omcache_async_replace(client, "k", 1, "v", 1, 0, 1, DONE), OMCACHE_NOT_FOUND);
    assert_ends(omcache_async_append(client, "k", 1, "v", 1, 0, DONE), OMCACHE_NOT_STORED);
    assert_ends(omcache_async_add(client, "k", 1, "b", 1, 0, 1, DONE), OMCACHE_OK);
    assert_ends(omcache_async_add(client, "k", 1, "b", 1, 0, 1, DONE), OMCACHE_KEY_EXISTS);
    assert_ends(omcache_async_append(client, "k", 1, "c", 1, 0, DONE), OMCACHE_OK);
    assert_ends(omcache_async_prepend(client, "k", 1, "a", 1, 0, DONE), OMCACHE_OK);
    assert_ends(omcache_async_get(client, "k", 1, DONE), OMCACHE_OK);
    assert_value("abc", 1);
    assert_ends(omcache_async_append(client, "k", 1, "x", 1, last.cas + 9, DONE),
                OMCACHE_KEY_EXISTS);
    assert_ends(omcache_async_replace(client, "k", 1, "new", 3, 0, 2, DONE), OMCACHE_OK);
    assert_ends(omcache_async_touch(client, "k", 1, 0, DONE), OMCACHE_OK);
    assert_ends(omcache_async_touch(client, "k", 1, long_ago(), DONE), OMCACHE_OK);
    assert_ends(omcache_async_touch(client, "k", 1, 0, DONE), OMCACHE_NOT_FOUND);
    assert_ends(omcache_async_delete(client, "k", 1, DONE), OMCACHE_NOT_FOUND);
    assert_ends(omcache_async_set(client, "k", 1, "v", 1, 0, 0, 0, DONE), OMCACHE_OK);
    assert_ends(omcache_async_delete(client, "k", 1, DONE), OMCACHE_OK);
}
END_TEST

START_TEST(counters_count)
{
    time_t no_add = (time_t)OMCACHE_DELTA_NO_ADD;
    assert_ends(omcache_async_increment(client, "n", 1, 1, 5, no_add, DONE), OMCACHE_NOT_FOUND);
    assert_ends(omcache_async_increment(client, "n", 1, 1, 5, 0, DONE), OMCACHE_OK);
    ck_assert_uint_eq(last.number, 5);
    assert_ends(omcache_async_increment(client, "n", 1, 10, 5, 0, DONE), OMCACHE_OK);
    ck_assert_uint_eq(last.number, 15);
    assert_ends(omcache_async_decrement(client, "n", 1, 4, 0, 0, DONE), OMCACHE_OK);
    ck_assert_uint_eq(last.number, 11);
    assert_ends(omcache_async_decrement(client, "n", 1, 40, 0, 0, DONE), OMCACHE_OK);
    ck_assert_uint_eq(last.number, 0);
    assert_ends(omcache_async_set(client, "n", 1, "x", 1, 0, 0, 0, DONE), OMCACHE_OK);
    assert_ends(omcache_async_increment(client, "n", 1, 1, 5, 0, DONE), OMCACHE_DELTA_BAD_VALUE);
    ck_assert_uint_eq(last.number, 0);
}
END_TEST

START_TEST(servers_are_asked_by_their_index)
{
    for (int i = 0; i < 3; i++) {
        assert_ends(omcache_async_noop(client, i, DONE), OMCACHE_OK);
        ck_assert_int_eq(last.server_index, i);
        ck_assert(!last.has_key);
        assert_ends(omcache_async_version(client, i, DONE), OMCACHE_OK);
        ck_assert(last.value_len > 2 && last.value[0] == '1' && last.value[1] == '.');
        store(key_for((size_t)i), "value");
        assert_ends(omcache_async_flush_all(client, 0, i, DONE), OMCACHE_OK);
        assert_missing(key_for((size_t)i));
        if (fixture_protocol() != OMCACHE_PROTOCOL_BINARY) {
            assert_ends(omcache_async_verbosity(client, 0, i, DONE), OMCACHE_OK);
            assert_ends(omcache_async_cache_memlimit(client, 1, i, DONE), OMCACHE_FAIL);
            assert_text(last.value, 18, "MEMLIMIT_TOO_SMALL");
        } else {
            assert_rc(omcache_async_verbosity(client, 0, i, DONE), OMCACHE_INVALID);
            assert_rc(omcache_async_cache_memlimit(client, 64, i, DONE), OMCACHE_INVALID);
        }
    }
    assert_rc(omcache_async_noop(client, 3, DONE), OMCACHE_INVALID);
    assert_rc(omcache_async_noop(client, -1, DONE), OMCACHE_INVALID);
}
END_TEST

struct many {
    size_t count;
    size_t hits;
    size_t misses;
    size_t others;
    size_t ends;
    int end_status;
    char seen[100];
};

static void on_one_of_many(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct many *many = context;
    size_t key_len;
    const unsigned char *key = omcache_reply_key(reply, &key_len);
    (void)mc;
    many->count++;
    if (key == NULL) {
        many->ends++;
        many->end_status = omcache_reply_status(reply);
        return;
    }
    ck_assert_uint_eq(many->ends, 0);
    ck_assert_uint_gt(key_len, 2);
    char number[12];
    snprintf(number, sizeof(number), "%.*s", (int)key_len - 2, (const char *)key + 2);
    many->seen[atoi(number) % 100]++;
    many->hits += omcache_reply_status(reply) == OMCACHE_OK;
    many->misses += omcache_reply_status(reply) == OMCACHE_NOT_FOUND;
    many->others += omcache_reply_status(reply) != OMCACHE_OK &&
                    omcache_reply_status(reply) != OMCACHE_NOT_FOUND;
}

static const void *keys[100];
static size_t key_lens[100];
static char key_texts[100][8];

static void make_keys(void)
{
    for (int i = 0; i < 100; i++) {
        snprintf(key_texts[i], sizeof(key_texts[i]), "k-%02d", i);
        keys[i] = key_texts[i];
        key_lens[i] = 4;
    }
}

START_TEST(many_keys_complete_one_by_one_and_then_together)
{
    struct many many = {.count = 0};
    make_keys();
    for (int i = 0; i < 100; i += 2) {
        store(key_texts[i], key_texts[i]);
    }
    assert_rc(omcache_async_get_multi(client, keys, key_lens, 100, -1, on_one_of_many, &many),
              OMCACHE_OK);
    ck_assert_uint_eq(many.count, 0);
    watcher_run(&loop, &many.ends, 1);
    ck_assert_uint_eq(many.hits, 50);
    ck_assert_uint_eq(many.misses, 50);
    ck_assert_uint_eq(many.others, 0);
    ck_assert_uint_eq(many.count, 101);
    assert_rc(many.end_status, OMCACHE_OK);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(many.seen[i], 1);
    }
}
END_TEST

/* Keys that are not there get no answer of their own: it must not be waited for. */
START_TEST(missing_keys_complete_whatever_follows)
{
    struct many many = {.count = 0};
    const void *missing[] = {"missing"};
    size_t missing_len = 7;
    assert_rc(omcache_async_get_multi(client, missing, &missing_len, 1, -1, on_one_of_many, &many),
              OMCACHE_OK);
    assert_ends(omcache_async_set(client, "missing", 7, "v", 1, 0, 0, 0, DONE), OMCACHE_OK);
    watcher_run(&loop, &many.ends, 1);
    ck_assert_uint_eq(many.misses, 1);
}
END_TEST

START_TEST(no_keys_complete_together)
{
    struct many many = {.count = 0};
    assert_rc(omcache_async_get_multi(client, NULL, NULL, 0, -1, on_one_of_many, &many),
              OMCACHE_OK);
    ck_assert_uint_eq(many.count, 0);
    watcher_run(&loop, &many.count, 1);
    ck_assert_uint_eq(many.ends, 1);
}
END_TEST

static void on_row(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct many *many = context;
    size_t len;
    const unsigned char *key = omcache_reply_key(reply, &len);
    (void)mc;
    many->count++;
    if (key == NULL) {
        many->ends++;
        many->end_status = omcache_reply_status(reply);
    } else if (same_bytes(key, len, "pid", 3)) {
        const unsigned char *value = omcache_reply_value(reply, &len);
        many->hits += value != NULL && len > 0;
    }
}

START_TEST(statistics_come_row_by_row)
{
    struct many many = {.count = 0};
    assert_rc(omcache_async_stat(client, NULL, 1, -1, on_row, &many), OMCACHE_OK);
    watcher_run(&loop, &many.ends, 1);
    ck_assert_uint_gt(many.count, 20);
    ck_assert_uint_eq(many.hits, 1);
    assert_rc(many.end_status, OMCACHE_OK);
    many = (struct many){.count = 0};
    assert_rc(omcache_async_stat(client, "no such thing", 1, -1, on_row, &many), OMCACHE_OK);
    watcher_run(&loop, &many.ends, 1);
    ck_assert_uint_eq(many.count, 1);
}
END_TEST

START_TEST(nobody_need_be_told)
{
    size_t before = last.count;
    assert_rc(omcache_async_set(client, "k", 1, "v", 1, 0, 0, 0, -1, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_async_add(client, "k", 1, "w", 1, 0, 0, 0, NULL, NULL), OMCACHE_OK);
    assert_ends(omcache_async_get(client, "k", 1, DONE), OMCACHE_OK);
    assert_value("v", 0);
    ck_assert_uint_eq(last.count, before + 1);
}
END_TEST

/* Each of these is only known to be done when a later answer says so. */
START_TEST(what_nobody_is_told_of_does_not_pile_up)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    for (int i = 0; i < 100; i++) {
        assert_rc(omcache_set(client, TEXT("k"), TEXT("v"), 0, 0, 0, 0), OMCACHE_BUFFERED);
        assert_stored("k", "v");
    }
    for (int i = 0; i < 3; i++) {
        assert_rc(omcache_server_stats(client, i, &stats), OMCACHE_OK);
        ck_assert_uint_le(stats.outstanding, 1);
    }
}
END_TEST

/*
 * At the edges.
 */

static void get(const char *key, size_t slot)
{
    assert_rc(omcache_async_get(client, TEXT(key), -1, told_reply, &told[slot]), OMCACHE_OK);
}

static void open_server(void)
{
    connected_servers(1);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
}

#define TOLD told_reply, &told[0]

START_TEST(invalid_arguments_are_refused)
{
    static char long_key[300];
    memset(long_key, 'k', sizeof(long_key) - 1);
    open_server();
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
        assert_rc(omcache_async_verbosity(mc, 0, i, -1, TOLD), OMCACHE_INVALID);
        assert_rc(omcache_async_cache_memlimit(mc, 64, i, -1, TOLD), OMCACHE_INVALID);
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
    open_server();
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
    open_server();
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
    Suite *suite = suite_create("async");
    TCase *tcase = fixture_case(suite, "operations");

    tcase_add_checked_fixture(tcase, open_client, close_client);
    tcase_add_test(tcase, values_are_stored_and_got);
    tcase_add_test(tcase, conditions_are_kept);
    tcase_add_test(tcase, counters_count);
    tcase_add_test(tcase, servers_are_asked_by_their_index);
    tcase_add_test(tcase, many_keys_complete_one_by_one_and_then_together);
    tcase_add_test(tcase, missing_keys_complete_whatever_follows);
    tcase_add_test(tcase, no_keys_complete_together);
    tcase_add_test(tcase, statistics_come_row_by_row);
    tcase_add_test(tcase, nobody_need_be_told);
    tcase_add_test(tcase, what_nobody_is_told_of_does_not_pile_up);
    TCase *edges = operations_case(suite, "edges");
    tcase_add_test(edges, invalid_arguments_are_refused);
    tcase_add_test(edges, large_values_go_both_ways);
    tcase_add_test(edges, failures_that_nobody_asked_about_are_counted_and_logged);
    return fixture_run(suite);
}
