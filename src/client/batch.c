/*
 * Outcomes of the current batch; see batch.h.
 */
#include "client/batch.h"

#include <string.h>

#include "base/memory.h"
#include "proto/opcode.h"

enum {
    ROOM_MIN = 8,
};

void omc_batch_init(struct omc_batch *batch, uint32_t first_tag)
{
    memset(batch, 0, sizeof(*batch));
    batch->next_tag = first_tag;
}

void omc_batch_fini(struct omc_batch *batch)
{
    omc_memory_free(batch->failures);
    omc_memory_free(batch->orders);
    omc_memory_free(batch->ranks);
    batch->failures = NULL;
    batch->orders = NULL;
    batch->ranks = NULL;
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

/* How much room there should be in place of `room`, so that there is enough, and not very much
 * more. */
static size_t choose_room(size_t room, size_t count)
{
    if (count > room)
        return count < ROOM_MIN ? ROOM_MIN : count;
    if (room <= OMC_BATCH_ROOM || count >= room / 8)
        return room;
    return count < OMC_BATCH_ROOM ? OMC_BATCH_ROOM : count;
}

/* Has an array get that room; false if it was to grow and there is no memory. */
static bool resize(void **array, size_t room, size_t size, bool grows)
{
    void *resized = omc_memory_resize(*array, room, size);

    if (resized != NULL)
        *array = resized;
    return resized != NULL || !grows;
}

/* Room for so many requests and their failures, and not very much more; false without memory. */
static bool make_room(struct omc_batch *batch, size_t count)
{
    size_t room = choose_room(batch->room, count);
    bool grows = room > batch->room;
    void *orders = batch->orders, *ranks = batch->ranks, *failures = batch->failures;
    bool done;

    if (room == batch->room)
        return true;
    done = resize(&orders, room, sizeof(*batch->orders), grows) &&
           resize(&ranks, room, sizeof(*batch->ranks), grows) &&
           resize(&failures, room, sizeof(*batch->failures), grows);
    batch->orders = orders;
    batch->ranks = ranks;
    batch->failures = failures;
    if (done)
        batch->room = room;
    return done;
}

bool omc_batch_begin_large(struct omc_batch *batch, size_t count)
{
    if (!make_room(batch, count))
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

void omc_batch_collect(struct omc_batch *batch, bool awaited, omcache_value_t *values, size_t room,
                       unsigned depth)
{
    batch->depth = depth;
    batch->awaited = awaited;
    batch->values = values;
    batch->values_room = values == NULL ? 0 : room;
    batch->stored = 0;
    batch->overflowed = false;
    batch->collecting = true;
}

size_t omc_batch_collect_end(struct omc_batch *batch)
{
    batch->awaited = false;
    batch->values = NULL;
    batch->values_room = 0;
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
    return batch != NULL && batch->awaited;
}

const struct omc_ask *omc_batch_ask(const struct omc_batch *batch, uint32_t tag)
{
    return batch != NULL && batch->awaited ? &batch->orders[batch->ranks[tag - batch->first]].ask
                                           : NULL;
}

const unsigned char *omc_batch_key(struct omc_batch *batch, uint32_t tag, size_t *len)
{
    const struct omc_ask *ask = omc_batch_ask(omc_batch_of(batch, tag), tag);

    if (ask == NULL)
        return NULL;
    *len = ask->key_len;
    return ask->key;
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
