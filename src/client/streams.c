/*
 * Streams; see streams.h.
 */
#include "client/streams.h"

#include "client/expiry.h"
#include "client/members.h"
#include "client/submit.h"
#include "client/turn.h"
#include "link/codecs.h"

/* A server beside the list, with the name of one that is in it; NULL without memory. */
static struct omc_server *open_server(omcache_t *mc, struct omc_server *home)
{
    struct omc_fleet *fleet = &mc->fleet;
    struct omc_server *server;

    if (!omc_fleet_reserve(fleet, fleet->all + 1) ||
        !omc_deadlines_reserve(&mc->deadlines, fleet->all + 1))
        return NULL;
    server = omc_members_make(mc, &home->name);
    if (server == NULL)
        return NULL;
    omc_endpoint_name(&server->link.endpoint, server->name.host, server->name.port);
    server->link.has_stream = true;
    server->home = home;
    server->index = (uint32_t)fleet->all;
    fleet->servers[fleet->all++] = server;
    return server;
}

/* If the server does not take it, nobody waits for it, and the call that has asked closes its
 * connection. */
int omc_streams_begin(omcache_t *mc, struct omc_server *home, const struct omc_ask *ask,
                      struct omc_operation *operation, int64_t now)
{
    struct omc_ask copy = *ask;
    struct omc_server *server;

    if (!omc_codecs_find(OMCACHE_PROTOCOL_TEXT)->accept(&copy))
        return OMCACHE_INVALID;
    server = open_server(mc, home);
    if (server == NULL)
        return OMCACHE_NO_MEMORY;
    server->link.muted = omc_operation_is_held(&mc->operations, operation);
    return omc_submit_operation_to(mc, server, ask, operation, now);
}

void omc_streams_let_go(omcache_t *mc)
{
    for (size_t i = mc->fleet.count; i < mc->fleet.all; i++)
        mc->fleet.servers[i]->link.muted = false;
}

/* The operation that waits for the lines of a stream; NULL: it has ended. */
static struct omc_operation *operation_of(const struct omc_server *server)
{
    const struct omc_queue *queue = &server->link.conn.queue;

    if (omc_queue_outstanding(queue) == 0)
        return NULL;
    return omc_operation_of(omc_queue_slot(queue, queue->first)->claim.asker);
}

void omc_streams_cancel(omcache_t *mc, const void *context)
{
    for (size_t i = mc->fleet.count; i < mc->fleet.all; i++) {
        struct omc_operation *operation = operation_of(mc->fleet.servers[i]);

        if (operation == NULL || operation->context != context)
            continue;
        omc_expiry_abandon(mc, operation);
        omc_operation_end(&mc->operations, operation, OMCACHE_CANCELLED);
    }
}

bool omc_streams_has_deadline(const struct omc_server *server)
{
    const struct omc_operation *operation = operation_of(server);

    return operation != NULL && operation->deadline.place > 0;
}

void omc_streams_close_some(omcache_t *mc)
{
    for (size_t i = mc->fleet.count; i < mc->fleet.all; i++) {
        struct omc_server *server = mc->fleet.servers[i];

        if (operation_of(server) == NULL && server->link.phase != OMC_PHASE_REST)
            omc_turn_end(mc, server, OMCACHE_CANCELLED);
    }
}

void omc_streams_drop_ended(omcache_t *mc)
{
    for (size_t i = mc->fleet.all; i-- > mc->fleet.count;) {
        struct omc_server *server = mc->fleet.servers[i];

        if (operation_of(server) != NULL)
            continue;
        omc_fleet_remove(&mc->fleet, server);
        omc_members_drop(mc, server);
    }
}
