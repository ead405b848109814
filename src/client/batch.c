/*
 * Outcomes of the current batch; see batch.h.
 */
#include "client/batch.h"

#include <string.h>

#include "base/memory.h"
#include "proto/opcode.h"
#include "proto/request.h"

enum {
    ROOM_KEPT = 1024, /* for failures, where fewer are needed */
};

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

void omc_batch_end_all(struct omc_batch *batch)
{
    for (; batch != NULL; batch = batch->outer)
        omc_batch_end(batch);
}

/* Room for so many failures, and not very much more; false without memory. */
static bool reserve_failures(struct omc_batch *batch, size_t count)
{
    bool wasteful = batch->failures_room > ROOM_KEPT && count < batch->failures_room / 8;
    size_t room = wasteful && count < ROOM_KEPT ? ROOM_KEPT : count;
    struct omc_batch_failure *failures;

    if (count <= batch->failures_room && !wasteful)
        return true;
    failures = omc_memory_resize(batch->failures, room, sizeof(*failures));
    if (failures == NULL)
        return count <= batch->failures_room;
    batch->failures = failures;
    batch->failures_room = room;
    return true;
}

bool omc_batch_begin(struct omc_batch *batch, size_t count)
{
    if (!reserve_failures(batch, count))
        return false;
    omc_batch_end(batch);
    batch->first = batch->next_tag;
    return true;
}

void omc_batch_push(struct omc_batch *batch, struct omc_batch *outer)
{
    *outer = *batch;
    omc_batch_init(batch, outer->next_tag);
    batch->outer = outer;
}

void omc_batch_pop(struct omc_batch *batch, struct omc_batch *outer)
{
    outer->next_tag = batch->next_tag;
    omc_batch_fini(batch);
    *batch = *outer;
}

bool omc_batch_is(const struct omc_batch *batch, const omcache_req_t *reqs, size_t count)
{
    return batch->count > 0 && reqs[0].header.opaque == batch->first && count == batch->count &&
           reqs[count - 1].header.opaque == batch->first + (uint32_t)(count - 1);
}

void omc_batch_collect(struct omc_batch *batch, const omcache_req_t *reqs, omcache_value_t *values,
                       size_t room, unsigned depth)
{
    batch->depth = depth;
    batch->reqs = reqs;
    batch->values = values;
    batch->room = values == NULL ? 0 : room;
    batch->stored = 0;
    batch->overflowed = false;
    batch->collecting = true;
}

size_t omc_batch_collect_end(struct omc_batch *batch)
{
    batch->reqs = NULL;
    batch->values = NULL;
    batch->room = 0;
    batch->collecting = false;
    return batch->stored;
}

struct omc_batch *omc_batch_of(struct omc_batch *batch, uint32_t tag)
{
    while (batch != NULL && tag - batch->first >= batch->count)
        batch = batch->outer;
    return batch;
}

bool omc_batch_is_awaited(struct omc_batch *batch, uint32_t tag)
{
    batch = omc_batch_of(batch, tag);
    return batch != NULL && batch->reqs != NULL;
}

const omcache_req_t *omc_batch_request(const struct omc_batch *batch, uint32_t tag)
{
    return batch != NULL && batch->reqs != NULL ? &batch->reqs[tag - batch->first] : NULL;
}

/* Only the get family answers with the key that it was asked for. */
bool omc_batch_fits(struct omc_batch *batch, uint32_t tag, const struct omc_reply *reply)
{
    const omcache_req_t *req = omc_batch_request(omc_batch_of(batch, tag), tag);
    const omcache_value_t *value = &reply->value;

    if (req == NULL || value->key_len == 0 || !omc_opcode_is_get(reply->opcode))
        return true;
    return value->key_len == omc_request_key_len(req) &&
           memcmp(value->key, req->key, value->key_len) == 0;
}

void omc_batch_settle(struct omc_batch *batch, uint32_t tag)
{
    batch = omc_batch_of(batch, tag);
    if (batch != NULL)
        batch->left--;
}

bool omc_batch_fail(struct omc_batch *batch, struct omc_server *server, uint32_t tag, int status)
{
    batch = omc_batch_of(batch, tag);
    if (batch == NULL)
        return false;
    batch->failures[batch->failures_count++] = (struct omc_batch_failure){server, tag, status};
    return true;
}

void omc_batch_forget_server(struct omc_batch *batch, const struct omc_server *server)
{
    for (; batch != NULL; batch = batch->outer) {
        for (size_t i = 0; i < batch->failures_count; i++) {
            if (batch->failures[i].server == server)
                batch->failures[i].server = NULL;
        }
    }
}
