/*
 * Waiting for operations: any request can be waited for, with options of the meta protocol, too.
 */
#ifndef OMC_API_WAIT_H
#define OMC_API_WAIT_H

#include <stddef.h>
#include <stdint.h>

#include "client/frame.h"
#include "omcache.h"
#include "proto/ask.h"

/* Runs the loop until that time, in such a call, unless all operations are ended before.  How the
 * sleep has ended: mostly with OMCACHE_TIMEOUT. */
int omc_wait_until(omcache_t *mc, int64_t until);

/* Runs requests, of which each has one answer, as operations, in a call that may do I/O, and waits
 * for their outcomes, of which one may be that the request was not accepted.  What they point to is
 * there until the handle's next call; the keys are the requests'. */
void omc_wait_for(omcache_t *mc, const struct omc_ask *asks, size_t count, int32_t timeout_msec,
                  struct omc_awaited *awaited);

/* Hands out the reply to such a request, if it is asked for (handed_out is not NULL).  Its key may
 * be in that copy, which is the handle's from now on. */
void omc_wait_hand_out(omcache_t *mc, const omcache_reply_t *reply, unsigned char *copy,
                       const omcache_reply_t **handed_out);

#endif
