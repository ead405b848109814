/*
 * Callbacks that take their time, be it that they wait in another call or that they have
 * something else to do: what comes after them goes by the time that it is then.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/puppet.h"
#include "support/told.h"
#include "support/watcher.h"

#include <stdio.h>

#define DEAD 150

static struct watcher loop;
static struct puppet puppets[2];
static struct told told[4];
static size_t calls;

static void begin(void)
{
    memset(told, 0, sizeof(told));
    told_clear();
    calls = 0;
}

/* A client of puppets, connected to all of them. */
static void open_puppets(size_t count)
{
    char list[100];
    int len = 0;
    struct wire_request request;
    for (size_t i = 0; i < count; i++) {
        puppet_open(&puppets[i], (int)i);
        len += snprintf(list + len, sizeof(list) - (size_t)len, "%s%s", i == 0 ? "" : ",",
                        puppets[i].address);
    }
    client = fixture_client(list);
    watcher_init(&loop, client);
    for (size_t i = 0; i < count; i++) {
        assert_rc(omcache_async_noop(client, (int)i, -1, NULL, NULL), OMCACHE_OK);
        puppet_greet(&puppets[i], &loop);
        while (!puppet_next(&puppets[i], &request, 0)) {
            watcher_turn(&loop, 1);
        }
        puppet_answer(&puppets[i], &request, 0, NULL, 0);
    }
    while (omcache_next_timeout(client) >= 0) {
        watcher_turn(&loop, 1);
    }
}

static void noop(int server, omcache_reply_callback_func *func, void *context)
{
    assert_rc(omcache_async_noop(client, server, -1, func, context), OMCACHE_OK);
}

/* Takes the next request, while the loop turns. */
static void take(struct puppet *puppet, struct wire_request *request)
{
    while (!puppet_next(puppet, request, 0)) {
        watcher_turn(&loop, 1);
    }
}

static uint64_t failures(int server)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    assert_rc(omcache_server_stats(client, server, &stats), OMCACHE_OK);
    return stats.failures;
}

/* Longer than a server may be silent; and then it asks for more. */
static void sleep_and_ask(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    assert_rc(omcache_reply_status(reply), OMCACHE_OK);
    calls++;
    clock_sleep(DEAD + 50);
    noop(0, told_reply, context);
}

START_TEST(what_is_sent_after_one_has_the_whole_dead_timeout)
{
    struct wire_request request;
    open_puppets(1);
    assert_rc(omcache_set_dead_timeout(client, DEAD), OMCACHE_OK);
    noop(0, sleep_and_ask, &told[0]);
    take(&puppets[0], &request);
    puppet_answer(&puppets[0], &request, 0, NULL, 0);
    if (_i == 0) {
        while (calls == 0) {
            watcher_turn(&loop, 10);
        }
        watcher_turn(&loop, 0);
    } else {
        assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 10), OMCACHE_AGAIN);
    }
    ck_assert_uint_eq(failures(0), 0);
    take(&puppets[0], &request);
    puppet_answer(&puppets[0], &request, 0, NULL, 0);
    watcher_run(&loop, &told_count, 1);
    assert_rc(told[0].status, OMCACHE_OK);
}
END_TEST

static void just_sleep(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    (void)reply;
    (void)context;
    calls++;
    clock_sleep(300);
}

static void wait_in_a_call(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)reply;
    (void)context;
    calls++;
    assert_rc(omcache_noop(mc, 1, 300), OMCACHE_AGAIN);
}

START_TEST(a_call_waits_no_longer_for_one)
{
    struct wire_request request;
    open_puppets(2);
    noop(0, _i == 0 ? just_sleep : wait_in_a_call, NULL);
    take(&puppets[0], &request);
    puppet_answer(&puppets[0], &request, 0, NULL, 0);
    int64_t begun = clock_ms();
    assert_rc(omcache_noop(client, 1, 400), OMCACHE_AGAIN);
    ck_assert_uint_eq(calls, 1);
    ck_assert_int_ge(clock_ms() - begun, 400);
    assert_within(begun, 550);
}
END_TEST

/* The head of a value of 5000 bytes, of which parts come. */
static void send_head(struct puppet *puppet, const struct wire_request *request)
{
    unsigned char bytes[8192];
    static unsigned char value[5000];
    size_t len = wire_encode(&(struct wire_reply){.opcode = request->opcode,
                                                  .opaque = request->opaque,
                                                  .extras = "\0\0\0",
                                                  .extras_len = 4,
                                                  .key = request->body,
                                                  .key_len = request->key_len,
                                                  .value = value,
                                                  .value_len = sizeof(value)},
                             bytes, sizeof(bytes));
    ck_assert_uint_gt(len, 2000);
    puppet_send(puppet, bytes, 2000);
}

static void read_a_part(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    static const unsigned char part[1000];
    (void)reply;
    (void)context;
    calls++;
    clock_sleep(250);
    puppet_send(&puppets[0], part, sizeof(part));
    assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, 10), OMCACHE_AGAIN);
}

START_TEST(what_was_heard_in_one_counts)
{
    struct wire_request request;
    struct wire_request other;
    open_puppets(1);
    assert_rc(omcache_set_dead_timeout(client, 300), OMCACHE_OK);
    noop(0, read_a_part, NULL);
    take(&puppets[0], &request);
    assert_rc(omcache_async_get(client, TEXT(key_for(0)), -1, told_reply, &told[0]), OMCACHE_OK);
    take(&puppets[0], &other);
    puppet_answer(&puppets[0], &request, 0, NULL, 0);
    send_head(&puppets[0], &other);
    while (calls == 0) {
        watcher_turn(&loop, 10);
    }
    int64_t begun = clock_ms();
    while (clock_ms() - begun < 130) {
        watcher_turn(&loop, 10);
    }
    ck_assert_uint_eq(failures(0), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("long_callbacks");
    TCase *tcase = fixture_case(suite, "long_callbacks");
    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_add_loop_test(tcase, what_is_sent_after_one_has_the_whole_dead_timeout, 0, 2);
    tcase_add_loop_test(tcase, a_call_waits_no_longer_for_one, 0, 2);
    tcase_add_test(tcase, what_was_heard_in_one_counts);
    return fixture_run(suite);
}
