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
#include "client/operation.h"
#include "link/shared.h"
#include "omcache.h"

struct omcache_s {
    struct omc_process process; /* that its connections belong to */
    struct omc_shared shared;
    size_t send_limit; /* in bytes */
    bool buffering;
    bool failover; /* to the next server of the ring */
    struct omc_log log;
    omcache_response_callback_func *response_func;
    void *response_context;

    struct omc_fleet fleet;
    struct omc_deadlines deadlines; /* of the fleet's servers, none of them later than it is */
    struct omc_batch batch;
    struct omc_operations operations;
    struct omcache_reply_s reply; /* these: what calls that waited have handed out; owned */
    unsigned char *reply_bytes;   /* has the reply's key first, if that had to be copied */
    struct omc_awaited *replies;

    omcache_timeout_callback_func *timeout_func;
    void *timeout_context;
    int64_t told_deadline; /* when the application expects to be needed */
    omcache_drain_callback_func *drain_func;
    void *drain_context;
    bool drained; /* a server has room again, and the application has not been told */

    struct omc_server *dropped; /* to be freed when no call is under way, nor values of theirs */
    struct omc_server *losing;  /* with losses that the log has not told of: see losses.h */
    bool warned;                /* that credentials go unencrypted */
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
