/*
 * Which protocol is spoken with a server: found out with real servers, a real proxy and
 * scripted peers, remembered, found anew; or chosen by the application.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/nutcracker.h"
#include "support/outage.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/unusable.h"
#include "support/watcher.h"
#include "support/wire.h"
#include "support/words.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#define AUTO OMCACHE_PROTOCOL_AUTO
#define BINARY OMCACHE_PROTOCOL_BINARY
#define META OMCACHE_PROTOCOL_META
#define PLAIN_TEXT OMCACHE_PROTOCOL_TEXT

#define META_HELLO "mg AAAAAAAA b\r\nversion\r\n"
#define TEXT_HELLO "version\r\nversion\r\nversion\r\n"
#define HELLO_SIZE 24       /* at least */
#define BEHIND 20           /* keys behind a proxy */
#define INVALID_OPCODE 0x1b /* verbosity: only the binary protocol has it */

static const char *const binary_only[] = {"-B", "binary", NULL};
static const char *const ascii_only[] = {"-B", "ascii", NULL};
static const char *const negotiating[] = {"-B", "auto", NULL};

static struct memcached server;

/* `client` becomes one that speaks this, and whose log is recorded. */
static void speak(const char *servers, int protocol)
{
    patient_client(servers);
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
}

static void assert_protocol(int expected)
{
    ck_assert_int_eq(omcache_server_protocol(client, 0), expected);
}

static void assert_quiet_log(void)
{
    ck_assert_msg(!recorder_has_line(LOG_NOTICE, ""), "the log says: %s", recorder.lines[0].text);
}

/* Stores, reads, counts and deletes. */
static void assert_usable(const char *key)
{
    uint64_t number = 0;
    store(key, "41");
    assert_stored(key, "41");
    assert_rc(omcache_increment(client, TEXT(key), 1, 0, OMCACHE_DELTA_NO_ADD, &number, patience),
              OMCACHE_OK);
    ck_assert_uint_eq(number, 42);
    assert_rc(omcache_delete(client, TEXT(key), patience), OMCACHE_OK);
    assert_missing(key);
}

/*
 * Real servers.
 */

START_TEST(memcached_is_found_out)
{
    static const struct {
        const char *const *options;
        int expected;
    } cases[] = {{NULL, META}, {binary_only, BINARY}, {ascii_only, META}, {negotiating, META}};
    memcached_start_with(&server, FLEET_PORT, cases[_i].options);
    speak(server.address, AUTO);
    assert_protocol(AUTO);
    int64_t start = clock_ms();
    assert_usable("key");
    assert_within(start, 1000);
    assert_protocol(cases[_i].expected);
    assert_quiet_log();
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
}
END_TEST

/* A client of three servers of three kinds. */
START_TEST(each_server_has_its_own)
{
    static const char *const *const options[] = {NULL, binary_only, ascii_only};
    struct memcached servers[3];
    char list[100] = "";
    for (int i = 0; i < 3; i++) {
        memcached_start_with(&servers[i], FLEET_PORT + i, options[i]);
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? "," : "",
                 servers[i].address);
    }
    speak(list, AUTO);
    for (size_t i = 0; i < 3; i++) {
        assert_usable(key_for(i));
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(omcache_server_protocol(client, i), i == 1 ? BINARY : META);
    }
    assert_quiet_log();
}
END_TEST

static void read_many(size_t count)
{
    static char names[20][16];
    const unsigned char *keys[20];
    size_t lens[20];
    omcache_req_t reqs[20];
    omcache_value_t values[20];
    size_t req_count = 20;
    size_t value_count = 20;
    for (size_t i = 0; i < 20; i++) {
        snprintf(names[i], sizeof(names[i]), "many-%zu", i);
        keys[i] = (unsigned char *)names[i];
        lens[i] = strlen(names[i]);
        if (i < count) {
            store(names[i], names[i]);
        }
    }
    assert_rc(omcache_get_multi(client, keys, lens, 20, reqs, &req_count, values, &value_count, -1),
              OMCACHE_OK);
    ck_assert_uint_eq(req_count, 0);
    size_t hits_seen = 0;
    for (size_t i = 0; i < value_count; i++) {
        hits_seen += values[i].status == OMCACHE_OK;
        if (values[i].status == OMCACHE_OK) {
            assert_bytes(values[i].data, values[i].data_len, values[i].key, values[i].key_len);
        }
    }
    ck_assert_uint_eq(hits_seen, count);
}

START_TEST(a_proxy_is_spoken_to_in_text)
{
    struct nutcracker proxy = {.pid = 0};
    fleet_start(&fleet, 2);
    nutcracker_start(&proxy, &fleet);
    speak(proxy.address, _i ? PLAIN_TEXT : AUTO);
    int64_t start = clock_ms();
    assert_usable("key");
    assert_within(start, 1000);
    assert_protocol(PLAIN_TEXT);
    read_many(15);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_rc(omcache_touch(client, TEXT("many-1"), 100, -1), OMCACHE_OK);
    assert_rc(omcache_append(client, TEXT("many-1"), TEXT("+"), 0, -1), OMCACHE_OK);
    assert_stored("many-1", "many-1+");
    /* It closes at what it does not know. */
    assert_rc(omcache_gat(client, TEXT("many-2"), NULL, NULL, 10, NULL, NULL, -1),
              OMCACHE_SERVER_FAILURE);
    assert_stored("many-2", "many-2");
    assert_protocol(PLAIN_TEXT);
}
END_TEST

/* It answers for the servers behind it, and for one of these with an error even when it
 * is asked for its version. */
START_TEST(a_proxy_with_a_server_down_is_one)
{
    struct nutcracker proxy = {.pid = 0};
    size_t stored = 0;
    size_t failed = 0;
    fleet_start(&fleet, 2);
    nutcracker_start(&proxy, &fleet);
    memcached_kill(&fleet.servers[_i]);
    speak(proxy.address, AUTO);
    for (int i = 0; i < 20; i++) {
        char key[16];
        snprintf(key, sizeof(key), "key-%d", i);
        int rc = omcache_set(client, TEXT(key), TEXT("value"), 0, 0, 0, -1);
        assert_rc_either(rc, OMCACHE_OK, OMCACHE_FAIL);
        stored += rc == OMCACHE_OK;
        failed += rc == OMCACHE_FAIL;
        if (rc == OMCACHE_OK) {
            assert_stored(key, "value");
        }
    }
    assert_protocol(PLAIN_TEXT);
    ck_assert_msg(stored > 0 && failed > 0, "%zu stored, %zu failed", stored, failed);
    ck_assert_msg(!recorder_has_line(LOG_WARNING, "down"), "taken for down");
    memcached_restart(&fleet.servers[_i]);
    for (int i = 0; i < 100 && omcache_noop(client, 0, -1) != OMCACHE_OK; i++) {
        clock_sleep(20);
    }
    read_many(20);
}
END_TEST

static char living_key[16];

/* Finds one of those that this server behind a proxy has. */
static void find_living_key(const struct memcached *living)
{
    omcache_t *direct = fixture_client(living->address);
    assert_rc(omcache_set_protocol(direct, PLAIN_TEXT), OMCACHE_OK);
    for (int i = 0; i < BEHIND; i++) {
        char key[16];
        snprintf(key, sizeof(key), "behind-%d", i);
        int rc = omcache_get(direct, TEXT(key), NULL, NULL, NULL, NULL, -1);
        assert_rc_either(rc, OMCACHE_OK, OMCACHE_NOT_FOUND);
        if (rc == OMCACHE_OK) {
            snprintf(living_key, sizeof(living_key), "%s", key);
        }
    }
    ck_assert_str_ne(living_key, "");
}

/* It answers for itself what it is asked first, and passes nothing on. */
START_TEST(a_proxy_with_a_server_suspended_is_one)
{
    struct nutcracker proxy = {.pid = 0};
    fleet_start(&fleet, 2);
    nutcracker_start(&proxy, &fleet);
    speak(proxy.address, PLAIN_TEXT);
    for (int i = 0; i < BEHIND; i++) {
        char key[16];
        snprintf(key, sizeof(key), "behind-%d", i);
        store(key, "value");
    }
    find_living_key(&fleet.servers[0]);
    memcached_pause(&fleet.servers[1]);
    for (int i = 0; i < 10; i++) {
        speak(proxy.address, _i ? PLAIN_TEXT : AUTO);
        int64_t start = clock_ms();
        assert_rc(omcache_get(client, TEXT(living_key), NULL, NULL, NULL, NULL, 1000), OMCACHE_OK);
        assert_within(start, 1000);
        assert_protocol(PLAIN_TEXT);
    }
}
END_TEST

START_TEST(a_server_with_passwords_is_refused)
{
    char path[] = "/tmp/omcache-auth-XXXXXX";
    const char *const options[] = {"-Y", path, NULL};
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "user:password\n", 14), 14);
    close(fd);
    memcached_start_with(&server, FLEET_PORT, options);
    unlink(path);
    speak(server.address, _i);
    int64_t start = clock_ms();
    assert_rc(get_patiently("key"), OMCACHE_AUTH_FAILED);
    assert_unusable(1000);
    assert_within(start, 1000);
    ck_assert(recorder_has_line(LOG_WARNING, "the server wants authentication"));
    assert_protocol(_i);
}
END_TEST

/* Those that do not speak it. */
START_TEST(a_chosen_protocol_that_is_not_spoken_fails)
{
    static const struct {
        const char *const *options;
        int protocol;
    } cases[] = {{binary_only, META}, {binary_only, PLAIN_TEXT}, {ascii_only, BINARY}};
    memcached_start_with(&server, FLEET_PORT, cases[_i].options);
    speak(server.address, cases[_i].protocol);
    int64_t start = clock_ms();
    assert_rc(get_patiently("key"), OMCACHE_SERVER_FAILURE);
    ck_assert(recorder_has_line(LOG_WARNING, "down"));
    assert_unusable(1000);
    assert_within(start, 1000);
}
END_TEST

START_TEST(a_chosen_protocol_that_a_proxy_does_not_speak_fails)
{
    struct nutcracker proxy = {.pid = 0};
    fleet_start(&fleet, 2);
    nutcracker_start(&proxy, &fleet);
    speak(proxy.address, _i ? META : BINARY);
    int64_t start = clock_ms();
    assert_rc(get_patiently("key"), OMCACHE_SERVER_FAILURE);
    ck_assert(recorder_has_line(LOG_WARNING, "down"));
    assert_within(start, 1000);
}
END_TEST

START_TEST(a_chosen_protocol_is_spoken)
{
    memcached_start(&server, FLEET_PORT);
    speak(server.address, _i);
    assert_protocol(AUTO);
    assert_usable("key");
    assert_protocol(_i);
    assert_quiet_log();
}
END_TEST

/* Gets until the server is back; how many failed meanwhile. */
static int failures_until_back(void)
{
    int failures = 0;
    int64_t start = clock_ms();
    for (int rc = get_patiently("key"); rc != OMCACHE_NOT_FOUND; rc = get_patiently("key")) {
        failures += rc == OMCACHE_SERVER_FAILURE;
        assert_within(start, 5000);
        clock_sleep(5);
    }
    return failures;
}

START_TEST(another_server_in_its_place_is_found_out)
{
    static const struct {
        const char *const *options;
        int expected;
    } next[] = {{binary_only, BINARY}, {ascii_only, META}, {binary_only, BINARY}, {NULL, BINARY}};
    memcached_start(&server, FLEET_PORT);
    speak(server.address, AUTO);
    assert_rc(omcache_set_reconnect_timeout(client, 50), OMCACHE_OK);
    assert_missing("key");
    assert_protocol(META);
    for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++) {
        memcached_kill(&server);
        server.options = next[i].options;
        memcached_restart(&server);
        clock_sleep(10);
        int failures = failures_until_back();
        ck_assert_msg(failures <= 1, "%d requests failed", failures);
        assert_protocol(next[i].expected); /* a plain one goes on to understand binary */
        assert_usable("key");
    }
}
END_TEST

START_TEST(a_choice_is_for_new_connections)
{
    memcached_start(&server, FLEET_PORT);
    speak(server.address, AUTO);
    assert_usable("key");
    assert_protocol(META);
    for (int protocol = BINARY; protocol <= PLAIN_TEXT; protocol++) {
        int before = omcache_server_protocol(client, 0);
        assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
        assert_usable("key");
        assert_protocol(before);
        memcached_kill(&server);
        memcached_restart(&server);
        clock_sleep(10);
        assert_usable("key");
        assert_protocol(protocol);
    }
    assert_rc(omcache_set_protocol(client, AUTO), OMCACHE_OK);
    memcached_kill(&server);
    memcached_restart(&server);
    clock_sleep(10);
    assert_usable("key");
    assert_protocol(PLAIN_TEXT); /* it is known to speak that */
}
END_TEST

START_TEST(arguments_that_make_no_sense_are_refused)
{
    client = fixture_client("127.0.0.1:1,127.0.0.1:2");
    assert_rc(omcache_set_protocol(NULL, AUTO), OMCACHE_INVALID);
    assert_rc(omcache_set_protocol(client, -1), OMCACHE_INVALID);
    assert_rc(omcache_set_protocol(client, 4), OMCACHE_INVALID);
    assert_rc(omcache_set_protocol(client, META), OMCACHE_OK);
    ck_assert_int_eq(omcache_server_protocol(NULL, 0), -1);
    ck_assert_int_eq(omcache_server_protocol(client, -1), -1);
    ck_assert_int_eq(omcache_server_protocol(client, 2), -1);
    ck_assert_int_eq(omcache_server_protocol(client, 1), AUTO);
}
END_TEST

/*
 * Scripted peers.
 */

static size_t received(struct peer *peer, const char *what)
{
    static unsigned char bytes[256 * 1024];
    size_t len = peer_received(peer, bytes, sizeof(bytes));
    size_t count = 0;
    for (size_t i = 0; i + strlen(what) <= len; i++) {
        count += memcmp(bytes + i, what, strlen(what)) == 0;
    }
    return count;
}

START_TEST(an_old_server_is_spoken_to_in_text)
{
    struct peer *peer = peer_start(0, words_serve_text, NULL);
    speak(peer_address(peer), AUTO);
    assert_stored("key", "value of key");
    assert_protocol(PLAIN_TEXT);
    store("key", "value\r\nmn\r\n");
    ck_assert_uint_eq(peer_connections(peer), 1);
    assert_quiet_log();
}
END_TEST

/* Answers in text, but does not know "version". */
static void serve_without_version(struct peer *peer, void *context)
{
    struct words words;
    (void)context;
    while (words_read(peer, &words) &&
           (words.word[0][0] == 'm' || words.word[0][0] == 'v' ? words_send(peer, "ERROR\r\n")
                                                               : words_answer_text(peer, &words))) {
        ;
    }
}

START_TEST(a_server_without_version_is_greeted_without_it)
{
    struct peer *peer = peer_start(0, serve_without_version, NULL);
    speak(peer_address(peer), AUTO);
    assert_stored("key", "value of key");
    assert_protocol(PLAIN_TEXT);
    for (int i = 0; i < 3; i++) {
        size_t connections = peer_connections(peer);
        peer_hang_up(peer);
        usleep(20000); /* longer than a connection is trusted */
        assert_stored("key", "value of key");
        ck_assert_uint_eq(peer_connections(peer), connections + 1);
    }
}
END_TEST

/* What text cannot carry is taken as soon as the next connection will be in another one. */
START_TEST(a_choice_counts_before_there_is_a_connection)
{
    memcached_start(&server, FLEET_PORT);
    speak(server.address, PLAIN_TEXT);
    assert_rc(omcache_delete(client, TEXT("a key"), patience), OMCACHE_INVALID);
    store("key", "value");
    memcached_kill(&server);
    memcached_restart(&server);
    usleep(20000); /* longer than a connection is trusted */
    assert_rc(omcache_set_protocol(client, _i), OMCACHE_OK);
    assert_rc(omcache_delete(client, TEXT("a key"), patience), OMCACHE_NOT_FOUND);
}
END_TEST

/* Answers in the binary protocol, and closes at anything else, with or without notice. */
static void binary_or_nothing(struct peer *peer, void *context)
{
    unsigned char hello[HELLO_SIZE];
    struct wire_request request = {.opcode = WIRE_NOOP};
    if (context) {
        peer_reset_on_close(peer);
    }
    if (peer_read(peer, hello, sizeof(hello)) && hello[0] == 0x80) {
        memcpy(&request.opaque, hello + 12, 4);
        wire_answer(peer, &request);
        wire_serve(peer, NULL);
    }
}

START_TEST(a_server_that_closes_at_words_is_spoken_to_in_binary)
{
    struct peer *peer = peer_start(0, binary_or_nothing, _i ? &server : NULL);
    speak(peer_address(peer), AUTO);
    assert_stored("key", "value of key");
    assert_protocol(BINARY);
    ck_assert_uint_eq(peer_connections(peer), 4); /* in text there are two ways */
    assert_quiet_log();
}
END_TEST

/* Answers the words of context, whatever comes. */
static void answer_words(struct peer *peer, void *context)
{
    char hello[HELLO_SIZE];
    if (peer_read(peer, hello, sizeof(hello))) {
        peer_send(peer, context, strlen(context));
        peer_drain(peer);
    }
}

START_TEST(a_peer_that_is_no_memcached_fails)
{
    static char *const answers[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "EN\r\nMN\r\n", "\x81",
                                    "-ERR unknown command\r\n"};
    struct peer *peer = peer_start(0, answer_words, answers[_i % 4]);
    speak(peer_address(peer), _i / 4);
    int64_t start = clock_ms();
    if (_i % 4 == 2) { /* that is how an answer in binary begins */
        assert_rc(omcache_set_dead_timeout(client, 200), OMCACHE_OK);
    }
    assert_rc(get_patiently("key"), OMCACHE_SERVER_FAILURE);
    assert_within(start, 1000);
    ck_assert(recorder_has_line(LOG_WARNING, "down"));
    ck_assert_uint_le(peer_connections(peer), 4);
}
END_TEST

/* As memcached does that has as many connections as it may.  That is no reason to take it
 * for one that does not speak meta. */
static void refuse_at_first(struct peer *peer, void *context)
{
    char hello[HELLO_SIZE];
    if (*(int *)context == 0) {
        words_serve_meta(peer, NULL);
    } else if (peer_read(peer, hello, sizeof(hello))) {
        --*(int *)context;
        words_send(peer, "ERROR Too many open connections\r\n");
    }
}

START_TEST(a_server_with_too_many_connections_is_refused)
{
    static int refusals;
    refusals = 1;
    struct peer *peer = peer_start(0, refuse_at_first, &refusals);
    speak(peer_address(peer), AUTO);
    assert_rc(omcache_set_reconnect_timeout(client, 20), OMCACHE_OK);
    assert_rc(get_patiently("key"), OMCACHE_SERVER_FAILURE);
    ck_assert(recorder_has_line(LOG_WARNING, "refuses connections"));
    ck_assert_uint_eq(peer_connections(peer), 1);
    await_get("key", OMCACHE_OK, 20);
    assert_protocol(META);
    ck_assert_uint_eq(peer_connections(peer), 2);
}
END_TEST

static void say_nothing(struct peer *peer, void *context)
{
    (void)context;
    peer_drain(peer);
}

START_TEST(a_silent_peer_fails_in_time)
{
    struct peer *peer = peer_start(0, say_nothing, NULL);
    speak(peer_address(peer), _i);
    assert_rc(omcache_set_dead_timeout(client, 200), OMCACHE_OK);
    int64_t start = clock_ms();
    assert_rc(get_patiently("key"), OMCACHE_SERVER_FAILURE);
    assert_within(start, 1000);
    ck_assert_int_ge(clock_ms() - start, 190);
    ck_assert_uint_eq(peer_connections(peer), 1);
    assert_protocol(_i);
}
END_TEST

/* As servers of HTTP do, to whom a line of two words is the beginning of a request, and one
 * without a colon behind it none of its headers. */
static void serve_http(struct peer *peer, void *context)
{
    struct words words;
    (void)context;
    if (words_read(peer, &words) && words.count == 2 && !words_read(peer, &words)) {
        return;
    }
    words_send(peer, "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
}

START_TEST(a_server_of_http_fails_at_once)
{
    struct peer *peer = peer_start(0, serve_http, NULL);
    speak(peer_address(peer), _i);
    int64_t start = clock_ms();
    assert_rc(get_patiently("key"), OMCACHE_SERVER_FAILURE);
    assert_within(start, 1000);
}
END_TEST

static void close_at_once(struct peer *peer, void *context)
{
    char byte;
    if (context) {
        peer_reset_on_close(peer);
    }
    peer_read(peer, &byte, 1);
}

START_TEST(a_peer_that_closes_at_everything_fails)
{
    struct peer *peer = peer_start(0, close_at_once, _i ? &server : NULL);
    speak(peer_address(peer), AUTO);
    int64_t start = clock_ms();
    assert_rc(get_patiently("key"), OMCACHE_SERVER_FAILURE);
    assert_within(start, 1000);
    ck_assert_uint_eq(peer_connections(peer), 4);
    assert_protocol(AUTO);
    assert_unusable(1000);
}
END_TEST

/* It has got the first words and answers nothing, when it is killed. */
START_TEST(a_server_that_dies_in_between_is_found_when_it_is_back)
{
    memcached_start_with(&server, FLEET_PORT, _i ? binary_only : NULL);
    speak(server.address, AUTO);
    assert_rc(omcache_set_reconnect_timeout(client, 50), OMCACHE_OK);
    memcached_pause(&server);
    assert_rc(omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 50), OMCACHE_AGAIN);
    memcached_kill(&server);
    int64_t start = clock_ms();
    assert_rc_either(get_patiently("key"), OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    assert_within(start, 1000);
    assert_protocol(AUTO);
    memcached_restart(&server);
    failures_until_back();
    assert_usable("key");
    assert_protocol(_i ? BINARY : META);
}
END_TEST

/* Serves some requests and closes then. */
static void serve_some(struct peer *peer, void *context)
{
    struct words words;
    for (int left = *(int *)context; left > 0 && words_read(peer, &words); left--) {
        words_answer_text(peer, &words);
    }
}

START_TEST(the_protocol_is_remembered)
{
    static int some = 10;
    struct peer *peer = peer_start(0, serve_some, &some);
    speak(peer_address(peer), AUTO);
    for (int i = 0; i < 14; i++) { /* 2 words and 8 gets, and then 3 and 7 */
        assert_stored("key", "value of key");
        clock_sleep(10);
    }
    ck_assert_uint_eq(peer_connections(peer), 2);
    ck_assert_uint_eq(received(peer, META_HELLO), 1);
    ck_assert_uint_eq(received(peer, TEXT_HELLO), 1);
    assert_protocol(PLAIN_TEXT);
}
END_TEST

/* An older server takes the place of a newer one after its first answer. */
static void grow_old(struct peer *peer, void *context)
{
    struct words words;
    if (*(int *)context) {
        words_serve_text(peer, NULL);
    } else if (words_greet_meta(peer) && words_read(peer, &words)) {
        words_answer_meta(peer, &words);
        *(int *)context = 1;
    }
}

START_TEST(an_older_server_in_its_place_is_found_out)
{
    static int old;
    old = 0;
    struct peer *peer = peer_start(0, grow_old, &old);
    speak(peer_address(peer), AUTO);
    assert_rc(omcache_set_reconnect_timeout(client, 20), OMCACHE_OK);
    assert_stored("key", "value of key");
    assert_protocol(META);
    clock_sleep(10);
    assert_rc(omcache_set(client, TEXT("key"), TEXT("version"), 0, 0, 0, -1), OMCACHE_OK);
    assert_stored("key", "value of key");
    assert_protocol(PLAIN_TEXT);
    ck_assert_uint_eq(peer_connections(peer), 2);
    assert_quiet_log();
}
END_TEST

/* What went out behind the hello is lost, but nothing else: it is not down. */
START_TEST(another_server_in_its_place_costs_what_was_sent)
{
    static int old;
    old = 0;
    struct peer *peer = peer_start(0, grow_old, &old);
    speak(peer_address(peer), AUTO);
    assert_stored("key", "value of key");
    clock_sleep(10);
    assert_rc_either(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, -1),
                     OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    assert_stored("key", "value of key");
    assert_protocol(PLAIN_TEXT);
}
END_TEST

START_TEST(a_known_protocol_takes_one_connection)
{
    memcached_start_with(&server, FLEET_PORT, binary_only);
    speak(server.address, AUTO);
    assert_usable("key");
    memcached_kill(&server);
    memcached_restart(&server);
    clock_sleep(10);
    assert_usable("key");
    assert_protocol(BINARY);
    assert_quiet_log();
}
END_TEST

/*
 * Requests that wait for the protocol.
 */

static atomic_bool released;

/* Answers nothing before it is released; then it is a server of the kind that context
 * points to. */
static void hold_back(struct peer *peer, void *context)
{
    int kind = *(int *)context;
    char hello[HELLO_SIZE];
    if (!peer_read(peer, hello, sizeof(hello))) {
        return;
    }
    for (int i = 0; i < 10000 && !atomic_load(&released); i++) {
        clock_sleep(1);
    }
    words_send(peer, kind == META ? "EN\r\nVERSION 1.6.18\r\n" : "ERROR\r\nVERSION 1.4.0\r\n");
    if (kind == META) {
        words_serve_meta(peer, NULL);
    } else {
        words_serve_text(peer, NULL);
    }
}

static struct {
    size_t count;
    int status[16]; /* by the number in context */
    char value[16][32];
} ends;

static int places[16];

static void on_end(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t len;
    const unsigned char *value = omcache_reply_value(reply, &len);
    int place = (int)((int *)context - places);
    ck_assert_ptr_eq(mc, client);
    ends.count++;
    ends.status[place] = omcache_reply_status(reply);
    snprintf(ends.value[place], sizeof(ends.value[0]), "%.*s", (int)len,
             value ? (const char *)value : "");
}

#define END_IN(place) -1, on_end, &places[place]

/* Mixes classic requests and operations; one cannot be carried by any protocol of
 * words, one not by text. */
static void ask_for_much(omcache_req_t *reqs)
{
    size_t count = 3;
    assert_rc(omcache_set(client, TEXT("one"), TEXT("value"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_async_get(client, "two", 3, END_IN(0)), OMCACHE_OK);
    assert_rc(omcache_async_set(client, "a b", 3, "value", 5, 0, 0, 0, END_IN(1)), OMCACHE_OK);
    wire_request(&reqs[0], 0, WIRE_GETK, "three");
    wire_request(&reqs[1], 0, INVALID_OPCODE, NULL);
    reqs[1].header.extlen = 4;
    reqs[1].header.bodylen = htonl(4);
    reqs[1].extra = "\0\0\0\1";
    wire_request(&reqs[2], 0, WIRE_GETK, "four");
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    ck_assert_uint_eq(count, 3);
    assert_rc(omcache_async_delete(client, "five", 4, END_IN(2)), OMCACHE_OK);
    assert_rc(omcache_async_get(client, "six", 3, END_IN(3)), OMCACHE_OK);
}

START_TEST(requests_wait_for_the_protocol)
{
    static int kind;
    unsigned char bytes[10000];
    omcache_req_t reqs[3];
    omcache_value_t values[3];
    size_t count = 3;
    size_t finished = 0;
    size_t refused = 0;
    kind = _i ? PLAIN_TEXT : META;
    atomic_store(&released, false);
    memset(&ends, 0, sizeof(ends));
    struct peer *peer = peer_start(0, hold_back, &kind);
    speak(peer_address(peer), AUTO);
    ask_for_much(reqs);
    for (int i = 0; i < 5; i++) {
        assert_rc(omcache_io(client, reqs, &count, NULL, NULL, 10), OMCACHE_AGAIN);
    }
    ck_assert(peer_await(peer, 1, HELLO_SIZE));
    assert_text(bytes, peer_received(peer, bytes, sizeof(bytes)), META_HELLO);
    ck_assert_uint_eq(ends.count, 0);
    assert_protocol(AUTO);
    atomic_store(&released, true);
    for (int i = 0; i < 500 && (ends.count < 4 || count > 0); i++) {
        size_t room = 3;
        int rc = omcache_io(client, reqs, &count, values, &room, 10);
        assert_rc_either(rc, OMCACHE_OK, OMCACHE_AGAIN);
        for (size_t k = 0; k < room; k++) {
            finished++;
            refused += values[k].status == OMCACHE_INVALID;
        }
    }
    ck_assert_uint_eq(finished, 3);
    ck_assert_uint_eq(refused, 1);
    assert_protocol(kind);
    ck_assert_uint_eq(peer_connections(peer), 1);
    ck_assert_uint_eq(ends.count, 4);
    assert_rc(ends.status[0], OMCACHE_OK);
    ck_assert_str_eq(ends.value[0], "value of two");
    assert_rc(ends.status[1], kind == META ? OMCACHE_OK : OMCACHE_INVALID);
    assert_rc(ends.status[2], OMCACHE_OK);
    assert_rc(ends.status[3], OMCACHE_OK);
    ck_assert_str_eq(ends.value[3], "value of six");
    ck_assert_uint_eq(received(peer, "verbosity"), 0);
    ck_assert_uint_eq(received(peer, kind == META ? "ms one 5" : "set one 0 0 5\r\nvalue\r\n"), 1);
    assert_stored("later", "value of later");
}
END_TEST

START_TEST(a_request_that_cannot_be_carried_harms_no_other)
{
    omcache_req_t reqs[4];
    omcache_value_t values[4];
    size_t count = 4;
    size_t room = 4;
    memcached_start(&server, FLEET_PORT);
    speak(server.address, AUTO);
    wire_set(&reqs[0], 0, WIRE_SET, "one", "1");
    wire_request(&reqs[1], 0, INVALID_OPCODE, NULL);
    reqs[1].header.extlen = 4;
    reqs[1].header.bodylen = htonl(4);
    reqs[1].extra = "\0\0\0\1";
    wire_request(&reqs[2], 0, WIRE_GETK, "one");
    wire_request(&reqs[3], 0, WIRE_NOOP, NULL);
    assert_rc(omcache_command(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(room, 4);
    int invalid = 0;
    for (size_t i = 0; i < room; i++) {
        invalid += values[i].status == OMCACHE_INVALID;
        assert_rc_either(values[i].status, OMCACHE_OK, OMCACHE_INVALID);
    }
    ck_assert_int_eq(invalid, 1);
    assert_protocol(META);
    /* Now that it is known it is not even accepted. */
    assert_rc(omcache_command_status(client, &reqs[1], -1), OMCACHE_INVALID);
    assert_stored("one", "1");
}
END_TEST

/*
 * Raw opcodes.
 */

enum carried { YES, NO, ENDS };

static enum carried is_carried(int opcode)
{
    if (opcode == 0x07 || opcode == 0x17) {
        return ENDS;
    }
    return opcode <= 0x1a || opcode == 0x1c || opcode == 0x1d || opcode == 0x1e || opcode == 0x23 ||
                   opcode == 0x24
               ? YES
               : NO;
}

/* Extras as memcached wants them. */
static size_t extras_of(int opcode)
{
    switch (opcode) {
    case 0x01:
    case 0x02:
    case 0x03:
    case 0x11:
    case 0x12:
    case 0x13:
        return 8;
    case 0x05:
    case 0x06:
    case 0x15:
    case 0x16:
        return 20;
    case 0x1b:
    case 0x1c:
    case 0x1d:
    case 0x1e:
    case 0x23:
    case 0x24:
        return 4;
    default:
        return 0;
    }
}

static bool has_key(int opcode)
{
    return opcode != 0x07 && opcode != 0x08 && opcode != 0x0a && opcode != 0x0b && opcode != 0x10 &&
           opcode != 0x17 && opcode != 0x18 && opcode != 0x1b && opcode < 0x40 && opcode != 0x20;
}

static bool has_value(int opcode)
{
    return extras_of(opcode) == 8 || opcode == 0x0e || opcode == 0x0f || opcode == 0x19 ||
           opcode == 0x1a;
}

/* What a server speaks is known even while there is no connection to it. */
START_TEST(a_server_that_is_known_is_not_asked_for_what_it_lacks)
{
    omcache_req_t reqs[2];
    size_t count = 2, room = 2;
    omcache_value_t values[2];
    static const unsigned char large[2000];
    memcached_start(&server, FLEET_PORT);
    speak(server.address, _i);
    assert_rc(omcache_set(client, (const unsigned char *)"7", 1, large, sizeof(large), 0, 0, 0, -1),
              OMCACHE_OK);
    assert_rc(omcache_set_recv_buffer_max_size(client, 1000), OMCACHE_OK);
    assert_rc(omcache_get(client, (const unsigned char *)"7", 1, NULL, NULL, NULL, NULL, -1),
              OMCACHE_BUFFER_FULL); /* which closes the connection */
    wire_request(&reqs[0], -1, 0x30, "7");
    wire_request(&reqs[1], -1, 0x0c, "8");
    assert_rc(omcache_command(client, reqs, &count, values, &room, -1), OMCACHE_INVALID);
    ck_assert_uint_eq(room, 1);
    assert_rc(values[0].status, OMCACHE_NOT_FOUND);
    ck_assert_int_eq(reqs[1].header.opcode, 0x30);
}
END_TEST

START_TEST(raw_opcodes_are_carried_or_refused)
{
    static const unsigned char extras[20] = {[16] = 0xff, 0xff, 0xff, 0xff};
    memcached_start(&server, FLEET_PORT);
    speak(server.address, _i);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    for (int opcode = 0; opcode < 256; opcode++) {
        omcache_req_t req;
        size_t len = extras_of(opcode);
        store("7", "7");
        wire_request(&req, 0, (uint8_t)opcode, has_key(opcode) ? "7" : NULL);
        req.header.extlen = (uint8_t)len;
        req.extra = len == 20 ? extras : (const unsigned char *)"\0\0\0\0\0\0\0\0";
        req.data = (const unsigned char *)"8";
        req.header.bodylen = htonl((uint32_t)(len + has_key(opcode) + has_value(opcode)));
        int64_t start = clock_ms();
        int rc = omcache_command_status(client, &req, 2000);
        enum carried carried = is_carried(opcode);
        bool added = opcode == 0x02 || opcode == 0x12;
        int expected = carried == ENDS ? OMCACHE_NO_SERVERS
                       : carried == NO ? OMCACHE_INVALID
                       : added         ? OMCACHE_KEY_EXISTS
                                       : OMCACHE_OK;
        ck_assert_msg(rc == expected || (expected == OMCACHE_OK && rc == OMCACHE_NOT_FOUND &&
                                         opcode != 0x00 && opcode < 0x24),
                      "opcode %#x gave %s, expected %s", (unsigned)opcode, rc_name(rc),
                      rc_name(expected));
        assert_within(start, 1000);
    }
    assert_protocol(_i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("protocol choice");
    TCase *tcase = fixture_case(suite, "protocol choice");

    tcase_add_loop_test(tcase, memcached_is_found_out, 0, 4);
    tcase_add_test(tcase, each_server_has_its_own);
    tcase_add_loop_test(tcase, a_proxy_is_spoken_to_in_text, 0, 2);
    tcase_add_loop_test(tcase, a_proxy_with_a_server_down_is_one, 0, 2);
    tcase_add_loop_test(tcase, a_proxy_with_a_server_suspended_is_one, 0, 2);
    tcase_add_loop_test(tcase, a_server_with_passwords_is_refused, 0, 4);
    tcase_add_loop_test(tcase, a_chosen_protocol_that_is_not_spoken_fails, 0, 3);
    tcase_add_loop_test(tcase, a_chosen_protocol_that_a_proxy_does_not_speak_fails, 0, 2);
    tcase_add_loop_test(tcase, a_chosen_protocol_is_spoken, 1, 4);
    tcase_add_test(tcase, another_server_in_its_place_is_found_out);
    tcase_add_test(tcase, a_choice_is_for_new_connections);
    tcase_add_test(tcase, arguments_that_make_no_sense_are_refused);
    tcase_add_test(tcase, an_old_server_is_spoken_to_in_text);
    tcase_add_test(tcase, a_server_without_version_is_greeted_without_it);
    tcase_add_loop_test(tcase, a_choice_counts_before_there_is_a_connection, BINARY, META + 1);
    tcase_add_loop_test(tcase, a_server_that_closes_at_words_is_spoken_to_in_binary, 0, 2);
    tcase_add_loop_test(tcase, a_peer_that_is_no_memcached_fails, 0, 16);
    tcase_add_test(tcase, a_server_with_too_many_connections_is_refused);
    tcase_add_loop_test(tcase, a_server_of_http_fails_at_once, 0, 4);
    tcase_add_loop_test(tcase, a_silent_peer_fails_in_time, 0, 4);
    tcase_add_loop_test(tcase, a_peer_that_closes_at_everything_fails, 0, 2);
    tcase_add_loop_test(tcase, a_server_that_dies_in_between_is_found_when_it_is_back, 0, 2);
    tcase_add_test(tcase, the_protocol_is_remembered);
    tcase_add_test(tcase, an_older_server_in_its_place_is_found_out);
    tcase_add_test(tcase, another_server_in_its_place_costs_what_was_sent);
    tcase_add_test(tcase, a_known_protocol_takes_one_connection);
    tcase_add_loop_test(tcase, requests_wait_for_the_protocol, 0, 2);
    tcase_add_test(tcase, a_request_that_cannot_be_carried_harms_no_other);
    tcase_add_loop_test(tcase, a_server_that_is_known_is_not_asked_for_what_it_lacks, META,
                        PLAIN_TEXT + 1);
    tcase_add_loop_test(tcase, raw_opcodes_are_carried_or_refused, META, PLAIN_TEXT + 1);
    return fixture_run(suite);
}
