/*
 * Memory that the servers of a handle share: it is theirs while they have something to
 * send or to receive.
 */
#ifndef OMC_LINK_POOL_H
#define OMC_LINK_POOL_H

#include "base/blocks.h"
#include "link/chunk.h"

struct omc_pool {
    struct omc_chunks chunks; /* to receive into */
    struct omc_blocks blocks; /* for what is to be sent, and for what is owed */
};

static inline void omc_pool_init(struct omc_pool *pool)
{
    omc_chunk_init(&pool->chunks);
    omc_blocks_init(&pool->blocks);
}

/* Nobody may use any of it any more. */
static inline void omc_pool_fini(struct omc_pool *pool)
{
    omc_chunk_fini(&pool->chunks);
    omc_blocks_fini(&pool->blocks);
}

#endif
