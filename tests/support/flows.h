/*
 * Every way to use a client, each in a few lines, for tests in which something fails
 * that a client needs: whatever it is, each call has an outcome that its header allows,
 * in time, and each accepted request has exactly one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FLOWS_H
#define TESTS_FLOWS_H

#include <omcache.h>
#include <stdbool.h>
#include <stddef.h>

struct flow {
    const char *name;
    void (*run)(omcache_t *mc, const char *servers);
};

#define FLOWS 15
#define META_FLOWS 3 /* the last ones */
extern const struct flow flows[FLOWS];

/* Runs a flow with a client of its own, which speaks a protocol with these servers, and
 * ends it.  Nothing is done if there is no memory for the client. */
void flow_run(const struct flow *flow, int protocol, const char *servers);

/* The same with a client that is there, and stays. */
void flow_run_with(const struct flow *flow, omcache_t *mc, const char *servers);

/* How many descriptors are open. */
size_t flow_open_fds(void);

/* What may come out, besides what comes out of a working client. */
extern bool flow_may_lack_memory;

/* Whether requests may end for want of what it takes to connect. */
extern bool flow_may_lack_sockets;

/* Uses the client until a no-op succeeds with each of its first `count` servers: it works
 * again, which must be soon. */
void flow_assert_recovery(omcache_t *mc, int count);

#endif
