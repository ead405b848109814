/*
 * The current batch: the requests of the last command, known by consecutive tags
 * (their opaques towards the application), and where their outcomes go.
 *
 * Their answers pass through omc_delivery_of_answer, and their failures through omc_batch_fail.
 */
#ifndef OMC_CLIENT_BATCH_H
#define OMC_CLIENT_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "omcache.h"
#include "proto/codec.h"

/* A request that failed, and which the application has not yet been told of. */
struct omc_batch_failure {
    struct omc_server *server; /* NULL: not in the list any more */
    uint32_t tag;
    int status;
};

struct omc_batch {
    uint32_t next_tag;
    uint32_t first; /* tag of the first request */
    size_t count;
    size_t left; /* requests without an outcome */

    struct omc_batch_failure *failures; /* room for `failures_room`, at least count */
    size_t failures_count;
    size_t failures_room;

    /* While a call collects: the batch's requests, or NULL if it collects
     * nothing, and its room. */
    const omcache_req_t *reqs;
    omcache_value_t *values;
    size_t room;
    size_t stored;
    bool overflowed;
    bool collecting;
    unsigned depth; /* of the call that does */

    struct omc_batch *outer; /* that of the call whose callback has made this one's */
};

void omc_batch_init(struct omc_batch *batch, uint32_t first_tag);
void omc_batch_fini(struct omc_batch *batch);

/* Ends the current batch and begins one of at most count requests, the first of
 * which gets the tag batch->first; false without memory. */
bool omc_batch_begin(struct omc_batch *batch, size_t count);

/* Adds the next request, giving it its tag. */
static inline uint32_t omc_batch_add(struct omc_batch *batch)
{
    batch->count++;
    batch->left++;
    return batch->next_tag++;
}

/* Takes the last one added out again: it was not accepted. */
static inline void omc_batch_take_back(struct omc_batch *batch)
{
    batch->count--;
    batch->left--;
    batch->next_tag--;
}

/* Sets the current batch aside in *outer, and takes it up again: a call that collects
 * runs a callback, and that may make calls. */
void omc_batch_push(struct omc_batch *batch, struct omc_batch *outer);
void omc_batch_pop(struct omc_batch *batch, struct omc_batch *outer);

/* Ends the current batch; what is outstanding of it goes to nobody. */
void omc_batch_end(struct omc_batch *batch);

/* Ends those of all calls that have not returned, too. */
void omc_batch_end_all(struct omc_batch *batch);

/* Whether the batch that is being collected was ended: its outcomes will not come. */
static inline bool omc_batch_is_lost(const struct omc_batch *batch)
{
    return batch->reqs != NULL && batch->count == 0;
}

/* Whether a call waits for the request with that tag. */
bool omc_batch_is_awaited(struct omc_batch *batch, uint32_t tag);

/* Whether the array is the current batch. */
bool omc_batch_is(const struct omc_batch *batch, const omcache_req_t *reqs, size_t count);

/* Starts to collect into values, and stops; how many were stored.  reqs NULL: no
 * batch is collected.  depth: how many calls have not returned. */
void omc_batch_collect(struct omc_batch *batch, const omcache_req_t *reqs, omcache_value_t *values,
                       size_t room, unsigned depth);
size_t omc_batch_collect_end(struct omc_batch *batch);

/* Whether an answer can belong to the request: it has not another one's key, as
 * far as can be known. */
bool omc_batch_fits(struct omc_batch *batch, uint32_t tag, const struct omc_reply *reply);

/* Settles a request of the batch without an answer: a quiet one that
 * succeeded or missed. */
void omc_batch_settle(struct omc_batch *batch, uint32_t tag);

/* Notes that a request failed; false if it is not of the current batch: of others the
 * log and a counter tell. */
bool omc_batch_fail(struct omc_batch *batch, struct omc_server *server, uint32_t tag, int status);

/* Forgets whose they are, as that server is dropped. */
void omc_batch_forget_server(struct omc_batch *batch, const struct omc_server *server);

/* The batch that has a request with that tag, or NULL; and the request, if it is collected. */
struct omc_batch *omc_batch_of(struct omc_batch *batch, uint32_t tag);
const omcache_req_t *omc_batch_request(const struct omc_batch *batch, uint32_t tag);

#endif
