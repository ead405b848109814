/*
 * The router: built from a server list and a distribution, asked for keys.
 */
#ifndef OMC_ROUTE_ROUTER_H
#define OMC_ROUTE_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "route/distribution.h"
#include "route/hash.h"
#include "route/ring.h"
#include "route/routing.h"
#include "route/server_list.h"

struct omc_router {
    enum omc_selection selection;
    omc_ketama_key_hash_func *hash; /* for keys */
    struct omc_ring ring;
    uint32_t *by_order; /* indexes in the sorted list, in the order given */
    uint32_t count;     /* of servers */
};

/* Makes a router; false, and an empty one, without memory. */
bool omc_router_init(struct omc_router *router, const struct omc_routing *routing,
                     const struct omc_server_list *list);
void omc_router_fini(struct omc_router *router);

/* The server of a key: the one it belongs to, or the next that is not down; -1 if there
 * is none.  down has a byte for each server, not 0 if it is; NULL: none is.  *random is
 * the state of a generator. */
int omc_router_pick(const struct omc_router *router, const struct omc_key_rules *rules,
                    const unsigned char *key, size_t key_len, uint32_t *random,
                    const unsigned char *down);

/* Whether the servers that some keys belong to are found in less time together; and finds them. */
bool omc_router_picks_together(const struct omc_router *router, const struct omc_key_rules *rules);
void omc_router_pick_together(const struct omc_router *router,
                              const struct omc_hash_key keys[OMC_HASH_TOGETHER],
                              int servers[OMC_HASH_TOGETHER]);

#endif
