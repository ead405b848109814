/*
 * What tests of failing servers share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_OUTAGE_H
#define TESTS_OUTAGE_H

#include <omcache.h>
#include <stdint.h>

/* A client with these timeouts in milliseconds. */
omcache_t *impatient(const char *servers, uint32_t connect, uint32_t reconnect, uint32_t dead);

/* `client` becomes one of three servers, all connected and known to work. */
void three_servers(uint32_t connect, uint32_t reconnect, uint32_t dead);

/* Of `client`: a get that waits without limit, and a key's server. */
int get(const char *key);
int index_of(const char *key);

/* That a get has this outcome within `limit` milliseconds. */
void assert_get(const char *key, int expected, int64_t limit);

/* Gets until the outcome is as expected, at most `tries` times, 100 ms apart. */
void await_get(const char *key, int expected, int tries);

/* The server at this address answers somebody else: one that the machine is too busy to
 * run is not back yet. */
void ask_apart(const char *address);

/* How many of `count` gets find the key, about 1 ms apart, asking apart after each. */
int hits(const char *key, int count, const char *address);

#endif
