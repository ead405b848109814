/*
 * What answers of the meta protocol usually are: values, misses, stores and no-ops, with the flags
 * that are asked for, in that order.
 */
#ifndef OMC_PROTO_META_USUAL_H
#define OMC_PROTO_META_USUAL_H

#include "omcache.h"
#include "proto/codec.h"

enum {
    OMC_META_STATUS_SIZE = 2, /* of the letters that an answer begins with */
};

/* The codec's `usual`. */
const unsigned char *omc_meta_usual(const unsigned char *bytes, const unsigned char *end,
                                    struct omc_asked *asked, omcache_value_t *value);

#endif
