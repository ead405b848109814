/*
 * Memory that the servers of a handle share: it is theirs while they have something to
 * send or to receive.
 */
#ifndef OMC_LINK_POOL_H
#define OMC_LINK_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blocks.h"
#include "base/memory.h"
#include "link/chunk.h"

enum {
    OMC_POOL_LONE_SIZE = 68 * 1024, /* enough for a value of 64 KiB */
};

struct omc_pool {
    struct omc_chunks chunks; /* to receive into */
    struct omc_blocks blocks; /* for what is to be sent, and for what is owed */
    unsigned char *lone;      /* what lone.h receives into, and hands out from; NULL: not yet */
};

static inline void omc_pool_init(struct omc_pool *pool)
{
    omc_chunk_init(&pool->chunks);
    omc_blocks_init(&pool->blocks);
    pool->lone = NULL;
}

/* Nobody may use any of it any more. */
static inline void omc_pool_fini(struct omc_pool *pool)
{
    omc_chunk_fini(&pool->chunks);
    omc_blocks_fini(&pool->blocks);
    omc_memory_free(pool->lone);
    pool->lone = NULL;
}

/* Whether there is memory for a lone answer. */
static inline bool omc_pool_has_lone(struct omc_pool *pool)
{
    if (pool->lone == NULL)
        pool->lone = omc_memory_resize(NULL, OMC_POOL_LONE_SIZE, 1);
    return pool->lone != NULL;
}

/* Whether bytes at that address are in it. */
static inline bool omc_pool_is_lone(const struct omc_pool *pool, const void *bytes)
{
    return (uintptr_t)bytes - (uintptr_t)pool->lone < OMC_POOL_LONE_SIZE;
}

#endif
