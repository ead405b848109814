/*
 * Classic calls at random.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/load.h"

#include "support/dice.h"
#include "support/fixture.h"
#include "support/ledger.h"
#include "support/storm.h"

#include <inttypes.h>

#define MANY 8
#define KEY(text, len) (const unsigned char *)(text), (len)

static unsigned char value[LEDGER_VALUE_MAX];

/* How long a call took, which had this timeout. */
static void note_time(int64_t begun, int32_t timeout)
{
    int64_t took = clock_ms() - begun;
    if (timeout < 0 && took > ledger.longest) {
        ledger.longest = took;
    }
    if (timeout >= 0 && took - timeout > ledger.latest) {
        ledger.latest = took - timeout;
    }
    if (timeout < 0 && took > clock_allow(LOAD_LONGEST_MS)) {
        ledger_wrong(&ledger.unended, "a call without limit took %" PRId64 " ms", took);
    }
}

/* Counts what a call returned; may_miss: what else than success it can meet. */
static void count_status(int rc, int may_miss)
{
    bool refused = rc == OMCACHE_NO_SERVERS || rc == OMCACHE_BUFFER_FULL;
    ledger.refused += refused;
    ledger.operations += !refused;
    ledger.succeeded += rc == OMCACHE_OK;
    ledger.missed += rc == may_miss;
    ledger.failed += rc == OMCACHE_SERVER_FAILURE;
    ledger.expired += rc == OMCACHE_AGAIN || rc == OMCACHE_BUFFERED;
    if (!refused && rc != OMCACHE_OK && rc != may_miss && rc != OMCACHE_SERVER_FAILURE &&
        rc != OMCACHE_AGAIN && rc != OMCACHE_BUFFERED) {
        ledger_wrong(&ledger.odd, "a call gave %s", rc_name(rc));
    }
}

static int32_t any_timeout(void)
{
    static const int32_t timeouts[] = {-1, -1, 0, 0, 1, 5, 20, 50, 100, 300};
    return timeouts[dice(sizeof(timeouts) / sizeof(timeouts[0]))];
}

static void write_key(unsigned id, bool add)
{
    char key[LEDGER_KEY_ROOM];
    size_t len = ledger_key(key, id);
    struct ledger_turn turn = ledger_write(id);
    size_t size = dice_once_in(100) ? dice(100000) : dice_once_in(10) ? dice(6000) : dice(300);
    size_t value_len = ledger_value(&turn, size, value);
    int32_t timeout = any_timeout();
    int64_t begun = clock_ms();
    int rc = add ? omcache_add(client, KEY(key, len), value, value_len, 0, 0, timeout)
                 : omcache_set(client, KEY(key, len), value, value_len, 0, 0, 0, timeout);
    note_time(begun, timeout);
    bool too_large = rc == OMCACHE_TOO_LARGE_VALUE;
    count_status(too_large ? OMCACHE_SERVER_FAILURE : rc, add ? OMCACHE_KEY_EXISTS : OMCACHE_OK);
    ledger_written(&turn,
                   rc == OMCACHE_OK                        ? LEDGER_STORED
                   : rc == OMCACHE_KEY_EXISTS || too_large ? LEDGER_NOT_STORED
                                                           : LEDGER_UNKNOWN,
                   0);
    if (add && rc == OMCACHE_OK) {
        ledger_judge_miss(&turn);
    }
}

static void read_key(unsigned id, bool touch)
{
    char key[LEDGER_KEY_ROOM];
    size_t len = ledger_key(key, id);
    struct ledger_turn turn = ledger_read(id);
    int32_t timeout = any_timeout();
    int64_t begun = clock_ms();
    const unsigned char *got;
    size_t got_len;
    uint64_t cas;
    int rc = touch ? omcache_gat(client, KEY(key, len), &got, &got_len, 0, NULL, &cas, timeout)
                   : omcache_get(client, KEY(key, len), &got, &got_len, NULL, &cas, timeout);
    note_time(begun, timeout);
    count_status(rc, OMCACHE_NOT_FOUND);
    if (rc == OMCACHE_OK) {
        ledger_judge(&turn, key, len, got, got_len);
        ledger_judge_cas(&turn, cas);
    } else if (rc == OMCACHE_NOT_FOUND) {
        ledger_judge_miss(&turn);
    }
}

static void count_key(bool up)
{
    char key[LEDGER_KEY_ROOM];
    unsigned id = dice(LEDGER_COUNTERS);
    size_t len = ledger_counter(key, id);
    int32_t timeout = any_timeout();
    int64_t begun = clock_ms();
    uint64_t number;
    int rc =
        up ? omcache_increment(client, KEY(key, len), 1, ledger_initial(id), 0, &number, timeout)
           : omcache_decrement(client, KEY(key, len), 1, ledger_initial(id), 0, &number, timeout);
    note_time(begun, timeout);
    count_status(rc, OMCACHE_OK);
    if (rc == OMCACHE_OK) {
        ledger_judge_number(id, number);
    }
}

static void remove_key(void)
{
    char key[LEDGER_KEY_ROOM];
    size_t len = ledger_key(key, (unsigned)dice_between(LEDGER_SOLID, LEDGER_KEYS - 1));
    int32_t timeout = any_timeout();
    int64_t begun = clock_ms();
    int rc = omcache_delete(client, KEY(key, len), timeout);
    note_time(begun, timeout);
    count_status(rc, OMCACHE_NOT_FOUND);
}

/* A batch of gets. */
struct batch {
    char texts[MANY][LEDGER_KEY_ROOM];
    const unsigned char *keys[MANY];
    size_t lens[MANY];
    struct ledger_turn turns[MANY];
    unsigned seen[MANY];
    size_t count;
};

static void judge_values(struct batch *batch, const omcache_value_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t place = 0;
        while (place < batch->count && !same_bytes(values[i].key, values[i].key_len,
                                                   batch->keys[place], batch->lens[place])) {
            place++;
        }
        if (place == batch->count) {
            ledger_wrong(&ledger.foreign, "get_multi gave '%s', which was not asked for",
                         printable(values[i].key, values[i].key_len));
            continue;
        }
        if (batch->seen[place]++ > 0) {
            ledger_wrong(&ledger.doubled, "get_multi gave key %zu twice", place);
        }
        count_status(values[i].status, OMCACHE_NOT_FOUND);
        if (values[i].status == OMCACHE_OK) {
            ledger_judge(&batch->turns[place], values[i].key, values[i].key_len, values[i].data,
                         values[i].data_len);
        }
    }
}

/* Goes on until the batch is finished, or gives it up. */
static void get_many(void)
{
    struct batch batch = {.count = 1 + dice(MANY)};
    omcache_req_t reqs[MANY];
    omcache_value_t values[MANY];
    unsigned first = dice(LEDGER_KEYS);
    bool patient = dice(3) > 0;
    for (unsigned i = 0; i < batch.count; i++) {
        batch.turns[i] = ledger_read((first + i * 7) % LEDGER_KEYS);
        batch.lens[i] = ledger_key(batch.texts[i], batch.turns[i].id);
        batch.keys[i] = (const unsigned char *)batch.texts[i];
    }
    size_t req_count = MANY, value_count = MANY;
    int32_t timeout = any_timeout();
    int64_t begun = clock_ms(), all_begun = begun;
    int rc = omcache_get_multi(client, batch.keys, batch.lens, batch.count, reqs, &req_count,
                               values, &value_count, timeout);
    note_time(begun, timeout);
    judge_values(&batch, values, rc == OMCACHE_BUFFERED ? 0 : value_count);
    while ((rc == OMCACHE_AGAIN || rc == OMCACHE_BUFFERED) && req_count > 0 && patient) {
        value_count = MANY;
        begun = clock_ms();
        rc = omcache_io(client, reqs, &req_count, values, &value_count, 20);
        note_time(begun, 20);
        judge_values(&batch, values, value_count);
        if (clock_ms() - all_begun > clock_allow(LOAD_LONGEST_MS)) {
            ledger_wrong(&ledger.unended, "get_multi is not finished");
            break;
        }
    }
    ledger.refused += rc == OMCACHE_NO_SERVERS || rc == OMCACHE_BUFFER_FULL;
}

static void wait_for_all(void)
{
    int32_t timeout = any_timeout();
    int64_t begun = clock_ms();
    int rc = omcache_io(client, NULL, NULL, NULL, NULL, timeout);
    note_time(begun, timeout);
    if (rc != OMCACHE_OK && rc != OMCACHE_AGAIN) {
        ledger_wrong(&ledger.odd, "omcache_io gave %s", rc_name(rc));
    }
}

static void ask_server(void)
{
    int32_t timeout = any_timeout();
    int64_t begun = clock_ms();
    int rc = omcache_noop(client, (int)dice(STORM_SERVERS), timeout);
    note_time(begun, timeout);
    count_status(rc, OMCACHE_OK);
}

void load_classic_turn(void)
{
    switch (dice(16)) {
    case 0:
    case 1:
    case 2:
        write_key(dice(LEDGER_KEYS), false);
        break;
    case 3:
        write_key(dice(LEDGER_KEYS), true);
        break;
    case 4:
        count_key(dice(2));
        break;
    case 5:
        remove_key();
        break;
    case 6:
    case 7:
    case 8:
        get_many();
        break;
    case 9:
        wait_for_all();
        break;
    case 10:
        ask_server();
        break;
    case 11:
        read_key(dice(LEDGER_KEYS), true);
        break;
    default:
        read_key(dice(LEDGER_KEYS), false);
        break;
    }
}

static void verify_key(unsigned id)
{
    char key[LEDGER_KEY_ROOM];
    size_t len = ledger_key(key, id);
    struct ledger_turn turn = ledger_read(id);
    const unsigned char *got;
    size_t got_len;
    uint64_t cas;
    int rc = OMCACHE_AGAIN;
    for (int i = 0; i < 100 && (rc == OMCACHE_AGAIN || rc == OMCACHE_NO_SERVERS ||
                                rc == OMCACHE_SERVER_FAILURE);
         i++) {
        if (i > 0) {
            clock_sleep(10);
        }
        rc = omcache_get(client, KEY(key, len), &got, &got_len, NULL, &cas, 2000);
    }
    if (rc == OMCACHE_OK) {
        ledger_judge(&turn, key, len, got, got_len);
        ledger_judge_cas(&turn, cas);
    } else if (rc == OMCACHE_NOT_FOUND) {
        ledger_judge_miss(&turn);
    } else {
        ledger_wrong(&ledger.odd, "in the end a get gave %s", rc_name(rc));
    }
}

void load_verify(void)
{
    storm_renew();
    for (unsigned id = 0; id < LEDGER_KEYS; id++) {
        verify_key(id);
    }
}
