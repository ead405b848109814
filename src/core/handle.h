/*
 * What an omcache_t holds.
 */
#ifndef OMC_CORE_HANDLE_H
#define OMC_CORE_HANDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "core/batch.h"
#include "core/fleet.h"
#include "core/names.h"
#include "core/watch.h"
#include "omcache.h"
#include "proto/request.h"

/* Times in milliseconds, sizes in bytes. */
struct omc_settings {
    uint32_t connect_timeout;
    uint32_t reconnect_timeout;
    uint32_t dead_timeout;
    size_t send_limit;
    size_t recv_limit;
    bool buffering;
    bool failover; /* to the next server of the ring */
};

struct omcache_s {
    struct omc_settings settings;
    struct omc_log log;
    omcache_response_callback_func *response_func;
    void *response_context;

    struct omc_watches watches;
    struct omc_names names;
    struct omc_fleet fleet;
    struct omc_batch batch;

    uint32_t *routes; /* scratch for sorting the requests of a command */
    size_t routes_room;

    uint32_t random; /* state of the generator: for pauses, and for servers chosen at random */

    bool calling; /* the response callback is running */
    bool doomed;  /* freed by a callback: to be done when the call returns */
};

/* first: what the numbers of requests start from; they wrap.  seed: something that
 * is different in each process, for random numbers. */
omcache_t *omc_handle_new(const struct omc_routing *routing, uint32_t first, uint32_t seed);
void omc_handle_free(omcache_t *mc);

/* Whether one of the application's callbacks is running. */
static inline bool omc_handle_is_calling(const omcache_t *mc)
{
    return mc->calling || mc->log.calling;
}

/* What goes in front of the key of a request. */
struct omc_prefix omc_handle_prefix(const omcache_t *mc, uint8_t opcode);

/* The response callback, if there is one. */
void omc_handle_respond(omcache_t *mc, const omcache_value_t *value);

#endif
