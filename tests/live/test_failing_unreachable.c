/*
 * Servers that cannot be used: they refuse, they are at impossible ports, or they do not
 * answer attempts to connect at all.  Names that cannot be looked up are in test_names.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/loopback.h"
#include "support/operations.h"
#include "support/outage.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/unusable.h"

#include <stdio.h>

static void assert_logged(const char *text)
{
    ck_assert_msg(recorder_has_line(4, text), "of %zu log lines no warning names %s",
                  recorder.line_count, text);
}

START_TEST(a_refusing_server_fails)
{
    patient_client(nobody());
    assert_unusable(2000);
    assert_logged(nobody());
}
END_TEST

START_TEST(noop_to_a_refusing_server_is_no_servers)
{
    patient_client(nobody());
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    assert_rc(omcache_noop(client, 0, 1000), OMCACHE_NO_SERVERS);
}
END_TEST

START_TEST(impossible_ports_fail)
{
    static const char *const servers[] = {"127.0.0.1:99999", "127.0.0.1:113333", "127.0.0.1:0",
                                          "127.0.0.1:nonsense"};
    patient_client(servers[_i]);
    assert_unusable(500);
    assert_logged(strchr(servers[_i], ':') + 1);
}
END_TEST

START_TEST(the_connect_timeout_ends_an_attempt)
{
    patient_client(peer_address(peer_start_unreachable(0)));
    assert_rc(omcache_set_connect_timeout(client, 200), OMCACHE_OK);
    int64_t start = clock_ms();
    assert_rc_either(get_patiently("key"), OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    ck_assert_msg(clock_ms() - start >= 190, "gave up after %lld ms",
                  (long long)(clock_ms() - start));
    assert_within(start, 1500);
}
END_TEST

START_TEST(the_callers_timeout_comes_first)
{
    patient_client(peer_address(peer_start_unreachable(0)));
    int64_t start = clock_ms();
    assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 100), OMCACHE_AGAIN);
    ck_assert_msg(clock_ms() - start >= 90, "gave up after %lld ms",
                  (long long)(clock_ms() - start));
    assert_within(start, 1000);
    start = clock_ms();
    assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_within(start, 50);
}
END_TEST

/*
 * Attempts that nobody answers, under the connect timeout that a client has at first, which
 * is longer than anybody waits.
 */

#define TIMEOUT 300 /* more than an attempt has before it is doubted */
#define AT_ONCE 200

/* Two servers and behind them, with index 2, one that cannot be reached; a key of its. */
static const char *blackhole_client(int failover)
{
    static char list[400];
    fleet_start(&fleet, 2);
    snprintf(list, sizeof(list), "%s,%s", fleet.list, peer_address(peer_start_unreachable(0)));
    client = fixture_client(list);
    assert_rc(omcache_set_failover(client, failover), OMCACHE_OK);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    for (int i = 0; i < 2; i++) {
        assert_rc(omcache_noop(client, i, -1), OMCACHE_OK);
    }
    return key_for(2);
}

static void assert_soon(const char *key, int expected)
{
    int64_t start = clock_ms();
    assert_rc(omcache_get(client, TEXT(key), NULL, NULL, NULL, NULL, TIMEOUT), expected);
    assert_within(start, AT_ONCE);
}

static void assert_state_is(int expected)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 2, &stats), OMCACHE_OK);
    ck_assert_int_eq(stats.state, expected);
    ck_assert_uint_eq(stats.failures, 0);
}

START_TEST(only_the_first_caller_pays)
{
    bool moves = _i == OMCACHE_FAILOVER_NEXT;
    const char *key = blackhole_client(_i);
    int64_t start = clock_ms();
    assert_rc(omcache_get(client, TEXT(key), NULL, NULL, NULL, NULL, TIMEOUT), OMCACHE_AGAIN);
    ck_assert_int_ge(clock_ms() - start, TIMEOUT - 5);
    for (int i = 0; i < 5; i++) {
        assert_soon(key, moves ? OMCACHE_NOT_FOUND : OMCACHE_NO_SERVERS);
        start = clock_ms();
        assert_rc(omcache_noop(client, 2, TIMEOUT), OMCACHE_NO_SERVERS);
        assert_within(start, AT_ONCE);
    }
    assert_state_is(OMCACHE_SERVER_DOWN);
    ck_assert(recorder_has_line(4, "no connection after"));
}
END_TEST

START_TEST(a_batch_that_was_waited_for_goes_on_elsewhere)
{
    omcache_req_t req;
    omcache_value_t value;
    const unsigned char *keys[1];
    size_t len;
    size_t count = 1;
    size_t room = 1;
    keys[0] = (const unsigned char *)blackhole_client(OMCACHE_FAILOVER_NEXT);
    len = strlen((const char *)keys[0]);
    assert_rc(omcache_get_multi(client, keys, &len, 1, &req, &count, &value, &room, TIMEOUT),
              OMCACHE_AGAIN);
    int64_t start = clock_ms();
    room = 1;
    assert_rc(omcache_io(client, &req, &count, &value, &room, TIMEOUT), OMCACHE_OK);
    assert_within(start, AT_ONCE);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(an_operation_that_timed_out_is_the_last_to)
{
    const char *key = blackhole_client(OMCACHE_FAILOVER_NEXT);
    watcher_init(&loop, client);
    assert_rc(omcache_async_get(client, TEXT(key), TIMEOUT, told_reply, &told[0]), OMCACHE_OK);
    watcher_run(&loop, &told_count, 1);
    assert_rc(told[0].status, OMCACHE_TIMEOUT);
    assert_state_is(OMCACHE_SERVER_DOWN);
    assert_rc(omcache_async_get(client, TEXT(key), 20000, told_reply, &told[0]), OMCACHE_OK);
    watcher_run(&loop, &told_count, 2);
    assert_rc(told[0].status, OMCACHE_NOT_FOUND);
    ck_assert_int_ne(told[0].server_index, 2);
}
END_TEST

/* Short timeouts say nothing of a server, nor do calls that do not wait. */
START_TEST(nobody_is_down_for_the_impatient)
{
    const char *key = blackhole_client(OMCACHE_FAILOVER_NEXT);
    int64_t start = clock_ms();
    assert_rc(omcache_get(client, TEXT(key), NULL, NULL, NULL, NULL, 1), OMCACHE_AGAIN);
    if (clock_ms() - start < 200) {
        assert_state_is(OMCACHE_SERVER_CONNECTING);
    }
    clock_sleep(TIMEOUT);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 0), OMCACHE_AGAIN);
    assert_state_is(OMCACHE_SERVER_CONNECTING);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failing_unreachable");
    TCase *tcase = fixture_case(suite, "unreachable");
    tcase_add_test(tcase, a_refusing_server_fails);
    tcase_add_test(tcase, noop_to_a_refusing_server_is_no_servers);
    tcase_add_loop_test(tcase, impossible_ports_fail, 0, 4);
    tcase_add_test(tcase, the_connect_timeout_ends_an_attempt);
    tcase_add_test(tcase, the_callers_timeout_comes_first);
    TCase *unanswered = operations_case(suite, "unanswered");
    tcase_add_loop_test(unanswered, only_the_first_caller_pays, OMCACHE_FAILOVER_NEXT,
                        OMCACHE_FAILOVER_NONE + 1);
    tcase_add_test(unanswered, a_batch_that_was_waited_for_goes_on_elsewhere);
    tcase_add_test(unanswered, an_operation_that_timed_out_is_the_last_to);
    tcase_add_test(unanswered, nobody_is_down_for_the_impatient);
    return fixture_run(suite);
}
