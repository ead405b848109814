/*
 * Requests with timeout 0, buffering, omcache_reset_buffers and quiet failures.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/wire.h"

#include <malloc.h>
#include <stdio.h>

static int set_later(const char *key, const char *value)
{
    return omcache_set(client, TEXT(key), TEXT(value), 0, 0, 0, 0);
}

static int add_later(const char *key, const char *value)
{
    return omcache_add(client, TEXT(key), TEXT(value), 0, 0, 0);
}

static void assert_answers(size_t expected)
{
    ck_assert_msg(recorder.answer_count == expected, "%zu calls, expected %zu: %s",
                  recorder.answer_count, expected, recorder_summary());
}

static void record_answers(void)
{
    recorder_clear();
    assert_rc(omcache_set_response_callback(client, recorder_answer, NULL), OMCACHE_OK);
}

/*
 * Timeout 0.
 */

KEY_TEST(stores_are_accepted_and_done_later)
{
    (void)server;
    assert_rc(omcache_set(client, TEXT(key), TEXT("1"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_replace(client, TEXT(key), TEXT("2"), 0, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_append(client, TEXT(key), TEXT("3"), 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_prepend(client, TEXT(key), TEXT("1"), 0, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_stored(key, "123");
    assert_rc(omcache_delete(client, TEXT(key), 0), OMCACHE_BUFFERED);
    assert_rc(omcache_add(client, TEXT(key), TEXT("100"), 0, 0, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_stored(key, "100");
    assert_rc(omcache_touch(client, TEXT(key), long_ago(), 0), OMCACHE_BUFFERED);
    drain(client);
    assert_missing(key);
}

KEY_TEST(counters_are_accepted_and_done_later)
{
    (void)server;
    uint64_t value = 5;
    store(key, "100");
    assert_rc(omcache_increment(client, TEXT(key), 30, 0, 0, &value, 0), OMCACHE_BUFFERED);
    ck_assert_uint_eq(value, 0);
    value = 5;
    assert_rc(omcache_decrement(client, TEXT(key), 7, 0, 0, &value, 0), OMCACHE_BUFFERED);
    ck_assert_uint_eq(value, 0);
    assert_rc(omcache_decrement(client, TEXT(key), 1, 0, 0, NULL, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_stored(key, "122");
}

KEY_TEST(gets_are_accepted_for_the_callback)
{
    (void)server;
    const unsigned char *value = (const unsigned char *)"stale";
    size_t len = 5;
    uint32_t flags = 1;
    uint64_t cas = 1;
    store(key, "value");
    record_answers();
    assert_rc(omcache_get(client, TEXT(key), &value, &len, &flags, &cas, 0), OMCACHE_BUFFERED);
    ck_assert_msg(!value && !len && !flags && !cas, "length %zu, flags %u", len, flags);
    drain(client);
    assert_answers(1 + fixture_fences(1)); /* the value and the fence */
    ck_assert_str_eq(recorder.answers[0].key, key);
    ck_assert_str_eq(recorder.answers[0].data, "value");

    value = (const unsigned char *)"stale";
    len = 5;
    record_answers();
    assert_rc(omcache_gat(client, TEXT(key), &value, &len, 0, &flags, &cas, 0), OMCACHE_BUFFERED);
    ck_assert_msg(!value && !len && !flags && !cas, "length %zu, flags %u", len, flags);
    drain(client);
    assert_answers(1 + fixture_fences(1));
    ck_assert_str_eq(recorder.answers[0].data, "value");
    omcache_set_response_callback(client, NULL, NULL);
}

KEY_TEST(server_commands_are_accepted)
{
    omcache_value_t values[5];
    size_t count = 5;
    store(key, "value");
    assert_rc(omcache_noop(client, server, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_stat(client, NULL, values, &count, server, 0), OMCACHE_BUFFERED);
    ck_assert_uint_eq(count, 0);
    assert_rc(omcache_flush_all(client, 0, server, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_missing(key);
}

/*
 * Buffering.
 */

START_TEST(buffering_does_not_even_connect)
{
    struct peer *peer = peer_start(0, wire_serve, NULL);
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    for (size_t i = 0; i < 50; i++) {
        assert_rc(set_later("key", "value"), OMCACHE_BUFFERED);
    }
    clock_sleep(20);
    ck_assert_uint_eq(peer_connections(peer), 0);
    drain(client);
    ck_assert_uint_eq(peer_connections(peer), 1);
}
END_TEST

KEY_TEST(buffering_keeps_requests_until_io)
{
    (void)server;
    omcache_t *other = fixture_client(fleet.list);
    store(key, "old");
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(set_later(key, "new"), OMCACHE_BUFFERED);
    assert_rc(omcache_delete(other, TEXT(key), -1), OMCACHE_OK);
    assert_rc(omcache_get(other, TEXT(key), NULL, NULL, NULL, NULL, -1), OMCACHE_NOT_FOUND);
    drain(client);
    assert_rc(omcache_get(other, TEXT(key), NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    omcache_free(other);
    fixture_forget(other);
    assert_rc(omcache_set_buffering(client, 0), OMCACHE_OK);
}

KEY_TEST(a_request_with_a_timeout_takes_the_others_along)
{
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(set_later(key, "value"), OMCACHE_BUFFERED);
    assert_rc(omcache_noop(client, server, patience), OMCACHE_OK);
    assert_stored(key, "value");
    assert_rc(omcache_set(client, TEXT(key), TEXT("other"), 0, 0, 0, patience), OMCACHE_OK);
    assert_stored(key, "other");
    assert_rc(omcache_set_buffering(client, 0), OMCACHE_OK);
}

/*
 * Without buffering.
 */

START_TEST(a_first_request_begins_to_connect)
{
    struct peer *peer = peer_start(0, wire_serve, NULL);
    client = fixture_client(peer_address(peer));
    assert_rc(set_later("key", "value"), OMCACHE_BUFFERED);
    ck_assert_msg(peer_await(peer, 1, 0), "there is no connection");
    ck_assert_str_eq(wire_opcodes(peer), ""); /* it is not sent before somebody looks */
    drain(client);
    ck_assert_str_eq(wire_opcodes(peer), "0a 11 0a");
    ck_assert_uint_eq(peer_connections(peer), 1);
}
END_TEST

START_TEST(a_connected_server_is_written_to_at_once)
{
    struct peer *peer = peer_start(0, wire_serve, NULL);
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    peer_forget(peer);
    assert_rc(set_later("key", "value"), OMCACHE_BUFFERED);
    ck_assert_msg(peer_await(peer, 1, WIRE_HEADER + 8 + 3 + 5), "it is not sent");
    ck_assert_str_eq(wire_opcodes(peer), "11"); /* the fence comes with omcache_io */
    drain(client);
    ck_assert_str_eq(wire_opcodes(peer), "11 0a");
}
END_TEST

/*
 * The end.
 */

/* Nothing is called for what a client leaves behind, sent or not. */
START_TEST(free_calls_nobody)
{
    fixture_servers(3);
    for (size_t i = 0; i < 3; i++) {
        store(key_for(i), "value");
    }
    memcached_pause(&fleet.servers[1]);
    assert_rc(omcache_noop(client, 1, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_noop(client, 2, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    record_answers();
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    omcache_t *mc = client;
    fixture_forget(mc);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    assert_answers(0);
    ck_assert_msg(recorder.line_count == 0, "%zu lines, the first is '%s'", recorder.line_count,
                  recorder.lines[0].text);
}
END_TEST

KEY_TEST(free_does_not_send)
{
    (void)server;
    omcache_t *other = fixture_client(fleet.list);
    assert_rc(omcache_set_buffering(other, 1), OMCACHE_OK);
    assert_rc(omcache_set(other, TEXT(key), TEXT("value"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    fixture_forget(other);
    assert_rc(omcache_free(other), OMCACHE_OK);
    assert_missing(key);
}

/*
 * omcache_reset_buffers
 */

KEY_TEST(reset_forgets_what_is_unsent)
{
    (void)server;
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(set_later(key, "value"), OMCACHE_BUFFERED);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_rc(omcache_set_buffering(client, 0), OMCACHE_OK);
    int64_t start = clock_ms();
    drain(client);
    assert_within(start, 500);
    assert_missing(key);
    store(key, "stored");
    assert_stored(key, "stored");
}

START_TEST(reset_keeps_the_connection)
{
    struct peer *peer = peer_start(0, wire_serve, NULL);
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED); /* sent */
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(set_later("key", "value"), OMCACHE_BUFFERED); /* not sent */
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    drain(client);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    ck_assert_uint_eq(peer_connections(peer), 1);
    ck_assert_str_eq(wire_opcodes(peer), "0a 0a 0a 0a");
}
END_TEST

START_TEST(reset_ends_the_batch)
{
    omcache_req_t req;
    omcache_value_t value;
    size_t count = 1;
    size_t room = 1;
    fixture_size(_i);
    wire_request(&req, 0, WIRE_NOOP, NULL);
    assert_rc(omcache_command(client, &req, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_rc(omcache_io(client, &req, &count, &value, &room, -1), OMCACHE_INVALID);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 0), OMCACHE_OK);
}
END_TEST

/* Answers that are on their way when their requests are forgotten must not be
 * taken for answers to later ones, nor shown to anybody. */
KEY_TEST(reset_drops_answers_on_their_way)
{
    (void)server;
    char other[64];
    store(key, "right");
    for (int i = 0; i < 20; i++) {
        snprintf(other, sizeof(other), "%s-%d", key, i);
        store(other, "wrong");
        assert_rc(omcache_get(client, TEXT(other), NULL, NULL, NULL, NULL, 0), OMCACHE_BUFFERED);
        assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
        record_answers();
        assert_stored(key, "right");
        omcache_set_response_callback(client, NULL, NULL);
        ck_assert_msg(recorder_count(OMCACHE_OK) == recorder.answer_count, "answers: %s",
                      recorder_summary());
        for (size_t at = 0; at < recorder.answer_count; at++) {
            ck_assert_msg(strcmp(recorder.answers[at].data, "wrong") != 0, "answers: %s",
                          recorder_summary());
        }
    }
}

/* Nobody waits for forgotten requests, so they must not pile up behind one that is
 * never answered.  (Sanitizers and valgrind do not count; then this shows nothing.) */
START_TEST(reset_leaves_nothing_behind)
{
    fixture_servers(1);
    store("key", "value");
    assert_rc(set_later("key", "quiet"), OMCACHE_BUFFERED);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < 10000; i++) {
        assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    }
    struct mallinfo2 after = mallinfo2();
    size_t grown = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
    ck_assert_msg(grown < 100000 || grown > SIZE_MAX / 2, "memory in use grew by %zu bytes", grown);
}
END_TEST

/*
 * Quiet requests.
 */

/* Stores are quiet over binary only. */
static size_t fences_of_stores(size_t servers)
{
    return fixture_protocol() == OMCACHE_PROTOCOL_BINARY ? servers : 0;
}

START_TEST(quiet_success_shows_as_a_fence)
{
    fixture_servers(1);
    record_answers();
    assert_rc(set_later("one", "1"), OMCACHE_BUFFERED);
    assert_rc(set_later("two", "2"), OMCACHE_BUFFERED);
    drain(client);
    assert_answers(fences_of_stores(1));
    assert_rc(recorder.answers[0].status, OMCACHE_OK);
    ck_assert_uint_eq(recorder.answers[0].key_len, 0);
    ck_assert_uint_eq(recorder.answers[0].data_len, 0);
    record_answers();
    drain(client);
    assert_answers(0);
}
END_TEST

START_TEST(quiet_failures_show_in_the_callback)
{
    ONLY_BINARY;
    fixture_servers(1);
    store("there", "1");
    record_answers();
    assert_rc(add_later("there", "2"), OMCACHE_BUFFERED);
    drain(client);
    assert_answers(2);
    assert_rc(recorder.answers[0].status, OMCACHE_KEY_EXISTS);
    assert_rc(recorder.answers[1].status, OMCACHE_OK);
    assert_stored("there", "1");

    record_answers();
    assert_rc(omcache_delete(client, TEXT("absent"), 0), OMCACHE_BUFFERED);
    assert_rc(omcache_append(client, TEXT("absent"), TEXT("x"), 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_increment(client, TEXT("absent"), 1, 1, OMCACHE_DELTA_NO_ADD, NULL, 0),
              OMCACHE_BUFFERED);
    drain(client);
    assert_answers(4);
    assert_rc(recorder.answers[0].status, OMCACHE_NOT_FOUND);
    assert_rc(recorder.answers[1].status, OMCACHE_NOT_STORED);
    assert_rc(recorder.answers[2].status, OMCACHE_NOT_FOUND);
    assert_rc(recorder.answers[3].status, OMCACHE_OK);
}
END_TEST

START_TEST(each_server_has_its_fence)
{
    fixture_servers(3);
    record_answers();
    for (size_t server = 0; server < 3; server++) {
        assert_rc(set_later(key_for(server), "1"), OMCACHE_BUFFERED);
        assert_rc(set_later(key_for(server), "2"), OMCACHE_BUFFERED);
    }
    drain(client);
    assert_answers(fences_of_stores(3));
    ck_assert_uint_eq(recorder_count(OMCACHE_OK), fences_of_stores(3));
}
END_TEST

/* Nothing is written to it then, so nothing fails. */
START_TEST(a_connection_closed_while_it_was_idle_costs_nothing)
{
    fixture_servers(1);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    for (int i = 0; i < 5; i++) {
        store("key", "value");
        memcached_kill(&fleet.servers[0]);
        memcached_start(&fleet.servers[0], FLEET_PORT);
        clock_sleep(20);
        assert_rc(omcache_set(client, TEXT("key"), TEXT("new"), 0, 0, 0, 0), OMCACHE_BUFFERED);
        drain(client);
        assert_stored("key", "new");
    }
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.lost, 0);
}
END_TEST

static void add_buffering(TCase *tcase)
{
    tcase_add_test(tcase, a_connection_closed_while_it_was_idle_costs_nothing);
    tcase_add_test(tcase, buffering_does_not_even_connect);
    tcase_add_loop_test(tcase, buffering_keeps_requests_until_io, 0, VARIANTS);
    tcase_add_loop_test(tcase, a_request_with_a_timeout_takes_the_others_along, 0, VARIANTS);
    tcase_add_test(tcase, a_first_request_begins_to_connect);
    tcase_add_test(tcase, a_connected_server_is_written_to_at_once);
    tcase_add_test(tcase, free_calls_nobody);
    tcase_add_loop_test(tcase, free_does_not_send, 0, VARIANTS);
    tcase_add_loop_test(tcase, reset_forgets_what_is_unsent, 0, VARIANTS);
    tcase_add_test(tcase, reset_keeps_the_connection);
    tcase_add_loop_test(tcase, reset_ends_the_batch, 0, SIZES);
    tcase_add_loop_test(tcase, reset_drops_answers_on_their_way, 0, VARIANTS);
    tcase_add_test(tcase, reset_leaves_nothing_behind);
}

static void add_quiet(TCase *tcase)
{
    tcase_add_loop_test(tcase, stores_are_accepted_and_done_later, 0, SIZES);
    tcase_add_loop_test(tcase, counters_are_accepted_and_done_later, 0, SIZES);
    tcase_add_loop_test(tcase, gets_are_accepted_for_the_callback, 0, SIZES);
    tcase_add_loop_test(tcase, server_commands_are_accepted, 0, SIZES);
    tcase_add_test(tcase, quiet_success_shows_as_a_fence);
    tcase_add_test(tcase, quiet_failures_show_in_the_callback);
    tcase_add_test(tcase, each_server_has_its_fence);
}

int main(void)
{
    Suite *suite = suite_create("buffering");
    add_buffering(fixture_case(suite, "buffering"));
    add_quiet(fixture_case(suite, "timeout 0"));
    return fixture_run(suite);
}
