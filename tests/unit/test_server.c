/*
 * A server's life under a made-up clock: deadlines, pauses, coming back.  The
 * sockets are real, and nobody sleeps.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/handle.h"
#include "client/loop.h"
#include "client/recovery.h"
#include "client/submit.h"
#include "client/turn.h"
#include "link/backoff.h"
#include "link/patience.h"
#include "proto/opcode.h"
#include "support/fixture.h"
#include "support/loopback.h"
#include "support/peer.h"

enum {
    PORT = 21611,
    CONNECT_TIMEOUT = 100000, /* so long that only a made-up clock can reach it */
    RECONNECT_TIMEOUT = 800000,
    DEAD_TIMEOUT = 200000,
    START = 5000,
};

static int listener;
static struct omc_server *server;

/* A client of one listener that never answers, and accepts in the kernel only. */
static void open_client(void)
{
    char host[LOOPBACK_HOST_SIZE], address[40];

    listener = loopback_listen(loopback_host(host), PORT, 100);
    ck_assert_int_ge(listener, 0);
    snprintf(address, sizeof(address), "%s:%d", host, PORT);
    client = fixture_client(address);
    client->shared.settings.connect_timeout = CONNECT_TIMEOUT;
    client->shared.settings.reconnect_timeout = RECONNECT_TIMEOUT;
    client->shared.settings.dead_timeout = DEAD_TIMEOUT;
    server = client->fleet.servers[0];
}

static void close_client(void)
{
    close(listener);
}

/* Submits a no-op at that time. */
static int submit(int64_t now)
{
    const struct omc_ask noop = {.op = OMC_OP_NOOP};
    size_t count = 1;

    ck_assert(omc_batch_begin(&client->batch, count));
    client->batch.orders[0].ask = noop;
    omc_batch_order(&client->batch.orders[0], &noop, 0, true);
    return omc_submit(client, &count, OMC_SUBMIT_SOON, now);
}

/* Waits for the kernel's part, but passes in a time of its own. */
static void turn(int64_t now)
{
    omc_loop_send(client, now);
    omc_loop_wait(client, 0);
    omc_loop_dispatch(client, now);
}

static void assert_phase(enum omc_phase expected, bool up)
{
    ck_assert_msg(server->link.phase == expected && server->link.up == up, "phase %d, expected %d",
                  (int)server->link.phase, (int)expected);
}

static void connect_at(int64_t now)
{
    assert_rc(submit(now), OMCACHE_OK);
    assert_phase(OMC_PHASE_DIALLING, true);
    omc_loop_wait(client, 1000);
    omc_loop_dispatch(client, now);
    assert_phase(OMC_PHASE_GREETING, true);
}

START_TEST(the_dead_timeout_runs_from_the_first_write)
{
    connect_at(START);
    ck_assert_int_eq(omc_loop_deadline(client), START + DEAD_TIMEOUT);
    turn(START + DEAD_TIMEOUT - 1);
    assert_phase(OMC_PHASE_GREETING, true);
    turn(START + DEAD_TIMEOUT);
    assert_phase(OMC_PHASE_REST, false);
    ck_assert_uint_eq(client->batch.failures_count, 1);
    assert_rc(client->batch.failures[0].status, OMCACHE_SERVER_FAILURE);
    ck_assert_int_eq(omc_loop_deadline(client), OMC_CLOCK_NEVER);
}
END_TEST

START_TEST(an_answer_nobody_has_read_yet_is_a_sign_of_life)
{
    int peer;

    connect_at(START);
    peer = accept(listener, NULL, NULL);
    ck_assert_int_ge(peer, 0);
    ck_assert_int_eq(send(peer, "\x81", 1, 0), 1);
    while (poll(&(struct pollfd){.fd = server->link.conn.stream.fd, .events = POLLIN}, 1, 1000) !=
           1)
        ;
    omc_turn_check_deadline(client, server, START + 2 * DEAD_TIMEOUT);
    assert_phase(OMC_PHASE_GREETING, true);
    turn(START + 2 * DEAD_TIMEOUT);
    ck_assert_int_eq(omc_loop_deadline(client), START + 3 * DEAD_TIMEOUT);
    close(peer);
}
END_TEST

START_TEST(the_connect_timeout_runs_from_the_attempt)
{
    assert_rc(omcache_set_servers(client, peer_address(peer_start_unreachable(0))), OMCACHE_OK);
    server = client->fleet.servers[0];
    assert_rc(submit(START), OMCACHE_OK);
    ck_assert_int_eq(omc_loop_deadline(client), START + CONNECT_TIMEOUT);
    omc_loop_check_deadlines(client, true, START + CONNECT_TIMEOUT - 1);
    assert_phase(OMC_PHASE_DIALLING, true);
    omc_loop_check_deadlines(client, true, START + CONNECT_TIMEOUT);
    assert_phase(OMC_PHASE_REST, false);
}
END_TEST

/* Lets the server be looked up at that time. */
static bool look(int64_t now)
{
    return omc_recovery_is_usable(client, server, now);
}

START_TEST(a_connection_that_nobody_has_looked_at_is_one)
{
    assert_rc(submit(START), OMCACHE_OK);
    clock_sleep(5); /* the kernel's part */
    omc_loop_check_deadlines(client, true, START + 2 * CONNECT_TIMEOUT);
    assert_phase(OMC_PHASE_GREETING, true);
}
END_TEST

START_TEST(a_server_that_is_down_is_left_alone_for_its_pause)
{
    int64_t retry_at;

    connect_at(START);
    turn(START + DEAD_TIMEOUT);
    retry_at = server->link.retry_at;
    ck_assert_int_ge(retry_at, START + DEAD_TIMEOUT + RECONNECT_TIMEOUT / 16);
    ck_assert_int_le(retry_at, START + DEAD_TIMEOUT + RECONNECT_TIMEOUT / 8);
    assert_rc(submit(retry_at - 1), OMCACHE_NO_SERVERS);
    assert_phase(OMC_PHASE_REST, false);
    ck_assert(!look(retry_at));
    ck_assert(server->link.phase == OMC_PHASE_DIALLING || server->link.phase == OMC_PHASE_GREETING);
    assert_rc(submit(retry_at), OMCACHE_NO_SERVERS);
}
END_TEST

/* Fails one reconnect after the other, watched closely; the pause after it. */
static int64_t fail_again(void)
{
    int64_t now = server->link.retry_at;

    while (server->link.phase != OMC_PHASE_GREETING)
        ck_assert(!look(now++));
    now = omc_patience_deadline(&server->link);
    ck_assert(!look(now));
    assert_phase(OMC_PHASE_REST, false);
    return server->link.retry_at - now;
}

START_TEST(pauses_grow_up_to_the_reconnect_timeout)
{
    connect_at(START);
    turn(START + DEAD_TIMEOUT);
    for (int halvings = 2; halvings >= -3; halvings--) {
        int64_t longest = RECONNECT_TIMEOUT >> (halvings > 0 ? halvings : 0);
        int64_t pause = fail_again();

        ck_assert_msg(pause >= longest / 2 && pause <= longest, "%lld of %lld", (long long)pause,
                      (long long)longest);
    }
}
END_TEST

START_TEST(a_reconnect_nobody_watched_is_made_again_at_once)
{
    int64_t now;

    connect_at(START);
    turn(START + DEAD_TIMEOUT);
    for (now = server->link.retry_at; server->link.phase != OMC_PHASE_GREETING; now++)
        ck_assert(!look(now));
    now = omc_patience_deadline(&server->link) + 1000;
    ck_assert(!look(now));
    assert_phase(OMC_PHASE_REST, false);
    ck_assert_int_eq(server->link.retry_at, now);
    ck_assert(!look(now)); /* but not twice in one millisecond */
    assert_phase(OMC_PHASE_REST, false);
    ck_assert(!look(now + 1));
    ck_assert_int_ne(server->link.phase, OMC_PHASE_REST);
}
END_TEST

START_TEST(a_lookup_that_finds_it_verified_still_goes_elsewhere)
{
    unsigned char hello[24];
    int64_t now;
    int peer;

    connect_at(START);
    turn(START + DEAD_TIMEOUT);
    close(accept(listener, NULL, NULL));
    for (now = server->link.retry_at; server->link.phase != OMC_PHASE_GREETING; now++)
        ck_assert(!look(now));
    peer = accept(listener, NULL, NULL);
    ck_assert_int_eq(recv(peer, hello, sizeof(hello), MSG_WAITALL), (ssize_t)sizeof(hello));
    hello[0] = 0x81;
    ck_assert_int_eq(send(peer, hello, sizeof(hello), 0), (ssize_t)sizeof(hello));
    while (poll(&(struct pollfd){.fd = server->link.conn.stream.fd, .events = POLLIN}, 1, 1000) !=
           1)
        ;
    ck_assert(!look(now));
    assert_phase(OMC_PHASE_READY, true);
    ck_assert_uint_eq(server->link.failures, 1); /* until it has answered a request */
    ck_assert(look(now));
    close(peer);
}
END_TEST

START_TEST(a_server_that_cannot_be_reached_is_doubted)
{
    assert_rc(omcache_set_servers(client, peer_address(peer_start_unreachable(0))), OMCACHE_OK);
    server = client->fleet.servers[0];
    assert_rc(submit(START), OMCACHE_OK);
    omc_loop_doubt(client, START + 249);
    assert_phase(OMC_PHASE_DIALLING, true);
    omc_loop_doubt(client, START + 250);
    assert_phase(OMC_PHASE_DIALLING, false);
}
END_TEST

/* Nobody has looked. */
START_TEST(a_server_that_is_connected_is_not_doubted)
{
    assert_rc(submit(START), OMCACHE_OK);
    assert_phase(OMC_PHASE_DIALLING, true);
    omc_loop_doubt(client, START + 250);
    assert_phase(OMC_PHASE_GREETING, true);
}
END_TEST

/* The attempt goes on, and ends well. */
START_TEST(a_server_that_is_doubted_is_down_until_it_is_proved)
{
    unsigned char hello[24];
    int64_t now = START + 250;
    int peer;

    assert_rc(submit(START), OMCACHE_OK);
    omc_turn_event(client, server, OMC_EVENT_DOUBTED, NULL, now);
    assert_phase(OMC_PHASE_DIALLING, false);
    ck_assert_uint_eq(client->batch.failures_count, 1); /* it has nowhere to go */
    assert_rc(client->batch.failures[0].status, OMCACHE_SERVER_FAILURE);
    ck_assert_int_eq(omc_loop_deadline(client), START + CONNECT_TIMEOUT);
    assert_rc(submit(now), OMCACHE_NO_SERVERS);
    while (server->link.phase == OMC_PHASE_DIALLING)
        ck_assert(!look(now++));
    assert_phase(OMC_PHASE_GREETING, false);
    peer = accept(listener, NULL, NULL);
    ck_assert_int_eq(recv(peer, hello, sizeof(hello), MSG_WAITALL), (ssize_t)sizeof(hello));
    hello[0] = 0x81;
    ck_assert_int_eq(send(peer, hello, sizeof(hello), 0), (ssize_t)sizeof(hello));
    while (server->link.phase == OMC_PHASE_GREETING)
        ck_assert(!look(now++));
    assert_phase(OMC_PHASE_READY, true);
    ck_assert_uint_eq(server->link.counters.failures, 0);
    close(peer);
}
END_TEST

START_TEST(pauses_of_many_clients_differ)
{
    uint32_t random = 12345, low = UINT32_MAX, high = 0;

    for (int i = 0; i < 1000; i++) {
        uint32_t pause = omc_backoff_pause(100, 10000, &random);

        ck_assert_uint_ge(pause, 5000);
        ck_assert_uint_le(pause, 10000);
        low = pause < low ? pause : low;
        high = pause > high ? pause : high;
    }
    ck_assert_msg(low < 5500 && high > 9500, "from %u to %u", (unsigned)low, (unsigned)high);
    ck_assert_uint_eq(omc_backoff_pause(1, 0, &random), 0);
    random = 0;
    ck_assert_uint_ge(omc_backoff_pause(1, UINT32_MAX, &random), UINT32_MAX / 16);
}
END_TEST

/* Against a real server, with the numbers about to wrap in the midst of it. */
START_TEST(numbers_wrap_unnoticed)
{
    const unsigned char *keys[20];
    size_t lens[20], count = 20, room = 20, found = 0;
    omcache_req_t reqs[20];
    omcache_value_t values[20];
    char names[20][16];

    fixture_servers(3);
    client->batch.next_tag = UINT32_MAX - 30;
    for (size_t i = 0; i < 3; i++) {
        omc_connection_fini(&client->fleet.servers[i]->link.conn);
        omc_connection_init(&client->fleet.servers[i]->link.conn, &client->shared.pool,
                            UINT32_MAX - 5);
    }
    for (size_t i = 0; i < 20; i++) {
        lens[i] = (size_t)snprintf(names[i], sizeof(names[i]), "wrap-%zu", i);
        keys[i] = (const unsigned char *)names[i];
        store(names[i], names[i]);
    }
    assert_rc_either(omcache_get_multi(client, keys, lens, 20, reqs, &count, values, &room, -1),
                     OMCACHE_OK, OMCACHE_AGAIN);
    for (;; room = 20) {
        for (size_t i = 0; i < room; i++, found++)
            assert_bytes(values[i].data, values[i].data_len, values[i].key, values[i].key_len);
        if (count == 0)
            break;
        assert_rc_either(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_OK,
                         OMCACHE_AGAIN);
    }
    ck_assert_uint_eq(found, 20);
    ck_assert_uint_lt(reqs[19].header.opaque, reqs[0].header.opaque); /* it did wrap */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server");
    TCase *tcase = fixture_case(suite, "clock");
    TCase *others = fixture_case(suite, "others");

    tcase_add_checked_fixture(tcase, open_client, close_client);
    tcase_add_test(tcase, the_dead_timeout_runs_from_the_first_write);
    tcase_add_test(tcase, an_answer_nobody_has_read_yet_is_a_sign_of_life);
    tcase_add_test(tcase, the_connect_timeout_runs_from_the_attempt);
    tcase_add_test(tcase, a_connection_that_nobody_has_looked_at_is_one);
    tcase_add_test(tcase, a_server_that_is_down_is_left_alone_for_its_pause);
    tcase_add_test(tcase, pauses_grow_up_to_the_reconnect_timeout);
    tcase_add_test(tcase, a_reconnect_nobody_watched_is_made_again_at_once);
    tcase_add_test(tcase, a_lookup_that_finds_it_verified_still_goes_elsewhere);
    tcase_add_test(tcase, a_server_that_cannot_be_reached_is_doubted);
    tcase_add_test(tcase, a_server_that_is_connected_is_not_doubted);
    tcase_add_test(tcase, a_server_that_is_doubted_is_down_until_it_is_proved);
    tcase_add_test(others, pauses_of_many_clients_differ);
    tcase_add_test(others, numbers_wrap_unnoticed);
    return fixture_run(suite);
}
