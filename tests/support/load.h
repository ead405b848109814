/*
 * Operations at random on `client`, through both interfaces, with every outcome checked
 * against the ledger.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LOAD_H
#define TESTS_LOAD_H

#include <stddef.h>

/* The longest that one without a deadline may take, with the timeouts of a storm: the
 * connection may fail on the way, or be made anew, a few times. */
#define LOAD_LONGEST_MS 8000

/* The asynchronous interface: begins with nothing under way; starts some operations and
 * turns `storm_loop`; says how many are under way, and goes on without new ones until
 * there are none, or that takes too long. */
void load_async_begin(void);
void load_async_turn(void);
size_t load_async_busy(void);
void load_async_finish(void);

/* The classic one: makes a call. */
void load_classic_turn(void);

/* Forks now and then: the child uses the client that it has inherited, and must read nothing
 * wrong nor disturb the parent's.  At the end all children must have ended. */
void load_fork(void);
void load_fork_finish(void);
extern size_t load_forks;

/* Reads all that is said to be stored, with another client. */
void load_verify(void);

#endif
