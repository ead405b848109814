/*
 * What is to be done about the servers of a fleet: which have something going on, new
 * requests, a deadline, room again, or values that were handed out.
 */
#include "client/duty.h"

#include <stddef.h>

#include "base/clock.h"
#include "client/handle.h"
#include "client/turn.h"
#include "link/patience.h"
#include "link/work.h"

static void retire(struct omc_fleet *fleet, struct omc_server *server)
{
    struct omc_server *last = fleet->active[--fleet->active_count];

    fleet->active[server->active_at] = last;
    last->active_at = server->active_at;
    server->active = false;
}

/* Deadlines mostly move on, with every answer: the collection need not know that before
 * the old one comes. */
static void update_deadline(omcache_t *mc, struct omc_server *server)
{
    int64_t deadline = omc_patience_deadline(&server->link);

    if (deadline != OMC_CLOCK_NEVER &&
        (server->deadline.place == 0 || deadline < server->deadline.when))
        omc_deadlines_set(&mc->deadlines, &server->deadline, deadline);
}

/* Whether one that has refused requests has room for each of them. */
static bool has_drained(const omcache_t *mc, const struct omc_server *server)
{
    size_t unsent = server->link.conn.unsent, limit = mc->send_limit;

    return server->full && unsent <= limit / 2 &&
           (unsent == 0 || server->full_size <= limit - unsent);
}

void omc_duty_update(omcache_t *mc)
{
    struct omc_fleet *fleet = &mc->fleet;

    while (fleet->touched_count > 0) {
        struct omc_server *server = fleet->touched[--fleet->touched_count];

        server->touched = false;
        if (!omc_work_is_there(&server->link))
            retire(fleet, server);
        update_deadline(mc, server);
        omc_watch_want(&mc->shared.watches, &server->link.watch, omc_work_events(&server->link));
        mc->drained = mc->drained || has_drained(mc, server);
    }
}

static struct omc_server *server_of(struct omc_deadline *deadline)
{
    return (struct omc_server *)((char *)deadline - offsetof(struct omc_server, deadline));
}

/* The server whose real deadline is the earliest, or NULL. */
static struct omc_server *first_due(omcache_t *mc)
{
    struct omc_deadline *first;

    while ((first = omc_deadlines_first(&mc->deadlines)) != NULL) {
        int64_t deadline = omc_patience_deadline(&server_of(first)->link);

        if (deadline == first->when)
            return server_of(first);
        if (deadline == OMC_CLOCK_NEVER)
            omc_deadlines_remove(&mc->deadlines, first);
        else
            omc_deadlines_set(&mc->deadlines, first, deadline);
    }
    return NULL;
}

int64_t omc_duty_deadline(omcache_t *mc)
{
    const struct omc_server *server;

    omc_duty_update(mc);
    server = first_due(mc);
    return server == NULL ? OMC_CLOCK_NEVER : server->deadline.when;
}

/* Whether one may be: none is due earlier than the collection has it. */
static bool is_any_due(const omcache_t *mc, int64_t now)
{
    const struct omc_deadline *first = omc_deadlines_first(&mc->deadlines);

    return first != NULL && first->when <= now;
}

/* As often as there are deadlines: with a timeout of 0 there is always a next one. */
void omc_duty_check_deadlines(omcache_t *mc, bool reads, int64_t now)
{
    omc_duty_update(mc);
    for (size_t left = mc->deadlines.count; left > 0; left--) {
        struct omc_server *server = is_any_due(mc, now) ? first_due(mc) : NULL;

        if (server == NULL || server->deadline.when > now ||
            (!reads && omc_work_is_pending(&server->link)))
            return;
        omc_turn_check_deadline(mc, server, now);
    }
}

void omc_duty_update_deadlines(omcache_t *mc)
{
    for (size_t i = 0; i < mc->fleet.all; i++)
        update_deadline(mc, mc->fleet.servers[i]);
}

/* The callback may change the list, or free the handle. */
static void tell_drained(omcache_t *mc)
{
    for (size_t i = 0; i < mc->fleet.count && !mc->doomed; i++) {
        struct omc_server *server = mc->fleet.servers[i];

        if (!has_drained(mc, server))
            continue;
        server->full = false;
        if (mc->drain_func != NULL)
            mc->drain_func(mc, (int)i, mc->drain_context);
    }
}

void omc_duty_tell_drained(omcache_t *mc)
{
    while (mc->drained && !mc->doomed) {
        mc->drained = false;
        tell_drained(mc);
    }
}
