/*
 * Calls from inside the callbacks of operations: everything is allowed there, and what
 * the callback looks at stays as it is.  Freeing: test_callback_freeing.c; the other callbacks:
 * test_callback_loop.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define LARGE 20000
#define LARGER 200000 /* in memory of its own */

static struct puppet puppet;

/*
 * A classic call that waits, with callbacks that ask for more.
 */

static void chain(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t len;
    const unsigned char *value = omcache_reply_value(reply, &len);
    assert_rc(omcache_reply_status(reply), OMCACHE_OK);
    ck_assert_uint_eq(len, LARGE);
    if (++rounds < 300) {
        assert_rc(omcache_async_get(mc, TEXT("large"), -1, chain, context), OMCACHE_OK);
    }
    ck_assert(memcmp(value, bulk, len) == 0);
}

START_TEST(a_waiting_call_drives_a_chain_of_any_length)
{
    watched_servers(1);
    store_bulk("large", LARGE);
    async_get("large", chain, NULL);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 20000), OMCACHE_OK);
    ck_assert_uint_eq(rounds, 300);
}
END_TEST

static void get_many_times(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t len;
    size_t got_len;
    const unsigned char *value = omcache_reply_value(reply, &len);
    const unsigned char *got;
    (void)context;
    for (int i = 0; i < 100; i++) {
        assert_rc(omcache_get(mc, TEXT("large"), &got, &got_len, NULL, NULL, -1), OMCACHE_OK);
        ck_assert_uint_eq(got_len, LARGE);
        ck_assert(memcmp(got, bulk, LARGE) == 0);
    }
    ck_assert_uint_eq(len, 5);
    ck_assert(memcmp(value, "value", 5) == 0);
    rounds++;
}

START_TEST(a_callback_may_get_any_number_of_values)
{
    watched_servers(1);
    store_bulk("large", LARGE);
    store("key", "value");
    async_get("key", get_many_times, NULL);
    if (_i == 0) {
        watcher_run(&loop, &rounds, 1);
    } else {
        assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 20000), OMCACHE_OK);
    }
    ck_assert_uint_eq(rounds, 1);
}
END_TEST

static void get_a_large_one(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t len;
    size_t got_len;
    const unsigned char *value = omcache_reply_value(reply, &len);
    const unsigned char *got;
    size_t *depth = context;
    ck_assert_uint_eq(len, sizeof(bulk));
    if (++*depth < 4) {
        assert_rc(omcache_async_get(mc, TEXT("large"), -1, get_a_large_one, depth), OMCACHE_OK);
        assert_rc(omcache_get(mc, TEXT("large"), &got, &got_len, NULL, NULL, -1), OMCACHE_OK);
        ck_assert_uint_eq(got_len, sizeof(bulk));
        ck_assert(memcmp(got, bulk, got_len) == 0);
    }
    ck_assert(memcmp(value, bulk, len) == 0);
    rounds++;
}

START_TEST(a_large_value_may_be_got_while_looking_at_another)
{
    size_t depth = 0;
    watched_servers(1);
    store_bulk("large", sizeof(bulk));
    async_get("large", get_a_large_one, &depth);
    watcher_run(&loop, &rounds, 4);
    depth = 0;
    async_get("large", get_a_large_one, &depth);
    assert_missing("none");
    watcher_run(&loop, &rounds, 8);
}
END_TEST

/* The outer call's own values are as they were, whatever was got meanwhile. */
static void disturb(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    const unsigned char *got;
    size_t got_len;
    (void)reply;
    (void)context;
    for (int i = 0; i < 20; i++) {
        assert_rc(omcache_get(mc, TEXT("large"), &got, &got_len, NULL, NULL, -1), OMCACHE_OK);
        ck_assert_uint_eq(got_len, LARGE);
    }
    rounds++;
}

#define KEYS 100

static omcache_req_t reqs[KEYS];
static omcache_value_t values[KEYS];
static const unsigned char *keys[KEYS];
static size_t key_lens[KEYS];
static char names[KEYS][16];

static void store_keys(void)
{
    for (int i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof(names[i]), "name-%d", i);
        keys[i] = (unsigned char *)names[i];
        key_lens[i] = strlen(names[i]);
        store(names[i], names[i]);
    }
}

static size_t get_keys(omcache_t *mc)
{
    size_t count = KEYS;
    size_t room = KEYS;
    assert_rc(omcache_get_multi(mc, keys, key_lens, KEYS, reqs, &count, values, &room, -1),
              OMCACHE_OK);
    for (size_t i = 0; i < room; i++) {
        assert_bytes(values[i].data, values[i].data_len, values[i].key, values[i].key_len);
    }
    return room;
}

START_TEST(an_outer_call_gets_its_own_answers)
{
    watched_servers(_i == 0 ? 1 : 3);
    store_bulk("large", LARGE);
    store_keys();
    for (int i = 0; i < 50; i++) {
        async_get(names[i], disturb, NULL);
    }
    ck_assert_uint_eq(get_keys(client), KEYS);
    watcher_run(&loop, &rounds, 50);
    for (int i = 0; i < 10; i++) {
        async_get(names[i], disturb, NULL);
    }
    store("key", "value");
    assert_stored("key", "value");
    watcher_run(&loop, &rounds, 60);
}
END_TEST

static omcache_req_t inner_reqs[KEYS];
static omcache_value_t inner[KEYS];

static void get_keys_inside(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t count = KEYS;
    size_t room = KEYS;
    size_t key_len;
    const unsigned char *key = omcache_reply_key(reply, &key_len);
    (void)context;
    assert_rc(omcache_get_multi(mc, keys, key_lens, KEYS, inner_reqs, &count, inner, &room, -1),
              OMCACHE_OK);
    ck_assert_uint_eq(room, KEYS);
    for (size_t i = 0; i < room; i++) {
        assert_bytes(inner[i].data, inner[i].data_len, inner[i].key, inner[i].key_len);
    }
    ck_assert_uint_eq(count, 0);
    assert_rc(omcache_set(mc, key, key_len, key, key_len, 0, 0, 0, -1), OMCACHE_OK);
    /* The array of a call that has not returned is not the inner call's. */
    count = KEYS;
    assert_rc(omcache_io(mc, reqs, &count, NULL, NULL, -1), OMCACHE_INVALID);
    rounds++;
}

START_TEST(batches_nest)
{
    watched_servers(_i == 0 ? 1 : 3);
    store_keys();
    for (int i = 0; i < 5; i++) {
        async_get(names[i], get_keys_inside, NULL);
    }
    ck_assert_uint_eq(get_keys(client), KEYS);
    watcher_run(&loop, &rounds, 5);
}
END_TEST

/* More values than there is room for at once, as outside: what is left is got by omcache_io. */
static void get_large_keys(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t count = KEYS;
    size_t room = KEYS;
    size_t got = 0;
    (void)reply;
    (void)context;
    int rc = omcache_get_multi(mc, keys, key_lens, KEYS, inner_reqs, &count, inner, &room, -1);
    for (got = room; rc == OMCACHE_AGAIN; got += room) {
        rounds++;
        room = KEYS;
        rc = omcache_io(mc, inner_reqs, &count, inner, &room, -1);
    }
    assert_rc(rc, OMCACHE_OK);
    ck_assert_uint_eq(got, KEYS);
}

START_TEST(a_batch_may_be_finished_inside)
{
    watched_servers(1);
    store_keys();
    for (int i = 0; i < KEYS; i++) {
        store_bulk(names[i], LARGE);
    }
    assert_rc(omcache_set_recv_buffer_max_size(client, KEYS * LARGE / 4), OMCACHE_OK);
    async_get(names[0], get_large_keys, NULL);
    if (_i == 0) {
        assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 20000), OMCACHE_OK);
    } else if (_i == 1) {
        assert_missing("none");
    } else {
        size_t calls = 0;
        while (rounds == 0) {
            watcher_turn(&loop, 1000);
            ck_assert_uint_lt(calls++, 100);
        }
    }
    ck_assert_uint_ge(rounds, 2);
}
END_TEST

/*
 * The reply stays valid.
 */

typedef void inside_func(omcache_t *mc);

static inside_func *inside;

static void look_before_and_after(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t key_len;
    size_t value_len;
    const unsigned char *key = omcache_reply_key(reply, &key_len);
    const unsigned char *value = omcache_reply_value(reply, &value_len);
    (void)context;
    rounds++;
    if (rounds > 1) {
        return;
    }
    ck_assert_uint_eq(value_len, 3000);
    inside(mc);
    assert_text(key, key_len, "key-3000");
    ck_assert_uint_eq(value_len, 3000);
    ck_assert(memcmp(value, bulk, value_len) == 0);
    ck_assert_ptr_eq(omcache_reply_value(reply, NULL), value);
    assert_rc(omcache_reply_status(reply), OMCACHE_OK);
}

static void do_nothing(omcache_t *mc)
{
    (void)mc;
}

static void do_process(omcache_t *mc)
{
    for (int i = 0; i < 50; i++) {
        ck_assert_uint_gt(loop.count, 0);
        assert_rc(omcache_process_fd(mc, loop.fds[0].fd, POLLIN | POLLOUT), OMCACHE_OK);
        assert_rc(omcache_process_timeouts(mc), OMCACHE_OK);
        clock_sleep(1);
    }
}

static void do_io(omcache_t *mc)
{
    assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
}

static void do_poll(omcache_t *mc)
{
    int count;
    int timeout;
    ck_assert_ptr_nonnull(omcache_poll_fds(mc, &count, &timeout));
    assert_rc_either(omcache_io(mc, NULL, NULL, NULL, NULL, 0), OMCACHE_OK, OMCACHE_AGAIN);
}

static void do_replace_servers(omcache_t *mc)
{
    assert_rc(omcache_set_servers(mc, ""), OMCACHE_OK);
    assert_rc(omcache_async_get(mc, "k", 1, -1, told_reply, &told[0]), OMCACHE_NO_SERVERS);
    assert_rc(omcache_set_servers(mc, fleet.list), OMCACHE_OK);
    for (int i = 0; i < 20; i++) {
        assert_rc(omcache_set(mc, TEXT("other"), bulk, LARGE, 0, 0, 0, -1), OMCACHE_OK);
        assert_rc(omcache_get(mc, TEXT("other"), NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    }
}

static void do_reset(omcache_t *mc)
{
    assert_rc(omcache_reset_buffers(mc), OMCACHE_OK);
    do_process(mc);
}

static void do_set_things(omcache_t *mc)
{
    assert_rc(omcache_set_key_prefix(mc, "prefix", 6, 0), OMCACHE_OK);
    assert_rc(omcache_set_distribution(mc, "modula", NULL), OMCACHE_OK);
    assert_rc(omcache_set_hash_tag(mc, "{}"), OMCACHE_OK);
    assert_rc(omcache_set_failover(mc, OMCACHE_FAILOVER_NONE), OMCACHE_OK);
    assert_rc(omcache_set_dead_timeout(mc, 5000), OMCACHE_OK);
    assert_rc(omcache_set_connect_timeout(mc, 5000), OMCACHE_OK);
    assert_rc(omcache_set_buffering(mc, 1), OMCACHE_OK);
    assert_rc(omcache_set_drain_callback(mc, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_set_timeout_callback(mc, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_set_buffering(mc, 0), OMCACHE_OK);
    ck_assert_int_ge(omcache_server_index_for_key(mc, TEXT("key")), 0);
    assert_rc(omcache_set_key_prefix(mc, NULL, 0, 0), OMCACHE_OK);
    do_io(mc);
}

static void do_kill(omcache_t *mc)
{
    memcached_kill(&fleet.servers[0]);
    assert_rc(omcache_noop(mc, 0, -1), OMCACHE_NO_SERVERS);
    memcached_restart(&fleet.servers[0]);
}

static void do_watch_again(omcache_t *mc)
{
    assert_rc(omcache_set_watch_callback(mc, NULL, NULL), OMCACHE_OK);
    watcher_init(&loop, mc);
    do_io(mc);
}

static inside_func *const inside_funcs[] = {do_nothing, do_process,     do_io,
                                            do_poll,    do_reset,       do_set_things,
                                            do_kill,    do_watch_again, do_replace_servers};
#define INSIDE (int)(sizeof(inside_funcs) / sizeof(inside_funcs[0]))

/* It looks at one answer while a hundred others arrive behind it. */
START_TEST(a_reply_stays_as_it_is_whatever_is_called)
{
    watched_servers(1);
    inside = inside_funcs[_i / 2];
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof(names[i]), "key-%d", 3000 + i);
        store_bulk(names[i], 3000 + (size_t)i);
    }
    for (int i = 0; i < 100; i++) {
        async_get(names[i], look_before_and_after, NULL);
    }
    if (_i % 2 == 0) {
        watcher_run(&loop, &rounds, 100);
    } else {
        assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 20000), OMCACHE_OK);
    }
    ck_assert_uint_eq(rounds, 100);
    store("more", "more");
    assert_stored("more", "more");
}
END_TEST

/*
 * One that takes longer than the dead timeout, and asks what is overdue then.
 */

static void be_slow(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    int count;
    int msec;
    told_reply(mc, reply, context);
    poll(NULL, 0, 40);
    inside(mc);
    omcache_next_timeout(mc);
    ck_assert_ptr_nonnull(omcache_poll_fds(mc, &count, &msec));
    rounds++;
}

static void do_timeouts(omcache_t *mc)
{
    omcache_process_timeouts(mc);
}

static inside_func *const slow_funcs[] = {do_nothing, do_timeouts};

START_TEST(answers_that_wait_for_a_callback_are_no_silence)
{
    struct wire_request first;
    struct wire_request second;
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    puppet_open(&puppet, 0);
    client = fixture_client(puppet.address);
    omcache_set_protocol(client, OMCACHE_PROTOCOL_BINARY);
    watcher_init(&loop, client);
    inside = slow_funcs[_i];
    async_get("one", be_slow, &told[0]);
    async_get("two", told_reply, &told[1]);
    puppet_greet(&puppet, &loop);
    watcher_turn(&loop, 0);
    ck_assert(puppet_next(&puppet, &first, 1000) && puppet_next(&puppet, &second, 1000));
    puppet_answer(&puppet, &first, 0, "1", 1);
    puppet_answer(&puppet, &second, 0, "2", 1);
    omcache_set_dead_timeout(client, 20);
    watcher_run(&loop, &rounds, 1);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 1000), OMCACHE_OK);
    assert_rc(told[1].status, OMCACHE_OK);
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.failures, 0);
}
END_TEST

/*
 * One that waits while there is no room for what comes.
 */

static size_t half;
static unsigned char answer[LARGER + 100];
static size_t answer_len;

static void make_room_small_and_wait(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t len;
    const unsigned char *value = omcache_reply_value(reply, &len);
    (void)context;
    assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, 50), OMCACHE_AGAIN);
    assert_rc(omcache_set_recv_buffer_max_size(mc, half / 4), OMCACHE_OK);
    puppet_send(&puppet, answer + half, answer_len - half);
    assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, -1), OMCACHE_AGAIN);
    assert_text(value, len, "1");
    rounds++;
}

/* The limit is lowered while an answer has come in part: there is no room for the rest of it before
 * the callback has returned. */
START_TEST(a_call_inside_does_not_wait_for_room)
{
    struct wire_request first;
    struct wire_request second;
    connected_puppets(&puppet, 1);
    async_get("one", make_room_small_and_wait, NULL);
    async_get("two", told_reply, &told[0]);
    take_request(&puppet, &first);
    take_request(&puppet, &second);
    const struct wire_reply reply = {.opcode = second.opcode,
                                     .opaque = second.opaque,
                                     .extras = "\0\0\0\0",
                                     .extras_len = 4,
                                     .key = second.opcode == WIRE_GETK ? "two" : NULL,
                                     .key_len = second.opcode == WIRE_GETK ? 3 : 0,
                                     .value = bulk,
                                     .value_len = LARGER};
    answer_len = wire_encode(&reply, answer, sizeof(answer));
    half = answer_len / 2;
    puppet_answer(&puppet, &first, 0, "1", 1);
    puppet_send(&puppet, answer, half);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 1000), OMCACHE_OK);
    ck_assert_uint_eq(rounds, 1);
    assert_rc(told[0].status, OMCACHE_BUFFER_FULL);
}
END_TEST

/*
 * What a call hands out whose servers a callback replaces.
 */

static void drop_the_first(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)context;
    assert_rc(omcache_reply_status(reply), OMCACHE_TIMEOUT);
    assert_rc(omcache_set_servers(mc, strchr(fleet.list, ',') + 1), OMCACHE_OK);
    rounds++;
}

/* The value stays, and may be the value of the next call. */
START_TEST(a_value_of_a_server_that_is_dropped_may_be_passed_on)
{
    char list[400];
    const unsigned char *asked[2];
    size_t lens[2];
    size_t req_count = 2;
    size_t value_count = 2;
    fixture_servers(2);
    puppet_open(&puppet, 0);
    snprintf(list, sizeof(list), "%s,%s", fleet.list, puppet.address);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    for (size_t i = 0; i < 2; i++) {
        const char *key = key_for(2 * i);
        asked[i] = (const unsigned char *)key;
        lens[i] = strlen(key);
    }
    store_bulk((const char *)asked[0], LARGER);
    assert_rc(omcache_async_get(client, asked[1], lens[1], 50, drop_the_first, NULL), OMCACHE_OK);
    int rc = omcache_get_multi(client, asked, lens, 2, reqs, &req_count, values, &value_count, 200);
    assert_rc_either(rc, OMCACHE_OK, OMCACHE_AGAIN);
    ck_assert_uint_eq(rounds, 1);
    ck_assert_uint_eq(values[0].data_len, LARGER);
    ck_assert(memcmp(values[0].data, bulk, LARGER) == 0);
    assert_rc(omcache_set(client, TEXT("copy"), values[0].data, LARGER, 0, 0, 0, -1), OMCACHE_OK);
    const unsigned char *value;
    size_t len;
    assert_rc(omcache_get(client, TEXT("copy"), &value, &len, NULL, NULL, -1), OMCACHE_OK);
    ck_assert(len == LARGER && memcmp(value, bulk, LARGER) == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("callback_operation");
    TCase *tcase = operations_case(suite, "waiting");
    tcase_add_test(tcase, a_waiting_call_drives_a_chain_of_any_length);
    tcase_add_loop_test(tcase, a_callback_may_get_any_number_of_values, 0, 2);
    tcase_add_test(tcase, a_large_value_may_be_got_while_looking_at_another);
    tcase_add_loop_test(tcase, an_outer_call_gets_its_own_answers, 0, 2);
    tcase_add_loop_test(tcase, batches_nest, 0, 2);
    tcase_add_loop_test(tcase, a_batch_may_be_finished_inside, 0, 3);
    tcase_add_loop_test(tcase, a_reply_stays_as_it_is_whatever_is_called, 0, 2 * INSIDE);
    tcase_add_loop_test(tcase, answers_that_wait_for_a_callback_are_no_silence, 0, 2);
    tcase_add_test(tcase, a_call_inside_does_not_wait_for_room);
    tcase_add_test(tcase, a_value_of_a_server_that_is_dropped_may_be_passed_on);
    return fixture_run(suite);
}
