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
    /* For so many nothing is sent: some who keep silent go on when more is asked. */
    DOUBT_HOLD = 100,
};

void omc_doubt_drop(omcache_t *mc, struct omc_server *server)
{
    if (server->second == NULL)
        return;
    omc_second_free(server->second, &mc->watches);
    server->second = NULL;
    server->conn.held = false;
}

/* Goes on with the first connection. */
static void end(omcache_t *mc, struct omc_server *server)
{
    omc_doubt_drop(mc, server);
    omc_server_note_request(mc, server);
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
        end(mc, server);
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
    server->second = omc_second_new(&mc->watches, server, &server->address, server->known, now);
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

/* When it is given up. */
static int64_t end_of_doubt(const omcache_t *mc, const struct omc_server *server)
{
    return omc_clock_after(server->second->begun, mc->settings.connect_timeout);
}

static int64_t end_of_hold(const struct omc_server *server)
{
    return server->conn.held ? omc_clock_after(server->second->begun, DOUBT_HOLD) : OMC_CLOCK_NEVER;
}

int64_t omc_doubt_deadline(const omcache_t *mc, const struct omc_server *server)
{
    int64_t first = server->second == NULL ? OMC_CLOCK_NEVER : end_of_doubt(mc, server);

    return server->second != NULL && end_of_hold(server) < first ? end_of_hold(server) : first;
}

void omc_doubt_check_deadline(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (server->second == NULL)
        return;
    if (now >= end_of_doubt(mc, server)) {
        end(mc, server);
    } else if (now >= end_of_hold(server)) {
        server->conn.held = false;
        omc_server_note_request(mc, server);
    }
}
