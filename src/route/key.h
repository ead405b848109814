/*
 * What of a key is hashed.
 */
#ifndef OMC_ROUTE_KEY_H
#define OMC_ROUTE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omcache.h"

enum {
    OMC_KEY_MAX = 250,
};

struct omc_key_rules {
    unsigned char prefix[OMC_KEY_MAX]; /* goes in front of every key that is sent */
    size_t prefix_len;
    bool hash_prefix;     /* and is hashed with it */
    unsigned char tag[2]; /* only what is between these two is hashed, */
    bool has_tag;         /* if this is set and the key has something there */
};

/* The hash of a key, which comes without the prefix. */
uint32_t omc_key_hash(const struct omc_key_rules *rules, omc_ketama_key_hash_func *hash,
                      const unsigned char *key, size_t key_len);

#endif
