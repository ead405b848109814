/*
 * Asynchronous operations at random.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/load.h"

#include "support/dice.h"
#include "support/fixture.h"
#include "support/ledger.h"
#include "support/storm.h"

#include <inttypes.h>

#define SLOTS 64
#define MANY 8
#define STARTED_PER_TURN 14

enum kind { GET, GAT, GET_MULTI, SET, ADD, DELETE, TOUCH, INCREMENT, DECREMENT, NOOP, VERSION };

struct operation {
    bool busy;
    enum kind kind;
    int32_t timeout;
    int64_t begun;
    unsigned counter;
    size_t count; /* of keys */
    struct ledger_turn turns[MANY];
    unsigned seen[MANY];
};

static struct operation operations[SLOTS];

/* The order in which slots are taken, so that the one that was given back last is taken
 * last: if its operation ends once more, it is noticed. */
static struct operation *idle[SLOTS];
static size_t idle_first;
static size_t idle_count;

/* For how long nobody had turned the loop before this turn: that is not the library's
 * delay. */
static int64_t absence;
static int64_t turned_at;

static void turn_loop(int msec)
{
    absence = clock_ms() - turned_at;
    watcher_turn(&storm_loop, msec);
    turned_at = clock_ms();
}

static void give_back(struct operation *op)
{
    op->busy = false;
    idle[(idle_first + idle_count++) % SLOTS] = op;
}

void load_async_begin(void)
{
    memset(operations, 0, sizeof(operations));
    idle_first = idle_count = 0;
    turned_at = clock_ms();
    for (size_t i = 0; i < SLOTS; i++) {
        give_back(&operations[i]);
    }
}

size_t load_async_busy(void)
{
    return SLOTS - idle_count;
}

static void note_time(const struct operation *op)
{
    int64_t took = clock_ms() - op->begun;
    if (op->timeout < 0 && took > ledger.longest) {
        ledger.longest = took;
    }
    if (op->timeout >= 0 && took - op->timeout - absence > ledger.latest) {
        ledger.latest = took - op->timeout - absence;
    }
}

static bool is_possible(const struct operation *op, int status)
{
    switch (status) {
    case OMCACHE_OK:
    case OMCACHE_SERVER_FAILURE:
    case OMCACHE_CANCELLED:
        return true;
    case OMCACHE_TIMEOUT:
        return op->timeout >= 0;
    case OMCACHE_NOT_FOUND:
        return op->kind != SET && op->kind != ADD && op->kind < NOOP;
    case OMCACHE_KEY_EXISTS:
        return op->kind == ADD;
    case OMCACHE_TOO_LARGE_VALUE:
        return op->kind == SET || op->kind == ADD;
    case OMCACHE_BUFFER_FULL:
    case OMCACHE_NO_SERVERS:
        return true;
    default:
        return false;
    }
}

static void count_status(const struct operation *op, int status)
{
    ledger.succeeded += status == OMCACHE_OK;
    ledger.missed += status == OMCACHE_NOT_FOUND || status == OMCACHE_KEY_EXISTS;
    ledger.failed += status == OMCACHE_SERVER_FAILURE || status == OMCACHE_BUFFER_FULL ||
                     status == OMCACHE_NO_SERVERS || status == OMCACHE_TOO_LARGE_VALUE;
    ledger.expired += status == OMCACHE_TIMEOUT;
    ledger.cancelled += status == OMCACHE_CANCELLED;
    if (!is_possible(op, status)) {
        ledger_wrong(&ledger.odd, "operation of kind %d: %s", (int)op->kind, rc_name(status));
    }
}

static enum ledger_end end_of_write(int status)
{
    return status == OMCACHE_OK                                                ? LEDGER_STORED
           : status == OMCACHE_KEY_EXISTS || status == OMCACHE_TOO_LARGE_VALUE ? LEDGER_NOT_STORED
                                                                               : LEDGER_UNKNOWN;
}

static bool key_is(const omcache_reply_t *reply, const char *key, size_t key_len)
{
    size_t len;
    const unsigned char *told = omcache_reply_key(reply, &len);
    return same_bytes(told, len, key, key_len);
}

/* The only, or one, of an operation's keys has its answer. */
static void judge_key(const struct operation *op, const struct ledger_turn *turn,
                      const omcache_reply_t *reply)
{
    bool gets = op->kind == GET || op->kind == GAT || op->kind == GET_MULTI;
    int status = omcache_reply_status(reply);
    char key[LEDGER_KEY_ROOM];
    size_t key_len = ledger_key(key, turn->id), len;
    const unsigned char *value = omcache_reply_value(reply, &len);
    if (!key_is(reply, key, key_len)) {
        ledger_wrong(&ledger.foreign, "'%s' is told of with another key", key);
    }
    if (op->kind == SET || op->kind == ADD) {
        ledger_written(turn, end_of_write(status), omcache_reply_cas(reply));
        if (op->kind == ADD && status == OMCACHE_OK) {
            ledger_judge_miss(turn);
        }
    } else if (gets && status == OMCACHE_OK) {
        ledger_judge(turn, key, key_len, value, len);
        ledger_judge_cas(turn, omcache_reply_cas(reply));
    } else if (status == OMCACHE_NOT_FOUND && op->kind != GET_MULTI && op->kind != DELETE) {
        ledger_judge_miss(turn);
    }
}

static void judge_counter(const struct operation *op, const omcache_reply_t *reply)
{
    char key[LEDGER_KEY_ROOM];
    size_t key_len = ledger_counter(key, op->counter);
    if (!key_is(reply, key, key_len)) {
        ledger_wrong(&ledger.foreign, "'%s' is told of with another key", key);
    }
    if (omcache_reply_status(reply) == OMCACHE_OK) {
        ledger_judge_number(op->counter, omcache_reply_number(reply));
    }
}

/* Which of a multi-get's keys this is; -1 if it is none. */
static int place_of(const struct operation *op, const omcache_reply_t *reply)
{
    char key[LEDGER_KEY_ROOM];
    for (size_t i = 0; i < op->count; i++) {
        if (key_is(reply, key, ledger_key(key, op->turns[i].id))) {
            return (int)i;
        }
    }
    return -1;
}

static void end_multi(struct operation *op)
{
    for (size_t i = 0; i < op->count; i++) {
        if (op->seen[i] == 0) {
            ledger_wrong(&ledger.unended, "key %zu of a get_multi has no end", i);
        }
    }
    note_time(op);
    give_back(op);
}

static void on_one_of_many(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct operation *op = context;
    (void)mc;
    if (!op->busy) {
        ledger_wrong(&ledger.doubled, "a get_multi has ended before");
        return;
    }
    count_status(op, omcache_reply_status(reply));
    if (omcache_reply_key(reply, NULL) == NULL) {
        end_multi(op);
        return;
    }
    int place = place_of(op, reply);
    if (place < 0) {
        ledger_wrong(&ledger.foreign, "a get_multi is told of a key that was not asked for");
        return;
    }
    if (op->seen[place]++ > 0) {
        ledger_wrong(&ledger.doubled, "key %d of a get_multi has ended before", place);
    }
    judge_key(op, &op->turns[place], reply);
}

static void on_reply(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct operation *op = context;
    (void)mc;
    if (!op->busy) {
        ledger_wrong(&ledger.doubled, "an operation has ended before");
        return;
    }
    count_status(op, omcache_reply_status(reply));
    if (op->kind == INCREMENT || op->kind == DECREMENT) {
        judge_counter(op, reply);
    } else if (op->kind < NOOP) {
        judge_key(op, &op->turns[0], reply);
    }
    note_time(op);
    give_back(op);
}

static int start_multi(struct operation *op)
{
    char texts[MANY][LEDGER_KEY_ROOM];
    const void *keys[MANY];
    size_t lens[MANY];
    unsigned first = dice(LEDGER_KEYS);
    op->count = 1 + dice(MANY);
    for (unsigned i = 0; i < op->count; i++) {
        op->turns[i] = ledger_read((first + i * 7) % LEDGER_KEYS);
        keys[i] = texts[i];
        lens[i] = ledger_key(texts[i], op->turns[i].id);
    }
    return omcache_async_get_multi(client, keys, lens, op->count, op->timeout, on_one_of_many, op);
}

static int start_write(struct operation *op, const char *key, size_t len)
{
    static unsigned char value[LEDGER_VALUE_MAX];
    size_t size = dice_once_in(100) ? dice(100000) : dice_once_in(10) ? dice(6000) : dice(300);
    op->turns[0] = ledger_write(op->turns[0].id);
    size_t value_len = ledger_value(&op->turns[0], size, value);
    int rc = op->kind == SET ? omcache_async_set(client, key, len, value, value_len, 0, 0, 0,
                                                 op->timeout, on_reply, op)
                             : omcache_async_add(client, key, len, value, value_len, 0, 0,
                                                 op->timeout, on_reply, op);
    if (rc != OMCACHE_OK) {
        ledger_written(&op->turns[0], LEDGER_NOT_STORED, 0);
    }
    return rc;
}

static int start_count(struct operation *op)
{
    char key[LEDGER_KEY_ROOM];
    op->counter = dice(LEDGER_COUNTERS);
    size_t len = ledger_counter(key, op->counter);
    uint64_t initial = ledger_initial(op->counter);
    return op->kind == INCREMENT
               ? omcache_async_increment(client, key, len, 1, initial, 0, op->timeout, on_reply, op)
               : omcache_async_decrement(client, key, len, 1, initial, 0, op->timeout, on_reply,
                                         op);
}

static int start(struct operation *op, unsigned id)
{
    char key[LEDGER_KEY_ROOM];
    size_t len = ledger_key(key, id);
    op->turns[0] = ledger_read(id);
    switch (op->kind) {
    case GET_MULTI:
        return start_multi(op);
    case GAT:
        return omcache_async_gat(client, key, len, 0, op->timeout, on_reply, op);
    case SET:
    case ADD:
        return start_write(op, key, len);
    case DELETE:
        return omcache_async_delete(client, key, len, op->timeout, on_reply, op);
    case TOUCH:
        return omcache_async_touch(client, key, len, 0, op->timeout, on_reply, op);
    case INCREMENT:
    case DECREMENT:
        return start_count(op);
    case NOOP:
        return omcache_async_noop(client, (int)dice(STORM_SERVERS), op->timeout, on_reply, op);
    case VERSION:
        return omcache_async_version(client, (int)dice(STORM_SERVERS), op->timeout, on_reply, op);
    default:
        return omcache_async_get(client, key, len, op->timeout, on_reply, op);
    }
}

static enum kind any_kind(void)
{
    static const enum kind kinds[] = {GET,       GET,  GET,     GET,       SET,      SET,
                                      SET,       GAT,  ADD,     DELETE,    TOUCH,    INCREMENT,
                                      DECREMENT, NOOP, VERSION, GET_MULTI, GET_MULTI};
    return kinds[dice(sizeof(kinds) / sizeof(kinds[0]))];
}

static int32_t any_timeout(void)
{
    return dice_once_in(4) ? -1 : dice_once_in(2) ? dice_between(0, 20) : dice_between(20, 500);
}

/* Starts the operation of the slot whose turn it is. */
static void start_any(void)
{
    struct operation *op = idle[idle_first];
    enum kind kind = any_kind();
    unsigned id =
        kind == DELETE ? (unsigned)dice_between(LEDGER_SOLID, LEDGER_KEYS - 1) : dice(LEDGER_KEYS);
    if ((kind == SET || kind == ADD) && ledger_is_busy(id)) {
        return;
    }
    *op =
        (struct operation){.kind = kind, .timeout = any_timeout(), .begun = clock_ms(), .count = 1};
    op->busy = true;
    int rc = start(op, id);
    if (rc == OMCACHE_OK) {
        idle_first = (idle_first + 1) % SLOTS;
        idle_count--;
        ledger.operations++;
        return;
    }
    op->busy = false;
    ledger.refused++;
    if (rc != OMCACHE_NO_SERVERS && rc != OMCACHE_BUFFER_FULL &&
        (rc != OMCACHE_INVALID || kind < NOOP)) {
        ledger_wrong(&ledger.odd, "kind %d is refused: %s", (int)kind, rc_name(rc));
    }
}

void load_async_turn(void)
{
    static size_t renewals;
    if (renewals != storm_renewals && load_async_busy() > 0) {
        ledger_wrong(&ledger.unended, "%zu operations have survived omcache_free",
                     load_async_busy());
        load_async_begin();
    }
    renewals = storm_renewals;
    for (unsigned left = dice(STARTED_PER_TURN); left > 0 && idle_count > 0; left--) {
        start_any();
    }
    turn_loop(1);
}

void load_async_finish(void)
{
    int64_t begun = clock_ms();
    while (load_async_busy() > 0 && clock_ms() - begun < clock_allow(LOAD_LONGEST_MS)) {
        turn_loop(10);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        if (operations[i].busy) {
            ledger_wrong(&ledger.unended,
                         "an operation of kind %d has not ended after %" PRId64 " ms, of %d",
                         (int)operations[i].kind, clock_ms() - operations[i].begun,
                         operations[i].timeout);
        }
    }
}
