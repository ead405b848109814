/*
 * Calls that wait for an operation (api/wait.h, client/frame.h): any request can be waited for,
 * with options of the meta protocol, too; what came stays until the next call, wherever the call
 * is made from; and it ends in time, whatever happens.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/call.h"
#include "api/wait.h"
#include "client/handle.h"
#include "proto/meta_options.h"
#include "proto/opcode.h"
#include "support/fixture.h"
#include "support/loopback.h"
#include "support/peer.h"

enum {
    MANY = 200,
    PORT = 21640,
};

static struct omc_awaited awaited[MANY];

/* Waits for requests as an exported function would. */
static int wait_for_all(const struct omc_ask *asks, size_t count, int32_t timeout)
{
    omcache_t *mc = client; /* which a callback may free */

    omc_call_begin_io(mc);
    omc_wait_for(mc, asks, count, timeout, awaited);
    for (size_t i = 0; i < count; i++)
        ck_assert_ptr_null(awaited[i].operation);
    return omc_call_result(mc, OMCACHE_OK, NULL);
}

static int wait_for(const struct omc_ask *ask, int32_t timeout)
{
    return wait_for_all(ask, 1, timeout);
}

static struct omc_ask ask_for(uint8_t op, const char *key, const char *value)
{
    return (struct omc_ask){
        .op = op,
        .key = (const unsigned char *)key,
        .key_len = (uint8_t)strlen(key),
        .value = (const unsigned char *)value,
        .value_len = (uint32_t)strlen(value),
    };
}

/* The same with options. */
static int wait_with(uint8_t op, const char *key, const char *value,
                     const struct omc_meta_options *options)
{
    unsigned char extra[OMC_META_OPTIONS_MAX];
    struct omc_ask ask = ask_for(op, key, value);

    ck_assert(omc_meta_options_fit(options, op));
    ask.extra = extra;
    ask.extra_len = (uint8_t)omc_meta_options_write(options, op, 0, extra);
    return wait_for(&ask, patience);
}

static const omcache_reply_t *only_reply(int status)
{
    assert_rc(awaited[0].reply.status, status);
    return &awaited[0].reply;
}

static void assert_value(const omcache_reply_t *reply, const char *key, const char *value)
{
    size_t len;
    const unsigned char *bytes = omcache_reply_key(reply, &len);

    assert_text(bytes, len, key);
    bytes = omcache_reply_value(reply, &len);
    assert_text(bytes, len, value);
}

static void open_meta(void)
{
    fixture_servers(3);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_META), OMCACHE_OK);
}

START_TEST(options_can_be_waited_for)
{
    struct omc_meta_options options;
    const omcache_reply_t *reply;

    open_meta();
    omc_meta_options_init(&options);
    options.ttl = 1000;
    assert_rc(wait_with(OMC_OP_META_SET, "key", "value", &options), OMCACHE_OK);
    only_reply(OMCACHE_OK);
    omc_meta_options_init(&options);
    options.want = OMCACHE_META_WANT_VALUE | OMCACHE_META_WANT_TTL | OMCACHE_META_WANT_SIZE;
    assert_rc(wait_with(OMC_OP_META_GET, "key", "", &options), OMCACHE_OK);
    reply = only_reply(OMCACHE_OK);
    assert_value(reply, "key", "value");
    ck_assert_int_ge(omcache_reply_ttl(reply), 900);
    ck_assert_int_eq(omcache_reply_size(reply), 5);
    omc_meta_options_init(&options);
    assert_rc(wait_with(OMC_OP_META_DELETE, "key", "", &options), OMCACHE_OK);
    only_reply(OMCACHE_OK);
    assert_rc(wait_with(OMC_OP_META_GET, "key", "", &options), OMCACHE_OK);
    assert_value(only_reply(OMCACHE_NOT_FOUND), "key", "");
}
END_TEST

/* Of recaching, one wins; the stale value is there for all. */
START_TEST(the_winner_is_told)
{
    struct omc_meta_options options;

    open_meta();
    store("key", "old");
    omc_meta_options_init(&options);
    options.invalidate = true;
    assert_rc(wait_with(OMC_OP_META_DELETE, "key", "", &options), OMCACHE_OK);
    omc_meta_options_init(&options);
    assert_rc(wait_with(OMC_OP_META_GET, "key", "", &options), OMCACHE_OK);
    ck_assert_int_eq(omcache_reply_won(only_reply(OMCACHE_OK)), 1);
    ck_assert_int_eq(omcache_reply_is_stale(&awaited[0].reply), 1);
    assert_rc(wait_with(OMC_OP_META_GET, "key", "", &options), OMCACHE_OK);
    ck_assert_int_eq(omcache_reply_won(only_reply(OMCACHE_OK)), 0);
    ck_assert_int_eq(omcache_reply_already_won(&awaited[0].reply), 1);
    assert_value(&awaited[0].reply, "key", "old");
}
END_TEST

/* Every protocol, every server. */
START_TEST(usual_requests_can_be_waited_for)
{
    fixture_servers(3);
    assert_rc(omcache_set_protocol(client, _i), OMCACHE_OK);
    for (size_t server = 0; server < 3; server++) {
        const char *key = key_for(server);
        struct omc_ask set = ask_for(OMC_OP_SET, key, "a value"),
                       get = ask_for(OMC_OP_GETK, key, "");

        set.flags = 42;
        assert_rc(wait_for(&set, patience), OMCACHE_OK);
        only_reply(OMCACHE_OK);
        assert_rc(wait_for(&get, patience), OMCACHE_OK);
        assert_value(only_reply(OMCACHE_OK), key, "a value");
        ck_assert_uint_eq(omcache_reply_flags(&awaited[0].reply), 42);
        ck_assert_int_eq(omcache_reply_server_index(&awaited[0].reply), (int)server);
    }
}
END_TEST

static const omcache_reply_t *told_at;
static int told_status;

/* Waits in a callback, whose own answer stays where it is. */
static void wait_inside(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct omc_ask get = ask_for(OMC_OP_GETK, "inner", "");

    (void)mc;
    (void)context;
    told_at = reply;
    told_status = wait_for(&get, patience);
    assert_value(only_reply(OMCACHE_OK), "inner", "of inner");
    assert_value(reply, "outer", "of outer");
}

START_TEST(a_callback_may_wait)
{
    open_meta();
    store("outer", "of outer");
    store("inner", "of inner");
    told_at = NULL;
    assert_rc(omcache_async_get(client, "outer", 5, -1, wait_inside, NULL), OMCACHE_OK);
    drain(client);
    ck_assert_ptr_nonnull(told_at);
    assert_rc(told_status, OMCACHE_OK);
}
END_TEST

static void count_replies(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)mc;
    (void)reply;
    ++*(size_t *)context;
}

/* A call that waits turns the loop for everybody. */
START_TEST(others_go_on_meanwhile)
{
    struct omc_ask noop = ask_for(OMC_OP_GETK, "key", "");
    size_t count = 0;

    open_meta();
    for (int i = 0; i < 10; i++)
        assert_rc(omcache_async_get(client, "key", 3, -1, count_replies, &count), OMCACHE_OK);
    assert_rc(wait_for(&noop, patience), OMCACHE_OK);
    only_reply(OMCACHE_NOT_FOUND);
    ck_assert_uint_eq(count, 10); /* on one connection, in order */
}
END_TEST

/* Nobody answers, in the connection or at all. */
START_TEST(it_ends_in_time)
{
    char host[LOOPBACK_HOST_SIZE], address[40];
    int listener = loopback_listen(loopback_host(host), PORT, 10);
    struct omc_ask get = ask_for(OMC_OP_GETK, "key", "");
    int64_t start = clock_ms();

    ck_assert_int_ge(listener, 0);
    snprintf(address, sizeof(address), "%s:%d", host, PORT);
    client = fixture_client(address);
    assert_rc(wait_for(&get, 50), OMCACHE_OK);
    only_reply(OMCACHE_TIMEOUT);
    ck_assert_int_ge(clock_ms() - start, 49);
    close(listener);
    assert_rc(omcache_set_dead_timeout(client, 50), OMCACHE_OK);
    assert_rc(wait_for(&get, -1), OMCACHE_OK);
    only_reply(OMCACHE_SERVER_FAILURE);
}
END_TEST

START_TEST(what_cannot_be_asked_is_said)
{
    struct omc_ask get = ask_for(OMC_OP_GETK, "key", "");
    static unsigned char large[2000];
    struct omc_ask set = {.op = OMC_OP_SET,
                          .key = (const unsigned char *)"key",
                          .key_len = 3,
                          .value = large,
                          .value_len = sizeof(large)};

    open_meta();
    assert_rc(omcache_set_servers(client, ""), OMCACHE_OK);
    assert_rc(wait_for(&get, -1), OMCACHE_OK);
    ck_assert_int_eq(omcache_reply_server_index(only_reply(OMCACHE_NO_SERVERS)), -1);
    assert_rc(omcache_set_servers(client, fleet.list), OMCACHE_OK);
    assert_rc(omcache_set_send_buffer_max_size(client, 1000), OMCACHE_OK);
    assert_rc(wait_for(&set, patience), OMCACHE_OK);
    only_reply(OMCACHE_BUFFER_FULL);
    assert_rc(wait_for(&get, patience), OMCACHE_OK);
    only_reply(OMCACHE_NOT_FOUND);
}
END_TEST

/* Each outcome is that of its own request, and all of them stay; with a send buffer that has room
 * for few of them, too. */
START_TEST(many_are_waited_for_together)
{
    static char keys[MANY][16];
    struct omc_ask asks[MANY];

    open_meta();
    if (_i == 1)
        assert_rc(omcache_set_send_buffer_max_size(client, 100), OMCACHE_OK);
    for (int i = 0; i < MANY; i++) {
        snprintf(keys[i], sizeof(keys[i]), "key-%d", i);
        asks[i] = ask_for(OMC_OP_GETK, keys[i], "");
        if (i % 3 > 0)
            store(keys[i], keys[i]);
    }
    assert_rc(wait_for_all(asks, MANY, patience), OMCACHE_OK);
    for (int i = 0; i < MANY; i++) {
        assert_rc(awaited[i].reply.status, i % 3 > 0 ? OMCACHE_OK : OMCACHE_NOT_FOUND);
        assert_value(&awaited[i].reply, keys[i], i % 3 > 0 ? keys[i] : "");
    }
}
END_TEST

static void free_inside(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    (void)reply;
    (void)context;
    fixture_forget(mc);
    omcache_free(mc);
}

START_TEST(a_callback_may_free_the_handle)
{
    struct omc_ask get = ask_for(OMC_OP_GETK, "key", "");

    open_meta();
    assert_rc(omcache_async_get(client, "key", 3, -1, free_inside, NULL), OMCACHE_OK);
    assert_rc(wait_for(&get, patience), OMCACHE_FAIL);
    only_reply(OMCACHE_CANCELLED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("waiting");
    TCase *tcase = fixture_case(suite, "waiting");

    tcase_add_test(tcase, options_can_be_waited_for);
    tcase_add_test(tcase, the_winner_is_told);
    tcase_add_loop_test(tcase, usual_requests_can_be_waited_for, 0, 4);
    tcase_add_test(tcase, a_callback_may_wait);
    tcase_add_test(tcase, others_go_on_meanwhile);
    tcase_add_test(tcase, it_ends_in_time);
    tcase_add_test(tcase, what_cannot_be_asked_is_said);
    tcase_add_loop_test(tcase, many_are_waited_for_together, 0, 2);
    tcase_add_test(tcase, a_callback_may_free_the_handle);
    return fixture_run(suite);
}
