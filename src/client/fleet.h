/*
 * All servers of a handle, in the order of their indexes, the ring over them,
 * and lists of the few that something is going on with.
 *
 * Behind those of the application's list are the servers of streams (streams.h), of which neither
 * the ring nor the application knows: each is a second connection to a server of the list.
 */
#ifndef OMC_CLIENT_FLEET_H
#define OMC_CLIENT_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/server.h"
#include "omcache.h"
#include "route/router.h"

enum {
    /* Servers that are down and looked at together: so many that all are looked at often, so
     * few that it costs no more the more are down. */
    OMC_RECOVERY_SOME = 32,
};

struct omc_fleet {
    struct omc_server **servers;
    size_t count; /* of those in the list; */
    size_t all;   /* with those of streams; */
    size_t room;  /* for so many */

    struct omc_server **active; /* room for all of them, and so have those below */
    size_t active_count;
    struct omc_server **touched; /* those to be looked at: see touch.h */
    size_t touched_count;
    struct omc_server **pinned;
    size_t pinned_count;
    bool stalled;               /* an active one may have no room to read into */
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

/* Allocates the arrays for so many servers of a list, none of which is there yet; false without
 * memory.  And frees them, but not the servers. */
bool omc_fleet_allocate(struct omc_fleet *fleet, size_t count);

/* Sees to it that there is room for so many, with those of streams; false without memory. */
bool omc_fleet_reserve(struct omc_fleet *fleet, size_t room);

/* Notes in the lists what goes on with a server that has come to the fleet; and takes the server of
 * a stream out of the fleet. */
void omc_fleet_list(struct omc_fleet *fleet, struct omc_server *server);
void omc_fleet_remove(struct omc_fleet *fleet, struct omc_server *server);

void omc_fleet_fini(struct omc_fleet *fleet);

/* Replaces how keys are distributed.  OMCACHE_OK, or OMCACHE_NO_MEMORY with nothing
 * changed. */
int omc_fleet_set_routing(struct omc_fleet *fleet, const struct omc_routing *routing);

/* The server of the list with that index, or NULL. */
struct omc_server *omc_fleet_server(const struct omc_fleet *fleet, int index);

/* Notes whether a server takes requests; to be called when its state has changed. */
static inline void omc_fleet_note_state(struct omc_fleet *fleet, const struct omc_server *server)
{
    unsigned char down = !server->link.up;

    if (server->home != NULL)
        return; /* nobody chooses it */

    fleet->down_count += down;
    fleet->down_count -= fleet->down[server->index];
    fleet->down[server->index] = down;
}

/* Sets the keepalive of all connections. */
void omc_fleet_keep_alive(const struct omc_fleet *fleet, uint32_t seconds);

#endif
