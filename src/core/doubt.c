/*
 * Doubts about a connection.
 */
#include "core/doubt.h"

#include "base/clock.h"
#include "core/duty.h"
#include "core/handle.h"
#include "net/poll.h"

enum {
    /* Silence of so many milliseconds makes a connection doubtful, and after so many a
     * second one is tried again. */
    DOUBT_AFTER = 50,
    DOUBT_PAUSE = 500,
};

void omc_doubt_end(omcache_t *mc, struct omc_server *server)
{
    if (server->second == NULL)
        return;
    omc_second_free(server->second, &mc->watches);
    server->second = NULL;
    server->conn.held = false;
    if (omc_connection_unsent(&server->conn) > 0)
        omc_duty_note_unsent(&mc->fleet, server);
    omc_duty_touch(&mc->fleet, server);
}

/* What became of the second connection counts unless the first has shown that it lives. */
void omc_doubt_step(omcache_t *mc, struct omc_server *server, int64_t now)
{
    enum omc_second_result result;

    if (server->second == NULL)
        return;
    result = omc_second_step(server->second, &mc->watches);
    if (server->conn.since >= server->second->begun || result == OMC_SECOND_LOST ||
        (result == OMC_SECOND_PROVED && omc_poll_readable(server->watch.fd)))
        omc_doubt_end(mc, server);
    else if (result == OMC_SECOND_PROVED)
        omc_server_event(mc, server, OMC_EVENT_REPLACED, NULL, now);
}

void omc_doubt_begin(omcache_t *mc, struct omc_server *server, uint32_t number, int64_t now)
{
    struct omc_connection *conn = &server->conn;

    if (server->state != OMC_STATE_READY || !omc_connection_awaits_peer(conn) ||
        server->second != NULL || (int32_t)(number - conn->heard) < 0 ||
        now - conn->since < DOUBT_AFTER || now - server->doubted_at < DOUBT_PAUSE ||
        omc_poll_readable(server->watch.fd))
        return;
    server->doubted_at = now;
    server->second = omc_second_new(&mc->watches, server, &server->address, conn->protocol, now);
    conn->held = server->second != NULL;
    omc_duty_touch(&mc->fleet, server);
}

void omc_doubt_call(omcache_t *mc, struct omc_server *server, int64_t now)
{
    const struct omc_queue *queue = &server->conn.queue;
    uint32_t end = omc_queue_next(queue);

    while (end != queue->first && omc_queue_slot(queue, end - 1)->owner != OMC_OWNER_BATCH)
        end--;
    if (end != queue->first)
        omc_doubt_begin(mc, server, end - 1, now);
}

int64_t omc_doubt_deadline(const omcache_t *mc, const struct omc_server *server)
{
    return server->second == NULL
               ? OMC_CLOCK_NEVER
               : omc_clock_after(server->second->begun, mc->settings.connect_timeout);
}
