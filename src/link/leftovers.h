/*
 * What a closed connection leaves behind: its requests, and the bytes of those
 * that were never written and can still go elsewhere.
 */
#ifndef OMC_LINK_LEFTOVERS_H
#define OMC_LINK_LEFTOVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "link/queue.h"
#include "omcache.h"
#include "proto/codec.h"

struct omc_leftovers {
    const struct omc_codec *codec; /* that has encoded them */
    struct omc_queue queue;
    struct omc_buffer unsent;
    uint64_t written; /* bytes of requests in front of those */
};

void omc_leftovers_fini(struct omc_leftovers *leftovers);

/* Reads back a request of the queue; false if some of its bytes were written.
 * What req points to lies in leftovers or scratch. */
bool omc_leftovers_read(const struct omc_leftovers *leftovers, const struct omc_pending *pending,
                        struct omc_scratch *scratch, omcache_req_t *req);

#endif
