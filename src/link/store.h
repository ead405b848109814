/*
 * Copies of the bytes of requests that wait to be sent, in blocks.  A block goes back when
 * nothing that is in it waits any more.
 */
#ifndef OMC_LINK_STORE_H
#define OMC_LINK_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blocks.h"
#include "link/queue.h"
#include "proto/ask.h"
#include "proto/codec.h"

struct omc_store_block {
    size_t size; /* of the whole block */
    size_t used; /* of its bytes */
    unsigned holders;
    unsigned char bytes[];
};

struct omc_store {
    struct omc_blocks *blocks;       /* where they are from */
    struct omc_store_block *current; /* the one to take from, or NULL */
};

/* Copies what a request points to, and has it point to the copy.  The block that has it, to be
 * released; NULL without memory. */
struct omc_store_block *omc_store_keep(struct omc_store *store, struct omc_ask *ask);

/* The same with what a codec makes of a queued request, in which its key and its value are; that is
 * noted in it.  False without memory. */
bool omc_store_encode(struct omc_store *store, const struct omc_codec *codec, uint32_t number,
                      struct omc_pending *pending);

void omc_store_release(struct omc_store *store, struct omc_store_block *block);

#endif
