/*
 * The servers of a handle; see fleet.h.
 */
#include "client/fleet.h"

#include <string.h>

#include "base/memory.h"
#include "net/socket.h"

void omc_fleet_init(struct omc_fleet *fleet, const struct omc_routing *routing)
{
    memset(fleet, 0, sizeof(*fleet));
    fleet->routing = *routing;
}

/* Makes room for so many servers in an array. */
static bool resize(struct omc_server ***servers, size_t room)
{
    struct omc_server **resized = omc_memory_resize(*servers, room, sizeof(struct omc_server *));

    if (resized == NULL)
        return false;
    *servers = resized;
    return true;
}

bool omc_fleet_reserve(struct omc_fleet *fleet, size_t room)
{
    if (room <= fleet->room)
        return true;
    if (!resize(&fleet->servers, room) || !resize(&fleet->active, room) ||
        !resize(&fleet->touched, room) || !resize(&fleet->pinned, room) ||
        !resize(&fleet->unsent, room))
        return false;
    fleet->room = room;
    return true;
}

bool omc_fleet_allocate(struct omc_fleet *fleet, size_t count)
{
    if (count == 0)
        return true;
    fleet->down = omc_memory_new(count, sizeof(*fleet->down));
    if (fleet->down == NULL || !omc_fleet_reserve(fleet, count))
        return false;
    memset(fleet->servers, 0, count * sizeof(struct omc_server *));
    return true;
}

void omc_fleet_list(struct omc_fleet *fleet, struct omc_server *server)
{
    if (server->active) {
        server->active_at = fleet->active_count;
        fleet->active[fleet->active_count++] = server;
    }
    if (server->touched)
        fleet->touched[fleet->touched_count++] = server;
    if (server->pinned)
        fleet->pinned[fleet->pinned_count++] = server;
    if (server->unsent)
        fleet->unsent[fleet->unsent_count++] = server;
}

void omc_fleet_remove(struct omc_fleet *fleet, struct omc_server *server)
{
    struct omc_server *last = fleet->servers[--fleet->all];

    fleet->servers[server->index] = last;
    last->index = server->index;
    fleet->active_count = fleet->touched_count = fleet->pinned_count = fleet->unsent_count = 0;
    for (size_t i = 0; i < fleet->all; i++)
        omc_fleet_list(fleet, fleet->servers[i]);
}

void omc_fleet_fini(struct omc_fleet *fleet)
{
    omc_memory_free(fleet->servers);
    omc_memory_free(fleet->active);
    omc_memory_free(fleet->touched);
    omc_memory_free(fleet->pinned);
    omc_memory_free(fleet->unsent);
    omc_memory_free(fleet->down);
    omc_router_fini(&fleet->router);
}

int omc_fleet_set_routing(struct omc_fleet *fleet, const struct omc_routing *routing)
{
    struct omc_server_list list = {.count = fleet->count};
    struct omc_router router;
    bool made;

    list.names = omc_memory_new(list.count, sizeof(*list.names));
    if (list.names == NULL && list.count > 0)
        return OMCACHE_NO_MEMORY;
    for (size_t i = 0; i < list.count; i++)
        list.names[i] = fleet->servers[i]->name; /* borrowed */
    made = omc_router_init(&router, routing, &list);
    omc_memory_free(list.names);
    if (!made)
        return OMCACHE_NO_MEMORY;
    omc_router_fini(&fleet->router);
    fleet->router = router;
    fleet->routing = *routing;
    return OMCACHE_OK;
}

struct omc_server *omc_fleet_server(const struct omc_fleet *fleet, int index)
{
    return index >= 0 && (size_t)index < fleet->count ? fleet->servers[index] : NULL;
}

void omc_fleet_keep_alive(const struct omc_fleet *fleet, uint32_t seconds)
{
    for (size_t i = 0; i < fleet->all; i++) {
        if (fleet->servers[i]->link.watch.fd >= 0)
            omc_socket_set_keepalive(fleet->servers[i]->link.watch.fd, seconds);
    }
}
