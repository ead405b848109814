/*
 * The current batch: the requests of the last command, and where their outcomes go.  The
 * application knows them by consecutive tags, their opaques.
 *
 * Their answers pass through omc_delivery_of_answer, and their failures through omc_batch_fail.
 */
#ifndef OMC_CLIENT_BATCH_H
#define OMC_CLIENT_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/report.h"
#include "omcache.h"
#include "proto/ask.h"
#include "proto/codec.h"

enum {
    OMC_BATCH_ROOM = 1024, /* for requests that is kept where fewer are needed */
};

/* A request of a batch: what is asked, and of which server (-1: that of its key). */
struct omc_order {
    struct omc_asker asker; /* its link is NULL unless it is queued and has no outcome */
    struct omc_ask ask;     /* of one of several; what it points to is its caller's */
    int server_index;
    uint32_t next; /* in a chain of orders */
};

/* A request that failed, and which the application has not yet been told of. */
struct omc_batch_failure {
    struct omc_server *server; /* NULL: not in the list any more */
    const struct omc_asker *asker;
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
    bool overflowed;
    bool collecting;
    struct omc_sink sink; /* which gets the answers */

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
    if (batch->left > 0 || count > batch->room || batch->room > OMC_BATCH_ROOM)
        return omc_batch_begin_large(batch, count);
    batch->count = batch->failures_count = 0;
    batch->first = batch->next_tag;
    return true;
}

/* Makes an order, to be queued.  waits: of a call that will wait for it, whose caller has the key
 * until then. */
static inline void omc_batch_order(struct omc_order *order, const struct omc_ask *ask,
                                   int server_index, bool waits)
{
    order->asker = (struct omc_asker){
        .key = waits ? ask->key : NULL,
        .key_len = waits ? ask->key_len : 0,
        .waits = waits,
    };
    order->server_index = server_index;
}

/* Adds the order at that place, which was queued. */
static inline void omc_batch_add(struct omc_batch *batch, uint32_t place)
{
    batch->ranks[batch->count++] = place;
    batch->left++;
    batch->next_tag++;
}

/* Adds one that was answered before it was queued: the only one, at the first place. */
static inline void omc_batch_add_answered(struct omc_batch *batch)
{
    batch->orders[0].asker.link = NULL;
    batch->ranks[0] = 0;
    batch->count = 1;
    batch->next_tag++;
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

/* Notes whether a call is under way that waits for the requests, and has their keys. */
void omc_batch_set_waiting(struct omc_batch *batch, bool waits);

/* Starts to collect into values, and stops; how many were stored.  awaited: the batch, else
 * everything.  depth: how many calls have not returned. */
void omc_batch_collect(struct omc_batch *batch, bool awaited, omcache_value_t *values, size_t room,
                       unsigned depth);
size_t omc_batch_collect_end(struct omc_batch *batch);

/* The batch that has the order of who asks; NULL: none has it (any more). */
struct omc_batch *omc_batch_of(struct omc_batch *batch, const struct omc_asker *asker);

/* Notes that the request of an order has its outcome. */
static inline void omc_batch_settle(struct omc_batch *batch, struct omc_asker *asker)
{
    asker->link = NULL;
    batch->left--;
}

/* Notes that the request of an order failed: the application is to be told. */
void omc_batch_fail(struct omc_batch *batch, struct omc_server *server, struct omc_asker *asker,
                    int status);

/* Forgets whose they are, as that server is dropped. */
void omc_batch_forget_server(struct omc_batch *batch, const struct omc_server *server);

#endif
