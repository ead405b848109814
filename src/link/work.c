/*
 * What follows from the state of a server; see work.h.
 */
#include "link/work.h"

#include "net/poll.h"

bool omc_work_is_there(const struct omc_link *link)
{
    return omc_connection_is_busy(&link->conn) || link->second != NULL ||
           link->state == OMC_STATE_RESOLVING || link->state == OMC_STATE_CONNECTING ||
           link->state == OMC_STATE_HANDSHAKE;
}

short omc_work_events(const struct omc_link *link)
{
    const struct omc_connection *conn = &link->conn;
    int events = 0;

    if (!omc_state_is_connected(link->state))
        return 0;
    if (!conn->stalled)
        events |= conn->stream.to_receive;
    if (omc_connection_wants_write(conn))
        events |= conn->stream.to_send;
    return (short)events;
}

bool omc_work_has_come(const struct omc_link *link)
{
    const struct omc_connection *conn = &link->conn;
    int events = conn->stream.to_receive;

    if (conn->blocked && omc_connection_wants_write(conn))
        events |= conn->stream.to_send;
    return conn->stream.pending || omc_poll_now(link->watch.fd, (short)events);
}

bool omc_work_is_pending(const struct omc_link *link)
{
    return (link->conn.stream.pending || link->conn.awaited) && !link->conn.stalled;
}
