/*
 * Blocks of memory that are needed again and again: who needs one no more puts it
 * back, and who needs one next takes it from there.  They have a few sizes, each twice
 * the one before; what is larger, or too much to keep, is freed.
 */
#ifndef OMC_BASE_BLOCKS_H
#define OMC_BASE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

enum {
    OMC_BLOCKS_LEAST = 1024, /* the size of the smallest ones */
    OMC_BLOCKS_SIZES = 7,
    OMC_BLOCKS_KEPT = 128 * 1024, /* when so much is kept, the next one is freed */
};

struct omc_block {
    struct omc_block *next;
};

struct omc_blocks {
    struct omc_block *kept[OMC_BLOCKS_SIZES]; /* by size */
    size_t size;                              /* of all that are kept */
};

void omc_blocks_init(struct omc_blocks *blocks);
void omc_blocks_fini(struct omc_blocks *blocks);

/* A block of at least *size bytes, which becomes its real size; NULL without memory. */
void *omc_blocks_take(struct omc_blocks *blocks, size_t *size);

/* Puts one back, or anything of any size that omc_memory_free would free. */
void omc_blocks_put(struct omc_blocks *blocks, void *memory, size_t size);

/* The size of what is taken for so many bytes. */
size_t omc_blocks_size(size_t size);

/* Makes room in a buffer that has too little. */
bool omc_blocks_grow(struct omc_blocks *blocks, struct omc_buffer *buffer, size_t more);

/* omc_buffer_reserve with blocks in place of allocations. */
static inline bool omc_blocks_reserve(struct omc_blocks *blocks, struct omc_buffer *buffer,
                                      size_t more)
{
    struct omc_block *block = blocks->kept[0];

    if (more <= omc_buffer_room(buffer))
        return true;
    if (buffer->base != NULL || more > OMC_BLOCKS_LEAST || block == NULL)
        return omc_blocks_grow(blocks, buffer, more);
    blocks->kept[0] = block->next;
    blocks->size -= OMC_BLOCKS_LEAST;
    *buffer = (struct omc_buffer){(unsigned char *)block, OMC_BLOCKS_LEAST, 0, 0};
    return true;
}

/* Gives back the block of an empty buffer. */
static inline void omc_blocks_release(struct omc_blocks *blocks, struct omc_buffer *buffer)
{
    struct omc_block *block = (struct omc_block *)(void *)buffer->base;

    if (buffer->capacity != OMC_BLOCKS_LEAST || blocks->size >= OMC_BLOCKS_KEPT) {
        omc_blocks_put(blocks, block, buffer->capacity);
    } else {
        block->next = blocks->kept[0];
        blocks->kept[0] = block;
        blocks->size += OMC_BLOCKS_LEAST;
    }
    *buffer = (struct omc_buffer){NULL, 0, 0, 0};
}

#endif
