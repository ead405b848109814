/*
 * Doubts about a connection.
 */
#include "client/doubt.h"

#include "base/clock.h"
#include "client/enqueue.h"
#include "client/handle.h"
#include "client/lifecycle.h"
#include "client/protocol.h"
#include "client/touch.h"
#include "client/work.h"

enum {
    /* Silence of so many milliseconds makes a connection doubtful, and after so many a
     * second one is tried again. */
    DOUBT_AFTER = 50,
    DOUBT_PAUSE = 500,
    /* For so many nothing is sent: some who keep silent go on when more is asked. */
    DOUBT_HOLD = 100,
    /* A server that goes on after a pause may answer on the second connection first. */
    DOUBT_GRACE = 20,
    /* Requests that somebody still waits for make the silence last so long at least. */
    DOUBT_AWAITED = 1000,
};

/* Sends nothing more for the time being.  But where the kernel is full the peer may have half
 * a request, and wait for the rest of it; and that there is room again would tell of it. */
static void hold_requests(struct omc_connection *conn)
{
    conn->held = !conn->blocked;
}

/* Goes on with the first connection. */
static void end_doubt(omcache_t *mc, struct omc_server *server)
{
    omc_lifecycle_drop_second(mc, server);
    omc_enqueue_note(mc, server);
}

/* Whether somebody waits for a request that was sent. */
static bool is_awaited(omcache_t *mc, const struct omc_server *server)
{
    const struct omc_queue *queue = &server->conn.queue;

    for (uint32_t i = 0; i < queue->count; i++) {
        const struct omc_pending *pending = omc_queue_find(queue, queue->first + i);

        if (queue->first + i == server->conn.begun)
            return false;
        if (pending != NULL && !pending->forgotten &&
            (pending->claim.owner == OMC_OWNER_OPERATION ||
             (pending->claim.owner == OMC_OWNER_BATCH &&
              omc_batch_is_awaited(&mc->batch, pending->claim.tag))))
            return true;
    }
    return false;
}

/* When the second, whose hello was answered, takes the place of the first, as far as is known. */
static int64_t end_of_grace(omcache_t *mc, const struct omc_server *server, int64_t now)
{
    int64_t awaited = omc_clock_after(server->conn.since, DOUBT_AWAITED);
    int64_t until = omc_clock_after(now, DOUBT_GRACE);

    return until < awaited && is_awaited(mc, server) ? awaited : until;
}

/* The hello of the second was answered. */
static void note_proof(omcache_t *mc, struct omc_server *server, int64_t now)
{
    server->second->until = end_of_grace(mc, server, now);
    hold_requests(&server->conn);
    omc_touch_server(&mc->fleet, server);
}

/* Somebody has given up; perhaps nobody waits any more. */
static void shorten(omcache_t *mc, struct omc_server *server, int64_t now)
{
    int64_t until = end_of_grace(mc, server, now);

    if (until >= server->second->until)
        return;
    server->second->until = until;
    omc_touch_server(&mc->fleet, server);
}

static bool has_shown_life(const struct omc_server *server)
{
    return server->conn.since >= server->second->begun || omc_work_has_come(server);
}

void omc_doubt_step(omcache_t *mc, struct omc_server *server, int64_t now)
{
    struct omc_second *second = server->second;
    enum omc_second_result result;

    if (second == NULL)
        return;
    if (server->conn.since >= second->begun) {
        end_doubt(mc, server);
        return;
    }
    result = omc_second_step(second, &mc->watches);
    if (result == OMC_SECOND_LOST)
        end_doubt(mc, server);
    else if (result == OMC_SECOND_PROVED)
        note_proof(mc, server, now);
}

void omc_doubt_begin(omcache_t *mc, struct omc_server *server, uint32_t number, int64_t now)
{
    struct omc_connection *conn = &server->conn;

    if (server->second != NULL && server->second->until != 0)
        shorten(mc, server, now);
    if (server->state != OMC_STATE_READY || !omc_connection_awaits_peer(conn) ||
        server->second != NULL || (int32_t)(number - conn->heard) < 0 ||
        now - conn->since < DOUBT_AFTER || now - server->doubted_at < DOUBT_PAUSE ||
        omc_work_has_come(server))
        return;
    server->doubted_at = now;
    server->second = omc_second_new(&mc->watches, server, &server->address,
                                    omc_protocol_choose(mc, server), now);
    if (server->second != NULL)
        hold_requests(conn);
    omc_touch_server(&mc->fleet, server);
}

void omc_doubt_call(omcache_t *mc, struct omc_server *server, int64_t now)
{
    omc_doubt_begin(mc, server, server->conn.begun - 1, now);
}

/* When the second connection is given up. */
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
    int64_t doubt, hold;

    if (server->second == NULL)
        return OMC_CLOCK_NEVER;
    if (server->second->until != 0)
        return server->second->until;
    doubt = end_of_doubt(mc, server);
    hold = end_of_hold(server);
    return hold < doubt ? hold : doubt;
}

/* The application may have chosen another protocol since it was greeted. */
static bool is_of_use(const omcache_t *mc, const struct omc_server *server)
{
    return server->second->greeting == omc_protocol_choose(mc, server);
}

void omc_doubt_check_deadline(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (now < omc_doubt_deadline(mc, server))
        return;
    if (server->second->until != 0 && is_of_use(mc, server) && !has_shown_life(server)) {
        omc_lifecycle_event(mc, server, OMC_EVENT_REPLACED, NULL, now);
    } else if (server->second->until != 0 || now >= end_of_doubt(mc, server)) {
        end_doubt(mc, server);
    } else {
        server->conn.held = false;
        omc_enqueue_note(mc, server);
    }
}
