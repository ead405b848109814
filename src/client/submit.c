/*
 * From an array of requests to the queues of their servers; see submit.h.
 */
#include "client/submit.h"

#include <string.h>

#include "base/memory.h"
#include "client/choice.h"
#include "client/enqueue.h"
#include "client/handle.h"
#include "client/recovery.h"
#include "client/touch.h"
#include "client/turn.h"

enum {
    ROUTES_KEPT = 1024, /* of the room for routes, where fewer are needed */
};

/* Whether a request may be sent to it without further ado. */
static inline bool is_ready(const struct omc_server *server, int64_t now)
{
    return server->link.phase == OMC_PHASE_READY &&
           omc_connection_is_trusted(&server->link.conn, now);
}

/* Gets a server ready for requests: it is made to connect; and if it may have closed the
 * connection, that is found out, so that no request need fail for it.  False if it takes none. */
static bool make_ready(omcache_t *mc, struct omc_server *server, int64_t now)
{
    if (server->link.phase == OMC_PHASE_READY)
        omc_turn_read(mc, server, now);
    if (server->link.phase == OMC_PHASE_REST && server->link.up) {
        omc_turn_event(mc, server, OMC_EVENT_START, NULL, now);
        if (server->link.phase == OMC_PHASE_REST && server->link.up)
            mc->fleet.moved = true; /* no descriptor: the request is to fail soon */
    }
    return server->link.up;
}

/* The server that takes a request, or NULL.  Unless requests are only collected, one that is not
 * ready is made so: if it fails at once, another one is taken. */
static inline struct omc_server *route(omcache_t *mc, const struct omc_ask *ask, int server_index,
                                       bool connect, int64_t now)
{
    struct omc_server *server;

    do {
        server = omc_choice_for(mc, ask, server_index, now);
        if (server == NULL || is_ready(server, now))
            return server;
        if (!omc_recovery_is_usable(mc, server, now))
            return NULL;
    } while (connect && !make_ready(mc, server, now));
    return server;
}

/* Room for so many routes twice, as sorting needs it; false without memory. */
static bool reserve_routes(omcache_t *mc, size_t count)
{
    size_t needed = 2 * count;
    bool wasteful = mc->routes_room > ROUTES_KEPT && needed < mc->routes_room / 8;
    size_t room = wasteful && needed < ROUTES_KEPT ? ROUTES_KEPT : needed;
    uint64_t *routes;

    if (needed <= mc->routes_room && !wasteful)
        return true;
    routes = omc_memory_resize(mc->routes, room, sizeof(*routes));
    if (routes == NULL)
        return needed <= mc->routes_room;
    mc->routes = routes;
    mc->routes_room = room;
    return true;
}

/* A route: the server, and the place of the request in its batch. */
static uint64_t make_route(uint32_t server, size_t place)
{
    return (uint64_t)server << 32 | (uint32_t)place;
}

static uint32_t server_of_route(uint64_t route)
{
    return (uint32_t)(route >> 32);
}

static uint32_t place_of_route(uint64_t route)
{
    return (uint32_t)route;
}

/* Merges two sorted runs that lie behind one another. */
static void merge(uint64_t *to, const uint64_t *from, size_t middle, size_t end)
{
    size_t a = 0, b = middle;

    for (size_t i = 0; i < end; i++)
        to[i] = b == end || (a < middle && from[a] < from[b]) ? from[a++] : from[b++];
}

/* Sorts routes; there is room for as many more behind them.  What that takes depends on their
 * number only, not on that of the servers. */
static void sort_routes(uint64_t *routes, size_t count)
{
    uint64_t *from = routes, *to = routes + count;

    for (size_t width = 1; width < count; width *= 2) {
        uint64_t *last = from;

        for (size_t i = 0; i < count; i += 2 * width) {
            size_t left = count - i;

            merge(to + i, from + i, left < width ? left : width,
                  left < 2 * width ? left : 2 * width);
        }
        from = to;
        to = last;
    }
    if (from != routes)
        memcpy(routes, from, count * sizeof(*routes));
}

/* Fills mc->routes, sorted: those without a server come last.  How many have one. */
static size_t route_all(omcache_t *mc, size_t count, bool connect, int64_t now)
{
    const struct omc_order *orders = mc->batch.orders;
    uint32_t nowhere = (uint32_t)mc->fleet.count;
    size_t routed = 0;
    bool sorted = true;

    for (size_t i = 0; i < count; i++) {
        const struct omc_server *server =
            route(mc, &orders[i].ask, orders[i].server_index, connect, now);

        mc->routes[i] = make_route(server == NULL ? nowhere : server->index, i);
        routed += server != NULL;
        sorted = sorted && (i == 0 || mc->routes[i - 1] < mc->routes[i]);
    }
    if (!sorted)
        sort_routes(mc->routes, count);
    return routed;
}

/* The server chosen for a request; another one, or NULL, if that has failed since
 * with a request before. */
static struct omc_server *still_up(omcache_t *mc, struct omc_server *server,
                                   const struct omc_ask *ask, int server_index, int64_t now)
{
    if (server->link.up)
        return server;
    if (server_index != -1)
        return NULL;
    return omc_choice_of(mc, ask->key, ask->key_len, now);
}

/* Queues the order at that place of the batch, with what it asks; is_plain: see
 * omc_enqueue_is_plain.  As omc_connection_submit. */
static inline int accept_order(omcache_t *mc, struct omc_server *server, const struct omc_ask *ask,
                               uint32_t place, enum omc_enqueue_bytes bytes, bool is_plain)
{
    struct omc_batch *batch = &mc->batch;
    struct omc_order *order = &batch->orders[place];
    const struct omc_claim claim = {
        .owner = OMC_OWNER_BATCH,
        .asker = &order->asker,
        .asked = mc->shared.usec,
        .keyed = order->server_index == -1,
    };
    int rc = is_plain ? omc_link_submit(&server->link, ask, &claim, mc->send_limit)
                      : omc_enqueue(mc, server, ask, &claim, bytes);

    if (rc != OMCACHE_OK)
        return rc;
    omc_batch_add(batch, place);
    order->server_index = (int)server->index;
    server->link.counters.requests++;
    return rc;
}

/* Queues routed requests for the server of the first one, as long as they are for that; how many.
 * *rc says why the next one was not accepted, if it is for that server, too. */
static size_t accept_run(omcache_t *mc, struct omc_server *server, const uint64_t *routes,
                         size_t count, enum omc_enqueue_bytes bytes, int *rc)
{
    bool is_plain = omc_enqueue_is_plain(mc, server, bytes);
    size_t done;

    *rc = OMCACHE_OK;
    for (done = 0; done < count && server_of_route(routes[done]) == server_of_route(routes[0]);
         done++) {
        uint32_t place = place_of_route(routes[done]);

        *rc = accept_order(mc, server, &mc->batch.orders[place].ask, place, bytes, is_plain);
        if (*rc != OMCACHE_OK)
            break;
    }
    if (done > 0)
        omc_enqueue_note(mc, server);
    return done;
}

/* Queues the routed requests, of which the array of ranks then has first those accepted, and
 * behind them those refused.  Where there is no room the kernel may make some. */
static int accept_all(omcache_t *mc, size_t *count, size_t routed, enum omc_submit_write when,
                      int64_t now)
{
    struct omc_batch *batch = &mc->batch;
    enum omc_enqueue_bytes bytes =
        when == OMC_SUBMIT_COLLECT ? OMC_ENQUEUE_COPY : OMC_ENQUEUE_BORROW;
    bool may_write = when != OMC_SUBMIT_COLLECT;
    size_t refused = 0, run;
    int refusal = routed < *count ? OMCACHE_NO_SERVERS : OMCACHE_OK;

    for (size_t i = 0; i < routed; i += run) {
        const struct omc_order *order = &batch->orders[place_of_route(mc->routes[i])];
        struct omc_server *server = still_up(mc, mc->fleet.servers[server_of_route(mc->routes[i])],
                                             &order->ask, order->server_index, now);
        int rc = OMCACHE_NO_SERVERS;

        run = 0;
        if (server != NULL) /* if it is another one now, that is so for this key only */
            run = accept_run(mc, server, &mc->routes[i],
                             server->index == server_of_route(mc->routes[i]) ? routed - i : 1,
                             bytes, &rc);
        if (rc == OMCACHE_BUFFER_FULL && may_write && server->link.conn.unsent > 0) {
            omc_turn_write(mc, server, now);
            may_write = run > 0 || !omc_connection_waits(&server->link.conn);
            continue;
        }
        may_write = when != OMC_SUBMIT_COLLECT;
        if (rc == OMCACHE_OK)
            continue;
        refusal = rc;
        mc->routes[refused++] = mc->routes[i + run++];
    }
    for (size_t i = 0; i < refused; i++)
        batch->ranks[batch->count + i] = place_of_route(mc->routes[i]);
    for (size_t i = routed; i < *count; i++)
        batch->ranks[i] = place_of_route(mc->routes[i]);
    *count = batch->count;
    return refusal;
}

/* Writes to the servers of the current batch. */
static void write_all(omcache_t *mc, int64_t now)
{
    const struct omc_batch *batch = &mc->batch;
    int last = -1;

    for (size_t i = 0; i < batch->count; i++) {
        int index = batch->orders[batch->ranks[i]].server_index;

        if (index == last)
            continue;
        last = index;
        omc_turn_write(mc, mc->fleet.servers[index], now);
        omc_turn_keep(mc, mc->fleet.servers[index], now);
    }
}

int omc_submit(omcache_t *mc, size_t *count, enum omc_submit_write when, int64_t now)
{
    bool connect = when != OMC_SUBMIT_COLLECT;
    int rc;

    if (!reserve_routes(mc, *count)) {
        for (uint32_t i = 0; i < *count; i++)
            mc->batch.ranks[i] = i; /* all are refused */
        *count = 0;
        return OMCACHE_NO_MEMORY;
    }
    rc = accept_all(mc, count, route_all(mc, *count, connect, now), when, now);
    if (when == OMC_SUBMIT_NOW)
        write_all(mc, now);
    return rc;
}

struct omc_server *omc_submit_one(omcache_t *mc, const struct omc_ask *ask,
                                  enum omc_submit_write when, int64_t now, int *rc)
{
    int server_index = mc->batch.orders[0].server_index;
    bool may_write = when != OMC_SUBMIT_COLLECT;
    enum omc_enqueue_bytes bytes = may_write ? OMC_ENQUEUE_BORROW : OMC_ENQUEUE_COPY;
    struct omc_server *server = route(mc, ask, server_index, may_write, now);

    while (server != NULL) {
        *rc = accept_order(mc, server, ask, 0, bytes, omc_enqueue_is_plain(mc, server, bytes));
        if (*rc == OMCACHE_OK)
            return server;
        if (*rc != OMCACHE_BUFFER_FULL || !may_write || server->link.conn.unsent == 0)
            return NULL;
        omc_turn_write(mc, server, now);
        may_write = !omc_connection_waits(&server->link.conn);
        server = still_up(mc, server, ask, server_index, now);
    }
    *rc = OMCACHE_NO_SERVERS;
    return NULL;
}

void omc_submit_note_one(omcache_t *mc, struct omc_server *server, enum omc_submit_write when,
                         int64_t now)
{
    omc_enqueue_note(mc, server);
    if (when == OMC_SUBMIT_NOW)
        write_all(mc, now);
}

/* Notes that a server had no room for so many bytes; if there cannot be more than
 * now, nobody need wait for it. */
static void note_full(struct omc_server *server, size_t size, size_t limit)
{
    if (size > limit && server->link.conn.unsent == 0)
        return;
    if (!server->full || size > server->full_size)
        server->full_size = size;
    server->full = true;
}

int omc_submit_operation(omcache_t *mc, const struct omc_ask *ask, int server_index,
                         struct omc_operation *operation, int64_t now)
{
    const struct omc_claim claim = {
        .owner = operation == NULL ? OMC_OWNER_NOBODY : OMC_OWNER_OPERATION,
        .asker = operation == NULL ? NULL : &operation->asker,
        .asked = mc->shared.usec,
        .keyed = server_index == -1,
    };
    struct omc_server *server = route(mc, ask, server_index, true, now);
    size_t limit = mc->send_limit;
    int rc;

    if (server == NULL)
        return OMCACHE_NO_SERVERS;
    rc = omc_enqueue(mc, server, ask, &claim, OMC_ENQUEUE_COPY);
    if (rc == OMCACHE_BUFFER_FULL)
        note_full(server, omc_ask_size(ask) + omc_enqueue_prefix_len(mc, ask), limit);
    if (rc != OMCACHE_OK)
        return rc;
    server->link.counters.requests++;
    if (operation != NULL)
        omc_operation_queued(&mc->operations, operation);
    omc_enqueue_note(mc, server);
    return rc;
}
