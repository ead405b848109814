/*
 * The ring: points of all servers in ascending order, each belonging to a
 * server.  A key belongs to the first point at or above its hash.
 */
#ifndef OMC_ROUTE_RING_H
#define OMC_ROUTE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omcache.h"
#include "route/server_list.h"

struct omc_ring_point {
    uint32_t hash;
    uint32_t server; /* index in the sorted list */
};

struct omc_ring {
    struct omc_ring_point *points;
    size_t count;
    omc_ketama_key_hash_func *key_hash;
};

/* Makes the ring of a list; false, and an empty ring, without memory. */
bool omc_ring_init(struct omc_ring *ring, const omcache_dist_t *dist,
                   const struct omc_server_list *list);

void omc_ring_fini(struct omc_ring *ring);

/* Whether a server can be used. */
typedef bool(omc_ring_usable_func)(void *context, uint32_t server);

/* The server of a key: that of its point, or of the next one whose server can be
 * used; -1 if there is none. */
int omc_ring_pick(const struct omc_ring *ring, const unsigned char *key, size_t key_len,
                  omc_ring_usable_func *usable, void *context);

#endif
