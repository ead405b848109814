/*
 * Streams of servers that memcached 1.6.18 cannot be made to be: of other versions, that refuse, or
 * that end in the middle.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"
#include "support/outage.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/words.h"

#include <stdio.h>

#define DEAD 300

/* What a peer says to a dump or a watch, and what it does then. */
struct part {
    const char *said;
    bool closes;
    size_t times;     /* that it says that; 0: once */
    size_t piece;     /* in pieces of so many bytes; 0: as it likes */
    size_t early;     /* times that something came behind the hello before that was answered */
    char request[64]; /* what it was asked */
};

static struct part part;
static struct told told_of;

/* A dump has to come in a packet of its own: so nothing may follow the hello. */
static bool greet(struct peer *peer, struct part *played)
{
    char hello[64];
    size_t len = 0;
    while (len < sizeof(hello) && !peer_hears_nothing(peer, 50)) {
        if (!peer_read(peer, hello + len, 1)) {
            return false;
        }
        len++;
    }
    played->early += len % strlen("version\r\n") != 0;
    for (size_t i = 0; i < len / strlen("version\r\n"); i++) {
        words_send(peer, "VERSION 1.6.45\r\n");
    }
    return true;
}

static void play(struct peer *peer, void *context)
{
    struct part *played = context;
    struct words words;
    if (!greet(peer, played) || !words_read(peer, &words)) {
        return;
    }
    for (size_t i = 0; i < words.count; i++) {
        size_t len = strlen(played->request);
        snprintf(played->request + len, sizeof(played->request) - len, "%s ", words.word[i]);
    }
    if (played->piece > 0) {
        peer_send_in_pieces(peer, played->piece);
    }
    for (size_t i = 0; i < (played->times > 0 ? played->times : 1); i++) {
        if (!peer_send(peer, played->said, strlen(played->said))) {
            return;
        }
    }
    if (!played->closes) {
        peer_drain(peer);
    }
}

static struct peer *open_peer(const struct part *played)
{
    struct peer *peer;
    part = *played;
    peer = peer_start(0, play, &part);
    client = impatient(peer_address(peer), 2000, 100, DEAD);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_AUTO), OMCACHE_OK);
    assert_rc(omcache_set_log_callback(client, 0, recorder_log, NULL), OMCACHE_OK);
    watcher_init(&loop, client);
    told_clear();
    memset(&told_of, 0, sizeof(told_of));
    return peer;
}

/* A dump of it has so many calls, and ends so. */
static void assert_dump(const struct part *played, size_t calls, int status)
{
    int64_t begin = clock_ms();
    open_peer(played);
    assert_rc(omcache_async_dump_keys(client, 0, 5000, told_reply, &told_of), OMCACHE_OK);
    while (told_of.ends == 0) {
        watcher_turn(&loop, 1000);
    }
    ck_assert_uint_eq(told_of.calls, calls);
    ck_assert_uint_eq(told_of.ends, 1);
    assert_rc(told_of.status, status);
    assert_within(begin, 2000);
    ck_assert_str_eq(part.request, "lru_crawler metadump all ");
    ck_assert_uint_eq(part.early, 0);
    watcher_turn(&loop, 0);
    ck_assert_uint_eq(loop.count, 0);
    peer_stop_all();
}

START_TEST(newer_servers_begin_with_a_word)
{
    const struct part newer = {
        .said = "OK\r\nkey=a exp=-1 la=1 cas=1 fetch=no cls=1 size=65 flags=5 \n"
                "key=b%20c exp=-1 la=1 cas=2 fetch=no cls=1 size=65 flags=0 \nEND\r\n",
        .piece = _i == 0 ? 0 : 1,
    };
    assert_dump(&newer, 3, OMCACHE_OK);
}
END_TEST

START_TEST(a_server_may_refuse)
{
    assert_dump(&(struct part){.said = "BUSY currently processing crawler request\r\n"}, 1,
                OMCACHE_AGAIN);
    assert_dump(&(struct part){.said = "ERROR lru crawler disabled\r\n"}, 1, OMCACHE_FAIL);
    ck_assert_str_eq(told_of.value, "ERROR lru crawler disabled");
    assert_dump(&(struct part){.said = "OK\r\nkey=a exp=1\nERROR enough\r\n"}, 2, OMCACHE_FAIL);
}
END_TEST

START_TEST(a_dump_may_be_cut_off)
{
    assert_dump(&(struct part){.said = "key=a exp=1\nkey=b e", .closes = true}, 2,
                OMCACHE_SERVER_FAILURE);
    assert_dump(&(struct part){.said = "", .closes = true}, 1, OMCACHE_SERVER_FAILURE);
    assert_dump(&(struct part){.said = "key=a exp=1\nkey=b e"}, 2, OMCACHE_SERVER_FAILURE);
    assert_dump(&(struct part){.said = "key=a exp=1\n"}, 2, OMCACHE_SERVER_FAILURE);
}
END_TEST

START_TEST(what_is_no_dump_ends_it)
{
    assert_dump(&(struct part){.said = "key=a exp=1\nsomething else\n"}, 2, OMCACHE_SERVER_FAILURE);
    ck_assert(recorder_has_line(4, "what came is no answer to what was asked"));
}
END_TEST

/* Who has seen enough of what never ends closes the connection. */
START_TEST(what_never_ends_can_be_ended)
{
    const struct part endless = {
        .said = "key=a exp=1\nkey=b exp=1\nkey=c exp=1\n",
        .times = SIZE_MAX,
    };
    open_peer(&endless);
    assert_rc(omcache_async_dump_keys(client, 0, -1, told_reply, &told_of), OMCACHE_OK);
    watcher_run(&loop, &told_of.calls, 10000);
    assert_rc(omcache_end_streams(client, &told_of), OMCACHE_OK);
    size_t calls = told_of.calls;
    watcher_run(&loop, &told_of.ends, 1);
    ck_assert_uint_eq(told_of.calls, calls + 1);
    assert_rc(told_of.status, OMCACHE_CANCELLED);
    watcher_turn(&loop, 0);
    ck_assert_uint_eq(loop.count, 0);
}
END_TEST

/* The handle's own connection speaks another protocol, and knows nothing of all that. */
START_TEST(a_watch_that_ends_hurts_nobody_else)
{
    const struct part quits = {
        .said = "OK\r\nts=1 gid=1 type=item_get key=a\n",
        .closes = true,
    };
    open_peer(&quits);
    assert_rc(omcache_async_watch(client, "fetchers", 0, -1, told_reply, &told_of), OMCACHE_OK);
    watcher_run(&loop, &told_of.calls, 3);
    assert_rc(told_of.status, OMCACHE_SERVER_FAILURE);
    ck_assert_str_eq(part.request, "watch fetchers ");
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.failures, 0);
    ck_assert_int_eq(stats.state, OMCACHE_SERVER_IDLE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream peers");
    TCase *tcase = operations_case(suite, "stream peers");
    tcase_add_loop_test(tcase, newer_servers_begin_with_a_word, 0, 2);
    tcase_add_test(tcase, a_server_may_refuse);
    tcase_add_test(tcase, a_dump_may_be_cut_off);
    tcase_add_test(tcase, what_is_no_dump_ends_it);
    tcase_add_test(tcase, what_never_ends_can_be_ended);
    tcase_add_test(tcase, a_watch_that_ends_hurts_nobody_else);
    return fixture_run(suite);
}
