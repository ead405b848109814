/*
 * From a key to a server; see pick.h.
 */
#include "client/pick.h"

#include <string.h>

#include "client/handle.h"

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

struct omc_server *omc_pick_own(omcache_t *mc, const unsigned char *key, size_t key_len)
{
    const struct routed_key routed = {&mc->fleet.routing.keys, key, key_len};

    return own_of(mc, &routed);
}

struct omc_server *omc_pick_stand_in(omcache_t *mc, const unsigned char *key, size_t key_len)
{
    const struct routed_key routed = {&mc->fleet.routing.keys, key, key_len};

    return stand_in_of(mc, &routed);
}

struct omc_server *omc_pick_again(omcache_t *mc, const unsigned char *key, size_t key_len,
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
