/*
 * A real nutcracker (twemproxy) for tests: a proxy in front of memcached servers, on
 * the process's own loopback address.  It speaks the classic text protocol only.  What
 * goes wrong fails the test.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_NUTCRACKER_H
#define TESTS_NUTCRACKER_H

#include "support/memcached.h"

#include <sys/types.h>

#define NUTCRACKER_PORT 21511

struct nutcracker {
    pid_t pid; /* 0 while it does not run */
    int port;
    char address[32]; /* host:port, as a server list has it */
};

/* Starts a proxy in front of these servers, all of one weight, and waits until it
 * accepts connections.  The end of the test ends it. */
void nutcracker_start(struct nutcracker *n, const struct fleet *fleet);

/* Ends it; its connections break. */
void nutcracker_kill(struct nutcracker *n);

#endif
