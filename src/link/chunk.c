/*
 * Making, keeping and freeing chunks.
 */
#include "link/chunk.h"

#include <stdint.h>

#include "base/memory.h"

void omc_chunk_init(struct omc_chunks *chunks)
{
    *chunks = (struct omc_chunks){NULL, NULL};
}

void omc_chunk_fini(struct omc_chunks *chunks)
{
    omc_memory_free(chunks->current);
    omc_memory_free(chunks->spare);
    omc_chunk_init(chunks);
}

struct omc_chunk *omc_chunk_new(struct omc_chunks *chunks, size_t capacity)
{
    struct omc_chunk *chunk = NULL;

    if (capacity <= SIZE_MAX - sizeof(*chunk))
        chunk = omc_memory_resize(NULL, sizeof(*chunk) + capacity, 1);
    if (chunk == NULL)
        return NULL;
    *chunk = (struct omc_chunk){.chunks = chunks, .capacity = capacity};
    return chunk;
}

struct omc_chunk *omc_chunk_next(struct omc_chunks *chunks)
{
    struct omc_chunk *next = chunks->spare;

    if (next == NULL)
        next = omc_chunk_new(chunks, OMC_CHUNK_SIZE);
    if (next == NULL)
        return NULL;
    chunks->spare = NULL;
    chunks->current = next; /* the one before is retired when it is released */
    return next;
}

void omc_chunk_retire(struct omc_chunk *chunk)
{
    struct omc_chunks *chunks = chunk->chunks;

    if (chunk->capacity == OMC_CHUNK_SIZE && chunks->spare == NULL)
        chunks->spare = chunk;
    else
        omc_memory_free(chunk);
}
