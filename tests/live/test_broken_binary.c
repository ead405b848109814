/*
 * Peers that are not memcached, or break the protocol, or answer late.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/unusable.h"
#include "support/wire.h"

/*
 * Peers that are no memcached.
 */

/* Sends what context says and then nothing more. */
static void greet(struct peer *peer, void *context)
{
    peer_send(peer, context, strlen(context));
    peer_drain(peer);
}

/* The same, but polite enough to let the client speak first. */
static void reply(struct peer *peer, void *context)
{
    char byte;
    if (peer_read(peer, &byte, 1)) {
        greet(peer, context);
    }
}

START_TEST(a_peer_that_is_not_memcached_fails)
{
    static char *const banners[] = {
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n",
        "SSH-2.0-x\r\n",
        "ERROR\r\n",
    };
    peer_script *script = _i % 2 ? reply : greet;
    patient_client(peer_address(peer_start(0, script, banners[_i / 2])));
    int64_t start = clock_ms();
    assert_rc(get_patiently("key"), OMCACHE_SERVER_FAILURE);
    assert_within(start, 1000);
    assert_unusable(1000);
}
END_TEST

START_TEST(noop_to_something_else_is_no_servers)
{
    patient_client(peer_address(peer_start(0, greet, "220 mail.example ESMTP\r\n")));
    int64_t start = clock_ms();
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_NO_SERVERS);
    assert_within(start, 1000);
}
END_TEST

static void close_at_once(struct peer *peer, void *context)
{
    if (context) {
        peer_reset_on_close(peer);
    }
}

START_TEST(a_peer_that_closes_fails)
{
    patient_client(peer_address(peer_start(0, close_at_once, _i ? &client : NULL)));
    int64_t start = clock_ms();
    assert_rc_either(get_patiently("key"), OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    assert_within(start, 1000);
    assert_unusable(1000);
}
END_TEST

/* Behaves until it has answered the number of requests that context points to,
 * and then closes in the middle of an answer. */
static void break_off(struct peer *peer, void *context)
{
    struct wire_request request;
    int left = *(int *)context;
    while (wire_read(peer, &request)) {
        if (left-- == 0) {
            peer_send(peer, "\x81\x0c\x00", 3);
            return;
        }
        wire_answer(peer, &request);
    }
}

START_TEST(a_connection_that_breaks_off_fails_and_comes_back)
{
    static int answers = 3;
    struct peer *peer = peer_start(0, break_off, &answers);
    patient_client(peer_address(peer));
    assert_rc(get_patiently("one"), OMCACHE_OK);
    assert_rc(get_patiently("two"), OMCACHE_OK);
    int64_t start = clock_ms();
    assert_rc(get_patiently("three"), OMCACHE_SERVER_FAILURE);
    assert_rc(get_patiently("four"), OMCACHE_OK);
    assert_within(start, 1000);
    ck_assert_uint_eq(peer_connections(peer), 2);
}
END_TEST

/* Answers no-ops as it should and everything else with the bytes of context, in
 * which only the opaque is made to fit. */
#define BAD_SIZE (WIRE_HEADER + 4)

static void answer_badly(struct peer *peer, void *context)
{
    struct wire_request request;
    unsigned char bytes[BAD_SIZE];
    while (wire_read(peer, &request)) {
        if (request.opcode == WIRE_NOOP) {
            wire_answer(peer, &request);
            continue;
        }
        memcpy(bytes, context, sizeof(bytes));
        memcpy(bytes + 12, &request.opaque, 4);
        peer_send(peer, bytes, sizeof(bytes));
    }
}

static void assert_bad_answer(const unsigned char *bytes, int expected)
{
    static unsigned char bad[BAD_SIZE]; /* the peer may look at it until it is stopped */
    memcpy(bad, bytes, sizeof(bad));
    struct peer *peer = peer_start(0, answer_badly, bad);
    patient_client(peer_address(peer));
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    int64_t start = clock_ms();
    assert_rc(get_patiently("key"), expected);
    assert_within(start, 1000);
    ck_assert_uint_eq(peer_connections(peer), 1);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    ck_assert_msg(peer_connections(peer) == 2, "the connection was kept");
}

START_TEST(broken_answers_end_the_connection)
{
    static const unsigned char answers[][BAD_SIZE] = {
        {0x80, 0x0c},                                           /* a request's magic */
        {0x82, 0x0c},                                           /* no magic at all */
        {0x81, 0x0c, 0, 0, 4, 1, 0, 0, 0, 0, 0, 4},             /* data type 1 */
        {0x81, 0x0c, 0, 3, 4, 0, 0, 0, 0, 0, 0, 6},             /* key longer than body */
        {0x81, 0x0c, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 0, 0x10}, /* the same, large */
        {0x81, 0x0c, 0, 0, 5, 0, 0, 0, 0, 0, 0, 4},             /* extras longer than body */
    };
    assert_bad_answer(answers[_i], OMCACHE_SERVER_FAILURE);
}
END_TEST

START_TEST(endless_answers_end_the_connection)
{
    static const unsigned char answers[][BAD_SIZE] = {
        {0x81, 0x0c, 0, 0, 4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff},
        {0x81, 0x0c, 0, 0, 4, 0, 0, 0, 0x80, 0x00, 0x00, 0x00},
        {0x81, 0x0c, 0, 0, 4, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff},
    };
    assert_bad_answer(answers[_i], OMCACHE_BUFFER_FULL);
}
END_TEST

START_TEST(large_values_to_a_peer_that_closes_fail)
{
    static unsigned char value[1000000];
    patient_client(peer_address(peer_start(0, close_at_once, _i ? &client : NULL)));
    assert_rc(omcache_set_reconnect_timeout(client, 0), OMCACHE_OK);
    for (int i = 0; i < 20; i++) {
        int rc = omcache_set(client, TEXT("key"), value, sizeof(value), 0, 0, 0, -1);
        assert_rc_either(rc, OMCACHE_SERVER_FAILURE, OMCACHE_NO_SERVERS);
    }
}
END_TEST

static void answer_twice(struct peer *peer, void *context)
{
    struct wire_request request;
    (void)context;
    for (int i = 0; i < 2 && wire_read(peer, &request); i++) {
        wire_answer(peer, &request);
    }
}

/* The first set after the peer's end of file provokes a reset, and then a write
 * would raise SIGPIPE, which ends this program. */
START_TEST(writing_to_a_closed_connection_raises_no_signal)
{
    patient_client(peer_address(peer_start(0, answer_twice, NULL)));
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    for (int i = 0; i < 5; i++) {
        clock_sleep(10);
        assert_rc_either(omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, 0),
                         OMCACHE_BUFFERED, OMCACHE_NO_SERVERS);
    }
}
END_TEST

/* Changes the first answer on each connection, which proves the server, as context
 * says. */
enum first_answer { OTHER_STATUS, OTHER_OPAQUE, OTHER_OPCODE, FIRST_ANSWERS };

static void answer_first_badly(struct peer *peer, void *context)
{
    struct wire_request request;
    if (!wire_read(peer, &request)) {
        return;
    }
    struct wire_reply reply = {.opcode = request.opcode, .opaque = request.opaque};
    switch (*(enum first_answer *)context) {
    case OTHER_STATUS:
        reply.status = 0x84; /* internal error */
        break;
    case OTHER_OPAQUE:
        reply.opaque ^= 0x5a5a5a5a;
        break;
    default:
        reply.opcode = WIRE_VERSION;
        break;
    }
    wire_send(peer, &reply);
    wire_serve(peer, NULL);
}

START_TEST(a_wrong_first_answer_ends_the_connection)
{
    static enum first_answer kind;
    kind = (enum first_answer)_i;
    patient_client(peer_address(peer_start(0, answer_first_badly, &kind)));
    assert_unusable(1000);
}
END_TEST

/* Hangs up on the connection's first no-op. */
static void reset_at_first_byte(struct peer *peer, void *context)
{
    char byte;
    (void)context;
    peer_read(peer, &byte, 1);
    peer_reset_on_close(peer);
}

/* The first request of the batch finds out that the server is gone, which must
 * not leave the second one without an end. */
START_TEST(a_batch_ends_when_its_server_fails_on_the_way)
{
    static char value[100000];
    omcache_req_t reqs[2];
    omcache_value_t values[2];
    size_t count = 2;
    size_t room = 2;
    patient_client(peer_address(peer_start(0, reset_at_first_byte, NULL)));
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 0), OMCACHE_AGAIN);
    clock_sleep(50);
    memset(value, 'v', sizeof(value) - 1);
    wire_set(&reqs[0], -1, WIRE_SET, "one", value);
    wire_set(&reqs[1], -1, WIRE_SET, "two", value);
    int64_t start = clock_ms();
    int rc = omcache_command(client, reqs, &count, values, &room, 2000);
    ck_assert_msg(rc == OMCACHE_NO_SERVERS || (rc == OMCACHE_OK && count == 0),
                  "%s, %zu requests pending, after %lld ms", rc_name(rc), count,
                  (long long)(clock_ms() - start));
    ck_assert_msg(rc != OMCACHE_OK || room == 2, "%zu of 2 outcomes", room);
    for (size_t i = 0; i < room; i++) {
        assert_rc(values[i].status, OMCACHE_SERVER_FAILURE);
    }
}
END_TEST

/*
 * Late and foreign answers.
 */

/* Holds the answer to the first get back until the second has come. */
static void answer_late(struct peer *peer, void *context)
{
    struct wire_request first = {.opcode = 0xff};
    struct wire_request request;
    (void)context;
    while (wire_read(peer, &request)) {
        if (request.opcode == WIRE_GETK && first.opcode == 0xff) {
            first = request;
            continue;
        }
        if (request.opcode == WIRE_GETK && first.opcode == WIRE_GETK) {
            wire_answer(peer, &first);
            first.opcode = 0;
        }
        wire_answer(peer, &request);
    }
}

START_TEST(late_answers_are_nobody_elses)
{
    struct peer *peer = peer_start(0, answer_late, NULL);
    patient_client(peer_address(peer));
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_rc(omcache_get(client, TEXT("late"), NULL, NULL, NULL, NULL, 50), OMCACHE_AGAIN);
    omcache_set_response_callback(client, recorder_answer, NULL);
    assert_stored("second", "value of second");
    ck_assert_msg(recorder.answer_count == 2, "answers: %s", recorder_summary());
    ck_assert_str_eq(recorder.answers[0].data, "value of late");
    ck_assert_str_eq(recorder.answers[1].data, "value of second");
    ck_assert_uint_eq(peer_connections(peer), 1);
}
END_TEST

/* Sends an answer that nobody asked for in front of each answer to a get. */
static void answer_unasked(struct peer *peer, void *context)
{
    struct wire_request request;
    (void)context;
    while (wire_read(peer, &request)) {
        if (request.opcode == WIRE_GETK) {
            struct wire_reply unasked = {.opcode = WIRE_GETK,
                                         .opaque = request.opaque ^ 0x5a5a5a5a,
                                         .extras = "\0\0\0\0",
                                         .extras_len = 4,
                                         .key = request.body,
                                         .key_len = request.key_len,
                                         .value = "foreign",
                                         .value_len = 7};
            wire_send(peer, &unasked);
        }
        wire_answer(peer, &request);
    }
}

START_TEST(foreign_answers_are_dropped)
{
    struct peer *peer = peer_start(0, answer_unasked, NULL);
    patient_client(peer_address(peer));
    for (int i = 0; i < 10; i++) {
        assert_stored("key", "value of key");
    }
    ck_assert_uint_eq(peer_connections(peer), 1);
}
END_TEST

START_TEST(foreign_answers_are_told)
{
    patient_client(peer_address(peer_start(0, answer_unasked, NULL)));
    omcache_set_response_callback(client, recorder_answer, NULL);
    assert_stored("key", "value of key");
    ck_assert_msg(recorder.answer_count == 2, "answers: %s", recorder_summary());
    ck_assert_str_eq(recorder.answers[0].data, "foreign");
    ck_assert_str_eq(recorder.answers[1].data, "value of key");
}
END_TEST

/* Answers gets with the right number, but as if something else had been asked:
 * with another operation, or another key. */
static void answer_something_else(struct peer *peer, void *context)
{
    struct wire_request request;
    while (wire_read(peer, &request)) {
        if (request.opcode == WIRE_GETK || request.opcode == WIRE_GETKQ) {
            bool other_key = *(int *)context;
            struct wire_reply reply = {.opcode = other_key ? request.opcode : WIRE_GATK,
                                       .opaque = request.opaque,
                                       .extras = "\0\0\0\0",
                                       .extras_len = 4,
                                       .key = other_key ? "kez" : "key",
                                       .key_len = 3,
                                       .value = "wrong",
                                       .value_len = 5};
            wire_send(peer, &reply);
        } else {
            wire_answer(peer, &request);
        }
    }
}

START_TEST(an_answer_to_something_else_ends_the_connection)
{
    static int other_key; /* the peer may look at it until it is stopped */
    other_key = _i % 2;
    struct peer *peer = peer_start(0, answer_something_else, &other_key);
    omcache_req_t req;
    omcache_value_t value;
    size_t count = 1;
    size_t room = 1;
    patient_client(peer_address(peer));
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    omcache_set_response_callback(client, recorder_answer, NULL);
    wire_request(&req, -1, _i / 2 ? WIRE_GETKQ : WIRE_GETK, "key");
    assert_rc(omcache_command(client, &req, &count, &value, &room, -1), OMCACHE_OK);
    ck_assert_uint_eq(room, 1);
    assert_rc(value.status, OMCACHE_SERVER_FAILURE);
    ck_assert_msg(recorder_count(OMCACHE_OK) == 0, "answers: %s", recorder_summary());
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    ck_assert_msg(peer_connections(peer) == 2, "the connection was kept");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("broken_binary");
    TCase *tcase = fixture_case(suite, "strange");
    tcase_add_loop_test(tcase, a_peer_that_is_not_memcached_fails, 0, 6);
    tcase_add_test(tcase, noop_to_something_else_is_no_servers);
    tcase_add_loop_test(tcase, a_peer_that_closes_fails, 0, 2);
    tcase_add_test(tcase, a_connection_that_breaks_off_fails_and_comes_back);
    tcase_add_loop_test(tcase, broken_answers_end_the_connection, 0, 6);
    tcase_add_loop_test(tcase, endless_answers_end_the_connection, 0, 3);
    tcase_add_loop_test(tcase, large_values_to_a_peer_that_closes_fail, 0, 2);
    tcase_add_test(tcase, writing_to_a_closed_connection_raises_no_signal);
    tcase_add_loop_test(tcase, a_wrong_first_answer_ends_the_connection, 0, FIRST_ANSWERS);
    tcase_add_test(tcase, a_batch_ends_when_its_server_fails_on_the_way);
    tcase_add_test(tcase, late_answers_are_nobody_elses);
    tcase_add_test(tcase, foreign_answers_are_dropped);
    tcase_add_test(tcase, foreign_answers_are_told);
    tcase_add_loop_test(tcase, an_answer_to_something_else_ends_the_connection, 0, 4);
    return fixture_run(suite);
}
