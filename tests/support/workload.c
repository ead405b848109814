/*
 * Mixed operations on servers that come and go.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/workload.h"

#include "support/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define OUTSTANDING 500
#define KEYS 2000
#define COUNTERS 50
#define COUNTER_STEP 1000000 /* between what any two of them can be */
#define MANY 8
#define VALUE_MAX 20000
#define PHASES 10 /* in every other one of them a server is down */
#define TIMEOUT 5000
#define NONE (-1)

enum kind {
    GET,
    GET_MULTI,
    GAT,
    SET,
    ADD,
    REPLACE,
    APPEND,
    PREPEND,
    DELETE,
    TOUCH,
    INCREMENT,
    DECREMENT,
    NOOP,
    KINDS
};

/* What else than success an operation can meet at a server that works. */
static const int refusals[KINDS] = {
    [GET] = OMCACHE_NOT_FOUND,
    [GET_MULTI] = OMCACHE_NOT_FOUND,
    [GAT] = OMCACHE_NOT_FOUND,
    [SET] = NONE,
    [ADD] = OMCACHE_KEY_EXISTS,
    [REPLACE] = OMCACHE_NOT_FOUND,
    [APPEND] = OMCACHE_NOT_STORED,
    [PREPEND] = OMCACHE_NOT_STORED,
    [DELETE] = OMCACHE_NOT_FOUND,
    [TOUCH] = OMCACHE_NOT_FOUND,
    [INCREMENT] = OMCACHE_NOT_FOUND,
    [DECREMENT] = NONE,
    [NOOP] = NONE,
};

struct operation {
    bool busy;
    enum kind kind;
    size_t number;
    int32_t timeout;
    unsigned id; /* of its first key */
    unsigned seen[MANY];
};

static struct {
    struct operation operations[OUTSTANDING];
    size_t total;
    size_t accepted;
    size_t refused;
    size_t completed;
    size_t phase;
    size_t succeeded;
    size_t failed;        /* with the server */
    unsigned char *times; /* that each has completed */
    int64_t begun;
    void (*done)(void);
} work;

static unsigned any(unsigned below)
{
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
}

static size_t name(char *text, size_t size, bool counter, unsigned id)
{
    return (size_t)snprintf(text, size, counter ? "count-%u" : "key-%u", id);
}

/* A value tells whose it is with every byte: it is made of the key with a colon, and
 * of one letter. */
static unsigned char letter_of(unsigned id)
{
    return (unsigned char)('A' + id % 26);
}

static size_t make_value(unsigned char *value, unsigned id)
{
    size_t len = name((char *)value, 24, false, id);
    size_t filler = any(100) == 0 ? VALUE_MAX - 24 : 1 + any(200);
    value[len++] = ':';
    memset(value + len, letter_of(id), filler);
    return len + filler;
}

static bool is_value(const unsigned char *value, size_t len, unsigned id)
{
    unsigned char head[24];
    size_t head_len = name((char *)head, sizeof(head), false, id), at;
    head[head_len++] = ':';
    if (len < head_len || memcmp(value, head, head_len) != 0) {
        return false;
    }
    for (at = head_len; at < len; at += value[at] == head[0] ? head_len : 1) {
        if (value[at] != letter_of(id) &&
            (len - at < head_len || memcmp(value + at, head, head_len) != 0)) {
            return false;
        }
    }
    return true;
}

/* Check's own assertions each make a system call, also when they hold: too slow here. */
static void check_value(const unsigned char *value, size_t len, unsigned id)
{
    if (!is_value(value, len, id)) {
        ck_abort_msg("key-%u has %zu bytes '%s'", id, len, printable(value, len));
    }
}

static void check_outcome(const struct operation *op, const omcache_reply_t *reply)
{
    int status = omcache_reply_status(reply);
    if (status != OMCACHE_OK && status != OMCACHE_SERVER_FAILURE && status != refusals[op->kind] &&
        (status != OMCACHE_TIMEOUT || op->timeout < 0)) {
        ck_abort_msg("an operation of kind %d gave %s", (int)op->kind, rc_name(status));
    }
    work.succeeded += status == OMCACHE_OK;
    work.failed += status == OMCACHE_SERVER_FAILURE;
}

static void check_key(const omcache_reply_t *reply, bool counter, unsigned id)
{
    char key[24];
    size_t len, key_len = name(key, sizeof(key), counter, id);
    const unsigned char *told = omcache_reply_key(reply, &len);
    if (!same_bytes(told, len, key, key_len)) {
        ck_abort_msg("'%s' was asked for, this is '%s'", key, printable(told, len));
    }
}

static void check_reply(const struct operation *op, const omcache_reply_t *reply)
{
    bool counter = op->kind == INCREMENT || op->kind == DECREMENT;
    size_t len;
    const unsigned char *value = omcache_reply_value(reply, &len);
    if (op->kind != NOOP) {
        check_key(reply, counter, op->id);
    }
    if (omcache_reply_status(reply) != OMCACHE_OK) {
        return;
    }
    if (op->kind == GET || op->kind == GAT) {
        check_value(value, len, op->id);
    }
    if (counter) {
        uint64_t middle = (uint64_t)(op->id + 1) * COUNTER_STEP;
        uint64_t number = omcache_reply_number(reply);
        if (number < middle - COUNTER_STEP / 2 || number > middle + COUNTER_STEP / 2) {
            ck_abort_msg("count-%u is %llu", op->id, (unsigned long long)number);
        }
    }
}

static void fill(void);

static void complete(struct operation *op)
{
    if (!op->busy) {
        ck_abort_msg("operation %zu has completed before", op->number);
    }
    work.times[op->number]++;
    work.completed++;
    op->busy = false;
    fill();
    if (work.completed == work.total) {
        work.done();
    }
}

static void on_reply(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct operation *op = context;
    (void)mc;
    check_outcome(op, reply);
    check_reply(op, reply);
    complete(op);
}

static unsigned one_of_many(const struct operation *op, unsigned i)
{
    return (op->id + i * 7) % KEYS;
}

static void check_seen(const struct operation *op)
{
    for (unsigned i = 0; i < MANY; i++) {
        if (op->seen[i] != 1) {
            ck_abort_msg("key %u of a get_multi completed %u times", i, op->seen[i]);
        }
    }
}

static void on_one_of_many(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct operation *op = context;
    size_t len, value_len;
    const unsigned char *key = omcache_reply_key(reply, &len);
    const unsigned char *value = omcache_reply_value(reply, &value_len);
    unsigned i = 0;
    (void)mc;
    check_outcome(op, reply);
    if (key == NULL) {
        check_seen(op);
        complete(op);
        return;
    }
    for (char text[24]; i < MANY; i++) {
        if (same_bytes(text, name(text, sizeof(text), false, one_of_many(op, i)), key, len)) {
            break;
        }
    }
    if (i == MANY) {
        ck_abort_msg("'%s' was not asked for", printable(key, len));
    }
    op->seen[i]++;
    if (omcache_reply_status(reply) == OMCACHE_OK) {
        check_value(value, value_len, one_of_many(op, i));
    }
}

static int get_multi(struct operation *op)
{
    char texts[MANY][24];
    const void *keys[MANY];
    size_t key_lens[MANY];
    memset(op->seen, 0, sizeof(op->seen));
    for (unsigned i = 0; i < MANY; i++) {
        keys[i] = texts[i];
        key_lens[i] = name(texts[i], sizeof(texts[i]), false, one_of_many(op, i));
    }
    return omcache_async_get_multi(client, keys, key_lens, MANY, op->timeout, on_one_of_many, op);
}

static int begin(struct operation *op)
{
    static unsigned char value[VALUE_MAX];
    bool counter = op->kind == INCREMENT || op->kind == DECREMENT;
    uint64_t middle = (uint64_t)(op->id + 1) * COUNTER_STEP;
    char key[24];
    size_t len = name(key, sizeof(key), counter, op->id), value_len = make_value(value, op->id);
    switch (op->kind) {
    case GET_MULTI:
        return get_multi(op);
    case GAT:
        return omcache_async_gat(client, key, len, 0, op->timeout, on_reply, op);
    case SET:
        return omcache_async_set(client, key, len, value, value_len, 0, 0, 0, op->timeout, on_reply,
                                 op);
    case ADD:
        return omcache_async_add(client, key, len, value, value_len, 0, 0, op->timeout, on_reply,
                                 op);
    case REPLACE:
        return omcache_async_replace(client, key, len, value, value_len, 0, 0, op->timeout,
                                     on_reply, op);
    case APPEND:
        return omcache_async_append(client, key, len, value + value_len - 1, 1, 0, op->timeout,
                                    on_reply, op);
    case PREPEND:
        return omcache_async_prepend(client, key, len, value, len + 1, 0, op->timeout, on_reply,
                                     op);
    case DELETE:
        return omcache_async_delete(client, key, len, op->timeout, on_reply, op);
    case TOUCH:
        return omcache_async_touch(client, key, len, 0, op->timeout, on_reply, op);
    case INCREMENT:
        return omcache_async_increment(client, key, len, 1, 0, (time_t)OMCACHE_DELTA_NO_ADD,
                                       op->timeout, on_reply, op);
    case DECREMENT:
        return omcache_async_decrement(client, key, len, 1, middle, 0, op->timeout, on_reply, op);
    case NOOP:
        return omcache_async_noop(client, (int)(op->id % 3), op->timeout, on_reply, op);
    default:
        return omcache_async_get(client, key, len, op->timeout, on_reply, op);
    }
}

/* Kills the server or brings it back whose turn it is. */
static void change_phase(void)
{
    struct memcached *server = &fleet.servers[work.phase / 2 % 3];
    if (work.phase++ % 2 == 0) {
        memcached_kill(server);
    } else {
        memcached_restart(server);
    }
}

static void start(struct operation *op)
{
    op->kind = any(4) == 0 ? GET : (enum kind)any(KINDS);
    op->id = any(op->kind == INCREMENT || op->kind == DECREMENT ? COUNTERS : KEYS);
    op->timeout = any(2) == 0 ? -1 : TIMEOUT;
    op->number = work.accepted;
    int rc = begin(op);
    if (rc != OMCACHE_OK) {
        /* Only a server that was asked for by its number cannot be replaced. */
        ck_assert_int_eq(op->kind, NOOP);
        assert_rc(rc, OMCACHE_NO_SERVERS);
        work.refused++;
        return;
    }
    op->busy = true;
    work.accepted++;
    if (work.accepted >= (work.phase + 1) * work.total / PHASES) {
        change_phase();
    }
}

static void fill(void)
{
    static size_t slot;
    while (work.accepted < work.total && work.accepted - work.completed < OUTSTANDING) {
        while (work.operations[slot].busy) {
            slot = (slot + 1) % OUTSTANDING;
        }
        start(&work.operations[slot]);
    }
}

void workload_start(size_t total, void (*done)(void))
{
    memset(&work, 0, sizeof(work));
    work.total = total;
    work.done = done;
    work.times = calloc(total, 1);
    work.begun = clock_ms();
    fill();
}

void workload_check(void)
{
    ck_assert_uint_eq(work.accepted, work.total);
    ck_assert_uint_eq(work.completed, work.total);
    for (size_t i = 0; i < work.total; i++) {
        if (work.times[i] != 1) {
            ck_abort_msg("operation %zu completed %u times", i, work.times[i]);
        }
    }
    free(work.times);
    for (int i = 0; i < 3; i++) {
        omcache_server_stats_t stats = {.struct_size = sizeof(stats)};
        assert_rc(omcache_server_stats(client, i, &stats), OMCACHE_OK);
        ck_assert_uint_gt(stats.failures, 0);
        ck_assert_uint_gt(stats.connects, 1);
        ck_assert_uint_eq(stats.outstanding, 0);
    }
    ck_assert_uint_gt(work.succeeded, work.total / 10);
    printf("%zu operations in %lld ms: of their answers and keys %zu were OK, %zu failed with a "
           "server; %zu more were refused\n",
           work.total, (long long)(clock_ms() - work.begun), work.succeeded, work.failed,
           work.refused);
}
