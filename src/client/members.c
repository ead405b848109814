/*
 * Which servers a handle has; see members.h.
 */
#include "client/members.h"

#include "base/memory.h"
#include "client/handle.h"
#include "client/security.h"
#include "client/turn.h"
#include "link/life.h"

struct omc_server *omc_members_make(omcache_t *mc, const struct omc_server_name *name)
{
    struct omc_server *server = omc_memory_new(1, sizeof(*server));

    if (server == NULL)
        return NULL;
    if (!omc_server_list_copy_name(&server->name, name)) {
        omc_memory_free(server);
        return NULL;
    }
    omc_link_init(&server->link, &mc->shared, mc->batch.next_tag);
    server->link.transport = (enum omc_transport)name->scheme;
    return server;
}

static void free_server(struct omc_server *server)
{
    omc_link_fini(&server->link);
    omc_server_list_free_name(&server->name);
    omc_memory_free(server);
}

/* Makes those servers of the list that the old fleet does not have.  Both are
 * sorted, so that one walk along them pairs equal names, duplicates included. */
static bool make_new_servers(omcache_t *mc, struct omc_fleet *next,
                             const struct omc_server_list *list)
{
    const struct omc_fleet *old = &mc->fleet;
    size_t o = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct omc_server_name *name = &list->names[i];

        while (o < old->count && omc_server_list_compare(&old->servers[o]->name, name) < 0)
            o++;
        if (o < old->count && omc_server_list_compare(&old->servers[o]->name, name) == 0) {
            o++;
            continue;
        }
        next->servers[i] = omc_members_make(mc, name);
        if (next->servers[i] == NULL)
            return false;
    }
    return true;
}

/* Moves over those of streams whose servers have been. */
static void take_streams(struct omc_fleet *old, struct omc_fleet *next)
{
    for (size_t i = old->count; i < old->all; i++) {
        if (old->servers[old->servers[i]->home->index] != NULL)
            continue;
        next->servers[next->all++] = old->servers[i];
        old->servers[i] = NULL;
    }
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
    take_streams(old, next);
}

static void free_servers(struct omc_fleet *fleet)
{
    for (size_t i = 0; i < fleet->all; i++) {
        if (fleet->servers[i] != NULL)
            free_server(fleet->servers[i]);
    }
}

void omc_members_fini(struct omc_fleet *fleet)
{
    free_servers(fleet);
    omc_fleet_fini(fleet);
}

/* Gives one up; but operations that have ended may know it. */
static size_t drop(omcache_t *mc, struct omc_server *server)
{
    size_t failed;

    server->dropped = true;
    server->touched = true; /* not to be put on the lists again */
    server->next = mc->dropped;
    mc->dropped = server;
    failed = omc_turn_end(mc, server, OMCACHE_SERVER_FAILURE);
    omc_batch_forget_server(&mc->batch, server);
    omc_names_forget(&mc->shared.names, &server->link.endpoint);
    return failed;
}

size_t omc_members_drop(omcache_t *mc, struct omc_server *server)
{
    size_t failed = drop(mc, server);

    omc_operation_forget_dropped(&mc->operations);
    return failed;
}

/* Gives up the servers that a new list does not have. */
static void drop_servers(omcache_t *mc, struct omc_fleet *dropped)
{
    for (size_t i = 0; i < dropped->all; i++) {
        struct omc_server *server = dropped->servers[i];
        size_t failed;

        if (server == NULL)
            continue;
        dropped->servers[i] = NULL;
        failed = drop(mc, server);
        if (failed > 0)
            omc_log(&mc->log, OMC_LOG_WARNING, "%s:%s: removed with %zu requests, which failed",
                    server->name.host, server->name.port, failed);
    }
    omc_operation_forget_dropped(&mc->operations);
}

void omc_members_free_dropped(omcache_t *mc, bool pinned_too)
{
    struct omc_server **next = &mc->dropped;

    while (*next != NULL) {
        struct omc_server *server = *next;

        if (server->pinned && !pinned_too) {
            next = &server->next;
            continue;
        }
        *next = server->next;
        free_server(server);
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
        omc_endpoint_name(&server->link.endpoint, server->name.host, server->name.port);
        list->names[i] = name;
        omc_fleet_note_state(fleet, server);
    }
    for (size_t i = 0; i < fleet->all; i++) {
        fleet->servers[i]->index = (uint32_t)i;
        omc_fleet_list(fleet, fleet->servers[i]);
    }
}

/* Sets up a fleet of new servers, with holes for those that the old one has. */
static bool prepare(omcache_t *mc, struct omc_fleet *next, const struct omc_server_list *list)
{
    const struct omc_fleet *old = &mc->fleet;

    omc_fleet_init(next, &old->routing);
    if (!omc_fleet_allocate(next, list->count) ||
        !omc_fleet_reserve(next, list->count + old->all - old->count) ||
        !omc_deadlines_reserve(&mc->deadlines, old->all + list->count))
        return false;
    next->count = next->all = list->count;
    return omc_router_init(&next->router, &next->routing, list) && make_new_servers(mc, next, list);
}

_Static_assert((int)OMC_TRANSPORT_PLAIN == (int)OMC_SERVER_SCHEME_TCP &&
                   (int)OMC_TRANSPORT_TLS == (int)OMC_SERVER_SCHEME_TLS,
               "route and link, which do not know each other, mean the same");

/* OMCACHE_OK if there is a way to reach them all. */
static int find_ways(omcache_t *mc, const struct omc_server_list *list)
{
    int rc = OMCACHE_OK;

    for (size_t i = 0; i < list->count && rc == OMCACHE_OK; i++) {
        if (list->names[i].scheme == OMC_SERVER_SCHEME_TLS)
            rc = omc_security_need(mc);
        if (!omc_endpoint_can_reach(list->names[i].host, list->names[i].port)) {
            omc_log(&mc->log, OMC_LOG_ERROR,
                    "%s: a name, and this library was built without name lookup",
                    list->names[i].host);
            rc = OMCACHE_INVALID;
        }
    }
    return rc;
}

int omc_members_set(omcache_t *mc, const char *text)
{
    struct omc_fleet dropped, next;
    struct omc_server_list list;
    int rc = omc_server_list_parse(&list, text);

    if (rc == OMCACHE_INVALID)
        omc_log(&mc->log, OMC_LOG_ERROR, "no list of servers: %s", list.problem);
    if (rc != OMCACHE_OK)
        return rc;
    rc = find_ways(mc, &list);
    if (rc != OMCACHE_OK) {
        omc_server_list_fini(&list);
        return rc;
    }
    if (prepare(mc, &next, &list)) {
        dropped = mc->fleet;
        take_old_servers(&dropped, &next, &list);
        renumber(&next, &list);
        next.moved = dropped.moved;
        next.stalled = dropped.stalled;
        mc->fleet = next;
        mc->drained = true; /* one may have another index when it is told of */
        drop_servers(mc, &dropped);
        omc_members_fini(&dropped);
    } else {
        omc_members_fini(&next);
        rc = OMCACHE_NO_MEMORY;
    }
    omc_server_list_fini(&list);
    return rc;
}

int omc_members_set_dns_servers(omcache_t *mc, const char *servers, int64_t now)
{
    struct omc_fleet *fleet = &mc->fleet;
    bool replaced;

    if (!omc_resolver_check_servers(servers))
        return OMCACHE_INVALID;
    for (size_t i = 0; i < fleet->all; i++)
        omc_endpoint_forget(&fleet->servers[i]->link.endpoint);
    replaced = omc_names_set_servers(&mc->shared.names, servers);
    for (size_t i = 0; i < fleet->all; i++) {
        omc_life_found(&fleet->servers[i]->link, now);
        omc_turn_take(mc, fleet->servers[i], now);
    }
    return replaced ? OMCACHE_OK : OMCACHE_NO_MEMORY;
}

void omc_members_start_anew(omcache_t *mc)
{
    omc_members_cancel(mc);
    for (size_t i = 0; i < mc->fleet.all; i++) {
        struct omc_server *server = mc->fleet.servers[i];

        server->link.failures = 0;
        server->link.wasted = 0;
        server->link.cautious = false;
        server->link.retry_at = 0;
    }
}

void omc_members_cancel(omcache_t *mc)
{
    for (size_t i = 0; i < mc->fleet.all; i++)
        omc_turn_end(mc, mc->fleet.servers[i], OMCACHE_CANCELLED);
    omc_operation_wake_all(&mc->operations, OMCACHE_CANCELLED);
    omc_names_stop(&mc->shared.names);
}
