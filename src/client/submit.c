/*
 * From an array of requests to the queues of their servers; see submit.h.
 */
#include "client/submit.h"

#include "client/choice.h"
#include "client/enqueue.h"
#include "client/handle.h"
#include "client/recovery.h"
#include "client/touch.h"
#include "client/turn.h"

enum {
    QUEUE_LONG = 1024, /* requests; when there are more, it is looked at after so many: */
    QUEUE_STEP = 256,
};

/* Whether a request may be sent to it without further ado. */
static inline bool is_ready(const struct omc_server *server, int64_t now)
{
    return server->link.phase == OMC_PHASE_READY &&
           omc_connection_is_trusted(&server->link.conn, now);
}

/* Whether one that a call waits for may be, though nobody knows whether the server is still there:
 * none waits in front of it, and it can be repeated, as the call has all of its key. */
static bool may_be_blind(const omcache_t *mc, const struct omc_server *server,
                         const struct omc_ask *ask)
{
    return server->link.phase == OMC_PHASE_READY && server->link.conn.queue.count == 0 &&
           omc_ask_is_repeatable(ask) && mc->fleet.routing.keys.prefix_len == 0;
}

/* Gets a server ready for requests: it is made to connect; and if it may have closed the
 * connection, that is found out, so that no request need fail for it.  False if it takes none. */
static bool make_ready(omcache_t *mc, struct omc_server *server, int64_t now)
{
    omc_turn_look_once(mc, server, now);
    if (server->link.phase == OMC_PHASE_REST && server->link.up) {
        omc_turn_event(mc, server, OMC_EVENT_START, NULL, now);
        if (server->link.phase == OMC_PHASE_REST && server->link.up)
            mc->fleet.moved = true; /* no descriptor: the request is to fail soon */
    }
    return server->link.up;
}

/* The server that takes a request, or NULL.  Unless requests are only collected, one that is not
 * ready is made so: if it fails at once, another one is taken.  is_alone: it is all that a call
 * waits for. */
static inline struct omc_server *route(omcache_t *mc, const struct omc_ask *ask, int server_index,
                                       bool connect, bool is_alone, int64_t now)
{
    struct omc_server *server;

    do {
        server = omc_choice_for(mc, ask, server_index, now);
        if (server == NULL || is_ready(server, now) || (is_alone && may_be_blind(mc, server, ask)))
            return server;
        if (!omc_recovery_is_usable(mc, server, now))
            return NULL;
    } while (connect && !make_ready(mc, server, now));
    return server;
}

/* Adds an order to the end of a chain of them. */
static inline void add_order(struct omc_chain *chain, struct omc_order *orders, uint32_t place)
{
    if (chain->count == 0)
        chain->first = place;
    else
        orders[chain->last].next = place;
    chain->last = place;
    chain->count++;
}

/* Adds a chain to the end of another. */
static void add_chain(struct omc_chain *chain, struct omc_order *orders,
                      const struct omc_chain *added)
{
    if (added->count == 0)
        return;
    if (chain->count == 0)
        chain->first = added->first;
    else
        orders[chain->last].next = added->first;
    chain->last = added->last;
    chain->count += added->count;
}

/* The servers that a command is for, each with the chain of its orders; and the orders that none is
 * for. */
struct runs {
    struct omc_server *servers;
    struct omc_chain nowhere;
};

/* Adds the order at that place to the chain of a server (NULL: of none). */
static inline void add_to_run(struct runs *runs, struct omc_order *orders, uint32_t place,
                              struct omc_server *server)
{
    if (server == NULL) {
        add_order(&runs->nowhere, orders, place);
        return;
    }
    if (server->run.count == 0) {
        server->next_run = runs->servers;
        runs->servers = server;
    }
    add_order(&server->run, orders, place);
}

static inline void route_one(omcache_t *mc, struct runs *runs, uint32_t place, bool connect,
                             int64_t now)
{
    struct omc_order *order = &mc->batch.orders[place];

    add_to_run(runs, mc->batch.orders, place,
               route(mc, &order->ask, order->server_index, connect, false, now));
}

/* Finds the servers of so many orders from that place on together; false if that cannot be. */
static bool route_some(omcache_t *mc, struct runs *runs, uint32_t place, size_t count, bool connect,
                       int64_t now)
{
    struct omc_order *orders = mc->batch.orders;
    struct omc_server *own[OMC_HASH_TOGETHER];

    if (!omc_pick_together(mc, &orders[place], count, own))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (own[i] != NULL && is_ready(own[i], now))
            add_to_run(runs, orders, place + i, own[i]);
        else
            route_one(mc, runs, place + i, connect, now);
    }
    return true;
}

/* Finds the server of each order of a batch.  The servers are in no order. */
static struct runs route_all(omcache_t *mc, size_t count, bool connect, int64_t now)
{
    struct runs runs = {NULL, {.count = 0}};
    bool together = omc_router_picks_together(&mc->fleet.router, &mc->fleet.routing.keys);
    struct omc_server *only = mc->fleet.count == 1 ? mc->fleet.servers[0] : NULL;
    uint32_t i = 0;

    if (only != NULL && is_ready(only, now)) {
        while (i < count && mc->batch.orders[i].server_index == -1)
            add_to_run(&runs, mc->batch.orders, i++, only);
    }
    while (i < count) {
        uint32_t some = count - i < OMC_HASH_TOGETHER ? (uint32_t)count - i : OMC_HASH_TOGETHER;

        if (together && some > 1 && route_some(mc, &runs, i, some, connect, now))
            i += some;
        else
            route_one(mc, &runs, i++, connect, now);
    }
    return runs;
}

/* Merges two lists of servers that are in the order of their indexes. */
static struct omc_server *merge(struct omc_server *a, struct omc_server *b)
{
    struct omc_server *first, **end = &first;

    while (a != NULL && b != NULL) {
        struct omc_server **less = a->index < b->index ? &a : &b;

        *end = *less;
        end = &(*less)->next_run;
        *less = *end;
    }
    *end = a != NULL ? a : b;
    return first;
}

/* Puts a list of several servers in the order of their indexes.  What that takes depends on their
 * number only, not on that of all servers.  sorted[i] has 2^i of them, or none. */
static struct omc_server *sort_servers(struct omc_server *list)
{
    struct omc_server *sorted[32] = {NULL}, *all = NULL, *one;
    size_t levels = 0;

    while ((one = list) != NULL) {
        size_t i = 0;

        list = list->next_run;
        one->next_run = NULL;
        for (; sorted[i] != NULL; i++) {
            one = merge(one, sorted[i]);
            sorted[i] = NULL;
        }
        sorted[i] = one;
        levels = i < levels ? levels : i + 1;
    }
    for (size_t i = 0; i < levels; i++)
        all = merge(all, sorted[i]);
    return all;
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

/* Queues the order at that place of the batch, with what it asks; unless it is heard of, it is then
 * no part of the batch.  is_plain: see omc_enqueue_is_plain.  As omc_connection_submit. */
static inline int accept_order(omcache_t *mc, struct omc_server *server, const struct omc_ask *ask,
                               uint32_t place, uint32_t asked, bool is_heard,
                               enum omc_enqueue_bytes bytes, bool is_plain)
{
    struct omc_batch *batch = &mc->batch;
    struct omc_order *order = &batch->orders[place];
    const struct omc_claim claim = {
        .owner = OMC_OWNER_BATCH,
        .asker = is_heard ? &order->asker : NULL,
        .asked = asked,
        .keyed = order->server_index == -1,
    };
    int rc = is_plain && is_heard
                 ? omc_link_submit_plain(&server->link, ask, &claim, mc->send_limit)
                 : omc_enqueue(mc, server, ask, &claim, bytes);

    if (rc != OMCACHE_OK)
        return rc;
    if (is_heard)
        omc_batch_add(batch, place);
    order->server_index = (int)server->index;
    server->link.counters.requests++;
    return rc;
}

/* Queues orders from the front of a chain, `most` of them at most, as long as they are accepted;
 * how many.  *rc says why the next one was not.  The last of those that a call waits for is to be
 * answered, unless a response callback expects to hear of the no-op that would be behind it. */
static uint32_t accept_run(omcache_t *mc, struct omc_server *server, struct omc_chain *chain,
                           uint32_t most, enum omc_submit_write when, int *rc)
{
    enum omc_enqueue_bytes bytes =
        when == OMC_SUBMIT_COLLECT ? OMC_ENQUEUE_COPY : OMC_ENQUEUE_BORROW;
    bool is_plain = omc_enqueue_is_plain(mc, server, bytes);
    uint32_t done;

    *rc = OMCACHE_OK;
    for (done = 0; done < most; done++) {
        uint32_t place = chain->first;

        if (chain->count == 1 && when == OMC_SUBMIT_SOON && mc->response_func == NULL)
            mc->batch.orders[place].ask.bits |= OMC_ASK_ANSWERED;
        *rc = accept_order(mc, server, &mc->batch.orders[place].ask, place, mc->shared.usec, true,
                           bytes, is_plain);
        if (*rc != OMCACHE_OK)
            break;
        chain->first = mc->batch.orders[place].next;
        chain->count--;
    }
    if (done > 0)
        omc_enqueue_note(mc, server);
    return done;
}

/* Queues the orders of a server, or where it has failed with one before, of others.  Where there is
 * no room the kernel may make some.  Those refused are added to a chain; why one was, or rc. */
static int accept_chain(omcache_t *mc, struct omc_server *routed, enum omc_submit_write when,
                        struct omc_chain *refused, int64_t now)
{
    struct omc_order *orders = mc->batch.orders;
    struct omc_chain chain = routed->run;
    bool may_write = when != OMC_SUBMIT_COLLECT;
    int refusal = OMCACHE_OK;

    routed->run.count = 0;
    while (chain.count > 0) {
        const struct omc_order *order = &orders[chain.first];
        struct omc_server *server = still_up(mc, routed, &order->ask, order->server_index, now);
        uint32_t done = 0, place;
        int rc = OMCACHE_NO_SERVERS;

        if (server != NULL) /* if it is another one now, that is so for this key only */
            done = accept_run(mc, server, &chain, server == routed ? chain.count : 1, when, &rc);
        if (rc == OMCACHE_BUFFER_FULL && may_write && server->link.conn.unsent > 0) {
            omc_turn_write(mc, server, now);
            may_write = done > 0 || !omc_connection_waits(&server->link.conn);
            continue;
        }
        may_write = when != OMC_SUBMIT_COLLECT;
        if (rc == OMCACHE_OK)
            continue;
        refusal = rc;
        place = chain.first;
        chain.first = orders[place].next;
        chain.count--;
        add_order(refused, orders, place);
    }
    return refusal;
}

/* Queues the orders of a command, of which the array of ranks then has first those accepted, and
 * behind them those refused. */
static int accept_all(omcache_t *mc, const struct runs *runs, enum omc_submit_write when,
                      int64_t now)
{
    struct omc_batch *batch = &mc->batch;
    struct omc_server *server = runs->servers, *next;
    struct omc_chain refused = {.count = 0};
    int refusal = runs->nowhere.count > 0 ? OMCACHE_NO_SERVERS : OMCACHE_OK;

    if (server != NULL && server->next_run != NULL)
        server = sort_servers(server);
    for (; server != NULL; server = next) {
        int rc;

        next = server->next_run;
        rc = accept_chain(mc, server, when, &refused, now);
        refusal = rc == OMCACHE_OK ? refusal : rc;
    }
    add_chain(&refused, batch->orders, &runs->nowhere);
    for (uint32_t i = 0, place = refused.first; i < refused.count; i++) {
        batch->ranks[batch->count + i] = place;
        place = batch->orders[place].next;
    }
    return refusal;
}

/* Whether there is nobody in the program who could hear of anything. */
static bool hears_nothing(const omcache_t *mc)
{
    return mc->shared.depth == 1 && mc->response_func == NULL && mc->operations.alive == 0 &&
           mc->batch.left == 0;
}

/* Who only makes calls that do not wait, and hears of nothing, has no turn of the loop: so that the
 * queue does not grow for ever, such a call now and then reads what was answered. */
static void write_one(omcache_t *mc, struct omc_server *server, int64_t now)
{
    const struct omc_queue *queue = &server->link.conn.queue;

    omc_turn_write(mc, server, now);
    omc_turn_keep(mc, server, now);
    if (queue->count >= QUEUE_LONG && omc_queue_next(queue) % QUEUE_STEP == 0 && hears_nothing(mc))
        omc_turn_settle(mc, server, now);
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
        write_one(mc, mc->fleet.servers[index], now);
    }
}

int omc_submit(omcache_t *mc, size_t *count, enum omc_submit_write when, int64_t now)
{
    const struct runs runs = route_all(mc, *count, when != OMC_SUBMIT_COLLECT, now);
    int rc = accept_all(mc, &runs, when, now);

    *count = mc->batch.count;
    if (when == OMC_SUBMIT_NOW)
        write_all(mc, now);
    return rc;
}

struct omc_server *omc_submit_find(omcache_t *mc, const struct omc_ask *ask, int server_index,
                                   enum omc_submit_write when, int64_t now)
{
    return route(mc, ask, server_index, when != OMC_SUBMIT_COLLECT, when == OMC_SUBMIT_SOON, now);
}

struct omc_server *omc_submit_one(omcache_t *mc, struct omc_server *server,
                                  const struct omc_ask *ask, bool is_heard,
                                  enum omc_submit_write when, int64_t now, int *rc)
{
    int server_index = mc->batch.orders[0].server_index;
    bool may_write = when != OMC_SUBMIT_COLLECT;
    enum omc_enqueue_bytes bytes = may_write ? OMC_ENQUEUE_BORROW : OMC_ENQUEUE_COPY;

    while (server != NULL) {
        bool is_plain = omc_enqueue_is_plain(mc, server, bytes);

        /* In two calls, so that the usual one is compiled without the question. */
        *rc = is_heard ? accept_order(mc, server, ask, 0, mc->shared.usec, true, bytes, is_plain)
                       : accept_order(mc, server, ask, 0, mc->shared.usec, false, bytes, is_plain);
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

/* It cannot fail: there is room, and the codec has accepted it. */
void omc_submit_asked(omcache_t *mc, struct omc_server *server, const struct omc_ask *ask,
                      uint32_t asked)
{
    (void)accept_order(mc, server, ask, 0, asked, true, OMC_ENQUEUE_BORROW, true);
}

void omc_submit_note_one(omcache_t *mc, struct omc_server *server, enum omc_submit_write when,
                         int64_t now)
{
    omc_enqueue_note(mc, server);
    if (when == OMC_SUBMIT_NOW)
        write_one(mc, server, now);
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

/* Queues a request for an operation, or for nobody, at a server; keyed: that of its key. */
static inline int submit_operation(omcache_t *mc, struct omc_server *server,
                                   const struct omc_ask *ask, struct omc_operation *operation,
                                   bool keyed)
{
    const struct omc_claim claim = {
        .owner = operation == NULL ? OMC_OWNER_NOBODY : OMC_OWNER_OPERATION,
        .asker = operation == NULL ? NULL : &operation->asker,
        .asked = mc->shared.usec,
        .keyed = keyed,
    };
    size_t limit = mc->send_limit;
    int rc;

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

int omc_submit_operation(omcache_t *mc, const struct omc_ask *ask, int server_index,
                         struct omc_operation *operation, int64_t now)
{
    struct omc_server *server = route(mc, ask, server_index, true, false, now);

    if (server == NULL)
        return OMCACHE_NO_SERVERS;
    return submit_operation(mc, server, ask, operation, server_index == -1);
}

int omc_submit_operation_to(omcache_t *mc, struct omc_server *server, const struct omc_ask *ask,
                            struct omc_operation *operation, int64_t now)
{
    if (!make_ready(mc, server, now))
        return OMCACHE_NO_SERVERS;
    return submit_operation(mc, server, ask, operation, false);
}
