/*
 * Bytes in one piece of memory that is somebody else's: written at the end, read at the front.
 */
#ifndef OMC_BASE_BUFFER_H
#define OMC_BASE_BUFFER_H

#include <stddef.h>

struct omc_buffer {
    unsigned char *base;
    size_t capacity;
    size_t start; /* first byte not yet consumed */
    size_t end;   /* first byte not yet written */
};

static inline size_t omc_buffer_size(const struct omc_buffer *buffer)
{
    return buffer->end - buffer->start;
}

static inline const unsigned char *omc_buffer_data(const struct omc_buffer *buffer)
{
    return buffer->base + buffer->start;
}

/* How many bytes fit behind the last one as things are. */
static inline size_t omc_buffer_room(const struct omc_buffer *buffer)
{
    return buffer->capacity - buffer->end;
}

/* Where the next bytes go. */
static inline unsigned char *omc_buffer_tail(struct omc_buffer *buffer)
{
    return buffer->base + buffer->end;
}

/* Counts `size` bytes at the tail as written. */
static inline void omc_buffer_commit(struct omc_buffer *buffer, size_t size)
{
    buffer->end += size;
}

/* Drops bytes from the front, which stay where they are. */
static inline void omc_buffer_consume(struct omc_buffer *buffer, size_t size)
{
    buffer->start += size;
}

#endif
