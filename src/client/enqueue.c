/*
 * Queueing requests; see enqueue.h.
 */
#include "client/enqueue.h"

#include "client/handle.h"
#include "client/touch.h"
#include "client/work.h"

int omc_enqueue(omcache_t *mc, struct omc_server *server, const omcache_req_t *req,
                struct omc_prefix prefix, const struct omc_pending *pending, size_t limit)
{
    int rc = omc_connection_submit(&server->conn, req, prefix, pending, limit);

    if (rc == OMCACHE_OK)
        omc_enqueue_queued(mc, server, pending->operation);
    return rc;
}

void omc_enqueue_note(omcache_t *mc, struct omc_server *server)
{
    if (server->unsent && server->active && omc_work_events(server) == server->watch.events)
        return; /* another one was noted, and has not been sent */
    if (omc_connection_is_busy(&server->conn) && omc_connection_is_unfinished(&server->conn))
        omc_touch_note_unsent(&mc->fleet, server);
    omc_touch_server(&mc->fleet, server);
}

void omc_enqueue_queued(omcache_t *mc, struct omc_server *server, struct omc_operation *operation)
{
    if (operation != NULL)
        omc_operation_queued(&mc->operations, operation, server,
                             omc_queue_next(&server->conn.queue) - 1);
    omc_enqueue_note(mc, server);
}
