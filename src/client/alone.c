/*
 * A server's turn without the loop; see alone.h.
 */
#include "client/alone.h"

#include <errno.h>

#include "client/handle.h"
#include "client/turn.h"
#include "link/life.h"
#include "link/match.h"
#include "link/send.h"
#include "net/socket.h"

enum {
    WAIT_MIN = 2 * OMC_SOCKET_PATIENCE, /* no deadline may be nearer */
};

bool omc_alone_is_possible(const omcache_t *mc, const struct omc_server *server,
                           int32_t timeout_msec)
{
    return (timeout_msec < 0 || timeout_msec >= WAIT_MIN) &&
           mc->fleet.active_count == (size_t)server->active && !mc->fleet.moved &&
           mc->shared.names.count == 0 && mc->operations.deadlines.count == 0 &&
           mc->operations.ended.first == NULL && mc->shared.settings.dead_timeout >= WAIT_MIN;
}

/* Whether a link can do all there is to do about its only request by writing and reading. */
static bool is_plain(const struct omc_link *link)
{
    const struct omc_connection *conn = &link->conn;

    return link->phase == OMC_PHASE_READY && omc_connection_is_open(conn) &&
           conn->queue.count == 1 && link->second == NULL;
}

bool omc_alone_ask(omcache_t *mc, struct omc_server *server, int64_t now)
{
    struct omc_link *link = &server->link;

    if (!is_plain(link))
        return false;
    if (!omc_send(&link->conn, now)) {
        omc_life_broken(link, errno);
        omc_turn_take(mc, server, now);
        return false;
    }
    return !omc_connection_waits(&link->conn) && omc_connection_awaits_answer(&link->conn) &&
           omc_match_await(link);
}

bool omc_alone_take(omcache_t *mc, struct omc_server *server, int64_t now)
{
    omc_turn_receive(mc, server, now);
    return mc->batch.left == 0;
}
