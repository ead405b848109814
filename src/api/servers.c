/*
 * Servers and how keys are distributed over them.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "base/clock.h"
#include "base/memory.h"
#include "client/choice.h"
#include "client/fleet.h"
#include "client/handle.h"
#include "client/members.h"
#include "omcache.h"
#include "proto/ask.h"
#include "route/hash.h"
#include "route/point.h"
#include "route/router.h"

_Static_assert((int)OMC_KEY_MAX == (int)OMC_ASK_KEY_MAX,
               "route and proto, which do not know each other, know the same keys");

/* Data that programs may copy into themselves, so their size and their contents
 * at load time are part of the ABI. */
omcache_dist_t omcache_dist_libmemcached_ketama = {
    .omcache_version = OMCACHE_VERSION,
    .points_per_server = OMC_POINT_COUNT,
    .entries_per_point = 1,
    .point_hash_func = omc_point_one_at_a_time,
    .key_hash_func = omc_hash_one_at_a_time,
};

omcache_dist_t omcache_dist_libmemcached_ketama_weighted = {
    .omcache_version = OMCACHE_VERSION,
    .points_per_server = OMC_POINT_MD5_COUNT,
    .entries_per_point = OMC_POINT_MD5_WORDS,
    .point_hash_func = omc_point_md5,
    .key_hash_func = omc_hash_md5,
};

omcache_dist_t omcache_dist_libmemcached_ketama_pre1010 = {
    .omcache_version = OMCACHE_VERSION,
    .points_per_server = OMC_POINT_MD5_COUNT,
    .entries_per_point = OMC_POINT_MD5_WORDS,
    .point_hash_func = omc_point_md5,
    .key_hash_func = omc_hash_one_at_a_time,
};

int omcache_set_servers(omcache_t *mc, const char *servers)
{
    if (!omc_call_is_allowed(mc) || servers == NULL)
        return OMCACHE_INVALID;
    omc_call_begin(mc);
    return omc_call_result(mc, omc_members_set(mc, servers), NULL);
}

int omcache_server_protocol(omcache_t *mc, int server_index)
{
    const struct omc_server *server =
        mc == NULL ? NULL : omc_fleet_server(&mc->fleet, server_index);

    if (server == NULL)
        return -1;
    return server->link.conn.codec == NULL ? OMCACHE_PROTOCOL_AUTO
                                           : server->link.conn.codec->protocol;
}

int omcache_set_dns_servers(omcache_t *mc, const char *servers)
{
    if (!omc_call_is_allowed(mc))
        return OMCACHE_INVALID;
    omc_call_begin(mc);
    return omc_call_result(mc, omc_members_set_dns_servers(mc, servers, omc_call_clock(mc)), NULL);
}

int omcache_set_distribution_method(omcache_t *mc, omcache_dist_t *method)
{
    struct omc_routing routing;

    if (!omc_call_is_allowed(mc) || method == NULL || method->points_per_server == 0 ||
        method->entries_per_point == 0 || method->point_hash_func == NULL ||
        method->key_hash_func == NULL)
        return OMCACHE_INVALID;
    routing = mc->fleet.routing;
    omc_routing_choose_classic(&routing, method);
    return omc_fleet_set_routing(&mc->fleet, &routing);
}

int omcache_set_distribution(omcache_t *mc, const char *distribution, const char *hash)
{
    const struct omc_distribution *chosen;
    omc_ketama_key_hash_func *hash_func = NULL;
    struct omc_routing routing;

    if (!omc_call_is_allowed(mc) || distribution == NULL)
        return OMCACHE_INVALID;
    chosen = omc_distribution_by_name(distribution);
    if (hash != NULL)
        hash_func = omc_hash_by_name(hash);
    if (chosen == NULL || (hash != NULL && hash_func == NULL))
        return OMCACHE_INVALID;
    routing = mc->fleet.routing;
    omc_routing_choose(&routing, chosen, hash_func);
    return omc_fleet_set_routing(&mc->fleet, &routing);
}

int omcache_set_key_prefix(omcache_t *mc, const void *prefix, size_t prefix_len, int hashed)
{
    struct omc_key_rules *keys;

    if (!omc_call_is_allowed(mc) || (prefix == NULL && prefix_len > 0) ||
        prefix_len >= OMC_ASK_KEY_MAX)
        return OMCACHE_INVALID;
    keys = &mc->fleet.routing.keys;
    if (prefix_len > 0)
        memcpy(keys->prefix, prefix, prefix_len);
    keys->prefix_len = prefix_len;
    keys->hash_prefix = hashed != 0;
    return OMCACHE_OK;
}

int omcache_set_hash_tag(omcache_t *mc, const char *tag)
{
    struct omc_key_rules *keys;

    if (!omc_call_is_allowed(mc) || (tag != NULL && strlen(tag) != sizeof(keys->tag)))
        return OMCACHE_INVALID;
    keys = &mc->fleet.routing.keys;
    keys->has_tag = tag != NULL;
    if (tag != NULL)
        memcpy(keys->tag, tag, sizeof(keys->tag));
    return OMCACHE_OK;
}

/* The server in place of one that is down.  Looking after that may end requests.  (In a child that
 * was forked since, none is down.) */
static int find_instead(omcache_t *mc, struct omc_server *own, const unsigned char *key,
                        size_t key_len)
{
    const struct omc_server *server;
    int index;

    omc_call_begin(mc);
    server = own->link.up ? own : omc_choice_instead(mc, own, key, key_len, omc_call_clock(mc));
    index = server == NULL ? -1 : (int)server->index;
    return omc_call_result(mc, OMCACHE_OK, NULL) == OMCACHE_OK ? index : -1;
}

/* Most servers are up: finding one takes no call's beginning and end, nor the time. */
int omcache_server_index_for_key(omcache_t *mc, const unsigned char *key, size_t key_len)
{
    struct omc_server *own;

    if (!omc_call_is_allowed(mc) || key == NULL || key_len == 0 || key_len > OMC_ASK_KEY_MAX)
        return -1;
    if (mc->fleet.count <= 1)
        return 0;
    own = omc_pick_own(mc, key, key_len);
    if (own == NULL)
        return -1;
    return own->link.up ? (int)own->index : find_instead(mc, own, key, key_len);
}

/* Like atoi, but defined for numbers of any size. */
static int port_number(const char *port)
{
    long number = strtol(port, NULL, 10);

    if (number > INT_MAX)
        return INT_MAX;
    return number < INT_MIN ? INT_MIN : (int)number;
}

omcache_server_info_t *omcache_server_info(omcache_t *mc, int server_index)
{
    const struct omc_server *server;
    omcache_server_info_t *info;
    size_t host_size;

    if (mc == NULL || (server = omc_fleet_server(&mc->fleet, server_index)) == NULL)
        return NULL;
    host_size = strlen(server->name.host) + 1;
    info = omc_memory_new(1, sizeof(*info) + host_size);
    if (info == NULL)
        return NULL;
    info->omcache_version = OMCACHE_VERSION;
    info->server_index = server_index;
    info->hostname = memcpy(info + 1, server->name.host, host_size);
    info->port = port_number(server->name.port);
    return info;
}

int omcache_server_info_free(omcache_t *mc, omcache_server_info_t *info)
{
    (void)mc;
    if (info == NULL)
        return OMCACHE_INVALID;
    omc_memory_free(info);
    return OMCACHE_OK;
}
