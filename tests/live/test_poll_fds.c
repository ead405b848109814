/*
 * omcache_poll_fds: the loop of a program with its own poll(), and what it tells.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/peer.h"
#include "support/told.h"
#include "support/watcher.h"
#include "support/wire.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#define MANY 1000

static omcache_req_t reqs[MANY];
static omcache_value_t values[MANY];
static char names[MANY][32];

static struct pollfd *poll_fds(int *nfds, int *timeout)
{
    *nfds = -1;
    *timeout = -2;
    struct pollfd *fds = omcache_poll_fds(client, nfds, timeout);
    ck_assert_int_ge(*nfds, 0);
    ck_assert_msg(*nfds == 0 || fds, "%d entries, but no array", *nfds);
    for (int i = 0; i < *nfds; i++) {
        ck_assert_int_ge(fds[i].fd, 0);
        ck_assert_msg(fds[i].events != 0 && fds[i].revents == 0, "events %#x, revents %#x",
                      (unsigned)fds[i].events, (unsigned)fds[i].revents);
    }
    return fds;
}

static void assert_idle(void)
{
    int nfds;
    int timeout;
    poll_fds(&nfds, &timeout);
    ck_assert_msg(nfds == 0, "%d descriptors to poll, expected none", nfds);
}

/* The single entry that there must be. */
static struct pollfd only_fd(int *timeout)
{
    int nfds;
    struct pollfd *fds = poll_fds(&nfds, timeout);
    ck_assert_msg(nfds == 1, "%d descriptors to poll, expected 1", nfds);
    return fds[0];
}

static void assert_events(short events)
{
    int timeout;
    struct pollfd entry = only_fd(&timeout);
    ck_assert_msg(entry.events == events, "events %#x, expected %#x", (unsigned)entry.events,
                  (unsigned)events);
}

/* Runs the loop that a client with its own poll() has until the batch is finished;
 * returns how many values came. */
static size_t run_loop(size_t *count, bool (*use)(const omcache_value_t *))
{
    size_t found = 0;
    while (*count > 0) {
        int nfds;
        int timeout;
        size_t room = MANY;
        struct pollfd *fds = poll_fds(&nfds, &timeout);
        ck_assert_msg(nfds > 0 || timeout >= 0, "nothing to wait for, but %zu requests", *count);
        int ready = poll(fds, (nfds_t)nfds, timeout);
        ck_assert_msg(ready > 0 || timeout < 5000, "poll gave %d after %d ms", ready, timeout);
        int rc = omcache_io(client, reqs, count, values, &room, 0);
        ck_assert_msg(rc == (*count ? OMCACHE_AGAIN : OMCACHE_OK), "%s with %zu requests pending",
                      rc_name(rc), *count);
        for (size_t i = 0; i < room; i++) {
            found += use(&values[i]);
        }
    }
    return found;
}

static bool is_key_itself(const omcache_value_t *value)
{
    assert_rc(value->status, OMCACHE_OK);
    assert_bytes(value->data, value->data_len, value->key, value->key_len);
    return true;
}

static bool is_success(const omcache_value_t *value)
{
    assert_rc(value->status, OMCACHE_OK);
    return true;
}

/* What was sent without waiting may have to be followed by something that shows when it is over,
 * though new requests are kept back: then the socket is watched for that. */
START_TEST(what_was_sent_before_buffering_is_gone_on_with)
{
    static struct watcher watched;
    int nfds;
    int timeout;
    fixture_size(1);
    watcher_init(&watched, client);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_rc(omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    struct pollfd *fds = omcache_poll_fds(client, &nfds, &timeout);
    ck_assert_int_eq(nfds, 1);
    ck_assert_int_eq(fds[0].events, watcher_events(&watched, fds[0].fd));
    assert_rc(omcache_set_buffering(client, 0), OMCACHE_OK);
    drain(client);
    assert_stored("key", "value");
}
END_TEST

START_TEST(a_poll_loop_collects_a_batch)
{
    fixture_size(_i);
    size_t count = MANY;
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "poll-%zu", i);
        if (i % 2) {
            assert_rc(omcache_set(client, TEXT(names[i]), TEXT(names[i]), 0, 0, 0, 0),
                      OMCACHE_BUFFERED);
        }
    }
    drain(client);
    for (size_t i = 0; i < MANY; i++) {
        wire_request(&reqs[i], -1, WIRE_GETKQ, names[i]);
    }
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    ck_assert_uint_eq(run_loop(&count, is_key_itself), MANY / 2);
    drain(client); /* the answer to the no-op behind the quiet gets may still be on its way */
    assert_idle();
}
END_TEST

/* One command at a time, from a fresh handle on, as the Node binding does. */
START_TEST(a_poll_loop_serves_single_commands)
{
    fixture_size(_i);
    for (size_t i = 0; i < 20; i++) {
        size_t count = 1;
        snprintf(names[i], sizeof(names[i]), "poll-%zu", i);
        wire_set(&reqs[0], -1, WIRE_SET, names[i], names[i]);
        assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
        ck_assert_uint_eq(run_loop(&count, is_success), 1);
        count = 1;
        wire_request(&reqs[0], -1, WIRE_GETK, names[i]);
        assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
        ck_assert_uint_eq(run_loop(&count, is_key_itself), 1);
    }
    assert_idle();
}
END_TEST

START_TEST(idle_servers_are_not_polled)
{
    fixture_size(_i);
    assert_idle();
    for (size_t i = 0; i < fleet.count; i++) {
        assert_rc(omcache_noop(client, (int)i, -1), OMCACHE_OK);
    }
    assert_idle();
    assert_rc(omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_idle();
}
END_TEST

START_TEST(without_servers_there_is_nothing)
{
    client = fixture_client("");
    assert_idle();
}
END_TEST

START_TEST(only_busy_servers_are_polled)
{
    fixture_servers(3);
    int timeout;
    for (size_t i = 0; i < 3; i++) {
        assert_rc(omcache_noop(client, (int)i, -1), OMCACHE_OK);
    }
    assert_rc(omcache_noop(client, 1, 0), OMCACHE_BUFFERED);
    only_fd(&timeout);
    drain(client);
}
END_TEST

/* A fleet of one idle, connected server. */
static void connected(void)
{
    fixture_servers(1);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
}

START_TEST(events_follow_what_is_to_do)
{
    connected();
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    int timeout;
    struct pollfd entry = only_fd(&timeout);
    ck_assert_msg(entry.events & POLLOUT, "events %#x while data is unsent",
                  (unsigned)entry.events);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    assert_rc(omcache_set_buffering(client, 0), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    assert_events(POLLIN);
    drain(client);
    assert_idle();
}
END_TEST

START_TEST(a_descriptor_stays_while_it_lives)
{
    connected();
    int timeout;
    int fd = -1;
    for (size_t i = 0; i < 50; i++) {
        assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
        struct pollfd entry = only_fd(&timeout);
        ck_assert_msg(fd < 0 || fd == entry.fd, "descriptor %d is now %d", fd, entry.fd);
        fd = entry.fd;
        drain(client);
    }
}
END_TEST

START_TEST(sockets_do_not_block_delay_or_leak)
{
    connected();
    int timeout;
    int on = 0;
    socklen_t len = sizeof(on);
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    int fd = only_fd(&timeout).fd;
    ck_assert_msg(fcntl(fd, F_GETFL) & O_NONBLOCK, "the socket blocks");
    ck_assert_msg(fcntl(fd, F_GETFD) & FD_CLOEXEC, "the socket survives exec");
    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    ck_assert_msg(on, "the socket delays small requests");
    drain(client);
}
END_TEST

/*
 * Time.
 */

START_TEST(connecting_polls_for_both)
{
    struct peer *peer = peer_start_unreachable(0);
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_set_connect_timeout(client, 300), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    int timeout;
    struct pollfd entry = only_fd(&timeout);
    ck_assert_msg(entry.events == (POLLIN | POLLOUT), "events %#x", (unsigned)entry.events);
    ck_assert_msg(timeout > 0 && timeout <= 300, "poll for %d ms", timeout);
}
END_TEST

static bool is_failure(const omcache_value_t *value)
{
    assert_rc(value->status, OMCACHE_SERVER_FAILURE);
    assert_text(value->key, value->key_len, "key");
    ck_assert_ptr_null(value->data);
    return true;
}

static void assert_loop_fails_after(const char *address, int64_t ms)
{
    size_t count = 1;
    int nfds;
    int timeout;
    int64_t start = clock_ms();
    client = fixture_client(address);
    omcache_set_connect_timeout(client, 300);
    omcache_set_dead_timeout(client, 300);
    wire_request(&reqs[0], -1, WIRE_GETK, "key");
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    poll_fds(&nfds, &timeout);
    ck_assert_msg(nfds == 1 && timeout > 0 && timeout <= 300, "%d descriptors for %d ms", nfds,
                  timeout);
    ck_assert_uint_eq(run_loop(&count, is_failure), 1);
    ck_assert_msg(clock_ms() - start >= ms - 10, "failed after %lld ms already",
                  (long long)(clock_ms() - start));
    assert_within(start, ms + 1000);
}

START_TEST(a_poll_loop_notices_the_connect_timeout)
{
    assert_loop_fails_after(peer_address(peer_start_unreachable(0)), 300);
}
END_TEST

static void swallow(struct peer *peer, void *context)
{
    (void)context;
    peer_drain(peer);
}

START_TEST(a_poll_loop_notices_the_dead_timeout)
{
    assert_loop_fails_after(peer_address(peer_start(0, swallow, NULL)), 300);
}
END_TEST

/*
 * What the call itself does.
 */

#define SET_SIZE (WIRE_HEADER + 8 + 3 + 5) /* of "key" to "value" */
#define DELETE_SIZE (WIRE_HEADER + 3)

/* Waits until the peer has got what makes so many bytes, all by itself. */
static void assert_seen(struct peer *peer, size_t bytes, const char *opcodes)
{
    ck_assert_msg(peer_await(peer, 1, bytes), "the peer got less than %zu bytes", bytes);
    ck_assert_str_eq(wire_opcodes(peer), opcodes);
}

START_TEST(the_fence_is_sent)
{
    struct peer *peer = peer_start(0, wire_serve, NULL);
    int nfds;
    int timeout;
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    peer_forget(peer);
    for (int i = 0; i < 3; i++) {
        assert_rc(omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    }
    assert_seen(peer, (size_t)3 * SET_SIZE, "11 11 11");
    poll_fds(&nfds, &timeout);
    assert_seen(peer, 3 * SET_SIZE + WIRE_HEADER, "11 11 11 0a");
    poll_fds(&nfds, &timeout); /* and it is sent once */
    drain(client);
    assert_rc(omcache_delete(client, TEXT("key"), -1), OMCACHE_OK);
    assert_seen(peer, 3 * SET_SIZE + WIRE_HEADER + DELETE_SIZE, "11 11 11 0a 04");
}
END_TEST

START_TEST(a_connection_is_started)
{
    struct peer *peer = peer_start(0, wire_serve, NULL);
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    clock_sleep(20);
    ck_assert_uint_eq(peer_connections(peer), 0);
    int timeout;
    only_fd(&timeout);
    ck_assert_msg(peer_await(peer, 1, 0), "there is no connection");
}
END_TEST

/* Without omcache_io; then there is nothing left to poll. */
static void assert_given_up(const char *address, bool connect)
{
    int nfds = 1;
    int timeout;
    client = fixture_client(address);
    if (connect) {
        assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    }
    omcache_set_connect_timeout(client, 150);
    omcache_set_dead_timeout(client, connect ? 150 : 60000);
    wire_request(&reqs[0], 0, WIRE_GETK, "key");
    size_t count = 1;
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    int64_t start = clock_ms();
    while (nfds > 0 && clock_ms() - start < clock_allow(5000)) {
        struct pollfd *fds = poll_fds(&nfds, &timeout);
        ck_assert_int_ge(timeout, 0);
        if (nfds > 0) {
            ck_assert_msg(timeout <= 150, "poll for %d ms", timeout);
            poll(fds, (nfds_t)nfds, timeout);
        }
    }
    ck_assert_int_eq(nfds, 0);
    ck_assert_msg(clock_ms() - start >= 140, "given up after %lld ms",
                  (long long)(clock_ms() - start));
}

static void answer_noops(struct peer *peer, void *context)
{
    struct wire_request request;
    (void)context;
    while (wire_read(peer, &request)) {
        if (request.opcode == WIRE_NOOP) {
            wire_answer(peer, &request);
        }
    }
}

START_TEST(what_timed_out_is_given_up)
{
    if (_i == 0) {
        assert_given_up(peer_address(peer_start_unreachable(0)), false);
    } else {
        assert_given_up(peer_address(peer_start(0, answer_noops, NULL)), true);
    }
}
END_TEST

START_TEST(the_time_is_the_dead_timeout_at_most)
{
    int nfds;
    int timeout;
    connected();
    assert_rc(omcache_set_dead_timeout(client, 70000), OMCACHE_OK);
    assert_rc(omcache_set_connect_timeout(client, 30000), OMCACHE_OK);
    poll_fds(&nfds, &timeout);
    ck_assert_int_eq(nfds, 0);
    ck_assert_int_eq(timeout, 70000);
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    only_fd(&timeout);
    ck_assert_msg(timeout > 60000 && timeout <= 70000, "poll for %d ms", timeout);
    drain(client);
    assert_rc(omcache_set_servers(client, peer_address(peer_start_unreachable(0))), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    only_fd(&timeout);
    ck_assert_msg(timeout > 20000 && timeout <= 30000, "poll for %d ms", timeout);
}
END_TEST

/* 0 counts as 1: a loop in which nothing is to do must be able to sleep. */
START_TEST(a_loop_without_a_dead_timeout_can_sleep)
{
    int nfds;
    int timeout;
    connected();
    assert_rc(omcache_set_dead_timeout(client, 0), OMCACHE_OK);
    poll_fds(&nfds, &timeout);
    ck_assert_int_eq(nfds, 0);
    ck_assert_int_eq(timeout, 1);
}
END_TEST

/*
 * Callbacks at its end, which may change what is to be polled.
 */

static size_t inside;

static void change(omcache_t *mc, int way)
{
    if (inside++ > 0) {
        return;
    }
    switch (way) {
    case 0: /* nothing is left to be polled */
        assert_rc(omcache_noop(mc, 0, -1), OMCACHE_OK);
        assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
        break;
    case 1: /* what was to be polled is closed */
        assert_rc(omcache_set_servers(mc, ""), OMCACHE_OK);
        break;
    case 2: /* all three are to be polled */
        for (int i = 0; i < 3; i++) {
            assert_rc(omcache_async_noop(mc, i, -1, NULL, NULL), OMCACHE_OK);
        }
        break;
    default: /* and this has been freed */
        fixture_forget(mc);
        assert_rc(omcache_free(mc), OMCACHE_OK);
    }
}

static void change_at_watch(omcache_t *mc, int fd, short events, void *context)
{
    (void)fd;
    (void)events;
    change(mc, *(int *)context);
}

static void change_at_timeout(omcache_t *mc, int msec, void *context)
{
    (void)msec;
    change(mc, *(int *)context);
}

START_TEST(the_array_is_made_after_the_callbacks)
{
    int way = _i % 4;
    int nfds = 7;
    int timeout;
    inside = 0;
    fixture_servers(3);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    if (_i < 4) {
        assert_rc(omcache_set_watch_callback(client, change_at_watch, &way), OMCACHE_OK);
    } else {
        assert_rc(omcache_set_timeout_callback(client, change_at_timeout, &way), OMCACHE_OK);
    }
    ck_assert_uint_eq(inside, 0);
    struct pollfd *fds = omcache_poll_fds(client, &nfds, &timeout);
    ck_assert_uint_ge(inside, 1);
    ck_assert_int_eq(nfds, (way == 2 ? 3 : 0));
    for (int i = 0; i < nfds; i++) {
        ck_assert_int_ge(fcntl(fds[i].fd, F_GETFD), 0);
        ck_assert_int_eq(fds[i].events & POLLOUT, POLLOUT);
        for (int j = 0; j < i; j++) {
            ck_assert_int_ne(fds[i].fd, fds[j].fd);
        }
    }
}
END_TEST

/* The last value takes all of the receive limit, and is valid yet when the connection is
 * looked at for an operation. */
START_TEST(a_server_is_polled_while_a_large_value_is_held)
{
    static unsigned char large[1000];
    static struct told told;
    const unsigned char *value;
    size_t len;
    int timeout;
    told_clear();
    fixture_servers(1);
    assert_rc(omcache_set(client, TEXT("key"), large, 990, 0, 0, 0, -1), OMCACHE_OK);
    assert_rc(omcache_set_recv_buffer_max_size(client, 1000), OMCACHE_OK);
    assert_rc(omcache_get(client, TEXT("key"), &value, &len, NULL, NULL, -1), OMCACHE_OK);
    clock_sleep(20);
    assert_rc(omcache_async_get(client, TEXT("key"), 5000, told_reply, &told), OMCACHE_OK);
    ck_assert_int_eq(only_fd(&timeout).events, POLLIN);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    assert_rc(told.status, OMCACHE_OK);
    ck_assert_uint_eq(told.value_len, 990);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("poll_fds");
    TCase *tcase = fixture_case(suite, "poll");
    tcase_add_test(tcase, what_was_sent_before_buffering_is_gone_on_with);
    tcase_add_loop_test(tcase, a_poll_loop_collects_a_batch, 0, SIZES);
    tcase_add_loop_test(tcase, a_poll_loop_serves_single_commands, 0, SIZES);
    tcase_add_loop_test(tcase, idle_servers_are_not_polled, 0, SIZES);
    tcase_add_test(tcase, without_servers_there_is_nothing);
    tcase_add_test(tcase, only_busy_servers_are_polled);
    tcase_add_test(tcase, events_follow_what_is_to_do);
    tcase_add_test(tcase, a_descriptor_stays_while_it_lives);
    tcase_add_test(tcase, sockets_do_not_block_delay_or_leak);
    tcase_add_test(tcase, connecting_polls_for_both);
    tcase_add_test(tcase, a_poll_loop_notices_the_connect_timeout);
    tcase_add_test(tcase, a_poll_loop_notices_the_dead_timeout);
    TCase *itself = fixture_case(suite, "itself");
    tcase_add_test(itself, the_fence_is_sent);
    tcase_add_test(itself, a_connection_is_started);
    tcase_add_loop_test(itself, what_timed_out_is_given_up, 0, 2);
    tcase_add_test(itself, the_time_is_the_dead_timeout_at_most);
    tcase_add_test(itself, a_loop_without_a_dead_timeout_can_sleep);
    tcase_add_loop_test(tcase, the_array_is_made_after_the_callbacks, 0, 8);
    tcase_add_test(tcase, a_server_is_polled_while_a_large_value_is_held);
    return fixture_run(suite);
}
