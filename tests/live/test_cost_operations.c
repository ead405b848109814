/*
 * A hundred thousand operations at once: what each costs in memory, and that their
 * deadlines cost little time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define MANY 100000

static unsigned char calls_of[MANY];
static size_t many = MANY; /* or fewer where all is slow */
static size_t many_told;

static void count_one(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    unsigned char *calls = context;
    (void)mc;
    (void)reply;
    ck_assert_uint_eq(*calls, 0);
    ++*calls;
    many_told++;
}

/* How long it takes that so many operations run out of time, in milliseconds. */
static int64_t let_time_out(size_t count)
{
    int64_t start = clock_ms();
    many_told = 0;
    memset(calls_of, 0, sizeof(calls_of));
    for (size_t i = 0; i < count; i++) {
        char key[32];
        snprintf(key, sizeof(key), "key-%zu", i);
        assert_rc(omcache_async_get(client, TEXT(key), rand() % 100, count_one, &calls_of[i]),
                  OMCACHE_OK);
    }
    watcher_run(&loop, &many_told, count);
    return clock_ms() - start;
}

START_TEST(a_hundred_thousand_operations_complete_once_each)
{
    connected_servers(3);
    assert_rc(omcache_set_send_buffer_max_size(client, (size_t)100 << 20), OMCACHE_OK);
    memset(calls_of, 0, sizeof(calls_of));
    struct mallinfo2 before = mallinfo2();
    for (size_t i = 0; i < many; i++) {
        char key[32];
        int32_t timeout = rand() % 3 == 0 ? -1 : rand() % 500;
        snprintf(key, sizeof(key), "key-%zu", i);
        assert_rc(omcache_async_get(client, TEXT(key), timeout, count_one, &calls_of[i]),
                  OMCACHE_OK);
    }
    struct mallinfo2 after = mallinfo2();
    printf("%.0f bytes for each of %zu outstanding gets of 9 byte keys\n",
           (double)(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / (double)many,
           many);
    many_told = 0;
    ck_assert_int_ne(omcache_next_timeout(client), -1);
    watcher_run(&loop, &many_told, many);
    drain(client);
    ck_assert_uint_eq(many_told, many);
    after = mallinfo2();
    ck_assert_uint_lt(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd + 1000000);
}
END_TEST

START_TEST(deadlines_of_many_operations_cost_little)
{
    connected_servers(1);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_set_send_buffer_max_size(client, (size_t)100 << 20), OMCACHE_OK);
    assert_rc(omcache_set_dead_timeout(client, 60000), OMCACHE_OK);
    int64_t tenth = let_time_out(many / 10);
    int64_t whole = let_time_out(many);
    printf("%zu operations timed out within %lld ms, ten times as many within %lld ms\n", many / 10,
           (long long)tenth, (long long)whole);
    /* With a list in place of a heap it would take minutes. */
    ck_assert_int_lt(whole, 20 * tenth + clock_allow(2000));
    int64_t start = clock_ms();
    omcache_t *mc = client;
    fixture_forget(mc);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    ck_assert_int_lt(clock_ms() - start, clock_allow(2000));
}
END_TEST

int main(void)
{
    many = clock_is_slow() ? MANY / 10 : MANY;
    Suite *suite = suite_create("cost_operations");
    TCase *tcase = fixture_case(suite, "many");
    tcase_add_test(tcase, a_hundred_thousand_operations_complete_once_each);
    tcase_add_test(tcase, deadlines_of_many_operations_cost_little);
    return fixture_run(suite);
}
