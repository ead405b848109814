/*
 * That every operation completes exactly once, whatever becomes of its server.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"
#include "support/recorder.h"
#include "support/unusable.h"

#include <stdio.h>

#define MANY 3000

static struct puppet puppet;

static int try_get(const char *key, size_t slot)
{
    return omcache_async_get(client, TEXT(key), -1, told_reply, &told[slot]);
}

static void get(const char *key, size_t slot)
{
    assert_rc(try_get(key, slot), OMCACHE_OK);
}

static void open_servers(size_t count)
{
    connected_servers(count);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
}

/* A new client that is connected to nobody. */
static void open_again(void)
{
    assert_rc(omcache_set_watch_callback(client, NULL, NULL), OMCACHE_OK);
    client = fixture_client(fleet.list);
    watcher_init(&loop, client);
}

static void open_puppet(void)
{
    connected_puppets(&puppet, 1);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
}

static void take(struct wire_request *request)
{
    watcher_turn(&loop, 0);
    ck_assert(puppet_next(&puppet, request, 5000));
}

/*
 * Servers that fail.
 */

static void mixed(size_t slot, const char *key)
{
    switch (slot % 4) {
    case 0:
        assert_rc(
            omcache_async_set(client, TEXT(key), TEXT(key), 0, 0, 0, -1, told_reply, &told[slot]),
            OMCACHE_OK);
        break;
    case 1:
        assert_rc(
            omcache_async_increment(client, TEXT(key), 1, 1, 0, 5000, told_reply, &told[slot]),
            OMCACHE_OK);
        break;
    default:
        get(key, slot);
    }
}

START_TEST(killed_and_restarted_servers_lose_nothing)
{
    open_servers(3);
    assert_rc(omcache_set_reconnect_timeout(client, 50), OMCACHE_OK);
    for (size_t i = 0; i < MANY; i++) {
        char key[16];
        snprintf(key, sizeof(key), "key-%zu", i);
        mixed(i, key);
        if (i == MANY / 4 || i == MANY / 2) {
            watcher_turn(&loop, 0);
            memcached_kill(&fleet.servers[1]);
        }
        if (i == MANY / 3) {
            memcached_restart(&fleet.servers[1]);
        }
        if (i % 10 == 0) {
            watcher_turn(&loop, 0);
        }
    }
    watcher_run(&loop, &told_count, MANY);
    size_t good = told_once(told, MANY, OMCACHE_OK) + told_once(told, MANY, OMCACHE_NOT_FOUND) +
                  told_once(told, MANY, OMCACHE_DELTA_BAD_VALUE);
    size_t failed = told_once(told, MANY, OMCACHE_SERVER_FAILURE);
    ck_assert_uint_eq(good + failed, MANY);
    ck_assert_uint_gt(good, MANY / 2);
}
END_TEST

START_TEST(a_killed_server_fails_what_was_sent)
{
    open_servers(1);
    memcached_pause(&fleet.servers[0]);
    for (size_t i = 0; i < 10; i++) {
        get("key", i);
    }
    assert_rc(omcache_async_stat(client, "items", 0, -1, told_reply, &told[10]), OMCACHE_OK);
    watcher_turn(&loop, 0);
    memcached_kill(&fleet.servers[0]);
    watcher_run(&loop, &told_count, 11);
    ck_assert_uint_eq(told_once(told, 11, OMCACHE_SERVER_FAILURE), 11);
    ck_assert_int_eq(told[0].server_index, 0);
    ck_assert_str_eq(told[0].key, "key");
    ck_assert_uint_eq(told[10].ends, 1);
}
END_TEST

START_TEST(a_reset_in_the_midst_of_an_answer_fails_it)
{
    struct wire_request request;
    unsigned char bytes[64];
    open_puppet();
    get("a", 0);
    get("b", 1);
    take(&request);
    struct wire_reply reply = {.opcode = request.opcode,
                               .opaque = request.opaque,
                               .extras = "\0\0\0\0",
                               .extras_len = 4,
                               .key = "a",
                               .key_len = 1,
                               .value = "value",
                               .value_len = 5};
    size_t len = wire_encode(&reply, bytes, sizeof(bytes));
    puppet_send(&puppet, bytes, len - 3);
    watcher_turn(&loop, 100);
    ck_assert_uint_eq(told_count, 0);
    puppet_hang_up(&puppet, true);
    watcher_run(&loop, &told_count, 2);
    ck_assert_uint_eq(told_once(told, 2, OMCACHE_SERVER_FAILURE), 2);
    puppet_close(&puppet);
}
END_TEST

START_TEST(a_wrong_key_closes_the_connection)
{
    struct wire_request first;
    struct wire_request second;
    open_puppet();
    get("a", 0);
    get("b", 1);
    take(&first);
    take(&second);
    first.body[0] = 'b';
    puppet_answer(&puppet, &first, 0, "not yours", 9);
    watcher_run(&loop, &told_count, 2);
    ck_assert_uint_eq(told_once(told, 2, OMCACHE_SERVER_FAILURE), 2);
    ck_assert_str_eq(told[0].value, "");
    ck_assert(recorder_has_line(7, "another key"));
    puppet_close(&puppet);
}
END_TEST

/* The request lies in the client's buffer when its "answer" comes. */
START_TEST(an_answer_to_something_unsent_is_none)
{
    struct wire_request request;
    open_puppet();
    get("a", 0);
    take(&request);
    puppet_answer(&puppet, &request, 0, "a", 1);
    watcher_run(&loop, &told_count, 1);
    get("a", 1);
    request.opaque = htobe32(be32toh(request.opaque) + 1);
    puppet_answer(&puppet, &request, 0, "guess", 5);
    clock_sleep(10);
    get("a", 2); /* looks at the connection, as it was idle */
    ck_assert_uint_eq(told_count, 1);
    ck_assert(recorder_has_line(7, "not sent"));
    watcher_turn(&loop, 0);
    ck_assert_uint_eq(told_count, 1);
    puppet_greet(&puppet, &loop);
    for (int i = 0; i < 2; i++) {
        while (!puppet_next(&puppet, &request, 0)) {
            watcher_turn(&loop, 1);
        }
        puppet_answer(&puppet, &request, 0, "true", 4);
    }
    watcher_run(&loop, &told_count, 3);
    ck_assert_uint_eq(told_once(told, 3, OMCACHE_OK), 3);
    ck_assert_str_eq(told[1].value, "true");
    puppet_close(&puppet);
}
END_TEST

START_TEST(an_answer_over_the_limit_fails_only_its_request)
{
    static unsigned char value[100000];
    open_servers(1);
    assert_rc(omcache_set(client, TEXT("large"), value, sizeof(value), 0, 0, 0, -1), OMCACHE_OK);
    assert_rc(omcache_set_recv_buffer_max_size(client, 50000), OMCACHE_OK);
    get("large", 0);
    watcher_run(&loop, &told_count, 1);
    assert_rc(told[0].status, OMCACHE_BUFFER_FULL);
    get("small", 1);
    watcher_run(&loop, &told_count, 2);
    assert_rc(told[1].status, OMCACHE_NOT_FOUND);
    ck_assert_uint_eq(told_once(told, 2, OMCACHE_BUFFER_FULL), 1);
}
END_TEST

START_TEST(what_was_not_sent_goes_to_another_server)
{
    open_servers(3);
    const char *key = key_for(1);
    memcached_kill(&fleet.servers[1]);
    for (size_t i = 0; i < 20; i++) {
        get(key, i);
    }
    watcher_run(&loop, &told_count, 20);
    ck_assert_uint_eq(
        told_once(told, 20, OMCACHE_NOT_FOUND) + told_once(told, 20, OMCACHE_SERVER_FAILURE), 20);
    /* Never connected: all of them can go. */
    forget_told();
    open_again();
    for (size_t i = 0; i < 20; i++) {
        get(key, i);
    }
    watcher_run(&loop, &told_count, 20);
    ck_assert_uint_eq(told_once(told, 20, OMCACHE_NOT_FOUND), 20);
    ck_assert_int_ne(told[0].server_index, 1);
    /* Those that name a server cannot. */
    omcache_async_noop(client, 1, -1, told_reply, &told[20]);
}
END_TEST

START_TEST(without_failover_it_fails)
{
    open_servers(3);
    const char *key = key_for(1);
    const char *other = key_for(0);
    memcached_kill(&fleet.servers[1]);
    open_again();
    assert_rc(omcache_set_failover(client, OMCACHE_FAILOVER_NONE), OMCACHE_OK);
    for (size_t i = 0; i < 20; i++) {
        get(key, i);
    }
    watcher_run(&loop, &told_count, 20);
    ck_assert_uint_eq(told_once(told, 20, OMCACHE_SERVER_FAILURE), 20);
    ck_assert_int_eq(told[0].server_index, 1);
    assert_rc(try_get(key, 20), OMCACHE_NO_SERVERS);
    get(other, 21);
    watcher_run(&loop, &told_count, 21);
    ck_assert_uint_eq(told[20].calls, 0);
}
END_TEST

START_TEST(without_servers_nothing_is_accepted)
{
    client = fixture_client("");
    assert_rc(try_get("key", 0), OMCACHE_NO_SERVERS);
    assert_rc(omcache_async_noop(client, 0, -1, told_reply, &told[0]), OMCACHE_NO_SERVERS);
    client = fixture_client(nobody());
    watcher_init(&loop, client);
    get("key", 1);
    watcher_run(&loop, &told_count, 1);
    assert_rc(told[1].status, OMCACHE_SERVER_FAILURE);
    assert_rc(try_get("key", 0), OMCACHE_NO_SERVERS);
    assert_rc(omcache_async_stat(client, NULL, 0, -1, told_reply, &told[0]), OMCACHE_NO_SERVERS);
    const void *keys[2] = {"a", "b"};
    size_t lens[2] = {1, 1};
    assert_rc(omcache_async_get_multi(client, keys, lens, 2, -1, told_reply, &told[0]),
              OMCACHE_NO_SERVERS);
    for (int i = 0; i < 3; i++) {
        watcher_turn(&loop, 1);
    }
    ck_assert_uint_eq(told[0].calls, 0);
}
END_TEST

/*
 * The application ends them.
 */

START_TEST(a_server_may_be_dropped)
{
    open_servers(3);
    for (size_t i = 0; i < 30; i++) {
        get(key_for(i % 3), i);
    }
    assert_rc(omcache_set_servers(client, fleet.servers[2].address), OMCACHE_OK);
    ck_assert_uint_eq(told_count, 0);
    watcher_run(&loop, &told_count, 30);
    for (size_t i = 0; i < 30; i++) {
        assert_rc(told[i].status, i % 3 == 2 ? OMCACHE_NOT_FOUND : OMCACHE_SERVER_FAILURE);
        ck_assert_int_eq(told[i].server_index, i % 3 == 2 ? 0 : -1);
    }
    told_once(told, 30, 0);
}
END_TEST

static void drop_inside(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    told_reply(mc, reply, context);
    assert_rc(omcache_set_servers(mc, fleet.servers[2].address), OMCACHE_OK);
    ck_assert_str_eq(((struct told *)context)->value, "value");
    size_t len;
    ck_assert_ptr_nonnull(omcache_reply_value(reply, &len));
    assert_text(omcache_reply_value(reply, NULL), len, "value");
}

START_TEST(the_server_whose_answer_is_told_may_be_dropped)
{
    open_servers(3);
    const char *key = key_for(1);
    store(key, "value");
    assert_rc(omcache_async_get(client, TEXT(key), -1, drop_inside, &told[0]), OMCACHE_OK);
    for (size_t i = 1; i < 30; i++) {
        get(key_for(i % 3), i);
    }
    watcher_run(&loop, &told_count, 30);
    told_once(told, 30, 0);
    assert_rc(told[0].status, OMCACHE_OK);
}
END_TEST

START_TEST(buffers_may_be_reset)
{
    open_servers(1);
    memcached_pause(&fleet.servers[0]);
    const void *keys[3] = {"a", "b", "c"};
    size_t lens[3] = {1, 1, 1};
    for (size_t i = 0; i < 10; i++) {
        get("key", i);
    }
    watcher_turn(&loop, 0);
    for (size_t i = 10; i < 20; i++) {
        get("key", i);
    }
    assert_rc(omcache_async_get_multi(client, keys, lens, 3, 1000, told_reply, &told[20]),
              OMCACHE_OK);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    ck_assert_uint_eq(told_count, 0);
    get("key", 21);
    memcached_resume(&fleet.servers[0]);
    watcher_run(&loop, &told_count, 25);
    ck_assert_uint_eq(told_once(told, 20, OMCACHE_CANCELLED), 20);
    ck_assert_uint_eq(told[20].calls, 4);
    assert_rc(told[20].status, OMCACHE_CANCELLED);
    assert_rc(told[21].status, OMCACHE_NOT_FOUND);
    ck_assert_uint_eq(told_count, 25);
}
END_TEST

/* What was given up is told once, also if its answer is still to come. */
START_TEST(buffers_may_be_reset_again)
{
    open_servers(1);
    memcached_pause(&fleet.servers[0]);
    for (size_t i = 0; i < 10; i++) {
        assert_rc(omcache_async_get(client, "key", 3, 5000, told_reply, &told[i]), OMCACHE_OK);
    }
    watcher_turn(&loop, 0);
    for (size_t i = 10; i < 13; i++) {
        assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
        watcher_run(&loop, &told_count, i);
        get("key", i);
        watcher_turn(&loop, 0);
    }
    memcached_resume(&fleet.servers[0]);
    watcher_run(&loop, &told_count, 13);
    ck_assert_uint_eq(told_once(told, 13, OMCACHE_CANCELLED), 12);
    assert_rc(told[12].status, OMCACHE_NOT_FOUND);
}
END_TEST

/* That the server has not proved itself yet does not make it wait for ever. */
START_TEST(buffers_may_be_reset_before_the_first_answer)
{
    NOT_OVER_TLS;
    fixture_servers(1);
    watcher_init(&loop, client);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_set_dead_timeout(client, 200), OMCACHE_OK);
    get("key", 0);
    watcher_turn(&loop, 0);
    watcher_turn(&loop, 20);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    int64_t begun = clock_ms();
    get("key", 1);
    watcher_run(&loop, &told_count, 2);
    assert_within(begun, 2000);
    assert_rc(told[0].status, OMCACHE_CANCELLED);
    assert_rc(told[1].status, OMCACHE_SERVER_FAILURE);
}
END_TEST

/*
 * A waiting call and others.
 */

START_TEST(a_waiting_call_completes_them)
{
    open_servers(3);
    for (size_t i = 0; i < 300; i++) {
        get("key", i);
    }
    if (_i == 0) {
        drain(client);
    } else if (_i == 1) {
        for (int i = 0; i < 3; i++) {
            assert_rc(omcache_noop(client, i, -1), OMCACHE_OK);
        }
    } else {
        for (int i = 0; i < 1000 && told_count < 300; i++) {
            int count;
            int timeout;
            struct pollfd *fds = omcache_poll_fds(client, &count, &timeout);
            poll(fds, (nfds_t)count, timeout);
            assert_rc_either(omcache_io(client, NULL, NULL, NULL, NULL, 0), OMCACHE_OK,
                             OMCACHE_AGAIN);
        }
    }
    ck_assert_uint_eq(told_once(told, 300, OMCACHE_NOT_FOUND), 300);
}
END_TEST

START_TEST(a_waiting_call_lets_them_run_out_of_time)
{
    open_servers(1);
    memcached_pause(&fleet.servers[0]);
    assert_rc(omcache_async_get(client, "a", 1, 20, told_reply, &told[0]), OMCACHE_OK);
    int64_t start = clock_ms();
    assert_rc(omcache_noop(client, 0, 60), OMCACHE_AGAIN);
    assert_rc(told[0].status, OMCACHE_TIMEOUT);
    ck_assert_int_le(told[0].at - start, clock_allow(50));
}
END_TEST

/* A client without a loop of its own: what ends with the answer that a call waits for is told
 * before the call returns, whatever it is. */
START_TEST(a_waiting_call_tells_of_all_that_came_with_its_answer)
{
    static unsigned char value[100000];
    const void *keys[] = {"a", "b", "c"};
    const size_t lens[] = {1, 1, 1};
    fixture_servers(1);
    assert_rc(omcache_set_log_callback(client, 7, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_set(client, TEXT("a"), TEXT("a"), 0, 0, 0, -1), OMCACHE_OK);
    assert_rc(omcache_set(client, TEXT("large"), value, sizeof(value), 0, 0, 0, -1), OMCACHE_OK);
    if (_i == 0) {
        assert_rc(omcache_async_get_multi(client, keys, lens, 3, -1, told_reply, &told[0]),
                  OMCACHE_OK);
        assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
        ck_assert_uint_ge(told[0].calls, 3);
    } else {
        assert_rc(omcache_set_recv_buffer_max_size(client, 50000), OMCACHE_OK);
        get("large", 0);
        ck_assert_int_ne(omcache_noop(client, 0, -1), OMCACHE_OK);
        ck_assert_uint_eq(told[0].calls, 1);
        assert_rc(told[0].status, OMCACHE_BUFFER_FULL);
    }
}
END_TEST

/* The one that is over the limit ends by itself; what the end of the connection costs is told. */
START_TEST(the_log_counts_what_an_answer_over_the_limit_costs)
{
    static unsigned char value[100000];
    const unsigned char *got;
    size_t len;
    fixture_servers(1);
    assert_rc(omcache_set(client, TEXT("large"), value, sizeof(value), 0, 0, 0, -1), OMCACHE_OK);
    assert_rc(omcache_set_log_callback(client, 4, recorder_log, NULL), OMCACHE_OK);
    assert_rc(omcache_set_recv_buffer_max_size(client, 50000), OMCACHE_OK);
    assert_rc(omcache_get(client, TEXT("large"), &got, &len, NULL, NULL, -1), OMCACHE_BUFFER_FULL);
    ck_assert(!recorder_has_line(4, "connection closed"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("async_completion");
    TCase *failing = operations_case(suite, "failing");
    tcase_add_test(failing, killed_and_restarted_servers_lose_nothing);
    tcase_add_test(failing, a_killed_server_fails_what_was_sent);
    tcase_add_test(failing, a_reset_in_the_midst_of_an_answer_fails_it);
    tcase_add_test(failing, a_wrong_key_closes_the_connection);
    tcase_add_test(failing, an_answer_to_something_unsent_is_none);
    tcase_add_test(failing, an_answer_over_the_limit_fails_only_its_request);
    tcase_add_test(failing, what_was_not_sent_goes_to_another_server);
    tcase_add_test(failing, without_failover_it_fails);
    tcase_add_test(failing, without_servers_nothing_is_accepted);
    TCase *ended = operations_case(suite, "ended");
    tcase_add_test(ended, a_server_may_be_dropped);
    tcase_add_test(ended, the_server_whose_answer_is_told_may_be_dropped);
    tcase_add_test(ended, buffers_may_be_reset);
    tcase_add_test(ended, buffers_may_be_reset_again);
    tcase_add_test(ended, buffers_may_be_reset_before_the_first_answer);
    TCase *waiting = operations_case(suite, "waiting");
    tcase_add_loop_test(waiting, a_waiting_call_completes_them, 0, 3);
    tcase_add_test(waiting, a_waiting_call_lets_them_run_out_of_time);
    tcase_add_loop_test(waiting, a_waiting_call_tells_of_all_that_came_with_its_answer, 0, 2);
    tcase_add_test(waiting, the_log_counts_what_an_answer_over_the_limit_costs);
    return fixture_run(suite);
}
