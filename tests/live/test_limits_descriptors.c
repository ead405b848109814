/*
 * Out of file descriptors: that is no fault of a server's.  Its keys do not go elsewhere,
 * it is not down, and requests fail with a code that says what is missing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/dnsmasq.h"
#include "support/fixture.h"
#include "support/outage.h"
#include "support/recorder.h"
#include "support/told.h"
#include "support/unusable.h"
#include "support/watcher.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define FAR 60000

static struct rlimit before;

/* From now on no descriptor can be had. */
static void use_up(void)
{
    struct rlimit none;
    int next = dup(0);
    ck_assert_int_ge(next, 0);
    close(next);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)next;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static void give_back(void)
{
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static size_t lines_of_errors(void)
{
    size_t count = 0;
    for (size_t i = 0; i < recorder.line_count && i < RECORDER_MAX; i++) {
        count += recorder.lines[i].level <= 4;
    }
    return count;
}

static void assert_nothing_noted(int server)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, server, &stats), OMCACHE_OK);
    ck_assert_int_eq(stats.state, OMCACHE_SERVER_IDLE);
    ck_assert_uint_eq(stats.failures, 0);
    ck_assert_int_eq(stats.last_failure, OMCACHE_FAILURE_NONE);
}

/* A client of three servers that only has a connection to the first. */
static void client_of_one(int failover)
{
    fleet_start(&fleet, 3);
    client = impatient(fleet.list, FAR, FAR, FAR);
    assert_rc(omcache_set_failover(client, failover), OMCACHE_OK);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    recorder_clear();
}

START_TEST(without_descriptors_requests_fail_and_nothing_moves)
{
    client_of_one(_i == 0 ? OMCACHE_FAILOVER_NEXT : OMCACHE_FAILOVER_NONE);
    const char *kept = key_for(0);
    const char *key = key_for(1);
    use_up();
    for (int i = 0; i < 5; i++) {
        assert_get(key, OMCACHE_NO_DESCRIPTORS, 1000);
        assert_rc(omcache_noop(client, 1, -1), OMCACHE_NO_DESCRIPTORS);
        assert_get(kept, OMCACHE_NOT_FOUND, 1000);
        ck_assert_int_eq(index_of(key), 1);
    }
    assert_nothing_noted(1);
    ck_assert_uint_eq(lines_of_errors(), 1);
    ck_assert(recorder_has_line(3, strerror(EMFILE)));
    give_back();
    store(key, "value");
    assert_stored(key, "value");
    ck_assert_int_eq(index_of(key), 1);
}
END_TEST

START_TEST(operations_and_collected_requests_say_so_too)
{
    struct told told = {.calls = 0};
    static struct watcher loop;
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    client_of_one(OMCACHE_FAILOVER_NEXT);
    const char *key = key_for(2);
    use_up();
    told_clear();
    assert_rc(omcache_set(client, TEXT(key), TEXT("value"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    drain(client);
    assert_rc(omcache_server_stats(client, 2, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.lost, 1);
    watcher_init(&loop, client);
    assert_rc(omcache_async_get(client, TEXT(key), -1, told_reply, &told), OMCACHE_OK);
    watcher_run(&loop, &told_count, 1);
    assert_rc(told.status, OMCACHE_NO_DESCRIPTORS);
    assert_nothing_noted(2);
    ck_assert_uint_eq(lines_of_errors(), 1);
    give_back();
    assert_rc(omcache_async_get(client, TEXT(key), -1, told_reply, &told), OMCACHE_OK);
    watcher_run(&loop, &told_count, 2);
    assert_rc(told.status, OMCACHE_NOT_FOUND);
    ck_assert_int_eq(told.server_index, 2);
}
END_TEST

/* It failed by itself before, which is remembered; but not that it could not be tried. */
START_TEST(a_server_that_is_down_is_not_blamed_for_it)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    client = impatient(nobody(), FAR, 50, FAR);
    assert_rc_either(get("key"), OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    use_up();
    for (int i = 0; i < 50; i++) {
        assert_get("key", OMCACHE_NO_SERVERS, 1000);
        clock_sleep(2);
    }
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.failures, 1);
    ck_assert_int_eq(stats.state, OMCACHE_SERVER_DOWN);
    give_back();
}
END_TEST

START_TEST(names_that_cannot_be_looked_up_fail_likewise)
{
    struct dnsmasq dns;
    char hosts[64];
    char list[64];
    if (!fixture_knows_names()) {
        return;
    }
    fleet_start(&fleet, 1);
    dnsmasq_configure_lookups();
    snprintf(hosts, sizeof(hosts), "%s one.test", fleet.servers[0].host);
    snprintf(list, sizeof(list), "one.test:%d", fleet.servers[0].port);
    dnsmasq_start(&dns, hosts, NULL);
    client = impatient(list, FAR, FAR, FAR);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_set_dns_servers(client, dns.address), OMCACHE_OK);
    use_up();
    for (int i = 0; i < 3; i++) {
        assert_get("key", OMCACHE_NO_DESCRIPTORS, 5000);
    }
    assert_nothing_noted(0);
    ck_assert_uint_eq(lines_of_errors(), 1);
    give_back();
    assert_get("key", OMCACHE_NOT_FOUND, 5000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits_descriptors");
    TCase *tcase = fixture_case(suite, "descriptors");
    tcase_add_loop_test(tcase, without_descriptors_requests_fail_and_nothing_moves, 0, 2);
    tcase_add_test(tcase, operations_and_collected_requests_say_so_too);
    tcase_add_test(tcase, a_server_that_is_down_is_not_blamed_for_it);
    tcase_add_test(tcase, names_that_cannot_be_looked_up_fail_likewise);
    return fixture_run(suite);
}
