/*
 * Gets of many keys at once.
 */
#include <string.h>

#include "api/arguments.h"
#include "api/call.h"
#include "api/raw.h"
#include "client/handle.h"
#include "omcache.h"
#include "proto/opcode.h"

/* What is asked for: count keys, each with an expiration if there are some. */
struct question {
    uint8_t op;
    const unsigned char **keys;
    const size_t *key_lens;
    size_t count;
    const time_t *expirations;
};

static bool keys_are_valid(const struct question *question, size_t key_max)
{
    for (size_t i = 0; i < question->count; i++) {
        if (question->keys[i] == NULL || question->key_lens[i] == 0 ||
            question->key_lens[i] > key_max)
            return false;
    }
    return true;
}

static bool is_valid(const omcache_t *mc, const struct question *question,
                     const omcache_req_t *reqs, const size_t *req_count)
{
    return omc_call_is_allowed(mc) && question->keys != NULL && question->key_lens != NULL &&
           reqs != NULL && req_count != NULL && *req_count >= question->count &&
           keys_are_valid(question, OMC_ASK_KEY_MAX - mc->fleet.routing.keys.prefix_len);
}

/* What is asked about one of the keys. */
static struct omc_ask make_ask(const struct question *question, size_t place)
{
    struct omc_ask ask = {
        .op = question->op,
        .key = question->keys[place],
        .key_len = (uint8_t)question->key_lens[place],
    };

    if (question->expirations != NULL)
        ask.expiration = omc_arguments_expiration(question->expirations[place]);
    return ask;
}

static void order_keys(struct omc_order *orders, const struct question *question, bool waits)
{
    for (size_t i = 0; i < question->count; i++) {
        orders[i].ask = make_ask(question, i);
        omc_batch_order(&orders[i], &orders[i].ask, -1, waits);
    }
}

/* Gives the caller the requests although none is asked. */
static void fill_unasked(omcache_req_t *reqs, const struct question *question)
{
    for (size_t i = 0; i < question->count; i++) {
        const struct omc_ask ask = make_ask(question, i);

        omc_raw_write(&ask, &reqs[i]);
    }
}

/* Gives the caller the requests, in the order of the batch. */
static void fill_requests(const omcache_t *mc, omcache_req_t *reqs, size_t count)
{
    const struct omc_batch *batch = &mc->batch;

    for (uint32_t i = 0; i < count; i++) {
        const struct omc_order *order = &batch->orders[batch->ranks[i]];

        omc_raw_write(&order->ask, &reqs[i]);
        if (i < batch->count)
            omc_raw_complete(&reqs[i], batch->first + i, order->server_index);
    }
}

static int run(omcache_t *mc, const struct question *question, omcache_req_t *reqs,
               struct omc_call *call)
{
    int rc = omc_call_order(mc, call->count);
    bool collect;

    if (rc != OMCACHE_OK || call->count == 0) {
        fill_unasked(reqs, question);
        call->count = 0;
        return rc;
    }
    order_keys(mc->batch.orders, question, call->timeout_msec != 0);
    collect = omc_call_submit(mc, call, &rc);
    fill_requests(mc, reqs, question->count);
    return collect ? omc_call_collect(mc, call) : rc;
}

static int ask_all(omcache_t *mc, const struct question *question, omcache_req_t *reqs,
                   size_t *req_count, omcache_value_t *values, size_t *value_count,
                   int32_t timeout_msec)
{
    struct omc_call call = omc_call_make(question->count, values, value_count, timeout_msec);
    int rc;

    memset(reqs + question->count, 0, (*req_count - question->count) * sizeof(*reqs));
    omc_call_begin_io(mc);
    rc = omc_call_result(mc, run(mc, question, reqs, &call), &call.stored);
    *req_count = call.count;
    if (value_count != NULL)
        *value_count = call.stored;
    for (size_t i = call.stored; i < call.room; i++)
        values[i] = (omcache_value_t){.status = 0};
    return rc;
}

/* The signatures are 0.3's: NOLINTBEGIN(readability-non-const-parameter) */

int omcache_get_multi(omcache_t *mc, const unsigned char **keys, size_t *key_lens, size_t key_count,
                      omcache_req_t *reqs, size_t *req_count, omcache_value_t *values,
                      size_t *value_count, int32_t timeout_msec)
{
    struct question question = {OMC_OP_GETKQ, keys, key_lens, key_count, NULL};

    if (!is_valid(mc, &question, reqs, req_count))
        return OMCACHE_INVALID;
    return ask_all(mc, &question, reqs, req_count, values, value_count, timeout_msec);
}

int omcache_gat_multi(omcache_t *mc, const unsigned char **keys, size_t *key_lens,
                      time_t *expirations, size_t key_count, omcache_req_t *reqs, size_t *req_count,
                      omcache_value_t *values, size_t *value_count, int32_t timeout_msec)
{
    struct question question = {OMC_OP_GATKQ, keys, key_lens, key_count, expirations};

    if (!is_valid(mc, &question, reqs, req_count) || expirations == NULL)
        return OMCACHE_INVALID;
    return ask_all(mc, &question, reqs, req_count, values, value_count, timeout_msec);
}

/* NOLINTEND(readability-non-const-parameter) */
