/*
 * What is to be done about the servers of a fleet.  Only those are looked at in a turn
 * of the loop that are on one of the lists here, or due.
 */
#ifndef OMC_CORE_DUTY_H
#define OMC_CORE_DUTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/fleet.h"
#include "core/server.h"
#include "omcache.h"

/* Notes that something has happened to a server, on which the other lists depend, its
 * deadline, what it is watched for, and whether it has room again. */
static inline void omc_duty_touch(struct omc_fleet *fleet, struct omc_server *server)
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

/* Brings all that up to date, once for all that has happened, and takes servers that
 * have nothing to do off the list of active ones.  Whoever reads what is kept here
 * does that first. */
void omc_duty_update(omcache_t *mc);

/* Notes that a server has a new request, and takes one of those off the list; NULL:
 * there is none. */
static inline void omc_duty_note_unsent(struct omc_fleet *fleet, struct omc_server *server)
{
    if (!server->unsent)
        fleet->unsent[fleet->unsent_count++] = server;
    server->unsent = true;
}

static inline struct omc_server *omc_duty_take_unsent(struct omc_fleet *fleet)
{
    struct omc_server *server;

    if (fleet->unsent_count == 0)
        return NULL;
    server = fleet->unsent[--fleet->unsent_count];
    server->unsent = false;
    return server;
}

/* The earliest deadline of all servers, or OMC_CLOCK_NEVER; and acts on those that
 * have come. */
int64_t omc_duty_deadline(omcache_t *mc);
void omc_duty_check_deadlines(omcache_t *mc, int64_t now);

/* Looks at all deadlines anew, after a setting that they depend on. */
void omc_duty_update_deadlines(omcache_t *mc);

/* Tells the application which servers have room again. */
void omc_duty_tell_drained(omcache_t *mc);

#endif
