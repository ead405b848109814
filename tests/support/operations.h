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
#define BULK 1000000

/* The running test's; and what its own callbacks count their rounds with. */
extern struct watcher loop;
extern struct told told[OPERATIONS_MAX];
extern size_t rounds;

/* A large value, or the beginning of one: the letter L again and again. */
extern unsigned char bulk[BULK];

/* A test case as fixture_case makes it, whose tests begin with nothing told and no rounds,
 * and with the bulk. */
TCase *operations_case(Suite *suite, const char *name);

/* Forgets all that was told. */
void forget_told(void);

/* As fixture_servers, and `loop` watches the client. */
void watched_servers(size_t count);

/* The same, and the client is connected to all of them. */
void connected_servers(size_t count);

/* Stores so many bytes of the bulk, waiting for it. */
void store_bulk(const char *key, size_t len);

/* Begins a get without a limit. */
void async_get(const char *key, omcache_reply_callback_func *func, void *context);

/* `client` becomes one of so many puppets; `loop` watches it, and it is connected to all
 * of them and idle. */
void connected_puppets(struct puppet *puppets, size_t count);

/* Takes the next request that a puppet gets, while `loop` turns. */
void take_request(struct puppet *puppet, struct wire_request *request);

#endif
