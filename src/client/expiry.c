/*
 * Operations whose time is over; see expiry.h.
 */
#include "client/expiry.h"

#include "client/handle.h"
#include "client/recovery.h"
#include "client/touch.h"
#include "link/doubt.h"

/* The request stays where it is: its answer may be on the way. */
void omc_expiry_abandon(omcache_t *mc, struct omc_operation *operation, int64_t now)
{
    struct omc_server *server = operation->server;
    struct omc_pending *pending =
        server == NULL ? NULL : omc_queue_find(&server->link.conn.queue, operation->number);

    if (pending == NULL)
        return;
    omc_queue_abandon(&server->link.conn.queue, pending);
    server->link.counters.timeouts++;
    omc_doubt_begin(&server->link, operation->number, now);
    omc_touch_server(&mc->fleet, server);
}

void omc_expiry_check(omcache_t *mc, int64_t now)
{
    struct omc_deadline *first;

    while ((first = omc_deadlines_first(&mc->operations.deadlines)) != NULL && first->when <= now) {
        struct omc_operation *operation = (struct omc_operation *)first;
        struct omc_server *server = operation->server;

        omc_expiry_abandon(mc, operation, now);
        omc_operation_end(&mc->operations, operation, OMCACHE_TIMEOUT);
        if (server != NULL)
            omc_recovery_doubt(mc, server, now);
    }
}
