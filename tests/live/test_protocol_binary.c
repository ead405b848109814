/*
 * What goes over the wire, as a peer records it: opcodes, extras and fences.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/peer.h"
#include "support/wire.h"

#include <stdio.h>

static struct peer *peer;

/* A client that is connected to a recording peer which acts like memcached. */
static void connected(void)
{
    peer = peer_start(0, wire_serve, NULL);
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    peer_forget(peer);
}

/* That since the last time these opcodes were sent, with these last extras. */
static void assert_sent(const char *opcodes, const char *extras)
{
    const char *sent = wire_opcodes(peer);
    ck_assert_msg(strcmp(sent, opcodes) == 0, "sent '%s', expected '%s'", sent, opcodes);
    if (extras) {
        sent = wire_last_extras(peer);
        ck_assert_msg(strcmp(sent, extras) == 0, "extras '%s', expected '%s'", sent, extras);
    }
    peer_forget(peer);
}

#define KEY TEXT("key")
#define VALUE TEXT("value")

START_TEST(waiting_commands_are_not_quiet)
{
    connected();
    assert_rc(omcache_set(client, KEY, VALUE, 0x1234, 0xa1b2c3d4, 0, -1), OMCACHE_OK);
    assert_sent("01", "a1 b2 c3 d4 00 00 12 34");
    assert_rc(omcache_add(client, KEY, VALUE, 0x1234, 0xa1b2c3d4, -1), OMCACHE_OK);
    assert_sent("02", "a1 b2 c3 d4 00 00 12 34");
    assert_rc(omcache_replace(client, KEY, VALUE, 0x1234, 0xa1b2c3d4, -1), OMCACHE_OK);
    assert_sent("03", "a1 b2 c3 d4 00 00 12 34");
    assert_rc(omcache_append(client, KEY, VALUE, 0, -1), OMCACHE_OK);
    assert_sent("0e", "");
    assert_rc(omcache_prepend(client, KEY, VALUE, 0, -1), OMCACHE_OK);
    assert_sent("0f", "");
    assert_rc(omcache_increment(client, KEY, 0x1122334455667788, 3, 9, NULL, -1), OMCACHE_OK);
    assert_sent("05", "11 22 33 44 55 66 77 88 00 00 00 00 00 00 00 03 00 00 00 09");
    assert_rc(omcache_decrement(client, KEY, 1, 2, OMCACHE_DELTA_NO_ADD, NULL, -1), OMCACHE_OK);
    assert_sent("06", "00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 02 ff ff ff ff");
    assert_rc(omcache_delete(client, KEY, -1), OMCACHE_OK);
    assert_sent("04", "");
    assert_rc(omcache_touch(client, KEY, 0x1234, -1), OMCACHE_OK);
    assert_sent("1c", "00 00 12 34");
}
END_TEST

START_TEST(waiting_reads_are_not_quiet)
{
    connected();
    omcache_value_t values[4];
    size_t count = 4;
    assert_rc(omcache_get(client, KEY, NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    assert_sent("0c", "");
    assert_rc(omcache_gat(client, KEY, NULL, NULL, 0x1234, NULL, NULL, -1), OMCACHE_OK);
    assert_sent("23", "00 00 12 34");
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_sent("0a", "");
    assert_rc(omcache_flush_all(client, 0x1234, 0, -1), OMCACHE_OK);
    assert_sent("08", "00 00 12 34");
    assert_rc(omcache_flush_all(client, 0, 0, -1), OMCACHE_OK);
    assert_sent("08", "00 00 00 00");
    assert_rc(omcache_stat(client, NULL, values, &count, 0, -1), OMCACHE_OK);
    ck_assert_uint_eq(wire_last_body(peer), 0);
    assert_sent("10", "");
    assert_rc(omcache_stat(client, "items", values, &count, 0, -1), OMCACHE_OK);
    ck_assert_uint_eq(wire_last_body(peer), 5);
    assert_sent("10", "");
}
END_TEST

START_TEST(unwaited_stores_are_quiet)
{
    connected();
    assert_rc(omcache_set(client, KEY, VALUE, 0, 0, 0, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_sent("11 0a", NULL);
    assert_rc(omcache_add(client, KEY, VALUE, 0, 0, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_sent("12 0a", NULL);
    assert_rc(omcache_replace(client, KEY, VALUE, 0, 0, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_sent("13 0a", NULL);
    assert_rc(omcache_append(client, KEY, VALUE, 0, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_sent("19 0a", NULL);
    assert_rc(omcache_prepend(client, KEY, VALUE, 0, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_sent("1a 0a", NULL);
    assert_rc(omcache_increment(client, KEY, 1, 1, 0, NULL, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_sent("15 0a", NULL);
    assert_rc(omcache_decrement(client, KEY, 1, 1, 0, NULL, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_sent("16 0a", NULL);
    assert_rc(omcache_delete(client, KEY, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_sent("14 0a", NULL);
}
END_TEST

START_TEST(unwaited_reads_are_quiet)
{
    connected();
    assert_rc(omcache_get(client, KEY, NULL, NULL, NULL, NULL, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_sent("0d 0a", NULL);
    assert_rc(omcache_gat(client, KEY, NULL, NULL, 0, NULL, NULL, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_sent("24 0a", NULL);
}
END_TEST

START_TEST(what_has_no_quiet_form_has_no_fence)
{
    connected();
    size_t count = 0;
    assert_rc(omcache_touch(client, KEY, 1, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_sent("1c", "00 00 00 01");
    assert_rc(omcache_flush_all(client, 0, 0, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_sent("08", "00 00 00 00");
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_sent("0a", NULL);
    assert_rc(omcache_stat(client, NULL, NULL, &count, 0, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_sent("10", NULL);
}
END_TEST

START_TEST(a_row_of_quiet_requests_has_one_fence)
{
    connected();
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    for (int i = 0; i < 3; i++) {
        assert_rc(omcache_set(client, KEY, VALUE, 0, 0, 0, 0), OMCACHE_BUFFERED);
    }
    drain(client);
    assert_sent("11 11 11 0a", NULL);
}
END_TEST

START_TEST(an_answered_request_is_fence_enough)
{
    connected();
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_set(client, KEY, VALUE, 0, 0, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_sent("11 0a", NULL);
}
END_TEST

START_TEST(multi_gets_are_quiet_with_a_fence)
{
    connected();
    const unsigned char *keys[3];
    size_t lens[3] = {1, 1, 1};
    time_t expirations[3] = {0x11, 0x22, 0x33};
    omcache_req_t reqs[3];
    size_t count = 3;
    for (size_t i = 0; i < 3; i++) {
        keys[i] = (const unsigned char *)"k";
    }
    assert_rc(omcache_get_multi(client, keys, lens, 3, reqs, &count, NULL, NULL, -1), OMCACHE_OK);
    assert_sent("0d 0d 0d 0a", NULL);
    count = 3;
    int rc = omcache_gat_multi(client, keys, lens, expirations, 3, reqs, &count, NULL, NULL, -1);
    assert_rc(rc, OMCACHE_OK);
    assert_sent("24 24 24 0a", NULL);
    count = 2;
    rc = omcache_gat_multi(client, keys, lens, expirations, 2, reqs, &count, NULL, NULL, 0);
    assert_rc(rc, OMCACHE_BUFFERED);
    /* Without a poll the fence is not due yet. */
    wire_await(peer, "24 24");
    assert_sent("24 24", "00 00 00 22");
}
END_TEST

/* As memcached reads them, in any of its protocols: a number of more than 30 days is a
 * date.  Negative ones are over, and what 32 bits do not hold is their end. */
START_TEST(times_to_live_are_not_cut)
{
    connected();
    static const struct {
        int64_t expiration;
        const char *sent;
    } cases[] = {
        {0, "00 00 00 00"},          {1, "00 00 00 01"},
        {2592000, "00 27 8d 00"},    {2592001, "00 27 8d 01"},
        {INT32_MAX, "7f ff ff ff"},  {(int64_t)INT32_MAX + 1, "80 00 00 00"},
        {UINT32_MAX, "ff ff ff ff"}, {(int64_t)UINT32_MAX + 1, "ff ff ff fe"},
        {INT64_MAX, "ff ff ff fe"},  {0x7fffffff12345678, "ff ff ff fe"},
        {-1, "00 27 8d 01"},         {INT32_MIN, "00 27 8d 01"},
        {INT64_MIN, "00 27 8d 01"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (sizeof(time_t) == 4 && cases[i].expiration != (time_t)cases[i].expiration) {
            continue;
        }
        assert_rc(omcache_touch(client, KEY, (time_t)cases[i].expiration, -1), OMCACHE_OK);
        assert_sent("1c", cases[i].sent);
    }
}
END_TEST

/* That each command that has an expiration sends this one so. */
static void assert_each_sends(time_t expiration, const char *sent, const char *delta,
                              const char *flush)
{
    const unsigned char *keys[1] = {(const unsigned char *)"k"};
    size_t lens[1] = {1};
    omcache_req_t reqs[1];
    size_t count = 1;
    char stored[64];
    char counted[128];
    snprintf(stored, sizeof(stored), "00 00 00 01 %s", sent);
    snprintf(counted, sizeof(counted), "%s %s", "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
             delta);
    assert_rc(omcache_set(client, KEY, VALUE, expiration, 1, 0, -1), OMCACHE_OK);
    assert_sent("01", stored);
    assert_rc(omcache_add(client, KEY, VALUE, expiration, 1, -1), OMCACHE_OK);
    assert_sent("02", stored);
    assert_rc(omcache_replace(client, KEY, VALUE, expiration, 1, -1), OMCACHE_OK);
    assert_sent("03", stored);
    assert_rc(omcache_increment(client, KEY, 0, 0, expiration, NULL, -1), OMCACHE_OK);
    assert_sent("05", counted);
    assert_rc(omcache_decrement(client, KEY, 0, 0, expiration, NULL, -1), OMCACHE_OK);
    assert_sent("06", counted);
    assert_rc(omcache_gat(client, KEY, NULL, NULL, expiration, NULL, NULL, -1), OMCACHE_OK);
    assert_sent("23", sent);
    assert_rc(omcache_flush_all(client, expiration, 0, -1), OMCACHE_OK);
    assert_sent("08", flush);
    int rc = omcache_gat_multi(client, keys, lens, &expiration, 1, reqs, &count, NULL, NULL, 0);
    assert_rc(rc, OMCACHE_BUFFERED);
    wire_await(peer, "24");
    assert_sent("24", sent);
    drain(client); /* the fence */
    peer_forget(peer);
}

START_TEST(every_command_sends_its_expiration)
{
    connected();
    assert_each_sends(0x12345678, "12 34 56 78", "12 34 56 78", "12 34 56 78");
    assert_each_sends(-2, "00 27 8d 01", "00 27 8d 01", "00 00 00 00");
    assert_each_sends(-1, "00 27 8d 01", "ff ff ff ff", "00 00 00 00");
    if (sizeof(time_t) > 4) {
        assert_each_sends((time_t)0x7fffffff12345678, "ff ff ff fe", "ff ff ff fe", "ff ff ff fe");
    }
}
END_TEST

/* The library's own no-op proves each connection, and no other is needed. */
START_TEST(a_connection_begins_with_one_noop_more)
{
    peer = peer_start(0, wire_serve, NULL);
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_get(client, KEY, NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    drain(client);
    const char *sent = wire_opcodes(peer);
    ck_assert_msg(strcmp(sent, "0c 0a") == 0 || strcmp(sent, "0a 0c") == 0, "sent '%s'", sent);
    ck_assert_uint_eq(peer_connections(peer), 1);
}
END_TEST

/* Sends the second half of what it would answer first a moment later. */
static void serve_in_halves(struct peer *self, void *context)
{
    struct wire_request request;
    (void)context;
    while (wire_read(self, &request)) {
        unsigned char bytes[64];
        struct wire_reply reply = {.opcode = request.opcode, .opaque = request.opaque};
        size_t len = wire_encode(&reply, bytes, sizeof(bytes));
        peer_send(self, bytes, 12);
        clock_sleep(20);
        peer_send(self, bytes + 12, len - 12);
    }
}

START_TEST(half_a_header_is_no_answer)
{
    peer = peer_start(0, serve_in_halves, NULL);
    client = fixture_client(peer_address(peer));
    for (int i = 0; i < 5; i++) {
        assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    }
}
END_TEST

/* Answers split into pieces of 1, 2, ... bytes. */
START_TEST(answers_in_pieces_work)
{
    static size_t piece; /* the peer may look at it until it is stopped */
    piece = (size_t)_i;
    peer = peer_start(0, wire_serve, &piece);
    client = fixture_client(peer_address(peer));
    const unsigned char *value;
    size_t len;
    uint32_t flags;
    uint64_t cas;
    uint64_t number;
    omcache_value_t values[3];
    size_t rows = 3;
    assert_rc(omcache_get(client, KEY, &value, &len, &flags, &cas, -1), OMCACHE_OK);
    assert_text(value, len, "value of key");
    ck_assert_msg(flags == 42 && cas == 99, "flags %u, cas %llu", flags, (unsigned long long)cas);
    assert_rc(omcache_increment(client, KEY, 1, 1, 0, &number, -1), OMCACHE_OK);
    ck_assert_uint_eq(number, 7);
    assert_rc(omcache_stat(client, NULL, values, &rows, 0, -1), OMCACHE_OK);
    ck_assert_uint_eq(rows, 2);
    assert_text(values[0].key, values[0].key_len, "pid");
    assert_text(values[0].data, values[0].data_len, "1");
    assert_rc(omcache_set(client, KEY, VALUE, 0, 0, 0, -1), OMCACHE_OK);
    ck_assert_uint_eq(peer_connections(peer), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("protocol_binary");
    TCase *tcase = fixture_case(suite, "wire");
    tcase_add_test(tcase, waiting_commands_are_not_quiet);
    tcase_add_test(tcase, waiting_reads_are_not_quiet);
    tcase_add_test(tcase, unwaited_stores_are_quiet);
    tcase_add_test(tcase, unwaited_reads_are_quiet);
    tcase_add_test(tcase, what_has_no_quiet_form_has_no_fence);
    tcase_add_test(tcase, a_row_of_quiet_requests_has_one_fence);
    tcase_add_test(tcase, an_answered_request_is_fence_enough);
    tcase_add_test(tcase, multi_gets_are_quiet_with_a_fence);
    tcase_add_test(tcase, times_to_live_are_not_cut);
    tcase_add_test(tcase, every_command_sends_its_expiration);
    tcase_add_test(tcase, a_connection_begins_with_one_noop_more);
    tcase_add_test(tcase, half_a_header_is_no_answer);
    tcase_add_loop_test(tcase, answers_in_pieces_work, 1, 6);
    tcase_add_loop_test(tcase, answers_in_pieces_work, 23, 26);
    return fixture_run(suite);
}
