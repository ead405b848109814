/*
 * Proxies that close the connection at a command they do not know: the request that did it
 * fails, what was on its way with it fails once, and all others are served.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/nutcracker.h"
#include "support/outage.h"
#include "support/peer.h"
#include "support/told.h"
#include "support/words.h"

#include <stdio.h>

#define GETS 100

static struct nutcracker proxy;

static void open_proxy(int protocol)
{
    proxy = (struct nutcracker){.pid = 0};
    fleet_start(&fleet, 2);
    nutcracker_start(&proxy, &fleet);
    client = fixture_client(proxy.address);
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    store("key", "value");
}

static const int protocols[] = {OMCACHE_PROTOCOL_AUTO, OMCACHE_PROTOCOL_TEXT};

/* None of these is known to nutcracker. */
static int ask_strangely(int which)
{
    omcache_value_t values[10];
    size_t count = 10;
    switch (which % 3) {
    case 0:
        return omcache_gat(client, TEXT("key"), NULL, NULL, 10, NULL, NULL, 5000);
    case 1:
        return omcache_flush_all(client, 0, 0, 5000);
    default:
        assert_rc(omcache_stat(client, NULL, values, &count, 0, 5000), OMCACHE_OK);
        ck_assert_uint_eq(count, 1);
        return values[0].status;
    }
}

static void assert_served(void)
{
    for (int i = 0; i < GETS; i++) {
        assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 5000), OMCACHE_OK);
    }
}

START_TEST(what_a_proxy_rejects_takes_nothing_else_down)
{
    open_proxy(protocols[_i]);
    for (int count = 1; count <= 4; count++) {
        for (int i = 0; i < count; i++) {
            assert_rc_either(ask_strangely(i), OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
        }
        assert_served();
    }
}
END_TEST

/* Those that went out with it may have been answered before it was read, or not. */
START_TEST(what_went_with_it_fails_once)
{
    static struct told gets[4];
    static struct told gat;
    open_proxy(protocols[_i]);
    for (int round = 0; round < 5; round++) {
        memset(gets, 0, sizeof(gets));
        memset(&gat, 0, sizeof(gat));
        for (int i = 0; i < 2; i++) {
            assert_rc(omcache_async_get(client, "key", 3, -1, told_reply, &gets[i]), OMCACHE_OK);
        }
        assert_rc(omcache_async_gat(client, "key", 3, 10, -1, told_reply, &gat), OMCACHE_OK);
        for (int i = 2; i < 4; i++) {
            assert_rc(omcache_async_get(client, "key", 3, -1, told_reply, &gets[i]), OMCACHE_OK);
        }
        drain(client);
        assert_rc(gat.status, OMCACHE_SERVER_FAILURE);
        for (int i = 0; i < 4; i++) {
            ck_assert_uint_eq(gets[i].calls, 1);
            assert_rc_either(gets[i].status, OMCACHE_OK, OMCACHE_SERVER_FAILURE);
        }
        assert_rc(get("key"), OMCACHE_OK);
    }
}
END_TEST

/* Keys on one line have their values in the order in which its servers have answered. */
START_TEST(values_come_in_any_order)
{
    static char names[GETS][32];
    const unsigned char *keys[GETS];
    size_t lens[GETS];
    omcache_req_t reqs[GETS];
    omcache_value_t values[GETS];
    size_t count = GETS;
    size_t found = GETS;
    open_proxy(protocols[_i]);
    for (int i = 0; i < GETS; i++) {
        lens[i] = (size_t)sprintf(names[i], "any-order-%d", i);
        keys[i] = (const unsigned char *)names[i];
        if (i % 3 != 0) {
            store(names[i], names[i]);
        }
    }
    for (int round = 0; round < 20; round++) {
        count = found = GETS;
        assert_rc(omcache_get_multi(client, keys, lens, GETS, reqs, &count, values, &found, 5000),
                  OMCACHE_OK);
        ck_assert_uint_eq(found, GETS - (GETS + 2) / 3);
        for (size_t i = 0; i < found; i++) {
            assert_rc(values[i].status, OMCACHE_OK);
            assert_bytes(values[i].data, values[i].data_len, values[i].key, values[i].key_len);
        }
    }
}
END_TEST

/* Where a server behind it is down, it answers a line with an error, and then closes, which the
 * next round may find out: once, as from then on each get has a line of its own. */
START_TEST(a_server_that_is_down_takes_others_along_once)
{
    static struct told gets[GETS];
    static struct told sets[GETS];
    open_proxy(protocols[_i]);
    memcached_kill(&fleet.servers[0]);
    for (int round = 0; round < 5; round++) {
        size_t found = 0;
        size_t stored = 0;
        memset(gets, 0, sizeof(gets));
        memset(sets, 0, sizeof(sets));
        for (int i = 0; i < GETS; i++) {
            char key[32];
            size_t len = (size_t)snprintf(key, sizeof(key), "some-key-%d", i);
            assert_rc(omcache_async_get(client, key, len, -1, told_reply, &gets[i]), OMCACHE_OK);
        }
        for (int i = 0; i < GETS; i++) {
            char key[32];
            size_t len = (size_t)snprintf(key, sizeof(key), "some-key-%d", i);
            assert_rc(
                omcache_async_set(client, key, len, "v", 1, 0, 0, 0, -1, told_reply, &sets[i]),
                OMCACHE_OK);
        }
        drain(client);
        for (int i = 0; i < GETS; i++) {
            found += gets[i].status == OMCACHE_OK || gets[i].status == OMCACHE_NOT_FOUND;
            stored += sets[i].status == OMCACHE_OK;
        }
        ck_assert_msg(round < 2 || (found > GETS / 5 && stored > GETS / 5),
                      "round %d: %zu gets were answered, %zu sets stored", round, found, stored);
    }
}
END_TEST

/* One that always closes is down in the end. */
static void close_at_arithmetic(struct peer *peer, void *context)
{
    struct words words;
    (void)context;
    while (words_read(peer, &words) && strcmp(words.word[0], "ma") != 0 &&
           words_answer_meta(peer, &words)) {
        ;
    }
}

START_TEST(one_that_rejects_all_is_left_alone)
{
    struct peer *peer = peer_start(0, close_at_arithmetic, NULL);
    client = impatient(peer_address(peer), 2000, 10000, 2000);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_META), OMCACHE_OK);
    assert_rc(get("key"), OMCACHE_OK);
    for (int i = 0; i < 200; i++) {
        int rc = omcache_increment(client, TEXT("key"), 1, 0, OMCACHE_DELTA_NO_ADD, NULL, 2000);
        assert_rc_either(rc, OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    }
    ck_assert_uint_le(peer_connections(peer), 20);
}
END_TEST

/* Closes at "version" and "gats", as soon as it has read them, whatever it owes then. */
static void close_at_version_and_gats(struct peer *peer, void *context)
{
    struct words words[2];
    (void)context;
    if (peer_peek(peer) != 'g' || !words_read(peer, &words[0]) || !words_read(peer, &words[1]) ||
        !peer_hears_nothing(peer, 50) || !words_answer_text(peer, &words[0]) ||
        !words_answer_text(peer, &words[1])) {
        return;
    }
    while (words_read(peer, &words[0]) && strcmp(words[0].word[0], "gats") != 0 &&
           words_answer_text(peer, &words[0])) {
        ;
    }
}

START_TEST(the_first_command_of_all_takes_nothing_down)
{
    struct peer *peer = peer_start(0, close_at_version_and_gats, NULL);
    client = impatient(peer_address(peer), 2000, 10000, 2000);
    assert_rc(omcache_set_protocol(client, protocols[_i]), OMCACHE_OK);
    int rc = omcache_gat(client, TEXT("key"), NULL, NULL, 10, NULL, NULL, 2000);
    assert_rc_either(rc, OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    store("key", "value");
    assert_stored("key", "value of key");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failing_proxy");
    TCase *tcase = fixture_case(suite, "rejected");
    tcase_add_loop_test(tcase, what_a_proxy_rejects_takes_nothing_else_down, 0, 2);
    tcase_add_loop_test(tcase, what_went_with_it_fails_once, 0, 2);
    tcase_add_loop_test(tcase, values_come_in_any_order, 0, 2);
    tcase_add_loop_test(tcase, a_server_that_is_down_takes_others_along_once, 0, 2);
    tcase_add_test(tcase, one_that_rejects_all_is_left_alone);
    tcase_add_loop_test(tcase, the_first_command_of_all_takes_nothing_down, 0, 2);
    return fixture_run(suite);
}
