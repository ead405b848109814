/*
 * The library and signals: a life with everything that can go wrong in it changes
 * neither the mask nor a disposition, not for a moment that a callback could see, and
 * raises no SIGPIPE; and signals disturb no call.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/dnsmasq.h"
#include "support/fixture.h"
#include "support/loopback.h"
#include "support/outage.h"
#include "support/peer.h"
#include "support/unusable.h"
#include "support/wire.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SIGNALS 64

/*
 * What must not change.
 */

static struct {
    sigset_t mask;
    struct sigaction actions[SIGNALS + 1];
} before;

static volatile sig_atomic_t pipes;
static size_t looks;

static void count_pipe(int number)
{
    (void)number;
    pipes++;
}

static void note_signals(void)
{
    struct sigaction action = {.sa_handler = count_pipe};
    ck_assert_int_eq(sigaction(SIGPIPE, &action, NULL), 0);
    /* One is blocked: that must stay so, too. */
    sigset_t usr2;
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &usr2, NULL), 0);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &before.mask), 0);
    for (int i = 1; i <= SIGNALS; i++) {
        sigaction(i, NULL, &before.actions[i]); /* fails for two that the C library keeps */
    }
}

static void assert_untouched(void)
{
    sigset_t mask;
    looks++;
    ck_assert_int_eq(pipes, 0);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    for (int i = 1; i <= SIGNALS; i++) {
        struct sigaction action = {.sa_flags = 0};
        sigaction(i, NULL, &action);
        ck_assert_msg(sigismember(&mask, i) == sigismember(&before.mask, i),
                      "signal %d in the mask", i);
        ck_assert_msg(action.sa_handler == before.actions[i].sa_handler &&
                          action.sa_flags == before.actions[i].sa_flags,
                      "signal %d has another disposition", i);
    }
}

static void look_at_log(void *context, int level, const char *text)
{
    (void)context;
    (void)level;
    (void)text;
    assert_untouched();
}

static void look_at_answer(omcache_t *mc, omcache_value_t *value, void *context)
{
    (void)mc;
    (void)value;
    (void)context;
    assert_untouched();
}

static void watched_client(const char *servers)
{
    client = impatient(servers, 200, 200, 200);
    assert_rc(omcache_set_log_callback(client, 7, look_at_log, NULL), OMCACHE_OK);
    assert_rc(omcache_set_response_callback(client, look_at_answer, NULL), OMCACHE_OK);
}

static void end_client(void)
{
    omcache_t *mc = client;
    fixture_forget(mc);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    assert_untouched();
}

/*
 * Lives.
 */

/* Over UDP, over TCP, and in vain. */
static void live_with_names(void)
{
    struct dnsmasq dns;
    char hosts[4096];
    char list[128];
    size_t used = 0;
    for (int i = 1; i <= 40; i++) {
        used += (size_t)snprintf(hosts + used, sizeof(hosts) - used, "127.0.1.%d long.test\n", i);
    }
    snprintf(hosts + used, sizeof(hosts) - used, "%s one.test long.test", fleet.servers[0].host);
    dnsmasq_start(&dns, hosts, NULL);
    assert_rc(omcache_set_connect_timeout(client, 10000), OMCACHE_OK);
    assert_rc(omcache_set_dead_timeout(client, 10000), OMCACHE_OK);
    snprintf(list, sizeof(list), "one.test:%d,long.test:%d,nothing.test", FLEET_PORT, FLEET_PORT);
    assert_rc(omcache_set_dns_servers(client, dns.address), OMCACHE_OK);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_rc(omcache_noop(client, 1, -1), OMCACHE_NO_SERVERS);
    assert_rc(omcache_noop(client, 2, -1), OMCACHE_OK);
}

START_TEST(a_life_leaves_signals_alone)
{
    dnsmasq_configure_lookups();
    note_signals();
    fixture_servers(3);
    watched_client(fleet.list);
    store("key", "value");
    assert_stored("key", "value");
    for (int i = 0; i < 3; i++) {
        assert_rc(omcache_noop(client, i, -1), OMCACHE_OK);
    }
    memcached_kill(&fleet.servers[1]);
    for (int i = 0; i < 50; i++) {
        omcache_set(client, TEXT(key_for(i % 3 == 1 ? 0 : 2)), TEXT("value"), 0, 0, 0, 0);
        omcache_noop(client, 1, -1);
    }
    memcached_pause(&fleet.servers[2]);
    omcache_noop(client, 2, -1);
    assert_rc(omcache_set_servers(client, nobody()), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    assert_rc(omcache_set_servers(client, peer_address(peer_start_unreachable(0))), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    if (fixture_knows_names()) {
        live_with_names();
    }
    end_client();
    ck_assert_uint_gt(looks, 10);
}
END_TEST

/*
 * Writing where nobody listens any more.
 */

/* Answers the connection's no-op and one more, takes a third and hangs up. */
static void take_three_and_close(struct peer *peer, void *context)
{
    struct wire_request request;
    (void)context;
    if (wire_read(peer, &request) && wire_answer(peer, &request) && wire_read(peer, &request) &&
        wire_answer(peer, &request)) {
        wire_read(peer, &request);
    }
}

/* The first write meets a peer that has closed, and is answered with a reset; the
 * second one would raise the signal. */
START_TEST(writing_to_a_closed_connection_raises_nothing)
{
    struct peer *peer = peer_start(0, take_three_and_close, NULL);
    note_signals();
    watched_client(peer_address(peer));
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED); /* an answer is due */
    ck_assert_msg(peer_await(peer, 1, (size_t)3 * WIRE_HEADER), "the peer got too little");
    clock_sleep(20);
    for (int i = 0; i < 3; i++) {
        omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, 0);
        clock_sleep(5);
    }
    assert_untouched();
    end_client();
}
END_TEST

START_TEST(writing_to_a_closed_socket_raises_nothing)
{
    NOT_OVER_TLS;
    char path[32];
    struct memcached m;
    note_signals();
    snprintf(path, sizeof(path), "/tmp/omc-pipe-%d.sock", (int)getpid());
    memcached_start_socket(&m, path);
    watched_client(path);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    memcached_pause(&m);
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED); /* an answer is due */
    memcached_kill(&m);
    unlink(path);
    for (int i = 0; i < 3; i++) {
        omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, 0);
    }
    assert_untouched();
    end_client();
}
END_TEST

/*
 * The same with a DNS server that answers over TCP only, and hangs up there: what a
 * real one does not do on demand.
 */

static int listen_dns(int type)
{
    struct sockaddr_storage addr;
    socklen_t len;
    char host[LOOPBACK_HOST_SIZE];
    int on = 1;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    ck_assert(loopback_sockaddr(loopback_host(host), DNSMASQ_PORT, &addr, &len));
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
    return fd;
}

struct query {
    unsigned char bytes[512];
    size_t len;
    struct sockaddr_storage from;
    socklen_t from_len;
};

static bool has_come(int fd)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    return poll(&pfd, 1, 0) == 1;
}

/* Lets the library work until something has come. */
static void await(int fd)
{
    int64_t deadline = clock_ms() + clock_allow(5000);
    while (!has_come(fd)) {
        ck_assert_msg(clock_ms() < deadline, "nothing comes to the DNS server");
        omcache_io(client, NULL, NULL, NULL, NULL, 1);
    }
}

static void take_query(int fd, struct query *query)
{
    await(fd);
    query->from_len = sizeof(query->from);
    ssize_t len = recvfrom(fd, query->bytes, sizeof(query->bytes), 0,
                           (struct sockaddr *)&query->from, &query->from_len);
    ck_assert_int_ge(len, 12);
    query->len = (size_t)len;
}

static void answer_truncated(int fd, const struct query *query)
{
    unsigned char answer[512];
    memcpy(answer, query->bytes, query->len);
    answer[2] |= 0x82; /* an answer, truncated */
    ck_assert(sendto(fd, answer, query->len, 0, (const struct sockaddr *)&query->from,
                     query->from_len) == (ssize_t)query->len);
}

/* One query is asked again over TCP.  Before the other one is, the server has hung up
 * and has been written to. */
START_TEST(asking_a_dns_server_that_hangs_up_raises_nothing)
{
    struct query first;
    struct query second;
    unsigned char bytes[2];
    int udp = listen_dns(SOCK_DGRAM);
    int tcp = listen_dns(SOCK_STREAM);
    ck_assert_int_eq(listen(tcp, 4), 0);
    note_signals();
    watched_client("127.0.0.1:1");
    assert_rc(omcache_set_connect_timeout(client, 5000), OMCACHE_OK);
    assert_rc(omcache_set_servers(client, "one.test"), OMCACHE_OK);
    assert_rc(omcache_set_dns_servers(client, dnsmasq_address()), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    take_query(udp, &first);
    take_query(udp, &second);
    answer_truncated(udp, &first);
    await(tcp);
    int fd = accept4(tcp, NULL, NULL, SOCK_CLOEXEC);
    await(fd);
    shutdown(fd, SHUT_WR);
    ck_assert_int_eq(recv(fd, bytes, sizeof(bytes), 0), 2);
    close(fd); /* with the rest unread: a reset after the end */
    answer_truncated(udp, &second);
    clock_sleep(20);
    for (int i = 0; i < 50; i++) {
        omcache_io(client, NULL, NULL, NULL, NULL, 1);
    }
    assert_untouched();
    end_client();
}
END_TEST

/*
 * Signals that the application has a use for.
 */

static volatile sig_atomic_t alarms;

static void count_alarm(int signal_number)
{
    (void)signal_number;
    alarms++;
}

static void set_alarm_timer(int ms)
{
    struct itimerval timer = {.it_interval = {.tv_usec = (suseconds_t)ms * 1000},
                              .it_value = {.tv_usec = (suseconds_t)ms * 1000}};
    ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void start_alarms(int ms)
{
    struct sigaction action = {.sa_handler = count_alarm}; /* interrupts system calls */
    alarms = 0;
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    set_alarm_timer(ms);
}

static void stop_alarms(void)
{
    set_alarm_timer(0);
    signal(SIGALRM, SIG_IGN); /* the last one may still be on its way */
}

static void swallow(struct peer *peer, void *context)
{
    (void)context;
    peer_drain(peer);
}

START_TEST(signals_interrupt_nothing)
{
    client = fixture_client(peer_address(peer_start(0, swallow, NULL)));
    int64_t start = clock_ms();
    start_alarms(3);
    int rc = omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 200);
    int64_t took = clock_ms() - start;
    int interrupts = alarms;
    stop_alarms();
    assert_rc(rc, OMCACHE_AGAIN);
    ck_assert_msg(took >= 190, "returned after %lld ms", (long long)took);
    ck_assert_msg(interrupts >= 5, "only %d signals in %lld ms: were they held back?", interrupts,
                  (long long)took);
}
END_TEST

START_TEST(signals_do_not_disturb_answers)
{
    fixture_servers(3);
    start_alarms(1);
    int rc = OMCACHE_OK;
    int64_t end = clock_ms() + 200;
    for (int i = 0; rc == OMCACHE_OK && clock_ms() < end; i++) {
        char key[16];
        snprintf(key, sizeof(key), "key-%d", i % 10);
        rc = omcache_set(client, TEXT(key), TEXT(key), 0, 0, 0, -1);
        if (rc == OMCACHE_OK) {
            rc = omcache_get(client, TEXT(key), NULL, NULL, NULL, NULL, -1);
        }
    }
    stop_alarms();
    assert_rc(rc, OMCACHE_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signals");
    TCase *tcase = fixture_case(suite, "signals");
    tcase_add_test(tcase, a_life_leaves_signals_alone);
    tcase_add_test(tcase, writing_to_a_closed_connection_raises_nothing);
    tcase_add_test(tcase, writing_to_a_closed_socket_raises_nothing);
    tcase_add_test(tcase, signals_interrupt_nothing);
    tcase_add_test(tcase, signals_do_not_disturb_answers);
    if (fixture_knows_names()) {
        tcase_add_test(tcase, asking_a_dns_server_that_hangs_up_raises_nothing);
    }
    return fixture_run(suite);
}
