/*
 * The response callback's exact calls, and calls back into the client from inside
 * the callbacks at awkward moments.  What is refused and what is put off in quiet
 * ones: test_callback_response.c.  Facts: tests/facts/servers.txt, 9.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/recorder.h"
#include "support/unusable.h"
#include "support/wire.h"

#include <stdio.h>

#define MANY 1000

static omcache_req_t reqs[MANY];
static omcache_value_t values[MANY];
static char names[MANY][16];

static void listen_to(omcache_response_callback_func *func, void *context)
{
    recorder_clear();
    assert_rc(omcache_set_response_callback(client, func, context), OMCACHE_OK);
}

static void assert_answers(size_t expected)
{
    ck_assert_msg(recorder.answer_count == expected, "%zu calls, expected %zu: %s",
                  recorder.answer_count, expected, recorder_summary());
}

/* Makes requests for names 0 to count - 1. */
static void name_requests(size_t count, uint8_t opcode)
{
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "name-%zu", i);
        wire_request(&reqs[i], -1, opcode, names[i]);
    }
}

static void store_names(size_t count)
{
    name_requests(count, WIRE_GETKQ);
    for (size_t i = 0; i < count; i++) {
        assert_rc(omcache_set(client, TEXT(names[i]), TEXT(names[i]), 0, 0, 0, 0),
                  OMCACHE_BUFFERED);
    }
    drain(client);
}

/* Collects a batch whose values are their keys; how many came. */
static size_t collect(size_t count)
{
    size_t found = 0;
    size_t room = MANY;
    int rc = omcache_command(client, reqs, &count, values, &room, -1);
    for (;;) {
        assert_rc_either(rc, OMCACHE_OK, OMCACHE_AGAIN);
        for (size_t i = 0; i < room; i++, found++) {
            assert_rc(values[i].status, OMCACHE_OK);
            assert_bytes(values[i].data, values[i].data_len, values[i].key, values[i].key_len);
        }
        if (count == 0) {
            return found;
        }
        room = MANY;
        rc = omcache_io(client, reqs, &count, values, &room, -1);
    }
}

/*
 * Exact calls.
 */

START_TEST(quiet_misses_are_not_told)
{
    fixture_servers(1);
    store_names(3);
    name_requests(5, WIRE_GETKQ);
    listen_to(recorder_answer, NULL);
    ck_assert_uint_eq(collect(5), 3);
    size_t fences = fixture_fences(1);
    assert_answers(3 + fences); /* three hits and the fence */
    for (size_t i = 0; i < 3 + fences; i++) {
        assert_rc(recorder.answers[i].status, OMCACHE_OK);
        ck_assert_uint_eq(recorder.answers[i].key_len, i < 3 ? strlen(names[i]) : 0);
    }
    ck_assert_uint_eq(recorder.answers[3].data_len, 0);
}
END_TEST

START_TEST(misses_that_the_server_reports_are_told)
{
    size_t count = 4;
    size_t room = 4;
    fixture_servers(1);
    store_names(2);
    name_requests(4, WIRE_GETK);
    listen_to(recorder_answer, NULL);
    assert_rc(omcache_command(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, 4);
    assert_answers(4);
    ck_assert_uint_eq(recorder_count(OMCACHE_NOT_FOUND), 2);
}
END_TEST

START_TEST(answers_without_room_are_told)
{
    static omcache_value_t few[2];
    size_t room = 2;
    fixture_servers(1);
    listen_to(recorder_answer, NULL);
    assert_rc(omcache_stat(client, NULL, few, &room, 0, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, 2);
    ck_assert_uint_gt(recorder.answer_count, 20);
    recorder_clear();
    assert_rc(omcache_stat(client, NULL, NULL, NULL, 0, -1), OMCACHE_OK);
    ck_assert_uint_gt(recorder.answer_count, 20);
}
END_TEST

static void look_at_values(omcache_t *mc, omcache_value_t *result, void *context)
{
    (void)mc;
    size_t *stored = context;
    for (size_t i = 0; i < 3; i++) {
        *stored += values[i].status != -77 && values[i].key_len == result->key_len &&
                   memcmp(values[i].key, result->key, result->key_len) == 0;
    }
}

START_TEST(it_is_told_before_the_value_is_stored)
{
    size_t stored = 0;
    fixture_servers(1);
    store_names(3);
    name_requests(3, WIRE_GETKQ);
    for (size_t i = 0; i < 3; i++) {
        values[i].status = -77;
    }
    listen_to(look_at_values, &stored);
    ck_assert_uint_eq(collect(3), 3);
    ck_assert_uint_eq(stored, 0);
}
END_TEST

static void spoil(omcache_t *mc, omcache_value_t *result, void *context)
{
    (void)mc;
    (void)context;
    memset(result, 0xee, sizeof(*result));
}

START_TEST(what_it_does_to_its_value_has_no_effect)
{
    fixture_size(_i);
    store_names(100);
    listen_to(spoil, NULL);
    ck_assert_uint_eq(collect(100), 100);
    assert_rc(omcache_get(client, TEXT("absent"), NULL, NULL, NULL, NULL, -1), OMCACHE_NOT_FOUND);
}
END_TEST

START_TEST(failures_are_told_with_their_keys)
{
    size_t count = 3;
    size_t room = 3;
    fixture_servers(1);
    name_requests(3, WIRE_GETK);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_set_dead_timeout(client, 200), OMCACHE_OK);
    listen_to(recorder_answer, NULL);
    assert_rc(omcache_command(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, 3);
    assert_answers(3);
    for (size_t i = 0; i < 3; i++) {
        assert_rc(recorder.answers[i].status, OMCACHE_SERVER_FAILURE);
        ck_assert_str_eq(recorder.answers[i].key, names[i]);
        ck_assert_uint_eq(recorder.answers[i].data_len, 0);
    }
}
END_TEST

/*
 * Awkward moments.
 */

static struct {
    size_t calls;
    size_t refused;
    int free_rc;
    omcache_t *mc; /* for the log callback, which is not told */
} inside;

static void begin_inside(void)
{
    memset(&inside, 0, sizeof(inside));
    inside.free_rc = -1;
    inside.mc = client;
}

static void try_everything(omcache_t *mc)
{
    int nfds;
    int timeout;
    size_t count = MANY;
    inside.calls++;
    inside.refused +=
        omcache_get(mc, TEXT("name-1"), NULL, NULL, NULL, NULL, -1) == OMCACHE_INVALID &&
        omcache_set(mc, TEXT("name-1"), TEXT("x"), 0, 0, 0, 0) == OMCACHE_INVALID &&
        omcache_set_servers(mc, "127.0.0.1:1") == OMCACHE_INVALID &&
        omcache_set_distribution_method(mc, &omcache_dist_libmemcached_ketama_weighted) ==
            OMCACHE_INVALID &&
        omcache_reset_buffers(mc) == OMCACHE_INVALID &&
        omcache_io(mc, reqs, &count, NULL, NULL, 0) == OMCACHE_INVALID && count == MANY &&
        omcache_io(mc, NULL, NULL, NULL, NULL, -1) == OMCACHE_INVALID &&
        omcache_poll_fds(mc, &nfds, &timeout) == NULL && nfds == 0 &&
        omcache_server_index_for_key(mc, TEXT("name-1")) == -1;
}

static void try_everything_at_answer(omcache_t *mc, omcache_value_t *result, void *context)
{
    (void)result;
    (void)context;
    try_everything(mc);
}

static void try_everything_at_log(void *context, int level, const char *msg)
{
    (void)context;
    (void)level;
    (void)msg;
    try_everything(inside.mc);
}

START_TEST(calls_in_the_midst_of_a_batch_corrupt_nothing)
{
    fixture_size(_i);
    store_names(MANY);
    begin_inside();
    listen_to(try_everything_at_answer, NULL);
    name_requests(MANY, WIRE_GETKQ);
    ck_assert_uint_eq(collect(MANY), MANY);
    drain(client); /* the last fence may come behind the last value */
    listen_to(NULL, NULL);
    ck_assert_uint_eq(inside.calls, MANY + fixture_fences(fleet.count));
    ck_assert_uint_eq(inside.refused, inside.calls);
    ck_assert_uint_eq(collect(MANY), MANY);
}
END_TEST

/* A server fails, another is dropped: both are logged while the client is busy. */
START_TEST(calls_from_the_log_corrupt_nothing)
{
    fixture_servers(3);
    begin_inside();
    assert_rc(omcache_set_log_callback(client, 7, try_everything_at_log, NULL), OMCACHE_OK);
    store_names(MANY);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_noop(client, 1, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_servers(client, fleet.servers[0].address), OMCACHE_OK);
    assert_rc(omcache_set_servers(client, fleet.list), OMCACHE_OK);
    assert_rc(omcache_set_buffering(client, 0), OMCACHE_OK);
    memcached_kill(&fleet.servers[2]);
    clock_sleep(20);
    store_names(MANY);
    name_requests(MANY, WIRE_GETKQ);
    ck_assert_uint_eq(collect(MANY), MANY);
    assert_rc(omcache_set_log_callback(client, 7, NULL, NULL), OMCACHE_OK);
    ck_assert_uint_ge(inside.calls, 5); /* connected three times, removed, down */
    ck_assert_uint_eq(inside.refused, inside.calls);
}
END_TEST

/*
 * Freeing at awkward moments.
 */

static void free_inside(void)
{
    omcache_t *mc = inside.mc;
    inside.calls++;
    if (inside.calls == 1) {
        inside.free_rc = omcache_free(mc);
        inside.refused += omcache_noop(mc, 0, -1) == OMCACHE_INVALID;
        fixture_forget(mc);
    }
}

static void free_at_answer(omcache_t *mc, omcache_value_t *result, void *context)
{
    (void)mc;
    (void)result;
    (void)context;
    free_inside();
}

static void free_at_log(void *context, int level, const char *msg)
{
    (void)context;
    (void)level;
    (void)msg;
    free_inside();
}

/* It was freed inside, once, and nobody was called after that. */
static void assert_freed_inside(void)
{
    ck_assert_uint_eq(inside.calls, 1);
    assert_rc(inside.free_rc, OMCACHE_OK);
    ck_assert_uint_eq(inside.refused, 1);
    ck_assert_ptr_null(client);
}

START_TEST(a_client_may_be_freed_when_a_failure_is_told)
{
    size_t count = 3;
    size_t room = 3;
    client = fixture_client(nobody());
    begin_inside();
    name_requests(3, WIRE_GETK);
    listen_to(free_at_answer, NULL);
    assert_rc(omcache_command(client, reqs, &count, values, &room, -1), OMCACHE_FAIL);
    ck_assert_uint_eq(room, 0);
    assert_freed_inside();
}
END_TEST

START_TEST(a_client_may_be_freed_while_its_servers_change)
{
    fixture_servers(3);
    begin_inside();
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    for (int i = 0; i < 3; i++) {
        assert_rc(omcache_noop(client, i, 0), OMCACHE_BUFFERED);
    }
    assert_rc(omcache_set_log_callback(client, 7, free_at_log, NULL), OMCACHE_OK);
    /* Two servers are dropped with a request each; the second has no line any more. */
    omcache_t *mc = client;
    int rc = omcache_set_servers(mc, fleet.servers[1].address);
    assert_rc(rc, OMCACHE_FAIL);
    assert_rc(inside.free_rc, OMCACHE_OK);
    ck_assert_ptr_null(client);
    ck_assert_msg(inside.calls == 1, "%zu calls, the client was freed in the first", inside.calls);
}
END_TEST

/* The lookup finds that the server is back, which is logged. */
START_TEST(a_client_may_be_freed_during_a_lookup)
{
    fixture_servers(3);
    assert_rc(omcache_set_reconnect_timeout(client, 100), OMCACHE_OK);
    const char *key = key_for(1);
    memcached_kill(&fleet.servers[1]);
    assert_rc(omcache_noop(client, 1, -1), OMCACHE_NO_SERVERS);
    memcached_restart(&fleet.servers[1]);
    clock_sleep(100);
    begin_inside();
    assert_rc(omcache_set_log_callback(client, 6, free_at_log, NULL), OMCACHE_OK);
    int index = 0;
    for (int tries = 0; client && tries < 500; tries++) {
        index = omcache_server_index_for_key(client, TEXT(key));
        clock_sleep(2);
    }
    ck_assert_int_eq(index, -1);
    assert_freed_inside();
}
END_TEST

/* A request was half sent, so its connection is closed, which is logged. */
START_TEST(a_client_may_be_freed_while_it_is_reset)
{
    static unsigned char value[500000];
    fixture_servers(1);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    memcached_pause(&fleet.servers[0]);
    for (int i = 0; i < 15; i++) {
        assert_rc(omcache_set(client, TEXT("key"), value, sizeof(value), 0, 0, 0, 0),
                  OMCACHE_BUFFERED);
    }
    begin_inside();
    assert_rc(omcache_set_log_callback(client, 7, free_at_log, NULL), OMCACHE_OK);
    omcache_t *mc = client;
    assert_rc(omcache_reset_buffers(mc), OMCACHE_FAIL);
    assert_freed_inside();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("callback_reentry");
    TCase *exact = fixture_case(suite, "exact");
    tcase_add_test(exact, quiet_misses_are_not_told);
    tcase_add_test(exact, misses_that_the_server_reports_are_told);
    tcase_add_test(exact, answers_without_room_are_told);
    tcase_add_test(exact, it_is_told_before_the_value_is_stored);
    tcase_add_loop_test(exact, what_it_does_to_its_value_has_no_effect, 0, SIZES);
    tcase_add_test(exact, failures_are_told_with_their_keys);
    TCase *awkward = fixture_case(suite, "awkward");
    tcase_add_loop_test(awkward, calls_in_the_midst_of_a_batch_corrupt_nothing, 0, SIZES);
    tcase_add_test(awkward, calls_from_the_log_corrupt_nothing);
    tcase_add_test(awkward, a_client_may_be_freed_when_a_failure_is_told);
    tcase_add_test(awkward, a_client_may_be_freed_while_its_servers_change);
    tcase_add_test(awkward, a_client_may_be_freed_during_a_lookup);
    tcase_add_test(awkward, a_client_may_be_freed_while_it_is_reset);
    return fixture_run(suite);
}
