/*
 * Choosing distributions.
 */
#include "route/routing.h"

#include <stddef.h>

#include "route/hash.h"
#include "route/point.h"

void omc_routing_choose(struct omc_routing *routing, const struct omc_distribution *distribution,
                        omc_ketama_key_hash_func *hash)
{
    routing->distribution = *distribution;
    routing->hash = hash == NULL ? distribution->hash : hash;
    routing->custom = NULL;
}

/* The library's own methods are recognised by what they are, as a program may have
 * copied them; their points need not be made one call at a time. */
static enum omc_points points_of(const omcache_dist_t *dist)
{
    if (dist->point_hash_func == omc_point_md5 && dist->points_per_server == OMC_POINT_MD5_COUNT &&
        dist->entries_per_point == OMC_POINT_MD5_WORDS)
        return OMC_POINTS_WEIGHTED;
    if (dist->point_hash_func == omc_point_one_at_a_time &&
        dist->points_per_server == OMC_POINT_COUNT && dist->entries_per_point == 1 &&
        dist->key_hash_func == omc_hash_one_at_a_time)
        return OMC_POINTS_HASH;
    return OMC_POINTS_CUSTOM;
}

void omc_routing_choose_classic(struct omc_routing *routing, const omcache_dist_t *dist)
{
    routing->distribution = (struct omc_distribution){
        .name = "classic",
        .selection = OMC_SELECT_RING,
        .points = points_of(dist),
    };
    routing->hash = dist->key_hash_func;
    routing->custom = dist;
}
