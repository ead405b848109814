/*
 * What an omcache_t holds.
 */
#ifndef OMC_CLIENT_HANDLE_H
#define OMC_CLIENT_HANDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadlines.h"
#include "base/log.h"
#include "base/process.h"
#include "client/batch.h"
#include "client/fleet.h"
#include "client/names.h"
#include "client/operation.h"
#include "link/pool.h"
#include "link/watch.h"
#include "omcache.h"

/* Times in milliseconds, sizes in bytes. */
struct omc_settings {
    uint32_t connect_timeout;
    uint32_t reconnect_timeout;
    uint32_t dead_timeout;
    uint32_t keepalive; /* in seconds */
    size_t send_limit;
    size_t recv_limit;
    int protocol; /* one of OMCACHE_PROTOCOL_* */
    bool buffering;
    bool failover; /* to the next server of the ring */
};

struct omcache_s {
    struct omc_process process; /* that its connections belong to */
    struct omc_settings settings;
    struct omc_log log;
    omcache_response_callback_func *response_func;
    void *response_context;

    struct omc_pool pool; /* of the fleet's servers */
    struct omc_watches watches;
    struct omc_names names;
    struct omc_fleet fleet;
    struct omc_deadlines deadlines; /* of the fleet's servers, none of them later than it is */
    struct omc_batch batch;
    struct omc_operations operations;

    omcache_timeout_callback_func *timeout_func;
    void *timeout_context;
    int64_t told_deadline; /* when the application expects to be needed */
    omcache_drain_callback_func *drain_func;
    void *drain_context;
    bool shown;   /* the application sees the descriptors: reads do not wait */
    bool drained; /* a server has room again, and the application has not been told */

    uint64_t *routes; /* scratch for sorting the requests of a command */
    size_t routes_room;

    int shortage; /* errno of what has run out since a connection was last made, or 0 */

    uint32_t random; /* state of the generator: for pauses, and for servers chosen at random */

    uint32_t usec; /* when the application's last call began, or waited; wraps */

    unsigned depth;             /* calls of the application that have not returned */
    struct omc_server *telling; /* whose answer a callback is looking at, if not yet pinned */
    struct omc_server *dropped; /* to be freed when no call is under way, nor values of theirs */
    struct omc_server *losing;  /* with losses that the log has not told of: see losses.h */
    bool calling;               /* the response callback is running */
    bool doomed;                /* freed by a callback: to be done when the last call returns */
    bool ended;                 /* all of its operations, too */
};

/* Whether one of those callbacks is running that may not call back. */
static inline bool omc_handle_is_calling(const omcache_t *mc)
{
    return mc->calling || mc->log.calling;
}

#endif
