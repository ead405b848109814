/*
 * The ring: points in ascending order, each belonging to a server.  A key belongs
 * to the first point at or above its hash, going round at the end.
 */
#ifndef OMC_ROUTE_RING_H
#define OMC_ROUTE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct omc_ring_point {
    uint32_t hash;
    uint32_t server;
};

struct omc_ring {
    struct omc_ring_point *points;
    size_t count;
    uint32_t *starts; /* by the first bits of a hash: the first point that can be meant */
    unsigned shift;   /* what makes a hash these bits */
};

/* An empty ring with room for so many points, UINT32_MAX at most; false without memory. */
bool omc_ring_init(struct omc_ring *ring, size_t room);
void omc_ring_fini(struct omc_ring *ring);

/* Adds a point, for which there must be room. */
static inline void omc_ring_add(struct omc_ring *ring, uint32_t hash, uint32_t server)
{
    ring->points[ring->count++] = (struct omc_ring_point){hash, server};
}

/* Sorts the points, equal ones staying in the order in which they were added;
 * false without memory.  Only then can keys be found. */
bool omc_ring_sort(struct omc_ring *ring);

/* The place of the point that a hash belongs to; the ring must have points. */
size_t omc_ring_find(const struct omc_ring *ring, uint32_t hash);

#endif
