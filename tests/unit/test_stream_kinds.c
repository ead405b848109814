/*
 * Whole clients over streams of other kinds than the plain one, which this program has in its
 * place: one that has received more than it gives at a time, one that must write before it can
 * receive, one that takes a while to be safe, or never is, and one whose peer has to say something
 * before anything can be sent.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/handle.h"
#include "link/work.h"
#include "net/stream.h"
#include "support/operations.h"
#include "support/recorder.h"
#include "support/relay.h"

enum {
    GIVES = 1000, /* bytes at a time, or one until so many have come */
    KEYS = 100,
    LARGE = 200000,
    NODS = 5,
};

enum kind {
    HOARDING, /* reads all it can, and gives it bit by bit */
    CROSSED,  /* and every second attempt to receive has to wait until it can write */
    NODDING,  /* and has to be looked at a few times before it is safe */
    SHY,      /* sends nothing before it has received a byte, which it keeps */
    STUCK,    /* waits for its peer, and never is safe */
    WARY,     /* finds fault with its peer */
    KINDS,
};

/* What a stream has of its own. */
struct hoard {
    char bytes[1 << 16];
    size_t begin;
    size_t end;
    size_t given;
    size_t nods;
    bool balks; /* the next attempt to receive */
    bool is_met;
};

/* The running test's kind, and what it has opened and closed. */
static enum kind kind;
static size_t opened, closed;

static int secure(struct omc_stream *stream)
{
    struct hoard *hoard = stream->own;
    bool is_safe = kind != STUCK && (kind != NODDING || hoard->nods++ == NODS);

    stream->to_receive = kind == NODDING && !is_safe ? POLLOUT : POLLIN;
    if (kind == WARY) {
        stream->problem = "does not look like a friend";
        errno = EPROTO;
        return OMC_SOCKET_ERROR;
    }
    return is_safe ? 1 : OMC_SOCKET_AGAIN;
}

/* Reads more if it has nothing, and may wait for it. */
static ssize_t fill(struct omc_stream *stream, bool may_wait)
{
    struct hoard *hoard = stream->own;
    ssize_t count;

    if (hoard->begin < hoard->end)
        return 1;
    count = may_wait ? omc_socket_await(stream->fd, hoard->bytes, sizeof(hoard->bytes))
                     : omc_socket_read(stream->fd, hoard->bytes, sizeof(hoard->bytes));
    hoard->begin = 0;
    hoard->end = count > 0 ? (size_t)count : 0;
    return count;
}

/* Takes the byte that a shy one waits for before it sends; whether it may send. */
static bool meet(struct omc_stream *stream)
{
    struct hoard *hoard = stream->own;

    if (!hoard->is_met && fill(stream, false) > 0) {
        hoard->begin++;
        hoard->is_met = true;
    }
    stream->to_send = hoard->is_met ? POLLOUT : POLLIN;
    return hoard->is_met;
}

static ssize_t give(struct omc_stream *stream, void *bytes, size_t size, bool may_wait)
{
    struct hoard *hoard = stream->own;
    size_t len = hoard->given < GIVES ? 1 : GIVES;
    ssize_t result;

    if (!hoard->is_met || (may_wait && stream->to_receive != POLLIN))
        return OMC_SOCKET_AGAIN;
    hoard->balks = kind == CROSSED && !hoard->balks;
    stream->to_receive = hoard->balks ? POLLOUT : POLLIN;
    stream->pending = false;
    if (hoard->balks)
        return OMC_SOCKET_AGAIN;
    result = fill(stream, may_wait);
    if (result <= 0)
        return result;
    if (len > hoard->end - hoard->begin)
        len = hoard->end - hoard->begin;
    if (len > size)
        len = size;
    memcpy(bytes, hoard->bytes + hoard->begin, len);
    hoard->begin += len;
    hoard->given += len;
    stream->pending = hoard->begin < hoard->end;
    return (ssize_t)len;
}

static ssize_t receive(struct omc_stream *stream, void *bytes, size_t size)
{
    return give(stream, bytes, size, false);
}

static ssize_t await(struct omc_stream *stream, void *bytes, size_t size)
{
    return give(stream, bytes, size, true);
}

/* Not more than a few bytes at first. */
static ssize_t send_some(struct omc_stream *stream, const struct iovec *pieces, size_t count)
{
    const struct hoard *hoard = stream->own;
    struct iovec some;

    if (!meet(stream))
        return OMC_SOCKET_AGAIN;
    if (hoard->given >= GIVES)
        return omc_socket_write(stream->fd, pieces, count);
    while (pieces->iov_len == 0)
        pieces++;
    some = *pieces;
    some.iov_len = some.iov_len < 7 ? some.iov_len : 7;
    return omc_socket_write(stream->fd, &some, 1);
}

static void close_own(struct omc_stream *stream)
{
    ck_assert_int_ge(fcntl(stream->fd, F_GETFD), 0);
    free(stream->own);
    closed++;
}

static const struct omc_stream_kind own_kind = {secure, send_some, receive, await, close_own};

/* In the place of the library's. */
void omc_stream_open_plain(struct omc_stream *stream, int fd)
{
    struct hoard *hoard = calloc(1, sizeof(*hoard));

    ck_assert_ptr_nonnull(hoard);
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
    hoard->is_met = kind != SHY;
    *stream = (struct omc_stream){
        .kind = &own_kind, .own = hoard, .fd = fd, .to_send = POLLOUT, .to_receive = POLLIN};
    opened++;
}

static const int protocols[] = {OMCACHE_PROTOCOL_BINARY, OMCACHE_PROTOCOL_META,
                                OMCACHE_PROTOCOL_TEXT, OMCACHE_PROTOCOL_AUTO};

/* Tests over kinds and protocols: which these are. */
static int begin(int number)
{
    kind = (enum kind)(number / 4);
    opened = closed = 0;
    return protocols[number % 4];
}

/* Each was closed once, if the client has ended. */
static void end(void)
{
    omcache_free(client);
    fixture_forget(client);
    client = NULL;
    ck_assert_uint_gt(opened, 0);
    ck_assert_uint_eq(closed, opened);
}

/* For values that fill more than what is received at once. */
static void assert_large(const char *key, size_t len)
{
    const unsigned char *value;
    size_t value_len;

    store_bulk(key, len);
    assert_rc(omcache_get(client, TEXT(key), &value, &value_len, NULL, NULL, patience), OMCACHE_OK);
    assert_bytes(value, value_len, bulk, len);
}

START_TEST(waiting_calls_get_what_they_ask_for)
{
    int protocol = begin(_i);

    fixture_servers(2);
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    for (size_t server = 0; server < 2; server++) {
        const char *key = key_for(server);

        assert_missing(key);
        store(key, "value");
        assert_stored(key, "value");
        for (size_t len = 900; len < LARGE; len = (clock_is_slow() ? 12 : 3) * len + 1)
            assert_large(key, len);
        assert_rc(omcache_delete(client, TEXT(key), patience), OMCACHE_OK);
        assert_missing(key);
    }
    end();
}
END_TEST

START_TEST(multi_gets_do_too)
{
    static char names[KEYS][16];
    const unsigned char *keys[KEYS];
    size_t lens[KEYS], requests = KEYS, values = KEYS;
    omcache_value_t found[KEYS];
    omcache_req_t reqs[KEYS];
    int protocol = begin(_i);

    fixture_servers(2);
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    for (int i = 0; i < KEYS; i++) {
        lens[i] = (size_t)snprintf(names[i], sizeof(names[i]), "key-%d", i);
        keys[i] = (unsigned char *)names[i];
        store_bulk(names[i], (size_t)i * 50);
    }
    assert_rc(
        omcache_get_multi(client, keys, lens, KEYS, reqs, &requests, found, &values, patience),
        OMCACHE_OK);
    ck_assert_uint_eq(values, KEYS);
    end();
}
END_TEST

/* What the stream has received is told by no descriptor. */
START_TEST(an_event_loop_is_told_of_what_lies_in_a_stream)
{
    size_t turns, gets = clock_is_slow() ? 4 : 20;
    int protocol = begin(_i);

    fixture_servers(1);
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    watcher_init(&loop, client);
    store_bulk("large", LARGE);
    for (size_t i = 0; i < gets; i++) {
        async_get(i % 2 == 0 ? "large" : "missing", told_reply, &told[i]);
        turns = loop.turns;
        watcher_run(&loop, &told_count, i + 1);
        ck_assert_uint_lt(loop.turns - turns, 2 * LARGE / GIVES + 20 * GIVES);
    }
    ck_assert_uint_eq(told_once(told, gets, OMCACHE_OK), gets / 2);
    ck_assert_uint_eq(told[0].value_len, LARGE);
    turns = loop.turns;
    watcher_turn(&loop, 50);
    watcher_turn(&loop, 50);
    ck_assert_uint_eq(loop.turns - turns, 2);
    ck_assert_int_eq(omcache_next_timeout(client), -1);
    end();
}
END_TEST

/* There is no room for more until the values have been given back, while it lies there. */
START_TEST(what_lies_in_a_stream_waits_for_room)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    const unsigned char *keys[8];
    size_t lens[8], requests = 8, values = 8, got;
    omcache_value_t found[8];
    omcache_req_t reqs[8];
    int protocol = begin(_i), rc;
    bool lay_there = false;

    fixture_servers(1);
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    for (int i = 0; i < 8; i++) {
        keys[i] = (const unsigned char *)names[i];
        lens[i] = 1;
        store_bulk(names[i], 60000);
    }
    assert_rc(omcache_set_recv_buffer_max_size(client, 70000), OMCACHE_OK);
    rc = omcache_get_multi(client, keys, lens, 8, reqs, &requests, found, &values, patience);
    for (got = values; rc == OMCACHE_AGAIN; got += values) {
        struct omc_server *server = client->fleet.servers[0];
        int64_t start = clock_ms();

        if (server->link.conn.stream.pending) {
            ck_assert(omc_work_is_pending(&server->link) && omc_work_has_come(&server->link));
            server->link.conn.stalled = true;
            ck_assert(!omc_work_is_pending(&server->link) && omc_work_has_come(&server->link));
            server->link.conn.stalled = false;
            lay_there = true;
        }
        ck_assert_uint_gt(values, 0);
        values = 8;
        rc = omcache_io(client, reqs, &requests, found, &values, patience);
        assert_within(start, 1000);
    }
    assert_rc(rc, OMCACHE_OK);
    ck_assert_uint_eq(got, 8);
    ck_assert(lay_there);
    end();
}
END_TEST

/* The stream of the second goes on as that of the first. */
START_TEST(a_second_connection_takes_its_stream_along)
{
    static struct memcached server;
    struct relay *relay;
    int protocol = begin(_i);
    int64_t start;

    memcached_start(&server, FLEET_PORT);
    relay = relay_start(0, &server);
    client = fixture_client(relay_address(relay));
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    store("key", "value");
    relay_vanish(relay, false);
    start = clock_ms();
    while (omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 100) != OMCACHE_OK)
        assert_within(start, 2000);
    ck_assert_uint_eq(client->fleet.servers[0]->link.counters.connects, 2);
    ck_assert_uint_eq(opened, relay_connections(relay));
    ck_assert_uint_eq(closed, opened - 1);
    end();
}
END_TEST

/* It neither sends nor turns round and round meanwhile. */
START_TEST(a_stream_can_wait_for_its_peer_before_it_sends)
{
    static struct puppet puppet;
    struct wire_request request;
    size_t turns;

    begin(4 * SHY);
    puppet_open(&puppet, 0);
    client = fixture_client(puppet.address);
    watcher_init(&loop, client);
    async_get("key", told_reply, &told[0]);
    puppet_accept(&puppet, &loop);
    for (int i = 0; i < 10; i++)
        watcher_turn(&loop, 1);
    turns = loop.turns;
    watcher_turn(&loop, 50);
    watcher_turn(&loop, 50);
    ck_assert_uint_eq(loop.turns - turns, 2);
    ck_assert_uint_eq(puppet.end, 0);
    ck_assert_int_eq(watcher_events(&loop, client->fleet.servers[0]->link.watch.fd), POLLIN);
    puppet_send(&puppet, "!", 1);
    take_request(&puppet, &request);
    ck_assert_int_eq(request.opcode, WIRE_NOOP);
    puppet_answer(&puppet, &request, 0, NULL, 0);
    take_request(&puppet, &request);
    ck_assert_int_eq(request.opcode, WIRE_GETK);
    puppet_answer(&puppet, &request, 0, "value", 5);
    watcher_run(&loop, &told_count, 1);
    ck_assert_uint_eq(told_once(told, 1, OMCACHE_OK), 1);
    end();
}
END_TEST

/* Nothing is sent to a server that is not safe; and all ends, with a word of why. */
static void assert_unsafe(enum kind which, const char *reason)
{
    static struct puppet puppet;
    int64_t start;

    begin(4 * (int)which);
    puppet_open(&puppet, 0);
    client = fixture_client(puppet.address);
    assert_rc(omcache_set_connect_timeout(client, 300), OMCACHE_OK);
    assert_rc(omcache_set_log_callback(client, 0, recorder_log, NULL), OMCACHE_OK);
    start = clock_ms();
    assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, -1), OMCACHE_SERVER_FAILURE);
    ck_assert_int_ge(clock_ms() - start, which == STUCK ? 300 : 0);
    assert_within(start, which == STUCK ? 1000 : 300);
    ck_assert(recorder_has_line(OMC_LOG_WARNING, reason));
    ck_assert(!client->fleet.servers[0]->link.up);
    ck_assert_uint_eq(client->fleet.servers[0]->link.conn.bytes_out, 0);
    end();
}

START_TEST(what_never_gets_safe_fails_by_the_connect_timeout)
{
    assert_unsafe(STUCK, "no secure connection within the connect timeout");
}
END_TEST

START_TEST(what_is_not_safe_fails_with_the_streams_own_words)
{
    assert_unsafe(WARY, "does not look like a friend");
}
END_TEST

START_TEST(an_event_loop_waits_until_it_is_safe)
{
    static struct puppet puppet;
    size_t turns;

    begin(4 * STUCK);
    puppet_open(&puppet, 0);
    client = fixture_client(puppet.address);
    assert_rc(omcache_set_connect_timeout(client, 400), OMCACHE_OK);
    watcher_init(&loop, client);
    async_get("key", told_reply, &told[0]);
    puppet_accept(&puppet, &loop);
    for (int i = 0; i < 10; i++)
        watcher_turn(&loop, 1);
    ck_assert_int_eq(watcher_events(&loop, client->fleet.servers[0]->link.watch.fd), POLLIN);
    ck_assert_int_gt(omcache_next_timeout(client), 100);
    turns = loop.turns;
    watcher_turn(&loop, 50);
    watcher_turn(&loop, 50);
    ck_assert_uint_eq(loop.turns - turns, 2);
    watcher_run(&loop, &told_count, 1);
    ck_assert_uint_eq(told_once(told, 1, OMCACHE_SERVER_FAILURE), 1);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream kinds");
    TCase *tcase = operations_case(suite, "kinds");

    tcase_add_loop_test(tcase, waiting_calls_get_what_they_ask_for, 0, 4 * SHY);
    tcase_add_loop_test(tcase, multi_gets_do_too, 0, 4 * SHY);
    tcase_add_loop_test(tcase, an_event_loop_is_told_of_what_lies_in_a_stream, 0, 4 * SHY);
    tcase_add_loop_test(tcase, what_lies_in_a_stream_waits_for_room, 0, 4 * SHY);
    tcase_add_loop_test(tcase, a_second_connection_takes_its_stream_along, 0, 4 * SHY);
    tcase_add_test(tcase, a_stream_can_wait_for_its_peer_before_it_sends);
    tcase_add_test(tcase, what_never_gets_safe_fails_by_the_connect_timeout);
    tcase_add_test(tcase, what_is_not_safe_fails_with_the_streams_own_words);
    tcase_add_test(tcase, an_event_loop_waits_until_it_is_safe);
    return fixture_run(suite);
}
