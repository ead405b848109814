/*
 * Names with several addresses: all are tried, the first to connect is used, and what
 * was learned of them is remembered.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/dnsmasq.h"
#include "support/fixture.h"
#include "support/loopback.h"
#include "support/outage.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#define PORT PEER_PORT /* of peers at the own address, and of memcached at others */
#define HEAD_START_MS 250

static struct dnsmasq dns;
static struct memcached m;

/* The server that works is not at the own address, where something else may be. */
static void start_elsewhere(void)
{
    char host[LOOPBACK_HOST_SIZE];
    memcached_start_at(&m, loopback_other_host(1, host), PORT);
}

/* The client of "one.test", which stands for these addresses in this order. */
static void name_addresses(const char *first, const char *second)
{
    static const char *const options[] = {"--no-round-robin", NULL};
    char hosts[160];
    char name[32];
    snprintf(hosts, sizeof(hosts), "%s one.test\n%s one.test", first, second);
    snprintf(name, sizeof(name), "one.test:%d", PORT);
    dnsmasq_start(&dns, hosts, options);
    client = impatient(name, 10000, 400, 10000);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_set_dns_servers(client, dns.address), OMCACHE_OK);
}

/* The own address comes first, then the other's. */
static void name_both(void)
{
    char host[LOOPBACK_HOST_SIZE];
    name_addresses(loopback_host(host), m.host);
}

/* A no-op that connects; how long it took. */
static int64_t noop_time(void)
{
    int64_t start = clock_ms();
    int rc = omcache_noop(client, 0, -1);
    ck_assert_msg(rc == OMCACHE_OK, "a no-op gave %s; the last of the log is '%s'", rc_name(rc),
                  recorder.line_count ? recorder.lines[recorder.line_count - 1].text : "");
    return clock_ms() - start;
}

static void assert_quick(void)
{
    int64_t took = noop_time();
    ck_assert_msg(took < clock_allow(HEAD_START_MS - 50), "took %lld ms", (long long)took);
}

/* (The library asks if a connection is still there after a few idle milliseconds only.) */
static void break_connection(void)
{
    memcached_kill(&m);
    clock_sleep(10);
    memcached_restart(&m);
}

/* How many of our sockets are in this state of TCP. */
static int sockets_in(int state)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        struct tcp_info info = {0};
        socklen_t len = sizeof(info);
        count +=
            getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == state;
    }
    return count;
}

START_TEST(a_dead_address_costs_nothing)
{
    char dead[LOOPBACK_HOST_SIZE];
    start_elsewhere();
    loopback_host(dead);
    if (_i == 0) {
        name_addresses(dead, m.host);
    } else {
        name_addresses(m.host, dead);
    }
    assert_quick();
    store("key", "value");
    assert_stored("key", "value");
    ck_assert_msg(!recorder_has_line(4, "one.test"), "there is a warning: %s",
                  recorder.lines[0].text);
}
END_TEST

/* A listener that lets nobody in looks as an address that drops packets. */
START_TEST(a_silent_address_costs_its_head_start)
{
    start_elsewhere();
    peer_start_unreachable(0);
    name_both();
    int before = sockets_in(TCP_SYN_SENT);
    int64_t start = clock_ms();
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 100), OMCACHE_AGAIN);
    ck_assert_int_eq(sockets_in(TCP_SYN_SENT), before + 1);
    drain(client);
    ck_assert_msg(clock_ms() - start >= HEAD_START_MS - 5, "the second was tried after %lld ms",
                  (long long)(clock_ms() - start));
    assert_within(start, HEAD_START_MS + 250);
    /* The loser is closed. */
    ck_assert_int_eq(sockets_in(TCP_SYN_SENT), before);
    /* The winner is remembered, and comes first. */
    break_connection();
    assert_quick();
    ck_assert_msg(!recorder_has_line(4, "down"), "it was down for a moment");
}
END_TEST

/* It lets nobody in until the second has been tried, which refuses. */
START_TEST(the_first_may_still_win)
{
    char host[LOOPBACK_HOST_SIZE];
    char other[LOOPBACK_HOST_SIZE];
    peer_start_unreachable(0);
    name_addresses(loopback_host(host), loopback_other_host(1, other));
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    /* Nobody waits in vain, which would be held against it. */
    for (int64_t end = clock_ms() + HEAD_START_MS + 100; clock_ms() < end; clock_sleep(10)) {
        assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 0), OMCACHE_AGAIN);
    }
    peer_stop_all();
    struct peer *peer = peer_start(0, wire_serve, NULL);
    drain(client); /* the kernel asks again after a second */
    ck_assert_uint_eq(peer_connections(peer), 1);
    ck_assert_msg(!recorder_has_line(4, "down"), "it was down for a moment");
}
END_TEST

START_TEST(if_all_are_silent_the_connect_timeout_ends_it)
{
    char host[LOOPBACK_HOST_SIZE];
    peer_start_unreachable(0);
    name_addresses(loopback_host(host), host); /* twice is once */
    assert_rc(omcache_set_connect_timeout(client, 400), OMCACHE_OK);
    int before = sockets_in(TCP_SYN_SENT);
    int64_t start = clock_ms();
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    ck_assert_msg(clock_ms() - start >= 390, "gave up after %lld ms",
                  (long long)(clock_ms() - start));
    assert_within(start, 700);
    ck_assert_int_eq(sockets_in(TCP_SYN_SENT), before);
}
END_TEST

START_TEST(if_all_refuse_it_is_down_at_once)
{
    char host[LOOPBACK_HOST_SIZE];
    char other[LOOPBACK_HOST_SIZE];
    name_addresses(loopback_host(host), loopback_other_host(1, other));
    int64_t start = clock_ms();
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    assert_within(start, HEAD_START_MS - 50);
    ck_assert(recorder_has_line(4, "down: Connection refused"));
}
END_TEST

/*
 * An address where something else is.
 */

static void be_a_web_server(struct peer *peer, void *context)
{
    unsigned char bytes[WIRE_HEADER];
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    (void)context;
    peer_read(peer, bytes, sizeof(bytes));
    peer_send(peer, answer, sizeof(answer) - 1);
}

static void say_nothing(struct peer *peer, void *context)
{
    (void)context;
    peer_drain(peer);
}

static void hang_up(struct peer *peer, void *context)
{
    (void)peer;
    (void)context;
}

START_TEST(where_something_else_is_comes_last_the_next_time)
{
    static peer_script *const scripts[] = {be_a_web_server, say_nothing, hang_up};
    start_elsewhere();
    struct peer *peer = peer_start(0, scripts[_i], NULL);
    name_both();
    assert_rc(omcache_set_dead_timeout(client, 200), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    ck_assert_uint_eq(peer_connections(peer), 1);
    int rc = OMCACHE_NO_SERVERS;
    for (int i = 0; i < 50 && rc != OMCACHE_OK; i++) {
        clock_sleep(20);
        rc = omcache_noop(client, 0, -1);
    }
    assert_rc(rc, OMCACHE_OK);
    break_connection();
    assert_quick();
    ck_assert_uint_eq(peer_connections(peer), 1);
}
END_TEST

/*
 * Families.
 */

/* A port that is free at both, or -1 if there is no IPv6. */
static int port_of_both(const char *host)
{
    for (int i = 0; i < 20; i++) {
        int port = loopback_free_port("::1");
        int fd = port < 0 ? -1 : loopback_listen(host, port, 1);
        if (fd >= 0) {
            close(fd);
            return port;
        }
    }
    printf("skipped %s: no IPv6 loopback: %s\n", "both_families_are_tried", strerror(errno));
    return -1;
}

/* The server is at one of them, the other one refuses. */
START_TEST(both_families_are_tried)
{
    char host[LOOPBACK_HOST_SIZE];
    char hosts[96];
    char name[32];
    int port = port_of_both(loopback_host(host));
    if (port < 0) {
        return;
    }
    memcached_start_at(&m, _i ? "::1" : host, port);
    snprintf(hosts, sizeof(hosts), "::1 one.test\n%s one.test", host);
    snprintf(name, sizeof(name), "one.test:%d", port);
    dnsmasq_start(&dns, hosts, NULL);
    client = fixture_client(name);
    assert_rc(omcache_set_dns_servers(client, dns.address), OMCACHE_OK);
    assert_quick();
    store("key", "value");
    assert_stored("key", "value");
}
END_TEST

START_TEST(a_name_may_have_one_family_only)
{
    char host[LOOPBACK_HOST_SIZE];
    char hosts[64];
    char name[32];
    int port = port_of_both(loopback_host(host));
    if (port < 0) {
        return;
    }
    memcached_start_at(&m, "::1", port);
    snprintf(hosts, sizeof(hosts), "::1 one.test");
    snprintf(name, sizeof(name), "one.test:%d", port);
    dnsmasq_start(&dns, hosts, NULL);
    client = fixture_client(name);
    assert_rc(omcache_set_dns_servers(client, dns.address), OMCACHE_OK);
    assert_quick();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("names_addresses");
    TCase *tcase = fixture_case(suite, "addresses");
    tcase_add_checked_fixture(tcase, dnsmasq_configure_lookups, NULL);
    tcase_add_loop_test(tcase, a_dead_address_costs_nothing, 0, 2);
    tcase_add_test(tcase, a_silent_address_costs_its_head_start);
    tcase_add_test(tcase, the_first_may_still_win);
    tcase_add_test(tcase, if_all_are_silent_the_connect_timeout_ends_it);
    tcase_add_test(tcase, if_all_refuse_it_is_down_at_once);
    tcase_add_loop_test(tcase, where_something_else_is_comes_last_the_next_time, 0, 3);
    tcase_add_loop_test(tcase, both_families_are_tried, 0, 2);
    tcase_add_test(tcase, a_name_may_have_one_family_only);
    return fixture_run(suite);
}
