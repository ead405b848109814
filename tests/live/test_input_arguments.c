/*
 * Arguments that make no sense, and keys and values at the edges of what does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/wire.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY TEXT("key")
#define VALUE TEXT("value")

/* Filled by requests that must be refused, so nothing of it may change. */
static omcache_req_t reqs[2];
static omcache_value_t values[2];
static size_t count;
static size_t room;

static void reset_arrays(void)
{
    memset(reqs, 0, sizeof(reqs));
    memset(values, 0, sizeof(values));
    count = 2;
    room = 2;
}

/* Whether no byte differs, padding included. */
static bool same(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

static void assert_untouched(void)
{
    static const omcache_req_t no_req;
    static const omcache_value_t no_value;
    ck_assert_msg(count == 2 && room == 2, "counts are %zu and %zu", count, room);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_msg(same(&reqs[i], &no_req, sizeof(no_req)), "request %zu changed", i);
        ck_assert_msg(same(&values[i], &no_value, sizeof(no_value)), "value %zu changed", i);
    }
}

/* A client with a peer that records; nothing of what follows may reach it. */
static struct peer *peer;

static void recorded_client(void)
{
    peer = peer_start(0, wire_serve, NULL);
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    peer_forget(peer);
}

static void assert_nothing_sent(void)
{
    drain(client);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    ck_assert_str_eq(wire_opcodes(peer), "0a");
    ck_assert_uint_eq(peer_connections(peer), 1);
}

/*
 * Without a client.
 */

START_TEST(settings_need_a_client)
{
    assert_rc(omcache_free(NULL), OMCACHE_INVALID);
    assert_rc(omcache_set_connect_timeout(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_set_reconnect_timeout(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_set_dead_timeout(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_set_send_buffer_max_size(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_set_recv_buffer_max_size(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_set_buffering(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_set_servers(NULL, "127.0.0.1"), OMCACHE_INVALID);
    assert_rc(omcache_set_distribution_method(NULL, &omcache_dist_libmemcached_ketama),
              OMCACHE_INVALID);
    assert_rc(omcache_set_log_callback(NULL, 0, recorder_log, NULL), OMCACHE_INVALID);
    assert_rc(omcache_set_response_callback(NULL, recorder_answer, NULL), OMCACHE_INVALID);
    assert_rc(omcache_reset_buffers(NULL), OMCACHE_INVALID);
    assert_rc(omcache_server_info_free(NULL, NULL), OMCACHE_INVALID);
    ck_assert_ptr_null(omcache_server_info(NULL, 0));
    ck_assert_int_eq(omcache_server_index_for_key(NULL, KEY), -1);
}
END_TEST

START_TEST(commands_need_a_client)
{
    const unsigned char *keys[1] = {(const unsigned char *)"key"};
    size_t lens[1] = {3};
    time_t expirations[1] = {0};
    reset_arrays();
    assert_rc(omcache_noop(NULL, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_stat(NULL, NULL, values, &room, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_flush_all(NULL, 0, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_verbosity(NULL, 0, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_cache_memlimit(NULL, 64, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_set(NULL, KEY, VALUE, 0, 0, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_add(NULL, KEY, VALUE, 0, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_replace(NULL, KEY, VALUE, 0, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_append(NULL, KEY, VALUE, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_prepend(NULL, KEY, VALUE, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_increment(NULL, KEY, 1, 1, 0, NULL, -1), OMCACHE_INVALID);
    assert_rc(omcache_decrement(NULL, KEY, 1, 1, 0, NULL, -1), OMCACHE_INVALID);
    assert_rc(omcache_delete(NULL, KEY, -1), OMCACHE_INVALID);
    assert_rc(omcache_touch(NULL, KEY, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_get(NULL, KEY, NULL, NULL, NULL, NULL, -1), OMCACHE_INVALID);
    assert_rc(omcache_gat(NULL, KEY, NULL, NULL, 0, NULL, NULL, -1), OMCACHE_INVALID);
    assert_rc(omcache_get_multi(NULL, keys, lens, 1, reqs, &count, values, &room, -1),
              OMCACHE_INVALID);
    assert_rc(omcache_gat_multi(NULL, keys, lens, expirations, 1, reqs, &count, values, &room, -1),
              OMCACHE_INVALID);
    assert_rc(omcache_io(NULL, reqs, &count, values, &room, -1), OMCACHE_INVALID);
    assert_rc(omcache_command(NULL, reqs, &count, values, &room, -1), OMCACHE_INVALID);
    assert_rc(omcache_command_status(NULL, reqs, -1), OMCACHE_INVALID);
    assert_untouched();
}
END_TEST

/*
 * Without something else.
 */

START_TEST(pointers_must_be_there)
{
    const unsigned char *keys[2] = {(const unsigned char *)"key", NULL};
    size_t lens[2] = {3, 3};
    time_t expirations[2] = {0, 0};
    recorded_client();
    reset_arrays();
    assert_rc(omcache_set_servers(client, NULL), OMCACHE_INVALID);
    assert_rc(omcache_set_distribution_method(client, NULL), OMCACHE_INVALID);
    assert_rc(omcache_server_info_free(client, NULL), OMCACHE_INVALID);
    assert_rc(omcache_command(client, NULL, &count, values, &room, -1), OMCACHE_INVALID);
    assert_rc(omcache_command(client, reqs, NULL, values, &room, -1), OMCACHE_INVALID);
    assert_rc(omcache_command_status(client, NULL, -1), OMCACHE_INVALID);

    assert_rc(omcache_get_multi(client, NULL, lens, 2, reqs, &count, values, &room, -1),
              OMCACHE_INVALID);
    assert_rc(omcache_get_multi(client, keys, NULL, 2, reqs, &count, values, &room, -1),
              OMCACHE_INVALID);
    assert_rc(omcache_get_multi(client, keys, lens, 2, NULL, &count, values, &room, -1),
              OMCACHE_INVALID);
    assert_rc(omcache_get_multi(client, keys, lens, 2, reqs, NULL, values, &room, -1),
              OMCACHE_INVALID);
    assert_rc(omcache_gat_multi(client, keys, lens, NULL, 2, reqs, &count, values, &room, -1),
              OMCACHE_INVALID);
    assert_rc(
        omcache_gat_multi(client, NULL, lens, expirations, 2, reqs, &count, values, &room, -1),
        OMCACHE_INVALID);
    assert_untouched();
    /* One key of two is missing. */
    assert_rc(omcache_get_multi(client, keys, lens, 2, reqs, &count, values, &room, -1),
              OMCACHE_INVALID);
    assert_rc(
        omcache_gat_multi(client, keys, lens, expirations, 2, reqs, &count, values, &room, -1),
        OMCACHE_INVALID);
    assert_nothing_sent();
}
END_TEST

START_TEST(values_must_be_there)
{
    recorded_client();
    assert_rc(omcache_set(client, KEY, NULL, 5, 0, 0, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_add(client, KEY, NULL, 5, 0, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_replace(client, KEY, NULL, 5, 0, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_append(client, KEY, NULL, 5, 0, -1), OMCACHE_INVALID);
    assert_rc(omcache_prepend(client, KEY, NULL, 5, 0, -1), OMCACHE_INVALID);
    assert_nothing_sent();
}
END_TEST

START_TEST(poll_fds_needs_its_outputs)
{
    recorded_client();
    int nfds = 7;
    int timeout = 7;
    ck_assert_ptr_null(omcache_poll_fds(NULL, &nfds, &timeout));
    ck_assert_int_eq(nfds, 0);
    nfds = 7;
    ck_assert_ptr_null(omcache_poll_fds(client, &nfds, NULL));
    ck_assert_int_eq(nfds, 0);
    ck_assert_ptr_null(omcache_poll_fds(client, NULL, &timeout));
    ck_assert_ptr_null(omcache_poll_fds(client, NULL, NULL));
}
END_TEST

START_TEST(nobody_need_listen)
{
    recorded_client();
    assert_rc(omcache_set_log_callback(client, 7, NULL, &client), OMCACHE_OK);
    assert_rc(omcache_set_response_callback(client, NULL, &client), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
}
END_TEST

/*
 * Keys.
 */

static void assert_key_refused(const unsigned char *key, size_t key_len, int32_t timeout)
{
    const unsigned char *keys[2] = {(const unsigned char *)"good", key};
    size_t lens[2] = {4, key_len};
    time_t expirations[2] = {0, 0};
    uint64_t number = 0;
    assert_rc(omcache_set(client, key, key_len, VALUE, 0, 0, 0, timeout), OMCACHE_INVALID);
    assert_rc(omcache_add(client, key, key_len, VALUE, 0, 0, timeout), OMCACHE_INVALID);
    assert_rc(omcache_replace(client, key, key_len, VALUE, 0, 0, timeout), OMCACHE_INVALID);
    assert_rc(omcache_append(client, key, key_len, VALUE, 0, timeout), OMCACHE_INVALID);
    assert_rc(omcache_prepend(client, key, key_len, VALUE, 0, timeout), OMCACHE_INVALID);
    assert_rc(omcache_increment(client, key, key_len, 1, 1, 0, &number, timeout), OMCACHE_INVALID);
    assert_rc(omcache_decrement(client, key, key_len, 1, 1, 0, &number, timeout), OMCACHE_INVALID);
    assert_rc(omcache_delete(client, key, key_len, timeout), OMCACHE_INVALID);
    assert_rc(omcache_touch(client, key, key_len, 0, timeout), OMCACHE_INVALID);
    assert_rc(omcache_get(client, key, key_len, NULL, NULL, NULL, NULL, timeout), OMCACHE_INVALID);
    assert_rc(omcache_gat(client, key, key_len, NULL, NULL, 0, NULL, NULL, timeout),
              OMCACHE_INVALID);
    reset_arrays();
    assert_rc(omcache_get_multi(client, keys, lens, 2, reqs, &count, values, &room, timeout),
              OMCACHE_INVALID);
    reset_arrays();
    assert_rc(
        omcache_gat_multi(client, keys, lens, expirations, 2, reqs, &count, values, &room, timeout),
        OMCACHE_INVALID);
}

START_TEST(keys_have_1_to_250_bytes)
{
    unsigned char long_key[251];
    memset(long_key, 'k', sizeof(long_key));
    recorded_client();
    for (int32_t timeout = -1; timeout <= 0; timeout++) {
        assert_key_refused(long_key, 0, timeout);
        assert_key_refused(NULL, 0, timeout);
        assert_key_refused(NULL, 3, timeout);
        assert_key_refused(long_key, 251, timeout);
        assert_key_refused(long_key, (size_t)65536 + 3, timeout);
        assert_key_refused(long_key, SIZE_MAX, timeout);
    }
    assert_nothing_sent();
}
END_TEST

START_TEST(an_index_needs_a_key)
{
    unsigned char long_key[251];
    memset(long_key, 'k', sizeof(long_key));
    client = fixture_client("127.0.0.1:1,127.0.0.1:2");
    ck_assert_int_eq(omcache_server_index_for_key(client, NULL, 3), -1);
    ck_assert_int_eq(omcache_server_index_for_key(client, long_key, 0), -1);
    ck_assert_int_eq(omcache_server_index_for_key(client, long_key, 251), -1);
    ck_assert_int_ge(omcache_server_index_for_key(client, long_key, 250), 0);
}
END_TEST

static void assert_round_trip(const unsigned char *key, size_t key_len)
{
    const unsigned char *value;
    size_t len;
    int rc = omcache_set(client, key, key_len, key, key_len, 0, 0, 0, -1);
    ck_assert_msg(rc == OMCACHE_OK, "setting '%s' gave %s", printable(key, key_len), rc_name(rc));
    rc = omcache_get(client, key, key_len, &value, &len, NULL, NULL, -1);
    ck_assert_msg(rc == OMCACHE_OK, "getting '%s' gave %s", printable(key, key_len), rc_name(rc));
    assert_bytes(value, len, key, key_len);
}

START_TEST(keys_may_be_any_bytes)
{
    ONLY_BINARY;
    fixture_size(_i);
    unsigned char key[250];
    for (size_t byte = 0; byte < 256; byte++) {
        key[0] = (unsigned char)byte;
        assert_round_trip(key, 1);
        memset(key, (int)byte, sizeof(key));
        assert_round_trip(key, 250);
    }
    for (size_t start = 0; start < 256; start += 6) {
        for (size_t i = 0; i < sizeof(key); i++) {
            key[i] = (unsigned char)(start + i);
        }
        assert_round_trip(key, 249);
    }
}
END_TEST

/* Each key gets its own value, so keys are told apart by every byte and by length. */
START_TEST(similar_keys_are_different)
{
    NOT_OVER_TEXT; /* some have blanks */
    fixture_size(_i);
    static const struct {
        const char *bytes;
        size_t len;
    } keys[] = {{"a", 1},     {"a\0", 2}, {"a\0\0", 3}, {"a\0b", 3}, {"a ", 2},
                {"a\r\n", 3}, {"A", 1},   {"\0", 1},    {"\0a", 2},  {"a\xff", 2}};
    const size_t number = sizeof(keys) / sizeof(keys[0]);
    for (size_t i = 0; i < number; i++) {
        const unsigned char value = (unsigned char)i;
        assert_rc(omcache_set(client, (const unsigned char *)keys[i].bytes, keys[i].len, &value, 1,
                              0, 0, 0, -1),
                  OMCACHE_OK);
    }
    for (size_t i = 0; i < number; i++) {
        const unsigned char *value;
        size_t len;
        assert_rc(omcache_get(client, (const unsigned char *)keys[i].bytes, keys[i].len, &value,
                              &len, NULL, NULL, -1),
                  OMCACHE_OK);
        ck_assert_msg(len == 1 && value[0] == i, "key %zu has the value '%s'", i,
                      printable(value, len));
    }
}
END_TEST

/*
 * Values.
 */

START_TEST(values_may_have_any_length)
{
    static const size_t lens[] = {0,    1,    2,     23,    24,    25,    255,     256,    4071,
                                  4095, 4096, 16383, 16384, 65535, 65536, 1000000, 1048000};
    unsigned char *value = malloc(1048000);
    fixture_size(_i);
    ck_assert_ptr_nonnull(value);
    for (size_t i = 0; i < 1048000; i++) {
        value[i] = (unsigned char)(i * 2654435761u >> 16);
    }
    bool same = true;
    size_t at = 0;
    for (; same && at < sizeof(lens) / sizeof(lens[0]); at++) {
        const unsigned char *got;
        size_t got_len = 0;
        same = omcache_set(client, KEY, value, lens[at], 0, 0, 0, -1) == OMCACHE_OK &&
               omcache_get(client, KEY, &got, &got_len, NULL, NULL, -1) == OMCACHE_OK &&
               same_bytes(got, got_len, value, lens[at]);
    }
    free(value);
    ck_assert_msg(same, "a value of %zu bytes is not stored and read as it was", lens[at - 1]);
}
END_TEST

/*
 * Raw requests.
 */

static void assert_request_refused(const char *what)
{
    omcache_req_t before = reqs[1];
    int rc = omcache_command(client, reqs, &count, values, &room, -1);
    ck_assert_msg(rc == OMCACHE_INVALID, "%s gave %s", what, rc_name(rc));
    ck_assert_msg(count == 2 && room == 2, "%s: counts are %zu and %zu", what, count, room);
    ck_assert_msg(same(&before, &reqs[1], sizeof(before)), "%s: the request changed", what);
    rc = omcache_command_status(client, &reqs[1], -1);
    ck_assert_msg(rc == OMCACHE_INVALID, "%s alone gave %s", what, rc_name(rc));
}

static void good_requests(void)
{
    reset_arrays();
    wire_request(&reqs[0], -1, WIRE_GETK, "key");
    wire_set(&reqs[1], -1, WIRE_SET, "key", "value");
}

START_TEST(raw_requests_must_fit_together)
{
    recorded_client();
    good_requests();
    reqs[1].header.bodylen = htonl(10);
    assert_request_refused("a body shorter than extras and key");
    good_requests();
    reqs[1].extra = NULL;
    assert_request_refused("extras without a pointer");
    good_requests();
    reqs[1].data = NULL;
    assert_request_refused("data without a pointer");
    good_requests();
    reqs[1].key = NULL;
    assert_request_refused("a key without a pointer");
    good_requests();
    reqs[1].header.keylen = htons(251);
    reqs[1].header.bodylen = htonl(8 + 251);
    assert_request_refused("a key of 251 bytes");
    good_requests();
    wire_request(&reqs[1], 0, WIRE_GETK, NULL);
    assert_request_refused("a get without a key");
    assert_nothing_sent();
}
END_TEST

START_TEST(a_negative_index_is_no_server)
{
    reset_arrays();
    fixture_servers(1);
    assert_rc(omcache_noop(client, -1, 100), OMCACHE_NO_SERVERS);
    assert_rc(omcache_flush_all(client, 0, -1, 100), OMCACHE_NO_SERVERS);
    assert_rc(omcache_stat(client, NULL, values, &count, -1, 100), OMCACHE_NO_SERVERS);
    ck_assert_uint_eq(count, 0);
    assert_rc(omcache_stat(client, NULL, NULL, NULL, -1, 100), OMCACHE_NO_SERVERS);
}
END_TEST

/* Ports are text that only a connection looks at. */
START_TEST(the_port_of_a_server_info_is_the_nearest_number)
{
    static const struct {
        const char *servers;
        int port;
    } cases[] = {
        {"127.0.0.1:99999999999", INT_MAX},
        {"127.0.0.1:-99999999999", INT_MIN},
        {"127.0.0.1:x", 0},
    };
    omcache_server_info_t *info;
    client = fixture_client("");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_rc(omcache_set_servers(client, cases[i].servers), OMCACHE_OK);
        info = omcache_server_info(client, 0);
        ck_assert_ptr_nonnull(info);
        ck_assert_int_eq(info->port, cases[i].port);
        assert_rc(omcache_server_info_free(client, info), OMCACHE_OK);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("input_arguments");
    TCase *tcase = fixture_case(suite, "arguments");
    tcase_add_test(tcase, settings_need_a_client);
    tcase_add_test(tcase, commands_need_a_client);
    tcase_add_test(tcase, pointers_must_be_there);
    tcase_add_test(tcase, values_must_be_there);
    tcase_add_test(tcase, poll_fds_needs_its_outputs);
    tcase_add_test(tcase, nobody_need_listen);
    tcase_add_test(tcase, keys_have_1_to_250_bytes);
    tcase_add_test(tcase, an_index_needs_a_key);
    tcase_add_loop_test(tcase, keys_may_be_any_bytes, 0, SIZES);
    tcase_add_loop_test(tcase, similar_keys_are_different, 0, SIZES);
    tcase_add_loop_test(tcase, values_may_have_any_length, 0, SIZES);
    tcase_add_test(tcase, raw_requests_must_fit_together);
    tcase_add_test(tcase, a_negative_index_is_no_server);
    tcase_add_test(tcase, the_port_of_a_server_info_is_the_nearest_number);
    return fixture_run(suite);
}
