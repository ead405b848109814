/*
 * Monotonic time for tests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_CLOCK_H
#define TESTS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds since some fixed moment. */
int64_t clock_ms(void);

void clock_sleep(int64_t ms);

/* Whether valgrind makes all of it slower: then a test that tries many ways can do with fewer. */
bool clock_is_slow(void);

/* How long something may take that should take `ms`: more under valgrind. */
int64_t clock_allow(int64_t ms);

#endif
