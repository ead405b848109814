/*
 * Memory to receive into, which belongs to a handle and not to its servers: those that
 * read after one another put their answers behind one another in the same chunk.
 *
 * A chunk is used from its beginning to its end, and from its beginning again when
 * nobody holds anything in it any more.  So a server that owes no answer costs nothing.
 */
#ifndef OMC_LINK_CHUNK_H
#define OMC_LINK_CHUNK_H

#include <stdbool.h>
#include <stddef.h>

enum {
    OMC_CHUNK_SIZE = 131008, /* with the allocator's overhead, not more than 128 KiB */
};

struct omc_chunks;

struct omc_chunk {
    struct omc_chunks *chunks; /* that it belongs to */
    size_t capacity;
    size_t used;      /* what is behind that is free */
    unsigned holders; /* who keep bytes in front of it */
    unsigned char bytes[];
};

struct omc_chunks {
    struct omc_chunk *current; /* the one to take from, or NULL */
    struct omc_chunk *spare;   /* an empty one, or NULL */
};

void omc_chunk_init(struct omc_chunks *chunks);

/* Nobody may hold anything any more. */
void omc_chunk_fini(struct omc_chunks *chunks);

/* Another current chunk in place of one that is held; NULL without memory. */
struct omc_chunk *omc_chunk_next(struct omc_chunks *chunks);

/* A chunk for one only, of any capacity; NULL without memory. */
struct omc_chunk *omc_chunk_new(struct omc_chunks *chunks, size_t capacity);

/* For omc_chunk_release: nobody holds anything in it any more. */
void omc_chunk_retire(struct omc_chunk *chunk);

/* The current chunk if it has so much room, OMC_CHUNK_SIZE at most, else the next one;
 * NULL without memory. */
static inline struct omc_chunk *omc_chunk_take(struct omc_chunks *chunks, size_t room)
{
    struct omc_chunk *chunk = chunks->current;

    if (chunk != NULL && chunk->capacity - chunk->used >= room)
        return chunk;
    return omc_chunk_next(chunks);
}

static inline void omc_chunk_hold(struct omc_chunk *chunk)
{
    chunk->holders++;
}

/* May free it. */
static inline void omc_chunk_release(struct omc_chunk *chunk)
{
    if (--chunk->holders > 0)
        return;
    chunk->used = 0;
    if (chunk != chunk->chunks->current)
        omc_chunk_retire(chunk);
}

#endif
