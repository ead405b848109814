/*
 * The points that libmemcached's ketama rings give a server: hashes of its name
 * and a running number, "host-N" on port 11211 and "host:port-N" elsewhere.
 */
#ifndef OMC_ROUTE_KETAMA_H
#define OMC_ROUTE_KETAMA_H

#include <stddef.h>
#include <stdint.h>

#include "omcache.h"

/* Point functions for omcache_dist_t: one hash a point, and four. */
omc_ketama_point_hash_func omc_ketama_points_one_at_a_time;
omc_ketama_point_hash_func omc_ketama_points_md5;

enum {
    OMC_KETAMA_POINTS = 100,    /* of the plain ring */
    OMC_KETAMA_MD5_POINTS = 40, /* of the md5 ring, */
    OMC_KETAMA_MD5_ENTRIES = 4, /* each with so many hashes */
};

/* How many points each of `servers` servers has.  That is what dist says, but
 * for the md5 ring, whose points libmemcached shares out by weight with a
 * single-precision rounding that costs every server a point for some counts. */
uint32_t omc_ketama_point_count(const omcache_dist_t *dist, size_t servers);

#endif
