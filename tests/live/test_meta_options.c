/*
 * Options of the meta protocol: what each of them does at a real server, what replies
 * tell, and how servers without that protocol are told apart.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/child.h"
#include "support/operations.h"
#include "support/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static omcache_meta_t *meta; /* new for each test */

/* What the last completion was, copied. */
static struct {
    size_t count;
    int status;
    bool has_value;
    char value[256];
    size_t value_len;
    char key[256];
    size_t key_len;
    uint32_t flags;
    uint64_t cas, number;
    int stale, won, already_won, was_hit;
    int64_t ttl, last_access, size;
} last;

static void on_reply(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    const unsigned char *key = omcache_reply_key(reply, &last.key_len);
    const unsigned char *value = omcache_reply_value(reply, &last.value_len);
    ck_assert_ptr_eq(mc, client);
    ck_assert_ptr_eq(context, &last);
    ck_assert_uint_le(last.value_len, sizeof(last.value));
    last.count++;
    last.status = omcache_reply_status(reply);
    last.has_value = value != NULL;
    if (value != NULL) {
        memcpy(last.value, value, last.value_len);
    }
    memcpy(last.key, key, last.key_len);
    last.flags = omcache_reply_flags(reply);
    last.cas = omcache_reply_cas(reply);
    last.number = omcache_reply_number(reply);
    last.stale = omcache_reply_is_stale(reply);
    last.won = omcache_reply_won(reply);
    last.already_won = omcache_reply_already_won(reply);
    last.was_hit = omcache_reply_was_hit(reply);
    last.ttl = omcache_reply_ttl(reply);
    last.last_access = omcache_reply_last_access(reply);
    last.size = omcache_reply_size(reply);
}

#define DONE -1, on_reply, &last

/* Runs what was accepted to its end, which must be this. */
static void assert_ends(int accepted, int status)
{
    size_t before = last.count;
    assert_rc(accepted, OMCACHE_OK);
    ck_assert_uint_eq(last.count, before);
    watcher_run(&loop, &last.count, before + 1);
    ck_assert_uint_eq(last.count, before + 1);
    assert_rc(last.status, status);
}

static int get(const char *key, const omcache_meta_t *options)
{
    return omcache_async_meta_get(client, TEXT(key), options, DONE);
}

static int set(const char *key, const char *value, const omcache_meta_t *options)
{
    return omcache_async_meta_set(client, TEXT(key), TEXT(value), 7, options, DONE);
}

static int erase(const char *key, const omcache_meta_t *options)
{
    return omcache_async_meta_delete(client, TEXT(key), options, DONE);
}

static int count(const char *key, uint64_t delta, const omcache_meta_t *options)
{
    return omcache_async_meta_arithmetic(client, TEXT(key), delta, options, DONE);
}

static void assert_value(const char *value)
{
    ck_assert(last.has_value);
    assert_text(last.value, last.value_len, value);
}

/* Who won, and whether the value is stale. */
static void assert_told(int won, int already_won, int stale)
{
    ck_assert_int_eq(last.won, won);
    ck_assert_int_eq(last.already_won, already_won);
    ck_assert_int_eq(last.stale, stale);
}

/* The server may have counted a few seconds. */
static void assert_ttl(int64_t ttl)
{
    ck_assert_int_le(last.ttl, ttl);
    ck_assert_int_ge(last.ttl, ttl - 5);
}

/* Options like new. */
static omcache_meta_t *fresh(void)
{
    if (meta != NULL) {
        assert_rc(omcache_meta_free(meta), OMCACHE_OK);
    }
    meta = omcache_meta_new();
    ck_assert_ptr_nonnull(meta);
    return meta;
}

static void open_client(void)
{
    watched_servers(2);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_META), OMCACHE_OK);
    fresh();
}

static void close_client(void)
{
    omcache_meta_free(meta);
    meta = NULL;
}

START_TEST(without_options_it_is_as_without_meta)
{
    assert_ends(get("k", NULL), OMCACHE_NOT_FOUND);
    assert_text(last.key, last.key_len, "k");
    ck_assert(!last.has_value);
    assert_ends(set("k", "v", NULL), OMCACHE_OK);
    ck_assert_uint_ne(last.cas, 0);
    uint64_t cas = last.cas;
    for (int i = 0; i < 2; i++) {
        assert_ends(get("k", i == 0 ? NULL : meta), OMCACHE_OK);
        assert_text(last.key, last.key_len, "k");
        assert_value("v");
        ck_assert_uint_eq(last.flags, 7);
        ck_assert_uint_eq(last.cas, cas);
        assert_told(0, 0, 0);
        ck_assert_int_eq(last.ttl, -2);
        ck_assert_int_eq(last.last_access, -1);
        ck_assert_int_eq(last.was_hit, -1);
        ck_assert_int_eq(last.size, -1);
    }
    assert_ends(count("k", 1, NULL), OMCACHE_DELTA_BAD_VALUE);
    assert_ends(erase("k", NULL), OMCACHE_OK);
    assert_ends(erase("k", NULL), OMCACHE_NOT_FOUND);
    assert_ends(count("k", 1, NULL), OMCACHE_NOT_FOUND);
}
END_TEST

START_TEST(what_is_wanted_is_told)
{
    omcache_meta_set_ttl(meta, 100);
    assert_ends(set("k", "value", meta), OMCACHE_OK);
    clock_sleep(2100);
    omcache_meta_set_want(fresh(), 127);
    omcache_meta_set_no_lru_bump(meta, 1);
    for (int i = 0; i < 2; i++) { /* which leaves no traces */
        assert_ends(get("k", meta), OMCACHE_OK);
        assert_value("value");
        ck_assert_uint_eq(last.flags, 7);
        assert_ttl(99);
        ck_assert_int_ge(last.last_access, 1);
        ck_assert_int_eq(last.was_hit, 0);
        ck_assert_int_eq(last.size, 5);
    }
    omcache_meta_set_no_lru_bump(meta, 0);
    assert_ends(get("k", meta), OMCACHE_OK);
    ck_assert_int_eq(last.was_hit, 0);
    assert_ends(get("k", meta), OMCACHE_OK);
    ck_assert_int_eq(last.was_hit, 1);
}
END_TEST

START_TEST(the_value_can_be_left_out)
{
    assert_ends(set("k", "value", NULL), OMCACHE_OK);
    omcache_meta_set_want(meta, OMCACHE_META_WANT_TTL | OMCACHE_META_WANT_SIZE);
    assert_ends(get("k", meta), OMCACHE_OK);
    ck_assert(!last.has_value);
    ck_assert_int_eq(last.ttl, -1);
    ck_assert_int_eq(last.size, 5);
    ck_assert_int_eq(last.was_hit, -1);
    ck_assert_uint_eq(last.cas, 0);
    omcache_meta_set_want(meta, 0);
    assert_ends(get("k", meta), OMCACHE_OK);
    assert_ends(get("other", meta), OMCACHE_NOT_FOUND);
    omcache_meta_set_want(meta, OMCACHE_META_WANT_VALUE);
    assert_ends(get("k", meta), OMCACHE_OK);
    assert_value("value");
    ck_assert_uint_eq(last.flags, 0);
    ck_assert_uint_eq(last.cas, 0);
}
END_TEST

START_TEST(times_are_changed)
{
    assert_ends(set("k", "v", NULL), OMCACHE_OK);
    omcache_meta_set_ttl(meta, 50);
    omcache_meta_set_want(meta, OMCACHE_META_WANT_TTL | OMCACHE_META_WANT_VALUE);
    assert_ends(get("k", meta), OMCACHE_OK);
    omcache_meta_set_ttl(meta, -1);
    assert_ends(get("k", meta), OMCACHE_OK);
    assert_ttl(50);
    omcache_meta_set_ttl(meta, 0);
    assert_ends(get("k", meta), OMCACHE_OK);
    omcache_meta_set_ttl(meta, -1);
    assert_ends(get("k", meta), OMCACHE_OK);
    ck_assert_int_eq(last.ttl, -1);
}
END_TEST

START_TEST(one_wins_before_a_value_runs_out)
{
    omcache_meta_set_ttl(meta, 20);
    assert_ends(set("k", "v", meta), OMCACHE_OK);
    omcache_meta_set_recache(fresh(), 5);
    assert_ends(get("k", meta), OMCACHE_OK);
    assert_told(0, 0, 0);
    omcache_meta_set_recache(meta, 30);
    assert_ends(get("k", meta), OMCACHE_OK);
    assert_value("v");
    assert_told(1, 0, 0);
    for (int i = 0; i < 3; i++) {
        assert_ends(get("k", meta), OMCACHE_OK);
        assert_value("v");
        assert_told(0, 1, 0);
    }
    omcache_meta_set_ttl(fresh(), 90);
    assert_ends(set("k", "w", meta), OMCACHE_OK);
    omcache_meta_set_recache(fresh(), 30);
    assert_ends(get("k", meta), OMCACHE_OK);
    assert_value("w");
    assert_told(0, 0, 0);
}
END_TEST

START_TEST(one_wins_when_nothing_is_there)
{
    omcache_meta_set_vivify(meta, 30);
    omcache_meta_set_want(meta,
                          OMCACHE_META_WANT_VALUE | OMCACHE_META_WANT_CAS | OMCACHE_META_WANT_TTL);
    assert_ends(get("k", meta), OMCACHE_OK);
    assert_value("");
    assert_told(1, 0, 0);
    uint64_t cas = last.cas;
    assert_ends(get("k", meta), OMCACHE_OK);
    assert_value("");
    assert_told(0, 1, 0);
    assert_ttl(30);
    omcache_meta_set_cas(fresh(), cas + 100);
    assert_ends(set("k", "v", meta), OMCACHE_KEY_EXISTS);
    omcache_meta_set_cas(meta, cas);
    assert_ends(set("k", "v", meta), OMCACHE_OK);
    assert_ends(get("k", NULL), OMCACHE_OK);
    assert_value("v");
    assert_told(0, 0, 0);
}
END_TEST

START_TEST(deletes_can_leave_what_is_stale)
{
    assert_ends(set("k", "v", NULL), OMCACHE_OK);
    uint64_t cas = last.cas;
    omcache_meta_set_invalidate(meta, 1);
    omcache_meta_set_ttl(meta, 40);
    omcache_meta_set_cas(meta, cas + 9);
    assert_ends(erase("k", meta), OMCACHE_KEY_EXISTS);
    omcache_meta_set_cas(meta, cas);
    assert_ends(erase("k", meta), OMCACHE_OK);
    assert_ends(erase("other", meta), OMCACHE_NOT_FOUND);
    omcache_meta_set_want(fresh(), 127);
    assert_ends(get("k", meta), OMCACHE_OK);
    assert_value("v");
    assert_told(1, 0, 1);
    assert_ttl(40);
    ck_assert_uint_ne(last.cas, cas);
    assert_ends(get("k", meta), OMCACHE_OK);
    assert_told(0, 1, 1);
    assert_ends(set("k", "w", NULL), OMCACHE_OK);
    assert_ends(get("k", meta), OMCACHE_OK);
    assert_told(0, 0, 0);
}
END_TEST

/* Why keys with options are not to be got without. */
START_TEST(others_can_win_unseen)
{
    assert_ends(set("k", "v", NULL), OMCACHE_OK);
    omcache_meta_set_invalidate(meta, 1);
    assert_ends(erase("k", meta), OMCACHE_OK);
    assert_ends(omcache_async_get(client, "k", 1, DONE), OMCACHE_OK);
    assert_value("v");
    assert_told(0, 0, 0);
    assert_ends(get("k", NULL), OMCACHE_OK);
    assert_told(0, 1, 1);
}
END_TEST

START_TEST(sets_can_store_what_is_stale)
{
    assert_ends(set("k", "v", NULL), OMCACHE_OK);
    uint64_t cas = last.cas;
    assert_ends(set("k", "w", NULL), OMCACHE_OK);
    omcache_meta_set_cas(meta, cas);
    assert_ends(set("k", "x", meta), OMCACHE_KEY_EXISTS);
    omcache_meta_set_invalidate(meta, 1);
    assert_ends(set("k", "x", meta), OMCACHE_OK);
    assert_ends(get("k", NULL), OMCACHE_OK);
    assert_value("x");
    assert_told(1, 0, 1);
}
END_TEST

START_TEST(modes_are_kept)
{
    omcache_meta_set_mode(meta, OMCACHE_META_REPLACE);
    assert_ends(set("k", "b", meta), OMCACHE_NOT_STORED);
    omcache_meta_set_mode(meta, OMCACHE_META_APPEND);
    assert_ends(set("k", "b", meta), OMCACHE_NOT_STORED);
    omcache_meta_set_mode(meta, OMCACHE_META_ADD);
    assert_ends(set("k", "b", meta), OMCACHE_OK);
    assert_ends(set("k", "b", meta), OMCACHE_NOT_STORED);
    omcache_meta_set_mode(meta, OMCACHE_META_APPEND);
    assert_ends(set("k", "c", meta), OMCACHE_OK);
    omcache_meta_set_mode(meta, OMCACHE_META_PREPEND);
    assert_ends(set("k", "a", meta), OMCACHE_OK);
    assert_ends(get("k", NULL), OMCACHE_OK);
    assert_value("abc");
    ck_assert_uint_eq(last.flags, 7);
    omcache_meta_set_mode(meta, OMCACHE_META_REPLACE);
    assert_ends(set("k", "new", meta), OMCACHE_OK);
    /* 1.6.18 does not make what it appends to, and says so; newer ones make it. */
    omcache_meta_set_mode(meta, OMCACHE_META_APPEND);
    omcache_meta_set_vivify(meta, 30);
    assert_rc(set("other", "v", meta), OMCACHE_OK);
    watcher_run(&loop, &last.count, last.count + 1);
    assert_rc_either(last.status, OMCACHE_NOT_STORED, OMCACHE_OK);
    assert_ends(get("other", NULL), last.status == OMCACHE_OK ? OMCACHE_OK : OMCACHE_NOT_FOUND);
}
END_TEST

START_TEST(counters_count)
{
    omcache_meta_set_vivify(meta, 60);
    omcache_meta_set_initial(meta, 5);
    omcache_meta_set_want(meta, OMCACHE_META_WANT_TTL);
    assert_ends(count("n", 10, meta), OMCACHE_OK);
    ck_assert_uint_eq(last.number, 5);
    ck_assert(!last.has_value);
    assert_ends(count("n", 10, meta), OMCACHE_OK);
    ck_assert_uint_eq(last.number, 15);
    assert_ttl(60);
    uint64_t cas = last.cas;
    ck_assert_uint_ne(cas, 0);
    omcache_meta_set_mode(fresh(), OMCACHE_META_DECREMENT);
    omcache_meta_set_cas(meta, cas + 9);
    assert_ends(count("n", 4, meta), OMCACHE_KEY_EXISTS);
    omcache_meta_set_cas(meta, cas);
    omcache_meta_set_ttl(meta, 0);
    assert_ends(count("n", 4, meta), OMCACHE_OK);
    ck_assert_uint_eq(last.number, 11);
    ck_assert_int_eq(last.ttl, -2);
    omcache_meta_set_cas(meta, 0);
    omcache_meta_set_want(meta, OMCACHE_META_WANT_TTL);
    assert_ends(count("n", 100, meta), OMCACHE_OK);
    ck_assert_uint_eq(last.number, 0);
    ck_assert_int_eq(last.ttl, -1);
}
END_TEST

static int statuses[64];
static size_t replies;
static char words[64];

static void on_status(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    size_t len;
    const unsigned char *value = omcache_reply_value(reply, &len);
    (void)mc;
    (void)context;
    statuses[replies++] = omcache_reply_status(reply);
    if (omcache_reply_status(reply) == OMCACHE_FAIL) {
        snprintf(words, sizeof(words), "%.*s", (int)len, (const char *)value);
    }
}

#define NOTED -1, on_status, NULL

/* 1.6.18 has no such option; the connection, and what else is under way on it, do not
 * suffer.  Newer ones do what they are told. */
START_TEST(what_the_server_lacks_fails_with_its_words)
{
    replies = 0;
    omcache_set_log_callback(client, 7, recorder_log, NULL);
    assert_ends(set("k", "5", NULL), OMCACHE_OK);
    recorder_clear();
    omcache_meta_set_new_cas(meta, 1000000);
    omcache_async_meta_set(client, "k", 1, "\r\nflush_all\r\n", 13, 0, meta, NOTED);
    omcache_async_meta_get(client, "k", 1, NULL, NOTED);
    omcache_async_meta_arithmetic(client, "k", 1, 1, meta, NOTED);
    omcache_async_get(client, "k", 1, NOTED);
    omcache_meta_set_invalidate(meta, 1);
    omcache_async_meta_delete(client, "k", 1, meta, NOTED);
    omcache_async_meta_get(client, "k", 1, NULL, NOTED);
    omcache_meta_set_invalidate(meta, 0);
    omcache_meta_set_vivify(meta, 0);
    omcache_async_meta_get(client, "k", 1, meta, NOTED);
    omcache_async_meta_get(client, "k", 1, NULL, NOTED);
    watcher_run(&loop, &replies, 8);
    for (size_t i = 0; i < 8; i += 2) {
        assert_rc(statuses[i + 1], OMCACHE_OK);
        if (statuses[0] == OMCACHE_FAIL) {
            assert_rc(statuses[i], OMCACHE_FAIL);
        }
    }
    if (statuses[0] == OMCACHE_FAIL) {
        ck_assert_msg(strstr(words, "invalid flag") != NULL, "%s", words);
        ck_assert(recorder_has_line(7, "a request was refused: invalid flag"));
        assert_ends(get("k", NULL), OMCACHE_OK);
        assert_value("5");
    }
}
END_TEST

/* The version of a value can be the application's own, if the server can do that. */
START_TEST(cas_can_be_chosen)
{
    omcache_meta_set_new_cas(meta, 1000000);
    assert_rc(set("k", "v", meta), OMCACHE_OK);
    watcher_run(&loop, &last.count, last.count + 1);
    assert_rc_either(last.status, OMCACHE_OK, OMCACHE_FAIL);
    if (last.status == OMCACHE_OK) {
        assert_ends(get("k", NULL), OMCACHE_OK);
        ck_assert_uint_eq(last.cas, 1000000);
    }
}
END_TEST

START_TEST(keys_may_be_anything)
{
    static const char *const keys[] = {"a b", "\r\nflush_all\r\n", "\x01\xff\x80 ", " "};
    assert_rc(omcache_set_key_prefix(client, "p:", 2, 0), OMCACHE_OK);
    omcache_meta_set_vivify(meta, 60);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_ends(set(keys[i], keys[i], NULL), OMCACHE_OK);
        assert_ends(get(keys[i], NULL), OMCACHE_OK);
        assert_text(last.key, last.key_len, keys[i]);
        assert_value(keys[i]);
        omcache_meta_set_want(meta, OMCACHE_META_WANT_SIZE);
        assert_ends(get(keys[i], meta), OMCACHE_OK);
        ck_assert_int_eq(last.size, (int64_t)strlen(keys[i]));
        assert_ends(erase(keys[i], NULL), OMCACHE_OK);
        omcache_meta_set_want(fresh(), OMCACHE_META_WANT_TTL);
        omcache_meta_set_vivify(meta, 60);
        assert_ends(count(keys[i], 1, meta), OMCACHE_OK);
        assert_ttl(60);
    }
}
END_TEST

/* Whatever the key is; and to nobody, if nobody is to be told. */
START_TEST(the_server_tells_what_it_knows_of_an_item)
{
    static const char *const keys[] = {"k", "two words", "line\r\n"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_ends(omcache_async_meta_debug(client, TEXT(keys[i]), DONE), OMCACHE_NOT_FOUND);
        ck_assert(!last.has_value);
        assert_ends(set(keys[i], "value", NULL), OMCACHE_OK);
        assert_ends(omcache_async_meta_debug(client, TEXT(keys[i]), DONE), OMCACHE_OK);
        assert_text(last.key, last.key_len, keys[i]);
        ck_assert_uint_gt(last.value_len, 30);
        ck_assert_int_eq(memcmp(last.value, "exp=-1 la=", 10), 0);
    }
    assert_rc(omcache_async_meta_debug(client, TEXT("k"), -1, NULL, NULL), OMCACHE_OK);
    assert_ends(get("k", NULL), OMCACHE_OK);
    assert_value("value");
    assert_rc(omcache_async_meta_debug(client, "", 0, DONE), OMCACHE_INVALID);
    assert_rc(omcache_async_meta_debug(NULL, "k", 1, DONE), OMCACHE_INVALID);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_TEXT), OMCACHE_OK);
    assert_rc(omcache_async_meta_debug(client, "k", 1, DONE), OMCACHE_INVALID);
}
END_TEST

START_TEST(nobody_need_be_told)
{
    assert_rc(omcache_async_meta_set(client, "k", 1, "v", 1, 3, NULL, -1, NULL, NULL), OMCACHE_OK);
    omcache_meta_set_invalidate(meta, 1);
    assert_rc(omcache_async_meta_delete(client, "k", 1, meta, -1, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_async_meta_delete(client, "x", 1, meta, -1, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_async_meta_get(client, "k", 1, NULL, -1, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_async_meta_arithmetic(client, "x", 1, 1, NULL, -1, NULL, NULL), OMCACHE_OK);
    assert_ends(get("k", NULL), OMCACHE_OK);
    assert_value("v");
    assert_told(0, 1, 1);
}
END_TEST

/* Options are copied: what becomes of the object is of no interest to the call. */
START_TEST(options_may_change_at_once)
{
    size_t before = last.count;
    omcache_meta_set_want(meta, OMCACHE_META_WANT_TTL);
    omcache_meta_set_vivify(meta, 50);
    assert_rc(get("k", meta), OMCACHE_OK);
    omcache_meta_free(meta);
    meta = NULL;
    watcher_run(&loop, &last.count, before + 1);
    assert_rc(last.status, OMCACHE_OK);
    assert_told(1, 0, 0);
}
END_TEST

START_TEST(arguments_are_checked)
{
    assert_rc(omcache_meta_free(NULL), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_ttl(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_ttl(meta, -2), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_ttl(meta, (time_t)INT32_MAX + 1), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_ttl(meta, INT32_MAX), OMCACHE_OK);
    assert_rc(omcache_meta_set_recache(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_recache(meta, -2), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_vivify(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_vivify(meta, INT64_MAX), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_initial(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_no_lru_bump(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_no_lru_bump(meta, 2), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_invalidate(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_invalidate(meta, -1), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_cas(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_new_cas(NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_mode(NULL, 0), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_mode(meta, 6), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_mode(meta, -1), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_want(NULL, 0), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_want(meta, 128), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_want(meta, -1), OMCACHE_INVALID);
    assert_rc(omcache_async_meta_get(NULL, "k", 1, NULL, DONE), OMCACHE_INVALID);
    assert_rc(omcache_async_meta_get(client, NULL, 1, NULL, DONE), OMCACHE_INVALID);
    assert_rc(omcache_async_meta_get(client, "k", 0, NULL, DONE), OMCACHE_INVALID);
    assert_rc(omcache_async_meta_set(client, "k", 1, NULL, 1, 0, NULL, DONE), OMCACHE_INVALID);
    omcache_meta_set_recache(fresh(), 5);
    assert_rc(set("k", "v", meta), OMCACHE_INVALID);
    assert_rc(erase("k", meta), OMCACHE_INVALID);
    assert_rc(count("k", 1, meta), OMCACHE_INVALID);
    omcache_meta_set_cas(fresh(), 5);
    omcache_meta_set_want(meta, 0); /* which could not tell whether the value is that one */
    assert_rc(get("k", meta), OMCACHE_INVALID);
}
END_TEST

START_TEST(other_protocols_refuse_at_once)
{
    int protocol = _i == 0 ? OMCACHE_PROTOCOL_BINARY : OMCACHE_PROTOCOL_TEXT;
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    assert_rc(get("k", NULL), OMCACHE_INVALID);
    assert_rc(set("k", "v", NULL), OMCACHE_INVALID);
    assert_rc(erase("k", NULL), OMCACHE_INVALID);
    assert_rc(count("k", 1, NULL), OMCACHE_INVALID);
    assert_ends(omcache_async_set(client, "k", 1, "v", 1, 0, 0, 0, DONE), OMCACHE_OK);
    /* And on a connection that speaks it already. */
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_AUTO), OMCACHE_OK);
    assert_rc(get("k", NULL), OMCACHE_INVALID);
    assert_rc(set("k", "w", NULL), OMCACHE_INVALID);
    assert_rc(erase("k", NULL), OMCACHE_INVALID);
    assert_rc(count("k", 1, NULL), OMCACHE_INVALID);
    assert_ends(omcache_async_get(client, "k", 1, DONE), OMCACHE_OK);
    assert_value("v");
}
END_TEST

/* What waits when a protocol is found that cannot carry it. */
START_TEST(other_protocols_refuse_what_waits)
{
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_AUTO), OMCACHE_OK);
    replies = 0;
    assert_rc(omcache_async_meta_get(client, "k", 1, meta, NOTED), OMCACHE_OK);
    assert_rc(omcache_async_meta_set(client, "k", 1, "v", 1, 0, NULL, NOTED), OMCACHE_OK);
    assert_rc(omcache_async_meta_delete(client, "k", 1, NULL, NOTED), OMCACHE_OK);
    assert_rc(omcache_async_meta_arithmetic(client, "k", 1, 1, NULL, NOTED), OMCACHE_OK);
    assert_rc(
        omcache_set_protocol(client, _i == 0 ? OMCACHE_PROTOCOL_BINARY : OMCACHE_PROTOCOL_TEXT),
        OMCACHE_OK);
    assert_ends(omcache_async_set(client, "k", 1, "v", 1, 0, 0, 0, DONE), OMCACHE_OK);
    watcher_run(&loop, &replies, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_rc(statuses[i], OMCACHE_INVALID);
    }
}
END_TEST

/* And what waits when meta is found. */
START_TEST(requests_wait_for_their_protocol)
{
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_AUTO), OMCACHE_OK);
    replies = 0;
    omcache_meta_set_vivify(meta, 60);
    assert_rc(omcache_async_meta_get(client, "a b", 3, meta, NOTED), OMCACHE_OK);
    assert_rc(omcache_async_meta_set(client, "a b", 3, "7", 1, 9, NULL, NOTED), OMCACHE_OK);
    assert_rc(omcache_async_meta_arithmetic(client, "a b", 3, 1, NULL, NOTED), OMCACHE_OK);
    assert_ends(omcache_async_meta_get(client, "a b", 3, NULL, DONE), OMCACHE_OK);
    assert_value("8");
    ck_assert_uint_eq(last.flags, 9);
    ck_assert_uint_eq(replies, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_rc(statuses[i], OMCACHE_OK);
    }
}
END_TEST

static bool accepts(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    bool accepted = fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0;
    close(fd);
    return accepted;
}

/* A server that really speaks nothing else, and has to be found out. */
START_TEST(a_binary_server_refuses)
{
    NOT_OVER_TLS;
    char path[64];
    snprintf(path, sizeof(path), "/tmp/omcache-meta-%d", (int)getpid());
    const char *argv[] = {"memcached", "-s", path, "-B", "binary", "-u", "root", NULL};
    if (geteuid() != 0) {
        argv[5] = NULL;
    }
    child_start(argv);
    for (int i = 0; i < 20000 && !accepts(path); i++) {
        clock_sleep(1);
    }
    client = fixture_client(path);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_AUTO), OMCACHE_OK);
    watcher_init(&loop, client);
    assert_ends(get("k", NULL), OMCACHE_INVALID);
    assert_ends(omcache_async_set(client, "k", 1, "v", 1, 0, 0, 0, DONE), OMCACHE_OK);
    ck_assert_int_eq(omcache_server_protocol(client, 0), OMCACHE_PROTOCOL_BINARY);
    assert_rc(get("k", NULL), OMCACHE_INVALID);
    unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("meta options");
    TCase *tcase = fixture_case(suite, "options");

    tcase_add_checked_fixture(tcase, open_client, close_client);
    tcase_add_test(tcase, without_options_it_is_as_without_meta);
    tcase_add_test(tcase, what_is_wanted_is_told);
    tcase_add_test(tcase, the_value_can_be_left_out);
    tcase_add_test(tcase, times_are_changed);
    tcase_add_test(tcase, one_wins_before_a_value_runs_out);
    tcase_add_test(tcase, one_wins_when_nothing_is_there);
    tcase_add_test(tcase, deletes_can_leave_what_is_stale);
    tcase_add_test(tcase, others_can_win_unseen);
    tcase_add_test(tcase, sets_can_store_what_is_stale);
    tcase_add_test(tcase, modes_are_kept);
    tcase_add_test(tcase, counters_count);
    tcase_add_test(tcase, what_the_server_lacks_fails_with_its_words);
    tcase_add_test(tcase, cas_can_be_chosen);
    tcase_add_test(tcase, keys_may_be_anything);
    tcase_add_test(tcase, the_server_tells_what_it_knows_of_an_item);
    tcase_add_test(tcase, nobody_need_be_told);
    tcase_add_test(tcase, options_may_change_at_once);
    tcase_add_test(tcase, arguments_are_checked);
    tcase = fixture_case(suite, "protocols");
    tcase_add_checked_fixture(tcase, open_client, close_client);
    tcase_add_loop_test(tcase, other_protocols_refuse_at_once, 0, 2);
    tcase_add_loop_test(tcase, other_protocols_refuse_what_waits, 0, 2);
    tcase_add_test(tcase, requests_wait_for_their_protocol);
    tcase = fixture_case(suite, "binary");
    tcase_add_test(tcase, a_binary_server_refuses);
    return fixture_run(suite);
}
