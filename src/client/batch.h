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
#include "proto/ask.h"
#include "proto/codec.h"

enum {
    OMC_BATCH_ROOM = 1024, /* for requests that is kept where fewer are needed */
};

/* A request of a batch: what is asked, and of which server (-1: that of its key). */
struct omc_order {
    struct omc_ask ask; /* what it points to is there while the call lasts that collects */
    int server_index;
};

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

    struct omc_batch_failure *failures;
    size_t failures_count;
    struct omc_order *orders; /* as they were given; */
    uint32_t *ranks;          /* the request with the tag first + i is orders[ranks[i]] */
    size_t room;              /* for so many of all three */

    /* While a call collects: */
    bool awaited; /* the batch's requests, else everything */
    omcache_value_t *values;
    size_t values_room;
    size_t stored;
    bool overflowed;
    bool collecting;
    unsigned depth; /* of the call that does */

    struct omc_batch *outer; /* that of the call whose callback has made this one's */
};

void omc_batch_init(struct omc_batch *batch, uint32_t first_tag);
void omc_batch_fini(struct omc_batch *batch);

/* For omc_batch_begin, where there is too little room, or much. */
bool omc_batch_begin_large(struct omc_batch *batch, size_t count);

/* Ends the current batch and begins one of at most count requests, for which there are orders
 * and ranks; the first gets the tag batch->first.  False without memory. */
static inline bool omc_batch_begin(struct omc_batch *batch, size_t count)
{
    if (count > batch->room || batch->room > OMC_BATCH_ROOM)
        return omc_batch_begin_large(batch, count);
    batch->count = batch->left = batch->failures_count = 0;
    batch->first = batch->next_tag;
    return true;
}

/* Adds the request whose order is at that place, giving it the next tag. */
static inline uint32_t omc_batch_add(struct omc_batch *batch, uint32_t place)
{
    batch->ranks[batch->count++] = place;
    batch->left++;
    return batch->next_tag++;
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
    return batch->awaited && batch->count == 0;
}

/* Whether a call waits for the request with that tag. */
bool omc_batch_is_awaited(struct omc_batch *batch, uint32_t tag);

/* Starts to collect into values, and stops; how many were stored.  awaited: the batch, else
 * everything.  depth: how many calls have not returned. */
void omc_batch_collect(struct omc_batch *batch, bool awaited, omcache_value_t *values, size_t room,
                       unsigned depth);
size_t omc_batch_collect_end(struct omc_batch *batch);

/* The key of the request with that tag, *len bytes; NULL if no call collects it. */
const unsigned char *omc_batch_key(struct omc_batch *batch, uint32_t tag, size_t *len);

/* Settles a request of the batch without an answer: a quiet one that
 * succeeded or missed. */
void omc_batch_settle(struct omc_batch *batch, uint32_t tag);

/* Notes that a request failed; false if it is not of the current batch: of others the
 * log and a counter tell. */
bool omc_batch_fail(struct omc_batch *batch, struct omc_server *server, uint32_t tag, int status);

/* Forgets whose they are, as that server is dropped. */
void omc_batch_forget_server(struct omc_batch *batch, const struct omc_server *server);

/* The batch that has a request with that tag, or NULL; and what was asked, if it is collected. */
struct omc_batch *omc_batch_of(struct omc_batch *batch, uint32_t tag);
const struct omc_ask *omc_batch_ask(const struct omc_batch *batch, uint32_t tag);

#endif
