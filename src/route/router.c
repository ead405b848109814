/*
 * Building routers and choosing servers.
 */
#include "route/router.h"

#include "base/memory.h"
#include "base/random.h"
#include "route/hash.h"
#include "route/point.h"

static uint64_t total_weight(const struct omc_server_list *list)
{
    uint64_t total = 0;

    for (size_t i = 0; i < list->count; i++)
        total += list->names[i].weight;
    return total;
}

/* How many names of points a server has, and how many points each gives. */
static uint32_t count_names(const struct omc_routing *routing, const struct omc_server_list *list,
                            size_t server, uint64_t total)
{
    switch (routing->distribution.points) {
    case OMC_POINTS_WEIGHTED:
        return omc_point_share(list->names[server].weight, total, list->count);
    case OMC_POINTS_CUSTOM:
        return routing->custom->points_per_server;
    default:
        return OMC_POINT_COUNT;
    }
}

static uint32_t points_per_name(const struct omc_routing *routing)
{
    switch (routing->distribution.points) {
    case OMC_POINTS_WEIGHTED:
        return OMC_POINT_MD5_WORDS;
    case OMC_POINTS_CUSTOM:
        return routing->custom->entries_per_point;
    default:
        return 1;
    }
}

/* Adds points by hashing names ourselves. */
static bool add_points(struct omc_ring *ring, const struct omc_routing *routing,
                       const struct omc_server_name *server, uint32_t index, uint32_t names)
{
    omc_ketama_key_hash_func *hash =
        routing->distribution.points == OMC_POINTS_MD5 ? omc_hash_md5 : routing->hash;
    uint32_t words[OMC_POINT_MD5_WORDS];
    struct omc_point_name name;

    if (!omc_point_name_init(&name, server, routing->distribution.spy))
        return false;
    for (uint32_t number = 0; number < names; number++) {
        size_t len = omc_point_name_number(&name, number);

        if (routing->distribution.points != OMC_POINTS_WEIGHTED) {
            omc_ring_add(ring, hash((const unsigned char *)name.text, len), index);
            continue;
        }
        omc_point_md5_words(&name, len, words);
        for (unsigned i = 0; i < OMC_POINT_MD5_WORDS; i++)
            omc_ring_add(ring, words[i], index);
    }
    omc_point_name_fini(&name);
    return true;
}

/* Adds what the application's own function says.  It knows a label as the name of
 * a host on the default port, to which no port is added. */
static bool add_custom_points(struct omc_ring *ring, const omcache_dist_t *custom,
                              const struct omc_server_name *server, uint32_t index)
{
    const char *host = server->label == NULL ? server->host : server->label;
    const char *port = server->label == NULL ? server->port : OMC_SERVER_LIST_PORT;
    uint32_t *hashes = omc_memory_new(custom->entries_per_point, sizeof(*hashes));

    if (hashes == NULL)
        return false;
    for (uint32_t point = 0; point < custom->points_per_server; point++) {
        uint32_t entries = custom->point_hash_func(host, port, point, hashes);

        for (uint32_t i = 0; i < entries && i < custom->entries_per_point; i++)
            omc_ring_add(ring, hashes[i], index);
    }
    omc_memory_free(hashes);
    return true;
}

/* The room that all points need, or SIZE_MAX for more than there can be. */
static size_t count_points(const struct omc_routing *routing, const struct omc_server_list *list,
                           uint64_t total)
{
    uint64_t points = 0, each = points_per_name(routing);

    for (size_t i = 0; i < list->count; i++) {
        points += count_names(routing, list, i, total) * each;
        if (points > UINT32_MAX)
            return SIZE_MAX;
    }
    return (size_t)points;
}

/* Adds the points in the order in which the servers were given, which decides
 * between equal ones. */
static bool make_ring(struct omc_router *router, const struct omc_routing *routing,
                      const struct omc_server_list *list)
{
    uint64_t total = total_weight(list);
    size_t room = count_points(routing, list, total);

    if (room == SIZE_MAX || !omc_ring_init(&router->ring, room))
        return false;
    for (size_t order = 0; order < list->count; order++) {
        uint32_t index = router->by_order[order];
        const struct omc_server_name *server = &list->names[index];
        bool added = routing->distribution.points == OMC_POINTS_CUSTOM
                         ? add_custom_points(&router->ring, routing->custom, server, index)
                         : add_points(&router->ring, routing, server, index,
                                      count_names(routing, list, index, total));

        if (!added)
            return false;
    }
    return omc_ring_sort(&router->ring);
}

/* Makes what a router of servers needs. */
static bool make_parts(struct omc_router *router, const struct omc_routing *routing,
                       const struct omc_server_list *list)
{
    router->by_order = omc_memory_new(list->count, sizeof(*router->by_order));
    if (router->by_order == NULL)
        return false;
    for (size_t i = 0; i < list->count; i++)
        router->by_order[list->names[i].order] = (uint32_t)i;
    return router->selection != OMC_SELECT_RING || make_ring(router, routing, list);
}

bool omc_router_init(struct omc_router *router, const struct omc_routing *routing,
                     const struct omc_server_list *list)
{
    struct omc_routing current = *routing;

    if (routing->custom != NULL) /* it is the application's, and may have changed */
        omc_routing_choose_classic(&current, routing->custom);
    *router = (struct omc_router){
        .selection = current.distribution.selection,
        .hash = current.hash,
        .count = (uint32_t)list->count,
    };
    if (list->count == 0 || make_parts(router, &current, list))
        return true;
    omc_router_fini(router);
    return false;
}

void omc_router_fini(struct omc_router *router)
{
    omc_ring_fini(&router->ring);
    omc_memory_free(router->by_order);
    *router = (struct omc_router){.count = 0};
}

static bool is_up(const unsigned char *down, uint32_t server)
{
    return down == NULL || down[server] == 0;
}

/* Walks along the ring. */
static int pick_from_ring(const struct omc_ring *ring, uint32_t hash, const unsigned char *down)
{
    size_t place;

    if (ring->count == 0)
        return -1;
    place = omc_ring_find(ring, hash);
    for (size_t i = 0; i < ring->count; i++) {
        uint32_t server = ring->points[place].server;

        if (is_up(down, server))
            return (int)server;
        place = place + 1 == ring->count ? 0 : place + 1;
    }
    return -1;
}

/* Walks along the list as it was given. */
static int pick_from_list(const struct omc_router *router, uint32_t place,
                          const unsigned char *down)
{
    for (uint32_t i = 0; i < router->count; i++) {
        uint32_t server = router->by_order[(place + i) % router->count];

        if (is_up(down, server))
            return (int)server;
    }
    return -1;
}

static inline int pick_by_hash(const struct omc_router *router, uint32_t hash,
                               const unsigned char *down)
{
    if (router->selection == OMC_SELECT_RING)
        return pick_from_ring(&router->ring, hash, down);
    if (router->selection == OMC_SELECT_BUCKET)
        return pick_from_list(router, hash & (router->count - 1), down);
    return pick_from_list(router, hash % router->count, down);
}

int omc_router_pick(const struct omc_router *router, const struct omc_key_rules *rules,
                    const unsigned char *key, size_t key_len, uint32_t *random,
                    const unsigned char *down)
{
    if (router->count <= 1) /* nothing is hashed */
        return pick_from_list(router, 0, down);
    if (router->selection == OMC_SELECT_RANDOM)
        return pick_from_list(router, omc_random_next(random) % router->count, down);
    return pick_by_hash(router, omc_key_hash(rules, router->hash, key, key_len), down);
}

bool omc_router_picks_together(const struct omc_router *router, const struct omc_key_rules *rules)
{
    return router->count > 1 && router->selection != OMC_SELECT_RANDOM &&
           router->hash == omc_hash_one_at_a_time && !rules->has_tag && !rules->hash_prefix;
}

void omc_router_pick_together(const struct omc_router *router,
                              const struct omc_hash_key keys[OMC_HASH_TOGETHER],
                              int servers[OMC_HASH_TOGETHER])
{
    uint32_t hashes[OMC_HASH_TOGETHER];

    omc_hash_one_at_a_time_of_four(keys, hashes);
    for (size_t i = 0; i < OMC_HASH_TOGETHER; i++)
        servers[i] = pick_by_hash(router, hashes[i], NULL);
}
