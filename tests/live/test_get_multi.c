/*
 * get_multi and gat_multi against real servers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/recorder.h"

#include <stdio.h>
#include <stdlib.h>

#define KEYS_MAX 20000
#define BIG_VALUES 60
#define BIG_SIZE 60000

/* The batch under test: key i is "multi-i" and, if stored, has a value and flags
 * made from i. */
static struct {
    size_t count;
    char names[KEYS_MAX][32];
    const unsigned char *keys[KEYS_MAX];
    size_t lens[KEYS_MAX];
    time_t expirations[KEYS_MAX];
    omcache_req_t reqs[KEYS_MAX];
    size_t pending;
    omcache_value_t values[KEYS_MAX];
    size_t value_count;
    unsigned char seen[KEYS_MAX]; /* how often a value came */
} batch;

static void name_keys(size_t count)
{
    memset(&batch, 0, sizeof(batch));
    batch.count = count;
    for (size_t i = 0; i < count; i++) {
        batch.lens[i] = (size_t)snprintf(batch.names[i], sizeof(batch.names[i]), "multi-%zu", i);
        batch.keys[i] = (const unsigned char *)batch.names[i];
        batch.expirations[i] = 0;
    }
}

static size_t make_value(char *value, size_t i)
{
    return (size_t)sprintf(value, "the value of multi-%zu", i);
}

/* Stores every step-th value, through the buffers as one would store many. */
static void store_every(size_t step)
{
    omcache_set_buffering(client, 1);
    for (size_t i = 0; i < batch.count; i += step) {
        char value[64];
        size_t len = make_value(value, i);
        int rc = omcache_set(client, batch.keys[i], batch.lens[i], (unsigned char *)value, len, 0,
                             (uint32_t)i, 0, 0);
        ck_assert_msg(rc == OMCACHE_BUFFERED, "set %zu gave %s", i, rc_name(rc));
    }
    drain(client);
    omcache_set_buffering(client, 0);
}

/* Which key a value is for; its key must be one of the batch. */
static size_t key_number(const omcache_value_t *value)
{
    size_t i = KEYS_MAX;
    char text[32];
    ck_assert_msg(value->key && value->key_len < sizeof(text), "a value has the key '%s'",
                  printable(value->key, value->key_len));
    memcpy(text, value->key, value->key_len);
    text[value->key_len] = 0;
    ck_assert_msg(sscanf(text, "multi-%zu", &i) == 1 && i < batch.count, "a value has the key '%s'",
                  text);
    return i;
}

static void check_small_value(const omcache_value_t *value)
{
    char expected[64];
    size_t i = key_number(value);
    size_t len = make_value(expected, i);
    ck_assert_msg(value->status == OMCACHE_OK, "key %zu has status %s", i, rc_name(value->status));
    assert_bytes(value->data, value->data_len, expected, len);
    ck_assert_msg(value->flags == i, "key %zu has flags %u", i, value->flags);
    ck_assert_msg(value->cas != 0, "key %zu has no cas", i);
    batch.seen[i]++;
}

typedef void value_check(const omcache_value_t *value);

static void check_round(value_check *check, size_t room)
{
    ck_assert_msg(batch.value_count <= room, "%zu values, the room was %zu", batch.value_count,
                  room);
    for (size_t i = 0; i < batch.value_count; i++) {
        check(&batch.values[i]);
    }
}

/* Goes on after the first call returned rc, until all is there; returns how many
 * rounds that took with the first. */
static size_t finish(int rc, value_check *check, size_t room)
{
    size_t rounds = 1;
    size_t submitted = batch.pending;
    check_round(check, room);
    while (batch.pending > 0) {
        ck_assert_msg(rc == OMCACHE_AGAIN || rc == OMCACHE_BUFFERED, "%s and %zu requests pending",
                      rc_name(rc), batch.pending);
        ck_assert_uint_eq(batch.pending, submitted);
        batch.value_count = room;
        rc = omcache_io(client, batch.reqs, &batch.pending, batch.values, &batch.value_count,
                        patience);
        check_round(check, room);
        rounds++;
        ck_assert_uint_lt(rounds, KEYS_MAX);
    }
    assert_rc(rc, OMCACHE_OK);
    return rounds;
}

static int get_batch(size_t room, int32_t timeout)
{
    batch.pending = batch.count;
    batch.value_count = room;
    return omcache_get_multi(client, batch.keys, batch.lens, batch.count, batch.reqs,
                             &batch.pending, batch.values, &batch.value_count, timeout);
}

static int gat_batch(size_t room, int32_t timeout)
{
    batch.pending = batch.count;
    batch.value_count = room;
    return omcache_gat_multi(client, batch.keys, batch.lens, batch.expirations, batch.count,
                             batch.reqs, &batch.pending, batch.values, &batch.value_count, timeout);
}

typedef int batch_func(size_t room, int32_t timeout);
static batch_func *const both[] = {get_batch, gat_batch};

static void assert_seen_every(size_t step)
{
    for (size_t i = 0; i < batch.count; i++) {
        unsigned expected = i % step == 0;
        ck_assert_msg(batch.seen[i] == expected, "key %zu came %u times, expected %u", i,
                      batch.seen[i], expected);
    }
    memset(batch.seen, 0, sizeof(batch.seen));
}

START_TEST(hits_come_and_misses_do_not)
{
    fixture_variant(_i);
    name_keys(3000);
    store_every(2);
    for (size_t i = 0; i < 2; i++) {
        finish(both[i](batch.count, patience), check_small_value, batch.count);
        assert_seen_every(2);
    }
}
END_TEST

START_TEST(misses_alone_give_nothing)
{
    fixture_variant(_i);
    name_keys(500);
    for (size_t i = 0; i < 2; i++) {
        finish(both[i](batch.count, patience), check_small_value, batch.count);
        ck_assert_uint_eq(batch.value_count, 0);
    }
}
END_TEST

START_TEST(nothing_waits_with_timeout_0)
{
    fixture_variant(_i);
    name_keys(300);
    store_every(3);
    for (size_t i = 0; i < 2; i++) {
        int rc = both[i](batch.count, 0);
        assert_rc(rc, OMCACHE_BUFFERED);
        ck_assert_uint_eq(batch.pending, batch.count);
        ck_assert_uint_eq(batch.value_count, 0);
        finish(rc, check_small_value, batch.count);
        assert_seen_every(3);
    }
}
END_TEST

START_TEST(values_are_in_request_order_per_server)
{
    fixture_servers(1);
    name_keys(200);
    store_every(1);
    get_batch(batch.count, -1);
    ck_assert_uint_eq(batch.value_count, batch.count);
    for (size_t i = 0; i < batch.count; i++) {
        ck_assert_uint_eq(key_number(&batch.values[i]), i);
    }
}
END_TEST

START_TEST(what_finds_no_room_is_dropped)
{
    fixture_variant(_i);
    name_keys(200);
    store_every(2);
    for (size_t i = 0; i < 2; i++) {
        recorder_clear();
        omcache_set_response_callback(client, recorder_answer, NULL);
        size_t rounds = finish(both[i](10, patience), check_small_value, 10);
        drain(client); /* a fence's answer may come behind the last value */
        omcache_set_response_callback(client, NULL, NULL);
        size_t stored = 0;
        for (size_t key = 0; key < batch.count; key++) {
            stored += batch.seen[key];
        }
        ck_assert_msg(stored >= 10 && stored <= 10 * rounds, "%zu values in %zu rounds", stored,
                      rounds);
        memset(batch.seen, 0, sizeof(batch.seen));
        /* All were received, and each server's fence. */
        ck_assert_uint_eq(recorder.answer_count, 100 + fixture_fences(fleet.count));
    }
}
END_TEST

static void answer_hits(omcache_t *mc, omcache_value_t *result, void *context)
{
    (void)mc;
    if (result->key_len > 0) {
        check_small_value(result);
        (*(size_t *)context)++;
    }
}

START_TEST(the_callback_gets_values_without_room)
{
    fixture_variant(_i);
    name_keys(1000);
    store_every(4);
    for (size_t i = 0; i < 2; i++) {
        size_t hits = 0;
        omcache_set_response_callback(client, answer_hits, &hits);
        batch.pending = batch.count;
        int rc = i ? omcache_gat_multi(client, batch.keys, batch.lens, batch.expirations,
                                       batch.count, batch.reqs, &batch.pending, NULL, NULL, -1)
                   : omcache_get_multi(client, batch.keys, batch.lens, batch.count, batch.reqs,
                                       &batch.pending, NULL, NULL, -1);
        omcache_set_response_callback(client, NULL, NULL);
        assert_rc(rc, OMCACHE_OK);
        ck_assert_uint_eq(batch.pending, 0);
        ck_assert_uint_eq(hits, batch.count / 4);
        assert_seen_every(4);
    }
}
END_TEST

START_TEST(too_few_requests_are_refused)
{
    fixture_variant(_i);
    name_keys(10);
    for (size_t i = 0; i < 2; i++) {
        size_t requests = 9;
        size_t room = 10;
        int rc = i ? omcache_gat_multi(client, batch.keys, batch.lens, batch.expirations, 10,
                                       batch.reqs, &requests, batch.values, &room, patience)
                   : omcache_get_multi(client, batch.keys, batch.lens, 10, batch.reqs, &requests,
                                       batch.values, &room, patience);
        assert_rc(rc, OMCACHE_INVALID);
        ck_assert_uint_eq(requests, 9);
        ck_assert_uint_eq(room, 10);
        ck_assert_msg(!batch.reqs[0].key, "the requests were touched");
    }
}
END_TEST

/* So that what was not asked can be told. */
START_TEST(requests_are_filled_in_without_servers)
{
    name_keys(10);
    omcache_t *mc = fixture_client("");
    batch.pending = 10;
    memset(batch.reqs, 0xaa, sizeof(batch.reqs));
    assert_rc(omcache_get_multi(mc, batch.keys, batch.lens, 10, batch.reqs, &batch.pending, NULL,
                                NULL, patience),
              OMCACHE_NO_SERVERS);
    ck_assert_uint_eq(batch.pending, 0);
    for (size_t i = 0; i < 10; i++) {
        ck_assert_ptr_eq(batch.reqs[i].key, batch.keys[i]);
        ck_assert_int_eq(batch.reqs[i].server_index, -1);
    }
}
END_TEST

START_TEST(surplus_requests_are_not_sent)
{
    fixture_variant(_i);
    name_keys(10);
    store_every(1);
    batch.pending = 50;
    batch.value_count = 50;
    int rc = omcache_get_multi(client, batch.keys, batch.lens, 10, batch.reqs, &batch.pending,
                               batch.values, &batch.value_count, patience);
    finish(rc, check_small_value, 50);
    assert_seen_every(1);
}
END_TEST

START_TEST(one_key_may_be_asked_for_twice)
{
    fixture_variant(_i);
    name_keys(2);
    store_every(1);
    batch.keys[1] = batch.keys[0];
    batch.lens[1] = batch.lens[0];
    finish(get_batch(2, patience), check_small_value, 2);
    ck_assert_uint_eq(batch.seen[0], 2);
}
END_TEST

START_TEST(no_keys_are_done_at_once)
{
    fixture_variant(_i);
    name_keys(1);
    size_t requests = 0;
    size_t room = 1;
    int rc = omcache_get_multi(client, batch.keys, batch.lens, 0, batch.reqs, &requests,
                               batch.values, &room, patience);
    assert_rc(rc, OMCACHE_OK);
    ck_assert_uint_eq(requests, 0);
    ck_assert_uint_eq(room, 0);
}
END_TEST

START_TEST(gat_multi_gives_each_key_its_expiration)
{
    fixture_variant(_i);
    name_keys(400);
    store_every(1);
    for (size_t i = 0; i < batch.count; i++) {
        batch.expirations[i] = i % 2 ? long_ago() : 100;
    }
    finish(gat_batch(batch.count, patience), check_small_value, batch.count);
    assert_seen_every(1);
    finish(get_batch(batch.count, patience), check_small_value, batch.count);
    assert_seen_every(2);
}
END_TEST

/*
 * More than the receive buffer takes.
 */

/* Different for each key and each place, so that moved or mixed bytes show. */
static void make_big_value(unsigned char *value, size_t i)
{
    uint32_t state = (uint32_t)i * 2654435761u + 1;
    for (size_t at = 0; at < BIG_SIZE; at++) {
        state = state * 1664525u + 1013904223u;
        value[at] = (unsigned char)(state >> 24);
    }
}

static void check_big_value(const omcache_value_t *value)
{
    static unsigned char expected[BIG_SIZE];
    size_t i = key_number(value);
    assert_rc(value->status, OMCACHE_OK);
    make_big_value(expected, i);
    ck_assert_msg(same_bytes(value->data, value->data_len, expected, BIG_SIZE),
                  "the %zu bytes of key %zu are not what was stored", value->data_len, i);
    batch.seen[i]++;
}

START_TEST(big_values_come_in_rounds)
{
    static unsigned char value[BIG_SIZE];
    fixture_variant(_i);
    name_keys(BIG_VALUES);
    for (size_t i = 0; i < BIG_VALUES; i++) {
        make_big_value(value, i);
        assert_rc(omcache_set(client, batch.keys[i], batch.lens[i], value, BIG_SIZE, 0, 0, 0, -1),
                  OMCACHE_OK);
    }
    size_t rounds = finish(get_batch(BIG_VALUES, patience), check_big_value, BIG_VALUES);
    assert_seen_every(1);
    /* 3.6 MB do not fit in 1056 kB, and nothing handed out may be overwritten. */
    ck_assert_msg(fleet.count > 1 || rounds > 3, "only %zu rounds", rounds);
}
END_TEST

/* The server stops reading while it cannot write, and then the client must read
 * before it can write on. */
START_TEST(any_number_of_keys_cannot_deadlock)
{
    static unsigned char value[2000];
    fixture_size(_i);
    name_keys(KEYS_MAX);
    for (size_t i = 0; i < batch.count; i++) {
        batch.keys[i] = batch.keys[i % 30];
        batch.lens[i] = batch.lens[i % 30];
    }
    for (size_t i = 0; i < 30; i++) {
        assert_rc(
            omcache_set(client, batch.keys[i], batch.lens[i], value, sizeof(value), 0, 0, 0, -1),
            OMCACHE_OK);
    }
    omcache_set_response_callback(client, recorder_answer, NULL);
    batch.pending = batch.count;
    int rc = omcache_get_multi(client, batch.keys, batch.lens, batch.count, batch.reqs,
                               &batch.pending, NULL, NULL, 30000);
    assert_rc(rc, OMCACHE_OK);
    ck_assert_uint_eq(batch.pending, 0);
    drain(client);
    ck_assert_uint_eq(recorder.answer_count, KEYS_MAX + fixture_fences(fleet.count));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("get_multi");
    TCase *tcase = fixture_case(suite, "multi");
    tcase_add_loop_test(tcase, hits_come_and_misses_do_not, 0, VARIANTS);
    tcase_add_loop_test(tcase, misses_alone_give_nothing, 0, VARIANTS);
    tcase_add_loop_test(tcase, nothing_waits_with_timeout_0, 0, VARIANTS);
    tcase_add_test(tcase, values_are_in_request_order_per_server);
    tcase_add_loop_test(tcase, what_finds_no_room_is_dropped, 0, VARIANTS);
    tcase_add_loop_test(tcase, the_callback_gets_values_without_room, 0, VARIANTS);
    tcase_add_loop_test(tcase, too_few_requests_are_refused, 0, VARIANTS);
    tcase_add_test(tcase, requests_are_filled_in_without_servers);
    tcase_add_loop_test(tcase, surplus_requests_are_not_sent, 0, VARIANTS);
    tcase_add_loop_test(tcase, one_key_may_be_asked_for_twice, 0, VARIANTS);
    tcase_add_loop_test(tcase, no_keys_are_done_at_once, 0, VARIANTS);
    tcase_add_loop_test(tcase, gat_multi_gives_each_key_its_expiration, 0, VARIANTS);
    tcase_add_loop_test(tcase, big_values_come_in_rounds, 0, VARIANTS);
    tcase_add_loop_test(tcase, any_number_of_keys_cannot_deadlock, 0, SIZES);
    return fixture_run(suite);
}
