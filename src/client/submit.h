/*
 * Taking in the requests of a command.
 */
#ifndef OMC_CLIENT_SUBMIT_H
#define OMC_CLIENT_SUBMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/operation.h"
#include "omcache.h"
#include "proto/ask.h"

/* When requests may be written to their servers. */
enum omc_submit_write {
    OMC_SUBMIT_COLLECT, /* later, with others */
    OMC_SUBMIT_SOON,    /* by the call's own loop, which follows */
    OMC_SUBMIT_NOW,     /* before this returns */
};

/* Routes and queues the orders of the current batch, which was begun with so many.  It has those
 * that were accepted, sorted by server, and behind them in its ranks are the others; *count
 * becomes the number of the accepted ones.  OMCACHE_OK if all were, else why one was not. */
int omc_submit(omcache_t *mc, size_t *count, enum omc_submit_write when, int64_t now);

/* The same for a batch of one, in two steps.  First the server that is to be asked, the one with
 * that index (-1: that of the key), or NULL.  Then it is queued, for the order, which has no ask:
 * unless somebody can hear of its outcome it is no part of the batch, which then is empty.  The
 * server, if it was accepted, which is then given to omc_submit_note_one; else NULL, and *rc says
 * why. */
struct omc_server *omc_submit_find(omcache_t *mc, const struct omc_ask *ask, int server_index,
                                   enum omc_submit_write when, int64_t now);
struct omc_server *omc_submit_one(omcache_t *mc, struct omc_server *server,
                                  const struct omc_ask *ask, bool is_heard,
                                  enum omc_submit_write when, int64_t now, int *rc);
void omc_submit_note_one(omcache_t *mc, struct omc_server *server, enum omc_submit_write when,
                         int64_t now);

/* Queues one that was asked at that time, for omc_alone_go_on. */
void omc_submit_asked(omcache_t *mc, struct omc_server *server, const struct omc_ask *ask,
                      uint32_t asked);

/* Queues a request for an operation (NULL: for nobody), to be sent soon, to the server with that
 * index (-1: that of its key).  OMCACHE_OK, or why it was not accepted. */
int omc_submit_operation(omcache_t *mc, const struct omc_ask *ask, int server_index,
                         struct omc_operation *operation, int64_t now);

/* The same at that server, which is made to connect. */
int omc_submit_operation_to(omcache_t *mc, struct omc_server *server, const struct omc_ask *ask,
                            struct omc_operation *operation, int64_t now);

#endif
