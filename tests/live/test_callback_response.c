/*
 * The response callback: what it is told, and what it may do.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/fixture.h"
#include "support/recorder.h"
#include "support/unusable.h"
#include "support/wire.h"

#include <poll.h>

#define KEY TEXT("key")
#define VALUE TEXT("value")

static void listen_to(omcache_response_callback_func *func, void *context)
{
    recorder_clear();
    assert_rc(omcache_set_response_callback(client, func, context), OMCACHE_OK);
}

static void assert_answers(size_t expected)
{
    ck_assert_msg(recorder.answer_count == expected, "%zu calls, expected %zu: %s",
                  recorder.answer_count, expected, recorder_summary());
}

/*
 * What it is told.
 */

START_TEST(each_answer_is_told_once)
{
    fixture_size(_i);
    const char *key = key_for(0);
    listen_to(recorder_answer, NULL);
    assert_rc(omcache_set(client, TEXT(key), TEXT("41"), 0, 77, 0, -1), OMCACHE_OK);
    assert_answers(1); /* not the connection's own no-op */
    uint64_t cas = recorder.answers[0].cas;
    assert_rc(omcache_get(client, TEXT(key), NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    assert_answers(2);
    ck_assert_str_eq(recorder.answers[1].key, key);
    ck_assert_str_eq(recorder.answers[1].data, "41");
    ck_assert_uint_eq(recorder.answers[1].flags, 77);
    ck_assert_uint_eq(cas,
                      fixture_protocol() == OMCACHE_PROTOCOL_TEXT ? 0 : recorder.answers[1].cas);
    assert_rc(omcache_increment(client, TEXT(key), 1, 0, 0, NULL, -1), OMCACHE_OK);
    assert_answers(3);
    ck_assert_uint_eq(recorder.answers[2].delta_value, 42);
    assert_rc(omcache_get(client, TEXT("absent"), NULL, NULL, NULL, NULL, -1), OMCACHE_NOT_FOUND);
    assert_answers(4);
    assert_rc(recorder.answers[3].status, OMCACHE_NOT_FOUND);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_answers(5);
    assert_rc(omcache_add(client, TEXT(key), VALUE, 0, 0, -1), OMCACHE_KEY_EXISTS);
    assert_answers(6);
    assert_rc(recorder.answers[5].status, OMCACHE_KEY_EXISTS);
}
END_TEST

START_TEST(statistics_are_told_to_their_end)
{
    fixture_size(_i);
    static omcache_value_t values[300];
    size_t count = 300;
    listen_to(recorder_answer, NULL);
    assert_rc(omcache_stat(client, NULL, values, &count, 0, -1), OMCACHE_OK);
    assert_answers(count);
    ck_assert_uint_eq(recorder.answers[count - 1].key_len, 0);
}
END_TEST

START_TEST(failures_of_the_batch_are_told)
{
    client = fixture_client(nobody());
    omcache_req_t reqs[3];
    size_t count = 3;
    listen_to(recorder_answer, NULL);
    for (size_t i = 0; i < 3; i++) {
        wire_request(&reqs[i], -1, WIRE_GETK, "key");
    }
    assert_rc(omcache_command(client, reqs, &count, NULL, NULL, -1), OMCACHE_OK);
    ck_assert_uint_eq(count, 0);
    assert_answers(3);
    ck_assert_uint_eq(recorder_count(OMCACHE_SERVER_FAILURE), 3);
    ck_assert_str_eq(recorder.answers[0].key, "key");
}
END_TEST

START_TEST(a_callback_may_be_taken_back)
{
    fixture_size(_i);
    listen_to(recorder_answer, NULL);
    listen_to(NULL, NULL);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    assert_answers(0);
}
END_TEST

static void note_context(omcache_t *mc, omcache_value_t *result, void *context)
{
    ck_assert_ptr_nonnull(result);
    *(omcache_t **)context = mc;
}

START_TEST(the_context_is_passed_on)
{
    fixture_size(_i);
    omcache_t *told = NULL;
    listen_to(note_context, &told);
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    ck_assert_ptr_eq(told, client);
    listen_to(NULL, NULL);
}
END_TEST

/*
 * What it may do.  It is called inside the library, so it only notes what it got.
 */

#define CALLS 40

static struct {
    size_t count;
    struct {
        const char *name;
        int rc;
    } calls[CALLS];
} noted;

static void note(const char *name, int rc)
{
    if (noted.count < CALLS) {
        noted.calls[noted.count].name = name;
        noted.calls[noted.count].rc = rc;
    }
    noted.count++;
}

static void assert_all_noted(size_t count, int expected)
{
    ck_assert_uint_le(count, CALLS);
    ck_assert_uint_eq(noted.count, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(noted.calls[i].rc == expected, "%s gave %s, expected %s", noted.calls[i].name,
                      rc_name(noted.calls[i].rc), rc_name(expected));
    }
}

static void call_single_commands(omcache_t *mc)
{
    omcache_value_t values[1];
    size_t room = 1;
    note("noop", omcache_noop(mc, 0, -1));
    note("stat", omcache_stat(mc, NULL, values, &room, 0, -1));
    note("flush_all", omcache_flush_all(mc, 0, 0, -1));
    note("set", omcache_set(mc, KEY, VALUE, 0, 0, 0, -1));
    note("set 0", omcache_set(mc, KEY, VALUE, 0, 0, 0, 0));
    note("add", omcache_add(mc, KEY, VALUE, 0, 0, -1));
    note("replace", omcache_replace(mc, KEY, VALUE, 0, 0, -1));
    note("append", omcache_append(mc, KEY, VALUE, 0, -1));
    note("prepend", omcache_prepend(mc, KEY, VALUE, 0, -1));
    note("increment", omcache_increment(mc, KEY, 1, 1, 0, NULL, -1));
    note("decrement", omcache_decrement(mc, KEY, 1, 1, 0, NULL, -1));
    note("delete", omcache_delete(mc, KEY, -1));
    note("touch", omcache_touch(mc, KEY, 0, -1));
    note("get", omcache_get(mc, KEY, NULL, NULL, NULL, NULL, -1));
    note("gat", omcache_gat(mc, KEY, NULL, NULL, 0, NULL, NULL, -1));
}

static void call_the_rest(omcache_t *mc)
{
    const unsigned char *keys[1] = {(const unsigned char *)"key"};
    size_t lens[1] = {3};
    time_t expirations[1] = {0};
    omcache_req_t req;
    size_t count = 1;
    int nfds = 3;
    int timeout = 3;
    wire_request(&req, 0, WIRE_NOOP, NULL);
    note("get_multi", omcache_get_multi(mc, keys, lens, 1, &req, &count, NULL, NULL, -1));
    note("gat_multi",
         omcache_gat_multi(mc, keys, lens, expirations, 1, &req, &count, NULL, NULL, -1));
    note("command", omcache_command(mc, &req, &count, NULL, NULL, -1));
    note("command_status", omcache_command_status(mc, &req, -1));
    note("io", omcache_io(mc, NULL, NULL, NULL, NULL, -1));
    note("reset_buffers", omcache_reset_buffers(mc));
    note("set_servers", omcache_set_servers(mc, "127.0.0.1"));
    note("set_distribution_method",
         omcache_set_distribution_method(mc, &omcache_dist_libmemcached_ketama));
    note("server_index_for_key",
         omcache_server_index_for_key(mc, KEY) == -1 ? OMCACHE_INVALID : OMCACHE_OK);
    note("poll_fds",
         !omcache_poll_fds(mc, &nfds, &timeout) && nfds == 0 ? OMCACHE_INVALID : OMCACHE_OK);
}

#define REFUSED_CALLS 25

static void call_everything(omcache_t *mc, omcache_value_t *result, void *context)
{
    (void)result;
    (void)context;
    if (noted.count == 0) {
        call_single_commands(mc);
        call_the_rest(mc);
    }
}

START_TEST(calling_back_is_refused)
{
    fixture_size(_i);
    memset(&noted, 0, sizeof(noted));
    store("key", "value");
    listen_to(call_everything, NULL);
    assert_stored("key", "value");
    listen_to(NULL, NULL);
    assert_all_noted(REFUSED_CALLS, OMCACHE_INVALID);
    assert_stored("key", "value");
}
END_TEST

/* The log callback has no client argument. */
static void log_everything(void *context, int level, const char *msg)
{
    (void)level;
    (void)msg;
    call_everything(*(omcache_t **)context, NULL, NULL);
}

START_TEST(calling_back_from_the_log_is_refused)
{
    fixture_size(_i);
    memset(&noted, 0, sizeof(noted));
    assert_rc(omcache_set_log_callback(client, 7, log_everything, &client), OMCACHE_OK);
    store("key", "value");
    assert_rc(omcache_set_log_callback(client, 7, NULL, NULL), OMCACHE_OK);
    assert_all_noted(REFUSED_CALLS, OMCACHE_INVALID);
    assert_stored("key", "value");
}
END_TEST

static void call_settings(omcache_t *mc, omcache_value_t *result, void *context)
{
    (void)result;
    (void)context;
    omcache_server_info_t *info = omcache_server_info(mc, 0);
    note("server_info", info ? OMCACHE_OK : OMCACHE_FAIL);
    note("server_info_free", omcache_server_info_free(mc, info));
    note("connect_timeout", omcache_set_connect_timeout(mc, 5000));
    note("reconnect_timeout", omcache_set_reconnect_timeout(mc, 5000));
    note("dead_timeout", omcache_set_dead_timeout(mc, 5000));
    note("send_buffer_max_size", omcache_set_send_buffer_max_size(mc, 1000000));
    note("recv_buffer_max_size", omcache_set_recv_buffer_max_size(mc, 1000000));
    note("buffering", omcache_set_buffering(mc, 0));
    note("failover", omcache_set_failover(mc, OMCACHE_FAILOVER_NEXT));
    note("log_callback", omcache_set_log_callback(mc, 0, NULL, NULL));
    note("response_callback", omcache_set_response_callback(mc, NULL, NULL));
    note("strerror", strcmp(omcache_strerror(-1), "Unknown") ? OMCACHE_FAIL : OMCACHE_OK);
}

START_TEST(settings_may_be_changed_inside)
{
    fixture_size(_i);
    memset(&noted, 0, sizeof(noted));
    store("key", "value");
    listen_to(call_settings, NULL);
    assert_stored("key", "value");
    assert_stored("key", "value");
    assert_all_noted(12, OMCACHE_OK); /* once: it took itself back */
}
END_TEST

static void use_another(omcache_t *mc, omcache_value_t *result, void *context)
{
    (void)mc;
    (void)result;
    note("set", omcache_set(context, TEXT("inside"), VALUE, 0, 0, 0, -1));
}

START_TEST(other_clients_may_be_used_inside)
{
    fixture_size(_i);
    memset(&noted, 0, sizeof(noted));
    listen_to(use_another, fixture_client(fleet.list));
    assert_rc(omcache_noop(client, 0, -1), OMCACHE_OK);
    listen_to(NULL, NULL);
    assert_all_noted(1, OMCACHE_OK);
    assert_stored("inside", "value");
}
END_TEST

/*
 * Freeing inside.
 */

static void free_it(omcache_t *mc, omcache_value_t *result, void *context)
{
    (void)context;
    note("free", omcache_free(mc));
    /* The answer stays valid for this call. */
    note("key", result->key_len == 0 || result->key ? OMCACHE_OK : OMCACHE_FAIL);
    fixture_forget(mc);
}

static omcache_t *about_to_be_freed(int size)
{
    fixture_size(size);
    memset(&noted, 0, sizeof(noted));
    store("key", "value");
    listen_to(free_it, NULL);
    return client;
}

START_TEST(get_ends_when_freed_inside)
{
    const unsigned char *value = (const unsigned char *)"stale";
    size_t len = 5;
    omcache_t *mc = about_to_be_freed(_i);
    assert_rc(omcache_get(mc, KEY, &value, &len, NULL, NULL, -1), OMCACHE_FAIL);
    ck_assert_msg(!value && !len, "a value of %zu bytes", len);
    assert_all_noted(2, OMCACHE_OK);
}
END_TEST

START_TEST(commands_end_when_freed_inside)
{
    omcache_value_t values[10];
    omcache_req_t reqs[10];
    size_t count = 10;
    size_t room = 10;
    omcache_t *mc = about_to_be_freed(_i);
    for (size_t i = 0; i < 10; i++) {
        wire_request(&reqs[i], 0, WIRE_NOOP, NULL);
    }
    assert_rc(omcache_command(mc, reqs, &count, values, &room, -1), OMCACHE_FAIL);
    ck_assert_uint_eq(room, 0);
    assert_all_noted(2, OMCACHE_OK); /* and no second call */
}
END_TEST

START_TEST(io_ends_when_freed_inside)
{
    ONLY_BINARY;
    omcache_value_t value;
    size_t room = 1;
    omcache_t *mc = about_to_be_freed(_i);
    assert_rc(omcache_set(mc, KEY, VALUE, 0, 0, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_io(mc, NULL, NULL, &value, &room, -1), OMCACHE_FAIL);
    ck_assert_uint_eq(room, 0);
    assert_all_noted(2, OMCACHE_OK);
}
END_TEST

/* A log line about a server that refuses; its callback frees the client. */
static void free_at_log(void *context, int level, const char *msg)
{
    omcache_t **mc = context;
    (void)level;
    (void)msg;
    if (*mc) {
        note("free", omcache_free(*mc));
        fixture_forget(*mc);
    }
}

START_TEST(the_log_may_free_too)
{
    memset(&noted, 0, sizeof(noted));
    client = fixture_client(nobody());
    assert_rc(omcache_set_log_callback(client, 7, free_at_log, &client), OMCACHE_OK);
    assert_rc(omcache_get(client, KEY, NULL, NULL, NULL, NULL, -1), OMCACHE_FAIL);
    assert_all_noted(1, OMCACHE_OK);
}
END_TEST

START_TEST(poll_fds_ends_when_freed_inside)
{
    int nfds = 7;
    int timeout = 7;
    memset(&noted, 0, sizeof(noted));
    client = fixture_client("127.0.0.1:99999");
    assert_rc(omcache_set_buffering(client, 1), OMCACHE_OK);
    assert_rc(omcache_noop(client, 0, 0), OMCACHE_BUFFERED);
    assert_rc(omcache_set_log_callback(client, 7, free_at_log, &client), OMCACHE_OK);
    struct pollfd *fds = omcache_poll_fds(client, &nfds, &timeout);
    ck_assert_msg(!fds && nfds == 0, "%d descriptors of a freed client", nfds);
    assert_all_noted(1, OMCACHE_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("callback_response");
    TCase *tcase = fixture_case(suite, "callbacks");
    tcase_add_loop_test(tcase, each_answer_is_told_once, 0, SIZES);
    tcase_add_loop_test(tcase, statistics_are_told_to_their_end, 0, SIZES);
    tcase_add_test(tcase, failures_of_the_batch_are_told);
    tcase_add_loop_test(tcase, a_callback_may_be_taken_back, 0, SIZES);
    tcase_add_loop_test(tcase, the_context_is_passed_on, 0, SIZES);
    tcase_add_loop_test(tcase, calling_back_is_refused, 0, SIZES);
    tcase_add_loop_test(tcase, calling_back_from_the_log_is_refused, 0, SIZES);
    tcase_add_loop_test(tcase, settings_may_be_changed_inside, 0, SIZES);
    tcase_add_loop_test(tcase, other_clients_may_be_used_inside, 0, SIZES);
    tcase_add_loop_test(tcase, get_ends_when_freed_inside, 0, SIZES);
    tcase_add_loop_test(tcase, commands_end_when_freed_inside, 0, SIZES);
    tcase_add_loop_test(tcase, io_ends_when_freed_inside, 0, SIZES);
    tcase_add_test(tcase, the_log_may_free_too);
    tcase_add_test(tcase, poll_fds_ends_when_freed_inside);
    return fixture_run(suite);
}
