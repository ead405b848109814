/*
 * memcached's classic text protocol, with nothing that is younger than gats.
 *
 * Its replies name no request and are told by their order, so every request is
 * answered: "noreply" is never sent.  Of what the binary protocol has it lacks
 *  - cas with append, prepend, delete and counters, and keys with blanks or control
 *    bytes: such requests are not carried;
 *  - the cas of what was stored, which is 0;
 *  - a counter's initial value: see omc_text_make_counter;
 *  - a no-op: version is one.
 */
#ifndef OMC_PROTO_TEXT_H
#define OMC_PROTO_TEXT_H

#include <stdbool.h>

#include "omcache.h"
#include "proto/codec.h"

extern const struct omc_codec omc_text_codec;

/* An increment or decrement with an initial value is carried without it.  Where that is
 * NOT_FOUND, this makes the request that stores the initial value, unless the
 * counter is there by now (KEY_EXISTS: increment again).  False if none is to be made.
 * What add points to lies in scratch, and the key where it was. */
bool omc_text_make_counter(const omcache_req_t *delta, struct omc_scratch *scratch,
                           omcache_req_t *add);

#endif
