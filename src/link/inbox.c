/*
 * Regions of chunks, and the pinned ones.
 */
#include "link/inbox.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

enum {
    BLOCKS_MIN = 4,

    /* Where it is not known how much is needed, a region moves on rather than have less. */
    ROOM_MIN = 16384,
};

void omc_inbox_init(struct omc_inbox *inbox)
{
    memset(inbox, 0, sizeof(*inbox));
}

/* Whether nobody else has taken what is behind the region. */
static bool is_at_the_end(const struct omc_inbox *inbox)
{
    return inbox->chunk->used == inbox->buffer.capacity;
}

void omc_inbox_free_blocks(struct omc_inbox *inbox, unsigned level)
{
    size_t kept = 0;

    for (size_t i = 0; i < inbox->block_count; i++) {
        if (inbox->blocks[i].level < level)
            inbox->blocks[kept++] = inbox->blocks[i];
        else
            omc_chunk_release(inbox->blocks[i].chunk);
    }
    inbox->block_count = kept;
    if (kept > 0 || inbox->block_room <= BLOCKS_MIN)
        return;
    omc_memory_free(inbox->blocks);
    inbox->blocks = NULL;
    inbox->block_room = 0;
}

void omc_inbox_fini(struct omc_inbox *inbox)
{
    omc_inbox_free_blocks(inbox, 0);
    omc_memory_free(inbox->blocks);
    if (inbox->chunk != NULL)
        omc_inbox_drop(inbox);
    omc_inbox_init(inbox);
}

size_t omc_inbox_count_below(const struct omc_inbox *inbox, unsigned level)
{
    bool counts = inbox->level != 0 && inbox->level < level;
    size_t size = counts ? inbox->buffer.end - inbox->begin : 0;

    for (size_t i = 0; i < inbox->block_count; i++) {
        if (inbox->blocks[i].level < level)
            size += inbox->blocks[i].size;
    }
    return size;
}

static bool reserve_block(struct omc_inbox *inbox)
{
    size_t room = inbox->block_room == 0 ? BLOCKS_MIN : 2 * inbox->block_room;
    struct omc_inbox_block *blocks;

    if (inbox->block_count < inbox->block_room)
        return true;
    blocks = omc_memory_resize(inbox->blocks, room, sizeof(*blocks));
    if (blocks == NULL)
        return false;
    inbox->blocks = blocks;
    inbox->block_room = room;
    return true;
}

/* Leaves the region to the values in it. */
static void pin_region(struct omc_inbox *inbox)
{
    omc_inbox_note_size(inbox);
    omc_inbox_set_end(inbox, inbox->buffer.end);
    inbox->blocks[inbox->block_count++] =
        (struct omc_inbox_block){inbox->chunk, inbox->buffer.end - inbox->begin, inbox->level};
    inbox->level = 0;
    inbox->chunk = NULL;
}

/* One with so much room at its end. */
static struct omc_chunk *find_chunk(struct omc_chunks *chunks, size_t wanted)
{
    if (wanted > OMC_CHUNK_SIZE)
        return omc_chunk_new(chunks, wanted);
    return omc_chunk_take(chunks, wanted);
}

/* Goes on in another region, which takes along the beginning of the message at the
 * front and has room for `wanted` bytes of it. */
static bool change_region(struct omc_inbox *inbox, struct omc_chunks *chunks, size_t wanted)
{
    struct omc_buffer old = inbox->buffer;
    struct omc_chunk *chunk;

    if (inbox->level != 0 && !reserve_block(inbox))
        return false;
    chunk = find_chunk(chunks, wanted);
    if (chunk == NULL)
        return false;
    memcpy(chunk->bytes + chunk->used, omc_buffer_data(&old), omc_buffer_size(&old));
    if (inbox->level != 0) {
        pin_region(inbox);
        omc_inbox_begin(inbox, chunk, wanted);
    } else {
        struct omc_inbox last = *inbox;

        omc_inbox_begin(inbox, chunk, wanted);
        omc_inbox_drop(&last);
    }
    omc_buffer_commit(&inbox->buffer, omc_buffer_size(&old));
    return true;
}

/* The beginning of the chunk, if it is free, is as good as another chunk. */
static bool move_to_the_front(struct omc_inbox *inbox, size_t wanted)
{
    struct omc_buffer *buffer = &inbox->buffer;
    size_t size = omc_buffer_size(buffer);

    if (inbox->level != 0 || inbox->chunk->holders > 1 || wanted > inbox->chunk->capacity)
        return false;
    memmove(buffer->base, omc_buffer_data(buffer), size);
    *buffer = (struct omc_buffer){buffer->base, size, 0, size};
    inbox->begin = 0;
    inbox->chunk->used = size;
    return true;
}

/* Where the region may end at most. */
static size_t reach(const struct omc_inbox *inbox)
{
    return is_at_the_end(inbox) ? inbox->chunk->capacity : inbox->buffer.capacity;
}

/* Sees to it that the region can have `wanted` bytes from the message at the front on. */
static bool reserve(struct omc_inbox *inbox, struct omc_chunks *chunks, size_t wanted)
{
    if (inbox->chunk == NULL) {
        struct omc_chunk *chunk =
            find_chunk(chunks, inbox->expected > wanted ? inbox->expected : wanted);

        if (chunk == NULL)
            return false;
        inbox->expected = 0;
        omc_inbox_begin(inbox, chunk, wanted);
        return true;
    }
    return reach(inbox) - inbox->buffer.start >= wanted || move_to_the_front(inbox, wanted) ||
           change_region(inbox, chunks, wanted);
}

/* How many bytes there may be from the front on, which needs `least`; fewer if that is too
 * much. */
static size_t allowance(const struct omc_inbox *inbox, size_t least, size_t limit)
{
    size_t size = omc_buffer_size(&inbox->buffer);
    size_t pinned = omc_inbox_size_below(inbox, UINT_MAX);

    if (pinned == 0) {
        if (limit < OMC_INBOX_LEAST)
            limit = OMC_INBOX_LEAST;
        return limit < least ? least : limit;
    }
    if (inbox->level != 0)
        pinned -= size;
    return limit > pinned ? limit - pinned : 0;
}

enum omc_inbox_room omc_inbox_find_room(struct omc_inbox *inbox, struct omc_chunks *chunks,
                                        size_t message, size_t limit)
{
    struct omc_buffer *buffer = &inbox->buffer;
    size_t size = omc_buffer_size(buffer);
    size_t least = message > size ? message : size + 1;
    size_t allowed = allowance(inbox, least, limit);
    size_t room = least > size + OMC_INBOX_READ ? least : size + OMC_INBOX_READ;

    if (allowed < least)
        return OMC_INBOX_STALLED;
    if (!reserve(inbox, chunks, message > size ? message : size + ROOM_MIN))
        return OMC_INBOX_NO_MEMORY;
    if (room > allowed)
        room = allowed;
    if (room > reach(inbox) - buffer->start)
        room = reach(inbox) - buffer->start;
    omc_inbox_set_end(inbox, buffer->start + room);
    return OMC_INBOX_ROOM;
}

void omc_inbox_keep_room(struct omc_inbox *inbox, size_t message)
{
    const struct omc_buffer *buffer = &inbox->buffer;

    if (message > omc_buffer_size(buffer) && message <= reach(inbox) - buffer->start)
        omc_inbox_set_end(inbox, buffer->start + message);
}

static bool is_in(const struct omc_chunk *chunk, const void *bytes)
{
    return (uintptr_t)bytes - (uintptr_t)chunk->bytes < chunk->capacity;
}

bool omc_inbox_lends(const struct omc_inbox *inbox, const void *bytes, unsigned level)
{
    if (inbox->level >= level && is_in(inbox->chunk, bytes))
        return true;
    for (size_t i = 0; i < inbox->block_count; i++) {
        if (inbox->blocks[i].level >= level && is_in(inbox->blocks[i].chunk, bytes))
            return true;
    }
    return false;
}

void omc_inbox_discard(struct omc_inbox *inbox)
{
    struct omc_buffer *buffer = &inbox->buffer;

    if (inbox->chunk == NULL)
        return;
    omc_buffer_consume(buffer, omc_buffer_size(buffer));
    if (inbox->level == 0)
        omc_inbox_drop(inbox);
    else
        omc_inbox_set_end(inbox, buffer->end);
}
