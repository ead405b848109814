/*
 * The servers of a handle; see fleet.h.
 */
#include "core/fleet.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "core/handle.h"

void omc_fleet_init(struct omc_fleet *fleet, const struct omc_routing *routing)
{
    memset(fleet, 0, sizeof(*fleet));
    fleet->routing = *routing;
}

/* Frees the arrays, not the servers. */
static void free_arrays(struct omc_fleet *fleet)
{
    omc_memory_free(fleet->servers);
    omc_memory_free(fleet->active);
    omc_memory_free(fleet->pinned);
    omc_memory_free(fleet->unsent);
    omc_router_fini(&fleet->router);
}

static bool allocate_arrays(struct omc_fleet *fleet, size_t count)
{
    fleet->servers = omc_memory_new(count, sizeof(struct omc_server *));
    fleet->active = omc_memory_new(count, sizeof(struct omc_server *));
    fleet->pinned = omc_memory_new(count, sizeof(struct omc_server *));
    fleet->unsent = omc_memory_new(count, sizeof(struct omc_server *));
    return count == 0 || (fleet->servers != NULL && fleet->active != NULL &&
                          fleet->pinned != NULL && fleet->unsent != NULL);
}

/* Makes those servers of the list that the old fleet does not have.  Both are
 * sorted, so that one walk along them pairs equal names, duplicates included. */
static bool make_new_servers(const struct omc_fleet *old, struct omc_fleet *next,
                             const struct omc_server_list *list, uint32_t first_number)
{
    size_t o = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct omc_server_name *name = &list->names[i];

        while (o < old->count && omc_server_list_compare(&old->servers[o]->name, name) < 0)
            o++;
        if (o < old->count && omc_server_list_compare(&old->servers[o]->name, name) == 0) {
            o++;
            continue;
        }
        next->servers[i] = omc_server_new(name, first_number);
        if (next->servers[i] == NULL)
            return false;
    }
    return true;
}

/* Moves the others over from the old fleet, which keeps those to be dropped. */
static void take_old_servers(struct omc_fleet *old, struct omc_fleet *next,
                             const struct omc_server_list *list)
{
    size_t o = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (next->servers[i] != NULL)
            continue;
        while (omc_server_list_compare(&old->servers[o]->name, &list->names[i]) != 0)
            o++;
        next->servers[i] = old->servers[o];
        old->servers[o++] = NULL;
    }
}

static void free_servers(omcache_t *mc, struct omc_fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++) {
        if (fleet->servers[i] != NULL)
            omc_server_free(mc, fleet->servers[i]);
    }
}

void omc_fleet_fini(omcache_t *mc, struct omc_fleet *fleet)
{
    free_servers(mc, fleet);
    free_arrays(fleet);
}

/* Gives up the servers that a new list does not have.  They are freed later, as this
 * may be called from a callback that one of them has run. */
static void drop_servers(omcache_t *mc, struct omc_fleet *dropped)
{
    for (size_t i = 0; i < dropped->count; i++) {
        struct omc_server *server = dropped->servers[i];
        size_t failed;

        if (server == NULL)
            continue;
        server->dropped = true;
        server->next = mc->dropped;
        mc->dropped = server;
        dropped->servers[i] = NULL;
        failed = omc_server_abort(mc, server, OMCACHE_SERVER_FAILURE);
        if (failed > 0)
            omc_log(&mc->log, OMC_LOG_WARNING, "%s:%s: removed with %zu requests, which failed",
                    server->name.host, server->name.port, failed);
    }
}

void omc_fleet_free_dropped(omcache_t *mc)
{
    while (mc->dropped != NULL) {
        struct omc_server *server = mc->dropped;

        mc->dropped = server->next;
        omc_server_free(mc, server);
    }
}

/* Brings indexes, names and the short lists up to date with the servers.  Names
 * are exchanged with the list, as labels, weights and orders may be new. */
static void renumber(struct omc_fleet *fleet, struct omc_server_list *list)
{
    for (size_t i = 0; i < fleet->count; i++) {
        struct omc_server *server = fleet->servers[i];
        struct omc_server_name name = server->name;

        server->index = (uint32_t)i;
        server->name = list->names[i];
        list->names[i] = name;
        if (server->active) {
            server->active_at = fleet->active_count;
            fleet->active[fleet->active_count++] = server;
        }
        if (server->pinned)
            fleet->pinned[fleet->pinned_count++] = server;
        if (server->unsent)
            fleet->unsent[fleet->unsent_count++] = server;
    }
}

/* Sets up a fleet of new servers, with holes for those that the old one has. */
static bool prepare(omcache_t *mc, struct omc_fleet *next, const struct omc_server_list *list)
{
    const struct omc_fleet *old = &mc->fleet;

    omc_fleet_init(next, &old->routing);
    if (!allocate_arrays(next, list->count) ||
        !omc_deadlines_reserve(&mc->deadlines, old->count + list->count))
        return false;
    next->count = list->count;
    return omc_router_init(&next->router, &next->routing, list) &&
           make_new_servers(old, next, list, mc->batch.next_tag);
}

/* Whether there is a way to reach them all. */
static bool can_reach(omcache_t *mc, const struct omc_server_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!omc_endpoint_can_reach(&list->names[i])) {
            omc_log(&mc->log, OMC_LOG_ERROR,
                    "%s: a name, and this library was built without name lookup",
                    list->names[i].host);
            return false;
        }
    }
    return true;
}

int omc_fleet_set_servers(omcache_t *mc, const char *text)
{
    struct omc_fleet dropped, next;
    struct omc_server_list list;
    int rc = omc_server_list_parse(&list, text);

    if (rc != OMCACHE_OK)
        return rc;
    if (!can_reach(mc, &list)) {
        rc = OMCACHE_INVALID;
    } else if (prepare(mc, &next, &list)) {
        dropped = mc->fleet;
        take_old_servers(&dropped, &next, &list);
        renumber(&next, &list);
        next.moved = dropped.moved;
        mc->fleet = next;
        mc->drained = true; /* one may have another index when it is told of */
        drop_servers(mc, &dropped);
        omc_fleet_fini(mc, &dropped);
    } else {
        omc_fleet_fini(mc, &next);
        rc = OMCACHE_FAIL;
    }
    omc_server_list_fini(&list);
    return rc;
}

int omc_fleet_set_routing(omcache_t *mc, const struct omc_routing *routing)
{
    struct omc_fleet *fleet = &mc->fleet;
    struct omc_server_list list = {.count = fleet->count};
    struct omc_router router;
    bool made;

    list.names = omc_memory_new(list.count, sizeof(*list.names));
    if (list.names == NULL && list.count > 0)
        return OMCACHE_FAIL;
    for (size_t i = 0; i < list.count; i++)
        list.names[i] = fleet->servers[i]->name; /* borrowed */
    made = omc_router_init(&router, routing, &list);
    omc_memory_free(list.names);
    if (!made)
        return OMCACHE_FAIL;
    omc_router_fini(&fleet->router);
    fleet->router = router;
    fleet->routing = *routing;
    return OMCACHE_OK;
}

int omc_fleet_set_dns_servers(omcache_t *mc, const char *servers, int64_t now)
{
    struct omc_fleet *fleet = &mc->fleet;
    bool replaced;

    if (!omc_resolver_check_servers(servers))
        return OMCACHE_INVALID;
    for (size_t i = 0; i < fleet->count; i++)
        omc_endpoint_forget(&fleet->servers[i]->endpoint);
    replaced = omc_names_set_servers(mc, servers);
    for (size_t i = 0; i < fleet->count; i++)
        omc_server_found(mc, fleet->servers[i], now);
    return replaced ? OMCACHE_OK : OMCACHE_FAIL;
}

struct omc_server *omc_fleet_server(const struct omc_fleet *fleet, int index)
{
    return index >= 0 && (size_t)index < fleet->count ? fleet->servers[index] : NULL;
}

/* What a walk along the ring needs to know. */
struct walk {
    omcache_t *mc;
    int64_t now;
};

static bool is_usable(void *context, uint32_t index)
{
    const struct walk *walk = context;

    return omc_server_is_usable(walk->mc, walk->mc->fleet.servers[index], walk->now);
}

static bool is_any(void *context, uint32_t index)
{
    (void)context;
    (void)index;
    return true;
}

struct omc_server *omc_fleet_pick(omcache_t *mc, const unsigned char *key, size_t key_len,
                                  int64_t now)
{
    struct omc_fleet *fleet = &mc->fleet;
    struct walk walk = {mc, now};
    bool failover = mc->settings.failover;
    int index = omc_router_pick(&fleet->router, &fleet->routing.keys, key, key_len, &mc->random,
                                failover ? is_usable : is_any, &walk);

    if (index >= 0 && !failover && !is_usable(&walk, (uint32_t)index))
        index = -1;
    return omc_fleet_server(fleet, index);
}

static void update_active(struct omc_fleet *fleet, struct omc_server *server)
{
    bool has_work = omc_server_has_work(server);

    if (has_work && !server->active) {
        server->active_at = fleet->active_count;
        fleet->active[fleet->active_count++] = server;
    } else if (!has_work && server->active) {
        struct omc_server *last = fleet->active[--fleet->active_count];

        fleet->active[server->active_at] = last;
        last->active_at = server->active_at;
    }
    server->active = has_work;
}

/* Deadlines mostly move on, with every answer: the heap need not know that before
 * the old one comes. */
static void update_deadline(omcache_t *mc, struct omc_server *server)
{
    int64_t deadline = omc_server_deadline(mc, server);

    if (deadline != OMC_CLOCK_NEVER &&
        (server->deadline.place == 0 || deadline < server->deadline.when))
        omc_deadlines_set(&mc->deadlines, &server->deadline, deadline);
}

/* Whether one that has refused requests has room for each of them. */
static bool has_drained(const omcache_t *mc, const struct omc_server *server)
{
    size_t unsent = omc_connection_unsent(&server->conn), limit = mc->settings.send_limit;

    return server->full && unsent <= limit / 2 &&
           (unsent == 0 || server->full_size <= limit - unsent);
}

void omc_fleet_update(omcache_t *mc, struct omc_server *server)
{
    if (server->dropped)
        return;
    update_active(&mc->fleet, server);
    update_deadline(mc, server);
    omc_watch_want(&mc->watches, &server->watch, omc_server_events(server));
    mc->drained = mc->drained || has_drained(mc, server);
}

void omc_fleet_note_unsent(struct omc_fleet *fleet, struct omc_server *server)
{
    if (!server->unsent)
        fleet->unsent[fleet->unsent_count++] = server;
    server->unsent = true;
}

struct omc_server *omc_fleet_take_unsent(struct omc_fleet *fleet)
{
    struct omc_server *server;

    if (fleet->unsent_count == 0)
        return NULL;
    server = fleet->unsent[--fleet->unsent_count];
    server->unsent = false;
    return server;
}

static struct omc_server *server_of(struct omc_deadline *deadline)
{
    return (struct omc_server *)((char *)deadline - offsetof(struct omc_server, deadline));
}

/* The server whose real deadline is the earliest, or NULL. */
static struct omc_server *first_due(omcache_t *mc)
{
    struct omc_deadline *first;

    while ((first = omc_deadlines_first(&mc->deadlines)) != NULL) {
        int64_t deadline = omc_server_deadline(mc, server_of(first));

        if (deadline == first->when)
            return server_of(first);
        if (deadline == OMC_CLOCK_NEVER)
            omc_deadlines_remove(&mc->deadlines, first);
        else
            omc_deadlines_set(&mc->deadlines, first, deadline);
    }
    return NULL;
}

int64_t omc_fleet_deadline(omcache_t *mc)
{
    const struct omc_server *server = first_due(mc);

    return server == NULL ? OMC_CLOCK_NEVER : server->deadline.when;
}

/* As often as there are deadlines: with a timeout of 0 there is always a next one. */
void omc_fleet_check_deadlines(omcache_t *mc, int64_t now)
{
    for (size_t left = mc->deadlines.count; left > 0; left--) {
        struct omc_server *server = first_due(mc);

        if (server == NULL || server->deadline.when > now)
            return;
        omc_server_check_deadline(mc, server, now);
    }
}

void omc_fleet_update_deadlines(omcache_t *mc)
{
    for (size_t i = 0; i < mc->fleet.count; i++)
        update_deadline(mc, mc->fleet.servers[i]);
}

/* The callback may change the list, or free the handle. */
static void tell_drained(omcache_t *mc)
{
    for (size_t i = 0; i < mc->fleet.count && !mc->doomed; i++) {
        struct omc_server *server = mc->fleet.servers[i];

        if (!has_drained(mc, server))
            continue;
        server->full = false;
        if (mc->drain_func != NULL)
            mc->drain_func(mc, (int)i, mc->drain_context);
    }
}

void omc_fleet_tell_drained(omcache_t *mc)
{
    while (mc->drained && !mc->doomed) {
        mc->drained = false;
        tell_drained(mc);
    }
}

void omc_fleet_cancel(omcache_t *mc)
{
    for (size_t i = 0; i < mc->fleet.count; i++)
        omc_server_abort(mc, mc->fleet.servers[i], OMCACHE_CANCELLED);
    omc_names_stop(mc);
}

void omc_fleet_pin(struct omc_fleet *fleet, struct omc_server *server, unsigned level)
{
    omc_inbox_pin(&server->conn.in, level);
    if (!server->pinned && !server->dropped)
        fleet->pinned[fleet->pinned_count++] = server;
    server->pinned = true;
}

/* Where nothing is pinned any more, there may be room again, too. */
void omc_fleet_unpin(omcache_t *mc, unsigned level)
{
    struct omc_fleet *fleet = &mc->fleet;

    for (size_t i = fleet->pinned_count; i-- > 0;) {
        struct omc_server *server = fleet->pinned[i];

        if (omc_inbox_unpin(&server->conn.in, level)) {
            server->pinned = false;
            fleet->pinned[i] = fleet->pinned[--fleet->pinned_count];
        }
        if (server->conn.stalled) {
            server->conn.stalled = false;
            omc_fleet_update(mc, server);
        }
    }
}
