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

bool omc_fleet_allocate(struct omc_fleet *fleet, size_t count)
{
    fleet->servers = omc_memory_new(count, sizeof(struct omc_server *));
    fleet->active = omc_memory_new(count, sizeof(struct omc_server *));
    fleet->touched = omc_memory_new(count, sizeof(struct omc_server *));
    fleet->pinned = omc_memory_new(count, sizeof(struct omc_server *));
    fleet->unsent = omc_memory_new(count, sizeof(struct omc_server *));
    fleet->down = omc_memory_new(count, sizeof(*fleet->down));
    return count == 0 ||
           (fleet->servers != NULL && fleet->active != NULL && fleet->touched != NULL &&
            fleet->pinned != NULL && fleet->unsent != NULL && fleet->down != NULL);
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
    for (size_t i = 0; i < fleet->count; i++) {
        if (fleet->servers[i]->link.watch.fd >= 0)
            omc_socket_set_keepalive(fleet->servers[i]->link.watch.fd, seconds);
    }
}
