/*
 * A server's turn without the loop; see alone.h.
 */
#include "client/alone.h"

#include <errno.h>

#include "client/completion.h"
#include "client/handle.h"
#include "client/turn.h"
#include "link/life.h"
#include "link/match.h"
#include "link/patience.h"
#include "link/send.h"
#include "net/socket.h"

enum {
    WAIT_MIN = 2 * OMC_SOCKET_PATIENCE, /* no deadline may be nearer */
};

/* Whether a call for that server can do without the loop, as far as all others are concerned. */
static bool is_alone(const omcache_t *mc, const struct omc_server *server, int32_t timeout_msec)
{
    return (timeout_msec < 0 || timeout_msec >= WAIT_MIN) &&
           mc->fleet.active_count == (size_t)server->active && !mc->fleet.moved &&
           mc->shared.names.count == 0 && mc->operations.deadlines.count == 0 &&
           mc->operations.ended.first == NULL && mc->shared.settings.dead_timeout >= WAIT_MIN;
}

/* Whether all there is to do on a link about its only request is to write and to read. */
static bool is_plain(const struct omc_link *link)
{
    return link->phase == OMC_PHASE_READY && omc_connection_is_open(&link->conn) &&
           link->conn.queue.count == 1 && link->second == NULL;
}

bool omc_alone_write(omcache_t *mc, struct omc_server *server, int32_t timeout_msec, int64_t now)
{
    struct omc_link *link = &server->link;

    if (!is_alone(mc, server, timeout_msec) || !is_plain(link))
        return false;
    if (!omc_send(&link->conn, now)) {
        omc_life_broken(link, errno);
        omc_turn_take(mc, server, now);
        return false;
    }
    return !omc_connection_wants_write(&link->conn) && omc_connection_awaits_answer(&link->conn);
}

/* Whether nothing is due before that time, as far as can be told at a glance. */
static bool is_nothing_due(const omcache_t *mc, const struct omc_server *server, int64_t until)
{
    const struct omc_deadline *first = omc_deadlines_first(&mc->deadlines);

    return !mc->fleet.moved && (first == NULL || first->when >= until) &&
           omc_patience_deadline(&server->link) >= until &&
           omc_operation_deadline(&mc->operations) >= until && mc->shared.names.deadline >= until;
}

struct omc_server *omc_alone_find(const omcache_t *mc, int64_t now, int64_t deadline)
{
    struct omc_server *server = mc->fleet.active_count == 1 ? mc->fleet.active[0] : NULL;
    int64_t until = now + WAIT_MIN;

    return server != NULL && mc->shared.names.count == 0 && server->link.phase == OMC_PHASE_READY &&
                   server->link.second == NULL &&
                   omc_connection_awaits_answer(&server->link.conn) &&
                   !omc_connection_wants_write(&server->link.conn) && deadline >= until &&
                   is_nothing_due(mc, server, until)
               ? server
               : NULL;
}

bool omc_alone_await(struct omc_server *server)
{
    return omc_match_await(&server->link);
}

void omc_alone_take(omcache_t *mc, struct omc_server *server, int64_t now)
{
    omc_turn_receive(mc, server, now);
    if (mc->operations.ended.first != NULL)
        omc_completion_tell(mc);
}
