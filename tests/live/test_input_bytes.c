/*
 * Every byte at every place of whatever reaches the wire, or may: keys and prefixes before
 * anybody knows which protocol the server speaks, names of statistics, lists of servers and
 * DNS servers, labels, tags.  It is carried as it is, or refused with nothing sent; and
 * what was accepted before the protocol was known has one clear outcome.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/nutcracker.h"
#include "support/recorder.h"
#include "support/told.h"
#include "support/watcher.h"

#include <stdio.h>

#define PLACES 3

/* A way to come to a server that is not known yet. */
static const struct {
    int protocol; /* that is chosen */
    bool proxy;   /* in front of the server is one, which only knows text */
    int spoken;   /* in the end */
} ways[] = {
    {OMCACHE_PROTOCOL_AUTO, false, OMCACHE_PROTOCOL_META},
    {OMCACHE_PROTOCOL_AUTO, true, OMCACHE_PROTOCOL_TEXT},
    {OMCACHE_PROTOCOL_BINARY, false, OMCACHE_PROTOCOL_BINARY},
    {OMCACHE_PROTOCOL_META, false, OMCACHE_PROTOCOL_META},
    {OMCACHE_PROTOCOL_TEXT, false, OMCACHE_PROTOCOL_TEXT},
};

#define WAYS ((int)(sizeof(ways) / sizeof(ways[0])))

static struct nutcracker proxy;
static omcache_t *witness; /* speaks binary with the server itself */
static const char *servers;
static int way;

static void begin(int number)
{
    way = number;
    fleet_start(&fleet, 1);
    servers = fleet.list;
    if (ways[way].proxy) {
        proxy = (struct nutcracker){.pid = 0};
        nutcracker_start(&proxy, &fleet);
        servers = proxy.address;
    }
    witness = fixture_client(fleet.list);
    assert_rc(omcache_set_protocol(witness, OMCACHE_PROTOCOL_BINARY), OMCACHE_OK);
    assert_rc(omcache_set(witness, TEXT("canary"), TEXT("alive"), 0, 0, 0, -1), OMCACHE_OK);
}

/* `client` becomes one that knows nothing of the server. */
static void cold_client(void)
{
    if (client) {
        omcache_t *old = client;
        fixture_forget(old);
        assert_rc(omcache_free(old), OMCACHE_OK);
    }
    client = fixture_client(servers);
    assert_rc(omcache_set_protocol(client, ways[way].protocol), OMCACHE_OK);
}

static bool is_plain(int byte)
{
    return byte > ' ' && byte != 0x7f;
}

static bool is_carried(int byte)
{
    return is_plain(byte) || ways[way].spoken != OMCACHE_PROTOCOL_TEXT;
}

static void assert_witness(const void *key, size_t len, int expected)
{
    int rc = omcache_get(witness, key, len, NULL, NULL, NULL, NULL, -1);
    ck_assert_msg(rc == expected, "key '%s' gave %s, expected %s", printable(key, len), rc_name(rc),
                  rc_name(expected));
}

static void assert_unharmed(void)
{
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_witness("canary", 6, OMCACHE_OK);
    assert_rc(omcache_set(client, TEXT("after"), TEXT("1"), 0, 0, 0, -1), OMCACHE_OK);
    assert_stored("after", "1");
}

/* Of requests that nobody waits for the log tells, and a counter. */
static void assert_lost(uint64_t expected)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.lost, expected);
    ck_assert(recorder_has_line(7, "requests cannot be sent over ") == (expected > 0));
}

/* Requests that wait for the protocol, the bad ones between good ones. */
static void ask_cold(const unsigned char *key, size_t len, struct told *told, int expected)
{
    static struct watcher loop;
    cold_client();
    memset(told, 0, 4 * sizeof(*told));
    told_clear();
    recorder_clear();
    watcher_init(&loop, client);
    assert_rc(omcache_set_log_callback(client, 0, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_async_set(client, "good", 4, "v", 1, 0, 0, 0, -1, told_reply, &told[0]),
              OMCACHE_OK);
    assert_rc(omcache_async_set(client, key, len, "v", 1, 0, 0, 0, -1, told_reply, &told[1]),
              OMCACHE_OK);
    assert_rc(omcache_set(client, key, len, TEXT("v"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set(client, TEXT("other"), TEXT("v"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_async_get(client, key, len, -1, told_reply, &told[2]), OMCACHE_OK);
    assert_rc(omcache_async_get(client, "good", 4, -1, told_reply, &told[3]), OMCACHE_OK);
    watcher_run(&loop, &told_count, 4);
    drain(client);
    for (int i = 0; i < 4; i++) {
        int wanted = i == 1 || i == 2 ? expected : OMCACHE_OK;
        ck_assert_uint_eq(told[i].calls, 1);
        ck_assert_msg(told[i].status == wanted, "key '%s': request %d ended with %s, expected %s",
                      printable(key, len), i, rc_name(told[i].status), rc_name(wanted));
    }
    assert_lost(expected == OMCACHE_INVALID);
    ck_assert_int_eq(omcache_server_protocol(client, 0), ways[way].spoken);
    assert_witness("good", 4, OMCACHE_OK);
    assert_witness(key, len, expected == OMCACHE_OK ? OMCACHE_OK : OMCACHE_NOT_FOUND);
}

/* The first call on a client is one that waits. */
static void call_cold(const unsigned char *key, size_t len, int expected)
{
    const unsigned char *keys[3] = {(const unsigned char *)"good", key,
                                    (const unsigned char *)"canary"};
    size_t lens[3] = {4, len, 6};
    omcache_req_t reqs[3];
    omcache_value_t values[3];
    size_t count = 3;
    size_t room = 3;
    size_t found = 0;
    cold_client();
    int rc = omcache_set(client, key, len, TEXT("v"), 0, 0, 0, -1);
    ck_assert_msg(rc == expected, "key '%s' gave %s, expected %s", printable(key, len), rc_name(rc),
                  rc_name(expected));
    cold_client();
    assert_rc(omcache_get_multi(client, keys, lens, 3, reqs, &count, values, &room, -1),
              OMCACHE_OK);
    for (size_t i = 0; i < room; i++) {
        found += values[i].status == OMCACHE_OK;
        assert_rc_either(values[i].status, OMCACHE_OK, expected);
    }
    ck_assert_uint_eq(room, 3);
    ck_assert_uint_eq(found, expected == OMCACHE_OK ? 3 : 2);
    /* And now that it is known: */
    assert_rc(omcache_get(client, key, len, NULL, NULL, NULL, NULL, -1), expected);
    assert_rc(omcache_delete(client, key, len, -1), expected);
}

START_TEST(every_byte_before_the_protocol_is_known)
{
    static const size_t places[PLACES] = {0, 3, 6};
    struct told told[4];
    begin(_i);
    for (int byte = 0; byte < 256; byte = fixture_next_byte(byte)) {
        for (size_t i = 0; i < PLACES; i++) {
            unsigned char key[7] = "key-key";
            int expected = is_carried(byte) ? OMCACHE_OK : OMCACHE_INVALID;
            key[places[i]] = (unsigned char)byte;
            ask_cold(key, sizeof(key), told, expected);
            call_cold(key, sizeof(key), expected);
        }
    }
    assert_unharmed();
}
END_TEST

/* In meta such keys are sent in base64, which makes them longer. */
START_TEST(long_keys_before_the_protocol_is_known)
{
    static const size_t lens[] = {1, 2, 185, 186, 187, 188, 249, 250};
    struct told told[4];
    begin(_i);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        unsigned char key[250];
        bool fits = ways[way].spoken != OMCACHE_PROTOCOL_META || lens[i] <= 186;
        memset(key, 'k', sizeof(key));
        ask_cold(key, lens[i], told, OMCACHE_OK);
        call_cold(key, lens[i], OMCACHE_OK);
        key[lens[i] - 1] = '\n';
        ask_cold(key, lens[i], told, fits && is_carried('\n') ? OMCACHE_OK : OMCACHE_INVALID);
        call_cold(key, lens[i], fits && is_carried('\n') ? OMCACHE_OK : OMCACHE_INVALID);
    }
    assert_unharmed();
}
END_TEST

START_TEST(every_byte_in_prefixes)
{
    static const size_t places[PLACES] = {0, 2, 4};
    begin(_i);
    for (int byte = 0; byte < 256; byte = fixture_next_byte(byte)) {
        for (size_t i = 0; i < PLACES; i++) {
            unsigned char key[8] = "pre:-key";
            int expected = is_carried(byte) ? OMCACHE_OK : OMCACHE_INVALID;
            key[places[i]] = (unsigned char)byte;
            for (int cold = 1; cold >= 0; cold--) {
                if (cold) {
                    cold_client();
                }
                assert_rc(omcache_set_key_prefix(client, key, 5, _i & 1), OMCACHE_OK);
                assert_rc(omcache_set(client, key + 5, 3, TEXT("v"), 0, 0, 0, -1), expected);
                assert_witness(key, 8, expected == OMCACHE_OK ? OMCACHE_OK : OMCACHE_NOT_FOUND);
                assert_rc(omcache_touch(client, key + 5, 3, 0, -1), expected);
                assert_rc(omcache_delete(client, key + 5, 3, -1), expected);
                assert_witness(key, 8, OMCACHE_NOT_FOUND);
            }
        }
    }
    assert_rc(omcache_set_key_prefix(client, NULL, 0, 0), OMCACHE_OK);
    assert_unharmed();
}
END_TEST

/* In lines, blanks separate the names of statistics, and control bytes are refused. */
START_TEST(every_byte_in_the_names_of_statistics)
{
    static const size_t places[PLACES] = {0, 3, 6};
    begin(_i);
    if (ways[way].proxy) {
        return; /* which knows none */
    }
    for (int byte = 1; byte < 256; byte = fixture_next_byte(byte)) {
        bool words = ways[way].spoken != OMCACHE_PROTOCOL_BINARY;
        bool refused = words && (byte < ' ' || byte == 0x7f);
        for (size_t i = 0; i < (size_t)2 * PLACES; i++) {
            omcache_value_t values[8];
            size_t room = 8;
            char name[8] = "no-such";
            name[places[i / 2]] = (char)byte;
            if (i % 2 == 0) {
                cold_client();
            }
            int rc = omcache_stat(client, name, values, &room, 0, -1);
            if (rc == OMCACHE_OK && room == 1) {
                rc = values[0].status;
            }
            ck_assert_msg((rc == OMCACHE_INVALID) == refused, "'%s' gave %s", printable(name, 7),
                          rc_name(rc));
        }
    }
    assert_unharmed();
}
END_TEST

/*
 * What goes nowhere, or not to a memcached.
 */

/* That a list that was set, or refused, leaves a client that can be used. */
static void use_list(const char *list)
{
    int rc = omcache_set_servers(client, list);
    assert_rc_either(rc, OMCACHE_OK, OMCACHE_INVALID);
    if (rc == OMCACHE_OK) {
        int count = 0;
        omcache_server_info_t *info;
        while ((info = omcache_server_info(client, count)) != NULL) {
            omcache_server_info_free(client, info);
            count++;
        }
        for (int i = 0; i < count; i++) {
            assert_rc_either(omcache_noop(client, i, 2000), OMCACHE_NO_SERVERS, OMCACHE_OK);
        }
    }
}

START_TEST(every_byte_in_lists_of_servers)
{
    /* In the place of the "?"; nobody listens there, wherever that is. */
    static const char *const lists[] = {
        "?127.0.0.1:1",  "127.0.0.?:1",      "127.0.0.1?:1",
        "127.0.0.1:?1",  "127.0.0.1:1?",     "[::1?]:1",
        "[::1]?1",       "/no/such?/socket", "n?/no",
        "?=127.0.0.1:1", "a?b=[::1]:1",      "a=?::1]:1",
        "127.0.0.1:1/?", "127.0.0.1:1/?7",   "127.0.0.1:1?127.0.0.1:2",
    };
    client = omcache_init();
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    /* Whoever is asked for the names among them does not answer. */
    assert_rc(omcache_set_connect_timeout(client, 20), OMCACHE_OK);
    if (fixture_knows_names()) {
        assert_rc(omcache_set_dns_servers(client, "127.0.0.1:1"), OMCACHE_OK);
    }
    for (int byte = 1; byte < 256; byte = fixture_next_byte(byte)) {
        for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
            char list[64];
            snprintf(list, sizeof(list), "%s", lists[i]);
            *strchr(list, '?') = (char)byte;
            use_list(list);
        }
    }
    for (size_t i = 0; i < recorder.line_count && i < RECORDER_MAX; i++) {
        for (const char *at = recorder.lines[i].text; *at != '\0'; at++) {
            ck_assert_msg((unsigned char)*at >= ' ' && *at != 0x7f, "a log line has byte %d", *at);
        }
    }
    assert_rc(omcache_free(client), OMCACHE_OK);
    client = NULL;
}
END_TEST

START_TEST(every_byte_in_lists_of_dns_servers)
{
    static const char *const lists[] = {"?127.0.0.1",   "127.0.0.?", "127.0.0.1?", "127.0.0.1:?",
                                        "127.0.0.1:5?", "[::1?",     "[::1]?",     "[::1]:?3"};
    client = omcache_init();
    for (int byte = 1; byte < 256; byte = fixture_next_byte(byte)) {
        for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
            char list[32];
            snprintf(list, sizeof(list), "%s", lists[i]);
            *strchr(list, '?') = (char)byte;
            int rc = omcache_set_dns_servers(client, list);
            assert_rc_either(rc, OMCACHE_OK, OMCACHE_INVALID);
            if (byte < ' ' && byte != '\t') {
                assert_rc(rc, OMCACHE_INVALID);
            }
        }
    }
    assert_rc(omcache_free(client), OMCACHE_OK);
    client = NULL;
}
END_TEST

/* Tags only choose: keys are what they were. */
START_TEST(every_byte_in_tags)
{
    begin(2); /* binary, which carries all */
    cold_client();
    for (int byte = 1; byte < 256; byte = fixture_next_byte(byte)) {
        char tag[3] = {(char)byte, (char)(256 - byte), '\0'};
        unsigned char key[6] = {'k', (unsigned char)byte, 't', (unsigned char)(256 - byte), 'y'};
        assert_rc(omcache_set_hash_tag(client, tag), OMCACHE_OK);
        assert_rc(omcache_set(client, key, 5, TEXT("v"), 0, 0, 0, -1), OMCACHE_OK);
        assert_witness(key, 5, OMCACHE_OK);
        assert_rc(omcache_delete(client, key, 5, -1), OMCACHE_OK);
    }
    assert_unharmed();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("input_bytes");
    TCase *tcase = fixture_case(suite, "input_rules");

    tcase_add_loop_test(tcase, every_byte_before_the_protocol_is_known, 0, WAYS);
    tcase_add_loop_test(tcase, long_keys_before_the_protocol_is_known, 0, WAYS);
    tcase_add_loop_test(tcase, every_byte_in_prefixes, 0, WAYS);
    tcase_add_loop_test(tcase, every_byte_in_the_names_of_statistics, 0, WAYS);
    tcase_add_test(tcase, every_byte_in_lists_of_servers);
    tcase_add_test(tcase, every_byte_in_lists_of_dns_servers);
    tcase_add_test(tcase, every_byte_in_tags);
    return fixture_run(suite);
}
