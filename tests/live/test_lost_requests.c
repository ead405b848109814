/*
 * Requests that fail or are refused, and whose outcome nobody is told: each is counted as
 * lost, and the log tells of them, of many in one line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"
#include "support/recorder.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#define MANY 3000

static unsigned char large[2000000]; /* more than a server takes */

static void begin(void)
{
    fixture_servers(1);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_rc(omcache_set_log_callback(client, 0, recorder_log, NULL), OMCACHE_OK);
}

/* How many the log has told of; *lines: in so many lines. */
static uint64_t logged(size_t *lines)
{
    uint64_t sum = 0;
    *lines = 0;
    for (size_t i = 0; i < recorder.line_count && i < RECORDER_MAX; i++) {
        const char *text = recorder.lines[i].text;
        const char *count = strstr(text, ": ");
        if (strstr(text, "nobody was told") != NULL) {
            ck_assert_ptr_nonnull(count);
            ++*lines;
            sum += strtoull(count + 2, NULL, 10);
        }
    }
    return sum;
}

static void assert_lost(uint64_t expected)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    size_t lines;
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.lost, expected);
    ck_assert_uint_eq(logged(&lines), expected);
}

static void set_large(omcache_t *mc, int32_t timeout, int expected)
{
    assert_rc(omcache_set(mc, TEXT("k"), large, sizeof(large), 0, 0, 0, timeout), expected);
}

START_TEST(a_refused_set_that_was_not_waited_for)
{
    set_large(client, 0, OMCACHE_BUFFERED);
    if (_i == 0) {
        drain(client);
    } else {
        assert_missing("none"); /* which begins another batch */
    }
    assert_lost(1);
    ck_assert(recorder_has_line(5, "Value too large"));
    set_large(client, -1, OMCACHE_TOO_LARGE_VALUE);
    assert_lost(1);
}
END_TEST

/* Which of them it was need not be known, as nobody is told.  What is waited for behind them gets
 * what is its own. */
START_TEST(some_that_are_refused_among_many)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    char key[20];
    store("there", "1");
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "many:%d", i);
        assert_rc(omcache_set(client, TEXT(key), TEXT("value"), 0, 0, 0, 0), OMCACHE_BUFFERED);
        if (i % 25 == 0) {
            set_large(client, 0, OMCACHE_BUFFERED);
            assert_rc(omcache_add(client, TEXT("there"), TEXT("2"), 0, 0, 0), OMCACHE_BUFFERED);
        }
    }
    if (_i == 0) {
        assert_stored("there", "1");
    }
    drain(client);
    assert_lost(4);
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "many:%d", i);
        assert_stored(key, "value");
    }
    assert_missing("k");
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.connects, 1);
    ck_assert_uint_eq(stats.failures, 0);
}
END_TEST

/* Who never waits, nor has a loop, does not grow: what was answered is read now and then. */
START_TEST(sets_without_an_end_leave_nothing)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    uint64_t most = 0;
    for (int i = 0; i < 100000; i++) {
        int rc = omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, 0);
        assert_rc(rc, OMCACHE_BUFFERED);
        if (i % 30000 == 29999) {
            set_large(client, 0, OMCACHE_BUFFERED);
        }
        if (i % 1000 == 999) {
            clock_sleep(2); /* the server has the time that it needs */
            assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
            most = stats.outstanding > most ? stats.outstanding : most;
        }
    }
    ck_assert_uint_lt(most, 20000);
    drain(client);
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.lost, 3);
    assert_stored("key", "value");
}
END_TEST

START_TEST(a_refused_set_without_a_callback)
{
    assert_rc(omcache_async_set(client, "k", 1, large, sizeof(large), 0, 0, 0, -1, NULL, NULL),
              OMCACHE_OK);
    drain(client);
    assert_lost(1);
}
END_TEST

static void fill_large(omcache_req_t *req)
{
    static const unsigned char extra[8];
    *req = (omcache_req_t){
        .server_index = -1, .extra = extra, .key = (const unsigned char *)"k", .data = large};
    req->header.opcode = 0x01;
    req->header.keylen = htobe16(1);
    req->header.extlen = sizeof(extra);
    req->header.bodylen = htobe32(sizeof(extra) + 1 + sizeof(large));
}

/* Whoever collects an outcome, or has a response callback, is told. */
START_TEST(what_is_told_is_not_lost)
{
    omcache_req_t req;
    omcache_value_t value;
    size_t count = 1;
    size_t room = 1;
    fill_large(&req);
    if (_i == 2) {
        assert_rc(omcache_set_response_callback(client, recorder_answer, NULL), OMCACHE_OK);
        set_large(client, 0, OMCACHE_BUFFERED);
        drain(client);
        ck_assert_uint_eq(recorder_count(OMCACHE_TOO_LARGE_VALUE), 1);
    } else if (_i == 1) {
        assert_rc(omcache_command(client, &req, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
        assert_rc(omcache_io(client, &req, &count, &value, &room, -1), OMCACHE_OK);
        assert_rc(value.status, OMCACHE_TOO_LARGE_VALUE);
    } else {
        assert_rc(omcache_command(client, &req, &count, &value, &room, -1), OMCACHE_OK);
        assert_rc(value.status, OMCACHE_TOO_LARGE_VALUE);
    }
    assert_lost(0);
}
END_TEST

START_TEST(a_call_that_has_no_room_for_the_outcome)
{
    omcache_req_t req;
    size_t count = 1;
    fill_large(&req);
    if (_i == 1) {
        assert_rc(omcache_async_get(client, "k", 1, -1, told_reply, &told[0]), OMCACHE_OK);
    }
    assert_rc(omcache_command(client, &req, &count, NULL, NULL, -1), OMCACHE_OK);
    assert_lost(1);
}
END_TEST

/* That a condition was not met is an answer like others. */
START_TEST(what_a_condition_forbids_is_not_lost)
{
    store("there", "1");
    assert_rc(omcache_add(client, TEXT("there"), TEXT("2"), 0, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_replace(client, TEXT("none"), TEXT("2"), 0, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_append(client, TEXT("none"), TEXT("2"), 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set(client, TEXT("there"), TEXT("2"), 0, 0, 12345, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_delete(client, TEXT("none"), 0), OMCACHE_BUFFERED);
    assert_rc(omcache_touch(client, TEXT("none"), 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_get(client, TEXT("none"), NULL, NULL, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_async_add(client, "there", 5, "2", 1, 0, 0, -1, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_async_replace(client, "none", 4, "2", 1, 0, 0, -1, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_async_prepend(client, "none", 4, "2", 1, 0, -1, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_async_set(client, "there", 5, "2", 1, 0, 0, 12345, -1, NULL, NULL),
              OMCACHE_OK);
    assert_rc(omcache_async_delete(client, "none", 4, -1, NULL, NULL), OMCACHE_OK);
    drain(client);
    assert_lost(0);
    assert_rc(omcache_increment(client, TEXT("there"), 1, 0, 0, NULL, -1), OMCACHE_OK);
    store("there", "text");
    assert_rc(omcache_increment(client, TEXT("there"), 1, 0, 0, NULL, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_lost(1);
}
END_TEST

/* What failed with its server, while its batch was the current one. */
START_TEST(what_fails_and_is_not_collected)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_set_reconnect_timeout(client, 10), OMCACHE_OK);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_set(client, TEXT("k"), TEXT("v"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    watcher_init(&loop, client);
    memcached_kill(&fleet.servers[0]);
    do {
        watcher_turn(&loop, 10);
        assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    } while (stats.failures == 0);
    if (_i == 0) {
        omcache_noop(client, 0, -1); /* which is told what becomes of it */
    } else if (_i == 1) {
        drain(client);
    } else {
        assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    }
    assert_lost(1);
}
END_TEST

static void set_large_inside(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)reply;
    (void)context;
    set_large(mc, 0, OMCACHE_BUFFERED);
    rounds++;
}

/* Nobody makes a classic call that would collect it. */
START_TEST(what_fails_in_an_event_loop)
{
    watcher_init(&loop, client);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_set(client, TEXT("k"), TEXT("v"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    watcher_turn(&loop, 10);
    memcached_kill(&fleet.servers[0]);
    for (int i = 0; i < 20; i++) {
        watcher_turn(&loop, 10);
    }
    assert_lost(1);
}
END_TEST

START_TEST(a_refused_set_from_inside_a_callback)
{
    assert_rc(omcache_async_get(client, "k", 1, -1, set_large_inside, NULL), OMCACHE_OK);
    assert_missing("none");
    drain(client);
    ck_assert_uint_eq(rounds, 1);
    assert_lost(1);
}
END_TEST

static void fail_inside(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)reply;
    (void)context;
    assert_rc(omcache_set(mc, TEXT("k"), TEXT("v"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_servers(mc, ""), OMCACHE_OK);
    rounds++;
}

/* The server is not in the list any more when its requests are found to have failed. */
START_TEST(a_server_that_is_dropped)
{
    if (_i == 0) {
        assert_rc(omcache_async_get(client, "k", 1, -1, fail_inside, NULL), OMCACHE_OK);
        omcache_get(client, TEXT("none"), NULL, NULL, NULL, NULL, -1);
        ck_assert_uint_eq(rounds, 1);
    } else {
        assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
        assert_rc(omcache_set(client, TEXT("k"), TEXT("v"), 0, 0, 0, 0), OMCACHE_BUFFERED);
        assert_rc(omcache_set_servers(client, ""), OMCACHE_OK);
    }
    ck_assert(recorder_has_line(4, "removed with"));
    assert_rc(omcache_set_servers(client, fleet.list), OMCACHE_OK);
    assert_missing("none");
}
END_TEST

/* What a reset drops that was not sent never will be. */
START_TEST(what_a_reset_drops)
{
    size_t lines;
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    for (size_t i = 0; i < MANY; i++) {
        if (_i == 0) {
            assert_rc(omcache_async_set(client, "k", 1, "v", 1, 0, 0, 0, -1, NULL, NULL),
                      OMCACHE_OK);
        } else {
            assert_rc(omcache_set(client, TEXT("k"), TEXT("v"), 0, 0, 0, 0), OMCACHE_BUFFERED);
        }
    }
    assert_rc(omcache_async_get(client, "k", 1, -1, told_reply, &told[0]), OMCACHE_OK);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_lost(MANY);
    logged(&lines);
    ck_assert_uint_eq(lines, 1);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_lost(MANY);
    memcached_resume(&fleet.servers[0]);
    drain(client);
    assert_rc(told[0].status, OMCACHE_CANCELLED);
    assert_lost(MANY);
}
END_TEST

/* Half of it is sent, and the connection is of no use without the rest. */
START_TEST(what_a_reset_cuts_off)
{
    static unsigned char huge[8000000];
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_async_set(client, "k", 1, huge, sizeof(huge), 0, 0, 0, -1, NULL, NULL),
              OMCACHE_OK);
    assert_rc_either(omcache_io(client, NULL, NULL, NULL, NULL, 1), OMCACHE_AGAIN, OMCACHE_OK);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_lost(1);
}
END_TEST

static void reset_inside(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)reply;
    (void)context;
    assert_rc(omcache_reset_buffers(mc), OMCACHE_OK);
    rounds++;
}

/* Who waits is told that it was cancelled. */
START_TEST(a_reset_under_a_call_that_waits)
{
    assert_rc(omcache_async_get(client, "k", 1, -1, reset_inside, NULL), OMCACHE_OK);
    for (int i = 0; i < 20; i++) {
        assert_rc(omcache_async_get(client, "k", 1, -1, told_reply, &told[0]), OMCACHE_OK);
    }
    assert_rc(omcache_set(client, TEXT("k"), large, 1000000, 0, 0, 0, -1), OMCACHE_CANCELLED);
    ck_assert_uint_eq(rounds, 1);
    assert_lost(0);
}
END_TEST

/* One line a second, however many calls find losses; and none is left out. */
/* One line for several, which need not have failed for the same reason. */
START_TEST(the_log_says_whose_reason_it_tells)
{
    store("text", "text");
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    set_large(client, 0, OMCACHE_BUFFERED);
    assert_rc(omcache_increment(client, TEXT("text"), 1, 0, 0, NULL, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_lost(2);
    ck_assert(recorder_has_line(5, "2 requests"));
    ck_assert(recorder_has_line(5, "nobody was told; the last: Value is not a number"));
}
END_TEST

START_TEST(the_log_is_not_flooded)
{
    size_t lines;
    store("text", "text");
    int64_t start = clock_ms();
    for (size_t i = 0; i < 500; i++) {
        assert_rc(omcache_increment(client, TEXT("text"), 1, 0, 0, NULL, 0), OMCACHE_BUFFERED);
        drain(client);
    }
    logged(&lines);
    ck_assert_uint_ge(lines, 1);
    ck_assert_int_le((int64_t)lines, 1 + (clock_ms() - start) / 1000);
    while (logged(&lines) < 500) {
        ck_assert_int_lt(clock_ms() - start, 20000);
        clock_sleep(50);
        assert_missing("none");
    }
    assert_lost(500);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lost_requests");
    TCase *tcase = operations_case(suite, "losses");
    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_add_loop_test(tcase, a_refused_set_that_was_not_waited_for, 0, 2);
    tcase_add_loop_test(tcase, some_that_are_refused_among_many, 0, 2);
    tcase_add_test(tcase, sets_without_an_end_leave_nothing);
    tcase_add_test(tcase, a_refused_set_without_a_callback);
    tcase_add_loop_test(tcase, what_is_told_is_not_lost, 0, 3);
    tcase_add_loop_test(tcase, a_call_that_has_no_room_for_the_outcome, 0, 2);
    tcase_add_test(tcase, what_a_condition_forbids_is_not_lost);
    tcase_add_loop_test(tcase, what_fails_and_is_not_collected, 0, 3);
    tcase_add_test(tcase, what_fails_in_an_event_loop);
    tcase_add_test(tcase, a_refused_set_from_inside_a_callback);
    tcase_add_loop_test(tcase, a_server_that_is_dropped, 0, 2);
    tcase_add_loop_test(tcase, what_a_reset_drops, 0, 2);
    tcase_add_test(tcase, what_a_reset_cuts_off);
    tcase_add_test(tcase, a_reset_under_a_call_that_waits);
    tcase_add_test(tcase, the_log_says_whose_reason_it_tells);
    tcase_add_test(tcase, the_log_is_not_flooded);
    return fixture_run(suite);
}
