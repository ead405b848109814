/*
 * Waiting for an operation: any request can be waited for, with options of the meta protocol, too.
 */
#ifndef OMC_API_WAIT_H
#define OMC_API_WAIT_H

#include <stdint.h>

#include "client/frame.h"
#include "omcache.h"
#include "proto/ask.h"

/* Runs a request as an operation, in a call that may do I/O, and waits for its outcomes.  What they
 * point to is there until the handle's next call; the key is the request's.  OMCACHE_OK, or why it
 * was not accepted or could not be waited for. */
int omc_wait_for(omcache_t *mc, const struct omc_ask *ask, int32_t timeout_msec,
                 struct omc_frame *frame);

#endif
