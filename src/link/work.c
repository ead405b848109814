/*
 * What follows from the phase of a link; see work.h.
 */
#include "link/work.h"

#include "net/poll.h"

bool omc_work_is_there(const struct omc_link *link)
{
    bool is_on_its_way = link->phase != OMC_PHASE_REST && link->phase != OMC_PHASE_READY;

    return omc_connection_is_busy(&link->conn) || link->second != NULL ||
           (link->up && is_on_its_way);
}

short omc_work_events(const struct omc_link *link)
{
    const struct omc_connection *conn = &link->conn;
    int events = 0;

    if (link->phase == OMC_PHASE_SECURING)
        return link->coming.to_receive;
    if (!omc_phase_is_connected(link->phase))
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
    return conn->stream.pending || omc_poll_one(link->watch.fd, (short)events, 0);
}

bool omc_work_is_pending(const struct omc_link *link)
{
    return link->conn.stream.pending && !link->conn.stalled && !link->muted;
}
