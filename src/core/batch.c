/*
 * Outcomes of the current batch; see batch.h.
 */
#include "core/batch.h"

#include <string.h>

#include "base/memory.h"
#include "core/handle.h"
#include "proto/opcode.h"
#include "proto/request.h"

void omc_batch_init(struct omc_batch *batch, uint32_t first_tag)
{
    memset(batch, 0, sizeof(*batch));
    batch->next_tag = first_tag;
}

void omc_batch_fini(struct omc_batch *batch)
{
    omc_memory_free(batch->failures);
    batch->failures = NULL;
}

void omc_batch_end(struct omc_batch *batch)
{
    batch->count = 0;
    batch->left = 0;
    batch->failures_count = 0;
}

bool omc_batch_begin(struct omc_batch *batch, size_t count)
{
    if (count > batch->failures_room) {
        struct omc_batch_failure *failures =
            omc_memory_resize(batch->failures, count, sizeof(*failures));

        if (failures == NULL)
            return false;
        batch->failures = failures;
        batch->failures_room = count;
    }
    omc_batch_end(batch);
    batch->first = batch->next_tag;
    return true;
}

uint32_t omc_batch_add(struct omc_batch *batch)
{
    batch->count++;
    batch->left++;
    return batch->next_tag++;
}

void omc_batch_take_back(struct omc_batch *batch)
{
    batch->count--;
    batch->left--;
    batch->next_tag--;
}

bool omc_batch_is(const struct omc_batch *batch, const omcache_req_t *reqs, size_t count)
{
    return batch->count > 0 && reqs[0].header.opaque == batch->first && count == batch->count &&
           reqs[count - 1].header.opaque == batch->first + (uint32_t)(count - 1);
}

void omc_batch_collect(struct omc_batch *batch, const omcache_req_t *reqs, omcache_value_t *values,
                       size_t room)
{
    batch->reqs = reqs;
    batch->values = values;
    batch->room = values == NULL ? 0 : room;
    batch->stored = 0;
    batch->overflowed = false;
}

size_t omc_batch_collect_end(struct omc_batch *batch)
{
    batch->reqs = NULL;
    batch->values = NULL;
    return batch->stored;
}

bool omc_batch_has(const struct omc_batch *batch, uint32_t tag)
{
    return tag - batch->first < batch->count;
}

static const omcache_req_t *request_of(const struct omc_batch *batch, uint32_t tag)
{
    return omc_batch_has(batch, tag) && batch->reqs != NULL ? &batch->reqs[tag - batch->first]
                                                            : NULL;
}

/* Only the get family answers with the key that it was asked for. */
bool omc_batch_fits(const struct omc_batch *batch, uint32_t tag, const struct omc_reply *reply)
{
    const omcache_req_t *req = request_of(batch, tag);
    const omcache_value_t *value = &reply->value;

    if (req == NULL || value->key_len == 0 || !omc_opcode_is_get(reply->opcode))
        return true;
    return value->key_len == omc_request_key_len(req) &&
           memcmp(value->key, req->key, value->key_len) == 0;
}

/* Stores a value if there is room; without any, nobody asked for values. */
static bool store(omcache_t *mc, const omcache_value_t *value)
{
    struct omc_batch *batch = &mc->batch;

    if (batch->stored < batch->room) {
        batch->values[batch->stored++] = *value;
        return true;
    }
    if (batch->room > 0 && !batch->overflowed) {
        batch->overflowed = true;
        omc_log(&mc->log, OMC_LOG_WARNING, "more answers than the %zu there is room for: dropped",
                batch->room);
    }
    return false;
}

bool omc_batch_deliver(omcache_t *mc, uint32_t tag, const struct omc_reply *reply)
{
    struct omc_batch *batch = &mc->batch;
    bool stored = false;

    omc_handle_respond(mc, &reply->value);
    if (!omc_batch_has(batch, tag))
        return false;
    if (request_of(batch, tag) != NULL)
        stored = store(mc, &reply->value);
    if (reply->last)
        batch->left--;
    return stored;
}

void omc_batch_settle(struct omc_batch *batch, uint32_t tag)
{
    if (omc_batch_has(batch, tag))
        batch->left--;
}

void omc_batch_fail(struct omc_batch *batch, uint32_t tag, int status)
{
    if (omc_batch_has(batch, tag))
        batch->failures[batch->failures_count++] = (struct omc_batch_failure){tag, status};
}

void omc_batch_deliver_failures(omcache_t *mc)
{
    struct omc_batch *batch = &mc->batch;

    for (size_t i = 0; i < batch->failures_count; i++) {
        const omcache_req_t *req = request_of(batch, batch->failures[i].tag);
        omcache_value_t value = {.status = batch->failures[i].status};

        if (req != NULL) {
            value.key = req->key;
            value.key_len = omc_request_key_len(req);
        }
        omc_handle_respond(mc, &value);
        store(mc, &value);
        batch->left--;
    }
    batch->failures_count = 0;
}
