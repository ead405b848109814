/*
 * Servers that go wrong over the protocols made of lines: errors and answers that belong
 * to another request, to none, or come late or in pieces.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/unusable.h"
#include "support/watcher.h"
#include "support/wire.h"
#include "support/words.h"

#include <stdio.h>
#include <stdlib.h>

#define META OMCACHE_PROTOCOL_META
#define PLAIN_TEXT OMCACHE_PROTOCOL_TEXT

static bool answer_well(struct peer *peer, const struct words *words)
{
    return strncmp(words->word[0], "m", 1) == 0 ? words_answer_meta(peer, words)
                                                : words_answer_text(peer, words);
}

static bool key_begins(const struct words *words, const char *with)
{
    return strncmp(words->word[1], with, strlen(with)) == 0;
}

/* Answers well, but to keys that begin with "odd" with the words of context, in which
 * @ becomes what the request has as opaque. */
static void answer_oddly(struct peer *peer, void *context)
{
    struct words words;
    while (words_read(peer, &words)) {
        if (!key_begins(&words, "odd")) {
            answer_well(peer, &words);
            continue;
        }
        const char *opaque = words_flag(&words, 'O');
        char answer[1000];
        size_t len = 0;
        for (const char *at = context; *at; at++) {
            if (*at == '@' && opaque) {
                len += (size_t)snprintf(answer + len, sizeof(answer) - len, "%s", opaque);
            } else {
                answer[len++] = *at;
            }
        }
        peer_send(peer, answer, len);
        while (words.more && words_read(peer, &words)) {
            ; /* that was the answer to all that are left on the line */
        }
    }
}

static struct peer *peer;

static void speak(peer_script *script, void *context, int protocol)
{
    peer = peer_start(0, script, context);
    patient_client(peer_address(peer));
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    ck_assert_int_eq(omcache_server_protocol(client, 0), protocol);
}

/* That the next request finds this many connections, and its own answer. */
static void assert_goes_on(size_t connections)
{
    assert_stored("next", "value of next");
    ck_assert_uint_eq(peer_connections(peer), connections);
}

struct oddity {
    int protocol;
    const char *answer;
    int expected;
    bool kept; /* the connection is */
};

#define FAILURE OMCACHE_SERVER_FAILURE, false

static const struct oddity gets[] = {
    {PLAIN_TEXT, "END\r\n", OMCACHE_NOT_FOUND, true},
    {PLAIN_TEXT, "ERROR\r\n", OMCACHE_FAIL, true},
    {PLAIN_TEXT, "SERVER_ERROR out of memory\r\n", OMCACHE_FAIL, true},
    {PLAIN_TEXT, "CLIENT_ERROR what?\r\n", OMCACHE_FAIL, true},
    {PLAIN_TEXT, "CLIENT_ERROR\r\n", OMCACHE_FAIL, true}, /* twemcache has no words */
    {PLAIN_TEXT, "SERVER_ERROR\r\n", OMCACHE_FAIL, true},
    {PLAIN_TEXT, "SERVER_ERROR object too large for cache\r\n", OMCACHE_FAIL, true},
    {PLAIN_TEXT, "CLIENT_ERROR bad data chunk\r\n", OMCACHE_FAIL, true},
    {PLAIN_TEXT, "CLIENT_ERRORS\r\n", FAILURE},
    {PLAIN_TEXT, "CLIENT_ERROR\r\nCLIENT_ERROR\r\n", OMCACHE_FAIL, false},
    {PLAIN_TEXT, "VALUE odd 0 5\r\nvalue\r\nEND\r\n", OMCACHE_OK, true},
    /* Two answers: the second one is nobody's. */
    {PLAIN_TEXT, "END\r\nEND\r\n", OMCACHE_NOT_FOUND, false},
    {PLAIN_TEXT, "VALUE odd 0 1 1\r\nv\r\nEND\r\nEND\r\n", OMCACHE_OK, false},
    {PLAIN_TEXT, "ERROR\r\nERROR\r\n", OMCACHE_FAIL, false},
    /* No end. */
    {PLAIN_TEXT, "VALUE odd 0 1 1\r\nv\r\nVALUE next 0 1 1\r\n", FAILURE},
    {PLAIN_TEXT, "VALUE odd 0 1 1\r\nvalue\r\nEND\r\n", FAILURE},
    {PLAIN_TEXT, "VALUE odd 0 5 1\r\nv\r\nEND\r\n\r\n\r\n", FAILURE},
    {PLAIN_TEXT, "VALUE other 0 1 1\r\nv\r\nEND\r\n", FAILURE},
    {PLAIN_TEXT, "VALUE odd 0 1 1 1\r\nv\r\nEND\r\n", FAILURE},
    {PLAIN_TEXT, "VALUE odd -2147483649 1 1\r\nv\r\nEND\r\n", FAILURE},
    {PLAIN_TEXT, "VALUE odd - 1 1\r\nv\r\nEND\r\n", FAILURE},
    {PLAIN_TEXT, "VALUE odd 4294967296 1 1\r\nv\r\nEND\r\n", FAILURE},
    {PLAIN_TEXT, "VALUE odd 0 18446744073709551616 1\r\nv\r\nEND\r\n", FAILURE},
    {PLAIN_TEXT, "VALUE\r\n", FAILURE},
    {PLAIN_TEXT, "VALUE odd 0 18446744073709551615 1\r\n", OMCACHE_BUFFER_FULL, false},
    {PLAIN_TEXT, "VALUE odd 0 4294967295 1\r\n", OMCACHE_BUFFER_FULL, false},
    {PLAIN_TEXT, "STORED\r\n", FAILURE},
    {PLAIN_TEXT, "7\r\n", FAILURE},
    {PLAIN_TEXT, "END\n", FAILURE},
    {PLAIN_TEXT, "\r\n", FAILURE},
    {PLAIN_TEXT, "end\r\n", FAILURE},
    {PLAIN_TEXT, "VERSION 1\r\n", FAILURE},
    {PLAIN_TEXT, "\x81", FAILURE},

    {META, "EN\r\n", OMCACHE_NOT_FOUND, true},
    {META, "EN @\r\n", OMCACHE_NOT_FOUND, true},
    {META, "ERROR\r\n", OMCACHE_FAIL, true},
    {META, "SERVER_ERROR out of memory\r\n", OMCACHE_FAIL, true},
    {META, "CLIENT_ERROR what?\r\n", OMCACHE_FAIL, true},
    {META, "VA 1 f0 c1 @ kodd\r\nv\r\n", OMCACHE_OK, true},
    /* Unknown flags. */
    {META, "VA 1 Z f0 xyz1 c1 @ kodd W t-1 h0 l5 !\r\nv\r\n", OMCACHE_OK, true},
    {META, "EN ? @\r\n", OMCACHE_NOT_FOUND, true},
    /* Two answers. */
    {META, "EN @\r\nEN @\r\n", OMCACHE_NOT_FOUND, false},
    {META, "VA 1 f0 c1 @ kodd\r\nv\r\nVA 1 f0 c1 @ kodd\r\nv\r\n", OMCACHE_OK, false},
    /* Another request's. */
    {META, "EN O00000000\r\n", FAILURE},
    {META, "EN O????????\r\n", FAILURE},
    {META, "VA 1 f0 c1 O1 kodd\r\nv\r\n", FAILURE},
    {META, "VA 1 f0 c1 Oabcdefgh kodd\r\nv\r\n", FAILURE},
    {META, "VA 1 f0 c1 @ @ kodd\r\nv\r\n", FAILURE},
    {META, "VA 1 f0 c1 @ kxdd\r\nv\r\n", FAILURE},
    {META, "VA 1 f0 c1 @ kodder\r\nv\r\n", FAILURE},
    {META, "VA 1 f0 c1 @ kb2Rk b\r\nv\r\n", OMCACHE_OK, true}, /* "odd" in base64 */
    {META, "VA 1 f0 c1 @ kb2Rl b\r\nv\r\n", FAILURE},
    {META, "HD @\r\n", FAILURE},
    {META, "NS @\r\n", FAILURE},
    {META, "MN\r\n", FAILURE},
    {META, "XX @\r\n", FAILURE},
    {META, "VA 1 f0 c1 @ kodd\r\nvalue\r\n", FAILURE},
    {META, "VA 1 f0 c1 @ kodd\nv\r\n", FAILURE},
    {META, "VA x f0 c1 @ kodd\r\nv\r\n", FAILURE},
    {META, "VA 1 c1 @ kodd\r\nv\r\n", FAILURE},
    {META, "VA 1 f4294967296 c1 @ kodd\r\nv\r\n", FAILURE},
    {META, "VA 18446744073709551615 f0 c1 @ kodd\r\n", OMCACHE_BUFFER_FULL, false},
    {META, "VA 4294967295 f0 c1 @ kodd\r\n", OMCACHE_BUFFER_FULL, false},
    {META, "END\r\n", FAILURE},
    {META, "\r\n", FAILURE},
    {META, "\x81", FAILURE},
};

#define GETS ((int)(sizeof(gets) / sizeof(gets[0])))

START_TEST(odd_answers_to_gets)
{
    const struct oddity *odd = &gets[_i];
    speak(answer_oddly, (void *)(uintptr_t)odd->answer, odd->protocol);
    int64_t start = clock_ms();
    int rc = get_patiently("odd");
    ck_assert_msg(rc == odd->expected, "'%s' gave %s", odd->answer, rc_name(rc));
    assert_within(start, 1000);
    assert_goes_on(odd->kept ? 1 : 2);
}
END_TEST

static const struct oddity sets[] = {
    {PLAIN_TEXT, "STORED\r\n", OMCACHE_OK, true},
    {PLAIN_TEXT, "EXISTS\r\n", OMCACHE_KEY_EXISTS, true},
    {PLAIN_TEXT, "NOT_FOUND\r\n", OMCACHE_NOT_FOUND, true},
    {PLAIN_TEXT, "NOT_STORED\r\n", OMCACHE_NOT_STORED, true},
    {PLAIN_TEXT, "SERVER_ERROR object too large for cache\r\n", OMCACHE_TOO_LARGE_VALUE, true},
    {PLAIN_TEXT, "SERVER_ERROR out of memory storing object\r\n", OMCACHE_FAIL, true},
    {PLAIN_TEXT, "SERVER_ERROR Connection refused\r\n", OMCACHE_FAIL, true},
    /* Who knows what it took the data for. */
    {PLAIN_TEXT, "SERVER_ERROR\r\n", FAILURE},
    {PLAIN_TEXT, "ERROR\r\n", FAILURE},
    {PLAIN_TEXT, "CLIENT_ERROR\r\n", FAILURE},
    {PLAIN_TEXT, "CLIENT_ERROR bad data chunk\r\n", FAILURE},
    {PLAIN_TEXT, "CLIENT_ERROR bad command line format\r\n", FAILURE},
    {PLAIN_TEXT, "ERROR\r\nERROR\r\n", FAILURE},
    {PLAIN_TEXT, "SERVER_ERROR x\r\nERROR\r\n", OMCACHE_FAIL, false},
    {PLAIN_TEXT, "STORED\r\nSTORED\r\n", OMCACHE_OK, false},
    {PLAIN_TEXT, "DELETED\r\n", FAILURE},
    {PLAIN_TEXT, "VALUE odd 0 1 1\r\nv\r\nEND\r\n", FAILURE},
    {PLAIN_TEXT, "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n", FAILURE},

    {META, "HD @\r\n", OMCACHE_OK, true},
    {META, "HD @ x9 Y\r\n", OMCACHE_OK, true},
    {META, "HD\r\n", OMCACHE_OK, true},
    {META, "EX @\r\n", OMCACHE_KEY_EXISTS, true},
    {META, "NF @\r\n", OMCACHE_NOT_FOUND, true},
    {META, "NS @\r\n", OMCACHE_NOT_STORED, true},
    {META, "SERVER_ERROR object too large for cache\r\n", OMCACHE_TOO_LARGE_VALUE, true},
    {META, "SERVER_ERROR out of memory storing object\r\n", OMCACHE_FAIL, true},
    {META, "ERROR\r\n", FAILURE},
    {META, "CLIENT_ERROR bad data chunk\r\n", FAILURE},
    {META, "CLIENT_ERROR bad command line format\r\n", FAILURE},
    {META, "HD @\r\nHD @\r\n", OMCACHE_OK, false},
    {META, "HD O12345678\r\n", FAILURE},
    {META, "VA 1 f0 @\r\nv\r\n", FAILURE},
    {META, "EN @\r\n", FAILURE},
    {META, "STORED\r\n", FAILURE},
};

#define SETS ((int)(sizeof(sets) / sizeof(sets[0])))

START_TEST(odd_answers_to_sets)
{
    const struct oddity *odd = &sets[_i];
    speak(answer_oddly, (void *)(uintptr_t)odd->answer, odd->protocol);
    int64_t start = clock_ms();
    int rc = omcache_set(client, TEXT("odd"), TEXT("value"), 0, 0, 0, -1);
    ck_assert_msg(rc == odd->expected, "'%s' gave %s", odd->answer, rc_name(rc));
    assert_within(start, 1000);
    assert_goes_on(odd->kept ? 1 : 2);
}
END_TEST

static const struct oddity counts[] = {
    {PLAIN_TEXT, "18446744073709551615\r\n", OMCACHE_OK, true},
    {PLAIN_TEXT, "NOT_FOUND\r\n", OMCACHE_NOT_FOUND, true},
    {PLAIN_TEXT, "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
     OMCACHE_DELTA_BAD_VALUE, true},
    {PLAIN_TEXT, "ERROR\r\n", OMCACHE_FAIL, true},
    {PLAIN_TEXT, "CLIENT_ERROR\r\n", OMCACHE_FAIL, true},
    {PLAIN_TEXT, "18446744073709551616\r\n", FAILURE},
    {PLAIN_TEXT, "-1\r\n", FAILURE},
    {PLAIN_TEXT, "7x\r\n", FAILURE},
    {PLAIN_TEXT, "7\n", FAILURE},
    {PLAIN_TEXT, "7\r\n8\r\n", OMCACHE_OK, false},

    {META, "VA 20 @ c1\r\n18446744073709551615\r\n", OMCACHE_OK, true},
    {META, "NF @\r\n", OMCACHE_NOT_FOUND, true},
    {META, "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
     OMCACHE_DELTA_BAD_VALUE, true},
    {META, "HD @\r\n", FAILURE},
    {META, "VA 1 @\r\nx\r\n", FAILURE},
    {META, "VA 0 @\r\n\r\n", FAILURE},
    {META, "VA 20 @\r\n18446744073709551616\r\n", FAILURE},
    {META, "VA 21 @\r\n018446744073709551615\r\n", FAILURE},
    {META, "VA 1 @\r\n7\r\nVA 1 @\r\n7\r\n", OMCACHE_OK, false},
};

#define COUNTS ((int)(sizeof(counts) / sizeof(counts[0])))

START_TEST(odd_answers_to_counters)
{
    const struct oddity *odd = &counts[_i];
    speak(answer_oddly, (void *)(uintptr_t)odd->answer, odd->protocol);
    int rc = omcache_increment(client, TEXT("odd"), 1, 0, OMCACHE_DELTA_NO_ADD, NULL, -1);
    ck_assert_msg(rc == odd->expected, "'%s' gave %s", odd->answer, rc_name(rc));
    assert_goes_on(odd->kept ? 1 : 2);
}
END_TEST

/* As memcached 1.4.13 prints those of 2^31 and more. */
START_TEST(negative_flags_are_large_ones)
{
    static const struct {
        char *answer;
        uint32_t flags;
    } cases[] = {{"VALUE odd -559038737 1 1\r\nv\r\nEND\r\n", 0xdeadbeef},
                 {"VALUE odd -1 1 1\r\nv\r\nEND\r\n", UINT32_MAX},
                 {"VALUE odd -2147483648 1\r\nv\r\nEND\r\n", 0x80000000},
                 {"VALUE odd 2147483648 1\r\nv\r\nEND\r\n", 0x80000000}};
    const unsigned char *value;
    size_t len;
    uint32_t flags = 0;
    speak(answer_oddly, cases[_i].answer, PLAIN_TEXT);
    assert_rc(omcache_get(client, TEXT("odd"), &value, &len, &flags, NULL, -1), OMCACHE_OK);
    assert_text(value, len, "v");
    ck_assert_uint_eq(flags, cases[_i].flags);
    assert_goes_on(1);
}
END_TEST

/* A length that overflows with what is around the value, so that its end could be found in
 * front of it, where that of another value is. */
START_TEST(no_length_overflows_without_a_limit)
{
    const unsigned char *keys[2] = {(const unsigned char *)"odd", (const unsigned char *)"odd"};
    size_t lens[2] = {3, 3};
    omcache_req_t reqs[2];
    omcache_value_t values[2];
    size_t count = 2;
    size_t room = 2;
    char answer[200];
    snprintf(answer, sizeof(answer), "VALUE odd 0 1 1\r\nx\r\nVALUE odd 0 %llu 1\r\nx\r\nEND\r\n",
             (unsigned long long)(UINT64_MAX - (unsigned)_i));
    speak(answer_oddly, answer, PLAIN_TEXT);
    assert_rc(omcache_set_recv_buffer_max_size(client, SIZE_MAX), OMCACHE_OK);
    assert_rc(omcache_get_multi(client, keys, lens, 2, reqs, &count, values, &room, -1),
              OMCACHE_OK);
    ck_assert_uint_eq(room, 2);
    assert_rc(values[0].status, OMCACHE_OK);
    assert_text(values[0].data, values[0].data_len, "x");
    assert_rc_either(values[1].status, OMCACHE_SERVER_FAILURE, OMCACHE_BUFFER_FULL);
    assert_goes_on(2);
}
END_TEST

/*
 * Several requests at once.
 */

static struct {
    size_t count;
    int status[8]; /* by the number in context */
    char value[8][32];
} ends;

static int places[8];

static void on_end(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t len;
    const unsigned char *value = omcache_reply_value(reply, &len);
    int place = (int)((int *)context - places);
    (void)mc;
    ends.count++;
    ends.status[place] = omcache_reply_status(reply);
    snprintf(ends.value[place], sizeof(ends.value[0]), "%.*s", (int)len,
             value ? (const char *)value : "");
}

static void finish(size_t count)
{
    for (int i = 0; i < 500 && ends.count < count; i++) {
        omcache_io(client, NULL, NULL, NULL, NULL, 10);
    }
    ck_assert_uint_eq(ends.count, count);
}

/* The error is the one request's that it answers, and its neighbours have theirs.  In text it is
 * also that of the gets behind it on the same line. */
START_TEST(errors_are_matched_by_order)
{
    static char error[] = "SERVER_ERROR out of something\r\n";
    int protocol = _i ? PLAIN_TEXT : META;
    memset(&ends, 0, sizeof(ends));
    speak(answer_oddly, error, protocol);
    for (int i = 0; i < 6; i++) {
        static const char *const keys[] = {"one", "odd1", "two", "odd2", "odd3", "three"};
        int rc =
            i % 4 == 3
                ? omcache_async_delete(client, keys[i], strlen(keys[i]), -1, on_end, &places[i])
                : omcache_async_get(client, keys[i], strlen(keys[i]), -1, on_end, &places[i]);
        assert_rc(rc, OMCACHE_OK);
    }
    finish(6);
    for (int i = 0; i < 6; i++) {
        bool odd = i == 1 || i == 3 || i == 4;
        bool behind = protocol == PLAIN_TEXT && (i == 2 || i == 5);
        assert_rc(ends.status[i], odd || behind ? OMCACHE_FAIL : OMCACHE_OK);
    }
    ck_assert_str_eq(ends.value[0], "value of one");
    if (protocol == META) {
        ck_assert_str_eq(ends.value[2], "value of two");
        ck_assert_str_eq(ends.value[5], "value of three");
    }
    assert_goes_on(1);
}
END_TEST

/* Finds all but two, and takes its time for each. */
static void answer_slowly(struct peer *self, void *context)
{
    struct words words;
    while (words_read(self, &words)) {
        if (words.word[0][0] != 'g') {
            words_answer_text(self, &words);
            continue;
        }
        clock_sleep(*(const int *)context);
        if (!key_begins(&words, "none") && !key_begins(&words, "user:25193")) {
            words_answer_text(self, &words);
        } else if (!words.more) {
            words_send(self, "END\r\n");
        }
    }
}

/* The end of the line is the answer to what it has not found, however long the others take. */
START_TEST(a_line_may_take_longer_than_the_dead_timeout)
{
    static int pause = 40;
    const unsigned char *keys[10];
    size_t lens[10];
    omcache_req_t reqs[10];
    omcache_value_t values[10];
    size_t count = 10;
    size_t room = 10;
    speak(answer_slowly, &pause, PLAIN_TEXT);
    assert_rc(omcache_set_dead_timeout(client, 200), OMCACHE_OK);
    for (size_t i = 0; i < 10; i++) {
        const char *key = i == 0 ? "none" : i % 2 == 0 ? "some" : "other";
        keys[i] = (const unsigned char *)key;
        lens[i] = strlen(key);
    }
    assert_rc(omcache_get_multi(client, keys, lens, 10, reqs, &count, values, &room, -1),
              OMCACHE_OK);
    ck_assert_uint_eq(room, 9);
    for (size_t i = 0; i < room; i++) {
        assert_rc(values[i].status, OMCACHE_OK);
    }
    assert_goes_on(1);
}
END_TEST

/* These have the same sum, which is all that is left of the first one's key when it has timed out.
 */
START_TEST(a_key_that_is_known_goes_before_one_that_is_not)
{
    static int pause = 50;
    const char *none = "user:25193";
    memset(&ends, 0, sizeof(ends));
    speak(answer_slowly, &pause, PLAIN_TEXT);
    assert_rc(omcache_async_get(client, none, strlen(none), 10, on_end, &places[0]), OMCACHE_OK);
    assert_rc(omcache_async_get(client, "user:431257", 11, -1, on_end, &places[1]), OMCACHE_OK);
    finish(2);
    assert_rc(ends.status[0], OMCACHE_TIMEOUT);
    assert_rc(ends.status[1], OMCACHE_OK);
    assert_goes_on(1);
}
END_TEST

/* Asks for "oddk", with a part of that as the prefix or none: by a get that waits, by one of
 * several, and by an operation. */
static int ask_oddly(int way, const char *prefix)
{
    const unsigned char *keys[] = {(const unsigned char *)"oddk" + strlen(prefix)};
    size_t lens[] = {4 - strlen(prefix)};
    omcache_req_t req;
    omcache_value_t value = {.status = OMCACHE_FAIL};
    size_t count = 1;
    size_t room = 1;
    assert_rc(omcache_set_key_prefix(client, prefix, strlen(prefix), 0), OMCACHE_OK);
    if (way == 0)
        return omcache_get(client, keys[0], lens[0], NULL, NULL, NULL, NULL, -1);
    if (way == 1) {
        omcache_get_multi(client, keys, lens, 1, &req, &count, &value, &room, -1);
        return value.status;
    }
    memset(&ends, 0, sizeof(ends));
    assert_rc(omcache_async_get(client, keys[0], lens[0], -1, on_end, &places[0]), OMCACHE_OK);
    finish(1);
    return ends.status[0];
}

/* Whatever its number says. */
START_TEST(a_value_of_another_key_is_nobodys)
{
    static const struct {
        int protocol;
        const char *answer;
        int expected;
    } cases[] = {
        {META, "VA 1 f0 c1 @ koddk\r\nv\r\n", OMCACHE_OK},
        {META, "VA 1 f0 c1 @ koddx\r\nv\r\n", OMCACHE_SERVER_FAILURE},
        {META, "VA 1 f0 @ kxddk\r\nv\r\n", OMCACHE_SERVER_FAILURE},
        {PLAIN_TEXT, "VALUE oddk 0 1 1\r\nv\r\nEND\r\n", OMCACHE_OK},
        {PLAIN_TEXT, "VALUE oddx 0 1 1\r\nv\r\nEND\r\n", OMCACHE_SERVER_FAILURE},
        {PLAIN_TEXT, "VALUE k 0 1 1\r\nv\r\nEND\r\n", OMCACHE_SERVER_FAILURE},
    };
    int rc;

    speak(answer_oddly, (void *)(uintptr_t)cases[_i / 6].answer, cases[_i / 6].protocol);
    rc = ask_oddly(_i % 3, _i % 6 < 3 ? "" : "odd");
    ck_assert_msg(rc == cases[_i / 6].expected, "'%s' gave %s", cases[_i / 6].answer, rc_name(rc));
}
END_TEST

/* What an answer leaves out is no miss if the answer itself is wrong: all of them have failed. */
START_TEST(a_wrong_answer_makes_no_misses)
{
    const unsigned char *keys[] = {(const unsigned char *)"a", (const unsigned char *)"oddk",
                                   (const unsigned char *)"b"};
    size_t lens[] = {1, 4, 1};
    omcache_req_t reqs[3];
    omcache_value_t values[3];
    size_t count = 3;
    size_t room = 3;
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    speak(answer_oddly, (void *)(uintptr_t) "VA 1 f0 c1 @ koddx\r\nv\r\n", META);
    omcache_get_multi(client, keys, lens, 3, reqs, &count, values, &room, -1);
    ck_assert_uint_eq(room, 3);
    for (size_t i = 0; i < room; i++) {
        assert_rc(values[i].status, OMCACHE_SERVER_FAILURE);
    }
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.misses, 0);
}
END_TEST

/* Behind a quiet get nobody knows whose the error is, unless its words tell. */
START_TEST(errors_behind_quiet_gets)
{
    static char *const errors[] = {"SERVER_ERROR out of something\r\n",
                                   "SERVER_ERROR object too large for cache\r\n"};
    omcache_req_t reqs[3];
    omcache_value_t values[3];
    size_t count = 3;
    size_t room = 3;
    bool known = _i == 1;
    speak(answer_oddly, errors[_i], META);
    wire_request(&reqs[0], 0, WIRE_GETKQ, "quiet");
    wire_set(&reqs[1], 0, WIRE_SET, "odd", "value");
    wire_request(&reqs[2], 0, WIRE_NOOP, NULL); /* the end of the silence */
    assert_rc(omcache_command(client, reqs, &count, values, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, known ? 2 : 3);
    assert_rc(values[0].status, known ? OMCACHE_TOO_LARGE_VALUE : OMCACHE_SERVER_FAILURE);
    assert_rc(values[1].status, known ? OMCACHE_OK : OMCACHE_SERVER_FAILURE);
    assert_goes_on(known ? 1 : 2);
}
END_TEST

/* A missing answer: by order, the others would get one another's. */
START_TEST(a_missing_answer_is_noticed)
{
    static char nothing[] = "";
    int protocol = _i ? PLAIN_TEXT : META;
    memset(&ends, 0, sizeof(ends));
    speak(answer_oddly, nothing, protocol);
    assert_rc(omcache_async_get(client, "odd", 3, -1, on_end, &places[0]), OMCACHE_OK);
    assert_rc(omcache_async_delete(client, "one", 3, -1, on_end, &places[1]), OMCACHE_OK);
    assert_rc(omcache_async_noop(client, 0, -1, on_end, &places[2]), OMCACHE_OK);
    finish(3);
    assert_rc_either(ends.status[0], OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    /* Over meta an opaque tells whose it is, until the no-op's answer, which has none. */
    assert_rc(ends.status[1], protocol == META ? OMCACHE_OK : OMCACHE_SERVER_FAILURE);
    assert_goes_on(2);
}
END_TEST

/* Where no no-op was needed, another answer tells that a quiet request had none; else the
 * connection would wait for it until it counts as dead. */
START_TEST(a_later_answer_ends_the_silence)
{
    omcache_req_t reqs[2];
    omcache_value_t values[2];
    size_t count = 2;
    size_t room = 2;
    fleet_start(&fleet, 1);
    patient_client(fleet.list);
    assert_rc(omcache_set_protocol(client, _i), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    int64_t start = clock_ms();
    assert_rc(omcache_set(client, TEXT("a"), TEXT("b"), 0, 0, 0, 0), OMCACHE_BUFFERED);
    assert_stored("a", "b");
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 2000), OMCACHE_OK);
    wire_request(&reqs[0], 0, WIRE_GETKQ, "quiet");
    wire_request(&reqs[1], 0, WIRE_GETK, "a");
    assert_rc(omcache_command(client, reqs, &count, values, &room, 2000), OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    assert_within(start, 1000);
    ck_assert_msg(!recorder_has_line(4, ""), "%s", recorder.lines[0].text);
}
END_TEST

/*
 * Late answers, and answers in pieces.
 */

/* Holds the answer to "late" back until the next request has come. */
static void answer_late(struct peer *self, void *context)
{
    struct words held = {.count = 0};
    struct words words;
    (void)context;
    while (words_read(self, &words)) {
        if (key_begins(&words, "late")) {
            held = words;
            for (size_t i = 0; i < words.count; i++) {
                held.word[i] = held.line + (words.word[i] - words.line);
            }
            continue;
        }
        if (held.count > 0) {
            answer_well(self, &held);
            held.count = 0;
        }
        answer_well(self, &words);
    }
}

START_TEST(late_answers_are_dropped)
{
    speak(answer_late, NULL, _i ? PLAIN_TEXT : META);
    for (int i = 0; i < 3; i++) {
        assert_rc(omcache_get(client, TEXT("late"), NULL, NULL, NULL, NULL, 30), OMCACHE_AGAIN);
        assert_stored("second", "value of second");
        assert_stored("third", "value of third");
    }
    assert_rc(omcache_set(client, TEXT("late"), TEXT("value"), 0, 0, 0, 30), OMCACHE_AGAIN);
    assert_rc(omcache_delete(client, TEXT("other"), -1), OMCACHE_OK);
    assert_goes_on(1);
}
END_TEST

START_TEST(late_answers_to_operations_are_dropped)
{
    memset(&ends, 0, sizeof(ends));
    speak(answer_late, NULL, _i ? PLAIN_TEXT : META);
    assert_rc(omcache_async_get(client, "late", 4, 30, on_end, &places[0]), OMCACHE_OK);
    finish(1);
    assert_rc(ends.status[0], OMCACHE_TIMEOUT);
    assert_rc(omcache_async_get(client, "second", 6, -1, on_end, &places[1]), OMCACHE_OK);
    finish(2);
    assert_rc(ends.status[1], OMCACHE_OK);
    ck_assert_str_eq(ends.value[1], "value of second");
    assert_goes_on(1);
}
END_TEST

/* What was forgotten is not answered to somebody else. */
START_TEST(forgotten_answers_are_dropped)
{
    speak(answer_late, NULL, _i ? PLAIN_TEXT : META);
    assert_rc(omcache_get(client, TEXT("late"), NULL, NULL, NULL, NULL, 30), OMCACHE_AGAIN);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_stored("second", "value of second");
    assert_goes_on(1);
}
END_TEST

/* An old server that knows no meta, which is found out while requests wait. */
static void answer_late_over_text(struct peer *self, void *context)
{
    struct words words;
    while (peer_peek(self) == 'm' && words_read(self, &words)) {
        words_send(self, "ERROR\r\n");
    }
    answer_late(self, context);
}

/* Text cannot carry a meta get: it ends, and leaves nothing behind to be given up. */
START_TEST(what_was_refused_is_not_half_sent)
{
    omcache_meta_t *options = omcache_meta_new();
    memset(&ends, 0, sizeof(ends));
    peer = peer_start(0, answer_late_over_text, NULL);
    patient_client(peer_address(peer));
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_AUTO), OMCACHE_OK);
    assert_rc(omcache_async_get(client, "late", 4, -1, on_end, &places[0]), OMCACHE_OK);
    assert_rc(omcache_async_meta_get(client, "meta", 4, options, -1, on_end, &places[1]),
              OMCACHE_OK);
    omcache_meta_free(options);
    finish(1);
    assert_rc(ends.status[1], OMCACHE_INVALID);
    ck_assert_int_eq(omcache_server_protocol(client, 0), PLAIN_TEXT);
    size_t connections = peer_connections(peer);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    finish(2);
    assert_rc(ends.status[0], OMCACHE_CANCELLED);
    assert_goes_on(connections);
    ck_assert_msg(!recorder_has_line(4, ""), "%s", recorder.lines[0].text);
}
END_TEST

START_TEST(answers_in_pieces)
{
    size_t piece = (size_t)_i / 2 + 1;
    bool meta = _i % 2 == 0;
    const unsigned char *keys[] = {(const unsigned char *)"one", (const unsigned char *)"two"};
    size_t lens[] = {3, 3};
    omcache_req_t reqs[2];
    omcache_value_t values[2];
    size_t count = 2;
    size_t room = 2;
    uint64_t number;
    speak(meta ? words_serve_meta : words_serve_text, &piece, meta ? META : PLAIN_TEXT);
    assert_stored("key", "value of key");
    store("key", "value");
    assert_rc(omcache_increment(client, TEXT("n"), 1, 0, OMCACHE_DELTA_NO_ADD, &number, -1),
              OMCACHE_OK);
    ck_assert_uint_eq(number, 7);
    assert_rc(omcache_delete(client, TEXT("key"), -1), OMCACHE_OK);
    assert_rc(omcache_get_multi(client, keys, lens, 2, reqs, &count, values, &room, -1),
              OMCACHE_OK);
    ck_assert_uint_eq(room, meta ? 1 : 2); /* it finds nothing for quiet gets: all but the last */
    room = 2;
    assert_rc(omcache_stat(client, NULL, values, &room, 0, -1), OMCACHE_OK);
    assert_text(values[0].key, values[0].key_len, "pid");
    assert_goes_on(1);
}
END_TEST

/* Half an answer is none. */
START_TEST(a_server_that_stops_in_the_middle_fails_in_time)
{
    static char *const halves[] = {"VA 5 f0 c1 @ kodd\r\nval", "VA 5 f0", "VALUE odd 0 5 1\r\nva",
                                   "VALUE odd 0 5 1\r\nvalue\r\n", "E"};
    speak(answer_oddly, halves[_i], _i < 2 ? META : PLAIN_TEXT);
    assert_rc(omcache_set_dead_timeout(client, 200), OMCACHE_OK);
    int64_t start = clock_ms();
    assert_rc(get_patiently("odd"), OMCACHE_SERVER_FAILURE);
    assert_within(start, 1000);
    assert_goes_on(2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("broken_lines");
    TCase *tcase = fixture_case(suite, "streams");

    tcase_add_loop_test(tcase, odd_answers_to_gets, 0, GETS);
    tcase_add_loop_test(tcase, odd_answers_to_sets, 0, SETS);
    tcase_add_loop_test(tcase, odd_answers_to_counters, 0, COUNTS);
    tcase_add_loop_test(tcase, negative_flags_are_large_ones, 0, 4);
    tcase_add_loop_test(tcase, no_length_overflows_without_a_limit, 0, 50);
    tcase_add_loop_test(tcase, errors_are_matched_by_order, 0, 2);
    tcase_add_test(tcase, a_line_may_take_longer_than_the_dead_timeout);
    tcase_add_test(tcase, a_key_that_is_known_goes_before_one_that_is_not);
    tcase_add_loop_test(tcase, a_value_of_another_key_is_nobodys, 0, 36);
    tcase_add_test(tcase, a_wrong_answer_makes_no_misses);
    tcase_add_loop_test(tcase, errors_behind_quiet_gets, 0, 2);
    tcase_add_loop_test(tcase, a_missing_answer_is_noticed, 0, 2);
    tcase_add_loop_test(tcase, a_later_answer_ends_the_silence, 0, 4);
    tcase_add_loop_test(tcase, late_answers_are_dropped, 0, 2);
    tcase_add_loop_test(tcase, late_answers_to_operations_are_dropped, 0, 2);
    tcase_add_loop_test(tcase, forgotten_answers_are_dropped, 0, 2);
    tcase_add_test(tcase, what_was_refused_is_not_half_sent);
    tcase_add_loop_test(tcase, answers_in_pieces, 0, 6);
    tcase_add_loop_test(tcase, a_server_that_stops_in_the_middle_fails_in_time, 0, 5);
    return fixture_run(suite);
}
