/*
 * Servers on unix sockets and at IPv6 addresses.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/child.h"
#include "support/fixture.h"
#include "support/loopback.h"
#include "support/outage.h"
#include "support/recorder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FILLERS_MAX 64

static char path[32];

static void remove_socket(void)
{
    unlink(path);
}

static void name_socket(void)
{
    snprintf(path, sizeof(path), "/tmp/omc-sock-%d.sock", (int)getpid());
}

/* Milliseconds of the processor's time that this process has used. */
static int64_t cpu_ms(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/*
 * A full queue.
 */

static int knock(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    if (connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0) {
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* A memcached with room for few connections that it has not accepted yet. */
static pid_t start_narrow(void)
{
    const char *argv[] = {"memcached", "-s", path, "-b", "2", "-u", "root", NULL};
    int fd = -1;
    if (geteuid() != 0) {
        argv[5] = NULL;
    }
    pid_t pid = child_start(argv);
    int64_t deadline = clock_ms() + clock_allow(20000);
    while ((fd = knock()) < 0) {
        ck_assert_msg(clock_ms() < deadline, "memcached at %s does not accept", path);
        clock_sleep(1);
    }
    close(fd);
    return pid;
}

/* Suspends it and takes all the room. */
static void fill_queue(pid_t pid)
{
    int status;
    ck_assert_int_eq(kill(pid, SIGSTOP), 0);
    ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
    for (int i = 0; i < FILLERS_MAX; i++) {
        if (knock() < 0) { /* those that are open stay so until this process ends */
            ck_assert_int_eq(errno, EAGAIN);
            return;
        }
    }
    ck_abort_msg("the queue does not fill");
}

START_TEST(a_full_socket_is_connected_to_when_there_is_room)
{
    NOT_OVER_TLS;
    pid_t pid = start_narrow();
    fill_queue(pid);
    client = fixture_client(path);
    int64_t cpu = cpu_ms();
    int64_t start = clock_ms();
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    assert_within(start, 50);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 300), OMCACHE_AGAIN);
    ck_assert_msg(clock_ms() - start >= 290, "it did not wait");
    ck_assert_msg(cpu_ms() - cpu < clock_allow(150), "it span for %lld ms",
                  (long long)(cpu_ms() - cpu));
    assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 0), OMCACHE_BUFFERED);
    ck_assert_int_eq(kill(pid, SIGCONT), 0);
    start = clock_ms();
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_within(start, 200);
    store("key", "value");
    assert_stored("key", "value");
}
END_TEST

START_TEST(a_socket_that_stays_full_costs_the_connect_timeout)
{
    NOT_OVER_TLS;
    pid_t pid = start_narrow();
    fill_queue(pid);
    client = impatient(path, 200, 200, 10000);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    int64_t start = clock_ms();
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    ck_assert_msg(clock_ms() - start >= 190, "gave up after %lld ms",
                  (long long)(clock_ms() - start));
    assert_within(start, 600);
    ck_assert(recorder_has_line(4, "down: connect timeout"));
    ck_assert_int_eq(kill(pid, SIGCONT), 0);
    await_get("key", OMCACHE_NOT_FOUND, 30);
}
END_TEST

/*
 * Paths.
 */

START_TEST(a_path_where_nothing_is_may_become_a_server)
{
    NOT_OVER_TLS;
    struct memcached m;
    client = impatient(path, 10000, 200, 10000);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    int64_t start = clock_ms();
    assert_rc(get("key"), OMCACHE_NO_SERVERS);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    assert_within(start, 100);
    ck_assert(recorder_has_line(4, "down: No such file or directory"));
    memcached_start_socket(&m, path);
    await_get("key", OMCACHE_NOT_FOUND, 30);
    store("key", "value");
    assert_stored("key", "value");
}
END_TEST

/* One that nobody listens to any more, and a file that is no socket. */
START_TEST(a_path_of_something_else_fails)
{
    NOT_OVER_TLS;
    if (_i == 0) {
        struct memcached m;
        memcached_start_socket(&m, path);
        memcached_kill(&m);
    } else {
        FILE *file = fopen(path, "w");
        ck_assert_ptr_nonnull(file);
        fclose(file);
    }
    client = fixture_client(path);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    int64_t start = clock_ms();
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    assert_within(start, 100);
    ck_assert(recorder_has_line(4, "down: Connection refused"));
}
END_TEST

/*
 * IPv6.
 */

static bool has_ipv6(const char *test)
{
    if (loopback_free_port("::1") >= 0) {
        return true;
    }
    printf("skipped %s: no IPv6 loopback: %s\n", test, strerror(errno));
    return false;
}

static void assert_works(const char *server)
{
    client = fixture_client(server);
    int rc = omcache_noop(client, 0, -1);
    ck_assert_msg(rc == OMCACHE_OK, "a no-op to %s gave %s", server, rc_name(rc));
    store("key", "value");
    assert_stored("key", "value");
}

START_TEST(ipv6_servers_have_brackets_and_a_port)
{
    struct memcached m;
    char list[64];
    if (!has_ipv6("ipv6_servers_have_brackets_and_a_port")) {
        return;
    }
    memcached_start_at(&m, "::1", loopback_free_port("::1"));
    snprintf(list, sizeof(list), "[::1]:%d", m.port);
    assert_works(list);
    snprintf(list, sizeof(list), "[0:0::0:1]:%d/?3", m.port);
    assert_works(list);
}
END_TEST

/* Without a port it is 11211, which only an address of our own has free: the kernel
 * connects an IPv6 socket to an IPv4 server, too. */
START_TEST(ipv6_servers_without_a_port_need_no_brackets)
{
    struct memcached m;
    char list[64];
    if (!has_ipv6("ipv6_servers_without_a_port_need_no_brackets")) {
        return;
    }
    memcached_start(&m, 11211);
    snprintf(list, sizeof(list), _i ? "[::ffff:%s]" : "::ffff:%s", m.host);
    assert_works(list);
}
END_TEST

/* The first link-local address of an interface that is up, as "fe80::1%eth0". */
static bool find_link_local(char *host, size_t size)
{
    struct ifaddrs *all = NULL;
    bool found = false;
    ck_assert_int_eq(getifaddrs(&all), 0);
    for (const struct ifaddrs *one = all; one && !found; one = one->ifa_next) {
        const struct sockaddr_in6 *addr = (const void *)one->ifa_addr;
        char text[INET6_ADDRSTRLEN];
        if (!addr || addr->sin6_family != AF_INET6 || !(one->ifa_flags & IFF_UP) ||
            !IN6_IS_ADDR_LINKLOCAL(&addr->sin6_addr)) {
            continue;
        }
        inet_ntop(AF_INET6, &addr->sin6_addr, text, sizeof(text));
        snprintf(host, size, "%s%%%s", text, one->ifa_name);
        found = true;
    }
    freeifaddrs(all);
    return found;
}

START_TEST(link_local_servers_have_a_scope)
{
    NOT_OVER_TLS;
    char host[64];
    char port[8];
    char list[80];
    /* That a scope is read shows tests/unit/test_address.c on any machine. */
    if (!has_ipv6("link_local_servers_have_a_scope") || !find_link_local(host, sizeof(host))) {
        return;
    }
    snprintf(port, sizeof(port), "%d", loopback_free_port("::1"));
    const char *argv[] = {"memcached", "-l", host, "-p", port, "-U", "0", "-u", "root", NULL};
    if (geteuid() != 0) {
        argv[7] = NULL;
    }
    child_start(argv);
    snprintf(list, sizeof(list), "[%s]:%s", host, port);
    client = impatient(list, 10000, 50, 10000);
    await_get("key", OMCACHE_NOT_FOUND, 50);
    assert_works(list);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server_sockets");
    TCase *tcase = fixture_case(suite, "sockets");
    tcase_add_checked_fixture(tcase, name_socket, remove_socket);
    tcase_add_test(tcase, a_full_socket_is_connected_to_when_there_is_room);
    tcase_add_test(tcase, a_socket_that_stays_full_costs_the_connect_timeout);
    tcase_add_test(tcase, a_path_where_nothing_is_may_become_a_server);
    tcase_add_loop_test(tcase, a_path_of_something_else_fails, 0, 2);
    tcase_add_test(tcase, ipv6_servers_have_brackets_and_a_port);
    tcase_add_loop_test(tcase, ipv6_servers_without_a_port_need_no_brackets, 0, 2);
    tcase_add_test(tcase, link_local_servers_have_a_scope);
    return fixture_run(suite);
}
