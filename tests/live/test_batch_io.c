/*
 * Collecting batches with omcache_io: which array is the current batch, in how
 * many calls, and what becomes of the others.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/recorder.h"
#include "support/wire.h"

#include <poll.h>
#include <stdio.h>

#define MANY 1000

static omcache_req_t reqs[MANY];
static omcache_value_t values[MANY];
static char names[MANY][32];

static void store_names(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "collect-%zu", i);
        store(names[i], names[i]);
    }
}

/* Sends gets for the first names, without waiting. */
static void send_gets(size_t count)
{
    size_t sent = count;
    for (size_t i = 0; i < count; i++) {
        wire_request(&reqs[i], -1, WIRE_GETK, names[i]);
    }
    assert_rc(omcache_command(client, reqs, &sent, NULL, NULL, 0), OMCACHE_BUFFERED);
    ck_assert_uint_eq(sent, count);
}

static void begin_gets(size_t count)
{
    store_names(count);
    send_gets(count);
}

static void assert_not_current(omcache_req_t *array, size_t count)
{
    size_t n = count;
    size_t room = 5;
    assert_rc(omcache_io(client, array, &n, values, &room, patience), OMCACHE_INVALID);
    ck_assert_uint_eq(n, count);
    ck_assert_uint_eq(room, 5);
}

/* Its caller has the request, so it is a batch; what a set has sent without waiting is none. */
START_TEST(one_request_is_collected_later)
{
    fixture_variant(_i);
    size_t count = 1;
    size_t room = 1;
    store_names(1);
    wire_request(&reqs[0], -1, WIRE_GETK, names[0]);
    assert_rc(omcache_command_status(client, &reqs[0], 0), OMCACHE_BUFFERED);
    assert_rc(omcache_io(client, reqs, &count, values, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(room, 1);
    assert_text(values[0].data, values[0].data_len, names[0]);
    assert_rc(omcache_command_status(client, &reqs[0], 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    assert_not_current(reqs, 1);
    drain(client);
    assert_stored("key", "value");
}
END_TEST

START_TEST(a_batch_is_collected_later)
{
    fixture_variant(_i);
    size_t count = 100;
    size_t room = 100;
    begin_gets(count);
    assert_rc(omcache_io(client, reqs, &count, values, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(room, 100);
    for (size_t i = 0; i < room; i++) {
        assert_rc(values[i].status, OMCACHE_OK);
        assert_bytes(values[i].data, values[i].data_len, values[i].key, values[i].key_len);
    }
}
END_TEST

/* Its keys are as long as they could be when it was asked for. */
START_TEST(another_prefix_is_for_later_batches)
{
    fixture_variant(_i);
    size_t count = 1;
    size_t room = 1;
    char key[251] = "";
    memset(key, 'k', 250);
    store(key, "value");
    wire_request(&reqs[0], -1, WIRE_GETK, key);
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_key_prefix(client, "prefix", 6, 0), OMCACHE_OK);
    assert_rc(omcache_io(client, reqs, &count, values, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(room, 1);
    assert_rc(values[0].status, OMCACHE_OK);
    ck_assert(values[0].key_len == 250 && memcmp(values[0].key, key, 250) == 0);
}
END_TEST

START_TEST(the_count_stays_until_all_is_there)
{
    fixture_variant(_i);
    size_t count = 100;
    size_t found = 0;
    int rc = OMCACHE_AGAIN;
    begin_gets(count);
    for (unsigned rounds = 0; count > 0; rounds++) {
        size_t room = 100;
        ck_assert_uint_eq(count, 100);
        ck_assert_msg(rc == OMCACHE_AGAIN, "not finished, but %s", rc_name(rc));
        ck_assert_uint_lt(rounds, 100000);
        rc = omcache_io(client, reqs, &count, values, &room, rounds % 3 ? 0 : 1);
        found += room;
    }
    assert_rc(rc, OMCACHE_OK);
    ck_assert_uint_eq(found, 100);
}
END_TEST

START_TEST(part_of_a_batch_is_refused)
{
    fixture_variant(_i);
    size_t count = MANY;
    size_t room = MANY;
    begin_gets(MANY);
    assert_not_current(reqs, MANY - 1);
    assert_not_current(reqs + 1, MANY - 1);
    assert_rc(omcache_io(client, reqs, &count, values, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(room, MANY);
}
END_TEST

/* The requests are read again, and may be none any more. */
START_TEST(a_batch_that_was_written_over_is_refused)
{
    fixture_variant(_i);
    size_t count = 10;
    begin_gets(10);
    omcache_req_t kept = reqs[7];
    reqs[7].key = NULL;
    assert_not_current(reqs, 10);
    reqs[7] = kept;
    reqs[7].header.keylen = 0;
    assert_not_current(reqs, 10);
    reqs[7] = kept;
    assert_rc(omcache_io(client, reqs, &count, NULL, NULL, patience), OMCACHE_OK);
}
END_TEST

START_TEST(a_finished_batch_is_refused)
{
    fixture_variant(_i);
    size_t count = 10;
    begin_gets(10);
    assert_rc(omcache_io(client, reqs, &count, NULL, NULL, patience), OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    assert_not_current(reqs, 9);
}
END_TEST

START_TEST(another_command_replaces_the_batch)
{
    fixture_variant(_i);
    begin_gets(10);
    assert_rc(omcache_noop(client, 0, patience), OMCACHE_OK);
    assert_not_current(reqs, 10);
}
END_TEST

START_TEST(io_without_requests_ends_the_batch)
{
    fixture_variant(_i);
    begin_gets(10);
    drain(client);
    assert_not_current(reqs, 10);
}
END_TEST

START_TEST(no_count_is_no_requests)
{
    fixture_variant(_i);
    size_t count = 0;
    size_t room = 10;
    store_names(10);
    omcache_set_response_callback(client, recorder_answer, NULL);
    send_gets(10);
    assert_rc(omcache_io(client, reqs, &count, values, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(recorder.answer_count, 10);
    assert_not_current(reqs, 10);
}
END_TEST

START_TEST(idle_io_returns_at_once)
{
    fixture_variant(_i);
    size_t room = 3;
    int64_t start = clock_ms();
    assert_rc(omcache_io(client, NULL, NULL, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, 0);
    store(key_for(0), "value");
    drain(client);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 0), OMCACHE_OK);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 5000), OMCACHE_OK);
    assert_within(start, 1000);
}
END_TEST

START_TEST(answers_without_room_are_dropped)
{
    fixture_variant(_i);
    size_t count = 20;
    size_t room = 4;
    begin_gets(20);
    assert_rc(omcache_io(client, reqs, &count, values, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(room, 4);
}
END_TEST

/* Answers to all but the newest command reach the callback only. */
START_TEST(several_commands_may_be_outstanding)
{
    fixture_variant(_i);
    omcache_req_t older[2][1];
    size_t count = 1;
    size_t room = 10;
    store("a", "1");
    store("b", "2");
    store("c", "3");
    omcache_set_response_callback(client, recorder_answer, NULL);
    wire_request(&older[0][0], -1, WIRE_GETK, "a");
    wire_request(&older[1][0], -1, WIRE_GETK, "b");
    wire_request(&reqs[0], -1, WIRE_GETK, "c");
    assert_rc(omcache_command(client, older[0], &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_command(client, older[1], &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_not_current(older[0], 1);
    assert_not_current(older[1], 1);
    assert_rc(omcache_io(client, reqs, &count, values, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(room, 1);
    assert_text(values[0].data, values[0].data_len, "3");
    drain(client);
    ck_assert_msg(recorder.answer_count == 3 && recorder_count(OMCACHE_OK) == 3, "answers: %s",
                  recorder_summary());
}
END_TEST

/*
 * Statistics the way the Python binding collects them.
 */

static int wait_for_events(void)
{
    int nfds = 0;
    int timeout = 0;
    struct pollfd *fds = omcache_poll_fds(client, &nfds, &timeout);
    return nfds > 0 ? poll(fds, (nfds_t)nfds, timeout) : 0;
}

START_TEST(stat_is_collected_in_rounds)
{
    fixture_size(_i);
    for (size_t server = 0; server < fleet.count; server++) {
        size_t expected = MANY;
        size_t count = 1;
        size_t rows = 0;
        bool ended = false;
        assert_rc(omcache_stat(client, NULL, values, &expected, (int)server, -1), OMCACHE_OK);
        wire_request(&reqs[0], (int)server, WIRE_STAT, NULL);
        assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
        while (count > 0) {
            size_t room = 100;
            wait_for_events();
            int rc = omcache_io(client, reqs, &count, values, &room, 0);
            assert_rc_either(rc, OMCACHE_OK, OMCACHE_AGAIN);
            for (size_t i = 0; i < room; i++, rows++) {
                ck_assert_msg(!ended, "row %zu comes behind the end", rows);
                ended = values[i].key_len == 0;
            }
        }
        ck_assert_msg(ended && rows == expected, "%zu rows, expected %zu", rows, expected);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch_io");
    TCase *tcase = fixture_case(suite, "collect");
    tcase_add_loop_test(tcase, one_request_is_collected_later, 0, VARIANTS);
    tcase_add_loop_test(tcase, a_batch_is_collected_later, 0, VARIANTS);
    tcase_add_loop_test(tcase, another_prefix_is_for_later_batches, 0, VARIANTS);
    tcase_add_loop_test(tcase, the_count_stays_until_all_is_there, 0, VARIANTS);
    tcase_add_loop_test(tcase, part_of_a_batch_is_refused, 0, VARIANTS);
    tcase_add_loop_test(tcase, a_batch_that_was_written_over_is_refused, 0, VARIANTS);
    tcase_add_loop_test(tcase, a_finished_batch_is_refused, 0, VARIANTS);
    tcase_add_loop_test(tcase, another_command_replaces_the_batch, 0, VARIANTS);
    tcase_add_loop_test(tcase, io_without_requests_ends_the_batch, 0, VARIANTS);
    tcase_add_loop_test(tcase, no_count_is_no_requests, 0, VARIANTS);
    tcase_add_loop_test(tcase, idle_io_returns_at_once, 0, VARIANTS);
    tcase_add_loop_test(tcase, answers_without_room_are_dropped, 0, VARIANTS);
    tcase_add_loop_test(tcase, several_commands_may_be_outstanding, 0, VARIANTS);
    tcase_add_loop_test(tcase, stat_is_collected_in_rounds, 0, SIZES);
    return fixture_run(suite);
}
