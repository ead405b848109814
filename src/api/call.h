/*
 * How every exported function that does I/O begins, runs and ends.
 */
#ifndef OMC_API_CALL_H
#define OMC_API_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omcache.h"

/* Whether calls are allowed: there is a handle, not freed by a callback, and no
 * callback is running that may not call back. */
bool omc_call_is_allowed(const omcache_t *mc);

/* Whether this is a child that was forked while a call was under way, by a callback or
 * another thread: what there is of that call can be neither ended nor gone on with. */
bool omc_call_is_foreign(const omcache_t *mc);

/* Whether something may be set: there is a handle, and it is no copy that a child process has
 * of one that was in a call. */
bool omc_call_may_set(const omcache_t *mc);

/* For the calls of 1.0: OMCACHE_OK if they are, else what to return. */
int omc_call_refusal(const omcache_t *mc);

/* Begins and ends an allowed call.  At the end of the outermost one the application
 * is told what to watch.  False if a callback has freed the handle, which then is
 * gone or about to go. */
void omc_call_begin(omcache_t *mc);
bool omc_call_end(omcache_t *mc);

/* Begins and ends a call that runs callbacks or hands out values: what was handed
 * out before is taken back. */
void omc_call_begin_io(omcache_t *mc);

/* When the application's loop is needed, or OMC_CLOCK_NEVER. */
int64_t omc_call_deadline(omcache_t *mc);

/* The time, read now. */
int64_t omc_call_clock(omcache_t *mc);

/* Whether a request that the application has made itself may be sent as it is, with the key
 * prefix that is set.  The library's own opcodes are not for it: their extras, which are
 * written as they are, would be commands of its choice. */
bool omc_call_check(const omcache_t *mc, const omcache_req_t *req);

/* Ends a call and says what it returns: rc, unless a callback has freed the handle,
 * and then *value_count (if not NULL) becomes 0. */
int omc_call_result(omcache_t *mc, int rc, size_t *value_count);

/* Submits checked requests and, with a timeout, collects their answers. */
int omc_call_command(omcache_t *mc, omcache_req_t *reqs, size_t *req_count, omcache_value_t *values,
                     size_t *value_count, int32_t timeout_msec);

/* Runs the loop until the current batch (reqs not NULL) or everything is
 * finished, or the timeout is over. */
int omc_call_io(omcache_t *mc, omcache_req_t *reqs, size_t *req_count, omcache_value_t *values,
                size_t *value_count, int32_t timeout_msec);

#endif
