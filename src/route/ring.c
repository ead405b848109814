/*
 * Building the ring and finding keys on it.
 */
#include "route/ring.h"

#include <stdlib.h>

#include "base/memory.h"
#include "route/ketama.h"

/* Appends a server's points, its order standing in for its index until the
 * points are sorted. */
static void add_server(struct omc_ring *ring, const omcache_dist_t *dist, uint32_t points,
                       const struct omc_server_name *name, uint32_t *hashes)
{
    for (uint32_t point = 0; point < points; point++) {
        uint32_t entries = dist->point_hash_func(name->host, name->port, point, hashes);

        for (uint32_t i = 0; i < entries && i < dist->entries_per_point; i++)
            ring->points[ring->count++] = (struct omc_ring_point){hashes[i], name->order};
    }
}

static int compare_points(const void *left, const void *right)
{
    const struct omc_ring_point *a = left, *b = right;

    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return (a->server > b->server) - (a->server < b->server);
}

static void orders_to_indexes(struct omc_ring *ring, const struct omc_server_list *list,
                              uint32_t *index_of)
{
    for (size_t i = 0; i < list->count; i++)
        index_of[list->names[i].order] = (uint32_t)i;
    for (size_t i = 0; i < ring->count; i++)
        ring->points[i].server = index_of[ring->points[i].server];
}

/* Fills points and sorts them; index_of and hashes are scratch. */
static void fill(struct omc_ring *ring, const omcache_dist_t *dist,
                 const struct omc_server_list *list, uint32_t *hashes, uint32_t *index_of)
{
    uint32_t points = omc_ketama_point_count(dist, list->count);

    for (size_t i = 0; i < list->count; i++)
        add_server(ring, dist, points, &list->names[i], hashes);
    qsort(ring->points, ring->count, sizeof(*ring->points), compare_points);
    orders_to_indexes(ring, list, index_of);
}

bool omc_ring_init(struct omc_ring *ring, const omcache_dist_t *dist,
                   const struct omc_server_list *list)
{
    uint64_t entries = (uint64_t)dist->points_per_server * dist->entries_per_point;
    uint32_t *hashes, *index_of;
    bool made = false;

    *ring = (struct omc_ring){.key_hash = dist->key_hash_func};
    if (list->count == 0)
        return true;
    if (entries > SIZE_MAX / sizeof(*ring->points) / list->count)
        return false;
    ring->points = omc_memory_new((size_t)entries * list->count, sizeof(*ring->points));
    hashes = omc_memory_new(dist->entries_per_point, sizeof(*hashes));
    index_of = omc_memory_new(list->count, sizeof(*index_of));
    if (ring->points != NULL && hashes != NULL && index_of != NULL) {
        fill(ring, dist, list, hashes, index_of);
        made = true;
    }
    omc_memory_free(hashes);
    omc_memory_free(index_of);
    if (!made)
        omc_ring_fini(ring);
    return made;
}

void omc_ring_fini(struct omc_ring *ring)
{
    omc_memory_free(ring->points);
    *ring = (struct omc_ring){0};
}

/* The position of the first point at or above hash, going round at the end. */
static size_t find(const struct omc_ring *ring, uint32_t hash)
{
    size_t low = 0, high = ring->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ring->points[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low == ring->count ? 0 : low;
}

int omc_ring_pick(const struct omc_ring *ring, const unsigned char *key, size_t key_len,
                  omc_ring_usable_func *usable, void *context)
{
    size_t position;

    if (ring->count == 0)
        return -1;
    position = find(ring, ring->key_hash(key, key_len));
    for (size_t i = 0; i < ring->count; i++) {
        uint32_t server = ring->points[position].server;

        if (usable(context, server))
            return (int)server;
        position = position + 1 == ring->count ? 0 : position + 1;
    }
    return -1;
}
