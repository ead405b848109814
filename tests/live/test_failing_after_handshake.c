/*
 * Servers that prove themselves and then answer nothing: they are not connected to again and
 * again without a pause, and no call waits for them for ever.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/outage.h"
#include "support/peer.h"
#include "support/wire.h"
#include "support/words.h"

#define DURATION 600
#define RECONNECT 400
/* A few at once, and then one after each pause, the first of which is a sixteenth of the
 * reconnect timeout at least. */
#define CONNECTIONS_MAX 16

/*
 * The peers.
 */

static bool greet_binary(struct peer *peer)
{
    struct wire_request request;
    return wire_read(peer, &request) && wire_answer(peer, &request);
}

static bool is_meta(struct peer *peer)
{
    return peer_peek(peer) == 'm';
}

static bool greet(struct peer *peer)
{
    if (peer_peek(peer) == 0x80) {
        return greet_binary(peer);
    }
    return is_meta(peer) ? words_greet_meta(peer) : words_greet_text(peer);
}

static void greet_and_close(struct peer *peer, void *context)
{
    (void)context;
    greet(peer);
}

/* One line too many, which no client has asked for. */
static void greet_and_say_more(struct peer *peer, void *context)
{
    bool meta = is_meta(peer);
    (void)context;
    if (greet(peer)) {
        words_send(peer, meta ? "MN\r\n" : "VERSION 1\r\n");
        peer_drain(peer);
    }
}

/* The answer to a number that no request has, and so long that none is taken. */
static void greet_and_boast(struct peer *peer, void *context)
{
    static const unsigned char header[WIRE_HEADER] = {0x81, WIRE_GETK, [8] = 0x7f, [12] = 0xee};
    (void)context;
    if (greet(peer)) {
        peer_send(peer, header, sizeof(header));
        peer_drain(peer);
    }
}

/* Closes at the first request. */
static void greet_and_refuse(struct peer *peer, void *context)
{
    (void)context;
    if (greet(peer)) {
        peer_peek(peer);
    }
}

/*
 * The tests.
 */

static const struct {
    peer_script *script;
    int protocol;
} cases[] = {
    {greet_and_close, OMCACHE_PROTOCOL_BINARY},  {greet_and_close, OMCACHE_PROTOCOL_META},
    {greet_and_close, OMCACHE_PROTOCOL_TEXT},    {greet_and_close, OMCACHE_PROTOCOL_AUTO},
    {greet_and_say_more, OMCACHE_PROTOCOL_AUTO}, {greet_and_say_more, OMCACHE_PROTOCOL_META},
    {greet_and_say_more, OMCACHE_PROTOCOL_TEXT}, {greet_and_refuse, OMCACHE_PROTOCOL_BINARY},
    {greet_and_refuse, OMCACHE_PROTOCOL_META},   {greet_and_refuse, OMCACHE_PROTOCOL_TEXT},
    {greet_and_boast, OMCACHE_PROTOCOL_BINARY},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static struct peer *peer;

static void open_case(int number)
{
    peer = peer_start(0, cases[number].script, NULL);
    client = impatient(peer_address(peer), 2000, RECONNECT, 2000);
    assert_rc(omcache_set_protocol(client, cases[number].protocol), OMCACHE_OK);
}

START_TEST(one_that_answers_nothing_is_left_alone_for_a_while)
{
    open_case(_i);
    int64_t end = clock_ms() + DURATION;
    while (clock_ms() < end) {
        ck_assert_int_ne(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, 20), OMCACHE_OK);
    }
    ck_assert_uint_le(peer_connections(peer), CONNECTIONS_MAX);
}
END_TEST

START_TEST(a_call_without_a_limit_ends)
{
    open_case(_i);
    for (int i = 0; i < 8; i++) {
        int64_t start = clock_ms();
        assert_rc_either(get("key"), OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
        assert_within(start, clock_allow(1000));
    }
}
END_TEST

/* A value waits for the hello to be answered, and so is never sent. */
START_TEST(a_call_that_stores_ends)
{
    open_case(_i);
    for (int i = 0; i < 4; i++) {
        int64_t start = clock_ms();
        int rc = omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, -1);
        assert_rc_either(rc, OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
        assert_within(start, clock_allow(1000));
    }
    ck_assert_uint_le(peer_connections(peer), CONNECTIONS_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failing_after_handshake");
    TCase *tcase = fixture_case(suite, "useless");
    tcase_add_loop_test(tcase, one_that_answers_nothing_is_left_alone_for_a_while, 0, CASES);
    tcase_add_loop_test(tcase, a_call_without_a_limit_ends, 0, CASES);
    tcase_add_loop_test(tcase, a_call_that_stores_ends, 0, CASES);
    return fixture_run(suite);
}
