/*
 * Options of the operations that only the meta protocol has, as applications choose them.
 */
#ifndef OMC_API_META_H
#define OMC_API_META_H

#include "omcache.h"
#include "proto/meta_options.h"

struct omcache_meta_s {
    struct omc_meta_options options;
};

#endif
