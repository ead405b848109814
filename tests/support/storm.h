/*
 * Servers that go wrong at random, and a client, `client`, that is changed all the
 * time, while somebody else loads it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_STORM_H
#define TESTS_STORM_H

#include "support/faulty.h"
#include "support/watcher.h"

#include <stdbool.h>
#include <stdint.h>

#define STORM_SERVERS 3

/* What there is in one world. */
struct storm {
    unsigned number; /* and the series of its random numbers */
    int protocol;    /* one of omcache_protocol_e */
    bool real;       /* memcached, in `fleet`; else faulty peers */
    bool stable;     /* each key keeps its server */
    bool watched;    /* the client has `storm_loop` for its loop */
    uint64_t seed;
};

extern struct watcher storm_loop;

/* Faults that the peers of all worlds have made. */
extern size_t storm_faults[FAULTS];

/* Begins a world: its servers, its client, its ledger. */
void storm_begin(const struct storm *storm);

/* Now and then does something to the servers or to the client. */
void storm_blow(void);

/* All servers work from now on, and the client has nothing in its way. */
void storm_calm(void);

/* After that, in worlds of real servers: one is killed and comes back, lookups find it again,
 * and then nothing is asked for longer than the dead timeout, which is to cost nothing. */
void storm_rest(void);

/* Replaces the client by a new one, and how often that was done: everything that was
 * under way has ended then. */
void storm_renew(void);
extern size_t storm_renewals;

/* Ends the world. */
void storm_end(void);

#endif
