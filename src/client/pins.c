/*
 * Values that were handed out; see pins.h.
 */
#include "client/pins.h"

#include "client/handle.h"
#include "client/touch.h"

void omc_pins_add(struct omc_fleet *fleet, struct omc_server *server, unsigned level)
{
    omc_inbox_pin(&server->link.conn.in, level);
    if (!server->pinned && !server->dropped)
        fleet->pinned[fleet->pinned_count++] = server;
    server->pinned = true;
}

/* Where nothing is pinned any more, there may be room again, too. */
static void end_stall(struct omc_fleet *fleet, struct omc_server *server)
{
    server->link.conn.stalled = false;
    omc_touch_server(fleet, server);
}

static void remove_all(struct omc_fleet *fleet, unsigned level)
{
    for (size_t i = fleet->pinned_count; i-- > 0;) {
        struct omc_server *server = fleet->pinned[i];

        if (omc_inbox_unpin(&server->link.conn.in, level)) {
            server->pinned = false;
            fleet->pinned[i] = fleet->pinned[--fleet->pinned_count];
        }
        if (server->link.conn.stalled)
            end_stall(fleet, server);
    }
}

/* Takes back all that one has, the only one; false if that is not so simple. */
static inline bool remove_only(struct omc_fleet *fleet, struct omc_server *server, unsigned level)
{
    if (server->link.conn.stalled || !omc_inbox_unpin_region(&server->link.conn.in, level))
        return false;
    server->pinned = false;
    fleet->pinned_count = 0;
    return true;
}

/* Mostly there is one value, of which nothing has to be looked at twice. */
void omc_pins_remove(omcache_t *mc, unsigned level)
{
    struct omc_fleet *fleet = &mc->fleet;

    if (fleet->pinned_count != 1 || !remove_only(fleet, fleet->pinned[0], level))
        remove_all(fleet, level);
}

bool omc_pins_lend(const struct omc_fleet *fleet, const void *bytes, unsigned level)
{
    for (size_t i = 0; i < fleet->pinned_count; i++) {
        if (omc_inbox_lends(&fleet->pinned[i]->link.conn.in, bytes, level))
            return true;
    }
    return false;
}
