/*
 * Looking up names in an application's event loop.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/dnsmasq.h"
#include "support/loopback.h"
#include "support/operations.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT FLEET_PORT

/* A name server that never answers: its client's descriptors are the loop's, too. */
START_TEST(descriptors_of_lookups_are_told)
{
    char host[LOOPBACK_HOST_SIZE];
    char address[40];
    struct sockaddr_storage addr;
    socklen_t len;
    int silent = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert(loopback_sockaddr(loopback_host(host), PORT, &addr, &len));
    ck_assert_int_eq(bind(silent, (struct sockaddr *)&addr, len), 0);
    snprintf(address, sizeof(address), "%s:%d", host, PORT);
    client = fixture_client("");
    watcher_init(&loop, client);
    assert_rc(omcache_set_servers(client, "some.name.test"), OMCACHE_OK);
    assert_rc(omcache_set_dns_servers(client, address), OMCACHE_OK);
    assert_rc(omcache_set_connect_timeout(client, 100), OMCACHE_OK);
    assert_rc(omcache_async_get(client, TEXT("key"), -1, told_reply, &told[0]), OMCACHE_OK);
    ck_assert_uint_ge(loop.count, 1);
    ck_assert_int_ne(omcache_next_timeout(client), -1);
    if (_i == 0) {
        watcher_run(&loop, &told_count, 1);
    }
    omcache_t *mc = client;
    fixture_forget(mc);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    assert_rc(told[0].status, _i == 0 ? OMCACHE_SERVER_FAILURE : OMCACHE_CANCELLED);
    ck_assert_uint_eq(loop.count, 0);
    ck_assert_uint_eq(told_count, 1);
    close(silent);
}
END_TEST

/* Its loop comes late, and looks at its timers first: what the name server has said long ago
 * counts. */
START_TEST(a_name_that_was_found_long_ago_is_no_failure)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    struct dnsmasq dns;
    char record[64];
    char list[32];
    char host[LOOPBACK_HOST_SIZE];
    snprintf(record, sizeof(record), "%s late.test\n", loopback_host(host));
    snprintf(list, sizeof(list), "late.test:%d", PORT);
    dnsmasq_configure_lookups();
    dnsmasq_start(&dns, record, NULL);
    fleet_start(&fleet, 1);
    client = fixture_client(list);
    watcher_init(&loop, client);
    assert_rc(omcache_set_dns_servers(client, dnsmasq_address()), OMCACHE_OK);
    assert_rc(omcache_set_connect_timeout(client, _i == 0 ? 200 : 5000), OMCACHE_OK);
    assert_rc(omcache_async_get(client, TEXT("key"), 200, told_reply, &told[0]), OMCACHE_OK);
    assert_rc(omcache_async_get(client, TEXT("key"), -1, told_reply, &told[1]), OMCACHE_OK);
    clock_sleep(400);
    assert_rc(omcache_process_timeouts(client), OMCACHE_OK);
    watcher_run(&loop, &told[1].calls, 1);
    assert_rc(told[0].status, OMCACHE_TIMEOUT);
    assert_rc(told[1].status, OMCACHE_NOT_FOUND);
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.failures, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("names in a loop");
    TCase *tcase = operations_case(suite, "names");

    tcase_add_loop_test(tcase, descriptors_of_lookups_are_told, 0, 2);
    tcase_add_loop_test(tcase, a_name_that_was_found_long_ago_is_no_failure, 0, 2);
    return fixture_run(suite);
}
