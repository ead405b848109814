/*
 * Blocks with bytes of requests; see store.h.
 */
#include "link/store.h"

#include <stdint.h>
#include <string.h>

#include "base/copy.h"

enum {
    BLOCK_MAX = 32 * 1024, /* but for a request that is larger */
};

/* A block with so much room; NULL without memory. */
static struct omc_store_block *find_block(struct omc_store *store, size_t room)
{
    struct omc_store_block *block = store->current;
    size_t size = OMC_BLOCKS_LEAST;

    if (block != NULL && block->size - sizeof(*block) - block->used >= room)
        return block;
    if (block != NULL && block->size < BLOCK_MAX)
        size = 2 * block->size;
    if (size < sizeof(*block) + room)
        size = sizeof(*block) + room;
    block = omc_blocks_take(store->blocks, &size);
    if (block == NULL)
        return NULL;
    *block = (struct omc_store_block){.size = size};
    store->current = block; /* the one before goes when it is released */
    return block;
}

static const unsigned char *copy_bytes(struct omc_store_block *block, const unsigned char *bytes,
                                       size_t len)
{
    unsigned char *at = block->bytes + block->used;

    if (len > 0)
        omc_copy_bytes(at, bytes, len);
    block->used += len;
    return at;
}

struct omc_store_block *omc_store_keep(struct omc_store *store, struct omc_ask *ask)
{
    size_t extra_len = ask->extra_len, key_len = ask->key_len, value_len = ask->value_len;
    struct omc_store_block *block = NULL;

    if (value_len <= SIZE_MAX / 2)
        block = find_block(store, key_len + extra_len + value_len);
    if (block == NULL)
        return NULL;
    ask->key = copy_bytes(block, ask->key, key_len);
    ask->extra = copy_bytes(block, ask->extra, extra_len);
    ask->value = copy_bytes(block, ask->value, value_len);
    block->holders++;
    return block;
}

bool omc_store_encode(struct omc_store *store, const struct omc_codec *codec, uint32_t number,
                      struct omc_pending *pending)
{
    struct omc_ask *ask = &pending->ask;
    struct omc_store_block *block = NULL;
    unsigned char *begin, *at;

    if (ask->value_len <= OMC_ASK_VALUE_MAX)
        block = find_block(store, omc_codec_room(ask));
    if (block == NULL)
        return false;
    begin = block->bytes + block->used;
    at = codec->encode(begin, ask, number);
    ask->key = begin + codec->key_offset(ask);
    if (ask->value_len > 0) {
        omc_copy_bytes(at, ask->value, ask->value_len);
        ask->value = at;
        at += ask->value_len;
    }
    memcpy(at, OMC_CODEC_TAIL, OMC_CODEC_TAIL_MAX);
    at += omc_codec_tail_size(codec, ask->op);
    pending->encoded = begin;
    pending->encoded_len = (uint32_t)(at - begin);
    pending->kept = block;
    block->used += pending->encoded_len;
    block->holders++;
    return true;
}

void omc_store_release(struct omc_store *store, struct omc_store_block *block)
{
    if (--block->holders > 0)
        return;
    if (store->current == block)
        store->current = NULL;
    omc_blocks_put(store->blocks, block, block->size);
}
