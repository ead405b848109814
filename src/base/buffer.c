/*
 * A growing byte queue; see buffer.h.
 */
#include "base/buffer.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"

void omc_buffer_init(struct omc_buffer *buffer)
{
    memset(buffer, 0, sizeof(*buffer));
}

void omc_buffer_fini(struct omc_buffer *buffer)
{
    omc_memory_free(buffer->base);
    omc_buffer_init(buffer);
}

static void move_to_front(struct omc_buffer *buffer)
{
    if (buffer->start == 0)
        return;
    memmove(buffer->base, buffer->base + buffer->start, omc_buffer_size(buffer));
    buffer->end -= buffer->start;
    buffer->start = 0;
}

static bool grow(struct omc_buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity > SIZE_MAX / 2 ? SIZE_MAX : buffer->capacity * 2;
    unsigned char *base;

    if (capacity < needed)
        capacity = needed;
    base = omc_memory_resize(buffer->base, capacity, 1);
    if (base == NULL)
        return false;
    buffer->base = base;
    buffer->capacity = capacity;
    return true;
}

bool omc_buffer_make_room(struct omc_buffer *buffer, size_t more)
{
    size_t size = omc_buffer_size(buffer);

    if (more > SIZE_MAX - size)
        return false;
    /* Moving less than half of the buffer keeps the cost per byte constant. */
    if (size + more <= buffer->capacity && size <= buffer->capacity / 2) {
        move_to_front(buffer);
        return true;
    }
    if (!grow(buffer, size + more))
        return false;
    move_to_front(buffer);
    return true;
}

bool omc_buffer_append(struct omc_buffer *buffer, const void *bytes, size_t size)
{
    if (size == 0)
        return true;
    if (!omc_buffer_reserve(buffer, size))
        return false;
    memcpy(omc_buffer_tail(buffer), bytes, size);
    omc_buffer_commit(buffer, size);
    return true;
}
