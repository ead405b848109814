/*
 * Servers that cannot be used: refused, unreachable, at impossible ports.  Names that
 * cannot be looked up are in test_names.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/loopback.h"
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

int main(void)
{
    Suite *suite = suite_create("failing_unreachable");
    TCase *tcase = fixture_case(suite, "failure");
    tcase_add_test(tcase, a_refusing_server_fails);
    tcase_add_test(tcase, noop_to_a_refusing_server_is_no_servers);
    tcase_add_loop_test(tcase, impossible_ports_fail, 0, 4);
    tcase_add_test(tcase, the_connect_timeout_ends_an_attempt);
    tcase_add_test(tcase, the_callers_timeout_comes_first);
    return fixture_run(suite);
}
