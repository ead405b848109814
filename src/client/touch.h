/*
 * The lists of servers that something has happened to, or that have new requests; duty.h says
 * what is done about them.
 */
#ifndef OMC_CLIENT_TOUCH_H
#define OMC_CLIENT_TOUCH_H

#include <stdbool.h>
#include <stddef.h>

#include "client/fleet.h"
#include "client/server.h"

/* Notes that something has happened to a server, on which the other lists depend, its
 * deadline, what it is watched for, and whether it has room again. */
static inline void omc_touch_server(struct omc_fleet *fleet, struct omc_server *server)
{
    if (server->touched)
        return;
    server->touched = true;
    fleet->touched[fleet->touched_count++] = server;
    if (!server->active) {
        server->active = true;
        server->active_at = fleet->active_count;
        fleet->active[fleet->active_count++] = server;
    }
}

/* Lets a server be read from again, if it had no room. */
static inline void omc_touch_end_stall(struct omc_fleet *fleet, struct omc_server *server)
{
    if (!server->link.conn.stalled)
        return;
    server->link.conn.stalled = false;
    omc_touch_server(fleet, server);
}

/* Notes that a server has a new request, and takes one of those off the list; NULL:
 * there is none. */
static inline void omc_touch_note_unsent(struct omc_fleet *fleet, struct omc_server *server)
{
    if (!server->unsent)
        fleet->unsent[fleet->unsent_count++] = server;
    server->unsent = true;
}

static inline struct omc_server *omc_touch_take_unsent(struct omc_fleet *fleet)
{
    struct omc_server *server;

    if (fleet->unsent_count == 0)
        return NULL;
    server = fleet->unsent[--fleet->unsent_count];
    server->unsent = false;
    return server;
}

#endif
