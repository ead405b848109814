/*
 * The day a server dies: what moves to another server, what fails, what nobody
 * notices, and how soon all is as before.  Facts: classic-api.md sections 7 and 11.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/outage.h"
#include "support/peer.h"
#include "support/plain_time.h"
#include "support/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MS 20 /* more than what makes a connection worth a look */

/*
 * What was never sent moves on.
 */

START_TEST(a_server_that_refuses_costs_its_keys_nothing)
{
    fixture_servers(3);
    const char *key = key_for(1);
    memcached_kill(&fleet.servers[1]);
    client = impatient(fleet.list, 5000, 60000, 5000);
    assert_get(key, OMCACHE_NOT_FOUND, 1000);
    store(key, "elsewhere");
    assert_stored(key, "elsewhere");
    ck_assert_int_ne(index_of(key), 1);
}
END_TEST

START_TEST(what_an_unreachable_server_was_to_get_moves_on)
{
    fleet_start(&fleet, 2);
    char list[400];
    snprintf(list, sizeof(list), "%s,%s", fleet.list, peer_address(peer_start_unreachable(0)));
    client = impatient(list, 200, 60000, 60000);
    const char *key = key_for(2);
    int64_t start = clock_ms();
    store(key, "elsewhere");
    ck_assert_msg(clock_ms() - start >= 190, "it moved after %lld ms",
                  (long long)(clock_ms() - start));
    assert_within(start, 2000);
    assert_stored(key, "elsewhere");
}
END_TEST

START_TEST(buffered_requests_move_on)
{
    enum { KEYS = 300 };
    static char names[KEYS][16];
    fixture_servers(3);
    memcached_kill(&fleet.servers[1]);
    client = impatient(fleet.list, 500, 60000, 500);
    omcache_set_buffering(client, 1);
    for (int i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof(names[i]), "moving-%d", i);
        assert_rc(omcache_set(client, TEXT(names[i]), TEXT(names[i]), 0, 0, 0, 0),
                  OMCACHE_BUFFERED);
    }
    drain(client);
    for (int i = 0; i < KEYS; i++) {
        assert_stored(names[i], names[i]);
    }
}
END_TEST

START_TEST(a_multi_get_loses_no_key_to_a_server_that_refuses)
{
    enum { KEYS = 60 };
    static char names[KEYS][16];
    const unsigned char *keys[KEYS];
    size_t lens[KEYS];
    omcache_req_t reqs[KEYS];
    omcache_value_t values[KEYS];
    size_t count = KEYS;
    size_t room = KEYS;
    fixture_servers(3);
    memcached_kill(&fleet.servers[1]);
    client = impatient(fleet.list, 500, 60000, 500);
    for (size_t i = 0; i < KEYS; i++) {
        lens[i] = (size_t)snprintf(names[i], sizeof(names[i]), "multi-%zu", i);
        keys[i] = (const unsigned char *)names[i];
        store(names[i], names[i]);
    }
    client = impatient(fleet.list, 500, 60000, 500); /* which does not know yet */
    assert_rc(omcache_get_multi(client, keys, lens, KEYS, reqs, &count, values, &room, -1),
              OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(room, KEYS);
    for (size_t i = 0; i < room; i++) {
        assert_rc(values[i].status, OMCACHE_OK);
        assert_bytes(values[i].data, values[i].data_len, values[i].key, values[i].key_len);
    }
}
END_TEST

START_TEST(what_names_a_server_does_not_move)
{
    fixture_servers(3);
    memcached_kill(&fleet.servers[1]);
    client = impatient(fleet.list, 500, 60000, 500);
    assert_rc(omcache_noop(client, 1, -1), OMCACHE_NO_SERVERS);
    assert_rc(omcache_flush_all(client, 0, 1, -1), OMCACHE_NO_SERVERS);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
}
END_TEST

START_TEST(with_nowhere_to_go_requests_fail)
{
    fixture_servers(3);
    for (size_t i = 0; i < 3; i++) {
        memcached_kill(&fleet.servers[i]);
    }
    client = impatient(fleet.list, 5000, 60000, 5000);
    int64_t start = clock_ms();
    assert_rc(get("key"), OMCACHE_SERVER_FAILURE);
    assert_rc(get("key"), OMCACHE_NO_SERVERS);
    assert_within(start, 1000);
    ck_assert_int_eq(index_of("key"), -1);
}
END_TEST

/* Reads one request and hangs up: it was sent, so it must not be sent again. */
static void take_and_close(struct peer *peer, void *context)
{
    unsigned char request[24 + 24 + 3];
    (void)context;
    peer_read(peer, request, sizeof(request));
}

START_TEST(what_was_sent_is_not_sent_again)
{
    NOT_OVER_TLS;
    fleet_start(&fleet, 1);
    char list[400];
    struct peer *peer = peer_start(0, take_and_close, NULL);
    snprintf(list, sizeof(list), "%s,%s", fleet.list, peer_address(peer));
    client = impatient(list, 5000, 60000, 5000);
    char key[4] = "a00";
    while (index_of(key) != 1) {
        if (++key[2] > '9') {
            key[2] = '0';
            key[1]++;
        }
    }
    assert_get(key, OMCACHE_SERVER_FAILURE, 1000);
    ck_assert_uint_eq(peer_connections(peer), 1);
}
END_TEST

/*
 * Closed while idle.
 */

START_TEST(a_restart_between_two_requests_costs_no_failure)
{
    three_servers(5000, 300, 5000);
    const char *key = key_for(1);
    for (int i = 0; i < 10; i++) {
        store(key, "value");
        memcached_kill(&fleet.servers[1]);
        memcached_restart(&fleet.servers[1]);
        clock_sleep(IDLE_MS);
        assert_get(key, OMCACHE_NOT_FOUND, 1000);
        ck_assert_int_eq(index_of(key), 1);
    }
}
END_TEST

START_TEST(a_death_between_two_requests_costs_no_failure)
{
    three_servers(5000, 60000, 5000);
    const char *key = key_for(1);
    store(key, "value");
    memcached_kill(&fleet.servers[1]);
    clock_sleep(IDLE_MS);
    assert_get(key, OMCACHE_NOT_FOUND, 1000);
    ck_assert_int_ne(index_of(key), 1);
}
END_TEST

START_TEST(a_restart_between_two_stores_costs_no_failure)
{
    fixture_servers(1);
    for (int i = 0; i < 10; i++) {
        store("key", "value");
        memcached_kill(&fleet.servers[0]);
        memcached_restart(&fleet.servers[0]);
        clock_sleep(IDLE_MS);
    }
}
END_TEST

/* Answers so many requests on the first connection, and on each later one, and hangs up when it
 * has read another. */
static void answer_some(struct peer *peer, void *context)
{
    const int *answers = context;
    struct wire_request request;
    int left = answers[peer_connections(peer) > 1];
    wire_read(peer, &request); /* the hello */
    wire_answer(peer, &request);
    while (wire_read(peer, &request) && left-- > 0) {
        wire_answer(peer, &request);
    }
}

static void begin_idle(struct peer **peer, const int answers[2])
{
    *peer = peer_start(0, answer_some, (void *)(uintptr_t)answers);
    client = impatient(peer_address(*peer), 5000, 60000, 5000);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_BINARY), OMCACHE_OK);
    assert_rc(omcache_touch(client, TEXT("key"), 0, -1), OMCACHE_OK);
    clock_sleep(IDLE_MS);
}

/* That nobody had closed it while it was idle is not known when it is asked, and it does no harm to
 * ask again: but once only. */
START_TEST(a_get_that_nobody_may_have_read_is_sent_again)
{
    int answers[2] = {1, _i};
    struct peer *peer;
    begin_idle(&peer, answers);
    if (_i == 0) {
        assert_rc(get("key"), OMCACHE_SERVER_FAILURE);
        wire_await(peer, "0a 1c 0c 0a 0c");
    } else {
        assert_rc(get("key"), OMCACHE_OK);
        assert_rc(omcache_touch(client, TEXT("key"), 0, -1), OMCACHE_SERVER_FAILURE);
        wire_await(peer, "0a 1c 0c 0a 0c 1c");
    }
    ck_assert_uint_eq(peer_connections(peer), 2);
}
END_TEST

/* What changes something, or has a key that nobody has any more as it was sent, is not. */
START_TEST(other_requests_are_not_sent_again)
{
    int answers[2] = {1, 9};
    struct peer *peer;
    begin_idle(&peer, answers);
    if (_i == 0) {
        assert_rc(omcache_set(client, TEXT("key"), TEXT("v"), 0, 0, 0, -1), OMCACHE_SERVER_FAILURE);
    } else if (_i == 1) {
        assert_rc(omcache_gat(client, TEXT("key"), NULL, NULL, 0, NULL, NULL, -1),
                  OMCACHE_SERVER_FAILURE);
    } else {
        assert_rc(omcache_set_key_prefix(client, "p:", 2, 0), OMCACHE_OK);
        assert_rc(get("key"), OMCACHE_SERVER_FAILURE);
    }
    ck_assert_uint_eq(peer_connections(peer), 1);
}
END_TEST

/* Answers nothing more on the first connection. */
static void stall(struct peer *peer, void *context)
{
    static int all[2] = {1000, 1000};
    struct wire_request request;
    (void)context;
    if (peer_connections(peer) > 1) {
        answer_some(peer, all);
        return;
    }
    for (int left = 2; left > 0 && wire_read(peer, &request); left--) {
        wire_answer(peer, &request);
    }
    peer_drain(peer);
}

/* Then somebody may have read it, and who asks has waited long enough. */
START_TEST(a_get_is_not_sent_again_after_the_dead_timeout)
{
    struct peer *peer = peer_start(0, stall, NULL);
    client = impatient(peer_address(peer), 5000, 60000, 300);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_BINARY), OMCACHE_OK);
    assert_rc(omcache_touch(client, TEXT("key"), 0, -1), OMCACHE_OK);
    clock_sleep(IDLE_MS);
    assert_rc(get("key"), OMCACHE_SERVER_FAILURE);
    assert_rc(get("key"), OMCACHE_OK);
    wire_await(peer, "0a 1c 0c 0a 0c");
}
END_TEST

/*
 * No failover.
 */

START_TEST(without_failover_a_dead_server_s_keys_fail)
{
    three_servers(5000, 10000, 5000);
    assert_rc(omcache_set_failover(client, OMCACHE_FAILOVER_NONE), OMCACHE_OK);
    const char *lost = key_for(1);
    const char *kept = key_for(2);
    store(kept, "kept");
    memcached_kill(&fleet.servers[1]);
    clock_sleep(IDLE_MS);
    assert_rc_either(get(lost), OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    for (int i = 0; i < 10; i++) {
        assert_get(lost, OMCACHE_NO_SERVERS, 1000);
    }
    ck_assert_int_eq(index_of(lost), -1);
    assert_stored(kept, "kept");
    memcached_restart(&fleet.servers[1]);
    await_get(lost, OMCACHE_NOT_FOUND, 20);
    ck_assert_int_eq(index_of(lost), 1);
}
END_TEST

START_TEST(without_failover_nothing_moves)
{
    enum { KEYS = 60 };
    static char names[KEYS][16];
    omcache_req_t reqs[KEYS];
    omcache_value_t values[KEYS];
    size_t count = KEYS;
    size_t room = KEYS;
    size_t lost = 0;
    fixture_servers(3);
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof(names[i]), "staying-%zu", i);
        store(names[i], names[i]);
        wire_request(&reqs[i], -1, WIRE_GETK, names[i]);
        lost += index_of(names[i]) == 1;
    }
    memcached_kill(&fleet.servers[1]);
    client = impatient(fleet.list, 5000, 60000, 5000); /* which does not know yet */
    assert_rc(omcache_set_failover(client, OMCACHE_FAILOVER_NONE), OMCACHE_OK);
    assert_rc(omcache_command(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, KEYS);
    size_t failed = 0;
    for (size_t i = 0; i < KEYS; i++) {
        assert_rc_either(values[i].status, OMCACHE_OK, OMCACHE_SERVER_FAILURE);
        failed += values[i].status == OMCACHE_SERVER_FAILURE;
    }
    ck_assert_msg(failed == lost && lost > 0, "%zu failed, %zu belong to the dead server", failed,
                  lost);
}
END_TEST

START_TEST(failover_takes_its_modes_only)
{
    client = fixture_client("");
    assert_rc(omcache_set_failover(client, OMCACHE_FAILOVER_NONE), OMCACHE_OK);
    assert_rc(omcache_set_failover(client, OMCACHE_FAILOVER_NEXT), OMCACHE_OK);
    assert_rc(omcache_set_failover(client, 2), OMCACHE_INVALID);
    assert_rc(omcache_set_failover(client, -1), OMCACHE_INVALID);
    assert_rc(omcache_set_failover(NULL, OMCACHE_FAILOVER_NEXT), OMCACHE_INVALID);
}
END_TEST

/*
 * Pauses.
 */

static void hang_up(struct peer *peer, void *context)
{
    (void)peer;
    (void)context;
}

START_TEST(a_server_that_keeps_failing_is_tried_less_and_less)
{
    struct peer *peer = peer_start(0, hang_up, NULL);
    client = impatient(peer_address(peer), 500, 800, 500);
    size_t tries[4];
    for (int quarter = 0; quarter < 4; quarter++) {
        int64_t until = clock_ms() + 800;
        size_t before = peer_connections(peer);
        while (clock_ms() < until) {
            int rc = get("key");
            assert_rc_either(rc, OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
            clock_sleep(5);
        }
        tries[quarter] = peer_connections(peer) - before;
    }
    /* 1 + pauses of 50-100, 100-200, 200-400 ms; from then on of 400-800 ms. */
    ck_assert_msg(tries[0] >= 3 && tries[0] <= 5, "%zu tries at first", tries[0]);
    for (int quarter = 1; quarter < 4; quarter++) {
        ck_assert_msg(tries[quarter] <= 3, "%zu tries in quarter %d", tries[quarter], quarter);
    }
    ck_assert_msg(tries[1] + tries[2] + tries[3] >= 2, "it is not tried any more");
}
END_TEST

/*
 * The timing that section 11 demands.
 */

START_TEST(section_11_one_of_three_suspended)
{
    NOT_OVER_TLS;
    three_servers(3000, 4000, 1000);
    const char *key = key_for(1);
    store(key, "value");
    memcached_pause(&fleet.servers[1]);
    assert_get(key, OMCACHE_SERVER_FAILURE, 1500);
    assert_get(key, OMCACHE_SERVER_FAILURE, 1500);
    assert_get(key, OMCACHE_NOT_FOUND, 500);
    ck_assert_int_ne(index_of(key), 1);
    memcached_resume(&fleet.servers[1]);
    clock_sleep(5000);
    int rc = get(key); /* which pushes it, and may find it back if this machine is slow */
    ck_assert_msg(rc == OMCACHE_NOT_FOUND || rc == OMCACHE_OK, "get gave %s", rc_name(rc));
    await_get(key, OMCACHE_OK, 10);
    ck_assert_int_eq(index_of(key), 1);
}
END_TEST

START_TEST(section_11_both_of_two_suspended)
{
    fleet_start(&fleet, 2);
    client = impatient(fleet.list, 2000, 3000, 1000);
    const char *key = key_for(1);
    store(key, "value");
    store(key_for(0), "value");
    memcached_pause(&fleet.servers[0]);
    memcached_pause(&fleet.servers[1]);
    for (int i = 0; i < 10; i++) {
        int rc = omcache_get(client, TEXT(key), NULL, NULL, NULL, NULL, 3000);
        ck_assert_msg(rc != OMCACHE_OK && rc != OMCACHE_NOT_FOUND, "get %d gave %s", i,
                      rc_name(rc));
        clock_sleep(1);
    }
    clock_sleep(3000);
    memcached_resume(&fleet.servers[1]);
    int found = hits(key, 10, fleet.servers[1].address);
    ck_assert_msg(found >= 1, "none of ten gets found the key right after");
    clock_sleep(200);
    found = hits(key, 10, fleet.servers[1].address);
    ck_assert_msg(found > 5, "%d of ten gets found the key 200 ms later", found);
    ck_assert_int_eq(hits(key, 10, fleet.servers[1].address), 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover");
    TCase *unsent = fixture_case(suite, "unsent");
    tcase_add_test(unsent, a_server_that_refuses_costs_its_keys_nothing);
    tcase_add_test(unsent, what_an_unreachable_server_was_to_get_moves_on);
    tcase_add_test(unsent, buffered_requests_move_on);
    tcase_add_test(unsent, a_multi_get_loses_no_key_to_a_server_that_refuses);
    tcase_add_test(unsent, what_names_a_server_does_not_move);
    tcase_add_test(unsent, with_nowhere_to_go_requests_fail);
    tcase_add_test(unsent, what_was_sent_is_not_sent_again);
    TCase *idle = fixture_case(suite, "idle");
    tcase_add_test(idle, a_restart_between_two_requests_costs_no_failure);
    tcase_add_test(idle, a_death_between_two_requests_costs_no_failure);
    tcase_add_test(idle, a_restart_between_two_stores_costs_no_failure);
    tcase_add_loop_test(idle, a_get_that_nobody_may_have_read_is_sent_again, 0, 2);
    tcase_add_loop_test(idle, other_requests_are_not_sent_again, 0, 3);
    tcase_add_test(idle, a_get_is_not_sent_again_after_the_dead_timeout);
    TCase *modes = fixture_case(suite, "modes");
    tcase_add_test(modes, without_failover_a_dead_server_s_keys_fail);
    tcase_add_test(modes, without_failover_nothing_moves);
    tcase_add_test(modes, failover_takes_its_modes_only);
    tcase_add_test(modes, a_server_that_keeps_failing_is_tried_less_and_less);
    TCase *timing = fixture_case(suite, "section 11");
    tcase_add_test(timing, section_11_one_of_three_suspended);
    tcase_add_test(timing, section_11_both_of_two_suspended);
    return fixture_run(suite);
}
