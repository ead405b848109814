/*
 * What a connection has received.  Values are handed out where they lie, and must not
 * move until the application's next call: they are pinned.
 *
 * The memory is taken from the handle's chunks (link/chunk.h), as a region of one of
 * them: before a read the region gets room, afterwards it gives back what it does not
 * need.  It is kept while a message in it is not complete, or values in it are pinned.
 *
 * Calls nest: a callback that looks at a value may make calls, which hand out others.
 * So memory is pinned at a level, the higher the deeper the call, and is taken back
 * from a level on.
 */
#ifndef OMC_LINK_INBOX_H
#define OMC_LINK_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "link/chunk.h"

enum {
    OMC_INBOX_LEAST = 16384, /* that may be received, whatever the limit */
    /* How much is read at once of messages whose length is not known yet; so much at most
     * is copied when one turns out to need a chunk of its own. */
    OMC_INBOX_READ = 68 * 1024,
};

struct omc_inbox {
    /* What is not yet decoded, in the chunk; its capacity is where the region ends. */
    struct omc_buffer buffer;
    struct omc_chunk *chunk; /* NULL: there is no region, and the buffer is empty */
    size_t begin;            /* where it begins; values that are pinned lie behind that */
    size_t expected;         /* the last one had a chunk of its own, and needed so much; else 0 */
    unsigned level;          /* the lowest one that it has values of; 0: none */
    struct omc_inbox_block {
        struct omc_chunk *chunk;
        size_t size;
        unsigned level;
    } * blocks; /* the regions before it that are pinned, the oldest first */
    size_t block_count;
    size_t block_room;
};

enum omc_inbox_room {
    OMC_INBOX_ROOM,
    OMC_INBOX_STALLED, /* no more before the pinned values are released */
    OMC_INBOX_NO_MEMORY,
};

void omc_inbox_init(struct omc_inbox *inbox);
void omc_inbox_fini(struct omc_inbox *inbox);

/* omc_inbox_make_room, wherever there is room. */
enum omc_inbox_room omc_inbox_find_room(struct omc_inbox *inbox, struct omc_chunks *chunks,
                                        size_t message, size_t limit);

/* For omc_inbox_rest: keeps room for a message of so many bytes. */
void omc_inbox_keep_room(struct omc_inbox *inbox, size_t message);

/* Makes the region end there, unless somebody has taken what is behind it. */
static inline void omc_inbox_set_end(struct omc_inbox *inbox, size_t end)
{
    if (inbox->chunk->used == inbox->buffer.capacity)
        inbox->chunk->used = inbox->buffer.capacity = end;
}

/* Large values seldom come alone: a region that ends in a chunk of its own makes the next
 * one begin in such a chunk, so that nothing of its value need be moved there. */
static inline void omc_inbox_note_size(struct omc_inbox *inbox)
{
    if (inbox->buffer.end > OMC_CHUNK_SIZE)
        inbox->expected = inbox->buffer.end;
}

/* Ends a region, with nothing in it to be kept. */
static inline void omc_inbox_drop(struct omc_inbox *inbox)
{
    struct omc_chunk *chunk = inbox->chunk;

    omc_inbox_note_size(inbox);
    if (chunk->used == inbox->buffer.capacity)
        chunk->used = inbox->begin;
    inbox->chunk = NULL;
    omc_chunk_release(chunk);
}

/* Begins a region where a chunk is free. */
static inline void omc_inbox_begin(struct omc_inbox *inbox, struct omc_chunk *chunk, size_t size)
{
    size_t begin = chunk->used;

    omc_chunk_hold(chunk);
    inbox->chunk = chunk;
    inbox->begin = begin;
    inbox->buffer = (struct omc_buffer){chunk->bytes, begin + size, begin, begin};
    chunk->used = begin + size;
}

/* Makes room behind the bytes that are there, so that the message at the front can grow
 * to `message` bytes (0: there is none) and at least one byte can be read.  limit is for
 * all that is pinned and that message together; where nothing is pinned, for what is read
 * besides one message, and OMC_INBOX_LEAST at least. */
static inline enum omc_inbox_room omc_inbox_make_room(struct omc_inbox *inbox,
                                                      struct omc_chunks *chunks, size_t message,
                                                      size_t limit)
{
    struct omc_chunk *chunk = chunks->current;

    if (inbox->chunk != NULL || (inbox->block_count | inbox->expected) > 0 ||
        limit < OMC_INBOX_READ || chunk == NULL || chunk->capacity - chunk->used < OMC_INBOX_READ)
        return omc_inbox_find_room(inbox, chunks, message, limit);
    omc_inbox_begin(inbox, chunk, OMC_INBOX_READ);
    return OMC_INBOX_ROOM;
}

/* Tells how many bytes were read into that room; the rest of it is free again. */
static inline void omc_inbox_commit(struct omc_inbox *inbox, size_t count)
{
    omc_buffer_commit(&inbox->buffer, count);
    omc_inbox_set_end(inbox, inbox->buffer.end);
}

/* Tells that nothing more can be decoded now: the memory is free, or kept for what is
 * to come of a message of so many bytes. */
static inline void omc_inbox_rest(struct omc_inbox *inbox, size_t message)
{
    if (omc_buffer_size(&inbox->buffer) > 0)
        omc_inbox_keep_room(inbox, message);
    else if (inbox->level == 0 && inbox->chunk != NULL)
        omc_inbox_drop(inbox);
}

/* The levels of omc_inbox_pin: of the values that a call hands out, calls that have
 * not returned being so many; and of what a callback that it runs looks at. */
static inline unsigned omc_inbox_level_of_call(unsigned depth)
{
    return 2 * depth;
}

static inline unsigned omc_inbox_level_of_callback(unsigned depth)
{
    return 2 * depth + 1;
}

/* Tells that a value in the buffer was handed out, at a level of at least 1. */
static inline void omc_inbox_pin(struct omc_inbox *inbox, unsigned level)
{
    if (inbox->level == 0 || level < inbox->level)
        inbox->level = level;
}

/* Whether nothing is pinned. */
static inline bool omc_inbox_is_free(const struct omc_inbox *inbox)
{
    return inbox->level == 0 && inbox->block_count == 0;
}

/* For omc_inbox_unpin: the same for the regions before the current one. */
void omc_inbox_free_blocks(struct omc_inbox *inbox, unsigned level);

/* Takes back what was handed out from that level on.  Whether that is all. */
static inline bool omc_inbox_unpin(struct omc_inbox *inbox, unsigned level)
{
    if (inbox->block_count > 0)
        omc_inbox_free_blocks(inbox, level);
    if (inbox->level >= level) {
        inbox->level = 0;
        inbox->begin = inbox->buffer.start;
        if (omc_buffer_size(&inbox->buffer) == 0)
            omc_inbox_drop(inbox);
    }
    return omc_inbox_is_free(inbox);
}

/* Whether there are bytes at that address which would be taken back from that level on. */
bool omc_inbox_lends(const struct omc_inbox *inbox, const void *bytes, unsigned level);

/* How much memory is pinned at lower levels. */
size_t omc_inbox_count_below(const struct omc_inbox *inbox, unsigned level);

static inline size_t omc_inbox_size_below(const struct omc_inbox *inbox, unsigned level)
{
    return omc_inbox_is_free(inbox) ? 0 : omc_inbox_count_below(inbox, level);
}

/* Drops the bytes not yet decoded; what was handed out stays. */
void omc_inbox_discard(struct omc_inbox *inbox);

#endif
