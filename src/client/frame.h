/*
 * A call that waits for operations: it has them told to it, in place of a callback.
 */
#ifndef OMC_CLIENT_FRAME_H
#define OMC_CLIENT_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "omcache.h"

struct omc_frame {
    size_t left;              /* operations that have not ended */
    omcache_reply_t *replies; /* what came of them, */
    size_t room;              /* as far as there is room for it, */
    size_t count;             /* and how many there are */
    unsigned depth;           /* of the call: what they point to stays until its next one */
};

#endif
