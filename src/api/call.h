/*
 * How every exported function that does I/O begins, runs and ends.
 */
#ifndef OMC_API_CALL_H
#define OMC_API_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/frame.h"
#include "omcache.h"
#include "proto/ask.h"

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

/* Ends a call and says what it returns: rc, unless a callback has freed the handle,
 * and then *value_count (if not NULL) becomes 0. */
int omc_call_result(omcache_t *mc, int rc, size_t *value_count);

/* A call that asks for so many things. */
struct omc_call {
    size_t count;            /* of requests, and then of those that are not finished */
    omcache_value_t *values; /* where their answers go, */
    size_t room;             /* of which there is room for so many, */
    size_t stored;           /* and so many have come */
    int32_t timeout_msec;
    bool has_tag; /* the caller gets the request's tag, and may ask for its outcome later */
    int64_t now;
    int refusal;      /* why a request was not accepted, or OMCACHE_OK */
    uint32_t tag;     /* that the first of those accepted has, */
    int server_index; /* and who was asked; if there is none, it is -1 */
};

struct omc_call omc_call_make(size_t count, omcache_value_t *values, const size_t *value_count,
                              int32_t timeout_msec);

/* Begins a batch of so many requests, if any: its orders are for the caller to fill.  OMCACHE_OK,
 * or what to return, and then nothing is asked. */
int omc_call_order(omcache_t *mc, size_t count);

/* Submits them; true if their answers are then to be collected, else *rc is what to return. */
bool omc_call_submit(omcache_t *mc, struct omc_call *call, int *rc);
int omc_call_collect(omcache_t *mc, struct omc_call *call);

/* All of that for one request, to the server with that index (-1: that of its key). */
int omc_call_run(omcache_t *mc, struct omc_ask *ask, int server_index, struct omc_call *call);

/* Runs the loop until what the frame waits for has ended (NULL: the current batch that is
 * collected, or everything), or the deadline has come: OMCACHE_OK, OMCACHE_AGAIN, or
 * OMCACHE_CANCELLED if the batch was ended. */
int omc_call_turn(omcache_t *mc, const struct omc_frame *frame, int64_t now, int64_t deadline);

/* Runs the loop until the current batch (if it is awaited) or everything is
 * finished, or the timeout is over. */
int omc_call_io(omcache_t *mc, struct omc_call *call, bool awaited);

#endif
