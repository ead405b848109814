/*
 * The ways to distribute keys that users choose by name.
 */
#ifndef OMC_ROUTE_DISTRIBUTION_H
#define OMC_ROUTE_DISTRIBUTION_H

#include <stdbool.h>

#include "omcache.h"

enum omc_selection {
    OMC_SELECT_RING,   /* the first point at or above the key's hash */
    OMC_SELECT_MODULO, /* hash modulo the number of servers, in the order given */
    OMC_SELECT_BUCKET, /* hash AND the number of servers less one, likewise */
    OMC_SELECT_RANDOM, /* another one each time */
};

enum omc_points {
    OMC_POINTS_HASH,     /* 100 a server, of the key's hash function */
    OMC_POINTS_MD5,      /* 100 a server, of md5 */
    OMC_POINTS_WEIGHTED, /* by weight, four words of md5 each */
    OMC_POINTS_CUSTOM,   /* as an omcache_dist_t says */
};

struct omc_distribution {
    const char *name;
    enum omc_selection selection;
    enum omc_points points;
    bool spy;                       /* names of points as spymemcached had them */
    omc_ketama_key_hash_func *hash; /* for keys, unless another one is chosen */
};

/* NULL if there is none of that name. */
const struct omc_distribution *omc_distribution_by_name(const char *name);

#endif
