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
    return omc_router_pick(&mc->fleet.router, key->rules, key->bytes, key->len, &mc->shared.random,
                           down);
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

    if (fleet->down_count == fleet->count || !mc->failover)
        return NULL;
    return omc_fleet_server(fleet, ask_router(mc, key, fleet->down));
}

struct omc_server *omc_pick_own(omcache_t *mc, const unsigned char *key, size_t key_len)
{
    const struct routed_key routed = {&mc->fleet.routing.keys, key, key_len};

    return own_of(mc, &routed);
}

bool omc_pick_together(const omcache_t *mc, const struct omc_order *orders, size_t count,
                       struct omc_server *own[OMC_HASH_TOGETHER])
{
    struct omc_hash_key keys[OMC_HASH_TOGETHER];
    int found[OMC_HASH_TOGETHER];

    for (size_t i = 0; i < OMC_HASH_TOGETHER; i++) {
        const struct omc_order *order = &orders[i < count ? i : 0];

        if (order->server_index != -1)
            return false;
        keys[i] = (struct omc_hash_key){order->ask.key, order->ask.key_len};
    }
    omc_router_pick_together(&mc->fleet.router, keys, found);
    for (size_t i = 0; i < count; i++)
        own[i] = omc_fleet_server(&mc->fleet, found[i]);
    return true;
}

struct omc_server *omc_pick_stand_in(omcache_t *mc, const unsigned char *key, size_t key_len)
{
    const struct routed_key routed = {&mc->fleet.routing.keys, key, key_len};

    return stand_in_of(mc, &routed);
}

struct omc_server *omc_pick_again(omcache_t *mc, const struct omc_ask *ask,
                                  const struct omc_claim *claim)
{
    struct omc_key_rules rules = mc->fleet.routing.keys;
    struct routed_key routed = {&rules, ask->key, ask->key_len};
    struct omc_server *own;

    rules.prefix_len = claim->prefix_len;
    if (rules.prefix_len > 0) { /* else there may be no key */
        memcpy(rules.prefix, ask->key, rules.prefix_len);
        routed.bytes += rules.prefix_len;
        routed.len -= rules.prefix_len;
    }
    rules.hash_prefix = claim->prefix_hashed;
    own = own_of(mc, &routed);
    return own == NULL || !mc->fleet.down[own->index] ? own : stand_in_of(mc, &routed);
}
