/*
 * What stands between a client and its server in a network: connections go through it, and
 * it can lose them without telling anybody, as a firewall does that has forgotten them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_RELAY_H
#define TESTS_RELAY_H

#include "support/memcached.h"

#include <stdbool.h>
#include <stddef.h>

#define RELAY_PORT 21411

struct relay;

/* Listens on RELAY_PORT + number, in front of that server.  It lives until
 * relay_stop_all. */
struct relay *relay_start(int number, const struct memcached *server);
void relay_stop_all(void);

/* Where it listens, as a server list has it. */
const char *relay_address(const struct relay *relay);

/* How many connections it has taken. */
size_t relay_connections(struct relay *relay);

/* Loses the connections that there are: nothing goes through them any more, and they
 * do not close.  New ones are as good as ever, unless they are refused: then they are taken,
 * and nothing goes through them either. */
void relay_vanish(struct relay *relay, bool refuses);

/* Finds them again: what was kept back goes through. */
void relay_return(struct relay *relay);

#endif
