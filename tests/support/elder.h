/*
 * Servers and proxies of other ages than the one that is installed, as far as a client
 * meets their differences: what they do with the words that they know, do not know, or
 * know in another syntax was seen on real ones.
 *
 * memcached 1.6.0 to 1.6.9 answer "mn" as newer ones do, but their "ms" has the length of
 * the value in a flag ("ms KEY S5").  The line of today ("ms KEY 5") is an error to them,
 * and the value behind it is read as commands: these servers execute it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_ELDER_H
#define TESTS_ELDER_H

#include "support/little.h"
#include "support/peer.h"

#include <pthread.h>

enum elder_kind {
    ELDER_1_4_39, /* no meta, no gat; speaks binary, too, but not here */
    ELDER_1_5_22, /* "mn" is a get to it */
    ELDER_1_6_6,  /* these have the older meta syntax */
    ELDER_1_6_9,
    ELDER_TWEMPROXY_0_4_1, /* these close at what they do not know, "version" included; this */
    ELDER_PELIKAN          /* one at binary, too, and this one is silent there */
};

#define ELDER_KINDS 6

struct elder {
    enum elder_kind kind;
    const char *version; /* what it calls itself; NULL: as the real one does */
    pthread_mutex_t lock;
    struct little memory;
};

/* What one begins with. */
#define ELDER_INIT(kind_)                                  \
    (struct elder)                                         \
    {                                                      \
        .kind = (kind_), .lock = PTHREAD_MUTEX_INITIALIZER \
    }

/* A peer_script: serves as one, which the context is. */
void elder_serve(struct peer *peer, void *context);

/* Whether there is a value with this key. */
bool elder_has(struct elder *elder, const char *key);

/* Frees what it has, when the peers have ended. */
void elder_clear(struct elder *elder);

#endif
