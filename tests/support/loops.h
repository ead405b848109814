/*
 * What every event loop has to do for a handle, as tests that are run with each.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LOOPS_H
#define TESTS_LOOPS_H

#include <omcache.h>
#include <stdbool.h>
#include <stddef.h>

/* An event loop and the adapter to it.  There is one loop at a time. */
struct loop_kind {
    const char *name;
    void (*open)(void);
    void (*close)(void); /* asserts that nothing is left in it */
    void (*run)(void);   /* until stop is called */
    void (*stop)(void);
    void *(*attach)(omcache_t *mc);
    int (*detach)(void *attached);
    bool allocates; /* with the functions below */
};

/* Allocation that fails at times. */
void *loops_malloc(size_t size);
void *loops_calloc(size_t nmemb, size_t size);
void *loops_realloc(void *memory, size_t size);

/* Runs the tests; what main returns. */
int loops_main(const struct loop_kind *kind);

#endif
