/*
 * All servers of a handle, in the order of their indexes, the ring over them,
 * and lists of the few that something is going on with.
 */
#ifndef OMC_CORE_FLEET_H
#define OMC_CORE_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/server.h"
#include "omcache.h"
#include "route/router.h"

enum {
    /* Servers that are down and looked at together: so many that all are looked at often, so
     * few that it costs no more the more are down. */
    OMC_RECOVERY_SOME = 32,
};

struct omc_fleet {
    struct omc_server **servers;
    size_t count;

    struct omc_server **active; /* room for all of them, and so have those below */
    size_t active_count;
    struct omc_server **touched; /* those to be looked at: see duty.h */
    size_t touched_count;
    struct omc_server **pinned;
    size_t pinned_count;
    struct omc_server **unsent; /* those with requests that are new since the last send */
    size_t unsent_count;
    unsigned char *down; /* by index: whether it takes no requests, see recovery.h */
    size_t down_count;
    size_t looked_next;                           /* where the look after them goes on, */
    int64_t looked_at;                            /* and when it was */
    struct omc_server *waited[OMC_RECOVERY_SOME]; /* those of them that a wait was for */
    size_t waited_count;
    bool moved; /* requests have come to servers that may have to be started for them */

    struct omc_routing routing;
    struct omc_router router;
};

void omc_fleet_init(struct omc_fleet *fleet, const struct omc_routing *routing);
void omc_fleet_fini(omcache_t *mc, struct omc_fleet *fleet);

/* Replaces the servers; those with the same host and port stay as they are.
 * OMCACHE_OK, or with nothing changed OMCACHE_INVALID (not a list, or it has a name
 * and names cannot be looked up) or OMCACHE_NO_MEMORY. */
int omc_fleet_set_servers(omcache_t *mc, const char *text);

/* Replaces how keys are distributed.  OMCACHE_OK, or OMCACHE_NO_MEMORY with nothing
 * changed. */
int omc_fleet_set_routing(omcache_t *mc, const struct omc_routing *routing);

/* The server with that index, or NULL. */
struct omc_server *omc_fleet_server(const struct omc_fleet *fleet, int index);

/* The usable server for a key, or NULL. */
struct omc_server *omc_fleet_pick(omcache_t *mc, const unsigned char *key, size_t key_len,
                                  int64_t now);

/* The same for a request that was made before, which has the prefix of then in its key. */
struct omc_server *omc_fleet_pick_again(omcache_t *mc, const unsigned char *key, size_t key_len,
                                        const struct omc_pending *pending, int64_t now);

/* Replaces the DNS servers and looks up all names anew.  OMCACHE_OK, or
 * OMCACHE_INVALID (cannot be read) or OMCACHE_NO_MEMORY with the old ones in use. */
int omc_fleet_set_dns_servers(omcache_t *mc, const char *servers, int64_t now);

/* Sets the keepalive of all connections. */
void omc_fleet_keep_alive(const struct omc_fleet *fleet, uint32_t seconds);

/* Closes all connections and ends all lookups; every operation ends with
 * OMCACHE_CANCELLED. */
void omc_fleet_cancel(omcache_t *mc);

/* The same, and none is down any more. */
void omc_fleet_start_anew(omcache_t *mc);

/* Frees the servers that were dropped while a call may have been looking at them; those
 * with values that were handed out only if told to. */
void omc_fleet_free_dropped(omcache_t *mc, bool pinned_too);

#endif
