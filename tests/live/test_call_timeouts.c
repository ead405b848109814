/*
 * Waiting: each function with a timeout of 0, a positive and a negative one, while
 * the server is silent, signals come all the time, or answers come too late.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/calls.h"
#include "support/fixture.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/wire.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>

#define TIMEOUT 30
#define DEAD 50
#define LAX 1000 /* for a machine that does other things, too */

/* Loop tests over these make each call with a server that accepts connections and
 * one that does not. */
#define SILENT_CALLS (2 * CALLS)

static const struct call *silent_call(int i)
{
    struct peer *peer = i < CALLS ? peer_start(0, peer_deaf, NULL) : peer_start_unreachable(0);
    client = fixture_client(peer_address(peer));
    return &calls[i % CALLS];
}

static void assert_outcome(const struct call *call, int32_t timeout, int expected, int64_t least,
                           int64_t most)
{
    int64_t start = clock_ms();
    int rc = call->make(timeout);
    int64_t took = clock_ms() - start;
    ck_assert_msg(rc == expected, "%s(%d) gave %s, expected %s", call->name, timeout, rc_name(rc),
                  rc_name(expected));
    ck_assert_msg(took >= least && took <= clock_allow(most),
                  "%s(%d) took %lld ms, expected %lld to %lld", call->name, timeout,
                  (long long)took, (long long)least, (long long)clock_allow(most));
}

static void limits(uint32_t msec)
{
    assert_rc(omcache_set_connect_timeout(client, msec), OMCACHE_OK);
    assert_rc(omcache_set_dead_timeout(client, msec), OMCACHE_OK);
}

START_TEST(a_timeout_of_0_never_waits)
{
    const struct call *call = silent_call(_i);
    int64_t start = clock_ms();
    for (int i = 0; i < 10; i++) {
        assert_outcome(call, 0, call->at_once, 0, 100);
    }
    assert_within(start, 200);
}
END_TEST

START_TEST(a_positive_timeout_is_kept)
{
    const struct call *call = silent_call(_i);
    assert_outcome(call, TIMEOUT, OMCACHE_AGAIN, TIMEOUT - 1, TIMEOUT + LAX);
}
END_TEST

START_TEST(without_a_timeout_the_server_s_ends_a_call)
{
    const struct call *call = silent_call(_i);
    limits(DEAD);
    assert_outcome(call, -1, call->failed, DEAD - 1, DEAD + LAX);
}
END_TEST

START_TEST(any_negative_timeout_is_none)
{
    const struct call *call = silent_call(_i);
    limits(DEAD);
    assert_outcome(call, _i % 2 ? -2 : INT32_MIN, call->failed, DEAD - 1, DEAD + LAX);
}
END_TEST

/* Nothing of this has a timeout, and the server does not answer. */
START_TEST(what_has_no_timeout_never_waits)
{
    const struct call *call = silent_call(_i * CALLS);
    int nfds;
    int timeout;
    call->make(5);
    int64_t start = clock_ms();
    for (int i = 0; i < 10; i++) {
        omcache_poll_fds(client, &nfds, &timeout);
        ck_assert_int_eq(omcache_server_index_for_key(client, TEXT("key")), 0);
    }
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_rc(omcache_set_servers(client, "127.0.0.1:1"), OMCACHE_OK);
    omcache_t *mc = client;
    fixture_forget(mc);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    assert_within(start, 100);
}
END_TEST

/*
 * Signals.
 */

static volatile sig_atomic_t alarms;

static void count_alarm(int signal_number)
{
    (void)signal_number;
    alarms++;
}

/* A signal each `us` microseconds, which interrupts system calls; 0 ends that. */
static void alarm_each(suseconds_t us)
{
    struct sigaction action = {.sa_handler = us ? count_alarm : SIG_IGN};
    struct itimerval timer = {.it_interval = {.tv_usec = us}, .it_value = {.tv_usec = us}};
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void assert_interrupted(const struct call *call, int32_t timeout, int expected,
                               int64_t least)
{
    alarms = 0;
    alarm_each(1000);
    int64_t start = clock_ms();
    int rc = call->make(timeout);
    int64_t took = clock_ms() - start;
    alarm_each(0);
    ck_assert_msg(rc == expected, "%s(%d) gave %s, expected %s", call->name, timeout, rc_name(rc),
                  rc_name(expected));
    ck_assert_msg(took >= least && took <= clock_allow(least + LAX),
                  "%s(%d) took %lld ms, expected %lld", call->name, timeout, (long long)took,
                  (long long)least);
    /* Held back, they would have come as one, at the end. */
    ck_assert_msg(alarms > 1, "%s: only %d signals in %lld ms: were they held back?", call->name,
                  (int)alarms, (long long)took);
}

START_TEST(signals_all_the_time_change_no_timeout)
{
    const struct call *call = silent_call(_i);
    assert_interrupted(call, TIMEOUT, OMCACHE_AGAIN, TIMEOUT - 1);
}
END_TEST

START_TEST(signals_all_the_time_do_not_keep_the_dead_alive)
{
    const struct call *call = silent_call(_i);
    limits(DEAD);
    assert_interrupted(call, -1, call->failed, DEAD - 1);
}
END_TEST

/*
 * How well a timeout is kept.
 */

static int64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

START_TEST(overshoot_is_small)
{
    const struct call *call = silent_call(_i);
    int64_t worst = 0;
    for (int i = 0; i < 20; i++) {
        int64_t start = clock_us();
        assert_rc(call->make(50), OMCACHE_AGAIN);
        int64_t over = clock_us() - start - 50000;
        ck_assert_msg(over > -1000, "it returned %lld us too early", (long long)-over);
        worst = over > worst ? over : worst;
    }
    printf("overshoot: at most %lld us (%s)\n", (long long)worst, call->name);
    fflush(stdout);
    ck_assert_msg(worst < clock_allow(LAX) * 1000, "%lld us", (long long)worst);
}
END_TEST

/* Answers all but gets. */
static void answer_no_gets(struct peer *peer, void *context)
{
    struct wire_request request;
    (void)context;
    while (wire_read(peer, &request)) {
        if (request.opcode != WIRE_GETK && request.opcode != WIRE_GET) {
            wire_answer(peer, &request);
        }
    }
}

/* A call that waits for one server waits for a little first, and then with all others: that little
 * counts.  One try in five is good even on a busy machine. */
START_TEST(the_first_wait_counts)
{
    int32_t timeout = _i == 0 ? 42 : 90;
    int64_t least = INT64_MAX;
    struct peer *peer = peer_start(0, answer_no_gets, NULL);
    for (int i = 0; i < 5; i++) {
        client = fixture_client(peer_address(peer));
        assert_rc(omcache_set_dead_timeout(client, 300), OMCACHE_OK);
        assert_rc(omcache_noop(client, 0, 2000), OMCACHE_OK);
        clock_sleep(310); /* a deadline is over that is none any more */
        int64_t start = clock_us();
        /* It may be so late that the server counts as dead. */
        assert_rc_either(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, timeout),
                         OMCACHE_AGAIN, OMCACHE_SERVER_FAILURE);
        int64_t over = clock_us() - start - 1000 * (int64_t)timeout;
        least = over < least ? over : least;
        omcache_t *mc = client;
        fixture_forget(mc);
        omcache_free(mc);
    }
    ck_assert_msg(least < 5000, "%lld us too late", (long long)least);
}
END_TEST

/* One byte every 2 ms: there is always progress, and never an answer. */
static void trickle(struct peer *peer, void *context)
{
    struct wire_request request;
    unsigned char bytes[8192];
    (void)context;
    if (!wire_read(peer, &request) || !wire_answer(peer, &request) || !wire_read(peer, &request)) {
        return;
    }
    struct wire_reply reply = {.opcode = request.opcode, .opaque = request.opaque};
    reply.extras = "\0\0\0\0";
    reply.extras_len = 4;
    reply.value = bytes;
    reply.value_len = 8000;
    memset(bytes, 'v', sizeof(bytes));
    static unsigned char answer[8192];
    size_t len = wire_encode(&reply, answer, sizeof(answer));
    for (size_t i = 0; i < len && peer_send(peer, answer + i, 1); i++) {
        clock_sleep(2);
    }
}

/* Answers to nobody, as fast as they go. */
static void flood(struct peer *peer, void *context)
{
    struct wire_request request;
    struct wire_reply reply = {.opcode = WIRE_SET, .opaque = 0x5a5a5a5a};
    (void)context;
    if (wire_read(peer, &request) && wire_answer(peer, &request)) {
        while (wire_send(peer, &reply)) {
        }
    }
}

START_TEST(a_timeout_is_kept_whatever_comes)
{
    client = fixture_client(peer_address(peer_start(0, _i ? flood : trickle, NULL)));
    int64_t start = clock_ms();
    assert_rc(omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, TIMEOUT), OMCACHE_AGAIN);
    ck_assert_int_ge(clock_ms() - start, TIMEOUT - 1);
    assert_within(start, TIMEOUT + LAX);
}
END_TEST

/*
 * Answers that come too late for their call.
 */

static atomic_bool may_answer;

/* Proves to be a memcached, and goes on being one when it may. */
static void answer_when_told(struct peer *peer, void *context)
{
    struct wire_request request;
    bool first = true;
    (void)context;
    while (wire_read(peer, &request)) {
        for (int i = 0; i < 10000 && !first && !atomic_load(&may_answer); i++) {
            clock_sleep(1);
        }
        wire_answer(peer, &request);
        first = false;
    }
}

START_TEST(a_late_answer_is_consumed)
{
    const struct call *call = &calls[_i];
    struct peer *peer = peer_start(0, answer_when_told, NULL);
    client = fixture_client(peer_address(peer));
    atomic_store(&may_answer, false);
    for (int i = 0; i < 3; i++) {
        assert_outcome(call, 10, OMCACHE_AGAIN, 9, LAX);
    }
    omcache_set_response_callback(client, recorder_answer, NULL);
    atomic_store(&may_answer, true);
    assert_stored("another", "value of another");
    ck_assert_uint_eq(peer_connections(peer), 1);
    /* Of each call one answer at least, if only to the no-op behind it. */
    ck_assert_msg(recorder.answer_count >= 4, "%s: answers: %s", call->name, recorder_summary());
    struct recorded_answer *last = &recorder.answers[recorder.answer_count - 1];
    ck_assert_str_eq(last->key, "another");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("call_timeouts");
    TCase *tcase = fixture_case(suite, "waiting");
    tcase_add_loop_test(tcase, a_timeout_of_0_never_waits, 0, SILENT_CALLS);
    tcase_add_loop_test(tcase, a_positive_timeout_is_kept, 0, SILENT_CALLS);
    tcase_add_loop_test(tcase, without_a_timeout_the_server_s_ends_a_call, 0, SILENT_CALLS);
    tcase_add_loop_test(tcase, any_negative_timeout_is_none, 0, SILENT_CALLS);
    tcase_add_loop_test(tcase, what_has_no_timeout_never_waits, 0, 2);
    tcase_add_loop_test(tcase, signals_all_the_time_change_no_timeout, 0, CALLS);
    tcase_add_loop_test(tcase, signals_all_the_time_do_not_keep_the_dead_alive, 0, CALLS);
    tcase_add_loop_test(tcase, overshoot_is_small, 12, 13); /* get */
    tcase_add_loop_test(tcase, overshoot_is_small, CALLS - 2, CALLS);
    tcase_add_loop_test(tcase, the_first_wait_counts, 0, 2);
    tcase_add_loop_test(tcase, a_timeout_is_kept_whatever_comes, 0, 2);
    tcase_add_loop_test(tcase, a_late_answer_is_consumed, 0, CALLS);
    return fixture_run(suite);
}
