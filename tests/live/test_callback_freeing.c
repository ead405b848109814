/*
 * Freeing a client with operations under way, from inside every kind of callback and
 * outside of them: each operation completes, once, and with its handle.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"
#include "support/wire.h"

#include <poll.h>

#define LARGE 20000

static void free_it(omcache_t *mc)
{
    fixture_forget(mc);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    assert_rc(omcache_free(mc), OMCACHE_INVALID);
    assert_rc(omcache_async_get(mc, "k", 1, -1, told_reply, told), OMCACHE_CANCELLED);
    assert_rc(omcache_get(mc, TEXT("k"), NULL, NULL, NULL, NULL, -1), OMCACHE_INVALID);
    assert_rc(omcache_process_fd(mc, 0, POLLIN), OMCACHE_CANCELLED);
    assert_rc(omcache_process_timeouts(mc), OMCACHE_CANCELLED);
    ck_assert_int_eq(omcache_next_timeout(mc), -1);
    rounds++;
}

static void free_at_reply(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t key_len;
    size_t value_len;
    const unsigned char *key = omcache_reply_key(reply, &key_len);
    const unsigned char *value = omcache_reply_value(reply, &value_len);
    (void)context;
    free_it(mc);
    if (value != NULL) {
        ck_assert_uint_eq(value_len, LARGE);
        ck_assert(memcmp(value, bulk, value_len) == 0);
        assert_text(key, key_len, "large");
    }
}

static void ask_for_many(void)
{
    const void *multi[3] = {"a", "b", "c"};
    size_t lens[3] = {1, 1, 1};
    for (size_t i = 0; i < 100; i++) {
        async_get("a", told_reply, &told[i]);
    }
    assert_rc(omcache_async_get_multi(client, multi, lens, 3, -1, told_reply, &told[100]),
              OMCACHE_OK);
    assert_rc(omcache_async_stat(client, "settings", 0, -1, told_reply, &told[101]), OMCACHE_OK);
    assert_rc(omcache_async_get(client, "a", 1, 5, told_reply, &told[102]), OMCACHE_OK);
}

static void assert_all_cancelled(void)
{
    ck_assert_uint_eq(told_once(told, 100, OMCACHE_CANCELLED), 100);
    ck_assert_uint_eq(told[100].calls, 4);
    ck_assert_uint_eq(told[100].ends, 1);
    assert_rc(told[100].status, OMCACHE_CANCELLED);
    ck_assert_uint_eq(told[101].calls, 1);
    ck_assert_uint_eq(told[101].ends, 1);
    assert_rc(told[101].status, OMCACHE_CANCELLED);
    ck_assert_uint_eq(told[102].calls, 1);
    ck_assert_uint_eq(told_count, 106);
    ck_assert_uint_eq(loop.count, 0);
}

START_TEST(a_client_may_be_freed_at_a_reply)
{
    watched_servers(1);
    store_bulk("large", LARGE);
    async_get("large", free_at_reply, NULL);
    ask_for_many();
    omcache_t *mc = client;
    if (_i == 0) {
        while (rounds == 0) {
            poll(&loop.fds[0], 1, 100);
            int rc = omcache_process_fd(mc, loop.fds[0].fd, loop.fds[0].revents);
            assert_rc(rc, rounds == 0 ? OMCACHE_OK : OMCACHE_CANCELLED);
        }
    } else if (_i == 1) {
        assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, -1), OMCACHE_FAIL);
    } else {
        assert_rc(omcache_get(mc, TEXT("large"), NULL, NULL, NULL, NULL, -1), OMCACHE_FAIL);
    }
    ck_assert_uint_eq(rounds, 1);
    assert_all_cancelled();
}
END_TEST

START_TEST(a_client_may_be_freed_outside)
{
    watched_servers(1);
    ask_for_many();
    watcher_turn(&loop, _i == 0 ? 0 : 100);
    memset(told, 0, sizeof(told));
    told_clear();
    memcached_pause(&fleet.servers[0]);
    ask_for_many();
    watcher_turn(&loop, 0);
    struct told before[103];
    memcpy(before, told, sizeof(before));
    omcache_t *mc = client;
    fixture_forget(mc);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    /* Some of the first round may still have been open, and are told, too. */
    for (size_t i = 0; i < 100; i++) {
        ck_assert_uint_ge(told[i].calls, 1);
        assert_rc(told[i].status, OMCACHE_CANCELLED);
    }
    assert_rc(told[100].status, OMCACHE_CANCELLED);
    assert_rc(told[101].status, OMCACHE_CANCELLED);
    ck_assert_uint_eq(loop.count, 0);
}
END_TEST

static void free_at_last_key(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t *calls = context;
    if (++*calls == 3) {
        free_it(mc);
        ck_assert_ptr_nonnull(omcache_reply_key(reply, NULL));
        ck_assert_uint_eq(*calls, 4);
    }
    if (omcache_reply_key(reply, NULL) == NULL) {
        ck_assert_uint_eq(*calls, 4);
    }
}

START_TEST(a_client_may_be_freed_at_the_last_of_several_keys)
{
    const void *multi[3] = {"a", "b", "c"};
    size_t lens[3] = {1, 1, 1};
    size_t calls = 0;
    watched_servers(_i == 0 ? 1 : 3);
    assert_rc(omcache_async_get_multi(client, multi, lens, 3, -1, free_at_last_key, &calls),
              OMCACHE_OK);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, -1), OMCACHE_FAIL);
    ck_assert_uint_eq(calls, 4);
}
END_TEST

static void free_at_first_row(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t *calls = context;
    ++*calls;
    if (*calls == 1) {
        ck_assert_ptr_nonnull(omcache_reply_key(reply, NULL));
        free_it(mc);
        ck_assert_uint_eq(*calls, 2);
    } else {
        ck_assert_ptr_null(omcache_reply_key(reply, NULL));
        assert_rc(omcache_reply_status(reply), OMCACHE_CANCELLED);
    }
}

START_TEST(a_client_may_be_freed_at_a_row_of_statistics)
{
    size_t calls = 0;
    watched_servers(1);
    assert_rc(omcache_async_stat(client, NULL, 0, -1, free_at_first_row, &calls), OMCACHE_OK);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, -1), OMCACHE_FAIL);
    ck_assert_uint_eq(calls, 2);
}
END_TEST

static void free_at_end(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    assert_rc(omcache_reply_status(reply), *(int *)context);
    free_it(mc);
}

START_TEST(a_client_may_be_freed_when_a_timeout_is_told)
{
    int expected = OMCACHE_TIMEOUT;
    watched_servers(1);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_async_get(client, "k", 1, 1, free_at_end, &expected), OMCACHE_OK);
    for (size_t i = 0; i < 10; i++) {
        assert_rc(omcache_async_get(client, "k", 1, i < 5 ? 1 : -1, told_reply, &told[i]),
                  OMCACHE_OK);
    }
    clock_sleep(3);
    omcache_t *mc = client;
    assert_rc(omcache_process_timeouts(mc), OMCACHE_CANCELLED);
    ck_assert_uint_eq(rounds, 1);
    told_once(told, 10, 0);
    ck_assert_uint_eq(told_with(OMCACHE_TIMEOUT) + told_with(OMCACHE_CANCELLED), 10);
}
END_TEST

static void free_at_watch(omcache_t *mc, int fd, short events, void *context)
{
    (void)context;
    (void)fd;
    if (told[0].calls == 0 && events != 0) {
        free_it(mc);
    }
}

static void free_at_timeout(omcache_t *mc, int msec, void *context)
{
    (void)msec;
    (void)context;
    free_it(mc);
}

static void free_at_drain(omcache_t *mc, int server_index, void *context)
{
    (void)server_index;
    (void)context;
    ck_assert_uint_eq(rounds, 0);
    free_it(mc);
}

START_TEST(a_client_may_be_freed_at_a_watch_or_timeout)
{
    fixture_servers(1);
    if (_i == 0) {
        assert_rc(omcache_set_watch_callback(client, free_at_watch, NULL), OMCACHE_OK);
    } else {
        assert_rc(omcache_set_timeout_callback(client, free_at_timeout, NULL), OMCACHE_OK);
    }
    omcache_t *mc = client;
    assert_rc(omcache_async_get(mc, "k", 1, 100, told_reply, &told[0]), OMCACHE_OK);
    ck_assert_uint_eq(rounds, 1);
    ck_assert_uint_eq(told[0].calls, 1);
    assert_rc(told[0].status, OMCACHE_CANCELLED);
}
END_TEST

/* Both servers were full, and the callback is called only for the first. */
START_TEST(a_client_may_be_freed_at_a_drain)
{
    watched_servers(2);
    assert_rc(omcache_set_send_buffer_max_size(client, 30), OMCACHE_OK);
    assert_rc(omcache_set_drain_callback(client, free_at_drain, NULL), OMCACHE_OK);
    for (int i = 0; i < 2; i++) {
        assert_rc(omcache_async_noop(client, i, -1, told_reply, &told[i]), OMCACHE_OK);
        assert_rc(omcache_async_noop(client, i, -1, told_reply, &told[2]), OMCACHE_BUFFER_FULL);
    }
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, -1), OMCACHE_FAIL);
    ck_assert_uint_eq(rounds, 1);
    told_once(told, 2, 0);
}
END_TEST

static size_t heard;

static void hear_answer(omcache_t *mc, omcache_value_t *value, void *context)
{
    (void)mc;
    (void)value;
    heard += *(size_t *)context;
}

static void hear_log(void *context, int level, const char *line)
{
    (void)level;
    (void)line;
    heard += *(size_t *)context;
}

/* One server has failed before the answer of the other one frees the client: the call that
 * waits for both tells nobody any more. */
START_TEST(response_and_log_callbacks_are_not_called_after_it)
{
    omcache_req_t req;
    size_t count = 1;
    int fd_count;
    int msec;
    heard = 0;
    watched_servers(2);
    store_bulk("large", LARGE);
    for (int i = 0; i < 2; i++) {
        assert_rc(omcache_noop(client, i, -1), OMCACHE_OK);
    }
    size_t other = omcache_server_index_for_key(client, TEXT("large")) == 0 ? 1 : 0;
    assert_rc(omcache_set_response_callback(client, hear_answer, &rounds), OMCACHE_OK);
    assert_rc(omcache_set_log_callback(client, 7, hear_log, &rounds), OMCACHE_OK);
    memcached_pause(&fleet.servers[other]);
    async_get("large", free_at_reply, NULL);
    wire_request(&req, -1, WIRE_GETK, key_for(other));
    assert_rc(omcache_command(client, &req, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    ck_assert_ptr_nonnull(omcache_poll_fds(client, &fd_count, &msec)); /* all is sent */
    memcached_kill(&fleet.servers[other]);
    clock_sleep(50);
    assert_rc(omcache_io(client, &req, &count, NULL, NULL, -1), OMCACHE_FAIL);
    ck_assert_uint_eq(rounds, 1);
    ck_assert_uint_eq(heard, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("callback_freeing");
    TCase *freeing = operations_case(suite, "freeing");
    tcase_add_loop_test(freeing, a_client_may_be_freed_at_a_reply, 0, 3);
    tcase_add_loop_test(freeing, a_client_may_be_freed_outside, 0, 2);
    tcase_add_loop_test(freeing, a_client_may_be_freed_at_the_last_of_several_keys, 0, 2);
    tcase_add_test(freeing, a_client_may_be_freed_at_a_row_of_statistics);
    tcase_add_test(freeing, a_client_may_be_freed_when_a_timeout_is_told);
    tcase_add_loop_test(freeing, a_client_may_be_freed_at_a_watch_or_timeout, 0, 2);
    tcase_add_test(freeing, a_client_may_be_freed_at_a_drain);
    tcase_add_test(freeing, response_and_log_callbacks_are_not_called_after_it);
    return fixture_run(suite);
}
