/*
 * The counters of servers, each in a scenario where its value is known.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"
#include "support/plain_time.h"
#include "support/unusable.h"

#include <stdio.h>
#include <time.h>

static struct puppet puppet;
static omcache_server_stats_t stats;

static void look(int index)
{
    stats.struct_size = sizeof(stats);
    assert_rc(omcache_server_stats(client, index, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.struct_size, sizeof(stats));
    ck_assert_int_eq(stats.last_failure != OMCACHE_FAILURE_NONE, stats.failures > 0);
    uint64_t sum = 0;
    for (size_t i = 0; i < OMCACHE_LATENCY_BUCKETS; i++) {
        sum += stats.latency[i];
    }
    ck_assert_uint_eq(sum, stats.replies);
}

static void get(const char *key, size_t slot, int32_t timeout)
{
    assert_rc(omcache_async_get(client, TEXT(key), timeout, told_reply, &told[slot]), OMCACHE_OK);
}

/* A client of the puppet alone, whose first request has just reached it. */
static void ask_puppet(struct wire_request *request)
{
    puppet_open(&puppet, 0);
    client = fixture_client(puppet.address);
    watcher_init(&loop, client);
    get("a", 0, -1);
    puppet_greet(&puppet, &loop);
    take_request(&puppet, request);
}

START_TEST(everything_is_counted)
{
    ONLY_BINARY; /* it counts bytes */
    fixture_servers(1);
    watcher_init(&loop, client);
    look(0);
    ck_assert_uint_eq(stats.connects + stats.requests + stats.bytes_in + stats.bytes_out, 0);
    assert_rc(omcache_async_set(client, "a", 1, "value", 5, 0, 0, 0, -1, told_reply, &told[0]),
              OMCACHE_OK);
    look(0);
    ck_assert_uint_eq(stats.requests, 1);
    ck_assert_uint_eq(stats.outstanding, 1);
    ck_assert_uint_eq(stats.buffered, 24 + 8 + 1 + 5);
    for (size_t i = 1; i < 4; i++) {
        get("a", i, -1);
    }
    get("b", 4, -1);
    assert_rc(omcache_async_gat(client, "b", 1, 0, -1, told_reply, &told[5]), OMCACHE_OK);
    assert_rc(omcache_async_delete(client, "b", 1, -1, told_reply, &told[6]), OMCACHE_OK);
    watcher_run(&loop, &told_count, 7);
    look(0);
    ck_assert_uint_eq(stats.connects, 1);
    ck_assert_uint_eq(stats.requests, 7);
    ck_assert_uint_eq(stats.replies, 7);
    ck_assert_uint_eq(stats.hits, 3);
    ck_assert_uint_eq(stats.misses, 2);
    ck_assert_uint_eq(stats.timeouts + stats.failures + stats.lost, 0);
    ck_assert_uint_eq(stats.outstanding + stats.buffered, 0);
    /* The hello, a set, gets, a gat with extras, a delete. */
    ck_assert_uint_eq(stats.bytes_out, 24 + 38 + 4 * 25 + 29 + 25);
    ck_assert_uint_gt(stats.bytes_in, 192);
    /* Statistics are one answer, in many rows. */
    assert_rc(omcache_async_stat(client, NULL, 0, -1, told_reply, &told[7]), OMCACHE_OK);
    watcher_run(&loop, &told[7].ends, 1);
    look(0);
    ck_assert_uint_eq(stats.requests, 8);
    ck_assert_uint_eq(stats.replies, 8);
}
END_TEST

START_TEST(classic_calls_are_counted_too)
{
    fixture_servers(3);
    const char *key = key_for(1);
    store(key, "value");
    assert_stored(key, "value");
    assert_missing("none");
    uint64_t hits = 0;
    uint64_t misses = 0;
    for (int i = 0; i < 3; i++) {
        look(i);
        hits += stats.hits;
        misses += stats.misses;
        ck_assert_uint_eq(stats.requests, stats.replies);
    }
    ck_assert_uint_eq(hits, 1);
    ck_assert_uint_eq(misses, 1);
    /* Those that are answered by silence: a miss in a get_multi, a quiet set. */
    const unsigned char *keys[1] = {(const unsigned char *)key};
    size_t lens[1] = {strlen(key)};
    omcache_req_t req;
    omcache_value_t value;
    size_t count = 1;
    size_t room = 1;
    assert_rc(omcache_delete(client, TEXT(key), -1), OMCACHE_OK);
    look(1);
    uint64_t before = stats.requests;
    uint64_t missed = stats.misses;
    assert_rc(omcache_get_multi(client, keys, lens, 1, &req, &count, &value, &room, -1),
              OMCACHE_OK);
    assert_rc(omcache_set(client, TEXT(key), TEXT("v"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    drain(client);
    look(1);
    ck_assert_uint_eq(stats.requests, before + 2);
    ck_assert_uint_eq(stats.misses, missed + 1);
    ck_assert_uint_eq(stats.outstanding, 0);
}
END_TEST

START_TEST(a_fence_is_no_request)
{
    fixture_servers(1);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    watcher_init(&loop, client);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_async_set(client, "a", 1, "v", 1, 0, 0, 0, -1, NULL, NULL), OMCACHE_OK);
    watcher_turn(&loop, 0);
    look(0);
    ck_assert_uint_eq(stats.requests, 2);
    ck_assert_uint_eq(stats.outstanding, 1);
    memcached_resume(&fleet.servers[0]);
    drain(client);
    look(0);
    ck_assert_uint_eq(stats.outstanding, 0);
    ck_assert_uint_eq(stats.lost, 0);
}
END_TEST

/* Which is two over text, as there is no such counter. */
START_TEST(an_increment_counts_once)
{
    fixture_servers(1);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_TEXT), OMCACHE_OK);
    assert_rc(omcache_increment(client, TEXT("number"), 1, 1, 0, NULL, -1), OMCACHE_OK);
    look(0);
    ck_assert_uint_eq(stats.requests, 1);
    ck_assert_uint_eq(stats.replies, 1);
}
END_TEST

/* The value waits behind the hello, and goes to the next connection when this one is closed. */
START_TEST(a_request_that_moves_counts_once)
{
    struct wire_request request;
    forget_told();
    ask_puppet(&request);
    puppet_answer(&puppet, &request, 0, "a", 1);
    watcher_run(&loop, &told_count, 1);
    puppet_hang_up(&puppet, false);
    watcher_turn(&loop, 20);
    get("a", 1, -1);
    assert_rc(omcache_async_set(client, "b", 1, "b", 1, 0, 0, 0, -1, told_reply, &told[2]),
              OMCACHE_OK);
    puppet_accept(&puppet, &loop);
    take_request(&puppet, &request);
    take_request(&puppet, &request);
    puppet_hang_up(&puppet, false);
    puppet_greet(&puppet, &loop);
    take_request(&puppet, &request);
    puppet_answer(&puppet, &request, 0, NULL, 0);
    watcher_run(&loop, &told_count, 3);
    assert_rc(told[1].status, OMCACHE_SERVER_FAILURE);
    assert_rc(told[2].status, OMCACHE_OK);
    look(0);
    ck_assert_uint_eq(stats.requests, 3);
    ck_assert_uint_eq(stats.replies, 2);
    puppet_close(&puppet);
}
END_TEST

/* Looking costs the same, however much is under way. */
START_TEST(looking_does_not_take_longer_for_many)
{
    fixture_servers(1);
    assert_rc(omcache_set_send_buffer_max_size(client, 100000000), OMCACHE_OK);
    for (int i = 0; i < 300000; i++) {
        assert_rc(omcache_async_noop(client, 0, -1, NULL, NULL), OMCACHE_OK);
    }
    clock_t start = clock();
    for (int i = 0; i < 2000; i++) {
        look(0);
        ck_assert_uint_eq(stats.outstanding, 300000);
    }
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    ck_assert_msg(seconds < 0.4 * (double)clock_allow(1), "%.3f s for 2000", seconds);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
}
END_TEST

START_TEST(timeouts_and_failures_are_counted)
{
    fixture_servers(1);
    watcher_init(&loop, client);
    assert_rc(omcache_set_reconnect_timeout(client, 10), OMCACHE_OK);
    get("a", 0, -1);
    watcher_run(&loop, &told_count, 1);
    memcached_pause(&fleet.servers[0]);
    get("a", 1, 1);
    get("a", 2, 1);
    get("a", 3, -1);
    watcher_run(&loop, &told_count, 3);
    look(0);
    ck_assert_uint_eq(stats.timeouts, 2);
    ck_assert_uint_eq(stats.outstanding, 1);
    ck_assert_uint_eq(stats.failures, 0);
    memcached_kill(&fleet.servers[0]);
    watcher_run(&loop, &told_count, 4);
    look(0);
    ck_assert_uint_eq(stats.failures, 1);
    ck_assert_int_eq(stats.last_failure, OMCACHE_FAILURE_CONNECTION);
    ck_assert_uint_eq(stats.outstanding, 0);
    ck_assert_uint_eq(stats.replies, 1);
    get("a", 4, -1); /* cannot connect */
    watcher_run(&loop, &told_count, 5);
    look(0);
    ck_assert_uint_eq(stats.failures, 2);
    ck_assert_int_eq(stats.last_failure, OMCACHE_FAILURE_CONNECT);
    ck_assert_int_eq(stats.state, OMCACHE_SERVER_DOWN);
    memcached_restart(&fleet.servers[0]);
    for (int i = 0; i < 2000 && stats.state != OMCACHE_SERVER_READY; i++) {
        omcache_async_noop(client, 0, -1, NULL, NULL);
        watcher_turn(&loop, 2);
        look(0);
    }
    ck_assert_uint_eq(stats.connects, 2);
}
END_TEST

START_TEST(states_follow_a_life)
{
    struct wire_request request;
    puppet_open(&puppet, 0);
    client = fixture_client(puppet.address);
    watcher_init(&loop, client);
    look(0);
    ck_assert_int_eq(stats.state, OMCACHE_SERVER_IDLE);
    get("a", 0, -1);
    look(0);
    ck_assert_int_eq(stats.state, OMCACHE_SERVER_CONNECTING);
    puppet_accept(&puppet, &loop);
    take_request(&puppet, &request);
    look(0);
    ck_assert_int_eq(stats.state, OMCACHE_SERVER_CONNECTING);
    ck_assert_uint_eq(stats.connects, 0);
    puppet_answer(&puppet, &request, 0, NULL, 0);
    while (stats.state != OMCACHE_SERVER_READY) {
        watcher_turn(&loop, 1);
        look(0);
    }
    ck_assert_uint_eq(stats.connects, 1);
    ck_assert(puppet_next(&puppet, &request, 1000));
    puppet_answer(&puppet, &request, 1, NULL, 0);
    watcher_run(&loop, &told_count, 1);
    puppet_hang_up(&puppet, false);
    while (stats.state != OMCACHE_SERVER_IDLE) {
        watcher_turn(&loop, 1);
        look(0);
    }
    puppet_close(&puppet);
    get("a", 1, -1);
    watcher_run(&loop, &told_count, 2);
    look(0);
    ck_assert_int_eq(stats.state, OMCACHE_SERVER_DOWN);
    ck_assert_uint_eq(stats.failures, 2);
}
END_TEST

START_TEST(a_failure_is_told_by_its_stage)
{
    NOT_OVER_TLS;
    struct wire_request request;
    client = fixture_client("127.0.0.1:none");
    watcher_init(&loop, client);
    assert_rc(omcache_async_get(client, "a", 1, -1, told_reply, &told[0]), OMCACHE_NO_SERVERS);
    look(0);
    ck_assert_int_eq(stats.last_failure, OMCACHE_FAILURE_NAME);

    puppet_open(&puppet, 0);
    client = fixture_client(puppet.address);
    watcher_init(&loop, client);
    get("a", 1, -1);
    puppet_accept(&puppet, &loop);
    take_request(&puppet, &request);
    puppet_hang_up(&puppet, false);
    watcher_run(&loop, &told_count, 1);
    look(0);
    ck_assert_int_eq(stats.last_failure, OMCACHE_FAILURE_HANDSHAKE);
    puppet_close(&puppet);
}
END_TEST

START_TEST(answers_are_sorted_by_how_long_they_took)
{
    struct wire_request request;
    ask_puppet(&request);
    int64_t start = clock_ms();
    clock_sleep(40);
    puppet_answer(&puppet, &request, 1, NULL, 0);
    watcher_run(&loop, &told_count, 1);
    ck_assert_int_ge(clock_ms() - start, 40);
    look(0);
    ck_assert_uint_eq(stats.replies, 1);
    uint64_t late = 0;
    for (size_t i = 15; i < OMCACHE_LATENCY_BUCKETS; i++) { /* from 32.768 ms on */
        late += stats.latency[i];
    }
    ck_assert_uint_eq(late, 1);
    puppet_close(&puppet);
}
END_TEST

/* All answers that were counted in steps, and the first of those that have any. */
static uint64_t count_steps(int index, size_t *first)
{
    uint64_t counts[OMCACHE_LATENCY_STEPS];
    size_t count = OMCACHE_LATENCY_STEPS;
    uint64_t sum = 0;
    assert_rc(omcache_server_latency(client, index, counts, &count), OMCACHE_OK);
    ck_assert_uint_eq(count, OMCACHE_LATENCY_STEPS);
    for (size_t i = count; i-- > 0;) {
        sum += counts[i];
        *first = counts[i] > 0 ? i : *first;
    }
    return sum;
}

START_TEST(steps_are_narrow_and_have_no_gaps)
{
    ck_assert_uint_eq(omcache_latency_bound(0), 0);
    for (size_t i = 0; i < OMCACHE_LATENCY_STEPS; i++) {
        uint64_t from = omcache_latency_bound(i);
        uint64_t to = omcache_latency_bound(i + 1);
        ck_assert_uint_gt(to, from);
        ck_assert(to - from == 1 || (from >= 32 && (to - from) * 16 <= from));
    }
    ck_assert_uint_eq(omcache_latency_bound(OMCACHE_LATENCY_STEPS), UINT64_C(1) << 32);
    ck_assert_uint_eq(omcache_latency_bound(SIZE_MAX), UINT64_C(1) << 32);
}
END_TEST

START_TEST(answers_are_counted_in_steps_from_the_first_question_on)
{
    struct wire_request request;
    size_t step = 0;
    ask_puppet(&request);
    puppet_answer(&puppet, &request, 1, NULL, 0);
    watcher_run(&loop, &told_count, 1);
    ck_assert_uint_eq(count_steps(0, &step), 0);
    int64_t before = clock_ms();
    get("b", 1, -1);
    watcher_turn(&loop, 0);
    take_request(&puppet, &request);
    int64_t start = clock_ms();
    clock_sleep(40);
    puppet_answer(&puppet, &request, 1, NULL, 0);
    int64_t end = clock_ms();
    watcher_run(&loop, &told_count, 2);
    ck_assert_uint_eq(count_steps(0, &step), 1);
    ck_assert_uint_ge(omcache_latency_bound(step + 1), (uint64_t)(end - start - 1) * 1000);
    ck_assert_uint_le(omcache_latency_bound(step), (uint64_t)(clock_ms() - before + 1) * 1000);
    puppet_close(&puppet);
}
END_TEST

START_TEST(steps_are_for_who_asks_well)
{
    uint64_t counts[OMCACHE_LATENCY_STEPS + 1] = {[2] = 7, [OMCACHE_LATENCY_STEPS] = 8};
    size_t count = 2;
    fixture_servers(1);
    assert_rc(omcache_server_latency(NULL, 0, counts, &count), OMCACHE_INVALID);
    assert_rc(omcache_server_latency(client, 0, NULL, &count), OMCACHE_INVALID);
    assert_rc(omcache_server_latency(client, 0, counts, NULL), OMCACHE_INVALID);
    assert_rc(omcache_server_latency(client, 1, counts, &count), OMCACHE_NO_SERVERS);
    assert_rc(omcache_server_latency(client, -1, counts, &count), OMCACHE_NO_SERVERS);
    assert_rc(omcache_server_latency(client, 0, counts, &count), OMCACHE_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(counts[2], 7);
    count = SIZE_MAX;
    assert_rc(omcache_server_latency(client, 0, counts, &count), OMCACHE_OK);
    ck_assert_uint_eq(count, OMCACHE_LATENCY_STEPS);
    ck_assert_uint_eq(counts[2], 0);
    ck_assert_uint_eq(counts[OMCACHE_LATENCY_STEPS], 8);
}
END_TEST

START_TEST(a_size_says_what_the_caller_knows)
{
    static struct {
        omcache_server_stats_t stats;
        unsigned char behind[64];
    } larger;
    fixture_servers(1);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    memset(&larger, 0xaa, sizeof(larger));
    larger.stats.struct_size = sizeof(larger);
    assert_rc(omcache_server_stats(client, 0, &larger.stats), OMCACHE_OK);
    ck_assert_uint_eq(larger.stats.struct_size, sizeof(larger.stats));
    ck_assert_uint_eq(larger.stats.requests, 1);
    for (size_t i = 0; i < sizeof(larger.behind); i++) {
        ck_assert_uint_eq(larger.behind[i], 0xaa);
    }
    static const size_t wrong[] = {0, 1, 8, offsetof(omcache_server_stats_t, handshakes) - 1};
    for (size_t i = 0; i < 4; i++) {
        memset(&larger, 0xaa, sizeof(larger));
        larger.stats.struct_size = wrong[i];
        assert_rc(omcache_server_stats(client, 0, &larger.stats), OMCACHE_INVALID);
        ck_assert_int_eq(larger.behind[0], 0xaa);
        ck_assert_uint_eq(larger.stats.requests, 0xaaaaaaaaaaaaaaaaULL);
    }
    stats.struct_size = sizeof(stats);
    assert_rc(omcache_server_stats(NULL, 0, &stats), OMCACHE_INVALID);
    assert_rc(omcache_server_stats(client, 0, NULL), OMCACHE_INVALID);
    assert_rc(omcache_server_stats(client, 1, &stats), OMCACHE_NO_SERVERS);
    assert_rc(omcache_server_stats(client, -1, &stats), OMCACHE_NO_SERVERS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server_stats");
    TCase *tcase = operations_case(suite, "stats");
    tcase_add_test(tcase, everything_is_counted);
    tcase_add_test(tcase, classic_calls_are_counted_too);
    tcase_add_test(tcase, a_fence_is_no_request);
    tcase_add_test(tcase, an_increment_counts_once);
    tcase_add_test(tcase, a_request_that_moves_counts_once);
    tcase_add_test(tcase, looking_does_not_take_longer_for_many);
    tcase_add_test(tcase, timeouts_and_failures_are_counted);
    tcase_add_test(tcase, a_failure_is_told_by_its_stage);
    tcase_add_test(tcase, states_follow_a_life);
    tcase_add_test(tcase, answers_are_sorted_by_how_long_they_took);
    tcase_add_test(tcase, steps_are_narrow_and_have_no_gaps);
    tcase_add_test(tcase, answers_are_counted_in_steps_from_the_first_question_on);
    tcase_add_test(tcase, steps_are_for_who_asks_well);
    tcase_add_test(tcase, a_size_says_what_the_caller_knows);
    return fixture_run(suite);
}
