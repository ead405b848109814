/*
 * Which servers are down, and bringing them back: whoever would have used one looks after
 * some of them, without waiting.
 */
#ifndef OMC_CLIENT_RECOVERY_H
#define OMC_CLIENT_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "client/fleet.h"
#include "client/server.h"
#include "link/phase.h"
#include "omcache.h"

/* One look at a server that is down, or at it and some of all others that are, in turn; at
 * most once a millisecond. */
void omc_recovery_nudge(omcache_t *mc, struct omc_server *server, int64_t now);
void omc_recovery_look(omcache_t *mc, struct omc_server *first, int64_t now);

/* Chooses the sockets of some that are being connected to again for the next wait, or of all;
 * and acts on what a wait has found about some. */
void omc_recovery_choose(omcache_t *mc);
void omc_recovery_choose_all(omcache_t *mc);
void omc_recovery_dispatch(omcache_t *mc, int64_t now);

/* Notes that somebody has waited in vain for a server: one to which there still is no connection
 * counts as down from now on, while the attempt at it goes on. */
void omc_recovery_doubt(omcache_t *mc, struct omc_server *server, int64_t now);

/* Whether it takes requests.  If it is down, that is reason to look after it. */
static inline bool omc_recovery_is_usable(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (server->link.up)
        return true;
    omc_recovery_nudge(mc, server, now);
    return false;
}

#endif
