/*
 * Waits that must end: a call without a time limit, and an operation, fail with the dead
 * timeout when a server says nothing more.  And a server that owes nothing is left alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/calls.h"
#include "support/child.h"
#include "support/fixture.h"
#include "support/outage.h"
#include "support/peer.h"
#include "support/puppet.h"
#include "support/told.h"
#include "support/watcher.h"
#include "support/wire.h"
#include "support/words.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEAD 300
#define LONG_DEAD 1000 /* where a server answers late, but in time */
#define MEGABYTE ((size_t)1 << 20)

static const int protocols[] = {OMCACHE_PROTOCOL_BINARY, OMCACHE_PROTOCOL_META,
                                OMCACHE_PROTOCOL_TEXT};
#define PROTOCOLS 3

/* `client` becomes one of these servers, with one of the protocols. */
static void speak(const char *servers, int protocol)
{
    client = impatient(servers, 5000, 200, DEAD);
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
}

static void one_server(int protocol)
{
    fleet_start(&fleet, 1);
    speak(fleet.list, protocol);
    assert_rc(get("proves-it"), OMCACHE_NOT_FOUND);
}

static omcache_server_stats_t stats(void)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    return stats;
}

static uint64_t failures(void)
{
    return stats().failures;
}

/* A get without a time limit ends, and not well. */
static void assert_get_ends(void)
{
    int64_t start = clock_ms();
    assert_rc_either(get("key"), OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    assert_within(start, clock_allow(5000));
}

/* Runs the client for as long as it may take until a silence is noticed. */
static void outlast(void)
{
    int64_t end = clock_ms() + DEAD * 3 / 2;
    while (clock_ms() < end) {
        omcache_io(client, NULL, NULL, NULL, NULL, 10);
        omcache_process_timeouts(client);
        clock_sleep(10);
    }
}

/*
 * What the kernel does not take.
 */

static unsigned char large[30 * MEGABYTE];

START_TEST(an_operation_that_is_never_written_ends)
{
    struct told told = {0};
    one_server(protocols[_i]);
    ck_assert_int_eq(omcache_next_timeout(client), -1);
    memcached_pause(&fleet.servers[0]);
    assert_rc(
        omcache_async_set(client, "large", 5, large, 8 * MEGABYTE, 0, 0, 0, -1, told_reply, &told),
        OMCACHE_OK);
    assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 50), OMCACHE_AGAIN);
    ck_assert_int_ge(omcache_next_timeout(client), 0);
    ck_assert_int_le(omcache_next_timeout(client), DEAD);
    outlast();
    ck_assert_uint_eq(told.calls, 1);
    assert_rc(told.status, OMCACHE_SERVER_FAILURE);
}
END_TEST

START_TEST(collected_requests_that_are_never_written_end)
{
    one_server(protocols[_i]);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_set_send_buffer_max_size(client, 64 * MEGABYTE), OMCACHE_OK);
    ck_assert_int_eq(omcache_next_timeout(client), -1);
    memcached_pause(&fleet.servers[0]);
    for (int i = 0; i < 40; i++) {
        assert_rc(omcache_set(client, TEXT("large"), large, MEGABYTE, 0, 0, 0, 0),
                  OMCACHE_BUFFERED);
    }
    assert_get_ends();
}
END_TEST

START_TEST(a_full_socket_is_not_forgotten_by_a_reset)
{
    struct memcached m;
    char path[64];
    snprintf(path, sizeof(path), "/tmp/omc-silence-%d", (int)getpid());
    memcached_start_socket(&m, path);
    speak(m.address, protocols[_i]);
    assert_rc(get("proves-it"), OMCACHE_NOT_FOUND);
    memcached_pause(&m);
    for (int i = 0; i < 5000; i++) {
        assert_rc(omcache_set(client, TEXT("key"), large, 1000, 0, 0, 0, 0), OMCACHE_BUFFERED);
    }
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_get_ends();
}
END_TEST

/*
 * A server that refuses a value before it has read it.
 */

static atomic_bool reads_on;

static void refuse_early(struct peer *peer, void *context)
{
    char line[300];
    size_t len = 0;
    (void)context;
    if (!words_greet_text(peer)) {
        return;
    }
    while (len < sizeof(line) && peer_read(peer, &line[len], 1) && line[len] != '\n') {
        len++;
    }
    words_send(peer, "SERVER_ERROR object too large for cache\r\n");
    for (int i = 0; i < 500 && !atomic_load(&reads_on); i++) {
        clock_sleep(10);
    }
    static char part[MEGABYTE];
    for (size_t i = 0; i < sizeof(large) / MEGABYTE && peer_read(peer, part, MEGABYTE); i++) {
        ;
    }
    peer_read(peer, part, 2);
    words_serve_text(peer, NULL);
}

static void store_too_much(void)
{
    atomic_store(&reads_on, false);
    speak(peer_address(peer_start(0, refuse_early, NULL)), OMCACHE_PROTOCOL_TEXT);
    assert_rc(omcache_set_send_buffer_max_size(client, 64 * MEGABYTE), OMCACHE_OK);
    assert_rc(omcache_set(client, TEXT("large"), large, sizeof(large), 0, 0, 0, -1),
              OMCACHE_TOO_LARGE_VALUE);
}

START_TEST(a_refused_value_that_is_not_read_blocks_nobody)
{
    store_too_much();
    assert_get_ends();
}
END_TEST

START_TEST(a_server_that_reads_what_it_refused_owes_nothing)
{
    store_too_much();
    atomic_store(&reads_on, true);
    drain(client);
    outlast();
    ck_assert_uint_eq(failures(), 0);
    assert_rc(get("key"), OMCACHE_OK);
    ck_assert_uint_eq(stats().connects, 1);
}
END_TEST

/*
 * Nothing is asked.
 */

START_TEST(a_server_that_came_back_and_is_not_asked_is_left_alone)
{
    one_server(protocols[_i]);
    memcached_kill(&fleet.servers[0]);
    for (int i = 0; i < 3; i++) {
        assert_rc_either(get("key"), OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    }
    memcached_restart(&fleet.servers[0]);
    uint64_t connects = stats().connects;
    for (int i = 0; i < 500 && stats().connects == connects; i++) {
        clock_sleep(10);
        /* It looks for a server for its request, and then does not accept that. */
        omcache_set(client, TEXT("key"), large, sizeof(large), 0, 0, 0, 0);
    }
    ck_assert_uint_eq(stats().connects, connects + 1);
    uint64_t before = failures();
    outlast();
    ck_assert_uint_eq(failures(), before);
    assert_rc(get("key"), OMCACHE_NOT_FOUND);
    ck_assert_uint_eq(stats().connects, connects + 1);
}
END_TEST

START_TEST(a_server_whose_requests_were_reset_in_its_handshake_is_left_alone)
{
    fleet_start(&fleet, 1);
    speak(fleet.list, protocols[_i]);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 50), OMCACHE_AGAIN);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    memcached_resume(&fleet.servers[0]);
    outlast();
    ck_assert_uint_eq(failures(), 0);
    assert_rc(get("key"), OMCACHE_NOT_FOUND);
    ck_assert_uint_eq(stats().connects, 1);
}
END_TEST

/* A quiet request was sent, and one that must be answered is only collected. */
START_TEST(what_is_collected_behind_a_quiet_request_is_not_owed)
{
    omcache_req_t req;
    size_t count = 1;
    one_server(OMCACHE_PROTOCOL_BINARY);
    assert_rc(omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    ck_assert_int_eq(omcache_next_timeout(client), -1);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    wire_request(&req, -1, WIRE_GETK, "key");
    assert_rc(omcache_command(client, &req, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    ck_assert_int_eq(omcache_next_timeout(client), -1);
}
END_TEST

/* Over binary a get is quiet, and a get with options of meta is refused when that is found. */
START_TEST(a_quiet_request_in_front_of_a_refused_one_ends)
{
    static const char *const binary_only[] = {"-B", "binary", NULL};
    struct memcached m;
    struct told told[2] = {{0}};
    memcached_start_with(&m, FLEET_PORT, binary_only);
    client = impatient(m.address, 5000, 200, 5000);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_AUTO), OMCACHE_OK);
    assert_rc(omcache_async_get(client, "key", 3, -1, told_reply, &told[0]), OMCACHE_OK);
    assert_rc(omcache_async_meta_get(client, "key", 3, NULL, -1, told_reply, &told[1]), OMCACHE_OK);
    int64_t start = clock_ms();
    drain(client);
    assert_within(start, clock_allow(3000));
    assert_rc(told[0].status, OMCACHE_NOT_FOUND);
    assert_rc(told[1].status, OMCACHE_INVALID);
}
END_TEST

/*
 * A server that talks, but does not answer.
 */

static void say_nothing_useful(struct peer *peer, void *context)
{
    struct wire_request request;
    struct wire_reply reply = {.opcode = WIRE_NOOP, .opaque = 0x77777777};
    bool all_at_once = context != NULL;
    if (!wire_read(peer, &request) || !wire_answer(peer, &request)) {
        return;
    }
    while (wire_send(peer, &reply)) {
        if (!all_at_once) {
            clock_sleep(DEAD / 5);
        }
    }
}

START_TEST(answers_to_nobody_are_no_sign_of_life)
{
    static const char flood[] = "";
    speak(peer_address(peer_start(0, say_nothing_useful, _i == 0 ? NULL : (void *)flood)),
          OMCACHE_PROTOCOL_BINARY);
    assert_get_ends();
}
END_TEST

/* An answer in drops, of which each is a sign of life, has no end. */
static void drip(struct peer *peer, void *context)
{
    static const unsigned char head[24] = {0x81, 0x0c, [4] = 4, [9] = 7, [10] = 0xa1, [12] = 0x77};
    struct wire_request request;
    (void)context;
    if (!wire_read(peer, &request) || !wire_answer(peer, &request)) {
        return;
    }
    for (size_t i = 0; i < 500000 && peer_send(peer, i < 24 ? &head[i] : head, 1); i++) {
        clock_sleep(10);
    }
}

START_TEST(drops_are_no_sign_of_life_for_ever)
{
    speak(peer_address(peer_start(0, drip, NULL)), OMCACHE_PROTOCOL_BINARY);
    assert_get_ends();
}
END_TEST

/* Answers each request in time, the hello and what has come with it one after the other. */
static void take_time(struct peer *peer, void *context)
{
    struct wire_request request;
    (void)context;
    while (wire_read(peer, &request)) {
        clock_sleep(LONG_DEAD * 6 / 10);
        if (!wire_answer(peer, &request)) {
            return;
        }
    }
}

START_TEST(the_answer_to_the_hello_is_a_sign_of_life)
{
    speak(peer_address(peer_start(0, take_time, NULL)), OMCACHE_PROTOCOL_BINARY);
    assert_rc(omcache_set_dead_timeout(client, LONG_DEAD), OMCACHE_OK);
    assert_rc(get("key"), OMCACHE_OK);
    ck_assert_uint_eq(failures(), 0);
}
END_TEST

/*
 * Answers that have come and are not handled yet.
 */

static struct told inner;
static int waited;

/* Waits for the other operation, whose answer was read with this one's. */
static void wait_inside(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)reply;
    (void)context;
    waited = omcache_io(mc, NULL, NULL, NULL, NULL, 5000);
    ck_assert_uint_eq(inner.calls, 1);
}

START_TEST(what_has_come_is_not_waited_for_inside_a_callback)
{
    one_server(protocols[_i]);
    assert_rc(omcache_set_dead_timeout(client, 10000), OMCACHE_OK);
    memset(&inner, 0, sizeof(inner));
    waited = -1;
    assert_rc(omcache_async_get(client, "first", 5, -1, wait_inside, NULL), OMCACHE_OK);
    assert_rc(omcache_async_get(client, "second", 6, -1, told_reply, &inner), OMCACHE_OK);
    int64_t start = clock_ms();
    drain(client);
    assert_within(start, clock_allow(2000));
    assert_rc(waited, OMCACHE_OK);
    assert_rc(inner.status, OMCACHE_NOT_FOUND);
}
END_TEST

/*
 * A dead timeout of nothing.
 */

START_TEST(without_a_dead_timeout_nothing_spins)
{
    one_server(protocols[_i]);
    assert_rc(omcache_set_dead_timeout(client, 0), OMCACHE_OK);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    ck_assert_int_eq(omcache_next_timeout(client), -1);
}
END_TEST

/* What counts is how long answers to later ones have come, not how long ago it was asked. */
START_TEST(a_request_sent_late_is_not_overdue)
{
    static struct puppet puppet;
    static struct watcher loop;
    static struct told gets[3];
    struct wire_request requests[3];
    puppet_open(&puppet, 0);
    speak(puppet.address, OMCACHE_PROTOCOL_BINARY);
    watcher_init(&loop, client);
    assert_rc(omcache_async_get(client, "0", 1, -1, told_reply, &gets[0]), OMCACHE_OK);
    puppet_greet(&puppet, &loop);
    while (!puppet_next(&puppet, &requests[0], 0)) {
        watcher_turn(&loop, 1);
    }
    puppet_answer(&puppet, &requests[0], 0, "0", 1);
    watcher_run(&loop, &told_count, 1);
    assert_rc(omcache_async_get(client, "1", 1, -1, told_reply, &gets[1]), OMCACHE_OK);
    assert_rc(omcache_async_get(client, "2", 1, -1, told_reply, &gets[2]), OMCACHE_OK);
    usleep((DEAD + 50) * 1000);
    for (int i = 1; i <= 2; i++) {
        while (!puppet_next(&puppet, &requests[i], 0)) {
            watcher_turn(&loop, 1);
        }
    }
    for (size_t i = 2; i >= 1; i--) {
        puppet_answer(&puppet, &requests[i], 0, "x", 1);
        watcher_run(&loop, &told_count, 4 - i);
        assert_rc(gets[i].status, OMCACHE_OK);
    }
    ck_assert_uint_eq(failures(), 0);
    puppet_close(&puppet);
}
END_TEST

/* Which answers nothing about "never", but goes on. */
START_TEST(one_answer_is_left_out_for_so_long_only)
{
    static struct told never;
    int64_t start = clock_ms();
    int rc = OMCACHE_OK;
    speak(peer_address(peer_start(0, peer_moody, NULL)), OMCACHE_PROTOCOL_BINARY);
    assert_rc(get("key"), OMCACHE_OK);
    assert_rc(omcache_async_get(client, TEXT("never"), -1, told_reply, &never), OMCACHE_OK);
    while (never.calls == 0 && clock_ms() - start < 5000) {
        rc = get("key");
        usleep(5000);
    }
    assert_rc_either(rc, OMCACHE_OK, OMCACHE_SERVER_FAILURE);
    assert_rc(never.status, OMCACHE_SERVER_FAILURE);
    ck_assert_int_ge(clock_ms() - start, DEAD);
    assert_within(start, clock_allow((int64_t)2 * DEAD));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failing_dead_timeout");
    TCase *tcase = fixture_case(suite, "silence");
    tcase_add_loop_test(tcase, an_operation_that_is_never_written_ends, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, collected_requests_that_are_never_written_end, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, a_full_socket_is_not_forgotten_by_a_reset, 0, PROTOCOLS);
    tcase_add_test(tcase, a_refused_value_that_is_not_read_blocks_nobody);
    tcase_add_test(tcase, a_server_that_reads_what_it_refused_owes_nothing);
    tcase_add_loop_test(tcase, a_server_that_came_back_and_is_not_asked_is_left_alone, 0,
                        PROTOCOLS);
    tcase_add_loop_test(tcase, a_server_whose_requests_were_reset_in_its_handshake_is_left_alone, 0,
                        PROTOCOLS);
    tcase_add_test(tcase, a_quiet_request_in_front_of_a_refused_one_ends);
    tcase_add_test(tcase, what_is_collected_behind_a_quiet_request_is_not_owed);
    tcase_add_loop_test(tcase, answers_to_nobody_are_no_sign_of_life, 0, 2);
    tcase_add_test(tcase, drops_are_no_sign_of_life_for_ever);
    tcase_add_test(tcase, the_answer_to_the_hello_is_a_sign_of_life);
    tcase_add_loop_test(tcase, what_has_come_is_not_waited_for_inside_a_callback, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, without_a_dead_timeout_nothing_spins, 0, PROTOCOLS);
    tcase_add_test(tcase, a_request_sent_late_is_not_overdue);
    tcase_add_test(tcase, one_answer_is_left_out_for_so_long_only);
    return fixture_run(suite);
}
