/*
 * What the links of a handle share: settings, memory, descriptors and a resolver.
 */
#ifndef OMC_LINK_SHARED_H
#define OMC_LINK_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/names.h"
#include "link/pool.h"
#include "link/queue.h"
#include "link/watch.h"
#include "net/tls.h"
#include "proto/codec.h"
#include "proto/login.h"

/* Times in milliseconds, sizes in bytes. */
struct omc_settings {
    uint32_t connect_timeout;
    uint32_t reconnect_timeout;
    uint32_t dead_timeout;
    uint32_t keepalive; /* in seconds */
    size_t recv_limit;
    int protocol; /* one of OMCACHE_PROTOCOL_* */
};

struct omc_shared {
    struct omc_settings settings;
    struct omc_pool pool;
    struct omc_watches watches;
    struct omc_names names;
    bool shown;           /* the application sees the descriptors: reads do not wait */
    unsigned depth;       /* calls of the application that have not returned */
    uint32_t usec;        /* when the application's last call began, or waited; wraps */
    uint32_t random;      /* state of the generator: for pauses, and for servers chosen at random */
    uint32_t connections; /* how many were made, of all servers */
    struct omc_tls *tls;  /* what connections are made safe with, or NULL */
    bool tls_for_all;     /* of those, too, whose servers' entries do not say so */
    char problem[OMC_TLS_PROBLEM]; /* what was wrong with the last one that was not */
    struct omc_login *login;       /* the credentials, or NULL */
    int shortage; /* errno of what has run out since a connection was last made, or 0 */
};

#endif
