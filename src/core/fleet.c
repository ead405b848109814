/*
 * The servers of a handle; see fleet.h.
 */
#include "core/fleet.h"

#include <string.h>

#include "base/memory.h"
#include "core/handle.h"
#include "net/socket.h"

void omc_fleet_init(struct omc_fleet *fleet, const struct omc_routing *routing)
{
    memset(fleet, 0, sizeof(*fleet));
    fleet->routing = *routing;
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

int omc_fleet_set_routing(omcache_t *mc, const struct omc_routing *routing)
{
    struct omc_fleet *fleet = &mc->fleet;
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

/* A key, and what of it is hashed. */
struct routed_key {
    const struct omc_key_rules *rules;
    const unsigned char *bytes;
    size_t len;
};

static int ask_router(omcache_t *mc, const struct routed_key *key, const unsigned char *down)
{
    return omc_router_pick(&mc->fleet.router, key->rules, key->bytes, key->len, &mc->random, down);
}

static struct omc_server *own_of(omcache_t *mc, const struct routed_key *key)
{
    struct omc_fleet *fleet = &mc->fleet;

    if (fleet->count == 1) /* as the router would tell */
        return fleet->servers[0];
    return omc_fleet_server(fleet, ask_router(mc, key, NULL));
}

static struct omc_server *stand_in_of(omcache_t *mc, const struct routed_key *key)
{
    struct omc_fleet *fleet = &mc->fleet;

    if (fleet->down_count == fleet->count || !mc->settings.failover)
        return NULL;
    return omc_fleet_server(fleet, ask_router(mc, key, fleet->down));
}

struct omc_server *omc_fleet_own(omcache_t *mc, const unsigned char *key, size_t key_len)
{
    const struct routed_key routed = {&mc->fleet.routing.keys, key, key_len};

    return own_of(mc, &routed);
}

struct omc_server *omc_fleet_stand_in(omcache_t *mc, const unsigned char *key, size_t key_len)
{
    const struct routed_key routed = {&mc->fleet.routing.keys, key, key_len};

    return stand_in_of(mc, &routed);
}

struct omc_server *omc_fleet_pick_again(omcache_t *mc, const unsigned char *key, size_t key_len,
                                        const struct omc_pending *pending)
{
    struct omc_key_rules rules = mc->fleet.routing.keys;
    const struct routed_key routed = {&rules, key + pending->prefix_len,
                                      key_len - pending->prefix_len};
    struct omc_server *own;

    memcpy(rules.prefix, key, pending->prefix_len);
    rules.prefix_len = pending->prefix_len;
    rules.hash_prefix = pending->prefix_hashed;
    own = own_of(mc, &routed);
    return own == NULL || !mc->fleet.down[own->index] ? own : stand_in_of(mc, &routed);
}

void omc_fleet_keep_alive(const struct omc_fleet *fleet, uint32_t seconds)
{
    for (size_t i = 0; i < fleet->count; i++) {
        if (fleet->servers[i]->watch.fd >= 0)
            omc_socket_set_keepalive(fleet->servers[i]->watch.fd, seconds);
    }
}
