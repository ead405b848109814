/*
 * Taking in the requests of a command.
 */
#ifndef OMC_CLIENT_SUBMIT_H
#define OMC_CLIENT_SUBMIT_H

#include <stddef.h>
#include <stdint.h>

#include "client/operation.h"
#include "omcache.h"

/* When requests may be written to their servers. */
enum omc_submit_write {
    OMC_SUBMIT_COLLECT, /* later, with others */
    OMC_SUBMIT_SOON,    /* by the call's own loop, which follows */
    OMC_SUBMIT_NOW,     /* before this returns */
};

/* Routes the requests, sorts the array by server, and queues them as the new
 * current batch.  Those not accepted are moved to the end of the array; *count
 * becomes the number of the others.  OMCACHE_OK if all were accepted, else why one
 * was not. */
int omc_submit(omcache_t *mc, omcache_req_t *reqs, size_t *count, enum omc_submit_write when,
               int64_t now);

/* Queues a request for an operation (NULL: for nobody), to be sent soon.  OMCACHE_OK,
 * or why it was not accepted. */
int omc_submit_operation(omcache_t *mc, const omcache_req_t *req, struct omc_operation *operation,
                         int64_t now);

#endif
