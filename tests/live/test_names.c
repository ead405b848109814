/*
 * Servers that have names: finding them, following them when they move, and what
 * happens when the DNS servers are gone, silent or replaced.  How several addresses of
 * a name are tried is in test_names_addresses.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/dnsmasq.h"
#include "support/fixture.h"
#include "support/loopback.h"
#include "support/outage.h"
#include "support/recorder.h"
#include "support/unusable.h"
#include "support/wire.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT FLEET_PORT
#define NOBODY "127.0.0.1:1" /* where no DNS server is */

static struct dnsmasq dns;

/* Two servers with the same port; each says under the key "who" which one it is. */
static struct memcached here;
static struct memcached there;

static void mark(struct memcached *m)
{
    omcache_t *mc = fixture_client(m->address);
    const char *who = m == &here ? "here" : "there";
    assert_rc(omcache_set(mc, TEXT("who"), TEXT(who), 0, 0, 0, -1), OMCACHE_OK);
    fixture_forget(mc);
    assert_rc(omcache_free(mc), OMCACHE_OK);
}

static void start_here(void)
{
    memcached_start(&here, PORT);
    mark(&here);
}

static void start_there(void)
{
    char host[LOOPBACK_HOST_SIZE];
    memcached_start_at(&there, loopback_other_host(1, host), PORT);
    mark(&there);
}

/* Breaks its connections; the next one to be made finds it again.  (The library asks
 * if a connection is still there after a few idle milliseconds only.) */
static void restart(struct memcached *m)
{
    memcached_kill(m);
    clock_sleep(10);
    memcached_restart(m);
    mark(m);
}

/* "127.64.0.1 one.test", a static string. */
static const char *record(const struct memcached *m)
{
    static char text[64];
    snprintf(text, sizeof(text), "%s one.test", m->host);
    return text;
}

/* `client` becomes one of these servers, asks this DNS server and comes back soon. */
static void make_client(const char *servers, const char *dns_servers)
{
    client = impatient(servers, 10000, 400, 10000);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_set_dns_servers(client, dns_servers), OMCACHE_OK);
}

/* "one.test:21211", a static string. */
static const char *one(void)
{
    static char name[32];
    snprintf(name, sizeof(name), "one.test:%d", PORT);
    return name;
}

static void assert_logged(int level, const char *text)
{
    ck_assert_msg(recorder_has_line(level, text), "none of %zu log lines says '%s'",
                  recorder.line_count, text);
}

static void await_who(const char *expected)
{
    await_get("who", OMCACHE_OK, 50);
    assert_stored("who", expected);
}

/* Each name has a lookup of its own that is not answered. */
static void begin_lookups(const char *servers, int count)
{
    dnsmasq_start(&dns, "", NULL);
    make_client(servers, dns.address);
    dnsmasq_pause(&dns);
    for (int i = 0; i < count; i++) {
        assert_rc(omcache_noop(client, i, 0), OMCACHE_BUFFERED);
    }
}

static int open_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

/*
 * Finding them.
 */

START_TEST(a_name_is_found)
{
    start_here();
    dnsmasq_start(&dns, record(&here), NULL);
    make_client(one(), dns.address);
    assert_stored("who", "here");
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    ck_assert_msg(!recorder_has_line(4, "one.test"), "there is a warning: %s",
                  recorder.lines[0].text);
}
END_TEST

START_TEST(localhost_is_found_without_a_dns_server)
{
    struct memcached m;
    char name[32];
    memcached_start_at(&m, "127.0.0.1", loopback_free_port("127.0.0.1"));
    snprintf(name, sizeof(name), "localhost:%d", m.port);
    make_client(name, NOBODY);
    store("key", "value");
    assert_stored("key", "value");
}
END_TEST

START_TEST(servers_may_share_a_name)
{
    char list[64];
    struct memcached second;
    start_here();
    memcached_start(&second, PORT + 1);
    dnsmasq_start(&dns, record(&here), NULL);
    snprintf(list, sizeof(list), "one.test:%d,one.test:%d", PORT, PORT + 1);
    make_client(list, dns.address);
    const char *keys[] = {key_for(0), key_for(1)};
    const char *addresses[] = {here.address, second.address};
    for (int i = 0; i < 2; i++) {
        store(keys[i], "value");
        omcache_t *alone = fixture_client(addresses[i]);
        assert_rc(omcache_get(alone, TEXT(keys[i]), NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
        assert_rc(omcache_get(alone, TEXT(keys[1 - i]), NULL, NULL, NULL, NULL, -1),
                  OMCACHE_NOT_FOUND);
    }
}
END_TEST

/* Most of the addresses do not fit into an answer over UDP. */
START_TEST(an_answer_too_long_for_udp_is_fetched_over_tcp)
{
    char hosts[4096];
    size_t used = 0;
    start_here();
    for (int i = 1; i <= 50; i++) {
        used += (size_t)snprintf(hosts + used, sizeof(hosts) - used, "127.0.1.%d one.test\n", i);
    }
    snprintf(hosts + used, sizeof(hosts) - used, "%s", record(&here));
    dnsmasq_start(&dns, hosts, NULL);
    make_client(one(), dns.address);
    int64_t start = clock_ms();
    assert_stored("who", "here");
    assert_within(start, 1000);
}
END_TEST

static bool is_lookup(int fd)
{
    int type = 0;
    socklen_t len = sizeof(type);
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len), 0);
    return type == SOCK_DGRAM;
}

START_TEST(a_poll_loop_looks_up_names)
{
    omcache_req_t req;
    omcache_value_t value;
    size_t count = 1;
    size_t room = 0;
    int turns = 0;
    int lookups = 0;
    start_here();
    dnsmasq_start(&dns, record(&here), NULL);
    make_client(one(), dns.address);
    wire_request(&req, -1, WIRE_GETK, "who");
    assert_rc(omcache_command(client, &req, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    while (count > 0) {
        int nfds;
        int timeout;
        struct pollfd *fds = omcache_poll_fds(client, &nfds, &timeout);
        ck_assert_msg(nfds > 0 && timeout > 0 && timeout <= 10000, "%d fds for %d ms", nfds,
                      timeout);
        lookups += is_lookup(fds[0].fd);
        poll(fds, (nfds_t)nfds, timeout);
        room = 1;
        omcache_io(client, &req, &count, &value, &room, 0);
        ck_assert_msg(++turns < 50, "the loop spins");
    }
    ck_assert_uint_eq(room, 1);
    assert_rc(value.status, OMCACHE_OK);
    assert_text(value.data, value.data_len, "here");
    ck_assert_int_gt(lookups, 0);
    int nfds;
    int timeout;
    omcache_poll_fds(client, &nfds, &timeout);
    ck_assert_int_eq(nfds, 0);
}
END_TEST

/*
 * Following them.
 */

/* One of the records has two seconds to live, and they stand for one that has changed. */
START_TEST(a_name_is_looked_up_again_when_its_time_is_over)
{
    static const char *const options[] = {"--local-ttl=2", NULL};
    start_here();
    start_there();
    dnsmasq_start(&dns, record(&here), options);
    make_client(one(), dns.address);
    int64_t begun = clock_ms();
    assert_stored("who", "here");
    int64_t found = clock_ms();
    dnsmasq_set_hosts(&dns, record(&there));
    restart(&here);
    int rc = get("who");
    if (clock_ms() - begun < 1900) {
        assert_rc(rc, OMCACHE_OK);
        assert_stored("who", "here");
    }
    /* What is connected stays connected, whatever the name has become. */
    clock_sleep(found + 2100 - clock_ms());
    assert_stored("who", "here");
    restart(&here);
    assert_stored("who", "there");
    ck_assert_msg(!recorder_has_line(4, "down"), "it was down for a moment");
}
END_TEST

/* The record would live for a long time. */
START_TEST(a_name_is_looked_up_again_when_its_server_is_gone)
{
    static const char *const options[] = {"--local-ttl=3600", NULL};
    start_here();
    start_there();
    dnsmasq_start(&dns, record(&here), options);
    make_client(one(), dns.address);
    assert_stored("who", "here");
    dnsmasq_set_hosts(&dns, record(&there));
    clock_sleep(10);
    memcached_kill(&here);
    await_who("there");
}
END_TEST

START_TEST(a_name_that_does_not_exist_may_come_to_be)
{
    static const char *const options[] = {"--txt-record=one.test,words", NULL};
    start_here();
    dnsmasq_start(&dns, "", _i ? options : NULL);
    make_client(one(), dns.address);
    int64_t start = clock_ms();
    assert_rc(get("who"), OMCACHE_SERVER_FAILURE);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    assert_within(start, 300);
    assert_logged(4, one());
    assert_logged(4, _i ? "the name has no address" : "the name does not exist");
    dnsmasq_set_hosts(&dns, record(&here));
    await_who("here");
}
END_TEST

START_TEST(a_handle_may_start_with_no_name_known)
{
    char list[128];
    char hosts[256];
    start_here();
    snprintf(list, sizeof(list), "a.test:%d,b.test:%d,c.test:%d", PORT, PORT, PORT);
    make_client(list, dnsmasq_address());
    for (int i = 0; i < 3; i++) {
        assert_rc(omcache_noop(client, i, -1), OMCACHE_NO_SERVERS);
    }
    ck_assert_int_eq(index_of("who"), -1);
    assert_logged(4, "no DNS server gave an answer");
    snprintf(hosts, sizeof(hosts), "%s a.test b.test c.test", here.host);
    dnsmasq_start(&dns, hosts, NULL);
    for (int i = 0; i < 3; i++) {
        int rc = OMCACHE_NO_SERVERS;
        for (int tries = 0; tries < 50 && rc != OMCACHE_OK; tries++) {
            rc = omcache_noop(client, i, -1);
            clock_sleep(rc == OMCACHE_OK ? 0 : 100);
        }
        assert_rc(rc, OMCACHE_OK);
    }
    assert_stored("who", "here");
}
END_TEST

/*
 * Failing with them.
 */

START_TEST(names_that_cannot_be_looked_up_fail)
{
    patient_client("no.such.host.invalid");
    assert_rc(omcache_set_dns_servers(client, NOBODY), OMCACHE_OK);
    assert_unusable(200);
    assert_logged(4, "no.such.host.invalid");
}
END_TEST

START_TEST(a_name_among_servers_only_fails_itself)
{
    char list[400];
    fixture_servers(3);
    int failures = 0;
    snprintf(list, sizeof(list), "%s,no.such.host.invalid", fleet.list);
    assert_rc(omcache_set_dns_servers(client, NOBODY), OMCACHE_OK);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    for (int i = 0; i < 200; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i);
        int rc = omcache_set(client, TEXT(key), TEXT(key), 0, 0, 0, -1);
        ck_assert_msg(rc == OMCACHE_OK || rc == OMCACHE_SERVER_FAILURE, "set gave %s", rc_name(rc));
        failures += rc != OMCACHE_OK;
    }
    ck_assert_msg(failures <= 1, "%d sets failed", failures);
}
END_TEST

START_TEST(section_11_invalid_servers)
{
    char host[LOOPBACK_HOST_SIZE];
    char list[400];
    loopback_host(host);
    snprintf(list, sizeof(list), "%s:1,%s:2,no-such-host.invalid:11211", host, host);
    client = impatient(list, 10000, 10000, 10000);
    assert_rc(omcache_set_dns_servers(client, NOBODY), OMCACHE_OK);
    for (int i = 0; i < 3; i++) {
        int64_t start = clock_ms();
        assert_rc(omcache_noop(client, i, -1), OMCACHE_NO_SERVERS);
        assert_within(start, 2000);
    }
    int64_t start = clock_ms();
    assert_rc_either(get("key"), OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    assert_within(start, 2000);
}
END_TEST

/* A socket that takes queries, and that nobody reads. */
static const char *deaf_dns(int *fd)
{
    struct sockaddr_storage addr;
    socklen_t len;
    char host[LOOPBACK_HOST_SIZE];
    ck_assert(loopback_sockaddr(loopback_host(host), DNSMASQ_PORT, &addr, &len));
    *fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(*fd, (struct sockaddr *)&addr, len), 0);
    return dnsmasq_address();
}

START_TEST(a_silent_dns_server_costs_the_connect_timeout)
{
    int fd;
    make_client(one(), deaf_dns(&fd));
    assert_rc(omcache_set_connect_timeout(client, 300), OMCACHE_OK);
    assert_rc(omcache_set_reconnect_timeout(client, 10000), OMCACHE_OK);
    int64_t start = clock_ms();
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    assert_within(start, 50);
    assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 50), OMCACHE_AGAIN);
    ck_assert_msg(clock_ms() - start >= 45, "it did not wait");
    assert_within(start, 200);
    assert_rc(get("key"), OMCACHE_SERVER_FAILURE);
    ck_assert_msg(clock_ms() - start >= 290, "gave up after %lld ms",
                  (long long)(clock_ms() - start));
    assert_within(start, 1000);
    assert_logged(4, "name not found within the connect timeout");
    start = clock_ms();
    assert_rc(get("key"), OMCACHE_NO_SERVERS);
    assert_within(start, 50);
    close(fd);
}
END_TEST

START_TEST(a_silent_dns_server_holds_up_nobody_else)
{
    char list[96];
    int fd;
    start_here();
    snprintf(list, sizeof(list), "%s,%s", here.address, one());
    make_client(list, deaf_dns(&fd));
    assert_rc(omcache_set_connect_timeout(client, 300), OMCACHE_OK);
    const char *known = key_for(0);
    const char *unknown = key_for(1);
    assert_rc(omcache_set(client, TEXT(unknown), TEXT("moved"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    int64_t start = clock_ms();
    store(known, "value");
    assert_stored(known, "value");
    assert_within(start, 200);
    drain(client); /* what waited for the name goes to the next server */
    assert_stored(unknown, "moved");
    close(fd);
}
END_TEST

/*
 * DNS servers.
 */

static void set_dns_inside(void *context, int level, const char *text)
{
    (void)level;
    (void)text;
    *(int *)context = omcache_set_dns_servers(client, NOBODY);
}

START_TEST(dns_servers_are_checked)
{
    static const char *const bad[] = {"", "localhost", "127.0.0.1:0", "127.0.0.1:53,", "[::1]"};
    int inside = OMCACHE_OK;
    start_here();
    dnsmasq_start(&dns, record(&here), NULL);
    make_client(one(), dns.address);
    assert_rc(omcache_set_dns_servers(NULL, NOBODY), OMCACHE_INVALID);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int rc = omcache_set_dns_servers(client, bad[i]);
        ck_assert_msg(rc == OMCACHE_INVALID, "'%s' gave %s", bad[i], rc_name(rc));
    }
    assert_rc(omcache_set_log_callback(client, 7, set_dns_inside, &inside), OMCACHE_OK);
    assert_stored("who", "here"); /* from the server before */
    assert_rc(inside, OMCACHE_INVALID);
}
END_TEST

START_TEST(the_next_dns_server_is_asked)
{
    char list[64];
    start_here();
    dnsmasq_start(&dns, record(&here), NULL);
    snprintf(list, sizeof(list), "%s,%s", NOBODY, dns.address);
    make_client(one(), list);
    assert_stored("who", "here");
}
END_TEST

/* The list of them is copied, and what is connected stays. */
START_TEST(dns_servers_may_be_replaced)
{
    char list[] = "127.0.0.1:1";
    start_here();
    dnsmasq_start(&dns, record(&here), NULL);
    make_client(one(), dns.address);
    assert_stored("who", "here");
    assert_rc(omcache_set_dns_servers(client, list), OMCACHE_OK);
    memset(list, 'x', sizeof(list) - 1);
    assert_stored("who", "here");
    restart(&here);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    assert_logged(4, "no DNS server gave an answer");
    assert_rc(omcache_set_dns_servers(client, dns.address), OMCACHE_OK);
    await_who("here");
    /* The system's know nothing of it, and are not needed for this one. */
    assert_rc(omcache_set_dns_servers(client, NULL), OMCACHE_OK);
    assert_rc(omcache_set_servers(client, "localhost:1"), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    assert_logged(4, "localhost:1: down: Connection refused");
}
END_TEST

START_TEST(lookups_under_way_begin_again_at_other_dns_servers)
{
    int fd;
    start_here();
    make_client(one(), deaf_dns(&fd));
    assert_rc(omcache_get(client, TEXT("who"), NULL, NULL, NULL, NULL, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 20), OMCACHE_AGAIN);
    close(fd);
    dnsmasq_start(&dns, record(&here), NULL);
    int64_t start = clock_ms();
    assert_rc(omcache_set_dns_servers(client, dns.address), OMCACHE_OK);
    assert_stored("who", "here");
    assert_within(start, 500);
    ck_assert_msg(!recorder_has_line(4, ""), "there is a warning: %s", recorder.lines[0].text);
}
END_TEST

/*
 * Ending with them.
 */

START_TEST(lookups_under_way_end_with_their_servers_and_client)
{
    int before = open_fds();
    begin_lookups("a.test,b.test,c.test", 3);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 20), OMCACHE_AGAIN);
    if (_i == 1) {
        assert_rc(omcache_set_servers(client, "b.test"), OMCACHE_OK);
        assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 20), OMCACHE_AGAIN);
    } else if (_i == 2) {
        assert_rc(omcache_set_servers(client, ""), OMCACHE_OK);
        drain(client);
    } else if (_i == 3) {
        assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    }
    omcache_t *mc = client;
    fixture_forget(mc);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    dnsmasq_kill(&dns);
    ck_assert_int_eq(open_fds(), before);
}
END_TEST

START_TEST(answers_that_come_too_late_are_nobodys)
{
    begin_lookups("a.test,b.test", 2);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 20), OMCACHE_AGAIN);
    assert_rc(omcache_set_servers(client, "b.test,d.test"), OMCACHE_OK);
    dnsmasq_resume(&dns);
    assert_rc(omcache_noop(client, 1, -1), OMCACHE_NO_SERVERS);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    ck_assert_msg(!recorder_has_line(7, "a.test:11211: down"), "a.test is not there any more");
    assert_logged(4, "b.test:11211: down: the name does not exist");
    assert_logged(4, "d.test:11211: down: the name does not exist");
}
END_TEST

static void free_inside(void *context, int level, const char *text)
{
    (void)level;
    (void)text;
    int *freed = context;
    if (!(*freed)++) {
        omcache_free(client);
    }
}

START_TEST(a_client_may_be_freed_when_a_name_is_not_found)
{
    int before = open_fds();
    int freed = 0;
    begin_lookups("a.test,b.test,c.test", 3);
    assert_rc(omcache_set_log_callback(client, 7, free_inside, &freed), OMCACHE_OK);
    dnsmasq_resume(&dns);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, -1), OMCACHE_FAIL);
    fixture_forget(client);
    ck_assert_int_eq(freed, 1);
    dnsmasq_kill(&dns);
    ck_assert_int_eq(open_fds(), before);
}
END_TEST

/*
 * As text.
 */

START_TEST(names_are_sorted_among_addresses)
{
    static const char *const hosts[] = {"10.0.0.10", "10.0.0.2", "::1", "a", "b", "b", "b", "c"};
    static const int ports[] = {11211, 11211, 11211, 11211, 10, 2, 9, 11211};
    client = fixture_client("b:9,a:11211,[::1],c,b:10,b:2,10.0.0.2,10.0.0.10");
    for (int i = 0; i < 8; i++) {
        omcache_server_info_t *info = omcache_server_info(client, i);
        ck_assert_ptr_nonnull(info);
        ck_assert_str_eq(info->hostname, hosts[i]);
        ck_assert_int_eq(info->port, ports[i]);
        omcache_server_info_free(client, info);
    }
}
END_TEST

START_TEST(odd_names_fail_in_one_line_each)
{
    static const char *const lists[] = {"two\nlines", "two\r\nlines:11211", "a b", "a..b", "."};
    make_client(lists[_i], NOBODY);
    int64_t start = clock_ms();
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    assert_within(start, 50);
    assert_logged(4, "down: not a host name");
    for (size_t i = 0; i < recorder.line_count; i++) {
        ck_assert_msg(!strpbrk(recorder.lines[i].text, "\r\n"), "a message is '%s'",
                      printable(recorder.lines[i].text, strlen(recorder.lines[i].text)));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("names");
    TCase *tcase = fixture_case(suite, "names");
    tcase_add_checked_fixture(tcase, dnsmasq_configure_lookups, NULL);
    tcase_add_test(tcase, a_name_is_found);
    tcase_add_test(tcase, localhost_is_found_without_a_dns_server);
    tcase_add_test(tcase, servers_may_share_a_name);
    tcase_add_test(tcase, an_answer_too_long_for_udp_is_fetched_over_tcp);
    tcase_add_test(tcase, a_poll_loop_looks_up_names);
    tcase_add_test(tcase, a_name_is_looked_up_again_when_its_time_is_over);
    tcase_add_test(tcase, a_name_is_looked_up_again_when_its_server_is_gone);
    tcase_add_loop_test(tcase, a_name_that_does_not_exist_may_come_to_be, 0, 2);
    tcase_add_test(tcase, a_handle_may_start_with_no_name_known);
    tcase_add_test(tcase, names_that_cannot_be_looked_up_fail);
    tcase_add_test(tcase, a_name_among_servers_only_fails_itself);
    tcase_add_test(tcase, section_11_invalid_servers);
    tcase_add_test(tcase, a_silent_dns_server_costs_the_connect_timeout);
    tcase_add_test(tcase, a_silent_dns_server_holds_up_nobody_else);
    tcase_add_test(tcase, dns_servers_are_checked);
    tcase_add_test(tcase, the_next_dns_server_is_asked);
    tcase_add_test(tcase, dns_servers_may_be_replaced);
    tcase_add_test(tcase, lookups_under_way_begin_again_at_other_dns_servers);
    tcase_add_loop_test(tcase, lookups_under_way_end_with_their_servers_and_client, 0, 4);
    tcase_add_test(tcase, answers_that_come_too_late_are_nobodys);
    tcase_add_test(tcase, a_client_may_be_freed_when_a_name_is_not_found);
    tcase_add_test(tcase, names_are_sorted_among_addresses);
    tcase_add_loop_test(tcase, odd_names_fail_in_one_line_each, 0, 5);
    return fixture_run(suite);
}
