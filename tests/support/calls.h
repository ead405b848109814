/*
 * Every function that waits for answers, as a table, and peers that let it wait.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include "support/peer.h"

#include <stdint.h>

/* A call about the key "key" or server 0 of `client`. */
struct call {
    const char *name;
    int (*make)(int32_t timeout);
    int at_once; /* what it gives with a timeout of 0 */
    int failed;  /* what it gives when the server fails */
};

#define CALLS 20
extern const struct call calls[CALLS];

/* A peer_script: proves to be a memcached and then answers nothing. */
void peer_deaf(struct peer *peer, void *context);

/* A peer_script: a memcached as wire_serve, but requests with a key that begins
 * with "never" are not answered, those with "late" 60 ms later, and those with
 * "held" when it is released. */
void peer_moody(struct peer *peer, void *context);
void peer_release(void);

#endif
