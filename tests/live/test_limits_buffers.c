/*
 * The limits of the send and receive buffers, to the byte.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/recorder.h"
#include "support/wire.h"

#include <stdio.h>

#define LIMIT ((size_t)5000)
#define SET_OVERHEAD 32 /* header, flags and expiration */

static unsigned char value[3 * LIMIT];

/* A set that makes `size` bytes on the wire. */
static int set_of(const char *key, size_t size, int32_t timeout)
{
    size_t len = size - SET_OVERHEAD - strlen(key);
    memset(value, 'v', sizeof(value));
    return omcache_set(client, TEXT(key), value, len, 0, 0, 0, timeout);
}

static void assert_stored_size(const char *key, size_t size)
{
    size_t len = 0;
    assert_rc(omcache_get(client, TEXT(key), NULL, &len, NULL, NULL, patience), OMCACHE_OK);
    ck_assert_uint_eq(len, size - SET_OVERHEAD - strlen(key));
}

/*
 * Sending.
 */

KEY_TEST(a_request_may_fill_the_send_limit)
{
    ONLY_BINARY;
    (void)server;
    assert_rc(omcache_set_send_buffer_max_size(client, LIMIT), OMCACHE_OK);
    assert_rc(set_of(key, LIMIT + 1, patience), OMCACHE_BUFFER_FULL);
    assert_missing(key);
    assert_rc(set_of(key, LIMIT, patience), OMCACHE_OK);
    assert_stored_size(key, LIMIT);
}

KEY_TEST(buffered_requests_may_fill_the_send_limit)
{
    (void)server;
    const char *first = key;
    const char *second = key_for((size_t)server);
    const char *third = key_for((size_t)server);
    assert_rc(omcache_set_send_buffer_max_size(client, LIMIT), OMCACHE_OK);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(set_of(first, LIMIT + 1, 0), OMCACHE_BUFFER_FULL);
    assert_rc(set_of(first, LIMIT - 1000, 0), OMCACHE_BUFFERED);
    assert_rc(set_of(second, 1001, 0), OMCACHE_BUFFER_FULL);
    assert_rc(set_of(second, 1000, 0), OMCACHE_BUFFERED);
    assert_rc(set_of(third, 100, 0), OMCACHE_BUFFER_FULL);
    drain(client);
    assert_stored_size(first, LIMIT - 1000);
    assert_stored_size(second, 1000);
    assert_missing(third);
    assert_rc(set_of(third, 100, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_stored_size(third, 100);
    assert_rc(omcache_set_buffering(client, 0), OMCACHE_OK);
}

START_TEST(the_send_limit_is_for_each_server)
{
    fixture_servers(3);
    const char *keys[3];
    assert_rc(omcache_set_send_buffer_max_size(client, LIMIT), OMCACHE_OK);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_rc(set_of(keys[i] = key_for(i), LIMIT, 0), OMCACHE_BUFFERED);
    }
    drain(client);
    for (size_t i = 0; i < 3; i++) {
        assert_stored_size(keys[i], LIMIT);
    }
}
END_TEST

START_TEST(a_batch_over_the_send_limit_is_cut)
{
    fixture_size(_i);
    omcache_req_t reqs[10];
    omcache_value_t values[10];
    size_t count = 10;
    size_t room = 10;
    for (size_t i = 0; i < count; i++) {
        wire_request(&reqs[i], 0, WIRE_NOOP, NULL);
    }
    assert_rc(omcache_set_send_buffer_max_size(client, (size_t)7 * WIRE_HEADER), OMCACHE_OK);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    ck_assert_uint_eq(count, 7);
    assert_rc(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, 7);
}
END_TEST

START_TEST(a_request_over_the_send_limit_goes_to_the_end)
{
    fixture_size(_i);
    static char large[LIMIT];
    omcache_req_t reqs[4];
    omcache_value_t values[4];
    size_t count = 4;
    size_t room = 4;
    memset(large, 'v', sizeof(large) - 1);
    wire_set(&reqs[0], 0, WIRE_SET, "first", "1");
    wire_set(&reqs[1], 0, WIRE_SET, "too large", large);
    wire_set(&reqs[2], 0, WIRE_SET, "third", "3");
    wire_set(&reqs[3], 0, WIRE_SET, "fourth", "4");
    assert_rc(omcache_set_send_buffer_max_size(client, LIMIT), OMCACHE_OK);
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq((const char *)reqs[0].key, "first");
    ck_assert_str_eq((const char *)reqs[1].key, "third");
    ck_assert_str_eq((const char *)reqs[2].key, "fourth");
    ck_assert_str_eq((const char *)reqs[3].key, "too large");
    assert_rc(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, 3);
}
END_TEST

START_TEST(the_send_limit_may_change_at_any_time)
{
    ONLY_BINARY;
    fixture_size(_i);
    const char *keys[3] = {key_for(0), key_for(0), key_for(0)};
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_set_send_buffer_max_size(client, LIMIT), OMCACHE_OK);
    assert_rc(set_of(keys[0], LIMIT - 1000, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_send_buffer_max_size(client, 2000), OMCACHE_OK);
    assert_rc(set_of(keys[1], 100, 0), OMCACHE_BUFFER_FULL);
    assert_rc(omcache_set_send_buffer_max_size(client, LIMIT + 1000), OMCACHE_OK);
    assert_rc(set_of(keys[1], 2001, 0), OMCACHE_BUFFER_FULL);
    assert_rc(set_of(keys[1], 2000, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_send_buffer_max_size(client, SIZE_MAX), OMCACHE_OK);
    assert_rc(set_of(keys[2], 2 * LIMIT, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_send_buffer_max_size(client, 0), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_BUFFER_FULL);
    drain(client);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_BUFFER_FULL);
    assert_rc(omcache_set_send_buffer_max_size(client, 100), OMCACHE_OK);
    assert_stored_size(keys[0], LIMIT - 1000);
    assert_stored_size(keys[1], 2000);
    assert_stored_size(keys[2], 2 * LIMIT);
}
END_TEST

/*
 * Receiving.
 */

/* The value length that makes the answer to a get of this key `body` long. */
static size_t len_for_body(const char *key, size_t body)
{
    return body - 4 - strlen(key);
}

KEY_TEST(an_answer_may_fill_the_receive_limit)
{
    const char *small = key_for((size_t)server);
    size_t len = 0;
    store(small, "small");
    assert_rc(omcache_set_recv_buffer_max_size(client, LIMIT), OMCACHE_OK);
    assert_rc(omcache_set(client, TEXT(key), value, len_for_body(key, LIMIT), 0, 0, 0, patience),
              OMCACHE_OK);
    assert_rc(omcache_get(client, TEXT(key), NULL, &len, NULL, NULL, patience), OMCACHE_OK);
    ck_assert_uint_eq(len, len_for_body(key, LIMIT));

    assert_rc(
        omcache_set(client, TEXT(key), value, len_for_body(key, LIMIT + 1), 0, 0, 0, patience),
        OMCACHE_OK);
    int64_t start = clock_ms();
    assert_rc(omcache_get(client, TEXT(key), NULL, &len, NULL, NULL, patience),
              OMCACHE_BUFFER_FULL);
    assert_within(start, 1000);
    ck_assert_uint_eq(len, 0);
    assert_stored(small, "small");
}

KEY_TEST(the_receive_limit_may_be_raised)
{
    (void)server;
    size_t len = 0;
    assert_rc(omcache_set_recv_buffer_max_size(client, LIMIT), OMCACHE_OK);
    assert_rc(omcache_set(client, TEXT(key), value, sizeof(value), 0, 0, 0, patience), OMCACHE_OK);
    assert_rc(omcache_get(client, TEXT(key), NULL, &len, NULL, NULL, patience),
              OMCACHE_BUFFER_FULL);
    assert_rc(omcache_set_recv_buffer_max_size(client, 2 * sizeof(value)), OMCACHE_OK);
    assert_rc(omcache_get(client, TEXT(key), NULL, &len, NULL, NULL, patience), OMCACHE_OK);
    ck_assert_uint_eq(len, sizeof(value));
}

/* The answer comes when the limit is already another. */
START_TEST(the_receive_limit_may_change_under_way)
{
    fixture_size(_i);
    const char *key = key_for(0);
    omcache_req_t req;
    omcache_value_t got;
    assert_rc(omcache_set(client, TEXT(key), value, len_for_body(key, LIMIT), 0, 0, 0, -1),
              OMCACHE_OK);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    for (size_t limit = LIMIT - 1; limit <= LIMIT; limit++) {
        size_t count = 1;
        size_t room = 1;
        wire_request(&req, -1, WIRE_GETK, key);
        assert_rc(omcache_set_recv_buffer_max_size(client, 2 * LIMIT - limit), OMCACHE_OK);
        assert_rc(omcache_command(client, &req, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
        assert_rc(omcache_set_recv_buffer_max_size(client, limit), OMCACHE_OK);
        assert_rc(omcache_io(client, &req, &count, &got, &room, -1), OMCACHE_OK);
        ck_assert_uint_eq(room, 1);
        assert_rc(got.status, limit < LIMIT ? OMCACHE_BUFFER_FULL : OMCACHE_OK);
    }
}
END_TEST

START_TEST(a_receive_limit_of_0_takes_empty_answers)
{
    fixture_size(_i);
    const char *key = key_for(0);
    assert_rc(omcache_set_recv_buffer_max_size(client, 0), OMCACHE_OK);
    store(key, "value");
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_rc(omcache_get(client, TEXT(key), NULL, NULL, NULL, NULL, -1), OMCACHE_BUFFER_FULL);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
}
END_TEST

/* The keys of a multi-get, and what it gives. */
#define KEYS_MAX 20
static char names[KEYS_MAX][8];
static const unsigned char *keys[KEYS_MAX];
static size_t lens[KEYS_MAX];
static omcache_req_t reqs[KEYS_MAX];
static omcache_value_t values[KEYS_MAX];

static void name_keys(void)
{
    for (size_t i = 0; i < KEYS_MAX; i++) {
        lens[i] = (size_t)snprintf(names[i], sizeof(names[i]), "key-%zu", i);
        keys[i] = (const unsigned char *)names[i];
    }
}

/* Each answer fills the limit alone, so that each must be taken before the next. */
START_TEST(answers_at_the_receive_limit_come_in_rounds)
{
    enum { KEYS = 8 };
    size_t count = KEYS;
    size_t room = KEYS;
    size_t found = 0;
    fixture_servers(1);
    name_keys();
    for (size_t i = 0; i < KEYS; i++) {
        memset(value, (int)('a' + i), LIMIT);
        size_t len = len_for_body(names[i], LIMIT);
        assert_rc(omcache_set(client, keys[i], lens[i], value, len, 0, 0, 0, -1), OMCACHE_OK);
    }
    assert_rc(omcache_set_recv_buffer_max_size(client, LIMIT), OMCACHE_OK);
    int rc = omcache_get_multi(client, keys, lens, KEYS, reqs, &count, values, &room, -1);
    for (;; rc = omcache_io(client, reqs, &count, values, &room, -1)) {
        assert_rc(rc, count ? OMCACHE_AGAIN : OMCACHE_OK);
        for (size_t i = 0; i < room; i++, found++) {
            ck_assert_uint_lt(found, KEYS);
            assert_rc(values[i].status, OMCACHE_OK);
            memset(value, (int)('a' + found), LIMIT);
            assert_bytes(values[i].data, values[i].data_len, value,
                         len_for_body(names[found], LIMIT));
        }
        if (count == 0) {
            break;
        }
        room = KEYS;
    }
    ck_assert_uint_eq(found, KEYS);
}
END_TEST

/* Where the application sees the descriptor, too. */
START_TEST(rounds_go_on_after_a_look_at_the_descriptors)
{
    enum { SIZE = 9000 };
    size_t count = KEYS_MAX;
    size_t room = KEYS_MAX;
    size_t found = 0;
    int nfds;
    int timeout;
    int64_t start;
    fixture_servers(1);
    name_keys();
    for (size_t i = 0; i < KEYS_MAX; i++) {
        assert_rc(omcache_set(client, keys[i], lens[i], value, SIZE, 0, 0, 0, -1), OMCACHE_OK);
    }
    assert_rc(omcache_set_recv_buffer_max_size(client, 3 * SIZE + 2411), OMCACHE_OK);
    ck_assert_ptr_nonnull(omcache_poll_fds(client, &nfds, &timeout));
    start = clock_ms();
    int rc = omcache_get_multi(client, keys, lens, KEYS_MAX, reqs, &count, values, &room, -1);
    for (found = room; rc == OMCACHE_AGAIN && found < KEYS_MAX; found += room) {
        room = KEYS_MAX;
        rc = omcache_io(client, reqs, &count, values, &room, -1);
    }
    assert_rc(rc, OMCACHE_OK);
    ck_assert_uint_eq(found, KEYS_MAX);
    assert_within(start, 5000);
}
END_TEST

START_TEST(too_large_an_answer_ends_a_multi_get)
{
    fixture_servers(1);
    const int statuses[] = {OMCACHE_OK, OMCACHE_BUFFER_FULL, OMCACHE_SERVER_FAILURE};
    size_t count = 3;
    size_t found = 0;
    name_keys();
    for (size_t i = 0; i < 3; i++) {
        size_t len = i == 1 ? sizeof(value) : 10;
        assert_rc(omcache_set(client, keys[i], lens[i], value, len, 0, 0, 0, -1), OMCACHE_OK);
    }
    assert_rc(omcache_set_recv_buffer_max_size(client, LIMIT), OMCACHE_OK);
    size_t room = 3;
    int rc = omcache_get_multi(client, keys, lens, 3, reqs, &count, values, &room, -1);
    for (;; rc = omcache_io(client, reqs, &count, values, &room, -1)) {
        assert_rc(rc, count ? OMCACHE_AGAIN : OMCACHE_OK);
        for (size_t i = 0; i < room; i++, found++) {
            ck_assert_uint_lt(found, 3);
            assert_rc(values[i].status, statuses[found]);
            assert_text(values[i].key, values[i].key_len, names[found]);
        }
        if (count == 0) {
            break;
        }
        room = 3;
    }
    ck_assert_uint_eq(found, 3);
    assert_rc(omcache_get(client, TEXT(names[2]), NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits_buffers");
    TCase *tcase = fixture_case(suite, "limits");
    tcase_add_loop_test(tcase, a_request_may_fill_the_send_limit, 0, VARIANTS);
    tcase_add_loop_test(tcase, buffered_requests_may_fill_the_send_limit, 0, VARIANTS);
    tcase_add_test(tcase, the_send_limit_is_for_each_server);
    tcase_add_loop_test(tcase, a_batch_over_the_send_limit_is_cut, 0, SIZES);
    tcase_add_loop_test(tcase, a_request_over_the_send_limit_goes_to_the_end, 0, SIZES);
    tcase_add_loop_test(tcase, the_send_limit_may_change_at_any_time, 0, SIZES);
    tcase_add_loop_test(tcase, an_answer_may_fill_the_receive_limit, 0, VARIANTS);
    tcase_add_loop_test(tcase, the_receive_limit_may_be_raised, 0, VARIANTS);
    tcase_add_loop_test(tcase, the_receive_limit_may_change_under_way, 0, SIZES);
    tcase_add_loop_test(tcase, a_receive_limit_of_0_takes_empty_answers, 0, SIZES);
    tcase_add_test(tcase, answers_at_the_receive_limit_come_in_rounds);
    tcase_add_test(tcase, rounds_go_on_after_a_look_at_the_descriptors);
    tcase_add_test(tcase, too_large_an_answer_ends_a_multi_get);
    return fixture_run(suite);
}
