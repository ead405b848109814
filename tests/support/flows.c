/*
 * Every way to use a client.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/flows.h"

#include "support/fixture.h"
#include "support/told.h"
#include "support/unusable.h"
#include "support/watcher.h"
#include "support/wire.h"

#include <dirent.h>
#include <stdio.h>

#define KEYS 12
#define SLOTS 40
#define MOST_MS 5000

bool flow_may_lack_memory;
bool flow_may_lack_sockets;

static const char *running;
static bool speaks_meta; /* whatever becomes of its connections */

/* What a call or a request came to that nothing was wrong with. */
static void judge(const char *what, int rc)
{
    switch (rc) {
    case OMCACHE_OK:
    case OMCACHE_NOT_FOUND:
    case OMCACHE_KEY_EXISTS:
    case OMCACHE_NOT_STORED:
    case OMCACHE_DELTA_BAD_VALUE:
    case OMCACHE_BUFFERED:
    case OMCACHE_NO_SERVERS:
    case OMCACHE_SERVER_FAILURE:
        return;
    case OMCACHE_NO_DESCRIPTORS:
    case OMCACHE_NO_MEMORY:
        ck_assert_msg(flow_may_lack_memory || flow_may_lack_sockets, "%s: %s gave %s", running,
                      what, rc_name(rc));
        return;
    default:
        ck_abort_msg("%s: %s gave %s", running, what, rc_name(rc));
    }
}

/* What a setting came to: it fails only without memory. */
static void judge_setting(const char *what, int rc)
{
    ck_assert_msg(rc == OMCACHE_OK || (rc == OMCACHE_NO_MEMORY && flow_may_lack_memory),
                  "%s: %s gave %s", running, what, rc_name(rc));
}

#define JUDGE(call) judge(#call, call)
#define JUDGE_SETTING(call) judge_setting(#call, call)

static const char *key_at(size_t i)
{
    static char keys[4][16];
    char *key = keys[i % 4];
    snprintf(key, sizeof(keys[0]), "flow-%zu", i);
    return key;
}

/* Some keys for those calls that take several. */
struct keys {
    char text[KEYS][16];
    const unsigned char *bytes[KEYS];
    size_t lens[KEYS];
};

static void fill_keys(struct keys *keys)
{
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(keys->text[i], sizeof(keys->text[i]), "flow-%zu", i);
        keys->bytes[i] = (const unsigned char *)keys->text[i];
        keys->lens[i] = strlen(keys->text[i]);
    }
}

/*
 * Settings and server lists.
 */

static void use_settings(omcache_t *mc)
{
    static const char *const distributions[] = {"ketama-weighted", "modula", "virtual-bucket",
                                                "twemproxy",       "random", "ketama"};
    for (size_t i = 0; i < sizeof(distributions) / sizeof(distributions[0]); i++) {
        JUDGE_SETTING(omcache_set_distribution(mc, distributions[i], NULL));
    }
    JUDGE_SETTING(omcache_set_distribution_method(mc, &omcache_dist_libmemcached_ketama_weighted));
    JUDGE_SETTING(omcache_set_key_prefix(mc, "prefix:", 7, 1));
    JUDGE_SETTING(omcache_set_hash_tag(mc, "{}"));
    JUDGE_SETTING(omcache_set_connect_timeout(mc, MOST_MS));
    JUDGE_SETTING(omcache_set_failover(mc, OMCACHE_FAILOVER_NEXT));
    JUDGE_SETTING(omcache_set_credentials(mc, "user", 4, "word", 4));
    JUDGE_SETTING(omcache_set_credentials(mc, NULL, 0, NULL, 0)); /* these servers want none */
}

static void use_server_lists(omcache_t *mc, const char *servers)
{
    char list[512];
    omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
    snprintf(list, sizeof(list), "%s,a=127.0.0.1:2/?3, b=[::1]:3 ,/no/such/socket", servers);
    JUDGE_SETTING(omcache_set_servers(mc, list));
    use_settings(mc);
    JUDGE(omcache_set(mc, TEXT("{a}key"), TEXT("value"), 0, 0, 0, MOST_MS));
    JUDGE_SETTING(omcache_set_servers(mc, servers));
    JUDGE(omcache_get(mc, TEXT("{a}key"), NULL, NULL, NULL, NULL, MOST_MS));
    omcache_server_index_for_key(mc, TEXT("key"));
    omcache_server_info_t *info = omcache_server_info(mc, 0);
    if (info) {
        omcache_server_info_free(mc, info);
    }
    assert_rc_either(omcache_server_stats(mc, 0, &stats), OMCACHE_OK, OMCACHE_NO_SERVERS);
    JUDGE_SETTING(omcache_set_servers(mc, ""));
    JUDGE_SETTING(omcache_set_servers(mc, servers));
}

/*
 * Classic calls.
 */

static void store_all(omcache_t *mc, int32_t timeout)
{
    static const unsigned char value[20000];
    for (size_t i = 0; i < KEYS; i++) {
        JUDGE(omcache_set(mc, TEXT(key_at(i)), value, i % 2 ? i : 2000 * i, 0, 7, 0, timeout));
    }
}

static void use_commands(omcache_t *mc, int32_t timeout)
{
    uint64_t number;
    const unsigned char *value;
    size_t len;
    JUDGE(omcache_noop(mc, 0, timeout));
    JUDGE(omcache_delete(mc, TEXT("one"), timeout));
    JUDGE(omcache_add(mc, TEXT("one"), TEXT("value"), 100, 1, timeout));
    JUDGE(omcache_replace(mc, TEXT("one"), TEXT("other"), 100, 1, timeout));
    JUDGE(omcache_append(mc, TEXT("one"), TEXT("more"), 0, timeout));
    JUDGE(omcache_prepend(mc, TEXT("one"), TEXT("less"), 0, timeout));
    JUDGE(omcache_touch(mc, TEXT("one"), 100, timeout));
    JUDGE(omcache_get(mc, TEXT("one"), &value, &len, NULL, NULL, timeout));
    JUDGE(omcache_gat(mc, TEXT("one"), &value, &len, 100, NULL, NULL, timeout));
    JUDGE(omcache_delete(mc, TEXT("count"), timeout));
    JUDGE(omcache_increment(mc, TEXT("count"), 1, 5, 0, &number, timeout));
    JUDGE(omcache_decrement(mc, TEXT("count"), 1, 5, 0, &number, timeout));
    JUDGE(omcache_flush_all(mc, 1000000, 0, timeout));
}

/* What was handed out is the key and the value of the next one. */
static void pass_on_values(omcache_t *mc)
{
    const unsigned char *value;
    size_t len;
    JUDGE(omcache_set(mc, TEXT("link"), TEXT("next"), 0, 0, 0, MOST_MS));
    int rc = omcache_get(mc, TEXT("link"), &value, &len, NULL, NULL, MOST_MS);
    JUDGE(rc);
    if (rc == OMCACHE_OK) {
        JUDGE(omcache_set(mc, value, len, value, len, 0, 0, 0, MOST_MS));
    }
}

static void use_classic_calls(omcache_t *mc, const char *servers)
{
    JUDGE_SETTING(omcache_set_servers(mc, servers));
    store_all(mc, MOST_MS);
    pass_on_values(mc);
    use_commands(mc, MOST_MS);
}

/* Requests that nobody waits for, sent at once and collected. */
static void use_buffered_calls(omcache_t *mc, const char *servers)
{
    JUDGE_SETTING(omcache_set_servers(mc, servers));
    for (uint32_t buffering = 0; buffering < 2; buffering++) {
        assert_rc(omcache_set_buffering(mc, buffering), OMCACHE_OK);
        store_all(mc, 0);
        use_commands(mc, 0);
        JUDGE(omcache_io(mc, NULL, NULL, NULL, NULL, MOST_MS));
    }
    assert_rc(omcache_set_buffering(mc, 1), OMCACHE_OK);
    store_all(mc, 0);
    JUDGE_SETTING(omcache_reset_buffers(mc));
    assert_rc(omcache_set_buffering(mc, 0), OMCACHE_OK);
}

/* Quiet requests, of which a row may just fill the room that there is, and then needs some
 * more for the no-op behind it. */
static void use_quiet_calls(omcache_t *mc, const char *servers)
{
    char first[64];
    snprintf(first, sizeof(first), "%.*s", (int)strcspn(servers, ","), servers);
    JUDGE_SETTING(omcache_set_servers(mc, first));
    assert_rc(omcache_set_buffering(mc, 1), OMCACHE_OK);
    for (size_t count = 15; count <= 32; count += count == 17 ? 14 : 1) {
        for (size_t i = 0; i < count; i++) {
            JUDGE(omcache_get(mc, TEXT(key_at(i)), NULL, NULL, NULL, NULL, 0));
        }
        JUDGE(omcache_io(mc, NULL, NULL, NULL, NULL, MOST_MS));
    }
    assert_rc(omcache_set_buffering(mc, 0), OMCACHE_OK);
}

static void use_multi_gets(omcache_t *mc, const char *servers)
{
    struct keys keys;
    time_t expirations[KEYS] = {0};
    omcache_req_t reqs[KEYS];
    omcache_value_t values[KEYS];
    fill_keys(&keys);
    JUDGE_SETTING(omcache_set_servers(mc, servers));
    store_all(mc, MOST_MS);
    for (int gat = 0; gat < 2; gat++) {
        size_t count = KEYS;
        size_t room = KEYS;
        int rc = gat ? omcache_gat_multi(mc, keys.bytes, keys.lens, expirations, KEYS, reqs, &count,
                                         values, &room, MOST_MS)
                     : omcache_get_multi(mc, keys.bytes, keys.lens, KEYS, reqs, &count, values,
                                         &room, MOST_MS);
        judge(gat ? "gat_multi" : "get_multi", rc);
        ck_assert_uint_le(room, KEYS);
        for (size_t i = 0; i < room; i++) {
            judge("a value", values[i].status);
        }
    }
}

/* Each of the accepted requests of a batch has one answer. */
static void use_batches(omcache_t *mc, const char *servers)
{
    JUDGE_SETTING(omcache_set_servers(mc, servers));
    for (int32_t timeout = 0; timeout <= MOST_MS; timeout += MOST_MS) {
        omcache_req_t reqs[KEYS];
        omcache_value_t values[2 * KEYS];
        struct keys keys;
        size_t count = KEYS;
        size_t room = 0;
        size_t got = 0;
        fill_keys(&keys);
        for (size_t i = 0; i < KEYS; i++) {
            wire_request(&reqs[i], i % 3 ? -1 : 0, i % 3 ? WIRE_GETK : WIRE_NOOP,
                         i % 3 ? keys.text[i] : NULL);
        }
        JUDGE(omcache_command(mc, reqs, &count, NULL, &room, 0));
        size_t accepted = count;
        while (count > 0) {
            room = (size_t)2 * KEYS;
            assert_rc(omcache_io(mc, reqs, &count, values + got, &room, MOST_MS), OMCACHE_OK);
            got += room;
        }
        ck_assert_msg(got == accepted, "%s: %zu answers to %zu requests", running, got, accepted);
        for (size_t i = 0; i < got; i++) {
            judge("an answer", values[i].status);
        }
    }
}

static void use_statistics(omcache_t *mc, const char *servers)
{
    static omcache_value_t values[300];
    JUDGE_SETTING(omcache_set_servers(mc, servers));
    for (int i = 0; i < 2; i++) {
        size_t room = sizeof(values) / sizeof(values[0]);
        judge("stat", omcache_stat(mc, i ? "settings" : NULL, values, &room, 0, MOST_MS));
    }
    for (int i = 0; i < 2; i++) {
        uint64_t counts[OMCACHE_LATENCY_STEPS];
        size_t count = OMCACHE_LATENCY_STEPS;
        JUDGE(omcache_server_latency(mc, 0, counts, &count));
    }
}

/* What waits for a server that is not there goes to another one. */
static void use_failover(omcache_t *mc, const char *servers)
{
    char list[512];
    snprintf(list, sizeof(list), "%s,%s,/no/such/socket", servers, nobody());
    JUDGE_SETTING(omcache_set_servers(mc, list));
    assert_rc(omcache_set_buffering(mc, 1), OMCACHE_OK);
    store_all(mc, 0);
    for (size_t i = 0; i < KEYS; i++) {
        JUDGE(omcache_get(mc, TEXT(key_at(i)), NULL, NULL, NULL, NULL, 0));
        JUDGE(omcache_increment(mc, TEXT(key_at(KEYS + i)), 1, 5, 0, NULL, 0));
    }
    JUDGE(omcache_io(mc, NULL, NULL, NULL, NULL, MOST_MS));
    assert_rc(omcache_set_buffering(mc, 0), OMCACHE_OK);
    store_all(mc, MOST_MS);
}

/* A loop that polls what omcache_poll_fds says. */
static void use_poll_fds(omcache_t *mc, const char *servers)
{
    int64_t begun = clock_ms();
    int nfds = 1;
    JUDGE_SETTING(omcache_set_servers(mc, servers));
    store_all(mc, 0);
    for (int turn = 0; turn < 50 && nfds > 0; turn++) {
        int timeout;
        struct pollfd *fds = omcache_poll_fds(mc, &nfds, &timeout);
        if (fds && nfds > 0) {
            poll(fds, (nfds_t)nfds, timeout < 50 ? timeout : 50);
        }
        int rc = omcache_io(mc, NULL, NULL, NULL, NULL, 0);
        ck_assert_msg(rc == OMCACHE_OK || rc == OMCACHE_AGAIN, "io gave %s", rc_name(rc));
    }
    JUDGE(omcache_io(mc, NULL, NULL, NULL, NULL, MOST_MS));
    assert_within(begun, MOST_MS);
}

/*
 * Operations.
 */

static struct watcher loop;
static struct told told[SLOTS];
static size_t calls_due[SLOTS];
static size_t all_due;
static size_t slots;

/* Notes what an operation with so many completions came to, that of told[slots]. */
static void note(int rc, size_t calls)
{
    judge("an operation", rc);
    if (rc == OMCACHE_OK) {
        calls_due[slots] = calls;
        all_due += calls;
    }
    slots++;
    ck_assert_uint_lt(slots, SLOTS);
}

#define DONE MOST_MS, told_reply, &told[slots]

static void begin_operations(omcache_t *mc)
{
    memset(told, 0, sizeof(told));
    memset(calls_due, 0, sizeof(calls_due));
    all_due = slots = 0;
    told_clear();
    watcher_init(&loop, mc);
}

/* That each accepted operation was told of as often as it should. */
static void check_operations(void)
{
    for (size_t i = 0; i < slots; i++) {
        ck_assert_msg(told[i].calls == calls_due[i], "%s: %zu of %zu completions of operation %zu",
                      running, told[i].calls, calls_due[i], i);
        if (told[i].calls > 0 && told[i].status != OMCACHE_CANCELLED) {
            judge("a completion", told[i].status);
        }
    }
}

static void await_operations(void)
{
    int64_t begun = clock_ms();
    while (told_count < all_due) {
        ck_assert_msg(clock_ms() - begun < clock_allow(MOST_MS), "%s: %zu of %zu completions",
                      running, told_count, all_due);
        watcher_turn(&loop, 100);
    }
    check_operations();
}

static void start_operations(omcache_t *mc)
{
    struct keys keys;
    fill_keys(&keys);
    note(omcache_async_set(mc, TEXT("one"), TEXT("value"), 0, 1, 0, DONE), 1);
    note(omcache_async_add(mc, TEXT("two"), TEXT("value"), 0, 1, DONE), 1);
    note(omcache_async_replace(mc, TEXT("two"), TEXT("value"), 0, 1, DONE), 1);
    note(omcache_async_append(mc, TEXT("two"), TEXT("value"), 0, DONE), 1);
    note(omcache_async_prepend(mc, TEXT("two"), TEXT("value"), 0, DONE), 1);
    note(omcache_async_get(mc, TEXT("two"), DONE), 1);
    note(omcache_async_gat(mc, TEXT("two"), 100, DONE), 1);
    note(omcache_async_touch(mc, TEXT("two"), 100, DONE), 1);
    note(omcache_async_delete(mc, TEXT("count"), DONE), 1);
    note(omcache_async_increment(mc, TEXT("count"), 1, 5, 0, DONE), 1);
    note(omcache_async_decrement(mc, TEXT("count"), 1, 5, 0, DONE), 1);
    note(omcache_async_get_multi(mc, (const void *const *)keys.bytes, keys.lens, KEYS, DONE),
         KEYS + 1);
    note(omcache_async_set(mc, TEXT("three"), TEXT("value"), 0, 1, 0, 0, NULL, NULL), 0);
    note(omcache_async_delete(mc, TEXT("three"), 0, NULL, NULL), 0);
}

/* Those that name a server, if there is one. */
static void start_server_operations(omcache_t *mc)
{
    omcache_server_info_t *info = omcache_server_info(mc, 0);
    if (info == NULL) {
        return;
    }
    omcache_server_info_free(mc, info);
    note(omcache_async_noop(mc, 0, DONE), 1);
    note(omcache_async_version(mc, 0, DONE), 1);
    note(omcache_async_flush_all(mc, 1000000, 0, DONE), 1);
}

static void use_operations(omcache_t *mc, const char *servers)
{
    begin_operations(mc);
    JUDGE_SETTING(omcache_set_servers(mc, servers));
    start_operations(mc);
    start_server_operations(mc);
    await_operations();
    start_operations(mc);
    JUDGE_SETTING(omcache_reset_buffers(mc));
    await_operations();
    /* And some that are open when it is freed. */
    begin_operations(mc);
    start_operations(mc);
}

static void wait_at_timeout(omcache_t *mc, int msec, void *context)
{
    size_t *waits = context;
    (void)msec;
    if (++*waits % 2 == 1) {
        JUDGE(omcache_noop(mc, 0, MOST_MS));
    }
}

/* Their answers have flags. */
static void start_meta_gets(omcache_t *mc)
{
    for (int i = 0; i < 3 && speaks_meta; i++) {
        note(omcache_async_meta_get(mc, TEXT("one"), NULL, DONE), 1);
    }
}

/* Answers that come before the call has returned that has asked. */
static void use_early_answers(omcache_t *mc, const char *servers)
{
    size_t waits = 0;
    begin_operations(mc);
    JUDGE_SETTING(omcache_set_servers(mc, servers));
    JUDGE_SETTING(omcache_set_timeout_callback(mc, wait_at_timeout, &waits));
    start_operations(mc);
    start_meta_gets(mc);
    start_server_operations(mc);
    JUDGE_SETTING(omcache_set_timeout_callback(mc, NULL, NULL));
    await_operations();
}

struct stream {
    bool watches;
    size_t ends;
};

/* A server may be busy with its keys, too. */
static void on_stream(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct stream *stream = context;
    int status = omcache_reply_status(reply);
    (void)mc;
    if (status != OMCACHE_AGAIN && status != OMCACHE_TIMEOUT && status != OMCACHE_CANCELLED) {
        judge("a stream", status);
    }
    stream->ends +=
        status != OMCACHE_OK || (!stream->watches && omcache_reply_key(reply, NULL) == NULL);
}

/* Runs until a stream has ended that was accepted. */
static void await_stream(omcache_t *mc, const struct stream *stream, int accepted)
{
    int64_t since = clock_ms();
    judge("beginning a stream", accepted);
    while (accepted == OMCACHE_OK && stream->ends == 0) {
        ck_assert_msg(clock_ms() - since < clock_allow(MOST_MS), "%s: no end", running);
        omcache_io(mc, NULL, NULL, NULL, NULL, 2);
    }
}

/* Those that last for as long as it takes; the last one until the client is freed. */
static void use_streams(omcache_t *mc, const char *servers)
{
    static struct stream watch;
    static struct stream dump;
    watch = (struct stream){.watches = true};
    dump = (struct stream){.watches = false};
    JUDGE_SETTING(omcache_set_servers(mc, servers));
    int watches = omcache_async_watch(mc, "mutations", 0, MOST_MS, on_stream, &watch);
    int dumps = omcache_async_dump_keys(mc, 0, MOST_MS, on_stream, &dump);
    store_all(mc, MOST_MS);
    await_stream(mc, &dump, dumps);
    assert_rc(omcache_end_streams(mc, &watch), OMCACHE_OK);
    await_stream(mc, &watch, watches);
    JUDGE(omcache_async_watch(mc, NULL, 0, -1, on_stream, &watch));
}

/* Over other protocols than meta all are refused, or end so. */
static void use_options(omcache_t *mc, const char *servers)
{
    omcache_meta_t *meta = omcache_meta_new();
    int rc;
    begin_operations(mc);
    JUDGE_SETTING(omcache_set_servers(mc, servers));
    if (meta == NULL) {
        return;
    }
    assert_rc(omcache_meta_set_vivify(meta, 30), OMCACHE_OK);
    rc = omcache_async_meta_get(mc, TEXT("meta"), meta, MOST_MS, told_reply, &told[0]);
    omcache_meta_free(meta);
    if (rc != OMCACHE_INVALID) {
        note(rc, 1);
        note(omcache_async_meta_set(mc, TEXT("meta"), TEXT("value"), 1, NULL, DONE), 1);
        note(omcache_async_meta_arithmetic(mc, TEXT("count"), 1, NULL, DONE), 1);
        note(omcache_async_meta_debug(mc, TEXT("meta"), DONE), 1);
        note(omcache_async_meta_delete(mc, TEXT("meta"), NULL, DONE), 1);
    }
    await_operations();
}

/* The value of one becomes the key and the value of the next. */
static void pass_on_reply(omcache_t *mc)
{
    const omcache_reply_t *reply;
    size_t len;
    int rc = omcache_meta_get(mc, TEXT("flow-1"), NULL, &reply, MOST_MS);
    JUDGE(rc);
    const unsigned char *value = omcache_reply_value(reply, &len);
    if (len > 0) {
        JUDGE(omcache_meta_set(mc, value, len, value, len, 1, NULL, NULL, MOST_MS));
    }
}

static void use_waiting_options(omcache_t *mc, const char *servers)
{
    const omcache_reply_t *replies[KEYS];
    struct keys keys;
    int rc;
    fill_keys(&keys);
    JUDGE_SETTING(omcache_set_servers(mc, servers));
    rc = omcache_meta_set(mc, TEXT("flow-1"), TEXT("value"), 1, NULL, replies, MOST_MS);
    if (rc == OMCACHE_INVALID) {
        return;
    }
    judge("omcache_meta_set", rc);
    JUDGE(omcache_meta_get(mc, TEXT("flow-1"), NULL, replies, MOST_MS));
    JUDGE(omcache_meta_get_multi(mc, (const void *const *)keys.bytes, keys.lens, KEYS, NULL,
                                 replies, MOST_MS));
    JUDGE(omcache_meta_arithmetic(mc, TEXT("flow-2"), 1, NULL, replies, MOST_MS));
    pass_on_reply(mc);
    JUDGE(omcache_meta_delete(mc, TEXT("flow-1"), NULL, replies, MOST_MS));
}

/* Of what somebody else is making the end of the wait is as good as anything. */
static void judge_fetch(int status)
{
    if (status != OMCACHE_TIMEOUT) {
        judge("a fetch", status);
    }
}

/* What nobody makes, so that the second one waits in vain; and then it is not right any more. */
static void use_fetches_that_wait(omcache_t *mc, const omcache_fetch_policy_t *policy)
{
    const omcache_reply_t *reply;
    for (int i = 0; i < 2; i++) {
        judge_fetch(omcache_fetch(mc, TEXT("held"), policy, &reply, MOST_MS));
    }
    note(omcache_async_fetch_invalidate(mc, TEXT("held"), policy, DONE), 1);
    await_operations();
    JUDGE(omcache_fetch_invalidate(mc, TEXT("held"), policy, MOST_MS));
    JUDGE(omcache_set(mc, TEXT("link"), TEXT("held"), 0, 0, 0, MOST_MS));
    for (int i = 0; i < 2; i++) {
        const unsigned char *key;
        size_t len;
        if (omcache_get(mc, TEXT("link"), &key, &len, NULL, NULL, MOST_MS) != OMCACHE_OK) {
            continue;
        }
        if (i == 0) {
            judge_fetch(omcache_fetch(mc, key, len, policy, &reply, MOST_MS));
        } else {
            JUDGE(omcache_fetch_invalidate(mc, key, len, policy, MOST_MS));
        }
    }
    JUDGE(omcache_fetch_abandon(mc, TEXT("held"), 0, MOST_MS));
}

static void on_fetched(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    bool *is_told = context;
    (void)mc;
    ck_assert(!*is_told);
    *is_told = true;
    judge_fetch(omcache_reply_status(reply));
}

static void use_fetches(omcache_t *mc, const char *servers)
{
    const omcache_fetch_policy_t policy = {.struct_size = sizeof(policy), .ttl = 1, .wait_msec = 8};
    const omcache_reply_t *reply;
    bool is_told = false;
    JUDGE_SETTING(omcache_set_servers(mc, servers));
    for (int i = 0; i < 2; i++) {
        judge_fetch(omcache_fetch(mc, TEXT("fetched"), &policy, &reply, MOST_MS));
        if (reply != NULL && omcache_reply_fetched(reply) == OMCACHE_FETCH_MAKE) {
            judge("a store", omcache_fetch_store(mc, TEXT("fetched"), TEXT("value"), 0,
                                                 omcache_reply_cas(reply), &policy, MOST_MS));
        }
    }
    int rc = omcache_async_fetch(mc, TEXT("fetched-too"), &policy, MOST_MS, on_fetched, &is_told);
    JUDGE(rc);
    while (rc == OMCACHE_OK && !is_told) {
        omcache_io(mc, NULL, NULL, NULL, NULL, 100);
    }
    rc = omcache_async_fetch_store(mc, TEXT("fetched-too"), TEXT("value"), 0, 0, &policy, MOST_MS,
                                   NULL, NULL);
    JUDGE(rc);
    begin_operations(mc);
    use_fetches_that_wait(mc, &policy);
}

const struct flow flows[FLOWS] = {
    {"server lists and settings", use_server_lists},
    {"classic calls", use_classic_calls},
    {"buffered calls", use_buffered_calls},
    {"quiet calls", use_quiet_calls},
    {"gets of many keys", use_multi_gets},
    {"batches", use_batches},
    {"statistics", use_statistics},
    {"failover", use_failover},
    {"poll_fds", use_poll_fds},
    {"operations", use_operations},
    {"early answers", use_early_answers},
    {"streams", use_streams},
    {"meta options", use_options},
    {"meta options, waiting", use_waiting_options},
    {"fetches", use_fetches},
};

void flow_run_with(const struct flow *flow, omcache_t *mc, const char *servers)
{
    running = flow->name;
    slots = 0;
    flow->run(mc, servers);
}

void flow_run(const struct flow *flow, int protocol, const char *servers)
{
    omcache_t *mc = omcache_init();
    if (mc == NULL) {
        ck_assert(flow_may_lack_memory);
        return;
    }
    running = flow->name;
    speaks_meta = protocol == OMCACHE_PROTOCOL_META;
    assert_rc(omcache_set_protocol(mc, protocol), OMCACHE_OK);
    assert_rc(omcache_set_reconnect_timeout(mc, 10), OMCACHE_OK);
    int rc = fixture_try_secure(mc);
    JUDGE_SETTING(rc);
    if (rc == OMCACHE_OK) {
        flow_run_with(flow, mc, servers);
    }
    assert_rc(omcache_free(mc), OMCACHE_OK);
    check_operations();
}

size_t flow_open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count;
}

void flow_assert_recovery(omcache_t *mc, int count)
{
    int64_t begun = clock_ms();
    for (int server = 0; server < count; server++) {
        int rc;
        while ((rc = omcache_noop(mc, server, MOST_MS)) != OMCACHE_OK) {
            ck_assert_msg(rc == OMCACHE_NO_SERVERS || rc == OMCACHE_SERVER_FAILURE, "noop gave %s",
                          rc_name(rc));
            assert_within(begun, MOST_MS);
            clock_sleep(1);
        }
    }
}
