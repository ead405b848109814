/*
 * A connection's receive buffer.  Values are handed out where they lie in it,
 * and must not move until the application's next call: the memory they are in
 * is pinned, and when it is full another block takes over.
 *
 * Calls nest: a callback that looks at a value may make calls, which hand out others.
 * So memory is pinned at a level, the higher the deeper the call, and is taken back
 * from a level on.
 */
#ifndef OMC_CORE_INBOX_H
#define OMC_CORE_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

enum {
    OMC_INBOX_SIZE = 16384, /* of the first block */
    OMC_INBOX_KEPT = 65536, /* an empty block larger than this is given back */
};

struct omc_inbox {
    struct omc_buffer buffer;
    unsigned level; /* the lowest one that buffer has values of; 0: it is not pinned */
    struct omc_inbox_block {
        unsigned char *base;
        size_t capacity;
        unsigned level;
    } * blocks; /* that are pinned besides, the oldest first */
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

/* Makes room behind the bytes that are there, so that the message at the front
 * can grow to `message` bytes and at least one byte can be read.  limit is for
 * all memory of the inbox, the first block and one message excepted. */
enum omc_inbox_room omc_inbox_make_room(struct omc_inbox *inbox, size_t message, size_t limit);

/* Tells that a value in the buffer was handed out, at a level of at least 1. */
void omc_inbox_pin(struct omc_inbox *inbox, unsigned level);

/* Takes back what was handed out from that level on.  Whether that is all. */
bool omc_inbox_unpin(struct omc_inbox *inbox, unsigned level);

/* How much memory is pinned at lower levels. */
size_t omc_inbox_size_below(const struct omc_inbox *inbox, unsigned level);

/* Drops the bytes not yet decoded; what was handed out stays. */
void omc_inbox_discard(struct omc_inbox *inbox);

#endif
