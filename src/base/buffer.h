/*
 * A queue of bytes in one piece: written at the end, read at the front.  An
 * empty buffer holds no memory until something is reserved.
 */
#ifndef OMC_BASE_BUFFER_H
#define OMC_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct omc_buffer {
    unsigned char *base;
    size_t capacity;
    size_t start; /* first byte not yet consumed */
    size_t end;   /* first byte not yet written */
};

void omc_buffer_init(struct omc_buffer *buffer);
void omc_buffer_fini(struct omc_buffer *buffer);

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

/* Makes room for `more` bytes, which moves the contents if need be; false when
 * there is no memory, with nothing changed. */
bool omc_buffer_make_room(struct omc_buffer *buffer, size_t more);

static inline bool omc_buffer_reserve(struct omc_buffer *buffer, size_t more)
{
    return more <= omc_buffer_room(buffer) || omc_buffer_make_room(buffer, more);
}

/* Where the next bytes go; room for them must have been reserved. */
static inline unsigned char *omc_buffer_tail(struct omc_buffer *buffer)
{
    return buffer->base + buffer->end;
}

/* Counts `size` bytes at the tail as written. */
static inline void omc_buffer_commit(struct omc_buffer *buffer, size_t size)
{
    buffer->end += size;
}

/* Copies bytes to the end; false when there is no memory, with nothing changed. */
bool omc_buffer_append(struct omc_buffer *buffer, const void *bytes, size_t size);

/* Drops bytes from the front.  Moves nothing: dropped bytes stay where they are
 * until room is made. */
static inline void omc_buffer_consume(struct omc_buffer *buffer, size_t size)
{
    buffer->start += size;
}

/* Drops bytes from the end until size are left. */
static inline void omc_buffer_truncate(struct omc_buffer *buffer, size_t size)
{
    buffer->end = buffer->start + size;
}

#endif
