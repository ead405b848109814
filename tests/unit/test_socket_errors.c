/*
 * System calls that fail, one by one, with every errno that they can have, while a client
 * is used in different ways, over each protocol: nothing hangs, spins, leaks or crashes,
 * each call has an outcome that it may have, the log tells of it once, and the client works
 * again at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <time.h>

#include "support/certificates.h"
#include "support/failing_calls.h"
#include "support/fixture.h"
#include "support/flows.h"
#include "support/recorder.h"

enum {
    SERVERS = 2,
    PROTOCOLS = 4,
    ERRORS_MAX = 20,
};

/* What a failure means. */
enum effect {
    IGNORED, /* nothing is lost by it */
    FATAL,   /* for the connection, of which the log tells once */
    FOREIGN, /* the same; but before the first answer it can mean another protocol */
};

struct failure {
    enum failing_call call;
    const char *name;
    enum effect effect;
    int errors[ERRORS_MAX];
};

static const struct failure failures[] = {
    {CALL_SOCKET,
     "socket",
     FATAL,
     {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EPERM, EAFNOSUPPORT, EPROTONOSUPPORT, EINVAL}},
    {CALL_CONNECT,
     "connect",
     FATAL,
     {EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EALREADY, EISCONN, ENETUNREACH,
      EHOSTUNREACH, ENETDOWN, ETIMEDOUT, ECONNRESET, ENOBUFS, ENOMEM, EPROTOTYPE, EIO, EPROTO}},
    {CALL_CONNECT, "connect", IGNORED, {EINPROGRESS, EINTR, EAGAIN}},
    {CALL_SENDMSG,
     "sendmsg",
     FATAL,
     {ENOBUFS, ENOMEM, EACCES, EPERM, ENOTCONN, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EIO,
      EPROTO, EMSGSIZE, EINVAL}},
    {CALL_SENDMSG, "sendmsg", FOREIGN, {EPIPE, ECONNRESET}},
    {CALL_SENDMSG, "sendmsg", IGNORED, {EAGAIN, EINTR}},
    {CALL_RECV,
     "recv",
     FATAL,
     {ENOBUFS, ENOMEM, ECONNREFUSED, ENOTCONN, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EIO, EPROTO,
      EACCES, EPERM}},
    {CALL_RECV, "recv", FOREIGN, {ECONNRESET}},
    {CALL_RECV, "recv", IGNORED, {EAGAIN, EINTR}},
    {CALL_POLL, "poll", IGNORED, {EINTR, ENOMEM, EINVAL, EAGAIN}},
    {CALL_SETSOCKOPT, "setsockopt", IGNORED, {ENOPROTOOPT, EINVAL, ENOMEM, ENOBUFS}},
    {CALL_GETSOCKOPT, "getsockopt", FATAL, {ENOBUFS, ENOMEM, EINVAL}},
    {CALL_SO_ERROR,
     "SO_ERROR",
     FATAL,
     {ETIMEDOUT, ENETUNREACH, EHOSTUNREACH, ECONNRESET, EPROTO, EIO, EADDRNOTAVAIL}},
    {CALL_GETPEERNAME, "getpeername", FATAL, {ENOBUFS, EINVAL}},
    {CALL_GETPEERNAME, "getpeername", IGNORED, {ENOTCONN}},
};

enum {
    FAILURES = sizeof(failures) / sizeof(failures[0]),
};

static size_t lines_with(const char *text)
{
    size_t count = 0;

    for (size_t i = 0; i < recorder.line_count && i < RECORDER_MAX; i++)
        count += strstr(recorder.lines[i].text, text) != NULL;
    return count;
}

/* What the log should have of one failure that came to be.  Where another greeting can be
 * tried, as over text, which streams speak, one that is closed at is nothing to tell. */
static void check_log(const struct failure *failure, int error, int protocol,
                      const struct flow *flow)
{
    size_t lines = lines_with(error == 0 ? "closed by the server" : strerror(error));
    bool one_greeting =
        (protocol == OMCACHE_PROTOCOL_BINARY || protocol == OMCACHE_PROTOCOL_META) &&
        strcmp(flow->name, "streams") != 0;
    size_t least = failure->effect == FATAL || (failure->effect == FOREIGN && one_greeting);
    if (certificates_are_wanted())
        least = 0; /* it may have been taking leave, or looking for more than there was */
    if (failure->call == CALL_SENDMSG && failure->effect == FOREIGN)
        least = 0; /* what has come is read first, and this peer is still there then */

    ck_assert_msg(failure->effect == IGNORED ? lines == 0 : lines >= least && lines <= 1,
                  "%s, %s: %zu lines of log", failure->name, strerror(error), lines);
    ck_assert_uint_lt(recorder.line_count, 60);
}

/* Whether an errno is about this side, not about the server. */
static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
           error == EADDRNOTAVAIL;
}

/* A run in which `count` calls fail from number `from` on.  Whether they came to that. */
static bool run_with_failures(const struct failure *failure, int error, int protocol,
                              const struct flow *flow, size_t from, size_t count)
{
    size_t fds = flow_open_fds();
    int64_t begun = clock_ms();
    clock_t since = clock();
    omcache_t *mc = omcache_init();
    bool failed;

    recorder_clear();
    assert_rc(omcache_set_log_callback(mc, 7, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_set_protocol(mc, protocol), OMCACHE_OK);
    assert_rc(omcache_set_reconnect_timeout(mc, 10), OMCACHE_OK);
    fixture_secure(mc);
    flow_may_lack_sockets = is_shortage(error);
    fail_calls(failure->call, from, count, error);
    flow_run_with(flow, mc, fleet.list);
    failed = stop_failing_calls();
    assert_rc(omcache_set_servers(mc, fleet.list), OMCACHE_OK);
    flow_assert_recovery(mc, SERVERS);
    for (int i = 0; i < SERVERS && protocol == OMCACHE_PROTOCOL_AUTO; i++) {
        int found = omcache_server_protocol(mc, i);

        ck_assert_msg(found == OMCACHE_PROTOCOL_META || failure->effect == FOREIGN,
                      "%s, %s at %zu: protocol %d", failure->name, strerror(error), from, found);
    }
    assert_rc(omcache_free(mc), OMCACHE_OK);
    if (failed && count == 1 && error != ECONNREFUSED)
        check_log(failure, error, protocol, flow);
    ck_assert_msg(flow_open_fds() == fds, "%s, %s at %zu: descriptors leak", failure->name,
                  strerror(error), from);
    ck_assert_msg(clock_ms() - begun < clock_allow(3000), "%s, %s at %zu with %s: %lld ms",
                  failure->name, strerror(error), from, flow->name,
                  (long long)(clock_ms() - begun));
    ck_assert_msg(clock() - since < clock_allow(CLOCKS_PER_SEC), "%s, %s at %zu with %s spins",
                  failure->name, strerror(error), from, flow->name);
    return failed;
}

/* Each error over each protocol, with one of the flows that use sockets: all but those of meta,
 * whose requests end otherwise if the server is mistaken for an older one. */
static void fail_at_each_call(const struct failure *failure, int error, int protocol, size_t turn)
{
    const struct flow *flow = &flows[turn % (FLOWS - META_FLOWS)];
    size_t failed = 0;

    for (size_t from = 1; run_with_failures(failure, error, protocol, flow, from, 1);
         from += 1 + from / 4)
        failed++;
    ck_assert_msg(failed > 0, "%s never failed with %s", failure->name, flow->name);
}

START_TEST(no_call_may_fail_badly)
{
    const struct failure *failure = &failures[_i];

    fleet_start(&fleet, SERVERS);
    for (int protocol = 0; protocol < PROTOCOLS; protocol++) {
        for (size_t i = 0; i < ERRORS_MAX && failure->errors[i] != 0; i++)
            fail_at_each_call(failure, failure->errors[i], protocol,
                              i * 7 + (size_t)protocol * 5 + (size_t)_i);
    }
}
END_TEST

/* Whether the application's own poll() fails, too. */
static bool flow_polls(const struct flow *flow)
{
    return strcmp(flow->name, "poll_fds") == 0 || strcmp(flow->name, "operations") == 0 ||
           strcmp(flow->name, "early answers") == 0;
}

/* Until the test ends it, as when there are no more descriptors. */
START_TEST(calls_may_fail_for_long)
{
    const struct failure *failure = &failures[_i];

    if (failure->effect == IGNORED && failure->call != CALL_SETSOCKOPT &&
        failure->call != CALL_POLL)
        return; /* what never ends would have to be waited for */
    fleet_start(&fleet, SERVERS);
    for (int protocol = 0; protocol < PROTOCOLS; protocol++) {
        for (size_t i = 0; i < ERRORS_MAX && failure->errors[i] != 0; i++) {
            const struct flow *flow = &flows[(i * 3 + (size_t)protocol) % (FLOWS - META_FLOWS)];

            if (failure->errors[i] == EINTR || (failure->call == CALL_POLL && flow_polls(flow)))
                continue;
            run_with_failures(failure, failure->errors[i], protocol, flow, 1, SIZE_MAX / 2);
            run_with_failures(failure, failure->errors[i], protocol, flow, 5, SIZE_MAX / 2);
        }
    }
}
END_TEST

/* The end of a stream where none was expected. */
START_TEST(any_read_may_be_the_last)
{
    static const struct failure end = {CALL_RECV, "recv", FOREIGN, {0}};
    size_t failed = 0;

    fleet_start(&fleet, SERVERS);
    for (size_t from = 1;
         run_with_failures(&end, 0, _i % PROTOCOLS, &flows[_i / PROTOCOLS], from, 1);
         from += 1 + from / 4)
        failed++;
    ck_assert_uint_gt(failed, 0);
}
END_TEST

/* In each of the three ways to write a request. */
START_TEST(what_the_kernel_lacks_to_send_is_no_failure_of_a_server)
{
    static const int errors[] = {ENOBUFS, ENOMEM};
    static const unsigned char large[5000];
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};

    fleet_start(&fleet, 1);
    client = fixture_client(fleet.list);
    for (size_t i = 0; i < 2; i++) {
        store("key", "value");
        fail_calls(CALL_SENDMSG, 1, 1, errors[i]);
        omcache_get(client, TEXT("key"), NULL, NULL, NULL, NULL, -1);
        ck_assert(stop_failing_calls());
        store("key", "value");
        fail_calls(CALL_SENDMSG, 1, 1, errors[i]);
        omcache_set(client, TEXT("large"), large, sizeof(large), 0, 0, 0, 0);
        ck_assert(stop_failing_calls());
        drain(client);
        store("key", "value");
        fail_calls(CALL_SENDMSG, 1, 1, errors[i]);
        omcache_set(client, TEXT("key"), TEXT("new"), 0, 0, 0, 0);
        ck_assert(stop_failing_calls());
        drain(client);
        assert_stored("key", "new");
    }
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.failures, 0);
}
END_TEST

/* There may be memory for a hello and none for a value, each time. */
/* Of what has no key there is none to be routed again, either. */
START_TEST(requests_without_keys_are_sent_again)
{
    static const int errors[] = {EPIPE, ECONNRESET, EIO};

    fleet_start(&fleet, SERVERS);
    client = fixture_client(fleet.list);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        omcache_req_t req = {.server_index = -1, .header = {.opcode = 0x0b}};

        assert_rc(omcache_command_status(client, &req, patience), OMCACHE_OK);
        req.server_index = -1;
        fail_calls(CALL_SENDMSG, 1, 1, errors[i]);
        assert_rc(omcache_command_status(client, &req, patience), OMCACHE_OK);
        ck_assert(stop_failing_calls());
    }
}
END_TEST

START_TEST(no_memory_for_values_ends_a_call)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};

    fleet_start(&fleet, 1);
    client = fixture_client(fleet.list);
    assert_rc(omcache_set_protocol(client, _i), OMCACHE_OK);
    fail_calls(CALL_SENDMSG, 2, SIZE_MAX / 2, ENOBUFS);
    failing.step = 2;
    assert_rc(omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, -1), OMCACHE_NO_MEMORY);
    ck_assert(stop_failing_calls());
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.failures, 0);
    assert_rc(omcache_set(client, TEXT("key"), TEXT("value"), 0, 0, 0, -1), OMCACHE_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("socket_errors");
    TCase *tcase = fixture_case(suite, "socket_errors");

    tcase_add_loop_test(tcase, no_call_may_fail_badly, 0, FAILURES);
    tcase_add_loop_test(tcase, calls_may_fail_for_long, 0, FAILURES);
    tcase_add_loop_test(tcase, any_read_may_be_the_last, 0, (FLOWS - META_FLOWS) * PROTOCOLS);
    tcase_add_test(tcase, what_the_kernel_lacks_to_send_is_no_failure_of_a_server);
    tcase_add_test(tcase, requests_without_keys_are_sent_again);
    tcase_add_loop_test(tcase, no_memory_for_values_ends_a_call, 0, PROTOCOLS);
    return fixture_run(suite);
}
