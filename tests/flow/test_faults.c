/*
 * What becomes of requests, and of their connection, when the answer to one of them goes
 * wrong: one fault after the other, over each protocol.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/faulty.h"
#include "support/fixture.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/told.h"
#include "support/wire.h"
#include "support/words.h"

#define BINARY OMCACHE_PROTOCOL_BINARY
#define META OMCACHE_PROTOCOL_META
#define IN_TEXT OMCACHE_PROTOCOL_TEXT

/* The first three requests store values; it is the fourth that has the fault. */
#define FAULTED 4
#define PATIENCE_MS 150 /* of the one with the fault */
#define DEAD_MS 400

#define OK OMCACHE_OK
#define FAILED OMCACHE_SERVER_FAILURE
#define LATE_OR_NEVER OMCACHE_TIMEOUT
#define TOO_LARGE OMCACHE_BUFFER_FULL

/* How the request with the fault ends, and the one right behind it; and how many
 * connections there were when a third one has had its answer. */
struct expectation {
    int protocol;
    enum fault fault;
    size_t at;
    int faulted;
    int next;
    size_t connections;
};

static struct faulty faulty;
static struct fault_step script[2];
static struct peer *peer;
static struct told told[4];

static void open_peer(int protocol, enum fault fault, size_t at)
{
    memset(&faulty, 0, sizeof(faulty));
    memset(told, 0, sizeof(told));
    told_clear();
    script[0] = (struct fault_step){FAULTED, fault, at};
    faulty.script = script;
    faulty.seed = 1 + (uint64_t)at;
    faulty.pause_ms = 20;
    fixture_secure_peers();
    peer = faulty_start(&faulty, 0);
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    assert_rc(omcache_set_dead_timeout(client, DEAD_MS), OMCACHE_OK);
    assert_rc(omcache_set_reconnect_timeout(client, 0), OMCACHE_OK);
    store("first", "value of first");
    store("second", "value of second");
    store("third", "value of third");
    ck_assert_uint_eq(peer_connections(peer), 1);
}

static void finish(size_t count)
{
    for (int64_t begun = clock_ms(); told_count < count && clock_ms() - begun < 10000;) {
        omcache_io(client, NULL, NULL, NULL, NULL, 10);
    }
    ck_assert_uint_eq(told_count, count);
}

/* Those that were of use: another may have been tried beside a silent one. */
static size_t connects(void)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    return stats.connects;
}

/* The client is not the worse for it. */
static void assert_all_is_well(const struct expectation *expected)
{
    char value[] = "value of first";
    int rc = OMCACHE_NO_SERVERS;
    const unsigned char *got;
    size_t len;
    for (int i = 0; i < 200 && rc == OMCACHE_NO_SERVERS; i++, clock_sleep(5)) {
        rc = omcache_get(client, TEXT("first"), &got, &len, NULL, NULL, 2000);
    }
    assert_rc(rc, OMCACHE_OK);
    assert_text(got, len, value);
    ck_assert_msg(connects() == expected->connections, "%zu connections, expected %zu; %s",
                  connects(), expected->connections,
                  recorder.line_count ? recorder.lines[0].text : "");
    peer_stop_all();
    faulty_clear(&faulty);
}

static void assert_ends(const struct expectation *expected)
{
    finish(2);
    ck_assert_msg(atomic_load(&faulty.done[expected->fault]) > 0, "the fault was not made");
    for (int i = 0; i < 2; i++) {
        int status = i ? expected->next : expected->faulted;
        ck_assert_uint_eq(told[i].calls, 1);
        ck_assert_msg(told[i].status == status,
                      "%s over protocol %d at %zu: request %d: %s, not %s",
                      fault_name(expected->fault), expected->protocol, expected->at, i + 1,
                      rc_name(told[i].status), rc_name(status));
    }
}

static const struct expectation gets[] = {
    {BINARY, FAULT_NONE, 0, OK, OK, 1},
    {BINARY, FAULT_LATE, 0, OK, OK, 1},
    {BINARY, FAULT_EARLY, 0, OK, OK, 1},
    {BINARY, FAULT_TWICE, 0, OK, OK, 1},
    {BINARY, FAULT_NEVER, 0, LATE_OR_NEVER, OK, 1},
    {BINARY, FAULT_OTHER_OPAQUE, 0, LATE_OR_NEVER, OK, 1},
    {BINARY, FAULT_OTHER_KEY, 0, FAILED, FAILED, 2},
    {BINARY, FAULT_OTHER_OPCODE, 0, FAILED, FAILED, 2},
    {BINARY, FAULT_SPLIT, 1, OK, OK, 1},
    {BINARY, FAULT_SPLIT, 23, OK, OK, 1},
    {BINARY, FAULT_SPLIT, 24, OK, OK, 1},
    {BINARY, FAULT_SPLIT, 30, OK, OK, 1},
    {BINARY, FAULT_BYTES, 0, OK, OK, 1},
    {BINARY, FAULT_NOISE_BEFORE, 0, FAILED, FAILED, 2},
    {BINARY, FAULT_NOISE_BEHIND, 0, OK, FAILED, 2},
    {BINARY, FAULT_LENGTH, 0, FAILED, FAILED, 2},    /* the key's, beyond the body */
    {BINARY, FAULT_LENGTH, 1, FAILED, FAILED, 2},    /* the extras' */
    {BINARY, FAULT_LENGTH, 2, TOO_LARGE, FAILED, 2}, /* the body's */
    {BINARY, FAULT_LENGTH, 3, FAILED, FAILED, 2},    /* the extras', by one, */
    {BINARY, FAULT_LENGTH, 4, FAILED, FAILED, 2},
    {BINARY, FAULT_LENGTH, 5, FAILED, FAILED, 2}, /* the key's, by one, */
    {BINARY, FAULT_LENGTH, 6, FAILED, FAILED, 2},
    {BINARY, FAULT_LENGTH, 7, FAILED, FAILED, 2}, /* and no key at all */
    {BINARY, FAULT_CLOSE, 0, FAILED, FAILED, 2},
    {BINARY, FAULT_CLOSE, 30, FAILED, FAILED, 2},
    {BINARY, FAULT_RESET, 0, FAILED, FAILED, 2},
    {BINARY, FAULT_RESET, 24, FAILED, FAILED, 2},
    {BINARY, FAULT_DEAF, 0, OK, OK, 1},

    {META, FAULT_NONE, 0, OK, OK, 1},
    {META, FAULT_LATE, 0, OK, OK, 1},
    {META, FAULT_EARLY, 0, OK, OK, 1},
    {META, FAULT_TWICE, 0, OK, FAILED, 2},
    {META, FAULT_NEVER, 0, LATE_OR_NEVER, OK, 1},
    {META, FAULT_OTHER_OPAQUE, 0, FAILED, FAILED, 2},
    {META, FAULT_OTHER_KEY, 0, FAILED, FAILED, 2},
    {META, FAULT_OTHER_OPCODE, 0, FAILED, FAILED, 2},
    {META, FAULT_SPLIT, 1, OK, OK, 1},
    {META, FAULT_SPLIT, 8, OK, OK, 1},
    {META, FAULT_SPLIT, 40, OK, OK, 1},
    {META, FAULT_BYTES, 0, OK, OK, 1},
    {META, FAULT_NOISE_BEFORE, 0, FAILED, FAILED, 2},
    {META, FAULT_NOISE_BEHIND, 0, OK, FAILED, 2},
    {META, FAULT_LENGTH, 0, FAILED, FAILED, 2}, /* the value's, by 1, 2, 3, */
    {META, FAULT_LENGTH, 1, FAILED, FAILED, 2},
    {META, FAULT_LENGTH, 2, FAILED, FAILED, 2},
    {META, FAULT_LENGTH, 3, FAILED, FAILED, 2}, /* -1, -2, */
    {META, FAULT_LENGTH, 5, FAILED, FAILED, 2},
    {META, FAULT_LENGTH, 6, TOO_LARGE, FAILED, 2}, /* and very much */
    {META, FAULT_CLOSE, 0, FAILED, FAILED, 2},
    {META, FAULT_CLOSE, 30, FAILED, FAILED, 2},
    {META, FAULT_RESET, 0, FAILED, FAILED, 2},
    {META, FAULT_RESET, 30, FAILED, FAILED, 2},
    {META, FAULT_DEAF, 0, OK, OK, 1},

    {IN_TEXT, FAULT_NONE, 0, OK, OK, 1},
    {IN_TEXT, FAULT_LATE, 0, OK, OK, 1},
    {IN_TEXT, FAULT_EARLY, 0, OK, OK, 1}, /* as they are on one line */
    {IN_TEXT, FAULT_TWICE, 0, OK, FAILED, 2},
    {IN_TEXT, FAULT_NEVER, 0, LATE_OR_NEVER, FAILED, 2},
    {IN_TEXT, FAULT_OTHER_KEY, 0, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_OTHER_OPCODE, 0, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_SPLIT, 1, OK, OK, 1},
    {IN_TEXT, FAULT_SPLIT, 10, OK, OK, 1},
    {IN_TEXT, FAULT_SPLIT, 40, OK, OK, 1},
    {IN_TEXT, FAULT_BYTES, 0, OK, OK, 1},
    {IN_TEXT, FAULT_NOISE_BEFORE, 0, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_NOISE_BEHIND, 0, OK, FAILED, 2},
    {IN_TEXT, FAULT_LENGTH, 0, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_LENGTH, 1, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_LENGTH, 2, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_LENGTH, 3, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_LENGTH, 5, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_LENGTH, 6, TOO_LARGE, FAILED, 2},
    {IN_TEXT, FAULT_CLOSE, 0, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_CLOSE, 30, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_RESET, 0, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_RESET, 30, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_DEAF, 0, OK, OK, 1},
};

#define GETS ((int)(sizeof(gets) / sizeof(gets[0])))

static void get(const char *key, int slot, int timeout)
{
    assert_rc(omcache_async_get(client, key, strlen(key), timeout, told_reply, &told[slot]),
              OMCACHE_OK);
}

START_TEST(gets_with_a_fault)
{
    const struct expectation *expected = &gets[_i];
    open_peer(expected->protocol, expected->fault, expected->at);
    get("second", 0, PATIENCE_MS);
    get("third", 1, 5000);
    assert_ends(expected);
    ck_assert_str_eq(told[0].value, told[0].status == OK ? "value of second" : "");
    ck_assert_str_eq(told[1].value, told[1].status == OK ? "value of third" : "");
    assert_all_is_well(expected);
}
END_TEST

static const struct expectation sets[] = {
    {BINARY, FAULT_LATE, 0, OK, OK, 1},
    {BINARY, FAULT_EARLY, 0, OK, OK, 1},
    {BINARY, FAULT_TWICE, 0, OK, OK, 1},
    {BINARY, FAULT_NEVER, 0, LATE_OR_NEVER, OK, 1},
    {BINARY, FAULT_OTHER_OPAQUE, 0, LATE_OR_NEVER, OK, 1},
    {BINARY, FAULT_OTHER_OPCODE, 0, FAILED, FAILED, 2},
    {BINARY, FAULT_SPLIT, 12, OK, OK, 1},
    {BINARY, FAULT_BYTES, 0, OK, OK, 1},
    {BINARY, FAULT_NOISE_BEFORE, 0, FAILED, FAILED, 2},
    {BINARY, FAULT_NOISE_BEHIND, 0, OK, FAILED, 2},
    {BINARY, FAULT_LENGTH, 0, FAILED, FAILED, 2},
    {BINARY, FAULT_LENGTH, 1, FAILED, FAILED, 2},
    {BINARY, FAULT_LENGTH, 2, TOO_LARGE, FAILED, 2},
    {BINARY, FAULT_CLOSE, 12, FAILED, FAILED, 2},
    {BINARY, FAULT_RESET, 12, FAILED, FAILED, 2},

    {META, FAULT_LATE, 0, OK, OK, 1},
    {META, FAULT_EARLY, 0, OK, OK, 1},
    {META, FAULT_TWICE, 0, OK, FAILED, 2},
    {META, FAULT_NEVER, 0, LATE_OR_NEVER, OK, 1},
    {META, FAULT_OTHER_OPAQUE, 0, FAILED, FAILED, 2},
    {META, FAULT_OTHER_OPCODE, 0, FAILED, FAILED, 2},
    {META, FAULT_SPLIT, 3, OK, OK, 1},
    {META, FAULT_BYTES, 0, OK, OK, 1},
    {META, FAULT_NOISE_BEFORE, 0, FAILED, FAILED, 2},
    {META, FAULT_NOISE_BEHIND, 0, OK, FAILED, 2},
    {META, FAULT_CLOSE, 3, FAILED, FAILED, 2},
    {META, FAULT_RESET, 3, FAILED, FAILED, 2},

    {IN_TEXT, FAULT_LATE, 0, OK, OK, 1},
    {IN_TEXT, FAULT_NEVER, 0, LATE_OR_NEVER, FAILED, 2},
    {IN_TEXT, FAULT_OTHER_OPCODE, 0, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_SPLIT, 3, OK, OK, 1},
    {IN_TEXT, FAULT_BYTES, 0, OK, OK, 1},
    {IN_TEXT, FAULT_NOISE_BEFORE, 0, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_NOISE_BEHIND, 0, OK, FAILED, 2},
    {IN_TEXT, FAULT_CLOSE, 3, FAILED, FAILED, 2},
    {IN_TEXT, FAULT_RESET, 3, FAILED, FAILED, 2},
};

#define SETS ((int)(sizeof(sets) / sizeof(sets[0])))

/* A set, and a delete behind it. */
START_TEST(sets_with_a_fault)
{
    const struct expectation *expected = &sets[_i];
    open_peer(expected->protocol, expected->fault, expected->at);
    assert_rc(omcache_async_set(client, "second", 6, "new", 3, 0, 0, 0, PATIENCE_MS, told_reply,
                                &told[0]),
              OMCACHE_OK);
    assert_rc(omcache_async_delete(client, "third", 5, 5000, told_reply, &told[1]), OMCACHE_OK);
    assert_ends(expected);
    assert_all_is_well(expected);
}
END_TEST

/*
 * Timeouts, and the connection afterwards.
 */

/* The answer comes when its request has been given up, and others wait for theirs. */
START_TEST(late_answers_are_nobody_elses)
{
    const struct expectation expected = {_i, FAULT_LATE, 0, LATE_OR_NEVER, OK, 1};
    open_peer(_i, FAULT_LATE, 0);
    get("second", 0, 0); /* is over before it is sent, and is sent all the same */
    get("third", 1, 5000);
    assert_ends(&expected);
    ck_assert_str_eq(told[1].value, "value of third");
    for (int i = 0; i < 20; i++) {
        assert_stored("second", "value of second");
        assert_stored("third", "value of third");
    }
    assert_all_is_well(&expected);
}
END_TEST

/* The same with calls that wait, of which the application waits for no more. */
START_TEST(late_answers_are_no_later_calls)
{
    const struct expectation expected = {_i, FAULT_DEAF, 0, OMCACHE_AGAIN, OK, 1};
    open_peer(_i, FAULT_DEAF, 0);
    int rc = omcache_get(client, TEXT("second"), NULL, NULL, NULL, NULL, 0);
    assert_rc(rc, OMCACHE_BUFFERED);
    for (int i = 0; i < 20; i++) {
        assert_stored("third", "value of third");
        assert_stored("second", "value of second");
    }
    assert_all_is_well(&expected);
}
END_TEST

/*
 * Answers that are left out, while others come.
 */

/* Answers well, but never to keys that begin with "lost". */
static void lose_answers(struct peer *self, void *context)
{
    struct words words;
    struct wire_request request;
    (void)context;
    if (peer_peek(self) == 0x80) {
        while (wire_read(self, &request)) {
            if (request.key_len != 4 || memcmp(request.body, "lost", 4) != 0) {
                wire_answer(self, &request);
            }
        }
        return;
    }
    while (words_read(self, &words)) {
        if (strncmp(words.word[1], "lost", 4) == 0) {
            continue;
        }
        if (words.word[0][0] == 'm') {
            words_answer_meta(self, &words);
        } else {
            words_answer_text(self, &words);
        }
    }
}

static void open_loser(int protocol)
{
    memset(told, 0, sizeof(told));
    told_clear();
    peer = peer_start(0, lose_answers, NULL);
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    assert_rc(omcache_set_reconnect_timeout(client, 0), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
}

/* Of so many milliseconds, which makes a connection doubtful; a call of less takes as long on a
 * slow machine. */
#define SILENCE 50

/* It was connected to once more; and beside that at most once for each doubt. */
static void assert_second_connection(unsigned doubts)
{
    int rc = OMCACHE_NO_SERVERS;
    for (int i = 0; i < 200 && rc == OMCACHE_NO_SERVERS; i++, clock_sleep(5)) {
        rc = omcache_get(client, TEXT("other"), NULL, NULL, NULL, NULL, 2000);
    }
    assert_rc(rc, OMCACHE_OK);
    ck_assert_uint_ge(peer_connections(peer), 2);
    ck_assert_uint_le(peer_connections(peer), 2 + doubts);
}

/* In text each answer after a lost one would be taken for that to the request before, and
 * all of them be late: a value tells by its key, whether or not somebody waits for it. */
START_TEST(a_lost_answer_in_text_is_noticed)
{
    open_loser(IN_TEXT);
    int64_t asked = clock_ms();
    if (_i == 0) {
        get("lost", 0, 30);
        finish(1);
        assert_rc(told[0].status, OMCACHE_TIMEOUT);
    } else {
        assert_rc(omcache_get(client, TEXT("lost"), NULL, NULL, NULL, NULL, 30), OMCACHE_AGAIN);
    }
    bool is_doubted = clock_ms() - asked >= SILENCE;
    if (_i == 2) {
        assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    }
    int64_t begun = clock_ms();
    assert_rc(omcache_get(client, TEXT("one"), NULL, NULL, NULL, NULL, 5000), FAILED);
    assert_within(begun, 1000);
    assert_second_connection(is_doubted ? 1 : 0);
}
END_TEST

/* The same where the application asks for values without their keys, one line after the other. */
START_TEST(a_value_without_its_key_is_the_right_one)
{
    omcache_req_t req;
    omcache_value_t value;
    size_t count = 1;
    size_t room = 1;
    open_loser(IN_TEXT);
    wire_request(&req, 0, WIRE_GET, "lost");
    assert_rc(omcache_command(client, &req, &count, NULL, NULL, 0), OMCACHE_BUFFERED);
    wire_request(&req, 0, WIRE_GET, "one");
    assert_rc(omcache_command(client, &req, &count, &value, &room, 2000), OMCACHE_OK);
    ck_assert_uint_eq(room, 1);
    assert_rc(value.status, FAILED);
    assert_second_connection(0);
}
END_TEST

/* What comes meanwhile is no sign that this answer will. */
START_TEST(a_lost_answer_ends_with_the_dead_timeout)
{
    open_loser(_i);
    assert_rc(omcache_set_dead_timeout(client, 200), OMCACHE_OK);
    int64_t begun = clock_ms();
    get("lost", 0, -1);
    while (told_count == 0 && clock_ms() - begun < 5000) {
        omcache_get(client, TEXT("one"), NULL, NULL, NULL, NULL, 100);
        clock_sleep(1);
    }
    assert_within(begun, 2000);
    ck_assert_uint_eq(told_count, 1);
    assert_rc(told[0].status, FAILED);
    assert_second_connection(0);
}
END_TEST

/* Nor is what is left of a request that was given up, which else stays for ever. */
START_TEST(a_lost_answer_that_nobody_waits_for_ends_too)
{
    open_loser(_i);
    assert_rc(omcache_set_dead_timeout(client, 200), OMCACHE_OK);
    get("lost", 0, 10);
    finish(1);
    assert_rc(told[0].status, OMCACHE_TIMEOUT);
    int64_t begun = clock_ms();
    while (peer_connections(peer) == 1 && clock_ms() - begun < 5000) {
        omcache_get(client, TEXT("one"), NULL, NULL, NULL, NULL, 100);
        clock_sleep(1);
    }
    assert_within(begun, 2000);
    assert_second_connection(0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faults");
    TCase *tcase = fixture_case(suite, "faults");

    tcase_add_loop_test(tcase, gets_with_a_fault, 0, GETS);
    tcase_add_loop_test(tcase, sets_with_a_fault, 0, SETS);
    tcase_add_loop_test(tcase, late_answers_are_nobody_elses, BINARY, IN_TEXT + 1);
    tcase_add_loop_test(tcase, late_answers_are_no_later_calls, BINARY, IN_TEXT + 1);
    tcase_add_loop_test(tcase, a_lost_answer_in_text_is_noticed, 0, 3);
    tcase_add_test(tcase, a_value_without_its_key_is_the_right_one);
    tcase_add_loop_test(tcase, a_lost_answer_ends_with_the_dead_timeout, BINARY, META + 1);
    tcase_add_loop_test(tcase, a_lost_answer_that_nobody_waits_for_ends_too, BINARY, META + 1);
    return fixture_run(suite);
}
