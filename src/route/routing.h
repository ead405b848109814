/*
 * What was chosen about the distribution of keys.
 */
#ifndef OMC_ROUTE_ROUTING_H
#define OMC_ROUTE_ROUTING_H

#include "omcache.h"
#include "route/distribution.h"
#include "route/key.h"

struct omc_routing {
    struct omc_distribution distribution;
    omc_ketama_key_hash_func *hash;
    const omcache_dist_t *custom; /* for OMC_POINTS_CUSTOM */
    struct omc_key_rules keys;
};

/* Chooses a distribution, with its own hash if hash is NULL. */
void omc_routing_choose(struct omc_routing *routing, const struct omc_distribution *distribution,
                        omc_ketama_key_hash_func *hash);

/* Chooses a method of the classic kind, which must stay valid. */
void omc_routing_choose_classic(struct omc_routing *routing, const omcache_dist_t *dist);

#endif
