/*
 * What tests of operations stand on, besides fixture.h: an event loop for `client`, and
 * slots for what the operations were told.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_OPERATIONS_H
#define TESTS_OPERATIONS_H

#include "support/fixture.h"
#include "support/puppet.h"
#include "support/told.h"
#include "support/watcher.h"

#define OPERATIONS_MAX 3000

/* The running test's. */
extern struct watcher loop;
extern struct told told[OPERATIONS_MAX];

/* A test case as fixture_case makes it, whose tests begin with nothing told. */
TCase *operations_case(Suite *suite, const char *name);

/* Forgets all that was told. */
void forget_told(void);

/* As fixture_servers, and `loop` watches the client. */
void watched_servers(size_t count);

/* The same, and the client is connected to all of them. */
void connected_servers(size_t count);

/* `client` becomes one of so many puppets; `loop` watches it, and it is connected to all
 * of them and idle. */
void connected_puppets(struct puppet *puppets, size_t count);

/* Takes the next request that a puppet gets, while `loop` turns. */
void take_request(struct puppet *puppet, struct wire_request *request);

#endif
