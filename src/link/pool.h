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
#include "link/chunk.h"

enum {
    OMC_POOL_LONE_SIZE = 68 * 1024, /* enough for a value of 64 KiB */
};

struct omc_pool {
    struct omc_chunks chunks; /* to receive into */
    struct omc_blocks blocks; /* for what is to be sent, and for what is owed */

    /* Where a lone answer lies (lone.h) that was handed out; NULL: nowhere. */
    struct omc_chunk *lone;
    size_t lone_begin, lone_end;
};

static inline void omc_pool_init(struct omc_pool *pool)
{
    omc_chunk_init(&pool->chunks);
    omc_blocks_init(&pool->blocks);
    pool->lone = NULL;
}

/* Keeps so many bytes, which were received behind what is used of a chunk, as a lone answer. */
static inline void omc_pool_keep_lone(struct omc_pool *pool, struct omc_chunk *chunk, size_t size)
{
    omc_chunk_hold(chunk);
    pool->lone = chunk;
    pool->lone_begin = chunk->used;
    pool->lone_end = chunk->used += size;
}

/* Takes it back. */
static inline void omc_pool_drop_lone(struct omc_pool *pool)
{
    struct omc_chunk *chunk = pool->lone;

    pool->lone = NULL;
    if (chunk->used == pool->lone_end)
        chunk->used = pool->lone_begin;
    omc_chunk_release(chunk);
}

/* Whether bytes at that address are near it. */
static inline bool omc_pool_is_lone(const struct omc_pool *pool, const void *bytes)
{
    return pool->lone != NULL &&
           (uintptr_t)bytes - (uintptr_t)pool->lone->bytes < pool->lone->capacity;
}

/* Nobody may use any of it any more. */
static inline void omc_pool_fini(struct omc_pool *pool)
{
    if (pool->lone != NULL)
        omc_pool_drop_lone(pool);
    omc_chunk_fini(&pool->chunks);
    omc_blocks_fini(&pool->blocks);
}

#endif
