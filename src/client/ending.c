/*
 * Requests of a connection that ends; see ending.h.
 */
#include "client/ending.h"

#include "client/enqueue.h"
#include "client/handle.h"
#include "client/outcome.h"
#include "client/pick.h"
#include "link/counter.h"

/* Where a request that was never sent may still go, or NULL. */
static struct omc_server *second_choice(omcache_t *mc, struct omc_server *first,
                                        const struct omc_pending *pending)
{
    if (pending->claim.keyed)
        return omc_pick_again(mc, pending);
    return omc_state_is_up(first->state) ? first : NULL;
}

/* Gives a request of a closed connection to another one: OMCACHE_OK, or how it ends.
 * It was accepted, so the send limit does not matter any more. */
static int move_request(omcache_t *mc, struct omc_server *server, const struct omc_pending *pending)
{
    struct omc_claim claim = pending->claim;
    struct omc_server *target;
    int rc;

    if (pending->claim.counter != NULL && omc_counter_has_begun(pending))
        return OMCACHE_SERVER_FAILURE; /* else each connection might get as far as this one */
    claim.counter = NULL;
    target = second_choice(mc, server, pending);
    if (target == NULL)
        return OMCACHE_SERVER_FAILURE;
    rc = omc_enqueue_again(mc, target, &pending->ask, &claim);
    mc->fleet.moved = mc->fleet.moved || rc == OMCACHE_OK;
    target->counters.requests += rc == OMCACHE_OK && target != server;
    return rc;
}

/* How a request ends whose connection has ended; OMCACHE_OK: it goes on elsewhere. */
static int end_of(omcache_t *mc, struct omc_server *server, const struct omc_pending *pending,
                  bool sent, enum omc_fate fate, int status)
{
    if (fate == OMC_FATE_END)
        return status;
    if (sent)
        return OMCACHE_SERVER_FAILURE;
    return fate == OMC_FATE_MOVE ? move_request(mc, server, pending) : status;
}

size_t omc_ending_of(omcache_t *mc, struct omc_server *server, enum omc_fate fate, int status)
{
    struct omc_remains remains;
    struct omc_queue *queue = &remains.queue;
    size_t failed = 0;

    omc_connection_close(&server->conn, &remains);
    for (uint32_t i = 0; i < queue->count; i++) {
        uint32_t number = queue->first + i;
        const struct omc_pending *pending = omc_queue_find(queue, number);
        bool sent = (int32_t)(number - remains.begun) < 0;
        int rc;

        if (pending == NULL || pending->fence || pending->forgotten ||
            pending->claim.owner == OMC_OWNER_GONE)
            continue;
        rc = end_of(mc, server, pending, sent, fate, status);
        if (rc == OMCACHE_OK)
            continue;
        omc_outcome_failure(mc, server, pending, rc);
        failed++;
    }
    omc_connection_free_remains(&remains);
    return failed;
}
