/*
 * Operations of the meta protocol that are waited for: what they return, what their replies
 * have, and how long that stays.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/operations.h"
#include "support/recorder.h"
#include "support/words.h"

#include <stdio.h>

#define KEYS 100

static omcache_meta_t *meta; /* new for each test */
static const omcache_reply_t *reply;

static void begin(size_t servers)
{
    fixture_servers(servers);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_META), OMCACHE_OK);
    meta = omcache_meta_new();
    ck_assert_ptr_nonnull(meta);
}

static void end(void)
{
    omcache_meta_free(meta);
}

static int get(const char *key)
{
    return omcache_meta_get(client, TEXT(key), meta, &reply, patience);
}

static int set(const char *key, const char *value)
{
    return omcache_meta_set(client, TEXT(key), TEXT(value), 7, meta, &reply, patience);
}

static void assert_reply(const char *key, const char *value)
{
    size_t len;
    const unsigned char *bytes = omcache_reply_key(reply, &len);
    assert_text(bytes, len, key);
    bytes = omcache_reply_value(reply, &len);
    assert_text(bytes, len, value);
}

START_TEST(each_returns_its_status_and_has_a_reply)
{
    begin(3);
    assert_rc(get("key"), OMCACHE_NOT_FOUND);
    assert_rc(omcache_reply_status(reply), OMCACHE_NOT_FOUND);
    assert_reply("key", "");
    assert_rc(omcache_meta_set_ttl(meta, 1000), OMCACHE_OK);
    assert_rc(set("key", "value"), OMCACHE_OK);
    uint64_t cas = omcache_reply_cas(reply);
    ck_assert_uint_gt(cas, 0);
    assert_rc(omcache_meta_set_ttl(meta, -1), OMCACHE_OK);
    assert_rc(omcache_meta_set_want(meta, OMCACHE_META_WANT_VALUE | OMCACHE_META_WANT_FLAGS |
                                              OMCACHE_META_WANT_CAS | OMCACHE_META_WANT_TTL |
                                              OMCACHE_META_WANT_SIZE),
              OMCACHE_OK);
    assert_rc(get("key"), OMCACHE_OK);
    assert_reply("key", "value");
    ck_assert_uint_eq(omcache_reply_cas(reply), cas);
    ck_assert_uint_eq(omcache_reply_flags(reply), 7);
    ck_assert_int_ge(omcache_reply_ttl(reply), 990);
    ck_assert_int_eq(omcache_reply_size(reply), 5);
    ck_assert_int_eq(omcache_reply_server_index(reply),
                     omcache_server_index_for_key(client, TEXT("key")));
    omcache_meta_free(meta);
    meta = omcache_meta_new();
    assert_rc(omcache_meta_set_cas(meta, cas + 1), OMCACHE_OK);
    assert_rc(set("key", "other"), OMCACHE_KEY_EXISTS);
    assert_rc(omcache_meta_delete(client, TEXT("key"), NULL, &reply, patience), OMCACHE_OK);
    assert_rc(omcache_meta_delete(client, TEXT("key"), NULL, NULL, patience), OMCACHE_NOT_FOUND);
    end();
}
END_TEST

/* The server takes flags that are for proxies, and answers others without anything. */
START_TEST(flags_may_be_added)
{
    const unsigned char *token;
    size_t len;
    begin(1);
    assert_rc(omcache_meta_add_flag(meta, 'P', TEXT("/a/b")), OMCACHE_OK);
    assert_rc(omcache_meta_add_flag(meta, 'L', NULL, 0), OMCACHE_OK);
    assert_rc(omcache_meta_add_flag(meta, 'L', TEXT("again")), OMCACHE_INVALID);
    assert_rc(omcache_meta_add_flag(meta, 'k', NULL, 0), OMCACHE_INVALID);
    assert_rc(omcache_meta_add_flag(meta, 'y', NULL, 1), OMCACHE_INVALID);
    assert_rc(omcache_meta_add_flag(NULL, 'y', NULL, 0), OMCACHE_INVALID);
    assert_rc(set("key", "value"), OMCACHE_OK);
    ck_assert_int_eq(omcache_reply_meta_flag(reply, 'P', &token, &len), 0);
    ck_assert(token == NULL && len == 0);
    assert_rc(get("key"), OMCACHE_OK);
    assert_reply("key", "value");
    ck_assert_int_eq(omcache_reply_meta_flag(reply, 'f', &token, &len), 1);
    assert_text(token, len, "7");
    ck_assert_int_eq(omcache_reply_meta_flag(reply, 'c', NULL, NULL), 1);
    assert_rc(omcache_meta_add_flag(meta, 'y', TEXT("unknown")), OMCACHE_OK);
    assert_rc(get("key"), OMCACHE_FAIL);
    assert_reply("key", "invalid flag");
    assert_rc(set("key", "\r\nversion\r\n"), OMCACHE_FAIL);
    assert_stored("key", "value");
    end();
}
END_TEST

/* Where the server's version has the option, and where not. */
START_TEST(what_a_server_lacks_is_a_failure)
{
    begin(1);
    store("key", "value");
    assert_rc(omcache_meta_set_drop_value(meta, 2), OMCACHE_INVALID);
    assert_rc(omcache_meta_set_drop_value(meta, 1), OMCACHE_OK);
    int rc = omcache_meta_delete(client, TEXT("key"), meta, &reply, patience);
    if (rc == OMCACHE_OK) { /* from 1.6.27 on */
        assert_stored("key", "");
    } else {
        assert_rc(rc, OMCACHE_FAIL);
        assert_reply("key", "invalid or duplicate flag");
        assert_stored("key", "value");
    }
    assert_rc(omcache_meta_set_drop_value(meta, 0), OMCACHE_OK);
    assert_rc(omcache_meta_set_want(meta, OMCACHE_META_WANT_SIZE), OMCACHE_OK);
    assert_rc(set("key", "value"), OMCACHE_OK);
    ck_assert(omcache_reply_size(reply) == 5 || omcache_reply_size(reply) == -1);
    end();
}
END_TEST

static int debug(const char *key)
{
    return omcache_meta_debug(client, TEXT(key), &reply, patience);
}

/* Whatever the key is, and with a prefix, too. */
START_TEST(the_server_tells_what_it_knows_of_an_item)
{
    static const char *const keys[] = {"key", "two words", "line\r\n", "\xff\xfe"};
    size_t len;
    begin(2);
    if (_i == 1) {
        assert_rc(omcache_set_key_prefix(client, "a prefix:", 9, 1), OMCACHE_OK);
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_rc(debug(keys[i]), OMCACHE_NOT_FOUND);
        store(keys[i], "value");
        assert_rc(debug(keys[i]), OMCACHE_OK);
        const char *text = (const char *)omcache_reply_value(reply, &len);
        ck_assert_uint_gt(len, 30);
        ck_assert_int_eq(memcmp(text, "exp=-1 la=", 10), 0);
        text = (const char *)omcache_reply_key(reply, &len);
        assert_text((const unsigned char *)text, len, keys[i]);
    }
    assert_rc(debug(""), OMCACHE_INVALID);
    end();
}
END_TEST

/* Says of an item another key than was asked for. */
static void tell_of_another(struct peer *peer, void *context)
{
    struct words words;
    (void)context;
    while (words_read(peer, &words)) {
        if (strcmp(words.word[0], "me") == 0) {
            words_send(peer, "ME other exp=-1 la=0\r\n");
        } else {
            words_answer_meta(peer, &words);
        }
    }
}

START_TEST(what_it_tells_of_another_is_a_failure)
{
    struct peer *peer = peer_start(0, tell_of_another, NULL);
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_META), OMCACHE_OK);
    assert_rc(debug(_i == 0 ? "key" : "two words"), OMCACHE_SERVER_FAILURE);
}
END_TEST

/* As memcached 1.6.40 and newer do: a value that is known is not sent. */
static void spare_known_values(struct peer *peer, void *context)
{
    struct words words;
    (void)context;
    while (words_read(peer, &words)) {
        const char *cas = words_flag(&words, 'C');
        if (cas && strcmp(cas, "C5") == 0) {
            words_send(peer, "HD %s k%s f0 c5\r\n", words_flag(&words, 'O'), words.word[1]);
        } else {
            words_answer_meta(peer, &words);
        }
    }
}

START_TEST(a_value_that_is_known_is_not_sent)
{
    struct peer *peer = peer_start(0, spare_known_values, NULL);
    client = fixture_client(peer_address(peer));
    meta = omcache_meta_new();
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_META), OMCACHE_OK);
    assert_rc(omcache_meta_set_cas(meta, 5), OMCACHE_OK);
    assert_rc(get("key"), OMCACHE_OK);
    ck_assert_int_eq(omcache_reply_unchanged(reply), 1);
    ck_assert_ptr_null(omcache_reply_value(reply, NULL));
    ck_assert_uint_eq(omcache_reply_cas(reply), 5);
    assert_rc(omcache_meta_set_cas(meta, 6), OMCACHE_OK);
    assert_rc(get("key"), OMCACHE_OK);
    ck_assert_int_eq(omcache_reply_unchanged(reply), 0);
    assert_reply("key", "value of key");
    assert_rc(omcache_meta_set_want(meta, OMCACHE_META_WANT_TTL), OMCACHE_OK);
    assert_rc(get("key"), OMCACHE_INVALID);
    end();
}
END_TEST

/* Older ones send it; nothing else is told. */
START_TEST(a_real_server_tells_no_lies_about_it)
{
    begin(1);
    store("key", "value");
    assert_rc(get("key"), OMCACHE_OK);
    assert_rc(omcache_meta_set_cas(meta, omcache_reply_cas(reply)), OMCACHE_OK);
    assert_rc(get("key"), OMCACHE_OK);
    if (!omcache_reply_unchanged(reply)) {
        assert_reply("key", "value");
    }
    store("key", "other");
    assert_rc(get("key"), OMCACHE_OK);
    ck_assert_int_eq(omcache_reply_unchanged(reply), 0);
    assert_reply("key", "other");
    assert_rc(get("none"), OMCACHE_NOT_FOUND);
    ck_assert_int_eq(omcache_reply_unchanged(reply), 0);
    end();
}
END_TEST

START_TEST(counters_count)
{
    begin(1);
    assert_rc(omcache_meta_arithmetic(client, TEXT("n"), 5, NULL, &reply, -1), OMCACHE_NOT_FOUND);
    assert_rc(omcache_meta_set_vivify(meta, 0), OMCACHE_OK);
    assert_rc(omcache_meta_set_initial(meta, 10), OMCACHE_OK);
    assert_rc(omcache_meta_arithmetic(client, TEXT("n"), 5, meta, &reply, -1), OMCACHE_OK);
    ck_assert_uint_eq(omcache_reply_number(reply), 10);
    assert_rc(omcache_meta_arithmetic(client, TEXT("n"), 5, meta, &reply, -1), OMCACHE_OK);
    ck_assert_uint_eq(omcache_reply_number(reply), 15);
    end();
}
END_TEST

/* Of several readers that find nothing one is to make the value. */
START_TEST(one_reader_wins)
{
    begin(1);
    assert_rc(omcache_meta_set_vivify(meta, 30), OMCACHE_OK);
    assert_rc(get("key"), OMCACHE_OK);
    ck_assert(omcache_reply_won(reply));
    assert_rc(get("key"), OMCACHE_OK);
    ck_assert(omcache_reply_already_won(reply) && !omcache_reply_won(reply));
    end();
}
END_TEST

/* Of which only failures are answered. */
START_TEST(what_nobody_hears_of_is_done)
{
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    begin(1);
    for (int i = 0; i < 20; i++) {
        assert_rc(
            omcache_async_meta_set(client, TEXT("key"), TEXT("value"), 1, NULL, -1, NULL, NULL),
            OMCACHE_OK);
        assert_rc(
            omcache_async_meta_set(client, TEXT("gone"), TEXT("value"), 1, NULL, -1, NULL, NULL),
            OMCACHE_OK);
        assert_rc(omcache_async_meta_delete(client, TEXT("gone"), NULL, -1, NULL, NULL),
                  OMCACHE_OK);
        assert_rc(omcache_async_delete(client, TEXT("none"), -1, NULL, NULL), OMCACHE_OK);
    }
    assert_rc(get("key"), OMCACHE_OK);
    assert_reply("key", "value");
    assert_rc(get("gone"), OMCACHE_NOT_FOUND);
    assert_rc(omcache_meta_add_flag(meta, 'y', NULL, 0), OMCACHE_OK); /* that no server has */
    assert_rc(omcache_async_meta_delete(client, TEXT("key"), meta, -1, NULL, NULL), OMCACHE_OK);
    assert_rc(omcache_async_meta_delete(client, TEXT("other"), NULL, -1, NULL, NULL), OMCACHE_OK);
    assert_stored("key", "value");
    assert_rc(omcache_server_stats(client, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.lost, 1);
    ck_assert_uint_eq(stats.failures, 0);
    end();
}
END_TEST

static const omcache_reply_t *replies[KEYS];

/* All replies are there together, in the order of the keys, wherever they were. */
START_TEST(many_gets_have_a_reply_each)
{
    static char names[KEYS][16];
    static char value[5000];
    const void *keys[KEYS];
    size_t lens[KEYS];
    begin(3);
    memset(value, 'v', sizeof(value));
    for (int i = 0; i < KEYS; i++) {
        lens[i] = (size_t)snprintf(names[i], sizeof(names[i]), "key-%d", i);
        keys[i] = names[i];
        if (i % 4 > 0) {
            assert_rc(omcache_set(client, TEXT(names[i]), (unsigned char *)value, (size_t)(i * 50),
                                  0, (uint32_t)i, 0, patience),
                      OMCACHE_OK);
        }
    }
    assert_rc(omcache_meta_set_want(meta, OMCACHE_META_WANT_VALUE | OMCACHE_META_WANT_FLAGS |
                                              OMCACHE_META_WANT_TTL),
              OMCACHE_OK);
    assert_rc(omcache_meta_get_multi(client, keys, lens, KEYS, meta, replies, patience),
              OMCACHE_OK);
    for (int i = 0; i < KEYS; i++) {
        size_t len;
        const unsigned char *bytes = omcache_reply_key(replies[i], &len);
        assert_text(bytes, len, names[i]);
        assert_rc(omcache_reply_status(replies[i]), i % 4 > 0 ? OMCACHE_OK : OMCACHE_NOT_FOUND);
        if (i % 4 > 0) {
            bytes = omcache_reply_value(replies[i], &len);
            assert_bytes(bytes, len, value, (size_t)(i * 50));
            ck_assert_uint_eq(omcache_reply_flags(replies[i]), (uint32_t)i);
            ck_assert_int_eq(omcache_reply_ttl(replies[i]), -1);
        }
    }
    end();
}
END_TEST

/* The other servers' keys are there all the same. */
START_TEST(many_gets_tell_of_one_that_fails)
{
    const char *there = NULL;
    begin(2);
    assert_rc(omcache_set_failover(client, OMCACHE_FAILOVER_NONE), OMCACHE_OK);
    there = key_for(0);
    store(there, "value");
    const void *keys[2] = {there, key_for(1)};
    const size_t lens[2] = {strlen(there), strlen(keys[1])};
    memcached_kill(&fleet.servers[1]);
    assert_rc(omcache_meta_get_multi(client, keys, lens, 2, NULL, replies, patience),
              OMCACHE_SERVER_FAILURE);
    reply = replies[0];
    assert_rc(omcache_reply_status(reply), OMCACHE_OK);
    assert_reply(there, "value");
    assert_rc(omcache_reply_status(replies[1]), OMCACHE_SERVER_FAILURE);
    assert_rc(omcache_meta_get_multi(client, keys, lens, 0, NULL, NULL, patience), OMCACHE_OK);
    end();
}
END_TEST

START_TEST(they_end_in_time)
{
    begin(1);
    store("key", "value");
    memcached_pause(&fleet.servers[0]);
    int64_t start = clock_ms();
    assert_rc(omcache_meta_get(client, TEXT("key"), NULL, &reply, 50), OMCACHE_TIMEOUT);
    assert_rc(omcache_reply_status(reply), OMCACHE_TIMEOUT);
    ck_assert_int_ge(clock_ms() - start, 49);
    memcached_resume(&fleet.servers[0]);
    assert_rc(get("key"), OMCACHE_OK);
    assert_reply("key", "value");
    end();
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    const void *keys[2] = {"key", ""};
    const size_t lens[2] = {3, 0};
    begin(1);
    assert_rc(omcache_meta_get(client, TEXT("key"), NULL, &reply, 0), OMCACHE_INVALID);
    ck_assert_ptr_null(reply);
    assert_rc(get(""), OMCACHE_INVALID);
    assert_rc(omcache_meta_get(NULL, TEXT("key"), NULL, &reply, -1), OMCACHE_INVALID);
    assert_rc(omcache_meta_get_multi(client, keys, lens, 2, NULL, replies, -1), OMCACHE_INVALID);
    ck_assert_ptr_null(replies[0]);
    assert_rc(omcache_meta_get_multi(client, keys, lens, 1, NULL, NULL, -1), OMCACHE_INVALID);
    replies[0] = reply = (const omcache_reply_t *)keys; /* anything */
    assert_rc(omcache_meta_get_multi(client, keys, lens, 1, NULL, replies, 0), OMCACHE_INVALID);
    ck_assert_ptr_null(replies[0]);
    assert_rc(omcache_meta_set_recache(meta, 5), OMCACHE_OK);
    assert_rc(set("key", "value"), OMCACHE_INVALID);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_TEXT), OMCACHE_OK);
    assert_rc(omcache_meta_get(client, TEXT("key"), NULL, &reply, -1), OMCACHE_INVALID);
    assert_rc(omcache_set_servers(client, ""), OMCACHE_OK);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_META), OMCACHE_OK);
    assert_rc(omcache_meta_get(client, TEXT("key"), NULL, &reply, -1), OMCACHE_NO_SERVERS);
    assert_rc(omcache_reply_status(reply), OMCACHE_NO_SERVERS);
    end();
}
END_TEST

/* Waits while it looks at its own reply, which stays where it is. */
static void wait_inside(omcache_t *mc, const omcache_reply_t *own, void *context)
{
    size_t *calls = context;
    size_t len;
    assert_rc(omcache_meta_get(mc, TEXT("inner"), NULL, &reply, patience), OMCACHE_OK);
    assert_reply("inner", "of inner");
    const unsigned char *value = omcache_reply_value(own, &len);
    assert_text(value, len, "of outer");
    ++*calls;
}

START_TEST(a_callback_may_wait)
{
    size_t calls = 0;
    const omcache_reply_t *outer;
    begin(1);
    store("outer", "of outer");
    store("inner", "of inner");
    assert_rc(omcache_async_get(client, TEXT("outer"), -1, wait_inside, &calls), OMCACHE_OK);
    assert_rc(omcache_meta_get(client, TEXT("outer"), NULL, &outer, patience), OMCACHE_OK);
    ck_assert_uint_eq(calls, 1);
    reply = outer;
    assert_reply("outer", "of outer");
    end();
}
END_TEST

static void free_inside(omcache_t *mc, const omcache_reply_t *own, void *context)
{
    (void)own;
    (void)context;
    fixture_forget(mc);
    omcache_free(mc);
}

static void end_inside(omcache_t *mc, const omcache_reply_t *own, void *context)
{
    const char *servers = context;
    assert_rc(omcache_reply_status(own), OMCACHE_TIMEOUT);
    if (servers == NULL) {
        assert_rc(omcache_reset_buffers(mc), OMCACHE_OK);
    } else {
        assert_rc(omcache_set_servers(mc, servers), OMCACHE_OK);
    }
}

/* By forgetting all requests, or by dropping the server.  What it waits for has ended then. */
START_TEST(a_callback_may_end_the_wait)
{
    const char *key;
    begin(2);
    memcached_pause(&fleet.servers[1]);
    key = key_for(1);
    assert_rc(omcache_async_get(client, TEXT(key), 50, end_inside,
                                _i == 0 ? NULL : fleet.servers[0].address),
              OMCACHE_OK);
    int64_t start = clock_ms();
    assert_rc(get(key), _i == 0 ? OMCACHE_CANCELLED : OMCACHE_SERVER_FAILURE);
    assert_within(start, 3000);
    assert_rc(omcache_reply_status(reply), _i == 0 ? OMCACHE_CANCELLED : OMCACHE_SERVER_FAILURE);
    assert_reply(key, "");
    key = key_for(0);
    assert_rc(set(key, "value"), OMCACHE_OK);
    end();
}
END_TEST

/* A call that waits for one reply, or for several. */
static int wait_for_replies(omcache_t *mc, size_t count)
{
    static const void *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    static const size_t lens[] = {1, 1, 1, 1, 1, 1, 1, 1};
    replies[0] = reply = (const omcache_reply_t *)keys; /* anything */
    int rc = count == 1 ? omcache_meta_get(mc, TEXT("a"), NULL, &reply, -1)
                        : omcache_meta_get_multi(mc, keys, lens, count, NULL, replies, -1);
    ck_assert_ptr_null(count == 1 ? reply : replies[0]);
    return rc;
}

START_TEST(a_callback_may_free_the_handle)
{
    begin(1);
    assert_rc(omcache_async_get(client, TEXT("key"), -1, free_inside, NULL), OMCACHE_OK);
    assert_rc(wait_for_replies(client, _i == 0 ? 1 : 8), OMCACHE_FAIL);
    end();
}
END_TEST

static void free_at_line(void *context, int level, const char *message)
{
    (void)level;
    (void)message;
    free_inside(context, NULL, NULL);
}

/* What it waits for is given up: one of the servers is dead, the other one keeps silent. */
START_TEST(a_log_callback_may_free_the_handle)
{
    begin(2);
    assert_rc(omcache_noop(client, 0, patience), OMCACHE_OK);
    memcached_pause(&fleet.servers[0]);
    memcached_kill(&fleet.servers[1]);
    async_get(key_for(0), told_reply, &told[0]);
    async_get(key_for(1), told_reply, &told[1]);
    assert_rc(omcache_set_log_callback(client, 0, free_at_line, client), OMCACHE_OK);
    assert_rc(wait_for_replies(client, _i == 0 ? 1 : 8), OMCACHE_FAIL);
    ck_assert_uint_eq(told_once(told, 2, OMCACHE_CANCELLED), 2);
    end();
}
END_TEST

#define LARGE 100000

/* What a receive buffer holds one of, and not two. */
static void store_large_values(size_t count)
{
    begin(1);
    for (size_t i = 0; i < count; i++) {
        char key[32];
        snprintf(key, sizeof(key), "large-%zu", i);
        store_bulk(key, LARGE);
    }
    assert_rc(omcache_set_recv_buffer_max_size(client, LARGE + LARGE / 2), OMCACHE_OK);
}

/* What a call has handed out may be what the next one stores. */
START_TEST(a_value_may_be_passed_on)
{
    static const size_t lens[] = {10, 5000, LARGE, BULK - 100000};
    begin(1);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        size_t len;
        store_bulk("key", lens[i]);
        for (int round = 0; round < 3; round++) {
            assert_rc(get("key"), OMCACHE_OK);
            const unsigned char *value = omcache_reply_value(reply, &len);
            assert_bytes(value, len, bulk, lens[i]);
            assert_rc(omcache_meta_set(client, TEXT("key"), value, len, 0, NULL, NULL, -1),
                      OMCACHE_OK);
        }
    }
    end();
}
END_TEST

static const char *const chain[] = {"first", "second-of-all", "third", "last"};

/* And what it asks for: each value is the name of the next one.  The reply has that name until
 * then, and its name may be passed on, too. */
START_TEST(a_value_may_be_the_next_key)
{
    const size_t links = sizeof(chain) / sizeof(chain[0]);
    const unsigned char *key = (const unsigned char *)chain[0];
    size_t len = strlen(chain[0]);
    begin(1);
    for (size_t i = 0; i < links; i++) {
        store(chain[i], i + 1 < links ? chain[i + 1] : "the end");
    }
    for (size_t i = 0; i < links; i++) {
        for (int round = 0; round < 3; round++) {
            assert_rc(omcache_meta_get(client, key, len, NULL, &reply, -1), OMCACHE_OK);
            assert_reply(chain[i], i + 1 < links ? chain[i + 1] : "the end");
            key = omcache_reply_key(reply, &len);
        }
        key = omcache_reply_value(reply, &len);
    }
    end();
}
END_TEST

/* As many as there is room for have their values.  The others fail: nobody is late with them, and
 * what comes of them is no answer to the next request. */
static void get_more_than_there_is_room_for(omcache_t *mc)
{
    static const void *const keys[] = {"large-0", "large-1", "large-2", "large-3"};
    static const size_t lens[] = {7, 7, 7, 7};
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    size_t found = 0;
    assert_rc(omcache_meta_get_multi(mc, keys, lens, 4, NULL, replies, -1), OMCACHE_BUFFER_FULL);
    for (size_t i = 0; i < 4; i++) {
        size_t len;
        const unsigned char *value = omcache_reply_value(replies[i], &len);
        if (omcache_reply_status(replies[i]) == OMCACHE_OK) {
            assert_bytes(value, len, bulk, LARGE);
            found++;
        } else {
            assert_rc(omcache_reply_status(replies[i]), OMCACHE_BUFFER_FULL);
            ck_assert_ptr_null(value);
        }
    }
    ck_assert_uint_eq(found, 1);
    assert_rc(omcache_server_stats(mc, 0, &stats), OMCACHE_OK);
    ck_assert_uint_eq(stats.timeouts, 0);
    assert_rc(omcache_meta_get(mc, TEXT("small"), NULL, &reply, -1), OMCACHE_OK);
    assert_reply("small", "value");
}

static void get_too_much_inside(omcache_t *mc, const omcache_reply_t *own, void *context)
{
    size_t *calls = context;
    size_t len;
    const unsigned char *value = omcache_reply_value(own, &len);
    get_more_than_there_is_room_for(mc);
    assert_bytes(value, len, bulk, LARGE);
    ++*calls;
}

START_TEST(many_gets_tell_of_a_lack_of_room)
{
    size_t calls = 0;
    store_large_values(4);
    store("small", "value");
    get_more_than_there_is_room_for(client);
    assert_rc(omcache_async_get(client, TEXT("large-0"), -1, get_too_much_inside, &calls),
              OMCACHE_OK);
    drain(client);
    ck_assert_uint_eq(calls, 1);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("meta_waiting");
    TCase *tcase = operations_case(suite, "meta_waiting");
    tcase_add_test(tcase, each_returns_its_status_and_has_a_reply);
    tcase_add_test(tcase, flags_may_be_added);
    tcase_add_test(tcase, what_a_server_lacks_is_a_failure);
    tcase_add_loop_test(tcase, the_server_tells_what_it_knows_of_an_item, 0, 2);
    tcase_add_loop_test(tcase, what_it_tells_of_another_is_a_failure, 0, 2);
    tcase_add_test(tcase, a_value_that_is_known_is_not_sent);
    tcase_add_test(tcase, a_real_server_tells_no_lies_about_it);
    tcase_add_test(tcase, counters_count);
    tcase_add_test(tcase, one_reader_wins);
    tcase_add_test(tcase, what_nobody_hears_of_is_done);
    tcase_add_test(tcase, many_gets_have_a_reply_each);
    tcase_add_test(tcase, many_gets_tell_of_one_that_fails);
    tcase_add_test(tcase, a_value_may_be_passed_on);
    tcase_add_test(tcase, a_value_may_be_the_next_key);
    tcase_add_test(tcase, many_gets_tell_of_a_lack_of_room);
    tcase_add_test(tcase, they_end_in_time);
    tcase_add_test(tcase, what_cannot_be_is_refused);
    tcase_add_test(tcase, a_callback_may_wait);
    tcase_add_loop_test(tcase, a_callback_may_end_the_wait, 0, 2);
    tcase_add_loop_test(tcase, a_callback_may_free_the_handle, 0, 2);
    tcase_add_loop_test(tcase, a_log_callback_may_free_the_handle, 0, 2);
    return fixture_run(suite);
}
