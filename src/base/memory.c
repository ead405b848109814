/*
 * Allocation, with overflow checks.
 */
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *omc_memory_new(size_t count, size_t size)
{
    return calloc(count, size);
}

void *omc_memory_resize(void *old, size_t count, size_t size)
{
    /* Of size 0, realloc would free; and no object is larger than this. */
    if (count == 0 || size == 0 || count > PTRDIFF_MAX / size)
        return NULL;
    return realloc(old, count * size);
}

char *omc_memory_copy_string(const char *bytes, size_t len)
{
    char *copy = malloc(len + 1);

    if (copy == NULL)
        return NULL;
    memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

void omc_memory_free(void *memory)
{
    free(memory);
}
