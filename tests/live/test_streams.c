/*
 * Streams of real servers: dumps of all keys, and watches; how they end; and that nothing else
 * waits behind one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"
#include "support/outage.h"
#include "support/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ITEMS 20000
#define ROWS_MAX 400

/* What a stream was told. */
struct stream {
    size_t calls;
    size_t rows; /* with status OMCACHE_OK and a key or a value */
    size_t ends; /* without a key, and not the first of a watch */
    int status;  /* of the last call, */
    int server_index;
    bool watches;
    char text[256]; /* and its value */
    struct row {
        char key[256];
        size_t key_len;
        char value[256];
    } kept[ROWS_MAX]; /* the first rows */
};

static struct stream streams[4];

static void note_row(struct stream *stream, const omcache_reply_t *reply)
{
    struct row *row = &stream->kept[stream->rows];
    const unsigned char *key;
    const unsigned char *value;
    size_t len;
    if (stream->rows++ >= ROWS_MAX) {
        return;
    }
    key = omcache_reply_key(reply, &row->key_len);
    if (key != NULL) {
        memcpy(row->key, key, row->key_len);
    }
    value = omcache_reply_value(reply, &len);
    snprintf(row->value, sizeof(row->value), "%.*s", (int)len, (const char *)value);
}

static void on_stream(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct stream *stream = context;
    size_t len;
    const unsigned char *value = omcache_reply_value(reply, &len);
    bool ok = omcache_reply_status(reply) == OMCACHE_OK;
    bool has_key = omcache_reply_key(reply, NULL) != NULL;
    ck_assert_ptr_eq(mc, client);
    ck_assert_msg(stream->ends == 0, "told again after its end");
    stream->calls++;
    stream->status = omcache_reply_status(reply);
    stream->server_index = omcache_reply_server_index(reply);
    snprintf(stream->text, sizeof(stream->text), "%.*s", (int)len, (const char *)value);
    if (ok && (stream->watches ? value != NULL : has_key)) {
        note_row(stream, reply);
    } else if (!stream->watches || !ok) {
        stream->ends++;
    }
}

static struct stream *watch(const char *events, int server, int32_t timeout_msec)
{
    struct stream *stream = &streams[server];
    stream->watches = true;
    assert_rc(omcache_async_watch(client, events, server, timeout_msec, on_stream, stream),
              OMCACHE_OK);
    return stream;
}

/* Runs one to its end. */
static void assert_ends(struct stream *stream, int status)
{
    watcher_run(&loop, &stream->ends, 1);
    assert_rc(stream->status, status);
    ck_assert_uint_eq(stream->ends, 1);
}

/* Begins a dump.  The server may be busy with its items, as it is when it has just started, or for
 * a moment after the last dump. */
static void begin_dump(int server, omcache_reply_callback_func *func, struct stream *stream)
{
    int64_t until = clock_ms() + 10000;
    do {
        memset(stream, 0, sizeof(*stream));
        assert_rc(omcache_async_dump_keys(client, server, 20000, func, stream), OMCACHE_OK);
        watcher_run(&loop, &stream->calls, 1);
    } while (stream->status == OMCACHE_AGAIN && clock_ms() < until);
}

static struct stream *dump_all(int server)
{
    struct stream *stream = &streams[server];
    begin_dump(server, on_stream, stream);
    assert_ends(stream, OMCACHE_OK);
    return stream;
}

static void open_servers(size_t count)
{
    watched_servers(count);
    for (size_t i = 0; i < count; i++) {
        dump_all((int)i);
    }
    memset(streams, 0, sizeof(streams));
}

/* Nothing is left of streams but the connections of the servers. */
static void assert_connections(size_t count)
{
    drain(client);
    watcher_turn(&loop, 0);
    ck_assert_uint_eq(loop.count, count);
}

/* That a dump had so many keys.  memcached may miss one that it moves meanwhile. */
static void assert_rows(const struct stream *stream, size_t count)
{
    ck_assert_uint_le(stream->rows, count);
    ck_assert_uint_ge(stream->rows, count - count / 200 - 1);
}

/*
 * Dumps.
 */

static const struct row *row_of(const struct stream *stream, const char *key, size_t key_len)
{
    for (size_t i = 0; i < stream->rows && i < ROWS_MAX; i++) {
        if (same_bytes(stream->kept[i].key, stream->kept[i].key_len, key, key_len)) {
            return &stream->kept[i];
        }
    }
    ck_abort_msg("the key %s was not dumped", printable(key, key_len));
    return NULL;
}

START_TEST(a_dump_has_all_keys_of_its_server)
{
    open_servers(3);
    const char *keys[3] = {key_for(0), key_for(1), key_for(2)};
    for (int i = 0; i < 3; i++) {
        store(keys[i], "value");
    }
    for (int i = 0; i < 3; i++) {
        struct stream *stream = dump_all(i);
        ck_assert_uint_eq(stream->rows, 1);
        ck_assert_int_eq(stream->server_index, i);
        assert_text(stream->kept[0].key, stream->kept[0].key_len, keys[i]);
        ck_assert_str_eq(stream->text, "");
    }
    assert_connections(3);
}
END_TEST

START_TEST(an_empty_server_has_no_keys)
{
    open_servers(1);
    struct stream *stream = dump_all(0);
    ck_assert_uint_eq(stream->calls, 1);
}
END_TEST

START_TEST(what_is_known_of_an_item_is_the_value)
{
    open_servers(1);
    assert_rc(omcache_set(client, TEXT("key"), TEXT("value"), 1000, 0, 0, patience), OMCACHE_OK);
    struct stream *stream = dump_all(0);
    const struct row *row = row_of(stream, "key", 3);
    long long expires;
    ck_assert_int_eq(sscanf(row->value, "exp=%lld la=", &expires), 1);
    ck_assert_int_ge(expires, (long long)time(NULL) + 900);
    ck_assert_ptr_nonnull(strstr(row->value, " fetch=no cls="));
}
END_TEST

/* The server writes them as in URLs. */
START_TEST(keys_have_any_bytes)
{
    static const char *const keys[] = {"a%b", "%41", "100%", "a+b", "k%zz", "\xff\x80\xc3\xa4",
                                       "%%%"};
    open_servers(1);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        store(keys[i], "value");
    }
    struct stream *stream = dump_all(0);
    ck_assert_uint_eq(stream->rows, sizeof(keys) / sizeof(keys[0]));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        row_of(stream, keys[i], strlen(keys[i]));
    }
}
END_TEST

/* A prefix is a part of the key on the server. */
START_TEST(keys_are_as_they_are_on_the_server)
{
    open_servers(1);
    assert_rc(omcache_set_key_prefix(client, TEXT("app:"), 0), OMCACHE_OK);
    store("key", "value");
    struct stream *stream = dump_all(0);
    row_of(stream, "app:key", 7);
}
END_TEST

static void store_many(size_t count)
{
    char key[32];
    omcache_set_buffering(client, true);
    for (size_t i = 0; i < count; i++) {
        snprintf(key, sizeof(key), "item-%zu", i);
        ck_assert_int_eq(omcache_set(client, TEXT(key), TEXT("v"), 0, 0, 0, 0), OMCACHE_BUFFERED);
        if (i % 1000 == 999) {
            drain(client);
        }
    }
    omcache_set_buffering(client, false);
    drain(client);
}

/* The stream has a connection of its own; and memory for what is read at once. */
START_TEST(nothing_waits_behind_a_dump)
{
    size_t noops = 0;
    open_servers(1);
    store_many(ITEMS);
    struct stream *stream = &streams[0];
    begin_dump(0, on_stream, stream);
    while (stream->ends == 0) {
        watcher_turn(&loop, 1000);
        assert_rc(omcache_noop(client, 0, patience), OMCACHE_OK); /* a get might move an item */
        noops++;
    }
    assert_rc(stream->status, OMCACHE_OK);
    assert_rows(stream, ITEMS);
    ck_assert_uint_gt(noops, 0);
    assert_connections(1);
}
END_TEST

START_TEST(several_dumps_go_on_at_once)
{
    open_servers(3);
    store_many(300);
    for (int i = 0; i < 3; i++) {
        begin_dump(i, on_stream, &streams[i]);
    }
    for (int i = 0; i < 3; i++) {
        assert_ends(&streams[i], OMCACHE_OK);
    }
    streams[0].rows += streams[1].rows + streams[2].rows;
    assert_rows(&streams[0], 300);
    assert_connections(3);
}
END_TEST

/* Without an event loop: a dump is something to wait for. */
START_TEST(a_call_can_wait_for_a_dump)
{
    open_servers(1);
    store_many(1000);
    struct stream *stream = &streams[0];
    do {
        memset(stream, 0, sizeof(*stream));
        assert_rc(omcache_async_dump_keys(client, 0, -1, on_stream, stream), OMCACHE_OK);
        drain(client);
        ck_assert_uint_eq(stream->ends, 1);
    } while (stream->status == OMCACHE_AGAIN);
    assert_rows(stream, 1000);
}
END_TEST

/*
 * Watches.
 */

static void assert_line_has(const struct stream *stream, const char *text)
{
    for (size_t i = 0; i < stream->rows && i < ROWS_MAX; i++) {
        if (strstr(stream->kept[i].value, text) != NULL) {
            return;
        }
    }
    ck_abort_msg("none of %zu lines has '%s'; the last: %s", stream->rows, text,
                 stream->kept[stream->rows > 0 ? stream->rows - 1 : 0].value);
}

START_TEST(a_watch_tells_what_happens)
{
    open_servers(1);
    struct stream *stream = watch("fetchers mutations", 0, -1);
    watcher_run(&loop, &stream->calls, 1);
    assert_rc(stream->status, OMCACHE_OK);
    ck_assert_uint_eq(stream->rows, 0);
    store("key", "value");
    assert_stored("key", "value");
    watcher_run(&loop, &stream->rows, 2);
    assert_line_has(stream, "type=item_store key=key");
    assert_line_has(stream, "type=item_get key=key");
    assert_rc(omcache_end_streams(client, stream), OMCACHE_OK);
    ck_assert_uint_eq(stream->ends, 0);
    assert_ends(stream, OMCACHE_CANCELLED);
    assert_connections(1);
}
END_TEST

START_TEST(a_watch_ends_with_its_time)
{
    open_servers(1);
    struct stream *stream = watch(NULL, 0, 150);
    int64_t begin = clock_ms();
    assert_ends(stream, OMCACHE_TIMEOUT);
    ck_assert_int_ge(clock_ms() - begin, 140);
    ck_assert_int_eq(stream->server_index, 0);
    ck_assert_uint_eq(stream->calls, 2);
    assert_connections(0);
}
END_TEST

/* It is no sign of a dead server, nor is that a call which times out elsewhere. */
START_TEST(a_watch_may_be_silent_for_as_long_as_it_likes)
{
    open_servers(2);
    assert_rc(omcache_set_dead_timeout(client, 100), OMCACHE_OK);
    struct stream *stream = watch("evictions", 0, 500);
    watcher_run(&loop, &stream->calls, 1);
    memcached_pause(&fleet.servers[1]);
    ck_assert_int_ne(omcache_noop(client, 1, 60), OMCACHE_OK);
    memcached_resume(&fleet.servers[1]);
    assert_ends(stream, OMCACHE_TIMEOUT);
    ck_assert_uint_eq(stream->calls, 2);
}
END_TEST

START_TEST(what_the_server_does_not_know_it_refuses)
{
    open_servers(1);
    struct stream *stream = watch("nonsense", 0, -1);
    assert_ends(stream, OMCACHE_FAIL);
    ck_assert_str_eq(stream->text, "ERROR");
    assert_connections(0);
}
END_TEST

/*
 * How streams end.
 */

START_TEST(arguments_are_checked)
{
    omcache_reply_callback_func *none = NULL;
    open_servers(1);
    assert_rc(omcache_async_dump_keys(client, 0, -1, none, NULL), OMCACHE_INVALID);
    assert_rc(omcache_async_dump_keys(client, 1, -1, on_stream, streams), OMCACHE_INVALID);
    assert_rc(omcache_async_dump_keys(client, -1, -1, on_stream, streams), OMCACHE_INVALID);
    assert_rc(omcache_async_dump_keys(NULL, 0, -1, on_stream, streams), OMCACHE_INVALID);
    assert_rc(omcache_async_watch(client, "a\r\nflush_all", 0, -1, on_stream, streams),
              OMCACHE_INVALID);
    assert_rc(omcache_async_watch(client, NULL, 0, -1, none, NULL), OMCACHE_INVALID);
    assert_rc(omcache_end_streams(NULL, NULL), OMCACHE_INVALID);
    assert_rc(omcache_end_streams(client, NULL), OMCACHE_OK);
    assert_connections(0);
    ck_assert_uint_eq(streams[0].calls, 0);
}
END_TEST

START_TEST(an_end_is_for_streams_of_one_context)
{
    open_servers(2);
    watch(NULL, 0, -1);
    watch(NULL, 1, -1);
    assert_rc(omcache_end_streams(client, &streams[1]), OMCACHE_OK);
    assert_ends(&streams[1], OMCACHE_CANCELLED);
    ck_assert_uint_eq(streams[0].ends, 0);
    assert_rc(omcache_end_streams(client, &streams[0]), OMCACHE_OK);
    assert_rc(omcache_end_streams(client, &streams[0]), OMCACHE_OK);
    assert_ends(&streams[0], OMCACHE_CANCELLED);
}
END_TEST

START_TEST(a_server_that_is_killed_ends_its_stream)
{
    open_servers(2);
    struct stream *stream = watch("fetchers", 1, -1);
    watcher_run(&loop, &stream->calls, 1);
    memcached_kill(&fleet.servers[1]);
    assert_ends(stream, OMCACHE_SERVER_FAILURE);
    ck_assert_int_eq(stream->server_index, 1);
    stream->ends = 0; /* and one that is not there has none */
    int rc = omcache_async_dump_keys(client, 1, -1, on_stream, stream);
    if (rc == OMCACHE_OK) {
        assert_ends(stream, OMCACHE_SERVER_FAILURE);
    } else {
        assert_rc(rc, OMCACHE_NO_SERVERS);
    }
    memcached_restart(&fleet.servers[1]);
    dump_all(1);
}
END_TEST

/* Which server it is may change meanwhile. */
START_TEST(a_stream_ends_with_its_place_in_the_list)
{
    char list[FLEET_MAX * 32];
    open_servers(3);
    for (int i = 0; i < 3; i++) {
        watch("fetchers", i, -1);
        watcher_run(&loop, &streams[i].calls, 1);
    }
    snprintf(list, sizeof(list), "%s,%s", fleet.servers[1].address, fleet.servers[2].address);
    assert_rc(omcache_set_servers(client, list), OMCACHE_OK);
    assert_ends(&streams[0], OMCACHE_SERVER_FAILURE);
    ck_assert_int_eq(streams[0].server_index, -1);
    ck_assert_uint_eq(streams[1].ends + streams[2].ends, 0);
    assert_missing(key_for(1));
    watcher_run(&loop, &streams[2].rows, 1);
    ck_assert_int_eq(streams[2].server_index, 1);
    assert_rc(omcache_set_servers(client, ""), OMCACHE_OK);
    for (int i = 1; i < 3; i++) {
        assert_ends(&streams[i], OMCACHE_SERVER_FAILURE);
    }
    assert_connections(0);
}
END_TEST

START_TEST(a_reset_cancels_streams)
{
    open_servers(1);
    store("key", "value");
    struct stream *stream = watch("fetchers", 0, -1);
    watcher_run(&loop, &stream->calls, 1);
    assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
    assert_ends(stream, OMCACHE_CANCELLED);
    assert_connections(1);
    assert_stored("key", "value");
}
END_TEST

START_TEST(freeing_the_handle_cancels_streams)
{
    open_servers(2);
    watch("fetchers", 0, -1);
    assert_rc(omcache_async_dump_keys(client, 1, -1, on_stream, &streams[1]), OMCACHE_OK);
    watcher_run(&loop, &streams[0].calls, 1);
    omcache_free(client);
    fixture_forget(client);
    assert_rc(streams[0].status, OMCACHE_CANCELLED);
    ck_assert_uint_eq(streams[0].ends, 1);
    ck_assert_uint_eq(streams[1].ends, 1);
}
END_TEST

/* Frees the handle, from inside. */
static void free_at_a_row(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    on_stream(mc, reply, context);
    if (streams[0].calls == 2) {
        omcache_free(mc);
    }
}

START_TEST(a_row_may_free_the_handle)
{
    open_servers(1);
    store_many(500);
    begin_dump(0, on_stream, &streams[1]); /* a moment later the server is free */
    assert_ends(&streams[1], OMCACHE_OK);
    clock_sleep(100);
    assert_rc(omcache_async_dump_keys(client, 0, -1, free_at_a_row, &streams[0]), OMCACHE_OK);
    struct pollfd *fds;
    int nfds = 0, timeout, rc = OMCACHE_OK;
    while (rc != OMCACHE_CANCELLED) {
        fds = omcache_poll_fds(client, &nfds, &timeout);
        poll(fds, (nfds_t)nfds, 1000);
        rc = OMCACHE_OK;
        for (int i = 0; i < nfds && rc != OMCACHE_CANCELLED; i++) {
            rc = fds[i].revents == 0 ? rc : omcache_process_fd(client, fds[i].fd, fds[i].revents);
        }
    }
    fixture_forget(client);
    assert_rc(streams[0].status, OMCACHE_CANCELLED);
    ck_assert_uint_eq(streams[0].ends, 1);
}
END_TEST

static size_t depth;

/* Each row makes calls that wait, one of them for all but its own stream; and one of them ends the
 * dump.  No other row may come meanwhile. */
static void act_at_a_row(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    on_stream(mc, reply, context);
    if (streams[0].ends > 0) {
        return;
    }
    ck_assert_uint_eq(depth, 0);
    depth++;
    if (streams[0].rows == 100) {
        assert_rc(omcache_end_streams(mc, context), OMCACHE_OK);
        assert_rc(omcache_async_dump_keys(mc, 0, -1, on_stream, &streams[1]), OMCACHE_OK);
    }
    assert_rc(omcache_noop(mc, 0, patience), OMCACHE_OK);
    assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, -1), OMCACHE_OK);
    depth--;
}

START_TEST(rows_may_make_calls_and_end_their_stream)
{
    open_servers(1);
    store_many(2000);
    begin_dump(0, act_at_a_row, &streams[0]);
    assert_ends(&streams[0], OMCACHE_CANCELLED);
    ck_assert_uint_eq(streams[0].rows, 100);
    watcher_run(&loop, &streams[1].ends, 1);
    assert_rc_either(streams[1].status, OMCACHE_OK, OMCACHE_AGAIN);
    assert_connections(1);
}
END_TEST

/* The call that has begun a stream has not returned: it is told of nothing, and afterwards of all.
 */
static void wait_at_a_timeout(omcache_t *mc, int msec, void *context)
{
    size_t *calls = context;
    (void)msec;
    if (++*calls == 1) {
        assert_rc(omcache_noop(mc, 0, patience), OMCACHE_OK);
        usleep(50000);
        assert_rc(omcache_noop(mc, 0, patience), OMCACHE_OK);
    }
    ck_assert_uint_eq(streams[0].calls, 0);
}

START_TEST(nothing_is_told_before_the_call_has_returned)
{
    size_t calls = 0;
    open_servers(1);
    streams[0].watches = true;
    assert_rc(omcache_set_timeout_callback(client, wait_at_a_timeout, &calls), OMCACHE_OK);
    assert_rc(omcache_async_watch(client, "fetchers", 0, -1, on_stream, &streams[0]), OMCACHE_OK);
    ck_assert_uint_ge(calls, 1);
    assert_rc(omcache_set_timeout_callback(client, NULL, NULL), OMCACHE_OK);
    watcher_run(&loop, &streams[0].calls, 1);
    assert_missing("key");
    watcher_run(&loop, &streams[0].rows, 1);
    assert_rc(omcache_end_streams(client, &streams[0]), OMCACHE_OK);
    assert_ends(&streams[0], OMCACHE_CANCELLED);
}
END_TEST

/* What has ended is closed, though the outermost call goes on. */
static void watch_inside(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    int nfds = 0;
    int timeout;
    on_stream(mc, reply, context);
    for (int i = 0; i < 50 && streams[0].rows == 1 && streams[0].ends == 0; i++) {
        streams[1] = (struct stream){.watches = true};
        assert_rc(omcache_async_watch(mc, "fetchers", 0, 1, on_stream, &streams[1]), OMCACHE_OK);
        while (streams[1].ends == 0) {
            assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, 1000), OMCACHE_OK);
        }
    }
    ck_assert_ptr_nonnull(omcache_poll_fds(mc, &nfds, &timeout));
    ck_assert_int_le(nfds, 2);
}

START_TEST(what_has_ended_is_closed_inside_a_callback_too)
{
    open_servers(1);
    store_many(2);
    begin_dump(0, watch_inside, &streams[0]);
    assert_ends(&streams[0], OMCACHE_OK);
}
END_TEST

/* A call that waits for all has to wait for a watch, too, but not longer. */
START_TEST(waiting_for_all_ends_with_the_last_watch)
{
    open_servers(1);
    struct stream *stream = watch("fetchers", 0, 150);
    int64_t begin = clock_ms();
    drain(client);
    assert_rc(stream->status, OMCACHE_TIMEOUT);
    assert_within(begin, 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("streams");
    TCase *tcase = operations_case(suite, "streams");
    tcase_add_test(tcase, a_dump_has_all_keys_of_its_server);
    tcase_add_test(tcase, an_empty_server_has_no_keys);
    tcase_add_test(tcase, what_is_known_of_an_item_is_the_value);
    tcase_add_test(tcase, keys_have_any_bytes);
    tcase_add_test(tcase, keys_are_as_they_are_on_the_server);
    tcase_add_test(tcase, nothing_waits_behind_a_dump);
    tcase_add_test(tcase, several_dumps_go_on_at_once);
    tcase_add_test(tcase, a_call_can_wait_for_a_dump);
    tcase_add_test(tcase, a_watch_tells_what_happens);
    tcase_add_test(tcase, a_watch_ends_with_its_time);
    tcase_add_test(tcase, a_watch_may_be_silent_for_as_long_as_it_likes);
    tcase_add_test(tcase, what_the_server_does_not_know_it_refuses);
    tcase_add_test(tcase, arguments_are_checked);
    tcase_add_test(tcase, an_end_is_for_streams_of_one_context);
    tcase_add_test(tcase, a_server_that_is_killed_ends_its_stream);
    tcase_add_test(tcase, a_stream_ends_with_its_place_in_the_list);
    tcase_add_test(tcase, a_reset_cancels_streams);
    tcase_add_test(tcase, freeing_the_handle_cancels_streams);
    tcase_add_test(tcase, a_row_may_free_the_handle);
    tcase_add_test(tcase, rows_may_make_calls_and_end_their_stream);
    tcase_add_test(tcase, nothing_is_told_before_the_call_has_returned);
    tcase_add_test(tcase, what_has_ended_is_closed_inside_a_callback_too);
    tcase_add_test(tcase, waiting_for_all_ends_with_the_last_watch);
    return fixture_run(suite);
}
