/*
 * Values that were handed out, which lie in the inboxes of servers and stay there until
 * those who have them do not need them any more.
 */
#ifndef OMC_CLIENT_PINS_H
#define OMC_CLIENT_PINS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/fleet.h"
#include "client/handle.h"
#include "client/server.h"
#include "client/touch.h"
#include "omcache.h"

/* Remembers that values in the server's inbox were handed out. */
void omc_pins_add(struct omc_fleet *fleet, struct omc_server *server, unsigned level);

/* Takes the values of one server back from a level on; whether that is all.  Then there may be room
 * again, too. */
static inline bool omc_pins_take_back(struct omc_fleet *fleet, struct omc_server *server,
                                      unsigned level)
{
    bool is_all = omc_inbox_unpin(&server->link.conn.in, level);

    omc_touch_end_stall(fleet, server);
    return is_all;
}

/* For omc_pins_remove, where some were. */
void omc_pins_remove_some(struct omc_fleet *fleet, unsigned level);

/* Takes all such values back from a level on. */
static inline void omc_pins_remove(omcache_t *mc, unsigned level)
{
    if (mc->fleet.pinned_count > 0)
        omc_pins_remove_some(&mc->fleet, level);
}

/* The same for a lone answer, which was handed out to a call that no callback had made. */
void omc_pins_drop_lone(omcache_t *mc);

static inline void omc_pins_remove_lone(omcache_t *mc)
{
    if (mc->shared.pool.lone != NULL && mc->shared.depth == 1)
        omc_pins_drop_lone(mc);
}

/* For omc_pins_lend. */
bool omc_pins_find(const omcache_t *mc, const void *bytes, unsigned level);

/* Whether bytes at that address are among those that this would take back, are a lone answer's, or
 * are in the copy of a key that the last reply has. */
static inline bool omc_pins_lend(const omcache_t *mc, const void *bytes, unsigned level)
{
    bool may_be =
        (mc->fleet.pinned_count | (uintptr_t)mc->dropped | (uintptr_t)mc->reply_bytes) != 0;

    return omc_pool_is_lone(&mc->shared.pool, bytes) || (may_be && omc_pins_find(mc, bytes, level));
}

#endif
