/*
 * How failing shows and how it ends: connections that break, what a suspended server
 * costs, what brings a server back, and that it is proved before it is used.
 * Facts: tests/facts/servers.txt, 7.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/outage.h"
#include "support/peer.h"
#include "support/plain_time.h"
#include "support/wire.h"

#include <stdatomic.h>
#include <stdio.h>

#define FAR 60000 /* a timeout that no test reaches */

/* Two servers and behind them, with index 2, a peer; all three in `list`. */
static char list[400];

static struct peer *servers_and_peer(peer_script *script, void *context)
{
    fleet_start(&fleet, 2);
    struct peer *peer = peer_start(0, script, context);
    snprintf(list, sizeof(list), "%s,%s", fleet.list, peer_address(peer));
    return peer;
}

/*
 * A verified connection that breaks.
 */

/* A memcached that breaks the connection instead of answering for "lost". */
static void break_on_lost(struct peer *peer, void *context)
{
    struct wire_request request;
    while (wire_read(peer, &request)) {
        if (request.key_len == 4 && memcmp(request.body + request.extras_len, "lost", 4) == 0) {
            if (*(bool *)context) {
                peer_reset_on_close(peer);
            }
            return;
        }
        wire_answer(peer, &request);
    }
}

/* (A get may be asked again, if some milliseconds have passed since the one before.) */
START_TEST(a_broken_connection_fails_at_once_and_is_made_again)
{
    static bool reset;
    int64_t start;
    reset = _i == 1;
    struct peer *peer = peer_start(0, break_on_lost, &reset);
    client = impatient(peer_address(peer), FAR, FAR, FAR);
    assert_rc(get("first"), OMCACHE_OK);
    start = clock_ms();
    assert_rc(omcache_touch(client, TEXT("lost"), 0, -1), OMCACHE_SERVER_FAILURE);
    assert_within(start, 5000);
    assert_get("next", OMCACHE_OK, 5000);
    ck_assert_uint_eq(peer_connections(peer), 2);
}
END_TEST

START_TEST(a_kill_fails_what_was_sent_at_once)
{
    omcache_req_t req;
    omcache_value_t value;
    size_t count = 1;
    size_t room = 1;
    three_servers(FAR, FAR, FAR);
    const char *key = key_for(1);
    memcached_pause(&fleet.servers[1]);
    wire_request(&req, -1, WIRE_GETK, key);
    assert_rc(omcache_command(client, &req, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    memcached_kill(&fleet.servers[1]);
    int64_t start = clock_ms();
    assert_rc(omcache_io(client, &req, &count, &value, &room, -1), OMCACHE_OK);
    assert_within(start, 5000);
    ck_assert_uint_eq(room, 1);
    assert_rc(value.status, OMCACHE_SERVER_FAILURE);
    assert_text(value.key, value.key_len, key);
    ck_assert_ptr_null(value.data);
}
END_TEST

/* Fills the only server's socket so that nothing more can be sent. */
static void fill_socket(void)
{
    static unsigned char value[500000];
    memcached_pause(&fleet.servers[0]);
    for (int i = 0; i < 15; i++) {
        assert_rc(omcache_set(client, TEXT("filler"), value, sizeof(value), 0, 0, 0, 0),
                  OMCACHE_BUFFERED);
    }
}

/* Half of the requests name their server, half are by key; there is only one. */
START_TEST(what_was_not_sent_goes_to_the_new_connection)
{
    omcache_req_t reqs[4];
    omcache_value_t values[4];
    size_t count = 4;
    size_t room = 4;
    fleet_start(&fleet, 1);
    client = impatient(fleet.list, FAR, FAR, FAR);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    fill_socket();
    for (int i = 0; i < 4; i++) {
        wire_set(&reqs[i], i % 2 - 1, WIRE_SET, "key", "value");
    }
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    memcached_kill(&fleet.servers[0]);
    memcached_restart(&fleet.servers[0]);
    assert_rc(omcache_io(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_rc(values[i].status, OMCACHE_OK);
    }
    assert_stored("key", "value");
}
END_TEST

START_TEST(an_unreachable_server_is_down_after_its_timeout)
{
    client = impatient(peer_address(peer_start_unreachable(0)), 200, FAR, FAR);
    assert_get("key", OMCACHE_SERVER_FAILURE, 5000);
    for (int i = 0; i < 5; i++) {
        assert_get("key", OMCACHE_NO_SERVERS, 150);
        assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    }
}
END_TEST

/*
 * What silence costs.
 */

#define DEAD 400
#define RECONNECT 400

/* Each failure takes the dead timeout, not less and not much more. */
static void assert_costs_the_dead_timeout(const char *key)
{
    int64_t start = clock_ms();
    assert_rc(get(key), OMCACHE_SERVER_FAILURE);
    int64_t took = clock_ms() - start;
    ck_assert_msg(took >= DEAD - 5 && took <= clock_allow(DEAD + 250),
                  "failed after %lld ms, the dead timeout is %d", (long long)took, DEAD);
}

/* Issue 3: at most the dead timeout, twice, and nothing after that, though it is
 * tried again and again; used within 200 ms of the first lookup after it is back. */
START_TEST(a_suspended_server_costs_the_dead_timeout_twice)
{
    NOT_OVER_TLS;
    three_servers(FAR, RECONNECT, DEAD);
    const char *key = key_for(1);
    store(key, "value");
    memcached_pause(&fleet.servers[1]);
    assert_costs_the_dead_timeout(key);
    assert_costs_the_dead_timeout(key);
    int64_t longest = 0;
    for (int64_t end = clock_ms() + (int64_t)2 * (DEAD + RECONNECT); clock_ms() < end;
         clock_sleep(2)) {
        int64_t start = clock_ms();
        assert_rc(get(key), OMCACHE_NOT_FOUND);
        int64_t took = clock_ms() - start;
        longest = took > longest ? took : longest;
    }
    ck_assert_msg(longest <= clock_allow(DEAD / 2), "a get of another server took %lld ms",
                  (long long)longest);

    memcached_resume(&fleet.servers[1]);
    clock_sleep(RECONNECT); /* nobody looks at it, and its pause ends */
    int64_t start = clock_ms();
    while (get(key) != OMCACHE_OK) {
        assert_within(start, 200);
        clock_sleep(2);
    }
    assert_within(start, 200);
    ck_assert_int_eq(index_of(key), 1);
}
END_TEST

START_TEST(a_call_without_limit_ends_after_the_dead_timeout)
{
    fleet_start(&fleet, 1);
    client = impatient(fleet.list, FAR, FAR, DEAD);
    store("key", "value");
    memcached_pause(&fleet.servers[0]);
    assert_costs_the_dead_timeout("key");
}
END_TEST

/* Answers, a byte every 20 ms. */
static void answer_in_drops(struct peer *peer, void *context)
{
    struct wire_request request;
    (void)context;
    while (wire_read(peer, &request)) {
        struct wire_reply reply = {.opcode = request.opcode, .opaque = request.opaque};
        unsigned char bytes[WIRE_HEADER + 16];
        reply.extras = "\0\0\0\0";
        reply.extras_len = request.opcode == WIRE_GETK ? 4 : 0;
        reply.key = request.body;
        reply.key_len = request.key_len;
        size_t len = wire_encode(&reply, bytes, sizeof(bytes));
        for (size_t i = 0; i < len && peer_send(peer, bytes + i, 1); i++) {
            clock_sleep(request.opcode == WIRE_GETK ? 20 : 0);
        }
    }
}

/* One server never stops to send, which does not count for the other. */
START_TEST(each_server_has_its_own_dead_timeout)
{
    NOT_OVER_TLS;
    omcache_req_t reqs[2];
    omcache_value_t values[2];
    size_t count = 2;
    size_t room = 1;
    struct peer *slow = servers_and_peer(answer_in_drops, NULL);
    client = impatient(list, FAR, FAR, DEAD);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_rc(omcache_noop(client, 2, -1), OMCACHE_OK);
    memcached_pause(&fleet.servers[0]);
    wire_request(&reqs[0], 0, WIRE_GETK, "silent");
    wire_request(&reqs[1], 2, WIRE_GETK, "slow");
    int64_t start = clock_ms();
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    int64_t failed_at = -1;
    for (size_t done = 0; count > 0 && done < 2;) {
        room = 2;
        assert_rc_either(omcache_io(client, reqs, &count, values, &room, 10), OMCACHE_OK,
                         OMCACHE_AGAIN);
        for (size_t i = 0; i < room; i++, done++) {
            bool silent = values[i].key_len == strlen("silent");
            assert_rc(values[i].status, silent ? OMCACHE_SERVER_FAILURE : OMCACHE_OK);
            failed_at = silent ? clock_ms() - start : failed_at;
        }
    }
    int64_t took = clock_ms() - start;
    ck_assert_msg(failed_at >= DEAD - 5 && failed_at < took,
                  "the silent one failed after %lld ms, the slow one took %lld",
                  (long long)failed_at, (long long)took);
    ck_assert_uint_eq(peer_connections(slow), 1);
}
END_TEST

/*
 * Coming back.
 */

enum mood { HANG_UP, MUTE, SERVE };
static atomic_int mood;

static void play_mood(struct peer *peer, void *context)
{
    switch (atomic_load(&mood)) {
    case HANG_UP:
        break;
    case MUTE:
        peer_drain(peer);
        break;
    default:
        wire_serve(peer, context);
    }
}

/* Gets for a while; every one must be answered at once, and by another server. */
static void get_elsewhere(const char *key, int64_t duration)
{
    for (int64_t end = clock_ms() + duration; clock_ms() < end; clock_sleep(3)) {
        int64_t start = clock_ms();
        assert_rc(get(key), OMCACHE_NOT_FOUND);
        assert_within(start, DEAD * 3 / 4);
    }
}

START_TEST(a_server_is_used_only_when_its_noop_is_answered)
{
    NOT_OVER_TLS;
    atomic_store(&mood, HANG_UP);
    struct peer *peer = servers_and_peer(play_mood, NULL);
    client = impatient(list, FAR, 200, DEAD);
    const char *key = key_for(2);
    assert_rc_either(get(key), OMCACHE_SERVER_FAILURE, OMCACHE_NOT_FOUND);
    get_elsewhere(key, 50);

    atomic_store(&mood, MUTE);
    get_elsewhere(key, DEAD + 100); /* a connection of the mood before may still be there */
    peer_forget(peer);
    size_t before = peer_connections(peer);
    get_elsewhere(key, (int64_t)3 * DEAD);
    ck_assert_uint_gt(peer_connections(peer), before);
    const char *seen = wire_opcodes(peer);
    ck_assert_msg(strspn(seen, "0a ") == strlen(seen) && *seen, "it was sent %s, not just no-ops",
                  seen);

    atomic_store(&mood, SERVE);
    await_get(key, OMCACHE_OK, 30);
    ck_assert_int_eq(index_of(key), 2);
}
END_TEST

/* What brings it back, if nothing else is called. */
static void look_up(const char *key)
{
    index_of(key);
}

static void name_it(const char *key)
{
    (void)key;
    assert_rc_either(omcache_noop(client, 1, -1), OMCACHE_NO_SERVERS, OMCACHE_OK);
}

static void get_it(const char *key)
{
    assert_rc_either(get(key), OMCACHE_NOT_FOUND, OMCACHE_OK);
}

START_TEST(lookups_and_calls_that_name_it_bring_it_back)
{
    static void (*const ways[])(const char *) = {look_up, name_it, get_it};
    three_servers(FAR, 200, FAR);
    const char *key = key_for(1);
    memcached_kill(&fleet.servers[1]);
    clock_sleep(20);
    assert_rc(get(key), OMCACHE_NOT_FOUND);
    assert_rc(omcache_noop(client, 1, -1), OMCACHE_NO_SERVERS);
    memcached_restart(&fleet.servers[1]);
    clock_sleep(200);
    for (int calls = 0; calls < 100; calls++) {
        ways[_i](key);
        clock_sleep(2);
    }
    assert_rc(omcache_noop(client, 1, -1), OMCACHE_OK); /* by what was called before */
    ck_assert_int_eq(index_of(key), 1);
}
END_TEST

/* It never was up when the client began. */
START_TEST(a_server_that_starts_late_is_found)
{
    fleet_start(&fleet, 3);
    memcached_kill(&fleet.servers[1]);
    client = impatient(fleet.list, FAR, 200, FAR);
    assert_rc(omcache_noop(client, 1, -1), OMCACHE_NO_SERVERS);
    memcached_restart(&fleet.servers[1]);
    for (int tries = 0; omcache_noop(client, 1, -1) != OMCACHE_OK; tries++) {
        ck_assert_msg(tries < 100, "it is not found in %d tries", tries);
        clock_sleep(10);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failing_recovery");
    TCase *broken = fixture_case(suite, "broken");
    tcase_add_loop_test(broken, a_broken_connection_fails_at_once_and_is_made_again, 0, 2);
    tcase_add_test(broken, a_kill_fails_what_was_sent_at_once);
    tcase_add_test(broken, what_was_not_sent_goes_to_the_new_connection);
    tcase_add_test(broken, an_unreachable_server_is_down_after_its_timeout);
    TCase *silent = fixture_case(suite, "silent");
    tcase_add_test(silent, a_suspended_server_costs_the_dead_timeout_twice);
    tcase_add_test(silent, a_call_without_limit_ends_after_the_dead_timeout);
    tcase_add_test(silent, each_server_has_its_own_dead_timeout);
    TCase *back = fixture_case(suite, "back");
    tcase_add_test(back, a_server_is_used_only_when_its_noop_is_answered);
    tcase_add_loop_test(back, lookups_and_calls_that_name_it_bring_it_back, 0, 3);
    tcase_add_test(back, a_server_that_starts_late_is_found);
    return fixture_run(suite);
}
