/*
 * The receive buffer and its pinned blocks.
 */
#include "core/inbox.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"

enum {
    BLOCKS_MIN = 4,
};

void omc_inbox_init(struct omc_inbox *inbox)
{
    memset(inbox, 0, sizeof(*inbox));
}

static void free_blocks(struct omc_inbox *inbox, unsigned level)
{
    size_t kept = 0;

    for (size_t i = 0; i < inbox->block_count; i++) {
        if (inbox->blocks[i].level < level)
            inbox->blocks[kept++] = inbox->blocks[i];
        else
            omc_memory_free(inbox->blocks[i].base);
    }
    inbox->block_count = kept;
}

void omc_inbox_fini(struct omc_inbox *inbox)
{
    free_blocks(inbox, 0);
    omc_memory_free(inbox->blocks);
    omc_buffer_fini(&inbox->buffer);
    omc_inbox_init(inbox);
}

size_t omc_inbox_size_below(const struct omc_inbox *inbox, unsigned level)
{
    size_t size = inbox->level != 0 && inbox->level < level ? inbox->buffer.capacity : 0;

    for (size_t i = 0; i < inbox->block_count; i++) {
        if (inbox->blocks[i].level < level)
            size += inbox->blocks[i].capacity;
    }
    return size;
}

/* The buffer may be moved: let it grow in place. */
static enum omc_inbox_room grow(struct omc_inbox *inbox, size_t message)
{
    size_t size = omc_buffer_size(&inbox->buffer);
    size_t wanted = message > OMC_INBOX_SIZE ? message : OMC_INBOX_SIZE;

    if (wanted <= size)
        wanted = size + 1;
    if (!omc_buffer_reserve(&inbox->buffer, wanted - size))
        return OMC_INBOX_NO_MEMORY;
    return OMC_INBOX_ROOM;
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

/* How large the next block should be: those of one level grow, so that they are few;
 * there may be many levels. */
static size_t next_capacity(const struct omc_inbox *inbox)
{
    size_t count = inbox->block_count;

    if (count > 0 && inbox->blocks[count - 1].level == inbox->level)
        return 2 * inbox->buffer.capacity;
    return OMC_INBOX_SIZE;
}

/* The buffer must stay where it is: continue in a new block, which takes along
 * the beginning of the message at the front. */
static enum omc_inbox_room change_block(struct omc_inbox *inbox, size_t message, size_t limit)
{
    struct omc_buffer *old = &inbox->buffer;
    size_t used = omc_inbox_size_below(inbox, UINT_MAX);
    size_t left = limit > used ? limit - used : 0;
    size_t wanted = next_capacity(inbox);
    size_t capacity = wanted > message ? wanted : message;
    struct omc_buffer next;

    if (capacity <= omc_buffer_size(old)) /* of a message that may have any length */
        capacity = 2 * omc_buffer_size(old);
    if (capacity > left)
        capacity = left;
    if (capacity < message || capacity <= omc_buffer_size(old))
        return OMC_INBOX_STALLED;
    omc_buffer_init(&next);
    if (!reserve_block(inbox) || !omc_buffer_reserve(&next, capacity))
        return OMC_INBOX_NO_MEMORY;
    omc_buffer_append(&next, omc_buffer_data(old), omc_buffer_size(old));
    inbox->blocks[inbox->block_count++] =
        (struct omc_inbox_block){old->base, old->capacity, inbox->level};
    inbox->buffer = next;
    inbox->level = 0;
    return OMC_INBOX_ROOM;
}

enum omc_inbox_room omc_inbox_make_room(struct omc_inbox *inbox, size_t message, size_t limit)
{
    struct omc_buffer *buffer = &inbox->buffer;

    if (inbox->level == 0)
        omc_buffer_rewind(buffer);
    if (omc_buffer_room(buffer) > 0 && buffer->capacity - buffer->start >= message)
        return OMC_INBOX_ROOM;
    return inbox->level != 0 ? change_block(inbox, message, limit) : grow(inbox, message);
}

void omc_inbox_pin(struct omc_inbox *inbox, unsigned level)
{
    if (inbox->level == 0 || level < inbox->level)
        inbox->level = level;
}

bool omc_inbox_unpin(struct omc_inbox *inbox, unsigned level)
{
    free_blocks(inbox, level);
    if (inbox->level >= level)
        inbox->level = 0;
    if (inbox->level == 0)
        omc_buffer_trim(&inbox->buffer, OMC_INBOX_KEPT);
    return inbox->level == 0 && inbox->block_count == 0;
}

void omc_inbox_discard(struct omc_inbox *inbox)
{
    omc_buffer_consume(&inbox->buffer, omc_buffer_size(&inbox->buffer));
    if (inbox->level == 0)
        omc_buffer_fini(&inbox->buffer);
}
