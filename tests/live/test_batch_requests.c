/*
 * Requests on their way: what the library makes of the array, when the no-ops
 * behind quiet requests go out, and what their answers settle.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/calls.h"
#include "support/fixture.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/wire.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>

#define MANY 30

static omcache_req_t reqs[MANY];
static omcache_value_t values[MANY];

/* A client that is connected to as many peers which behave as the keys say. */
static struct peer *peers[2];

static void moody_peers(size_t count)
{
    char list[100] = "";
    for (size_t i = 0; i < count; i++) {
        peers[i] = peer_start((int)i, peer_moody, NULL);
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s,", peer_address(peers[i]));
    }
    client = fixture_client(list);
    for (size_t i = 0; i < count; i++) {
        assert_rc(omcache_noop(client, (int)i, -1), OMCACHE_OK);
        peer_forget(peers[i]);
    }
}

static void assert_value(size_t i, int status, const char *key)
{
    ck_assert_msg(values[i].status == status, "value %zu has status %s, expected %s", i,
                  rc_name(values[i].status), rc_name(status));
    ck_assert_msg(same_bytes(values[i].key, values[i].key_len, key, strlen(key)),
                  "value %zu has the key '%s', expected '%s'", i,
                  printable(values[i].key, values[i].key_len), key);
}

/*
 * The array.
 */

START_TEST(the_library_s_own_fields_may_hold_anything)
{
    unsigned char bytes[WIRE_HEADER + 3];
    size_t count = 1;
    moody_peers(1);
    wire_request(&reqs[0], -1, WIRE_GETK, "key");
    reqs[0].header.magic = 0x55;
    reqs[0].header.datatype = 0x66;
    reqs[0].header.reserved = 0x7777;
    reqs[0].header.opaque = 0x88888888;
    reqs[0].header.cas = htonl(0x01020304);
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, -1), OMCACHE_OK);
    ck_assert_uint_eq(reqs[0].header.magic, 0x80);
    ck_assert_uint_eq(reqs[0].header.datatype, 0);
    ck_assert_uint_eq(peer_received(peers[0], bytes, sizeof(bytes)), sizeof(bytes));
    static const unsigned char expected[] = {0x80, WIRE_GETK, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3};
    assert_bytes(bytes, sizeof(expected), expected, sizeof(expected));
    assert_bytes(bytes + 16, 4, "\1\2\3\4", 4);
    assert_text(bytes + WIRE_HEADER, 3, "key");
}
END_TEST

START_TEST(opaques_begin_at_the_time_of_day)
{
    fixture_servers(1);
    size_t count = 1;
    wire_request(&reqs[0], 0, WIRE_NOOP, NULL);
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, -1), OMCACHE_OK);
    long long off = (long long)reqs[0].header.opaque - (long long)time(NULL);
    ck_assert_msg(off > -1000 && off < 1000, "the first opaque is %u", reqs[0].header.opaque);
}
END_TEST

START_TEST(requests_keep_their_order_on_each_server)
{
    fixture_servers(3);
    const char *keys[MANY];
    size_t count = MANY;
    size_t room = MANY;
    size_t next[3] = {0, 1, 2};
    for (size_t i = 0; i < MANY; i++) {
        store(keys[i] = key_for(i % 3), "value");
        wire_request(&reqs[i], -1, WIRE_GETK, keys[i]);
    }
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    for (size_t i = 0; i < MANY; i++) {
        const char *expected = keys[i / 10 + i % 10 * 3];
        ck_assert_msg(reqs[i].key == (const unsigned char *)expected,
                      "request %zu is for %s, expected %s", i, (const char *)reqs[i].key, expected);
    }
    assert_rc(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, MANY);
    for (size_t i = 0; i < MANY; i++) {
        char text[32] = "";
        memcpy(text, values[i].key, values[i].key_len);
        int server = omcache_server_index_for_key(client, TEXT(text));
        ck_assert_int_ge(server, 0);
        assert_value(i, OMCACHE_OK, keys[next[server]]);
        next[server] += 3;
    }
}
END_TEST

/* Ten gets, two of which name a server that is not there. */
static size_t command_with_refused(size_t *room, int32_t timeout, int expected)
{
    static const char *const keys[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    size_t count = 10;
    for (size_t i = 0; i < count; i++) {
        int server = i % 5 ? -1 : (int)fleet.count;
        wire_request(&reqs[i], server, WIRE_GETK, keys[i]);
    }
    assert_rc(omcache_command(client, reqs, &count, values, room, timeout), expected);
    return count;
}

START_TEST(a_refusal_shows_when_the_others_are_finished)
{
    fixture_variant(_i);
    size_t room = 10;
    size_t count = command_with_refused(&room, patience, OMCACHE_NO_SERVERS);
    ck_assert_msg(count == 0 && room == 8, "%zu requests pending, %zu values", count, room);
}
END_TEST

START_TEST(the_refused_are_not_in_the_batch)
{
    fixture_variant(_i);
    size_t room = 10;
    size_t count = 10;
    ck_assert_uint_eq(command_with_refused(&room, 0, OMCACHE_BUFFERED), 8);
    assert_rc(omcache_io(client, reqs, &count, values, &room, patience), OMCACHE_INVALID);
    count = 8;
    room = 10;
    assert_rc(omcache_io(client, reqs, &count, values, &room, patience), OMCACHE_OK);
    ck_assert_uint_eq(room, 8);
}
END_TEST

/* The first server's request is over the limit and the others are not. */
START_TEST(a_full_buffer_is_not_hidden_by_other_servers)
{
    fixture_servers(3);
    static char large[2000];
    size_t count = 3;
    size_t room = 3;
    memset(large, 'v', sizeof(large) - 1);
    assert_rc(omcache_set_send_buffer_max_size(client, 1000), OMCACHE_OK);
    for (size_t i = 0; i < 3; i++) {
        wire_set(&reqs[i], (int)i, WIRE_SET, "key", i ? "small" : large);
    }
    assert_rc(omcache_command(client, reqs, &count, values, &room, -1), OMCACHE_BUFFER_FULL);
    ck_assert_msg(count == 0 && room == 2, "%zu requests pending, %zu values", count, room);
    ck_assert_ptr_eq(reqs[2].data, (const unsigned char *)large);
}
END_TEST

START_TEST(any_command_replaces_the_batch)
{
    fixture_servers(1);
    omcache_req_t batch[2];
    wire_request(&batch[0], -1, WIRE_GETK, "one");
    wire_request(&batch[1], -1, WIRE_GETK, "two");
    for (int32_t timeout = -1; timeout <= 0; timeout++) {
        size_t count = 2;
        size_t room = 7;
        assert_rc(omcache_command(client, batch, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
        calls[_i].make(timeout);
        int rc = omcache_io(client, batch, &count, values, &room, -1);
        ck_assert_msg(rc == OMCACHE_INVALID && count == 2 && room == 7,
                      "behind %s(%d) io gave %s with %zu requests and %zu values", calls[_i].name,
                      timeout, rc_name(rc), count, room);
    }
    drain(client);
}
END_TEST

START_TEST(nothing_but_the_keys_is_needed_later)
{
    fixture_servers(1);
    unsigned char extras[8] = {0, 0, 0, 77};
    char data[] = "value";
    char key[] = "key";
    uint32_t flags = 0;
    size_t count = 1;
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    wire_set(&reqs[0], -1, WIRE_SET, "raw", data);
    reqs[0].extra = extras;
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set(client, TEXT(key), TEXT(data), 0, 78, 0, 0), OMCACHE_BUFFERED);
    memset(extras, 0xff, sizeof(extras));
    memset(data, 'x', sizeof(data) - 1);
    memset(key, 'x', sizeof(key) - 1);
    drain(client);
    assert_stored("raw", "value");
    assert_rc(omcache_get(client, TEXT("raw"), NULL, NULL, &flags, NULL, -1), OMCACHE_OK);
    ck_assert_uint_eq(flags, 77);
    assert_stored("key", "value");
    assert_missing("xxx");
}
END_TEST

/*
 * Fences.
 */

static void poll_once(void)
{
    int nfds;
    int timeout;
    omcache_poll_fds(client, &nfds, &timeout);
}

/* The peer takes what comes in order, so that a no-op too many would be seen with
 * the one that ends the test. */
START_TEST(polling_sends_one_fence)
{
    moody_peers(1);
    assert_rc(omcache_set(client, TEXT("never"), TEXT("value"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    wire_await(peers[0], "11");
    for (int i = 0; i < 3; i++) {
        poll_once();
    }
    wire_await(peers[0], "11 0a");
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    wire_await(peers[0], "11 0a 0c");
}
END_TEST

/* What a no-op's answer says of the requests before it, and only of those. */
START_TEST(a_noop_settles_what_is_before_it)
{
    size_t count = 5;
    size_t room = 5;
    moody_peers(1);
    wire_request(&reqs[0], 0, WIRE_GETK, "never answered");
    wire_request(&reqs[1], 0, WIRE_GETKQ, "miss");
    wire_request(&reqs[2], 0, WIRE_GETK, "before");
    wire_request(&reqs[3], 0, WIRE_NOOP, NULL);
    wire_request(&reqs[4], 0, WIRE_GETK, "behind");
    omcache_set_response_callback(client, recorder_answer, NULL);
    int64_t start = clock_ms();
    assert_rc(omcache_command(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    assert_within(start, 2000);
    ck_assert_uint_eq(count, 0);
    ck_assert_msg(room == 4 && recorder.answer_count == 4, "%zu values, answers: %s", room,
                  recorder_summary());
    assert_value(0, OMCACHE_OK, "before");
    size_t at = 1;
    for (size_t i = 1; i < 4; i++) { /* the failure may be told at any moment */
        if (values[i].status == OMCACHE_SERVER_FAILURE) {
            assert_value(i, OMCACHE_SERVER_FAILURE, "never answered");
        } else {
            assert_value(i, OMCACHE_OK, at++ == 1 ? "" : "behind");
        }
    }
    ck_assert_msg(at == 3, "%zu successes behind the first", at - 1);
    ck_assert_uint_eq(peer_connections(peers[0]), 1);
}
END_TEST

START_TEST(a_noop_settles_nothing_on_other_servers)
{
    size_t count = 3;
    size_t room = 3;
    moody_peers(2);
    wire_request(&reqs[0], 0, WIRE_NOOP, NULL);
    wire_request(&reqs[1], 1, WIRE_GETK, "late");
    wire_request(&reqs[2], 1, WIRE_GETKQ, "late miss");
    assert_rc(omcache_command(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, 2);
    assert_value(0, OMCACHE_OK, "");
    assert_value(1, OMCACHE_OK, "late");
    ck_assert_str_eq(wire_opcodes(peers[0]), "0a");
    ck_assert_str_eq(wire_opcodes(peers[1]), "0c 0d 0a");
}
END_TEST

/* A quiet batch is finished by its fence, and not before. */
START_TEST(misses_wait_for_the_fence)
{
    size_t count = 2;
    size_t room = 2;
    moody_peers(1);
    wire_request(&reqs[0], 0, WIRE_GETKQ, "held one");
    wire_request(&reqs[1], 0, WIRE_GETKQ, "held two");
    assert_rc(omcache_command(client, reqs, &count, values, &room, 0), OMCACHE_BUFFERED);
    wire_await(peers[0], "0d");
    room = 2;
    assert_rc(omcache_io(client, reqs, &count, values, &room, 0), OMCACHE_AGAIN);
    ck_assert_msg(count == 2 && room == 0, "%zu requests pending, %zu values", count, room);
    room = 2;
    peer_release();
    assert_rc(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_msg(count == 0 && room == 0, "%zu requests pending, %zu values", count, room);
    ck_assert_str_eq(wire_opcodes(peers[0]), "0d 0d 0a");
}
END_TEST

START_TEST(io_without_requests_waits_for_every_server)
{
    moody_peers(2);
    for (int server = 0; server < 2; server++) {
        size_t count = 1;
        wire_set(&reqs[0], server, WIRE_SETQ, server ? "late" : "key", "value");
        assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    }
    omcache_set_response_callback(client, recorder_answer, NULL);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    ck_assert_msg(recorder.answer_count == 2, "answers: %s", recorder_summary());
    ck_assert_str_eq(wire_opcodes(peers[0]), "11 0a");
    ck_assert_str_eq(wire_opcodes(peers[1]), "11 0a");
}
END_TEST

/* A reset while a server owes all kinds of answers, one of them half there. */
static void answer_half(struct peer *peer, void *context)
{
    struct wire_request request;
    unsigned char bytes[100];
    (void)context;
    while (wire_read(peer, &request)) {
        if (request.key_len != 4) {
            wire_answer(peer, &request);
            continue;
        }
        struct wire_reply reply = {.opcode = request.opcode, .opaque = request.opaque};
        reply.extras = "\0\0\0\1";
        reply.extras_len = 4;
        reply.key = request.body;
        reply.key_len = request.key_len;
        reply.value = "half a value";
        reply.value_len = 12;
        size_t len = wire_encode(&reply, bytes, sizeof(bytes));
        peer_send(peer, bytes, len / 2);
        clock_sleep(200);
        peer_send(peer, bytes + len / 2, len - len / 2);
    }
}

START_TEST(reset_in_the_middle_of_an_answer_is_safe)
{
    static const uint8_t opcodes[] = {WIRE_SETQ, WIRE_GETK, WIRE_NOOP, WIRE_STAT, WIRE_GETKQ};
    size_t count = 6;
    peers[0] = peer_start(0, answer_half, NULL);
    client = fixture_client(peer_address(peers[0]));
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    wire_request(&reqs[0], 0, WIRE_GETK, "half");
    wire_set(&reqs[1], 0, opcodes[0], "set", "value");
    for (size_t i = 2; i < 6; i++) {
        bool keyless = opcodes[i - 1] == WIRE_NOOP || opcodes[i - 1] == WIRE_STAT;
        wire_request(&reqs[i], 0, opcodes[i - 1], keyless ? NULL : "other");
    }
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 20), OMCACHE_AGAIN);
    ck_assert_uint_eq(count, 6);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_rc(omcache_io(client, reqs, &count, NULL, NULL, -1), OMCACHE_INVALID);
    int64_t start = clock_ms();
    drain(client);
    assert_within(start, 100); /* the other half comes later */
    omcache_set_response_callback(client, recorder_answer, NULL);
    assert_stored("whole", "value of whole");
    ck_assert_msg(recorder.answer_count == 1, "answers: %s", recorder_summary());
    ck_assert_uint_eq(peer_connections(peers[0]), 1);
}
END_TEST

static void add_array(TCase *tcase)
{
    tcase_add_test(tcase, the_library_s_own_fields_may_hold_anything);
    tcase_add_test(tcase, opaques_begin_at_the_time_of_day);
    tcase_add_test(tcase, requests_keep_their_order_on_each_server);
    tcase_add_loop_test(tcase, a_refusal_shows_when_the_others_are_finished, 0, VARIANTS);
    tcase_add_loop_test(tcase, the_refused_are_not_in_the_batch, 0, VARIANTS);
    tcase_add_test(tcase, a_full_buffer_is_not_hidden_by_other_servers);
    tcase_add_loop_test(tcase, any_command_replaces_the_batch, 0, CALLS);
    tcase_add_test(tcase, nothing_but_the_keys_is_needed_later);
}

static void add_fences(TCase *tcase)
{
    tcase_add_test(tcase, polling_sends_one_fence);
    tcase_add_test(tcase, a_noop_settles_what_is_before_it);
    tcase_add_test(tcase, a_noop_settles_nothing_on_other_servers);
    tcase_add_test(tcase, misses_wait_for_the_fence);
    tcase_add_test(tcase, io_without_requests_waits_for_every_server);
    tcase_add_test(tcase, reset_in_the_middle_of_an_answer_is_safe);
}

/* Room without an array is none, whichever way the request goes. */
START_TEST(values_may_be_left_out)
{
    omcache_req_t req;
    fixture_servers(1);
    store("key", "value");
    for (int i = 0; i < 4; i++) {
        size_t count = 1;
        size_t room = 5;
        wire_request(&req, -1, i % 2 == 0 ? WIRE_GETK : WIRE_GETKQ, "key");
        assert_rc(omcache_command(client, &req, &count, NULL, i < 2 ? &room : NULL, -1),
                  OMCACHE_OK);
        ck_assert_uint_eq(count, 0);
        ck_assert_uint_eq(room, i < 2 ? 0 : 5);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch_requests");
    add_array(fixture_case(suite, "array"));
    add_fences(fixture_case(suite, "fences"));
    tcase_add_test(fixture_case(suite, "values"), values_may_be_left_out);
    return fixture_run(suite);
}
