/*
 * One connection over a socket pair: what it writes and in how many pieces, what
 * it makes of replies that come byte by byte.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/answers.h"
#include "link/codecs.h"
#include "link/connection.h"
#include "link/send.h"
#include "net/socket.h"
#include "proto/opcode.h"
#include "support/fixture.h"

enum {
    FIRST = 1000,
    LIMIT = 1 << 24,
    BIG = 4 << 20,
};

static struct omc_connection conn;
static struct omc_pool pool;
static int peer;

static void open_pair(void)
{
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    omc_connection_init(&conn, &pool, FIRST);
    conn.codec = omc_codecs_find(OMCACHE_PROTOCOL_BINARY);
    conn.proved = true;
    omc_stream_open_plain(&conn.stream, ends[0]);
    peer = ends[1];
}

static void close_pair(void)
{
    close(conn.stream.fd);
    omc_connection_fini(&conn);
    omc_pool_fini(&pool);
    close(peer);
}

static struct omc_pending request(uint8_t op, const char *key, const void *data, size_t data_len)
{
    return (struct omc_pending){
        .ask = {.op = op,
                .key = (const unsigned char *)key,
                .key_len = (uint8_t)strlen(key),
                .value = data,
                .value_len = (uint32_t)data_len},
    };
}

static void submit(uint8_t op, const char *key)
{
    struct omc_pending pending = request(op, key, NULL, 0);

    assert_rc(omc_connection_submit(&conn, &pending.ask, &pending.claim, LIMIT), OMCACHE_OK);
}

/* Reads what the connection wrote and returns its length; opcodes of whole
 * requests without data go to `opcodes`. */
static size_t written(char *opcodes)
{
    unsigned char bytes[10000];
    ssize_t len = recv(peer, bytes, sizeof(bytes), 0);
    size_t at = 0;

    ck_assert_int_gt(len, 0);
    while (at < (size_t)len) {
        uint32_t body_len;

        memcpy(&body_len, bytes + at + 8, 4);
        opcodes += sprintf(opcodes, "%02x ", bytes[at + 1]);
        at += 24 + be32toh(body_len);
    }
    ck_assert_uint_eq(at, (size_t)len);
    return at;
}

START_TEST(the_handshake_goes_in_front_of_what_waits)
{
    char opcodes[100];

    submit(OMC_OP_GETK, "a");
    omc_connection_open(&conn, OMC_GREETING_BINARY, NULL, 5);
    ck_assert(omc_send(&conn, 5));
    written(opcodes);
    ck_assert_str_eq(opcodes, "0a 0c ");
    ck_assert(!omc_connection_wants_write(&conn));
    ck_assert_uint_eq(conn.hello_number, FIRST - 1);
}
END_TEST

static void put_reply(uint8_t opcode, uint32_t opaque, const char *data)
{
    unsigned char bytes[200] = {0x81, opcode};
    uint32_t extra_len = omc_opcode_is_get(opcode) ? 4 : 0;
    uint32_t len = (uint32_t)strlen(data) + extra_len, body_len = htobe32(len);

    opaque = htobe32(opaque);
    bytes[4] = (unsigned char)extra_len;
    memcpy(bytes + 8, &body_len, 4);
    memcpy(bytes + 12, &opaque, 4);
    memcpy(bytes + 24 + extra_len, data, strlen(data));
    ck_assert_int_eq(send(peer, bytes, 24 + len, 0), 24 + (ssize_t)len);
}

/* The rest would be sent as nobody knows what. */
START_TEST(an_answer_to_half_a_hello_is_none)
{
    const char *problem = NULL;
    int whole = _i;

    omc_connection_open(&conn, OMC_GREETING_BINARY, NULL, 5);
    ck_assert(omc_send(&conn, 5));
    put_reply(OMC_OP_NOOP, conn.hello_number, "");
    conn.hello_left = whole ? 0 : 7;
    ck_assert_int_eq(omc_answers_read(&conn, LIMIT), 24);
    ck_assert_int_eq(omc_connection_read_hello(&conn, OMC_GREETING_BINARY, &problem),
                     whole ? OMC_HELLO_GOOD : OMC_HELLO_OTHER);
    ck_assert_uint_eq(conn.hello_left, 0);
}
END_TEST

START_TEST(one_fence_serves_any_number_of_quiet_requests)
{
    char opcodes[100];

    submit(OMC_OP_SETQ, "a");
    submit(OMC_OP_SETQ, "b");
    submit(OMC_OP_SETQ, "c");
    omc_connection_fence(&conn);
    omc_connection_fence(&conn);
    submit(OMC_OP_GETK, "d");
    omc_connection_fence(&conn);
    ck_assert(omc_send(&conn, 0));
    written(opcodes);
    ck_assert_str_eq(opcodes, "11 11 11 0a 0c ");
}
END_TEST

START_TEST(the_send_limit_is_exact)
{
    static const unsigned char data[100];
    struct omc_pending set = request(OMC_OP_SET, "key", data, sizeof(data));
    size_t size = 24 + 8 + 3 + sizeof(data);

    assert_rc(omc_connection_submit(&conn, &set.ask, &set.claim, size - 1), OMCACHE_BUFFER_FULL);
    ck_assert_uint_eq(conn.unsent, 0);
    ck_assert_uint_eq(conn.queue.count, 0);
    assert_rc(omc_connection_submit(&conn, &set.ask, &set.claim, size), OMCACHE_OK);
    assert_rc(omc_connection_submit(&conn, &set.ask, &set.claim, 2 * size - 1),
              OMCACHE_BUFFER_FULL);
    assert_rc(omc_connection_submit(&conn, &set.ask, &set.claim, 2 * size), OMCACHE_OK);
    assert_rc(omc_connection_submit(&conn, &set.ask, &set.claim, 0), OMCACHE_BUFFER_FULL);
    ck_assert_uint_eq(conn.unsent, 2 * size);
}
END_TEST

/* Whatever the protocol makes of it. */
START_TEST(the_send_limit_counts_the_same_in_each_protocol)
{
    struct omc_pending set = request(OMC_OP_SET, "key", "value", 5);
    size_t size = 24 + 8 + 3 + 5;

    conn.codec = omc_codecs_find(_i);
    assert_rc(omc_connection_submit(&conn, &set.ask, &set.claim, size - 1), OMCACHE_BUFFER_FULL);
    assert_rc(omc_connection_submit(&conn, &set.ask, &set.claim, size), OMCACHE_OK);
    ck_assert_uint_eq(conn.unsent, size);
    omc_connection_take_back(&conn);
    ck_assert_uint_eq(conn.unsent, 0);
}
END_TEST

static unsigned char pattern(size_t i)
{
    return (unsigned char)(i * 7 >> 3);
}

/* Takes all that is written, checks that it goes on with the pattern at `from`,
 * and returns where it stopped. */
static size_t drain_pattern(size_t from)
{
    static unsigned char bytes[1 << 16];
    ssize_t len;

    while ((len = recv(peer, bytes, sizeof(bytes), 0)) > 0) {
        for (ssize_t i = 0; i < len; i++, from++) {
            if (bytes[i] != pattern(from)) /* asserting each would take seconds */
                ck_abort_msg("byte %zu is %d", from, bytes[i]);
        }
    }
    return from;
}

START_TEST(a_large_value_is_sent_from_its_place)
{
    unsigned char *data = malloc(BIG);
    struct omc_pending set = request(OMC_OP_APPEND, "k", data, BIG);
    size_t done = 0;
    unsigned char head[25];

    for (size_t i = 0; i < BIG; i++)
        data[i] = pattern(i);
    assert_rc(omc_connection_submit(&conn, &set.ask, &set.claim, LIMIT), OMCACHE_OK);
    ck_assert(omc_send(&conn, 0));
    ck_assert(conn.blocked);
    ck_assert_msg(conn.partly > 25 && conn.partly < BIG, "%zu bytes went out at once", conn.partly);
    ck_assert_ptr_eq(omc_queue_last(&conn.queue)->ask.value, data);
    ck_assert(omc_connection_keep(&conn));
    memset(data, 0, BIG); /* the rest was copied */
    free(data);
    ck_assert_int_eq(recv(peer, head, sizeof(head), 0), (ssize_t)sizeof(head));
    done = drain_pattern(0);
    while (omc_connection_wants_write(&conn)) {
        ck_assert(omc_send(&conn, 1));
        done = drain_pattern(done);
    }
    ck_assert_uint_eq(done, BIG);
    ck_assert_uint_eq(conn.bytes_out, 25 + BIG);
    ck_assert_uint_eq(conn.unsent, 0);
    ck_assert_ptr_null(conn.store.current); /* given back */
}
END_TEST

START_TEST(silence_counts_from_the_first_write_and_from_each_progress)
{
    static unsigned char data[BIG];
    struct omc_pending big = request(OMC_OP_SET, "k", data, BIG);

    submit(OMC_OP_GETK, "a");
    ck_assert(omc_send(&conn, 100));
    ck_assert_int_eq(conn.since, 100);
    submit(OMC_OP_GETK, "b");
    ck_assert(omc_send(&conn, 200)); /* proves nothing */
    ck_assert_int_eq(conn.since, 100);
    assert_rc(omc_connection_submit(&conn, &big.ask, &big.claim, LIMIT), OMCACHE_OK);
    ck_assert(omc_send(&conn, 300));
    ck_assert(conn.blocked);
    ck_assert_int_eq(conn.since, 100);
    ck_assert(omc_send(&conn, 400)); /* still full */
    ck_assert_int_eq(conn.since, 100);
    while (recv(peer, data, sizeof(data), 0) > 0)
        ;
    ck_assert(omc_send(&conn, 500)); /* the peer took some */
    ck_assert_int_eq(conn.since, 500);
}
END_TEST

START_TEST(replies_are_taken_one_by_one)
{
    struct omc_reply reply;
    struct omc_pending *answered;

    put_reply(OMC_OP_GET, 1, "one");
    put_reply(OMC_OP_GET, 2, "");
    ck_assert_int_eq(omc_answers_next(&conn, LIMIT, &reply, &answered), OMC_DECODE_MORE);
    ck_assert_int_eq(omc_answers_read(&conn, LIMIT), 24 + 7 + 24 + 4);
    ck_assert_int_eq(omc_answers_next(&conn, LIMIT, &reply, &answered), OMC_DECODE_REPLY);
    assert_text(reply.value.data, reply.value.data_len, "one");
    ck_assert_int_eq(omc_answers_next(&conn, LIMIT, &reply, &answered), OMC_DECODE_REPLY);
    ck_assert_uint_eq(reply.opaque, 2);
    ck_assert_int_eq(omc_answers_next(&conn, LIMIT, &reply, &answered), OMC_DECODE_MORE);
    ck_assert_int_eq(omc_answers_read(&conn, LIMIT), OMC_SOCKET_AGAIN);
    shutdown(peer, SHUT_WR);
    ck_assert_int_eq(omc_answers_read(&conn, LIMIT), OMC_SOCKET_CLOSED);
}
END_TEST

START_TEST(writing_to_a_closed_peer_is_an_error_not_a_signal)
{
    close(peer);
    peer = -1;
    submit(OMC_OP_GETK, "a");
    ck_assert(!omc_send(&conn, 0));
    ck_assert_int_eq(errno, EPIPE);
}
END_TEST

START_TEST(forgetting_drops_what_was_not_sent_and_remembers_what_was)
{
    char opcodes[100];

    submit(OMC_OP_GETK, "sent");
    ck_assert(omc_send(&conn, 0));
    written(opcodes);
    submit(OMC_OP_GETK, "unsent");
    submit(OMC_OP_GETKQ, "unsent");
    ck_assert(omc_connection_forget(&conn));
    ck_assert(!omc_connection_is_busy(&conn));
    ck_assert_uint_eq(conn.queue.count, 1);
    ck_assert(omc_queue_is_forgotten(omc_queue_find(&conn.queue, FIRST)));
    submit(OMC_OP_SET, "next");
    ck_assert(omc_send(&conn, 0));
    written(opcodes);
    ck_assert_str_eq(opcodes, "01 ");
    ck_assert_ptr_nonnull(omc_queue_find(&conn.queue, FIRST + 1));
}
END_TEST

START_TEST(half_a_request_cannot_be_forgotten)
{
    static unsigned char data[BIG];
    struct omc_pending big = request(OMC_OP_SET, "k", data, BIG);

    assert_rc(omc_connection_submit(&conn, &big.ask, &big.claim, LIMIT), OMCACHE_OK);
    submit(OMC_OP_GETK, "behind");
    ck_assert(omc_send(&conn, 0));
    ck_assert(!omc_connection_forget(&conn));
    ck_assert_uint_eq(conn.queue.count, 1); /* that one, and none behind it */
    ck_assert(omc_queue_is_forgotten(omc_queue_find(&conn.queue, FIRST)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("connection");
    TCase *tcase = fixture_case(suite, "connection");

    tcase_add_checked_fixture(tcase, open_pair, close_pair);
    tcase_add_test(tcase, the_handshake_goes_in_front_of_what_waits);
    tcase_add_loop_test(tcase, an_answer_to_half_a_hello_is_none, 0, 2);
    tcase_add_test(tcase, one_fence_serves_any_number_of_quiet_requests);
    tcase_add_test(tcase, the_send_limit_is_exact);
    tcase_add_loop_test(tcase, the_send_limit_counts_the_same_in_each_protocol,
                        OMCACHE_PROTOCOL_BINARY, OMCACHE_PROTOCOL_TEXT + 1);
    tcase_add_test(tcase, a_large_value_is_sent_from_its_place);
    tcase_add_test(tcase, silence_counts_from_the_first_write_and_from_each_progress);
    tcase_add_test(tcase, replies_are_taken_one_by_one);
    tcase_add_test(tcase, writing_to_a_closed_peer_is_an_error_not_a_signal);
    tcase_add_test(tcase, forgetting_drops_what_was_not_sent_and_remembers_what_was);
    tcase_add_test(tcase, half_a_request_cannot_be_forgotten);
    return fixture_run(suite);
}
