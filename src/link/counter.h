/*
 * A counter's initial value, over protocols that cannot carry it with an increment:
 * where that finds nothing, the value is added; where another client was faster, it
 * is incremented again.
 */
#ifndef OMC_LINK_COUNTER_H
#define OMC_LINK_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "link/queue.h"
#include "omcache.h"
#include "proto/codec.h"
#include "proto/request.h"

struct omc_counter {
    omcache_req_t delta; /* the increment or decrement; it points to what follows */
    unsigned tries;
    unsigned char extra[OMC_CODEC_EXTRA_MAX];
    unsigned char key[];
};

/* Whether the codec would carry this request without its initial value. */
bool omc_counter_is_needed(const struct omc_codec *codec, const omcache_req_t *req);

/* Keeps the request; NULL without memory.  Freed with omc_memory_free. */
struct omc_counter *omc_counter_new(const omcache_req_t *req, struct omc_prefix prefix);

/* Whether the increment that a request is for, or a part of it, was answered already. */
static inline bool omc_counter_has_begun(const struct omc_pending *pending)
{
    return pending->opcode != pending->counter->delta.header.opcode || pending->counter->tries > 0;
}

#endif
