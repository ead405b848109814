/*
 * Values that one reader makes, while the others wait or take the old one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/elder.h"
#include "support/operations.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/words.h"

#include <stdio.h>

#define READERS 50
#define SLOW 200  /* milliseconds that a maker takes */
#define SLACK 200 /* milliseconds that a server's clock is late */

static const omcache_fetch_policy_t usual = {
    .struct_size = sizeof(usual), .ttl = 100, .wait_msec = 5000};

static omcache_fetch_policy_t policy;
static const omcache_reply_t *reply;

static void begin(int protocol)
{
    fixture_servers(2);
    assert_rc(omcache_set_protocol(client, protocol), OMCACHE_OK);
    policy = usual;
}

static int fetch(const char *key)
{
    int rc = omcache_fetch(client, TEXT(key), &policy, &reply, 20000);
    ck_assert_ptr_nonnull(reply);
    assert_rc(omcache_reply_status(reply), rc);
    return omcache_reply_fetched(reply);
}

static int put(const char *key, const char *value, uint64_t token)
{
    return omcache_fetch_store(client, TEXT(key), TEXT(value), 7, token, &policy, 5000);
}

static void assert_value(const char *expected)
{
    size_t len;
    const unsigned char *value = omcache_reply_value(reply, &len);
    assert_text(value, len, expected);
}

/* Makes a value, which must be asked for. */
static void make(const char *key, const char *value)
{
    ck_assert_int_eq(fetch(key), OMCACHE_FETCH_MAKE);
    assert_rc(put(key, value, omcache_reply_cas(reply)), OMCACHE_OK);
}

static const int protocols[] = {OMCACHE_PROTOCOL_META, OMCACHE_PROTOCOL_TEXT,
                                OMCACHE_PROTOCOL_BINARY, OMCACHE_PROTOCOL_AUTO};

START_TEST(what_is_missing_is_to_be_made)
{
    size_t len;
    begin(protocols[_i]);
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
    ck_assert_ptr_null(omcache_reply_value(reply, NULL));
    ck_assert(omcache_reply_cas(reply) != 0 || _i == 1 || _i == 2);
    const unsigned char *key = omcache_reply_key(reply, &len);
    assert_text(key, len, "key");
    assert_rc(put("key", "made", omcache_reply_cas(reply)), OMCACHE_OK);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_FRESH);
        assert_value("made");
        ck_assert_uint_eq(omcache_reply_flags(reply), 7);
    }
    assert_missing("key:making");
    make("empty", "");
    ck_assert_int_eq(fetch("empty"), OMCACHE_FETCH_FRESH);
}
END_TEST

/* The readers of a test, which all want the same. */
static struct {
    size_t told, made, fresh, stale, waited, failed;
    int64_t make_at; /* when the maker is ready; 0: there is none */
    uint64_t token;
    bool dies; /* without a word */
} readers;

static void on_fetched(omcache_t *mc, const omcache_reply_t *own, void *context)
{
    size_t len;
    const unsigned char *value = omcache_reply_value(own, &len);
    (void)mc;
    (void)context;
    readers.told++;
    switch (omcache_reply_fetched(own)) {
    case OMCACHE_FETCH_FRESH:
        readers.fresh++;
        assert_text(value, len, "made");
        break;
    case OMCACHE_FETCH_STALE:
        readers.stale++;
        assert_text(value, len, "old");
        break;
    case OMCACHE_FETCH_MAKE:
        readers.made++;
        readers.token = omcache_reply_cas(own);
        readers.make_at = readers.dies ? 0 : clock_ms() + SLOW;
        readers.dies = false;
        break;
    case OMCACHE_FETCH_WAITED:
        readers.waited++;
        assert_rc(omcache_reply_status(own), OMCACHE_TIMEOUT);
        break;
    default:
        readers.failed++;
    }
}

static void start_readers(void)
{
    memset(&readers, 0, sizeof(readers));
    for (int i = 0; i < READERS; i++) {
        assert_rc(omcache_async_fetch(client, TEXT("key"), &policy, 20000, on_fetched, NULL),
                  OMCACHE_OK);
    }
}

/* Turns the loop until all readers have been told, and makes what is to be made. */
static void run_readers(void)
{
    int64_t start = clock_ms();
    while (readers.told < READERS) {
        omcache_io(client, NULL, NULL, NULL, NULL, 5);
        if (readers.make_at != 0 && clock_ms() >= readers.make_at) {
            readers.make_at = 0;
            assert_rc(omcache_async_fetch_store(client, TEXT("key"), TEXT("made"), 0, readers.token,
                                                &policy, 5000, NULL, NULL),
                      OMCACHE_OK);
        }
        assert_within(start, 15000);
    }
}

START_TEST(of_many_readers_one_makes_it)
{
    begin(protocols[_i]);
    start_readers();
    run_readers();
    ck_assert_uint_eq(readers.made, 1);
    ck_assert_uint_eq(readers.fresh, READERS - 1);
}
END_TEST

/* Another one does when its time is over. */
START_TEST(a_maker_may_die)
{
    int64_t start;
    begin(protocols[_i]);
    policy.making = 1;
    start_readers();
    readers.dies = true;
    start = clock_ms();
    run_readers();
    ck_assert_uint_eq(readers.made, 2);
    ck_assert_uint_eq(readers.fresh, READERS - 2);
    assert_within(start, 4000);
}
END_TEST

START_TEST(nobody_waits_longer_than_the_policy)
{
    int64_t start;
    begin(protocols[_i]);
    policy.wait_msec = 150;
    start_readers();
    readers.dies = true;
    start = clock_ms();
    run_readers();
    ck_assert_uint_eq(readers.made, 1);
    ck_assert_uint_eq(readers.waited, READERS - 1);
    ck_assert_int_ge(clock_ms() - start, 149);
    assert_within(start, 1000);
    policy.wait_msec = 0;
    start = clock_ms();
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_WAITED);
    policy.wait_msec = 100;
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_WAITED);
    ck_assert_int_ge(clock_ms() - start, 99);
    assert_within(start, 1000);
    policy.wait_msec = -1;
    assert_rc(omcache_fetch(client, TEXT("key"), &policy, &reply, 100), OMCACHE_TIMEOUT);
    assert_within(start, 2000);
}
END_TEST

/* All but one take it as it is. */
START_TEST(an_old_value_will_do_for_a_while)
{
    begin(OMCACHE_PROTOCOL_META);
    policy.ttl = 1;
    policy.stale = 100;
    make("key", "old");
    while (fetch("key") == OMCACHE_FETCH_FRESH) {
        assert_value("old");
        clock_sleep(20);
    }
    ck_assert_int_eq(omcache_reply_fetched(reply), OMCACHE_FETCH_MAKE);
    assert_value("old");
    uint64_t token = omcache_reply_cas(reply);
    start_readers();
    run_readers();
    ck_assert_uint_eq(readers.stale, READERS);
    policy.ttl = 1000;
    assert_rc(put("key", "new", token), OMCACHE_OK);
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_FRESH);
    assert_value("new");
}
END_TEST

/* Whose maker does nothing.  A server counts in whole seconds. */
START_TEST(no_value_is_older_than_allowed)
{
    int outcome = OMCACHE_FETCH_FRESH;
    int64_t made;
    bool is_claimed = false;
    begin(OMCACHE_PROTOCOL_META);
    policy.ttl = 1;
    policy.stale = 1;
    policy.wait_msec = 0;
    make("key", "old");
    made = clock_ms();
    for (size_t len = 1; outcome != OMCACHE_FETCH_MAKE || len > 0;) { /* then it is gone */
        int64_t age = clock_ms() - made;
        outcome = fetch("key");
        omcache_reply_value(reply, &len);
        if (outcome == OMCACHE_FETCH_FRESH) {
            ck_assert_int_le(age, 1000 + SLACK);
        } else if (len > 0) {
            ck_assert_int_le(age, 2000 + SLACK);
            is_claimed = is_claimed || outcome == OMCACHE_FETCH_MAKE;
        }
        assert_within(made, 6000);
        clock_sleep(10);
    }
    ck_assert(is_claimed);
    ck_assert_int_ge(clock_ms() - made, 1000);
}
END_TEST

START_TEST(a_value_may_be_made_before_the_old_one_runs_out)
{
    begin(OMCACHE_PROTOCOL_META);
    policy.refresh = 200;
    make("key", "old");
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
    assert_value("old");
    uint64_t token = omcache_reply_cas(reply);
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_FRESH);
    assert_value("old");
    assert_rc(put("key", "new", token), OMCACHE_OK);
}
END_TEST

/* What was made before an invalidation is not stored after it. */
START_TEST(an_invalidation_in_the_middle_wins)
{
    omcache_meta_t *meta = omcache_meta_new();
    begin(OMCACHE_PROTOCOL_META);
    policy.stale = 50;
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
    uint64_t token = omcache_reply_cas(reply);
    assert_rc(omcache_meta_set_invalidate(meta, 1), OMCACHE_OK);
    assert_rc(omcache_meta_set_ttl(meta, policy.stale), OMCACHE_OK);
    assert_rc(omcache_meta_delete(client, TEXT("key"), meta, NULL, 5000), OMCACHE_OK);
    assert_rc(put("key", "outdated", token), OMCACHE_KEY_EXISTS);
    make("key", "old");
    assert_rc(omcache_meta_delete(client, TEXT("key"), meta, NULL, 5000), OMCACHE_OK);
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
    assert_value("old");
    token = omcache_reply_cas(reply);
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_STALE);
    assert_value("old");
    assert_rc(omcache_delete(client, TEXT("key"), 5000), OMCACHE_OK);
    assert_rc(put("key", "outdated", token), OMCACHE_NOT_FOUND);
    omcache_meta_free(meta);
}
END_TEST

/* The next reader makes it, at once; an old value is there meanwhile. */
START_TEST(a_maker_may_give_up)
{
    begin(protocols[_i]);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
        assert_rc(omcache_fetch_abandon(client, TEXT("key"), omcache_reply_cas(reply), 5000),
                  OMCACHE_OK);
    }
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
    uint64_t token = omcache_reply_cas(reply);
    assert_rc(omcache_async_fetch_abandon(client, TEXT("key"), token, -1, NULL, NULL), OMCACHE_OK);
    make("key", "old");
    if (token != 0) {
        assert_rc(omcache_fetch_abandon(client, TEXT("key"), token, 5000), OMCACHE_KEY_EXISTS);
        policy.refresh = 200;
        ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
        token = omcache_reply_cas(reply);
        ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_FRESH);
        assert_rc(omcache_fetch_abandon(client, TEXT("key"), token, 5000), OMCACHE_OK);
        ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
        assert_value("old");
        ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_STALE);
        assert_value("old");
    }
    assert_rc(omcache_fetch_abandon(client, "", 0, 0, 5000), OMCACHE_INVALID);
    assert_rc(omcache_fetch_abandon(client, NULL, 3, 1, 5000), OMCACHE_INVALID);
}
END_TEST

/* Where no old value may be used, and where one may; and a maker who dies after that is replaced.
 */
START_TEST(what_is_invalidated_is_made_anew)
{
    begin(protocols[_i % 4]);
    policy.stale = _i < 4 ? 0 : 50;
    bool has_old = policy.stale > 0 && (_i % 4 == 0 || _i % 4 == 3);
    make("key", "old");
    assert_rc(omcache_fetch_invalidate(client, TEXT("key"), &policy, 5000), OMCACHE_OK);
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
    ck_assert((omcache_reply_value(reply, NULL) != NULL) == has_old);
    assert_rc(put("key", "new", omcache_reply_cas(reply)), OMCACHE_OK);
    assert_rc(omcache_async_fetch_invalidate(client, TEXT("key"), &policy, 5000, NULL, NULL),
              OMCACHE_OK);
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
    assert_rc(put("key", "newer", omcache_reply_cas(reply)), OMCACHE_OK);
    assert_rc(omcache_fetch_invalidate(client, TEXT("none"), &policy, 5000), OMCACHE_NOT_FOUND);
    assert_rc(omcache_fetch_invalidate(client, TEXT("none"), NULL, 5000), OMCACHE_INVALID);
    assert_rc(omcache_fetch_invalidate(client, TEXT("none"), &policy, 0), OMCACHE_INVALID);
}
END_TEST

/* A maker's placeholder, too, which then ends in its time. */
START_TEST(an_invalidation_does_not_make_it_eternal)
{
    begin(OMCACHE_PROTOCOL_META);
    policy.making = 1;
    policy.stale = _i;
    policy.wait_msec = 5000;
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
    assert_rc(omcache_fetch_invalidate(client, TEXT("key"), &policy, 5000), OMCACHE_OK);
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE); /* and dies */
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
}
END_TEST

/* What a call has handed out may be the key of the next one, in each of its steps. */
START_TEST(a_value_may_be_the_next_key)
{
    const unsigned char *key;
    size_t len;
    begin(protocols[_i]);
    store("name", "the-key-itself");
    for (int round = 0; round < 3; round++) {
        assert_rc(omcache_get(client, TEXT("name"), &key, &len, NULL, NULL, -1), OMCACHE_OK);
        assert_rc(omcache_fetch(client, key, len, &policy, &reply, 20000), OMCACHE_OK);
        ck_assert_int_eq(omcache_reply_fetched(reply), OMCACHE_FETCH_MAKE);
        key = omcache_reply_key(reply, &len);
        assert_text(key, len, "the-key-itself");
        assert_rc(omcache_fetch_store(client, key, len, key, len, 7, omcache_reply_cas(reply),
                                      &policy, 5000),
                  OMCACHE_OK);
        ck_assert_int_eq(fetch("the-key-itself"), OMCACHE_FETCH_FRESH);
        key = omcache_reply_value(reply, &len);
        assert_text(key, len, "the-key-itself");
        assert_rc(omcache_fetch_invalidate(client, key, len, &policy, 5000), OMCACHE_OK);
    }
}
END_TEST

/* The lock goes when the store has ended, and not before, however that is. */
START_TEST(a_lock_goes_with_the_store)
{
    static char large[2000000];
    bool waits = _i % 2 == 0;
    begin(protocols[1 + _i / 2 % 2]);
    memset(large, 'l', sizeof(large));
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
    if (waits) {
        int rc =
            omcache_fetch_store(client, TEXT("key"), large, sizeof(large), 0, 0, &policy, 5000);
        assert_rc_either(rc, OMCACHE_TOO_LARGE_VALUE, OMCACHE_SERVER_FAILURE);
    } else {
        assert_rc(omcache_async_fetch_store(client, TEXT("key"), large, sizeof(large), 0, 0,
                                            &policy, 5000, NULL, NULL),
                  OMCACHE_OK);
        omcache_io(client, NULL, NULL, NULL, NULL, 5000);
    }
    policy.wait_msec = 1000;
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
    assert_rc(omcache_fetch_store(client, TEXT("key"), "", 0, 0, 0, &policy, 0), OMCACHE_INVALID);
}
END_TEST

/* The wait is said to have ended, by whatever limit it was. */
START_TEST(the_timeout_ends_the_wait)
{
    begin(protocols[_i]);
    policy.wait_msec = -1;
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
    assert_rc(omcache_fetch(client, TEXT("key"), &policy, &reply, 150), OMCACHE_TIMEOUT);
    ck_assert_int_eq(omcache_reply_fetched(reply), OMCACHE_FETCH_WAITED);
    memset(&readers, 0, sizeof(readers));
    assert_rc(omcache_async_fetch(client, TEXT("key"), &policy, 150, on_fetched, NULL), OMCACHE_OK);
    omcache_io(client, NULL, NULL, NULL, NULL, 5000);
    ck_assert_uint_eq(readers.waited, 1);
    assert_rc(omcache_async_fetch(client, TEXT("key"), &policy, 0, on_fetched, NULL),
              OMCACHE_INVALID);
}
END_TEST

static void note_status(omcache_t *mc, const omcache_reply_t *own, void *context)
{
    int *status = context;
    (void)mc;
    ck_assert_int_eq(omcache_reply_fetched(own), OMCACHE_FETCH_NONE);
    ck_assert_int_eq(*status, -1);
    *status = omcache_reply_status(own);
}

/* Also while it does nothing but wait; and so long there is something to wait for. */
START_TEST(a_fetch_can_be_cancelled)
{
    int status = -1;
    begin(protocols[_i / 2]);
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
    assert_rc(omcache_async_fetch(client, TEXT("key"), &policy, 20000, note_status, &status),
              OMCACHE_OK);
    assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 100), OMCACHE_AGAIN);
    ck_assert_int_eq(status, -1);
    if (_i % 2 == 0) {
        assert_rc(omcache_reset_buffers(client), OMCACHE_OK);
        assert_rc(omcache_io(client, NULL, NULL, NULL, NULL, 1000), OMCACHE_OK);
    } else {
        omcache_t *mc = client;
        fixture_forget(mc);
        assert_rc(omcache_free(mc), OMCACHE_OK);
    }
    assert_rc(status, OMCACHE_CANCELLED);
}
END_TEST

static void reset_inside(omcache_t *mc, const omcache_reply_t *own, void *context)
{
    bool *is_done = context;
    assert_rc(omcache_reply_status(own), OMCACHE_TIMEOUT);
    assert_rc(omcache_reset_buffers(mc), OMCACHE_OK);
    *is_done = true;
}

/* A call that waits, too, whether it asks or sleeps when a callback forgets all requests. */
START_TEST(a_callback_can_cancel_a_fetch)
{
    bool is_done = false;
    int64_t start;
    begin(protocols[_i]);
    const char *key = key_for(0);
    const char *silent = key_for(1);
    ck_assert_int_eq(fetch(key), OMCACHE_FETCH_MAKE);
    memcached_pause(&fleet.servers[1]);
    assert_rc(omcache_async_get(client, TEXT(silent), 60, reset_inside, &is_done), OMCACHE_OK);
    start = clock_ms();
    ck_assert_int_eq(fetch(key), OMCACHE_FETCH_NONE);
    assert_rc(omcache_reply_status(reply), OMCACHE_CANCELLED);
    ck_assert(is_done);
    assert_within(start, 2000);
}
END_TEST

START_TEST(failures_are_told)
{
    begin(protocols[_i]);
    memcached_kill(&fleet.servers[0]);
    memcached_kill(&fleet.servers[1]);
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_NONE);
    assert_rc(omcache_reply_status(reply), OMCACHE_SERVER_FAILURE);
    assert_rc(omcache_set_servers(client, ""), OMCACHE_OK);
    assert_rc(omcache_async_fetch(client, TEXT("key"), &policy, -1, on_fetched, NULL),
              OMCACHE_NO_SERVERS);
}
END_TEST

/*
 * Servers that only know how to delete.
 */

static struct elder elder;

static void give_no_room(omcache_t *mc, const omcache_reply_t *own, void *context)
{
    (void)context;
    assert_rc(omcache_reply_status(own), OMCACHE_INVALID);
    assert_rc(omcache_set_send_buffer_max_size(mc, 1), OMCACHE_OK);
}

/* Begins with a server that turns out not to speak meta. */
static void begin_with_elder(const char *present)
{
    elder = ELDER_INIT(ELDER_1_4_39);
    const struct peer *peer = peer_start(0, elder_serve, &elder);
    for (int i = 0; i < 2; i++) {
        client = fixture_client(peer_address(peer));
        assert_rc(
            omcache_set_protocol(client, i == 0 ? OMCACHE_PROTOCOL_TEXT : OMCACHE_PROTOCOL_AUTO),
            OMCACHE_OK);
        if (i == 0) {
            store(present, "old");
            omcache_free(client); /* the peer has one connection at a time */
            fixture_forget(client);
        }
    }
    policy = usual;
    policy.stale = 50;
}

static void end_with_elder(void)
{
    omcache_free(client);
    fixture_forget(client);
    peer_stop_all();
    elder_clear(&elder);
}

/* Which is found out when the invalidation has been accepted. */
START_TEST(an_invalidation_is_a_delete_where_there_is_nothing_else)
{
    const char *key = _i == 1 ? "none" : "key";
    int status = -1;
    begin_with_elder("key");
    if (_i == 3) {
        assert_rc(omcache_async_meta_get(client, TEXT("other"), NULL, -1, give_no_room, NULL),
                  OMCACHE_OK);
    }
    assert_rc(omcache_async_fetch_invalidate(client, TEXT(key), &policy, 5000,
                                             _i == 2 ? NULL : note_status, &status),
              OMCACHE_OK);
    drain(client);
    static const int expected[] = {OMCACHE_OK, OMCACHE_NOT_FOUND, -1, OMCACHE_BUFFER_FULL};
    ck_assert_int_eq(status, expected[_i]);
    ck_assert(elder_has(&elder, "key") == (_i == 1 || _i == 3));
    end_with_elder();
}
END_TEST

/* The lock goes before the maker is told. */
START_TEST(a_store_is_told_of)
{
    int status = -1;
    begin(protocols[_i]);
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
    assert_rc(omcache_async_fetch_store(client, TEXT("key"), TEXT("made"), 0,
                                        omcache_reply_cas(reply), &policy, 5000, note_status,
                                        &status),
              OMCACHE_OK);
    drain(client);
    assert_rc(status, OMCACHE_OK);
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_FRESH);
    assert_value("made");
    assert_missing("key:making");
}
END_TEST

/* Once there is something to send.  Its answer has come then, and another step would follow. */
static void receive_and_free(omcache_t *mc, int fd, short events, void *context)
{
    const int *status = context;
    (void)fd;
    if ((events & POLLOUT) == 0 || rounds++ > 0) {
        return;
    }
    assert_rc(omcache_io(mc, NULL, NULL, NULL, NULL, 5000), OMCACHE_OK);
    ck_assert_int_eq(*status, -1);
    fixture_forget(mc);
    assert_rc(omcache_free(mc), OMCACHE_OK);
    assert_rc(*status, OMCACHE_CANCELLED);
}

START_TEST(the_call_that_begins_a_fetch_may_free_the_handle)
{
    int status = -1;
    begin(protocols[_i]);
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE); /* so that there is one to wait for */
    omcache_t *mc = client;
    assert_rc(omcache_set_watch_callback(mc, receive_and_free, &status), OMCACHE_OK);
    ck_assert_uint_eq(rounds, 0);
    assert_rc(omcache_async_fetch(mc, TEXT("key"), &policy, 20000, note_status, &status),
              OMCACHE_OK);
    ck_assert_uint_ge(rounds, 1);
    assert_rc(status, OMCACHE_CANCELLED);
}
END_TEST

/*
 * A lock in vain: another maker stores the value between the look and the lock.  One server has
 * the value, the other one the lock.
 */

static size_t looks;

static void store_meanwhile(struct peer *peer, void *context)
{
    struct words words;
    (void)context;
    while (words_read(peer, &words)) {
        if (strcmp(words.word[0], "gets") != 0) {
            words_answer_text(peer, &words);
        } else if (looks++ == 0) {
            words_send(peer, "END\r\n");
        } else {
            clock_sleep(50); /* meanwhile the other server's end of file is seen */
            words_answer_text(peer, &words);
        }
    }
}

/* Closes when it has given the lock. */
static void lock_once(struct peer *peer, void *context)
{
    struct words words;
    (void)context;
    while (words_read(peer, &words)) {
        if (strcmp(words.word[0], "add") == 0) {
            words_send(peer, "STORED\r\n");
            return;
        }
        words_answer_text(peer, &words);
    }
}

static struct peer *locker;
static char vain_key[16];

static void begin_in_vain(void)
{
    char list[128];
    char lock[32];
    int number = 0;
    struct peer *values = peer_start(0, store_meanwhile, NULL);
    locker = peer_start(1, lock_once, NULL);
    snprintf(list, sizeof(list), "%s,%s", peer_address(values), peer_address(locker));
    client = fixture_client(list);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_TEXT), OMCACHE_OK);
    policy = usual;
    looks = 0;
    do {
        snprintf(vain_key, sizeof(vain_key), "key-%d", number++);
        snprintf(lock, sizeof(lock), "%s:making", vain_key);
    } while (omcache_server_index_for_key(client, TEXT(vain_key)) != 0 ||
             omcache_server_index_for_key(client, TEXT(lock)) != 1);
}

/* What the server of the lock was asked last. */
static void assert_unlocked(void)
{
    static char received[4096];
    char expected[64];
    int64_t start = clock_ms();
    size_t len;
    snprintf(expected, sizeof(expected), "delete %s:making\r\n", vain_key);
    do {
        assert_within(start, 5000);
        omcache_io(client, NULL, NULL, NULL, NULL, 5);
        len = peer_received(locker, (unsigned char *)received, sizeof(received) - 1);
        received[len] = '\0';
    } while (strstr(received, expected) == NULL);
}

static void note_fetch(omcache_t *mc, const omcache_reply_t *own, void *context)
{
    int *fetched = context;
    size_t len;
    const unsigned char *value = omcache_reply_value(own, &len);
    (void)mc;
    ck_assert_uint_gt(len, 9);
    assert_text(value + 9, len - 9, vain_key); /* "value of KEY" */
    *fetched = omcache_reply_fetched(own);
}

START_TEST(a_lock_in_vain_is_removed)
{
    int fetched = -1;
    begin_in_vain();
    if (_i == 0) {
        fetched = fetch(vain_key);
    } else {
        assert_rc(omcache_async_fetch(client, TEXT(vain_key), &policy, 20000, note_fetch, &fetched),
                  OMCACHE_OK);
        drain(client);
    }
    ck_assert_int_eq(fetched, OMCACHE_FETCH_FRESH);
    assert_unlocked();
}
END_TEST

/* Frees the handle when it is told of the connection of that number. */
static size_t connections;
static size_t free_at;

static void free_at_connection(omcache_t *mc, int fd, short events, void *context)
{
    bool *known = context;
    connections += events != 0 && !known[fd];
    known[fd] = events != 0;
    if (connections == free_at) {
        free_at = 0;
        fixture_forget(mc);
        assert_rc(omcache_free(mc), OMCACHE_OK);
    }
}

static void free_at_nth_connection(size_t number)
{
    static bool known[1000];
    connections = 0;
    free_at = number;
    assert_rc(omcache_set_watch_callback(client, free_at_connection, known), OMCACHE_OK);
}

/* Whichever step has made the connection: the look, the lock, or the removal of the lock. */
START_TEST(any_step_of_a_fetch_may_free_the_handle)
{
    begin_in_vain();
    free_at_nth_connection((size_t)_i);
    reply = (const omcache_reply_t *)vain_key; /* anything */
    assert_rc(omcache_fetch(client, TEXT(vain_key), &policy, &reply, 20000), OMCACHE_FAIL);
    ck_assert_ptr_null(reply);
    ck_assert_uint_eq(free_at, 0);
}
END_TEST

/* The store, or the removal of the lock. */
START_TEST(any_step_of_a_store_may_free_the_handle)
{
    begin_in_vain();
    free_at_nth_connection((size_t)_i);
    assert_rc(omcache_fetch_store(client, TEXT(vain_key), TEXT("made"), 0, 0, &policy, 20000),
              OMCACHE_FAIL);
    ck_assert_uint_eq(free_at, 0);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    omcache_fetch_policy_t bad[7] = {usual, usual, usual, usual, usual, usual, usual};
    char key[250];
    begin(OMCACHE_PROTOCOL_META);
    bad[0].struct_size = 1;
    bad[1].ttl = 0;
    bad[2].refresh = -1;
    bad[3].stale = INT64_MAX;
    bad[4].making = -1;
    bad[5].wait_msec = -2;
    bad[6].ttl = 315360001;
    for (int i = 0; i < 8; i++) {
        const omcache_fetch_policy_t *one = i < 7 ? &bad[i] : NULL;
        assert_rc(omcache_fetch(client, TEXT("key"), one, &reply, 1000), OMCACHE_INVALID);
        ck_assert_ptr_null(reply);
        assert_rc(omcache_async_fetch(client, TEXT("key"), one, -1, on_fetched, NULL),
                  OMCACHE_INVALID);
        assert_rc(omcache_fetch_store(client, TEXT("key"), "", 0, 0, 0, one, 100), OMCACHE_INVALID);
        assert_rc(omcache_async_fetch_store(client, TEXT("key"), "", 0, 0, 1, one, -1, NULL, NULL),
                  OMCACHE_INVALID);
        assert_rc(omcache_async_fetch_invalidate(client, TEXT("key"), one, -1, NULL, NULL),
                  OMCACHE_INVALID);
    }
    memset(key, 'k', sizeof(key));
    assert_rc(omcache_fetch_store(NULL, TEXT("key"), "", 0, 0, 0, &usual, 100), OMCACHE_INVALID);
    assert_rc(omcache_fetch_invalidate(NULL, TEXT("key"), &usual, 100), OMCACHE_INVALID);
    assert_rc(omcache_fetch_invalidate(client, key, 251, &usual, 100), OMCACHE_INVALID);
    assert_rc(omcache_fetch(NULL, TEXT("key"), &usual, &reply, 1000), OMCACHE_INVALID);
    assert_rc(omcache_fetch(client, TEXT("key"), &usual, NULL, 1000), OMCACHE_INVALID);
    assert_rc(omcache_fetch(client, TEXT("key"), &usual, &reply, 0), OMCACHE_INVALID);
    assert_rc(omcache_fetch(client, "", 0, &usual, &reply, 1000), OMCACHE_INVALID);
    assert_rc(omcache_fetch(client, key, 251, &usual, &reply, 1000), OMCACHE_INVALID);
    assert_rc(omcache_async_fetch(client, key, 251, &usual, -1, on_fetched, NULL), OMCACHE_INVALID);
    assert_rc(omcache_async_fetch(client, TEXT("key"), &usual, -1, NULL, NULL), OMCACHE_INVALID);
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_BINARY), OMCACHE_OK);
    assert_rc(omcache_fetch(client, key, 244, &usual, &reply, 1000), OMCACHE_INVALID); /* lock */
    assert_rc(omcache_fetch(client, key, 243, &usual, &reply, 1000), OMCACHE_OK);
}
END_TEST

/*
 * Values that the program has kept.
 */

/* As memcached 1.6.40 does; the item has the cas 5, and is what the context says besides. */
static void spare_known_values(struct peer *peer, void *context)
{
    const char *flags = context;
    struct words words;
    while (words_read(peer, &words)) {
        const char *cas = words_flag(&words, 'C');
        const char *number = words_flag(&words, 'O');
        if (cas != NULL && strcmp(cas, "C5") == 0) {
            words_send(peer, "HD %s k%s f0 c5 t100 h1 l3%s\r\n", number, words.word[1], flags);
        } else if (strcmp(words.word[0], "mg") == 0 && number != NULL) {
            words_send(peer, "VA 3 %s k%s f0 c5 t100 h1 l3%s\r\nold\r\n", number, words.word[1],
                       flags);
        } else {
            words_answer_meta(peer, &words);
        }
    }
}

/* A client of such a server, which sends these flags, too. */
static struct peer *begin_sparing(const char *flags)
{
    static char sent[8];
    snprintf(sent, sizeof(sent), "%s", flags);
    struct peer *peer = peer_start(0, spare_known_values, sent);
    client = fixture_client(peer_address(peer));
    assert_rc(omcache_set_protocol(client, OMCACHE_PROTOCOL_META), OMCACHE_OK);
    policy = usual;
    return peer;
}

/* The program keeps what it has fetched. */
static void know(void)
{
    policy.known = omcache_reply_cas(reply);
    policy.known_connection = omcache_reply_connection(reply);
}

/* Whether a value is to be used is told of one that is not sent, too. */
START_TEST(what_is_known_is_not_sent)
{
    static const struct {
        const char *flags;
        int fetched;
    } cases[] = {
        {"", OMCACHE_FETCH_FRESH},
        {" X Z", OMCACHE_FETCH_STALE},
        {" Z", OMCACHE_FETCH_FRESH},
        {" W", OMCACHE_FETCH_MAKE},
    };
    begin_sparing(cases[_i].flags);
    policy.want = OMCACHE_META_WANT_WAS_HIT | OMCACHE_META_WANT_LAST_ACCESS;
    ck_assert_int_eq(fetch("key"), cases[_i].fetched);
    ck_assert_int_eq(omcache_reply_unchanged(reply), 0);
    assert_value("old");
    ck_assert_int_eq(omcache_reply_was_hit(reply), 1);
    ck_assert_int_eq(omcache_reply_last_access(reply), 3);
    know();
    ck_assert_int_eq(fetch("key"), cases[_i].fetched);
    ck_assert_int_eq(omcache_reply_unchanged(reply), 1);
    ck_assert_ptr_null(omcache_reply_value(reply, NULL));
    ck_assert_uint_eq(omcache_reply_cas(reply), 5);
    policy.known = 4;
    ck_assert_int_eq(fetch("key"), cases[_i].fetched);
    ck_assert_int_eq(omcache_reply_unchanged(reply), 0);
    assert_value("old");
    peer_stop_all();
}
END_TEST

/* A server that was restarted may give the same cas to another value. */
START_TEST(over_another_connection_it_is_sent)
{
    struct peer *peer = begin_sparing("");
    fetch("key");
    know();
    fetch("key");
    ck_assert_int_eq(omcache_reply_unchanged(reply), 1);
    peer_hang_up(peer);
    clock_sleep(20);
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_FRESH);
    ck_assert_int_eq(omcache_reply_unchanged(reply), 0);
    assert_value("old");
    ck_assert_uint_ne(omcache_reply_connection(reply), policy.known_connection);
    know();
    fetch("key");
    ck_assert_int_eq(omcache_reply_unchanged(reply), 1);
    policy.known_connection = 0;
    assert_rc(omcache_fetch(client, TEXT("key"), &policy, &reply, 1000), OMCACHE_INVALID);
    policy.known = 0; /* as where there is no cas */
    policy.known_connection = 1;
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_FRESH);
    peer_stop_all();
}
END_TEST

/* Who is to make the next value is not told that the old one is known, if that is not sure. */
START_TEST(a_maker_is_told_of_no_doubtful_value)
{
    begin_sparing(" W");
    policy.known = 5;
    policy.known_connection = 1;
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_MAKE);
    ck_assert_int_eq(omcache_reply_unchanged(reply), 0);
    ck_assert_ptr_null(omcache_reply_value(reply, NULL));
    peer_stop_all();
}
END_TEST

/* A reply's key may be a copy that the handle has, until another reply takes its place. */
static void fetch_inside(omcache_t *mc, const omcache_reply_t *answer, void *context)
{
    const omcache_reply_t *other;
    size_t len;
    const unsigned char *value;
    (void)answer;
    (void)context;
    assert_rc(omcache_get(mc, TEXT("source"), &value, &len, NULL, NULL, 5000), OMCACHE_OK);
    assert_rc_either(omcache_fetch(mc, value, len, &usual, &other, 5000), OMCACHE_OK,
                     OMCACHE_TIMEOUT);
}

START_TEST(a_key_that_was_handed_out_is_kept_while_it_is_stored)
{
    const unsigned char *name, *key;
    size_t len;
    begin(OMCACHE_PROTOCOL_TEXT);
    store("source", "a-name");
    assert_rc(omcache_get(client, TEXT("source"), &name, &len, NULL, NULL, -1), OMCACHE_OK);
    policy.wait_msec = 0;
    assert_rc(omcache_fetch(client, name, len, &policy, &reply, 5000), OMCACHE_OK);
    ck_assert_int_eq(omcache_reply_fetched(reply), OMCACHE_FETCH_MAKE);
    key = omcache_reply_key(reply, &len);
    assert_rc(omcache_async_get(client, TEXT("source"), -1, fetch_inside, NULL), OMCACHE_OK);
    assert_rc(omcache_fetch_store(client, key, len, TEXT("value"), 0, 0, &policy, 5000),
              OMCACHE_OK);
    ck_assert_int_eq(fetch("a-name"), OMCACHE_FETCH_FRESH);
    assert_missing("a-name:making");
}
END_TEST

/* Real servers that are older, and other protocols, send it. */
START_TEST(what_is_known_may_be_sent_all_the_same)
{
    begin(protocols[_i]);
    make("key", "value");
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_FRESH);
    know();
    ck_assert_int_eq(omcache_reply_connection(reply) != 0,
                     protocols[_i] == OMCACHE_PROTOCOL_META ||
                         protocols[_i] == OMCACHE_PROTOCOL_AUTO);
    if (policy.known_connection == 0) {
        policy.known_connection = 1;
    }
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_FRESH);
    if (!omcache_reply_unchanged(reply)) {
        assert_value("value");
    }
    policy.known++;
    ck_assert_int_eq(fetch("key"), OMCACHE_FETCH_FRESH);
    ck_assert_int_eq(omcache_reply_unchanged(reply), 0);
    assert_value("value");
    ck_assert_int_eq(fetch("other"), OMCACHE_FETCH_MAKE);
    policy.want = 1 << 20;
    assert_rc(omcache_fetch(client, TEXT("key"), &policy, &reply, 1000), OMCACHE_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fetch");
    TCase *tcase = operations_case(suite, "fetch");
    tcase_add_loop_test(tcase, what_is_missing_is_to_be_made, 0, 4);
    tcase_add_loop_test(tcase, of_many_readers_one_makes_it, 0, 4);
    tcase_add_loop_test(tcase, a_maker_may_die, 0, 3);
    tcase_add_loop_test(tcase, nobody_waits_longer_than_the_policy, 0, 3);
    tcase_add_test(tcase, an_old_value_will_do_for_a_while);
    tcase_add_test(tcase, no_value_is_older_than_allowed);
    tcase_add_test(tcase, a_value_may_be_made_before_the_old_one_runs_out);
    tcase_add_test(tcase, an_invalidation_in_the_middle_wins);
    tcase_add_loop_test(tcase, a_maker_may_give_up, 0, 3);
    tcase_add_loop_test(tcase, what_is_invalidated_is_made_anew, 0, 8);
    tcase_add_loop_test(tcase, an_invalidation_does_not_make_it_eternal, 0, 2);
    tcase_add_loop_test(tcase, a_value_may_be_the_next_key, 0, 4);
    tcase_add_loop_test(tcase, a_lock_goes_with_the_store, 0, 4);
    tcase_add_loop_test(tcase, the_timeout_ends_the_wait, 0, 3);
    tcase_add_loop_test(tcase, a_fetch_can_be_cancelled, 0, 6);
    tcase_add_loop_test(tcase, a_callback_can_cancel_a_fetch, 0, 3);
    tcase_add_loop_test(tcase, failures_are_told, 0, 3);
    tcase_add_loop_test(tcase, an_invalidation_is_a_delete_where_there_is_nothing_else, 0, 4);
    tcase_add_loop_test(tcase, a_store_is_told_of, 0, 3);
    tcase_add_loop_test(tcase, the_call_that_begins_a_fetch_may_free_the_handle, 0, 3);
    tcase_add_loop_test(tcase, a_lock_in_vain_is_removed, 0, 2);
    tcase_add_loop_test(tcase, any_step_of_a_fetch_may_free_the_handle, 1, 4);
    tcase_add_loop_test(tcase, any_step_of_a_store_may_free_the_handle, 1, 3);
    tcase_add_test(tcase, what_cannot_be_is_refused);
    tcase_add_loop_test(tcase, what_is_known_is_not_sent, 0, 4);
    tcase_add_test(tcase, a_key_that_was_handed_out_is_kept_while_it_is_stored);
    tcase_add_test(tcase, over_another_connection_it_is_sent);
    tcase_add_test(tcase, a_maker_is_told_of_no_doubtful_value);
    tcase_add_loop_test(tcase, what_is_known_may_be_sent_all_the_same, 0,
                        sizeof(protocols) / sizeof(protocols[0]));
    return fixture_run(suite);
}
