/*
 * An operation that was accepted: its function is not called before the call that has
 * accepted it has returned, whatever the watch, timeout and drain callbacks do that come at
 * the end of that call; and it is called, with the answer as it was.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"

#include <poll.h>
#include <stdio.h>

#define LARGE 100000
#define KEYS 40

static int way;          /* what the callback does, and which one it is */
static size_t inside;    /* how often it has */
static size_t returned;  /* whether the call has */
static size_t ends;      /* completions that end an operation */
static size_t calls;     /* all of them */
static int last_timeout; /* that the timeout callback was told */
static int expected;     /* how the operation is to end */
static int descriptor;   /* the last that was to be watched */

static void begin(void)
{
    inside = 0;
    returned = 0;
    ends = 0;
    calls = 0;
    last_timeout = -1;
    expected = OMCACHE_OK;
    descriptor = -1;
}

/* Different ways in which an answer is read, or an operation ends. */
static void act(omcache_t *mc)
{
    if (inside++ > 0) {
        return;
    }
    switch (way % 4) {
    case 0:
        assert_rc_either(omcache_io(mc, NULL, NULL, NULL, NULL, 5000), OMCACHE_OK, OMCACHE_AGAIN);
        break;
    case 1:
        assert_rc(omcache_noop(mc, 0, -1), OMCACHE_OK);
        for (size_t i = 1; i < fleet.count; i++) {
            assert_rc(omcache_noop(mc, (int)i, -1), OMCACHE_OK);
        }
        break;
    case 2:
        for (int i = 0; i < 100 && descriptor >= 0; i++) {
            omcache_process_fd(mc, descriptor, POLLIN | POLLOUT);
            omcache_process_timeouts(mc);
            clock_sleep(1);
        }
        break;
    default:
        clock_sleep(30);
        assert_rc(omcache_process_timeouts(mc), OMCACHE_OK);
        break;
    }
    ck_assert_uint_eq(calls, 0);
}

static void act_at_watch(omcache_t *mc, int fd, short events, void *context)
{
    (void)context;
    descriptor = events != 0 ? fd : -1;
    act(mc);
}

static void act_at_timeout(omcache_t *mc, int msec, void *context)
{
    (void)context;
    last_timeout = msec;
    act(mc);
}

static void act_at_drain(omcache_t *mc, int server_index, void *context)
{
    (void)server_index;
    (void)context;
    act(mc);
}

static void note_watch(omcache_t *mc, int fd, short events, void *context)
{
    (void)mc;
    (void)context;
    descriptor = events != 0 ? fd : -1;
}

static void ignore(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    (void)reply;
    (void)context;
}

/* Servers with keys, and a client whose callback acts at the end of the next call. */
static void open_client(size_t servers)
{
    fixture_servers(servers);
    for (int i = 0; i < KEYS; i++) {
        char key[2] = {(char)('0' + i), '\0'};
        store(key, key);
    }
    assert_rc(omcache_set(client, TEXT("large"), bulk, LARGE, 0, 0, 0, -1), OMCACHE_OK);
    client = fixture_client(fleet.list);
    if (way / 4 == 0) {
        assert_rc(omcache_set_watch_callback(client, act_at_watch, NULL), OMCACHE_OK);
        return;
    }
    assert_rc(omcache_set_watch_callback(client, note_watch, NULL), OMCACHE_OK);
    if (way / 4 == 1) {
        assert_rc(omcache_set_timeout_callback(client, act_at_timeout, NULL), OMCACHE_OK);
        return;
    }
    /* A server that has no room, and gets some. */
    assert_rc(omcache_set_send_buffer_max_size(client, 200), OMCACHE_OK);
    while (omcache_async_get(client, "large", 5, -1, ignore, NULL) == OMCACHE_OK) {
    }
    assert_rc(omcache_set_drain_callback(client, act_at_drain, NULL), OMCACHE_OK);
    assert_rc(omcache_set_send_buffer_max_size(client, 10000), OMCACHE_OK);
}

/* Turns until so many operations have ended. */
static void finish(size_t wanted)
{
    returned = 1;
    ck_assert_uint_ge(inside, 1);
    ck_assert_int_ge(omcache_next_timeout(client), 0);
    assert_rc(omcache_set_timeout_callback(client, NULL, NULL), OMCACHE_OK);
    watcher_init(&loop, client);
    watcher_run(&loop, &ends, wanted);
    ck_assert_uint_eq(ends, wanted);
}

static void on_value(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t key_len;
    size_t len;
    const unsigned char *key = omcache_reply_key(reply, &key_len);
    const unsigned char *value = omcache_reply_value(reply, &len);
    (void)mc;
    ck_assert_msg(returned == 1, "called before the call has returned");
    calls++;
    assert_rc(omcache_reply_status(reply), expected);
    if (key == NULL) {
        ck_assert_uint_eq(calls, (size_t)(intptr_t)context);
        ends++;
        return;
    }
    if (context == NULL) {
        ends++;
    }
    if (expected == OMCACHE_OK && key_len == 5) {
        ck_assert_uint_eq(len, LARGE);
        ck_assert(memcmp(value, bulk, LARGE) == 0);
        ck_assert_int_eq(omcache_reply_server_index(reply), 0);
    } else if (expected == OMCACHE_OK) {
        assert_bytes(value, len, key, key_len);
    }
}

START_TEST(a_get)
{
    way = _i;
    open_client(1);
    assert_rc(omcache_async_get(client, "large", 5, 10000, on_value, NULL), OMCACHE_OK);
    finish(1);
}
END_TEST

START_TEST(a_get_whose_time_is_over)
{
    way = 4 * _i + 3;
    open_client(1);
    expected = OMCACHE_TIMEOUT;
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_async_get(client, "0", 1, 1, on_value, NULL), OMCACHE_OK);
    finish(1);
}
END_TEST

START_TEST(gets_of_many_keys)
{
    const void *keys[KEYS];
    size_t lens[KEYS];
    char names[KEYS];
    way = _i;
    open_client(2);
    for (int i = 0; i < KEYS; i++) {
        names[i] = (char)('0' + i);
        keys[i] = &names[i];
        lens[i] = 1;
    }
    assert_rc(omcache_async_get_multi(client, keys, lens, KEYS, 10000, on_value,
                                      (void *)(intptr_t)(KEYS + 1)),
              OMCACHE_OK);
    finish(1);
    ck_assert_uint_eq(calls, KEYS + 1);
}
END_TEST

static void on_row(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t key_len;
    size_t len;
    size_t *rows = context;
    const unsigned char *key = omcache_reply_key(reply, &key_len);
    const unsigned char *value = omcache_reply_value(reply, &len);
    (void)mc;
    ck_assert_msg(returned == 1, "called before the call has returned");
    assert_rc(omcache_reply_status(reply), OMCACHE_OK);
    if (key == NULL) {
        ends++;
        return;
    }
    ++*rows;
    calls++;
    ck_assert_ptr_nonnull(value);
    if (key_len == 3 && memcmp(key, "pid", 3) == 0) {
        char pid[32];
        snprintf(pid, sizeof(pid), "%d", (int)fleet.servers[0].pid);
        assert_text(value, len, pid);
    }
}

START_TEST(statistics)
{
    size_t rows = 0;
    way = _i;
    open_client(1);
    assert_rc(omcache_async_stat(client, NULL, 0, 10000, on_row, &rows), OMCACHE_OK);
    finish(1);
    ck_assert_uint_ge(rows, 30);
}
END_TEST

/* Several that the callback itself has started may end while it runs. */
static void on_other(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    assert_rc(omcache_reply_status(reply), OMCACHE_OK);
    ++*(size_t *)context;
}

static void start_others(omcache_t *mc, int fd, short events, void *context)
{
    size_t *others = context;
    (void)fd;
    (void)events;
    if (inside++ == 0) {
        assert_rc(omcache_async_get(mc, "0", 1, -1, on_other, others), OMCACHE_OK);
        ck_assert_uint_eq(*others, 0);
        assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, 5000), OMCACHE_OK);
        ck_assert_uint_eq(*others, 1);
        ck_assert_uint_eq(calls, 0);
    }
}

START_TEST(others_are_not_held_up)
{
    size_t others = 0;
    way = 4;
    open_client(1);
    assert_rc(omcache_set_timeout_callback(client, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_set_watch_callback(client, start_others, &others), OMCACHE_OK);
    assert_rc(omcache_async_get(client, "large", 5, 10000, on_value, NULL), OMCACHE_OK);
    finish(1);
}
END_TEST

/* An application with a timer of its own is told when to come. */
START_TEST(the_timeout_callback_is_told)
{
    way = 4 + _i;
    open_client(1);
    assert_rc(omcache_async_get(client, "large", 5, 10000, on_value, NULL), OMCACHE_OK);
    returned = 1;
    ck_assert_int_ge(last_timeout, 0);
    ck_assert_int_le(last_timeout, 1);
    clock_sleep(last_timeout);
    assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
    ck_assert_uint_eq(ends, 1);
}
END_TEST

/* One that handles each timeout at once, from inside the callback. */
static void process_at_timeout(omcache_t *mc, int msec, void *context)
{
    (void)msec;
    (void)context;
    ck_assert_uint_lt(inside++, 50);
    assert_rc(omcache_process_timeouts(mc), OMCACHE_OK);
}

START_TEST(a_timeout_callback_that_does_not_wait)
{
    fixture_servers(1);
    expected = OMCACHE_TIMEOUT;
    assert_rc(omcache_set_timeout_callback(client, process_at_timeout, NULL), OMCACHE_OK);
    assert_rc(omcache_async_get(client, "0", 1, 0, on_value, NULL), OMCACHE_OK);
    finish(1);
}
END_TEST

static void count_cancelled(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    (void)context;
    if (omcache_reply_key(reply, NULL) != NULL || expected == OMCACHE_CANCELLED) {
        assert_rc(omcache_reply_status(reply), expected);
    }
    ends++;
}

static void free_it(omcache_t *mc)
{
    if (inside++ == 0) {
        if (way % 2 == 1) {
            assert_rc(omcache_noop(mc, 0, -1), OMCACHE_OK); /* so that it has its answer */
        }
        fixture_forget(mc);
        assert_rc(omcache_free(mc), OMCACHE_OK);
        assert_rc(omcache_async_get(mc, "k", 1, -1, on_value, NULL), OMCACHE_CANCELLED);
    }
}

static void free_at_watch(omcache_t *mc, int fd, short events, void *context)
{
    (void)fd;
    (void)events;
    (void)context;
    free_it(mc);
}

static void free_at_timeout(omcache_t *mc, int msec, void *context)
{
    (void)msec;
    (void)context;
    free_it(mc);
}

/* It was accepted, and that is what the call says; the function has been called. */
START_TEST(a_client_that_is_freed_at_the_end_of_the_call)
{
    const void *keys[2] = {"k", "l"};
    size_t lens[2] = {1, 1};
    way = _i;
    fixture_servers(1);
    expected = way % 2 == 1 ? OMCACHE_NOT_FOUND : OMCACHE_CANCELLED;
    if (way / 2 % 2 == 0) {
        assert_rc(omcache_set_watch_callback(client, free_at_watch, NULL), OMCACHE_OK);
    } else {
        assert_rc(omcache_set_timeout_callback(client, free_at_timeout, NULL), OMCACHE_OK);
    }
    if (way / 4 == 0) {
        assert_rc(omcache_async_get(client, "k", 1, 9000, count_cancelled, NULL), OMCACHE_OK);
        ck_assert_uint_eq(ends, 1);
    } else {
        assert_rc(omcache_async_get_multi(client, keys, lens, 2, 9000, count_cancelled, NULL),
                  OMCACHE_OK);
        ck_assert_uint_eq(ends, 3);
    }
    ck_assert_uint_ge(inside, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("async_acceptance");
    TCase *tcase = operations_case(suite, "acceptance");
    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_add_loop_test(tcase, a_get, 0, 12);
    tcase_add_loop_test(tcase, a_get_whose_time_is_over, 0, 3);
    tcase_add_loop_test(tcase, gets_of_many_keys, 0, 12);
    tcase_add_loop_test(tcase, statistics, 0, 12);
    tcase_add_test(tcase, others_are_not_held_up);
    tcase_add_loop_test(tcase, the_timeout_callback_is_told, 0, 3);
    tcase_add_test(tcase, a_timeout_callback_that_does_not_wait);
    tcase_add_loop_test(tcase, a_client_that_is_freed_at_the_end_of_the_call, 0, 8);
    return fixture_run(suite);
}
