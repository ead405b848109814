/*
 * What calls give when things go wrong: timeouts, failures, too little room, and
 * what becomes of the outputs then.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/calls.h"
#include "support/fixture.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/unusable.h"
#include "support/wire.h"

#include <stdio.h>

#define BIG 60
#define BIG_SIZE 60000
#define DEAD 200

static omcache_req_t reqs[BIG];
static omcache_value_t values[BIG];
static struct peer *peer;

/* A client, known to its peer, of one that behaves as the keys say. */
static void moody_peer(void)
{
    peer = peer_start(0, peer_moody, NULL);
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_set_dead_timeout(client, DEAD), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
}

static void request_keys(const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wire_request(&reqs[i], -1, WIRE_GETK, keys[i]);
    }
}

/*
 * omcache_io
 */

START_TEST(a_timeout_keeps_what_came)
{
    static const char *const keys[] = {"one", "two", "held", "three"};
    size_t count = 4;
    size_t room = 4;
    moody_peer();
    assert_rc(omcache_set_dead_timeout(client, 10000), OMCACHE_OK);
    request_keys(keys, 4);
    assert_rc(omcache_command(client, reqs, &count, values, &room, 100), OMCACHE_AGAIN);
    ck_assert_msg(count == 4 && room == 2, "%zu requests pending, %zu values", count, room);
    assert_text(values[0].data, values[0].data_len, "value of one");
    assert_text(values[1].data, values[1].data_len, "value of two");
    room = 4;
    peer_release();
    assert_rc(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_msg(count == 0 && room == 2, "%zu requests pending, %zu values", count, room);
    assert_text(values[0].data, values[0].data_len, "value of held");
    assert_text(values[1].data, values[1].data_len, "value of three");
}
END_TEST

START_TEST(failures_are_values_with_the_caller_s_keys)
{
    static const char *const keys[] = {"one", "never", "never again"};
    size_t count = 3;
    size_t room = 3;
    moody_peer();
    request_keys(keys, 3);
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_msg(count == 0 && room == 3, "%zu requests pending, %zu values", count, room);
    assert_rc(values[0].status, OMCACHE_OK);
    for (size_t i = 1; i < 3; i++) {
        assert_rc(values[i].status, OMCACHE_SERVER_FAILURE);
        ck_assert_msg(values[i].key == reqs[i].key && values[i].key_len == strlen(keys[i]),
                      "failure %zu has the key '%s'", i,
                      printable(values[i].key, values[i].key_len));
        ck_assert_msg(!values[i].data && !values[i].data_len, "failure %zu has data", i);
    }
}
END_TEST

/* A miss, an unknown server and a dead one: none of it is io's own failure. */
START_TEST(io_itself_does_not_fail)
{
    static const char *const keys[] = {"absent"};
    size_t count = 1;
    size_t room = 1;
    fixture_servers(1);
    request_keys(keys, 1);
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_io(client, reqs, &count, values, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(room, 1);
    assert_rc(values[0].status, OMCACHE_NOT_FOUND);
    assert_rc(omcache_set_servers(client, nobody()), OMCACHE_OK);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    count = 1;
    room = 1;
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_msg(count == 0 && room == 1, "%zu requests pending, %zu values", count, room);
    assert_rc(values[0].status, OMCACHE_SERVER_FAILURE);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    room = 1;
    assert_rc(omcache_io(client, NULL, NULL, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, 0);
}
END_TEST

/* Quiet requests have an answer when they hit or fail, and then it is a value. */
START_TEST(quiet_requests_tell_the_unusual)
{
    ONLY_BINARY;
    static const struct {
        uint8_t opcode;
        const char *key;
        int status;
        const char *data;
    } told[] = {
        {WIRE_ADDQ, "there", OMCACHE_KEY_EXISTS, NULL},
        {0x14, "absent", OMCACHE_NOT_FOUND, NULL},
        {0x09, "there", OMCACHE_OK, "value"},
        {WIRE_GETKQ, "there", OMCACHE_OK, "value"},
        /* and these are silent */
        {0x09, "absent", 0, NULL},
        {WIRE_SETQ, "new", 0, NULL},
        {0x14, "there", 0, NULL},
    };
    size_t count = 7;
    size_t room = 7;
    fixture_servers(1);
    store("there", "value");
    for (size_t i = 0; i < count; i++) {
        if (told[i].opcode == WIRE_ADDQ || told[i].opcode == WIRE_SETQ) {
            wire_set(&reqs[i], -1, told[i].opcode, told[i].key, "other");
        } else {
            wire_request(&reqs[i], -1, told[i].opcode, told[i].key);
        }
    }
    assert_rc(omcache_command(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_msg(count == 0 && room == 4, "%zu requests pending, %zu values", count, room);
    for (size_t i = 0; i < room; i++) {
        assert_rc(values[i].status, told[i].status);
        if (told[i].data) {
            assert_text(values[i].data, values[i].data_len, told[i].data);
        }
    }
    assert_missing("there");
    assert_stored("new", "other");
}
END_TEST

START_TEST(without_a_count_no_values_are_stored)
{
    static const char *const keys[] = {"one", "two"};
    size_t count = 2;
    size_t none = 0;
    size_t room = 2;
    moody_peer();
    request_keys(keys, 2);
    memset(values, 0, sizeof(values));
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_io(client, reqs, &none, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, 0);
    ck_assert_msg(!values[0].key, "a value was stored");
}
END_TEST

static void record_log(void)
{
    recorder_clear();
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_set_response_callback(client, recorder_answer, NULL), OMCACHE_OK);
}

START_TEST(too_little_room_is_logged_once)
{
    static const char *const keys[] = {"one", "two", "three", "four"};
    size_t count = 4;
    size_t room = 2;
    moody_peer();
    request_keys(keys, 4);
    record_log();
    assert_rc(omcache_command(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_msg(count == 0 && room == 2, "%zu requests pending, %zu values", count, room);
    ck_assert_msg(recorder_has_line(4, "more answers") && recorder.line_count == 1,
                  "%zu lines, the first is '%s'", recorder.line_count, recorder.lines[0].text);
    ck_assert_int_eq(recorder.lines[0].level, 4);
    ck_assert_msg(recorder_count(OMCACHE_OK) == 4, "answers: %s", recorder_summary());
}
END_TEST

START_TEST(no_room_at_all_is_silent)
{
    static const char *const keys[] = {"one", "two", "three", "four"};
    size_t count = 4;
    size_t room = _i % 2 ? 4 : 0;
    moody_peer();
    request_keys(keys, 4);
    record_log();
    memset(values, 0, sizeof(values));
    assert_rc(omcache_command(client, reqs, &count, _i == 1 || _i == 2 ? NULL : values,
                              _i < 2 ? &room : NULL, -1),
              OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_msg(_i >= 2 || room == 0, "%zu values are said to be stored", room);
    ck_assert_msg(!values[0].key, "a value was stored");
    ck_assert_msg(recorder.line_count == 0, "log: %s", recorder.lines[0].text);
    ck_assert_msg(recorder_count(OMCACHE_OK) == 4, "answers: %s", recorder_summary());
}
END_TEST

/* Values handed out pin the receive buffer: the call ends early, not at its
 * timeout, and what it gave stays as it is. */
START_TEST(a_full_receive_buffer_ends_a_call_early)
{
    static unsigned char value[BIG_SIZE];
    static char names[BIG][16];
    const unsigned char *keys[BIG];
    size_t lens[BIG];
    size_t count = BIG;
    size_t room = BIG;
    fixture_servers(1);
    for (size_t i = 0; i < BIG; i++) {
        lens[i] = (size_t)snprintf(names[i], sizeof(names[i]), "big-%zu", i);
        keys[i] = (const unsigned char *)names[i];
        memset(value, (int)i, sizeof(value));
        assert_rc(omcache_set(client, keys[i], lens[i], value, BIG_SIZE, 0, 0, 0, -1), OMCACHE_OK);
    }
    int64_t start = clock_ms();
    int rc =
        omcache_get_multi(client, keys, lens, BIG, reqs, &count, values, &room, _i ? -1 : 30000);
    assert_within(start, 2000);
    assert_rc(rc, OMCACHE_AGAIN);
    ck_assert_uint_eq(count, BIG);
    ck_assert_msg(room > 1 && room < BIG, "%zu values", room);
    for (size_t i = 0; i < room; i++) {
        memset(value, (int)i, sizeof(value));
        ck_assert_msg(same_bytes(values[i].data, values[i].data_len, value, BIG_SIZE),
                      "value %zu of %zu was changed", i, room);
    }
}
END_TEST

/*
 * Single commands.
 */

START_TEST(errors_carry_the_server_s_text)
{
    ONLY_BINARY;
    static const char *const keys[] = {"absent"};
    size_t count = 1;
    size_t room = 1;
    fixture_servers(1);
    request_keys(keys, 1);
    reqs[0].header.opcode = WIRE_DELETE;
    assert_rc(omcache_command(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    assert_rc(values[0].status, OMCACHE_NOT_FOUND);
    assert_text(values[0].data, values[0].data_len, "Not found");
}
END_TEST

START_TEST(a_named_server_s_failure_is_no_servers)
{
    moody_peer();
    wire_request(&reqs[0], 0, WIRE_GETK, "never");
    assert_rc(omcache_command_status(client, &reqs[0], -1), OMCACHE_NO_SERVERS);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    wire_request(&reqs[0], -1, WIRE_GETK, "never");
    assert_rc(omcache_command_status(client, &reqs[0], -1), OMCACHE_SERVER_FAILURE);
}
END_TEST

static int get_nothing(const char *key, bool touch, int32_t timeout)
{
    const unsigned char *value = (const unsigned char *)"stale";
    size_t len = 5;
    uint32_t flags = 7;
    uint64_t cas = 7;
    int rc = touch ? omcache_gat(client, TEXT(key), &value, &len, 0, &flags, &cas, timeout)
                   : omcache_get(client, TEXT(key), &value, &len, &flags, &cas, timeout);
    ck_assert_msg(!value && !len && !flags && !cas, "%s: %zu bytes, flags %u, cas %llu",
                  rc_name(rc), len, flags, (unsigned long long)cas);
    return rc;
}

START_TEST(a_get_without_an_answer_gives_nothing)
{
    moody_peer();
    assert_rc(get_nothing("never", _i, 10), OMCACHE_AGAIN);
    assert_rc(get_nothing("never", _i, -1), OMCACHE_SERVER_FAILURE);
    assert_rc(get_nothing("", _i, -1), OMCACHE_INVALID);
    assert_rc(omcache_set_recv_buffer_max_size(client, 10), OMCACHE_OK);
    assert_rc(get_nothing("key", _i, -1), OMCACHE_BUFFER_FULL);
    assert_rc(omcache_set_send_buffer_max_size(client, 10), OMCACHE_OK);
    assert_rc(get_nothing("key", _i, -1), OMCACHE_BUFFER_FULL);
    assert_rc(omcache_set_servers(client, ""), OMCACHE_OK);
    assert_rc(get_nothing("key", _i, -1), OMCACHE_NO_SERVERS);
}
END_TEST

static int count_nothing(const char *key, bool down, int32_t timeout)
{
    uint64_t number = 7;
    int rc = down ? omcache_decrement(client, TEXT(key), 1, 1, 0, &number, timeout)
                  : omcache_increment(client, TEXT(key), 1, 1, 0, &number, timeout);
    ck_assert_msg(number == 0, "%s: counted to %llu", rc_name(rc), (unsigned long long)number);
    return rc;
}

START_TEST(a_counter_without_an_answer_is_0)
{
    moody_peer();
    assert_rc(count_nothing("never", _i, 10), OMCACHE_AGAIN);
    assert_rc(count_nothing("never", _i, -1), OMCACHE_SERVER_FAILURE);
    assert_rc(count_nothing("", _i, -1), OMCACHE_INVALID);
    assert_rc(omcache_set_send_buffer_max_size(client, 10), OMCACHE_OK);
    assert_rc(count_nothing("key", _i, -1), OMCACHE_BUFFER_FULL);
    assert_rc(omcache_set_servers(client, ""), OMCACHE_OK);
    assert_rc(count_nothing("key", _i, -1), OMCACHE_NO_SERVERS);
}
END_TEST

START_TEST(without_servers_no_call_is_accepted)
{
    client = fixture_client("");
    for (size_t i = 0; i < CALLS - 2; i++) { /* io is no command */
        for (int32_t timeout = -1; timeout <= 0; timeout++) {
            int rc = calls[i].make(timeout);
            ck_assert_msg(rc == OMCACHE_NO_SERVERS, "%s(%d) gave %s", calls[i].name, timeout,
                          rc_name(rc));
        }
    }
}
END_TEST

/*
 * Gets of many keys.
 */

/* Whether every byte is 0, padding included. */
static bool is_zero(const void *bytes, size_t size)
{
    static const unsigned char zeros[100];
    ck_assert_uint_le(size, sizeof(zeros));
    return memcmp(bytes, zeros, size) == 0;
}

START_TEST(a_multi_get_fills_in_the_requests)
{
    const unsigned char *keys[2] = {(const unsigned char *)"one", (const unsigned char *)"two"};
    size_t lens[2] = {3, 3};
    time_t expirations[2] = {1, 2};
    size_t count = 5;
    size_t room = 5;
    moody_peer();
    peer_forget(peer);
    memset(reqs, 0xaa, sizeof(reqs));
    memset(values, 0xaa, sizeof(values));
    int rc =
        _i ? omcache_gat_multi(client, keys, lens, expirations, 2, reqs, &count, values, &room, 0)
           : omcache_get_multi(client, keys, lens, 2, reqs, &count, values, &room, 0);
    assert_rc(rc, OMCACHE_BUFFERED);
    ck_assert_msg(count == 2 && room == 0, "%zu requests, %zu values", count, room);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_msg(i < 2 || is_zero(&reqs[i], sizeof(reqs[i])), "request %zu is not empty", i);
        ck_assert_msg(is_zero(&values[i], sizeof(values[i])), "value %zu is not empty", i);
    }
    ck_assert_ptr_eq(reqs[1].key, keys[1]);
    assert_rc(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_str_eq(wire_opcodes(peer), _i ? "24 24 0a" : "0d 0d 0a");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("call_failures");
    TCase *tcase = fixture_case(suite, "outcomes");
    tcase_add_test(tcase, a_timeout_keeps_what_came);
    tcase_add_test(tcase, failures_are_values_with_the_caller_s_keys);
    tcase_add_test(tcase, io_itself_does_not_fail);
    tcase_add_test(tcase, quiet_requests_tell_the_unusual);
    tcase_add_test(tcase, without_a_count_no_values_are_stored);
    tcase_add_test(tcase, too_little_room_is_logged_once);
    tcase_add_loop_test(tcase, no_room_at_all_is_silent, 0, 4);
    tcase_add_loop_test(tcase, a_full_receive_buffer_ends_a_call_early, 0, 2);
    tcase_add_test(tcase, errors_carry_the_server_s_text);
    tcase_add_test(tcase, a_named_server_s_failure_is_no_servers);
    tcase_add_loop_test(tcase, a_get_without_an_answer_gives_nothing, 0, 2);
    tcase_add_loop_test(tcase, a_counter_without_an_answer_is_0, 0, 2);
    tcase_add_test(tcase, without_servers_no_call_is_accepted);
    tcase_add_loop_test(tcase, a_multi_get_fills_in_the_requests, 0, 2);
    return fixture_run(suite);
}
