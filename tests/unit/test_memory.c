/*
 * Allocations that fail, one by one, in a day of asynchronous operations: each is
 * refused, or completes exactly once; nothing is lost and nothing leaks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "proto/opcode.h"
#include "support/failing_memory.h"
#include "support/fixture.h"
#include "support/flows.h"
#include "support/told.h"
#include "support/watcher.h"

enum {
    OPERATIONS = 40,
    KEYS = 20,
};

static struct watcher loop;
static struct told told[OPERATIONS];
static bool accepted[OPERATIONS];
static size_t expected;

/* What it may say without memory. */
static void expect(size_t slot, int rc, size_t calls)
{
    accepted[slot] = rc == OMCACHE_OK;
    expected += accepted[slot] ? calls : 0;
    ck_assert_msg(rc == OMCACHE_OK || rc == OMCACHE_NO_MEMORY || rc == OMCACHE_NO_SERVERS,
                  "%s without memory", rc_name(rc));
}

static void ask_one(omcache_t *mc, size_t slot)
{
    static unsigned char value[40000];
    char key[16];

    snprintf(key, sizeof(key), "key-%zu", slot % 9);
    if (slot % 3 == 0)
        expect(slot,
               omcache_async_set(mc, TEXT(key), value, 1000 * slot, 0, 0, 0, 1500, told_reply,
                                 &told[slot]),
               1);
    else if (slot % 3 == 1)
        expect(slot, omcache_async_get(mc, TEXT(key), slot % 2 ? 1 : 1500, told_reply, &told[slot]),
               1);
    else
        expect(slot, omcache_async_set(mc, TEXT(key), TEXT(key), 0, 0, 0, -1, NULL, NULL), 0);
}

static void ask_many(omcache_t *mc, size_t slot)
{
    const void *keys[KEYS];
    size_t lens[KEYS];
    char names[KEYS][16];

    for (size_t i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof(names[i]), "key-%zu", i);
        keys[i] = names[i];
        lens[i] = strlen(names[i]);
    }
    expect(slot, omcache_async_get_multi(mc, keys, lens, KEYS, 1500, told_reply, &told[slot]),
           KEYS + 1);
}

static void run_until_told(omcache_t *mc)
{
    int64_t begun = clock_ms();

    while (told_count < expected) {
        ck_assert_msg(clock_ms() - begun < clock_allow(5000), "%zu of %zu completions", told_count,
                      expected);
        watcher_turn(&loop, 100);
    }
    /* Without a watch callback that could be told: */
    assert_rc_either(omcache_process_timeouts(mc), OMCACHE_OK, OMCACHE_OK);
}

static void run_a_day(omcache_t *mc)
{
    int rc;

    watcher_init(&loop, mc);
    rc = omcache_set_servers(mc, fleet.list);
    assert_rc_either(rc, OMCACHE_OK, OMCACHE_NO_MEMORY);
    for (size_t i = 0; i < OPERATIONS - 2; i++)
        ask_one(mc, i);
    ask_many(mc, OPERATIONS - 2);
    run_until_told(mc);
    for (size_t i = 0; i < OPERATIONS - 2; i++)
        ck_assert_uint_eq(told[i].calls, accepted[i] && i % 3 != 2);
    ck_assert_uint_eq(told[OPERATIONS - 2].calls, accepted[OPERATIONS - 2] ? KEYS + 1 : 0);
    ck_assert_uint_eq(told[OPERATIONS - 2].ends, accepted[OPERATIONS - 2]);
    /* And some that are open when it is freed. */
    ask_one(mc, 0);
    ask_one(mc, 1);
    ask_many(mc, OPERATIONS - 1);
}

/* Whether allocations were made to fail. */
static bool live_with_failures(size_t from, size_t count)
{
    omcache_t *mc;

    memory_fail(from, count);
    memset(told, 0, sizeof(told));
    memset(&loop, 0, sizeof(loop));
    told_clear();
    expected = 0;
    mc = omcache_init();
    if (mc != NULL) {
        run_a_day(mc);
        assert_rc(omcache_free(mc), OMCACHE_OK);
        ck_assert_uint_eq(told_count, expected);
        ck_assert_uint_eq(loop.count, 0);
    }
    ck_assert_msg(memory_alive == 0, "%zu blocks left with allocation %zu failing", memory_alive,
                  from);
    return memory_stop_failing();
}

START_TEST(no_allocation_may_fail_badly)
{
    static const size_t counts[] = {1, 3, 1000000};
    size_t failed = 0;

    fleet_start(&fleet, 2);
    for (size_t from = 1; live_with_failures(from, counts[_i]); from += 1 + from / 100)
        failed++;
    ck_assert_uint_gt(failed, 50);
}
END_TEST

enum {
    COUNTERS = 60,
};

/* Asks for so many counters that are not there; what became of them. */
static int make_counters(omcache_t *mc)
{
    static char names[COUNTERS][200];
    const unsigned char extra[20] = {[7] = 1, [15] = 5}; /* by 1, from 5 on */
    omcache_req_t reqs[COUNTERS];
    omcache_value_t values[COUNTERS];
    size_t count = COUNTERS, room = COUNTERS;
    int rc;

    for (int i = 0; i < COUNTERS; i++) {
        snprintf(names[i], sizeof(names[i]), "%0190d-%d", i, (int)memory_fail_from);
        reqs[i] = (omcache_req_t){
            .header = {.opcode = OMC_OP_INCREMENT,
                       .keylen = htobe16((uint16_t)strlen(names[i])),
                       .extlen = sizeof(extra),
                       .bodylen = htobe32((uint32_t)(strlen(names[i]) + sizeof(extra)))},
            .extra = extra,
            .key = (const unsigned char *)names[i],
        };
    }
    rc = omcache_command(mc, reqs, &count, values, &room, -1);
    for (size_t i = 0; i < room; i++)
        ck_assert(values[i].status != OMCACHE_OK || values[i].delta_value == 5);
    return rc;
}

/* In text a counter is made by several requests, of which each is queued when the one before was
 * answered. */
/* Whether the library was built with it. */
static bool knows_tls(void)
{
    omcache_t *mc = omcache_init();
    int rc = omcache_set_servers(mc, "tls://127.0.0.1:3");

    omcache_free(mc);
    return rc == OMCACHE_OK;
}

static bool has_second_server(omcache_t *mc)
{
    omcache_server_info_t *info = omcache_server_info(mc, 1);
    bool is_there = info != NULL;

    if (is_there)
        omcache_server_info_free(mc, info);
    return is_there;
}

/* It is taken as a whole, or the list before stays. */
START_TEST(a_list_that_asks_for_tls_is_taken_or_the_lack_is_told)
{
    bool is_failing = knows_tls();

    for (size_t from = 1; is_failing; from++) {
        omcache_t *mc = omcache_init();
        int rc;

        assert_rc(omcache_set_servers(mc, "127.0.0.1:1,127.0.0.1:2"), OMCACHE_OK);
        memory_fail(from, 1);
        rc = omcache_set_servers(mc, "tls://127.0.0.1:3");
        is_failing = memory_stop_failing();
        assert_rc(rc, is_failing ? OMCACHE_NO_MEMORY : OMCACHE_OK);
        ck_assert_int_eq(has_second_server(mc), is_failing);
        assert_rc(omcache_set_servers(mc, "tls://127.0.0.1:3"), OMCACHE_OK);
        omcache_free(mc);
        ck_assert_uint_eq(memory_alive, 0);
    }
}
END_TEST

START_TEST(counters_are_made_or_the_lack_is_told)
{
    bool failed = true;

    fixture_servers(1);
    for (size_t from = 1; failed; from++) {
        omcache_t *mc = fixture_client(fleet.list);
        int rc;

        assert_rc(omcache_set_protocol(mc, OMCACHE_PROTOCOL_TEXT), OMCACHE_OK);
        assert_rc(omcache_noop(mc, 0, -1), OMCACHE_OK);
        memory_fail(from, 1);
        rc = make_counters(mc);
        failed = memory_stop_failing();
        ck_assert_msg(rc == OMCACHE_OK || failed, "%s with memory", rc_name(rc));
        omcache_free(mc);
        fixture_forget(mc);
    }
}
END_TEST

static unsigned char large[900000];

/* Stores in silence, until the kernel is full. */
static void fill_kernel(omcache_t *mc)
{
    for (int i = 0; i < 12; i++) {
        char key[8];

        snprintf(key, sizeof(key), "%d", i);
        assert_rc(omcache_set(mc, TEXT(key), large, sizeof(large), 0, 0, 0, 0), OMCACHE_BUFFERED);
    }
}

/* Stores once more in silence, and waits for a moment. */
static int store_one_more(omcache_t *mc)
{
    static const unsigned char extra[8];
    omcache_req_t req = {
        .server_index = -1,
        .header = {.opcode = OMC_OP_SETQ,
                   .keylen = htobe16(4),
                   .extlen = sizeof(extra),
                   .bodylen = htobe32(4 + sizeof(extra) + sizeof(large))},
        .extra = extra,
        .key = (const unsigned char *)"more",
        .data = large,
    };
    size_t count = 1;

    return omcache_command(mc, &req, &count, NULL, NULL, 20);
}

/* The no-op goes with the request that there is no memory for, but is not for that only. */
START_TEST(others_do_not_wait_for_ever_for_what_was_given_up)
{
    bool failed = true;

    fixture_servers(1);
    for (size_t from = 1; failed; from++) {
        omcache_t *mc = fixture_client(fleet.list);

        assert_rc(omcache_set_protocol(mc, OMCACHE_PROTOCOL_BINARY), OMCACHE_OK);
        assert_rc(omcache_set_send_buffer_max_size(mc, 20 * sizeof(large)), OMCACHE_OK);
        assert_rc(omcache_noop(mc, 0, -1), OMCACHE_OK);
        memcached_pause(&fleet.servers[0]);
        fill_kernel(mc);
        memory_fail(from, SIZE_MAX / 2);
        store_one_more(mc);
        failed = memory_stop_failing();
        memcached_resume(&fleet.servers[0]);
        assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, patience), OMCACHE_OK);
        omcache_free(mc);
        fixture_forget(mc);
    }
}
END_TEST

/* When the kernel has taken half of a request, and there is no memory for the rest, the connection
 * is lost.  The server is not. */
START_TEST(half_a_request_may_be_all_there_is_memory_for)
{
    bool has_lost = false, failed = true;

    fleet_start(&fleet, 1);
    for (size_t from = 1; failed; from++) {
        omcache_t *mc = fixture_client(fleet.list);
        omcache_server_stats_t stats = {.struct_size = sizeof(stats)};

        assert_rc(omcache_set_send_buffer_max_size(mc, 20 * sizeof(large)), OMCACHE_OK);
        assert_rc(omcache_noop(mc, 0, -1), OMCACHE_OK);
        memcached_pause(&fleet.servers[0]);
        memory_fail(from, SIZE_MAX / 2);
        for (int i = 0; i < 12; i++)
            omcache_set(mc, TEXT("half"), large, sizeof(large), 0, 0, 0, 0);
        failed = memory_stop_failing();
        memcached_resume(&fleet.servers[0]);
        omcache_io(mc, NULL, NULL, NULL, NULL, patience);
        assert_rc(omcache_set(mc, TEXT("key"), TEXT("value"), 0, 0, 0, -1), OMCACHE_OK);
        assert_rc(omcache_server_stats(mc, 0, &stats), OMCACHE_OK);
        has_lost = has_lost || (failed && stats.connects == 2);
        ck_assert(stats.connects == 1 || (failed && stats.connects == 2));
        ck_assert_int_eq(stats.state, OMCACHE_SERVER_READY);
        omcache_free(mc);
        fixture_forget(mc);
        ck_assert_uint_eq(memory_alive, 0);
    }
    ck_assert(has_lost);
}
END_TEST

enum {
    DOUBTED = 4, /* servers, so that a descriptor more takes memory */
};

static const char *key_of_first(omcache_t *mc)
{
    static char key[16];
    int number = 0;

    do
        snprintf(key, sizeof(key), "key-%d", number++);
    while (omcache_server_index_for_key(mc, TEXT(key)) != 0);
    return key;
}

/* Lets a get of a server that keeps silent time out, while memory lacks; whether it did. */
static bool doubt(omcache_t *mc, const char *key, size_t from)
{
    static struct told last;
    int64_t begun;

    memset(&last, 0, sizeof(last));
    assert_rc(omcache_async_get(mc, TEXT(key), 80, told_reply, &last), OMCACHE_OK);
    assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, 1), OMCACHE_AGAIN);
    memory_fail(from, 1);
    for (begun = clock_ms(); clock_ms() - begun < clock_allow(110);)
        omcache_io(mc, NULL, NULL, NULL, NULL, 5);
    ck_assert_uint_eq(last.calls, 1);
    assert_rc(last.status, OMCACHE_TIMEOUT);
    return memory_stop_failing();
}

/* A server in doubt that cannot be looked at is as good as before. */
START_TEST(doubts_may_lack_memory)
{
    bool failed = true;

    fleet_start(&fleet, DOUBTED);
    for (size_t from = 1; failed; from++) {
        size_t fds = flow_open_fds();
        omcache_t *mc = fixture_client(fleet.list);
        omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
        const char *key = key_of_first(mc);

        for (int i = 0; i < DOUBTED; i++)
            assert_rc(omcache_noop(mc, i, -1), OMCACHE_OK);
        memcached_pause(&fleet.servers[0]);
        failed = doubt(mc, key, from);
        memcached_resume(&fleet.servers[0]);
        assert_rc(omcache_get(mc, TEXT(key), NULL, NULL, NULL, NULL, -1), OMCACHE_NOT_FOUND);
        assert_rc(omcache_server_stats(mc, 0, &stats), OMCACHE_OK);
        ck_assert_uint_eq(stats.connects, 1);
        ck_assert_uint_eq(stats.failures, 0);
        omcache_free(mc);
        fixture_forget(mc);
        ck_assert_uint_eq(flow_open_fds(), fds);
        ck_assert_uint_eq(memory_alive, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *tcase = fixture_case(suite, "memory");

    tcase_add_loop_test(tcase, no_allocation_may_fail_badly, 0, 3);
    tcase_add_test(tcase, a_list_that_asks_for_tls_is_taken_or_the_lack_is_told);
    tcase_add_test(tcase, counters_are_made_or_the_lack_is_told);
    tcase_add_test(tcase, others_do_not_wait_for_ever_for_what_was_given_up);
    tcase_add_test(tcase, half_a_request_may_be_all_there_is_memory_for);
    tcase_add_test(tcase, doubts_may_lack_memory);
    return fixture_run(suite);
}
