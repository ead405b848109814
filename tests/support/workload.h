/*
 * Mixed operations on three servers, one of which is always about to be killed or to
 * come back: each must complete exactly once, with an outcome that it can have and
 * nobody else's value.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_WORKLOAD_H
#define TESTS_WORKLOAD_H

#include <omcache.h>
#include <stddef.h>

/* Starts the first of `total` operations on `client`, which has the three servers of
 * `fleet`.  Completions start the others; the last one calls done. */
void workload_start(size_t total, void (*done)(void));

/* Checks the whole, when the last one has completed. */
void workload_check(void);

#endif
