/*
 * Calls from inside watch, timeout and drain callbacks, where everything is allowed,
 * and from inside response and log callbacks, where little is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"

static void call_much_at_watch(omcache_t *mc, int fd, short events, void *context)
{
    (void)fd;
    (void)context;
    ck_assert_uint_lt(rounds, 100);
    if (rounds++ == 0) {
        ck_assert_int_ne(events, 0);
        assert_rc(omcache_set(mc, TEXT("k"), TEXT("v"), 0, 0, 0, -1), OMCACHE_OK);
        assert_rc(omcache_get(mc, TEXT("k"), NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
        assert_rc(omcache_async_get(mc, TEXT("k"), -1, told_reply, &told[1]), OMCACHE_OK);
        assert_rc(omcache_process_timeouts(mc), OMCACHE_OK);
        assert_rc(omcache_set_servers(mc, fleet.list), OMCACHE_OK);
        assert_rc(omcache_set_watch_callback(mc, NULL, NULL), OMCACHE_OK);
        watcher_init(&loop, mc);
    }
}

START_TEST(everything_may_be_called_at_a_watch)
{
    fixture_servers(3);
    assert_rc(omcache_set_watch_callback(client, call_much_at_watch, NULL), OMCACHE_OK);
    assert_rc(omcache_async_get(client, TEXT("k"), -1, told_reply, &told[0]), OMCACHE_OK);
    ck_assert_uint_eq(rounds, 1);
    ck_assert_uint_ge(loop.count, 1);
    watcher_run(&loop, &told_count, 2);
    told_once(told, 2, 0);
}
END_TEST

static void call_much_at_timeout(omcache_t *mc, int msec, void *context)
{
    (void)msec;
    (void)context;
    if (rounds++ == 0) {
        assert_rc(omcache_set(mc, TEXT("k"), TEXT("v"), 0, 0, 0, -1), OMCACHE_OK);
        assert_rc(omcache_async_get(mc, TEXT("k"), -1, told_reply, &told[1]), OMCACHE_OK);
        assert_rc(omcache_process_timeouts(mc), OMCACHE_OK);
        assert_rc(omcache_set_servers(mc, fleet.list), OMCACHE_OK);
    }
}

START_TEST(everything_may_be_called_at_a_timeout)
{
    watched_servers(3);
    assert_rc(omcache_set_timeout_callback(client, call_much_at_timeout, NULL), OMCACHE_OK);
    assert_rc(omcache_async_get(client, TEXT("k"), 1000, told_reply, &told[0]), OMCACHE_OK);
    ck_assert_uint_ge(rounds, 1);
    watcher_run(&loop, &told_count, 2);
    told_once(told, 2, 0);
}
END_TEST

/* A loop with one timer of its own, which it may act on at once. */
static int timer = -1;

static void act_or_set_timer(omcache_t *mc, int msec, void *context)
{
    (void)context;
    timer = msec;
    ck_assert_uint_lt(rounds++, 10);
    if (msec == 0) {
        timer = -1;
        assert_rc(omcache_process_timeouts(mc), OMCACHE_OK);
    }
}

START_TEST(what_is_due_later_is_told_after_what_is_due_now)
{
    watched_servers(1);
    assert_missing("k");
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_async_get(client, TEXT("k"), 10, told_reply, &told[0]), OMCACHE_OK);
    assert_rc(omcache_async_get(client, TEXT("k"), 5000, told_reply, &told[1]), OMCACHE_OK);
    watcher_turn(&loop, 5); /* they are sent */
    clock_sleep(20);
    int64_t begun = clock_ms();
    assert_rc(omcache_set_timeout_callback(client, act_or_set_timer, NULL), OMCACHE_OK);
    ck_assert_uint_eq(told[0].calls, 1);
    ck_assert_int_gt(timer, 0);
    int left = omcache_next_timeout(client); /* by now, which may be some time later */
    ck_assert_int_ge(clock_ms() + left + 1, begun + timer);
}
END_TEST

static void ask_more_at_timeout(omcache_t *mc, int msec, void *context)
{
    (void)context;
    timer = msec;
    if (rounds++ == 0) {
        assert_rc(omcache_async_get(mc, TEXT("k"), 100, told_reply, &told[1]), OMCACHE_OK);
    }
}

START_TEST(what_a_timeout_callback_asks_for_is_told)
{
    watched_servers(1);
    assert_missing("k");
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_set_timeout_callback(client, ask_more_at_timeout, NULL), OMCACHE_OK);
    assert_rc(omcache_async_get(client, TEXT("k"), 5000, told_reply, &told[0]), OMCACHE_OK);
    ck_assert_uint_eq(rounds, 2);
    ck_assert_int_le(timer, 100);
}
END_TEST

static void process_at_timeout(omcache_t *mc, int msec, void *context)
{
    (void)msec;
    (void)context;
    ck_assert_uint_lt(rounds++, 10);
    assert_rc(omcache_process_timeouts(mc), OMCACHE_OK);
}

START_TEST(early_calls_from_a_timeout_callback_do_no_harm)
{
    watched_servers(1);
    assert_missing("k");
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_set_timeout_callback(client, process_at_timeout, NULL), OMCACHE_OK);
    assert_rc(omcache_async_get(client, TEXT("k"), 50, told_reply, &told[0]), OMCACHE_OK);
    watcher_run(&loop, &told_count, 1);
    told_once(told, 1, OMCACHE_TIMEOUT);
}
END_TEST

static bool drained[2];

static void call_much_at_drain(omcache_t *mc, int server_index, void *context)
{
    (void)context;
    ck_assert(!drained[server_index]); /* once each, whichever is connected first */
    drained[server_index] = true;
    if (rounds++ < 2) {
        assert_rc(omcache_set_servers(mc, fleet.list), OMCACHE_OK);
        assert_rc(omcache_noop(mc, server_index, -1), OMCACHE_OK);
        assert_rc(omcache_set_send_buffer_max_size(mc, 60), OMCACHE_OK);
    }
}

START_TEST(everything_may_be_called_at_a_drain)
{
    ONLY_BINARY; /* it counts bytes */
    watched_servers(2);
    for (int i = 0; i < 2; i++) {
        assert_rc(omcache_noop(client, i, -1), OMCACHE_OK); /* so that both drain at once */
    }
    assert_rc(omcache_set_send_buffer_max_size(client, 60), OMCACHE_OK);
    assert_rc(omcache_set_drain_callback(client, call_much_at_drain, NULL), OMCACHE_OK);
    for (int i = 0; i < 2; i++) {
        assert_rc(omcache_async_noop(client, i, -1, told_reply, &told[2 * (size_t)i]), OMCACHE_OK);
        assert_rc(omcache_async_noop(client, i, -1, told_reply, &told[2 * i + 1]), OMCACHE_OK);
        assert_rc(omcache_async_noop(client, i, -1, told_reply, &told[9]), OMCACHE_BUFFER_FULL);
    }
    watcher_run(&loop, &told_count, 4);
    told_once(told, 4, 0);
    ck_assert_uint_eq(rounds, 2);
}
END_TEST

/*
 * What the last callbacks of a call change is told at its end, too.
 */

static int change;
static int told_msec;

static void note_msec(omcache_t *mc, int msec, void *context)
{
    (void)mc;
    ++*(size_t *)context;
    told_msec = msec;
}

static void change_at_timeout(omcache_t *mc, int msec, void *context)
{
    note_msec(mc, msec, context);
    if (rounds > 1) {
        return;
    }
    if (change == 0) {
        assert_rc(omcache_set_dead_timeout(mc, 3000), OMCACHE_OK);
    } else if (change == 1) {
        assert_rc(omcache_async_get_multi(mc, NULL, NULL, 0, -1, told_reply, &told[1]), OMCACHE_OK);
    } else {
        assert_rc(omcache_set_timeout_callback(mc, note_msec, &told_count), OMCACHE_OK);
    }
}

START_TEST(what_a_timeout_callback_changes_is_told)
{
    change = _i;
    watched_servers(1);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_async_noop(client, 0, 8000, told_reply, &told[0]), OMCACHE_OK);
    watcher_turn(&loop, 0);
    assert_rc(omcache_set_dead_timeout(client, 9000), OMCACHE_OK);
    assert_rc(omcache_set_timeout_callback(client, change_at_timeout, &rounds), OMCACHE_OK);
    ck_assert_uint_eq(rounds, change == 2 ? 1 : 2);
    ck_assert_uint_eq(told_count, change == 2 ? 1 : 0);
    ck_assert_int_le(told_msec, change == 0 ? 3000 : change == 1 ? 0 : 8000);
    assert_rc(omcache_set_timeout_callback(client, NULL, NULL), OMCACHE_OK);
}
END_TEST

static void count_drain(omcache_t *mc, int server_index, void *context)
{
    (void)mc;
    (void)server_index;
    ++*(size_t *)context;
}

static void raise_at_timeout(omcache_t *mc, int msec, void *context)
{
    note_msec(mc, msec, context);
    assert_rc(omcache_set_send_buffer_max_size(mc, 10000), OMCACHE_OK);
}

START_TEST(room_that_a_new_limit_gives_is_told)
{
    size_t drains = 0;
    watched_servers(1);
    assert_rc(omcache_set_send_buffer_max_size(client, 60), OMCACHE_OK);
    assert_rc(omcache_set_drain_callback(client, count_drain, &drains), OMCACHE_OK);
    while (omcache_async_get(client, "k", 1, -1, told_reply, &told[0]) == OMCACHE_OK) {
    }
    ck_assert_uint_eq(drains, 0);
    if (_i == 0) {
        assert_rc(omcache_set_send_buffer_max_size(client, 10000), OMCACHE_OK);
    } else {
        assert_rc(omcache_set_timeout_callback(client, raise_at_timeout, &rounds), OMCACHE_OK);
        ck_assert_uint_eq(rounds, 1);
    }
    ck_assert_uint_eq(drains, 1);
    assert_rc(omcache_set_timeout_callback(client, NULL, NULL), OMCACHE_OK);
}
END_TEST

/*
 * From where calls are still refused.
 */

#define DONE -1, told_reply, &told[0]

/* All that is new since 1.0.  (What was there before: test_callback_response.c.) */
static void refuse_operations(omcache_t *mc)
{
    const void *key = "k";
    size_t len = 1;
    const int rcs[] = {
        omcache_async_get(mc, "k", 1, DONE),
        omcache_async_gat(mc, "k", 1, 0, DONE),
        omcache_async_set(mc, "k", 1, "v", 1, 0, 0, 0, DONE),
        omcache_async_add(mc, "k", 1, "v", 1, 0, 0, DONE),
        omcache_async_replace(mc, "k", 1, "v", 1, 0, 0, DONE),
        omcache_async_append(mc, "k", 1, "v", 1, 0, DONE),
        omcache_async_prepend(mc, "k", 1, "v", 1, 0, DONE),
        omcache_async_increment(mc, "k", 1, 1, 1, 0, DONE),
        omcache_async_decrement(mc, "k", 1, 1, 1, 0, DONE),
        omcache_async_delete(mc, "k", 1, DONE),
        omcache_async_touch(mc, "k", 1, 0, DONE),
        omcache_async_noop(mc, 0, DONE),
        omcache_async_version(mc, 0, DONE),
        omcache_async_flush_all(mc, 0, 0, DONE),
        omcache_async_stat(mc, NULL, 0, DONE),
        omcache_async_get_multi(mc, &key, &len, 1, DONE),
        omcache_async_meta_get(mc, "k", 1, NULL, DONE),
        omcache_async_meta_set(mc, "k", 1, "v", 1, 0, NULL, DONE),
        omcache_async_meta_delete(mc, "k", 1, NULL, DONE),
        omcache_async_meta_arithmetic(mc, "k", 1, 1, NULL, DONE),
    };
    for (size_t i = 0; i < sizeof(rcs) / sizeof(rcs[0]); i++) {
        ck_assert_msg(rcs[i] == OMCACHE_INVALID, "operation %zu gave %s", i, rc_name(rcs[i]));
    }
}

static void refuse_at_answer(omcache_t *mc, omcache_value_t *value, void *context)
{
    (void)value;
    (void)context;
    refuse_operations(mc);
    assert_rc(omcache_process_fd(mc, loop.fds[0].fd, POLLIN), OMCACHE_INVALID);
    assert_rc(omcache_process_timeouts(mc), OMCACHE_INVALID);
    ck_assert_int_eq(omcache_next_timeout(mc), -1); /* though something is due some time */
    assert_rc(omcache_set_dns_servers(mc, NULL), OMCACHE_INVALID);
    assert_rc(omcache_set_distribution(mc, "modula", NULL), OMCACHE_INVALID);
    assert_rc(omcache_set_key_prefix(mc, NULL, 0, 0), OMCACHE_INVALID);
    assert_rc(omcache_set_hash_tag(mc, NULL), OMCACHE_INVALID);
    rounds++;
}

static void refuse_at_log(void *context, int level, const char *line)
{
    (void)level;
    (void)line;
    refuse_at_answer(context, NULL, NULL);
}

START_TEST(response_and_log_callbacks_are_refused)
{
    watched_servers(1);
    assert_rc(omcache_async_get(client, "k", 1, 9000, told_reply, &told[2]), OMCACHE_OK);
    memcached_pause(&fleet.servers[0]);
    watcher_turn(&loop, 0);
    assert_rc(omcache_set_log_callback(client, 7, refuse_at_log, client), OMCACHE_OK);
    memcached_resume(&fleet.servers[0]);
    watcher_run(&loop, &told_count, 1);
    assert_rc(omcache_set_response_callback(client, refuse_at_answer, NULL), OMCACHE_OK);
    ck_assert_uint_ge(rounds, 1);
    rounds = 0;
    assert_rc(omcache_async_get(client, "none", 4, 9000, told_reply, &told[3]), OMCACHE_OK);
    store("k", "v");
    ck_assert_uint_ge(rounds, 1);
    rounds = 0;
    assert_rc(omcache_async_get(client, "k", 1, -1, told_reply, &told[1]), OMCACHE_OK);
    assert_stored("k", "v");
    watcher_run(&loop, &told_count, 3);
    ck_assert_uint_eq(told[0].calls, 0);
    ck_assert_uint_eq(rounds, 1); /* an operation's answer is its own */
}
END_TEST

/*
 * What may be called there, too.
 */

static void on_timeout(omcache_t *mc, int msec, void *context)
{
    (void)mc;
    (void)msec;
    ++*(size_t *)context;
}

static void on_drain(omcache_t *mc, int server_index, void *context)
{
    (void)server_index;
    on_timeout(mc, 0, context);
}

static size_t told_timeouts;
static size_t told_drains;

static void set_at_answer(omcache_t *mc, omcache_value_t *value, void *context)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    (void)value;
    (void)context;
    if (rounds++ > 0) {
        return;
    }
    assert_rc(omcache_set_watch_callback(mc, NULL, NULL), OMCACHE_OK);
    watcher_init(&loop, mc);
    assert_rc(omcache_set_timeout_callback(mc, on_timeout, &told_timeouts), OMCACHE_OK);
    assert_rc(omcache_set_drain_callback(mc, on_drain, &told_drains), OMCACHE_OK);
    assert_rc(omcache_set_protocol(mc, fixture_protocol()), OMCACHE_OK);
    assert_rc(omcache_set_failover(mc, OMCACHE_FAILOVER_NEXT), OMCACHE_OK);
    assert_rc(omcache_server_stats(mc, 0, &stats), OMCACHE_OK);
    ck_assert_int_ge(omcache_server_protocol(mc, 0), 0);
    ck_assert_uint_eq(told_timeouts + loop.count, 0); /* at the end of the call */
}

static void set_at_log(void *context, int level, const char *line)
{
    (void)level;
    (void)line;
    set_at_answer(context, NULL, NULL);
}

START_TEST(the_loop_may_be_chosen_in_response_and_log_callbacks)
{
    told_timeouts = 0;
    told_drains = 0;
    watched_servers(1);
    assert_rc(omcache_async_get(client, "none", 4, 9000, told_reply, &told[0]), OMCACHE_OK);
    if (_i == 0) {
        assert_rc(omcache_set_response_callback(client, set_at_answer, NULL), OMCACHE_OK);
    } else {
        assert_rc(omcache_set_log_callback(client, 7, set_at_log, client), OMCACHE_OK);
    }
    assert_missing("other");
    ck_assert_uint_ge(rounds, 1);
    ck_assert_uint_eq(loop.count, 1);
    assert_rc(omcache_async_get(client, "none", 4, 8000, told_reply, &told[1]), OMCACHE_OK);
    ck_assert_uint_ge(told_timeouts, 1);
    assert_rc(omcache_set_send_buffer_max_size(client, 100), OMCACHE_OK);
    size_t slot = 2;
    while (omcache_async_get(client, "none", 4, 8000, told_reply, &told[slot]) == OMCACHE_OK) {
        slot++;
    }
    watcher_run(&loop, &told_count, slot);
    ck_assert_uint_eq(told_drains, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("callback_loop");
    TCase *others = operations_case(suite, "others");
    tcase_add_test(others, everything_may_be_called_at_a_watch);
    tcase_add_test(others, everything_may_be_called_at_a_timeout);
    tcase_add_test(others, what_is_due_later_is_told_after_what_is_due_now);
    tcase_add_test(others, what_a_timeout_callback_asks_for_is_told);
    tcase_add_test(others, early_calls_from_a_timeout_callback_do_no_harm);
    tcase_add_test(others, everything_may_be_called_at_a_drain);
    tcase_add_loop_test(others, what_a_timeout_callback_changes_is_told, 0, 3);
    tcase_add_loop_test(others, room_that_a_new_limit_gives_is_told, 0, 2);
    tcase_add_test(others, response_and_log_callbacks_are_refused);
    tcase_add_loop_test(others, the_loop_may_be_chosen_in_response_and_log_callbacks, 0, 2);
    return fixture_run(suite);
}
