/*
 * Looking after servers that are down; see recovery.h.
 */
#include "client/recovery.h"

#include <string.h>

#include "client/duty.h"
#include "client/handle.h"
#include "client/lookups.h"
#include "client/turn.h"
#include "link/life.h"
#include "link/patience.h"

enum {
    LOOKUP_TIME = 250, /* milliseconds that a lookup has before it is doubted, or the time until a
                        * connection is safe */
};

/* Begins to connect, if its time has come.  Whether there is something to look at. */
static bool begin_reconnect(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (server->nudged_at == now)
        return false;
    server->nudged_at = now;
    if (server->link.phase == OMC_PHASE_REST && now >= server->link.retry_at)
        omc_turn_event(mc, server, OMC_EVENT_START, NULL, now);
    return server->link.phase != OMC_PHASE_REST;
}

/* What became of those that have begun. */
static void look_at(omcache_t *mc, struct omc_server **servers, size_t count, int64_t now)
{
    bool finding = false;

    for (size_t i = 0; i < count; i++)
        finding = finding || servers[i]->link.phase == OMC_PHASE_FINDING;
    if (finding)
        omc_lookups_look(mc, now);
    omc_turn_look(mc, servers, count, now);
    for (size_t i = 0; i < count; i++)
        omc_turn_check_deadline(mc, servers[i], now);
}

void omc_recovery_nudge(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (begin_reconnect(mc, server, now))
        look_at(mc, &server, 1, now);
}

/* The next server that is down, round the list. */
static struct omc_server *next_down(struct omc_fleet *fleet)
{
    const unsigned char *found =
        memchr(fleet->down + fleet->looked_next, 1, fleet->count - fleet->looked_next);

    if (found == NULL)
        found = memchr(fleet->down, 1, fleet->looked_next);
    if (found == NULL)
        return NULL;
    fleet->looked_next = (size_t)(found - fleet->down) + 1;
    return fleet->servers[found - fleet->down];
}

void omc_recovery_look(omcache_t *mc, struct omc_server *first, int64_t now)
{
    struct omc_fleet *fleet = &mc->fleet;
    size_t left = fleet->down_count < OMC_RECOVERY_SOME ? fleet->down_count : OMC_RECOVERY_SOME,
           count = 0;
    struct omc_server *some[OMC_RECOVERY_SOME];

    if (fleet->looked_at == now)
        return;
    fleet->looked_at = now;
    if (begin_reconnect(mc, first, now))
        some[count++] = first;
    for (; left > 0 && count < OMC_RECOVERY_SOME; left--) {
        some[count] = next_down(fleet);
        if (some[count] != NULL && begin_reconnect(mc, some[count], now))
            count++;
    }
    if (count > 0)
        look_at(mc, some, count, now);
}

void omc_recovery_choose(omcache_t *mc)
{
    struct omc_fleet *fleet = &mc->fleet;
    size_t left = fleet->down_count < OMC_RECOVERY_SOME ? fleet->down_count : OMC_RECOVERY_SOME;

    fleet->waited_count = 0;
    for (; left > 0; left--) {
        struct omc_server *server = next_down(fleet);

        if (server == NULL || server->link.phase == OMC_PHASE_REST)
            continue;
        omc_life_choose(&server->link);
        fleet->waited[fleet->waited_count++] = server;
    }
}

void omc_recovery_choose_all(omcache_t *mc)
{
    for (size_t i = 0; mc->fleet.down_count > 0 && i < mc->fleet.count; i++) {
        if (mc->fleet.down[i])
            omc_life_choose(&mc->fleet.servers[i]->link);
    }
}

/* Callbacks may begin another wait. */
void omc_recovery_dispatch(omcache_t *mc, int64_t now)
{
    while (mc->fleet.waited_count > 0)
        omc_turn_ready(mc, mc->fleet.waited[--mc->fleet.waited_count], now);
}

/* A connection takes a round trip.  What an address has before the next one is tried is
 * enough to tell slow from gone; but a unix socket whose queue is full is there. */
static bool is_doubtful(const struct omc_server *server, int64_t now)
{
    if (server->link.phase == OMC_PHASE_FINDING || server->link.phase == OMC_PHASE_SECURING)
        return now - server->link.conn.since >= LOOKUP_TIME;
    return server->link.phase == OMC_PHASE_DIALLING && omc_race_is_overdue(&server->link.race, now);
}

void omc_recovery_doubt(omcache_t *mc, struct omc_server *server, int64_t now)
{
    enum omc_phase before = server->link.phase;

    if (is_doubtful(server, now)) /* perhaps nobody has looked */
        look_at(mc, &server, 1, now);
    if (server->link.phase <= before && is_doubtful(server, now))
        omc_turn_event(mc, server, OMC_EVENT_DOUBTED, NULL, now);
}
