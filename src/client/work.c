/*
 * What follows from the state of a server; see work.h.
 */
#include "client/work.h"

#include "net/poll.h"

bool omc_work_is_there(const struct omc_server *server)
{
    return omc_connection_is_busy(&server->conn) || server->second != NULL ||
           server->state == OMC_STATE_RESOLVING || server->state == OMC_STATE_CONNECTING ||
           server->state == OMC_STATE_HANDSHAKE;
}

short omc_work_events(const struct omc_server *server)
{
    const struct omc_connection *conn = &server->conn;
    int events = 0;

    if (!omc_state_is_connected(server->state))
        return 0;
    if (!conn->stalled)
        events |= conn->stream.to_receive;
    if (omc_connection_wants_write(conn))
        events |= conn->stream.to_send;
    return (short)events;
}

bool omc_work_has_come(const struct omc_server *server)
{
    const struct omc_connection *conn = &server->conn;
    int events = conn->stream.to_receive;

    if (conn->blocked && omc_connection_wants_write(conn))
        events |= conn->stream.to_send;
    return conn->stream.pending || omc_poll_now(server->watch.fd, (short)events);
}

bool omc_work_is_pending(const struct omc_server *server)
{
    return server->conn.stream.pending && !server->conn.stalled;
}
