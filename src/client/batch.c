/*
 * Outcomes of the current batch; see batch.h.
 */
#include "client/batch.h"

#include <string.h>

#include "base/memory.h"
#include "link/link.h"

enum {
    ROOM_MIN = 8,
};

void omc_batch_init(struct omc_batch *batch, uint32_t first_tag)
{
    memset(batch, 0, sizeof(*batch));
    batch->next_tag = first_tag;
}

/* What is outstanding goes to nobody: its answers may come when the orders are there no longer. */
static void release_all(struct omc_batch *batch)
{
    for (size_t i = 0; i < batch->count && batch->left > 0; i++) {
        struct omc_asker *asker = &batch->orders[batch->ranks[i]].asker;

        if (asker->link != NULL)
            omc_queue_release(&asker->link->conn.queue, asker);
        asker->link = NULL;
    }
}

static void free_room(struct omc_batch *batch)
{
    omc_memory_free(batch->failures);
    omc_memory_free(batch->orders);
    omc_memory_free(batch->ranks);
    batch->failures = NULL;
    batch->orders = NULL;
    batch->ranks = NULL;
}

void omc_batch_fini(struct omc_batch *batch)
{
    release_all(batch);
    free_room(batch);
}

void omc_batch_end(struct omc_batch *batch)
{
    release_all(batch);
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

/* Room for so many requests and their failures, and not very much more; false without memory.  Who
 * asks is in it: the batch is ended if there is other room. */
static bool make_room(struct omc_batch *batch, size_t count)
{
    size_t room = choose_room(batch->room, count);
    struct omc_batch next = {.room = room};

    if (room == batch->room)
        return true;
    next.orders = omc_memory_resize(NULL, room, sizeof(*next.orders));
    next.ranks = omc_memory_resize(NULL, room, sizeof(*next.ranks));
    next.failures = omc_memory_resize(NULL, room, sizeof(*next.failures));
    if (next.orders == NULL || next.ranks == NULL || next.failures == NULL) {
        free_room(&next);
        return room < batch->room;
    }
    omc_batch_end(batch);
    free_room(batch);
    batch->orders = next.orders;
    batch->ranks = next.ranks;
    batch->failures = next.failures;
    batch->room = room;
    return true;
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

void omc_batch_set_waiting(struct omc_batch *batch, bool waits)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct omc_order *order = &batch->orders[batch->ranks[i]];
        struct omc_asker *asker = &order->asker;

        if (!waits && asker->link != NULL)
            omc_queue_lose_key(&asker->link->conn.queue, asker);
        asker->key = waits ? order->ask.key : NULL;
        asker->key_len = waits ? order->ask.key_len : 0;
        asker->waits = waits;
    }
}

void omc_batch_collect(struct omc_batch *batch, bool awaited, omcache_value_t *values, size_t room,
                       unsigned depth)
{
    batch->awaited = awaited;
    batch->overflowed = false;
    batch->sink = (struct omc_sink){
        .values = values,
        .room = values == NULL ? 0 : room,
        .depth = depth,
        .orders = batch->orders,
        .orders_size = batch->room * sizeof(*batch->orders),
    };
    batch->collecting = true;
}

size_t omc_batch_collect_end(struct omc_batch *batch)
{
    if (batch->left > 0)
        omc_batch_set_waiting(batch, false);
    batch->awaited = false;
    batch->collecting = false;
    batch->sink.room = 0;
    return batch->sink.stored;
}

struct omc_batch *omc_batch_of(struct omc_batch *batch, const struct omc_asker *asker)
{
    if (asker == NULL)
        return NULL;
    while (batch != NULL &&
           (uintptr_t)asker - (uintptr_t)batch->orders >= batch->room * sizeof(*batch->orders))
        batch = batch->outer;
    return batch;
}

void omc_batch_fail(struct omc_batch *batch, struct omc_server *server, struct omc_asker *asker,
                    int status)
{
    asker->link = NULL;
    batch->failures[batch->failures_count++] = (struct omc_batch_failure){server, asker, status};
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
