/*
 * Loops that come late, be it that they look at their timers before their descriptors, or
 * that a callback takes its time: what has happened meanwhile is known first, what comes
 * after goes by the time that it is then, and no server is given up for a silence that was
 * ours.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"
#include "support/outage.h"

#include <stdio.h>
#include <unistd.h>

#define DEAD 200
#define LONG_AGO 400 /* when nobody has looked since, a dead timeout has passed */

static void open_client(const char *servers)
{
    client = impatient(servers, 5000, 200, DEAD);
    watcher_init(&loop, client);
}

static omcache_server_stats_t stats(void)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    return stats;
}

static void start_get(struct told *slot, int32_t msec)
{
    assert_rc(omcache_async_get(client, "key", 3, msec, told_reply, slot), OMCACHE_OK);
}

/* All is well when this operation has ended. */
static void assert_found(const struct told *slot, int status)
{
    watcher_run(&loop, &slot->calls, 1);
    assert_rc(slot->status, status);
    ck_assert_uint_eq(stats().failures, 0);
    ck_assert_uint_eq(stats().connects, 1);
}

/* The kernel was full, once, and then all that it had not taken was given up. */
START_TEST(a_socket_that_was_full_long_ago_is_not_blamed)
{
    NOT_OVER_TLS;
    static unsigned char value[1000];
    struct memcached m;
    char path[64];
    snprintf(path, sizeof(path), "/tmp/omc-late-%d", (int)getpid());
    memcached_start_socket(&m, path);
    open_client(m.address);
    assert_rc(get("key"), OMCACHE_NOT_FOUND);
    memcached_pause(&m);
    while (stats().buffered == 0) {
        assert_rc(omcache_set(client, TEXT("other"), value, sizeof(value), 0, 0, 0, 0),
                  OMCACHE_BUFFERED);
    }
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    memcached_resume(&m);
    while (omcache_next_timeout(client) >= 0) { /* until it has answered what it was sent */
        watcher_turn(&loop, 10);
    }
    clock_sleep(LONG_AGO);
    start_get(&told[0], -1);
    ck_assert_int_ne(omcache_next_timeout(client), 0);
    assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
    assert_found(&told[0], OMCACHE_NOT_FOUND);
}
END_TEST

/* The server waits for the rest of a request, and we for room, which there is. */
START_TEST(room_that_nobody_has_seen_is_a_sign_of_life)
{
    static const char *const options[] = {"-I", "16m", NULL};
    static unsigned char large[8000000];
    struct memcached m;
    memcached_start_with(&m, FLEET_PORT, options);
    open_client(m.address);
    assert_rc(get("key"), OMCACHE_NOT_FOUND);
    memcached_pause(&m);
    assert_rc(omcache_async_set(client, "key", 3, large, sizeof(large), 0, 0, 0, -1, told_reply,
                                &told[0]),
              OMCACHE_OK);
    assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
    ck_assert_uint_gt(stats().buffered, 0);
    memcached_resume(&m);
    clock_sleep(LONG_AGO);
    assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
    assert_found(&told[0], OMCACHE_OK);
}
END_TEST

static void dawdle(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    told_reply(mc, reply, context);
    clock_sleep(DEAD);
    assert_rc(omcache_process_timeouts(mc), OMCACHE_OK);
}

/* A second connection is tried beside it, and has a deadline of its own. */
START_TEST(a_server_in_doubt_that_owes_nothing_any_more_is_not_blamed)
{
    fleet_start(&fleet, 1);
    open_client(fleet.list);
    assert_rc(get("key"), OMCACHE_NOT_FOUND);
    memcached_pause(&fleet.servers[0]);
    start_get(&told[0], 60);
    assert_rc(omcache_async_get(client, "key", 3, -1, dawdle, &told[1]), OMCACHE_OK);
    watcher_run(&loop, &told[0].calls, 1);
    memcached_resume(&fleet.servers[0]);
    assert_found(&told[1], OMCACHE_NOT_FOUND);
}
END_TEST

/* One operation is out of time, and there was time enough to connect, though nobody saw it. */
START_TEST(a_connection_that_nobody_has_seen_is_there)
{
    fleet_start(&fleet, 1);
    open_client(fleet.list);
    start_get(&told[0], 300);
    start_get(&told[1], -1);
    clock_sleep(400);
    assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
    ck_assert_uint_eq(told[0].calls, 1);
    assert_rc(told[0].status, OMCACHE_TIMEOUT);
    assert_found(&told[1], OMCACHE_NOT_FOUND);
}
END_TEST

static void ask_for_descriptors(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    int count = 0;
    int due = -1;
    told_reply(mc, reply, context);
    clock_sleep(DEAD);
    ck_assert_ptr_nonnull(omcache_poll_fds(mc, &count, &due));
}

/* It has been read with the first one, whose callback takes its time. */
START_TEST(an_answer_that_is_about_to_be_told_is_there)
{
    fleet_start(&fleet, 1);
    open_client(fleet.list);
    assert_rc(get("key"), OMCACHE_NOT_FOUND);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_async_get(client, "key", 3, -1, ask_for_descriptors, &told[0]), OMCACHE_OK);
    start_get(&told[1], -1);
    assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
    memcached_resume(&fleet.servers[0]);
    assert_found(&told[1], OMCACHE_NOT_FOUND);
}
END_TEST

static void dawdle_and_ask(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    told_reply(mc, reply, context);
    clock_sleep(LONG_AGO);
    memcached_pause(&fleet.servers[0]); /* so that no answer is there at once */
    start_get(&told[1], -1);
}

/* What it asks for is sent after it has returned, in a loop or by a call that waits. */
START_TEST(a_callback_that_takes_its_time_does_not_take_the_servers)
{
    fleet_start(&fleet, 1);
    open_client(fleet.list);
    assert_rc(get("key"), OMCACHE_NOT_FOUND);
    assert_rc(omcache_async_get(client, "key", 3, -1, dawdle_and_ask, &told[0]), OMCACHE_OK);
    if (_i == 0) {
        watcher_run(&loop, &told[0].calls, 1);
    } else {
        omcache_io(client, NULL, NULL, NULL, NULL, LONG_AGO + DEAD / 4);
    }
    memcached_resume(&fleet.servers[0]);
    assert_found(&told[1], OMCACHE_NOT_FOUND);
}
END_TEST

/*
 * Callbacks that take their time, because they wait in another call or do something else.
 */

static struct puppet puppets[2];
static size_t calls;

static void begin_calls(void)
{
    calls = 0;
}

static void noop(int server, omcache_reply_callback_func *func, void *context)
{
    assert_rc(omcache_async_noop(client, server, -1, func, context), OMCACHE_OK);
}

/* Longer than a server may be silent; and then it asks for more. */
static void sleep_and_ask(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    assert_rc(omcache_reply_status(reply), OMCACHE_OK);
    calls++;
    clock_sleep(DEAD + 50);
    noop(0, told_reply, context);
}

START_TEST(what_is_sent_after_one_has_the_whole_dead_timeout)
{
    struct wire_request request;
    connected_puppets(puppets, 1);
    assert_rc(omcache_set_dead_timeout(client, DEAD), OMCACHE_OK);
    noop(0, sleep_and_ask, &told[0]);
    take_request(&puppets[0], &request);
    puppet_answer(&puppets[0], &request, 0, NULL, 0);
    if (_i == 0) {
        while (calls == 0) {
            watcher_turn(&loop, 10);
        }
        watcher_turn(&loop, 0);
    } else {
        assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 10), OMCACHE_AGAIN);
    }
    ck_assert_uint_eq(stats().failures, 0);
    take_request(&puppets[0], &request);
    puppet_answer(&puppets[0], &request, 0, NULL, 0);
    watcher_run(&loop, &told_count, 1);
    assert_rc(told[0].status, OMCACHE_OK);
}
END_TEST

static void just_sleep(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    (void)reply;
    (void)context;
    calls++;
    clock_sleep(300);
}

static void wait_in_a_call(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)reply;
    (void)context;
    calls++;
    assert_rc(omcache_noop(mc, 1, 300), OMCACHE_AGAIN);
}

START_TEST(a_call_waits_no_longer_for_one)
{
    struct wire_request request;
    connected_puppets(puppets, 2);
    noop(0, _i == 0 ? just_sleep : wait_in_a_call, NULL);
    take_request(&puppets[0], &request);
    puppet_answer(&puppets[0], &request, 0, NULL, 0);
    int64_t begun = clock_ms();
    assert_rc(omcache_noop(client, 1, 400), OMCACHE_AGAIN);
    ck_assert_uint_eq(calls, 1);
    ck_assert_int_ge(clock_ms() - begun, 400);
    assert_within(begun, 550);
}
END_TEST

/* The head of a value of 5000 bytes, of which parts come. */
static void send_head(struct puppet *puppet, const struct wire_request *request)
{
    unsigned char bytes[8192];
    static unsigned char value[5000];
    size_t len = wire_encode(&(struct wire_reply){.opcode = request->opcode,
                                                  .opaque = request->opaque,
                                                  .extras = "\0\0\0",
                                                  .extras_len = 4,
                                                  .key = request->body,
                                                  .key_len = request->key_len,
                                                  .value = value,
                                                  .value_len = sizeof(value)},
                             bytes, sizeof(bytes));
    ck_assert_uint_gt(len, 2000);
    puppet_send(puppet, bytes, 2000);
}

static void read_a_part(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    static const unsigned char part[1000];
    (void)reply;
    (void)context;
    calls++;
    clock_sleep(250);
    puppet_send(&puppets[0], part, sizeof(part));
    assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, 10), OMCACHE_AGAIN);
}

START_TEST(what_was_heard_in_one_counts)
{
    struct wire_request request;
    struct wire_request other;
    connected_puppets(puppets, 1);
    assert_rc(omcache_set_dead_timeout(client, 300), OMCACHE_OK);
    noop(0, read_a_part, NULL);
    take_request(&puppets[0], &request);
    assert_rc(omcache_async_get(client, TEXT(key_for(0)), -1, told_reply, &told[0]), OMCACHE_OK);
    take_request(&puppets[0], &other);
    puppet_answer(&puppets[0], &request, 0, NULL, 0);
    send_head(&puppets[0], &other);
    while (calls == 0) {
        watcher_turn(&loop, 10);
    }
    int64_t begun = clock_ms();
    while (clock_ms() - begun < 130) {
        watcher_turn(&loop, 10);
    }
    ck_assert_uint_eq(stats().failures, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loop_late");
    TCase *tcase = operations_case(suite, "late");

    tcase_add_test(tcase, a_socket_that_was_full_long_ago_is_not_blamed);
    tcase_add_test(tcase, room_that_nobody_has_seen_is_a_sign_of_life);
    tcase_add_test(tcase, a_server_in_doubt_that_owes_nothing_any_more_is_not_blamed);
    tcase_add_test(tcase, a_connection_that_nobody_has_seen_is_there);
    tcase_add_test(tcase, an_answer_that_is_about_to_be_told_is_there);
    tcase_add_loop_test(tcase, a_callback_that_takes_its_time_does_not_take_the_servers, 0, 2);
    TCase *callbacks = operations_case(suite, "long callbacks");
    tcase_add_checked_fixture(callbacks, begin_calls, NULL);
    tcase_add_loop_test(callbacks, what_is_sent_after_one_has_the_whole_dead_timeout, 0, 2);
    tcase_add_loop_test(callbacks, a_call_waits_no_longer_for_one, 0, 2);
    tcase_add_test(callbacks, what_was_heard_in_one_counts);
    return fixture_run(suite);
}
