/*
 * The C library's own function behind one of the same name in a test program.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_REAL_CALL_H
#define TESTS_REAL_CALL_H

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* Sets `real` to the C library's function. */
#define FIND_REAL(function)                            \
    static __typeof__(&(function)) real;               \
    do {                                               \
        if (real == NULL) {                            \
            void *found = dlsym(RTLD_NEXT, #function); \
            memcpy(&real, &found, sizeof(real));       \
        }                                              \
    } while (0)

#endif
