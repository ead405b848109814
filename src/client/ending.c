/*
 * Requests of a connection that ends; see ending.h.
 */
#include "client/ending.h"

#include "client/enqueue.h"
#include "client/handle.h"
#include "client/outcome.h"
#include "client/pick.h"
#include "client/protocol.h"
#include "link/counter.h"
#include "link/leftovers.h"
#include "proto/request.h"

/* Where a request that was never sent may still go, or NULL. */
static struct omc_server *second_choice(omcache_t *mc, struct omc_server *first,
                                        const struct omc_pending *pending, const omcache_req_t *req)
{
    if (pending->keyed)
        return omc_pick_again(mc, req->key, omc_request_key_len(req), pending);
    return omc_state_is_up(first->state) ? first : NULL;
}

/* Gives a request of a closed connection to another one: OMCACHE_OK, or how it ends.
 * It was accepted, so the send limit does not matter any more. */
static int move_request(omcache_t *mc, struct omc_server *server,
                        const struct omc_leftovers *leftovers, const struct omc_pending *pending)
{
    struct omc_pending moved = *pending;
    struct omc_server *target;
    struct omc_scratch scratch;
    omcache_req_t req;
    int rc;

    if (!omc_leftovers_read(leftovers, pending, &scratch, &req))
        return OMCACHE_SERVER_FAILURE;
    if (pending->counter != NULL && omc_counter_has_begun(pending))
        return OMCACHE_SERVER_FAILURE; /* else each connection might get as far as this one */
    if (pending->counter != NULL)
        req = pending->counter->delta;
    moved.counter = NULL;
    target = second_choice(mc, server, pending, &req);
    if (target == NULL)
        return OMCACHE_SERVER_FAILURE;
    if (omc_protocol_prepare(mc, target).event != OMC_EVENT_NONE)
        return OMCACHE_NO_MEMORY;
    rc = omc_enqueue(mc, target, &req, (struct omc_prefix){.len = 0}, &moved, SIZE_MAX);
    mc->fleet.moved = mc->fleet.moved || rc == OMCACHE_OK;
    target->counters.requests += rc == OMCACHE_OK && target != server;
    return rc;
}

/* How a request ends whose connection could not be made for want of something: nothing of
 * it was sent, unless it went out with the hello. */
static int starved(const struct omc_leftovers *leftovers, const struct omc_pending *pending,
                   int status)
{
    struct omc_scratch scratch;
    omcache_req_t req;

    return omc_leftovers_read(leftovers, pending, &scratch, &req) ? status : OMCACHE_SERVER_FAILURE;
}

size_t omc_ending_of(omcache_t *mc, struct omc_server *server, enum omc_fate fate, int status)
{
    struct omc_leftovers leftovers;
    struct omc_queue *queue = &leftovers.queue;
    size_t failed = 0;

    omc_connection_close(&server->conn, &leftovers);
    for (uint32_t i = 0; i < queue->count; i++) {
        const struct omc_pending *pending = omc_queue_find(queue, queue->first + i);
        int rc = status;

        if (pending == NULL || pending->fence || pending->forgotten ||
            pending->owner == OMC_OWNER_GONE)
            continue;
        if (fate == OMC_FATE_MOVE)
            rc = move_request(mc, server, &leftovers, pending);
        else if (fate == OMC_FATE_STARVE)
            rc = starved(&leftovers, pending, status);
        if (rc == OMCACHE_OK)
            continue;
        omc_outcome_failure(mc, server, pending, rc);
        failed++;
    }
    omc_leftovers_fini(&leftovers);
    return failed;
}
