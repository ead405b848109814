/*
 * Tests of adapters to event loops.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/loops.h"

#include "support/fixture.h"
#include "support/outage.h"
#include "support/workload.h"

#include <stdio.h>
#include <stdlib.h>

#define OPERATIONS 100000
#define SOME ((size_t)50)

static const struct loop_kind *loop;
static void *attached;

/* Completions so far and what the last was; what the next one does besides; and with
 * which one the loop ends. */
static size_t count;
static int last_status;
static void (*then)(void);
static size_t wanted;

static size_t allocations_left; /* until one fails; 0: none does */

static bool fails(void)
{
    return allocations_left > 0 && --allocations_left == 0;
}

void *loops_malloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

void *loops_calloc(size_t nmemb, size_t size)
{
    return fails() ? NULL : calloc(nmemb, size);
}

void *loops_realloc(void *memory, size_t size)
{
    return fails() ? NULL : realloc(memory, size);
}

static void attach(void)
{
    attached = loop->attach(client);
    ck_assert_ptr_nonnull(attached);
}

static void detach(void)
{
    assert_rc(loop->detach(attached), OMCACHE_OK);
    attached = NULL;
}

static void on_reply(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    void (*call)(void) = then;
    ck_assert_ptr_nonnull(mc);
    ck_assert_ptr_eq(context, &count);
    count++;
    last_status = omcache_reply_status(reply);
    then = NULL;
    if (call != NULL) {
        call();
    }
    if (count == wanted) {
        loop->stop();
    }
}

/* Starts some gets. */
static void start(size_t number, int32_t timeout)
{
    for (size_t i = 0; i < number; i++) {
        char key[24];
        size_t len = (size_t)snprintf(key, sizeof(key), "key-%zu", i);
        assert_rc(omcache_async_get(client, key, len, timeout, on_reply, &count), OMCACHE_OK);
    }
}

static void run_until(size_t number)
{
    wanted = number;
    loop->run();
    ck_assert_uint_eq(count, number);
}

static void open_loop(void)
{
    count = 0;
    then = NULL;
    fixture_servers(3);
    loop->open();
    attach();
}

static void close_loop(void)
{
    if (attached != NULL) {
        detach();
    }
    loop->close();
}

START_TEST(operations_complete_once)
{
    size_t total = clock_allow(1) == 1 ? OPERATIONS : OPERATIONS / 20;
    omcache_set_reconnect_timeout(client, 100);
    workload_start(total, loop->stop);
    loop->run();
    workload_check();
}
END_TEST

START_TEST(detached_operations_go_on_when_attached_again)
{
    start(1, -1);
    run_until(1); /* connected to one, not to the others */
    start(SOME, -1);
    detach();
    start(SOME, -1);
    loop->close();
    loop->open();
    attach();
    run_until(1 + 2 * SOME);
    assert_rc(last_status, OMCACHE_NOT_FOUND);
}
END_TEST

static void detach_and_stop(void)
{
    detach();
    wanted = count;
}

START_TEST(callbacks_may_detach)
{
    start(SOME, 10000);
    then = detach_and_stop;
    loop->run();
    ck_assert_ptr_null(attached);
    attach();
    if (count < SOME) {
        run_until(SOME);
    }
    assert_rc(last_status, OMCACHE_NOT_FOUND);
}
END_TEST

static void free_client(void)
{
    omcache_t *mc = client;
    fixture_forget(mc);
    detach();
    assert_rc(omcache_free(mc), OMCACHE_OK);
}

START_TEST(callbacks_may_free_the_handle)
{
    start(SOME, 10000);
    then = free_client;
    run_until(SOME);
    assert_rc(last_status, OMCACHE_CANCELLED);
}
END_TEST

START_TEST(timeouts_may_free_the_handle)
{
    for (size_t i = 0; i < 3; i++) {
        memcached_pause(&fleet.servers[i]);
    }
    start(SOME, 10000);
    start(1, 50);
    then = free_client;
    run_until(SOME + 1);
    assert_rc(last_status, OMCACHE_CANCELLED);
}
END_TEST

START_TEST(cancelled_operations_may_detach)
{
    omcache_t *mc = client;
    start(1, -1);
    run_until(1);
    start(SOME, -1);
    then = detach;
    fixture_forget(client);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    ck_assert_uint_eq(count, 1 + SOME);
    assert_rc(last_status, OMCACHE_CANCELLED);
}
END_TEST

START_TEST(the_timer_alone_wakes_the_loop)
{
    /* Connected, and the timer knows of nothing but the dead timeout. */
    start(SOME, -1);
    run_until(SOME);
    for (size_t i = 0; i < 3; i++) {
        memcached_pause(&fleet.servers[i]);
    }
    int64_t begun = clock_ms();
    start(1, 5000);
    start(1, 100);
    run_until(SOME + 1);
    assert_rc(last_status, OMCACHE_TIMEOUT);
    ck_assert_int_ge(clock_ms() - begun, 99);
    assert_within(begun, 1000);
    /* And again, when it has been set later meanwhile. */
    begun = clock_ms();
    start(1, 100);
    run_until(SOME + 2);
    assert_rc(last_status, OMCACHE_TIMEOUT);
    assert_within(begun, 1000);
}
END_TEST

START_TEST(deadlines_from_before_are_kept)
{
    start(SOME, -1);
    run_until(SOME);
    for (size_t i = 0; i < 3; i++) {
        memcached_pause(&fleet.servers[i]);
    }
    int64_t begun = clock_ms();
    start(1, 150);
    start(1, 50);
    run_until(SOME + 1);
    /* Sent long ago: no descriptor will tell anything. */
    detach();
    attach();
    run_until(SOME + 2);
    assert_rc(last_status, OMCACHE_TIMEOUT);
    assert_within(begun, 1000);
}
END_TEST

START_TEST(refused_connections_end_operations)
{
    for (size_t i = 0; i < 3; i++) {
        memcached_kill(&fleet.servers[i]);
    }
    int64_t begun = clock_ms();
    start(1, -1);
    run_until(1);
    assert_rc(last_status, OMCACHE_SERVER_FAILURE);
    assert_within(begun, 1000);
}
END_TEST

START_TEST(handles_share_a_loop)
{
    omcache_t *first = client;
    client = fixture_client(fleet.list);
    void *other = loop->attach(client);
    ck_assert_ptr_nonnull(other);
    start(SOME, -1);
    client = first;
    start(SOME, -1);
    run_until(2 * SOME);
    assert_rc(loop->detach(other), OMCACHE_OK);
    start(SOME, -1);
    run_until(3 * SOME);
}
END_TEST

START_TEST(nothing_is_no_handle)
{
    ck_assert_ptr_null(loop->attach(NULL));
    assert_rc(loop->detach(NULL), OMCACHE_INVALID);
}
END_TEST

/* Whatever allocation fails, from attaching on: that tells, or it is made up for. */
START_TEST(memory_may_run_out)
{
    bool failed = true;
    size_t refused = 0;
    detach();
    for (size_t n = 1; failed; n++) {
        allocations_left = n;
        attached = loop->attach(client);
        if (attached != NULL) {
            size_t before = count;
            start(SOME, 10000);
            run_until(before + SOME);
            assert_rc(last_status, OMCACHE_NOT_FOUND);
        }
        failed = allocations_left == 0;
        allocations_left = 0;
        refused += attached == NULL;
        if (attached != NULL) {
            detach();
        }
        /* The next round connects anew. */
        omcache_free(client);
        fixture_forget(client);
        client = fixture_client(fleet.list);
    }
    ck_assert_uint_gt(refused, 0);
}
END_TEST

int loops_main(const struct loop_kind *kind)
{
    Suite *suite = suite_create(kind->name);
    TCase *tcase = fixture_case(suite, "loop");

    loop = kind;
    tcase_add_checked_fixture(tcase, open_loop, close_loop);
    tcase_add_test(tcase, operations_complete_once);
    tcase_add_test(tcase, detached_operations_go_on_when_attached_again);
    tcase_add_test(tcase, callbacks_may_detach);
    tcase_add_test(tcase, callbacks_may_free_the_handle);
    tcase_add_test(tcase, timeouts_may_free_the_handle);
    tcase_add_test(tcase, cancelled_operations_may_detach);
    tcase_add_test(tcase, the_timer_alone_wakes_the_loop);
    tcase_add_test(tcase, deadlines_from_before_are_kept);
    tcase_add_test(tcase, refused_connections_end_operations);
    tcase_add_test(tcase, handles_share_a_loop);
    tcase_add_test(tcase, nothing_is_no_handle);
    if (kind->allocates) {
        tcase_add_test(tcase, memory_may_run_out);
    }
    return fixture_run(suite);
}
