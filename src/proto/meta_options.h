/*
 * Options of the meta protocol's requests: which of them an operation can have, and
 * how they are written.
 */
#ifndef OMC_PROTO_META_OPTIONS_H
#define OMC_PROTO_META_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OMC_META_OPTIONS_NONE = -1,
    OMC_META_OPTIONS_MAX = 160, /* bytes, more than there can be */
};

/* Seconds, mode and want are OMC_META_OPTIONS_NONE if they were not set. */
struct omc_meta_options {
    int64_t ttl;
    int64_t recache;
    int64_t vivify;
    int want; /* bits of enum omcache_meta_want_e */
    int mode; /* one of enum omcache_meta_mode_e */
    bool no_lru_bump;
    bool invalidate;
    uint64_t initial;
    uint64_t cas; /* these two: 0 is none */
    uint64_t new_cas;
};

void omc_meta_options_init(struct omc_meta_options *options);

/* Whether all of them can be used together, with the operation that the opcode is for. */
bool omc_meta_options_fit(const struct omc_meta_options *options, uint8_t opcode);

/* Writes those that fit as extras of a request; number is the client flags that it
 * stores, or its delta.  How many bytes that are. */
size_t omc_meta_options_write(const struct omc_meta_options *options, uint8_t opcode,
                              uint64_t number, unsigned char *out);

#endif
