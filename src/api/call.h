/*
 * How every exported function that does I/O begins, runs and ends.
 */
#ifndef OMC_API_CALL_H
#define OMC_API_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omcache.h"

/* Whether the call is allowed: there is a handle, and it is not calling back. */
bool omc_call_begin(const omcache_t *mc);

/* Whether a request may be sent as it is, with the key prefix that is set. */
bool omc_call_check(const omcache_t *mc, const omcache_req_t *req);

/* What the call returns: rc, unless a callback has freed the handle meanwhile,
 * which is then done, *value_count (if not NULL) becoming 0. */
int omc_call_end(omcache_t *mc, int rc, size_t *value_count);

/* Submits checked requests and, with a timeout, collects their answers. */
int omc_call_command(omcache_t *mc, omcache_req_t *reqs, size_t *req_count, omcache_value_t *values,
                     size_t *value_count, int32_t timeout_msec);

/* Runs the loop until the current batch (reqs not NULL) or everything is
 * finished, or the timeout is over. */
int omc_call_io(omcache_t *mc, omcache_req_t *reqs, size_t *req_count, omcache_value_t *values,
                size_t *value_count, int32_t timeout_msec);

#endif
