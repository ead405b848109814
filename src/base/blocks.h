/*
 * Blocks of memory that are needed again and again: who needs one no more puts it
 * back, and who needs one next takes it from there.  They have a few sizes, each twice
 * the one before; what is larger, or too much to keep, is freed.
 */
#ifndef OMC_BASE_BLOCKS_H
#define OMC_BASE_BLOCKS_H

#include <stddef.h>

enum {
    OMC_BLOCKS_LEAST = 1024, /* the size of the smallest ones */
    OMC_BLOCKS_SIZES = 7,
    OMC_BLOCKS_KEPT = 192 * 1024, /* when so much is kept, the next one is freed */
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

#endif
