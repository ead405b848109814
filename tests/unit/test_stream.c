/*
 * Streams: the plain one over a socket pair; and that a connection works over any table, with
 * one that this program makes up.  (test_stream_kinds has whole clients over such.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/answers.h"
#include "link/codecs.h"
#include "link/connection.h"
#include "link/send.h"
#include "net/stream.h"
#include "proto/opcode.h"
#include "support/fixture.h"

enum {
    FIRST = 1000,
    LIMIT = 1 << 20,
};

static struct omc_stream stream;
static int peer;

static void open_pair(void)
{
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    omc_stream_open_plain(&stream, ends[0]);
    peer = ends[1];
}

static void close_pair(void)
{
    int fd = stream.fd;

    omc_stream_close(&stream);
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0); /* it is the watch's to close */
    close(fd);
    close(peer);
}

/* As it always is. */
static void assert_plain(void)
{
    ck_assert(omc_stream_is_open(&stream));
    ck_assert_int_eq(stream.to_send, POLLOUT);
    ck_assert_int_eq(stream.to_receive, POLLIN);
    ck_assert(!stream.pending);
}

static ssize_t send_text(const char *one, const char *two)
{
    const struct iovec pieces[] = {{(void *)(uintptr_t)one, strlen(one)},
                                   {(void *)(uintptr_t)two, strlen(two)}};

    return omc_stream_send(&stream, pieces, *two == '\0' ? 1 : 2);
}

START_TEST(a_plain_stream_passes_bytes_on_as_they_are)
{
    char bytes[100];

    ck_assert_int_eq(send_text("one", ""), 3);
    ck_assert_int_eq(send_text("two ", "pieces"), 10);
    ck_assert_int_eq(recv(peer, bytes, sizeof(bytes), 0), 13);
    ck_assert_mem_eq(bytes, "onetwo pieces", 13);
    ck_assert_int_eq(send(peer, "answer", 6, 0), 6);
    ck_assert_int_eq(omc_stream_receive(&stream, bytes, 4), 4);
    ck_assert_int_eq(omc_stream_receive(&stream, bytes + 4, 96), 2);
    ck_assert_mem_eq(bytes, "answer", 6);
    ck_assert_int_eq(omc_stream_receive(&stream, bytes, 100), OMC_SOCKET_AGAIN);
    assert_plain();
}
END_TEST

START_TEST(a_full_one_takes_some_and_then_nothing)
{
    static char much[4 << 20];
    const struct iovec pieces[] = {{much, sizeof(much) / 2}, {much, sizeof(much) / 2}};
    ssize_t taken = omc_stream_send(&stream, pieces, 2);

    ck_assert_int_gt(taken, 0);
    ck_assert_int_lt(taken, (ssize_t)sizeof(much));
    while (taken > 0)
        taken = omc_stream_send(&stream, pieces, 2);
    ck_assert_int_eq(taken, OMC_SOCKET_AGAIN);
    assert_plain();
}
END_TEST

/* Pieces of a pattern from `from` on, of sizes that begin and end parts everywhere. */
static size_t cut_pattern(const unsigned char *pattern, size_t size, size_t from,
                          struct iovec *pieces)
{
    static const size_t sizes[] = {53, 61440, 0, 1, 61439, 7, 200000, 2, 4096};
    size_t at = 0, count = 0;

    for (; at < size; count++) {
        size_t len = sizes[count % 9] < size - at ? sizes[count % 9] : size - at;
        size_t skipped = from <= at ? 0 : from - at < len ? from - at : len;

        pieces[count] = (struct iovec){(void *)(uintptr_t)(pattern + at + skipped), len - skipped};
        at += len;
    }
    return count;
}

START_TEST(what_is_large_arrives_as_it_was_whatever_its_pieces_are)
{
    enum { SIZE = 2000000, PIECES = 64 };
    static unsigned char pattern[SIZE], came[SIZE];
    struct iovec pieces[PIECES];
    size_t sent = 0, received = 0, stops = 0;

    for (size_t i = 0; i < SIZE; i++)
        pattern[i] = (unsigned char)(i * 2654435761U >> 24);
    while (sent < SIZE) {
        ssize_t taken = omc_stream_send(&stream, pieces, cut_pattern(pattern, SIZE, sent, pieces));

        ck_assert_int_gt(taken, 0);
        sent += (size_t)taken;
        ck_assert_uint_le(sent, SIZE);
        for (; received < sent; stops += received < SIZE)
            received += (size_t)recv(peer, came + received, SIZE - received, 0);
    }
    ck_assert_uint_gt(stops, 2);
    ck_assert_uint_eq(received, SIZE);
    ck_assert(memcmp(pattern, came, SIZE) == 0);
    close(peer);
    ck_assert_int_eq(omc_stream_send(&stream, pieces, cut_pattern(pattern, SIZE, 0, pieces)),
                     OMC_SOCKET_ERROR);
    peer = -1;
}
END_TEST

/* Check would notice a SIGPIPE. */
START_TEST(an_end_is_told_from_a_failure)
{
    char bytes[10];

    ck_assert_int_eq(send(peer, "last", 4, 0), 4);
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    ck_assert_int_eq(omc_stream_receive(&stream, bytes, 10), 4);
    ck_assert_int_eq(omc_stream_receive(&stream, bytes, 10), OMC_SOCKET_CLOSED);
    ck_assert_int_eq(omc_stream_await(&stream, bytes, 10, false), OMC_SOCKET_CLOSED);
    ck_assert_int_eq(send_text("nobody", ""), 6);
    ck_assert_int_eq(shutdown(peer, SHUT_RD), 0);
    ck_assert_int_eq(send_text("listens", ""), OMC_SOCKET_ERROR);
    ck_assert_int_eq(errno, EPIPE);
}
END_TEST

START_TEST(a_reset_is_a_failure)
{
    char bytes[10];

    ck_assert_int_eq(send_text("unread", ""), 6);
    close(peer);
    ck_assert_int_eq(omc_stream_receive(&stream, bytes, 10), OMC_SOCKET_ERROR);
    ck_assert_int_eq(errno, ECONNRESET);
    peer = -1;
}
END_TEST

START_TEST(awaiting_where_others_see_the_descriptor_leaves_it_as_it_is)
{
    char bytes[10];
    int64_t start = clock_ms();

    ck_assert_int_eq(omc_stream_await(&stream, bytes, 10, true), OMC_SOCKET_AGAIN);
    ck_assert_int_ge(clock_ms() - start, OMC_SOCKET_PATIENCE - 1);
    ck_assert_int_eq(send(peer, "there", 5, 0), 5);
    ck_assert_int_eq(omc_stream_await(&stream, bytes, 10, true), 5);
    ck_assert(!stream.patient && (fcntl(stream.fd, F_GETFL) & O_NONBLOCK) != 0);
    close(peer);
    ck_assert_int_eq(omc_stream_await(&stream, bytes, 10, true), OMC_SOCKET_CLOSED);
    peer = -1;
}
END_TEST

START_TEST(awaiting_takes_what_is_there_or_waits_a_while)
{
    char bytes[10];
    int64_t start;

    ck_assert_int_eq(send(peer, "there", 5, 0), 5);
    ck_assert_int_eq(omc_stream_await(&stream, bytes, 10, false), 5);
    start = clock_ms();
    ck_assert_int_eq(omc_stream_await(&stream, bytes, 10, false), OMC_SOCKET_AGAIN);
    ck_assert_int_ge(clock_ms() - start, OMC_SOCKET_PATIENCE - 1);
    ck_assert_int_eq(omc_stream_receive(&stream, bytes, 10), OMC_SOCKET_AGAIN);
    ck_assert(stream.patient && (fcntl(stream.fd, F_GETFL) & O_NONBLOCK) == 0);
    omc_stream_let_wait(&stream, false);
    ck_assert(!stream.patient && (fcntl(stream.fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_plain();
}
END_TEST

/* What a made-up kind of stream is told to do, and what it was asked. */
static struct {
    char in[200]; /* what it has to give, */
    size_t in_len;
    size_t in_at;
    size_t at_a_time; /* and in which pieces */
    char out[200];    /* what was sent, */
    size_t out_len;
    size_t takes; /* of which it takes so many bytes at a time */
    unsigned sends;
    unsigned closes;
} script;

static ssize_t scripted_send(struct omc_stream *of, const struct iovec *pieces, size_t count)
{
    size_t taken = 0;

    ck_assert_ptr_eq(of->own, &script);
    for (size_t i = 0; i < count && taken < script.takes; i++) {
        size_t left = script.takes - taken;
        size_t len = pieces[i].iov_len < left ? pieces[i].iov_len : left;

        memcpy(script.out + script.out_len, pieces[i].iov_base, len);
        script.out_len += len;
        taken += len;
    }
    script.sends++;
    return (ssize_t)taken;
}

static ssize_t scripted_receive(struct omc_stream *of, void *bytes, size_t size)
{
    size_t left = script.in_len - script.in_at;
    size_t len = left < script.at_a_time ? left : script.at_a_time;

    ck_assert_ptr_eq(of->own, &script);
    ck_assert_uint_ge(size, len);
    memcpy(bytes, script.in + script.in_at, len);
    script.in_at += len;
    of->pending = len < left;
    return len == 0 ? OMC_SOCKET_AGAIN : (ssize_t)len;
}

static void scripted_close(struct omc_stream *of)
{
    ck_assert_ptr_eq(of->own, &script);
    script.closes++;
}

static const struct omc_stream_kind scripted = {
    .send = scripted_send,
    .receive = scripted_receive,
    .await = scripted_receive,
    .close = scripted_close,
};

static void open_scripted(struct omc_stream *opened, size_t at_a_time, size_t takes)
{
    memset(&script, 0, sizeof(script));
    script.at_a_time = at_a_time;
    script.takes = takes;
    *opened = (struct omc_stream){
        .kind = &scripted,
        .own = &script,
        .fd = 12345, /* nobody may touch it */
        .to_send = POLLOUT,
        .to_receive = POLLIN,
        .patient = true,
    };
}

START_TEST(what_is_closed_or_moved_is_not_open)
{
    struct omc_stream one, other;

    omc_stream_init(&one);
    omc_stream_close(&one);
    ck_assert(!omc_stream_is_open(&one));
    open_scripted(&one, 1, 1);
    omc_stream_move(&other, &one);
    omc_stream_close(&one);
    ck_assert_uint_eq(script.closes, 0);
    ck_assert(!omc_stream_is_open(&one) && omc_stream_is_open(&other));
    omc_stream_close(&other);
    omc_stream_close(&other);
    ck_assert_uint_eq(script.closes, 1);
    ck_assert(!omc_stream_is_open(&other));
}
END_TEST

static struct omc_pool pool;
static struct omc_connection conn;

/* A connection that speaks text over such a stream, and has sent a get. */
static void open_connection(size_t at_a_time, size_t takes, const char *answer)
{
    static const struct omc_ask get = {
        .op = OMC_OP_GETK, .key = (const unsigned char *)"key", .key_len = 3};
    static const struct omc_claim nobody;

    omc_pool_init(&pool);
    omc_connection_init(&conn, &pool, FIRST);
    conn.codec = omc_codecs_find(OMCACHE_PROTOCOL_TEXT);
    conn.proved = true;
    open_scripted(&conn.stream, at_a_time, takes);
    assert_rc(omc_connection_submit(&conn, &get, &nobody, LIMIT), OMCACHE_OK);
    for (size_t sends = 0; omc_connection_wants_write(&conn); sends++) {
        ck_assert_uint_lt(sends, sizeof(script.out));
        ck_assert(omc_send(&conn, 0));
    }
    assert_text(script.out, script.out_len, "gets key\r\n");
    script.in_len = (size_t)snprintf(script.in, sizeof(script.in), "%s", answer);
}

static void close_connection(void)
{
    omc_connection_fini(&conn);
    ck_assert_uint_eq(script.closes, 1);
    ck_assert(!omc_stream_is_open(&conn.stream));
    omc_pool_fini(&pool);
}

#define ANSWER "VALUE key 0 5 1\r\nvalue\r\nEND\r\n"

START_TEST(a_connection_sends_whatever_a_stream_takes)
{
    size_t takes = (size_t)_i;

    open_connection(1, takes, "");
    ck_assert_uint_eq(script.sends, (script.out_len + takes - 1) / takes);
    ck_assert_uint_eq(conn.bytes_out, script.out_len);
    close_connection();
}
END_TEST

START_TEST(a_connection_receives_whatever_a_stream_gives)
{
    struct omc_reply reply;
    struct omc_pending *answered;
    enum omc_decode result = OMC_DECODE_MORE;

    open_connection((size_t)_i, 100, ANSWER);
    while (result == OMC_DECODE_MORE) {
        ck_assert_int_gt(omc_answers_read(&conn, LIMIT), 0);
        result = omc_answers_next(&conn, LIMIT, &reply, &answered);
    }
    ck_assert_int_eq(result, OMC_DECODE_REPLY);
    ck_assert_uint_eq(reply.opaque, FIRST);
    assert_text(reply.value.data, reply.value.data_len, "value");
    ck_assert_int_eq(omc_answers_read(&conn, LIMIT), OMC_SOCKET_AGAIN);
    close_connection();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream");
    TCase *plain = tcase_create("plain"), *any = tcase_create("any");

    tcase_add_checked_fixture(plain, open_pair, close_pair);
    tcase_add_test(plain, a_plain_stream_passes_bytes_on_as_they_are);
    tcase_add_test(plain, a_full_one_takes_some_and_then_nothing);
    tcase_add_test(plain, what_is_large_arrives_as_it_was_whatever_its_pieces_are);
    tcase_add_test(plain, an_end_is_told_from_a_failure);
    tcase_add_test(plain, a_reset_is_a_failure);
    tcase_add_test(plain, awaiting_where_others_see_the_descriptor_leaves_it_as_it_is);
    tcase_add_test(plain, awaiting_takes_what_is_there_or_waits_a_while);
    suite_add_tcase(suite, plain);
    tcase_add_test(any, what_is_closed_or_moved_is_not_open);
    tcase_add_loop_test(any, a_connection_sends_whatever_a_stream_takes, 1, 12);
    tcase_add_loop_test(any, a_connection_receives_whatever_a_stream_gives, 1, 30);
    suite_add_tcase(suite, any);
    return fixture_run(suite);
}
