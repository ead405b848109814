/*
 * Gathering outcomes, and waiting for those of a batch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "gather.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for `more` elements of `size` bytes behind `used`.  Returns 0 if it cannot. */
static int reserve(void **memory, size_t *room, size_t used, size_t more, size_t size)
{
    size_t wanted = *room > 0 ? *room : 64;
    void *larger;

    if (*room - used >= more)
        return 1;
    while (wanted - used < more) {
        if (wanted > SIZE_MAX / 2 / size)
            return 0;
        wanted *= 2;
    }
    larger = realloc(*memory, wanted * size);
    if (larger == NULL)
        return 0;
    *memory = larger;
    *room = wanted;
    return 1;
}

static gather_outcome_t *add_outcome(gather_t *gather, uint32_t slot)
{
    void *outcomes = gather->outcomes;
    gather_outcome_t *outcome;

    if (!reserve(&outcomes, &gather->outcome_room, gather->count, 1, sizeof(*outcome))) {
        gather->lost = 1;
        return NULL;
    }
    gather->outcomes = outcomes;
    outcome = &gather->outcomes[gather->count++];
    memset(outcome, 0, sizeof(*outcome));
    outcome->slot = slot;
    return outcome;
}

static void add_bytes(gather_t *gather, const unsigned char *bytes, size_t len)
{
    if (bytes != NULL && len > 0) {
        memcpy(gather->bytes + gather->used, bytes, len);
        gather->used += len;
    }
}

/* Copies key and value; without memory for them the outcome is just that. */
static void copy(gather_outcome_t *outcome, gather_t *gather, const unsigned char *key,
                 const omcache_reply_t *reply)
{
    size_t key_len = outcome->key_len, value_len;
    const unsigned char *value = omcache_reply_value(reply, &value_len);
    void *bytes = gather->bytes;

    if (!reserve(&bytes, &gather->byte_room, gather->used, key_len + value_len, 1)) {
        gather->lost = 1;
        outcome->status = OMCACHE_NO_MEMORY;
        outcome->key_len = 0;
        return;
    }
    gather->bytes = bytes;
    add_bytes(gather, key, key_len);
    add_bytes(gather, value, value_len);
    outcome->value_len = value_len;
    outcome->has_value = value != NULL;
}

#define COPY_DETAIL(name) outcome->name = (int64_t)omcache_reply_##name(reply);

/* What only operations with options are told. */
static void copy_meta(gather_outcome_t *outcome, const omcache_reply_t *reply)
{
    GATHER_DETAILS(COPY_DETAIL)
}

/* Counts one out; the last one is told of. */
static void end_one(gather_t *gather)
{
    gather_outcome_t *outcome;

    if (gather->pending == 0 || --gather->pending > 0 || gather->done == NULL)
        return;
    outcome = add_outcome(gather->done->gather, gather->done->number);
    if (outcome != NULL)
        outcome->last = 1;
}

void gather_reply(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    gather_slot_t *slot = context;
    gather_t *gather = slot->gather;
    gather_outcome_t *outcome = add_outcome(gather, slot->number);
    const unsigned char *key = NULL;
    size_t key_len = 0;
    int last = 1;

    (void)mc;
    if (slot->parts) {
        key = omcache_reply_key(reply, &key_len);
        last = key == NULL;
    }
    if (outcome != NULL) {
        outcome->last = (uint64_t)last;
        outcome->status = omcache_reply_status(reply);
        outcome->key_len = key_len;
        outcome->flags = omcache_reply_flags(reply);
        outcome->cas = omcache_reply_cas(reply);
        outcome->number = omcache_reply_number(reply);
        copy_meta(outcome, reply);
        copy(outcome, gather, key, reply);
    }
    if (!last)
        return;
    slot->parts = 0;
    end_one(gather);
}

void gather_fini(gather_t *gather)
{
    free(gather->outcomes);
    free(gather->bytes);
    memset(gather, 0, sizeof(*gather));
}

/* Waits once, and acts on what has happened. */
static int turn(omcache_t *mc)
{
    int count, timeout, due, ready;
    const struct pollfd *wanted = omcache_poll_fds(mc, &count, &timeout);
    size_t size = (size_t)count * sizeof(struct pollfd);
    struct pollfd few[64], *fds = count <= 64 ? few : malloc(size);

    if (fds == NULL)
        return ENOMEM;
    if (size > 0)
        memcpy(fds, wanted, size);
    due = omcache_next_timeout(mc);
    if (due >= 0 && due < timeout)
        timeout = due;
    ready = poll(fds, (nfds_t)count, timeout);
    for (int i = 0; ready > 0 && i < count; i++) {
        if (fds[i].revents != 0)
            omcache_process_fd(mc, fds[i].fd, fds[i].revents);
    }
    if (fds != few)
        free(fds);
    if (ready < 0)
        return errno;
    if (omcache_next_timeout(mc) == 0)
        omcache_process_timeouts(mc);
    return 0;
}

int gather_run(omcache_t *mc, gather_t *gather)
{
    int rc = 0;

    /* This sends what is unsent. */
    if (gather->pending > 0)
        omcache_process_timeouts(mc);
    while (gather->pending > 0 && rc == 0)
        rc = turn(mc);
    return rc;
}

/* How long the key is that begins at key_at. */
static size_t next_key_len(const gather_batch_t *batch)
{
    const unsigned char *key = batch->keys + batch->key_at, *end;

    if (batch->key_lens != NULL)
        return batch->key_lens[batch->next];
    end = memchr(key, '\n', batch->keys_len - batch->key_at);
    return end != NULL ? (size_t)(end - key) : batch->keys_len - batch->key_at;
}

/* Whether all keys have a length that keys can have, and are as many as they should be. */
static int is_split_well(gather_batch_t *batch)
{
    int fine = 1;

    for (batch->next = batch->key_at = 0; fine && batch->next < batch->count; batch->next++) {
        size_t len = batch->key_at <= batch->keys_len ? next_key_len(batch) : 0;

        fine = len >= 1 && len <= 250;
        batch->key_at += len + (batch->key_lens == NULL);
    }
    fine = fine && batch->key_at == batch->keys_len + (batch->key_lens == NULL);
    batch->next = batch->key_at = 0;
    return fine;
}

static int begin_store(omcache_t *mc, gather_batch_t *batch, size_t key_len, gather_slot_t *slot)
{
    size_t i = batch->next, len = batch->value_lens[i];
    const unsigned char *key = batch->keys + batch->key_at;
    const unsigned char *value = batch->values + batch->value_at;
    uint32_t flags = batch->flags[i];
    int32_t msec = batch->timeout_msec;

    if (batch->command == GATHER_ADD)
        return omcache_async_add(mc, key, key_len, value, len, batch->expiration, flags, msec,
                                 gather_reply, slot);
    if (batch->command == GATHER_REPLACE)
        return omcache_async_replace(mc, key, key_len, value, len, batch->expiration, flags, msec,
                                     gather_reply, slot);
    return omcache_async_set(mc, key, key_len, value, len, batch->expiration, flags, 0, msec,
                             gather_reply, slot);
}

/* Begins an operation of a batch. */
static int begin(omcache_t *mc, gather_batch_t *batch, size_t key_len, gather_slot_t *slot)
{
    const unsigned char *key = batch->keys + batch->key_at;
    int32_t msec = batch->timeout_msec;

    switch (batch->command) {
    case GATHER_GET:
        return omcache_async_get(mc, key, key_len, msec, gather_reply, slot);
    case GATHER_GAT:
        return omcache_async_gat(mc, key, key_len, batch->expiration, msec, gather_reply, slot);
    case GATHER_DELETE:
        return omcache_async_delete(mc, key, key_len, msec, gather_reply, slot);
    case GATHER_TOUCH:
        return omcache_async_touch(mc, key, key_len, batch->expiration, msec, gather_reply, slot);
    case GATHER_INCREMENT:
        return omcache_async_increment(mc, key, key_len, batch->delta, batch->initial,
                                       batch->expiration, msec, gather_reply, slot);
    case GATHER_DECREMENT:
        return omcache_async_decrement(mc, key, key_len, batch->delta, batch->initial,
                                       batch->expiration, msec, gather_reply, slot);
    default:
        return begin_store(mc, batch, key_len, slot);
    }
}

static void refuse(gather_t *gather, uint32_t slot, int status)
{
    gather_outcome_t *outcome = add_outcome(gather, slot);

    if (outcome != NULL) {
        outcome->last = 1;
        outcome->status = status;
    }
}

static int give_up(omcache_t *mc)
{
    omcache_reset_buffers(mc);
    omcache_process_timeouts(mc);
    return 0;
}

/* Begins the operation batch->next. */
static int begin_next(omcache_t *mc, gather_t *gather, gather_batch_t *batch)
{
    gather_slot_t *slot = &batch->slots[batch->next];
    int rc;

    slot->gather = gather;
    slot->number = (uint32_t)batch->next;
    slot->parts = 0;
    rc = begin(mc, batch, next_key_len(batch), slot);
    gather->pending += rc == OMCACHE_OK;
    return rc;
}

/* Goes on to the next one behind it; what it ended with is an outcome unless it goes on. */
static void pass_on(gather_t *gather, gather_batch_t *batch, int rc)
{
    if (rc != OMCACHE_OK)
        refuse(gather, (uint32_t)batch->next, rc);
    batch->key_at += next_key_len(batch) + (batch->key_lens == NULL);
    if (batch->value_lens != NULL)
        batch->value_at += batch->value_lens[batch->next];
    batch->next++;
}

/* Begins operations until all are, or the send limit is reached by those under way.  If a key
 * is refused, those begun before it, which are not sent yet, are taken back.  Returns 0 then. */
static int fill(omcache_t *mc, gather_t *gather, gather_batch_t *batch)
{
    while (batch->next < batch->count) {
        int rc = begin_next(mc, gather, batch);

        if (rc == OMCACHE_BUFFER_FULL && gather->pending > 0)
            return 1;
        if (rc == OMCACHE_INVALID)
            return give_up(mc);
        pass_on(gather, batch, rc);
    }
    return 1;
}

/* None of them ends by itself, and the batch not either, before all have begun. */
int gather_begin(omcache_t *mc, gather_t *gather, gather_batch_t *batch)
{
    if (!is_split_well(batch))
        return EINVAL;
    gather->pending++;
    while (batch->next < batch->count)
        pass_on(gather, batch, begin_next(mc, gather, batch));
    gather->pending--;
    return 0;
}

int gather_batch(omcache_t *mc, gather_t *gather, gather_batch_t *batch)
{
    int rc;

    if (batch->next == 0 && !is_split_well(batch))
        return EINVAL;
    do {
        if (!fill(mc, gather, batch))
            return EINVAL;
        rc = gather_run(mc, gather);
    } while (rc == 0 && batch->next < batch->count);
    return rc;
}

/* Writes a number and a letter, and returns how many characters that are. */
static size_t add_format(char *to, uint64_t number, char letter)
{
    char digits[20];
    size_t count = 0, len = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        to[len++] = digits[--count];
    to[len++] = letter;
    return len;
}

void gather_hits(gather_t *gather, gather_hits_t *hits)
{
    hits->count = hits->failed = hits->format_len = 0;
    hits->in_order = 1;
    hits->bytes_len = gather->used;
    for (size_t i = 0; i < gather->count; i++) {
        const gather_outcome_t *outcome = &gather->outcomes[i];

        if (outcome->status == OMCACHE_OK) {
            hits->in_order &= outcome->slot == i;
            hits->slots[hits->count] = (uint32_t)outcome->slot;
            hits->flags[hits->count] = outcome->flags;
            hits->cas[hits->count++] = outcome->cas;
        } else {
            hits->in_order = 0;
            hits->failed += outcome->status != OMCACHE_NOT_FOUND;
        }
        if (outcome->status == OMCACHE_OK || outcome->value_len > 0)
            hits->format_len += add_format(hits->format + hits->format_len, outcome->value_len,
                                           outcome->status == OMCACHE_OK ? 's' : 'x');
    }
}
