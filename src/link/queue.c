/*
 * The queue of unanswered requests: a ring of slots indexed by number.
 */
#include "link/queue.h"

#include <string.h>

#include "base/blocks.h"
#include "base/memory.h"
#include "proto/opcode.h"

enum {
    GROWTH = 4,
};

void omc_queue_init(struct omc_queue *queue, struct omc_blocks *blocks, uint32_t first)
{
    memset(queue, 0, sizeof(*queue));
    queue->blocks = blocks;
    queue->first = first;
    queue->mask = UINT32_MAX;
}

void omc_queue_free_counter(struct omc_pending *pending)
{
    omc_memory_free(pending->claim.counter);
    pending->claim.counter = NULL;
}

/* Goes back to the few slots. */
void omc_queue_trim(struct omc_queue *queue)
{
    size_t size = omc_blocks_size(omc_queue_capacity(queue) * sizeof(*queue->slots));

    if (omc_queue_capacity(queue) <= OMC_QUEUE_FEW)
        return;
    omc_blocks_put(queue->blocks, queue->slots, size);
    queue->slots = queue->few;
    queue->mask = OMC_QUEUE_FEW - 1;
}

void omc_queue_fini(struct omc_queue *queue)
{
    for (uint32_t i = 0; i < queue->count; i++)
        omc_queue_free_counter(omc_queue_slot(queue, queue->first + i));
    omc_queue_trim(queue);
    omc_memory_free(queue->slots);
    queue->slots = queue->few = NULL;
    queue->mask = UINT32_MAX;
}

static bool take_few(struct omc_queue *queue)
{
    queue->few = omc_memory_new(OMC_QUEUE_FEW, sizeof(*queue->few));
    if (queue->few == NULL)
        return false;
    queue->slots = queue->few;
    queue->mask = OMC_QUEUE_FEW - 1;
    return true;
}

bool omc_queue_grow(struct omc_queue *queue)
{
    struct omc_queue larger = *queue;
    size_t capacity = omc_queue_capacity(queue), oldest = queue->first & queue->mask;
    uint32_t count = (uint32_t)(capacity - oldest);
    size_t size = GROWTH * capacity * sizeof(*queue->slots);

    if (capacity == 0)
        return take_few(queue);
    if (capacity > UINT32_MAX / (2 * GROWTH) || size / GROWTH / sizeof(*queue->slots) != capacity)
        return false;
    larger.mask = (uint32_t)(capacity * GROWTH - 1);
    larger.slots = omc_blocks_take(queue->blocks, &size);
    if (larger.slots == NULL)
        return false;
    memcpy(omc_queue_slot(&larger, queue->first), &queue->slots[oldest],
           count * sizeof(*queue->slots));
    memcpy(omc_queue_slot(&larger, queue->first + count), queue->slots,
           oldest * sizeof(*queue->slots));
    omc_queue_trim(queue);
    *queue = larger;
    return true;
}

/* Takes one out of the counts. */
static void uncount(struct omc_queue *queue, const struct omc_pending *pending)
{
    if (!omc_queue_is_open(pending))
        return;
    queue->open--;
    queue->idle -= omc_queue_is_idle(pending);
}

void omc_queue_set_half(struct omc_queue *queue, struct omc_pending *pending, bool half)
{
    pending->half = half;
    if (!half)
        omc_queue_leave(queue);
}

void omc_queue_refuse(struct omc_queue *queue, struct omc_pending *pending)
{
    pending->refused = true;
    omc_queue_settle(queue, pending);
}

void omc_queue_pass(struct omc_queue *queue, struct omc_pending *pending)
{
    pending->refused = false;
    omc_queue_leave(queue);
}

void omc_queue_pop(struct omc_queue *queue)
{
    struct omc_pending *last = omc_queue_last(queue);

    omc_queue_free_counter(last);
    uncount(queue, last);
    queue->count--;
    if (queue->count == 0)
        omc_queue_trim(queue);
}

/* Takes eight bytes into a sum, of which others would make another one. */
static uint64_t add_word(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15; /* odd, and else like any other */
    return sum ^ sum >> 32;
}

/* Any sum would do that tells one key from the next, and is not 0. */
static uint32_t sum_up(const unsigned char *key, size_t len)
{
    uint64_t sum = len, word = 0;
    const size_t step = sizeof(word);

    for (; len > step; key += step, len -= step) {
        memcpy(&word, key, step);
        sum = add_word(sum, word);
    }
    word = 0;
    memcpy(&word, key, len);
    return (uint32_t)add_word(sum, word) | 1;
}

bool omc_queue_is_like(const struct omc_pending *pending, const unsigned char *key, size_t len)
{
    const struct omc_asker *asker = pending->claim.asker;
    size_t prefix_len = pending->claim.prefix_len;

    if (pending->key_sum != sum_up(key, len))
        return false;
    return !omc_queue_has_key(&pending->claim) ||
           (len == prefix_len + asker->key_len &&
            memcmp(key + prefix_len, asker->key, asker->key_len) == 0);
}

void omc_queue_keep_sum(struct omc_pending *pending)
{
    if (omc_opcode_is_get(pending->ask.op))
        pending->key_sum = sum_up(pending->ask.key, pending->ask.key_len);
}

/* The same when who asks is to lose the key. */
static void keep_sum_of_asker(struct omc_pending *pending)
{
    const struct omc_asker *asker = pending->claim.asker;

    if (omc_queue_has_all(&pending->claim) && omc_opcode_is_get(pending->ask.op))
        pending->key_sum = sum_up(asker->key, asker->key_len);
}

/* The request of who asks, or NULL if that is over. */
static struct omc_pending *find_of(struct omc_queue *queue, const struct omc_asker *asker)
{
    struct omc_pending *pending = omc_queue_find(queue, asker->number);

    return pending != NULL && pending->claim.asker == asker ? pending : NULL;
}

void omc_queue_lose_key(struct omc_queue *queue, const struct omc_asker *asker)
{
    struct omc_pending *pending = find_of(queue, asker);

    if (pending != NULL)
        keep_sum_of_asker(pending);
}

void omc_queue_release(struct omc_queue *queue, const struct omc_asker *asker)
{
    struct omc_pending *pending = find_of(queue, asker);

    if (pending == NULL)
        return;
    keep_sum_of_asker(pending);
    pending->claim.asker = NULL;
}

void omc_queue_abandon(struct omc_queue *queue, struct omc_pending *pending)
{
    if (omc_queue_is_forgotten(pending))
        return;
    queue->idle += !omc_queue_is_idle(pending);
    keep_sum_of_asker(pending);
    pending->claim.asker = NULL;
    pending->claim.owner = OMC_OWNER_GONE;
}

void omc_queue_forget(struct omc_queue *queue)
{
    for (uint32_t i = 0; i < queue->count; i++) {
        struct omc_pending *pending = omc_queue_slot(queue, queue->first + i);

        if (!pending->settled) /* else who has asked may be gone */
            keep_sum_of_asker(pending);
        pending->claim.owner = OMC_OWNER_FORGOTTEN;
        pending->claim.asker = NULL;
    }
    queue->open = queue->idle = 0;
}
