/*
 * Servers and proxies of other ages than today's: what is spoken with them, and that none
 * of them is ever given a value to execute.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/elder.h"
#include "support/fixture.h"
#include "support/recorder.h"
#include "support/unusable.h"
#include "support/wire.h"
#include "support/words.h"

#include <stdatomic.h>
#include <string.h>
#include <syslog.h>

#define AUTO OMCACHE_PROTOCOL_AUTO
#define BINARY OMCACHE_PROTOCOL_BINARY
#define META OMCACHE_PROTOCOL_META
#define PLAIN_TEXT OMCACHE_PROTOCOL_TEXT

/* A value that is a command to whoever takes it for one. */
#define POISON "set injected 0 0 5\r\nowned\r\n"

static struct elder elder;
static struct peer *peer;
static struct memcached server;

static void speak(peer_script *script, void *context, int protocol)
{
    peer = peer_start(0, script, context);
    patient_client(peer_address(peer));
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    assert_rc(omcache_set_reconnect_timeout(client, 20), OMCACHE_OK);
}

static void speak_with(enum elder_kind kind, int protocol)
{
    elder = ELDER_INIT(kind);
    speak(elder_serve, &elder, protocol);
}

static void finish(void)
{
    omcache_free(client);
    fixture_forget(client);
    peer_stop_all();
    elder_clear(&elder);
}

static void assert_protocol(int expected)
{
    ck_assert_int_eq(omcache_server_protocol(client, 0), expected);
}

static bool has_received(const char *what)
{
    static unsigned char bytes[256 * 1024];
    size_t len = peer_received(peer, bytes, sizeof(bytes));
    return memmem(bytes, len, what, strlen(what)) != NULL;
}

static int set(const char *key, const char *value)
{
    return omcache_set(client, TEXT(key), TEXT(value), 0, 0, 0, -1);
}

static void assert_usable(void)
{
    uint64_t number = 0;
    store("key", "41");
    assert_stored("key", "41");
    assert_rc(omcache_increment(client, TEXT("key"), 1, 0, OMCACHE_DELTA_NO_ADD, &number, -1),
              OMCACHE_OK);
    ck_assert_uint_eq(number, 42);
    store("key", POISON);
    assert_stored("key", POISON);
    assert_rc(omcache_delete(client, TEXT("key"), -1), OMCACHE_OK);
    assert_missing("key");
    ck_assert(!elder_has(&elder, "injected"));
}

/*
 * Found out.
 */

/* On the first connection where the server says what it does not know; on the third where it
 * closes at that, and at "version".  Either way, nobody waits for anything. */
START_TEST(an_elder_is_spoken_to_in_text)
{
    speak_with((enum elder_kind)_i, AUTO);
    int64_t start = clock_ms();
    assert_rc(set("first", POISON), OMCACHE_OK);
    assert_protocol(PLAIN_TEXT);
    assert_usable();
    assert_within(start, 1000);
    ck_assert_uint_eq(peer_connections(peer), _i < ELDER_TWEMPROXY_0_4_1 ? 1 : 3);
    ck_assert_msg(!recorder_has_line(LOG_NOTICE, ""), "the log says: %s", recorder.lines[0].text);
    finish();
}
END_TEST

START_TEST(an_elder_can_be_called_anything)
{
    static const char *const versions[] = {"", "1.6.45", "2.0", "next-generation (tm)", "-1.-1"};
    elder = ELDER_INIT(ELDER_1_6_6);
    elder.version = versions[_i];
    speak(elder_serve, &elder, AUTO);
    assert_usable();
    assert_protocol(PLAIN_TEXT);
    finish();
}
END_TEST

START_TEST(text_and_nothing_else_is_chosen)
{
    speak_with((enum elder_kind)_i, PLAIN_TEXT);
    assert_usable();
    assert_protocol(PLAIN_TEXT);
    ck_assert_uint_eq(peer_connections(peer), _i < ELDER_TWEMPROXY_0_4_1 ? 1 : 2);
    finish();
}
END_TEST

/* The first request, too, waits until it is known what the server does not close at. */
START_TEST(no_request_is_lost_to_a_greeting)
{
    speak_with((enum elder_kind)_i, PLAIN_TEXT);
    assert_missing("key");
    finish();
    speak_with((enum elder_kind)_i, AUTO);
    assert_missing("key");
    finish();
}
END_TEST

/* What worked comes first on the next connections. */
START_TEST(the_greeting_is_remembered)
{
    static const int protocols[] = {AUTO, PLAIN_TEXT};
    speak_with(ELDER_TWEMPROXY_0_4_1, protocols[_i]);
    store("key", "value");
    size_t connections = peer_connections(peer);
    for (size_t i = 1; i <= 3; i++) {
        peer_hang_up(peer);
        clock_sleep(20); /* the connection is looked at before it is used again */
        assert_stored("key", "value");
        ck_assert_uint_eq(peer_connections(peer), connections + i);
    }
    finish();
}
END_TEST

/* And is forgotten when it does not work any more, in either direction. */
static atomic_bool wants_version;

static void serve_whimsically(struct peer *self, void *context)
{
    struct words words;
    const char *closes_at = atomic_load(&wants_version) ? "get" : "version";
    (void)context;
    if (peer_peek(self) == 'm') {
        return;
    }
    while (words_read(self, &words) && strcmp(words.word[0], closes_at) != 0 &&
           words_answer_text(self, &words)) {
        ;
    }
}

START_TEST(another_greeting_is_tried_when_it_works_no_more)
{
    static const int protocols[] = {AUTO, PLAIN_TEXT};
    atomic_store(&wants_version, true);
    speak(serve_whimsically, NULL, protocols[_i]);
    for (int i = 0; i < 4; i++) {
        store("key", "value"); /* has a value, so that nothing is sent with the greeting */
        assert_protocol(PLAIN_TEXT);
        atomic_store(&wants_version, i % 2 != 0);
        peer_hang_up(peer);
        clock_sleep(20);
    }
    ck_assert_msg(!recorder_has_line(LOG_NOTICE, ""), "the log says: %s", recorder.lines[0].text);
}
END_TEST

/* Gets that wait for the protocol in a form that has a no-op behind them, which text has not:
 * these proxies close at what it would become. */
START_TEST(the_first_request_is_for_many)
{
    const unsigned char *keys[] = {(const unsigned char *)"one", (const unsigned char *)"two"};
    size_t lens[] = {3, 3};
    omcache_req_t reqs[2];
    omcache_value_t values[2];
    size_t req_count = 2;
    size_t value_count = 2;
    speak_with((enum elder_kind)_i, AUTO);
    assert_rc(omcache_get_multi(client, keys, lens, 2, reqs, &req_count, values, &value_count, -1),
              OMCACHE_OK);
    ck_assert_uint_eq(req_count, 0);
    assert_usable();
    ck_assert(!recorder_has_line(LOG_NOTICE, ""));
    finish();
}
END_TEST

/*
 * META, where the server has another one.
 */

START_TEST(meta_is_refused_before_a_value_is_sent)
{
    speak_with((enum elder_kind)_i, META);
    int64_t start = clock_ms();
    assert_rc(set("key", POISON), OMCACHE_SERVER_FAILURE);
    ck_assert(recorder_has_line(LOG_WARNING, "down: the server does not speak the meta protocol"));
    for (int i = 0; i < 20; i++) {
        assert_rc_either(set("key", POISON), OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
        clock_sleep(2);
    }
    assert_within(start, 1000);
    ck_assert(!has_received("owned"));
    ck_assert(!elder_has(&elder, "injected"));
    finish();
}
END_TEST

/* Proxies close, so that it cannot be said what they do not like. */
START_TEST(meta_is_refused_by_proxies)
{
    speak_with((enum elder_kind)_i, META);
    assert_rc(set("key", POISON), OMCACHE_SERVER_FAILURE);
    ck_assert(recorder_has_line(LOG_WARNING, "down: "));
    ck_assert(!has_received("owned"));
    finish();
}
END_TEST

static atomic_bool replaced;
static int status_of_end;

static void on_end(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    *(int *)context = omcache_reply_status(reply);
}

static void serve_replaced(struct peer *self, void *context)
{
    if (atomic_load(&replaced)) {
        elder_serve(self, context);
    } else {
        words_serve_meta(self, NULL);
    }
}

static void replace(void)
{
    atomic_store(&replaced, true);
    peer_hang_up(peer);
    clock_sleep(20); /* the connection is looked at before it is used again */
}

/* Where a newer one was, and was spoken to in meta; the application has not noticed. */
START_TEST(an_elder_in_the_place_of_a_newer_one_executes_nothing)
{
    atomic_store(&replaced, false);
    elder = ELDER_INIT((enum elder_kind)_i);
    speak(serve_replaced, &elder, AUTO);
    assert_stored("key", "value of key");
    assert_protocol(META);
    replace();
    assert_rc(set("first", POISON), OMCACHE_OK);
    ck_assert(!elder_has(&elder, "injected"));
    assert_protocol(PLAIN_TEXT);
    assert_usable();
    ck_assert_msg(!recorder_has_line(LOG_NOTICE, ""), "the log says: %s", recorder.lines[0].text);
    finish();
}
END_TEST

START_TEST(an_elder_in_its_place_is_refused_if_meta_was_chosen)
{
    atomic_store(&replaced, false);
    elder = ELDER_INIT((enum elder_kind)_i);
    speak(serve_replaced, &elder, META);
    assert_stored("key", "value of key");
    replace();
    assert_rc(set("first", POISON), OMCACHE_SERVER_FAILURE);
    ck_assert(recorder_has_line(LOG_WARNING, "does not speak the meta protocol"));
    ck_assert(!has_received("owned"));
    finish();
}
END_TEST

/* A read goes out with the first words, so that it fails; what waits behind it does not. */
START_TEST(a_read_in_front_changes_nothing_about_that)
{
    static int protocols[] = {AUTO, META};
    atomic_store(&replaced, false);
    elder = ELDER_INIT(ELDER_1_6_6);
    speak(serve_replaced, &elder, protocols[_i]);
    assert_stored("key", "value of key");
    replace();
    assert_rc(omcache_async_get(client, "key", 3, -1, on_end, &status_of_end), OMCACHE_OK);
    assert_rc(omcache_async_set(client, "first", 5, TEXT(POISON), 0, 0, 0, -1, NULL, NULL),
              OMCACHE_OK);
    status_of_end = -1;
    for (int i = 0; i < 500 && status_of_end == -1; i++) {
        omcache_io(client, NULL, NULL, NULL, NULL, 10);
    }
    assert_rc(status_of_end, OMCACHE_SERVER_FAILURE);
    ck_assert(recorder_has_line(LOG_WARNING, "does not speak the meta protocol"));
    if (_i == 0) {
        assert_rc(set("second", POISON), OMCACHE_OK);
        ck_assert(elder_has(&elder, "first"));
        assert_usable();
        assert_protocol(PLAIN_TEXT);
    } else {
        ck_assert(!has_received("owned"));
    }
    ck_assert(!elder_has(&elder, "injected"));
    finish();
}
END_TEST

/*
 * The same over binary, where the server speaks text only: lines that are in values, and in
 * keys, are commands to it.
 */

static void connect_to_text_only(int protocol)
{
    static const char *const ascii_only[] = {"-B", "ascii", NULL};
    memcached_start_with(&server, FLEET_PORT, ascii_only);
    patient_client(server.address);
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    assert_rc(omcache_set_reconnect_timeout(client, 20), OMCACHE_OK);
}

static void assert_nothing_is_injected(void)
{
    assert_rc(omcache_free(client), OMCACHE_OK);
    fixture_forget(client);
    patient_client(server.address);
    assert_rc(omcache_set_protocol(client, PLAIN_TEXT), OMCACHE_OK);
    assert_missing("injected");
}

START_TEST(binary_is_refused_before_a_value_is_sent)
{
    static const char line[] = "\r\n" POISON;
    connect_to_text_only(BINARY);
    for (int i = 0; i < 20; i++) {
        int rc = i % 2 == 0 ? set("key", line)
                            : omcache_get(client, TEXT(line), NULL, NULL, NULL, NULL, -1);
        assert_rc_either(rc, OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
        clock_sleep(10);
    }
    assert_nothing_is_injected();
}
END_TEST

/* Options of meta end with the others, when it is found that there is none. */
/* The last byte of this cas ends a line, the key is the next, and a no-op ends that. */
START_TEST(a_header_ends_no_line_either)
{
    static const char key[] = "incr victim 5 ";
    connect_to_text_only(PLAIN_TEXT);
    store("victim", "1");
    assert_rc(omcache_free(client), OMCACHE_OK);
    fixture_forget(client);
    patient_client(server.address);
    assert_rc(omcache_set_protocol(client, BINARY), OMCACHE_OK);
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_append(client, TEXT(key), NULL, 0, 0x10a, 0), OMCACHE_BUFFERED);
    omcache_noop(client, 0, 2000);
    assert_rc(omcache_free(client), OMCACHE_OK);
    fixture_forget(client);
    patient_client(server.address);
    assert_rc(omcache_set_protocol(client, PLAIN_TEXT), OMCACHE_OK);
    assert_stored("victim", "1");
}
END_TEST

START_TEST(what_only_meta_has_is_refused_where_an_elder_is_in_its_place)
{
    atomic_store(&replaced, false);
    elder = ELDER_INIT(ELDER_1_6_9);
    speak(serve_replaced, &elder, AUTO);
    assert_stored("key", "value of key");
    replace();
    status_of_end = -1;
    omcache_meta_t *meta = omcache_meta_new();
    assert_rc(omcache_meta_set_new_cas(meta, 7), OMCACHE_OK);
    assert_rc(omcache_async_meta_set(client, "first", 5, TEXT(POISON), 0, meta, -1, on_end,
                                     &status_of_end),
              OMCACHE_OK);
    assert_rc(set("second", POISON), OMCACHE_OK);
    assert_rc(status_of_end, OMCACHE_INVALID);
    ck_assert(!elder_has(&elder, "injected"));
    ck_assert(!elder_has(&elder, "first"));
    ck_assert(elder_has(&elder, "second"));
    omcache_meta_free(meta);
    finish();
}
END_TEST

/*
 * Newer ones, and what comes to light of them only in their first words.
 */

struct words_of_server {
    const char *greeting; /* what it answers to the first words, */
    int protocol;         /* and what it is to be spoken to in */
};

/* Those are two lines, or the server closes. */
static void serve_words(struct peer *self, void *context)
{
    const struct words_of_server *scripted = context;
    struct words words;
    int first = peer_peek(self);
    if (first == 'm' && words_read(self, &words) && words_read(self, &words) &&
        words_send(self, "%s", scripted->greeting)) {
        if (scripted->protocol == META) {
            words_serve_meta(self, NULL);
        } else {
            words_serve_text(self, NULL);
        }
    }
}

START_TEST(first_words_tell_the_syntax)
{
    static struct words_of_server servers[] = {
        {"EN\r\nVERSION 1.6.10\r\n", META},
        {"EN\r\nVERSION 1.6.45\r\n", META},
        {"HD\r\nVERSION 1.6.45\r\n", META}, /* somebody has stored that key */
        {"HD W X\r\nVERSION 1.6.45\r\n", META},
        {"EN\r\nVERSION 1.6.6\r\n", META}, /* it does, whatever it calls itself */
        {"EN\r\nVERSION \r\n", META},
        {"EN\r\nVERSION of my own\r\n", META},
        {"EN\r\nERROR\r\n", META},
        {"EN\r\nSERVER_ERROR backend failure\r\n", META},
        /* memcached's proxy, a server behind which is down. */
        {"SERVER_ERROR backend failure\r\nVERSION 1.6.45\r\n", META},
        {"SERVER_ERROR backend failure\r\nVERSION 1.6.10\r\n", META},
        {"SERVER_ERROR backend failure\r\nVERSION 1.7.0\r\n", META},
        {"SERVER_ERROR backend failure\r\nVERSION 2.0\r\n", META},
        {"SERVER_ERROR unsupported\r\nVERSION 1.6.9\r\n", PLAIN_TEXT},
        {"SERVER_ERROR unsupported\r\nVERSION 1.5.22\r\n", PLAIN_TEXT},
        {"SERVER_ERROR unsupported\r\nVERSION router 2.0\r\n", PLAIN_TEXT},
        {"SERVER_ERROR unsupported\r\nVERSION \r\n", PLAIN_TEXT},
        {"CLIENT_ERROR invalid flag\r\nVERSION 1.6.45\r\n", PLAIN_TEXT},
        {"CLIENT_ERROR\r\nVERSION 2.6.2\r\n", PLAIN_TEXT},
        {"ERROR\r\nSERVER_ERROR Connection refused\r\n", PLAIN_TEXT},
    };
    speak(serve_words, &servers[_i], AUTO);
    assert_stored("key", "value of key");
    store("key", "value");
    assert_protocol(servers[_i].protocol);
    ck_assert_uint_eq(peer_connections(peer), 1);
    ck_assert(!recorder_has_line(LOG_NOTICE, ""));
}
END_TEST

/*
 * A server that wants a password, and since 1.6.44 closes at a bare "mn".
 */

static void serve_locked(struct peer *self, void *context)
{
    struct words words;
    (void)context;
    /* Where lines come together the answers to the first are lost with the connection. */
    for (bool said = false; words_read(self, &words);) {
        if (strcmp(words.word[0], "mn") == 0) {
            return;
        }
        if (!said && !words_send(self, "CLIENT_ERROR unauthenticated\r\n")) {
            return;
        }
        said = true;
    }
}

START_TEST(a_server_that_wants_a_password_is_told_as_such)
{
    static const int protocols[] = {AUTO, META, PLAIN_TEXT};
    speak(serve_locked, NULL, protocols[_i]);
    assert_rc(get_patiently("key"), OMCACHE_AUTH_FAILED);
    ck_assert(recorder_has_line(LOG_WARNING, "the server wants authentication"));
    ck_assert(!has_received("mn\r\n"));
    ck_assert_uint_eq(peer_connections(peer), 1);
}
END_TEST

/*
 * What an elder lacks.
 */

/* Text has none before 1.5.3. */
START_TEST(gat_fails_where_there_is_none)
{
    speak_with(ELDER_1_4_39, AUTO);
    store("key", "value");
    assert_rc(omcache_gat(client, TEXT("key"), NULL, NULL, 10, NULL, NULL, -1), OMCACHE_FAIL);
    assert_stored("key", "value");
    ck_assert_uint_eq(peer_connections(peer), 1);
    finish();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("protocol_old_servers");
    TCase *tcase = fixture_case(suite, "elders");

    tcase_add_loop_test(tcase, an_elder_is_spoken_to_in_text, 0, ELDER_KINDS);
    tcase_add_loop_test(tcase, an_elder_can_be_called_anything, 0, 5);
    tcase_add_loop_test(tcase, text_and_nothing_else_is_chosen, 0, ELDER_KINDS);
    tcase_add_loop_test(tcase, no_request_is_lost_to_a_greeting, 0, ELDER_KINDS);
    tcase_add_loop_test(tcase, the_greeting_is_remembered, 0, 2);
    tcase_add_loop_test(tcase, another_greeting_is_tried_when_it_works_no_more, 0, 2);
    tcase_add_loop_test(tcase, the_first_request_is_for_many, 0, ELDER_KINDS);
    tcase_add_loop_test(tcase, meta_is_refused_before_a_value_is_sent, 0, ELDER_TWEMPROXY_0_4_1);
    tcase_add_loop_test(tcase, meta_is_refused_by_proxies, ELDER_TWEMPROXY_0_4_1, ELDER_KINDS);
    tcase_add_loop_test(tcase, an_elder_in_the_place_of_a_newer_one_executes_nothing, 0,
                        ELDER_KINDS);
    tcase_add_loop_test(tcase, an_elder_in_its_place_is_refused_if_meta_was_chosen, 0,
                        ELDER_TWEMPROXY_0_4_1);
    tcase_add_loop_test(tcase, a_read_in_front_changes_nothing_about_that, 0, 2);
    tcase_add_test(tcase, binary_is_refused_before_a_value_is_sent);
    tcase_add_test(tcase, a_header_ends_no_line_either);
    tcase_add_test(tcase, what_only_meta_has_is_refused_where_an_elder_is_in_its_place);
    tcase_add_loop_test(tcase, first_words_tell_the_syntax, 0, 20);
    tcase_add_loop_test(tcase, a_server_that_wants_a_password_is_told_as_such, 0, 3);
    tcase_add_test(tcase, gat_fails_where_there_is_none);
    return fixture_run(suite);
}
