/*
 * A client's servers: the list that is passed to OMcache, how keys are distributed over
 * it, and which servers have failed.  Part of omcache_libmemcached.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OMCACHE_LIBMEMCACHED_FLEET_H
#define OMCACHE_LIBMEMCACHED_FLEET_H

#include <omcache/libmemcached/error.h>
#include <string.h>

/* Returns a behavior.  Many of libmemcached's behaviors have no effect and can only be
 * read back. */
static inline uint64_t omc_lm_is(const memcached_st *ptr, memcached_behavior_t behavior)
{
    return ptr->behaviors[behavior];
}

/* Returns how long a call waits for servers, in milliseconds; -1: until they answer. */
static inline int32_t omc_lm_timeout(const memcached_st *ptr)
{
    int32_t timeout = (int32_t)ptr->behaviors[MEMCACHED_BEHAVIOR_POLL_TIMEOUT];

    return timeout == 0 ? 1 : timeout;
}

static inline bool omc_lm_has_ring(const memcached_st *ptr)
{
    uint64_t distribution = ptr->behaviors[MEMCACHED_BEHAVIOR_DISTRIBUTION];

    return distribution != MEMCACHED_DISTRIBUTION_MODULA &&
           distribution != MEMCACHED_DISTRIBUTION_RANDOM &&
           distribution != MEMCACHED_DISTRIBUTION_VIRTUAL_BUCKET;
}

/*
 * The list.
 */

/* Writes one entry of OMcache's list, "host:port/?weight,".  libmemcached's rings know
 * an address in brackets by its text with the brackets, so such an entry also has a
 * label. */
static inline int omc_lm_write_entry(const memcached_st *ptr, const memcached_instance_st *server,
                                     char *to, size_t size)
{
    const char *host = server->hostname;
    bool spy = ptr->behaviors[MEMCACHED_BEHAVIOR_DISTRIBUTION] ==
               MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA_SPY;
    unsigned port = server->port;

    if (server->type == MEMCACHED_CONNECTION_UNIX_SOCKET)
        return snprintf(to, size, "%s/?%" PRIu32 ",", host, server->weight);
    if (host[0] != '[' && strchr(host, ':') != NULL)
        return snprintf(to, size, "[%s]:%u/?%" PRIu32 ",", host, port, server->weight);
    if (host[0] != '[')
        return snprintf(to, size, "%s:%u/?%" PRIu32 ",", host, port, server->weight);
    if (port == MEMCACHED_DEFAULT_PORT && !spy)
        return snprintf(to, size, "%s=%s:%u/?%" PRIu32 ",", host, host, port, server->weight);
    return snprintf(to, size, "%s:%u=%s:%u/?%" PRIu32 ",", host, port, host, port, server->weight);
}

/* Passes all servers to OMcache, except those with the name of `without`, if that is not
 * NULL. */
static inline int omc_lm_send_list(memcached_st *ptr, const memcached_instance_st *without)
{
    size_t room = 1, used = 0;
    char *list;
    int rc;
    uint32_t i;

    for (i = 0; i < ptr->server_count; i++)
        room += 2 * strlen(ptr->servers[i].hostname) + 40;
    list = (char *)malloc(room);
    if (list == NULL)
        return OMCACHE_NO_MEMORY;
    list[0] = '\0';
    for (i = 0; i < ptr->server_count; i++) {
        const memcached_instance_st *server = &ptr->servers[i];

        if (without == NULL || server->port != without->port ||
            strcmp(server->hostname, without->hostname) != 0)
            used += (size_t)omc_lm_write_entry(ptr, server, list + used, room - used);
    }
    rc = omcache_set_servers(ptr->mc, list);
    free(list);
    return rc;
}

/* Whether a description from OMcache is that of this server. */
static inline bool omc_lm_is_named(const memcached_instance_st *server,
                                   const omcache_server_info_t *info)
{
    const char *host = server->hostname;
    size_t len = strlen(host);

    if (host[0] == '[' && len > 2) {
        host++;
        len -= 2;
    }
    return info->port == server->port && strlen(info->hostname) == len &&
           memcmp(info->hostname, host, len) == 0;
}

/* Finds out which index OMcache has given each server.  OMcache sorts its servers; those
 * of the same name stay in their order. */
static inline void omc_lm_learn_indexes(memcached_st *ptr)
{
    omcache_server_info_t *info;
    uint32_t i;
    int index;

    for (i = 0; i < ptr->server_count; i++) {
        ptr->servers[i].index = -1;
        ptr->by_index[i] = NULL;
    }
    for (index = 0; (info = omcache_server_info(ptr->mc, index)) != NULL; index++) {
        for (i = 0; i < ptr->server_count; i++) {
            if (ptr->servers[i].index == -1 && omc_lm_is_named(&ptr->servers[i], info)) {
                ptr->servers[i].index = index;
                ptr->by_index[index] = &ptr->servers[i];
                break;
            }
        }
        omcache_server_info_free(ptr->mc, info);
    }
}

static inline memcached_instance_st *omc_lm_server(const memcached_st *ptr, int index)
{
    return index < 0 || (uint32_t)index >= ptr->server_count ? NULL : ptr->by_index[index];
}

/*
 * The distribution.
 */

static inline const char *omc_lm_hash_name(uint64_t hash)
{
    static const char *const names[] = {"one-at-a-time", "md5",     "crc",      "fnv1_64",
                                        "fnv1a_64",      "fnv1_32", "fnv1a_32", "hsieh",
                                        "murmur",        "jenkins", "murmur3"};

    return hash < sizeof(names) / sizeof(names[0]) ? names[hash] : NULL;
}

static inline const char *omc_lm_distribution_name(const memcached_st *ptr)
{
    switch ((int)ptr->behaviors[MEMCACHED_BEHAVIOR_DISTRIBUTION]) {
    case MEMCACHED_DISTRIBUTION_MODULA:
        return "modula";
    case MEMCACHED_DISTRIBUTION_RANDOM:
        return "random";
    case MEMCACHED_DISTRIBUTION_VIRTUAL_BUCKET:
        return "virtual-bucket";
    case MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA_SPY:
        return ptr->weighted ? "ketama-spy-weighted" : "ketama-spy";
    default:
        return ptr->weighted ? "ketama-weighted" : "ketama";
    }
}

/* Tells OMcache how keys are distributed.  A hash that is set after servers were added
 * applies to keys only, until the ring is rebuilt.  For that OMcache supports md5 only. */
static inline int omc_lm_choose_routing(memcached_st *ptr)
{
    uint64_t hash = ptr->behaviors[MEMCACHED_BEHAVIOR_HASH];

    if (!omc_lm_has_ring(ptr) || ptr->weighted || hash == ptr->ring_hash)
        return omcache_set_distribution(ptr->mc, omc_lm_distribution_name(ptr),
                                        omc_lm_hash_name(hash));
    if (ptr->ring_hash != MEMCACHED_HASH_DEFAULT || hash != MEMCACHED_HASH_MD5 ||
        ptr->behaviors[MEMCACHED_BEHAVIOR_DISTRIBUTION] ==
            MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA_SPY)
        return OMCACHE_INVALID;
    ptr->mixed_ring = omcache_dist_libmemcached_ketama;
    ptr->mixed_ring.key_hash_func = omcache_dist_libmemcached_ketama_weighted.key_hash_func;
    return omcache_set_distribution_method(ptr->mc, &ptr->mixed_ring);
}

static inline int omc_lm_compare_servers(const void *left, const void *right)
{
    const memcached_instance_st *a = (const memcached_instance_st *)left;
    const memcached_instance_st *b = (const memcached_instance_st *)right;
    int by_name = strcmp(a->hostname, b->hostname);

    return by_name != 0 ? by_name : (a->port > b->port) - (a->port < b->port);
}

/* Rebuilds the list and the ring, as libmemcached does when servers or the distribution
 * change. */
static inline memcached_return_t omc_lm_rebuild(memcached_st *ptr)
{
    int rc;

    if (ptr->behaviors[MEMCACHED_BEHAVIOR_SORT_HOSTS] != 0 && ptr->server_count > 1)
        qsort(ptr->servers, ptr->server_count, sizeof(*ptr->servers), omc_lm_compare_servers);
    ptr->ring_hash = ptr->behaviors[MEMCACHED_BEHAVIOR_HASH];
    rc = omc_lm_choose_routing(ptr);
    if (rc == OMCACHE_OK)
        rc = omc_lm_send_list(ptr, NULL);
    if (rc == OMCACHE_NO_MEMORY)
        return MEMCACHED_MEMORY_ALLOCATION_FAILURE;
    if (rc != OMCACHE_OK)
        return MEMCACHED_INVALID_ARGUMENTS;
    omc_lm_learn_indexes(ptr);
    return MEMCACHED_SUCCESS;
}

/*
 * Failures.  OMcache alone would retry servers by its own schedule.  Here a failed
 * server is left alone for RETRY_TIMEOUT seconds.  The first call after that retries it,
 * and waits.
 */

/* Closes the connection to a server, and makes OMcache forget what it knows of the
 * server. */
static inline void omc_lm_renew(memcached_st *ptr, const memcached_instance_st *server)
{
    omc_lm_send_list(ptr, server);
    omc_lm_send_list(ptr, NULL);
}

/* Closes all connections. */
static inline void omc_lm_renew_all(memcached_st *ptr)
{
    uint32_t i;

    omcache_set_servers(ptr->mc, "");
    omc_lm_send_list(ptr, NULL);
    for (i = 0; i < ptr->server_count; i++)
        ptr->servers[i].next_retry = 0;
}

/* Forgets the versions that memcached_version has learned: they do not hold for other
 * connections. */
static inline void omc_lm_forget_versions(memcached_st *ptr)
{
    memcached_instance_st *server;

    for (server = ptr->servers; server < ptr->servers + ptr->server_count; server++)
        server->major_version = server->minor_version = server->micro_version = UINT8_MAX;
}

/* Notes that a server has failed.  Returns the code for that. */
static inline memcached_return_t omc_lm_note_failure(memcached_st *ptr,
                                                     memcached_instance_st *server)
{
    bool again = server->next_retry != 0;
    omcache_server_stats_t stats;

    stats.struct_size = sizeof(stats);
    stats.last_failure = OMCACHE_FAILURE_NONE;
    omcache_server_stats(ptr->mc, server->index, &stats);
    server->next_retry = time(NULL) + (time_t)ptr->behaviors[MEMCACHED_BEHAVIOR_RETRY_TIMEOUT];
    omc_lm_renew(ptr, server);
    if (again)
        return MEMCACHED_SERVER_TEMPORARILY_DISABLED;
    return stats.last_failure == OMCACHE_FAILURE_NAME ? MEMCACHED_HOST_LOOKUP_FAILURE
                                                      : MEMCACHED_CONNECTION_FAILURE;
}

/* Finds the servers that have failed while no call was waiting for them.  Returns the
 * code of the first one. */
static inline memcached_return_t omc_lm_look_for_failures(memcached_st *ptr)
{
    memcached_return_t rc = MEMCACHED_SUCCESS, one;
    omcache_server_stats_t stats;
    uint32_t i;

    ptr->is_doubtful = false;
    for (i = 0; i < ptr->server_count; i++) {
        stats.struct_size = sizeof(stats);
        if (omcache_server_stats(ptr->mc, ptr->servers[i].index, &stats) != OMCACHE_OK ||
            stats.state != OMCACHE_SERVER_DOWN)
            continue;
        one = omc_lm_note_failure(ptr, &ptr->servers[i]);
        if (rc == MEMCACHED_SUCCESS)
            rc = one;
    }
    return rc;
}

/* Whether OMcache sends the keys of a failed server to the next one. */
static inline bool omc_lm_has_failover(const memcached_st *ptr)
{
    return ptr->behaviors[MEMCACHED_BEHAVIOR_AUTO_EJECT_HOSTS] != 0 && omc_lm_has_ring(ptr);
}

/* Whether a server may be asked now. */
static inline memcached_return_t omc_lm_check(const memcached_instance_st *server)
{
    if (server->next_retry != 0 && time(NULL) <= server->next_retry)
        return MEMCACHED_SERVER_TEMPORARILY_DISABLED;
    return MEMCACHED_SUCCESS;
}

/* Returns the server of a key. */
static inline memcached_instance_st *omc_lm_pick(memcached_st *ptr, const char *key,
                                                 size_t key_length)
{
    if (ptr->is_doubtful && !omc_lm_has_failover(ptr))
        omc_lm_look_for_failures(ptr);
    return omc_lm_server(
        ptr, omcache_server_index_for_key(ptr->mc, (const unsigned char *)key, key_length));
}

#endif
