/*
 * The one place that allocates.  Sizes are counts of elements, checked for
 * overflow; every function returns NULL when there is no memory.
 */
#ifndef OMC_BASE_MEMORY_H
#define OMC_BASE_MEMORY_H

#include <stddef.h>

/* Zeroed memory for count elements of size bytes. */
void *omc_memory_new(size_t count, size_t size);

/* Grows or shrinks old (which may be NULL) to at least one byte; old stays valid
 * on failure.  What is new is not initialised. */
void *omc_memory_resize(void *old, size_t count, size_t size);

/* A NUL-terminated copy of len bytes. */
char *omc_memory_copy_string(const char *bytes, size_t len);

void omc_memory_free(void *memory);

#endif
