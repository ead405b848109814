/*
 * A call that waits for operations: each has its outcome told to it, in place of a callback.
 */
#ifndef OMC_CLIENT_FRAME_H
#define OMC_CLIENT_FRAME_H

#include <stddef.h>

#include "client/operation.h"

/* What has become of one of them; the context of the operation. */
struct omc_awaited {
    omcache_reply_t reply;
    struct omc_operation *operation; /* NULL: it has ended */
};

struct omc_frame {
    size_t left;    /* operations that have not ended */
    unsigned depth; /* of the call: what their replies point to stays until its next one */
};

#endif
