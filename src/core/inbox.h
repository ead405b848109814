/*
 * A connection's receive buffer.  Values are handed out where they lie in it,
 * and must not move until the application's next call: the memory they are in
 * is pinned, and when it is full another block takes over.
 */
#ifndef OMC_CORE_INBOX_H
#define OMC_CORE_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

enum {
    OMC_INBOX_SIZE = 16384, /* of the first block */
    OMC_INBOX_KEPT = 65536, /* an empty block larger than this is given back */
    OMC_INBOX_BLOCKS = 24,  /* each at least twice as large as the one before */
};

struct omc_inbox {
    struct omc_buffer buffer;
    bool pinned;                                    /* buffer has values that were handed out, */
    unsigned char *pinned_blocks[OMC_INBOX_BLOCKS]; /* and so have these */
    size_t pinned_count;
    size_t pinned_size;
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

/* Tells that a value in the buffer was handed out. */
void omc_inbox_pin(struct omc_inbox *inbox);

/* Takes everything back that was handed out. */
void omc_inbox_unpin(struct omc_inbox *inbox);

/* Drops the bytes not yet decoded; what was handed out stays. */
void omc_inbox_discard(struct omc_inbox *inbox);

#endif
