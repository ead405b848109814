/*
 * The points of a server on a ring: hashes of its name and a running number, as
 * libmemcached makes them: "host-N" on port 11211, "host:port-N" elsewhere,
 * "/host:port-N" for the distributions called spy, "label-N" if it has a label.
 */
#ifndef OMC_ROUTE_POINT_H
#define OMC_ROUTE_POINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omcache.h"
#include "route/server_list.h"

enum {
    OMC_POINT_COUNT = 100,    /* of the plain rings */
    OMC_POINT_MD5_COUNT = 40, /* of the md5 rings, */
    OMC_POINT_MD5_WORDS = 4,  /* each with so many hashes */
};

/* Point functions for omcache_dist_t: one hash a point, and four; none without memory. */
omc_ketama_point_hash_func omc_point_one_at_a_time;
omc_ketama_point_hash_func omc_point_md5;

/* The name of a server's points, all but the number. */
struct omc_point_name {
    char *text;
    size_t len;
    char room[256]; /* where text is, unless it is longer */
};

/* false without memory. */
bool omc_point_name_init(struct omc_point_name *name, const struct omc_server_name *server,
                         bool spy);
void omc_point_name_fini(struct omc_point_name *name);

/* Puts the number behind it; the length of the whole name. */
size_t omc_point_name_number(struct omc_point_name *name, uint32_t number);

/* All words of the name's MD5. */
void omc_point_md5_words(const struct omc_point_name *name, size_t len,
                         uint32_t words[OMC_POINT_MD5_WORDS]);

/* How many points a server of that weight has on an md5 ring, among `servers` with
 * `total` weight in all.  It is libmemcached's share, whose single-precision
 * rounding costs all servers a point for some counts. */
uint32_t omc_point_share(uint32_t weight, uint64_t total, size_t servers);

#endif
