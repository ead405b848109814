/*
 * Giving everything up, at moments when something is under way: omcache_reset_buffers
 * from inside a call that waits, twice in a row, and during a handshake; servers that are
 * dropped, and another protocol chosen.  Fuzzing has found these.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/loopback.h"
#include "support/operations.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 21451

static void open_paused(void)
{
    forget_told();
    fixture_servers(1);
    watcher_init(&loop, client);
}

static void reset(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    told_reply(mc, reply, context);
    assert_rc(omcache_reset_buffers(mc), OMCACHE_OK);
}

static void assert_get_cancelled(omcache_t *mc)
{
    const unsigned char *value = (const unsigned char *)"untouched";
    size_t len = 9;
    assert_rc(omcache_get(mc, TEXT("key"), &value, &len, NULL, NULL, 20000), OMCACHE_CANCELLED);
    ck_assert_ptr_null(value);
    ck_assert_uint_eq(len, 0);
}

START_TEST(a_waiting_call_learns_that_its_request_was_given_up)
{
    int64_t start = clock_ms();
    open_paused();
    store("key", "value");
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_async_noop(client, 0, 20, reset, &told[0]), OMCACHE_OK);
    assert_get_cancelled(client);
    assert_within(start, 5000);
    ck_assert_uint_eq(told_once(told, 1, OMCACHE_TIMEOUT), 1);
}
END_TEST

static void wait_inside(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    told_reply(mc, reply, context);
    assert_rc(omcache_async_noop(mc, 0, 20, reset, &told[1]), OMCACHE_OK);
    assert_get_cancelled(mc);
}

START_TEST(so_do_all_the_calls_around_it)
{
    open_paused();
    store("key", "value");
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_async_noop(client, 0, 20, wait_inside, &told[0]), OMCACHE_OK);
    assert_get_cancelled(client);
    ck_assert_uint_eq(told_once(told, 2, OMCACHE_TIMEOUT), 2);
}
END_TEST

START_TEST(a_batch_that_was_given_up_is_none_any_more)
{
    const unsigned char *keys[] = {(const unsigned char *)"a", (const unsigned char *)"b"};
    size_t lens[] = {1, 1}, req_count = 2, value_count = 2;
    omcache_req_t reqs[2];
    omcache_value_t values[2];
    open_paused();
    store("key", "value");
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_async_noop(client, 0, 20, reset, &told[0]), OMCACHE_OK);
    assert_rc(omcache_get_multi(client, keys, lens, 2, reqs, &req_count, values, &value_count, -1),
              OMCACHE_CANCELLED);
    ck_assert_uint_eq(value_count, 0);
    assert_rc(omcache_io(client, reqs, &req_count, values, &value_count, 0), OMCACHE_INVALID);
    memcached_resume(&fleet.servers[0]);
    assert_stored("key", "value");
}
END_TEST

/* In text they share a line, whose end must not be taken for the answer to the next one. */
START_TEST(late_answers_to_several_gets_are_nobody_else_s)
{
    open_paused();
    store("key", "value");
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_async_get(client, "none", 4, -1, told_reply, &told[0]), OMCACHE_OK);
    assert_rc(omcache_async_get(client, "key", 3, -1, told_reply, &told[1]), OMCACHE_OK);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 0), OMCACHE_AGAIN);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    memcached_resume(&fleet.servers[0]);
    for (int i = 0; i < 3; i++) {
        assert_stored("key", "value");
    }
    ck_assert_uint_eq(told_once(told, 2, OMCACHE_CANCELLED), 2);
}
END_TEST

START_TEST(two_in_a_row_end_an_operation_once)
{
    open_paused();
    store("key", "value");
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_async_get(client, "key", 3, -1, told_reply, &told[0]), OMCACHE_OK);
    watcher_turn(&loop, 0); /* it is sent, and its late answer will have to be known */
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    watcher_run(&loop, &told_count, 1);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    memcached_resume(&fleet.servers[0]);
    assert_stored("key", "value");
    ck_assert_uint_eq(told_once(told, 1, OMCACHE_CANCELLED), 1);
}
END_TEST

START_TEST(a_silent_server_is_given_up_even_if_all_was_forgotten_meanwhile)
{
    open_paused();
    memcached_pause(&fleet.servers[0]); /* the kernel accepts for it */
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_AUTO), OMCACHE_OK);
    assert_rc(omcache_set_dead_timeout(client, 100), OMCACHE_OK);
    assert_rc(omcache_async_noop(client, 0, -1, told_reply, &told[0]), OMCACHE_OK);
    watcher_turn(&loop, 0);
    watcher_turn(&loop, 0);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_rc(omcache_async_get(client, "key", 3, -1, told_reply, &told[1]), OMCACHE_OK);
    watcher_run(&loop, &told_count, 2);
    assert_rc(told[0].status, OMCACHE_CANCELLED);
    assert_rc(told[1].status, OMCACHE_SERVER_FAILURE);
}
END_TEST

/* What was sent in a protocol cannot be put into another. */
START_TEST(a_protocol_chosen_during_a_handshake_is_for_the_next_connection)
{
    char host[LOOPBACK_HOST_SIZE];
    char address[40];
    int listener = loopback_listen(loopback_host(host), PORT, 10);
    int peer;
    forget_told();
    ck_assert_int_ge(listener, 0);
    snprintf(address, sizeof(address), "%s:%d", host, PORT);
    client = fixture_client(address);
    watcher_init(&loop, client);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_META), OMCACHE_OK);
    assert_rc(omcache_async_get(client, "key", 3, -1, told_reply, &told[0]), OMCACHE_OK);
    for (int i = 0; i < 3; i++) {
        watcher_turn(&loop, 10);
    }
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_AUTO), OMCACHE_OK);
    peer = accept(listener, NULL, NULL);
    ck_assert_int_ge(peer, 0);
    close(listener);
    if (_i == 0) {
        ck_assert_int_eq(
            send(peer, "ERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\n", 42, 0), 42);
    } else {
        close(peer);
    }
    watcher_run(&loop, &told_count, 1);
    assert_rc(told[0].status, OMCACHE_SERVER_FAILURE);
    if (_i == 0) {
        close(peer);
    }
}
END_TEST

/* Leaves only the second server. */
static void drop_first(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    told_reply(mc, reply, context);
    assert_rc(omcache_set_servers(mc, strchr(fleet.list, ',') + 1), OMCACHE_OK);
}

START_TEST(values_outlive_the_server_that_is_dropped_meanwhile)
{
    const unsigned char *keys[2];
    size_t lens[2], req_count = 2, value_count = 2;
    omcache_req_t reqs[2];
    omcache_value_t values[2];
    forget_told();
    fixture_servers(2);
    for (size_t i = 0; i < 2; i++) {
        keys[i] = (const unsigned char *)key_for(i);
        lens[i] = strlen((const char *)keys[i]);
        store((const char *)keys[i], "value");
    }
    memcached_pause(&fleet.servers[1]);
    assert_rc(omcache_async_noop(client, 1, 20, drop_first, &told[0]), OMCACHE_OK);
    assert_rc(omcache_get_multi(client, keys, lens, 2, reqs, &req_count, values, &value_count, 200),
              OMCACHE_AGAIN);
    ck_assert_uint_eq(told_once(told, 1, OMCACHE_TIMEOUT), 1);
    ck_assert_uint_eq(value_count, 1);
    assert_bytes(values[0].key, values[0].key_len, keys[0], lens[0]);
    assert_text(values[0].data, values[0].data_len, "value");
    memcached_resume(&fleet.servers[1]);
}
END_TEST

/* Two gets that are alike are queued in one go; and nobody has been connected to yet. */
static size_t collect_two_and_reset(void)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    const unsigned char *keys[] = {(const unsigned char *)"a", (const unsigned char *)"b"};
    size_t lens[] = {1, 1};
    omcache_req_t reqs[2];
    size_t count = 2;
    assert_rc(omcache_get_multi(client, keys, lens, 2, reqs, &count, NULL, NULL, 0),
              OMCACHE_BUFFERED);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    return stats.buffered;
}

START_TEST(what_is_collected_after_a_reset_is_given_up_by_the_next)
{
    fixture_servers(1);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    ck_assert_uint_eq(collect_two_and_reset(), 0);
    ck_assert_uint_eq(collect_two_and_reset(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reset");
    TCase *tcase = fixture_case(suite, "reset");
    tcase_add_test(tcase, a_waiting_call_learns_that_its_request_was_given_up);
    tcase_add_test(tcase, so_do_all_the_calls_around_it);
    tcase_add_test(tcase, a_batch_that_was_given_up_is_none_any_more);
    tcase_add_test(tcase, late_answers_to_several_gets_are_nobody_else_s);
    tcase_add_test(tcase, two_in_a_row_end_an_operation_once);
    tcase_add_test(tcase, a_silent_server_is_given_up_even_if_all_was_forgotten_meanwhile);
    tcase_add_test(tcase, values_outlive_the_server_that_is_dropped_meanwhile);
    tcase_add_loop_test(tcase, a_protocol_chosen_during_a_handshake_is_for_the_next_connection, 0,
                        2);
    tcase_add_test(tcase, what_is_collected_after_a_reset_is_given_up_by_the_next);
    return fixture_run(suite);
}
