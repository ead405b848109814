/*
 * Lists of free blocks, one for each size.
 */
#include "base/blocks.h"

#include "base/memory.h"

void omc_blocks_init(struct omc_blocks *blocks)
{
    *blocks = (struct omc_blocks){.size = 0};
}

void omc_blocks_fini(struct omc_blocks *blocks)
{
    for (size_t i = 0; i < OMC_BLOCKS_SIZES; i++) {
        while (blocks->kept[i] != NULL) {
            struct omc_block *block = blocks->kept[i];

            blocks->kept[i] = block->next;
            omc_memory_free(block);
        }
    }
    omc_blocks_init(blocks);
}

static size_t size_of(size_t place)
{
    return (size_t)OMC_BLOCKS_LEAST << place;
}

/* The place of the smallest size that is large enough, or OMC_BLOCKS_SIZES. */
static size_t place_of(size_t size)
{
    size_t place = 0;

    while (place < OMC_BLOCKS_SIZES && size_of(place) < size)
        place++;
    return place;
}

void *omc_blocks_take(struct omc_blocks *blocks, size_t *size)
{
    size_t place = place_of(*size);
    struct omc_block *block;

    if (place == OMC_BLOCKS_SIZES)
        return omc_memory_resize(NULL, *size, 1);
    *size = size_of(place);
    block = blocks->kept[place];
    if (block == NULL)
        return omc_memory_resize(NULL, *size, 1);
    blocks->kept[place] = block->next;
    blocks->size -= *size;
    return block;
}

void omc_blocks_put(struct omc_blocks *blocks, void *memory, size_t size)
{
    size_t place = place_of(size);
    struct omc_block *block = memory;

    if (place == OMC_BLOCKS_SIZES || size_of(place) != size || blocks->size >= OMC_BLOCKS_KEPT) {
        omc_memory_free(block);
        return;
    }
    block->next = blocks->kept[place];
    blocks->kept[place] = block;
    blocks->size += size;
}

size_t omc_blocks_size(size_t size)
{
    size_t place = place_of(size);

    return place == OMC_BLOCKS_SIZES ? size : size_of(place);
}
