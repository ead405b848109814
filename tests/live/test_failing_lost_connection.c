/*
 * Connections that something between client and server has lost without telling either:
 * they cost a request or two, not all of the dead timeout.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/memcached.h"
#include "support/outage.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/relay.h"
#include "support/told.h"
#include "support/watcher.h"
#include "support/wire.h"
#include "support/words.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const int protocols[] = {OMCACHE_PROTOCOL_BINARY, OMCACHE_PROTOCOL_META,
                                OMCACHE_PROTOCOL_TEXT, OMCACHE_PROTOCOL_AUTO};
#define PROTOCOLS 4

static struct memcached server;
static struct relay *relay;

/* `client` becomes one with all defaults, behind a relay, and has stored a value. */
static void open_client(int protocol)
{
    memcached_start(&server, FLEET_PORT);
    relay = relay_start(0, &server);
    client = fixture_client(relay_address(relay));
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    store("key", "value");
}

static omcache_server_stats_t stats(void)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    return stats;
}

static int get_within(int32_t msec)
{
    return omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, msec);
}

START_TEST(a_lost_connection_costs_few_gets)
{
    open_client(protocols[_i]);
    relay_vanish(relay, false);
    int64_t start = clock_ms();
    int failed = 0;
    while (get_within(100) != OMCACHE_OK) {
        failed++;
        assert_within(start, clock_allow(1000));
    }
    ck_assert_int_le(failed, 3);
    ck_assert_uint_eq(stats().connects, 2);
    ck_assert_int_eq(stats().last_failure, OMCACHE_FAILURE_CONNECTION);
    store("key", "new");
    assert_stored("key", "new");
}
END_TEST

/* A peer_script: its first connection is lost when it has answered one request, others are slow. */
static void lose_the_first(struct peer *peer, void *context)
{
    struct wire_request request;
    bool is_first = peer_connections(peer) == 1;
    (void)context;
    if (!is_first) {
        clock_sleep(150);
    }
    for (int i = 0; (!is_first || i < 2) && wire_read(peer, &request); i++) {
        wire_answer(peer, &request);
    }
    if (is_first) {
        peer_forsake(peer);
    }
}

/* It takes longer to connect than nothing is sent for. */
START_TEST(a_lost_connection_to_far_away_costs_few_gets)
{
    client = fixture_client(peer_address(peer_start(0, lose_the_first, NULL)));
    assert_rc(get_within(1000), OMCACHE_OK);
    int64_t start = clock_ms();
    while (get_within(100) != OMCACHE_OK) {
        assert_within(start, clock_allow(800));
    }
    ck_assert_uint_eq(stats().connects, 2);
}
END_TEST

/* A peer_script: the same, but something else answers from then on. */
static void lose_the_server(struct peer *peer, void *context)
{
    static const char words[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    struct wire_request request;
    if (peer_connections(peer) == 1) {
        lose_the_first(peer, context);
    } else if (wire_read(peer, &request)) {
        peer_send(peer, words, sizeof(words) - 1);
    }
}

/* That is no proof that the first connection is lost. */
START_TEST(only_a_memcached_takes_the_place_of_a_connection)
{
    struct peer *peer = peer_start(0, lose_the_server, NULL);
    client = fixture_client(peer_address(peer));
    assert_rc(get_within(1000), OMCACHE_OK);
    int64_t start = clock_ms();
    while (peer_connections(peer) < 2) {
        assert_rc(get_within(60), OMCACHE_AGAIN);
        assert_within(start, 5000);
    }
    assert_rc(get_within(300), OMCACHE_AGAIN);
    ck_assert_uint_eq(stats().failures, 0);
    ck_assert_uint_eq(stats().connects, 1);
    ck_assert_int_eq(stats().state, OMCACHE_SERVER_READY);
}
END_TEST

/* The second connection is one that is made from then on, or is of no use. */
START_TEST(a_protocol_is_chosen_while_a_connection_is_lost)
{
    open_client(protocols[_i / 2]);
    relay_vanish(relay, false);
    if (_i % 2 == 0) {
        assert_rc(omcache_set_protocol(client, protocols[(_i / 2 + 2) % 3]), OMCACHE_OK);
    }
    assert_rc(get_within(100), OMCACHE_AGAIN);
    assert_rc(omcache_set_protocol(client, protocols[(_i / 2 + 2) % 3]), OMCACHE_OK);
    int64_t start = clock_ms();
    while (get_within(100) != OMCACHE_OK) {
        assert_within(start, clock_allow(1900));
    }
    ck_assert_uint_eq(stats().connects, 2);
    ck_assert_uint_eq(stats().failures, 1);
    ck_assert_int_eq(omcache_server_protocol(client, 0), protocols[(_i / 2 + 2) % 3]);
}
END_TEST

/* What waits for longer than others moves to the new connection if it was not sent, and
 * fails if it was. */
START_TEST(every_request_on_a_lost_connection_ends)
{
    static struct told told[3];
    open_client(protocols[_i]);
    relay_vanish(relay, false);
    assert_rc(omcache_async_get(client, "key", 3, -1, told_reply, &told[0]), OMCACHE_OK);
    assert_rc(get_within(100), OMCACHE_AGAIN);
    assert_rc(omcache_async_get(client, "key", 3, -1, told_reply, &told[1]), OMCACHE_OK);
    assert_rc(omcache_async_set(client, "key", 3, "later", 5, 0, 0, 0, -1, told_reply, &told[2]),
              OMCACHE_OK);
    drain(client);
    assert_rc(told[0].status, OMCACHE_SERVER_FAILURE);
    assert_rc(told[1].status, OMCACHE_OK);
    assert_rc(told[2].status, OMCACHE_OK);
    assert_stored("key", "later");
}
END_TEST

/* Somebody waits for what was sent: a slow connection is not taken for a lost one so soon. */
START_TEST(who_is_patient_gets_the_answer_of_a_slow_connection)
{
    static struct told told;
    memset(&told, 0, sizeof(told));
    open_client(protocols[_i]);
    relay_vanish(relay, false);
    assert_rc(omcache_async_get(client, "key", 3, -1, told_reply, &told), OMCACHE_OK);
    assert_rc(get_within(100), OMCACHE_AGAIN);
    assert_rc(get_within(100), OMCACHE_AGAIN);
    relay_return(relay);
    drain(client);
    assert_rc(told.status, OMCACHE_OK);
    ck_assert_uint_eq(stats().failures, 0);
    ck_assert_uint_eq(stats().connects, 1);
}
END_TEST

/* Nobody waits for the answers, only for the end. */
START_TEST(who_only_sends_gets_over_it)
{
    open_client(protocols[_i]);
    relay_vanish(relay, false);
    int64_t start = clock_ms();
    do {
        assert_rc(omcache_set(client, TEXT("key"), TEXT("sent"), 0, 0, 0, 0), OMCACHE_BUFFERED);
        assert_within(start, clock_allow(1500));
    } while (omcache_io(client, NULL, NULL, NULL, NULL, 100) == OMCACHE_AGAIN);
    assert_stored("key", "sent");
}
END_TEST

START_TEST(an_event_loop_gets_over_it)
{
    static struct watcher loop;
    static struct told told[40];
    size_t count = 0;
    open_client(protocols[_i]);
    watcher_init(&loop, client);
    relay_vanish(relay, false);
    int64_t start = clock_ms();
    do {
        ck_assert_uint_lt(count, 40);
        struct told *slot = &told[count++];
        assert_rc(omcache_async_get(client, "key", 3, 100, told_reply, slot), OMCACHE_OK);
        watcher_run(&loop, &slot->calls, 1);
    } while (told[count - 1].status != OMCACHE_OK);
    assert_within(start, clock_allow(1000));
    ck_assert_uint_le(stats().timeouts, (uint64_t)clock_allow(3));
}
END_TEST

/* Nobody else is better: all stays as it was before there were second connections. */
START_TEST(a_paused_server_is_not_given_up_sooner)
{
    open_client(protocols[_i]);
    memcached_pause(&server);
    for (int i = 0; i < 4; i++) {
        assert_rc(get_within(100), OMCACHE_AGAIN);
    }
    ck_assert_uint_eq(stats().failures, 0);
    memcached_resume(&server);
    int64_t start = clock_ms();
    while (get_within(100) != OMCACHE_OK) {
        assert_within(start, clock_allow(1000));
    }
    ck_assert_uint_eq(stats().failures, 0);
    ck_assert_uint_eq(stats().connects, 1);
}
END_TEST

/* It cannot answer a request of which it has half. */
START_TEST(a_server_is_sent_the_rest_of_a_request_while_it_is_in_doubt)
{
    static const char *const options[] = {"-I", "16m", NULL};
    static unsigned char large[8000000];
    static struct watcher loop;
    static struct told told[2];
    memset(told, 0, sizeof(told));
    memcached_start_with(&server, FLEET_PORT, options);
    client = fixture_client(server.address);
    assert_rc(omcache_set_protocol(client, protocols[_i]), OMCACHE_OK);
    watcher_init(&loop, client);
    store("key", "value");
    memcached_pause(&server);
    assert_rc(omcache_async_set(client, "large", 5, large, sizeof(large), 0, 0, 0, -1, told_reply,
                                &told[0]),
              OMCACHE_OK);
    assert_rc(omcache_async_get(client, "key", 3, 100, told_reply, &told[1]), OMCACHE_OK);
    watcher_run(&loop, &told[1].calls, 1);
    ck_assert_uint_gt(stats().buffered, 0);
    memcached_resume(&server);
    watcher_run(&loop, &told[0].calls, 1);
    assert_rc(told[0].status, OMCACHE_OK);
    ck_assert_uint_eq(stats().failures, 0);
    ck_assert_uint_eq(stats().connects, 1);
}
END_TEST

START_TEST(a_vanished_server_is_given_up_when_its_time_is_over)
{
    memcached_start(&server, FLEET_PORT);
    relay = relay_start(0, &server);
    client = impatient(relay_address(relay), 300, 200, 500);
    assert_rc(omcache_set_protocol(client, protocols[_i]), OMCACHE_OK);
    store("key", "value");
    relay_vanish(relay, true);
    int64_t start = clock_ms();
    while (get_within(50) == OMCACHE_AGAIN) {
        assert_within(start, clock_allow(2000));
    }
    ck_assert_int_ge(clock_ms() - start, 450);
    relay_vanish(relay, false);
    await_get("key", OMCACHE_OK, 10);
}
END_TEST

/*
 * Idle connections.
 */

/* The client's socket: the only TCP connection among the descriptors of this process whose
 * peer is that port. */
static int socket_to(int port)
{
    for (int fd = 3; fd < 100; fd++) {
        struct sockaddr_in peer = {.sin_family = AF_UNSPEC};
        socklen_t len = sizeof(peer);
        if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_family == AF_INET &&
            ntohs(peer.sin_port) == port) {
            return fd;
        }
    }
    return -1;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);
    ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

START_TEST(idle_connections_are_kept_alive)
{
    memcached_start(&server, FLEET_PORT);
    client = fixture_client(server.address);
    store("key", "value");
    int fd = socket_to(server.port);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 20);
    ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);

    assert_rc(omcache_set_keepalive(client, 7), OMCACHE_OK);
    ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 7);
    ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 2);
    assert_rc(omcache_set_keepalive(client, 1), OMCACHE_OK);
    ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 1);
    assert_rc(omcache_set_keepalive(client, 0), OMCACHE_OK);
    ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    assert_rc(omcache_set_keepalive(client, OMCACHE_KEEPALIVE_MAX + 1), OMCACHE_INVALID);
    assert_rc(omcache_set_keepalive(NULL, 1), OMCACHE_INVALID);
}
END_TEST

START_TEST(the_setting_is_for_later_connections_too)
{
    memcached_start(&server, FLEET_PORT);
    client = fixture_client(server.address);
    assert_rc(omcache_set_keepalive(client, 30), OMCACHE_OK);
    store("key", "value");
    ck_assert_int_eq(option(socket_to(server.port), IPPROTO_TCP, TCP_KEEPIDLE), 30);
}
END_TEST

/* Answers until it has answered a get, and closes. */
static void answer_one_get(struct peer *of, void *context)
{
    struct words words;
    bool is_get = false;
    (void)context;
    while (!is_get && words_read(of, &words) && words_answer_meta(of, &words)) {
        is_get = strcmp(words.word[0], "mg") == 0 && strcmp(words.word[1], "first") == 0;
    }
}

/* Although more is sent before it is read, which fails. */
START_TEST(an_answer_that_has_come_is_not_lost)
{
    static struct told told;
    struct peer *of = peer_start(0, answer_one_get, NULL);
    client = fixture_client(peer_address(of));
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_META), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, 5000), OMCACHE_OK);
    told = (struct told){.calls = 0};
    assert_rc(omcache_async_get(client, TEXT("first"), -1, told_reply, &told), OMCACHE_OK);
    for (int i = 0; i < 4; i++) {
        omcache_get(client, TEXT("more"), NULL, NULL, NULL, NULL, 0);
        clock_sleep(30);
    }
    omcache_io(client, NULL, NULL, NULL, NULL, 1000);
    ck_assert_uint_eq(told.calls, 1);
    assert_rc(told.status, OMCACHE_OK);
    ck_assert_str_eq(told.value, "value of first");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failing_lost_connection");
    TCase *tcase = fixture_case(suite, "vanish");
    tcase_add_loop_test(tcase, a_lost_connection_costs_few_gets, 0, PROTOCOLS);
    tcase_add_test(tcase, a_lost_connection_to_far_away_costs_few_gets);
    tcase_add_test(tcase, only_a_memcached_takes_the_place_of_a_connection);
    tcase_add_loop_test(tcase, a_protocol_is_chosen_while_a_connection_is_lost, 0, 6);
    tcase_add_loop_test(tcase, every_request_on_a_lost_connection_ends, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, who_is_patient_gets_the_answer_of_a_slow_connection, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, who_only_sends_gets_over_it, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, an_event_loop_gets_over_it, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, a_paused_server_is_not_given_up_sooner, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, a_vanished_server_is_given_up_when_its_time_is_over, 0, PROTOCOLS);
    tcase_add_loop_test(tcase, a_server_is_sent_the_rest_of_a_request_while_it_is_in_doubt, 0,
                        PROTOCOLS);
    tcase_add_test(tcase, an_answer_that_has_come_is_not_lost);
    tcase_add_test(tcase, idle_connections_are_kept_alive);
    tcase_add_test(tcase, the_setting_is_for_later_connections_too);
    return fixture_run(suite);
}
