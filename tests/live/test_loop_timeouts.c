/*
 * Deadlines of operations and of everything else, as an event loop sees them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"

#include <limits.h>
#include <stdio.h>

static struct puppet puppet;

/* How late something may be: the machine may be busy. */
#define LATE clock_allow(250)

static void get(const char *key, size_t slot, int32_t timeout)
{
    assert_rc(omcache_async_get(client, TEXT(key), timeout, told_reply, &told[slot]), OMCACHE_OK);
}

static void assert_next(int least, int most)
{
    int left = omcache_next_timeout(client);
    ck_assert_msg(left >= least && left <= most, "next timeout %d, expected %d to %d", left, least,
                  most);
}

/*
 * What omcache_next_timeout says.
 */

START_TEST(nothing_is_due_while_idle)
{
    ck_assert_int_eq(omcache_next_timeout(NULL), -1);
    client = fixture_client("");
    ck_assert_int_eq(omcache_next_timeout(client), -1);
    connected_servers(1);
    ck_assert_int_eq(omcache_next_timeout(client), -1);
    memcached_kill(&fleet.servers[0]);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    ck_assert_int_eq(omcache_next_timeout(client), -1);
}
END_TEST

START_TEST(the_earliest_deadline_counts)
{
    connected_servers(1);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_set_dead_timeout(client, 60000), OMCACHE_OK);
    get("key", 0, -1);
    watcher_turn(&loop, 0);
    assert_next(55000, 60000);
    get("key", 1, 9000);
    assert_next(5000, 9000);
    get("key", 2, 20000);
    assert_next(5000, 9000);
    assert_rc(omcache_set_dead_timeout(client, 4000), OMCACHE_OK);
    assert_next(1000, 4000);
    assert_rc(omcache_set_dead_timeout(client, 60000), OMCACHE_OK);
    assert_next(5000, 9000);
    get("key", 3, 0);
    assert_next(0, 0);
    assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
    assert_rc(told[3].status, OMCACHE_TIMEOUT);
    ck_assert_uint_eq(told_count, 1);
    assert_next(5000, 9000);
    memcached_resume(&fleet.servers[0]);
    watcher_run(&loop, &told_count, 4);
    ck_assert_int_eq(omcache_next_timeout(client), -1);
}
END_TEST

START_TEST(the_connect_timeout_counts)
{
    client = fixture_client(peer_address(peer_start_unreachable(0)));
    watcher_init(&loop, client);
    assert_rc(omcache_set_connect_timeout(client, 100), OMCACHE_OK);
    int64_t start = clock_ms();
    get("key", 0, -1);
    assert_next(0, 100);
    watcher_run(&loop, &told_count, 1);
    assert_rc_either(told[0].status, OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    ck_assert_int_ge(told[0].at - start, 98);
    ck_assert_int_le(told[0].at - start, 100 + LATE);
}
END_TEST

START_TEST(the_dead_timeout_ends_what_has_no_timeout)
{
    connected_servers(1);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_set_dead_timeout(client, 100), OMCACHE_OK);
    int64_t start = clock_ms();
    get("key", 0, -1);
    get("key", 1, INT_MIN);
    get("key", 2, INT_MAX);
    get("key", 3, 20);
    watcher_run(&loop, &told_count, 4);
    assert_rc(told[3].status, OMCACHE_TIMEOUT);
    for (size_t i = 0; i < 3; i++) {
        assert_rc(told[i].status, OMCACHE_SERVER_FAILURE);
        ck_assert_int_ge(told[i].at - start, 98);
        ck_assert_int_le(told[i].at - start, 100 + LATE);
    }
}
END_TEST

/* Given up operations do not hide that the server is dead. */
START_TEST(a_server_that_only_lets_time_out_is_found_dead)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    connected_servers(1);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_set_dead_timeout(client, 100), OMCACHE_OK);
    int64_t start = clock_ms();
    size_t asked = 0;
    do {
        if (omcache_async_get(client, "k", 1, 10, told_reply, &told[0]) != OMCACHE_OK) {
            break;
        }
        watcher_run(&loop, &told_count, ++asked);
        assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
        ck_assert_int_le(clock_ms() - start, 200 + LATE);
    } while (stats.failures == 0);
    ck_assert_uint_eq(stats.failures, 1);
}
END_TEST

START_TEST(something_that_has_ended_is_due)
{
    connected_servers(1);
    get("key", 0, -1);
    ck_assert_int_ne(omcache_next_timeout(client), 0);
    assert_rc(omcache_set_servers(client, ""), OMCACHE_OK);
    ck_assert_uint_eq(told_count, 0);
    ck_assert_int_eq(omcache_next_timeout(client), 0);
    assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
    ck_assert_uint_eq(told_count, 1);
    assert_rc(told[0].status, OMCACHE_SERVER_FAILURE);
    ck_assert_int_eq(told[0].server_index, -1);
    ck_assert_int_eq(omcache_next_timeout(client), -1);
}
END_TEST

/*
 * The timeout callback.
 */

static struct {
    size_t calls;
    int msec;
    int64_t due; /* -1: no timer is set */
} timer = {.due = -1};

static void set_timer(omcache_t *mc, int msec, void *context)
{
    ck_assert_ptr_eq(mc, client);
    ck_assert_ptr_eq(context, &timer);
    ck_assert_int_ge(msec, 0);
    timer.calls++;
    timer.msec = msec;
    timer.due = clock_ms() + msec;
}

static void begin_timer(void)
{
    timer.calls = 0;
    timer.due = -1;
}

START_TEST(only_shorter_timeouts_are_told)
{
    connected_servers(1);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_set_dead_timeout(client, 60000), OMCACHE_OK);
    assert_rc(omcache_set_timeout_callback(client, set_timer, &timer), OMCACHE_OK);
    ck_assert_uint_eq(timer.calls, 0);
    get("key", 0, 5000);
    ck_assert_uint_eq(timer.calls, 1);
    ck_assert_int_le(timer.msec, 5000);
    ck_assert_int_ge(timer.msec, 4000);
    get("key", 1, 9000);
    get("key", 2, -1);
    watcher_turn(&loop, 0); /* asks itself */
    ck_assert_uint_eq(timer.calls, 1);
    get("key", 3, 2000);
    ck_assert_uint_eq(timer.calls, 2);
    ck_assert_int_le(timer.msec, 2000);
    omcache_next_timeout(client);
    get("key", 4, 3000);
    ck_assert_uint_eq(timer.calls, 2);
    assert_rc(omcache_set_dead_timeout(client, 1000), OMCACHE_OK);
    ck_assert_uint_eq(timer.calls, 3);
    ck_assert_int_le(timer.msec, 1000);
    assert_rc(omcache_set_timeout_callback(client, NULL, NULL), OMCACHE_OK);
    get("key", 5, 5);
    ck_assert_uint_eq(timer.calls, 3);
    /* A new one is told at once. */
    assert_rc(omcache_set_timeout_callback(client, set_timer, &timer), OMCACHE_OK);
    ck_assert_uint_eq(timer.calls, 4);
    ck_assert_int_le(timer.msec, 5);
    memcached_resume(&fleet.servers[0]);
    watcher_run(&loop, &told_count, 6);
}
END_TEST

/* One turn of a loop that never asks. */
static void timer_turn(void)
{
    struct pollfd found[WATCHER_MAX];
    size_t count = loop.count;
    int64_t left = timer.due < 0 ? 2000 : timer.due - clock_ms();
    memcpy(found, loop.fds, count * sizeof(found[0]));
    if (poll(found, count, left < 0 ? 0 : (int)left) <= 0) {
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (found[i].revents != 0) {
            assert_rc_either(omcache_process_fd(client, found[i].fd, found[i].revents), OMCACHE_OK,
                             OMCACHE_NOT_FOUND);
        }
    }
    if (timer.due >= 0 && clock_ms() >= timer.due) {
        timer.due = -1;
        assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
    }
}

static void again(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t *left = context;
    told_reply(mc, reply, &told[60]);
    if (*left > 0) {
        --*left;
        assert_rc(omcache_async_get(mc, "x", 1, 1 + (int32_t)(*left % 7), again, left), OMCACHE_OK);
    }
}

START_TEST(a_loop_that_has_only_timers_works)
{
    size_t left = 40;
    connected_servers(3);
    assert_rc(omcache_set_timeout_callback(client, set_timer, &timer), OMCACHE_OK);
    assert_rc(omcache_set_dead_timeout(client, 400), OMCACHE_OK);
    memcached_pause(&fleet.servers[1]);
    for (size_t i = 0; i < 30; i++) {
        get(key_for(i % 3), i, (int32_t)(20 + 7 * (i % 5)));
    }
    get(key_for(1), 30, -1);
    assert_rc(omcache_async_get(client, "x", 1, 3, again, &left), OMCACHE_OK);
    int64_t start = clock_ms();
    while (told_count < 72) {
        timer_turn();
        ck_assert_int_lt(clock_ms() - start, 10000);
    }
    told_once(told, 31, 0);
    assert_rc(told[30].status, OMCACHE_SERVER_FAILURE);
    for (size_t i = 1; i < 30; i += 3) {
        assert_rc(told[i].status, OMCACHE_TIMEOUT);
    }
    ck_assert_uint_eq(told[60].calls, 41);
}
END_TEST

START_TEST(a_timer_that_is_early_is_set_again)
{
    connected_servers(1);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_set_timeout_callback(client, set_timer, &timer), OMCACHE_OK);
    get("key", 0, 50);
    for (size_t i = 1; i < 5; i++) {
        ck_assert_uint_eq(timer.calls, i);
        assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
    }
    ck_assert_uint_eq(told_count, 0);
    while (told_count == 0) {
        timer_turn();
    }
    assert_rc(told[0].status, OMCACHE_TIMEOUT);
}
END_TEST

/*
 * Operations that run out of time.
 */

START_TEST(timeouts_come_in_their_order_and_in_time)
{
    connected_servers(1);
    memcached_pause(&fleet.servers[0]);
    int64_t start = clock_ms();
    for (size_t i = 0; i < 20; i++) {
        get("key", i, (int32_t)(10 * ((i * 7) % 20)));
    }
    watcher_run(&loop, &told_count, 20);
    for (size_t i = 0; i < 20; i++) {
        int64_t due = (int64_t)(10 * ((i * 7) % 20));
        assert_rc(told[i].status, OMCACHE_TIMEOUT);
        ck_assert_msg(told[i].at - start >= due - 1 && told[i].at - start <= due + LATE,
                      "due after %lld ms, came after %lld", (long long)due,
                      (long long)(told[i].at - start));
        ck_assert_int_eq(told[i].server_index, 0);
        ck_assert_str_eq(told[i].key, "key");
    }
    memcached_resume(&fleet.servers[0]);
}
END_TEST

START_TEST(late_answers_go_to_nobody)
{
    connected_servers(1);
    store("a", "value of a");
    store("b", "value of b");
    memcached_pause(&fleet.servers[0]);
    for (size_t i = 0; i < 10; i++) {
        get("a", i, 5);
    }
    get("b", 10, 20000);
    watcher_run(&loop, &told_count, 10);
    ck_assert_uint_eq(told_once(told, 10, OMCACHE_TIMEOUT), 10);
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.outstanding, 1);
    ck_assert_uint_eq(stats.timeouts, 10);
    memcached_resume(&fleet.servers[0]);
    watcher_run(&loop, &told_count, 11);
    ck_assert_str_eq(told[10].value, "value of b");
    assert_stored("b", "value of b");
    told_once(told, 11, 0);
    ck_assert_uint_eq(told_count, 11);
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.connects, 1);
    ck_assert_uint_eq(stats.failures, 0);
}
END_TEST

START_TEST(requests_may_run_out_of_time_before_they_are_sent)
{
    puppet_open(&puppet, 0);
    client = fixture_client(puppet.address);
    watcher_init(&loop, client);
    get("a", 0, 0);
    get("b", 1, 5);
    watcher_run(&loop, &told_count, 2);
    get("c", 2, -1);
    ck_assert_uint_eq(told_once(told, 2, OMCACHE_TIMEOUT), 2);
    /* They are sent all the same, and answered to nobody. */
    puppet_greet(&puppet, &loop);
    for (int i = 0; i < 3; i++) {
        struct wire_request request;
        while (!puppet_next(&puppet, &request, 0)) {
            watcher_turn(&loop, 1);
        }
        puppet_answer(&puppet, &request, 0, &request.body[0], 1);
    }
    watcher_run(&loop, &told_count, 3);
    ck_assert_str_eq(told[2].value, "c");
    puppet_close(&puppet);
    watcher_turn(&loop, 100);
    told_once(told, 3, 0);
}
END_TEST

START_TEST(several_keys_run_out_of_time_together)
{
    const void *keys[20];
    size_t lens[20];
    char names[20][8];
    connected_servers(3);
    store("3", "three");
    for (size_t i = 0; i < 20; i++) {
        snprintf(names[i], sizeof(names[i]), "%zu", i);
        keys[i] = names[i];
        lens[i] = strlen(names[i]);
    }
    memcached_pause(&fleet.servers[2]);
    assert_rc(omcache_async_get_multi(client, keys, lens, 20, 200, told_reply, &told[0]),
              OMCACHE_OK);
    watcher_run(&loop, &told[0].ends, 1);
    ck_assert_uint_eq(told[0].calls, 21);
    assert_rc(told[0].status, OMCACHE_TIMEOUT);
    ck_assert_uint_gt(told_with(OMCACHE_TIMEOUT), 1);
    ck_assert_uint_gt(told_with(OMCACHE_NOT_FOUND), 1);
}
END_TEST

START_TEST(statistics_run_out_of_time_without_a_key)
{
    connected_servers(1);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_async_stat(client, "items", 0, 5, told_reply, &told[0]), OMCACHE_OK);
    watcher_run(&loop, &told_count, 1);
    assert_rc(told[0].status, OMCACHE_TIMEOUT);
    ck_assert_uint_eq(told[0].ends, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loop_timeouts");
    TCase *next = operations_case(suite, "next");
    tcase_add_test(next, nothing_is_due_while_idle);
    tcase_add_test(next, the_earliest_deadline_counts);
    tcase_add_test(next, the_connect_timeout_counts);
    tcase_add_test(next, the_dead_timeout_ends_what_has_no_timeout);
    tcase_add_test(next, a_server_that_only_lets_time_out_is_found_dead);
    tcase_add_test(next, something_that_has_ended_is_due);
    TCase *callback = operations_case(suite, "callback");
    tcase_add_checked_fixture(callback, begin_timer, NULL);
    tcase_add_test(callback, only_shorter_timeouts_are_told);
    tcase_add_test(callback, a_loop_that_has_only_timers_works);
    tcase_add_test(callback, a_timer_that_is_early_is_set_again);
    TCase *operations = operations_case(suite, "operations");
    tcase_add_test(operations, timeouts_come_in_their_order_and_in_time);
    tcase_add_test(operations, late_answers_go_to_nobody);
    tcase_add_test(operations, requests_may_run_out_of_time_before_they_are_sent);
    tcase_add_test(operations, several_keys_run_out_of_time_together);
    tcase_add_test(operations, statistics_run_out_of_time_without_a_key);
    return fixture_run(suite);
}
