/*
 * Values that were handed out; see pins.h.
 */
#include "client/pins.h"

#include "client/handle.h"

void omc_pins_add(struct omc_fleet *fleet, struct omc_server *server, unsigned level)
{
    omc_inbox_pin(&server->link.conn.in, level);
    if (!server->pinned && !server->dropped)
        fleet->pinned[fleet->pinned_count++] = server;
    server->pinned = true;
}

void omc_pins_remove_some(struct omc_fleet *fleet, unsigned level)
{
    for (size_t i = fleet->pinned_count; i-- > 0;) {
        struct omc_server *server = fleet->pinned[i];

        if (omc_pins_take_back(fleet, server, level)) {
            server->pinned = false;
            fleet->pinned[i] = fleet->pinned[--fleet->pinned_count];
        }
    }
}

void omc_pins_drop_lone(omcache_t *mc)
{
    omc_pool_drop_lone(&mc->shared.pool);
}

/* Servers that were dropped are on no list but their own. */
bool omc_pins_find(const omcache_t *mc, const void *bytes, unsigned level)
{
    for (size_t i = 0; i < mc->fleet.pinned_count; i++) {
        if (omc_inbox_lends(&mc->fleet.pinned[i]->link.conn.in, bytes, level))
            return true;
    }
    for (const struct omc_server *server = mc->dropped; server != NULL; server = server->next) {
        if (omc_inbox_lends(&server->link.conn.in, bytes, level))
            return true;
    }
    return mc->reply_bytes != NULL &&
           (uintptr_t)bytes - (uintptr_t)mc->reply_bytes < mc->reply.key_len;
}
