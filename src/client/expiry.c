/*
 * Operations whose time is over; see expiry.h.
 */
#include "client/expiry.h"

#include "client/handle.h"
#include "client/recovery.h"
#include "client/touch.h"
#include "link/doubt.h"

/* The request stays where it is: its answer may be on the way. */
bool omc_expiry_abandon(omcache_t *mc, struct omc_operation *operation)
{
    struct omc_link *link = operation->asker.link;
    struct omc_pending *pending =
        link == NULL ? NULL : omc_queue_find(&link->conn.queue, operation->asker.number);

    if (pending == NULL)
        return false;
    omc_queue_abandon(&link->conn.queue, pending);
    omc_touch_server(&mc->fleet, omc_server_of(link));
    return true;
}

/* Ends an operation whose server has not answered in time. */
static void expire(omcache_t *mc, struct omc_operation *operation, int64_t now)
{
    struct omc_link *link = operation->asker.link;
    uint32_t number = operation->asker.number;

    if (omc_expiry_abandon(mc, operation)) {
        link->counters.timeouts++;
        omc_doubt_begin(link, number, now);
    }
    omc_operation_end(&mc->operations, operation, OMCACHE_TIMEOUT);
    if (link != NULL)
        omc_recovery_doubt(mc, omc_server_of(link), now);
}

void omc_expiry_check(omcache_t *mc, int64_t now)
{
    struct omc_deadline *first;

    while ((first = omc_deadlines_first(&mc->operations.deadlines)) != NULL && first->when <= now)
        expire(mc, omc_operation_of_deadline(first), now);
}
