/*
 * Copies of the bytes of requests that wait to be sent, in blocks.  A block goes back when
 * nothing that is in it waits any more.
 */
#ifndef OMC_LINK_STORE_H
#define OMC_LINK_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/blocks.h"
#include "proto/ask.h"

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

void omc_store_release(struct omc_store *store, struct omc_store_block *block);

#endif
