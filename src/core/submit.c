/*
 * From an array of requests to the queues of their servers; see submit.h.
 */
#include "core/submit.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/handle.h"
#include "proto/request.h"

enum {
    /* Data of at least this size is sent from the caller's memory; less is
     * copied behind its head, so that many requests leave in one piece. */
    GATHER_SIZE = 4096,
};

/* The server that takes a request, or NULL.  Unless requests are only collected,
 * it is made to connect: if that fails at once, another one is taken. */
static struct omc_server *route(omcache_t *mc, const omcache_req_t *req, bool connect, int64_t now)
{
    struct omc_server *server;

    do {
        if (req->server_index == -1)
            server = omc_fleet_pick(mc, req->key, omc_request_key_len(req), now);
        else
            server = omc_fleet_server(&mc->fleet, req->server_index);
        if (server == NULL || !omc_server_is_usable(mc, server, now))
            return NULL;
        if (connect && server->state == OMC_STATE_IDLE)
            omc_server_event(mc, server, OMC_EVENT_START, NULL, now);
    } while (!omc_state_is_up(server->state));
    return server;
}

static void swap_requests(omcache_req_t *a, omcache_req_t *b)
{
    omcache_req_t other = *a;

    *a = *b;
    *b = other;
}

/* Sorts stably by routes[i], of which there are `kinds`; starts is scratch for
 * kinds + 1 numbers.  Afterwards routes is used up. */
static void sort_by_route(omcache_req_t *reqs, uint32_t *routes, size_t count, uint32_t *starts,
                          size_t kinds)
{
    memset(starts, 0, (kinds + 1) * sizeof(*starts));
    for (size_t i = 0; i < count; i++)
        starts[routes[i] + 1]++;
    for (size_t kind = 0; kind < kinds; kind++)
        starts[kind + 1] += starts[kind];
    for (size_t i = 0; i < count; i++)
        routes[i] = starts[routes[i]]++;
    for (size_t i = 0; i < count; i++) {
        while (routes[i] != i) {
            uint32_t target = routes[i];

            swap_requests(&reqs[i], &reqs[target]);
            routes[i] = routes[target];
            routes[target] = target;
        }
    }
}

static bool reserve_routes(omcache_t *mc, size_t room)
{
    uint32_t *routes;

    if (room <= mc->routes_room)
        return true;
    routes = omc_memory_resize(mc->routes, room, sizeof(*routes));
    if (routes == NULL)
        return false;
    mc->routes = routes;
    mc->routes_room = room;
    return true;
}

/* Fills in the server indexes and sorts by them, those without a server last.
 * How many have one. */
static size_t route_all(omcache_t *mc, omcache_req_t *reqs, size_t count, bool connect, int64_t now)
{
    uint32_t nowhere = (uint32_t)mc->fleet.count;
    size_t routed = 0;
    bool sorted = true;

    for (size_t i = 0; i < count; i++) {
        const struct omc_server *server = route(mc, &reqs[i], connect, now);

        mc->routes[i] = server == NULL ? nowhere : server->index;
        if (server != NULL) {
            reqs[i].server_index = (int)server->index;
            routed++;
        }
        sorted = sorted && (i == 0 || mc->routes[i - 1] <= mc->routes[i]);
    }
    if (!sorted)
        sort_by_route(reqs, mc->routes, count, mc->routes + count, (size_t)nowhere + 1);
    return routed;
}

/* Queues one request, or sends it if it is `alone` or large. */
static int submit_one(omcache_t *mc, struct omc_server *server, const omcache_req_t *req,
                      uint32_t tag, bool alone, enum omc_submit_write when, int64_t now)
{
    struct omc_connection *conn = &server->conn;
    size_t data_len = omc_request_data_len(req);
    size_t limit = mc->settings.send_limit;
    bool broken = false;
    int rc;

    if (!omc_state_is_up(server->state)) { /* it failed with the request before */
        omc_batch_fail(&mc->batch, tag, OMCACHE_SERVER_FAILURE);
        return OMCACHE_OK;
    }
    if (when != OMC_SUBMIT_COLLECT && data_len > 0 && (alone || data_len >= GATHER_SIZE) &&
        omc_state_is_connected(server->state) && !conn->blocked) {
        rc = omc_connection_send(conn, req, tag, limit, now, &broken);
        if (broken)
            omc_server_event(mc, server, OMC_EVENT_FAILED, strerror(errno), now);
    } else {
        rc = omc_connection_submit(conn, req, tag, limit);
    }
    omc_fleet_update_active(&mc->fleet, server);
    return rc;
}

/* Queues the routed requests, moving those refused behind the accepted ones. */
static int submit_all(omcache_t *mc, omcache_req_t *reqs, size_t *count, enum omc_submit_write when,
                      int64_t now)
{
    size_t routed = *count, accepted = 0;
    int refusal = OMCACHE_OK;

    for (size_t i = 0; i < routed; i++) {
        struct omc_server *server = omc_fleet_server(&mc->fleet, reqs[i].server_index);
        uint32_t tag = omc_batch_add(&mc->batch);
        int rc = submit_one(mc, server, &reqs[i], tag, routed == 1, when, now);

        if (rc != OMCACHE_OK) {
            omc_batch_take_back(&mc->batch);
            refusal = rc;
            continue;
        }
        if (accepted < i)
            swap_requests(&reqs[accepted], &reqs[i]);
        omc_request_complete(&reqs[accepted++], tag);
    }
    *count = accepted;
    return refusal;
}

int omc_submit(omcache_t *mc, omcache_req_t *reqs, size_t *count, enum omc_submit_write when,
               int64_t now)
{
    /* Routes, and behind them what sorting needs. */
    size_t room = *count + mc->fleet.count + 2, routed;
    int rc, refusal;

    if (*count > UINT32_MAX || !reserve_routes(mc, room) || !omc_batch_begin(&mc->batch, *count)) {
        *count = 0;
        return OMCACHE_FAIL;
    }
    routed = route_all(mc, reqs, *count, when != OMC_SUBMIT_COLLECT, now);
    rc = routed < *count ? OMCACHE_NO_SERVERS : OMCACHE_OK;
    *count = routed;
    refusal = submit_all(mc, reqs, count, when, now);
    for (size_t i = 0; when == OMC_SUBMIT_NOW && i < *count; i++) {
        if (i == 0 || reqs[i].server_index != reqs[i - 1].server_index)
            omc_server_write(mc, omc_fleet_server(&mc->fleet, reqs[i].server_index), now);
    }
    return refusal != OMCACHE_OK ? refusal : rc;
}
