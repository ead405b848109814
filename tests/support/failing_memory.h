/*
 * An allocator in place of the library's, for the one file of a unit test program that
 * includes this: it counts, and fails when told to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FAILING_MEMORY_H
#define TESTS_FAILING_MEMORY_H

#include "base/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Allocations since the last of these calls, and blocks that there are. */
static size_t memory_allocations;
static size_t memory_alive;
static size_t memory_fail_from;
static size_t memory_fail_to;

/* From now on `count` allocations fail, beginning with the one of that number (1 is the
 * next). */
static inline void memory_fail(size_t from, size_t count)
{
    memory_allocations = 0;
    memory_fail_from = from;
    memory_fail_to = from + count;
}

/* None fails any more; those that did not come to fail are not counted. */
static inline bool memory_stop_failing(void)
{
    memory_fail_to = 0;
    return memory_allocations >= memory_fail_from;
}

static bool memory_is_failing(void)
{
    memory_allocations++;
    return memory_allocations >= memory_fail_from && memory_allocations < memory_fail_to;
}

static void *memory_note(void *memory)
{
    memory_alive += memory != NULL;
    return memory;
}

void *omc_memory_new(size_t count, size_t size)
{
    return memory_is_failing() ? NULL : memory_note(calloc(count, size));
}

void *omc_memory_resize(void *old, size_t count, size_t size)
{
    if (count == 0 || size == 0 || count > PTRDIFF_MAX / size || memory_is_failing())
        return NULL;
    return old == NULL ? memory_note(malloc(count * size)) : realloc(old, count * size);
}

char *omc_memory_copy_string(const char *bytes, size_t len)
{
    char *copy = memory_is_failing() ? NULL : memory_note(malloc(len + 1));

    if (copy == NULL)
        return NULL;
    memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

void omc_memory_free(void *memory)
{
    memory_alive -= memory != NULL;
    free(memory);
}

#endif
