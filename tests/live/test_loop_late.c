/*
 * Loops that come late, or look at their timers before their descriptors: what has happened
 * meanwhile is known first, and no server is given up for a silence that was ours.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/outage.h"
#include "support/told.h"
#include "support/watcher.h"

#include <stdio.h>
#include <unistd.h>

#define DEAD 200
#define LONG_AGO 400 /* when nobody has looked since, a dead timeout has passed */

static struct watcher loop;
static struct told told[2];

static void open_client(const char *servers)
{
    memset(told, 0, sizeof(told));
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

int main(void)
{
    Suite *suite = suite_create("loop_late");
    TCase *tcase = fixture_case(suite, "late");

    tcase_add_test(tcase, a_socket_that_was_full_long_ago_is_not_blamed);
    tcase_add_test(tcase, room_that_nobody_has_seen_is_a_sign_of_life);
    tcase_add_test(tcase, a_server_in_doubt_that_owes_nothing_any_more_is_not_blamed);
    tcase_add_test(tcase, a_connection_that_nobody_has_seen_is_there);
    tcase_add_test(tcase, an_answer_that_is_about_to_be_told_is_there);
    tcase_add_loop_test(tcase, a_callback_that_takes_its_time_does_not_take_the_servers, 0, 2);
    return fixture_run(suite);
}
