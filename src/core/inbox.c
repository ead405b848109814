/*
 * The receive buffer and its pinned blocks.
 */
#include "core/inbox.h"

#include <string.h>

#include "base/memory.h"

void omc_inbox_init(struct omc_inbox *inbox)
{
    memset(inbox, 0, sizeof(*inbox));
}

static void free_pinned_blocks(struct omc_inbox *inbox)
{
    for (size_t i = 0; i < inbox->pinned_count; i++)
        omc_memory_free(inbox->pinned_blocks[i]);
    inbox->pinned_count = 0;
    inbox->pinned_size = 0;
}

void omc_inbox_fini(struct omc_inbox *inbox)
{
    free_pinned_blocks(inbox);
    omc_buffer_fini(&inbox->buffer);
    inbox->pinned = false;
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

/* The buffer must stay where it is: continue in a new block, which takes along
 * the beginning of the message at the front. */
static enum omc_inbox_room change_block(struct omc_inbox *inbox, size_t message, size_t limit)
{
    struct omc_buffer *old = &inbox->buffer;
    size_t used = inbox->pinned_size + old->capacity;
    size_t left = limit > used ? limit - used : 0;
    size_t capacity = old->capacity * 2 > message ? old->capacity * 2 : message;
    struct omc_buffer next;

    if (capacity > left)
        capacity = left;
    if (capacity < message || capacity <= omc_buffer_size(old) ||
        inbox->pinned_count == OMC_INBOX_BLOCKS)
        return OMC_INBOX_STALLED;
    omc_buffer_init(&next);
    if (!omc_buffer_reserve(&next, capacity))
        return OMC_INBOX_NO_MEMORY;
    omc_buffer_append(&next, omc_buffer_data(old), omc_buffer_size(old));
    inbox->pinned_blocks[inbox->pinned_count++] = old->base;
    inbox->pinned_size = used;
    inbox->buffer = next;
    inbox->pinned = false;
    return OMC_INBOX_ROOM;
}

enum omc_inbox_room omc_inbox_make_room(struct omc_inbox *inbox, size_t message, size_t limit)
{
    struct omc_buffer *buffer = &inbox->buffer;

    if (!inbox->pinned)
        omc_buffer_rewind(buffer);
    if (omc_buffer_room(buffer) > 0 && buffer->capacity - buffer->start >= message)
        return OMC_INBOX_ROOM;
    return inbox->pinned ? change_block(inbox, message, limit) : grow(inbox, message);
}

void omc_inbox_pin(struct omc_inbox *inbox)
{
    inbox->pinned = true;
}

void omc_inbox_unpin(struct omc_inbox *inbox)
{
    free_pinned_blocks(inbox);
    inbox->pinned = false;
    omc_buffer_trim(&inbox->buffer, OMC_INBOX_KEPT);
}

void omc_inbox_discard(struct omc_inbox *inbox)
{
    omc_buffer_consume(&inbox->buffer, omc_buffer_size(&inbox->buffer));
    if (!inbox->pinned)
        omc_buffer_fini(&inbox->buffer);
}
