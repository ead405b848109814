/*
 * From an array of requests to the queues of their servers; see submit.h.
 */
#include "client/submit.h"

#include <string.h>

#include "base/memory.h"
#include "client/choice.h"
#include "client/enqueue.h"
#include "client/handle.h"
#include "client/lifecycle.h"
#include "client/recovery.h"
#include "client/touch.h"
#include "proto/request.h"

enum {
    /* Data of at least this size is sent from the caller's memory; less is
     * copied behind its head, so that many requests leave in one piece. */
    GATHER_SIZE = 4096,

    ROUTES_KEPT = 1024, /* of the room for routes, where fewer are needed */
};

/* Whether a request may be sent to it without further ado. */
static inline bool is_ready(const struct omc_server *server, int64_t now)
{
    return server->state == OMC_STATE_READY && omc_connection_is_trusted(&server->conn, now);
}

/* The server that takes a request, or NULL.  Unless requests are only collected,
 * it is made to connect: if that fails at once, another one is taken; and if it may have
 * closed the connection, that is found out, so that no request need fail for it. */
static struct omc_server *route(omcache_t *mc, const omcache_req_t *req, bool connect, int64_t now)
{
    struct omc_server *server;

    do {
        server = omc_choice_for(mc, req, now);
        if (server == NULL || is_ready(server, now))
            return server;
        if (!omc_recovery_is_usable(mc, server, now))
            return NULL;
        if (connect && server->state == OMC_STATE_READY)
            omc_lifecycle_receive(mc, server, now);
        if (!connect || server->state != OMC_STATE_IDLE)
            continue;
        omc_lifecycle_event(mc, server, OMC_EVENT_START, NULL, now);
        if (server->state == OMC_STATE_IDLE) /* no descriptor: the request is to fail soon */
            mc->fleet.moved = true;
    } while (!omc_state_is_up(server->state));
    omc_lifecycle_expect(mc, server, now);
    return server;
}

static void swap_requests(omcache_req_t *a, omcache_req_t *b)
{
    omcache_req_t other = *a;

    *a = *b;
    *b = other;
}

/* Sorts both arrays stably by routes, of which there are `kinds`; starts is
 * scratch for kinds + 1 numbers. */
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
    /* Each start has moved on to where the next kind begins. */
    for (size_t kind = 0, i = 0; kind < kinds; kind++) {
        while (i < starts[kind])
            routes[i++] = (uint32_t)kind;
    }
}

static bool reserve_routes(omcache_t *mc, size_t needed)
{
    bool wasteful = mc->routes_room > ROUTES_KEPT && needed < mc->routes_room / 8;
    size_t room = wasteful && needed < ROUTES_KEPT ? ROUTES_KEPT : needed;
    uint32_t *routes;

    if (needed <= mc->routes_room && !wasteful)
        return true;
    routes = omc_memory_resize(mc->routes, room, sizeof(*routes));
    if (routes == NULL)
        return needed <= mc->routes_room;
    mc->routes = routes;
    mc->routes_room = room;
    return true;
}

/* Fills mc->routes with server indexes and sorts by them, those without a server
 * last.  How many have one. */
static size_t route_all(omcache_t *mc, omcache_req_t *reqs, size_t count, bool connect, int64_t now)
{
    uint32_t nowhere = (uint32_t)mc->fleet.count;
    size_t routed = 0;
    bool sorted = true;

    for (size_t i = 0; i < count; i++) {
        const struct omc_server *server = route(mc, &reqs[i], connect, now);

        mc->routes[i] = server == NULL ? nowhere : server->index;
        routed += server != NULL;
        sorted = sorted && (i == 0 || mc->routes[i - 1] <= mc->routes[i]);
    }
    if (!sorted)
        sort_by_route(reqs, mc->routes, count, mc->routes + count, (size_t)nowhere + 1);
    return routed;
}

/* The server chosen for a request; another one, or NULL, if that has failed since
 * with a request before. */
static struct omc_server *still_up(omcache_t *mc, struct omc_server *server,
                                   const omcache_req_t *req, int64_t now)
{
    if (omc_state_is_up(server->state))
        return server;
    if (req->server_index != -1)
        return NULL;
    return omc_choice_of(mc, req->key, omc_request_key_len(req), now);
}

/* Sends one request at once, with its data from where it is. */
static int send_one(omcache_t *mc, struct omc_server *server, const omcache_req_t *req,
                    struct omc_prefix prefix, const struct omc_pending *pending, int64_t now)
{
    struct omc_connection *conn = &server->conn;
    int rc = omc_connection_send(conn, req, prefix, pending, mc->settings.send_limit, now);

    if (rc == OMCACHE_OK)
        omc_enqueue_queued(mc, server, NULL);
    omc_touch_server(&mc->fleet, server); /* it was written to */
    if (conn->broken != 0)
        omc_lifecycle_broken(mc, server, now);
    return rc;
}

/* Takes one request into the current batch, and sends or queues it. */
static int accept_one(omcache_t *mc, struct omc_server *server, omcache_req_t *req, bool send,
                      int64_t now)
{
    struct omc_prefix prefix = omc_handle_prefix(mc, req->header.opcode);
    struct omc_pending pending = {
        .owner = OMC_OWNER_BATCH,
        .tag = omc_batch_add(&mc->batch),
        .asked = mc->usec,
        .prefix_len = (uint8_t)prefix.len,
        .prefix_hashed = mc->fleet.routing.keys.hash_prefix,
        .keyed = req->server_index == -1,
    };
    int rc = OMCACHE_NO_SERVERS;

    if (server != NULL && send && omc_state_is_connected(server->state) &&
        omc_connection_is_open(&server->conn))
        rc = send_one(mc, server, req, prefix, &pending, now);
    else if (server != NULL)
        rc = omc_enqueue(mc, server, req, prefix, &pending, mc->settings.send_limit);
    if (rc != OMCACHE_OK) {
        omc_batch_take_back(&mc->batch);
        return rc;
    }
    server->counters.requests++;
    req->server_index = (int)server->index;
    omc_request_complete(req, pending.tag);
    return rc;
}

/* How many of count routed requests in a row go to the same server, by their keys. */
static size_t run_length(const omcache_req_t *reqs, const uint32_t *routes, size_t count)
{
    size_t length = 0;

    while (length < count && routes[length] == routes[0] && reqs[length].server_index == -1)
        length++;
    return length;
}

/* Queues what can be queued of such a run in one go; how many that were. */
static size_t accept_run(omcache_t *mc, struct omc_server *server, omcache_req_t *reqs,
                         size_t count)
{
    struct omc_prefix prefix = omc_handle_prefix(mc, reqs[0].header.opcode);
    struct omc_pending first = {
        .owner = OMC_OWNER_BATCH,
        .tag = mc->batch.next_tag,
        .asked = mc->usec,
        .prefix_len = (uint8_t)prefix.len,
        .prefix_hashed = mc->fleet.routing.keys.hash_prefix,
        .keyed = true,
    };
    size_t done = omc_connection_submit_run(&server->conn, reqs, count, prefix, &first,
                                            mc->settings.send_limit);

    for (size_t i = 0; i < done; i++) {
        reqs[i].server_index = (int)server->index;
        omc_request_complete(&reqs[i], omc_batch_add(&mc->batch));
    }
    server->counters.requests += done;
    if (done > 0)
        omc_enqueue_note(mc, server);
    return done;
}

/* Queues the routed requests, moving those refused behind the accepted ones. */
static int accept_all(omcache_t *mc, omcache_req_t *reqs, size_t *count, enum omc_submit_write when,
                      int64_t now)
{
    size_t routed = *count, accepted = 0, run;
    int refusal = OMCACHE_OK;

    for (size_t i = 0; i < routed; i += run) {
        struct omc_server *server = still_up(mc, mc->fleet.servers[mc->routes[i]], &reqs[i], now);
        bool large = omc_request_data_len(&reqs[i]) >= GATHER_SIZE;
        int rc = OMCACHE_OK;

        run = accepted == i ? run_length(&reqs[i], &mc->routes[i], routed - i) : 0;
        run = server != NULL && run > 1 ? accept_run(mc, server, &reqs[i], run) : 0;
        if (run == 0) {
            rc = accept_one(mc, server, &reqs[i], large && when != OMC_SUBMIT_COLLECT, now);
            run = 1;
        }
        if (rc != OMCACHE_OK) {
            refusal = rc;
            continue;
        }
        if (accepted < i)
            swap_requests(&reqs[accepted], &reqs[i]);
        accepted += run;
    }
    *count = accepted;
    return refusal;
}

/* Routes several requests, and queues them. */
static int submit_many(omcache_t *mc, omcache_req_t *reqs, size_t *count,
                       enum omc_submit_write when, int64_t now)
{
    size_t routed = route_all(mc, reqs, *count, when != OMC_SUBMIT_COLLECT, now);
    int rc = routed < *count ? OMCACHE_NO_SERVERS : OMCACHE_OK, refusal;

    *count = routed;
    refusal = accept_all(mc, reqs, count, when, now);
    return refusal != OMCACHE_OK ? refusal : rc;
}

/* The same for one: there is nothing to be sorted, and nothing to be sent with it. */
static int submit_single(omcache_t *mc, omcache_req_t *req, size_t *count,
                         enum omc_submit_write when, int64_t now)
{
    struct omc_server *server = route(mc, req, when != OMC_SUBMIT_COLLECT, now);
    int rc = accept_one(mc, server, req, when != OMC_SUBMIT_COLLECT, now);

    *count = rc == OMCACHE_OK;
    return rc;
}

int omc_submit(omcache_t *mc, omcache_req_t *reqs, size_t *count, enum omc_submit_write when,
               int64_t now)
{
    /* Routes, and behind them what sorting needs. */
    size_t room = *count == 1 ? 0 : *count + mc->fleet.count + 2;
    int rc;

    if (*count > UINT32_MAX || !reserve_routes(mc, room) || !omc_batch_begin(&mc->batch, *count)) {
        *count = 0;
        return OMCACHE_NO_MEMORY;
    }
    rc = *count == 1 ? submit_single(mc, reqs, count, when, now)
                     : submit_many(mc, reqs, count, when, now);
    for (size_t i = 0; when == OMC_SUBMIT_NOW && i < *count; i++) {
        if (i == 0 || reqs[i].server_index != reqs[i - 1].server_index)
            omc_lifecycle_write(mc, omc_fleet_server(&mc->fleet, reqs[i].server_index), now);
    }
    return rc;
}

/* Notes that a server had no room for so many bytes; if there cannot be more than
 * now, nobody need wait for it. */
static void note_full(struct omc_server *server, size_t size, size_t limit)
{
    if (size > limit && omc_connection_unsent(&server->conn) == 0)
        return;
    if (!server->full || size > server->full_size)
        server->full_size = size;
    server->full = true;
}

int omc_submit_operation(omcache_t *mc, const omcache_req_t *req, struct omc_operation *operation,
                         int64_t now)
{
    struct omc_prefix prefix = omc_handle_prefix(mc, req->header.opcode);
    struct omc_pending pending = {
        .owner = operation == NULL ? OMC_OWNER_NOBODY : OMC_OWNER_OPERATION,
        .operation = operation,
        .asked = mc->usec,
        .prefix_len = (uint8_t)prefix.len,
        .prefix_hashed = mc->fleet.routing.keys.hash_prefix,
        .keyed = req->server_index == -1,
    };
    struct omc_server *server = route(mc, req, true, now);
    size_t limit = mc->settings.send_limit;
    int rc;

    if (server == NULL)
        return OMCACHE_NO_SERVERS;
    rc = omc_enqueue(mc, server, req, prefix, &pending, limit);
    server->counters.requests += rc == OMCACHE_OK;
    if (rc == OMCACHE_BUFFER_FULL)
        note_full(server, omc_connection_size(&server->conn, req, prefix), limit);
    return rc;
}
